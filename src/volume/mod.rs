//! From a source to a volume: partitions, geometry, extents and the MFT.

mod bare_table;
pub(crate) mod bitmap;
mod bootstrap;
pub(crate) mod cluster_owners;
pub(crate) mod disk;
pub(crate) mod doubts;
pub mod dynamic_disk;
pub(crate) mod extents;
pub mod foreign;
#[cfg(test)]
pub(crate) mod forged_volume;
pub(crate) mod geometry;
pub(crate) mod guid_partition_table;
mod listed_records;
pub(crate) mod lost_index;
pub(crate) mod master_boot_record;
pub(crate) mod mft;
pub(crate) mod partition;
mod partition_table;
mod table_order;
pub(crate) mod upcase;
mod value;

use std::sync::{Arc, OnceLock};

use crate::base::damage::{Damage, DamageKind};
use crate::base::error::{Error, Result};
use crate::source::held::HeldWindow;
use crate::source::log_pages::LogPage;
use crate::source::pieces::Part;
use crate::source::{SharedSource, Source, Window};
use crate::structure::boot_sector::BootSector;
pub use bitmap::{ClusterBitmap, ClusterState};
pub use doubts::{Doubt, DoubtKind, Doubts};
pub use extents::{Extent, Extents, Location};
pub use geometry::{Geometry, GeometryBuilder};
pub use guid_partition_table::{GuidPartitionEntry, GuidPartitionHeader};
pub use lost_index::LostIndex;
pub use master_boot_record::{MasterBootRecord, MasterBootRecordEntry, MasterBootRecordType};
pub use mft::{Chunk, Mft};
pub use partition::{Partition, PartitionScheme, PartitionType};
pub use upcase::UpCase;

/// An NTFS volume: its geometry and its MFT, and what was tolerated to find them.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// if let Some(geometry) = volume.geometry() {
///     println!("{} clusters of {} bytes", geometry.cluster_count(), geometry.cluster_size());
/// }
/// volume.damage().for_each(|damage| println!("tolerated: {damage}"));
/// assert_eq!(volume.entry_by_path(r"\level0\leaf.txt")?.record_number(), 76);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Volume<'s> {
    source: HeldWindow<'s>,
    geometry: Option<Geometry>,
    mft: Mft<'s>,
    damage: Arc<Vec<Damage>>,
    /// What of its bytes is not to be vouched for.
    doubts: Arc<Doubts>,
    /// Of a scan of the volume, where there was one.
    lost_indexes: Option<Arc<[LostIndex]>>,
    /// The table of upper case, once it was read.
    upcase: Arc<OnceLock<UpCase>>,
}

impl<'s> Volume<'s> {
    /// How much of the end of the source is searched for a backup boot sector.
    const BACKUP_SEARCH: u64 = 1 << 20;

    /// Opens the volume that starts where `source` starts: by its boot sector, else by the backup.
    ///
    /// # Errors
    /// When neither leads to an MFT.
    pub fn open(source: &'s dyn Source) -> Result<Self> {
        Self::open_window(Window::whole(source))
    }

