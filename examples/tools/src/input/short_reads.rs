//! What the opening of an input asks for again and again, each time at another end of the disk.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use ntfs_salvage::ReadError;
use ntfs_salvage::source::Source;

/// A source the first short reads of which are kept: whoever asks for the boot sector and its copy for the tenth time
/// moves no head of a disk.
pub struct ShortReads<'s> {
    source: &'s dyn Source,
    kept: Mutex<Kept>,
}

/// Bytes by their place and length.
type Kept = HashMap<(u64, usize), Box<[u8]>>;

/// The longest read that is kept, and how many are.
const LONGEST: usize = 4096;
const MOST: usize = 256;

impl<'s> ShortReads<'s> {
    pub fn new(source: &'s dyn Source) -> Self {
        Self { source, kept: Mutex::default() }
    }

    fn is_kept(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(&(offset, buffer.len()));
        found.map(|bytes| buffer.copy_from_slice(bytes)).is_some()
    }

    /// Only what was read as a whole is kept: what is missing is the account of others.
    fn keep(&self, offset: u64, buffer: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            kept.insert((offset, buffer.len()), buffer.into());
        }
    }
}

impl Source for ShortReads<'_> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        if buffer.len() > LONGEST {
            return self.source.read_at(offset, buffer);
        }
        if self.is_kept(offset, buffer) {
            return Ok(buffer.len());
        }
        let count = self.source.read_at(offset, buffer)?;
        if count == buffer.len() {
            self.keep(offset, buffer);
        }
        Ok(count)
    }

    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        if buffer.len() > LONGEST {
            return self.source.read_readable(offset, buffer);
        }
        if self.is_kept(offset, buffer) {
            return Vec::new();
        }
        let missing = self.source.read_readable(offset, buffer);
        if missing.is_empty() {
            self.keep(offset, buffer);
        }
        missing
    }

    fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        self.source.known_missing(range)
    }

    fn read_unit(&self) -> u64 {
        self.source.read_unit()
    }

    fn is_gone(&self) -> bool {
        self.source.is_gone()
    }

    fn origin_of(&self, offset: u64) -> u64 {
        self.source.origin_of(offset)
    }

    fn is_hole(&self, range: Range<u64>) -> bool {
        self.source.is_hole(range)
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.source.slice(offset, length)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Bytes that count how often they are asked for; the second KiB cannot be read.
    struct Counting(AtomicUsize);

    impl Source for Counting {
        fn size(&self) -> u64 {
            1 << 20
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            if offset < 2048 && offset + buffer.len() as u64 > 1024 {
                return Err(ReadError::new(offset, 1, std::io::Error::other("bad sector")));
            }
            let length = buffer.len().min(usize::try_from((1 << 20) - offset).unwrap_or(0));
            (offset..).zip(&mut buffer[..length]).for_each(|(at, byte)| *byte = (at / 512) as u8);
            Ok(length)
        }
    }

    #[test]
    fn what_was_read_short_and_whole_is_asked_for_once() {
        let source = Counting(AtomicUsize::new(0));
        let short = ShortReads::new(&source);
        let asked = |offset: u64, length: usize| {
            let before = source.0.load(Ordering::Relaxed);
            for _ in 0..3 {
                let mut bytes = vec![0; length];
                let count = short.read_at(offset, &mut bytes).unwrap_or(0);
                assert!(bytes[..count].iter().zip(offset..).all(|(&byte, at)| byte == (at / 512) as u8));
                let mut again = vec![9; length];
                let missing = short.read_readable(offset, &mut again);
                assert!(count == 0 || count < length || (missing.is_empty() && again == bytes));
            }
            source.0.load(Ordering::Relaxed) - before
        };
        assert_eq!((asked(0, 512), asked(0, 512), asked(512 << 10, 4096)), (1, 0, 1));
        assert!(asked(1024, 512) >= 6, "what cannot be read is never kept");
        assert!(asked((1 << 20) - 100, 512) >= 6, "nor what ends with the source");
        assert_eq!(asked(512 << 10, 8192), 6, "long reads go through");
        for place in 8..600 {
            asked(place * 512, 512);
        }
        assert_eq!(asked(599 * 512, 512), 6, "there is an end to what is kept");
    }
}
