//! The entries of a catalog: one by one, or in batches on several threads.

use std::ops::{ControlFlow, Range};

use super::Catalog;
use super::entry::{Entry, EntryState, unreadable};
use super::slot::SlotFlags;
use crate::base::damage::{Damage, DamageKind};
use crate::base::error::{Error, Result};
use crate::base::reference::{FileReference, SequenceMatch};
use crate::base::threads::Threads;
use crate::structure::record::Record;
use crate::volume::mft::Chunk;

impl<'v> Catalog<'v> {
    /// The entries in the order of their records: live, deleted, and what is left of files whose
    /// base record is gone; behind them [ghosts](Self::ghosts), where they were looked for. Free records
    /// without evidence of a file are no entries.
    #[must_use]
    pub fn entries(&self) -> Entries<'_> {
        Entries {
            catalog: self,
            next_chunk: 0,
            buffer: Vec::new(),
            records: Vec::new().into_iter(),
            missing: Vec::new(),
            next_ghost: 0,
        }
    }

    /// The entry of one record; for an extension record, that of the file it belongs to.
    ///
    /// # Errors
    /// When the record cannot be read, or shows no evidence of a file.
    pub fn entry(&self, number: u64) -> Result<Entry<'_>> {
        let number = self.joined_to(number).unwrap_or(number);
        let (bytes, missing) = self.mft().slot(number)?;
        let record = Record::from_vec(number, bytes)?;
        self.assemble(record, &missing).ok_or(Error::NotAFile(number))
    }

    /// The file that a reference means, in this very life: live, deleted, or a [ghost](Self::ghosts) where they were
    /// looked for.
    ///
    /// # Errors
    /// When the record cannot be read, or it lives another life and nothing else knows of this one.
    pub fn entry_of(&self, reference: FileReference) -> Result<Entry<'_>> {
        if reference.is_unknown() {
            // Several files may have it.
            return Err(Error::NoSuchFile(reference));
        }
        if let Some(index) = self.ghosts.file_of(reference) {
            return self.ghost(index).ok_or(Error::NoSuchFile(reference));
        }
        let entry = self.entry(reference.record_number())?;
        let header = entry.header();
        let is_meant = reference.matches(header.sequence_number(), header.is_in_use()) != SequenceMatch::Other;
        // An extension record is part of a file, but not what a reference to a file means.
        let is_whole = entry.record_number() == reference.record_number() && header.is_base_record();
        if is_meant && is_whole { Ok(entry) } else { Err(Error::NoSuchFile(reference)) }
    }

    /// Passes over all entries: gives them in batches to `work`, on any thread, and the results to
    /// `consume`, in order, on the caller's thread, until it breaks. A `state` is made for each
    /// thread, such as its [`Paths`](super::Paths). The entries are those of
    /// [`entries`](Self::entries), whatever the number of threads; their buffers are reused.
    pub fn scan<S: Send, T: Send, B>(
        &self,
        threads: &Threads,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, Batch<'_>) -> T + Sync,
        consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.scan_records(0..u64::MAX, threads, state, work, consume)
    }

    /// The same for the entries with these record numbers, and some of their neighbours: whole batches come. What lies
    /// elsewhere in the table is not read. [Ghosts](Self::ghosts) come whatever their numbers are.
    pub fn scan_records<S: Send, T: Send, B>(
        &self,
        records: Range<u64>,
        threads: &Threads,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, Batch<'_>) -> T + Sync,
        consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let in_batch = |state: &mut S, chunk: Chunk<'_>| work(state, Batch::of_table(self, chunk));
        let ghosts = self.ghost_batches();
        if ghosts == 0 {
            return self.mft().scan_records_with(records, threads, state, in_batch, consume);
        }
        let mut consume = consume;
        self.mft().scan_records_with(records, threads, &state, in_batch, &mut consume)?;
        let in_batch = |state: &mut S, index| work(state, Batch::of_ghosts(self, index));
        threads.map_in_order(ghosts, state, in_batch, consume)
    }

    /// How many [batches](Self::batch) the entries come in.
    #[must_use]
    pub fn batch_count(&self) -> u64 {
        self.mft().chunk_count().saturating_add(self.ghost_batches())
    }

    /// A batch by its number, below [`batch_count`](Self::batch_count): all of them, in order, have the entries of
    /// [`entries`](Self::entries). The buffer holds what is read of the table, and may be used again afterwards.
    pub fn batch<'b>(&'b self, index: u64, buffer: &'b mut Vec<u8>) -> Batch<'b> {
        match index.checked_sub(self.mft().chunk_count()) {
            None => Batch::of_table(self, self.mft().chunk(index, buffer)),
            Some(index) => Batch::of_ghosts(self, index),
        }
    }

    fn ghost_batches(&self) -> u64 {
        u64::try_from(self.ghosts.count().div_ceil(Batch::GHOSTS)).unwrap_or(0)
    }

    /// The entry whose base is `record`; `None` where it is no base or shows no evidence of a file.
    fn assemble<'a>(&'a self, record: Record<'a>, missing: &[Range<u64>]) -> Option<Entry<'a>> {
        let flags = self.slot(record.number())?.flags();
        let is_extended = flags.contains(SlotFlags::HAS_EXTENSIONS);
        if flags.contains(SlotFlags::EXTENSION) && !is_extended {
            return None;
        }
        let mut found: Vec<Damage> = Vec::new();
        if !missing.is_empty() {
            found = unreadable(record.number(), u64::from(self.mft().record_size()), missing);
        }
        let extensions = if is_extended { self.read_extensions(record.number(), &mut found) } else { Vec::new() };
        let entry = Entry::new(self, record, extensions, found)?;
        Some(if self.ghosts.names().is_empty() { entry } else { self.with_names_from_index(entry) })
    }

    /// The entry with the names that an index has for it, where its records have none.
    fn with_names_from_index<'a>(&'a self, entry: Entry<'a>) -> Entry<'a> {
        if entry.state() == EntryState::Orphan {
            return entry;
        }
        if entry.file_names().next().is_some() {
            return self.with_differing_names(entry);
        }
        let names = self.ghosts.lent_to(entry.reference(), entry.header().is_in_use());
        entry.with_names_from_index(names)
    }

    /// The entry with damage for each name that a live index has for it, and that its records do not have.
    fn with_differing_names<'a>(&'a self, mut entry: Entry<'a>) -> Entry<'a> {
        if entry.header().is_in_use() {
            let number = entry.record_number();
            for directory in self.ghosts.named_in(entry.reference()) {
                entry.found.push(Damage::in_record(number, 0, DamageKind::NameOnlyInIndex { directory }));
            }
        }
        entry
    }

    /// The entry of a file without a record.
    pub(super) fn ghost(&self, index: usize) -> Option<Entry<'_>> {
        let (record, evidence) = self.ghosts.file(index)?;
        Some(Entry::of_ghost(self, record, evidence))
    }

    /// Reads the extension records of `base`; what of them cannot be read is added to `found`.
    fn read_extensions(&self, base: u64, found: &mut Vec<Damage>) -> Vec<Record<'static>> {
        let record_size = u64::from(self.mft().record_size());
        let mut records = Vec::new();
        for extension in self.extensions_of(base) {
            let Ok((bytes, missing)) = self.mft().slot(extension.number) else { continue };
            found.append(&mut unreadable(extension.number, record_size, &missing));
            match Record::from_vec(extension.number, bytes) {
                Ok(record) => records.push(record),
                Err(damage) => found.push(damage),
            }
        }
        records
    }
}

