//! Event logs: CRC-32 of the file header, and of each chunk's header and records.

use crate::judge::tape::{Stop, Tape, ensure, ensure_sum};
use crate::judge::{Proof, Walk};

const CHUNK: usize = 64 << 10;
const CHUNK_HEADER: usize = 512;

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

/// A chunk; true when nothing but zeros lies behind its records.
async fn chunk(tape: &Tape) -> Result<bool, Stop> {
    let bytes = tape.bytes(CHUNK).await?;
    if bytes.iter().all(|byte| *byte == 0) {
        // A log is made longer before it is written.
        return Ok(true);
    }
    ensure(bytes.starts_with(b"ElfChnk\0"), "no chunk of an event log")?;
    let long = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..120]);
    crc.update(&bytes[128..CHUNK_HEADER]);
    ensure_sum(crc.finalize() == long(124), "the CRC-32 of a chunk's header of the event log does not hold")?;
    let end = long(48) as usize;
    ensure((CHUNK_HEADER..=CHUNK).contains(&end), "the records of the event log end outside of their chunk")?;
    ensure_sum(
        crc32fast::hash(&bytes[CHUNK_HEADER..end]) == long(52),
        "the CRC-32 of records of the event log does not hold",
    )?;
    Ok(bytes[end..].iter().all(|byte| *byte == 0))
}
