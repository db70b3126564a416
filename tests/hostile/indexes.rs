//! Classes 77 to 86: indexes, bitmaps, the table of upper case.

use std::fs;
use std::path::Path;

use ntfs_salvage::structure::value::Bitmap;
use ntfs_salvage::structure::{IndexRecord, IndexRoot};
use ntfs_salvage::volume::{ClusterBitmap, ClusterState, UpCase};
use ntfs_salvage::{DamageKind, FileReference, Record, Threads, Volume};

use crate::exercise;
use crate::forge::{DATA, Forge, VolumeForge, file_name, put, root, run};

/// An entry of a directory's index.
fn entry(number: u64, name: &str) -> Vec<u8> {
    let key = file_name(FileReference::new(5, 1), 1, name);
    let mut entry = vec![0; (16 + key.len()).next_multiple_of(8)];
    let length = entry.len() as u16;
    put(&mut entry, 0, &FileReference::new(number, 1).0.to_le_bytes());
    put(&mut entry, 8, &length.to_le_bytes());
    put(&mut entry, 10, &(key.len() as u16).to_le_bytes());
    put(&mut entry, 16, &key);
    entry
}

fn last() -> Vec<u8> {
    let mut entry = vec![0; 16];
    put(&mut entry, 8, &[16, 0, 0, 0, 2]);
    entry
}

/// An INDX record with these entries; the slack behind them is zero.
fn node(entries: &[Vec<u8>]) -> Vec<u8> {
    let entries = entries.concat();
    let mut bytes = vec![0; 4096];
    put(&mut bytes, 0, b"INDX");
    put(&mut bytes, 4, &[40, 0, 9, 0]);
    put(&mut bytes, 24, &40_u32.to_le_bytes());
    put(&mut bytes, 28, &(40 + entries.len() as u32).to_le_bytes());
    put(&mut bytes, 32, &4072_u32.to_le_bytes());
    put(&mut bytes, 40, &[7, 0]);
    (0..8).for_each(|stride| put(&mut bytes, stride * 512 + 510, &[7, 0]));
    put(&mut bytes, 64, &entries);
    bytes
}

fn three() -> Vec<u8> {
    node(&[entry(24, "aaa"), entry(25, "bbb"), entry(26, "ccc"), last()])
}

/// Good entries before the last, and whether anything is reported.
fn count(bytes: &[u8]) -> (usize, bool) {
    exercise::index::record(bytes);
    let record = IndexRecord::parse(bytes).expect("it is an index record");
    let good = record.entries().flatten().filter(|entry| !entry.is_last()).count();
    (good, record.damage().is_some() || record.entries().any(|entry| entry.is_err()))
}

#[test]
fn class_77_offsets_and_sizes_of_a_node_are_held_to_its_record() {
    assert_eq!(count(&three()), (3, false));
    for field in [24, 28, 32] {
        for value in [0_u32, 1, 17, 41, 4073, 0x8000_0000, u32::MAX] {
            let mut bytes = three();
            put(&mut bytes, field, &value.to_le_bytes());
            let (good, is_told) = count(&bytes);
            assert!(is_told && good <= 3, "{value} at {field}: {good}");
        }
    }
}

#[test]
fn class_78_impossible_entry_lengths_end_the_walk_and_wrong_keys_cost_one_entry() {
    let second = 64 + entry(24, "aaa").len();
    for length in [0_u16, 8, 15, 17, 0xFFF8] {
        let mut bytes = three();
        put(&mut bytes, second + 8, &length.to_le_bytes());
        assert_eq!(count(&bytes), (1, true), "length {length}");
    }
    for key in [100_u16, 0x4000, 0xFFFF] {
        let mut bytes = three();
        put(&mut bytes, second + 10, &key.to_le_bytes());
        assert_eq!(count(&bytes), (2, true), "key of {key}");
    }
}

#[test]
fn class_79_a_child_may_be_anything_and_is_not_followed_here() {
    for vcn in [0_u64, 1, 1 << 40, u64::MAX] {
        let mut with_child = last();
        put(&mut with_child, 8, &[24, 0, 0, 0, 3]);
        with_child.extend(vcn.to_le_bytes());
        let bytes = node(&[entry(24, "a"), with_child]);
        assert_eq!(count(&bytes), (1, false));
        let record = IndexRecord::parse(&bytes).unwrap();
        assert_eq!(record.entries().flatten().find_map(|entry| entry.child_vcn()), Some(vcn));
    }
}

/// An entry with a child: its VCN stands in the last eight bytes.
fn with_child(mut entry: Vec<u8>, vcn: u64) -> Vec<u8> {
    entry.extend(vcn.to_le_bytes());
    let length = entry.len() as u16;
    put(&mut entry, 8, &length.to_le_bytes());
    entry[12] |= 1;
    entry
}

