//! Datasets in folders that go when they are no longer needed.

#![allow(dead_code, reason = "each test uses some of it")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

pub(crate) struct Dataset {
    pub folder: TempDir,
}

impl Dataset {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `ntfs-tables export`.
    pub(crate) fn export(&self, inputs: &[&Path], arguments: &[&str]) -> Output {
        let mut command = tables();
        command.arg("export").args(inputs).args(arguments).arg("-o").arg(self.path());
        command.output().unwrap()
    }

    /// The files of a table.
    pub(crate) fn files(&self, table: &str) -> Vec<PathBuf> {
        let images =
            fs::read_dir(self.path().join(table)).map(|folder| folder.map(|image| image.unwrap().path()).collect());
        let images: Vec<PathBuf> = images.unwrap_or_default();
        let mut files: Vec<PathBuf> =
            images.iter().flat_map(|image| fs::read_dir(image).unwrap().map(|file| file.unwrap().path())).collect();
        files.sort();
        files
    }

    /// Everything in the folder.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        fn below(folder: &Path, found: &mut Vec<PathBuf>) {
            for file in fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() { below(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        below(self.path(), &mut found);
        found.sort();
        found
    }

    /// The manifest's lines.
    pub(crate) fn manifest(&self) -> Vec<serde_json::Value> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.path().join("manifest")).unwrap().map(|file| file.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
    }
}

/// The program.
pub(crate) fn tables() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ntfs-tables"))
}

/// A volume of `testdata/`.
pub(crate) fn image(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

/// The listing as CSV, and whether it is complete.
pub(crate) fn mft_dump(image: &Path) -> (Vec<u8>, bool) {
    let program = Path::new(env!("CARGO_BIN_EXE_ntfs-tables")).with_file_name("examples").join("mft_dump");
    let output = Command::new(program).arg(image).args(["--format", "csv", "-q"]).output().unwrap();
    (output.stdout, output.status.success())
}

/// The rows of a file.
pub(crate) fn read(path: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    reader.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect()
}

pub(crate) fn place(batch: &RecordBatch, name: &str) -> usize {
    batch.schema().index_of(name).unwrap()
}

/// A text or word; empty where there is none.
pub(crate) fn text(batch: &RecordBatch, name: &str, row: usize) -> String {
    let array = batch.column(place(batch, name));
    if array.is_null(row) {
        return String::new();
    }
    match array.as_any_dictionary_opt() {
        Some(_) => {
            let words = array.as_dictionary::<Int32Type>().downcast_dict::<StringArray>().unwrap();
            let key = words.keys().value(row);
            words.values().value(key as usize).to_owned()
        }
        None => array.as_string::<i32>().value(row).to_owned(),
    }
}
