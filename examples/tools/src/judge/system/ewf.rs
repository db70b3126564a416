//! Expert Witness images (E01): the Adler-32 of each section's header and table, and of each chunk.

use crate::judge::inflate::{Wrapping, inflate};
use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, wrong};
use crate::judge::{Proof, Walk};

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for part in bytes.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % 65521, b % 65521);
    }
    b << 16 | a
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    tape.skip(13).await?;
    let mut chunk = 32 << 10;
    loop {
        let start = tape.position();
        let header = tape.bytes(76).await?;
        let sum = u32::from_le_bytes([header[72], header[73], header[74], header[75]]);
        ensure_sum(adler32(&header[..72]) == sum, "the Adler-32 of a section's header does not hold")?;
        let name = header[..16].split(|byte| *byte == 0).next().unwrap_or_default();
        let [next, length] = [16, 24].map(|at| u64::from_le_bytes(std::array::from_fn(|index| header[at + index])));
        tape.prove();
        if matches!(name, b"next" | b"done") {
            return Ok(Proof::Verified("the Adler-32 of each section and chunk hold"));
        }
        let end = start.saturating_add(length.max(76));
        ensure(next == end && end <= size, "a section of the image is longer than the file")?;
        match name {
            b"header" | b"header2" if end > tape.position() => {
                inflate(&tape, Wrapping::Zlib, 16 << 20, |_| ()).await?;
            }
            b"volume" | b"disk" | b"data" => {
                let body = summed(&tape, end - tape.position()).await?;
                let [per_chunk, per_sector] =
                    [8, 12].map(|at| u64::from(u32::from_le_bytes(std::array::from_fn(|index| body[at + index]))));
                chunk = per_chunk.saturating_mul(per_sector);
                if chunk == 0 || chunk > 128 << 10 {
                    return Err(Stop::Unknown("an image of unusually large chunks".into()));
                }
            }
            b"sectors" => {
                while tape.position() < end {
                    self::chunk(&tape, chunk as usize, end).await?;
                    tape.prove();
                }
            }
            b"table" | b"table2" => table(&tape, end).await?,
            b"hash" | b"digest" => {
                summed(&tape, end - tape.position()).await?;
            }
            _ => {}
        }
        ensure(tape.position() <= end, "a section of the image that is longer than it says")?;
        tape.skip(end - tape.position()).await?;
        tape.prove();
    }
}

/// A structure whose last four bytes sum up the others.
async fn summed(tape: &Tape, length: u64) -> Result<Vec<u8>, Stop> {
    ensure((24..=4096).contains(&length), "a section of the image has an impossible length")?;
    let body = tape.bytes(length as usize).await?;
    let Some((summed, sum)) = body.split_last_chunk::<4>() else {
        return wrong("a section of the image without its sum");
    };
    ensure_sum(adler32(summed) == u32::from_le_bytes(*sum), "the Adler-32 of a section does not hold")?;
    Ok(body)
}

/// A chunk, as it is with its Adler-32, or compressed.
async fn chunk(tape: &Tape, length: usize, end: u64) -> Result<(), Stop> {
    let left = (end - tape.position()) as usize;
    let ahead = tape.peek_most((length + 4).min(left)).await;
    if let Some((bytes, sum)) = ahead.split_last_chunk::<4>()
        && adler32(bytes) == u32::from_le_bytes(*sum)
    {
        return tape.advance(ahead.len()).await;
    }
    inflate(tape, Wrapping::Zlib, length as u64, |_| ()).await?;
    Ok(())
}

async fn table(tape: &Tape, end: u64) -> Result<(), Stop> {
    if end - tape.position() < 24 {
        return Ok(());
    }
    let header = tape.bytes(24).await?;
    let sum = u32::from_le_bytes([header[20], header[21], header[22], header[23]]);
    ensure_sum(adler32(&header[..20]) == sum, "the Adler-32 of a table does not hold")?;
    let count = u64::from(u32::from_le_bytes([header[0], header[1], header[2], header[3]]));
    ensure(count * 4 <= end - tape.position(), "a table of the image is longer than its section")?;
    if end - tape.position() >= count * 4 + 4 && count * 4 < (128 << 10) {
        let entries = tape.bytes(count as usize * 4).await?;
        ensure_sum(adler32(&entries) == tape.u32_le().await?, "the Adler-32 of a table does not hold")?;
    }
    Ok(())
}
