//! Reads the streams of the volumes in `testdata` and compares them with what was put into them.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ntfs_salvage::content::{Encoding, Origin};
use ntfs_salvage::recoverability::{RecoverabilityOptions, Verdict};
use ntfs_salvage::source::{self, Source, Window};
use ntfs_salvage::{Catalog, Entry, EntryState, Stream, Threads, Volume};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A stream that the truth knows: the line of its file, its name, its own object.
struct Known<'t> {
    path: &'t str,
    record: u64,
    sequence: u64,
    name: &'t str,
    sha256: &'t str,
    deleted: bool,
    /// Of a deleted stream: what became of record and data.
    fate: Option<(&'t str, &'t str)>,
}

/// The truth about one image: its lines by volume.
fn truth(image: &Path) -> Vec<(Value, Vec<Value>)> {
    let text = std::fs::read_to_string(image.with_extension("truth.jsonl"))
        .or_else(|_| std::fs::read_to_string(image.with_extension("img.truth.jsonl")))
        .expect("the truth is there");
    let mut volumes: Vec<(Value, Vec<Value>)> = Vec::new();
    for line in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a truth file holds JSON lines")) {
        if line.get("volume").is_some() {
            volumes.push((line["volume"].clone(), Vec::new()));
        } else {
            volumes.last_mut().expect("the volume comes first").1.push(line);
        }
    }
    volumes
}

fn known(line: &Value) -> Vec<Known<'_>> {
    let first = |names: [&str; 2]| names.into_iter().map(|name| &line[name]).find(|value| !value.is_null());
    let fate = first(["fate", "recover"]);
    let of = |name, sha256| Known {
        path: line["path"].as_str().unwrap(),
        record: first(["record", "rec"]).and_then(Value::as_u64).unwrap(),
        sequence: first(["sequence", "seq"]).and_then(Value::as_u64).unwrap(),
        name,
        sha256,
        deleted: line["deleted"] == true,
        fate: fate.and_then(|fate| Some((fate["record"].as_str()?, fate["data"][name].as_str()?))),
    };
    // What was written into an overlaid file is what its main stream reads as.
    let main = line["wof"]["sha256"].as_str().or(line["sha256"].as_str());
    let named = line["streams"].as_object().into_iter().flatten();
    let named = named.map(|(name, stream)| of(name.as_str(), stream["sha256"].as_str().unwrap()));
    main.map(|sha256| of("", sha256)).into_iter().chain(named).collect()
}

fn read_whole(stream: &Stream<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.reader().read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{stream:?}: {error}"));
    bytes
}

fn find<'e>(entry: &'e Entry<'_>, name: &str) -> Option<Stream<'e>> {
    entry.streams().into_iter().find(|stream| stream.name().is(name))
}

