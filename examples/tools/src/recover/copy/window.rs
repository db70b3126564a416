//! A window of records: made ready, copied in the order of the disk, and told of in the order of the records.

use std::convert::Infallible;
use std::ops::{ControlFlow, Range};
use std::sync::{Mutex, PoisonError};

use ntfs_salvage::{Catalog, Entry, Threads};

use crate::command::failure::Failure;
use crate::recover::copy::preparer::Preparer;
use crate::recover::copy::recovery::{Part, Recovery};
use crate::recover::copy::reporter::Reporter;
use crate::recover::copy::writer::{Errand, Sweep, Writer};
use crate::recover::manifest::file::Manifest;
use crate::recover::manifest::totals::Totals;
use crate::recover::order::turn::Turns;
use crate::recover::order::visits::{Kind, Wanted, sweep};
use crate::recover::order::waiting::WaitingRoom;
use crate::recover::output::handles::Handles;
use crate::recover::plan::job::{Names, WantedFile};
use crate::recover::plan::selection::Selection;

impl Recovery<'_> {
    /// Writes everything that is planned.
    pub fn run(&self, threads: &Threads, manifest: &mut Manifest) -> Result<Totals, Failure> {
        let catalog = self.assessment.catalog();
        let mut window = Window::new(self, threads);
        let mut totals = Totals::default();
        for batches in window.all(catalog) {
            if self.options.stop.is_asked() {
                break;
            }
            window.recover(batches, &mut totals, manifest)?;
        }
        self.set_times();
        Ok(totals)
    }

    /// Makes the directories nothing was written into, and gives all of them their times, which writing changed.
    fn set_times(&self) {
        let mut handles = Handles::new(&self.plan.tree, self.root.clone());
        for (folder, times) in self.plan.tree.directories() {
            if let (Ok(handle), Some(times)) = (handles.folder(folder), times) {
                let _ = handle.set_times(times);
            }
        }
    }
}

/// What goes from window to window.
pub struct Window<'w, 'r> {
    recovery: &'w Recovery<'r>,
    threads: &'w Threads,
    /// What was read of the table, a buffer for each batch.
    records: Vec<Vec<u8>>,
    /// Room for lines.
    idle: Mutex<Vec<Vec<u8>>>,
}

impl<'w, 'r> Window<'w, 'r> {
    /// Bytes of records in a window at most: 131,072 of the usual ones. What is known of their files takes twice as much.
    const RECORDS: u64 = 128 << 20;

    pub fn new(recovery: &'w Recovery<'r>, threads: &'w Threads) -> Self {
        Self { recovery, threads, records: Vec::new(), idle: Mutex::default() }
    }

    /// The batches of each window.
    pub fn all(&self, catalog: &Catalog<'_>) -> impl Iterator<Item = Range<u64>> + use<> {
        let (mft, count) = (catalog.volume().mft(), catalog.batch_count());
        let records = self.recovery.options.window.min(Self::RECORDS / u64::from(mft.record_size()).max(1));
        let in_a_batch = mft.record_count().div_ceil(count.max(1)).max(1);
        let step = (records / in_a_batch).max(1);
        (0..count.div_ceil(step)).map(move |window| window * step..((window + 1) * step).min(count))
    }

    /// Recovers the files of some batches.
    pub fn recover(
        &mut self,
        batches: Range<u64>,
        totals: &mut Totals,
        manifest: &mut Manifest,
    ) -> Result<(), Failure> {
        let count = (batches.end - batches.start) as usize;
        let mut records = std::mem::take(&mut self.records);
        records.resize_with(count.max(records.len()), Vec::new);
        let told = self.recover_into(&mut records[..count], batches.start, (totals, manifest));
        self.records = records;
        told
    }

