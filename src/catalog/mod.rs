//! The catalog: what is in use, who is whose parent, which records belong together.
//!
//! One pass over the table collects what paths and files need; then the entries come one by one,
//! each read when its turn comes.

mod children;
mod deleted_directories;
pub(crate) mod directory_index;
mod entries;
pub(crate) mod entry;
mod extensions;
pub(crate) mod ghost;
pub(crate) mod link;
mod one_file;
pub(crate) mod parts;
pub(crate) mod pass;
pub(crate) mod path;
mod path_budget;
pub(crate) mod path_end;
pub(crate) mod slot;
pub(crate) mod stream;

use std::ops::Range;
use std::sync::OnceLock;

use crate::base::reference::{FileReference, SequenceMatch};
use crate::volume::Volume;
use crate::volume::mft::Mft;
use children::ByParent;
use ghost::Ghosts;
use slot::{Slot, SlotFlags, Slots};

pub use entries::{Batch, Entries};
pub(crate) use entry::Entry;
pub use entry::{EntryAttributes, Provenance};
pub use ghost::{Ghost, GhostEvidence};
pub use link::Link;
pub use parts::Parts;
pub use path::{FilePath, Paths};
pub use path_end::PathEnd;

/// The files of a volume.
///
/// Takes 8 bytes a record, 24 bytes and the name a directory, 24 bytes an extension record, and 16
/// one that was freed while its file went on.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::{FileReference, Volume};
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// let catalog = volume.catalog();
/// println!("{} records, {} in use", catalog.counts().slots, catalog.counts().in_use);
///
/// let root = catalog.entry_of(FileReference::new(5, 5))?;
/// assert!(root.is_directory());
/// assert!(catalog.children(root.reference()).count() > 10);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Catalog<'v> {
    volume: Volume<'v>,
    pub(crate) slots: Slots,
    directories: Vec<Directory>,
    /// The names of the directories, one behind the other, UTF-16LE.
    names: Vec<u8>,
    /// Extension records by the base record they belong to, sorted.
    extensions: Vec<Extension>,
    /// Places in `extensions`, sorted by the numbers of the extension records.
    by_number: Vec<usize>,
    /// Extension records that were freed while their file went on, sorted: no part of it any more.
    pub(crate) residue: Vec<(u64, FileReference)>,
    /// Extension records of which nothing proves that their file has them, or still had them at its end, sorted.
    unproven: Vec<u64>,
    counts: Counts,
    has_blank_stride: bool,
    /// How many UTF-16 units of a directory's text are put before a name.
    longest_path: usize,
    ghosts: Ghosts,
    /// `$Extend\$Deleted` and the directories below it, sorted.
    deleted_directories: Vec<FileReference>,
    /// Who is in which directory, once somebody asked.
    by_parent: OnceLock<ByParent>,
}

/// What the catalog keeps of a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directory {
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
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

impl<'v> Catalog<'v> {
    pub(crate) const ROOT: u64 = 5;
    /// Records that Windows leaves zero.
    const UNUSED: Range<u64> = 16..24;

