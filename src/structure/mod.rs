//! On-disk structures: bytes to views, without I/O.

pub mod attribute_type;
pub mod index;
pub mod index_entry;
pub mod index_record;
pub mod index_view;
pub mod security_stream;
pub mod value;
