//! What was found, in a few lines on the standard error.

use std::collections::BTreeMap;

use ntfs_salvage::catalog::{Counts, Parts};
use ntfs_salvage::{Damage, EntryState};

use crate::command::failure::say;
use crate::input::volumes::Opened;

/// Entries by state, and damage by code.
#[derive(Debug, Default)]
pub struct Tally {
    pub counts: Counts,
    live: u64,
    deleted: u64,
    orphans: u64,
    ghosts: u64,
    damaged: u64,
    damage: BTreeMap<&'static str, u64>,
    /// What the volume says of its own condition.
    pub condition: Vec<String>,
    /// Files of which no name is left in their records.
    nameless: u64,
    /// Whether ghosts were looked for.
    has_missing_records: bool,
}

impl Tally {
    pub fn new(counts: Counts, condition: Vec<String>, has_missing_records: bool) -> Self {
        Self { counts, condition, has_missing_records, ..Self::default() }
    }

    pub fn count(&mut self, state: EntryState, parts: &Parts<'_>) {
        let damage = parts.damage.as_slice();
        self.nameless += u64::from(parts.links.is_empty() && matches!(state, EntryState::Deleted));
        match state {
            EntryState::Live => self.live += 1,
            EntryState::Deleted => self.deleted += 1,
            EntryState::Ghost => self.ghosts += 1,
            _ => self.orphans += 1,
        }
        self.damaged += u64::from(!damage.is_empty());
        self.count_damage(damage.iter().copied());
    }

    fn count_damage(&mut self, damage: impl Iterator<Item = Damage>) {
        damage.for_each(|damage| *self.damage.entry(damage.kind.code()).or_default() += 1);
    }

    pub fn add(&mut self, other: &Self) {
        self.live += other.live;
        self.deleted += other.deleted;
        self.orphans += other.orphans;
        self.ghosts += other.ghosts;
        self.damaged += other.damaged;
        self.nameless += other.nameless;
        other.damage.iter().for_each(|(code, count)| *self.damage.entry(code).or_default() += count);
    }

    /// Prints what was found in a volume.
    pub fn print(&self, opened: &Opened<'_>) {
        let counts = self.counts;
        say(opened);
        let other = [
            ("BAAD", counts.baad_records),
            ("blank", counts.blank),
            ("unknown", counts.unknown),
            ("unreadable", counts.unreadable),
        ];
        say(format_args!("  slots    {}: {} FILE{}", counts.slots, counts.file_records, listed(&other)));
        let others = [("deleted", self.deleted), ("orphan", self.orphans), ("ghost", self.ghosts)];
        say(format_args!(
            "  entries  {}: {} live{}",
            self.live + self.deleted + self.orphans + self.ghosts,
            self.live,
            listed(&others)
        ));
        if opened.volume.geometry().is_some() && self.nameless > 0 && !self.has_missing_records {
            let (nameless, files) = (self.nameless, if self.nameless == 1 { "file" } else { "files" });
            say(format_args!("  names    of {nameless} nameless {files} may be left: --ghosts looks for them"));
        }
        self.condition.iter().for_each(|text| say(format_args!("  volume   {text}")));
        let lost = counts.unknown + counts.unreadable + counts.baad_records;
        if opened.volume.geometry().is_none() && lost > 0 && self.ghosts == 0 {
            say(format_args!("  names    of {lost} slots without a record may be left: --ghosts looks for them"));
        }
        let of_volume = || opened.disk_damage.iter().copied().chain(opened.volume.damage());
        of_volume().for_each(|damage| say(format_args!("  damage   {}: {damage}", damage.kind.code())));
        if self.damaged > 0 {
            let codes: Vec<_> = self.damage.iter().map(|(code, count)| format!("{code} {count}")).collect();
            say(format_args!("  damage   in {} entries: {}", self.damaged, codes.join(", ")));
        } else if of_volume().next().is_none() {
            say("  damage   none");
        }
    }
}

/// The counts that are not zero, each behind a comma.
fn listed(counts: &[(&str, u64)]) -> String {
    counts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!(", {count} {what}")).collect()
}
