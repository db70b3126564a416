//! CRC-32C (Castagnoli), which guards what a VHDX file says of itself.

/// The checksum of what was added so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc32c(u32);

const POLYNOMIAL: u32 = 0x82F6_3B78;

/// For each byte, what it comes to with `n` bytes behind it.
const TABLES: [[u32; 256]; 8] = tables();

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "computed when compiling")]
#[allow(clippy::as_conversions, clippy::cast_possible_truncation, reason = "computed when compiling, up to 255")]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ (POLYNOMIAL * (sum & 1));
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut level = 1;
    while level < 8 {
        let mut byte = 0;
        while byte < 256 {
            let below = tables[level - 1][byte];
            tables[level][byte] = (below >> 8) ^ tables[0][(below & 0xFF) as usize];
            byte += 1;
        }
        level += 1;
    }
    tables
}

impl Crc32c {
    pub(super) fn new() -> Self {
        Self(u32::MAX)
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            let [a, b, c, d] = self.0.to_le_bytes();
            let [e, f, g, h, i, j, k, l] = *word;
            let bytes = [e ^ a, f ^ b, g ^ c, h ^ d, i, j, k, l];
            self.0 = TABLES.iter().rev().zip(bytes).fold(0, |sum, (table, byte)| sum ^ at(table, byte));
        }
        let [first, ..] = &TABLES;
        for &byte in rest {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = self.0.wrapping_shr(8) ^ at(first, low ^ byte);
        }
    }

    pub(super) fn value(self) -> u32 {
        !self.0
    }

    /// The checksum of `bytes` with zeros for the four at 4, where all structures of the format have it.
    pub(super) fn of_structure(bytes: &[u8]) -> u32 {
        let mut sum = Self::new();
        sum.add(bytes.get(..4).unwrap_or_default());
        sum.add(&[0; 4]);
        sum.add(bytes.get(8..).unwrap_or_default());
        sum.value()
    }
}

fn at(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> u32 {
        let mut sum = Crc32c::new();
        sum.add(bytes);
        sum.value()
    }

    /// The vectors of RFC 3720, appendix B.4.
    #[test]
    fn vectors_of_iscsi_agree() {
        assert_eq!(of(&[0; 32]), 0x8A91_36AA);
        assert_eq!(of(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(of(&(0..32).collect::<Vec<u8>>()), 0x46DD_794E);
        assert_eq!(of(&(0..32).rev().collect::<Vec<u8>>()), 0x113F_DB5C);
        assert_eq!(of(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn any_division_gives_the_same() {
        let bytes: Vec<u8> = (0..100_u8).map(|at| at.wrapping_mul(37)).collect();
        for cut in 0..bytes.len() {
            let mut sum = Crc32c::new();
            sum.add(&bytes[..cut]);
            sum.add(&bytes[cut..]);
            assert_eq!(sum.value(), of(&bytes));
        }
        let mut zeroed = bytes.clone();
        zeroed[4..8].fill(0);
        assert_eq!(Crc32c::of_structure(&bytes), of(&zeroed));
    }
}
