//! Where bytes come from. A source is only ever read: nothing in this crate can write to one.

use std::ops::Range;
use std::sync::Arc;

use crate::base::error::ReadError;
use halving::{Halving, SECTOR_SIZE};
use range_set::RangeSet;

pub mod buffer;
pub mod container_format;
pub mod damage_map;
pub mod file;
pub(crate) mod halving;
pub(crate) mod held;
pub mod ledger;
pub mod mapped;
pub mod pieces;
pub(crate) mod range_set;
pub mod rescued_only;
pub mod seek;
pub mod window;

pub use buffer::PageBuffer;
pub use container_format::ContainerFormat;
pub use damage_map::DamageMap;
pub use file::{FileSource, open};
pub use held::SharedSource;
pub use ledger::Ledger;
pub use mapped::Mapped;
pub use pieces::{Part, Pieces};
pub use rescued_only::RescuedOnly;
pub use seek::Seekable;
pub use window::Window;

/// Bytes that can be read at any position: an image, a device, memory, or a part of one.
pub trait Source: Sync {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on, and returns how many there were: fewer than
    /// the buffer holds only where the source ends.
    ///
    /// # Errors
    /// When part of the range cannot be read. What the buffer holds then is not to be used.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError>;

    /// Fills `buffer` with what can be read from `offset` on, and returns the ranges of the source that
    /// cannot be read or lie behind its end, in order and merged. Their bytes are zero in the buffer:
    /// missing, not zero.
    ///
    /// A failing read is halved until single [units](Self::read_unit) fail. A [`Ledger`] remembers them.
    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        if self.is_gone() {
            return halving::nothing(offset, buffer);
        }
        let whole = self.read_at(offset, buffer);
        match whole {
            Ok(count) if count == buffer.len() => Vec::new(),
            _ => Halving::new(self, self.read_unit()).read(offset, buffer, &mut RangeSet::default(), whole.is_err()),
        }
    }

    /// The parts of `range` that are known to be missing before anybody reads them, in order: what a map or a container
    /// says of itself. What a read finds out is not among them.
    fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let _ = range;
        Vec::new()
    }

    /// Bytes that can be read or cannot be read together, from position 0 on: a sector of a disk, a chunk of a store.
    /// Less is never asked for alone. 512 unless the source knows better; it does not change.
    fn read_unit(&self) -> u64 {
        SECTOR_SIZE
    }

    /// True once nothing of the source will ever be read again: the disk was pulled out, the server went away. All of
    /// it is missing from then on, and nobody asks for it any more: neither by halves nor for what comes next.
    fn is_gone(&self) -> bool {
        false
    }

    /// Where byte `offset` lies in what the source was put together from; the same place, where it was not.
    fn origin_of(&self, offset: u64) -> u64 {
        offset
    }

    /// True where all bytes of a range are known to be zero without being read: in a hole of a sparse file, or where a
    /// virtual disk has no block. False says nothing.
    fn is_hole(&self, range: Range<u64>) -> bool {
        let _ = range;
        false
    }

    /// The same bytes without a copy, where the source is memory and has all of them.
    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let _ = (offset, length);
        None
    }
}

/// What holds a source is one: every question goes to what it holds.
macro_rules! forward {
    ($(($($bounds:tt)*) $holder:ty),*) => {$(
        impl<S: Source + $($bounds)*> Source for $holder {
            fn size(&self) -> u64 {
                (**self).size()
            }

            fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
                (**self).read_at(offset, buffer)
            }

            fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
                (**self).read_readable(offset, buffer)
            }

            fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
                (**self).known_missing(range)
            }

            fn read_unit(&self) -> u64 {
                (**self).read_unit()
            }

            fn is_gone(&self) -> bool {
                (**self).is_gone()
            }

            fn origin_of(&self, offset: u64) -> u64 {
                (**self).origin_of(offset)
            }

            fn is_hole(&self, range: Range<u64>) -> bool {
                (**self).is_hole(range)
            }

            fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
                (**self).slice(offset, length)
            }
        }
    )*};
}

forward!((?Sized) &S, (Send + ?Sized) Box<S>, (Send + ?Sized) Arc<S>);

impl Source for [u8] {
    fn size(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let rest = usize::try_from(offset).ok().and_then(|start| self.get(start..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.get(start..start.checked_add(length)?)
    }
}

impl Source for Vec<u8> {
    fn size(&self) -> u64 {
        self.as_slice().size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.as_slice().read_at(offset, buffer)
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.as_slice().slice(offset, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source whose bytes come from farther on in another.
    struct Behind;

    impl Source for Behind {
        fn size(&self) -> u64 {
            1
        }

        fn read_at(&self, _: u64, _: &mut [u8]) -> Result<usize, ReadError> {
            Ok(0)
        }

        fn origin_of(&self, offset: u64) -> u64 {
            offset.saturating_add(77)
        }

        fn is_hole(&self, range: Range<u64>) -> bool {
            range.start > 5
        }
    }

    #[test]
    fn what_holds_a_source_says_where_its_bytes_come_from() {
        let (boxed, shared): (Box<dyn Source + Send>, Arc<dyn Source + Send>) = (Box::new(Behind), Arc::new(Behind));
        let borrowed: &dyn Source = &&Behind;
        assert_eq!([borrowed.origin_of(1), boxed.origin_of(1), shared.origin_of(1)], [78; 3]);
        assert_eq!([borrowed.is_hole(6..7), boxed.is_hole(6..7), shared.is_hole(6..7)], [true; 3]);
        let window = Window::new(&Behind, 0, 1);
        assert!(!window.is_hole(0..1) && !window.is_hole(6..7), "nothing is known behind a window's end");
    }

    #[test]
    fn memory_is_a_source() {
        let bytes = vec![1, 2, 3, 4];
        let source: &dyn Source = &bytes;
        let mut buffer = [9; 3];
        assert_eq!(source.read_at(2, &mut buffer).unwrap(), 2);
        assert_eq!(buffer, [3, 4, 9]);
        assert_eq!(source.read_at(u64::MAX, &mut buffer).unwrap(), 0);
        assert_eq!(source.slice(1, 3), Some(&[2, 3, 4][..]));
        assert_eq!(source.slice(1, 4), None);
        assert_eq!(source.size(), 4);
    }
}
