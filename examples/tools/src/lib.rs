//! The tools of ntfs-salvage, on its public API only.
//!
//! A room imports only from those above it:
//!
//! | room | what it knows |
//! | --- | --- |
//! | `command/` | the command line and the process: choices, patterns, Ctrl-C, failures |
//! | `writing/` | numbers, names and JSON in output |
//! | `judge/` | what the content of a file says of itself, by its format |
//! | `input/` | opening what the user names, and the volumes in it |
//! | `files/` | what is said of a file and its streams |
//! | `report/` | the page for people |
//! | `mft_dump/`, `recover/`, `rescue_plan/` | the tools, which know nothing of each other |

#![allow(unreachable_pub, reason = "in a program, pub says what a module offers to the others")]

#[allow(missing_docs, missing_debug_implementations, reason = "for the packages beside this one, not for everyone")]
pub mod command;
#[allow(missing_docs, missing_debug_implementations, reason = "for the packages beside this one, not for everyone")]
pub mod files;
#[allow(missing_docs, missing_debug_implementations, reason = "for the packages beside this one, not for everyone")]
pub mod input;
pub mod judge;
pub mod mft_dump;
pub mod recover;
mod report;
pub mod rescue_plan;
#[allow(missing_docs, missing_debug_implementations, reason = "for the packages beside this one, not for everyone")]
pub mod writing;
