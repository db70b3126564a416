//! What is and was in a directory, by the names of the files themselves.

use std::ops::ControlFlow;

use super::Catalog;
use super::entries::Batch;
use super::entry::{Entry, EntryState};
use super::slot::SlotFlags;
use crate::base::reference::{FileReference, SequenceMatch};
use crate::base::threads::Threads;

/// Who names which directory as its parent: sorted by the directories.
#[derive(Debug, Default)]
pub(super) struct ByParent {
    list: Vec<(FileReference, Place)>,
}

/// Where a catalog has an entry: a record, or one of its ghosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Record(u64),
    Ghost(usize),
}

impl ByParent {
    fn of(catalog: &Catalog<'_>, threads: &Threads) -> Self {
        let mut list = Vec::new();
        let work = |(): &mut (), batch: Batch<'_>| {
            let records = batch.into_entries().filter(|entry| entry.state() != EntryState::Ghost);
            records.flat_map(|entry| parents(&entry, Place::Record(entry.record_number()))).collect()
        };
        let consume = |part: Vec<(FileReference, Place)>| {
            list.extend(part);
            ControlFlow::<()>::Continue(())
        };
        let flow = catalog.scan(threads, || (), work, consume);
        debug_assert!(flow.is_continue(), "nothing breaks the pass");
        let ghosts = (0..catalog.ghosts.count()).filter_map(|index| Some((index, catalog.ghost(index)?)));
        list.extend(ghosts.flat_map(|(index, ghost)| parents(&ghost, Place::Ghost(index))));
        list.sort_unstable();
        list.dedup();
        list.shrink_to_fit();
        Self { list }
    }

    fn of_parent(&self, parent: FileReference) -> &[(FileReference, Place)] {
        let start = self.list.partition_point(|(directory, _)| *directory < parent);
        let rest = self.list.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|(directory, _)| *directory == parent)).unwrap_or_default()
    }
}

/// The directories that the entry at `place` has names in.
fn parents(entry: &Entry<'_>, place: Place) -> Vec<(FileReference, Place)> {
    entry.file_names().map(|(_, name)| (name.parent(), place)).collect()
}

impl<'v> Catalog<'v> {
    /// The entries with a name in a directory: live and deleted files, what is left of others, and
    /// [ghosts](Self::ghosts). Of a deleted directory, those that were in it when it was deleted.
    ///
    /// The first who asks has to wait for a pass over all entries, whose result takes 24 bytes a name from then on.
    /// What the index of a live directory says is at hand at once: [`Volume::children`](crate::Volume::children).
    pub fn children(&self, directory: FileReference) -> impl Iterator<Item = Entry<'_>> {
        self.children_with(directory, &Threads::default())
    }

    /// The same, on the given threads if there was no pass so far.
    pub fn children_with<'a>(
        &'a self,
        directory: FileReference,
        threads: &Threads,
    ) -> impl Iterator<Item = Entry<'a>> + use<'a, 'v> {
        let by_parent = self.by_parent.get_or_init(|| ByParent::of(self, threads));
        let [before, now] = self.lives_of(directory);
        let other: &[_] = if before == now { &[] } else { by_parent.of_parent(now) };
        let places = by_parent.of_parent(before).iter().chain(other).map(|(_, place)| *place);
        places.filter(move |_| !directory.is_zero()).filter_map(|place| match place {
            Place::Record(number) => self.entry(number).ok(),
            Place::Ghost(index) => self.ghost(index),
        })
    }

    /// What names in the directory call it: of one that was deleted since, what it was called before, too.
    fn lives_of(&self, directory: FileReference) -> [FileReference; 2] {
        let slot = self.slot(directory.record_number()).filter(|slot| slot.flags().contains(SlotFlags::RECORD));
        let Some(slot) = slot else { return [directory; 2] };
        let is_in_use = slot.flags().contains(SlotFlags::IN_USE);
        match directory.matches(slot.sequence(), is_in_use) {
            SequenceMatch::Other => [directory; 2],
            _ => FileReference::lives(directory.record_number(), slot.sequence(), is_in_use),
        }
    }
}
