//! The non-resident form of an attribute: sizes, and the runs its value lies in.

use super::data_runs::DataRuns;
use crate::base::damage::{Damage, DamageKind};
use crate::base::le;

/// The non-resident part of an attribute's header, with its data runs.
///
/// Offsets from the attribute: 16 lowest VCN, 24 highest VCN, 32 mapping pairs offset,
/// 34 compression unit, 40 allocated size, 48 data size, 56 initialized size, 64 total allocated.
///
/// Reference: `ATTRIBUTE_RECORD_HEADER.Form.Nonresident`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonResident<'a> {
    header: &'a [u8; 64],
    attribute: &'a [u8],
}

impl<'a> NonResident<'a> {
    /// Bytes of the header that every piece has.
    pub const HEADER: usize = 64;
    /// Offset of the total allocated size, which not every piece has.
    const TOTAL_ALLOCATED: usize = 64;

    /// Views a whole attribute record as non-resident.
    ///
    /// # Errors
    /// When it is shorter than the header.
    #[inline]
    pub fn parse(attribute: &'a [u8]) -> Result<Self, Damage> {
        let too_short = || Damage::too_short(0, "non-resident attribute", Self::HEADER, attribute.len());
        Ok(Self { header: attribute.first_chunk().ok_or_else(too_short)?, attribute })
    }

    /// First virtual cluster of this piece; 0 for the piece whose sizes count.
    #[must_use]
    pub fn lowest_vcn(&self) -> u64 {
        le::u64_in::<16, 64>(self.header)
    }

    /// Last virtual cluster of this piece as stored: -1 (all ones) for an empty stream.
    #[must_use]
    pub fn highest_vcn(&self) -> u64 {
        le::u64_in::<24, 64>(self.header)
    }

    /// Clusters from lowest to highest VCN; `None` where the two make no sense.
    #[must_use]
    #[inline]
    pub fn clusters(&self) -> Option<u64> {
        let end = self.highest_vcn().wrapping_add(1);
        end.checked_sub(self.lowest_vcn()).filter(|_| end <= i64::MAX.unsigned_abs())
    }

    /// Compression unit as the exponent of a number of clusters: 4 is 16 clusters, 0 none. Sparse
    /// streams carry it too; only the attribute's flags say that a stream is compressed.
    #[must_use]
    pub fn compression_unit(&self) -> u8 {
        le::u8_in::<34, 64>(self.header)
    }

    /// Bytes of the clusters of the whole stream, holes included. Valid in the piece with lowest VCN 0.
    #[must_use]
    #[doc(alias = "AllocatedLength")]
    pub fn allocated_size(&self) -> u64 {
        le::u64_in::<40, 64>(self.header)
    }

    /// Bytes of the stream. Valid in the piece with lowest VCN 0.
    #[must_use]
    #[doc(alias = "FileSize")]
    pub fn data_size(&self) -> u64 {
        le::u64_in::<48, 64>(self.header)
    }

    /// Bytes that were ever written; the rest up to the data size reads as zeros. Valid in the piece
    /// with lowest VCN 0.
    #[must_use]
    #[doc(alias = "ValidDataLength")]
    pub fn initialized_size(&self) -> u64 {
        le::u64_in::<56, 64>(self.header)
    }

    /// Bytes of the clusters really allocated. Only compressed and sparse streams have it, in the
    /// piece with lowest VCN 0; whoever asks knows the attribute's flags.
    pub(crate) fn total_allocated(&self) -> Option<u64> {
        le::u64_at(self.attribute, Self::TOTAL_ALLOCATED)
    }

