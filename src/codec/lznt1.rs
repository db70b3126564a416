//! LZNT1: the compression of NTFS streams, one unit at a time.

use alloc::vec::Vec;
use core::ops::Range;

use super::history;
use crate::base::damage::{Damage, DamageKind, wide};
use crate::base::le;

/// Bytes a chunk gives when it is decompressed, except that the last may give fewer.
pub const CHUNK_SIZE: usize = 4096;
/// Volumes with larger clusters cannot compress.
const LARGEST_CLUSTER: usize = 4096;

/// Bytes of a chunk's header: a little-endian `u16`.
const HEADER_SIZE: usize = 2;

/// What is wrong with the output of a unit: nothing, in a sound one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    flaws: Vec<Flaw>,
}

/// A range of the output that is not simply true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Which bytes of the output.
    pub range: Range<usize>,
    /// How certain the bytes are.
    pub certainty: Certainty,
    /// Why; the offset counts in the compressed unit.
    pub damage: Damage,
}

/// How certain the bytes of a [`Flaw`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Certainty {
    /// Zeros, because the unit ends early with an end marker, and the format says that the rest is
    /// zero then. A wiped cluster looks the same.
    Implied,
    /// Decoded bytes of a chunk in which something does not fit, or the zeros of an end marker that is
    /// not believed. The bytes before the damage may all be true, but nothing in the format can prove it.
    Doubtful,
    /// Zeros that stand for bytes that could not be decoded, or that no chunk gave.
    Missing,
}

impl Outcome {
    /// True when every byte of the output is what the compressed bytes say.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.flaws.is_empty()
    }

    /// The ranges that are not simply true, in order and without overlap. All others are true.
    #[must_use]
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    fn add(&mut self, range: Range<usize>, certainty: Certainty, damage: Damage) {
        if !range.is_empty() {
            self.flaws.push(Flaw { range, certainty, damage });
        }
    }
}

/// Decompresses the chunks of a unit, which are the contents of its allocated clusters, in order.
///
/// Fills all of `out`, which should be as long as what the stream has in this unit: the unit's size,
/// or less in the last one. In a longer `out` the last chunk is one that gives too little.
///
/// Each chunk stands alone, and a damaged one costs no other: its header still says where the next
/// one starts. As no byte of it is proven, all that was decoded of it is [`Certainty::Doubtful`] and
/// the rest [`Certainty::Missing`]. That a chunk is damaged shows when a match reaches before its start, when
/// it gives more or less than belongs there, when it has bytes left over, or when its header lacks
/// the signature. An end marker is believed right behind a sound chunk only, and only in the last cluster: a unit
/// takes no more clusters than it needs, and zeroed sectors are full of end markers.
///
/// Reference: [MS-XCA] 2.5.
#[must_use]
pub fn decompress(unit: &[u8], out: &mut [u8]) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut position, mut at, mut anchored) = (0, 0, false);
    for target in out.chunks_mut(CHUNK_SIZE) {
        let Ok(chunk) = Chunk::at(unit, position) else { break };
        let decoded = chunk.decode(target);
        target.get_mut(decoded.produced..).unwrap_or_default().fill(0);
        anchored = decoded.damage.is_none();
        decoded.report(at, target.len(), &mut outcome);
        position = chunk.end;
        at = at.saturating_add(target.len());
    }
    if let Some(rest) = out.get_mut(at..).filter(|rest| !rest.is_empty()) {
        rest.fill(0);
        let certainty = match Chunk::at(unit, position) {
            Err(End::Marker) if anchored && unit.len().saturating_sub(position) <= LARGEST_CLUSTER => {
                Certainty::Implied
            }
            Err(End::Marker) => Certainty::Doubtful,
            _ => Certainty::Missing,
        };
        let range = at..at.saturating_add(rest.len());
        let kind = DamageKind::ChunkLength { expected: wide(range.end), found: wide(range.start) };
        outcome.add(range, certainty, Damage::new(wide(position), kind));
    }
    outcome
}

