//! Who claims which cluster: files that exist, and files that did.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::ops::{ControlFlow, Range};
use std::sync::OnceLock;

use super::claimant::{Age, Claimant};
use super::exposure::{Exposure, Handouts};
use crate::base::damage::wide;
use crate::base::reference::FileReference;
use crate::base::threads::Threads;
use crate::base::watch::Step;
use crate::catalog::entry::{Entry, EntryState};
use crate::catalog::{Batch, Catalog};
use crate::structure::attribute::Attribute;
use crate::structure::record::Record;
use crate::volume::extents::Location;

/// Who claims a range of clusters: up to two files that exist, up to two that were deleted, of these
/// the ones changed last. The same file twice has two runs that overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'c> {
    /// Files that exist. More than one: the volume is damaged there.
    pub live: [Option<&'c Claimant>; 2],
    /// Deleted files, the one changed last first.
    pub deleted: [Option<&'c Claimant>; 2],
}

impl<'c> Claim<'c> {
    /// A live file other than `reference`, or that file itself where it claims the clusters twice.
    #[must_use]
    pub fn other_live(&self, reference: FileReference) -> Option<&'c Claimant> {
        other(self.live, reference)
    }

    /// The same among deleted files: of several the one changed last. What an earlier state of the file itself had
    /// does not count.
    #[must_use]
    pub fn other_deleted(&self, reference: FileReference) -> Option<&'c Claimant> {
        let [first, second] = self.deleted;
        let is_own = |claimant: &&Claimant| claimant.is_residue && claimant.reference == reference;
        match (first.filter(is_own), second.filter(is_own)) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => second.filter(|claimant| claimant.reference != reference),
            (None, Some(_)) => first.filter(|claimant| claimant.reference != reference),
            (None, None) => other(self.deleted, reference),
        }
    }

    /// True where nobody claims the clusters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live[0].is_none() && self.deleted[0].is_none()
    }
}

fn other([first, second]: [Option<&Claimant>; 2], reference: FileReference) -> Option<&Claimant> {
    match first {
        Some(claimant) if claimant.reference == reference => second,
        other => other,
    }
}

/// The claims on all clusters of a volume.
///
/// Takes 32 bytes for each end or start of a run (so at most 64 a run, half of that where runs touch) and
/// 64 bytes a file with clusters, and 48 more once the [`Exposure`] of a deleted file is asked for.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::{Threads, Volume};
///
/// let image = ntfs_salvage::source::open("testdata/deleted.img")?;
/// let volume = Volume::open(&image)?;
/// let claims = volume.catalog().claims(&Threads::default());
/// let shared = claims.cross_links().count();
/// println!("{} claims, {shared} ranges of clusters that two live files claim", claims.all().count());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Claims {
    claimants: Vec<Claimant>,
    /// Each reaches to the start of the next; the last one is claimed by nobody.
    segments: Vec<Segment>,
    steps: Steps,
    /// By record number, of files with claims: whether those of a live one are its own alone.
    sole: Vec<Option<bool>>,
    /// Made when it is first asked for.
    handouts: OnceLock<Handouts>,
}

/// Clusters with the same claimants.
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: u64,
    owners: Owners,
}

/// Claimants, as indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owners {
    live: [u32; 2],
    deleted: [u32; 2],
}

/// An index to the segments, so that a question looks at two or three of them: searching among all took
/// a tenth of the time of recovering files.
#[derive(Debug, Clone, Default)]
struct Steps {
    /// How many segments start before each step of clusters. There are no more steps than segments.
    before: Vec<usize>,
    /// Each step has `1 << shift` clusters.
    shift: u32,
}

/// No claimant.
const NONE: u32 = u32::MAX;

/// A run and its claimant's index.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u64,
    end: u64,
    claimant: u32,
}

/// What one batch of entries contributes.
#[derive(Default)]
struct Part {
    claimants: Vec<Claimant>,
    runs: Vec<Run>,
}

