//! Writes a generated bare `$MFT`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;

#[path = "../../../generator/mod.rs"]
mod generator;

use generator::{Script, Table};

#[derive(Parser)]
#[command(about = "Write a generated $MFT")]
struct Arguments {
    /// How many records
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Another seed, another table
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The script of most names
    #[arg(long, default_value = "latin", value_parser = PossibleValuesParser::new(Script::NAMES.map(|(name, _)| name)))]
    script: String,
    /// Where to
    output: PathBuf,
}

fn main() -> io::Result<()> {
    let Arguments { records, seed, script, output } = Arguments::parse();
    let script =
        Script::NAMES.into_iter().find(|(name, _)| *name == script).map_or(Script::Latin, |(_, script)| script);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(output)?);
    let summary = Table { records, seed, script }.write_to(&mut out)?;
    out.flush()?;
    eprintln!("{summary}");
    Ok(())
}
