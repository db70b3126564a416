//! Whose clusters a place lies in.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::base::threads::Threads;
use crate::structure::record::Record;
use crate::volume::Volume;
use crate::volume::mft::Chunk;

/// Which of `places`, bytes of the volume in order, lie in clusters of a file in use, and of which.
pub(crate) fn owners(
    volume: &Volume<'_>,
    cluster_size: u32,
    places: &[(u64, usize)],
    threads: &Threads,
) -> BTreeMap<usize, u64> {
    let mut found: BTreeMap<usize, u64> = BTreeMap::new();
    let work = |owned: &mut Vec<(usize, u64)>, chunk: Chunk<'_>| {
        for (_, record) in chunk.into_records() {
            let Ok(record) = record else { continue };
            owned_by(&record, cluster_size, places, owned);
        }
    };
    let flow = volume.mft().scan(threads, work, |owned| {
        for (index, owner) in owned {
            found.entry(index).or_insert(owner);
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(flow.is_continue(), "nothing breaks the pass");
    found
}

fn owned_by(record: &Record<'_>, cluster_size: u32, places: &[(u64, usize)], owned: &mut Vec<(usize, u64)>) {
    let header = record.header();
    let owner = if header.is_base_record() { record.number() } else { header.base_reference().record_number() };
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
        let inside = places.iter().skip(first).take_while(|(place, _)| *place < end);
        owned.extend(inside.map(|(_, index)| (*index, owner)));
    }
}
