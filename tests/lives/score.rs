//! What the library says of a volume, held against the lives that were led there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use ntfs_salvage::recoverability::{Assessment, ByteStatus, Recoverability, RecoverabilityOptions, Verdict};
use ntfs_salvage::salvage::{Layer, Opening};
use ntfs_salvage::source::Source;
use ntfs_salvage::volume::Geometry;
use ntfs_salvage::{Catalog, Entry, EntryState, Stream, Threads, Volume};

use crate::generator::truth::{Life, Truth};

/// Records before this are the volume's own.
const FIRST_USER: u64 = 24;

/// What is known of an image.
pub(crate) struct Known<'t> {
    pub(crate) current: &'t Truth,
    /// Of volumes that were formatted over.
    pub(crate) older: Vec<&'t Truth>,
    /// What is live, and not in a damaged record, has to be there, whole, and called so.
    pub(crate) is_sound: bool,
    /// Records that are damaged.
    pub(crate) damaged: BTreeSet<u64>,
    /// Base records of which one field is damaged that something else tells, too.
    pub(crate) flipped: BTreeSet<u64>,
    /// A scan is asked for.
    pub(crate) scans: bool,
}

/// How often a verdict was right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    pub(crate) right: u64,
    pub(crate) all: u64,
}

/// What was said, and what was wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    /// By state, whether the stream lies outside its record, verdict and reasons.
    pub(crate) rates: BTreeMap<(&'static str, &'static str, &'static str, String), Rate>,
    /// Of deleted streams in clusters that are likely: by how many clusters were handed out since.
    pub(crate) exposed: BTreeMap<&'static str, Rate>,
    pub(crate) volumes: u64,
    pub(crate) faults: Vec<Fault>,
}

#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A stream that is called intact, or bytes of one, are not what they were.
    WrongIntact,
    /// A live file is not there, or not as it is.
    WrongLive,
    /// A live file that is whole is doubted.
    Doubted,
    /// A stream whose record is still there has no line.
    Vanished,
    /// It cannot be opened.
    Unopened,
}

impl AddAssign for Rate {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.all += other.all;
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        other.rates.into_iter().for_each(|(key, rate)| *self.rates.entry(key).or_default() += rate);
        other.exposed.into_iter().for_each(|(key, rate)| *self.exposed.entry(key).or_default() += rate);
        self.volumes += other.volumes;
        self.faults.extend(other.faults);
    }
}

impl Score {
    pub(crate) fn of(source: &dyn Source, known: &Known<'_>, threads: &Threads) -> Self {
        let mut score = Self { volumes: 1, ..Self::default() };
        let opening = Opening::new(source).threads(threads);
        let opening = if known.scans { opening.scan() } else { opening };
        let found = opening.run().into_volumes().unwrap_or_default();
        if known.is_sound && !found.iter().any(|opened| opened.layer() == Layer::Current) {
            score.fault(Kind::Unopened, "no current volume".into());
        }
        let mut is_first = true;
        for opened in &found {
            let is_current = opened.layer() == Layer::Current && std::mem::take(&mut is_first);
            score.judge_volume(opened.volume(), is_current, known, threads);
        }
        score
    }

    pub(crate) fn of_seed(mut self, seed: u64, note: &str) -> Self {
        self.faults.iter_mut().for_each(|fault| fault.what = format!("seed {seed}, {note}: {}", fault.what));
        self
    }

    fn fault(&mut self, kind: Kind, what: String) {
        self.faults.push(Fault { kind, what });
    }

    fn judge_volume(&mut self, volume: &Volume<'_>, is_current: bool, known: &Known<'_>, threads: &Threads) {
        let catalog = volume.catalog_with(threads);
        let options = RecoverabilityOptions::default().sample_zeros(true).read_all(true);
        let assessment = catalog.assessment(threads, options);
        let layer = if is_current { "" } else { "older layer: " };
        for entry in catalog.entries().filter(|entry| entry.record_number() >= FIRST_USER) {
            // What was not formatted has no older state: tables out of place are its own.
            let is_own = is_current || known.older.is_empty();
            let candidates = if is_own { vec![known.current] } else { known.older.clone() };
            for stream in entry.streams() {
                self.judge_stream(&entry, &stream, &assessment, &candidates, (layer, known));
            }
        }
        if is_current && known.is_sound {
            self.judge_live(&catalog, known);
            self.judge_deleted(&catalog, known);
            self.judge_flipped(&catalog, known);
        }
    }

