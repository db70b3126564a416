//! What is wanted.

use globset::GlobSet;
use ntfs_salvage::recoverability::Verdict;
use ntfs_salvage::{Entry, EntryState};

use crate::command::failure::Failure;
use crate::command::globs::globs;
use crate::command::record_choice::RecordChoice;
use crate::recover::arguments::Arguments;

/// What the user asked for.
pub struct Selection {
    deleted_only: bool,
    system: bool,
    paths: Option<GlobSet>,
    records: Vec<RecordChoice>,
    verdicts: Vec<Verdict>,
    /// Whether contents are judged.
    pub judges: bool,
    max_size: u64,
}

impl Selection {
    /// Records that NTFS keeps for its own files.
    const SYSTEM_RECORDS: u64 = 24;
    const SYSTEM_FILES: u64 = 12;
    const ROOT: u64 = 5;

    pub fn of(arguments: &Arguments) -> Result<Self, Failure> {
        Ok(Self {
            deleted_only: arguments.deleted,
            system: arguments.system,
            paths: globs(&arguments.paths)?,
            records: arguments.records.clone(),
            verdicts: arguments.verdicts.clone(),
            judges: !arguments.no_verify_content,
            max_size: arguments.max_size.unwrap_or(u64::MAX),
        })
    }

    /// True when records were named: then one that is not found is an error.
    pub fn names_records(&self) -> bool {
        !self.records.is_empty()
    }

    fn is_chosen(&self, entry: &Entry<'_>) -> bool {
        let is_it = |choice: &RecordChoice| {
            choice.number == entry.record_number()
                && choice.sequence.is_none_or(|sequence| sequence == entry.sequence_number())
        };
        self.records.iter().any(is_it)
    }

    pub fn entry(&self, entry: &Entry<'_>) -> bool {
        let state_fits = !self.deleted_only || entry.state() != EntryState::Live;
        let is_own = Self::is_own(entry);
        match self.names_records() {
            true => self.is_chosen(entry) && state_fits,
            false => state_fits && (self.takes_own() || !is_own),
        }
    }

    /// True for a record of NTFS's own. Those that are kept for it without a name are used for files where there is no
    /// other: for the logs of chkdsk.
    fn is_own(entry: &Entry<'_>) -> bool {
        let number = entry.record_number();
        let is_kept = number < Self::SYSTEM_RECORDS && entry.links().is_empty();
        (number < Self::SYSTEM_FILES || is_kept) && number != Self::ROOT
    }

    /// True when NTFS's own files are not left out by themselves: what is asked for by name is wanted.
    fn takes_own(&self) -> bool {
        self.system || self.paths.is_some() || self.names_records()
    }

    /// True for one of NTFS's own records that is left out only for being that.
    pub fn leaves_out(&self, entry: &Entry<'_>) -> bool {
        let is_own = Self::is_own(entry);
        is_own && !self.takes_own() && (!self.deleted_only || entry.state() != EntryState::Live)
    }

    /// By its path, which starts with the reason where it is not whole.
    pub fn path(&self, path: &str) -> bool {
        !self.leaves_out_path(path) && self.paths.as_ref().is_none_or(|globs| globs.is_match(path))
    }

    /// True for what is in `$Extend`, but for users' files that were deleted while they were open.
    pub fn leaves_out_path(&self, path: &str) -> bool {
        let is_own = path.starts_with("/$Extend/") && !path.starts_with("/$Extend/$Deleted/");
        is_own && !self.takes_own()
    }

    /// Files without a name are left out only where paths are asked for.
    pub fn nameless(&self) -> bool {
        self.paths.is_none()
    }

    pub fn asks_for_verdicts(&self) -> bool {
        !self.verdicts.is_empty()
    }

    pub fn verdict(&self, verdict: Verdict) -> bool {
        self.verdicts.is_empty() || self.verdicts.contains(&verdict)
    }

    /// True also for what is likely where what is intact is wanted: contents that are judged may raise it.
    pub fn may_want(&self, verdict: Verdict) -> bool {
        self.verdict(verdict) || (self.judges && verdict == Verdict::Likely && self.verdict(Verdict::Intact))
    }

    pub fn is_too_large(&self, size: u64) -> bool {
        size > self.max_size
    }
}
