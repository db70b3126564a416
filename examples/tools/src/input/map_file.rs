//! The map of what was read and what could not be, as GNU ddrescue writes it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use ntfs_salvage::source::Ledger;

use crate::command::failure::Failure;
use crate::input::evidence;

/// A map that will be written when all is read.
pub struct MapFile {
    file: File,
    path: PathBuf,
}

impl MapFile {
    /// Makes the file now, so that a run does not end without a place for its map. What exists is left alone.
    pub fn create(path: Option<&Path>, input: &Path) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        evidence::refuse_as_output(input, path)?;
        let created = OpenOptions::new().write(true).create_new(true).open(path);
        let file = created.map_err(|error| Failure::of_writing(path.display(), &error))?;
        Ok(Some(Self { file, path: path.to_owned() }))
    }

    /// Writes what the ledger knows; also after a run that failed.
    pub fn write(mut self, ledger: &Ledger<'_>) -> Result<(), Failure> {
        let written = self.file.write_all(ledger.map().to_string().as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| Failure::of_writing(self.path.display(), &error))
    }
}
