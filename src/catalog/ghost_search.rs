//! The search for ghosts: through every index, the slack of each, and the parents that names have.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use super::ghost::{Ghost, Witness, order};
use super::owners::owners;
use super::slack::carve;
use super::slot::SlotFlags;
use super::{Batch, Catalog, Entry, PathEnd};
use crate::base::reference::{FileReference, SequenceMatch};
use crate::base::threads::Threads;
use crate::source::Source;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::index::IndexRoot;
use crate::structure::index_record::IndexRecord;
use crate::structure::update_sequence::{Protection, STRIDE, UpdateSequence};
use crate::structure::value::bitmap::Bitmap;
use crate::structure::value::file_name::FileName;
use crate::volume::extents::{Extents, Location};
use crate::volume::geometry::Geometry;
use crate::volume::lost_index::LostIndex;

impl Catalog<'_> {
    /// Looks through every index of the volume for files that have no record, or none with a name, and
    /// for directories that files name as their parent: they are entries then, and parents in paths.
    /// Where the volume was scanned, the indexes of directories whose own records are lost are looked
    /// through, too.
    ///
    /// [`catalog`](crate::Volume::catalog) does so by itself where slots of the table hold no record
    /// though they should; of a sound volume it finds what its indexes' slack still has of the past.
    #[must_use]
    pub fn with_ghosts(mut self, threads: &Threads) -> Self {
        if !self.ghosts().is_empty() {
            return self;
        }
        let known = Known::of(&self, threads);
        let mut collected = Collected::default();
        let work = |(): &mut (), batch: Batch<'_>| {
            let mut part = Collected::default();
            batch.into_entries().for_each(|entry| part.look_through(&entry, &known));
            part
        };
        let consume = |part| {
            collected.append(part);
            ControlFlow::<()>::Continue(())
        };
        let flow = self.scan(threads, || (), work, consume);
        debug_assert!(flow.is_continue(), "nothing breaks the pass");
        for found in lost_indexes(&self, &known, threads) {
            collected.look_through_lost(&self, &found, &known);
        }
        collected.add_parents(&self, &known);
        self.take_ghosts(collected.into_ghosts());
        self
    }

    /// How many slots of the table should hold a record, but hold none: all that do not, or those of
    /// them that the table's own bitmap, where it can be read, calls used.
    #[must_use]
    pub fn missing_records(&self) -> u64 {
        let counts = self.counts();
        let gaps = [counts.blank, counts.unknown, counts.unreadable, counts.baad_records];
        if gaps.into_iter().all(|count| count == 0) {
            return 0;
        }
        let bitmap = self.table_bitmap();
        u64::try_from(self.gaps(bitmap.as_deref()).count()).unwrap_or(u64::MAX)
    }

    /// How many of them no index that was looked through has a name for.
    #[must_use]
    pub(crate) fn nameless_records(&self) -> u64 {
        if self.missing_records() == 0 {
            return 0;
        }
        let with_name = self.ghosts().iter().filter(|ghost| ghost.file_name().is_some());
        let named: BTreeSet<u64> = with_name.map(|ghost| ghost.reference.record_number()).collect();
        let bitmap = self.table_bitmap();
        let nameless = self.gaps(bitmap.as_deref()).filter(|number| !named.contains(number));
        u64::try_from(nameless.count()).unwrap_or(u64::MAX)
    }

    /// The numbers of slots without a record, of which the bitmap does not say that they are free.
    fn gaps<'a>(&'a self, bitmap: Option<&'a [u8]>) -> impl Iterator<Item = u64> + 'a {
        let numbered = (0_u64..).zip(&self.slots).filter(move |(number, slot)| {
            let flags = slot.flags();
            let has_record = flags.contains(SlotFlags::RECORD) && !flags.contains(SlotFlags::BAAD);
            !has_record && bitmap.is_none_or(|bits| Bitmap::new(bits).is_set(*number) == Some(true))
        });
        numbered.map(|(number, _)| number)
    }

    /// The bitmap of the table's records, if it is whole and knows every record that is in use.
    fn table_bitmap(&self) -> Option<Vec<u8>> {
        let entry = self.entry(0).ok()?;
        let bitmap = entry.attributes_of(AttributeType::BITMAP).find(|attribute| attribute.name().is_empty())?;
        let bits = self.volume().attribute_value(&bitmap).ok()?;
        let used = (0_u64..).zip(&self.slots).filter(|(_, slot)| slot.flags().contains(SlotFlags::IN_USE));
        let knows_all = used.map(|(number, _)| number).all(|number| Bitmap::new(&bits).is_set(number) == Some(true));
        knows_all.then_some(bits)
    }

    /// True when a base record lives the life that `reference` means.
    pub(super) fn has_base_record(&self, reference: FileReference) -> bool {
        self.slot(reference.record_number()).is_some_and(|slot| {
            let flags = slot.flags();
            let is_base = flags.contains(SlotFlags::RECORD) && !flags.contains(SlotFlags::EXTENSION);
            is_base && reference.matches(slot.sequence(), flags.contains(SlotFlags::IN_USE)) != SequenceMatch::Other
        })
    }
}

