//! How much the clusters of a deleted file were exposed to being used again.

use super::claimant::Claimant;
use crate::base::time::FileTime;
use crate::catalog::entry::Entry;

/// How much the clusters of a deleted file were exposed to being used again, as far as files that are still known tell.
///
/// The counts are those of files with a later mark than the deleted one has: an estimate from both sides. Not all of
/// their clusters were handed out since; and what files used that left no trace, nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Exposure {
    /// The last time the file's record has: the file existed then.
    pub last_known: Option<FileTime>,
    /// From there to the last change of any file of the volume that has clusters, in 100 ns.
    pub age: Option<u64>,
    /// Clusters of files that were created or changed after that time.
    pub clusters_by_time: Option<u64>,
    /// Clusters of files whose base record has a higher LSN; none where the record has no LSN.
    pub clusters_by_lsn: Option<u64>,
    /// Clusters of files with a higher update sequence number; none where the record has none.
    pub clusters_by_usn: Option<u64>,
}

/// All files with clusters in the order of their marks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handouts {
    by_time: Marks,
    by_lsn: Marks,
    by_usn: Marks,
}

/// Marks in order, each with the clusters of its file and of all those behind.
#[derive(Debug, Clone, Default)]
struct Marks(Vec<(u64, u64)>);

impl Marks {
    fn of(marks: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut marks: Vec<_> = marks.filter(|(mark, _)| *mark > 0).collect();
        marks.sort_unstable();
        let mut sum = 0_u64;
        for (_, clusters) in marks.iter_mut().rev() {
            sum = sum.saturating_add(*clusters);
            *clusters = sum;
        }
        Self(marks)
    }

    fn clusters_after(&self, mark: u64) -> u64 {
        let first = self.0.partition_point(|(other, _)| *other <= mark);
        self.0.get(first).map_or(0, |(_, clusters)| *clusters)
    }

    fn last(&self) -> Option<u64> {
        self.0.last().map(|(mark, _)| *mark)
    }
}

impl Handouts {
    pub(crate) fn of(claimants: &[Claimant]) -> Self {
        let marks = |mark: fn(&Claimant) -> u64| {
            Marks::of(claimants.iter().map(|claimant| (mark(claimant), claimant.handed_out)))
        };
        Self {
            by_time: marks(|claimant| claimant.last_written.map_or(0, |time| time.0)),
            by_lsn: marks(|claimant| claimant.lsn),
            by_usn: marks(|claimant| claimant.usn),
        }
    }

    /// What the files say of the clusters of `entry`, which was deleted.
    pub(crate) fn exposure(&self, entry: &Entry<'_>) -> Exposure {
        let last_known = last_known(entry);
        let set = |mark: u64| (mark > 0).then_some(mark);
        let usn = entry.standard_information().and_then(|information| information.update_sequence_number());
        Exposure {
            last_known,
            age: last_known.and_then(|time| Some(self.by_time.last()?.saturating_sub(time.0))),
            clusters_by_time: last_known.map(|time| self.by_time.clusters_after(time.0)),
            clusters_by_lsn: set(entry.header().lsn()).map(|lsn| self.by_lsn.clusters_after(lsn)),
            clusters_by_usn: usn.and_then(set).map(|usn| self.by_usn.clusters_after(usn)),
        }
    }
}

/// The last time of all a file has; of its names' where it has no others.
fn last_known(entry: &Entry<'_>) -> Option<FileTime> {
    let own = entry.standard_information().map(|information| {
        [information.created(), information.modified(), information.record_changed(), information.accessed()]
    });
    let of_names = || {
        entry
            .file_names()
            .flat_map(|(_, name)| [name.created(), name.modified(), name.record_changed(), name.accessed()])
    };
    let last = own.and_then(|times| times.into_iter().max()).or_else(|| of_names().max());
    last.filter(|time| !time.is_unset())
}
