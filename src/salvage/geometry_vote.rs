//! Where volumes start and how large their clusters are, by vote of everything that knows both a
//! byte of the source and a cluster.
//!
//! A witness that lies at byte `p` of the source and at cluster `l` of its volume says that the
//! volume starts at `p - l * c`. Cluster sizes are not searched for: a stream's allocated size
//! divided by its clusters is the cluster size.

mod content_heads;
mod named_volumes;
pub(super) mod starts;

use std::collections::{BTreeMap, HashSet};

use super::findings::{Findings, RecordHit};
use super::fragments::{Fragment, ToldSize};
use super::hit_records::read_record;
use crate::source::Source;
use crate::structure::attribute::Attribute;
use crate::volume::geometry::Geometry;
use starts::NamedStarts;

/// A volume as the witnesses see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeometryVote {
    /// Where the volume starts, in bytes of the source.
    pub start: u64,
    /// Bytes a cluster.
    pub cluster_size: u32,
    /// Bytes a FILE record.
    pub record_size: u32,
    /// Bytes of the volume: as a boot sector or `$BadClus` says, else up to the next volume or the
    /// end of the source.
    pub volume_size: u64,
    /// The witnesses for this place.
    pub votes: Votes,
    /// The other place that most of the same witnesses would have.
    pub runner_up: Option<RunnerUp>,
    /// The geometry of a boot sector that agrees, the primary or its backup.
    pub boot_geometry: Option<Geometry>,
    /// The witnesses, each with its weight, by their places in the source.
    pub(super) witnesses: Vec<(u64, u32)>,
}

/// Who voted, each kind counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Votes {
    /// INDX records that lie where their directory's runs say.
    pub index_records: u32,
    /// Fragments of a table that lie where its record 0 says.
    pub fragments: u32,
    /// Starts of system files that lie where their records say.
    pub anchors: u32,
    /// Boot sectors, primary or backup: five for one that leads to a table, else one.
    pub boot_sectors: u32,
}

/// The place that came second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunnerUp {
    /// Where the volume would start.
    pub start: u64,
    /// Its cluster size, in bytes.
    pub cluster_size: u32,
    /// Its votes.
    pub votes: u32,
}

/// How sure a vote is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Confidence {
    /// Fewer than three votes, or less than twice those of the runner-up.
    Low,
    /// Less than three times the votes of the runner-up.
    Fair,
    /// At least three votes, and three times those of the runner-up.
    High,
    /// The operator said so, or a partition starts there, and nothing else knows.
    Given,
}

/// What the operator knows better; `None` is left to the vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overrides {
    /// Where the volume starts, in bytes of the source.
    pub start: Option<u64>,
    /// Bytes a cluster.
    pub cluster_size: Option<u32>,
    /// Bytes a FILE record.
    pub record_size: Option<u32>,
    /// Bytes of the volume.
    pub volume_size: Option<u64>,
}

impl Votes {
    /// All votes together.
    #[must_use]
    pub fn total(&self) -> u32 {
        [self.index_records, self.fragments, self.anchors, self.boot_sectors].into_iter().fold(0, u32::saturating_add)
    }

    fn count(&mut self, ballot: &Ballot) {
        let counter = match ballot.voter {
            Voter::IndexRecord => &mut self.index_records,
            Voter::Fragment => &mut self.fragments,
            Voter::Anchor => &mut self.anchors,
            Voter::BootSector => &mut self.boot_sectors,
        };
        *counter = counter.saturating_add(ballot.weight);
    }
}

