//! Names as NTFS stores them: UTF-16LE code units, valid Unicode or not.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::le;

/// A name of a file, stream or attribute: UTF-16LE code units, viewed where they lie.
///
/// NTFS does not check its names: unpaired surrogates, control characters and path separators all
/// occur. Nothing is lost here; what is shown is up to the reader.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Name;
///
/// let bytes: Vec<u8> = "naïve".encode_utf16().flat_map(u16::to_le_bytes).collect();
/// let name = Name::new(&bytes);
/// assert!(name.is("naïve") && name.is_unicode() && name.len() == 5);
/// assert!(!Name::new(&[0x00, 0xD8]).is_unicode(), "half a pair is a name, too");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Name<'a> {
    bytes: &'a [u8],
}

/// What no code unit of four has that are ASCII.
const NOT_ASCII: u64 = 0xFF80_FF80_FF80_FF80;
/// Code units of all but few names: none has more than 255.
const USUAL: usize = 128;

impl<'a> Name<'a> {
    /// Views `bytes` as code units; an odd last byte is left out.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let (units, _) = bytes.as_chunks::<2>();
        Self { bytes: units.as_flattened() }
    }

    /// The bytes as stored, two a code unit.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// True when there is no code unit: the name of the main data stream.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Length in UTF-16 code units.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.as_chunks::<2>().0.len()
    }

    /// The code units in order.
    pub fn units(&self) -> impl DoubleEndedIterator<Item = u16> + ExactSizeIterator + Clone + 'a {
        self.bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit))
    }

    /// The characters in order; an unpaired surrogate comes as its code unit.
    pub fn chars(&self) -> impl Iterator<Item = Result<char, u16>> + Clone + 'a {
        char::decode_utf16(self.units()).map(|item| item.map_err(|error| error.unpaired_surrogate()))
    }

    /// True when every surrogate is paired, so that the text form loses nothing.
    #[must_use]
    pub fn is_unicode(&self) -> bool {
        self.chars().all(|item| item.is_ok())
    }

    /// Compares with ASCII or other text, unit by unit and case-sensitively.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.units().eq(text.encode_utf16())
    }

    /// Appends the text form, with U+FFFD for each unpaired surrogate.
    pub fn push_to(&self, text: &mut String) {
        if let Some(ascii) = self.ascii_in(&mut [0; USUAL]) {
            return text.push_str(ascii);
        }
        let mut utf8 = Vec::new();
        self.push_utf8_to(&mut utf8);
        text.push_str(&String::from_utf8_lossy(&utf8));
    }

    /// The same as UTF-8 bytes. False where an unpaired surrogate was replaced, so that something is lost.
    pub fn push_utf8_to(&self, out: &mut Vec<u8>) -> bool {
        self.begins_in_ascii() && self.push_ascii_to(out) || self.push_encoded_to(out, |_| REPLACEMENT)
    }

    /// False where one of the first letters is not ASCII: then it need not be tried.
    #[inline]
    fn begins_in_ascii(&self) -> bool {
        self.bytes.first_chunk::<8>().is_none_or(|quad| u64::from_le_bytes(*quad) & NOT_ASCII == 0)
    }

    /// Appends the text where every code unit is an ASCII character, as in most names; else nothing,
    /// and false. Four at a time, the last of which overlap with those before: listings do little
    /// else than this.
    #[inline]
    fn push_ascii_to(&self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let mut seen = 0;
        let mut narrow = |from: &[u8; 8]| {
            let quad = u64::from_le_bytes(*from);
            seen |= quad;
            let pairs = (quad | (quad >> 8)) & 0x0000_FFFF_0000_FFFF;
            let [a, b, c, d, ..] = (pairs | (pairs >> 16)).to_le_bytes();
            [a, b, c, d]
        };
        let (quads, rest) = self.bytes.as_chunks::<8>();
        quads.iter().for_each(|quad| out.extend_from_slice(&narrow(quad)));
        match self.bytes.last_chunk::<8>() {
            Some(_) if rest.is_empty() => {}
            Some(last) => {
                out.truncate(start.saturating_add(self.len()).saturating_sub(4));
                out.extend_from_slice(&narrow(last));
            }
            None => {
                for [low, high] in rest.as_chunks::<2>().0 {
                    let [low, ..] = narrow(&[*low, *high, 0, 0, 0, 0, 0, 0]);
                    out.push(low);
                }
            }
        }
        let is_ascii = seen & NOT_ASCII == 0;
        if !is_ascii {
            out.truncate(start);
        }
        is_ascii
    }

    /// The text where it is ASCII and has room, for a `String`, which takes only what is known to be text.
    #[inline]
    fn ascii_in<'r>(&self, room: &'r mut [u8; USUAL]) -> Option<&'r str> {
        let ascii = room.get_mut(..self.len())?;
        let mut seen = 0;
        for (place, unit) in ascii.iter_mut().zip(self.units()) {
            seen |= unit;
            *place = le::low_byte(unit);
        }
        if seen < 0x80 { core::str::from_utf8(ascii).ok() } else { None }
    }

    /// Appends the name as WTF-8: UTF-8 in which an unpaired surrogate has three bytes of its own,
    /// so that different names stay different.
    pub fn push_wtf8_to(&self, out: &mut Vec<u8>) {
        if !(self.begins_in_ascii() && self.push_ascii_to(out)) {
            self.push_encoded_to(out, wtf8_surrogate);
        }
    }

    /// Appends the text as UTF-8, with `surrogate` for what is unpaired; true where there was none. Four letters go at
    /// once, but where there are surrogates.
    fn push_encoded_to(&self, out: &mut Vec<u8>, surrogate: impl Fn(u16) -> [u8; 3]) -> bool {
        let start = out.len();
        // No unit takes more than three bytes; each piece is written with up to sixteen.
        out.resize(start.saturating_add(self.len().saturating_mul(3)).saturating_add(16), 0);
        let mut at = start;
        let mut is_unicode = true;
        let mut rest = self.bytes;
        while let Some((first, behind)) = rest.split_first_chunk::<2>() {
            if let Some((quad, behind)) = rest.split_first_chunk::<8>()
                && let Some((bytes, length)) = four_letters(u64::from_le_bytes(*quad))
            {
                put(out, at, bytes);
                (at, rest) = (at.saturating_add(length), behind);
                continue;
            }
            let unit = u16::from_le_bytes(*first);
            let low = behind.first_chunk::<2>().map(|low| u16::from_le_bytes(*low));
            let (bytes, length) = match (unit, low) {
                (0..0x80, _) => ([le::low_byte(unit), 0, 0, 0], 1),
                (0x80..0x800, _) => ([0xC0 | le::low_byte(unit >> 6), six_bits(unit, 0), 0, 0], 2),
                (0xD800..0xDC00, Some(low @ 0xDC00..0xE000)) => {
                    rest = behind;
                    (pair(unit, low), 4)
                }
                (0xD800..0xE000, _) => {
                    is_unicode = false;
                    let [a, b, c] = surrogate(unit);
                    ([a, b, c, 0], 3)
                }
                _ => ([0xE0 | le::low_byte(unit >> 12), six_bits(unit, 6), six_bits(unit, 0), 0], 3),
            };
            put(out, at, bytes);
            at = at.saturating_add(length);
            rest = rest.get(2..).unwrap_or_default();
        }
        out.truncate(at);
        is_unicode
    }
}

