//! The tables: their columns, types and meanings, under one version.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// The version of all schemas here. It changes where a column goes, or means something else than before; new columns at
/// the end do not change it.
pub const VERSION: u32 = 1;

/// The table of files: one row a link with the main stream, and one a named stream.
pub const ENTRIES: &str = "entries";
/// The table of what is known about the bytes of streams.
pub const RANGES: &str = "ranges";
/// The table of inputs that could not be read, or not whole.
pub const ERRORS: &str = "errors";

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// One of few texts: a dictionary in Arrow.
    Word,
    /// True or false.
    Flag,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits: what has so many on disk.
    U64,
    /// Signed, 64 bits: numbers of records, which have 48 bits on disk.
    I64,
    /// A time in microseconds since 1970, UTC.
    Time,
    /// A list of texts.
    Words,
    /// UTF-16 code units.
    Units,
    /// A list of data runs: `vcn`, `lcn` (null for a hole), `clusters`.
    Runs,
    /// A list of links: `path`, `name`, `parent`, `parent_sequence`, `namespace`.
    Links,
    /// A list of streams: `name`, `size`, `allocated`, `resident`, `verdict`.
    Streams,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a row may be without it.
    pub is_nullable: bool,
    /// What it means, in one line.
    pub meaning: &'static str,
}

const fn always(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, is_nullable: false, meaning }
}

const fn perhaps(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, is_nullable: true, meaning }
}

/// The columns of [`ENTRIES`], in order.
pub const ENTRY_COLUMNS: &[Column] = &[
    always("volume", Kind::Word, "tag of the volume in its input: the number of its partition, or at-BYTE"),
    perhaps("record", Kind::I64, "number of the file's base record; null for a ghost of which only the name is known"),
    perhaps("sequence", Kind::U16, "sequence number of the base record, as it is on disk"),
    always("is_first", Kind::Flag, "true in the first row of a file: count these to count files"),
    always("state", Kind::Word, "live, deleted, orphan or ghost"),
    always("in_use", Kind::Flag, "whether the base record's header says that it is in use"),
    always("directory", Kind::Flag, "whether the base record's header says that it is a directory"),
    always(
        "provenance",
        Kind::Word,
        "table, carved, or what names a ghost: index, lost-index, index-slack, record-slack, child",
    ),
    perhaps(
        "path",
        Kind::Text,
        "path of the link; starts with <reason record-sequence> where it does not reach the root",
    ),
    perhaps("name", Kind::Text, "name of the link; U+FFFD stands for an unpaired surrogate"),
    perhaps("name_utf16", Kind::Units, "code units of the name, where it is not valid Unicode"),
    perhaps("parent", Kind::I64, "record number of the directory that the link stands in"),
    perhaps("parent_sequence", Kind::U16, "sequence number of that directory"),
    perhaps("namespace", Kind::Word, "posix, win32, dos, win32+dos or other-N"),
    perhaps("dos_name", Kind::Text, "short name beside the name"),
    perhaps("dos_name_utf16", Kind::Units, "its code units, where it is not valid Unicode"),
    perhaps("stream", Kind::Text, "name of the row's stream, empty for the main one; null where the file has none"),
    perhaps("stream_utf16", Kind::Units, "code units of the stream's name, where it is not valid Unicode"),
    perhaps("size", Kind::U64, "bytes of the stream"),
    perhaps("allocated", Kind::U64, "bytes that it occupies"),
    perhaps("initialized", Kind::U64, "bytes that were ever written; what follows reads as zeros"),
    perhaps("resident", Kind::Flag, "whether the content stands in the record"),
    perhaps("compressed", Kind::Flag, "whether NTFS has compressed it"),
    perhaps("sparse", Kind::Flag, "whether it may have holes"),
    perhaps("encrypted", Kind::Flag, "whether NTFS has encrypted it"),
    perhaps("created", Kind::Time, "$STANDARD_INFORMATION; null where the FILETIME is above 2^63"),
    perhaps("modified", Kind::Time, "the same: content changed"),
    perhaps("record_changed", Kind::Time, "the same: record changed"),
    perhaps("accessed", Kind::Time, "the same: last access"),
    perhaps("created_filetime", Kind::U64, "the number on disk: 100 ns since 1601"),
    perhaps("modified_filetime", Kind::U64, "the same"),
    perhaps("record_changed_filetime", Kind::U64, "the same"),
    perhaps("accessed_filetime", Kind::U64, "the same"),
    perhaps("name_created", Kind::Time, "$FILE_NAME of the link"),
    perhaps("name_modified", Kind::Time, "the same: content changed"),
    perhaps("name_record_changed", Kind::Time, "the same: record changed"),
    perhaps("name_accessed", Kind::Time, "the same: last access"),
    perhaps("name_created_filetime", Kind::U64, "the number on disk"),
    perhaps("name_modified_filetime", Kind::U64, "the same"),
    perhaps("name_record_changed_filetime", Kind::U64, "the same"),
    perhaps("name_accessed_filetime", Kind::U64, "the same"),
    perhaps("attributes", Kind::Word, "HIDDEN|SYSTEM, bits without a name together as a number"),
    perhaps("attribute_bits", Kind::U32, "the same as it is on disk"),
    perhaps("security_id", Kind::U32, "key of the security descriptor in $Secure"),
    perhaps("usn", Kind::U64, "update sequence number of the last entry in the change journal"),
    always("lsn", Kind::U64, "sequence number of the last change in $LogFile"),
    perhaps("reparse_tag", Kind::U32, "tag of the reparse point"),
    perhaps("reparse_target", Kind::Text, "where it leads"),
    always("damage", Kind::Words, "codes of all that is wrong with the file, each once"),
    perhaps(
        "verdict",
        Kind::Word,
        "intact, likely, partial, overwritten, metadata-only or placeholder; null for a bare $MFT",
    ),
    perhaps("reasons", Kind::Words, "why; empty for content that is proved"),
    perhaps("runs", Kind::Runs, "data runs of a stream that has clusters, in the first of its rows"),
    perhaps("links", Kind::Links, "all links, in the first row of a file that has several"),
    perhaps("streams", Kind::Streams, "all streams, in the first row of a file that has several"),
];

