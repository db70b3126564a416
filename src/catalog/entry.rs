//! Entries: files put together from their base record and its extension records.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use super::ghost::GhostEvidence;
use super::path::FilePath;
use super::{Catalog, Paths};
use crate::base::damage::{Damage, DamageKind, wide};
use crate::base::reference::FileReference;
use crate::structure::attribute::{Attribute, Attributes};
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::{Record, RecordHeader};
use crate::structure::value::attribute_list::AttributeList;
use crate::structure::value::file_name::FileName;
use crate::structure::value::standard_information::StandardInformation;

/// Whether a file exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum EntryState {
    /// The record is in use.
    Live,
    /// The record is free: the file was deleted and the record not used again. Or it is in use, since the file was
    /// deleted while somebody had it open: such files are in `$Extend\$Deleted`.
    Deleted,
    /// Only extension records are left; the base record is gone, was used again, or does not name them.
    Orphan,
    /// No record is left; an index names the file, or others name it as their parent.
    Ghost,
}

impl EntryState {
    /// `live`, `deleted`, `orphan` or `ghost`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Deleted => "deleted",
            Self::Orphan => "orphan",
            Self::Ghost => "ghost",
        }
    }
}

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Provenance {
    /// A record of the table.
    Table,
    /// A record that a scan found, of a table that does not say itself where it lies.
    Carved,
    /// No record: what else knows of the file.
    Ghost(GhostEvidence),
}

impl Provenance {
    /// `table`, `carved`, or of a ghost what its [`GhostEvidence`] is called.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Carved => "carved",
            Self::Ghost(evidence) => evidence.code(),
        }
    }
}

/// A file: its base record and the extension records that belong to it.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::{EntryState, Volume};
///
/// let image = ntfs_salvage::source::open("testdata/links_streams.img")?;
/// let volume = Volume::open(&image)?;
/// let catalog = volume.catalog();
/// for entry in catalog.entries().filter(|entry| entry.state() == EntryState::Live) {
///     let changed = entry.standard_information().map(|information| information.modified());
///     for link in &entry.links() {
///         println!("{} {changed:?} {}", entry.reference(), link.name());
///     }
///     for stream in entry.streams().iter().filter(|stream| !stream.name().is_empty()) {
///         println!("    with a stream {} of {:?} bytes", stream.name(), stream.size());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Entry<'c> {
    catalog: &'c Catalog<'c>,
    record: Record<'c>,
    extensions: Vec<Record<'static>>,
    /// Names that an index has for the file, whose own records have none. In a box, since hardly any has.
    names_from_index: Option<Box<Record<'static>>>,
    /// What was read of the attribute list: once, however often it is asked for.
    list: OnceLock<Option<Result<Vec<u8>, Damage>>>,
    /// Streams that only the attribute list names. In a box for the same reason.
    listed: OnceLock<Option<Box<Record<'static>>>>,
    state: EntryState,
    provenance: Provenance,
    /// Damage that the records do not show by themselves: what could not be read or joined.
    pub(crate) found: Vec<Damage>,
}

impl<'c> Entry<'c> {
    /// Records that NTFS keeps for itself: without a name they are no files.
    const RESERVED_RECORDS: u64 = 24;
    /// Faults of one attribute list that are reported one by one: a list may name 32,768 records, and
    /// any number of files may share its clusters.
    const LIST_REPORTS: usize = 64;

    /// Puts a file together; `None` where the record shows no evidence of one.
    pub(crate) fn new(
        catalog: &'c Catalog<'c>,
        record: Record<'c>,
        extensions: Vec<Record<'static>>,
        found: Vec<Damage>,
    ) -> Option<Self> {
        let header = record.header();
        let state = match (record.is_base_record(), header.is_in_use()) {
            (false, _) => EntryState::Orphan,
            (true, true) => EntryState::Live,
            (true, false) => EntryState::Deleted,
        };
        let is_carved = catalog.mft().is_carved(record.number());
        let provenance = if is_carved { Provenance::Carved } else { Provenance::Table };
        let mut entry = Self {
            catalog,
            record,
            extensions,
            names_from_index: None,
            list: OnceLock::new(),
            listed: OnceLock::new(),
            state,
            provenance,
            found,
        };
        if state == EntryState::Live && entry.is_deleted_while_open() {
            entry.state = EntryState::Deleted;
        }
        let state = entry.state;
        if state != EntryState::Live && !entry.has_evidence() {
            return None;
        }
        if state == EntryState::Orphan {
            let reference = entry.record.header().base_reference();
            let number = entry.record_number();
            let kind = match catalog.is_meant(reference) {
                true => DamageKind::UnlistedExtension { number },
                false => DamageKind::BaseRecordGone { reference },
            };
            entry.found.push(Damage::in_record(number, 32, kind));
        }
        Some(entry)
    }

