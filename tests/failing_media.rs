//! Media that fail: single sectors, single reads, devices that end early. The run goes on, each bad sector is
//! asked for once, and nothing that could not be read is called intact.

mod tool;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ntfs_salvage::base::error::ReadError;
use ntfs_salvage::catalog::{Catalog, RecoverabilityOptions, StreamRange, Verdict};
use ntfs_salvage::source::{DamageMap, Ledger, Source};
use ntfs_salvage::{Threads, Volume};

const SECTOR: u64 = 512;

/// An image of which some sectors cannot be read, or whose nth read fails, as a disk's does that is bumped.
struct Failing {
    bytes: Vec<u8>,
    bad: BTreeSet<u64>,
    nth: Option<usize>,
    reads: AtomicUsize,
    /// How often each sector was asked for alone, and how often in vain at all.
    alone: Mutex<BTreeMap<u64, u32>>,
}

impl Failing {
    fn new(bytes: &[u8], bad: impl IntoIterator<Item = u64>, nth: Option<usize>) -> Self {
        let (bad, reads, alone) = (bad.into_iter().collect(), AtomicUsize::new(0), Mutex::default());
        Self { bytes: bytes.to_vec(), bad, nth, reads, alone }
    }

    fn assert_each_was_asked_for_once(&self) {
        for (sector, count) in self.alone.lock().unwrap().iter().filter(|(sector, _)| self.bad.contains(sector)) {
            assert_eq!(*count, 1, "sector {sector}");
        }
    }
}

impl Source for Failing {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let length = buffer.len() as u64;
        let (first, last) = (offset / SECTOR, (offset + length.max(1) - 1) / SECTOR);
        if first == last {
            *self.alone.lock().unwrap().entry(first).or_default() += 1;
        }
        let is_nth = Some(self.reads.fetch_add(1, Ordering::Relaxed)) == self.nth;
        buffer.fill(0xEE);
        if is_nth || self.bad.range(first..=last).next().is_some() {
            return Err(ReadError { offset, length, error: io::Error::other("bad sector") });
        }
        self.bytes.read_at(offset, buffer)
    }
}

/// What a recovery finds: of each stream its verdict, its bytes, and which of them are missing.
type Found = BTreeMap<(u64, String), (Verdict, Vec<u8>, Vec<StreamRange>)>;

/// A listing and a recovery, to the memory: every path, every verdict, every byte.
fn recover(source: &dyn Source) -> Option<Found> {
    let volume = Volume::open(source).ok()?;
    let threads = Threads::new(2);
    Some(recover_all(&volume.catalog_with(&threads), &threads))
}

fn recover_all(catalog: &Catalog<'_>, threads: &Threads) -> Found {
    let options = RecoverabilityOptions::default().sample_zeros(true).read_all(true);
    let assessment = catalog.assessment(threads, options);
    let mut found = Found::new();
    for entry in catalog.entries() {
        assert_eq!(entry.paths().count(), entry.links().len());
        for stream in entry.streams() {
            let mut bytes = vec![0; usize::try_from(stream.map().size()).unwrap().min(16 << 20)];
            let mut reader = stream.reader();
            let missing =
                reader.read_at(0, &mut bytes).ranges().iter().filter(|range| !range.is_true()).copied().collect();
            let verdict = assessment.assess(&stream).verdict();
            found.insert((entry.record_number(), stream.name().to_string()), (verdict, bytes, missing));
        }
    }
    found
}

fn image(name: &str) -> Vec<u8> {
    fs::read(tool::repository("testdata").join(name)).unwrap()
}

/// Nothing is called intact that is not what it is on the sound medium, and no byte is given for true that is not.
fn assert_nothing_is_wrong(found: &Found, truth: &Found, what: &str) {
    for (key, (verdict, bytes, missing)) in found {
        let Some((_, true_bytes, _)) = truth.get(key) else {
            assert_ne!(*verdict, Verdict::Intact, "{what}: {key:?} is invented");
            continue;
        };
        if *verdict == Verdict::Intact {
            assert!(bytes == true_bytes && missing.is_empty(), "{what}: {key:?} is not intact");
        }
        for (at, pair) in (0..).zip(bytes.iter().zip(true_bytes)) {
            let is_missing = || missing.iter().any(|range| (range.offset..range.end()).contains(&at));
            assert!(pair.0 == pair.1 || is_missing(), "{what}: byte {at} of {key:?}");
        }
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
                assert!(source.bad.contains(&sector), "sector {sector} of {name} could be read");
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
        source.reads.into_inner()
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

/// A loop device whose file is cut gives errors of the medium.
#[cfg(target_os = "linux")]
#[test]
fn a_device_that_fails_is_listed_as_far_as_it_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disk.img");
    fs::copy(tool::repository("testdata/plain.img"), &file).unwrap();
    let made = Command::new("losetup").args(["--read-only", "--find", "--show"]).arg(&file).output();
    let Some(device) = made.ok().filter(|made| made.status.success()) else {
        return println!("skipped: no loop device can be made");
    };
    let device = String::from_utf8(device.stdout).unwrap().trim().to_owned();
    let size = fs::metadata(&file).unwrap().len();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(size / 2).unwrap();
    let map = folder.path().join("map");
    let output = run(&tool::program("mft_dump"), &[&device, "-q", "--write-map", map.to_str().unwrap()]);
    let recovered = run(&tool::program("recover"), &[&device, "-q", "-d", folder.path().join("out").to_str().unwrap()]);
    let detached = Command::new("losetup").args(["--detach", &device]).status();
    assert!(detached.unwrap().success());
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
    let found = recover_all(&catalog, &threads);
    assert_nothing_is_wrong(&found, &truth, "cut");
    assert!(ledger.missing().iter().all(|range| range.start >= half));
}