impl Catalog<'_> {
    /// Passes over the table once and collects who claims which cluster: by the runs of all attributes,
    /// of live and deleted files, in base and extension records.
    #[must_use]
    pub fn claims(&self, threads: &Threads) -> Claims {
        let clusters = self.volume().geometry().map_or(0, crate::volume::geometry::Geometry::cluster_count);
        let _step = threads.begin(Step::Claims);
        let mut all = Part::default();
        let flow = self.scan(
            threads,
            || (),
            |(), batch| Part::of(batch, clusters),
            |part| {
                all.append(part);
                ControlFlow::<()>::Continue(())
            },
        );
        debug_assert!(flow.is_continue(), "nothing breaks the pass");
        self.residue.iter().for_each(|residue| all.add_residue(self, *residue, clusters));
        all.add_table(self, clusters);
        Claims::sweep(all)
    }
}

impl Part {
    fn of(batch: Batch<'_>, clusters: u64) -> Self {
        let mut part = Self::default();
        for entry in batch.into_entries() {
            part.add_entry(&entry, clusters);
        }
        part
    }

    fn add_entry(&mut self, entry: &Entry<'_>, clusters: u64) {
        let is_live = match entry.state() {
            EntryState::Live => true,
            EntryState::Ghost => false,
            // One that was deleted while it was open has its record and its clusters still.
            EntryState::Deleted | EntryState::Orphan => entry.header().is_in_use(),
        };
        let attributes = || entry.attributes().filter(|attribute| !attribute.is_resident());
        let mut has_residue = false;
        let own = attributes().filter(|attribute| {
            has_residue |= attribute.is_beyond_used();
            !attribute.is_beyond_used()
        });
        self.add(entry, Some(is_live), own, clusters);
        // Behind the used size stands what is left of an earlier life, whatever the record is now.
        if has_residue {
            self.add(entry, None, attributes().filter(Attribute::is_beyond_used), clusters);
        }
    }

    /// Adds a claimant with the runs of `attributes`; what is neither live nor deleted is residue.
    fn add<'a>(
        &mut self,
        entry: &Entry<'_>,
        is_live: Option<bool>,
        attributes: impl Iterator<Item = Attribute<'a>>,
        clusters: u64,
    ) {
        let Ok(claimant) = u32::try_from(self.claimants.len()) else { return };
        let known = self.runs.len();
        self.add_runs(claimant, attributes, clusters);
        let Some(runs) = self.runs.get(known..).filter(|runs| !runs.is_empty()) else { return };
        let lengths = runs.iter().map(|run| run.end.saturating_sub(run.start));
        let information = entry.standard_information();
        let times = information
            .map(|information| [information.created(), information.modified(), information.record_changed()]);
        self.claimants.push(Claimant {
            reference: entry.reference(),
            is_live: is_live.unwrap_or(false),
            changed: information.map(|information| information.record_changed()),
            // Of residue the record's own LSN says nothing: it is that of the later life.
            lsn: if is_live.is_some() { entry.header().lsn() } else { 0 },
            is_residue: is_live.is_none(),
            last_written: times.and_then(|times| times.into_iter().max()),
            usn: information.and_then(|information| information.update_sequence_number()).unwrap_or(0),
            handed_out: if is_live.is_some() { lengths.fold(0, u64::saturating_add) } else { 0 },
        });
    }

    /// What a file had in an extension record that was freed since.
    fn add_residue(&mut self, catalog: &Catalog<'_>, (number, of): (u64, FileReference), clusters: u64) {
        let record = catalog.mft().slot(number).ok().and_then(|(bytes, _)| Record::from_vec(number, bytes).ok());
        let (Some(record), Ok(claimant)) = (record, u32::try_from(self.claimants.len())) else { return };
        let known = self.runs.len();
        let attributes = record.attributes().filter_map(Result::ok);
        self.add_runs(claimant, attributes.filter(|attribute| !attribute.is_resident()), clusters);
        if self.runs.len() > known {
            let claimant = Claimant::new(of, false, None, record.header().lsn());
            self.claimants.push(Claimant { is_residue: true, ..claimant });
        }
    }

    fn add_runs<'a>(&mut self, claimant: u32, attributes: impl Iterator<Item = Attribute<'a>>, clusters: u64) {
        for runs in attributes.filter_map(|attribute| attribute.non_resident()?.data_runs().ok()) {
            let placed = runs.map_while(Result::ok).filter_map(|run| Some((run.lcn?, run.clusters)));
            let placed = placed.map(|(start, length)| (start, start.saturating_add(length).min(clusters)));
            let inside = placed.filter(|(start, end)| start < end);
            self.runs.extend(inside.map(|(start, end)| Run { start, end, claimant }));
        }
    }

    /// The table itself, where its own record does not say where it lies.
    fn add_table(&mut self, catalog: &Catalog<'_>, clusters: u64) {
        let reference = FileReference::new(0, 1);
        let Some(geometry) = catalog.volume().geometry() else { return };
        if self.claimants.iter().any(|claimant| claimant.is_live && claimant.reference == reference) {
            return;
        }
        let size = u64::from(geometry.cluster_size().max(1));
        let mut part = Self::default();
        part.claimants.push(Claimant::new(reference, true, None, 0));
        for extent in catalog.mft().extents().list() {
            let Location::At(position) = extent.location else { continue };
            let (start, end) = (
                position.checked_div(size).unwrap_or(0),
                position.saturating_add(extent.length).div_ceil(size).min(clusters),
            );
            if start < end {
                part.runs.push(Run { start, end, claimant: 0 });
            }
        }
        self.append(part);
    }

    fn append(&mut self, part: Self) {
        let Ok(before) = u32::try_from(self.claimants.len()) else { return };
        let last = u32::try_from(part.claimants.len()).ok().and_then(|count| before.checked_add(count));
        // More claimants than that need a table of terabytes.
        if last.is_none_or(|last| last == NONE) {
            return;
        }
        self.claimants.extend(part.claimants);
        let moved = |run: Run| Run { claimant: run.claimant.saturating_add(before), ..run };
        self.runs.extend(part.runs.into_iter().map(moved));
    }
}

