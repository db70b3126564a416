//! Runs the example `mft_dump` as its users do.
//!
//! What it writes of the volumes in `testdata/` is compared with `tests/golden/mft_dump/`;
//! `BLESS=1 cargo test --test mft_dump` writes the goldens anew.

mod tool;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use ntfs_salvage::FileTime;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| tool::program("mft_dump"))
}

/// Runs it where the volumes are, so that the name of the input is the same everywhere.
fn run(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).current_dir(Path::new(ROOT).join("testdata")).output().unwrap()
}

fn text(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn error(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(arguments);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn temporary(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("mft_dump-{}-{name}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn compare_with_golden(name: &str, arguments: &[&str]) {
    let path = Path::new(ROOT).join("tests/golden/mft_dump").join(name);
    let found = text(arguments);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{name}, line {}", number + 1);
    }
    assert_eq!(found.len(), expected.len(), "{name} has another length");
}

#[test]
fn the_readme_shows_what_its_first_command_prints() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let shown: Vec<_> = readme.lines().skip_while(|line| !line.starts_with("    state ")).collect();
    let shown = shown.iter().map_while(|line| line.strip_prefix("    ")).filter(|line| *line != "…");
    let listing = text(&["plain.img"]);
    let printed: BTreeSet<_> = listing.lines().map(str::trim_end).collect();
    let missing: Vec<_> = shown.clone().filter(|line| !printed.contains(line)).collect();
    assert!(shown.count() > 3 && missing.is_empty(), "{missing:?}");
}

#[test]
fn every_format_is_as_it_was() {
    for format in ["table", "csv", "jsonl", "bodyfile", "mftecmd-csv", "timesketch"] {
        compare_with_golden(&format!("links_streams.{format}"), &["-q", "links_streams.img", "--format", format]);
        compare_with_golden(&format!("deleted.{format}"), &["-q", "deleted.img", "--deleted", "--format", format]);
        compare_with_golden(&format!("disk_gpt.{format}"), &["-q", "disk_gpt.img", "--live", "--format", format]);
    }
    compare_with_golden("fraction.bodyfile", &["-q", "plain.img", "--format", "bodyfile", "--fraction"]);
}

#[test]
fn a_record_is_shown_in_full() {
    compare_with_golden("file.record", &["links_streams.img", "--record", "140-1"]);
    compare_with_golden("extended.record", &["links_streams.img", "--record", "115"]);
    compare_with_golden("secure.record", &["links_streams.img", "--record", "9"]);
    compare_with_golden("directory.record", &["links_streams.img", "--record", "5"]);
    let (code, message) = error(&["links_streams.img", "--record", "140-7"]);
    let expected = "error: record 140 of links_streams.img has sequence number 1, not 7\n";
    assert_eq!((code, message.as_str()), (Some(1), expected));
    assert_eq!(error(&["links_streams.img", "--record", "99999"]).0, Some(1));
    assert_eq!(error(&["disk_gpt.img", "--record", "5"]).0, Some(1), "which of the two volumes?");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for format in ["table", "csv", "jsonl", "bodyfile", "mftecmd-csv", "timesketch"] {
        let with = |threads| run(&["-q", "mft_attribute_list.img", "--format", format, "--threads", threads]).stdout;
        assert!(with("1") == with("4"), "{format}");
    }
}

#[test]
fn json_lines_and_csv_rows_tell_the_same() {
    for image in ["links_streams.img", "deleted.img", "compressed_sparse.img"] {
        let mut objects = BTreeMap::new();
        for line in text(&["-q", image, "--format", "jsonl"]).lines() {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            objects.insert(object["record"].to_string(), object);
        }
        let csv = text(&["-q", image, "--format", "csv"]);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let columns = reader.headers().unwrap().clone();
        let mut rows_of: BTreeMap<String, usize> = BTreeMap::new();
        for row in reader.records() {
            let row = row.unwrap();
            let field = |name: &str| row.get(columns.iter().position(|column| column == name).unwrap()).unwrap();
            let object = &objects[field("record")];
            assert_eq!(field("state"), object["state"]);
            let utc = object["times"]["modified"]["utc"].as_str().unwrap_or_default();
            assert_eq!(field("modified"), utc, "{image}: {row:?}");
            let stream = object["streams"].as_array().unwrap().iter().find(|s| s["name"] == field("stream"));
            let size = stream.map_or(String::new(), |stream| stream["size"].to_string());
            assert_eq!(field("size"), size, "{image}: {row:?}");
            *rows_of.entry(field("record").to_owned()).or_default() += 1;
        }
        for (record, object) in &objects {
            let named = object["streams"].as_array().unwrap().iter().filter(|stream| stream["name"] != "").count();
            let rows = object["links"].as_array().unwrap().len().max(1) + named;
            assert_eq!(rows_of.get(record), Some(&rows), "{image}: record {record}");
        }
    }
}

/// The tool writes times with code of its own; the library's is the judge.
#[test]
fn times_are_those_of_the_library() {
    let mut seen = BTreeSet::new();
    for line in text(&["-q", "plain.img", "--format", "jsonl"]).lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let of_links = object["links"].as_array().unwrap().iter().map(|link| &link["times"]);
        for time in of_links.chain([&object["times"]]).filter_map(serde_json::Value::as_object).flat_map(|t| t.values())
        {
            let filetime = FileTime(time["filetime"].as_u64().unwrap());
            let expected = filetime.to_datetime().map(|_| filetime.to_string());
            assert_eq!(time["utc"].as_str(), expected.as_deref());
            seen.insert(filetime);
        }
    }
    let after_9999 = FileTime(2_650_467_744_000_000_000);
    assert!(seen.iter().any(|time| *time > after_9999) && seen.contains(&FileTime(0)) && seen.len() > 100);
}