/// Opens each volume of an image.
fn volumes(image: &Path, check: impl Fn(&Catalog<'_>, &[Value])) {
    let source = source::open(image).unwrap();
    for (volume, lines) in truth(image) {
        let start = volume["offset"].as_u64().unwrap_or(0);
        let volume = Volume::open_window(Window::new(&source, start, u64::MAX)).unwrap();
        check(&volume.catalog(), &lines);
    }
}

fn images() -> Vec<PathBuf> {
    let all = std::fs::read_dir(testdata("")).unwrap().map(|item| item.unwrap().path());
    let images: Vec<_> = all.filter(|path| path.extension().is_some_and(|extension| extension == "img")).collect();
    assert!(images.len() >= 8);
    images
}

#[test]
fn live_streams_read_as_they_were_written() {
    let mut count = 0;
    for image in images() {
        volumes(&image, |catalog, lines| {
            for stream in lines.iter().flat_map(known).filter(|stream| !stream.deleted) {
                let entry = catalog.entry(stream.record).unwrap();
                assert_eq!(entry.state(), EntryState::Live);
                assert_eq!(u64::from(entry.sequence_number()), stream.sequence);
                let found = find(&entry, stream.name).unwrap_or_else(|| panic!("{}:{}", stream.path, stream.name));
                assert_eq!(hex(&Sha256::digest(read_whole(&found))), stream.sha256, "{}:{}", stream.path, stream.name);
            }
        });
        count += 1;
    }
    assert!(count >= 8);
}

#[test]
fn deleted_streams_that_are_still_there_read_as_they_were_written() {
    for image in images() {
        volumes(&image, |catalog, lines| {
            let intact = |stream: &Known<'_>| stream.fate == Some(("freed", "intact"));
            for stream in lines.iter().flat_map(known).filter(|stream| stream.deleted && intact(stream)) {
                let entry = catalog.entry(stream.record).unwrap_or_else(|error| panic!("{}: {error}", stream.path));
                let Some(found) = find(&entry, stream.name) else { panic!("{}:{}", stream.path, stream.name) };
                assert_eq!(hex(&Sha256::digest(read_whole(&found))), stream.sha256, "{}:{}", stream.path, stream.name);
            }
        });
    }
}

/// Every stream of every entry, of `$MFT` itself and deleted ones too.
fn each_stream(mut check: impl FnMut(&Catalog<'_>, &Stream<'_>)) {
    for image in images() {
        let source = source::open(&image).unwrap();
        for (volume, _) in truth(&image) {
            let start = volume["offset"].as_u64().unwrap_or(0);
            let volume = Volume::open_window(Window::new(&source, start, u64::MAX)).unwrap();
            let catalog = volume.catalog();
            for entry in catalog.entries() {
                entry.streams().iter().for_each(|stream| check(&catalog, stream));
            }
        }
    }
}

#[test]
fn ranges_cover_each_stream_exactly_and_lead_to_its_bytes() {
    let mut places = std::collections::HashMap::new();
    each_stream(|catalog, stream| {
        if stream.name().is("$Bad") {
            return;
        }
        let map = stream.map();
        let mut position = 0;
        for range in map.ranges() {
            assert_eq!(range.offset, position, "{stream:?}");
            assert!(range.length > 0);
            position = range.end();
        }
        assert_eq!(Some(position), stream.size(), "{stream:?}");
        let mut reader = stream.reader();
        for range in map.ranges().iter().filter(|range| range.is_true()) {
            let mut bytes = vec![0; range.length as usize];
            assert!(reader.read_at(range.offset, &mut bytes).is_true(), "{stream:?}");
            let mut there = vec![0; bytes.len()];
            match range.origin {
                Origin::Record(at) | Origin::Clusters(at) => {
                    assert_eq!(catalog.volume().source().read_at(at, &mut there).unwrap(), there.len());
                }
                Origin::Hole | Origin::Uninitialized(_) => {}
                _ => there.clone_from(&bytes),
            }
            assert!(there == bytes, "{stream:?} {range:?}");
            *places.entry(std::mem::discriminant(&range.origin)).or_insert(0) += 1;
        }
    });
    assert!(places.len() >= 5, "records, clusters, holes, units and chunks: {places:?}");
}

#[test]
fn pieces_and_seeks_give_what_one_read_gives() {
    each_stream(|_, stream| {
        if stream.size().is_none_or(|size| size > 1 << 20) {
            return;
        }
        let whole = read_whole(stream);
        for step in [1000, 4096, 70_000] {
            let mut reader = stream.reader();
            let mut buffer = vec![0; step];
            for start in (0..whole.len()).step_by(step * 2 + 1).rev() {
                reader.seek(SeekFrom::Start(start as u64)).unwrap();
                let wanted = &whole[start..whole.len().min(start + step)];
                reader.read_exact(&mut buffer[..wanted.len()]).unwrap();
                assert!(buffer[..wanted.len()] == *wanted, "{stream:?} at {start} by {step}");
            }
        }
        let mut copy = Vec::new();
        assert_eq!(stream.reader().copy_to(&mut copy).unwrap(), []);
        assert!(copy == whole);
    });
}

#[test]
fn raw_streams_reach_the_stored_bytes_and_the_slack() {
    let (mut overlaid, mut slack) = (0, 0);
    each_stream(|_, stream| {
        if matches!(stream.encoding(), Encoding::Overlay(_)) {
            let raw = stream.raw();
            assert!(raw.map().ranges().iter().all(|range| range.origin == Origin::Hole), "only holes are stored");
            overlaid += 1;
        }
        if !stream.is_resident() && stream.encoding() == Encoding::Plain {
            let (map, raw) = (stream.map(), stream.raw().map());
            assert!(raw.size() >= map.size());
            slack += u64::from(raw.size() > map.size());
        }
    });
    assert!(overlaid > 0 && slack > 0);
}

/// How often which verdict met which fate, and what of it was wrong.
#[derive(Debug, Default)]
struct Tally {
    verdicts: std::collections::BTreeMap<(String, String), u64>,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, fate: &str, verdict: Verdict) {
        *self.verdicts.entry((fate.to_owned(), verdict.to_string())).or_insert(0) += 1;
    }
}

