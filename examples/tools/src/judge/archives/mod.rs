//! Archives and compressed files.

pub mod bzip2;
pub mod cabinet;
pub mod git;
pub mod gzip;
pub mod rar;
pub mod seven_zip;
pub mod tar;
pub mod wim;
pub mod xz;
pub mod zip;
pub mod zstd;
