//! Records that had up to four lives, as base and as extension records, and what is said of each.

use std::collections::BTreeSet;

use ntfs_salvage::Threads;

use crate::campaign::{ALL, assert_none};
use crate::generator::Disk as _;
use crate::generator::random::Random;
use crate::generator::story::chain::Link;
use crate::generator::story::{Plan, Story};
use crate::generator::volume::{Allocation, Habits, Size, Volume};
use crate::score::{Kind, Known, Score};

/// All sequences of up to four lives.
fn chains() -> Vec<Vec<Link>> {
    let mut all: Vec<Vec<Link>> = vec![Vec::new()];
    let mut longest = all.clone();
    for _ in 0..4 {
        let longer = |chain: &Vec<Link>| Link::ALL.map(|link| chain.iter().copied().chain([link]).collect::<Vec<_>>());
        longest = longest.iter().flat_map(longer).collect();
        all.extend(longest.clone());
    }
    all.remove(0);
    all
}

/// A chain on a volume with the habits of the seed; its attribute lists may be lost.
fn score(seed: u64, links: &[Link], stays: bool, loses_lists: bool) -> Score {
    let mut random = Random::new(seed).fork("chain");
    let allocation = random.choose(&Allocation::ALL);
    let habits = if random.percent(30) {
        Habits { allocation, ..Habits::WINDOWS }
    } else {
        Habits::any(allocation, &mut random)
    };
    let cluster = random.choose(&[512, 1024]);
    let mut volume = Volume::format(Size { bytes: 3 << 20, cluster }, habits, seed);
    let truth = Story::new(&mut volume, seed, Plan { steps: 0, large: 0, cluster }).tell_chain(links, stays);
    if loses_lists {
        volume.lose_lists();
    }
    let image = volume.image();
    let known = Known {
        current: &truth,
        older: Vec::new(),
        is_sound: true,
        damaged: BTreeSet::new(),
        flipped: BTreeSet::new(),
        scans: false,
    };
    let note = format!("{links:?}, {habits:?}, stays {stays}, loses lists {loses_lists}");
    Score::of(&image, &known, &Threads::single()).of_seed(seed, &note)
}

/// Every `step`-th chain.
fn run(step: usize, kinds: &[Kind], loses_lists: bool) {
    let mut total = Score::default();
    for (seed, links) in (1..).zip(chains()).step_by(step) {
        total += score(seed, &links, seed % 3 == 0, loses_lists);
    }
    assert_none(&total, kinds);
}

#[test]
fn of_up_to_four_lives_of_a_record_each_has_its_own_bytes() {
    run(11, &ALL, false);
}

#[test]
fn where_the_lists_are_lost_no_life_gets_the_bytes_of_another() {
    run(13, &[Kind::WrongIntact, Kind::WrongLive, Kind::Unopened], true);
}

#[test]
#[ignore = "all chains: for release builds"]
fn all_chains_of_up_to_four_lives() {
    run(1, &ALL, false);
    run(1, &[Kind::WrongIntact, Kind::WrongLive, Kind::Unopened], true);
}
