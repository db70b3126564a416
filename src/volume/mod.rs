//! From a source to a volume: partitions, geometry, extents and the MFT.

pub mod disk;
pub mod geometry;
pub mod guid_partition_table;
pub mod master_boot_record;
pub mod partition;
mod partition_table;
pub mod upcase;
