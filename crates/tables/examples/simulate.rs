//! Simulates a dataset of a fleet from what a few images of it cost here: bytes, files, row groups, and the time of the
//! questions in `queries/`. Nothing here was measured on a fleet.
//!
//!     cargo build --release --bins --examples
//!     target/release/examples/simulate FOLDER [IMAGES [ENTRIES [MACHINES]]]
//!
//! FOLDER gets four datasets of one generated image each; images differ in seed. Each question is asked of one and of all
//! four, three times, and the median counts: the difference is what an image costs, the rest is what a question costs.
//!
//! Assumptions, which the answer repeats:
//!
//! 1. An image is a bare table of ENTRIES records, as the generator makes them. Such a table says nothing of clusters, so that the table
//!    of ranges is empty: real images have rows there, as many as they lost files.
//! 2. Time grows with images as it did from one to four. What a question keeps (groups by name and size) fits in memory.
//! 3. Machines are like this one, share nothing, and share the images evenly; putting their answers together takes no time.
//! 4. Files are in the page cache. Read from elsewhere, the bytes of the dataset at 500 MB/s for a machine are the upper bound
//!    of what is added: engines read only the columns that they need.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ntfs_salvage_tables::sql::{Output, Question};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};

#[path = "../../../benches/generator/mod.rs"]
#[allow(dead_code, reason = "others use more of it")]
mod generator;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How many images are measured.
const SAMPLE: u64 = 4;
/// Bytes a second that a machine is taken to read.
const READING: f64 = 500e6;
const QUESTIONS: [&str; 5] =
    ["deleted_before.sql", "timestomped.sql", "streams_by_name.sql", "biggest_losses.sql", "same_on_several.sql"];

/// What the datasets are, together.
#[derive(Debug, Default)]
struct Sizes {
    bytes: u64,
    files: u64,
    rows: u64,
    row_groups: u64,
    /// Bytes that are no data: footers and page indexes.
    footers: u64,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("simulate FOLDER [IMAGES [ENTRIES [MACHINES]]]")?);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse::<u64>());
    let (images, entries, machines) = (number(5000)?, number(500_000)?, number(10)?.max(1));
    let threads = std::thread::available_parallelism()?.get();
    let (mut sizes, mut seconds, mut datasets) = (Sizes::default(), Vec::new(), Vec::new());
    for seed in 1..=SAMPLE {
        let dataset = folder.join(format!("machine-{seed}"));
        seconds.push(export(&folder, &dataset, seed, entries)?);
        add(&dataset, &mut sizes)?;
        datasets.push(dataset);
    }
    let exporting = median(seconds);
    let scale = images as f64 / SAMPLE as f64;
    let gigabytes = sizes.bytes as f64 * scale / 1e9;
    println!("SIMULATION of {images} images of {entries} records, from {SAMPLE} of them measured on {threads} threads");
    println!(
        "assumed: time is linear in images; {machines} machines like this one share them evenly; files are cached;"
    );
    println!("         images are generated tables without clusters, so without rows of ranges\n");
    println!("{:>16.0} rows of entries", sizes.rows as f64 * scale);
    println!("{gigabytes:>16.1} GB, {:.2} % of them footers", 100.0 * sizes.footers as f64 / sizes.bytes as f64);
    println!("{:>16.0} files", sizes.files as f64 * scale);
    println!("{:>16.0} row groups", sizes.row_groups as f64 * scale);
    let share = images as f64 / machines as f64;
    println!("{:>16.0} s to export on {machines} machines ({exporting:.2} s an image)", exporting * share);
    println!(
        "{:>16.0} s at most to read all of it, at 500 MB/s a machine\n",
        gigabytes * 1e9 / machines as f64 / READING
    );
    println!("{:<24}{:>10}{:>12}{:>14}{:>14}", "question", "one, s", "four, s", "an image, ms", "all, s");
    for name in QUESTIONS {
        let one = ask(name, datasets.get(..1).unwrap_or_default())?;
        let four = ask(name, &datasets)?;
        let image = ((four - one) / (SAMPLE - 1) as f64).max(0.0);
        let all = (one - image).max(0.0) + image * share;
        println!("{name:<24}{one:>10.3}{four:>12.3}{:>14.1}{all:>14.1}", image * 1000.0);
    }
    Ok(())
}

/// Exports a generated image: its seconds.
fn export(folder: &Path, dataset: &Path, seed: u64, records: u64) -> Result<f64> {
    fs::create_dir_all(folder)?;
    let table = folder.join(format!("machine-{seed}.mft"));
    let mut out = BufWriter::new(File::create(&table)?);
    generator::Table { records, seed, script: generator::Script::Latin }.write_to(&mut out)?;
    drop(out);
    let program = std::env::current_exe()?.with_file_name("../ntfs-tables");
    let start = Instant::now();
    let mut command = Command::new(program);
    command.arg("export").arg(&table).args(["-q", "--again", "--id", &format!("machine-{seed}"), "-o"]).arg(dataset);
    if !command.status()?.success() {
        return Err("the export failed".into());
    }
    let seconds = start.elapsed().as_secs_f64();
    fs::remove_file(table)?;
    Ok(seconds)
}

/// Adds what the files of a dataset are.
fn add(folder: &Path, sizes: &mut Sizes) -> Result<()> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() {
            add(&path, sizes)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            let bytes = path.metadata()?.len();
            let reader = SerializedFileReader::new(File::open(&path)?)?;
            let groups = reader.metadata().row_groups();
            let data: i64 = groups.iter().map(RowGroupMetaData::compressed_size).sum();
            sizes.bytes += bytes;
            sizes.files += 1;
            sizes.row_groups += groups.len() as u64;
            sizes.footers += bytes.saturating_sub(u64::try_from(data)?);
            if path.components().any(|part| part.as_os_str() == "entries") {
                sizes.rows += u64::try_from(reader.metadata().file_metadata().num_rows())?;
            }
        }
    }
    Ok(())
}

/// The median of three times of a question, in seconds.
fn ask(name: &str, datasets: &[PathBuf]) -> Result<f64> {
    let sql = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("queries").join(name))?;
    let question = Question { sql, inputs: datasets.to_vec(), options: Vec::new(), threads: 0 };
    let mut seconds = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        question.ask(Output::Csv, &mut io::sink())?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(median(seconds))
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}
