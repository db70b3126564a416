//! A bare `$MFT` file: the table without its volume.

use super::extents::{Extents, Location};
use super::mft::Mft;
use super::table_order::{Order, by_own_numbers, proved_by_parents};
use crate::base::damage::{Damage, DamageKind};
use crate::base::error::Result;
use crate::source::{Source, Window};
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::{Record, RecordHeader};

/// How much of a file is looked at before it is called no table.
const LOOKED_AT: usize = 1 << 20;

/// The record sizes there can be.
const RECORD_SIZES: [u32; 8] = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

impl<'s> Mft<'s> {
    /// Opens a file that is the table itself, of any record size; the size is found by vote among
    /// the first records, so that a damaged or missing head does not matter. Where the copy lacks a piece, records
    /// go by the numbers they name.
    ///
    /// # Errors
    /// When the file does not look like a table: fewer than half of its written slots hold records.
    pub fn from_table(source: Window<'s>) -> Result<Self> {
        let record_size = vote(source).ok_or(Damage::new(
            0,
            DamageKind::BadValue { what: "number of FILE records in the first MiB", value: 0 },
        ))?;
        if let Some(Order { extents, mut damage, most }) = by_own_numbers(source, record_size) {
            damage.extend(cut_off(source, &extents, record_size));
            return Ok(Self::in_order(source, extents, record_size, most, damage));
        }
        let size = source.size();
        let extents = Extents::contiguous(0, size);
        let damage = proved_by_parents(source, record_size).into_iter().chain(cut_off(source, &extents, record_size));
        let damage = damage.collect();
        Ok(Self::new(source, extents, record_size, size, damage))
    }
}

/// The records that record 0 says the table has, and the copy does not.
fn cut_off(source: Window<'_>, extents: &Extents, record_size: u32) -> Option<Damage> {
    let Location::At(start) = extents.between(0, u64::from(record_size)).next()?.location else { return None };
    let mut bytes = vec![0; usize::try_from(record_size).ok()?];
    if !source.read_readable(start, &mut bytes).is_empty() {
        return None;
    }
    let is_first = |record: &Record<'_>| {
        record.header().is_in_use() && record.header().own_number().is_none_or(|number| number == 0)
    };
    let record = Record::from_vec(0, bytes).ok().filter(is_first)?;
    let attributes = record.attributes().filter_map(Result::ok);
    let is_table =
        |attribute: &Attribute<'_>| attribute.attribute_type() == AttributeType::DATA && attribute.name().is_empty();
    let piece = attributes.into_iter().find(is_table)?.non_resident()?;
    let size = u64::from(record_size);
    let told = piece.data_size().min(piece.initialized_size()).checked_div(size)?;
    let first = extents.end().div_ceil(size);
    (first < told).then(|| Damage::in_record(0, 0, DamageKind::TableUnmapped { first, end: told }))
}

/// The record size most records name, if the file is mostly records. A copy that lacks sectors does not have them
/// at multiples of their size.
fn vote(source: Window<'_>) -> Option<u32> {
    let mut front = vec![0; LOOKED_AT.min(usize::try_from(source.size()).unwrap_or(LOOKED_AT))];
    source.read_readable(0, &mut front);
    let votes = |size: &u32| {
        let names_size = |slot: &[u8]| RecordHeader::parse(slot).is_ok_and(|header| header.allocated_size() == *size);
        slots(&front, 512).filter(|slot| names_size(slot)).count()
    };
    let (size, count) = RECORD_SIZES.iter().map(|size| (*size, votes(size))).max_by_key(|(_, count)| *count)?;
    let written = slots(&front, size).filter(|slot| slot.iter().any(|&byte| byte != 0)).count();
    (count > 0 && count.saturating_mul(2) >= written).then_some(size)
}

fn slots(bytes: &[u8], size: u32) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(usize::try_from(size).unwrap_or(usize::MAX))
}
