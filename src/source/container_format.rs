//! Formats that wrap the bytes of a disk, known by what a file starts with: such a file is not the disk.

use std::fmt;

use super::Source;
use crate::base::le;

/// A format whose files hold a disk's bytes packed, in pieces or out of order.
///
/// Recognized by content, whatever the file is called. What is scanned or opened as if it were the disk would
/// have its clusters in other places than the volume says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ContainerFormat {
    /// QEMU's QCOW, any version.
    Qcow,
    /// A VMDK with grains: hosted, of ESX, or SESparse.
    Vmdk,
    /// The text that says where the extents of a VMDK lie.
    VmdkDescriptor,
    /// A dynamic or differencing VHD.
    Vhd,
    /// A VHDX.
    Vhdx,
    /// A VDI of VirtualBox.
    Vdi,
    /// An HDD image of Parallels.
    Parallels,
    /// An EWF image (E01), version 1 or 2.
    Ewf,
    /// A logical EWF file (L01): files, not a disk.
    LogicalEwf,
    /// An AFF4 volume.
    Aff4,
    /// An AFF of the first three versions.
    Aff,
    /// An AD1 of FTK: files, not a disk.
    Ad1,
    /// An image encrypted by FTK's ADCRYPT.
    AdCrypt,
    /// An image in ntfsclone's own format.
    Ntfsclone,
    /// An image of partclone.
    Partclone,
    /// A Windows image (WIM): files, not a disk.
    Wim,
    /// A disk image of macOS (UDIF, DMG).
    Dmg,
    /// A gzip file.
    Gzip,
    /// A bzip2 file.
    Bzip2,
    /// An xz file.
    Xz,
    /// A Zstandard file.
    Zstandard,
    /// An LZ4 file.
    Lz4,
    /// A ZIP archive.
    Zip,
    /// A 7z archive.
    SevenZip,
    /// A RAR archive.
    Rar,
    /// A tar archive.
    Tar,
    /// A SquashFS image, as forensic tools pack raw images into.
    SquashFs,
}

/// What starts a file, at a byte of it.
const SIGNATURES: &[(usize, &[u8], ContainerFormat)] = &[
    (0, b"QFI\xFB", ContainerFormat::Qcow),
    (0, b"KDMV", ContainerFormat::Vmdk),
    (0, b"COWD", ContainerFormat::Vmdk),
    (0, b"\xBE\xBA\xFE\xCA\0\0\0\0", ContainerFormat::Vmdk),
    (0, b"# Disk DescriptorFile", ContainerFormat::VmdkDescriptor),
    (0, b"conectix", ContainerFormat::Vhd),
    (0, b"vhdxfile", ContainerFormat::Vhdx),
    (0x40, b"\x7F\x10\xDA\xBE", ContainerFormat::Vdi),
    (0, b"WithoutFreeSpace", ContainerFormat::Parallels),
    (0, b"WithouFreSpacExt", ContainerFormat::Parallels),
    (0, b"EVF\x09\x0D\x0A\xFF\0", ContainerFormat::Ewf),
    (0, b"EVF2\x0D\x0A\x81\0", ContainerFormat::Ewf),
    (0, b"LVF\x09\x0D\x0A\xFF\0", ContainerFormat::LogicalEwf),
    (0, b"LEF2\x0D\x0A\x81\0", ContainerFormat::LogicalEwf),
    (0, b"AFF10\x0D\x0A\0", ContainerFormat::Aff),
    (0, b"ADSEGMENTEDFILE\0", ContainerFormat::Ad1),
    (0, b"ADLOGICALIMAGE\0\0", ContainerFormat::Ad1),
    (0, b"ADCRYPT\0", ContainerFormat::AdCrypt),
    (0, b"\0ntfsclone-image", ContainerFormat::Ntfsclone),
    (0, b"partclone-image\0", ContainerFormat::Partclone),
    (0, b"MSWIM\0\0\0", ContainerFormat::Wim),
    (0, b"WLPWM\0\0\0", ContainerFormat::Wim),
    (0, b"\xFD7zXZ\0", ContainerFormat::Xz),
    (0, b"\x28\xB5\x2F\xFD", ContainerFormat::Zstandard),
    (0, b"\x04\x22\x4D\x18", ContainerFormat::Lz4),
    (0, b"7z\xBC\xAF\x27\x1C", ContainerFormat::SevenZip),
    (0, b"Rar!\x1A\x07", ContainerFormat::Rar),
    (0, b"PK\x03\x04", ContainerFormat::Zip),
    (0, b"PK\x07\x08PK\x03\x04", ContainerFormat::Zip),
    (257, b"ustar\0", ContainerFormat::Tar),
    (257, b"ustar  \0", ContainerFormat::Tar),
    (0, b"hsqs", ContainerFormat::SquashFs),
];

