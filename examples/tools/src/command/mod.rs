//! The command line and the process: choices, patterns, Ctrl-C, and why a run failed.

pub mod failure;
pub mod globs;
pub mod record_choice;
pub mod stop;
