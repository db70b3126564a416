//! What a range of a disk is made of.

use std::fmt;

/// A run of a disk's bytes, all of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// How many bytes of the disk, counted from the offset that was asked for; at least one.
    pub(crate) length: u64,
    /// Where they come from.
    pub(crate) piece: Piece,
}

impl Run {
    /// Becomes longer by the run behind it, if that goes on where this one ends; false where it does not.
    pub(crate) fn take_in(&mut self, next: &Self) -> bool {
        let is_same = match (&self.piece, &next.piece) {
            (Piece::Raw { file, offset }, Piece::Raw { file: next_file, offset: next_offset }) => {
                file == next_file && offset.saturating_add(self.length) == *next_offset
            }
            (one, other) => one == other,
        };
        if is_same {
            self.length = self.length.saturating_add(next.length);
        }
        is_same
    }
}

/// Where the bytes of a run come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// They lie in a file as they are.
    Raw {
        /// Index of the file among the image's [`Files`](super::files::Files).
        file: usize,
        /// Where the run's first byte lies in it.
        offset: u64,
    },
    /// They are part of a unit that can only be decoded as a whole. The run ends with the unit at the latest.
    Packed(Unit),
    /// The format says that they are zero.
    Zero,
    /// The format says that they repeat these eight bytes, the first of which stands at each multiple of 8.
    Pattern([u8; 8]),
    /// They are those of the image this one is the difference to.
    Parent,
    /// Nobody has them any more.
    Lost(Loss),
}

/// A unit of packed bytes: a chunk, a cluster, a grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Index of the file it is stored in.
    pub(crate) file: usize,
    /// Where it is stored there.
    pub(crate) offset: u64,
    /// Bytes it is stored in; more than it needs do no harm, if the encoding knows its own end.
    pub(crate) stored: u32,
    /// First byte of the disk that it has. One that begins before the disk, as where a map has only the end of a chunk,
    /// counts on from the end of all numbers.
    pub(crate) start: u64,
    /// How many bytes of the disk it has. What it decodes to may be longer, never shorter.
    pub(crate) length: u32,
    /// How it is packed.
    pub(crate) encoding: Encoding,
}

/// How a unit is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// A zlib stream with its own checksum (RFC 1950).
    Zlib,
    /// A deflate stream without a checksum (RFC 1951).
    Deflate,
    /// A Zstandard frame (RFC 8878).
    Zstd,
    /// An LZ4 block or frame.
    Lz4,
    /// A Snappy block.
    Snappy,
    /// As it is, with the Adler-32 of it behind it (little-endian).
    Adler32,
}

impl Encoding {
    /// A short name that stays the same between versions.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Snappy => "snappy",
            Self::Adler32 => "adler32",
        }
    }
}

/// Why bytes of a disk are lost, though the container should have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Loss {
    /// Whoever made the image could not read them, and the image says so.
    Acquisition,
    /// Their checksum is wrong.
    Checksum,
    /// They cannot be decoded.
    Undecodable,
    /// The file that should have them is not there.
    MissingFile,
    /// The image that should have them, this one being the difference to it, is not there.
    MissingParent,
    /// The table that should say where they lie is damaged.
    Table,
    /// They should lie behind the end of the file.
    BehindEnd,
    /// The file cannot be read there.
    Unreadable,
}

impl Loss {
    /// A short name that stays the same between versions.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Acquisition => "acquisition-error",
            Self::Checksum => "checksum",
            Self::Undecodable => "undecodable",
            Self::MissingFile => "missing-file",
            Self::MissingParent => "missing-parent",
            Self::Table => "table",
            Self::BehindEnd => "behind-end",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Acquisition => "could not be read when the image was made",
            Self::Checksum => "the image's checksum of them is wrong",
            Self::Undecodable => "the image's compressed form of them is damaged",
            Self::MissingFile => "the file of the image that has them is missing",
            Self::MissingParent => "the parent image that has them is missing",
            Self::Table => "the image's table that says where they lie is damaged",
            Self::BehindEnd => "the image's file ends before them",
            Self::Unreadable => "the image's file cannot be read there",
        })
    }
}
