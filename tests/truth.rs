//! Lists the volumes in `testdata` and compares them with what was put into them.

mod comparison;
mod tool;

/// Compares one volume of `testdata`.
fn check(name: &str) {
    let image = tool::repository(&format!("testdata/{name}.img"));
    let truth = tool::repository(&format!("testdata/{name}.truth.jsonl"));
    comparison::assert_lists_the_truth(&image, &truth);
}

#[test]
fn sizes_directories_and_extreme_times() {
    check("plain");
}

#[test]
fn records_and_sectors_of_4_kib() {
    check("4kn");
}

#[test]
fn clusters_of_64_kib() {
    check("64k_clusters");
}

#[test]
fn a_table_in_pieces_with_an_attribute_list_of_its_own() {
    check("mft_attribute_list");
}

#[test]
fn deleted_files_and_what_became_of_them() {
    check("deleted");
}

#[test]
fn odd_names_links_streams_and_reparse_points() {
    check("links_streams");
}

#[test]
fn compressed_and_sparse_files() {
    check("compressed_sparse");
}

#[test]
fn two_volumes_on_a_partitioned_disk() {
    check("disk_gpt");
}

#[test]
fn deleted_files_in_fragments_and_overwritten_ones() {
    check("cases/fragments");
}

#[test]
fn one_of_each_kind_of_object() {
    check("cases/objects");
}

#[test]
fn every_volume_in_testdata_is_compared() {
    let here = include_str!("truth.rs");
    for item in std::fs::read_dir(tool::repository("testdata")).expect("testdata is there") {
        let name = item.expect("testdata can be read").file_name().into_string().expect("names are ASCII");
        if let Some(volume) = name.strip_suffix(".img") {
            assert!(here.contains(&format!("check({volume:?})")), "no test compares {name}");
        }
    }
}
