//! On-disk structures: bytes to views, without I/O.

pub mod attribute_type;
pub mod boot_sector;
pub mod value;
