//! Space by who has it: in use, free but claimed by deleted files, claimed by nobody.

use std::ops::Range;

use ntfs_salvage::recoverability::Claims;
use ntfs_salvage::volume::{ClusterBitmap, ClusterState};

use crate::input::spans::Spans;
use crate::rescue_plan::arguments::Stage;
use crate::rescue_plan::need::Need;

/// The clusters of a volume on the disk.
pub struct Space<'c> {
    pub claims: &'c Claims,
    pub bitmap: &'c ClusterBitmap,
    pub cluster_size: u64,
    /// Where the volume starts on the disk.
    pub start: u64,
}

impl Space<'_> {
    /// Adds what is in use, and what deleted files claim of the rest.
    pub fn add_to(&self, need: &mut Need) {
        let used = self.bitmap.states(0..self.bitmap.cluster_count());
        let used = used.filter(|(_, state)| *state != ClusterState::Free).map(|(clusters, _)| clusters);
        need.add(Stage::Rest, used.chain(self.claims.live()).map(|clusters| self.on_disk(clusters)));
        let deleted = self.claims.all().filter(|(_, claim)| claim.deleted[0].is_some() && claim.live[0].is_none());
        need.add(Stage::Free, deleted.map(|(clusters, _)| self.on_disk(clusters)));
    }

    /// What any file claims.
    pub fn claimed(&self) -> Spans {
        self.claims.all().map(|(clusters, _)| self.on_disk(clusters)).collect()
    }

    fn on_disk(&self, clusters: Range<u64>) -> Range<u64> {
        let place = |cluster: u64| self.start.saturating_add(cluster.saturating_mul(self.cluster_size));
        place(clusters.start)..place(clusters.end)
    }
}
