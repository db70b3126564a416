//! Walks the attributes of a record: `walk_attributes IMAGE [RECORD]` (the root directory's by default).

use std::error::Error;

use ntfs_salvage::Volume;
use ntfs_salvage::structure::value::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let image = arguments.next().ok_or("usage: walk_attributes IMAGE [RECORD]")?;
    let number = arguments.next().map_or(Ok(5), |number| number.parse())?;
    let source = ntfs_salvage::source::open(image)?;
    let volume = Volume::open(&source).or_else(|_| Volume::from_table(&source))?;

    // The record owns its bytes; everything below borrows from it.
    let record = volume.mft().record(number)?;
    println!("record {}, {:?}", record.reference(), record.header().flags());
    for damage in record.damage() {
        println!("  ! {damage}");
    }
    for attribute in record.attributes() {
        // An attribute that cannot be read is damage in its place, and the walk goes on.
        let attribute = match attribute {
            Ok(attribute) => attribute,
            Err(damage) => {
                println!("  ! {damage}");
                continue;
            }
        };
        println!("  {} {:?} at {:#x}", attribute.attribute_type(), attribute.name(), attribute.place().offset);
        match attribute.value() {
            Ok(Value::StandardInformation(information)) => println!("    modified {}", information.modified()),
            Ok(Value::FileName(name)) => println!("    {:?} in {}", name.name(), name.parent()),
            Ok(Value::Data(bytes)) => println!("    {} bytes of content", bytes.len()),
            Ok(Value::IndexRoot(index)) => println!("    {} entries in the root node", index.entries().count()),
            Ok(Value::DataRuns(non_resident)) => {
                println!("    {} bytes in clusters", non_resident.data_size());
                for run in non_resident.data_runs()? {
                    println!("    {:?}", run?);
                }
            }
            Ok(value) => println!("    {value:?}"),
            Err(damage) => println!("    ! {damage}"),
        }
    }
    Ok(())
}
