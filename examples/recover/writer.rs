//! Writes the streams of entries into files: one for each thread.

use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;

use ntfs_salvage::catalog::{Link, Paths, Recoverability, SpareParts, Stream, Verdict};
use ntfs_salvage::{Entry, EntryState, FileReference};

use crate::buffer::Buffer;
use crate::content::{Copy, size_of};
use crate::file::{Reparse, reparse_of};
use crate::folder::{Times, set_times};
use crate::handles::Handles;
use crate::hashing::Hashing;
use crate::lines::{self, OtherLink, StreamLine};
use crate::plan::{Place, each_link, file_name, times_of};
use crate::recovery::{Part, Recovery};
use crate::safe_name::with_mark;
use crate::tree::FolderId;

/// How often another name is tried where a file stands that was there before.
const TRIES: u32 = 100;

/// What a thread keeps from entry to entry.
pub struct Writer<'w, 'r> {
    recovery: &'w Recovery<'r>,
    paths: Paths<'w>,
    handles: Handles<'w>,
    buffers: Vec<Buffer>,
    spare: SpareParts,
    text: String,
    scratch: String,
    /// The path of the folder that was asked for last.
    folder_path: (Option<FolderId>, String),
}

/// A link under which an entry is wanted.
struct Wanted<'l> {
    index: usize,
    link: Option<&'l Link<'l>>,
    path: Option<String>,
}

/// What holds for all streams of an entry.
struct Facts {
    times: Option<Times>,
    reparse: Option<Reparse>,
}

/// A stream that is in a file now.
struct Written {
    name: String,
    output: String,
    sha256: Option<[u8; 32]>,
    found: Recoverability,
}

impl<'w, 'r> Writer<'w, 'r> {
    /// Zeros of holes that are hashed at most: a hole of any size costs nothing to declare.
    const LONGEST_HOLE: u64 = 16 << 30;

    pub fn new(recovery: &'w Recovery<'r>) -> Self {
        Self {
            recovery,
            paths: recovery.assessment.catalog().paths(),
            handles: Handles::new(&recovery.plan.tree, recovery.root.clone()),
            buffers: Vec::new(),
            spare: SpareParts::default(),
            text: String::new(),
            scratch: String::new(),
            folder_path: (None, String::new()),
        }
    }

    /// Writes what is wanted of an entry.
    pub fn entry(&mut self, entry: &Entry<'_>, part: &mut Part) {
        let parts = entry.parts_in(std::mem::take(&mut self.spare));
        let mut wanted = Vec::new();
        let selection = self.recovery.selection;
        each_link(entry, &parts.links, selection, (&mut self.paths, &mut self.text), |index, link, path| {
            wanted.push(Wanted { index, link: Some(link), path: Some(path.to_owned()) });
        });
        if parts.links.is_empty() && selection.nameless() {
            wanted.push(Wanted { index: 0, link: None, path: None });
        }
        if !wanted.is_empty() {
            let facts = Facts { times: parts.information.map(times_of), reparse: reparse_of(entry, &parts.others) };
            if entry.is_directory() {
                self.directories(entry, &wanted, &facts, part);
            }
            for (index, stream) in parts.streams.iter().enumerate() {
                self.stream((index, stream), &wanted, &facts, part);
            }
        }
        drop(wanted);
        self.spare = parts.into_spare();
    }

