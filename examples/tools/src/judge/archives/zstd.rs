//! Zstandard: blocks that unpack, and where the frame carries it, a checksum of all that they unpack to.

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::Read;

use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, undecodable, wrong};
use crate::judge::{Proof, Walk, budget};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub async fn walk(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    let mut is_checked = true;
    loop {
        match tape.peek::<4>().await? {
            MAGIC => is_checked &= frame(&tape).await?,
            [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                tape.skip(4).await?;
                let length = tape.u32_le().await?;
                is_checked &= length < 512;
                tape.skip(length.into()).await?;
            }
            _ => return wrong("no frame of a Zstandard file"),
        }
        tape.prove();
        if tape.is_at_end().await {
            break;
        }
    }
    Ok(match is_checked {
        true => Proof::Verified("the checksum of each frame holds"),
        false => Proof::Plausible("each block unpacks; the frames have no checksum"),
    })
}

/// A frame; false where it has no checksum.
async fn frame(tape: &Tape) -> Result<bool, Stop> {
    let [.., descriptor] = tape.peek::<5>().await?;
    let is_single = descriptor & 0x20 != 0;
    let has_checksum = descriptor & 4 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content = match descriptor >> 6 {
        0 => usize::from(is_single),
        more => 1 << more,
    };
    let header = tape.bytes(5 + usize::from(!is_single) + dictionary + content).await?;
    if dictionary > 0 {
        return Err(Stop::Unknown("a Zstandard file that takes a dictionary from elsewhere".into()));
    }
    let window = match is_single {
        true => {
            header[5..].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
                + if content == 2 { 256 } else { 0 }
        }
        false => (1u64 << (10 + (header[5] >> 3))) / 8 * (8 + u64::from(header[5] & 7)),
    };
    let _room = budget::take(window.saturating_add(1 << 20))?;
    let mut decoder = FrameDecoder::new();
    if decoder.init(&header[..]).is_err() {
        return Err(Stop::Unknown("a Zstandard frame that is not judged".into()));
    }
    let mut output = vec![0; 64 << 10];
    loop {
        let [a, b, c] = tape.peek::<3>().await?;
        let block = u32::from_le_bytes([a, b, c, 0]);
        let (is_last, kind, length) = (block & 1 != 0, block >> 1 & 3, block >> 3);
        ensure(kind != 3 && length <= 128 << 10, "no block of a Zstandard file")?;
        let stored = if kind == 1 { 1 } else { length as usize };
        let mut bytes = tape.bytes(3 + stored).await?;
        if is_last && has_checksum {
            bytes.extend(tape.bytes(4).await?);
        }
        if decoder.decode_blocks(&bytes[..], BlockDecodingStrategy::UptoBlocks(1)).is_err() {
            return undecodable("a block of a Zstandard file that is none");
        }
        while decoder.read(&mut output).is_ok_and(|count| count > 0) {}
        if is_last {
            break;
        }
    }
    ensure_sum(
        !has_checksum || decoder.get_checksum_from_data() == decoder.get_calculated_checksum(),
        "the checksum of a Zstandard frame does not hold",
    )?;
    Ok(has_checksum)
}
