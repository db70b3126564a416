//! The update sequence: how multi-sector records show that they were written whole.
//!
//! Before a protected record (`FILE`, `INDX`, `RSTR`, `RCRD`) is written, the last word of each
//! 512-byte stride is moved into the update sequence array and replaced by the update sequence
//! number. A stride that does not end in the number was not written together with the others.

use crate::base::damage::{Damage, DamageKind};
use crate::base::le;
use alloc::vec::Vec;

/// Bytes a stride has: 512 whatever the sector size is, also on 4Kn volumes.
pub const STRIDE: usize = 512;

/// The most strides a record can have: 64 KiB.
const MAX_STRIDES: usize = 128;

/// What the update sequence array says about a record.
///
/// Layout in the record: 4 array offset (`u16`), 6 word count (`u16`, the number included); at the
/// array offset the number, then one saved word a stride.
///
/// Reference: `MULTI_SECTOR_HEADER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "MULTI_SECTOR_HEADER")]
pub struct UpdateSequence {
    array_offset: u16,
    count: u16,
    number: u16,
    /// Strides of the record.
    strides: u8,
    /// Strides the array has a saved word for.
    covered: u8,
    /// Bit `i`: stride `i` does not end in the number.
    torn: u128,
    state: Protection,
}

/// Whether a record's strides can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// The strides end in the number, or are torn.
    Protected,
    /// Every stride already ends in its saved word: a table exported by a tool that repaired it.
    AlreadyRepaired,
    /// A DAX volume: the array's place holds a CRC-32 (not verified here), no word was moved.
    Checksum,
    /// There is no array that fits; nothing is known about the strides.
    Unverified,
}

impl UpdateSequence {
    /// Checks the strides of `record`, whose array has to lie between `header` and `limit` bytes
    /// (and before the end of the first stride). Changes nothing.
    #[must_use]
    pub fn check(record: &[u8], header: usize, limit: usize) -> Self {
        let strides = record.as_chunks::<STRIDE>().0.len().min(MAX_STRIDES);
        let array_offset = le::u16_at(record, 4).unwrap_or(0);
        let count = le::u16_at(record, 6).unwrap_or(0);
        let mut this = Self {
            array_offset,
            count,
            number: 0,
            strides: u8::try_from(strides).unwrap_or(u8::MAX),
            covered: 0,
            torn: 0,
            state: Protection::Unverified,
        };
        let start = usize::from(array_offset);
        let covered = usize::from(count).saturating_sub(1).min(strides);
        // One word for the number, then one a stride.
        let end = start.saturating_add(covered.saturating_add(1).saturating_mul(2));
        let fits =
            covered > 0 && start.is_multiple_of(2) && start >= header && end <= limit.min(STRIDE.saturating_sub(2));
        if !fits {
            return this;
        }
        this.number = le::u16_at(record, start).unwrap_or(0);
        this.covered = u8::try_from(covered).unwrap_or(u8::MAX);
        this.state = Protection::Protected;
        if (0..this.covered).any(|stride| this.word_on_disk(record, stride) != this.number) {
            this.compare(record);
        }
        this
    }

    /// Checks the strides of `record` and puts the saved words back, in one go where nothing is wrong.
    #[must_use]
    #[inline]
    pub fn repair(record: &mut [u8], header: usize, limit: usize) -> Self {
        Self::repair_sound(record, header, limit).unwrap_or_else(|| {
            let this = Self::check(record, header, limit);
            this.apply(record);
            this
        })
    }

