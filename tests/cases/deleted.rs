//! DFR-01 to DFR-12: deleted files, whole and in pieces, overwritten or not, and their directories.

use ntfs_salvage::content::Origin;
use ntfs_salvage::recoverability::{ByteStatus, Verdict};
use ntfs_salvage::{EntryState, Volume};
use serde_json::Value;

use super::known::{Case, content, find, image, record, sha256, with};

fn fragments(check: impl FnOnce(&Case<'_>)) {
    with("cases/fragments", &image("cases/fragments"), check);
}

/// Asserts that the files of a group are whole, and lie where they were put.
fn assert_group_is_whole(case: &Case<'_>, prefix: &str) {
    for row in case.group(prefix) {
        case.assert_whole(row);
        let Some(runs) = row["runs"].as_array() else { continue };
        let entry = case.entry(row);
        let stream = find(&entry, "").unwrap();
        let found = stream.data_runs().map(|run| run.unwrap()).map(|run| (run.lcn.unwrap(), run.clusters));
        let known = runs.iter().map(|run| (run[0].as_u64().unwrap(), run[1].as_u64().unwrap()));
        assert_eq!(found.collect::<Vec<_>>(), known.collect::<Vec<_>>(), "{}", row["path"]);
    }
}

#[test]
fn dfr_01_a_contiguous_file_is_whole() {
    fragments(|case| assert_group_is_whole(case, "/DFR-01 in one piece"));
}

#[test]
fn dfr_01b_01c_a_resident_and_an_empty_file_are_whole() {
    fragments(|case| {
        assert_group_is_whole(case, "/DFR-01b");
        assert_group_is_whole(case, "/DFR-01c");
        let entry = case.entry(case.row("/DFR-01b resident"));
        assert!(find(&entry, "").unwrap().is_resident());
    });
}

#[test]
fn dfr_01d_sizes_about_a_cluster_and_a_record_are_exact() {
    fragments(|case| {
        assert_eq!(case.group("/DFR-01d").len(), 6);
        assert_group_is_whole(case, "/DFR-01d");
    });
}

#[test]
fn dfr_02_two_fragments_are_put_together_in_order() {
    fragments(|case| {
        assert_group_is_whole(case, "/DFR-02");
        assert_eq!(case.row("/DFR-02 two fragments")["runs"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn dfr_03_all_of_many_fragments_are_found() {
    fragments(|case| {
        assert_group_is_whole(case, "/DFR-03 ");
        assert_eq!(case.row("/DFR-03 fragments 100")["runs"].as_array().unwrap().len(), 100);
        let entry = case.entry(case.row("/DFR-03 fragments 400"));
        assert!(!entry.extension_records().is_empty(), "its runs need several records");
        assert!(find(&entry, "").unwrap().data_runs().count() >= 399);
    });
}

#[test]
fn dfr_03b_braided_and_nested_files_are_not_mixed() {
    fragments(|case| {
        for prefix in ["/DFR-03b braid", "/DFR-03b nest"] {
            assert_eq!(case.group(prefix).len(), 2);
            assert_group_is_whole(case, prefix);
        }
    });
}

#[test]
fn dfr_05_several_deleted_files_in_each_other_are_whole() {
    fragments(|case| {
        assert_eq!(case.group("/DFR-05").len(), 3);
        assert_group_is_whole(case, "/DFR-05");
    });
}

#[test]
fn dfr_07_a_record_used_again_is_the_new_file_alone() {
    fragments(|case| {
        for (old, new) in [
            ("/DFR-07 record used again", "/in the record of DFR-07"),
            ("/DFR-07c record and data used again", "/in the record of DFR-07c"),
        ] {
            let (old, new) = (case.row(old), case.row(new));
            assert_eq!((record(old), old["fate"]["record"].as_str()), (record(new), Some("reused")));
            assert_eq!(case.entry(new).state(), EntryState::Live);
            case.assert_whole(new);
        }
    });
}

#[test]
fn dfr_07b_overwritten_data_is_never_given_out_and_its_overwriter_is_named() {
    fragments(|case| {
        let worth = case.worth("/DFR-07b data overwritten");
        assert_eq!(worth.verdict(), Verdict::Overwritten);
        let by = case.entry(case.row("/newer than DFR-07b")).reference();
        assert!(worth.ranges().iter().all(|part| part.standing == ByteStatus::Claimed(by)), "{:?}", worth.ranges());
        case.assert_whole(case.row("/newer than DFR-07b"));
    });
}

#[test]
fn dfr_08_of_partly_overwritten_files_each_cluster_is_told() {
    fragments(|case| {
        let mut shares = Vec::new();
        for row in case.group("/DFR-08") {
            let path = row["path"].as_str().unwrap();
            let worth = case.worth(path);
            assert_eq!(worth.verdict(), Verdict::Partial, "{path}");
            let claimed = |at: u64| {
                worth.ranges().iter().find(|part| part.range.offset <= at && at < part.range.end()).unwrap().standing
            };
            let lost: Vec<&Value> = row["lost"].as_array().unwrap().iter().collect();
            let mut overwritten = 0;
            for at in (0..row["size"].as_u64().unwrap()).step_by(512) {
                match lost.iter().find(|part| part[0] == at) {
                    Some(part) => {
                        let by = case.catalog.entry(part[2].as_u64().unwrap()).unwrap().reference();
                        assert_eq!(claimed(at), ByteStatus::Claimed(by), "{path} at {at}");
                        overwritten += 512;
                    }
                    None => assert_eq!(claimed(at), ByteStatus::Free, "{path} at {at}"),
                }
            }
            assert_eq!(worth.counts().claimed, overwritten);
            shares.push(overwritten * 100 / row["size"].as_u64().unwrap());
        }
        assert_eq!(shares, [10, 50, 90]);
    });
}

#[test]
fn dfr_11_a_deleted_directory_keeps_its_children() {
    with("deleted", &image("deleted"), |case| {
        for row in case.group("/gone/") {
            case.assert_whole_or_directory(row);
            let paths: Vec<_> = case.entry(row).paths().map(|path| path.text).collect();
            assert_eq!(paths, [row["path"].as_str().unwrap()], "the way through deleted directories is whole");
        }
    });
}

#[test]
fn dfr_12_nested_deleted_directories_are_a_tree() {
    with("deleted", &image("deleted"), |case| {
        let deepest = case.row("/gone/level0/level1/level2/level3");
        let entry = case.entry(deepest);
        assert!(entry.state() == EntryState::Deleted && entry.is_directory());
        assert_eq!(entry.paths().next().unwrap().text, deepest["path"].as_str().unwrap());
    });
}

#[test]
fn dfr_12b_under_a_record_used_again_the_path_ends_with_the_reason() {
    with("deleted", &image("deleted"), |case| {
        let parent = case.row("/parent reused");
        let start = format!("<reused {}-{}>", record(parent), parent["sequence"]);
        for name in ["/resident orphan.txt", "/large orphan.bin", "/sub/deep orphan.txt"] {
            let row = case.row(&format!("/parent reused{name}"));
            let paths: Vec<_> = case.entry(row).paths().map(|path| path.text).collect();
            assert_eq!(paths, [format!("{start}{name}")]);
        }
    });
}

#[test]
fn nt_24_a_name_given_before_deletion_is_the_one_that_is_left() {
    with("cases/objects", &image("cases/objects"), |case| {
        let row = case.row("/NT-24 second name");
        case.assert_whole(row);
        let paths: Vec<_> = case.entry(row).paths().map(|path| path.text).collect();
        assert_eq!(paths, ["/NT-24 second name"]);
    });
    // Of a long and a short name, and of two links, what ntfs-3g leaves in the record.
    with("deleted", &image("deleted"), |case| {
        for path in ["/kept/VeryLongFileName.document", "/kept/first name.txt"] {
            let row = case.row(path);
            assert_eq!(case.entry(row).links().len(), row["links"].as_array().unwrap().len(), "{path}");
            case.assert_whole(row);
        }
    });
}

/// Clusters of the volume that bytes of the source lie in are where the ranges say.
#[test]
fn the_ranges_of_a_fragmented_file_lead_to_its_bytes() {
    let bytes = image("cases/fragments");
    with("cases/fragments", &bytes, |case| {
        let row = case.row("/DFR-03 fragments 400");
        let entry = case.entry(row);
        let stream = find(&entry, "").unwrap();
        let mut derived = Vec::new();
        for range in stream.map().ranges() {
            let Origin::Clusters(at) = range.origin else { panic!("{range:?}") };
            derived.extend_from_slice(&bytes[at as usize..][..range.length as usize]);
        }
        assert_eq!(sha256(&derived), row["sha256"]);
        assert_eq!(derived, content(&stream));
    });
    assert!(Volume::open(&bytes).is_ok());
}
