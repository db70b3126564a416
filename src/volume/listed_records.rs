//! The extension records that a file's own attribute list names.

use super::Volume;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;
use crate::structure::value::attribute_list::AttributeList;

/// Extension records of one file, in the order of their numbers.
#[derive(Debug)]
pub(crate) struct ListedRecords {
    pub(crate) records: Vec<Record<'static>>,
    /// The list could be read, and each record that it names is there and names the file.
    pub(crate) are_whole: bool,
}

impl Volume<'_> {
    /// The extension records of a file that have attributes of the `wanted` types, as the list in its base record says.
    pub(crate) fn listed_records(&self, base: &Record<'_>, wanted: &[AttributeType]) -> ListedRecords {
        let mut found = ListedRecords { records: Vec::new(), are_whole: true };
        let is_list = |attribute: &Attribute<'_>| attribute.attribute_type() == AttributeType::ATTRIBUTE_LIST;
        let Some(list) = base.attributes().filter_map(Result::ok).find(is_list) else { return found };
        let value = self.attribute_value(&list).unwrap_or_default();
        let Ok(list) = AttributeList::parse(&value) else {
            found.are_whole = false;
            return found;
        };
        let entries = list.entries().filter_map(Result::ok).filter(|entry| wanted.contains(&entry.attribute_type()));
        let mut numbers: Vec<u64> = entries.map(|entry| entry.reference().record_number()).collect();
        numbers.retain(|&number| number != base.number());
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            // One that another file has now, or an earlier life of this one had, says nothing about this file.
            let is_own = |record: &Record<'_>| record.header().base_reference() == base.reference();
            match self.mft().record(number).ok().filter(is_own) {
                Some(record) => found.records.push(record),
                None => found.are_whole = false,
            }
        }
        found
    }
}
