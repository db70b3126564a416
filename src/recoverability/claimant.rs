//! A file that claims clusters.

use crate::base::reference::FileReference;
use crate::base::time::FileTime;

/// A file that claims clusters, by any of its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Claimant {
    /// The file.
    pub reference: FileReference,
    /// True for a file that exists, and for extension records in use whose base record is lost.
    pub is_live: bool,
    /// When its record was changed last, as it says; none where the file has no standard information.
    pub changed: Option<FileTime>,
    /// The LSN of its base record.
    pub lsn: u64,
    /// True for what is left of an earlier state of a file: nobody knows when it gave its clusters up.
    pub is_residue: bool,
    /// The last of its times but that of the last access.
    pub last_written: Option<FileTime>,
    /// Its update sequence number in the change journal; 0 where it has none.
    pub usn: u64,
    /// Clusters that it was given; none for what is left of an earlier life, which had its clusters nobody knows when.
    pub handed_out: u64,
}

/// When a file's record was changed last, and its LSN: the greater, the later.
pub type Age = (Option<FileTime>, u64);

impl Claimant {
    /// A file of whose times and clusters nothing more is known.
    pub(crate) const fn new(reference: FileReference, is_live: bool, changed: Option<FileTime>, lsn: u64) -> Self {
        Self { reference, is_live, changed, lsn, is_residue: false, last_written: changed, usn: 0, handed_out: 0 }
    }

    /// What tells which of two deleted files had a cluster later: nobody knows for sure. Residue counts as the latest.
    #[must_use]
    pub fn age(&self) -> Age {
        (if self.is_residue { Some(FileTime(u64::MAX)) } else { self.changed }, self.lsn)
    }

    /// Whether the file had clusters later than `other` had them, as far as is known.
    #[must_use]
    pub fn is_later_than(&self, other: &Self) -> bool {
        if other.is_residue || self.is_residue {
            return other.lsn > 0 && self.lsn > other.lsn;
        }
        self.age() > other.age()
    }
}
