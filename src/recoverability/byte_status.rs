//! What is known about bytes of a stream, in one word.

use crate::base::reference::FileReference;
use crate::content::stream_range::Missing;
use crate::volume::doubts::DoubtKind;

/// What is known about bytes of a stream without comparing them with anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum ByteStatus {
    /// Proved: in a record that is whole, or in clusters that this live file alone claims, and that the volume's
    /// bitmap, where it can be read, calls used.
    Intact,
    /// Of a deleted file: in clusters about which an independent witness says that they still hold these bytes.
    /// [`Recoverability::witness`](super::Recoverability::witness) tells who.
    Witnessed(u16),
    /// Zeros by definition: a hole, or behind the initialized size.
    Zeros,
    /// Of a deleted file: the clusters are free, and no other file claims them. Whether a file that
    /// left no trace used them in between, nobody knows.
    Free,
    /// Of a deleted file: nobody claims the clusters, but the volume's bitmap says nothing about them. Of a live file:
    /// the bitmap calls them free. Of any file of a volume that was formatted over: whether they were used since,
    /// nobody knows, nor, of its holes, how long they are. In a record that is whole, but of which nothing says that it
    /// is this file's: a freed extension record that no attribute list names, one without a number of its own that a
    /// scan put in its place, or a base record without times.
    Unchecked,
    /// In a volume whose place on the disk nothing proves: [`DoubtKind::Unplaced`].
    Unplaced,
    /// Of a deleted file: the clusters are in use, but no known file claims them.
    Unowned,
    /// Another deleted file claims the clusters, too.
    Contested {
        /// The other file: of several the one changed last.
        by: FileReference,
        /// True when this file was changed later than the other.
        is_later: bool,
    },
    /// A live file claims the clusters. Of a deleted file they are overwritten; of a live one the
    /// volume is damaged, and whose they are is open. The same file: two of its runs overlap.
    Claimed(FileReference),
    /// A sector of zeros, in a volume whose table has lost sectors to zeros: the content may have been
    /// lost here, too, or may be zeros.
    Blank,
    /// Every sampled cluster of the run is zero where content was expected: it was trimmed or wiped.
    Zeroed,
    /// In a torn part of a record, found by runs that are, or decompressed from damaged data.
    Doubtful,
    /// Where what is known to stand there stands elsewhere: [`DoubtKind::Displaced`].
    Displaced,
    /// In a copy of metadata only, where content was left out: [`DoubtKind::Blanked`].
    Blanked,
    /// Where something else had to be used to open the volume: [`DoubtKind::Replaced`].
    Replaced,
    /// Of a volume that lay here before the one that exists now: a live file of that has the clusters
    /// ([`DoubtKind::Overwritten`]).
    Overwritten,
    /// Of a deleted file: behind the place where the content stops being what its format can be.
    Contradicted,
    /// Missing.
    Missing(Missing),
}

impl ByteStatus {
    /// How bad it is: of several the worst counts for bytes that need all of them.
    fn rank(self) -> u8 {
        match self {
            Self::Intact => 0,
            Self::Zeros => 1,
            Self::Witnessed(_) => 2,
            Self::Free => 3,
            Self::Contested { is_later: true, .. } => 4,
            Self::Unchecked => 5,
            Self::Unplaced => 6,
            Self::Unowned => 7,
            Self::Blank => 8,
            Self::Doubtful => 9,
            Self::Displaced => 10,
            Self::Blanked => 11,
            Self::Replaced => 12,
            Self::Contradicted => 13,
            Self::Zeroed => 14,
            Self::Contested { is_later: false, .. } => 15,
            Self::Claimed(_) => 16,
            Self::Overwritten => 17,
            Self::Missing(_) => 18,
        }
    }

    /// True where nothing is missing but the proof: what a witness can give.
    pub(crate) fn wants_witness(self) -> bool {
        matches!(
            self,
            Self::Free
                | Self::Contested { is_later: true, .. }
                | Self::Unchecked
                | Self::Unplaced
                | Self::Unowned
                | Self::Blank
        )
    }

    /// The worse of the two.
    pub(crate) fn worst(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    /// A short name that stays the same between versions; of what is missing the reason.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Witnessed(_) => "witnessed",
            Self::Zeros => "zeros",
            Self::Free => "free",
            Self::Unchecked => "unchecked",
            Self::Unplaced => "unplaced",
            Self::Unowned => "unowned",
            Self::Contested { is_later: true, .. } => "contested-by-older",
            Self::Contested { is_later: false, .. } => "contested",
            Self::Claimed(_) => "claimed",
            Self::Blank => "blank",
            Self::Zeroed => "zeroed",
            Self::Doubtful => "doubtful",
            Self::Displaced => "displaced",
            Self::Blanked => "blanked",
            Self::Replaced => "replaced",
            Self::Overwritten => "overwritten",
            Self::Contradicted => "contradicted",
            Self::Missing(missing) => missing.code(),
        }
    }

    /// What a doubt about bytes leaves of their standing in clusters.
    pub(crate) fn doubted(self, doubt: Option<DoubtKind>) -> Self {
        match doubt {
            None => self,
            Some(DoubtKind::Superseded) => self.worst(Self::Unchecked),
            Some(DoubtKind::Unplaced) => self.worst(Self::Unplaced),
            Some(DoubtKind::Displaced) => self.worst(Self::Displaced),
            Some(DoubtKind::Blanked) => self.worst(Self::Blanked),
            Some(DoubtKind::Replaced) => self.worst(Self::Replaced),
            Some(DoubtKind::Overwritten) => self.worst(Self::Overwritten),
        }
    }
}
