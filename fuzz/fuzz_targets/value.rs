//! An attribute value of any type, attribute lists, reparse points and extended attributes included.

#![no_main]

#[path = "../../tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ntfs_salvage_fuzz::bounded(data, exercise::value::any));
