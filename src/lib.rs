//! Reads NTFS from raw images, even damaged ones, and yields every recoverable file with an honest
//! statement of how much of it is true.
//!
//! ```no_run
//! # fn main() -> ntfs_salvage::Result<()> {
//! use ntfs_salvage::{Disk, Volume};
//!
//! let source = ntfs_salvage::source::open("disk.img")?;
//! for partition in Disk::new(&source).partitions() {
//!     let Ok(volume) = Volume::open_window(partition.window(&source)) else { continue };
//!     let catalog = volume.catalog();
//!     for entry in catalog.entries() {
//!         for path in entry.paths() {
//!             println!("{} {} {path}", entry.reference(), entry.state().name());
//!         }
//!         for stream in entry.streams() {
//!             println!("    {} {:?} bytes", stream.name(), stream.size());
//!         }
//!         for damage in entry.damage() {
//!             println!("    ! {damage}");
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The types in the order you meet them:
//!
//! - [`source::Source`]: where bytes come from. [`source::open`] reads a file or device by position;
//!   memory, maps and windows are sources too. Nothing here can write to one.
//! - [`Disk`] finds partitions; [`Volume`] finds the geometry and the
//!   [`Mft`](volume::mft::Mft), or opens a bare `$MFT` file.
//! - [`Catalog`]: one pass over the table; then [`Entry`] after entry, live, deleted, or what is left
//!   of one, each with its [links](catalog::Link), [paths](catalog::FilePath) and
//!   [streams](catalog::Stream).
//! - [`Record`], [`Attribute`](structure::attribute::Attribute) and
//!   [`Value`](structure::value::Value): a single record, without I/O, and without an allocation
//!   where nothing needs repair.
//! - [`Damage`]: what is wrong, with its place and a stable code. It stands beside what could still
//!   be read; an [`Error`] means that there is no answer.
//!
//! ```
//! use ntfs_salvage::Record;
//! use ntfs_salvage::structure::value::Value;
//!
//! fn names(number: u64, bytes: &[u8]) -> Result<Vec<String>, ntfs_salvage::Damage> {
//!     let record = Record::parse(number, bytes)?;
//!     let values = record.attributes().filter_map(|attribute| attribute.ok()?.value().ok());
//!     let name = |value| if let Value::FileName(name) = value { Some(name.name().to_string()) } else { None };
//!     Ok(values.filter_map(name).collect())
//! }
//! assert!(names(5, &[0; 1024]).is_err(), "a blank slot is no record");
//! ```

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod base;
pub mod catalog;
pub mod codec;
#[cfg(feature = "containers")]
#[cfg_attr(docsrs, doc(cfg(feature = "containers")))]
pub mod container;
pub mod content;
mod ghosts;
mod lookup;
pub mod recoverability;
pub mod salvage;
mod session;
pub mod source;
pub mod structure;
pub mod volume;

pub use base::damage::{Damage, DamageKind, Place};
pub use base::error::{Error, ReadError, Result};
pub use base::few::Few;
pub use base::guid::Guid;
pub use base::name::Name;
pub use base::reference::{FileReference, SequenceMatch};
pub use base::sid::Sid;
pub use base::threads::Threads;
pub use base::time::FileTime;
pub use base::watch::{Progress, Step};
pub use catalog::{Catalog, Entry, EntryState, Stream};
pub use lookup::{Child, Children};
pub use session::{Session, SessionVolume};
pub use structure::record::Record;
pub use volume::Volume;
pub use volume::disk::Disk;
