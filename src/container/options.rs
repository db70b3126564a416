//! How a container is opened.

use std::path::PathBuf;

/// How a container is opened.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    pub(super) folders: Vec<PathBuf>,
    pub(super) is_raw: bool,
    pub(super) missing_parent_as_lost: bool,
    pub(super) snapshot: Option<String>,
    pub(super) unmapped: bool,
}

impl Opening {
    /// Files beside the one that is named, everything that belongs to it, and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the file for the disk itself, whatever it looks like.
    #[must_use]
    pub fn as_raw(mut self) -> Self {
        self.is_raw = true;
        self
    }

    /// Looks for parents, segments and extents in this folder, too, after the file's own.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }

    /// Goes on where the image that this one is the difference to is missing; its bytes are lost then.
    #[must_use]
    pub fn missing_parent_as_lost(mut self) -> Self {
        self.missing_parent_as_lost = true;
        self
    }

    /// Opens the disk as it was at a snapshot inside of the image, by its name or id.
    #[must_use]
    pub fn snapshot(mut self, name: impl Into<String>) -> Self {
        self.snapshot = Some(name.into());
        self
    }

    /// Gives the content of blocks that the format keeps and calls unused, instead of zeros.
    #[must_use]
    pub fn unmapped(mut self) -> Self {
        self.unmapped = true;
        self
    }

    /// The snapshot that is asked for.
    #[allow(dead_code, reason = "for formats with snapshots")]
    pub(crate) fn wanted_snapshot(&self) -> Option<&str> {
        self.snapshot.as_deref()
    }

    /// True where old content of unused blocks is asked for.
    #[allow(dead_code, reason = "for formats with unused blocks")]
    pub(crate) fn wants_unmapped(&self) -> bool {
        self.unmapped
    }
}