    /// A file without a record: `record` stands for it.
    pub(crate) fn of_ghost(catalog: &'c Catalog<'c>, record: Record<'c>, evidence: GhostEvidence) -> Self {
        let (state, provenance) = (EntryState::Ghost, Provenance::Ghost(evidence));
        Self {
            catalog,
            record,
            extensions: Vec::new(),
            names_from_index: None,
            list: OnceLock::new(),
            listed: OnceLock::new(),
            state,
            provenance,
            found: Vec::new(),
        }
    }

    /// The same file with names that an index has for it.
    pub(crate) fn with_names_from_index(self, names_from_index: Option<Record<'static>>) -> Self {
        Self { names_from_index: names_from_index.map(Box::new), ..self }
    }

    /// True for a file that was deleted while somebody had it open: until it is closed, Windows keeps it in
    /// `$Extend\$Deleted`, its record in use.
    fn is_deleted_while_open(&self) -> bool {
        let deleted = self.catalog.deleted_directories.as_slice();
        !deleted.is_empty() && self.file_names().any(|(_, name)| deleted.binary_search(&name.parent()).is_ok())
    }

    /// True for a base record that has neither times nor a name nor a list of where they are: it may well be an
    /// extension record whose base reference was lost.
    pub(crate) fn is_faceless(&self) -> bool {
        let has_links = self.header().link_count() > 0;
        let is_face = |attribute: Attribute<'_>| match attribute.attribute_type() {
            AttributeType::STANDARD_INFORMATION | AttributeType::ATTRIBUTE_LIST => true,
            // The names in an extension record are counted in its base.
            AttributeType::FILE_NAME => has_links,
            _ => false,
        };
        self.state != EntryState::Orphan && !self.record.attributes().filter_map(Result::ok).any(is_face)
    }

    /// The streams that the file's attribute list names, and of which no piece is left, as attributes of a record.
    pub(super) fn listed_streams(&self) -> impl Iterator<Item = Attribute<'_>> {
        let find = || {
            let listed = listed_streams(self);
            let record = Record::of_streams(self.reference(), listed.iter().map(Vec::as_slice));
            record.ok().filter(|_| !listed.is_empty()).map(Box::new)
        };
        let is_asked = self.state != EntryState::Orphan && self.record.has_attribute_list();
        let record = is_asked.then(|| self.listed.get_or_init(find).as_deref()).flatten();
        record.into_iter().flat_map(|record| record.attributes().filter_map(Result::ok))
    }

    /// What can be read of the attribute list; none where the file has none.
    fn list_value(&self) -> Option<&Result<Vec<u8>, Damage>> {
        let read = || {
            let list = self.attributes_of(AttributeType::ATTRIBUTE_LIST).next()?;
            Some(self.catalog.volume().attribute_value_within(&list, self.longest_list()))
        };
        self.list.get_or_init(read).as_ref()
    }

    /// True for an attribute that stands for a stream of which nothing is left but its name in the attribute list.
    pub(super) fn is_listed_only(&self, attribute: &Attribute<'_>) -> bool {
        let place = attribute.bytes().as_ptr();
        self.listed.get().and_then(Option::as_ref).is_some_and(|record| record.bytes().as_ptr_range().contains(&place))
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

    /// Where the entry comes from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
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

    /// The base record (for an orphan, the first record that is left). That of a ghost was never on disk:
    /// it has the reference, and the names that are known.
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

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record<'_>> {
        let base: &Record<'_> = &self.record;
        std::iter::once(base).chain(&self.extensions).chain(self.names_from_index.as_deref())
    }

    /// The record of the file that has this number.
    pub(crate) fn record_numbered(&self, number: u64) -> Option<&Record<'_>> {
        if self.record.number() == number {
            return Some(&self.record);
        }
        match self.extensions.binary_search_by_key(&number, Record::number) {
            Ok(index) => self.extensions.get(index),
            Err(_) => self.names_from_index.as_deref().filter(|record| record.number() == number),
        }
    }

    /// The parts of record `number` that could not be read, in bytes from its start.
    pub(crate) fn unreadable_parts(&self, number: u64) -> impl Iterator<Item = Range<u64>> + '_ {
        self.found.iter().filter_map(move |damage| match damage.kind {
            DamageKind::Unreadable { length } if damage.place.record == Some(number) => {
                Some(damage.place.offset..damage.place.offset.saturating_add(length))
            }
            _ => None,
        })
    }

    /// The attributes of all records of the file. Those that cannot be read are in [`damage`](Self::damage).
    pub fn attributes(&self) -> EntryAttributes<'_> {
        EntryAttributes {
            walk: self.record.attributes(),
            extensions: self.extensions.iter(),
            names_from_index: self.names_from_index.as_deref(),
        }
    }

    /// The attributes of one type.
    pub fn attributes_of(&self, attribute_type: AttributeType) -> impl Iterator<Item = Attribute<'_>> {
        self.attributes().filter(move |attribute| attribute.attribute_type() == attribute_type)
    }

    /// Every `$FILE_NAME` with its attribute.
    pub(crate) fn file_names(&self) -> impl Iterator<Item = (Attribute<'_>, FileName<'_>)> {
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
    pub fn paths(&self) -> impl Iterator<Item = FilePath> {
        let mut paths: Paths<'_> = self.catalog.paths();
        self.links().into_iter().map(move |link| paths.path(link.parent(), link.name())).collect::<Vec<_>>().into_iter()
    }

    /// Everything that is wrong with the file's records and attributes, in the order of place.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        self.parts().damage
    }

    /// Compares the attribute list with the records that name the file as their base.
    pub(crate) fn check_attribute_list(&self, list: Option<&Attribute<'_>>, damage: &mut Vec<Damage>) {
        let mut found = Vec::new();
        let most = self.longest_list();
        match list.and_then(|_| self.list_value()) {
            Some(Ok(value)) => {
                let piece = list.and_then(Attribute::non_resident);
                let further = piece.map_or(0, |piece| piece.data_size()).saturating_sub(most);
                self.compare_with_list(value, further, &mut found);
            }
            Some(Err(unreadable)) => found.push(*unreadable),
            // Without a list nothing says that the extension records belong here but they themselves.
            None if self.state != EntryState::Orphan => self.report_unlisted(&[], &mut found),
            None => {}
        }
        let offset = list.map_or(0, |attribute| attribute.place().offset);
        damage.extend(found.into_iter().map(|damage| damage.within(Some(self.record_number()), offset)));
    }

    /// The value of the file's attribute list, as far as it can be read and as its records can need it; empty where
    /// there is none.
    #[must_use]
    pub fn attribute_list(&self) -> Vec<u8> {
        self.list_value().and_then(|value| value.as_ref().ok()).cloned().unwrap_or_default()
    }

    /// How much of a list is compared: twice what the file's records can need. An attribute of 24 bytes has
    /// an entry of 32, so that this leaves room for stale entries. Any number of files may share the clusters
    /// of one long list; what it says beyond this is of records that are not the file's.
    fn longest_list(&self) -> u64 {
        let records = self.records().map(|record| wide(record.bytes().len()));
        records.fold(0, u64::saturating_add).saturating_mul(2)
    }

    /// Compares what was read of a list; `further` bytes of it were not.
    fn compare_with_list(&self, value: &[u8], further: u64, found: &mut Vec<Damage>) {
        let mut listed: Vec<FileReference> = Vec::new();
        let list = match AttributeList::parse(value) {
            Ok(list) => list,
            Err(damage) => return found.push(damage),
        };
        for entry in list.entries() {
            match entry {
                Ok(entry) => listed.push(entry.reference()),
                // The last entry goes on in what was not read.
                Err(Damage { kind: DamageKind::TooShort { .. }, .. }) if further > 0 => {}
                Err(damage) => found.push(damage),
            }
        }
        listed.sort_unstable_by_key(|reference| (reference.record_number(), reference.sequence_number()));
        listed.dedup();
        let own = |number: u64| number == self.record_number() || self.has_extension(number);
        let foreign = listed.iter().filter(|reference| !own(reference.record_number()));
        found.extend(foreign.map(|&reference| Damage::new(0, DamageKind::ListedRecordForeign { reference })));
        let more = found.len().saturating_sub(Self::LIST_REPORTS);
        found.truncate(Self::LIST_REPORTS);
        if more > 0 {
            found.push(Damage::bad_value(0, "number of further faults of $ATTRIBUTE_LIST", more));
        }
        match further {
            0 => self.report_unlisted(&listed, found),
            // Which of the extension records it names there is not known.
            _ => found.push(Damage::bad_value(0, "bytes of $ATTRIBUTE_LIST beyond what its file can need", further)),
        }
    }

    /// Adds damage for each extension record that is not in the sorted list `listed`.
    fn report_unlisted(&self, listed: &[FileReference], found: &mut Vec<Damage>) {
        let is_listed = |number| listed.binary_search_by_key(&number, |reference| reference.record_number()).is_ok();
        let unlisted = self.extensions.iter().map(Record::number).filter(|&number| !is_listed(number));
        found.extend(unlisted.map(|number| Damage::new(0, DamageKind::UnlistedExtension { number })));
    }

    fn has_extension(&self, number: u64) -> bool {
        self.extensions.binary_search_by_key(&number, Record::number).is_ok()
    }
}

