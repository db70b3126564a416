//! The clusters of indexes that many directories claim.
//!
//! In a sound volume all indexes together are no larger than the volume. Where they are, each directory would be
//! looked for in the clusters of all others; instead each index record is read once, for all that claim it.

use std::ops::Range;

use crate::base::reference::FileReference;
use crate::catalog::directory_index::{index_pieces, index_record_size, live_references};
use crate::catalog::{Catalog, Entry};
use crate::source::Source;

/// Where index records of one size can start: at the multiples of it, and so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grid {
    pub(crate) record_size: u32,
    shift: u64,
}

/// Part of the volume in which a directory has index records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IndexClaim {
    directory: FileReference,
    grid: Grid,
    start: u64,
    end: u64,
}

impl IndexClaim {
    /// What a directory claims.
    pub(crate) fn of(entry: &Entry<'_>) -> Vec<Self> {
        let Some(record_size) = index_record_size(entry) else { return Vec::new() };
        let [first, last] = live_references(entry);
        let lives = std::iter::once(first).chain((last != first).then_some(last));
        let pieces = index_pieces(entry);
        let claim = |directory, (start, length, _): (u64, u64, u64)| {
            let shift = start.checked_rem(u64::from(record_size)).unwrap_or(0);
            Self { directory, grid: Grid { record_size, shift }, start, end: start.saturating_add(length) }
        };
        lives.flat_map(|directory| pieces.iter().map(move |piece| claim(directory, *piece))).collect()
    }
}

/// True when indexes of so many bytes have to share clusters. Deleted directories may have had some that others
/// have now, and a damaged run may claim all of the volume.
pub(crate) fn is_contested(catalog: &Catalog<'_>, claimed: u64) -> bool {
    claimed > catalog.volume().source().size().saturating_mul(3)
}

/// Who claims which part of a volume.
#[derive(Debug, Default)]
pub(crate) struct IndexClaims {
    /// Sorted; those of one directory do not overlap where their grid is the same.
    sorted: Vec<IndexClaim>,
}

impl IndexClaims {
    /// Bytes that are looked through at once.
    const PIECE: u64 = 1 << 18;

    pub(crate) fn new(claims: Vec<IndexClaim>) -> Self {
        Self { sorted: merged(claims) }
    }

    /// True when `directory` has an index record of this grid at `offset`.
    pub(crate) fn has(&self, directory: FileReference, grid: Grid, offset: u64) -> bool {
        let key = (directory, grid, offset);
        let behind = self.sorted.partition_point(|claim| (claim.directory, claim.grid, claim.start) <= key);
        let before = behind.checked_sub(1).and_then(|index| self.sorted.get(index));
        before.is_some_and(|claim| (claim.directory, claim.grid) == (directory, grid) && offset < claim.end)
    }

    /// All places that anybody claims, each once, in pieces.
    pub(crate) fn pieces(&self) -> Vec<(Grid, Range<u64>)> {
        let anybody = |claim: &IndexClaim| IndexClaim { directory: FileReference(0), ..*claim };
        let mut pieces = Vec::new();
        for IndexClaim { grid, start, end, .. } in merged(self.sorted.iter().map(anybody).collect()) {
            // Pieces end where records do.
            let step = Self::PIECE.checked_next_multiple_of(u64::from(grid.record_size)).unwrap_or(u64::MAX);
            let starts = (start..end).step_by(usize::try_from(step).unwrap_or(usize::MAX));
            pieces.extend(starts.map(|start| (grid, start..start.saturating_add(step).min(end))));
        }
        pieces
    }
}

/// The claims in order, those of the same directory and grid that touch made one.
fn merged(mut claims: Vec<IndexClaim>) -> Vec<IndexClaim> {
    claims.sort_unstable();
    claims.dedup_by(|next, kept| {
        let is_same = (next.directory, next.grid) == (kept.directory, kept.grid) && next.start <= kept.end;
        if is_same {
            kept.end = kept.end.max(next.end);
        }
        is_same
    });
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(directory: u64, record_size: u32, start: u64, end: u64) -> IndexClaim {
        let grid = Grid { record_size, shift: start % u64::from(record_size) };
        IndexClaim { directory: FileReference::new(directory, 1), grid, start, end }
    }

    #[test]
    fn a_place_is_claimed_by_those_whose_records_start_there() {
        let claims = IndexClaims::new(vec![
            claim(30, 4096, 8192, 16_384),
            claim(31, 4096, 4096, 12_288),
            claim(31, 4096, 12_288, 20_480),
            claim(31, 4096, 6144, 10_240),
        ]);
        let grid = |shift| Grid { record_size: 4096, shift };
        let has = |directory, shift, offset| claims.has(FileReference::new(directory, 1), grid(shift), offset);
        assert_eq!([4096, 8192, 12_288, 16_384].map(|offset| has(30, 0, offset)), [false, true, true, false]);
        assert_eq!(
            [0, 4096, 12_288, 16_384, 20_480].map(|offset| has(31, 0, offset)),
            [false, true, true, true, false]
        );
        assert_eq!(
            [(2048, 6144), (2048, 10_240), (0, 6144)].map(|(shift, at)| has(31, shift, at)),
            [true, false, true]
        );
        assert!(!has(32, 0, 8192) && !has(30, 2048, 8192));
    }

    #[test]
    fn each_place_is_in_one_piece_whoever_claims_it() {
        let many = (30..1000).map(|directory| claim(directory, 4096, 0, 1 << 20)).chain([claim(7, 4096, 2048, 6144)]);
        let pieces = IndexClaims::new(many.collect()).pieces();
        let places = |shift: u64| {
            let of_grid = pieces.iter().filter(move |(grid, _)| grid.shift == shift);
            of_grid.map(|(_, range)| (range.start, range.end)).collect::<Vec<_>>()
        };
        assert_eq!(places(0), [0, 1, 2, 3].map(|n: u64| (n << 18, (n + 1) << 18)));
        assert_eq!(places(2048), [(2048, 6144)]);
    }
}
