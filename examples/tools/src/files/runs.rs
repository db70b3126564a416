//! The clusters of an attribute.

use std::ops::Range;

use ntfs_salvage::structure::Attribute;
use ntfs_salvage::volume::Geometry;

/// The clusters of an attribute that is not resident, in bytes of the volume; what its runs say behind the volume's end
/// is left out.
pub fn runs(attribute: &Attribute<'_>, geometry: &Geometry) -> Vec<Range<u64>> {
    let runs = attribute.non_resident().and_then(|piece| piece.data_runs().ok());
    let size = u64::from(geometry.cluster_size());
    let ranges = runs.into_iter().flatten().map_while(Result::ok).filter_map(|run| {
        let start = run.lcn.filter(|lcn| *lcn < geometry.cluster_count())?.checked_mul(size)?;
        Some(start..start.saturating_add(run.clusters.saturating_mul(size)).min(geometry.volume_size()))
    });
    ranges.collect()
}
