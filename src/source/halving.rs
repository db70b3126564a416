//! The one way in which a failing source is read: by halves, down to its sectors.

use std::fmt;
use std::ops::Range;

use super::Source;
use super::range_set::RangeSet;
use crate::base::damage::wide;

/// Bytes of a sector, unless it is told otherwise: the unit in which a medium fails.
pub(crate) const SECTOR_SIZE: u64 = 512;

/// A source of which parts cannot be read.
///
/// A read that fails is halved, and halved again, down to single sectors. What cannot be read goes into a
/// [`RangeSet`], and nothing that is in it is asked for: who keeps the set asks for each bad sector once.
pub(crate) struct Halving<'s, S: ?Sized> {
    source: &'s S,
    sector_size: u64,
}

/// What a read does not give.
struct Lost<'l> {
    /// What cannot be read: nobody asks for it again.
    missing: &'l mut RangeSet,
    /// What was not asked for since the source is gone. It says nothing of its sectors.
    gone: &'l mut RangeSet,
}

impl<S: Source + ?Sized> fmt::Debug for Halving<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Halving({} bytes in sectors of {})", self.source.size(), self.sector_size)
    }
}

impl<'s, S: Source + ?Sized> Halving<'s, S> {
    /// Sectors count from position 0 on. A size of 0 counts as 1.
    pub(crate) fn new(source: &'s S, sector_size: u64) -> Self {
        Self { source, sector_size: sector_size.max(1) }
    }

    pub(crate) fn sector_size(&self) -> u64 {
        self.sector_size
    }

    /// Fills `buffer` with what can be read from `offset` on, and returns what cannot, or lies behind the
    /// end, in order and merged. The buffer is zero there. `has_failed`: the request as a whole was tried already.
    pub(crate) fn read(
        &self,
        offset: u64,
        buffer: &mut [u8],
        missing: &mut RangeSet,
        has_failed: bool,
    ) -> Vec<Range<u64>> {
        let request = offset..offset.saturating_add(wide(buffer.len()));
        let inside = offset..request.end.min(self.source.size().max(offset));
        let mut gone = RangeSet::default();
        for gap in missing.outside(inside.clone()) {
            let Some(part) = part_of(buffer, offset, &gap) else { continue };
            match has_failed && gap == request {
                true => self.halve(gap.start, part, &mut Lost { missing, gone: &mut gone }),
                false => self.attempt(gap.start, part, &mut Lost { missing, gone: &mut gone }),
            }
        }
        let mut lost = RangeSet::default();
        missing.inside(inside.clone()).for_each(|range| lost.insert(range));
        gone.ranges().for_each(|range| lost.insert(range));
        lost.insert(inside.end..request.end);
        for range in lost.ranges() {
            part_of(buffer, offset, &range).unwrap_or_default().fill(0);
        }
        lost.ranges().collect()
    }

    /// True for a request that asks for nothing but one sector, or part of it.
    pub(crate) fn is_one_sector(&self, offset: u64, length: usize) -> bool {
        offset.saturating_add(wide(length)) <= self.sector_of(offset).end
    }

    /// Fills `buffer`, which lies in the source, as far as that can be done.
    fn attempt(&self, offset: u64, buffer: &mut [u8], lost: &mut Lost<'_>) {
        let end = offset.saturating_add(wide(buffer.len()));
        if self.source.is_gone() {
            return lost.gone.insert(offset..end);
        }
        match self.try_once(offset, buffer) {
            // A source that ends before its size has lost what is behind, even if it calls that no error.
            Some(count) => lost.missing.insert(offset.saturating_add(wide(count))..end),
            None => self.halve(offset, buffer, lost),
        }
    }

