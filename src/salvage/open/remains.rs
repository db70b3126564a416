//! What a scan found that no volume could be made of.

use std::fmt;
use std::ops::Range;

use super::super::findings::{AnchorKind, Findings};
use super::super::fragments::Fragment;
use crate::base::damage::wide;

/// What a scan found that no volume could be made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Remains {
    /// Where NTFS boot sectors stand that lead to no table, in bytes of the source.
    pub boot_sectors: Vec<u64>,
    /// How many FILE records belong to no table: their numbers are those of one many times larger than the source, or
    /// they have none.
    pub records: u64,
    /// Where the first of them starts, in bytes of the source.
    pub first_record: Option<u64>,
}

impl Remains {
    /// What of the findings, which count from byte `origin` of the source, is in none of the fragments.
    pub(in crate::salvage) fn of(findings: &Findings, fragments: &[Fragment], origin: u64) -> Self {
        let anchors = findings.anchors().iter().filter(|anchor| anchor.kind == AnchorKind::BootSector);
        let boot_sectors = anchors.map(|anchor| origin.saturating_add(anchor.offset)).collect();
        let mut is_had = vec![false; findings.records().len()];
        for index in fragments.iter().flat_map(|fragment| &fragment.hits) {
            if let Some(had) = usize::try_from(*index).ok().and_then(|index| is_had.get_mut(index)) {
                *had = true;
            }
        }
        let far = || findings.records().iter().zip(&is_had).filter(|(_, had)| !**had).map(|(hit, _)| hit);
        let first_record = far().next().map(|hit| origin.saturating_add(hit.offset));
        Self { boot_sectors, records: wide(far().count()), first_record }
    }

    /// True where everything that was found is in a volume.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.boot_sectors.is_empty() && self.records == 0
    }

    /// Both together.
    pub(in crate::salvage) fn append(&mut self, other: Self) {
        self.boot_sectors.extend(other.boot_sectors);
        self.boot_sectors.sort_unstable();
        self.boot_sectors.dedup();
        self.records = self.records.saturating_add(other.records);
        self.first_record = [self.first_record, other.first_record].into_iter().flatten().min();
    }

    /// Leaves out the boot sectors in these bytes: they are a volume's own, or lie in its files.
    pub(in crate::salvage) fn leave_out(&mut self, volume: &Range<u64>) {
        self.boot_sectors.retain(|place| !volume.contains(place));
    }
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = Vec::new();
        if let Some(first) = self.boot_sectors.first() {
            told.push(match self.boot_sectors.len() {
                1 => format!("a boot sector at byte {first} that leads to no table"),
                count => format!("{count} boot sectors that lead to no table, the first at byte {first}"),
            });
        }
        if let Some(first) = self.first_record {
            let what = if self.records == 1 { "FILE record" } else { "FILE records" };
            told.push(format!(
                "{} {what} of no table that this source can hold, the first at byte {first}",
                self.records
            ));
        }
        f.write_str(&told.join("; "))
    }
}
