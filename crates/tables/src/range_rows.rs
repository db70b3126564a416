//! The rows of the table of ranges.

use arrow_array::types::{Int64Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};
use ntfs_salvage::content::{Missing, Origin};
use ntfs_salvage::recoverability::{ByteStatus, Recoverability, Verdict};
use ntfs_salvage::{FileReference, Stream};
use ntfs_salvage_tools::files::listed_file::ListedFile;

use crate::columns::{Names, Numbers, Words};
use crate::entry_rows::{known, signed};
use crate::schema::{RANGE_COLUMNS, arrow};

/// Which streams have rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ranges {
    /// None.
    No,
    /// Those of which something is in question: all whose verdict is not `intact`.
    #[default]
    InQuestion,
    /// All.
    All,
}

/// Rows being put together, on one thread.
pub(crate) struct RangeRows {
    which: Ranges,
    schema: SchemaRef,
    tag: String,
    rows: usize,
    volume: Words,
    record: Numbers<Int64Type>,
    sequence: Numbers<UInt16Type>,
    stream: Names,
    stream_index: Numbers<UInt32Type>,
    verdict: Words,
    offset: Numbers<UInt64Type>,
    length: Numbers<UInt64Type>,
    standing: Words,
    origin: Words,
    position: Numbers<UInt64Type>,
    claimed_by: Numbers<Int64Type>,
    claimed_by_sequence: Numbers<UInt16Type>,
}

impl RangeRows {
    pub(crate) fn new(tag: &str, which: Ranges) -> Self {
        Self {
            which,
            schema: arrow(RANGE_COLUMNS),
            tag: tag.to_owned(),
            rows: 0,
            volume: Words::new(true),
            record: Numbers::new(true),
            sequence: Numbers::new(true),
            stream: Names::new(true, false),
            stream_index: Numbers::new(true),
            verdict: Words::new(true),
            offset: Numbers::new(true),
            length: Numbers::new(true),
            standing: Words::new(true),
            origin: Words::new(true),
            position: Numbers::new(true),
            claimed_by: Numbers::new(true),
            claimed_by_sequence: Numbers::new(true),
        }
    }

    /// Appends the rows of a file.
    pub(crate) fn push(&mut self, file: &ListedFile<'_>) {
        if self.which == Ranges::No {
            return;
        }
        for (index, (stream, found)) in (0_u32..).zip(file.assessed_streams()) {
            let wanted = found.filter(|found| self.which == Ranges::All || found.verdict() != Verdict::Intact);
            if let Some(found) = wanted {
                self.push_stream(file, index, stream, found);
            }
        }
    }

    fn push_stream(&mut self, file: &ListedFile<'_>, index: u32, stream: &Stream<'_>, found: &Recoverability) {
        let reference = known(file.entry.reference());
        for assessed in found.ranges() {
            let (origin, position) = place(assessed.range.origin);
            let claimed_by = claimant(assessed.standing);
            self.rows = self.rows.saturating_add(1);
            self.volume.push(Some(&self.tag));
            self.record.push(reference.map(|reference| signed(reference.record_number())));
            self.sequence.push(reference.map(FileReference::sequence_number));
            self.stream.push(Some(stream.name()));
            self.stream_index.push(index);
            self.verdict.push(Some(found.verdict().code()));
            self.offset.push(assessed.range.offset);
            self.length.push(assessed.range.length);
            self.standing.push(Some(assessed.standing.code()));
            self.origin.push(Some(origin));
            self.position.push(position);
            self.claimed_by.push(claimed_by.map(|by| signed(by.record_number())));
            self.claimed_by_sequence.push(claimed_by.map(FileReference::sequence_number));
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows >= 1 << 14
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The rows as a batch; the next start anew.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let columns: Vec<ArrayRef> = vec![
            self.volume.finish(),
            self.record.finish(),
            self.sequence.finish(),
            self.stream.texts.finish(),
            self.stream_index.finish(),
            self.verdict.finish(),
            self.offset.finish(),
            self.length.finish(),
            self.standing.finish(),
            self.origin.finish(),
            self.position.finish(),
            self.claimed_by.finish(),
            self.claimed_by_sequence.finish(),
        ];
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

/// What an origin is called, and the byte of the volume that it means.
fn place(origin: Origin) -> (&'static str, Option<u64>) {
    match origin {
        Origin::Record(position) => ("record", Some(position)),
        Origin::Clusters(position) => ("clusters", Some(position)),
        Origin::Hole => ("hole", None),
        Origin::Uninitialized(position) => ("uninitialized", position),
        Origin::Compressed { .. } => ("compressed", None),
        Origin::Overlay => ("overlay", None),
        Origin::Missing(Missing::Outside(position)) => ("missing", Some(position)),
        Origin::Missing(_) => ("missing", None),
        _ => ("other", None),
    }
}

/// The other file that claims the clusters.
fn claimant(standing: ByteStatus) -> Option<FileReference> {
    match standing {
        ByteStatus::Contested { by, .. } | ByteStatus::Claimed(by) => Some(by),
        _ => None,
    }
}
