//! What is wanted, and what it will be called.

pub mod job;
pub mod naming;
pub mod selection;
