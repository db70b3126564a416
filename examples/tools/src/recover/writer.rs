//! Writes the streams of entries into files: one for each thread.

use std::fs::File as Output;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ntfs_salvage::catalog::{Batch, ContentWitness};
use ntfs_salvage::structure::attribute::AttributeFlags;
use ntfs_salvage::{Entry, FileReference};

use crate::judge::{ContentState, Judgement};
use crate::recover::content::{Copy, size_of};
use crate::recover::folder::{Folder, set_times};
use crate::recover::handles::Handles;
use crate::recover::inspection::{Inspected, Inspection, Task};
use crate::recover::lines;
use crate::recover::output_paths::OutputPaths;
use crate::recover::prepare::{File, Job, Obstacle, Preparer};
use crate::recover::recovery::{Part, Recovery};
use crate::recover::safe_name::with_mark;
use crate::recover::stream_line::{OtherLink, StreamLine};
use crate::shared::buffer::Buffer;

/// How often another name is tried where a file stands that was there before.
const TRIES: u32 = 100;

/// Files that one stream is written into at most.
const MOST_PIECES: usize = 4096;

/// Zeros of holes that are hashed at most: a hole of any size costs nothing to declare.
const LONGEST_HOLE: u64 = 16 << 30;

/// What a thread keeps from batch to batch.
pub struct Writer<'w, 'r> {
    recovery: &'w Recovery<'r>,
    preparer: Preparer<'w, 'r>,
    handles: Handles<'w>,
    buffers: Vec<Buffer>,
    text: String,
    paths: OutputPaths<'w>,
    most_entries: usize,
}

/// What became of a stream.
enum Outcome {
    Written(Written),
    NotWritten,
    Failed(io::Error),
    /// Reading has shown that it is not what was asked for.
    NotWanted,
}

/// A stream that is in a file now.
struct Written {
    /// The name, where it is not the one that was meant.
    other_name: Option<String>,
    sha256: Option<[u8; 32]>,
    /// What became of the file's further names.
    links: Vec<io::Result<Option<String>>>,
    pieces: Pieces,
}

/// What of a stream the output's file system has no place for in one file.
#[derive(Default)]
struct Pieces {
    /// Where the first file ends, if it does not hold all.
    cut: Option<u64>,
    /// Further files, by the byte they start with.
    files: Vec<(u64, String)>,
}

impl<'w, 'r> Writer<'w, 'r> {
    pub fn new(recovery: &'w Recovery<'r>) -> Self {
        Self {
            recovery,
            preparer: Preparer::new(recovery),
            handles: Handles::new(&recovery.plan.tree, recovery.root.clone()),
            buffers: Vec::new(),
            text: String::new(),
            paths: OutputPaths::new(&recovery.plan.tree, recovery.prefix),
            most_entries: 0,
        }
    }

    /// Writes what is wanted of a batch.
    pub fn batch(&mut self, batch: Batch<'_>, part: &mut Part) {
        let selection = self.recovery.selection;
        // A filter cannot say how many there will be, and growing copies them all.
        let mut entries: Vec<Entry<'_>> = Vec::with_capacity(self.most_entries);
        entries.extend(batch.into_entries().filter(|entry| selection.entry(entry)));
        self.most_entries = self.most_entries.max(entries.len());
        let files = self.preparer.files(&entries);
        let mut jobs = self.preparer.jobs(&files);
        let outcomes: Vec<_> = jobs.iter_mut().map(|job| self.write(job)).collect();
        let mut done = jobs.iter().zip(outcomes).peekable();
        for file in &files {
            if file.entry.is_directory() {
                self.directories(file, part);
            }
            while let Some((job, outcome)) = done.next_if(|(job, _)| std::ptr::eq(job.file, file)) {
                self.line(job, outcome, part);
            }
        }
        drop(done);
        drop(jobs);
    }

    // ------------------------------------------------------------------------------------ files

