//! Cases too large to be kept: `testdata/make_large.py` makes them, as root, with ntfs-3g.
//! `cargo test --release --test cases -- --ignored --nocapture` runs them and prints what was counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ntfs_salvage::recoverability::{ByteStatus, Verdict};
use ntfs_salvage::{EntryState, Volume, source};
use tempfile::TempDir;

use super::known::{Case, content, find, known, record, rows, sha256, testdata, with_volume};

/// A volume that was made for a test.
struct Made(TempDir);

impl Made {
    /// `None` where volumes cannot be made.
    fn new(kind: &str, options: &[&str]) -> Option<Self> {
        let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !Path::new("/dev/fuse").exists() || !["mkntfs", "ntfs-3g", "python3"].into_iter().all(runs) {
            println!("skipped: there is no /dev/fuse, mkntfs, ntfs-3g or python3");
            return None;
        }
        let made = Self(tempfile::tempdir().unwrap());
        let output = Command::new("python3")
            .arg(testdata("make_large.py"))
            .arg(kind)
            .arg(made.image())
            .args(options)
            .output()
            .unwrap();
        assert!(output.status.success(), "{kind} {options:?}: {}", String::from_utf8_lossy(&output.stderr));
        Some(made)
    }

    fn image(&self) -> PathBuf {
        self.0.path().join("made.img")
    }

    fn check(&self, check: impl FnOnce(&Case<'_>)) {
        let source = source::open(self.image()).unwrap();
        let volume = Volume::open(&source).unwrap();
        with_volume(&volume, &rows(&self.0.path().join("made.truth.jsonl")), check);
    }
}

/// How many streams of which fate have which verdict, and what is wrong with any.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<(&'static str, &'static str, bool), u64>,
    wrong: Vec<String>,
}

impl Tally {
    /// Reads and assesses every stream that a record leads to.
    fn count(&mut self, case: &Case<'_>) {
        for stream in case.rows.iter().flat_map(known) {
            let fate = match stream.fate() {
                None if stream.is_deleted() => continue,
                None => "live",
                Some("intact") => "survives",
                Some("overwritten") => "overwritten",
                Some(_) => continue,
            };
            let entry = case.entry(stream.row);
            let Some(found) = find(&entry, stream.name) else {
                self.wrong.push(format!("{}: {fate}, but not there", stream.title()));
                continue;
            };
            let verdict = case.assessment.assess(&found).verdict();
            let is_right = sha256(&content(&found)) == stream.sha256;
            *self.counts.entry((fate, verdict.code(), is_right)).or_default() += 1;
            let is_good = match fate {
                "live" => is_right && verdict == Verdict::Intact,
                "survives" => is_right && matches!(verdict, Verdict::Intact | Verdict::Likely),
                _ => verdict != Verdict::Intact,
            };
            if !is_good {
                self.wrong.push(format!("{}: {fate}, {verdict}, right: {is_right}", stream.title()));
            }
        }
    }

    fn of(&self, fate: &str) -> u64 {
        self.counts.iter().filter(|((known, _, _), _)| *known == fate).map(|(_, count)| count).sum()
    }

    fn print(&self, title: &str) {
        println!("{title}");
        for ((fate, verdict, is_right), count) in &self.counts {
            println!("  {count:6} {fate}: {verdict}, content {}", if *is_right { "right" } else { "another's" });
        }
    }

