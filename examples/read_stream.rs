//! Reads one stream by its path, and says what it is worth: `read_stream IMAGE /path/to/file[:stream] > FILE`.

use std::error::Error;
use std::io;

use ntfs_salvage::recoverability::RecoverabilityOptions;
use ntfs_salvage::{Entry, EntryState, Threads, Volume};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(image), Some(wanted)) = (arguments.next(), arguments.next()) else {
        return Err("usage: read_stream IMAGE /path/to/file[:stream]".into());
    };
    let (path, name) = wanted.split_once(':').unwrap_or((&wanted, ""));
    let source = ntfs_salvage::source::open(image)?;
    let volume = Volume::open(&source)?;
    let catalog = volume.catalog();

    // Deleted files are found as well; one that exists comes before them.
    let has_path = |entry: &Entry<'_>| entry.paths().any(|found| found.text == path);
    let mut found: Vec<_> = catalog.entries().filter(has_path).collect();
    found.sort_by_key(|entry| entry.state() != EntryState::Live);
    let entry = found.first().ok_or("no file has this path")?;
    let streams = entry.streams();
    let stream = streams.iter().find(|stream| stream.name().is(name)).ok_or("the file has no such stream")?;

    // What other files and the volume's bitmap say about its clusters.
    let assessment = catalog.assessment(&Threads::default(), RecoverabilityOptions::default());
    let recoverability = assessment.assess(stream);
    eprintln!("record {}: {} {}", entry.reference(), recoverability.verdict(), recoverability.reasons());
    for assessed in recoverability.ranges() {
        eprintln!("{:>12} {:>12} bytes  {:?}", assessed.range.offset, assessed.range.length, assessed.standing);
    }

    // Zeros stand for what is missing; the ranges passed over say where.
    for range in stream.reader().copy_to(&mut io::stdout().lock())? {
        eprintln!("not proven: {} bytes at {}", range.length, range.offset);
    }
    Ok(())
}
