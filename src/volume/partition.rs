//! Partitions: parts of a disk that may hold a volume.

use std::fmt;

use super::master_boot_record::MasterBootRecordType;
use crate::base::damage::{Damage, DamageKind};
use crate::base::guid::Guid;
use crate::base::name::Name;
use crate::source::{Source, Window};
use crate::structure::boot_sector::{BootSector, OemId};

/// A part of a disk that may hold a volume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partition {
    /// First byte, from the start of the disk.
    pub start: u64,
    /// Bytes the table claims; the source may have fewer.
    pub size: u64,
    /// What says that there is a partition.
    pub scheme: PartitionScheme,
    /// What the table says it is for.
    pub partition_type: PartitionType,
    /// Slot in its table, counted from 0; logical partitions count from 4 on, in the order of their
    /// chain.
    pub index: u32,
    pub(super) name: Vec<u8>,
}

/// What says that there is a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PartitionScheme {
    /// Nothing: it is the source itself.
    Whole,
    /// The master boot record.
    Mbr,
    /// An extended boot record: it is a logical partition.
    Extended,
    /// A GUID partition table.
    Gpt,
}

/// What a table says a partition is for. Not to be relied on: only the boot sector tells NTFS from
/// its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PartitionType {
    /// No table says anything.
    Unknown,
    /// The type byte of a master or extended boot record.
    Mbr(MasterBootRecordType),
    /// The type GUID of a GUID partition table.
    Gpt(Guid),
}

impl fmt::Display for PartitionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Mbr(byte) => write!(f, "{byte}"),
            Self::Gpt(guid) => write!(f, "{guid}"),
        }
    }
}

/// Types of the partitions of a dynamic disk: those of its database and of its volumes.
const DYNAMIC: [Guid; 2] = [
    Guid([0xAA, 0xC8, 0x08, 0x58, 0x8F, 0x7E, 0xE0, 0x42, 0x85, 0xD2, 0xE1, 0xE9, 0x04, 0x34, 0xCF, 0xB3]),
    Guid([0xA0, 0x60, 0x9B, 0xAF, 0x31, 0x14, 0x62, 0x4F, 0xBC, 0x68, 0x33, 0x11, 0x71, 0x4A, 0x69, 0xAD]),
];

impl PartitionType {
    /// True for the parts of a Windows dynamic disk, whose volumes need not start where its partitions do.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        match self {
            Self::Mbr(kind) => *kind == MasterBootRecordType::DYNAMIC,
            Self::Gpt(kind) => DYNAMIC.contains(kind),
            Self::Unknown => false,
        }
    }
}

impl Partition {
    /// The source itself as one partition.
    #[must_use]
    pub fn whole(source: &dyn Source) -> Self {
        let (scheme, partition_type) = (PartitionScheme::Whole, PartitionType::Unknown);
        Self { start: 0, size: source.size(), scheme, partition_type, index: 0, name: Vec::new() }
    }

    /// True for a source that is one volume, without any table.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.scheme == PartitionScheme::Whole
    }

    /// The number Linux gives it: one more than its index.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.index.saturating_add(1)
    }

    /// The name, where the table has names (GPT); else empty.
    #[must_use]
    pub fn name(&self) -> Name<'_> {
        Name::new(&self.name)
    }

    /// The partition's bytes, as far as `source` has them.
    #[must_use]
    pub fn window<'s>(&self, source: &'s dyn Source) -> Window<'s> {
        Window::new(source, self.start, self.size)
    }

    /// True when the first sector is an NTFS boot sector, or a backup of one lies where Windows puts
    /// it: in the last sector (512 or 4096 bytes), or in the middle (NT 3.51 and before).
    ///
    /// False is no proof that there is no volume: its backup may lie before the partition's end, and
    /// sectors that cannot be read say nothing.
    #[must_use]
    pub fn looks_like_ntfs(&self, source: &dyn Source) -> bool {
        let window = self.window(source);
        let at = |offset| sector_at(&window, offset).ok().flatten();
        let is_backup = |offset| {
            let geometry = at(offset).and_then(|sector| BootSector::parse(&sector).ok()?.geometry().ok());
            geometry.is_some_and(|geometry| geometry.volume_size() <= self.size)
        };
        let middle = (self.size >> 1) & !511;
        let ends = [512, 4096].map(|sector_size| self.size.checked_sub(sector_size));
        at(0).is_some_and(|sector| oem_id(&sector) == OemId::Ntfs)
            || ends.into_iter().flatten().any(is_backup)
            || is_backup(middle)
    }
}

/// The 512 bytes at `offset`; `None` where the source ends before.
pub(super) fn sector_at(source: &dyn Source, offset: u64) -> Result<Option<[u8; 512]>, Damage> {
    let mut sector = [0; 512];
    match Window::whole(source).read_at(offset, &mut sector) {
        Ok(length) => Ok((length == sector.len()).then_some(sector)),
        Err(_) => Err(Damage::new(offset, DamageKind::Unreadable { length: 512 })),
    }
}

pub(super) fn oem_id(sector: &[u8; 512]) -> OemId {
    BootSector::parse(sector).map_or(OemId::Other([0; 8]), |boot| boot.oem_id())
}

/// True when a boot sector of a file system that is known by name starts at `offset`.
pub(super) fn starts_volume(source: &dyn Source, offset: u64) -> bool {
    sector_at(source, offset).ok().flatten().is_some_and(|sector| oem_id(&sector).is_known())
}
