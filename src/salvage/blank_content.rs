//! Whether an image has content at all: tools that copy metadata only leave zeros where content was.

use crate::source::Source;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;
use crate::volume::Volume;
use crate::volume::bitmap::{ClusterBitmap, ClusterState};
use crate::volume::geometry::Geometry;

/// Files that are looked at.
const MOST_FILES: u64 = 64;
/// Files whose content is zero by accident: fewer say something only where nothing else has content, either.
const ENOUGH: u64 = 4;
/// Free clusters that are looked at.
const FREE_CLUSTERS: u64 = 256;
/// The first record that may be a user's file.
const FIRST_USER_RECORD: u64 = 24;
/// Pieces of the table that are looked at, and the records of one.
const PIECES: u64 = 128;
const TOGETHER: u64 = 32;

/// How many files of a volume were looked at, where the content of every single one is zeros: the first bytes
/// of each, in its record or in its first cluster.
pub(super) fn blank_files(volume: &Volume<'_>) -> Option<u64> {
    let cluster_size = u64::from(volume.geometry()?.cluster_size());
    let count = volume.mft().record_count();
    let step = count.div_ceil(PIECES).max(TOGETHER);
    let mut blank = 0_u64;
    let mut first = 0;
    while first < count && blank < MOST_FILES {
        let piece = first.max(FIRST_USER_RECORD)..first.saturating_add(TOGETHER);
        for record in volume.mft().records(piece).into_iter().filter_map(|(_, record)| record.ok()) {
            for attribute in content(&record) {
                match is_blank(volume, &attribute, cluster_size) {
                    Some(true) => blank = blank.saturating_add(1),
                    Some(false) => return None,
                    None => {}
                }
            }
        }
        first = first.saturating_add(step);
    }
    (blank >= ENOUGH || (blank > 0 && is_free_space_blank(volume, cluster_size))).then_some(blank)
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

/// Whether the first bytes of a stream are zeros; `None` where it has none.
fn is_blank(volume: &Volume<'_>, attribute: &Attribute<'_>, cluster_size: u64) -> Option<bool> {
    if let Some(piece) = attribute.non_resident() {
        let run = piece.data_runs().ok()?.map_while(Result::ok).find(|run| run.lcn.is_some())?;
        let inside = run.vcn.checked_mul(cluster_size).filter(|start| *start < piece.initialized_size())?;
        let length = piece.initialized_size().saturating_sub(inside).min(cluster_size);
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        let missing = volume.source().read_readable(run.lcn?.checked_mul(cluster_size)?, &mut bytes);
        return missing.is_empty().then(|| bytes.iter().all(|byte| *byte == 0));
    }
    let value = attribute.resident_value().ok().filter(|value| !value.is_empty())?;
    Some(value.iter().all(|byte| *byte == 0))
}
