//! The input: what kind it is, and the volumes in it.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use ntfs_salvage::salvage::{self, Content, Discovery, Layer, OpenedBy, Opening, ScanReason, Unread};
use ntfs_salvage::source::Source;
use ntfs_salvage::volume::Partition;
use ntfs_salvage::volume::dynamic_disk::DynamicDisk;
use ntfs_salvage::{Catalog, Damage, Threads, Volume};

use crate::command::failure::{Failure, say};
use crate::input::arguments::InputArguments;
use crate::input::losses;
use crate::input::scan_file::ScanFile;
use crate::input::unread::{self, Accounting};

/// The bytes of a file or device, and how the user wants to see them.
pub struct Input<'s> {
    source: &'s dyn Source,
    arguments: &'s InputArguments,
    name: String,
    dynamic: Option<DynamicDisk<'s>>,
}

/// A volume of the input.
pub struct Opened<'s> {
    pub volume: Volume<'s>,
    /// The number of the partition it starts in, where there is one.
    pub partition: Option<u32>,
    /// Where it starts in the input, in bytes.
    pub start: u64,
    /// The input as the user calls it.
    pub input: &'s str,
    /// What is wrong with the partition table it was found by.
    pub disk_damage: Vec<Damage>,
    /// What it is to the input.
    pub layer: Layer,
    /// What led to it.
    pub opened_by: OpenedBy,
    /// Whether a scan for names may be made, and whether it is said.
    pub scans: Scans,
    /// A short word that no other volume of the input has: the partition's number where it is the
    /// volume that exists there.
    pub tag: String,
    /// What was lost of it, and what was used instead, in sentences.
    pub losses: Vec<String>,
}

impl Opened<'_> {
    /// True where a listing has to say which volume it is, even if it is the only one.
    pub fn is_remains(&self) -> bool {
        self.layer != Layer::Current && self.opened_by != OpenedBy::BareTable
    }
}

impl Opened<'_> {
    /// Makes the catalog of the volume: where it misses records that nothing names, with the names that a
    /// scan of the volume finds; with all ghosts there are, if they are asked for.
    pub fn with_catalog<T>(&self, threads: &Threads, ghosts: bool, work: impl FnOnce(Catalog<'_>) -> T) -> T {
        let with_ghosts = |catalog: Catalog<'_>| match ghosts {
            true => work(catalog.with_ghosts(threads)),
            false => work(catalog),
        };
        let catalog = self.volume.catalog_with(threads);
        let mut is_said = false;
        let mut watch = |findings: &salvage::Findings| {
            if !std::mem::replace(&mut is_said, true) {
                self.scans.say(self, ScanReason::NamelessRecords, findings.source_size());
            }
        };
        let scanned = match self.scans {
            Scans::Never => None,
            _ => salvage::scan_for_names(&catalog, threads, &mut watch),
        };
        match scanned {
            Some(scanned) => with_ghosts(scanned.catalog_with(threads)),
            None => with_ghosts(catalog),
        }
    }
}

/// Whether scans are made that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scans {
    /// They are not.
    Never,
    /// They are, and nobody wants to know.
    Quiet,
    /// They are, and a line says so where they take their time.
    Said,
}

impl Scans {
    /// Bytes of a scan that takes its time.
    const WORTH_A_WORD: u64 = 256 << 20;

    fn of(arguments: &InputArguments, quiet: bool) -> Self {
        match (arguments.no_scan, quiet) {
            (true, _) => Self::Never,
            (false, true) => Self::Quiet,
            (false, false) => Self::Said,
        }
    }

    /// Says that a scan starts, why, and what leaves it out.
    fn say(self, place: &dyn fmt::Display, reason: ScanReason, size: u64) {
        if self == Self::Said && size >= Self::WORTH_A_WORD && reason != ScanReason::Asked {
            say(format_args!("{place}: a scan of {size} bytes starts, because {reason}; --no-scan leaves it out"));
        }
    }
}

impl fmt::Display for Opened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.input)?;
        if let Some(number) = self.partition {
            write!(f, " partition {number}")?;
        }
        if self.partition.is_some() || self.start > 0 {
            write!(f, " at byte {}", self.start)?;
        }
        if self.is_remains() { write!(f, " ({})", self.layer) } else { Ok(()) }
    }
}

/// The volumes of an input.
pub struct Volumes<'s> {
    pub opened: Vec<Opened<'s>>,
    /// Where not every volume could be opened, though the others are complete.
    pub failure: Option<Failure>,
    /// What was not read.
    pub accounting: Accounting,
}

impl<'i> Input<'i> {
    pub fn new(source: &'i dyn Source, arguments: &'i InputArguments) -> Self {
        let dynamic = DynamicDisk::read(source);
        Self { source, arguments, name: arguments.path.display().to_string(), dynamic }
    }

