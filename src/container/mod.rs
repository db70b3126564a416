//! Evidence files and virtual disks as sources: what a disk's bytes are, wherever a file keeps them.
//!
//! [`open`] looks at a file's content and gives the [`Evidence`] it is: the bytes themselves, or a [`Container`] that
//! has them in another form. Both are [sources](crate::source::Source).
//!
//! A format is one file of this room (`image::Format`); it says what the disk is made of. All else is done once,
//! for all of them: the driver ([`Container`]) reads, decodes, follows parents and keeps account of what is lost.

mod aff4;
mod cache;
mod claims;
mod decode;
mod driver;
mod evidence;
mod ewf;
mod ewf2;
mod files;
mod formats;
mod image;
mod neighbours;
mod opening;
mod options;
mod pages;
mod parts;
mod piece;
mod qcow2;
mod raw;
mod split;
mod vdi;
mod vhd;
mod vhdx;
mod vmdk;
#[cfg(feature = "zstd")]
mod zstd;

pub use driver::{Container, Located, Origin};
pub use evidence::Evidence;
pub use image::{Facts, StoredHash};
pub use opening::open;
pub use options::Opening;
pub use piece::{Encoding, Loss};
