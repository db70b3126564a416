//! Which bytes of a file more than one entry of an image's tables calls its own.
//!
//! No writer puts two blocks into one place. Where tables say so, one of two entries is wrong, and nothing tells
//! which: without this look, a flipped bit in a table would give one block the bytes of another.

use std::ops::Range;

/// Ranges of a file that entries claim.
#[derive(Debug, Default)]
pub(super) struct Claims {
    ranges: Vec<Range<u64>>,
    is_full: bool,
}

/// Claims that are kept: 32 MiB of them.
const MOST: usize = 2 << 20;

impl Claims {
    /// Tables of so many entries are looked through; larger ones are believed.
    pub(super) const MOST_ENTRIES: u64 = 2_000_000;

    pub(super) fn add(&mut self, start: u64, length: u64) {
        self.is_full |= self.ranges.len() >= MOST;
        if !self.is_full && length > 0 {
            self.ranges.push(start..start.saturating_add(length));
        }
    }

    /// Sorts the claims out.
    pub(super) fn contested(self) -> Contested {
        let Self { mut ranges, .. } = self;
        ranges.sort_unstable_by_key(|range| range.start);
        let mut contested: Vec<Range<u64>> = Vec::new();
        let mut end = 0;
        for range in ranges {
            let both = range.start..end.min(range.end);
            end = end.max(range.end);
            match contested.last_mut() {
                _ if both.is_empty() => {}
                Some(last) if last.end >= both.start => last.end = last.end.max(both.end),
                _ => contested.push(both),
            }
        }
        Contested { ranges: contested }
    }
}

/// Ranges of a file that more than one entry claims, in order.
#[derive(Debug, Default)]
pub(super) struct Contested {
    ranges: Vec<Range<u64>>,
}

impl Contested {
    /// True where any of these bytes is claimed twice.
    pub(super) fn touches(&self, start: u64, length: u64) -> bool {
        let first = self.ranges.partition_point(|range| range.end <= start);
        let end = start.saturating_add(length);
        start < end && self.ranges.get(first).is_some_and(|range| range.start < end)
    }

    /// How many bytes are claimed twice.
    pub(super) fn bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.end.saturating_sub(range.start)).fold(0, u64::saturating_add)
    }

    /// A sentence about it, where there is anything to say.
    pub(super) fn note(&self) -> Option<String> {
        let first = self.ranges.first()?;
        let bytes = self.bytes();
        let start = first.start;
        Some(format!(
            "two entries of its tables claim the same {bytes} bytes (from byte {start} on): neither is believed"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_two_claim_is_found(ranges in prop::collection::vec((0_u64..200, 0_u64..40), 0..20)) {
            let mut claims = Claims::default();
            let mut counts = vec![0; 300];
            for &(start, length) in &ranges {
                claims.add(start, length);
                (start..start + length).for_each(|at| counts[usize::try_from(at).unwrap()] += 1);
            }
            let contested = claims.contested();
            for (at, &count) in (0..).zip(&counts) {
                prop_assert_eq!(contested.touches(at, 1), count > 1, "{}", at);
            }
            prop_assert_eq!(contested.bytes(), counts.iter().filter(|&&count| count > 1).map(|_| 1).sum::<u64>());
            for &(start, length) in &ranges {
                let is_touched = (start..start + length).any(|at| counts[usize::try_from(at).unwrap()] > 1);
                prop_assert_eq!(contested.touches(start, length), is_touched);
            }
        }
    }
}
