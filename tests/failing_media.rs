//! Media that fail: single sectors, single reads, devices that end early. The run goes on, each bad sector is
//! asked for once, and nothing that could not be read is called intact.

mod failing;
mod tool;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use failing::{Content, Failing, ReadBack, SECTOR};
use ntfs_salvage::recoverability::Verdict;
use ntfs_salvage::source::{DamageMap, Ledger, Source};
use ntfs_salvage::{Threads, Volume};

/// A listing and a recovery, to the memory: every path, every verdict, every byte.
fn recover(source: &dyn Source) -> Option<ReadBack> {
    let volume = Volume::open(source).ok()?;
    let threads = Threads::new(2);
    Some(failing::read_all(&volume.catalog_with(&threads), &threads))
}

fn image(name: &str) -> Vec<u8> {
    fs::read(tool::repository("testdata").join(name)).unwrap()
}

/// Nothing is called intact that is not what it is on the sound medium, and no byte is given for true that is not.
fn assert_nothing_is_wrong(found: &ReadBack, truth: &ReadBack, what: &str) {
    for (key, Content { verdict, bytes, unproven, .. }) in found {
        let Some(Content { bytes: true_bytes, .. }) = truth.get(key) else {
            assert_ne!(*verdict, Verdict::Intact, "{what}: {key:?} is invented");
            continue;
        };
        if *verdict == Verdict::Intact {
            assert!(bytes == true_bytes && unproven.is_empty(), "{what}: {key:?} is not intact");
        }
        let wrong = found[key].wrong_bytes(true_bytes).next();
        assert!(wrong.is_none(), "{what}: byte {wrong:?} of {key:?}");
    }
}

const IMAGES: [&str; 4] = ["plain.img", "links_streams.img", "compressed_sparse.img", "mft_attribute_list.img"];

#[test]
fn each_bad_sector_is_asked_for_once_whoever_reads() {
    for name in IMAGES {
        let bytes = image(name);
        let truth = recover(&bytes).unwrap();
        let sectors = bytes.len() as u64 / SECTOR;
        // In stripes of single bad sectors, and in pieces of them; the boot sectors stay.
        for (step, width) in [(97, 1), (61, 3), (1009, 64)] {
            let bad = (1..sectors - 1).filter(|sector| sector % step < width && *sector > 8);
            let source = Failing::new(&bytes, bad, None);
            let ledger = Ledger::new(&source).remember_reads(true);
            let Some(found) = recover(&ledger) else { continue };
            assert_nothing_is_wrong(&found, &truth, name);
            source.assert_each_was_asked_for_once();
            let (missing, map) = (ledger.missing(), ledger.map());
            assert!(!missing.is_empty() && missing.iter().all(|range| range.start % SECTOR == 0));
            for sector in missing.iter().flat_map(|range| range.start / SECTOR..range.end / SECTOR) {
                assert!(source.is_bad(sector), "sector {sector} of {name} could be read");
            }
            let bad = map.blocks().iter().filter(|block| block.status.symbol() == '-').map(|block| block.range.clone());
            assert_eq!(bad.collect::<Vec<_>>(), missing);
        }
    }
}

/// Every read of a listing and recovery fails in turn, once.
#[test]
fn any_read_may_fail() {
    let bytes = image("plain.img");
    let truth = recover(&bytes).unwrap();
    let count = {
        let source = Failing::new(&bytes, [], None);
        recover(&Ledger::new(&source)).unwrap();
        source.into_reads()
    };
    let step = if cfg!(debug_assertions) { count / 40 + 1 } else { 1 };
    for nth in (0..count).step_by(step) {
        let source = Failing::new(&bytes, [], Some(nth));
        let ledger = Ledger::new(&source);
        let found = recover(&ledger).unwrap_or_else(|| panic!("read {nth} of {count} stops it"));
        assert_nothing_is_wrong(&found, &truth, &format!("read {nth}"));
        // A read of many sectors that fails once is made up for by its halves.
        if ledger.missing().is_empty() {
            assert_eq!(found.len(), truth.len(), "read {nth}");
        }
    }
}

/// Every single sector cannot be read: all streams are there but those of records in that sector.
#[test]
fn any_sector_may_be_unreadable() {
    let bytes = image("plain.img");
    let truth = recover(&bytes).unwrap();
    let step = if cfg!(debug_assertions) { 173 } else { 1 };
    let mut least = truth.len();
    for sector in (0..bytes.len() as u64 / SECTOR).step_by(step) {
        let source = Failing::new(&bytes, [sector], None);
        let found = recover(&Ledger::new(&source)).unwrap_or_else(|| panic!("sector {sector} stops it"));
        assert_nothing_is_wrong(&found, &truth, &format!("sector {sector}"));
        source.assert_each_was_asked_for_once();
        least = least.min(found.len());
        // A sector is half a record.
        let lost: BTreeSet<_> = truth.keys().filter(|key| !found.contains_key(key)).map(|(record, _)| record).collect();
        assert!(lost.len() <= 1, "sector {sector} costs the records {lost:?}");
    }
    assert!(least < truth.len(), "no record was hit");
}

