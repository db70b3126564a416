//! A set of positions, kept as ranges.

use std::collections::BTreeMap;
use std::ops::Range;

/// Positions of a source: ranges in order, none empty, none touching the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RangeSet {
    /// The end of each range by its start.
    ends: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// The ranges, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ends.iter().map(|(&start, &end)| start..end)
    }

    /// Adds a range, and joins it to those it overlaps or touches.
    pub(crate) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let Range { mut start, mut end } = range;
        while let Some((&known, &known_end)) = self.ends.range(..=end).next_back().filter(|known| *known.1 >= start) {
            self.ends.remove(&known);
            (start, end) = (start.min(known), end.max(known_end));
        }
        self.ends.insert(start, end);
    }

    /// The parts of `range` that are in the set, in order.
    pub(crate) fn inside(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let before = self.ends.range(..=range.start).next_back().map_or(range.start, |(&start, _)| start);
        let known = self.ends.range(before..range.end.max(before));
        known.map(move |(&start, &end)| start.max(range.start)..end.min(range.end)).filter(|part| !part.is_empty())
    }

    /// The parts of `range` that are not in the set, in order.
    pub(crate) fn outside(&self, range: Range<u64>) -> Vec<Range<u64>> {
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

    pub(crate) fn overlaps(&self, range: Range<u64>) -> bool {
        let last = self.ends.range(..range.end).next_back();
        !range.is_empty() && last.is_some_and(|(_, &end)| end > range.start)
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
            let ranges: Vec<_> = set.ranges().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert_eq!(ranges.into_iter().flatten().count(), naive.iter().filter(|&&is_in| is_in).count());
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
