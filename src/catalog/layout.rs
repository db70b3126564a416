//! Where the attributes of a file stand: found in one walk, used by every question after it.

use crate::base::damage::Damage;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;

/// Where one attribute stands: in which of the file's records, 0 for the base, and at which byte.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spot {
    type_code: u32,
    record: u32,
    offset: u32,
}

impl Spot {
    pub(super) fn attribute_type(self) -> AttributeType {
        AttributeType(self.type_code)
    }

    pub(super) fn record(self) -> usize {
        usize::try_from(self.record).unwrap_or(usize::MAX)
    }

    pub(super) fn offset(self) -> usize {
        usize::try_from(self.offset).unwrap_or(usize::MAX)
    }
}

/// The spots of a file's attributes. Most files have few, which need no allocation.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    few: [Spot; Self::FEW],
    count: usize,
    /// All of them, once they are more than a few.
    all: Vec<Spot>,
}

impl Layout {
    const FEW: usize = 8;

    /// Walks `record`, the file's record `index`, and adds what it holds. What the walk finds wrong
    /// goes to `damage`.
    pub(super) fn add_record(&mut self, index: usize, record: &Record<'_>, damage: &mut Vec<Damage>) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        for attribute in record.attributes() {
            match attribute {
                Ok(attribute) => self.push(Self::spot(index, &attribute)),
                Err(error) => damage.push(error),
            }
        }
    }

    fn spot(record: u32, attribute: &Attribute<'_>) -> Spot {
        Spot { type_code: attribute.attribute_type().0, record, offset: attribute.offset() }
    }

    fn push(&mut self, spot: Spot) {
        match self.few.get_mut(self.count).filter(|_| self.all.is_empty()) {
            Some(place) => {
                *place = spot;
                self.count = self.count.saturating_add(1);
            }
            None => {
                if self.all.is_empty() {
                    self.all.extend_from_slice(&self.few);
                }
                self.all.push(spot);
            }
        }
    }

    /// The spots in order: by record, then as they stand.
    #[inline]
    pub(super) fn spots(&self) -> &[Spot] {
        if self.all.is_empty() { self.few.get(..self.count).unwrap_or_default() } else { &self.all }
    }

    /// True when there is an attribute of this type.
    pub(super) fn has(&self, attribute_type: AttributeType) -> bool {
        self.spots().iter().any(|spot| spot.attribute_type() == attribute_type)
    }
}
