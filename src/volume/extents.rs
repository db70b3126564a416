//! Where the bytes of a stream lie.

use std::ops::ControlFlow;

use crate::base::damage::{Damage, DamageKind};
use crate::source::{Source, Window};
use crate::structure::non_resident::NonResident;

/// Where a range of a stream has its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Location {
    /// In the volume, from this byte on.
    At(u64),
    /// Nowhere: a hole reads as zeros.
    Hole,
    /// Unknown: the part of the metadata that says so is missing. These bytes are missing, not zero.
    Unmapped,
}

/// A range of a stream that lies in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Extent {
    /// First byte, counted from the start of the stream.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
    /// Where they are.
    pub location: Location,
}

impl Extent {
    /// The first byte behind the extent.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// The part of the extent between the stream's bytes `start` and `end`.
    pub(crate) fn clip(&self, start: u64, end: u64) -> Self {
        let from = self.offset.max(start);
        let location = match self.location {
            Location::At(position) => Location::At(position.saturating_add(from.saturating_sub(self.offset))),
            other => other,
        };
        Self { offset: from, length: self.end().min(end).saturating_sub(from), location }
    }
}

/// The map of a stream: extents in order, without overlaps; what lies between them is unmapped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extents {
    list: Vec<Extent>,
}

impl Extents {
    /// A stream of `length` bytes that lie together from byte `position` on.
    #[must_use]
    pub fn contiguous(position: u64, length: u64) -> Self {
        let mut extents = Self::default();
        extents.push(Extent { offset: 0, length, location: Location::At(position) });
        extents
    }

    /// The map that the pieces of a stream make together, in whatever order they come. What is wrong with their runs
    /// stands beside the attributes, where it is asked for.
    pub(crate) fn of<'p>(pieces: impl IntoIterator<Item = NonResident<'p>>, cluster_size: u32) -> Self {
        let mut pieces: Vec<_> = pieces.into_iter().collect();
        pieces.sort_by_key(NonResident::lowest_vcn);
        let mut extents = Self::default();
        for piece in pieces {
            extents.push_runs(&piece, cluster_size, &mut Vec::new());
        }
        extents
    }

    /// The extents in order.
    #[must_use]
    pub fn list(&self) -> &[Extent] {
        &self.list
    }

    /// The first byte behind the last extent.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.list.last().map_or(0, Extent::end)
    }

    /// Appends an extent that starts at or behind the end; neighbours become one.
    pub(crate) fn push(&mut self, extent: Extent) {
        if extent.length == 0 {
            return;
        }
        if let Some(last) = self.list.last_mut().filter(|last| last.end() == extent.offset) {
            let continued = match (last.location, extent.location) {
                (Location::At(before), Location::At(next)) => before.checked_add(last.length) == Some(next),
                (before, next) => before == next,
            };
            if continued {
                last.length = last.length.saturating_add(extent.length);
                return;
            }
        }
        self.list.push(extent);
    }

    /// Appends the runs of one piece of a stream. Pieces come in the order of their lowest VCN; what
    /// an earlier piece has claimed stays its own. Damage is placed from the attribute's start.
    pub(crate) fn push_runs(&mut self, piece: &NonResident<'_>, cluster_size: u32, damage: &mut Vec<Damage>) {
        let runs = match piece.data_runs() {
            Ok(runs) => runs,
            Err(error) => return damage.push(error),
        };
        let size = u64::from(cluster_size);
        let first_free = self.end();
        let (mut end_vcn, mut overlap) = (piece.lowest_vcn(), None);
        for run in runs {
            let run = match run {
                Ok(run) => run,
                Err(error) => {
                    damage.push(error.within(None, u64::try_from(piece.data_runs_offset()).unwrap_or(u64::MAX)));
                    break;
                }
            };
            end_vcn = run.end_vcn();
            let location = run.lcn.map_or(Location::Hole, |lcn| Location::At(lcn.saturating_mul(size)));
            let offset = run.vcn.saturating_mul(size);
            let extent = Extent { offset, length: run.clusters.saturating_mul(size), location };
            if offset < first_free {
                overlap.get_or_insert(run.vcn);
            }
            self.push(extent.clip(first_free, u64::MAX));
        }
        if let Some(vcn) = overlap {
            damage.push(Damage::new(16, DamageKind::OverlappingPieces { vcn }));
        }
        damage.extend(piece.total_damage(end_vcn));
    }

    /// The extents of the stream's bytes `start .. end`, clipped, with what has no place as
    /// [`Location::Unmapped`]. Together they cover the range exactly.
    pub fn between(&self, start: u64, end: u64) -> impl Iterator<Item = Extent> + '_ {
        let mut index = self.list.partition_point(|extent| extent.end() <= start);
        let mut position = start;
        std::iter::from_fn(move || {
            if position >= end {
                return None;
            }
            let next = self.list.get(index).filter(|extent| extent.offset < end);
            let extent = match next {
                Some(extent) if extent.offset <= position => {
                    index = index.saturating_add(1);
                    extent.clip(position, end)
                }
                _ => {
                    let gap_end = next.map_or(end, |extent| extent.offset);
                    Extent { offset: position, length: gap_end.saturating_sub(position), location: Location::Unmapped }
                }
            };
            position = extent.end();
            Some(extent)
        })
    }
}

