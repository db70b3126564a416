//! The map of a stream: every byte of it, and where it comes from.

use std::ops::Range;

use super::compressed_units;
use super::encoding::Encoding;
use super::overlay::Overlay;
use super::resident;
use super::stream::Stream;
use super::stream_range::{Missing, Origin, StreamRange, append, repaint};
use crate::base::damage::{Damage, wide};
use crate::source::{Source, Window};
use crate::structure::value::reparse_tag::ReparseTag;
use crate::volume::extents::{Extent, Extents, Location};

/// Where the bytes of a stream come from.
///
/// The ranges cover the stream from its first byte to its last, in order, without gaps: what has no
/// place is a range with the reason. They are read from the metadata alone; that clusters cannot be
/// read shows only when they are.
#[derive(Debug, Clone)]
pub struct StreamMap<'e> {
    pub(super) source: Window<'e>,
    pub(super) encoding: Encoding,
    pub(super) size: u64,
    pub(super) ranges: Vec<StreamRange>,
    /// The value of a resident stream.
    pub(super) value: &'e [u8],
    /// The stored clusters of a non-resident stream.
    pub(super) extents: Extents,
    /// The first byte behind the clusters that the volume and the source both have.
    pub(super) limit: u64,
    pub(super) overlay: Option<Box<Overlay<'e>>>,
    damage: Vec<Damage>,
}

impl<'e> StreamMap<'e> {
    pub(super) fn of(stream: &Stream<'e>) -> Self {
        let volume = stream.entry().catalog().volume();
        let source = volume.source();
        let clusters_end = volume.geometry().map_or(0, super::super::volume::geometry::Geometry::volume_size);
        let mut map = Self {
            source,
            encoding: stream.encoding(),
            size: 0,
            ranges: Vec::new(),
            value: &[],
            extents: Extents::default(),
            limit: clusters_end.min(source.size()),
            overlay: None,
            damage: Vec::new(),
        };
        match (map.encoding, stream.is_resident()) {
            (Encoding::Overlay(_), _) => map.take_overlay(stream),
            (_, true) => map.take_resident(stream),
            (_, false) => map.take_clusters(stream),
        }
        map
    }

    /// How the bytes are stored.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Bytes of the stream. Where the piece that says so is gone, as many as the pieces left reach.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The ranges in order: together they are `0 .. size`.
    #[must_use]
    pub fn ranges(&self) -> &[StreamRange] {
        &self.ranges
    }

