//! A bare `$MFT` file: the table without its volume.

use super::extents::Extents;
use super::mft::Mft;
use crate::base::damage::{Damage, DamageKind};
use crate::base::error::Result;
use crate::source::{Source, Window};
use crate::structure::record::RecordHeader;

/// How much of a file is looked at before it is called no table.
const LOOKED_AT: usize = 1 << 20;

/// The record sizes there can be.
const RECORD_SIZES: [u32; 8] = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

impl<'s> Mft<'s> {
    /// Opens a file that is the table itself, of any record size; the size is found by vote among
    /// the first records, so that a damaged or missing head does not matter.
    ///
    /// # Errors
    /// When the file does not look like a table: fewer than half of its written slots hold records.
    pub fn from_table(source: Window<'s>) -> Result<Self> {
        let record_size = vote(source).ok_or(Damage::new(
            0,
            DamageKind::BadValue { what: "number of FILE records in the first MiB", value: 0 },
        ))?;
        let size = source.size();
        Ok(Self::new(source, Extents::contiguous(0, size), record_size, size, Vec::new()))
    }
}

/// The record size most records name, if the file is mostly records at multiples of it.
fn vote(source: Window<'_>) -> Option<u32> {
    let mut front = vec![0; LOOKED_AT.min(usize::try_from(source.size()).unwrap_or(LOOKED_AT))];
    source.read_readable(0, &mut front);
    let votes = |size: &u32| {
        let names_size = |slot: &[u8]| RecordHeader::parse(slot).is_ok_and(|header| header.allocated_size() == *size);
        slots(&front, *size).filter(|slot| names_size(slot)).count()
    };
    let (size, count) = RECORD_SIZES.iter().map(|size| (*size, votes(size))).max_by_key(|(_, count)| *count)?;
    let written = slots(&front, size).filter(|slot| slot.iter().any(|&byte| byte != 0)).count();
    (count > 0 && count.saturating_mul(2) >= written).then_some(size)
}

fn slots(bytes: &[u8], size: u32) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(usize::try_from(size).unwrap_or(usize::MAX))
}
