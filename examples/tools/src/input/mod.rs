//! The input: how it is named and opened, the volumes in it, and what of it cannot be read.
//!
//! [`arguments`] are what a user says of it, [`container`] opens it, [`volumes`] finds what is in it; the others say
//! what was found, lost or left out.

pub mod arguments;
pub mod buffer;
pub mod condition;
pub mod container;
pub mod evidence;
pub mod header;
pub mod identity;
pub mod losses;
pub mod map_file;
pub mod rescue_map;
pub mod scan_file;
pub mod short_reads;
pub mod spans;
pub mod unread;
pub mod volumes;
