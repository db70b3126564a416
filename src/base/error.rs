//! Questions that have no answer.

use std::io;

use thiserror::Error;

use super::damage::Damage;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a question has no answer. Where there is an answer and something is wrong with it, a
/// [`Damage`] stands beside the answer instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The source could not be opened or read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Bytes of the source could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The structure that would hold the answer is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The source holds something this crate does not read.
    #[error("{0}")]
    Unsupported(&'static str),
    /// An evidence file or virtual disk that cannot be opened.
    #[error("{format}: {reason}")]
    Container {
        /// The format, as people call it.
        format: &'static str,
        /// What is in the way, and what to do.
        reason: String,
    },
}

/// A range of a source that could not be read.
#[derive(Debug, Error)]
#[error("cannot read {length} bytes at offset {offset}: {error}")]
pub struct ReadError {
    /// First byte of the range, from the start of the source.
    pub offset: u64,
    /// Length of the range in bytes.
    pub length: u64,
    /// What the operating system said.
    #[source]
    pub error: io::Error,
}
