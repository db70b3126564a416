//! Work in numbered pieces, done by several threads and handed over in order.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::error::{Error, Result};
use super::watch::{Begun, Progress, Reporting, Step, Watch};

/// How many threads passes over a table may use. Results never depend on it.
///
/// One pass has them at a time: another that begins meanwhile, in what the first calls or anywhere else, has the thread
/// that it is called on.
///
/// Without the feature `parallel` there is one thread, whatever is asked for.
pub struct Threads {
    #[cfg(feature = "parallel")]
    pool: Option<Arc<parallel::Pool>>,
    /// Who is told how far passes have come.
    watch: Option<Arc<Watch>>,
}

impl Threads {
    /// Up to `count` threads; 0 for as many as the machine runs at once.
    #[must_use]
    pub fn new(count: usize) -> Self {
        #[cfg(not(feature = "parallel"))]
        let _ = count;
        Self {
            #[cfg(feature = "parallel")]
            pool: parallel::Pool::of(count).map(Arc::new),
            watch: None,
        }
    }

    /// Does a `step` on these threads, or several, and tells `watcher` how far each pass of it has come, on the thread
    /// that calls. When the watcher breaks, the passes end, and what the step gave so far is thrown away: it is part of
    /// an answer, and looks like a whole one.
    ///
    /// ```
    /// # fn main() -> ntfs_salvage::Result<()> {
    /// use std::ops::ControlFlow;
    /// use ntfs_salvage::{Error, Threads, Volume};
    ///
    /// let image = ntfs_salvage::source::open("testdata/plain.img")?;
    /// let volume = Volume::open(&image)?;
    /// let threads = Threads::default();
    /// let show = |progress: ntfs_salvage::Progress| {
    ///     eprintln!("{:?}: {} of {}", progress.step, progress.done, progress.total);
    ///     ControlFlow::Continue(())
    /// };
    /// let catalog = threads.watch(show, |threads| volume.catalog_with(threads))?;
    /// assert!(catalog.entries().count() > 20);
    ///
    /// let stopped = threads.watch(|_| ControlFlow::Break(()), |threads| volume.catalog_with(threads));
    /// assert!(matches!(stopped, Err(Error::Cancelled)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the watcher broke.
    pub fn watch<T>(
        &self,
        watcher: impl FnMut(Progress) -> ControlFlow<()> + Send + 'static,
        step: impl FnOnce(&Self) -> T,
    ) -> Result<T> {
        let watched = Self {
            #[cfg(feature = "parallel")]
            pool: self.pool.clone(),
            watch: Some(Arc::new(Watch::new(watcher))),
        };
        let result = step(&watched);
        if watched.is_cancelled() { Err(Error::Cancelled) } else { Ok(result) }
    }