/// Which records have a name: sequence number and whether in use, by record number.
struct Known {
    named: Vec<Option<(u16, bool)>>,
    directories: BTreeSet<FileReference>,
    /// The directories that names stand in.
    parents: BTreeSet<FileReference>,
}

impl Known {
    fn of(catalog: &Catalog<'_>, threads: &Threads) -> Self {
        let count = usize::try_from(catalog.volume().mft().record_count()).unwrap_or(0);
        let mut known = Self { named: vec![None; count], directories: BTreeSet::new(), parents: BTreeSet::new() };
        let work = |(): &mut (), batch: Batch<'_>| batch.into_entries().map(|entry| Named::of(&entry)).collect();
        let consume = |part: Vec<Named>| {
            part.into_iter().for_each(|named| known.take(named));
            ControlFlow::<()>::Continue(())
        };
        let flow = catalog.scan(threads, || (), work, consume);
        debug_assert!(flow.is_continue(), "nothing breaks the pass");
        known
    }

    fn take(&mut self, named: Named) {
        self.parents.extend(&named.parents);
        let is_root = named.number == Catalog::ROOT;
        if named.parents.is_empty() && !is_root {
            return;
        }
        if let Some(slot) = usize::try_from(named.number).ok().and_then(|number| self.named.get_mut(number)) {
            *slot = Some(named.life);
        }
        self.directories.extend(named.directory);
    }

    /// True when a record with a name lives the life that `reference` means.
    fn has(&self, reference: FileReference) -> bool {
        let slot = usize::try_from(reference.record_number()).ok().and_then(|number| self.named.get(number));
        let life = slot.copied().flatten();
        life.is_some_and(|(sequence, in_use)| reference.matches(sequence, in_use) != SequenceMatch::Other)
    }
}

/// What the search has to know of an entry.
struct Named {
    number: u64,
    life: (u16, bool),
    /// The entry as a directory, in the life that its names mean.
    directory: Option<FileReference>,
    /// The directories of its names.
    parents: Vec<FileReference>,
}

impl Named {
    fn of(entry: &Entry<'_>) -> Self {
        let mut parents: Vec<FileReference> = entry.links().iter().map(super::Link::parent).collect();
        parents.dedup();
        Self {
            number: entry.record_number(),
            life: (entry.sequence_number(), entry.header().is_in_use()),
            directory: entry.is_directory().then(|| live_reference(entry)),
            parents,
        }
    }
}

/// The file, and its parent and name.
type Identity = (FileReference, Vec<u8>);

/// Ghosts, each with its most trusted witness.
#[derive(Default)]
struct Collected {
    found: BTreeMap<Identity, Ghost>,
}

impl Collected {
    fn append(&mut self, part: Self) {
        part.found.into_iter().for_each(|(identity, ghost)| self.insert(identity, ghost));
    }

    fn insert(&mut self, identity: Identity, ghost: Ghost) {
        match self.found.get_mut(&identity) {
            Some(known) if known.witness <= ghost.witness => {}
            Some(known) => *known = ghost,
            None => {
                self.found.insert(identity, ghost);
            }
        }
    }

