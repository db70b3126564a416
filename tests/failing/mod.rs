//! A medium that fails, and what a recovery gives of it.

#![allow(dead_code, reason = "each test target includes this module and uses its own part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ntfs_salvage::content::StreamRange;
use ntfs_salvage::recoverability::{Reasons, RecoverabilityOptions, Verdict};
use ntfs_salvage::source::Source;
use ntfs_salvage::{Catalog, ReadError, Threads};

pub(crate) const SECTOR: u64 = 512;

/// An image of which some sectors cannot be read, or whose nth read fails, as a disk's does that is bumped.
pub(crate) struct Failing {
    bytes: Vec<u8>,
    bad: BTreeSet<u64>,
    nth: Option<usize>,
    reads: AtomicUsize,
    /// How often each sector was asked for alone, and how often in vain at all.
    alone: Mutex<BTreeMap<u64, u32>>,
}

impl Failing {
    pub(crate) fn new(bytes: &[u8], bad: impl IntoIterator<Item = u64>, nth: Option<usize>) -> Self {
        let (bad, reads, alone) = (bad.into_iter().collect(), AtomicUsize::new(0), Mutex::default());
        Self { bytes: bytes.to_vec(), bad, nth, reads, alone }
    }

    pub(crate) fn assert_each_was_asked_for_once(&self) {
        for (sector, count) in self.alone.lock().unwrap().iter().filter(|(sector, _)| self.bad.contains(sector)) {
            assert_eq!(*count, 1, "sector {sector}");
        }
    }

    pub(crate) fn is_bad(&self, sector: u64) -> bool {
        self.bad.contains(&sector)
    }

    /// How many reads there were.
    pub(crate) fn into_reads(self) -> usize {
        self.reads.into_inner()
    }
}

impl Source for Failing {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let length = buffer.len() as u64;
        let (first, last) = (offset / SECTOR, (offset + length.max(1) - 1) / SECTOR);
        if first == last {
            *self.alone.lock().unwrap().entry(first).or_default() += 1;
        }
        let is_nth = Some(self.reads.fetch_add(1, Ordering::Relaxed)) == self.nth;
        buffer.fill(0xEE);
        if is_nth || self.bad.range(first..=last).next().is_some() {
            return Err(ReadError { offset, length, error: io::Error::other("bad sector") });
        }
        self.bytes.read_at(offset, buffer)
    }
}

/// What a recovery gives of a stream.
pub(crate) struct Content {
    pub(crate) verdict: Verdict,
    pub(crate) reasons: Reasons,
    pub(crate) bytes: Vec<u8>,
    /// What of it is missing or doubtful.
    pub(crate) unproven: Vec<StreamRange>,
}

impl Content {
    /// The bytes given for true that are not those of `truth`.
    pub(crate) fn wrong_bytes(&self, truth: &[u8]) -> impl Iterator<Item = u64> {
        let is_proven = |at: &u64| !self.unproven.iter().any(|range| (range.offset..range.end()).contains(at));
        let pairs = (0..).zip(self.bytes.iter().zip(truth));
        pairs.filter(|(_, (given, known))| given != known).map(|(at, _)| at).filter(is_proven)
    }
}

/// What a recovery finds, by record and name of the stream.
pub(crate) type ReadBack = BTreeMap<(u64, String), Content>;

/// A recovery, to the memory: every path, every verdict, every byte.
pub(crate) fn read_all(catalog: &Catalog<'_>, threads: &Threads) -> ReadBack {
    let options = RecoverabilityOptions::default().sample_zeros(true).read_all(true);
    let assessment = catalog.assessment(threads, options);
    let mut found = ReadBack::new();
    for entry in catalog.entries() {
        assert_eq!(entry.paths().count(), entry.links().len());
        for stream in entry.streams() {
            let mut bytes = vec![0; usize::try_from(stream.map().size()).unwrap().min(16 << 20)];
            let mut reader = stream.reader();
            let ranges = reader.read_at(0, &mut bytes).ranges().iter();
            let unproven = ranges.filter(|range| !range.is_true()).copied().collect();
            let assessed = assessment.assess(&stream);
            let content = Content { verdict: assessed.verdict(), reasons: assessed.reasons(), bytes, unproven };
            found.insert((entry.record_number(), stream.name().to_string()), content);
        }
    }
    found
}
