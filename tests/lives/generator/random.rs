//! Numbers that look random and are functions of a seed.

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut mixed = Self(seed);
        let start = mixed.next();
        Self(start)
    }

    /// Numbers of their own for one question, so that one more draw elsewhere does not change them.
    pub(crate) fn fork(&self, topic: &str) -> Self {
        Self::new(topic.bytes().fold(self.0, |seed, byte| Self(seed ^ u64::from(byte)).next()))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `limit` - 1; 0 where there is no choice.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True for `share` in a hundred.
    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    pub(crate) fn choose<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }

    /// Which of several things, by their weights.
    pub(crate) fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut rank = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if rank < *weight {
                return index;
            }
            rank -= weight;
        }
        0
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
        bytes.truncate(length);
        bytes
    }

    /// Text in which words come again: what compression is for.
    pub(crate) fn text(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 32);
        while bytes.len() < length {
            bytes.extend(format!("line {} of {} ", self.below(50), self.below(7)).bytes());
            if self.percent(10) {
                bytes.extend(self.bytes(24));
            }
        }
        bytes.truncate(length);
        bytes
    }
}
