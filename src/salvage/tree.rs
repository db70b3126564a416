//! Ghosts: files and directories that only an index still names.
//!
//! A directory's index keeps a copy of each of its files' names, times and sizes. Where a file's
//! record is lost, was used again, or has lost its name, that copy is what is left.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::{ControlFlow, Range};

use super::findings::{Findings, IndexHit};
use super::layers::owners;
use super::recognize::key_of_directory;
use super::slack::carve;
use crate::base::name::Name;
use crate::base::reference::{FileReference, SequenceMatch};
use crate::base::threads::Threads;
use crate::catalog::{Batch, Catalog, Entry, Path, PathEnd, Paths};
use crate::source::Source;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::index::IndexRoot;
use crate::structure::index_record::IndexRecord;
use crate::structure::update_sequence::{Protection, STRIDE, UpdateSequence};
use crate::structure::value::file_attributes::FileAttributes;
use crate::structure::value::file_name::{FileName, Namespace};
use crate::volume::extents::{Extents, Location};
use crate::volume::geometry::Geometry;

/// A file or directory that an index names and no record describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ghost {
    /// The file, in the life the index means.
    pub reference: FileReference,
    /// What names it.
    pub witness: Witness,
    /// Where that stands, in bytes of the volume; `None` inside a record.
    pub offset: Option<u64>,
    key: Vec<u8>,
}

/// What names a ghost, the most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Witness {
    /// An entry of an index: the file was there when the directory was last written.
    Index,
    /// An INDX record of a directory whose own record is lost or was used again; whether the index
    /// is the last one the directory had cannot be told.
    LostIndex,
    /// Bytes of an index that are no longer in use, or were torn: the file may have been deleted, or
    /// its entry moved.
    IndexSlack,
    /// The end of a directory's record, behind what is in use.
    RecordSlack,
}

impl Ghost {
    /// The copy of the file's name, times and sizes.
    #[must_use]
    pub fn file_name(&self) -> Option<FileName<'_>> {
        FileName::parse(&self.key).ok()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name<'_> {
        self.file_name().map(|name| name.name()).unwrap_or_default()
    }

    /// The directory it is in.
    #[must_use]
    pub fn parent(&self) -> FileReference {
        self.file_name().map_or(FileReference(0), |name| name.parent())
    }

    /// True for a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.file_name().is_some_and(|name| name.file_attributes().contains(FileAttributes::DIRECTORY))
    }
}

/// The ghosts of a volume, and the paths they mend.
#[derive(Debug)]
pub struct Tree<'c> {
    catalog: &'c Catalog<'c>,
    /// Sorted by reference, then by witness.
    ghosts: Vec<Ghost>,
}

impl<'c> Tree<'c> {
    /// The longest way up through directories that are ghosts.
    const DEEPEST: usize = 4096;

    /// Looks through every index of the volume for files that have no record, or none with a name.
    /// Where the whole source was scanned, its findings add the indexes of directories whose own
    /// records are lost.
    #[must_use]
    pub fn new(catalog: &'c Catalog<'c>, findings: Option<&Findings>, threads: &Threads) -> Self {
        let known = Known::of(catalog, threads);
        let mut collected = Collected::default();
        let work = |(): &mut (), batch: Batch<'_>| {
            let mut part = Collected::default();
            batch.into_entries().for_each(|entry| part.look_through(&entry, &known));
            part
        };
        let flow = catalog.scan(
            threads,
            || (),
            work,
            |part| {
                collected.append(part);
                ControlFlow::<()>::Continue(())
            },
        );
        debug_assert!(flow.is_continue(), "nothing breaks the pass");
        for hit in findings.into_iter().flat_map(|findings| lost_indexes(catalog, findings, &known, threads)) {
            collected.look_through_lost(catalog, &hit, &known);
        }
        Self { catalog, ghosts: collected.into_ghosts() }
    }

    /// The ghosts, sorted by reference; one for each name.
    #[must_use]
    pub fn ghosts(&self) -> &[Ghost] {
        &self.ghosts
    }

    /// The names that indexes have for a file without one.
    pub fn names_of(&self, reference: FileReference) -> impl Iterator<Item = &Ghost> {
        let start = self.ghosts.partition_point(|ghost| ghost.reference < reference);
        self.ghosts.iter().skip(start).take_while(move |ghost| ghost.reference == reference)
    }

    /// The path of `name` in the directory `parent`, by way of ghosts where records are lost.
    #[must_use]
    pub fn path(&self, parent: FileReference, name: Name<'_>) -> Path {
        let mut paths = self.catalog.paths();
        let path = paths.path(parent, name);
        self.mend(path, &mut paths)
    }

    /// Leads a path on from where it ended, if a ghost knows the directory there: in the very life
    /// that was asked for, never in another.
    #[must_use]
    pub fn mend(&self, path: Path, paths: &mut Paths<'_>) -> Path {
        let mut path = path;
        let mut visited = HashSet::new();
        while let Some(next) = self.ghost_at(path.end).filter(|_| visited.len() < Self::DEEPEST) {
            let Some(rest) = path.text.strip_prefix(&path.end.to_string()) else { break };
            if !visited.insert(next.reference) {
                let end = PathEnd::Cycle(next.reference);
                return Path { text: format!("{end}{rest}"), end };
            }
            let mut above = paths.path(next.parent(), next.name());
            above.text.push_str(rest);
            path = above;
        }
        path
    }

    /// The directory a path ended at, by the best name an index has for it.
    fn ghost_at(&self, end: PathEnd) -> Option<&Ghost> {
        let (PathEnd::Missing(reference) | PathEnd::Reused(reference) | PathEnd::Unnamed(reference)) = end else {
            return None;
        };
        let is_dos = |ghost: &&Ghost| ghost.file_name().is_none_or(|name| name.namespace() == Namespace::DOS);
        self.names_of(reference).filter(|ghost| ghost.is_directory()).min_by_key(|ghost| (ghost.witness, is_dos(ghost)))
    }
}