impl GeometryVote {
    /// How sure the vote is. A vote nobody took part in was the operator's, or a partition table's.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        let (votes, against) = (self.votes.total(), self.runner_up.map_or(0, |runner_up| runner_up.votes));
        match votes {
            0 => Confidence::Given,
            1 | 2 => Confidence::Low,
            _ if votes >= against.saturating_mul(3) => Confidence::High,
            _ if votes >= against.saturating_mul(2) => Confidence::Fair,
            _ => Confidence::Low,
        }
    }

    /// The first byte of the source behind the volume.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.volume_size)
    }

    /// Another volume that lies, at least in part, in the same bytes.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }

    /// True when a table's fragment can be this volume's: inside it, of its record size, in step with its
    /// clusters, and none of whose records tell another cluster size.
    pub(super) fn may_own(&self, fragment: &Fragment) -> bool {
        let inside = self.start <= fragment.offset && fragment.end_offset() <= self.end();
        let distance = fragment.key().saturating_sub(i128::from(self.start));
        let fits = fragment.end.checked_mul(u64::from(fragment.record_size)).is_some_and(|end| end <= self.volume_size);
        let is_foreign = |told: &ToldSize| told.is_sure() && told.cluster_size != self.cluster_size;
        fits && inside
            && !fragment.told.as_ref().is_some_and(is_foreign)
            && fragment.record_size == self.record_size
            && distance.rem_euclid(i128::from(self.cluster_size)) == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Voter {
    IndexRecord,
    Fragment,
    Anchor,
    BootSector,
}

/// One vote for one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ballot {
    start: u64,
    cluster_shift: u8,
    voter: Voter,
    /// Which of its kind.
    index: u32,
    weight: u32,
}

impl Ballot {
    fn voter(&self) -> (Voter, u32) {
        (self.voter, self.index)
    }
}

/// Votes that a place needs.
pub(super) const ENOUGH: u32 = 3;
/// Volumes looked for at most; what is left after that many is noise.
const MOST_VOLUMES: usize = 256;
/// Tables and system files compared with every fragment or anchor.
pub(super) const MOST_RECORDS: usize = 256;

/// Finds the volumes of a source, those with the most votes first.
pub(super) fn vote(
    source: &dyn Source,
    findings: &Findings,
    fragments: &[Fragment],
    overrides: &Overrides,
    starts: &NamedStarts,
) -> Vec<GeometryVote> {
    let mut voting = Voting::new(source, findings, fragments, overrides);
    voting.ask_boot_sectors();
    voting.ask_index_records();
    voting.ask_tables();
    voting.ask_anchors();
    let mut found = voting.count();
    voting.add_named(&mut found, starts);
    found
}

pub(super) struct Voting<'f> {
    pub(super) source: &'f dyn Source,
    pub(super) findings: &'f Findings,
    pub(super) fragments: &'f [Fragment],
    pub(super) overrides: &'f Overrides,
    /// The number of each record by its place in a fragment.
    pub(super) numbers: Vec<Option<u64>>,
    /// Cluster sizes that streams tell, the most frequent first.
    pub(super) cluster_sizes: Vec<u32>,
    ballots: Vec<Ballot>,
    pub(super) geometries: BTreeMap<(u64, u8), Geometry>,
}

impl<'f> Voting<'f> {
    fn new(
        source: &'f dyn Source,
        findings: &'f Findings,
        fragments: &'f [Fragment],
        overrides: &'f Overrides,
    ) -> Self {
        let cluster_sizes = match overrides.cluster_size {
            Some(size) => vec![size],
            None => cluster_sizes(findings.records()),
        };
        let numbers = numbers(fragments, findings.records());
        let (ballots, geometries) = (Vec::new(), BTreeMap::new());
        Self { source, findings, fragments, overrides, numbers, cluster_sizes, ballots, geometries }
    }

    pub(super) fn cast(&mut self, start: Option<u64>, cluster_size: u32, voter: Voter, index: usize, weight: u32) {
        let start = start.filter(|&start| self.overrides.start.is_none_or(|given| given == start));
        let cluster_shift = u8::try_from(cluster_size.trailing_zeros()).unwrap_or(0);
        if let (Some(start), Ok(index)) = (start, u32::try_from(index)) {
            self.ballots.push(Ballot { start, cluster_shift, voter, index, weight });
        }
    }

