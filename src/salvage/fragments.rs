//! Fragments: FILE records that lie together as a piece of one table, found without any geometry.
//!
//! A record that names its own number `n`, lies at `p` and has `r` bytes gives the key `p - n * r`:
//! where record 0 would lie if the table were in one piece. All records of one piece have the same
//! key; a table in several pieces gives several.

use std::collections::BTreeMap;

use super::findings::{Findings, RecordHit};

/// Records of consecutive numbers that lie one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The number of the first record.
    pub first: u64,
    /// The first number behind the last record.
    pub end: u64,
    /// Where the first record starts, in bytes of the source.
    pub offset: u64,
    /// Bytes a record.
    pub record_size: u32,
    /// The hits in it, as indices of the findings' records; slots between them hold no record.
    pub(super) hits: Vec<u32>,
    /// What most of its records with clusters tell of their size.
    pub(super) told: Option<ToldSize>,
}

/// The cluster size that most of those records of a fragment tell that tell any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ToldSize {
    /// Bytes a cluster.
    pub(super) cluster_size: u32,
    /// How many records tell it.
    pub(super) records: usize,
}

impl ToldSize {
    /// Records that together are no accident.
    const ENOUGH: usize = 3;

    /// True where so many tell it that it is none of another volume's.
    pub(super) fn is_sure(self) -> bool {
        self.records >= Self::ENOUGH
    }

    /// What most of these tell.
    fn of<'h>(hits: impl Iterator<Item = &'h RecordHit>) -> Option<Self> {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for size in hits.filter_map(RecordHit::cluster_size) {
            let count = counts.entry(size).or_default();
            *count = count.saturating_add(1);
        }
        let all: usize = counts.values().copied().fold(0, usize::saturating_add);
        let (cluster_size, records) = counts.into_iter().max_by_key(|(size, count)| (*count, *size))?;
        (records.saturating_mul(2) > all).then_some(Self { cluster_size, records })
    }
}

impl Fragment {
    /// Where record 0 would lie if the table were in one piece: before the source, maybe.
    #[must_use]
    pub fn key(&self) -> i128 {
        key(self.offset, self.first, self.record_size)
    }

    /// How many records were found in it.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.hits.len()
    }

    /// The first byte of the source behind it.
    #[must_use]
    pub fn end_offset(&self) -> u64 {
        self.position(self.end)
    }

    /// Where record `number` of the fragment lies.
    #[must_use]
    pub fn position(&self, number: u64) -> u64 {
        let records = number.saturating_sub(self.first);
        self.offset.saturating_add(records.saturating_mul(u64::from(self.record_size)))
    }

    /// The number of the record at `offset` of the source.
    #[must_use]
    pub fn number_at(&self, offset: u64) -> u64 {
        let inside = offset.saturating_sub(self.offset);
        self.first.saturating_add(inside.checked_div(u64::from(self.record_size)).unwrap_or(0))
    }

    /// The fragment in two parts, where a slot starts at `offset` inside it.
    pub(super) fn cut(&self, offset: u64, records: &[RecordHit]) -> Option<(Self, Self)> {
        let number = self.number_at(offset);
        let is_inside = self.offset < offset && offset < self.end_offset() && self.position(number) == offset;
        let is_before = |index: &u32| {
            let hit = usize::try_from(*index).ok().and_then(|index| records.get(index));
            hit.is_some_and(|hit| hit.offset < offset)
        };
        let (before, behind): (Vec<u32>, Vec<u32>) = self.hits.iter().partition(|index| is_before(index));
        let front = Self { end: number, hits: before, ..self.clone() }.with_told_size(records);
        let back = Self { first: number, offset, hits: behind, ..self.clone() }.with_told_size(records);
        (is_inside && !front.hits.is_empty() && !back.hits.is_empty()).then_some((front, back))
    }

    fn with_told_size(mut self, records: &[RecordHit]) -> Self {
        self.told = ToldSize::of(hits_of(&self, records));
        self
    }

    /// True when the slot at `offset` is one of this fragment's.
    fn has_slot(&self, offset: u64) -> bool {
        let inside = offset.checked_sub(self.offset).filter(|_| offset < self.end_offset());
        inside.is_some_and(|inside| inside.is_multiple_of(u64::from(self.record_size.max(1))))
    }
}

fn key(offset: u64, number: u64, record_size: u32) -> i128 {
    i128::from(offset).saturating_sub(i128::from(number).saturating_mul(i128::from(record_size)))
}

