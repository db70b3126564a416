//! Recovers the files of NTFS volumes, and says of every byte where it is from.
//!
//! MANIFEST.md describes the manifest.

mod arguments;
mod copy;
mod dry_run;
mod manifest;
mod order;
mod output;
mod plan;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use ntfs_salvage::salvage::Layer;
use ntfs_salvage::source::{Ledger, RescuedOnly, Source};
use ntfs_salvage::{Catalog, Threads};

use crate::command::failure::{Failure, say};
use crate::command::stop::Stop;
use crate::input::condition;
use crate::input::container;
use crate::input::evidence;
use crate::input::header;
use crate::input::identity::Identity;
use crate::input::map_file::MapFile;
use crate::input::rescue_map;
use crate::input::short_reads::ShortReads;
use crate::input::volumes::{Input, Opened, Volumes};
use crate::report::{Collector, ReportFile};
use crate::writing::json::Json;
use arguments::Arguments;
use copy::progress::Progress;
use copy::recovery::{CopyOptions, Recovery};
use manifest::earlier::{self, Earlier};
use manifest::file::Manifest;
use manifest::lines;
use manifest::totals::Totals;
use order::visits::GAP;
use output::folder::Folder;
use plan::naming::Plan;
use plan::selection::Selection;

/// The command line, for its man page and completions.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    let stop = Stop::listen();
    match run(&Arguments::parse(), &stop) {
        Ok(()) if stop.is_cut_short() => ExitCode::from(Stop::CODE),
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments, stop: &Stop) -> Result<(), Failure> {
    let file = container::open(&arguments.input, arguments.quiet)?;
    let outputs = [Some(&arguments.directory), arguments.manifest.as_ref(), arguments.report.as_ref()];
    container::protect(&file, outputs.map(|path| path.map(PathBuf::as_path)))?;
    container::protect(&file, [arguments.input.scan_file.as_deref(), arguments.input.write_map.as_deref()])?;
    let (hashes, unverified) = container::verified(&file, arguments.input.verify_input, arguments.quiet);
    let mut described = Vec::new();
    container::write(&file, &hashes, &mut Json { out: &mut described });
    let described = (described.as_slice(), container::is_packed(&file));
    match rescue_map::read(&arguments.input, file.size(), arguments.quiet)? {
        Some(map) => recover_noting(arguments, &RescuedOnly::new(&file, map), described, stop),
        None => recover_noting(arguments, &file, described, stop),
    }?;
    unverified.map_or(Ok(()), Err)
}

/// Recovers, and writes the map of what could be read if that is asked for.
fn recover_noting(
    arguments: &Arguments,
    source: &dyn Source,
    container: (&[u8], bool),
    stop: &Stop,
) -> Result<(), Failure> {
    let map = MapFile::create(arguments.input.write_map.as_deref(), &arguments.input.path)?;
    let ledger = Ledger::new(source).remember_reads(map.is_some());
    let result = recover(arguments, &ledger, container, stop);
    result.and(map.map_or(Ok(()), |map| map.write(&ledger)))
}

/// `container` is what is to be said of it, in JSON, and whether it is compressed.
fn recover(
    arguments: &Arguments,
    source: &Ledger<'_>,
    (container, is_packed): (&[u8], bool),
    stop: &Stop,
) -> Result<(), Failure> {
    let selection = Selection::of(arguments)?;
    let short = ShortReads::new(source);
    let input = Input::new(&short, &arguments.input);
    evidence::refuse_as_output(&arguments.input.path, &arguments.directory)?;
    if let Some(manifest) = arguments.manifest.as_ref().filter(|path| path.as_os_str() != "-") {
        evidence::refuse_as_output(&arguments.input.path, manifest)?;
    }
    let threads = Threads::new(arguments.threads);
    let Volumes { opened: volumes, failure: unopened, accounting } = input.volumes(&threads, arguments.quiet)?;
    if arguments.dry_run {
        dry_run::run(arguments, &volumes, &selection, &threads)?;
        return unopened.map_or(Ok(()), Err);
    }
    stop.wait_for_the_end();
    let root = Folder::root(&arguments.directory)
        .map_err(|error| Failure::new(format_args!("cannot write in {}", arguments.directory.display()), error))?;
    let mut lines = Vec::new();
    let identity = Identity::of(source, arguments.hash_input);
    header::header("ntfs-salvage recover", &arguments.input, &identity, container, &mut lines);
    let earlier = arguments.resume.then(|| resume(arguments, &mut lines)).transpose()?;
    let mut manifest = Manifest::create(arguments.manifest.as_deref(), &arguments.directory, &root)?;
    let report = ReportFile::create(arguments.report.as_deref(), &arguments.input.path)?;
    manifest.collector = report.as_ref().map(|_| Collector::new("recover"));
    header::unread(&accounting, &mut lines);
    manifest.write(&lines)?;
    let mut run = Run {
        arguments,
        threads: &threads,
        selection: &selection,
        root: Arc::new(root),
        manifest,
        totals: Totals::default(),
        is_packed,
        stop,
        earlier: earlier.as_ref(),
        volumes: 0,
    };
    for opened in &volumes {
        if !stop.is_asked() {
            run.volume(opened, volumes.len() > 1)?;
        }
    }
    let (totals, collector) = run.finish(unopened.is_none() && accounting.is_complete())?;
    if let (Some(report), Some(mut collector)) = (report, collector) {
        collector.map.add_unread(source.missing().into_iter().chain(source.known_missing(0..source.size())));
        report.write(&collector)?;
    }
    match stop.is_cut_short() {
        true => say("interrupted: the manifest has what was done so far"),
        false => result(&totals, &selection)?,
    }
    unopened.map_or(Ok(()), Err)
}

