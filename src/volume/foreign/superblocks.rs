//! File systems that a superblock behind the first sector tells.

use super::FileSystem;
use crate::base::le;
use crate::source::Source;

/// Bytes of `$Boot`: what lies in them is no file's.
const BOOT_FILE: u64 = 8192;

/// Signatures at one place each.
const SIGNATURES: &[(u64, &[u8], FileSystem)] = &[
    (1024, b"H+\0\x04", FileSystem::HfsPlus),
    (1024, b"HX\0\x05", FileSystem::HfsPlus),
    (1024, b"\x10\x20\xF5\xF2", FileSystem::F2fs),
    (4096, b"\xFC\x4E\x2B\xA9", FileSystem::LinuxRaid),
    (4096, b"SPACEDB ", FileSystem::StoragePool),
    (4086, b"SWAPSPACE2", FileSystem::LinuxSwap),
    (4086, b"SWAP-SPACE", FileSystem::LinuxSwap),
    (8182, b"SWAPSPACE2", FileSystem::LinuxSwap),
    (16_374, b"SWAPSPACE2", FileSystem::LinuxSwap),
    (65_526, b"SWAPSPACE2", FileSystem::LinuxSwap),
    (0x8001, b"CD001\x01", FileSystem::Iso9660),
    (0x8001, b"BEA01\x01", FileSystem::Udf),
    (0x1_0040, b"_BHRfS_M", FileSystem::Btrfs),
    (0x10_0000, b"\x0D\xD0\x01\xC0", FileSystem::Vmfs),
];

/// What a superblock says, and where it lies. On an NTFS volume only those count that lie in `$Boot`.
pub(super) fn recognize(source: &dyn Source, is_ntfs: bool) -> Option<(FileSystem, u64)> {
    let counts = |at: u64| !is_ntfs || at < BOOT_FILE;
    if let Some(file_system) = ext(source) {
        return Some((file_system, 1024));
    }
    if let Some(at) = (0..4).map(|sector: u64| sector.saturating_mul(512)).find(|&at| is_lvm(source, at)) {
        return Some((FileSystem::Lvm, at));
    }
    let known = SIGNATURES.iter().filter(|(at, ..)| counts(*at));
    let found = |&&(at, signature, _): &&(u64, &[u8], FileSystem)| has(source, at, signature);
    known.into_iter().find(found).map(|&(at, _, file_system)| (file_system, at))
}

fn has(source: &dyn Source, offset: u64, signature: &[u8]) -> bool {
    let mut bytes = vec![0; signature.len()];
    source.read_readable(offset, &mut bytes).is_empty() && bytes == signature
}

fn is_lvm(source: &dyn Source, offset: u64) -> bool {
    has(source, offset, b"LABELONE") && has(source, offset.saturating_add(24), b"LVM2 001")
}

/// The superblock of ext2, ext3 and ext4, whose two bytes of signature are too few to go by.
///
/// Layout: 0 inodes (u32), 4 blocks (u32), 20 first data block (u32), 24 block size as a power (u32), 32 blocks a group
/// (u32), 40 inodes a group (u32), 56 signature (u16), 76 revision (u32), 92, 96 and 100 features: compatible,
/// incompatible, compatible to read.
///
/// Reference: the Linux kernel's documentation of ext4, 4.1.
fn ext(source: &dyn Source) -> Option<FileSystem> {
    const JOURNAL: u32 = 4;
    const INCOMPATIBLE_OF_EXT4: u32 = 0x40 | 0x80 | 0x200 | 0x400 | 0x2000;
    const READ_COMPATIBLE_OF_EXT4: u32 = 0x8 | 0x10 | 0x20 | 0x40 | 0x400;
    let mut block = [0; 264];
    if !source.read_readable(1024, &mut block).is_empty() {
        return None;
    }
    let double = |at| le::u32_at(&block, at).unwrap_or(0);
    let block_size = 1024_u32.checked_shl(double(24)).unwrap_or(0);
    let makes_sense = le::u16_at(&block, 56) == Some(0xEF53)
        && double(24) <= 6
        && double(0) > 0
        && double(4) > 0
        && double(20) <= 1
        && (1..=block_size.saturating_mul(8)).contains(&double(32))
        && (1..=double(0)).contains(&double(40))
        && double(76) <= 1;
    makes_sense.then(|| {
        let is_ext4 = double(96) & INCOMPATIBLE_OF_EXT4 != 0 || double(100) & READ_COMPATIBLE_OF_EXT4 != 0;
        match (is_ext4, double(92) & JOURNAL != 0) {
            (true, _) => FileSystem::Ext4,
            (false, true) => FileSystem::Ext3,
            (false, false) => FileSystem::Ext2,
        }
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes a superblock of ext4 where it belongs.
    pub(crate) fn put_ext4(bytes: &mut [u8]) {
        let fields: [(usize, u32); 9] =
            [(0, 2048), (4, 8192), (20, 1), (24, 0), (32, 8192), (40, 2048), (76, 1), (92, 0x3C), (96, 0x2C2)];
        for (at, value) in fields {
            bytes[1024 + at..1024 + at + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes[1024 + 56..1024 + 58].copy_from_slice(&0xEF53_u16.to_le_bytes());
    }

    #[test]
    fn each_superblock_is_found_in_its_place_and_only_there() {
        for &(at, signature, expected) in SIGNATURES {
            let mut bytes = vec![0; (2 << 20) + 512];
            let start = usize::try_from(at).unwrap();
            bytes[start..start + signature.len()].copy_from_slice(signature);
            assert_eq!(recognize(&bytes, false), Some((expected, at)));
            assert_eq!(recognize(&bytes, true).is_some(), at < BOOT_FILE, "{expected:?}");
            bytes.insert(0, 0);
            assert_eq!(recognize(&bytes, false), None, "{expected:?}");
        }
    }

    #[test]
    fn ext_needs_more_than_its_two_bytes() {
        let mut bytes = vec![0; 8192];
        put_ext4(&mut bytes);
        assert_eq!(recognize(&bytes, false), Some((FileSystem::Ext4, 1024)));
        for at in [0, 4, 20, 24, 32, 40, 56, 76] {
            let mut other = bytes.clone();
            other[1024 + at..1024 + at + 4].fill(if matches!(at, 20 | 24 | 76) { 0xFF } else { 0 });
            assert_eq!(recognize(&other, false), None, "field at {at}");
        }
        let mut older = bytes.clone();
        older[1024 + 96..1024 + 100].fill(0);
        assert_eq!(recognize(&older, false), Some((FileSystem::Ext3, 1024)));
        older[1024 + 92..1024 + 96].fill(0);
        assert_eq!(recognize(&older, false), Some((FileSystem::Ext2, 1024)));
    }

    #[test]
    fn every_truncation_is_nothing() {
        let mut bytes = vec![0; 8192];
        put_ext4(&mut bytes);
        assert!((0..1024 + 264).all(|length| recognize(&bytes[..length].to_vec(), false).is_none()));
    }
}
