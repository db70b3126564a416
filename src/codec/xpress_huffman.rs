//! XPRESS Huffman (LZ77 with a prefix code): the chunks of files that WOF compressed.

use super::bit_reader::BitReader;
use super::history;
use super::huffman::PrefixCode;
use crate::base::damage::{Damage, DamageKind, wide};
use crate::base::le;

/// Symbols of the code: 256 literals, and 256 matches by sixteen lengths and sixteen sizes of distance.
const SYMBOLS: usize = 512;

/// Bytes of the code lengths at the start of a chunk, four bits each.
const TABLE_SIZE: usize = SYMBOLS / 2;

/// Entries of the decoding table: code words of up to eleven bits are decoded at once.
const ROOT: usize = 1 << 11;

type Code = PrefixCode<SYMBOLS, ROOT>;

/// Where decoding stopped, in bytes of output, and why.
type Stopped = (usize, DamageKind);

/// Decompresses a chunk whose output is exactly as long as `out`.
///
/// # Errors
/// When the chunk is damaged. Unlike elsewhere, the damage's offset counts in the output: so many bytes were
/// decoded before it showed. They may be right but nothing proves it, as a wrong bit in a prefix code
/// goes unnoticed for a while; the rest of `out` is zero.
///
/// Reference: [MS-XCA] 2.1 and 2.2.
pub fn decompress(chunk: &[u8], out: &mut [u8]) -> Result<(), Damage> {
    inflate(chunk, out).map_err(|(produced, kind)| {
        out.get_mut(produced..).unwrap_or_default().fill(0);
        Damage::new(wide(produced), kind)
    })
}

fn inflate(chunk: &[u8], out: &mut [u8]) -> Result<(), Stopped> {
    let Some((table, stream)) = chunk.split_first_chunk::<TABLE_SIZE>() else {
        return Err((0, too_short(TABLE_SIZE, chunk.len())));
    };
    let code = Code::new(&code_lengths(table)).ok_or((0, DamageKind::CodeLengths { what: "XPRESS" }))?;
    let mut reader = BitReader::new(stream);
    let mut at = 0;
    while let Some(slot) = out.get_mut(at) {
        reader.refill();
        let symbol = code.decode(&mut reader).ok_or((at, DamageKind::CodeLengths { what: "XPRESS" }))?;
        let end = if symbol < 256 {
            *slot = le::low_byte(symbol);
            Ok(at.wrapping_add(1))
        } else {
            copy(&mut reader, le::low_byte(symbol), out, at)
        };
        // First of all: what was made of bits that are not there is no output, not even a wrong one.
        if reader.is_overrun() {
            return Err((at, too_short(chunk.len().saturating_add(1), chunk.len())));
        }
        at = end?;
    }
    reader.leftover().map_or(Ok(()), |kind| Err((at, kind)))
}

/// Symbol `2i` has the low four bits of byte `i`, symbol `2i + 1` the high four.
fn code_lengths(table: &[u8; TABLE_SIZE]) -> [u8; SYMBOLS] {
    let mut lengths = [0; SYMBOLS];
    for (pair, byte) in lengths.as_chunks_mut::<2>().0.iter_mut().zip(table) {
        *pair = [byte & 15, byte >> 4];
    }
    lengths
}

/// One match; returns where its output ends.
#[inline]
fn copy(reader: &mut BitReader<'_>, symbol: u8, out: &mut [u8], at: usize) -> Result<usize, Stopped> {
    let length = match symbol & 15 {
        15 => {
            let (length, behind) = long_length(*reader).map_err(|kind| (at, kind))?;
            *reader = behind;
            length
        }
        short => usize::from(short),
    }
    .saturating_add(3);
    let distance_bits = u32::from(symbol >> 4);
    let distance = (1_usize << distance_bits).wrapping_add(reader.take(distance_bits));
    let room = out.len().saturating_sub(at);
    match history::repeat(out, at, distance, length.min(room)) {
        None => Err((at, DamageKind::MatchBeforeStart { distance: wide(distance), produced: wide(at) })),
        Some(end) if length > room => {
            let found = wide(at.saturating_add(length));
            Err((end, DamageKind::ChunkLength { expected: wide(out.len()), found }))
        }
        Some(end) => Ok(end),
    }
}

/// The length of a match whose symbol has no room for it, in whole bytes between the words; and the
/// reader behind it.
#[inline(never)]
fn long_length(mut reader: BitReader<'_>) -> Result<(usize, BitReader<'_>), DamageKind> {
    let missing = too_short(1, 0);
    let [byte] = reader.bytes_between().ok_or(missing)?;
    if byte < u8::MAX {
        return Ok((usize::from(byte).saturating_add(15), reader));
    }
    let word = u16::from_le_bytes(reader.bytes_between().ok_or(missing)?);
    let length = match word {
        0 => u32::from_le_bytes(reader.bytes_between().ok_or(missing)?),
        word => u32::from(word),
    };
    match usize::try_from(length) {
        Ok(length) if length >= 15 => Ok((length, reader)),
        _ => Err(DamageKind::BadValue { what: "XPRESS match length", value: u64::from(length) }),
    }
}

