//! The second pass: writes the files, and the manifest's lines about them.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ntfs_salvage::Threads;
use ntfs_salvage::catalog::{Assessment, Batch};

use crate::recover::folder::Folder;
use crate::recover::manifest::Manifest;
use crate::recover::plan::Plan;
use crate::recover::progress::Progress;
use crate::recover::selection::Selection;
use crate::recover::totals::Totals;
use crate::recover::writer::Writer;
use crate::shared::failure::Failure;
use crate::shared::input::Opened;

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
    pub hashes: bool,
    pub progress: &'r Progress,
    /// Set when there is no room for more.
    pub is_full: AtomicBool,
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
        hashes: bool,
        progress: &'r Progress,
    ) -> Self {
        let (thorough, is_full) = (OnceLock::new(), AtomicBool::new(false));
        Self { opened, assessment, thorough, selection, plan, root, prefix, hashes, progress, is_full }
    }

    /// An assessment that has read what it speaks of.
    pub fn thorough(&self) -> &Assessment<'r> {
        let options = self.assessment.options().read_all(true);
        self.thorough.get_or_init(|| self.assessment.clone().with_options(options))
    }

    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Writes everything that is planned.
    pub fn run(&self, threads: &Threads, manifest: &mut Manifest) -> Result<Totals, Failure> {
        // The buffers of lines that are written go back to the threads that fill them.
        let buffers = Mutex::new(Vec::new());
        let idle = || buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut totals = Totals::default();
        let work = |writer: &mut Writer<'_, '_>, batch: Batch<'_>| {
            let mut part = Part { lines: idle().pop().unwrap_or_default(), totals: Totals::default() };
            writer.batch(batch, &mut part);
            part
        };
        let consume = |mut part: Part| {
            totals.add(part.totals);
            self.progress.set_files(totals.streams, self.plan);
            if let Err(failure) = manifest.write(&part.lines) {
                return ControlFlow::Break(failure);
            }
            part.lines.clear();
            idle().push(part.lines);
            ControlFlow::Continue(())
        };
        match self.assessment.catalog().scan(threads, || Writer::new(self), work, consume) {
            ControlFlow::Break(failure) => Err(failure),
            ControlFlow::Continue(()) => {
                self.set_times();
                Ok(totals)
            }
        }
    }

    /// Makes the directories nothing was written into, and gives all of them their times, which writing changed.
    fn set_times(&self) {
        let mut handles = crate::recover::handles::Handles::new(&self.plan.tree, self.root.clone());
        for (folder, times) in self.plan.tree.directories() {
            if let (Ok(handle), Some(times)) = (handles.folder(folder), times) {
                let _ = handle.set_times(times);
            }
        }
    }
}
