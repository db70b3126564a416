//! What is on a volume, as volumes.py wrote it down.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ranges::{Piece, Ranges};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Live,
    /// The record is free, and every byte still there.
    Deleted,
    /// Something was written over it before anything was damaged.
    Overwritten,
}

#[derive(Debug, Deserialize)]
pub struct Stream {
    /// The name of its file, which no other file has.
    pub name: String,
    pub stream: String,
    pub size: u64,
    pub sha256: String,
    pub state: State,
    /// Of a volume that was formatted over.
    pub is_old: bool,
    pub record: u64,
    /// The used bytes of the records it rests on.
    pub records: Vec<Piece>,
    /// The bytes of its clusters.
    pub data: Vec<Piece>,
}

impl Stream {
    /// Whether it was there before the damage. An empty stream cannot be told from nothing.
    pub fn is_wanted(&self) -> bool {
        self.state != State::Overwritten && self.size > 0
    }

    /// Whether nothing that it rests on was touched: then it has to be recovered.
    pub fn is_untouched(&self, damage: &Ranges) -> bool {
        !damage.touch_any(&self.records) && !damage.touch_any(&self.data)
    }
}

#[derive(Debug, Deserialize)]
pub struct Link {
    pub path: String,
    pub name: String,
    /// The name its streams go by here.
    pub file: String,
    /// The used bytes of the records that have it.
    pub records: Vec<Piece>,
}

/// Where the parts of a volume lie.
#[derive(Debug, Deserialize)]
pub struct Volume {
    pub start: u64,
    pub size: u64,
    pub boot: Vec<Piece>,
    pub backup: Vec<Piece>,
    pub mirror: Vec<Piece>,
    pub bitmap: Vec<Piece>,
    pub root: Vec<Piece>,
    pub records: Vec<Vec<Piece>>,
    pub table: Vec<Piece>,
}

#[derive(Debug, Deserialize)]
pub struct Truth {
    pub volumes: Vec<Volume>,
    pub streams: Vec<Stream>,
    pub names: Vec<Link>,
    /// The bytes that a later format and its files changed under the older ones.
    pub changed: Vec<Piece>,
    #[serde(skip)]
    by_name: HashMap<String, usize>,
    #[serde(skip)]
    files: HashMap<String, String>,
    #[serde(skip)]
    contents: PathBuf,
}

impl Truth {
    pub fn read(volumes: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let mut truth: Self = serde_json::from_slice(&fs::read(volumes.join(format!("{name}.truth.json")))?)?;
        truth.contents = volumes.join("contents");
        for (index, stream) in truth.streams.iter().enumerate() {
            let known = truth.by_name.insert(key(&stream.name, &stream.stream), index);
            if known.is_some() {
                return Err(format!("{name}: two streams are {}:{}", stream.name, stream.stream).into());
            }
        }
        truth.files = truth.names.iter().map(|link| (link.name.clone(), link.file.clone())).collect();
        Ok(truth)
    }

    /// By the name of its file, whichever of its links that is, and its own.
    pub fn stream(&self, name: &str, stream: &str) -> Option<usize> {
        let file = self.files.get(name).map_or(name, String::as_str);
        self.by_name.get(&key(file, stream)).copied()
    }

    /// Whether anything was ever called so.
    pub fn has_name(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    pub fn content(&self, stream: &Stream) -> Result<Vec<u8>, Box<dyn Error>> {
        Ok(fs::read(self.contents.join(&stream.sha256))?)
    }
}

fn key(name: &str, stream: &str) -> String {
    format!("{name}/{stream}")
}
