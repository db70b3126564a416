//! Sparse extents: grains, where two levels of tables say. Hosted ones (`KDMV`), and those of ESX (`COWD`).

use super::super::claims::{Claims, Contested};
use super::super::files::Files;
use super::super::pages::{PageReader, Pages};
use super::super::piece::{Encoding, Loss, Piece, Run, Unit};
use super::SECTOR;
use super::stream;
use crate::base::le;

/// Where the grains of an extent lie.
#[derive(Debug)]
pub(super) struct Grains {
    pub(super) file: usize,
    /// Where the directory of the tables starts.
    directory: u64,
    /// A copy of it, which leads to copies of the tables.
    redundant: Option<u64>,
    /// Bytes of a grain.
    pub(super) grain: u64,
    /// Entries of a table.
    per_table: u64,
    /// Bytes of the disk.
    pub(super) capacity: u64,
    /// Entries of 1 are zeros.
    has_zeros: bool,
    /// Each grain is compressed, and has its own place before it if it is marked.
    packed: Option<Packed>,
    /// Content starts behind this byte of the file.
    overhead: u64,
    contested: Contested,
    pages: Pages,
}

#[derive(Debug, Clone, Copy)]
struct Packed {
    is_marked: bool,
}

/// The directory stands in the footer, or nowhere.
const AT_END: u64 = u64::MAX;

/// The header of a hosted sparse extent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    flags: u32,
    pub(super) capacity: u64,
    grain: u64,
    pub(super) descriptor: (u64, u64),
    per_table: u64,
    redundant: u64,
    directory: u64,
    overhead: u64,
    pub(super) was_open: bool,
    pub(super) is_converted: bool,
}

/// Flags of the header.
const NEWLINES: u32 = 1;
const ZEROS: u32 = 4;
const COMPRESSED: u32 = 0x1_0000;
const MARKED: u32 = 0x2_0000;

impl Header {
    /// # Errors
    /// When the header contradicts itself.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let header: &[u8; 512] = bytes.first_chunk().ok_or("the header of its extent is cut")?;
        let version = le::u32_in::<4, 512>(header);
        let (method, flags) = (le::u16_in::<77, 512>(header), le::u32_in::<8, 512>(header));
        let found = Self {
            flags,
            capacity: le::u64_in::<12, 512>(header).saturating_mul(SECTOR),
            grain: le::u64_in::<20, 512>(header).saturating_mul(SECTOR),
            descriptor: (
                le::u64_in::<28, 512>(header).saturating_mul(SECTOR),
                le::u64_in::<36, 512>(header).saturating_mul(SECTOR),
            ),
            per_table: u64::from(le::u32_in::<44, 512>(header)),
            redundant: le::u64_in::<48, 512>(header),
            directory: le::u64_in::<56, 512>(header),
            overhead: le::u64_in::<64, 512>(header).saturating_mul(SECTOR),
            was_open: le::u8_in::<72, 512>(header) != 0,
            is_converted: flags & NEWLINES != 0 && le::array_in::<73, 4, 512>(header) != *b"\n \r\n",
        };
        if !(1..=3).contains(&version) {
            return Err(format!("version {version} of its extent is not read"));
        }
        let Self { grain, per_table, .. } = found;
        if !grain.is_power_of_two() || grain > 32 << 20 || !per_table.is_power_of_two() || per_table > 4096 {
            return Err(format!("grains of {grain} bytes, {per_table} to a table, are not possible"));
        }
        if method > 1 || (method == 1) != (flags & COMPRESSED != 0) {
            return Err(format!("compression {method} with the flags {flags:#x} is not known"));
        }
        Ok(found)
    }

    /// The tables as the header says, or the footer; `None` where the file ends before either.
    pub(super) fn grains(&self, file: usize, files: &Files) -> Result<Option<Grains>, String> {
        let mut directory = self.directory;
        if directory == AT_END {
            let end = files.size(file);
            let footer = end.checked_sub(1024).and_then(|at| files.bytes(file, at, 512));
            let footer = footer.filter(|footer| footer.starts_with(b"KDMV"));
            let Some(footer) = footer.and_then(|footer| Self::parse(&footer).ok()) else { return Ok(None) };
            if (footer.capacity, footer.grain, footer.per_table) != (self.capacity, self.grain, self.per_table) {
                return Err("its header and its footer contradict each other".to_owned());
            }
            directory = footer.directory;
        }
        if directory == AT_END || directory == 0 {
            return Ok(None);
        }
        let redundant = Some(self.redundant).filter(|&other| other != 0 && other != AT_END && other != directory);
        let is_packed = self.flags & COMPRESSED != 0;
        Ok(Some(Grains {
            file,
            directory: directory.saturating_mul(SECTOR),
            redundant: redundant.map(|sector| sector.saturating_mul(SECTOR)),
            grain: self.grain,
            per_table: self.per_table,
            capacity: self.capacity,
            has_zeros: self.flags & ZEROS != 0,
            packed: is_packed.then_some(Packed { is_marked: self.flags & MARKED != 0 }),
            overhead: self.overhead,
            contested: Contested::default(),
            pages: Pages::new(),
        }))
    }

    /// What is found without tables, by the marks before each grain.
    pub(super) fn scan(&self, file: usize, files: &Files) -> Option<stream::Scan> {
        let is_marked = self.flags & COMPRESSED != 0 && self.flags & MARKED != 0;
        is_marked.then(|| stream::Scan::new(file, files, self.overhead.max(SECTOR), self.grain, self.capacity))
    }
}

