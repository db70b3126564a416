//! A file of a virtual disk, in parts.

#![no_main]

#[path = "../../tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ntfs_salvage_fuzz::bounded(data, exercise::virtual_disk::virtual_disk));
