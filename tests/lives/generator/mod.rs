//! Lives of files: what happened to each on a volume, told byte for byte.
//!
//! The same lives are led on a volume of our own making ([`volume`]), with the habits of several drivers, and through
//! ntfs-3g ([`mounted`]). Nothing here shares code with the library.

#![allow(dead_code, reason = "each package includes this module and uses its own part of it")]

pub(crate) mod changes;
#[cfg(unix)]
pub(crate) mod mounted;
pub(crate) mod random;
pub(crate) mod story;
pub(crate) mod truth;
pub(crate) mod volume;

/// What a volume can be asked for: paths start with `/`, the main stream has no name.
pub(crate) trait Disk {
    fn make_directory(&mut self, path: &str) -> Done;
    fn create(&mut self, path: &str, form: Form) -> Done;
    /// How many bytes there was room for. A stream that is not there is made.
    fn write(&mut self, path: &str, stream: &str, offset: u64, bytes: &[u8]) -> Result<usize, Full>;
    fn set_size(&mut self, path: &str, stream: &str, size: u64) -> Done;
    fn remove_stream(&mut self, path: &str, stream: &str);
    /// A file that is at `to` goes.
    fn rename(&mut self, from: &str, to: &str) -> Done;
    fn link(&mut self, path: &str, to: &str) -> Done;
    /// A name of a file, or an empty directory.
    fn remove(&mut self, path: &str);
    /// Number and sequence number of the base record.
    fn reference(&mut self, path: &str) -> (u64, u16);
    /// Whether all that is known of the file stands in its records.
    fn is_all_in_records(&mut self, path: &str) -> bool;
    /// Whether the record is free, and still says what it said in its last life as a file's own.
    fn keeps(&mut self, number: u64) -> bool;
    /// What a stream holds, as the driver says.
    fn content(&mut self, path: &str, stream: &str) -> Option<Vec<u8>>;
    /// Whether compressed streams can be written to anywhere, and cut.
    fn can_rewrite_compressed(&self) -> bool;
    /// Time passes; all that is to be written is.
    fn rest(&mut self);
    /// The volume as it is on disk.
    fn image(&mut self) -> Vec<u8>;
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

pub(crate) type Done = Result<(), Full>;

/// How the content of a file is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    Plain,
    Sparse,
    Compressed,
}
