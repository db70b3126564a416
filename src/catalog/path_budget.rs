//! How long the paths of a table may become.
//!
//! A path has up to 32,767 units, and any number of files can lie in one directory: three thousand records,
//! 3 MB, can have 454 MB of paths. No volume that was ever used comes near: its paths take a few hundred
//! bytes a record at most. A table whose paths together would take more than twice its own size gets
//! shorter ones, which start anew with the directory where the rest is found.
//!
//! The limit depends on the table alone, so that listings do not depend on who asks first.

use std::ops::ControlFlow;

use super::Catalog;
use crate::base::name::Name;
use crate::base::threads::Threads;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;
use crate::volume::mft::Chunk;

/// A path in NTFS has at most this many UTF-16 units.
pub(crate) const LONGEST: usize = 32_767;
/// No limit is below this many units.
const SHORTEST: usize = 64;
/// Directories whose text is longer than this are counted: below it the names in a table cannot make much of it.
const NOTABLE: u64 = 512;
/// What a text that starts anew starts with: the reason.
const REASON: u64 = 24;
/// Bytes of text that any table may have: those of one chain of directories as deep as can be, each shown twice.
const ALWAYS: u64 = 1 << 23;

/// The longest a directory's text may be, in UTF-16 units, before it starts anew.
pub(crate) fn longest_path(catalog: &Catalog<'_>, threads: &Threads) -> usize {
    let directories = DirectoryOrder::of(catalog);
    let lengths = directories.lengths(LONGEST);
    if lengths.iter().all(|&length| length <= NOTABLE) {
        return LONGEST;
    }
    let uses = uses(catalog, &lengths, threads);
    let mft = catalog.mft();
    let size = mft.record_count().saturating_mul(u64::from(mft.record_size()));
    let budget = size.saturating_mul(2).saturating_add(ALWAYS);
    let total = |lengths: &[u64]| {
        let texts = lengths.iter().zip(&uses).map(|(length, uses)| length.saturating_mul(*uses));
        texts.fold(0, u64::saturating_add)
    };
    let mut longest = LONGEST;
    while longest > SHORTEST && total(&directories.lengths(longest)) > budget {
        longest /= 2;
    }
    longest
}

/// The directories of a catalog, each behind its parent.
struct DirectoryOrder {
    order: Vec<Step>,
    count: usize,
}

/// A directory, its parent's place where it has one, and what its name adds.
struct Step {
    directory: usize,
    parent: Option<usize>,
    units: usize,
    bytes: u64,
}

impl DirectoryOrder {
    fn of(catalog: &Catalog<'_>) -> Self {
        let count = catalog.directories.len();
        let parent = |index: usize| {
            let reference = catalog.directories.get(index)?.parent;
            catalog.directory_index(reference).ok()
        };
        let mut order = Vec::with_capacity(count);
        let mut seen = vec![false; count];
        let mut climb = Vec::new();
        for start in 0..count {
            // Up to a directory that has its place, or, in a circle, has been passed: that has no parent here.
            let mut here = Some(start);
            while let Some(index) =
                here.filter(|&index| !std::mem::replace(seen.get_mut(index).unwrap_or(&mut true), true))
            {
                climb.push(index);
                here = parent(index);
            }
            order.extend(climb.drain(..).rev().map(|index| Step::of(catalog, index, parent(index))));
        }
        Self { order, count }
    }

    /// The length of each directory's text where texts start anew behind `longest` units.
    fn lengths(&self, longest: usize) -> Vec<u64> {
        let mut lengths = vec![(0_usize, 0_u64); self.count];
        for step in &self.order {
            let above = step.parent.and_then(|parent| lengths.get(parent)).copied().unwrap_or_default();
            let (units, bytes) = if above.0 > longest { (0, REASON) } else { above };
            if let Some(length) = lengths.get_mut(step.directory) {
                *length = (units.saturating_add(step.units), bytes.saturating_add(step.bytes));
            }
        }
        lengths.into_iter().map(|(_, bytes)| bytes).collect()
    }
}

