//! The pass over a volume that writes its listing.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use ntfs_salvage::catalog::Batch;
use ntfs_salvage::recoverability::{Assessment, RecoverabilityOptions};
use ntfs_salvage::{Catalog, Entry, Threads};

use crate::command::failure::Failure;
use crate::files::listed_file::ListedFile;
use crate::input::condition;
use crate::input::volumes::Opened;
use crate::mft_dump::arguments::Wanted;
use crate::mft_dump::output::Output;
use crate::mft_dump::progress::Progress;
use crate::mft_dump::rows::{Buffers, Pen, Rows};
use crate::mft_dump::summary::Tally;
use crate::report::{self, Collector};

/// What is listed, and how.
pub struct Listing<'l> {
    pub opened: &'l Opened<'l>,
    /// The same, where it is one of several volumes.
    pub shown: Option<&'l Opened<'l>>,
    pub rows: &'l dyn Rows,
    pub wanted: Wanted,
    /// Whether it is asked what is left of the streams.
    pub verdicts: bool,
    /// Whether the content of the streams is read and judged.
    pub verifies: bool,
    /// Whether ghosts are looked for where no record is lost.
    pub ghosts: bool,
    pub threads: &'l Threads,
    /// What is to be said in a report, if one is asked for.
    pub report: Option<&'l Mutex<Collector>>,
}

/// What one batch of entries has become.
struct Part {
    rows: Vec<u8>,
    tally: Tally,
    /// Where the buffer of the rows goes back to.
    home: Buffers,
}

impl Listing<'_> {
    /// Writes the listing and counts what is in it.
    pub fn run(&self, output: &mut Output, progress: &Progress) -> Result<Tally, Failure> {
        let mut heading = Vec::new();
        if let Some(opened) = self.shown {
            self.rows.volume(opened, &mut heading);
        }
        output.write(&heading)?;
        self.opened.with_catalog(self.threads, self.ghosts, |catalog| self.entries(&catalog, output, progress))
    }

    fn entries(&self, catalog: &Catalog<'_>, output: &mut Output, progress: &Progress) -> Result<Tally, Failure> {
        // Without clusters there is nothing to ask.
        let is_assessed = self.verdicts && self.opened.volume.geometry().is_some();
        let options = RecoverabilityOptions::default();
        let assessment = (is_assessed || self.report.is_some()).then(|| catalog.assessment(self.threads, options));
        if let (Some(report), Some(assessment)) = (self.report, &assessment) {
            let mut collector = report.lock().unwrap_or_else(PoisonError::into_inner);
            let is_wanted = |state| self.wanted.includes(state);
            report::collect(&mut collector, self.opened, assessment, is_wanted, self.threads);
        }
        let assessment = assessment.filter(|_| is_assessed);
        let passes: &[Wanted] = if self.rows.live_first() { &[Wanted::Live, Wanted::Deleted] } else { &[Wanted::All] };
        progress.start(&self.opened.volume, passes.len());
        let clusters = assessment.as_ref().map(Assessment::unmarked_clusters);
        let condition = condition::sentences(&catalog.condition(), clusters);
        let mut tally = Tally::new(catalog.counts(), condition, self.ghosts);
        for &pass in passes {
            let counted = self.pass(catalog, assessment.as_ref(), pass, output, progress)?;
            tally.add(&counted);
        }
        Ok(tally)
    }

    fn pass(
        &self,
        catalog: &Catalog<'_>,
        assessment: Option<&Assessment<'_>>,
        pass: Wanted,
        output: &mut Output,
        progress: &Progress,
    ) -> Result<Tally, Failure> {
        let mut total = Tally::default();
        let work = |pen: &mut Pen<'_>, batch: Batch<'_>| {
            let home = pen.buffers.clone();
            let mut part = Part { rows: home.take(), tally: Tally::default(), home };
            for entry in batch.into_entries().filter(|entry| pass.includes(entry.state())) {
                self.write_rows(&entry, assessment, pen, &mut part);
            }
            part
        };
        let consume = |part: Part| {
            progress.step();
            total.add(&part.tally);
            if let Err(failure) = output.write(&part.rows) {
                return ControlFlow::Break(failure);
            }
            part.home.give_back(part.rows);
            ControlFlow::Continue(())
        };
        match catalog.scan(self.threads, || Pen::new(catalog, self.shown), work, consume) {
            ControlFlow::Break(failure) => Err(failure),
            ControlFlow::Continue(()) => Ok(total),
        }
    }

    fn write_rows(&self, entry: &Entry<'_>, assessment: Option<&Assessment<'_>>, pen: &mut Pen<'_>, part: &mut Part) {
        let is_wanted = self.wanted.includes(entry.state());
        let mut file = ListedFile::of(entry, assessment.filter(|_| is_wanted));
        if self.verifies && is_wanted {
            file.verify_content(pen.content.get_or_insert_default());
        }
        part.tally.count(entry.state(), &file.parts);
        if is_wanted {
            self.rows.file(&file, pen, &mut part.rows);
        }
    }
}
