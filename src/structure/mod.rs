//! On-disk structures: bytes to views, without I/O.

pub mod attribute_type;
pub mod value;
