//! A file or device, read by position.

use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use super::Source;
use crate::base::error::{ReadError, Result};

/// A file or block device, opened read-only and read by position.
///
/// Unlike a mapping it survives a file that shrinks and sectors that cannot be read: both are
/// errors of a range, never signals.
#[derive(Debug)]
pub struct File {
    file: fs::File,
    size: u64,
}

/// Opens a file or device as a source.
///
/// # Errors
/// When it cannot be opened for reading, or is a directory.
pub fn open(path: impl AsRef<Path>) -> Result<File> {
    Ok(File::new(fs::File::open(path)?)?)
}

impl File {
    /// Uses a file that is already open; its size is taken now.
    ///
    /// # Errors
    /// When the size cannot be found, or it is a directory.
    pub fn new(mut file: fs::File) -> io::Result<Self> {
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        // The length in the metadata of a block device is 0; the end of it can be sought.
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, size })
    }

    #[cfg(unix)]
    fn read_once(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_once(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)
    }
}

impl Source for File {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        if offset >= self.size {
            return Ok(0);
        }
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let position = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            let length = u64::try_from(rest.len()).unwrap_or(u64::MAX);
            match self.read_once(position, rest) {
                Ok(0) => break,
                Ok(count) => done = done.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError { offset: position, length, error }),
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_by_position() {
        let file = open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        let mut buffer = [0; 9];
        assert_eq!(file.read_at(0, &mut buffer).unwrap(), 9);
        assert_eq!(&buffer, b"[package]");
        assert_eq!(file.read_at(file.size() - 2, &mut buffer).unwrap(), 2);
        assert_eq!(file.read_at(u64::MAX >> 1, &mut buffer).unwrap(), 0);
        assert!(file.slice(0, 1).is_none());
    }

    #[test]
    fn directories_and_missing_files_are_refused() {
        assert!(open(env!("CARGO_MANIFEST_DIR")).is_err());
        assert!(open("/no/such/image").is_err());
    }
}
