//! A Parquet file that appears when it is complete, encoded on several threads.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::SystemTime;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, SchemaRef};
use ntfs_salvage_tools::command::failure::Failure;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use sha2::{Digest, Sha256};

/// Rows of a row group: what engines skip at once.
const GROUP: usize = 1 << 17;
/// Batches that wait for a thread that encodes.
const WAITING: usize = 8;

/// A file being written, under a temporary name beside its own.
pub(crate) struct ParquetFile {
    path: PathBuf,
    temporary: PathBuf,
    writer: Option<SerializedFileWriter<Hashed>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    lanes: Vec<Lane>,
    groups: usize,
    rows_in_group: usize,
    rows: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A thread that encodes some of the columns.
struct Lane {
    fields: Vec<usize>,
    feed: SyncSender<Feed>,
    done: Receiver<Result<Vec<Encoded>, ParquetError>>,
}

enum Feed {
    Start(Vec<Writers>),
    Batch(RecordBatch),
    End,
}

/// The writers of one column, which has several where it is nested.
struct Writers {
    field: usize,
    leaves: Vec<ArrowColumnWriter>,
}

/// One column of a row group.
struct Encoded {
    field: usize,
    leaves: Vec<ArrowColumnChunk>,
}

impl ParquetFile {
    /// Starts a file with so many threads that encode. `facts` go into its metadata.
    pub(crate) fn create(
        path: &Path,
        schema: &SchemaRef,
        facts: &[(&str, String)],
        threads: usize,
    ) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new(format_args!("cannot write {}", path.display()), error);
        let temporary = temporary_name(path);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary).map_err(|error| failed(&error))?;
        let sink = Hashed { file: io::BufWriter::with_capacity(1 << 20, file), hash: Sha256::new(), bytes: 0 };
        let started = ArrowWriter::try_new(sink, schema.clone(), Some(properties(schema, facts)))
            .and_then(ArrowWriter::into_serialized_writer);
        let (writer, factory) = started.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            failed(&error)
        })?;
        let lanes = lanes(schema, threads);
        let (path, schema) = (path.to_owned(), schema.clone());
        Ok(Self { path, temporary, writer: Some(writer), factory, schema, lanes, groups: 0, rows_in_group: 0, rows: 0 })
    }

    /// Appends rows.
    pub(crate) fn write(&mut self, batch: RecordBatch) -> Result<(), Failure> {
        if self.rows_in_group == 0 {
            self.start_group()?;
        }
        self.rows_in_group = self.rows_in_group.saturating_add(batch.num_rows());
        self.rows = self.rows.saturating_add(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX));
        for lane in &self.lanes {
            lane.feed.send(Feed::Batch(batch.clone())).map_err(|_| self.failed("an encoder has stopped"))?;
        }
        if self.rows_in_group >= GROUP { self.end_group() } else { Ok(()) }
    }

    fn start_group(&mut self) -> Result<(), Failure> {
        let writers = self.factory.create_column_writers(self.groups).map_err(|error| self.failed(error))?;
        let mut writers = writers.into_iter();
        let mut by_field: Vec<Option<Writers>> = Vec::new();
        for (field, column) in self.schema.fields().iter().enumerate() {
            let leaves = writers.by_ref().take(leaf_count(column)).collect();
            by_field.push(Some(Writers { field, leaves }));
        }
        for lane in &self.lanes {
            let of_lane = lane.fields.iter().filter_map(|field| by_field.get_mut(*field)?.take()).collect();
            lane.feed.send(Feed::Start(of_lane)).map_err(|_| self.failed("an encoder has stopped"))?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), Failure> {
        self.rows_in_group = 0;
        self.groups = self.groups.saturating_add(1);
        for lane in &self.lanes {
            lane.feed.send(Feed::End).map_err(|_| self.failed("an encoder has stopped"))?;
        }
        let mut columns = Vec::new();
        for lane in &self.lanes {
            let encoded = lane.done.recv().map_err(|_| self.failed("an encoder has stopped"))?;
            columns.extend(encoded.map_err(|error| self.failed(error))?);
        }
        columns.sort_by_key(|column| column.field);
        let path = self.path.clone();
        let failed = |error: ParquetError| Failure::new(format_args!("cannot write {}", path.display()), error);
        let Some(writer) = self.writer.as_mut() else { return Ok(()) };
        let mut group = writer.next_row_group().map_err(failed)?;
        for chunk in columns.into_iter().flat_map(|column| column.leaves) {
            chunk.append_to_row_group(&mut group).map_err(failed)?;
        }
        group.close().map(drop).map_err(failed)
    }

    /// Gives the complete file its name, in the place of one that had it.
    pub(crate) fn finish(mut self) -> Result<Written, Failure> {
        if self.rows_in_group > 0 {
            self.end_group()?;
        }
        let Some(writer) = self.writer.take() else { return Err(self.failed("it is finished already")) };
        let sink = writer.into_inner().map_err(|error| self.failed(error))?;
        let Hashed { file, hash, bytes } = sink;
        let named = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| {
            file.sync_all()?;
            fs::rename(&self.temporary, &self.path)
        });
        named.map_err(|error| self.failed(error))?;
        let sha256 = hexadecimal(&hash.finalize());
        Ok(Written { path: self.path.clone(), rows: self.rows, bytes, sha256 })
    }

    fn failed(&self, why: impl std::fmt::Display) -> Failure {
        Failure::new(format_args!("cannot write {}", self.path.display()), why)
    }
}