/// Iterator over the attributes of all records of a file.
#[derive(Debug, Clone)]
pub struct EntryAttributes<'e> {
    walk: Attributes<'e>,
    extensions: std::slice::Iter<'e, Record<'static>>,
    names_from_index: Option<&'e Record<'static>>,
}

impl<'e> Iterator for EntryAttributes<'e> {
    type Item = Attribute<'e>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.walk.next() {
                Some(Ok(attribute)) => return Some(attribute),
                Some(Err(_)) => {}
                None => self.walk = self.extensions.next().or_else(|| self.names_from_index.take())?.attributes(),
            }
        }
    }
}

/// The names of the streams that the attribute list of `entry` has, and of which no piece is left.
fn listed_streams(entry: &Entry<'_>) -> Vec<Vec<u8>> {
    let Some(Ok(value)) = entry.list_value() else { return Vec::new() };
    let Ok(list) = AttributeList::parse(value) else { return Vec::new() };
    let lives = FileReference::lives(entry.record_number(), entry.sequence_number(), entry.header().is_in_use());
    let named = || list.entries().map_while(Result::ok);
    let starts = named().filter(|named| named.attribute_type() == AttributeType::DATA && named.lowest_vcn() == 0);
    let mut names: BTreeSet<Vec<u8>> = starts.map(|named| named.name().bytes().to_vec()).collect();
    for attribute in entry.attributes_of(AttributeType::DATA) {
        names.remove(attribute.name().bytes());
    }
    let is_its_list = || named().any(|named| lives.contains(&named.reference()));
    if names.is_empty() || !is_its_list() { Vec::new() } else { names.into_iter().collect() }
}

