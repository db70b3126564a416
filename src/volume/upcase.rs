//! The table of upper case, and the order of names.

use std::cmp::Ordering;
use std::fmt;

use crate::base::damage::Damage;
use crate::base::name::Name;

/// A volume's table of upper case: for each UTF-16 code unit the one that replaces it when names are
/// compared.
///
/// It is the volume's own, written when it was formatted, and not Unicode's: ß and ı for instance stay
/// as they are, and surrogates are never mapped. On disk it is the content of `$UpCase`, record 10:
/// 65,536 `u16`.
///
/// Reference: `$UpCase`; `COLLATION_FILE_NAME`.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Name;
/// use ntfs_salvage::volume::UpCase;
///
/// let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
/// let (one, other) = (utf16("Straße.TXT"), utf16("straße.txt"));
/// assert!(UpCase::built_in().equals_ignoring_case(Name::new(&one), Name::new(&other)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UpCase {
    table: Vec<u16>,
}

impl UpCase {
    /// Bytes of `$UpCase`.
    pub const LENGTH: usize = 2 * Self::UNITS;
    const UNITS: usize = 1 << 16;

    /// Takes the table from the first 131,072 bytes of `$UpCase`.
    ///
    /// # Errors
    /// When there are fewer bytes, or the table does not map a-z to A-Z, as every such table does; the
    /// [built-in](Self::built_in) one then stands in for it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Damage> {
        let bytes =
            bytes.get(..Self::LENGTH).ok_or_else(|| Damage::too_short(0, "$UpCase", Self::LENGTH, bytes.len()))?;
        let table = Self { table: Name::new(bytes).units().collect() };
        let wrong = (b'a'..=b'z').find(|&letter| table.upper(letter.into()) != u16::from(letter.to_ascii_uppercase()));
        match wrong.map(u16::from) {
            None => Ok(table),
            Some(unit) => Err(Damage::bad_value(usize::from(unit << 1), "upper case of a letter", table.upper(unit))),
        }
    }

    /// The table Windows writes since Vista, and mkntfs: good for nearly every volume there is.
    #[must_use]
    pub fn built_in() -> Self {
        let mut table: Vec<u16> = (0..=u16::MAX).collect();
        for &(first, last, step, upper) in RANGES {
            for unit in (first..=last).step_by(step) {
                if let Some(slot) = table.get_mut(usize::from(unit)) {
                    *slot = unit.wrapping_sub(first).wrapping_add(upper);
                }
            }
        }
        Self { table }
    }

    /// The upper case of one code unit.
    #[must_use]
    pub fn upper(&self, unit: u16) -> u16 {
        self.table.get(usize::from(unit)).copied().unwrap_or(unit)
    }

    /// Compares in the order of directory indexes: by upper case, unit by unit, the shorter name first;
    /// names that differ in case only, by their units.
    #[must_use]
    pub fn compare(&self, left: Name<'_>, right: Name<'_>) -> Ordering {
        self.uppers(&left).cmp(self.uppers(&right)).then_with(|| left.units().cmp(right.units()))
    }

    /// True for names that Windows takes for the same where case does not count.
    #[must_use]
    pub fn equals_ignoring_case(&self, left: Name<'_>, right: Name<'_>) -> bool {
        left.len() == right.len() && self.uppers(&left).eq(self.uppers(&right))
    }

    fn uppers(&self, name: &Name<'_>) -> impl Iterator<Item = u16> {
        name.units().map(|unit| self.upper(unit))
    }
}

impl fmt::Debug for UpCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mapped = (0..=u16::MAX).filter(|&unit| self.upper(unit) != unit).count();
        write!(f, "UpCase({mapped} code units have an upper case)")
    }
}

