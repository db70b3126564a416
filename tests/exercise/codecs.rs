//! The decoders: the same bytes give the same output, whatever stood in the buffer before.

use std::ops::Range;

use ntfs_salvage::Damage;
use ntfs_salvage::codec::wof::ChunkTable;
use ntfs_salvage::codec::{lz4, lznt1, lzx, snappy, xpress_huffman};
use ntfs_salvage::structure::value::WofAlgorithm;

use super::{damaged, debug, sound};

/// The size of the output: the first two bytes, up to 64 KiB.
fn sized(bytes: &[u8]) -> Option<(usize, &[u8])> {
    bytes.split_first_chunk().map(|(size, rest)| (usize::from(u16::from_le_bytes(*size)) + 1, rest))
}

/// Runs a decoder into two buffers of different content; returns what both came to.
fn twice<T: PartialEq + std::fmt::Debug>(size: usize, decode: impl Fn(&mut [u8]) -> T) -> (Vec<u8>, T) {
    let (mut zeros, mut ones) = (vec![0; size], vec![0xFF; size]);
    let (first, second) = (decode(&mut zeros), decode(&mut ones));
    assert_eq!(first, second);
    assert!(zeros == ones, "what stood in the buffer shows in the output");
    (zeros, first)
}

pub(crate) fn lznt1(bytes: &[u8]) {
    let Some((size, unit)) = sized(bytes) else { return };
    let (out, outcome) = twice(size, |out| lznt1::decompress(unit, out));
    debug(&outcome);
    assert_eq!(outcome.is_sound(), outcome.flaws().is_empty());
    let mut end = 0;
    for flaw in outcome.flaws() {
        assert!(end <= flaw.range.start && flaw.range.start < flaw.range.end, "flaws overlap");
        end = flaw.range.end;
        assert!(out.get(flaw.range.clone()).is_some(), "a flaw lies outside the output");
        assert!(flaw.certainty != lznt1::Certainty::Missing || out[flaw.range.clone()].iter().all(|&byte| byte == 0));
        damaged(flaw.damage);
    }
}

pub(crate) fn xpress_huffman(bytes: &[u8]) {
    let Some((size, chunk)) = sized(bytes) else { return };
    sound(twice(size, |out| xpress_huffman::decompress(chunk, out)).1);
}

pub(crate) fn lzx(bytes: &[u8]) {
    let Some((size, chunk)) = sized(bytes) else { return };
    sound(twice(size.min(32_768), |out| lzx::decompress(chunk, out)).1);
}

pub(crate) fn lz4(bytes: &[u8]) {
    let Some((size, block)) = sized(bytes) else { return };
    whole_or_nothing(size, |out| lz4::decompress(block, out));
}

pub(crate) fn snappy(bytes: &[u8]) {
    let Some((size, block)) = sized(bytes) else { return };
    whole_or_nothing(size, |out| snappy::decompress(block, out));
}

/// Runs a decoder that gives all of its output or says why not: then nothing of the buffer counts.
fn whole_or_nothing(size: usize, decode: impl Fn(&mut [u8]) -> Result<(), Damage>) {
    let (mut zeros, mut ones) = (vec![0; size], vec![0xFF; size]);
    let (first, second) = (decode(&mut zeros), decode(&mut ones));
    assert_eq!(first, second);
    if sound(first).is_some() {
        assert!(zeros == ones, "what stood in the buffer shows in the output");
    }
}

/// A chunk table, the bytes being the table and the chunks. The output is what its size says, in order.
pub(crate) fn overlay(bytes: &[u8]) {
    let Some((numbers, stream)) = bytes.split_first_chunk::<4>() else { return };
    let size = u64::from(u32::from_le_bytes([numbers[0], numbers[1], numbers[2] & 3, 0]));
    let algorithm = WofAlgorithm(u32::from(numbers[3] & 7));
    let compressed = u64::try_from(stream.len()).expect("64 bits hold a length");
    let Some(table) = sound(ChunkTable::new(algorithm, size, compressed)) else { return };
    let mut end = 0;
    for index in 0..table.chunk_count() {
        let output = table.output_range(index).expect("every chunk has output");
        assert_eq!(output.start, end);
        end = output.end;
        let whole = table.chunk_range(index, stream);
        assert_eq!(whole, by_entries(&table, index, stream), "by the whole table or by its own entries");
        let Some(chunk) = sound(whole) else { continue };
        let input = &stream[as_sizes(&chunk)];
        sound(twice(as_sizes(&output).len(), |out| algorithm.decompress(input, out)).1);
    }
    assert_eq!(end, size);
    assert_eq!(table.output_range(table.chunk_count()), None);
    assert!(table.chunk_range(u64::MAX, stream).is_err());
}

fn by_entries(table: &ChunkTable, index: u64, stream: &[u8]) -> Result<Range<u64>, Damage> {
    let entries = table.entries_of(index).expect("every chunk has entries");
    table.chunk_range_by(index, &stream[as_sizes(&entries)])
}

fn as_sizes(range: &Range<u64>) -> Range<usize> {
    let size = |number| usize::try_from(number).expect("it lies in memory");
    size(range.start)..size(range.end)
}
