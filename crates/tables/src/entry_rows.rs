//! The rows of the table of entries, file by file.

use arrow_array::types::{Int64Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};
use ntfs_salvage::catalog::{Link, Paths};
use ntfs_salvage::recoverability::Recoverability;
use ntfs_salvage::structure::AttributeFlags;
use ntfs_salvage::structure::value::{FileAttributes, StandardInformation};
use ntfs_salvage::{FileReference, Stream};
use ntfs_salvage_tools::files::listed_file::{ListedFile, Row, times_of, times_of_link};
use ntfs_salvage_tools::files::namespace::namespace_name;

use crate::columns::{Flags, FourTimes, Names, Numbers, Texts, Words};
use crate::lists::{LinkItem, LinkLists, RunLists, StreamLists, WordLists};
use crate::schema::ENTRY_COLUMNS;

/// Rows being put together, on one thread.
pub(crate) struct EntryRows<'c> {
    schema: SchemaRef,
    wanted: Vec<bool>,
    tag: String,
    paths: Paths<'c>,
    path: Vec<u8>,
    rows: usize,
    volume: Words,
    record: Numbers<Int64Type>,
    sequence: Numbers<UInt16Type>,
    first: Flags,
    state: Words,
    in_use: Flags,
    directory: Flags,
    provenance: Words,
    path_text: Texts,
    name: Names,
    parent: Numbers<Int64Type>,
    parent_sequence: Numbers<UInt16Type>,
    namespace: Words,
    dos_name: Names,
    stream: Names,
    size: Numbers<UInt64Type>,
    allocated: Numbers<UInt64Type>,
    initialized: Numbers<UInt64Type>,
    resident: Flags,
    compressed: Flags,
    sparse: Flags,
    encrypted: Flags,
    times: FourTimes,
    name_times: FourTimes,
    attributes: Words,
    last_attributes: Option<u32>,
    attribute_bits: Numbers<UInt32Type>,
    security_id: Numbers<UInt32Type>,
    usn: Numbers<UInt64Type>,
    lsn: Numbers<UInt64Type>,
    reparse_tag: Numbers<UInt32Type>,
    reparse_target: Texts,
    damage: WordLists,
    verdict: Words,
    reasons: WordLists,
    runs: RunLists,
    links: LinkLists,
    streams: StreamLists,
}

impl<'c> EntryRows<'c> {
    /// Rows of a volume: `wanted` says of each of the [`ENTRY_COLUMNS`] whether it is, `schema` has those that are.
    pub(crate) fn new(tag: &str, paths: Paths<'c>, wanted: &[bool], schema: SchemaRef) -> Self {
        let is_wanted = |name: &str| {
            let place = ENTRY_COLUMNS.iter().position(|column| column.name == name);
            place.and_then(|place| wanted.get(place)).copied().unwrap_or(false)
        };
        let on = is_wanted;
        Self {
            schema,
            wanted: wanted.to_vec(),
            tag: tag.to_owned(),
            paths,
            path: Vec::new(),
            rows: 0,
            volume: Words::new(on("volume")),
            record: Numbers::new(on("record")),
            sequence: Numbers::new(on("sequence")),
            first: Flags::new(on("is_first")),
            state: Words::new(on("state")),
            in_use: Flags::new(on("in_use")),
            directory: Flags::new(on("directory")),
            provenance: Words::new(on("provenance")),
            path_text: Texts::new(on("path")),
            name: Names::new(on("name"), on("name_utf16")),
            parent: Numbers::new(on("parent")),
            parent_sequence: Numbers::new(on("parent_sequence")),
            namespace: Words::new(on("namespace")),
            dos_name: Names::new(on("dos_name"), on("dos_name_utf16")),
            stream: Names::new(on("stream"), on("stream_utf16")),
            size: Numbers::new(on("size")),
            allocated: Numbers::new(on("allocated")),
            initialized: Numbers::new(on("initialized")),
            resident: Flags::new(on("resident")),
            compressed: Flags::new(on("compressed")),
            sparse: Flags::new(on("sparse")),
            encrypted: Flags::new(on("encrypted")),
            times: FourTimes::new(times_wanted(on, "")),
            name_times: FourTimes::new(times_wanted(on, "name_")),
            attributes: Words::new(on("attributes")),
            last_attributes: None,
            attribute_bits: Numbers::new(on("attribute_bits")),
            security_id: Numbers::new(on("security_id")),
            usn: Numbers::new(on("usn")),
            lsn: Numbers::new(on("lsn")),
            reparse_tag: Numbers::new(on("reparse_tag")),
            reparse_target: Texts::new(on("reparse_target")),
            damage: WordLists::new(on("damage")),
            verdict: Words::new(on("verdict")),
            reasons: WordLists::new(on("reasons")),
            runs: RunLists::new(on("runs")),
            links: LinkLists::new(on("links")),
            streams: StreamLists::new(on("streams")),
        }
    }