#[test]
fn names_do_no_harm() {
    let csv = text(&["-q", "links_streams.img", "--format", "csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names: BTreeSet<_> = reader.records().map(|row| row.unwrap()[6].to_owned()).collect();
    assert!(names.contains("'=cmd"), "a formula stays text");
    assert!(names.contains("pipe|comma,quote\".txt"));
    assert!(names.iter().any(|name| name.starts_with("new\\u{a}line")), "{names:?}");
    let bodyfile = text(&["-q", "links_streams.img", "--format", "bodyfile"]);
    assert!(bodyfile.lines().all(|row| row.split('|').count() == 11));
    assert!(bodyfile.contains("/names/pipe^comma,quote\".txt|"));
    for format in ["table", "csv", "jsonl", "bodyfile", "mftecmd-csv", "timesketch"] {
        let listing = text(&["-q", "links_streams.img", "--format", format]);
        // In a bodyfile, as fls writes it, only controls are.
        let turns = |c: char| ('\u{202A}'..='\u{202E}').contains(&c) && format != "bodyfile";
        let harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\r') || turns(c);
        assert_eq!(listing.chars().find(|c| harmful(*c)), None, "{format}");
    }
}

/// Every time of every attribute is an event, equal ones of an attribute together unless they are split.
#[test]
fn a_timeline_has_every_time_once() {
    for image in ["links_streams.img", "deleted.img"] {
        let mut expected = BTreeMap::<(String, String, String), BTreeSet<&str>>::new();
        let words = [
            ("created", "Creation Time"),
            ("modified", "Content Modification Time"),
            ("record_changed", "Metadata Modification Time"),
            ("accessed", "Last Access Time"),
        ];
        for line in text(&["-q", image, "--format", "jsonl"]).lines() {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            let reference = format!("{}-{}", object["record"], object["sequence"]);
            let links = object["links"].as_array().unwrap().iter();
            let names = links.zip(object["paths"].as_array().unwrap()).map(|(link, path)| (&link["times"], path));
            let own = (&object["times"], &serde_json::Value::Null);
            for (times, path) in names.chain([own]) {
                for (field, word) in words.iter().filter(|(field, _)| times[field]["filetime"].as_u64() > Some(0)) {
                    let key = (reference.clone(), path.to_string(), times[field]["filetime"].to_string());
                    expected.entry(key).or_default().insert(word);
                }
            }
        }
        let count = |options: &[&str]| {
            let listing = text(&[&["-q", image, "--format", "timesketch"], options].concat());
            let mut found = BTreeMap::<(String, String, String), BTreeSet<String>>::new();
            let mut count = 0;
            for line in listing.lines() {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                let (datetime, micros) = (event["datetime"].as_str().unwrap(), event["timestamp"].as_i64().unwrap());
                let parsed = chrono::DateTime::parse_from_rfc3339(datetime).unwrap();
                assert_eq!(parsed.timestamp_micros(), micros, "{line}");
                assert!(event["message"].as_str().is_some_and(|text| !text.is_empty()));
                let path =
                    if event["attribute"] == "$FILE_NAME" { &event["filename"] } else { &serde_json::Value::Null };
                let description = event["timestamp_desc"].as_str().unwrap();
                if description == "Not a time" {
                    continue;
                }
                let reference = event["file_reference"].as_str().unwrap().to_owned();
                let known = found.entry((reference, path.to_string(), event["filetime"].to_string())).or_default();
                count += 1;
                description.split("; ").for_each(|word| assert!(known.insert(word.to_owned()), "{line}"));
            }
            let expected = expected.clone().into_iter();
            let owned = |words: BTreeSet<&str>| words.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
            let expected: BTreeMap<_, _> = expected.map(|(key, words)| (key, owned(words))).collect();
            assert!(found == expected, "{image} {options:?}");
            count
        };
        assert_eq!(count(&[]), expected.len(), "{image}");
        assert_eq!(count(&["--split-times"]), expected.values().map(BTreeSet::len).sum::<usize>(), "{image}");
    }
}

/// The Sleuth Kit's own program makes a timeline of the bodyfile, with each time of each row in it.
#[test]
fn mactime_reads_the_bodyfile() {
    let folder = tempfile::tempdir().unwrap();
    for image in ["plain.img", "links_streams.img", "deleted.img"] {
        let bodyfile = text(&["-q", image, "--format", "bodyfile"]);
        let path = folder.path().join("bodyfile");
        fs::write(&path, &bodyfile).unwrap();
        let Ok(output) = Command::new("mactime").args(["-d", "-y", "-z", "UTC", "-b"]).arg(&path).output() else {
            eprintln!("skipped (1 test): mactime is not installed");
            return;
        };
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let timeline = String::from_utf8(output.stdout).unwrap();
        // date,size,what,mode,owner,group,inode,"name": as many letters as there are times that were set.
        let mut found = BTreeMap::<(String, String), usize>::new();
        for line in timeline.lines().skip(1) {
            let mut fields = line.split(',');
            let (date, what) = (fields.next().unwrap(), fields.nth(1).unwrap());
            let letters = what.chars().filter(|letter| *letter != '.').count();
            *found.entry((date.to_owned(), fields.nth(3).unwrap().to_owned())).or_default() += letters;
        }
        let mut expected = BTreeMap::<(String, String), usize>::new();
        for row in bodyfile.lines() {
            let fields: Vec<_> = row.split('|').collect();
            for seconds in fields[7..11].iter().map(|time| time.parse::<i64>().unwrap()).filter(|time| *time > 0) {
                let date = chrono::DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
                *expected
                    .entry((date.to_string().trim_start_matches('+').to_owned(), fields[2].to_owned()))
                    .or_default() += 1;
            }
        }
        // A time that was never set has a row there, too.
        found.retain(|(date, _), _| !date.starts_with("0000-00-00"));
        assert!(expected.len() > 50);
        let differing: Vec<_> = expected.iter().filter(|(key, count)| found.get(key) != Some(count)).collect();
        assert!(differing.is_empty() && found.len() == expected.len(), "{image}: {differing:?}");
    }
}

#[test]
fn an_unpaired_surrogate_is_not_lost() {
    let listing = text(&["-q", "links_streams.img", "--format", "jsonl"]);
    let objects = listing.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let units: Vec<_> = objects.filter_map(|object| object["links"][0].get("name_utf16").cloned()).collect();
    assert!(!units.is_empty());
    for units in units {
        let units: Vec<u16> = serde_json::from_value(units).unwrap();
        assert!(String::from_utf16(&units).is_err());
    }
}

/// The rows of `fls`, less what DIFFERENCES.md explains.
#[test]
fn the_bodyfile_is_that_of_fls() {
    for image in ["plain.img", "deleted.img", "compressed_sparse.img", "64k_clusters.img", "4kn.img"] {
        let arguments = ["-r", "-p", "-m", "/", image];
        let fls = Command::new("fls").args(arguments).current_dir(Path::new(ROOT).join("testdata")).output();
        let Ok(fls) = fls else { return };
        let fls = String::from_utf8(fls.stdout).unwrap();
        let ours = text(&["-q", image, "--format", "bodyfile"]);
        let expected: BTreeSet<_> = fls.lines().filter_map(comparable).collect();
        let found: BTreeSet<_> = ours.lines().filter_map(comparable).collect();
        assert!(expected.len() > 50, "{image}");
        assert_eq!(found.difference(&expected).collect::<Vec<_>>(), Vec::<&String>::new(), "{image}: only here");
        assert_eq!(expected.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "{image}: only fls");
    }
}

/// A row without what differs on purpose; `None` for a row that is left out altogether.
fn comparable(row: &str) -> Option<String> {
    let mut fields: Vec<&str> = row.split('|').collect();
    let name = fields[1];
    let is_reserve = (16..24).any(|number| name == format!("/$OrphanFiles/OrphanFile-{number} (deleted)"));
    let is_root = name == "/" || name == "/ ($FILE_NAME)";
    // Times that 32 bits do not hold, and a file whose index entry outlived its record.
    let is_apart = name.starts_with("/times/") && !name.contains("$FILE_NAME") || name.starts_with("/kept/many 29.txt");
    if is_reserve || is_root || is_apart || name == "/$OrphanFiles" {
        return None;
    }
    fields[4] = "";
    // The start of 1601 as fls writes it.
    fields.iter_mut().skip(7).filter(|time| **time == "3373865674").for_each(|time| *time = "0");
    Some(fields.join("|"))
}

#[test]
fn a_bare_table_is_listed_like_its_volume() {
    // Of clusters that are not there nothing can be said.
    let volume = text(&["-q", "plain.img", "--format", "jsonl", "--no-verdict"]);
    let mft: serde_json::Value = serde_json::from_str(volume.lines().next().unwrap()).unwrap();
    let image = fs::read(Path::new(ROOT).join("testdata/plain.img")).unwrap();
    let size = mft["streams"][0]["size"].as_u64().unwrap() as usize;
    let mut table = Vec::new();
    for run in mft["streams"][0]["runs"].as_array().unwrap() {
        let [start, length] = [1, 2].map(|field: usize| run[field].as_u64().unwrap() as usize * 4096);
        table.extend_from_slice(&image[start..start + length]);
    }
    table.truncate(size);
    let path = temporary("table").join("MFT");
    fs::write(&path, table).unwrap();
    assert_eq!(text(&["-q", path.to_str().unwrap(), "--format", "jsonl"]), volume);
}

#[test]
fn a_volume_is_chosen_by_partition_or_offset() {
    let by_partition = text(&["-q", "disk_gpt.img", "--partition", "2"]);
    assert!(by_partition.lines().count() > 10);
    let summary = error(&["disk_gpt.img", "--partition", "2"]).1;
    let offset = summary.split("at byte ").nth(1).unwrap().split_whitespace().next().unwrap();
    assert_eq!(text(&["-q", "disk_gpt.img", "--offset", offset]), by_partition);
    let hexadecimal = format!("{:#x}", offset.parse::<u64>().unwrap());
    assert_eq!(text(&["-q", "disk_gpt.img", "--offset", &hexadecimal]), by_partition);
    assert_eq!(error(&["disk_gpt.img", "--partition", "7"]).0, Some(1));
    assert_eq!(error(&["disk_gpt.img", "--partition", "1", "--offset", "0"]).0, Some(2));
}

#[test]
fn a_file_appears_whole_and_replaces_nothing_unasked() {
    let directory = temporary("output");
    let path = directory.join("listing");
    let name = path.to_str().unwrap();
    assert_eq!(text(&["-q", "plain.img", "-o", name]), "");
    assert_eq!(fs::read_to_string(&path).unwrap(), text(&["-q", "plain.img"]));
    fs::write(&path, "mine").unwrap();
    let (code, message) = error(&["-q", "plain.img", "-o", name]);
    assert_eq!((code, message), (Some(1), format!("error: {name} exists; --force replaces it\n")));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(text(&["-q", "plain.img", "-o", name, "--force"]), "");
    assert_ne!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn the_input_is_never_the_output() {
    let directory = temporary("evidence");
    let (image, link) = (directory.join("image"), directory.join("link"));
    fs::copy(Path::new(ROOT).join("testdata/deleted.img"), &image).unwrap();
    fs::hard_link(&image, &link).unwrap();
    for output in [&image, &link] {
        let arguments = ["-q", image.to_str().unwrap(), "-o", output.to_str().unwrap(), "--force"];
        let (code, message) = error(&arguments);
        assert_eq!(code, Some(1));
        assert!(message.ends_with("is the input itself\n"), "{message}");
    }
    assert_eq!(fs::read(&image).unwrap(), fs::read(Path::new(ROOT).join("testdata/deleted.img")).unwrap());
}

#[test]
fn what_is_not_ntfs_is_one_clear_sentence() {
    let directory = temporary("nothing");
    let [empty, noise] = ["empty", "noise"].map(|name| directory.join(name));
    fs::write(&empty, []).unwrap();
    fs::write(&noise, [0xA5; 100_000]).unwrap();
    for path in [&empty, &noise, &directory, &directory.join("absent")] {
        let (code, message) = error(&[path.to_str().unwrap()]);
        assert_eq!(code, Some(1), "{message}");
        assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    }
    assert_eq!(error(&[]).0, Some(2));
    assert_eq!(error(&["plain.img", "--format", "xml"]).0, Some(2));
    assert_eq!(error(&["plain.img", "--live", "--deleted"]).0, Some(2));
}

#[test]
fn a_reader_that_leaves_is_no_error_message() {
    let mut child = Command::new(program())
        .args(["-q", "mft_attribute_list.img", "--format", "jsonl"])
        .current_dir(Path::new(ROOT).join("testdata"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let (code, message) = error(&["-q", "plain.img", "-o", "/dev/full"]);
    assert_eq!(code, Some(1));
    assert!(message.starts_with("error: cannot write /dev/full: "), "{message}");
}

#[test]
fn the_summary_counts_and_quiet_is_quiet() {
    let (_, summary) = error(&["deleted.img"]);
    assert!(summary.contains("129: 129 FILE") && summary.contains("24 live, 60 deleted"), "{summary}");
    assert_eq!(error(&["-q", "deleted.img"]), (Some(0), String::new()));
}

/// A gzip member of so many bytes, whose content is stored as it is.
fn gzip(length: usize) -> Vec<u8> {
    let content: Vec<u8> = (0..length - 23).map(|index| (index * index / 7 % 251) as u8).collect();
    let mut sum = u32::MAX;
    for byte in &content {
        sum ^= u32::from(*byte);
        (0..8).for_each(|_| sum = (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()));
    }
    let size = content.len() as u16;
    let mut member = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    member.extend([size.to_le_bytes(), (!size).to_le_bytes()].concat());
    member.extend(content);
    member.extend((!sum).to_le_bytes());
    member.extend(u32::from(size).to_le_bytes());
    member
}

/// A copy of `deleted.img` in which a deleted file of some clusters, all of them free, has this content; with the
/// file's record number.
fn with_deleted_content(name: &str, make: impl Fn(usize) -> Vec<u8>) -> (PathBuf, u64) {
    let mut image = fs::read(Path::new(ROOT).join("testdata/deleted.img")).unwrap();
    let listing = text(&["-q", "--format", "jsonl", "deleted.img"]);
    let mut lines = listing.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let is_wanted = |stream: &serde_json::Value| {
        stream["recoverability"]["verdict"] == "likely" && stream["size"].as_u64() > Some(8192)
    };
    let line = lines.find(|line| line["state"] == "deleted" && is_wanted(&line["streams"][0])).unwrap();
    let (stream, mut content) = (&line["streams"][0], make(line["streams"][0]["size"].as_u64().unwrap() as usize));
    assert_eq!(content.len() as u64, stream["size"].as_u64().unwrap());
    for run in stream["runs"].as_array().unwrap() {
        let (start, length) = (run[1].as_u64().unwrap() as usize * 4096, run[2].as_u64().unwrap() as usize * 4096);
        let part: Vec<u8> = content.drain(..length.min(content.len())).collect();
        image[start..start + part.len()].copy_from_slice(&part);
    }
    let path = temporary("content").join(name);
    fs::write(&path, image).unwrap();
    (path, line["record"].as_u64().unwrap())
}

/// What the listing with `--verify-content` says of the main stream of each record, and what `recover` says when it
/// writes it.
fn contents(image: &Path) -> BTreeMap<u64, (serde_json::Value, serde_json::Value)> {
    let listing = text(&["-q", "--format", "jsonl", "--verify-content", image.to_str().unwrap()]);
    let folder = tempfile::tempdir().unwrap();
    let recovered =
        Command::new(tool::program("recover")).args(["-q", "-d"]).arg(folder.path().join("out")).arg(image).output();
    assert!(recovered.unwrap().status.success());
    let manifest = fs::read_to_string(folder.path().join("out/manifest.jsonl")).unwrap();
    let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let written: BTreeMap<_, _> = manifest
        .lines()
        .map(parse)
        .filter(|line| line["type"] == "stream" && line["stream"] == "" && !line["content"].is_null())
        .filter_map(|line| Some((line["record"].as_u64()?, line)))
        .collect();
    let listed = listing.lines().map(parse).filter_map(|line| {
        let record = line["record"].as_u64()?;
        let stream = line["streams"].as_array()?.iter().find(|stream| stream["name"] == "")?.clone();
        Some((record, (stream["recoverability"].clone(), written.get(&record)?.clone())))
    });
    listed.collect()
}

#[test]
fn content_raises_and_lowers_verdicts_as_it_does_when_it_is_written() {
    let whole = with_deleted_content("whole.img", gzip);
    let broken = with_deleted_content("broken.img", |length| {
        let mut bytes = gzip(length);
        bytes[4096..8192].fill(0x55);
        bytes
    });
    for ((image, record), state, verdict) in [(whole, "verified", "intact"), (broken, "contradicted", "partial")] {
        let contents = contents(&image);
        let (listed, _) = &contents[&record];
        assert_eq!((listed["content"]["state"].as_str(), listed["verdict"].as_str()), (Some(state), Some(verdict)));
        assert!(contents.len() > 20, "{}", contents.len());
        for (record, (listed, written)) in contents {
            assert_eq!(listed["content"], written["content"], "{record}");
            assert_eq!(
                (&listed["verdict"], &listed["reasons"]),
                (&written["verdict"], &written["reasons"]),
                "{record}"
            );
        }
        fs::remove_file(image).unwrap();
    }
    let (code, said) = error(&["--verify-content", "--format", "bodyfile", "plain.img"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("table, csv and jsonl"), "{said}");
}
