//! What files are: names, streams, links, special files, holes, compression, encryption, odd times.

use std::io::{Read, Seek, SeekFrom};

use ntfs_salvage::EntryState;
use ntfs_salvage::catalog::PathEnd;
use ntfs_salvage::content::{Encoding, Origin};
use ntfs_salvage::recoverability::{ByteStatus, Reasons, Verdict};
use ntfs_salvage::structure::value::Value as Content;
use ntfs_salvage::structure::{AttributeFlags, AttributeType};
use serde_json::Value;

use super::known::{Case, content, find, image, record, rows, sha256, testdata, with};

fn objects(check: impl FnOnce(&Case<'_>)) {
    with("cases/objects", &image("cases/objects"), check);
}

impl Case<'_> {
    /// As [`assert_whole`](Case::assert_whole), of a directory that it is one.
    pub(crate) fn assert_whole_or_directory(&self, row: &Value) {
        self.assert_whole(row);
        assert_eq!(self.entry(row).is_directory(), row["kind"] == "directory", "{row}");
    }
}

#[test]
fn dfr_04_names_of_deleted_files_keep_every_unit() {
    objects(|case| {
        let group = case.group("/DFR-04 names/");
        assert!(group.len() >= 24);
        for row in group {
            assert_eq!(case.entry(row).links().len(), 1, "{row}");
            case.assert_whole(row);
        }
    });
}

#[test]
fn dfr_06_a_sparse_file_beyond_4_gib_has_its_data_where_it_was_written() {
    objects(|case| {
        let row = case.row("/DFR-06 beyond 4 GiB, deleted");
        let entry = case.entry(row);
        assert_eq!(entry.state(), EntryState::Deleted);
        let stream = find(&entry, "").unwrap();
        assert_eq!(stream.size(), Some(5 << 30));
        let mut reader = stream.reader();
        let (mut data, mut end) = (0, 0);
        for part in row["written"].as_array().unwrap() {
            let (offset, length) = (part[0].as_u64().unwrap(), part[1].as_u64().unwrap());
            let mut bytes = vec![0; length as usize];
            reader.seek(SeekFrom::Start(offset)).unwrap();
            reader.read_exact(&mut bytes).unwrap();
            assert_eq!(sha256(&bytes), part[2], "at {offset}");
            let holes = stream.map();
            let before = holes.ranges().iter().filter(|range| range.offset >= end && range.end() <= offset);
            assert!(before.clone().any(|range| range.origin == Origin::Hole) || offset == 0, "before {offset}");
            (data, end) = (data + length, offset + length);
        }
        let worth = case.worth("/DFR-06 beyond 4 GiB, deleted");
        assert_eq!((worth.verdict(), worth.reasons()), (Verdict::Likely, Reasons::FREE));
        assert!(worth.counts().free >= data && worth.counts().zeros > 4 << 30);
        assert_eq!(worth.counts().free + worth.counts().zeros, 5 << 30);
    });
}

/// Asserts what kind of object each of a group is.
fn assert_objects(case: &Case<'_>, prefix: &str) {
    let tag = |name: &str| {
        let entry = case.entry(case.row(&format!("{prefix}{name}")));
        let mut values = entry.attributes_of(AttributeType::REPARSE_POINT).map(|attribute| attribute.value());
        match values.next() {
            Some(Ok(Content::ReparsePoint(point))) => Some(point.tag().0),
            _ => None,
        }
    };
    for row in case.group(prefix) {
        case.assert_whole_or_directory(row);
    }
    assert_eq!(tag("symbolic link"), Some(0xA000_000C));
    assert_eq!(tag("junction"), Some(0xA000_0003));
    assert_eq!(tag("pipe"), Some(0x8000_0024));
    assert_eq!(tag("links"), None);
    let entry = case.entry(case.row(&format!("{prefix}streams")));
    assert_eq!(entry.streams().len(), 3);
    let entry = case.entry(case.row(&format!("{prefix}extended attributes")));
    assert_eq!(entry.attributes_of(AttributeType::EA).count(), 1);
}

#[test]
fn dfr_14_deleted_objects_keep_their_kind() {
    objects(|case| assert_objects(case, "/DFR-14/deleted "));
}

#[test]
fn dfr_15_one_of_each_live_object_is_listed() {
    objects(|case| {
        assert_objects(case, "/DFR-15 ");
        assert_eq!(case.entry(case.row("/DFR-15 links")).links().len(), 2);
    });
}

#[test]
fn dfr_17_200_levels_are_followed_as_far_as_a_path_may_go() {
    with("cases/deep", &image("cases/deep"), |case| {
        let row = &case.rows[case.rows.len() - 1];
        let known = row["path"].as_str().unwrap();
        assert!(known.len() > 32_767 && known.matches('/').count() == 201);
        let entry = case.entry(row);
        assert_eq!(sha256(&content(&find(&entry, "").unwrap())), row["sha256"]);
        // No path of NTFS has more than 32,767 units: where the way up becomes longer it ends, and says so.
        let path = entry.paths().next().unwrap();
        assert!(matches!(path.end, PathEnd::TooLong(_)), "{:?}", path.end);
        let (reason, rest) = path.text.split_once('>').unwrap();
        assert!(reason.starts_with("<too-long ") && known.ends_with(rest) && rest.ends_with("/leaf"));
        let mut depths: Vec<_> = case.catalog.entries().flat_map(|entry| entry.paths().collect::<Vec<_>>()).collect();
        depths.retain(|path| path.end == PathEnd::Root && known.starts_with(&path.text));
        let deepest = depths.iter().map(|path| path.text.matches('/').count()).max();
        assert!(deepest >= Some(190), "beyond 128 levels, where other tools stop: {deepest:?}");
    });
}

