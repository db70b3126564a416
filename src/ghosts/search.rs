//! The search for ghosts: through every index, the slack of each, and the parents that names have.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{ControlFlow, Range};

use super::contested_indexes::{self, IndexClaim, IndexClaims};
use super::slack::carve;
use crate::base::damage::wide;
use crate::base::name::Name;
use crate::base::reference::{FileReference, SequenceMatch};
use crate::base::threads::Threads;
use crate::base::watch::Step;
use crate::catalog::directory_index::{
    index_attributes, index_bitmap, index_pieces, index_record_size, live_references, records_of,
};
use crate::catalog::ghost::{Ghost, GhostEvidence, order};
use crate::catalog::slot::SlotFlags;
use crate::catalog::{Batch, Catalog, Entry, PathEnd};
use crate::source::Source;
use crate::structure::attribute_type::AttributeType;
use crate::structure::index::IndexRoot;
use crate::structure::index_record::IndexRecord;
use crate::structure::update_sequence::{Protection, STRIDE, UpdateSequence};
use crate::structure::value::bitmap::Bitmap;
use crate::structure::value::file_name::FileName;
use crate::volume::cluster_owners::owners;
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
        let _step = threads.begin(Step::Ghosts);
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
        if known.is_contested {
            collected.look_through_contested(&self, &known, threads);
        }
        for found in lost_indexes(&self, &known, threads) {
            collected.look_through_lost(&self, &found, &known);
        }
        collected.leave_out_known_names(&self, threads);
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
        let numbered = self.slots.iter().filter(move |(number, slot)| {
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
        let bits = self.volume().table_bitmap(&bitmap, wide(self.slots.len())).ok()?;
        let used = self.slots.iter().filter(|(_, slot)| slot.flags().contains(SlotFlags::IN_USE));
        let knows_all = used.map(|(number, _)| number).all(|number| Bitmap::new(&bits).is_set(number) == Some(true));
        knows_all.then_some(bits)
    }

    /// True when a base record lives the life that `reference` means.
    pub(crate) fn has_base_record(&self, reference: FileReference) -> bool {
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
    /// Bytes that directories have for their indexes; whether they have to share clusters for them.
    claimed: u64,
    is_contested: bool,
    /// The names of live files, as hashes, by record number, sorted.
    links: Vec<(u64, u64)>,
}

impl Known {
    fn of(catalog: &Catalog<'_>, threads: &Threads) -> Self {
        let count = usize::try_from(catalog.volume().mft().record_count()).unwrap_or(0);
        let (directories, parents) = (BTreeSet::new(), BTreeSet::new());
        let mut known =
            Self { named: vec![None; count], directories, parents, claimed: 0, is_contested: false, links: Vec::new() };
        let work = |(): &mut (), batch: Batch<'_>| batch.into_entries().map(|entry| Named::of(&entry)).collect();
        let consume = |part: Vec<Named>| {
            part.into_iter().for_each(|named| known.take(named));
            ControlFlow::<()>::Continue(())
        };
        let flow = catalog.scan(threads, || (), work, consume);
        debug_assert!(flow.is_continue(), "nothing breaks the pass");
        known.links.sort_unstable();
        known.is_contested = contested_indexes::is_contested(catalog, known.claimed);
        known
    }

    fn take(&mut self, named: Named) {
        self.claimed = self.claimed.saturating_add(named.claimed);
        self.parents.extend(&named.parents);
        self.links.extend(named.links.into_iter().map(|hash| (named.number, hash)));
        let is_root = named.number == Catalog::ROOT;
        if named.parents.is_empty() && !is_root {
            return;
        }
        if let Some(slot) = usize::try_from(named.number).ok().and_then(|number| self.named.get_mut(number)) {
            *slot = Some(named.life);
        }
        self.directories.extend(named.directory.into_iter().flatten());
    }

    /// True for a live file that has other names, but not this one.
    fn lacks(&self, reference: FileReference, name: &FileName<'_>) -> bool {
        let slot = usize::try_from(reference.record_number()).ok().and_then(|number| self.named.get(number));
        let is_live = slot.copied().flatten() == Some((reference.sequence_number(), true));
        is_live && self.links.binary_search(&(reference.record_number(), hash_of(name))).is_err()
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
    directory: Option<[FileReference; 2]>,
    /// The directories of its names.
    parents: Vec<FileReference>,
    /// Hashes of its names.
    links: Vec<u64>,
    /// Bytes that it has for an index.
    claimed: u64,
}

impl Named {
    fn of(entry: &Entry<'_>) -> Self {
        let mut parents: Vec<FileReference> = entry.links().iter().map(crate::catalog::Link::parent).collect();
        parents.dedup();
        let claimed = index_pieces(entry).iter().map(|(_, length, _)| *length).fold(0, u64::saturating_add);
        Self {
            number: entry.record_number(),
            life: (entry.sequence_number(), entry.header().is_in_use()),
            directory: entry.is_directory().then(|| live_references(entry)),
            parents,
            links: entry.file_names().map(|(_, name)| hash_of(&name)).collect(),
            claimed,
        }
    }
}

/// A name in a directory.
fn identity(parent: FileReference, name: Name<'_>) -> Vec<u8> {
    [&parent.0.to_le_bytes(), name.bytes()].concat()
}

fn hash_of(name: &FileName<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (name.parent().0, name.name().bytes()).hash(&mut hasher);
    hasher.finish()
}

/// The file, and its parent and name.
type Identity = (FileReference, Vec<u8>);

/// Ghosts, each with its most trusted evidence.
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
            Some(known) if known.evidence <= ghost.evidence => {}
            Some(known) => *known = ghost,
            None => {
                self.found.insert(identity, ghost);
            }
        }
    }

    fn add(&mut self, file: FileReference, key: &[u8], evidence: GhostEvidence, offset: Option<u64>, known: &Known) {
        let Ok(name) = FileName::parse(key) else { return };
        if file.record_number() == 0 {
            return;
        }
        if known.has(file) && !(evidence == GhostEvidence::Index && known.lacks(file, &name)) {
            return;
        }
        let identity = identity(name.parent(), name.name());
        let ghost = Ghost { reference: file, evidence, offset, key: key.to_vec() };
        self.insert((file, identity), ghost);
    }

    /// Leaves out names without a record number that a file of the same directory has: an entry that was moved left
    /// them.
    fn leave_out_known_names(&mut self, catalog: &Catalog<'_>, threads: &Threads) {
        let unknown: BTreeSet<Vec<u8>> =
            self.found.keys().filter(|(file, _)| file.is_unknown()).map(|(_, name)| name.clone()).collect();
        if unknown.is_empty() {
            return;
        }
        let is_named = self.found.keys().filter(|(file, _)| !file.is_unknown()).map(|(_, name)| name);
        let mut known: BTreeSet<Vec<u8>> = is_named.filter(|name| unknown.contains(*name)).cloned().collect();
        let work = |(): &mut (), batch: Batch<'_>| -> Vec<Vec<u8>> {
            let names = batch.into_entries().flat_map(|entry| {
                let identity = |link: &crate::catalog::Link<'_>| identity(link.parent(), link.name());
                entry.links().iter().map(identity).collect::<Vec<_>>()
            });
            names.filter(|name| unknown.contains(name)).collect()
        };
        let consume = |part: Vec<Vec<u8>>| {
            known.extend(part);
            ControlFlow::<()>::Continue(())
        };
        // What breaks the pass is a stop, and then nothing of this is wanted.
        let _ = catalog.scan(threads, || (), work, consume);
        self.found.retain(|(file, name), _| !(file.is_unknown() && known.contains(name)));
    }

    /// Directories that names stand in, and that nothing else knows of.
    fn add_parents(&mut self, catalog: &Catalog<'_>, known: &Known) {
        let of_ghosts: BTreeSet<FileReference> = self.found.values().map(Ghost::parent).collect();
        let named: BTreeSet<FileReference> = self.found.keys().map(|(reference, _)| *reference).collect();
        for &reference in known.parents.union(&of_ghosts).filter(|reference| !named.contains(reference)) {
            let is_lost = matches!(catalog.directory(reference), Err(PathEnd::Missing(_) | PathEnd::Reused(_)));
            // A number behind the table's end is rather a wrong number than a directory.
            let is_possible = catalog.slots.is_empty() || catalog.slot(reference.record_number()).is_some();
            if is_lost && is_possible && !reference.is_zero() {
                let ghost = Ghost { reference, evidence: GhostEvidence::Child, offset: None, key: Vec::new() };
                self.insert((reference, Vec::new()), ghost);
            }
        }
    }

    fn into_ghosts(self) -> Vec<Ghost> {
        let mut ghosts: Vec<Ghost> = self.found.into_values().collect();
        ghosts.sort_by_key(|ghost| (order(ghost.reference), ghost.evidence));
        ghosts
    }

    /// Looks through the index of one directory: its root, its records, and the slack of each.
    fn look_through(&mut self, entry: &Entry<'_>, known: &Known) {
        let lives = live_references(entry);
        let is_own = |parent: FileReference| lives.contains(&parent);
        for root in index_attributes(entry, AttributeType::INDEX_ROOT) {
            let Ok(root) = root.resident_value().and_then(IndexRoot::parse) else { continue };
            for item in root.entries().filter_map(Result::ok) {
                if item.directory_name().is_some_and(|name| is_own(name.parent())) {
                    self.add(item.file_reference(), item.key(), GhostEvidence::Index, None, known);
                }
            }
        }
        if entry.is_directory() {
            let slack = entry.record().slack();
            for carved in carve(slack, 0..slack.len(), is_own, |_| true) {
                self.add(carved.file, carved.key, GhostEvidence::RecordSlack, None, known);
            }
        }
        let Some(record_size) = index_record_size(entry).filter(|_| !known.is_contested) else { return };
        let records = records_of(entry, record_size);
        let bitmap = index_bitmap(entry, records.len());
        for (offset, index) in records {
            let is_freed = bitmap.as_deref().is_some_and(|bits| Bitmap::new(bits).is_set(index) != Some(true));
            let evidence = if is_freed { GhostEvidence::IndexSlack } else { GhostEvidence::Index };
            let place = IndexPlace { offset, record_size, evidence };
            self.look_through_record(entry.catalog(), &place, is_own, known);
        }
    }

    /// Looks through index records in clusters that many directories claim, each record once. Whose they are now
    /// is not known: the names in them have been in the directory that claims them.
    fn look_through_contested(&mut self, catalog: &Catalog<'_>, known: &Known, threads: &Threads) {
        let mut claims = Vec::new();
        let work =
            |(): &mut (), batch: Batch<'_>| batch.into_entries().flat_map(|entry| IndexClaim::of(&entry)).collect();
        let consume = |part: Vec<IndexClaim>| {
            claims.extend(part);
            ControlFlow::<()>::Continue(())
        };
        let flow = catalog.scan(threads, || (), work, consume);
        debug_assert!(flow.is_continue(), "nothing breaks the pass");
        let claims = IndexClaims::new(claims);
        let pieces = claims.pieces();
        let work = |(): &mut (), index: u64| {
            let mut part = Self::default();
            let piece = usize::try_from(index).ok().and_then(|index| pieces.get(index));
            let Some((grid, range)) = piece else { return part };
            let step = usize::try_from(grid.record_size).unwrap_or(usize::MAX).max(1);
            for offset in range.clone().step_by(step) {
                let place = IndexPlace { offset, record_size: grid.record_size, evidence: GhostEvidence::IndexSlack };
                part.look_through_record(catalog, &place, |parent| claims.has(parent, *grid, offset), known);
            }
            part
        };
        let consume = |part| {
            self.append(part);
            ControlFlow::<()>::Continue(())
        };
        let flow = threads.map_in_order(u64::try_from(pieces.len()).unwrap_or(0), || (), work, consume);
        debug_assert!(flow.is_continue(), "nothing breaks the pass");
    }

    /// An INDX record that the scan has found, of a directory that has no record any more.
    fn look_through_lost(&mut self, catalog: &Catalog<'_>, found: &LostIndex, known: &Known) {
        let LostIndex { offset, record_size, directory } = *found;
        let place = IndexPlace { offset, record_size, evidence: GhostEvidence::LostIndex };
        self.look_through_record(catalog, &place, |parent| parent == directory, known);
    }

    /// Takes from an index record the names in directories that `is_own` takes.
    fn look_through_record(
        &mut self,
        catalog: &Catalog<'_>,
        place: &IndexPlace,
        is_own: impl Fn(FileReference) -> bool,
        known: &Known,
    ) {
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
        let (mut used_end, mut marker) = (0, None);
        if let Ok(record) = IndexRecord::parse(&bytes) {
            for item in record.entries().map_while(Result::ok) {
                used_end = item.offset().saturating_add(item.bytes().len());
                marker = Some(item.offset()).filter(|_| item.key().is_empty());
                let is_named = item.directory_name().is_some_and(|name| is_own(name.parent()));
                if is_named && is_sound(item.offset(), used_end) {
                    self.add(item.file_reference(), item.key(), place.evidence, at(item.offset()), known);
                }
            }
        }
        let sound = |range: Range<usize>| is_sound(range.start, range.end);
        // The marker at the end stands over the front of an entry that was there, and its name lies behind it.
        for carved in carve(&bytes, marker.unwrap_or(used_end)..bytes.len(), is_own, sound) {
            self.add(carved.file, carved.key, GhostEvidence::IndexSlack, at(carved.offset), known);
        }
    }
}