/// Consecutive entries of a catalog, in buffers that are reused.
#[derive(Debug)]
pub struct Batch<'b> {
    catalog: &'b Catalog<'b>,
    chunk: Chunk<'b>,
    ghosts: Range<usize>,
}

impl<'b> Batch<'b> {
    /// Ghosts in a batch.
    const GHOSTS: usize = 256;

    fn of_table(catalog: &'b Catalog<'b>, chunk: Chunk<'b>) -> Self {
        Self { catalog, chunk, ghosts: 0..0 }
    }

    fn of_ghosts(catalog: &'b Catalog<'b>, index: u64) -> Self {
        let first = usize::try_from(index).unwrap_or(usize::MAX).saturating_mul(Self::GHOSTS);
        let ghosts = first..first.saturating_add(Self::GHOSTS).min(catalog.ghosts.count());
        Self { catalog, chunk: Chunk::default(), ghosts }
    }

    /// The catalog the entries come from.
    #[must_use]
    pub fn catalog(&self) -> &'b Catalog<'b> {
        self.catalog
    }

    /// The entries in order.
    pub fn into_entries(self) -> impl Iterator<Item = Entry<'b>> {
        let catalog = self.catalog;
        let missing = self.chunk.missing().to_vec();
        let records = self.chunk.into_records();
        let of_table = records.filter_map(move |(_, record)| catalog.assemble(record.ok()?, &missing));
        of_table.chain(self.ghosts.filter_map(|index| catalog.ghost(index)))
    }
}

/// Iterator over the entries of a catalog.
#[derive(Debug)]
pub struct Entries<'c> {
    catalog: &'c Catalog<'c>,
    next_chunk: u64,
    buffer: Vec<u8>,
    /// The records of the chunk that are still to come, and what of the chunk could not be read.
    records: std::vec::IntoIter<Record<'static>>,
    missing: Vec<Range<u64>>,
    next_ghost: usize,
}

impl Entries<'_> {
    /// Reads the next chunk; `None` at the end of the table.
    fn advance(&mut self) -> Option<()> {
        let mft = self.catalog.mft();
        if self.next_chunk >= mft.chunk_count() {
            return None;
        }
        let chunk = mft.chunk(self.next_chunk, &mut self.buffer);
        self.missing = chunk.missing().to_vec();
        let records = chunk.slots().filter_map(|(number, bytes)| Record::from_vec(number, bytes.to_vec()).ok());
        self.records = records.collect::<Vec<_>>().into_iter();
        self.next_chunk = self.next_chunk.saturating_add(1);
        Some(())
    }
}

