//! Where on the volume the streams lie, and how runs are written.

use super::random::Random;
use super::{CLUSTER_SIZE, RECORD_SIZE};

/// Where the table itself begins, as on a freshly formatted Windows volume.
pub(crate) const MFT_START: u64 = 786_432;

/// A run of clusters; a hole where `start` is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: Option<u64>,
    pub(crate) count: u64,
}

/// Hands out clusters in ascending order, behind the table and its bitmap.
#[derive(Clone, Debug)]
pub(crate) struct Clusters {
    first: u64,
    next: u64,
    total: u64,
}

impl Clusters {
    pub(crate) fn new(records: u64) -> Self {
        let first = MFT_START + 2 * table_clusters(records) + 1024;
        // Mean use is 60 clusters a record with the gaps; a small table can have one of the largest files.
        let total = (first + (records * 128).max(1 << 22)).min(u64::from(u32::MAX));
        Self { first, next: first, total }
    }

    /// Clusters of the volume.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// `count` clusters in at most `pieces` runs. Those of a deleted file (`free`) are given to the next file too.
    pub(crate) fn allocate(&mut self, count: u64, pieces: u64, free: bool, random: &mut Random) -> Vec<Run> {
        let pieces = pieces.min(count).max(1);
        if self.next + count + pieces * 4096 > self.total {
            self.next = self.first;
        }
        let (kept, mut left) = (self.next, count);
        let mut runs = Vec::with_capacity(pieces as usize);
        for piece in 0..pieces {
            let most = left - (pieces - piece - 1);
            let count = if piece + 1 == pieces {
                left
            } else {
                random.between(1, (2 * left / (pieces - piece)).clamp(1, most))
            };
            runs.push(Run { start: Some(self.next), count });
            left -= count;
            self.next += count + if pieces > 1 { random.between(1, 100) } else { random.below(2) };
        }
        if random.per_mille(300) {
            runs.reverse();
        }
        if free {
            self.next = kept;
        }
        runs
    }
}

/// Clusters that a table of so many records takes.
pub(crate) fn table_clusters(records: u64) -> u64 {
    clusters_for(records * RECORD_SIZE as u64)
}

pub(crate) fn clusters_for(bytes: u64) -> u64 {
    bytes.div_ceil(CLUSTER_SIZE)
}

/// The mapping pairs of `runs`, with their end.
pub(crate) fn mapping_pairs(runs: &[Run]) -> Vec<u8> {
    let mut pairs = Vec::with_capacity(runs.len() * 8 + 1);
    let mut before = 0_i64;
    for run in runs {
        let (count, count_len) = signed_bytes(run.count as i64);
        let (delta, delta_len) = run.start.map_or(([0; 8], 0), |start| {
            let delta = start as i64 - before;
            before = start as i64;
            signed_bytes(delta)
        });
        pairs.push((delta_len << 4 | count_len) as u8);
        pairs.extend_from_slice(&count[..count_len]);
        pairs.extend_from_slice(&delta[..delta_len]);
    }
    pairs.push(0);
    pairs
}

/// The fewest little-endian bytes that keep the sign.
fn signed_bytes(number: i64) -> ([u8; 8], usize) {
    let magnitude = if number < 0 { !number } else { number };
    let bits = 65 - magnitude.leading_zeros() as usize;
    (number.to_le_bytes(), bits.div_ceil(8))
}