/// An INDX record, and how far its entries are to be trusted.
struct IndexPlace {
    /// In bytes of the volume.
    offset: u64,
    record_size: u32,
    evidence: GhostEvidence,
}

/// The INDX records of a scan that lie in no file's clusters, and belong to a directory without a
/// record. Those in a file's clusters are the file's: a nested volume's.
fn lost_indexes(catalog: &Catalog<'_>, known: &Known, threads: &Threads) -> Vec<LostIndex> {
    let volume = catalog.volume();
    let Some(found) = volume.lost_indexes() else { return Vec::new() };
    let is_lost = |index: &LostIndex| !index.directory.is_zero() && !known.directories.contains(&index.directory);
    let mut lost: Vec<LostIndex> = found.iter().filter(|index| is_lost(index)).copied().collect();
    lost.sort_unstable_by_key(|index| index.offset);
    let places: Vec<(u64, usize)> = lost.iter().map(|index| index.offset).zip(0..).collect();
    let owners = match volume.geometry() {
        Some(geometry) => owners(volume, geometry.cluster_size(), &places, threads),
        None => BTreeMap::new(),
    };
    let indexed = lost.into_iter().zip(0..);
    indexed.filter(|(_, index)| !owners.contains_key(index)).map(|(found, _)| found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::directory_index::is_index_size;
    use crate::catalog::entry::EntryState;
    use crate::structure::forge::{Forge, file_name};
    use crate::structure::index::tests::node;
    use crate::structure::index_entry::tests::entry;
    use crate::structure::value::file_attributes::FileAttributes;
    use crate::volume::Volume;
    use crate::volume::forged_volume::{CLUSTER, CLUSTERS, Forged, add_runs, directory, file, runs, table, with_runs};

    /// The directory whose index is looked through.
    const HERE: (u64, u16) = (40, 1);

    fn at(reference: (u64, u16)) -> FileReference {
        FileReference::new(reference.0, reference.1)
    }

    fn item_of(parent: (u64, u16), file: (u64, u16), name: &str, attributes: FileAttributes) -> Vec<u8> {
        entry(at(file).0, &file_name(parent, 3, name, attributes), &[], 0, None)
    }

    /// The entry of a file in the directory's index.
    fn item(file: (u64, u16), name: &str) -> Vec<u8> {
        item_of(HERE, file, name, FileAttributes::empty())
    }

    fn last() -> Vec<u8> {
        entry(0, &[], &[], 2, None)
    }

    fn root(record_size: u32, entries: &[Vec<u8>]) -> Vec<u8> {
        let header = [0x30, 1, record_size, 1].map(u32::to_le_bytes).concat();
        [header, node(16, &entries.concat(), &[])].concat()
    }

    /// An INDX record of `size` bytes with these entries, and these bytes behind them.
    fn index_record(size: usize, entries: &[Vec<u8>], slack: &[u8]) -> Vec<u8> {
        let strides = size / STRIDE;
        let mut bytes = b"INDX\x28\0".to_vec();
        bytes.extend_from_slice(&(strides as u16 + 1).to_le_bytes());
        bytes.resize(24, 0);
        bytes.extend(node(40, &entries.concat(), slack));
        bytes.resize(size, 0);
        bytes[40..42].copy_from_slice(&7_u16.to_le_bytes());
        for stride in 0..strides {
            let word = stride * STRIDE + 510;
            bytes.copy_within(word..word + 2, 42 + 2 * stride);
            bytes[word..word + 2].copy_from_slice(&7_u16.to_le_bytes());
        }
        bytes
    }

    /// A directory whose index has records of `size` bytes in these runs.
    fn indexed(size: u32, list: &[(u64, Option<u64>)]) -> Forge {
        let clusters: u64 = list.iter().map(|(length, _)| length).sum();
        let sizes = [clusters * CLUSTER; 3];
        let record = directory((5, 5), "d").resident(AttributeType::INDEX_ROOT, "$I30", &root(size, &[last()]));
        record.runs(AttributeType::INDEX_ALLOCATION, "$I30", (0, clusters - 1), sizes, &runs(list))
    }

    type Shown = (u64, u16, String, GhostEvidence, Option<u64>);

    fn shown(catalog: &Catalog<'_>) -> Vec<Shown> {
        let of = |ghost: &Ghost| {
            let (number, life) = order(ghost.reference);
            (number, life, ghost.name().to_string(), ghost.evidence, ghost.offset)
        };
        catalog.ghosts().iter().map(of).collect()
    }

    fn ghosts(forged: &Forged) -> Vec<Shown> {
        let volume = forged.volume();
        let found = shown(&volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single()));
        let two = Threads::new(2);
        assert_eq!(shown(&volume.clone().with_chunks_of(1).catalog_with(&two).with_ghosts(&two)), found);
        found
    }

    fn ghost(file: (u64, u16), name: &str, evidence: GhostEvidence, offset: Option<u64>) -> Shown {
        (file.0, file.1, name.to_owned(), evidence, offset)
    }

    #[test]
    fn names_without_a_record_are_ghosts() {
        let entries = [
            item((30, 1), "f"),
            item((31, 1), "freed"),
            item((32, 1), "earlier life"),
            item((50, 3), "lost"),
            item((0, 1), "no file"),
            item_of((41, 1), (51, 1), "of another directory", FileAttributes::empty()),
            item_of((40, 2), (52, 1), "of another life", FileAttributes::empty()),
            last(),
        ];
        let record = Forge::new(1024).flags(3).name((5, 5), 3, "d");
        // Entries find no room beside a name in a record of 1 KiB: they stand in an extension record.
        let extension = Forge::new(1024).base(40, 1).resident(AttributeType::INDEX_ROOT, "$I30", &root(512, &entries));
        let records = vec![
            (30, file()),
            (31, file().flags(0).sequence(2)),
            (32, file().sequence(2)),
            (40, record),
            (41, extension),
        ];
        let expected = [
            ghost((30, 1), "f", GhostEvidence::Index, None),
            ghost((32, 1), "earlier life", GhostEvidence::Index, None),
            ghost((50, 3), "lost", GhostEvidence::Index, None),
        ];
        assert_eq!(ghosts(&Forged::new(records)), expected);
    }

    #[test]
    fn a_name_that_only_an_index_has_for_a_live_file_is_said_in_its_damage() {
        let entries = [item((30, 1), "own"), item((30, 1), "old"), item((31, 1), "freed"), last()];
        let extension = Forge::new(1024).base(40, 1).resident(AttributeType::INDEX_ROOT, "$I30", &root(512, &entries));
        let records = vec![
            (30, Forge::new(1024).name(HERE, 3, "own")),
            (31, Forge::new(1024).name(HERE, 3, "other").flags(0).sequence(2)),
            (40, directory((5, 5), "d")),
            (41, extension),
        ];
        let forged = Forged::new(records);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single());
        let damage = |number: u64| {
            let entry = catalog.entry(number).unwrap();
            assert_eq!(entry.links().len(), 1, "a record's own names are its names");
            entry.damage()
        };
        let directory = at(HERE);
        let kind = crate::base::damage::DamageKind::NameOnlyInIndex { directory };
        assert_eq!(damage(30), [crate::base::damage::Damage::in_record(30, 0, kind)]);
        assert!(damage(31).is_empty(), "a deleted file's entry is another's business");
    }

    #[test]
    fn a_ghost_is_an_entry_with_a_path_and_a_directory_in_others() {
        let entries = [item_of(HERE, (50, 3), "lost", FileAttributes::DIRECTORY), item((51, 1), "gone"), last()];
        let record = directory((5, 5), "d").resident(AttributeType::INDEX_ROOT, "$I30", &root(512, &entries));
        let child = |life| Forge::new(1024).name((50, life), 3, "child");
        let forged = Forged::new(vec![(30, child(3)), (31, child(4)), (40, record)]);
        let volume = forged.volume();
        let catalog = volume.catalog().with_ghosts(&Threads::single());
        let told: Vec<_> = catalog
            .entries()
            .filter(|entry| entry.record_number() >= 30)
            .map(|entry| {
                let path = entry.paths().next().map(|path| path.text);
                (entry.reference(), entry.state(), entry.is_directory(), entry.provenance().code(), path)
            })
            .collect();
        let path = |text: &str| Some(text.to_owned());
        let expected = [
            (at((30, 1)), EntryState::Live, false, "table", path("/d/lost/child")),
            // Another life of the directory is another ghost, of which nothing is known.
            (at((31, 1)), EntryState::Live, false, "table", path("<missing 50-4>/child")),
            (at((40, 1)), EntryState::Live, true, "table", path("/d")),
            (at((50, 3)), EntryState::Ghost, true, "index", path("/d/lost")),
            (at((50, 4)), EntryState::Ghost, true, "child", None),
            (at((51, 1)), EntryState::Ghost, false, "index", path("/d/gone")),
        ];
        assert_eq!(told, expected);
        let nameless = catalog.ghosts().iter().find(|ghost| ghost.evidence == GhostEvidence::Child).unwrap();
        assert_eq!((nameless.file_name(), nameless.parent(), nameless.is_directory()), (None, FileReference(0), true));
        let file = catalog.ghosts().iter().find(|ghost| ghost.reference == at((51, 1))).unwrap();
        assert_eq!((file.parent(), file.is_directory()), (at(HERE), false));
        let before = shown(&catalog);
        assert_eq!(shown(&catalog.with_ghosts(&Threads::single())), before, "looking again finds nothing new");
    }

    #[test]
    fn index_records_are_believed_as_far_as_they_are_in_use() {
        let used = [item((50, 1), "used"), last()];
        let freed = item((51, 1), "freed");
        let mut forged = Forged::new(vec![(40, indexed(1024, &[(2, Some(300)), (2, None), (2, Some(310))]))]);
        forged.write(300, &index_record(1024, &used, &freed));
        forged.write(310, &index_record(1024, &[item((52, 1), "second"), last()], &[]));
        let first = 300 * CLUSTER + 64;
        let behind = first + used.concat().len() as u64;
        let expected = |second: GhostEvidence| {
            [
                ghost((50, 1), "used", GhostEvidence::Index, Some(first)),
                ghost((51, 1), "freed", GhostEvidence::IndexSlack, Some(behind)),
                ghost((52, 1), "second", second, Some(310 * CLUSTER + 64)),
            ]
        };
        assert_eq!(ghosts(&forged), expected(GhostEvidence::Index), "without a bitmap all are in use");
        let with_bitmap = |bits: u8| {
            let record = indexed(1024, &[(2, Some(300)), (2, None), (2, Some(310))]);
            record.resident(AttributeType::BITMAP, "$I30", &[bits, 0, 0, 0, 0, 0, 0, 0])
        };
        forged.record(40, with_bitmap(0b101));
        assert_eq!(ghosts(&forged), expected(GhostEvidence::Index));
        forged.record(40, with_bitmap(0b001));
        assert_eq!(ghosts(&forged), expected(GhostEvidence::IndexSlack));
    }

    #[test]
    fn a_name_under_the_end_marker_is_a_ghost_without_a_number() {
        let under = |name: &str| item((51, 1), name).split_off(16);
        let entries = [item((30, 1), "kept"), last()];
        let first = 300 * CLUSTER + 64 + item((30, 1), "kept").len() as u64;
        let found = |behind: &[u8]| {
            let kept = file().name(HERE, 3, "kept");
            let mut forged = Forged::new(vec![(30, kept), (40, indexed(1024, &[(2, Some(300))]))]);
            forged.write(300, &index_record(1024, &entries, behind));
            ghosts(&forged)
        };
        let (number, life) = order(FileReference::UNKNOWN);
        let gone = ghost((number, life), "gone", GhostEvidence::IndexSlack, Some(first));
        assert_eq!(found(&under("gone")), [gone]);
        assert_eq!(found(&under("kept")), [], "an entry that was moved left it");
        // A marker of an earlier state lies behind, with a name of its own.
        let behind = [under("gone"), last(), under("older")].concat();
        let names: Vec<_> = found(&behind).into_iter().map(|ghost| (ghost.0, ghost.2)).collect();
        assert_eq!(names, [(number, "gone".to_owned()), (number, "older".to_owned())]);
        // Each is a file of its own, and none is the table.
        let mut forged = Forged::new(vec![(40, indexed(1024, &[(2, Some(300))]))]);
        forged.write(300, &index_record(1024, &entries, &behind));
        let volume = forged.volume();
        let catalog = volume.catalog().with_ghosts(&Threads::single());
        let unknown = catalog.entries().filter(|entry| entry.reference().is_unknown());
        let paths: Vec<_> = unknown.map(|entry| (entry.state(), entry.paths().next().unwrap().text)).collect();
        let expected = ["/d/gone", "/d/older"].map(|path| (EntryState::Ghost, path.to_owned()));
        assert_eq!(paths, expected);
        // Of another directory, or with half a name, it is none.
        let other = item_of((41, 1), (51, 1), "gone", FileAttributes::empty()).split_off(16);
        assert_eq!(found(&other), []);
        assert_eq!(found(&under("gone")[..70]), []);
    }

    #[test]
    fn the_index_says_how_large_its_records_are() {
        let two = [
            index_record(512, &[item((50, 1), "one"), last()], &[]),
            index_record(512, &[item((51, 1), "two"), last()], &[]),
        ];
        let mut forged = Forged::new(vec![(40, indexed(512, &[(2, Some(300))]))]);
        forged.write(300, &two.concat());
        let names = |forged: &Forged| ghosts(forged).into_iter().map(|ghost| ghost.2).collect::<Vec<_>>();
        assert_eq!(names(&forged), ["one", "two"]);
        // Where it says nothing sensible, the volume's size counts.
        let volume_size = forged.volume().geometry().unwrap().index_record_size();
        let clusters = u64::from(volume_size) / CLUSTER;
        let mut forged = Forged::new(vec![(40, indexed(3000, &[(clusters * 2, Some(300))]))]);
        let size = volume_size as usize;
        let large = |number, name| index_record(size, &[item((number, 1), name), last()], &[]);
        forged.write(300, &[large(50, "one"), large(51, "two")].concat());
        assert_eq!(names(&forged), ["one", "two"]);
        let sizes = [0, 256, 512, 1000, 4096, 1 << 16, 1 << 17];
        assert_eq!(sizes.map(is_index_size), [false, false, true, false, true, true, false]);
    }

    #[test]
    fn torn_strides_give_no_names() {
        let filler = vec![0; 512 - 64 - 40];
        let entries = [item((50, 1), "first"), last()];
        // The second name lies across the first two strides, the third behind them.
        let slack =
            [filler[entries.concat().len()..].to_vec(), item((51, 1), "across"), item((52, 1), "behind")].concat();
        let mut bytes = index_record(1024, &entries, &slack);
        let names = |bytes: &[u8]| {
            let mut forged = Forged::new(vec![(40, indexed(1024, &[(2, Some(300))]))]);
            forged.write(300, bytes);
            ghosts(&forged).into_iter().map(|ghost| ghost.2).collect::<Vec<_>>()
        };
        assert_eq!(names(&bytes), ["first", "across", "behind"]);
        bytes[1022] ^= 1;
        assert_eq!(names(&bytes), ["first"]);
        bytes[1022] ^= 1;
        bytes[510] ^= 1;
        assert_eq!(names(&bytes), ["behind"]);
        bytes[510] ^= 1;
        // A lost header: what lies across the end of a stride is not as it was written, the rest may be.
        bytes[..64].fill(0);
        assert_eq!(names(&bytes), ["first", "behind"]);
        bytes.fill(0);
        assert_eq!(names(&bytes), Vec::<String>::new());
    }

    #[test]
    fn the_slack_of_a_directorys_record_is_looked_through() {
        let with_slack = |record: Forge| {
            let mut forged = Forged::new(vec![(40, record)]);
            let name = item((50, 1), "slack");
            let start = 600;
            forged.record_bytes(40)[start..start + name.len()].copy_from_slice(&name);
            ghosts(&forged)
        };
        let expected = [ghost((50, 1), "slack", GhostEvidence::RecordSlack, None)];
        assert_eq!(with_slack(directory((5, 5), "d")), expected);
        assert_eq!(with_slack(directory((5, 5), "d").flags(2).sequence(2)), expected, "of a deleted one, too");
        assert_eq!(with_slack(file()), [], "a file has no names in it");
    }

    #[test]
    fn the_most_trusted_witness_counts() {
        let entries = [item((50, 1), "lost"), last()];
        let record = indexed(512, &[(1, Some(300)), (1, Some(301))]);
        let mut forged = Forged::new(vec![(40, record)]);
        forged.write(300, &index_record(512, &[last()], &entries[0]));
        forged.write(301, &index_record(512, &entries, &[]));
        let expected = [ghost((50, 1), "lost", GhostEvidence::Index, Some(301 * CLUSTER + 64))];
        assert_eq!(ghosts(&forged), expected);
        forged.write(300, &index_record(512, &entries, &[]));
        forged.write(301, &index_record(512, &[last()], &entries[0]));
        assert_eq!(ghosts(&forged)[0].4, Some(300 * CLUSTER + 64));
        assert_eq!(ghosts(&forged)[0].3, GhostEvidence::Index);
    }

    #[test]
    fn runs_are_followed_as_far_as_the_source_goes() {
        let record = indexed(512, &[(1 << 23, Some(CLUSTERS - 2))]);
        let mut forged = Forged::new(vec![(40, record)]);
        forged.write(CLUSTERS - 2, &index_record(512, &[item((50, 1), "end"), last()], &[]));
        assert_eq!(ghosts(&forged).len(), 1);
    }

    #[test]
    fn a_record_without_a_name_is_lent_the_one_its_directory_has() {
        let entries = [item((30, 1), "live"), item((31, 1), "deleted"), item((32, 1), "named elsewhere"), last()];
        let record = directory((5, 5), "d").resident(AttributeType::INDEX_ROOT, "$I30", &root(512, &entries));
        let nameless = || Forge::new(1024).resident(AttributeType::DATA, "", &[7]);
        let forged = Forged::new(vec![
            (30, nameless()),
            (31, nameless().flags(0).sequence(2)),
            (32, nameless().name((5, 5), 3, "own")),
            (40, record),
        ]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single());
        let told = |number| {
            let entry = catalog.entry(number).unwrap();
            let names: Vec<_> = entry.links().iter().map(|link| link.name().to_string()).collect();
            (entry.state(), names)
        };
        assert_eq!(told(30), (EntryState::Live, vec!["live".to_owned()]));
        assert_eq!(told(31), (EntryState::Deleted, vec!["deleted".to_owned()]));
        assert_eq!(told(32), (EntryState::Live, vec!["own".to_owned()]));
        assert!(catalog.entries().all(|entry| entry.state() != EntryState::Ghost), "each has a record");
    }

    #[test]
    fn directories_that_only_their_files_know_are_ghosts() {
        let child = |parent| Forge::new(1024).name(parent, 3, "child");
        let extension = Forge::new(1024).base(9, 1).name((55, 1), 3, "of an orphan");
        let records = vec![
            (5, directory((5, 5), ".").sequence(5)),
            (20, child((50, 1))),
            (21, child((5, 5))),
            (22, child((33, 2))),
            (23, child((20, 1))),
            (24, child((900, 1))),
            (25, child((0, 0))),
            (26, extension),
            (33, directory((5, 5), "another life")),
        ];
        let expected = [
            ghost((33, 2), "", GhostEvidence::Child, None),
            ghost((50, 1), "", GhostEvidence::Child, None),
            ghost((55, 1), "", GhostEvidence::Child, None),
        ];
        assert_eq!(ghosts(&Forged::new(records)), expected);
    }

    #[test]
    fn indexes_of_lost_directories_are_looked_through() {
        let lost = item_of((50, 1), (51, 1), "lost", FileAttributes::empty());
        let bytes = index_record(512, &[lost, last()], &[]);
        let of_here = index_record(512, &[item((52, 1), "known"), last()], &[]);
        let mut forged = Forged::new(vec![(30, with_runs(&[(1, Some(310))], 512, 512)), (40, directory((5, 5), "d"))]);
        for cluster in [300, 310, 320] {
            forged.write(cluster, if cluster == 320 { &of_here } else { &bytes });
        }
        let found = |cluster: u64, directory: FileReference| {
            let index = LostIndex { offset: cluster * CLUSTER, record_size: 512, directory };
            let volume = forged.volume().with_lost_indexes(vec![index]);
            shown(&volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single()))
        };
        let place = Some(300 * CLUSTER + 64);
        let expected =
            [ghost((50, 1), "", GhostEvidence::Child, None), ghost((51, 1), "lost", GhostEvidence::LostIndex, place)];
        assert_eq!(found(300, at((50, 1))), expected);
        assert_eq!(found(310, at((50, 1))), [], "it lies in a file's clusters: a nested volume's");
        assert_eq!(found(320, at(HERE)), [], "the directory has its record");
        assert_eq!(found(300, FileReference(0)), []);
    }

    /// How many records are missing, and how many of them have no name in any index.
    fn missing(forged: &Forged) -> (u64, u64) {
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        (catalog.missing_records(), catalog.nameless_records())
    }

    #[test]
    fn records_are_missing_where_the_tables_bitmap_calls_them_used() {
        let with_bitmap = |used: &[u64]| {
            let mut bits = [0_u8; 8];
            used.iter().for_each(|number| bits[(number / 8) as usize] |= 1 << (number % 8));
            let record = add_runs(Forge::new(1024), "", &[(128, Some(8))], 64 * 1024, 64 * 1024);
            record.resident(AttributeType::BITMAP, "", &bits)
        };
        let entries = [item((50, 1), "lost"), last()];
        let record = || directory((5, 5), "d").resident(AttributeType::INDEX_ROOT, "$I30", &root(512, &entries));
        let forged = |bitmap: Option<Forge>| {
            let mut records = vec![(40, record()), (41, file().flags(0).sequence(2))];
            records.extend(bitmap.map(|record| (0, record)));
            Forged::new(records)
        };
        // Of 64 slots 0, 6, 40 and 41 have records. The root's own is missing, too.
        assert_eq!(missing(&forged(None)), (60, 59), "without a bitmap");
        assert_eq!(missing(&forged(Some(with_bitmap(&[0, 6, 40])))), (0, 0));
        assert_eq!(missing(&forged(Some(with_bitmap(&[0, 6, 40, 50])))), (1, 0));
        assert_eq!(missing(&forged(Some(with_bitmap(&[0, 6, 40, 50, 51])))), (2, 1));
        assert_eq!(missing(&forged(Some(with_bitmap(&[0, 6, 50])))), (60, 59), "it does not know of record 40");
        let mut baad = forged(Some(with_bitmap(&[0, 6, 40, 41])));
        assert_eq!(missing(&baad), (0, 0), "a record that is free is there all the same");
        baad.record_bytes(41)[..4].copy_from_slice(b"BAAD");
        assert_eq!(missing(&baad), (1, 1));
        // A named bitmap is not the table's.
        let named = add_runs(Forge::new(1024), "", &[(128, Some(8))], 64 * 1024, 64 * 1024);
        let named = named.resident(AttributeType::BITMAP, "other", &[0xFF; 8]);
        assert_eq!(missing(&forged(Some(named))), (60, 59));
    }

    #[test]
    fn a_table_without_gaps_misses_nothing() {
        let all = (1..64).filter(|number| ![0, 6].contains(number)).map(|number| (number, file()));
        assert_eq!(missing(&Forged::new(all.collect())), (0, 0));
    }

    #[test]
    fn any_number_of_ghosts_are_entries_one_by_one_or_in_batches() {
        // Each file is in a directory of its own, and of none is anything left.
        let files = (1000..1600).map(|number| (number, Forge::new(1024).name((number - 900, 1), 3, "f")));
        let bytes = table(files);
        let volume = Volume::from_table(&bytes).unwrap();
        let catalog = volume.catalog().with_ghosts(&Threads::default());
        let numbers: Vec<u64> = catalog.entries().map(|entry| entry.record_number()).collect();
        assert!(numbers.iter().copied().eq((1000..1600).chain(100..700)));
        for threads in [Threads::single(), Threads::new(3)] {
            let mut scanned = Vec::new();
            let work = |(): &mut (), batch: Batch<'_>| -> Vec<u64> {
                assert!(std::ptr::eq(batch.catalog(), &raw const catalog));
                batch.into_entries().map(|entry| entry.record_number()).collect()
            };
            let mut batches = 0;
            let consume = |part: Vec<u64>| {
                batches += 1;
                scanned.extend(part);
                if scanned.len() < 600 + 256 { ControlFlow::Continue(()) } else { ControlFlow::Break(batches) }
            };
            let flow = catalog.scan(&threads, || (), work, consume);
            assert!(flow.is_break(), "the caller may stop among the ghosts");
            assert_eq!(scanned, numbers[..600 + 256]);
        }
        let claims = catalog.claims(&Threads::single());
        assert_eq!(claims.claimants(), [], "nobody claims clusters in a bare table");
    }

    #[test]
    fn a_ghost_that_lives_no_record_is_an_entry() {
        // Of a record in another life, of an extension record, and of a blank slot with the last sequence number.
        let entries =
            [item((32, 1), "earlier life"), item((41, 1), "extension"), item((50, 0xFFFF), "blank slot"), last()];
        let record = Forge::new(1024).flags(3).name((5, 5), 3, "d");
        let extension = Forge::new(1024).base(40, 1).resident(AttributeType::INDEX_ROOT, "$I30", &root(512, &entries));
        let forged = Forged::new(vec![(32, file().sequence(2)), (40, record), (41, extension)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single());
        let ghosts = catalog.entries().filter(|entry| entry.state() == EntryState::Ghost && entry.record_number() > 5);
        let expected = [at((32, 1)), at((41, 1)), at((50, 0xFFFF))];
        assert_eq!(ghosts.map(|entry| entry.reference()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_ghost_of_a_directory_is_shown_under_its_long_name() {
        let named = |namespace, name| {
            entry(at((50, 1)).0, &file_name(HERE, namespace, name, FileAttributes::DIRECTORY), &[], 0, None)
        };
        let (short, long) = (named(2, "LONGNA~1"), named(1, "long name"));
        for entries in [[short.clone(), long.clone(), last()], [long.clone(), short.clone(), last()]] {
            let record = directory((5, 5), "d").resident(AttributeType::INDEX_ROOT, "$I30", &root(512, &entries));
            let forged = Forged::new(vec![(30, Forge::new(1024).name((50, 1), 3, "f")), (40, record)]);
            let volume = forged.volume();
            let catalog = volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single());
            assert_eq!(catalog.entry(30).unwrap().paths().next().unwrap().text, "/d/long name/f");
        }
        // An index that is in use is trusted before a better name that is left in one.
        let mut forged =
            Forged::new(vec![(30, Forge::new(1024).name((50, 1), 3, "f")), (40, indexed(512, &[(1, Some(300))]))]);
        forged.write(300, &index_record(512, &[short, last()], &long));
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single()).with_ghosts(&Threads::single());
        assert_eq!(catalog.entry(30).unwrap().paths().next().unwrap().text, "/d/LONGNA~1/f");
    }

    #[test]
    fn slots_of_every_kind_without_a_record_are_missing() {
        let all = (1..64).filter(|number| ![6, 20].contains(number)).map(|number| (number, file()));
        let mut forged = Forged::new(all.collect());
        forged.record_bytes(21)[..4].copy_from_slice(b"BAAD");
        forged.record_bytes(22)[..4].copy_from_slice(b"XXXX");
        forged.spoil((8 + 23 * 2) * CLUSTER..(8 + 24 * 2) * CLUSTER);
        assert_eq!(missing(&forged), (4, 4));
    }

    #[test]
    fn indexes_that_cannot_all_be_there_are_looked_through_as_slack() {
        let found = |directories: u64| {
            let all = (40..40 + directories).map(|number| (number, indexed(512, &[(CLUSTERS, Some(0))])));
            let mut forged = Forged::new(all.collect());
            let of_nobody = item_of((60, 1), (51, 1), "of no directory here", FileAttributes::empty());
            forged.write(300, &index_record(512, &[item((50, 1), "lost"), of_nobody, last()], &[]));
            ghosts(&forged)
        };
        let place = Some(300 * CLUSTER + 64);
        // Up to three times the volume may be what deleted directories had before others.
        assert_eq!(found(3), [ghost((50, 1), "lost", GhostEvidence::Index, place)]);
        assert_eq!(
            found(4),
            [ghost((50, 1), "lost", GhostEvidence::IndexSlack, place)],
            "whose they are now is not known"
        );
    }
}
