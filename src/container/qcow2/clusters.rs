//! Where the clusters of a QCOW2 disk lie.

use std::fmt;

use super::super::claims::{Claims, Contested};
use super::super::files::Files;
use super::super::image::Map;
use super::super::pages::{PageReader, Pages};
use super::super::piece::{Encoding, Loss, Piece, Run, Unit};
use super::header::{CORRUPT, DIRTY, EXTENDED_L2, Header, L1};

/// Bits of an entry that give an offset.
const OFFSET: u64 = 0x00FF_FFFF_FFFF_FE00;
/// The cluster is referenced once: it may be written in place.
const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;

/// The tables of two levels, and what their entries mean.
pub(super) struct Clusters {
    header: Header,
    l1: L1,
    size: u64,
    /// Index of the file that has the content.
    data: usize,
    contested: Contested,
    pages: Pages,
}

impl Clusters {
    pub(super) fn new(header: Header, l1: L1, size: u64, data: usize) -> Self {
        Self { header, l1, size, data, contested: Contested::default(), pages: Pages::new() }
    }

    /// Looks all entries through for places that more than one claims, or that the image calls free; returns
    /// what is to be said about it.
    pub(super) fn cross_check(&mut self, files: &Files) -> Vec<String> {
        let mut notes = Vec::new();
        let pages = Pages::new();
        let mut reader = pages.reader(files, 0);
        let span = self.header.cluster().saturating_mul(self.header.l2_entries()).max(1);
        let first = self.size.div_ceil(span);
        let tables: Vec<u64> = (0..first.min(Claims::MOST_ENTRIES))
            .filter_map(|index| self.l2_table(&mut reader, index).ok().flatten())
            .collect();
        let entries = u64::try_from(tables.len()).unwrap_or(u64::MAX).saturating_mul(self.header.l2_entries());
        if first.saturating_add(entries) > Claims::MOST_ENTRIES {
            notes.push("its tables are too large to be looked through for contradictions".to_owned());
            return notes;
        }
        let mut check = Check { claims: Claims::default(), claimed: 0, free: Vec::new() };
        self.claim_tables(&mut reader, &mut check);
        for table in tables {
            self.claim(&mut reader, &mut check, table, self.header.cluster(), files);
            for index in 0..self.header.l2_entries() {
                match self.entry(&mut reader, table, index).map(|entry| self.host(entry)) {
                    Ok(Some((host, length))) if self.data == 0 => {
                        self.claim(&mut reader, &mut check, host, length, files);
                    }
                    _ => {}
                }
            }
        }
        let Check { mut claims, claimed, free } = check;
        // Where counts are missing by the dozen, nobody kept them; where one is, it or the entry is wrong.
        let is_kept = !self.header.has(DIRTY | CORRUPT) && free.len() <= claimed / 16;
        match free.len() {
            0 => {}
            count if is_kept => {
                notes.push(format!("{count} clusters that its tables use are called free: they are not believed"));
                free.iter().for_each(|&(start, length)| (0..2).for_each(|_| claims.add(start, length)));
            }
            count => notes
                .push(format!("{count} of {claimed} clusters in use are called free: its reference counts are wrong")),
        }
        self.contested = claims.contested();
        notes.extend(self.contested.note());
        notes
    }

    /// What stands elsewhere than content.
    fn claim_tables(&self, reader: &mut PageReader<'_>, check: &mut Check) {
        let (header, cluster) = (&self.header, self.header.cluster());
        check.claims.add(0, cluster);
        check.claims.add(self.l1.offset, self.l1.entries.saturating_mul(8));
        check.claims.add(header.refcount_table, header.refcount_clusters.saturating_mul(cluster));
        if self.l1 != header.l1 {
            check.claims.add(header.l1.offset, header.l1.entries.saturating_mul(8));
        }
        let blocks = header.refcount_clusters.saturating_mul(cluster / 8).min(Claims::MOST_ENTRIES);
        for index in 0..blocks {
            match reader.u64_be(header.refcount_table, index).map(|entry| entry & OFFSET) {
                None => break,
                Some(0) => {}
                Some(block) => check.claims.add(block, cluster),
            }
        }
    }

    fn claim(&self, reader: &mut PageReader<'_>, check: &mut Check, start: u64, length: u64, files: &Files) {
        if start >= files.size(0) {
            return;
        }
        check.claimed = check.claimed.saturating_add(1);
        check.claims.add(start, length);
        if self.references(reader, start) == Some(0) {
            check.free.push((start, length));
        }
    }

