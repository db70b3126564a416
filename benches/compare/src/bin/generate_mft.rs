//! Writes a generated bare `$MFT`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Parser;

#[path = "../../../generator/mod.rs"]
mod generator;

use generator::Table;

#[derive(Parser)]
#[command(about = "Write a generated $MFT")]
struct Arguments {
    /// How many records
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Another seed, another table
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to
    output: PathBuf,
}

fn main() -> io::Result<()> {
    let Arguments { records, seed, output } = Arguments::parse();
    let mut out = BufWriter::with_capacity(1 << 20, File::create(output)?);
    let summary = Table { records, seed }.write_to(&mut out)?;
    out.flush()?;
    eprintln!("{summary}");
    Ok(())
}
