//! Why a scan is made.

use std::fmt;

/// Why a scan is made: it reads all of a volume, or of a source, which takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum ScanReason {
    /// It was asked for.
    Asked,
    /// Nothing else led to a volume.
    NothingOpened,
    /// A partition holds, or held, NTFS, and none of its boot sectors leads to a table.
    TableNotFound,
    /// Part of a table has no known place.
    TableIncomplete,
    /// The volume is new, or has no user's file: an older one may lie under it.
    NewVolume,
    /// The partition tables have lost entries, and these bytes lie in no partition.
    EntriesLost,
    /// Bytes behind a volume that starts its source belong to nothing that is known.
    BehindVolume,
    /// Records are missing, and no index that the catalog knows has names for them.
    NamelessRecords,
}

impl fmt::Display for ScanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "as asked",
            Self::NothingOpened => "nothing else leads to a volume",
            Self::TableNotFound => "no boot sector leads to the volume's table",
            Self::TableIncomplete => "part of the volume's table has no known place",
            Self::NewVolume => "the volume is new or has no user's file, and an older one may lie under it",
            Self::EntriesLost => "the partition tables have lost entries, and this lies outside of all partitions",
            Self::BehindVolume => "what lies behind the volume belongs to nothing that is known",
            Self::NamelessRecords => "records are missing, and no known index has names for them",
        })
    }
}
