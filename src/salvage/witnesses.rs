//! The witnesses of a vote: what in a source knows both a byte and a cluster.

use std::collections::BTreeMap;

use super::findings::{AnchorKind, HitFlags, IndexHit, RecordHit};
use super::geometry_vote::{MOST_RECORDS, Voter, Voting};
use super::hit_records::{extents_of, place, read_record, unnamed_data};
use crate::base::reference::SequenceMatch;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::boot_sector::BootSector;
use crate::volume::geometry::Geometry;

/// Directories of one reference that each of its INDX records is compared with: there is one a
/// volume, and a few copies.
const MOST_DIRECTORIES: usize = 16;
/// A boot sector's vote when there is a table where it says.
const VERIFIED_BOOT: u32 = 5;

impl Voting<'_> {
    /// A boot sector votes for the place it stands at, and for the place whose backup it would be.
    pub(super) fn ask_boot_sectors(&mut self) {
        let anchors = self.findings.anchors().iter().enumerate();
        for (index, anchor) in anchors.filter(|(_, anchor)| anchor.kind == AnchorKind::BootSector) {
            let mut sector = [0; 512];
            self.source.read_readable(anchor.offset, &mut sector);
            let Some(geometry) = BootSector::parse(&sector).ok().and_then(|boot| boot.geometry().ok()) else {
                continue;
            };
            let starts = [Some(anchor.offset), anchor.offset.checked_sub(geometry.backup_boot_sector_offset())];
            for start in starts.into_iter().flatten() {
                let is_verified = self.leads_to_table(start, &geometry);
                let weight = if is_verified { VERIFIED_BOOT } else { 1 };
                self.cast(Some(start), geometry.cluster_size(), Voter::BootSector, index, weight);
                let shift = u8::try_from(geometry.cluster_size().trailing_zeros()).unwrap_or(0);
                if is_verified {
                    self.geometries.entry((start, shift)).or_insert(geometry);
                }
            }
        }
    }

    /// True when the table, or its mirror, starts where the geometry says.
    fn leads_to_table(&self, start: u64, geometry: &Geometry) -> bool {
        let places = [geometry.mft_offset(), geometry.mirror_offset()].into_iter().flatten();
        let places: Vec<i128> = places.map(|place| i128::from(start).saturating_add(i128::from(place))).collect();
        self.fragments
            .iter()
            .any(|fragment| fragment.record_size == geometry.record_size() && places.contains(&fragment.key()))
    }

    /// INDX records vote by the runs of their directories, of which each knows its own number.
    pub(super) fn ask_index_records(&mut self) {
        let mut directories: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, (hit, number)) in self.findings.records().iter().zip(&self.numbers).enumerate() {
            let owner = if hit.flags.contains(HitFlags::EXTENSION) { Some(hit.base.record_number()) } else { *number };
            if let Some(owner) = owner.filter(|_| hit.flags.contains(HitFlags::INDEX_ALLOCATION)) {
                directories.entry(owner).or_default().push(index);
            }
        }
        let mut blocks: Vec<(usize, &IndexHit)> = self.findings.index_records().iter().enumerate().collect();
        blocks.sort_by_key(|(_, hit)| hit.parent);
        for group in blocks.chunk_by(|(_, a), (_, b)| a.parent == b.parent) {
            let Some(parent) = group.first().map(|(_, hit)| hit.parent).filter(|parent| !parent.is_zero()) else {
                continue;
            };
            let owners = directories.get(&parent.record_number()).into_iter().flatten();
            let hits = owners.filter_map(|&index| self.findings.records().get(index));
            let same = hits.filter(|hit| {
                let owner = if hit.base.is_zero() { hit.sequence_number } else { hit.base.sequence_number() };
                parent.matches(owner, hit.flags.contains(HitFlags::IN_USE)) != SequenceMatch::Other
            });
            let same: Vec<RecordHit> = same.take(MOST_DIRECTORIES).copied().collect();
            same.iter().for_each(|hit| self.compare_with_directory(hit, group));
        }
    }

    fn compare_with_directory(&mut self, directory: &RecordHit, blocks: &[(usize, &IndexHit)]) {
        let Some(record) = read_record(self.source, directory) else { return };
        let attributes = record.attributes().filter_map(Result::ok);
        let is_index = |attribute: &Attribute<'_>| attribute.attribute_type() == AttributeType::INDEX_ALLOCATION;
        for attribute in attributes.filter(is_index) {
            for cluster_size in self.cluster_sizes_of(&attribute) {
                let extents = extents_of(&attribute, cluster_size);
                for (index, block) in blocks {
                    let size = u64::from(cluster_size);
                    let unit = if u64::from(block.record_size) >= size { size } else { 512 };
                    let Some(position) = block.vcn.checked_mul(unit).and_then(|byte| place(&extents, byte)) else {
                        continue;
                    };
                    self.cast(block.offset.checked_sub(position), cluster_size, Voter::IndexRecord, *index, 1);
                }
            }
        }
    }

    /// Fragments vote by the runs of each record 0 there is, the mirror's copy too.
    pub(super) fn ask_tables(&mut self) {
        let tables = self.findings.records().iter().filter(|hit| hit.flags.contains(HitFlags::TABLE));
        for hit in tables.take(MOST_RECORDS) {
            let Some(record) = read_record(self.source, hit) else { continue };
            let Some(attribute) = unnamed_data(&record) else { continue };
            for cluster_size in self.cluster_sizes_of(&attribute) {
                let extents = extents_of(&attribute, cluster_size);
                for (index, fragment) in self.fragments.iter().enumerate() {
                    let byte = fragment.first.checked_mul(u64::from(fragment.record_size));
                    let position = byte.and_then(|byte| place(&extents, byte));
                    let start = position.and_then(|position| fragment.offset.checked_sub(position));
                    if fragment.record_size == hit.record_size {
                        self.cast(start, cluster_size, Voter::Fragment, index, 1);
                    }
                }
            }
        }
    }

    /// The starts of system files vote by the runs of their records.
    pub(super) fn ask_anchors(&mut self) {
        let system_files = [
            (2, "", AnchorKind::RestartPage),
            (4, "", AnchorKind::AttributeDefinitions),
            (9, "$SDS", AnchorKind::SecurityStream),
            (10, "", AnchorKind::UpperCaseTable),
        ];
        for (number, stream, kind) in system_files {
            let records = self.findings.records().iter().zip(&self.numbers);
            let hits = records.filter(|(hit, own)| **own == Some(number) && hit.parent.record_number() == 5);
            let hits: Vec<RecordHit> = hits.map(|(hit, _)| *hit).take(MOST_RECORDS).collect();
            hits.iter().for_each(|hit| self.compare_with_anchors(hit, stream, kind));
        }
    }

    fn compare_with_anchors(&mut self, hit: &RecordHit, stream: &str, kind: AnchorKind) {
        let Some(record) = read_record(self.source, hit) else { return };
        let attributes = record.attributes().filter_map(Result::ok);
        let is_stream = |attribute: &Attribute<'_>| {
            attribute.attribute_type() == AttributeType::DATA && attribute.name().is(stream)
        };
        let Some(attribute) = attributes.into_iter().find(is_stream) else { return };
        for cluster_size in self.cluster_sizes_of(&attribute) {
            let Some(position) = place(&extents_of(&attribute, cluster_size), 0) else { continue };
            for (index, anchor) in self.findings.anchors().iter().enumerate().filter(|(_, anchor)| anchor.kind == kind)
            {
                self.cast(anchor.offset.checked_sub(position), cluster_size, Voter::Anchor, index, 1);
            }
        }
    }

    /// The cluster size the stream tells itself, else those of the others.
    fn cluster_sizes_of(&self, attribute: &Attribute<'_>) -> Vec<u32> {
        let own = super::recognize::cluster_shift(attribute).and_then(|shift| 1_u32.checked_shl(u32::from(shift)));
        match own.filter(|_| self.overrides.cluster_size.is_none()) {
            Some(own) if self.cluster_sizes.contains(&own) => vec![own],
            _ => self.cluster_sizes.clone(),
        }
    }
}
