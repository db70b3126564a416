//! Snappy: a block of bytes that says how many bytes it gives.

use super::history;
use crate::base::damage::{Damage, DamageKind, wide};
use crate::base::le;

/// Decompresses a raw block (no framing) into `out`, which has to be exactly as long as what the block gives.
///
/// Reference: the format description of google/snappy.
///
/// # Errors
/// When the block is for another number of bytes, ends early, has bytes left, or copies from before its start.
/// Nothing in the format proves a byte, so nothing of `out` is to be used then.
pub fn decompress(block: &[u8], out: &mut [u8]) -> Result<(), Damage> {
    let (length, mut from) = length_of(block)?;
    if length != wide(out.len()) {
        return Err(Damage::new(0, DamageKind::ChunkLength { expected: wide(out.len()), found: length }));
    }
    let mut at = 0_usize;
    while let Some(&tag) = block.get(from) {
        (from, at) = match tag & 3 {
            0 => literal(block, tag, from, out, at)?,
            _ => copy(block, tag, from, out, at)?,
        };
    }
    if at < out.len() {
        return Err(Damage::new(wide(from), DamageKind::ChunkLength { expected: wide(out.len()), found: wide(at) }));
    }
    Ok(())
}

/// The number at the start, seven bits a byte, and where it ends.
fn length_of(block: &[u8]) -> Result<(u64, usize), Damage> {
    let mut length = 0_u64;
    for (index, &byte) in block.iter().enumerate().take(5) {
        let shift = u32::try_from(index).unwrap_or(0).saturating_mul(7);
        length |= u64::from(byte & 0x7F).wrapping_shl(shift);
        if byte < 0x80 {
            return Ok((length, index.saturating_add(1)));
        }
    }
    Err(Damage::too_short(0, "snappy length", 5, block.len()))
}

/// Bytes as they are; their number stands in the tag, or in the one to four bytes behind it.
fn literal(block: &[u8], tag: u8, from: usize, out: &mut [u8], at: usize) -> Result<(usize, usize), Damage> {
    let short = usize::from(tag >> 2);
    let wide_by = short.saturating_sub(59);
    let start = from.saturating_add(1).saturating_add(wide_by);
    let length = match wide_by {
        0 => short,
        _ => {
            let bytes = le::slice_at(block, from.saturating_add(1), wide_by)
                .ok_or_else(|| Damage::too_short(from, "snappy literal", wide_by, 0))?;
            bytes.iter().rev().fold(0, |sum: usize, &byte| sum.wrapping_shl(8) | usize::from(byte))
        }
    }
    .saturating_add(1);
    let found = block.len().saturating_sub(start);
    let source =
        le::slice_at(block, start, length).ok_or_else(|| Damage::too_short(from, "snappy literal", length, found))?;
    let end = at.saturating_add(length);
    let target = out.get_mut(at..end).ok_or_else(|| too_long(from, end))?;
    target.copy_from_slice(source);
    Ok((start.saturating_add(length), end))
}

/// Bytes that were given before; length and distance stand in the tag and one, two or four bytes behind it.
fn copy(block: &[u8], tag: u8, from: usize, out: &mut [u8], at: usize) -> Result<(usize, usize), Damage> {
    let behind = from.saturating_add(1);
    let (length, distance, size) = match tag & 3 {
        1 => {
            let low = block.get(behind).map(|&byte| usize::from(byte));
            let high = usize::from(tag >> 5).wrapping_shl(8);
            (usize::from(tag >> 2 & 7).saturating_add(4), low.map(|low| low | high), 1)
        }
        2 => (usize::from(tag >> 2).saturating_add(1), le::u16_at(block, behind).map(usize::from), 2),
        _ => {
            let distance = le::u32_at(block, behind).and_then(|word| usize::try_from(word).ok());
            (usize::from(tag >> 2).saturating_add(1), distance, 4)
        }
    };
    let distance = distance.ok_or_else(|| Damage::too_short(from, "snappy copy", size, 0))?;
    let end = at.saturating_add(length);
    if end > out.len() {
        return Err(too_long(from, end));
    }
    let kind = DamageKind::MatchBeforeStart { distance: wide(distance), produced: wide(at) };
    let end = history::repeat(out, at, distance, length).ok_or(Damage::new(wide(from), kind))?;
    Ok((behind.saturating_add(size), end))
}

