//! Volumes that a tool has transformed: formatted over, copied with sectors left out or put in, or copied without their
//! content. Whatever is called intact, or likely, is compared with what was on them.

#![allow(missing_docs, reason = "a test")]

#[path = "lives/generator/mod.rs"]
mod generator;
#[allow(dead_code, reason = "shared with the tests that compare listings, which ask for more")]
#[path = "comparison/truth.rs"]
mod truth;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use generator::random::Random;
use generator::volume::{Habits, Size, Volume as Made};
use generator::{Disk, Form};
use ntfs_salvage::content::Origin;
use ntfs_salvage::recoverability::{RecoverabilityOptions, Verdict};
use ntfs_salvage::salvage::{Layer, Opened, Opening};
use ntfs_salvage::source::Source;
use ntfs_salvage::volume::{ClusterBitmap, ClusterState, Location};
use ntfs_salvage::{DamageKind, EntryState, Threads, Volume};
use sha2::{Digest, Sha256};
use truth::Truth;

const IMAGES: [&str; 4] = ["plain", "deleted", "links_streams", "64k_clusters"];

struct Known {
    bytes: Vec<u8>,
    /// The hashes of each stream of the live files of one name.
    hashes: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Known {
    fn read(name: &'static str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/");
        let bytes = std::fs::read(format!("{folder}{name}.img")).expect("testdata is there");
        let truth = Truth::read(format!("{folder}{name}.truth.jsonl").as_ref());
        let mut hashes: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for file in truth.files.iter().filter(|file| !file.deleted && !file.directory) {
            for link in &file.links {
                let own = link.path.rsplit('/').next().unwrap_or_default();
                for (stream, hash) in &file.hashes {
                    hashes.entry((own.to_owned(), stream.clone())).or_default().insert(hash.clone());
                }
            }
        }
        assert!(!hashes.is_empty(), "{name}");
        Self { bytes, hashes }
    }

    /// How many streams of files that were live are right and wrong, of each verdict.
    fn judge(&self, opened: &Opened<'_>, counts: &mut HashMap<(Verdict, bool), usize>) -> BTreeSet<(String, String)> {
        let mut right = BTreeSet::new();
        let catalog = opened.volume().catalog_with(&Threads::single());
        let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default().read_all(true));
        for entry in catalog.entries() {
            for stream in entry.streams() {
                let Some(own) = entry.links().iter().next().map(|link| link.name().to_string()) else { continue };
                let key = (own, stream.name().to_string());
                let Some(hashes) = self.hashes.get(&key) else { continue };
                let verdict = assessment.assess(&stream).verdict();
                let mut bytes = Vec::new();
                let is_read = stream.reader().read_to_end(&mut bytes).is_ok();
                let own: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                let is_right = is_read && hashes.contains(&own);
                *counts.entry((verdict, is_right)).or_default() += 1;
                right.extend(is_right.then_some(key));
            }
        }
        right
    }

    /// The streams whose records and clusters are the same in `after`.
    fn untouched(&self, after: &[u8]) -> BTreeSet<(String, String)> {
        let volume = Volume::open(&self.bytes).expect("a volume");
        let catalog = volume.catalog_with(&Threads::single());
        let is_same = |start: u64, length: u64| {
            let place = start as usize..(start + length) as usize;
            self.bytes.get(place.clone()) == after.get(place)
        };
        let mut found = BTreeSet::new();
        for entry in catalog.entries().filter(|entry| entry.state() == EntryState::Live) {
            let mut records = volume.mft().places(entry.record_number());
            let has_record = entry.extension_records().is_empty()
                && records.all(|extent| matches!(extent.location, Location::At(at) if is_same(at, extent.length)));
            let Some(own) = entry.links().iter().next().map(|link| link.name().to_string()) else { continue };
            for stream in entry.streams().iter().filter(|_| has_record) {
                let key = (own.clone(), stream.name().to_string());
                let is_whole = stream.map().ranges().iter().all(|range| match range.origin {
                    Origin::Clusters(at) => is_same(at, range.length),
                    _ => true,
                });
                // Of a name that there is twice, one may be lost.
                let is_only = self.hashes.get(&key).is_some_and(|hashes| hashes.len() == 1);
                found.extend((is_whole && is_only).then_some(key));
            }
        }
        found
    }

