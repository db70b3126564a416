//! Reads NTFS from raw images, even damaged ones, and yields every recoverable file with an honest
//! statement of how much of it is true.

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
pub mod salvage;
pub mod source;
pub mod structure;
pub mod volume;

pub use base::damage::{Damage, DamageKind, Place};
pub use base::error::{Error, ReadError, Result};
pub use base::guid::Guid;
pub use base::name::Name;
pub use base::reference::{FileReference, SequenceMatch};
pub use base::sid::Sid;
pub use base::threads::Threads;
pub use base::time::FileTime;
pub use catalog::{Catalog, Entry, EntryState};
pub use structure::record::Record;
pub use volume::Volume;
