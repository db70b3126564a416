//! INDX records that a scan found, for directories whose own records no longer lead to them.

use std::sync::Arc;

use super::Volume;
use crate::base::reference::FileReference;

/// An INDX record somewhere in a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LostIndex {
    /// Where it starts, in bytes of the volume.
    pub offset: u64,
    /// Bytes of the record.
    pub record_size: u32,
    /// The directory that most of its names are in.
    pub directory: FileReference,
}

impl Volume<'_> {
    /// The INDX records that a scan of the volume found; `None` where it was not scanned.
    #[must_use]
    pub fn lost_indexes(&self) -> Option<&[LostIndex]> {
        self.lost_indexes.as_deref()
    }

    /// The same volume, knowing these INDX records: its catalog finds the names in them.
    #[must_use]
    pub fn with_lost_indexes(self, found: Vec<LostIndex>) -> Self {
        Self { lost_indexes: Some(Arc::from(found)), ..self }
    }
}