    /// The streams that are right in any layer.
    fn right(&self, bytes: &impl Source, scans: bool) -> BTreeSet<(String, String)> {
        let threads = Threads::single();
        let opening = Opening::new(bytes).threads(&threads);
        let found = if scans { opening.scan() } else { opening }.run();
        found.volumes.iter().flat_map(|opened| self.judge(opened, &mut HashMap::new())).collect()
    }

    /// The same of all layers.
    fn judged(&self, bytes: &impl Source, scans: bool) -> HashMap<(Verdict, bool), usize> {
        let threads = Threads::single();
        let opening = Opening::new(bytes).threads(&threads);
        let found = if scans { opening.scan() } else { opening }.run();
        let mut counts = HashMap::new();
        found.volumes.iter().for_each(|opened| {
            self.judge(opened, &mut counts);
        });
        counts
    }
}

fn count(counts: &HashMap<(Verdict, bool), usize>, verdict: Verdict, is_right: bool) -> usize {
    counts.get(&(verdict, is_right)).copied().unwrap_or(0)
}

/// True where the program is there; a test without it is skipped, and says so.
fn has(program: &str) -> bool {
    let is_there = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .is_ok_and(|out| out.status.success());
    if !is_there {
        println!("skipped: {program} is not there");
    }
    is_there
}

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ntfs-salvage-transformed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join(name)
}

#[test]
fn a_volume_formatted_over_with_any_sizes_vouches_for_no_wrong_byte() {
    if !has("mkntfs") {
        return;
    }
    let mut back = 0;
    for name in IMAGES {
        let known = Known::read(name);
        for (cluster, sector, sectors) in [
            (512, 512, None),
            (1024, 512, None),
            (2048, 512, None),
            (4096, 512, None),
            (8192, 512, None),
            (65_536, 512, None),
            (4096, 4096, None),
            (2048, 512, Some(0.75)),
        ] {
            let path = scratch(&format!("{name}-{cluster}-{sector}.img"));
            std::fs::write(&path, &known.bytes).expect("a copy");
            let mut command = Command::new("mkntfs");
            command
                .args([
                    "-q",
                    "-F",
                    "-f",
                    "-c",
                    &cluster.to_string(),
                    "-s",
                    &sector.to_string(),
                    "-p",
                    "0",
                    "-H",
                    "0",
                    "-S",
                    "0",
                ])
                .arg(&path);
            if let Some(share) = sectors {
                command.arg(((known.bytes.len() as f64 * share) as u64 / 512).to_string());
            }
            let is_made = command.output().is_ok_and(|out| out.status.success());
            let bytes = std::fs::read(&path).expect("a volume");
            std::fs::remove_file(&path).expect("the copy is ours");
            if !is_made {
                continue;
            }
            let counts = known.judged(&bytes, true);
            let what = format!("{name} under clusters of {cluster}, sectors of {sector}: {counts:?}");
            assert_eq!(count(&counts, Verdict::Intact, false), 0, "{what}");
            assert_eq!(count(&counts, Verdict::Likely, false), 0, "{what}");
            let (right, untouched) = (known.right(&bytes, true), known.untouched(&bytes));
            let lost: Vec<_> = untouched.difference(&right).collect();
            assert!(lost.is_empty(), "{what}, of {} untouched are lost: {lost:?}", untouched.len());
            back += count(&counts, Verdict::Likely, true) + count(&counts, Verdict::Intact, true);
        }
    }
    assert!(back > 0, "nothing came back");
}

