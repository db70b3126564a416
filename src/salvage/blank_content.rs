//! Whether an image has content at all: tools that copy metadata only leave zeros where content was.

use std::ops::Range;

use crate::source::Source;
use crate::source::range_set::RangeSet;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::data_runs::DataRun;
use crate::structure::record::Record;
use crate::volume::Volume;
use crate::volume::bitmap::{ClusterBitmap, ClusterState};
use crate::volume::extents::Location;
use crate::volume::geometry::Geometry;

/// Files that are looked at.
const MOST_FILES: u64 = 64;
/// Files whose content is zero by accident: fewer say something only where nothing else has content, either.
const ENOUGH: u64 = 4;
/// Clusters of streams that are looked at, a quarter of what is left of each stream's, and at least so many of one.
const MOST_CLUSTERS: u64 = 16_384;
const LEAST_CLUSTERS: u64 = 32;
/// Free clusters that are looked at.
const FREE_CLUSTERS: u64 = 256;
/// The first record that may be a user's file.
const FIRST_USER_RECORD: u64 = 24;
/// Pieces of the table that are looked at, and the records of one.
const PIECES: u64 = 128;
const TOGETHER: u64 = 32;

/// Content that is zeros in every single file that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlankContent {
    /// How many files were looked at.
    pub(super) files: u64,
    /// What of the volume's bytes has no content: all, or all but the records, where values were left in them.
    pub(super) bytes: Vec<Range<u64>>,
}

/// How many streams of one kind are zeros, and whether one is not.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    blank: u64,
    has_content: bool,
}

impl Tally {
    fn count(&mut self, is_blank: bool) {
        self.has_content |= !is_blank;
        self.blank = self.blank.saturating_add(u64::from(is_blank));
    }
}

/// Whether the content of every single file of a volume is zeros: parts of each, in its record or in its clusters. Some
/// copies of metadata have the values that stand in records, and nothing else.
pub(super) fn blank_content(volume: &Volume<'_>) -> Option<BlankContent> {
    let cluster_size = u64::from(volume.geometry()?.cluster_size());
    let count = volume.mft().record_count();
    let step = count.div_ceil(PIECES).max(TOGETHER);
    let (mut in_clusters, mut in_records) = (Tally::default(), Tally::default());
    let (mut first, mut left) = (0, MOST_CLUSTERS);
    while first < count && in_clusters.blank < MOST_FILES {
        let piece = first.max(FIRST_USER_RECORD)..first.saturating_add(TOGETHER);
        for record in volume.mft().records(piece).into_iter().filter_map(|(_, record)| record.ok()) {
            for attribute in content(&record) {
                let tally = if attribute.is_resident() { &mut in_records } else { &mut in_clusters };
                is_blank(volume, &attribute, cluster_size, &mut left)
                    .into_iter()
                    .for_each(|is_blank| tally.count(is_blank));
            }
            if in_clusters.has_content {
                return None;
            }
        }
        first = first.saturating_add(step);
    }
    let everything: Vec<Range<u64>> = std::iter::once(0..u64::MAX).collect();
    let (files, bytes) = match in_records.has_content {
        true => (in_clusters.blank, outside_of_table(volume)),
        false => (in_clusters.blank.saturating_add(in_records.blank), everything),
    };
    let is_enough = files >= ENOUGH && !in_records.has_content;
    let is_enough = is_enough || (files > 0 && is_free_space_blank(volume, cluster_size));
    is_enough.then_some(BlankContent { files, bytes })
}

/// All bytes of a volume but those of its records.
fn outside_of_table(volume: &Volume<'_>) -> Vec<Range<u64>> {
    let mut table = RangeSet::default();
    for extent in volume.mft().extents().list() {
        if let Location::At(position) = extent.location {
            table.insert(position..position.saturating_add(extent.length));
        }
    }
    table.outside(0..u64::MAX)
}

/// Whether no byte was ever left in what is free now, as in an image that has none of it.
fn is_free_space_blank(volume: &Volume<'_>, cluster_size: u64) -> bool {
    let clusters = volume.geometry().map_or(0, Geometry::cluster_count);
    let step = clusters.div_ceil(FREE_CLUSTERS).max(1);
    let bitmap = ClusterBitmap::read(volume);
    let mut bytes = vec![0; usize::try_from(cluster_size).unwrap_or(0)];
    let mut sampled = (0..FREE_CLUSTERS).map(|sample| sample.saturating_mul(step)).take_while(|lcn| *lcn < clusters);
    sampled.all(|lcn| {
        let mut states = bitmap.states(lcn..lcn.saturating_add(1));
        if states.any(|(_, state)| state != ClusterState::Free) {
            return true;
        }
        let missing = volume.source().read_readable(lcn.saturating_mul(cluster_size), &mut bytes);
        missing.is_empty() && bytes.iter().all(|byte| *byte == 0)
    })
}

/// The streams of a live file.
fn content<'r>(record: &'r Record<'_>) -> impl Iterator<Item = Attribute<'r>> {
    let header = record.header();
    let is_live = header.is_in_use() && header.is_base_record() && !header.is_directory();
    let data = record.attributes().filter_map(Result::ok);
    data.filter(move |attribute| is_live && attribute.attribute_type() == AttributeType::DATA)
}

/// Whether a stream is zeros as far as it is looked at: its value, or some of its clusters, spread evenly over all of its
/// runs, the first and the last among them; `None` where it has none. Many formats start with zeros, and many end so.
fn is_blank(volume: &Volume<'_>, attribute: &Attribute<'_>, cluster_size: u64, left: &mut u64) -> Option<bool> {
    let Some(piece) = attribute.non_resident() else {
        let value = attribute.resident_value().ok().filter(|value| !value.is_empty())?;
        return Some(value.iter().all(|byte| *byte == 0));
    };
    let initialized = piece.initialized_size().div_ceil(cluster_size);
    let runs: Vec<(u64, u64)> =
        piece.data_runs().ok()?.map_while(Result::ok).filter_map(written(initialized)).collect();
    let last = runs.iter().map(|(_, clusters)| *clusters).fold(0, u64::saturating_add).checked_sub(1)?;
    let mut bytes = vec![0; usize::try_from(cluster_size).ok()?];
    let steps = last.min((*left / 4).max(LEAST_CLUSTERS));
    *left = left.saturating_sub(steps);
    for sample in 0..=steps {
        let index = last.saturating_mul(sample).checked_div(steps).unwrap_or(0);
        let place = cluster_at(&runs, index)?.checked_mul(cluster_size)?;
        if !volume.source().read_readable(place, &mut bytes).is_empty() {
            return None;
        }
        if bytes.iter().any(|byte| *byte != 0) {
            return Some(false);
        }
    }
    Some(true)
}

/// First cluster and number of those of a run that were written to, where `initialized` clusters of the stream were.
fn written(initialized: u64) -> impl Fn(DataRun) -> Option<(u64, u64)> {
    move |run| {
        let clusters = initialized.checked_sub(run.vcn)?.min(run.clusters);
        run.lcn.filter(|_| clusters > 0).map(|lcn| (lcn, clusters))
    }
}

/// Where the cluster of this index lies.
fn cluster_at(runs: &[(u64, u64)], index: u64) -> Option<u64> {
    let mut before = 0_u64;
    runs.iter().find_map(|(lcn, clusters)| {
        let inside = index.checked_sub(before).filter(|inside| inside < clusters);
        before = before.saturating_add(*clusters);
        inside.and_then(|inside| lcn.checked_add(inside))
    })
}
