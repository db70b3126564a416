//! Parts of a volume whose bytes may not be what its metadata says of them, and why.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::ops::Range;
use std::sync::Arc;

use super::Volume;

/// Why bytes of a volume may not be its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum DoubtKind {
    /// The volume was formatted over, or lies under another file system: what was written since, nothing in it knows.
    Superseded,
    /// Where the volume starts, or how its clusters lie on the disk, was found, and nothing proves it.
    Unplaced,
    /// What is known to stand here stands elsewhere: bytes are missing, or too many, on the way from the start.
    Displaced,
    /// A copy of metadata only: zeros stand where content was.
    Blanked,
    /// Opening the volume had to use something else instead of what stands here.
    Replaced,
    /// A file of the volume that exists now, which lies in the same place, has these bytes.
    Overwritten,
}

impl DoubtKind {
    /// All kinds, the gravest last.
    pub const ALL: &'static [Self] =
        &[Self::Superseded, Self::Unplaced, Self::Displaced, Self::Blanked, Self::Replaced, Self::Overwritten];

    /// A short name that stays the same between versions.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Unplaced => "unplaced",
            Self::Displaced => "displaced",
            Self::Blanked => "blanked",
            Self::Replaced => "replaced",
            Self::Overwritten => "overwritten",
        }
    }
}

/// Bytes of a volume that are in doubt for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Doubt {
    /// The first byte, counted from the volume's start.
    pub start: u64,
    /// The first byte behind.
    pub end: u64,
    /// Why.
    pub kind: DoubtKind,
}

impl Doubt {
    /// Doubts `bytes` of the volume.
    #[must_use]
    pub const fn new(bytes: Range<u64>, kind: DoubtKind) -> Self {
        Self { start: bytes.start, end: bytes.end, kind }
    }

    /// Doubts all of the volume.
    #[must_use]
    pub const fn everything(kind: DoubtKind) -> Self {
        Self::new(0..u64::MAX, kind)
    }
}

/// The doubts about a volume, in order, without overlaps: where several meet the gravest counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubts(Vec<Doubt>);

impl Doubts {
    /// True when nothing is in doubt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The doubts in order; neighbours of one kind are one.
    #[must_use]
    pub fn list(&self) -> &[Doubt] {
        &self.0
    }

    /// The parts of `bytes`, in order and without gaps, each with the doubt about it if there is one.
    pub fn of(&self, bytes: Range<u64>) -> impl Iterator<Item = (Range<u64>, Option<DoubtKind>)> + '_ {
        let mut position = bytes.start;
        let mut index = self.0.partition_point(|doubt| doubt.end <= position);
        std::iter::from_fn(move || {
            if position >= bytes.end {
                return None;
            }
            let (end, kind) = match self.0.get(index) {
                Some(doubt) if doubt.start <= position => {
                    index = index.saturating_add(1);
                    (doubt.end, Some(doubt.kind))
                }
                Some(doubt) => (doubt.start, None),
                None => (bytes.end, None),
            };
            let start = std::mem::replace(&mut position, end.min(bytes.end));
            Some((start..position, kind))
        })
    }

    /// The gravest doubt about any of `bytes`.
    #[must_use]
    pub fn gravest(&self, bytes: Range<u64>) -> Option<DoubtKind> {
        self.of(bytes).filter_map(|(_, kind)| kind).max()
    }
}

impl FromIterator<Doubt> for Doubts {
    /// Goes over all doubts from the first byte to the last, and keeps the gravest of those that meet.
    fn from_iter<T: IntoIterator<Item = Doubt>>(doubts: T) -> Self {
        let mut starts: Vec<Doubt> = doubts.into_iter().filter(|doubt| doubt.start < doubt.end).collect();
        starts.sort_unstable_by_key(|doubt| doubt.start);
        let mut ends: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
        let mut active: BTreeSet<(DoubtKind, usize)> = BTreeSet::new();
        let mut next = starts.iter().enumerate().peekable();
        let mut found: Vec<Doubt> = Vec::new();
        let mut position = 0;
        loop {
            let start = next.peek().map(|(_, doubt)| doubt.start);
            let end = ends.peek().map(|Reverse((end, _))| *end);
            let Some(border) = [start, end].into_iter().flatten().min() else { break };
            if let Some((kind, _)) = active.last() {
                push(&mut found, Doubt::new(position..border, *kind));
            }
            position = border;
            while let Some(Reverse((_, index))) = ends.peek().copied().filter(|Reverse((end, _))| *end == border) {
                ends.pop();
                if let Some(doubt) = starts.get(index) {
                    active.remove(&(doubt.kind, index));
                }
            }
            while let Some((index, doubt)) = next.next_if(|(_, doubt)| doubt.start == border) {
                active.insert((doubt.kind, index));
                ends.push(Reverse((doubt.end, index)));
            }
        }
        Self(found)
    }
}

