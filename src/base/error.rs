//! Questions that have no answer.

use std::io;

use thiserror::Error;

use super::damage::Damage;
use super::reference::FileReference;

/// A result of this crate.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a question has no answer.
///
/// | asked for | not there | not readable | something else |
/// | --- | --- | --- | --- |
/// | a source | [`Io`](Self::Io) | [`Read`](Self::Read) | [`Container`](Self::Container) |
/// | a volume | [`NoVolume`](Self::NoVolume), [`NoSuchPartition`](Self::NoSuchPartition) | [`Read`](Self::Read), [`Damage`](Self::Damage) | [`SomethingElse`](Self::SomethingElse) |
/// | a record | [`NoSuchRecord`](Self::NoSuchRecord) | [`Damage`](Self::Damage) | [`NotAFile`](Self::NotAFile) |
/// | a file, a stream | [`NoSuchFile`](Self::NoSuchFile), [`NoSuchName`](Self::NoSuchName), [`NoSuchStream`](Self::NoSuchStream) | [`DamagedIndex`](Self::DamagedIndex) | |
///
/// [`Cancelled`](Self::Cancelled) is whatever a watcher stopped. Where there is an answer and something is wrong with it, a
/// [`Damage`] stands beside the answer instead.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::{Error, Session};
///
/// match Session::open("testdata/README.md") {
///     Ok(session) => println!("{} volumes", session.volumes().len()),
///     Err(Error::SomethingElse(other)) => println!("no NTFS: {other}"),
///     Err(Error::NoVolume) => println!("nothing that is known"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
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
    /// Nothing of NTFS is in the source.
    #[error("nothing of NTFS was found: no boot sector, FILE record or index record")]
    NoVolume,
    /// The source holds something else: another file system, an encryption, a file that wraps a disk.
    #[error("it is no NTFS: {0}")]
    SomethingElse(String),
    /// The disk has no partition of this number.
    #[error("the disk has no partition {0}")]
    NoSuchPartition(u32),
    /// The table has no record of this number.
    #[error("the table has no record {number}: it has {count}")]
    NoSuchRecord {
        /// The number.
        number: u64,
        /// How many records there are.
        count: u64,
    },
    /// A record of which nothing shows that it was ever a file's: formatting wrote it, or it extends another.
    #[error("record {0} shows no evidence of a file")]
    NotAFile(u64),
    /// What was found is of NTFS, and no volume could be made of it.
    #[error("no volume of NTFS could be put together of what was found: {found}")]
    NotAssembled {
        /// What was found, and where.
        found: String,
    },
    /// No file has this record, in the life that is meant.
    #[error("no file is {0}: its record is free, lost, or was used again")]
    NoSuchFile(FileReference),
    /// A file has no such stream.
    #[error("file {file} has no stream {name:?}")]
    NoSuchStream {
        /// The file.
        file: FileReference,
        /// The name of the stream, empty for the main one.
        name: String,
    },
    /// A directory has no such name.
    #[error("directory {directory} has no {name:?}")]
    NoSuchName {
        /// The directory.
        directory: FileReference,
        /// The name that was looked for.
        name: String,
    },
    /// A directory's index is damaged where a name would be.
    #[error("the index of directory {directory} is damaged{}: a catalog knows more", at_name(name))]
    DamagedIndex {
        /// The directory.
        directory: FileReference,
        /// The name that was looked for; empty where all were.
        name: String,
    },
    /// A watcher stopped it.
    #[error("it was stopped")]
    Cancelled,
    /// An evidence file or virtual disk that cannot be opened.
    #[error("{format}: {reason}")]
    Container {
        /// The format, as people call it.
        format: &'static str,
        /// What is in the way, and what to do.
        reason: String,
    },
}

/// Where an index is damaged.
fn at_name(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" where {name:?} would be") }
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

impl ReadError {
    /// What a [`Source`](crate::source::Source) of one's own reports: `length` bytes from `offset` on, and why not.
    #[must_use]
    pub fn new(offset: u64, length: u64, error: impl Into<io::Error>) -> Self {
        Self { offset, length, error: error.into() }
    }

    /// Of a source that is gone for good: nobody asked for the bytes.
    pub(crate) fn gone(offset: u64, length: u64) -> Self {
        Self::new(offset, length, io::Error::new(io::ErrorKind::NotConnected, "the source is gone"))
    }
}
