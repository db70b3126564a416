//! What lies where no NTFS is: other file systems, encryption and pools, known by what is openly there.

mod bit_locker;
mod boot_sectors;
mod superblocks;

use std::fmt;

pub use bit_locker::{BitLocker, EncryptionMethod, KeyProtector, ProtectorKind};

use crate::source::Source;

/// A file system, an encryption or a pool that this crate does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FileSystem {
    /// FAT with 12 bits an entry.
    Fat12,
    /// FAT with 16 bits an entry.
    Fat16,
    /// FAT with 32 bits an entry.
    Fat32,
    /// exFAT.
    ExFat,
    /// Microsoft's ReFS.
    ReFs,
    /// A volume encrypted by BitLocker.
    BitLocker,
    /// Part of a Windows storage pool.
    StoragePool,
    /// ext2.
    Ext2,
    /// ext3.
    Ext3,
    /// ext4.
    Ext4,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
    /// F2FS.
    F2fs,
    /// Linux swap space.
    LinuxSwap,
    /// A volume encrypted by LUKS.
    Luks,
    /// A physical volume of Linux's LVM.
    Lvm,
    /// A member of a Linux software RAID.
    LinuxRaid,
    /// A CD, DVD or image of one: ISO 9660.
    Iso9660,
    /// UDF.
    Udf,
    /// Apple's HFS or HFS+.
    HfsPlus,
    /// Apple's APFS.
    Apfs,
    /// VMware's VMFS.
    Vmfs,
    /// SquashFS.
    SquashFs,
}

impl FileSystem {
    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fat12 => "FAT12",
            Self::Fat16 => "FAT16",
            Self::Fat32 => "FAT32",
            Self::ExFat => "exFAT",
            Self::ReFs => "ReFS",
            Self::BitLocker => "BitLocker",
            Self::StoragePool => "storage pool (Storage Spaces)",
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::Xfs => "XFS",
            Self::Btrfs => "Btrfs",
            Self::F2fs => "F2FS",
            Self::LinuxSwap => "Linux swap",
            Self::Luks => "LUKS",
            Self::Lvm => "LVM physical volume",
            Self::LinuxRaid => "Linux software RAID",
            Self::Iso9660 => "ISO 9660",
            Self::Udf => "UDF",
            Self::HfsPlus => "HFS+",
            Self::Apfs => "APFS",
            Self::Vmfs => "VMFS",
            Self::SquashFs => "SquashFS",
        }
    }

    /// A word that stays the same between versions.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fat12 => "fat12",
            Self::Fat16 => "fat16",
            Self::Fat32 => "fat32",
            Self::ExFat => "exfat",
            Self::ReFs => "refs",
            Self::BitLocker => "bitlocker",
            Self::StoragePool => "storage-pool",
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::F2fs => "f2fs",
            Self::LinuxSwap => "linux-swap",
            Self::Luks => "luks",
            Self::Lvm => "lvm",
            Self::LinuxRaid => "linux-raid",
            Self::Iso9660 => "iso9660",
            Self::Udf => "udf",
            Self::HfsPlus => "hfs+",
            Self::Apfs => "apfs",
            Self::Vmfs => "vmfs",
            Self::SquashFs => "squashfs",
        }
    }

    /// True where the bytes of a file are not to be had without a key.
    #[must_use]
    pub const fn is_encryption(self) -> bool {
        matches!(self, Self::BitLocker | Self::Luks)
    }
}

/// As it is said in a sentence: what it is, or what encrypted it.
impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BitLocker | Self::Luks => write!(f, "encrypted by {}", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

/// What was recognized where a volume could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// What it is.
    pub file_system: FileSystem,
    /// The byte where what tells it lies: 0 for a boot sector.
    pub offset: u64,
    /// What BitLocker's metadata says openly, where it is BitLocker and its metadata can be read.
    pub bit_locker: Option<BitLocker>,
}

