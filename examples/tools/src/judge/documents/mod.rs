//! Documents that are no archive of another kind.

pub mod ole2;
pub mod pdf;