#[test]
fn a_copy_that_lost_or_gained_bytes_vouches_for_no_wrong_byte() {
    let mut intact = 0;
    for name in IMAGES {
        let known = Known::read(name);
        for step in 1..12 {
            for length in [512_usize, 4096, 5 * 512] {
                let at = known.bytes.len() / 12 * step / 512 * 512;
                let mut lost = known.bytes.clone();
                lost.drain(at..at + length);
                let mut gained = known.bytes.clone();
                gained.splice(at..at, vec![0; length]);
                for (what, bytes) in [("lost", lost), ("gained", gained)] {
                    let counts = known.judged(&bytes, false);
                    let what = format!("{name}: {length} bytes {what} at {at}: {counts:?}");
                    assert_eq!(count(&counts, Verdict::Intact, false), 0, "{what}");
                    intact += count(&counts, Verdict::Intact, true);
                }
            }
        }
    }
    assert!(intact > 0, "what stands before is intact");
}

/// A file's first name, the places of its streams' bytes, and whether all of them are intact.
fn files(volume: &Volume<'_>) -> Vec<(String, Vec<Origin>, bool)> {
    let threads = Threads::single();
    let catalog = volume.catalog_with(&threads);
    let assessment = catalog.assessment(&threads, RecoverabilityOptions::default().read_all(true));
    let mut files = Vec::new();
    for entry in catalog.entries().filter(|entry| entry.record_number() >= 24) {
        let Some(name) = entry.links().iter().next().map(|link| link.name().to_string()) else { continue };
        let (mut places, mut is_intact) = (Vec::new(), true);
        for stream in entry.streams() {
            places.extend(stream.map().ranges().iter().map(|range| range.origin));
            is_intact &= assessment.assess(&stream).verdict() == Verdict::Intact;
        }
        files.push((name, places, is_intact));
    }
    files
}

/// Names of the files all of whose bytes lie in clusters behind a byte of a volume.
fn behind(bytes: &[u8], at: usize) -> BTreeSet<String> {
    let is_behind = |place: &Origin| matches!(place, Origin::Clusters(start) if *start >= at as u64);
    let files = files(&Volume::open(&bytes).expect("a volume")).into_iter();
    files.filter(|(_, places, _)| !places.is_empty() && places.iter().all(is_behind)).map(|(name, ..)| name).collect()
}

/// A copy of a disk with an empty first MiB, a volume, and what follows it.
fn on_a_disk(volume: &[u8]) -> Vec<u8> {
    let mut disk = vec![0; 1 << 20];
    let sectors = (volume.len() / 512) as u32;
    disk[446..462].copy_from_slice(&[0, 0, 0, 0, 7, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0]);
    disk[458..462].copy_from_slice(&sectors.to_le_bytes());
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    disk.extend_from_slice(volume);
    disk.extend([0; 4096]);
    disk
}

#[test]
fn what_stands_elsewhere_is_read_there_where_what_is_known_proves_it() {
    let (mut on_volumes, mut on_disks, mut of_several) = (0, 0, 0);
    for name in ["plain", "links_streams", "deleted"] {
        let known = Known::read(name);
        let length = known.bytes.len();
        for step in 1..12 {
            let at = length / 12 * step / 512 * 512;
            let all_behind = behind(&known.bytes, at + 4096);
            let right = |bytes: &Vec<u8>| {
                let threads = Threads::single();
                let found = Opening::new(bytes).threads(&threads).run();
                let (mut right, mut said) = (0, false);
                for opened in &found.volumes {
                    let mut counts = HashMap::new();
                    known.judge(opened, &mut counts);
                    assert_eq!(count(&counts, Verdict::Intact, false), 0, "{name}, {at}: {counts:?}");
                    said |= opened.volume().damage().any(|damage| matches!(damage.kind, DamageKind::Realigned { .. }));
                    let of_behind = files(opened.volume()).into_iter().filter(|(name, ..)| all_behind.contains(name));
                    right += of_behind.filter(|(.., is_intact)| *is_intact).count();
                }
                assert!(right == 0 || said, "{name}, {at}: what is read elsewhere is said");
                right
            };
            for size in [512_usize, 4096, 100] {
                let mut lost = known.bytes.clone();
                lost.drain(at..at + size);
                let mut gained = known.bytes.clone();
                gained.splice(at..at, vec![0xA5; size]);
                on_volumes += right(&lost) + right(&gained);
                on_disks += right(&on_a_disk(&lost)) + right(&on_a_disk(&gained));
                let mut again = lost;
                again.drain(at / 2..at / 2 + 512);
                of_several += right(&again);
            }
        }
    }
    println!("{on_volumes} streams on volumes, {on_disks} on disks, {of_several} behind two losses");
    assert!(on_volumes > 0 && on_disks > 0 && of_several > 0, "{on_volumes}, {on_disks}, {of_several}");
}

