//! On-disk structures: bytes to views, without I/O.

pub mod attribute;
pub mod attribute_type;
pub mod boot_sector;
pub mod data_runs;
#[cfg(test)]
pub(crate) mod forge;
pub mod index;
pub mod index_entry;
pub mod index_record;
pub mod index_view;
pub mod non_resident;
pub mod record;
mod residue;
pub mod security_stream;
mod synthetic_record;
pub mod update_sequence;
pub mod value;
