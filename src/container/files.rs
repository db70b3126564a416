//! The files an image is made of.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::damage::wide;
use crate::source::halving::{Halving, SECTOR_SIZE};
use crate::source::range_set::RangeSet;
use crate::source::{SharedSource, Source};

/// The files of one image, in the order in which its pieces count them.
#[derive(Default)]
pub(crate) struct Files {
    files: Vec<Kept>,
}

/// One file of an image.
#[derive(Clone)]
pub(crate) struct ImageFile {
    /// Where it was found.
    pub(crate) path: PathBuf,
    pub(crate) source: SharedSource,
}

/// A file with the account of what cannot be read of it: no bad sector is asked for twice.
struct Kept {
    file: ImageFile,
    bad: Mutex<RangeSet>,
    has_bad: AtomicBool,
}

impl Files {
    /// Adds a file, and returns the index that pieces call it by.
    pub(crate) fn add(&mut self, file: ImageFile) -> usize {
        self.files.push(Kept { file, bad: Mutex::default(), has_bad: AtomicBool::new(false) });
        self.files.len().saturating_sub(1)
    }

    /// The files of one image, which is one file.
    pub(crate) fn of_one(file: &ImageFile) -> Self {
        let mut files = Self::default();
        files.add(file.clone());
        files
    }

    /// Where each file was found, and its size in bytes.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.files.iter().map(|kept| (kept.file.path.as_path(), kept.file.source.size()))
    }

    pub(crate) fn path(&self, file: usize) -> Option<&Path> {
        self.files.get(file).map(|kept| kept.file.path.as_path())
    }

    /// The size of a file in bytes; 0 where there is none.
    pub(crate) fn size(&self, file: usize) -> u64 {
        self.files.get(file).map_or(0, |kept| kept.file.source.size())
    }

    /// Fills `buffer` with what can be read from `offset` of a file on, and returns the ranges of the file that
    /// cannot be read or lie behind its end; the buffer is zero there.
    pub(crate) fn read(&self, file: usize, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        if let Some(kept) = self.files.get(file) {
            return kept.read(offset, buffer);
        }
        buffer.fill(0);
        std::iter::once(offset..offset.saturating_add(wide(buffer.len()))).filter(|range| !range.is_empty()).collect()
    }

    /// True once none of the files will ever be read again.
    pub(crate) fn are_gone(&self) -> bool {
        self.files.iter().all(|kept| kept.file.source.is_gone())
    }

    /// The `length` bytes at `offset`, or `None` where they are not there or cannot be read. The length is not
    /// believed before the file is known to be as long.
    pub(crate) fn bytes(&self, file: usize, offset: u64, length: u64) -> Option<Vec<u8>> {
        offset.checked_add(length).filter(|&end| end <= self.size(file))?;
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.read(file, offset, &mut bytes).is_empty().then_some(bytes)
    }
}

impl Kept {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        let source: &dyn Source = self.file.source.as_ref();
        let end = offset.saturating_add(wide(buffer.len()));
        let is_inside = end <= source.size();
        let is_known = || self.has_bad.load(Ordering::Acquire) && self.lock().overlaps(offset..end);
        let is_tried = is_inside && !source.is_gone() && !is_known();
        if is_tried && source.read_at(offset, buffer).is_ok_and(|count| count == buffer.len()) {
            return Vec::new();
        }
        let mut bad = self.lock();
        let missing = Halving::new(source, SECTOR_SIZE).read(offset, buffer, &mut bad, is_tried);
        self.has_bad.store(bad.ranges().next().is_some(), Ordering::Release);
        missing
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, RangeSet> {
        self.bad.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The `length` bytes at `offset` of a source, or `None` where they are not there or cannot be read.
pub(crate) fn bytes_of(source: &dyn Source, offset: u64, length: u64) -> Option<Vec<u8>> {
    offset.checked_add(length).filter(|&end| end <= source.size())?;
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    let count = source.read_at(offset, &mut bytes).ok()?;
    (count == bytes.len()).then_some(bytes)
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.iter().map(|kept| &kept.file)).finish()
    }
}

impl fmt::Debug for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.path.display(), self.source.size())
    }
}