/// Assesses every stream of an image that the truth knows and that is still described by its record.
fn tally(image: &Path, tally: &mut Tally) {
    let source = source::open(image).unwrap();
    for (volume, lines) in truth(image) {
        let start = volume["offset"].as_u64().unwrap_or(0);
        let volume = Volume::open_window(Window::new(&source, start, u64::MAX)).unwrap();
        let catalog = volume.catalog();
        let assessment = catalog.assessment(&Threads::default(), RecoverabilityOptions::default());
        assert_eq!(assessment.claims().cross_links().count(), 0);
        for stream in lines.iter().flat_map(known) {
            let fate = match stream.fate {
                None if stream.deleted => continue,
                None => "live",
                Some(("freed", fate)) => fate,
                Some(_) => continue,
            };
            let name = format!("{} {}:{}", image.display(), stream.path, stream.name);
            let Ok(entry) = catalog.entry(stream.record) else {
                tally.wrong.push(format!("{name}: no entry"));
                continue;
            };
            let Some(found) = find(&entry, stream.name) else {
                tally.wrong.push(format!("{name}: no stream"));
                continue;
            };
            let left = assessment.assess(&found);
            let bytes: u64 = left.ranges().iter().map(|assessed| assessed.range.length).sum();
            assert_eq!(Some(bytes), found.size(), "{name}");
            let mut content = Vec::new();
            found.reader().fill_missing(true).read_to_end(&mut content).unwrap();
            let is_right = hex(&Sha256::digest(&content)) == stream.sha256;
            tally.add(fate, left.verdict());
            let is_whole = matches!(left.verdict(), Verdict::Intact | Verdict::Likely);
            if (left.verdict() == Verdict::Intact && !is_right) || (fate == "live" && left.verdict() != Verdict::Intact)
            {
                tally.wrong.push(format!("{name}: {fate}, {} {}, right: {is_right}", left.verdict(), left.reasons()));
            }
            if fate == "intact" && !is_whole {
                tally.wrong.push(format!("{name}: intact, but {} {}", left.verdict(), left.reasons()));
            }
        }
    }
}

#[test]
fn verdicts_on_testdata_are_true() {
    let mut found = Tally::default();
    images().iter().for_each(|image| tally(image, &mut found));
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
    assert!(found.verdicts.contains_key(&("overwritten".to_owned(), "overwritten".to_owned())), "{found:?}");
}

/// Makes volumes with the tool beside the repository, which needs root and FUSE, and counts.
#[test]
#[ignore = "makes volumes with a tool that is not part of the repository"]
fn verdicts_on_made_volumes_are_true() {
    let tool = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/tools/make_volume.py"));
    if !tool.exists() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut found = Tally::default();
    for (seed, arguments) in [
        (1, "--size 64M --bulk 600 --churn 200"),
        (2, "--size 64M --bulk 600 --churn 200"),
        (3, "--size 64M --bulk 600 --churn 200"),
        (4, "--size 48M --cluster 1024 --bulk 600 --churn 300 --delete 60"),
        (5, "--size 24M --bulk 600 --churn 300 --delete 50"),
        (6, "--size 24M --cluster 512 --bulk 600 --churn 300 --delete 50"),
    ] {
        let image = directory.path().join(format!("{seed}.img"));
        let mut made = std::process::Command::new("python3");
        let made = made
            .arg(tool)
            .arg("make")
            .arg(&image)
            .args(arguments.split(' '))
            .args(["--seed", &seed.to_string()])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        tally(&image, &mut found);
    }
    println!("{:#?}", found.verdicts);
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
}