    /// True when the watcher has stopped what is done on these threads. Passes end by themselves then.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_cancelled())
    }

    /// Begins a step; the one before goes on when what is returned is dropped.
    pub(crate) fn begin(&self, step: Step) -> Option<Begun<'_>> {
        self.watch.as_ref().map(|watch| watch.begin(step))
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
            return pool.others().saturating_add(1);
        }
        1
    }

    /// The pool, if no pass has it. A pass within another would wait for threads that wait for it to end.
    #[cfg(feature = "parallel")]
    fn take(&self) -> Option<parallel::Taken<'_>> {
        self.pool.as_ref()?.take()
    }

    /// Does `work` on the pieces `0 .. pieces`, on any thread, and gives the results to `consume` in
    /// order, on the caller's thread, until it breaks. A `state` is made for each thread and reused.
    ///
    /// Where the watcher stops it, it ends as if it had come to its end.
    pub fn map_in_order<S: Send, T: Send, B>(
        &self,
        pieces: u64,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, u64) -> T + Sync,
        mut consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(watch) = &self.watch else { return self.run(pieces, state, work, consume) };
        if watch.is_cancelled() {
            return ControlFlow::Continue(());
        }
        let mut reporting = watch.report(pieces);
        let consume = |result| {
            if let ControlFlow::Break(value) = consume(result) {
                return ControlFlow::Break(Some(value));
            }
            reporting.iter_mut().for_each(Reporting::pass);
            if watch.is_cancelled() { ControlFlow::Break(None) } else { ControlFlow::Continue(()) }
        };
        match self.run(pieces, state, work, consume) {
            ControlFlow::Break(Some(value)) => ControlFlow::Break(value),
            ControlFlow::Break(None) | ControlFlow::Continue(()) => ControlFlow::Continue(()),
        }
    }

    fn run<S: Send, T: Send, B>(
        &self,
        pieces: u64,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, u64) -> T + Sync,
        mut consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        #[cfg(feature = "parallel")]
        if let Some(taken) = self.take() {
            return parallel::map_in_order(&taken, pieces, state, work, consume);
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
    use std::collections::BTreeMap;
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
    use std::thread;

    use rayon::{ThreadPool, ThreadPoolBuilder};

    /// Pieces a thread may run ahead: enough to smooth over uneven pieces, few enough to stay small.
    const AHEAD: u64 = 4;

    /// All threads but the caller's, which works, too.
    pub(super) struct Pool {
        threads: ThreadPool,
        /// A pass has them.
        is_taken: AtomicBool,
    }

    impl Pool {
        pub(super) fn of(count: usize) -> Option<Self> {
            let count = if count == 0 { thread::available_parallelism().map_or(1, usize::from) } else { count };
            let others = count.checked_sub(1).filter(|&others| others > 0)?;
            // A machine that gives no threads still has the caller's.
            let threads = ThreadPoolBuilder::new().num_threads(others).build().ok()?;
            Some(Self { threads, is_taken: AtomicBool::new(false) })
        }

        pub(super) fn others(&self) -> usize {
            self.threads.current_num_threads()
        }

        pub(super) fn take(&self) -> Option<Taken<'_>> {
            let was_taken = self.is_taken.swap(true, Ordering::Acquire);
            // Not `then_some`: one that is made and dropped would give the threads back.
            (!was_taken).then(|| Taken(self))
        }
    }

    /// While it lives, a pass has the threads.
    pub(super) struct Taken<'t>(&'t Pool);

    impl Drop for Taken<'_> {
        fn drop(&mut self) {
            self.0.is_taken.store(false, Ordering::Release);
        }
    }

    /// Each thread takes one piece after the other; the caller's also consumes what is ready and next.
    /// Nobody waits for another unless it is too far ahead.
    pub(super) fn map_in_order<S: Send, T: Send, B>(
        taken: &Taken<'_>,
        pieces: u64,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, u64) -> T + Sync,
        mut consume: impl FnMut(T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let pool = &taken.0.threads;
        let others = u64::try_from(pool.current_num_threads()).unwrap_or(u64::MAX);
        let queue = OrderedQueue::new(pieces, others.saturating_add(1).saturating_mul(AHEAD));
        let work_on = || {
            let _closing = queue.close_on_panic();
            let mut own = state();
            while let Some(piece) = queue.take_piece() {
                queue.put_result(piece, work(&mut own, piece));
            }
        };
        pool.in_place_scope(|scope| {
            (0..others.min(pieces.saturating_sub(1))).for_each(|_| scope.spawn(|_| work_on()));
            // However this ends, the others are not to go on.
            let _closing = Closing { queue: &queue, only_on_panic: false };
            let mut own = None;
            while let Some(next) = queue.next() {
                match next {
                    Next::Result(result) => consume(result)?,
                    Next::Piece(piece) => queue.put_result(piece, work(own.get_or_insert_with(&state), piece)),
                }
            }
            ControlFlow::Continue(())
        })
    }

    /// Where the threads take pieces from and put the results.
    struct OrderedQueue<T> {
        pieces: u64,
        /// How many pieces may be taken or ready that are not consumed.
        ahead: u64,
        content: Mutex<Content<T>>,
        /// Something was consumed: there may be room for another piece.
        room: WaitQueue,
        /// The next result may be there.
        due: WaitQueue,
    }

    struct Content<T> {
        /// The first piece that nobody has taken.
        free: u64,
        /// The piece whose result is next.
        next: u64,
        ready: BTreeMap<u64, T>,
        is_closed: bool,
    }

    /// Wakes who waits for the content to change. To ring costs nothing where nobody waits, as nearly always.
    #[derive(Default)]
    struct WaitQueue {
        condvar: Condvar,
        /// Changed and read while the content is locked only.
        waiting: AtomicUsize,
    }

    impl WaitQueue {
        /// Gives the content back when it is no longer as `condition` says; until then others have it.
        fn wait_while<'d, T>(
            &self,
            content: MutexGuard<'d, Content<T>>,
            condition: impl FnMut(&mut Content<T>) -> bool,
        ) -> MutexGuard<'d, Content<T>> {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let content = self.condvar.wait_while(content, condition).unwrap_or_else(PoisonError::into_inner);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            content
        }

        /// Wakes one who waits; `_content` shows that it is locked.
        fn ring<T>(&self, _content: &mut Content<T>) {
            if self.waiting.load(Ordering::Relaxed) > 0 {
                self.condvar.notify_one();
            }
        }

        /// Wakes all.
        fn ring_for_all(&self) {
            self.condvar.notify_all();
        }
    }

    /// What the caller's thread does next.
    enum Next<T> {
        Result(T),
        Piece(u64),
    }

    impl<T> OrderedQueue<T> {
        fn new(pieces: u64, ahead: u64) -> Self {
            let content = Content { free: 0, next: 0, ready: BTreeMap::new(), is_closed: false };
            Self { pieces, ahead, content: Mutex::new(content), room: WaitQueue::default(), due: WaitQueue::default() }
        }

        fn content(&self) -> MutexGuard<'_, Content<T>> {
            self.content.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// A piece to work on, as soon as there is room for its result; `None` when all are taken.
        fn take_piece(&self) -> Option<u64> {
            let is_full = |content: &mut Content<T>| self.has_piece(content) && !self.has_room(content);
            let mut content = self.room.wait_while(self.content(), is_full);
            self.has_piece(&content).then(|| content.take())
        }

        fn put_result(&self, piece: u64, result: T) {
            let mut content = self.content();
            content.ready.insert(piece, result);
            if piece == content.next {
                self.due.ring(&mut content);
            }
        }

        /// The next result, or else a piece to work on meanwhile; `None` when all is done.
        fn next(&self) -> Option<Next<T>> {
            let is_idle = |content: &mut Content<T>| {
                let can_work = self.has_piece(content) && self.has_room(content);
                let is_over = content.is_closed || content.next >= self.pieces;
                !(is_over || can_work || content.ready.contains_key(&content.next))
            };
            let mut content = self.due.wait_while(self.content(), is_idle);
            let next = content.next;
            if let Some(result) = content.ready.remove(&next) {
                content.next = next.saturating_add(1);
                self.room.ring(&mut content);
                return Some(Next::Result(result));
            }
            self.has_piece(&content).then(|| Next::Piece(content.take()))
        }

        fn has_piece(&self, content: &Content<T>) -> bool {
            !content.is_closed && content.free < self.pieces
        }

        fn has_room(&self, content: &Content<T>) -> bool {
            content.free.saturating_sub(content.next) < self.ahead
        }

        /// Lets nobody wait for a thread that panics.
        fn close_on_panic(&self) -> Closing<'_, T> {
            Closing { queue: self, only_on_panic: true }
        }
    }

    impl<T> Content<T> {
        fn take(&mut self) -> u64 {
            let piece = self.free;
            self.free = piece.saturating_add(1);
            piece
        }
    }

    /// Closes the queue when it is dropped.
    struct Closing<'d, T> {
        queue: &'d OrderedQueue<T>,
        only_on_panic: bool,
    }

    impl<T> Drop for Closing<'_, T> {
        fn drop(&mut self) {
            if thread::panicking() || !self.only_on_panic {
                self.queue.content().is_closed = true;
                self.queue.room.ring_for_all();
                self.queue.due.ring_for_all();
            }
        }
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
    fn a_panic_in_the_work_comes_through_and_nobody_waits_for_it() {
        for count in [1, 2, 4] {
            let run = || {
                Threads::new(count).map_in_order(
                    1000,
                    || (),
                    |(), piece| assert!(piece != 500, "as planned"),
                    |()| ControlFlow::<()>::Continue(()),
                )
            };
            assert!(std::panic::catch_unwind(run).is_err(), "{count} threads");
        }
    }

    #[test]
    fn no_pieces_are_no_work() {
        let flow = Threads::new(2).map_in_order(0, || (), |(), _| (), |()| ControlFlow::Break(()));
        assert_eq!(flow, ControlFlow::Continue(()));
    }

    #[test]
    fn a_pass_within_a_pass_ends() {
        let threads = Threads::new(3);
        let inner = |from: u64| {
            let mut sum = 0;
            let flow = threads.map_in_order(
                50,
                || (),
                |(), piece| from + piece,
                |value| {
                    sum += value;
                    ControlFlow::<()>::Continue(())
                },
            );
            assert!(flow.is_continue());
            sum
        };
        let mut sums = Vec::new();
        let flow = threads.map_in_order(
            200,
            || (),
            |(), piece| inner(piece),
            |sum| {
                sums.push(sum + inner(0));
                ControlFlow::<()>::Continue(())
            },
        );
        assert!(flow.is_continue());
        assert_eq!(sums, (0..200).map(|piece| 50 * piece + 2 * 1225).collect::<Vec<u64>>());
        assert_eq!(threads.count(), if cfg!(feature = "parallel") { 3 } else { 1 }, "they are free again");
        #[cfg(feature = "parallel")]
        assert!(threads.pool.is_none() || threads.take().is_some());
    }
}
