//! A buffer to read into.

/// Bytes that start at a page: the kernel copies into those much faster.
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// Bytes of a buffer.
    pub const SIZE: usize = 1 << 20;
    const PAGE: usize = 4096;

    pub fn new() -> Self {
        let bytes = vec![0; Self::SIZE + Self::PAGE];
        let start = bytes.as_ptr().align_offset(Self::PAGE).min(Self::PAGE);
        Self { bytes, start }
    }

    /// The first `length` bytes, at most all.
    pub fn first(&mut self, length: usize) -> &mut [u8] {
        &mut self.bytes[self.start..][..length.min(Self::SIZE)]
    }
}
