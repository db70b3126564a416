//! What tells the input from others.

use ntfs_salvage::source::Source;
use sha2::{Digest, Sha256};

/// What tells the input from others.
pub struct Identity {
    pub size: u64,
    /// Of the first and the last MiB; nothing where they cannot be read.
    pub first: Option<[u8; 32]>,
    pub last: Option<[u8; 32]>,
    /// Of everything, if that was asked for.
    pub whole: Option<[u8; 32]>,
}

impl Identity {
    const PART: u64 = 1 << 20;

    pub fn of(source: &dyn Source, whole: bool) -> Self {
        let size = source.size();
        let first = hash(source, 0, Self::PART.min(size));
        let last = hash(source, size.saturating_sub(Self::PART), size);
        Self { size, first, last, whole: whole.then(|| hash(source, 0, size)).flatten() }
    }
}

fn hash(source: &dyn Source, start: u64, end: u64) -> Option<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut buffer = crate::input::buffer::Buffer::default();
    let mut position = start;
    while position < end {
        let length = usize::try_from(end - position).unwrap_or(usize::MAX);
        let part = buffer.first(length);
        let count = source.read_at(position, part).ok().filter(|&count| count > 0)?;
        hash.update(&part[..count]);
        position += count as u64;
    }
    Some(hash.finalize().into())
}