    /// The way of nearly every record: up to 4 KiB, an array that fits, no torn stride. Leaves the
    /// record alone where any of that is not so.
    #[inline]
    fn repair_sound(record: &mut [u8], header: usize, limit: usize) -> Option<Self> {
        let (array_offset, count) = (le::u16_at(record, 4)?, le::u16_at(record, 6)?);
        let strides = record.as_chunks::<STRIDE>().0.len();
        let (start, words) = (usize::from(array_offset), usize::from(count));
        let end = start.checked_add(words.checked_mul(2)?)?;
        let fits = words.checked_sub(1)? == strides && start & 1 == 0 && start >= header && end <= limit;
        if !fits || end > STRIDE.saturating_sub(2) || !(1..=8).contains(&strides) {
            return None;
        }
        let mut array = [[0; 2]; 9];
        array.iter_mut().zip(record.get(start..end)?.as_chunks::<2>().0).for_each(|(to, from)| *to = *from);
        let [number, saved @ ..] = array;
        let (chunks, _) = record.as_chunks_mut::<STRIDE>();
        if chunks.iter().any(|stride| [stride[510], stride[511]] != number) {
            return None;
        }
        for (stride, word) in chunks.iter_mut().zip(saved) {
            [stride[510], stride[511]] = word;
        }
        let strides = u8::try_from(strides).ok()?;
        let number = u16::from_le_bytes(number);
        Some(Self { array_offset, count, number, strides, covered: strides, torn: 0, state: Protection::Protected })
    }

    /// Fills `torn`, and tells a repaired or checksummed record from a torn one.
    #[cold]
    fn compare(&mut self, record: &[u8]) {
        let mut all_saved = true;
        for stride in 0..self.covered {
            let found = self.word_on_disk(record, stride);
            if found != self.number {
                self.torn |= 1u128.checked_shl(u32::from(stride)).unwrap_or(0);
            }
            all_saved &= found == self.saved_word(record, stride);
        }
        let all_torn = self.torn.count_ones() == u32::from(self.covered);
        if !all_torn {
            return;
        }
        let start = usize::from(self.array_offset);
        if all_saved {
            self.state = Protection::AlreadyRepaired;
            self.torn = 0;
        } else if le::slice_at(record, start.saturating_add(4), 4) == Some(b"CRC4") {
            self.state = Protection::Checksum;
            self.torn = 0;
        }
    }

    /// Puts the saved word at the end of each stride that carries the number. Torn strides keep the
    /// bytes they have: which side is right cannot be known here.
    pub fn apply(&self, record: &mut [u8]) {
        if self.state != Protection::Protected {
            return;
        }
        for stride in 0..self.covered {
            if self.has_torn_strides() && self.is_torn(stride) {
                continue;
            }
            let saved = self.saved_word(record, stride).to_le_bytes();
            let end = Self::word_offset(stride);
            if let Some(word) = record.get_mut(end..end.saturating_add(2)) {
                word.copy_from_slice(&saved);
            }
        }
    }

    /// Offset of the protected word of a stride.
    fn word_offset(stride: u8) -> usize {
        usize::from(stride).saturating_mul(STRIDE).saturating_add(STRIDE.saturating_sub(2))
    }

    fn word_on_disk(&self, record: &[u8], stride: u8) -> u16 {
        le::u16_at(record, Self::word_offset(stride)).unwrap_or(0)
    }

    fn saved_word(&self, record: &[u8], stride: u8) -> u16 {
        let index = usize::from(stride).saturating_add(1).saturating_mul(2);
        le::u16_at(record, usize::from(self.array_offset).saturating_add(index)).unwrap_or(0)
    }

