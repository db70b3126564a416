//! What a format makes of its files, and what it has to be able to do.
//!
//! A format is one file of this room. It says by a look at the content whether a file is its own
//! ([`Format::recognizes`]), reads the tables ([`Format::open`]), and from then on answers one question: what are
//! the disk's bytes from here on made of ([`Map::run_at`])? It never reads, decodes or caches content: the
//! [driver](super::Container) does that for all formats, follows parents, and keeps account of what is lost.

use std::fmt;
use std::ops::Range;

use super::files::{Files, ImageFile};
use super::neighbours::Neighbours;
use super::options::Opening;
use super::piece::{Loss, Run};
use crate::base::error::{Error, Result};
use crate::source::Source;

/// A format of images.
pub(crate) trait Format: Sync {
    /// What people call it: `EWF-E01`.
    fn name(&self) -> &'static str;

    /// True where the file is of this format. Decided by content; by the name only where there is nothing else.
    fn recognizes(&self, request: &Request<'_>) -> bool;

    /// Reads the tables, or what is needed to read them later by the piece. What is damaged and can be done
    /// without is a note or a lost range.
    ///
    /// # Errors
    /// When there is no disk to be made of it: encrypted, unsupported, a sibling that is not a disk.
    fn open(&self, request: &Request<'_>) -> Result<Image>;

    /// An error about a file of this format.
    fn refuse(&self, reason: String) -> Error {
        Error::Container { format: self.name(), reason }
    }
}

/// What tells where each byte of a disk lies.
pub(crate) trait Map: Send + Sync + fmt::Debug {
    /// What the disk's bytes from `offset` on are made of; `offset` lies below the image's size. A longer run
    /// is better than a shorter one, but nobody wants to know beyond `limit` bytes (at least 1).
    ///
    /// A table that cannot be read makes a [lost](Loss::Table) run. Places behind the end of the file need
    /// not be looked for: the driver finds them.
    fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run;
}

/// What a format is asked to open.
pub(crate) struct Request<'r> {
    /// The file that was named.
    pub(crate) file: &'r ImageFile,
    /// Its first [`HEAD`](Self::HEAD) bytes, as far as it has them and they can be read.
    pub(crate) head: Vec<u8>,
    /// Where further files are.
    pub(crate) neighbours: &'r dyn Neighbours,
    /// What the user wants.
    #[allow(dead_code, reason = "for formats with snapshots")]
    pub(crate) options: &'r Opening,
}

impl<'r> Request<'r> {
    /// How many bytes of the file's start are looked at.
    pub(crate) const HEAD: usize = 4096;

    pub(crate) fn new(file: &'r ImageFile, neighbours: &'r dyn Neighbours, options: &'r Opening) -> Self {
        let mut head = vec![0; Self::HEAD];
        let length = file.source.read_at(0, &mut head).unwrap_or_else(|_| {
            // A bad sector behind the first ones does not hide what the file is.
            let missing = file.source.read_readable(0, &mut head);
            let first = missing.first().map_or(file.source.size(), |range| range.start);
            usize::try_from(first).unwrap_or(usize::MAX)
        });
        head.truncate(length);
        Self { file, head, neighbours, options }
    }

    pub(crate) fn source(&self) -> &'r dyn Source {
        self.file.source.as_ref()
    }
}

/// A disk, as one image has it.
#[derive(Debug)]
pub(crate) struct Image {
    /// The format, as people call it: `EWF-E01`, `VHD dynamic`.
    pub(crate) format: &'static str,
    /// Bytes of the disk.
    pub(crate) size: u64,
    /// Bytes of a sector, as the image states them.
    pub(crate) sector_size: Option<u32>,
    pub(crate) files: Files,
    pub(crate) map: Box<dyn Map>,
    /// Ranges that are lost whatever the map says of them, in any order.
    pub(crate) lost: Vec<(Range<u64>, Loss)>,
    /// The image this one is the difference to.
    pub(crate) parent: Option<ParentLink>,
    /// What names this image, for those who are the difference to it.
    pub(crate) identities: Vec<String>,
    pub(crate) facts: Facts,
}

impl Image {
    /// An image without parent, losses or facts.
    pub(crate) fn new(format: &'static str, size: u64, files: Files, map: Box<dyn Map>) -> Self {
        Self {
            format,
            size,
            sector_size: None,
            files,
            map,
            lost: Vec::new(),
            parent: None,
            identities: Vec::new(),
            facts: Facts::default(),
        }
    }
}

/// How the parent of an image is found.
#[derive(Debug, Clone, Default)]
pub(crate) struct ParentLink {
    /// Paths or names it may have, the likeliest first. Only their last part is used.
    pub(crate) names: Vec<String>,
    /// Its identity: one of these must be among those of the parent. None: any image is believed.
    pub(crate) identities: Vec<String>,
    /// Ends of names (`.vhd`) of files beside the image that may be it under another name. They are only tried
    /// where an identity can tell.
    pub(crate) endings: &'static [&'static str],
    /// The parent is raw bytes, whatever they look like.
    pub(crate) is_raw: bool,
}

/// What an image says of itself.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Hashes of the whole disk that were stored when the image was made.
    pub hashes: Vec<StoredHash>,
    /// Fields of its header, as they stand there: case number, examiner, tool.
    pub fields: Vec<(String, String)>,
    /// What is odd or damaged about it, a sentence each.
    pub notes: Vec<String>,
    /// Names of snapshots it has, each a disk of its own.
    pub snapshots: Vec<String>,
}

/// A hash of the whole disk that an image has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHash {
    /// `MD5` or `SHA-1`.
    pub algorithm: &'static str,
    /// The hash.
    pub value: Vec<u8>,
}