    /// Takes the place with the most votes, and then again without the witnesses it had: a witness
    /// belongs to one volume.
    fn count(&mut self) -> Vec<GeometryVote> {
        self.ballots.sort_unstable();
        self.ballots.dedup();
        let mut found: Vec<GeometryVote> = Vec::new();
        let mut spent: HashSet<(Voter, u32)> = HashSet::new();
        while found.len() < MOST_VOLUMES {
            let tally = self.tally(|witness| !spent.contains(witness));
            let best = tally
                .iter()
                .enumerate()
                .max_by_key(|(index, (_, votes))| (votes.total(), usize::MAX.saturating_sub(*index)));
            let Some((_, &(place, votes))) = best else { break };
            if votes.total() < ENOUGH && self.overrides.start.is_none() {
                break;
            }
            let supporters = self.ballots.iter().filter(|ballot| (ballot.start, ballot.cluster_shift) == place);
            let supporters: HashSet<(Voter, u32)> = supporters.map(Ballot::voter).collect();
            let runner_up = self.runner_up(place, &supporters, &spent);
            let counted = self.ballots.iter().filter(|ballot| (ballot.start, ballot.cluster_shift) == place);
            let counted = counted.filter(|ballot| !spent.contains(&ballot.voter()));
            let witnesses = counted.filter_map(|ballot| Some((self.place_of(ballot)?, ballot.weight))).collect();
            spent.extend(supporters);
            found.push(GeometryVote {
                start: place.0,
                cluster_size: 1_u32.checked_shl(u32::from(place.1)).unwrap_or(512),
                record_size: 0,
                volume_size: 0,
                votes,
                runner_up,
                boot_geometry: self.geometries.get(&place).copied(),
                witnesses,
            });
        }
        self.add_given(&mut found);
        self.set_sizes(&mut found);
        found
    }

    /// Where the witness of a ballot stands, in bytes of the source.
    fn place_of(&self, ballot: &Ballot) -> Option<u64> {
        let index = usize::try_from(ballot.index).ok()?;
        match ballot.voter {
            Voter::IndexRecord => self.findings.index_records().get(index).map(|hit| hit.offset),
            Voter::Fragment => self.fragments.get(index).map(|fragment| fragment.offset),
            Voter::Anchor | Voter::BootSector => self.findings.anchors().get(index).map(|anchor| anchor.offset),
        }
    }

    /// The other place that most of the same witnesses would have.
    fn runner_up(
        &self,
        place: (u64, u8),
        supporters: &HashSet<(Voter, u32)>,
        spent: &HashSet<(Voter, u32)>,
    ) -> Option<RunnerUp> {
        let tally = self.tally(|witness| supporters.contains(witness) && !spent.contains(witness));
        let others = tally.into_iter().filter(|(other, _)| *other != place);
        others.max_by_key(|(other, votes)| (votes.total(), std::cmp::Reverse(*other))).map(|((start, shift), votes)| {
            let cluster_size = 1_u32.checked_shl(u32::from(shift)).unwrap_or(0);
            RunnerUp { start, cluster_size, votes: votes.total() }
        })
    }

    /// The votes of each place by the witnesses that count.
    fn tally(&self, counts: impl Fn(&(Voter, u32)) -> bool) -> Vec<((u64, u8), Votes)> {
        let mut tally: Vec<((u64, u8), Votes)> = Vec::new();
        for ballot in self.ballots.iter().filter(|ballot| counts(&ballot.voter())) {
            let place = (ballot.start, ballot.cluster_shift);
            match tally.last_mut().filter(|(last, _)| *last == place) {
                Some((_, votes)) => votes.count(ballot),
                None => {
                    let mut votes = Votes::default();
                    votes.count(ballot);
                    tally.push((place, votes));
                }
            }
        }
        tally
    }

    /// A place the operator gave needs no votes.
    fn add_given(&self, found: &mut Vec<GeometryVote>) {
        let Some(start) = self.overrides.start.filter(|_| found.is_empty()) else { return };
        let cluster_size = self.cluster_sizes.first().copied().unwrap_or(4096);
        found.push(GeometryVote {
            start,
            cluster_size,
            record_size: 0,
            volume_size: 0,
            votes: Votes::default(),
            runner_up: None,
            boot_geometry: None,
            witnesses: Vec::new(),
        });
    }

    /// True where anything votes for the place.
    pub(super) fn has_ballot(&self, start: u64, cluster_size: u32) -> bool {
        let shift = u8::try_from(cluster_size.trailing_zeros()).unwrap_or(0);
        self.ballots.iter().any(|ballot| (ballot.start, ballot.cluster_shift) == (start, shift))
    }

