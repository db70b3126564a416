//! The files and streams that are wanted, ready to be written.

use std::ops::Range;

use ntfs_salvage::catalog::Parts;
use ntfs_salvage::recoverability::{Recoverability, Verdict};
use ntfs_salvage::{Entry, FileReference, Stream};

use crate::files::listed_file::Reparse;
use crate::files::verified_content::size_of;
use crate::judge::Judgement;
use crate::recover::output::folder::Times;
use crate::recover::output::tree::FolderId;
use crate::recover::plan::selection::Selection;

/// Where a text stands in [`Names::texts`].
pub type Span = Range<usize>;

/// What the files of a batch are called.
#[derive(Default)]
pub struct Names {
    /// Paths and names, one behind the other.
    pub texts: String,
    /// The links of the batch's files under which they are wanted.
    pub links: Vec<WantedLink>,
    /// The names of the batch's streams in the output.
    pub targets: Vec<Target>,
}

/// A link under which a file is wanted; of a file without a name the one that stands for it.
pub struct WantedLink {
    /// Which of the file's links.
    pub index: Option<usize>,
    pub parent: Option<FileReference>,
    /// The path on the volume.
    pub path: Option<Span>,
}

/// A name of a stream in the output, before it is known whether something else stands there.
pub struct Target {
    pub folder: FolderId,
    pub name: Span,
    /// How often another of the volume has the name: then it gets a mark.
    pub marks: u32,
}

/// A file that is wanted.
pub struct WantedFile<'e> {
    pub entry: &'e Entry<'e>,
    pub parts: Parts<'e>,
    /// In [`Names::links`].
    pub links: Range<usize>,
    pub reparse: Option<Reparse>,
}

/// A stream that is wanted, ready to be written.
///
/// What writing needs stands here, though the file has it, too: copying contents drives the file out of the
/// processor's caches.
pub struct Job<'f> {
    pub file: &'f WantedFile<'f>,
    pub stream: &'f Stream<'f>,
    pub found: Recoverability,
    /// What its content says of itself, where it was judged.
    pub judgement: Option<Judgement>,
    pub reference: FileReference,
    pub times: Option<Times>,
    pub is_live: bool,
    /// Of a resident stream.
    pub value: Option<&'f [u8]>,
    /// In [`Names::targets`]: one for each link, of a stream with a name only for the first.
    pub targets: Range<usize>,
    /// Why nothing will be written.
    pub obstacle: Option<Obstacle>,
}

/// Why a stream is not written, though it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    NothingLeft,
    TooLarge,
}

impl Obstacle {
    /// What the manifest says of it, where the verdict does not say it.
    pub fn error(self) -> Option<&'static str> {
        (self == Self::TooLarge).then_some("larger than --max-size")
    }

    /// What stands in the way of writing a stream of which so much is left.
    pub fn of(found: &Recoverability, selection: &Selection) -> Option<Self> {
        match found.verdict() {
            Verdict::Intact | Verdict::Likely | Verdict::Partial => {
                selection.is_too_large(size_of(found.ranges())).then_some(Self::TooLarge)
            }
            _ => Some(Self::NothingLeft),
        }
    }
}

impl Job<'_> {
    /// True where clusters are still to be looked at before it is known what is left.
    pub fn is_unsampled(&self) -> bool {
        !self.is_live && self.found.ranges().iter().any(|part| part.range.origin.is_in_clusters())
    }
}
