//! File references: which record, in which of its lives.

use core::fmt;

/// A reference to a FILE record: 48 bits of record number, 16 bits of sequence number.
///
/// The sequence number tells the lives of a record apart: a reference is valid only while the
/// record carries the same one. Sequence 0 in a reference means "do not check".
///
/// Reference: `MFT_SEGMENT_REFERENCE`, 8 bytes on disk.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::{FileReference, SequenceMatch};
///
/// let reference = FileReference::new(74, 3);
/// assert_eq!(reference.to_string(), "74-3");
/// assert_eq!(reference.matches(3, true), SequenceMatch::Same);
/// assert_eq!(reference.matches(4, false), SequenceMatch::Freed, "deleted: the number was counted up");
/// assert_eq!(reference.matches(5, true), SequenceMatch::Other, "another file has the record now");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[doc(alias = "MFT_SEGMENT_REFERENCE")]
pub struct FileReference(pub u64);

/// How a reference's sequence number relates to the record it points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceMatch {
    /// The record is in the life the reference means.
    Same,
    /// The record was freed once since (Windows and ntfs-3g count up on deletion), and not reused.
    Freed,
    /// The record lives another life: what the reference means is gone.
    Other,
}

impl FileReference {
    const NUMBER_BITS: u32 = 48;
    const NUMBER_MASK: u64 = (1 << Self::NUMBER_BITS) - 1;

    /// Joins a record number (its low 48 bits) and a sequence number.
    #[must_use]
    #[allow(clippy::as_conversions, reason = "u16 to u64 is lossless, and From is not const")]
    pub const fn new(record_number: u64, sequence_number: u16) -> Self {
        Self((record_number & Self::NUMBER_MASK) | ((sequence_number as u64) << Self::NUMBER_BITS))
    }

    /// The index of the record in the MFT.
    #[must_use]
    pub const fn record_number(self) -> u64 {
        self.0 & Self::NUMBER_MASK
    }

    /// The sequence number the record had when the reference was made; 0 means "do not check".
    #[must_use]
    #[allow(clippy::as_conversions, reason = "a shift by 48 leaves 16 bits")]
    pub const fn sequence_number(self) -> u16 {
        (self.0 >> Self::NUMBER_BITS) as u16
    }

    /// What stands for a file of which no reference is left: no table has so many records.
    pub const UNKNOWN: Self = Self(Self::NUMBER_MASK);

    /// True where it is not known which record is meant.
    #[must_use]
    pub const fn is_unknown(self) -> bool {
        self.0 == Self::UNKNOWN.0
    }

    /// True for the all-zero reference, which in a FILE record's header says "this is a base record".
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What references to a file hold whose record has this number and state: what they held while the file existed.
    ///
    /// The rule of deletion: Windows and ntfs-3g add one to a record's sequence number when they free it (ntfs-3g
    /// skips 0, Windows may not), Linux ntfs3 only when the record is used again. So a free record was the number
    /// before (the first of the two) or has it still (the second); one in use has it, and both are the same.
    #[must_use]
    pub const fn lives(record_number: u64, record_sequence: u16, record_in_use: bool) -> [Self; 2] {
        let now = Self::new(record_number, record_sequence);
        let before = match record_sequence {
            _ if record_in_use => record_sequence,
            0 | 1 => u16::MAX,
            sequence => sequence.saturating_sub(1),
        };
        [Self::new(record_number, before), now]
    }

    /// Compares with the state of the record the reference points at, by the rule of deletion: see [`lives`](Self::lives).
    #[must_use]
    pub fn matches(self, record_sequence: u16, record_in_use: bool) -> SequenceMatch {
        let wanted = self.sequence_number();
        if wanted == 0 {
            return SequenceMatch::Same;
        }
        let [before, now] = Self::lives(self.record_number(), record_sequence, record_in_use);
        match self {
            _ if self == now => SequenceMatch::Same,
            _ if self == before => SequenceMatch::Freed,
            _ => SequenceMatch::Other,
        }
    }
}

impl fmt::Display for FileReference {
    /// `record-sequence`, decimal: the form examiners type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.record_number(), self.sequence_number())
    }
}

impl fmt::Debug for FileReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileReference({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_sequence_are_split_at_48_bits() {
        let reference = FileReference(0x0003_0001_0000_0005);
        assert_eq!((reference.record_number(), reference.sequence_number()), (0x1_0000_0005, 3));
        assert_eq!(FileReference::new(0x1_0000_0005, 3), reference);
        assert_eq!(reference.to_string(), "4294967301-3");
        assert!(!FileReference::new(0, 1).is_zero(), "record 0's extension records name 0-1 as their base");
    }

    #[test]
    fn a_freed_record_matches_one_sequence_later_with_wrap() {
        let seven = FileReference::new(9, 7);
        assert_eq!(seven.matches(7, true), SequenceMatch::Same);
        assert_eq!(seven.matches(7, false), SequenceMatch::Same, "Linux ntfs3 does not count on deletion");
        assert_eq!(seven.matches(8, false), SequenceMatch::Freed);
        assert_eq!(seven.matches(8, true), SequenceMatch::Other);
        assert_eq!(seven.matches(9, false), SequenceMatch::Other);
        let last = FileReference::new(9, 0xFFFF);
        assert_eq!(last.matches(1, false), SequenceMatch::Freed, "ntfs-3g skips 0");
        assert_eq!(last.matches(0, false), SequenceMatch::Freed, "Windows may not");
        assert_eq!(FileReference::new(9, 0).matches(44, true), SequenceMatch::Same);
        let lives = |sequence, in_use| FileReference::lives(9, sequence, in_use).map(FileReference::sequence_number);
        assert_eq!((lives(7, true), lives(8, false)), ([7, 7], [7, 8]));
        assert_eq!(
            (lives(1, false), lives(0, false), lives(0xFFFF, false)),
            ([0xFFFF, 1], [0xFFFF, 0], [0xFFFE, 0xFFFF])
        );
    }
}
