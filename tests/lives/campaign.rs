//! Lives over all policies and what happens to volumes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use ntfs_salvage::Threads;

use crate::generator::Disk;
use crate::generator::random::Random;
use crate::generator::story::{Plan, Story};
use crate::generator::truth::Truth;
use crate::generator::volume::{Allocation, Habits, Size, Volume};
use crate::score::{Kind, Known, Score};

/// A volume of a seed, and all its lives.
pub(crate) fn live(seed: u64) -> (Volume, Truth) {
    let mut random = Random::new(seed).fork("choice");
    let allocation = Allocation::ALL[(seed % Allocation::ALL.len() as u64) as usize];
    let habits = if random.percent(25) {
        Habits { allocation, ..Habits::WINDOWS }
    } else {
        Habits::any(allocation, &mut random)
    };
    let cluster = random.choose(&[512, 1024, 2048, 4096, 4096]);
    let size = Size { bytes: random.choose(&[2, 3, 4]) << 20, cluster };
    let mut volume = Volume::format(size, habits, seed);
    let plan = Plan { steps: random.between(40, 160) as u32, large: 160_000, cluster };
    let truth = Story::new(&mut volume, seed, plan).tell();
    (volume, truth)
}

fn score(seed: u64) -> Score {
    let (mut volume, truth) = live(seed);
    let image = volume.image();
    let known = Known { current: &truth, older: Vec::new(), is_sound: true, scans: false };
    Score::of(&image, &known, &Threads::single()).of_seed(seed)
}

/// So many seeds from `first` on, on all cores.
fn run(first: u64, count: u64) -> Score {
    let (next, total) = (AtomicU64::new(first), Mutex::new(Score::default()));
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= first + count {
            break;
        }
        let score = score(seed);
        *total.lock().expect("no panic") += score;
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    total.into_inner().expect("no panic")
}

fn report(score: &Score) {
    println!("{} volumes\n{}", score.volumes, score.table());
    for kind in [Kind::WrongIntact, Kind::WrongLive, Kind::Doubted, Kind::Vanished, Kind::Unopened] {
        println!("{kind:?}: {}", score.count(kind));
        score.faults.iter().filter(|fault| fault.kind == kind).take(12).for_each(|fault| println!("  {}", fault.what));
    }
}

pub(crate) fn assert_none(score: &Score, kinds: &[Kind]) {
    report(score);
    let found: usize = kinds.iter().map(|kind| score.count(*kind)).sum();
    assert_eq!(found, 0, "faults");
}

#[test]
fn what_is_live_is_whole_and_nothing_vanishes() {
    assert_none(&run(1, 24), &[Kind::WrongLive, Kind::Doubted, Kind::Vanished, Kind::Unopened]);
}

#[test]
#[ignore = "deleted files in free clusters are still called intact"]
fn what_is_called_intact_is_right() {
    assert_none(&run(1, 24), &[Kind::WrongIntact]);
}

#[test]
#[ignore = "thousands of volumes: for release builds"]
fn thousands_of_lives() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let score = run(number("FIRST", 1), number("LIVES", 4000));
    report(&score);
    assert!(score.faults.is_empty(), "{} faults", score.faults.len());
}
