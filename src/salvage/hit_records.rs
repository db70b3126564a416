//! Records that a scan found, and where their attributes say that bytes lie.

use super::findings::RecordHit;
use crate::source::Source;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;
use crate::volume::extents::{Extents, Location};

/// Reads the record of a hit again.
pub(super) fn read_record(source: &dyn Source, hit: &RecordHit) -> Option<Record<'static>> {
    let mut bytes = vec![0; usize::try_from(hit.record_size).ok()?];
    source.read_readable(hit.offset, &mut bytes);
    Record::from_vec(hit.number().unwrap_or(0), bytes).ok()
}

/// The piece of the main stream that a record holds.
pub(super) fn unnamed_data<'r>(record: &'r Record<'_>) -> Option<Attribute<'r>> {
    let is_data =
        |attribute: &Attribute<'_>| attribute.attribute_type() == AttributeType::DATA && attribute.name().is_empty();
    record.attributes().filter_map(Result::ok).find(is_data)
}

/// The map of one piece of a stream.
pub(super) fn extents_of(attribute: &Attribute<'_>, cluster_size: u32) -> Extents {
    Extents::of(attribute.non_resident(), cluster_size)
}

/// Where byte `byte` of a stream lies in its volume.
pub(super) fn place(extents: &Extents, byte: u64) -> Option<u64> {
    match extents.between(byte, byte.checked_add(1)?).next()?.location {
        Location::At(position) => Some(position),
        Location::Hole | Location::Unmapped => None,
    }
}