    fn directories(&mut self, entry: &Entry<'_>, wanted: &[Wanted<'_>], facts: &Facts, part: &mut Part) {
        for Wanted { link, path, .. } in wanted {
            let (Some(link), Some(path)) = (link, path) else { continue };
            self.scratch.clear();
            link.name().push_to(&mut self.scratch);
            let tree = &self.recovery.plan.tree;
            let Some(folder) = tree.directory(tree.home(Some(link.parent())), &self.scratch) else { continue };
            if let Err(error) = self.handles.folder(folder) {
                part.totals.fail(|| format!("{path}: {error}"));
                continue;
            }
            part.totals.directories += 1;
            lines::directory(path, entry, self.folder_path(folder), facts.reparse.as_ref(), &mut part.lines);
        }
    }

    /// The path of a folder in the output, with a slash behind it.
    fn folder_path(&mut self, folder: FolderId) -> &str {
        if self.folder_path.0 != Some(folder) {
            let path = &mut self.folder_path.1;
            path.clear();
            path.push_str(self.recovery.prefix);
            self.recovery.plan.tree.push_path(folder, path);
            self.folder_path.0 = Some(folder);
        }
        &self.folder_path.1
    }

    fn stream(&mut self, (index, stream): (usize, &Stream<'_>), wanted: &[Wanted<'_>], facts: &Facts, part: &mut Part) {
        let found = self.recovery.assessment.assess(stream);
        if !self.recovery.selection.verdict(found.verdict()) {
            return;
        }
        let Some(first) = wanted.first() else { return };
        let is_live = is_live(stream.entry());
        let written = self.write((index, stream), first, &found, (is_live, facts.times));
        let (mut links, mut error, mut written_as) = (Vec::new(), None, None);
        match written {
            Ok(Some(written)) if self.recovery.selection.verdict(written.found.verdict()) => {
                if stream.name().is_empty() {
                    links = self.link_others(index, stream, wanted, &written.name);
                }
                part.totals.written += 1;
                part.totals.bytes += size_of(written.found.ranges());
                written_as = Some(written);
            }
            // Reading has shown that it is not what was asked for.
            Ok(Some(written)) => return self.remove(first, &written.name),
            Ok(None) if has_content(&found) => {
                part.totals.too_large += 1;
                error = Some("larger than --max-size".to_owned());
            }
            Ok(None) => part.totals.without_content += 1,
            Err(failure) => {
                let path = first.path.as_deref().unwrap_or("a file without a name");
                part.totals.fail(|| format!("{path}: {failure}"));
                error = Some(failure.to_string());
            }
        }
        let found = written_as.as_ref().map_or(&found, |written| &written.found);
        part.totals.count(found.verdict());
        let line = StreamLine {
            stream,
            path: first.path.as_deref(),
            found,
            is_live,
            sha256: written_as.as_ref().and_then(|written| written.sha256),
            output: written_as.as_ref().map(|written| written.output.as_str()),
            links: &links,
            reparse: facts.reparse.as_ref().filter(|_| stream.name().is_empty()),
            error: error.as_deref(),
            volume_start: self.recovery.opened.volume.source().start(),
        };
        line.write(&mut self.scratch, &mut part.lines);
    }

    /// Writes a stream into a file of its own; `None` where there is nothing to write.
    fn write(
        &mut self,
        (index, stream): (usize, &Stream<'_>),
        wanted: &Wanted<'_>,
        found: &Recoverability,
        (is_live, times): (bool, Option<Times>),
    ) -> io::Result<Option<Written>> {
        if !has_content(found) || self.recovery.selection.is_too_large(size_of(found.ranges())) {
            return Ok(None);
        }
        if self.recovery.is_full() {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "not tried: there was no room before"));
        }
        let (folder, name, place) = self.name((index, stream), wanted);
        let handle = self.handles.folder(folder)?;
        let reference = stream.entry().reference();
        let is_marked = self.recovery.plan.is_marked(place);
        let (name, mut file) = under_free_name(name, is_marked, reference, |name| handle.create(name))
            .inspect_err(|error| self.note_full(error))?;
        let copied = self.copy(stream, found, is_live, &mut file);
        let (sha256, falls_short) = copied.inspect_err(|error| {
            // What is not complete does not stay, and makes room for the manifest.
            let _ = handle.remove(&name);
            self.note_full(error);
        })?;
        if let Some(times) = times {
            // Some file systems do not have every time: the manifest's truth does not depend on it.
            let _ = set_times(&file, times);
        }
        let output = format!("{}{name}", self.folder_path(folder));
        let found = if falls_short { self.recovery.thorough().assess(stream) } else { found.clone() };
        Ok(Some(Written { name, output, sha256, found }))
    }

    fn copy(
        &mut self,
        stream: &Stream<'_>,
        found: &Recoverability,
        is_live: bool,
        file: &mut File,
    ) -> io::Result<(Option<[u8; 32]>, bool)> {
        let ranges = found.ranges();
        let counts = found.counts();
        let holes = counts.zeros.saturating_add(counts.missing).saturating_add(counts.claimed);
        let is_hashed = self.recovery.hashes && holes <= Self::LONGEST_HOLE;
        let mut copy = Copy::to(file, self.recovery.progress);
        let mut run =
            |mut hashing: Hashing<'_, '_>| copy.run(stream, ranges, is_live, &mut hashing).map(|()| hashing.finish());
        let hash = match is_hashed {
            false => run(Hashing::none(&mut self.buffers))?,
            true if size_of(ranges) < Hashing::LONG => run(Hashing::here(&mut self.buffers))?,
            true => std::thread::scope(|scope| run(Hashing::beside(scope, &mut self.buffers)))?,
        };
        Ok((hash, copy.falls_short))
    }

    /// After the first file there was no room for, no other is tried.
    fn note_full(&self, error: &io::Error) {
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            self.recovery.is_full.store(true, Ordering::Relaxed);
        }
    }

    fn name(&self, (index, stream): (usize, &Stream<'_>), wanted: &Wanted<'_>) -> (FolderId, String, Place) {
        let folder = self.recovery.plan.tree.home(wanted.link.map(Link::parent));
        let name = file_name(wanted.link, stream.entry(), stream);
        (folder, name, (stream.entry().record_number(), wanted.index, index))
    }

    fn remove(&mut self, wanted: &Wanted<'_>, name: &str) {
        let folder = self.recovery.plan.tree.home(wanted.link.map(Link::parent));
        let _ = self.handles.folder(folder).and_then(|handle| handle.remove(name));
    }

    /// Gives the file its further names.
    fn link_others(
        &mut self,
        index: usize,
        stream: &Stream<'_>,
        wanted: &[Wanted<'_>],
        written: &str,
    ) -> Vec<OtherLink> {
        let Some((first, others)) = wanted.split_first() else { return Vec::new() };
        let home = self.recovery.plan.tree.home(first.link.map(Link::parent));
        let mut linked = Vec::new();
        for other in others {
            let (folder, name, place) = self.name((index, stream), other);
            let is_marked = self.recovery.plan.is_marked(place);
            let made = self.handles.folder(home).and_then(|from| {
                let to = self.handles.folder(folder)?;
                under_free_name(name, is_marked, stream.entry().reference(), |name| from.link(written, &to, name))
            });
            let output = match made {
                Ok((name, ())) => Ok(format!("{}{name}", self.folder_path(folder))),
                Err(error) => Err(error.to_string()),
            };
            linked.push(OtherLink { path: other.path.clone().unwrap_or_default(), output });
        }
        linked
    }
}

/// Makes something under the name, or, where that is taken, under one with the reference in it.
fn under_free_name<T>(
    name: String,
    is_marked: bool,
    reference: FileReference,
    mut make: impl FnMut(&str) -> io::Result<T>,
) -> io::Result<(String, T)> {
    let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
    if !is_marked {
        match make(&name) {
            Err(error) if is_taken(&error) => {}
            made => return made.map(|made| (name, made)),
        }
    }
    let mut mark = format!("~{reference}");
    for number in 2..=TRIES {
        let marked = with_mark(&name, &mark);
        match make(&marked) {
            Err(error) if is_taken(&error) => mark = format!("~{reference}~{number}"),
            made => return made.map(|made| (marked, made)),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// True where there is something to write.
fn has_content(found: &Recoverability) -> bool {
    matches!(found.verdict(), Verdict::Intact | Verdict::Likely | Verdict::Partial)
}

/// True for a file whose clusters are its own; of a file without a base record, as its header says.
fn is_live(entry: &Entry<'_>) -> bool {
    match entry.state() {
        EntryState::Live => true,
        EntryState::Orphan => entry.header().is_in_use(),
        _ => false,
    }
}
