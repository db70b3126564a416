//! What is wrong with the data, and where: facts that stand beside what could still be read.

use core::fmt;

use thiserror::Error;

use super::reference::FileReference;

/// Where something was found: a record of the MFT, if any, and a byte offset.
///
/// The offset counts from the start of the record where there is one, else from the start of the
/// volume (or of the bytes that were parsed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Place {
    /// Record number, the record's index in the MFT.
    pub record: Option<u64>,
    /// Bytes from the start of the record, or of the volume.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record {
            Some(record) => write!(f, "record {record} at {:#x}", self.offset),
            None => write!(f, "at {:#x}", self.offset),
        }
    }
}

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("{place}: {kind}")]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Damage {
    /// Where it was found.
    pub place: Place,
    /// What it is.
    pub kind: DamageKind,
}

/// The name of a structure or field. Written out as a reference, what is read again would have to live for ever.
type Word = &'static str;

/// What can be wrong. Each kind has a [stable code](DamageKind::code).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum DamageKind {
    // --- any structure ---------------------------------------------------------------------
    /// The bytes end before the structure does.
    #[error("{what} needs {needed} bytes, {found} are there")]
    TooShort {
        /// The structure.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "super::stored::word"))]
        what: Word,
        /// Bytes it needs.
        needed: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A range the structure names does not lie inside it.
    #[error("{what} at {offset:#x} with {length} bytes lies outside its {limit} bytes")]
    OutOfBounds {
        /// The part that is named.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "super::stored::word"))]
        what: Word,
        /// Where it should start.
        offset: u64,
        /// How many bytes it should have.
        length: u64,
        /// The size of what should hold it, in bytes.
        limit: u64,
    },
    /// A field holds a value that no such field can have.
    #[error("{what} is {value:#x}")]
    BadValue {
        /// The field.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "super::stored::word"))]
        what: Word,
        /// What it holds.
        value: u64,
    },

    // --- FILE records ----------------------------------------------------------------------
    /// The slot holds no signature at all: it was never used, or was wiped.
    #[error("no record: the signature is zero")]
    BlankRecord,
    /// The slot starts with something else than a known signature; with one byte of it damaged, it is a record all the same.
    #[error("the signature is {found:02x?}")]
    BadSignature {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The record is marked `BAAD`: a torn write was found by chkdsk or a driver.
    #[error("record is marked BAAD")]
    BaadRecord,
    /// A stride's last word is not the update sequence number: a torn write, or lost bytes.
    #[error("stride {stride} ends in {found:#06x} where the update sequence number {expected:#06x} belongs")]
    StrideMismatch {
        /// Index of the 512-byte stride.
        stride: u8,
        /// The update sequence number.
        expected: u16,
        /// The word that is there, and stays.
        found: u16,
    },
    /// The update sequence array does not fit the record; strides it does not cover are unverified.
    #[error("update sequence array at {offset:#x} with {count} words does not fit the record")]
    UpdateSequenceArray {
        /// Where it should start.
        offset: u16,
        /// Words it should have, the number included.
        count: u16,
    },
    /// The record names another number than its place in the table; the place is believed.
    #[error("record names itself {found}")]
    RecordNumberMismatch {
        /// The number it names.
        found: u64,
    },
    /// The record's allocated size is not the table's record size; the table's is believed.
    #[error("allocated size {found} is not the record size {expected}")]
    AllocatedSize {
        /// What the header says, in bytes.
        found: u32,
        /// The record size in use, in bytes.
        expected: u32,
    },
    /// The used size is impossible, or lies before the end marker; the walk goes by the marker.
    #[error("used size {used} does not end at the end marker")]
    UsedSize {
        /// What the header says, in bytes.
        used: u32,
    },
    /// The record has no end marker behind its last attribute.
    #[error("end marker missing, {found:#010x} is there")]
    EndMarkerMissing {
        /// The word at its place.
        found: u32,
    },

    // --- attributes ------------------------------------------------------------------------
    /// An attribute's length is below its header's, unaligned, or past the record.
    #[error("attribute {type_code:#x} claims {length} bytes, {available} are left")]
    AttributeLength {
        /// The attribute's type code.
        type_code: u32,
        /// The length it claims.
        length: u32,
        /// Bytes left in the record.
        available: u32,
    },
    /// An attribute is neither resident (0) nor non-resident (1).
    #[error("attribute form is {form}")]
    AttributeForm {
        /// What the byte holds.
        form: u8,
    },
    /// Attributes stand beyond the used size: residue of an earlier life of the record.
    #[error("attribute {type_code:#x} stands beyond the used size")]
    AttributeBeyondUsed {
        /// The attribute's type code.
        type_code: u32,
    },

    // --- data runs -------------------------------------------------------------------------
    /// A run's header byte or length is impossible; the runs before it stand.
    #[error("data run {index} is corrupt: header {header:#04x}")]
    DataRun {
        /// Which run, counted from 0.
        index: u32,
        /// Its header byte.
        header: u8,
    },
    /// The runs do not add up to the clusters the attribute claims.
    #[error("data runs cover {found} clusters of {expected}")]
    DataRunTotal {
        /// Clusters from lowest to highest VCN.
        expected: u64,
        /// Clusters the runs have.
        found: u64,
    },
    /// A piece of a stream is missing: these virtual clusters have no known place.
    #[error("clusters {vcn} to {end} of the stream have no known place")]
    UnmappedClusters {
        /// First missing VCN.
        vcn: u64,
        /// First VCN behind the gap.
        end: u64,
    },
    /// Two pieces of a stream claim the same virtual clusters; the later piece is left out.
    #[error("two pieces of the stream claim cluster {vcn}")]
    OverlappingPieces {
        /// First VCN claimed twice.
        vcn: u64,
    },

    // --- assembling a file from several records --------------------------------------------
    /// The attribute list names a record that is not (any more) part of the file.
    #[error("attribute list names record {reference}, which is not part of the file")]
    ListedRecordForeign {
        /// The reference in the list.
        reference: FileReference,
    },
    /// A record says it belongs to the file, but the attribute list does not name it.
    #[error("extension record {number} is not in the attribute list")]
    UnlistedExtension {
        /// The extension record.
        number: u64,
    },
    /// The index of a directory has a name for the file that its records do not have: one of the two is older.
    #[error("the index of directory {directory} has another name for the file")]
    NameOnlyInIndex {
        /// The directory.
        directory: FileReference,
    },
    /// A record that names a base has what only base records have, `$STANDARD_INFORMATION` and a name or a list:
    /// it is a base record, and the field is damaged.
    #[error("record names {reference} as its base, but is a base record itself")]
    BaseRecordItself {
        /// What the field holds.
        reference: FileReference,
    },
    /// A record says it belongs to a base record that is gone, reused, or itself an extension.
    #[error("extension record's base {reference} is gone")]
    BaseRecordGone {
        /// The base it names.
        reference: FileReference,
    },

    // --- volume ----------------------------------------------------------------------------
    /// There is no usable boot sector at the start of the volume.
    #[error("boot sector is not usable")]
    BootSector,
    /// The boot sector and its backup differ.
    #[error("backup boot sector differs")]
    BackupBootSectorDiffers,
    /// The geometry was taken from the backup boot sector.
    #[error("geometry was taken from the backup boot sector")]
    BackupBootSectorUsed,
    /// The volume is larger than the source: the rest is missing, not zero.
    #[error("volume has {claimed} bytes, {available} of them are there")]
    VolumeTruncated {
        /// Bytes the volume claims.
        claimed: u64,
        /// Bytes there are.
        available: u64,
    },
    /// Sectors were left out, or put in, on the way from the disk to the source: what is behind stands elsewhere.
    #[error("between here and {end:#x} {} bytes {}", bytes.unsigned_abs(), if *bytes < 0 { "are missing" } else { "are too many" })]
    Displaced {
        /// The first byte of the volume that is known to stand elsewhere.
        end: u64,
        /// Bytes that are too many; missing, where negative.
        bytes: i64,
    },
    /// What follows stands elsewhere, and is read there: anchors on both sides prove by how far.
    #[error("up to {end:#x} bytes were read {} bytes {} their place", bytes.unsigned_abs(), if *bytes < 0 { "before" } else { "behind" })]
    Realigned {
        /// Behind the last byte that is known to stand there.
        end: u64,
        /// Bytes behind its place; before it, where negative.
        bytes: i64,
    },
    /// Content is zero wherever some is expected: a copy of metadata only.
    #[error("all {files} files that were looked at have zeros for content: a copy of metadata only")]
    ContentBlank {
        /// Files that were looked at.
        files: u64,
    },
    /// Where the backup boot sector belongs other content stands: what lies behind the last known place may be another's.
    #[error("the volume's end is not where it belongs: what lies from here on may be another's")]
    EndForeign,
    /// The backup boot sector is zeros, and so is every cluster in use from here on: the copy may have ended here.
    #[error("everything from here to the volume's end is zeros: the copy may have ended here")]
    EndBlank,
    /// Record 0 was not usable and the mirror's copy was taken.
    #[error("record 0 is not usable, the mirror's copy was used")]
    MirrorUsed,
    /// Part of the MFT has no known place.
    #[error("records {first} to {end} of the MFT have no known place")]
    TableUnmapped {
        /// First missing record.
        first: u64,
        /// First record behind the gap.
        end: u64,
    },
    /// A copy of the MFT has records where others belong: it lacks a piece, has one too many, or its pieces were put
    /// together in another order. They go by the numbers that they name.
    #[error("records {first} to {end} of the MFT stand from slot {slot} of the copy on")]
    TableShifted {
        /// The first of them.
        first: u64,
        /// The first record behind them.
        end: u64,
        /// The slot, counted from the start of the copy, that the first one stands in.
        slot: u64,
    },
    /// Records of a copy of the MFT that does not name their numbers stand, and stay, where others belong, as parents prove.
    #[error("{parents} directories prove that records of the MFT stand {by} slots before where they belong")]
    TableShiftProved {
        /// How many slots too early; negative for too late.
        by: i64,
        /// Directories that are found there.
        parents: u64,
    },
    /// No boot sector was usable: the geometry is what most witnesses on the volume say.
    #[error("geometry was voted: {votes} witnesses for it, {against} for the next best")]
    GeometryVoted {
        /// Witnesses for the geometry.
        votes: u32,
        /// Witnesses for the one that came second.
        against: u32,
    },
    /// Record 0 did not say where the MFT lies (or not all of it): fragments were put together by
    /// the numbers of their records.
    #[error("{records} records of the MFT were assembled from {fragments} fragments")]
    TableAssembled {
        /// Fragments used.
        fragments: u64,
        /// Records found in them.
        records: u64,
    },
    /// No FILE record is left: every name comes from indexes.
    #[error("no FILE record is left: names come from {index_records} index records")]
    TableLost {
        /// Index records that a scan found.
        index_records: u64,
    },
    /// A partition table is damaged; what is plausible in it was used.
    #[error("partition table: {what}")]
    PartitionTable {
        /// What is wrong with it.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "super::stored::word"))]
        what: Word,
    },
    /// A partition is larger than the source: the rest is missing, not zero.
    #[error("partition has {claimed} bytes, {available} of them lie inside the source")]
    PartitionTruncated {
        /// Bytes the table claims.
        claimed: u64,
        /// Bytes there are.
        available: u64,
    },
    /// The volume in a partition is larger than the table says, and nothing known lies behind: it was read to its own end.
    #[error("partition has {claimed} bytes, the volume in it {volume}: read as far as the volume goes")]
    PartitionShort {
        /// Bytes the table claims.
        claimed: u64,
        /// Bytes of the volume, its backup boot sector included.
        volume: u64,
    },
    /// The volume in a partition starts before the table says the partition does, and was read from its own start on.
    #[error("partition starts behind the volume in it, which starts at byte {start}: read from there")]
    PartitionLate {
        /// The byte of the source that the volume starts at.
        start: u64,
    },
    /// The volume starts before the source does.
    #[error("the first {length} bytes of the volume lie before the start of the source")]
    StartMissing {
        /// How many bytes are missing.
        length: u64,
    },
    // --- compressed data -------------------------------------------------------------------
    /// A match copies from before the first byte of its chunk.
    #[error("match reaches {distance} bytes back where {produced} are there")]
    MatchBeforeStart {
        /// How far back, in bytes.
        distance: u64,
        /// Bytes of the chunk there are.
        produced: u64,
    },
    /// A chunk gives another number of bytes than belong there.
    #[error("chunk does not give the {expected} bytes that belong there, but {found}")]
    ChunkLength {
        /// Bytes that belong there.
        expected: u64,
        /// Bytes it gives, as far as that is known.
        found: u64,
    },
    /// A chunk has bytes left when all its output is there.
    #[error("chunk has {left} bytes left over")]
    ChunkLeftover {
        /// How many, compressed.
        left: u64,
    },
    /// Code lengths that make no complete prefix code.
    #[error("code lengths of the {what} code make no complete code")]
    CodeLengths {
        /// Which code.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "super::stored::word"))]
        what: Word,
    },

    // --- the medium ------------------------------------------------------------------------
    /// A line of a ddrescue mapfile does not fit; what it speaks of counts as not tried.
    #[error("line {line} of the map: {what}")]
    MapLine {
        /// Which line, counted from 1.
        line: u32,
        /// What is wrong with it.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "super::stored::word"))]
        what: Word,
    },
    /// Bytes could not be read. They are missing, not zero.
    #[error("{length} bytes could not be read")]
    Unreadable {
        /// How many.
        length: u64,
    },
}

impl Damage {
    /// Damage at `offset` of the bytes at hand.
    #[must_use]
    pub const fn new(offset: u64, kind: DamageKind) -> Self {
        Self { place: Place { record: None, offset }, kind }
    }

    /// Damage at `offset` of record `record`.
    #[must_use]
    pub const fn in_record(record: u64, offset: u64, kind: DamageKind) -> Self {
        Self { place: Place { record: Some(record), offset }, kind }
    }

    /// The same damage seen from the structure around it: `by` bytes further, in `record`.
    #[must_use]
    pub fn within(self, record: Option<u64>, by: u64) -> Self {
        let offset = self.place.offset.saturating_add(by);
        Self { place: Place { record: self.place.record.or(record), offset }, kind: self.kind }
    }

    /// [`DamageKind::TooShort`] at `offset`.
    pub(crate) fn too_short(offset: usize, what: &'static str, needed: usize, found: usize) -> Self {
        Self::new(wide(offset), DamageKind::TooShort { what, needed: wide(needed), found: wide(found) })
    }

    /// [`DamageKind::OutOfBounds`]: `what` should lie at `offset`, which is also where it is reported.
    pub(crate) fn out_of_bounds(what: &'static str, offset: usize, length: usize, limit: usize) -> Self {
        let kind = DamageKind::OutOfBounds { what, offset: wide(offset), length: wide(length), limit: wide(limit) };
        Self::new(wide(offset), kind)
    }

    /// [`DamageKind::BadValue`] of the field at `offset`.
    pub(crate) fn bad_value(offset: usize, what: &'static str, value: impl TryInto<u64>) -> Self {
        Self::new(wide(offset), DamageKind::BadValue { what, value: value.try_into().unwrap_or(u64::MAX) })
    }
}

/// A length in memory as a length in a file; `usize` has at most 64 bits on every known target.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl DamageKind {
    /// A short name that stays the same between versions, for filters and tables.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too-short",
            Self::OutOfBounds { .. } => "out-of-bounds",
            Self::BadValue { .. } => "bad-value",
            Self::BlankRecord => "blank-record",
            Self::BadSignature { .. } => "bad-signature",
            Self::BaadRecord => "baad-record",
            Self::StrideMismatch { .. } => "stride-mismatch",
            Self::UpdateSequenceArray { .. } => "update-sequence-array",
            Self::RecordNumberMismatch { .. } => "record-number-mismatch",
            Self::AllocatedSize { .. } => "allocated-size",
            Self::UsedSize { .. } => "used-size",
            Self::EndMarkerMissing { .. } => "end-marker-missing",
            Self::AttributeLength { .. } => "attribute-length",
            Self::AttributeForm { .. } => "attribute-form",
            Self::AttributeBeyondUsed { .. } => "attribute-beyond-used",
            Self::DataRun { .. } => "data-run",
            Self::DataRunTotal { .. } => "data-run-total",
            Self::UnmappedClusters { .. } => "unmapped-clusters",
            Self::OverlappingPieces { .. } => "overlapping-pieces",
            Self::ListedRecordForeign { .. } => "listed-record-foreign",
            Self::UnlistedExtension { .. } => "unlisted-extension",
            Self::NameOnlyInIndex { .. } => "name-only-in-index",
            Self::BaseRecordItself { .. } => "base-record-itself",
            Self::BaseRecordGone { .. } => "base-record-gone",
            Self::BootSector => "boot-sector",
            Self::BackupBootSectorDiffers => "backup-boot-sector-differs",
            Self::BackupBootSectorUsed => "backup-boot-sector-used",
            Self::VolumeTruncated { .. } => "volume-truncated",
            Self::Displaced { .. } => "displaced",
            Self::Realigned { .. } => "realigned",
            Self::ContentBlank { .. } => "content-blank",
            Self::EndForeign => "end-foreign",
            Self::EndBlank => "end-blank",
            Self::MirrorUsed => "mirror-used",
            Self::TableUnmapped { .. } => "table-unmapped",
            Self::TableShifted { .. } => "table-shifted",
            Self::TableShiftProved { .. } => "table-shift-proved",
            Self::GeometryVoted { .. } => "geometry-voted",
            Self::TableAssembled { .. } => "table-assembled",
            Self::TableLost { .. } => "table-lost",
            Self::PartitionTable { .. } => "partition-table",
            Self::PartitionTruncated { .. } => "partition-truncated",
            Self::PartitionShort { .. } => "partition-short",
            Self::PartitionLate { .. } => "partition-late",
            Self::StartMissing { .. } => "start-missing",
            Self::MatchBeforeStart { .. } => "match-before-start",
            Self::ChunkLength { .. } => "chunk-length",
            Self::ChunkLeftover { .. } => "chunk-leftover",
            Self::CodeLengths { .. } => "code-lengths",
            Self::MapLine { .. } => "map-line",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_place_and_the_numbers() {
        let kind = DamageKind::AttributeLength { type_code: 0x80, length: 12, available: 600 };
        let damage = Damage::in_record(42, 0x1a8, kind);
        assert_eq!(damage.to_string(), "record 42 at 0x1a8: attribute 0x80 claims 12 bytes, 600 are left");
        assert_eq!(damage.kind.code(), "attribute-length");
        assert_eq!(Damage::new(16, DamageKind::BlankRecord).to_string(), "at 0x10: no record: the signature is zero");
    }

    #[test]
    fn damage_in_a_part_is_damage_in_the_whole() {
        let inner = Damage::too_short(4, "$OBJECT_ID", 16, 3);
        let outer = inner.within(Some(7), 0x100);
        assert_eq!(outer.place, Place { record: Some(7), offset: 0x104 });
        assert_eq!(outer.within(Some(9), 0).place.record, Some(7), "the innermost record stays");
        assert_eq!(inner.within(None, u64::MAX).place.offset, u64::MAX);
    }

    #[test]
    fn damage_stays_small() {
        assert!(size_of::<Damage>() <= 72, "{}", size_of::<Damage>());
    }
}
