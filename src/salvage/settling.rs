//! What the layers of a source mean for each other: whose bytes are in doubt because another volume was made
//! over them, or because nothing proves where a volume lies.

use std::collections::BTreeMap;
use std::ops::Range;

use super::anchors::{Displacements, displacements, unproved_end};
use super::blank_content::{BlankContent, blank_content};
use super::findings::Findings;
use super::geometry_vote::{Confidence, GeometryVote, Overrides};
use super::layers::Layer;
use super::open::{Opened, assemble};
use crate::base::damage::{Damage, DamageKind};
use crate::base::error::{Error, Result};
use crate::base::reference::FileReference;
use crate::base::threads::Threads;
use crate::recoverability::claims::Claims;
use crate::source::{Source, Window};
use crate::structure::boot_sector::BootSector;
use crate::structure::record::Record;
use crate::volume::Volume;
use crate::volume::doubts::{Doubt, DoubtKind};
use crate::volume::foreign::Foreign;

impl Findings {
    /// Puts together every volume that the findings allow: current ones first, then old formats,
    /// nested ones, exports of tables, and records without a volume.
    ///
    /// `source` is what was scanned.
    ///
    /// # Errors
    /// When nothing was found that a volume could be made from.
    pub fn open<'s>(
        &self,
        source: &'s dyn Source,
        overrides: &Overrides,
        threads: &Threads,
    ) -> Result<Vec<Opened<'s>>> {
        let found = settle(assemble(Window::whole(source), self, overrides, threads).0, threads);
        if found.is_empty() { Err(Error::NoVolume) } else { Ok(found) }
    }
}

/// The volumes with the doubts that their layers cast on them.
pub(super) fn settle<'s>(volumes: Vec<Opened<'s>>, threads: &Threads) -> Vec<Opened<'s>> {
    let volumes: Vec<Opened<'s>> = volumes.into_iter().map(|opened| confirmed(opened, threads)).collect();
    let claims = claims_on_older(&volumes, threads);
    let doubts: Vec<Vec<Doubt>> = volumes
        .iter()
        .map(|opened| {
            let whole = doubt_of_place(opened).map(Doubt::everything);
            whole.into_iter().chain(overwritten(opened, &volumes, &claims, threads)).collect()
        })
        .collect();
    volumes.into_iter().zip(doubts).map(|(opened, doubts)| opened.with_doubts(doubts)).collect()
}

/// The volume with what its own bytes say against themselves: what stands elsewhere, what opening put something
/// else in place of, and content that was left out.
fn confirmed<'s>(opened: Opened<'s>, threads: &Threads) -> Opened<'s> {
    if opened.volume().geometry().is_none() || opened.layer() != Layer::Current {
        return opened;
    }
    let Displacements { shifts, mut doubts, proved, parts } = displacements(opened.volume());
    let opened = if parts.is_empty() { opened } else { opened.realigned(parts) };
    let volume = opened.volume();
    let displaced = shifts
        .into_iter()
        .map(|shift| Damage::new(shift.start, DamageKind::Displaced { end: shift.end, bytes: shift.bytes }));
    let realigned = proved
        .into_iter()
        .map(|part| Damage::new(part.bytes.start, DamageKind::Realigned { end: part.bytes.end, bytes: part.shift }));
    let mut damage: Vec<Damage> = displaced.chain(realigned).collect();
    damage.sort_by_key(|damage| damage.place.offset);
    if let Some((unproved, in_doubt)) = unproved_end(volume, threads).filter(|_| damage.is_empty()) {
        damage.push(unproved);
        doubts.extend(in_doubt);
    } else if let Some(BlankContent { files, bytes }) = blank_content(volume) {
        damage.push(Damage::new(0, DamageKind::ContentBlank { files }));
        doubts.extend(bytes.into_iter().map(|bytes| Doubt::new(bytes, DoubtKind::Blanked)));
    }
    doubts.extend(replaced(volume));
    opened.with_damage(damage).with_doubts(doubts)
}

/// The bytes that opening had to put something else in place of: the boot sector, record 0, and what of its copy in
/// the mirror is none.
fn replaced(volume: &Volume<'_>) -> Vec<Doubt> {
    let Some(geometry) = volume.geometry() else { return Vec::new() };
    let record_size = u64::from(geometry.record_size());
    let record = |offset: Option<u64>| offset.map(|offset| offset..offset.saturating_add(record_size));
    let mut found: Vec<Range<u64>> = Vec::new();
    let mut sector = [0; 512];
    volume.source().read_readable(0, &mut sector);
    let boot = BootSector::parse(&sector).ok().and_then(|boot| boot.geometry().ok());
    if boot.is_none_or(|boot| boot.cluster_size() != geometry.cluster_size()) {
        found.push(0..u64::from(geometry.sector_size()).max(512));
    }
    if volume.damage().any(|damage| damage.kind == DamageKind::MirrorUsed) {
        found.extend(record(geometry.mft_offset()));
    }
    found.extend((0..MIRRORED).filter_map(|number| {
        let offset = geometry.mirror_offset()?.checked_add(record_size.checked_mul(number)?)?;
        let mut bytes = vec![0; usize::try_from(record_size).ok()?];
        let missing = volume.source().read_readable(offset, &mut bytes);
        let is_sound = missing.is_empty() && Record::from_vec(number, bytes).is_ok_and(|record| record.is_sound());
        (!is_sound).then(|| offset..offset.saturating_add(record_size))
    }));
    found.into_iter().map(|bytes| Doubt::new(bytes, DoubtKind::Replaced)).collect()
}

