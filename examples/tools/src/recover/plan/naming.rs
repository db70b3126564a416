//! The first pass: which files are wanted, and what each will be called.
//!
//! Names are given out before anything is written, so that they are the same at any number of threads,
//! and files that exist come before those that are deleted.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::ControlFlow;

use ntfs_salvage::catalog::{Batch, Link, Parts, Paths};
use ntfs_salvage::recoverability::Assessment;
use ntfs_salvage::structure::AttributeType;
use ntfs_salvage::structure::value::StandardInformation;
use ntfs_salvage::{Catalog, Entry, EntryState, Few, FileReference, Stream, Threads};

use crate::recover::output::folder::Times;
use crate::recover::output::safe_name::{key, safe};
use crate::recover::output::tree::{FolderId, Tree};
use crate::recover::plan::selection::Selection;

/// One name of one stream: number of the record, of the link and of the stream, as they stand in it.
pub type Place = (u64, usize, usize);

/// What will be written, and under which names.
pub struct Plan {
    pub tree: Tree,
    /// Names that others had taken.
    marked: HashSet<Place>,
    pub streams: u64,
    pub bytes: u64,
    /// NTFS's own files that were not asked for.
    pub left_out: u64,
}

/// A name that is wanted, in the directory `parent`.
struct Wish {
    parent: Option<FileReference>,
    key: u64,
    place: Place,
    is_live: bool,
}

/// A directory that is wanted.
struct Directory {
    parent: FileReference,
    name: String,
    reference: FileReference,
    times: Option<Times>,
}

#[derive(Default)]
struct Part {
    wishes: Vec<Wish>,
    directories: Vec<Directory>,
    streams: u64,
    bytes: u64,
    left_out: u64,
}

/// What a thread keeps from entry to entry.
struct Scout<'c> {
    paths: Paths<'c>,
    text: String,
    name: String,
}

/// The file taken apart, with the key of an encrypted one behind its streams.
pub fn parts_of<'e>(entry: &'e Entry<'_>) -> Parts<'e> {
    let mut parts = entry.parts();
    if parts.others.iter().any(|attribute| attribute.attribute_type() == AttributeType::LOGGED_UTILITY_STREAM) {
        entry.encryption_keys().into_iter().for_each(|keys| parts.streams.push(keys));
    }
    parts
}

fn whole(paths: &mut Paths<'_>, link: &Link<'_>) -> String {
    let mut text = String::new();
    paths.push(link.parent(), link.name(), &mut text);
    text
}

/// Calls `each` with the links under which a file is wanted, with their numbers and paths.
pub fn each_link<'l, 'e>(
    links: &'l [Link<'e>],
    selection: &Selection,
    (paths, text): (&mut Paths<'_>, &mut String),
    mut each: impl FnMut(usize, &'l Link<'e>, &str),
) {
    for (index, link) in links.iter().enumerate() {
        text.clear();
        paths.push(link.parent(), link.name(), text);
        if selection.path(text) {
            each(index, link, text);
        }
    }
}

/// Appends the name of a stream's file, before anything is done about names that are taken.
pub fn push_file_name(link: Option<&Link<'_>>, entry: &Entry<'_>, stream: &Stream<'_>, out: &mut String) {
    let start = out.len();
    match link {
        Some(link) => link.name().push_to(out),
        None => out.push_str(&format!("record {}", entry.reference())),
    }
    if !stream.name().is_empty() {
        out.push('~');
        stream.name().push_to(out);
    }
    if let Cow::Owned(safe) = safe(&out[start..]) {
        out.truncate(start);
        out.push_str(&safe);
    }
}

impl Plan {
    /// Passes over the volume's entries. `reserved` is a name in the root that is taken.
    pub fn make(assessment: &Assessment<'_>, selection: &Selection, threads: &Threads, reserved: Option<&str>) -> Self {
        let catalog = assessment.catalog();
        let mut tree = Tree::new(reserved);
        let (mut wishes, mut paths) = (Vec::new(), catalog.paths());
        let (mut streams, mut bytes, mut left_out) = (0, 0_u64, 0_u64);
        let state = || Scout { paths: catalog.paths(), text: String::new(), name: String::new() };
        let work = |scout: &mut Scout<'_>, batch: Batch<'_>| scout.read(batch, assessment, selection);
        let consume = |part: Part| {
            add_directories(&mut tree, part.directories, catalog, &mut paths);
            let mut home = |wish: &Wish| tree.prepare(wish.parent, catalog, &mut paths);
            wishes.extend(part.wishes.into_iter().map(|wish| (home(&wish), wish)));
            streams += part.streams;
            bytes = bytes.saturating_add(part.bytes);
            left_out += part.left_out;
            ControlFlow::<()>::Continue(())
        };
        let _ = catalog.scan(threads, state, work, consume);
        let marked = give_names(&mut tree, &wishes);
        Self { tree, marked, streams, bytes, left_out }
    }

