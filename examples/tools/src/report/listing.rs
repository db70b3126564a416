//! Gathers what a report says where nothing is written out: by the metadata alone.

use std::ops::ControlFlow;

use ntfs_salvage::catalog::{Batch, Paths};
use ntfs_salvage::recoverability::{Assessment, ByteStatus};
use ntfs_salvage::{EntryState, Threads};

use crate::input::volumes::Opened;
use crate::report::Collector;
use crate::report::files::{Stream, is_there};

/// A stream that was found by a thread.
struct AssessedStream {
    path: Option<String>,
    name: String,
    record: u64,
    sequence: u16,
    state: EntryState,
    size: Option<u64>,
    verdict: &'static str,
    reasons: String,
    lost: Vec<(u64, u64, String)>,
}

/// Takes in a volume and its files, as far as `is_wanted` says of their state.
pub fn collect(
    collector: &mut Collector,
    opened: &Opened<'_>,
    assessment: &Assessment<'_>,
    is_wanted: impl Fn(EntryState) -> bool + Sync,
    threads: &Threads,
) {
    collector.volume(opened, assessment, threads);
    let catalog = assessment.catalog();
    let work = |paths: &mut Paths<'_>, batch: Batch<'_>| {
        let mut part = (Vec::new(), 0_u64);
        for entry in batch.into_entries().filter(|entry| is_wanted(entry.state())) {
            part.1 += u64::from(entry.is_directory());
            let link = entry.links().into_iter().next();
            for stream in &entry.streams() {
                let found = assessment.assess(stream);
                let lost = found.ranges().iter().filter(|part| !is_there(part.standing.code())).map(|part| {
                    let why = match part.standing {
                        ByteStatus::Claimed(by) | ByteStatus::Contested { by, .. } => {
                            format!("{} by {by}", part.standing.code())
                        }
                        standing => standing.code().to_owned(),
                    };
                    (part.range.offset, part.range.length, why)
                });
                let path = link.as_ref().map(|link| {
                    let mut text = String::new();
                    paths.push(link.parent(), link.name(), &mut text);
                    text
                });
                part.0.push(AssessedStream {
                    path,
                    name: stream.name().to_string(),
                    record: entry.record_number(),
                    sequence: entry.sequence_number(),
                    state: entry.state(),
                    size: stream.size(),
                    verdict: found.verdict().code(),
                    reasons: found.reasons().to_string(),
                    lost: lost.collect(),
                });
            }
        }
        part
    };
    let consume = |(found, directories): (Vec<AssessedStream>, u64)| {
        collector.directories += directories;
        found.into_iter().for_each(|found| add(collector, found));
        ControlFlow::<()>::Continue(())
    };
    let _ = catalog.scan(threads, || catalog.paths(), work, consume);
}

fn add(collector: &mut Collector, found: AssessedStream) {
    let AssessedStream { path, name, record, sequence, state, size, verdict, reasons, lost } = found;
    let path = path.unwrap_or_else(|| format!("<no name>/record {record}-{sequence}"));
    let state = state.name();
    let stream = Stream { path: &path, name: &name, record, sequence, state, size, verdict, reasons: &reasons, lost };
    collector.files.add(&stream);
}