/// Appends a doubt; a neighbour of its kind grows.
fn push(found: &mut Vec<Doubt>, next: Doubt) {
    match found.last_mut().filter(|last| last.end == next.start && last.kind == next.kind) {
        Some(last) => last.end = next.end,
        None if next.start < next.end => found.push(next),
        None => {}
    }
}

impl Volume<'_> {
    /// Which of its bytes may not be what the metadata says, and why.
    #[must_use]
    pub fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// The same volume with further doubts about its bytes: nothing of them is vouched for from then on.
    #[must_use]
    pub fn with_doubts(mut self, doubts: impl IntoIterator<Item = Doubt>) -> Self {
        self.doubts = Arc::new(self.doubts.0.iter().copied().chain(doubts).collect());
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn doubts(list: &[(u64, u64, DoubtKind)]) -> Doubts {
        list.iter().map(|&(start, end, kind)| Doubt::new(start..end, kind)).collect()
    }

    #[test]
    fn kinds_have_names_and_the_gravest_is_last() {
        let names: Vec<_> = DoubtKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(names, ["superseded", "unplaced", "displaced", "blanked", "replaced", "overwritten"]);
        assert!(DoubtKind::ALL.is_sorted());
    }

    #[test]
    fn where_doubts_meet_the_gravest_counts() {
        use DoubtKind::{Replaced, Superseded, Unplaced};
        let all = doubts(&[(0, u64::MAX, Superseded), (10, 20, Replaced), (15, 30, Unplaced), (30, 40, Unplaced)]);
        let expected = [
            Doubt::new(0..10, Superseded),
            Doubt::new(10..20, Replaced),
            Doubt::new(20..40, Unplaced),
            Doubt::new(40..u64::MAX, Superseded),
        ];
        assert_eq!(all.list(), expected);
        assert_eq!(all.gravest(0..11), Some(Replaced));
        assert_eq!(all.gravest(50..50), None);
        let parts: Vec<_> = doubts(&[(10, 20, Replaced)]).of(5..30).collect();
        assert_eq!(parts, [(5..10, None), (10..20, Some(Replaced)), (20..30, None)]);
        assert!(doubts(&[(7, 7, Replaced)]).is_empty(), "of no bytes");
    }

    proptest! {
        #[test]
        fn ranges_agree_with_asking_every_doubt(
            list in proptest::collection::vec((0_u64..60, 0_u64..30, 0_usize..6), 0..12), start in 0_u64..80, count in 0_u64..60,
        ) {
            let list: Vec<_> = list.iter().map(|&(start, length, kind)| (start, start + length, DoubtKind::ALL[kind])).collect();
            let all = doubts(&list);
            prop_assert!(all.list().windows(2).all(|pair| pair[0].end <= pair[1].start));
            prop_assert!(all.list().windows(2).all(|pair| pair[0].end < pair[1].start || pair[0].kind != pair[1].kind));
            let mut position = start;
            for (part, kind) in all.of(start..start + count) {
                prop_assert_eq!(part.start, position);
                prop_assert!(!part.is_empty());
                position = part.end;
                for byte in part {
                    let expected = list.iter().filter(|doubt| doubt.0 <= byte && byte < doubt.1).map(|doubt| doubt.2).max();
                    prop_assert_eq!(kind, expected, "{}", byte);
                }
            }
            prop_assert_eq!(position, start + count);
        }
    }
}
