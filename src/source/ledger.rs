//! Reading from a medium that fails: what could not be read is remembered, and not asked for again.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Source;
use super::damage_map::DamageMap;
use super::halving::{Halving, nothing};
use super::range_set::RangeSet;
use crate::base::damage::wide;
use crate::base::error::ReadError;

/// A source that keeps account of what cannot be read.
///
/// A read goes through as it is. If it fails it is halved, and halved again, down to single sectors. A
/// sector that fails alone is missing from then on: no read of this ledger ever asks for it again, on
/// any thread, since every attempt can take a failing disk seconds and bring its end nearer.
///
/// Missing bytes are not zeros: [`read_readable`](Source::read_readable) names them, and
/// [`read_at`](Source::read_at) is an error there.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
/// use ntfs_salvage::source::Ledger;
///
/// let disk = ntfs_salvage::source::open("testdata/plain.img")?;
/// let ledger = Ledger::new(&disk);
/// println!("{} files", Volume::open(&ledger)?.catalog().entries().count());
/// for range in ledger.missing() {
///     println!("cannot be read: {range:?}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Ledger<'s> {
    halving: Halving<'s, dyn Source + 's>,
    source: &'s dyn Source,
    account: Mutex<Account>,
    /// Whether the account has what was read, too: most have not, and need not be opened for it.
    remembers_reads: bool,
    /// Set when something is missing: before that, reads on many threads need not wait for the account.
    has_missing: AtomicBool,
}

/// What is known of the source.
#[derive(Debug, Default)]
struct Account {
    missing: RangeSet,
    /// What could be read, where that is to be remembered.
    read: Option<RangeSet>,
}

impl<'s> Ledger<'s> {
    /// A ledger over `source`, with sectors of as many bytes as it reads [at once](Source::read_unit).
    #[must_use]
    pub fn new(source: &'s dyn Source) -> Self {
        Self::over(source, source.read_unit())
    }

    /// A ledger over `source` with sectors of `sector_size` bytes, from position 0 on. A size of 0 counts as 1.
    #[must_use]
    pub fn with_sector_size(source: &'s dyn Source, sector_size: u32) -> Self {
        Self::over(source, u64::from(sector_size))
    }

    fn over(source: &'s dyn Source, sector_size: u64) -> Self {
        Self {
            halving: Halving::new(source, sector_size),
            source,
            account: Mutex::default(),
            remembers_reads: false,
            has_missing: AtomicBool::new(false),
        }
    }

    /// The same, if `remembered`, with an account of what was read, too, for its [`map`](Self::map).
    #[must_use]
    pub fn remember_reads(mut self, remembered: bool) -> Self {
        let account = self.account.get_mut().unwrap_or_else(PoisonError::into_inner);
        account.read = remembered.then(RangeSet::default);
        self.remembers_reads = remembered;
        self
    }

    /// What was found missing so far: whole sectors, in order, joined where they touch.
    #[must_use]
    pub fn missing(&self) -> Vec<Range<u64>> {
        self.lock().missing.ranges().collect()
    }

    /// What is known of the source so far, as ddrescue would write it: bad sectors as bad, what was read as
    /// rescued, if [that is remembered](Self::remember_reads), and what nobody asked for as not tried.
    #[must_use]
    pub fn map(&self) -> DamageMap {
        let account = self.lock();
        // What could be read once and not again is missing.
        let read = account.read.iter().flat_map(RangeSet::ranges);
        let read: Vec<_> = read.flat_map(|range| account.missing.outside(range)).collect();
        DamageMap::of_reads(self.source.size(), &read, &account.missing.ranges().collect::<Vec<_>>())
    }

    /// A thread that panicked while it held the account has not made it wrong.
    fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Notes that all of `request` could be read but `missing`.
    fn note(&mut self, request: Range<u64>, missing: &[Range<u64>]) {
        let Some(read) = &mut self.read else { return };
        let mut start = request.start;
        for gap in missing {
            read.insert(start..gap.start);
            start = gap.end;
        }
        read.insert(start..request.end);
    }
}

