//! `$Extend\\$Deleted`, where Windows 10 keeps what was deleted while somebody had it open.

use std::collections::BTreeSet;

use super::slot::SlotFlags;
use super::{Catalog, Directory};
use crate::base::name::Name;
use crate::base::reference::FileReference;

/// The record of `$Extend`.
const EXTEND: u64 = 11;

/// The directory and all below it, sorted; none where nothing can be in it.
pub(super) fn find(catalog: &Catalog<'_>) -> Vec<FileReference> {
    let directories = || {
        let in_use =
            catalog.slots.iter().filter(|(_, slot)| slot.flags().contains(SlotFlags::IN_USE | SlotFlags::DIRECTORY));
        in_use.filter_map(|(number, slot)| {
            let directory = catalog.directories.get(slot.directory()?)?;
            Some((FileReference::new(number, slot.sequence()), directory))
        })
    };
    let is_deleted =
        |directory: &Directory| directory.parent.record_number() == EXTEND && catalog.name_of(directory).is("$Deleted");
    let mut found: BTreeSet<FileReference> =
        directories().filter(|(_, directory)| is_deleted(directory)).map(|(reference, _)| reference).collect();
    if !directories().any(|(_, directory)| found.contains(&directory.parent)) {
        return found.into_iter().collect();
    }
    let mut by_parent: Vec<(FileReference, FileReference)> =
        directories().map(|(reference, directory)| (directory.parent, reference)).collect();
    by_parent.sort_unstable();
    let mut waiting: Vec<FileReference> = found.iter().copied().collect();
    while let Some(parent) = waiting.pop() {
        let first = by_parent.partition_point(|(of, _)| *of < parent);
        let rest = by_parent.get(first..).unwrap_or_default();
        let children = rest.iter().take_while(|(of, _)| *of == parent).map(|(_, child)| *child);
        waiting.extend(children.filter(|child| found.insert(*child)));
    }
    found.into_iter().collect()
}

impl Catalog<'_> {
    fn name_of(&self, directory: &Directory) -> Name<'_> {
        let end = directory.name_offset.saturating_add(usize::from(directory.name_length));
        Name::new(self.names.get(directory.name_offset..end).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use crate::base::threads::Threads;
    use crate::catalog::entry::EntryState;
    use crate::recoverability::{RecoverabilityOptions, Verdict};
    use crate::volume::forged_volume::{Forged, directory, file, with_runs};

    #[test]
    fn what_was_deleted_while_open_is_deleted_and_keeps_its_clusters() {
        let open = |parent| with_runs(&[(4, Some(300))], 2048, 2048).name(parent, 0, "000C0000000053BD1204FEEF");
        let named = |forge: crate::structure::forge::Forge, parent, name| forge.name(parent, 0, name);
        let bare = || crate::structure::forge::Forge::new(1024);
        let records = vec![
            (5, directory((5, 5), ".").sequence(5)),
            (11, directory((5, 5), "$Extend").sequence(11)),
            (29, directory((11, 11), "$Deleted")),
            (30, open((29, 1))),
            (31, directory((29, 1), "000C0000000053BE1204FEF0")),
            (32, directory((31, 1), "proj")),
            (33, named(bare(), (32, 1), "plan.txt")),
            (34, named(bare(), (29, 2), "another life")),
            (35, directory((5, 5), "$Deleted")),
            (36, named(bare(), (35, 1), "a user's")),
            (37, file()),
        ];
        // Of record 30 the first name is that of `with_runs`, in the root: any of them counts.
        let mut forged = Forged::new(records);
        forged.allocate(300..304);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let states: Vec<_> = (29..38).map(|number| catalog.entry(number).unwrap().state()).collect();
        use EntryState::{Deleted, Live};
        assert_eq!(states, [Live, Deleted, Deleted, Deleted, Deleted, Live, Live, Live, Live]);
        let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default());
        let entry = catalog.entry(30).unwrap();
        assert_eq!(assessment.assess(&entry.streams()[0]).verdict(), Verdict::Intact);
    }
}
