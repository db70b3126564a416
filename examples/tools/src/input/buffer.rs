//! A buffer to read into.

use ntfs_salvage::source::PageBuffer;

/// Room for a piece of a stream.
pub struct Buffer(PageBuffer);

impl Default for Buffer {
    fn default() -> Self {
        Self(PageBuffer::new(Self::SIZE))
    }
}

impl Buffer {
    /// Bytes of a buffer.
    pub const SIZE: usize = 1 << 20;

    /// The first `length` bytes, at most all.
    pub fn first(&mut self, length: usize) -> &mut [u8] {
        &mut self.0.bytes()[..length.min(Self::SIZE)]
    }
}
