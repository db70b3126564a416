//! Volumes that the partition tables do not have, or not where they lie.

use super::{Opening, ROOM_FOR_ANOTHER};
use crate::base::damage::{Damage, DamageKind};
use crate::base::threads::Threads;
use crate::salvage::geometry_vote::Overrides;
use crate::salvage::layers::Layer;
use crate::salvage::open::{Discovery, Opened, ScanReason};
use crate::source::Window;
use crate::source::range_set::RangeSet;
use crate::volume::Volume;
use crate::volume::disk::Disk;
use crate::volume::partition::Partition;

impl<'s> Opening<'s, '_> {
    /// Opens the volume of a partition that starts before it does, as the table has it.
    pub(super) fn opens_before(
        &mut self,
        partition: &Partition,
        window: Window<'s>,
        threads: &Threads,
        found: &mut Discovery<'s>,
    ) -> bool {
        let Some(volume) = Volume::open_before(window) else { return false };
        let start = volume.source().start();
        found.disk_damage.push(Damage::new(partition.start, DamageKind::PartitionLate { start }));
        if found.volumes.iter().all(|opened| opened.start() != start) {
            let opened = self.completed(Opened::by_sector(volume), threads);
            found.volumes.push(opened.in_partition(Some(partition.clone())));
        }
        true
    }

    /// What lies outside of all partitions, where the tables have lost some.
    pub(super) fn outside_of_all(&mut self, disk: &Disk<'s>, threads: &Threads, found: &mut Discovery<'s>) {
        // A volume may be larger than its partition.
        let mut known = RangeSet::default();
        found
            .volumes
            .iter()
            .filter(|opened| opened.layer() != Layer::Loose)
            .for_each(|opened| known.insert(opened.span()));
        let gaps = disk.outside().into_iter().flat_map(|gap| known.outside(gap));
        let gaps = gaps.map(|gap| (gap.start, gap.end.saturating_sub(gap.start)));
        for (start, size) in gaps.filter(|(_, size)| *size > ROOM_FOR_ANOTHER) {
            let window = Window::new(self.source.source(), start, size);
            found.volumes.extend(self.scanned(ScanReason::EntriesLost, window, &Overrides::default(), threads));
            self.has_looked_outside |= !self.never_scans;
        }
    }
}
