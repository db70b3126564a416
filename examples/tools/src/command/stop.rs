//! Ctrl-C: what is being done is brought to an end that can be used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the user wants the run to end.
#[derive(Debug, Default)]
pub struct Stop {
    is_asked: Arc<AtomicBool>,
    /// Whether the next signal ends the program where it stands.
    is_at_once: Arc<AtomicBool>,
    /// Whether something was left undone.
    is_cut_short: AtomicBool,
}

impl Stop {
    /// The exit code of a run that was interrupted.
    pub const CODE: u8 = 130;

    /// Listens from now on. So far a signal ends the program at once.
    pub fn listen() -> Self {
        let stop = Self::default();
        stop.is_at_once.store(true, Ordering::Relaxed);
        for signal in [SIGINT, SIGTERM] {
            // Without a handler a signal ends the program, as it did before. The order counts: the second one ends it.
            let _ = flag::register_conditional_shutdown(signal, Self::CODE.into(), stop.is_at_once.clone());
            let _ = flag::register(signal, stop.is_asked.clone());
            let _ = flag::register(signal, stop.is_at_once.clone());
        }
        stop
    }

    /// From now on there is something to bring to an end: only a second signal ends the program at once.
    pub fn wait_for_the_end(&self) {
        self.is_at_once.store(false, Ordering::Relaxed);
    }

    /// True where what comes next is to be left undone.
    pub fn is_asked(&self) -> bool {
        let is_asked = self.is_asked.load(Ordering::Relaxed);
        if is_asked {
            self.is_cut_short.store(true, Ordering::Relaxed);
        }
        is_asked
    }

    /// Whether something was left undone.
    pub fn is_cut_short(&self) -> bool {
        self.is_cut_short.load(Ordering::Relaxed)
    }
}