    /// True where another file has the name.
    pub fn is_marked(&self, place: Place) -> bool {
        !self.marked.is_empty() && self.marked.contains(&place)
    }
}

fn add_directories(tree: &mut Tree, directories: Vec<Directory>, catalog: &Catalog<'_>, paths: &mut Paths<'_>) {
    for Directory { parent, name, reference, times } in directories {
        let home = tree.prepare(Some(parent), catalog, paths);
        tree.add_directory(home, &name, reference, times);
    }
}

/// Gives the names to those who come first, live files before others, and returns the rest.
fn give_names(tree: &mut Tree, wishes: &[(FolderId, Wish)]) -> HashSet<Place> {
    let mut marked = HashSet::new();
    tree.expect_names(wishes.len());
    for is_live in [true, false] {
        for (home, wish) in wishes.iter().filter(|(_, wish)| wish.is_live == is_live) {
            if !tree.take(*home, wish.key) {
                marked.insert(wish.place);
            }
        }
    }
    marked
}

impl Scout<'_> {
    fn read(&mut self, batch: Batch<'_>, assessment: &Assessment<'_>, selection: &Selection) -> Part {
        let mut part = Part::default();
        for entry in batch.into_entries() {
            if selection.entry(&entry) {
                self.add(&entry, assessment, selection, &mut part);
            } else if selection.leaves_out(&entry) {
                part.left_out += 1;
            }
        }
        part
    }

    fn add(&mut self, entry: &Entry<'_>, assessment: &Assessment<'_>, selection: &Selection, part: &mut Part) {
        let wanted = |stream: &Stream<'_>| {
            !selection.is_too_large(stream.size().unwrap_or(0))
                && (!selection.asks_for_verdicts() || selection.may_want(assessment.assess(stream).verdict()))
        };
        let parts = parts_of(entry);
        let links = &parts.links;
        let streams: Few<_> = parts.streams.iter().enumerate().filter(|(_, stream)| wanted(stream)).collect();
        let is_live = entry.state() == EntryState::Live;
        let Self { paths, text, name } = self;
        let mut wish = |link: Option<&Link<'_>>, link_index, (stream_index, stream): (usize, &Stream<'_>)| Wish {
            parent: link.map(Link::parent),
            key: {
                name.clear();
                push_file_name(link, entry, stream, name);
                key(name)
            },
            place: (entry.record_number(), link_index, stream_index),
            is_live,
        };
        let mut is_first = true;
        let before = part.wishes.len();
        each_link(links, selection, (paths, text), |index, link, path| {
            if entry.is_directory() && path != "/" {
                part.directories.push(directory(entry, &parts, link));
            }
            // Only the file itself has all its names; its further streams are beside the first.
            let here = streams.iter().filter(|(_, stream)| is_first || stream.name().is_empty());
            part.wishes.extend(here.map(|&stream| wish(Some(link), index, stream)));
            is_first = false;
        });
        if is_first && links.iter().next().is_some_and(|link| selection.leaves_out_path(&whole(paths, link))) {
            part.left_out += 1;
        }
        if links.is_empty() && selection.nameless() {
            part.wishes.extend(streams.iter().map(|&stream| wish(None, 0, stream)));
        }
        if part.wishes.len() > before {
            let size = |stream: &Stream<'_>| stream.size().unwrap_or(0);
            part.streams += streams.len() as u64;
            part.bytes = streams.iter().fold(part.bytes, |sum, (_, stream)| sum.saturating_add(size(stream)));
        }
    }
}

fn directory(entry: &Entry<'_>, parts: &Parts<'_>, link: &Link<'_>) -> Directory {
    let mut name = String::new();
    link.name().push_to(&mut name);
    Directory { parent: link.parent(), name, reference: entry.reference(), times: parts.information.map(times_of) }
}

/// The times of a file, as far as they can be set.
pub fn times_of(information: StandardInformation<'_>) -> Times {
    Times { accessed: information.accessed(), modified: information.modified() }
}
