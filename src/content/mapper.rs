//! From stored extents to the ranges of a stream.

use super::stream_range::{Missing, Origin, StreamRange, append};
use crate::structure::value::reparse_tag::ReparseTag;
use crate::volume::extents::{Extent, Location};

/// Turns extents into ranges of a stream.
pub(crate) struct Mapper {
    pub(crate) ranges: Vec<StreamRange>,
    limit: u64,
    initialized: u64,
    elsewhere: Option<ReparseTag>,
}

impl Mapper {
    /// Of stored bytes, nothing lies behind `limit` in the source, and the stream's bytes from `initialized` on
    /// were never written; a placeholder has the tag of what keeps its bytes `elsewhere`.
    pub(crate) fn new(limit: u64, initialized: u64, elsewhere: Option<ReparseTag>) -> Self {
        Self { ranges: Vec::new(), limit, initialized, elsewhere }
    }

    /// Adds stored bytes as they are: what lies behind the initialized size is zeros by definition.
    pub(crate) fn add(&mut self, extent: Extent) {
        self.add_written(extent.clip(extent.offset, self.initialized));
        let behind = extent.clip(self.initialized, u64::MAX);
        let origin = match (self.elsewhere, behind.location) {
            (Some(tag), _) => Origin::Missing(Missing::Elsewhere(tag)),
            (None, Location::At(position)) => Origin::Uninitialized(Some(position)),
            (None, Location::Hole | Location::Unmapped) => Origin::Uninitialized(None),
        };
        self.push(behind.offset, behind.length, origin);
    }

    fn add_written(&mut self, extent: Extent) {
        let Extent { offset, length, location } = extent;
        match (location, self.elsewhere) {
            (Location::At(position), _) => {
                let inside = self.limit.saturating_sub(position).min(length);
                self.push(offset, inside, Origin::Clusters(position));
                let outside = Origin::Missing(Missing::Outside(position.saturating_add(inside)));
                self.push(offset.saturating_add(inside), length.saturating_sub(inside), outside);
            }
            (Location::Hole, None) => self.push(offset, length, Origin::Hole),
            (Location::Hole, Some(tag)) => self.push(offset, length, Origin::Missing(Missing::Elsewhere(tag))),
            (Location::Unmapped, _) => self.push(offset, length, Origin::Missing(Missing::Unmapped)),
        }
    }

    /// Adds bytes that stored bytes only lead to; also here zeros follow the initialized size.
    pub(crate) fn add_unit(&mut self, offset: u64, length: u64, origin: Origin) {
        let written = self.initialized.saturating_sub(offset).min(length);
        self.push(offset, written, origin);
        self.push(offset.saturating_add(written), length.saturating_sub(written), Origin::Uninitialized(None));
    }

    fn push(&mut self, offset: u64, length: u64, origin: Origin) {
        append(&mut self.ranges, StreamRange { offset, length, origin, is_doubtful: false });
    }
}