/// Records that every mirror has.
const MIRRORED: u64 = 4;

/// What is in question about all of a volume.
fn doubt_of_place(opened: &Opened<'_>) -> Option<DoubtKind> {
    match opened.layer() {
        Layer::Loose => None,
        Layer::OldFormat | Layer::NestedIn(_) | Layer::ExportIn(_) => Some(DoubtKind::Superseded),
        Layer::Current if Foreign::recognize(&opened.volume().source()).is_some() => Some(DoubtKind::Superseded),
        Layer::Current => opened.vote().filter(|vote| !is_proved(vote)).map(|_| DoubtKind::Unplaced),
    }
}

/// True where a boot sector leads to the table, or the witnesses agree about the place.
fn is_proved(vote: &GeometryVote) -> bool {
    vote.boot_geometry.is_some() || vote.confidence() == Confidence::High
}

/// Who claims which cluster of the current volumes in whose bytes another layer lies, by their index.
fn claims_on_older(volumes: &[Opened<'_>], threads: &Threads) -> BTreeMap<usize, Claims> {
    let is_over_older = |newer: &Opened<'_>| volumes.iter().any(|older| lies_under(older, newer));
    let newer = volumes.iter().enumerate().filter(|(_, opened)| opened.layer() == Layer::Current);
    let newer = newer.filter(|(_, opened)| is_over_older(opened));
    newer.map(|(index, opened)| (index, claims_of(opened.volume(), threads))).collect()
}

fn claims_of(volume: &Volume<'_>, threads: &Threads) -> Claims {
    volume.catalog_with(threads).claims(threads)
}

/// True for a layer with clusters, other than a current volume, in bytes of a current volume.
fn lies_under(older: &Opened<'_>, newer: &Opened<'_>) -> bool {
    let [lower, upper] = [older, newer].map(|opened| span(opened.volume()));
    let is_older = !matches!(older.layer(), Layer::Current | Layer::Loose) && newer.layer() == Layer::Current;
    is_older && older.volume().geometry().is_some() && lower.start < upper.end && upper.start < lower.end
}

/// The bytes of the source that a volume may have.
fn span(volume: &Volume<'_>) -> Range<u64> {
    let window = volume.source();
    window.start()..window.start().saturating_add(window.size())
}

/// What files of the volumes that exist now have of an older layer.
fn overwritten(
    older: &Opened<'_>,
    volumes: &[Opened<'_>],
    claims: &BTreeMap<usize, Claims>,
    threads: &Threads,
) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for (index, newer) in volumes.iter().enumerate().filter(|(_, newer)| lies_under(older, newer)) {
        let Some(claims) = claims.get(&index) else { continue };
        let cluster_size = newer.volume().geometry().map_or(0, |geometry| u64::from(geometry.cluster_size()));
        let place = |cluster: u64| {
            let byte = newer.start().saturating_add(cluster.saturating_mul(cluster_size));
            byte.saturating_sub(older.start())
        };
        let mut doubt = |clusters: Range<u64>| {
            doubts.push(Doubt::new(place(clusters.start)..place(clusters.end), DoubtKind::Overwritten));
        };
        match older.layer() {
            // A copy of the volume's own table: a file that has its clusters still is no other.
            Layer::ExportIn(_) => others(claims, &claims_of(older.volume(), threads), &mut doubt),
            Layer::NestedIn(owner) => {
                let of_others = live(claims).filter(|(_, reference)| reference.record_number() != owner);
                of_others.for_each(|(clusters, _)| doubt(clusters));
            }
            _ => live(claims).for_each(|(clusters, _)| doubt(clusters)),
        }
    }
    doubts
}

/// The clusters of live files, and whose they are.
fn live(claims: &Claims) -> impl Iterator<Item = (Range<u64>, FileReference)> + '_ {
    claims.all().filter_map(|(clusters, claim)| Some((clusters, claim.live[0]?.reference)))
}

/// Calls `each` with the clusters of live files that are not the same file's in an earlier state of the table.
fn others(now: &Claims, earlier: &Claims, each: &mut impl FnMut(Range<u64>)) {
    for (clusters, reference) in live(now) {
        for (part, claim) in earlier.of(clusters) {
            let mut claimants = claim.live.into_iter().chain(claim.deleted).flatten();
            if !claimants.any(|claimant| claimant.reference == reference) {
                each(part);
            }
        }
    }
}
