//! The way over the disk: what is read where, and what together.

use std::ops::Range;

use ntfs_salvage::content::Origin;
use ntfs_salvage::volume::Location;
use ntfs_salvage::{Few, Stream};

use crate::files::verified_content::is_written;
use crate::recover::plan::job::Job;

/// Bytes of the volume that a stream wants as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub place: u64,
    pub length: u64,
}

/// What of a stream has to be read.
#[derive(Debug)]
pub enum Wanted {
    Nothing,
    Extents(Few<Extent>),
    /// What only the stream's reader can read; its first byte lies there.
    ByReader(u64),
}

/// A place that the sweep comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visit {
    pub place: u64,
    pub length: u64,
    /// Whose it is, by number.
    pub errand: usize,
    pub kind: Kind,
}

/// What is done there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// All that a stream wants is here, and read together with its neighbours.
    Whole,
    /// One of several extents of a stream, which waits in memory until all are there.
    Part,
    /// The stream is read by itself, from here on.
    Alone,
    /// Nothing is read.
    Unread,
}

/// Visits that are made together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub visits: Range<usize>,
    /// What is read for all of them at once; empty where each reads for itself.
    pub read: Range<u64>,
}

/// What is read at once at most.
const TOGETHER: u64 = 1 << 20;

/// Bytes nobody wants that are read where that saves a read.
pub const GAP: u64 = 32 << 10;

/// Bytes that wait at most for the rest of their streams.
const WAITING: u64 = 1 << 30;

/// Bytes of one stream that wait at most: they are in memory when it is written.
const LONGEST_WAITING: u64 = 16 << 20;

/// Where the extents of a stream are longer, jumps are few for what they lead to.
const LONG_EXTENT: u64 = 1 << 20;

/// Streams in a group of which nothing is read.
const UNREAD: usize = 64;

/// The sweep over what the streams want, which have the numbers they stand in the list with. Over a gap of `gap`
/// bytes two are still read together.
pub fn sweep(wanted: impl Iterator<Item = Wanted>, gap: u64) -> (Vec<Visit>, Vec<Group>) {
    let (mut visits, mut scattered) = (Vec::new(), Vec::new());
    let one = |errand, place, length, kind| Visit { place, length, errand, kind };
    for (errand, wanted) in wanted.enumerate() {
        match wanted {
            Wanted::Nothing => visits.push(one(errand, 0, 0, Kind::Unread)),
            Wanted::ByReader(place) => visits.push(one(errand, place, 0, Kind::Alone)),
            Wanted::Extents(extents) => match &extents[..] {
                [] => visits.push(one(errand, 0, 0, Kind::Unread)),
                [Extent { place, length }] => {
                    let kind = if *length > TOGETHER { Kind::Alone } else { Kind::Whole };
                    visits.push(one(errand, *place, *length, kind));
                }
                [first, ..] => {
                    let total = extents.iter().fold(0_u64, |sum, extent| sum.saturating_add(extent.length));
                    let first = one(errand, first.place, total, Kind::Alone);
                    scattered.push((total / extents.len() as u64, first, extents));
                }
            },
        }
    }
    // Those first where a jump less costs the least memory.
    scattered.sort_by_key(|(mean, first, _)| (*mean, first.errand));
    let mut waiting = 0;
    for (mean, first, extents) in scattered {
        if mean > LONG_EXTENT || first.length > LONGEST_WAITING || waiting + first.length > WAITING {
            visits.push(first);
            continue;
        }
        waiting += first.length;
        visits.extend(extents.iter().map(|extent| one(first.errand, extent.place, extent.length, Kind::Part)));
    }
    visits.sort_unstable();
    let groups = groups(&visits, gap);
    (visits, groups)
}

fn groups(visits: &[Visit], gap: u64) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut last_kind = None;
    for (index, visit) in visits.iter().enumerate() {
        let end = visit.place.saturating_add(visit.length);
        let is_read = matches!(visit.kind, Kind::Whole | Kind::Part);
        let joined = groups.last_mut().filter(|group| match (visit.kind, last_kind) {
            (Kind::Unread, Some(Kind::Unread)) => group.visits.len() < UNREAD,
            (_, Some(Kind::Whole | Kind::Part)) if is_read => {
                let length = end.max(group.read.end) - group.read.start;
                visit.place <= group.read.end.saturating_add(gap) && length <= TOGETHER
            }
            _ => false,
        });
        match joined {
            Some(group) => {
                group.visits.end = index + 1;
                group.read.end = end.max(group.read.end);
            }
            None => {
                let read = if is_read { visit.place..end } else { 0..0 };
                groups.push(Group { visits: index..index + 1, read });
            }
        }
        last_kind = Some(visit.kind);
    }
    groups
}

