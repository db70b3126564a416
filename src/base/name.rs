//! Names as NTFS stores them: UTF-16LE code units, valid Unicode or not.

use std::fmt::{self, Write};

use super::le;

/// A name of a file, stream or attribute: UTF-16LE code units, viewed where they lie.
///
/// NTFS does not check its names: unpaired surrogates, control characters and path separators all
/// occur. Nothing is lost here; what is shown is up to the reader.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Name<'a> {
    bytes: &'a [u8],
}

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
        match self.ascii_in(&mut [0; USUAL]) {
            Some(ascii) => text.push_str(ascii),
            None => text.extend(self.chars().map(|item| item.unwrap_or(char::REPLACEMENT_CHARACTER))),
        }
    }

    /// The same as UTF-8 bytes.
    pub fn push_utf8_to(&self, out: &mut Vec<u8>) {
        if self.push_ascii_to(out) {
            return;
        }
        let mut buffer = [0; 4];
        for item in self.chars() {
            let character = item.unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        }
    }

    /// Appends the text where every code unit is an ASCII character, as in most names; else nothing,
    /// and false. Four at a time, the last of which overlap with those before: listings do little
    /// else than this.
    #[inline]
    fn push_ascii_to(&self, out: &mut Vec<u8>) -> bool {
        const NOT_ASCII: u64 = 0xFF80_FF80_FF80_FF80;
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
        if seen < 0x80 { std::str::from_utf8(ascii).ok() } else { None }
    }

    /// Appends the name as WTF-8: UTF-8 in which an unpaired surrogate has three bytes of its own,
    /// so that different names stay different.
    pub fn push_wtf8_to(&self, out: &mut Vec<u8>) {
        if self.push_ascii_to(out) {
            return;
        }
        let mut buffer = [0; 4];
        for item in self.chars() {
            match item {
                Ok(character) => out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes()),
                Err(surrogate) => out.extend_from_slice(&wtf8_surrogate(surrogate)),
            }
        }
    }
}

/// The generalized UTF-8 form of a surrogate: 1110xxxx 10xxxxxx 10xxxxxx.
fn wtf8_surrogate(unit: u16) -> [u8; 3] {
    let six_bits = |shift: u16| le::low_byte((unit >> shift) & 0x3F);
    [0xE0 | six_bits(12), 0x80 | six_bits(6), 0x80 | six_bits(0)]
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
}
