//! The chunk table of a file that the Windows Overlay Filter (CompactOS) compressed.

use core::ops::Range;

use super::{lzx, xpress_huffman};
use crate::base::damage::{Damage, DamageKind, wide};
use crate::base::le;
use crate::structure::value::reparse_payload::WofAlgorithm;

impl WofAlgorithm {
    /// Decompresses one chunk, whose output is exactly as long as `out`. A chunk that is as long as its
    /// output is stored as it is.
    ///
    /// # Errors
    /// When the chunk is damaged, or the algorithm is unknown. The damage's offset counts in `out`:
    /// so many bytes were decoded, which may be right, and the rest is zero.
    pub fn decompress(self, chunk: &[u8], out: &mut [u8]) -> Result<(), Damage> {
        if chunk.len() == out.len() {
            out.copy_from_slice(chunk);
            return Ok(());
        }
        match self {
            Self::XPRESS_4K | Self::XPRESS_8K | Self::XPRESS_16K => xpress_huffman::decompress(chunk, out),
            Self::LZX_32K => lzx::decompress(chunk, out),
            Self(other) => {
                out.fill(0);
                Err(Damage::bad_value(0, "WOF algorithm", other))
            }
        }
    }
}

/// Where the chunks of a compressed file lie in its stream `WofCompressedData`.
///
/// The stream starts with the table: for every chunk but the first, where it starts, as a `u32`, or as
/// a `u64` in files of 4 GiB and more. The chunks follow; the table's offsets count from its end. Of
/// the table no more is needed than the two entries around a chunk, so that one damaged entry costs
/// the two chunks it parts, and nothing else.
///
/// Reference: the resource layout of WIM files, which WOF uses unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkTable {
    chunk_size: u64,
    uncompressed_size: u64,
    compressed_size: u64,
    table_size: u64,
}

impl ChunkTable {
    /// The table of a file with `uncompressed_size` bytes whose stream `WofCompressedData` has
    /// `compressed_size` bytes.
    ///
    /// # Errors
    /// When the algorithm is unknown, or the stream is too short for its own table.
    pub fn new(algorithm: WofAlgorithm, uncompressed_size: u64, compressed_size: u64) -> Result<Self, Damage> {
        let Some(chunk_size) = algorithm.chunk_size().map(u64::from) else {
            return Err(Damage::bad_value(0, "WOF algorithm", algorithm.0));
        };
        let entries = uncompressed_size.div_ceil(chunk_size).saturating_sub(1);
        let table_size = entries.saturating_mul(entry_size(uncompressed_size));
        if table_size > compressed_size {
            let kind = DamageKind::TooShort { what: "WOF chunk table", needed: table_size, found: compressed_size };
            return Err(Damage::new(0, kind));
        }
        Ok(Self { chunk_size, uncompressed_size, compressed_size, table_size })
    }

    /// How many chunks there are.
    #[must_use]
    pub fn chunk_count(&self) -> u64 {
        self.uncompressed_size.div_ceil(self.chunk_size.max(1))
    }

    /// Bytes a chunk gives, except for the last.
    #[must_use]
    pub fn chunk_size(&self) -> u64 {
        self.chunk_size
    }

    /// Bytes of the table, which lies at the stream's start.
    #[must_use]
    pub fn table_size(&self) -> u64 {
        self.table_size
    }

    /// Bytes of an entry: 4, or 8 in files of 4 GiB and more.
    #[must_use]
    pub fn entry_size(&self) -> u64 {
        entry_size(self.uncompressed_size)
    }

    /// Where chunk `index` belongs in the file, in bytes; its output is as long. `None` behind the last.
    #[must_use]
    pub fn output_range(&self, index: u64) -> Option<Range<u64>> {
        let start = index.checked_mul(self.chunk_size).filter(|&start| start < self.uncompressed_size)?;
        Some(start..start.saturating_add(self.chunk_size).min(self.uncompressed_size))
    }

    /// Which bytes of the stream bound chunk `index`: two entries of the table, fewer for the first and
    /// the last chunk. `None` behind the last.
    #[must_use]
    pub fn entries_of(&self, index: u64) -> Option<Range<u64>> {
        self.output_range(index)?;
        let width = self.entry_size();
        let start = index.saturating_sub(1).saturating_mul(width).min(self.table_size);
        let end = index.saturating_add(1).saturating_mul(width).min(self.table_size);
        Some(start..end)
    }

