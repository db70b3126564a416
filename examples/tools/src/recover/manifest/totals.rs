//! What was recovered, in numbers.

use std::collections::BTreeMap;

use crate::command::failure::say;
use crate::files::verified_content::size_of;
use crate::recover::manifest::earlier::Kept;
use crate::recover::plan::job::{Job, Obstacle};

/// Streams by their verdict, and what became of them.
#[derive(Debug, Default)]
pub struct Totals {
    pub streams: u64,
    /// Streams that are in a file now, and the bytes of those.
    pub written: u64,
    pub bytes: u64,
    /// Streams of which nothing is left to write.
    pub without_content: u64,
    /// Streams larger than the user wants.
    pub too_large: u64,
    /// NTFS's own files, which were not asked for.
    pub left_out: u64,
    pub failed: u64,
    pub directories: u64,
    pub verdicts: BTreeMap<&'static str, u64>,
    /// What the contents that were judged said of themselves.
    pub contents: BTreeMap<&'static str, u64>,
    /// The first failure, for the message at the end.
    pub first_failure: Option<String>,
}

impl Totals {
    /// Counts a stream: is it in a file now, and if not, was there an error?
    pub fn count<'p>(&mut self, job: &Job<'_>, is_written: bool, error: Option<&str>, path: impl FnOnce() -> &'p str) {
        self.streams += 1;
        *self.verdicts.entry(job.found.verdict().code()).or_default() += 1;
        if let Some(judgement) = &job.judgement {
            *self.contents.entry(judgement.state.code()).or_default() += 1;
        }
        match (is_written, job.obstacle, error) {
            (true, _, error) => {
                self.written += 1;
                self.bytes = self.bytes.saturating_add(size_of(job.found.ranges()));
                if let Some(error) = error {
                    self.fail(|| format!("{}: {error}", path()));
                }
            }
            (false, Some(Obstacle::TooLarge), _) => self.too_large += 1,
            (false, Some(Obstacle::NothingLeft), _) => self.without_content += 1,
            (false, None, error) => self.fail(|| format!("{}: {}", path(), error.unwrap_or_default())),
        }
    }

    /// Counts a stream that an interrupted run has written.
    pub fn keep(&mut self, kept: &Kept) {
        self.streams += 1;
        self.written += 1;
        self.bytes = self.bytes.saturating_add(kept.bytes);
        *self.verdicts.entry(kept.verdict).or_default() += 1;
        if let Some(code) = kept.content {
            *self.contents.entry(code).or_default() += 1;
        }
    }

    pub fn fail(&mut self, what: impl FnOnce() -> String) {
        self.failed += 1;
        self.first_failure.get_or_insert_with(what);
    }

    pub fn add(&mut self, other: Self) {
        self.streams += other.streams;
        self.written += other.written;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.without_content += other.without_content;
        self.too_large += other.too_large;
        self.left_out += other.left_out;
        self.failed += other.failed;
        self.directories += other.directories;
        other.verdicts.into_iter().for_each(|(verdict, count)| *self.verdicts.entry(verdict).or_default() += count);
        other.contents.into_iter().for_each(|(state, count)| *self.contents.entry(state).or_default() += count);
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }

    /// Prints them for people.
    pub fn print(&self) {
        say(format_args!("  written  {} of {} streams, {} bytes", self.written, self.streams, self.bytes));
        let verdicts: Vec<_> = self.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        if !verdicts.is_empty() {
            say(format_args!("  verdicts {}", verdicts.join(", ")));
        }
        let contents: Vec<_> = self.contents.iter().map(|(state, count)| format!("{count} {state}")).collect();
        if !contents.is_empty() {
            say(format_args!("  contents {}", contents.join(", ")));
        }
        let others = [
            ("nothing left of", self.without_content),
            ("larger than asked for", self.too_large),
            ("files of NTFS's own left out (--system or --path takes them)", self.left_out),
            ("failed", self.failed),
        ];
        for (what, count) in others.into_iter().filter(|(_, count)| *count > 0) {
            say(format_args!("  {what}: {count}"));
        }
    }
}
