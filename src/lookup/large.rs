//! A directory of a million files, made up as it is read: how many reads a path takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::base::error::ReadError;
use crate::base::reference::FileReference;
use crate::source::{Source, Window};
use crate::structure::attribute_type::AttributeType;
use crate::structure::forge::{Forge, file_name};
use crate::structure::index::tests::node;
use crate::structure::index_entry::tests::entry;
use crate::structure::update_sequence::STRIDE;
use crate::structure::value::file_attributes::FileAttributes;
use crate::volume::Volume;
use crate::volume::geometry::Geometry;
use crate::volume::upcase::UpCase;

const CLUSTER: u64 = 4096;
const FILES: u64 = 1_000_000;
/// The first record of the files.
const FIRST: u64 = 100;
const RECORD: u64 = 1024;
const TABLE: u64 = 16 * CLUSTER;
const TABLE_SIZE: u64 = (FIRST + FILES) * RECORD;
const UPCASE: u64 = 2 << 30;
const BITMAP: u64 = 3 << 30;
const INDEX: u64 = 4 << 30;
/// Keys of a leaf, and children of a node above.
const KEYS: u64 = 30;
const LEVELS: usize = 5;
/// Keys from the start of a node to the start of the next one of its level.
const STRIDES: [u64; LEVELS] = [31, 31 * 30, 31 * 900, 31 * 27_000, 31 * 810_000];

/// The number of the first node of a level.
fn base(level: usize) -> u64 {
    STRIDES[..level].iter().map(|stride| FILES.div_ceil(*stride)).sum()
}

fn key(index: u64) -> Vec<u8> {
    file_name((64, 1), 1, &format!("File {index:07}.txt"), FileAttributes::empty())
}

fn file(index: u64) -> FileReference {
    FileReference::new(FIRST + index, 1)
}

/// The entries of the node of a level that starts at key `start`.
fn entries(level: usize, start: u64) -> Vec<u8> {
    let end = (start + STRIDES[level] - 1).min(FILES);
    if level == 0 {
        let keys = (start..end).flat_map(|index| entry(file(index).0, &key(index), &[], 0, None));
        return keys.chain(entry(0, &[], &[], 2, None)).collect();
    }
    let below = STRIDES[level - 1];
    let child = |place: u64| (base(level - 1) + (start + place * below) / below) * (RECORD * 4 / CLUSTER);
    let mut bytes = Vec::new();
    for place in 0..KEYS {
        let behind = start + (place + 1) * below - 1;
        if behind >= end {
            bytes.extend(entry(0, &[], &[], 3, Some(child(place))));
            break;
        }
        bytes.extend(entry(file(behind).0, &key(behind), &[], 1, Some(child(place))));
    }
    bytes
}

fn index_record(number: u64) -> Vec<u8> {
    let level = (0..LEVELS).rev().find(|&level| number >= base(level)).unwrap();
    let start = (number - base(level)) * STRIDES[level];
    let mut bytes = b"INDX\x28\0\x09\0".to_vec();
    bytes.resize(16, 0);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend(node(40, &entries(level, start), &[]));
    assert!(bytes.len() <= 4096);
    bytes.resize(4096, 0);
    bytes[40..42].copy_from_slice(&7_u16.to_le_bytes());
    for stride in 0..8 {
        let word = stride * STRIDE + 510;
        bytes.copy_within(word..word + 2, 42 + 2 * stride);
        bytes[word..word + 2].copy_from_slice(&7_u16.to_le_bytes());
    }
    bytes
}

fn one_run(place: u64, clusters: u64) -> Vec<u8> {
    let lcn = (place / CLUSTER) as u32;
    [&[0x44][..], &(clusters as u32).to_le_bytes(), &lcn.to_le_bytes(), &[0]].concat()
}

