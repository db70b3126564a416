//! RIFF: WAV, AVI, WebP. Chunks that fill the length that the header says. Nothing in it is summed.

use crate::judge::tape::{Stop, Tape, ensure};
use crate::judge::{Proof, Walk};

/// Lists in lists.
const DEEPEST: usize = 8;

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut is_first = true;
    while is_first || tape.peek::<4>().await.ok() == Some(*b"RIFF") {
        is_first = false;
        form(&tape, size).await?;
    }
    Ok(Proof::Plausible("the chunks fill the length that the header says"))
}

/// One RIFF: a film of more than a gigabyte has several.
async fn form(tape: &Tape, size: u64) -> Result<(), Stop> {
    let kind = tape.array::<4>().await?;
    let said = u64::from(tape.u32_le().await?);
    let end = match &kind {
        b"RF64" => size,
        // Written in one go, and never finished by the writer.
        _ if said == 0 || said >= 0xffff_ff00 => size,
        _ => tape.position() + said,
    };
    ensure(end <= size + 1, "the RIFF file ends before the length that its header says")?;
    let end = end.min(size);
    tape.skip(4).await?;
    let mut ends = vec![end];
    while let Some(&innermost) = ends.last() {
        if tape.position() + 8 > innermost {
            tape.skip(innermost.saturating_sub(tape.position())).await?;
            ends.pop();
            continue;
        }
        let name = tape.array::<4>().await?;
        let length = u64::from(tape.u32_le().await?);
        ensure(name.iter().all(|byte| matches!(byte, b' '..=b'~')), "no chunk of a RIFF file")?;
        let is_long = length >= 0xffff_ff00 && &kind == b"RF64";
        let chunk_end = if is_long { innermost } else { tape.position() + length + length % 2 };
        ensure(chunk_end <= innermost + 1, "a chunk of the RIFF file is longer than what holds it")?;
        let chunk_end = chunk_end.min(innermost);
        if &name == b"LIST" && length >= 4 && ends.len() < DEEPEST {
            let list = tape.array::<4>().await?;
            ensure(list.iter().all(|byte| matches!(byte, b' '..=b'~')), "no list of a RIFF file")?;
            ends.push(chunk_end);
        } else {
            tape.skip(chunk_end - tape.position()).await?;
        }
    }
    Ok(())
}