/// How many slots without a record may lie between two records of one fragment.
const LONGEST_GAP: u64 = 64;
/// A table that was larger than so many times the source is not believed in: the source would have
/// next to nothing of its volume.
const LARGEST_SHARE: u64 = 16;
/// Bytes of a table that any source may have a piece of: a million records of 1 KiB.
const ALWAYS_POSSIBLE: u64 = 1 << 30;
/// A record alone yields to a fragment of at least this many in whose slots it lies: its number is wrong.
const FEW: usize = 8;
/// Times a fragment is parted because its records tell another cluster size.
const MOST_FORMATS: usize = 8;

/// Groups the records of a scan into fragments, in the order of their place.
#[must_use]
pub fn fragments(findings: &Findings) -> Vec<Fragment> {
    let mut found = part_at_foreign_gaps(numbered(findings), findings.records());
    found.sort_by_key(|fragment| (fragment.offset, fragment.first));
    absorb_strays(&mut found);
    place_numberless(&mut found, findings.records());
    let told = found.into_iter().map(|fragment| fragment.with_told_size(findings.records()));
    let mut found: Vec<Fragment> = told.flat_map(|fragment| part_at_other_size(fragment, findings.records())).collect();
    found.sort_by_key(|fragment| (fragment.offset, fragment.first));
    found
}

/// Fragments of the records that have a number.
fn numbered(findings: &Findings) -> Vec<Fragment> {
    let records = findings.records();
    let room = findings.source_size().saturating_mul(LARGEST_SHARE).max(ALWAYS_POSSIBLE);
    let mut keyed: Vec<(u32, i128, u64, u32)> = (0_u32..)
        .zip(records)
        .filter_map(|(index, hit)| {
            let number = hit.number()?;
            let end = number.checked_add(1)?.checked_mul(u64::from(hit.record_size))?;
            (end <= room).then_some((hit.record_size, key(hit.offset, number, hit.record_size), number, index))
        })
        .collect();
    keyed.sort_unstable();
    let mut found: Vec<Fragment> = Vec::new();
    let mut last_key = None;
    for (record_size, key, number, index) in keyed {
        let is_next = last_key == Some((record_size, key));
        last_key = Some((record_size, key));
        let open = found.last_mut().filter(|last| is_next && number.saturating_sub(last.end) <= LONGEST_GAP);
        match open {
            Some(last) => {
                last.end = number.saturating_add(1);
                last.hits.push(index);
            }
            None => {
                let Some(hit) = usize::try_from(index).ok().and_then(|index| records.get(index)) else { continue };
                let (first, end) = (number, number.saturating_add(1));
                found.push(Fragment { first, end, offset: hit.offset, record_size, hits: vec![index], told: None });
            }
        }
    }
    found
}

/// Gives records that are alone to the larger fragment whose slots they lie in.
fn absorb_strays(found: &mut Vec<Fragment>) {
    let large: Vec<(u64, usize)> = found
        .iter()
        .enumerate()
        .filter(|(_, fragment)| fragment.hits() >= FEW)
        .map(|(index, fragment)| (fragment.offset, index))
        .collect();
    let mut strays: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    let mut is_stray = vec![false; found.len()];
    for (fragment, is_stray) in found.iter().zip(&mut is_stray) {
        let before = large.partition_point(|(offset, _)| *offset <= fragment.offset);
        // Large fragments of one table do not overlap; those of several rarely do.
        for (_, index) in large.iter().take(before).rev().take(4) {
            let Some(host) = found.get(*index) else { continue };
            // Several in order are a piece of another table.
            let is_alone = fragment.hits() == 1;
            let inside = host.has_slot(fragment.offset) && fragment.end_offset() <= host.end_offset();
            if is_alone && inside && host.record_size == fragment.record_size && host.key() != fragment.key() {
                strays.entry(*index).or_default().extend(&fragment.hits);
                *is_stray = true;
                break;
            }
        }
    }
    for (index, hits) in strays {
        if let Some(host) = found.get_mut(index) {
            host.hits.extend(hits);
            host.hits.sort_unstable();
        }
    }
    let mut is_stray = is_stray.into_iter();
    found.retain(|_| !is_stray.next().unwrap_or(false));
}