    fn judge_stream(
        &mut self,
        entry: &Entry<'_>,
        stream: &Stream<'_>,
        assessment: &Assessment<'_>,
        truths: &[&Truth],
        (layer, known): (&str, &Known<'_>),
    ) {
        let name = stream.name().to_string();
        let lives: Vec<&Life> = truths.iter().flat_map(|truth| lives_of(entry, truth, &known.damaged)).collect();
        let given = read(stream);
        let is_same = |life: &&Life| life.streams.get(&name).is_some_and(|truth| *truth == given);
        let life = lives.iter().copied().find(is_same).or(lives.first().copied());
        let truth = life.and_then(|life| life.streams.get(&name)).map_or(&[][..], Vec::as_slice);
        let assessed = assessment.assess(stream);
        let is_right = given == truth;
        let vouched = || assessed.ranges().iter().filter(|part| is_vouched(part.standing));
        let wrong_of = |truth: &[u8]| -> usize {
            let parts = vouched().map(|part| (part.range.offset as usize, part.range.end() as usize));
            parts.map(|(from, to)| differing(&given, truth, from, to)).sum()
        };
        // Of a damaged record nobody knows which life it is.
        let others = lives.iter().filter_map(|life| life.streams.get(&name));
        let wrong = others.map(|truth| wrong_of(truth)).min().unwrap_or_else(|| wrong_of(truth));
        let place = if stream.is_resident() { "in its record" } else { "in clusters" };
        let state = if layer.is_empty() { entry.state().name() } else { "older layer" };
        let key = (state, place, assessed.verdict().code(), assessed.reasons().to_string());
        let rate = Rate { right: is_right.into(), all: 1 };
        *self.rates.entry(key).or_default() += rate;
        if assessed.verdict() == Verdict::Likely && entry.state() == EntryState::Deleted && layer.is_empty() {
            let clusters = entry.catalog().volume().geometry().map_or(0, Geometry::cluster_count);
            *self.exposed.entry(exposure(&assessed, clusters)).or_default() += rate;
        }
        let is_wrong = assessed.verdict() == Verdict::Intact && !is_right;
        if is_wrong || wrong > 0 {
            let what = format!(
                "{layer}{} record {} {}:{name} {place}: {} {}, {wrong} wrong bytes vouched for, the first at {:?}, of {}, truth has {}{}",
                entry.state().name(),
                entry.reference(),
                life.map_or_else(
                    || "no life".into(),
                    |life| format!("({}-{}) {}", life.number, life.sequence, life.paths.join(" "))
                ),
                assessed.verdict(),
                assessed.reasons(),
                given.iter().zip(truth).position(|(one, other)| one != other),
                given.len(),
                truth.len(),
                if life.is_some_and(|life| life.streams.contains_key(&name)) { "" } else { " (no such stream)" },
            );
            self.fault(Kind::WrongIntact, what);
        }
        let is_sound = known.is_sound && layer.is_empty() && known.damaged.is_empty();
        if is_sound && entry.state() == EntryState::Live && is_right && assessed.verdict() != Verdict::Intact {
            let what = format!(
                "{} {:?}:{name}: {} {}",
                entry.reference(),
                life.map(|life| &life.paths),
                assessed.verdict(),
                assessed.reasons()
            );
            self.fault(Kind::Doubted, what);
        }
    }

    /// Each live file under its paths, whole.
    fn judge_live(&mut self, catalog: &Catalog<'_>, known: &Known<'_>) {
        for life in known.current.live().filter(|life| !known.damaged.contains(&life.number)) {
            let entry = catalog
                .entry(life.number)
                .ok()
                .filter(|entry| entry.state() == EntryState::Live && entry.sequence_number() == life.sequence);
            let Some(entry) = entry else {
                self.fault(
                    Kind::WrongLive,
                    format!("{:?}, record {}-{}, is not live", life.paths, life.number, life.sequence),
                );
                continue;
            };
            let mut paths: Vec<String> = entry.paths().map(|path| path.text).collect();
            let mut wanted = life.paths.clone();
            paths.sort();
            wanted.sort();
            // What leads there may be lost.
            if paths != wanted && known.damaged.is_empty() {
                self.fault(Kind::WrongLive, format!("{wanted:?} is listed as {paths:?}"));
            }
            let streams: BTreeMap<String, Vec<u8>> =
                entry.streams().iter().map(|stream| (stream.name().to_string(), read(stream))).collect();
            for (name, content) in &life.streams {
                if streams.get(name) != Some(content) {
                    self.fault(
                        Kind::WrongLive,
                        format!(
                            "{:?}:{name} has {:?} bytes of {}, not as it is",
                            life.paths,
                            streams.get(name).map(Vec::len),
                            content.len()
                        ),
                    );
                }
            }
            for name in streams.keys().filter(|name| !life.streams.contains_key(*name)) {
                self.fault(Kind::WrongLive, format!("{:?}:{name} is not there", life.paths));
            }
        }
    }

    /// Each deleted file whose record was not used again, with its streams.
    fn judge_deleted(&mut self, catalog: &Catalog<'_>, known: &Known<'_>) {
        let all: BTreeMap<u64, Vec<String>> = catalog
            .entries()
            .filter(|entry| entry.state() == EntryState::Deleted)
            .map(|entry| (entry.record_number(), entry.streams().iter().map(|it| it.name().to_string()).collect()))
            .collect();
        let is_asked = |life: &&Life| life.is_kept && !known.damaged.contains(&life.number);
        for life in known.current.lives.iter().filter(is_asked) {
            let Some(streams) = all.get(&life.number) else {
                self.fault(Kind::Vanished, format!("{:?}, record {}-{}", life.paths, life.number, life.sequence));
                continue;
            };
            for name in life.streams.keys().filter(|name| !streams.contains(name)) {
                self.fault(
                    Kind::Vanished,
                    format!("{:?}:{name}, record {}-{}", life.paths, life.number, life.sequence),
                );
            }
        }
    }

    /// A live file of which one field of its record is damaged is still there, under its own name.
    fn judge_flipped(&mut self, catalog: &Catalog<'_>, known: &Known<'_>) {
        for life in known.current.live().filter(|life| known.flipped.contains(&life.number) && !life.is_directory) {
            let Some(content) = life.streams.get("") else { continue };
            let has_it = catalog.entries().filter(|entry| entry.record_number() == life.number).any(|entry| {
                let names = entry.links();
                let is_named =
                    names.iter().all(|link| life.paths.iter().any(|path| path.ends_with(&link.name().to_string())));
                let is_whole = |stream: &Stream<'_>| stream.name().to_string().is_empty() && read(stream) == *content;
                is_named && !names.is_empty() && entry.streams().iter().any(is_whole)
            });
            if !has_it {
                self.fault(
                    Kind::Vanished,
                    format!("{:?}, record {}-{}, flipped", life.paths, life.number, life.sequence),
                );
            }
        }
    }

    /// How many faults there are of a kind.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.faults.iter().filter(|fault| fault.kind == kind).count()
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for ((state, place, verdict, reasons), Rate { right, all }) in &self.rates {
            text.push_str(&format!("{state:<11} {place:<13} {verdict:<13} {right:>7} of {all:>7} right  {reasons}\n"));
        }
        let exposed: Rate = self.exposed.values().fold(Rate::default(), |mut sum, rate| {
            sum += *rate;
            sum
        });
        for (how, Rate { right, all }) in &self.exposed {
            text.push_str(&format!("likely, clusters handed out since: {how:<13} {right:>7} of {all:>7} right\n"));
        }
        text.push_str(&format!("likely, all: {} of {} right\n", exposed.right, exposed.all));
        text
    }
}