impl ContainerFormat {
    /// Recognizes the format of a file by its first bytes, and where a format ends in its header, by its last.
    ///
    /// A fixed VHD is not among them: but for the footer behind it, it is the disk as it is.
    #[must_use]
    pub fn recognize(source: &dyn Source) -> Option<Self> {
        let mut head = [0; 512];
        source.read_readable(0, &mut head);
        Self::of_head(&head).or_else(|| Self::of_tail(source))
    }

    fn of_head(head: &[u8; 512]) -> Option<Self> {
        let starts = |(at, signature): (usize, &[u8])| le::slice_at(head, at, signature.len()) == Some(signature);
        let known = SIGNATURES.iter().find(|&&(at, signature, _)| starts((at, signature)));
        match known.map(|&(_, _, format)| format) {
            // Archives hold anything; an AFF4 volume is one that says so in its first member.
            Some(Self::Zip) if names_aff4(head) => Some(Self::Aff4),
            // The whole line of a tar header is text and octal numbers; a boot sector is neither.
            Some(Self::Tar) if !is_octal(head.get(148..155)) => None,
            Some(format) => Some(format),
            None if is_gzip(head) => Some(Self::Gzip),
            None if is_bzip2(head) => Some(Self::Bzip2),
            None => None,
        }
    }

    fn of_tail(source: &dyn Source) -> Option<Self> {
        let mut tail = [0; 12];
        source.read_readable(source.size().checked_sub(512)?, &mut tail);
        (tail == *b"koly\0\0\0\x04\0\0\x02\0").then_some(Self::Dmg)
    }

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qcow => "QCOW2 image",
            Self::Vmdk => "VMDK disk",
            Self::VmdkDescriptor => "descriptor of a VMDK disk",
            Self::Vhd => "dynamic VHD disk",
            Self::Vhdx => "VHDX disk",
            Self::Vdi => "VDI disk",
            Self::Parallels => "Parallels disk",
            Self::Ewf => "EWF (EnCase) image",
            Self::LogicalEwf => "logical EWF (L01) file",
            Self::Aff4 => "AFF4 image",
            Self::Aff => "AFF image",
            Self::Ad1 => "AD1 file",
            Self::AdCrypt => "image encrypted by ADCRYPT",
            Self::Ntfsclone => "image in ntfsclone's own format",
            Self::Partclone => "partclone image",
            Self::Wim => "Windows image (WIM)",
            Self::Dmg => "macOS disk image (DMG)",
            Self::Gzip => "file compressed by gzip",
            Self::Bzip2 => "file compressed by bzip2",
            Self::Xz => "file compressed by xz",
            Self::Zstandard => "file compressed by zstd",
            Self::Lz4 => "file compressed by lz4",
            Self::Zip => "ZIP archive",
            Self::SevenZip => "7z archive",
            Self::Rar => "RAR archive",
            Self::Tar => "tar archive",
            Self::SquashFs => "SquashFS image",
        }
    }

    /// A word that stays the same between versions.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Qcow => "qcow2",
            Self::Vmdk => "vmdk",
            Self::VmdkDescriptor => "vmdk-descriptor",
            Self::Vhd => "vhd",
            Self::Vhdx => "vhdx",
            Self::Vdi => "vdi",
            Self::Parallels => "parallels",
            Self::Ewf => "ewf",
            Self::LogicalEwf => "ewf-logical",
            Self::Aff4 => "aff4",
            Self::Aff => "aff",
            Self::Ad1 => "ad1",
            Self::AdCrypt => "adcrypt",
            Self::Ntfsclone => "ntfsclone",
            Self::Partclone => "partclone",
            Self::Wim => "wim",
            Self::Dmg => "dmg",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstandard => "zstd",
            Self::Lz4 => "lz4",
            Self::Zip => "zip",
            Self::SevenZip => "7z",
            Self::Rar => "rar",
            Self::Tar => "tar",
            Self::SquashFs => "squashfs",
        }
    }

    /// How a public tool makes a raw image of it, as the end of a sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Qcow | Self::Vmdk | Self::Vhd | Self::Vhdx | Self::Vdi | Self::Parallels => {
                "make a raw image of it with: qemu-img convert -O raw FILE disk.raw"
            }
            Self::VmdkDescriptor => {
                "make a raw image of it, with its extents beside it, with: qemu-img convert -O raw FILE disk.raw"
            }
            Self::Ewf => "make a raw image of it with: ewfexport -f raw -t disk FILE",
            Self::LogicalEwf => "it holds files and no disk: mount it with ewfmount -f files",
            Self::Aff4 => "make a raw image of it with: aff4imager -e ... FILE, or mount it with aff4fuse",
            Self::Aff => "make a raw image of it with: affconvert -r FILE",
            Self::Ad1 => "it holds files and no disk: open it with FTK Imager",
            Self::AdCrypt => "decrypt it with FTK Imager first",
            Self::Ntfsclone => "make a raw image of it with: ntfsclone --restore-image --overwrite volume.raw FILE",
            Self::Partclone => "make a raw image of it with: partclone.restore -C -s FILE -O volume.raw",
            Self::Wim => "it holds files and no disk: extract it with wimapply",
            Self::Dmg => "make a raw image of it with: dmg2img FILE disk.raw",
            Self::Gzip => "decompress it with gunzip first",
            Self::Bzip2 => "decompress it with bunzip2 first",
            Self::Xz => "decompress it with unxz first",
            Self::Zstandard => "decompress it with unzstd first",
            Self::Lz4 => "decompress it with unlz4 first",
            Self::Zip => "extract the image in it with unzip first",
            Self::SevenZip => "extract the image in it with 7z x first",
            Self::Rar => "extract the image in it with unrar x first",
            Self::Tar => "extract the image in it with tar -x first",
            Self::SquashFs => "mount it, or extract the image in it with unsquashfs first",
        }
    }
}