/// Why there is no further chunk.
enum End {
    /// A header of zero.
    Marker,
    /// No room for a header.
    Bytes,
}

/// One chunk of a unit.
struct Chunk<'u> {
    header: u16,
    /// Where its header stands in the unit.
    start: usize,
    /// Where the next header stands: at the unit's end when the chunk would reach further.
    end: usize,
    body: &'u [u8],
    damage: Option<Damage>,
}

/// What a chunk gave.
struct Decoded {
    produced: usize,
    damage: Option<Damage>,
}

impl<'u> Chunk<'u> {
    fn at(unit: &'u [u8], start: usize) -> Result<Self, End> {
        let header = le::u16_at(unit, start).ok_or(End::Bytes)?;
        if header == 0 {
            return Err(End::Marker);
        }
        let rest = unit.get(start.saturating_add(HEADER_SIZE)..).unwrap_or_default();
        let length = usize::from(header & 0x0FFF).saturating_add(1);
        let (body, damage) = match rest.get(..length) {
            None => (rest, Some(Damage::out_of_bounds("LZNT1 chunk", start, length, unit.len()))),
            // Bits 12 to 14 are always 3. Drivers ignore them; here they tell a header from chance.
            Some(body) if header & 0x7000 != 0x3000 => {
                (body, Some(Damage::bad_value(start, "LZNT1 chunk header", header)))
            }
            Some(body) => (body, None),
        };
        let end = start.saturating_add(HEADER_SIZE).saturating_add(body.len());
        Ok(Self { header, start, end, body, damage })
    }

    fn is_compressed(&self) -> bool {
        self.header & 0x8000 != 0
    }

    fn decode(&self, target: &mut [u8]) -> Decoded {
        let inflated = if self.is_compressed() { inflate(self.body, target) } else { store(self.body, target) };
        let own = inflated.flaw.map(|(offset, kind)| {
            Damage::new(wide(self.start.saturating_add(HEADER_SIZE).saturating_add(offset)), kind)
        });
        let short = (inflated.produced < target.len()).then(|| {
            let kind = DamageKind::ChunkLength { expected: wide(target.len()), found: wide(inflated.produced) };
            Damage::new(wide(self.start), kind)
        });
        Decoded { produced: inflated.produced, damage: self.damage.or(own).or(short) }
    }
}

impl Decoded {
    fn report(&self, at: usize, length: usize, outcome: &mut Outcome) {
        let Some(damage) = self.damage else { return };
        let (middle, end) = (at.saturating_add(self.produced), at.saturating_add(length));
        outcome.add(at..middle, Certainty::Doubtful, damage);
        outcome.add(middle..end, Certainty::Missing, damage);
    }
}

/// How far a body was decoded, and what stopped it, at which offset of the body.
struct Inflated {
    produced: usize,
    flaw: Option<(usize, DamageKind)>,
}

/// An uncompressed chunk.
fn store(body: &[u8], target: &mut [u8]) -> Inflated {
    let produced = body.len().min(target.len());
    if let (Some(to), Some(from)) = (target.get_mut(..produced), body.get(..produced)) {
        to.copy_from_slice(from);
    }
    Inflated { produced, flaw: None }
}

/// A compressed chunk: groups of a flag byte and eight items, each a literal or a match.
fn inflate(body: &[u8], target: &mut [u8]) -> Inflated {
    let (mut from, mut at) = (0_usize, 0_usize);
    while at < target.len() {
        let Some(&flags) = body.get(from) else { break };
        from = from.wrapping_add(1);
        if flags == 0 && eight_literals(body, from, target, at).is_some() {
            (from, at) = (from.wrapping_add(8), at.wrapping_add(8));
            continue;
        }
        match group(flags, body, from, target, at) {
            Ok(next) => (from, at) = next,
            Err((offset, produced, kind)) => return Inflated { produced, flaw: Some((offset, kind)) },
        }
    }
    // A compressor may have opened a group before it saw that nothing is left to put into it.
    let left = body.len().saturating_sub(from);
    let is_left = left > 1 && at == CHUNK_SIZE;
    Inflated { produced: at, flaw: is_left.then(|| (from, DamageKind::ChunkLeftover { left: wide(left) })) }
}

