//! What was made of the values met last.

/// A few values, each at its hash. Most times of a file are the same, and nearly all files of a
/// volume have one of a handful of attribute sets: what they look like is worked out once.
pub struct Recent<T> {
    slots: [Option<(u64, T)>; 16],
}

impl<T> Recent<T> {
    pub fn new() -> Self {
        Self { slots: [const { None }; 16] }
    }

    /// What was made of `key`, made now where it is not known (any more).
    #[inline]
    pub fn get(&mut self, key: u64, make: impl FnOnce() -> T) -> &T {
        // By Fibonacci: keys with the same low digits, such as whole seconds, go to different slots.
        let slot = &mut self.slots[(key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as usize];
        if !matches!(slot, Some((known, _)) if *known == key) {
            *slot = None;
        }
        &slot.get_or_insert_with(|| (key, make())).1
    }
}