    /// The data runs of this piece, bounded by the attribute. Damage is placed from the attribute's start.
    ///
    /// # Errors
    /// When the runs should start outside the attribute.
    #[inline]
    pub fn data_runs(&self) -> Result<DataRuns<'a>, Damage> {
        let offset = self.data_runs_offset();
        let outside = || Damage::out_of_bounds("mapping pairs", offset, 1, self.attribute.len());
        let bytes = self.attribute.get(offset..).filter(|_| offset >= Self::HEADER).ok_or_else(outside)?;
        Ok(DataRuns::new(bytes, self.lowest_vcn(), self.clusters()))
    }

    /// What is wrong with the runs, if anything: where they end too early, or that they do not have
    /// the clusters the header claims. Placed from the attribute's start.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        let runs = match self.data_runs() {
            Ok(runs) => runs,
            Err(damage) => return Some(damage),
        };
        let mut end_vcn = self.lowest_vcn();
        for run in runs {
            match run {
                Ok(run) => end_vcn = run.end_vcn(),
                Err(damage) => {
                    return Some(damage.within(None, u64::try_from(self.data_runs_offset()).unwrap_or(u64::MAX)));
                }
            }
        }
        self.total_damage(end_vcn)
    }

    /// Damage where runs that end before `end_vcn` do not have the clusters the header claims.
    pub(crate) fn total_damage(&self, end_vcn: u64) -> Option<Damage> {
        let found = end_vcn.saturating_sub(self.lowest_vcn());
        let expected = self.clusters().filter(|&expected| expected != found)?;
        Some(Damage::new(24, DamageKind::DataRunTotal { expected, found }))
    }

    /// Where the data runs start, in bytes from the attribute's start.
    #[must_use]
    pub fn data_runs_offset(&self) -> usize {
        usize::from(le::u16_in::<32, 64>(self.header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::data_runs::DataRun;

    /// A non-resident attribute of two clusters at 10, as Windows writes one.
    fn attribute() -> Vec<u8> {
        let mut bytes = vec![0; 72];
        bytes[0] = 0x80;
        bytes[4] = 72;
        bytes[8] = 1;
        bytes[24] = 1;
        bytes[32] = 64;
        bytes[40..42].copy_from_slice(&[0, 32]);
        bytes[48..50].copy_from_slice(&[1, 16]);
        bytes[56..58].copy_from_slice(&[1, 16]);
        bytes[64..68].copy_from_slice(&[0x11, 2, 10, 0]);
        bytes
    }

    #[test]
    fn sizes_of_compressed_streams_are_read_where_they_lie() {
        let mut bytes = attribute();
        bytes[34] = 4;
        bytes[64..72].copy_from_slice(&0x1234_u64.to_le_bytes());
        let view = NonResident::parse(&bytes).unwrap();
        assert_eq!((view.compression_unit(), view.total_allocated()), (4, Some(0x1234)));
    }

    #[test]
    fn runs_with_other_clusters_than_the_header_claims_are_damage() {
        let mut bytes = attribute();
        assert_eq!(NonResident::parse(&bytes).unwrap().damage(), None);
        bytes[24] = 4;
        let total = Damage::new(24, DamageKind::DataRunTotal { expected: 5, found: 2 });
        assert_eq!(NonResident::parse(&bytes).unwrap().damage(), Some(total));
    }

    #[test]
    fn sizes_and_runs_are_read() {
        let bytes = attribute();
        let non_resident = NonResident::parse(&bytes).unwrap();
        assert_eq!(non_resident.clusters(), Some(2));
        assert_eq!(
            (non_resident.allocated_size(), non_resident.data_size(), non_resident.initialized_size()),
            (8192, 4097, 4097)
        );
        let runs: Vec<_> = non_resident.data_runs().unwrap().collect();
        assert_eq!(runs, [Ok(DataRun { vcn: 0, clusters: 2, lcn: Some(10) })]);
    }

    #[test]
    fn an_empty_stream_has_no_clusters() {
        let mut bytes = attribute();
        bytes[24..32].fill(0xFF);
        bytes[64] = 0;
        let non_resident = NonResident::parse(&bytes).unwrap();
        assert_eq!(non_resident.clusters(), Some(0));
        assert_eq!(non_resident.data_runs().unwrap().count(), 0);
    }

    #[test]
    fn senseless_vcns_give_no_cluster_count() {
        let mut bytes = attribute();
        bytes[16] = 5;
        assert_eq!(NonResident::parse(&bytes).unwrap().clusters(), None);
        bytes[24..32].copy_from_slice(&(u64::MAX - 1).to_le_bytes());
        assert_eq!(NonResident::parse(&bytes).unwrap().clusters(), None);
    }

    #[test]
    fn runs_outside_the_attribute_are_damage() {
        for offset in [0u16, 63, 73, 0xFFFF] {
            let mut bytes = attribute();
            bytes[32..34].copy_from_slice(&offset.to_le_bytes());
            assert!(NonResident::parse(&bytes).unwrap().data_runs().is_err(), "{offset}");
        }
        assert!(NonResident::parse(&attribute()[..63]).is_err());
    }
}
