//! The one pass over the table that makes a catalog.

use std::ops::{ControlFlow, Range};

use super::ghost::Ghosts;
use super::slot::{Slot, SlotFlags};
use super::{Catalog, Counts, Directory, Extension, path_budget};
use crate::base::reference::{FileReference, SequenceMatch};
use crate::base::threads::Threads;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::{Record, RecordHeader};
use crate::structure::value::file_attributes::FileAttributes;
use crate::structure::value::file_name::{FileName, Namespace};
use crate::volume::Volume;
use crate::volume::mft::Chunk;

/// What one chunk of the table contributes.
#[derive(Default)]
struct Part {
    slots: Vec<Slot>,
    directories: Vec<(u64, Directory)>,
    names: Vec<u8>,
    extensions: Vec<(FileReference, u64)>,
    /// Names of directories that stand in extension records, by the base they belong to.
    outlying: Vec<(FileReference, Directory)>,
}

/// Makes the catalog of `volume`.
pub(super) fn run<'v>(volume: &'v Volume<'_>, threads: &Threads) -> Catalog<'v> {
    let mft = volume.mft();
    let mut catalog = Catalog {
        volume,
        slots: Vec::with_capacity(usize::try_from(mft.record_count()).unwrap_or(0)),
        directories: Vec::new(),
        names: Vec::new(),
        extensions: Vec::new(),
        by_number: Vec::new(),
        counts: Counts::default(),
        longest_path: path_budget::LONGEST,
        ghosts: Ghosts::default(),
    };
    let mut extensions = Vec::new();
    let mut outlying = Vec::new();
    let record_size = u64::from(mft.record_size());
    let work = |chunk: Chunk<'_>| Part::of(chunk, record_size);
    let flow = mft.scan(threads, work, |part| {
        catalog.take(part, &mut extensions, &mut outlying);
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(flow.is_continue(), "nothing breaks the pass");
    outlying.into_iter().for_each(|(base, directory)| catalog.name_directory(base, directory));
    catalog.join_extensions(extensions);
    catalog.longest_path = path_budget::longest_path(&catalog, threads);
    catalog
}

impl Part {
    fn of(chunk: Chunk<'_>, record_size: u64) -> Self {
        let mut part = Self { slots: Vec::with_capacity(chunk.len()), ..Self::default() };
        let missing = chunk.missing().to_vec();
        for (number, bytes) in chunk.into_slots() {
            let start = number.saturating_mul(record_size);
            let end = start.saturating_add(record_size);
            let is_gone = |range: &Range<u64>| range.start <= start && end <= range.end;
            let slot = match RecordHeader::parse(bytes) {
                _ if missing.iter().any(is_gone) => Slot::unreadable(),
                Err(damage) => Slot::without_record(&damage),
                Ok(header) => {
                    let slot = Slot::of(header);
                    if slot.flags().intersects(SlotFlags::DIRECTORY | SlotFlags::EXTENSION) {
                        part.look_closer(number, bytes);
                    }
                    slot
                }
            };
            part.slots.push(slot);
        }
        part
    }

    /// Takes the name of a directory, and notes what an extension record belongs to.
    fn look_closer(&mut self, number: u64, bytes: &mut [u8]) {
        let Ok(record) = Record::parse_in_place(number, bytes) else { return };
        let base = record.header().base_reference();
        let is_extension = !record.header().is_base_record();
        if is_extension {
            self.extensions.push((base, number));
        }
        let Some(name) = best_directory_name(&record, is_extension) else { return };
        let directory = Directory {
            parent: name.parent(),
            name_offset: self.names.len(),
            name_length: u16::try_from(name.name().bytes().len()).unwrap_or(0),
            rank: rank(&name),
        };
        self.names.extend_from_slice(name.name().bytes());
        if is_extension {
            self.outlying.push((base, directory));
        } else {
            self.directories.push((number, directory));
        }
    }
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

impl Catalog<'_> {
    /// Appends what one chunk contributes.
    fn take(
        &mut self,
        part: Part,
        extensions: &mut Vec<(FileReference, u64)>,
        outlying: &mut Vec<(FileReference, Directory)>,
    ) {
        let names_before = self.names.len();
        let moved = |mut directory: Directory| {
            directory.name_offset = directory.name_offset.saturating_add(names_before);
            directory
        };
        part.slots.iter().for_each(|slot| self.counts.count(slot.flags()));
        self.slots.extend(part.slots);
        self.names.extend(part.names);
        extensions.extend(part.extensions);
        outlying.extend(part.outlying.into_iter().map(|(base, directory)| (base, moved(directory))));
        for (number, directory) in part.directories {
            self.add_directory(number, moved(directory));
        }
    }

    fn slot_mut(&mut self, number: u64) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(number).ok()?)
    }

    fn add_directory(&mut self, number: u64, directory: Directory) {
        let index = self.directories.len();
        if let Some(slot) = self.slot_mut(number) {
            slot.set_directory(index);
            self.directories.push(directory);
        }
    }

    /// Gives a directory the name found in one of its extension records, if it has no better one.
    fn name_directory(&mut self, base: FileReference, directory: Directory) {
        let number = base.record_number();
        let Some(slot) = self.slot(number).filter(|slot| is_base(*slot, base)) else { return };
        match slot.directory().and_then(|index| self.directories.get_mut(index)) {
            Some(known) if known.rank <= directory.rank => {}
            Some(known) => *known = directory,
            None if slot.flags().contains(SlotFlags::DIRECTORY) => self.add_directory(number, directory),
            None => {}
        }
    }

    /// Sorts the extension records to their bases. Those whose base is gone are sorted to the first
    /// of them: together they are what is left of a file.
    fn join_extensions(&mut self, mut found: Vec<(FileReference, u64)>) {
        found.sort_unstable();
        let mut remains: Option<(FileReference, u64)> = None;
        for (base, number) in found {
            let base_slot = self.slot(base.record_number()).filter(|slot| is_base(*slot, base));
            let extension_in_use = self.slot(number).is_some_and(|slot| slot.flags().contains(SlotFlags::IN_USE));
            match base_slot {
                // A file that shrank leaves freed extension records that still name it: residue.
                Some(slot) if slot.flags().contains(SlotFlags::IN_USE) && !extension_in_use => {}
                Some(_) => self.join(base.record_number(), number),
                None => {
                    let same = remains.filter(|(reference, _)| *reference == base);
                    match same {
                        Some((_, head)) => self.join(head, number),
                        None => {
                            remains = Some((base, number));
                            self.mark_extended(number);
                        }
                    }
                }
            }
        }
        self.extensions.sort_unstable();
        self.by_number = (0..self.extensions.len()).collect();
        let number = |place: &usize| self.extensions.get(*place).map(|extension| extension.number);
        self.by_number.sort_unstable_by_key(number);
    }

    fn join(&mut self, base: u64, number: u64) {
        self.extensions.push(Extension { base, number });
        self.mark_extended(base);
    }

    fn mark_extended(&mut self, number: u64) {
        if let Some(slot) = self.slot_mut(number) {
            slot.add(SlotFlags::HAS_EXTENSIONS);
        }
    }
}

/// True when `slot` holds the base record that `reference` means, deleted since or not.
fn is_base(slot: Slot, reference: FileReference) -> bool {
    let flags = slot.flags();
    flags.contains(SlotFlags::RECORD)
        && !flags.contains(SlotFlags::EXTENSION)
        && reference.matches(slot.sequence(), flags.contains(SlotFlags::IN_USE)) != SequenceMatch::Other
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