impl Grains {
    /// The extent of ESX before VMFS 6: without copies, without compression.
    ///
    /// # Errors
    /// When the header contradicts itself.
    pub(super) fn of_esx(file: usize, header: &[u8]) -> Result<Self, String> {
        let number = |at| le::u32_at(header, at).map(u64::from).ok_or("the header of its extent is cut");
        let (version, grain) = (number(4)?, number(16)?.saturating_mul(SECTOR));
        if version != 1 || !grain.is_power_of_two() || grain > 32 << 20 {
            return Err(format!("version {version} with grains of {grain} bytes is not read"));
        }
        let directory = number(20)?.saturating_mul(SECTOR);
        let (capacity, tables) = (number(12)?.saturating_mul(SECTOR), number(24)?);
        let needed = capacity.div_ceil(grain.saturating_mul(4096));
        if needed > tables || directory == 0 {
            return Err(format!("its directory of {tables} tables at byte {directory} is not one of {capacity} bytes"));
        }
        let overhead = directory.saturating_add(tables.saturating_mul(4));
        Ok(Self {
            file,
            directory,
            redundant: None,
            grain,
            per_table: 4096,
            capacity,
            has_zeros: false,
            packed: None,
            overhead,
            contested: Contested::default(),
            pages: Pages::new(),
        })
    }

    fn count(&self) -> u64 {
        self.capacity.div_ceil(self.grain.max(1))
    }

    /// Where the table of a grain starts, by one of the directories; 0 for none.
    fn table(&self, reader: &mut PageReader<'_>, directory: u64, index: u64) -> Option<u64> {
        let sector = reader.u32_le(directory, index.checked_div(self.per_table)?)?;
        Some(u64::from(sector).saturating_mul(SECTOR))
    }

    /// The entry of a grain by one of the directories; `None` where it is not to be had, or cannot be.
    fn entry_by(&self, reader: &mut PageReader<'_>, files: &Files, directory: u64, index: u64) -> Option<u32> {
        let table = self.table(reader, directory, index)?;
        let entry = if table == 0 { 0 } else { reader.u32_le(table, index.checked_rem(self.per_table)?)? };
        let place = u64::from(entry).saturating_mul(SECTOR);
        let is_inside = place >= self.overhead.min(files.size(self.file)) && place > 0;
        (entry == 0 || (entry == 1 && self.has_zeros) || is_inside).then_some(entry)
    }

    /// The entry of a grain: the one that both copies have, or the only one that can be read.
    fn entry(&self, reader: &mut PageReader<'_>, files: &Files, index: u64) -> Result<u32, Loss> {
        let first = self.entry_by(reader, files, self.directory, index);
        let Some(redundant) = self.redundant else { return first.ok_or(Loss::Table) };
        let second = self.entry_by(reader, files, redundant, index);
        let is_there = |entry: &u32| u64::from(*entry).saturating_mul(SECTOR) < files.size(self.file);
        match (first, second) {
            (Some(one), Some(other)) if one == other => Ok(one),
            (Some(one), Some(other)) if !is_there(&other) && is_there(&one) => Ok(one),
            (Some(one), Some(other)) if !is_there(&one) && is_there(&other) => Ok(other),
            (Some(_), Some(_)) | (None, None) => Err(Loss::Table),
            (one, other) => one.or(other).ok_or(Loss::Table),
        }
    }

