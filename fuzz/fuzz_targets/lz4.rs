//! An LZ4 block or frame.

#![no_main]

#[path = "../../tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ntfs_salvage_fuzz::bounded(data, exercise::codecs::lz4));
