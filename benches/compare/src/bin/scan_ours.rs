//! Scans a source for what is left of NTFS volumes.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use ntfs_salvage::salvage::Scanner;
use ntfs_salvage::{Threads, source};

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 1)]
    threads: usize,
    file: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { threads, file } = Arguments::parse();
    let source = source::open(&file)?;
    let findings = Scanner::new(&source).run_with(&Threads::new(threads));
    println!("{} records, {} index records", findings.records().len(), findings.index_records().len());
    Ok(())
}
