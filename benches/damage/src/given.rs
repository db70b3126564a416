//! What a tool gives back, whatever tool it is.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::measure::Cost;

/// What a tool made of an image.
#[derive(Debug, Default)]
pub struct Given {
    /// The last parts of the paths it lists, and where it puts them.
    pub names: HashSet<String>,
    pub paths: HashSet<String>,
    pub files: Vec<File>,
    /// Of listing names, and of recovering files.
    pub listing: Cost,
    pub recovery: Cost,
}

/// A file that a tool wrote.
#[derive(Debug)]
pub struct File {
    pub path: PathBuf,
    /// What the tool calls it on the volume, where it knows.
    pub name: Option<String>,
    pub stream: String,
    /// Whether the tool says that something may be wrong with it.
    pub is_suspect: bool,
    /// Whether the tool says that every byte of it is true.
    pub is_intact: bool,
    /// The bytes that the tool says are the stream's own: offset and length.
    pub vouched: Vec<(u64, u64)>,
    /// The word that the tool has for what is left of it, where it has one.
    pub verdict: Option<String>,
    /// Record and start of the volume, where the tool says so.
    pub record: Option<(u64, u64)>,
}

impl File {
    /// A file that is said to be as it was, by a tool that says nothing else.
    pub fn unmarked(path: PathBuf, name: Option<String>, stream: String) -> Self {
        Self {
            path,
            name,
            stream,
            is_suspect: false,
            is_intact: false,
            vouched: Vec::new(),
            verdict: None,
            record: None,
        }
    }
}

impl Given {
    /// A listed path.
    pub fn list(&mut self, path: &str) {
        self.names.insert(path.rsplit('/').next().unwrap_or_default().to_owned());
        self.paths.insert(format!("/{}", path.trim_start_matches('/')));
    }
}

/// Every file below a folder, in order.
pub fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder)? {
            let item = item?;
            match item.file_type()? {
                kind if kind.is_dir() => folders.push(item.path()),
                kind if kind.is_file() => found.push(item.path()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}
