//! The GUID partition table: its header, its entries, and the checksum that guards both.

use std::fmt;

use crate::base::damage::{Damage, DamageKind};
use crate::base::guid::Guid;
use crate::base::le;
use crate::base::name::Name;

/// The header of a GUID partition table, in the second sector of a disk and again in the last one.
///
/// Layout: 0 `"EFI PART"`, 8 revision (u32), 12 header size (u32), 16 CRC-32 of the header with this
/// field zero (u32), 24 sector of this header (u64), 32 sector of the other one (u64), 40 and 48 first
/// and last usable sector (u64), 56 disk GUID, 72 first sector of the entries (u64), 80 number of
/// entries (u32), 84 bytes an entry (u32), 88 CRC-32 of the entries (u32).
///
/// Reference: UEFI specification 5.3.2.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "EFI_PARTITION_TABLE_HEADER")]
pub struct GuidPartitionHeader<'a> {
    fields: &'a [u8; 92],
    bytes: &'a [u8],
}

impl<'a> GuidPartitionHeader<'a> {
    /// Bytes of the fields that are defined.
    const LENGTH: usize = 92;
    const SIGNATURE: [u8; 8] = *b"EFI PART";

    /// Views the header at the start of `bytes`, which should hold the whole sector: a header may be
    /// larger than its fields.
    ///
    /// # Errors
    /// When there are fewer than 92 bytes, or they do not start with the signature.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let fields: &[u8; 92] =
            bytes.first_chunk().ok_or_else(|| Damage::too_short(0, "GPT header", Self::LENGTH, bytes.len()))?;
        if le::array_in::<0, 8, 92>(fields) != Self::SIGNATURE {
            let found = le::array_in::<0, 4, 92>(fields);
            return Err(Damage::new(0, DamageKind::BadSignature { found }));
        }
        Ok(Self { fields, bytes })
    }

    /// True when the header's checksum is right, and its size can be.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        let size = usize::try_from(le::u32_in::<12, 92>(self.fields)).unwrap_or(usize::MAX);
        let Some((head, tail)) = self.bytes.get(..size).and_then(|header| header.split_at_checked(20)) else {
            return false;
        };
        let checksum = Crc32::new().update(head.get(..16).unwrap_or_default()).update(&[0; 4]).update(tail);
        size >= Self::LENGTH && checksum.finish() == le::u32_in::<16, 92>(self.fields)
    }

    /// The sector this header says it is in.
    #[must_use]
    pub fn own_sector(&self) -> u64 {
        le::u64_in::<24, 92>(self.fields)
    }

    /// The sector of the other header: the backup's, seen from the primary one.
    #[must_use]
    pub fn other_sector(&self) -> u64 {
        le::u64_in::<32, 92>(self.fields)
    }

    /// The disk's own GUID.
    #[must_use]
    pub fn disk_guid(&self) -> Guid {
        Guid(le::array_in::<56, 16, 92>(self.fields))
    }

    /// First sector of the entries.
    #[must_use]
    pub fn entries_sector(&self) -> u64 {
        le::u64_in::<72, 92>(self.fields)
    }

    /// How many entries there are, used or not; 128 as a rule.
    #[must_use]
    pub fn entry_count(&self) -> u32 {
        le::u32_in::<80, 92>(self.fields)
    }

    /// Bytes an entry; 128 as a rule.
    #[must_use]
    pub fn entry_size(&self) -> u32 {
        le::u32_in::<84, 92>(self.fields)
    }

    /// Checksum the entries should have.
    #[must_use]
    pub fn entries_checksum(&self) -> u32 {
        le::u32_in::<88, 92>(self.fields)
    }
}

impl fmt::Debug for GuidPartitionHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuidPartitionHeader")
            .field("own_sector", &self.own_sector())
            .field("other_sector", &self.other_sector())
            .field("disk_guid", &self.disk_guid())
            .field("entries_sector", &self.entries_sector())
            .field("entry_count", &self.entry_count())
            .field("entry_size", &self.entry_size())
            .field("is_intact", &self.is_intact())
            .finish_non_exhaustive()
    }
}