/// What is found of a root directory with these entries in its root node, these index records and this bitmap: the
/// names of files that have no record, with what knows of them.
fn found_in(root_node: &[Vec<u8>], nodes: &[Vec<u8>], bitmap: &[u8]) -> Vec<(String, &'static str)> {
    let entries = root_node.concat();
    let length = 16 + entries.len() as u32;
    let head = [0x30_u32, 1, 4096, 1, 16, length, length, 1];
    let root_value = [head.into_iter().flat_map(u32::to_le_bytes).collect(), entries].concat();
    let (clusters, at) = (nodes.len() as u64, 20);
    let directory = root()
        .resident(0x90, "$I30", &root_value)
        .runs(0xA0, "$I30", (0, clusters - 1), [clusters * 4096; 3], &[run(clusters, at), vec![0]].concat())
        .resident(0xB0, "$I30", bitmap);
    let table_runs = [run(8, VolumeForge::TABLE as i64), vec![0]].concat();
    let mut records = vec![vec![0; 1024]; 32];
    records[0] = Forge::new().name(5, "$MFT").runs(DATA, "", (0, 7), [32_768; 3], &table_runs).on_disk(0);
    records[5] = directory.on_disk(5);
    let image = VolumeForge { clusters: 64, records, content: vec![(at as u64, nodes.concat())] }.bytes();
    exercise::table::volume(&image);
    let volume = Volume::open(&image).unwrap();
    let catalog = volume.catalog().with_ghosts(&Threads::single());
    catalog.ghosts().iter().map(|ghost| (ghost.name().to_string(), ghost.evidence.code())).collect()
}

#[test]
fn class_80_a_child_that_many_parents_share_is_looked_through_once() {
    // Node 0 has node 1 as the child of each entry, node 1 node 2, and so on: 3^7 ways to the last one.
    let names = |level: u64| (0..3).map(move |entry| (24 + (3 * level + entry) % 8, format!("{level}{entry}")));
    let node_of = |level: u64| {
        let entries = names(level).map(|(number, name)| with_child(entry(number, &name), (level + 1).min(7)));
        node(&entries.chain([with_child(last(), 0)]).collect::<Vec<_>>())
    };
    let nodes: Vec<_> = (0..8).map(node_of).collect();
    let found = found_in(&[with_child(entry(31, "top"), 0), with_child(last(), 0)], &nodes, &[0xFF; 8]);
    let mut expected: Vec<_> = (0..8).flat_map(names).map(|(_, name)| (name, "index")).collect();
    expected.push(("top".to_owned(), "index"));
    let mut sorted = found.clone();
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected);
}