/// The runs that hold the cluster the sweep has come to, the first two of interest first.
#[derive(Default)]
struct Active {
    live: BTreeSet<(u32, usize)>,
    deleted: BTreeSet<(Reverse<Age>, u32, usize)>,
}

impl Active {
    /// The live files whose claims a run that starts now overlaps, and its own: those of them that are not
    /// known yet. Where more than one run was there before, they are known.
    fn newly_contested(&self, claimant: u32) -> impl Iterator<Item = u32> + '_ {
        let known = self.live.iter().map(|(other, _)| *other).filter(|_| self.live.len() == 1);
        known.chain((!self.live.is_empty()).then_some(claimant))
    }

    fn change(&mut self, claimant: &Claimant, run: (u32, usize), is_start: bool) {
        let deleted = (Reverse(claimant.age()), run.0, run.1);
        match (claimant.is_live, is_start) {
            (true, true) => self.live.insert(run),
            (true, false) => self.live.remove(&run),
            (false, true) => self.deleted.insert(deleted),
            (false, false) => self.deleted.remove(&deleted),
        };
    }

    fn owners(&self) -> Owners {
        let mut live = self.live.iter().map(|(claimant, _)| *claimant);
        let mut deleted = self.deleted.iter().map(|(_, claimant, _)| *claimant);
        let two = |claimants: &mut dyn Iterator<Item = u32>| {
            [claimants.next().unwrap_or(NONE), claimants.next().unwrap_or(NONE)]
        };
        Owners { live: two(&mut live), deleted: two(&mut deleted) }
    }
}

/// By record number, whether a file is live, has nothing contested, and is one claimant only: residue is another.
fn sole(claimants: &[Claimant], contested: &[bool]) -> Vec<Option<bool>> {
    let number = |claimant: &Claimant| usize::try_from(claimant.reference.record_number()).unwrap_or(usize::MAX);
    let last = claimants.iter().map(number).max();
    let mut sole = vec![None; last.map_or(0, |last| last.saturating_add(1))];
    for (claimant, is_contested) in claimants.iter().zip(contested) {
        if let Some(place) = sole.get_mut(number(claimant)) {
            *place = Some(claimant.is_live && !is_contested && place.is_none());
        }
    }
    sole
}

impl Steps {
    fn to(segments: &[Segment]) -> Self {
        let last = segments.last().map_or(0, |segment| segment.start);
        let apart = last.checked_div(wide(segments.len())).unwrap_or(0);
        let shift = apart.checked_ilog2().map_or(0, |bits| bits.saturating_add(1));
        let mut steps = Self { before: Vec::with_capacity(segments.len()), shift };
        for (index, segment) in segments.iter().enumerate() {
            let step = steps.step_of(segment.start);
            if step >= steps.before.len() {
                steps.before.resize(step.saturating_add(1), index);
            }
        }
        steps
    }

    fn step_of(&self, position: u64) -> usize {
        usize::try_from(position >> self.shift).unwrap_or(usize::MAX)
    }