impl Foreign {
    /// Recognizes what starts where `source` starts, by its boot sector or superblock. Reads a few sectors.
    ///
    /// An NTFS boot sector in the first sector comes before everything, but a superblock among the sectors behind
    /// it that belong to `$Boot`: there no file can lie, so that another file system was made over the volume.
    #[must_use]
    pub fn recognize(source: &dyn Source) -> Option<Self> {
        let mut sector = [0; 512];
        source.read_readable(0, &mut sector);
        if let Some(file_system) = boot_sectors::recognize(&sector) {
            let is_bit_locker = file_system == FileSystem::BitLocker;
            let bit_locker = is_bit_locker.then(|| BitLocker::read(source)).flatten();
            return Some(Self { file_system, offset: 0, bit_locker });
        }
        let is_ntfs = boot_sectors::is_ntfs(&sector);
        let (file_system, offset) = superblocks::recognize(source, is_ntfs)?;
        Some(Self { file_system, offset, bit_locker: None })
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file_system)?;
        self.bit_locker.as_ref().map_or(Ok(()), |bit_locker| write!(f, " ({bit_locker})"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::structure::boot_sector::tests::sample;

    fn of(bytes: &[u8]) -> Option<FileSystem> {
        Foreign::recognize(&bytes.to_vec()).map(|found| found.file_system)
    }

    #[test]
    fn ntfs_and_nothing_are_not_foreign() {
        let mut ntfs = sample().to_vec();
        ntfs.resize(1 << 18, 0);
        for bytes in [Vec::new(), vec![0; 100], vec![0; 1 << 18], vec![0xA5; 1 << 18], ntfs] {
            assert_eq!(of(&bytes), None);
        }
    }

    #[test]
    fn what_a_file_of_an_ntfs_volume_may_hold_is_not_foreign_but_what_lies_in_its_boot_file_is() {
        let mut bytes = sample().to_vec();
        bytes.resize(1 << 18, 0);
        bytes[0x8001..0x8006].copy_from_slice(b"CD001");
        bytes[0x1_0040..0x1_0048].copy_from_slice(b"_BHRfS_M");
        assert_eq!(of(&bytes), None);
        superblocks::tests::put_ext4(&mut bytes);
        assert_eq!(of(&bytes), Some(FileSystem::Ext4));
    }

    /// Makes a file system by its own tool; `None` where there is no such tool.
    fn made(tool: &str, arguments: &[&str], size: usize) -> Option<Vec<u8>> {
        let name = format!("ntfs-salvage-{}-{tool}-{}", std::process::id(), arguments.concat().len());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, vec![0; size]).unwrap();
        let path_variable = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let done = Command::new(tool).args(arguments).arg(&path).env("PATH", path_variable).output();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let output = done.ok()?;
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        Some(bytes)
    }

    #[test]
    fn file_systems_are_known_as_their_own_tools_make_them() {
        const M: usize = 1 << 20;
        let cases: &[(&str, &[&str], usize, FileSystem)] = &[
            ("mkfs.fat", &["-F", "12"], 2 * M, FileSystem::Fat12),
            ("mkfs.fat", &["-F", "16"], 16 * M, FileSystem::Fat16),
            ("mkfs.fat", &["-F", "32"], 40 * M, FileSystem::Fat32),
            ("mkfs.fat", &["-F", "32", "-S", "4096"], 280 * M, FileSystem::Fat32),
            ("mkfs.exfat", &["-q"], 8 * M, FileSystem::ExFat),
            ("mke2fs", &["-q", "-F", "-t", "ext2"], 8 * M, FileSystem::Ext2),
            ("mke2fs", &["-q", "-F", "-t", "ext3"], 8 * M, FileSystem::Ext3),
            ("mke2fs", &["-q", "-F", "-t", "ext4"], 8 * M, FileSystem::Ext4),
            ("mke2fs", &["-q", "-F", "-t", "ext4", "-b", "4096"], 8 * M, FileSystem::Ext4),
            ("mkfs.xfs", &["-q"], 320 * M, FileSystem::Xfs),
            ("mkfs.btrfs", &["-q"], 128 * M, FileSystem::Btrfs),
            ("mkswap", &[], M, FileSystem::LinuxSwap),
            ("mkswap", &["-p", "65536"], M, FileSystem::LinuxSwap),
        ];
        let mut skipped = 0;
        for (tool, arguments, size, expected) in cases {
            match made(tool, arguments, *size) {
                Some(bytes) => assert_eq!(of(&bytes), Some(*expected), "{tool} {arguments:?}"),
                None => skipped += 1,
            }
        }
        println!("{skipped} of {} skipped: no such tool", cases.len());
    }
}
