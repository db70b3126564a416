//! Partition tables and ddrescue's maps.

use ntfs_salvage::Disk;
use ntfs_salvage::source::{DamageMap, RescuedOnly, Source, Window};
use ntfs_salvage::volume::Partition;
use ntfs_salvage::volume::dynamic_disk::DynamicDisk;
use ntfs_salvage::volume::foreign::Foreign;

use super::{damaged, debug, name, see, show};

/// The bytes as a disk: partitions that can be looked at, wherever they say they are.
pub(crate) fn disk(bytes: &[u8]) {
    let disk = Disk::new(&bytes);
    debug(&disk);
    assert!(!disk.partitions().is_empty(), "what has no table is one partition");
    assert_eq!(disk.partitions(), Disk::new(&bytes).partitions());
    assert!([512, 1024, 2048, 4096, 8192].contains(&disk.sector_size()));
    let outside = disk.outside();
    assert!(outside.windows(2).all(|pair| pair[0].end < pair[1].start), "in order, and apart from each other");
    let end = bytes.len() as u64;
    assert!(outside.iter().all(|range| range.start < range.end && range.end <= end));
    disk.damage().iter().copied().for_each(damaged);
    disk.partitions().iter().for_each(|partition| check(partition, &bytes));
}

fn check(partition: &Partition, source: &dyn Source) {
    debug(partition);
    show(&partition.partition_type);
    name(partition.name(), partition.name().bytes());
    let window = partition.window(source);
    assert!(
        window.size() <= partition.size
            && window.start().saturating_add(window.size()) <= source.size().max(window.start())
    );
    see(partition.looks_like_ntfs(source));
    read(&window);
}

/// A window reads what it says it has, and nothing behind it.
fn read(window: &Window<'_>) {
    let mut sector = [0; 512];
    assert_eq!(window.read_at(window.size(), &mut sector).ok(), Some(0));
    assert_eq!(window.read_at(u64::MAX, &mut sector).ok(), Some(0));
    let expected = usize::try_from(window.size()).unwrap_or(512).min(512);
    assert_eq!(window.read_at(0, &mut sector).ok(), Some(expected));
}

/// Where a dynamic disk's private header stands, in sectors.
const PRIVATE_HEADER: usize = 6;

/// The bytes as the private header of a dynamic disk, and what lies behind it.
pub(crate) fn dynamic_disk(bytes: &[u8]) {
    let mut disk = vec![0; PRIVATE_HEADER * 512];
    disk[450] = 0x42;
    disk[454..462].copy_from_slice(&[1, 0, 0, 0, 0xFF, 0xFF, 0, 0]);
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    disk.extend_from_slice(bytes);
    let Some(dynamic) = DynamicDisk::read(&disk) else { return };
    debug(&dynamic);
    for volume in dynamic.volumes() {
        show(&volume.layout);
        see(volume.to_string());
        assert!(volume.here.0 <= volume.here.1, "{volume:?}");
        let Some(window) = volume.window(&disk) else { continue };
        assert!(window.size() <= volume.size);
        // Parts may lie anywhere, and be cut.
        for place in [0, window.size() / 2, window.size().saturating_sub(512), u64::MAX - 512] {
            let mut sector = [0; 512];
            see(window.read_readable(place, &mut sector));
            see(window.read_at(place, &mut sector).is_ok());
        }
    }
}

/// The bytes as what another system has at the start of a partition.
pub(crate) fn foreign(bytes: &[u8]) {
    let found = Foreign::recognize(&bytes);
    assert_eq!(found, Foreign::recognize(&bytes));
    if let Some(found) = found {
        show(&found);
        assert!(!found.file_system.code().is_empty() && found.offset < bytes.len() as u64);
        see(found.file_system.is_encryption());
    }
}

/// The bytes as a map: its blocks are in order, and what it writes it reads again.
pub(crate) fn map(bytes: &[u8]) {
    let map = match DamageMap::parse(bytes) {
        Ok(map) => map,
        Err(damage) => return damaged(damage),
    };
    assert_eq!(DamageMap::parse(bytes).as_ref(), Ok(&map));
    map.damage().iter().copied().for_each(damaged);
    let blocks = map.blocks();
    assert!(blocks.iter().all(|block| block.range.start < block.range.end));
    assert!(blocks.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
    let again = DamageMap::parse(map.to_string().as_bytes()).expect("what is written can be read");
    assert_eq!(again.blocks(), blocks);
    assert_eq!(again.progress(), map.progress());
    assert!(again.damage().is_empty(), "{:?}", again.damage());
    covers(&map);
    shut(&map);
    let moved = map.moved(bytes.len() as u64, u64::MAX / 2);
    assert!(moved.blocks().windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
}

/// Any range is covered exactly.
fn covers(map: &DamageMap) {
    for range in [0..4096, 511..513, 0..u64::MAX, u64::MAX - 1..u64::MAX] {
        let mut position = range.start;
        for block in map.blocks_in(range.clone()) {
            assert!(block.range.start == position && block.range.end > position);
            assert_eq!(map.status_at(position), block.status);
            position = block.range.end;
        }
        assert_eq!(position, range.end);
        see(map.is_rescued(range));
    }
}

/// What was not rescued is not read, and comes as missing.
fn shut(map: &DamageMap) {
    let image = [0xAA; 2048];
    let whole: &[u8] = &image;
    let source = RescuedOnly::new(&whole, map.clone());
    let mut buffer = [0x55; 2048];
    let missing = source.read_readable(0, &mut buffer);
    assert_eq!(missing.is_empty(), map.is_rescued(0..2048));
    for (position, byte) in (0..).zip(buffer) {
        let is_missing = missing.iter().any(|range| range.contains(&position));
        assert_eq!(byte, if is_missing { 0 } else { 0xAA });
        assert!(is_missing || map.is_rescued(position..position + 1), "byte {position} was never rescued");
    }
}