#[test]
fn nt_18_compressed_files_in_fragments_are_whole() {
    for (name, prefix) in [("cases/objects", "/NT-18/"), ("compressed_sparse", "/compressed/")] {
        with(name, &image(name), |case| {
            let mut states = Vec::new();
            for row in case.group(prefix) {
                case.assert_whole(row);
                let entry = case.entry(row);
                let stream = find(&entry, "").unwrap();
                states.push((stream.encoding() == Encoding::Compressed, row["deleted"] == true));
            }
            assert!(states.contains(&(true, true)) && states.contains(&(true, false)), "{states:?}");
        });
    }
    objects(|case| {
        let entry = case.entry(case.row("/NT-18/deleted"));
        let runs = find(&entry, "").unwrap().data_runs().filter(|run| run.unwrap().lcn.is_some()).count();
        assert!(runs > 2, "{runs} runs");
    });
}

#[test]
fn nt_19_only_declared_zeros_are_zeros() {
    objects(|case| {
        for row in case.group("/NT-19 hole") {
            case.assert_whole(row);
            let worth = case.worth(row["path"].as_str().unwrap());
            assert!(worth.counts().zeros > 0);
            for part in worth.ranges().iter().filter(|part| part.standing == ByteStatus::Zeros) {
                assert!(matches!(part.range.origin, Origin::Hole | Origin::Uninitialized(_)), "{part:?}");
            }
        }
    });
}

#[test]
fn nt_19_behind_the_initialized_size_are_zeros_and_the_old_bytes_are_reachable() {
    objects(|case| {
        let row = case.row("/NT-19 initialized");
        case.assert_whole(row);
        let entry = case.entry(row);
        let stream = find(&entry, "").unwrap();
        let initialized = row["initialized"].as_u64().unwrap();
        assert_eq!(stream.initialized_size(), Some(initialized));
        assert!(content(&stream)[initialized as usize..].iter().all(|byte| *byte == 0));
        // The stored bytes go on to the end of the last cluster: behind the size is the slack.
        let raw = content(&stream.raw());
        let size = row["size"].as_u64().unwrap() as usize;
        assert_eq!(sha256(&raw[initialized as usize..size]), row["underneath"]);
        assert_eq!(raw.len(), size.next_multiple_of(1024));
        let map = stream.map();
        let uninitialized = map.ranges().last().unwrap();
        assert!(matches!(uninitialized.origin, Origin::Uninitialized(Some(_))), "{uninitialized:?}");
    });
}

#[test]
fn nt_20_an_encrypted_file_is_ciphertext_and_labelled() {
    objects(|case| {
        let row = case.row("/NT-20 encrypted");
        case.assert_whole(row);
        let entry = case.entry(row);
        let stream = find(&entry, "").unwrap();
        assert!(stream.flags().contains(AttributeFlags::ENCRYPTED));
        assert_eq!(stream.encoding(), Encoding::Encrypted);
        let keys = entry.attributes_of(AttributeType::LOGGED_UTILITY_STREAM).next().unwrap();
        assert!(keys.name().is("$EFS"));
        assert_eq!(entry.damage(), []);
    });
}

#[test]
fn nt_21_attributes_of_an_earlier_life_are_found_behind_the_record() {
    objects(|case| {
        let row = case.row("/NT-21 second life");
        case.assert_whole(row);
        let entry = case.entry(row);
        let residue = entry.record().residue();
        assert_eq!(residue.len(), 1, "{residue:?}");
        assert_eq!(residue[0].attribute_type(), AttributeType::DATA);
        assert_eq!(sha256(residue[0].resident_value().unwrap()), row["residue"]);
    });
}

#[test]
fn nt_22_an_index_remembers_a_deleted_file_in_its_slack() {
    objects(|case| {
        let row = case.row("/NT-22/zz gone");
        assert!(case.catalog.entry(record(row)).is_err(), "its record is wiped");
        let catalog = case.catalog.volume().catalog().with_ghosts(&ntfs_salvage::Threads::single());
        let ghost = catalog.ghosts().iter().find(|ghost| ghost.name().is("zz gone")).expect("the name is found");
        assert_eq!(ghost.reference.record_number(), record(row));
        let name = ghost.file_name().unwrap();
        let times = [name.created(), name.modified(), name.record_changed(), name.accessed()].map(|time| time.0);
        assert_eq!(serde_json::json!(times), row["index_times"]);
        assert_eq!(name.data_size(), 22);
        assert_eq!(catalog.paths().path(ghost.parent(), ghost.name()).text, "/NT-22/zz gone");
    });
}

#[test]
fn nt_36_times_set_back_are_told_as_they_are() {
    objects(|case| {
        let row = case.row("/NT-36 times set back");
        case.assert_whole(row);
        let entry = case.entry(row);
        let (information, links) = (entry.standard_information().unwrap(), entry.links());
        assert!(information.created() < links[0].file_name().created(), "older than the name");
        assert_eq!(information.created().subsecond_ticks(), 0);
        assert_eq!(entry.damage(), [], "an oddity, no damage");
    });
}

#[test]
fn nt_37_times_of_all_ages_are_exact() {
    objects(|case| {
        let group = case.group("/NT-37/");
        assert_eq!(group.len(), 5);
        group.into_iter().for_each(|row| case.assert_whole(row));
    });
    assert!(rows(&testdata("plain.truth.jsonl")).iter().any(|row| row["path"] == "/times/last tick"));
}
