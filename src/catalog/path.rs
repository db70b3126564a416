//! Paths: from a name up to the root, or to the place where the way ends, and why.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use super::Catalog;
use crate::base::name::Name;
use crate::base::reference::FileReference;

/// Where the way from a name upwards ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathEnd {
    /// At the root: the path is whole.
    Root,
    /// At a directory whose record is not there (any more).
    Missing(FileReference),
    /// At a directory whose record was used again for something else.
    Reused(FileReference),
    /// At a record that is no directory.
    NotADirectory(FileReference),
    /// At a directory that has lost its name.
    Unnamed(FileReference),
    /// At a directory that is its own ancestor.
    Cycle(FileReference),
    /// At a directory so deep that the path is longer than any path in NTFS can be, or, in a table made to have
    /// far more text than itself in its paths, longer than it can afford.
    TooLong(FileReference),
}

impl PathEnd {
    /// What the way ends at: a word that stays the same between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Missing(_) => "missing",
            Self::Reused(_) => "reused",
            Self::NotADirectory(_) => "not-a-directory",
            Self::Unnamed(_) => "unnamed",
            Self::Cycle(_) => "cycle",
            Self::TooLong(_) => "too-long",
        }
    }

    /// The directory the way ends at; `None` for the root.
    #[must_use]
    pub const fn reference(&self) -> Option<FileReference> {
        match self {
            Self::Root => None,
            Self::Missing(reference)
            | Self::Reused(reference)
            | Self::NotADirectory(reference)
            | Self::Unnamed(reference)
            | Self::Cycle(reference)
            | Self::TooLong(reference) => Some(*reference),
        }
    }
}

impl fmt::Display for PathEnd {
    /// Nothing for the root, else the reason and the reference in angle brackets, which no Windows
    /// name can have: `<missing 37-1>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reference() {
            None => Ok(()),
            Some(reference) => write!(f, "<{} {reference}>", self.code()),
        }
    }
}

/// One path of a file as text, and where it ends.
///
/// Starts with `/` where it is whole, else with the reason it is not. Unpaired surrogates of names
/// come as U+FFFD; [`Link`](super::Link) has the names without loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The text.
    pub text: String,
    /// Where the path ends.
    pub end: PathEnd,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Builds paths and remembers those of the directories it has met: the text of a directory is made
/// once for all the files in it. One for each thread; its memory is bounded.
#[derive(Debug)]
pub struct Paths<'c> {
    catalog: &'c Catalog<'c>,
    /// The texts of directories, one behind the other.
    texts: String,
    /// Directories by the low bits of their record number; a later one takes the place of an earlier.
    known: Vec<Option<Known>>,
    /// How many directories have been remembered since `known` grew.
    remembered: usize,
    /// The way up, reused.
    climb: Vec<(FileReference, Range<usize>)>,
    visited: HashSet<FileReference>,
    /// Directories whose texts start anew because they are too deep, and where the way up from them
    /// ends. They are never forgotten, so that no way has to be climbed for longer than a path can be.
    too_deep: HashMap<FileReference, PathEnd>,
}

/// A directory whose text stands in `texts`.
#[derive(Debug, Clone, Copy)]
struct Known {
    reference: FileReference,
    start: usize,
    end: usize,
    /// UTF-16 units of the text, without the reason it may start with.
    units: usize,
    path_end: PathEnd,
    /// Where the way would end if the text were not cut for its length.
    way_end: PathEnd,
}

impl Known {
    /// True for the root's own name, which is "." in itself.
    fn is_root_of(&self, name: Name<'_>) -> bool {
        self.path_end == PathEnd::Root && self.reference.record_number() == Catalog::ROOT && name.bytes() == [b'.', 0]
    }
}

impl Catalog<'_> {
    /// A builder of paths.
    #[must_use]
    pub fn paths(&self) -> Paths<'_> {
        Paths {
            catalog: self,
            texts: String::new(),
            known: vec![None; Paths::FEW_PLACES],
            remembered: 0,
            climb: Vec::new(),
            visited: HashSet::new(),
            too_deep: HashMap::new(),
        }
    }
}