    /// How often a cluster of the file is referenced, as the image says.
    fn references(&self, reader: &mut PageReader<'_>, offset: u64) -> Option<u64> {
        let (header, cluster) = (&self.header, self.header.cluster());
        let index = offset.checked_div(cluster)?;
        let bits = 1_u64.checked_shl(header.refcount_order)?;
        let per_block = cluster.checked_mul(8)?.checked_div(bits)?;
        let table = index.checked_div(per_block)?;
        if table >= header.refcount_clusters.checked_mul(cluster / 8)? {
            return Some(0);
        }
        let block = reader.u64_be(header.refcount_table, table)? & OFFSET;
        if block == 0 {
            return Some(0);
        }
        let bit = index.checked_rem(per_block)?.checked_mul(bits)?;
        let at = block.checked_add(bit / 8)?;
        Some(match bits {
            64 => u64::from_be_bytes(reader.array(at)?),
            32 => u64::from(u32::from_be_bytes(reader.array(at)?)),
            16 => u64::from(u16::from_be_bytes(reader.array(at)?)),
            _ => {
                let [byte] = reader.array::<1>(at)?;
                let mask = u8::MAX.checked_shr(8_u32.checked_sub(u32::try_from(bits).ok()?)?)?;
                u64::from(byte.checked_shr(u32::try_from(bit % 8).ok()?)? & mask)
            }
        })
    }

    /// Where the table of the second level for an entry of the first lies; `None` where there is none.
    fn l2_table(&self, reader: &mut PageReader<'_>, index: u64) -> Result<Option<u64>, Loss> {
        let entry = reader.u64_be(self.l1.offset, index).ok_or(Loss::Table)?;
        let table = entry & OFFSET;
        let is_sound = entry & !(OFFSET | COPIED) == 0
            && table.checked_rem(self.header.cluster()) == Some(0)
            && !self.contested.touches(table, self.header.cluster());
        match (is_sound, entry) {
            (true, 0) => Ok(None),
            (true, _) if table > 0 => Ok(Some(table)),
            _ => Err(Loss::Table),
        }
    }

    /// An entry of the second level, and what it says of the parts of its cluster.
    fn entry(&self, reader: &mut PageReader<'_>, table: u64, index: u64) -> Result<(u64, u64), Loss> {
        let at = index.saturating_mul(self.header.l2_entry()).saturating_add(table);
        let entry = reader.array(at).map(u64::from_be_bytes).ok_or(Loss::Table)?;
        let parts = match self.header.has(EXTENDED_L2) {
            true => reader.array(at.saturating_add(8)).map(u64::from_be_bytes).ok_or(Loss::Table)?,
            false => 0,
        };
        Ok((entry, parts))
    }

    /// Where an entry says its bytes are, and how many are its alone: the last sector of a compressed one is
    /// also the first of the next.
    fn host(&self, (entry, _): (u64, u64)) -> Option<(u64, u64)> {
        match entry & COMPRESSED {
            0 => Some((entry & OFFSET, self.header.cluster())).filter(|(offset, _)| *offset > 0),
            _ => Some((self.packed_place(entry).0, 1)),
        }
    }

    /// Offset and stored bytes of a compressed cluster.
    fn packed_place(&self, entry: u64) -> (u64, u64) {
        let bits = 70_u32.saturating_sub(self.header.cluster_bits);
        let mask = 1_u64.checked_shl(bits).unwrap_or(0).wrapping_sub(1);
        let offset = entry & mask;
        let sectors = (entry & !(COPIED | COMPRESSED)).checked_shr(bits).unwrap_or(0);
        (offset, sectors.saturating_add(1).saturating_mul(512).saturating_sub(offset % 512))
    }

