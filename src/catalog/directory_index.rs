//! Where the index of a directory lies, and what its names call the directory.

use super::Entry;
use crate::base::damage::wide;
use crate::base::reference::FileReference;
use crate::source::Source;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::index::IndexRoot;
use crate::volume::extents::{Extents, Location};
use crate::volume::geometry::Geometry;

/// The attributes of one type of a directory's index.
pub(crate) fn index_attributes<'e>(entry: &'e Entry<'_>, wanted: AttributeType) -> impl Iterator<Item = Attribute<'e>> {
    entry.attributes_of(wanted).filter(|attribute| attribute.name().is("$I30"))
}

/// Bytes of the records of a directory's index: what its root says, or the boot sector.
pub(crate) fn index_record_size(entry: &Entry<'_>) -> Option<u32> {
    let roots = index_attributes(entry, AttributeType::INDEX_ROOT);
    let sizes = roots.filter_map(|root| Some(IndexRoot::parse(root.resident_value().ok()?).ok()?.record_size()));
    let usual = entry.catalog().volume().geometry().map(Geometry::index_record_size);
    sizes.filter(|size| is_index_size(*size)).last().or(usual).filter(|size| *size > 0)
}

/// Where the clusters of a directory's index lie: position in the volume, length, and offset in the index.
pub(crate) fn index_pieces(entry: &Entry<'_>) -> Vec<(u64, u64, u64)> {
    let volume = entry.catalog().volume();
    let Some(geometry) = volume.geometry() else { return Vec::new() };
    let mut pieces = Vec::new();
    for attribute in index_attributes(entry, AttributeType::INDEX_ALLOCATION) {
        let Some(piece) = attribute.non_resident() else { continue };
        for extent in Extents::of([piece], geometry.cluster_size()).list() {
            let Location::At(position) = extent.location else { continue };
            // What lies behind the end of the source is no record, however long the run claims to be.
            let inside = extent.length.min(volume.source().size().saturating_sub(position));
            pieces.push((position, inside, extent.offset));
        }
    }
    pieces
}

/// Where the INDX records of an index lie in the volume, each with its index.
pub(crate) fn records_of(entry: &Entry<'_>, record_size: u32) -> Vec<(u64, u64)> {
    let size = u64::from(record_size).max(1);
    let step = usize::try_from(size).unwrap_or(usize::MAX);
    let mut records = Vec::new();
    for (position, length, offset) in index_pieces(entry) {
        records.extend((0..length).step_by(step).map(|start| {
            let index = offset.saturating_add(start).checked_div(size).unwrap_or(0);
            (position.saturating_add(start), index)
        }));
    }
    records
}

/// The bitmap of an index of so many records. It is read as far as they need it, but for that of an index whose
/// first pieces are lost: any number of directories may share the clusters of a long one.
pub(crate) fn index_bitmap(entry: &Entry<'_>, records: usize) -> Option<Vec<u8>> {
    const LEAST: u64 = 16 << 10;
    let attribute = index_attributes(entry, AttributeType::BITMAP).next()?;
    let most = wide(records.div_ceil(8)).max(LEAST);
    entry.catalog().volume().attribute_value_within(&attribute, most).ok()
}

/// What the names in a directory have as their parent: of a deleted one, what it was while it existed.
pub(crate) fn live_references(entry: &Entry<'_>) -> [FileReference; 2] {
    FileReference::lives(entry.record_number(), entry.sequence_number(), entry.header().is_in_use())
}

pub(crate) fn is_index_size(size: u32) -> bool {
    size.is_power_of_two() && (512..=64 << 10).contains(&size)
}