    /// Opens the volumes, or the one that is asked for, by whatever is left of them, and says what that
    /// was.
    pub fn volumes(&self, threads: &Threads, quiet: bool) -> Result<Volumes<'_>, Failure> {
        let mut scan_file = ScanFile::open(self.arguments, self.source, quiet)?;
        let earlier = scan_file.earlier();
        let mut watch = |findings: &salvage::Findings| scan_file.keep(findings);
        let mut opening = Opening::new(self.source).threads(threads).overrides(self.arguments.overrides());
        opening = match self.arguments.partition {
            Some(number) => opening.partition(number),
            None => opening,
        };
        opening = match (&self.arguments.scan_file, self.arguments.scan) {
            (Some(_), _) => opening.keep_findings(earlier),
            (None, true) => opening.scan(),
            (None, false) => opening,
        };
        opening = opening.dynamic_disk(self.dynamic.as_ref());
        opening = if self.arguments.raw { opening.as_disk() } else { opening };
        let scans = Scans::of(self.arguments, quiet);
        let mut announce = |reason, range: Range<u64>| {
            let place = format!("{} at byte {}", self.name, range.start);
            scans.say(&place, reason, range.end - range.start);
        };
        opening = if scans == Scans::Never { opening.without_scans() } else { opening };
        let mut found = opening.watch(&mut watch).announce(&mut announce).run();
        scan_file.finish(found.findings.take())?;
        if let Some(format) = found.container {
            return Err(Failure::Message(format!(
                "{} is {format} and not the disk itself: {}",
                self.name,
                format.remedy()
            )));
        }
        let failure = self.unopened(&found);
        let accounting =
            Accounting { unread: std::mem::take(&mut found.unread), outside: std::mem::take(&mut found.outside) };
        if found.volumes.is_empty() {
            return Err(failure.unwrap_or_else(|| self.nothing_found(found, &accounting)));
        }
        let mut left = unscanned(&found);
        left.extend((!found.remains.is_empty()).then(|| format!("a scan also found {}", found.remains)));
        let opened = self.named(found, scans);
        if !quiet {
            accounting.print(&self.name);
            left.iter().for_each(|line| say(format_args!("{}: {line}", self.name)));
            opened
                .iter()
                .for_each(|opened| opened.losses.iter().for_each(|line| say(format_args!("{opened}: {line}"))));
        }
        Ok(Volumes { opened, failure, accounting })
    }

    /// The volumes with their tags.
    fn named<'s>(&'s self, found: Discovery<'s>, scans: Scans) -> Vec<Opened<'s>> {
        let mut times: HashMap<String, u32> = HashMap::new();
        let Discovery { volumes, disk_damage, .. } = found;
        let name = |found: salvage::Opened<'s>| {
            let losses = losses::of(&found);
            let (partition, start) = (found.partition().map(Partition::number), found.start());
            let mut tag = tag(found.layer(), partition, start);
            let count = times.entry(tag.clone()).or_default();
            *count += 1;
            if *count > 1 {
                tag = format!("{tag}.{count}");
            }
            let disk_damage = if partition.is_some() { disk_damage.clone() } else { Vec::new() };
            let (layer, opened_by, input) = (found.layer(), found.opened_by(), self.name.as_str());
            let volume = self.sized(found.into_volume());
            Opened { volume, partition, start, input, disk_damage, layer, opened_by, scans, tag, losses }
        };
        volumes.into_iter().map(name).collect()
    }

    fn sized<'s>(&self, volume: Volume<'s>) -> Volume<'s> {
        self.arguments.read_size.into_iter().fold(volume, Volume::with_reads_of)
    }

    fn unopened(&self, found: &Discovery<'_>) -> Option<Failure> {
        let reason = |(partition, error): &(Partition, ntfs_salvage::Error)| {
            let (number, start) = (partition.number(), partition.start);
            format!("cannot read partition {number} at byte {start} of {}: {error}", self.name)
        };
        let reasons: Vec<_> = found.unopened.iter().map(reason).collect();
        (!reasons.is_empty()).then(|| Failure::Message(reasons.join("; ")))
    }

    fn nothing_found(&self, found: Discovery<'_>, accounting: &Accounting) -> Failure {
        let name = &self.name;
        let is_there = |number: u32| found.partitions.iter().any(|partition| partition.number() == number);
        if let Some(number) = self.arguments.partition.filter(|number| !is_there(*number)) {
            let numbers: Vec<_> = found.partitions.iter().map(|partition| partition.number().to_string()).collect();
            let there = numbers.join(", ");
            let there = if there.is_empty() { "there are no partitions".into() } else { there };
            return Failure::Message(format!("no partition {number} in {name}; found: {there}"));
        }
        let nothing = match self.arguments.offset {
            Some(offset) => format!("no NTFS volume at byte {offset} of {name}"),
            None => format!("no NTFS volume and no $MFT in {name}"),
        };
        let (size, unscanned) = (self.source.size(), unscanned(&found));
        match self.arguments.offset {
            _ if !unscanned.is_empty() => return Failure::new(nothing, unscanned.join("; ")),
            _ if size == 0 => return Failure::new(nothing, "it is empty"),
            Some(offset) if offset >= size => {
                return Failure::new(nothing, format_args!("the input ends at byte {size}"));
            }
            None if accounting.unread.iter().any(is_worth_a_word) => {
                let lines: Vec<_> = accounting.unread.iter().map(unread::line).collect();
                return Failure::new(nothing, lines.join("; "));
            }
            _ => {}
        }
        match found.into_volumes() {
            Err(error) => Failure::new(nothing, error),
            Ok(_) => Failure::Message(nothing),
        }
    }
}

/// What a scan was not made of, because none is wanted.
fn unscanned(found: &Discovery<'_>) -> Vec<String> {
    let line = |(reason, range): &(ScanReason, Range<u64>)| {
        format!("bytes {} to {} were not scanned, though {reason}", range.start, range.end.saturating_sub(1))
    };
    found.unscanned.iter().map(line).collect()
}

/// A whole source that holds nothing known is said to hold nothing of NTFS, and no more.
fn is_worth_a_word(unread: &Unread) -> bool {
    !unread.partition.is_whole() || matches!(unread.content, Content::Foreign(_))
}

fn tag(layer: Layer, partition: Option<u32>, start: u64) -> String {
    let place = partition.map_or_else(|| format!("at-{start}"), |number| number.to_string());
    match layer {
        Layer::Current => place,
        Layer::NestedIn(record) | Layer::ExportIn(record) => format!("{place}-{}-in-{record}", layer.code()),
        _ => format!("{place}-{}", layer.code()),
    }
}
