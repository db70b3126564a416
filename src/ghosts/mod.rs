//! Ghosts: looking for files that no record describes, in the indexes of directories and in what is left of them.

mod contested_indexes;
mod search;
mod slack;

use crate::base::threads::Threads;
use crate::catalog::{Catalog, pass};
use crate::volume::Volume;

impl<'s> Volume<'s> {
    /// Passes over the MFT once and collects what paths and files need, on all cores. Where slots of a
    /// volume's table hold no record though they should, [ghosts](Catalog::with_ghosts) are looked for,
    /// too; not in a bare table, which has next to nothing of its indexes, but for those that a scan found.
    #[must_use]
    pub fn catalog(&self) -> Catalog<'s> {
        self.catalog_with(&Threads::default())
    }

    /// The same on the given threads.
    #[must_use]
    pub fn catalog_with(&self, threads: &Threads) -> Catalog<'s> {
        let catalog = pass::run(self, threads);
        let has_found_indexes = self.lost_indexes().is_some_and(|found| !found.is_empty());
        let is_wanted = match self.geometry().is_some() && self.mft().record_count() > 0 {
            true => catalog.missing_records() > 0,
            // What a scan found of indexes belongs to no other table.
            false => has_found_indexes,
        };
        if is_wanted { catalog.with_ghosts(threads) } else { catalog }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::threads::Threads;
    use crate::volume::Volume;
    use crate::volume::forged_volume::{Forged, directory, file, table};

    #[test]
    fn ghosts_are_looked_for_where_a_volume_has_lost_records() {
        let child = || file().name((40, 1), 3, "child");
        let records = |lost: &[u64]| {
            let all = (1..64).filter(|number| ![5, 6].contains(number) && !lost.contains(number));
            let named = |number| (number, if number == 30 { child() } else { file() });
            all.map(named).chain([(5, directory((5, 5), ".").sequence(5))]).collect::<Vec<_>>()
        };
        let ghosts = |lost: &[u64]| Forged::new(records(lost)).volume().catalog().ghosts().len();
        assert_eq!((ghosts(&[]), ghosts(&[40])), (0, 1));
        let child_of_an_earlier_life = (31, file().name((40, 2), 3, "child"));
        let sound = records(&[31]).into_iter().chain([child_of_an_earlier_life]).collect();
        assert_eq!(Forged::new(sound).volume().catalog().ghosts().len(), 0, "a sound volume is not searched");
        let bare = table(records(&[40]));
        let volume = Volume::from_table(&bare).unwrap();
        assert_eq!(volume.catalog().ghosts().len(), 0, "a bare table has next to nothing of its indexes");
        assert_eq!(volume.catalog().with_ghosts(&Threads::default()).ghosts().len(), 1);
    }
}
