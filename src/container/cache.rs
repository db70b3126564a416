//! Units that were decoded for small reads, kept for the next one.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::piece::Loss;

/// What a unit is known by: layer, file, and where it is stored there.
pub(super) type Key = (usize, usize, u64);

/// A decoded unit, or why there is none.
pub(super) type Decoded = Result<Arc<[u8]>, Loss>;

/// Decoded units, the last used ones of each shelf. Only units that a request cuts are looked for here; whole
/// ones are decoded into the caller's buffer, and no lock is taken for them.
pub(super) struct Cache {
    shelves: [Mutex<VecDeque<(Key, Decoded)>>; SHELVES],
}

const SHELVES: usize = 16;

/// Bytes of decoded units a shelf has. It always has room for one unit.
const SHELF_BYTES: usize = 1 << 20;

/// Units a shelf has, however small.
const SHELF_UNITS: usize = 64;

impl Cache {
    pub(super) fn new() -> Self {
        Self { shelves: std::array::from_fn(|_| Mutex::default()) }
    }

    pub(super) fn get(&self, key: Key) -> Option<Decoded> {
        let mut shelf = self.shelf(key)?;
        let index = shelf.iter().position(|(other, _)| *other == key)?;
        let found = shelf.remove(index)?;
        let decoded = found.1.clone();
        shelf.push_front(found);
        Some(decoded)
    }

    pub(super) fn put(&self, key: Key, decoded: Decoded) {
        let Some(mut shelf) = self.shelf(key) else { return };
        if shelf.iter().any(|(other, _)| *other == key) {
            return;
        }
        shelf.push_front((key, decoded));
        let mut bytes = 0_usize;
        let mut fits = |decoded: &Decoded| {
            bytes = bytes.saturating_add(decoded.as_ref().map_or(0, |bytes| bytes.len()));
            bytes <= SHELF_BYTES
        };
        let count = shelf.iter().take(SHELF_UNITS).take_while(|(_, decoded)| fits(decoded)).count();
        shelf.truncate(count.max(1));
    }

    fn shelf(&self, key: Key) -> Option<MutexGuard<'_, VecDeque<(Key, Decoded)>>> {
        // Units of any usual size come one after the other: neighbours go to different shelves.
        let (_, file, offset) = key;
        let mixed = (offset ^ u64::try_from(file).unwrap_or(0)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60;
        let shelf = self.shelves.get(usize::try_from(mixed).ok()?)?;
        Some(shelf.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.shelves.iter().map(|shelf| shelf.lock().unwrap_or_else(PoisonError::into_inner).len());
        write!(f, "Cache({} units)", units.sum::<usize>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_by_bytes_and_by_units() {
        let cache = Cache::new();
        for offset in 0..10_000 {
            cache.put((0, 0, offset), Ok(vec![1; 300_000].into()));
        }
        let held: usize = (0..10_000).filter(|&offset| cache.get((0, 0, offset)).is_some()).count();
        assert_eq!(held, SHELVES * 3, "three of 300,000 bytes fit into a MiB");
        for offset in 0..10_000 {
            cache.put((1, 0, offset), Err(Loss::Checksum));
        }
        let held: usize = (0..10_000).filter(|&offset| cache.get((1, 0, offset)).is_some()).count();
        assert_eq!(held, SHELVES * SHELF_UNITS);
        cache.put((2, 0, 0), Ok(vec![1; 3 << 20].into()));
        assert_eq!(cache.get((2, 0, 0)).unwrap().unwrap().len(), 3 << 20, "a large one is kept alone");
    }

    #[test]
    fn what_was_used_last_stays() {
        let cache = Cache::new();
        cache.put((0, 0, 0), Err(Loss::Table));
        for offset in 1..100_000 {
            cache.put((0, 0, offset), Err(Loss::Checksum));
            assert_eq!(cache.get((0, 0, 0)), Some(Err(Loss::Table)), "{offset}");
        }
    }
}
