//! Ghosts: files and directories that have no record any more, and are known all the same.
//!
//! A directory's index keeps a copy of each of its files' names, times and sizes. Where a file's
//! record is lost, was used again, or has lost its name, that copy is what is left. Of a directory
//! there may be less: that files name it as their parent.

use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::structure::record::Record;
use crate::structure::value::file_attributes::FileAttributes;
use crate::structure::value::file_name::{FileName, Namespace};

/// A name of a file that no record describes; of a directory that only files name, the want of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ghost {
    /// The file, in the life that is meant; [unknown](FileReference::UNKNOWN) where an index's end marker stands in
    /// its place.
    pub reference: FileReference,
    /// What knows of it.
    pub evidence: GhostEvidence,
    /// Where that stands, in bytes of the volume; `None` inside a record.
    pub offset: Option<u64>,
    pub(crate) key: Vec<u8>,
}

/// What knows of a ghost, the most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum GhostEvidence {
    /// An entry of an index: the file was there when the directory was last written.
    Index,
    /// An INDX record of a directory whose own record is lost or was used again; whether the index
    /// is the last one the directory had cannot be told.
    LostIndex,
    /// Bytes of an index that are no longer in use, or were torn: the file may have been deleted, or
    /// its entry moved.
    IndexSlack,
    /// The end of a directory's record, behind what is in use.
    RecordSlack,
    /// Files whose parent it is.
    Child,
}

impl GhostEvidence {
    /// A word that stays the same between versions.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::LostIndex => "lost-index",
            Self::IndexSlack => "index-slack",
            Self::RecordSlack => "record-slack",
            Self::Child => "child",
        }
    }
}

impl Ghost {
    /// The copy of the file's name, times and sizes; `None` where nothing but a child knows of it.
    #[must_use]
    pub fn file_name(&self) -> Option<FileName<'_>> {
        FileName::parse(&self.key).ok()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name<'_> {
        self.file_name().map(|name| name.name()).unwrap_or_default()
    }

    /// The directory it is in.
    #[must_use]
    pub fn parent(&self) -> FileReference {
        self.file_name().map_or(FileReference(0), |name| name.parent())
    }

    /// True for a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.file_name().is_none_or(|name| name.file_attributes().contains(FileAttributes::DIRECTORY))
    }

    /// How much the name is wanted as that of a directory.
    fn rank(&self) -> (GhostEvidence, bool) {
        (self.evidence, self.file_name().is_none_or(|name| name.namespace() == Namespace::DOS))
    }
}

/// The ghosts of a catalog.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    /// Sorted by reference, then by evidence.
    names: Vec<Ghost>,
    /// Those of files without any record: the first of each in `names`, and how many there are.
    files: Vec<(usize, usize)>,
    /// Directories and their places in the catalog's list, sorted by reference.
    directories: Vec<(FileReference, usize)>,
}

impl Ghosts {
    /// Groups `names`, sorted by reference and evidence; `has_record` says which files have one.
    pub(crate) fn of(names: Vec<Ghost>, has_record: impl Fn(FileReference) -> bool) -> Self {
        let mut files = Vec::new();
        let mut first = 0_usize;
        // Of those that nothing is known of but their names, each is a file.
        for group in names.chunk_by(|a, b| a.reference == b.reference && !a.reference.is_unknown()) {
            if group.first().is_some_and(|ghost| !has_record(ghost.reference)) {
                files.push((first, group.len()));
            }
            first = first.saturating_add(group.len());
        }
        Self { names, files, directories: Vec::new() }
    }

    /// Keeps the place that `keep` finds for each directory with a name, by the best of its names.
    pub(crate) fn place_directories(&mut self, mut keep: impl FnMut(&Ghost) -> usize) {
        for group in self.names.chunk_by(|a, b| a.reference == b.reference) {
            let is_named =
                |ghost: &&Ghost| ghost.is_directory() && !ghost.key.is_empty() && !ghost.reference.is_unknown();
            let named = group.iter().filter(is_named);
            if let Some(name) = named.min_by_key(|ghost| ghost.rank()) {
                self.directories.push((name.reference, keep(name)));
            }
        }
    }

    pub(crate) fn names(&self) -> &[Ghost] {
        &self.names
    }

    /// The names of one file.
    fn names_of(&self, reference: FileReference) -> &[Ghost] {
        let start = self.names.partition_point(|ghost| order(ghost.reference) < order(reference));
        let rest = self.names.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|ghost| ghost.reference == reference)).unwrap_or_default()
    }

    /// How many files there are that have no record.
    pub(crate) fn count(&self) -> usize {
        self.files.len()
    }

    /// Which of the files without a record is the one that is meant.
    pub(crate) fn file_of(&self, reference: FileReference) -> Option<usize> {
        let key = |&(first, _): &(usize, usize)| self.names.get(first).map(|ghost| order(ghost.reference));
        self.files.binary_search_by_key(&Some(order(reference)), key).ok()
    }

    /// The record that stands for file `index` of those without one, and what knows of the file.
    pub(crate) fn file(&self, index: usize) -> Option<(Record<'static>, GhostEvidence)> {
        let (first, count) = *self.files.get(index)?;
        let names = self.names.get(first..first.checked_add(count)?)?;
        Some((record_of(names)?, names.first()?.evidence))
    }

    /// The names an index has for a file whose record has none, as a record.
    pub(crate) fn lent_to(&self, reference: FileReference, is_in_use: bool) -> Option<Record<'static>> {
        let lives = FileReference::lives(reference.record_number(), reference.sequence_number(), is_in_use);
        lives.into_iter().find_map(|life| record_of(self.names_of(life)))
    }

    /// The directories in whose indexes a file has names.
    pub(crate) fn named_in(&self, reference: FileReference) -> impl Iterator<Item = FileReference> + '_ {
        let in_index = self.names_of(reference).iter().filter(|ghost| ghost.evidence == GhostEvidence::Index);
        in_index.map(Ghost::parent)
    }

    /// The place of a directory, in the very life that is asked for.
    pub(crate) fn directory(&self, reference: FileReference) -> Option<usize> {
        let at = self.directories.binary_search_by_key(&order(reference), |(directory, _)| order(*directory)).ok()?;
        self.directories.get(at).map(|(_, place)| *place)
    }
}

/// Ghosts stand in the order of the records they would have, then of their lives.
pub(crate) fn order(reference: FileReference) -> (u64, u16) {
    (reference.record_number(), reference.sequence_number())
}

/// The names of one file as a record.
fn record_of(names: &[Ghost]) -> Option<Record<'static>> {
    let first = names.first()?;
    let is_directory = names.iter().all(Ghost::is_directory);
    let keys = names.iter().map(|ghost| ghost.key.as_slice()).filter(|key| !key.is_empty());
    Record::of_names(first.reference, is_directory, keys).ok()
}
