//! Paths: from a name up to the root, or to the place where the way ends, and why.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;

use super::Catalog;
use super::path_end::PathEnd;
use crate::base::name::Name;
use crate::base::reference::FileReference;

/// One path of a file as text, and where it ends.
///
/// Starts with `/` where it is whole, else with the reason it is not. Unpaired surrogates of names
/// come as U+FFFD; [`Link`](super::Link) has the names without loss.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FilePath {
    /// The text.
    pub text: String,
    /// Where the path ends.
    pub end: PathEnd,
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Builds paths and remembers those of the directories it has met: the text of a directory is made
/// once for all the files in it. One for each thread; its memory is bounded.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
/// use ntfs_salvage::catalog::PathEnd;
///
/// let image = ntfs_salvage::source::open("testdata/deleted.img")?;
/// let volume = Volume::open(&image)?;
/// let catalog = volume.catalog();
/// let mut paths = catalog.paths();
/// for entry in catalog.entries() {
///     for link in &entry.links() {
///         let path = paths.path(link.parent(), link.name());
///         if path.end != PathEnd::Root {
///             println!("{} does not reach the root: {}", path.text, path.end);
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Paths<'c> {
    catalog: &'c Catalog<'c>,
    /// The texts of directories, one behind the other.
    texts: String,
    /// Directories by the low bits of their record number; a later one takes the place of an earlier.
    known: Vec<Option<Remembered>>,
    /// Where their ways end other than at the root.
    ends: Vec<Ends>,
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
    ends: Ends,
}

/// Where the way up from a directory ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    path: PathEnd,
    /// Where it would end if the text were not cut for its length.
    way: PathEnd,
}

impl Ends {
    const ROOT: Self = Self::both(PathEnd::Root);

    const fn both(end: PathEnd) -> Self {
        Self { path: end, way: end }
    }
}

/// A [`Known`] directory in a third of the room: every file asks for one, of up to a hundred thousand, and has to wait
/// for those that are not in the cache.
#[derive(Debug, Clone, Copy)]
struct Remembered {
    reference: FileReference,
    start: u32,
    end: u32,
    units: u32,
    /// 1 for a way that ends at the root, else 2 more than the place in the list.
    ends: NonZeroU32,
}

impl Known {
    /// True for the root's own name, which is "." in itself.
    fn is_root_of(&self, name: Name<'_>) -> bool {
        self.ends.path == PathEnd::Root && self.reference.record_number() == Catalog::ROOT && name.bytes() == [b'.', 0]
    }
}

/// What [`Paths::push_utf8`] has appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushedPath {
    /// Where the path ends.
    pub end: PathEnd,
    /// The byte of the text at which the name starts.
    pub name_start: usize,
    /// False where the name has an unpaired surrogate, which is U+FFFD in the text.
    pub is_name_whole: bool,
}

