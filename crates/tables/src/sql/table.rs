//! A table of DataFusion that reads images when it is asked.

use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use super::images::{Enough, Images};
use super::pushdown::Narrowed;
use crate::scan::{Ranges, Wanted};
use crate::schema::{ENTRY_COLUMNS, ERROR_COLUMNS, RANGE_COLUMNS, arrow};

/// Which of the tables it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// [`ENTRIES`](crate::schema::ENTRIES).
    Entries,
    /// [`RANGES`](crate::schema::RANGES), of streams that are not intact, as datasets have them.
    Ranges,
    /// [`ERRORS`](crate::schema::ERRORS): images that cannot be read, or not whole.
    Errors,
}

/// The files of images as a table: the columns of the schema, and `image` behind them.
///
/// Columns that a question does not need are not computed, and files that its filters leave out are not taken apart: by
/// `record` (other parts of the table are not read again), `state`, `directory`, the times of `$STANDARD_INFORMATION`, and
/// `image`. Rows stream: a batch is made when the last ones were taken, and a question that has enough ends the pass.
#[derive(Debug, Clone)]
pub struct NtfsTable {
    images: Arc<Images>,
    kind: TableKind,
    schema: SchemaRef,
}

impl NtfsTable {
    /// The table of these images.
    #[must_use]
    pub fn new(images: Arc<Images>, kind: TableKind) -> Self {
        let columns = match kind {
            TableKind::Entries => ENTRY_COLUMNS,
            TableKind::Ranges => RANGE_COLUMNS,
            TableKind::Errors => ERROR_COLUMNS,
        };
        Self { images, kind, schema: with_image(&arrow(columns)) }
    }
}

/// The columns of a table, and behind them the image's name, which files have from their folders.
pub(crate) fn with_image(schema: &Schema) -> SchemaRef {
    let image = Arc::new(Field::new("image", DataType::Utf8, false));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain([image]).collect::<Vec<_>>()))
}

#[async_trait]
impl TableProvider for NtfsTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let of = |filter: &&Expr| match Narrowed::understands(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(of).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.unwrap_or(&all);
        let schema = Arc::new(self.schema.project(projection)?);
        let narrowed = Narrowed::by(filters);
        let wanted = match self.kind {
            TableKind::Entries => Wanted::default().columns(projection),
            TableKind::Ranges => Wanted::default().ranges_only(Ranges::InQuestion),
            TableKind::Errors => Wanted::default(),
        };
        let wanted = narrowed.of(wanted);
        let meant = |place: &usize| self.images.id(*place).is_some_and(|id| narrowed.has_image(&id));
        let places: Vec<usize> = (0..self.images.inputs.len()).filter(meant).collect();
        // So many images at once as there are partitions, and no more: each has its catalog in memory.
        let count = state.config().target_partitions().clamp(1, places.len().max(1));
        let partition = |first: usize| {
            let places = places.iter().skip(first).step_by(count).copied().collect();
            let (images, wanted, schema) = (self.images.clone(), wanted.clone(), schema.clone());
            let columns = self.columns_of(projection);
            Arc::new(SomeImages { images, kind: self.kind, places, wanted, columns, schema })
                as Arc<dyn PartitionStream>
        };
        let partitions = (0..count).map(partition).collect();
        Ok(Arc::new(StreamingTableExec::try_new(schema, partitions, None, [], false, limit)?))
    }
}

impl NtfsTable {
    /// Where each projected column stands in a batch; `None` for `image`.
    fn columns_of(&self, projection: &[usize]) -> Vec<Option<usize>> {
        let image = self.schema.fields().len().saturating_sub(1);
        let place = |column: &usize| match self.kind {
            _ if *column == image => None,
            // Entries have what is projected, in the order of the schema; the others have all.
            TableKind::Entries => Some(projection.iter().filter(|other| *other < column).count()),
            TableKind::Ranges | TableKind::Errors => Some(*column),
        };
        projection.iter().map(place).collect()
    }
}

/// Images that are read one after the other.
struct SomeImages {
    images: Arc<Images>,
    kind: TableKind,
    places: Vec<usize>,
    wanted: Wanted,
    columns: Vec<Option<usize>>,
    schema: SchemaRef,
}

impl fmt::Debug for SomeImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SomeImages").field("places", &self.places).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl PartitionStream for SomeImages {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), 4);
        let sender = builder.tx();
        let (images, places, wanted) = (self.images.clone(), self.places.clone(), self.wanted.clone());
        let (kind, columns, schema) = (self.kind, self.columns.clone(), self.schema.clone());
        builder.spawn_blocking(move || {
            for place in places {
                let id = images.id(place).unwrap_or_default();
                let take = |batch: RecordBatch| {
                    let batch = projected(&batch, &columns, &id, &schema);
                    sender.blocking_send(batch).map_err(|_| Enough)
                };
                let read = match kind {
                    TableKind::Errors => images.read_errors(place, take),
                    TableKind::Entries | TableKind::Ranges => images.read(place, &wanted, take),
                };
                if read.is_err() {
                    return Ok(());
                }
            }
            Ok(())
        });
        builder.build()
    }
}

/// The batch with the columns that are projected.
fn projected(batch: &RecordBatch, columns: &[Option<usize>], id: &str, schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let column = |place: &Option<usize>| match place {
        Some(place) => batch.columns().get(*place).cloned(),
        None => Some(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(id, rows))) as ArrayRef),
    };
    let columns: Option<Vec<ArrayRef>> = columns.iter().map(column).collect();
    let columns = columns.ok_or_else(|| DataFusionError::Internal("a column is missing".into()))?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}
