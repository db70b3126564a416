//! Where bytes come from. A source is only ever read: nothing in this crate can write to one.
//!
//! Files, devices, memory and whatever is [`Read`](std::io::Read) and [`Seek`](std::io::Seek) ([`Seekable`]) are
//! sources; evidence files and virtual disks are, too ([`container`](crate::container)). To write one of your own takes
//! two functions. One that keeps its bytes in chunks says so, so that no part of a chunk is asked for when a whole one
//! cannot be read:
//!
//! ```
//! use std::collections::BTreeMap;
//! use ntfs_salvage::ReadError;
//! use ntfs_salvage::source::Source;
//!
//! /// Chunks of 64 KiB by their numbers; those that are not there were never acquired.
//! struct Chunked {
//!     size: u64,
//!     chunks: BTreeMap<u64, Vec<u8>>,
//! }
//!
//! const CHUNK: u64 = 64 << 10;
//!
//! impl Source for Chunked {
//!     fn size(&self) -> u64 {
//!         self.size
//!     }
//!
//!     fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
//!         let mut done = 0;
//!         while done < buffer.len() && offset + (done as u64) < self.size {
//!             let position = offset + done as u64;
//!             let Some(chunk) = self.chunks.get(&(position / CHUNK)) else {
//!                 let length = (buffer.len() - done) as u64;
//!                 return Err(ReadError::new(position, length, std::io::Error::other("never acquired")));
//!             };
//!             let rest = &chunk[(position % CHUNK) as usize..];
//!             let length = rest.len().min(buffer.len() - done);
//!             buffer[done..done + length].copy_from_slice(&rest[..length]);
//!             done += length;
//!         }
//!         Ok(done)
//!     }
//!
//!     fn read_unit(&self) -> u64 {
//!         CHUNK
//!     }
//! }
//!
//! let source = Chunked { size: 3 * CHUNK, chunks: BTreeMap::from([(0, vec![1; 65_536]), (2, vec![3; 65_536])]) };
//! let mut buffer = vec![9; 3 << 16];
//! let missing = source.read_readable(0, &mut buffer);
//! assert_eq!(missing, vec![CHUNK..2 * CHUNK]);
//! ```
//!
//! One behind a network asks for ranges, and says when there is no more to be had, so that nobody waits for each of a
//! million sectors to fail:
//!
//! ```
//! use std::io;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use ntfs_salvage::ReadError;
//! use ntfs_salvage::source::Source;
//!
//! /// A file on a server, which `fetch` gets a range of: `GET` with `Range: bytes=start-end`, for instance.
//! struct Remote<F> {
//!     size: u64,
//!     fetch: F,
//!     is_gone: AtomicBool,
//! }
//!
//! impl<F: Fn(u64, &mut [u8]) -> io::Result<()> + Sync> Source for Remote<F> {
//!     fn size(&self) -> u64 {
//!         self.size
//!     }
//!
//!     fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
//!         let length = buffer.len().min(self.size.saturating_sub(offset) as usize);
//!         (self.fetch)(offset, &mut buffer[..length]).map_err(|error| {
//!             self.is_gone.store(error.kind() == io::ErrorKind::ConnectionRefused, Ordering::Relaxed);
//!             ReadError::new(offset, length as u64, error)
//!         })?;
//!         Ok(length)
//!     }
//!
//!     fn is_gone(&self) -> bool {
//!         self.is_gone.load(Ordering::Relaxed)
//!     }
//! }
//!
//! let fetch = |_, _: &mut [u8]| Err(io::Error::from(io::ErrorKind::ConnectionRefused));
//! let source = Remote { size: 1 << 40, fetch, is_gone: AtomicBool::new(false) };
//! assert_eq!(source.read_readable(0, &mut [0; 4096]), vec![0..4096]);
//! assert!(source.is_gone(), "and was asked once");
//! ```

use std::ops::Range;
use std::sync::Arc;

use crate::base::error::ReadError;
use halving::{Halving, SECTOR_SIZE};
use range_set::RangeSet;

pub(crate) mod buffer;
pub(crate) mod container_format;
pub(crate) mod damage_map;
pub(crate) mod file;
pub(crate) mod halving;
pub(crate) mod held;
mod held_source;
pub(crate) mod ledger;
pub(crate) mod log_pages;
pub(crate) mod mapped;
pub(crate) mod pieces;
pub(crate) mod range_set;
pub(crate) mod rescued_only;
pub(crate) mod seek;
pub(crate) mod window;

pub use buffer::PageBuffer;
pub use container_format::ContainerFormat;
pub use damage_map::{Block, DamageMap, Progress as MapProgress, Status};
pub use file::{FileSource, open};
pub use held_source::SharedSource;
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