impl<'c> Iterator for Entries<'c> {
    type Item = Entry<'c>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(record) = self.records.next() else {
                if self.advance().is_some() {
                    continue;
                }
                let ghost = self.catalog.ghost(self.next_ghost);
                self.next_ghost = self.next_ghost.saturating_add(1);
                return ghost;
            };
            let entry = self.catalog.assemble(record, &self.missing);
            if entry.is_some() {
                return entry;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source;
    use crate::volume::Volume;

    /// Everything an entry says, as text.
    fn told(entry: &Entry<'_>) -> String {
        let paths: Vec<_> = entry.paths().map(|path| path.text).collect();
        format!("{} {:?} {paths:?} {:?}", entry.reference(), entry.state(), entry.parts())
    }

    #[test]
    fn iterator_and_scan_agree_at_any_thread_count_and_chunk_size() {
        for image in ["links_streams", "mft_attribute_list", "deleted", "4kn"] {
            let source = source::open(format!("{}/testdata/{image}.img", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let volume = Volume::open(&source).unwrap();
            let catalog = volume.catalog_with(&Threads::single());
            let expected: Vec<String> = catalog.entries().map(|entry| told(&entry)).collect();
            assert!(!expected.is_empty());
            for records in [1, 3, 64, 1024] {
                let volume = Volume::open(&source).unwrap().with_chunks_of(records);
                for threads in [1, 2, 3, 8].map(Threads::new) {
                    let catalog = volume.catalog_with(&threads);
                    let mut scanned = Vec::new();
                    let work = |(): &mut (), batch: Batch<'_>| -> Vec<String> {
                        batch.into_entries().map(|entry| told(&entry)).collect()
                    };
                    let flow = catalog.scan(
                        &threads,
                        || (),
                        work,
                        |part| {
                            scanned.extend(part);
                            ControlFlow::<()>::Continue(())
                        },
                    );
                    assert!(flow.is_continue());
                    assert!(scanned == expected, "{image}: {threads:?}, {records} records at a time");
                }
            }
        }
    }

    #[test]
    fn batches_by_number_have_all_entries_in_order() {
        for image in ["links_streams", "mft_attribute_list", "deleted"] {
            let source = source::open(format!("{}/testdata/{image}.img", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let volume = Volume::open(&source).unwrap().with_chunks_of(16);
            let catalog = volume.catalog();
            let expected: Vec<String> = catalog.entries().map(|entry| told(&entry)).collect();
            let (mut found, mut buffer) = (Vec::new(), Vec::new());
            for index in 0..catalog.batch_count() {
                found.extend(catalog.batch(index, &mut buffer).into_entries().map(|entry| told(&entry)));
            }
            assert!(found == expected, "{image}");
            assert_eq!(catalog.batch(catalog.batch_count(), &mut buffer).into_entries().count(), 0);
        }
    }

    #[test]
    fn a_scan_of_some_records_has_those_and_reads_no_others() {
        let source = source::open(format!("{}/testdata/links_streams.img", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for records in [1, 3, 64] {
            let volume = Volume::open(&source).unwrap().with_chunks_of(records);
            let catalog = volume.catalog();
            let all: Vec<u64> = catalog.entries().map(|entry| entry.record_number()).collect();
            for range in [0..0, 0..1, 5..70, 63..65, 64..u64::MAX, 100_000..u64::MAX, 7..7] {
                let mut found = Vec::new();
                let work = |(): &mut (), batch: Batch<'_>| -> Vec<u64> {
                    batch.into_entries().map(|entry| entry.record_number()).collect()
                };
                let take = |part: Vec<u64>| {
                    found.extend(part);
                    ControlFlow::<()>::Continue(())
                };
                assert!(catalog.scan_records(range.clone(), &Threads::new(2), || (), work, take).is_continue());
                let near = if range.is_empty() {
                    0..0
                } else {
                    range.start.saturating_sub(records)..range.end.saturating_add(records)
                };
                assert!(found.iter().all(|number| near.contains(number)), "{range:?}: {found:?}");
                let wanted = all.iter().filter(|number| range.contains(number));
                assert!(wanted.eq(found.iter().filter(|number| range.contains(number))), "{range:?}");
            }
        }
    }

    #[test]
    fn the_entry_of_an_extension_record_is_that_of_its_file() {
        let image = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/links_streams.img");
        let source = source::open(image).unwrap();
        let volume = Volume::open(&source).unwrap();
        let catalog = volume.catalog();
        let extended = catalog.entries().find(|entry| !entry.extension_records().is_empty()).unwrap();
        for extension in extended.extension_records() {
            assert_eq!(catalog.entry(extension.number()).unwrap().reference(), extended.reference());
        }
        assert!(catalog.entry(u64::MAX).is_err());
    }
}