/// What is said to be proved.
fn is_vouched(standing: ByteStatus) -> bool {
    matches!(standing, ByteStatus::Intact | ByteStatus::Zeros)
}

fn differing(given: &[u8], truth: &[u8], from: usize, to: usize) -> usize {
    (from..to.min(given.len())).filter(|at| given.get(*at) != truth.get(*at)).count()
}

fn read(stream: &Stream<'_>) -> Vec<u8> {
    let size = usize::try_from(stream.map().size()).unwrap_or(usize::MAX).min(32 << 20);
    let mut bytes = vec![0; size];
    let length = stream.reader().read_at(0, &mut bytes).length();
    bytes.truncate(length.max(size));
    bytes
}

/// Which lives an entry can be of: one, or where its record is damaged all that the record had.
fn lives_of<'t>(entry: &Entry<'_>, truth: &'t Truth, damaged: &BTreeSet<u64>) -> Vec<&'t Life> {
    let number = entry.record_number();
    let base = entry.header().base_reference();
    if damaged.contains(&number) && entry.state() == EntryState::Orphan {
        // Which file it was a part of may be what is damaged.
        return truth.lives.iter().rev().collect();
    }
    if damaged.contains(&number) {
        let is_meant = |life: &&Life| life.number == number || life.number == base.record_number();
        return truth.lives.iter().rev().filter(is_meant).collect();
    }
    let life = match entry.state() {
        EntryState::Live => truth.find(number, entry.sequence_number()),
        EntryState::Deleted => truth.last_of(number),
        EntryState::Orphan => truth.find(base.record_number(), base.sequence_number()),
        _ => None,
    };
    life.into_iter().collect()
}

/// How many clusters of the volume were handed out since, in words.
fn exposure(assessed: &Recoverability, clusters: u64) -> &'static str {
    let handed_out = assessed.exposure().and_then(|exposure| exposure.clusters_by_time);
    match handed_out.map(|handed_out| handed_out * 100 / clusters.max(1)) {
        None => "not known",
        Some(0) if handed_out == Some(0) => "none",
        Some(0) => "below 1 %",
        Some(1..5) => "1 to 5 %",
        Some(5..20) => "5 to 20 %",
        Some(_) => "20 % or more",
    }
}