    /// Where chunk `index` lies in the stream, by the whole table (the first [`table_size`](Self::table_size)
    /// bytes of the stream, or as many as there are).
    ///
    /// # Errors
    /// When there is no such chunk, its entries are not there, or they describe no possible chunk.
    pub fn chunk_range(&self, index: u64, table: &[u8]) -> Result<Range<u64>, Damage> {
        let entries = self.entries_of(index).ok_or_else(|| self.no_such_chunk(index))?;
        let (Ok(start), Ok(end)) = (usize::try_from(entries.start), usize::try_from(entries.end)) else {
            return Err(Damage::too_short(table.len(), "WOF chunk table", usize::MAX, table.len()));
        };
        let Some(entries) = table.get(start..end) else {
            return Err(Damage::too_short(start, "WOF chunk table", end, table.len()));
        };
        self.chunk_range_by(index, entries)
    }

    /// The same by the bytes that [`entries_of`](Self::entries_of) names, for those who do not hold the table.
    ///
    /// # Errors
    /// When there is no such chunk, or the entries describe no possible chunk.
    pub fn chunk_range_by(&self, index: u64, entries: &[u8]) -> Result<Range<u64>, Damage> {
        let output = self.output_range(index).ok_or_else(|| self.no_such_chunk(index))?;
        let limit = self.compressed_size.saturating_sub(self.table_size);
        let is_last = output.end == self.uncompressed_size;
        let start = if index == 0 { Some(0) } else { self.entry(entries, 0) };
        let end = if is_last { Some(limit) } else { self.entry(entries, usize::from(index > 0)) };
        let place = self.entries_of(index).unwrap_or_default().start;
        let (Some(start), Some(end)) = (start, end) else {
            let kind =
                DamageKind::TooShort { what: "WOF chunk table", needed: self.table_size, found: wide(entries.len()) };
            return Err(Damage::new(place, kind));
        };
        // A chunk that would not shrink is stored, so none is longer than its output.
        let fits = start < end && end <= limit && end.saturating_sub(start) <= output.end.saturating_sub(output.start);
        if !fits {
            let length = end.saturating_sub(start);
            return Err(Damage::new(
                place,
                DamageKind::OutOfBounds { what: "WOF chunk", offset: start, length, limit },
            ));
        }
        Ok(self.table_size.saturating_add(start)..self.table_size.saturating_add(end))
    }

    fn entry(&self, entries: &[u8], which: usize) -> Option<u64> {
        match self.entry_size() {
            4 => le::u32_at(entries, which.checked_mul(4)?).map(u64::from),
            _ => le::u64_at(entries, which.checked_mul(8)?),
        }
    }

    fn no_such_chunk(&self, index: u64) -> Damage {
        Damage::new(
            0,
            DamageKind::OutOfBounds { what: "WOF chunk", offset: index, length: 1, limit: self.chunk_count() },
        )
    }
}

