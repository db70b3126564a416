//! What a tool gave back, held against the truth.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::ops::AddAssign;

use sha2::{Digest, Sha256};

use crate::given::{File, Given};
use crate::measure::Cost;
use crate::ranges::Ranges;
use crate::truth::{State, Stream, Truth};

/// Counts that add up over seeds.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Streams that were there before the damage.
    pub wanted: usize,
    /// Those of them that rest on untouched bytes only.
    pub bound: usize,
    /// Those that were given back as they were, byte for byte.
    pub recovered: usize,
    /// Those within the bound that were not.
    pub missed: usize,
    pub names_wanted: usize,
    pub names: usize,
    pub paths: usize,
    pub files: FileCounts,
    /// Of the files with a verdict: how many there are of each, and how many of them are right.
    pub verdicts: BTreeMap<String, (usize, usize)>,
    pub listing: Cost,
    pub recovery: Cost,
    /// One line for each thing that was missed or wrong.
    pub notes: String,
}

/// Of the files that were written.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileCounts {
    pub right: usize,
    /// Right ones of which the tool says that something may be wrong.
    pub right_suspect: usize,
    pub wrong: usize,
    /// Wrong ones of which the tool does not say so.
    pub wrong_unmarked: usize,
    pub intact: usize,
    /// Wrong ones that the tool calls intact.
    pub wrong_intact: usize,
    /// Wrong ones that lost bytes to the damage.
    pub wiped: usize,
    pub wiped_suspect: usize,
    /// Bytes that the tool vouches for and that are not the stream's.
    pub wrong_bytes: u64,
}

impl AddAssign for FileCounts {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.right_suspect += other.right_suspect;
        self.wrong += other.wrong;
        self.wrong_unmarked += other.wrong_unmarked;
        self.intact += other.intact;
        self.wrong_intact += other.wrong_intact;
        self.wiped += other.wiped;
        self.wiped_suspect += other.wiped_suspect;
        self.wrong_bytes += other.wrong_bytes;
    }
}

impl AddAssign<&Score> for Score {
    fn add_assign(&mut self, other: &Score) {
        self.wanted += other.wanted;
        self.bound += other.bound;
        self.recovered += other.recovered;
        self.missed += other.missed;
        self.names_wanted += other.names_wanted;
        self.names += other.names;
        self.paths += other.paths;
        self.files += other.files;
        for (verdict, (right, all)) in &other.verdicts {
            let own = self.verdicts.entry(verdict.clone()).or_default();
            *own = (own.0 + right, own.1 + all);
        }
        self.listing += other.listing;
        self.recovery += other.recovery;
    }
}

/// What a case asks of any tool.
pub struct Judge<'t> {
    pub truth: &'t Truth,
    pub damage: &'t Ranges,
}

