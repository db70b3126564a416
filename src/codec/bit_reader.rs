//! The bit stream that XPRESS Huffman and LZX share: little-endian 16-bit words, each read from its
//! highest bit down.

use crate::base::damage::{DamageKind, wide};
use crate::base::le;

/// Bytes that a sound stream may leave: compressors write out the words they had begun, and some an
/// end marker nobody needs. Five is the most that was seen.
const SPARE: usize = 8;

/// A reader over such a stream.
///
/// It fetches ahead of what is consumed. Behind the end of the bytes it reads zeros, so that no read
/// needs a check of its own; [`is_overrun`](Self::is_overrun) tells when such a zero was consumed.
#[derive(Debug, Clone, Copy)]
pub(super) struct BitReader<'b> {
    bytes: &'b [u8],
    /// The next byte to fetch.
    position: usize,
    /// Fetched and not consumed: the next bit on top, zeros below the last.
    bits: u64,
    count: u32,
    /// Bits that were fetched from behind the end, consumed or not: the last ones always.
    missing: u32,
}

impl<'b> BitReader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, position: 0, bits: 0, count: 0, missing: 0 }
    }

    /// Makes at least 32 bits ready to be peeked at and consumed.
    #[inline]
    pub(super) fn refill(&mut self) {
        if self.count > 32 {
            return;
        }
        match le::u32_at(self.bytes, self.position) {
            Some(two_words) => {
                self.append(two_words.rotate_left(16), 32);
                self.position = self.position.wrapping_add(4);
            }
            None => *self = self.refilled_at_the_end(),
        }
    }

    /// Half a word at the end is none: its upper bits, which come first, are the ones that lack.
    ///
    /// By value, as is what else is not inlined, so that a reader on the stack can live in registers.
    #[cold]
    fn refilled_at_the_end(mut self) -> Self {
        while self.count <= 32 {
            if let Some(word) = le::u16_at(self.bytes, self.position) {
                self.append(u32::from(word) << 16, 16);
                self.position = self.position.saturating_add(2);
            } else {
                self.append(0, 16);
                self.missing = self.missing.saturating_add(16);
            }
        }
        self
    }

    /// Appends the upper `count` bits of `bits`; at most 32 are there already.
    #[inline]
    fn append(&mut self, bits: u32, count: u32) {
        self.bits |= (u64::from(bits) << 32).wrapping_shr(self.count);
        self.count = self.count.wrapping_add(count);
    }

    /// The next `count` bits, 1 to 32, of those that are ready.
    #[inline]
    pub(super) fn peek(&self, count: u32) -> usize {
        usize::try_from(self.bits.wrapping_shr(64_u32.wrapping_sub(count))).unwrap_or_default()
    }

    /// Goes on by `count` of the bits that are ready.
    #[inline]
    pub(super) fn consume(&mut self, count: u32) {
        self.bits = self.bits.wrapping_shl(count);
        self.count = self.count.wrapping_sub(count);
    }

    /// The next `count` bits, 0 to 32, of those that are ready.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> usize {
        // In two steps, as no shift by 64 bits leaves nothing.
        let value = usize::try_from((self.bits >> 1).wrapping_shr(63_u32.wrapping_sub(count))).unwrap_or_default();
        self.consume(count);
        value
    }

    /// The next `count` bits, 0 to 32.
    pub(super) fn read(&mut self, count: u32) -> usize {
        self.refill();
        self.take(count)
    }

    /// True when bits were consumed that are not there.
    #[inline]
    pub(super) fn is_overrun(&self) -> bool {
        self.missing > self.count
    }

    /// What is wrong with a stream that ends here: a damaged one that still decodes seldom comes out even.
    pub(super) fn leftover(&self) -> Option<DamageKind> {
        let left = self.left();
        (left > SPARE).then(|| DamageKind::ChunkLeftover { left: wide(left) })
    }

    /// Bytes that were not consumed at all.
    pub(super) fn left(&self) -> usize {
        let ready = usize::try_from(self.count.saturating_sub(self.missing) >> 3).unwrap_or_default();
        self.bytes.len().saturating_add(ready).saturating_sub(self.position)
    }

    /// Whole bytes from between the words: those behind the words which a reader has fetched that
    /// always keeps 16 bits ready and never more than it must, as the XPRESS format prescribes.
    pub(super) fn bytes_between<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        self.give_back(16);
        if self.missing > 0 {
            return None;
        }
        let bytes = *le::array_at::<LEN>(self.bytes, self.position)?;
        self.position = self.position.wrapping_add(LEN);
        Some(bytes)
    }

    /// Goes on to the next word's start; a reader that is at one already skips a whole word.
    pub(super) fn align(&mut self) {
        self.refill();
        let odd = self.count & 15;
        self.consume(if odd == 0 { 16 } else { odd });
        self.give_back(0);
    }

    /// The next bytes of an aligned stream; fewer where it ends.
    pub(super) fn aligned_bytes(&mut self, length: usize) -> &'b [u8] {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let found = rest.get(..length).unwrap_or(rest);
        self.position = self.position.saturating_add(found.len());
        found
    }

    /// Gives back words that were fetched ahead, all but those with the next `keep` bits.
    fn give_back(&mut self, keep: u32) {
        let words = self.count.saturating_sub(keep) >> 4;
        let bits = words << 4;
        self.count = self.count.saturating_sub(bits);
        self.bits &= !u64::MAX.checked_shr(self.count).unwrap_or(0);
        let missing = self.missing.min(bits);
        self.missing = self.missing.saturating_sub(missing);
        let present = usize::try_from(bits.saturating_sub(missing) >> 3).unwrap_or_default();
        self.position = self.position.saturating_sub(present);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_little_endian_and_bits_come_from_the_top() {
        let mut reader = BitReader::new(&[0x34, 0x12, 0x78, 0x56, 0xBC, 0x9A]);
        assert_eq!((reader.read(4), reader.read(12), reader.read(0), reader.read(32)), (1, 0x234, 0, 0x5678_9ABC));
        assert!(!reader.is_overrun());
        assert_eq!(reader.read(1), 0);
        assert!(reader.is_overrun());
    }

    #[test]
    fn half_a_word_is_none() {
        let mut reader = BitReader::new(&[0x34, 0x12, 0xFF]);
        assert_eq!((reader.read(16), reader.left()), (0x1234, 1));
        assert_eq!((reader.read(1), reader.is_overrun()), (0, true));
        let mut reader = BitReader::new(&[0x34, 0x12, 0xFF]);
        assert_eq!(reader.read(16), 0x1234);
        assert_eq!(reader.bytes_between::<1>(), None, "it lies behind a word that is not there");
    }

    #[test]
    fn more_than_eight_bytes_left_are_too_many() {
        for (length, kind) in [(10, None), (11, Some(DamageKind::ChunkLeftover { left: 9 }))] {
            let bytes = vec![0; length];
            let mut reader = BitReader::new(&bytes);
            reader.read(16);
            assert_eq!(reader.leftover(), kind);
        }
    }

    #[test]
    fn bytes_between_words_lie_behind_the_sixteen_bits_that_are_ready() {
        // Four bits consumed: the first word has 12 left, so the second was fetched too.
        let mut reader = BitReader::new(&[0x34, 0x12, 0x78, 0x56, 0xEE, 0xBC, 0x9A]);
        assert_eq!(reader.read(4), 1);
        assert_eq!(reader.bytes_between(), Some([0xEE]));
        assert_eq!((reader.read(28), reader.read(16)), (0x0234_5678, 0x9ABC));
        // At a word's start one word is ready, not two.
        let mut reader = BitReader::new(&[0x34, 0x12, 0x78, 0x56, 0xEE, 0xBC, 0x9A]);
        assert_eq!(reader.read(16), 0x1234);
        assert_eq!(reader.bytes_between(), Some([0xEE]));
        assert_eq!(reader.read(32), 0x5678_9ABC);
        assert_eq!(reader.bytes_between::<1>(), None);
    }

    #[test]
    fn alignment_skips_at_least_one_bit() {
        let bytes = [0x34, 0x12, 0x78, 0x56, 0xBC, 0x9A, 0xDE];
        let mut reader = BitReader::new(&bytes);
        assert_eq!(reader.read(3), 0);
        reader.align();
        assert_eq!(reader.aligned_bytes(3), [0x78, 0x56, 0xBC]);
        let mut reader = BitReader::new(&bytes);
        assert_eq!(reader.read(16), 0x1234);
        reader.align();
        assert_eq!((reader.aligned_bytes(9), reader.left()), (&[0xBC, 0x9A, 0xDE][..], 0));
    }

    proptest! {
        #[test]
        fn any_reads_give_the_bits_in_order(bytes in prop::collection::vec(any::<u8>(), 0..40), counts in prop::collection::vec(0_u32..33, 0..30)) {
            let mut naive = bytes.chunks_exact(2).flat_map(|word| {
                let word = u16::from_le_bytes([word[0], word[1]]);
                (0..16).rev().map(move |bit| usize::from(word >> bit & 1))
            });
            let mut reader = BitReader::new(&bytes);
            let mut consumed = 0;
            for count in counts {
                let expected = (0..count).fold(0, |value, _| value << 1 | naive.next().unwrap_or(0));
                prop_assert_eq!(reader.read(count), expected);
                consumed += count;
                prop_assert_eq!(reader.is_overrun(), usize::try_from(consumed).unwrap() > bytes.len() / 2 * 16);
            }
        }
    }
}
