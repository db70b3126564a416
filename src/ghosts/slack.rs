//! Index entries where nothing says that there are any: behind the used bytes of a node, in nodes
//! that are torn, and behind the end marker of a record.

use std::ops::Range;

use crate::base::le;
use crate::base::reference::FileReference;
use crate::structure::value::file_name::FileName;

/// An index entry found by its own shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarvedEntry<'a> {
    /// Where it starts in the bytes it was carved from.
    pub(crate) offset: usize,
    /// The file it names.
    pub(crate) file: FileReference,
    /// The key: a whole `$FILE_NAME`.
    pub(crate) key: &'a [u8],
}

const HEADER: usize = 16;
/// `$FILE_NAME` with one character, and with 255.
const KEY_SIZES: std::ops::RangeInclusive<usize> = 68..=576;
/// Where a `$FILE_NAME` has the number of its characters.
const NAME_LENGTH: usize = 64;
/// The marker at the end of an index behind its eight bytes of nothing: its length, no key, and its flag.
const END_MARKER: [u8; 8] = [16, 0, 0, 0, 2, 0, 0, 0];
/// The known flags: a child, and the last entry, which has no key.
const HAS_CHILD: u16 = 1;

/// Looks at every eighth byte of `range` for entries of a directory that `is_parent` takes, whose key has
/// exactly the length its name needs. `is_sound` says whether bytes are what they were written as.
pub(crate) fn carve<'a>(
    bytes: &'a [u8],
    range: Range<usize>,
    is_parent: impl Fn(FileReference) -> bool,
    is_sound: impl Fn(Range<usize>) -> bool,
) -> Vec<CarvedEntry<'a>> {
    let mut found = Vec::new();
    let mut position = range.start.next_multiple_of(8);
    while position < range.end {
        let entry = entry_at(bytes, position, &is_parent).or_else(|| behind_marker(bytes, position, &is_parent));
        let entry = entry.filter(|(length, _)| {
            let end = position.saturating_add(*length);
            end <= range.end && is_sound(position..end)
        });
        match entry {
            Some((length, entry)) => {
                found.push(entry);
                position = position.saturating_add(length);
            }
            None => position = position.saturating_add(8),
        }
    }
    found
}

/// The entry at `offset` with its length, if there is one of such a directory.
fn entry_at(
    bytes: &[u8],
    offset: usize,
    is_parent: impl Fn(FileReference) -> bool,
) -> Option<(usize, CarvedEntry<'_>)> {
    let header = le::slice_at(bytes, offset, HEADER)?;
    let file = FileReference(le::u64_at(header, 0)?);
    let (length, key_size) = (usize::from(le::u16_at(header, 8)?), usize::from(le::u16_at(header, 10)?));
    let flags = le::u16_at(header, 12)?;
    let least = HEADER.saturating_add(key_size).next_multiple_of(8);
    let least = if flags == HAS_CHILD { least.saturating_add(8) } else { least };
    if flags > HAS_CHILD || !KEY_SIZES.contains(&key_size) || length != least || file.sequence_number() == 0 {
        return None;
    }
    let key = key_of(bytes, offset.checked_add(HEADER)?, key_size, is_parent)?;
    Some((length, CarvedEntry { offset, file, key }))
}

/// The entry over whose header the marker at the end of an index was written: its name is left, and no reference.
fn behind_marker(
    bytes: &[u8],
    offset: usize,
    is_parent: impl Fn(FileReference) -> bool,
) -> Option<(usize, CarvedEntry<'_>)> {
    let marker = le::slice_at(bytes, offset, HEADER)?;
    let start = offset.checked_add(HEADER)?;
    let length = usize::from(*bytes.get(start.checked_add(NAME_LENGTH)?)?);
    let key_size = length.checked_mul(2)?.checked_add(NAME_LENGTH.checked_add(2)?)?;
    if marker.get(8..)? != END_MARKER || !KEY_SIZES.contains(&key_size) {
        return None;
    }
    let key = key_of(bytes, start, key_size, is_parent)?;
    let length = HEADER.checked_add(key_size)?.next_multiple_of(8);
    Some((length, CarvedEntry { offset, file: FileReference::UNKNOWN, key }))
}

