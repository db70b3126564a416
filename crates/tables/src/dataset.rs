//! Datasets: a folder of Parquet files, one a volume and table, and a line of a manifest an image.
//!
//! ```text
//! DIR/entries/image=ID/volume=TAG.parquet
//! DIR/ranges/image=ID/volume=TAG.parquet
//! DIR/errors/image=ID/errors.parquet
//! DIR/manifest/ID.json
//! ```
//!
//! Each file is written beside its place and renamed, and each image has files of its own: any number of processes write
//! one dataset at once, on any number of machines, and a run that was stopped is simply run again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::ArrowError;
use clap::Parser;
use ntfs_salvage::Threads;
use ntfs_salvage::source::Source;
use ntfs_salvage_tools::command::failure::{Failure, say};
use ntfs_salvage_tools::input::arguments::InputArguments;
use ntfs_salvage_tools::input::container;
use ntfs_salvage_tools::input::evidence;
use ntfs_salvage_tools::input::volumes::{Input, Opened, Volumes};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::columns::Words;
pub use crate::parquet_file::Written;
use crate::parquet_file::{ParquetFile, hexadecimal, temporary_name};
use crate::scan::{self, Ranges, Wanted};
use crate::schema::{self, ENTRIES, ENTRY_COLUMNS, ERROR_COLUMNS, ERRORS, RANGE_COLUMNS, RANGES};

/// The version of the manifest's lines.
pub const MANIFEST_VERSION: u32 = 1;
/// Who writes.
const TOOL: &str = concat!("ntfs-tables ", env!("CARGO_PKG_VERSION"));

/// Where images are exported to, and how.
#[derive(Debug, Clone)]
pub struct Export {
    /// The folder of the dataset. It is made where it is missing.
    pub folder: PathBuf,
    /// The image's name in the dataset; made of the input's where it is not given.
    pub id: Option<String>,
    /// Which ranges are written.
    pub ranges: Ranges,
    /// Whether images are written again that are there already.
    pub again: bool,
    /// Further arguments of `mft_dump`, such as `--no-scan`.
    pub input_options: Vec<String>,
    /// How many threads work at once.
    pub threads: usize,
    /// Whether nothing is said but errors.
    pub quiet: bool,
}

/// What became of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was written whole.
    Written,
    /// It is there already, from the same input and by the same version.
    AlreadyThere,
    /// What could be read was written; the rest stands in the table of errors.
    Incomplete(Vec<String>),
}

/// An input as the command line has it.
#[derive(Parser)]
struct OneInput {
    #[command(flatten)]
    input: InputArguments,
}

/// An image of the dataset.
struct Image<'e> {
    export: &'e Export,
    id: String,
    name: String,
    /// Size in bytes, and modification in nanoseconds since 1970, of the file.
    file: (u64, u64),
}

/// One volume's files.
struct VolumeFiles {
    facts: Value,
    entries: Written,
    ranges: Option<Written>,
}

impl Export {
    /// Exports an image. What cannot be read of it becomes rows of the table of errors.
    ///
    /// # Errors
    /// When the dataset cannot be written.
    pub fn image(&self, input: &Path) -> Result<Outcome, Failure> {
        evidence::refuse_as_output(input, &self.folder)?;
        let id = match &self.id {
            Some(id) => id.clone(),
            None => id_of(input),
        };
        let image = Image { export: self, id, name: input.display().to_string(), file: facts_of(input) };
        let earlier = image.earlier();
        if !self.again && earlier.as_ref().is_some_and(|earlier| image.is_there(earlier)) {
            return Ok(Outcome::AlreadyThere);
        }
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        if let Err(failure) = image.read(input, &mut files, &mut errors)? {
            errors.push((None, failure.to_string()));
        }
        image.finish(&files, &errors, earlier.as_ref())?;
        let messages: Vec<String> = errors.into_iter().map(|(_, message)| message).collect();
        Ok(if messages.is_empty() { Outcome::Written } else { Outcome::Incomplete(messages) })
    }
}

/// The arguments that say how an input is read.
pub(crate) fn input_arguments(input: &Path, options: &[String]) -> Result<InputArguments, Failure> {
    // Batches of a thousand rows: each has fifty columns to begin and to end.
    let start = ["ntfs-tables".into(), "--read-size=1048576".into()].into_iter();
    let options = options.iter().map(Into::into);
    let line = start.chain(options).chain(["--".into(), input.as_os_str().to_owned()]);
    OneInput::try_parse_from(line).map(|parsed| parsed.input).map_err(|error| Failure::Message(error.to_string()))
}

type Errors = Vec<(Option<String>, String)>;

