//! Sector tables: where each chunk lies, and how.

use std::fmt;
use std::sync::OnceLock;

use super::super::files::Files;
use super::super::image::Map;
use super::super::pages::{PageReader, Pages};
use super::super::piece::{Encoding, Loss, Piece, Run, Unit};
use super::section::Section;
use super::sum_of;
use crate::base::le;

/// Bytes before the entries, and bytes of one.
const HEADER: u64 = 32;
const ENTRY: u64 = 16;

/// A sector table of one file.
#[derive(Debug)]
pub(super) struct Table {
    file: usize,
    /// The first chunk it has, and how many.
    pub(super) first: u64,
    pub(super) count: u64,
    /// Where its entries stand.
    place: u64,
    /// Whether the checksum of the entries is right; found out when one is needed.
    is_proven: OnceLock<bool>,
}

/// What a table says of a chunk.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where it lies, or what repeats in it.
    word: [u8; 8],
    stored: u32,
    flags: u32,
}

impl Entry {
    const PACKED: u32 = 1;
    const SUMMED: u32 = 2;
    const PATTERN: u32 = 4;

    fn of(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = bytes;
        Self {
            word: [a, b, c, d, e, f, g, h],
            stored: le::u32_in::<8, 16>(&bytes),
            flags: le::u32_in::<12, 16>(&bytes),
        }
    }

    fn is_pattern(self) -> bool {
        self.flags & Self::PATTERN != 0
    }

    /// Where it lies.
    fn offset(self) -> u64 {
        u64::from_le_bytes(self.word)
    }

    /// Where the next one starts at the latest, if it lies behind this one.
    fn end(self) -> u64 {
        self.offset().saturating_add(u64::from(self.stored)).saturating_add(ENTRY)
    }
}

impl Table {
    /// Reads a table's header; `None` where it is damaged.
    pub(super) fn read(files: &Files, file: usize, section: &Section) -> Option<Self> {
        let header = files.bytes(file, section.start, HEADER.min(section.length))?;
        let is_right = sum_of(header.get(..16)?) == le::u32_at(&header, 16)?;
        let (first, count) = (le::u64_at(&header, 0)?, u64::from(le::u32_at(&header, 8)?));
        let needed = count.checked_mul(ENTRY)?.checked_add(HEADER)?.checked_add(4)?;
        let place = section.start.saturating_add(HEADER);
        (is_right && needed <= section.length).then(|| Self { file, first, count, place, is_proven: OnceLock::new() })
    }

    fn is_proven(&self, files: &Files) -> bool {
        *self.is_proven.get_or_init(|| {
            let length = self.count.saturating_mul(ENTRY);
            let bytes = files.bytes(self.file, self.place, length.saturating_add(4)).unwrap_or_default();
            bytes.split_last_chunk::<4>().is_some_and(|(entries, sum)| sum_of(entries) == u32::from_le_bytes(*sum))
        })
    }

    fn entry(&self, index: u64, reader: &mut PageReader<'_>) -> Option<Entry> {
        let place = self.place.checked_add(index.checked_mul(ENTRY)?)?;
        (index < self.count).then(|| reader.array(place)).flatten().map(Entry::of)
    }

    /// The entry of a chunk; where the table's checksum is wrong, only one that its neighbours confirm.
    fn believed(&self, index: u64, files: &Files, pages: &Pages) -> Option<Entry> {
        let mut reader = pages.reader(files, self.file);
        let entry = self.entry(index, &mut reader)?;
        if self.is_proven(files) {
            return Some(entry);
        }
        let follows = |one: Entry, next: Entry| {
            let gap = next.offset().checked_sub(one.offset().saturating_add(u64::from(one.stored)));
            !one.is_pattern() && !next.is_pattern() && gap.is_some_and(|gap| gap < ENTRY) && next.offset() <= one.end()
        };
        let before = index.checked_sub(1).map(|before| self.entry(before, &mut reader));
        let behind = (index.saturating_add(1) < self.count).then(|| self.entry(index.saturating_add(1), &mut reader));
        let is_confirmed = before.is_none_or(|before| before.is_some_and(|before| follows(before, entry)))
            && behind.is_none_or(|behind| behind.is_some_and(|behind| follows(entry, behind)));
        let has_checksum = entry.flags & (Entry::PACKED | Entry::SUMMED) != 0;
        (is_confirmed && has_checksum && self.count > 1).then_some(entry)
    }
}

/// The chunks of a set.
pub(super) struct Chunks {
    chunk_size: u64,
    size: u64,
    /// By their first chunk; where two have the same chunk, the first counts.
    tables: Vec<Table>,
    /// What chunks are that no table has.
    absent: Loss,
    pages: Pages,
}

impl Chunks {
    pub(super) fn new(chunk_size: u64, size: u64, mut tables: Vec<Table>, absent: Loss) -> Self {
        tables.sort_by_key(|table| table.first);
        Self { chunk_size, size, tables, absent, pages: Pages::new() }
    }

    fn piece(&self, table: &Table, chunk: u64, offset: u64, files: &Files) -> Option<Piece> {
        let entry = table.believed(chunk.checked_sub(table.first)?, files, &self.pages)?;
        let start = chunk.checked_mul(self.chunk_size)?;
        let length = u32::try_from(self.chunk_size.min(self.size.checked_sub(start)?)).ok()?;
        if entry.is_pattern() {
            return Some(Piece::Pattern(entry.word));
        }
        let unit = |encoding| {
            let (file, offset, stored) = (table.file, entry.offset(), entry.stored);
            Piece::Packed(Unit { file, offset, stored, start, length, encoding })
        };
        Some(match (entry.flags & Entry::PACKED != 0, entry.flags & Entry::SUMMED != 0) {
            (true, _) => unit(Encoding::Zlib),
            (false, true) => unit(Encoding::Adler32),
            (false, false) if entry.stored >= length => {
                let offset = entry.offset().checked_add(offset.saturating_sub(start))?;
                Piece::Raw { file: table.file, offset }
            }
            (false, false) => return None,
        })
    }
}

impl Map for Chunks {
    fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run {
        let chunk = offset.checked_div(self.chunk_size).unwrap_or(0);
        let next = self.tables.partition_point(|table| table.first <= chunk);
        let table = next.checked_sub(1).and_then(|last| self.tables.get(last));
        let table = table.filter(|table| chunk < table.first.saturating_add(table.count));
        let Some(table) = table else {
            let end = self.tables.get(next).map_or(self.size, |table| table.first.saturating_mul(self.chunk_size));
            let length = end.saturating_sub(offset).clamp(1, limit.max(1));
            return Run { length, piece: Piece::Lost(self.absent) };
        };
        let piece = self.piece(table, chunk, offset, files).unwrap_or(Piece::Lost(Loss::Table));
        let end = chunk.saturating_add(1).saturating_mul(self.chunk_size);
        Run { length: end.saturating_sub(offset).clamp(1, limit.max(1)), piece }
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tables of chunks of {} bytes", self.tables.len(), self.chunk_size)
    }
}
