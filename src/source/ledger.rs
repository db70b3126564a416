//! Reading from a medium that fails: what could not be read is remembered, and not asked for again.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Source;
use super::range_set::RangeSet;
use crate::base::damage::wide;
use crate::base::error::ReadError;

/// Bytes of a sector, unless it is told otherwise.
const SECTOR_SIZE: u32 = 512;

/// A source that keeps account of what cannot be read.
///
/// A read goes through as it is. If it fails it is halved, and halved again, down to single sectors. A
/// sector that fails alone is missing from then on: no read of this ledger ever asks for it again, on
/// any thread, since every attempt can take a failing disk seconds and bring its end nearer.
///
/// Missing bytes are not zeros: [`read_lenient`](Self::read_lenient) names them, and reading them as a
/// [`Source`] is an error.
pub struct Ledger<'s> {
    source: &'s dyn Source,
    sector_size: u64,
    missing: Mutex<RangeSet>,
}

impl<'s> Ledger<'s> {
    /// A ledger over `source`, with sectors of 512 bytes.
    #[must_use]
    pub fn new(source: &'s dyn Source) -> Self {
        Self::with_sector_size(source, SECTOR_SIZE)
    }

    /// A ledger over `source` with sectors of `sector_size` bytes, from position 0 on. A size of 0 counts as 1.
    #[must_use]
    pub fn with_sector_size(source: &'s dyn Source, sector_size: u32) -> Self {
        Self { source, sector_size: u64::from(sector_size.max(1)), missing: Mutex::default() }
    }

    /// What was found missing so far: whole sectors, in order, joined where they touch.
    #[must_use]
    pub fn missing(&self) -> Vec<Range<u64>> {
        self.lock().ranges().to_vec()
    }

    /// Fills `buffer` with the bytes from `offset` on, as far as they can be read, and returns the ranges
    /// that cannot, in positions of the source and in order. The buffer is zero there. What lies behind
    /// the end of the source is such a range, too.
    #[must_use]
    pub fn read_lenient(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        let (request, inside) = self.clip(offset, buffer.len());
        let (present, behind) = buffer.split_at_mut(inside.min(buffer.len()));
        behind.fill(0);
        let mut missing = RangeSet::default();
        self.read(request.start, present).into_iter().for_each(|range| missing.insert(range));
        missing.insert(request.end..offset.saturating_add(wide(present.len().saturating_add(behind.len()))));
        missing.ranges().to_vec()
    }

    /// The part of a request that lies in the source, and its length.
    fn clip(&self, offset: u64, length: usize) -> (Range<u64>, usize) {
        let left = self.source.size().saturating_sub(offset);
        let length = usize::try_from(left).map_or(length, |left| left.min(length));
        (offset..offset.saturating_add(wide(length)), length)
    }

    /// Fills `buffer`, which lies in the source, and returns what of it is missing.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        if buffer.is_empty() {
            return Vec::new();
        }
        let request = offset..offset.saturating_add(wide(buffer.len()));
        let is_known = self.lock().overlaps(request.clone());
        if !is_known && self.is_read(offset, buffer) {
            return Vec::new();
        }
        // Held while sectors are tried, so that no two threads try the same.
        let mut missing = self.lock();
        for gap in missing.outside(request.clone()) {
            let Some(part) = part_of(buffer, offset, &gap) else { continue };
            let has_failed = !is_known && gap == request;
            if has_failed || !self.is_read(gap.start, part) {
                self.narrow(&mut missing, gap.start, part);
            }
        }
        for range in missing.inside(request.clone()) {
            part_of(buffer, offset, &range).unwrap_or_default().fill(0);
        }
        missing.inside(request).collect()
    }

    /// Halves a range that cannot be read at once, until what remains of it are bad sectors.
    fn narrow(&self, missing: &mut RangeSet, offset: u64, buffer: &mut [u8]) {
        let sector = self.sector_of(offset);
        let length = wide(buffer.len());
        if offset.saturating_add(length) <= sector.end {
            missing.insert(sector);
            return;
        }
        // The sector boundary below the middle, or the first there is.
        let middle = self.sector_of(offset.saturating_add(length / 2)).start;
        let middle = if middle > offset { middle } else { sector.end };
        let length = usize::try_from(middle.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some((left, right)) = buffer.split_at_mut_checked(length) else { return };
        for (offset, half) in [(offset, left), (middle, right)] {
            if !self.is_read(offset, half) {
                self.narrow(missing, offset, half);
            }
        }
    }

    /// True when all of `buffer` could be read. Part of a sector is read by the whole sector, so that
    /// its failure says something about the sector.
    fn is_read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let sector = self.sector_of(offset);
        let length = sector.end.saturating_sub(sector.start);
        if offset.saturating_add(wide(buffer.len())) > sector.end || length <= wide(buffer.len()) {
            return self.is_all_read(offset, buffer);
        }
        let mut whole = vec![0; usize::try_from(length).unwrap_or_default()];
        let start = usize::try_from(offset.saturating_sub(sector.start)).unwrap_or(usize::MAX);
        if !self.is_all_read(sector.start, &mut whole) {
            return false;
        }
        let part = whole.get(start..).and_then(|rest| rest.get(..buffer.len()));
        part.is_some_and(|part| {
            buffer.copy_from_slice(part);
            true
        })
    }

    /// A source that ends before its size has lost bytes, even if it calls that no error.
    fn is_all_read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        self.source.read_at(offset, buffer).is_ok_and(|count| count == buffer.len())
    }

    /// The sector that holds `position`; the last one ends with the source.
    fn sector_of(&self, position: u64) -> Range<u64> {
        let start = position.saturating_sub(position.checked_rem(self.sector_size).unwrap_or(0));
        start..start.saturating_add(self.sector_size).min(self.source.size().max(start))
    }

    /// A thread that panicked while it held the account has not made it wrong.
    fn lock(&self) -> MutexGuard<'_, RangeSet> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of `range` in a buffer that starts at `offset`.
