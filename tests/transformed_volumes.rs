//! Volumes that a tool has transformed: formatted over, copied with sectors left out or put in, or copied without their
//! content. Whatever is called intact, or likely, is compared with what was on them.

#![allow(missing_docs, reason = "a test")]

#[allow(dead_code, reason = "shared with the tests that compare listings, which ask for more")]
#[path = "comparison/truth.rs"]
mod truth;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use ntfs_salvage::catalog::{RecoverabilityOptions, Verdict};
use ntfs_salvage::salvage::{Layer, Opened, Opening};
use ntfs_salvage::source::Source;
use ntfs_salvage::volume::extents::Location;
use ntfs_salvage::{DamageKind, Threads, Volume};
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
    fn judge(&self, opened: &Opened<'_>, counts: &mut HashMap<(Verdict, bool), usize>) {
        let catalog = opened.volume().catalog_with(&Threads::single());
        let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default().read_all(true));
        for entry in catalog.entries() {
            for stream in entry.streams() {
                let Some(own) = entry.links().iter().next().map(|link| link.name().to_string()) else { continue };
                let Some(hashes) = self.hashes.get(&(own, stream.name().to_string())) else { continue };
                let verdict = assessment.assess(&stream).verdict();
                let mut bytes = Vec::new();
                let is_read = stream.reader().read_to_end(&mut bytes).is_ok();
                let own: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                *counts.entry((verdict, is_read && hashes.contains(&own))).or_default() += 1;
            }
        }
    }

    /// The same of all layers.
    fn judged(&self, bytes: &impl Source, scans: bool) -> HashMap<(Verdict, bool), usize> {
        let threads = Threads::single();
        let opening = Opening::new(bytes).threads(&threads);
        let found = if scans { opening.scan() } else { opening }.run();
        let mut counts = HashMap::new();
        found.volumes.iter().for_each(|opened| self.judge(opened, &mut counts));
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

#[test]
fn a_copy_of_metadata_only_is_said_to_be_one_and_has_no_content() {
    for name in IMAGES {
        let known = Known::read(name);
        let volume = Volume::open(&known.bytes).expect("a volume");
        let catalog = volume.catalog_with(&Threads::single());
        let mut bytes = known.bytes.clone();
        // As `ntfsclone --metadata` does it: users' content is zeroed, in records, too.
        for entry in catalog.entries().filter(|entry| entry.record_number() >= 24) {
            for stream in entry.streams() {
                for range in stream.map().ranges() {
                    let place = match range.origin {
                        ntfs_salvage::catalog::Origin::Clusters(at) | ntfs_salvage::catalog::Origin::Record(at) => {
                            at as usize
                        }
                        _ => continue,
                    };
                    bytes[place..place + range.length as usize].fill(0);
                }
            }
        }
        let threads = Threads::single();
        let found = Opening::new(&bytes).threads(&threads).run();
        let damage: Vec<_> = found.volumes[0].volume().damage().collect();
        let said = damage.iter().filter(|damage| matches!(damage.kind, DamageKind::ContentBlank { .. })).count();
        assert_eq!(said, 1, "{name}: {damage:?}");
        let counts = known.judged(&bytes, false);
        assert_eq!(
            count(&counts, Verdict::Intact, false) + count(&counts, Verdict::Likely, false),
            0,
            "{name}: {counts:?}"
        );
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