/// The built-in table: from the first code unit to the last in steps of one or two, and the upper case
/// of the first; the others lie as far from theirs.
#[rustfmt::skip]
const RANGES: &[(u16, u16, usize, u16)] = &[
    (0x0061, 0x007A, 1, 0x0041), (0x00E0, 0x00F6, 1, 0x00C0), (0x00F8, 0x00FE, 1, 0x00D8), (0x00FF, 0x00FF, 1, 0x0178),
    (0x0101, 0x012F, 2, 0x0100), (0x0133, 0x0137, 2, 0x0132), (0x013A, 0x0148, 2, 0x0139), (0x014B, 0x0177, 2, 0x014A),
    (0x017A, 0x017E, 2, 0x0179), (0x0180, 0x0180, 1, 0x0243), (0x0183, 0x0185, 2, 0x0182), (0x0188, 0x0188, 1, 0x0187),
    (0x018C, 0x018C, 1, 0x018B), (0x0192, 0x0192, 1, 0x0191), (0x0195, 0x0195, 1, 0x01F6), (0x0199, 0x0199, 1, 0x0198),
    (0x019A, 0x019A, 1, 0x023D), (0x019E, 0x019E, 1, 0x0220), (0x01A1, 0x01A5, 2, 0x01A0), (0x01A8, 0x01A8, 1, 0x01A7),
    (0x01AD, 0x01AD, 1, 0x01AC), (0x01B0, 0x01B0, 1, 0x01AF), (0x01B4, 0x01B6, 2, 0x01B3), (0x01B9, 0x01B9, 1, 0x01B8),
    (0x01BD, 0x01BD, 1, 0x01BC), (0x01BF, 0x01BF, 1, 0x01F7), (0x01C6, 0x01C6, 1, 0x01C4), (0x01C9, 0x01C9, 1, 0x01C7),
    (0x01CC, 0x01CC, 1, 0x01CA), (0x01CE, 0x01DC, 2, 0x01CD), (0x01DD, 0x01DD, 1, 0x018E), (0x01DF, 0x01EF, 2, 0x01DE),
    (0x01F3, 0x01F3, 1, 0x01F1), (0x01F5, 0x01F5, 1, 0x01F4), (0x01F9, 0x021F, 2, 0x01F8), (0x0223, 0x0233, 2, 0x0222),
    (0x023C, 0x023C, 1, 0x023B), (0x0242, 0x0242, 1, 0x0241), (0x0247, 0x024F, 2, 0x0246), (0x0250, 0x0250, 1, 0x2C6F),
    (0x0251, 0x0251, 1, 0x2C6D), (0x0253, 0x0253, 1, 0x0181), (0x0254, 0x0254, 1, 0x0186), (0x0256, 0x0257, 1, 0x0189),
    (0x0259, 0x0259, 1, 0x018F), (0x025B, 0x025B, 1, 0x0190), (0x0260, 0x0260, 1, 0x0193), (0x0263, 0x0263, 1, 0x0194),
    (0x0268, 0x0268, 1, 0x0197), (0x0269, 0x0269, 1, 0x0196), (0x026B, 0x026B, 1, 0x2C62), (0x026F, 0x026F, 1, 0x019C),
    (0x0271, 0x0271, 1, 0x2C6E), (0x0272, 0x0272, 1, 0x019D), (0x0275, 0x0275, 1, 0x019F), (0x027D, 0x027D, 1, 0x2C64),
    (0x0280, 0x0280, 1, 0x01A6), (0x0283, 0x0283, 1, 0x01A9), (0x0288, 0x0288, 1, 0x01AE), (0x0289, 0x0289, 1, 0x0244),
    (0x028A, 0x028B, 1, 0x01B1), (0x028C, 0x028C, 1, 0x0245), (0x0292, 0x0292, 1, 0x01B7), (0x0371, 0x0373, 2, 0x0370),
    (0x0377, 0x0377, 1, 0x0376), (0x037B, 0x037D, 1, 0x03FD), (0x03AC, 0x03AC, 1, 0x0386), (0x03AD, 0x03AF, 1, 0x0388),
    (0x03B1, 0x03C1, 1, 0x0391), (0x03C3, 0x03CB, 1, 0x03A3), (0x03CC, 0x03CC, 1, 0x038C), (0x03CD, 0x03CE, 1, 0x038E),
    (0x03D7, 0x03D7, 1, 0x03CF), (0x03D9, 0x03EF, 2, 0x03D8), (0x03F2, 0x03F2, 1, 0x03F9), (0x03F8, 0x03F8, 1, 0x03F7),
    (0x03FB, 0x03FB, 1, 0x03FA), (0x0430, 0x044F, 1, 0x0410), (0x0450, 0x045F, 1, 0x0400), (0x0461, 0x0481, 2, 0x0460),
    (0x048B, 0x04BF, 2, 0x048A), (0x04C2, 0x04CE, 2, 0x04C1), (0x04CF, 0x04CF, 1, 0x04C0), (0x04D1, 0x0523, 2, 0x04D0),
    (0x0561, 0x0586, 1, 0x0531), (0x1D79, 0x1D79, 1, 0xA77D), (0x1D7D, 0x1D7D, 1, 0x2C63), (0x1E01, 0x1E95, 2, 0x1E00),
    (0x1EA1, 0x1EFF, 2, 0x1EA0), (0x1F00, 0x1F07, 1, 0x1F08), (0x1F10, 0x1F15, 1, 0x1F18), (0x1F20, 0x1F27, 1, 0x1F28),
    (0x1F30, 0x1F37, 1, 0x1F38), (0x1F40, 0x1F45, 1, 0x1F48), (0x1F51, 0x1F57, 2, 0x1F59), (0x1F60, 0x1F67, 1, 0x1F68),
    (0x1F70, 0x1F71, 1, 0x1FBA), (0x1F72, 0x1F75, 1, 0x1FC8), (0x1F76, 0x1F77, 1, 0x1FDA), (0x1F78, 0x1F79, 1, 0x1FF8),
    (0x1F7A, 0x1F7B, 1, 0x1FEA), (0x1F7C, 0x1F7D, 1, 0x1FFA), (0x1F80, 0x1F87, 1, 0x1F88), (0x1F90, 0x1F97, 1, 0x1F98),
    (0x1FA0, 0x1FA7, 1, 0x1FA8), (0x1FB0, 0x1FB1, 1, 0x1FB8), (0x1FB3, 0x1FB3, 1, 0x1FBC), (0x1FC3, 0x1FC3, 1, 0x1FCC),
    (0x1FD0, 0x1FD1, 1, 0x1FD8), (0x1FE0, 0x1FE1, 1, 0x1FE8), (0x1FE5, 0x1FE5, 1, 0x1FEC), (0x1FF3, 0x1FF3, 1, 0x1FFC),
    (0x214E, 0x214E, 1, 0x2132), (0x2170, 0x217F, 1, 0x2160), (0x2184, 0x2184, 1, 0x2183), (0x24D0, 0x24E9, 1, 0x24B6),
    (0x2C30, 0x2C5E, 1, 0x2C00), (0x2C61, 0x2C61, 1, 0x2C60), (0x2C65, 0x2C65, 1, 0x023A), (0x2C66, 0x2C66, 1, 0x023E),
    (0x2C68, 0x2C6C, 2, 0x2C67), (0x2C73, 0x2C73, 1, 0x2C72), (0x2C76, 0x2C76, 1, 0x2C75), (0x2C81, 0x2CE3, 2, 0x2C80),
    (0x2D00, 0x2D25, 1, 0x10A0), (0xA641, 0xA65F, 2, 0xA640), (0xA663, 0xA66D, 2, 0xA662), (0xA681, 0xA697, 2, 0xA680),
    (0xA723, 0xA72F, 2, 0xA722), (0xA733, 0xA76F, 2, 0xA732), (0xA77A, 0xA77C, 2, 0xA779), (0xA77F, 0xA787, 2, 0xA77E),
    (0xA78C, 0xA78C, 1, 0xA78B), (0xFF41, 0xFF5A, 1, 0xFF21),
];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::damage::DamageKind;
    use crate::volume::guid_partition_table::Crc32;

    fn bytes_of(table: &UpCase) -> Vec<u8> {
        table.table.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn the_built_in_table_is_the_one_mkntfs_writes() {
        let bytes = bytes_of(&UpCase::built_in());
        assert_eq!(bytes.len(), UpCase::LENGTH);
        // Of the output of `ntfscat -i 10` on a fresh volume.
        assert_eq!(Crc32::new().update(&bytes).finish(), 0xCEE8_CFFA);
        assert_eq!(format!("{:?}", UpCase::built_in()), "UpCase(973 code units have an upper case)");
    }

    #[test]
    fn the_built_in_table_is_found_on_a_real_volume() {
        for volume in ["colin_testfs1.raw", "rrg_smol.raw"] {
            let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/vol/{}"), volume);
            let Ok(image) = fs::read(path) else { return };
            let expected = bytes_of(&UpCase::built_in());
            let found = image.chunks(512).position(|sector| sector == &expected[..512]).unwrap();
            assert_eq!(UpCase::parse(&image[found * 512..]), Ok(UpCase::built_in()), "{volume}");
        }
    }

    #[test]
    fn letters_outside_ascii_map_as_on_windows() {
        let table = UpCase::built_in();
        for (unit, upper) in [(0xE9, 0xC9), (0xFF, 0x178), (0x3B1, 0x391), (0x451, 0x401), (0x1D7D, 0x2C63)] {
            assert_eq!(table.upper(unit), upper, "{unit:#x}");
        }
        for unit in [0xDF, 0x131, 0x17F, 0xB5, 0xF7, 0xD801, 0xDC28, 0xFFFF] {
            assert_eq!(table.upper(unit), unit, "{unit:#x} has no upper case here");
        }
    }

    #[test]
    fn a_table_of_its_own_is_used_as_it_is() {
        let mut bytes = bytes_of(&UpCase::built_in());
        bytes[2 * 0xE9..][..2].copy_from_slice(&[b'E', 0]);
        bytes.extend([1, 2, 3]);
        let table = UpCase::parse(&bytes).unwrap();
        assert!(table.equals_ignoring_case(Name::new(&utf16("caf\u{e9}")), Name::new(&utf16("CAFE"))));
        assert_ne!(table, UpCase::built_in());
    }

    #[test]
    fn a_short_or_overwritten_table_is_refused() {
        let good = bytes_of(&UpCase::built_in());
        for len in [0, 1, 2, 128, 65_536, 131_070, 131_071] {
            assert_eq!(UpCase::parse(&good[..len]), Err(Damage::too_short(0, "$UpCase", 131_072, len)));
        }
        for letter in b'a'..=b'z' {
            let mut bytes = good.clone();
            bytes[2 * usize::from(letter) + 1] = 0x80;
            let value = u64::from(letter.to_ascii_uppercase()) | 0x8000;
            let kind = DamageKind::BadValue { what: "upper case of a letter", value };
            assert_eq!(UpCase::parse(&bytes), Err(Damage::new(2 * u64::from(letter), kind)));
        }
        assert!(UpCase::parse(&vec![0; 131_072]).is_err());
    }

    #[test]
    fn names_are_in_the_order_of_a_directory() {
        let table = UpCase::built_in();
        // '_' sorts behind 'Z' because letters count as upper case; case decides last.
        let sorted = ["", "$MFT", "$MFTMirr", ".", "A", "a", "AB", "aB", "Ab2", "ABC", "B", "Z", "z", "_", "É", "é"];
        for (i, left) in sorted.iter().enumerate() {
            for (j, right) in sorted.iter().enumerate() {
                let (left_bytes, right_bytes) = (utf16(left), utf16(right));
                let (left_name, right_name) = (Name::new(&left_bytes), Name::new(&right_bytes));
                assert_eq!(table.compare(left_name, right_name), i.cmp(&j), "{left} {right}");
                let same = table.equals_ignoring_case(left_name, right_name);
                assert_eq!(same, left.to_uppercase() == right.to_uppercase(), "{left} {right}");
            }
        }
    }

    #[test]
    fn surrogates_sort_as_the_units_they_are() {
        let table = UpCase::built_in();
        let (emoji, private) = (utf16("\u{1F600}"), utf16("\u{E000}"));
        assert_eq!(table.compare(Name::new(&emoji), Name::new(&private)), Ordering::Less, "unlike code points");
        let lone = [0x3D, 0xD8];
        assert_eq!(table.compare(Name::new(&lone), Name::new(&emoji)), Ordering::Less);
        assert!(table.equals_ignoring_case(Name::new(&lone), Name::new(&lone)));
    }
}
