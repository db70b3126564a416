//! Whose clusters a place lies in.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use crate::base::threads::Threads;
use crate::structure::record::Record;
use crate::volume::Volume;
use crate::volume::mft::Chunk;

/// Which of `places`, bytes of the volume in order, lie in clusters of a file in use, and of which: of several
/// the first in the table.
pub(crate) fn owners(
    volume: &Volume<'_>,
    cluster_size: u32,
    places: &[(u64, usize)],
    threads: &Threads,
) -> BTreeMap<usize, u64> {
    let mut unowned = Unowned::new(places);
    let work = |owned: &mut Vec<(Range<usize>, u64)>, chunk: Chunk<'_>| {
        for (_, record) in chunk.into_records() {
            let Ok(record) = record else { continue };
            owned_by(&record, cluster_size, places, owned);
        }
    };
    let flow = volume.mft().scan(threads, work, |owned| {
        owned.into_iter().for_each(|(range, owner)| unowned.give(range, owner));
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(flow.is_continue(), "nothing breaks the pass");
    unowned.found
}

/// Places that have no owner yet. However many runs lie over a place, it is given away once.
struct Unowned<'p> {
    places: &'p [(u64, usize)],
    /// For each place the first from it on that may be unowned.
    next: Vec<usize>,
    found: BTreeMap<usize, u64>,
}

impl<'p> Unowned<'p> {
    fn new(places: &'p [(u64, usize)]) -> Self {
        Self { places, next: (0..=places.len()).collect(), found: BTreeMap::new() }
    }

    /// The first unowned place from `place` on. The way there is shortened for the next who asks.
    fn first_from(&mut self, mut place: usize) -> usize {
        while let Some(&next) = self.next.get(place).filter(|&&next| next != place) {
            let behind = self.next.get(next).copied().unwrap_or(next);
            if let Some(shortened) = self.next.get_mut(place) {
                *shortened = behind;
            }
            place = behind;
        }
        place
    }

    fn give(&mut self, range: Range<usize>, owner: u64) {
        let mut place = self.first_from(range.start);
        while let Some((_, index)) = self.places.get(place).filter(|_| place < range.end) {
            self.found.insert(*index, owner);
            if let Some(next) = self.next.get_mut(place) {
                *next = place.saturating_add(1);
            }
            place = self.first_from(place);
        }
    }
}

/// Adds the ranges of places that lie in the clusters of a record.
fn owned_by(record: &Record<'_>, cluster_size: u32, places: &[(u64, usize)], owned: &mut Vec<(Range<usize>, u64)>) {
    let header = record.header();
    let owner = if record.is_base_record() { record.number() } else { header.base_reference().record_number() };
    // The table's own runs are no file's.
    if !header.is_in_use() || owner == 0 {
        return;
    }
    let pieces = record.attributes().filter_map(Result::ok).filter_map(|attribute| attribute.non_resident());
    let runs = pieces.filter_map(|piece| piece.data_runs().ok()).flat_map(|runs| runs.map_while(Result::ok));
    for run in runs {
        let Some(start) = run.lcn.and_then(|lcn| lcn.checked_mul(u64::from(cluster_size))) else { continue };
        let end = start.saturating_add(run.clusters.saturating_mul(u64::from(cluster_size)));
        let first = places.partition_point(|(place, _)| *place < start);
        let behind = places.partition_point(|(place, _)| *place < end);
        if first < behind {
            owned.push((first..behind, owner));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::forge::Forge;
    use crate::volume::forged_volume::{CLUSTER, FREE, Forged, add_runs, with_runs};

    #[test]
    fn free_clusters_lie_in_no_file() {
        let places: Vec<(u64, usize)> = (FREE..FREE + 20).map(|lcn| lcn * CLUSTER).zip(0..).collect();
        let extension = add_runs(Forge::new(1024).base(30, 1), "more", &[(2, Some(FREE + 7))], 1024, 1024);
        let records = vec![
            (30, with_runs(&[(1, Some(FREE + 2)), (1, None), (2, Some(FREE + 4))], 2048, 2048)),
            (31, extension),
            (32, with_runs(&[(3, Some(FREE + 10))], 1536, 1536).flags(0)),
            (33, with_runs(&[(2, Some(FREE + 8))], 1024, 1024)),
        ];
        let forged = Forged::new(records);
        let volume = forged.volume();
        let found = owners(&volume, CLUSTER as u32, &places, &Threads::new(2));
        let expected = [(2, 30), (4, 30), (5, 30), (7, 30), (8, 30), (9, 33)];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "of two files the first; deleted ones own nothing");
        let table: Vec<(u64, usize)> = vec![(8 * CLUSTER, 0), (9 * CLUSTER, 1)];
        assert!(owners(&volume, CLUSTER as u32, &table, &Threads::single()).is_empty(), "the table is no file's");
    }

    #[test]
    fn a_place_is_given_to_the_first_whoever_asks_for_it_later() {
        let places: Vec<(u64, usize)> = (0..100).map(|place| place * 10).zip(1000..).collect();
        let mut unowned = Unowned::new(&places);
        let ranges = [(20..30, 1), (0..0, 2), (25..40, 3), (10..50, 4), (20..30, 5), (90..100, 6), (0..100, 7)];
        let mut expected = BTreeMap::new();
        for (range, owner) in ranges {
            unowned.give(range.clone(), owner);
            range.for_each(|place| _ = expected.entry(1000 + place).or_insert(owner));
        }
        assert_eq!(unowned.found, expected);
        assert_eq!(unowned.first_from(0), 100);
    }
}
