//! Files that are the disk itself, one behind the other.

use super::files::{Files, ImageFile};
use super::image::{Image, Map};
use super::piece::{Piece, Run};

/// A disk that lies in one file as it is.
#[derive(Debug)]
struct Plain {
    /// Where the disk starts in the file.
    start: u64,
}

/// `size` bytes of a file from `start` on are the disk.
pub(crate) fn plain(format: &'static str, file: &ImageFile, start: u64, size: u64) -> Image {
    Image::new(format, size, Files::of_one(file), Box::new(Plain { start }))
}

/// All of a file is the disk.
pub(crate) fn whole(file: &ImageFile) -> Image {
    plain("raw", file, 0, file.source.size())
}

impl Map for Plain {
    fn run_at(&self, offset: u64, limit: u64, _: &Files) -> Run {
        Run { length: limit, piece: Piece::Raw { file: 0, offset: self.start.saturating_add(offset) } }
    }
}
