//! Reads NTFS from raw images, even damaged ones, and yields every recoverable file with an honest
//! statement of how much of it is true.
//!
//! # Where to start
//!
//! **To list what there is**, open a [`Session`]: it finds out what a path holds. Each of its volumes has a [`Catalog`],
//! and that has an [`Entry`] for each file: live, deleted, what is left of one, and files that only an index still names.
//!
//! ```
//! use ntfs_salvage::prelude::*;
//!
//! # fn main() -> ntfs_salvage::Result<()> {
//! let session = Session::open("testdata/plain.img")?;
//! for volume in session.volumes() {
//!     for entry in volume.catalog().entries() {
//!         for path in entry.paths() {
//!             println!("{} {} {path}", entry.reference(), entry.state().name());
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **To recover files**, ask first what a stream is worth: [`Assessment`](recoverability::Assessment) knows who else
//! claims its clusters. Then read it. A [`StreamReader`](content::StreamReader) says of every byte where it is from.
//!
//! ```
//! use ntfs_salvage::prelude::*;
//!
//! # fn main() -> ntfs_salvage::Result<()> {
//! let session = Session::open("testdata/deleted.img")?;
//! let catalog = session.volumes()[0].catalog();
//! let assessment = catalog.assessment(&Threads::default(), RecoverabilityOptions::default());
//! for entry in catalog.entries().filter(|entry| entry.state() == EntryState::Deleted) {
//!     for stream in &entry.streams() {
//!         let mut bytes = Vec::new();
//!         let missing = stream.reader().copy_to(&mut bytes)?.len();
//!         println!("{} is {}: {missing} ranges missing", entry.reference(), assessment.assess(stream).verdict());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **To read one file** of a volume that is sound, no catalog is needed: its directories lead to it.
//!
//! ```
//! use ntfs_salvage::prelude::*;
//!
//! # fn main() -> ntfs_salvage::Result<()> {
//! let image = ntfs_salvage::source::open("testdata/plain.img")?;
//! let volume = Volume::open(&image)?;
//! let file = volume.entry_by_path(r"\sizes\012293.txt")?;
//! let record = volume.mft().record(file.record_number())?;
//! assert_eq!(record.reference(), file);
//! # Ok(())
//! # }
//! ```
//!
//! **To look at one record** takes its bytes, and no source. Nothing is copied where nothing needs repair.
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
//!
//! **A bare table**, the `$MFT` as a file, is a volume without clusters: [`Volume::from_table`]. A session opens one, too.
//!
//! **A damaged disk** opens like any other. Where boot sectors or the table are gone, [`salvage`] scans for what is left.
//! Each step of it can be asked for, watched and stopped, and its bytes may come from a disk that fails
//! ([`source::Ledger`]) or from one that ddrescue has read ([`source::RescuedOnly`]).
//!
//! ```
//! use std::ops::ControlFlow;
//! use ntfs_salvage::prelude::*;
//! use ntfs_salvage::source::Ledger;
//!
//! # fn main() -> ntfs_salvage::Result<()> {
//! let disk = ntfs_salvage::source::open("testdata/plain.img")?;
//! let ledger = Ledger::new(&disk);
//! let show = |progress: Progress| {
//!     eprintln!("{:?}: {} of {}", progress.step, progress.done, progress.total);
//!     ControlFlow::Continue(())
//! };
//! let scan = |threads: &Threads| Opening::new(&ledger).scan().threads(threads).run();
//! let found = Threads::default().watch(show, scan)?;
//! for opened in &found.volumes {
//!     println!("{} by its {}", opened.start(), opened.opened_by());
//!     opened.volume().damage().for_each(|damage| println!("    ! {damage}"));
//! }
//! println!("{} ranges cannot be read", ledger.missing().len());
//! # Ok(())
//! # }
//! ```
//!
//! # What is kept, and what is borrowed
//!
//! A [`Session`] and what it gives own what they need: they can be stored, cloned and sent to threads. [`Volume::open`]
//! and its like borrow a [`Source`](source::Source), which costs nothing. What is read, an entry or a record, borrows
//! from what it was read from.
//!
//! # What is wrong
//!
//! A [`Damage`] stands beside what could still be read, with its place and a stable code. An [`Error`] means that there is
//! no answer, and says why by its kind. Nothing here writes to a source.
//!
//! # Features
//!
//! `containers` (default) reads evidence files and virtual disks, `zstd` QCOW2 clusters packed so, `parallel` (default)
//! uses several threads. Without `std` (default) there is what needs no source: [`structure`] and [`codec`].
//!
//! `serde` stores facts and reads them again: damage, verdicts with their ranges, references, times, states, paths,
//! encodings, geometries and conditions. Their names in store are those of their codes. A reference is stored as its two
//! parts, a time to the tick as its text: as numbers, other readers of JSON would round them. What a later version adds
//! to a fact, an earlier one passes over. What a scan found has a file format of its own
//! ([`Findings`](salvage::Findings)).

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
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(not(feature = "std"), allow(dead_code, reason = "what reads from sources uses it"))]

extern crate alloc;

mod base;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod catalog;
pub mod codec;
#[cfg(feature = "containers")]
#[cfg_attr(docsrs, doc(cfg(feature = "containers")))]
pub mod container;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod content;
#[cfg(feature = "std")]
mod ghosts;
#[cfg(feature = "std")]
mod lookup;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod recoverability;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod salvage;
#[cfg(feature = "std")]
mod session;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod source;
pub mod structure;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod volume;

pub use base::damage::{Damage, DamageKind, Place};
#[cfg(feature = "std")]
pub use base::error::{Error, ReadError, Result};
pub use base::few::Few;
pub use base::guid::Guid;
pub use base::name::Name;
pub use base::reference::{FileReference, SequenceMatch};
pub use base::sid::Sid;
#[cfg(feature = "std")]
pub use base::threads::Threads;
pub use base::time::FileTime;
#[cfg(feature = "std")]
pub use base::watch::{Progress, Step};
#[cfg(feature = "std")]
pub use catalog::Catalog;
#[cfg(feature = "std")]
pub use catalog::entry::{Entry, EntryState};
#[cfg(feature = "std")]
pub use catalog::stream::Stream;
#[cfg(feature = "std")]
pub use lookup::{Child, Children};
#[cfg(feature = "std")]
pub use session::{Session, SessionVolume};
pub use structure::record::Record;
#[cfg(feature = "std")]
pub use volume::Volume;
#[cfg(feature = "std")]
pub use volume::disk::Disk;

/// What the front page of this documentation uses.
#[cfg(feature = "std")]
pub mod prelude {
    pub use crate::content::StreamReader;
    pub use crate::recoverability::{Assessment, RecoverabilityOptions, Verdict};
    pub use crate::salvage::{Opened, Opening};
    pub use crate::source::Source;
    pub use crate::{
        Catalog, Damage, Entry, EntryState, Error, FileReference, Progress, Session, SessionVolume, Step, Stream,
        Threads, Volume,
    };
}