impl Judge<'_> {
    pub fn score(&self, given: &Given) -> Result<Score, Box<dyn Error>> {
        let mut score = Score { listing: given.listing, recovery: given.recovery, ..Score::default() };
        score.names_wanted = self.truth.names.len();
        score.names = self.truth.names.iter().filter(|link| given.names.contains(&link.name)).count();
        score.paths = self.truth.names.iter().filter(|link| given.paths.contains(&link.path)).count();
        let (counts, recovered) = self.files(&given.files, &mut score.notes)?;
        score.files = counts;
        score.verdicts = self.verdicts(&given.files)?;
        for (index, stream) in self.truth.streams.iter().enumerate().filter(|(_, stream)| stream.is_wanted()) {
            let (is_bound, is_recovered) = (self.is_untouched(stream), recovered.contains(&index));
            score.wanted += 1;
            score.bound += usize::from(is_bound);
            score.recovered += usize::from(is_recovered);
            if is_bound && !is_recovered {
                score.missed += 1;
                let _ = writeln!(score.notes, "missed: {}", describe(stream));
            }
        }
        for link in self.truth.names.iter().filter(|link| !given.names.contains(&link.name)) {
            let is_there = !self.damage.touch_any(&link.records);
            let record = if is_there { "its record is untouched" } else { "its record is touched" };
            let _ = writeln!(score.notes, "no name: {}, {record}", link.path);
        }
        Ok(score)
    }

    /// How often each verdict was right.
    fn verdicts(&self, files: &[File]) -> Result<BTreeMap<String, (usize, usize)>, Box<dyn Error>> {
        let mut verdicts = BTreeMap::<String, (usize, usize)>::new();
        for file in files.iter().filter(|file| !is_systems_own(file)) {
            let Some(verdict) = &file.verdict else { continue };
            let hash = sha256(&fs::read(&file.path)?);
            let is_right = self.stream_of(file, &hash).is_some_and(|index| self.truth.streams[index].sha256 == hash);
            let (right, all) = verdicts.entry(verdict.clone()).or_default();
            *right += usize::from(is_right);
            *all += 1;
        }
        Ok(verdicts)
    }

    /// Judges each file, and says which streams were given back.
    pub fn files(&self, files: &[File], notes: &mut String) -> Result<(FileCounts, HashSet<usize>), Box<dyn Error>> {
        let (mut counts, mut recovered) = (FileCounts::default(), HashSet::new());
        for file in files.iter().filter(|file| !is_systems_own(file)) {
            let content = fs::read(&file.path)?;
            let hash = sha256(&content);
            let stream = self.stream_of(file, &hash);
            let is_right = match stream {
                Some(index) => self.truth.streams[index].sha256 == hash,
                // Nothing says that nothing should be there.
                None => content.is_empty(),
            };
            if is_right {
                recovered.extend(stream);
            }
            self.count(file, &content, stream.map(|index| &self.truth.streams[index]), is_right, &mut counts, notes)?;
        }
        Ok((counts, recovered))
    }

    /// Whether the stream has to be recovered. What a later format changed is lost to the older volume only.
    fn is_untouched(&self, stream: &Stream) -> bool {
        let is_of_the_format = !stream.is_old && self.truth.streams.iter().any(|other| other.is_old);
        is_of_the_format || stream.is_untouched(self.damage)
    }

    /// The stream that a file is said to be. Where the tool has no name for it, its content says.
    fn stream_of(&self, file: &File, hash: &str) -> Option<usize> {
        let known = file.name.as_deref().filter(|name| self.truth.has_name(name));
        if let Some(name) = known {
            return self.truth.stream(name, &file.stream);
        }
        let by_content = || self.truth.streams.iter().position(|stream| stream.sha256 == hash);
        let by_record = || {
            let (start, record) = file.record?;
            let is_only = self.truth.changed.is_empty() && self.truth.volumes.iter().all(|it| it.start == start);
            let is_it = |stream: &Stream| stream.record == record && stream.stream == file.stream;
            is_only.then(|| self.truth.streams.iter().position(is_it)).flatten()
        };
        by_record().or_else(by_content)
    }

    fn count(
        &self,
        file: &File,
        content: &[u8],
        stream: Option<&Stream>,
        is_right: bool,
        counts: &mut FileCounts,
        notes: &mut String,
    ) -> Result<(), Box<dyn Error>> {
        let truth = stream.map(|stream| self.truth.content(stream)).transpose()?.unwrap_or_default();
        let wrong_bytes = file.vouched.iter().map(|range| differing(content, &truth, *range)).sum::<u64>();
        counts.wrong_bytes += wrong_bytes;
        counts.intact += usize::from(file.is_intact);
        if is_right {
            counts.right += 1;
            counts.right_suspect += usize::from(file.is_suspect);
            return Ok(());
        }
        counts.wrong += 1;
        counts.wrong_unmarked += usize::from(!file.is_suspect);
        counts.wrong_intact += usize::from(file.is_intact);
        let lost = |stream: &Stream| stream.state != State::Overwritten && !self.is_untouched(stream);
        if stream.is_some_and(lost) {
            counts.wiped += 1;
            counts.wiped_suspect += usize::from(file.is_suspect);
        }
        let what = stream.map_or_else(|| "no stream there ever was".into(), describe);
        let mark = if file.is_suspect { "marked" } else { "NOT MARKED" };
        writeln!(notes, "wrong, {mark}, {wrong_bytes} bytes vouched for: {}: {what}", file.path.display())?;
        Ok(())
    }
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn describe(stream: &Stream) -> String {
    let Stream { name, stream, record, size, state, .. } = stream;
    format!("record {record}, {state:?}, {size} bytes, {name}:{stream}")
}

/// `$MFT` and its like are no files of the truth.
fn is_systems_own(file: &File) -> bool {
    file.name.as_deref().is_some_and(|name| name.starts_with('$'))
}

/// How many bytes of a range are not what they should be, all where the truth has none.
fn differing(content: &[u8], truth: &[u8], (offset, length): (u64, u64)) -> u64 {
    let end = (offset + length).min(content.len() as u64) as usize;
    (offset as usize..end).filter(|&at| truth.get(at) != content.get(at)).count() as u64
}