impl Image<'_> {
    /// Reads the image and writes its volumes. The outer error is about the dataset, the inner one about the image.
    fn read(
        &self,
        input: &Path,
        files: &mut Vec<VolumeFiles>,
        errors: &mut Errors,
    ) -> Result<Result<(), Failure>, Failure> {
        let (quiet, threads) = (self.export.quiet, Threads::new(self.export.threads));
        let arguments = input_arguments(input, &self.export.input_options)?;
        let evidence = match container::open(&arguments, quiet) {
            Ok(evidence) => evidence,
            Err(failure) => return Ok(Err(failure)),
        };
        container::protect(&evidence, [Some(self.export.folder.as_path())])?;
        let source: &dyn Source = &evidence;
        let input = Input::new(source, &arguments);
        let Volumes { opened, failure, .. } = match input.volumes(&threads, quiet) {
            Ok(volumes) => volumes,
            Err(failure) => return Ok(Err(failure)),
        };
        errors.extend(failure.map(|failure| (None, failure.to_string())));
        for opened in &opened {
            files.push(self.volume(opened, &arguments, &threads)?);
        }
        Ok(Ok(()))
    }

    fn volume(
        &self,
        opened: &Opened<'_>,
        arguments: &InputArguments,
        threads: &Threads,
    ) -> Result<VolumeFiles, Failure> {
        let facts = self.facts(opened);
        let wanted = Wanted::default().ranges(self.export.ranges);
        let encoders = threads.count();
        let create = |table: &str, columns| {
            let path = self.place(table, Some(&opened.tag));
            let mut facts: Vec<(&str, String)> = facts.clone();
            facts.push(("table", table.to_owned()));
            folder_of(&path)?;
            ParquetFile::create(&path, &schema::arrow(columns), &facts, encoders)
        };
        let mut entries = create(ENTRIES, ENTRY_COLUMNS)?;
        let mut ranges = match self.export.ranges {
            Ranges::No => None,
            _ => Some(create(RANGES, RANGE_COLUMNS)?),
        };
        let take = |rows: scan::Rows| {
            rows.entries.into_iter().try_for_each(|batch| entries.write(batch))?;
            ranges
                .iter_mut()
                .try_for_each(|ranges| rows.ranges.iter().try_for_each(|batch| ranges.write(batch.clone())))
        };
        let scanned = opened.with_catalog(threads, arguments.ghosts, |catalog| {
            scan::rows(&catalog, &opened.tag, &wanted, threads, take)
        });
        scanned.map_err(|error| match error {
            scan::ScanError::Consumer(failure) => failure,
            scan::ScanError::Arrow(_) => Failure::new(&self.name, error),
        })?;
        let entries = entries.finish()?;
        if !self.export.quiet {
            say(format_args!("{opened}: {} rows, {} bytes: {}", entries.rows, entries.bytes, entries.path.display()));
        }
        let volume = json!({
            "volume": opened.tag, "partition": opened.partition, "offset": opened.start, "layer": opened.layer.code(),
        });
        Ok(VolumeFiles { facts: volume, entries, ranges: ranges.map(ParquetFile::finish).transpose()? })
    }

    /// What the metadata of each file says.
    fn facts(&self, opened: &Opened<'_>) -> Vec<(&'static str, String)> {
        vec![
            ("schema_version", schema::VERSION.to_string()),
            ("tool", TOOL.to_owned()),
            ("image", self.id.clone()),
            ("input", self.name.clone()),
            ("volume", opened.tag.clone()),
            ("layer", opened.layer.code().to_owned()),
            ("offset", opened.start.to_string()),
        ]
    }

    /// Where a table of the image stands.
    fn place(&self, table: &str, tag: Option<&str>) -> PathBuf {
        let name = tag.map_or_else(|| format!("{table}.parquet"), |tag| format!("volume={tag}.parquet"));
        self.export.folder.join(table).join(format!("image={}", self.id)).join(name)
    }

    fn manifest(&self) -> PathBuf {
        self.export.folder.join("manifest").join(format!("{}.json", self.id))
    }

    /// The line that an earlier run has written.
    fn earlier(&self) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.manifest()).ok()?).ok()
    }

    /// True where an earlier run has written all of this input in this way, and its files still stand there.
    fn is_there(&self, earlier: &Value) -> bool {
        let same = ["manifest_version", "schema_version", "tool", "input", "input_bytes", "input_modified", "options"];
        let now = self.line(&[], &[]);
        let files = self.files_of(earlier);
        let is_file = |(path, bytes): &(PathBuf, u64)| fs::metadata(path).is_ok_and(|file| file.len() == *bytes);
        earlier.get("complete") == Some(&Value::Bool(true))
            && same.iter().all(|key| earlier.get(key) == now.get(key))
            && files.iter().all(is_file)
    }

    /// The files that a line names, with their sizes.
    fn files_of(&self, line: &Value) -> Vec<(PathBuf, u64)> {
        let file = |file: &Value| {
            let path = Path::new(file.get("path")?.as_str()?);
            let is_below = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            is_below.then_some((self.export.folder.join(path), file.get("bytes")?.as_u64()?))
        };
        line.get("files").and_then(Value::as_array).into_iter().flatten().filter_map(file).collect()
    }

    /// Writes the errors and the line, and takes away what an earlier run has left.
    fn finish(&self, volumes: &[VolumeFiles], errors: &Errors, earlier: Option<&Value>) -> Result<(), Failure> {
        let mut files: Vec<(&str, Option<&VolumeFiles>, &Written)> = Vec::new();
        for volume in volumes {
            files.push((ENTRIES, Some(volume), &volume.entries));
            files.extend(volume.ranges.as_ref().map(|ranges| (RANGES, Some(volume), ranges)));
        }
        let errors_file = if errors.is_empty() { None } else { Some(self.write_errors(errors)?) };
        files.extend(errors_file.as_ref().map(|written| (ERRORS, None, written)));
        for (path, _) in earlier.map(|earlier| self.files_of(earlier)).unwrap_or_default() {
            if files.iter().all(|(_, _, written)| written.path != path) {
                let _ = fs::remove_file(path);
            }
        }
        let path = self.manifest();
        folder_of(&path)?;
        let mut line = self.line(&files, errors).to_string();
        line.push('\n');
        let temporary = temporary_name(&path);
        let written = fs::write(&temporary, line).and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|error| Failure::new(format_args!("cannot write {}", path.display()), error))
    }

    fn line(&self, files: &[(&str, Option<&VolumeFiles>, &Written)], errors: &[(Option<String>, String)]) -> Value {
        let file = |(table, volume, written): &(&str, Option<&VolumeFiles>, &Written)| {
            let path = written.path.strip_prefix(&self.export.folder).unwrap_or(&written.path);
            // As the dataset is read on any system.
            let path: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            let mut line = json!({
                "table": table, "path": path.join("/"), "rows": written.rows, "bytes": written.bytes, "sha256": written.sha256,
            });
            if let (Some(volume), Some(line)) =
                (volume.and_then(|volume| volume.facts.as_object()), line.as_object_mut())
            {
                line.extend(volume.clone());
            }
            line
        };
        let (bytes, modified) = self.file;
        json!({
            "manifest_version": MANIFEST_VERSION,
            "schema_version": schema::VERSION,
            "tool": TOOL,
            "image": self.id,
            "input": self.name,
            "input_bytes": bytes,
            "input_modified": modified,
            "options": format!("{:?} {:?}", self.export.ranges, self.export.input_options),
            "files": files.iter().map(file).collect::<Vec<_>>(),
            "errors": errors.iter().map(|(_, message)| message).collect::<Vec<_>>(),
            "complete": errors.is_empty(),
        })
    }

    fn write_errors(&self, errors: &Errors) -> Result<Written, Failure> {
        let path = self.place(ERRORS, None);
        folder_of(&path)?;
        let facts =
            [("schema_version", schema::VERSION.to_string()), ("tool", TOOL.to_owned()), ("image", self.id.clone())];
        let mut file = ParquetFile::create(&path, &schema::arrow(ERROR_COLUMNS), &facts, 1)?;
        let batch = error_rows(&self.name, errors);
        file.write(batch.map_err(|error| Failure::new(format_args!("cannot write {}", path.display()), error))?)?;
        file.finish()
    }
}