    /// The same, with the table's records in these buffers, the first of which is for batch `first`.
    fn recover_into(
        &self,
        records: &mut [Vec<u8>],
        first: u64,
        (totals, manifest): (&mut Totals, &mut Manifest),
    ) -> Result<(), Failure> {
        let (recovery, threads, count) = (self.recovery, self.threads, records.len());
        let catalog = recovery.assessment.catalog();
        let buffers: Vec<_> = records.iter_mut().map(Some).map(Mutex::new).collect();
        let entries = each(
            threads,
            count,
            || (),
            |(), index| {
                let buffer = lock(&buffers[index]).take();
                let batch = first + index as u64;
                buffer.map_or_else(Vec::new, |buffer| wanted(catalog, recovery.selection, batch, buffer))
            },
        );
        let of_batch = |preparer: &mut Preparer<'_, '_>, index: usize| preparer.files(&entries[index]);
        let (files, names): (Vec<_>, Vec<_>) =
            each(threads, entries.len(), || Preparer::new(recovery), of_batch).into_iter().unzip();
        let names: Vec<_> = names.into_iter().map(Mutex::new).collect();
        let of_batch =
            |preparer: &mut Preparer<'_, '_>, index: usize| preparer.jobs(&files[index], &mut lock(&names[index]));
        let jobs = each(threads, files.len(), || Preparer::new(recovery), of_batch);
        let names: Vec<_> = names.into_iter().map(|names| names.into_inner().unwrap_or_default()).collect();
        let mut ends = Vec::with_capacity(jobs.len());
        let mut errands = Vec::with_capacity(jobs.iter().map(Vec::len).sum());
        for (batch, jobs) in jobs.into_iter().enumerate() {
            errands.extend(jobs.into_iter().map(|job| Mutex::new(Errand::new(job, batch))));
            ends.push(errands.len());
        }
        self.copy(&mut errands, &names);
        self.tell(&files, &names, (&errands, &ends), totals, manifest)
    }

    /// Reads and writes everything, in one sweep over the disk.
    fn copy(&self, errands: &mut [Mutex<Errand<'_>>], names: &[Names]) {
        let recovery = self.recovery;
        let wanted = errands.iter().map(|errand| {
            let job = &lock(errand).job;
            if recovery.kept(job).is_some() { Wanted::Nothing } else { Wanted::by(job) }
        });
        let (visits, groups) = sweep(wanted, recovery.options.gap);
        for visit in visits.iter().filter(|visit| visit.kind == Kind::Part) {
            lock(&errands[visit.errand]).expect_piece();
        }
        let turns = Turns::new(!recovery.options.is_packed && self.threads.count() > 1);
        let waiting = WaitingRoom::new(recovery.options.folder);
        let sweep = Sweep { errands, names, visits: &visits, groups: &groups, turns, waiting };
        each(self.threads, groups.len(), || Writer::new(recovery), |writer, _| writer.next_group(&sweep));
    }

    /// Writes the manifest's lines.
    fn tell(
        &self,
        files: &[Vec<WantedFile<'_>>],
        names: &[Names],
        (errands, ends): (&[Mutex<Errand<'_>>], &[usize]),
        totals: &mut Totals,
        manifest: &mut Manifest,
    ) -> Result<(), Failure> {
        let work = |reporter: &mut Reporter<'_, '_>, index: u64| {
            let index = index as usize;
            let start = index.checked_sub(1).map_or(0, |before| ends[before]);
            let mut part = Part { lines: lock(&self.idle).pop().unwrap_or_default(), totals: Totals::default() };
            reporter.batch(&files[index], &names[index], &errands[start..ends[index]], &mut part);
            part
        };
        let consume = |mut part: Part| {
            totals.add(part.totals);
            if let Err(failure) = manifest.write(&part.lines) {
                return ControlFlow::Break(failure);
            }
            part.lines.clear();
            lock(&self.idle).push(part.lines);
            ControlFlow::Continue(())
        };
        match self.threads.map_in_order(ends.len() as u64, || Reporter::new(self.recovery), work, consume) {
            ControlFlow::Break(failure) => Err(failure),
            ControlFlow::Continue(()) => Ok(()),
        }
    }
}

/// The entries of a batch that are wanted.
fn wanted<'b>(catalog: &'b Catalog<'b>, selection: &Selection, batch: u64, buffer: &'b mut Vec<u8>) -> Vec<Entry<'b>> {
    catalog.batch(batch, buffer).into_entries().filter(|entry| selection.entry(entry)).collect()
}

/// The results of so many pieces of work, in order.
fn each<S: Send, T: Send>(
    threads: &Threads,
    pieces: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let mut all = Vec::with_capacity(pieces);
    let consume = |result| {
        all.push(result);
        ControlFlow::<Infallible>::Continue(())
    };
    let _ = threads.map_in_order(pieces as u64, state, |state, index| work(state, index as usize), consume);
    all
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