/// The columns of [`RANGES`], in order.
pub const RANGE_COLUMNS: &[Column] = &[
    always("volume", Kind::Word, "tag of the volume in its input"),
    perhaps("record", Kind::I64, "number of the file's base record; null for a ghost of which only the name is known"),
    perhaps("sequence", Kind::U16, "sequence number of the base record"),
    always("stream", Kind::Text, "name of the stream, empty for the main one"),
    always("stream_index", Kind::U32, "place of the stream among those of the file, from 0"),
    always("verdict", Kind::Word, "what is left of the stream, in one word"),
    always("start", Kind::U64, "first byte of the range in the stream"),
    always("bytes", Kind::U64, "bytes of the range"),
    always("standing", Kind::Word, "what is known about them: intact, free, claimed, unmapped, …"),
    always(
        "origin",
        Kind::Word,
        "where they come from: record, clusters, hole, uninitialized, compressed, overlay or missing",
    ),
    perhaps("position", Kind::U64, "byte of the volume where they lie"),
    perhaps("claimed_by", Kind::I64, "record of the file that claims the clusters, too"),
    perhaps("claimed_by_sequence", Kind::U16, "its sequence number"),
];

/// The columns of [`ERRORS`], in order.
pub const ERROR_COLUMNS: &[Column] = &[
    always("input", Kind::Text, "the input as it was called"),
    perhaps("volume", Kind::Word, "tag of the volume, where it is about one"),
    always("message", Kind::Text, "what could not be done, and why"),
];

/// The columns of a table; `None` where there is no such table.
#[must_use]
pub fn columns(table: &str) -> Option<&'static [Column]> {
    match table {
        ENTRIES => Some(ENTRY_COLUMNS),
        RANGES => Some(RANGE_COLUMNS),
        ERRORS => Some(ERROR_COLUMNS),
        _ => None,
    }
}

/// The columns as Arrow has them.
#[must_use]
pub fn arrow(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(
        columns
            .iter()
            .map(|column| Field::new(column.name, column.kind.data_type(), column.is_nullable))
            .collect::<Vec<_>>(),
    ))
}

impl Kind {
    /// The type in Arrow.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Word => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Self::Flag => DataType::Boolean,
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::U64 => DataType::UInt64,
            Self::I64 => DataType::Int64,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Words => list(DataType::Utf8),
            Self::Units => list(DataType::UInt16),
            Self::Runs => list(DataType::Struct(run_fields())),
            Self::Links => list(DataType::Struct(link_fields())),
            Self::Streams => list(DataType::Struct(stream_fields())),
        }
    }
}

fn list(item: DataType) -> DataType {
    DataType::List(item_field(item))
}

/// The field of a list's items.
pub(crate) fn item_field(item: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", item, false))
}

pub(crate) fn run_fields() -> Fields {
    Fields::from(vec![
        Field::new("vcn", DataType::UInt64, false),
        Field::new("lcn", DataType::UInt64, true),
        Field::new("clusters", DataType::UInt64, false),
    ])
}

pub(crate) fn link_fields() -> Fields {
    Fields::from(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("name", DataType::Utf8, false),
        Field::new("parent", DataType::Int64, false),
        Field::new("parent_sequence", DataType::UInt16, false),
        Field::new("namespace", DataType::Utf8, false),
    ])
}

pub(crate) fn stream_fields() -> Fields {
    Fields::from(vec![
        Field::new("name", DataType::Utf8, false),
        Field::new("size", DataType::UInt64, true),
        Field::new("allocated", DataType::UInt64, true),
        Field::new("resident", DataType::Boolean, false),
        Field::new("verdict", DataType::Utf8, true),
    ])
}

/// The tables as text, for people: what SCHEMA.md has.
#[must_use]
pub fn described() -> String {
    let mut text = String::new();
    for table in [ENTRIES, RANGES, ERRORS] {
        text.push_str(&format!("## {table}\n\n| column | type | |\n|---|---|---|\n"));
        for column in columns(table).unwrap_or_default() {
            let Column { name, kind, is_nullable, meaning } = column;
            let null = if *is_nullable { " or null" } else { "" };
            text.push_str(&format!("| `{name}` | {}{null} | {meaning} |\n", kind.name()));
        }
        text.push('\n');
    }
    text
}

impl Kind {
    /// A word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Word => "word",
            Self::Flag => "boolean",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::Time => "timestamp, µs UTC",
            Self::Words => "list of words",
            Self::Units => "list of u16",
            Self::Runs => "list of runs",
            Self::Links => "list of links",
            Self::Streams => "list of streams",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_tables_as_they_are() {
        let page = include_str!("../SCHEMA.md");
        let tables = &page[page.find("## entries").unwrap()..];
        assert_eq!(tables.trim_end(), described().trim_end(), "write what `ntfs-tables schema` says");
        assert!(page.contains(&format!("version {VERSION}")));
    }

    #[test]
    fn each_column_has_a_name_of_its_own() {
        for table in [ENTRIES, RANGES, ERRORS] {
            let mut names: Vec<_> = columns(table).unwrap().iter().map(|column| column.name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
        assert!(columns("no such table").is_none());
    }
}