/// Fills `buffer` with the bytes of `extents`, one behind the other. Of what is not in the source, holes among it, there
/// are zeros; `missing` gets it part by part, and can end the reading.
pub(crate) fn read_extents(
    source: Window<'_>,
    extents: impl Iterator<Item = Extent>,
    buffer: &mut [u8],
    mut missing: impl FnMut(Extent) -> ControlFlow<()>,
) {
    let mut rest = buffer;
    for extent in extents {
        let length = usize::try_from(extent.length).unwrap_or(usize::MAX).min(rest.len());
        let (part, behind) = rest.split_at_mut(length);
        rest = behind;
        let Location::At(position) = extent.location else {
            part.fill(0);
            if missing(extent).is_break() {
                return;
            }
            continue;
        };
        let inside = |place: u64| place.saturating_sub(position).saturating_add(extent.offset);
        for gap in source.read_readable(position, part) {
            if missing(extent.clip(inside(gap.start), inside(gap.end))).is_break() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(offset: u64, length: u64, position: u64) -> Extent {
        Extent { offset, length, location: Location::At(position) }
    }

    /// A piece with these runs, from `lowest` to `highest`.
    fn piece(lowest: u64, highest: u64, runs: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[16..24].copy_from_slice(&lowest.to_le_bytes());
        bytes[24..32].copy_from_slice(&highest.to_le_bytes());
        bytes[32] = 64;
        bytes.extend_from_slice(runs);
        bytes
    }

    fn push(extents: &mut Extents, bytes: &[u8]) -> Vec<Damage> {
        let mut damage = Vec::new();
        extents.push_runs(&NonResident::parse(bytes).unwrap(), 512, &mut damage);
        damage
    }

    #[test]
    fn pieces_with_a_gap_leave_it_unmapped() {
        let mut extents = Extents::default();
        assert_eq!(push(&mut extents, &piece(0, 1, &[0x11, 2, 10, 0])), []);
        assert_eq!(push(&mut extents, &piece(4, 4, &[0x11, 1, 30, 0])), []);
        let gap = Extent { offset: 1024, length: 1024, location: Location::Unmapped };
        let all: Vec<_> = extents.between(0, 2560).collect();
        assert_eq!(all, [at(0, 1024, 5120), gap, at(2048, 512, 15360)]);
    }

    #[test]
    fn adjacent_runs_become_one_and_holes_stay_holes() {
        let mut extents = Extents::default();
        push(&mut extents, &piece(0, 5, &[0x11, 2, 10, 0x11, 1, 2, 0x01, 3, 0]));
        let hole = Extent { offset: 1536, length: 1536, location: Location::Hole };
        assert_eq!(extents.list(), [at(0, 1536, 5120), hole]);
    }

    #[test]
    fn overlapping_pieces_keep_the_first_claim_and_are_reported() {
        let mut extents = Extents::default();
        push(&mut extents, &piece(0, 3, &[0x11, 4, 10, 0]));
        let damage = push(&mut extents, &piece(2, 5, &[0x11, 4, 50, 0]));
        assert_eq!(damage, [Damage::new(16, DamageKind::OverlappingPieces { vcn: 2 })]);
        assert_eq!(extents.list(), [at(0, 2048, 5120), at(2048, 1024, 52 * 512)]);
    }

    #[test]
    fn runs_that_do_not_reach_the_highest_vcn_are_reported() {
        let mut extents = Extents::default();
        let damage = push(&mut extents, &piece(0, 9, &[0x11, 4, 10, 0]));
        assert_eq!(damage, [Damage::new(24, DamageKind::DataRunTotal { expected: 10, found: 4 })]);
    }

    proptest! {
        #[test]
        fn any_range_is_covered_exactly(
            lengths in proptest::collection::vec((0u64..5, 1u64..5), 0..6), start in 0u64..40, length in 0u64..40,
        ) {
            let mut extents = Extents::default();
            for (gap, length) in lengths {
                let offset = extents.end() + gap;
                extents.push(at(offset, length, offset * 7 + 1));
            }
            let mut position = start;
            for extent in extents.between(start, start + length) {
                prop_assert_eq!(extent.offset, position);
                prop_assert!(extent.length > 0);
                position = extent.end();
            }
            prop_assert_eq!(position, start + length);
        }
    }
}
