//! Classes 87 to 91: compressed data.

use ntfs_salvage::DamageKind;
use ntfs_salvage::codec::lznt1::{self, Certainty};
use ntfs_salvage::codec::wof::ChunkTable;
use ntfs_salvage::codec::{lzx, xpress_huffman};
use ntfs_salvage::structure::value::WofAlgorithm;

use crate::exercise;

/// Decodes a unit to 64 KiB; goes through the exercise too.
fn decode(unit: &[u8], size: u16) -> (Vec<u8>, lznt1::Outcome) {
    exercise::codecs::lznt1(&[&(size - 1).to_le_bytes(), unit].concat());
    let mut out = vec![0xEE; usize::from(size)];
    let outcome = lznt1::decompress(unit, &mut out);
    (out, outcome)
}

/// A chunk of literals.
fn stored(byte: u8) -> Vec<u8> {
    [vec![0xFF, 0x3F], vec![byte; 4096]].concat()
}

/// A compressed chunk with this body.
fn compressed(body: &[u8]) -> Vec<u8> {
    [&(0xB000 | (body.len() as u16 - 1)).to_le_bytes(), body].concat()
}

#[test]
fn class_87_no_chunk_gives_more_than_4096_bytes() {
    // A literal, then matches of 4098 bytes one behind the other.
    let body = [0xFE, b'x', 0xFF, 0x0F, 0xFF, 0x0F, 0xFF, 0x0F, 0xFF, 0x0F, 0xFF, 0x0F, 0xFF, 0x0F, 0xFF, 0x0F];
    let (out, outcome) = decode(&[compressed(&body), stored(b'y')].concat(), 8192);
    assert!(out[..4096].iter().all(|&byte| byte == b'x'));
    assert!(out[4096..].iter().all(|&byte| byte == b'y'), "the next chunk is where it belongs");
    assert!(!outcome.is_sound(), "what was too much is reported");
}

#[test]
fn class_88_a_match_before_its_chunk_costs_the_rest_of_the_chunk() {
    let (out, outcome) = decode(&[stored(b'a'), compressed(&[0x02, b'b', 0x00, 0x20]), stored(b'c')].concat(), 12_288);
    assert!(out[..4096].iter().all(|&byte| byte == b'a') && out[8192..].iter().all(|&byte| byte == b'c'));
    assert!(out[4097..8192].iter().all(|&byte| byte == 0), "nothing comes from the chunk before");
    let is_told = |flaw: &lznt1::Flaw| {
        matches!(flaw.damage.kind, DamageKind::MatchBeforeStart { .. })
            && flaw.certainty == Certainty::Missing
            && flaw.range == (4097..8192)
    };
    assert!(outcome.flaws().iter().any(is_told), "{outcome:?}");
}

#[test]
fn class_89_a_short_chunk_in_the_middle_is_filled_up_to_its_place() {
    let (out, outcome) = decode(&[compressed(&[0, b'a', b'b', b'c']), stored(b'd')].concat(), 8192);
    assert_eq!(&out[..5], b"abc\0\0");
    assert!(out[4096..].iter().all(|&byte| byte == b'd'));
    assert!(outcome.flaws().iter().any(|flaw| flaw.range == (3..4096) && flaw.certainty == Certainty::Missing));
}

#[test]
fn class_89_and_90_a_unit_cut_off_anywhere_gives_what_is_there() {
    let unit = [stored(b'a'), compressed(&[0, 1, 2, 3, 4, 5, 6, 7, 8]), stored(b'c')].concat();
    for length in (0..unit.len()).step_by(13) {
        let (out, outcome) = decode(&unit[..length], 12_288);
        let whole = length.saturating_sub(2).min(4096);
        assert!(out[..whole].iter().all(|&byte| byte == b'a'), "cut at {length}");
        assert!(!outcome.is_sound());
    }
}

#[test]
fn class_91_a_chunk_table_outside_its_stream_is_refused_and_chunks_outside_it_too() {
    let xpress = WofAlgorithm::XPRESS_4K;
    assert!(ChunkTable::new(xpress, 1 << 62, 1 << 20).is_err());
    assert!(ChunkTable::new(xpress, u64::MAX, u64::MAX).is_ok() || ChunkTable::new(xpress, u64::MAX, 0).is_err());
    for first in [0_u32, 0x7FFF_FFFF, u32::MAX] {
        let stream = [first.to_le_bytes().as_slice(), &[0; 100]].concat();
        exercise::codecs::overlay(&[&[0, 0x20, 0, 0], stream.as_slice()].concat());
        let table = ChunkTable::new(xpress, 8192, 104).expect("four bytes of table fit");
        assert!(table.chunk_range(0, &stream).is_err(), "first chunk ends at {first}");
    }
    assert!(ChunkTable::new(WofAlgorithm(77), 8192, 104).is_err());
}

#[test]
fn class_91_the_output_is_what_was_asked_for_whatever_the_input() {
    for fill in [0_u8, 0x55, 0xFF] {
        for length in [0, 1, 255, 256, 257, 1000] {
            let chunk = vec![fill; length];
            exercise::codecs::xpress_huffman(&[&[0xFF, 0x0F], chunk.as_slice()].concat());
            exercise::codecs::lzx(&[&[0xFF, 0x7F], chunk.as_slice()].concat());
            let (mut small, mut large) = ([0; 1], vec![0; 32_768]);
            let _ = (xpress_huffman::decompress(&chunk, &mut small), lzx::decompress(&chunk, &mut small));
            assert!(xpress_huffman::decompress(&chunk, &mut large).is_err(), "{length} times {fill:#x}");
            assert!(lzx::decompress(&chunk, &mut large).is_err(), "{length} times {fill:#x}");
        }
    }
}
