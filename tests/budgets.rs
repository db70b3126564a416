//! Budgets: what a hostile input may cost. Output of at most eight times the input and 8 MiB, whatever the
//! format; memory of at most 256 MiB, counted by the allocator; and time a byte that is at most three times
//! that of a benign table of the same size.
//!
//! Time is not tested but shown: `cargo test --release --test budgets -- --ignored --nocapture`.

mod allocator;
#[allow(dead_code, reason = "the hostile tests use all of it")]
#[path = "hostile/forge.rs"]
mod forge;
mod hostile_inputs;
mod tool;

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ntfs_salvage::catalog::{Batch, RecoverabilityOptions};
use ntfs_salvage::{Entry, Threads, Volume};

use hostile_inputs::Input;

const FORMATS: [&str; 5] = ["table", "csv", "jsonl", "bodyfile", "mftecmd-csv"];

/// What a listing may have beyond eight times its input.
const CONSTANT: u64 = 8 << 20;
const MOST_MEMORY: usize = 256 << 20;

/// The bytes of a listing, as far as `most`.
fn listing_length(program: &Path, input: &Path, format: &str, most: u64) -> u64 {
    let mut command = Command::new(program);
    command.arg(input).args(["--quiet", "--format", format]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the tool starts");
    let mut output = child.stdout.take().expect("it is a pipe").take(most + 1);
    let (mut length, mut buffer) = (0, vec![0; 1 << 20]);
    while let Some(count) = output.read(&mut buffer).ok().filter(|&count| count > 0) {
        length += count as u64;
    }
    drop(output);
    child.wait().expect("the tool ends");
    length
}

#[test]
fn no_listing_is_much_larger_than_its_input() {
    let program = tool::program("mft_dump");
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let path = folder.path().join("input.img");
    let mut failures = Vec::new();
    for Input { name, bytes } in hostile_inputs::all() {
        std::fs::write(&path, &bytes).expect("the temporary directory can be written");
        let size = bytes.len() as u64;
        for format in FORMATS {
            let most = 8 * size + CONSTANT;
            let length = listing_length(&program, &path, format, most);
            println!("{name}: {format} {:.2} times {size} bytes", length as f64 / size as f64);
            if length > most {
                failures.push(format!("{name} as {format}: more than 8 times {size} bytes and 8 MiB"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Everything a listing asks of an entry.
fn look_at(entry: &Entry<'_>, paths: &mut ntfs_salvage::catalog::Paths<'_>, text: &mut String) -> usize {
    let parts = entry.parts();
    let mut length = parts.damage.len() + parts.streams.len();
    for link in &parts.links {
        text.clear();
        paths.push(link.parent(), link.name(), text);
        length += text.len();
    }
    length
}

/// The whole work of a listing with verdicts, without its text.
fn list(bytes: &[u8], threads: &Threads) -> usize {
    let volume = Volume::open(&bytes).or_else(|_| Volume::from_table(&bytes)).expect("there is a table");
    let catalog = volume.catalog_with(threads);
    let assessment = volume.geometry().map(|_| catalog.assessment(threads, RecoverabilityOptions::default()));
    let mut total = 0;
    let work = |(paths, text): &mut (_, String), batch: Batch<'_>| {
        let mut length = 0;
        for entry in batch.into_entries() {
            length += look_at(&entry, paths, text);
            for stream in assessment.iter().flat_map(|_| entry.streams()) {
                length += assessment.as_ref().map_or(0, |known| known.assess(&stream).ranges().len());
            }
        }
        length
    };
    let flow = catalog.scan(
        threads,
        || (catalog.paths(), String::new()),
        work,
        |length| {
            total += length;
            ControlFlow::<()>::Continue(())
        },
    );
    assert!(flow.is_continue());
    total
}

#[test]
fn no_input_takes_more_than_256_mib() {
    let threads = Threads::new(2);
    for Input { name, bytes } in hostile_inputs::all() {
        let peak = allocator::peak_of(|| list(&bytes, &threads));
        println!("{name}: {} KiB at most, for {} KiB of input", peak >> 10, bytes.len() >> 10);
        assert!(peak <= MOST_MEMORY, "{name}: {peak} bytes");
    }
}

/// The shortest of several runs, a byte.
fn time_a_byte(bytes: &[u8]) -> f64 {
    let threads = Threads::single();
    let run = || {
        let start = Instant::now();
        std::hint::black_box(list(bytes, &threads));
        start.elapsed()
    };
    let shortest = (0..5).map(|_| run()).min().unwrap_or(Duration::ZERO);
    shortest.as_secs_f64() / bytes.len() as f64
}

#[test]
#[ignore = "shows times; run it alone: cargo test --release --test budgets -- --ignored --nocapture"]
fn time_a_byte_of_each_hostile_input() {
    let benign = time_a_byte(&hostile_inputs::benign().bytes);
    println!("benign: {:.2} ns a byte", benign * 1e9);
    for Input { name, bytes } in hostile_inputs::all() {
        let time = time_a_byte(&bytes);
        println!("{name}: {:.2} ns a byte, {:.1} times benign", time * 1e9, time / benign);
    }
}
