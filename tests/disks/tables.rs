//! Tables that are short, in other units, or of other things.

use ntfs_salvage::salvage::{Content, Opening};
use ntfs_salvage::source::Source;
use ntfs_salvage::volume::foreign::FileSystem;
use ntfs_salvage::{DamageKind, Disk, Error, ReadError};

use super::forge::Forged;
use super::{check_intact, open, starts, volume};

const M: usize = 1 << 20;

#[test]
fn tables_count_in_sectors_of_512_to_8192_bytes() {
    for unit in [512, 1024, 2048, 4096, 8192] {
        let mut disk = Forged::new(6 * M);
        disk.boot_record(&[(7, (M / unit) as u32, (2 * M / unit) as u32)]);
        disk.put(M, &volume("plain.img"));
        assert_eq!(Disk::new(&disk.bytes).sector_size(), unit as u32);
        let found = open(&disk.bytes, None);
        assert_eq!(starts(&found), [M as u64], "{unit}");
        assert!(check_intact(found.volumes[0].volume(), &volume("plain.img")) > 0);
    }
}

#[test]
fn a_volume_goes_on_behind_a_short_partition_up_to_the_next_known_thing() {
    let original = volume("64k_clusters.img");
    let mut disk = Forged::new(8 * M);
    disk.boot_record(&[(7, 2048, 1000)]);
    disk.put(M, &original);
    let found = open(&disk.bytes, None);
    assert_eq!(
        check_intact(found.volumes[0].volume(), &original),
        super::contents(&ntfs_salvage::Volume::open(&original).unwrap()).len()
    );
    let short =
        |damage: &ntfs_salvage::Damage| matches!(damage.kind, DamageKind::PartitionShort { claimed: 512_000, .. });
    assert!(found.disk_damage.iter().any(short));
    disk.boot_record(&[(7, 2048, 1000), (0x83, 2048 + 4000, 100)]);
    let found = open(&disk.bytes, None);
    assert_eq!(found.volumes[0].volume().source().size(), 4000 * 512, "another partition is known there");
}

#[test]
fn each_partition_that_was_not_read_is_named() {
    let mut disk = Forged::new(12 * M);
    disk.boot_record(&[(7, 2048, 4096), (7, 8192, 2048), (7, 12_288, 2048), (0x83, 16_384, 2048)]);
    disk.put(M, &volume("plain.img"));
    disk.put(4 * M + 3, b"-FVE-FS-");
    disk.put(6 * M + 3, b"ReFS\0\0\0\0");
    let found = open(&disk.bytes, None);
    assert_eq!(starts(&found), [M as u64]);
    let codes: Vec<_> = found.unread.iter().map(|unread| (unread.partition.number(), unread.content.code())).collect();
    assert_eq!(codes, [(2, "bitlocker"), (3, "refs"), (4, "blank")]);
    assert!(found.outside.iter().any(|range| range.end == disk.bytes.len() as u64));
    let foreign =
        |content: &Content| matches!(content, Content::Foreign(foreign) if foreign.file_system == FileSystem::ReFs);
    assert!(foreign(&found.unread[1].content));
}

#[test]
fn a_file_that_wraps_a_disk_is_never_scanned_as_one() {
    let mut bytes = volume("plain.img");
    bytes[..8].copy_from_slice(b"\x1F\x8B\x08\0\0\0\0\0");
    let found = open(&bytes, None);
    assert_eq!(found.container.map(ntfs_salvage::source::ContainerFormat::code), Some("gzip"));
    assert!(found.volumes.is_empty());
    let found = Opening::new(&bytes).as_disk().run();
    assert!(!found.volumes.is_empty());
    let clusters = super::contents(found.volumes[0].volume()).into_values().filter(|(bytes, _)| bytes.len() > 1024);
    assert!(clusters.into_iter().all(|(_, verdict)| verdict != ntfs_salvage::recoverability::Verdict::Intact));
}

#[test]
fn a_volume_may_start_before_its_source() {
    for cut in [512, 4096] {
        let original = volume("plain.img");
        let late = original[cut..].to_vec();
        let found = open(&late, None);
        let opened = &found.volumes[0];
        assert_eq!(opened.volume().source().lead(), cut as u64);
        let truth = super::contents(&ntfs_salvage::Volume::open(&original).unwrap());
        let read = super::contents(opened.volume());
        assert_eq!(read.len(), truth.len());
        assert!(read.iter().all(|(path, (bytes, _))| truth[path].0 == *bytes));
        assert!(check_intact(opened.volume(), &original) > 0);
    }
}

/// A source of which nothing can be read.
struct Failing;

impl Source for Failing {
    fn size(&self) -> u64 {
        1 << 20
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let error = std::io::Error::other("bad medium");
        Err(ReadError { offset, length: buffer.len().try_into().unwrap(), error })
    }
}

#[test]
fn a_source_that_fails_everywhere_is_not_an_empty_one() {
    let error = ntfs_salvage::salvage::open(&Failing).unwrap_err();
    assert!(matches!(error, Error::Read(_)), "{error}");
    let noise = vec![0x5A; 4096];
    let nothing = ntfs_salvage::salvage::open(&noise).unwrap_err().to_string();
    assert!(nothing.starts_with("nothing of NTFS"), "{nothing}");
}

#[test]
fn an_unknown_partition_number_is_said_to_be_that() {
    let mut disk = Forged::new(4 * M);
    disk.boot_record(&[(7, 2048, 4096)]);
    disk.put(M, &volume("plain.img"));
    let error = Opening::new(&disk.bytes).partition(3).run().into_volumes().unwrap_err();
    assert!(matches!(error, ntfs_salvage::Error::NoSuchPartition(_)), "{error}");
}
