//! How many bytes and records a second the library gets through.
//!
//! The input is a generated table of 100,000 records, and the bare `$MFT` that the environment variable
//! `NTFS_SALVAGE_BENCH_FILE` names, where it is set. Each group takes every input; add one by adding a function
//! to `criterion_group!` below: `cargo bench -p throughput`. What other libraries take for the same work is measured by `benches/compare`.

use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ntfs_salvage::catalog::{Batch, Paths};
use ntfs_salvage::salvage::Scanner;
use ntfs_salvage::source::{self, Source};
use ntfs_salvage::structure::Attribute;
use ntfs_salvage::structure::value::Value;
use ntfs_salvage::volume::Chunk;
use ntfs_salvage::{Record, Threads, Volume};

#[path = "../generator/mod.rs"]
mod generator;

use generator::{RECORD_SIZE, Table};

const GENERATED: Table = Table { records: 100_000, seed: 1, script: generator::Script::Latin };
/// What one positional read asks for.
const CHUNK: usize = 1 << 20;
const PAGE: usize = 4096;

/// A bare table on disk.
struct Input {
    name: String,
    path: PathBuf,
    bytes: u64,
}

impl Input {
    fn records(&self) -> u64 {
        self.bytes / RECORD_SIZE as u64
    }
}

fn inputs() -> Vec<Input> {
    let named = env::var_os("NTFS_SALVAGE_BENCH_FILE").map(PathBuf::from);
    let paths = std::iter::once(generated()).chain(named);
    let input = |path: PathBuf| Input {
        name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        bytes: fs::metadata(&path).expect("the input can be read").len(),
        path,
    };
    paths.map(input).collect()
}

/// The generated table, kept among the build's files; written anew each time, so that it is never an old one.
fn generated() -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("generated-{}.mft", GENERATED.records));
    let mut out = BufWriter::with_capacity(CHUNK, File::create(&path).expect("the table can be written"));
    let summary = GENERATED.write_to(&mut out).expect("the table can be written");
    out.into_inner().expect("the table can be written");
    eprintln!("{}: {summary}", path.display());
    path
}

/// Runs `job` on every input, counted once in bytes and once in records.
fn measure(criterion: &mut Criterion, name: &str, inputs: &[Input], mut job: impl FnMut(&source::FileSource)) {
    measure_inputs(criterion, name, inputs, |input| job(&source::open(&input.path).expect("the input can be opened")));
}

fn measure_inputs(criterion: &mut Criterion, name: &str, inputs: &[Input], mut job: impl FnMut(&Input)) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    for input in inputs {
        let throughput = Throughput::ElementsAndBytes { elements: input.records(), bytes: input.bytes };
        group.throughput(throughput);
        group.bench_function(BenchmarkId::from_parameter(&input.name), |bencher| bencher.iter(|| job(input)));
    }
    group.finish();
}

/// The floor under everything: positional reads into one page-aligned buffer, and nothing else.
fn bare_read(criterion: &mut Criterion) {
    let mut memory = vec![0_u8; CHUNK + PAGE];
    let skip = memory.as_ptr().align_offset(PAGE);
    let buffer = &mut memory[skip..skip + CHUNK];
    measure(criterion, "bare read", &inputs(), |source| {
        for offset in (0..source.size()).step_by(CHUNK) {
            let read = source.read_at(offset, buffer).expect("the input can be read");
            black_box(&buffer[..read]);
        }
    });
}

/// Headers, update sequences and the frames of attributes: the bulk path of everything else.
fn attribute_walk(criterion: &mut Criterion) {
    measure(criterion, "attribute walk", &inputs(), |source| {
        pass(source, |record| record.attributes().map_while(Result::ok).map(|found| found.bytes().len()).sum());
    });
}

/// The same with every attribute's value, and every run.
fn attribute_values(criterion: &mut Criterion) {
    let size = |attribute: Attribute<'_>| match attribute.value() {
        Ok(Value::DataRuns(piece)) => piece.data_runs().map_or(0, |runs| runs.map_while(Result::ok).count()),
        Ok(value) => usize::from(black_box(Some(value)).is_some()),
        Err(_) => 0,
    };
    measure(criterion, "attribute values", &inputs(), |source| {
        pass(source, |record| record.attributes().map_while(Result::ok).map(size).sum());
    });
}

