//! The second pass: writes the files, and the manifest's lines about them, a window of records after the other.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ntfs_salvage::recoverability::Assessment;

use crate::command::stop::Stop;
use crate::input::volumes::Opened;
use crate::recover::copy::progress::Progress;
use crate::recover::manifest::earlier::{Earlier, Kept};
use crate::recover::manifest::totals::Totals;
use crate::recover::output::folder::Folder;
use crate::recover::plan::job::Job;
use crate::recover::plan::naming::Plan;
use crate::recover::plan::selection::Selection;

/// What the writing of a volume's files needs to know.
pub struct Recovery<'r> {
    pub opened: &'r Opened<'r>,
    pub assessment: &'r Assessment<'r>,
    /// The same, but reading everything: made when reading has shown that something is missing.
    thorough: OnceLock<Assessment<'r>>,
    pub selection: &'r Selection,
    pub plan: &'r Plan,
    pub root: Arc<Folder>,
    /// The folder of the volume, with a slash behind it where there is one.
    pub prefix: &'r str,
    pub options: CopyOptions<'r>,
    pub progress: &'r Progress,
    /// Set when there is no room for more.
    pub is_full: AtomicBool,
}

/// How contents are copied.
#[derive(Debug, Clone, Copy)]
pub struct CopyOptions<'o> {
    /// Where files may be made that nobody sees.
    pub folder: &'o Path,
    pub hashes: bool,
    /// Records that are made ready at once.
    pub window: u64,
    /// Bytes nobody wants that may be read between two files.
    pub gap: u64,
    /// Whether what is read has to be decompressed.
    pub is_packed: bool,
    /// Whether the user wants it to end.
    pub stop: &'o Stop,
    /// What an interrupted run has done, and which of its volumes this is.
    pub earlier: Option<(&'o Earlier, usize)>,
}

/// What one batch of entries has become.
pub struct Part {
    pub lines: Vec<u8>,
    pub totals: Totals,
}

impl<'r> Recovery<'r> {
    pub fn new(
        opened: &'r Opened<'r>,
        (assessment, plan): (&'r Assessment<'r>, &'r Plan),
        selection: &'r Selection,
        (root, prefix): (Arc<Folder>, &'r str),
        options: CopyOptions<'r>,
        progress: &'r Progress,
    ) -> Self {
        let (thorough, is_full) = (OnceLock::new(), AtomicBool::new(false));
        Self { opened, assessment, thorough, selection, plan, root, prefix, options, progress, is_full }
    }

    /// An assessment that has read what it speaks of.
    pub fn thorough(&self) -> &Assessment<'r> {
        let options = self.assessment.options().read_all(true);
        self.thorough.get_or_init(|| self.assessment.clone().with_options(options))
    }

    /// What an interrupted run has done of a job, if that is all.
    pub fn kept(&self, job: &Job<'_>) -> Option<&'r Kept> {
        let (earlier, volume) = self.options.earlier?;
        earlier.of(volume, job)
    }

    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }
}
