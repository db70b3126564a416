//! LZX as WIM and WOF use it: chunks of up to 32 KiB, each on its own.

use super::bit_reader::BitReader;
use super::history;
use super::huffman::PrefixCode;
use crate::base::damage::{Damage, DamageKind, wide};
use crate::base::le;

/// Main symbols: 256 literals, and 30 position slots by eight lengths.
const MAIN_SYMBOLS: usize = 256 + 30 * 8;

/// Length symbols: what matches have beyond their header's seven.
const LENGTH_SYMBOLS: usize = 249;

/// Bytes a block gives when its header does not say.
const BLOCK_SIZE: usize = 32768;

/// By position slot: bits that follow it, and the smallest formatted distance it stands for.
const SLOTS: [(u32, usize); 30] = {
    let mut slots = [(0, 0); 30];
    let mut base = 0;
    let mut slot = 0;
    #[allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        reason = "evaluated by the compiler"
    )]
    while slot < 30 {
        let bits = if slot < 4 { 0 } else { slot as u32 / 2 - 1 };
        slots[slot] = (bits, base);
        base += 1 << bits;
        slot += 1;
    }
    slots
};

/// The file size that calls are translated for; WIM has no other.
const CALL_FILE_SIZE: i32 = 12_000_000;

/// Bytes at the end of a chunk where no translated call starts.
const CALL_FREE_TAIL: usize = 10;

/// Where decoding stopped, in bytes of output, and why.
type Stopped = (usize, DamageKind);

/// Decompresses a chunk whose output is exactly as long as `out`.
///
/// # Errors
/// When the chunk is damaged. Unlike elsewhere, the damage's offset counts in the output: so many bytes were
/// decoded before it showed. They may be right but nothing proves it, as a wrong bit in a prefix code
/// goes unnoticed for a while; the rest of `out` is zero.
///
/// Reference: [MS-PATCH] 2 (LZX), with WIM's differences: a window of 32 KiB, no header, block sizes of
/// one or 17 bits, and calls always translated.
pub fn decompress(chunk: &[u8], out: &mut [u8]) -> Result<(), Damage> {
    let result = inflate(chunk, out);
    let produced = result.map_or_else(|(produced, _)| produced, |()| out.len());
    let call_end = out.len().saturating_sub(CALL_FREE_TAIL);
    let (done, rest) = out.split_at_mut(produced.min(out.len()));
    rest.fill(0);
    restore_calls(done, call_end);
    result.map_err(|(produced, kind)| Damage::new(wide(produced), kind))
}

fn inflate(chunk: &[u8], out: &mut [u8]) -> Result<(), Stopped> {
    let mut decoder = Decoder {
        state: State { reader: BitReader::new(chunk), recent: [1; 3] },
        main_lengths: [0; MAIN_SYMBOLS],
        length_lengths: [0; LENGTH_SYMBOLS],
    };
    let mut at = 0;
    while at < out.len() {
        at = decoder.block(out, at)?;
        if decoder.state.reader.is_overrun() {
            return Err((at, too_short()));
        }
    }
    decoder.state.reader.leftover().map_or(Ok(()), |kind| Err((at, kind)))
}

/// What lasts from block to block of a chunk.
struct Decoder<'b> {
    state: State<'b>,
    /// Code lengths are coded as differences to those of the block before.
    main_lengths: [u8; MAIN_SYMBOLS],
    length_lengths: [u8; LENGTH_SYMBOLS],
}

/// What changes with every match.
#[derive(Debug, Clone, Copy)]
struct State<'b> {
    reader: BitReader<'b>,
    /// The last three distances, the latest first.
    recent: [usize; 3],
}

/// The codes of one block.
struct Codes {
    main: PrefixCode<MAIN_SYMBOLS, 2048>,
    length: PrefixCode<LENGTH_SYMBOLS, 1024>,
    aligned: Option<PrefixCode<8, 128>>,
}

