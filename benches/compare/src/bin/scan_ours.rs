//! Scans a source for what is left of NTFS volumes: `scan_ours [--threads N] FILE`.

use std::error::Error;

use ntfs_salvage::salvage::Scanner;
use ntfs_salvage::{Threads, source};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (threads, path) = match arguments.as_slice() {
        [path] => (1, path),
        [option, count, path] if option == "--threads" => (count.parse()?, path),
        _ => return Err("usage: scan_ours [--threads N] FILE".into()),
    };
    let source = source::open(path)?;
    let findings = Scanner::new(&source).run_with(&Threads::new(threads));
    println!("{} records, {} index records", findings.records().len(), findings.index_records().len());
    Ok(())
}