// ------------------------------------------------------------------------------------------ the tools

fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

#[test]
fn both_tools_write_a_map_once_and_never_on_the_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let input = path("input.img");
    fs::copy(tool::repository("testdata/plain.img"), &input).unwrap();
    let before = fs::read(&input).unwrap();
    let (dump, recover) = (tool::program("mft_dump"), tool::program("recover"));
    let tools: [(&Path, &[&str]); 2] = [(&dump, &["-q"]), (&recover, &["-q", "-d", &path("out")])];
    for (number, (program, options)) in tools.into_iter().enumerate() {
        let map = path(&format!("map{number}"));
        let arguments = [&[input.as_str(), "--write-map", &map], options].concat();
        let output = run(program, &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let parsed = DamageMap::parse(&fs::read(&map).unwrap()).unwrap();
        assert_eq!((parsed.damage(), parsed.status_at(0).symbol()), (&[][..], '+'));
        assert!(parsed.blocks().iter().all(|block| "+?".contains(block.status.symbol())));
        assert_eq!(parsed.blocks().last().unwrap().range.end, before.len() as u64);
        if let Ok(log) = Command::new("ddrescuelog").args(["-t", &map]).output() {
            assert!(log.status.success(), "{}", String::from_utf8_lossy(&log.stderr));
        }
        assert_eq!(run(program, &arguments).status.code(), Some(1), "the map exists");
        let on_evidence = run(program, &[&[input.as_str(), "--write-map", &input], options].concat());
        assert_eq!(on_evidence.status.code(), Some(1));
    }
    assert!(fs::read(&input).unwrap() == before);
}

/// Says that a test did not run. Not by `eprintln!`: the harness keeps that to itself when a test passes.
fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
}

/// GNU ddrescue reads our maps, and finds the same bytes rescued, bad and not asked for.
#[test]
fn ddrescue_takes_a_map_for_what_it_is() {
    let bytes = image("plain.img");
    let source = Failing::new(&bytes, (20..300).step_by(7).chain(1000..1010), None);
    let ledger = Ledger::new(&source).remember_reads(true);
    recover(&ledger).expect("the boot sector can be read");
    let map = ledger.map();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map");
    fs::write(&path, map.to_string()).unwrap();
    let ask = |option: &str| Command::new("ddrescuelog").arg(option).arg(&path).output();
    let Ok(totals) = ask("-t") else {
        return skipped("ddrescue_takes_a_map_for_what_it_is", "there is no ddrescuelog");
    };
    assert!(totals.status.success(), "{}", String::from_utf8_lossy(&totals.stderr));
    let totals = String::from_utf8(totals.stdout).unwrap();
    let told = |what: &str| {
        let rest = totals.lines().find_map(|line| line.trim_start().strip_prefix(what)).expect(what);
        // With a prefix (kB) ddrescuelog rounds.
        let mut words = rest.split_whitespace();
        let number: f64 = words.next().unwrap().parse().unwrap();
        let unit = match words.next().unwrap().trim_end_matches(',') {
            "B" => 1,
            "kB" => 1000,
            unit => panic!("{unit} in {rest}"),
        };
        (number as u64 * unit, unit)
    };
    let bytes_of = |symbol: char| {
        let blocks = map.blocks().iter().filter(move |block| block.status.symbol() == symbol);
        blocks.map(|block| block.range.end - block.range.start).sum::<u64>()
    };
    for (what, symbol) in [("rescued:", '+'), ("bad-sector:", '-'), ("non-tried:", '?')] {
        let (found, unit) = told(what);
        assert!(bytes_of(symbol) > 0 && found.abs_diff(bytes_of(symbol)) < unit.max(1), "{what} {found}: {totals}");
    }
    for (option, symbol) in [("-l+", '+'), ("-l-", '-'), ("-l?", '?')] {
        let listed = String::from_utf8(ask(option).unwrap().stdout).unwrap();
        let listed: Vec<u64> = listed.lines().map(|line| line.parse().unwrap()).collect();
        let ours = map.blocks().iter().filter(|block| block.status.symbol() == symbol);
        // A sector of which only a part was read is listed, too.
        let mut ours: Vec<u64> =
            ours.flat_map(|block| block.range.start / SECTOR..block.range.end.div_ceil(SECTOR)).collect();
        ours.dedup();
        assert!(listed == ours, "{option}: {} sectors, and {} of ours", listed.len(), ours.len());
    }
}

/// A loop device that is gone when it is dropped, and also when the test is killed: it is detached while it is open,
/// which the kernel puts off until nobody has it open any more.
#[cfg(target_os = "linux")]
struct LoopDevice {
    path: String,
    _open: fs::File,
}

