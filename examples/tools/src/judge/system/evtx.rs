//! Event logs: CRC-32 of the file header, and of each chunk's header and records.

use crate::judge::tape::{Fault, Stop, Tape, ensure, ensure_sum};
use crate::judge::{Proof, Walk};

const CHUNK: usize = 64 << 10;
const CHUNK_HEADER: usize = 512;
const RECORD_HEADER: usize = 24;

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    tape.expect_any_looks();
    let header = tape.bytes(4096).await?;
    let sum = u32::from_le_bytes([header[124], header[125], header[126], header[127]]);
    ensure_sum(crc32fast::hash(&header[..120]) == sum, "the CRC-32 of the event log's header does not hold")?;
    let mut is_proved = header[128..].iter().all(|byte| *byte == 0);
    tape.prove();
    let mut chunks = 0u64;
    while size - tape.position() >= CHUNK as u64 {
        is_proved &= chunk(&tape).await?;
        tape.prove();
        chunks += 1;
    }
    let rest = tape.bytes((size - tape.position()) as usize).await?;
    ensure(rest.iter().all(|byte| *byte == 0), "the event log ends in the middle of a chunk")?;
    Ok(match is_proved && chunks > 0 {
        true => Proof::Verified("the CRC-32 of each chunk's header and records hold"),
        false => Proof::Plausible("the CRC-32 of each chunk in use hold; what lies behind the records is not summed"),
    })
}

/// Where the chain of records breaks, in a chunk that starts at `start` in the file: at a record's header, or where
/// the length does not stand again at its end. A record whose header is sound begins in a sound cluster.
fn broken_record(bytes: &[u8], start: u64, cluster: u64) -> usize {
    let mut place = CHUNK_HEADER;
    let mut number = None;
    while let Some(header) = bytes.get(place..place + RECORD_HEADER) {
        let long = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (length, this) = (long(4) as usize, u64::from(long(12)) << 32 | u64::from(long(8)));
        let goes_on = number.is_none_or(|last: u64| this == last.wrapping_add(1));
        if header[..4] != *b"**\0\0" || !goes_on || !(RECORD_HEADER + 4..=CHUNK).contains(&length) {
            return place;
        }
        let end = place + length;
        if bytes.get(end - 4..end) != Some(&header[4..8]) {
            let behind = (start + place as u64 + 1).next_multiple_of(cluster.max(1)) - start;
            return (end - 4).min(behind as usize);
        }
        (place, number) = (end, Some(this));
    }
    // The records follow each other: one of another log lies between them.
    if place == bytes.len() { 0 } else { place }
}

/// A chunk; true when nothing but zeros lies behind its records.
async fn chunk(tape: &Tape) -> Result<bool, Stop> {
    let bytes = tape.bytes(CHUNK).await?;
    if bytes.iter().all(|byte| *byte == 0) {
        // A log is made longer before it is written.
        return Ok(true);
    }
    let start = tape.position() - CHUNK as u64;
    if !bytes.starts_with(b"ElfChnk\0") {
        return Err(Stop::Contradiction("no chunk of an event log".into(), Fault::Since(start)));
    }
    let long = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..120]);
    crc.update(&bytes[128..CHUNK_HEADER]);
    ensure_sum(crc.finalize() == long(124), "the CRC-32 of a chunk's header of the event log does not hold")?;
    let end = long(48) as usize;
    ensure((CHUNK_HEADER..=CHUNK).contains(&end), "the records of the event log end outside of their chunk")?;
    if crc32fast::hash(&bytes[CHUNK_HEADER..end]) != long(52) {
        let broken = start + broken_record(&bytes[..end], start, tape.cluster_size()) as u64;
        let what = "the CRC-32 of records of the event log does not hold";
        return Err(Stop::Contradiction(what.into(), Fault::Since(broken)));
    }
    Ok(bytes[end..].iter().all(|byte| *byte == 0))
}