/// Its name with an article, as in a sentence.
impl fmt::Display for ContainerFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let article = if name.starts_with(['A', 'E', 'i']) { "an" } else { "a" };
        write!(f, "{article} {name}")
    }
}

/// Two bytes say gzip; the third, the method, and the reserved bits of the fourth have one value each.
fn is_gzip(head: &[u8; 512]) -> bool {
    head.starts_with(&[0x1F, 0x8B, 8]) && head.get(3).is_some_and(|flags| flags & 0xE0 == 0)
}

/// The signature, the size of its blocks, and the start of the first block or of the end.
fn is_bzip2(head: &[u8; 512]) -> bool {
    let starts_block = |block: &[u8]| block == b"1AY&SY" || block == b"\x17rE8P\x90";
    head.starts_with(b"BZh") && head.get(3).is_some_and(u8::is_ascii_digit) && head.get(4..10).is_some_and(starts_block)
}

/// The name of an archive's first member starts at 30.
fn names_aff4(head: &[u8; 512]) -> bool {
    let name = |text: &[u8]| le::slice_at(head, 30, text.len()) == Some(text);
    name(b"container.description") || name(b"version.txt") || name(b"information.turtle") || name(b"aff4%3A")
}

fn is_octal(field: Option<&[u8]>) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'7' | b' ' | 0);
    field.is_some_and(|field| field.iter().all(is_digit) && field.iter().any(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; 2048];
        for (at, part) in parts {
            bytes[*at..at + part.len()].copy_from_slice(part);
        }
        bytes
    }

    #[test]
    fn each_format_is_known_by_its_first_bytes() {
        for &(at, signature, format) in SIGNATURES {
            let bytes = file(&[(at, signature), (148, b"0012345\0")]);
            assert_eq!(ContainerFormat::recognize(&bytes), Some(format), "{}", format.name());
            // What is cut off reads as zero.
            for cut in (0..signature.len()).filter(|&cut| signature[cut..].iter().any(|byte| !b" \0".contains(byte))) {
                let short = bytes[..at + cut].to_vec();
                assert_eq!(ContainerFormat::recognize(&short), None, "{} cut after {cut}", format.name());
            }
        }
        let gzip = file(&[(0, b"\x1F\x8B\x08\0\0\0\0\0\0\x03")]);
        assert_eq!(ContainerFormat::recognize(&gzip), Some(ContainerFormat::Gzip));
        let bzip2 = file(&[(0, b"BZh91AY&SY")]);
        assert_eq!(ContainerFormat::recognize(&bzip2), Some(ContainerFormat::Bzip2));
        let aff4 = file(&[(0, b"PK\x03\x04"), (30, b"container.description")]);
        assert_eq!(ContainerFormat::recognize(&aff4), Some(ContainerFormat::Aff4));
        let dmg = file(&[(1536, b"koly\0\0\0\x04\0\0\x02\0")]);
        assert_eq!(ContainerFormat::recognize(&dmg), Some(ContainerFormat::Dmg));
    }

    #[test]
    fn a_disk_or_a_volume_is_none() {
        let boot = crate::structure::boot_sector::tests::sample().to_vec();
        let record = file(&[(0, b"FILE0\0")]);
        let stray = file(&[(0, b"\x1F\x8B\x08\xFF"), (257, b"ustar\0"), (148, b"\xEB\xFE\x90\x90\x90\x90\x90")]);
        let fixed = file(&[(1536, b"conectix")]);
        for bytes in [Vec::new(), vec![0; 511], vec![0; 4096], boot, record, stray, fixed] {
            assert_eq!(ContainerFormat::recognize(&bytes), None);
        }
    }

    #[test]
    fn a_sentence_can_be_made_of_each() {
        assert_eq!(ContainerFormat::Ewf.to_string(), "an EWF (EnCase) image");
        assert_eq!(ContainerFormat::Vhdx.to_string(), "a VHDX disk");
        assert_eq!(ContainerFormat::Ntfsclone.to_string(), "an image in ntfsclone's own format");
        for &(_, _, format) in SIGNATURES {
            assert!(!format.remedy().is_empty() && !format.code().is_empty());
        }
    }
}
