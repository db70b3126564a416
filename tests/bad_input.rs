//! What cannot be listed is refused in one plain line and with the right exit code.

mod tool;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A file with these contents in a directory of its own, which lives as long as the first part.
fn file_with(contents: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let path = folder.path().join("input.img");
    fs::write(&path, contents).expect("the temporary directory can be written");
    (folder, path)
}

/// Exit code 1, nothing on stdout and exactly one line `error: …` on stderr.
fn assert_refused(input: &Path) {
    let output = tool::run([input]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(errors.starts_with("error: ") && errors.trim_end().lines().count() == 1, "{errors}");
}

fn plain_volume() -> Vec<u8> {
    fs::read(tool::repository("testdata/plain.img")).expect("testdata is there")
}

#[test]
fn a_missing_file_is_refused() {
    let (folder, _) = file_with(b"");
    assert_refused(&folder.path().join("nowhere.img"));
}

#[test]
fn a_directory_is_refused() {
    let (folder, _) = file_with(b"");
    assert_refused(folder.path());
}

#[test]
fn an_empty_file_is_refused() {
    let (_folder, path) = file_with(b"");
    assert_refused(&path);
}

#[test]
fn text_is_refused() {
    let (_folder, path) = file_with("This is no volume.\n".repeat(1000).as_bytes());
    assert_refused(&path);
}

#[test]
fn noise_is_refused() {
    let noise = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*state >> 56) as u8)
    };
    let bytes: Vec<u8> = std::iter::repeat_n((), 1 << 20).scan(1, |state, ()| noise(state)).collect();
    let (_folder, path) = file_with(&bytes);
    assert_refused(&path);
}

#[test]
fn a_volume_cut_before_its_table_is_refused() {
    let volume = plain_volume();
    for size in [1, 511, 512, 4096] {
        let (_folder, path) = file_with(&volume[..size]);
        assert_refused(&path);
    }
}

#[test]
fn a_volume_cut_behind_its_table_lists_what_is_left() {
    let volume = plain_volume();
    let whole = tool::list(&tool::repository("testdata/plain.img")).expect("the whole volume can be listed");
    let (_folder, path) = file_with(&volume[..volume.len() / 2]);
    let left = tool::list(&path).expect("half a volume can be listed");
    let paths = |entries: &[serde_json::Value]| entries.iter().map(|entry| entry["paths"].clone()).collect::<Vec<_>>();
    assert_eq!(paths(&left), paths(&whole));
}

#[test]
fn wrong_arguments_are_a_usage_error() {
    let volume = tool::repository("testdata/plain.img");
    let volume = volume.to_str().expect("the repository's path is Unicode");
    for arguments in [&[][..], &["--no-such-option", volume], &[volume, "--format", "no-such-format"]] {
        let output = tool::run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}
