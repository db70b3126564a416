//! On-disk structures: bytes to views, without I/O.

pub mod value;