#[inline]
fn eight_literals(body: &[u8], from: usize, target: &mut [u8], at: usize) -> Option<()> {
    *target.get_mut(at..)?.first_chunk_mut::<8>()? = *body.get(from..)?.first_chunk::<8>()?;
    Some(())
}

/// Where a group stopped: offset in the body, bytes produced, and why.
type Stopped = (usize, usize, DamageKind);

/// Up to eight items; returns where the next group and its output start.
#[inline]
fn group(flags: u8, body: &[u8], mut from: usize, target: &mut [u8], mut at: usize) -> Result<(usize, usize), Stopped> {
    for bit in 0..8 {
        let (Some(&byte), Some(slot)) = (body.get(from), target.get_mut(at)) else { break };
        if flags >> bit & 1 == 0 {
            *slot = byte;
            (from, at) = (from.wrapping_add(1), at.wrapping_add(1));
        } else {
            at = copy(body, from, target, at)?;
            from = from.wrapping_add(2);
        }
    }
    Ok((from, at))
}

/// One match; returns where its output ends.
#[inline]
fn copy(body: &[u8], from: usize, target: &mut [u8], at: usize) -> Result<usize, Stopped> {
    let Some(token) = le::u16_at(body, from) else {
        return Err((from, at, DamageKind::TooShort { what: "LZNT1 match", needed: 2, found: 1 }));
    };
    let length_bits = length_bits(at);
    let distance = usize::from(token >> length_bits).wrapping_add(1);
    let length = usize::from(token & !(u16::MAX << length_bits)).wrapping_add(3);
    let room = target.len().saturating_sub(at);
    match history::repeat(target, at, distance, length.min(room)) {
        None => Err((from, at, DamageKind::MatchBeforeStart { distance: wide(distance), produced: wide(at) })),
        // No chunk gives more than 4096 bytes; where the caller wants fewer, nothing is wrong.
        Some(end) if length > room && target.len() == CHUNK_SIZE => {
            let found = wide(at.saturating_add(length));
            Err((from, end, DamageKind::ChunkLength { expected: wide(CHUNK_SIZE), found }))
        }
        Some(end) => Ok(end),
    }
}

