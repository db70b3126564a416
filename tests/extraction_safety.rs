//! Ten thousand hostile names and streams, recovered: nothing outside of the output, nothing overwritten, no link
//! followed or made.
#![cfg(unix)]

#[allow(dead_code, reason = "the hostile tests use all of it")]
#[path = "hostile/forge.rs"]
mod forge;
mod tool;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use forge::{DATA, Forge, VolumeForge, root, run};

/// What a name may be made of to get out of a folder, over another file, or through a program.
const PARTS: [&str; 24] = [
    "..",
    ".",
    "/",
    "\\",
    "../",
    "..\\",
    "/etc/passwd",
    "C:",
    "\0",
    "\n",
    "\u{1b}[2J",
    "CON",
    "NUL.txt",
    "a",
    "A",
    "~",
    "$Orphan",
    "manifest.jsonl",
    ":",
    " ",
    "\u{202e}",
    "link",
    "kept",
    "\u{FF0F}",
];

fn hostile_name(number: u64) -> String {
    let [first, second, third] = [number % 24, number / 24 % 24, number / 576 % 24].map(|part| PARTS[part as usize]);
    match number % 4 {
        0 => first.to_owned(),
        1 => format!("{first}{second}"),
        _ => format!("{first}{second}{third}"),
    }
}

const FILES: u64 = 10_000;

const DIRECTORIES: u64 = 40;

/// A volume of files with such names, in directories with such names, with streams of such names.
fn volume() -> Vec<u8> {
    let count = 24 + FILES;
    let clusters = count.div_ceil(4);
    let records = (0..count).map(|number| record(number, clusters)).collect();
    VolumeForge { clusters: clusters + 8, records, content: Vec::new() }.bytes()
}

fn record(number: u64, clusters: u64) -> Vec<u8> {
    let own = number.saturating_sub(24);
    let record = match number {
        0 => {
            let runs = [run(clusters, VolumeForge::TABLE as i64), vec![0]].concat();
            Forge::new().name(5, "$MFT").runs(DATA, "", (0, clusters - 1), [clusters * 4096; 3], &runs)
        }
        5 => root(),
        1..5 | 6..24 => return vec![0; 1024],
        _ if own < DIRECTORIES => Forge::directory().name(5, &hostile_name(own)),
        _ => {
            let parent = if number.is_multiple_of(3) { 5 } else { 24 + number % DIRECTORIES };
            let file = Forge::new().name(parent, &hostile_name(own)).resident(DATA, "", b"main");
            let file = file.resident(DATA, &hostile_name(own / 3), b"stream");
            // A link that leads out of the output.
            if own.is_multiple_of(7) { file.resident(0xC0, "", LINK) } else { file }
        }
    };
    record.on_disk(number)
}

/// The reparse point of a Linux link to `../../outside`.
const LINK: &[u8] = b"\x1d\0\0\xa0\x11\0\0\0\x02\0\0\0../../outside";

/// Everything under a folder, links not followed: of files their contents, of links where they lead.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (item.path(), item.file_type().unwrap());
        if kind.is_dir() {
            found.append(&mut contents(&path));
        } else if kind.is_symlink() {
            found.insert(path.clone(), fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
        } else {
            assert!(kind.is_file() && item.metadata().unwrap().nlink() == 1, "{path:?}");
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn hostile_names_stay_in_the_output_and_overwrite_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("input.img"), volume()).unwrap();
    fs::create_dir_all(at("sandbox/outside")).unwrap();
    fs::create_dir_all(at("sandbox/out/a")).unwrap();
    fs::write(at("sandbox/outside/kept"), "outside").unwrap();
    // What is there before: files and links where the volume has names for them.
    fs::write(at("sandbox/out/kept"), "kept").unwrap();
    fs::write(at("sandbox/out/a/kept"), "kept").unwrap();
    for link in ["sandbox/out/link", "sandbox/out/A", "sandbox/out/a/link", "sandbox/out/$Orphan", "sandbox/out/~"] {
        symlink(at("sandbox/outside"), at(link)).unwrap();
    }
    symlink(at("sandbox/outside/new"), at("sandbox/out/CON")).unwrap();
    let before = contents(folder.path());

    let mut command = Command::new(tool::program("recover"));
    let output = command.arg(at("input.img")).arg("-d").arg(at("sandbox/out")).arg("-q").output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{message}");

    let after = contents(folder.path());
    for (path, content) in &before {
        assert_eq!(after.get(path), Some(content), "{path:?} was changed");
    }
    let out = at("sandbox/out");
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    for path in &new {
        assert!(path.starts_with(&out), "{path:?} is outside");
        assert!(!fs::symlink_metadata(path).unwrap().is_symlink(), "{path:?} is a link");
    }
    let manifest = fs::read_to_string(out.join("manifest.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let streams = lines.iter().filter(|line| line["type"] == "stream");
    let outputs: Vec<_> = streams.filter_map(|line| line["output"].as_str()).map(|name| out.join(name)).collect();
    assert!(outputs.len() as u64 >= 2 * (FILES - DIRECTORIES) * 9 / 10, "{} files: {message}", outputs.len());
    for output in &outputs {
        assert!(after.contains_key(output) && !before.contains_key(output), "{output:?}");
    }
    println!("{} streams of {} files, {} new files: {message}", outputs.len(), FILES - DIRECTORIES, new.len());
}
