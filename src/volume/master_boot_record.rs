//! The master boot record, and the extended boot records chained to it.

use std::fmt;

use crate::base::damage::Damage;
use crate::base::le;

/// A sector with a partition table of four entries: the master boot record in sector 0, or an
/// extended boot record.
///
/// Layout: 0 boot code, 440 disk signature (u32), 446 four entries of 16 bytes, 510 signature (55 AA).
///
/// Reference: the IBM PC's partition table; UEFI specification 5.2.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MasterBootRecord<'a> {
    bytes: &'a [u8; 512],
}

/// One of the four entries of a [`MasterBootRecord`].
///
/// Layout: 0 status (1), 1 first sector as cylinder, head and sector (3), 4 type (1), 5 last sector
/// likewise (3), 8 first sector (u32), 12 sectors (u32). The cylinders of old are not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MasterBootRecordEntry {
    /// 0x80 for the partition to boot from, else 0.
    pub status: u8,
    /// What the partition is for.
    pub partition_type: MasterBootRecordType,
    /// First sector, from a base that depends on where the entry stands.
    pub first_sector: u32,
    /// How many sectors.
    pub sector_count: u32,
}

/// The type byte of a [`MasterBootRecordEntry`], an open set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MasterBootRecordType(pub u8);

impl MasterBootRecordType {
    /// No partition.
    pub const UNUSED: Self = Self(0x00);
    /// An extended partition: a chain of further tables.
    pub const EXTENDED: Self = Self(0x05);
    /// NTFS, exFAT or HPFS.
    pub const NTFS: Self = Self(0x07);
    /// An extended partition, addressed by sector numbers.
    pub const EXTENDED_LBA: Self = Self(0x0F);
    /// NTFS, hidden.
    pub const HIDDEN_NTFS: Self = Self(0x17);
    /// Windows' recovery environment: NTFS.
    pub const WINDOWS_RECOVERY: Self = Self(0x27);
    /// A dynamic disk's part.
    pub const DYNAMIC: Self = Self(0x42);
    /// An extended partition, Linux's own.
    pub const EXTENDED_LINUX: Self = Self(0x85);
    /// Not a partition: the disk has a GUID partition table.
    pub const PROTECTIVE: Self = Self(0xEE);

    /// True for the three types of extended partition.
    #[must_use]
    pub const fn is_extended(self) -> bool {
        matches!(self, Self::EXTENDED | Self::EXTENDED_LBA | Self::EXTENDED_LINUX)
    }
}

impl fmt::Display for MasterBootRecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.0)
    }
}

impl fmt::Debug for MasterBootRecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterBootRecordType({self})")
    }
}

impl<'a> MasterBootRecord<'a> {
    /// Where the entries start, in bytes.
    pub(crate) const ENTRIES: u64 = 446;
    /// Bytes an entry.
    pub(crate) const ENTRY_LENGTH: u64 = 16;

    /// Views the first 512 bytes of `bytes`, which may be longer. Whether they are a partition table
    /// is not known by that: see [`is_plausible`](Self::is_plausible).
    ///
    /// # Errors
    /// When there are fewer than 512 bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let view = bytes.first_chunk().ok_or_else(|| Damage::too_short(0, "master boot record", 512, bytes.len()))?;
        Ok(Self { bytes: view })
    }

    /// True when the sector ends in 55 AA.
    #[must_use]
    pub fn has_signature(&self) -> bool {
        le::array_in::<510, 2, 512>(self.bytes) == [0x55, 0xAA]
    }

    /// True when the signature is there and all four entries have a status that exists, which boot
    /// code in their place seldom has.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        self.has_signature() && self.entries().iter().all(|entry| matches!(entry.status, 0 | 0x80))
    }

    /// Windows' number for the disk; 0 in extended boot records.
    #[must_use]
    pub fn disk_signature(&self) -> u32 {
        le::u32_in::<440, 512>(self.bytes)
    }

    /// The four entries, used or not.
    #[must_use]
    pub fn entries(&self) -> [MasterBootRecordEntry; 4] {
        [
            MasterBootRecordEntry::new(&le::array_in::<446, 16, 512>(self.bytes)),
            MasterBootRecordEntry::new(&le::array_in::<462, 16, 512>(self.bytes)),
            MasterBootRecordEntry::new(&le::array_in::<478, 16, 512>(self.bytes)),
            MasterBootRecordEntry::new(&le::array_in::<494, 16, 512>(self.bytes)),
        ]
    }
}

impl fmt::Debug for MasterBootRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterBootRecord")
            .field("disk_signature", &format_args!("{:08x}", self.disk_signature()))
            .field("entries", &self.entries())
            .field("has_signature", &self.has_signature())
            .finish()
    }
}

impl MasterBootRecordEntry {
    fn new(bytes: &[u8; 16]) -> Self {
        Self {
            status: le::u8_in::<0, 16>(bytes),
            partition_type: MasterBootRecordType(le::u8_in::<4, 16>(bytes)),
            first_sector: le::u32_in::<8, 16>(bytes),
            sector_count: le::u32_in::<12, 16>(bytes),
        }
    }

    /// True when the entry describes anything: it has a type and sectors.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.partition_type != MasterBootRecordType::UNUSED && self.sector_count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> [u8; 512] {
        let mut bytes = [0; 512];
        bytes[440..444].copy_from_slice(&0xD15C_0001_u32.to_le_bytes());
        bytes[446..462].copy_from_slice(&[0x80, 1, 1, 0, 7, 0xFE, 0xFF, 0xFF, 0, 8, 0, 0, 0, 0x40, 6, 0]);
        bytes[494 + 4] = 0x0F;
        bytes[510..].copy_from_slice(&[0x55, 0xAA]);
        bytes
    }

    #[test]
    fn entries_are_read_where_they_lie() {
        let bytes = sample();
        let record = MasterBootRecord::parse(&bytes).unwrap();
        let [first, second, _, fourth] = record.entries();
        let expected = MasterBootRecordEntry {
            status: 0x80,
            partition_type: MasterBootRecordType::NTFS,
            first_sector: 2048,
            sector_count: 0x64000,
        };
        assert_eq!(first, expected);
        assert!(first.is_used() && !second.is_used());
        assert!(fourth.partition_type.is_extended() && !fourth.is_used(), "it has no sectors");
        assert_eq!(record.disk_signature(), 0xD15C_0001);
        assert!(record.is_plausible());
        assert!(format!("{record:?}").contains("d15c0001"));
    }

    #[test]
    fn boot_code_is_no_table() {
        let mut bytes = sample();
        bytes[462] = b'e';
        assert!(!MasterBootRecord::parse(&bytes).unwrap().is_plausible());
        bytes[462] = 0;
        bytes[511] = 0;
        assert!(!MasterBootRecord::parse(&bytes).unwrap().is_plausible());
    }

    #[test]
    fn every_truncation_is_damage() {
        let bytes = sample();
        for len in 0..512 {
            assert_eq!(
                MasterBootRecord::parse(&bytes[..len]).unwrap_err(),
                Damage::too_short(0, "master boot record", 512, len)
            );
        }
    }
}
