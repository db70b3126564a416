//! Places where volumes may start, whatever is left of them.

use crate::source::Source;
use crate::volume::disk::Disk;
use crate::volume::partition::Partition;

/// Where partitions start that no table names any more: behind the first track, and at the first MiB.
const USUAL_STARTS: [u64; 2] = [63 * 512, 1 << 20];

/// Places where volumes may start, in bytes of what was scanned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::salvage) struct NamedStarts {
    /// Those that a partition table names, or the start of a source without one.
    pub(in crate::salvage) named: Vec<u64>,
    /// Those where one would be usual: contents have to confirm them.
    pub(in crate::salvage) usual: Vec<u64>,
}

impl NamedStarts {
    /// Those in the bytes of `source` from `start` on.
    pub(in crate::salvage) fn of(source: &dyn Source, start: u64, size: u64) -> Self {
        let disk = Disk::new(source);
        let inside = |place: u64| place.checked_sub(start).filter(|inside| *inside < size);
        let is_tabled = disk.partitions().iter().any(|partition| !partition.is_whole());
        // Volumes of a dynamic disk start where its database says.
        let own = disk.partitions().iter().filter(|partition| !partition.partition_type.is_dynamic());
        let mut named: Vec<u64> = own.filter_map(|partition: &Partition| inside(partition.start)).collect();
        // A part of a source that is looked at for itself starts where something is known to end or to start.
        named.extend((start > 0 || !is_tabled).then_some(0));
        named.sort_unstable();
        named.dedup();
        let usual = USUAL_STARTS.into_iter().filter_map(inside).filter(|place| !named.contains(place)).collect();
        Self { named, usual }
    }
}
