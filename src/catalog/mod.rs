//! The catalog: what is in use, who is whose parent, which records belong together.
//!
//! One pass over the table collects what paths and files need; then the entries come one by one,
//! each read when its turn comes.

pub mod assessment;
pub mod claims;
mod compressed_units;
pub mod content_witness;
mod contested_indexes;
mod decoder;
mod directory_index;
pub mod encoding;
mod entries;
pub mod entry;
pub mod exposure;
#[cfg(test)]
mod forged_volume;
pub mod ghost;
mod ghost_search;
pub mod link;
mod overlay;
pub(crate) mod owners;
pub mod parts;
mod pass;
pub mod path;
mod path_budget;
pub mod recoverability;
mod resident;
pub mod security;
mod slack;
mod slot;
pub mod standing;
pub mod stream;
pub mod stream_map;
pub mod stream_range;
pub mod stream_reader;

use std::ops::Range;

use crate::base::reference::{FileReference, SequenceMatch};
use crate::base::threads::Threads;
use crate::volume::Volume;
use crate::volume::mft::Mft;
use ghost::Ghosts;
use slot::{Slot, SlotFlags};

pub use assessment::{Assessment, RecoverabilityOptions};
pub use claims::{Age, Claim, Claimant, Claims};
pub use content_witness::ContentWitness;
pub use encoding::Encoding;
pub use entries::{Batch, Entries};
pub use entry::{Entry, EntryState, Provenance};
pub use exposure::Exposure;
pub use ghost::{Ghost, Witness};
pub use link::Link;
pub use parts::Parts;
pub use path::{Path, PathEnd, Paths};
pub use recoverability::{AssessedRange, ByteCounts, Reasons, Recoverability, Verdict};
pub use security::Security;
pub use standing::Standing;
pub use stream::Stream;
pub use stream_map::StreamMap;
pub use stream_range::{Missing, Origin, StreamRange};
pub use stream_reader::{Reading, StreamReader, Unproven};

/// The files of a volume.
///
/// Takes 8 bytes a record, 24 bytes and the name a directory, and 24 bytes an extension record.
#[derive(Debug)]
pub struct Catalog<'v> {
    volume: &'v Volume<'v>,
    slots: Vec<Slot>,
    directories: Vec<Directory>,
    /// The names of the directories, one behind the other, UTF-16LE.
    names: Vec<u8>,
    /// Extension records by the base record they belong to, sorted.
    extensions: Vec<Extension>,
    /// Places in `extensions`, sorted by the numbers of the extension records.
    by_number: Vec<usize>,
    counts: Counts,
    /// How many UTF-16 units of a directory's text are put before a name.
    longest_path: usize,
    ghosts: Ghosts,
}

/// What the catalog keeps of a directory.
#[derive(Debug, Clone, Copy)]
struct Directory {
    parent: FileReference,
    name_offset: usize,
    name_length: u16,
    /// How much the name is wanted: the Win32 name before the DOS name.
    rank: u8,
}

/// `number` extends `base`, or, where no base is left, the record `base` as the first of what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extension {
    base: u64,
    number: u64,
}

/// How many slots of the table hold what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Slots of the table.
    pub slots: u64,
    /// Slots with a FILE record.
    pub file_records: u64,
    /// Slots with a BAAD record.
    pub baad_records: u64,
    /// FILE and BAAD records in use.
    pub in_use: u64,
    /// FILE and BAAD records of directories, deleted ones included.
    pub directories: u64,
    /// FILE and BAAD records that extend another.
    pub extension_records: u64,
    /// Slots without a signature: never used, or wiped.
    pub blank: u64,
    /// Slots with something else than a record in them.
    pub unknown: u64,
    /// Slots of which no byte could be read.
    pub unreadable: u64,
}

impl<'s> Volume<'s> {
    /// Passes over the MFT once and collects what paths and files need, on all cores. Where slots of a
    /// volume's table hold no record though they should, [ghosts](Catalog::with_ghosts) are looked for,
    /// too; not in a bare table, which has next to nothing of its indexes.
    #[must_use]
    pub fn catalog(&self) -> Catalog<'_> {
        self.catalog_with(&Threads::default())
    }

    /// The same on the given threads.
    #[must_use]
    pub fn catalog_with(&self, threads: &Threads) -> Catalog<'_> {
        let catalog = pass::run(self, threads);
        let is_haunted = self.geometry().is_some() && catalog.missing_records() > 0;
        if is_haunted { catalog.with_ghosts(threads) } else { catalog }
    }
}

impl<'v> Catalog<'v> {
    const ROOT: u64 = 5;
    /// Records that Windows leaves zero.
    const UNUSED: Range<usize> = 16..24;

