//! Which of several volumes in the same bytes is the one that exists now, which one was there before, and
//! which ones only copies speak for.

use std::collections::BTreeSet;

use super::findings::AnchorKind;
use super::geometry_vote::{ENOUGH, GeometryVote};
use super::layers::{Layer, LayeredVolume, Sorting};
use crate::base::time::FileTime;
use crate::source::Source;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::boot_sector::BootSector;
use crate::structure::record::Record;
use crate::structure::value::standard_information::StandardInformation;
use crate::volume::Volume;
use crate::volume::cluster_owners::owners;

/// The first record that may be a user's file.
const FIRST_USER_RECORD: u64 = 24;

impl Sorting<'_, '_, '_> {
    /// The votes without those for places that only copies speak for: records and indexes inside the files of
    /// another volume know where they were, not where they are. Those of a volume that lies in a file are in
    /// the same file as its start, and no file of copies that the system keeps is one.
    pub(super) fn without_copies(&self, votes: &[GeometryVote]) -> Vec<GeometryVote> {
        let mut order: Vec<usize> = (0..votes.len()).collect();
        let rank = |vote: &GeometryVote| (vote.boot_geometry.is_some(), vote.votes.total());
        order.sort_by_key(|&index| (std::cmp::Reverse(votes.get(index).map(rank)), index));
        let mut is_kept = vec![true; votes.len()];
        for (place, &index) in order.iter().enumerate() {
            let Some(outer) = votes.get(index).filter(|_| is_kept.get(index).is_some_and(|kept| *kept)) else {
                continue;
            };
            let behind = order.get(place.saturating_add(1)..).unwrap_or_default();
            let weaker = behind.iter().filter_map(|&index| Some((index, votes.get(index)?)));
            let doubted: Vec<(usize, &GeometryVote)> = weaker
                .filter(|(index, vote)| is_kept.get(*index).is_some_and(|kept| *kept) && vote.boot_geometry.is_none())
                .filter(|(_, vote)| vote.overlaps(outer))
                .collect();
            for index in self.copies(outer, &doubted) {
                if let Some(kept) = is_kept.get_mut(index) {
                    *kept = false;
                }
            }
        }
        let mut is_kept = is_kept.into_iter();
        votes.iter().filter(|_| is_kept.next().unwrap_or(true)).cloned().collect()
    }

    /// The volumes among `doubted` that would not have enough votes without those in files of `outer`.
    fn copies(&self, outer: &GeometryVote, doubted: &[(usize, &GeometryVote)]) -> Vec<usize> {
        let inside = |place: u64| place.checked_sub(outer.start).filter(|inside| *inside < outer.volume_size);
        let mut places: Vec<(u64, usize)> = Vec::new();
        let mut positions: Vec<u64> = doubted.iter().flat_map(|(_, vote)| positions(vote)).collect();
        let told = positions.len();
        let shadows = self.material.findings.anchors().iter().filter(|anchor| anchor.kind == AnchorKind::ShadowCopies);
        positions.extend(shadows.map(|anchor| anchor.offset).filter(|_| told > 0));
        places.extend(positions.iter().zip(0..).filter_map(|(place, index)| Some((inside(*place)?, index))));
        if places.is_empty() {
            return Vec::new();
        }
        let fragments: Vec<usize> = (0..self.material.fragments.len()).collect();
        let fits = |index: &usize| self.material.fragments.get(*index).is_some_and(|fragment| outer.may_own(fragment));
        let members: Vec<usize> = fragments.iter().copied().filter(fits).collect();
        let Some((assembly, _)) = self.current(outer, &members, &members) else { return Vec::new() };
        places.sort_unstable();
        let owners = owners(&assembly.volume, outer.cluster_size, &places, self.threads);
        // A file with blocks of shadow copies keeps what was elsewhere: no volume lies in it.
        let stores: BTreeSet<u64> = owners.range(told..).map(|(_, owner)| *owner).collect();
        let mut copies = Vec::new();
        let mut first = 0_usize;
        for (index, vote) in doubted {
            let home = owners.get(&first);
            let witnesses = (first.saturating_add(1)..).zip(&vote.witnesses);
            let may_hold = |owner: &u64| *owner >= FIRST_USER_RECORD && !stores.contains(owner);
            let is_honest =
                |place: &usize| owners.get(place).is_none_or(|owner| Some(owner) == home && may_hold(owner));
            let honest = witnesses.filter(|(place, _)| is_honest(place)).map(|(_, (_, weight))| *weight);
            if honest.fold(0, u32::saturating_add) < ENOUGH && vote.votes.total() > 0 {
                copies.push(*index);
            }
            first = first.saturating_add(vote.witnesses.len()).saturating_add(1);
        }
        copies
    }

    /// A volume that starts in the clusters of a file of another is nested in it.
    pub(super) fn label_nested(&mut self) {
        let starts: Vec<Option<u64>> = self.found.iter().map(current_start).collect();
        let mut labels: Vec<(usize, Layer)> = Vec::new();
        for outer in self.found.iter().filter(|found| found.layer == Layer::Current) {
            let Some(vote) = &outer.vote else { continue };
            let inside = |start: &u64| vote.start < *start && *start < vote.end();
            let mut places: Vec<(u64, usize)> = starts
                .iter()
                .enumerate()
                .filter_map(|(index, start)| Some((start.filter(inside)?.saturating_sub(vote.start), index)))
                .collect();
            if places.is_empty() {
                continue;
            }
            places.sort_unstable();
            let owners = owners(&outer.volume, vote.cluster_size, &places, self.threads);
            let nested = places.iter().filter_map(|(_, index)| Some((*index, *owners.get(index)?)));
            labels.extend(
                nested
                    .filter(|(_, owner)| *owner >= FIRST_USER_RECORD)
                    .map(|(index, owner)| (index, Layer::NestedIn(owner))),
            );
        }
        for (index, layer) in labels {
            if let Some(found) = self.found.get_mut(index) {
                found.layer = layer;
            }
        }
    }

    /// Of two volumes in the same bytes, neither of which lies in a file of the other, the one that was made
    /// first is the older format.
    pub(super) fn label_older(&mut self) {
        let mut current: Vec<(usize, GeometryVote, Authority)> = Vec::new();
        for (index, found) in self.found.iter().enumerate().filter(|(_, found)| found.layer == Layer::Current) {
            if let Some(vote) = &found.vote {
                current.push((index, vote.clone(), authority(found, vote)));
            }
        }
        current.sort_by_key(|(index, _, authority)| (std::cmp::Reverse(*authority), *index));
        let mut kept: Vec<(usize, GeometryVote, Authority)> = Vec::new();
        for candidate in current {
            let over = kept.iter().position(|(_, newer, _)| newer.overlaps(&candidate.1));
            let older = match over {
                None => {
                    kept.push(candidate);
                    continue;
                }
                Some(over) if kept.get(over).is_some_and(|inner| self.holds_deleted(&candidate, inner)) => {
                    let is_alone = kept.iter().filter(|(_, newer, _)| newer.overlaps(&candidate.1)).count() == 1;
                    match kept.get_mut(over).filter(|_| is_alone) {
                        Some(inner) => std::mem::replace(inner, candidate).0,
                        None => candidate.0,
                    }
                }
                Some(_) => candidate.0,
            };
            if let Some(found) = self.found.get_mut(older) {
                found.layer = Layer::OldFormat;
            }
        }
    }

    /// True where `outer` was used after `inner`, which starts in it, was made: it is what is left of a file, such as the
    /// disk of a virtual machine, that was deleted since. What a partition table names is none.
    fn holds_deleted(
        &self,
        outer: &(usize, GeometryVote, Authority),
        inner: &(usize, GeometryVote, Authority),
    ) -> bool {
        let is_named = |vote: &GeometryVote| self.material.starts.named.contains(&vote.start);
        let is_inside = outer.1.start < inner.1.start && inner.1.start < outer.1.end();
        let is_possible = is_inside && (is_named(&outer.1) || !is_named(&inner.1));
        let last = || self.found.get(outer.0).and_then(|found| last_used(&found.volume));
        is_possible && last().zip(inner.2.1).is_some_and(|(last, made)| last > made)
    }
}