impl Catalog<'_> {
    /// A builder of paths.
    #[must_use]
    pub fn paths(&self) -> Paths<'_> {
        Paths {
            catalog: self,
            texts: String::new(),
            known: vec![None; Paths::FEW_PLACES],
            ends: Vec::new(),
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
        known.ends.path
    }

    /// The same as UTF-8 bytes.
    pub fn push_utf8(&mut self, parent: FileReference, name: Name<'_>, out: &mut Vec<u8>) -> PushedPath {
        let known = self.directory(parent);
        out.extend_from_slice(self.texts.get(known.start..known.end).unwrap_or_default().as_bytes());
        out.push(b'/');
        let name_start = out.len();
        let is_name_whole = known.is_root_of(name) || name.push_utf8_to(out);
        PushedPath { end: known.ends.path, name_start, is_name_whole }
    }

    /// The path of `name` in the directory `parent`.
    pub fn path(&mut self, parent: FileReference, name: Name<'_>) -> FilePath {
        let mut text = String::new();
        let end = self.push(parent, name, &mut text);
        FilePath { text, end }
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
        let remembered = self.known.get(self.place(reference)).copied().flatten()?;
        if remembered.reference != reference {
            return None;
        }
        let Remembered { start, end, units, ends, .. } = remembered;
        let wide = |number: u32| usize::try_from(number).ok();
        let ends = match wide(ends.get())?.checked_sub(2) {
            None => Ends::ROOT,
            Some(place) => *self.ends.get(place)?,
        };
        Some(Known { reference, start: wide(start)?, end: wide(end)?, units: wide(units)?, ends })
    }

    fn build(&mut self, reference: FileReference) -> Known {
        if self.texts.len() > Self::REMEMBERED || self.ends.len() > Self::MOST_PLACES {
            self.texts.clear();
            self.ends.clear();
            self.known.fill(None);
        }
        let mut known = match self.climb(reference) {
            Ok(base) => self.extendable(base),
            Err(ends) => self.start(reference, ends),
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
        let (place, remembered) = (self.place(known.reference), self.in_little_room(known));
        if let Some(place) = self.known.get_mut(place) {
            *place = remembered;
        }
    }

    fn in_little_room(&mut self, known: Known) -> Option<Remembered> {
        if known.ends != Ends::ROOT && self.ends.last() != Some(&known.ends) {
            self.ends.push(known.ends);
        }
        let ends = if known.ends == Ends::ROOT { 0 } else { self.ends.len() };
        let narrow = |number: usize| u32::try_from(number).ok();
        Some(Remembered {
            reference: known.reference,
            start: narrow(known.start)?,
            end: narrow(known.end)?,
            units: narrow(known.units)?,
            ends: NonZeroU32::MIN.checked_add(narrow(ends)?)?,
        })
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![None; self.known.len().saturating_mul(4).min(Self::MOST_PLACES)];
        self.remembered = 0;
        for remembered in std::mem::replace(&mut self.known, larger).into_iter().flatten() {
            let place = self.place(remembered.reference);
            if let Some(place) = self.known.get_mut(place) {
                self.remembered = self.remembered.saturating_add(1);
                *place = Some(remembered);
            }
        }
    }

    /// A text that starts anew, with the reason.
    fn start(&mut self, reference: FileReference, ends: Ends) -> Known {
        let start = self.texts.len();
        self.texts.push_str(&ends.path.to_string());
        Known { reference, start, end: self.texts.len(), units: 0, ends }
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
    fn climb(&mut self, reference: FileReference) -> Result<Known, Ends> {
        self.climb.clear();
        self.visited.clear();
        let mut here = reference;
        loop {
            if let Some(known) = self.known(here) {
                return self.cut_at_passed(known.ends.way).map_or(Ok(known), |end| Err(Ends::both(end)));
            }
            if self.was_here(here) {
                return Err(Ends::both(self.cut_cycle(here)));
            }
            let directory = self.catalog.directory(here).map_err(Ends::both)?;
            let name_end = directory.name_offset.saturating_add(usize::from(directory.name_length));
            self.climb.push((here, directory.name_offset..name_end));
            if let Some(&way) = self.too_deep.get(&here) {
                let passed = self.cut_at_passed(way).map(Ends::both);
                return Err(passed.unwrap_or(Ends { path: PathEnd::TooLong(here), way }));
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
            known = self.start(reference, Ends { path: PathEnd::TooLong(reference), way: above.ends.way });
            self.too_deep.insert(reference, above.ends.way);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::threads::Threads;
    use crate::structure::forge::{Forge, utf16};
    use crate::volume::Volume;
    use crate::volume::forged_volume::{directory, file, table};

    const ROOT: (u64, u16) = (5, 5);

    fn path(paths: &mut Paths<'_>, parent: (u64, u16), name: &str) -> FilePath {
        paths.path(FileReference::new(parent.0, parent.1), Name::new(&utf16(name)))
    }

    #[test]
    fn a_directory_is_remembered_in_little_room() {
        assert_eq!(size_of::<Option<Remembered>>(), 24);
    }

    #[test]
    fn a_path_goes_up_to_the_root() {
        let table = table([(30, directory(ROOT, "one")), (31, directory((30, 1), "two")), (32, file())]);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog();
        let mut paths = catalog.paths();
        let expected =
            [(ROOT, "f", "/f"), ((30, 1), "f", "/one/f"), ((31, 1), "f", "/one/two/f"), ((30, 1), "g", "/one/g")];
        for (parent, name, text) in expected {
            let found = path(&mut paths, parent, name);
            assert_eq!((found.text.as_str(), found.end), (text, PathEnd::Root));
            assert_eq!(found.to_string(), text);
            let mut bytes = b"before".to_vec();
            let parent = FileReference::new(parent.0, parent.1);
            assert_eq!(paths.push_utf8(parent, Name::new(&utf16(name)), &mut bytes).end, PathEnd::Root);
            assert_eq!(bytes, format!("before{text}").as_bytes());
        }
        let of_file: Vec<FilePath> = catalog.entry(32).unwrap().paths().collect();
        assert_eq!(of_file, [FilePath { text: "/f".to_owned(), end: PathEnd::Root }]);
    }

    #[test]
    fn only_the_root_itself_has_no_name_to_show() {
        let table = table([(30, directory(ROOT, "one"))]);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog();
        let mut paths = catalog.paths();
        let shown = |parent, name, paths: &mut Paths<'_>| {
            let text = path(paths, parent, name).text;
            let mut bytes = Vec::new();
            paths.push_utf8(FileReference::new(parent.0, parent.1), Name::new(&utf16(name)), &mut bytes);
            assert_eq!(bytes, text.as_bytes());
            text
        };
        assert_eq!(shown(ROOT, ".", &mut paths), "/");
        assert_eq!(shown(ROOT, "..", &mut paths), "/..");
        assert_eq!(shown((30, 1), ".", &mut paths), "/one/.");
        assert_eq!(shown((40, 1), ".", &mut paths), "<missing 40-1>/.");
    }

    #[test]
    fn a_way_that_does_not_reach_the_root_says_why() {
        let nameless = Forge::new(1024).flags(3);
        let extension = Forge::new(1024).flags(3).base(30, 1).name(ROOT, 3, "more");
        let deleted = directory(ROOT, "gone").flags(2).sequence(2);
        let records = [
            (5, directory(ROOT, ".").sequence(5)),
            (30, directory((40, 1), "one")),
            (31, directory((30, 1), "two")),
            (32, file()),
            (33, nameless),
            (34, extension),
            (35, deleted),
            (36, directory((36, 1), "own")),
        ];
        let table = table(records);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog();
        let at = FileReference::new;
        let cases = [
            ((5, 5), "/f", PathEnd::Root),
            ((5, 4), "<reused 5-4>/f", PathEnd::Reused(at(5, 4))),
            ((30, 1), "<missing 40-1>/one/f", PathEnd::Missing(at(40, 1))),
            ((31, 1), "<missing 40-1>/one/two/f", PathEnd::Missing(at(40, 1))),
            ((900, 1), "<missing 900-1>/f", PathEnd::Missing(at(900, 1))),
            ((31, 7), "<reused 31-7>/f", PathEnd::Reused(at(31, 7))),
            ((32, 1), "<not-a-directory 32-1>/f", PathEnd::NotADirectory(at(32, 1))),
            ((33, 1), "<unnamed 33-1>/f", PathEnd::Unnamed(at(33, 1))),
            ((34, 1), "<not-a-directory 34-1>/f", PathEnd::NotADirectory(at(34, 1))),
            ((35, 1), "/gone/f", PathEnd::Root),
            ((36, 1), "<cycle 36-1>/own/f", PathEnd::Cycle(at(36, 1))),
        ];
        let mut paths = catalog.paths();
        for (parent, text, end) in cases {
            assert_eq!(path(&mut paths, parent, "f"), FilePath { text: text.to_owned(), end });
            assert_eq!(end.reference().is_none(), end == PathEnd::Root);
            if let Some(reference) = end.reference() {
                assert_eq!(end.to_string(), format!("<{} {reference}>", end.code()));
            }
        }
        assert_eq!((PathEnd::Root.code(), PathEnd::TooLong(at(1, 1)).code()), ("root", "too-long"));
        assert_eq!(PathEnd::Root.to_string(), "");
    }

    #[test]
    fn the_root_needs_no_record() {
        let table = table([(30, directory(ROOT, "one"))]);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog();
        assert_eq!(path(&mut catalog.paths(), (5, 77), "f").text, "/f");
    }

    /// The path by the definition: up to the end, of a cycle to its lowest member; down again, starting anew
    /// behind `longest` units.
    fn by_definition(catalog: &Catalog<'_>, parent: FileReference, name: &str) -> FilePath {
        let mut way: Vec<FileReference> = Vec::new();
        let mut here = parent;
        let mut end = loop {
            if let Some(first) = way.iter().position(|passed| *passed == here) {
                let lowest = *way[first..].iter().min().unwrap();
                let place = way.iter().position(|passed| *passed == lowest).unwrap();
                way.truncate(place + 1);
                break PathEnd::Cycle(lowest);
            }
            match catalog.directory(here) {
                Ok(directory) => {
                    way.push(here);
                    here = directory.parent;
                }
                Err(end) => break end,
            }
        };
        let (mut text, mut units) = (end.to_string(), 0);
        for reference in way.into_iter().rev() {
            if units > catalog.longest_path {
                end = PathEnd::TooLong(reference);
                (text, units) = (end.to_string(), 0);
            }
            let directory = catalog.directory(reference).unwrap();
            let start = directory.name_offset;
            let name = Name::new(&catalog.names[start..start + usize::from(directory.name_length)]).to_string();
            text = format!("{text}/{name}");
            units += name.len() + 1;
        }
        FilePath { text: format!("{text}/{name}"), end }
    }

    /// Directories 30, 31, ... in these parents, counted from 30; a parent beyond them is the root.
    fn tree(parents: &[usize]) -> Vec<u8> {
        let count = parents.len();
        let parent = |parent: usize| if parent < count { (30 + parent as u64, 1) } else { ROOT };
        let records = (30..).zip(parents).map(|(number, &up)| (number, directory(parent(up), &format!("d{number}"))));
        table(records)
    }

    /// Asks for the path of each directory in this order, twice, and for some of a new builder.
    fn agrees(parents: &[usize], order: &[usize], longest: usize) {
        let table = tree(parents);
        let volume = Volume::from_table(&table).unwrap();
        let mut catalog = volume.catalog_with(&Threads::single());
        catalog.longest_path = longest;
        let mut paths = catalog.paths();
        for (index, place) in order.iter().chain(order).enumerate() {
            let parent = (30 + *place as u64, 1);
            let expected = by_definition(&catalog, FileReference::new(parent.0, parent.1), "f");
            assert_eq!(path(&mut paths, parent, "f"), expected);
            if index % 7 == 0 {
                assert_eq!(path(&mut catalog.paths(), parent, "f"), expected);
            }
        }
    }

    #[test]
    fn long_ways_and_long_cycles_end_alike_for_all_who_ask() {
        let chain: Vec<usize> = (0..100).map(|place: usize| place.checked_sub(1).unwrap_or(usize::MAX)).collect();
        // The first 60 are a cycle, the others hang from it.
        let mut cycle = chain.clone();
        cycle[0] = 59;
        let orders: [Vec<usize>; 3] =
            [(0..100).collect(), (0..100).rev().collect(), (0..100).map(|place| place * 77 % 100).collect()];
        for order in &orders {
            for longest in [20, 300, usize::MAX] {
                agrees(&chain, order, longest);
                agrees(&cycle, order, longest);
            }
        }
    }

    #[test]
    fn memory_for_paths_is_bounded() {
        let table = tree(&[usize::MAX, 0, 1]);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog();
        let mut paths = catalog.paths();
        assert_eq!(path(&mut paths, (31, 1), "f").text, "/d30/d31/f");
        paths.texts.push_str(&"x".repeat(Paths::REMEMBERED));
        assert_eq!(path(&mut paths, (31, 1), "g").text, "/d30/d31/g", "what is known costs nothing");
        assert_eq!(path(&mut paths, (32, 1), "f").text, "/d30/d31/d32/f");
        assert!(paths.texts.len() < 100, "everything is forgotten");
        assert_eq!(path(&mut paths, (31, 1), "f").text, "/d30/d31/f");
        let known = paths.known(FileReference::new(31, 1)).unwrap();
        for number in 0..400_000 {
            paths.remember(Known { reference: FileReference::new(number, 1), ..known });
        }
        assert_eq!(paths.known.len(), Paths::MOST_PLACES);
        let is_there = |number| paths.known(FileReference::new(number, 1)).is_some();
        assert!((400_000 - Paths::MOST_PLACES as u64..400_000).all(is_there), "the latest are remembered");
    }

    #[test]
    fn a_builder_grows_with_the_directories_it_meets() {
        let table = tree(&[usize::MAX]);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog();
        let mut paths = catalog.paths();
        let known = paths.directory(FileReference::new(30, 1));
        let mut most = paths.known.len();
        for number in 0..1000_u64 {
            paths.remember(Known { reference: FileReference::new(number, 1), ..known });
            most = most.max(paths.known.len());
            assert!((0..=number).all(|number| paths.known(FileReference::new(number, 1)).is_some()), "{number}");
        }
        assert!(most <= 4096, "{most}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_path_does_not_depend_on_what_was_asked_before(
            parents in proptest::collection::vec(0_usize..50, 1..45),
            order in proptest::collection::vec(0_usize..1000, 1..60),
            longest in prop_oneof![Just(usize::MAX), 0_usize..40],
        ) {
            let order: Vec<usize> = order.into_iter().map(|place| place % parents.len()).collect();
            agrees(&parents, &order, longest);
        }
    }

    #[test]
    fn a_cycle_ends_at_its_lowest_member_even_when_that_is_forgotten() {
        // Directories 30 and 31 are in each other. 94 takes the place of 30 among those that are remembered.
        let mut parents = vec![usize::MAX; 65];
        (parents[0], parents[1]) = (1, 0);
        agrees(&parents, &[1, 64, 0, 64, 1, 0], usize::MAX);
    }

    #[test]
    fn what_is_remembered_takes_little_and_stays() {
        let table = tree(&[usize::MAX, 0, 1, 3, 3]);
        let volume = Volume::from_table(&table).unwrap();
        let catalog = volume.catalog();
        let mut paths = catalog.paths();
        for number in 30..35 {
            path(&mut paths, (number, 1), "f");
            assert!((30..=number).all(|number| paths.known(FileReference::new(number, 1)).is_some()), "{number}");
        }
        assert_eq!(paths.texts, "/d30/d31/d32<cycle 33-1>/d33/d34", "what ways share stands there once");
        assert_eq!(paths.ends.len(), 1, "and so does where they end");
        let ends = paths.ends[0];
        paths.ends.resize(Paths::MOST_PLACES + 2, ends);
        assert_eq!(path(&mut paths, (40, 1), "f").text, "<missing 40-1>/f");
        assert!(paths.ends.len() < 10, "everything is forgotten");
    }
}
