//! Walks the attributes of every record of a volume with the crate `ntfs`, decoding what it decodes itself.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Seek};

use ntfs::structured_values::{NtfsFileName, NtfsStandardInformation};
use ntfs::{Ntfs, NtfsAttribute, NtfsAttributeType, NtfsFile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().next_back().ok_or("no file given")?;
    // Unbuffered: the crate seeks before each record, which empties a buffer. One of 8 KiB takes twice the time,
    // one of 1 MiB thirty times.
    let mut volume = File::open(path)?;
    let ntfs = Ntfs::new(&mut volume)?;
    let table = ntfs.file(&mut volume, 0)?;
    let data = table.data(&mut volume, "").ok_or("the table has no stream")??;
    let records = data.to_attribute()?.value_length() / u64::from(ntfs.file_record_size());
    let (mut read, mut attributes, mut errors) = (0_u64, 0_u64, 0_u64);
    for number in 0..records {
        match ntfs.file(&mut volume, number) {
            Ok(file) => {
                read += 1;
                walk(&file, &mut volume, &mut attributes, &mut errors);
            }
            Err(_) => errors += 1,
        }
    }
    println!("{read} records, {attributes} attributes, {errors} errors");
    Ok(())
}

fn walk(file: &NtfsFile<'_>, volume: &mut (impl Read + Seek), attributes: &mut u64, errors: &mut u64) {
    for attribute in file.attributes_raw() {
        match attribute.and_then(|attribute| decode(&attribute, volume)) {
            Ok(()) => *attributes += 1,
            Err(_) => *errors += 1,
        }
    }
}

fn decode(attribute: &NtfsAttribute<'_, '_>, volume: &mut (impl Read + Seek)) -> ntfs::Result<()> {
    match attribute.ty()? {
        NtfsAttributeType::StandardInformation => {
            black_box(attribute.resident_structured_value::<NtfsStandardInformation>()?);
        }
        NtfsAttributeType::FileName => {
            black_box(attribute.structured_value::<_, NtfsFileName>(volume)?);
        }
        _ => {
            black_box(attribute.value_length());
        }
    }
    Ok(())
}