/// One record at a time, borrowed, from memory.
fn record_parse(criterion: &mut Criterion) {
    let bytes = fs::read(generated()).expect("the table can be read");
    let mut group = criterion.benchmark_group("record parse");
    group.throughput(Throughput::ElementsAndBytes { elements: GENERATED.records, bytes: bytes.len() as u64 });
    group.sample_size(20).bench_function("borrowed", |bencher| {
        bencher.iter(|| {
            let records = (0..).zip(bytes.chunks_exact(RECORD_SIZE));
            records.filter(|(number, bytes)| Record::parse(*number, black_box(bytes)).is_ok()).count()
        });
    });
    group.finish();
}

/// What the catalog keeps: one pass over headers, directories and extension records.
fn catalog_pass(criterion: &mut Criterion) {
    measure(criterion, "catalog pass", &inputs(), |source| {
        let volume = Volume::from_table(source).expect("the input is a table");
        black_box(volume.catalog_with(&Threads::single()).counts());
    });
}

/// Every file taken apart, with its damage, and the path of every link.
fn full_paths(criterion: &mut Criterion) {
    measure(criterion, "files and paths", &inputs(), |source| {
        let volume = Volume::from_table(source).expect("the input is a table");
        let threads = Threads::single();
        let catalog = volume.catalog_with(&threads);
        let state = || (catalog.paths(), Vec::new());
        let work = |(paths, text): &mut (Paths<'_>, Vec<u8>), batch: Batch<'_>| {
            for entry in batch.into_entries() {
                let parts = entry.parts();
                for link in &parts.links {
                    text.clear();
                    paths.push_utf8(link.parent(), link.name(), text);
                    black_box(&text);
                }
            }
        };
        let flow = catalog.scan(&threads, state, work, |()| ControlFlow::<()>::Continue(()));
        assert!(flow.is_continue(), "nothing breaks the pass");
    });
}

/// The scan for what is left of a volume: every sector looked at, every record parsed.
fn carving_scan(criterion: &mut Criterion) {
    measure(criterion, "carving scan", &inputs(), |source| {
        black_box(Scanner::new(source).run_with(&Threads::single()));
    });
}

/// The tool's formats, each a run of the tool itself: `cargo build --release --example mft_dump` makes it.
fn formats(criterion: &mut Criterion) {
    let bench = env::current_exe().expect("the bench knows its own path");
    let tool = bench.ancestors().nth(2).expect("a bench lies in target/release/deps").join("examples/mft_dump");
    if !tool.exists() {
        return eprintln!("{} is not built: its formats are left out", tool.display());
    }
    for format in ["table", "csv", "jsonl", "bodyfile", "mftecmd-csv"] {
        let run = |input: &Input| {
            let mut command = Command::new(&tool);
            command.args(["-q", "--threads", "1", "--format", format]).arg(&input.path).stdout(Stdio::null());
            assert!(command.status().expect("the tool starts").success());
        };
        measure_inputs(criterion, format, &inputs(), run);
    }
}

/// One pass over a table on one thread; `work` gives a number that depends on the record.
fn pass(source: &source::FileSource, work: impl Fn(&Record<'_>) -> usize + Sync) {
    let volume = Volume::from_table(source).expect("the input is a table");
    let add = |sum: &mut usize, chunk: Chunk<'_>| {
        *sum += chunk.into_records().filter_map(|(_, record)| record.ok()).map(|record| work(&record)).sum::<usize>();
    };
    let flow = volume.mft().scan(&Threads::single(), add, |sum| {
        black_box(sum);
        ControlFlow::<()>::Continue(())
    });
    assert!(flow.is_continue(), "nothing breaks the pass");
}

criterion_group!(
    benches,
    bare_read,
    record_parse,
    attribute_walk,
    attribute_values,
    catalog_pass,
    full_paths,
    carving_scan,
    formats
);
criterion_main!(benches);
