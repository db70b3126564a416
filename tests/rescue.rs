//! Partial images and their maps: what was not rescued is missing in listings and verdicts.

mod tool;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(tool::program(name)).args(arguments).output().unwrap()
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The listing of an image as far as `map` says that it was rescued.
fn listing(image: &Path, map: &Path) -> Vec<Value> {
    let output = run("mft_dump", &[text(image), "-q", "--format", "jsonl", "--map", text(map)]);
    assert!(output.status.success(), "{}", message(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn verdict_of(listing: &[Value], path: &str) -> Value {
    let entry = listing.iter().find(|entry| entry["paths"][0] == path);
    entry.unwrap_or_else(|| panic!("{path} is not listed"))["streams"][0]["recoverability"].clone()
}

#[test]
fn a_listing_knows_what_was_not_rescued_without_reading_it() {
    let image = tool::repository("testdata/deleted.img");
    let size = fs::metadata(&image).unwrap().len();
    let folder = tempfile::tempdir().unwrap();
    let (map, path) = (folder.path().join("map"), "/new in place of the directory.bin");
    fs::write(&map, format!("0 + 1\n0 {size} +\n")).unwrap();
    let whole = listing(&image, &map);
    assert_eq!(verdict_of(&whole, path)["verdict"], "intact");
    let entry = whole.iter().find(|entry| entry["paths"][0] == path).unwrap();
    let lcn = entry["streams"][0]["runs"][0][1].as_u64().unwrap();
    for status in ['?', '*', '/', '-'] {
        let start = lcn * 4096 + 512;
        fs::write(
            &map,
            format!("0 + 1\n0 {start} +\n{start} 512 {status}\n{} {} +\n", start + 512, size - start - 512),
        )
        .unwrap();
        let verdict = verdict_of(&listing(&image, &map), path);
        assert_eq!(verdict["verdict"], "partial", "{status}");
    }
}

#[test]
fn the_map_of_another_disk_is_refused_in_one_sentence() {
    let image = tool::repository("testdata/plain.img");
    let size = fs::metadata(&image).unwrap().len();
    let folder = tempfile::tempdir().unwrap();
    let (map, out) = (folder.path().join("map"), folder.path().join("out"));
    fs::write(&map, format!("0 + 1\n0 {size} +\n{size} 512 +\n")).unwrap();
    for arguments in [vec!["mft_dump"], vec!["recover", "-d", text(&out)]] {
        let output = run(arguments[0], &[&[text(&image), "-q", "--map", text(&map)], &arguments[1..]].concat());
        assert_eq!(output.status.code(), Some(1));
        let message = message(&output);
        assert!(message.contains("map of another disk") && message.lines().count() == 1, "{message}");
        assert!(!out.exists());
    }
    // What the image has no room for was not rescued: the image of a disk that is not read to its end.
    fs::write(&map, format!("0 + 1\n0 {size} +\n{size} 512 ?\n")).unwrap();
    assert!(!listing(&image, &map).is_empty());
}
