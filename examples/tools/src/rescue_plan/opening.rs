//! The way to the volumes, as far as it is known: partition tables, boot sectors, the first records.

use std::ops::Range;

use ntfs_salvage::salvage::{Layer, Opening, Overrides};
use ntfs_salvage::source::{Source, Window};
use ntfs_salvage::structure::BootSector;
use ntfs_salvage::volume::foreign::Foreign;
use ntfs_salvage::volume::{Geometry, Partition};
use ntfs_salvage::{DamageKind, Disk, Threads, Volume};

use crate::command::failure::Failure;
use crate::rescue_plan::arguments::{Arguments, Stage};
use crate::rescue_plan::need::Need;
use crate::rescue_plan::partial::Partial;

/// A volume that could be opened, and where it is called so.
pub struct NamedVolume<'s> {
    pub volume: Volume<'s>,
    pub name: String,
}

/// Looks for volumes, and adds to `need` what is missing on the way to them.
pub struct Opener<'s> {
    pub partial: &'s Partial<'s>,
    pub arguments: &'s Arguments,
    pub threads: &'s Threads,
}

/// Bytes of `$Boot`, at the start of a volume.
const BOOT: u64 = 8192;
const SECTOR: u64 = 512;

impl<'s> Opener<'s> {
    pub fn volumes(&self, need: &mut Need) -> Result<(Vec<NamedVolume<'s>>, Vec<Range<u64>>), Failure> {
        let input = &self.arguments.input;
        if let Some(offset) = input.offset {
            let window = Window::new(self.partial, offset, u64::MAX);
            let found = self.volume(window, format!("the volume at byte {offset}"), None, need);
            return Ok((found, Vec::new()));
        }
        let disk = Disk::new(self.partial);
        need.add(Stage::Metadata, self.partial.take_asked().list().iter().cloned());
        need.sectors_of(disk.sector_size().min(4096));
        if !self.partial.is_tried(0..SECTOR) {
            need.assume("the disk has one partition table or boot sector in its first sectors; they are not read yet");
            return Ok((Vec::new(), Vec::new()));
        }
        let is_wanted = |partition: &Partition| input.partition.is_none_or(|number| number == partition.number());
        let (mut found, mut foreign) = (Vec::new(), Vec::new());
        for partition in disk.partitions() {
            let whole = partition.start..partition.start.saturating_add(partition.size);
            if !is_wanted(partition) {
                foreign.push(whole);
                continue;
            }
            let name = match partition.is_whole() {
                true => "the volume".to_owned(),
                false => format!("partition {} at byte {}", partition.number(), partition.start),
            };
            let window = disk.window(partition);
            self.partial.take_asked();
            match self.foreign(window) {
                Some(other) if !partition.looks_like_ntfs(self.partial) => {
                    need.assume(format!("{name} holds {other}: it is in no plan; ddrescue without a domain reads it"));
                    foreign.push(whole);
                }
                _ => found.extend(self.volume(window, name, Some(partition), need)),
            }
        }
        if let Some(number) = input.partition.filter(|_| !disk.partitions().iter().any(is_wanted)) {
            return Err(Failure::Message(format!("no partition {number} in {}", input.path.display())));
        }
        Ok((found, foreign))
    }

    /// Another file system, where the first sector is there to tell.
    fn foreign(&self, window: Window<'_>) -> Option<Foreign> {
        let start = window.start();
        let is_there = self.partial.known_missing(start..start.saturating_add(SECTOR)).is_empty();
        let found = is_there.then(|| Foreign::recognize(&window)).flatten();
        self.partial.take_asked();
        found
    }

