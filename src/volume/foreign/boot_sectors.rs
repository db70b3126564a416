//! File systems that a volume's first sector tells.

use super::FileSystem;
use super::bit_locker;
use crate::base::le;
use crate::structure::boot_sector::{BootSector, OemId};

/// What the first sector of a volume says it is, where that is not NTFS.
pub(super) fn recognize(sector: &[u8; 512]) -> Option<FileSystem> {
    let boot = BootSector::parse(sector).ok()?;
    match boot.oem_id() {
        OemId::Ntfs => return None,
        OemId::BitLocker => return Some(FileSystem::BitLocker),
        OemId::ReFs => return Some(FileSystem::ReFs),
        OemId::ExFat => return Some(FileSystem::ExFat),
        OemId::Other(_) if bit_locker::is_to_go(sector) => return Some(FileSystem::BitLocker),
        OemId::Other(_) => {}
    }
    let starts = |signature: &[u8]| sector.starts_with(signature);
    match sector {
        _ if starts(b"XFSB") && is_power(be32(sector, 4), 512, 65_536) => Some(FileSystem::Xfs),
        _ if starts(b"LUKS\xBA\xBE") => Some(FileSystem::Luks),
        _ if starts(b"SPACEDB ") => Some(FileSystem::StoragePool),
        _ if starts(b"hsqs") => Some(FileSystem::SquashFs),
        _ if le::slice_at(sector, 32, 4) == Some(b"NXSB") => Some(FileSystem::Apfs),
        _ if le::u32_at(sector, 0) == Some(0xA92B_4EFC) => Some(FileSystem::LinuxRaid),
        _ => fat(sector),
    }
}

/// True when the sector says it is NTFS's.
pub(super) fn is_ntfs(sector: &[u8; 512]) -> bool {
    BootSector::parse(sector).is_ok_and(|boot| boot.oem_id() == OemId::Ntfs)
}

/// FAT has no signature of its own: every field has to make sense. Which FAT it is depends on the number of its
/// clusters alone.
///
/// Layout: 11 bytes per sector (u16), 13 sectors per cluster (1), 14 reserved sectors (u16), 16 FATs (1), 17 entries of
/// the root (u16), 19 sectors (u16), 21 media (1), 22 sectors a FAT (u16), 32 sectors (u32), 36 sectors a FAT of FAT32
/// (u32), 510 signature.
///
/// Reference: Microsoft's FAT specification 1.03, 3.1 and 3.5.
fn fat(sector: &[u8; 512]) -> Option<FileSystem> {
    let word = |at| le::u16_at(sector, at).map(u64::from).unwrap_or(0);
    let double = |at| le::u32_at(sector, at).map(u64::from).unwrap_or(0);
    let byte = |at: usize| sector.get(at).copied().map_or(0, u64::from);
    let jumps = matches!(sector.first(), Some(0xEB | 0xE9));
    let (sector_size, per_cluster, reserved, tables) = (word(11), byte(13), word(14), byte(16));
    let makes_sense = is_power(Some(sector_size), 512, 4096)
        && is_power(Some(per_cluster), 1, 128)
        && reserved > 0
        && (1..=2).contains(&tables)
        && byte(21) >= 0xF0
        && word(510) == 0xAA55;
    if !jumps || !makes_sense {
        return None;
    }
    let either = |small: u64, large: u64| if small > 0 { small } else { large };
    let (sectors, table) = (either(word(19), double(32)), either(word(22), double(36)));
    let root = word(17).checked_mul(32)?.div_ceil(sector_size);
    let before = table.checked_mul(tables)?.checked_add(reserved)?.checked_add(root)?;
    let clusters = sectors.checked_sub(before).filter(|_| table > 0)?.checked_div(per_cluster)?;
    Some(match clusters {
        _ if word(22) == 0 => FileSystem::Fat32,
        ..4085 => FileSystem::Fat12,
        4085..65_525 => FileSystem::Fat16,
        _ => FileSystem::Fat32,
    })
}

fn be32(bytes: &[u8], offset: usize) -> Option<u64> {
    le::array_at::<4>(bytes, offset).map(|word| u64::from(u32::from_be_bytes(*word)))
}

fn is_power(value: Option<u64>, least: u64, most: u64) -> bool {
    value.is_some_and(|value| value.is_power_of_two() && (least..=most).contains(&value))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The boot sector of a FAT16 volume of 40,960 sectors.
    pub(crate) fn fat16() -> [u8; 512] {
        let mut sector = [0; 512];
        sector[..11].copy_from_slice(b"\xEB\x3C\x90MSDOS5.0");
        sector[11..24].copy_from_slice(&[0, 2, 4, 4, 0, 2, 0, 2, 0, 0xA0, 0xF8, 40, 0]);
        sector[510..].copy_from_slice(&[0x55, 0xAA]);
        sector
    }

    #[test]
    fn fat_is_known_by_fields_that_all_make_sense() {
        let good = fat16();
        assert_eq!(recognize(&good), Some(FileSystem::Fat16));
        for (at, value) in [(0, 0), (11, 1), (13, 3), (14, 0), (16, 0), (16, 3), (21, 0), (22, 0), (510, 0)] {
            let mut sector = good;
            sector[at] = value;
            if at == 22 {
                sector[23] = 0;
            }
            assert_eq!(recognize(&sector), None, "byte {at}");
        }
        let mut small = good;
        small[19..21].copy_from_slice(&2880_u16.to_le_bytes());
        assert_eq!(recognize(&small), Some(FileSystem::Fat12));
    }

    #[test]
    fn a_master_boot_record_is_no_volume() {
        let mut sector = [0x90; 512];
        sector[..4].copy_from_slice(&[0xEB, 0x63, 0x90, 0x10]);
        sector[510..].copy_from_slice(&[0x55, 0xAA]);
        assert_eq!(recognize(&sector), None);
    }

    #[test]
    fn first_bytes_tell_what_has_a_signature() {
        for (at, signature, expected) in [
            (3, &b"-FVE-FS-"[..], FileSystem::BitLocker),
            (3, b"ReFS\0\0\0\0", FileSystem::ReFs),
            (3, b"EXFAT   ", FileSystem::ExFat),
            (0, b"XFSB\0\0\x10\0", FileSystem::Xfs),
            (0, b"LUKS\xBA\xBE\0\x02", FileSystem::Luks),
            (32, b"NXSB\0\x10\0\0", FileSystem::Apfs),
            (0, b"\xFC\x4E\x2B\xA9", FileSystem::LinuxRaid),
        ] {
            let mut sector = [0; 512];
            sector[at..at + signature.len()].copy_from_slice(signature);
            assert_eq!(recognize(&sector), Some(expected));
            sector[at + 1] ^= 0x11;
            assert_eq!(recognize(&sector), None, "{expected:?}");
        }
    }
}