fn too_long(from: usize, end: usize) -> Damage {
    Damage::new(wide(from), DamageKind::OutOfBounds { what: "snappy output", offset: 0, length: wide(end), limit: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Literals and copies as the caller chooses: an encoder of the format, not of this decoder.
    fn encode(plain: &[u8], step: usize) -> Vec<u8> {
        let mut block = Vec::new();
        let mut length = plain.len();
        while length >= 0x80 {
            block.push(length.to_le_bytes()[0] | 0x80);
            length >>= 7;
        }
        block.push(length.to_le_bytes()[0]);
        let mut at = 0;
        while at < plain.len() {
            let distance = step.min(at);
            let same =
                (0..64.min(plain.len() - at)).take_while(|i| distance > 0 && plain[at + i] == plain[at + i - distance]);
            let same = same.count();
            if (4..12).contains(&same) && distance < 2048 {
                let (high, low) = (distance >> 8, distance.to_le_bytes()[0]);
                block.extend([1 | u8::try_from((same - 4) << 2 | high << 5).unwrap(), low]);
                at += same;
            } else if same > 0 {
                block.push(2 | u8::try_from((same - 1) << 2).unwrap());
                block.extend(u16::try_from(distance).unwrap().to_le_bytes());
                at += same;
            } else {
                let length = plain.len().min(at + 70) - at;
                if length <= 60 {
                    block.push(u8::try_from((length - 1) << 2).unwrap());
                } else {
                    block.extend([60 << 2, u8::try_from(length - 1).unwrap()]);
                }
                block.extend(&plain[at..at + length]);
                at += length;
            }
        }
        block
    }

    #[test]
    fn a_copy_may_overlap_what_it_gives() {
        let mut out = [0; 12];
        decompress(&[], &mut []).unwrap_err();
        decompress(&[12, 0, b'a', (11 - 1) << 2 | 2, 1, 0], &mut out).unwrap();
        assert_eq!(out, [b'a'; 12]);
        decompress(&[12, 0, b'b', (11 - 1) << 2 | 3, 1, 0, 0, 0], &mut out).unwrap();
        assert_eq!(out, [b'b'; 12]);
    }

    #[test]
    fn a_vector_of_another_project_agrees() {
        let block = [
            &b"\xda\x04x0 bottles of beer on the wall, B\x1f\x00\x00.F\x13\x0062\x00\x001"[..],
            b">Q\x00\x00.F\x13\x0062\x00\x002\xc22\x00\x003F2\x00BE\x006d\x00\x004\xc22\x00\x005F2\x00Bw\x006d\x00\x006\xc22",
            b"\x00\x007F2\x00B\xa9\x006d\x00\x008\xc22\x00\x009F2\x00B\xdb\x006d\x00\x001J\xf5\x01\x005>F\x00:3\x00J\xf6\x01",
        ]
        .concat();
        let line = |i| format!("{} bottles of beer on the wall, {i} bottles of beer. ", i / 2);
        let plain = (0..12).map(line).collect::<String>().into_bytes();
        let mut out = vec![0; plain.len()];
        decompress(&block, &mut out).unwrap();
        assert_eq!(out, plain);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let plain: Vec<u8> = (0..500_u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        let block = encode(&plain, 4);
        let mut out = vec![0; plain.len()];
        decompress(&block, &mut out).unwrap();
        assert_eq!(out, plain);
        for length in 0..block.len() {
            assert!(decompress(&block[..length], &mut out).is_err(), "{length}");
        }
        assert!(decompress(&[&block[..], &[0, 1]].concat(), &mut out).is_err(), "bytes left over");
        assert!(decompress(&block, &mut out[1..]).is_err(), "another length");
    }

    proptest! {
        #[test]
        fn round_trips(words in prop::collection::vec(0_u16..6, 0..4000), step in 1_usize..3000) {
            let plain: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let mut out = vec![0xAA; plain.len()];
            prop_assert!(decompress(&encode(&plain, step), &mut out).is_ok());
            prop_assert_eq!(out, plain);
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(block in prop::collection::vec(any::<u8>(), 0..300), length in 0_usize..600) {
            let _ = decompress(&block, &mut vec![0; length]);
            let whole = [&[u8::try_from(length & 0x7F).unwrap()], &block[..]].concat();
            let _ = decompress(&whole, &mut vec![0; length & 0x7F]);
        }
    }
}