    /// Of all streams called intact, how many are.
    fn assert_intact_is_right(&self) {
        let intact = |right: bool| {
            let counts =
                self.counts.iter().filter(|((_, verdict, is_right), _)| *verdict == "intact" && *is_right == right);
            counts.map(|(_, count)| count).sum::<u64>()
        };
        let (right, wrong) = (intact(true), intact(false));
        println!("  intact is right for {right} of {} streams", right + wrong);
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
    }
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn undamaged_volumes_are_read_as_they_were_written() {
    let mut tally = Tally::default();
    for seed in ["101", "102", "103"] {
        for geometry in [["4096", "512", "14"], ["512", "512", "6"], ["65536", "512", "180"], ["4096", "4096", "17"]] {
            let [cluster, sector, size] = geometry;
            let options = ["--seed", seed, "--cluster", cluster, "--sector", sector, "--size", size];
            let Some(made) = Made::new("churn", &options) else { return };
            made.check(|case| tally.count(case));
        }
    }
    tally.print("12 volumes of 3 seeds and 4 geometries");
    assert!(tally.of("live") > 4000 && tally.of("survives") > 1000 && tally.of("overwritten") > 100);
    tally.assert_intact_is_right();
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn over_20_volumes_with_churn_intact_is_right() {
    let mut tally = Tally::default();
    for seed in 1..=20_u64 {
        let [cluster, size] = [["4096", "14"], ["512", "6"], ["1024", "7"], ["2048", "9"]][seed as usize % 4];
        let count = [20, 60, 120, 200][seed as usize / 5 % 4].to_string();
        let options = ["--seed", &seed.to_string(), "--cluster", cluster, "--size", size, "--count", &count];
        let Some(made) = Made::new("churn", &options) else { return };
        made.check(|case| tally.count(case));
    }
    tally.print("20 volumes with churn");
    assert!(tally.of("live") > 5000 && tally.of("survives") > 1000 && tally.of("overwritten") > 100);
    tally.assert_intact_is_right();
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn dfr_03_5000_fragments() {
    let Some(made) = Made::new("fragments", &[]) else { return };
    made.check(|case| {
        for row in [case.row("/kept"), case.row("/deleted")] {
            case.assert_whole(row);
            let entry = case.entry(row);
            let runs = find(&entry, "").unwrap().data_runs().count();
            assert!(runs > 4990 && entry.extension_records().len() > 10, "{runs} runs");
        }
    });
}

/// Everything that was deleted is found, and nothing else.
fn assert_all_deleted(count: u64, options: &[&str]) {
    let Some(made) = Made::new("deleted", options) else { return };
    made.check(|case| {
        let deleted = case.catalog.entries().filter(|entry| entry.state() == EntryState::Deleted).count();
        assert_eq!(deleted, case.rows.len(), "as many as the truth has");
        assert_eq!(case.rows.iter().flat_map(known).count() as u64, count);
        case.rows.iter().for_each(|row| case.assert_whole(row));
    });
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn dfr_09_1000_deleted() {
    assert_all_deleted(1000, &[]);
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn dfr_09_20000_deleted() {
    assert_all_deleted(20_000, &["--count", "20000", "--size", "160"]);
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn dfr_10_1000_deleted_and_500_written() {
    let mut tally = Tally::default();
    for seed in ["1", "2", "3"] {
        let Some(made) = Made::new("overwritten", &["--seed", seed]) else { return };
        made.check(|case| {
            tally.count(case);
            // Whose clusters they are now is a file that exists.
            for stream in case.rows.iter().flat_map(known).filter(|stream| stream.fate() == Some("overwritten")) {
                let entry = case.entry(stream.row);
                let worth = case.assessment.assess(&find(&entry, "").unwrap());
                let claimed = worth.ranges().iter().filter_map(|part| match part.standing {
                    ByteStatus::Claimed(by) => Some(by),
                    _ => None,
                });
                for by in claimed {
                    assert_eq!(case.catalog.entry(by.record_number()).unwrap().reference(), by);
                }
                assert!(worth.counts().claimed > 0, "{}", stream.title());
            }
        });
    }
    tally.print("1,000 deleted, then 500 written, three times");
    assert!(tally.of("survives") > 100 && tally.of("overwritten") > 100);
    tally.assert_intact_is_right();
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn dfr_13_10000_random_operations() {
    let mut tally = Tally::default();
    for seed in ["1", "2"] {
        let Some(made) = Made::new("operations", &["--seed", seed]) else { return };
        made.check(|case| tally.count(case));
    }
    tally.print("10,000 operations, twice");
    assert!(tally.of("live") > 2000 && tally.of("survives") > 1000);
    tally.assert_intact_is_right();
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g; takes minutes"]
fn dfr_16_100000_files_in_one_directory() {
    let Some(made) = Made::new("directory", &[]) else { return };
    made.check(|case| {
        let known: BTreeMap<u64, &str> =
            case.rows.iter().map(|row| (record(row), row["path"].as_str().unwrap())).collect();
        let mut found = 0;
        for entry in case.catalog.entries().filter(|entry| known.contains_key(&entry.record_number())) {
            let paths: Vec<_> = entry.paths().map(|path| path.text).collect();
            assert_eq!(paths, [known[&entry.record_number()]]);
            found += 1;
        }
        assert_eq!(found, 100_001);
    });
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn nt_24_1024_links() {
    let Some(made) = Made::new("links", &[]) else { return };
    made.check(|case| {
        let row = case.row("/file");
        case.assert_whole(row);
        let mut paths: Vec<_> = case.entry(row).paths().map(|path| path.text).collect();
        let mut known: Vec<_> =
            row["links"].as_array().unwrap().iter().map(|link| link["path"].as_str().unwrap()).collect();
        paths.sort_unstable();
        known.sort_unstable();
        assert_eq!(paths, known);
        assert_eq!(paths.len(), 1024);
    });
}

#[test]
#[ignore = "makes volumes with mkntfs and ntfs-3g"]
fn nt_38_1000_security_descriptors() {
    let Some(made) = Made::new("owners", &[]) else { return };
    let mut owners: Vec<String> = Vec::new();
    made.check(|case| {
        let security = case.catalog.security();
        assert!(security.ids().count() >= 1000 && security.damage().is_empty());
        for row in case.rows {
            let entry = case.entry(row);
            let owner = security.of(&entry).unwrap().owner().unwrap().unwrap().to_string();
            // How ntfs-3g writes a user of Linux for whom it has no mapping.
            let number = 10_000 + 2 * row["owner"].as_u64().unwrap();
            assert_eq!(owner, format!("S-1-5-21-3141592653-589793238-462843383-{number}"), "{row}");
            owners.push(owner);
        }
    });
    // The second copies lost, then the first of half of them: the owners are the same.
    let mut bytes = std::fs::read(made.image()).unwrap();
    let volume = Volume::open(&bytes).unwrap();
    let catalog = volume.catalog();
    let entry = catalog.entry(9).unwrap();
    let map = find(&entry, "$SDS").unwrap().map();
    let place = |start: u64, end: u64| -> Vec<std::ops::Range<usize>> {
        let places = map.stored(start, end).map(|extent| match extent.location {
            ntfs_salvage::volume::Location::At(at) => at as usize..(at + extent.length) as usize,
            _ => panic!("$SDS has no holes"),
        });
        places.collect()
    };
    let lost = [place(0x8000, 0x10000), place(0x4_0000, 0x4_8000)].concat();
    drop(map);
    drop(entry);
    drop(catalog);
    drop(volume);
    lost.into_iter().for_each(|place| bytes[place].fill(0));
    let rows = rows(&made.0.path().join("made.truth.jsonl"));
    with_volume(&Volume::open(&bytes).unwrap(), &rows, |case| {
        let security = case.catalog.security();
        let found =
            case.rows.iter().map(|row| security.of(&case.entry(row)).unwrap().owner().unwrap().unwrap().to_string());
        assert_eq!(found.collect::<Vec<_>>(), owners);
        assert!(!security.damage().is_empty(), "that the second copies stand in is told");
    });
}
