//! Where each chunk lies: the tables of all segments, read by the page.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use simd_adler32::Adler32;

use crate::base::damage::wide;
use crate::base::le;
use crate::container::files::Files;
use crate::container::image::Map;
use crate::container::piece::{Encoding, Loss, Piece, Run, Unit};

/// One table: where the chunks of a `sectors` section lie.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: usize,
    /// The number of its first chunk.
    pub(super) first: u64,
    pub(super) entries: Listed,
    /// The same entries once more, where there is a `table2`.
    pub(super) mirror: Option<Listed>,
    /// Where the last chunk ends, at the latest.
    pub(super) end: u64,
    pub(super) state: OnceLock<State>,
}

/// Where the entries of a table stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    /// Where the first entry stands.
    pub(super) place: u64,
    pub(super) count: u64,
    /// What offsets count from.
    pub(super) base: u64,
    /// True where the header that says so is sound.
    pub(super) is_told: bool,
    /// True where there is room for a checksum behind them.
    pub(super) has_checksum: bool,
}

/// What a look at all entries of a table told.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    listed: Listed,
    /// Entries from here on are plain offsets of 32 bits, not compressed: sections of more than 2 GiB.
    plain_from: u64,
    /// False where the checksum is wrong. Then only entries that their neighbours fit are believed.
    is_proven: bool,
}

/// The last offset of 31 bits lies one chunk before their end at most.
const NEAR_THE_END: u32 = (1 << 31) - (64 << 20);

/// Entries of a page.
const PAGE: u64 = 16_384;

/// Pages that are kept.
const PAGES: usize = 32;

type Page = (u64, Arc<[u32]>);

/// The chunks of the media.
pub(super) struct Chunks {
    chunk_size: u64,
    /// Bytes of the media.
    size: u64,
    /// In the order of their chunks; between them nothing is known.
    tables: Vec<Table>,
    pages: Mutex<VecDeque<Page>>,
}

impl Chunks {
    pub(super) fn new(chunk_size: u64, size: u64, tables: Vec<Table>) -> Self {
        Self { chunk_size, size, tables, pages: Mutex::default() }
    }

    /// The media ends here, if it is known only now.
    pub(super) fn end_at(&mut self, size: u64) {
        self.size = size;
    }

    /// The number of the table that has a chunk.
    fn table_of(&self, chunk: u64) -> Option<(usize, &Table)> {
        let index = self.tables.partition_point(|table| table.first <= chunk).checked_sub(1)?;
        let table = self.tables.get(index)?;
        (chunk.checked_sub(table.first)? < table.entries.count).then_some((index, table))
    }

    /// An entry of a table, through the kept pages.
    fn entry(&self, table: usize, listed: Listed, index: u64, files: &Files) -> Option<u32> {
        if index >= listed.count {
            return None;
        }
        let start = listed.place.checked_add((index / PAGE).checked_mul(PAGE * 4)?)?;
        let file = self.tables.get(table)?.file;
        // A place in a file is one page, whatever table it belongs to.
        let key = start ^ wide(file).rotate_right(16);
        let within = usize::try_from(index % PAGE).ok()?;
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = pages.iter().position(|(known, _)| *known == key) {
            let page = pages.remove(at)?;
            let entry = page.1.get(within).copied();
            pages.push_front(page);
            return entry;
        }
        let count = listed.count.saturating_sub(index.saturating_sub(index % PAGE)).min(PAGE);
        let bytes = files.bytes(file, start, count.checked_mul(4)?)?;
        let page: Arc<[u32]> = bytes.as_chunks::<4>().0.iter().map(|&entry| u32::from_le_bytes(entry)).collect();
        let entry = page.get(within).copied();
        pages.push_front((key, page));
        pages.truncate(PAGES);
        entry
    }

    /// Where a chunk starts in its file, and whether it is compressed.
    fn start(&self, table: usize, state: &State, index: u64, files: &Files) -> Option<(u64, bool)> {
        let entry = self.entry(table, state.listed, index, files)?;
        let (offset, is_compressed) = match index >= state.plain_from {
            true => (entry, false),
            false => (entry & 0x7FFF_FFFF, entry >> 31 == 1),
        };
        Some((state.listed.base.checked_add(u64::from(offset))?, is_compressed))
    }

    fn unit(&self, chunk: u64, start: u64, files: &Files) -> Result<Unit, Loss> {
        let (number, table) = self.table_of(chunk).ok_or(Loss::Table)?;
        let state = table.state.get_or_init(|| table.look_through(files));
        let index = chunk.saturating_sub(table.first);
        let length = self.chunk_size.min(self.size.saturating_sub(start));
        let (offset, is_compressed) = self.start(number, state, index, files).ok_or(Loss::Table)?;
        let next = self.start(number, state, index.saturating_add(1), files).map(|(offset, _)| offset);
        if !state.is_proven {
            let before = index.checked_sub(1).and_then(|index| self.start(number, state, index, files));
            let fits = before.is_none_or(|(before, _)| before < offset) && next.is_none_or(|next| offset < next);
            if !fits || offset >= table.end {
                return Err(Loss::Table);
            }
        }
        let end = next.filter(|&next| next > offset).unwrap_or(table.end).max(offset);
        let room = end.saturating_sub(offset);
        let full = self.chunk_size.saturating_add(4);
        let (encoding, stored) = match is_compressed {
            // What stands behind a stream does no harm, and no stream is much longer than its content.
            true => (Encoding::Zlib, room.min(full.saturating_mul(2).saturating_add(1024))),
            // The last chunk has the rest of the media, or is padded to a full one.
            false if length < self.chunk_size && room < full => (Encoding::Adler32, length.saturating_add(4)),
            false => (Encoding::Adler32, full),
        };
        let narrow = |value: u64| u32::try_from(value).map_err(|_| Loss::Table);
        Ok(Unit { file: table.file, offset, stored: narrow(stored)?, start, length: narrow(length)?, encoding })
    }

