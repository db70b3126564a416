//! What a scan has found: hits, in the order of their place.

use std::ops::Range;

use bitflags::bitflags;

use crate::base::reference::FileReference;

bitflags! {
    /// What a scan saw at once in a FILE record.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct HitFlags: u16 {
        /// The record is whole: every stride carries the update sequence number, the header makes
        /// sense, and the walk over the attributes reaches the end marker.
        const STRONG = 0x0001;
        /// The number comes from the record's own header.
        const OWN_NUMBER = 0x0002;
        /// The number comes from a name that only one record of a volume has, such as `$MFT`.
        const NUMBER_BY_NAME = 0x0004;
        /// The record is in use.
        const IN_USE = 0x0008;
        /// The record is, or was, a directory's.
        const DIRECTORY = 0x0010;
        /// The record extends another one.
        const EXTENSION = 0x0020;
        /// The record is marked `BAAD`.
        const BAAD = 0x0040;
        /// The record has an `$INDEX_ALLOCATION`: INDX records of it lie elsewhere.
        const INDEX_ALLOCATION = 0x0080;
        /// The record is named `$MFT` and says where a table lies.
        const TABLE = 0x0100;
        /// The update sequence has been undone already, as in a copy that a tool exported.
        const ALREADY_REPAIRED = 0x0200;
    }
}

/// A FILE record somewhere in a source: 56 bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHit {
    /// Where it starts, in bytes of the source.
    pub offset: u64,
    pub(super) number: u64,
    /// Log sequence number of its last logged change.
    pub lsn: u64,
    /// The record it extends; zero in a base record.
    pub base: FileReference,
    /// The directory of its first name; zero where it has none.
    pub parent: FileReference,
    /// Bytes of the record.
    pub record_size: u32,
    /// What was seen at once.
    pub flags: HitFlags,
    /// Counts the lives of the record.
    pub sequence_number: u16,
    pub(super) cluster_shift: u8,
}

impl RecordHit {
    pub(super) const NO_NUMBER: u64 = u64::MAX;

    /// The record's number, where it says so itself or its name does.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        Some(self.number).filter(|&number| number != Self::NO_NUMBER)
    }

    /// The cluster size its streams tell: allocated size by clusters.
    #[must_use]
    pub fn cluster_size(&self) -> Option<u32> {
        1_u32.checked_shl(u32::from(self.cluster_shift)).filter(|_| self.cluster_shift > 0)
    }

    /// True for a record that is whole.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        self.flags.contains(HitFlags::STRONG)
    }

    /// The record in this life, where its number is known.
    #[must_use]
    pub fn reference(&self) -> Option<FileReference> {
        self.number().map(|number| FileReference::new(number, self.sequence_number))
    }

    /// The first byte behind the record.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.record_size))
    }
}

/// An INDX record somewhere in a source: 40 bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexHit {
    /// Where it starts, in bytes of the source.
    pub offset: u64,
    /// Where in its index it says it is.
    pub vcn: u64,
    /// The directory most of its names are in; zero where it has no names, as in a view.
    pub parent: FileReference,
    /// Log sequence number of its last logged change.
    pub lsn: u64,
    /// Bytes of the record.
    pub record_size: u32,
    /// True when every stride carries the update sequence number and the entries end as they should.
    pub is_strong: bool,
}

/// A place that tells where a volume lies: 16 bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// Where it starts, in bytes of the source.
    pub offset: u64,
    /// What it is.
    pub kind: AnchorKind,
}

/// What tells where a volume lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AnchorKind {
    /// An NTFS boot sector with a possible geometry, or a backup of one.
    BootSector,
    /// A restart page: `$LogFile` starts with two.
    RestartPage,
    /// The start of `$UpCase`.
    UpperCaseTable,
    /// The start of `$AttrDef`.
    AttributeDefinitions,
    /// The start of `$Secure:$SDS`, or of its mirror.
    SecurityStream,
    /// The header of volume shadow copies, 0x1E00 bytes into a volume.
    ShadowCopies,
}

/// Everything a scan has found, in the order of place, the same for any number of threads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    pub(super) source_size: u64,
    pub(super) step: u32,
    pub(super) scanned: u64,
    pub(super) records: Vec<RecordHit>,
    pub(super) index_records: Vec<IndexHit>,
    pub(super) anchors: Vec<Anchor>,
    pub(super) unreadable: Vec<Range<u64>>,
}

impl Findings {
    /// Bytes of the source that was scanned.
    #[must_use]
    pub fn source_size(&self) -> u64 {
        self.source_size
    }

    /// How far the scan has come, in bytes.
    #[must_use]
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// True when the scan has seen the whole source.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.scanned >= self.source_size
    }

    /// Bytes between the places that were looked at.
    #[must_use]
    pub fn step(&self) -> u32 {
        self.step
    }

    /// The FILE records.
    #[must_use]
    pub fn records(&self) -> &[RecordHit] {
        &self.records
    }

    /// The INDX records.
    #[must_use]
    pub fn index_records(&self) -> &[IndexHit] {
        &self.index_records
    }

    /// The other places that tell where a volume lies.
    #[must_use]
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// What could not be read: missing, not empty.
    #[must_use]
    pub fn unreadable(&self) -> &[Range<u64>] {
        &self.unreadable
    }

    /// True when there is nothing that a volume could be made from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.index_records.is_empty()
            && !self.anchors.iter().any(|anchor| anchor.kind == AnchorKind::BootSector)
    }

    /// What lies in part of the source; places count from where they did.
    #[must_use]
    pub fn within(&self, range: Range<u64>) -> Self {
        let unreadable = self.unreadable.iter().map(|gap| gap.start.max(range.start)..gap.end.min(range.end));
        Self {
            records: self.records.iter().filter(|hit| range.contains(&hit.offset)).copied().collect(),
            index_records: self.index_records.iter().filter(|hit| range.contains(&hit.offset)).copied().collect(),
            anchors: self.anchors.iter().filter(|anchor| range.contains(&anchor.offset)).copied().collect(),
            unreadable: unreadable.filter(|gap| !gap.is_empty()).collect(),
            ..*self
        }
    }

    /// Appends what the next chunk of the source contributes.
    pub(super) fn append(&mut self, part: Self) {
        self.scanned = part.scanned;
        self.records.extend(part.records);
        self.index_records.extend(part.index_records);
        self.anchors.extend(part.anchors);
        for range in part.unreadable {
            match self.unreadable.last_mut().filter(|last| last.end == range.start) {
                Some(last) => last.end = range.end,
                None => self.unreadable.push(range),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_takes_at_most_a_hundred_bytes() {
        assert_eq!(size_of::<RecordHit>(), 56);
        assert_eq!(size_of::<IndexHit>(), 40);
        assert_eq!(size_of::<Anchor>(), 16);
    }
}
