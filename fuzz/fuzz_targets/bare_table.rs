//! A bare `$MFT`: catalog, entries, links, streams, paths.

#![no_main]

#[path = "../../tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exercise::table::bare(data));
