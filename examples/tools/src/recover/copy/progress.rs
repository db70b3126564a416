//! The progress bar: bytes and files.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::recover::plan::naming::Plan;

/// A bar on the standard error, if a person looks at it.
pub struct Progress {
    bar: ProgressBar,
    is_visible: bool,
    streams: AtomicU64,
}

impl Progress {
    pub fn new(wanted: bool) -> Self {
        let is_visible = wanted && io::stderr().is_terminal();
        let target = if is_visible { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}  {msg}") {
            bar.set_style(style);
        }
        Self { bar, is_visible, streams: AtomicU64::new(0) }
    }

    /// Starts over for what is planned.
    pub fn start(&self, plan: &Plan) {
        if self.is_visible {
            self.bar.reset();
            self.bar.set_length(plan.bytes);
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    pub fn add_bytes(&self, count: u64) {
        if self.is_visible {
            self.bar.inc(count);
        }
    }

    /// One stream more is done.
    pub fn add_stream(&self, plan: &Plan) {
        if self.is_visible {
            let done = self.streams.fetch_add(1, Ordering::Relaxed) + 1;
            self.bar.set_message(format!("{done}/{} streams", plan.streams));
        }
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
