//! Decodes every attribute of every record of a bare table with the crate `mft`.

use std::hint::black_box;
use std::process::ExitCode;

use mft::MftParser;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let path = std::env::args_os().next_back().ok_or("no file given")?;
    let mut parser = MftParser::from_path(path)?;
    let (mut records, mut attributes, mut errors) = (0_u64, 0_u64, 0_u64);
    for entry in parser.iter_entries() {
        let Ok(entry) = entry else {
            errors += 1;
            continue;
        };
        records += 1;
        // A slot without a signature has no attributes, and asking for them is an error.
        if !entry.header.is_valid() {
            continue;
        }
        for attribute in entry.iter_attributes() {
            match attribute {
                Ok(attribute) => attributes += u64::from(black_box(attribute).header.type_code as u32 != 0),
                Err(_) => errors += 1,
            }
        }
    }
    println!("{records} records, {attributes} attributes, {errors} errors");
    Ok(ExitCode::SUCCESS)
}
