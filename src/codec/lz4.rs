//! LZ4: blocks, and the frames some writers put around them.

use super::history;
use crate::base::damage::{Damage, DamageKind, wide};
use crate::base::le;

/// What a frame starts with.
const FRAME: u32 = 0x184D_2204;
/// A match is at least so long.
const SHORTEST: usize = 4;

/// Decompresses a block, or a frame of blocks, into `out`, which has to be exactly as long as what it gives.
///
/// Reference: the block and frame formats of lz4/lz4.
///
/// # Errors
/// When it gives another number of bytes, ends early, or copies from before its start. Nothing of `out` is to
/// be used then.
pub fn decompress(bytes: &[u8], out: &mut [u8]) -> Result<(), Damage> {
    let produced = match le::u32_at(bytes, 0) {
        Some(FRAME) => frame(bytes, out)?,
        _ => block(bytes, out, 0)?,
    };
    if produced < out.len() {
        let kind = DamageKind::ChunkLength { expected: wide(out.len()), found: wide(produced) };
        return Err(Damage::new(wide(bytes.len()), kind));
    }
    Ok(())
}

/// The blocks of a frame, one behind the other; returns where their output ends.
fn frame(bytes: &[u8], out: &mut [u8]) -> Result<usize, Damage> {
    let short = |at| Damage::too_short(at, "LZ4 frame", bytes.len().saturating_add(1), bytes.len());
    let flags = *bytes.get(4).ok_or_else(|| short(4))?;
    let size_field = if flags & 8 != 0 { 8_usize } else { 0 };
    let dictionary = if flags & 1 != 0 { 4_usize } else { 0 };
    let checksum = if flags & 0x10 != 0 { 4_usize } else { 0 };
    let mut at = 7_usize.saturating_add(size_field).saturating_add(dictionary);
    let mut produced = 0;
    loop {
        let word = le::u32_at(bytes, at).ok_or_else(|| short(at))?;
        if word == 0 {
            return Ok(produced);
        }
        let length = usize::try_from(word & 0x7FFF_FFFF).unwrap_or(usize::MAX);
        let start = at.saturating_add(4);
        let body = le::slice_at(bytes, start, length).ok_or_else(|| short(at))?;
        produced = match word >> 31 {
            0 => block(body, out, produced).map_err(|damage| damage.within(None, wide(start)))?,
            _ => store(body, out, produced).ok_or_else(|| too_long(at, produced.saturating_add(length)))?,
        };
        at = start.saturating_add(length).saturating_add(checksum);
    }
}

/// One block, its output from `at` on; returns where that ends.
fn block(bytes: &[u8], out: &mut [u8], mut at: usize) -> Result<usize, Damage> {
    let short = |from| Damage::too_short(from, "LZ4 block", bytes.len().saturating_add(1), bytes.len());
    let mut from = 0_usize;
    loop {
        let token = *bytes.get(from).ok_or_else(|| short(from))?;
        let start = from;
        from = from.saturating_add(1);
        let literals = length_of(bytes, usize::from(token >> 4), &mut from).ok_or_else(|| short(from))?;
        let body = le::slice_at(bytes, from, literals).ok_or_else(|| short(from))?;
        at = store(body, out, at).ok_or_else(|| too_long(start, at.saturating_add(literals)))?;
        from = from.saturating_add(literals);
        // The last sequence has literals only.
        if from == bytes.len() {
            return Ok(at);
        }
        let distance = usize::from(le::u16_at(bytes, from).ok_or_else(|| short(from))?);
        from = from.saturating_add(2);
        let length = length_of(bytes, usize::from(token & 15), &mut from).ok_or_else(|| short(from))?;
        let end = at.saturating_add(length).saturating_add(SHORTEST);
        if end > out.len() {
            return Err(too_long(start, end));
        }
        let kind = DamageKind::MatchBeforeStart { distance: wide(distance), produced: wide(at) };
        at = history::repeat(out, at, distance, length.saturating_add(SHORTEST))
            .ok_or(Damage::new(wide(start), kind))?;
    }
}

/// A length whose four bits are full goes on in bytes of 255 each, and ends with a smaller one.
fn length_of(bytes: &[u8], first: usize, from: &mut usize) -> Option<usize> {
    let mut length = first;
    if first < 15 {
        return Some(length);
    }
    loop {
        let byte = *bytes.get(*from)?;
        *from = from.saturating_add(1);
        length = length.saturating_add(usize::from(byte));
        if byte < 255 {
            return Some(length);
        }
    }
}

fn store(body: &[u8], out: &mut [u8], at: usize) -> Option<usize> {
    let end = at.checked_add(body.len())?;
    out.get_mut(at..end)?.copy_from_slice(body);
    Some(end)
}

