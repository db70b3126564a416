//! The one pass over the table that makes a catalog.

use std::ops::{ControlFlow, Range};
use std::sync::OnceLock;

use super::ghost::Ghosts;
use super::slot::{Slot, SlotFlags, Slots};
use super::{Catalog, Counts, Directory, deleted_directories, path_budget};
use crate::base::reference::FileReference;
use crate::base::threads::Threads;
use crate::base::watch::Step;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::{Record, RecordHeader};
use crate::structure::update_sequence::STRIDE;
use crate::structure::value::file_attributes::FileAttributes;
use crate::structure::value::file_name::{FileName, Namespace};
use crate::volume::Volume;
use crate::volume::mft::Chunk;

/// What some chunks of the table contribute.
#[derive(Default)]
pub(super) struct Part {
    slots: Vec<Slot>,
    directories: Vec<(u64, Directory)>,
    names: Vec<u8>,
    extensions: Vec<(FileReference, u64)>,
    /// Names of directories that stand in extension records, by these.
    outlying: Vec<(u64, Directory)>,
    /// Whether a stride of a record is zeros, where its update sequence says that it was something else.
    has_blank_stride: bool,
}

/// Makes the catalog of `volume`.
pub(crate) fn run<'v>(volume: &Volume<'v>, threads: &Threads) -> Catalog<'v> {
    let _step = threads.begin(Step::Catalog);
    let mft = volume.mft();
    let mut catalog = Catalog::empty(volume, Slots::with_room(mft.record_count()));
    let mut extensions = Vec::new();
    let mut outlying = Vec::new();
    let record_size = u64::from(mft.record_size());
    let work = |part: &mut Part, chunk: Chunk<'_>| part.look_through(chunk, record_size);
    let flow = mft.scan(threads, work, |part| {
        catalog.take(part, &mut extensions, &mut outlying);
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(flow.is_continue(), "nothing breaks the pass");
    catalog.finish(extensions, outlying);
    catalog.longest_path = path_budget::longest_path(&catalog, threads);
    catalog
}

impl Part {
    fn look_through(&mut self, chunk: Chunk<'_>, record_size: u64) {
        self.slots.reserve(chunk.len());
        let missing = chunk.missing().to_vec();
        for (number, bytes) in chunk.into_slots() {
            let start = number.saturating_mul(record_size);
            let end = start.saturating_add(record_size);
            let is_gone = |range: &Range<u64>| range.start <= start && end <= range.end;
            let is_gone = missing.iter().any(is_gone);
            let slot = if is_gone { Slot::unreadable() } else { self.look_at(number, bytes) };
            self.slots.push(slot);
        }
    }

    /// Takes from a record what others need of it, and gives what is kept of its slot.
    pub(super) fn look_at(&mut self, number: u64, bytes: &mut [u8]) -> Slot {
        let mut slot = match RecordHeader::parse(bytes) {
            Ok(header) => Slot::of(header),
            Err(damage) => return Slot::without_record(&damage),
        };
        self.has_blank_stride |= has_blank_stride(number, bytes);
        let is_special = slot.flags().intersects(SlotFlags::DIRECTORY | SlotFlags::EXTENSION);
        if is_special && self.look_closer(number, bytes) {
            slot.remove(SlotFlags::EXTENSION);
        }
        slot
    }

    /// Takes the name of a directory, and notes what an extension record belongs to. True for a base record.
    fn look_closer(&mut self, number: u64, bytes: &mut [u8]) -> bool {
        let Ok(record) = Record::parse_in_place(number, bytes) else { return false };
        let base = record.header().base_reference();
        let is_extension = !record.is_base_record();
        if is_extension {
            self.extensions.push((base, number));
        }
        if !is_extension && !record.header().is_directory() {
            return true;
        }
        let Some(name) = best_directory_name(&record, is_extension) else { return !is_extension };
        let directory = Directory {
            parent: name.parent(),
            name_offset: self.names.len(),
            name_length: u16::try_from(name.name().bytes().len()).unwrap_or(0),
            rank: rank(&name),
        };
        self.names.extend_from_slice(name.name().bytes());
        if is_extension {
            self.outlying.push((number, directory));
        } else {
            self.directories.push((number, directory));
        }
        !is_extension
    }
}

/// True where a stride but the first is zeros, which its update sequence contradicts.
fn has_blank_stride(number: u64, bytes: &[u8]) -> bool {
    let behind_first = bytes.get(STRIDE..).unwrap_or_default();
    // A sound stride ends with the number of the update sequence, which is never 0.
    let is_blank = |stride: &[u8]| stride.ends_with(&[0, 0]) && stride.iter().all(|byte| *byte == 0);
    if !behind_first.chunks_exact(STRIDE).any(is_blank) {
        return false;
    }
    let Ok(record) = Record::parse(number, bytes) else { return false };
    let sequence = record.update_sequence();
    let strides = behind_first.chunks_exact(STRIDE).zip(1_u8..);
    strides.filter(|(stride, _)| is_blank(stride)).any(|(_, stride)| sequence.is_torn(stride))
}

/// The name a directory is shown under. An extension record does not say whether its file is a
/// directory: there the name's own attributes do.
fn best_directory_name<'r>(record: &'r Record<'_>, is_extension: bool) -> Option<FileName<'r>> {
    let attributes = record.attributes().filter_map(Result::ok);
    let names = attributes.filter(|attribute| attribute.attribute_type() == AttributeType::FILE_NAME);
    let names = names.filter_map(|attribute| attribute.file_name().ok()).map(|(name, _)| name);
    let of_directories =
        names.filter(|name| !is_extension || name.file_attributes().contains(FileAttributes::DIRECTORY));
    of_directories.min_by_key(rank)
}

fn rank(name: &FileName<'_>) -> u8 {
    u8::from(name.namespace() == Namespace::DOS)
}

impl<'v> Catalog<'v> {
    fn empty(volume: &Volume<'v>, slots: Slots) -> Self {
        Self {
            volume: volume.clone(),
            slots,
            directories: Vec::new(),
            names: Vec::new(),
            extensions: Vec::new(),
            by_number: Vec::new(),
            residue: Vec::new(),
            unproven: Vec::new(),
            counts: Counts::default(),
            has_blank_stride: false,
            longest_path: path_budget::LONGEST,
            ghosts: Ghosts::default(),
            deleted_directories: Vec::new(),
            by_parent: OnceLock::new(),
        }
    }

    /// The catalog of a few records alone.
    pub(super) fn of_few(volume: &Volume<'v>, slots: Slots, part: Part) -> Self {
        let mut catalog = Self::empty(volume, slots);
        let (mut extensions, mut outlying) = (Vec::new(), Vec::new());
        catalog.take(part, &mut extensions, &mut outlying);
        catalog.finish(extensions, outlying);
        catalog
    }

    /// Joins what belongs together, once all records have been looked at.
    fn finish(&mut self, extensions: Vec<(FileReference, u64)>, outlying: Vec<(u64, Directory)>) {
        self.join_extensions(extensions);
        outlying.into_iter().for_each(|(number, directory)| self.name_directory(number, directory));
        self.deleted_directories = deleted_directories::find(self);
    }
}

impl Catalog<'_> {
    /// Appends what some chunks contribute.
    fn take(&mut self, part: Part, extensions: &mut Vec<(FileReference, u64)>, outlying: &mut Vec<(u64, Directory)>) {
        let names_before = self.names.len();
        let moved = |mut directory: Directory| {
            directory.name_offset = directory.name_offset.saturating_add(names_before);
            directory
        };
        self.has_blank_stride |= part.has_blank_stride;
        part.slots.iter().for_each(|slot| self.counts.count(slot.flags()));
        self.slots.extend(part.slots);
        self.names.extend(part.names);
        extensions.extend(part.extensions);
        outlying.extend(part.outlying.into_iter().map(|(number, directory)| (number, moved(directory))));
        for (number, directory) in part.directories {
            self.add_directory(number, moved(directory));
        }
    }

    pub(super) fn slot_mut(&mut self, number: u64) -> Option<&mut Slot> {
        self.slots.get_mut(number)
    }

    fn add_directory(&mut self, number: u64, directory: Directory) {
        let index = self.directories.len();
        if let Some(slot) = self.slot_mut(number) {
            slot.set_directory(index);
            self.directories.push(directory);
        }
    }

    /// Gives a directory the name found in one of its extension records, if it has no better one.
    fn name_directory(&mut self, extension: u64, directory: Directory) {
        let Some(number) = self.joined_to(extension) else { return };
        let Some(slot) = self.slot(number).filter(|slot| !slot.flags().contains(SlotFlags::EXTENSION)) else { return };
        match slot.directory().and_then(|index| self.directories.get_mut(index)) {
            Some(known) if known.rank <= directory.rank => {}
            Some(known) => *known = directory,
            None if slot.flags().contains(SlotFlags::DIRECTORY) => self.add_directory(number, directory),
            None => {}
        }
    }
}