    /// Appends the rows of a file.
    pub(crate) fn push(&mut self, file: &ListedFile<'_>) {
        let mut index = 0_usize;
        let links = file.parts.links.len().max(1);
        let has_damage = self.damage.is_wanted() && !file.parts.damage.is_empty();
        let codes = if has_damage { file.damage_codes() } else { Vec::new() };
        file.for_each_row(|row| {
            // The main stream comes once with each link, each named one once.
            let is_first_of_stream = index == 0 || index >= links;
            self.push_row(file, row, index == 0, is_first_of_stream, &codes);
            index = index.saturating_add(1);
        });
    }

    fn push_row(
        &mut self,
        file: &ListedFile<'_>,
        row: Row<'_, '_>,
        is_first: bool,
        is_first_of_stream: bool,
        codes: &[&str],
    ) {
        let Row { link, stream, recoverability, is_full } = row;
        let entry = file.entry;
        self.rows = self.rows.saturating_add(1);
        self.volume.push(Some(&self.tag));
        let reference = known(entry.reference());
        self.record.push(reference.map(|reference| signed(reference.record_number())));
        self.sequence.push(reference.map(FileReference::sequence_number));
        self.first.push(is_first);
        self.state.push(Some(entry.state().name()));
        self.in_use.push(entry.header().is_in_use());
        self.directory.push(entry.is_directory());
        self.provenance.push(Some(entry.provenance().code()));
        self.lsn.push(entry.header().lsn());
        self.push_link(link);
        self.push_stream(stream, recoverability, is_first_of_stream);
        self.push_information(file.parts.information.as_ref());
        let reparse = if is_full { file.reparse() } else { None };
        self.reparse_tag.push(reparse.as_ref().map(|reparse| reparse.tag.0));
        self.reparse_target.push(reparse.as_ref().and_then(|reparse| reparse.target.as_deref()));
        self.damage.push(Some(codes.iter().copied().filter(|_| is_full)));
        self.push_all_links(file, is_first);
        self.push_all_streams(file, is_first);
    }

    #[inline]
    fn push_link(&mut self, link: Option<&Link<'_>>) {
        match link {
            Some(link) if self.path_text.is_wanted() => {
                self.path.clear();
                self.paths.push_utf8(link.parent(), link.name(), &mut self.path);
                self.path_text.push_utf8(&self.path);
            }
            _ => self.path_text.push(None),
        }
        self.name.push(link.map(Link::name));
        let parent = link.map(Link::parent);
        self.parent.push(parent.map(|parent| signed(parent.record_number())));
        self.parent_sequence.push(parent.map(FileReference::sequence_number));
        if self.namespace.is_wanted() {
            let namespace = link.map(|link| link.file_name().namespace());
            match namespace.map(|namespace| namespace_name(namespace).ok_or(namespace)) {
                None => self.namespace.push(None),
                Some(Ok(name)) => self.namespace.push(Some(name)),
                Some(Err(other)) => self.namespace.push(Some(&format!("other-{}", other.0))),
            }
        }
        self.dos_name.push(link.and_then(Link::dos_name));
        self.name_times.push(link.map(times_of_link));
    }

    #[inline]
    fn push_stream(&mut self, stream: Option<&Stream<'_>>, found: Option<&Recoverability>, is_first: bool) {
        self.stream.push(stream.map(Stream::name));
        self.size.push(stream.and_then(Stream::size));
        self.allocated.push(stream.and_then(Stream::allocated_size));
        self.initialized.push(stream.and_then(Stream::initialized_size));
        self.resident.push(stream.map(Stream::is_resident));
        let flags = stream.map(Stream::flags);
        self.compressed.push(flags.map(ntfs_salvage::structure::AttributeFlags::is_compressed));
        self.sparse.push(flags.map(|flags| flags.contains(AttributeFlags::SPARSE)));
        self.encrypted.push(flags.map(|flags| flags.contains(AttributeFlags::ENCRYPTED)));
        self.verdict.push(found.map(|found| found.verdict().code()));
        if self.reasons.is_wanted() {
            let reasons = found.map(ntfs_salvage::recoverability::Recoverability::reasons).map(|reasons| match reasons
                .is_empty()
            {
                true => String::new(),
                false => reasons.to_string(),
            });
            self.reasons.push(reasons.as_ref().map(|reasons| reasons.split(',').filter(|word| !word.is_empty())));
        }
        self.runs.push(stream.filter(|_| is_first));
    }

