//! The map of a stream: every byte of it, and where it comes from.

use std::borrow::Cow;
use std::ops::Range;

use super::compressed_units::{self, UnitSizes};
use super::encoding::Encoding;
use super::mapper::Mapper;
use super::resident;
use super::stream_range::{Missing, Origin, StreamRange, append};
use crate::base::damage::{Damage, wide};
use crate::catalog::stream::Stream;
use crate::codec::wof::ChunkTable;
use crate::source::Source;
use crate::source::held::HeldWindow;
use crate::structure::value::reparse_payload::WofAlgorithm;
use crate::structure::value::reparse_tag::ReparseTag;
use crate::volume::extents::{Extent, Extents, Location};
use crate::volume::geometry::Geometry;

/// Where the bytes of a stream come from.
///
/// The ranges cover the stream from its first byte to its last, in order, without gaps: what has no
/// place is a range with the reason. They are read from the metadata alone; that clusters cannot be
/// read shows only when they are.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
/// use ntfs_salvage::content::Origin;
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// let catalog = volume.catalog();
/// let entry = catalog.entry(74)?;
/// let map = entry.streams()[0].map();
/// for range in map.ranges() {
///     if let Origin::Clusters(position) = range.origin {
///         println!("bytes {}.. are {} bytes of the volume at {position}", range.offset, range.length);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct StreamMap<'e> {
    pub(crate) source: HeldWindow<'e>,
    pub(crate) encoding: Encoding,
    pub(crate) size: u64,
    pub(crate) ranges: Vec<StreamRange>,
    /// The value of a resident stream.
    pub(crate) value: Cow<'e, [u8]>,
    /// The stored clusters of a non-resident stream.
    pub(crate) extents: Extents,
    /// The first byte behind the clusters that the volume and the source both have.
    pub(crate) limit: u64,
    pub(crate) overlay: Option<Box<Overlay<'e>>>,
    damage: Vec<Damage>,
}

impl<'e> StreamMap<'e> {
    pub(crate) fn of(stream: &Stream<'e>) -> Self {
        let volume = stream.entry().catalog().volume();
        let available = volume.source().size();
        let clusters_end = volume.geometry().map_or(0, Geometry::volume_size);
        let mut map = Self {
            source: volume.held_source().clone(),
            encoding: stream.encoding(),
            size: 0,
            ranges: Vec::new(),
            value: Cow::Borrowed(&[]),
            extents: Extents::default(),
            limit: clusters_end.min(available),
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

    /// The same map into `source`, which has the same bytes: with it, it can be kept.
    pub(crate) fn kept<'s>(self, source: &HeldWindow<'s>) -> StreamMap<'s> {
        let Self { source: _, encoding, size, ranges, value, extents, limit, overlay, damage } = self;
        let value = Cow::Owned(value.into_owned());
        let overlay = overlay.map(|overlay| {
            let Overlay { algorithm, table, stored } = *overlay;
            Box::new(Overlay { algorithm, table, stored: stored.kept(source) })
        });
        StreamMap { source: source.clone(), encoding, size, ranges, value, extents, limit, overlay, damage }
    }

    /// The range that holds byte `offset`.
    pub(crate) fn index_of(&self, offset: u64) -> usize {
        self.ranges.partition_point(|range| range.end() <= offset)
    }

