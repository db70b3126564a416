//! The header that a dynamic disk has in several places, and that says where its database is.

use crate::base::be;
use crate::base::guid::Guid;
use crate::source::Source;
use crate::volume::disk::Disk;

/// Where the volumes' area and the database of a dynamic disk lie.
///
/// Layout, big-endian: 0 `"PRIVHEAD"`, 12 version (u16, u16), 48 identifier of the disk as text, 0x11B first sector of the
/// volumes' area (u64), 0x123 sectors of it (u64), 0x12B first sector of the database (u64), 0x133 sectors of it (u64).
///
/// Reference: the Linux kernel's documentation of LDM; libldm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PrivateHeader {
    pub(super) disk: Guid,
    /// Sector that parts count from.
    pub(super) disk_start: u64,
    /// First byte and bytes of the database.
    pub(super) database_start: u64,
    pub(super) database_size: u64,
}

/// Sectors of a database as Windows makes it.
const DATABASE: u64 = 2048;

impl PrivateHeader {
    /// Every header that the disk has: in sector 6, in the last MiB, and where a partition is of a dynamic disk, in its
    /// first and last sectors.
    pub(super) fn find(source: &dyn Source, disk: &Disk<'_>) -> Vec<Self> {
        let last = source.size().checked_div(512).unwrap_or(0);
        let mut places: Vec<u64> = vec![6];
        for partition in disk.partitions().iter().filter(|partition| partition.partition_type.is_dynamic()) {
            let (first, count) = (partition.start / 512, partition.size / 512);
            let end = first.saturating_add(count);
            places.extend([first, first.saturating_add(1), first.saturating_add(6)]);
            places.extend([end.saturating_sub(1), end.saturating_sub(DATABASE.saturating_sub(1856))]);
        }
        places.extend([last.saturating_sub(1), last.saturating_sub(DATABASE.saturating_sub(1856))]);
        places.into_iter().filter_map(|sector| Self::at(source, sector.checked_mul(512)?)).collect()
    }

    fn at(source: &dyn Source, offset: u64) -> Option<Self> {
        let mut bytes = [0; 512];
        let is_whole = source.read_readable(offset, &mut bytes).is_empty();
        if !is_whole || !bytes.starts_with(b"PRIVHEAD") {
            return None;
        }
        let field = |at| be::u64_at(&bytes, at);
        let bytes_of = |sectors: u64| sectors.checked_mul(512);
        let text = bytes.get(0x30..0x30 + 64)?;
        Some(Self {
            disk: be::guid_of_text(text)?,
            disk_start: field(0x11B)?,
            database_start: bytes_of(field(0x12B)?).filter(|&start| start > 0 && start < source.size())?,
            database_size: bytes_of(field(0x133)?)?,
        })
    }
}
