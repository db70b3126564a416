//! A file as its driver has it in memory.

use std::collections::BTreeMap;

use super::super::Form;
use super::attributes::Facts;
use super::runs::{Run, push};

/// Clusters of a compression unit.
pub(crate) const UNIT: u64 = 16;

#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) number: u64,
    pub(crate) sequence: u16,
    pub(crate) is_directory: bool,
    pub(crate) form: Form,
    pub(crate) facts: Facts,
    /// Directories by their record numbers, and what the file is called there.
    pub(crate) names: Vec<(u64, String)>,
    pub(crate) streams: BTreeMap<String, Stream>,
    pub(crate) extensions: Vec<u64>,
    pub(crate) has_list: bool,
    /// Where its attribute list lies, if outside its record.
    pub(crate) list: Vec<u64>,
    /// Of a directory: by upper-case name.
    pub(crate) children: BTreeMap<Vec<u16>, (String, u64)>,
    /// Clusters of the index.
    pub(crate) index: Vec<u64>,
    /// Attributes that only metadata files have, as code and value.
    pub(crate) extras: Vec<(u32, Vec<u8>)>,
    pub(crate) bitmap: Vec<u64>,
}

/// A stream, and where its clusters lie: a hole where there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) content: Vec<u8>,
    pub(crate) is_outside: bool,
    pub(crate) map: Vec<Option<u64>>,
    /// How far it was ever written to.
    pub(crate) initialized: u64,
}

impl Stream {
    pub(crate) fn size(&self) -> u64 {
        self.content.len() as u64
    }
}

/// The runs of clusters in order.
pub(crate) fn runs_of(map: &[Option<u64>]) -> Vec<Run> {
    let mut runs = Vec::new();
    for lcn in map {
        push(&mut runs, Run { lcn: *lcn, count: 1 });
    }
    runs
}

/// A name as the index orders it.
pub(crate) fn upper(name: &str) -> Vec<u16> {
    name.encode_utf16().map(upper_unit).collect()
}

pub(crate) fn upper_unit(unit: u16) -> u16 {
    let Some(letter) = char::from_u32(unit.into()) else { return unit };
    let mut upper = letter.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(unit),
        _ => unit,
    }
}