/// The width goes by the size of the file, not of the stream.
fn entry_size(uncompressed_size: u64) -> u64 {
    if u32::try_from(uncompressed_size).is_ok() { 4 } else { 8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of three chunks: 4096, 4096 and 1000 bytes out, 100, 4096 and 50 bytes in.
    fn three() -> (ChunkTable, Vec<u8>) {
        let table = ChunkTable::new(WofAlgorithm::XPRESS_4K, 9192, 8 + 4246).unwrap();
        (table, [100_u32, 4196].iter().flat_map(|entry| entry.to_le_bytes()).collect())
    }

    #[test]
    fn chunks_have_a_size_and_are_not_empty() {
        let (table, _) = three();
        assert_eq!(table.chunk_size(), 4096);
        let empty: Vec<u8> = [100_u32, 100].iter().flat_map(|entry| entry.to_le_bytes()).collect();
        assert!(table.chunk_range(1, &empty).is_err());
    }

    #[test]
    fn chunks_lie_where_the_table_says() {
        let (table, bytes) = three();
        assert_eq!((table.chunk_count(), table.table_size(), table.entry_size()), (3, 8, 4));
        let ranges: Vec<_> = (0..3).map(|index| table.chunk_range(index, &bytes).unwrap()).collect();
        assert_eq!(ranges, [8..108, 108..4204, 4204..4254]);
        assert_eq!(table.output_range(2), Some(8192..9192));
        assert_eq!(table.output_range(3), None);
        assert!(table.chunk_range(3, &bytes).is_err());
        assert!(table.chunk_range(u64::MAX, &bytes).is_err());
    }

    #[test]
    fn two_entries_are_enough() {
        let (table, bytes) = three();
        assert_eq!(
            (table.entries_of(0), table.entries_of(1), table.entries_of(2)),
            (Some(0..4), Some(0..8), Some(4..8))
        );
        assert_eq!(table.chunk_range_by(2, &bytes[4..]), Ok(4204..4254));
        assert!(table.chunk_range_by(1, &bytes[..4]).is_err());
    }

    #[test]
    fn a_bad_entry_costs_the_two_chunks_it_parts() {
        for bad in [0_u32, 101, 5000, u32::MAX] {
            let (table, mut bytes) = three();
            bytes[4..].copy_from_slice(&bad.to_le_bytes());
            assert_eq!(table.chunk_range(0, &bytes), Ok(8..108));
            let bounded = table.chunk_range(1, &bytes).is_err() || table.chunk_range(2, &bytes).is_err();
            assert!(bounded, "{bad}");
        }
    }

    #[test]
    fn a_truncated_table_still_gives_the_chunks_it_names() {
        let (table, bytes) = three();
        for length in 0..8 {
            let found: Vec<bool> = (0..3).map(|index| table.chunk_range(index, &bytes[..length]).is_ok()).collect();
            assert_eq!(found, [length >= 4, false, false], "{length}");
        }
    }

    #[test]
    fn the_width_of_entries_goes_by_the_uncompressed_size() {
        let below = ChunkTable::new(WofAlgorithm::LZX_32K, u64::from(u32::MAX), 1 << 30).unwrap();
        assert_eq!((below.entry_size(), below.chunk_count(), below.table_size()), (4, 131_072, 131_071 * 4));
        let above = ChunkTable::new(WofAlgorithm::LZX_32K, 1 << 32, 1 << 30).unwrap();
        assert_eq!((above.entry_size(), above.chunk_count(), above.table_size()), (8, 131_072, 131_071 * 8));
        let entries: Vec<u8> = [7_u64, 1 << 20].iter().flat_map(|entry| entry.to_le_bytes()).collect();
        assert!(above.chunk_range_by(1, &entries).is_err(), "longer than its output");
        let entries: Vec<u8> = [1_u64 << 20, (1 << 20) + 9].iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let start = above.table_size() + (1 << 20);
        assert_eq!(above.chunk_range_by(1, &entries), Ok(start..start + 9));
    }

    #[test]
    fn small_and_hostile_sizes() {
        let empty = ChunkTable::new(WofAlgorithm::XPRESS_8K, 0, 0).unwrap();
        assert_eq!((empty.chunk_count(), empty.table_size(), empty.output_range(0)), (0, 0, None));
        let single = ChunkTable::new(WofAlgorithm::XPRESS_16K, 16384, 20).unwrap();
        assert_eq!(single.chunk_range(0, &[]), Ok(0..20));
        assert!(ChunkTable::new(WofAlgorithm::XPRESS_4K, u64::MAX, 1 << 40).is_err());
        assert!(ChunkTable::new(WofAlgorithm::XPRESS_4K, 9192, 7).is_err());
        assert!(ChunkTable::new(WofAlgorithm(4), 1, 1).is_err());
        let huge = ChunkTable::new(WofAlgorithm::XPRESS_4K, u64::MAX, u64::MAX).unwrap();
        assert_eq!(huge.output_range(huge.chunk_count() - 1).unwrap().end, u64::MAX);
        assert!(huge.chunk_range(huge.chunk_count() - 1, &[]).is_err());
    }

    #[test]
    fn a_chunk_as_long_as_its_output_is_stored() {
        let mut out = [0; 3];
        assert_eq!(WofAlgorithm::LZX_32K.decompress(b"abc", &mut out), Ok(()));
        assert_eq!(&out, b"abc");
        assert!(WofAlgorithm(9).decompress(b"ab", &mut out).is_err());
        assert_eq!(out, [0; 3], "what could not be decoded is zero");
    }
}