/// What the run before has done, whose manifest gets another name, which the header of this one tells.
fn resume(arguments: &Arguments, header: &mut Vec<u8>) -> Result<Earlier, Failure> {
    let default = || arguments.directory.join(Manifest::NAME);
    let path = arguments.manifest.clone().unwrap_or_else(default);
    let found = Earlier::read(&path, &arguments.directory, header)?;
    let name = earlier::set_aside(&path)?;
    header.truncate(header.len().saturating_sub(2));
    Json { out: header }.put(br#","resumes":"#).text(&name);
    header.extend_from_slice(b"}\n");
    Ok(found)
}

/// What is an error at the end, though everything else was done.
fn result(totals: &Totals, selection: &Selection) -> Result<(), Failure> {
    if let Some(first) = &totals.first_failure {
        let count = totals.failed;
        return Err(Failure::Message(format!(
            "{count} could not be written, as the manifest says; the first: {first}"
        )));
    }
    match selection.names_records() && totals.streams + totals.directories == 0 {
        true => Err(Failure::Message("nothing to recover in the records asked for".into())),
        false => Ok(()),
    }
}

/// What goes on through all volumes.
struct Run<'r> {
    arguments: &'r Arguments,
    threads: &'r Threads,
    selection: &'r Selection,
    root: Arc<Folder>,
    manifest: Manifest,
    totals: Totals,
    /// Whether what is read has to be decompressed.
    is_packed: bool,
    stop: &'r Stop,
    /// What an interrupted run has done.
    earlier: Option<&'r Earlier>,
    /// How many volumes there were so far.
    volumes: usize,
}

impl Run<'_> {
    fn volume(&mut self, opened: &Opened<'_>, is_one_of_several: bool) -> Result<(), Failure> {
        let place = self.folder_of(opened, is_one_of_several)?;
        let ghosts = self.arguments.input.ghosts;
        opened.with_catalog(self.threads, ghosts, |catalog| self.files(opened, &catalog, place))
    }

    /// Recovers the files of a volume into a folder, the output's prefix being its name.
    fn files(
        &mut self,
        opened: &Opened<'_>,
        catalog: &Catalog<'_>,
        (folder, prefix): (Arc<Folder>, String),
    ) -> Result<(), Failure> {
        let (arguments, threads) = (self.arguments, self.threads);
        let options = arguments.recoverability_options();
        let assessment = catalog.assessment(threads, options);
        // The manifest's own name, where it is in the root of the files.
        let reserved = (arguments.manifest.is_none() && prefix.is_empty()).then_some(Manifest::NAME);
        let plan = Plan::make(&assessment, self.selection, threads, reserved);
        let mut lines = Vec::new();
        lines::volume(opened, &assessment, &prefix, &mut lines);
        self.manifest.collector.iter_mut().for_each(|collector| collector.volume(opened, &assessment, threads));
        self.manifest.write(&lines)?;
        self.volumes += 1;
        self.manifest.reserve(plan.streams)?;
        let progress = Progress::new(!arguments.quiet);
        progress.start(&plan);
        let known = (&assessment, &plan);
        let options = CopyOptions {
            folder: &arguments.directory,
            hashes: !arguments.no_hash,
            window: arguments.window,
            // A map of what was read is to have what was asked for, and nothing that lies between.
            gap: if arguments.input.write_map.is_some() { 0 } else { GAP },
            is_packed: self.is_packed,
            stop: self.stop,
            earlier: self.earlier.map(|earlier| (earlier, self.volumes)),
        };
        let recovery = Recovery::new(opened, known, self.selection, (folder, &prefix), options, &progress);
        let mut totals = recovery.run(threads, &mut self.manifest)?;
        totals.left_out = plan.left_out;
        progress.clear();
        if !arguments.quiet {
            say(opened);
            let told = condition::sentences(&catalog.condition(), lines::clusters(&assessment));
            told.iter().for_each(|text| say(format_args!("  volume   {text}")));
            totals.print();
        }
        self.totals.add(totals);
        Ok(())
    }

    /// Where the files of a volume go: each of several has a folder of its own.
    fn folder_of(&self, opened: &Opened<'_>, is_one_of_several: bool) -> Result<(Arc<Folder>, String), Failure> {
        if !is_one_of_several {
            return Ok((self.root.clone(), String::new()));
        }
        let is_partition = opened.partition.is_some() && opened.layer == Layer::Current;
        let name = format!("{} {}", if is_partition { "partition" } else { "volume" }, opened.tag);
        let folder =
            self.root.child(&name).map_err(|error| Failure::new(format_args!("cannot write in {name}"), error))?;
        Ok((Arc::new(folder), format!("{name}/")))
    }

    fn finish(mut self, all_opened: bool) -> Result<(Totals, Option<Collector>), Failure> {
        let mut lines = Vec::new();
        lines::end(&self.totals, all_opened && self.totals.failed == 0, self.stop.is_cut_short(), &mut lines);
        self.manifest.write(&lines)?;
        let collector = self.manifest.finish()?;
        Ok((self.totals, collector))
    }
}
