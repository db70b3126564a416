//! Volumes of which no FILE record is left, and indexes are: their names are those of ghosts.

use std::collections::BTreeMap;

use super::super::findings::{AnchorKind, Findings, IndexHit};
use super::super::geometry_vote::starts::NamedStarts;
use crate::base::damage::{Damage, DamageKind, wide};
use crate::source::{Source, Window};
use crate::structure::boot_sector::BootSector;
use crate::volume::extents::Extents;
use crate::volume::geometry::Geometry;
use crate::volume::mft::Mft;
use crate::volume::{LostIndex, Volume};

/// Bytes of a FILE record, where nothing tells.
const USUAL_RECORD: u32 = 1024;

/// The volumes without a record that the INDX records in `spare` belong to, by the places where volumes start. The
/// findings count from the start of `source`.
pub(super) fn of_indexes<'s>(
    source: Window<'s>,
    findings: &Findings,
    spare: &[&IndexHit],
    starts: &NamedStarts,
) -> Vec<Volume<'s>> {
    let mut places: BTreeMap<u64, Vec<&IndexHit>> = BTreeMap::new();
    for hit in spare {
        let start = starts.named.iter().copied().filter(|start| *start <= hit.offset).max().unwrap_or(0);
        places.entry(start).or_default().push(hit);
    }
    let ends: Vec<u64> = places.keys().copied().skip(1).chain([source.size()]).collect();
    let places = places.into_iter().zip(ends);
    places.map(|((start, hits), end)| of_place(source, findings, &hits, start..end)).collect()
}

fn of_place<'s>(
    source: Window<'s>,
    findings: &Findings,
    hits: &[&IndexHit],
    place: std::ops::Range<u64>,
) -> Volume<'s> {
    let geometry = geometry_at(&source, findings, place.start);
    let told = geometry.map_or(u64::MAX, |geometry| geometry.volume_size());
    let size = place.end.saturating_sub(place.start);
    let is_inside = hits.iter().all(|hit| hit.offset.saturating_sub(place.start) < told);
    let size = if is_inside { size.min(told) } else { size };
    let window = Window::new(source.source(), source.start().saturating_add(place.start), size);
    let record_size = geometry.map_or(USUAL_RECORD, |geometry| geometry.record_size());
    let mft = Mft::new(window, Extents::default(), record_size, 0, Vec::new());
    let damage = vec![Damage::new(0, DamageKind::TableLost { index_records: wide(hits.len()) })];
    let indexes = hits.iter().map(|hit| LostIndex {
        offset: hit.offset.saturating_sub(place.start),
        record_size: hit.record_size,
        directory: hit.parent,
    });
    Volume::from_parts(window, geometry, mft, damage).with_lost_indexes(indexes.collect())
}

/// What a boot sector says of a volume that starts there: the one in its place, or its backup.
fn geometry_at(source: &dyn Source, findings: &Findings, start: u64) -> Option<Geometry> {
    let anchors = findings.anchors().iter().filter(|anchor| anchor.kind == AnchorKind::BootSector);
    let told = anchors.filter_map(|anchor| {
        let mut sector = [0; 512];
        source.read_readable(anchor.offset, &mut sector);
        let geometry = BootSector::parse(&sector).ok()?.geometry().ok()?;
        let backup = start.checked_add(geometry.backup_boot_sector_offset());
        (anchor.offset == start || Some(anchor.offset) == backup).then_some((anchor.offset, geometry))
    });
    told.min_by_key(|(offset, _)| *offset).map(|(_, geometry)| geometry)
}