fn record(number: u64) -> Vec<u8> {
    let data = |forge: Forge, place: u64, size: u64| {
        let clusters = size.div_ceil(CLUSTER);
        let sizes = [clusters * CLUSTER, size, size];
        forge.runs(AttributeType::DATA, "", (0, clusters - 1), sizes, &one_run(place, clusters))
    };
    let root = |entries: &[u8]| [[0x30, 1, 4096, 1].map(u32::to_le_bytes).concat(), node(16, entries, &[])].concat();
    let nodes = base(LEVELS);
    let forge = match number {
        0 => data(Forge::new(1024), TABLE, TABLE_SIZE),
        5 => {
            let name = file_name((5, 5), 3, "all", FileAttributes::DIRECTORY);
            let entries = [entry(FileReference::new(64, 1).0, &name, &[], 0, None), entry(0, &[], &[], 2, None)];
            let forge = Forge::new(1024).sequence(5).flags(3).name((5, 5), 3, ".");
            forge.resident(AttributeType::INDEX_ROOT, "$I30", &root(&entries.concat()))
        }
        10 => data(Forge::new(1024).name((5, 5), 3, "$UpCase"), UPCASE, 128 << 10),
        64 => {
            let top = entry(0, &[], &[], 3, Some(nodes - 1));
            let forge = Forge::new(1024).flags(3).name((5, 5), 3, "all");
            let forge = forge.resident(AttributeType::INDEX_ROOT, "$I30", &root(&top));
            let sizes = [nodes * CLUSTER; 3];
            let forge =
                forge.runs(AttributeType::INDEX_ALLOCATION, "$I30", (0, nodes - 1), sizes, &one_run(INDEX, nodes));
            let (clusters, size) = (nodes.div_ceil(8 * CLUSTER), nodes.div_ceil(8));
            let sizes = [clusters * CLUSTER, size, size];
            forge.runs(AttributeType::BITMAP, "$I30", (0, clusters - 1), sizes, &one_run(BITMAP, clusters))
        }
        FIRST.. => Forge::new(1024).name((64, 1), 1, &format!("File {:07}.txt", number - FIRST)),
        _ => Forge::new(1024),
    };
    forge.on_disk(number)
}

/// Gives what is asked for, and counts how often it is.
struct Million {
    upcase: Vec<u8>,
    reads: AtomicU64,
}

impl Million {
    /// The piece that holds byte `offset`, and where it starts.
    fn piece(&self, offset: u64) -> (u64, Vec<u8>) {
        match offset {
            TABLE..UPCASE if offset < TABLE + TABLE_SIZE => {
                let number = (offset - TABLE) / RECORD;
                (TABLE + number * RECORD, record(number))
            }
            UPCASE..BITMAP if offset < UPCASE + (128 << 10) => (UPCASE, self.upcase.clone()),
            BITMAP..INDEX => (BITMAP, vec![0xFF; 16 << 10]),
            INDEX.. if offset < INDEX + base(LEVELS) * CLUSTER => {
                let number = (offset - INDEX) / CLUSTER;
                (INDEX + number * CLUSTER, index_record(number))
            }
            _ => (offset, vec![0; 512]),
        }
    }
}

impl Source for Million {
    fn size(&self) -> u64 {
        5 << 30
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let mut done = 0;
        while done < buffer.len() {
            let position = offset + done as u64;
            let (start, piece) = self.piece(position);
            let part = &piece[(position - start) as usize..];
            let length = part.len().min(buffer.len() - done);
            buffer[done..done + length].copy_from_slice(&part[..length]);
            done += length;
        }
        Ok(done)
    }
}

fn open(million: &Million) -> Volume<'_> {
    let geometry = Geometry::builder().sector_size(512).cluster_size(4096).record_size(1024);
    let geometry = geometry.total_sectors((5 << 30) / 512).mft_lcn(Some(TABLE / CLUSTER)).build().unwrap();
    Volume::with_geometry(Window::whole(million), geometry).unwrap()
}

#[test]
fn a_path_among_a_million_files_takes_few_reads() {
    let built_in = UpCase::built_in();
    let upcase = (0..=u16::MAX).flat_map(|unit| built_in.upper(unit).to_le_bytes()).collect();
    let million = Million { upcase, reads: AtomicU64::new(0) };
    let volume = open(&million);
    let most = |path: &str, expected: u64, most: u64| {
        let before = million.reads.load(Ordering::Relaxed);
        assert_eq!(volume.entry_by_path(path).unwrap(), file(expected), "{path}");
        let reads = million.reads.load(Ordering::Relaxed) - before;
        assert!(reads <= most, "{path}: {reads} reads");
    };
    most(r"\all\File 0000000.txt", 0, 40);
    let start = Instant::now();
    let mut count = 0_u32;
    for index in (0..FILES).step_by(1999).chain([30, 929, 930, 27_899, 836_999, FILES - 1]) {
        most(&format!(r"\all\File {index:07}.txt"), index, 20);
        most(&format!("/ALL/fILE {index:07}.TXT"), index, 20);
        count += 2;
    }
    eprintln!("{:?} a path, with what it takes to make the records up", start.elapsed() / count);
    let absent = volume.entry_by_path(r"\all\File 0500000.doc");
    assert!(matches!(absent, Err(crate::Error::NoSuchName { .. })), "{absent:?}");
}

#[test]
fn the_children_of_a_million_files_come_one_by_one() {
    let million = Million { upcase: Vec::new(), reads: AtomicU64::new(0) };
    let volume = open(&million);
    let children = volume.children(FileReference::new(64, 1)).unwrap();
    let first: Vec<_> = children.take(1000).map(|child| child.unwrap().name().to_string()).collect();
    assert_eq!((first[0].as_str(), first.len()), ("File 0000000.txt", 1000));
    assert!(million.reads.load(Ordering::Relaxed) < 50, "no more than what was asked for");
}
