//! Big-endian reads that cannot run past their bytes, for structures that are not NTFS's.

use super::guid::Guid;
use super::le;
use alloc::vec::Vec;

pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    le::array_at::<2>(bytes, offset).map(|word| u16::from_be_bytes(*word))
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    le::array_at::<4>(bytes, offset).map(|word| u32::from_be_bytes(*word))
}

pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    le::array_at::<8>(bytes, offset).map(|word| u64::from_be_bytes(*word))
}

/// A GUID whose sixteen bytes stand in the order in which they are written out.
pub(crate) fn guid_at(bytes: &[u8], offset: usize) -> Option<Guid> {
    let mut own = *le::array_at::<16>(bytes, offset)?;
    [0..4, 4..6, 6..8].into_iter().filter_map(|range| own.get_mut(range).map(<[u8]>::reverse)).for_each(drop);
    Some(Guid(own))
}

/// A GUID as it is written out, with hyphens, up to a zero.
pub(crate) fn guid_of_text(text: &[u8]) -> Option<Guid> {
    let digits = text.iter().take_while(|byte| **byte != 0).filter(|byte| !b"-{}".contains(byte));
    let digits: Option<Vec<u8>> = digits.map(|&digit| hexadecimal(digit)).collect();
    let pairs = digits.filter(|digits| digits.len() == 32)?;
    let bytes: Vec<u8> = pairs.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
    guid_at(&bytes, 0)
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_identifiers_are_read_in_their_order() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!((u16_at(&bytes, 0), u32_at(&bytes, 0)), (Some(0x0102), Some(0x0102_0304)));
        assert_eq!((u64_at(&bytes, 0), u64_at(&bytes, 1)), (Some(0x0102_0304_0506_0708), None));
        let text = "00010203-0405-0607-0809-0a0b0c0d0e0f";
        let guid = guid_of_text(text.as_bytes()).unwrap();
        assert_eq!(guid.to_string(), text);
        assert_eq!(guid_at(&(0..16).collect::<Vec<u8>>(), 0), Some(guid));
        assert_eq!(guid_of_text(b"00010203-0405\0-0607-0809-0a0b0c0d0e0f"), None);
        assert_eq!(guid_of_text(b"g0010203-0405-0607-0809-0a0b0c0d0e0f"), None);
    }
}
