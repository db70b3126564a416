//! The manifest's lines about what was written: one for each thread.

use std::io;
use std::sync::{Mutex, PoisonError};

use crate::files::verified_content::size_of;
use crate::recover::copy::recovery::{Part, Recovery};
use crate::recover::copy::writer::{Errand, Outcome, Written};
use crate::recover::manifest::lines;
use crate::recover::manifest::stream_line::{OtherLink, StreamLine};
use crate::recover::output::handles::Handles;
use crate::recover::output::output_paths::OutputPaths;
use crate::recover::plan::job::{Job, Names, Obstacle, WantedFile};

/// What a thread keeps from batch to batch.
pub struct Reporter<'w, 'r> {
    recovery: &'w Recovery<'r>,
    handles: Handles<'w>,
    text: String,
    paths: OutputPaths<'w>,
}

impl<'w, 'r> Reporter<'w, 'r> {
    pub fn new(recovery: &'w Recovery<'r>) -> Self {
        let tree = &recovery.plan.tree;
        Self {
            recovery,
            handles: Handles::new(tree, recovery.root.clone()),
            text: String::new(),
            paths: OutputPaths::new(tree, recovery.prefix),
        }
    }

    /// The lines about the files of a batch, whose streams the errands are.
    pub fn batch(&mut self, files: &[WantedFile<'_>], names: &Names, errands: &[Mutex<Errand<'_>>], part: &mut Part) {
        let mut errands = errands.iter().map(|errand| errand.lock().unwrap_or_else(PoisonError::into_inner)).peekable();
        for file in files {
            if file.entry.is_directory() {
                self.directories(file, names, part);
            }
            while let Some(mut errand) = errands.next_if(|errand| std::ptr::eq(errand.job.file, file)) {
                let outcome = std::mem::replace(&mut errand.outcome, Outcome::NotWanted);
                self.line(&errand.job, names, outcome, part);
            }
        }
    }

    fn directories(&mut self, file: &WantedFile<'_>, names: &Names, part: &mut Part) {
        for wanted in &names.links[file.links.clone()] {
            let link = wanted.index.and_then(|index| file.parts.links.get(index));
            let (Some(link), Some(path)) = (link, wanted.path.clone()) else { continue };
            self.text.clear();
            link.name().push_to(&mut self.text);
            let tree = &self.recovery.plan.tree;
            let Some(folder) = tree.directory(tree.home(wanted.parent), &self.text) else { continue };
            let path = &names.texts[path];
            if let Err(error) = self.handles.folder(folder) {
                part.totals.fail(|| format!("{path}: {error}"));
                continue;
            }
            part.totals.directories += 1;
            lines::directory(path, file.entry, self.paths.folder(folder), file.reparse.as_ref(), &mut part.lines);
        }
    }

    fn line(&mut self, job: &Job<'_>, names: &Names, outcome: Outcome, part: &mut Part) {
        let too_large = |file: &Written| {
            let cut = file.pieces.cut?;
            Some(too_large(size_of(job.found.ranges()), cut, &file.pieces.files))
        };
        let (error, mut written) = match outcome {
            Outcome::NotWanted => return,
            Outcome::Kept => {
                if let Some(kept) = self.recovery.kept(job) {
                    part.totals.keep(kept);
                    part.lines.extend_from_slice(kept.line.as_bytes());
                }
                return;
            }
            Outcome::Written(file) => (too_large(&file), Some(file)),
            Outcome::NotWritten => (job.obstacle.and_then(Obstacle::error).map(str::to_owned), None),
            Outcome::Failed(failure) => (Some(failure.to_string()), None),
        };
        part.totals.count(job, written.is_some(), error.as_deref(), || path_of(names, job.file.links.start));
        let links = written.as_mut().map(|file| self.other_links(job, names, std::mem::take(&mut file.links)));
        if let Some(file) = &written {
            let target = &names.targets[job.targets.start];
            let name = file.other_name.as_deref().unwrap_or(&names.texts[target.name.clone()]);
            self.paths.set_file(target.folder, name, &mut self.text);
        }
        let folder = names.targets[job.targets.start].folder;
        let mut in_folder = |(from, name)| {
            let mut path = String::new();
            self.paths.set_file(folder, name, &mut path);
            (from, path)
        };
        let pieces = written.iter().flat_map(|file| &file.pieces.files);
        let pieces: Vec<_> = pieces.map(|(from, name)| in_folder((*from, name.as_str()))).collect();
        let path = names.links[job.file.links.start].path.clone();
        let line = StreamLine {
            job,
            path: path.map(|path| &names.texts[path]),
            sha256: written.as_ref().and_then(|file| file.sha256),
            output: written.is_some().then_some(&self.text),
            links: links.as_deref().unwrap_or_default(),
            pieces: &pieces,
            error: error.as_deref(),
            volume: self.recovery.opened.volume.source(),
        };
        line.write(&mut part.lines);
    }

    fn other_links(&mut self, job: &Job<'_>, names: &Names, made: Vec<io::Result<Option<String>>>) -> Vec<OtherLink> {
        let further = (job.targets.start + 1..).zip(job.file.links.start + 1..).zip(made);
        let mut others = Vec::new();
        for ((target, link), made) in further {
            let target = &names.targets[target];
            let output = made.map_err(|error| error.to_string()).map(|other| {
                let name = other.as_deref().unwrap_or(&names.texts[target.name.clone()]);
                self.paths.set_file(target.folder, name, &mut self.text);
                self.text.clone()
            });
            others.push(OtherLink { path: path_of(names, link).to_owned(), output });
        }
        others
    }
}

fn path_of(names: &Names, link: usize) -> &str {
    let path = names.links[link].path.clone();
    path.map_or("a file without a name", |path| &names.texts[path])
}

/// What to say of a stream that no file of the output can hold.
fn too_large(size: u64, cut: u64, pieces: &[(u64, String)]) -> String {
    let rest = match pieces.len() {
        0 => "there is nothing but zeros behind it".to_owned(),
        count => format!("the rest is in {count} further files, named for the byte they start with"),
    };
    format!("the file system of the output has no files of {size} bytes: the file ends before byte {cut}; {rest}")
}
