//! A memory map: slices without copies, for those who choose it.

use std::fs;
use std::path::Path;

use memmap2::Mmap;

use super::Source;
use crate::base::error::{ReadError, Result};

/// A file mapped into memory, read-only.
///
/// Gives [slices](Source::slice) without copies. The price is the operating system's: if the file
/// shrinks or the medium fails while it is mapped, the process gets a signal instead of an error.
/// For evidence on failing media use [`open`](super::open).
#[derive(Debug)]
pub struct Mapped {
    map: Mmap,
}

impl Mapped {
    /// Maps the whole file.
    ///
    /// # Errors
    /// When it cannot be opened for reading or mapped.
    #[allow(unsafe_code)]
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let file = fs::File::open(path)?;
        // SAFETY: the map is read-only and lives as long as its owner. That nobody else changes or
        // truncates the file meanwhile is the caller's promise, as the type's documentation says.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self { map })
    }
}

impl Source for Mapped {
    fn size(&self) -> u64 {
        self.map.as_ref().size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.map.as_ref().read_at(offset, buffer)
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.map.as_ref().slice(offset, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_gives_slices() {
        let map = Mapped::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        assert_eq!(map.slice(0, 9), Some(&b"[package]"[..]));
        let mut buffer = [0; 4];
        assert_eq!(map.read_at(1, &mut buffer).unwrap(), 4);
        assert_eq!(&buffer, b"pack");
    }
}
