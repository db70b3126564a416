//! Byte ranges of an image.

use std::ops::Range;

use serde::Deserialize;

/// Where a piece of something lies: offset and length.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Piece(pub u64, pub u64);

impl Piece {
    pub fn range(self) -> Range<u64> {
        self.0..self.0 + self.1
    }
}

/// Ranges in order that do not touch each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<Range<u64>>);

impl FromIterator<Range<u64>> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Self(merged)
    }
}

impl Ranges {
    pub fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }

    /// Whether a byte of the piece is in one of the ranges.
    pub fn touch(&self, piece: Piece) -> bool {
        let wanted = piece.range();
        let at = self.0.partition_point(|range| range.end <= wanted.start);
        self.0.get(at).is_some_and(|range| range.start < wanted.end)
    }

    pub fn touch_any(&self, pieces: &[Piece]) -> bool {
        pieces.iter().any(|piece| self.touch(*piece))
    }

    /// What GNU ddrescue writes about a medium of that size on which only these ranges could not be read.
    pub fn to_mapfile(&self, size: u64) -> String {
        let mut text = String::from("# Mapfile. Created by the damage campaign\n0x0 + 1\n");
        let mut line = |from: u64, to: u64, status: char| {
            if from < to {
                text.push_str(&format!("0x{from:X} 0x{:X} {status}\n", to - from));
            }
        };
        let mut at = 0;
        for range in &self.0 {
            line(at, range.start, '+');
            line(range.start, range.end.min(size), '-');
            at = range.end;
        }
        line(at, size, '+');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let ranges: Ranges = [8..10, 0..4, 4..6, 9..12, 20..20].into_iter().collect();
        assert_eq!(ranges, Ranges(vec![0..6, 8..12]));
        let touched = [Piece(0, 1), Piece(5, 3), Piece(6, 2), Piece(11, 9), Piece(12, 9)].map(|p| ranges.touch(p));
        assert_eq!(touched, [true, true, false, true, false]);
    }

    #[test]
    fn a_mapfile_covers_the_medium() {
        let ranges: Ranges = [512..1024, 1536..2048].into_iter().collect();
        let map = ranges.to_mapfile(2048);
        let lines: Vec<_> = map.lines().skip(2).collect();
        assert_eq!(lines, ["0x0 0x200 +", "0x200 0x200 -", "0x400 0x200 +", "0x600 0x200 -"]);
    }
}
