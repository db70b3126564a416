//! Bytes of one source put together from parts of another.

use std::fmt;
use std::io;
use std::ops::Range;

use super::held_source::{HeldSource, SharedSource};
use super::range_set::RangeSet;
use super::{Source, Window};
use crate::base::damage::wide;
use crate::base::error::ReadError;

/// Parts of a source in another order: one behind the other, or in stripes over several columns.
#[derive(Clone)]
pub struct Pieces<'s> {
    source: HeldSource<'s>,
    size: u64,
    /// Bytes that each column has before the next one goes on; all of a column, where there is one.
    stripe: u64,
    columns: Vec<Vec<Part>>,
}

/// A part of a column: where it starts in it and in the source, and how many bytes it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First byte of the column.
    pub at: u64,
    /// First byte of the source.
    pub start: u64,
    /// Bytes.
    pub length: u64,
}

impl<'s> Pieces<'s> {
    /// Parts one behind the other, each at its place.
    #[must_use]
    pub fn spanned(source: &'s dyn Source, size: u64, parts: Vec<Part>) -> Self {
        Self { source: HeldSource::Borrowed(source), size, stripe: u64::MAX, columns: vec![parts] }
    }

    /// Columns that take turns, with `stripe` bytes each.
    #[must_use]
    pub fn striped(source: &'s dyn Source, size: u64, stripe: u64, columns: Vec<Vec<Part>>) -> Self {
        Self { source: HeldSource::Borrowed(source), size, stripe: stripe.max(1), columns }
    }

    /// Where byte `offset` lies in the source, and how many bytes follow it there.
    #[must_use]
    pub fn place(&self, offset: u64) -> Option<(u64, u64)> {
        let left = self.size.checked_sub(offset).filter(|&left| left > 0)?;
        let count = wide(self.columns.len());
        let (row, inside) = (offset.checked_div(self.stripe)?, offset.checked_rem(self.stripe)?);
        let column = self.columns.get(usize::try_from(row.checked_rem(count)?).ok()?)?;
        let position = row.checked_div(count)?.checked_mul(self.stripe)?.checked_add(inside)?;
        let index = column.partition_point(|part| part.at <= position).checked_sub(1)?;
        let part = column.get(index)?;
        let within = position.saturating_sub(part.at);
        let rest = part.length.checked_sub(within).filter(|&rest| rest > 0)?;
        let length = rest.min(self.stripe.saturating_sub(inside)).min(left);
        Some((part.start.checked_add(within)?, length))
    }

    /// Bytes that no part has from `offset` on; at least one.
    fn until_next_part(&self, offset: u64) -> u64 {
        let next = match self.columns.as_slice() {
            [only] => only.get(only.partition_point(|part| part.at <= offset)).map(|part| part.at),
            // Of several columns nobody asks for what none has: it is given up sector by sector.
            _ => Some(offset.saturating_add(512)),
        };
        next.unwrap_or(u64::MAX).saturating_sub(offset).max(1)
    }

    /// The same parts of `source`, which has the bytes of the one they were found in.
    pub(crate) fn shared(&self, source: SharedSource) -> Pieces<'static> {
        let (size, stripe, columns) = (self.size, self.stripe, self.columns.clone());
        Pieces { source: HeldSource::Shared(source), size, stripe, columns }
    }

    /// The parts, column by column.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.columns.iter().flatten().copied()
    }
}

