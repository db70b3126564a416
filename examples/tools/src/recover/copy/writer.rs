//! Writes streams into files: one for each thread.

use std::fs::File as Output;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ntfs_salvage::FileReference;

use crate::files::verified_content::{cluster_size_of, is_judged, is_mostly_hole, size_of, with_judgement};
use crate::input::buffer::Buffer;
use crate::judge::{ContentState, Judgement};
use crate::recover::copy::content::{self, Copy, Reading};
use crate::recover::copy::inspection::{Inspected, Inspection, Task};
use crate::recover::copy::recovery::Recovery;
use crate::recover::order::fetched::{Contents, Piece};
use crate::recover::order::turn::{Turn, Turns};
use crate::recover::order::visits::{Group, Kind, Visit};
use crate::recover::order::waiting::{Waiting, WaitingRoom};
use crate::recover::output::folder::{Folder, set_times};
use crate::recover::output::handles::Handles;
use crate::recover::output::safe_name::with_mark;
use crate::recover::plan::job::{Job, Names, Obstacle, Target};

/// How often another name is tried where a file stands that was there before.
const TRIES: u32 = 100;

/// Files that one stream is written into at most.
const MOST_PIECES: usize = 4096;

/// What a thread keeps from group to group.
pub struct Writer<'w, 'r> {
    recovery: &'w Recovery<'r>,
    handles: Handles<'w>,
    buffers: Vec<Buffer>,
    /// What is read for a group.
    group: Piece,
}

/// A stream on its way to a file.
pub struct Errand<'f> {
    pub job: Job<'f>,
    /// Which batch of the window has its names.
    pub batch: usize,
    pub outcome: Outcome,
    /// What of it was read, and how many pieces are still to come.
    pieces: Vec<Waiting>,
    waits: usize,
}

/// The streams of a window, and the way to them.
pub struct Sweep<'s, 'f> {
    pub errands: &'s [Mutex<Errand<'f>>],
    pub names: &'s [Names],
    pub visits: &'s [Visit],
    pub groups: &'s [Group],
    pub turns: Turns,
    pub waiting: WaitingRoom<'s>,
}

/// What became of a stream.
pub enum Outcome {
    Written(Written),
    NotWritten,
    /// An interrupted run has written it.
    Kept,
    Failed(io::Error),
    /// Reading has shown that it is not what was asked for, or the user wants no more.
    NotWanted,
}

/// A stream that is in a file now.
pub struct Written {
    /// The name, where it is not the one that was meant.
    pub other_name: Option<String>,
    pub sha256: Option<[u8; 32]>,
    /// What became of the file's further names.
    pub links: Vec<io::Result<Option<String>>>,
    pub pieces: Pieces,
}

/// What of a stream the output's file system has no place for in one file.
#[derive(Default)]
pub struct Pieces {
    /// Where the first file ends, if it does not hold all.
    pub cut: Option<u64>,
    /// Further files, by the byte they start with.
    pub files: Vec<(u64, String)>,
}

impl<'f> Errand<'f> {
    pub fn new(job: Job<'f>, batch: usize) -> Self {
        Self { job, batch, outcome: Outcome::NotWanted, pieces: Vec::new(), waits: 0 }
    }

    /// Lets it wait for one piece more.
    pub fn expect_piece(&mut self) {
        self.waits += 1;
    }
}

