//! The MFT: the table of FILE records, wherever its parts lie.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::extents::{Extent, Extents, Location, read_extents};
use crate::base::damage::{Damage, DamageKind};
use crate::base::error::{Error, Result};
use crate::base::threads::Threads;
use crate::source::buffer::PageBuffer;
use crate::source::held::HeldWindow;
use crate::source::{Source, Window};
use crate::structure::record::Record;

/// The table of FILE records: a map of where its bytes lie, and how to read them.
///
/// Whatever found the table (boot sector, mirror, a bare `$MFT` file, carved fragments), this is
/// how it is read.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// let mft = volume.mft();
/// println!("{} records of {} bytes", mft.record_count(), mft.record_size());
/// let root = mft.record(5)?;
/// assert!(root.header().is_in_use() && root.is_base_record());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Mft<'s> {
    source: HeldWindow<'s>,
    extents: Arc<Extents>,
    record_size: u32,
    size: u64,
    /// Bytes read at once by a pass over the table: whole records.
    chunk_size: u64,
    damage: Arc<[Damage]>,
    /// Records whose places a scan found, sorted.
    carved: Arc<[Range<u64>]>,
}

impl<'s> Mft<'s> {
    /// Bytes read at once by a pass over the table. Measured from 128 KiB to 1 MiB: larger is faster.
    const CHUNK: u32 = 1 << 18;
    /// Chunks a thread takes at once where what comes of them is small: a chunk is read in less time
    /// than threads need to hand it over.
    const CHUNKS_TOGETHER: u64 = 16;
    /// Bytes that may be asked to be read at once: each thread has a buffer for them.
    const LARGEST_CHUNK: u64 = 1 << 24;

    /// A table of `size` bytes whose places in `source` the extents name. Its size is bounded by
    /// them: nothing is known of records behind the last extent.
    pub(crate) fn new(
        source: impl Into<HeldWindow<'s>>,
        extents: Extents,
        record_size: u32,
        size: u64,
        damage: Vec<Damage>,
    ) -> Self {
        let source = source.into();
        let held = held_by(&source.window(), &extents);
        Self::held(source, extents, record_size, (size, held), damage)
    }

    /// A bare table whose records have been put in the order of their numbers, of which it may have `most`.
    pub(crate) fn in_order(
        source: impl Into<HeldWindow<'s>>,
        extents: Extents,
        record_size: u32,
        most: u64,
        damage: Vec<Damage>,
    ) -> Self {
        Self::held(source.into(), extents, record_size, (u64::MAX, most.saturating_mul(u64::from(record_size))), damage)
    }

    /// A table of the claimed size, as far as it can be held.
    fn held(
        source: HeldWindow<'s>,
        extents: Extents,
        record_size: u32,
        (size, held): (u64, u64),
        mut damage: Vec<Damage>,
    ) -> Self {
        let (record_size, claimed) = (record_size.max(1), size.min(extents.end()));
        let size = claimed.min(held);
        let chunk_size = u64::from(Self::CHUNK).next_multiple_of(u64::from(record_size));
        let unmapped = extents.between(0, size).filter(|extent| !matches!(extent.location, Location::At(_)));
        damage.extend(unmapped.map(|gap| unmapped_damage(gap.offset, gap.end(), record_size)));
        damage.extend((size < claimed).then(|| unmapped_damage(size, claimed, record_size)));
        let (extents, damage) = (Arc::new(extents), damage.into());
        Self { source, record_size, size, extents, chunk_size, damage, carved: Arc::default() }
    }

    fn number_at(&self, offset: u64) -> u64 {
        offset.checked_div(self.wide_record_size()).unwrap_or(0)
    }

    fn wide_record_size(&self) -> u64 {
        u64::from(self.record_size)
    }

    /// Bytes a record.
    #[must_use]
    pub fn record_size(&self) -> u32 {
        self.record_size
    }

