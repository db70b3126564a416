//! Writes a stream of a volume image to the standard output, and what is known about it to the
//! standard error: `read_stream IMAGE RECORD [NAME]`.

use std::error::Error;
use std::io;

use ntfs_salvage::catalog::RecoverabilityOptions;
use ntfs_salvage::{Threads, Volume};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: read_stream IMAGE RECORD [NAME]";
    let mut arguments = std::env::args().skip(1);
    let (image, record) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?.parse()?);
    let name = arguments.next().unwrap_or_default();

    let source = ntfs_salvage::source::open(image)?;
    let volume = Volume::open(&source)?;
    let catalog = volume.catalog();
    let entry = catalog.entry(record)?;
    let streams = entry.streams();
    let stream = streams.iter().find(|stream| stream.name().is(&name)).ok_or("the file has no such stream")?;

    let assessment = catalog.assessment(&Threads::default(), RecoverabilityOptions::default());
    let left = assessment.assess(stream);
    eprintln!("{} {} {}", entry.state().name(), left.verdict(), left.reasons());
    for assessed in left.ranges() {
        let (range, standing) = (assessed.range, assessed.standing);
        eprintln!("{:>12}..{:<12} {:?} {standing:?}", range.offset, range.end(), range.origin);
    }
    let mut reader = stream.reader();
    for range in reader.copy_to(&mut io::stdout().lock())? {
        eprintln!("{:>12}..{:<12} {:?} written as zeros or unproven", range.offset, range.end(), range.origin);
    }
    Ok(())
}
