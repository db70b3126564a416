//! `$BITMAP`: one bit for each record, index block or cluster.

/// A bitmap: bit `n` is bit `n % 8` of byte `n / 8`, the lowest bit first.
///
/// Its size is rounded up to 8 bytes, so the last bits may mean nothing; the caller knows how many
/// count.
///
/// Reference: `BITMAP`, type 0xB0; also the content of the file `$Bitmap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bitmap<'a> {
    bytes: &'a [u8],
}

impl<'a> Bitmap<'a> {
    /// Views `bytes`: any length is a bitmap, also none.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The bytes as stored.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many bits there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX).saturating_mul(8)
    }

    /// True when there is no bit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bit `n`; `None` beyond the end, where the bitmap says nothing.
    #[must_use]
    #[inline]
    pub fn is_set(&self, n: u64) -> Option<bool> {
        let byte = self.bytes.get(usize::try_from(n / 8).ok()?)?;
        Some(byte & (1 << (n % 8)) != 0)
    }

    /// How many bits are set, meaningless ones at the end included.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.bytes.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// The numbers of the bits that are set, in order.
    pub fn set_bits(&self) -> impl Iterator<Item = u64> + 'a {
        let first_bits = (0_u64..).step_by(8);
        self.bytes.iter().zip(first_bits).filter(|(byte, _)| **byte != 0).flat_map(|(byte, first)| {
            (0..8).filter(move |bit| byte & (1 << bit) != 0).map(move |bit| first.saturating_add(bit))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bitmap_has_its_bytes() {
        assert_eq!((Bitmap::new(&[5, 6]).bytes(), Bitmap::new(&[0]).is_empty()), (&[5, 6][..], false));
        assert!(Bitmap::new(&[]).is_empty());
    }

    #[test]
    fn lowest_bit_comes_first() {
        let bitmap = Bitmap::new(&[0b0000_0101, 0, 0x80]);
        assert_eq!(bitmap.set_bits().collect::<Vec<_>>(), [0, 2, 23]);
        assert_eq!((bitmap.is_set(2), bitmap.is_set(1), bitmap.is_set(23)), (Some(true), Some(false), Some(true)));
        assert_eq!((bitmap.len(), bitmap.count()), (24, 3));
    }

    #[test]
    fn beyond_the_end_nothing_is_said() {
        assert_eq!(Bitmap::new(&[0xFF]).is_set(8), None);
        assert_eq!(Bitmap::new(&[0xFF]).is_set(u64::MAX), None);
        assert_eq!(Bitmap::new(&[]).is_set(0), None);
        assert!(Bitmap::new(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn walk_count_and_lookup_agree(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let bitmap = Bitmap::new(&bytes);
            let walked: Vec<u64> = bitmap.set_bits().collect();
            let asked: Vec<u64> = (0..bitmap.len()).filter(|n| bitmap.is_set(*n) == Some(true)).collect();
            prop_assert_eq!(walked.len() as u64, bitmap.count());
            prop_assert_eq!(walked, asked);
        }
    }
}
