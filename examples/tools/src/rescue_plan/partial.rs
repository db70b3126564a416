//! A disk of which only some was rescued: what is asked for beyond that is remembered.

use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use ntfs_salvage::ReadError;
use ntfs_salvage::source::{DamageMap, Source, Status};

use crate::input::spans::Spans;

/// The input as far as its map says that it was rescued, with the size of the disk; all of it, without a map.
pub struct Partial<'s> {
    source: &'s dyn Source,
    map: Option<DamageMap>,
    size: u64,
    asked: Mutex<Vec<Range<u64>>>,
}

impl<'s> Partial<'s> {
    pub fn new(source: &'s dyn Source, map: Option<DamageMap>) -> Self {
        let end = map.as_ref().and_then(|map| map.blocks().last()).map_or(0, |block| block.range.end);
        Self { source, map, size: source.size().max(end), asked: Mutex::default() }
    }

    /// What was tried to the end: it is rescued, or it is bad. With `untried`, also what a large read failed on.
    pub fn tried(&self, untried: bool) -> Spans {
        let is_done = |status| match status {
            Status::NotTried => false,
            Status::NotTrimmed | Status::NotScraped => untried,
            _ => true,
        };
        let blocks = self.map.iter().flat_map(DamageMap::blocks);
        blocks.filter(|block| is_done(block.status)).map(|block| block.range.clone()).collect()
    }

    /// What cannot be read.
    pub fn bad(&self) -> Spans {
        let blocks = self.map.iter().flat_map(DamageMap::blocks);
        blocks.filter(|block| block.status == Status::Bad).map(|block| block.range.clone()).collect()
    }

    pub fn has_map(&self) -> bool {
        self.map.is_some()
    }

    /// True where nothing of `range` is left to try.
    pub fn is_tried(&self, range: Range<u64>) -> bool {
        let is_open = |status| !matches!(status, Status::Rescued | Status::Bad);
        self.map.as_ref().is_none_or(|map| map.blocks_in(range).all(|block| !is_open(block.status)))
    }

    /// What was asked for and is not there, since the last call.
    pub fn take_asked(&self) -> Spans {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    /// What of `range`, which lies on the disk, was not rescued.
    fn lost(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let Some(map) = &self.map else { return Vec::new() };
        let lost = map.blocks_in(range).filter(|block| block.status != Status::Rescued);
        let joined: Spans = lost.map(|block| block.range).collect();
        joined.list().to_vec()
    }

    fn note(&self, lost: &[Range<u64>]) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).extend(lost.iter().cloned());
    }
}

impl Source for Partial<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let end = offset.saturating_add(buffer.len() as u64).min(self.size);
        let lost = self.lost(offset..end);
        if let Some(first) = lost.first() {
            self.note(&lost);
            let error = io::Error::other("not rescued so far");
            return Err(ReadError { offset: first.start, length: first.end - first.start, error });
        }
        self.source.read_at(offset, buffer)
    }

    /// By the map, so that an empty terabyte is passed over at once.
    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        let end = offset.saturating_add(buffer.len() as u64);
        let lost = self.lost(offset..end.min(self.size));
        self.note(&lost);
        let gaps: Spans = lost.into_iter().chain(std::iter::once(self.size.max(offset)..end)).collect();
        let there: Spans = Spans::of(offset..end).minus(&gaps);
        let mut missing: Vec<Range<u64>> = gaps.list().to_vec();
        for range in gaps.list() {
            buffer[(range.start - offset) as usize..(range.end - offset) as usize].fill(0);
        }
        for range in there.list() {
            let part = &mut buffer[(range.start - offset) as usize..(range.end - offset) as usize];
            missing.extend(self.source.read_readable(range.start, part));
        }
        missing.into_iter().collect::<Spans>().list().to_vec()
    }

    fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        self.lost(range.start..range.end.min(self.size))
    }
}