#[test]
fn a_copy_with_blocks_of_a_mebibyte_left_out_or_written_twice_vouches_for_no_wrong_byte() {
    const BLOCK: usize = 1 << 20;
    let mut noise = Random::new(11);
    let mut volume = Made::format(Size { bytes: 16 << 20, cluster: 4096 }, Habits::WINDOWS, 17);
    let mut hashes = BTreeMap::new();
    for number in 0..64 {
        let own = format!("file {number}");
        let bytes = noise.bytes(150_000);
        volume.create(&format!("/{own}"), Form::Plain).expect("room");
        volume.write(&format!("/{own}"), "", 0, &bytes).expect("room");
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        hashes.insert((own, String::new()), BTreeSet::from([hash]));
    }
    let known = Known { bytes: volume.image(), hashes };
    let mut intact = 0;
    for first in (1..12).step_by(3) {
        for blocks in [1, 2, 5] {
            let at = first * BLOCK;
            let mut twice = known.bytes.clone();
            twice.splice(at..at, known.bytes[at.saturating_sub(blocks * BLOCK)..at].to_vec());
            let mut lost = known.bytes.clone();
            lost.drain(at..(at + blocks * BLOCK).min(15 * BLOCK));
            // Two blocks, one behind the other.
            let mut apart = known.bytes.clone();
            apart.splice(13 * BLOCK..13 * BLOCK, known.bytes[12 * BLOCK..13 * BLOCK].to_vec());
            apart.splice(at..at, known.bytes[at - BLOCK..at].to_vec());
            for (what, bytes) in [("twice", twice), ("lost", lost), ("apart", apart)] {
                let counts = known.judged(&bytes, false);
                let what = format!("{blocks} blocks {what} at {first}: {counts:?}");
                assert_eq!(count(&counts, Verdict::Intact, false), 0, "{what}");
                intact += count(&counts, Verdict::Intact, true);
            }
        }
    }
    assert!(intact > 100, "what stands before is intact: {intact}");
}

