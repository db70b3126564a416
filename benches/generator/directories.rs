//! The records of directories, and the `$I30` index roots in them.

use super::contents::{Contents, DIRECTORY_ATTRIBUTE};
use super::names::{self, Name};
use super::random::{Random, Topic};
use super::record::{
    BITMAP, DIRECTORY, FILE_NAME, Header, INDEX_ALLOCATION, INDEX_ROOT, NonResident, OBJECT_ID, STANDARD_INFORMATION,
    aligned,
};
use super::tree::{Kind, Tree};
use super::{CLUSTER_SIZE, TableWriter, files};

/// Bytes of an `$I30` root before its first entry.
const ROOT_HEADER: usize = 32;
/// Bytes of a named resident attribute's header, `$I30` being the name.
const NAMED_HEADER: usize = 32;
/// Children's entries that an index block holds: two names each, blocks two thirds full.
const CHILDREN_PER_BLOCK: u64 = 14;

pub(crate) fn make(writer: &mut TableWriter, slot: u64) {
    let tree = writer.tree;
    let names = names::of(&tree, slot, true);
    let contents = Contents::of_directory(&tree, slot);
    let mut random = tree.random(slot, Topic::Record);
    let header = files::header(&tree, slot, names.len(), &mut random);
    writer.record.start(Header { flags: header.flags | DIRECTORY, ..header });

    let id = writer.record.take_id();
    writer.record.resident(STANDARD_INFORMATION, "", id, &contents.standard_information(random.below(1 << 36)));
    for name in &names {
        let parent = tree.parent_reference(slot);
        let value = contents.file_name_in_record(parent, name, DIRECTORY_ATTRIBUTE, &mut random);
        let id = writer.record.take_id();
        writer.record.resident(FILE_NAME, "", id, &value);
    }
    if contents.object_id {
        let id = writer.record.take_id();
        writer.record.resident(OBJECT_ID, "", id, &[random.next().to_le_bytes(), random.next().to_le_bytes()].concat());
    }
    add_index(writer, slot);
}

/// The whole index in the record where it fits; otherwise a root that only points to the index blocks.
fn add_index(writer: &mut TableWriter, slot: u64) {
    let entries = small_index(&writer.tree, slot);
    match entries {
        Some(entries) if NAMED_HEADER + ROOT_HEADER + aligned(entries.len()) <= writer.record.room() => {
            let id = writer.record.take_id();
            writer.record.resident(INDEX_ROOT, "$I30", id, &index_root(&entries, false));
        }
        _ => {
            let mut random = writer.tree.random(slot, Topic::Clusters);
            let children = Tree::expected_children(slot);
            let blocks = 1 + random.below(2 * children.div_ceil(CHILDREN_PER_BLOCK));
            add_large_index(writer, blocks, &mut random);
        }
    }
}

/// An index of `blocks` blocks of one cluster each.
pub(crate) fn add_large_index(writer: &mut TableWriter, blocks: u64, random: &mut Random) {
    let id = writer.record.take_id();
    writer.record.resident(INDEX_ROOT, "$I30", id, &index_root(&last_entry(true), true));
    let runs = writer.clusters.allocate(blocks, blocks.div_ceil(8), false, random);
    let size = blocks * CLUSTER_SIZE;
    let stream = NonResident { runs, allocated: size, size, initialized: size, ..NonResident::default() };
    let id = writer.record.take_id();
    writer.record.non_resident(INDEX_ALLOCATION, "$I30", id, &stream);
    let mut bitmap = vec![0_u8; blocks.div_ceil(64) as usize * 8];
    (0..blocks as usize).for_each(|block| bitmap[block / 8] |= 1 << (block % 8));
    let id = writer.record.take_id();
    writer.record.resident(BITMAP, "$I30", id, &bitmap);
}

/// The entries of a small directory's live children, in order, with the last entry; `None` for a large one.
fn small_index(tree: &Tree, slot: u64) -> Option<Vec<u8>> {
    let mut children: Vec<(Vec<u16>, Vec<u8>)> = Vec::new();
    for child in tree.candidates_of_small(slot)? {
        let here = tree.kind(child) == Kind::File && tree.parent(child) == slot && !tree.is_deleted(child);
        if here {
            children.extend(entries_of(tree, child));
        }
    }
    children.sort();
    let mut entries: Vec<u8> = children.into_iter().flat_map(|(_, entry)| entry).collect();
    entries.extend(last_entry(false));
    Some(entries)
}

/// A file's index entries, one for each name of its main link, each with what it sorts by.
fn entries_of(tree: &Tree, file: u64) -> Vec<(Vec<u16>, Vec<u8>)> {
    let links = files::links(tree, file);
    let contents = files::contents(tree, file, &links);
    let parent = tree.parent_reference(file);
    let own = links.iter().filter(|link| link.0 == parent);
    own.map(|(_, name)| {
        let key = contents.file_name_in_index(parent, name, 0);
        (upper_case(name), index_entry(tree.reference(file), &key))
    })
    .collect()
}

pub(crate) fn index_entry(reference: u64, key: &[u8]) -> Vec<u8> {
    let length = aligned(16 + key.len());
    let mut entry = Vec::with_capacity(length);
    entry.extend(reference.to_le_bytes());
    entry.extend((length as u16).to_le_bytes());
    entry.extend((key.len() as u16).to_le_bytes());
    entry.extend([0; 4]);
    entry.extend_from_slice(key);
    entry.resize(length, 0);
    entry
}

/// The entry without a key that ends a node; with the first index block below it in a large index.
pub(crate) fn last_entry(has_child: bool) -> Vec<u8> {
    let mut entry = vec![0; if has_child { 24 } else { 16 }];
    entry[8] = entry.len() as u8;
    entry[12] = 2 | u8::from(has_child);
    entry
}

/// The value of an `$I30` root over these entries.
pub(crate) fn index_root(entries: &[u8], large: bool) -> Vec<u8> {
    root_value(0x30, 1, entries, large)
}

/// The value of any index root: what it indexes and by which collation.
pub(crate) fn root_value(indexed: u32, collation: u32, entries: &[u8], large: bool) -> Vec<u8> {
    let used = (16 + entries.len()) as u32;
    let words = [indexed, collation, CLUSTER_SIZE as u32, 1, 16, used, used, u32::from(large)];
    let mut value: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    value.extend_from_slice(entries);
    value
}

fn upper_case(name: &Name) -> Vec<u16> {
    let upper = |unit: &u16| {
        let mut letters = char::from_u32(u32::from(*unit)).into_iter().flat_map(char::to_uppercase);
        match (letters.next(), letters.next()) {
            (Some(letter), None) => u16::try_from(letter as u32).unwrap_or(*unit),
            _ => *unit,
        }
    };
    name.units.iter().map(upper).collect()
}
