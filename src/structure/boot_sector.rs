//! The boot sector: the first 512 bytes of a volume, and their backup behind its end.

use core::fmt;

use crate::base::damage::Damage;
use crate::base::le;

/// The boot sector of a volume, viewed where it lies: fields as they are, encodings undone.
///
/// Nothing is checked but the length, so that a damaged boot sector can be looked at too; whether
/// the fields make a volume is [`Geometry`](crate::volume::geometry::Geometry)'s to say. It is 512
/// bytes at offset 0 of the volume whatever the sector size is; the backup is in the sector behind
/// the last one.
///
/// Layout: 0 jump (3), 3 OEM id (8), 11 bytes per sector (u16), 13 sectors per cluster (1), 28
/// hidden sectors (u32), 40 total sectors (u64), 48 LCN of `$MFT` (u64), 56 LCN of `$MFTMirr`
/// (u64), 64 FILE record size (i8), 68 INDX record size (i8), 72 serial number (u64), 84 boot code,
/// 510 boot signature (55 AA).
///
/// Reference: `PACKED_BOOT_SECTOR`, `BIOS_PARAMETER_BLOCK`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "PACKED_BOOT_SECTOR")]
#[doc(alias = "VBR")]
pub struct BootSector<'a> {
    bytes: &'a [u8; 512],
}

/// Where the fields lie that a geometry is made of, in bytes.
pub(crate) mod field {
    pub(crate) const OEM_ID: usize = 3;
    pub(crate) const BYTES_PER_SECTOR: usize = 11;
    pub(crate) const SECTORS_PER_CLUSTER: usize = 13;
    pub(crate) const TOTAL_SECTORS: usize = 40;
    pub(crate) const MFT_LCN: usize = 48;
    pub(crate) const MIRROR_LCN: usize = 56;
    pub(crate) const RECORD_SIZE: usize = 64;
    pub(crate) const INDEX_RECORD_SIZE: usize = 68;
    pub(crate) const SIGNATURE: usize = 510;
}

/// What the OEM id of a boot sector says about the volume behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OemId {
    /// `"NTFS    "`.
    Ntfs,
    /// `"-FVE-FS-"`: encrypted by BitLocker; the geometry is not that of the NTFS volume inside.
    BitLocker,
    /// `"ReFS"`.
    ReFs,
    /// `"EXFAT   "`, which shares NTFS's partition types.
    ExFat,
    /// Anything else: the eight bytes.
    Other([u8; 8]),
}

impl OemId {
    /// Recognizes the eight bytes at offset 3 of a boot sector.
    #[must_use]
    pub const fn new(bytes: [u8; 8]) -> Self {
        match &bytes {
            b"NTFS    " => Self::Ntfs,
            b"-FVE-FS-" => Self::BitLocker,
            b"ReFS\0\0\0\0" => Self::ReFs,
            b"EXFAT   " => Self::ExFat,
            _ => Self::Other(bytes),
        }
    }

    /// True for every id but [`Other`](Self::Other).
    #[must_use]
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

impl fmt::Display for OemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ntfs => f.write_str("NTFS"),
            Self::BitLocker => f.write_str("BitLocker"),
            Self::ReFs => f.write_str("ReFS"),
            Self::ExFat => f.write_str("exFAT"),
            Self::Other(bytes) => write!(f, "{}", bytes.escape_ascii()),
        }
    }
}

impl<'a> BootSector<'a> {
    /// Bytes of a boot sector, whatever the sector size.
    pub const LENGTH: usize = 512;

    /// The boot signature, which tells firmware that the sector holds boot code.
    const BOOTABLE: [u8; 2] = [0x55, 0xAA];