/// Places records without a number by their neighbours: in a free slot of a fragment, or right
/// before or behind one.
fn place_numberless(found: &mut [Fragment], records: &[RecordHit]) {
    let numberless = (0_u32..).zip(records).filter(|(_, hit)| hit.number().is_none());
    let mut rest = Vec::new();
    for (index, hit) in numberless {
        let before = found.partition_point(|fragment| fragment.offset <= hit.offset);
        let nearest = found.iter_mut().take(before).rev().take(4);
        let host = nearest.into_iter().find(|fragment| {
            let fits = fragment.has_slot(hit.offset) || fragment.end_offset() == hit.offset;
            fits && fragment.record_size == hit.record_size
        });
        match host {
            Some(host) => {
                if host.end_offset() == hit.offset {
                    host.end = host.end.saturating_add(1);
                }
                host.hits.push(index);
            }
            None => rest.push((index, hit)),
        }
    }
    // Backwards: the record right before a fragment, then the one before that.
    for (index, hit) in rest.into_iter().rev() {
        let at = found.partition_point(|fragment| fragment.offset < hit.end());
        let host = found.get_mut(at).filter(|host| host.offset == hit.end() && host.record_size == hit.record_size);
        if let Some(host) = host
            && let Some(first) = host.first.checked_sub(1)
        {
            host.first = first;
            host.offset = hit.offset;
            host.hits.push(index);
        }
    }
    found.iter_mut().for_each(|fragment| fragment.hits.sort_unstable());
}

/// Parts a fragment at each gap whose records were found elsewhere: by chance, two pieces of a table
/// may have the same key.
fn part_at_foreign_gaps(found: Vec<Fragment>, records: &[RecordHit]) -> Vec<Fragment> {
    let mut claimed: Vec<(u32, u64)> = Vec::new();
    for fragment in &found {
        claimed.extend(numbers_of(fragment, records).map(|(_, number)| (fragment.record_size, number)));
    }
    claimed.sort_unstable();
    let is_foreign = |record_size: u32, first: u64, end: u64| {
        let at = claimed.partition_point(|claim| *claim < (record_size, first));
        claimed.get(at).is_some_and(|claim| *claim < (record_size, end))
    };
    let mut parted = Vec::with_capacity(found.len());
    for fragment in found {
        let mut rest = Fragment { hits: Vec::new(), ..fragment.clone() };
        for (index, number) in numbers_of(&fragment, records) {
            let after_last = rest.hits.last().map_or(number, |&last| slot_behind(&fragment, records, last));
            if after_last < number && is_foreign(fragment.record_size, after_last, number) {
                let behind = Fragment { first: number, offset: fragment.position(number), hits: Vec::new(), ..rest };
                parted.push(Fragment { end: after_last, ..std::mem::replace(&mut rest, behind) });
            }
            rest.hits.push(index);
        }
        parted.push(rest);
    }
    parted
}

/// Parts a fragment where its records begin to tell another cluster size: a volume was made over another
/// there, and the records of both lie one behind the other.
fn part_at_other_size(fragment: Fragment, records: &[RecordHit]) -> Vec<Fragment> {
    let mut parts = Vec::new();
    let mut rest = fragment;
    for _ in 0..MOST_FORMATS {
        let Some((front, back)) = other_size(&rest, records).and_then(|offset| rest.cut(offset, records)) else {
            break;
        };
        parts.push(front);
        rest = back;
    }
    parts.push(rest);
    parts
}

/// Where the records begin to tell another cluster size than those before: behind the longest gap, where
/// there is one between the last that tells the one and the first that tells the other.
fn other_size(fragment: &Fragment, records: &[RecordHit]) -> Option<u64> {
    let hits: Vec<(u64, Option<u32>)> =
        hits_of(fragment, records).map(|hit| (hit.offset, hit.cluster_size())).collect();
    let telling: Vec<(usize, u32)> =
        hits.iter().enumerate().filter_map(|(index, (_, size))| Some((index, (*size)?))).collect();
    let of_one_size =
        |window: &[(usize, u32)]| window.iter().all(|(_, size)| window.first().is_some_and(|first| first.1 == *size));
    let windows = telling.windows(ToldSize::ENOUGH.saturating_mul(2));
    let change = windows.filter_map(|window| window.split_at_checked(ToldSize::ENOUGH)).find(|(before, behind)| {
        let differ = before.first().map(|first| first.1) != behind.first().map(|first| first.1);
        differ && of_one_size(before) && of_one_size(behind)
    })?;
    let (last, first) = (change.0.last()?.0, change.1.first()?.0);
    let between = hits.get(last..=first)?;
    let gap =
        between.windows(2).filter_map(|pair| Some((pair.last()?.0.checked_sub(pair.first()?.0)?, pair.last()?.0)));
    gap.max_by_key(|(length, offset)| (*length, *offset)).map(|(_, offset)| offset)
}

