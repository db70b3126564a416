//! Lists the files of NTFS volumes: of a disk image, of a volume, or of a bare `$MFT`.
//!
//! SCHEMA.md describes the formats, DIFFERENCES.md what differs on purpose from the tools whose
//! formats are followed.

mod arguments;
mod attribute_ids;
mod bodyfile;
mod csv;
mod export;
mod jsonl;
mod listing;
mod mftecmd;
mod output;
mod progress;
mod recent;
mod record_view;
mod rows;
mod summary;
mod table;
mod time;
mod timesketch;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use ntfs_salvage::Threads;
use ntfs_salvage::source::{Ledger, RescuedOnly, Source};

use crate::command::failure::Failure;
use crate::command::record_choice::RecordChoice;
use crate::input::container;
use crate::input::header;
use crate::input::identity::Identity;
use crate::input::map_file::MapFile;
use crate::input::rescue_map;
use crate::input::short_reads::ShortReads;
use crate::input::unread::Accounting;
use crate::input::volumes::{Input, Opened, Volumes};
use crate::report::{Collector, ReportFile};
use crate::writing::json::Json;
use arguments::{Arguments, Format};
use listing::Listing;
use output::Output;
use progress::Progress;
use rows::Rows;

/// The command line, for its man page and completions.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.verify_content && !rows_of(arguments).shows_verdicts() {
        let what = "--verify-content changes verdicts, which only the formats table, csv and jsonl have";
        command().error(clap::error::ErrorKind::ArgumentConflict, what).exit();
    }
    let file = container::open(&arguments.input, arguments.quiet)?;
    let outputs = [
        &arguments.report,
        &arguments.output,
        &arguments.input.write_map,
        &arguments.input.scan_file,
        &arguments.export_mft,
    ];
    container::protect(&file, outputs.map(|path| path.as_deref()))?;
    let (hashes, unverified) = container::verified(&file, arguments.input.verify_input, arguments.quiet);
    let mut described = Vec::new();
    container::write(&file, &hashes, &mut Json { out: &mut described });
    match rescue_map::read(&arguments.input, file.size(), arguments.quiet)? {
        Some(map) => read_noting(arguments, &RescuedOnly::new(&file, map), &described),
        None => read_noting(arguments, &file, &described),
    }?;
    unverified.map_or(Ok(()), Err)
}

/// Reads, and writes the map of what could be read if that is asked for.
fn read_noting(arguments: &Arguments, source: &dyn Source, container: &[u8]) -> Result<(), Failure> {
    let map = MapFile::create(arguments.input.write_map.as_deref(), &arguments.input.path)?;
    let ledger = Ledger::new(source).remember_reads(map.is_some());
    let result = read(arguments, &ledger, container);
    result.and(map.map_or(Ok(()), |map| map.write(&ledger)))
}

fn read(arguments: &Arguments, source: &Ledger<'_>, container: &[u8]) -> Result<(), Failure> {
    let short = ShortReads::new(source);
    let input = Input::new(&short, &arguments.input);
    let threads = Threads::new(arguments.threads);
    let Volumes { opened: volumes, failure: unopened, accounting } = input.volumes(&threads, arguments.quiet)?;
    if let Some(path) = &arguments.export_mft {
        export::export(the_one(&volumes)?, path, arguments, &threads)?;
        return unopened.map_or(Ok(()), Err);
    }
    let report = ReportFile::create(arguments.report.as_deref(), &arguments.input.path)?;
    let collector = report.as_ref().map(|_| Mutex::new(collector(arguments, source, container, &accounting)));
    let mut output = Output::open(arguments.output.as_deref(), arguments.force, &arguments.input.path)?;
    match arguments.record {
        Some(choice) => show_record(the_one(&volumes)?, choice, &mut output)?,
        None => list(arguments, &volumes, &threads, &mut output, collector.as_ref())?,
    }
    output.finish()?;
    if let (Some(report), Some(collector)) = (report, collector) {
        let mut collector = collector.into_inner().unwrap_or_else(PoisonError::into_inner);
        collector.map.add_unread(source.missing().into_iter().chain(source.known_missing(0..source.size())));
        report.write(&collector)?;
    }
    unopened.map_or(Ok(()), Err)
}

fn show_record(opened: &Opened<'_>, choice: RecordChoice, output: &mut Output) -> Result<(), Failure> {
    let few = opened.volume.catalog_of_record(choice.number);
    let view = record_view::view(opened, choice, &few.unwrap_or_else(|| opened.volume.catalog()))?;
    output.write(view.as_bytes())
}

/// The only volume, or the only one that exists now.
fn the_one<'v, 'i>(volumes: &'v [Opened<'i>]) -> Result<&'v Opened<'i>, Failure> {
    if let [opened] = volumes {
        return Ok(opened);
    }
    let mut current = volumes.iter().filter(|opened| !opened.is_remains());
    if let (Some(opened), None) = (current.next(), current.next()) {
        return Ok(opened);
    }
    let all: Vec<_> = volumes.iter().map(|opened| opened.tag.as_str()).collect();
    Err(Failure::Message(format!("several volumes ({}): choose one with --partition or --offset", all.join(", "))))
}

/// A report that says so far what the input is.
fn collector(arguments: &Arguments, source: &dyn Source, container: &[u8], accounting: &Accounting) -> Collector {
    let mut lines = Vec::new();
    header::header("ntfs-salvage mft_dump", &arguments.input, &Identity::of(source, false), container, &mut lines);
    header::unread(accounting, &mut lines);
    let mut collector = Collector::new("mft_dump");
    collector.lines(&lines);
    collector
}

fn list(
    arguments: &Arguments,
    volumes: &[Opened<'_>],
    threads: &Threads,
    output: &mut Output,
    report: Option<&Mutex<Collector>>,
) -> Result<(), Failure> {
    let rows = rows_of(arguments);
    let progress = Progress::new(!arguments.quiet && !output.is_terminal());
    let mut head = Vec::new();
    rows.head(&mut head);
    output.write(&head)?;
    for opened in volumes {
        let shown = (volumes.len() > 1 || opened.is_remains()).then_some(opened);
        let verdicts = !arguments.no_verdict && rows.shows_verdicts();
        let (rows, wanted, ghosts) = (rows.as_ref(), arguments.wanted(), arguments.input.ghosts);
        let listing = Listing {
            opened,
            shown,
            rows,
            wanted,
            verdicts,
            verifies: arguments.verify_content,
            ghosts,
            threads,
            report,
        };
        let tally = listing.run(output, &progress)?;
        progress.clear();
        if !arguments.quiet {
            tally.print(opened);
        }
    }
    Ok(())
}

fn rows_of(arguments: &Arguments) -> Box<dyn Rows> {
    match arguments.format {
        Format::Table => Box::new(table::Table),
        Format::Csv => Box::new(csv::Csv),
        Format::Jsonl => Box::new(jsonl::Jsonl),
        Format::MftecmdCsv => Box::new(mftecmd::Mftecmd { source: arguments.input.path.display().to_string() }),
        Format::Timesketch => Box::new(timesketch::Timesketch { split: arguments.split_times }),
        Format::Bodyfile => Box::new(bodyfile::Bodyfile { fraction: arguments.fraction }),
    }
}
