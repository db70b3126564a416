//! Decodes every attribute of every record of a bare table with this library.

use std::error::Error;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Parser;
use ntfs_salvage::structure::Attribute;
use ntfs_salvage::structure::value::Value;
use ntfs_salvage::volume::Chunk;
use ntfs_salvage::{Damage, Threads, Volume, source};

#[derive(Default)]
struct Counted {
    records: u64,
    attributes: u64,
    errors: u64,
}

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 1)]
    threads: usize,
    file: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { threads, file } = Arguments::parse();
    let source = source::open(&file)?;
    let volume = Volume::from_table(&source)?;
    let mut total = Counted::default();
    let flow = volume.mft().scan(&Threads::new(threads), count, |part| {
        total.records += part.records;
        total.attributes += part.attributes;
        total.errors += part.errors;
        ControlFlow::<()>::Continue(())
    });
    assert!(flow.is_continue(), "nothing breaks the pass");
    println!("{} records, {} attributes, {} errors", total.records, total.attributes, total.errors);
    Ok(())
}

fn count(counted: &mut Counted, chunk: Chunk<'_>) {
    for (_, record) in chunk.into_records() {
        let Ok(record) = record else { continue };
        counted.records += 1;
        for attribute in record.attributes() {
            match attribute.and_then(|attribute| decode(&attribute)) {
                Ok(()) => counted.attributes += 1,
                Err(_) => counted.errors += 1,
            }
        }
    }
}

/// The value by its type, and all runs of a non-resident one, as the other side decodes them.
fn decode(attribute: &Attribute<'_>) -> Result<(), Damage> {
    match attribute.value()? {
        Value::DataRuns(non_resident) => {
            for run in non_resident.data_runs()? {
                black_box(run?);
            }
        }
        value => {
            black_box(value);
        }
    }
    Ok(())
}
