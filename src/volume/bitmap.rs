//! `$Bitmap`: which clusters the volume says are in use.

use std::ops::{ControlFlow, Range};

use super::Volume;
use super::extents::{Extents, Location, read_extents};
use crate::base::damage::{Damage, DamageKind, wide};
use crate::source::{Source, Window};
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;

/// What the volume's bitmap says about a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterState {
    /// In use.
    Allocated,
    /// Not in use.
    Free,
    /// The bitmap does not say: that part of it is missing, or not to be believed.
    Unknown,
}

/// The content of `$Bitmap`: one bit a cluster, as far as it can be read.
///
/// A missing or damaged bitmap is no error: nothing is known about those clusters then. Takes an
/// eighth of a byte a cluster the source has.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
/// use ntfs_salvage::volume::{ClusterBitmap, ClusterState};
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// let bitmap = ClusterBitmap::read(&volume);
/// let free = bitmap.states(0..bitmap.cluster_count()).filter(|(_, state)| *state == ClusterState::Free);
/// println!("{} clusters are free", free.map(|(range, _)| range.end - range.start).sum::<u64>());
/// assert_eq!(bitmap.state(0), ClusterState::Allocated, "the boot sector's");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ClusterBitmap {
    bytes: Vec<u8>,
    clusters: u64,
    /// Clusters that nothing is known about: in order, joined where they touch.
    unknown: Vec<Range<u64>>,
    /// Clusters of files that exist, called free by a sector that calls others used: in order.
    disputed: Vec<Range<u64>>,
    damage: Vec<Damage>,
}

impl ClusterBitmap {
    /// The record of `$Bitmap`.
    const RECORD: u64 = 6;
    /// Clusters of one sector of the bitmap, the unit in which it is lost.
    const SECTOR: u64 = 512 * 8;

    /// Reads the bitmap of `volume`. Parts that call clusters of the MFT free are not believed.
    #[must_use]
    pub fn read(volume: &Volume<'_>) -> Self {
        let Some(geometry) = volume.geometry() else { return Self::unavailable(0) };
        let cluster_size = geometry.cluster_size();
        let clusters = geometry.cluster_count();
        let mut this = Self::unavailable(clusters);
        let record = match volume.mft().record(Self::RECORD) {
            Ok(record) if record.header().is_in_use() && record.is_base_record() => record,
            Ok(_) => return this.damaged(DamageKind::BadValue { what: "use of the record of $Bitmap", value: 0 }),
            Err(_) => return this.damaged(DamageKind::Unreadable { length: u64::from(volume.mft().record_size()) }),
        };
        this.damage.extend(record.damage());
        let (extents, size) = this.extents(volume, &record, cluster_size);
        this.fill(volume.source(), &extents, size);
        for extent in volume.mft().extents().list() {
            let Location::At(position) = extent.location else { continue };
            let first = position.checked_div(u64::from(cluster_size)).unwrap_or(0);
            let last = position.saturating_add(extent.length).div_ceil(u64::from(cluster_size.max(1)));
            this.contradict(first..last);
        }
        this
    }

    /// A bitmap that says nothing about `clusters` clusters.
    #[must_use]
    pub fn unavailable(clusters: u64) -> Self {
        let everything = 0..clusters;
        let unknown = if clusters == 0 { Vec::new() } else { vec![everything] };
        Self { bytes: Vec::new(), clusters, unknown, disputed: Vec::new(), damage: Vec::new() }
    }

    fn damaged(mut self, kind: DamageKind) -> Self {
        self.damage.push(Damage::in_record(Self::RECORD, 0, kind));
        self
    }