    /// Looks all entries through for places that more than one claims; returns what is to be said about it.
    pub(super) fn cross_check(&mut self, files: &Files) -> Option<String> {
        let tables = self.count().div_ceil(self.per_table.max(1));
        let pages = Pages::new();
        let mut reader = pages.reader(files, self.file);
        let starts: Vec<u64> =
            (0..tables.min(Claims::MOST_ENTRIES)).map(|table| table.saturating_mul(self.per_table)).collect();
        let is_used = |start: &&u64| self.table(&mut reader, self.directory, **start) != Some(0);
        let used: Vec<u64> = starts.iter().filter(is_used).copied().collect();
        let entries = u64::try_from(used.len()).unwrap_or(u64::MAX).saturating_mul(self.per_table);
        if tables.saturating_add(entries) > Claims::MOST_ENTRIES {
            return Some("its tables are too large to be looked through for contradictions".to_owned());
        }
        let mut claims = Claims::default();
        claims.add(0, SECTOR);
        let mut reader = pages.reader(files, self.file);
        for directory in [Some(self.directory), self.redundant].into_iter().flatten() {
            claims.add(directory, tables.saturating_mul(4));
            for &start in &used {
                let table = self.table(&mut reader, directory, start).filter(|&table| table > 0);
                table.into_iter().for_each(|table| claims.add(table, self.per_table.saturating_mul(4)));
            }
        }
        for start in used {
            for index in start..start.saturating_add(self.per_table).min(self.count()) {
                match self.entry(&mut reader, files, index) {
                    Err(_) | Ok(0) => {}
                    Ok(1) if self.has_zeros => {}
                    Ok(sector) => claims.add(u64::from(sector).saturating_mul(SECTOR), self.claimed()),
                }
            }
        }
        self.contested = claims.contested();
        self.contested.note()
    }

    /// Bytes of the file that are one grain's alone, whatever its content.
    fn claimed(&self) -> u64 {
        if self.packed.is_some() { SECTOR } else { self.grain }
    }

    fn piece(&self, reader: &mut PageReader<'_>, files: &Files, offset: u64) -> Result<Piece, Loss> {
        let (index, skip) = (offset.checked_div(self.grain).unwrap_or(0), offset.checked_rem(self.grain).unwrap_or(0));
        let entry = self.entry(reader, files, index)?;
        let place = u64::from(entry).saturating_mul(SECTOR);
        match (entry, self.packed) {
            (0, _) => Ok(Piece::Parent),
            (1, _) if self.has_zeros => Ok(Piece::Zero),
            _ if self.contested.touches(place, self.claimed()) => Err(Loss::Table),
            (_, None) => Ok(Piece::Raw { file: self.file, offset: place.saturating_add(skip) }),
            (_, Some(Packed { is_marked: true })) => {
                stream::unit(self.file, files, place, index, self.grain, self.capacity)
            }
            (_, Some(Packed { is_marked: false })) => {
                let narrow = |number: u64| u32::try_from(number).map_err(|_| Loss::Table);
                let start = index.saturating_mul(self.grain);
                let length = narrow(self.grain.min(self.capacity.saturating_sub(start)))?;
                let stored = narrow(self.grain.saturating_mul(2))?;
                Ok(Piece::Packed(Unit {
                    file: self.file,
                    offset: place,
                    stored,
                    start,
                    length,
                    encoding: Encoding::Zlib,
                }))
            }
        }
    }

    /// What the extent's bytes from `offset` on are made of.
    pub(super) fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run {
        let mut reader = self.pages.reader(files, self.file);
        let mut part = |offset: u64| {
            let piece = self.piece(&mut reader, files, offset).unwrap_or_else(Piece::Lost);
            let left = self.grain.saturating_sub(offset.checked_rem(self.grain).unwrap_or(0));
            Run { length: left.min(self.capacity.saturating_sub(offset)).max(1), piece }
        };
        let mut run = part(offset);
        while run.length < limit
            && offset.saturating_add(run.length) < self.capacity
            && !matches!(run.piece, Piece::Packed(_))
        {
            let next = part(offset.saturating_add(run.length));
            if !run.take_in(&next) {
                break;
            }
        }
        run
    }
}
