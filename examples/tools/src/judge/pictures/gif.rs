//! GIF: blocks from the header to the trailer. Nothing in it is summed.

use crate::judge::tape::{Stop, Tape, ensure, wrong};
use crate::judge::{Proof, Walk};

pub async fn walk(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    tape.skip(6).await?;
    let [_, _, _, _, flags, _, _] = tape.array::<7>().await?;
    colours(&tape, flags).await?;
    let mut images = 0u64;
    loop {
        match tape.u8().await? {
            0x21 => {
                ensure(matches!(tape.u8().await?, 0x01 | 0xf9 | 0xfe | 0xff | 0xce), "no extension of a GIF")?;
                blocks(&tape).await?;
            }
            0x2c => {
                let descriptor = tape.array::<9>().await?;
                colours(&tape, descriptor[8]).await?;
                let bits = tape.u8().await?;
                ensure((1..=11).contains(&bits), "an image of a GIF whose codes start with impossible lengths")?;
                image(&tape, bits).await?;
                images += 1;
            }
            0x3b if images > 0 => {
                return Ok(Proof::Plausible("all blocks follow each other up to the trailer, and each image unpacks"));
            }
            _ => return wrong("no block of a GIF"),
        }
    }
}

async fn colours(tape: &Tape, flags: u8) -> Result<(), Stop> {
    match flags & 0x80 {
        0 => Ok(()),
        _ => tape.skip(3 << (1 + (flags & 7))).await,
    }
}

async fn blocks(tape: &Tape) -> Result<(), Stop> {
    loop {
        match tape.u8().await? {
            0 => return Ok(()),
            length => tape.skip(length.into()).await?,
        }
    }
}

/// The codes of an image: each is one that the table has by then, and the last is the end.
async fn image(tape: &Tape, bits: u8) -> Result<(), Stop> {
    let (clear, end) = (1u32 << bits, (1u32 << bits) + 1);
    let (mut width, mut next, mut has_previous) = (u32::from(bits) + 1, end + 1, false);
    let (mut held, mut held_bits) = (0u32, 0);
    let mut is_over = false;
    loop {
        let length = tape.u8().await?;
        if length == 0 {
            return ensure(is_over, "an image of a GIF without its end code");
        }
        for byte in tape.bytes(length.into()).await? {
            held |= u32::from(byte) << held_bits;
            held_bits += 8;
            while held_bits >= width && !is_over {
                let code = held & ((1 << width) - 1);
                held >>= width;
                held_bits -= width;
                if code == end {
                    is_over = true;
                } else if code == clear {
                    (width, next, has_previous) = (u32::from(bits) + 1, end + 1, false);
                } else {
                    let is_known = code < clear || code < next || (code == next && has_previous);
                    ensure(is_known, "an image of a GIF with a code that is not in its table")?;
                    if has_previous && next < 4096 {
                        next += 1;
                        width += u32::from(next == 1 << width && width < 12);
                    }
                    has_previous = true;
                }
            }
            if is_over {
                (held, held_bits) = (0, 0);
            }
        }
    }
}
