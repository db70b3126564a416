//! 7z: a CRC-32 of the start and of the header at the end, which names a CRC-32 of each member. Archives of one folder
//! that is stored or compressed by LZMA2, which is what 7-Zip makes, are unpacked on the way; what the header says
//! of all members together is held against it in the end.

use crate::judge::archives::xz::unpack_lzma2;
use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, undecodable};
use crate::judge::{Proof, Walk, budget};

mod header;

/// The longest packed header that is unpacked.
const LONGEST_HEADER: u64 = 64 << 10;

/// What a decoder without knowledge of the dictionary's size takes: LZMA2's data does not say it.
const DICTIONARY: u64 = 16 << 20;

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let start = tape.array::<32>().await?;
    let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| start[at + index]));
    let crc = |at: usize| u32::from_le_bytes([start[at], start[at + 1], start[at + 2], start[at + 3]]);
    ensure_sum(crc32fast::hash(&start[12..32]) == crc(8), "the CRC-32 of the 7z archive's start does not hold")?;
    let (offset, length) = (long(12), long(20));
    ensure(32u64.saturating_add(offset).saturating_add(length) <= size, "the 7z archive ends before its header")?;
    tape.prove();
    let packed_end = 32 + offset;
    let packed = match tape.peek_most(6).await.first() {
        // LZMA2 data begins with a chunk that resets everything.
        Some(1 | 0xe0..) if offset > 6 => unpack(&tape, packed_end).await?,
        _ => {
            let mut crc = crc32fast::Hasher::new();
            tape.pass(offset, |bytes| crc.update(bytes)).await?;
            Packed { stored: Some((offset, crc.finalize())), ..Packed::default() }
        }
    };
    let mut packed = packed;
    let rest = packed_end - tape.position();
    tape.skip(rest.saturating_sub(LONGEST_HEADER)).await?;
    if rest > 0 {
        packed.behind = tape.bytes((packed_end - tape.position()) as usize).await?;
    }
    if length > 128 << 10 {
        let mut crc = crc32fast::Hasher::new();
        tape.pass(length, |bytes| crc.update(bytes)).await?;
        ensure_sum(crc.finalize() == self::end_crc(&start), "the CRC-32 of the 7z archive's header does not hold")?;
        return Ok(Proof::Plausible("the CRC-32 of start and header hold"));
    }
    let end = tape.bytes(length as usize).await?;
    ensure_sum(crc32fast::hash(&end) == crc(28), "the CRC-32 of the 7z archive's header does not hold")?;
    conclude(&tape, &end, &packed)
}

fn end_crc(start: &[u8; 32]) -> u32 {
    u32::from_le_bytes([start[28], start[29], start[30], start[31]])
}

/// What stands between start and header, as far as it was unpacked.
#[derive(Default)]
struct Packed {
    /// How long the LZMA2 data is, what it unpacks to, and the CRC-32 of that.
    lzma2: Option<(u64, u64, u32)>,
    /// How long all of it is, and its CRC-32, where nothing of it was unpacked.
    stored: Option<(u64, u32)>,
    /// Where it is not LZMA2 data, and why.
    failed: Option<(u64, String)>,
    /// Bytes behind it, in front of the header: a packed header.
    behind: Vec<u8>,
}

async fn unpack(tape: &Tape, end: u64) -> Result<Packed, Stop> {
    let start = tape.position();
    let _room = budget::take(DICTIONARY + (1 << 20))?;
    let mut crc = crc32fast::Hasher::new();
    let real = match unpack_lzma2(tape, DICTIONARY as u32, |bytes| crc.update(bytes)).await {
        Ok(real) => real,
        // It may be something else than LZMA2: that is known when the header has come.
        Err(Stop::Contradiction(what, _)) => {
            return Ok(Packed { failed: Some((tape.position(), what)), ..Packed::default() });
        }
        Err(stop) => return Err(stop),
    };
    let length = tape.position() - start;
    let rest = end.saturating_sub(tape.position());
    let behind = if rest <= 64 << 10 { tape.bytes(rest as usize).await? } else { Vec::new() };
    Ok(Packed { lzma2: Some((length, real, crc.finalize())), stored: None, failed: None, behind })
}

fn conclude(tape: &Tape, end: &[u8], packed: &Packed) -> Result<Proof, Stop> {
    const PLAUSIBLE: Proof =
        Proof::Plausible("the CRC-32 of start and header hold; what is between them is not judged");
    let unpacked = header::unpacked(end, &packed.behind)?;
    let Some(header) = unpacked.as_deref().and_then(header::read) else { return Ok(PLAUSIBLE) };
    if let Some((place, what)) = packed.failed.as_ref().filter(|_| header.method == [0x21]) {
        tape.suspect(*place);
        return undecodable(what.clone());
    }
    let lzma2 = packed.lzma2.filter(|_| header.method == [0x21] && header.dictionary <= DICTIONARY);
    let stored = packed.stored.filter(|_| header.method == [0]).map(|(length, crc)| (length, length, crc));
    let Some((length, real, crc)) = lzma2.or(stored) else { return Ok(PLAUSIBLE) };
    ensure_sum(
        header.packed == length && header.real == real,
        "the 7z archive unpacks to another length than its header says",
    )?;
    match header.crc {
        None => Ok(PLAUSIBLE),
        Some(said) if said == crc => Ok(Proof::Verified("the CRC-32 of start, header and all members hold")),
        Some(_) => ensure_sum(false, "the CRC-32 of the members does not hold").map(|()| PLAUSIBLE),
    }
}
