//! Single faults, all of them: every value of every byte, and every truncation, of real records.
//!
//! An optimised build (`cargo test --release --test exhaustive`) goes through all of it; one without
//! optimisation takes samples.

mod exercise;
mod specimens;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use specimens::Specimen;

const IS_FULL: bool = !cfg!(debug_assertions);

/// The values to try in place of `original`: all, or its single bit flips and the extremes.
fn values(original: u8) -> Vec<u8> {
    let flips = (0..8).map(|bit| original ^ (1 << bit));
    let mut values: Vec<u8> =
        if IS_FULL { (0..=255).collect() } else { flips.chain([0x00, 0x7F, 0x80, 0xFF]).collect() };
    values.retain(|&value| value != original);
    values
}

/// Every fault of one specimen, through `check`; returns how many.
fn faults(bytes: &[u8], check: fn(&[u8])) -> usize {
    let mut count = 0;
    let mut damaged = bytes.to_vec();
    let step = if IS_FULL { 1 } else { 61 };
    for offset in (0..bytes.len()).step_by(step) {
        for value in values(bytes[offset]) {
            damaged[offset] = value;
            check(&damaged);
            count += 1;
        }
        damaged[offset] = bytes[offset];
    }
    for length in (0..bytes.len()).step_by(step.min(7)) {
        check(&bytes[..length]);
        count += 1;
    }
    count
}

/// All specimens, on all cores.
fn try_all(specimens: &[Specimen], check: fn(&[u8])) {
    specimens.iter().for_each(|specimen| check(&specimen.bytes));
    exercise::FORMAT_ALL.store(false, Ordering::Relaxed);
    let start = Instant::now();
    let (next, count) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(specimen) = specimens.get(next.fetch_add(1, Ordering::Relaxed)) {
                    count.fetch_add(faults(&specimen.bytes, check), Ordering::Relaxed);
                }
            });
        }
    });
    println!("{} specimens, {} faults, {:.1} s", specimens.len(), count.into_inner(), start.elapsed().as_secs_f64());
}

#[test]
fn no_single_fault_of_a_record_stops_the_parser() {
    let records = specimens::records();
    assert!(records.len() >= 48, "{} kinds of records are not enough", records.len());
    try_all(&records, exercise::record::record);
}

#[test]
fn no_single_fault_of_an_index_record_stops_the_parser() {
    let records = specimens::index_records();
    assert!(!records.is_empty());
    try_all(&records, exercise::index::record);
}

#[test]
fn no_single_fault_of_a_boot_sector_stops_the_parser() {
    let sectors = specimens::boot_sectors();
    assert!(sectors.len() >= 4);
    try_all(&sectors, exercise::boot::boot_sector);
}
