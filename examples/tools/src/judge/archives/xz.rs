//! xz: CRC-32 of all headers and of the index, and a CRC-32, CRC-64 or SHA-256 of what each block has.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use crc::{CRC_64_XZ, Crc, Digest, Table};
use lzma_rust2::Lzma2Reader;
use sha2::{Digest as _, Sha256};

use crate::judge::tape::{Fault, Stop, Tape, ensure, ensure_sum, undecodable};
use crate::judge::{Proof, Walk, budget};

const LZMA2: u64 = 0x21;
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// How far behind the last bytes that a decoder made something of the wrong ones may begin.
const DECODER_LAG: u64 = 768;

/// The sums of what blocks and index say of lengths.
#[derive(Debug, Default, PartialEq, Eq)]
struct Blocks {
    count: u64,
    sum: u64,
}

impl Blocks {
    fn add(&mut self, stored: u64, real: u64) {
        self.count += 1;
        let mixed = stored.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ real;
        self.sum = self.sum.wrapping_mul(31).wrapping_add(mixed);
    }
}

enum Check {
    None,
    Crc32(crc32fast::Hasher),
    Crc64(Digest<'static, u64, Table<16>>),
    Sha256(Box<Sha256>),
}

impl Check {
    fn of(flags: u8) -> Result<Self, Stop> {
        match flags {
            0 => Ok(Self::None),
            1 => Ok(Self::Crc32(crc32fast::Hasher::new())),
            4 => Ok(Self::Crc64(CRC64.digest())),
            10 => Ok(Self::Sha256(Box::default())),
            _ => Err(Stop::Unknown("an xz check that nobody knows".into())),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Crc32(hash) => hash.update(bytes),
            Self::Crc64(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
        }
    }

    fn value(self) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Crc32(hash) => hash.finalize().to_le_bytes().to_vec(),
            Self::Crc64(hash) => hash.finalize().to_le_bytes().to_vec(),
            Self::Sha256(hash) => hash.finalize().to_vec(),
        }
    }
}

pub async fn walk(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    let mut is_checked = true;
    loop {
        is_checked &= stream(&tape).await?;
        tape.prove();
        // Streams may follow each other, with zeros in fours between them.
        while tape.peek::<4>().await.ok() == Some([0; 4]) {
            tape.skip(4).await?;
        }
        if tape.peek::<6>().await.ok() != Some(*b"\xfd7zXZ\0") {
            break;
        }
    }
    Ok(match is_checked {
        true => Proof::Verified("the check of each block and the index hold"),
        false => Proof::Plausible("the headers and the index hold; the blocks have no check"),
    })
}

async fn stream(tape: &Tape) -> Result<bool, Stop> {
    let header = tape.array::<12>().await?;
    let flags = [header[6], header[7]];
    let crc = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
    ensure(header.starts_with(b"\xfd7zXZ\0") && crc32fast::hash(&flags) == crc, "no header of an xz stream")?;
    let (mut blocks, mut listed) = (Blocks::default(), Blocks::default());
    while tape.peek::<1>().await? != [0] {
        let (stored, real) = block(tape, flags[1]).await?;
        blocks.add(stored, real);
        tape.prove();
    }
    let length = index(tape, &mut listed).await?;
    ensure(blocks == listed, "the index of the xz stream names other blocks than there are")?;
    let footer = tape.array::<12>().await?;
    let crc = u32::from_le_bytes([footer[0], footer[1], footer[2], footer[3]]);
    let backward = u32::from_le_bytes([footer[4], footer[5], footer[6], footer[7]]);
    let is_right = crc32fast::hash(&footer[4..10]) == crc && footer[8..10] == flags && &footer[10..] == b"YZ";
    ensure(is_right && (u64::from(backward) + 1) * 4 == length, "no footer of an xz stream")?;
    Ok(flags[1] != 0)
}

/// A block: its length without padding, and what it unpacks to.
async fn block(tape: &Tape, flags: u8) -> Result<(u64, u64), Stop> {
    let start = tape.position();
    let length = (usize::from(tape.peek::<1>().await?[0]) + 1) * 4;
    let header = tape.bytes(length).await?;
    let (fields, crc) = header.split_at(length - 4);
    ensure_sum(crc32fast::hash(fields).to_le_bytes() == crc, "the CRC-32 of an xz block's header does not hold")?;
    let dictionary = dictionary(fields)?;
    let _room = budget::take(dictionary + (1 << 20))?;
    let mut check = Check::of(flags)?;
    let real = unpack(tape, dictionary as u32, &mut check).await?;
    let unpadded = tape.position() - start;
    let padding = tape.bytes(((4 - unpadded % 4) % 4) as usize).await?;
    ensure(padding.iter().all(|byte| *byte == 0), "an xz block is padded with something else than zeros")?;
    let value = check.value();
    ensure_sum(tape.bytes(value.len()).await? == value, "the check of an xz block does not hold")?;
    Ok((unpadded + value.len() as u64, real))
}

