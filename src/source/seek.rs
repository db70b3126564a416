//! Whatever can be read and sought, as a source.

use std::fmt;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use super::Source;
use crate::base::damage::wide;
use crate::base::error::{ReadError, Result};

/// Anything that is [`Read`] and [`Seek`], behind a lock: one read at a time.
///
/// ```
/// use ntfs_salvage::source::{Seekable, Source};
///
/// let source = Seekable::new(std::io::Cursor::new(vec![1, 2, 3, 4]))?;
/// let mut buffer = [0; 2];
/// source.read_at(2, &mut buffer)?;
/// assert_eq!(buffer, [3, 4]);
/// # Ok::<(), ntfs_salvage::Error>(())
/// ```
pub struct Seekable<R> {
    reader: Mutex<R>,
    size: u64,
}

impl<R: Read + Seek> Seekable<R> {
    /// Takes the reader, and seeks to its end for its size.
    ///
    /// # Errors
    /// When it cannot seek there.
    pub fn new(mut reader: R) -> Result<Self> {
        let size = reader.seek(SeekFrom::End(0))?;
        Ok(Self { reader: Mutex::new(reader), size })
    }

    /// Gives the reader back, wherever it was read last.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.reader.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Read + Seek + Send> Source for Seekable<R> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        if offset >= self.size {
            return Ok(0);
        }
        let failed = |error| ReadError::new(offset, wide(buffer.len()), error);
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let mut done = 0_usize;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match reader.read(rest) {
                Ok(0) => break,
                Ok(count) => done = done.saturating_add(count),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::new(offset, wide(buffer.len()), error)),
            }
        }
        Ok(done)
    }
}

impl<R> fmt::Debug for Seekable<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seekable").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor};
    use std::sync::Arc;

    use super::*;

    #[test]
    fn reads_end_where_the_reader_does() {
        let source = Arc::new(Seekable::new(Cursor::new(vec![1, 2, 3, 4])).unwrap());
        let mut buffer = [9; 3];
        assert_eq!(source.read_at(2, &mut buffer).unwrap(), 2);
        assert_eq!(buffer, [3, 4, 9]);
        assert_eq!((source.read_at(u64::MAX, &mut buffer).unwrap(), source.size()), (0, 4));
        assert_eq!(source.read_readable(3, &mut buffer), vec![4..6]);
    }

    #[test]
    fn interrupted_reads_go_on_and_failing_ones_say_where() {
        struct Trying(u32);
        impl Read for Trying {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => Err(io::ErrorKind::Interrupted.into()),
                    2 => Ok(buffer.len().min(1)),
                    _ => Err(io::ErrorKind::BrokenPipe.into()),
                }
            }
        }
        impl Seek for Trying {
            fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
                Ok(if let SeekFrom::Start(at) = to { at } else { 100 })
            }
        }
        let source = Seekable::new(Trying(0)).unwrap();
        assert_eq!(source.read_at(5, &mut [0]).unwrap(), 1);
        let error = source.read_at(5, &mut [0; 4]).unwrap_err();
        assert_eq!((error.offset, error.length), (5, 4));
    }
}
