//! Reading what can be read, and naming what cannot.

use std::ops::Range;

use super::Source;

/// The unit in which a medium fails.
const SECTOR: u64 = 512;

/// Fills `buffer` with what can be read from `offset` on, and returns the ranges of the source that
/// could not be read or lie behind its end, in order and merged. Their bytes are left zero in the
/// buffer: missing, not zero.
///
/// A failing read is halved until single sectors fail.
pub fn read_readable(source: &dyn Source, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
    let mut missing = Vec::new();
    read_part(source, offset, buffer, &mut missing);
    missing
}

fn read_part(source: &dyn Source, offset: u64, buffer: &mut [u8], missing: &mut Vec<Range<u64>>) {
    let length = buffer.len();
    match source.read_at(offset, buffer) {
        Ok(count) if count >= length => {}
        Ok(count) => give_up(offset, buffer, count, missing),
        Err(_) => {
            let Some(half) = sector_split(offset, length) else { return give_up(offset, buffer, 0, missing) };
            let (front, back) = buffer.split_at_mut(half.min(length));
            let middle = offset.saturating_add(wide(half));
            read_part(source, offset, front, missing);
            read_part(source, middle, back, missing);
        }
    }
}

/// How many bytes from `offset` on lie before the sector boundary below the middle, or the first there
/// is; `None` inside one sector. Halves that cut sectors would lose the good bytes beside bad ones.
fn sector_split(offset: u64, length: usize) -> Option<usize> {
    let middle = offset.saturating_add(wide(length) / 2);
    let below = middle.saturating_sub(middle % SECTOR);
    let boundary = if below > offset { below } else { offset.saturating_add(SECTOR).saturating_sub(offset % SECTOR) };
    usize::try_from(boundary.saturating_sub(offset)).ok().filter(|half| *half < length)
}

/// Clears the buffer from `count` on and adds it to what is missing.
fn give_up(offset: u64, buffer: &mut [u8], count: usize, missing: &mut Vec<Range<u64>>) {
    let end = offset.saturating_add(wide(buffer.len()));
    let start = offset.saturating_add(wide(count));
    buffer.iter_mut().skip(count).for_each(|byte| *byte = 0);
    match missing.last_mut().filter(|last| last.end == start) {
        Some(last) => last.end = end,
        None => missing.push(start..end),
    }
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::base::error::ReadError;

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
        let missing = read_readable(&source, 0, &mut buffer);
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
            assert_eq!(read_readable(&source, offset, &mut buffer), [expected], "{length} at {offset}");
        }
    }

    #[test]
    fn a_good_range_is_one_read() {
        let source = Failing { bad: vec![], reads: AtomicUsize::new(0) };
        assert_eq!(read_readable(&source, 100, &mut [0; 4000]), []);
        assert_eq!(source.reads.into_inner(), 1);
    }
}