impl Paths<'_> {
    /// Bytes of text that are remembered before everything is forgotten again.
    const REMEMBERED: usize = 16 << 20;
    /// Places for directories to begin with, and at most: powers of two. A builder that is asked for
    /// one path is made at no cost; one that meets many directories grows.
    const FEW_PLACES: usize = 1 << 6;
    const MOST_PLACES: usize = 1 << 16;

    /// Appends the path of `name` in the directory `parent`, and says where it ends.
    pub fn push(&mut self, parent: FileReference, name: Name<'_>, text: &mut String) -> PathEnd {
        let known = self.directory(parent);
        text.push_str(self.texts.get(known.start..known.end).unwrap_or_default());
        text.push('/');
        if !known.is_root_of(name) {
            name.push_to(text);
        }
        known.path_end
    }

    /// The same as UTF-8 bytes.
    pub fn push_utf8(&mut self, parent: FileReference, name: Name<'_>, out: &mut Vec<u8>) -> PathEnd {
        let known = self.directory(parent);
        out.extend_from_slice(self.texts.get(known.start..known.end).unwrap_or_default().as_bytes());
        out.push(b'/');
        if !known.is_root_of(name) {
            name.push_utf8_to(out);
        }
        known.path_end
    }

    /// The path of `name` in the directory `parent`.
    pub fn path(&mut self, parent: FileReference, name: Name<'_>) -> Path {
        let mut text = String::new();
        let end = self.push(parent, name, &mut text);
        Path { text, end }
    }

    /// Where the directory's text stands, made now if it is not known.
    fn directory(&mut self, reference: FileReference) -> Known {
        match self.known(reference) {
            Some(known) => known,
            None => self.build(reference),
        }
    }

    fn place(&self, reference: FileReference) -> usize {
        usize::try_from(reference.record_number()).unwrap_or(0) & self.known.len().saturating_sub(1)
    }

    fn known(&self, reference: FileReference) -> Option<Known> {
        self.known.get(self.place(reference)).copied().flatten().filter(|known| known.reference == reference)
    }

    fn build(&mut self, reference: FileReference) -> Known {
        if self.texts.len() > Self::REMEMBERED {
            self.texts.clear();
            self.known.fill(None);
        }
        let mut known = match self.climb(reference) {
            Ok(base) => self.extendable(base),
            Err((path_end, way_end)) => self.start(reference, path_end, way_end),
        };
        while let Some((reference, name)) = self.climb.pop() {
            known = self.descend(known, reference, name);
        }
        // A reference that leads nowhere has its reason for a text.
        known.reference = reference;
        self.remember(known);
        known
    }

    fn remember(&mut self, known: Known) {
        if self.remembered >= self.known.len() && self.known.len() < Self::MOST_PLACES {
            self.grow();
        }
        self.remembered = self.remembered.saturating_add(1);
        let place = self.place(known.reference);
        if let Some(place) = self.known.get_mut(place) {
            *place = Some(known);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![None; self.known.len().saturating_mul(4).min(Self::MOST_PLACES)];
        self.remembered = 0;
        for known in std::mem::replace(&mut self.known, larger).into_iter().flatten() {
            self.remember(known);
        }
    }

    /// A text that starts anew, with the reason.
    fn start(&mut self, reference: FileReference, path_end: PathEnd, way_end: PathEnd) -> Known {
        let start = self.texts.len();
        self.texts.push_str(&path_end.to_string());
        Known { reference, start, end: self.texts.len(), units: 0, path_end, way_end }
    }

    /// The text of `known` where more can be put behind it: a copy, unless it is the last already.
    fn extendable(&mut self, known: Known) -> Known {
        if known.end == self.texts.len() {
            return known;
        }
        let start = self.texts.len();
        self.texts.extend_from_within(known.start..known.end.min(start));
        Known { start, end: self.texts.len(), ..known }
    }

    /// Climbs to the first directory whose text is known, or to where the way ends. The names on the
    /// way are left in `climb`.
    ///
    /// The way through a cycle ends at the same member wherever it comes from, the one with the
    /// lowest reference: else the path would depend on what is known already.
    fn climb(&mut self, reference: FileReference) -> Result<Known, (PathEnd, PathEnd)> {
        self.climb.clear();
        self.visited.clear();
        let mut here = reference;
        loop {
            if let Some(known) = self.known(here) {
                return self.cut_at_passed(known.way_end).map_or(Ok(known), |end| Err((end, end)));
            }
            if self.was_here(here) {
                let end = self.cut_cycle(here);
                return Err((end, end));
            }
            let directory = self.catalog.directory(here).map_err(|end| (end, end))?;
            let name_end = directory.name_offset.saturating_add(usize::from(directory.name_length));
            self.climb.push((here, directory.name_offset..name_end));
            if let Some(&way_end) = self.too_deep.get(&here) {
                let passed = self.cut_at_passed(way_end).map(|end| (end, end));
                return Err(passed.unwrap_or((PathEnd::TooLong(here), way_end)));
            }
            here = directory.parent;
        }
    }

    /// The way has come back to `here`: it is to end at the lowest of the cycle's members.
    fn cut_cycle(&mut self, here: FileReference) -> PathEnd {
        let first = self.position_in_climb(here).unwrap_or(0);
        let members = self.climb.iter().enumerate().skip(first).map(|(place, (member, _))| (*member, place));
        let (lowest, place) = members.min().unwrap_or((here, first));
        self.climb.truncate(place.saturating_add(1));
        PathEnd::Cycle(lowest)
    }

    /// The way has come to a directory from which it is known to end at `way_end`: if that is a member
    /// of a cycle which the way has passed before, it ends there.
    fn cut_at_passed(&mut self, way_end: PathEnd) -> Option<PathEnd> {
        let PathEnd::Cycle(lowest) = way_end else { return None };
        let place = self.position_in_climb(lowest)?;
        self.climb.truncate(place.saturating_add(1));
        Some(way_end)
    }

    fn position_in_climb(&self, wanted: FileReference) -> Option<usize> {
        self.climb.iter().position(|(reference, _)| *reference == wanted)
    }

    /// True when the way up has already come by `here`. Short ways are looked through; sets are for long ones.
    fn was_here(&mut self, here: FileReference) -> bool {
        const SHORT: usize = 32;
        if self.climb.len() < SHORT {
            return self.climb.iter().any(|(reference, _)| *reference == here);
        }
        if self.visited.is_empty() {
            self.visited.extend(self.climb.iter().map(|(reference, _)| *reference));
        }
        !self.visited.insert(here)
    }

    /// The text of the directory `reference` in the directory `above`, whose text is the last there
    /// is: they share it, so that a way down takes no more room than its names.
    fn descend(&mut self, above: Known, reference: FileReference, name: Range<usize>) -> Known {
        let mut known = above;
        if above.units > self.catalog.longest_path {
            known = self.start(reference, PathEnd::TooLong(reference), above.way_end);
            self.too_deep.insert(reference, above.way_end);
        }
        let name = Name::new(self.catalog.names.get(name).unwrap_or_default());
        self.texts.push('/');
        name.push_to(&mut self.texts);
        let units = known.units.saturating_add(name.len()).saturating_add(1);
        known = Known { reference, end: self.texts.len(), units, ..known };
        self.remember(known);
        known
    }
}
