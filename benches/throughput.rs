//! How many bytes and records a second the library gets through.
//!
//! The input is a generated table of 100,000 records, and the bare `$MFT` that the environment variable
//! `NTFS_SALVAGE_BENCH_FILE` names, where it is set. Each group takes every input; add one by adding a function
//! to `criterion_group!` below. What other libraries take for the same work is measured by `benches/compare`.

use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ntfs_salvage::source::{self, Source};

mod generator;

use generator::{RECORD_SIZE, Table};

const GENERATED: Table = Table { records: 100_000, seed: 1 };
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
fn measure(criterion: &mut Criterion, name: &str, inputs: &[Input], mut job: impl FnMut(&source::File)) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    for input in inputs {
        let source = source::open(&input.path).expect("the input can be opened");
        let throughput = Throughput::ElementsAndBytes { elements: input.records(), bytes: input.bytes };
        group.throughput(throughput);
        group.bench_function(BenchmarkId::from_parameter(&input.name), |bencher| bencher.iter(|| job(&source)));
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

criterion_group!(benches, bare_read);
criterion_main!(benches);
