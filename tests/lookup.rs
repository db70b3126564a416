//! Files by their paths through the indexes of directories, held against the catalog's paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use ntfs_salvage::catalog::PathEnd;
use ntfs_salvage::source::Source;
use ntfs_salvage::{EntryState, Error, FileReference, ReadError, Threads, Volume};

const IMAGES: [&str; 6] =
    ["plain", "deleted", "links_streams", "mft_attribute_list", "compressed_sparse", "64k_clusters"];

/// An image that counts how often it is read, and cannot be read in places.
struct Image {
    bytes: Vec<u8>,
    reads: Mutex<u64>,
    spoilt: Vec<Range<u64>>,
}

impl Image {
    fn of_test(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name).with_extension("img");
        Self { bytes: fs::read(path).unwrap(), reads: Mutex::default(), spoilt: Vec::new() }
    }
}

impl Source for Image {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        *self.reads.lock().unwrap() += 1;
        let end = offset + buffer.len() as u64;
        if self.spoilt.iter().any(|range| range.start < end && offset < range.end) {
            let error = std::io::Error::from(std::io::ErrorKind::Other);
            return Err(ReadError::new(offset, buffer.len() as u64, error));
        }
        self.bytes.read_at(offset, buffer)
    }
}

/// Whole paths of live files, each with its file.
fn paths_of(volume: &Volume<'_>) -> Vec<(String, FileReference)> {
    let catalog = volume.catalog_with(&Threads::single());
    let live = catalog.entries().filter(|entry| entry.state() == EntryState::Live);
    let paths = live.flat_map(|entry| {
        let reference = entry.reference();
        entry.paths().map(|path| (path, reference)).collect::<Vec<_>>()
    });
    let whole = paths.filter(|(path, _)| path.end == PathEnd::Root && path.text.is_ascii());
    whole.map(|(path, reference)| (path.text, reference)).collect()
}

#[test]
fn every_live_path_of_a_catalog_is_found_without_one() {
    let mut count = 0;
    for name in IMAGES {
        let image = Image::of_test(name);
        let volume = Volume::open(&image).unwrap();
        let paths = paths_of(&volume);
        for (path, reference) in &paths {
            *image.reads.lock().unwrap() = 0;
            assert_eq!(volume.entry_by_path(path).unwrap(), *reference, "{name}: {path}");
            let reads = *image.reads.lock().unwrap();
            let depth = path.matches('/').count() as u64;
            assert!(reads <= 6 + 8 * depth, "{name}: {path} takes {reads} reads");
            count += 1;
            if path.contains('\\') {
                continue;
            }
            let other = format!("c:{}", path.replace('/', "\\").to_ascii_uppercase());
            let same: Vec<_> = paths.iter().filter(|(one, _)| one.eq_ignore_ascii_case(path)).collect();
            let found = volume.entry_by_path(&other).unwrap();
            assert!(same.iter().any(|(_, reference)| found == *reference), "{name}: {other}");
        }
    }
    assert!(count > 300, "{count} paths");
}

#[test]
fn what_is_not_there_is_said_to_be_not_there() {
    let image = Image::of_test("plain");
    let volume = Volume::open(&image).unwrap();
    assert_eq!(volume.entry_by_path("/").unwrap().record_number(), 5);
    for path in ["/nobody", "/level0/nobody", "/ZZZZ", "/!", "/$MFT:nothing", "/sizes/012293.txt:zone"] {
        let found = volume.entry_by_path(path);
        assert!(matches!(found, Err(Error::NoSuchName { .. })), "{path}: {found:?}");
    }
    let below_a_file = volume.entry_by_path("/sizes/012293.txt/x");
    assert!(matches!(below_a_file, Err(Error::NoSuchFile(_))), "{below_a_file:?}");
    let file = volume.entry_by_path(r"\sizes\012293.txt").unwrap();
    assert_eq!(volume.entry_by_path(r"\sizes\..\SIZES\.\012293.TXT::$DATA").unwrap(), file);
}

#[test]
fn streams_are_found_with_their_files() {
    let image = Image::of_test("links_streams");
    let volume = Volume::open(&image).unwrap();
    let catalog = volume.catalog_with(&Threads::single());
    let mut count = 0;
    for entry in catalog.entries().filter(|entry| entry.state() == EntryState::Live) {
        for path in entry.paths().filter(|path| path.end == PathEnd::Root && !path.text.contains(':')) {
            for stream in entry.streams().iter().filter(|stream| !stream.name().is_empty()) {
                let path = format!("{}:{}", path.text, stream.name());
                assert_eq!(volume.entry_by_path(&path).unwrap(), entry.reference(), "{path}");
                count += 1;
            }
        }
    }
    assert!(count > 2, "{count} streams");
}