/// U+FFFD.
const REPLACEMENT: [u8; 3] = [0xEF, 0xBF, 0xBD];

/// Writes over what stands in `out` at `at`.
#[inline]
fn put<const N: usize>(out: &mut [u8], at: usize, bytes: [u8; N]) {
    if let Some(place) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = bytes;
    }
}

/// Four code units as UTF-8, and how many bytes that are: all below U+0800, as the letters of most alphabets, or all above it,
/// as those of Asia. None where they are mixed, or surrogates.
#[inline]
fn four_letters(quad: u64) -> Option<([u8; 16], usize)> {
    const EACH: u64 = 0x0001_0001_0001_0001;
    let units = lanes(quad);
    if quad & (0xF800 * EACH) == 0 {
        // 110xxxxx 10xxxxxx each; the sign of a lane is set where it is U+0080 at least.
        let letters = ((quad >> 6) & (0x001F * EACH)) | ((quad & (0x003F * EACH)) << 8) | (0x80C0 * EACH);
        let is_long = (quad & (0x0780 * EACH)).wrapping_add(0x7F80 * EACH) & (0x8000 * EACH);
        if is_long == 0x8000 * EACH {
            return Some((u128::from(letters).to_le_bytes(), 8));
        }
        let (mut bytes, mut bits) = (0_u64, 0_u32);
        for (unit, letter) in units.into_iter().zip(lanes(letters)) {
            let (letter, length) = if unit < 0x80 { (unit, 8) } else { (letter, 16) };
            bytes |= u64::from(letter).wrapping_shl(bits);
            bits = bits.wrapping_add(length);
        }
        return Some((u128::from(bytes).to_le_bytes(), usize::try_from(bits >> 3).unwrap_or(0)));
    }
    // 1110xxxx 10xxxxxx 10xxxxxx each.
    if units.iter().any(|unit| *unit < 0x800 || *unit & 0xF800 == 0xD800) {
        return None;
    }
    let letter = |unit: u16| {
        u128::from(unit >> 12) | u128::from((unit >> 6) & 0x3F) << 8 | u128::from(unit & 0x3F) << 16 | 0x0080_80E0
    };
    let [a, b, c, d] = units.map(letter);
    Some(((a | b << 24 | c << 48 | d << 72).to_le_bytes(), 12))
}