/// An entry of a GUID partition table.
///
/// Layout: 0 type GUID, 16 the partition's own GUID, 32 first sector (u64), 40 last sector (u64,
/// inclusive), 48 attributes (u64), 56 name (36 UTF-16 code units).
///
/// Reference: UEFI specification 5.3.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "EFI_PARTITION_ENTRY")]
pub struct GuidPartitionEntry<'a> {
    bytes: &'a [u8; 128],
}

impl<'a> GuidPartitionEntry<'a> {
    /// Bytes an entry has at least.
    pub const LENGTH: usize = 128;

    /// Views the first 128 bytes of `bytes`, which may be longer.
    ///
    /// # Errors
    /// When there are fewer than 128 bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let view = bytes.first_chunk().ok_or_else(|| Damage::too_short(0, "GPT entry", Self::LENGTH, bytes.len()))?;
        Ok(Self { bytes: view })
    }

    /// True when the entry describes a partition: its type is not zero.
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.type_guid().is_zero()
    }

    /// What the partition is for.
    #[must_use]
    pub fn type_guid(&self) -> Guid {
        Guid(le::array_in::<0, 16, 128>(self.bytes))
    }

    /// The partition's own GUID.
    #[must_use]
    pub fn partition_guid(&self) -> Guid {
        Guid(le::array_in::<16, 16, 128>(self.bytes))
    }

    /// First sector of the partition.
    #[must_use]
    pub fn first_sector(&self) -> u64 {
        le::u64_in::<32, 128>(self.bytes)
    }

    /// Last sector of the partition, which belongs to it.
    #[must_use]
    pub fn last_sector(&self) -> u64 {
        le::u64_in::<40, 128>(self.bytes)
    }

    /// Sectors of the partition; `None` when it ends before it starts.
    #[must_use]
    pub fn sector_count(&self) -> Option<u64> {
        self.last_sector().checked_sub(self.first_sector())?.checked_add(1)
    }

    /// The partition's name, up to its first zero.
    #[must_use]
    pub fn name(&self) -> Name<'a> {
        let bytes = le::slice_at(self.bytes, 56, 72).unwrap_or_default();
        let units = Name::new(bytes).units().take_while(|&unit| unit != 0).count();
        Name::new(bytes.get(..units.saturating_mul(2)).unwrap_or_default())
    }
}

impl fmt::Debug for GuidPartitionEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuidPartitionEntry")
            .field("type_guid", &self.type_guid())
            .field("partition_guid", &self.partition_guid())
            .field("first_sector", &self.first_sector())
            .field("last_sector", &self.last_sector())
            .field("name", &self.name())
            .finish()
    }
}

/// What each low byte of a checksum adds to the rest of it.
static CRC32_TABLE: [u32; 256] = Crc32::table();

/// The checksum of GUID partition tables: CRC-32 as in Ethernet and zip.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crc32(u32);

