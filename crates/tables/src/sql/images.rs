//! Images that a table reads each time it is asked.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use ntfs_salvage::Threads;
use ntfs_salvage_tools::command::failure::Failure;
use ntfs_salvage_tools::input::container;
use ntfs_salvage_tools::input::volumes::{Input, Volumes};

use crate::dataset::{error_rows, id_of, input_arguments};
use crate::scan::{self, ScanError, Wanted};

/// Images, and how they are read.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// The files or devices.
    pub inputs: Vec<PathBuf>,
    /// Arguments of `mft_dump` for all of them, such as `--no-scan`.
    pub options: Vec<String>,
    /// How many threads read one image.
    pub threads: usize,
    /// What could not be read, or not whole.
    pub problems: Problems,
}

/// What could not be read, or not whole, while questions were answered.
#[derive(Debug, Clone, Default)]
pub struct Problems(Arc<Mutex<Vec<String>>>);

impl Problems {
    /// Adds one, if it is new.
    pub(crate) fn add(&self, problem: String) {
        let mut problems = self.lock();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// Each once.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody wants more rows.
#[derive(Debug)]
pub(crate) struct Enough;

impl std::fmt::Display for Enough {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody wants more rows")
    }
}

impl Images {
    /// What the column `image` says of an input.
    #[must_use]
    pub fn id(&self, place: usize) -> Option<String> {
        self.inputs.get(place).map(|input| id_of(input))
    }

    /// Gives the batches of an image's volumes to `take`, those of entries or those of ranges. What cannot be read is noted.
    pub(crate) fn read(
        &self,
        place: usize,
        wanted: &Wanted,
        mut take: impl FnMut(RecordBatch) -> Result<(), Enough>,
    ) -> Result<(), Enough> {
        match self.read_volumes(place, wanted, &mut take) {
            Ok(flow) => flow,
            Err(failure) => {
                self.problems.add(failure.to_string());
                Ok(())
            }
        }
    }

    /// Gives the rows of an image's errors to `take`: what it takes to open its volumes is done, and no more.
    pub(crate) fn read_errors(
        &self,
        place: usize,
        mut take: impl FnMut(RecordBatch) -> Result<(), Enough>,
    ) -> Result<(), Enough> {
        let Some(path) = self.inputs.get(place) else { return Ok(()) };
        let Err(failure) = self.open(path) else { return Ok(()) };
        let message = failure.to_string();
        self.problems.add(message.clone());
        match error_rows(&path.display().to_string(), &[(None, message)]) {
            Ok(rows) => take(rows),
            Err(error) => {
                self.problems.add(error.to_string());
                Ok(())
            }
        }
    }

    /// Opens an image's volumes, all of them.
    fn open(&self, path: &Path) -> Result<(), Failure> {
        let arguments = input_arguments(path, &self.options)?;
        let evidence = container::open(&arguments, true)?;
        let input = Input::new(&evidence, &arguments);
        let Volumes { failure, .. } = input.volumes(&Threads::new(self.threads), true)?;
        failure.map_or(Ok(()), Err)
    }

    fn read_volumes(
        &self,
        place: usize,
        wanted: &Wanted,
        take: &mut impl FnMut(RecordBatch) -> Result<(), Enough>,
    ) -> Result<Result<(), Enough>, Failure> {
        let Some(path) = self.inputs.get(place) else { return Ok(Ok(())) };
        let arguments = input_arguments(path, &self.options)?;
        let threads = Threads::new(self.threads);
        let evidence = container::open(&arguments, true)?;
        let input = Input::new(&evidence, &arguments);
        let Volumes { opened, failure, .. } = input.volumes(&threads, true)?;
        if let Some(failure) = failure {
            self.problems.add(failure.to_string());
        }
        for opened in &opened {
            let scanned = opened.with_catalog(&threads, arguments.ghosts, |catalog| {
                scan::rows(&catalog, &opened.tag, wanted, &threads, |rows| {
                    rows.entries.into_iter().chain(rows.ranges).try_for_each(&mut *take)
                })
            });
            match scanned {
                Ok(()) => {}
                Err(ScanError::Consumer(enough)) => return Ok(Err(enough)),
                Err(ScanError::Arrow(error)) => return Err(Failure::new(path.display(), error)),
            }
        }
        Ok(Ok(()))
    }
}
