//! Long steps tell how far they have come and can be stopped; what is gone for good is asked for no more.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ntfs_salvage::recoverability::RecoverabilityOptions;
use ntfs_salvage::salvage::{Opening, Scanner};
use ntfs_salvage::source::Source;
use ntfs_salvage::{Error, Progress, ReadError, Session, Step, Threads, Volume};

/// An image that counts how often it is read, and goes away after so many reads.
struct Image {
    bytes: Vec<u8>,
    reads: AtomicU64,
    leaves_after: u64,
}

impl Image {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
        Self { bytes: fs::read(path).unwrap(), reads: AtomicU64::new(0), leaves_after: u64::MAX }
    }

    fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

impl Source for Image {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        if self.reads.fetch_add(1, Ordering::Relaxed) >= self.leaves_after {
            return Err(ReadError::new(offset, buffer.len() as u64, std::io::Error::other("pulled out")));
        }
        self.bytes.read_at(offset, buffer)
    }

    fn is_gone(&self) -> bool {
        self.reads() > self.leaves_after
    }
}

/// A long step.
type Job<'j> = &'j dyn Fn(&Threads);

/// What the watcher of a job was told.
fn watched(threads: &Threads, job: Job<'_>) -> Vec<Progress> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let watcher = move |progress| {
        told.lock().unwrap().push(progress);
        ControlFlow::Continue(())
    };
    threads.watch(watcher, |threads| job(threads)).unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

/// Stops a job with its `last` report, and returns how many there were.
fn stopped(threads: &Threads, job: Job<'_>, last: usize) -> usize {
    let count = Arc::new(Mutex::new(0));
    let told = count.clone();
    let watcher = move |_| {
        *told.lock().unwrap() += 1;
        if *told.lock().unwrap() == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let result = threads.watch(watcher, |threads| job(threads));
    assert!(matches!(result, Err(Error::Cancelled)));
    let count = count.lock().unwrap();
    *count
}

#[test]
fn every_long_step_reports_and_stops_where_it_is_told_to() {
    let image = Image::new("deleted.img");
    let volume = Volume::open(&image).unwrap().with_reads_of(1024);
    let catalog = volume.catalog();
    let jobs: [(Step, Job<'_>); 6] = [
        (Step::Catalog, &|threads| drop(volume.catalog_with(threads))),
        (Step::Ghosts, &|threads| drop(volume.catalog_with(&Threads::single()).with_ghosts(threads))),
        (Step::Claims, &|threads| drop(catalog.claims(threads))),
        (Step::Claims, &|threads| drop(catalog.assessment(threads, RecoverabilityOptions::default()))),
        (Step::Scan, &|threads| drop(Scanner::new(&image).run_with(threads))),
        (Step::Scan, &|threads| drop(Opening::new(&image).scan().threads(threads).run())),
    ];
    for threads in [1, 3].map(Threads::new) {
        for (step, job) in jobs {
            let seen = watched(&threads, job);
            assert!(seen.iter().any(|progress| progress.step == step), "{step:?}: {seen:?}");
            for (one, next) in seen.iter().zip(&seen[1..]) {
                let is_next = one.step == next.step && one.total == next.total && one.done + 1 == next.done;
                assert!(is_next || (one.done == one.total && next.done == 1), "{one:?}, then {next:?}");
            }
            for last in [1, seen.len() / 2, seen.len()] {
                assert_eq!(stopped(&threads, job, last.max(1)), last.max(1), "{step:?}");
            }
        }
    }
    assert!(!Threads::single().is_cancelled());
}

#[test]
fn a_stopped_step_reads_no_further() {
    let image = Image::new("plain.img");
    let volume = Volume::open(&image).unwrap().with_reads_of(1024);
    let whole = {
        let before = image.reads();
        drop(volume.catalog_with(&Threads::single()));
        image.reads() - before
    };
    let before = image.reads();
    stopped(&Threads::single(), &|threads| drop(volume.catalog_with(threads)), 1);
    let part = image.reads() - before;
    assert!(part <= 20 && whole > 100, "{part} of {whole} reads");
}

#[test]
fn a_session_can_be_stopped_while_it_is_opened() {
    let source = Arc::new(Image::new("plain.img"));
    let stop = |_| ControlFlow::Break(());
    let open = |threads: &Threads| Session::with(source.clone(), |opening| opening.scan().threads(threads));
    assert!(matches!(Threads::default().watch(stop, open), Err(Error::Cancelled)));
    let session = Threads::default().watch(|_| ControlFlow::Continue(()), open).unwrap().unwrap();
    assert_eq!(session.volumes().len(), 1);
}

#[test]
fn a_copy_reports_bytes_and_stops_behind_what_it_wrote() {
    let volume = Volume::open_shared(Arc::new(Image::new("plain.img"))).unwrap();
    let catalog = volume.catalog();
    let file = catalog.entries().find(|entry| entry.streams().iter().any(|one| one.size() > Some(12_000))).unwrap();
    let size = file.streams().iter().find_map(ntfs_salvage::Stream::size).unwrap();
    let mut reader = catalog.open_stream(file.reference(), "").unwrap();
    let (mut out, mut last) = (Vec::new(), None);
    let watcher = |progress: Progress| {
        last = Some((progress.step, progress.done, progress.total));
        ControlFlow::Break(())
    };
    assert!(matches!(reader.copy_watched(&mut out, watcher), Err(Error::Cancelled)));
    assert_eq!(last.map(|(step, done, _)| (step, done)), Some((Step::Copy, out.len() as u64)));
    assert_eq!(last.map(|(_, _, total)| total), Some(size));
    let mut rest = Vec::new();
    reader.copy_watched(&mut rest, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(out.len() + rest.len(), usize::try_from(size).unwrap());
}

#[test]
fn a_source_that_is_gone_is_not_asked_again_by_anything() {
    for leaves_after in [0, 3, 20, 60, 100] {
        for open in [
            |source: &dyn Source| Opening::new(source).run().volumes.len(),
            |source: &dyn Source| {
                let opened = Opening::new(source).scan().run();
                for one in &opened.volumes {
                    let catalog = one.volume().catalog_with(&Threads::single());
                    let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default());
                    for entry in catalog.entries() {
                        for stream in &entry.streams() {
                            drop(assessment.assess(stream));
                            stream.reader().copy_to(&mut std::io::sink()).unwrap();
                        }
                    }
                }
                opened.volumes.len()
            },
        ] {
            let image = Image { leaves_after, ..Image::new("plain.img") };
            open(&image);
            let more = image.reads().saturating_sub(leaves_after);
            assert!(more <= 12, "asked {more} times after it was gone with read {leaves_after}");
        }
    }
}

#[test]
fn a_scan_of_a_source_that_goes_away_can_be_resumed() {
    let image = Image { leaves_after: 1, ..Image::new("plain.img") };
    let part = Scanner::new(&image).run_with(&Threads::single());
    assert!(!part.is_complete() && part.unreadable().is_empty(), "{part:?}");
    let back = Image::new("plain.img");
    let whole = Scanner::new(&back).resume(part).unwrap().run_with(&Threads::single());
    assert_eq!(whole.records().len(), Scanner::new(&back).run().records().len());
}
