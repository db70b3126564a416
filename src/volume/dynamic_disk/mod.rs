//! Windows' dynamic disks: volumes that a database at the disk's end describes, not a partition table.

mod database;
mod private_header;
mod records;

use std::collections::BTreeMap;
use std::fmt;

use self::database::Database;
use self::private_header::PrivateHeader;
use self::records::{Component, ComponentLayout, DiskPart};
use super::disk::Disk;
use crate::base::guid::Guid;
use crate::source::pieces::{Part, Pieces};
use crate::source::{Source, Window};

/// A dynamic disk, as its database has it.
#[derive(Debug)]
pub struct DynamicDisk<'s> {
    /// The disk's own identifier.
    pub identifier: Guid,
    volumes: Vec<DynamicVolume<'s>>,
    /// First byte of the database, and bytes of it.
    pub database: (u64, u64),
}

/// A volume of a dynamic disk.
#[derive(Debug)]
pub struct DynamicVolume<'s> {
    /// Its name in the database: `Volume1`, `Stripe1`.
    pub name: String,
    /// How its parts make it up.
    pub layout: VolumeLayout,
    /// Bytes.
    pub size: u64,
    /// Parts on this disk, of how many there are.
    pub here: (usize, usize),
    /// First byte of the part that it starts with, where that is on this disk.
    pub start: Option<u64>,
    /// All its bytes, where its parts on this disk are enough for that.
    pub bytes: Option<Pieces<'s>>,
}

/// How the parts of a volume make it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VolumeLayout {
    /// One part.
    Simple,
    /// Parts one behind the other.
    Spanned,
    /// Parts that take turns.
    Striped,
    /// Copies of each other.
    Mirrored,
    /// Parts that take turns, with parity.
    Raid5,
}

impl fmt::Display for VolumeLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple => "simple",
            Self::Spanned => "spanned",
            Self::Striped => "striped",
            Self::Mirrored => "mirrored",
            Self::Raid5 => "RAID-5",
        })
    }
}

impl<'s> DynamicDisk<'s> {
    /// Reads the database of a dynamic disk; `None` where the source is none, or its database is lost.
    #[must_use]
    pub fn read(source: &'s dyn Source) -> Option<Self> {
        let disk = Disk::new(source);
        let headers = PrivateHeader::find(source, &disk);
        headers.into_iter().find_map(|header| {
            let database = Database::read(source, &header)?;
            let volumes = volumes(source, &header, &database);
            Some(Self { identifier: header.disk, volumes, database: (header.database_start, header.database_size) })
        })
    }

    /// Its volumes, in the order of the database.
    #[must_use]
    pub fn volumes(&self) -> &[DynamicVolume<'s>] {
        &self.volumes
    }
}

impl<'s> DynamicVolume<'s> {
    /// The one place where all of the volume lies, where there is one.
    #[must_use]
    pub fn window(&'s self, source: &'s dyn Source) -> Option<Window<'s>> {
        let pieces = self.bytes.as_ref()?;
        let mut parts = pieces.parts();
        match (parts.next(), parts.next()) {
            (Some(part), None) => Some(Window::new(source, part.start, part.length.min(self.size))),
            _ => Some(Window::whole(pieces)),
        }
    }
}

impl fmt::Display for DynamicVolume<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (here, all) = self.here;
        write!(f, "{} volume {}, {} bytes", self.layout, self.name, self.size)?;
        if self.bytes.is_none() { write!(f, ": incomplete, {here} of {all} parts are on this disk") } else { Ok(()) }
    }
}

/// Puts the volumes together whose parts are all here.
fn volumes<'s>(source: &'s dyn Source, header: &PrivateHeader, database: &Database) -> Vec<DynamicVolume<'s>> {
    let own = database.disks.iter().find(|(_, disk)| **disk == header.disk).map(|(id, _)| *id);
    let mut found = Vec::new();
    for (id, volume) in &database.volumes {
        let components: Vec<(&u64, &Component)> =
            database.components.iter().filter(|(_, component)| component.volume == *id).collect();
        let parts_of = |component: u64| -> Vec<&DiskPart> {
            let mut parts: Vec<_> = database.parts.iter().filter(|part| part.component == component).collect();
            parts.sort_by_key(|part| (part.column, part.volume_offset));
            parts
        };
        let all: Vec<(&Component, Vec<&DiskPart>)> =
            components.iter().map(|(id, component)| (*component, parts_of(**id))).collect();
        let is_here = |part: &&DiskPart| own == Some(part.disk);
        let count = all.iter().map(|(_, parts)| parts.len()).sum();
        let here = all.iter().map(|(_, parts)| parts.iter().filter(|part| is_here(part)).count()).sum();
        let size = volume.sectors.saturating_mul(512);
        let whole = all.iter().find(|(component, parts)| {
            !parts.is_empty() && parts.len() == component.parts && parts.iter().all(is_here)
        });
        let first = all.iter().flat_map(|(_, parts)| parts).find(|part| (part.column, part.volume_offset) == (0, 0));
        let sector = first.filter(|part| is_here(part)).and_then(|part| header.disk_start.checked_add(part.start));
        let start = sector.and_then(|sector| sector.checked_mul(512));
        let bytes = whole.and_then(|(component, parts)| put_together(source, header, size, component, parts));
        let layout = layout_of(&all);
        found.push(DynamicVolume { name: volume.name.clone(), layout, size, here: (here, count), start, bytes });
    }
    found
}

fn layout_of(components: &[(&Component, Vec<&DiskPart>)]) -> VolumeLayout {
    match components {
        [_, _, ..] => VolumeLayout::Mirrored,
        [(component, parts)] => match component.layout {
            ComponentLayout::Striped => VolumeLayout::Striped,
            ComponentLayout::Raid5 => VolumeLayout::Raid5,
            ComponentLayout::Concatenated if parts.len() > 1 => VolumeLayout::Spanned,
            ComponentLayout::Concatenated => VolumeLayout::Simple,
        },
        [] => VolumeLayout::Simple,
    }
}

/// The bytes of a volume of which one whole component is here. RAID-5 is not: its parity turns in more than one way.
fn put_together<'s>(
    source: &'s dyn Source,
    header: &PrivateHeader,
    size: u64,
    component: &Component,
    parts: &[&DiskPart],
) -> Option<Pieces<'s>> {
    let mut columns: BTreeMap<u64, Vec<Part>> = BTreeMap::new();
    for part in parts {
        let column = if component.layout == ComponentLayout::Striped { part.column } else { 0 };
        let own = columns.entry(column).or_default();
        // Offsets count in the volume; in a column only their order does.
        let at = own.last().map_or(0, |last: &Part| last.at.saturating_add(last.length));
        let start = header.disk_start.checked_add(part.start)?.checked_mul(512)?;
        own.push(Part { at, start, length: part.sectors.checked_mul(512)? });
    }
    let columns: Vec<Vec<Part>> = columns.into_values().collect();
    let covered = columns.iter().flatten().fold(0_u64, |sum, part| sum.saturating_add(part.length));
    let is_enough = covered >= size && size > 0;
    match component.layout {
        _ if !is_enough => None,
        ComponentLayout::Concatenated => Some(Pieces::spanned(source, size, columns.into_iter().flatten().collect())),
        ComponentLayout::Striped if component.stripe > 0 && columns.len() == component.columns => {
            Some(Pieces::striped(source, size, component.stripe.checked_mul(512)?, columns))
        }
        _ => None,
    }
}
