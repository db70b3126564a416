//! Little-endian reads that cannot run past their bytes.
//!
//! Two families: `*_at` for slices of unknown length (an `Option`), and `*_in` for fixed-size
//! views, where the compiler proves the offset.

use byteorder::{ByteOrder, LittleEndian};

/// The `LEN` bytes at `offset`, where they exist.
#[inline]
pub(crate) fn array_at<const LEN: usize>(bytes: &[u8], offset: usize) -> Option<&[u8; LEN]> {
    bytes.get(offset..)?.first_chunk()
}

/// The `len` bytes at `offset`, where they exist.
#[inline]
pub(crate) fn slice_at(bytes: &[u8], offset: usize, len: usize) -> Option<&[u8]> {
    bytes.get(offset..offset.checked_add(len)?)
}

#[inline]
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array_at::<2>(bytes, offset).map(|word| LittleEndian::read_u16(word))
}

#[inline]
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array_at::<4>(bytes, offset).map(|word| LittleEndian::read_u32(word))
}

#[inline]
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array_at::<8>(bytes, offset).map(|word| LittleEndian::read_u64(word))
}

/// The `N` bytes at `OFFSET` of a fixed-size view; a wrong offset does not compile.
#[inline]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "the constant assertion proves both")]
pub(crate) fn array_in<const OFFSET: usize, const N: usize, const LEN: usize>(bytes: &[u8; LEN]) -> [u8; N] {
    const { assert!(OFFSET + N <= LEN, "the field lies outside the view") };
    let mut out = [0; N];
    out.copy_from_slice(&bytes[OFFSET..OFFSET + N]);
    out
}

#[inline]
pub(crate) fn u16_in<const OFFSET: usize, const LEN: usize>(bytes: &[u8; LEN]) -> u16 {
    LittleEndian::read_u16(&array_in::<OFFSET, 2, LEN>(bytes))
}

#[inline]
pub(crate) fn u32_in<const OFFSET: usize, const LEN: usize>(bytes: &[u8; LEN]) -> u32 {
    LittleEndian::read_u32(&array_in::<OFFSET, 4, LEN>(bytes))
}

#[inline]
pub(crate) fn u64_in<const OFFSET: usize, const LEN: usize>(bytes: &[u8; LEN]) -> u64 {
    LittleEndian::read_u64(&array_in::<OFFSET, 8, LEN>(bytes))
}

/// One byte of a fixed-size view; a wrong offset does not compile.
#[inline]
pub(crate) fn u8_in<const OFFSET: usize, const LEN: usize>(bytes: &[u8; LEN]) -> u8 {
    array_in::<OFFSET, 1, LEN>(bytes)[0]
}

/// The low eight bits.
#[inline]
pub(crate) const fn low_byte(word: u16) -> u8 {
    word.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stop_at_the_end_of_the_bytes() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(u16_at(&bytes, 6), Some(0x0807));
        assert_eq!(u16_at(&bytes, 7), None);
        assert_eq!(u32_at(&bytes, usize::MAX), None);
        assert_eq!(u64_at(&bytes, 0), Some(0x0807_0605_0403_0201));
        assert_eq!(slice_at(&bytes, 4, usize::MAX), None);
        assert_eq!(slice_at(&bytes, 8, 0), Some(&[][..]));
    }

    #[test]
    fn fixed_views_read_at_constant_offsets() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(u8_in::<7, 8>(&bytes), 8);
        assert_eq!(u16_in::<1, 8>(&bytes), 0x0302);
        assert_eq!(u32_in::<4, 8>(&bytes), 0x0807_0605);
        assert_eq!(u64_in::<0, 8>(&bytes), 0x0807_0605_0403_0201);
    }
}
