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

// ------------------------------------------------------------------------------------------ rescue_plan

fn has(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs
        .iter()
        .filter(|program| Command::new("which").arg(program).output().is_ok_and(|found| !found.status.success()))
        .collect();
    if !missing.is_empty() || !Path::new("/dev/fuse").exists() {
        eprintln!("skipped (1 test): {missing:?} or /dev/fuse is missing");
    }
    missing.is_empty() && Path::new("/dev/fuse").exists()
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", message(&output));
}

/// A volume with files of known content, some of them deleted.
struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    const SIZE: u64 = 96 << 20;

    fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        let (disk, mount) = (made.path("disk.img"), made.path("mount"));
        fs::File::create(&disk).unwrap().set_len(Self::SIZE).unwrap();
        fs::create_dir(&mount).unwrap();
        done(Command::new("mkntfs").args(["-qFf", "-c", "1024", &disk]));
        done(Command::new("ntfs-3g").args([&disk, &mount]));
        for directory in ["a", "b", "c"] {
            let below = format!("{mount}/{directory}/below");
            fs::create_dir_all(&below).unwrap();
            for number in 0..120_usize {
                let byte = |at: usize| (at * 31 + at / 251 + number * 7 + directory.len()) as u8;
                fs::write(format!("{below}/{number}.bin"), (0..number * 517).map(byte).collect::<Vec<_>>()).unwrap();
            }
        }
        (0..120).step_by(5).for_each(|number| fs::remove_file(format!("{mount}/c/below/{number}.bin")).unwrap());
        done(Command::new("umount").arg(&mount));
        made
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// What the disk can still give: in every so many sectors one that is bad, but for the very first.
    fn write_bad_zones(&self, name: &str, step: u64) {
        let mut text = String::from("0 + 1\n0 65536 +\n");
        let sectors = (128..Self::SIZE / 512).collect::<Vec<_>>();
        for chunk in sectors.chunks(step as usize) {
            let (start, good) = (chunk[0] * 512, (chunk.len() as u64 - 1) * 512);
            text += &format!("{start} {good} +\n{} 512 -\n", start + good);
        }
        fs::write(self.path(name), text).unwrap();
    }
}

fn blocks(map: &str, symbols: &str) -> Vec<std::ops::Range<u64>> {
    let map = ntfs_salvage::source::DamageMap::parse(&fs::read(map).unwrap()).unwrap();
    assert_eq!(map.damage(), []);
    let chosen = map.blocks().iter().filter(|block| symbols.contains(block.status.symbol()));
    chosen.map(|block| block.range.clone()).collect()
}

