//! `$SDS`: the stream of `$Secure` that holds every security descriptor once.

use crate::base::damage::Damage;
use crate::base::le;

/// What stands before a descriptor in `$SDS`, and again as the data of `$Secure`'s indexes `$SII`
/// and `$SDH`: 20 bytes.
///
/// Layout: 0 hash, 4 security id (`u32` each), 8 offset in `$SDS` (`u64`), 16 size (`u32`).
///
/// Reference: `SECURITY_DESCRIPTOR_HEADER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SECURITY_DESCRIPTOR_HEADER")]
pub struct SecurityHeader {
    /// The hash of the descriptor.
    pub hash: u32,
    /// The id by which files name it.
    pub security_id: u32,
    /// Where its entry starts, in bytes of `$SDS`: always the first of its two copies.
    pub offset: u64,
    /// Bytes of the entry, this header included.
    pub size: u32,
}

impl SecurityHeader {
    /// Bytes of the header.
    pub const SIZE: usize = 20;

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// When there are less than 20 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Damage> {
        let fixed = bytes
            .first_chunk::<20>()
            .ok_or_else(|| Damage::too_short(0, "security header", Self::SIZE, bytes.len()))?;
        Ok(Self {
            hash: le::u32_in::<0, 20>(fixed),
            security_id: le::u32_in::<4, 20>(fixed),
            offset: le::u64_in::<8, 20>(fixed),
            size: le::u32_in::<16, 20>(fixed),
        })
    }
}

/// An entry of `$SDS`: a header and a self-relative security descriptor, 16-aligned.
///
/// The stream is a row of 256 KiB blocks in pairs; the second of a pair repeats the first. No entry
/// crosses from one block into the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityEntry<'a> {
    header: SecurityHeader,
    descriptor: &'a [u8],
}

impl<'a> SecurityEntry<'a> {
    /// How far behind an entry its second copy stands, in bytes.
    pub const MIRROR_DISTANCE: u64 = 0x4_0000;

    /// Views the entry at the start of `bytes`, which may be longer.
    ///
    /// # Errors
    /// When the bytes end inside the entry, or its size is below its header's.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let header = SecurityHeader::parse(bytes)?;
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        if size < SecurityHeader::SIZE {
            return Err(Damage::bad_value(16, "size of $SDS entry", header.size));
        }
        let descriptor = bytes
            .get(SecurityHeader::SIZE..size)
            .ok_or_else(|| Damage::too_short(0, "$SDS entry", size, bytes.len()))?;
        Ok(Self { header, descriptor })
    }

    /// What the entry says of itself.
    #[must_use]
    pub fn header(&self) -> SecurityHeader {
        self.header
    }

    /// The security descriptor, in bytes.
    #[must_use]
    pub fn descriptor(&self) -> &'a [u8] {
        self.descriptor
    }

    /// True when the descriptor has the hash that the header names: its bytes are those written.
    #[must_use]
    pub fn hash_matches(&self) -> bool {
        security_hash(self.descriptor) == self.header.hash
    }

    /// True when the entry belongs at `position` of `$SDS`, as first or as second copy.
    #[must_use]
    pub fn belongs_at(&self, position: u64) -> bool {
        let first = self.header.offset;
        position == first || Some(position) == first.checked_add(Self::MIRROR_DISTANCE)
    }
}

/// The hash by which `$SDH` finds a descriptor: over its `u32` words, each added to the sum rotated
/// left by 3 bits. Bytes behind the last whole word do not count.
#[must_use]
pub fn security_hash(descriptor: &[u8]) -> u32 {
    let (words, _) = descriptor.as_chunks::<4>();
    words.iter().fold(0, |hash: u32, word| u32::from_le_bytes(*word).wrapping_add(hash.rotate_left(3)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An entry at offset 0x100 around eight bytes whose hash is 2 + (1 << 3).
    fn sample() -> Vec<u8> {
        let mut bytes = 10_u32.to_le_bytes().to_vec();
        bytes.extend_from_slice(&0x101_u32.to_le_bytes());
        bytes.extend_from_slice(&0x100_u64.to_le_bytes());
        for word in [28_u32, 1, 2] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn entry_is_verified_by_hash_and_place() {
        let mut bytes = sample();
        let entry = SecurityEntry::parse(&bytes).unwrap();
        let header = SecurityHeader { hash: 10, security_id: 0x101, offset: 0x100, size: 28 };
        assert_eq!((entry.header(), entry.descriptor().len()), (header, 8));
        assert!(entry.hash_matches() && entry.belongs_at(0x100) && entry.belongs_at(0x4_0100));
        assert!(!entry.belongs_at(0x8_0100));
        bytes[21] = 1;
        assert!(!SecurityEntry::parse(&bytes).unwrap().hash_matches());
    }

    #[test]
    fn hostile_sizes_and_truncations_are_damage() {
        let mut bytes = sample();
        for len in 0..bytes.len() {
            assert!(SecurityEntry::parse(&bytes[..len]).is_err(), "{len} bytes");
        }
        for size in [0_u32, 19, 29, u32::MAX] {
            bytes[16..20].copy_from_slice(&size.to_le_bytes());
            assert!(SecurityEntry::parse(&bytes).is_err(), "size {size}");
        }
        bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        bytes[16..20].copy_from_slice(&20_u32.to_le_bytes());
        let empty = SecurityEntry::parse(&bytes).unwrap();
        assert!(empty.descriptor().is_empty() && !empty.belongs_at(0x3_FFFF));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), size in 0_u8..200) {
            let mut bytes = bytes;
            if let Some(field) = bytes.get_mut(16..20) {
                field.copy_from_slice(&[size, 0, 0, 0]);
            }
            if let Ok(entry) = SecurityEntry::parse(&bytes) {
                prop_assert_eq!(entry.descriptor().len() + 20, usize::from(size));
                let _ = (entry.hash_matches(), entry.belongs_at(u64::MAX));
            }
        }
    }
}
