//! One step down the tree of an index: which entry of a node is meant, or where below it would be.

use std::cmp::Ordering;

use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::structure::index_entry::IndexEntries;
use crate::volume::upcase::UpCase;

/// What a node says about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the name of this file.
    Found(FileReference),
    /// It would be in the index record at this VCN.
    Below(u64),
    /// It is not there.
    Absent,
    /// The node is damaged before the place where the name would be.
    Damaged,
}

/// How names are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'u> {
    pub(super) upcase: &'u UpCase,
    /// Names that differ in case only are different names.
    pub(super) is_case_sensitive: bool,
}

impl Order<'_> {
    fn compare(&self, left: Name<'_>, right: Name<'_>) -> Ordering {
        match self.upcase.compare(left, right) {
            _ if !self.is_case_sensitive && self.upcase.equals_ignoring_case(left, right) => Ordering::Equal,
            order => order,
        }
    }

    /// Looks for a name among the entries of a node.
    pub(super) fn step(&self, name: Name<'_>, entries: IndexEntries<'_>) -> Step {
        for entry in entries {
            let Ok(entry) = entry else { return Step::Damaged };
            let order = match (entry.is_last(), entry.file_name()) {
                (true, _) => Ordering::Less,
                (false, Ok(key)) => self.compare(name, key.name()),
                (false, Err(_)) => return Step::Damaged,
            };
            match order {
                Ordering::Equal => return Step::Found(entry.file_reference()),
                Ordering::Less => return entry.child_vcn().map_or(Step::Absent, Step::Below),
                Ordering::Greater => {}
            }
        }
        // Without the last entry, nobody knows what else there was.
        Step::Damaged
    }
}
