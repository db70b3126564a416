//! Reading the whole value of an attribute that is small by nature.

use std::ops::ControlFlow;

use super::Volume;
use super::extents::{Extents, Location, read_extents};
use super::geometry::Geometry;
use crate::base::damage::{Damage, DamageKind};
use crate::source::Window;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;

/// The largest value that is read whole: attribute lists and descriptors have at most 256 KiB, and nobody's
/// memory is at the mercy of a number on a disk.
const LARGEST: u64 = 1 << 20;

/// The largest reparse point that any writer takes, header and GUID included: any number of files may share
/// the clusters of a longer one.
const LARGEST_REPARSE_POINT: u64 = (16 << 10) + 24;

impl Volume<'_> {
    /// The value of an attribute whose values are small, resident or not, as far as it can be read.
    ///
    /// # Errors
    /// When the value is not inside the attribute, needs clusters this volume does not have, or
    /// cannot be read at all. Damage is placed from the attribute's start.
    pub fn attribute_value(&self, attribute: &Attribute<'_>) -> Result<Vec<u8>, Damage> {
        let most = match attribute.attribute_type() {
            AttributeType::REPARSE_POINT => LARGEST_REPARSE_POINT,
            _ => LARGEST,
        };
        self.attribute_value_within(attribute, most)
    }

    /// The same, but no more than the first `most` bytes of a value that is not resident.
    pub(crate) fn attribute_value_within(&self, attribute: &Attribute<'_>, most: u64) -> Result<Vec<u8>, Damage> {
        let cluster_size = self.geometry().map(Geometry::cluster_size);
        value_within(self.source(), cluster_size, attribute, most.min(LARGEST))
    }

    /// The bitmap of a table of so many records: of a large one it is longer than other values that are read whole.
    pub(crate) fn table_bitmap(&self, bitmap: &Attribute<'_>, records: u64) -> Result<Vec<u8>, Damage> {
        let cluster_size = self.geometry().map(Geometry::cluster_size);
        value_within(self.source(), cluster_size, bitmap, records.div_ceil(8).max(LARGEST))
    }
}

/// As [`Volume::attribute_value`], for a volume that is only being opened.
pub(super) fn attribute_value(
    source: Window<'_>,
    cluster_size: Option<u32>,
    attribute: &Attribute<'_>,
) -> Result<Vec<u8>, Damage> {
    value_within(source, cluster_size, attribute, LARGEST)
}

fn value_within(
    source: Window<'_>,
    cluster_size: Option<u32>,
    attribute: &Attribute<'_>,
    most: u64,
) -> Result<Vec<u8>, Damage> {
    let unplaced = |damage: Damage| Damage::new(16, damage.kind);
    let Some(piece) = attribute.non_resident() else {
        return attribute.resident_value().map(<[u8]>::to_vec).map_err(unplaced);
    };
    let unreadable = Damage::new(0, DamageKind::Unreadable { length: piece.data_size() });
    let extents = Extents::of([piece], cluster_size.ok_or(unreadable)?);
    let mut readable = piece.data_size().min(extents.end()).min(most);
    let mut value = vec![0; usize::try_from(readable).unwrap_or(0)];
    read_extents(source, extents.between(0, readable), &mut value, |gap| {
        if gap.location == Location::Hole {
            return ControlFlow::Continue(());
        }
        // What comes before is as good as it is; what comes after cannot be told apart.
        readable = gap.offset;
        ControlFlow::Break(())
    });
    value.truncate(usize::try_from(readable).unwrap_or(0));
    if value.is_empty() && piece.data_size() > 0 { Err(unreadable) } else { Ok(value) }
}