/// What may lie behind the end of a copy that was cut: nothing, what the target had, another volume.
fn behind_a_cut(length: usize) -> [(&'static str, Vec<u8>); 4] {
    let mut noise = Random::new(5);
    let mut other = Made::format(Size { bytes: 4 << 20, cluster: 4096 }, Habits::WINDOWS, 3);
    for number in 0.. {
        let path = format!("/of another volume {number}");
        let is_made = other.create(&path, Form::Plain).is_ok();
        if !is_made || other.write(&path, "", 0, &noise.bytes(60_000)) != Ok(60_000) {
            break;
        }
    }
    let own = other.image();
    let at_the_end = length.saturating_sub(own.len());
    let repeated = own.iter().copied().cycle().take(length).collect();
    [
        ("zeros", vec![0; length]),
        ("noise", noise.bytes(length)),
        ("other volumes", repeated),
        ("zeros, then another volume", [vec![0; at_the_end], own].concat().into_iter().take(length).collect()),
    ]
}

#[test]
fn a_volume_that_was_cut_and_has_something_else_behind_vouches_for_no_wrong_byte() {
    let mut intact = 0;
    for name in IMAGES {
        let known = Known::read(name);
        for step in (1..12).step_by(2) {
            let at = known.bytes.len() / 12 * step / 4096 * 4096;
            for (what, rest) in behind_a_cut(known.bytes.len() - at) {
                let bytes = [&known.bytes[..at], &rest].concat();
                let counts = known.judged(&bytes, false);
                let what = format!("{name}: {what} from {at} on: {counts:?}");
                assert_eq!(count(&counts, Verdict::Intact, false), 0, "{what}");
                intact += count(&counts, Verdict::Intact, true);
            }
        }
    }
    assert!(intact > 0, "what stands before is intact");
}

#[test]
fn the_end_of_a_sound_volume_is_proved_whatever_its_backup_boot_sector_says() {
    for name in IMAGES {
        let known = Known::read(name);
        let end = known.bytes.len() - 512;
        let whole = known.judged(&known.bytes, false);
        let mut bytes = known.bytes.clone();
        bytes[end + 72] ^= 0x55;
        assert_eq!(known.judged(&bytes, false), whole, "{name}: another serial number");
        bytes[end..].fill(0);
        // A file of zeros at the end may have been lost with it.
        let mut counts = known.judged(&bytes, false);
        let likely = counts.remove(&(Verdict::Likely, true)).unwrap_or(0);
        *counts.entry((Verdict::Intact, true)).or_default() += likely;
        assert!(likely < 2, "{name}: {likely}");
        assert_eq!(counts, whole, "{name}: zeros");
    }
}

#[test]
fn a_sound_volume_has_no_doubts() {
    for name in IMAGES {
        let known = Known::read(name);
        let threads = Threads::single();
        for scans in [false, true] {
            let opening = Opening::new(&known.bytes).threads(&threads);
            let found = if scans { opening.scan() } else { opening }.run();
            let current = found.volumes.iter().find(|opened| opened.layer() == Layer::Current).expect("a volume");
            assert!(current.volume().doubts().is_empty(), "{name}: {:?}", current.volume().doubts());
        }
    }
}

/// What a tool leaves that copies metadata only: zeros for what users' files have in clusters and, as `ntfsclone --metadata`
/// does it, in records.
fn metadata_copy(original: &[u8], keeps_values: bool) -> Vec<u8> {
    let original = original.to_vec();
    let mut bytes = original.clone();
    let volume = Volume::open(&original).expect("a volume");
    let geometry = volume.geometry().expect("a geometry");
    let cluster = geometry.cluster_size() as usize;
    let bitmap = ClusterBitmap::read(&volume);
    for (clusters, state) in bitmap.states(0..geometry.cluster_count()) {
        if state == ClusterState::Free {
            bytes[clusters.start as usize * cluster..clusters.end as usize * cluster].fill(0);
        }
    }
    let catalog = volume.catalog_with(&Threads::single());
    for entry in catalog.entries().filter(|entry| entry.record_number() >= 24 && entry.state() != EntryState::Ghost) {
        for stream in entry.streams() {
            // Runs, not ranges: what a compressed or a short stream has behind its content is not copied, either.
            for run in stream.data_runs().filter_map(Result::ok) {
                let Some(lcn) = run.lcn.map(|lcn| lcn as usize) else { continue };
                let end = ((lcn + run.clusters as usize) * cluster).min(bytes.len());
                bytes[lcn * cluster..end].fill(0);
            }
            for range in stream.map().ranges() {
                if let (Origin::Record(at), false) = (range.origin, keeps_values) {
                    bytes[at as usize..(at + range.length) as usize].fill(0);
                }
            }
        }
    }
    bytes
}

fn says_that_content_is_blank(opened: &Opened<'_>) -> usize {
    opened.volume().damage().filter(|damage| matches!(damage.kind, DamageKind::ContentBlank { .. })).count()
}

#[test]
fn a_copy_of_metadata_only_is_said_to_be_one_and_has_no_content() {
    let mut kept = 0;
    for name in IMAGES.into_iter().chain(["compressed_sparse", "cases/fragments"]) {
        let known = Known::read(name);
        for (keeps_values, scans) in [(false, false), (false, true), (true, false), (true, true)] {
            let bytes = metadata_copy(&known.bytes, keeps_values);
            let threads = Threads::single();
            let found = Opening::new(&bytes).threads(&threads).run();
            assert_eq!(says_that_content_is_blank(&found.volumes[0]), 1, "{name}, values kept: {keeps_values}");
            let counts = known.judged(&bytes, scans);
            let wrong = count(&counts, Verdict::Intact, false) + count(&counts, Verdict::Likely, false);
            assert_eq!(wrong, 0, "{name}, values kept: {keeps_values}: {counts:?}");
            kept += if keeps_values { count(&counts, Verdict::Intact, true) } else { 0 };
        }
    }
    assert!(kept > 0, "values in records are content");
}

#[test]
fn files_of_a_sound_volume_that_begin_and_end_with_zeros_are_content() {
    let habits = Habits { clears_records: true, ..Habits::WINDOWS };
    for (form, count, blank, content) in [
        (Form::Plain, 1, 400_000, 100),
        (Form::Plain, 3, 4096 * 20, 8192),
        (Form::Plain, 9, 100, 200),
        (Form::Plain, 9, 4096 * 9, 4096),
        (Form::Sparse, 2, 300_000, 4097),
        (Form::Compressed, 2, 300_000, 300_000),
    ] {
        let mut volume = Made::format(Size { bytes: 8 << 20, cluster: 4096 }, habits, 7);
        for number in 0..count {
            let path = format!("/disk{number}.raw");
            // Zeros, what a file has in the middle, zeros.
            let mut bytes = vec![0; blank];
            bytes.extend((0..content as u32).map(|index| (index * 7 + 1) as u8));
            bytes.extend(vec![0; blank]);
            volume.create(&path, form).expect("room");
            assert_eq!(volume.write(&path, "", 0, &bytes), Ok(bytes.len()), "{path}");
        }
        let image = volume.image();
        let threads = Threads::single();
        let found = Opening::new(&image).threads(&threads).run();
        assert_eq!(says_that_content_is_blank(&found.volumes[0]), 0, "{form:?}, {count} of {content} after {blank}");
        let copy = metadata_copy(&image, false);
        let found = Opening::new(&copy).threads(&threads).run();
        assert_eq!(says_that_content_is_blank(&found.volumes[0]), 1, "{form:?}, {count} of {content} after {blank}");
    }
}

/// A volume with files, in one of which a whole volume lay that was deleted since; more was written then.
fn volume_with_a_deleted_one(inner: Option<&[u8]>, later: usize) -> (Vec<u8>, BTreeMap<String, Vec<u8>>) {
    let habits = Habits { clears_records: true, ..Habits::WINDOWS };
    let mut volume = Made::format(Size { bytes: 16 << 20, cluster: 4096 }, habits, 11);
    let mut contents = BTreeMap::new();
    let mut write = |volume: &mut Made, name: String, bytes: Vec<u8>| {
        let path = format!("/{name}");
        volume.create(&path, Form::Plain).expect("room");
        assert_eq!(volume.write(&path, "", 0, &bytes), Ok(bytes.len()), "{path}");
        contents.insert(name, bytes);
    };
    let content = |number: usize| (0..9000 + number * 777).map(|at| (at * 31 + number) as u8).collect::<Vec<u8>>();
    (0..20).for_each(|number| write(&mut volume, format!("outer {number}.bin"), content(number)));
    let own = volume.image();
    let inner = inner.unwrap_or(&own[..own.len() / 2]);
    write(&mut volume, "machine.img".to_owned(), inner.to_vec());
    (20..30).for_each(|number| write(&mut volume, format!("outer {number}.bin"), content(number)));
    volume.remove("/machine.img");
    // Its record is used again, and some of its clusters.
    (30..30 + later).for_each(|number| write(&mut volume, format!("outer {number}.bin"), content(number)));
    contents.remove("machine.img");
    (volume.image(), contents)
}

#[test]
fn a_deleted_volume_in_a_volume_is_not_the_one_that_exists() {
    let known = Known::read("plain");
    // A copy of the volume itself has its very serial number.
    for (inner, later) in [(true, 1), (true, 12), (true, 40), (false, 0), (false, 1), (false, 12)] {
        let (image, outer) = volume_with_a_deleted_one(inner.then_some(&known.bytes), later);
        for boots in [true, false] {
            let mut bytes = image.clone();
            if !boots {
                let end = bytes.len() - 512;
                bytes[..512].fill(0);
                bytes[end..].fill(0);
            }
            for scans in [false, true] {
                let threads = Threads::single();
                let opening = Opening::new(&bytes).threads(&threads);
                let found = if scans { opening.scan() } else { opening }.run();
                let what = format!("another: {inner}, {later} later, boot sectors: {boots}, scanned: {scans}");
                let mut intact = 0;
                for opened in &found.volumes {
                    let mut counts = HashMap::new();
                    known.judge(opened, &mut counts);
                    assert_eq!(count(&counts, Verdict::Intact, false), 0, "{what}: {counts:?}");
                    assert_eq!(count(&counts, Verdict::Intact, true), 0, "{what}: of what was deleted");
                    let catalog = opened.volume().catalog_with(&threads);
                    let assessment = catalog.assessment(&threads, RecoverabilityOptions::default().read_all(true));
                    for entry in catalog.entries() {
                        let Some(name) = entry.links().iter().next().map(|link| link.name().to_string()) else {
                            continue;
                        };
                        let Some(content) = outer.get(&name) else { continue };
                        let streams = entry.streams();
                        let Some(stream) = streams.iter().next().filter(|_| entry.state() == EntryState::Live) else {
                            continue;
                        };
                        let mut read = Vec::new();
                        let is_read = stream.reader().read_to_end(&mut read).is_ok();
                        assert!(is_read && read == *content, "{what}: {name}");
                        intact += usize::from(assessment.assess(stream).verdict() == Verdict::Intact);
                    }
                }
                assert!(intact == outer.len(), "{what}: {intact} of {} are intact", outer.len());
            }
        }
    }
}

#[test]
fn what_opening_put_something_else_in_place_of_is_not_intact() {
    let known = Known::read("plain");
    let volume = Volume::open(&known.bytes).expect("a volume");
    let first = volume.mft().places(0).next().map(|extent| extent.location);
    let Some(Location::At(table)) = first else { panic!("{first:?}") };
    let mirror = volume.geometry().expect("a geometry").mirror_offset().expect("a mirror");
    for (record, place) in [(7, 0), (0, table), (1, mirror)] {
        let mut bytes = known.bytes.clone();
        bytes[place as usize..place as usize + 512].fill(0);
        let threads = Threads::single();
        let found = Opening::new(&bytes).threads(&threads).run();
        let catalog = found.volumes[0].volume().catalog_with(&threads);
        let assessment = catalog.assessment(&threads, RecoverabilityOptions::default());
        // Of a record that is gone nothing is said to be intact.
        let Some(entry) = catalog.entries().find(|entry| entry.record_number() == record) else {
            assert_eq!(record, 0);
            continue;
        };
        let stream = entry.streams().into_iter().find(|stream| stream.name().is("")).expect("a stream");
        let left = assessment.assess(&stream);
        assert_ne!(left.verdict(), Verdict::Intact, "record {record}: {:?}", left.reasons());
    }
}
