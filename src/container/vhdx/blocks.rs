//! Where the blocks of a VHDX disk lie.

use std::fmt;

use super::super::claims::{Claims, Contested};
use super::super::files::Files;
use super::super::image::Map;
use super::super::pages::Pages;
use super::super::piece::{Loss, Piece, Run};
use super::tables::{Metadata, Region, Regions};

/// Where payload blocks and sector bitmaps lie in the file.
const MIB: u64 = 1 << 20;

/// Bytes of a sector bitmap: a block of its own, which counts 2^23 sectors.
const BITMAP: u64 = MIB;

/// Everything before the first region: identifier, headers and region tables.
const FRONT: u64 = MIB;

/// The block table, and what its entries mean.
pub(super) struct Blocks {
    table: u64,
    /// Bytes of a block.
    block: u64,
    sector: u64,
    /// How many blocks share a sector bitmap.
    chunk: u64,
    blocks: u64,
    is_difference: bool,
    /// Old content of unused blocks is wanted.
    unmapped: bool,
    contested: Contested,
    pages: Pages,
}

/// What is known of a block or bitmap.
enum Place {
    /// In the file, from here on.
    Here(u64),
    /// In the file as far as the sector bitmap says; else in the parent.
    Partly(u64),
    Zero,
    Absent,
}

impl Blocks {
    /// # Errors
    /// When the table has no room for the disk.
    pub(super) fn new(metadata: &Metadata, regions: &Regions, unmapped: bool) -> Result<Self, String> {
        let Metadata { block_size: block, sector_size: sector, size, .. } = *metadata;
        let chunk = sector.saturating_mul(1 << 23).checked_div(block).unwrap_or(0);
        let map = Self {
            table: regions.blocks.offset,
            block,
            sector,
            chunk,
            blocks: size.div_ceil(block),
            is_difference: metadata.has_parent,
            unmapped,
            contested: Contested::default(),
            pages: Pages::new(),
        };
        let (needed, there) = (map.entries().saturating_mul(8), regions.blocks.length);
        if needed > there {
            return Err(format!("its block table has {there} bytes, and the disk needs {needed}"));
        }
        Ok(map)
    }

    /// How many entries of the table count. A disk without parent needs no bitmap behind its last block.
    fn entries(&self) -> u64 {
        let chunks = self.blocks.div_ceil(self.chunk.max(1));
        match self.is_difference {
            true => chunks.saturating_mul(self.chunk.saturating_add(1)),
            false => self.index(self.blocks.saturating_sub(1)).saturating_add(1),
        }
    }

    /// The entry of a block: behind those of each chunk stands one of its bitmap.
    fn index(&self, block: u64) -> u64 {
        block.saturating_add(block.checked_div(self.chunk).unwrap_or(0))
    }

    fn bitmap_index(&self, chunk: u64) -> u64 {
        chunk.saturating_add(1).saturating_mul(self.chunk).saturating_add(chunk)
    }

    /// Looks all entries through for places that more than one claims; returns what is to be said about it.
    pub(super) fn cross_check(&mut self, files: &Files, metadata: Region) -> Option<String> {
        let entries = self.entries();
        if entries > Claims::MOST_ENTRIES {
            return Some(format!(
                "its block table of {entries} entries is too large to be looked through for contradictions"
            ));
        }
        let mut claims = Claims::default();
        claims.add(0, FRONT);
        claims.add(metadata.offset, metadata.length);
        claims.add(self.table, entries.saturating_mul(8));
        let pages = std::mem::replace(&mut self.pages, Pages::new());
        let mut reader = pages.reader(files, 0);
        let size = files.size(0);
        for index in 0..entries {
            let is_bitmap = index.checked_rem(self.chunk.saturating_add(1)) == Some(self.chunk);
            let Some(word) = reader.u64_le(self.table, index) else { continue };
            let place = word >> 20 << 20;
            if word & 7 >= 6 && place < size {
                claims.add(place, if is_bitmap { BITMAP } else { self.block });
            }
        }
        self.contested = claims.contested();
        self.contested.note()
    }