impl Crc32 {
    /// The generator polynomial, bits reversed.
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    #[allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        reason = "evaluated at compile time, where a slip is an error"
    )]
    const fn table() -> [u32; 256] {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut sum = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                sum = if sum & 1 == 1 { (sum >> 1) ^ Self::POLYNOMIAL } else { sum >> 1 };
                bit += 1;
            }
            table[byte] = sum;
            byte += 1;
        }
        table
    }

    pub(crate) const fn new() -> Self {
        Self(u32::MAX)
    }

    pub(crate) fn update(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |sum, byte| {
            let [low, ..] = sum.to_le_bytes();
            let added = CRC32_TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default();
            (sum >> 8) ^ added
        }))
    }

    pub(crate) const fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header in sector 1 for 128 entries in sector 2, and nothing in them.
    fn sample() -> [u8; 512] {
        let mut bytes = [0; 512];
        bytes[..8].copy_from_slice(b"EFI PART");
        bytes[8..16].copy_from_slice(&[0, 0, 1, 0, 92, 0, 0, 0]);
        bytes[24] = 1;
        bytes[32..40].copy_from_slice(&2047_u64.to_le_bytes());
        bytes[56..72].fill(0xD1);
        bytes[72] = 2;
        bytes[80] = 128;
        bytes[84] = 128;
        bytes[88..92].copy_from_slice(&Crc32::new().update(&[0; 16_384]).finish().to_le_bytes());
        let checksum = Crc32::new().update(&bytes[..92]).finish();
        bytes[16..20].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    #[test]
    fn checksums_are_those_of_zip() {
        assert_eq!(Crc32::new().finish(), 0);
        assert_eq!(Crc32::new().update(b"123456789").finish(), 0xCBF4_3926, "the check value of CRC-32/ISO-HDLC");
        assert_eq!(Crc32::new().update(b"1234").update(b"56789").finish(), 0xCBF4_3926);
        assert_eq!(Crc32::new().update(&[0; 16_384]).finish(), 0xAB54_D286, "128 unused entries");
    }

    #[test]
    fn header_fields_are_read_where_they_lie() {
        let bytes = sample();
        let header = GuidPartitionHeader::parse(&bytes).unwrap();
        assert!(header.is_intact());
        assert_eq!((header.own_sector(), header.other_sector(), header.entries_sector()), (1, 2047, 2));
        assert_eq!((header.entry_count(), header.entry_size()), (128, 128));
        assert_eq!(header.disk_guid(), Guid([0xD1; 16]));
        assert_eq!(header.entries_checksum(), 0xAB54_D286);
    }

    #[test]
    fn every_byte_of_the_header_is_guarded() {
        for at in 8..92 {
            let mut bytes = sample();
            bytes[at] ^= 0x10;
            assert!(!GuidPartitionHeader::parse(&bytes).unwrap().is_intact(), "byte {at}");
        }
    }

    #[test]
    fn a_size_that_no_header_has_is_not_intact() {
        for size in [0, 19, 20, 91, 513, u32::MAX] {
            let mut bytes = sample();
            bytes[12..16].copy_from_slice(&size.to_le_bytes());
            assert!(!GuidPartitionHeader::parse(&bytes).unwrap().is_intact(), "{size}");
        }
    }

    #[test]
    fn every_truncation_is_damage() {
        let bytes = sample();
        for len in 0..92 {
            let error = GuidPartitionHeader::parse(&bytes[..len]).unwrap_err();
            assert_eq!(error, Damage::too_short(0, "GPT header", 92, len));
        }
        let kind = DamageKind::BadSignature { found: *b"FFI " };
        assert_eq!(GuidPartitionHeader::parse(b"FFI PART".repeat(64).as_slice()), Err(Damage::new(0, kind)));
        for len in 0..128 {
            let error = GuidPartitionEntry::parse(&bytes[..len]).unwrap_err();
            assert_eq!(error, Damage::too_short(0, "GPT entry", 128, len));
        }
    }

    #[test]
    fn a_name_ends_at_its_first_zero_or_with_the_entry() {
        let mut bytes = [0; 128];
        bytes[0] = 1;
        bytes[32] = 34;
        bytes[40] = 33;
        bytes[56..62].copy_from_slice(&[b'C', 0, 0x3D, 0xD8, b'D', 0]);
        bytes[64] = b'x';
        let entry = GuidPartitionEntry::parse(&bytes).unwrap();
        assert_eq!(entry.name().units().collect::<Vec<_>>(), [0x43, 0xD83D, 0x44]);
        assert!(entry.is_used());
        assert_eq!(entry.sector_count(), None, "it ends before it starts");
        bytes[40..48].fill(0xFF);
        bytes[32] = 0;
        assert_eq!(GuidPartitionEntry::parse(&bytes).unwrap().sector_count(), None, "2^64 sectors");
        bytes[56..].fill(b'a');
        assert_eq!(GuidPartitionEntry::parse(&bytes).unwrap().name().len(), 36);
    }
}