    /// Where the bitmap's bytes lie, and how many there are; extension records are followed.
    fn extents(&mut self, volume: &Volume<'_>, record: &Record<'_>, cluster_size: u32) -> (Extents, u64) {
        let mut records = vec![record.clone().into_repaired()];
        records.extend(volume.listed_records(record, &[AttributeType::DATA]).records);
        let mut pieces: Vec<Attribute<'_>> = records.iter().flat_map(pieces_in).collect();
        pieces.sort_by_key(|piece| piece.non_resident().map_or(0, |piece| piece.lowest_vcn()));
        let mut extents = Extents::default();
        let mut size = 0;
        for piece in &pieces {
            let Some(non_resident) = piece.non_resident() else { continue };
            if non_resident.lowest_vcn() == 0 {
                size = non_resident.data_size().min(non_resident.initialized_size());
            }
            let mut damage = Vec::new();
            extents.push_runs(&non_resident, cluster_size, &mut damage);
            self.damage.extend(damage.into_iter().map(|damage| piece.inside(damage)));
        }
        let is_torn = records.iter().any(|record| record.update_sequence().has_torn_strides());
        if is_torn { (Extents::default(), 0) } else { (extents, size) }
    }

    /// Reads the bits of the clusters there are, no more than the source can have.
    fn fill(&mut self, source: Window<'_>, extents: &Extents, size: u64) {
        let end = self.clusters.div_ceil(8).min(size).min(extents.end());
        // A bitmap is never larger than the source it lies in; a hole in it is not one.
        let end = end.min(source.size());
        let Ok(length) = usize::try_from(end) else { return };
        self.bytes.resize(length, 0);
        self.unknown.clear();
        let unknown = &mut self.unknown;
        read_extents(source, extents.between(0, end), &mut self.bytes, |gap| {
            unknown.push(gap.offset.saturating_mul(8)..gap.end().saturating_mul(8));
            ControlFlow::Continue(())
        });
        let covered = end.saturating_mul(8);
        if covered < self.clusters {
            self.unknown.push(covered..self.clusters);
        }
        self.join_unknown();
        let missing: u64 = self.unknown.iter().map(|range| range.end.saturating_sub(range.start)).sum();
        if missing > 0 {
            let kind = DamageKind::Unreadable { length: missing.div_ceil(8) };
            self.damage.push(Damage::in_record(Self::RECORD, 0, kind));
        }
    }

    fn join_unknown(&mut self) {
        self.unknown.sort_unstable_by_key(|range| range.start);
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(self.unknown.len());
        for range in self.unknown.drain(..) {
            let range = range.start..range.end.min(self.clusters);
            match joined.last_mut().filter(|last| range.start <= last.end) {
                Some(last) => last.end = last.end.max(range.end),
                None if range.is_empty() => {}
                None => joined.push(range),
            }
        }
        self.unknown = joined;
    }

    /// Takes note that `used`, in order, are clusters of files that exist: sectors of the bitmap that call
    /// one of them free are not believed from then on. A zeroed sector looks just like free space; one that calls other
    /// clusters used makes the claims on those it calls free [`disputed`](Self::disputed).
    pub fn contradict_all(&mut self, used: impl Iterator<Item = Range<u64>>) {
        let known = self.unknown.len();
        let mut denied: Vec<Range<u64>> = Vec::new();
        let mut disputed: Vec<Range<u64>> = Vec::new();
        for clusters in used {
            for (free, _) in self.states(clusters).filter(|(_, state)| *state == ClusterState::Free) {
                let start = free.start.saturating_sub(free.start % Self::SECTOR);
                let end = free.end.div_ceil(Self::SECTOR).saturating_mul(Self::SECTOR);
                self.dispute(free, &mut disputed);
                match denied.last_mut().filter(|last| start <= last.end) {
                    Some(last) => last.end = last.end.max(end),
                    None => denied.push(start..end),
                }
            }
        }
        for range in &denied {
            let place = range.start / 8;
            let kind =
                DamageKind::BadValue { what: "$Bitmap calls clusters free that are in use, first", value: range.start };
            self.damage.push(Damage::in_record(Self::RECORD, place, kind));
        }
        self.disputed.extend(disputed);
        self.disputed.sort_unstable_by_key(|range| range.start);
        self.unknown.extend(denied);
        if self.unknown.len() != known {
            self.join_unknown();
        }
    }

