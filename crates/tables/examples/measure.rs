//! Measures `ntfs-tables` on a generated table, alternately: `export` beside `mft_dump --format csv`, and a count with a filter
//! beside parsing every attribute of every record, which is the least that any answer from the table takes.
//!
//!     cargo build --release --bins --examples
//!     target/release/examples/measure FOLDER [RECORDS [ROUNDS [THREADS]]]
//!
//! FOLDER keeps the table. Each round runs all; what is printed is the median of the ratios of the rounds, and of the
//! times. Peak memory is that of the largest process, as Linux has it.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

#[path = "../../../benches/generator/mod.rs"]
#[allow(dead_code, reason = "others use more of it")]
mod generator;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("measure FOLDER [RECORDS [ROUNDS [THREADS]]]")?);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (records, rounds, threads) = (number(1_000_000)?, number(5)?, number(2)?.to_string());
    let table = folder.join(format!("generated-{records}.mft"));
    if !table.exists() {
        let mut out = BufWriter::new(File::create(&table)?);
        println!("{}", generator::Table { records, seed: 1, script: generator::Script::Latin }.write_to(&mut out)?);
    }
    let here = std::env::current_exe()?;
    let here = here.parent().ok_or("no folder")?;
    let (listing, dataset) = (folder.join("listing.csv"), folder.join("dataset"));
    let csv = |command: &mut Command| {
        command.arg(&table).args(["--format", "csv", "-q", "--force", "--threads", &threads, "-o"]).arg(&listing);
    };
    let export = |command: &mut Command| {
        command
            .arg("export")
            .arg(&table)
            .args(["-q", "--again", "--id", "table", "--threads", &threads, "-o"])
            .arg(&dataset);
    };
    let parse = |command: &mut Command| {
        command.args(["--threads", &threads]).arg(&table);
    };
    let count = |command: &mut Command| {
        let question = "SELECT count(*) FROM entries WHERE state = 'deleted'";
        command.args(["sql", "--threads", &threads, question]).arg(&table);
    };
    let (mut rows, mut counts) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let of_csv = run(&here.join("mft_dump"), csv)?;
        let of_export = run(&here.join("../ntfs-tables"), export)?;
        rows.push((of_export.0 / of_csv.0, of_csv, of_export));
        if !cfg!(feature = "sql") {
            continue;
        }
        let of_parse = run(&here.join("parse_ours"), parse)?;
        let of_count = run(&here.join("../ntfs-tables"), count)?;
        counts.push((of_count.0 / of_parse.0, of_parse, of_count));
    }
    let (ratio, of_csv, of_export) = median(&mut rows)?;
    let [csv_bytes, bytes] = [size(&listing)?, size(&dataset.join("entries/image=table/volume=at-0-loose.parquet"))?];
    println!("csv     {:.2} s, {} KiB at most, {csv_bytes} bytes", of_csv.0, of_csv.1);
    println!("parquet {:.2} s, {} KiB at most, {bytes} bytes", of_export.0, of_export.1);
    let percent = 100.0 * bytes as f64 / csv_bytes as f64;
    println!("time {ratio:.2} times ({}), {percent:.1} % of the bytes", all(&rows));
    if counts.is_empty() {
        return Ok(());
    }
    let (ratio, of_parse, of_count) = median(&mut counts)?;
    println!("parse   {:.2} s, {} KiB at most", of_parse.0, of_parse.1);
    println!("count   {:.2} s, {} KiB at most", of_count.0, of_count.1);
    println!("time {ratio:.2} times ({})", all(&counts));
    Ok(())
}

/// A ratio, and what was measured for it: seconds and KiB of either side.
type Pair = (f64, (f64, u64), (f64, u64));

fn median(pairs: &mut [Pair]) -> Result<Pair, Box<dyn Error>> {
    pairs.sort_by(|one, two| one.0.total_cmp(&two.0));
    Ok(*pairs.get(pairs.len() / 2).ok_or("no rounds")?)
}

fn all(pairs: &[Pair]) -> String {
    pairs.iter().map(|pair| format!("{:.2}", pair.0)).collect::<Vec<_>>().join(" ")
}

/// Runs a program: its seconds, and its peak memory in KiB, seen every few milliseconds.
fn run(program: &Path, arguments: impl Fn(&mut Command)) -> Result<(f64, u64), Box<dyn Error>> {
    let mut command = Command::new(program);
    arguments(&mut command);
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak = peak.max(peak_of(child.id()));
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    if !status.success() {
        return Err(format!("{} failed", program.display()).into());
    }
    Ok((start.elapsed().as_secs_f64(), peak))
}

fn peak_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn size(path: &Path) -> Result<u64, Box<dyn Error>> {
    Ok(fs::metadata(path)?.len())
}