/// Which records have a name: sequence number and whether in use, by record number.
struct Known {
    named: Vec<Option<(u16, bool)>>,
    directories: BTreeSet<FileReference>,
}

impl Known {
    fn of(catalog: &Catalog<'_>, threads: &Threads) -> Self {
        let count = usize::try_from(catalog.volume().mft().record_count()).unwrap_or(0);
        let mut known = Self { named: vec![None; count], directories: BTreeSet::new() };
        let work = |(): &mut (), batch: Batch<'_>| {
            let named = batch.into_entries().filter(|entry| !entry.links().is_empty() || entry.record_number() == 5);
            let state = |entry: Entry<'_>| {
                let life = (entry.sequence_number(), entry.header().is_in_use());
                let indexed = entry.is_directory().then(|| live_reference(&entry));
                (entry.record_number(), life, indexed)
            };
            named.map(state).collect::<Vec<_>>()
        };
        let flow = catalog.scan(
            threads,
            || (),
            work,
            |part| {
                for (number, life, indexed) in part {
                    if let Some(slot) = usize::try_from(number).ok().and_then(|number| known.named.get_mut(number)) {
                        *slot = Some(life);
                    }
                    known.directories.extend(indexed);
                }
                ControlFlow::<()>::Continue(())
            },
        );
        debug_assert!(flow.is_continue(), "nothing breaks the pass");
        known
    }

    /// True when a record with a name lives the life that `reference` means.
    fn has(&self, reference: FileReference) -> bool {
        let slot = usize::try_from(reference.record_number()).ok().and_then(|number| self.named.get(number));
        let life = slot.copied().flatten();
        life.is_some_and(|(sequence, in_use)| reference.matches(sequence, in_use) != SequenceMatch::Other)
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

    fn into_ghosts(self) -> Vec<Ghost> {
        let mut ghosts: Vec<Ghost> = self.found.into_values().collect();
        ghosts.sort_by_key(|ghost| (ghost.reference, ghost.witness));
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
                if key_of_directory(&item).is_some_and(|name| name.parent() == directory) {
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
                let is_freed = bitmap.as_deref().is_some_and(|bitmap| !has_bit(bitmap, index));
                let witness = if is_freed { Witness::IndexSlack } else { Witness::Index };
                let place = IndexPlace { offset, record_size, directory, witness };
                self.look_through_record(entry.catalog(), &place, known);
            }
        }
    }

    /// An INDX record that the scan has found, of a directory that has no record any more.
    fn look_through_lost(&mut self, catalog: &Catalog<'_>, hit: &IndexHit, known: &Known) {
        let offset = hit.offset.saturating_sub(catalog.volume().source().start());
        let (record_size, directory, witness) = (hit.record_size, hit.parent, Witness::LostIndex);
        self.look_through_record(catalog, &IndexPlace { offset, record_size, directory, witness }, known);
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
                let is_own = key_of_directory(&item).is_some_and(|name| name.parent() == place.directory);
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

fn has_bit(bitmap: &[u8], index: u64) -> bool {
    let byte = usize::try_from(index >> 3).ok().and_then(|byte| bitmap.get(byte)).copied().unwrap_or(0);
    let bit = u32::try_from(index & 7).unwrap_or(0);
    byte.checked_shr(bit).unwrap_or(0) & 1 == 1
}

/// The INDX records of a scan that lie in this volume, in no file's clusters, and belong to a
/// directory without a record. Those in a file's clusters are the file's: a nested volume's.
fn lost_indexes(catalog: &Catalog<'_>, findings: &Findings, known: &Known, threads: &Threads) -> Vec<IndexHit> {
    let volume = catalog.volume();
    let window = volume.source();
    let Some(geometry) = volume.geometry() else { return Vec::new() };
    let mut places: Vec<(u64, usize)> = Vec::new();
    for (index, hit) in findings.index_records().iter().enumerate() {
        let inside = hit.offset.checked_sub(window.start()).filter(|&offset| offset < window.size());
        let is_lost = !hit.parent.is_zero() && !known.directories.contains(&hit.parent);
        places.extend(inside.filter(|_| is_lost).map(|offset| (offset, index)));
    }
    let owners = owners(volume, geometry.cluster_size(), &places, threads);
    let free = places.into_iter().filter(|(_, index)| !owners.contains_key(index));
    free.filter_map(|(_, index)| findings.index_records().get(index).copied()).collect()
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
