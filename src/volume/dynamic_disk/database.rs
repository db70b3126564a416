//! The database of a dynamic disk: a table of records, some of them in several pieces.

use std::collections::BTreeMap;

use super::private_header::PrivateHeader;
use super::records::{Component, DiskPart, Record, VolumeRecord};
use crate::base::be;
use crate::base::guid::Guid;
use crate::source::Source;

/// What the records of a database say, by their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) volumes: BTreeMap<u64, VolumeRecord>,
    pub(super) components: BTreeMap<u64, Component>,
    pub(super) parts: Vec<DiskPart>,
    pub(super) disks: BTreeMap<u64, Guid>,
}

/// Bytes of a database that are read at most; Windows makes one of a MiB.
const MOST: u64 = 4 << 20;
/// Where the table of contents lies, in sectors of the database: two copies in front, two at the end.
const CONTENTS: [u64; 4] = [1, 2, 2045, 2046];
/// Where the table of records starts where no table of contents is left.
const USUAL_START: u64 = 17;
/// Bytes in front of each piece of a record.
const HEAD: usize = 16;
/// Pieces that a record has at most.
const MOST_PIECES: u16 = 64;

impl Database {
    /// Reads the database that the header points at.
    pub(super) fn read(source: &dyn Source, header: &PrivateHeader) -> Option<Self> {
        let size = header.database_size.min(MOST).min(source.size().saturating_sub(header.database_start));
        let mut bytes = vec![0; usize::try_from(size).ok()?];
        source.read_readable(header.database_start, &mut bytes);
        let start = CONTENTS.into_iter().find_map(|sector| start_of_records(&bytes, sector)).unwrap_or(USUAL_START);
        Self::parse(bytes.get(usize::try_from(start.checked_mul(512)?).ok()?..)?)
    }

    /// Reads the table of records.
    ///
    /// Layout, big-endian: 0 `"VMDB"`, 4 last record and one (u32), 8 bytes a piece (u32), 12 first piece (u32). A piece: 0
    /// `"VBLK"`, 4 its number (u32), 8 its record (u32), 12 which piece of it (u16), 14 pieces of it (u16), 16 its bytes.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"VMDB") {
            return None;
        }
        let size = usize::try_from(be::u32_at(bytes, 8)?).ok().filter(|size| (32..=4096).contains(size))?;
        let first = usize::try_from(be::u32_at(bytes, 12)?).ok()?;
        let mut database = Self::default();
        let mut pieces: BTreeMap<u32, Vec<Option<&[u8]>>> = BTreeMap::new();
        for piece in bytes.get(first..)?.chunks_exact(size).take_while(|piece| piece.starts_with(b"VBLK")) {
            let (Some(record), Some(index), Some(count)) =
                (be::u32_at(piece, 8), be::u16_at(piece, 12), be::u16_at(piece, 14))
            else {
                continue;
            };
            if count == 0 || count > MOST_PIECES || index >= count {
                continue;
            }
            let all = pieces.entry(record).or_default();
            all.resize(usize::from(count).max(all.len()), None);
            if let Some(slot) = all.get_mut(usize::from(index)) {
                *slot = piece.get(HEAD..);
            }
        }
        for all in pieces.into_values() {
            let whole: Option<Vec<&[u8]>> = all.into_iter().collect();
            if let Some(record) = whole.and_then(|parts| Record::parse(&parts.concat())) {
                database.take(record);
            }
        }
        Some(database)
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Volume(id, volume) => drop(self.volumes.insert(id, volume)),
            Record::Component(id, component) => drop(self.components.insert(id, component)),
            Record::Part(part) => self.parts.push(part),
            Record::Disk(id, disk) => drop(self.disks.insert(id, disk)),
        }
    }
}

/// Where the table of contents in a sector says that the records start, in sectors of the database.
///
/// Layout, big-endian: 0 `"TOCBLOCK"`, 0x24 `"config"`, 0x2E first sector of the records (u64).
fn start_of_records(database: &[u8], sector: u64) -> Option<u64> {
    let contents = database.get(usize::try_from(sector.checked_mul(512)?).ok()?..)?;
    let is_one = contents.starts_with(b"TOCBLOCK") && contents.get(0x24..)?.starts_with(b"config");
    is_one.then(|| be::u64_at(contents, 0x2E)).flatten()
}
