//! Entries: files put together from their base record and its extension records.

use std::ops::Range;

use super::layout::{Layout, Spot};
use super::path::Path;
use super::{Catalog, Paths};
use crate::base::damage::{Damage, DamageKind};
use crate::base::reference::FileReference;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::{Record, RecordHeader};
use crate::structure::value::attribute_list::AttributeList;
use crate::structure::value::file_name::FileName;
use crate::structure::value::standard_information::StandardInformation;

/// Whether a file exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryState {
    /// The record is in use.
    Live,
    /// The record is free: the file was deleted and the record not used again.
    Deleted,
    /// Only extension records are left; the base record is gone or was used again.
    Orphan,
}

impl EntryState {
    /// `live`, `deleted` or `orphan`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Deleted => "deleted",
            Self::Orphan => "orphan",
        }
    }
}

/// A file: its base record and the extension records that belong to it.
#[derive(Debug, Clone)]
pub struct Entry<'c> {
    catalog: &'c Catalog<'c>,
    record: Record<'c>,
    extensions: Vec<Record<'static>>,
    state: EntryState,
    layout: Layout,
    /// Damage that was met on the way: what could not be read, walked or joined.
    found: Vec<Damage>,
}

impl<'c> Entry<'c> {
    /// Records that NTFS keeps for itself: without a name they are no files.
    const RESERVED_RECORDS: u64 = 24;

    /// Puts a file together; `None` where the record shows no evidence of one.
    pub(super) fn new(
        catalog: &'c Catalog<'c>,
        record: Record<'c>,
        extensions: Vec<Record<'static>>,
        found: Vec<Damage>,
    ) -> Option<Self> {
        let header = record.header();
        let state = match (header.is_base_record(), header.is_in_use()) {
            (false, _) => EntryState::Orphan,
            (true, true) => EntryState::Live,
            (true, false) => EntryState::Deleted,
        };
        let mut found = found;
        let mut layout = Layout::default();
        layout.add_record(0, &record, &mut found);
        (1..).zip(&extensions).for_each(|(index, extension)| layout.add_record(index, extension, &mut found));
        let mut entry = Self { catalog, record, extensions, state, layout, found };
        if state != EntryState::Live && !entry.has_evidence() {
            return None;
        }
        if state == EntryState::Orphan {
            let reference = entry.record.header().base_reference();
            entry.found.push(Damage::in_record(entry.record_number(), 32, DamageKind::BaseRecordGone { reference }));
        }
        if entry.layout.has(AttributeType::ATTRIBUTE_LIST) || !entry.extensions.is_empty() {
            entry.check_attribute_list();
        }
        Some(entry)
    }

    /// Formatting a volume writes records that were never a file's: with times, a descriptor and an
    /// empty `$DATA`, and with the record's number for a sequence number. A file has a name, content,
    /// or at least another sequence number outside the records NTFS keeps for itself.
    fn has_evidence(&self) -> bool {
        let number = self.record_number();
        let preformatted = number < Self::RESERVED_RECORDS || u64::from(self.sequence_number()) == number & 0xFFFF;
        let lived = !preformatted && self.sequence_number() > 1;
        self.attributes().any(|attribute| match attribute.attribute_type() {
            AttributeType::STANDARD_INFORMATION | AttributeType::SECURITY_DESCRIPTOR => lived,
            AttributeType::DATA => lived || attribute.resident_value().map_or(true, |value| !value.is_empty()),
            _ => true,
        })
    }

    /// The number of the base record (for an orphan, of the first record that is left).
    #[must_use]
    pub fn record_number(&self) -> u64 {
        self.record.number()
    }

    /// The sequence number as it is on disk: of a deleted file it has usually been counted up already.
    #[must_use]
    pub fn sequence_number(&self) -> u16 {
        self.record.header().sequence_number()
    }

    /// Record and sequence number.
    #[must_use]
    pub fn reference(&self) -> FileReference {
        self.record.reference()
    }

    /// Whether the file exists.
    #[must_use]
    pub fn state(&self) -> EntryState {
        self.state
    }