    fn write(&mut self, job: &mut Job<'_>) -> Outcome {
        if job.obstacle.is_some() {
            return Outcome::NotWritten;
        }
        if self.recovery.is_full() {
            let message = "not tried: there was no room before";
            return Outcome::Failed(io::Error::new(io::ErrorKind::StorageFull, message));
        }
        self.write_file(job).unwrap_or_else(|error| {
            if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                // After the first file there was no room for, no other is tried.
                self.recovery.is_full.store(true, Ordering::Relaxed);
            }
            Outcome::Failed(error)
        })
    }

    fn write_file(&mut self, job: &mut Job<'_>) -> io::Result<Outcome> {
        let target = &self.preparer.targets[job.targets.start];
        let folder = self.handles.folder(target.folder)?;
        let reference = job.reference;
        let name = &self.preparer.texts[target.name.clone()];
        let (other_name, mut output) = under_free_name(name, target.is_marked, reference, |name| folder.create(name))?;
        let name = other_name.as_deref().unwrap_or(name);
        let file_name = &self.preparer.texts[target.name.clone()];
        let copied = copy(self.recovery, &mut self.buffers, (job, file_name), &mut output);
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
            judged(job, judgement);
        }
        if !self.recovery.selection.verdict(job.found.verdict()) {
            folder.remove(name)?;
            return Ok(Outcome::NotWanted);
        }
        let pieces = Pieces { cut, files: pieces(self.recovery, &mut self.buffers, job, (&folder, name), cut)? };
        let links = match job.targets.len() {
            1 => Vec::new(),
            _ => {
                let name = name.to_owned();
                let others = job.targets.start + 1..job.targets.end;
                others.map(|target| self.link(&folder, &name, target, reference)).collect()
            }
        };
        Ok(Outcome::Written(Written { other_name, sha256: inspected.sha256, links, pieces }))
    }

    /// Gives a file one of its further names.
    fn link(
        &mut self,
        from: &Arc<Folder>,
        name: &str,
        target: usize,
        reference: FileReference,
    ) -> io::Result<Option<String>> {
        let target = &self.preparer.targets[target];
        let to = self.handles.folder(target.folder)?;
        let wanted = &self.preparer.texts[target.name.clone()];
        under_free_name(wanted, target.is_marked, reference, |new| from.link(name, &to, new)).map(|(other, ())| other)
    }

    // ------------------------------------------------------------------------------------ lines

    fn directories(&mut self, file: &File<'_>, part: &mut Part) {
        for wanted in &self.preparer.links[file.links.clone()] {
            let link = wanted.index.and_then(|index| file.parts.links.get(index));
            let (Some(link), Some(path)) = (link, wanted.path.clone()) else { continue };
            self.text.clear();
            link.name().push_to(&mut self.text);
            let tree = &self.recovery.plan.tree;
            let Some(folder) = tree.directory(tree.home(wanted.parent), &self.text) else { continue };
            let path = &self.preparer.texts[path];
            if let Err(error) = self.handles.folder(folder) {
                part.totals.fail(|| format!("{path}: {error}"));
                continue;
            }
            part.totals.directories += 1;
            lines::directory(path, file.entry, self.paths.folder(folder), file.reparse.as_ref(), &mut part.lines);
        }
    }

    fn line(&mut self, job: &Job<'_>, outcome: Outcome, part: &mut Part) {
        let too_large = |file: &Written| {
            let cut = file.pieces.cut?;
            Some(too_large(size_of(job.found.ranges()), cut, &file.pieces.files))
        };
        let (error, mut written) = match outcome {
            Outcome::NotWanted => return,
            Outcome::Written(file) => (too_large(&file), Some(file)),
            Outcome::NotWritten => (job.obstacle.and_then(Obstacle::error).map(str::to_owned), None),
            Outcome::Failed(failure) => (Some(failure.to_string()), None),
        };
        part.totals.count(job, written.is_some(), error.as_deref(), || self.path(job.file.links.start));
        let links = written.as_mut().map(|file| self.other_links(job, std::mem::take(&mut file.links)));
        if let Some(file) = &written {
            let target = &self.preparer.targets[job.targets.start];
            let name = file.other_name.as_deref().unwrap_or(&self.preparer.texts[target.name.clone()]);
            self.paths.set_file(target.folder, name, &mut self.text);
        }
        let folder = self.preparer.targets[job.targets.start].folder;
        let mut in_folder = |(from, name)| {
            let mut path = String::new();
            self.paths.set_file(folder, name, &mut path);
            (from, path)
        };
        let pieces = written.iter().flat_map(|file| &file.pieces.files);
        let pieces: Vec<_> = pieces.map(|(from, name)| in_folder((*from, name.as_str()))).collect();
        let path = self.preparer.links[job.file.links.start].path.clone();
        let line = StreamLine {
            job,
            path: path.map(|path| &self.preparer.texts[path]),
            sha256: written.as_ref().and_then(|file| file.sha256),
            output: written.is_some().then_some(&self.text),
            links: links.as_deref().unwrap_or_default(),
            pieces: &pieces,
            error: error.as_deref(),
            volume: self.recovery.opened.volume.source(),
        };
        line.write(&mut part.lines);
    }

    fn path(&self, link: usize) -> &str {
        let path = self.preparer.links[link].path.clone();
        path.map_or("a file without a name", |path| &self.preparer.texts[path])
    }

    fn other_links(&mut self, job: &Job<'_>, made: Vec<io::Result<Option<String>>>) -> Vec<OtherLink> {
        let further = (job.targets.start + 1..).zip(job.file.links.start + 1..).zip(made);
        let mut others = Vec::new();
        for ((target, link), made) in further {
            let target = &self.preparer.targets[target];
            let output = made.map_err(|error| error.to_string()).map(|other| {
                let name = other.as_deref().unwrap_or(&self.preparer.texts[target.name.clone()]);
                self.paths.set_file(target.folder, name, &mut self.text);
                self.text.clone()
            });
            others.push(OtherLink { path: self.path(link).to_owned(), output });
        }
        others
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
    output: &mut Output,
) -> io::Result<Copied> {
    let counts = job.found.counts();
    let holes =
        counts.zeros.saturating_add(counts.missing).saturating_add(counts.claimed).saturating_add(counts.overwritten);
    let size = size_of(job.found.ranges());
    let is_encrypted = job.stream.flags().contains(AttributeFlags::ENCRYPTED);
    let is_judged = recovery.selection.judges && !is_encrypted && holes <= LONGEST_HOLE;
    let cluster_size = recovery.opened.volume.geometry().map_or(4096, |geometry| geometry.cluster_size().into());
    let judged = is_judged.then_some((name, size, cluster_size));
    let task = Task { is_hashed: recovery.hashes && holes <= LONGEST_HOLE, judged };
    let mut copy = Copy::to(output, recovery);
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

/// Lets what the content says of itself change what is known of a deleted file.
fn judged(job: &mut Job<'_>, judgement: Judgement) {
    let found = job.found.clone();
    job.found = match (judgement.state, judgement.good_until) {
        (ContentState::Verified, _) => {
            let format = judgement.format.unwrap_or_default();
            let whole = 0..size_of(found.ranges());
            found.witnessed(ContentWitness::new("content", format), &[whole])
        }
        (ContentState::Contradicted, Some(from)) => found.contradicted(from),
        _ => found,
    };
    job.judgement = Some(judgement);
}

/// Writes what did not fit into the first file into others, each named for the byte it starts with.
fn pieces(
    recovery: &Recovery<'_>,
    buffers: &mut Vec<Buffer>,
    job: &Job<'_>,
    (folder, name): (&Folder, &str),
    mut cut: Option<u64>,
) -> io::Result<Vec<(u64, String)>> {
    let mut pieces = Vec::new();
    while let Some(from) = cut.filter(|from| *from < size_of(job.found.ranges()) && pieces.len() < MOST_PIECES) {
        let name = with_mark(name, &format!("~from-{from}"));
        let mut output = folder.create(&name)?;
        cut = Copy::to(&mut output, recovery).run(job, from, &mut Inspection::here(Task::default(), buffers))?;
        pieces.push((from, name));
    }
    Ok(pieces)
}

/// What to say of a stream that no file of the output can hold.
fn too_large(size: u64, cut: u64, pieces: &[(u64, String)]) -> String {
    let rest = match pieces.len() {
        0 => "there is nothing but zeros behind it".to_owned(),
        count => format!("the rest is in {count} further files, named for the byte they start with"),
    };
    format!("the file system of the output has no files of {size} bytes: the file ends before byte {cut}; {rest}")
}

/// Makes something under the name, or, where that is taken, under one with the reference in it, which is
/// returned then.
fn under_free_name<T>(
    name: &str,
    is_marked: bool,
    reference: FileReference,
    mut make: impl FnMut(&str) -> io::Result<T>,
) -> io::Result<(Option<String>, T)> {
    let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
    if !is_marked {
        match make(name) {
            Err(error) if is_taken(&error) => {}
            made => return made.map(|made| (None, made)),
        }
    }
    let mut mark = format!("~{reference}");
    for number in 2..=TRIES {
        let marked = with_mark(name, &mark);
        match make(&marked) {
            Err(error) if is_taken(&error) => mark = format!("~{reference}~{number}"),
            made => return made.map(|made| (Some(marked), made)),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}
