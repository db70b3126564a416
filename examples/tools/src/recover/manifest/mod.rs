//! The manifest: its file, its lines, what an interrupted run has written of it, and the totals at its end.

pub mod earlier;
pub mod file;
pub mod lines;
pub mod stream_line;
pub mod totals;
