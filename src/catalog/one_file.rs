//! The catalog of one file alone: its records, and the directories on its way to the root.

use std::collections::BTreeMap;

use super::Catalog;
use super::extensions::Listed;
use super::pass::Part;
use super::slot::{Slot, SlotFlags, Slots};
use crate::base::reference::{FileReference, SequenceMatch};
use crate::structure::attribute::Attribute;
use crate::structure::record::Record;
use crate::volume::Volume;

impl<'v> Volume<'v> {
    /// The catalog of the file that record `number` is a part of, and of the directories that its paths go through:
    /// its [entry](Catalog::entry) and its [paths](Catalog::paths) are those of the whole [catalog](Self::catalog), at
    /// the price of a few records.
    ///
    /// `None` where only a pass over all of the table tells what belongs to the file: where a record on the way is
    /// damaged, was used again or has no name, where a deleted file had extension records, and where an attribute list
    /// does not name what it should.
    #[must_use]
    pub fn catalog_of_record(&self, number: u64) -> Option<Catalog<'v>> {
        let mut looked = Looked { volume: self, part: Part::default(), slots: BTreeMap::new() };
        let record = looked.record(number)?;
        let base = match record.is_base_record() {
            true => FileReference::new(number, record.header().sequence_number()),
            false => record.header().base_reference(),
        };
        let mut parents = looked.file(base, Some(number))?;
        while let Some(parent) = parents.pop() {
            if parent.record_number() != Catalog::ROOT && !looked.slots.contains_key(&parent.record_number()) {
                parents.extend(looked.file(parent, None)?);
            }
            if looked.slots.len() > MOST_RECORDS || !looked.is_meant(parent) {
                return None;
            }
        }
        Some(Catalog::of_few(self, Slots::few(looked.slots), looked.part))
    }
}

/// Records that a file and its directories have at most: of more, a pass takes no longer.
const MOST_RECORDS: usize = 4096;
/// Bytes of an attribute list that are read at most.
const LONGEST_LIST: u64 = 1 << 20;

/// What was looked at so far.
struct Looked<'l, 'v> {
    volume: &'l Volume<'v>,
    part: Part,
    slots: BTreeMap<u64, Slot>,
}

impl Looked<'_, '_> {
    /// The record of a slot that is whole.
    fn record(&self, number: u64) -> Option<Record<'static>> {
        let (bytes, _) = self.volume.mft().slot(number).ok().filter(|(_, missing)| missing.is_empty())?;
        Record::from_vec(number, bytes).ok()
    }

    fn look_at(&mut self, number: u64) -> Option<()> {
        if !self.slots.contains_key(&number) {
            let (mut bytes, _) = self.volume.mft().slot(number).ok()?;
            let slot = self.part.look_at(number, &mut bytes);
            self.slots.insert(number, slot);
        }
        Some(())
    }

    /// Looks at the records of a file, `member` among them, and gives the directories that its names are in; of a file
    /// that is on the way to another it has to be in use.
    fn file(&mut self, file: FileReference, member: Option<u64>) -> Option<Vec<FileReference>> {
        let number = file.record_number();
        let base = self.record(number).filter(|record| record.is_base_record() && record.is_sound())?;
        let is_in_use = base.header().is_in_use();
        let is_meant = file.matches(base.header().sequence_number(), is_in_use) == SequenceMatch::Same;
        if !is_meant || (member.is_none() && !is_in_use) {
            return None;
        }
        self.look_at(number)?;
        let mut records = vec![base];
        match Listed::in_record(self.volume, records.first()?, LONGEST_LIST) {
            Listed::Unknown => return None,
            // What else names a deleted file, and in which of its lives, only a pass tells.
            Listed::These(_) if !is_in_use => return None,
            Listed::These(listed) => {
                for extension in
                    listed.iter().map(|reference| reference.record_number()).filter(|listed| *listed != number)
                {
                    let extension = self.record(extension).filter(Record::is_sound)?;
                    self.look_at(extension.number())?;
                    records.push(extension);
                }
            }
            Listed::Nobody => {}
        }
        let names = |record: &Record<'_>| parents_in(record).count();
        let has_all_names = usize::from(records.first()?.header().link_count()) <= records.iter().map(names).sum();
        let has_member = member.is_none_or(|member| self.slots.contains_key(&member));
        let parents: Vec<FileReference> = records.iter().flat_map(parents_in).collect();
        (has_member && (has_all_names || !is_in_use) && !parents.is_empty()).then_some(parents)
    }

    /// True where a directory is there, in this life, and has a name.
    fn is_meant(&self, directory: FileReference) -> bool {
        if directory.record_number() == Catalog::ROOT {
            return true;
        }
        self.slots.get(&directory.record_number()).is_some_and(|slot| {
            let is_directory = slot.flags().contains(SlotFlags::DIRECTORY | SlotFlags::IN_USE);
            is_directory && directory.matches(slot.sequence(), true) == SequenceMatch::Same
        })
    }
}

/// The directories of the names in a record.
fn parents_in<'r>(record: &'r Record<'_>) -> impl Iterator<Item = FileReference> + 'r {
    let attributes = record.attributes().filter_map(Result::ok);
    attributes.filter_map(|attribute: Attribute<'_>| attribute.file_name().ok().map(|(name, _)| name.parent()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Threads;
    use crate::source;
    use crate::structure::forge::Forge;
    use crate::volume::forged_volume::{Forged, directory, file};

    fn told(catalog: &Catalog<'_>, number: u64) -> String {
        let Ok(entry) = catalog.entry(number) else { return String::new() };
        let paths: Vec<_> = entry.paths().map(|path| path.text).collect();
        format!("{} {:?} {paths:?} {:?}", entry.reference(), entry.state(), entry.parts())
    }

    #[test]
    fn a_file_alone_is_what_it_is_among_all() {
        for (image, least) in [("plain", 20), ("links_streams", 20), ("deleted", 20), ("4kn", 10)] {
            let source = source::open(format!("{}/testdata/{image}.img", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let volume = Volume::open(&source).unwrap();
            let all = volume.catalog();
            let mut alone = 0;
            for number in 0..volume.mft().record_count() {
                if let Some(catalog) = volume.catalog_of_record(number) {
                    alone += 1;
                    assert_eq!(told(&catalog, number), told(&all, number), "{image}: record {number}");
                }
            }
            assert!(alone > least, "{image}: {alone}");
        }
    }

    #[test]
    fn a_file_alone_takes_as_many_reads_as_it_has_records_and_directories() {
        let files = (40..60).map(|number| (number, file()));
        let way = [(30, directory((5, 5), "a")), (31, directory((30, 1), "b")), (32, directory((31, 1), "c"))];
        let own = [(33, Forge::new(1024).name((32, 1), 3, "d"))];
        let root = [(5, directory((5, 5), ".").sequence(5))];
        let forged = Forged::new(root.into_iter().chain(way).chain(own).chain(files).collect());
        let volume = forged.volume();
        let table = 0..u64::MAX;
        let before = forged.reads_in(table.clone());
        let catalog = volume.catalog_of_record(33).unwrap();
        assert_eq!(catalog.entry(33).unwrap().paths().next().unwrap().text, "/a/b/c/d");
        let taken = forged.reads_in(table.clone()) - before;
        assert!(taken <= 12, "{taken} reads");
        assert!(volume.catalog_of_record(1 << 40).is_none());
        let before = forged.reads_in(table.clone());
        let all = volume.catalog_with(&Threads::single());
        assert_eq!(told(&catalog, 33), told(&all, 33));
        assert!(forged.reads_in(table) > before, "reads are counted");
    }
}
