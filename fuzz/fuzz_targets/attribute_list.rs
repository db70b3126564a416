//! An attribute list: by itself, and as that of a file with two extension records.

#![no_main]

#[path = "../../tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ntfs_salvage_fuzz::bounded(data, exercise::framed::attribute_list));
