//! The account of a source: which partitions were not read, what lies outside of all, and what overlaps.

use std::ops::Range;

use super::layers::Layer;
use super::open::{Discovery, Opened, OpenedBy};
use super::unread::{Content, Unread, content_of};
use crate::source::Source;
use crate::volume::disk::Disk;
use crate::volume::dynamic_disk::{DynamicDisk, VolumeLayout};
use crate::volume::partition::{Partition, PartitionScheme};
use crate::volume::{Doubt, DoubtKind};

/// Sets down what of the source was not read, for those partitions that were asked for.
pub(super) fn account(
    disk: &Disk<'_>,
    dynamic: Option<&DynamicDisk<'_>>,
    chosen: Option<&Partition>,
    found: &mut Discovery<'_>,
) {
    let source = disk.source();
    let is_read = |partition: &Partition| {
        let end = partition.start.saturating_add(partition.size);
        found.volumes.iter().any(|opened| {
            let is_part = opened.layer() != Layer::Loose && partition.scheme != PartitionScheme::Whole;
            let is_its_own = opened.partition() == Some(partition);
            is_part && (is_its_own || opened.start() < end && partition.start <= opened.start())
                || (partition.scheme == PartitionScheme::Whole)
        })
    };
    let asked = disk.partitions().iter().filter(|partition| chosen.is_none_or(|chosen| chosen == *partition));
    // A dynamic disk's part may hold further volumes; only its database can tell.
    let is_dynamic = |partition: &Partition| partition.partition_type.is_dynamic();
    let is_open = |partition: &&Partition| match is_dynamic(partition) {
        true => dynamic.is_none(),
        false => !is_read(partition),
    };
    let unread = asked.filter(is_open).map(|partition| {
        let content = match partition.partition_type.is_dynamic() && !partition.is_whole() {
            true => Content::DynamicDisk,
            false => content_of(partition, source),
        };
        Unread { partition: partition.clone(), content }
    });
    let mut unread: Vec<Unread> = unread.collect();
    let area = disk.partitions().iter().find(|partition| is_dynamic(partition)).or_else(|| disk.partitions().first());
    let volumes = dynamic.filter(|_| chosen.is_none()).into_iter().flat_map(DynamicDisk::volumes);
    for volume in volumes {
        let start = volume.window(source).map(|window| window.origin_of(0));
        let is_open = start.is_some_and(|start| found.volumes.iter().any(|opened| opened.start() == start));
        if let Some(partition) = area.filter(|_| !is_open) {
            let content = Content::DynamicVolume(volume.to_string());
            unread.push(Unread { partition: partition.clone(), content });
        }
    }
    found.unread = unread;
    if chosen.is_none() {
        found.outside = disk.outside();
    }
}

/// Where the database of a dynamic disk was not read, or does not have a volume as it was found, nothing proves how that
/// lies: what a scan takes for one may be the first part of several.
pub(super) fn doubt_dynamic(disk: &Disk<'_>, dynamic: Option<&DynamicDisk<'_>>, found: &mut Discovery<'_>) {
    let areas: Vec<&Partition> = disk.partitions().iter().filter(|one| one.partition_type.is_dynamic()).collect();
    let is_tabled = |start: u64| disk.partitions().iter().any(|one| one.start == start);
    // A former volume may start in front of the area and reach into it.
    let is_inside = |opened: &Opened<'_>| {
        let start = opened.start();
        let end = opened.volume().source().start().saturating_add(opened.volume().source().size());
        areas.iter().any(|one| {
            let reaches = start < one.start.saturating_add(one.size) && one.start < end;
            reaches && (one.start <= start || !is_tabled(start))
        })
    };
    let is_told = |opened: &Opened<'_>| {
        let volumes = dynamic.into_iter().flat_map(DynamicDisk::volumes);
        let mut same = volumes.filter(|volume| {
            let is_possible = opened.opened_by() != OpenedBy::Scan || volume.layout == VolumeLayout::Simple;
            let start = volume.window(disk.source()).map(|window| window.origin_of(0));
            is_possible && start == Some(opened.start())
        });
        same.next().is_some()
    };
    // What starts where the database has no volume start is none of those that exist now.
    let is_start = |start: u64| dynamic.is_none_or(|disk| disk.volumes().iter().any(|one| one.start == Some(start)));
    let volumes = std::mem::take(&mut found.volumes).into_iter().map(|opened| {
        if !is_inside(&opened) || is_told(&opened) {
            return opened;
        }
        let opened = if is_start(opened.start()) { opened } else { opened.outlived() };
        opened.with_doubts(vec![Doubt::everything(DoubtKind::Unplaced)])
    });
    found.volumes = volumes.collect();
    found.volumes.sort_by_key(|opened| opened.layer() != Layer::Current);
}

/// Where two partitions overlap, or another one lies in a volume, what was used since is not known.
pub(super) fn doubt_overlaps(disk: &Disk<'_>, found: &mut Discovery<'_>) {
    let tabled: Vec<&Partition> = disk.partitions().iter().filter(|partition| !partition.is_whole()).collect();
    let volumes = std::mem::take(&mut found.volumes).into_iter().map(|opened| {
        let window = opened.volume().source();
        let span = window.start()..window.start().saturating_add(window.size());
        let own = |other: &&&Partition| {
            other.start == span.start || holds(other, &span) || opened.partition() == Some(**other)
        };
        let overlaps = tabled.iter().filter(|other| !own(other)).filter_map(|other| overlap(other, &span));
        let doubts: Vec<Doubt> = overlaps.map(|bytes| Doubt::new(bytes, DoubtKind::Superseded)).collect();
        opened.with_doubts(doubts)
    });
    found.volumes = volumes.collect();
}

fn holds(partition: &Partition, span: &Range<u64>) -> bool {
    partition.start <= span.start && span.end <= partition.start.saturating_add(partition.size)
}

/// The bytes of a volume's span that a partition has, counted from the volume's start.
fn overlap(partition: &Partition, span: &Range<u64>) -> Option<Range<u64>> {
    let start = partition.start.max(span.start);
    let end = partition.start.saturating_add(partition.size).min(span.end);
    (start < end).then(|| start.saturating_sub(span.start)..end.saturating_sub(span.start))
}