/// Reads every known stream of a damaged image: what is read as true must be.
fn compare_damaged(original: &Path, damaged: &Path, counts: &mut [u64; 3]) -> Vec<String> {
    let mut wrong = Vec::new();
    let source = source::open(damaged).unwrap();
    let Ok(volume) = Volume::open(&source) else { return wrong };
    let catalog = volume.catalog();
    let assessment = catalog.assessment(&Threads::default(), RecoverabilityOptions::default().read_all(true));
    let (_, lines) = truth(original).remove(0);
    for stream in lines.iter().flat_map(known) {
        let is_expected = !stream.deleted || stream.fate == Some(("freed", "intact"));
        let found = catalog.entry(stream.record).ok();
        let found = found.as_ref().and_then(|entry| find(entry, stream.name));
        let Some(found) = found.filter(|_| is_expected) else { continue };
        let mut reader = found.reader().fill_missing(true);
        let mut content = Vec::new();
        reader.read_to_end(&mut content).unwrap();
        let is_right = hex(&Sha256::digest(&content)) == stream.sha256;
        let verdict = assessment.assess(&found).verdict();
        let is_true = reader.unproven().is_empty();
        counts[usize::from(is_true) + usize::from(is_true && verdict == Verdict::Intact)] += 1;
        if (is_true || verdict == Verdict::Intact) && !is_right {
            wrong.push(format!("{} {}:{}: {verdict} {is_true}", damaged.display(), stream.path, stream.name));
        }
    }
    wrong
}

#[test]
#[ignore = "makes volumes with a tool that is not part of the repository"]
fn nothing_wrong_is_called_right_on_damaged_volumes() {
    let tool = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/tools/make_volume.py"));
    if !tool.exists() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (mut counts, mut wrong) = ([0; 3], Vec::new());
    let run = |arguments: &[&str]| {
        let made = std::process::Command::new("python3").arg(tool).args(arguments).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    for (seed, cluster) in [("1", "4096"), ("2", "512"), ("3", "1024")] {
        let image = directory.path().join(format!("{seed}.img"));
        let path = image.to_str().unwrap();
        run(&["make", path, "--size", "32M", "--cluster", cluster, "--bulk", "400", "--churn", "50", "--seed", seed]);
        for spec in [
            "torn:20",
            "seclost:20",
            "junk:10",
            "zero:10",
            "baad:20",
            "cut:6M",
            "torn:10,seclost:10,cut:5M",
            "mft0,seclost:30",
        ] {
            let damaged = directory.path().join("damaged.img");
            run(&["damage", path, damaged.to_str().unwrap(), "--spec", spec, "--seed", seed]);
            wrong.extend(compare_damaged(&image, &damaged, &mut counts));
        }
    }
    println!("{} not true, {} true, {} true and intact", counts[0], counts[1], counts[2]);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The digital forensics tool testing image of deleted files, whose authors published digests of all nine.
#[test]
fn undeletes_what_the_tool_testing_image_asks_for() {
    let image = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/vol/dftt7_undel.dd"));
    if !image.exists() {
        return;
    }
    let expected = [
        (29, "", "bd859916c83cdc3b1c17eee34f7f88270f5ad763a44f79997a6fda68b85e7760"),
        (30, "", "f9196f6c1deb7c9272526b3d308a993e903df7ae39973864af9558db9f1471df"),
        (31, "", "799f8870dbb8b31511e1cd8102a43c94bd8ba76b987d338d4ba05ee32269490f"),
        (32, "", "aada10bcb73925a71b330eaceef5cd9f8484d733b45da70ea39cdb22cddf78c0"),
        (32, "ADS", "46ec753170adcc8fdbc4cf2d10ae042d5dbcf484c09146f0ba29ab621f246f0d"),
        (35, "", "01331adeaac1d7e93b138e28ed69fd1063319f32d79ed9958303de496ec08fe8"),
        (36, "", "8553e78eb8f13c9639f96c61cfba799bbb094376c5f86ec54cbc0afb8635e138"),
        (37, "", "edf171b5da0fba963e0954c31aa691b4fde032b8fd1dea2dec9923bb1bbf567f"),
        (38, "", "d2e23d7b2e996a12270737d463f562de9fc407599da97c302fc5ddc0afdcc15b"),
    ];
    let source = source::open(image).unwrap();
    let volume = Volume::open(&source).unwrap();
    let catalog = volume.catalog();
    let assessment = catalog.assessment(&Threads::default(), RecoverabilityOptions::default().read_all(true));
    for (record, name, sha256) in expected {
        let entry = catalog.entry(record).unwrap();
        assert_eq!(entry.state(), EntryState::Deleted);
        let stream = find(&entry, name).unwrap();
        assert_eq!(hex(&Sha256::digest(read_whole(&stream))), sha256, "record {record}:{name}");
        let expected = if stream.is_resident() { Verdict::Intact } else { Verdict::Likely };
        assert_eq!(assessment.assess(&stream).verdict(), expected, "record {record}:{name}");
    }
}
