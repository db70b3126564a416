//! Data runs: where the clusters of a non-resident attribute lie.

use crate::base::damage::{Damage, DamageKind};

/// Clusters that follow each other in a stream and, unless they are a hole, on the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DataRun {
    /// First cluster, counted from the start of the stream.
    pub vcn: u64,
    /// How many clusters, at least one.
    pub clusters: u64,
    /// First cluster on the volume; `None` for a hole, which reads as zeros.
    pub lcn: Option<u64>,
}

impl DataRun {
    /// The first virtual cluster behind the run.
    #[must_use]
    pub fn end_vcn(&self) -> u64 {
        self.vcn.saturating_add(self.clusters)
    }
}

/// Iterator over the runs of one piece of a stream.
///
/// Each element on disk is a header byte (low nibble: bytes of the length, high nibble: bytes of
/// the step from the previous run's cluster, 0 for a hole), the length and the step, both
/// little-endian two's complement; a zero byte ends the list. After an error the iterator is done:
/// later runs count on from earlier ones.
///
/// Reference: `ATTRIBUTE_RECORD_HEADER`, mapping pairs.
#[derive(Debug, Clone)]
#[doc(alias = "mapping pairs")]
pub struct DataRuns<'a> {
    bytes: &'a [u8],
    position: usize,
    index: u32,
    vcn: u64,
    /// The first VCN behind the piece, as the attribute's header says, if it says so.
    end_vcn: Option<u64>,
    lcn: i64,
    /// The cluster before a run that ended at cluster -1, an old way to write a hole.
    lcn_before_hole: Option<i64>,
    done: bool,
}

/// One element as it is written.
struct Element {
    clusters: u64,
    step: Option<i64>,
    length: usize,
}

impl<'a> DataRuns<'a> {
    /// Reads runs from `bytes` for a piece that starts at `lowest_vcn` and, where `clusters` is
    /// known, has that many clusters.
    #[must_use]
    pub fn new(bytes: &'a [u8], lowest_vcn: u64, clusters: Option<u64>) -> Self {
        let end_vcn = clusters.and_then(|clusters| lowest_vcn.checked_add(clusters));
        Self { bytes, position: 0, index: 0, vcn: lowest_vcn, end_vcn, lcn: 0, lcn_before_hole: None, done: false }
    }

    /// How many bytes of the list have been read, the terminator not included.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    fn corrupt(&self, header: u8) -> Damage {
        let offset = u64::try_from(self.position).unwrap_or(u64::MAX);
        Damage::new(offset, DamageKind::DataRun { index: self.index, header })
    }

    /// Decodes the element that starts with `header`; `None` when it is corrupt or cut off.
    #[inline]
    fn element(&self, header: u8) -> Option<Element> {
        let (length_size, step_size) = (usize::from(header & 0x0F), usize::from(header >> 4));
        if length_size == 0 || length_size > 8 || step_size > 8 {
            return None;
        }
        let (length, step) = match self.short_fields(length_size, step_size) {
            Some(fields) => fields,
            None => {
                let (length, step) = self.fields(length_size, step_size)?;
                (signed(length), signed(step))
            }
        };
        let clusters = match u64::try_from(length) {
            Ok(0) => return None,
            Ok(clusters) => clusters,
            Err(_) => self.unsigned_length(self.fields(length_size, step_size)?.0)?,
        };
        let length = length_size.saturating_add(step_size).saturating_add(1);
        Some(Element { clusters, step: (step_size > 0).then_some(step), length })
    }

    /// The bytes of the length and of the step.
    fn fields(&self, length_size: usize, step_size: usize) -> Option<(&'a [u8], &'a [u8])> {
        let fields = self.bytes.get(self.position.checked_add(1)?..)?;
        let (length, rest) = fields.split_at_checked(length_size)?;
        Some((length, rest.get(..step_size)?))
    }

    /// The length and the step where both are in the seven bytes behind the header, as nearly always:
    /// cut out of one number. A step of no bytes is anything.
    #[inline]
    fn short_fields(&self, length_size: usize, step_size: usize) -> Option<(i64, i64)> {
        let word = u64::from_le_bytes(*self.bytes.get(self.position..)?.first_chunk()?);
        let bits = |size: usize| u32::try_from(size).unwrap_or(0).wrapping_mul(8);
        if length_size.saturating_add(step_size) > 7 {
            return None;
        }
        let low = |word: u64, size: usize| {
            let unused = 64_u32.wrapping_sub(bits(size));
            word.wrapping_shl(unused).cast_signed().wrapping_shr(unused)
        };
        let fields = word >> 8;
        Some((low(fields, length_size), low(fields.wrapping_shr(bits(length_size)), step_size)))
    }

    /// A length with its top bit set is negative, which no run can be. Linux ntfs3 reads it
    /// unsigned; that reading is taken only where it makes the piece exactly as long as its header says.
    fn unsigned_length(&self, length: &[u8]) -> Option<u64> {
        let clusters = unsigned(length);
        (self.vcn.checked_add(clusters)? == self.end_vcn?).then_some(clusters)
    }

    /// Steps to the run's first cluster; the outer `None` means there is no such cluster.
    #[inline]
    fn place(&mut self, step: Option<i64>) -> Option<Option<u64>> {
        let Some(step) = step else { return Some(None) };
        let mut lcn = self.lcn.checked_add(step)?;
        if let Some(before) = self.lcn_before_hole.take()
            && lcn < 0
        {
            lcn = before.checked_add(step)?;
        }
        if lcn == -1 {
            self.lcn_before_hole = Some(self.lcn);
            self.lcn = lcn;
            return Some(None);
        }
        self.lcn = lcn;
        u64::try_from(lcn).ok().map(Some)
    }

    /// Reads one element and steps behind it.
    #[inline]
    fn advance(&mut self, header: u8) -> Option<DataRun> {
        let element = self.element(header)?;
        let end = self.vcn.checked_add(element.clusters)?;
        let lcn = self.place(element.step)?;
        if let Some(lcn) = lcn {
            lcn.checked_add(element.clusters)?;
        }
        let run = DataRun { vcn: self.vcn, clusters: element.clusters, lcn };
        self.vcn = end;
        self.position = self.position.checked_add(element.length)?;
        self.index = self.index.saturating_add(1);
        Some(run)
    }
}

