//! The ids of a file's attributes as The Sleuth Kit counts them.
//!
//! An id is unique within its record only. Of a file with several records the attributes outside
//! the base record get new ids, in the order of the attribute list: with these, and only with these,
//! `icat IMAGE record-type-id` finds the stream.

use std::collections::HashMap;

use ntfs_salvage::Entry;
use ntfs_salvage::structure::Attribute;
use ntfs_salvage::structure::value::AttributeList;

/// New ids by record and id.
pub struct AttributeIds {
    given: HashMap<(u64, u16), u32>,
}

impl AttributeIds {
    pub fn of(entry: &Entry<'_>) -> Self {
        let mut this = Self { given: HashMap::new() };
        if entry.extension_records().is_empty() {
            return this;
        }
        let own = entry.record_number();
        let base_ids = entry.record().attributes().filter_map(Result::ok).map(|attribute| u32::from(attribute.id()));
        let mut next = base_ids.max().map_or(0, |id| id + 1);
        // What the list does not name comes behind it.
        let found = entry.attributes().filter(is_first_piece).filter_map(|attribute| key(&attribute));
        for key in listed(entry).into_iter().chain(found).filter(|(record, _)| *record != own) {
            this.given.entry(key).or_insert_with(|| {
                next += 1;
                next - 1
            });
        }
        this
    }

    /// The id of the attribute that has the id `id` in record `record`.
    pub fn id(&self, record: u64, id: u16) -> u32 {
        self.given.get(&(record, id)).copied().unwrap_or(u32::from(id))
    }
}

fn key(attribute: &Attribute<'_>) -> Option<(u64, u16)> {
    Some((attribute.place().record?, attribute.id()))
}

fn is_first_piece(attribute: &Attribute<'_>) -> bool {
    attribute.non_resident().is_none_or(|piece| piece.lowest_vcn() == 0)
}

fn listed(entry: &Entry<'_>) -> Vec<(u64, u16)> {
    let value = entry.attribute_list();
    let Ok(list) = AttributeList::parse(&value) else { return Vec::new() };
    let first_pieces = list.entries().filter_map(Result::ok).filter(|entry| entry.lowest_vcn() == 0);
    first_pieces.map(|entry| (entry.reference().record_number(), entry.attribute_id())).collect()
}