#[cfg(target_os = "linux")]
impl LoopDevice {
    /// # Errors
    /// Why there is none: no `losetup`, or no right to use it.
    fn of(file: &Path) -> Result<Self, String> {
        let made = Command::new("losetup").args(["--read-only", "--find", "--show"]).arg(file).output();
        let made = made.map_err(|error| format!("losetup: {error}"))?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).trim().to_owned());
        }
        let path = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        let open = fs::File::open(&path);
        let detached = Command::new("losetup").args(["--detach", &path]).status();
        assert!(detached.is_ok_and(|status| status.success()), "{path} cannot be detached");
        open.map(|open| Self { path: path.clone(), _open: open }).map_err(|error| format!("{path}: {error}"))
    }
}

/// A loop device whose file is cut gives errors of the medium.
#[cfg(target_os = "linux")]
#[test]
fn a_device_that_fails_is_listed_as_far_as_it_can_be_read() {
    let (dump, recover) = (tool::program("mft_dump"), tool::program("recover"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disk.img");
    fs::copy(tool::repository("testdata/plain.img"), &file).unwrap();
    let device = match LoopDevice::of(&file) {
        Ok(device) => device,
        Err(why) => return skipped("a_device_that_fails_is_listed_as_far_as_it_can_be_read", &why),
    };
    let size = fs::metadata(&file).unwrap().len();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(size / 2).unwrap();
    let map = folder.path().join("map");
    let output = run(&dump, &[&device.path, "-q", "--write-map", map.to_str().unwrap()]);
    let recovered = run(&recover, &[&device.path, "-q", "-d", folder.path().join("out").to_str().unwrap()]);
    drop(device);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(recovered.status.code(), Some(0), "{}", String::from_utf8_lossy(&recovered.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).lines().count() > 50);
    let map = DamageMap::parse(&fs::read(&map).unwrap()).unwrap();
    let bad: Vec<_> = map.blocks().iter().filter(|block| block.status.symbol() == '-').collect();
    assert!(bad.iter().all(|block| block.range.start >= size / 2), "{bad:?}");
}

/// A file that shrinks while it is read: errors, never a signal.
#[test]
fn a_source_that_is_cut_during_the_run_has_lost_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img");
    fs::copy(tool::repository("testdata/plain.img"), &path).unwrap();
    let truth = recover(&image("plain.img")).unwrap();
    let file = ntfs_salvage::source::open(&path).unwrap();
    let ledger = Ledger::new(&file);
    let volume = Volume::open(&ledger).unwrap();
    let threads = Threads::new(2);
    let catalog = volume.catalog_with(&threads);
    let half = file.size() / 2;
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(half).unwrap();
    let found = failing::read_all(&catalog, &threads);
    assert_nothing_is_wrong(&found, &truth, "cut");
    assert!(ledger.missing().iter().all(|range| range.start >= half));
}

/// A disk in a container whose own file has bad sectors: what they hold is lost, nothing else is, and nothing wrong is
/// called right. The first sector, which says what the file is, stays.
#[cfg(feature = "containers")]
#[test]
fn bad_sectors_of_a_containers_file_are_lost_bytes_of_the_disk() {
    use ntfs_salvage::container::Opening;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut tried = 0;
    for name in ["plain.img", "compressed_sparse.img"] {
        let raw = tool::repository("testdata").join(name).display().to_string();
        let truth = recover(&image(name)).unwrap();
        let mut containers: Vec<(String, bool)> = Vec::new();
        for (kind, options) in [("qcow2", "cluster_size=4096"), ("vhdx", "block_size=1M"), ("vmdk", "zeroed_grain=on")]
        {
            let out = path(&format!("{name}.{kind}"));
            let made = Command::new("qemu-img").args(["convert", "-O", kind, "-o", options, &raw, &out]).output();
            containers.push((out, made.is_ok_and(|made| made.status.success())));
        }
        for compression in ["none", "best"] {
            let target = path(&format!("{name}-{compression}"));
            let arguments = ["-u", "-q", "-c", compression, "-f", "encase6", "-t", &target, &raw];
            let made = Command::new("ewfacquire").args(arguments).stdin(std::process::Stdio::null()).output();
            containers.push((format!("{target}.E01"), made.is_ok_and(|made| made.status.success())));
        }
        for (container, is_made) in containers {
            if !is_made {
                skipped("bad_sectors_of_a_containers_file_are_lost_bytes_of_the_disk", &container);
                continue;
            }
            let bytes = fs::read(&container).unwrap();
            let sectors = bytes.len() as u64 / SECTOR;
            for (first, step, width) in [(256, 97, 1), (7, 61, 2), (300, 501, 40), (1024, 7, 1), (1, 1009, 3)] {
                let bad = (first..sectors).filter(|sector| sector % step < width && *sector > 0);
                let failing = std::sync::Arc::new(Failing::new(&bytes, bad, None));
                let Ok(evidence) = Opening::new().open_source(failing) else { continue };
                assert!(
                    evidence.container().is_some(),
                    "{container}: with {width} of {step} sectors bad it is taken for a disk"
                );
                let Some(found) = recover(&evidence) else { continue };
                assert_nothing_is_wrong(&found, &truth, &container);
                tried += usize::from(found.len() > 10);
            }
        }
    }
    println!("{tried} recoveries from containers on failing media");
}
