//! The pass over a volume that makes rows of its files.

use std::fmt;
use std::ops::{ControlFlow, Range, RangeInclusive};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use ntfs_salvage::catalog::Batch;
use ntfs_salvage::recoverability::{Assessment, RecoverabilityOptions};
use ntfs_salvage::{Catalog, Entry, EntryState, Threads};
use ntfs_salvage_tools::files::listed_file::{ListedFile, times_of};

use crate::columns::micros;
use crate::entry_rows::EntryRows;
use crate::range_rows::RangeRows;
pub use crate::range_rows::Ranges;
use crate::schema::{Column, ENTRY_COLUMNS, arrow};

/// What is wanted of a volume. What is not is not computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    columns: Vec<bool>,
    ranges: Ranges,
    are_entries: bool,
    records: Range<u64>,
    states: Vec<EntryState>,
    directories: Option<bool>,
    times: [Option<RangeInclusive<i64>>; 4],
}

impl Default for Wanted {
    fn default() -> Self {
        let states = vec![EntryState::Live, EntryState::Deleted, EntryState::Orphan, EntryState::Ghost];
        let columns = vec![true; ENTRY_COLUMNS.len()];
        let times = [const { None }; 4];
        Self { columns, ranges: Ranges::No, are_entries: true, records: 0..u64::MAX, states, directories: None, times }
    }
}

impl Wanted {
    /// Only these of the [`ENTRY_COLUMNS`], by their places; they come in the order of the schema.
    #[must_use]
    pub fn columns(self, places: &[usize]) -> Self {
        let columns = (0..ENTRY_COLUMNS.len()).map(|place| places.contains(&place)).collect();
        Self { columns, ..self }
    }

    /// The rows of ranges, too.
    #[must_use]
    pub fn ranges(self, ranges: Ranges) -> Self {
        Self { ranges, ..self }
    }

    /// The rows of ranges, and none of entries.
    #[must_use]
    pub fn ranges_only(self, ranges: Ranges) -> Self {
        Self { ranges, are_entries: false, columns: vec![false; ENTRY_COLUMNS.len()], ..self }
    }

    /// Only files with these record numbers. Other parts of the table are read for the catalog only.
    #[must_use]
    pub fn records(self, records: Range<u64>) -> Self {
        Self { records, ..self }
    }

    /// Only files whose `created`, `modified`, `record_changed` or `accessed` (by the place, from 0) of
    /// `$STANDARD_INFORMATION` are in this range, in microseconds since 1970.
    #[must_use]
    pub fn times(mut self, place: usize, micros: RangeInclusive<i64>) -> Self {
        if let Some(time) = self.times.get_mut(place) {
            *time = Some(micros);
        }
        self
    }

    /// Only files in these states.
    #[must_use]
    pub fn states(self, states: Vec<EntryState>) -> Self {
        Self { states, ..self }
    }

    /// Only directories, or only what is none.
    #[must_use]
    pub fn directories(self, directories: Option<bool>) -> Self {
        Self { directories, ..self }
    }

    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        let wanted = ENTRY_COLUMNS.iter().zip(&self.columns).filter(|(_, is_wanted)| **is_wanted);
        arrow(&wanted.map(|(column, _)| *column).collect::<Vec<Column>>())
    }

    /// Whether anything that is wanted has to know who claims which cluster: a pass over the table by itself.
    #[must_use]
    pub fn needs_verdicts(&self) -> bool {
        let verdicts = ["verdict", "reasons", "streams"];
        let is_wanted = |(column, is_wanted): (&Column, &bool)| *is_wanted && verdicts.contains(&column.name);
        self.ranges != Ranges::No || ENTRY_COLUMNS.iter().zip(&self.columns).any(is_wanted)
    }

    fn includes(&self, entry: &Entry<'_>) -> bool {
        self.records.contains(&entry.record_number())
            && self.states.contains(&entry.state())
            && self.directories.is_none_or(|directories| directories == entry.is_directory())
            && (self.times.iter().all(Option::is_none) || self.includes_times(entry))
    }

    fn includes_times(&self, entry: &Entry<'_>) -> bool {
        let Some(information) = entry.standard_information() else { return false };
        let mut times = self.times.iter().zip(times_of(&information));
        times.all(|(wanted, time)| {
            wanted.as_ref().is_none_or(|wanted| micros(time).is_some_and(|time| wanted.contains(&time)))
        })
    }
}

/// Rows of some files, in order.
#[derive(Debug, Default)]
pub struct Rows {
    /// Of the table of entries.
    pub entries: Vec<RecordBatch>,
    /// Of the table of ranges.
    pub ranges: Vec<RecordBatch>,
}

/// Why rows could not be made or taken.
#[derive(Debug)]
pub enum ScanError<E> {
    /// A batch is not as its schema has it: a defect.
    Arrow(ArrowError),
    /// Whoever took the rows could not go on.
    Consumer(E),
}

impl<E: fmt::Display> fmt::Display for ScanError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrow(error) => write!(f, "rows cannot be put together: {error}"),
            Self::Consumer(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ScanError<E> {}

/// Gives the rows of a volume's files to `consume`, in the order of the table, from a pass on several threads. `tag` is
/// what the column `volume` has. The rows are the same at any number of threads.
///
/// # Errors
/// When `consume` fails.
pub fn rows<E>(
    catalog: &Catalog<'_>,
    tag: &str,
    wanted: &Wanted,
    threads: &Threads,
    mut consume: impl FnMut(Rows) -> Result<(), E>,
) -> Result<(), ScanError<E>> {
    // Without clusters there is nothing to ask.
    let is_assessed = wanted.needs_verdicts() && catalog.volume().geometry().is_some();
    let assessment = is_assessed.then(|| catalog.assessment(threads, RecoverabilityOptions::default()));
    let schema = wanted.schema();
    let state = || Pen {
        entries: EntryRows::new(tag, catalog.paths(), &wanted.columns, schema.clone()),
        ranges: RangeRows::new(tag, wanted.ranges),
    };
    let work = |pen: &mut Pen<'_>, batch: Batch<'_>| pen.rows(batch, assessment.as_ref(), wanted);
    let take = |rows: Result<Rows, ArrowError>| {
        let taken = rows.map_err(ScanError::Arrow).and_then(|rows| consume(rows).map_err(ScanError::Consumer));
        match taken {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    };
    match catalog.scan_records(wanted.records.clone(), threads, state, work, take) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// What a thread keeps from batch to batch.
struct Pen<'c> {
    entries: EntryRows<'c>,
    ranges: RangeRows,
}

impl Pen<'_> {
    fn rows(
        &mut self,
        batch: Batch<'_>,
        assessment: Option<&Assessment<'_>>,
        wanted: &Wanted,
    ) -> Result<Rows, ArrowError> {
        let mut rows = Rows::default();
        for entry in batch.into_entries().filter(|entry| wanted.includes(entry)) {
            let file = ListedFile::of(&entry, assessment);
            if wanted.are_entries {
                self.entries.push(&file);
            }
            self.ranges.push(&file);
            if self.entries.is_full() {
                rows.entries.push(self.entries.finish()?);
            }
            if self.ranges.is_full() {
                rows.ranges.push(self.ranges.finish()?);
            }
        }
        if self.entries.rows() > 0 {
            rows.entries.push(self.entries.finish()?);
        }
        if self.ranges.rows() > 0 {
            rows.ranges.push(self.ranges.finish()?);
        }
        Ok(rows)
    }
}
