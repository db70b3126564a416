//! Shell links: a header, and blocks whose lengths lead to the last. Nothing in it is summed.

use crate::judge::tape::{Stop, Tape, ensure};
use crate::judge::{Proof, Walk};

const IS_UNICODE: u32 = 1 << 7;

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let header = tape.bytes(76).await?;
    let flags = u32::from_le_bytes([header[20], header[21], header[22], header[23]]);
    ensure(header[66..76].iter().all(|byte| *byte == 0), "the header of a shell link that is none")?;
    if flags & 1 != 0 {
        items(&tape).await?;
    }
    if flags & 2 != 0 {
        let length = tape.u32_le().await?;
        ensure((28..=1 << 16).contains(&length), "a place in a shell link that is none")?;
        tape.skip(u64::from(length) - 4).await?;
    }
    let width = if flags & IS_UNICODE != 0 { 2 } else { 1 };
    for bit in 2..7 {
        if flags & 1 << bit != 0 {
            let length = u64::from(tape.u16_le().await?);
            tape.skip(length * width).await?;
        }
    }
    while size - tape.position() >= 4 {
        match tape.u32_le().await? {
            0..4 => break,
            length => {
                let kind = u64::from(length) - 4;
                ensure(kind >= 4 && tape.position() + kind <= size, "a block of a shell link is longer than the file")?;
                ensure(tape.u32_le().await? >> 16 == 0xa000, "a block of a shell link that is none")?;
                tape.skip(kind - 4).await?;
            }
        }
    }
    Ok(Proof::Plausible("all blocks follow each other to the last"))
}

/// The list of items that lead to the target.
async fn items(tape: &Tape) -> Result<(), Stop> {
    const NONE: &str = "a list of items of a shell link that does not fit";
    let end = u64::from(tape.u16_le().await?) + tape.position();
    loop {
        let length = u64::from(tape.u16_le().await?);
        if length == 0 {
            return ensure(tape.position() == end, NONE);
        }
        ensure(length >= 2 && tape.position() - 2 + length < end, NONE)?;
        tape.skip(length - 2).await?;
    }
}