    /// Adds those of the clusters `free` that lie in sectors with clusters in use.
    fn dispute(&self, free: Range<u64>, disputed: &mut Vec<Range<u64>>) {
        let mut start = free.start;
        while start < free.end {
            let sector = start.saturating_sub(start % Self::SECTOR);
            let end = sector.saturating_add(Self::SECTOR).min(free.end);
            let place = |cluster: u64| usize::try_from(cluster / 8).unwrap_or(usize::MAX);
            let last = place(sector.saturating_add(Self::SECTOR)).min(self.bytes.len());
            if self.bytes.get(place(sector)..last).is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)) {
                match disputed.last_mut().filter(|range| range.end == start) {
                    Some(range) => range.end = end,
                    None => disputed.push(start..end),
                }
            }
            start = end;
        }
    }

    /// Clusters of files that exist, which a sector of the bitmap that calls others used calls free: in order.
    #[must_use]
    pub fn disputed(&self) -> &[Range<u64>] {
        &self.disputed
    }

    fn contradict(&mut self, used: Range<u64>) {
        self.contradict_all(std::iter::once(used));
    }

    /// How many clusters the volume has.
    #[must_use]
    pub fn cluster_count(&self) -> u64 {
        self.clusters
    }

    /// True when something is known about every cluster.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty()
    }

    /// The clusters nothing is known about, in order.
    #[must_use]
    pub fn unknown(&self) -> &[Range<u64>] {
        &self.unknown
    }

    /// What is wrong with the bitmap.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// What the bitmap says about cluster `lcn`.
    #[must_use]
    pub fn state(&self, lcn: u64) -> ClusterState {
        self.states(lcn..lcn.saturating_add(1)).next().map_or(ClusterState::Unknown, |(_, state)| state)
    }

    /// What the bitmap says about `clusters`: ranges in order and without gaps, neighbours differ.
    pub fn states(&self, clusters: Range<u64>) -> impl Iterator<Item = (Range<u64>, ClusterState)> + '_ {
        let mut position = clusters.start;
        let mut index = self.unknown.partition_point(|range| range.end <= position);
        std::iter::from_fn(move || {
            if position >= clusters.end {
                return None;
            }
            let gap = self.unknown.get(index);
            let (end, state) = match gap {
                Some(gap) if gap.start <= position => {
                    index = index.saturating_add(1);
                    // What lies behind the last cluster is as unknown as the last clusters.
                    let end = if gap.end >= self.clusters { u64::MAX } else { gap.end };
                    (end, ClusterState::Unknown)
                }
                _ if position >= self.clusters => (u64::MAX, ClusterState::Unknown),
                gap => {
                    let limit = gap.map_or(self.clusters, |gap| gap.start).min(clusters.end);
                    let is_set = self.bit(position);
                    let state = if is_set { ClusterState::Allocated } else { ClusterState::Free };
                    (self.run_end(position, limit, is_set), state)
                }
            };
            let start = std::mem::replace(&mut position, end.min(clusters.end));
            Some((start..position, state))
        })
    }

    fn bit(&self, lcn: u64) -> bool {
        let byte = usize::try_from(lcn / 8).ok().and_then(|index| self.bytes.get(index));
        byte.is_some_and(|byte| byte >> (lcn % 8) & 1 == 1)
    }

    /// Where the bits equal to `is_set` that start at `from` end, at the latest at `limit`.
    fn run_end(&self, from: u64, limit: u64, is_set: bool) -> u64 {
        let full = if is_set { u8::MAX } else { 0 };
        let mut position = from.saturating_add(1);
        while position < limit && !position.is_multiple_of(8) {
            if self.bit(position) != is_set {
                return position;
            }
            position = position.saturating_add(1);
        }
        let bytes = |from: u64, to: u64| {
            let range = usize::try_from(from / 8).ok()?..usize::try_from(to / 8).ok()?;
            self.bytes.get(range)
        };
        let whole = bytes(position, limit).unwrap_or_default();
        let same = whole.iter().take_while(|byte| **byte == full).count();
        position = position.saturating_add(wide(same).saturating_mul(8)).min(limit);
        while position < limit && self.bit(position) == is_set {
            position = position.saturating_add(1);
        }
        position
    }
}

