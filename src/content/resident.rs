//! Where the bytes of a resident value lie: in a record, less the words the update sequence moved.

use std::ops::Range;

use super::stream_range::{Missing, Origin, StreamRange, append};
use crate::base::damage::wide;
use crate::catalog::entry::Entry;
use crate::structure::attribute::Attribute;
use crate::structure::record::Record;
use crate::structure::update_sequence::STRIDE;
use crate::volume::extents::Location;

/// The ranges of the first `length` bytes of the attribute's value slot.
pub(crate) fn ranges(entry: &Entry<'_>, attribute: &Attribute<'_>, length: usize) -> Vec<StreamRange> {
    let mut ranges = Vec::new();
    let number = attribute.place().record.unwrap_or_default();
    let Some(record) = entry.record_numbered(number) else { return ranges };
    let header = attribute.bytes().len().saturating_sub(attribute.resident_slot().len());
    let start = usize::try_from(attribute.place().offset).unwrap_or(usize::MAX).saturating_add(header);
    let end = start.saturating_add(length);
    let is_proven = |from: usize, to: usize| record.update_sequence().is_proven_between(from, to);
    // The header says where the value is: where it is doubtful, so is every byte.
    let header_is_doubtful = !is_proven(start.saturating_sub(header), start);
    let mut offset = 0;
    for (value, disk) in places(record, start..end) {
        let length = wide(disk.len());
        let is_doubtful = header_is_doubtful || !is_proven(value.start, value.end);
        append_part(&mut ranges, entry, number, StreamPart { offset, disk, is_doubtful });
        offset = offset.saturating_add(length);
    }
    ranges
}

/// Bytes of a value that lie together in the record as it is on disk.
struct StreamPart {
    /// First byte, counted from the start of the value.
    offset: u64,
    /// Where they lie on disk, in bytes from the record's start.
    disk: Range<usize>,
    is_doubtful: bool,
}

/// Splits a part of the repaired record where words were moved: where the bytes stand in the
/// repaired record, and where they stand on disk.
fn places(record: &Record<'_>, part: Range<usize>) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let sequence = *record.update_sequence();
    let mut position = part.start;
    std::iter::from_fn(move || {
        if position >= part.end {
            return None;
        }
        let stride = position / STRIDE;
        let word = stride.saturating_mul(STRIDE).saturating_add(STRIDE.saturating_sub(2));
        let start = position;
        let (end, disk) = if position < word {
            (word.min(part.end), position)
        } else {
            let place = u8::try_from(stride).map_or(word, |stride| sequence.word_place(stride));
            (word.saturating_add(2).min(part.end), place.saturating_add(position.saturating_sub(word)))
        };
        position = end;
        Some((start..end, disk..disk.saturating_add(end.saturating_sub(start))))
    })
}

/// Appends a part, split where the table's extents or unreadable places split it.
fn append_part(ranges: &mut Vec<StreamRange>, entry: &Entry<'_>, number: u64, part: StreamPart) {
    let mft = entry.catalog().mft();
    let record_start = number.saturating_mul(u64::from(mft.record_size()));
    let (from, to) = (wide(part.disk.start), wide(part.disk.end));
    let table = |offset: u64| record_start.saturating_add(offset);
    for extent in mft.extents().between(table(from), table(to)) {
        let origin = match extent.location {
            Location::At(position) => Origin::Record(position),
            Location::Hole | Location::Unmapped => Origin::Missing(Missing::Unmapped),
        };
        let skipped = extent.offset.saturating_sub(table(from));
        let offset = part.offset.saturating_add(skipped);
        let range = StreamRange { offset, length: extent.length, origin, is_doubtful: part.is_doubtful };
        let gaps = entry.unreadable_parts(number).map(|gap| {
            let shift = |place: u64| part.offset.saturating_add(place.saturating_sub(from));
            shift(gap.start)..shift(gap.end.max(from))
        });
        append_around(ranges, range, gaps);
    }
}

/// Appends a range, with its parts in `gaps` (in order) as unreadable.
fn append_around(ranges: &mut Vec<StreamRange>, range: StreamRange, gaps: impl Iterator<Item = Range<u64>>) {
    let mut position = range.offset;
    for gap in gaps {
        append(ranges, range.clip(position, gap.start));
        append(ranges, range.clip(gap.start.max(position), gap.end).lost(Missing::Unreadable));
        position = position.max(gap.end);
    }
    append(ranges, range.clip(position, u64::MAX));
}
