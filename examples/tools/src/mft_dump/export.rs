//! The export of a table: as a file of its own, record behind record.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use ntfs_salvage::Threads;
use ntfs_salvage::volume::Chunk;

use crate::command::failure::{Failure, say};
use crate::input::evidence;
use crate::input::volumes::Opened;
use crate::mft_dump::arguments::Arguments;
use crate::mft_dump::output::Output;

/// A part of the table: its bytes, and how many of its records are not all there.
struct Part {
    bytes: Vec<u8>,
    incomplete: usize,
}

/// Writes the table of a volume as a new file, as it is on disk. What has no place or cannot be read
/// is zeros in it.
pub fn export(opened: &Opened<'_>, path: &Path, arguments: &Arguments, threads: &Threads) -> Result<(), Failure> {
    evidence::refuse_as_output(&arguments.input.path, path)?;
    if path.symlink_metadata().is_ok() {
        return Err(Failure::Message(format!("{} exists: a table is exported to a new file", path.display())));
    }
    let mut output = Output::open(Some(path), false, &arguments.input.path)?;
    let mft = opened.volume.mft();
    let record_size = u64::from(mft.record_size());
    let work = |(): &mut (), chunk: Chunk<'_>| part_of(&chunk, record_size);
    let (mut records, mut incomplete) = (0, 0);
    let flow = mft.scan_with(
        threads,
        || (),
        work,
        |part| {
            records += part.bytes.len() as u64 / record_size;
            incomplete += part.incomplete;
            match output.write(&part.bytes) {
                Ok(()) => ControlFlow::Continue(()),
                Err(failure) => ControlFlow::Break(failure),
            }
        },
    );
    if let ControlFlow::Break(failure) = flow {
        return Err(failure);
    }
    output.finish()?;
    if !arguments.quiet {
        let zeros = match incomplete {
            0 => "all of them from the input".to_owned(),
            count => format!("{count} of them zeros in part or as a whole: they have no known place or cannot be read"),
        };
        say(format_args!("{}: {records} records of {record_size} bytes, {zeros}", path.display()));
    }
    Ok(())
}

fn part_of(chunk: &Chunk<'_>, record_size: u64) -> Part {
    let is_incomplete = |number: u64| {
        let (start, end) = (number * record_size, (number + 1) * record_size);
        chunk.missing().iter().any(|range: &Range<u64>| range.start < end && start < range.end)
    };
    let incomplete = chunk.slots().filter(|(number, _)| is_incomplete(*number)).count();
    Part { bytes: chunk.slots().flat_map(|(_, slot)| slot).copied().collect(), incomplete }
}
