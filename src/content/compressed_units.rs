//! Compression units: which are stored as they are, which are zeros, which are compressed.

use super::mapper::Mapper;
use super::stream_range::{Missing, Origin};
use crate::volume::extents::{Extent, Extents, Location};

/// The largest unit that is believed: 16 clusters of 2 MiB.
const LARGEST_UNIT: u64 = 32 << 20;

/// The method of LZNT1, the only one NTFS ever had.
const LZNT1: u16 = 1;

/// The exponent where a stream is compressed but names no unit, as Windows XP wrote some.
const USUAL_EXPONENT: u8 = 4;

/// What a stream says of its units.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnitSizes {
    /// Bytes of a cluster.
    pub(crate) cluster_size: u32,
    /// Bytes of the stream.
    pub(crate) size: u64,
    /// Bytes that the runs have, as the stream's header says.
    pub(crate) claimed: u64,
    /// The binary logarithm of the clusters of a unit; 0 where the header does not say.
    pub(crate) exponent: u8,
}

impl UnitSizes {
    /// Bytes of a unit; `None` where the exponent is senseless.
    fn unit(self) -> Option<u64> {
        let exponent = if self.exponent == 0 { USUAL_EXPONENT } else { self.exponent };
        let clusters = 1_u64.checked_shl(u32::from(exponent))?;
        u64::from(self.cluster_size).checked_mul(clusters).filter(|&unit| unit <= LARGEST_UNIT)
    }
}

/// Splits a compressed stream into ranges.
pub(crate) fn split(extents: &Extents, sizes: UnitSizes, method: u16, mapper: &mut Mapper) {
    let UnitSizes { cluster_size, size, claimed, .. } = sizes;
    let unit = sizes.unit();
    let is_complete = extents.end() >= claimed;
    let units = Units { extents, size, unit: unit.unwrap_or(size.max(1)), cluster_size, is_complete };
    let mut position = 0;
    while let Some(extent) = extents.between(position, size).next() {
        // A unit that the stream's end cuts off counts whole where the extent reaches that end.
        let whole = extent.length.saturating_sub(extent.length.checked_rem(units.unit).unwrap_or(0));
        if whole > 0 {
            mapper.add(extent.clip(position, position.saturating_add(whole)));
            position = position.saturating_add(whole);
        } else {
            let end = position.saturating_add(units.unit).min(size);
            match units.kind_at(position).filter(|_| unit.is_some()) {
                Some(Kind::Plain) => extents.between(position, end).for_each(|extent| mapper.add(extent)),
                Some(Kind::Stored(stored)) if method == LZNT1 => {
                    let origin = Origin::Compressed { unit: position, stored };
                    mapper.add_unit(position, end.saturating_sub(position), origin);
                }
                Some(Kind::Unmapped) => {
                    mapper.add_unit(position, end.saturating_sub(position), Origin::Missing(Missing::Unmapped));
                }
                _ => mapper.add_unit(position, end.saturating_sub(position), Origin::Missing(Missing::Undecodable)),
            }
            position = end;
        }
    }
}

struct Units<'m> {
    extents: &'m Extents,
    size: u64,
    unit: u64,
    cluster_size: u32,
    /// The runs reach as far as the stream's header says they do.
    is_complete: bool,
}

/// What a unit is.
enum Kind {
    /// Stored as it is, or zeros.
    Plain,
    /// Compressed: this many bytes of clusters.
    Stored(u64),
    /// Part of its clusters is unknown.
    Unmapped,
    /// Clusters behind a hole: no compressor writes that.
    Impossible,
}