    /// The places that boot sectors stand for.
    pub(super) fn boot_starts(&self) -> Vec<u64> {
        let boots = self.ballots.iter().filter(|ballot| ballot.voter == Voter::BootSector);
        let mut starts: Vec<u64> = boots.map(|ballot| ballot.start).take(MOST_RECORDS).collect();
        starts.dedup();
        starts
    }

    fn set_sizes(&self, found: &mut [GeometryVote]) {
        let starts: Vec<u64> = found.iter().map(|vote| vote.start).collect();
        for vote in found {
            let next = starts.iter().copied().filter(|&start| start > vote.start).min();
            let room = next.unwrap_or(self.findings.source_size()).saturating_sub(vote.start);
            let told = vote.boot_geometry.map(|geometry| geometry.volume_size()).or_else(|| self.told_size(vote));
            vote.volume_size = self.overrides.volume_size.or(told).unwrap_or(room);
            let told = vote.boot_geometry.map(|geometry| geometry.record_size());
            vote.record_size = self.overrides.record_size.or(told).unwrap_or_else(|| self.record_size(vote));
        }
    }

    /// `$BadClus:$Bad` is as long as the volume. Of several, the one nearest behind the start counts
    /// that says it is inside.
    fn told_size(&self, vote: &GeometryVote) -> Option<u64> {
        let records = self.findings.records().iter().zip(&self.numbers);
        let hits = records.filter(|(hit, number)| **number == Some(8) && hit.parent.record_number() == 5);
        hits.filter(|(hit, _)| hit.offset >= vote.start).take(MOST_RECORDS).find_map(|(hit, _)| {
            let record = read_record(self.source, hit)?;
            let is_bad = |attribute: &Attribute<'_>| attribute.name().is("$Bad");
            let attribute = record.attributes().filter_map(Result::ok).find(is_bad)?;
            let told =
                super::recognize::cluster_shift(&attribute).and_then(|shift| 1_u32.checked_shl(u32::from(shift)));
            if told.is_some_and(|told| told != vote.cluster_size) {
                return None;
            }
            let clusters = attribute.non_resident()?.clusters()?;
            let size = clusters.checked_mul(u64::from(vote.cluster_size))?;
            (hit.offset.saturating_sub(vote.start) < size).then_some(size)
        })
    }

    /// The record size most records of the volume have.
    pub(super) fn record_size(&self, vote: &GeometryVote) -> u32 {
        let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
        for fragment in self.fragments {
            let candidate = GeometryVote { record_size: fragment.record_size, ..vote.clone() };
            if candidate.may_own(fragment) {
                let count = sizes.entry(fragment.record_size).or_default();
                *count = count.saturating_add(fragment.hits());
            }
        }
        sizes.into_iter().max_by_key(|(_, count)| *count).map_or(1024, |(size, _)| size)
    }
}

/// The number of each record by its place in a fragment.
pub(super) fn numbers(fragments: &[Fragment], records: &[RecordHit]) -> Vec<Option<u64>> {
    let mut numbers = vec![None; records.len()];
    for fragment in fragments {
        for index in fragment.hits.iter().filter_map(|&index| usize::try_from(index).ok()) {
            if let (Some(number), Some(hit)) = (numbers.get_mut(index), records.get(index)) {
                *number = Some(fragment.number_at(hit.offset));
            }
        }
    }
    numbers
}

/// The cluster sizes that streams tell, the most frequent first; one that is told by fewer than one
/// in a hundred is an accident.
fn cluster_sizes(records: &[RecordHit]) -> Vec<u32> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for size in records.iter().filter_map(RecordHit::cluster_size) {
        let count = counts.entry(size).or_default();
        *count = count.saturating_add(1);
    }
    let most = counts.values().max().copied().unwrap_or(0);
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, count)| count.saturating_mul(100) >= most).collect();
    counts.sort_by_key(|(size, count)| (std::cmp::Reverse(*count), *size));
    counts.into_iter().map(|(size, _)| size).collect()
}