impl Decoder<'_> {
    /// One block; returns where its output ends.
    fn block(&mut self, out: &mut [u8], at: usize) -> Result<usize, Stopped> {
        let kind = self.state.reader.read(3);
        let size = if self.state.reader.read(1) == 1 { BLOCK_SIZE } else { self.state.reader.read(16) };
        let end = at.saturating_add(size);
        let Some(room) = out.get_mut(..end.min(out.len())) else { return Err((at, too_short())) };
        match kind {
            1 | 2 => self.compressed_block(kind == 2, room, at)?,
            3 => self.stored_block(room, at)?,
            _ => return Err((at, bad_value("LZX block type", kind))),
        }
        // What such a block has room for was decoded, but a chunk never has one.
        if end > out.len() {
            return Err((out.len(), DamageKind::ChunkLength { expected: wide(out.len()), found: wide(end) }));
        }
        Ok(end)
    }

    /// A block that is stored as it is, which fills `out` from `at` on.
    fn stored_block(&mut self, out: &mut [u8], at: usize) -> Result<(), Stopped> {
        self.state.reader.align();
        let distances = self.state.reader.aligned_bytes(12);
        for (index, recent) in self.state.recent.iter_mut().enumerate() {
            let distance = le::u32_at(distances, index.saturating_mul(4)).ok_or((at, too_short()))?;
            *recent = usize::try_from(distance).unwrap_or(usize::MAX);
        }
        let target = out.get_mut(at..).unwrap_or_default();
        let bytes = self.state.reader.aligned_bytes(target.len());
        let Some(present) = target.get_mut(..bytes.len()) else { return Ok(()) };
        present.copy_from_slice(bytes);
        if bytes.len() < target.len() {
            return Err((at.saturating_add(bytes.len()), too_short()));
        }
        // The padding of the chunk's very last block may be missing.
        if target.len() & 1 == 1 && self.state.reader.left() > 0 {
            self.state.reader.aligned_bytes(1);
        }
        Ok(())
    }

    /// A block of literals and matches, which fills `out` from `at` on.
    fn compressed_block(&mut self, is_aligned: bool, out: &mut [u8], mut at: usize) -> Result<(), Stopped> {
        let codes = self.codes(is_aligned).map_err(|kind| (at, kind))?;
        // A copy of its own can live in registers: half the time of this loop.
        let mut state = self.state;
        while let Some(slot) = out.get_mut(at) {
            state.reader.refill();
            let symbol = codes.main.decode(&mut state.reader).ok_or((at, bad_code("LZX main")))?;
            let end = match symbol.checked_sub(256) {
                None => {
                    *slot = le::low_byte(symbol);
                    Ok(at.wrapping_add(1))
                }
                Some(symbol) => state.copy(&codes, symbol, out, at),
            };
            // First of all: what was made of bits that are not there is no output, not even a wrong one.
            if state.reader.is_overrun() {
                return Err((at, too_short()));
            }
            at = end?;
        }
        self.state = state;
        Ok(())
    }

    fn codes(&mut self, is_aligned: bool) -> Result<Codes, DamageKind> {
        let aligned = if is_aligned { Some(aligned_code(&mut self.state.reader)?) } else { None };
        let (literals, matches) = self.main_lengths.split_at_mut(256);
        read_lengths(&mut self.state.reader, literals)?;
        read_lengths(&mut self.state.reader, matches)?;
        read_lengths(&mut self.state.reader, &mut self.length_lengths)?;
        Ok(Codes {
            main: PrefixCode::new(&self.main_lengths).ok_or(bad_code("LZX main"))?,
            length: PrefixCode::new(&self.length_lengths).ok_or(bad_code("LZX length"))?,
            aligned,
        })
    }
}