    /// The volume in a window, or several where only a scan finds them.
    fn volume(
        &self,
        window: Window<'s>,
        name: String,
        partition: Option<&Partition>,
        need: &mut Need,
    ) -> Vec<NamedVolume<'s>> {
        let (start, end) = (window.start(), window.start().saturating_add(window.size()));
        let last = end.saturating_sub(SECTOR)..end;
        need.add(Stage::Metadata, Some(start..start.saturating_add(BOOT).min(end)));
        if !self.partial.is_tried(start..start.saturating_add(SECTOR)) {
            // Its copy costs one sector, and a round where the first is bad.
            need.add(Stage::Metadata, Some(last));
            need.assume(format!("{name} starts with a boot sector; it is not read yet"));
            return Vec::new();
        }
        if let Some(geometry) = geometry(window) {
            return self.by_geometry(window, geometry, name, partition, need);
        }
        self.partial.take_asked();
        let opened = Volume::open_window(window);
        let asked = self.partial.take_asked();
        if let Ok(volume) = opened {
            return vec![NamedVolume { volume, name }];
        }
        need.assume(format!("the boot sector of {name} cannot be used; its backup is looked for at the end"));
        self.searched(asked.within(start..end).list(), start..end, name, partition, need)
    }

    fn by_geometry(
        &self,
        window: Window<'s>,
        geometry: Geometry,
        name: String,
        partition: Option<&Partition>,
        need: &mut Need,
    ) -> Vec<NamedVolume<'s>> {
        let (start, end) = (window.start(), window.start().saturating_add(window.size()));
        need.sectors_of(geometry.sector_size());
        let place = |offset: u64, length: u64| {
            let from = start.saturating_add(offset);
            from.min(end)..from.saturating_add(length).min(end)
        };
        let record = u64::from(geometry.record_size());
        need.add(Stage::Metadata, Some(place(geometry.backup_boot_sector_offset(), u64::from(geometry.sector_size()))));
        need.add(Stage::Metadata, geometry.mft_offset().map(|offset| place(offset, record)));
        need.add(Stage::Metadata, geometry.mirror_offset().map(|offset| place(offset, record * 4)));
        self.partial.take_asked();
        let opened = Volume::with_geometry(window, geometry);
        let asked = self.partial.take_asked();
        match opened {
            Ok(volume) => vec![NamedVolume { volume, name }],
            Err(_) => {
                need.assume(format!(
                    "the table of {name} starts where its boot sector says; its first record is not read yet"
                ));
                self.searched(asked.within(start..end).list(), start..end, name, partition, need)
            }
        }
    }

    /// Where what the normal way asks for was tried, and is not to be read: what a scan of the rest finds.
    fn searched(
        &self,
        asked: &[Range<u64>],
        whole: Range<u64>,
        name: String,
        partition: Option<&Partition>,
        need: &mut Need,
    ) -> Vec<NamedVolume<'s>> {
        need.add(Stage::Metadata, asked.iter().cloned());
        if asked.iter().any(|range| !self.partial.is_tried(range.clone())) {
            return Vec::new();
        }
        let usual: Vec<_> = usual_places(&whole).collect();
        need.add(Stage::Metadata, usual.iter().cloned());
        if usual.iter().any(|range| !self.partial.is_tried(range.clone())) {
            need.assume(format!("{name} cannot be opened; its table may start where formatting usually puts it"));
            return Vec::new();
        }
        let found = self.scanned(partition, whole.start);
        if found.is_empty() || found.iter().any(|found| is_unmapped(&found.volume)) {
            need.assume(format!(
                "records of {name} have no known place: all of it is worth reading, from the start on"
            ));
            need.add(Stage::Metadata, Some(whole));
        }
        found.into_iter().map(|found| NamedVolume { name: name.clone(), ..found }).collect()
    }

    fn scanned(&self, partition: Option<&Partition>, start: u64) -> Vec<NamedVolume<'s>> {
        let input = &self.arguments.input;
        let mut opening = Opening::new(self.partial).threads(self.threads);
        opening = match partition.filter(|partition| !partition.is_whole()) {
            Some(partition) => opening.partition(partition.number()),
            None => opening.overrides(Overrides { start: input.offset, ..input.overrides() }),
        };
        let found = opening.run();
        self.partial.take_asked();
        let here = found.volumes.into_iter().filter(|opened| opened.layer() == Layer::Current);
        let here = here.filter(|opened| opened.start() >= start || opened.partition().is_some());
        here.map(|opened| NamedVolume { volume: opened.into_volume(), name: String::new() }).collect()
    }
}

fn geometry(window: Window<'_>) -> Option<Geometry> {
    let mut sector = [0; 512];
    (window.read_at(0, &mut sector).ok()? == sector.len()).then_some(())?;
    BootSector::parse(&sector).ok()?.geometry().ok()
}

/// True where records have no known place.
fn is_unmapped(volume: &Volume<'_>) -> bool {
    volume.damage().any(|damage| matches!(damage.kind, DamageKind::TableUnmapped { .. }))
}

/// Where Windows, mkntfs and older systems put the table and its mirror, in clusters of 4 KiB.
fn usual_places(whole: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
    const LENGTH: u64 = 64 << 10;
    let (start, size) = (whole.start, whole.end.saturating_sub(whole.start));
    let middle = size / 2 - size / 2 % 4096;
    // Cluster 4 and the mirror in cluster 2 lie in the first piece; cluster 786432 is at 3 GiB.
    let places = [0, size / 3 - size / 3 % 4096, middle, 3 << 30];
    let end = whole.end;
    let inside = places.into_iter().filter(move |offset| *offset < size);
    inside.map(move |offset| start + offset..(start + offset + LENGTH).min(end))
}