impl Source for Ledger<'_> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = self.source.size().saturating_sub(offset);
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let missing = self.read_readable(offset, buffer.get_mut(..length).unwrap_or_default());
        match missing.first() {
            None => Ok(length),
            Some(range) => Err(ReadError {
                offset: range.start,
                length: range.end.saturating_sub(range.start),
                error: io::Error::other("unreadable sectors"),
            }),
        }
    }

    /// Where reads are remembered, holes are read, too: what was looked at is to be in the map.
    fn is_hole(&self, range: Range<u64>) -> bool {
        !self.remembers_reads && self.source.is_hole(range)
    }

    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        if self.source.is_gone() {
            return nothing(offset, buffer);
        }
        let request = offset..offset.saturating_add(wide(buffer.len()));
        // A single sector is asked for by whoever holds the account, so that no two threads ask for the same.
        let is_free = !self.halving.is_one_sector(offset, buffer.len())
            && request.end <= self.source.size()
            && !(self.has_missing.load(Ordering::Acquire) && self.lock().missing.overlaps(request.clone()));
        let is_read = is_free && self.source.read_at(offset, buffer).is_ok_and(|count| count == buffer.len());
        if is_read && !self.remembers_reads {
            return Vec::new();
        }
        let mut account = self.lock();
        let missing = match is_read {
            true => Vec::new(),
            false => self.halving.read(offset, buffer, &mut account.missing, is_free),
        };
        if !missing.is_empty() {
            self.has_missing.store(true, Ordering::Release);
        }
        account.note(request, &missing);
        missing
    }

    fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        self.source.known_missing(range)
    }

    fn read_unit(&self) -> u64 {
        self.halving.sector_size()
    }

    fn is_gone(&self) -> bool {
        self.source.is_gone()
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let request = offset..offset.saturating_add(wide(length));
        let mut account = self.lock();
        let slice = self.source.slice(offset, length).filter(|_| !account.missing.overlaps(request.clone()))?;
        account.note(request, &[]);
        Some(slice)
    }
}

impl fmt::Debug for Ledger<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("halving", &self.halving).field("missing", &self.missing()).finish()
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
            assert_eq!(ledger.read_readable(0, &mut buffer), bad);
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
        assert_eq!(ledger.read_readable(5 * 512 + 10, &mut buffer), [5 * 512 + 10..5 * 512 + 110]);
        assert_eq!(buffer, [0; 100]);
        let mut buffer = [9; 1024];
        assert_eq!(ledger.read_readable(5 * 512 - 256, &mut buffer), [5 * 512..6 * 512]);
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
        let end = wide(disk.end);
        assert_eq!(ledger.read_readable(58 * 512, &mut buffer), [end..66 * 512]);
        assert_eq!(buffer[..1029], disk.bytes[58 * 512..60 * 512 + 5]);
        assert_eq!(ledger.missing(), [end..disk.size()], "what lies behind the end is not on the account");
    }

    #[test]
    fn what_lies_behind_the_end_is_named() {
        let disk = Disk::new(&[]);
        let ledger = Ledger::new(&disk);
        let mut buffer = [9; 200];
        assert_eq!(ledger.read_readable(disk.size() - 50, &mut buffer), [disk.size()..disk.size() + 150]);
        assert_eq!((buffer[49], buffer[50]), (*disk.bytes.last().unwrap(), 0));
        assert_eq!(ledger.read_readable(u64::MAX - 10, &mut buffer), [u64::MAX - 10..u64::MAX]);
        assert_eq!(ledger.missing(), []);
    }

    #[test]
    fn memory_gives_slices_and_sectors_can_be_larger() {
        let bytes = vec![7; 10_000];
        let ledger = Ledger::with_sector_size(&bytes, 4096);
        assert_eq!(ledger.slice(1, 9), Some(&[7; 9][..]));
        let disk = Disk::new(&[9]);
        let ledger = Ledger::with_sector_size(&disk, 4096);
        assert_eq!(ledger.read_readable(0, &mut vec![0; 16384]), [4096..8192]);
        assert_eq!(ledger.slice(0, 1), None);
        assert_eq!(Ledger::with_sector_size(&bytes, 0).read_readable(0, &mut [0; 9]), []);
    }

    #[test]
    fn its_map_tells_what_was_read_what_was_not_and_what_was_not_tried() {
        let disk = Disk::new(&[3]);
        let ledger = Ledger::new(&disk).remember_reads(true);
        let mut buffer = [0; 1024];
        assert_eq!(ledger.read_at(5 * 512, &mut buffer).unwrap(), 1024);
        assert_eq!(ledger.read_readable(2 * 512, &mut buffer), [3 * 512..4 * 512]);
        assert_eq!(ledger.read_at(disk.size() - 100, &mut buffer).unwrap(), 100);
        let map = ledger.map();
        let blocks: Vec<_> = map.blocks().iter().map(|block| (block.range.start, block.status.symbol())).collect();
        let sectors = [(0, '?'), (2, '+'), (3, '-'), (4, '?'), (5, '+'), (7, '?'), (64, '+')];
        assert_eq!(blocks, sectors.map(|(sector, symbol)| (sector * 512, symbol)));
        let forgetful = Ledger::new(&disk);
        assert_eq!(forgetful.read_at(0, &mut buffer).unwrap(), 1024);
        assert_eq!(forgetful.map().blocks().len(), 1);
    }

    #[test]
    fn threads_share_the_account() {
        let disk = Disk::new(&[3, 17, 18, 40]);
        let ledger = Ledger::new(&disk);
        std::thread::scope(|scope| {
            for start in 0..8 {
                let ledger = &ledger;
                scope.spawn(move || ledger.read_readable(start * 512, &mut vec![0; 50 * 512]));
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
                let missing = ledger.read_readable(offset, &mut buffer);
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
