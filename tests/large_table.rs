//! A table whose bitmap has more than a MiB: of more than 8,388,608 records.

use ntfs_salvage::source::{Source, Window};
use ntfs_salvage::volume::Geometry;
use ntfs_salvage::{ReadError, Threads, Volume};

const RECORDS: u64 = (8 << 20) + 4096;
const RECORD: u64 = 1024;
const CLUSTER: u64 = 4096;
/// First clusters of the table and of its bitmap.
const TABLE: u64 = 16;
const BITMAP: u64 = TABLE + RECORDS * RECORD / CLUSTER;
const BITMAP_CLUSTERS: u64 = (RECORDS / 8).div_ceil(CLUSTER);
const SIZE: u64 = (BITMAP + BITMAP_CLUSTERS + 16) * CLUSTER;

/// Zeros, but for the first and the last record, which are in use, and so says the bitmap.
struct Disk {
    parts: Vec<(u64, Vec<u8>)>,
}

fn attribute(kind: u32, clusters: u64, lcn: u64, size: u64) -> Vec<u8> {
    let mut bytes = vec![0; 80];
    bytes[..4].copy_from_slice(&kind.to_le_bytes());
    bytes[4] = 80;
    (bytes[8], bytes[32]) = (1, 64);
    bytes[24..32].copy_from_slice(&(clusters - 1).to_le_bytes());
    bytes[40..48].copy_from_slice(&(clusters * CLUSTER).to_le_bytes());
    bytes[48..56].copy_from_slice(&size.to_le_bytes());
    bytes[56..64].copy_from_slice(&size.to_le_bytes());
    bytes[64] = 0x44;
    bytes[65..69].copy_from_slice(&(clusters as u32).to_le_bytes());
    bytes[69..73].copy_from_slice(&(lcn as u32).to_le_bytes());
    bytes
}

fn record(number: u64, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; RECORD as usize];
    bytes[..8].copy_from_slice(b"FILE\x30\0\x03\0");
    (bytes[16], bytes[20], bytes[22], bytes[48]) = (1, 56, 1, 7);
    bytes[28..32].copy_from_slice(&(RECORD as u32).to_le_bytes());
    bytes[44..48].copy_from_slice(&(number as u32).to_le_bytes());
    let mut at = 56;
    for attribute in attributes {
        bytes[at..at + attribute.len()].copy_from_slice(attribute);
        at += attribute.len();
    }
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    bytes[24..28].copy_from_slice(&(at as u32 + 8).to_le_bytes());
    for stride in 0..2 {
        let end = stride * 512 + 510;
        (bytes[50 + 2 * stride], bytes[51 + 2 * stride]) = (bytes[end], bytes[end + 1]);
        (bytes[end], bytes[end + 1]) = (7, 0);
    }
    bytes
}

impl Source for Disk {
    fn size(&self) -> u64 {
        SIZE
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let length = SIZE.saturating_sub(offset).min(buffer.len() as u64);
        buffer[..length as usize].fill(0);
        for (at, bytes) in &self.parts {
            let (start, end) = (offset.max(*at), (at + bytes.len() as u64).min(offset + length));
            if start < end {
                let to = (start - offset) as usize..(end - offset) as usize;
                buffer[to].copy_from_slice(&bytes[(start - at) as usize..(end - at) as usize]);
            }
        }
        Ok(length as usize)
    }
}

#[test]
fn a_table_of_more_records_than_a_mib_has_bits_is_not_taken_for_a_damaged_one() {
    let last = RECORDS - 1;
    let table = attribute(0x80, RECORDS * RECORD / CLUSTER, TABLE, RECORDS * RECORD);
    let bitmap = attribute(0xB0, BITMAP_CLUSTERS, BITMAP, RECORDS / 8);
    let parts = vec![
        (TABLE * CLUSTER, record(0, &[table, bitmap])),
        (TABLE * CLUSTER + last * RECORD, record(last, &[])),
        (BITMAP * CLUSTER, vec![1]),
        (BITMAP * CLUSTER + last / 8, vec![1 << (last % 8)]),
    ];
    let disk = Disk { parts };
    let geometry = Geometry::builder().total_sectors(SIZE / 512).mft_lcn(Some(TABLE)).build().unwrap();
    let volume = Volume::with_geometry(Window::whole(&disk), geometry).unwrap();
    let catalog = volume.catalog_with(&Threads::default());
    assert_eq!((catalog.counts().slots, catalog.counts().file_records), (RECORDS, 2));
    assert_eq!(catalog.missing_records(), 0, "the bitmap says that the others are free");
    assert!(catalog.ghosts().is_empty());
}
