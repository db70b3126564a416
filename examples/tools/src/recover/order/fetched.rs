//! Bytes of the volume that were read before they are asked for.

use ntfs_salvage::ReadError;
use ntfs_salvage::source::{Source, Window};

/// Bytes of the volume from `place` on.
#[derive(Debug, Default)]
pub struct Piece {
    pub place: u64,
    pub bytes: Vec<u8>,
}

/// A volume, pieces of which are in memory.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'c> {
    pub volume: Window<'c>,
    /// In order of their places.
    pub pieces: &'c [Piece],
}

impl Piece {
    /// Reads `length` bytes of the volume, all or nothing.
    pub fn read(&mut self, volume: &Window<'_>, place: u64, length: usize) -> bool {
        self.place = place;
        self.bytes.resize(length, 0);
        let is_read = volume.read_at(place, &mut self.bytes).is_ok_and(|count| count == length);
        if !is_read {
            self.bytes.clear();
        }
        is_read
    }

    pub fn get(&self, place: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(place.checked_sub(self.place)?).ok()?;
        self.bytes.get(start..)?.get(..length)
    }
}

impl Contents<'_> {
    fn find(&self, place: u64, length: usize) -> Option<&[u8]> {
        let behind = self.pieces.partition_point(|piece| piece.place <= place);
        self.pieces[..behind].last()?.get(place, length)
    }
}

impl Source for Contents<'_> {
    fn size(&self) -> u64 {
        self.volume.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        match self.find(offset, buffer.len()) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(buffer.len())
            }
            None => self.volume.read_at(offset, buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_comes_from_there_and_all_else_from_the_volume() {
        let disk: Vec<u8> = (0..200).collect();
        let volume = Window::whole(&disk);
        let mut pieces = [Piece::default(), Piece::default()];
        assert!(pieces[0].read(&volume, 10, 20) && pieces[1].read(&volume, 50, 5));
        pieces[1].bytes[0] = 255;
        let contents = Contents { volume, pieces: &pieces };
        for (place, length) in [(0, 5), (10, 20), (15, 3), (9, 2), (29, 2), (50, 5), (54, 1), (55, 1), (40, 30)] {
            let mut bytes = vec![0; length];
            assert_eq!(contents.read_at(place, &mut bytes).unwrap(), length);
            let expected = &disk[place as usize..][..length];
            let is_fetched = place == 50;
            assert_eq!(bytes[0], if is_fetched { 255 } else { expected[0] }, "{place}");
            assert_eq!(bytes[1..], expected[1..]);
        }
        assert!(!pieces[0].read(&volume, 190, 20) && pieces[0].bytes.is_empty(), "all or nothing");
    }
}