/// The name at `start`, if it is one of such a directory and of this very size.
fn key_of(bytes: &[u8], start: usize, key_size: usize, is_parent: impl Fn(FileReference) -> bool) -> Option<&[u8]> {
    let key = le::slice_at(bytes, start, key_size)?;
    let name = FileName::parse(key).ok().filter(|name| name.namespace().0 <= 3 && is_parent(name.parent()))?;
    let exact = name.name().bytes().len().saturating_add(66) == key_size;
    let has_nul = name.name().units().any(|unit| unit == 0);
    (exact && !has_nul).then_some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::structure::forge::utf16;

    /// An entry of directory 40-2 as a writer would make it.
    fn entry(file: (u64, u16), name: &str) -> Vec<u8> {
        let mut key = vec![0; 66];
        key[..8].copy_from_slice(&FileReference::new(40, 2).0.to_le_bytes());
        key[64] = name.encode_utf16().count() as u8;
        key.extend(utf16(name));
        let length = (16 + key.len()).next_multiple_of(8);
        let mut bytes = vec![0; 16];
        bytes[..8].copy_from_slice(&FileReference::new(file.0, file.1).0.to_le_bytes());
        bytes[8..10].copy_from_slice(&(length as u16).to_le_bytes());
        bytes[10..12].copy_from_slice(&(key.len() as u16).to_le_bytes());
        bytes.extend(key);
        bytes.resize(length, 0);
        bytes
    }

    fn names(bytes: &[u8], parent: FileReference) -> Vec<(u64, String)> {
        let found = carve(bytes, 0..bytes.len(), |found| found == parent, |_| true);
        let name = |entry: &CarvedEntry<'_>| FileName::parse(entry.key).unwrap().name().to_string();
        found.iter().map(|entry| (entry.file.record_number(), name(entry))).collect()
    }

    #[test]
    fn entries_are_found_between_rubbish() {
        let parent = FileReference::new(40, 2);
        let bytes = [vec![0xAA; 24], entry((70, 1), "one.txt"), vec![0; 8], entry((71, 3), "two")].concat();
        assert_eq!(names(&bytes, parent), [(70, "one.txt".to_owned()), (71, "two".to_owned())]);
        assert_eq!(names(&bytes, FileReference::new(40, 3)), [], "another life of the directory");
        for cut in 0..bytes.len() - 8 {
            assert!(names(&bytes[..cut], parent).len() <= 2);
        }
    }

    #[test]
    fn unsound_bytes_give_no_name() {
        let bytes = entry((70, 1), "one.txt");
        let found =
            carve(&bytes, 0..bytes.len(), |parent| parent == FileReference::new(40, 2), |range| !range.contains(&90));
        assert!(found.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_carved_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), parent: u64) {
            let found = carve(&bytes, 0..bytes.len(), |found| found == FileReference(parent), |_| true);
            prop_assert!(found.iter().all(|entry| entry.offset < bytes.len()));
        }
    }

    #[test]
    fn only_what_has_the_shape_of_an_entry_is_one() {
        let parent = FileReference::new(40, 2);
        let found = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = entry((70, 1), "one.txt");
            change(&mut bytes);
            names(&bytes, parent).len()
        };
        assert_eq!(found(&|_| {}), 1);
        let put = |at: usize, value: u8| found(&move |bytes: &mut Vec<u8>| bytes[at] = value);
        assert_eq!(put(6, 0), 0, "a file without a sequence number");
        assert_eq!(put(12, 2), 0, "the last entry has no key");
        assert_eq!(put(12, 3), 0);
        assert_eq!((put(8, 104), put(8, 88), put(8, 95)), (0, 0, 0), "its length is what its key needs");
        assert_eq!((put(10, 79), put(10, 81)), (0, 0), "its key as long as its name");
        assert_eq!((put(16 + 65, 4), put(16 + 65, 3)), (0, 1), "there are four namespaces");
        let nul = |bytes: &mut Vec<u8>| bytes[16 + 66..16 + 68].fill(0);
        assert_eq!(found(&nul), 0, "no name has a NUL");
        // With a child the entry ends in eight bytes more.
        let with_child = |bytes: &mut Vec<u8>| {
            bytes[12] = 1;
            bytes[8] += 8;
            bytes.extend_from_slice(&[0; 8]);
        };
        assert_eq!(found(&with_child), 1);
        assert_eq!(put(12, 1), 0, "without room for the child");
    }

    #[test]
    fn an_entry_lies_in_the_range_that_is_looked_through() {
        let parent = FileReference::new(40, 2);
        let bytes = [vec![0; 8], entry((70, 1), "one.txt"), vec![0; 8]].concat();
        let found = |range: Range<usize>| carve(&bytes, range, |found| found == parent, |_| true).len();
        let end = bytes.len() - 8;
        assert_eq!((found(0..end), found(8..end), found(1..end)), (1, 1, 1));
        assert_eq!((found(0..end - 1), found(9..bytes.len()), found(0..0)), (0, 0, 0));
        for length in [1, 255] {
            let name = "n".repeat(length);
            assert_eq!(names(&entry((70, 1), &name), parent), [(70, name)], "the shortest and the longest");
        }
    }
}
