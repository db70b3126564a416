//! Lives over all policies and what happens to volumes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use ntfs_salvage::Threads;

use crate::generator::changes::{Change, Changed};
use crate::generator::random::Random;
use crate::generator::story::{Plan, Story};
use crate::generator::truth::Truth;
use crate::generator::volume::{Allocation, Habits, Size, Volume};
use crate::score::{Kind, Known, Score};

/// A volume of a seed, and all its lives.
pub(crate) fn live(seed: u64) -> (Volume, Truth, Plan) {
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
    let plan = Plan { steps: random.between(40, 260) as u32, large: 160_000, cluster };
    let truth = Story::new(&mut volume, seed, plan).tell();
    (volume, truth, plan)
}

fn score(seed: u64, change: Change) -> Score {
    let (volume, truth, plan) = live(seed);
    let Changed { image, current, older, damaged, flipped, is_whole, note } = change.apply(volume, truth, seed, plan);
    let scans = matches!(change, Change::Format { .. } | Change::FormatAndUse { .. }) || seed % 5 == 4;
    let known = Known { current: &current, older: older.iter().collect(), is_sound: is_whole, damaged, flipped, scans };
    Score::of(&image, &known, &Threads::single()).of_seed(seed, &note)
}

/// So many seeds from `first` on, on all cores.
fn run(first: u64, count: u64, change: Change) -> Score {
    let (next, total) = (AtomicU64::new(first), Mutex::new(Score::default()));
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= first + count {
            break;
        }
        let score = score(seed, change);
        *total.lock().expect("no panic") += score;
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    total.into_inner().expect("no panic")
}

pub(crate) fn report(score: &Score) {
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

pub(crate) const ALL: [Kind; 5] = [Kind::WrongIntact, Kind::WrongLive, Kind::Doubted, Kind::Vanished, Kind::Unopened];

#[test]
fn everyday_lives_are_told_as_they_were() {
    assert_none(&run(1, 24, Change::None), &ALL);
}

/// What happens to volumes, each for some seeds.
#[test]
fn whatever_happens_to_a_volume_nothing_wrong_is_called_intact() {
    let mut total = Score::default();
    for (change, first) in Change::ALL[1..].iter().zip((1000..).step_by(10)) {
        total += run(first, 2, *change);
    }
    assert_none(&total, &ALL);
}

#[test]
#[ignore = "thousands of volumes: for release builds"]
fn thousands_of_lives() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (first, count) = (number("FIRST", 1), number("LIVES", 4000));
    let only = std::env::var("CHANGE").unwrap_or_default();
    let mut faults = 0;
    for change in Change::ALL.into_iter().filter(|change| format!("{change:?}").contains(&only)) {
        // Half of all stay as they are.
        let share = if change == Change::None { count / 2 } else { count / 2 / (Change::ALL.len() as u64 - 1) };
        let share = if only.is_empty() { share } else { count };
        println!("== {change:?}");
        let score = run(first, share, change);
        report(&score);
        faults += score.faults.len();
    }
    assert_eq!(faults, 0, "faults");
}

/// `KEEP=FILE FIRST=SEED CHANGE=NAME`: the image of a seed, to look at with other tools.
#[test]
#[ignore = "keeps an image"]
fn an_image_to_look_at() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let seed = variable("FIRST").parse().expect("FIRST is a seed");
    let is_it = |change: &Change| format!("{change:?}").contains(&variable("CHANGE"));
    let change = Change::ALL.into_iter().find(is_it).expect("CHANGE is a part of the name of one");
    let (volume, truth, plan) = live(seed);
    let changed = change.apply(volume, truth, seed, plan);
    std::fs::write(variable("KEEP"), changed.image).expect("KEEP can be written");
}
