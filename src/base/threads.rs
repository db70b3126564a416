//! Work in numbered pieces, done by several threads and handed over in order.

use std::fmt;
use std::ops::ControlFlow;

/// How many threads passes over a table may use. Results never depend on it.
///
/// Without the feature `parallel` there is one thread, whatever is asked for.
pub struct Threads {
    #[cfg(feature = "parallel")]
    pool: Option<rayon::ThreadPool>,
}

impl Threads {
    /// Up to `count` threads; 0 for as many as the machine runs at once.
    #[must_use]
    pub fn new(count: usize) -> Self {
        #[cfg(not(feature = "parallel"))]
        let _ = count;
        Self {
            #[cfg(feature = "parallel")]
            pool: parallel::pool(count),
        }
    }

    /// One thread: the caller's.
    #[must_use]
    pub fn single() -> Self {
        Self::new(1)
    }

    /// How many threads work at once.
    #[must_use]
    pub fn count(&self) -> usize {
        #[cfg(feature = "parallel")]
        if let Some(pool) = &self.pool {
            return pool.current_num_threads();
        }
        1
    }

    /// Does `work` on the pieces `0 .. pieces`, on any thread, and gives the results to `consume` in
    /// order, on the caller's thread, until it breaks. A `state` is made for each thread and reused.
    pub(crate) fn map_in_order<S: Send, T: Send, B>(
        &self,
        pieces: u64,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, u64) -> T + Sync,
        mut consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        #[cfg(feature = "parallel")]
        if let Some(pool) = &self.pool {
            return parallel::map_in_order(pool, pieces, state, work, consume);
        }
        let mut state = state();
        (0..pieces).try_for_each(|piece| consume(work(&mut state, piece)))
    }
}

impl Default for Threads {
    /// As many as the machine runs at once.
    fn default() -> Self {
        Self::new(0)
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.count())
    }
}

#[cfg(feature = "parallel")]
mod parallel {
    use std::ops::ControlFlow;
    use std::sync::{Mutex, PoisonError};

    use rayon::prelude::*;
    use rayon::{ThreadPool, ThreadPoolBuilder};

    /// Pieces a thread may run ahead: enough to smooth over uneven pieces, few enough to stay small.
    const AHEAD: usize = 2;

    pub(super) fn pool(count: usize) -> Option<ThreadPool> {
        if count == 1 {
            return None;
        }
        // A machine that gives no threads still has the caller's.
        ThreadPoolBuilder::new().num_threads(count).build().ok().filter(|pool| pool.current_num_threads() > 1)
    }

    /// Computes one window of pieces while the one before is consumed.
    pub(super) fn map_in_order<S: Send, T: Send, B>(
        pool: &ThreadPool,
        pieces: u64,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, u64) -> T + Sync,
        mut consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let states = Mutex::new(Vec::new());
        let one = |piece| {
            let idle = states.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut own = idle.unwrap_or_else(&state);
            let result = work(&mut own, piece);
            states.lock().unwrap_or_else(PoisonError::into_inner).push(own);
            result
        };
        let ahead = u64::try_from(pool.current_num_threads().saturating_mul(AHEAD)).unwrap_or(u64::MAX);
        let mut ready: Vec<T> = Vec::new();
        let mut next = 0;
        while next < pieces || !ready.is_empty() {
            let end = next.saturating_add(ahead).min(pieces);
            let mut following = Vec::new();
            pool.in_place_scope(|scope| {
                if next < end {
                    scope.spawn(|_| following = (next..end).into_par_iter().map(&one).collect());
                }
                ready.drain(..).try_for_each(&mut consume)
            })?;
            (ready, next) = (following, end);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_at_any_thread_count() {
        for count in [1, 2, 3, 8] {
            let mut seen = Vec::new();
            let flow = Threads::new(count).map_in_order(
                1000,
                || 0u64,
                |calls, piece| {
                    *calls += 1;
                    piece * 3
                },
                |result| {
                    seen.push(result);
                    ControlFlow::<()>::Continue(())
                },
            );
            assert_eq!(flow, ControlFlow::Continue(()));
            assert_eq!(seen, (0..1000).map(|piece| piece * 3).collect::<Vec<_>>(), "{count} threads");
        }
    }

    #[test]
    fn a_consumer_that_breaks_ends_the_work() {
        for count in [1, 4] {
            let mut consumed = 0;
            let flow = Threads::new(count).map_in_order(
                u64::MAX,
                || (),
                |(), piece| piece,
                |piece| {
                    consumed += 1;
                    if piece == 41 { ControlFlow::Break(piece) } else { ControlFlow::Continue(()) }
                },
            );
            assert_eq!((flow, consumed), (ControlFlow::Break(41), 42));
        }
    }

    #[test]
    fn no_pieces_are_no_work() {
        let flow = Threads::new(2).map_in_order(0, || (), |(), _| (), |()| ControlFlow::Break(()));
        assert_eq!(flow, ControlFlow::Continue(()));
    }
}