    fn add(&mut self, file: FileReference, key: &[u8], witness: Witness, offset: Option<u64>, known: &Known) {
        let Ok(name) = FileName::parse(key) else { return };
        if file.record_number() == 0 || known.has(file) {
            return;
        }
        let identity = [&name.parent().0.to_le_bytes(), name.name().bytes()].concat();
        let ghost = Ghost { reference: file, witness, offset, key: key.to_vec() };
        self.insert((file, identity), ghost);
    }

    /// Directories that names stand in, and that nothing else knows of.
    fn add_parents(&mut self, catalog: &Catalog<'_>, known: &Known) {
        let of_ghosts: BTreeSet<FileReference> = self.found.values().map(Ghost::parent).collect();
        let named: BTreeSet<FileReference> = self.found.keys().map(|(reference, _)| *reference).collect();
        for &reference in known.parents.union(&of_ghosts).filter(|reference| !named.contains(reference)) {
            let is_lost = matches!(catalog.directory(reference), Err(PathEnd::Missing(_) | PathEnd::Reused(_)));
            // A number behind the table's end is rather a wrong number than a directory.
            if is_lost && catalog.slot(reference.record_number()).is_some() && !reference.is_zero() {
                let ghost = Ghost { reference, witness: Witness::Child, offset: None, key: Vec::new() };
                self.insert((reference, Vec::new()), ghost);
            }
        }
    }

    fn into_ghosts(self) -> Vec<Ghost> {
        let mut ghosts: Vec<Ghost> = self.found.into_values().collect();
        ghosts.sort_by_key(|ghost| (order(ghost.reference), ghost.witness));
        ghosts
    }

    /// Looks through the index of one directory: its root, its records, and the slack of each.
    fn look_through(&mut self, entry: &Entry<'_>, known: &Known) {
        let directory = live_reference(entry);
        let attributes = || entry.attributes().filter(|attribute| attribute.name().is("$I30"));
        let of_type = |wanted| attributes().filter(move |attribute| attribute.attribute_type() == wanted);
        let mut record_size = entry.catalog().volume().geometry().map(Geometry::index_record_size);
        for attribute in of_type(AttributeType::INDEX_ROOT) {
            let Ok(root) = attribute.resident_value().and_then(IndexRoot::parse) else { continue };
            record_size = Some(root.record_size()).filter(|size| is_index_size(*size)).or(record_size);
            for item in root.entries().filter_map(Result::ok) {
                if item.directory_name().is_some_and(|name| name.parent() == directory) {
                    self.add(item.file_reference(), item.key(), Witness::Index, None, known);
                }
            }
        }
        if entry.is_directory() {
            let slack = entry.record().slack();
            for carved in carve(slack, 0..slack.len(), directory, |_| true) {
                self.add(carved.file, carved.key, Witness::RecordSlack, None, known);
            }
        }
        let bitmap = of_type(AttributeType::BITMAP).next();
        let bitmap = bitmap.and_then(|attribute| entry.catalog().volume().attribute_value(&attribute).ok());
        for attribute in of_type(AttributeType::INDEX_ALLOCATION) {
            let Some(record_size) = record_size else { continue };
            for (offset, index) in records_of(entry.catalog(), &attribute, record_size) {
                let is_freed = bitmap.as_deref().is_some_and(|bits| Bitmap::new(bits).is_set(index) != Some(true));
                let witness = if is_freed { Witness::IndexSlack } else { Witness::Index };
                let place = IndexPlace { offset, record_size, directory, witness };
                self.look_through_record(entry.catalog(), &place, known);
            }
        }
    }

    /// An INDX record that the scan has found, of a directory that has no record any more.
    fn look_through_lost(&mut self, catalog: &Catalog<'_>, found: &LostIndex, known: &Known) {
        let LostIndex { offset, record_size, directory } = *found;
        let place = IndexPlace { offset, record_size, directory, witness: Witness::LostIndex };
        self.look_through_record(catalog, &place, known);
    }

