//! Numbers by seed: splitmix64.

pub struct Random(u64);

impl Random {
    /// Other numbers for each purpose.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mix = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        Self(purpose.bytes().fold(seed ^ 0xCBF2_9CE4_8422_2325, mix))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// So many percent of the items, to the nearest.
    pub fn share_of<T>(&mut self, items: impl Iterator<Item = T>, percent: u64) -> Vec<T> {
        let mut items: Vec<T> = items.collect();
        let wanted = (items.len() as u64 * percent + 50) / 100;
        for at in 0..wanted as usize {
            let rest = (items.len() - at) as u64;
            items.swap(at, at + (self.next() % rest) as usize);
        }
        items.truncate(wanted as usize);
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exact_and_the_same_for_the_same_seed() {
        let share = |seed| {
            let mut items = Random::new(seed, "test").share_of(0..1000, 20);
            items.sort_unstable();
            items.dedup();
            items
        };
        assert_eq!(share(1).len(), 200);
        assert_eq!(share(1), share(1));
        assert_ne!(share(1), share(2));
    }
}
