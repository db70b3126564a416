//! Real structures to damage: taken from the test volumes, and from the optional corpus where it is.

#![allow(dead_code, reason = "each test takes the structures it is about")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ntfs_salvage::source::Source;
use ntfs_salvage::structure::Attribute;
use ntfs_salvage::{Record, Volume};

/// A structure as it lies on disk.
pub(crate) struct Specimen {
    pub(crate) bytes: Vec<u8>,
}

/// What tells one kind of record from another: of each attribute its type, form, flags and whether
/// it has a name; and whether the record is in use, a directory, an extension.
type Kind = (u16, bool, Vec<(u32, bool, u16, bool)>);

fn kind(record: &Record<'_>) -> Kind {
    let trait_of = |attribute: Attribute<'_>| {
        (attribute.attribute_type().0, attribute.is_resident(), attribute.flags().bits(), attribute.name().is_empty())
    };
    let header = record.header();
    (header.flags().bits(), header.is_base_record(), record.attributes().flatten().map(trait_of).collect())
}

fn files_in(folder: &str, extension: &str) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) else { return Vec::new() };
    let paths = folder.map(|entry| entry.expect("the folder can be read").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    paths.sort();
    paths
}

fn images() -> Vec<Vec<u8>> {
    let paths = files_in("testdata", "img").into_iter().filter(|path| !path.ends_with("disk_gpt.img"));
    paths.map(|path| fs::read(path).expect("a test volume can be read")).collect()
}

/// How many records are taken, and how many of those of 4 KiB: each takes a second and more.
const MOST: usize = 64;
const LARGE: usize = 4;

/// One record of each kind there is.
pub(crate) fn records() -> Vec<Specimen> {
    let mut kinds = BTreeSet::new();
    let mut records = Vec::new();
    for image in images() {
        let volume = Volume::open(&image).expect("a test volume is a volume");
        collect(&volume, &mut kinds, &mut records);
    }
    for path in files_in("../shared/corpus/mft", "mft") {
        let table = fs::read(path).expect("a table of the corpus can be read");
        let volume = Volume::from_table(&table).expect("a table of the corpus is a table");
        collect(&volume, &mut kinds, &mut records);
    }
    records
}

fn collect(volume: &Volume<'_>, kinds: &mut BTreeSet<Kind>, records: &mut Vec<Specimen>) {
    for number in 0..volume.mft().record_count() {
        let Ok((bytes, _)) = volume.mft().slot(number) else { continue };
        let Ok(record) = Record::parse(number, &bytes) else { continue };
        let has_room = bytes.len() <= 1024 || records.iter().filter(|known| known.bytes.len() > 1024).count() < LARGE;
        if has_room && records.len() < MOST && kinds.insert(kind(&record)) {
            records.push(Specimen { bytes: renumbered(bytes) });
        }
    }
}

/// The record under the number the exercise gives it, so that only the fault is one.
fn renumbered(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[42..48].copy_from_slice(&[0, 0, 42, 0, 0, 0]);
    bytes
}

/// An index record of each test volume.
pub(crate) fn index_records() -> Vec<Specimen> {
    let mut found = Vec::new();
    for image in images() {
        let starts = (0..image.len()).step_by(512).filter(|&start| image[start..].starts_with(b"INDX"));
        found.extend(starts.take(1).map(|start| Specimen { bytes: image[start..start + 4096].to_vec() }));
    }
    found
}

/// The boot sectors of the test volumes.
pub(crate) fn boot_sectors() -> Vec<Specimen> {
    let sector = |image: &Vec<u8>| {
        let mut bytes = vec![0; 512];
        image.read_at(0, &mut bytes).expect("memory can be read");
        Specimen { bytes }
    };
    images().iter().map(sector).collect()
}