impl State<'_> {
    /// One match; returns where its output ends.
    #[inline]
    fn copy(&mut self, codes: &Codes, symbol: u16, out: &mut [u8], at: usize) -> Result<usize, Stopped> {
        let mut length = usize::from(symbol & 7).wrapping_add(2);
        if symbol & 7 == 7 {
            let more = codes.length.decode(&mut self.reader).ok_or((at, bad_code("LZX length")))?;
            length = length.wrapping_add(usize::from(more));
        }
        let distance = self.distance(codes, usize::from(symbol >> 3)).map_err(|kind| (at, kind))?;
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

    /// How far back the match with this position slot lies; it becomes the latest distance.
    #[inline]
    fn distance(&mut self, codes: &Codes, slot: usize) -> Result<usize, DamageKind> {
        let [first, second, third] = self.recent;
        self.recent = match slot {
            0 => self.recent,
            1 => [second, first, third],
            2 => [third, second, first],
            _ => [self.new_distance(codes, slot)?, first, second],
        };
        Ok(self.recent[0])
    }

    #[inline]
    fn new_distance(&mut self, codes: &Codes, slot: usize) -> Result<usize, DamageKind> {
        let &(bits, base) = SLOTS.get(slot).ok_or(bad_value("LZX position slot", slot))?;
        self.reader.refill();
        let formatted = match &codes.aligned {
            Some(aligned) if bits >= 3 => {
                let high = self.reader.take(bits.wrapping_sub(3)) << 3;
                let low = aligned.decode(&mut self.reader).ok_or(bad_code("LZX aligned"))?;
                base.wrapping_add(high).wrapping_add(usize::from(low))
            }
            _ => base.wrapping_add(self.reader.take(bits)),
        };
        Ok(formatted.saturating_sub(2))
    }
}

/// The code for the low three bits of distances, in blocks that have one.
fn aligned_code(reader: &mut BitReader<'_>) -> Result<PrefixCode<8, 128>, DamageKind> {
    PrefixCode::new(&read_plain(reader, 3)).ok_or(bad_code("LZX aligned"))
}

/// Code lengths as they are, `bits` bits each.
fn read_plain<const COUNT: usize>(reader: &mut BitReader<'_>, bits: u32) -> [u8; COUNT] {
    let mut lengths = [0; COUNT];
    lengths.fill_with(|| u8::try_from(reader.read(bits)).unwrap_or_default());
    lengths
}

/// Updates code lengths by their differences, which have a code of their own.
fn read_lengths(reader: &mut BitReader<'_>, lengths: &mut [u8]) -> Result<(), DamageKind> {
    let code = PrefixCode::<20, 64>::new(&read_plain(reader, 4)).ok_or(bad_code("LZX pre-"))?;
    let mut rest = lengths.iter_mut();
    while !rest.as_slice().is_empty() {
        let (count, difference) = match symbol(&code, reader)? {
            17 => (reader.read(4).wrapping_add(4), None),
            18 => (reader.read(5).wrapping_add(20), None),
            19 => (reader.read(1).wrapping_add(4), Some(symbol(&code, reader)?)),
            difference => (1, Some(difference)),
        };
        if count > rest.len() {
            return Err(bad_value("LZX run of code lengths", count));
        }
        // All of a run get the length that its first one has.
        let first = rest.as_slice().first().copied().unwrap_or_default();
        let value = difference.map_or(Ok(0), |difference| subtract(first, difference))?;
        rest.by_ref().take(count).for_each(|length| *length = value);
    }
    Ok(())
}

fn symbol(code: &PrefixCode<20, 64>, reader: &mut BitReader<'_>) -> Result<u16, DamageKind> {
    reader.refill();
    code.decode(reader).ok_or(bad_code("LZX pre-"))
}

/// `length - difference` modulo 17; a difference of 17 and more is none.
fn subtract(length: u8, difference: u16) -> Result<u8, DamageKind> {
    let value = u16::from(length).wrapping_add(17).checked_sub(difference).filter(|_| difference < 17);
    value.map(|value| le::low_byte(value % 17)).ok_or(bad_value("LZX code length", usize::from(difference)))
}

/// Turns the targets of x86 calls, which the compressor made absolute for the sake of repetition, back
/// into distances. No call starts at `end` or behind it.
fn restore_calls(out: &mut [u8], end: usize) {
    let mut at = 0;
    while let Some(next) = find_call(out, at, end) {
        let place = next.saturating_add(1);
        let Some(operand) = out.get_mut(place..).and_then(<[u8]>::first_chunk_mut::<4>) else { return };
        *operand = relative(i32::from_le_bytes(*operand), next).to_le_bytes();
        at = next.saturating_add(5);
    }
}

/// Where the next call stands, at `at` or behind it.
fn find_call(out: &[u8], at: usize, end: usize) -> Option<usize> {
    const STEP: usize = 32;
    let candidates = out.get(at..end.min(out.len()))?;
    // Most stretches have none: seen whole, they are passed at the speed of vectors.
    let skipped = candidates
        .chunks_exact(STEP)
        .take_while(|chunk| !chunk.iter().fold(false, |found, &byte| found | (byte == 0xE8)))
        .count()
        .saturating_mul(STEP);
    let place = candidates.get(skipped..)?.iter().position(|&byte| byte == 0xE8)?;
    Some(at.saturating_add(skipped).saturating_add(place))
}