/// What says that a volume is the one that exists now: that its boot sector stands in its place and leads to its
/// table, when it was made, and how many spoke for it.
type Authority = (bool, Option<FileTime>, u32);

fn authority(found: &LayeredVolume<'_>, vote: &GeometryVote) -> Authority {
    let mut sector = [0; 512];
    found.volume.source().read_readable(0, &mut sector);
    let boot = BootSector::parse(&sector).ok().and_then(|boot| boot.geometry().ok());
    let is_booted = boot.is_some() && boot == vote.boot_geometry;
    (is_booted, made(&found.volume), vote.votes.total())
}

/// The times and flags of a file.
fn information<'r>(record: &'r Record<'_>) -> Option<StandardInformation<'r>> {
    let mut attributes = record.attributes().filter_map(Result::ok);
    let is_information = |attribute: &Attribute<'_>| attribute.attribute_type() == AttributeType::STANDARD_INFORMATION;
    StandardInformation::parse(attributes.find(is_information)?.resident_value().ok()?).ok()
}

/// When a volume was made: its system files are as old as it is.
fn made(volume: &Volume<'_>) -> Option<FileTime> {
    let created = |number: u64| Some(information(&volume.mft().record(number).ok()?)?.created());
    [3, 0, 6, 8, 1, 2].into_iter().find_map(created)
}

/// Pieces of a table that are looked at for the last time that it was used, and records of each.
const PIECES: u64 = 128;
const TOGETHER: u64 = 64;

/// The last time that one of a volume's files was changed, as far as some of its records tell.
fn last_used(volume: &Volume<'_>) -> Option<FileTime> {
    let count = volume.mft().record_count();
    let step = count.div_ceil(PIECES).max(TOGETHER);
    let firsts = std::iter::successors(Some(0_u64), |first| first.checked_add(step)).take_while(|first| *first < count);
    let records = firsts.flat_map(|first| volume.mft().records(first..first.saturating_add(TOGETHER)));
    let sound = records.filter_map(|(_, record)| record.ok()).filter(|record| record.header().is_in_use());
    sound.filter_map(|record| Some(information(&record)?.record_changed())).max()
}

/// Where a volume starts, and where its witnesses stand.
fn positions(vote: &GeometryVote) -> impl Iterator<Item = u64> + '_ {
    std::iter::once(vote.start).chain(vote.witnesses.iter().map(|(place, _)| *place))
}

fn current_start(found: &LayeredVolume<'_>) -> Option<u64> {
    found.vote.as_ref().filter(|_| found.layer == Layer::Current).map(|vote| vote.start)
}