impl Counts {
    fn count(&mut self, flags: SlotFlags) {
        let is_record = flags.contains(SlotFlags::RECORD);
        let mut add = |counter: fn(&mut Self) -> &mut u64, is_so: bool| {
            let counter = counter(self);
            *counter = counter.saturating_add(u64::from(is_so));
        };
        add(|counts| &mut counts.slots, true);
        add(|counts| &mut counts.file_records, is_record && !flags.contains(SlotFlags::BAAD));
        add(|counts| &mut counts.baad_records, flags.contains(SlotFlags::BAAD));
        add(|counts| &mut counts.in_use, flags.contains(SlotFlags::IN_USE));
        add(|counts| &mut counts.directories, flags.contains(SlotFlags::DIRECTORY));
        add(|counts| &mut counts.extension_records, flags.contains(SlotFlags::EXTENSION));
        add(|counts| &mut counts.unreadable, flags.contains(SlotFlags::UNREADABLE));
        add(|counts| &mut counts.unknown, flags.contains(SlotFlags::UNKNOWN));
        add(|counts| &mut counts.blank, flags.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::entry::EntryState;
    use crate::structure::forge::{Forge, file_name};
    use crate::volume::forged_volume::{Forged, directory, file, reference, table};

    const ROOT: (u64, u16) = (5, 5);

    fn extension(base: (u64, u16)) -> Forge {
        Forge::new(1024).base(base.0, base.1)
    }

    fn named_in_extension(base: (u64, u16), namespace: u8, name: &str) -> Forge {
        let value = file_name(ROOT, namespace, name, FileAttributes::DIRECTORY);
        extension(base).resident(AttributeType::FILE_NAME, "", &value)
    }

    /// The text of a directory as the path of a file in it has it.
    fn directory_text(records: Vec<(u64, Forge)>, number: u64) -> String {
        let table = table(records);
        let volume = Volume::from_table(&table).unwrap();
        let text = |volume: &Volume<'_>| {
            let catalog = volume.catalog_with(&Threads::single());
            catalog.paths().path(reference(number), crate::base::name::Name::default()).text
        };
        let whole = text(&volume);
        assert_eq!(text(&volume.clone().with_chunks_of(1)), whole, "in one piece or in several");
        whole
    }

    #[test]
    fn every_slot_is_counted_for_what_it_holds() {
        let records = [(5, directory(ROOT, ".")), (30, file()), (31, file().flags(0)), (32, extension((30, 1)))];
        let mut bytes = table(records.into_iter().chain([(33, directory(ROOT, "d").flags(2)), (40, file())]));
        bytes[40 * 1024..40 * 1024 + 4].copy_from_slice(b"BAAD");
        bytes[20 * 1024..20 * 1024 + 4].copy_from_slice(b"RCRD");
        let volume = Volume::from_table(&bytes).unwrap();
        let expected = Counts {
            slots: 41,
            file_records: 5,
            baad_records: 1,
            in_use: 4,
            directories: 2,
            extension_records: 1,
            blank: 34,
            unknown: 1,
            unreadable: 0,
        };
        assert_eq!(volume.catalog_with(&Threads::single()).counts(), expected);
    }

    #[test]
    fn a_slot_is_unreadable_where_all_of_it_is() {
        let mut forged = Forged::new(vec![(30, file()), (31, file()), (33, file())]);
        let start = |number: u64| (8 + number * 2) * 512;
        forged.spoil(start(30)..start(30) + 1024);
        forged.spoil(start(31) + 512..start(31) + 1024);
        forged.spoil(start(33) - 512..start(33));
        let counts = forged.volume().catalog_with(&Threads::single()).counts();
        // Records 0, 6, 31 and 33 are there; of 32 the second half is lost, and the first is zero.
        assert_eq!((counts.unreadable, counts.file_records, counts.blank), (1, 4, 59));
    }

    #[test]
    fn a_directory_is_shown_under_its_long_name() {
        let both = |first: (u8, &str), second: (u8, &str)| {
            Forge::new(1024).flags(3).name(ROOT, first.0, first.1).name(ROOT, second.0, second.1)
        };
        let shown = |record| directory_text(vec![(29, directory(ROOT, "other")), (30, record)], 30);
        assert_eq!(shown(both((2, "LONGNA~1"), (1, "long name"))), "/long name/");
        assert_eq!(shown(both((1, "long name"), (2, "LONGNA~1"))), "/long name/");
        assert_eq!(shown(both((1, "first"), (1, "second"))), "/first/");
        assert_eq!(shown(Forge::new(1024).flags(3).name(ROOT, 2, "SHORT")), "/SHORT/");
    }

    #[test]
    fn a_directory_may_have_its_name_in_an_extension_record() {
        let nameless = || Forge::new(1024).flags(3);
        let other = || (20, directory(ROOT, "other"));
        let shown = |base, extension| directory_text(vec![other(), (30, base), (31, extension)], 30);
        assert_eq!(shown(nameless(), named_in_extension((30, 1), 3, "outside")), "/outside/");
        let short = || nameless().name(ROOT, 2, "SHORT");
        assert_eq!(shown(short(), named_in_extension((30, 1), 1, "long")), "/long/", "the better name");
        assert_eq!(shown(short(), named_in_extension((30, 1), 2, "OTHER")), "/SHORT/", "none better");
        assert_eq!(shown(directory(ROOT, "long"), named_in_extension((30, 1), 2, "SHORT")), "/long/");
        assert_eq!(shown(nameless(), named_in_extension((30, 2), 3, "outside")), "<unnamed 30-1>/", "another life");
        // An extension record's name is a directory's only if it says so, and only a directory takes it.
        let of_file = extension((30, 1)).name(ROOT, 3, "file");
        assert_eq!(shown(nameless(), of_file), "<unnamed 30-1>/");
        assert_eq!(shown(file(), named_in_extension((30, 1), 3, "outside")), "<not-a-directory 30-1>/");
    }

    /// Each entry's number and state, and the numbers of its extension records.
    fn entries(records: Vec<(u64, Forge)>) -> Vec<(u64, EntryState, Vec<u64>)> {
        let table = table(records);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog_with(&Threads::single());
        let of = |number: u64| catalog.entry(number).map(|entry| entry.record_number()).ok();
        let entries = catalog.entries().map(|entry| {
            let extensions: Vec<u64> = entry.extension_records().iter().map(Record::number).collect();
            assert!(extensions.iter().all(|number| of(*number) == Some(entry.record_number())));
            (entry.record_number(), entry.state(), extensions)
        });
        entries.collect()
    }

    fn with_value(record: Forge) -> Forge {
        record.resident(AttributeType::DATA, "", &[1])
    }

    #[test]
    fn extension_records_find_their_file() {
        let piece = |base| with_value(extension(base));
        let live = vec![(30, file()), (31, file()), (40, piece((31, 1))), (41, piece((30, 1))), (42, piece((31, 1)))];
        let expected = [(30, EntryState::Live, vec![41]), (31, EntryState::Live, vec![40, 42])];
        assert_eq!(entries(live), expected);
        let deleted = |record: Forge| record.flags(0).sequence(2);
        let records = vec![(30, deleted(file())), (31, deleted(piece((30, 1)))), (32, piece((30, 1)))];
        assert_eq!(entries(records), [(30, EntryState::Deleted, vec![31, 32])]);
    }

    #[test]
    fn a_freed_extension_record_of_a_live_file_is_residue() {
        let freed = with_value(extension((30, 1))).flags(0);
        assert_eq!(entries(vec![(30, file()), (31, freed)]), [(30, EntryState::Live, vec![])]);
    }

    #[test]
    fn what_is_left_of_a_file_without_its_base_is_one_entry() {
        let piece = |base| with_value(extension(base));
        let records = vec![
            (20, file()),
            // Of a base that is gone, of its life before, of one that is used again, and of an extension record.
            (30, piece((50, 2))),
            (31, piece((50, 1))),
            (32, piece((50, 2))),
            (33, piece((20, 7))),
            (34, piece((30, 1))),
            (35, piece((50, 2))),
        ];
        let expected = [
            (20, EntryState::Live, vec![]),
            (30, EntryState::Orphan, vec![32, 35]),
            (31, EntryState::Orphan, vec![]),
            (33, EntryState::Orphan, vec![]),
            (34, EntryState::Orphan, vec![]),
        ];
        assert_eq!(entries(records), expected);
    }
}
