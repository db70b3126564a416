//! An allocator that counts: how many bytes are in use, how many were at most, and how many were asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
static ASKED_FOR: AtomicUsize = AtomicUsize::new(0);

fn count(bytes: usize) {
    let in_use = IN_USE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(in_use, Ordering::Relaxed);
    ASKED_FOR.fetch_add(bytes, Ordering::Relaxed);
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every request goes to the system's allocator as it is; the counters do not touch memory.
#[allow(unsafe_code, reason = "a global allocator cannot be had without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

static ONE: Mutex<()> = Mutex::new(());

/// The most bytes that were in use during `work` beyond those before it. One measurement at a time; other tests
/// of the same program add to it, so that it is never too low.
pub(crate) fn peak_of<T>(work: impl FnOnce() -> T) -> usize {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = IN_USE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    drop(work());
    MOST.load(Ordering::Relaxed).saturating_sub(before)
}

/// How many bytes were asked for during `work`, whatever of them was given back. As with the peak, other tests add to it.
pub(crate) fn asked_for_by<T>(work: impl FnOnce() -> T) -> usize {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = ASKED_FOR.load(Ordering::Relaxed);
    drop(work());
    ASKED_FOR.load(Ordering::Relaxed) - before
}