    /// The segments that start in the step of `position`.
    fn around(&self, position: u64, count: usize) -> Range<usize> {
        let before = |step: usize| self.before.get(step).copied().unwrap_or(count);
        let step = self.step_of(position);
        before(step)..before(step.saturating_add(1))
    }
}

impl Claims {
    /// Goes over the runs from the first cluster to the last, and cuts where a claim starts or ends.
    fn sweep(part: Part) -> Self {
        let Part { claimants, mut runs } = part;
        runs.sort_unstable_by_key(|run| (run.start, run.end, run.claimant));
        let mut segments: Vec<Segment> = Vec::with_capacity(runs.len().saturating_add(1));
        let mut active = Active::default();
        let mut ends: BinaryHeap<Reverse<(u64, u32, usize)>> = BinaryHeap::new();
        let mut next = runs.iter().enumerate().peekable();
        let mut contested = vec![false; claimants.len()];
        loop {
            let start = next.peek().map(|(_, run)| run.start);
            let end = ends.peek().map(|Reverse((end, _, _))| *end);
            let Some(position) = [start, end].into_iter().flatten().min() else { break };
            while let Some(&Reverse((_, claimant, run))) = ends.peek().filter(|Reverse((end, _, _))| *end == position) {
                ends.pop();
                if let Some(owner) = claimants.get(usize::try_from(claimant).unwrap_or(usize::MAX)) {
                    active.change(owner, (claimant, run), false);
                }
            }
            while let Some((index, run)) = next.next_if(|(_, run)| run.start == position) {
                if let Some(owner) = claimants.get(usize::try_from(run.claimant).unwrap_or(usize::MAX)) {
                    if owner.is_live {
                        let places =
                            active.newly_contested(run.claimant).filter_map(|place| usize::try_from(place).ok());
                        places.for_each(|place| _ = contested.get_mut(place).map(|contested| *contested = true));
                    }
                    active.change(owner, (run.claimant, index), true);
                    ends.push(Reverse((run.end, run.claimant, index)));
                }
            }
            let owners = active.owners();
            if segments.last().is_none_or(|last| last.owners != owners) {
                segments.push(Segment { start: position, owners });
            }
        }
        segments.shrink_to_fit();
        let sole = sole(&claimants, &contested);
        Self { claimants, steps: Steps::to(&segments), segments, sole, handouts: OnceLock::new() }
    }

    /// How much the clusters of `entry`, which was deleted, were exposed to being used again.
    pub(crate) fn exposure(&self, entry: &Entry<'_>) -> Exposure {
        self.handouts.get_or_init(|| Handouts::of(&self.claimants)).exposure(entry)
    }

    /// True for a live file all of whose claims are its own alone: no other live file claims one of the
    /// clusters, none of its own runs overlap, and its records hold no residue of an earlier life.
    pub(crate) fn is_sole_owner(&self, reference: FileReference) -> bool {
        let place = usize::try_from(reference.record_number()).unwrap_or(usize::MAX);
        self.sole.get(place).copied().flatten().unwrap_or(false)
    }

    /// How many segments start at or before `position`.
    fn started_by(&self, position: u64) -> usize {
        let near = self.steps.around(position, self.segments.len());
        let first = near.start;
        let near = self.segments.get(near).unwrap_or_default();
        first.saturating_add(near.partition_point(|segment| segment.start <= position))
    }

    /// Every file that claims clusters, in the order of records.
    #[must_use]
    pub fn claimants(&self) -> &[Claimant] {
        &self.claimants
    }

    fn claimant(&self, index: u32) -> Option<&Claimant> {
        self.claimants.get(usize::try_from(index).ok()?)
    }