    /// Views the first 512 bytes of `bytes`, which may be longer.
    ///
    /// # Errors
    /// When there are fewer than 512 bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let view = bytes.first_chunk().ok_or_else(|| Damage::too_short(0, "boot sector", Self::LENGTH, bytes.len()))?;
        Ok(Self { bytes: view })
    }

    /// The 512 bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8; 512] {
        self.bytes
    }

    /// Whose boot sector it is.
    #[must_use]
    pub fn oem_id(&self) -> OemId {
        OemId::new(le::array_in::<{ field::OEM_ID }, 8, 512>(self.bytes))
    }

    /// True when the sector ends in 55 AA. Volumes that were never meant to boot may lack it.
    #[must_use]
    pub fn has_signature(&self) -> bool {
        self.signature().to_le_bytes() == Self::BOOTABLE
    }

    /// The last two bytes as a little-endian number; 0xAA55 where the signature is there.
    #[must_use]
    pub fn signature(&self) -> u16 {
        le::u16_in::<{ field::SIGNATURE }, 512>(self.bytes)
    }

    /// Bytes a sector, as stored.
    #[must_use]
    pub fn bytes_per_sector(&self) -> u16 {
        le::u16_in::<{ field::BYTES_PER_SECTOR }, 512>(self.bytes)
    }

    /// The byte that encodes the sectors of a cluster, as stored.
    #[must_use]
    pub fn sectors_per_cluster_byte(&self) -> u8 {
        le::u8_in::<{ field::SECTORS_PER_CLUSTER }, 512>(self.bytes)
    }

    /// Sectors a cluster: the byte up to 0x80, a power of two from 0xF4 on; `None` for the others,
    /// which no formatter writes.
    #[must_use]
    pub fn sectors_per_cluster(&self) -> Option<u32> {
        match self.sectors_per_cluster_byte() {
            0 | 0x81..=0xF3 => None,
            count @ ..=0x80 => Some(u32::from(count)),
            power => 1_u32.checked_shl(u32::from(power.wrapping_neg())),
        }
    }

    /// Bytes a cluster; `None` where a field does not decode.
    #[must_use]
    pub fn cluster_size(&self) -> Option<u32> {
        self.sectors_per_cluster()?.checked_mul(u32::from(self.bytes_per_sector()))
    }

    /// The byte that encodes the size of a FILE record, as stored.
    #[must_use]
    pub fn record_size_byte(&self) -> u8 {
        le::u8_in::<{ field::RECORD_SIZE }, 512>(self.bytes)
    }

    /// Bytes a FILE record; `None` where the field does not decode.
    #[must_use]
    pub fn record_size(&self) -> Option<u32> {
        self.clusters_or_power(self.record_size_byte())
    }

    /// The byte that encodes the usual size of an INDX record, as stored.
    #[must_use]
    pub fn index_record_size_byte(&self) -> u8 {
        le::u8_in::<{ field::INDEX_RECORD_SIZE }, 512>(self.bytes)
    }

    /// Bytes an INDX record where its index does not say otherwise; `None` where the field does not
    /// decode.
    #[must_use]
    pub fn index_record_size(&self) -> Option<u32> {
        self.clusters_or_power(self.index_record_size_byte())
    }

    /// A record's size: a positive byte counts clusters, a negative one is the exponent of a power
    /// of two of bytes.
    fn clusters_or_power(&self, byte: u8) -> Option<u32> {
        match byte {
            0 => None,
            clusters @ ..=0x7F => u32::from(clusters).checked_mul(self.cluster_size()?),
            power => 1_u32.checked_shl(u32::from(power.wrapping_neg())),
        }
    }

    /// Sectors before the volume on its disk, in sectors of this volume. A hint only: partitions
    /// get copied and moved without it.
    #[must_use]
    pub fn hidden_sectors(&self) -> u32 {
        le::u32_in::<28, 512>(self.bytes)
    }

    /// Sectors of the volume, the backup boot sector not counted.
    #[must_use]
    pub fn total_sectors(&self) -> u64 {
        le::u64_in::<{ field::TOTAL_SECTORS }, 512>(self.bytes)
    }

    /// Cluster number where `$MFT` starts.
    #[must_use]
    pub fn mft_lcn(&self) -> u64 {
        le::u64_in::<{ field::MFT_LCN }, 512>(self.bytes)
    }

    /// Cluster number where `$MFTMirr` starts.
    #[must_use]
    pub fn mirror_lcn(&self) -> u64 {
        le::u64_in::<{ field::MIRROR_LCN }, 512>(self.bytes)
    }

    /// The volume's serial number; Windows shows its low 32 bits.
    #[must_use]
    pub fn serial_number(&self) -> u64 {
        le::u64_in::<72, 512>(self.bytes)
    }
}

