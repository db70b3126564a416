//! Makes fresh volumes with a known truth and lists them. Slow, and in need of root and ntfs-3g, so ignored:
//! `cargo test -- --ignored` runs it.

mod comparison;
mod tool;

use std::path::Path;
use std::process::Command;

/// Why volumes cannot be made here.
fn obstacle(maker: &Path) -> Option<&'static str> {
    let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !maker.exists() {
        return Some("the volume maker is not beside the repository");
    }
    if !Path::new("/dev/fuse").exists() {
        return Some("there is no /dev/fuse");
    }
    let present = ["mkntfs", "ntfs-3g", "python3"].iter().all(|program| runs(program));
    (!present).then_some("mkntfs, ntfs-3g or python3 is missing")
}

/// Makes a volume with these options and compares its listing with its truth.
fn check(options: &[&str]) {
    make_and_check("../shared/tools/make_volume.py", "make", options, "made.img.truth.jsonl");
}

/// The same with the maker that is part of the repository.
fn check_own(kind: &str, options: &[&str]) {
    make_and_check("testdata/make_large.py", kind, options, "made.truth.jsonl");
}

fn make_and_check(maker: &str, what: &str, options: &[&str], truth: &str) {
    let maker = tool::repository(maker);
    if let Some(reason) = obstacle(&maker) {
        println!("skipped: {reason}");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let image = folder.path().join("made.img");
    let made =
        Command::new("python3").arg(&maker).arg(what).arg(&image).args(options).output().expect("python3 starts");
    assert!(made.status.success(), "{options:?}: {}", String::from_utf8_lossy(&made.stderr));
    comparison::assert_lists_the_truth(&image, &folder.path().join(truth));
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn churn_operations_and_links_of_our_own_maker() {
    for seed in ["1", "2", "3"] {
        check_own("churn", &["--seed", seed]);
        check_own("operations", &["--seed", seed, "--count", "2000", "--size", "64"]);
    }
    check_own("churn", &["--cluster", "512", "--size", "6"]);
    check_own("churn", &["--sector", "4096", "--size", "17"]);
    check_own("links", &[]);
    check_own("fragments", &["--count", "1000"]);
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn several_seeds() {
    for seed in ["1", "2", "3"] {
        check(&["--size", "32M", "--seed", seed]);
    }
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn clusters_below_a_record() {
    check(&["--size", "24M", "--cluster", "512", "--seed", "4"]);
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn clusters_of_64_kib() {
    check(&["--size", "128M", "--cluster", "65536", "--seed", "5"]);
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn sectors_of_4_kib() {
    check(&["--size", "32M", "--sector", "4096", "--seed", "6"]);
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn records_used_again() {
    check(&["--size", "32M", "--seed", "7", "--delete", "60", "--churn", "40"]);
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn a_table_in_pieces() {
    check(&["--size", "10M", "--cluster", "512", "--features", "basic", "--fragment-mft", "3000", "--seed", "8"]);
}