    /// Whether the strides could be checked.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.state
    }

    /// The update sequence number: the word that each stride should end in on disk.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    /// How many 512-byte strides the record has.
    #[must_use]
    pub fn strides(&self) -> u8 {
        self.strides
    }

    /// True when stride `stride` does not end in the number, so that its bytes may be of another
    /// time than the rest of the record, or lost.
    #[must_use]
    pub fn is_torn(&self, stride: u8) -> bool {
        self.torn.checked_shr(u32::from(stride)).unwrap_or(0) & 1 == 1
    }

    /// True when any stride is torn.
    #[must_use]
    pub fn has_torn_strides(&self) -> bool {
        self.torn != 0
    }

    /// True when a byte of `start .. end` lies in a torn stride.
    #[must_use]
    pub fn is_torn_between(&self, start: usize, end: usize) -> bool {
        self.has_torn_strides()
            && (0..self.strides).filter(|&stride| self.is_torn(stride)).any(|stride| {
                let from = usize::from(stride).saturating_mul(STRIDE);
                from < end && start < from.saturating_add(STRIDE)
            })
    }

    /// For a torn stride, the two words that may belong at its end: the one that is there (and was
    /// kept), and the one saved in the array.
    #[must_use]
    pub fn candidates(&self, record: &[u8], stride: u8) -> Option<(u16, u16)> {
        self.is_torn(stride).then(|| (self.word_on_disk(record, stride), self.saved_word(record, stride)))
    }

    /// True when the array fits the record and no stride is torn.
    #[must_use]
    #[inline]
    pub fn is_sound(&self) -> bool {
        self.torn == 0
            && self.state != Protection::Unverified
            && self.count == u16::from(self.strides).saturating_add(1)
    }

    /// True when every stride that has a byte of `start .. end` is known to be of one write.
    #[must_use]
    pub fn is_proven_between(&self, start: usize, end: usize) -> bool {
        match self.state {
            Protection::AlreadyRepaired | Protection::Checksum => true,
            Protection::Unverified => false,
            Protection::Protected => {
                end <= usize::from(self.covered).saturating_mul(STRIDE) && !self.is_torn_between(start, end)
            }
        }
    }

    /// Where on disk the word stands that belongs at the end of stride `stride`, in bytes from the
    /// record's start: in the array, or, where nothing was moved or the stride is torn, at that end.
    #[must_use]
    pub fn word_place(&self, stride: u8) -> usize {
        let is_moved = self.state == Protection::Protected && stride < self.covered && !self.is_torn(stride);
        let index = usize::from(stride).saturating_add(1).saturating_mul(2);
        if is_moved { usize::from(self.array_offset).saturating_add(index) } else { Self::word_offset(stride) }
    }

    /// What is wrong, in order of place: an array that does not fit, then each torn stride of
    /// `record`, the bytes that were checked.
    #[must_use]
    pub fn damage(&self, record: &[u8]) -> Vec<Damage> {
        let mut damage = Vec::new();
        if self.state == Protection::Unverified || self.count != u16::from(self.strides).saturating_add(1) {
            let kind = DamageKind::UpdateSequenceArray { offset: self.array_offset, count: self.count };
            damage.push(Damage::new(4, kind));
        }
        for stride in (0..self.strides).filter(|&stride| self.is_torn(stride)) {
            let found = self.word_on_disk(record, stride);
            let kind = DamageKind::StrideMismatch { stride, expected: self.number, found };
            damage.push(Damage::new(u64::try_from(Self::word_offset(stride)).unwrap_or(u64::MAX), kind));
        }
        damage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of `strides` strides whose array stands at 48, with the words saved 0xA0, 0xA1, …
    fn protected(strides: usize) -> Vec<u8> {
        let mut record = vec![0x55; strides * STRIDE];
        record[4..8].copy_from_slice(&[48, 0, (strides + 1) as u8, 0]);
        record[48..50].copy_from_slice(&7u16.to_le_bytes());
        for stride in 0..strides {
            record[50 + 2 * stride..52 + 2 * stride].copy_from_slice(&(0xA0 + stride as u16).to_le_bytes());
            record[stride * STRIDE + 510..stride * STRIDE + 512].copy_from_slice(&7u16.to_le_bytes());
        }
        record
    }

    fn check(record: &[u8]) -> UpdateSequence {
        UpdateSequence::check(record, 42, 500)
    }

    #[test]
    fn words_lie_in_the_array_only_for_strides_that_it_covers() {
        let mut record = protected(3);
        record[6] = 3;
        let partly = check(&record);
        assert_eq!(partly.protection(), Protection::Protected);
        assert_eq!([0, 1, 2].map(|stride| partly.word_place(stride)), [50, 52, 3 * STRIDE - 2]);
    }

    #[test]
    fn what_cannot_be_repaired_stays_as_it_is() {
        let outcome = |mut record: Vec<u8>, limit| {
            let (before, checked) = (record.clone(), UpdateSequence::check(&record, 42, limit));
            assert_eq!(UpdateSequence::repair(&mut record, 42, limit), checked);
            (checked.protection(), record == before)
        };
        let moved = |start: u16| {
            let mut record = protected(2);
            record.copy_within(48..54, usize::from(start));
            record[4..6].copy_from_slice(&start.to_le_bytes());
            (0..2).for_each(|stride| record[stride * STRIDE + 510..][..2].copy_from_slice(&[7, 0]));
            record
        };
        assert_eq!(outcome(protected(2), 54), (Protection::Protected, false));
        assert_eq!(outcome(protected(2), 53), (Protection::Unverified, true), "it reaches into the attributes");
        assert_eq!(outcome(moved(40), 500), (Protection::Unverified, true), "it starts inside the header");
        assert_eq!(outcome(moved(49), 500), (Protection::Unverified, true), "it starts at an odd place");
        assert_eq!(outcome(moved(506), 1000), (Protection::Unverified, true), "it covers a word it protects");
        let mut repaired = protected(2);
        assert!(UpdateSequence::repair(&mut repaired, 42, 500).is_sound());
        assert_eq!(outcome(repaired, 500), (Protection::AlreadyRepaired, true));
    }

    #[test]
    fn what_was_checked_is_told() {
        let mut record = protected(3);
        let sound = check(&record);
        assert_eq!((sound.number(), sound.strides()), (7, 3));
        assert!(sound.is_sound() && !sound.has_torn_strides());
        record[1022] = 9;
        let torn = check(&record);
        assert!(!torn.is_sound() && torn.has_torn_strides());
        assert!(torn.is_torn_between(1023, 1024) && torn.is_torn_between(0, 513) && torn.is_torn_between(512, 1025));
        assert!(!torn.is_torn_between(0, 512) && !torn.is_torn_between(1024, 1536));
        let mut record = protected(3);
        record[6] = 3;
        assert!(!check(&record).is_sound(), "one word too few");
        record[6] = 0;
        assert!(!check(&record).is_sound(), "no array");
    }

    #[test]
    fn whole_records_are_repaired_at_every_512_bytes() {
        for strides in [1, 2, 8, 128] {
            let mut record = protected(strides);
            let sequence = check(&record);
            assert_eq!(sequence.protection(), Protection::Protected);
            let mut at_once = record.clone();
            assert_eq!(UpdateSequence::repair(&mut at_once, 42, 500), sequence);
            sequence.apply(&mut record);
            assert_eq!(at_once, record);
            for stride in 0..strides {
                assert_eq!(le::u16_at(&record, stride * STRIDE + 510), Some(0xA0 + stride as u16));
            }
            assert_eq!(sequence.damage(&record), []);
        }
    }

    #[test]
    fn mismatched_stride_is_kept_and_reported() {
        let mut record = protected(2);
        record[1022] = 6;
        let sequence = check(&record);
        sequence.apply(&mut record);
        assert_eq!(le::u16_at(&record, 510), Some(0xA0));
        assert_eq!(le::u16_at(&record, 1022), Some(6), "the bytes on disk stay");
        let kind = DamageKind::StrideMismatch { stride: 1, expected: 7, found: 6 };
        assert_eq!(sequence.damage(&record), [Damage::new(1022, kind)]);
        assert_eq!(sequence.candidates(&record, 1), Some((6, 0xA1)));
        assert_eq!(sequence.candidates(&record, 0), None);
        assert!(sequence.is_torn_between(600, 601) && !sequence.is_torn_between(0, 512));
    }

    #[test]
    fn moved_words_are_found_in_the_array_and_torn_ones_in_their_place() {
        let mut record = protected(2);
        let sequence = check(&record);
        assert_eq!((sequence.word_place(0), sequence.word_place(1)), (50, 52));
        assert!(sequence.is_proven_between(0, 1024) && !sequence.is_proven_between(0, 1025));
        record[1022] = 6;
        let sequence = check(&record);
        assert_eq!((sequence.word_place(0), sequence.word_place(1)), (50, 1022));
        assert!(sequence.is_proven_between(0, 512) && !sequence.is_proven_between(500, 513));
        record[4] = 1;
        assert!(!check(&record).is_proven_between(0, 1), "without an array nothing is known");
    }

    #[test]
    fn half_equal_tail_is_a_mismatch() {
        let mut record = protected(2);
        record[511] = 1;
        assert!(check(&record).is_torn(0));
    }

    #[test]
    fn already_repaired_table_is_recognised() {
        let mut record = protected(2);
        check(&record).apply(&mut record);
        let sequence = check(&record);
        assert_eq!(sequence.protection(), Protection::AlreadyRepaired);
        let before = record.clone();
        sequence.apply(&mut record);
        assert_eq!(record, before);
        assert_eq!(sequence.damage(&record), []);
    }

    #[test]
    fn a_wiped_stride_is_torn_even_where_its_saved_word_is_zero() {
        let mut record = protected(2);
        record[52..54].copy_from_slice(&[0, 0]);
        record[512..].fill(0);
        let sequence = check(&record);
        assert_eq!(sequence.protection(), Protection::Protected);
        assert!(sequence.is_torn(1));
    }

    #[test]
    fn arrays_that_do_not_fit_leave_the_record_unverified() {
        for (offset, count) in [(48, 0), (48, 1), (47, 3), (20, 3), (506, 3), (0xFFFE, 3), (0xFFFF, 0xFFFF)] {
            let mut record = protected(2);
            record[4..6].copy_from_slice(&u16::to_le_bytes(offset));
            record[6..8].copy_from_slice(&u16::to_le_bytes(count));
            let before = record.clone();
            let sequence = check(&record);
            assert_eq!(UpdateSequence::repair(&mut record, 42, 500), sequence);
            assert_eq!(sequence.protection(), Protection::Unverified, "{offset} {count}");
            assert_eq!(record, before);
            let kind = DamageKind::UpdateSequenceArray { offset, count };
            assert_eq!(sequence.damage(&record), [Damage::new(4, kind)]);
        }
    }

    #[test]
    fn an_array_over_the_first_attribute_is_refused() {
        let record = protected(2);
        assert_eq!(UpdateSequence::check(&record, 42, 52).protection(), Protection::Unverified);
        assert_eq!(UpdateSequence::check(&record, 42, 54).protection(), Protection::Protected);
    }

    #[test]
    fn counts_that_differ_from_the_record_are_used_as_far_as_they_go() {
        let mut record = protected(2);
        record[6] = 9;
        let sequence = check(&record);
        sequence.apply(&mut record);
        assert_eq!(le::u16_at(&record, 1022), Some(0xA1));
        assert_eq!(sequence.damage(&record).len(), 1);

        let mut record = protected(2);
        record[6] = 2;
        check(&record).apply(&mut record);
        assert_eq!(le::u16_at(&record, 510), Some(0xA0));
        assert_eq!(le::u16_at(&record, 1022), Some(7), "not covered, not touched");
    }

    #[test]
    fn checksummed_records_have_no_words_to_put_back() {
        let mut record = protected(2);
        record[52..56].copy_from_slice(b"CRC4");
        record[510] = 1;
        record[1022] = 1;
        assert_eq!(check(&record).protection(), Protection::Checksum);
    }

    #[test]
    fn every_length_is_safe() {
        let whole = protected(2);
        for len in 0..whole.len() {
            let mut record = whole[..len].to_vec();
            let sequence = check(&record);
            sequence.apply(&mut record);
            let _ = sequence.damage(&record);
        }
    }
}