impl Iterator for DataRuns<'_> {
    type Item = Result<DataRun, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let Some(&header) = self.bytes.get(self.position) else {
            self.done = true;
            // A missing terminator is harmless where the piece is already complete.
            let complete = self.end_vcn == Some(self.vcn);
            let needed = self.position.saturating_add(1);
            return (!complete).then(|| Err(Damage::too_short(self.position, "data runs", needed, self.bytes.len())));
        };
        if header == 0 {
            self.done = true;
            return None;
        }
        match self.advance(header) {
            Some(run) => Some(Ok(run)),
            None => {
                self.done = true;
                Some(Err(self.corrupt(header)))
            }
        }
    }
}

/// Up to eight little-endian bytes as a two's complement number.
fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.last().is_some_and(|&byte| byte & 0x80 != 0);
    let fill: u64 = if negative { u64::MAX } else { 0 };
    let value = bytes.iter().rev().fold(fill, |value, &byte| (value << 8) | u64::from(byte));
    value.cast_signed()
}

/// Up to eight little-endian bytes as an unsigned number.
fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| (value << 8) | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn runs(bytes: &[u8]) -> Vec<Result<DataRun, Damage>> {
        DataRuns::new(bytes, 0, None).collect()
    }

    fn run(vcn: u64, clusters: u64, lcn: Option<u64>) -> Result<DataRun, Damage> {
        Ok(DataRun { vcn, clusters, lcn })
    }

    #[test]
    fn numbers_have_up_to_eight_bytes_and_a_sign() {
        let numbers: [(&[u8], i64, u64); 8] = [
            (&[0x82], -126, 0x82),
            (&[1, 0x82], -32_255, 0x8201),
            (&[1, 2, 0x83], -8_191_487, 0x83_0201),
            (&[1, 2, 3, 0x84], -2_080_177_663, 0x8403_0201),
            (&[1, 2, 3, 4, 5], 0x05_0403_0201, 0x05_0403_0201),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 0xFE], -4_294_967_297, 0xFE_FFFF_FFFF),
            (&[1, 0, 0, 0, 0, 0, 0, 0x80], i64::MIN + 1, 0x8000_0000_0000_0001),
            (&[], 0, 0),
        ];
        for (bytes, negative, positive) in numbers {
            assert_eq!((signed(bytes), unsigned(bytes)), (negative, positive), "{bytes:x?}");
        }
    }

    #[test]
    fn the_position_is_behind_what_was_read() {
        let mut runs = DataRuns::new(&[0x11, 2, 10, 0x01, 3, 0], 0, None);
        assert_eq!(runs.position(), 0);
        runs.next();
        assert_eq!(runs.position(), 3);
        runs.by_ref().for_each(drop);
        assert_eq!(runs.position(), 5);
    }

    #[test]
    fn no_field_has_more_than_eight_bytes() {
        let mut bytes = vec![0x88, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(runs(&bytes), [run(0, 1, Some(5))]);
        for header in [0x89, 0x98, 0x99, 0x80, 0x90] {
            bytes[0] = header;
            bytes.resize(32, 0);
            assert_eq!(runs(&bytes), [Err(Damage::new(0, DamageKind::DataRun { index: 0, header }))], "{header:#x}");
        }
    }

    #[test]
    fn a_step_behind_an_old_hole_counts_from_before_it_only_where_it_would_be_negative() {
        // NT 3.51 marked a hole by a step to -1. Behind it, a step of 1 leads to cluster 0.
        assert_eq!(
            runs(&[0x11, 1, 9, 0x11, 1, 0xF6, 0x11, 1, 1, 0]),
            [run(0, 1, Some(9)), run(1, 1, None), run(2, 1, Some(0))]
        );
        assert_eq!(
            runs(&[0x11, 1, 9, 0x11, 1, 0xF6, 0x11, 1, 0xFE, 0]),
            [run(0, 1, Some(9)), run(1, 1, None), run(2, 1, Some(7))]
        );
    }

    #[test]
    fn steps_count_from_the_previous_run_and_may_go_back() {
        // A run of 0x30 clusters at 0x60, 0x50 at 0x160, 0x100 at 0x90.
        let bytes = [0x21, 0x30, 0x60, 0x00, 0x21, 0x50, 0x00, 0x01, 0x22, 0x00, 0x01, 0x30, 0xFF, 0x00];
        let expected = [run(0, 0x30, Some(0x60)), run(0x30, 0x50, Some(0x160)), run(0x80, 0x100, Some(0x90))];
        assert_eq!(runs(&bytes), expected);
    }

    #[test]
    fn a_hole_does_not_move_the_cluster_the_next_step_counts_from() {
        let bytes = [0x11, 2, 10, 0x01, 5, 0x11, 1, 3, 0];
        assert_eq!(runs(&bytes), [run(0, 2, Some(10)), run(2, 5, None), run(7, 1, Some(13))]);
    }

    #[test]
    fn cluster_zero_is_a_place_and_cluster_minus_one_a_hole() {
        assert_eq!(runs(&[0x11, 2, 0, 0]), [run(0, 2, Some(0))], "$Boot starts at cluster 0");
        let bytes = [0x11, 2, 10, 0x11, 4, 0xF5, 0x11, 1, 21, 0];
        assert_eq!(runs(&bytes), [run(0, 2, Some(10)), run(2, 4, None), run(6, 1, Some(20))]);
    }

    #[test]
    fn lengths_with_the_top_bit_are_taken_unsigned_only_where_the_total_fits() {
        let bytes = [0x11, 0x80, 5, 0];
        assert_eq!(DataRuns::new(&bytes, 0, Some(128)).collect::<Vec<_>>(), [run(0, 128, Some(5))]);
        let corrupt = Damage::new(0, DamageKind::DataRun { index: 0, header: 0x11 });
        assert_eq!(DataRuns::new(&bytes, 0, Some(127)).collect::<Vec<_>>(), [Err(corrupt)]);
        assert_eq!(runs(&[0x12, 0x80, 0x00, 5, 0]), [run(0, 128, Some(5))], "a zero byte makes it positive");
    }

    #[test]
    fn corrupt_elements_end_the_list_and_keep_the_runs_before() {
        for bad in [&[0x10, 0][..], &[0x19, 1], &[0x91, 1], &[0x11, 0, 1, 0], &[0x11, 1, 0xF0, 0], &[0x88, 1, 2]] {
            let bytes = [&[0x11, 2, 10][..], bad].concat();
            let damage = Damage::new(3, DamageKind::DataRun { index: 1, header: bad[0] });
            assert_eq!(runs(&bytes), [run(0, 2, Some(10)), Err(damage)], "{bad:x?}");
        }
        let huge = [0x81, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x11, 1, 1, 0];
        assert_eq!(runs(&huge).len(), 2, "the second run's cluster overflows");
        assert!(runs(&huge)[1].is_err());
    }

    #[test]
    fn a_missing_terminator_is_harmless_only_where_the_piece_is_complete() {
        let bytes = [0x11, 2, 10];
        assert_eq!(DataRuns::new(&bytes, 4, Some(2)).collect::<Vec<_>>(), [run(4, 2, Some(10))]);
        assert!(DataRuns::new(&bytes, 4, Some(3)).last().unwrap().is_err());
        for cut in 1..bytes.len() {
            assert!(runs(&bytes[..cut]).last().unwrap().is_err());
        }
    }

    #[test]
    fn numbers_of_every_width_are_signed() {
        for value in
            [1i64, -1, 0x7F, -0x80, 0x1234, -0x1234, 0x12_3456, -0x12_3456, i64::from(i32::MIN), 1 << 40, -(1 << 55)]
        {
            for width in 1..=8 {
                let bytes = &value.to_le_bytes()[..width];
                let fits = width == 8 || (-(1i64 << (8 * width - 1))..1i64 << (8 * width - 1)).contains(&value);
                assert!(!fits || signed(bytes) == value, "{value} in {width} bytes");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_runs_in_order_without_gaps(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut next = 7;
            for run in DataRuns::new(&bytes, 7, None).map_while(Result::ok) {
                prop_assert_eq!(run.vcn, next);
                prop_assert!(run.clusters > 0);
                next = run.end_vcn();
            }
        }
    }
}
