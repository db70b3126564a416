//! What was on a volume, life by life.

use std::collections::BTreeMap;

/// One file from its making to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    pub(crate) number: u64,
    pub(crate) sequence: u16,
    pub(crate) is_directory: bool,
    /// Its names; the last ones it had, where it is gone.
    pub(crate) paths: Vec<String>,
    /// What they held at the end.
    pub(crate) streams: BTreeMap<String, Vec<u8>>,
    pub(crate) is_live: bool,
    /// Deleted, and what its records hold is still there.
    pub(crate) is_kept: bool,
    /// When it was deleted.
    pub(crate) end: u32,
}

/// All lives of a volume, in the order they began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) lives: Vec<Life>,
}

impl Truth {
    pub(crate) fn live(&self) -> impl Iterator<Item = &Life> {
        self.lives.iter().filter(|life| life.is_live)
    }

    /// The life of this very reference.
    pub(crate) fn find(&self, number: u64, sequence: u16) -> Option<&Life> {
        self.lives.iter().rev().find(|life| (life.number, life.sequence) == (number, sequence))
    }

    /// The last life of this record, as a base record.
    pub(crate) fn last_of(&self, number: u64) -> Option<&Life> {
        self.lives.iter().rev().find(|life| life.number == number)
    }
}