#[test]
fn a_damaged_index_is_no_answer() {
    let mut image = Image::of_test("plain");
    // No index record can be read: what stands in one is not known, and nothing is said to be absent.
    let records = image.bytes.windows(4).enumerate().filter(|(at, bytes)| at % 512 == 0 && *bytes == b"INDX");
    let records: Vec<Range<u64>> = records.map(|(at, _)| at as u64..at as u64 + 512).collect();
    assert!(!records.is_empty());
    let paths = paths_of(&Volume::open(&image).unwrap());
    image.spoilt = records;
    let volume = Volume::open(&image).unwrap();
    let mut damaged = 0;
    for (path, reference) in paths {
        match volume.entry_by_path(&path) {
            Ok(found) => assert_eq!(found, reference, "{path}"),
            Err(Error::DamagedIndex { .. }) => damaged += 1,
            other => panic!("{path}: {other:?}"),
        }
    }
    assert!(damaged > 50, "{damaged} paths");
    let unknown = volume.entry_by_path("/nobody");
    assert!(matches!(unknown, Err(Error::DamagedIndex { .. })), "{unknown:?}");
}

#[test]
fn every_entry_is_the_entry_of_its_reference_and_of_no_other_life() {
    for name in IMAGES {
        let image = Image::of_test(name);
        let volume = Volume::open(&image).unwrap();
        let catalog = volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single());
        for entry in catalog.entries().filter(|entry| entry.state() != EntryState::Orphan) {
            let reference = entry.reference();
            if reference.is_unknown() {
                // Of which only the name is left: it is among the children of its directory.
                assert!(matches!(catalog.entry_of(reference), Err(Error::NoSuchFile(_))), "{name}");
                continue;
            }
            let found = catalog.entry_of(reference).unwrap();
            assert_eq!((found.reference(), found.state()), (reference, entry.state()), "{name}");
            let number = reference.record_number();
            let later = FileReference::new(number, reference.sequence_number().wrapping_add(5));
            assert!(matches!(catalog.entry_of(later), Err(Error::NoSuchFile(_))), "{name}: {later}");
        }
    }
}

#[test]
fn children_are_those_whose_names_say_so() {
    let (mut live, mut deleted) = (0, 0);
    for name in IMAGES {
        let image = Image::of_test(name);
        let volume = Volume::open(&image).unwrap();
        let catalog = volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single());
        let mut expected: BTreeMap<FileReference, BTreeSet<(FileReference, String)>> = BTreeMap::new();
        for entry in catalog.entries() {
            for link in &entry.links() {
                expected.entry(link.parent()).or_default().insert((entry.reference(), link.name().to_string()));
            }
        }
        for directory in catalog.entries().filter(ntfs_salvage::Entry::is_directory) {
            let lives = FileReference::lives(
                directory.record_number(),
                directory.sequence_number(),
                directory.header().is_in_use(),
            );
            let named: BTreeSet<_> = lives.iter().filter_map(|life| expected.get(life)).flatten().cloned().collect();
            let mut found = BTreeSet::new();
            for child in catalog.children(directory.reference()) {
                for link in child.links().iter().filter(|link| lives.contains(&link.parent())) {
                    found.insert((child.reference(), link.name().to_string()));
                    deleted += usize::from(child.state() != EntryState::Live);
                }
            }
            assert_eq!(found, named, "{name}: {}", directory.reference());
            if directory.state() != EntryState::Live {
                continue;
            }
            let by_index = volume.children(directory.reference()).unwrap().map(|child| child.unwrap());
            let by_index: BTreeSet<_> = by_index.map(|child| (child.reference(), child.name().to_string())).collect();
            let exist = |(file, _): &&(FileReference, String)| {
                catalog.entry_of(*file).is_ok_and(|entry| entry.state() == EntryState::Live)
            };
            let of_names: BTreeSet<_> = named.iter().filter(exist).cloned().collect();
            assert_eq!(by_index, of_names, "{name}: {}", directory.reference());
            live += by_index.len();
        }
        assert_eq!(catalog.children(FileReference::new(5, 99)).count(), 0, "another life has none");
    }
    assert!(live > 300 && deleted > 10, "{live} live, {deleted} deleted");
}

#[test]
fn children_say_where_an_index_is_damaged() {
    let mut image = Image::of_test("plain");
    let records = image.bytes.windows(4).enumerate().filter(|(at, bytes)| at % 512 == 0 && *bytes == b"INDX");
    let records: Vec<Range<u64>> = records.map(|(at, _)| at as u64..at as u64 + 512).collect();
    let whole = Volume::open(&image).unwrap();
    let directory = whole.entry_by_path("/sizes").unwrap();
    let count = whole.children(directory).unwrap().count();
    drop(whole);
    image.spoilt = records;
    let volume = Volume::open(&image).unwrap();
    let children: Vec<_> = volume.children(directory).unwrap().collect();
    assert!(
        children.iter().any(|child| matches!(child, Err(Error::DamagedIndex { .. }))),
        "{count} became {children:?}"
    );
    let file = FileReference::new(0, 1);
    assert!(matches!(volume.children(file), Err(Error::NoSuchFile(_))), "no directory has no children");
}
