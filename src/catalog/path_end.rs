//! Where a path ends: at the root, or before it.

use std::fmt;

use crate::base::reference::FileReference;

/// Where the way from a name upwards ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum PathEnd {
    /// At the root: the path is whole.
    Root,
    /// At a directory whose record is not there (any more).
    Missing(FileReference),
    /// At a directory whose record was used again for something else.
    Reused(FileReference),
    /// At a record that is no directory.
    NotADirectory(FileReference),
    /// At a directory that has lost its name.
    Unnamed(FileReference),
    /// At a directory that is its own ancestor.
    Cycle(FileReference),
    /// At a directory so deep that the path is longer than any path in NTFS can be, or, in a table made to have
    /// far more text than itself in its paths, longer than it can afford.
    TooLong(FileReference),
}

impl PathEnd {
    /// What the way ends at: a word that stays the same between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Missing(_) => "missing",
            Self::Reused(_) => "reused",
            Self::NotADirectory(_) => "not-a-directory",
            Self::Unnamed(_) => "unnamed",
            Self::Cycle(_) => "cycle",
            Self::TooLong(_) => "too-long",
        }
    }

    /// The directory the way ends at; `None` for the root.
    #[must_use]
    pub const fn reference(&self) -> Option<FileReference> {
        match self {
            Self::Root => None,
            Self::Missing(reference)
            | Self::Reused(reference)
            | Self::NotADirectory(reference)
            | Self::Unnamed(reference)
            | Self::Cycle(reference)
            | Self::TooLong(reference) => Some(*reference),
        }
    }
}

impl fmt::Display for PathEnd {
    /// Nothing for the root, else the reason and the reference in angle brackets, which no Windows
    /// name can have: `<missing 37-1>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reference() {
            None => Ok(()),
            Some(reference) => write!(f, "<{} {reference}>", self.code()),
        }
    }
}