#[test]
fn class_80_directories_that_share_their_clusters_have_their_names_found_by_looking_once() {
    // Each of 20 directories claims all of the volume; each has an index record with one name in it.
    let in_directory = |directory: u64, number: u64| {
        let mut entry = entry(number, &format!("in {directory}"));
        put(&mut entry, 16, &FileReference::new(directory, 1).0.to_le_bytes());
        entry
    };
    let table_runs = [run(12, VolumeForge::TABLE as i64), vec![0]].concat();
    let mut records = vec![vec![0; 1024]; 48];
    records[0] = Forge::new().name(5, "$MFT").runs(DATA, "", (0, 11), [49_152; 3], &table_runs).on_disk(0);
    records[5] = root().on_disk(5);
    for number in 24..44 {
        let everything = [run(64, 0), vec![0]].concat();
        let directory = Forge::directory().name(5, &format!("d{number}"));
        records[number as usize] = directory.runs(0xA0, "$I30", (0, 63), [64 * 4096; 3], &everything).on_disk(number);
    }
    let nodes = (24..44).map(|directory| node(&[in_directory(directory, 6 + directory % 10), last()]));
    let content = vec![(20, nodes.collect::<Vec<_>>().concat())];
    let image = VolumeForge { clusters: 64, records, content }.bytes();
    exercise::table::volume(&image);
    let volume = Volume::open(&image).unwrap();
    for threads in [1, 2].map(Threads::new) {
        let catalog = volume.catalog_with(&threads).with_ghosts(&threads);
        let mut found: Vec<_> =
            catalog.ghosts().iter().map(|ghost| (ghost.parent(), ghost.name().to_string())).collect();
        found.sort();
        let expected = (24..44).map(|number| (FileReference::new(number, 1), format!("in {number}")));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}

#[test]
fn class_81_records_of_an_index_are_looked_through_whatever_its_bitmap_says() {
    let nodes = [three(), node(&[entry(27, "ddd"), last()])];
    let root_node = [with_child(entry(28, "eee"), 0), with_child(last(), 1)];
    let names = |found: &[(String, &'static str)]| found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let all = found_in(&root_node, &nodes, &[3, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(names(&all), ["aaa", "bbb", "ccc", "ddd", "eee"]);
    assert!(all.iter().all(|(_, witness)| *witness == "index"));
    // Bits beyond the records, and a bitmap that is too long.
    assert_eq!(found_in(&root_node, &nodes, &[0xFF; 8]), all);
    assert_eq!(found_in(&root_node, &nodes, &[0xFF; 64]), all);
    // What the bitmap does not call used is what the index had once.
    for bitmap in [&[0; 8][..], &[]] {
        let found = found_in(&root_node, &nodes, bitmap);
        assert_eq!(names(&found), names(&all));
        let in_use = found.iter().filter(|(_, witness)| *witness == "index").map(|(name, _)| name.as_str());
        assert_eq!(in_use.collect::<Vec<_>>(), ["eee"]);
    }
}

#[test]
fn class_82_a_node_full_of_the_smallest_entries_is_walked_in_one_go() {
    let smallest = [0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0];
    let entries: Vec<Vec<u8>> = (0..(4096 - 64) / 16 - 1).map(|_| smallest.to_vec()).chain([last()]).collect();
    let mut bytes = node(&entries);
    // The words the update sequence would protect belong to the entries here.
    bytes[4..8].fill(0);
    for stride in 0..8 {
        put(&mut bytes, stride * 512 + 510, &[0, 0]);
    }
    assert_eq!(count(&bytes).0, entries.len() - 1);
}

#[test]
fn class_83_an_index_root_of_any_record_size_and_collation_is_viewed() {
    for (collation, size) in [(0x99_u32, 0_u32), (1, 1), (0, 3), (u32::MAX, u32::MAX), (1, 1 << 31)] {
        let mut value = [0x30_u32.to_le_bytes(), collation.to_le_bytes(), size.to_le_bytes(), [0xFF; 4]].concat();
        value.extend([16, 0, 0, 0, 32, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0]);
        value.extend(last());
        exercise::value::any(&[&[9 | 3 << 6], value.as_slice()].concat());
        let root = IndexRoot::parse(&value).unwrap();
        assert_eq!((root.collation().0, root.record_size()), (collation, size));
        assert_eq!((root.entries().count(), root.damage()), (1, None));
    }
}

fn volume() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/plain.img")).expect("the test volume can be read")
}

/// The test volume with a changed `$Bitmap`: `change` gets its record without its update sequence.
fn with_bitmap(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut image = volume();
    let start = 4 * 4096 + 6 * 1024;
    let mut record = Record::parse(6, &image[start..start + 1024]).unwrap().into_repaired().bytes().to_vec();
    change(&mut record);
    put(&mut image, start, &crate::forge::protect(record));
    image
}

/// Where the record has its `$DATA`.
fn data_of(record: &[u8]) -> usize {
    let view = Record::parse(6, record).unwrap();
    let data = view.attributes().flatten().find(|attribute| attribute.attribute_type().0 == 0x80).unwrap();
    data.place().offset as usize
}

#[test]
fn class_84_a_bitmap_that_is_short_long_or_unreadable_leaves_clusters_unknown() {
    let sound = volume();
    let sound = ClusterBitmap::read(&Volume::open(&sound).unwrap());
    assert!(sound.is_complete());
    for (size, is_complete) in [(8_u64, false), (0, false), (1 << 20, true), (1 << 62, true)] {
        let image = with_bitmap(|record| {
            let data = data_of(record);
            put(record, data + 48, &size.to_le_bytes());
        });
        exercise::table::volume(&image);
        let volume = Volume::open(&image).unwrap();
        let bitmap = ClusterBitmap::read(&volume);
        assert_eq!(bitmap.cluster_count(), sound.cluster_count());
        assert!(bitmap.is_complete() == is_complete, "{size} bytes: {:?}", bitmap.damage());
    }
    let lost = with_bitmap(|record| {
        let data = data_of(record);
        put(record, data + 32, &[0xFF, 0xFF]);
    });
    exercise::table::volume(&lost);
    let volume = Volume::open(&lost).unwrap();
    let bitmap = ClusterBitmap::read(&volume);
    assert!((0..bitmap.cluster_count()).all(|lcn| bitmap.state(lcn) == ClusterState::Unknown));
    assert!(volume.catalog_with(&Threads::single()).entries().count() > 100, "nothing depends on it");
}

#[test]
fn class_85_bits_beyond_a_bitmap_are_neither_set_nor_free() {
    let bitmap = Bitmap::new(&[0xFF, 0x01]);
    assert_eq!((bitmap.count(), bitmap.len()), (9, 16));
    assert_eq!(
        [8, 9, 16, 1 << 32, u64::MAX].map(|bit| bitmap.is_set(bit)),
        [Some(true), Some(false), None, None, None]
    );
    exercise::value::any(&[&[0x0B], [0xA5; 300].as_slice()].concat());
}

#[test]
fn class_86_a_table_of_upper_case_that_is_missing_short_or_altered_is_refused() {
    let sound: Vec<u8> = (0..=u16::MAX).flat_map(|unit| UpCase::built_in().upper(unit).to_le_bytes()).collect();
    assert_eq!(UpCase::parse(&sound).unwrap(), UpCase::built_in());
    for length in [0, 1, 131_070, 131_071] {
        let refused = UpCase::parse(&sound[..length]).unwrap_err();
        assert!(matches!(refused.kind, DamageKind::TooShort { .. }));
    }
    let mut altered = sound;
    put(&mut altered, 2 * usize::from(b'k'), &[b'X', 0]);
    assert!(UpCase::parse(&altered).is_err());
}