/// The hits of a fragment with their numbers by place.
fn numbers_of<'f>(fragment: &'f Fragment, records: &'f [RecordHit]) -> impl Iterator<Item = (u32, u64)> {
    fragment.hits.iter().filter_map(|&index| {
        let hit = records.get(usize::try_from(index).ok()?)?;
        Some((index, fragment.number_at(hit.offset)))
    })
}

/// The number behind the one of hit `index`.
fn slot_behind(fragment: &Fragment, records: &[RecordHit], index: u32) -> u64 {
    let hit = usize::try_from(index).ok().and_then(|index| records.get(index));
    hit.map_or(fragment.first, |hit| fragment.number_at(hit.offset).saturating_add(1))
}

/// The hits of a fragment.
pub(super) fn hits_of<'f>(fragment: &'f Fragment, records: &'f [RecordHit]) -> impl Iterator<Item = &'f RecordHit> {
    fragment.hits.iter().filter_map(|&index| records.get(usize::try_from(index).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::reference::FileReference;
    use crate::salvage::findings::HitFlags;

    fn hit(offset: u64, number: Option<u64>) -> RecordHit {
        RecordHit {
            offset,
            number: number.unwrap_or(RecordHit::NO_NUMBER),
            lsn: 0,
            base: FileReference(0),
            parent: FileReference(0),
            record_size: 1024,
            flags: HitFlags::STRONG,
            sequence_number: 1,
            cluster_shift: 0,
        }
    }

    fn grouped(mut hits: Vec<RecordHit>) -> Vec<(u64, u64, u64, usize)> {
        hits.sort_by_key(|hit| hit.offset);
        let findings = Findings { records: hits, source_size: 1 << 30, ..Findings::default() };
        let spans = fragments(&findings);
        spans.iter().map(|fragment| (fragment.first, fragment.end, fragment.offset, fragment.hits())).collect()
    }

    #[test]
    fn records_of_one_piece_share_their_key() {
        let piece =
            |first: u64, count: u64, offset: u64| (0..count).map(move |n| hit(offset + n * 1024, Some(first + n)));
        let hits = piece(0, 10, 8192).chain(piece(10, 5, 1 << 20)).chain(piece(15, 3, 4096 << 4)).collect();
        assert_eq!(grouped(hits), [(0, 10, 8192, 10), (15, 18, 4096 << 4, 3), (10, 15, 1 << 20, 5)]);
    }

    #[test]
    fn a_gap_is_bridged_and_a_long_one_parts() {
        let hits = [0, 1, 40, 41, 500].map(|n| hit(n * 1024, Some(n))).to_vec();
        assert_eq!(grouped(hits), [(0, 42, 0, 4), (500, 501, 500 * 1024, 1)]);
    }

    #[test]
    fn a_wrong_number_yields_to_the_place() {
        let hits = (0..30).map(|n| hit(n * 1024, Some(if (16..20).contains(&n) { 99 } else { n }))).collect();
        assert_eq!(grouped(hits), [(0, 30, 0, 30)]);
    }

    #[test]
    fn records_without_number_are_placed_by_their_neighbours() {
        let number = |n| (n == 3 || n == 4 || n == 9).then_some(n);
        let hits = (0..12).map(|n| hit(n * 1024, number(n))).collect();
        assert_eq!(grouped(hits), [(0, 12, 0, 12)]);
        let lonely = vec![hit(0, None), hit(4096, Some(7)), hit(9000, None)];
        assert_eq!(grouped(lonely), [(7, 8, 4096, 1)]);
    }

    #[test]
    fn pieces_that_share_a_key_by_chance_are_parted() {
        let mut hits: Vec<_> = [0, 1, 2, 10, 11].map(|n| hit(n * 1024, Some(n))).to_vec();
        hits.extend((3..10).map(|n| hit((1 << 20) + n * 1024, Some(n))));
        let moved = (1 << 20) + 3 * 1024;
        assert_eq!(grouped(hits), [(0, 3, 0, 3), (10, 12, 10 * 1024, 2), (3, 10, moved, 7)]);
    }

    #[test]
    fn senseless_numbers_are_not_believed() {
        let largest = (1 << 48) - 1;
        assert_eq!(grouped(vec![hit(u64::MAX - 2048, Some(largest)), hit(0, Some(largest))]), []);
        let records = vec![hit(0, Some(largest)), hit(u64::MAX - 2048, Some(largest))];
        let findings = Findings { records, source_size: u64::MAX, ..Findings::default() };
        assert!(fragments(&findings).iter().all(|fragment| fragment.end == 1 << 48));
    }
}