impl<'f> Sweep<'_, 'f> {
    fn errand(&self, visit: &Visit) -> MutexGuard<'_, Errand<'f>> {
        self.errands[visit.errand].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'w, 'r> Writer<'w, 'r> {
    pub fn new(recovery: &'w Recovery<'r>) -> Self {
        let handles = Handles::new(&recovery.plan.tree, recovery.root.clone());
        Self { recovery, handles, buffers: Vec::new(), group: Piece::default() }
    }

    /// Makes the next visits.
    pub fn next_group(&mut self, sweep: &Sweep<'_, '_>) {
        let (index, mut turn) = sweep.turns.take();
        let Group { visits, read } = &sweep.groups[index];
        let mut group = std::mem::take(&mut self.group);
        let volume = self.recovery.opened.volume.source();
        let is_read = match usize::try_from(read.end - read.start) {
            Ok(length) if length > 0 && !self.recovery.is_full() => group.read(&volume, read.start, length),
            _ => false,
        };
        let is_alone = sweep.visits[visits.start].kind == Kind::Alone;
        if !is_alone {
            turn.end();
        }
        let pieces = if is_read { std::slice::from_ref(&group) } else { &[] };
        for visit in &sweep.visits[visits.clone()] {
            let mut errand = sweep.errand(visit);
            match visit.kind {
                Kind::Part => self.part(&mut errand, sweep, visit, pieces),
                _ => self.settle(&mut errand, sweep, pieces, &mut turn),
            }
        }
        self.group = group;
    }

    /// Keeps one piece of a stream until all are there.
    fn part(&mut self, errand: &mut Errand<'_>, sweep: &Sweep<'_, '_>, visit: &Visit, read: &[Piece]) {
        let bytes = read.first().and_then(|piece| piece.get(visit.place, visit.length as usize));
        errand.pieces.extend(bytes.and_then(|bytes| sweep.waiting.keep(visit.place, bytes)));
        errand.waits -= 1;
        if errand.waits == 0 {
            let waiting = std::mem::take(&mut errand.pieces);
            let pieces: Vec<_> = waiting.into_iter().filter_map(|waiting| sweep.waiting.take(waiting)).collect();
            self.settle(errand, sweep, &pieces, &mut Turn::default());
        }
    }

    /// Does with a stream what is to be done, some of its content being at hand.
    fn settle(&mut self, errand: &mut Errand<'_>, sweep: &Sweep<'_, '_>, pieces: &[Piece], turn: &mut Turn<'_>) {
        let contents = Contents { volume: self.recovery.opened.volume.source(), pieces };
        let job = &mut errand.job;
        if self.recovery.kept(job).is_some() {
            errand.outcome = Outcome::Kept;
            return self.recovery.progress.add_stream(self.recovery.plan);
        }
        if job.is_unsampled() {
            job.found = self.recovery.assessment.assess_from(job.stream, &contents);
            job.obstacle = Obstacle::of(&job.found, self.recovery.selection);
        }
        errand.outcome = match self.recovery.selection.may_want(job.found.verdict()) {
            true => self.write(job, &sweep.names[errand.batch], contents, turn),
            false => Outcome::NotWanted,
        };
        self.recovery.progress.add_stream(self.recovery.plan);
    }

    fn write(&mut self, job: &mut Job<'_>, names: &Names, contents: Contents<'_>, turn: &mut Turn<'_>) -> Outcome {
        if job.obstacle.is_some() {
            return Outcome::NotWritten;
        }
        if self.recovery.is_full() {
            let message = "not tried: there was no room before";
            return Outcome::Failed(io::Error::new(io::ErrorKind::StorageFull, message));
        }
        if self.recovery.options.stop.is_asked() {
            return Outcome::NotWanted;
        }
        self.write_file(job, names, contents, turn).unwrap_or_else(|error| {
            if content::is_interruption(&error) {
                return Outcome::NotWanted;
            }
            if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                // After the first file there was no room for, no other is tried.
                self.recovery.is_full.store(true, Ordering::Relaxed);
            }
            Outcome::Failed(error)
        })
    }

    fn write_file(
        &mut self,
        job: &mut Job<'_>,
        names: &Names,
        contents: Contents<'_>,
        turn: &mut Turn<'_>,
    ) -> io::Result<Outcome> {
        let target = &names.targets[job.targets.start];
        let folder = self.handles.folder(target.folder)?;
        let reference = job.reference;
        let file_name = &names.texts[target.name.clone()];
        let (other_name, mut output) = under_free_name(file_name, target.marks, reference, |name| folder.create(name))?;
        let name = other_name.as_deref().unwrap_or(file_name);
        let reading = Reading { contents, turn };
        let copied = copy(self.recovery, &mut self.buffers, (job, file_name), reading, &mut output);
        // What is not complete does not stay, and makes room for the manifest.
        let Copied { inspected, falls_short, cut } = copied.inspect_err(|_| drop(folder.remove(name)))?;
        if let Some(times) = job.times {
            // Some file systems do not have every time; the manifest does not depend on it.
            let _ = set_times(&output, times);
        }
        if falls_short {
            job.found = self.recovery.thorough().assess(job.stream);
        }
        // Where less could be read than there is, zeros stood in its place: only sums that hold say something then.
        let is_judged = |judgement: &Judgement| !falls_short || judgement.state == ContentState::Verified;
        if let Some(judgement) = inspected.judgement.filter(is_judged) {
            job.found = with_judgement(job.found.clone(), &judgement);
            job.judgement = Some(judgement);
        }
        if !self.recovery.selection.verdict(job.found.verdict()) {
            folder.remove(name)?;
            return Ok(Outcome::NotWanted);
        }
        let files = pieces(self.recovery, &mut self.buffers, job, (&folder, name), cut, contents)?;
        let pieces = Pieces { cut, files };
        let links = match job.targets.len() {
            1 => Vec::new(),
            _ => {
                let others = job.targets.start + 1..job.targets.end;
                others.map(|target| self.link((&folder, name), &names.targets[target], names, reference)).collect()
            }
        };
        Ok(Outcome::Written(Written { other_name, sha256: inspected.sha256, links, pieces }))
    }

    /// Gives a file one of its further names.
    fn link(
        &mut self,
        (from, name): (&Arc<Folder>, &str),
        target: &Target,
        names: &Names,
        reference: FileReference,
    ) -> io::Result<Option<String>> {
        let to = self.handles.folder(target.folder)?;
        let wanted = &names.texts[target.name.clone()];
        under_free_name(wanted, target.marks, reference, |new| from.link(name, &to, new)).map(|(other, ())| other)
    }
}

