//! Pieces of scattered streams that wait until the sweep has come by all of them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::recover::order::fetched::Piece;

/// A piece that waits: in memory, or in a file that has no name.
#[derive(Debug)]
pub enum Waiting {
    Here(Piece),
    Stored { place: u64, offset: u64, length: usize },
}

/// The file for what memory has no room for; made when it is needed.
#[derive(Debug)]
pub struct WaitingRoom<'w> {
    folder: &'w Path,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    file: Option<File>,
    /// Bytes in memory, and bytes in the file.
    here: u64,
    stored: u64,
}

impl<'w> WaitingRoom<'w> {
    /// Bytes that wait in memory.
    const HERE: u64 = 64 << 20;

    /// A room that puts its file into this folder.
    pub fn new(folder: &'w Path) -> Self {
        Self { folder, content: Mutex::default() }
    }

    /// Keeps bytes of the volume; `None` where there is no room for them.
    pub fn keep(&self, place: u64, bytes: &[u8]) -> Option<Waiting> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let length = bytes.len() as u64;
        if content.here + length <= Self::HERE {
            content.here += length;
            return Some(Waiting::Here(Piece { place, bytes: bytes.to_vec() }));
        }
        let offset = content.stored;
        content.write(self.folder, offset, bytes).ok()?;
        content.stored += length;
        Some(Waiting::Stored { place, offset, length: bytes.len() })
    }

    /// Gives back what waited; `None` where it cannot be read.
    pub fn take(&self, waiting: Waiting) -> Option<Piece> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting {
            Waiting::Here(piece) => {
                content.here -= piece.bytes.len() as u64;
                Some(piece)
            }
            Waiting::Stored { place, offset, length } => {
                let mut bytes = vec![0; length];
                content.read(offset, &mut bytes).ok()?;
                Some(Piece { place, bytes })
            }
        }
    }
}

impl Content {
    fn write(&mut self, folder: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(folder)?),
        };
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_memory_has_no_room_for_comes_back_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let room = WaitingRoom::new(folder.path());
        let bytes = |number: u64| vec![number as u8; 1 << 20];
        let waiting: Vec<_> = (0..70).map(|number| room.keep(number, &bytes(number)).unwrap()).collect();
        assert_eq!(waiting.iter().filter(|waiting| matches!(waiting, Waiting::Here(_))).count(), 64);
        for (number, waiting) in (0..).zip(waiting) {
            let piece = room.take(waiting).unwrap();
            assert_eq!((piece.place, piece.bytes), (number, bytes(number)));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        assert!(matches!(room.keep(0, &[1]), Some(Waiting::Here(_))), "there is room again");
        let nowhere = WaitingRoom::new(Path::new("/nowhere/at/all"));
        assert!((0..65).map(|number| nowhere.keep(number, &bytes(number))).any(|kept| kept.is_none()));
    }
}