    /// What the bytes from `offset` on are made of, up to the end of their cluster or part of one.
    fn part(&self, reader: &mut PageReader<'_>, offset: u64) -> Result<Run, Loss> {
        let cluster = self.header.cluster();
        let (index, skip) = (offset.checked_div(cluster).unwrap_or(0), offset.checked_rem(cluster).unwrap_or(0));
        let (first, second) = (
            index.checked_div(self.header.l2_entries()).unwrap_or(0),
            index.checked_rem(self.header.l2_entries()).unwrap_or(0),
        );
        let whole = cluster.saturating_sub(skip);
        let Some(table) = self.l2_table(reader, first)? else {
            let left = self.header.l2_entries().saturating_sub(second).saturating_mul(cluster).saturating_sub(skip);
            return Ok(Run { length: left, piece: Piece::Parent });
        };
        let (entry, parts) = self.entry(reader, table, second)?;
        if entry & COMPRESSED != 0 {
            return Ok(Run { length: whole, piece: self.packed(entry, parts, index)? });
        }
        let host = entry & OFFSET;
        // Bit 0 says zeros since version 3, but not where parts are told apart.
        let is_plain = !self.header.has(EXTENDED_L2) && self.header.version >= 3;
        let known = OFFSET | COPIED | if is_plain { ZERO } else { 0 };
        if entry & !known != 0 || host.checked_rem(cluster) != Some(0) {
            return Err(Loss::Table);
        }
        if self.header.has(EXTENDED_L2) {
            return self.subcluster(entry, parts, offset);
        }
        let piece = match entry & ZERO != 0 {
            true => Piece::Zero,
            false if entry == 0 => Piece::Parent,
            false => self.raw(entry, offset, skip)?,
        };
        Ok(Run { length: whole, piece })
    }

    /// Content as it is, in the cluster that an entry names.
    fn raw(&self, entry: u64, offset: u64, skip: u64) -> Result<Piece, Loss> {
        let host = entry & OFFSET;
        let is_contested = self.data == 0 && (host == 0 || self.contested.touches(host, self.header.cluster()));
        let is_elsewhere = self.header.is_raw_data() && host.saturating_add(skip) != offset;
        if is_contested || is_elsewhere {
            return Err(Loss::Table);
        }
        Ok(Piece::Raw { file: self.data, offset: host.saturating_add(skip) })
    }

    fn packed(&self, entry: u64, parts: u64, index: u64) -> Result<Piece, Loss> {
        let (offset, stored) = self.packed_place(entry);
        let length = self.header.cluster();
        // A compressed cluster belongs to this file, is not divided, and takes no more room than a plain one.
        if self.data != 0 || parts != 0 || entry & COPIED != 0 || self.contested.touches(offset, 1) {
            return Err(Loss::Table);
        }
        let encoding = if self.header.compression == 0 { Encoding::Deflate } else { Encoding::Zstd };
        let narrow = |number: u64| u32::try_from(number).map_err(|_| Loss::Table);
        let start = index.saturating_mul(length);
        let unit = Unit { file: 0, offset, stored: narrow(stored)?, start, length: narrow(length)?, encoding };
        Ok(Piece::Packed(unit))
    }

    /// A cluster has 32 parts, each of which is here, zero, or in the backing file.
    fn subcluster(&self, entry: u64, parts: u64, offset: u64) -> Result<Run, Loss> {
        let cluster = self.header.cluster();
        let (size, skip) = (cluster / 32, offset.checked_rem(cluster).unwrap_or(0));
        let index = skip.checked_div(size).unwrap_or(0);
        let bit = |at: u64| parts.checked_shr(u32::try_from(at).unwrap_or(64)).unwrap_or(0) & 1 != 0;
        let state = |at: u64| (bit(at), bit(at.saturating_add(32)));
        let own = state(index);
        let end = (index..32).find(|&at| state(at) != own).unwrap_or(32);
        let length = end.saturating_mul(size).saturating_sub(skip);
        let piece = match own {
            (true, true) => return Err(Loss::Table),
            (false, true) => Piece::Zero,
            (false, false) => Piece::Parent,
            (true, false) => self.raw(entry, offset, skip)?,
        };
        Ok(Run { length, piece })
    }
}

/// What a look through all tables has found.
struct Check {
    claims: Claims,
    claimed: usize,
    free: Vec<(u64, u64)>,
}

impl Map for Clusters {
    fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run {
        let mut reader = self.pages.reader(files, 0);
        let cluster = self.header.cluster();
        let left = |offset: u64| cluster.saturating_sub(offset.checked_rem(cluster).unwrap_or(0)).max(1);
        let mut part = |offset: u64| {
            self.part(&mut reader, offset).unwrap_or_else(|loss| Run { length: left(offset), piece: Piece::Lost(loss) })
        };
        let mut run = part(offset);
        while run.length < limit && !matches!(run.piece, Piece::Packed(_)) {
            let next = part(offset.saturating_add(run.length));
            if !run.take_in(&next) {
                break;
            }
        }
        run
    }
}

impl fmt::Debug for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clusters of {} bytes, table at {}", self.header.cluster(), self.l1.offset)
    }
}