impl Units<'_> {
    /// Looks at the clusters of the unit that starts at `start`.
    fn kind_at(&self, start: u64) -> Option<Kind> {
        let end = start.checked_add(self.unit)?;
        let (mut stored, mut has_hole, mut clusters, mut unmapped) = (0_u64, false, 0_u64, None);
        for Extent { offset, length, location } in self.extents.between(start, end) {
            match location {
                Location::At(_) => {
                    clusters = clusters.saturating_add(length);
                    if !has_hole {
                        stored = stored.saturating_add(length);
                    }
                }
                Location::Hole => has_hole = true,
                Location::Unmapped => {
                    unmapped.get_or_insert(offset);
                    has_hole = true;
                }
            }
        }
        Some(match unmapped {
            Some(from) => self.kind_of_last(start, from, (stored, clusters)),
            None if clusters == 0 || stored == self.unit => Kind::Plain,
            None if stored < clusters => Kind::Impossible,
            None => Kind::Stored(stored),
        })
    }

    /// A unit that is not mapped from `unmapped` on. At the stream's end that is no loss: runs may end
    /// there instead of padding the unit with a hole.
    fn kind_of_last(&self, start: u64, unmapped: u64, (stored, clusters): (u64, u64)) -> Kind {
        let cluster = u64::from(self.cluster_size.max(1));
        let needed = self.size.saturating_sub(start).div_ceil(cluster).saturating_mul(cluster);
        let is_end = self.is_complete && unmapped == self.extents.end();
        let is_mapped = unmapped >= start.saturating_add(needed);
        match stored {
            0 if clusters == 0 && is_mapped => Kind::Plain,
            _ if !is_end || stored == 0 => Kind::Unmapped,
            _ if stored < clusters => Kind::Impossible,
            _ if stored >= needed => Kind::Plain,
            _ => Kind::Stored(stored),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Threads;
    use crate::structure::attribute_type::AttributeType;
    use crate::structure::forge::Forge;
    use crate::volume::forged_volume::{CLUSTER, Forged, file, runs, with_runs};

    /// Offset, length and origin of each range of record 30's stream.
    fn ranges(records: Vec<(u64, Forge)>) -> Vec<(u64, u64, Origin)> {
        let forged = Forged::new(records);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let map = entry.streams()[0].map();
        map.ranges().iter().map(|range| (range.offset, range.length, range.origin)).collect()
    }

    /// The ranges of a stream in units of 16 clusters, 8 KiB.
    fn of(list: &[(u64, Option<u64>)], size: u64) -> Vec<(u64, u64, Origin)> {
        ranges(vec![(30, with_runs(list, size, size).stored_as(1, 4))])
    }

    const fn at(lcn: u64) -> Origin {
        Origin::Clusters(lcn * CLUSTER)
    }

    const UNMAPPED: Origin = Origin::Missing(Missing::Unmapped);
    const UNDECODABLE: Origin = Origin::Missing(Missing::Undecodable);

    #[test]
    fn the_header_says_how_large_units_are() {
        let list = [(2, Some(300)), (6, None), (8, Some(400))];
        let stored = Origin::Compressed { unit: 0, stored: 1024 };
        let record = |exponent| with_runs(&list, 8192, 8192).stored_as(1, exponent);
        assert_eq!(ranges(vec![(30, record(3))]), [(0, 4096, stored), (4096, 4096, at(400))]);
        assert_eq!(ranges(vec![(30, record(4))]), [(0, 8192, UNDECODABLE)], "clusters behind a hole: another unit's");
        // Where it says nothing, units have 16 clusters.
        let usual = with_runs(&[(2, Some(300)), (14, None), (1, Some(400)), (15, None)], 16_384, 16_384);
        let second = Origin::Compressed { unit: 8192, stored: 512 };
        assert_eq!(ranges(vec![(30, usual.stored_as(1, 0))]), [(0, 8192, stored), (8192, 8192, second)]);
    }

    #[test]
    fn only_lznt1_is_decompressed() {
        let record = with_runs(&[(2, Some(300)), (14, None)], 8192, 8192).stored_as(2, 4);
        assert_eq!(ranges(vec![(30, record)]), [(0, 8192, UNDECODABLE)]);
    }

    #[test]
    fn a_unit_that_lost_a_piece_of_its_runs_is_unmapped() {
        // The base record has two clusters of the first unit, an extension record the third unit.
        let base = with_runs(&[(2, Some(300))], 24_576, 24_576).stored_as(1, 4);
        let later = Forge::new(1024).base(30, 1);
        let later = later.runs(AttributeType::DATA, "", (32, 47), [0; 3], &runs(&[(16, Some(400))]));
        let found = ranges(vec![(30, base), (31, later)]);
        assert_eq!(found, [(0, 16_384, UNMAPPED), (16_384, 8192, at(400))]);
    }

    #[test]
    fn runs_may_end_with_the_last_unit() {
        let stored = |stored| Origin::Compressed { unit: 0, stored };
        assert_eq!(of(&[(2, Some(300))], 5000), [(0, 5000, stored(1024))]);
        assert_eq!(
            of(&[(2, Some(300))], 1000),
            [(0, 1000, at(300))],
            "as many clusters as it has bytes: not compressed"
        );
        assert_eq!(of(&[(2, Some(300))], 1025), [(0, 1025, stored(1024))]);
        assert_eq!(of(&[(2, None)], 1000), [(0, 1000, Origin::Hole)]);
        assert_eq!(of(&[(1, None)], 1000), [(0, 1000, UNMAPPED)], "the hole does not reach the end");
        assert_eq!(of(&[(1, None), (1, Some(300))], 1000), [(0, 1000, UNMAPPED)], "no compressor writes that");
        assert_eq!(of(&[(1, Some(300)), (1, None), (1, Some(302))], 5000), [(0, 5000, UNDECODABLE)], "nor that");
        assert_eq!(of(&[], 1000), [(0, 1000, UNMAPPED)]);
    }

    #[test]
    fn runs_that_end_before_they_should_are_a_loss() {
        let cut = file().runs(AttributeType::DATA, "", (0, 15), [8192, 8192, 8192], &runs(&[(2, Some(300))]));
        assert_eq!(ranges(vec![(30, cut.stored_as(1, 4))]), [(0, 8192, UNMAPPED)]);
        let hole = file().runs(AttributeType::DATA, "", (0, 15), [8192, 1000, 1000], &runs(&[(2, None)]));
        assert_eq!(ranges(vec![(30, hole.stored_as(1, 4))]), [(0, 1000, Origin::Hole)], "all that counts is there");
    }
}
