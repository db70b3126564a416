//! A set of positions, kept as ranges.

use std::ops::Range;

/// Positions of a source: ranges in order, none empty, none touching the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RangeSet {
    ranges: Vec<Range<u64>>,
}

impl RangeSet {
    pub(super) fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// Adds a range, and joins it to those it overlaps or touches.
    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.ranges.partition_point(|known| known.end < range.start);
        let behind = self.ranges.partition_point(|known| known.start <= range.end);
        let joined = self.ranges.get(first..behind).unwrap_or_default();
        let start = joined.first().map_or(range.start, |known| known.start.min(range.start));
        let end = joined.last().map_or(range.end, |known| known.end.max(range.end));
        self.ranges.splice(first..behind, std::iter::once(start..end));
    }

    /// The parts of `range` that are in the set, in order.
    pub(super) fn inside(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let first = self.ranges.partition_point(|known| known.end <= range.start);
        let from_first = self.ranges.get(first..).unwrap_or_default().iter();
        from_first
            .map(move |known| known.start.max(range.start)..known.end.min(range.end))
            .take_while(|part| !part.is_empty())
    }

    /// The parts of `range` that are not in the set, in order.
    pub(super) fn outside(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut start = range.start;
        for known in self.inside(range.clone()) {
            gaps.push(start..known.start);
            start = known.end;
        }
        gaps.push(start..range.end);
        gaps.retain(|gap| !gap.is_empty());
        gaps
    }

    pub(super) fn overlaps(&self, range: Range<u64>) -> bool {
        self.inside(range).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_range_set_is_a_set_of_positions(inserted in prop::collection::vec((0_u64..60, 0_u64..9), 0..20), start in 0_u64..64, length in 0_u64..40) {
            let mut set = RangeSet::default();
            let mut naive = [false; 128];
            for (at, length) in inserted {
                set.insert(at..at + length);
                (at..at + length).for_each(|position| naive[usize::try_from(position).unwrap()] = true);
            }
            prop_assert!(set.ranges().windows(2).all(|pair| pair[0].end < pair[1].start));
            let range = start..start + length;
            let expected = |member: bool| -> Vec<u64> {
                range.clone().filter(|&position| naive[usize::try_from(position).unwrap()] == member).collect()
            };
            prop_assert_eq!(set.inside(range.clone()).flatten().collect::<Vec<_>>(), expected(true));
            prop_assert_eq!(set.outside(range.clone()).into_iter().flatten().collect::<Vec<_>>(), expected(false));
            prop_assert_eq!(set.overlaps(range.clone()), !expected(true).is_empty());
        }
    }
}
