//! Memory for the few formats whose windows are large: one account for all threads.

use std::sync::atomic::{AtomicU64, Ordering};

use super::tape::Stop;

/// Bytes for all walkers together.
const ALL: u64 = 64 << 20;

static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Bytes that nobody else can have.
pub struct Room(u64);

/// Room for so many bytes. Where others have it, or it is more than there is, the content stays unjudged.
pub fn take(bytes: u64) -> Result<Room, Stop> {
    let take = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= ALL);
    match TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
        Ok(_) => Ok(Room(bytes)),
        Err(_) => Err(Stop::Unknown(format!("judging it takes {bytes} bytes of memory"))),
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        TAKEN.fetch_sub(self.0, Ordering::Relaxed);
    }
}