    fn claim(&self, segment: Option<&Segment>) -> Claim<'_> {
        let of = |indexes: [u32; 2]| indexes.map(|index| self.claimant(index));
        match segment {
            Some(Segment { owners, .. }) => Claim { live: of(owners.live), deleted: of(owners.deleted) },
            None => Claim { live: [None; 2], deleted: [None; 2] },
        }
    }

    /// Who claims `clusters`: ranges in order and without gaps; where nobody does, the claim is empty.
    pub fn of(&self, clusters: Range<u64>) -> impl Iterator<Item = (Range<u64>, Claim<'_>)> {
        let mut position = clusters.start;
        // The segment behind the one that holds the position.
        let mut index = self.started_by(position);
        std::iter::from_fn(move || {
            if position >= clusters.end {
                return None;
            }
            let end = self.segments.get(index).map_or(clusters.end, |next| clusters.end.min(next.start));
            let claim = self.claim(index.checked_sub(1).and_then(|here| self.segments.get(here)));
            index = index.saturating_add(1);
            let start = std::mem::replace(&mut position, end);
            Some((start..end, claim))
        })
    }

    /// All claimed clusters in order.
    pub fn all(&self) -> impl Iterator<Item = (Range<u64>, Claim<'_>)> {
        let end = self.segments.last().map_or(0, |last| last.start);
        self.of(0..end).filter(|(_, claim)| !claim.is_empty())
    }

    /// Clusters that two live files claim, or one twice: the volume is damaged there.
    pub fn cross_links(&self) -> impl Iterator<Item = (Range<u64>, &Claimant, &Claimant)> {
        self.all().filter_map(|(clusters, claim)| Some((clusters, claim.live[0]?, claim.live[1]?)))
    }

    /// Clusters of live files, in order: what the volume's bitmap should call allocated.
    pub fn live(&self) -> impl Iterator<Item = Range<u64>> {
        self.all().filter(|(_, claim)| claim.live[0].is_some()).map(|(clusters, _)| clusters)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::time::FileTime;
    use crate::structure::attribute_type::AttributeType;
    use crate::structure::forge::Forge;
    use crate::volume::forged_volume::{CLUSTERS, FREE, Forged, add_runs, file, with_runs};

    fn claimant(number: u64, is_live: bool, changed: u64) -> Claimant {
        let changed = Some(FileTime(changed));
        Claimant::new(FileReference::new(number, 1), is_live, changed, 0)
    }

    fn sweep(claimants: &[Claimant], runs: &[(u64, u64, u32)]) -> Claims {
        let runs = runs.iter().map(|&(start, end, claimant)| Run { start, end, claimant }).collect();
        Claims::sweep(Part { claimants: claimants.to_vec(), runs })
    }

    fn numbers(claims: [Option<&Claimant>; 2]) -> Vec<u64> {
        claims.into_iter().flatten().map(|claimant| claimant.reference.record_number()).collect()
    }

    #[test]
    fn ranges_are_cut_where_claims_start_and_end() {
        let claimants = [claimant(30, true, 0), claimant(31, false, 5), claimant(32, false, 9)];
        let claims = sweep(&claimants, &[(10, 20, 0), (15, 30, 1), (18, 25, 2)]);
        let found: Vec<_> =
            claims.of(0..40).map(|(range, claim)| (range, numbers(claim.live), numbers(claim.deleted))).collect();
        let expected = [
            (0..10, vec![], vec![]),
            (10..15, vec![30], vec![]),
            (15..18, vec![30], vec![31]),
            (18..20, vec![30], vec![32, 31]),
            (20..25, vec![], vec![32, 31]),
            (25..30, vec![], vec![31]),
            (30..40, vec![], vec![]),
        ];
        assert_eq!(found, expected);
        assert_eq!(claims.live().collect::<Vec<_>>(), [10..15, 15..18, 18..20]);
    }

    #[test]
    fn two_live_files_on_one_cluster_are_cross_linked() {
        let claimants = [claimant(30, true, 0), claimant(31, true, 0)];
        let claims = sweep(&claimants, &[(0, 10, 0), (5, 15, 1), (100, 110, 0), (105, 106, 0)]);
        let links: Vec<_> = claims
            .cross_links()
            .map(|(range, one, two)| (range, one.reference.record_number(), two.reference.record_number()))
            .collect();
        assert_eq!(links, [(5..10, 30, 31), (105..106, 30, 30)], "one file that claims a cluster twice is one, too");
    }

    #[test]
    fn what_nobody_claims_is_left_out() {
        let claims = sweep(&[claimant(30, true, 0), claimant(31, false, 0)], &[(10, 20, 0), (30, 40, 1), (50, 60, 0)]);
        assert_eq!(claims.all().map(|(range, _)| range).collect::<Vec<_>>(), [10..20, 30..40, 50..60]);
        assert!(claims.of(0..100).map(|(_, claim)| claim.is_empty()).eq([true, false, true, false, true, false, true]));
    }

    #[test]
    fn any_number_of_claims_is_found_from_any_cluster() {
        // Far more than one step of clusters; each run is followed by a cluster that nobody claims.
        let runs: Vec<_> = (0..500).map(|place| (place * 3 + 1, place * 3 + 3, 0)).collect();
        let claims = sweep(&[claimant(30, true, 0)], &runs);
        for position in 0..1600 {
            let (range, claim) = claims.of(position..position + 1).next().unwrap();
            assert_eq!(range, position..position + 1);
            assert_eq!(claim.live[0].is_some(), position % 3 > 0 && position < 1500, "{position}");
            assert!(claims.steps.around(position, claims.segments.len()).len() <= 4, "few are looked through");
        }
    }

    /// Clusters, and the numbers of the live and deleted files that claim them.
    type Told = (Range<u64>, Vec<u64>, Vec<u64>);

    /// The claimants of a volume, and who claims what, whatever the pieces its table is read in.
    fn claimed(forged: &Forged) -> (Vec<Claimant>, Vec<Told>) {
        let told = |volume: &crate::volume::Volume<'_>| {
            let claims = volume.catalog_with(&Threads::single()).claims(&Threads::single());
            let all = claims.all().map(|(range, claim)| (range, numbers(claim.live), numbers(claim.deleted)));
            (claims.claimants().to_vec(), all.collect::<Vec<_>>())
        };
        let volume = forged.volume();
        let whole = told(&volume);
        assert_eq!(told(&volume.clone().with_chunks_of(1)), whole);
        whole
    }

    #[test]
    fn files_claim_what_their_runs_have_of_the_volume() {
        let mut information = [0; 48];
        information[16..24].copy_from_slice(&77_u64.to_le_bytes());
        let at_end = with_runs(&[(4, Some(CLUSTERS - 2)), (1, None), (2, Some(FREE))], 3584, 3584);
        let at_end = at_end.resident(AttributeType::STANDARD_INFORMATION, "", &information);
        let behind = with_runs(&[(1, Some(CLUSTERS)), (1, Some(CLUSTERS + 5))], 1024, 1024);
        let mut forged = Forged::new(vec![
            (30, at_end),
            (31, behind),
            (32, file().resident(AttributeType::DATA, "", &[7])),
            (33, with_runs(&[(2, Some(FREE + 1))], 1024, 1024).flags(0)),
            (34, add_runs(Forge::new(1024).base(60, 1), "", &[(1, Some(FREE + 9))], 512, 512)),
        ]);
        forged.record_bytes(30)[8..16].copy_from_slice(&99_u64.to_le_bytes());
        let (claimants, all) = claimed(&forged);
        let claimant = |number, is_live, changed, lsn| {
            let reference = FileReference::new(number, 1);
            Claimant::new(reference, is_live, changed, lsn)
        };
        assert_eq!(claimants.iter().map(|claimant| claimant.handed_out).collect::<Vec<_>>(), [128, 1, 4, 2, 1]);
        let claimants: Vec<_> = claimants.into_iter().map(|claimant| Claimant { handed_out: 0, ..claimant }).collect();
        let expected = [
            claimant(0, true, None, 0),
            claimant(6, true, None, 0),
            claimant(30, true, Some(FileTime(77)), 99),
            claimant(33, false, None, 0),
            claimant(34, true, None, 0),
        ];
        assert_eq!(claimants, expected, "a run behind the volume's end, or no run, claims nothing");
        let expected = [
            (8..FREE, vec![0], vec![]),
            (FREE..FREE + 1, vec![30], vec![]),
            (FREE + 1..FREE + 2, vec![30], vec![33]),
            (FREE + 2..FREE + 3, vec![], vec![33]),
            (FREE + 9..FREE + 10, vec![34], vec![]),
            (CLUSTERS - 2..CLUSTERS - 1, vec![30], vec![]),
            (CLUSTERS - 1..CLUSTERS, vec![6, 30], vec![]),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn residue_of_an_earlier_life_claims_as_a_deleted_file_does() {
        let record = with_runs(&[(1, Some(FREE))], 512, 512);
        let record = add_runs(record, "residue", &[(1, Some(FREE + 5))], 512, 512);
        let record = add_runs(record, "more", &[(1, Some(FREE + 7))], 512, 512);
        let mut forged = Forged::new(vec![(30, record)]);
        let bytes = forged.record_bytes(30);
        let length = |at: usize| u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let data = 56 + length(56);
        let used = (data + length(data)) as u32;
        bytes[24..28].copy_from_slice(&used.to_le_bytes());
        let (claimants, all) = claimed(&forged);
        let own = claimants.iter().filter(|claimant| claimant.reference.record_number() == 30);
        assert_eq!(own.map(|claimant| claimant.is_live).collect::<Vec<_>>(), [true, false]);
        let expected = [
            (FREE..FREE + 1, vec![30], vec![]),
            (FREE + 5..FREE + 6, vec![], vec![30]),
            (FREE + 7..FREE + 8, vec![], vec![30]),
        ];
        assert_eq!(all[1..4], expected);
    }

    #[test]
    fn the_table_claims_its_clusters_even_if_its_record_does_not() {
        let table = || add_runs(Forge::new(1024), "", &[(128, Some(8))], 64 * 1024, 64 * 1024);
        let of_table = |record: Forge| {
            let (claimants, all) = claimed(&Forged::new(vec![(0, record)]));
            let tables = claimants.iter().filter(|claimant| claimant.reference.record_number() == 0);
            (tables.map(|table| (table.reference.sequence_number(), table.is_live)).collect::<Vec<_>>(), all[0].clone())
        };
        assert_eq!(of_table(table()), (vec![(1, true)], (8..FREE, vec![0], vec![])));
        assert_eq!(of_table(table().sequence(2)), (vec![(2, true), (1, true)], (8..FREE, vec![0, 0], vec![])));
        let deleted = of_table(table().flags(0));
        assert_eq!(deleted, (vec![(1, false), (1, true)], (8..FREE, vec![0], vec![0])));
    }

    #[test]
    fn a_file_with_residue_is_no_sole_owner() {
        let claimants = [claimant(30, true, 0), claimant(30, false, 0), claimant(31, true, 0)];
        let claims = sweep(&claimants, &[(0, 10, 0), (20, 30, 1), (40, 50, 2)]);
        let is_sole = |number| claims.is_sole_owner(FileReference::new(number, 1));
        assert_eq!([29, 30, 31, 32].map(is_sole), [false, false, true, false]);
    }

    proptest! {
        #[test]
        fn the_sweep_agrees_with_asking_every_run(
            runs in proptest::collection::vec((0u64..40, 1u64..20, 0u32..6), 0..30), start in 0u64..60, count in 0u64..60,
        ) {
            let claimants: Vec<_> =
                (0..6).map(|number| claimant(number, number % 2 == 0, 100 - number % 4)).collect();
            let runs: Vec<_> = runs.into_iter().map(|(start, length, who)| (start, start + length, who)).collect();
            let claims = sweep(&claimants, &runs);
            for (index, claimant) in (0..).zip(&claimants) {
                let own = |run: &(u64, u64, u32)| run.2 == index;
                let is_other = |other: usize, run: usize| other != run && claimants[runs[other].2 as usize].is_live;
                let meets = |one: &(u64, u64, u32), other: &(u64, u64, u32)| one.0 < other.1 && other.0 < one.1;
                let is_contested = (0..runs.len()).filter(|&run| own(&runs[run])).any(|run| {
                    (0..runs.len()).any(|other| is_other(other, run) && meets(&runs[run], &runs[other]))
                });
                prop_assert_eq!(claims.is_sole_owner(claimant.reference), claimant.is_live && !is_contested);
            }
            let mut position = start;
            for (range, claim) in claims.of(start..start + count) {
                prop_assert_eq!(range.start, position);
                position = range.end;
                for lcn in range {
                    let here = runs.iter().filter(|run| run.0 <= lcn && lcn < run.1).map(|run| &claimants[run.2 as usize]);
                    let (mut live, mut deleted): (Vec<&Claimant>, Vec<&Claimant>) = here.partition(|claimant| claimant.is_live);
                    live.sort_by_key(|claimant| claimant.reference);
                    deleted.sort_by_key(|claimant| (Reverse(claimant.age()), claimant.reference));
                    let two = |all: Vec<&Claimant>| {
                        all.iter().take(2).map(|claimant| claimant.reference.record_number()).collect::<Vec<_>>()
                    };
                    prop_assert_eq!(numbers(claim.live), two(live));
                    prop_assert_eq!(numbers(claim.deleted), two(deleted));
                }
            }
            prop_assert_eq!(position, start + count);
        }
    }
}
