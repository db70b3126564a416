//! The tools of ntfs-salvage, on its public API only: one folder a tool, and what they share.

#![allow(unreachable_pub, reason = "in a program, pub says what a module offers to the others")]

pub mod judge;
pub mod mft_dump;
pub mod recover;
mod report;
pub mod rescue_plan;
#[allow(missing_docs, missing_debug_implementations, reason = "for the packages beside this one, not for everyone")]
pub mod shared;