    /// The same for a source that is shared: the volume keeps it, and can be kept itself.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_shared(source: SharedSource) -> Result<Volume<'static>> {
        Ok(Volume::open(&source)?.shared(&source))
    }

    /// The same for a part of a source, such as a partition.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_window(source: Window<'s>) -> Result<Self> {
        let primary = match boot_sector(source, 0).and_then(|sector| Ok(BootSector::parse(&sector)?.geometry()?)) {
            Ok(geometry) => Self::with_geometry(source, geometry),
            Err(error) => Err(error),
        };
        match primary {
            Ok(mut volume) => {
                volume.check_backup();
                Ok(volume)
            }
            Err(error) => Self::open_by_backup(source).ok_or(error),
        }
    }

    /// Opens a volume whose geometry the caller knows.
    ///
    /// # Errors
    /// When there is no MFT where the geometry says, and no mirror.
    pub fn with_geometry(source: Window<'s>, geometry: Geometry) -> Result<Self> {
        let mft = Mft::find(source, &geometry)?;
        let mut damage = Vec::new();
        if source.size() < geometry.volume_size() {
            let kind = DamageKind::VolumeTruncated { claimed: geometry.volume_size(), available: source.size() };
            damage.push(Damage::new(source.size(), kind));
        }
        Ok(Self::from_parts(source, Some(geometry), mft, damage))
    }

    /// Opens a bare `$MFT` file: names, times and resident content without clusters.
    ///
    /// # Errors
    /// When the file does not look like a table of FILE records.
    pub fn from_table(source: &'s dyn Source) -> Result<Self> {
        let source = Window::whole(source);
        let mft = Mft::from_table(source)?;
        Ok(Self::from_parts(source, None, mft, Vec::new()))
    }

    /// A volume put together from what was found: nothing is read here.
    #[must_use]
    pub(crate) fn from_parts(
        source: impl Into<HeldWindow<'s>>,
        geometry: Option<Geometry>,
        mft: Mft<'s>,
        damage: Vec<Damage>,
    ) -> Self {
        let (source, damage) = (source.into(), Arc::new(damage));
        Self { source, geometry, mft, damage, doubts: Arc::default(), lost_indexes: None, upcase: Arc::default() }
    }

    /// The same volume, of whose table passes read at most `bytes` (or one record) at a time, and at most 16 MiB,
    /// instead of 256 KiB. Nothing but the time they take depends on it.
    #[must_use]
    pub fn with_reads_of(mut self, bytes: u64) -> Self {
        self.mft = self.mft.with_reads_of(bytes);
        self
    }

    /// The same, in records.
    #[cfg(test)]
    pub(crate) fn with_chunks_of(self, records: u64) -> Self {
        let bytes = records.saturating_mul(u64::from(self.mft.record_size()));
        self.with_reads_of(bytes)
    }

    /// Opens a volume that starts before its source does, as where the first sectors were cut off: by the backup boot
    /// sector at the end, which knows how long the volume is.
    #[must_use]
    pub fn open_late(source: &'s dyn Source) -> Option<Self> {
        let (offset, geometry, lead) = Self::backups(Window::whole(source)).find_map(|(offset, sector)| {
            let geometry = BootSector::parse(&sector).ok()?.geometry().ok()?;
            let lead = geometry.backup_boot_sector_offset().checked_sub(offset).filter(|&lead| lead > 0)?;
            let is_there = Mft::find(Window::late(source, lead), &geometry).is_ok();
            is_there.then_some((offset, geometry, lead))
        })?;
        let mut volume = Self::with_geometry(Window::late(source, lead), geometry).ok()?;
        volume.note(Damage::new(0, DamageKind::StartMissing { length: lead }));
        volume.note(Damage::new(offset.saturating_add(lead), DamageKind::BackupBootSectorUsed));
        Some(volume.with_doubts([Doubt::new(0..lead, DoubtKind::Displaced)]))
    }

    /// Opens a volume that starts before `window` does, as where a partition table was written with a wrong start: by the
    /// backup boot sector in it, where that leads to a table.
    #[must_use]
    pub fn open_before(window: Window<'s>) -> Option<Self> {
        let start = Self::backups(window).find_map(|(offset, sector)| {
            let geometry = BootSector::parse(&sector).ok()?.geometry().ok()?;
            let lead = geometry.backup_boot_sector_offset().checked_sub(offset).filter(|lead| *lead > 0)?;
            let start = window.start().checked_sub(lead)?;
            let longer = Window::new(window.source(), start, window.size().saturating_add(lead));
            Mft::find(longer, &geometry).is_ok_and(|mft| is_first(&mft)).then_some(longer)
        });
        Self::open_window(start?).ok()
    }

    /// Looks for a backup boot sector in the last MiB and, as NT 3.51 wrote it, in the middle.
    fn open_by_backup(source: Window<'s>) -> Option<Self> {
        Self::backups(source).find_map(|(offset, sector)| {
            let geometry = BootSector::parse(&sector).ok()?.geometry().ok()?;
            let mut volume =
                Self::with_geometry(source, geometry).ok().filter(|_| !Self::is_late(source, geometry, offset))?;
            volume.note(Damage::new(0, DamageKind::BootSector));
            volume.note(Damage::new(offset, DamageKind::BackupBootSectorUsed));
            Some(volume)
        })
    }

    /// True where a backup boot sector at `offset` leads to record 0 of a table if the volume starts before the window:
    /// at the place that it would have else, another record may stand.
    fn is_late(source: Window<'s>, geometry: Geometry, offset: u64) -> bool {
        let lead = geometry.backup_boot_sector_offset().saturating_sub(offset);
        let before = match source.start().checked_sub(lead) {
            Some(start) => Some(Window::new(source.source(), start, source.size().saturating_add(lead))),
            None => (source.start() == 0).then(|| Window::late(source.source(), lead)),
        };
        let table = || before.and_then(|before| Mft::find(before, &geometry).ok());
        lead > 0 && table().is_some_and(|mft| is_first(&mft))
    }

    /// The sectors that may be a backup boot sector, with their places.
    fn backups(source: Window<'s>) -> impl Iterator<Item = (u64, [u8; 512])> {
        let sector_start = |offset: u64| offset.saturating_sub(offset % 512);
        let start = sector_start(source.size().saturating_sub(Self::BACKUP_SEARCH));
        let mut end = vec![0; usize::try_from(source.size().saturating_sub(start)).unwrap_or(0)];
        source.read_readable(start, &mut end);
        let at_end: Vec<_> = (start..).step_by(512).zip(end.as_chunks::<512>().0.iter().copied()).collect();
        let middle = sector_start(source.size() / 2);
        let in_the_middle = boot_sector(source, middle).ok().map(|sector| (middle, sector));
        at_end.into_iter().rev().chain(in_the_middle)
    }

    /// Compares the backup boot sector with the primary, where the source has its place.
    fn check_backup(&mut self) {
        let Some(offset) = self.geometry.map(|geometry| geometry.backup_boot_sector_offset()) else { return };
        let (Ok(primary), Ok(backup)) = (boot_sector(self.source(), 0), boot_sector(self.source(), offset)) else {
            return;
        };
        if primary != backup {
            self.note(Damage::new(offset, DamageKind::BackupBootSectorDiffers));
        }
    }

    /// The same volume, of which more is known to be wrong.
    #[must_use]
    pub(crate) fn with_damage(mut self, damage: Vec<Damage>) -> Self {
        Arc::make_mut(&mut self.damage).extend(damage);
        self
    }

    pub(crate) fn cached_upcase(&self, read: impl FnOnce() -> UpCase) -> &UpCase {
        self.upcase.get_or_init(read)
    }

    fn note(&mut self, damage: Damage) {
        Arc::make_mut(&mut self.damage).push(damage);
    }

    /// The bytes of the volume.
    #[must_use]
    pub fn source(&self) -> Window<'_> {
        self.source.window()
    }

    pub(crate) fn held_source(&self) -> &HeldWindow<'s> {
        &self.source
    }

    /// The same volume in `source`, which has the bytes of the one that it was opened in.
    pub(crate) fn shared(&self, source: &SharedSource) -> Volume<'static> {
        let Self { geometry, damage, doubts, lost_indexes, upcase, .. } = self.clone();
        let mft = self.mft.shared(self.mft.held_source().shared(source.clone()));
        let source = self.source.shared(source.clone());
        Volume { source, geometry, mft, damage, doubts, lost_indexes, upcase }
    }

    /// The same volume with these log pages, which lie in its source, undone.
    pub(crate) fn with_log_pages(self, pages: &Arc<[LogPage]>) -> Self {
        if pages.is_empty() {
            return self;
        }
        let mft = self.mft.shared(self.mft.held_source().undone(pages));
        let source = self.source.undone(pages);
        Self { source, mft, ..self }
    }

    /// The same volume in its source with its parts, of which these are all, put back in the places that they had.
    pub(crate) fn realigned(self, parts: Vec<Part>) -> Self {
        let size = self.geometry.map_or(0, |geometry| geometry.backup_boot_sector_offset().saturating_add(512));
        let source = self.source.realigned(parts, size.max(self.source().size()));
        let mft = self.mft.shared(source.clone());
        let is_explained = |damage: &Damage| matches!(damage.kind, DamageKind::VolumeTruncated { .. });
        let damage = self.damage.iter().filter(|damage| !is_explained(damage)).copied().collect();
        Self { source, mft, damage: Arc::new(damage), upcase: Arc::default(), ..self }
    }

    /// The sizes of the volume; `None` for a bare `$MFT` file, which has no clusters.
    #[must_use]
    pub fn geometry(&self) -> Option<&Geometry> {
        self.geometry.as_ref()
    }

    /// The table of FILE records.
    #[must_use]
    pub fn mft(&self) -> &Mft<'s> {
        &self.mft
    }

    /// What was tolerated to open the volume and to find its MFT.
    pub fn damage(&self) -> impl Iterator<Item = Damage> + '_ {
        self.damage.iter().chain(self.mft.damage()).copied()
    }
}

/// True where slot 0 holds the record that names itself 0.
fn is_first(mft: &Mft<'_>) -> bool {
    mft.record(0).is_ok_and(|record| record.header().own_number() == Some(0))
}

/// The 512 bytes at `offset`.
fn boot_sector(source: Window<'_>, offset: u64) -> Result<[u8; 512]> {
    let mut sector = [0; 512];
    match source.read_at(offset, &mut sector)? {
        512 => Ok(sector),
        count => Err(Error::Damage(Damage::too_short(0, "boot sector", 512, count))),
    }
}
