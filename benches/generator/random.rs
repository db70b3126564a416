//! Numbers that look random and are functions of the seed, the slot and the question.

/// The questions asked about a slot: each has its own numbers, so that one more draw for a size does not
/// change all names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Topic {
    Kind = 1,
    DirectoryPosition,
    DeletedDirectory,
    DeletedFile,
    Parent,
    OwnShare,
    Sequence,
    AttributeList,
    Links,
    Name,
    ShortName,
    Contents,
    Record,
    UpdateSequence,
    Clusters,
}

/// SplitMix64: one addition and two multiplications a number, any start is as good as any other.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The numbers for one question about one slot.
    pub(crate) fn of(seed: u64, slot: u64, topic: Topic) -> Self {
        let mut mixed = Self(seed ^ (topic as u64) << 56);
        let key = mixed.next();
        mixed.0 = key ^ slot.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let start = mixed.next();
        Self(start)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `limit` - 1.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True for `share` in a thousand.
    pub(crate) fn per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// One of several things.
    pub(crate) fn choose<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }

    /// Which of several things, by their shares in a thousand.
    pub(crate) fn weighted(&mut self, shares: &[u64]) -> usize {
        let mut rank = self.below(1000);
        let chosen = shares.iter().position(|&share| {
            let here = rank < share;
            rank = rank.saturating_sub(share);
            here
        });
        chosen.unwrap_or(shares.len() - 1)
    }

    /// A value from a measured distribution: `steps` are (per mille, value), ascending, from 0 to 1000;
    /// straight lines between them.
    pub(crate) fn quantile(&mut self, steps: &[(u64, u64)]) -> u64 {
        let rank = self.below(1000);
        let upper = steps.iter().position(|&(share, _)| share > rank).unwrap_or(steps.len() - 1);
        let ((from, low), (to, high)) = (steps[upper - 1], steps[upper]);
        low + (high - low) * (rank - from) / (to - from)
    }

    /// The same for values that span powers of ten: even in the logarithm between two steps.
    pub(crate) fn quantile_log(&mut self, steps: &[(u64, u64)]) -> u64 {
        let rank = self.below(1000);
        let upper = steps.iter().position(|&(share, _)| share > rank).unwrap_or(steps.len() - 1);
        let (low, high) = (steps[upper - 1].1, steps[upper].1);
        let octaves = u64::from((high / low).max(1).ilog2()) + 1;
        let floor = low << self.below(octaves);
        (floor + self.below(floor)).min(high)
    }
}
