//! Paths: from a name up to the root, or to the place where the way ends, and why.

use std::collections::HashSet;
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
    /// At a directory so deep that the path is longer than any path in NTFS can be.
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
    /// The texts of directories, UTF-8, one behind the other.
    texts: Vec<u8>,
    /// Directories by the low bits of their record number; a later one takes the place of an earlier.
    known: Vec<Option<Known>>,
    /// The way up, reused.
    climb: Vec<(FileReference, Range<usize>)>,
    visited: HashSet<FileReference>,
}

/// A directory whose text stands in `texts`.
#[derive(Debug, Clone, Copy)]
struct Known {
    reference: FileReference,
    start: usize,
    end: usize,
    path_end: PathEnd,
}

impl Catalog<'_> {
    /// A builder of paths.
    #[must_use]
    pub fn paths(&self) -> Paths<'_> {
        Paths {
            catalog: self,
            texts: Vec::new(),
            known: vec![None; Paths::PLACES],
            climb: Vec::new(),
            visited: HashSet::new(),
        }
    }
}

impl Paths<'_> {
    /// Bytes of text that are remembered before everything is forgotten again.
    const REMEMBERED: usize = 4 << 20;
    /// Directories that are remembered at most: a power of two.
    const PLACES: usize = 1 << 13;
    /// A path in NTFS has at most 32,767 UTF-16 units: at most this many bytes of UTF-8.
    const LONGEST: usize = 32_767 * 3;

    /// Appends the path of `name` in the directory `parent` as UTF-8, and says where it ends.
    pub fn push_utf8(&mut self, parent: FileReference, name: Name<'_>, out: &mut Vec<u8>) -> PathEnd {
        let Known { start, end, path_end, .. } = self.directory(parent);
        out.extend_from_slice(self.texts.get(start..end).unwrap_or_default());
        out.push(b'/');
        // The root's own name is "." in itself.
        if !(path_end == PathEnd::Root && parent.record_number() == Catalog::ROOT && name.bytes() == [b'.', 0]) {
            name.push_utf8_to(out);
        }
        path_end
    }

    /// The same as text.
    pub fn push(&mut self, parent: FileReference, name: Name<'_>, text: &mut String) -> PathEnd {
        let mut bytes = std::mem::take(text).into_bytes();
        let end = self.push_utf8(parent, name, &mut bytes);
        *text = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        end
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

    fn place(reference: FileReference) -> usize {
        usize::try_from(reference.record_number()).unwrap_or(0) & (Self::PLACES - 1)
    }

    fn known(&self, reference: FileReference) -> Option<Known> {
        self.known.get(Self::place(reference)).copied().flatten().filter(|known| known.reference == reference)
    }

    fn build(&mut self, reference: FileReference) -> Known {
        if self.texts.len() > Self::REMEMBERED {
            self.texts.clear();
            self.known.fill(None);
        }
        let (base, path_end) = self.climb(reference);
        let start = self.texts.len();
        match base {
            Some(known) => self.texts.extend_from_within(known.start..known.end.min(start)),
            None => self.texts.extend_from_slice(path_end.to_string().as_bytes()),
        }
        let path_end = self.descend(start, path_end);
        let known = Known { reference, start, end: self.texts.len(), path_end };
        if let Some(place) = self.known.get_mut(Self::place(reference)) {
            *place = Some(known);
        }
        known
    }

    /// Climbs to the first directory whose text is known, or to where the way ends. The names on the
    /// way are left in `climb`.
    fn climb(&mut self, reference: FileReference) -> (Option<Known>, PathEnd) {
        self.climb.clear();
        self.visited.clear();
        let mut here = reference;
        loop {
            if let Some(known) = self.known(here) {
                return (Some(known), known.path_end);
            }
            if self.was_here(here) {
                return (None, PathEnd::Cycle(here));
            }
            match self.catalog.directory(here) {
                Err(end) => return (None, end),
                Ok(directory) => {
                    let name_end = directory.name_offset.saturating_add(usize::from(directory.name_length));
                    self.climb.push((here, directory.name_offset..name_end));
                    here = directory.parent;
                }
            }
        }
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

    /// Appends the names on the way down to the text that starts at `start`.
    fn descend(&mut self, start: usize, mut end: PathEnd) -> PathEnd {
        while let Some((reference, name)) = self.climb.pop() {
            let name = Name::new(self.catalog.names.get(name).unwrap_or_default());
            if self.texts.len().saturating_sub(start) > Self::LONGEST {
                self.texts.truncate(start);
                end = PathEnd::TooLong(reference);
                self.texts.extend_from_slice(end.to_string().as_bytes());
            }
            self.texts.push(b'/');
            name.push_utf8_to(&mut self.texts);
        }
        end
    }
}
