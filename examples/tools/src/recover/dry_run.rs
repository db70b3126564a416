//! What would be written, and how much room that needs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use ntfs_salvage::catalog::{Batch, Paths};
use ntfs_salvage::recoverability::{Assessment, Verdict};
use ntfs_salvage::{Catalog, Entry, Threads};

use crate::command::failure::Failure;
use crate::files::verified_content::{is_live, is_written};
use crate::input::volumes::Opened;
use crate::recover::arguments::Arguments;
use crate::recover::plan::job::Obstacle;
use crate::recover::plan::naming::{each_link, parts_of};
use crate::recover::plan::selection::Selection;

/// Streams and bytes.
#[derive(Debug, Default)]
struct Counts {
    written: u64,
    bytes: u64,
    /// The same in blocks of the output.
    room: u64,
    without_content: u64,
    too_large: u64,
    directories: u64,
    verdicts: BTreeMap<&'static str, u64>,
}

/// Bytes that most file systems give out at once.
const BLOCK: u64 = 4096;

/// Tells what a run with these arguments would write, and writes nothing.
pub fn run(
    arguments: &Arguments,
    volumes: &[Opened<'_>],
    selection: &Selection,
    threads: &Threads,
) -> Result<(), Failure> {
    let mut text = String::new();
    let mut room = 0_u64;
    for opened in volumes {
        let count = |catalog: Catalog<'_>| count(&catalog, arguments, selection, threads);
        let counts = opened.with_catalog(threads, arguments.input.ghosts, count);
        text.push_str(&format!("{opened}\n{}", counts.text()));
        room = room.saturating_add(counts.room);
    }
    text.push_str(&format!("needs {room} bytes"));
    if let Some(free) = free_space(&arguments.directory) {
        let is_enough = if free < room { ": not enough" } else { "" };
        text.push_str(&format!(", {free} are free in {}{is_enough}", arguments.directory.display()));
    }
    text.push('\n');
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::of_writing("to the standard output", &error))
}

fn count(catalog: &Catalog<'_>, arguments: &Arguments, selection: &Selection, threads: &Threads) -> Counts {
    let options = arguments.recoverability_options();
    let assessment = catalog.assessment(threads, options);
    let mut counts = Counts::default();
    let work = |(paths, text): &mut (Paths<'_>, String), batch: Batch<'_>| {
        let mut part = Counts::default();
        let entries = batch.into_entries().filter(|entry| selection.entry(entry));
        entries.for_each(|entry| part.add_entry(&entry, &assessment, selection, (paths, text)));
        part
    };
    let _ = catalog.scan(
        threads,
        || (catalog.paths(), String::new()),
        work,
        |part| {
            counts.add(part);
            ControlFlow::<()>::Continue(())
        },
    );
    counts
}

impl Counts {
    fn add_entry(
        &mut self,
        entry: &Entry<'_>,
        assessment: &Assessment<'_>,
        selection: &Selection,
        (paths, text): (&mut Paths<'_>, &mut String),
    ) {
        let parts = parts_of(entry);
        let mut names = 0;
        each_link(&parts.links, selection, (paths, text), |_, _, path| names += u64::from(path != "/"));
        let is_nameless = parts.links.is_empty() && selection.nameless();
        if names == 0 && !is_nameless {
            return;
        }
        self.directories += if entry.is_directory() { names } else { 0 };
        let is_live = is_live(entry);
        for stream in &parts.streams {
            let found = assessment.assess(stream);
            if !selection.verdict(found.verdict()) {
                continue;
            }
            match Obstacle::of(&found, selection) {
                Some(Obstacle::TooLarge) => self.too_large += 1,
                Some(Obstacle::NothingLeft) => self.without_content += 1,
                None => {
                    let there = found.ranges().iter().filter(|part| is_written(part.standing, is_live));
                    let bytes = there.fold(0_u64, |sum, part| sum.saturating_add(part.range.length));
                    self.written += 1;
                    self.bytes = self.bytes.saturating_add(bytes);
                    self.room = self.room.saturating_add(bytes.div_ceil(BLOCK).saturating_mul(BLOCK));
                }
            }
            *self.verdicts.entry(Verdict::code(found.verdict())).or_default() += 1;
        }
    }

    fn add(&mut self, other: Self) {
        self.written += other.written;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.room = self.room.saturating_add(other.room);
        self.without_content += other.without_content;
        self.too_large += other.too_large;
        self.directories += other.directories;
        other.verdicts.into_iter().for_each(|(verdict, count)| *self.verdicts.entry(verdict).or_default() += count);
    }

    fn text(&self) -> String {
        let verdicts: Vec<_> = self.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        let mut text = format!(
            "  would write {} streams, {} bytes, and {} directories\n  verdicts {}\n",
            self.written,
            self.bytes,
            self.directories,
            verdicts.join(", ")
        );
        let others = [("nothing left of", self.without_content), ("larger than asked for", self.too_large)];
        for (what, count) in others.into_iter().filter(|(_, count)| *count > 0) {
            text.push_str(&format!("  {what}: {count}\n"));
        }
        text
    }
}

/// Bytes that are free where the directory is, or would be.
#[cfg(unix)]
fn free_space(directory: &Path) -> Option<u64> {
    let absolute = std::path::absolute(directory).ok()?;
    let found = absolute.ancestors().find_map(|path| rustix::fs::statvfs(path).ok())?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<u64> {
    None
}
