//! Whose turn it is to read.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The sweep over the disk: which group is next, and who reads.
#[derive(Debug, Default)]
pub struct Turns {
    next: Mutex<usize>,
    /// Threads read one after the other. Where what is read has to be decompressed they do not: each may be
    /// somewhere else in the group of its own.
    is_exclusive: bool,
}

/// The right to read, until it is dropped or given up.
#[derive(Debug, Default)]
pub struct Turn<'t> {
    turns: Option<&'t Turns>,
    guard: Option<MutexGuard<'t, usize>>,
}

impl Turns {
    pub fn new(is_exclusive: bool) -> Self {
        Self { next: Mutex::new(0), is_exclusive }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next group, and the right to read it.
    pub fn take(&self) -> (usize, Turn<'_>) {
        let mut guard = self.lock();
        let index = *guard;
        *guard += 1;
        (index, Turn { turns: Some(self), guard: self.is_exclusive.then_some(guard) })
    }
}

impl Turn<'_> {
    /// Lets others read while `wait` waits.
    pub fn pause(&mut self, wait: impl FnOnce()) {
        let had_it = self.guard.take().is_some();
        wait();
        if had_it {
            self.guard = self.turns.map(Turns::lock);
        }
    }

    /// Lets others read.
    pub fn end(&mut self) {
        self.guard = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_come_in_order_and_one_reads_at_a_time() {
        let turns = Turns::new(true);
        let (first, mut turn) = turns.take();
        assert!(turns.next.try_lock().is_err());
        turn.pause(|| assert!(turns.next.try_lock().is_ok()));
        assert!(turns.next.try_lock().is_err());
        turn.end();
        let (second, _turn) = turns.take();
        assert_eq!((first, second), (0, 1));
        let turns = Turns::new(false);
        let (_, _turn) = turns.take();
        assert!(turns.next.try_lock().is_ok());
    }
}
