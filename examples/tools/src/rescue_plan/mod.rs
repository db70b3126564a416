//! Plans the rescue of a failing disk: which sectors are worth reading next.
//!
//! RESCUE.md shows the way with GNU ddrescue.

mod arguments;
mod contents;
mod need;
mod opening;
mod partial;
mod rate;
mod space;

use std::fs::OpenOptions;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use ntfs_salvage::Threads;
use ntfs_salvage::recoverability::Claims;
use ntfs_salvage::source::{DamageMap, Ledger, Source};
use ntfs_salvage::volume::{ClusterBitmap, Location};

use crate::command::failure::{Failure, say};
use crate::command::globs::globs;
use crate::input::container;
use crate::input::evidence;
use crate::input::rescue_map;
use crate::input::spans::Spans;
use arguments::{Arguments, Stage};
use contents::Choice;
use need::Need;
use opening::{NamedVolume, Opener};
use partial::Partial;
use space::Space;

/// The command line, for its man page and completions.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOTHING_LEFT),
        Err(failure) => {
            failure.report();
            ExitCode::FAILURE
        }
    }
}

/// The exit code where nothing is left to read.
const NOTHING_LEFT: u8 = 3;

/// What was found out about the disk.
struct Survey {
    stages: [Spans; 5],
    assumptions: Vec<String>,
    /// What any file claims, other partitions, and what NTFS keeps beside its files.
    claimed: Spans,
    files: u64,
    has_volume: bool,
}

/// True where something is left to read.
fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let file = container::open(&arguments.input, true)?;
    let outputs = [arguments.output.as_deref(), arguments.unclaimed.as_deref(), arguments.input.write_map.as_deref()];
    container::protect(&file, outputs)?;
    for path in outputs.into_iter().flatten() {
        evidence::refuse_as_output(&arguments.input.path, path)?;
        refuse_existing(path)?;
    }
    let map = rescue_map::read(&arguments.input, file.size(), arguments.quiet)?;
    if let (Some(map), Some(path)) = (&map, &arguments.input.map) {
        let end = map.blocks().last().map_or(0, |block| block.range.end);
        if file.size() > end {
            return Err(Failure::Message(format!(
                "cannot use {}: it ends at byte {end}, but {} at byte {}: it is the map of another disk",
                path.display(),
                arguments.input.path.display(),
                file.size()
            )));
        }
    }
    let ledger = Ledger::new(&file);
    let partial = match map {
        Some(map) => Partial::new(&file, Some(map)),
        None => Partial::new(&ledger, None),
    };
    let survey = survey(arguments, &partial)?;
    if let Some(path) = &arguments.unclaimed {
        let all = Spans::of(0..partial.size());
        write_domain(path, &all.minus(&survey.claimed), partial.size())?;
    }
    match &arguments.output {
        Some(path) => plan(arguments, &partial, &survey, path),
        None => Ok(true),
    }
}

/// Looks at all that is there of the disk.
fn survey(arguments: &Arguments, partial: &Partial<'_>) -> Result<Survey, Failure> {
    let threads = Threads::new(arguments.threads);
    let globs = globs(&arguments.paths)?;
    let mut need = Need::new(partial.size());
    let opener = Opener { partial, arguments, threads: &threads };
    let (found, foreign) = opener.volumes(&mut need)?;
    let (mut claimed, mut files) = (foreign.into_iter().collect::<Spans>(), 0);
    let has_volume = !found.is_empty();
    for NamedVolume { volume, name } in &found {
        let Some(&geometry) = volume.geometry() else { continue };
        let start = volume.source().start();
        let table = table_of(volume);
        let open = table.minus(&tried(partial, start));
        if !open.is_empty() {
            let (bytes, all) = (open.bytes(), table.bytes());
            need.assume(format!("{bytes} of {all} bytes of the table of {name} are not read yet: what their records say is not in the plan"));
        }
        need.add(Stage::Metadata, table.list().iter().map(|range| start + range.start..start + range.end));
        let catalog = volume.catalog_with(&threads);
        let claims: Claims = catalog.claims(&threads);
        let mut bitmap = ClusterBitmap::read(volume);
        bitmap.contradict_all(claims.live());
        let unknown: u64 = bitmap.unknown().iter().map(|range| range.end - range.start).sum();
        if unknown > 0 {
            need.assume(format!("{unknown} clusters of {name} are in use: its bitmap does not say so far"));
        }
        let has_lost_records = !partial.bad().and(&moved(&table, start)).is_empty();
        let choice = Choice {
            catalog: &catalog,
            claims: &claims,
            geometry,
            globs: globs.as_ref(),
            arguments,
            start,
            has_lost_records,
        };
        files += choice.add_to(&mut need, &threads);
        let space = Space { claims: &claims, bitmap: &bitmap, cluster_size: u64::from(geometry.cluster_size()), start };
        space.add_to(&mut need);
        claimed = claimed.or(&space.claimed());
    }
    let stages = need.stages();
    if !has_volume && stages[Stage::Metadata.index()].minus(&tried(partial, 0)).is_empty() {
        return Err(Failure::Message(format!("no NTFS volume in {}", arguments.input.path.display())));
    }
    Ok(Survey { stages, assumptions: need.assumptions().to_vec(), claimed, files, has_volume })
}