    /// The places of the stored bytes `start .. end`: of a [compressed](Origin::Compressed) range the
    /// clusters it is decompressed from.
    pub fn stored(&self, start: u64, end: u64) -> impl Iterator<Item = Extent> + '_ {
        self.extents.between(start, end)
    }

    /// The stream that the chunks of an [overlay](Origin::Overlay) lie in.
    #[must_use]
    pub fn chunks(&self) -> Option<&StreamMap<'e>> {
        self.overlay.as_ref().map(|overlay| overlay.stored())
    }

    /// What is wrong with the runs and sizes.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The range that holds byte `offset`.
    pub(super) fn index_of(&self, offset: u64) -> usize {
        self.ranges.partition_point(|range| range.end() <= offset)
    }

    fn take_resident(&mut self, stream: &Stream<'e>) {
        let attribute = stream.first_piece();
        self.value = match attribute.resident_value() {
            _ if stream.is_raw() => attribute.resident_slot(),
            Ok(value) => value,
            Err(damage) => {
                self.damage.push(damage);
                &[]
            }
        };
        self.size = wide(self.value.len());
        self.ranges = resident::ranges(stream.entry(), attribute, self.value.len());
    }

    fn take_overlay(&mut self, stream: &Stream<'e>) {
        let Encoding::Overlay(algorithm) = self.encoding else { return };
        self.size = stream.size().unwrap_or(0);
        let origin = match Overlay::find(stream, algorithm, self.size) {
            Some(Ok(overlay)) => {
                self.overlay = Some(Box::new(overlay));
                Origin::Overlay
            }
            Some(Err(damage)) => {
                self.damage.push(damage);
                Origin::Missing(Missing::Undecodable)
            }
            None => Origin::Missing(Missing::Elsewhere(ReparseTag::WOF)),
        };
        append(&mut self.ranges, StreamRange { offset: 0, length: self.size, origin, is_doubtful: false });
    }

    fn take_clusters(&mut self, stream: &Stream<'e>) {
        let Some(cluster_size) =
            stream.entry().catalog().volume().geometry().map(super::super::volume::geometry::Geometry::cluster_size)
        else {
            self.size = stream.size().unwrap_or(0);
            let origin = Origin::Missing(Missing::NoClusters);
            return append(&mut self.ranges, StreamRange { offset: 0, length: self.size, origin, is_doubtful: false });
        };
        let mut doubtful = self.take_pieces(stream, cluster_size);
        let stored_end = self.extents.end();
        self.size = if stream.is_raw() { stored_end } else { stream.size().unwrap_or(stored_end) };
        let method = stream.flags().bits() & 0xFF;
        if self.encoding == Encoding::Compressed && method != 1 {
            doubtful.push(0..u64::MAX);
        }
        let initialized = stream.initialized_size().filter(|_| !stream.is_raw()).unwrap_or(u64::MAX);
        let elsewhere = match self.encoding {
            Encoding::Elsewhere(tag) => Some(tag),
            _ => None,
        };
        let mut mapper = Mapper { ranges: Vec::new(), limit: self.limit, initialized, elsewhere };
        if self.encoding == Encoding::Compressed {
            compressed_units::split(stream, &self.extents, cluster_size, self.size, method, &mut mapper);
        } else {
            self.extents.between(0, self.size).for_each(|extent| mapper.add(extent));
        }
        self.ranges = mark(mapper.ranges, &doubtful);
    }

    /// Puts the pieces' runs together, and returns the ranges of the stream whose runs are doubtful.
    fn take_pieces(&mut self, stream: &Stream<'e>, cluster_size: u32) -> Vec<Range<u64>> {
        let mut doubtful = Vec::new();
        for (index, piece) in stream.pieces().enumerate() {
            let Some(non_resident) = piece.non_resident() else { continue };
            let before = self.extents.end();
            let start = non_resident.lowest_vcn().saturating_mul(u64::from(cluster_size));
            let mut damage = Vec::new();
            self.extents.push_runs(&non_resident, cluster_size, &mut damage);
            self.damage.extend(damage.into_iter().map(|damage| piece.inside(damage)));
            if start < before {
                doubtful.push(start..before);
            }
            // Without the first piece nobody knows how the clusters are to be read.
            if index == 0 && start > 0 && !stream.is_raw() {
                doubtful.push(0..u64::MAX);
            }
            if !stream.is_proven(piece) {
                // The first piece has the sizes, too.
                doubtful.push(if index == 0 { 0..u64::MAX } else { start..self.extents.end() });
            }
        }
        doubtful
    }
}

/// Turns extents into ranges of a stream.
pub(super) struct Mapper {
    pub(super) ranges: Vec<StreamRange>,
    limit: u64,
    initialized: u64,
    elsewhere: Option<ReparseTag>,
}

impl Mapper {
    /// Adds stored bytes as they are: what lies behind the initialized size is zeros by definition.
    pub(super) fn add(&mut self, extent: Extent) {
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
    pub(super) fn add_unit(&mut self, offset: u64, length: u64, origin: Origin) {
        let written = self.initialized.saturating_sub(offset).min(length);
        self.push(offset, written, origin);
        self.push(offset.saturating_add(written), length.saturating_sub(written), Origin::Uninitialized(None));
    }

    fn push(&mut self, offset: u64, length: u64, origin: Origin) {
        append(&mut self.ranges, StreamRange { offset, length, origin, is_doubtful: false });
    }
}

/// Marks the parts of `ranges` that lie in `doubtful`.
fn mark(ranges: Vec<StreamRange>, doubtful: &[Range<u64>]) -> Vec<StreamRange> {
    doubtful.iter().fold(ranges, |ranges, part| repaint(&ranges, part, StreamRange::doubted))
}
