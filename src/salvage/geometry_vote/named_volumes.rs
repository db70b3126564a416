//! Volumes of which nothing is left that tells where they lie: a partition's start, or the source's, is a witness
//! then, if what the records say of clusters fits it.

use std::collections::BTreeMap;

use super::super::findings::RecordHit;
use super::super::fragments::{Fragment, hits_of};
use super::super::hit_records::read_record;
use super::content_heads::is_head_of;
use super::starts::NamedStarts;
use super::{ENOUGH, GeometryVote, Votes, Voting};
use crate::structure::attribute::{Attribute, AttributeFlags};
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;

/// Records that are looked at, spread evenly.
const MOST_LOOKED_AT: usize = 1024;
/// Files whose contents are read.
const MOST_CONTENTS: u32 = 256;
/// Contents that together are no accident.
const ENOUGH_CONTENTS: u32 = 3;
/// What the records in the bytes of a place say of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Fit {
    /// Run lists that were looked at.
    looked_at: u32,
    /// Those with clusters behind the end.
    outside: u32,
    /// Those whose clusters hold FILE records: the table's own clusters are no file's.
    colliding: u32,
    /// Contents that start as their names say, and those that do not.
    right: u32,
    wrong: u32,
}

impl Fit {
    /// True where nothing speaks against the place.
    fn is_possible(&self) -> bool {
        let collides = self.colliding.saturating_mul(4) > self.looked_at;
        let is_outside = self.outside.saturating_mul(2) > self.looked_at;
        let is_wrong = self.wrong >= ENOUGH_CONTENTS && self.wrong > self.right;
        self.looked_at > 0 && !collides && !is_outside && !is_wrong
    }

    /// True where contents speak for it.
    fn is_confirmed(&self) -> bool {
        self.right >= ENOUGH_CONTENTS && self.right > self.wrong
    }
}

/// The records that may be a volume's at one place.
struct Place<'h> {
    start: u64,
    end: u64,
    cluster_size: u32,
    hits: Vec<&'h RecordHit>,
}

