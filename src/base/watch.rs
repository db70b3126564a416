//! How far a long step has come, and the one way to stop it.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Step {
    /// A pass over a table, or over the entries of a catalog, for whatever it is.
    #[default]
    Pass,
    /// A scan for volumes that have lost their maps.
    Scan,
    /// The pass that makes a catalog.
    Catalog,
    /// Looking for files that have no record.
    Ghosts,
    /// Collecting who claims which cluster.
    Claims,
    /// Copying a stream.
    Copy,
}

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// Pieces of work that are done, of about the same size; bytes of a copy.
    pub done: u64,
    /// All pieces, or bytes.
    pub total: u64,
}

impl Progress {
    pub(crate) const fn new(step: Step, done: u64, total: u64) -> Self {
        Self { step, done, total }
    }
}

type Watcher = Box<dyn FnMut(Progress) -> ControlFlow<()> + Send>;

/// Who is told how far passes have come, and can stop them.
pub(crate) struct Watch {
    watcher: Mutex<Watcher>,
    step: Mutex<Step>,
    /// Whether a pass reports: those within it do not.
    is_reporting: AtomicBool,
    is_cancelled: AtomicBool,
}

impl Watch {
    pub(crate) fn new(watcher: impl FnMut(Progress) -> ControlFlow<()> + Send + 'static) -> Self {
        Self {
            watcher: Mutex::new(Box::new(watcher)),
            step: Mutex::default(),
            is_reporting: AtomicBool::new(false),
            is_cancelled: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Begins a step; what was done before goes on when the guard is dropped.
    pub(crate) fn begin(&self, step: Step) -> Begun<'_> {
        Begun { watch: self, before: std::mem::replace(&mut *lock(&self.step), step) }
    }

    /// Begins a pass; `None` within another.
    pub(crate) fn report(&self, total: u64) -> Option<Reporting<'_>> {
        let was_reporting = self.is_reporting.swap(true, Ordering::Acquire);
        (!was_reporting).then(|| Reporting { watch: self, done: 0, total })
    }
}

/// A thread that panicked while it had it has not made it wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("is_cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// While it lives, a step is being done.
#[derive(Debug)]
pub(crate) struct Begun<'w> {
    watch: &'w Watch,
    before: Step,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        *lock(&self.watch.step) = self.before;
    }
}

/// While it lives, a pass reports.
#[derive(Debug)]
pub(crate) struct Reporting<'w> {
    watch: &'w Watch,
    done: u64,
    total: u64,
}

impl Reporting<'_> {
    /// Reports one piece more.
    pub(crate) fn pass(&mut self) {
        self.done = self.done.saturating_add(1);
        let step = *lock(&self.watch.step);
        let flow = lock(&self.watch.watcher)(Progress::new(step, self.done, self.total));
        if flow.is_break() {
            self.watch.is_cancelled.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Reporting<'_> {
    fn drop(&mut self) {
        self.watch.is_reporting.store(false, Ordering::Release);
    }
}
