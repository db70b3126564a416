//! The exercise over sound input: every test volume, and every seed of the fuzz targets.

mod exercise;

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.sort();
    files
}

#[test]
fn every_test_volume_passes_the_exercise() {
    let images = files("testdata").into_iter().filter(|path| path.extension().is_some_and(|found| found == "img"));
    for path in images {
        let image = fs::read(path).expect("a test volume can be read");
        exercise::disk::disk(&image);
        exercise::table::volume(&image);
    }
}

/// Each fuzz target's exercise, by the target's name.
fn target(name: &str) -> fn(&[u8]) {
    match name {
        "attribute_list" => exercise::framed::attribute_list,
        "attributes" => exercise::framed::attributes,
        "bare_table" => exercise::table::bare,
        "boot_sector" => exercise::boot::boot_sector,
        "damage_map" => exercise::disk::map,
        "data_runs" => exercise::record::data_runs_of,
        "dynamic_disk" => exercise::disk::dynamic_disk,
        "foreign_file_system" => exercise::disk::foreign,
        "index_record" => exercise::index::record,
        "lz4" => exercise::codecs::lz4,
        "lznt1" => exercise::codecs::lznt1,
        "lzx" => exercise::codecs::lzx,
        "overlay" => exercise::codecs::overlay,
        "partition_table" => exercise::disk::disk,
        "record" => exercise::record::record,
        "recover" => exercise::edits::recover,
        "reparse_and_ea" => exercise::value::reparse_and_ea,
        "salvage" => exercise::edits::salvage,
        "scan_file" => exercise::scan::scan_file,
        "scanner" => exercise::scan::scanner,
        "security_descriptor" => exercise::security::any,
        "snappy" => exercise::codecs::snappy,
        "value" => exercise::value::any,
        "virtual_disk" => exercise::virtual_disk::virtual_disk,
        "volume" => exercise::edits::volume,
        "xpress_huffman" => exercise::codecs::xpress_huffman,
        other => panic!("no exercise is known for the fuzz target {other}"),
    }
}

#[test]
fn every_seed_passes_the_exercise() {
    for folder in files("fuzz/seeds") {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("targets have plain names");
        let check = target(name);
        // Seeds beyond a number add time, not coverage: the fuzzer has them all.
        for seed in files(&format!("fuzz/seeds/{name}")).into_iter().take(64) {
            check(&fs::read(seed).expect("a seed can be read"));
        }
    }
}