fn too_long(from: usize, end: usize) -> Damage {
    Damage::new(wide(from), DamageKind::OutOfBounds { what: "LZ4 output", offset: 0, length: wide(end), limit: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push_length(block: &mut Vec<u8>, mut rest: usize) {
        while rest >= 255 {
            block.push(255);
            rest -= 255;
        }
        block.push(u8::try_from(rest).unwrap());
    }

    fn sequence(block: &mut Vec<u8>, literals: &[u8], repeat: Option<(usize, usize)>) {
        let more = repeat.map_or(0, |(_, length)| length - SHORTEST);
        block.push(u8::try_from(literals.len().min(15) << 4 | more.min(15)).unwrap());
        if literals.len() >= 15 {
            push_length(block, literals.len() - 15);
        }
        block.extend(literals);
        if let Some((distance, _)) = repeat {
            block.extend(u16::try_from(distance).unwrap().to_le_bytes());
            if more >= 15 {
                push_length(block, more - 15);
            }
        }
    }

    /// An encoder of the format that repeats what lies `step` back.
    fn encode(plain: &[u8], step: usize) -> Vec<u8> {
        let (mut block, mut start, mut at) = (Vec::new(), 0, 0);
        while at < plain.len() {
            let same = (at..plain.len()).take_while(|&i| at >= step && plain[i] == plain[i - step]).count();
            if same >= SHORTEST && at + same < plain.len() {
                sequence(&mut block, &plain[start..at], Some((step, same)));
                at += same;
                start = at;
            } else {
                at += 1;
            }
        }
        sequence(&mut block, &plain[start..], None);
        block
    }

    fn framed(blocks: &[(bool, Vec<u8>)]) -> Vec<u8> {
        let mut frame = FRAME.to_le_bytes().to_vec();
        frame.extend([0x60, 0x40, 0x82]);
        for (stored, block) in blocks {
            frame.extend((u32::try_from(block.len()).unwrap() | u32::from(*stored) << 31).to_le_bytes());
            frame.extend(block);
        }
        frame.extend([0; 4]);
        frame
    }

    #[test]
    fn frames_have_stored_and_packed_blocks() {
        let plain: Vec<u8> = (0..4000_u32).flat_map(|i| (i / 50).to_le_bytes()).collect();
        let frame = framed(&[(false, encode(&plain[..7000], 4)), (true, plain[7000..].to_vec())]);
        let mut out = vec![0; plain.len()];
        decompress(&frame, &mut out).unwrap();
        assert_eq!(out, plain);
        for length in 0..frame.len() {
            assert!(decompress(&frame[..length], &mut out).is_err(), "{length}");
        }
    }

    #[test]
    fn a_vector_of_another_project_agrees() {
        let block = [
            &b"\xfd\x100 bottles of beer on the wall, \x1f\x00\x1e.\x13\x00\n2\x00\x1c1Q\x00\x1e.\x13\x00\n2\x00\x1f"[..],
            b"22\x00\x1e\x1e32\x00\rE\x00\nd\x00\x1f42\x00\x1e\x1e52\x00\rw\x00\nd\x00\x1f62\x00\x1e\x1e72\x00\r\xa9\x00\nd",
            b"\x00\x1f82\x00\x1e\x1e92\x00\r\xdb\x00\nd\x00\x1f1\xf5\x01\x00\x0f3\x00\r\n\xe3\x01Peer. ",
        ]
        .concat();
        let plain = bottles();
        let mut out = vec![0; plain.len()];
        decompress(&block, &mut out).unwrap();
        assert_eq!(out, plain);
    }

    /// A text with much in it that comes again.
    fn bottles() -> Vec<u8> {
        let line = |i| format!("{} bottles of beer on the wall, {i} bottles of beer. ", i / 2);
        (0..12).map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn blocks_of_the_reference_encoder_are_decoded() {
        let Ok(done) = std::process::Command::new("lz4").arg("--version").output() else {
            eprintln!("skipped: lz4 is not installed");
            return;
        };
        assert!(done.status.success());
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (folder.path().join("plain"), folder.path().join("packed"));
        let bytes: Vec<u8> = (0..50_000_u32).flat_map(|i| i.wrapping_mul(i).to_be_bytes()).collect();
        std::fs::write(&plain, &bytes).unwrap();
        for level in ["-1", "-9", "--no-frame-crc", "--content-size", "-BX"] {
            let done = std::process::Command::new("lz4").args(["-f", "-q", level]).arg(&plain).arg(&packed).status();
            assert!(done.unwrap().success());
            let mut out = vec![0; bytes.len()];
            decompress(&std::fs::read(&packed).unwrap(), &mut out).unwrap();
            assert!(out == bytes, "{level}");
        }
    }

    #[test]
    fn matches_before_the_start_and_too_much_output_are_damage() {
        let mut out = [0; 20];
        let reach = decompress(&[0x10, b'a', 2, 0, 0x50, b'b', b'b', b'b', b'b', b'b'], &mut out).unwrap_err();
        assert_eq!(reach.kind, DamageKind::MatchBeforeStart { distance: 2, produced: 1 });
        assert!(decompress(&[0x10, b'a', 0, 0, 0x50, b'b', b'b', b'b', b'b', b'b'], &mut out).is_err());
        let long = decompress(&[0x1F, b'a', 1, 0, 255, 255, 0, 0x00], &mut out).unwrap_err();
        assert_eq!(long.kind.code(), "out-of-bounds");
    }

    proptest! {
        #[test]
        fn round_trips(words in prop::collection::vec(0_u16..5, 0..3000), step in 1_usize..2000) {
            let plain: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let mut out = vec![0xAA; plain.len()];
            prop_assert!(decompress(&encode(&plain, step), &mut out).is_ok());
            prop_assert_eq!(out, plain);
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), length in 0_usize..600) {
            let _ = decompress(&bytes, &mut vec![0; length]);
            let _ = decompress(&framed(&[(false, bytes)]), &mut vec![0; length]);
        }
    }
}