fn bytes(ranges: &[std::ops::Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// One round: plans, and has ddrescue read that; the bytes planned, or `None` where nothing is left.
fn round(made: &Made, stage: &str, options: &[&str]) -> Option<u64> {
    let [image, map, next, bad] = ["rescue.img", "rescue.map", "next.map", "bad.map"].map(|name| made.path(name));
    let _ = fs::remove_file(&next);
    let arguments = [&[image.as_str(), "--map", &map, "--stage", stage, "-o", &next], options].concat();
    let output = run("rescue_plan", &arguments);
    if output.status.code() == Some(3) {
        assert!(!Path::new(&next).exists());
        return None;
    }
    assert!(output.status.success(), "{}", message(&output));
    let wanted = blocks(&next, "+");
    for tried in blocks(&map, "+-") {
        assert!(wanted.iter().all(|range| range.end <= tried.start || tried.end <= range.start), "{tried:?} again");
    }
    assert!(!wanted.is_empty());
    done(Command::new("ddrescue").args(["-q", "-H", &bad, "-m", &next, &made.path("disk.img"), &image, &map]));
    Some(bytes(&wanted))
}

fn rounds(made: &Made, stage: &str, options: &[&str]) -> u64 {
    let mut planned = 0;
    for count in 0.. {
        assert!(count < 12, "stage {stage} does not end");
        let Some(bytes) = round(made, stage, options) else { break };
        planned += bytes;
    }
    planned
}

fn paths(listing: &[Value]) -> Vec<(u64, Value)> {
    listing.iter().map(|entry| (entry["record"].as_u64().unwrap(), entry["paths"].clone())).collect()
}

/// The verdict and the hash of each stream that is chosen.
fn recovered(made: &Made, image: &str, map: &str, options: &[&str]) -> Vec<(Value, Value, Value)> {
    let out = tempfile::tempdir().unwrap();
    let (image, map, out) = (made.path(image), made.path(map), out.path().join("out"));
    let output = run("recover", &[&[image.as_str(), "-q", "--map", &map, "-d", text(&out)], options].concat());
    assert!(output.status.success(), "{}", message(&output));
    let manifest = fs::read_to_string(out.join("manifest.jsonl")).unwrap();
    let lines = manifest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let streams = lines.filter(|line| line["type"] == "stream");
    streams.map(|line| (line["path"].clone(), line["verdict"].clone(), line["sha256"].clone())).collect()
}

fn assert_same(found: &[(Value, Value, Value)], expected: &[(Value, Value, Value)]) {
    assert_eq!(found.len(), expected.len());
    let differs: Vec<_> = found.iter().zip(expected).filter(|(found, expected)| found != expected).collect();
    assert!(differs.is_empty(), "{} of {}: {:#?}", differs.len(), found.len(), differs[0]);
}

fn start(made: &Made) {
    let [image, map] = ["rescue.img", "rescue.map"].map(|name| made.path(name));
    for path in [&image, &map] {
        let _ = fs::remove_file(path);
    }
    done(Command::new("ddrescue").args([
        "-q",
        "-H",
        &made.path("bad.map"),
        "-s",
        "512",
        &made.path("disk.img"),
        &image,
        &map,
    ]));
}

#[test]
fn each_stage_brings_what_it_says_and_no_sector_is_read_twice() {
    if !has(&["mkntfs", "ntfs-3g", "ddrescue"]) {
        return;
    }
    let made = Made::new();
    for (step, chosen) in [(1 << 20, vec!["--path", "/b"]), (97, vec!["--path", "/b"]), (397, vec!["--deleted"])] {
        made.write_bad_zones("bad.map", step);
        start(&made);
        let mut read = rounds(&made, "metadata", &chosen);
        // Of lost records only an index has the names, which come later.
        let records = |image: &str, map: &str| {
            let listing = listing(Path::new(&made.path(image)), Path::new(&made.path(map)));
            let own = listing.into_iter().filter(|entry| entry["state"] != "ghost");
            own.map(|entry| (entry["record"].clone(), entry["links"].clone(), entry["times"].clone()))
                .collect::<Vec<_>>()
        };
        let all = |image: &str, map: &str| paths(&listing(Path::new(&made.path(image)), Path::new(&made.path(map))));
        assert!(records("rescue.img", "rescue.map") == records("disk.img", "bad.map"), "the listing is complete");
        if step == 1 << 20 {
            assert!(
                all("rescue.img", "rescue.map") == all("disk.img", "bad.map"),
                "no record is lost, so no index is asked"
            );
        }
        read += rounds(&made, "indexes", &chosen);
        let before = read;
        read += rounds(&made, "files", &chosen);
        let of_disk = recovered(&made, "disk.img", "bad.map", &chosen);
        assert!(of_disk.len() > 20);
        assert_same(&recovered(&made, "rescue.img", "rescue.map", &chosen), &of_disk);
        // No more than the files have, in whole sectors.
        let most = (0..120_u64).map(|number| (number * 517).next_multiple_of(512)).sum::<u64>();
        assert!(read - before <= most, "{} bytes of files with {most}", read - before);
        read += rounds(&made, "rest", &[]);
        let tried = blocks(&made.path("rescue.map"), "+-");
        assert_eq!(bytes(&tried), read + 512, "what was planned was read, and nothing else");
        assert!(all("rescue.img", "rescue.map") == all("disk.img", "bad.map"));
        let everything = recovered(&made, "disk.img", "bad.map", &[]);
        assert_same(&recovered(&made, "rescue.img", "rescue.map", &[]), &everything);
    }
}

/// Where the boot sectors, the first records and the mirror are bad, what is left is found, too.
#[test]
fn a_volume_without_a_beginning_is_read_until_it_is_found() {
    if !has(&["mkntfs", "ntfs-3g", "ddrescue"]) {
        return;
    }
    let made = Made::new();
    let end = Made::SIZE;
    let mft = 4096 * 4; // mkntfs puts the table there with clusters of 1024
    let middle = end / 2 - (end / 2) % 1024;
    let text = format!(
        "0 + 1\n0 8192 -\n8192 {} +\n{mft} 4096 -\n{} {} +\n{middle} 4096 -\n{} {} +\n{} 512 -\n",
        mft - 8192,
        mft + 4096,
        middle - mft - 4096,
        middle + 4096,
        end - 512 - middle - 4096,
        end - 512
    );
    fs::write(made.path("bad.map"), text).unwrap();
    start(&made);
    let chosen = ["--path", "/b"];
    for stage in ["metadata", "indexes", "files"] {
        rounds(&made, stage, &chosen);
    }
    let of_disk = recovered(&made, "disk.img", "bad.map", &chosen);
    assert!(of_disk.len() > 100);
    assert_same(&recovered(&made, "rescue.img", "rescue.map", &chosen), &of_disk);
}

#[test]
fn a_plan_of_the_disk_itself_names_each_sector_in_one_stage() {
    let image = tool::repository("testdata/deleted.img");
    let size = fs::metadata(&image).unwrap().len();
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for stage in ["metadata", "indexes", "files", "rest", "free"] {
        let domain = folder.path().join(stage);
        let output = run("rescue_plan", &[text(&image), "--stage", stage, "--rate", "1M", "-o", text(&domain)]);
        assert!(output.status.success(), "{stage}: {}", message(&output));
        assert!(message(&output).contains("at 1000000 bytes a second"), "{}", message(&output));
        all.extend(blocks(text(&domain), "+"));
        if let Ok(log) = Command::new("ddrescuelog").args(["-t", text(&domain)]).output() {
            assert!(log.status.success(), "{}", message(&log));
        }
    }
    let unclaimed = folder.path().join("unclaimed");
    let output = run("rescue_plan", &[text(&image), "-q", "--unclaimed", text(&unclaimed)]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", message(&output));
    assert!(!blocks(text(&unclaimed), "+").is_empty());
    all.sort_by_key(|range| range.start);
    assert!(all.windows(2).all(|pair| pair[0].end <= pair[1].start), "{all:?}");
    assert!(all.iter().all(|range| range.start % 512 == 0 && range.end <= size));
}

#[test]
fn what_cannot_be_planned_is_said_in_one_sentence_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let image = tool::repository("testdata/plain.img");
    let size = fs::metadata(&image).unwrap().len();
    fs::write(path("blank"), vec![0; 1 << 16]).unwrap();
    fs::write(path("there"), "kept").unwrap();
    fs::write(path("larger"), format!("0 + 1\n0 {} +\n", size + 512)).unwrap();
    fs::write(path("smaller"), format!("0 + 1\n0 {} +\n", size - 512)).unwrap();
    fs::write(path("none"), "a letter to somebody\n").unwrap();
    let image = text(&image);
    let (out, there, larger, smaller, none, blank) =
        (path("out"), path("there"), path("larger"), path("smaller"), path("none"), path("blank"));
    let cases: [(&[&str], &str, i32); 8] = [
        (&[image, "-o", &there], "exists, and nothing is overwritten", 1),
        (&[image, "--unclaimed", &there], "exists, and nothing is overwritten", 1),
        (&[image, "-o", &out, "--map", &larger], "it is the map of another disk", 1),
        (&[image, "-o", &out, "--map", &smaller], "it is the map of another disk", 1),
        (&[image, "-o", &out, "--map", &none], "cannot use", 1),
        (&[&blank, "-o", &out], "no NTFS volume", 1),
        (&[image, "-o", &out, "--partition", "7"], "no partition 7", 1),
        (&[image, "-o", &out, "--rate", "fast"], "'fast' is no number", 2),
    ];
    for (arguments, expected, code) in cases {
        let output = run("rescue_plan", arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", message(&output));
        let message = message(&output);
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert!(code == 2 || message.lines().filter(|line| line.starts_with("error:")).count() == 1, "{message}");
        assert!(!Path::new(&out).exists(), "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(path("there")).unwrap(), "kept");
}
