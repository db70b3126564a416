//! Recovers the files of a volume with this library's tool and with `tsk_recover -e`, in turns, and reads all
//! streams beside a bare read of their clusters. Prints the medians and the medians of each round's ratios.
//!
//! `testdata/make_large.py tree IMAGE` makes a volume for it; DIR should lie in memory.
//! `cargo run --release --manifest-path benches/compare/Cargo.toml --bin recover -- IMAGE DIR [--rounds N]`

use std::error::Error;
use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use ntfs_salvage::catalog::Batch;
use ntfs_salvage::content::Origin;
use ntfs_salvage::source::{self, PageBuffer, Source};
use ntfs_salvage::{Catalog, Threads, Volume};

/// What is read at once.
const BUFFER: usize = 1 << 20;

/// Time of recovering files beside another tool, and of reading streams beside reading their clusters.
#[derive(Parser, Debug)]
struct Arguments {
    /// A volume image
    image: PathBuf,
    /// A folder to recover into; what is recovered is deleted again
    directory: PathBuf,
    /// How often every command runs; the first run of each, which warms the cache, is not counted
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// What a run took.
#[derive(Clone, Copy)]
struct Taken {
    wall: Duration,
    user: Duration,
    system: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let ours = build()?;
    let sides = [
        ("tsk_recover -e", Path::new("tsk_recover"), vec!["-e"], vec![]),
        ("recover --no-hash", &ours, vec![], vec!["-q", "--no-hash"]),
        ("recover", &ours, vec![], vec!["-q"]),
    ];
    let mut rounds: Vec<Vec<Taken>> = Vec::new();
    for round in 0..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        let run = |(_, program, before, behind): &(_, &Path, Vec<&str>, Vec<&str>)| {
            let output = arguments.directory.join("recovered");
            let mut command = Command::new(program);
            command.args(before).arg(&arguments.image);
            let is_ours = *program != Path::new("tsk_recover");
            command.args(is_ours.then_some("-d")).arg(&output).args(behind);
            let taken = measure(&mut command);
            std::fs::remove_dir_all(&output).and(taken)
        };
        let taken = sides.iter().map(run).collect::<io::Result<Vec<_>>>()?;
        if round > 0 {
            rounds.push(taken);
        }
    }
    for (index, (name, ..)) in sides.iter().enumerate() {
        let of = |what: fn(Taken) -> Duration| median(rounds.iter().map(|round| what(round[index]).as_secs_f64()));
        let ratio = |what: fn(Taken) -> Duration| {
            median(rounds.iter().map(|round| what(round[0]).as_secs_f64() / what(round[index]).as_secs_f64()))
        };
        println!(
            "{name:18} {:.2} s wall ({:.1}x), {:.3} s user ({:.1}x), {:.2} s system",
            of(|taken| taken.wall),
            ratio(|taken| taken.wall),
            of(|taken| taken.user),
            ratio(|taken| taken.user),
            of(|taken| taken.system)
        );
    }
    streams(&arguments)
}

fn build() -> Result<PathBuf, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--quiet", "--example", "recover"]).current_dir(&root);
    match cargo.status()?.success() {
        true => Ok(root.join("target/release/examples/recover")),
        false => Err("the tool cannot be built".into()),
    }
}

fn measure(command: &mut Command) -> io::Result<Taken> {
    let (user, system) = of_children()?;
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    let wall = start.elapsed();
    let (user_after, system_after) = of_children()?;
    match status.success() {
        true => Ok(Taken { wall, user: user_after - user, system: system_after - system }),
        false => Err(io::Error::other(format!("{command:?}: {status}"))),
    }
}

/// Processor time of all children that have ended.
fn of_children() -> io::Result<(Duration, Duration)> {
    let mut usage = MaybeUninit::zeroed();
    // SAFETY: the pointer is to a live local.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed is a valid rusage, and the kernel has filled it.
    let usage: libc::rusage = unsafe { usage.assume_init() };
    let duration = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Ok((duration(usage.ru_utime), duration(usage.ru_stime)))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Reads every stream into nothing, on one thread, and then only their clusters, run by run, into one buffer.
fn streams(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let source = source::open(&arguments.image)?;
    let volume = Volume::open(&source)?;
    let catalog = volume.catalog();
    let clusters = clusters(&catalog);
    let bytes: u64 = clusters.iter().map(|(_, length)| length).sum();
    let mut rounds = Vec::new();
    let mut page_buffer = PageBuffer::new(BUFFER);
    let buffer = page_buffer.bytes();
    for round in 0..=arguments.rounds {
        let start = Instant::now();
        let read = |buffer: &mut PageBuffer, batch: Batch<'_>| -> io::Result<()> {
            for entry in batch.into_entries() {
                for stream in entry.streams() {
                    stream.reader().copy_through(buffer.bytes(), &mut io::sink())?;
                }
            }
            Ok(())
        };
        let flow = catalog.scan(
            &Threads::single(),
            || PageBuffer::new(BUFFER),
            read,
            |done| match done {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            },
        );
        if let ControlFlow::Break(error) = flow {
            return Err(error.into());
        }
        let ours = start.elapsed();
        let start = Instant::now();
        for &(position, length) in &clusters {
            for at in (position..position + length).step_by(buffer.len()) {
                let part = (position + length - at).min(buffer.len() as u64) as usize;
                black_box(source.read_at(at, &mut buffer[..part])?);
            }
        }
        let bare = start.elapsed();
        if round > 0 {
            rounds.push((ours.as_secs_f64(), bare.as_secs_f64()));
        }
    }
    println!(
        "all streams to a sink: {:.2} s; a bare read of their {} MiB of clusters: {:.2} s; {:.2}x",
        median(rounds.iter().map(|(ours, _)| *ours)),
        bytes >> 20,
        median(rounds.iter().map(|(_, bare)| *bare)),
        median(rounds.iter().map(|(ours, bare)| ours / bare))
    );
    Ok(())
}

/// Where the bytes of all streams lie, in the order of the table.
fn clusters(catalog: &Catalog<'_>) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for entry in catalog.entries() {
        for stream in entry.streams() {
            let map = stream.map();
            found.extend(map.ranges().iter().filter_map(|range| match range.origin {
                Origin::Clusters(position) => Some((position, range.length)),
                _ => None,
            }));
        }
    }
    found
}
