//! Classes 1 to 12: boot sectors and geometry.

use std::fs;
use std::path::Path;

use ntfs_salvage::structure::BootSector;
use ntfs_salvage::volume::Geometry;
use ntfs_salvage::{DamageKind, Volume, salvage};

use crate::exercise;
use crate::forge::{boot_sector, put};

fn image(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).expect("a test volume can be read")
}

/// The numbers of all entries of a volume.
fn entries(volume: &Volume<'_>) -> Vec<u64> {
    volume.catalog().entries().map(|entry| entry.record_number()).collect()
}

fn sound_entries() -> Vec<u64> {
    entries(&Volume::open(&image("plain.img")).expect("the volume is sound"))
}

fn has(volume: &Volume<'_>, is_wanted: impl Fn(DamageKind) -> bool) -> bool {
    volume.damage().any(|damage| is_wanted(damage.kind))
}

/// The test volume with these bytes in its boot sector: everything is listed all the same.
fn lists_all_with(offset: usize, value: &[u8]) {
    let mut image = image("plain.img");
    put(&mut image, offset, value);
    exercise::boot::boot_sector(&image[..512]);
    let volume = Volume::open(&image).unwrap_or_else(|error| panic!("{value:?} at {offset}: {error}"));
    assert_eq!(entries(&volume), sound_entries(), "{value:?} at {offset}");
    assert!(volume.damage().next().is_some(), "{value:?} at {offset} is not reported");
}

/// These bytes in a boot sector make no geometry.
fn is_refused(offset: usize, value: &[u8]) {
    let mut boot = boot_sector(1 << 20, 4, 2);
    put(&mut boot, offset, value);
    exercise::boot::boot_sector(&boot);
    let view = BootSector::parse(&boot).expect("512 bytes are there");
    assert!(view.geometry().is_err(), "{value:?} at {offset} makes a geometry");
}

/// These bytes in a boot sector make a geometry.
fn is_accepted(offset: usize, value: &[u8]) {
    let mut boot = boot_sector(1 << 20, 4, 2);
    put(&mut boot, offset, value);
    exercise::boot::boot_sector(&boot);
    let geometry = BootSector::parse(&boot).expect("512 bytes are there").geometry();
    assert!(geometry.is_ok(), "{value:?} at {offset}: {geometry:?}");
}

#[test]
fn class_01_a_zeroed_boot_sector_is_replaced_by_its_backup() {
    lists_all_with(0, &[0; 512]);
    let mut image = image("plain.img");
    image[..512].fill(0);
    assert!(has(&Volume::open(&image).unwrap(), |kind| kind == DamageKind::BackupBootSectorUsed));
}

#[test]
fn class_02_without_both_boot_sectors_the_records_say_where_they_are() {
    let mut image = image("plain.img");
    let size = image.len();
    image[..512].fill(0);
    image[size - 512..].fill(0);
    exercise::content::salvage(&image);
    let opened = salvage::open(&image).expect("there are records");
    let found = opened.first().expect("there is a volume");
    assert_eq!(entries(found.volume()), sound_entries());
}

#[test]
fn class_03_a_backup_that_differs_is_reported() {
    let mut image = image("plain.img");
    let last = image.len() - 512;
    image[last + 100] ^= 1;
    let volume = Volume::open(&image).expect("the boot sector is sound");
    assert!(has(&volume, |kind| kind == DamageKind::BackupBootSectorDiffers));
    assert_eq!(entries(&volume), sound_entries());
}

#[test]
fn class_04_impossible_sector_sizes_are_refused_and_the_backup_used() {
    for size in [0_u16, 1, 3, 513, 8192, 0xFFFF] {
        is_refused(11, &size.to_le_bytes());
        lists_all_with(11, &size.to_le_bytes());
    }
    for size in [256_u16, 512, 1024, 2048, 4096] {
        is_accepted(11, &size.to_le_bytes());
    }
}

#[test]
fn class_05_impossible_cluster_sizes_are_refused_and_large_ones_accepted() {
    for sectors in [0_u8, 3, 0x81, 0xE0, 0xF3] {
        is_refused(13, &[sectors]);
        lists_all_with(13, &[sectors]);
    }
    for sectors in [1_u8, 0x80, 0xF4, 0xF8, 0xFF] {
        is_accepted(13, &[sectors]);
    }
}

#[test]
fn class_06_impossible_record_sizes_are_refused_and_the_backup_used() {
    for size in [0_u8, 0x80, 0xFF, 0xE0, 0x7F] {
        is_refused(64, &[size]);
        lists_all_with(64, &[size]);
    }
    for size in [1_u8, 2, 0xF8, 0xF6, 0xF4, 0xF0] {
        is_accepted(64, &[size]);
    }
}

#[test]
fn class_07_an_impossible_index_record_size_costs_nothing() {
    for size in [0_u8, 0x80, 0xE0, 0x7F] {
        is_accepted(68, &[size]);
        lists_all_with(68, &[size]);
    }
}

#[test]
fn class_08_an_impossible_place_of_the_table_leads_to_the_backup_or_the_mirror() {
    for lcn in [0_u64, 1 << 40, 1 << 63, u64::MAX] {
        is_refused(48, &lcn.to_le_bytes());
        lists_all_with(48, &lcn.to_le_bytes());
        is_accepted(56, &lcn.to_le_bytes());
        lists_all_with(56, &lcn.to_le_bytes());
    }
    // Where nothing is at the place that is named, the mirror is asked.
    lists_all_with(48, &40_u64.to_le_bytes());
    let image = image("plain.img");
    lists_all_with(56, &image[48..56]);
}

#[test]
fn class_09_an_impossible_number_of_sectors_is_refused_and_a_wrong_one_survived() {
    for sectors in [0_u64, 1 << 55, 1 << 63, u64::MAX] {
        is_refused(40, &sectors.to_le_bytes());
        lists_all_with(40, &sectors.to_le_bytes());
    }
    lists_all_with(40, &(1_u64 << 40).to_le_bytes());
    lists_all_with(40, &2048_u64.to_le_bytes());
}

#[test]
fn class_11_the_geometry_is_the_volumes_own_and_not_its_mediums() {
    let image = image("4kn.img");
    let volume = Volume::open(&image).expect("it is a volume");
    assert_eq!(volume.geometry().map(Geometry::sector_size), Some(4096));
    assert_eq!(volume.mft().record_size(), 4096);
    assert!(entries(&volume).len() > 100);
}

#[test]
fn class_12_what_lies_behind_the_end_of_a_cut_image_is_missing_and_not_zero() {
    let mut image = image("plain.img");
    let whole = sound_entries();
    image.truncate(64 << 10);
    exercise::table::volume(&image);
    let volume = Volume::open(&image).expect("the start is there");
    assert!(has(&volume, |kind| matches!(kind, DamageKind::VolumeTruncated { available: 65_536, .. })));
    let counts = volume.catalog().counts();
    assert!(counts.unreadable > 0 && counts.file_records > 0, "{counts:?}");
    let left = entries(&volume);
    assert!(left.len() < whole.len() && left.iter().all(|number| whole.contains(number)));
}