    /// How many bytes from `offset` on no table has.
    fn gap(&self, chunk: u64) -> u64 {
        let next = self.tables.partition_point(|table| table.first <= chunk);
        let end = self.tables.get(next).map_or(u64::MAX, |table| table.first);
        end.saturating_sub(chunk).max(1).saturating_mul(self.chunk_size)
    }
}

impl Map for Chunks {
    fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run {
        let chunk = offset.checked_div(self.chunk_size).unwrap_or(0);
        let start = chunk.saturating_mul(self.chunk_size);
        if self.table_of(chunk).is_none() {
            let end = start.saturating_add(self.gap(chunk));
            return Run { length: end.saturating_sub(offset).min(limit), piece: Piece::Lost(Loss::MissingFile) };
        }
        let length = start.saturating_add(self.chunk_size).saturating_sub(offset).min(limit);
        let piece = self.unit(chunk, start, files).map_or_else(Piece::Lost, Piece::Packed);
        Run { length, piece }
    }
}

impl Table {
    /// Chooses between the two lists of entries by their checksums, and finds where offsets grow past 31 bits.
    fn look_through(&self, files: &Files) -> State {
        let lists = [Some(self.entries), self.mirror.filter(|mirror| mirror.count == self.entries.count)];
        let mut doubtful = None;
        for listed in lists.into_iter().flatten() {
            let Some(state) = look_through(self.file, listed, files) else { continue };
            if state.is_proven {
                return state;
            }
            doubtful.get_or_insert(state);
        }
        doubtful.unwrap_or(State { listed: self.entries, plain_from: u64::MAX, is_proven: false })
    }
}

/// Reads a list of entries once.
fn look_through(file: usize, listed: Listed, files: &Files) -> Option<State> {
    let mut sum = Adler32::new();
    let (mut plain_from, mut last, mut index) = (u64::MAX, 0_u32, 0_u64);
    while index < listed.count {
        let count = listed.count.saturating_sub(index).min(PAGE);
        let place = listed.place.checked_add(index.checked_mul(4)?)?;
        let bytes = files.bytes(file, place, count.checked_mul(4)?)?;
        sum.write(&bytes);
        for entry in bytes.as_chunks::<4>().0.iter().map(|&entry| u32::from_le_bytes(entry)) {
            let offset = entry & 0x7FFF_FFFF;
            if plain_from == u64::MAX && offset < last && entry >= last && last >= NEAR_THE_END {
                plain_from = index;
            }
            last = offset;
            index = index.saturating_add(1);
        }
    }
    let stored = files.bytes(file, listed.place.checked_add(listed.count.checked_mul(4)?)?, 4);
    let is_proven = !listed.has_checksum || stored.and_then(|stored| le::u32_at(&stored, 0)) == Some(sum.finish());
    Some(State { listed, plain_from, is_proven })
}

/// Which chunks are lost, and which tables are placed, where parts of the set are missing: chunks have no
/// numbers, so what lies behind one gap is counted from the end, and between two gaps nothing is known.
pub(super) fn place(parts: Vec<Option<Table>>, total: u64) -> (Vec<Table>, Option<Range<u64>>) {
    let known: u64 = parts.iter().flatten().fold(0, |sum, table| sum.saturating_add(table.entries.count));
    let missing = total.saturating_sub(known);
    let first_gap = parts.iter().position(Option::is_none);
    let last_gap = parts.iter().rposition(Option::is_none);
    let (Some(first_gap), Some(last_gap), true) = (first_gap, last_gap, missing > 0) else {
        return (numbered(parts.into_iter().flatten(), 0), None);
    };
    let mut parts: Vec<_> = parts.into_iter().collect();
    let behind = parts.split_off(last_gap);
    parts.truncate(first_gap);
    let behind: Vec<_> = behind.into_iter().flatten().collect();
    let count = behind.iter().fold(0_u64, |sum, table| sum.saturating_add(table.entries.count));
    let before = numbered(parts.into_iter().flatten(), 0);
    let start = before.last().map_or(0, |table| table.first.saturating_add(table.entries.count));
    let end = total.saturating_sub(count).max(start);
    (before.into_iter().chain(numbered(behind.into_iter(), end)).collect(), Some(start..end))
}

fn numbered(tables: impl Iterator<Item = Table>, mut first: u64) -> Vec<Table> {
    let number = |mut table: Table| {
        table.first = first;
        first = first.saturating_add(table.entries.count);
        table
    };
    tables.filter(|table| table.entries.count > 0).map(number).collect()
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chunks of {} bytes in {} tables", self.chunk_size, self.tables.len())
    }
}