impl Step {
    fn of(catalog: &Catalog<'_>, index: usize, parent: Option<usize>) -> Self {
        let name = catalog.directories.get(index).map(|directory| {
            let end = directory.name_offset.saturating_add(usize::from(directory.name_length));
            Name::new(catalog.names.get(directory.name_offset..end).unwrap_or_default())
        });
        let name = name.unwrap_or_default();
        let bytes = name.chars().map(shown_length).fold(1, u64::saturating_add);
        Self { directory: index, parent, units: name.len().saturating_add(1), bytes }
    }
}

/// Bytes a character takes in a listing: formats write control characters as escapes of six.
fn shown_length(character: Result<char, u16>) -> u64 {
    match character {
        Ok(character) if !character.is_control() => u64::try_from(character.len_utf8()).unwrap_or(4),
        _ => 6,
    }
}

/// For each directory whose text is notable, how often a listing shows it: once for each name in it, and again
/// for each stream under that name, or for the lack of one.
fn uses(catalog: &Catalog<'_>, lengths: &[u64], threads: &Threads) -> Vec<u64> {
    let is_notable = |index: &usize| lengths.get(*index).is_some_and(|&length| length > NOTABLE);
    let work = |found: &mut Vec<(usize, u64)>, chunk: Chunk<'_>| {
        for (_, record) in chunk.into_records() {
            let Ok(record) = record else { continue };
            let rows = rows_of_a_name(&record);
            let names = record.attributes().filter_map(|attribute| attribute.ok()?.file_name().ok());
            let parents = names.filter_map(|(name, _)| catalog.directory_index(name.parent()).ok());
            found.extend(parents.filter(is_notable).map(|parent| (parent, rows)));
        }
    };
    let mut uses = vec![0_u64; lengths.len()];
    let flow = catalog.mft().scan(threads, work, |found| {
        for (parent, rows) in found {
            if let Some(uses) = uses.get_mut(parent) {
                *uses = uses.saturating_add(rows);
            }
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(flow.is_continue(), "nothing breaks the pass");
    uses
}

fn rows_of_a_name(record: &Record<'_>) -> u64 {
    let attributes = record.attributes().filter_map(Result::ok);
    let streams = attributes.filter(|attribute| attribute.attribute_type() == AttributeType::DATA);
    u64::try_from(streams.count().max(1)).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::forge::Forge;
    use crate::volume::Volume;
    use crate::volume::forged_volume::{directory, file, table};

    const ROOT: (u64, u16) = (5, 5);

    /// A chain of `depth` directories from record 30 on, each with a name of `units` units, and `files` files with
    /// two streams in the last of them.
    fn chain(depth: u64, units: usize, files: u64) -> Vec<u8> {
        let name = "n".repeat(units);
        let parent = |number: u64| if number == 30 { ROOT } else { (number - 1, 1) };
        let directories = (30..30 + depth).map(|number| (number, directory(parent(number), &name)));
        let last = 30 + depth - 1;
        let files = (last + 1..=last + files).map(|number| {
            let record = Forge::new(1024).name((last, 1), 3, "f").resident(AttributeType::DATA, "", &[]);
            (number, record.resident(AttributeType::DATA, "more", &[]))
        });
        table(directories.chain(files))
    }

    /// The limit by the definition: the first of 32,767 and its halves with which what a listing shows fits.
    fn by_definition(depth: u64, units: usize, files: u64, table: u64) -> usize {
        let shown = |longest: usize| {
            let (mut length, mut bytes, mut total, mut lengths) = (0, 0, 0, Vec::new());
            for _ in 0..depth {
                if length > longest {
                    (length, bytes) = (0, REASON);
                }
                length += units + 1;
                bytes += units as u64 + 1;
                lengths.push(bytes);
            }
            // Each directory but the last is shown with the next: its name, and that it has no stream.
            total += lengths.iter().rev().skip(1).map(|length| length * 2).sum::<u64>();
            total + lengths.last().unwrap() * files * 3
        };
        let halves = std::iter::successors(Some(LONGEST), |longest| Some(longest / 2));
        let fits = |longest: &usize| *longest <= SHORTEST || shown(*longest) <= table * 2 + ALWAYS;
        halves.into_iter().find(fits).unwrap()
    }

    #[test]
    fn a_table_gets_the_longest_paths_it_can_afford() {
        // 151 names of 217 units with their separators are as long as a path may be.
        for (depth, units, files) in
            [(1, 1, 1), (20, 100, 10), (128, 255, 10), (128, 255, 300), (140, 255, 600), (152, 216, 300)]
        {
            let bytes = chain(depth, units, files);
            let volume = Volume::from_table(&bytes).unwrap();
            let expected = by_definition(depth, units, files, bytes.len() as u64);
            let catalog = volume.catalog_with(&Threads::single());
            assert_eq!(catalog.longest_path, expected, "{depth} directories, {files} files");
            let two = volume.clone().with_chunks_of(7);
            assert_eq!(two.catalog_with(&Threads::new(2)).longest_path, expected);
        }
        assert_eq!(by_definition(128, 255, 10, 170_000), LONGEST);
        assert!(by_definition(128, 255, 300, 470_000) < LONGEST);
    }

    #[test]
    fn what_a_listing_shows_is_counted() {
        let chars = ['a', 'é', '€', '😀', '\u{7}', '\u{85}'].map(Ok);
        assert_eq!(chars.map(shown_length), [1, 2, 3, 4, 6, 6], "control characters are escaped");
        assert_eq!(shown_length(Err(0xD800)), 6);
        let rows = |record: Forge| {
            let bytes = record.on_disk(30);
            rows_of_a_name(&Record::parse(30, &bytes).unwrap())
        };
        let data = |record: Forge, name: &str| record.resident(AttributeType::DATA, name, &[]);
        assert_eq!(rows(file()), 2, "its name, and the want of a stream");
        assert_eq!(rows(data(file(), "")), 2);
        assert_eq!(rows(data(data(data(file(), ""), "b"), "c")), 4);
    }

    #[test]
    fn a_circle_of_directories_has_an_end() {
        let parent = |number: u64| if number == 30 { (149, 1) } else { (number - 1, 1) };
        let name = "n".repeat(255);
        let bytes = table((30..150).map(|number| (number, directory(parent(number), &name))));
        let volume = Volume::from_table(&bytes).unwrap();
        let catalog = volume.catalog_with(&Threads::single());
        assert_eq!(catalog.longest_path, LONGEST);
        let directories = DirectoryOrder::of(&catalog);
        assert_eq!((directories.count, directories.order.len()), (120, 120));
        let mut lengths = directories.lengths(usize::MAX);
        lengths.sort_unstable();
        // Each stands behind its parent; one of them, with which the circle is entered, has none.
        assert!(lengths.into_iter().eq((1..=120).map(|steps| steps * 256)));
    }

    #[test]
    fn one_directory_can_have_more_text_than_its_table() {
        // Each of 255 control characters is shown with six bytes.
        let name = "\u{7}".repeat(255);
        let row = |number| (number, Forge::new(1024).name((30, 1), 3, "f"));
        let limit = |files: u64| {
            let bytes = table(std::iter::once((30, directory(ROOT, &name))).chain((31..31 + files).map(row)));
            Volume::from_table(&bytes).unwrap().catalog_with(&Threads::single()).longest_path
        };
        // A file has two rows of 1,531 bytes, twice its record's 1,024 are its own, and 8 MiB are anyone's.
        let most = (ALWAYS + 2 * 31 * 1024) / (2 * 1531 - 2 * 1024);
        assert_eq!(limit(most), LONGEST);
        assert!(limit(most + 1) <= SHORTEST, "no limit helps");
    }
}
