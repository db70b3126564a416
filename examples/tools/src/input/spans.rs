//! Sets of byte positions, kept as ranges.

use std::ops::Range;

/// Ranges in order, none empty, none touching the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spans(Vec<Range<u64>>);

impl Spans {
    pub fn of(range: Range<u64>) -> Self {
        std::iter::once(range).collect()
    }

    pub fn list(&self) -> &[Range<u64>] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// Everything that is in one of the two.
    pub fn or(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).cloned().collect()
    }

    /// Everything that is in both.
    pub fn and(&self, other: &Self) -> Self {
        let mut found = Vec::new();
        let mut others = other.0.iter().peekable();
        for range in &self.0 {
            while others.next_if(|other| other.end <= range.start).is_some() {}
            let mut rest = others.clone();
            while let Some(other) = rest.next_if(|other| other.start < range.end) {
                found.push(range.start.max(other.start)..range.end.min(other.end));
            }
        }
        Self(found)
    }

    /// What is not in `other`.
    pub fn minus(&self, other: &Self) -> Self {
        let mut found = Vec::new();
        let mut first = 0;
        for range in &self.0 {
            first += other.0[first..].partition_point(|other| other.end <= range.start);
            let mut start = range.start;
            for gap in other.0[first..].iter().take_while(|gap| gap.start < range.end) {
                found.push(start..gap.start);
                start = gap.end;
            }
            found.push(start..range.end);
        }
        Self(found.into_iter().filter(|range| range.start < range.end).collect())
    }

    /// The same in whole sectors of a disk of `size` bytes.
    pub fn in_sectors(&self, sector: u64, size: u64) -> Self {
        let whole = |range: &Range<u64>| {
            let end = range.end.checked_next_multiple_of(sector).unwrap_or(u64::MAX);
            range.start - range.start % sector..end.min(size)
        };
        self.0.iter().map(whole).collect()
    }

    /// The part that lies in `range`.
    pub fn within(&self, range: Range<u64>) -> Self {
        self.and(&Self::of(range))
    }
}

/// Of ranges in any order, which may overlap.
impl FromIterator<Range<u64>> for Spans {
    fn from_iter<T: IntoIterator<Item = Range<u64>>>(ranges: T) -> Self {
        let mut all: Vec<_> = ranges.into_iter().filter(|range| range.start < range.end).collect();
        all.sort_unstable_by_key(|range| range.start);
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(all.len());
        for range in all {
            match joined.last_mut().filter(|last| last.end >= range.start) {
                Some(last) => last.end = last.end.max(range.end),
                None => joined.push(range),
            }
        }
        Self(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(ranges: &[Range<u64>]) -> Spans {
        ranges.iter().cloned().collect()
    }

    fn positions(spans: &Spans) -> Vec<u64> {
        spans.0.iter().flat_map(Clone::clone).collect()
    }

    #[test]
    fn sets_are_what_their_positions_say() {
        let mut state = 1_u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..500 {
            let mut set = || -> Spans {
                let count = random(6);
                (0..count).map(|_| random(40)..random(40)).collect()
            };
            let (one, other) = (set(), set());
            let (of_one, of_other) = (positions(&one), positions(&other));
            let keep = |is_kept: &dyn Fn(u64) -> bool| (0..40).filter(|&at| is_kept(at)).collect::<Vec<_>>();
            assert_eq!(positions(&one.and(&other)), keep(&|at| of_one.contains(&at) && of_other.contains(&at)));
            assert_eq!(positions(&one.or(&other)), keep(&|at| of_one.contains(&at) || of_other.contains(&at)));
            assert_eq!(positions(&one.minus(&other)), keep(&|at| of_one.contains(&at) && !of_other.contains(&at)));
        }
    }

    #[test]
    fn sectors_are_whole_and_end_with_the_disk() {
        let set = spans(&[5..6, 1030..1500, 2040..u64::MAX]);
        assert_eq!(set.in_sectors(512, 2100), spans(&[0..512, 1024..1536, 1536..2100]));
    }
}