impl Voting<'_> {
    /// Adds the volumes that start in places which tables name, and which have records that no other volume has.
    pub(super) fn add_named(&self, found: &mut Vec<GeometryVote>, starts: &NamedStarts) {
        if self.overrides.start.is_some() {
            return;
        }
        // A boot sector that leads to no table says where its volume starts all the same.
        for start in starts.named.iter().copied().chain(self.boot_starts()) {
            // Without a table, the start of the source is but the first of the usual places.
            let is_sure = starts.named.len() > 1 || start > 0;
            let fitting = self.place(start, found, &starts.named).filter(|place| {
                let fit = self.fit(place);
                fit.is_possible() && (is_sure || fit.right > fit.wrong || self.is_lost_start(place))
            });
            let better = (!is_sure).then(|| self.usual(found, &starts.usual)).flatten();
            if let Some(place) = better.or(fitting) {
                found.retain(|vote| is_known(vote) || !(place.start..place.end).contains(&vote.start));
                found.push(self.as_vote(&place));
            }
        }
        if let Some(place) = self.usual(found, &starts.usual) {
            found.push(self.as_vote(&place));
        }
    }

    /// The first usual place that contents confirm.
    fn usual(&self, found: &[GeometryVote], starts: &[u64]) -> Option<Place<'_>> {
        let places = starts.iter().filter_map(|&start| self.place(start, found, &[]));
        places.into_iter().find(|place| {
            let fit = self.fit(place);
            fit.is_possible() && fit.is_confirmed()
        })
    }

    /// True where the first sector is lost, and holds nothing else, or where anything that stands in its place votes.
    fn is_lost_start(&self, place: &Place<'_>) -> bool {
        let mut sector = [0; 512];
        self.source.read_readable(place.start, &mut sector);
        sector.iter().all(|byte| *byte == 0) || self.has_ballot(place.start, place.cluster_size)
    }

    fn as_vote(&self, place: &Place<'_>) -> GeometryVote {
        let mut vote = GeometryVote {
            start: place.start,
            cluster_size: place.cluster_size,
            record_size: 0,
            volume_size: self.overrides.volume_size.unwrap_or_else(|| place.end.saturating_sub(place.start)),
            votes: Votes::default(),
            runner_up: None,
            boot_geometry: None,
            witnesses: Vec::new(),
        };
        vote.record_size = self.overrides.record_size.unwrap_or_else(|| self.record_size(&vote));
        vote
    }

    /// The records from `start` up to the next known thing; `None` where there are none of their own, or where
    /// they do not tell how large clusters are.
    fn place(&self, start: u64, found: &[GeometryVote], starts: &[u64]) -> Option<Place<'_>> {
        let found: Vec<&GeometryVote> = found.iter().filter(|vote| is_known(vote)).collect();
        let known = found.iter().map(|vote| vote.start).chain(starts.iter().copied());
        let end = known.filter(|&other| other > start).min().unwrap_or(self.findings.source_size());
        let is_free = |fragment: &&Fragment| {
            let offset = fragment.offset;
            let is_had = found.iter().any(|vote| vote.start <= offset && offset < vote.end());
            start <= offset && offset < end && !is_had
        };
        let free: Vec<&Fragment> = self.fragments.iter().filter(is_free).collect();
        let hits = || free.iter().flat_map(|fragment| hits_of(fragment, self.findings.records()));
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for size in hits().filter(|hit| hit.is_strong()).filter_map(RecordHit::cluster_size) {
            let count = counts.entry(size).or_default();
            *count = count.saturating_add(1);
        }
        let told = counts.into_iter().max_by_key(|(size, count)| (*count, *size)).map(|(size, _)| size);
        let cluster_size = self.overrides.cluster_size.or(told)?;
        let is_in_step = |fragment: &&&Fragment| {
            fragment.key().saturating_sub(i128::from(start)).rem_euclid(i128::from(cluster_size)) == 0
        };
        let count = |fragments: &mut dyn Iterator<Item = &Fragment>| {
            fragments.map(Fragment::hits).fold(0, usize::saturating_add)
        };
        let all = count(&mut free.iter().copied());
        let in_step = count(&mut free.iter().filter(is_in_step).copied());
        let mut hits: Vec<&RecordHit> = hits().collect();
        hits.sort_unstable_by_key(|hit| hit.offset);
        (in_step.saturating_mul(2) > all).then_some(Place { start, end, cluster_size, hits })
    }

    /// What the records of a place say of it.
    fn fit(&self, place: &Place<'_>) -> Fit {
        let mut fit = Fit::default();
        let step = place.hits.len().div_ceil(MOST_LOOKED_AT).max(1);
        for hit in place.hits.iter().step_by(step).filter(|hit| hit.is_strong()) {
            let Some(record) = read_record(self.source, hit).filter(|record| record.header().is_in_use()) else {
                continue;
            };
            let name = long_name(&record);
            for attribute in record.attributes().filter_map(Result::ok) {
                self.look_at(place, &attribute, name.as_deref(), &mut fit);
            }
        }
        fit
    }

    fn look_at(&self, place: &Place<'_>, attribute: &Attribute<'_>, name: Option<&str>, fit: &mut Fit) {
        let Some(piece) = attribute.non_resident() else { return };
        let runs: Vec<_> = piece.data_runs().into_iter().flatten().map_while(Result::ok).collect();
        let size = u64::from(place.cluster_size);
        let bytes = runs.iter().filter_map(|run| {
            let first = run.lcn?.checked_mul(size)?.checked_add(place.start)?;
            Some((run.vcn, first..first.checked_add(run.clusters.checked_mul(size)?)?))
        });
        let bytes: Vec<_> = bytes.collect();
        let Some((vcn, first)) = bytes.first() else { return };
        fit.looked_at = fit.looked_at.saturating_add(1);
        let is_outside = bytes.iter().any(|(_, range)| range.end > place.end);
        fit.outside = fit.outside.saturating_add(u32::from(is_outside));
        let holds_record = |range: &std::ops::Range<u64>| {
            let behind = place.hits.partition_point(|hit| hit.offset < range.start);
            place.hits.get(behind).is_some_and(|hit| hit.offset < range.end)
        };
        fit.colliding = fit.colliding.saturating_add(u32::from(bytes.iter().any(|(_, range)| holds_record(range))));
        let is_content = attribute.attribute_type() == AttributeType::DATA && attribute.name().is_empty();
        let is_plain = !attribute.flags().is_compressed() && !attribute.flags().contains(AttributeFlags::ENCRYPTED);
        let is_start = *vcn == 0 && piece.initialized_size() >= 512;
        let is_wanted = is_content && is_plain && is_start && fit.right.saturating_add(fit.wrong) < MOST_CONTENTS;
        let Some(name) = name.filter(|_| is_wanted) else { return };
        let mut head = [0; 512];
        if !self.source.read_readable(first.start, &mut head).is_empty() {
            return;
        }
        match is_head_of(name, &head) {
            Some(true) => fit.right = fit.right.saturating_add(1),
            Some(false) => fit.wrong = fit.wrong.saturating_add(1),
            None => {}
        }
    }
}

/// False where but system files speak for a place: those of two volumes that were made alike lie alike, so that the
/// records of the one may speak for a place in the other.
fn is_known(vote: &GeometryVote) -> bool {
    vote.boot_geometry.is_some() || vote.votes.fragments > 0 || vote.votes.index_records >= ENOUGH
}

/// A name of the record that is no short one.
fn long_name(record: &Record<'_>) -> Option<String> {
    let names = record.attributes().filter_map(Result::ok).filter_map(|attribute| {
        let (name, _) = attribute.file_name().ok()?;
        Some(name.name().to_string())
    });
    names.max_by_key(String::len)
}
