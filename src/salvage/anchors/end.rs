//! Whether a volume goes on to its end: what was cut off on the way may have another volume, or zeros, behind it.

use std::collections::BTreeSet;

use super::{Anchor, all, fixed};
use crate::base::damage::{Damage, DamageKind};
use crate::base::threads::Threads;
use crate::source::Source;
use crate::structure::boot_sector::BootSector;
use crate::volume::bitmap::{ClusterBitmap, ClusterState};
use crate::volume::cluster_owners::owners;
use crate::volume::geometry::Geometry;
use crate::volume::{Doubt, DoubtKind, Volume};

/// Clusters in use that are looked at for content.
const MOST_SAMPLED: u64 = 1024;
/// Clusters in use that are zeros to the end of a volume by accident: fewer may be content, and so may one single file's.
const ENOUGH: u64 = 8;
/// Clusters of zeros whose files are asked for.
const MOST_ASKED: u64 = 64;

/// What says that the volume's end is not there, where its backup boot sector is not, and what of it nothing proves.
pub(in crate::salvage) fn unproved_end(volume: &Volume<'_>, threads: &Threads) -> Option<(Damage, Vec<Doubt>)> {
    let geometry = volume.geometry().filter(|geometry| geometry.serial_number() != 0)?;
    let mut sector = [0; 512];
    volume.source().read_at(geometry.backup_boot_sector_offset(), &mut sector).ok().filter(|count| *count == 512)?;
    if is_boot_sector_of(geometry, &sector) {
        return None;
    }
    let start = last_anchor(volume, geometry)?.saturating_add(Anchor::LENGTH);
    let unproved = Doubt::new(start..u64::MAX, DoubtKind::Unplaced);
    if sector.iter().any(|byte| *byte != 0) {
        return Some((Damage::new(start, DamageKind::EndForeign), vec![unproved]));
    }
    let (blank, is_much) = blank_from(volume, geometry, start, threads)?;
    let doubts = match is_much {
        true => vec![unproved, Doubt::new(blank..u64::MAX, DoubtKind::Blanked)],
        false => vec![Doubt::new(blank..u64::MAX, DoubtKind::Unplaced)],
    };
    Some((Damage::new(blank, DamageKind::EndBlank), doubts))
}

/// True for a boot sector of this volume, whatever else tools have changed in one of the two.
fn is_boot_sector_of(geometry: &Geometry, sector: &[u8; 512]) -> bool {
    let found = BootSector::parse(sector).ok().and_then(|boot| boot.geometry().ok());
    found.is_some_and(|found| {
        found.cluster_size() == geometry.cluster_size()
            && (found.volume_size() == geometry.volume_size() || found.serial_number() == geometry.serial_number())
    })
}

/// The last place in the volume where what is known to stand there does.
fn last_anchor(volume: &Volume<'_>, geometry: &Geometry) -> Option<u64> {
    let source = volume.source();
    let is_there = |anchor: &Anchor| {
        let mut bytes = [0; 512];
        source.read_at(anchor.position, &mut bytes).is_ok_and(|count| count == 512) && anchor.is(&bytes)
    };
    let end = geometry.backup_boot_sector_offset();
    let mut anchors: Vec<Anchor> = all(volume).into_iter().chain(fixed(volume)).collect();
    anchors.retain(|anchor| anchor.position < end);
    anchors.sort_by_key(|anchor| anchor.position);
    anchors.into_iter().rev().find(is_there).map(|anchor| anchor.position)
}

/// From where on all clusters in use are zeros, if there are any, and whether those are more than a few.
fn blank_from(volume: &Volume<'_>, geometry: &Geometry, start: u64, threads: &Threads) -> Option<(u64, bool)> {
    let cluster_size = u64::from(geometry.cluster_size());
    let first = start.div_ceil(cluster_size);
    let bitmap = ClusterBitmap::read(volume);
    let used = bitmap.states(first..geometry.cluster_count()).filter(|(_, state)| *state == ClusterState::Allocated);
    let used: Vec<(u64, u64)> = used.map(|(clusters, _)| (clusters.start, clusters.end)).collect();
    let length = |(start, end): &(u64, u64)| end.saturating_sub(*start);
    let count = used.iter().map(length).fold(0, u64::saturating_add);
    let cluster_at = |index: u64| {
        let mut left = index;
        used.iter().find_map(|run| match left.checked_sub(length(run)) {
            Some(behind) => {
                left = behind;
                None
            }
            None => run.0.checked_add(left),
        })
    };
    let mut bytes = vec![0; usize::try_from(cluster_size).ok()?];
    let mut is_blank = |index: u64| {
        let place = cluster_at(index).and_then(|lcn| lcn.checked_mul(cluster_size));
        place.is_some_and(|place| volume.source().read_readable(place, &mut bytes).is_empty())
            && bytes.iter().all(|byte| *byte == 0)
    };
    let step = count.div_ceil(MOST_SAMPLED).max(1);
    // From the end to the last cluster that has content.
    let (mut blank, mut index) = (count, count.checked_sub(1)?);
    while is_blank(index) {
        blank = index;
        let Some(before) = index.checked_sub(step) else { break };
        index = before;
    }
    let mut content = if index < blank { Some(index) } else { None };
    // The border lies between the two.
    while let Some(known) = content.filter(|known| blank.saturating_sub(*known) > 1) {
        let middle = known.midpoint(blank);
        if is_blank(middle) { blank = middle } else { content = Some(middle) }
    }
    let border = if content.is_none() { first } else { cluster_at(blank)? };
    let asked = count.saturating_sub(blank).div_ceil(MOST_ASKED).max(1);
    let asked = (0..MOST_ASKED).filter_map(|sample| cluster_at(blank.checked_add(sample.checked_mul(asked)?)?));
    let places: Vec<(u64, usize)> = asked.map(|lcn| lcn.saturating_mul(cluster_size)).zip(0..).collect();
    let files: BTreeSet<u64> = owners(volume, geometry.cluster_size(), &places, threads).into_values().collect();
    let is_much = count.saturating_sub(blank) >= ENOUGH && files.len() > 1;
    (blank < count).then(|| (border.saturating_mul(cluster_size), is_much))
}