/// Damage for the part of record `number` that lies in `missing`, ranges of the table in bytes.
pub(crate) fn unreadable(number: u64, record_size: u64, missing: &[Range<u64>]) -> Vec<Damage> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Threads;
    use crate::structure::forge::Forge;
    use crate::volume::Volume;
    use crate::volume::forged_volume::{CLUSTER, Forged, file, runs, table, with_runs};

    #[test]
    fn states_and_sources_have_names() {
        let states = [EntryState::Live, EntryState::Deleted, EntryState::Orphan, EntryState::Ghost];
        assert_eq!(states.map(EntryState::name), ["live", "deleted", "orphan", "ghost"]);
        let sources = [Provenance::Table, Provenance::Carved, Provenance::Ghost(GhostEvidence::RecordSlack)];
        assert_eq!(sources.map(Provenance::code), ["table", "carved", "record-slack"]);
    }

    /// Whether the catalog has an entry of this record alone.
    fn is_entry(number: u64, record: Forge) -> bool {
        let table = table([(number, record), (100, file())]);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog();
        let found = catalog.entries().any(|entry| entry.record_number() == number);
        assert_eq!(catalog.entry(number).is_ok(), found);
        found
    }

    #[test]
    fn a_free_record_needs_evidence_of_a_file() {
        let formatted = |sequence: u16| {
            let record = Forge::new(1024).flags(0).sequence(sequence);
            let record = record.resident(AttributeType::STANDARD_INFORMATION, "", &[0; 48]);
            let record = record.resident(AttributeType::SECURITY_DESCRIPTOR, "", &[0; 20]);
            record.resident(AttributeType::DATA, "", &[])
        };
        assert!(!is_entry(30, formatted(30)), "as mkntfs writes it");
        assert!(!is_entry(30, formatted(1)) && !is_entry(23, formatted(9)), "one of the first life, and NTFS's own");
        assert!(is_entry(30, formatted(31)) && is_entry(24, formatted(9)), "it was used more than once");
        assert!(is_entry(30, formatted(30).flags(1)), "what is in use is a file");
        assert!(is_entry(30, formatted(30).name((5, 5), 3, "f")));
        assert!(is_entry(30, formatted(30).resident(AttributeType::DATA, "more", &[7])));
        let runs = runs(&[(1, Some(300))]);
        assert!(is_entry(30, formatted(30).runs(AttributeType::DATA, "more", (0, 0), [512; 3], &runs)));
        assert!(is_entry(30, formatted(30).resident(AttributeType::OBJECT_ID, "", &[0; 16])));
        assert!(!is_entry(30, Forge::new(1024).flags(0).sequence(7)), "without any attribute");
    }

    #[test]
    fn the_unreadable_part_of_a_record_is_what_lies_in_it() {
        let part = |start: u64, end: u64| {
            let found = unreadable(10, 1024, &[0..5, start..end, 1 << 40..1 << 41]);
            found.into_iter().map(|damage| (damage.place.offset, damage.kind)).collect::<Vec<_>>()
        };
        let length = |length| DamageKind::Unreadable { length };
        assert_eq!(part(10_240, 11_264), [(0, length(1024))]);
        assert_eq!(part(10_000, 10_752), [(0, length(512))]);
        assert_eq!(part(10_752, 20_000), [(512, length(512))]);
        assert_eq!(part(10_500, 10_600), [(260, length(100))]);
        assert_eq!(part(10_000, 10_240), []);
        assert_eq!(part(11_264, 12_000), []);
    }

    #[test]
    fn what_cannot_be_read_of_a_file_is_its_damage() {
        let extension = Forge::new(1024).base(30, 1).resident(AttributeType::DATA, "", &[7]);
        let mut forged = Forged::new(vec![(30, file()), (31, extension.clone()), (32, extension)]);
        let start = |number: u64| (8 + number * 2) * CLUSTER;
        forged.spoil(start(30) + 512..start(30) + 1024);
        forged.spoil(start(31) + 512..start(31) + 1024);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let scanned = catalog.entries().find(|entry| entry.record_number() == 30).unwrap();
        for entry in [catalog.entry(30).unwrap(), scanned] {
            let lost = [30, 31, 32].map(|number| entry.unreadable_parts(number).collect::<Vec<_>>());
            let second_half = std::iter::once(512..1024).collect::<Vec<_>>();
            assert_eq!(lost, [second_half.clone(), second_half, vec![]]);
            let reported = entry.damage().into_iter().filter(|damage| damage.kind.code() == "unreadable");
            assert_eq!(reported.map(|damage| damage.place.record).collect::<Vec<_>>(), [Some(30), Some(31)]);
            assert_eq!(entry.records().map(Record::number).collect::<Vec<_>>(), [30, 31, 32]);
        }
    }

    /// Entries of an attribute list: of `$DATA`, each in one of these records.
    fn list(references: &[(u64, u16)]) -> Vec<u8> {
        let entry = |&(number, sequence): &(u64, u16)| {
            let mut bytes = vec![0; 32];
            bytes[..4].copy_from_slice(&AttributeType::DATA.0.to_le_bytes());
            bytes[4] = 32;
            bytes[7] = 26;
            bytes[16..24].copy_from_slice(&FileReference::new(number, sequence).0.to_le_bytes());
            bytes
        };
        references.iter().flat_map(entry).collect()
    }

    /// What the list of record 30, with the extension records 31 and 33, is reported for, and where.
    fn reports(base: Forge) -> Vec<(Option<u64>, u64, DamageKind)> {
        let extension = || Forge::new(1024).base(30, 1).resident(AttributeType::DATA, "x", &[7]);
        let forged = Forged::new(vec![(30, base), (31, extension()), (33, extension())]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let damage = catalog.entry(30).unwrap().damage();
        damage.into_iter().map(|damage| (damage.place.record, damage.place.offset, damage.kind)).collect()
    }

    fn listed(value: &[u8]) -> Vec<(Option<u64>, u64, DamageKind)> {
        reports(Forge::new(1024).resident(AttributeType::ATTRIBUTE_LIST, "", value))
    }

    #[test]
    fn list_and_records_have_to_agree() {
        // The list is the first attribute, at byte 56.
        let foreign =
            |number| (Some(30), 56, DamageKind::ListedRecordForeign { reference: FileReference::new(number, 1) });
        let unlisted = |number| (Some(30), 56, DamageKind::UnlistedExtension { number });
        assert_eq!(listed(&list(&[(33, 1), (30, 1), (31, 1), (31, 1)])), []);
        assert_eq!(listed(&list(&[(30, 1), (31, 1)])), [], "33 is no part of the file, and says so itself");
        assert_eq!(listed(&list(&[(32, 1), (34, 1), (32, 1), (31, 1)])), [foreign(32), foreign(34), unlisted(33)]);
        let cut = listed(&list(&[(31, 1), (33, 1)])[..40]);
        assert!(matches!(cut[..], [_, (Some(30), 88, DamageKind::TooShort { .. })]), "{cut:?}");
        assert_eq!(cut[0], unlisted(33), "what stands behind the cut is not listed");
        let short = listed(&[0; 8]);
        assert_eq!(short.iter().map(|damage| damage.2.code()).collect::<Vec<_>>(), ["too-short"; 2], "list and value");
    }

    #[test]
    fn an_orphan_needs_no_list() {
        let extension = || Forge::new(1024).base(60, 1).resident(AttributeType::DATA, "", &[7]);
        let forged = Forged::new(vec![(30, extension()), (31, extension())]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(31).unwrap();
        let reference = FileReference::new(60, 1);
        assert_eq!((entry.record_number(), entry.state()), (30, EntryState::Orphan));
        assert_eq!(entry.damage(), [Damage::in_record(30, 32, DamageKind::BaseRecordGone { reference })]);
    }

    /// What a file is reported for whose list, in clusters, names records that are not its own, and 31. Its entries
    /// begin behind `shift` bytes of the first one.
    fn reports_of_long(count: u64, has_extension: bool, shift: usize) -> Vec<DamageKind> {
        let mut value =
            list(&std::iter::once(31).chain(100..100 + count).map(|number| (number, 1)).collect::<Vec<_>>());
        value[4] += shift as u8;
        value.splice(32..32, std::iter::repeat_n(0, shift));
        let size = value.len() as u64;
        let clusters = size.div_ceil(CLUSTER);
        let sizes = [clusters * CLUSTER, size, size];
        let runs = runs(&[(clusters, Some(300))]);
        let record = Forge::new(1024).runs(AttributeType::ATTRIBUTE_LIST, "", (0, clusters - 1), sizes, &runs);
        let extension = Forge::new(1024).base(if has_extension { 30 } else { 60 }, 1);
        let mut forged = Forged::new(vec![(30, record), (31, extension.resident(AttributeType::DATA, "", &[7]))]);
        forged.write(300, &value);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let needed = 2048 * if has_extension { 2 } else { 1 };
        assert_eq!(entry.attribute_list(), value[..value.len().min(needed)]);
        entry.damage().into_iter().map(|damage| damage.kind).collect()
    }

    #[test]
    fn of_a_list_with_a_bad_sector_what_stands_before_it_counts() {
        let value = list(&(31..72).map(|number| (number, 1)).collect::<Vec<_>>());
        let size = value.len() as u64;
        let clusters = size.div_ceil(CLUSTER);
        let runs = runs(&[(clusters, Some(300))]);
        let sizes = [clusters * CLUSTER, size, size];
        let record = Forge::new(1024).runs(AttributeType::ATTRIBUTE_LIST, "", (0, clusters - 1), sizes, &runs);
        let mut forged = Forged::new(vec![(30, record)]);
        forged.write(300, &value);
        let place = 300 * CLUSTER + 512;
        forged.spoil(place..place + 512);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        assert_eq!(catalog.entry(30).unwrap().attribute_list(), value[..512]);
    }

    #[test]
    fn of_a_list_with_many_faults_some_are_told_and_the_others_counted() {
        assert_eq!(reports_of_long(64, true, 0).len(), 64);
        let more = reports_of_long(100, true, 0);
        assert_eq!(more.len(), 65);
        let what = "number of further faults of $ATTRIBUTE_LIST";
        assert_eq!(more[64], DamageKind::BadValue { what, value: 36 });
    }

    #[test]
    fn a_list_is_compared_as_far_as_its_file_can_need_it() {
        let beyond =
            |value| DamageKind::BadValue { what: "bytes of $ATTRIBUTE_LIST beyond what its file can need", value };
        // One record of 1 KiB: 2 KiB of list, 64 entries. Record 31 is not this file's.
        assert_eq!(reports_of_long(63, false, 0).len(), 64);
        let long = reports_of_long(100, false, 0);
        assert_eq!((long.len(), long[64]), (65, beyond(101 * 32 - 2048)));
        // With the extension record 4 KiB; whether what is not read lists it is not asked.
        let longer = reports_of_long(150, true, 0);
        assert_eq!(longer.len(), 66);
        assert_eq!(longer[65], beyond(151 * 32 - 4096));
        // An entry that goes on behind the border is no damage.
        let cut = reports_of_long(100, false, 8);
        assert_eq!((cut.len(), cut[63]), (64, beyond(101 * 32 + 8 - 2048)));
    }

    #[test]
    fn a_list_that_cannot_be_read_is_damage() {
        let runs = runs(&[(1, Some(300))]);
        let record = Forge::new(1024).runs(AttributeType::ATTRIBUTE_LIST, "", (0, 0), [512, 32, 32], &runs);
        let mut forged = Forged::new(vec![(30, record)]);
        forged.write(300, &list(&[(30, 1)]));
        let codes = |forged: &Forged| {
            let volume = forged.volume();
            let catalog = volume.catalog_with(&Threads::single());
            let entry = catalog.entry(30).unwrap();
            let codes: Vec<_> = entry.damage().into_iter().map(|damage| damage.kind.code()).collect();
            (codes, entry.attribute_list().len())
        };
        assert_eq!(codes(&forged), (vec![], 32));
        forged.spoil(300 * CLUSTER..301 * CLUSTER);
        assert_eq!(codes(&forged), (vec!["unreadable"], 0));
    }

    #[test]
    fn an_entry_is_read_once_for_each_of_its_parts() {
        let record = with_runs(&[(1, Some(300))], 512, 512).resident(AttributeType::DATA, "more", &[7]);
        let extension = Forge::new(1024).base(30, 1).resident(AttributeType::OBJECT_ID, "", &[0; 16]);
        let forged = Forged::new(vec![(30, record), (31, extension)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let types: Vec<_> = entry.attributes().map(|attribute| attribute.attribute_type()).collect();
        let expected = [
            AttributeType::FILE_NAME,
            AttributeType::DATA,
            AttributeType::DATA,
            AttributeType::ATTRIBUTE_LIST,
            AttributeType::OBJECT_ID,
        ];
        assert_eq!(types, expected);
        assert_eq!(entry.attributes_of(AttributeType::OBJECT_ID).count(), 1);
        assert_eq!((entry.sequence_number(), entry.reference()), (1, FileReference::new(30, 1)));
        assert_eq!((entry.record().number(), entry.provenance(), entry.is_directory()), (30, Provenance::Table, false));
        assert!(std::ptr::eq(entry.catalog(), &raw const catalog));
    }
}