    /// The volume the catalog was made from.
    #[must_use]
    pub fn volume(&self) -> &Volume<'v> {
        &self.volume
    }

    pub(crate) fn mft(&self) -> &Mft<'v> {
        self.volume.mft()
    }

    /// How many slots of the table hold what.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// True when slots among the records, or sectors of records, are zero. Windows and ntfs-3g write every record before they use a later
    /// one, but for those between NTFS's own and the first of users: where others are zero, the medium was wiped
    /// in places, or an image has zeros where it could not be read.
    #[must_use]
    pub fn has_blank_records(&self) -> bool {
        let is_record = |slot: Slot| slot.flags().contains(SlotFlags::RECORD);
        let others = self.slots.iter().filter(|(number, _)| !Self::UNUSED.contains(number));
        // A blank one, and a record somewhere behind it.
        let mut behind = others.skip_while(|(_, slot)| !slot.flags().is_empty());
        self.has_blank_stride || behind.any(|(_, slot)| is_record(slot))
    }

    pub(crate) fn slot(&self, number: u64) -> Option<Slot> {
        self.slots.get(number)
    }

    /// The extension records of `base`, in order.
    fn extensions_of(&self, base: u64) -> &[Extension] {
        let start = self.extensions.partition_point(|extension| extension.base < base);
        let rest = self.extensions.get(start..).unwrap_or_default();
        let length = rest.partition_point(|extension| extension.base == base);
        rest.get(..length).unwrap_or_default()
    }

    /// True for an extension record that no attribute list names: it may be left from an earlier, longer state of the
    /// file, or another's.
    pub(crate) fn is_unproven(&self, number: u64) -> bool {
        self.unproven.binary_search(&number).is_ok()
    }

    /// The record that `number` belongs to, where it is joined to another.
    fn joined_to(&self, number: u64) -> Option<u64> {
        let at = |place: &usize| self.extensions.get(*place);
        let key = |place: &usize| at(place).map(|extension| extension.number);
        let index = self.by_number.binary_search_by_key(&Some(number), key).ok()?;
        self.by_number.get(index).and_then(at).map(|extension| extension.base)
    }

    /// The directory that a reference means, or why there is none: one step of a path.
    pub(crate) fn directory(&self, reference: FileReference) -> Result<&Directory, PathEnd> {
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

    /// The names that no record has any more, by reference, where they were looked for: see
    /// [`with_ghosts`](Self::with_ghosts).
    #[must_use]
    pub fn ghosts(&self) -> &[Ghost] {
        self.ghosts.names()
    }

    /// The directory a ghost tells of, where a way up would end; never one in another life.
    pub(crate) fn ghost_directory(&self, end: PathEnd) -> Result<usize, PathEnd> {
        let (PathEnd::Missing(reference) | PathEnd::Reused(reference) | PathEnd::Unnamed(reference)) = end else {
            return Err(end);
        };
        self.ghosts.directory(reference).ok_or(end)
    }

    /// Takes over what was found: the names, sorted by reference and evidence.
    pub(crate) fn take_ghosts(&mut self, names: Vec<Ghost>) {
        let mut ghosts = Ghosts::of(names, |reference| self.has_base_record(reference));
        ghosts.place_directories(|ghost| {
            let name_offset = self.names.len();
            self.names.extend_from_slice(ghost.name().bytes());
            let name_length = u16::try_from(ghost.name().bytes().len()).unwrap_or(0);
            self.directories.push(Directory { parent: ghost.parent(), name_offset, name_length, rank: 0 });
            self.directories.len().saturating_sub(1)
        });
        self.ghosts = ghosts;
        self.by_parent = OnceLock::new();
    }
}

#[cfg(test)]
mod tests {
    use crate::structure::update_sequence::UpdateSequence;
    use crate::volume::Volume;
    use crate::volume::forged_volume::{file, table};

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
    fn blank_sectors_of_records_were_lost() {
        let sound = table((0..40).map(|number| (number, file())));
        let has_blank = |bytes: &[u8]| {
            let bytes = bytes.to_vec();
            Volume::from_table(&bytes).unwrap().catalog().has_blank_records()
        };
        let mut lost = sound.clone();
        lost[30 * 1024 + 512..31 * 1024].fill(0);
        assert!(!has_blank(&sound) && has_blank(&lost));
        lost[30 * 1024 + 700] = 1;
        assert!(!has_blank(&lost), "that is no zeros");
        // Tools that export a table undo the update sequences, and leave zeros behind what a record uses.
        let mut undone = sound;
        for record in undone.chunks_mut(1024) {
            let _ = UpdateSequence::repair(record, 4, 1024);
        }
        assert!(undone[30 * 1024 + 512..31 * 1024].iter().all(|byte| *byte == 0) && !has_blank(&undone));
    }
}
