//! A small volume with some of its bytes changed, recovered: every stream from end to end.

#![no_main]

#[path = "../../tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ntfs_salvage_fuzz::bounded(data, exercise::edits::recover));