fn too_short(needed: usize, found: usize) -> DamageKind {
    DamageKind::TooShort { what: "XPRESS chunk", needed: wide(needed), found: wide(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `0, 1, 2, … 199, ` as wimlib compresses it.
    const COUNTING: &str = concat!(
        "0000000000000000000000000000000006000000000006003555555555000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000009000000000000000000000000000000090000000000",
        "0000000000000000000009000000000000006200000000000000800000000000000080000000000000002096000000000000",
        "0006000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "0000000000007da7fa4e7dafbe5bdfafef58f7acbbd67debcff5d3f500fa60800e2881046860081e8aa810fea222222a2aa2",
        "a222222a2ca2c222f92d8b88b008088b8bb0b008888b8bb8bf88a1e91117177171111117188181111118d88f306202232330",
        "32022223233232223f2304bb46646444844646686884844646685191111a1ba1b111111b1bb1b111111bf8b4c44647707004",
        "04474770700404476771a1f5a26945d58bae16652dda5bd4b8e8715192a7cdff2ff97d67f69eda7f680fa27d8df68da4af2c",
        "deb9a8494c8da36a1a57d6c8bac6f13596b003f89be4da38d646d1368db76ec47563b91b867f499e8dbe70fc8323281cc7e1",
        "3812c6b1f898e4cf989c47e5392ecd91748ee3731da19f195e93d449ac8ea3751dafec886ac7713b9adc9bf99de4f0f88647",
        "513c8fe37924cd63791ea0bf491e8fea7b5cdb23e81ec7f73ec2f231fa9cce67fefa00000000",
    );

    fn counting() -> (Vec<u8>, Vec<u8>) {
        let chunk = (0..COUNTING.len()).step_by(2).map(|at| u8::from_str_radix(&COUNTING[at..at + 2], 16).unwrap());
        (chunk.collect(), (0..200).map(|number| format!("{number}, ")).collect::<String>().into_bytes())
    }

    /// A chunk by its code lengths and its stream.
    fn chunk(lengths: &[(usize, u8)], stream: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; TABLE_SIZE];
        for (symbol, length) in lengths {
            bytes[symbol / 2] |= length << (4 * (symbol % 2));
        }
        bytes.extend(stream);
        bytes
    }

    fn decode(chunk: &[u8], length: usize) -> (Vec<u8>, Result<(), Damage>) {
        let mut out = vec![0xAA; length];
        let result = decompress(chunk, &mut out);
        (out, result)
    }

    #[test]
    fn text_comes_back() {
        let (chunk, plain) = counting();
        assert_eq!(decode(&chunk, plain.len()), (plain, Ok(())));
    }

    /// `a`, then one match with distance 1 (symbol 256 + 15); one bit each.
    fn run(length_bytes: &[u8], length: usize) -> (Vec<u8>, Result<(), Damage>) {
        let stream = [&[0x00, 0x40, 0x00, 0x00], length_bytes].concat();
        decode(&chunk(&[(usize::from(b'a'), 1), (271, 1)], &stream), length)
    }

    #[test]
    fn the_first_match_follows_the_last_literal() {
        // `a`, then the shortest match at the least distance; then the byte 255.
        let stream = [0x00, 0x40, 0, 0];
        assert_eq!(decode(&chunk(&[(97, 1), (256, 1)], &stream), 4), (b"aaaa".to_vec(), Ok(())));
        assert_eq!(decode(&chunk(&[(97, 1), (255, 1)], &stream), 2), (b"a\xFF".to_vec(), Ok(())));
    }

    #[test]
    fn long_lengths_stand_between_the_words() {
        let run_of = |count| (vec![b'a'; count], Ok(()));
        assert_eq!(run(&[0], 1 + 18), run_of(19));
        assert_eq!(run(&[254], 1 + 18 + 254), run_of(273));
        assert_eq!(run(&[255, 0x0E, 0x01], 1 + 273), run_of(274));
        assert_eq!(run(&[255, 0xFF, 0xFF], 1 + 65538), run_of(65539));
        assert_eq!(run(&[255, 0, 0, 0x00, 0x00, 0x01, 0x00], 1 + 65539), run_of(65540));
    }

    #[test]
    fn hostile_lengths_are_refused() {
        assert_eq!(run(&[], 19).1.unwrap_err().kind, too_short(1, 0));
        assert_eq!(run(&[255, 14, 0], 19).1.unwrap_err().kind.code(), "bad-value");
        let (out, result) = run(&[255, 0, 0, 255, 255, 255, 255], 19);
        assert_eq!(result.unwrap_err().kind, DamageKind::ChunkLength { expected: 19, found: 4_294_967_299 });
        assert_eq!(out, [b'a'; 19], "what the match has room for");
    }

    #[test]
    fn matches_before_the_start_are_refused() {
        // `a`, then a match of distance 2.
        let (out, result) = decode(&chunk(&[(usize::from(b'a'), 1), (272, 1)], &[0x00, 0x40, 0, 0]), 9);
        assert_eq!(result, Err(Damage::new(1, DamageKind::MatchBeforeStart { distance: 2, produced: 1 })));
        assert_eq!(out, *b"a\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn incomplete_codes_are_refused() {
        for lengths in [&[][..], &[(97, 1)], &[(97, 1), (98, 1), (99, 1)], &[(97, 2), (98, 1)]] {
            let kind = DamageKind::CodeLengths { what: "XPRESS" };
            assert_eq!(decode(&chunk(lengths, &[0; 8]), 4), (vec![0; 4], Err(Damage::new(0, kind))));
        }
    }

    #[test]
    fn every_truncation_is_seen_and_what_came_before_is_right() {
        let (chunk, plain) = counting();
        for length in 0..chunk.len() {
            let (out, result) = decode(&chunk[..length], plain.len());
            let produced = match result {
                Ok(()) => plain.len(),
                Err(damage) => usize::try_from(damage.place.offset).unwrap(),
            };
            assert_eq!(out[..produced], plain[..produced]);
            assert!(out[produced..].iter().all(|&byte| byte == 0));
            assert!(result.is_err() || length + SPARE_WORDS >= chunk.len(), "{length}");
        }
    }

    /// Bytes at a chunk's end that only a reader which always holds sixteen bits needs.
    const SPARE_WORDS: usize = 4;

    #[test]
    fn bytes_left_over_are_seen() {
        let (mut chunk, plain) = counting();
        chunk.extend([0; 16]);
        let (out, result) = decode(&chunk, plain.len());
        assert_eq!(result.unwrap_err().kind.code(), "chunk-leftover");
        assert_eq!(out, plain);
    }

    proptest! {
        #[test]
        fn arbitrary_streams_do_no_harm(symbols in prop::collection::btree_set(0_usize..512, 16), stream in prop::collection::vec(any::<u8>(), 0..300), length in 0_usize..5000) {
            let lengths: Vec<_> = symbols.into_iter().map(|symbol| (symbol, 4)).collect();
            let (out, result) = decode(&chunk(&lengths, &stream), length);
            if let Err(damage) = result {
                let produced = usize::try_from(damage.place.offset).unwrap();
                prop_assert!(out[produced..].iter().all(|&byte| byte == 0));
            }
        }

        #[test]
        fn arbitrary_changes_do_no_harm(at in 0_usize..580, byte in any::<u8>()) {
            let (mut chunk, plain) = counting();
            chunk[at] = byte;
            let _ = decode(&chunk, plain.len());
        }
    }

    /// The bytes of a Go string literal, and what follows it.
    fn go_literal(text: &[u8]) -> (Vec<u8>, &[u8]) {
        let start = text.windows(2).position(|pair| pair == b"(\"").unwrap() + 2;
        let (mut bytes, mut at) = (Vec::new(), start);
        while text[at] != b'"' {
            if text[at] == b'\\' {
                assert_eq!(text[at + 1], b'x');
                bytes.push(u8::from_str_radix(std::str::from_utf8(&text[at + 2..at + 4]).unwrap(), 16).unwrap());
                at += 4;
            } else {
                bytes.push(text[at]);
                at += 1;
            }
        }
        (bytes, &text[at..])
    }

    #[test]
    fn vectors_of_another_project_agree() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/comp/gontfs_huffman_vectors.txt");
        let Ok(text) = std::fs::read(path) else { return };
        let lines: Vec<_> = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 7);
        for (index, line) in lines.into_iter().enumerate() {
            let (chunk, rest) = go_literal(line);
            let (plain, _) = go_literal(rest);
            let (out, result) = decode(&chunk, plain.len());
            if index == 0 {
                // Its long length stands a word too early for MS-XCA; wimlib refuses it as well.
                assert!(result.is_err());
            } else {
                assert_eq!((out, result), (plain, Ok(())), "{index}");
            }
        }
    }

    #[test]
    fn the_alphabet_of_libfwnt_comes_back() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/comp/libfwnt_lzxpress_huffman.1");
        let Ok(chunk) = std::fs::read(path) else { return };
        assert_eq!(decode(&chunk, 26), (b"abcdefghijklmnopqrstuvwxyz".to_vec(), Ok(())));
    }
}