impl Wanted {
    /// What copying the stream of a job reads.
    pub fn by(job: &Job<'_>) -> Self {
        if job.obstacle.is_some() && job.is_live {
            return Self::Nothing;
        }
        let mut extents: Few<Extent> = Few::default();
        let mut last: Option<Extent> = None;
        for part in job.found.ranges().iter().filter(|part| is_written(part.standing, job.is_live)) {
            let range = part.range;
            match range.origin {
                Origin::Clusters(place) if !range.is_doubtful => match &mut last {
                    Some(last) if last.place + last.length == place => last.length += range.length,
                    _ => last
                        .replace(Extent { place, length: range.length })
                        .into_iter()
                        .for_each(|extent| extents.push(extent)),
                },
                Origin::Record(_) if !range.is_doubtful => {}
                Origin::Clusters(place) => return Self::ByReader(place),
                Origin::Compressed { unit, stored } => return Self::ByReader(first_stored(job.stream, unit, stored)),
                Origin::Overlay => return Self::ByReader(first_chunk(job.stream)),
                _ => return Self::ByReader(0),
            }
        }
        last.into_iter().for_each(|extent| extents.push(extent));
        Self::Extents(extents)
    }
}

/// Where a compressed unit lies.
fn first_stored(stream: &Stream<'_>, unit: u64, stored: u64) -> u64 {
    let map = stream.map();
    let mut extents = map.stored(unit, unit.saturating_add(stored));
    let place = extents.find_map(|extent| match extent.location {
        Location::At(position) => Some(position),
        _ => None,
    });
    place.unwrap_or(0)
}

/// Where the stream lies that the chunks of another are in.
fn first_chunk(stream: &Stream<'_>) -> u64 {
    let map = stream.map();
    let mut ranges = map.chunks().map(|chunks| chunks.ranges().iter()).into_iter().flatten();
    let place = ranges.find_map(|range| match range.origin {
        Origin::Clusters(place) => Some(place),
        _ => None,
    });
    place.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extents(list: &[(u64, u64)]) -> Wanted {
        Wanted::Extents(list.iter().map(|&(place, length)| Extent { place, length }).collect())
    }

    #[test]
    fn neighbours_are_read_together_across_small_gaps_only() {
        let wanted = [
            extents(&[(500_000, 1000)]),
            extents(&[(10_000, 4096)]),
            extents(&[(14_096 + GAP, 4096)]),
            extents(&[]),
            extents(&[(501_000 + GAP + 1, 10)]),
        ];
        let (visits, groups) = sweep(wanted.into_iter(), GAP);
        assert_eq!(visits.iter().map(|visit| visit.errand).collect::<Vec<_>>(), [3, 1, 2, 0, 4]);
        let read: Vec<_> = groups.iter().map(|group| (group.visits.clone(), group.read.clone())).collect();
        let behind = 501_001 + GAP;
        assert_eq!(
            read,
            [(0..1, 0..0), (1..3, 10_000..18_192 + GAP), (3..4, 500_000..501_000), (4..5, behind..behind + 10)]
        );
    }

    #[test]
    fn no_group_reads_more_than_a_buffer_and_each_visit_is_in_one() {
        let wanted = (0..3000_u64).map(|file| extents(&[(file * 7919 % 3000 * 4096, 4096)]));
        let (visits, groups) = sweep(wanted, GAP);
        assert!(visits.is_sorted_by_key(|visit| visit.place));
        assert!(groups.iter().all(|group| group.read.end - group.read.start <= TOGETHER));
        assert_eq!(groups.len(), 12);
        assert!(groups.windows(2).all(|two| two[0].visits.end == two[1].visits.start));
    }

    #[test]
    fn fragments_are_read_in_their_turn_as_far_as_memory_goes() {
        let few = extents(&[(9000, 10), (100, 10)]);
        let long = extents(&[(5000, LONG_EXTENT * 2), (20 << 20, 2)]);
        let by_reader = Wanted::ByReader(50);
        let (visits, _) = sweep([few, long, by_reader].into_iter(), GAP);
        let told: Vec<_> = visits.iter().map(|visit| (visit.errand, visit.place, visit.kind)).collect();
        assert_eq!(told, [(2, 50, Kind::Alone), (0, 100, Kind::Part), (1, 5000, Kind::Alone), (0, 9000, Kind::Part)]);
        let many = (0..600).map(|file| extents(&[(file, 1 << 20), (1 << 40, 1 << 20)]));
        let (visits, _) = sweep(many, GAP);
        let waiting: u64 = visits.iter().filter(|visit| visit.kind == Kind::Part).map(|visit| visit.length).sum();
        assert_eq!(waiting, WAITING);
        assert_eq!(visits.iter().filter(|visit| visit.kind == Kind::Alone).count(), 88);
    }
}
