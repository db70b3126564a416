//! With ntfs-3g: as the driver that leads the lives, and as the reader that says whether our own volumes are volumes.

use std::collections::{BTreeMap, BTreeSet};

use ntfs_salvage::Threads;

use crate::campaign::{ALL, assert_none, live, report};
use crate::generator::Disk;
use crate::generator::mounted::{Mounted, obstacle};
use crate::generator::random::Random;
use crate::generator::story::{Plan, Story};
use crate::score::{Known, Score};

fn score(seed: u64) -> Score {
    let mut random = Random::new(seed).fork("mounted");
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let cluster = random.choose(&[512, 1024, 4096, 4096]);
    let mut disk = Mounted::format(folder.path(), 8 << 20, cluster).expect("a volume can be made");
    let plan = Plan { steps: random.between(40, 120) as u32, large: 400_000, cluster };
    let truth = Story::new(&mut disk, seed, plan).tell();
    let image = disk.image();
    let known = Known {
        current: &truth,
        older: Vec::new(),
        is_sound: true,
        damaged: BTreeSet::new(),
        flipped: BTreeSet::new(),
        scans: false,
    };
    Score::of(&image, &known, &Threads::single()).of_seed(seed, "ntfs-3g")
}

pub(crate) fn run(first: u64, count: u64) -> Score {
    let mut total = Score::default();
    (first..first + count).for_each(|seed| total += score(seed));
    total
}

/// Whether there is no ntfs-3g; says so.
pub(crate) fn is_skipped() -> bool {
    if let Some(reason) = obstacle() {
        println!("skipped: {reason}");
    }
    obstacle().is_some()
}

#[test]
fn lives_through_ntfs_3g_are_listed_as_they_were() {
    if !is_skipped() {
        assert_none(&run(1, 3), &ALL);
    }
}

/// The truth of our own volumes is not only ours.
#[test]
fn ntfs_3g_reads_our_volumes_as_we_wrote_them() {
    if is_skipped() {
        return;
    }
    for seed in 1..=12 {
        let (mut volume, truth, _) = live(seed);
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let mut mounted = Mounted::of(folder.path(), &volume.image()).expect("our volume can be mounted");
        let mut wrong = BTreeMap::new();
        for life in truth.live().filter(|life| !life.is_directory) {
            for path in &life.paths {
                for (name, content) in &life.streams {
                    if mounted.content(path, name).as_ref() != Some(content) {
                        wrong.insert(format!("{path}:{name}, record {}", life.number), content.len());
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "seed {seed}: {wrong:?}");
    }
}

#[test]
#[ignore = "a hundred volumes: for release builds"]
fn a_hundred_lives_through_ntfs_3g() {
    if !is_skipped() {
        let score = run(100, 100);
        report(&score);
        assert!(score.faults.is_empty(), "{} faults", score.faults.len());
    }
}