    /// How many records the table has, a last one that is cut off included.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.size.div_ceil(self.wide_record_size())
    }

    /// Where the table's bytes lie.
    #[must_use]
    pub fn extents(&self) -> &Extents {
        &self.extents
    }

    /// The source the extents' places count in.
    #[must_use]
    pub fn source(&self) -> Window<'_> {
        self.source.window()
    }

    pub(crate) fn held_source(&self) -> &HeldWindow<'s> {
        &self.source
    }

    /// The same table in `source`, which has the bytes of the one it was found in.
    pub(crate) fn shared<'n>(&self, source: HeldWindow<'n>) -> Mft<'n> {
        let Self { record_size, size, chunk_size, .. } = *self;
        let (extents, damage, carved) = (self.extents.clone(), self.damage.clone(), self.carved.clone());
        Mft { source, extents, record_size, size, chunk_size, damage, carved }
    }

    /// What was tolerated to find the table.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Reads one record.
    ///
    /// # Errors
    /// When the table has no such record, none of it can be read, or its slot holds no record.
    pub fn record(&self, number: u64) -> Result<Record<'static>> {
        let (bytes, missing) = self.slot(number)?;
        if missing.iter().map(|range| range.end.saturating_sub(range.start)).sum::<u64>() >= self.wide_record_size() {
            return Err(Damage::in_record(number, 0, DamageKind::Unreadable { length: self.wide_record_size() }).into());
        }
        Ok(Record::from_vec(number, bytes)?)
    }

    /// Some records in a row, as [`record`](Self::record) has each, by one read; no more than there are.
    pub(crate) fn records(&self, numbers: Range<u64>) -> Vec<(u64, Result<Record<'static>>)> {
        let end = numbers.end.min(self.record_count());
        let size = usize::try_from(self.record_size).unwrap_or(usize::MAX);
        let count = usize::try_from(end.saturating_sub(numbers.start)).unwrap_or(0);
        let mut bytes = vec![0; count.saturating_mul(size)];
        let missing = self.read(numbers.start, &mut bytes);
        let slots = (numbers.start..end).zip(bytes.chunks_exact(size.max(1)));
        let record = |(number, slot): (u64, &[u8])| {
            // What is lost in part is read by itself, which says what is missing.
            let record = match missing.is_empty() {
                true => Record::from_vec(number, slot.to_vec()).map_err(Error::from),
                false => self.record(number),
            };
            (number, record)
        };
        slots.map(record).collect()
    }

    /// The same table, of which the records in these ranges have places that a scan found.
    pub(crate) fn carved(self, mut records: Vec<Range<u64>>) -> Self {
        records.sort_unstable_by_key(|range| range.start);
        Self { carved: records.into(), ..self }
    }

    /// True for a record whose place the table itself does not tell: a scan found it.
    #[must_use]
    pub fn is_carved(&self, number: u64) -> bool {
        let behind = self.carved.partition_point(|range| range.start <= number);
        behind.checked_sub(1).and_then(|index| self.carved.get(index)).is_some_and(|range| number < range.end)
    }

    /// True where a scan found the place of any record.
    pub(crate) fn has_carved(&self) -> bool {
        !self.carved.is_empty()
    }

    /// True when every byte of the slot has a known place.
    pub(crate) fn is_mapped(&self, number: u64) -> bool {
        let mut places = self.places(number);
        number < self.record_count() && places.all(|extent| matches!(extent.location, Location::At(_)))
    }

    /// Where the slot's bytes lie, counted from the table's start and in the table's source: one
    /// extent for most, several for a record that straddles runs.
    pub fn places(&self, number: u64) -> impl Iterator<Item = Extent> + '_ {
        let start = number.saturating_mul(self.wide_record_size());
        self.extents.between(start, start.saturating_add(self.wide_record_size()))
    }

    /// The bytes of one slot as they are on disk, and the ranges of the table in it that could not
    /// be read.
    ///
    /// # Errors
    /// When the table has no such record.
    pub fn slot(&self, number: u64) -> Result<(Vec<u8>, Vec<Range<u64>>)> {
        if number >= self.record_count() {
            return Err(Error::NoSuchRecord { number, count: self.record_count() });
        }
        let mut bytes = vec![0; usize::try_from(self.record_size).unwrap_or(0)];
        let missing = self.read(number, &mut bytes);
        Ok((bytes, missing))
    }

    /// Fills `buffer` with the table's bytes from record `first` on, as they are on disk. Returns the
    /// ranges of the table that could not be read; they are zero in the buffer.
    pub(crate) fn read(&self, first: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        let start = first.saturating_mul(self.wide_record_size());
        let end = start.saturating_add(u64::try_from(buffer.len()).unwrap_or(u64::MAX));
        let mut missing = Vec::new();
        read_extents(self.source.window(), self.extents.between(start, end), buffer, |gap| {
            missing.push(gap.offset..gap.end());
            ControlFlow::Continue(())
        });
        missing
    }

    /// Passes over the whole table: `work` adds what it makes of a chunk to a `T`, on any thread. A `T`
    /// has what came of some consecutive chunks; `consume` gets them in order, on the caller's thread,
    /// until it breaks.
    pub fn scan<T: Default + Send, B>(
        &self,
        threads: &Threads,
        work: impl Fn(&mut T, Chunk<'_>) + Sync,
        consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let pieces = self.chunk_count().div_ceil(Self::CHUNKS_TOGETHER);
        let read_and_work = |buffer: &mut PageBuffer, piece: u64| {
            let first = piece.saturating_mul(Self::CHUNKS_TOGETHER);
            let chunks = first..first.saturating_add(Self::CHUNKS_TOGETHER).min(self.chunk_count());
            let mut sum = T::default();
            chunks.for_each(|index| work(&mut sum, self.read_chunk(index, buffer.bytes())));
            sum
        };
        threads.map_in_order(pieces, || self.chunk_buffer(), read_and_work, consume)
    }

    /// The same with each chunk's result by itself, and a `state` for each thread, which `work` may change
    /// as it likes.
    pub fn scan_with<S: Send, T: Send, B>(
        &self,
        threads: &Threads,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, Chunk<'_>) -> T + Sync,
        consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.scan_records_with(0..u64::MAX, threads, state, work, consume)
    }

    /// The same for the chunks that have one of these records; nothing else is read.
    pub fn scan_records_with<S: Send, T: Send, B>(
        &self,
        records: Range<u64>,
        threads: &Threads,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, Chunk<'_>) -> T + Sync,
        consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let byte = |record: u64| record.saturating_mul(self.wide_record_size());
        let first = byte(records.start).checked_div(self.chunk_size).unwrap_or(0);
        let end = byte(records.end).div_ceil(self.chunk_size).min(self.chunk_count());
        let read_and_work = |(buffer, state): &mut (PageBuffer, S), index: u64| {
            let chunk = self.read_chunk(first.saturating_add(index), buffer.bytes());
            work(state, chunk)
        };
        let count = if records.is_empty() { 0 } else { end.saturating_sub(first) };
        threads.map_in_order(count, || (self.chunk_buffer(), state()), read_and_work, consume)
    }

    /// The same table, of which passes read at most `bytes` at a time, or a record if that has more.
    pub(crate) fn with_reads_of(mut self, bytes: u64) -> Self {
        let records = bytes.min(Self::LARGEST_CHUNK).checked_div(self.wide_record_size()).unwrap_or(1);
        self.chunk_size = records.max(1).saturating_mul(self.wide_record_size());
        self
    }

    pub(crate) fn chunk_count(&self) -> u64 {
        self.size.div_ceil(self.chunk_size)
    }

    fn chunk_buffer(&self) -> PageBuffer {
        PageBuffer::new(usize::try_from(self.chunk_size).unwrap_or(0))
    }

    /// Reads chunk `index` into the front of `buffer`, which has room for a whole one.
    fn read_chunk<'b>(&self, index: u64, buffer: &'b mut [u8]) -> Chunk<'b> {
        let start = index.saturating_mul(self.chunk_size);
        let whole = self.record_count().saturating_mul(self.wide_record_size());
        let left = usize::try_from(whole.saturating_sub(start)).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let (first, bytes) = (self.number_at(start), buffer.get_mut(..length).unwrap_or_default());
        let missing = self.read(first, bytes);
        Chunk { first, record_size: self.record_size, bytes, missing }
    }

    /// Reads chunk `index` into a buffer that grows as needed.
    pub(crate) fn chunk<'b>(&self, index: u64, buffer: &'b mut Vec<u8>) -> Chunk<'b> {
        buffer.resize(usize::try_from(self.chunk_size).unwrap_or(0), 0);
        self.read_chunk(index, buffer)
    }
}

