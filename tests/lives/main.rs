//! Lives of files: random sequences of what users do, on volumes with the habits of several drivers, and what the
//! library says of them. The truth is told byte for byte by the generator.
//!
//! The long campaign: `cargo test --release --test lives -- --ignored --nocapture`, with `LIVES=4000` and `FIRST=1`
//! for how many, and from which seed on.

#![allow(missing_docs, reason = "a test")]

mod campaign;
mod chains;
mod generator;
#[cfg(unix)]
mod mounted;
mod score;