/// How many bits of a match are its length: twelve at the chunk's start, fewer as more bytes before
/// it need naming.
#[inline]
fn length_bits(produced: usize) -> u32 {
    let distance_bits = usize::BITS.wrapping_sub(produced.saturating_sub(1).leading_zeros()).clamp(4, 12);
    16_u32.wrapping_sub(distance_bits)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use proptest::prelude::*;

    /// A plain greedy compressor, written against the format and not against the decoder.
    fn compress_chunk(plain: &[u8]) -> Vec<u8> {
        fn prefix(plain: &[u8], at: usize) -> &[u8] {
            &plain[at..plain.len().min(at + 3)]
        }
        let mut seen: HashMap<&[u8], Vec<usize>> = HashMap::new();
        let mut body = Vec::new();
        let mut at = 0;
        while at < plain.len() {
            let flag_place = body.len();
            body.push(0);
            for bit in 0..8 {
                if at >= plain.len() {
                    break;
                }
                let mut distance_bits = 4;
                while (1 << distance_bits) < at {
                    distance_bits += 1;
                }
                let longest = (0xFFFF >> distance_bits) + 3;
                let (mut best, mut best_distance) = (0, 0);
                for &before in seen.get(prefix(plain, at)).into_iter().flatten().rev().take(16) {
                    let distance = at - before;
                    let same = (0..longest.min(plain.len() - at)).take_while(|i| plain[at + i] == plain[before + i]);
                    let length = if distance > 1 << distance_bits { 0 } else { same.count() };
                    if length > best {
                        (best, best_distance) = (length, distance);
                    }
                }
                for place in at..at + if best >= 3 { best } else { 1 } {
                    seen.entry(prefix(plain, place)).or_default().push(place);
                }
                if best >= 3 {
                    let token = ((best_distance - 1) << (16 - distance_bits)) | (best - 3);
                    body.extend(u16::try_from(token).unwrap().to_le_bytes());
                    body[flag_place] |= 1 << bit;
                    at += best;
                } else {
                    body.push(plain[at]);
                    at += 1;
                }
            }
        }
        body
    }

    fn chunk(plain: &[u8]) -> Vec<u8> {
        let body = compress_chunk(plain);
        let (flag, body) = if body.len() < plain.len() { (0xB000, body) } else { (0x3000, plain.to_vec()) };
        let mut bytes = u16::try_from(flag | (body.len() - 1)).unwrap().to_le_bytes().to_vec();
        bytes.extend(body);
        bytes
    }

    fn compress(plain: &[u8]) -> Vec<u8> {
        plain.chunks(CHUNK_SIZE).flat_map(chunk).collect()
    }

    /// Text-like bytes that compress, different in every chunk.
    fn text(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut bytes = Vec::new();
        while bytes.len() < length {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.extend(format!("{} of {}; ", state >> 27, state >> 29).bytes());
        }
        bytes.truncate(length);
        bytes
    }

    fn decode(unit: &[u8], length: usize) -> (Vec<u8>, Outcome) {
        let mut out = vec![0xAA; length];
        let outcome = decompress(unit, &mut out);
        (out, outcome)
    }

    fn ranges(outcome: &Outcome) -> Vec<(Range<usize>, Certainty)> {
        outcome.flaws().iter().map(|flaw| (flaw.range.clone(), flaw.certainty)).collect()
    }

    /// Where each chunk of a unit starts.
    fn starts(unit: &[u8]) -> Vec<usize> {
        let mut starts = vec![0];
        while let Ok(chunk) = Chunk::at(unit, *starts.last().unwrap()) {
            starts.push(chunk.end);
        }
        starts
    }

    #[test]
    fn sound_units_are_sound() {
        for length in [1, 3, 100, 4095, 4096, 4097, 12288, 65536] {
            let plain = text(length);
            let unit = compress(&plain);
            assert_eq!(decode(&unit, length), (plain, Outcome::default()), "{length}");
        }
    }

    #[test]
    fn uncompressed_chunks_are_copied() {
        let noise: Vec<u8> =
            (0_u32..8192).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).wrapping_mul(i).to_le_bytes()[1]).collect();
        let unit = compress(&noise);
        assert_eq!(unit[..2], [0xFF, 0x3F]);
        assert_eq!(decode(&unit, 8192), (noise, Outcome::default()));
    }

    #[test]
    fn an_overlapping_match_repeats() {
        // One literal and a match one back: 4095 times the same byte.
        let unit = [0x03, 0xB0, 0x02, b'a', 0xFC, 0x0F, 0, 0];
        assert_eq!(decode(&unit, 4096), (vec![b'a'; 4096], Outcome::default()));
    }

    #[test]
    fn a_bad_chunk_costs_only_itself() {
        let plain = text(3 * CHUNK_SIZE);
        let mut unit = compress(&plain);
        let second = starts(&unit)[1];
        // Two literals, then a match that reaches three bytes back.
        unit[second + 2..second + 7].copy_from_slice(&[0b100, plain[4096], plain[4097], 0x00, 0x20]);
        let (out, outcome) = decode(&unit, plain.len());
        assert_eq!(ranges(&outcome), [(4096..4098, Certainty::Doubtful), (4098..8192, Certainty::Missing)]);
        assert_eq!(
            outcome.flaws()[0].damage,
            Damage::new(wide(second + 5), DamageKind::MatchBeforeStart { distance: 3, produced: 2 })
        );
        assert_eq!(out[..4098], plain[..4098]);
        assert_eq!(out[4098..8192], vec![0; 4094]);
        assert_eq!(out[8192..], plain[8192..]);
    }

    #[test]
    fn no_chunk_gives_more_than_4096_bytes() {
        // A match of 4098 bytes behind one literal, and what follows is still at its place.
        let mut unit = vec![0x03, 0xB0, 0x02, b'a', 0xFF, 0x0F];
        unit.extend(chunk(&text(4096)));
        let (out, outcome) = decode(&unit, 8192);
        assert_eq!(ranges(&outcome), [(0..4096, Certainty::Doubtful)]);
        assert_eq!(outcome.flaws()[0].damage.kind, DamageKind::ChunkLength { expected: 4096, found: 4099 });
        assert_eq!(out[..4096], [b'a'; 4096]);
        assert_eq!(out[4096..], text(4096));
    }

    #[test]
    fn bytes_left_over_make_a_chunk_doubtful() {
        let mut unit = vec![0x06, 0xB0, 0x02, b'a', 0xFC, 0x0F, b'x', b'y', b'z'];
        let (_, outcome) = decode(&unit, 4096);
        assert_eq!(ranges(&outcome), [(0..4096, Certainty::Doubtful)]);
        assert_eq!(outcome.flaws()[0].damage, Damage::new(6, DamageKind::ChunkLeftover { left: 3 }));
        // A single flag byte is left by compressors that open a group too early.
        unit[0] = 0x04;
        assert!(decode(&unit, 4096).1.is_sound());
    }

    #[test]
    fn a_short_chunk_is_padded_and_doubtful() {
        let mut unit = chunk(b"abc");
        unit.extend(chunk(&text(4096)));
        let (out, outcome) = decode(&unit, 8192);
        assert_eq!(ranges(&outcome), [(0..3, Certainty::Doubtful), (3..4096, Certainty::Missing)]);
        assert_eq!(outcome.flaws()[0].damage, Damage::new(0, DamageKind::ChunkLength { expected: 4096, found: 3 }));
        assert_eq!(out[..5], *b"abc\0\0");
        assert_eq!(out[4096..], text(4096));
    }

    #[test]
    fn the_end_marker_implies_zeros() {
        let mut unit = chunk(&text(4096));
        unit.extend([0, 0, 0xAA, 0xAA]);
        let (out, outcome) = decode(&unit, 12288);
        assert_eq!(ranges(&outcome), [(4096..12288, Certainty::Implied)]);
        assert_eq!(out[..4096], text(4096));
        assert_eq!(out[4096..], [0; 8192]);
        assert!(decode(&unit, 4096).1.is_sound() && !outcome.is_sound());
        // Behind a damaged chunk it is not believed.
        unit[1] ^= 0x10;
        assert_eq!(
            ranges(&decode(&unit, 12288).1),
            [(0..4096, Certainty::Doubtful), (4096..12288, Certainty::Doubtful)]
        );
    }

    #[test]
    fn an_end_marker_is_believed_behind_a_sound_chunk_in_the_last_cluster_only() {
        let chunk = [&0x3FFF_u16.to_le_bytes()[..], &[7; 4096]].concat();
        let certainty = |unit: &[u8]| decompress(unit, &mut [0; 8192]).flaws().first().map(|flaw| flaw.certainty);
        assert_eq!(certainty(&[chunk.clone(), vec![0; 4096]].concat()), Some(Certainty::Implied));
        assert_eq!(
            certainty(&[chunk, vec![0; 4097]].concat()),
            Some(Certainty::Doubtful),
            "what are the other clusters for?"
        );
        assert_eq!(certainty(&[0; 4096]), Some(Certainty::Doubtful), "a unit of zeros has no clusters");
    }

    #[test]
    fn zeroed_sectors_are_never_taken_for_data() {
        let plain = text(4 * CHUNK_SIZE);
        let mut unit = compress(&plain);
        let starts = starts(&unit);
        unit[starts[1] + 100..].fill(0);
        let (out, outcome) = decode(&unit, plain.len());
        assert_eq!(outcome.flaws()[0].range.start, 4096);
        assert!(outcome.flaws().iter().all(|flaw| flaw.certainty >= Certainty::Doubtful));
        assert_eq!(ranges(&outcome).last().unwrap().0.end, plain.len());
        assert_eq!(out[..4096], plain[..4096]);
    }

    #[test]
    fn a_header_without_signature_is_doubted() {
        let mut unit = chunk(&text(4096));
        unit[1] ^= 0x10;
        let (out, outcome) = decode(&unit, 4096);
        assert_eq!(ranges(&outcome), [(0..4096, Certainty::Doubtful)]);
        assert_eq!(out, text(4096));
    }

    #[test]
    fn every_truncation_keeps_whole_chunks_and_doubts_the_rest() {
        let plain = text(3 * CHUNK_SIZE);
        let unit = compress(&plain);
        let starts = starts(&unit);
        for length in 0..unit.len() {
            let (out, outcome) = decode(&unit[..length], plain.len());
            let whole = starts.iter().filter(|&&start| start > 0 && start <= length).count() * CHUNK_SIZE;
            assert_eq!(outcome.flaws()[0].range.start, whole, "{length}");
            assert_eq!(outcome.flaws().last().unwrap().range.end, plain.len());
            assert_eq!(out[..whole], plain[..whole]);
            for flaw in outcome.flaws().iter().filter(|flaw| flaw.certainty == Certainty::Missing) {
                assert!(out[flaw.range.clone()].iter().all(|&byte| byte == 0));
            }
        }
    }

    proptest! {
        #[test]
        fn round_trips(seed in prop::collection::vec((any::<u8>(), 1_usize..700), 0..40), noise in prop::collection::vec(any::<u8>(), 0..3000)) {
            let mut plain: Vec<u8> = seed.into_iter().flat_map(|(byte, count)| std::iter::repeat_n(byte, count)).collect();
            plain.extend(noise);
            let unit = compress(&plain);
            prop_assert_eq!(decode(&unit, plain.len()), (plain, Outcome::default()));
        }

        #[test]
        fn arbitrary_bytes_fill_the_output_and_order_the_flaws(unit in prop::collection::vec(any::<u8>(), 0..9000), length in 0_usize..20_000) {
            let (out, outcome) = decode(&unit, length);
            let mut last = 0;
            for flaw in outcome.flaws() {
                prop_assert!(flaw.range.start >= last && flaw.range.end > flaw.range.start && flaw.range.end <= length);
                last = flaw.range.end;
                if flaw.certainty != Certainty::Doubtful {
                    prop_assert!(out[flaw.range.clone()].iter().all(|&byte| byte == 0));
                }
            }
        }

        #[test]
        fn no_flipped_header_makes_a_wrong_chunk_true(place in 0_usize..3, bit in 0_u8..16) {
            let plain = text(4 * CHUNK_SIZE);
            let mut unit = compress(&plain);
            let start = starts(&unit)[place];
            unit[start + usize::from(bit / 8)] ^= 1 << (bit % 8);
            let (out, outcome) = decode(&unit, plain.len());
            let flawed = |at: usize| outcome.flaws().iter().any(|flaw| flaw.range.contains(&at));
            prop_assert!((0..plain.len()).all(|at| flawed(at) || out[at] == plain[at]));
        }
    }

    fn corpus(name: &str) -> Option<Vec<u8>> {
        std::fs::read(format!("{}/../shared/corpus/comp/{name}", env!("CARGO_MANIFEST_DIR"))).ok()
    }

    #[test]
    fn a_unit_written_by_windows_gives_its_file() {
        let Some(unit) = corpus("ronin_lznt1_real.bin") else { return };
        let expected = corpus("ronin_lznt1_real.expected").unwrap();
        let (out, outcome) = decode(&unit, 65536);
        assert_eq!(outcome, Outcome::default(), "Windows fills all sixteen chunks, whatever the file has");
        assert_eq!(out[..expected.len()], expected);
        assert!(out[expected.len()..].iter().all(|&byte| byte == 0));
        assert_eq!(decode(&unit, expected.len()), (expected, Outcome::default()));
    }
}
