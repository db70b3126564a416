//! Which clusters are free, and which of them a driver takes next.

use super::super::random::Random;
use super::runs::{Run, push};

/// Where a driver looks for free clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// The lowest free ones.
    Lowest,
    /// From where the last ones were taken.
    NextFit,
    /// Anywhere, in pieces of any length.
    Random,
    /// The smallest gap that holds all, else the largest.
    BestFit,
}

impl Allocation {
    pub(crate) const ALL: [Self; 4] = [Self::Lowest, Self::NextFit, Self::Random, Self::BestFit];
}

#[derive(Clone, Debug)]
pub(crate) struct Clusters {
    used: Vec<bool>,
    free: u64,
    next: u64,
    /// How many were handed out, ever.
    pub(crate) handed_out: u64,
    random: Random,
    /// When each was handed out last, by that count.
    handed_at: Vec<u64>,
    /// Handed out last.
    kept: std::ops::Range<u64>,
}

impl Clusters {
    pub(crate) fn new(count: u64, random: Random) -> Self {
        let count = count as usize;
        let (used, handed_at) = (vec![false; count], vec![0; count]);
        Self { used, free: count as u64, next: 0, handed_out: 0, random, handed_at, kept: 0..0 }
    }

    pub(crate) fn free(&self) -> u64 {
        self.free
    }

    /// Takes these very clusters.
    pub(crate) fn reserve(&mut self, runs: &[Run]) {
        for cluster in each(runs) {
            assert!(!self.used[cluster as usize], "cluster {cluster} is in use");
            self.take(cluster);
        }
    }

    /// Leaves these to the table for as long as there is room elsewhere.
    pub(crate) fn keep(&mut self, kept: std::ops::Range<u64>) {
        self.kept = kept;
    }

    /// So many from `start` on, if they are free.
    pub(crate) fn take_at(&mut self, start: u64, count: u64) -> Option<u64> {
        let all = self.used.get(start as usize..(start + count) as usize)?;
        if all.iter().any(|used| *used) {
            return None;
        }
        (start..start + count).for_each(|cluster| self.take(cluster));
        Some(start)
    }

    pub(crate) fn release(&mut self, runs: &[Run]) {
        for cluster in each(runs) {
            assert!(self.used[cluster as usize], "cluster {cluster} is free already");
            self.used[cluster as usize] = false;
            self.free += 1;
        }
    }

    /// So many clusters, or none where there are not so many.
    pub(crate) fn allocate(&mut self, count: u64, allocation: Allocation) -> Option<Vec<Run>> {
        if count > self.free {
            return None;
        }
        let mut runs = Vec::new();
        let mut left = count;
        while left > 0 {
            let (start, length) = self.gap(left, allocation);
            push(&mut runs, Run { lcn: Some(start), count: length });
            (start..start + length).for_each(|cluster| self.take(cluster));
            self.next = start + length;
            left -= length;
        }
        Some(runs)
    }

    /// The clusters, where they are handed out since `count` were.
    pub(crate) fn is_handed_out_since(&self, runs: &[Run], count: u64) -> bool {
        each(runs).any(|cluster| self.handed_at[cluster as usize] > count)
    }

    pub(crate) fn bitmap(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.used.len().div_ceil(64) * 8];
        for (cluster, used) in self.used.iter().enumerate() {
            bytes[cluster / 8] |= u8::from(*used) << (cluster % 8);
        }
        // What is behind the volume is in use.
        (self.used.len()..bytes.len() * 8).for_each(|cluster| bytes[cluster / 8] |= 1 << (cluster % 8));
        bytes
    }

    fn take(&mut self, cluster: u64) {
        self.used[cluster as usize] = true;
        self.free -= 1;
        self.handed_out += 1;
        self.handed_at[cluster as usize] = self.handed_out;
    }

    /// Free clusters to take next, at most so many.
    fn gap(&mut self, most: u64, allocation: Allocation) -> (u64, u64) {
        let total = self.used.len() as u64;
        match allocation {
            Allocation::Lowest => self.from(0, most),
            Allocation::NextFit => self.from(self.next, most),
            Allocation::Random => {
                let start = self.random.below(total);
                let length = self.random.between(1, most);
                self.from(start, length)
            }
            Allocation::BestFit => {
                let gaps = self.gaps();
                let fits = gaps.iter().filter(|(_, length)| *length >= most).min_by_key(|(_, length)| *length);
                let (start, length) = *fits.or(gaps.iter().max_by_key(|(_, length)| *length)).expect("some are free");
                (start, length.min(most))
            }
        }
    }

    /// The first free clusters at or behind `start`, or from the first one on.
    fn from(&self, start: u64, most: u64) -> (u64, u64) {
        let total = self.used.len() as u64;
        let is_free = |cluster: &u64| !self.used[*cluster as usize];
        let is_open = |cluster: &u64| is_free(cluster) && !self.kept.contains(cluster);
        let open = (start..total).find(is_open).or_else(|| (0..total).find(is_open));
        let is_kept = open.is_none();
        let first = open.or_else(|| (0..total).find(is_free)).expect("some are free");
        let is_free = |cluster: &u64| is_open(cluster) || is_kept && is_free(cluster);
        let length = (first..total.min(first + most)).take_while(is_free).count();
        (first, length as u64)
    }

    fn gaps(&self) -> Vec<(u64, u64)> {
        let mut gaps: Vec<(u64, u64)> = Vec::new();
        let is_open = |cluster: &usize| !self.used[*cluster] && !self.kept.contains(&(*cluster as u64));
        let is_kept = !(0..self.used.len()).any(|cluster| is_open(&cluster));
        let is_free = |cluster: &usize| is_open(cluster) || is_kept && !self.used[*cluster];
        for cluster in (0..self.used.len()).filter(is_free) {
            match gaps.last_mut() {
                Some((start, length)) if *start + *length == cluster as u64 => *length += 1,
                _ => gaps.push((cluster as u64, 1)),
            }
        }
        gaps
    }
}

/// The clusters of the runs that are no holes.
pub(crate) fn each(runs: &[Run]) -> impl Iterator<Item = u64> + '_ {
    runs.iter().filter_map(|run| run.lcn.map(|lcn| lcn..lcn + run.count)).flatten()
}