/// The distance for an absolute target of the call at `place`; other values are no such target.
fn relative(target: i32, place: usize) -> i32 {
    let place = i32::try_from(place).unwrap_or(i32::MAX);
    if target >= CALL_FILE_SIZE || target < place.wrapping_neg() {
        target
    } else if target >= 0 {
        target.wrapping_sub(place)
    } else {
        target.wrapping_add(CALL_FILE_SIZE)
    }
}

fn bad_value(what: &'static str, value: usize) -> DamageKind {
    DamageKind::BadValue { what, value: wide(value) }
}

fn bad_code(what: &'static str) -> DamageKind {
    DamageKind::CodeLengths { what }
}

/// The chunk ends before its output does.
fn too_short() -> DamageKind {
    DamageKind::TooShort { what: "LZX chunk", needed: 1, found: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Chunks as wimlib compresses them; what they hold is made below.
    const COUNTING: &str = concat!(
        "9520006300000403433442008f01a4dd5b9e4dd2cf87329f00000400808000084184e9bd0d09058a422196a0bc5f00200000",
        "000000002100ffffcffff3ebf9f867fdf7dbf53ebff77dbedfe7fc7e7ffd9b6fee365b6ff9dedfbca6f69bcd6c36b3d9cd66",
        "76bbdbed6eb7bbdd37773737373737373737ad377aebb7deebadde7aadb77bebf7deefbdde7bbdf77beff7def3cddf7ccd37",
        "7cf337dff3cdbc796fde9b37e6cd79f3dfbcdd777ff67317de7acdf7ffe6bffae75f2be23b1de3784ffe8f8f8f8f8f8f8f8f",
        "888f88888888aa8aaaaaacaa186331c6638c4ea73a9de974a7d3dd4e76bbdbed6eb7bcddf178c7e31e8f783c8ee3e338388e",
        "8fe3bd5ef57ad7eb5fafd1be1111111111111111111111111111111111111111111111111111111111111111111111111111",
        "1111111111111111111115115555555555555555555555555555555555555555555555555555555555555555555555555555",
        "55555555555555555555585531c6638cc6188c31186331c6638cc6188c31186331c6638cc6188c31186331c6638cc6188c31",
        "186331c6638cc6188c31186331c6638cc6188c3118633fc67f9f803f",
    );
    const CALLS: &str = concat!(
        "442000c60000130000605400ea2f0da35555555555435553dd36bb0d2dfedce1f77d86db00400000600000002160b55acfdd",
        "f9be00200000000000000202ff07feff65f19d4d1c264c10059785164a2334d343edd5526d355a6335d783edc2629b6cd136",
        "da86cdb670bbb7dcdb4dde78cdb780fbb8e01b4ee288ceb8903bb9e45b4ee698ceb9a07bbae89b4eeaa8cebab0bbbbecdb4e",
        "eeb8cebbc0fbbcf01b4fc4c85e799d677ae8a75eecad5e7bbde77cf0275ff4cdbe62b3affcee2f3ff6d33ffef3afc6fecf63",
        "0a89807c",
    );
    const RECORDS: &str = concat!(
        "644008020300000002000014000045002af3b35d522b641614d25babf1358b65586274848c23cc375a8d12f26c6c858684f3",
        "b8682485517a8e7539bb38c3dde2496456d9b7437765e07400000300444300000514e75116ae8e068e0e458f162c478f5ad0",
        "c13e2b58f1ff000000000000000008114f59fbbe93e8cca641736666cef1a61a97d4be9266b9d2c59f3ac125450be39b73bf",
        "f137527a4afadf645a2d3305984fb2fabc79ddd219229457ac5ff29b7a18a60ebebfe3ecf56302ca1399108e7793785b1a4c",
        "f619b24828d5eaf596f7ab4b4ffcd54b22a1a37e8c08653dfe13b65b5f5c546c7e04173493336fbbfa85e4153c3edf48b8be",
        "91b07e46361269020bcb5d491e71a41c1645e3a61eedf38ef5a07b32ec74625e95566e99258f6a836c7e0dccb38e6ac9266c",
        "7123f27b05b03359e79065acb42259f74b56385dc0dbecfe3abe6768fd5b102ea0ae35d25fb5b9d3d1108a4e18a328de5de3",
        "d4aed557b011916c5b25ea428d79eef5f9a20cb34ad3658f2ff39af0f8f53034c10ed9f16e67b8fc9025d599f6e7255d2e8a",
        "9b5cd321f9773b37e43a1ced08ced4ff7ca7f93d72d91e4bc82dc62f8f8ebdab4146b2001c99c4768ea12fe2485cbb60e968",
        "48c85a111837266a85b8d83b5203a7c9af8ea2c5885956e9c890cbcb072367e85edab766034cf4e93987f3d6accdef2bb664",
        "0cd091b8f56cff990713eaa5a5fb300a363c60b9134de6087aa425ede64c3f4b6a96edc742b481dedd62e6291c33b0a3b879",
        "c9a515cf759ba32699f739aec8b9a4aae3c4cf08ad6b98e7678cbed07f51d5a39294b7597a3da8bf7fdbb56e20bd4015cc3f",
        "f60ddd2bb7bef0558393c03e3f53e0f76e743d38b466abe8c3416d3f8314dad91d4b9421ca2995ef8e98d4c308cd10466657",
        "8a7a6821632b023f1e5e3f70eb81caefb1d4685e0122498522a7dd485a5bbe6308249ae2469a38f119f528c24b59230e3ae5",
        "049b7154505d41d55445188015cabed4a407631e7df4eca66729a3d7f568ff5fd5f71c07003b84e88433ad31a34c69ac2a0d",
        "808908230ef357eaa01e8eaa8109086a158c82d90d96eca9284644a908058ca1a642f270059655890927d5694058",
    );

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// `0, 1, 2, …`: a verbatim block.
    fn counting() -> Vec<u8> {
        (0..500).map(|number| format!("{number}, ")).collect::<String>().into_bytes()
    }

    /// A hundred calls of the same function.
    fn calls() -> Vec<u8> {
        let mut code = Vec::new();
        for number in 0..100_u8 {
            let distance = 5000 - i32::try_from(code.len() + 3).unwrap();
            code.extend([0x55, 0x89, 0xE5, 0xE8]);
            code.extend(distance.to_le_bytes());
            code.extend([0xC9, 0xC3, number]);
        }
        code
    }

    /// Records of eight bytes from a table of 64: their distances make an aligned block worth while.
    fn records() -> Vec<u8> {
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(512)
        .collect();
        noise[..200].iter().flat_map(|pick| noise[usize::from(pick % 64) * 8..][..8].to_vec()).collect()
    }

    fn samples() -> [(Vec<u8>, Vec<u8>); 3] {
        [(bytes(COUNTING), counting()), (bytes(CALLS), calls()), (bytes(RECORDS), records())]
    }

    fn decode(chunk: &[u8], length: usize) -> (Vec<u8>, Result<(), Damage>) {
        let mut out = vec![0xAA; length];
        let result = decompress(chunk, &mut out);
        (out, result)
    }

    /// Appends bits to words.
    fn words(fields: &[(usize, usize)]) -> Vec<u8> {
        let bits: String = fields.iter().map(|&(value, count)| format!("{value:0count$b}")).collect();
        let padded = format!("{bits:0<width$}", width = bits.len().next_multiple_of(16));
        let words = padded.as_bytes().chunks(16).map(|word| std::str::from_utf8(word).unwrap());
        words.flat_map(|word| u16::from_str_radix(word, 2).unwrap().to_le_bytes()).collect()
    }

    /// A stored block with these recent distances.
    fn stored(recent: u32, content: &[u8]) -> Vec<u8> {
        let mut block = words(&[(3, 3), (0, 1), (content.len(), 16)]);
        (0..3).for_each(|_| block.extend(recent.to_le_bytes()));
        block.extend(content);
        block
    }

    #[test]
    fn verbatim_and_aligned_blocks_and_calls_come_back() {
        for (kind, (chunk, plain)) in [1, 1, 2].into_iter().zip(samples()) {
            assert_eq!(chunk[1] >> 5, kind);
            assert_eq!(decode(&chunk, plain.len()), (plain, Ok(())));
        }
    }

    #[test]
    fn stored_blocks_are_copied_and_set_the_recent_distances() {
        assert_eq!(decode(&stored(1, b"stored"), 6), (b"stored".to_vec(), Ok(())));
        // An odd block is padded, so that the next header starts with a word.
        let chunk = [stored(1, b"odd"), vec![0], stored(1, b"even")].concat();
        assert_eq!(decode(&chunk, 7), (b"oddeven".to_vec(), Ok(())));
        assert_eq!(decode(&stored(1, b"odd"), 3), (b"odd".to_vec(), Ok(())), "the last padding may be missing");
    }

    /// A verbatim block whose only symbols are the match of length 2 at the latest distance, and another.
    fn latest_match_block(size: usize) -> Vec<u8> {
        // Pre-code: symbols 16 (a length of 1, from 0), 17 and 18 (runs of zeros), with 2, 2 and 1 bits.
        let precode = |fields: &mut Vec<(usize, usize)>| {
            fields.extend([(0, 64), (2, 4), (2, 4), (1, 4), (0, 4)]);
        };
        let zeros = |fields: &mut Vec<(usize, usize)>, mut count: usize| {
            while count > 0 {
                // 18 stands for 20 to 51 zeros, 17 for 4 to 19.
                let step = if count > 51 { 40 } else { count };
                fields.extend(if step >= 20 { [(0, 1), (step - 20, 5)] } else { [(0b11, 2), (step - 4, 4)] });
                count -= step;
            }
        };
        let mut fields = vec![(1, 3), (0, 1), (size, 16)];
        precode(&mut fields);
        zeros(&mut fields, 256);
        precode(&mut fields);
        fields.extend([(0b10, 2), (0b10, 2)]);
        zeros(&mut fields, 238);
        precode(&mut fields);
        zeros(&mut fields, 249);
        fields.extend([(0, size / 2)]);
        words(&fields)
    }

    #[test]
    fn recent_distances_last_from_block_to_block() {
        let chunk = [stored(3, b"abcd"), latest_match_block(6)].concat();
        assert_eq!(decode(&chunk, 10), (b"abcdbcdbcd".to_vec(), Ok(())));
    }

    #[test]
    fn matches_before_the_start_are_refused() {
        for recent in [5, 0, u32::MAX] {
            let chunk = [stored(recent, b"abcd"), latest_match_block(6)].concat();
            let kind = DamageKind::MatchBeforeStart { distance: u64::from(recent), produced: 4 };
            assert_eq!(decode(&chunk, 10), (b"abcd\0\0\0\0\0\0".to_vec(), Err(Damage::new(4, kind))));
        }
    }

    #[test]
    fn a_match_never_leaves_its_block() {
        let chunk = [stored(3, b"abcd"), latest_match_block(5)].concat();
        let kind = DamageKind::ChunkLength { expected: 9, found: 10 };
        assert_eq!(decode(&chunk, 9), (b"abcdbcdbc".to_vec(), Err(Damage::new(9, kind))));
        let chunk = [stored(1, b"ab"), latest_match_block(2)].concat();
        assert_eq!(decode(&chunk, 3).1.unwrap_err().kind, DamageKind::ChunkLength { expected: 3, found: 4 });
    }

    #[test]
    fn a_block_larger_than_its_chunk_gives_what_there_is_room_for() {
        let (out, result) = decode(&stored(1, b"stored"), 4);
        assert_eq!(result, Err(Damage::new(4, DamageKind::ChunkLength { expected: 4, found: 6 })));
        assert_eq!(out, b"stor");
    }

    #[test]
    fn a_stored_block_that_is_cut_off_gives_what_is_there() {
        let block = stored(1, b"stored");
        let (out, result) = decode(&block[..block.len() - 2], 6);
        assert_eq!(result, Err(Damage::new(4, too_short())));
        assert_eq!(out, b"stor\0\0");
    }

    #[test]
    fn code_lengths_go_round_at_seventeen() {
        assert_eq!([subtract(3, 3), subtract(3, 4), subtract(0, 16)], [Ok(0), Ok(16), Ok(1)]);
        assert_eq!(subtract(3, 17), Err(bad_value("LZX code length", 17)));
    }

    #[test]
    fn calls_are_found_wherever_they_stand() {
        for places in [&[5][..], &[5, 6], &[31, 32], &[40, 50], &[0], &[63]] {
            let mut code = [0x90; 64];
            places.iter().for_each(|&place| code[place] = 0xE8);
            assert_eq!(find_call(&code, 0, 64), places.first().copied(), "{places:?}");
            assert_eq!(find_call(&code, places[0] + 1, 64), places.get(1).copied(), "{places:?}");
        }
        assert_eq!(find_call(&[0xE8; 64], 0, 64), Some(0));
        assert_eq!(find_call(&[0xE8; 64], 0, 0), None);
    }

    #[test]
    fn unknown_blocks_and_bad_codes_are_refused() {
        for kind in [0, 4, 5, 6, 7] {
            let result = decode(&words(&[(kind, 3), (1, 1)]), 9).1;
            assert_eq!(result, Err(Damage::new(0, bad_value("LZX block type", kind))));
        }
        // No pre-code at all, where one is needed.
        assert_eq!(decode(&words(&[(1, 3), (1, 1), (0, 80), (0, 16)]), 9).1.unwrap_err().kind, bad_code("LZX pre-"));
    }

    #[test]
    fn only_targets_inside_the_file_are_restored() {
        let call = |target: i32| -> Vec<u8> {
            let mut code = vec![0x90, 0x90, 0xE8];
            code.extend(target.to_le_bytes());
            code.extend([0x90; 20]);
            code
        };
        let cases = [(100, 98), (-2, 11_999_998), (-3, -3), (11_999_999, 11_999_997), (12_000_000, 12_000_000)];
        for (stored, restored) in cases {
            let mut code = call(stored);
            let end = code.len() - CALL_FREE_TAIL;
            restore_calls(&mut code, end);
            assert_eq!(code, call(restored), "{stored}");
        }
        let mut tail = [0x90; 20];
        tail[10] = 0xE8;
        restore_calls(&mut tail, 10);
        assert_eq!(tail[11..15], [0x90; 4], "no call starts in the last ten bytes");
    }

    #[test]
    fn every_truncation_is_seen_and_what_came_before_is_right() {
        for (chunk, plain) in samples() {
            for length in 0..chunk.len() {
                let (out, result) = decode(&chunk[..length], plain.len());
                let produced =
                    result.map_or_else(|damage| usize::try_from(damage.place.offset).unwrap(), |()| plain.len());
                // The operand of a call may be cut.
                let right = if result.is_ok() { produced } else { produced.saturating_sub(4) };
                assert_eq!(out[..right], plain[..right], "{length}");
                assert!(out[produced..].iter().all(|&byte| byte == 0));
                assert!(result.is_err() || length + 2 > chunk.len(), "{length}");
            }
        }
    }

    #[test]
    fn bytes_left_over_are_seen() {
        for (mut chunk, plain) in samples() {
            chunk.extend([0; 16]);
            let (out, result) = decode(&chunk, plain.len());
            assert_eq!(result.unwrap_err().kind.code(), "chunk-leftover");
            assert_eq!(out, plain);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_changes_do_no_harm(which in 0_usize..3, changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
            let (mut chunk, plain) = samples()[which].clone();
            for (at, byte) in changes {
                let at = at % chunk.len();
                chunk[at] = byte;
            }
            if let (out, Err(damage)) = decode(&chunk, plain.len()) {
                let produced = usize::try_from(damage.place.offset).unwrap();
                prop_assert!(out[produced..].iter().all(|&byte| byte == 0));
            }
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(chunk in prop::collection::vec(any::<u8>(), 0..600), length in 0_usize..40_000) {
            let _ = decode(&chunk, length);
        }
    }

    #[test]
    fn a_chunk_written_by_windows_comes_back() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/comp/libfwnt_lzx.1");
        let Ok(chunk) = std::fs::read(path) else { return };
        let (out, result) = decode(&chunk, 28672);
        assert_eq!(result, Ok(()));
        // The sums of what wimlib makes of it: an executable.
        let sum = out.iter().fold(0_u32, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        assert_eq!((&out[..2], sum), (&b"MZ"[..], 0x72A85D31));
    }
}