impl Source for Pieces<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let (mut position, mut rest, mut done) = (offset, buffer, 0_usize);
        while !rest.is_empty() && position < self.size {
            let length = wide(rest.len());
            let Some((place, there)) = self.place(position) else {
                let error = io::Error::other("no part of the disk holds these bytes");
                return Err(ReadError { offset: position, length, error });
            };
            let count = usize::try_from(there.min(length)).unwrap_or(0);
            let (now, later) = rest.split_at_mut_checked(count).unwrap_or_default();
            let read = Window::new(self.source.source(), place, there).read_at(0, now)?;
            if read < count {
                let error = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(ReadError { offset: position, length, error });
            }
            (done, position, rest) = (done.saturating_add(read), position.saturating_add(wide(read)), later);
        }
        Ok(done)
    }

    /// Each part by itself: what cannot be read of one may lie in its sectors out of step with those asked for.
    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        let mut all = RangeSet::default();
        let (mut position, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let length = wide(rest.len());
            let found = self.place(position);
            let there = found.map_or_else(|| self.until_next_part(position), |(_, there)| there).min(length);
            let (now, later) = rest.split_at_mut_checked(usize::try_from(there).unwrap_or(0)).unwrap_or_default();
            let end = position.saturating_add(there);
            match found {
                Some((place, _)) => {
                    for missing in self.source.source().read_readable(place, now) {
                        let here = |byte: u64| byte.saturating_sub(place).saturating_add(position).min(end);
                        all.insert(here(missing.start)..here(missing.end));
                    }
                }
                None => {
                    now.fill(0);
                    all.insert(position..end);
                }
            }
            (position, rest) = (end, later);
        }
        all.ranges().collect()
    }

    fn read_unit(&self) -> u64 {
        self.source.source().read_unit()
    }

    fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut all = RangeSet::default();
        if self.source.source().known_missing(0..u64::MAX).is_empty() {
            return Vec::new();
        }
        let mut position = range.start;
        while let Some((place, there)) = self.place(position).filter(|_| position < range.end) {
            let end = there.min(range.end.saturating_sub(position));
            for missing in self.source.source().known_missing(place..place.saturating_add(end)) {
                let here = |byte: u64| byte.saturating_sub(place).saturating_add(position);
                all.insert(here(missing.start)..here(missing.end));
            }
            position = position.saturating_add(end);
        }
        all.ranges().collect()
    }

    fn is_gone(&self) -> bool {
        self.source.source().is_gone()
    }

    /// Only within one part.
    fn is_hole(&self, range: std::ops::Range<u64>) -> bool {
        let length = range.end.saturating_sub(range.start);
        let place = self.place(range.start).filter(|(_, there)| length <= *there && range.end <= self.size);
        place.is_some_and(|(place, _)| self.source.source().is_hole(place..place.saturating_add(length)))
    }

    fn origin_of(&self, offset: u64) -> u64 {
        self.place(offset).map_or(offset, |(place, _)| self.source.source().origin_of(place))
    }
}

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source: _, size, stripe, columns } = self;
        f.debug_struct("Pieces").field("size", size).field("stripe", stripe).field("columns", columns).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(at: u64, start: u64, length: u64) -> Part {
        Part { at, start, length }
    }

    fn all(pieces: &Pieces<'_>) -> Vec<u8> {
        let mut bytes = vec![0xFF; usize::try_from(pieces.size()).unwrap()];
        assert_eq!(pieces.read_at(0, &mut bytes).unwrap(), bytes.len());
        bytes
    }

    #[test]
    fn parts_stand_one_behind_the_other() {
        let disk: Vec<u8> = (0..100).collect();
        let pieces = Pieces::spanned(&disk, 7, vec![part(0, 50, 3), part(3, 10, 4)]);
        assert_eq!(all(&pieces), [50, 51, 52, 10, 11, 12, 13]);
        assert_eq!((pieces.origin_of(0), pieces.origin_of(3)), (50, 10));
        let mut buffer = [0; 4];
        assert_eq!(pieces.read_at(5, &mut buffer).unwrap(), 2);
        assert_eq!(pieces.read_at(7, &mut buffer).unwrap(), 0);
    }

    #[test]
    fn columns_take_turns() {
        let disk: Vec<u8> = (0..100).collect();
        let pieces = Pieces::striped(&disk, 10, 2, vec![vec![part(0, 20, 6)], vec![part(0, 40, 3), part(3, 60, 3)]]);
        assert_eq!(all(&pieces), [20, 21, 40, 41, 22, 23, 42, 60, 24, 25]);
    }

    #[test]
    fn what_no_part_holds_cannot_be_read() {
        let disk: Vec<u8> = (0..100).collect();
        let pieces = Pieces::spanned(&disk, 10, vec![part(0, 50, 3), part(5, 98, 5)]);
        assert!(pieces.read_at(0, &mut [0; 4]).is_err());
        let mut bytes = [0xFF; 2048];
        assert_eq!(pieces.read_readable(0, &mut bytes[..10]), [3..5, 7..10]);
        assert_eq!(bytes[..10], [50, 51, 52, 0, 0, 98, 99, 0, 0, 0]);
        assert!(Pieces::striped(&disk, 10, 0, Vec::new()).read_at(0, &mut [0; 4]).is_err());
    }

    /// Bytes that count up; the second sector cannot be read.
    struct Bad(Vec<u8>);

    impl Source for Bad {
        fn size(&self) -> u64 {
            wide(self.0.len())
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
            if offset < 1024 && offset + wide(buffer.len()) > 512 {
                return Err(ReadError::new(offset, wide(buffer.len()), io::Error::other("bad")));
            }
            self.0.read_at(offset, buffer)
        }
    }

    #[test]
    fn what_is_lost_of_a_part_is_lost_at_its_own_sectors() {
        let disk = Bad((0..4096_u32).map(|at| (at / 7) as u8).collect());
        // Out of step with the sectors, with a gap in the middle, and behind each other.
        let pieces = Pieces::spanned(&disk, 4000, vec![part(0, 100, 1500), part(2000, 1900, 2000)]);
        let mut bytes = vec![0xEE; 4000];
        let missing = pieces.read_readable(0, &mut bytes);
        assert_eq!(missing, [412..924, 1500..2000]);
        for (at, byte) in bytes.iter().enumerate() {
            let is_missing = missing.iter().any(|range| range.contains(&(at as u64)));
            let place = if at < 1500 { at + 100 } else { at - 100 };
            assert_eq!(*byte, if is_missing { 0 } else { disk.0[place] }, "{at}");
        }
    }
}
