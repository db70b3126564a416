//! PNG: a CRC-32 of each chunk, and the Adler-32 of all lines.

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};

use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, wrong_late};
use crate::judge::{Proof, Walk};

pub async fn walk(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    tape.skip(8).await?;
    let mut lines = Some(Decompress::new(true));
    let mut is_first = true;
    loop {
        let length = tape.u32_be().await?;
        let kind = tape.array::<4>().await?;
        let is_kind = kind.iter().all(u8::is_ascii_alphabetic) && length <= i32::MAX as u32;
        ensure(is_kind && (!is_first || &kind == b"IHDR"), "no chunk of a PNG")?;
        is_first = false;
        chunk(&tape, kind, length, &mut lines).await?;
        tape.prove();
        if &kind == b"IEND" {
            ensure(length == 0, "the last chunk of the PNG is not empty")?;
            return Ok(Proof::Verified("the CRC-32 of each chunk holds"));
        }
    }
}

/// The body of a chunk and its CRC-32. The lines are decompressed on the way: that errs close to a wrong byte.
async fn chunk(tape: &Tape, kind: [u8; 4], length: u32, lines: &mut Option<Decompress>) -> Result<(), Stop> {
    let mut crc = Hasher::new();
    crc.update(&kind);
    let mut left = u64::from(length);
    let mut is_sound = true;
    while left > 0 && is_sound {
        left -= tape
            .pass_some(|bytes| {
                let now = &bytes[..bytes.len().min(left as usize).min(4096)];
                crc.update(now);
                is_sound = &kind != b"IDAT" || goes_on(lines, now);
                (now.len(), now.len() as u64)
            })
            .await?;
    }
    if !is_sound {
        return wrong_late("compressed lines of the PNG that are none");
    }
    ensure_sum(tape.u32_be().await? == crc.finalize(), "the CRC-32 of a PNG chunk does not hold")
}

/// Decompresses into nowhere; `false` where that is not possible. Behind the end of the lines anything may stand.
fn goes_on(lines: &mut Option<Decompress>, mut bytes: &[u8]) -> bool {
    let mut nowhere = [0; 16 << 10];
    while let Some(state) = lines.as_mut().filter(|_| !bytes.is_empty()) {
        let used = state.total_in();
        match state.decompress(bytes, &mut nowhere, FlushDecompress::None) {
            Ok(Status::StreamEnd) => *lines = None,
            Ok(_) => bytes = &bytes[(state.total_in() - used) as usize..],
            Err(_) => return false,
        }
    }
    true
}
