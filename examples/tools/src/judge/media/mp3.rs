//! MP3: frames whose headers say their lengths, from the first to the last, with tags around them. Nothing is summed.

use crate::judge::detect::Head;
use crate::judge::tape::{Stop, Tape, ensure, wrong};
use crate::judge::{Proof, Walk};

/// Bits per second in thousands, by version (1, or 2 and 2.5) and layer.
const RATES: [[u32; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// What all frames of a file have in common, and the frame's length.
fn frame([first, second, third, _]: [u8; 4]) -> Option<(u8, u64)> {
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    let (rate, sampling) = (usize::from(third >> 4), usize::from(third >> 2 & 3));
    if first != 0xff || second < 0xe0 || version == 1 || layer == 0 || sampling == 3 || !(1..15).contains(&rate) {
        return None;
    }
    let row = match (version, layer) {
        (3, 3) => 0,
        (3, 2) => 1,
        (3, _) => 2,
        (_, 3) => 3,
        _ => 4,
    };
    let bits = RATES[row][rate] * 1000;
    let samples = [44_100, 48_000, 32_000][sampling]
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let padding = u32::from(third >> 1 & 1);
    let length = match (layer, version) {
        (3, _) => (12 * bits / samples + padding) * 4,
        (1, 0 | 2) => 72 * bits / samples + padding,
        _ => 144 * bits / samples + padding,
    };
    Some((second & 0xfe, length.into()))
}

pub fn is_it(head: &Head<'_>) -> bool {
    let Some(start) = head.bytes.first_chunk::<4>() else { return false };
    if start.starts_with(b"ID3") {
        return start[3] < 8;
    }
    let Some((kind, length)) = frame(*start) else { return false };
    let next = head.bytes.get(length as usize..).and_then(|rest| rest.first_chunk::<4>());
    next.is_some_and(|next| frame(*next).is_some_and(|(next, _)| next == kind))
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    while tape.peek::<3>().await.ok() == Some(*b"ID3") {
        tag(&tape).await?;
    }
    padding(&tape).await?;
    let mut kind = None;
    let mut frames = 0u64;
    while tape.position() < size {
        let rest = size - tape.position();
        let start = tape.peek_most(4).await;
        let header = start.first_chunk::<4>().and_then(|start| frame(*start));
        let Some((found, length)) = header.filter(|(found, _)| kind.is_none_or(|kind| kind == *found)) else {
            ensure(frames > 1, "no frame of an MP3 behind its tag")?;
            return behind(&tape, &start, rest).await;
        };
        kind = Some(found);
        frames += 1;
        // The last frame is often cut.
        tape.skip(length.min(rest)).await?;
        tape.prove();
    }
    Ok(Proof::Plausible("the frames follow each other to the end"))
}

async fn tag(tape: &Tape) -> Result<(), Stop> {
    let header = tape.array::<10>().await?;
    ensure(header[6..].iter().all(|byte| *byte < 0x80), "no ID3 tag")?;
    let length = header[6..].iter().fold(0u64, |length, byte| length << 7 | u64::from(*byte));
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    tape.skip(length + footer).await
}

async fn padding(tape: &Tape) -> Result<(), Stop> {
    let mut passed = 0;
    while passed < 4096 && tape.peek::<1>().await? == [0] {
        tape.skip(1).await?;
        passed += 1;
    }
    Ok(())
}

/// What may stand behind the last frame: tags.
async fn behind(tape: &Tape, start: &[u8], rest: u64) -> Result<Proof, Stop> {
    let is_tag = (start.starts_with(b"TAG") && rest == 128)
        || [&b"APET"[..], b"LYRI", b"TAG+", b"ID3", b"3DI"].iter().any(|tag| start.starts_with(tag));
    if !is_tag {
        return wrong("no frame where an MP3 has one");
    }
    tape.skip(rest).await?;
    Ok(Proof::Plausible("the frames follow each other up to the tags"))
}