/// The rows of the table of errors of an input: volumes, where errors are about one, and messages.
pub(crate) fn error_rows(input: &str, errors: &[(Option<String>, String)]) -> Result<RecordBatch, ArrowError> {
    let mut volumes = Words::new(true);
    errors.iter().for_each(|(volume, _)| volumes.push(volume.as_deref()));
    let inputs: StringArray = errors.iter().map(|_| Some(input)).collect();
    let messages: StringArray = errors.iter().map(|(_, message)| Some(message.as_str())).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(inputs), volumes.finish(), Arc::new(messages)];
    RecordBatch::try_new(schema::arrow(ERROR_COLUMNS), columns)
}

/// Makes the folder that a file is to stand in.
fn folder_of(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|error| Failure::new(format_args!("cannot make {}", folder.display()), error))
}

/// The image's name in the dataset: its file's, and what tells it from others of that name, which is where it lies.
pub(crate) fn id_of(input: &Path) -> String {
    let path = fs::canonicalize(input).or_else(|_| std::path::absolute(input)).unwrap_or_else(|_| input.to_owned());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let stem: String =
        stem.chars().take(64).map(|character| if is_plain(character) { character } else { '_' }).collect();
    let hash = hexadecimal(&Sha256::digest(path.as_os_str().as_encoded_bytes()));
    format!("{stem}-{}", hash.get(..8).unwrap_or_default())
}

/// Whether a text can name an image: it stands in paths, and engines take it from there.
///
/// # Errors
/// When it cannot, with what it may have.
pub fn check_id(id: &str) -> Result<String, String> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let is_good = !id.is_empty() && id.len() <= 128 && id.chars().all(is_plain) && !id.starts_with('.');
    let found = || format!("{id:?} cannot name an image: letters, digits, '-', '_' and '.' can, at most 128 of them");
    if is_good { Ok(id.to_owned()) } else { Err(found()) }
}

fn facts_of(input: &Path) -> (u64, u64) {
    let Ok(metadata) = fs::metadata(input) else { return (0, 0) };
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    (metadata.len(), modified.and_then(|time| u64::try_from(time.as_nanos()).ok()).unwrap_or(0))
}
