//! A question: what is asked of which inputs, and how the answer is written.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::arrow::util::pretty::pretty_format_batches_with_schema;
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::StreamExt;
use parquet::arrow::ArrowWriter;

use super::images::{Images, Problems};
use super::table::{NtfsTable, TableKind};
use crate::schema::{self, ENTRIES, ENTRY_COLUMNS, ERROR_COLUMNS, ERRORS, RANGE_COLUMNS, RANGES};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// For people, all at once.
    Table,
    /// Comma-separated values with a head.
    Csv,
    /// One JSON object a row, one a line.
    Jsonl,
    /// A Parquet file.
    Parquet,
}

/// What is asked of which inputs.
#[derive(Debug, Clone)]
pub struct Question {
    /// The question.
    pub sql: String,
    /// Images, and folders of datasets.
    pub inputs: Vec<PathBuf>,
    /// Arguments of `mft_dump` for the images.
    pub options: Vec<String>,
    /// How many threads work at once; 0 for one a processor.
    pub threads: usize,
}

impl Question {
    /// Asks it, and writes the answer. What of the images could not be read is given back: the answer knows nothing of it.
    ///
    /// # Errors
    /// When the question cannot be answered, or the answer cannot be written.
    pub fn ask(&self, output: Output, out: &mut (impl Write + Send)) -> Result<Vec<String>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(self.thread_count()).build()?;
        let problems = Problems::default();
        runtime.block_on(async {
            let context = self.context(&problems).await?;
            // Questions only: nothing is written, here or anywhere.
            let only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
            let answer = context.sql_with_options(&self.sql, only).await?;
            write(answer, output, out).await?;
            Ok(problems.list())
        })
    }

    fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// A session with the tables of all inputs.
    async fn context(&self, problems: &Problems) -> Result<SessionContext> {
        let threads = self.thread_count();
        let config = SessionConfig::new().with_target_partitions(threads);
        let context = SessionContext::new_with_config(config);
        let (datasets, inputs): (Vec<PathBuf>, Vec<PathBuf>) =
            self.inputs.iter().cloned().partition(|path| path.is_dir());
        datasets.iter().try_for_each(|dataset| check_version(dataset))?;
        let at_once = threads.min(inputs.len()).max(1);
        let (options, problems) = (self.options.clone(), problems.clone());
        let threads = threads.checked_div(at_once).unwrap_or(1).max(1);
        let images = Arc::new(Images { inputs, options, threads, problems });
        for (name, kind, columns) in [
            (ENTRIES, TableKind::Entries, ENTRY_COLUMNS),
            (RANGES, TableKind::Ranges, RANGE_COLUMNS),
            (ERRORS, TableKind::Errors, ERROR_COLUMNS),
        ] {
            let mut tables: Vec<Arc<dyn TableProvider>> = vec![Arc::new(NtfsTable::new(images.clone(), kind))];
            let folders: Vec<PathBuf> = datasets.iter().map(|dataset| dataset.join(name)).collect();
            if kind == TableKind::Ranges && !folders.iter().all(|folder| folder.is_dir()) {
                // Exported without: an answer would say that there are none.
                continue;
            }
            for folder in folders.iter().filter(|folder| folder.is_dir()) {
                tables.push(Arc::new(files(folder, columns)?));
            }
            if images.inputs.is_empty() && tables.len() > 1 {
                tables.remove(0);
            }
            context.register_table(name, union(&context, tables)?)?;
        }
        Ok(context)
    }
}

/// Writes an answer as its rows come; a table for people when all are there.
async fn write(answer: DataFrame, output: Output, out: &mut (impl Write + Send)) -> Result<()> {
    let schema = answer.schema().inner().clone();
    let nested = schema.fields().iter().find(|field| is_nested(field.data_type()));
    if let (Output::Csv, Some(nested)) = (output, nested) {
        let name = nested.name();
        let message = format!("{name} is a list, which CSV cannot hold: choose jsonl, or array_to_string");
        return Err(DataFusionError::Plan(message));
    }
    let mut stream = answer.execute_stream().await?;
    match output {
        Output::Table => {
            let mut batches = Vec::new();
            while let Some(batch) = stream.next().await {
                batches.push(batch?);
            }
            writeln!(out, "{}", pretty_format_batches_with_schema(schema, &batches)?)?;
        }
        Output::Csv => {
            let mut writer = WriterBuilder::new().with_header(true).build(out);
            // The head comes with a batch, also where there are no rows.
            writer.write(&RecordBatch::new_empty(schema))?;
            while let Some(batch) = stream.next().await {
                writer.write(&batch?)?;
            }
        }
        Output::Jsonl => {
            let mut writer = LineDelimitedWriter::new(out);
            while let Some(batch) = stream.next().await {
                writer.write(&batch?)?;
            }
            writer.finish()?;
        }
        Output::Parquet => {
            let mut writer = ArrowWriter::try_new(out, schema, None)?;
            while let Some(batch) = stream.next().await {
                writer.write(&batch?)?;
            }
            writer.close()?;
        }
    }
    Ok(())
}

fn is_nested(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(_) | DataType::Struct(_))
}

/// One table of several.
fn union(context: &SessionContext, tables: Vec<Arc<dyn TableProvider>>) -> Result<Arc<dyn TableProvider>> {
    let mut tables = tables.into_iter();
    let first = tables.next().ok_or_else(|| DataFusionError::Plan("no inputs".into()))?;
    if tables.len() == 0 {
        return Ok(first);
    }
    let all = tables.try_fold(context.read_table(first)?, |all, table| all.union(context.read_table(table)?))?;
    Ok(all.into_view())
}

/// A table of a dataset, from its folder.
fn files(folder: &Path, columns: &[schema::Column]) -> Result<ListingTable> {
    let folder = fs::canonicalize(folder)?;
    let mut url = folder.display().to_string();
    url.push('/');
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_file_extension(".parquet")
        .with_table_partition_cols(vec![("image".into(), DataType::Utf8)]);
    let config = ListingTableConfig::new(ListingTableUrl::parse(url)?)
        .with_listing_options(options)
        .with_schema(schema::arrow(columns));
    ListingTable::try_new(config)
}

/// Refuses a dataset of another version of the schema.
fn check_version(dataset: &Path) -> Result<()> {
    let Ok(folder) = fs::read_dir(dataset.join("manifest")) else {
        let message = format!("{} is no dataset: it has no folder manifest", dataset.display());
        return Err(DataFusionError::Plan(message));
    };
    for line in folder.filter_map(std::result::Result::ok) {
        let path = line.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let line: serde_json::Value = serde_json::from_slice(&fs::read(&path)?).unwrap_or_default();
        let version = line.get("schema_version").and_then(serde_json::Value::as_u64);
        if version != Some(u64::from(schema::VERSION)) {
            let found =
                version.map_or_else(|| "no schema version".into(), |version| format!("schema version {version}"));
            let message = format!("{} has {found}, and this program reads version {}", path.display(), schema::VERSION);
            return Err(DataFusionError::Plan(format!("{message}: export the image again")));
        }
    }
    Ok(())
}