    fn place(&self, block: u64, files: &Files) -> Result<Place, Loss> {
        let word = self.pages.reader(files, 0).u64_le(self.table, self.index(block)).ok_or(Loss::Table)?;
        let place = word >> 20 << 20;
        let is_reserved = word & 0xF_FFF8 != 0;
        let is_sound = place >= FRONT && !self.contested.touches(place, self.block);
        match word & 7 {
            _ if is_reserved => Err(Loss::Table),
            0 if self.is_difference => Ok(Place::Absent),
            // Undefined, unmapped, and unmapped as the first writers of the format said it.
            1 | 3 | 5 if self.unmapped && is_sound => Ok(Place::Here(place)),
            0..=3 | 5 => Ok(Place::Zero),
            6 if is_sound => Ok(Place::Here(place)),
            7 if is_sound && self.is_difference => Ok(Place::Partly(place)),
            _ => Err(Loss::Table),
        }
    }

    /// How many bytes from `skip` of a block on are of one kind, and whether they are in this file.
    fn owned(&self, block: u64, skip: u64, limit: u64, files: &Files) -> Result<(u64, bool), Loss> {
        let mut reader = self.pages.reader(files, 0);
        let chunk = block.checked_div(self.chunk).unwrap_or(0);
        let word = reader.u64_le(self.table, self.bitmap_index(chunk)).ok_or(Loss::Table)?;
        let bitmap = word >> 20 << 20;
        if word & 0xF_FFFF != 6 || bitmap < FRONT || self.contested.touches(bitmap, BITMAP) {
            return Err(Loss::Table);
        }
        let in_chunk = block.checked_rem(self.chunk).unwrap_or(0);
        let sector = |bytes: u64| bytes.checked_div(self.sector).unwrap_or(0);
        let first = sector(in_chunk.saturating_mul(self.block).saturating_add(skip));
        let last = sector(
            in_chunk
                .saturating_mul(self.block)
                .saturating_add(skip)
                .saturating_add(limit)
                .saturating_add(self.sector)
                .saturating_sub(1),
        );
        let mut bit = |sector: u64| {
            let [byte] = reader.array(bitmap.saturating_add(sector / 8)).ok_or(Loss::Table)?;
            Ok(byte >> (sector % 8) & 1 != 0)
        };
        let is_own = bit(first)?;
        let mut end = first.saturating_add(1);
        while end < last && bit(end)? == is_own {
            end = end.saturating_add(1);
        }
        let before = first.saturating_mul(self.sector).saturating_sub(in_chunk.saturating_mul(self.block));
        let bytes = end.saturating_sub(first).saturating_mul(self.sector);
        Ok((before.saturating_add(bytes).saturating_sub(skip).min(limit), is_own))
    }

    fn run(&self, offset: u64, limit: u64, files: &Files) -> Result<Run, Loss> {
        let (block, skip) = (offset.checked_div(self.block).unwrap_or(0), offset.checked_rem(self.block).unwrap_or(0));
        let length = self.block.saturating_sub(skip).min(limit);
        let raw = |place: u64| Piece::Raw { file: 0, offset: place.saturating_add(skip) };
        Ok(match self.place(block, files)? {
            Place::Here(place) => Run { length, piece: raw(place) },
            Place::Zero => Run { length, piece: Piece::Zero },
            Place::Absent => Run { length, piece: Piece::Parent },
            Place::Partly(place) => {
                let (length, is_own) = self.owned(block, skip, length, files)?;
                Run { length, piece: if is_own { raw(place) } else { Piece::Parent } }
            }
        })
    }
}

impl Map for Blocks {
    fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run {
        self.run(offset, limit, files).unwrap_or_else(|loss| {
            let left = self.block.saturating_sub(offset.checked_rem(self.block).unwrap_or(0));
            Run { length: left.min(limit), piece: Piece::Lost(loss) }
        })
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} blocks of {} bytes, table at {}", self.blocks, self.block, self.table)
    }
}