    fn take_resident(&mut self, stream: &Stream<'e>) {
        let attribute = stream.first_piece();
        let value = match attribute.resident_value() {
            _ if stream.is_raw() => attribute.resident_slot(),
            Ok(value) => value,
            Err(damage) => {
                self.damage.push(damage);
                &[]
            }
        };
        self.size = wide(value.len());
        self.ranges = resident::ranges(stream.entry(), attribute, value.len());
        self.value = Cow::Borrowed(value);
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
        let Some(cluster_size) = stream.entry().catalog().volume().geometry().map(Geometry::cluster_size) else {
            self.size = stream.size().unwrap_or(0);
            let origin = Origin::Missing(Missing::NoClusters);
            return append(&mut self.ranges, StreamRange { offset: 0, length: self.size, origin, is_doubtful: false });
        };
        let mut doubtful = self.take_pieces(stream, cluster_size);
        let stored_end = self.extents.end();
        let told = stream.size().unwrap_or(stored_end);
        // A size of zero over clusters is a lost one, or room for what was to come: what they hold may be the content.
        let is_size_lost = told == 0 && !stream.is_raw() && self.has_clusters();
        if is_size_lost {
            doubtful.push(0..u64::MAX);
        }
        self.size = match self.encoding {
            _ if stream.is_raw() || is_size_lost => stored_end,
            // A cipher's blocks are whole: the last one is needed to decrypt the last byte.
            Encoding::Encrypted => in_whole_blocks(told).min(stored_end.max(told)),
            _ => told,
        };
        let method = stream.flags().bits() & 0xFF;
        if self.encoding == Encoding::Compressed && method != 1 {
            doubtful.push(0..u64::MAX);
        }
        let initialized = stream.initialized_size().filter(|_| !stream.is_raw() && !is_size_lost).unwrap_or(u64::MAX);
        let initialized = if self.encoding == Encoding::Encrypted { in_whole_blocks(initialized) } else { initialized };
        let elsewhere = match self.encoding {
            Encoding::Elsewhere(tag) => Some(tag),
            _ => None,
        };
        let mut mapper = Mapper::new(self.limit, initialized, elsewhere);
        if self.encoding == Encoding::Compressed {
            let piece = stream.first_piece().non_resident();
            let sizes = UnitSizes {
                cluster_size,
                size: self.size,
                claimed: piece.map_or(u64::MAX, |piece| piece.allocated_size()),
                exponent: piece.map_or(0, |piece| piece.compression_unit()),
            };
            compressed_units::split(&self.extents, sizes, method, &mut mapper);
        } else {
            self.extents.between(0, self.size).for_each(|extent| mapper.add(extent));
        }
        self.ranges = mark(mapper.ranges, doubtful);
    }

    fn has_clusters(&self) -> bool {
        self.extents.list().iter().any(|extent| matches!(extent.location, Location::At(_)))
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

/// The bytes that a cipher needs for as many of content.
fn in_whole_blocks(size: u64) -> u64 {
    const BLOCK: u64 = 512;
    size.checked_next_multiple_of(BLOCK).unwrap_or(size)
}

/// The chunks of a file in its stream `WofCompressedData`.
#[derive(Debug, Clone)]
pub(crate) struct Overlay<'e> {
    algorithm: WofAlgorithm,
    table: ChunkTable,
    stored: StreamMap<'e>,
}

impl<'e> Overlay<'e> {
    /// Finds the chunks of the main stream `stream`, which has `size` bytes; `None` where the file has
    /// no stream of chunks.
    pub(crate) fn find(stream: &Stream<'e>, algorithm: WofAlgorithm, size: u64) -> Option<Result<Self, Damage>> {
        let streams = stream.entry().streams();
        let stored = streams.iter().find(|stream| stream.name().is(Encoding::OVERLAY_STREAM))?.map();
        let table = ChunkTable::new(algorithm, size, stored.size());
        Some(table.map(|table| Self { algorithm, table, stored }))
    }

    pub(crate) fn algorithm(&self) -> WofAlgorithm {
        self.algorithm
    }

    pub(crate) fn table(&self) -> &ChunkTable {
        &self.table
    }

    pub(crate) fn stored(&self) -> &StreamMap<'e> {
        &self.stored
    }

    /// The chunk that gives byte `offset`, and where its output belongs.
    pub(crate) fn chunk_at(&self, offset: u64) -> Option<(u64, Range<u64>)> {
        let index = offset.checked_div(self.table.chunk_size())?;
        Some((index, self.table.output_range(index)?))
    }
}

impl<'e> Stream<'e> {
    /// Where every byte comes from.
    #[must_use]
    pub fn map(&self) -> StreamMap<'e> {
        StreamMap::of(self)
    }
}

