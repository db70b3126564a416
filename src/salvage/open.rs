//! Opening whatever there is: down the ladder from the partition table to the last record.

use std::fmt;

use super::assemble::Material;
use super::findings::Findings;
use super::fragments::fragments;
use super::geometry_vote::{GeometryVote, Overrides, vote};
use super::layers::{Layer, layers};
use super::scan::Scanner;
use crate::base::damage::DamageKind;
use crate::base::error::{Error, Result};
use crate::base::guid::Guid;
use crate::base::threads::Threads;
use crate::source::{Source, Window};
use crate::structure::boot_sector::{BootSector, OemId};
use crate::volume::Volume;
use crate::volume::disk::Disk;
use crate::volume::geometry::Geometry;
use crate::volume::master_boot_record::MasterBootRecordType;
use crate::volume::partition::{Partition, PartitionScheme, PartitionType};

/// A volume that was opened, how, and what it is to its source.
#[derive(Debug, Clone)]
pub struct Opened<'s> {
    volume: Volume<'s>,
    layer: Layer,
    way: Way,
    vote: Option<GeometryVote>,
}

/// What led to a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Way {
    /// Its boot sector.
    BootSector,
    /// The backup of its boot sector.
    BackupBootSector,
    /// The source is a bare table.
    BareTable,
    /// A scan for what is left of it.
    Scan,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BootSector => "boot sector",
            Self::BackupBootSector => "backup boot sector",
            Self::BareTable => "bare table",
            Self::Scan => "scan",
        })
    }
}

impl<'s> Opened<'s> {
    fn by_sector(volume: Volume<'s>) -> Self {
        let by_backup = volume.damage().any(|damage| damage.kind == DamageKind::BackupBootSectorUsed);
        let way = if by_backup { Way::BackupBootSector } else { Way::BootSector };
        Self { volume, layer: Layer::Current, way, vote: None }
    }

    /// The volume.
    #[must_use]
    pub fn volume(&self) -> &Volume<'s> {
        &self.volume
    }

    /// The volume itself.
    #[must_use]
    pub fn into_volume(self) -> Volume<'s> {
        self.volume
    }

    /// What the volume is to its source.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// What led to the volume.
    #[must_use]
    pub fn way(&self) -> Way {
        self.way
    }

    /// How its geometry was voted, where a scan led to it.
    #[must_use]
    pub fn vote(&self) -> Option<&GeometryVote> {
        self.vote.as_ref()
    }

    /// Where the volume starts, in bytes of the source.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.volume.source().start()
    }

    /// True when part of the table has no known place, so that a scan may find more.
    fn is_incomplete(&self) -> bool {
        self.volume.mft().damage().iter().any(|damage| {
            matches!(
                damage.kind,
                DamageKind::TableUnmapped { .. }
                    | DamageKind::ListedRecordForeign { .. }
                    | DamageKind::DataRun { .. }
                    | DamageKind::DataRunTotal { .. }
                    | DamageKind::OverlappingPieces { .. }
            )
        })
    }
}

/// Opens every volume of a source, by whatever is left of it: its partition table, boot sectors,
/// their backups, the mirror of the table; where these do not lead to a table, by a scan.
///
/// What was lost, and what was used instead, is among each volume's [damage](Volume::damage).
///
/// # Errors
/// When nothing of NTFS is found.
pub fn open(source: &dyn Source) -> Result<Vec<Opened<'_>>> {
    open_with(source, &Threads::default())
}

/// The same on the given threads.
///
/// # Errors
/// As [`open`].
pub fn open_with<'s>(source: &'s dyn Source, threads: &Threads) -> Result<Vec<Opened<'s>>> {
    let disk = Disk::new(source);
    let mut found = Vec::new();
    for partition in disk.partitions() {
        found.extend(open_partition(partition, source, threads));
    }
    if found.is_empty() {
        found = scan_window(Window::whole(source), threads);
        // A volume may start with its table, too: only where there is no volume is it a bare one.
        if found.iter().all(|opened| opened.layer == Layer::Loose)
            && let Ok(volume) = Volume::from_table(source)
        {
            found = vec![Opened { volume, layer: Layer::Loose, way: Way::BareTable, vote: None }];
        }
    }
    if found.is_empty() { Err(NOTHING) } else { Ok(found) }
}

const NOTHING: Error = Error::Unsupported("nothing of NTFS was found: no boot sector, FILE record or index record");
/// Bytes behind a volume that starts a disk without a partition table: enough for another volume.
const ROOM_FOR_ANOTHER: u64 = 1 << 20;