/// Damage for the records of a table's bytes `start .. end`, whose place nobody knows.
fn unmapped_damage(start: u64, end: u64, record_size: u32) -> Damage {
    let record_size = u64::from(record_size.max(1));
    let first = start.checked_div(record_size).unwrap_or(0);
    Damage::in_record(0, 0, DamageKind::TableUnmapped { first, end: end.div_ceil(record_size) })
}

/// How large a table can be whose extents these are: no number read from a disk makes it much larger
/// than its source. A piece that begins within that size counts as far as the source has it.
fn held_by(source: &Window<'_>, extents: &Extents) -> u64 {
    let available = source.size();
    let held_end = |extent: &Extent| match extent.location {
        Location::At(position) if extent.offset < available => {
            extent.offset.saturating_add(extent.length.min(available.saturating_sub(position)))
        }
        _ => 0,
    };
    extents.list().iter().map(held_end).fold(available, u64::max)
}

/// Consecutive records of the table, as they were read.
#[derive(Debug, Default)]
pub struct Chunk<'b> {
    first: u64,
    record_size: u32,
    bytes: &'b mut [u8],
    missing: Vec<Range<u64>>,
}

impl<'b> Chunk<'b> {
    /// The number of the first record.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len().checked_div(self.slot_size()).unwrap_or(0)
    }

    /// True when there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The ranges of the table, in bytes, that could not be read. They are zero here.
    #[must_use]
    pub fn missing(&self) -> &[Range<u64>] {
        &self.missing
    }

    /// At least one byte: an empty chunk has no records of any size.
    fn slot_size(&self) -> usize {
        usize::try_from(self.record_size).unwrap_or(usize::MAX).max(1)
    }

    /// The slots in order, each with its record number and its bytes as they are on disk.
    pub fn slots(&self) -> impl Iterator<Item = (u64, &[u8])> {
        (self.first..).zip(self.bytes.chunks_exact(self.slot_size()))
    }

    /// The slots in order, each with its record number and its bytes, to be repaired in place.
    pub fn into_slots(self) -> impl Iterator<Item = (u64, &'b mut [u8])> {
        let size = self.slot_size();
        (self.first..).zip(self.bytes.chunks_exact_mut(size))
    }

    /// The records in order, repaired in place; an error for each slot that holds none.
    pub fn into_records(self) -> impl Iterator<Item = (u64, Result<Record<'b>, Damage>)> {
        self.into_slots().map(|(number, bytes)| (number, Record::parse_in_place(number, bytes)))
    }
}