/// The pieces of the unnamed `$DATA` in one record.
fn pieces_in<'r>(record: &'r Record<'_>) -> impl Iterator<Item = Attribute<'r>> {
    let attributes = record.attributes().filter_map(Result::ok);
    attributes.filter(|attribute| attribute.attribute_type() == AttributeType::DATA && attribute.name().is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ClusterState::{Allocated, Free, Unknown};
    use super::*;

    fn bitmap(bytes: &[u8], clusters: u64, unknown: &[Range<u64>]) -> ClusterBitmap {
        ClusterBitmap {
            bytes: bytes.to_vec(),
            clusters,
            unknown: unknown.to_vec(),
            disputed: Vec::new(),
            damage: Vec::new(),
        }
    }

    #[test]
    fn states_come_in_runs() {
        let bitmap = bitmap(&[0xFF, 0xFF, 0x01, 0, 0], 40, &[]);
        let all: Vec<_> = bitmap.states(3..50).collect();
        assert_eq!(all, [(3..17, Allocated), (17..40, Free), (40..50, Unknown)]);
        assert_eq!((bitmap.state(16), bitmap.state(17), bitmap.state(u64::MAX)), (Allocated, Free, Unknown));
    }

    #[test]
    fn nothing_is_known_without_a_bitmap() {
        let bitmap = ClusterBitmap::unavailable(100);
        assert_eq!(bitmap.states(10..20).collect::<Vec<_>>(), [(10..20, Unknown)]);
        assert!(!bitmap.is_complete());
    }

    #[test]
    fn a_sector_that_calls_used_clusters_free_is_not_believed() {
        let mut bytes = vec![0xFF; 1536];
        bytes[512..1024].fill(0);
        let mut bitmap = bitmap(&bytes, 1536 * 8, &[]);
        bitmap.contradict_all([100..200, 5000..5001, 5005..5006].into_iter());
        assert_eq!(bitmap.unknown(), std::slice::from_ref(&(4096..8192)));
        assert_eq!((bitmap.state(4095), bitmap.state(4096), bitmap.state(8192)), (Allocated, Unknown, Allocated));
        assert_eq!(bitmap.damage().len(), 1);
    }

    proptest! {
        #[test]
        fn runs_agree_with_bits(
            bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(255u8), any::<u8>()], 0..20),
            cut in 0u64..8, gap in 0u64..100, length in 0u64..20, start in 0u64..100, count in 0u64..200,
        ) {
            let clusters = (bytes.len() as u64 * 8).saturating_sub(cut);
            let mut bitmap = bitmap(&bytes, clusters, &[]);
            bitmap.unknown.push(gap..gap + length);
            bitmap.join_unknown();
            let mut position = start;
            for (range, state) in bitmap.states(start..start + count) {
                prop_assert_eq!(range.start, position);
                prop_assert!(!range.is_empty());
                for lcn in range.clone() {
                    let is_known = lcn < clusters && !(gap..gap + length).contains(&lcn);
                    let bit = is_known.then(|| bytes[lcn as usize / 8] >> (lcn % 8) & 1 == 1);
                    let expected = bit.map_or(Unknown, |bit| if bit { Allocated } else { Free });
                    prop_assert_eq!(state, expected, "{}", lcn);
                }
                position = range.end;
            }
            prop_assert_eq!(position, start + count);
        }
    }
}