    /// The volume the catalog was made from.
    #[must_use]
    pub fn volume(&self) -> &'v Volume<'v> {
        self.volume
    }

    pub(crate) fn mft(&self) -> &'v Mft<'v> {
        self.volume.mft()
    }

    /// How many slots of the table hold what.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// True when slots among the records are zero. Windows and ntfs-3g write every record before they use a later
    /// one, but for those between NTFS's own and the first of users: where others are zero, the medium was wiped
    /// in places, or an image has zeros where it could not be read.
    #[must_use]
    pub fn has_blank_records(&self) -> bool {
        let last = self.slots.iter().rposition(|slot| slot.flags().contains(SlotFlags::RECORD)).unwrap_or(0);
        let before = self.slots.iter().take(last).enumerate();
        before.filter(|(number, _)| !Self::UNUSED.contains(number)).any(|(_, slot)| slot.flags().is_empty())
    }

    fn slot(&self, number: u64) -> Option<Slot> {
        self.slots.get(usize::try_from(number).ok()?).copied()
    }

    /// The extension records of `base`, in order.
    fn extensions_of(&self, base: u64) -> &[Extension] {
        let start = self.extensions.partition_point(|extension| extension.base < base);
        let rest = self.extensions.get(start..).unwrap_or_default();
        let length = rest.partition_point(|extension| extension.base == base);
        rest.get(..length).unwrap_or_default()
    }

    /// The record that `number` belongs to, where it is joined to another.
    fn joined_to(&self, number: u64) -> Option<u64> {
        let at = |place: &usize| self.extensions.get(*place);
        let key = |place: &usize| at(place).map(|extension| extension.number);
        let index = self.by_number.binary_search_by_key(&Some(number), key).ok()?;
        self.by_number.get(index).and_then(at).map(|extension| extension.base)
    }

    /// The directory that a reference means, or why there is none: one step of a path.
    fn directory(&self, reference: FileReference) -> Result<&Directory, PathEnd> {
        let index = self.directory_index(reference)?;
        self.directories.get(index).ok_or(PathEnd::Unnamed(reference))
    }

    /// Where that directory stands among the directories: a record's, or a ghost's.
    fn directory_index(&self, reference: FileReference) -> Result<usize, PathEnd> {
        self.index_of_record(reference).or_else(|end| self.ghost_directory(end))
    }

    fn index_of_record(&self, reference: FileReference) -> Result<usize, PathEnd> {
        let number = reference.record_number();
        let slot = self.slot(number).filter(|slot| slot.flags().contains(SlotFlags::RECORD));
        let is_root = number == Self::ROOT;
        let Some(slot) = slot else {
            // The root needs no record to be the root.
            return Err(if is_root { PathEnd::Root } else { PathEnd::Missing(reference) });
        };
        let flags = slot.flags();
        if reference.matches(slot.sequence(), flags.contains(SlotFlags::IN_USE)) == SequenceMatch::Other {
            return Err(PathEnd::Reused(reference));
        }
        if is_root {
            return Err(PathEnd::Root);
        }
        if !flags.contains(SlotFlags::DIRECTORY) || flags.contains(SlotFlags::EXTENSION) {
            return Err(PathEnd::NotADirectory(reference));
        }
        slot.directory().ok_or(PathEnd::Unnamed(reference))
    }
}

#[cfg(test)]
mod tests {
    use super::forged_volume::{Forged, directory, file, table};
    use super::{Threads, Volume};

    #[test]
    fn blank_slots_among_records_were_lost() {
        let has_blank = |numbers: &[u64], last: u64| {
            let records = (0..=last).filter(|number| !numbers.contains(number));
            let table = table(records.map(|number| (number, file())));
            Volume::from_table(&table).unwrap().catalog().has_blank_records()
        };
        assert!(!has_blank(&[], 40));
        assert!(!has_blank(&(16..24).collect::<Vec<_>>(), 40), "Windows leaves these zero");
        assert!(has_blank(&[15], 40) && has_blank(&[24], 40) && has_blank(&[3], 40) && has_blank(&[39], 40));
        // What lies behind the last record was never written.
        let mut bytes = table((0..30).map(|number| (number, file())));
        bytes.resize(64 * 1024, 0);
        assert!(!Volume::from_table(&bytes).unwrap().catalog().has_blank_records());
        bytes[29 * 1024..29 * 1024 + 4].copy_from_slice(b"XXXX");
        assert!(!Volume::from_table(&bytes).unwrap().catalog().has_blank_records(), "that is no zeros");
    }

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