/// Marks the parts of `ranges` that lie in `doubtful`: one pass over both, for either may have very many.
fn mark(ranges: Vec<StreamRange>, mut doubtful: Vec<Range<u64>>) -> Vec<StreamRange> {
    doubtful.retain(|part| !part.is_empty());
    if doubtful.is_empty() {
        return ranges;
    }
    doubtful.sort_unstable_by_key(|part| part.start);
    let mut parts = doubtful.into_iter().peekable();
    let mut marked = Vec::with_capacity(ranges.len());
    // How far the parts passed reach.
    let mut doubted = 0_u64;
    for range in ranges {
        let mut position = range.offset;
        while position < range.end() {
            while let Some(part) = parts.next_if(|part| part.start <= position) {
                doubted = doubted.max(part.end);
            }
            let is_doubted = position < doubted;
            let next = parts.peek().map_or(u64::MAX, |part| part.start);
            let end = if is_doubted { doubted } else { next }.min(range.end());
            let part = range.clip(position, end);
            append(&mut marked, if is_doubted { part.doubted() } else { part });
            position = end;
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::threads::Threads;
    use crate::structure::attribute_type::AttributeType;
    use crate::structure::forge::Forge;
    use crate::volume::forged_volume::{CLUSTER, CLUSTERS, FREE, Forged, file, runs, with_runs};

    fn ranges(forged: &Forged) -> Vec<(u64, u64, Origin, bool)> {
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let map = entry.streams()[0].map();
        map.ranges().iter().map(|range| (range.offset, range.length, range.origin, range.is_doubtful)).collect()
    }

    fn ranges_of(record: Forge) -> Vec<(u64, u64, Origin, bool)> {
        ranges(&Forged::new(vec![(30, record)]))
    }

    const fn at(lcn: u64) -> Origin {
        Origin::Clusters(lcn * CLUSTER)
    }

    #[test]
    fn runs_holes_and_the_uninitialized_end_are_told_apart() {
        let found = ranges_of(with_runs(&[(2, Some(300)), (1, None), (1, Some(302)), (2, Some(303))], 3000, 1800));
        let expected = [
            (0, 1024, at(300), false),
            (1024, 512, Origin::Hole, false),
            (1536, 264, at(302), false),
            (1800, 1200, Origin::Uninitialized(Some(302 * CLUSTER + 264)), false),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_size_of_zero_over_clusters_is_doubtful_and_keeps_their_bytes() {
        let lost = |list: &[(u64, Option<u64>)]| ranges_of(with_runs(list, 0, 0));
        assert_eq!(lost(&[(2, Some(300)), (1, Some(310))]), [(0, 1024, at(300), true), (1024, 512, at(310), true)]);
        assert_eq!(lost(&[(1, Some(300)), (4, None), (1, Some(310))]).len(), 3);
        // A stream of holes alone, as $BadClus has one, and one without clusters are as large as they say.
        assert_eq!(lost(&[(1000, None)]), []);
        assert_eq!(lost(&[]), []);
    }

    #[test]
    fn a_ciphertext_has_whole_blocks() {
        let encrypted = |size: u64, initialized: u64| {
            ranges_of(with_runs(&[(4, Some(300))], size, initialized).stored_as(0x4000, 0))
        };
        assert_eq!(encrypted(621, 621), [(0, 1024, at(300), false)]);
        assert_eq!(encrypted(1024, 1024), [(0, 1024, at(300), false)]);
        assert_eq!(encrypted(2047, 2047), [(0, 2048, at(300), false)]);
        // What was never written has no ciphertext, either.
        let behind = (1024, 512, Origin::Uninitialized(Some(302 * CLUSTER)), false);
        assert_eq!(encrypted(1100, 600), [(0, 1024, at(300), false), behind]);
        // Where the clusters end before the block does, there is no more of it.
        let short = ranges_of(with_runs(&[(1, Some(300))], 600, 600).stored_as(0x4000, 0));
        assert_eq!(short, [(0, 512, at(300), false), (512, 88, Origin::Missing(Missing::Unmapped), false)]);
    }

    #[test]
    fn what_the_runs_do_not_reach_is_missing() {
        let found = ranges_of(with_runs(&[(2, Some(300))], 5000, 5000));
        assert_eq!(found, [(0, 1024, at(300), false), (1024, 3976, Origin::Missing(Missing::Unmapped), false)]);
    }

    #[test]
    fn clusters_behind_the_volume_or_the_source_are_outside() {
        let outside = |lcn: u64| Origin::Missing(Missing::Outside(lcn * CLUSTER));
        let record = with_runs(&[(4, Some(CLUSTERS - 2)), (1, Some(400))], 2560, 2560);
        let expected = [(0, 1024, at(CLUSTERS - 2), false), (1024, 1024, outside(CLUSTERS), false)];
        let mut forged = Forged::new(vec![(30, record)]);
        assert_eq!(ranges(&forged)[..2], expected);
        forged.cut(CLUSTERS - 1);
        assert_eq!(
            ranges(&forged)[..2],
            [(0, 512, at(CLUSTERS - 2), false), (512, 1536, outside(CLUSTERS - 1), false)]
        );
    }

    #[test]
    fn a_lost_piece_is_a_gap_of_known_length() {
        let base = with_runs(&[(2, Some(300))], 4096, 4096);
        let later =
            Forge::new(1024).base(30, 1).runs(AttributeType::DATA, "", (6, 7), [0; 3], &runs(&[(2, Some(400))]));
        let found = ranges(&Forged::new(vec![(30, base), (31, later)]));
        let gap = Origin::Missing(Missing::Unmapped);
        assert_eq!(found, [(0, 1024, at(300), false), (1024, 2048, gap, false), (3072, 1024, at(400), false)]);
    }

    #[test]
    fn without_the_first_piece_nothing_is_sure() {
        let later =
            Forge::new(1024).base(30, 1).runs(AttributeType::DATA, "", (2, 3), [0; 3], &runs(&[(2, Some(400))]));
        let found = ranges(&Forged::new(vec![(30, file()), (31, later)]));
        assert_eq!(found, [(0, 1024, Origin::Missing(Missing::Unmapped), false), (1024, 1024, at(400), true)]);
    }

    #[test]
    fn clusters_that_two_pieces_claim_are_doubtful() {
        let base = with_runs(&[(4, Some(300))], 3072, 3072);
        let later =
            Forge::new(1024).base(30, 1).runs(AttributeType::DATA, "", (3, 5), [0; 3], &runs(&[(3, Some(400))]));
        let found = ranges(&Forged::new(vec![(30, base), (31, later)]));
        assert_eq!(found, [(0, 1536, at(300), false), (1536, 512, at(303), true), (2048, 1024, at(401), false)]);
    }

    #[test]
    fn runs_in_a_torn_stride_lead_to_doubtful_bytes() {
        let mut forged = Forged::new(vec![(30, with_runs(&[(2, Some(300))], 1000, 1000))]);
        forged.record_bytes(30)[510] ^= 1;
        assert_eq!(ranges(&forged), [(0, 1000, at(300), true)]);
    }

    #[test]
    fn resident_bytes_are_found_where_the_update_sequence_left_them() {
        let value: Vec<u8> = (0..600_u32).map(|byte| (byte * 7) as u8).collect();
        let forged = Forged::new(vec![(30, file().resident(AttributeType::DATA, "", &value))]);
        let found = ranges(&forged);
        assert!(found.len() >= 3, "{found:?}");
        let mut there = Vec::new();
        for (_, length, origin, is_doubtful) in found {
            let Origin::Record(position) = origin else { panic!("{origin:?}") };
            assert!(!is_doubtful);
            there.extend_from_slice(&forged.bytes()[position as usize..(position + length) as usize]);
        }
        assert_eq!(there, value);
    }

    #[test]
    fn resident_bytes_in_a_torn_stride_are_doubtful_and_in_a_bad_sector_missing() {
        let value = vec![7; 600];
        let mut forged = Forged::new(vec![(30, file().resident(AttributeType::DATA, "", &value))]);
        let second_half = (8 + 60) * CLUSTER + 512;
        forged.record_bytes(30)[1022] ^= 1;
        let found = ranges(&forged);
        let doubtful: u64 = found.iter().filter(|range| range.3).map(|range| range.1).sum();
        assert!(doubtful > 0 && doubtful < 600, "{found:?}");
        forged.spoil(second_half..second_half + 512);
        let found = ranges(&forged);
        let missing = found.iter().filter(|range| range.2 == Origin::Missing(Missing::Unreadable));
        assert_eq!(missing.map(|range| range.1).sum::<u64>(), doubtful);
    }

    #[test]
    fn senseless_sizes_cost_neither_time_nor_memory() {
        for unit in [0, 4, 20, 63, 255] {
            let record = with_runs(&[(1, None), (2, Some(300))], u64::MAX, u64::MAX).stored_as(1, unit);
            let found = ranges_of(record);
            assert_eq!(found.iter().map(|range| range.1).sum::<u64>(), u64::MAX, "{unit}");
            assert!(found.len() < 5);
        }
    }

    proptest! {
        #[test]
        fn ranges_cover_any_stream_exactly(
            list in proptest::collection::vec((1u64..40, proptest::option::of(FREE - 5..CLUSTERS + 5)), 0..12),
            size in 0u64..120_000, initialized in 0u64..120_000, flags in prop_oneof![Just(0u16), Just(1), Just(2), Just(0x8000)],
        ) {
            let record = with_runs(&list, size, initialized).stored_as(flags, 4);
            let mut position = 0;
            for (offset, length, origin, _) in ranges_of(record) {
                prop_assert_eq!(offset, position);
                prop_assert!(length > 0);
                position += length;
                if let Origin::Clusters(at) = origin {
                    prop_assert!(at + length <= CLUSTERS * CLUSTER);
                    prop_assert!(position <= initialized);
                }
            }
            prop_assert_eq!(position, size);
        }
    }

    #[test]
    fn a_raw_resident_value_goes_on_to_the_end_of_its_attribute() {
        let mut forged = Forged::new(vec![(30, file().resident(AttributeType::DATA, "", &[7; 13]))]);
        let value = 56 + (24 + 68_usize).next_multiple_of(8) + 24;
        forged.record_bytes(30)[value + 13..value + 16].copy_from_slice(&[8, 9, 10]);
        let read = |is_raw: bool| {
            let volume = forged.volume();
            let catalog = volume.catalog_with(&Threads::single());
            let entry = catalog.entry(30).unwrap();
            let streams = entry.streams();
            let map = if is_raw { streams[0].raw().map() } else { streams[0].map() };
            (map.size(), map.value.to_vec())
        };
        assert_eq!(read(false), (13, vec![7; 13]));
        assert_eq!(read(true), (16, [&[7; 13][..], &[8, 9, 10]].concat()));
    }

    #[test]
    fn a_value_outside_its_attribute_is_damage() {
        let mut forged = Forged::new(vec![(30, file().resident(AttributeType::DATA, "", &[7; 13]))]);
        let attribute = 56 + (24 + 68_usize).next_multiple_of(8);
        forged.record_bytes(30)[attribute + 16..attribute + 20].copy_from_slice(&1000_u32.to_le_bytes());
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let map = entry.streams()[0].map();
        assert_eq!((map.size(), map.ranges(), map.damage().len()), (0, &[][..], 1));
    }

    #[test]
    fn damaged_runs_are_told_by_the_map() {
        let broken = file().runs(AttributeType::DATA, "", (0, 3), [2048; 3], &[0x21, 2, 0x2C, 1, 0xFF, 0]);
        let forged = Forged::new(vec![(30, broken)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let map = entry.streams()[0].map();
        assert!(map.damage().iter().all(|damage| damage.place.record == Some(30)));
        assert!(!map.damage().is_empty());
        assert!(map.chunks().is_none());
    }

    #[test]
    fn pieces_that_follow_each_other_are_sure() {
        let base = with_runs(&[(4, Some(300))], 3072, 3072);
        let later =
            Forge::new(1024).base(30, 1).runs(AttributeType::DATA, "", (4, 5), [0; 3], &runs(&[(2, Some(400))]));
        let found = ranges(&Forged::new(vec![(30, base), (31, later)]));
        assert_eq!(found, [(0, 2048, at(300), false), (2048, 1024, at(400), false)]);
    }

    #[test]
    fn a_torn_later_piece_makes_its_own_bytes_doubtful() {
        let base = with_runs(&[(4, Some(300))], 3072, 3072);
        let later =
            Forge::new(1024).base(30, 1).runs(AttributeType::DATA, "", (4, 5), [0; 3], &runs(&[(2, Some(400))]));
        let mut forged = Forged::new(vec![(30, base), (31, later)]);
        forged.record_bytes(31)[510] ^= 1;
        assert_eq!(ranges(&forged), [(0, 2048, at(300), false), (2048, 1024, at(400), true)]);
    }

    #[test]
    fn a_raw_stream_needs_no_first_piece() {
        let later =
            Forge::new(1024).base(30, 1).runs(AttributeType::DATA, "", (2, 3), [0; 3], &runs(&[(2, Some(400))]));
        let forged = Forged::new(vec![(30, file()), (31, later)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let map = entry.streams()[0].raw().map();
        assert!(map.ranges().iter().all(|range| !range.is_doubtful), "stored bytes are what they are");
    }

    #[test]
    fn doubts_are_marked_once_however_many_there_are() {
        use crate::content::stream_range::repaint;
        let range = |offset, length| StreamRange { offset, length, origin: Origin::Hole, is_doubtful: false };
        let naive = |ranges: &[StreamRange], doubtful: &[Range<u64>]| {
            let paint = |ranges: Vec<_>, part: &Range<u64>| repaint(&ranges, part, StreamRange::doubted);
            doubtful.iter().fold(ranges.to_vec(), paint)
        };
        let far = 0..u64::MAX;
        for doubtful in
            [vec![], vec![5..5, 5..5], vec![far.clone(), 3..4], vec![3..7, 0..4, 20..30, 6..9], vec![30..90, 2..3, far]]
        {
            let ranges = [range(0, 10), StreamRange { origin: Origin::Clusters(512), ..range(10, 30) }];
            assert_eq!(mark(ranges.to_vec(), doubtful.clone()), naive(&ranges, &doubtful), "{doubtful:?}");
        }
        // A stream of very many pieces, each in doubt: passing over the ranges once for each never ends.
        let count = 1 << 20;
        let ranges =
            (0..count).map(|piece| StreamRange { origin: Origin::Clusters(piece * 512), ..range(piece * 8, 8) });
        let doubtful = (0..count).map(|piece| piece * 8..piece * 8 + 4).collect();
        let marked = mark(ranges.collect(), doubtful);
        assert_eq!((marked.len(), marked.iter().filter(|range| range.is_doubtful).count()), (2 << 20, 1 << 20));
    }
}