fn part_of<'b>(buffer: &'b mut [u8], offset: u64, range: &Range<u64>) -> Option<&'b mut [u8]> {
    let start = usize::try_from(range.start.checked_sub(offset)?).ok()?;
    let end = usize::try_from(range.end.checked_sub(offset)?).ok()?;
    buffer.get_mut(start..end)
}

impl Source for Ledger<'_> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let (request, length) = self.clip(offset, buffer.len());
        let missing = self.read(request.start, buffer.get_mut(..length).unwrap_or_default());
        match missing.first() {
            None => Ok(length),
            Some(range) => Err(ReadError {
                offset: range.start,
                length: range.end.saturating_sub(range.start),
                error: io::Error::other("unreadable sectors"),
            }),
        }
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let request = offset..offset.saturating_add(wide(length));
        if self.lock().overlaps(request) { None } else { self.source.slice(offset, length) }
    }
}

impl fmt::Debug for Ledger<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("sector_size", &self.sector_size).field("missing", &self.missing()).finish()
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list with one range is what is meant")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A disk with bad sectors that counts how often each sector was asked for alone, and in vain.
    struct Disk {
        bytes: Vec<u8>,
        bad: Vec<u64>,
        asked: Mutex<Vec<u32>>,
        /// Where it ends, whatever it says of its size.
        end: usize,
    }

    const SECTORS: usize = 64;

    impl Disk {
        fn new(bad: &[u64]) -> Self {
            let bytes: Vec<u8> =
                (0..SECTORS * 512 + 100).map(|at| u8::try_from(at / 512 + at % 7 + 1).unwrap()).collect();
            let end = bytes.len();
            Self { bytes, bad: bad.to_vec(), asked: Mutex::new(vec![0; SECTORS + 1]), end }
        }

        fn asked(&self) -> Vec<u32> {
            self.asked.lock().unwrap().clone()
        }
    }

    impl Source for Disk {
        fn size(&self) -> u64 {
            wide(self.bytes.len())
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
            let length = wide(buffer.len());
            let (first, last) = (offset / 512, (offset + length.max(1) - 1) / 512);
            if first == last {
                self.asked.lock().unwrap()[usize::try_from(first).unwrap()] += 1;
            }
            // What a failed read leaves behind is not to be used.
            buffer.fill(0xEE);
            if self.bad.iter().any(|bad| (first..=last).contains(bad)) {
                return Err(ReadError { offset, length, error: io::Error::other("bad sector") });
            }
            self.bytes[..self.end].read_at(offset, buffer)
        }
    }

    #[test]
    fn everything_but_the_bad_sectors_is_read_and_each_is_asked_for_once() {
        let disk = Disk::new(&[3, 17, 18, 40]);
        let ledger = Ledger::new(&disk);
        let mut buffer = vec![9; SECTORS * 512];
        let bad = [3 * 512..4 * 512, 17 * 512..19 * 512, 40 * 512..41 * 512];
        for _ in 0..3 {
            assert_eq!(ledger.read_lenient(0, &mut buffer), bad);
        }
        for (at, &byte) in buffer.iter().enumerate() {
            let is_bad = bad.iter().any(|range| range.contains(&wide(at)));
            assert_eq!(byte, if is_bad { 0 } else { disk.bytes[at] }, "{at}");
        }
        assert_eq!(ledger.missing(), bad);
        for sector in [3, 17, 18, 40] {
            assert_eq!(disk.asked()[sector], 1, "{sector}");
        }
    }

    #[test]
    fn a_sound_source_is_read_at_once() {
        let disk = Disk::new(&[]);
        let ledger = Ledger::new(&disk);
        let mut buffer = [0; 2048];
        assert_eq!(ledger.read_at(100, &mut buffer).unwrap(), 2048);
        assert_eq!(buffer, disk.bytes[100..2148]);
        assert_eq!(disk.asked(), [0; SECTORS + 1]);
    }

    #[test]
    fn part_of_a_bad_sector_condemns_the_sector_without_a_second_try() {
        let disk = Disk::new(&[5]);
        let ledger = Ledger::new(&disk);
        let mut buffer = [9; 100];
        assert_eq!(ledger.read_lenient(5 * 512 + 10, &mut buffer), [5 * 512 + 10..5 * 512 + 110]);
        assert_eq!(buffer, [0; 100]);
        let mut buffer = [9; 1024];
        assert_eq!(ledger.read_lenient(5 * 512 - 256, &mut buffer), [5 * 512..6 * 512]);
        assert_eq!(buffer[..256], disk.bytes[5 * 512 - 256..5 * 512]);
        assert_eq!(buffer[768..], disk.bytes[6 * 512..6 * 512 + 256]);
        assert_eq!(disk.asked()[5], 1);
        assert_eq!(ledger.missing(), [5 * 512..6 * 512]);
    }

    #[test]
    fn as_a_source_it_never_gives_missing_bytes() {
        let disk = Disk::new(&[5]);
        let ledger = Ledger::new(&disk);
        for _ in 0..2 {
            let error = ledger.read_at(0, &mut [0; 8192]).unwrap_err();
            assert_eq!((error.offset, error.length), (5 * 512, 512));
        }
        assert_eq!(ledger.read_at(6 * 512, &mut [0; 512]).unwrap(), 512);
        assert_eq!(ledger.read_at(ledger.size() - 10, &mut [0; 512]).unwrap(), 10);
        assert_eq!(ledger.read_at(u64::MAX, &mut [0; 512]).unwrap(), 0);
        assert_eq!(disk.asked()[5], 1);
    }

    #[test]
    fn a_source_that_ends_early_has_lost_its_end() {
        let mut disk = Disk::new(&[]);
        disk.end = 60 * 512 + 5;
        let ledger = Ledger::new(&disk);
        let mut buffer = vec![9; 8 * 512];
        assert_eq!(ledger.read_lenient(58 * 512, &mut buffer), [60 * 512..66 * 512]);
        assert_eq!(buffer[..1024], disk.bytes[58 * 512..60 * 512]);
        assert_eq!(ledger.missing(), [60 * 512..disk.size()], "what lies behind the end is not on the account");
    }

    #[test]
    fn what_lies_behind_the_end_is_named() {
        let disk = Disk::new(&[]);
        let ledger = Ledger::new(&disk);
        let mut buffer = [9; 200];
        assert_eq!(ledger.read_lenient(disk.size() - 50, &mut buffer), [disk.size()..disk.size() + 150]);
        assert_eq!((buffer[49], buffer[50]), (*disk.bytes.last().unwrap(), 0));
        assert_eq!(ledger.read_lenient(u64::MAX - 10, &mut buffer), [u64::MAX - 10..u64::MAX]);
        assert_eq!(ledger.missing(), []);
    }

    #[test]
    fn memory_gives_slices_and_sectors_can_be_larger() {
        let bytes = vec![7; 10_000];
        let ledger = Ledger::with_sector_size(&bytes, 4096);
        assert_eq!(ledger.slice(1, 9), Some(&[7; 9][..]));
        let disk = Disk::new(&[9]);
        let ledger = Ledger::with_sector_size(&disk, 4096);
        assert_eq!(ledger.read_lenient(0, &mut vec![0; 16384]), [4096..8192]);
        assert_eq!(ledger.slice(0, 1), None);
        assert_eq!(Ledger::with_sector_size(&bytes, 0).read_lenient(0, &mut [0; 9]), []);
    }

    #[test]
    fn threads_share_the_account() {
        let disk = Disk::new(&[3, 17, 18, 40]);
        let ledger = Ledger::new(&disk);
        std::thread::scope(|scope| {
            for start in 0..8 {
                let ledger = &ledger;
                scope.spawn(move || ledger.read_lenient(start * 512, &mut vec![0; 50 * 512]));
            }
        });
        assert_eq!(ledger.missing(), [3 * 512..4 * 512, 17 * 512..19 * 512, 40 * 512..41 * 512]);
        assert_eq!([3, 17, 18, 40].map(|sector: usize| disk.asked()[sector]), [1; 4]);
    }

    proptest! {
        #[test]
        fn any_reads_give_all_that_is_readable(bad in prop::collection::vec(0_u64..65, 0..12), reads in prop::collection::vec((0_u64..34_000, 0_usize..9000), 1..8)) {
            let disk = Disk::new(&bad);
            let ledger = Ledger::new(&disk);
            for (offset, length) in reads {
                let mut buffer = vec![9; length];
                let missing = ledger.read_lenient(offset, &mut buffer);
                for (position, byte) in (offset..).zip(buffer) {
                    let truth = disk.bytes.get(usize::try_from(position).unwrap()).filter(|_| !bad.contains(&(position / 512)));
                    prop_assert_eq!(missing.iter().any(|range| range.contains(&position)), truth.is_none());
                    prop_assert_eq!(byte, truth.copied().unwrap_or(0));
                }
            }
            prop_assert!(bad.iter().all(|&sector| disk.asked()[usize::try_from(sector).unwrap()] <= 1));
        }
    }
}
