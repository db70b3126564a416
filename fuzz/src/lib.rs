//! What every fuzz target holds its input to: a second of processor time, and 64 MiB.
//!
//! Both are measured here, for one input: a fuzzer's own limits count wall time, which a loaded machine
//! stretches, and the memory of its corpus.

use std::alloc::System;
use std::time::Duration;

use cap::Cap;
use cpu_time::ProcessTime;

/// An allocation beyond the limit fails, and ends the process. The fuzzer's own memory does not count.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, 64 << 20);

const MOST_TIME: Duration = Duration::from_secs(1);

/// Exercises `data`, on however many threads, and asserts that it takes less than a second of all of them.
pub fn bounded(data: &[u8], exercise: impl FnOnce(&[u8])) {
    let start = ProcessTime::now();
    exercise(data);
    let taken = start.elapsed();
    assert!(taken < MOST_TIME, "hang: {} bytes took {taken:?} of processor time", data.len());
}
