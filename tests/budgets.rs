//! Budgets: what a hostile input may cost. Output of at most eight times the input and 8 MiB, whatever the
//! format; memory of at most 256 MiB, counted by the allocator; work that is linear in the input: bytes read
//! a byte at most three times those of a benign input, memory asked for at most 48 bytes a byte.
//!
//! Time a byte should be at most three times that of a benign input: of a table as Windows leaves one for
//! tables, of a volume of ordinary files for volumes. It is not tested but shown:
//! `cargo test --release --test budgets -- --ignored --nocapture`. All but one keep to it. A record full of broken
//! attributes takes six to seven times as long: it has 105 faults to tell of, and they take eight times its room. That
//! is a constant amount of work a byte, too.

mod allocator;
#[allow(dead_code, reason = "the hostile tests use all of it")]
#[path = "hostile/forge.rs"]
mod forge;
#[allow(dead_code, reason = "the benchmarks use all of it")]
#[path = "../benches/generator/mod.rs"]
mod generator;
mod hostile_inputs;
mod tool;

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ntfs_salvage::catalog::Batch;
use ntfs_salvage::recoverability::RecoverabilityOptions;
use ntfs_salvage::source::Source;
use ntfs_salvage::{Entry, ReadError, Threads, Volume};

use hostile_inputs::Input;

const FORMATS: [&str; 5] = ["table", "csv", "jsonl", "bodyfile", "mftecmd-csv"];

/// What a listing may have beyond eight times its input.
const CONSTANT: u64 = 8 << 20;
const MOST_MEMORY: usize = 256 << 20;

/// Bytes of memory that may be asked for, and given back, a byte of input: the three faults of each broken
/// attribute of 24 bytes take 216, and are moved and sorted.
const MOST_ASKED_FOR: f64 = 48.0;

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
fn list(source: &dyn Source, threads: &Threads) -> usize {
    let volume = Volume::open(source).or_else(|_| Volume::from_table(source)).expect("there is a table");
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

/// An image that counts the bytes that are read of it.
struct Counting<'b> {
    bytes: &'b [u8],
    read: AtomicUsize,
}

impl Source for Counting<'_> {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let count = self.bytes.read_at(offset, buffer)?;
        self.read.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}

/// What a listing costs: bytes read of the source, and bytes of memory asked for.
#[derive(Clone, Copy)]
struct Work {
    read: usize,
    asked_for: usize,
}

impl Work {
    fn of(bytes: &[u8]) -> Self {
        let source = Counting { bytes, read: AtomicUsize::new(0) };
        let asked_for = allocator::asked_for_by(|| list(&source, &Threads::single()));
        Self { read: source.read.into_inner(), asked_for }
    }
}

#[test]
fn no_input_takes_much_more_work_than_a_benign_one() {
    let benign = Benign::new(|bytes| Work::of(bytes).read as f64 / bytes.len() as f64);
    let mut failures = Vec::new();
    for Input { name, bytes } in hostile_inputs::all() {
        let work = Work::of(&bytes);
        let read = work.read as f64 / bytes.len() as f64 / benign.like(&bytes);
        let asked_for = work.asked_for as f64 / bytes.len() as f64;
        println!("{name}: reads {read:.2} times as much as of a benign input, asks for {asked_for:.1} bytes a byte");
        if read > 3.0 || asked_for > MOST_ASKED_FOR {
            failures.push(format!("{name}: reads {read:.2} times as much, asks for {asked_for:.1} bytes a byte"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Something of a benign table and a benign volume, to compare hostile ones with.
struct Benign<T> {
    table: T,
    volume: T,
}

impl<T> Benign<T> {
    fn new(of: impl Fn(&[u8]) -> T) -> Self {
        Self { table: of(&hostile_inputs::benign_table()), volume: of(&hostile_inputs::benign_volume()) }
    }

    fn like(&self, bytes: &[u8]) -> &T {
        if Volume::open(&bytes).is_ok() { &self.volume } else { &self.table }
    }
}

/// The shortest of several runs, a byte.
fn time_a_byte(bytes: &[u8]) -> f64 {
    let threads = Threads::single();
    let run = || {
        let start = Instant::now();
        std::hint::black_box(list(&bytes, &threads));
        start.elapsed()
    };
    let shortest = (0..5).map(|_| run()).min().unwrap_or(Duration::ZERO);
    shortest.as_secs_f64() / bytes.len() as f64
}

#[test]
#[ignore = "shows times; run it alone: cargo test --release --test budgets -- --ignored --nocapture"]
fn time_a_byte_of_each_hostile_input() {
    let benign = Benign::new(time_a_byte);
    println!("benign table: {:.2} ns a byte, volume: {:.2} ns", benign.table * 1e9, benign.volume * 1e9);
    for Input { name, bytes } in hostile_inputs::all() {
        let time = time_a_byte(&bytes);
        println!("{name}: {:.2} ns a byte, {:.1} times benign", time * 1e9, time / benign.like(&bytes));
    }
}