impl Drop for ParquetFile {
    /// What is not complete does not stay.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

/// A name beside `path` that nobody else uses and no engine reads.
pub(crate) fn temporary_name(path: &Path) -> PathBuf {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!(".{name}.{}-{now}.part", std::process::id()))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Columns in the Parquet file for one of Arrow.
fn leaf_count(field: &Field) -> usize {
    match field.data_type() {
        DataType::List(item) => leaf_count(item),
        DataType::Struct(fields) => fields.iter().map(|field| leaf_count(field)).sum(),
        _ => 1,
    }
}

/// The threads, each with its share of the columns: dear ones are dealt out first.
fn lanes(schema: &SchemaRef, threads: usize) -> Vec<Lane> {
    let weight = |field: &Field| match field.data_type() {
        DataType::Utf8 => 8,
        DataType::List(_) => 4,
        DataType::Boolean => 1,
        _ => 2,
    };
    let mut fields: Vec<(usize, usize)> = schema.fields().iter().map(|field| weight(field)).enumerate().collect();
    fields.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let mut shares: Vec<(usize, Vec<usize>)> = vec![(0, Vec::new()); threads.max(1)];
    for (field, weight) in fields {
        if let Some(share) = shares.iter_mut().min_by_key(|(load, _)| *load) {
            share.0 = share.0.saturating_add(weight);
            share.1.push(field);
        }
    }
    shares.into_iter().map(|(_, fields)| Lane::start(fields)).collect()
}

impl Lane {
    fn start(fields: Vec<usize>) -> Self {
        let (feed, fed) = sync_channel(WAITING);
        let (give, done) = sync_channel(1);
        thread::spawn(move || encode(&fed, &give));
        Self { fields, feed, done }
    }
}

/// Encodes what comes, until nobody is there any more.
fn encode(fed: &Receiver<Feed>, give: &SyncSender<Result<Vec<Encoded>, ParquetError>>) {
    let mut writers: Vec<Writers> = Vec::new();
    let mut result = Ok(());
    for feed in fed {
        match feed {
            Feed::Start(new) => writers = new,
            Feed::Batch(batch) if result.is_ok() => result = encode_batch(&batch, &mut writers),
            Feed::Batch(_) => {}
            Feed::End => {
                let ended = std::mem::replace(&mut result, Ok(()));
                let encoded =
                    ended.and_then(|()| std::mem::take(&mut writers).into_iter().map(Writers::close).collect());
                if give.send(encoded).is_err() {
                    return;
                }
            }
        }
    }
}

fn encode_batch(batch: &RecordBatch, writers: &mut [Writers]) -> Result<(), ParquetError> {
    let schema = batch.schema();
    for Writers { field, leaves } in writers {
        let (Some(column), Some(named)) = (batch.columns().get(*field), schema.fields().get(*field)) else { continue };
        for (writer, leaf) in leaves.iter_mut().zip(compute_leaves(named, column)?) {
            writer.write(&leaf)?;
        }
    }
    Ok(())
}

impl Writers {
    fn close(self) -> Result<Encoded, ParquetError> {
        let leaves = self.leaves.into_iter().map(ArrowColumnWriter::close).collect::<Result<_, _>>()?;
        Ok(Encoded { field: self.field, leaves })
    }
}

/// How columns are encoded: texts that hardly repeat, and numbers that go up, without a dictionary.
fn properties(schema: &SchemaRef, facts: &[(&str, String)]) -> WriterProperties {
    let facts = facts.iter().map(|(key, value)| KeyValue::new(format!("ntfs_salvage.{key}"), value.clone())).collect();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(format!("ntfs-tables {}", env!("CARGO_PKG_VERSION")))
        .set_max_row_group_row_count(None)
        .set_key_value_metadata(Some(facts));
    for field in schema.fields() {
        let path = ColumnPath::from(field.name().as_str());
        let is_time = matches!(field.data_type(), DataType::Timestamp(..)) || field.name().ends_with("_filetime");
        let encoding = match field.name().as_str() {
            _ if is_time => Some(Encoding::DELTA_BINARY_PACKED),
            "record" | "start" | "lsn" | "usn" | "size" | "initialized" => Some(Encoding::DELTA_BINARY_PACKED),
            "path" => Some(Encoding::DELTA_BYTE_ARRAY),
            "name" => Some(Encoding::DELTA_LENGTH_BYTE_ARRAY),
            "dos_name" => Some(Encoding::DELTA_BYTE_ARRAY),
            _ => None,
        };
        if let Some(encoding) = encoding {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), encoding);
        }
        if matches!(field.data_type(), DataType::List(_)) {
            properties = properties.set_column_statistics_enabled(path, EnabledStatistics::Chunk);
        }
    }
    properties.build()
}

/// A file whose bytes are hashed as they go out.
struct Hashed {
    file: io::BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or(bytes));
        self.bytes = self.bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
