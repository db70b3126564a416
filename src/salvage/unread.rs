//! What is in partitions that were not read.

use std::fmt;

use crate::base::guid::Guid;
use crate::source::Source;
use crate::volume::foreign::Foreign;
use crate::volume::master_boot_record::MasterBootRecordType;
use crate::volume::partition::{Partition, PartitionType};

/// A partition, or a whole source, of which nothing was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Which one.
    pub partition: Partition,
    /// What is in it.
    pub content: Content,
}

/// What is in a partition that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Another file system, an encryption or a pool.
    Foreign(Box<Foreign>),
    /// Part of a dynamic disk: its volumes are in the disk's own database.
    DynamicDisk,
    /// A volume of a dynamic disk that was not opened: what the database says of it.
    DynamicVolume(String),
    /// Part of a storage pool, by its type.
    StoragePool,
    /// Room that Windows reserves, without a file system.
    Reserved,
    /// Nothing: the first sectors are zero.
    Blank,
    /// NTFS by its type, of which nothing is left that a scan finds.
    LostNtfs,
    /// Nothing that is known.
    Unknown,
}

impl Content {
    /// A word that stays the same between versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Foreign(foreign) => foreign.file_system.code(),
            Self::DynamicDisk => "dynamic-disk",
            Self::DynamicVolume(_) => "dynamic-volume",
            Self::StoragePool => "storage-pool",
            Self::Reserved => "reserved",
            Self::Blank => "blank",
            Self::LostNtfs => "lost-ntfs",
            Self::Unknown => "unknown",
        }
    }

    /// True where a user's files may be in it.
    #[must_use]
    pub fn may_hold_files(&self) -> bool {
        !matches!(self, Self::Reserved | Self::Blank)
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign(foreign) => return write!(f, "{foreign}"),
            Self::DynamicVolume(said) => return write!(f, "dynamic disk (LDM), {said}"),
            Self::DynamicDisk => "part of a dynamic disk (LDM); other volumes may be in it: --scan looks for them",
            Self::StoragePool => "part of a storage pool (Storage Spaces)",
            Self::Reserved => "reserved by Windows, without a file system",
            Self::Blank => "blank in its first sectors",
            Self::LostNtfs => "NTFS by its type, and nothing of it was found",
            Self::Unknown => "nothing that is known",
        })
    }
}

const RESERVED: Guid =
    Guid([0x16, 0xE3, 0xC9, 0xE3, 0x5C, 0x0B, 0xB8, 0x4D, 0x81, 0x7D, 0xF9, 0x2D, 0xF0, 0x02, 0x15, 0xAE]);
const STORAGE_POOL: Guid =
    Guid([0x8F, 0xAF, 0x5C, 0xE7, 0x80, 0xF6, 0xEE, 0x4C, 0xAF, 0xA3, 0xB0, 0x01, 0xE5, 0x6E, 0xFC, 0x2D]);
/// Bytes that are looked at before a partition is called blank.
const SAMPLE: usize = 64 << 10;

/// What is in a partition, by its first sectors, else by its type.
pub(super) fn content_of(partition: &Partition, source: &dyn Source) -> Content {
    let window = partition.window(source);
    if let Some(foreign) = Foreign::recognize(&window) {
        return Content::Foreign(Box::new(foreign));
    }
    match partition.partition_type {
        kind if kind.is_dynamic() => return Content::DynamicDisk,
        PartitionType::Gpt(STORAGE_POOL) => return Content::StoragePool,
        PartitionType::Gpt(RESERVED) => return Content::Reserved,
        _ => {}
    }
    let mut head = vec![0; SAMPLE];
    window.read_readable(0, &mut head);
    match head.iter().all(|byte| *byte == 0) {
        true if window.size() > 0 => Content::Blank,
        _ if is_ntfs_type(partition.partition_type) => Content::LostNtfs,
        _ => Content::Unknown,
    }
}

fn is_ntfs_type(kind: PartitionType) -> bool {
    kind == PartitionType::Mbr(MasterBootRecordType::NTFS)
}
