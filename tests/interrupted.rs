//! Ctrl-C in the middle of recovering, and runs that only count.

#![cfg(target_os = "linux")]
#![allow(missing_docs, reason = "tests")]

mod tool;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

fn has(programs: &[&str]) -> bool {
    let is_there = |program: &&str| Command::new("which").arg(program).output().is_ok_and(|out| out.status.success());
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    let has_fuse = Path::new("/dev/fuse").exists();
    if !missing.is_empty() || !has_fuse {
        eprintln!("skipped (1 test): {missing:?} or /dev/fuse is missing");
    }
    missing.is_empty() && has_fuse
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn manifest(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The files below a folder, but for the manifest.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut open) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(directory) = open.pop() {
        for item in fs::read_dir(directory).unwrap() {
            let path = item.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => drop(found.insert(path.strip_prefix(folder).unwrap().to_owned())),
            }
        }
    }
    found.remove(Path::new("manifest.jsonl"));
    found
}

#[test]
fn ctrl_c_leaves_whole_files_and_a_manifest_of_them() {
    if !has(&["mkntfs", "ntfs-3g", "umount", "kill"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (image, mount, out) = (folder.path().join("image"), folder.path().join("mount"), folder.path().join("out"));
    fs::File::create(&image).unwrap().set_len(400 << 20).unwrap();
    fs::create_dir(&mount).unwrap();
    done(Command::new("mkntfs").arg("-qFf").arg(&image));
    done(Command::new("ntfs-3g").args([&image, &mount]));
    let noise = |seed: u64, length: usize| {
        let mut state = seed;
        let next = std::iter::from_fn(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed | 1);
            Some((state >> 56) as u8)
        });
        next.take(length).collect::<Vec<u8>>()
    };
    let small = |number: u64| fs::write(mount.join(format!("{number}.bin")), noise(number, 20_000)).unwrap();
    (0..20).for_each(small);
    fs::write(mount.join("large.bin"), noise(99, 8 << 20).repeat(30)).unwrap();
    (20..40).for_each(small);
    done(Command::new("umount").arg(&mount));
    let program = tool::program("recover");
    let mut command = Command::new(&program);
    command.arg(&image).arg("-d").arg(&out).args(["--threads", "1"]).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while fs::metadata(out.join("large.bin")).map_or(0, |file| file.len()) == 0 {
        assert!(start.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    done(Command::new("kill").args(["-s", "INT", &child.id().to_string()]));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted: the manifest has what was done so far"), "{said}");
    let lines = manifest(&out);
    let end = lines.last().unwrap();
    assert_eq!((&end["type"], &end["complete"]), (&"end".into(), &false.into()));
    assert_eq!(end["interrupted"], true);
    let mut told = BTreeSet::new();
    for line in lines.iter().filter(|line| line["type"] == "stream") {
        let Some(path) = line["output"].as_str() else { continue };
        let content = fs::read(out.join(path)).unwrap();
        let sum: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(line["sha256"], sum, "{path}");
        told.insert(PathBuf::from(path));
    }
    assert!(told.len() >= 10 && !told.contains(Path::new("large.bin")), "{told:?}");
    assert_eq!(files(&out), told);
    assert_eq!(end["written"], told.len());
    resume(&program, &image, &out, &told);
}

/// Goes on with an interrupted run, and compares with one that was not.
fn resume(program: &Path, image: &Path, out: &Path, told: &BTreeSet<PathBuf>) {
    let whole = out.with_file_name("whole");
    let run = |folder: &Path, options: &[&str]| {
        let mut command = Command::new(program);
        command.arg(image).arg("-d").arg(folder).args(["--threads", "1"]).args(options).output().unwrap()
    };
    assert!(run(&whole, &[]).status.success());
    // What an interrupted run has done counts only while it is whole.
    let changed = told.iter().find(|path| path.extension().is_some_and(|extension| extension == "bin")).unwrap();
    let mut bytes = fs::read(out.join(changed)).unwrap();
    bytes[7] ^= 1;
    fs::write(out.join(changed), &bytes).unwrap();
    let others: Vec<_> = told.iter().filter(|path| *path != changed).collect();
    let identity = |path: &Path| {
        let data = fs::metadata(out.join(path)).unwrap();
        (data.ino(), data.ctime(), data.ctime_nsec())
    };
    let before: Vec<_> = others.iter().map(|path| identity(path)).collect();
    let refused = run(out, &["--resume", "--system"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("give the same"), "{said}");
    let output = Command::new(program).arg(image).arg("-d").arg(out).args(["--threads", "1", "--resume"]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(others.iter().map(|path| identity(path)).collect::<Vec<_>>(), before);
    assert_eq!(fs::read(out.join(changed)).unwrap(), bytes);
    let (found, expected) = (manifest(out), manifest(&whole));
    assert_eq!(found[0]["resumes"], "manifest.1.jsonl");
    assert_eq!(found.len(), expected.len());
    let mut again = 0;
    for (found, expected) in found.iter().zip(&expected).skip(1) {
        if found["output"] == expected["output"] {
            assert_eq!(found, expected);
            continue;
        }
        // The one that was changed is beside it.
        assert_eq!(expected["output"].as_str().map(Path::new), Some(changed.as_path()));
        assert_eq!(found["sha256"], expected["sha256"]);
        again += 1;
    }
    assert_eq!(again, 1);
    let mut expected = files(&whole);
    expected.insert("manifest.1.jsonl".into());
    let marked = files(out).difference(&expected).cloned().collect::<Vec<_>>();
    assert!(marked.len() == 1 && files(out).len() == expected.len() + 1, "{marked:?}");
    let output = run(out, &["--resume"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("that run came to its end"), "{said}");
}

#[test]
fn a_dry_run_counts_what_a_run_writes_and_writes_nothing() {
    let program = tool::program("recover");
    for (image, options) in [
        ("plain.img", &[][..]),
        ("deleted.img", &["--deleted"]),
        ("links_streams.img", &[]),
        ("compressed_sparse.img", &["--max-size", "100000"]),
        ("disk_gpt.img", &["--path", "*.bin"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let run = |more: &[&str]| {
            let mut command = Command::new(&program);
            command.arg(tool::repository("testdata").join(image)).arg("-d").arg(&out).args(options).args(more);
            let output = command.arg("-q").output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let said = run(&["--dry-run"]);
        assert!(!out.exists());
        run(&["--no-verify-content"]);
        let lines = manifest(&out);
        let end = lines.last().unwrap();
        // Over all volumes.
        let numbers = |word: &str| {
            let words: Vec<_> = said.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
            let before = words.windows(2).filter(|pair| pair[1] == word);
            before.map(|pair| pair[0].parse::<u64>().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(numbers("streams").iter().sum::<u64>(), end["written"].as_u64().unwrap(), "{image}: {said}");
        let directories = numbers("directories").iter().sum::<u64>();
        assert_eq!(directories, end["directories"].as_u64().unwrap(), "{image}: {said}");
        let streams = lines.iter().filter(|line| line["type"] == "stream" && line["output"].is_string());
        let ranges = streams.flat_map(|line| line["ranges"].as_array().unwrap());
        let copied = ranges.filter(|range| !range["source_offset"].is_null() || !range["stored"].is_null());
        let bytes: u64 = copied.map(|range| range["length"].as_u64().unwrap()).sum();
        // The last is the room that is needed.
        let counted = numbers("bytes");
        assert_eq!(counted[..counted.len() - 1].iter().sum::<u64>(), bytes, "{image}: {said}");
        assert!(said.contains("are free in"), "{said}");
    }
}