    #[inline]
    fn push_information(&mut self, information: Option<&StandardInformation<'_>>) {
        self.times.push(information.map(times_of));
        let attributes = information.and_then(StandardInformation::file_attributes);
        let bits = attributes.map(|attributes| attributes.bits());
        self.attribute_bits.push(bits);
        match attributes {
            None => self.attributes.push(None),
            Some(_) if self.last_attributes == bits => self.attributes.push_again(),
            Some(attributes) => {
                self.attributes.push(Some(&attributes_text(attributes)));
                self.last_attributes = bits;
            }
        }
        self.security_id.push(information.and_then(StandardInformation::security_id));
        self.usn.push(information.and_then(StandardInformation::update_sequence_number));
    }

    #[inline]
    fn push_all_links(&mut self, file: &ListedFile<'_>, is_first: bool) {
        let is_there = is_first && file.parts.links.len() > 1 && self.links.is_wanted();
        if is_there {
            file.parts.links.iter().for_each(|link| self.add_link(link));
        }
        self.links.end(is_there);
    }

    fn add_link(&mut self, link: &Link<'_>) {
        self.path.clear();
        self.paths.push_utf8(link.parent(), link.name(), &mut self.path);
        let namespace = link.file_name().namespace();
        let other = format!("other-{}", namespace.0);
        self.links.add(&LinkItem {
            path: &String::from_utf8_lossy(&self.path),
            name: &link.name().to_string(),
            parent: signed(link.parent().record_number()),
            parent_sequence: link.parent().sequence_number(),
            namespace: namespace_name(namespace).unwrap_or(&other),
        });
    }

    #[inline]
    fn push_all_streams(&mut self, file: &ListedFile<'_>, is_first: bool) {
        let is_there = is_first && file.parts.streams.len() > 1 && self.streams.is_wanted();
        if is_there {
            file.assessed_streams().for_each(|(stream, found)| self.streams.add(stream, found));
        }
        self.streams.end(is_there);
    }

    /// True where a batch should end: lists and texts in it have places of 32 bits.
    pub(crate) fn is_full(&self) -> bool {
        const ROWS: usize = 1 << 14;
        const BYTES: usize = 1 << 26;
        let texts =
            self.path_text.size().saturating_add(self.name.texts.size()).saturating_add(self.reparse_target.size());
        self.rows >= ROWS || texts.saturating_add(self.runs.size()).saturating_add(self.links.size()) >= BYTES
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The rows as a batch; the next start anew.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns = self.finish_columns();
        let wanted = columns.into_iter().zip(&self.wanted).filter(|(_, is_wanted)| **is_wanted);
        let columns: Vec<ArrayRef> = wanted.map(|(column, _)| column).collect();
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.last_attributes = None;
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
    }

    /// All columns in the order of the schema; those that nobody wants are empty.
    fn finish_columns(&mut self) -> Vec<ArrayRef> {
        let mut columns = vec![
            self.volume.finish(),
            self.record.finish(),
            self.sequence.finish(),
            self.first.finish(),
            self.state.finish(),
            self.in_use.finish(),
            self.directory.finish(),
            self.provenance.finish(),
            self.path_text.finish(),
            self.name.texts.finish(),
            self.name.units.finish(),
            self.parent.finish(),
            self.parent_sequence.finish(),
            self.namespace.finish(),
            self.dos_name.texts.finish(),
            self.dos_name.units.finish(),
            self.stream.texts.finish(),
            self.stream.units.finish(),
            self.size.finish(),
            self.allocated.finish(),
            self.initialized.finish(),
            self.resident.finish(),
            self.compressed.finish(),
            self.sparse.finish(),
            self.encrypted.finish(),
        ];
        columns.extend(self.times.finish());
        columns.extend(self.name_times.finish());
        columns.extend([
            self.attributes.finish(),
            self.attribute_bits.finish(),
            self.security_id.finish(),
            self.usn.finish(),
            self.lsn.finish(),
            self.reparse_tag.finish(),
            self.reparse_target.finish(),
            self.damage.finish(),
            self.verdict.finish(),
            self.reasons.finish(),
            self.runs.finish(),
            self.links.finish(),
            self.streams.finish(),
        ]);
        columns
    }
}

fn times_wanted(on: impl Fn(&str) -> bool, prefix: &str) -> [[bool; 4]; 2] {
    ["", "_filetime"].map(|suffix| {
        ["created", "modified", "record_changed", "accessed"].map(|time| on(&format!("{prefix}{time}{suffix}")))
    })
}

/// The reference, unless it is not known which record is meant, as of a file that only a name in slack tells of.
pub(crate) fn known(reference: FileReference) -> Option<FileReference> {
    (!reference.is_unknown()).then_some(reference)
}

/// Numbers of records have 48 bits.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// `HIDDEN|SYSTEM`, bits without a name as a number.
fn attributes_text(attributes: FileAttributes) -> String {
    let unknown = attributes & !FileAttributes::all();
    let names = attributes.iter_names().map(|(name, _)| name.to_owned());
    let number = (!unknown.is_empty()).then(|| format!("{:#x}", unknown.bits()));
    names.chain(number).collect::<Vec<_>>().join("|")
}