/// The size of the dictionary, from a block header's only filter.
fn dictionary(fields: &[u8]) -> Result<u64, Stop> {
    let unknown = || Stop::Unknown("an xz block with filters that are not judged".into());
    let (&[_, flags], mut rest) = fields.split_first_chunk::<2>().ok_or_else(unknown)?;
    for present in [0x40, 0x80] {
        if flags & present != 0 {
            number(&mut rest).ok_or_else(unknown)?;
        }
    }
    let filter = (flags & 3 == 0).then(|| (number(&mut rest), number(&mut rest), rest.first()));
    match filter {
        Some((Some(LZMA2), Some(1), Some(&bits @ 0..=39))) => Ok(u64::from(2 | (bits & 1)) << (bits / 2 + 11)),
        _ => Err(unknown()),
    }
}

/// A number in groups of seven bits.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// What the decoder reads from: one whole chunk at a time.
#[derive(Clone, Default)]
struct Chunk(Rc<RefCell<(Vec<u8>, usize)>>);

impl Read for Chunk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (bytes, taken) = &mut *self.0.borrow_mut();
        let count = (&bytes[*taken..]).read(buffer)?;
        *taken += count;
        Ok(count)
    }
}

/// Unpacks the chunks of LZMA2 data up to its end.
pub async fn unpack_lzma2(tape: &Tape, dictionary: u32, mut see: impl FnMut(&[u8])) -> Result<u64, Stop> {
    let chunk = Chunk::default();
    let mut decoder = Lzma2Reader::new(chunk.clone(), dictionary, None);
    let mut output = vec![0; 1 << 10];
    let mut total = 0;
    loop {
        let [control, high, low, ..] = match tape.peek::<1>().await? {
            [0] => {
                tape.skip(1).await?;
                return Ok(total);
            }
            _ => tape.peek::<3>().await?,
        };
        let below = u64::from(u16::from_be_bytes([high, low]));
        let (length, real) = match control {
            1 | 2 => (3 + below + 1, below + 1),
            0x80.. => {
                let [.., high, low] = tape.peek::<5>().await?;
                let has_properties = u64::from(control >= 0xc0);
                let stored = u64::from(u16::from_be_bytes([high, low])) + 1;
                (5 + has_properties + stored, (u64::from(control & 0x1f) << 16) + below + 1)
            }
            _ => return undecodable("no chunk of LZMA2 data"),
        };
        let start = tape.position();
        *chunk.0.borrow_mut() = (tape.bytes(length as usize).await?, 0);
        // Which of them the decoder has used is not known: as far as it has come, of what the chunk gives.
        let used = |made: u64| start + length * made / real;
        let mut left = real;
        while left > 0 {
            let wanted = output.len().min(left as usize);
            match decoder.read(&mut output[..wanted]) {
                Ok(count) if count > 0 => {
                    see(&output[..count]);
                    let made = real - left;
                    left -= count as u64;
                    let end = (used(real - left) + DECODER_LAG).min(tape.position());
                    tape.made(used(made), end, &output[..count]);
                }
                _ => return undecodable("LZMA2 data that is none"),
            }
        }
        total += real;
    }
}

async fn unpack(tape: &Tape, dictionary: u32, check: &mut Check) -> Result<u64, Stop> {
    unpack_lzma2(tape, dictionary, |bytes| check.update(bytes)).await
}

/// The index; returns its length.
async fn index(tape: &Tape, listed: &mut Blocks) -> Result<u64, Stop> {
    let start = tape.position();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&tape.array::<1>().await?);
    let count = listed_number(tape, &mut crc).await?;
    for _ in 0..count {
        let (stored, real) = (listed_number(tape, &mut crc).await?, listed_number(tape, &mut crc).await?);
        listed.add(stored, real);
    }
    while !(tape.position() - start).is_multiple_of(4) {
        crc.update(&tape.array::<1>().await?);
    }
    ensure_sum(tape.u32_le().await? == crc.finalize(), "the CRC-32 of the xz index does not hold")?;
    Ok(tape.position() - start)
}

async fn listed_number(tape: &Tape, crc: &mut crc32fast::Hasher) -> Result<u64, Stop> {
    let mut bytes = Vec::new();
    while bytes.len() < 9 {
        let [byte] = tape.array().await?;
        bytes.push(byte);
        if byte & 0x80 == 0 {
            break;
        }
    }
    crc.update(&bytes);
    number(&mut bytes.as_slice()).ok_or_else(|| Stop::Contradiction("no number in the xz index".into(), Fault::Here))
}
