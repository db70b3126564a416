//! Runs the example `recover` as its users do, and compares what it recovers with what is known to be there.

mod tool;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| tool::program("recover"))
}

fn testdata(name: &str) -> PathBuf {
    Path::new(ROOT).join("testdata").join(name)
}

fn images() -> Vec<PathBuf> {
    let all = fs::read_dir(testdata("")).unwrap().map(|item| item.unwrap().path());
    let images: Vec<_> = all.filter(|path| path.extension().is_some_and(|extension| extension == "img")).collect();
    assert!(images.len() >= 8);
    images
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_file_in_a_record_that_is_kept_for_the_system_is_a_file_like_others() {
    // Where the table has no other room, chkdsk puts its logs into records 16 to 23.
    let mut bytes = fs::read(testdata("plain.img")).unwrap();
    let name: Vec<u8> = "root.txt".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let start = bytes.windows(5).position(|window| window == b"FILE0").unwrap();
    let slots = (start..start + (200 << 10)).step_by(1024);
    let source = slots.rev().find(|at| bytes[*at..at + 1024].windows(name.len()).any(|window| window == name)).unwrap();
    let mut record = bytes[source..source + 1024].to_vec();
    record[44..48].copy_from_slice(&18_u32.to_le_bytes());
    bytes[start + 18 * 1024..start + 19 * 1024].copy_from_slice(&record);
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    fs::write(&image, bytes).unwrap();
    let recovered = recover(&image, &["--all"]);
    let manifest = fs::read_to_string(recovered.folder.path().join("out/manifest.jsonl")).unwrap();
    let lines = manifest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let numbers: Vec<u64> =
        lines.filter(|line| line["path"] == "/root.txt").filter_map(|line| line["record"].as_u64()).collect();
    assert!(numbers.contains(&18), "{numbers:?}");
    assert!(!manifest.contains("\"record\":16,"), "nameless ones are still left out");
}

/// An output that is gone when the test is over.
struct Recovered {
    folder: TempDir,
    output: Output,
}

fn command(image: &Path, directory: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg(image).arg("-d").arg(directory).args(options);
    command
}

fn recover(image: &Path, options: &[&str]) -> Recovered {
    let folder = tempfile::tempdir().unwrap();
    recover_into(folder, image, options)
}

fn recover_into(folder: TempDir, image: &Path, options: &[&str]) -> Recovered {
    let output = command(image, &folder.path().join("out"), options).output().unwrap();
    Recovered { folder, output }
}

fn complete(image: &Path, options: &[&str]) -> Recovered {
    let recovered = recover(image, options);
    assert!(recovered.output.status.success(), "{image:?} {options:?}: {}", recovered.message());
    recovered
}

impl Recovered {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn message(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn manifest(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("manifest.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The lines about streams, each with the place of its volume.
    fn streams(&self) -> Vec<(u64, Value)> {
        let mut volume = 0;
        let mut streams = Vec::new();
        for line in self.manifest() {
            match line["type"].as_str().unwrap() {
                "volume" => volume = line["offset"].as_u64().unwrap(),
                "stream" => streams.push((volume, line)),
                _ => {}
            }
        }
        streams
    }

    fn stream(&self, path: &str) -> Value {
        let found = self.streams().into_iter().find(|(_, line)| line["path"] == path && line["stream"] == "");
        found.unwrap_or_else(|| panic!("{path} is not in the manifest")).1
    }

    fn content(&self, line: &Value) -> Vec<u8> {
        fs::read(self.path(line["output"].as_str().unwrap_or_else(|| panic!("no output: {line}")))).unwrap()
    }

    /// Every file, by its path.
    fn files(&self) -> BTreeSet<String> {
        fn walk(folder: &Path, base: &Path, found: &mut BTreeSet<String>) {
            for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = item.path();
                match item.file_type().unwrap().is_dir() {
                    true => walk(&path, base, found),
                    false => _ = found.insert(path.strip_prefix(base).unwrap().to_str().unwrap().to_owned()),
                }
            }
        }
        let mut found = BTreeSet::new();
        walk(&self.path(""), &self.path(""), &mut found);
        found
    }
}

// ------------------------------------------------------------------------------------------- truth

/// A stream that was put on a volume.
struct Known {
    volume: u64,
    path: String,
    record: u64,
    name: String,
    sha256: String,
    deleted: bool,
    fate: Option<(String, String)>,
}

fn truth(image: &Path) -> Vec<Known> {
    let text = fs::read_to_string(image.with_extension("truth.jsonl"))
        .or_else(|_| fs::read_to_string(image.with_extension("img.truth.jsonl")))
        .unwrap();
    let (mut volume, mut known) = (0, Vec::new());
    for line in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if let Some(start) = line["volume"]["offset"].as_u64() {
            volume = start;
            continue;
        }
        if line.get("volume").is_some() {
            continue;
        }
        let first = |names: [&str; 2]| names.into_iter().map(|name| &line[name]).find(|value| !value.is_null());
        // What was written into an overlaid file is what its main stream reads as.
        let main = line["wof"]["sha256"].as_str().or(line["sha256"].as_str()).map(|hash| ("", hash));
        let named = line["streams"].as_object().into_iter().flatten();
        let named = named.map(|(name, stream)| (name.as_str(), stream["sha256"].as_str().unwrap()));
        for (name, hash) in main.into_iter().chain(named) {
            let fate = first(["fate", "recover"]);
            let fate = fate.and_then(|fate| Some((fate["record"].as_str()?, fate["data"][name].as_str()?)));
            known.push(Known {
                volume,
                path: line["path"].as_str().unwrap().to_owned(),
                record: first(["record", "rec"]).and_then(Value::as_u64).unwrap(),
                name: name.to_owned(),
                sha256: hash.to_owned(),
                deleted: line["deleted"] == true,
                fate: fate.map(|(record, data)| (record.to_owned(), data.to_owned())),
            });
        }
    }
    known
}

/// Compares what is recovered from an image with the truth about it; counts live, deleted and overwritten.
fn check_truth(image: &Path) -> [u64; 3] {
    let recovered = complete(image, &["--all", "-q"]);
    let streams: BTreeMap<_, _> = recovered
        .streams()
        .into_iter()
        .map(|(volume, line)| {
            let key = (volume, line["record"].as_u64().unwrap(), line["stream"].as_str().unwrap().to_owned());
            (key, line)
        })
        .collect();
    let mut counts = [0; 3];
    for known in truth(image) {
        let what = format!("{image:?} {}:{}", known.path, known.name);
        let line = streams.get(&(known.volume, known.record, known.name.clone()));
        let fate = known.fate.as_ref().map(|(record, data)| (record.as_str(), data.as_str()));
        match fate {
            None if !known.deleted => counts[0] += 1,
            Some(("freed", "intact")) => counts[1] += 1,
            Some(("freed", "overwritten")) => {
                counts[2] += 1;
                assert!(line.is_none_or(|line| line["verdict"] != "intact"), "{what}: {line:?}");
                continue;
            }
            _ => continue,
        }
        let line = line.unwrap_or_else(|| panic!("{what} is not in the manifest"));
        let verdicts: &[&str] = if known.deleted { &["intact", "likely"] } else { &["intact"] };
        assert!(verdicts.contains(&line["verdict"].as_str().unwrap()), "{what}: {line}");
        assert_eq!(line["state"] == "live", !known.deleted, "{what}: {line}");
        assert_eq!(line["sha256"], known.sha256, "{what}: {line}");
        assert_eq!(sha256(&recovered.content(line)), known.sha256, "{what}: {line}");
    }
    counts
}

#[test]
fn everything_that_is_there_is_recovered_as_it_was() {
    let mut sums = [0; 3];
    for image in images() {
        let before = sha256(&fs::read(&image).unwrap());
        let counts = check_truth(&image);
        assert_eq!(sha256(&fs::read(&image).unwrap()), before, "the evidence has changed");
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    assert!(sums[0] > 300 && sums[1] > 50 && sums[2] > 0, "{sums:?}");
}

#[test]
fn all_items_of_an_undelete_test_are_recovered() {
    let image = Path::new(ROOT).join("../shared/corpus/vol/dftt7_undel.dd");
    if !image.exists() {
        println!("skipped: the corpus is not there");
        return;
    }
    let recovered = complete(&image, &["--deleted", "-q"]);
    // Names, records, sizes and MD5s as its documentation has them.
    let items = [
        ("/res1.dat", "", 37, 101, "9036637712b491904cd0bfbdbe648453"),
        ("/sing1.dat", "", 31, 780, "59b20779f69ff9f0ac5fcd2c38835a79"),
        ("/mult1.dat", "", 32, 3801, "ffd27bd782bdce67750b6b9ee069d2ef"),
        ("/mult1.dat", "ADS", 32, 1234, "ba1b9eedb1c091ddca253d35dde8f616"),
        ("/frag1.dat", "", 29, 1584, "7a3bc5b763bef201202108f4ba128149"),
        ("/frag2.dat", "", 30, 3873, "0e80ab84ef0087e60dfc67b88a1cf13e"),
        ("/dir1/mult2.dat", "", 36, 1715, "59cf0e9cd107bc1e75afb7374f6e05bb"),
        ("/dir1/dir2/frag3.dat", "", 35, 2027, "21121699487f3fbbdb9a4b3391b6d3e0"),
        ("<reused 37-1>/sing2.dat", "", 38, 1005, "c229626f6a71b167ad7e50c4f2fccdb1"),
    ];
    let streams = recovered.streams();
    assert_eq!(streams.len(), items.len());
    for (path, name, record, size, hash) in items {
        let (_, line) = streams.iter().find(|(_, line)| line["record"] == record && line["stream"] == name).unwrap();
        assert_eq!((&line["path"], &line["size"]), (&path.into(), &size.into()));
        assert!(["intact", "likely"].contains(&line["verdict"].as_str().unwrap()), "{line}");
        assert_eq!(md5(&recovered.path(line["output"].as_str().unwrap())), hash, "{path}");
    }
    let directories: Vec<_> = recovered.manifest().into_iter().filter(|line| line["type"] == "directory").collect();
    let directories: BTreeSet<_> = directories.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert!(directories.is_superset(&["/dir1", "/dir1/dir2"].into()), "{directories:?}");
}

fn md5(path: &Path) -> String {
    let output = Command::new("md5sum").arg("--").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().trim_start_matches('\\').to_owned()
}

// ---------------------------------------------------------------------------------- the manifest

#[test]
fn each_file_can_be_copied_out_of_the_image_by_the_manifest() {
    let (mut plain, mut moved) = (0, 0);
    for image in images() {
        let recovered = complete(&image, &["--all", "-q"]);
        let bytes = fs::read(&image).unwrap();
        for (_, line) in recovered.streams().iter().filter(|(_, line)| line["output"].is_string()) {
            let content = recovered.content(line);
            let ranges = line["ranges"].as_array().unwrap();
            let mut position = 0;
            for range in ranges {
                let number = |key: &str| usize::try_from(range[key].as_u64().unwrap()).unwrap();
                let (offset, length) = (number("offset"), number("length"));
                assert_eq!(offset, position, "{line}");
                position += length;
                let part = &content[offset..][..length];
                match (range["source_offset"].as_u64(), range["stored"].is_array()) {
                    (Some(_), _) => assert!(part == &bytes[number("source_offset")..][..length], "{image:?} {line}"),
                    (None, true) => continue,
                    (None, false) => assert!(part.iter().all(|byte| *byte == 0), "{image:?} {line}"),
                }
                plain += 1;
            }
            assert_eq!((position, line["size"].as_u64().unwrap()), (content.len(), content.len() as u64), "{line}");
            // Resident content that the update sequence runs through.
            let is_word = |range: &Value| range["length"] == 2 && range["source_offset"].is_u64();
            moved += u64::from(ranges.len() > 1 && ranges.iter().any(is_word));
        }
    }
    assert!(plain > 300 && moved > 0, "{plain} ranges, {moved} with moved words");
}

#[test]
fn dd_derives_a_file_from_the_image() {
    let image = testdata("disk_gpt.img");
    let recovered = complete(&image, &["-q"]);
    let streams = recovered.streams();
    let (_, line) =
        streams.iter().filter(|(start, _)| *start > 1 << 20).max_by_key(|(_, line)| line["size"].as_u64()).unwrap();
    let mut derived = Vec::new();
    for range in line["ranges"].as_array().unwrap() {
        let output = Command::new("dd")
            .args(["bs=1", "status=none"])
            .arg(format!("if={}", image.display()))
            .args([format!("skip={}", range["source_offset"]), format!("count={}", range["length"])])
            .output()
            .unwrap();
        derived.extend(output.stdout);
    }
    assert!(derived.len() > 1000);
    assert_eq!(sha256(&derived), line["sha256"]);
}

#[test]
fn the_manifest_tells_tool_evidence_volume_and_totals() {
    let image = testdata("disk_gpt.img");
    let recovered = complete(&image, &["-q", "--hash-input"]);
    let manifest = recovered.manifest();
    let header = &manifest[0];
    let bytes = fs::read(&image).unwrap();
    assert_eq!(header["version"], env!("CARGO_PKG_VERSION"));
    assert!(header["arguments"].as_array().unwrap().contains(&"--hash-input".into()));
    assert_eq!(header["input"]["size"], bytes.len());
    assert_eq!(header["input"]["sha256"], sha256(&bytes));
    assert_eq!(header["input"]["sha256_first_mib"], sha256(&bytes[..1 << 20]));
    assert_eq!(header["input"]["sha256_last_mib"], sha256(&bytes[bytes.len() - (1 << 20)..]));
    let volumes: Vec<_> = manifest.iter().filter(|line| line["type"] == "volume").collect();
    assert_eq!(volumes.len(), 2);
    assert_eq!((&volumes[1]["partition"], &volumes[1]["output"]), (&2.into(), &"partition 2/".into()));
    let end = manifest.last().unwrap();
    let streams = manifest.iter().filter(|line| line["type"] == "stream").count();
    assert_eq!((&end["type"], &end["complete"], &end["streams"]), (&"end".into(), &true.into(), &streams.into()));
    assert_eq!(recovered.files().len(), streams + 1);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for image in images() {
        let [one, four] = ["1", "4"].map(|threads| complete(&image, &["-q", "--threads", threads]));
        assert_eq!(one.manifest()[1..], four.manifest()[1..], "{image:?}");
        assert_eq!(one.files(), four.files());
    }
}

// ---------------------------------------------------------------------------------- damage

#[test]
fn the_window_and_the_order_of_reads_change_nothing() {
    for image in images() {
        let told = |options: &[&str]| {
            let recovered = complete(&image, options);
            let lines: Vec<_> = recovered.manifest().into_iter().skip(1).collect();
            (lines, recovered.files())
        };
        let expected = told(&["--window", "1", "--threads", "1"]);
        let map = tempfile::tempdir().unwrap();
        let map = map.path().join("read.map");
        for options in [
            &["--threads", "1"][..],
            &["--window", "100", "--threads", "3"],
            &["--window", "1", "--threads", "8"],
            // With a map of what is read nothing is read between files.
            &["--window", "1000000", "--write-map", map.to_str().unwrap()],
        ] {
            assert!(told(options) == expected, "{}: {options:?}", image.display());
        }
    }
}

#[test]
fn what_was_not_rescued_is_missing_byte_by_byte() {
    let image = testdata("deleted.img");
    let whole = complete(&image, &["-q"]);
    let path = "/new in place of the directory.bin";
    let start = whole.stream(path)["ranges"][0]["source_offset"].as_u64().unwrap();
    let size = fs::metadata(&image).unwrap().len();
    let (lost, length) = (start + 1024, 1536);
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map");
    let end = lost + length;
    let text = format!("{size:#x} + 1\n0 {lost} +\n{lost} {length} -\n{end} {} +\n", size - end);
    fs::write(&map, text).unwrap();
    let recovered = complete(&image, &["-q", "--map", map.to_str().unwrap()]);
    let line = recovered.stream(path);
    assert_eq!((&line["verdict"], &line["reasons"]), (&"partial".into(), &serde_json::json!(["unreadable"])));
    let ranges: Vec<_> = line["ranges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|range| {
            (range["offset"].as_u64().unwrap(), range["length"].as_u64().unwrap(), range["status"].as_str().unwrap())
        })
        .collect();
    assert_eq!(ranges, [(0, 1024, "intact"), (1024, 1536, "unreadable"), (2560, 16384 - 2560, "intact")]);
    assert!(line["ranges"][1]["source_offset"].is_null());
    let mut expected = whole.content(&whole.stream(path));
    assert!(expected[1024..2560].iter().any(|byte| *byte != 0));
    expected[1024..2560].fill(0);
    let content = recovered.content(&line);
    assert!(content == expected);
    assert_eq!(line["sha256"], sha256(&content));
    // Nothing else lies there.
    let others =
        |all: &Recovered| all.streams().into_iter().filter(|(_, line)| line["path"] != path).collect::<Vec<_>>();
    assert_eq!(others(&whole), others(&recovered));
    let filtered = complete(&image, &["-q", "--map", map.to_str().unwrap(), "--verdict", "intact"]);
    assert!(!filtered.files().contains(&path[1..]), "what turns out to be partial is not intact");
}

#[test]
fn clusters_of_other_files_are_not_given_out() {
    let recovered = complete(&testdata("deleted.img"), &["-q"]);
    let mut claimed = 0;
    for (_, line) in recovered.streams() {
        for range in line["ranges"].as_array().unwrap().iter().filter(|range| range["status"] == "claimed") {
            assert!(range["source_offset"].is_null() && range["place"].is_u64() && range["by"].is_string(), "{range}");
            assert!(line["verdict"] == "partial" || line["output"].is_null(), "{line}");
            claimed += 1;
        }
    }
    assert!(claimed > 0);
}

// ---------------------------------------------------------------------------------- the output

#[cfg(unix)]
#[test]
fn holes_stay_holes_and_times_are_set() {
    use std::os::unix::fs::MetadataExt;
    let image = testdata("compressed_sparse.img");
    let recovered = complete(&image, &["-q"]);
    let mut sparse = 0;
    for (_, line) in recovered.streams().iter().filter(|(_, line)| line["output"].is_string()) {
        let metadata = fs::metadata(recovered.path(line["output"].as_str().unwrap())).unwrap();
        let zeros = line["ranges"].as_array().unwrap().iter().filter(|range| range["status"] == "zeros");
        let zeros: u64 = zeros.map(|range| range["length"].as_u64().unwrap()).sum();
        if zeros >= 64 << 10 {
            assert!(metadata.blocks() * 512 < metadata.len(), "{line}");
            sparse += 1;
        }
    }
    assert!(sparse > 0);
    let text = fs::read_to_string(image.with_extension("truth.jsonl")).unwrap();
    let mut times = 0;
    for known in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let Some(path) = known["path"].as_str().filter(|path| recovered.path(&path[1..]).exists()) else { continue };
        let metadata = fs::metadata(recovered.path(&path[1..])).unwrap();
        for (key, seconds, nanoseconds) in [
            ("modified", metadata.mtime(), metadata.mtime_nsec()),
            ("accessed", metadata.atime(), metadata.atime_nsec()),
        ] {
            let ticks = known["times"][key].as_i64().unwrap() - 116_444_736_000_000_000;
            assert_eq!(
                (seconds, nanoseconds),
                (ticks.div_euclid(10_000_000), ticks.rem_euclid(10_000_000) * 100),
                "{path}"
            );
            times += 1;
        }
    }
    assert!(times > 10);
}

#[test]
fn names_do_no_harm() {
    let recovered = complete(&testdata("links_streams.img"), &["-q"]);
    let files = recovered.files();
    for name in
        ["_CON", "trailing dot_", "trailing space_", "back_slash", "new_line", "_txt.exe", "casea~83-1", "CaseA"]
    {
        assert!(files.contains(&format!("names/{name}")), "{name}: {files:?}");
    }
    let mut folded = BTreeSet::new();
    for name in &files {
        let is_harmful = |c: char| c.is_control() || ('\u{202A}'..='\u{202E}').contains(&c);
        assert!(!name.contains(is_harmful) && name.split('/').all(|part| part.len() <= 255), "{name:?}");
        assert!(folded.insert(name.to_lowercase()), "{name} differs from another in case only");
    }
}

/// The content is what is on the volume, and what it is the manifest says.
#[test]
fn encrypted_files_are_labelled_as_ciphertext() {
    let recovered = complete(&testdata("cases/objects.img"), &["-q", "--no-hash", "--path", "/NT-*"]);
    let text = fs::read_to_string(testdata("cases/objects.truth.jsonl")).unwrap();
    let known: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (path, encoding) in [
        ("/NT-20 encrypted", Some("encrypted")),
        ("/NT-18/deleted", Some("compressed")),
        ("/NT-19 initialized", None),
        ("/NT-19 hole in the middle, deleted", None),
    ] {
        let line = recovered.stream(path);
        let row = known.iter().find(|row| row["path"] == path).unwrap();
        assert_eq!(line["encoding"].as_str(), encoding, "{line}");
        assert_eq!(sha256(&recovered.content(&line)), row["sha256"], "{line}");
    }
}

#[cfg(unix)]
#[test]
fn a_tree_deeper_than_a_path_may_be_long_is_written() {
    let recovered = complete(&testdata("cases/deep.img"), &["-q"]);
    let (_, line) = recovered.streams().pop().unwrap();
    assert!(line["output"].as_str().unwrap().ends_with("/leaf"), "{line}");
    // No system takes the path as a whole: `find` goes down step by step.
    let mut find = Command::new("find");
    let found = find.arg(recovered.path("")).args(["-name", "leaf", "-execdir", "cat", "{}", ";"]).output();
    match found {
        Ok(found) if found.status.success() => assert_eq!(sha256(&found.stdout), line["sha256"]),
        _ => println!("skipped: there is no find"),
    }
}

#[cfg(unix)]
#[test]
fn further_names_are_further_links() {
    use std::os::unix::fs::MetadataExt;
    let recovered = complete(&testdata("links_streams.img"), &["-q"]);
    let streams = recovered.streams();
    let linked: Vec<_> = streams.iter().filter(|(_, line)| line["links"].is_array()).collect();
    assert!(!linked.is_empty());
    for (_, line) in linked {
        let first = fs::metadata(recovered.path(line["output"].as_str().unwrap())).unwrap();
        let links = line["links"].as_array().unwrap();
        assert_eq!(first.nlink(), links.len() as u64 + 1, "{line}");
        for link in links {
            let other = fs::metadata(recovered.path(link["output"].as_str().unwrap())).unwrap();
            assert_eq!(other.ino(), first.ino(), "{link}");
        }
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_overwritten_and_no_link_followed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let outside = folder.path().join("outside");
    fs::create_dir_all(&out).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("victim"), "mine").unwrap();
    fs::write(out.join("data overwritten.bin"), "mine").unwrap();
    std::os::unix::fs::symlink(outside.join("victim"), out.join("new in place of the file.txt")).unwrap();
    std::os::unix::fs::symlink(&outside, out.join("gone")).unwrap();
    let recovered = recover_into(folder, &testdata("deleted.img"), &[]);
    assert_eq!(recovered.output.status.code(), Some(1));
    assert!(recovered.message().contains("a link stands where a folder has to be"), "{}", recovered.message());
    assert_eq!(fs::read(recovered.path("data overwritten.bin")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(recovered.folder.path().join("outside")).unwrap().count(), 1);
    assert_eq!(fs::read(recovered.folder.path().join("outside/victim")).unwrap(), b"mine");
    for (path, output) in [
        ("/data overwritten.bin", "data overwritten~66-2.bin"),
        ("/new in place of the file.txt", "new in place of the file~65-2.txt"),
    ] {
        let line = recovered.stream(path);
        assert_eq!(line["output"], output);
        assert_eq!(sha256(&recovered.content(&line)), line["sha256"]);
    }
    let failed = recovered.stream("/gone/clusters.bin");
    assert!(failed["output"].is_null() && failed["error"].is_string() && failed["sha256"].is_null(), "{failed}");
    let end = recovered.manifest().pop().unwrap();
    assert_eq!((&end["complete"], end["failed"].as_u64().unwrap() > 0), (&false.into(), true));
}

#[test]
fn the_evidence_is_refused_as_output() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image.img");
    fs::copy(testdata("plain.img"), &image).unwrap();
    let before = fs::read(&image).unwrap();
    let output = command(&image, &image, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing is written on the evidence"));
    let manifest = image.to_str().unwrap();
    let output = command(&image, &folder.path().join("out"), &["--manifest", manifest]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing is written on the evidence"));
    assert!(fs::read(&image).unwrap() == before);
}

/// An image mounted by ntfs-3g; `None` where that cannot be done.
struct Mounted(TempDir);

impl Mounted {
    fn new(image: &Path) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("ntfs-3g");
        mount.arg(image).arg(folder.path()).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_folder_on_the_evidence_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("the image.img");
    fs::copy(testdata("plain.img"), &image).unwrap();
    let Some(mounted) = Mounted::new(&image) else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let out = mounted.0.path().join("new folder/out");
    let output = command(&image, &out, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing is written on the evidence"));
    assert!(!mounted.0.path().join("new folder").exists());
}

// ---------------------------------------------------------------------------------- what is wanted

#[test]
fn only_what_is_asked_for_is_recovered() {
    let image = testdata("deleted.img");
    let paths = |options: &[&str]| -> Vec<String> {
        let streams = complete(&image, &[&["-q"], options].concat()).streams();
        streams.iter().map(|(_, line)| line["path"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let all = paths(&[]);
    assert_eq!(all, paths(&["--all"]));
    let below = paths(&["--path", "/GONE/level0"]);
    assert!(below.len() >= 6 && below.iter().all(|path| path.starts_with("/gone/level0/")), "{below:?}");
    let named = paths(&["--path", "resident*.txt", "--path", "<reused*"]);
    assert!(
        named.iter().any(|path| path == "/gone/resident.txt")
            && named.contains(&"<reused 64-1>/large orphan.bin".into())
    );
    assert!(named.len() < all.len());
    assert_eq!(paths(&["--record", "66"]), ["/data overwritten.bin"]);
    assert_eq!(paths(&["--record", "66-2", "--record", "0x41"]).len(), 2);
    let deleted = complete(&image, &["-q", "--deleted"]).streams();
    assert!(deleted.iter().all(|(_, line)| line["state"] != "live") && deleted.len() < all.len());
    let overwritten = complete(&image, &["-q", "--verdict", "overwritten,partial"]).streams();
    assert_eq!(overwritten.len(), 2);
    let system = paths(&["--system"]);
    assert!(["/$MFT", "/$Bitmap", "/$UpCase"].iter().all(|name| system.iter().any(|path| path == name)));
    let small = complete(&image, &["-q", "--max-size", "5000"]);
    for (_, line) in small.streams() {
        let is_small = line["size"].as_u64().unwrap() <= 5000;
        assert_eq!(line["error"] == "larger than --max-size", !is_small && line["verdict"] != "overwritten", "{line}");
    }
    let unhashed = complete(&image, &["-q", "--no-hash"]).streams();
    assert!(unhashed.iter().all(|(_, line)| line.get("sha256").is_none()));
}

#[test]
fn exit_codes_tell_what_happened() {
    let image = testdata("plain.img");
    let code = |options: &[&str]| {
        let recovered = recover(&image, options);
        (recovered.output.status.code(), recovered.message())
    };
    assert_eq!(code(&["-q"]), (Some(0), String::new()));
    assert_eq!(code(&["--verdict", "perfect"]).0, Some(2));
    assert_eq!(code(&["--deleted", "--all"]).0, Some(2));
    assert_eq!(
        code(&["-q", "--record", "99999"]),
        (Some(1), "error: nothing to recover in the records asked for\n".into())
    );
    assert_eq!(code(&["--partition", "7"]).0, Some(1));
    assert_eq!(code(&["--path", "a{"]).0, Some(1));
    let missing = recover(Path::new("/no/such/image"), &[]);
    assert_eq!(missing.output.status.code(), Some(1));
    assert!(!missing.folder.path().join("out").exists());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("out"), "a file").unwrap();
    let blocked = recover_into(folder, &image, &[]);
    assert_eq!(blocked.output.status.code(), Some(1));
    assert!(blocked.message().starts_with("error: cannot write in "), "{}", blocked.message());
    let again = complete(&image, &["-q"]);
    let again = recover_into(again.folder, &image, &["-q"]);
    assert_eq!(again.output.status.code(), Some(1));
    assert!(again.message().contains("manifest.jsonl exists"), "{}", again.message());
}

#[cfg(unix)]
#[test]
fn a_manifest_that_nobody_takes_ends_the_run() {
    let image = testdata("mft_attribute_list.img");
    let folder = tempfile::tempdir().unwrap();
    let mut full = command(&image, &folder.path().join("one"), &["--manifest", "-", "-q"]);
    if let Ok(device) = File::options().write(true).open("/dev/full") {
        let output = full.stdout(device).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write the manifest to the standard output"));
    }
    let mut closed = command(&image, &folder.path().join("two"), &["--manifest", "-", "-q"]);
    let mut child = closed.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut message = String::new();
    child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(message.starts_with("error: cannot write the manifest to the standard output"), "{message}");
}

/// A small file system; `None` where it cannot be mounted.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        mount_at(folder.path(), options).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn mount_at(folder: &Path, options: &str) -> bool {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).stderr(Stdio::null());
    mount.status().is_ok_and(|status| status.success())
}

#[test]
fn a_target_that_is_only_to_be_read_is_told() {
    let Some(disk) = SmallDisk::mount("size=300k,ro") else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let output = command(&testdata("plain.img"), &disk.0.path().join("out"), &["-q"]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.starts_with("error: cannot write in ") && message.contains("Read-only"), "{message}");
}

#[test]
fn what_cannot_be_written_is_told_and_all_else_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("out/gone");
    fs::create_dir_all(&blocked).unwrap();
    if !mount_at(&blocked, "size=16k,ro") {
        println!("skipped: nothing can be mounted here");
        return;
    }
    let recovered = recover_into(folder, &testdata("deleted.img"), &[]);
    let unmounted = Command::new("umount").arg(&blocked).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(recovered.output.status.code(), Some(1));
    assert!(recovered.message().contains("could not be written, as the manifest says"), "{}", recovered.message());
    let (mut failed, mut written) = (0, 0);
    for (_, line) in recovered.streams() {
        let is_blocked = line["path"].as_str().unwrap().starts_with("/gone/");
        assert_eq!(line["error"].as_str().is_some_and(|error| error.contains("Read-only")), is_blocked, "{line}");
        match line["output"].is_string() {
            true => assert_eq!(sha256(&recovered.content(&line)), line["sha256"], "{line}"),
            false => assert!(is_blocked || line["verdict"] == "overwritten", "{line}"),
        }
        failed += u64::from(is_blocked);
        written += u64::from(line["output"].is_string());
    }
    assert!(failed > 5 && written > 20);
    let end = recovered.manifest().pop().unwrap();
    assert_eq!((&end["complete"], end["written"].as_u64()), (&false.into(), Some(written)));
    assert!(end["failed"].as_u64() >= Some(failed), "directories count, too: {end}");
}

#[test]
fn a_full_disk_is_told_and_what_was_written_is_whole() {
    let Some(disk) = SmallDisk::mount("size=300k") else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let out = disk.0.path().join("out");
    let output = command(&testdata("compressed_sparse.img"), &out, &[]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("No space left on device"), "{message}");
    let manifest = fs::read_to_string(out.join("manifest.jsonl")).unwrap();
    let lines: Vec<Value> = manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let streams: Vec<_> = lines.iter().filter(|line| line["type"] == "stream").collect();
    let failed = streams.iter().filter(|line| line["error"].is_string()).count();
    assert!(failed > 0 && failed < streams.len());
    for line in &streams {
        match line["output"].as_str() {
            Some(output) => assert_eq!(line["sha256"], sha256(&fs::read(out.join(output)).unwrap()), "{line}"),
            None => assert!(line["error"].is_string() || line["verdict"] == "overwritten", "{line}"),
        }
    }
    let end = lines.last().unwrap();
    assert_eq!((&end["complete"], &end["failed"]), (&false.into(), &failed.into()));
}

// ---------------------------------------------------------------------------------- the evidence

#[test]
fn the_evidence_is_only_ever_opened_to_read() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: there is no strace");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let image = folder.path().join("the evidence.img");
    fs::copy(testdata("plain.img"), &image).unwrap();
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-e", "trace=file,desc"]).arg("-o").arg(&trace);
    let status = traced.arg(program()).arg(&image).arg("-d").arg(folder.path().join("out")).arg("-q").status().unwrap();
    assert!(status.success());
    let text = String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
    let mut opened = 0;
    for line in text.lines().filter(|line| line.contains("the evidence.img") && !line.contains("execve(")) {
        let call = line.split_whitespace().nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
        if call.starts_with("open") {
            assert!(line.contains("O_RDONLY"), "{line}");
            opened += 1;
        }
        let reads = [
            "open",
            "openat",
            "pread64",
            "read",
            "lseek",
            "statx",
            "fstat",
            "newfstatat",
            "readlink",
            "close",
            "fcntl",
        ];
        // The manifest names its input.
        assert!(reads.contains(&call) || (call == "write" && line.contains("manifest.jsonl>")), "{line}");
    }
    assert!(opened > 0);
}

#[test]
fn a_bare_table_gives_resident_files() {
    let image = testdata("plain.img");
    let system = complete(&image, &["-q", "--record", "0"]);
    let table = system.path("$MFT");
    let recovered = complete(&table, &["-q"]);
    let written = recovered.streams().iter().filter(|(_, line)| line["output"].is_string()).count();
    assert!(written > 0);
    for (_, line) in recovered.streams() {
        assert_eq!(line["output"].is_null(), line["reasons"] == serde_json::json!(["no-clusters"]), "{line}");
    }
    let mut file = File::create(table.with_extension("short")).unwrap();
    file.write_all(&fs::read(&table).unwrap()[..70_000]).unwrap();
    complete(&table.with_extension("short"), &["-q"]);
}