/// What one partition holds: nothing, where nothing says that it is NTFS.
fn open_partition<'s>(partition: &Partition, source: &'s dyn Source, threads: &Threads) -> Vec<Opened<'s>> {
    let window = partition.window(source);
    let by_sector = Volume::open_window(window).ok().map(Opened::by_sector);
    let Some(opened) = by_sector else {
        return if was_ntfs(partition, source) { scan_window(window, threads) } else { Vec::new() };
    };
    let size = opened.volume.geometry().map_or(0, Geometry::volume_size);
    let mut found = if opened.is_incomplete() { completed(opened, threads) } else { vec![opened] };
    // Behind the only volume of a disk without a table there may have been others.
    if partition.scheme == PartitionScheme::Whole && window.size().saturating_sub(size) > ROOM_FOR_ANOTHER {
        let start = window.start().saturating_add(size);
        found.extend(scan_window(Window::new(source, start, u64::MAX), threads));
    }
    found
}

/// True for a partition that NTFS was in by what is left of its boot sectors, or by its type where no
/// other file system has put its own boot sector there.
fn was_ntfs(partition: &Partition, source: &dyn Source) -> bool {
    let is_of_type = match partition.partition_type {
        PartitionType::Mbr(kind) => NTFS_TYPES.contains(&kind),
        PartitionType::Gpt(kind) => NTFS_GUIDS.contains(&kind),
        _ => false,
    };
    let mut sector = [0; 512];
    partition.window(source).read_readable(0, &mut sector);
    let owner = BootSector::parse(&sector).map_or(OemId::Ntfs, |boot| boot.oem_id());
    let is_foreign = owner.is_known() && owner != OemId::Ntfs;
    partition.scheme != PartitionScheme::Whole && !is_foreign && (is_of_type || partition.looks_like_ntfs(source))
}

/// Types of partitions that Windows puts NTFS into.
const NTFS_TYPES: [MasterBootRecordType; 3] =
    [MasterBootRecordType::NTFS, MasterBootRecordType::HIDDEN_NTFS, MasterBootRecordType::WINDOWS_RECOVERY];
/// The same in a GUID partition table: basic data, and Windows' recovery environment.
const NTFS_GUIDS: [Guid; 2] = [
    Guid([0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7]),
    Guid([0xA4, 0xBB, 0x94, 0xDE, 0xD1, 0x06, 0x40, 0x4D, 0xA1, 0x6A, 0xBF, 0xD5, 0x01, 0x79, 0xD6, 0xAC]),
];

/// The same volume with what a scan adds to its table; as it is, where that is nothing.
fn completed<'s>(opened: Opened<'s>, threads: &Threads) -> Vec<Opened<'s>> {
    let scanned = scan_window(opened.volume.source(), threads);
    let records = |volume: &Volume<'_>| {
        let missing = volume.damage().filter_map(|damage| match damage.kind {
            DamageKind::TableUnmapped { first, end } => Some(end.saturating_sub(first)),
            _ => None,
        });
        volume.mft().record_count().saturating_sub(missing.fold(0, u64::saturating_add))
    };
    let is_same = |other: &Opened<'_>| other.layer == Layer::Current && other.start() == opened.start();
    let better = scanned.into_iter().find(|other| is_same(other) && records(&other.volume) > records(&opened.volume));
    vec![better.unwrap_or(opened)]
}

fn scan_window<'s>(window: Window<'s>, threads: &Threads) -> Vec<Opened<'s>> {
    let findings = Scanner::new(&window).run_with(threads);
    let findings = if findings.is_empty() { Scanner::new(&window).step(1).run_with(threads) } else { findings };
    assemble(window, &findings, &Overrides::default(), threads)
}

impl Findings {
    /// Puts together every volume that the findings allow: current ones first, then old formats,
    /// nested ones, exports of tables, and records without a volume.
    ///
    /// `source` is what was scanned.
    ///
    /// # Errors
    /// When nothing was found that a volume could be made from.
    pub fn open<'s>(
        &self,
        source: &'s dyn Source,
        overrides: &Overrides,
        threads: &Threads,
    ) -> Result<Vec<Opened<'s>>> {
        let found = assemble(Window::whole(source), self, overrides, threads);
        if found.is_empty() { Err(NOTHING) } else { Ok(found) }
    }

    /// The volumes the findings speak of, by vote, those with the most votes first.
    #[must_use]
    pub fn votes(&self, source: &dyn Source, overrides: &Overrides) -> Vec<GeometryVote> {
        vote(source, self, &fragments(self), overrides)
    }
}

fn assemble<'s>(source: Window<'s>, findings: &Findings, overrides: &Overrides, threads: &Threads) -> Vec<Opened<'s>> {
    let fragments = fragments(findings);
    let votes = vote(&source, findings, &fragments, overrides);
    let material = Material { source, findings, fragments: &fragments };
    let found = layers(material, &votes, threads).into_iter();
    found.map(|found| Opened { volume: found.volume, layer: found.layer, way: Way::Scan, vote: found.vote }).collect()
}
