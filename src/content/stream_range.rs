//! Where the bytes of a stream come from, range by range.

use std::ops::Range;

use crate::structure::value::reparse_tag::ReparseTag;

/// Bytes of a stream that come from one place, or are missing for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StreamRange {
    /// First byte, counted from the start of the stream.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
    /// Where they come from.
    pub origin: Origin,
    /// True where the bytes are there but nothing proves that they are the stream's: they, or the
    /// runs that lead to them, stand in a torn part of a record, or they were decoded from damaged data.
    pub is_doubtful: bool,
}

/// Where bytes of a stream come from. Positions count in bytes from the start of the volume's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Origin {
    /// From a FILE record, at this position: the value is resident. Bytes that the update sequence
    /// moved away are named where they were moved to.
    Record(u64),
    /// From clusters, at this position.
    Clusters(u64),
    /// From nowhere: a hole reads as zeros.
    Hole,
    /// From nowhere: what lies behind the initialized size reads as zeros. The position is that of the
    /// clusters underneath, which hold what their earlier owners left.
    Uninitialized(Option<u64>),
    /// Decompressed (LZNT1): the clusters of the stored stream's bytes `unit .. unit + stored` give the
    /// bytes of the stream from `unit` on.
    Compressed {
        /// Where the compression unit starts in the stream.
        unit: u64,
        /// Bytes of its clusters.
        stored: u64,
    },
    /// Decompressed from the chunks in the file's stream `WofCompressedData`.
    Overlay,
    /// From nowhere: the bytes are missing, not zero.
    Missing(Missing),
}

/// Why bytes of a stream are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Missing {
    /// The runs that say where they lie are gone.
    Unmapped,
    /// They should lie at this position, which is outside the volume or the source.
    Outside(u64),
    /// The source is a bare table, without clusters.
    NoClusters,
    /// The file is a placeholder: a service keeps the bytes elsewhere.
    Elsewhere(ReparseTag),
    /// The source cannot be read there.
    Unreadable,
    /// They cannot be decompressed.
    Undecodable,
}

impl Missing {
    /// A short name that stays the same between versions.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unmapped => "unmapped",
            Self::Outside(_) => "outside",
            Self::NoClusters => "no-clusters",
            Self::Elsewhere(_) => "elsewhere",
            Self::Unreadable => "unreadable",
            Self::Undecodable => "undecodable",
        }
    }
}

impl Origin {
    /// True for bytes that lie in clusters, or are decompressed from what does.
    #[must_use]
    pub const fn is_in_clusters(self) -> bool {
        matches!(self, Self::Clusters(_) | Self::Compressed { .. } | Self::Overlay)
    }
}

impl StreamRange {
    /// The first byte behind the range.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// Why the bytes are missing, if they are.
    #[must_use]
    pub fn missing(&self) -> Option<Missing> {
        match self.origin {
            Origin::Missing(missing) => Some(missing),
            _ => None,
        }
    }

    /// True when the bytes are there and nothing speaks against them.
    #[must_use]
    pub fn is_true(&self) -> bool {
        !self.is_doubtful && self.missing().is_none()
    }

    /// The part between the stream's bytes `start` and `end`.
    #[must_use]
    pub fn clip(&self, start: u64, end: u64) -> Self {
        let from = self.offset.max(start);
        let skipped = from.saturating_sub(self.offset);
        let length = self.end().min(end).saturating_sub(from);
        Self { offset: from, length, origin: self.origin.behind(skipped), is_doubtful: self.is_doubtful }
    }

    /// The same bytes without a proof.
    pub(crate) fn doubted(self) -> Self {
        Self { is_doubtful: self.missing().is_none(), ..self }
    }

    /// The same bytes, missing.
    pub(crate) fn lost(self, missing: Missing) -> Self {
        Self { origin: Origin::Missing(missing), is_doubtful: false, ..self }
    }

    /// True when `next` goes on where this ends, from the same place.
    pub(crate) fn is_continued_by(&self, next: &Self) -> bool {
        self.end() == next.offset
            && self.is_doubtful == next.is_doubtful
            && self.origin.behind(self.length) == next.origin
    }
}

impl Origin {
    /// Where the bytes `by` further come from.
    fn behind(self, by: u64) -> Self {
        match self {
            Self::Record(at) => Self::Record(at.saturating_add(by)),
            Self::Clusters(at) => Self::Clusters(at.saturating_add(by)),
            Self::Uninitialized(at) => Self::Uninitialized(at.map(|at| at.saturating_add(by))),
            Self::Missing(Missing::Outside(at)) => Self::Missing(Missing::Outside(at.saturating_add(by))),
            Self::Hole | Self::Compressed { .. } | Self::Overlay | Self::Missing(_) => self,
        }
    }
}

/// Appends a range; neighbours from the same place become one, empty ranges nothing.
pub(crate) fn append(ranges: &mut Vec<StreamRange>, next: StreamRange) {
    if next.length == 0 {
        return;
    }
    match ranges.last_mut().filter(|last| last.is_continued_by(&next)) {
        Some(last) => last.length = last.length.saturating_add(next.length),
        None => ranges.push(next),
    }
}

/// The same ranges, with `change` applied to their parts in `part`.
pub(crate) fn repaint(
    ranges: &[StreamRange],
    part: &Range<u64>,
    change: impl Fn(StreamRange) -> StreamRange,
) -> Vec<StreamRange> {
    let mut painted = Vec::with_capacity(ranges.len().saturating_add(2));
    for range in ranges {
        append(&mut painted, range.clip(0, part.start));
        append(&mut painted, change(range.clip(part.start, part.end)));
        append(&mut painted, range.clip(part.end, u64::MAX));
    }
    painted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(offset: u64, length: u64, origin: Origin) -> StreamRange {
        StreamRange { offset, length, origin, is_doubtful: false }
    }

    #[test]
    fn a_part_knows_its_own_place() {
        let whole = range(100, 50, Origin::Clusters(4096));
        assert_eq!(whole.clip(110, 120), range(110, 10, Origin::Clusters(4106)));
        assert_eq!(whole.clip(0, 1000), whole);
        assert_eq!(whole.clip(150, 160).length, 0);
        let unit = Origin::Compressed { unit: 0, stored: 512 };
        assert_eq!(range(0, 4096, unit).clip(100, 200), range(100, 100, unit));
    }

    #[test]
    fn only_what_goes_on_at_the_same_place_becomes_one() {
        let mut ranges = Vec::new();
        append(&mut ranges, range(0, 10, Origin::Clusters(100)));
        append(&mut ranges, range(10, 10, Origin::Clusters(110)));
        append(&mut ranges, range(20, 0, Origin::Hole));
        append(&mut ranges, range(20, 10, Origin::Clusters(999)));
        append(&mut ranges, StreamRange { is_doubtful: true, ..range(30, 10, Origin::Clusters(1009)) });
        assert_eq!(ranges.len(), 3);
        assert_eq!(ranges[0], range(0, 20, Origin::Clusters(100)));
    }

    #[test]
    fn what_is_lost_is_missing_and_not_doubtful() {
        let doubtful = StreamRange { is_doubtful: true, ..range(100, 50, Origin::Clusters(4096)) };
        assert_eq!(doubtful.lost(Missing::Unreadable), range(100, 50, Origin::Missing(Missing::Unreadable)));
        let missing = range(100, 50, Origin::Missing(Missing::Unmapped));
        assert_eq!(missing.doubted(), missing, "nothing is there to be doubted");
    }
}