    /// True for a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.record.header().is_directory()
    }

    /// The header of the base record.
    #[must_use]
    pub fn header(&self) -> RecordHeader<'_> {
        self.record.header()
    }

    /// The base record (for an orphan, the first record that is left).
    #[must_use]
    pub fn record(&self) -> &Record<'c> {
        &self.record
    }

    /// The extension records, by their numbers.
    #[must_use]
    pub fn extension_records(&self) -> &[Record<'static>] {
        &self.extensions
    }

    /// The catalog the entry comes from.
    #[must_use]
    pub fn catalog(&self) -> &'c Catalog<'c> {
        self.catalog
    }

    fn records(&self) -> impl Iterator<Item = &Record<'_>> {
        let base: &Record<'_> = &self.record;
        std::iter::once(base).chain(&self.extensions)
    }

    /// The attributes of all records of the file. Those that cannot be read are in [`damage`](Self::damage).
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        self.layout.spots().iter().filter_map(|spot| self.attribute_at(*spot))
    }

    /// The attributes of one type.
    #[inline]
    pub fn attributes_of(&self, attribute_type: AttributeType) -> impl Iterator<Item = Attribute<'_>> {
        let wanted = self.layout.spots().iter().filter(move |spot| spot.attribute_type() == attribute_type);
        wanted.filter_map(|spot| self.attribute_at(*spot))
    }

    #[inline]
    fn attribute_at(&self, spot: Spot) -> Option<Attribute<'_>> {
        match spot.record().checked_sub(1) {
            None => self.record.attribute_at(spot.offset()),
            Some(index) => self.extensions.get(index)?.attribute_at(spot.offset()),
        }
    }

    /// Every `$FILE_NAME` with its attribute.
    pub(super) fn file_names(&self) -> impl Iterator<Item = (Attribute<'_>, FileName<'_>)> {
        let names = self.attributes_of(AttributeType::FILE_NAME);
        names.filter_map(|attribute| attribute.file_name().ok().map(|(name, _)| (attribute, name)))
    }

    /// Times, attributes and security id.
    #[must_use]
    pub fn standard_information(&self) -> Option<StandardInformation<'_>> {
        let attribute = self.attributes_of(AttributeType::STANDARD_INFORMATION).next()?;
        StandardInformation::parse(attribute.resident_value().ok()?).ok()
    }

    /// The paths of the file, one a link, without remembering directories: for many entries use
    /// [`Paths`].
    pub fn paths(&self) -> impl Iterator<Item = Path> {
        let mut paths: Paths<'_> = self.catalog.paths();
        self.links().into_iter().map(move |link| paths.path(link.parent(), link.name())).collect::<Vec<_>>().into_iter()
    }

    /// Everything that is wrong with the file's records and attributes, in the order of place.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        let mut damage = self.found.clone();
        for record in self.records().filter(|record| !record.is_sound()) {
            damage.append(&mut record.damage());
        }
        for attribute in self.attributes() {
            if !attribute.is_sound() {
                damage.append(&mut attribute.damage());
            }
            if let Some(found) = attribute.value_damage() {
                damage.push(found);
            }
        }
        damage.sort_by_key(|damage| damage.place);
        damage
    }

    /// Compares the attribute list with the records that belong to the file by their own word.
    fn check_attribute_list(&mut self) {
        let Some(attribute) = self.attributes_of(AttributeType::ATTRIBUTE_LIST).next() else {
            let number = self.record_number();
            let unlisted = self.extensions.iter().filter(|_| self.state != EntryState::Orphan);
            let unlisted = unlisted.map(|extension| unlisted_damage(number, extension.number()));
            return self.found.extend(unlisted);
        };
        let place = attribute.place();
        let mut found = Vec::new();
        match self.catalog.volume().attribute_value(&attribute) {
            Ok(value) => self.compare_with_list(&value, &mut found),
            Err(damage) => found.push(damage),
        }
        self.found.extend(found.into_iter().map(|damage| damage.within(place.record, place.offset)));
    }

    fn compare_with_list(&self, value: &[u8], found: &mut Vec<Damage>) {
        let mut listed: Vec<FileReference> = Vec::new();
        let list = match AttributeList::parse(value) {
            Ok(list) => list,
            Err(damage) => return found.push(damage),
        };
        for entry in list.entries() {
            match entry {
                Ok(entry) => listed.push(entry.reference()),
                Err(damage) => found.push(damage),
            }
        }
        // By number: references sort by their sequence numbers first.
        listed.sort_unstable_by_key(|reference| (reference.record_number(), reference.sequence_number()));
        listed.dedup();
        let own = |number: u64| number == self.record_number() || self.has_extension(number);
        let foreign = listed.iter().filter(|reference| !own(reference.record_number()));
        found.extend(foreign.map(|&reference| Damage::new(0, DamageKind::ListedRecordForeign { reference })));
        let is_listed =
            |number: u64| listed.binary_search_by_key(&number, |reference| reference.record_number()).is_ok();
        let unlisted = self.extensions.iter().map(Record::number).filter(|&number| !is_listed(number));
        found.extend(unlisted.map(|number| Damage::new(0, DamageKind::UnlistedExtension { number })));
    }

    fn has_extension(&self, number: u64) -> bool {
        self.extensions.binary_search_by_key(&number, Record::number).is_ok()
    }
}

fn unlisted_damage(record: u64, number: u64) -> Damage {
    Damage::in_record(record, 0, DamageKind::UnlistedExtension { number })
}

/// Damage for the part of record `number` that lies in `missing`, ranges of the table in bytes.
pub(super) fn unreadable(number: u64, record_size: u64, missing: &[Range<u64>]) -> Vec<Damage> {
    let start = number.saturating_mul(record_size);
    let end = start.saturating_add(record_size);
    let parts = missing.iter().map(|range| range.start.max(start)..range.end.min(end)).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let length = part.end.saturating_sub(part.start);
            Damage::in_record(number, part.start.saturating_sub(start), DamageKind::Unreadable { length })
        })
        .collect()
}