    /// What cannot be read at once is read by halves; a single sector cannot be read.
    fn halve(&self, offset: u64, buffer: &mut [u8], lost: &mut Lost<'_>) {
        if self.source.is_gone() {
            return lost.gone.insert(offset..offset.saturating_add(wide(buffer.len())));
        }
        if self.is_one_sector(offset, buffer.len()) {
            return lost.missing.insert(self.sector_of(offset));
        }
        let middle = self.boundary_within(offset, offset.saturating_add(wide(buffer.len())));
        let length = usize::try_from(middle.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some((left, right)) = buffer.split_at_mut_checked(length) else { return };
        self.attempt(offset, left, lost);
        self.attempt(middle, right, lost);
    }

    /// How many bytes could be read; `None` where that failed. Part of a sector is read by the whole
    /// sector, so that its failure says something about the sector.
    fn try_once(&self, offset: u64, buffer: &mut [u8]) -> Option<usize> {
        let sector = self.sector_of(offset);
        if !self.is_one_sector(offset, buffer.len()) || sector.end.saturating_sub(sector.start) <= wide(buffer.len()) {
            return self.source.read_at(offset, buffer).ok();
        }
        let mut whole = vec![0; usize::try_from(sector.end.saturating_sub(sector.start)).ok()?];
        let count = self.source.read_at(sector.start, &mut whole).ok()?;
        let start = usize::try_from(offset.saturating_sub(sector.start)).ok()?;
        let there = whole.get(start..count).unwrap_or_default();
        let length = there.len().min(buffer.len());
        buffer.get_mut(..length)?.copy_from_slice(there.get(..length)?);
        Some(length)
    }

    /// The sector boundary below the middle, or the first there is. Halves that cut sectors would lose
    /// the good bytes beside bad ones.
    fn boundary_within(&self, start: u64, end: u64) -> u64 {
        let below = self.sector_of(start.saturating_add(end.saturating_sub(start) / 2)).start;
        if below > start { below } else { self.sector_of(start).end }
    }

    /// The sector that holds `position`, which lies in the source; the last one ends with the source.
    fn sector_of(&self, position: u64) -> Range<u64> {
        let start = position.saturating_sub(position.checked_rem(self.sector_size).unwrap_or(0));
        start..start.saturating_add(self.sector_size).min(self.source.size().max(position))
    }
}

/// What a read gives of a source that is gone: nothing.
pub(crate) fn nothing(offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
    buffer.fill(0);
    let all = offset..offset.saturating_add(wide(buffer.len()));
    Some(all).filter(|all| !all.is_empty()).into_iter().collect()
}

/// The bytes of `range` in a buffer that starts at `offset`.
fn part_of<'b>(buffer: &'b mut [u8], offset: u64, range: &Range<u64>) -> Option<&'b mut [u8]> {
    let start = usize::try_from(range.start.checked_sub(offset)?).ok()?;
    let end = usize::try_from(range.end.checked_sub(offset)?).ok()?;
    buffer.get_mut(start..end)
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list with one range is what is meant")]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::base::error::ReadError;
    use crate::source::Source;

    /// Ten sectors of the byte 7, of which some fail; counts the reads.
    struct Failing {
        bad: Vec<u64>,
        reads: AtomicUsize,
    }

    impl Source for Failing {
        fn size(&self) -> u64 {
            5120
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let length = buffer.len().min((5120 - offset.min(5120)) as usize);
            let hit = |sector: &u64| sector * 512 < offset + length as u64 && offset < (sector + 1) * 512;
            if self.bad.iter().any(hit) {
                return Err(ReadError { offset, length: length as u64, error: io::Error::other("bad sector") });
            }
            buffer[..length].fill(7);
            Ok(length)
        }
    }

    #[test]
    fn only_the_bad_sectors_are_missing() {
        let source = Failing { bad: vec![3, 4, 9], reads: AtomicUsize::new(0) };
        let mut buffer = [1; 6000];
        let missing = source.read_readable(0, &mut buffer);
        assert_eq!(missing, [1536..2560, 4608..6000]);
        for (position, &byte) in buffer.iter().enumerate() {
            let gone = missing.iter().any(|range| range.contains(&(position as u64)));
            assert_eq!(byte, if gone { 0 } else { 7 }, "{position}");
        }
    }

    #[test]
    fn a_read_across_a_bad_sector_keeps_the_bytes_beside_it() {
        let source = Failing { bad: vec![3], reads: AtomicUsize::new(0) };
        for (offset, length) in [(1530, 10), (1530, 600), (2040, 18), (1000, 3000), (7, 5000)] {
            let mut buffer = vec![1; length];
            let expected = offset.max(1536)..(offset + length as u64).min(2048);
            assert_eq!(source.read_readable(offset, &mut buffer), [expected], "{length} at {offset}");
        }
    }

    #[test]
    fn a_source_that_is_gone_is_asked_no_more() {
        /// Goes away with the third read.
        struct Leaving {
            reads: AtomicUsize,
        }

        impl Source for Leaving {
            fn size(&self) -> u64 {
                1 << 20
            }

            fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
                match self.reads.fetch_add(1, Ordering::Relaxed) {
                    0 | 1 => Ok(buffer.len()),
                    _ => Err(ReadError::new(offset, buffer.len() as u64, io::Error::other("pulled out"))),
                }
            }

            fn is_gone(&self) -> bool {
                self.reads.load(Ordering::Relaxed) > 2
            }
        }

        let source = Leaving { reads: AtomicUsize::new(0) };
        let ledger = crate::source::Ledger::new(&source).remember_reads(true);
        let found: Vec<_> = (0..8_u64).map(|index| ledger.read_readable(index << 17, &mut [1; 1 << 17])).collect();
        assert_eq!((&found[0], &found[1]), (&vec![], &vec![]));
        assert!((2..8_usize).all(|index| found[index] == [(index as u64) << 17..(index as u64 + 1) << 17]));
        assert_eq!(ledger.missing(), [], "nobody knows whether those sectors are bad");
        assert!(ledger.is_gone() && ledger.read_at(0, &mut [0; 512]).is_err());
        assert_eq!(source.read_readable(0, &mut [0; 4096]), [0..4096]);
        assert_eq!(source.reads.into_inner(), 3);
    }

    #[test]
    fn a_unit_is_never_asked_for_in_part() {
        /// Chunks of 4 KiB, of which the second cannot be read.
        struct Chunks(std::sync::Mutex<Vec<(u64, usize)>>);

        impl Source for Chunks {
            fn size(&self) -> u64 {
                16 << 10
            }

            fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
                self.0.lock().unwrap().push((offset, buffer.len()));
                match offset < 8192 && offset + buffer.len() as u64 > 4096 {
                    true => Err(ReadError::new(offset, buffer.len() as u64, io::Error::other("no such chunk"))),
                    false => Ok(buffer.len()),
                }
            }

            fn read_unit(&self) -> u64 {
                4096
            }
        }

        let source = Chunks(std::sync::Mutex::default());
        assert_eq!(source.read_readable(0, &mut [0; 16 << 10]), [4096..8192]);
        let asked = source.0.into_inner().unwrap();
        assert!(asked.iter().all(|&(offset, length)| offset % 4096 == 0 && length >= 4096), "{asked:?}");
        assert_eq!(asked.len(), 5);
    }

    #[test]
    fn a_good_range_is_one_read() {
        let source = Failing { bad: vec![], reads: AtomicUsize::new(0) };
        assert_eq!(source.read_readable(100, &mut [0; 4000]), []);
        assert_eq!(source.reads.into_inner(), 1);
    }
}