/// The four halves of halves, the lowest first.
#[inline]
fn lanes(quad: u64) -> [u16; 4] {
    let [a, b, c, d, e, f, g, h] = quad.to_le_bytes();
    [[a, b], [c, d], [e, f], [g, h]].map(u16::from_le_bytes)
}

/// 10xxxxxx of the bits from `shift` on.
fn six_bits(unit: u16, shift: u32) -> u8 {
    0x80 | le::low_byte((unit >> shift) & 0x3F)
}

/// A pair of surrogates: 11110xxx and three times 10xxxxxx.
fn pair(high: u16, low: u16) -> [u8; 4] {
    let high = (high & 0x3FF).saturating_add(0x40);
    let middle = (high & 3) << 4 | (low >> 6) & 0x0F;
    [0xF0 | le::low_byte(high >> 8), six_bits(high, 2), 0x80 | le::low_byte(middle), six_bits(low, 0)]
}

/// The generalized UTF-8 form of a surrogate: 1110xxxx 10xxxxxx 10xxxxxx.
fn wtf8_surrogate(unit: u16) -> [u8; 3] {
    [0xE0 | le::low_byte(unit >> 12), six_bits(unit, 6), six_bits(unit, 0)]
}

impl fmt::Display for Name<'_> {
    /// The text form, with U+FFFD for each unpaired surrogate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|item| f.write_char(item.unwrap_or(char::REPLACEMENT_CHARACTER)))
    }
}

impl fmt::Debug for Name<'_> {
    /// Quoted and escaped; an unpaired surrogate as `\u{d800}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        self.chars().try_for_each(|item| match item {
            Ok(character) => write!(f, "{}", character.escape_debug()),
            Err(surrogate) => write!(f, "\\u{{{surrogate:x}}}"),
        })?;
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn text_comes_back_whole() {
        for text in [
            "",
            "a",
            "abcd",
            "abcde",
            "a.txt",
            "é",
            &"n".repeat(255),
            &"n".repeat(300),
            "Привет",
            "日本語.dat",
            "emoji 😀.bin",
            "e\u{301}",
            "a\0b/c\\d",
        ] {
            let bytes = utf16(text);
            let name = Name::new(&bytes);
            assert_eq!(name.to_string(), text);
            assert!(name.is_unicode() && name.is(text));
            assert_eq!(name.len(), text.encode_utf16().count());
            let mut utf8 = b"x".to_vec();
            name.push_utf8_to(&mut utf8);
            assert_eq!(utf8, format!("x{text}").as_bytes());
            let mut pushed = String::from("x");
            name.push_to(&mut pushed);
            assert_eq!(pushed, format!("x{text}"));
            let mut wtf8 = Vec::new();
            name.push_wtf8_to(&mut wtf8);
            assert_eq!(wtf8, text.as_bytes());
        }
    }

    #[test]
    fn an_unpaired_surrogate_is_kept() {
        let bytes = [b'E', 0, 0x3D, 0xD8, b'F', 0];
        let name = Name::new(&bytes);
        assert_eq!(name.units().collect::<Vec<_>>(), [0x45, 0xD83D, 0x46]);
        assert!(!name.is_unicode());
        assert_eq!(name.to_string(), "E\u{FFFD}F");
        assert_eq!(format!("{name:?}"), r#""E\u{d83d}F""#);
        let mut wtf8 = Vec::new();
        name.push_wtf8_to(&mut wtf8);
        assert_eq!(wtf8, [b'E', 0xED, 0xA0, 0xBD, b'F']);
    }

    #[test]
    fn an_odd_last_byte_is_not_part_of_the_name() {
        assert_eq!(Name::new(&[b'a', 0, b'b']).to_string(), "a");
    }

    proptest! {
        /// The standard library says what the text of any units is.
        #[test]
        fn any_units_have_the_text_that_the_standard_library_gives_them(
            units in prop::collection::vec(prop_oneof![
                0u16..0x90, 0x70u16..0x810, 0x400u16..0x450, 0x7F0u16..0xFFFF, 0xD7F0u16..0xE010, any::<u16>()
            ], 0..300),
        ) {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let name = Name::new(&bytes);
            let mut out = b"before".to_vec();
            let is_whole = name.push_utf8_to(&mut out);
            let expected = String::from_utf16_lossy(&units);
            prop_assert_eq!(&out[6..], expected.as_bytes());
            prop_assert_eq!(is_whole, String::from_utf16(&units).is_ok());
            let mut text = String::new();
            name.push_to(&mut text);
            prop_assert_eq!(text, expected);
        }
    }
}