    fn look_through_record(&mut self, catalog: &Catalog<'_>, place: &IndexPlace, known: &Known) {
        let mut bytes = vec![0; usize::try_from(place.record_size).unwrap_or(0)];
        catalog.volume().source().read_readable(place.offset, &mut bytes);
        if bytes.iter().all(|&byte| byte == 0) {
            return;
        }
        let sequence = UpdateSequence::check(&bytes, 40, bytes.len());
        sequence.apply(&mut bytes);
        let is_sound = |start: usize, end: usize| match sequence.protection() {
            // The header is lost: the last word of each stride is not what was there.
            Protection::Unverified => !(start..end).any(|at| at % STRIDE >= STRIDE.saturating_sub(2)),
            _ => !sequence.is_torn_between(start, end),
        };
        let at = |inside: usize| Some(place.offset.saturating_add(u64::try_from(inside).unwrap_or(0)));
        let mut used_end = 0;
        if let Ok(record) = IndexRecord::parse(&bytes) {
            for item in record.entries().map_while(Result::ok) {
                used_end = item.offset().saturating_add(item.bytes().len());
                let is_own = item.directory_name().is_some_and(|name| name.parent() == place.directory);
                if is_own && is_sound(item.offset(), used_end) {
                    self.add(item.file_reference(), item.key(), place.witness, at(item.offset()), known);
                }
            }
        }
        let sound = |range: Range<usize>| is_sound(range.start, range.end);
        for carved in carve(&bytes, used_end..bytes.len(), place.directory, sound) {
            self.add(carved.file, carved.key, Witness::IndexSlack, at(carved.offset), known);
        }
    }
}

/// An INDX record, whose it is, and how far its entries are to be trusted.
struct IndexPlace {
    /// In bytes of the volume.
    offset: u64,
    record_size: u32,
    directory: FileReference,
    witness: Witness,
}

/// Where the INDX records of one piece of an index lie in the volume, each with its index.
fn records_of(catalog: &Catalog<'_>, attribute: &Attribute<'_>, record_size: u32) -> Vec<(u64, u64)> {
    let volume = catalog.volume();
    let Some((geometry, piece)) = volume.geometry().zip(attribute.non_resident()) else { return Vec::new() };
    let mut extents = Extents::default();
    extents.push_runs(&piece, geometry.cluster_size(), &mut Vec::new());
    let size = u64::from(record_size).max(1);
    let step = usize::try_from(size).unwrap_or(usize::MAX);
    let mut records = Vec::new();
    for extent in extents.list() {
        let Location::At(position) = extent.location else { continue };
        // What lies behind the end of the source is no record, however long the run claims to be.
        let inside = extent.length.min(volume.source().size().saturating_sub(position));
        let starts = (0..inside).step_by(step);
        records.extend(starts.map(|start| {
            let index = extent.offset.saturating_add(start).checked_div(size).unwrap_or(0);
            (position.saturating_add(start), index)
        }));
    }
    records
}

/// The INDX records of a scan that lie in no file's clusters, and belong to a directory without a
/// record. Those in a file's clusters are the file's: a nested volume's.
fn lost_indexes(catalog: &Catalog<'_>, known: &Known, threads: &Threads) -> Vec<LostIndex> {
    let volume = catalog.volume();
    let (Some(geometry), Some(found)) = (volume.geometry(), volume.lost_indexes()) else { return Vec::new() };
    let is_lost = |index: &LostIndex| !index.directory.is_zero() && !known.directories.contains(&index.directory);
    let mut lost: Vec<LostIndex> = found.iter().filter(|index| is_lost(index)).copied().collect();
    lost.sort_unstable_by_key(|index| index.offset);
    let places: Vec<(u64, usize)> = lost.iter().map(|index| index.offset).zip(0..).collect();
    let owners = owners(volume, geometry.cluster_size(), &places, threads);
    let indexed = lost.into_iter().zip(0..);
    indexed.filter(|(_, index)| !owners.contains_key(index)).map(|(found, _)| found).collect()
}

/// What the names in a directory have as their parent: of a deleted one, the life before.
fn live_reference(entry: &Entry<'_>) -> FileReference {
    let sequence = entry.sequence_number();
    let was = if entry.header().is_in_use() { sequence } else { sequence.wrapping_sub(1) };
    FileReference::new(entry.record_number(), was)
}

fn is_index_size(size: u32) -> bool {
    size.is_power_of_two() && (512..=64 << 10).contains(&size)
}
