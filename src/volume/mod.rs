//! From a source to a volume: partitions, geometry, extents and the MFT.

pub mod extents;
pub mod geometry;