/// The table's bytes on the volume, as far as their place is known.
fn table_of(volume: &ntfs_salvage::Volume<'_>) -> Spans {
    let mft = volume.mft();
    let end = mft.record_count().saturating_mul(u64::from(mft.record_size()));
    let extents = mft.extents().between(0, end);
    extents
        .filter_map(|extent| match extent.location {
            Location::At(position) => Some(position..position.saturating_add(extent.length)),
            _ => None,
        })
        .collect()
}

/// What was tried, in positions of a volume that starts at `start`.
fn tried(partial: &Partial<'_>, start: u64) -> Spans {
    let all = match partial.has_map() {
        true => partial.tried(false),
        false => Spans::of(0..partial.size()),
    };
    let inside = all.list().iter().filter(|range| range.end > start);
    inside.map(|range| range.start.saturating_sub(start)..range.end - start).collect()
}

fn moved(spans: &Spans, start: u64) -> Spans {
    spans.list().iter().map(|range| start + range.start..start + range.end).collect()
}

/// Writes the domain of the next round, and says what it is; false where nothing is left.
fn plan(arguments: &Arguments, partial: &Partial<'_>, survey: &Survey, path: &Path) -> Result<bool, Failure> {
    let done = partial.tried(arguments.untried);
    let left = |stage: Stage| match stage {
        // What earlier rounds left out, with other files chosen, is not lost to the rest.
        Stage::Rest if partial.has_map() => {
            survey.stages[..=stage.index()].iter().fold(Spans::default(), |all, more| all.or(more)).minus(&done)
        }
        _ => survey.stages[stage.index()].minus(&done),
    };
    let candidates: &[Stage] = match &arguments.stage {
        Some(Stage::Rest) => &[Stage::Rest, Stage::Free],
        Some(stage) => std::slice::from_ref(stage),
        None => &Stage::ALL,
    };
    let found = candidates.iter().map(|&stage| (stage, left(stage))).find(|(_, open)| !open.is_empty());
    let quiet = arguments.quiet;
    let input = arguments.input.path.display();
    if !quiet {
        survey.assumptions.iter().for_each(|what| say(format_args!("{input}: assumes that {what}")));
    }
    let Some((stage, open)) = found else {
        if !quiet {
            let which = arguments.stage.map_or(String::new(), |stage| format!(" of stage {}", stage.name()));
            let bad = lost(candidates, partial, survey);
            say(format_args!("{input}: nothing{which} is left to read; {bad} bytes of it cannot be read"));
        }
        return Ok(false);
    };
    write_domain(path, &open, partial.size())?;
    if !quiet {
        let (bytes, places) = (open.bytes(), open.list().len());
        let all = survey.stages[stage.index()].bytes();
        say(format_args!("{input}: stage {}: {bytes} bytes to read in {places} places, of {all} bytes", stage.name()));
        if survey.has_volume {
            say(format_args!("{input}: {} files are chosen", survey.files));
        }
        say_time(arguments, bytes)?;
    }
    Ok(true)
}

/// Bytes of the stages that cannot be read.
fn lost(stages: &[Stage], partial: &Partial<'_>, survey: &Survey) -> u64 {
    let bad = partial.bad();
    stages.iter().map(|stage| survey.stages[stage.index()].and(&bad).bytes()).sum()
}

fn say_time(arguments: &Arguments, bytes: u64) -> Result<(), Failure> {
    if let Some(rate) = arguments.rate {
        say(format_args!("  time     {} at {rate} bytes a second", rate::duration(bytes.div_ceil(rate))));
        return Ok(());
    }
    let Some(path) = &arguments.input.map else { return Ok(()) };
    let failed = |error| Failure::new(format_args!("cannot use {}", path.display()), error);
    let text = std::fs::read(path).map_err(failed)?;
    let rate = DamageMap::parse(&text).ok().and_then(|map| rate::of_map(&String::from_utf8_lossy(&text), &map));
    if let Some(rate) = rate {
        let time = rate::duration(bytes.div_ceil(rate));
        say(format_args!(
            "  time     {time} at least: by its map the last run gave {rate} bytes a second at most (--rate)"
        ));
    }
    Ok(())
}

fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => {
            Err(Failure::Message(format!("{} exists, and nothing is overwritten: choose another", path.display())))
        }
        Err(_) => Ok(()),
    }
}

/// A map in which what is wanted is marked as finished.
fn write_domain(path: &Path, wanted: &Spans, size: u64) -> Result<(), Failure> {
    let inside: Vec<Range<u64>> = wanted.within(0..size).list().to_vec();
    let text = DamageMap::of_reads(size, &inside, &[]).to_string();
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    let written = created.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| Failure::of_writing(path.display(), &error))
}