/// What copying a stream has come to.
struct Copied {
    /// What was found out on the way; nothing where the file is cut.
    inspected: Inspected,
    /// Whether reading has put something in question.
    falls_short: bool,
    /// Where the file ends, if its file system has none of the stream's size.
    cut: Option<u64>,
}

/// Writes a stream into an empty file, as far as that can be.
fn copy(
    recovery: &Recovery<'_>,
    buffers: &mut Vec<Buffer>,
    (job, name): (&Job<'_>, &str),
    reading: Reading<'_, '_>,
    output: &mut Output,
) -> io::Result<Copied> {
    let size = size_of(job.found.ranges());
    let is_judged = recovery.selection.judges && is_judged(job.stream, &job.found);
    let judged = is_judged.then(|| (name, size, cluster_size_of(job.stream)));
    let task = Task { is_hashed: recovery.options.hashes && !is_mostly_hole(&job.found), judged };
    let mut copy = Copy::to(output, recovery, reading);
    let mut run = |mut inspection: Inspection<'_, '_>| {
        let cut = copy.run(job, 0, &mut inspection)?;
        let inspected = inspection.finish();
        Ok::<_, io::Error>((cut, if cut.is_none() { inspected } else { Inspected::default() }))
    };
    let (cut, inspected) = match (task.is_hashed || is_judged) && size >= Inspection::LONG {
        false => run(Inspection::here(task, buffers))?,
        true => std::thread::scope(|scope| run(Inspection::beside(scope, task, buffers)))?,
    };
    Ok(Copied { inspected, falls_short: copy.falls_short, cut })
}

/// Writes what did not fit into the first file into others, each named for the byte it starts with.
fn pieces(
    recovery: &Recovery<'_>,
    buffers: &mut Vec<Buffer>,
    job: &Job<'_>,
    (folder, name): (&Folder, &str),
    mut cut: Option<u64>,
    contents: Contents<'_>,
) -> io::Result<Vec<(u64, String)>> {
    let mut pieces = Vec::new();
    while let Some(from) = cut.filter(|from| *from < size_of(job.found.ranges()) && pieces.len() < MOST_PIECES) {
        let name = with_mark(name, &format!("~from-{from}"));
        let mut output = folder.create(&name)?;
        let reading = Reading { contents, turn: &mut Turn::default() };
        cut = Copy::to(&mut output, recovery, reading).without_stops().run(
            job,
            from,
            &mut Inspection::here(Task::default(), buffers),
        )?;
        pieces.push((from, name));
    }
    Ok(pieces)
}

/// Makes something under the name, or, where that is taken, under one with the reference in it, which is
/// returned then.
fn under_free_name<T>(
    name: &str,
    marks: u32,
    reference: FileReference,
    mut make: impl FnMut(&str) -> io::Result<T>,
) -> io::Result<(Option<String>, T)> {
    let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
    if marks == 0 {
        match make(name) {
            Err(error) if is_taken(&error) => {}
            made => return made.map(|made| (None, made)),
        }
    }
    let mut mark = if marks < 2 { format!("~{reference}") } else { format!("~{reference}~{marks}") };
    for number in marks.max(1) + 1..=marks.saturating_add(TRIES) {
        let marked = with_mark(name, &mark);
        match make(&marked) {
            Err(error) if is_taken(&error) => mark = format!("~{reference}~{number}"),
            made => return made.map(|made| (Some(marked), made)),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}