impl fmt::Debug for BootSector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BootSector")
            .field("oem_id", &self.oem_id())
            .field("bytes_per_sector", &self.bytes_per_sector())
            .field("sectors_per_cluster", &self.sectors_per_cluster())
            .field("hidden_sectors", &self.hidden_sectors())
            .field("total_sectors", &self.total_sectors())
            .field("mft_lcn", &self.mft_lcn())
            .field("mirror_lcn", &self.mirror_lcn())
            .field("record_size", &self.record_size())
            .field("index_record_size", &self.index_record_size())
            .field("serial_number", &format_args!("{:016x}", self.serial_number()))
            .field("has_signature", &self.has_signature())
            .finish()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::damage::DamageKind;

    /// The boot sector of a volume with clusters of 4 KiB.
    pub(crate) fn sample() -> [u8; 512] {
        let mut bytes = [0; 512];
        bytes[..11].copy_from_slice(b"\xEB\x52\x90NTFS    ");
        bytes[11..14].copy_from_slice(&[0x00, 0x02, 8]);
        bytes[21] = 0xF8;
        bytes[28..32].copy_from_slice(&2048_u32.to_le_bytes());
        bytes[36..40].copy_from_slice(&[0x80, 0, 0x80, 0]);
        bytes[40..48].copy_from_slice(&204_799_u64.to_le_bytes());
        bytes[48..56].copy_from_slice(&8533_u64.to_le_bytes());
        bytes[56..64].copy_from_slice(&2_u64.to_le_bytes());
        bytes[64] = 0xF6;
        bytes[68] = 1;
        bytes[72..80].copy_from_slice(&0x0123_4567_89AB_CDEF_u64.to_le_bytes());
        bytes[510..].copy_from_slice(&[0x55, 0xAA]);
        bytes
    }

    #[test]
    fn fields_are_read_where_they_lie() {
        let bytes = sample();
        let boot = BootSector::parse(&bytes).unwrap();
        assert_eq!(boot.oem_id(), OemId::Ntfs);
        assert_eq!(
            (boot.bytes_per_sector(), boot.sectors_per_cluster(), boot.cluster_size()),
            (512, Some(8), Some(4096))
        );
        assert_eq!((boot.record_size(), boot.index_record_size()), (Some(1024), Some(4096)));
        assert_eq!((boot.total_sectors(), boot.mft_lcn(), boot.mirror_lcn()), (204_799, 8533, 2));
        assert_eq!((boot.serial_number(), boot.hidden_sectors()), (0x0123_4567_89AB_CDEF, 2048));
        assert!(boot.has_signature());
        let mut unsigned = bytes;
        unsigned[511] = 0xAB;
        assert!(!BootSector::parse(&unsigned).unwrap().has_signature());
        assert!(format!("{boot:?}").contains("serial_number: 0123456789abcdef"));
    }

    #[test]
    fn every_truncation_is_damage_and_more_bytes_are_left_alone() {
        let mut longer = sample().to_vec();
        longer.resize(4096, 0xEE);
        for len in 0..512 {
            let kind = DamageKind::TooShort { what: "boot sector", needed: 512, found: len };
            let truncated = &longer[..usize::try_from(len).unwrap()];
            assert_eq!(BootSector::parse(truncated).unwrap_err(), Damage::new(0, kind));
        }
        assert_eq!(BootSector::parse(&longer).unwrap().bytes(), &sample());
    }

    #[test]
    fn every_cluster_byte_decodes_as_windows_writes_it() {
        let mut bytes = sample();
        for byte in 0..=255_u8 {
            bytes[13] = byte;
            let expected = match byte {
                0 => None,
                1..=128 => Some(u32::from(byte)),
                129..=243 => None,
                244..=255 => Some(2_u32.pow(256 - u32::from(byte))),
            };
            assert_eq!(BootSector::parse(&bytes).unwrap().sectors_per_cluster(), expected, "{byte:#x}");
        }
    }

    #[test]
    fn every_record_size_byte_is_clusters_or_a_power_of_two() {
        let mut bytes = sample();
        for byte in 0..=255_u8 {
            (bytes[64], bytes[68]) = (byte, byte.wrapping_add(1));
            let expected = |byte: u8| match i32::from(byte.cast_signed()) {
                0 => None,
                clusters @ 1.. => Some(clusters.cast_unsigned() * 4096),
                power @ -31..=-1 => Some(2_u32.pow(power.unsigned_abs())),
                _ => None,
            };
            let boot = BootSector::parse(&bytes).unwrap();
            assert_eq!(boot.record_size(), expected(byte), "{byte:#x}");
            assert_eq!(boot.index_record_size(), expected(byte.wrapping_add(1)), "{byte:#x}");
        }
    }

    #[test]
    fn other_file_systems_are_known_by_their_ids() {
        let mut bytes = sample();
        for (id, expected, shown) in [
            (b"NTFS    ", OemId::Ntfs, "NTFS"),
            (b"-FVE-FS-", OemId::BitLocker, "BitLocker"),
            (b"ReFS\0\0\0\0", OemId::ReFs, "ReFS"),
            (b"EXFAT   ", OemId::ExFat, "exFAT"),
            (b"MSDOS5.0", OemId::Other(*b"MSDOS5.0"), "MSDOS5.0"),
            (b"NTFS\0   ", OemId::Other(*b"NTFS\0   "), r"NTFS\x00   "),
        ] {
            bytes[3..11].copy_from_slice(id);
            let found = BootSector::parse(&bytes).unwrap().oem_id();
            assert_eq!((found, found.to_string().as_str()), (expected, shown));
            assert_eq!(found.is_known(), !matches!(expected, OemId::Other(_)));
        }
    }

    proptest! {
        #[test]
        fn any_512_bytes_have_fields(bytes in proptest::collection::vec(any::<u8>(), 512)) {
            let boot = BootSector::parse(&bytes).unwrap();
            let size = u64::from(boot.bytes_per_sector());
            let clusters = boot.sectors_per_cluster().map(|count| u64::from(count) * size);
            prop_assert_eq!(boot.cluster_size().map(u64::from), clusters, "65,535 x 4096 fits 32 bits");
            let shown = format!("{boot:?}");
            prop_assert!(shown.starts_with("BootSector"));
        }
    }
}
