//! The progress bar: bytes of the table.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ntfs_salvage::Volume;

/// A bar on the standard error, if a person looks at it.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Bytes a batch of entries is read from.
    const BATCH: u64 = 256 << 10;

    pub fn new(wanted: bool) -> Self {
        let visible = wanted && io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Starts over for a volume whose table is passed over so many times.
    pub fn start(&self, volume: &Volume<'_>, passes: usize) {
        let table = volume.mft().record_count().saturating_mul(u64::from(volume.mft().record_size()));
        self.bar.reset();
        self.bar.set_length(table.saturating_mul(u64::try_from(passes).unwrap_or(1)));
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    pub fn step(&self) {
        self.bar.inc(Self::BATCH);
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
