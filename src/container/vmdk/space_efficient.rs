//! Space-efficient sparse extents (`SESPARSE`), the snapshots of ESXi on VMFS 6.

use super::super::claims::{Claims, Contested};
use super::super::files::Files;
use super::super::pages::{PageReader, Pages};
use super::super::piece::{Loss, Piece, Run};
use super::SECTOR;
use crate::base::le;

/// What the file starts with.
pub(super) const MAGIC: [u8; 8] = 0xCAFE_BABE_u64.to_le_bytes();

const VERSION: u64 = 0x2_0000_0001;
const VOLATILE: u64 = 0xCAFE_CAFE;

/// Where the grains of an extent lie.
#[derive(Debug)]
pub(super) struct SpaceEfficient {
    pub(super) file: usize,
    pub(super) capacity: u64,
    grain: u64,
    /// Bytes of a table.
    table: u64,
    directory: (u64, u64),
    tables: (u64, u64),
    grains: (u64, u64),
    contested: Contested,
    pages: Pages,
}

impl SpaceEfficient {
    /// # Errors
    /// When it is none that can be read, or has changes that are not in its tables yet.
    pub(super) fn new(file: usize, files: &Files) -> Result<Self, String> {
        let header = files.bytes(file, 0, 512).ok_or("the header of its extent is cut")?;
        let word = |index: usize| le::u64_at(&header, index.saturating_mul(8)).unwrap_or(0);
        let bytes = |index: usize| word(index).saturating_mul(SECTOR);
        if word(1) != VERSION || word(5) != 0 {
            return Err(format!("version {:#x} with the flags {:#x} of its extent is not read", word(1), word(5)));
        }
        let found = Self {
            file,
            capacity: bytes(2),
            grain: bytes(3),
            table: bytes(4),
            directory: (bytes(16), bytes(17)),
            tables: (bytes(18), bytes(19)),
            grains: (bytes(24), bytes(25)),
            contested: Contested::default(),
            pages: Pages::new(),
        };
        let Self { grain, table, capacity, .. } = found;
        if grain != 4096 || table != 64 * SECTOR {
            return Err(format!("grains of {grain} bytes and tables of {table} are not read"));
        }
        if found.table_count().saturating_mul(8) > found.directory.1 {
            return Err(format!("its directory has {} bytes, too few for {capacity} of the disk", found.directory.1));
        }
        let volatile = files.bytes(file, bytes(10), 32).ok_or("its volatile header cannot be read")?;
        if le::u64_at(&volatile, 0) != Some(VOLATILE) {
            return Err("its volatile header is damaged: whether its journal is needed cannot be known".to_owned());
        }
        if volatile.get(24).is_none_or(|&replay| replay != 0) {
            return Err(
                "its journal has changes that are not in its tables; start and stop the machine once".to_owned()
            );
        }
        Ok(found)
    }

    fn per_table(&self) -> u64 {
        self.table / 8
    }

    fn table_count(&self) -> u64 {
        let span = self.per_table().saturating_mul(self.grain);
        self.capacity.checked_add(span.saturating_sub(1)).and_then(|bytes| bytes.checked_div(span)).unwrap_or(0)
    }

    /// Where a table starts; `None` where there is none.
    fn table_at(&self, reader: &mut PageReader<'_>, index: u64) -> Result<Option<u64>, Loss> {
        let entry = reader.u64_le(self.directory.0, index).ok_or(Loss::Table)?;
        let place = (entry & 0xFFFF_FFFF).saturating_mul(self.table);
        match entry >> 32 {
            0 if entry == 0 => Ok(None),
            0x1000_0000 if place < self.tables.1 => Ok(Some(self.tables.0.saturating_add(place))),
            _ => Err(Loss::Table),
        }
    }

    fn place(&self, entry: u64) -> u64 {
        let cluster = (entry >> 48 & 0xFFF) | (entry & 0xFFFF_FFFF_FFFF).checked_shl(12).unwrap_or(u64::MAX);
        self.grains.0.saturating_add(cluster.saturating_mul(self.grain))
    }

    /// Looks all entries through for places that more than one claims; returns what is to be said about it.
    pub(super) fn cross_check(&mut self, files: &Files) -> Option<String> {
        let pages = Pages::new();
        let mut reader = pages.reader(files, self.file);
        let count = self.table_count().min(Claims::MOST_ENTRIES);
        let tables: Vec<u64> =
            (0..count).filter_map(|index| self.table_at(&mut reader, index).ok().flatten()).collect();
        let entries = u64::try_from(tables.len()).unwrap_or(u64::MAX).saturating_mul(self.per_table());
        if count.saturating_add(entries) > Claims::MOST_ENTRIES {
            return Some("its tables are too large to be looked through for contradictions".to_owned());
        }
        let mut claims = Claims::default();
        for table in tables {
            claims.add(table, self.table);
            for index in 0..self.per_table() {
                let entry = reader.u64_le(table, index).filter(|entry| entry >> 60 == 3);
                entry.into_iter().for_each(|entry| claims.add(self.place(entry), self.grain));
            }
        }
        self.contested = claims.contested();
        self.contested.note()
    }

    fn piece(&self, reader: &mut PageReader<'_>, offset: u64) -> Result<Piece, Loss> {
        let (index, skip) = (offset.checked_div(self.grain).unwrap_or(0), offset.checked_rem(self.grain).unwrap_or(0));
        let per_table = self.per_table();
        let Some(table) = self.table_at(reader, index.checked_div(per_table).unwrap_or(0))? else {
            return Ok(Piece::Parent);
        };
        if self.contested.touches(table, self.table) {
            return Err(Loss::Table);
        }
        let entry = reader.u64_le(table, index.checked_rem(per_table).unwrap_or(0)).ok_or(Loss::Table)?;
        let place = self.place(entry);
        match entry >> 60 {
            0 if entry == 0 => Ok(Piece::Parent),
            // 1 was given back by the guest. What lies below does not show again: QEMU, too, reads zeros.
            1 | 2 => Ok(Piece::Zero),
            3 if !self.contested.touches(place, self.grain) => {
                Ok(Piece::Raw { file: self.file, offset: place.saturating_add(skip) })
            }
            _ => Err(Loss::Table),
        }
    }

    pub(super) fn run_at(&self, offset: u64, files: &Files) -> Run {
        let piece = self.piece(&mut self.pages.reader(files, self.file), offset).unwrap_or_else(Piece::Lost);
        Run { length: self.grain.saturating_sub(offset.checked_rem(self.grain).unwrap_or(0)).max(1), piece }
    }
}
