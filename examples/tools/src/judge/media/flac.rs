//! FLAC: a CRC-8 of each frame's header and a CRC-16 of each frame. The frames have no length: one ends where the
//! next begins, which is where the CRC-16 holds and a header follows.

use crc::{CRC_8_SMBUS, CRC_16_UMTS, Crc, Table};

use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, wrong};
use crate::judge::{Proof, Walk};

static HEADER: Crc<u8> = Crc::<u8>::new(&CRC_8_SMBUS);
static FRAME: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_UMTS);

/// The longest frame that is followed.
const LONGEST: usize = 160 << 10;

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    tape.skip(4).await?;
    let info = metadata(&tape).await?;
    tape.prove();
    let mut number = None;
    let (mut shortest, mut longest) = (u64::MAX, 0);
    while tape.position() < size {
        if tape.peek::<3>().await.ok() == Some(*b"TAG") && size - tape.position() == 128 {
            return Ok(Proof::Plausible("the CRC-16 of each frame holds; a tag stands behind them"));
        }
        let start = tape.position();
        number = Some(frame(&tape, number).await?);
        let length = tape.position() - start;
        (shortest, longest) = (shortest.min(length), longest.max(length));
        tape.prove();
    }
    ensure(number.is_some() || info.samples == 0, "a FLAC file without a frame")?;
    // The blocks in front have no sum: that they are of this file, the lengths of the frames tell.
    Ok(match (info.shortest, info.longest) == (shortest, longest) {
        true => {
            Proof::Verified("the CRC-16 of each frame holds, and the frames have all numbers and the lengths announced")
        }
        false => Proof::Plausible("the CRC-16 of each frame holds, and the frames have all numbers"),
    })
}

/// What the first block announces.
#[derive(Default)]
struct Info {
    shortest: u64,
    longest: u64,
    samples: u64,
}

/// The blocks in front of the sound.
async fn metadata(tape: &Tape) -> Result<Info, Stop> {
    let mut announced = Info::default();
    loop {
        let [kind, a, b, c] = tape.array().await?;
        let length = u32::from_be_bytes([0, a, b, c]);
        ensure(kind & 0x7f != 0x7f, "no block of metadata of a FLAC file")?;
        if kind & 0x7f == 0 {
            ensure(length == 34, "no STREAMINFO of a FLAC file")?;
            let info = tape.bytes(34).await?;
            let number = |bytes: &[u8]| bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
            let samples = number(&info[13..18]) & 0xf_ffff_ffff;
            announced = Info { shortest: number(&info[4..7]), longest: number(&info[7..10]), samples };
        } else if kind & 0x7f == 1 {
            let mut is_zero = true;
            tape.pass(length.into(), |bytes| is_zero &= bytes.iter().all(|byte| *byte == 0)).await?;
            if !is_zero {
                tape.leave_unseen(length.into());
            }
        } else {
            tape.skip(length.into()).await?;
        }
        if kind & 0x80 != 0 {
            return Ok(announced);
        }
    }
}

/// Where a header of a frame could stand at the start of `bytes`: its number and length.
fn header(bytes: &[u8]) -> Option<(u64, usize)> {
    let [0xff, 0xf8 | 0xf9, sizes, kinds, rest @ ..] = bytes else { return None };
    let first = *rest.first()?;
    let more = match first.leading_ones() {
        0 => 0,
        ones @ 2..=7 => ones as usize - 1,
        _ => return None,
    };
    let mut number = u64::from(first) & (0x7f >> first.leading_ones());
    for byte in rest.get(1..=more)? {
        number = number << 6 | u64::from(byte & 0x3f);
    }
    let size_bytes = match sizes >> 4 {
        0 => return None,
        6 => 1,
        7 => 2,
        _ => 0,
    };
    let rate_bytes = match sizes & 15 {
        12 => 1,
        13 | 14 => 2,
        15 => return None,
        _ => 0,
    };
    if kinds >> 4 > 10 || kinds & 1 != 0 {
        return None;
    }
    let length = 5 + more + size_bytes + rate_bytes;
    (HEADER.checksum(bytes.get(..length)?) == *bytes.get(length)?).then_some((number, length + 1))
}

/// A frame; returns its number.
async fn frame(tape: &Tape, before: Option<(u64, u64)>) -> Result<(u64, u64), Stop> {
    let start = tape.peek_most(24).await;
    let Some((number, length)) = header(&start) else { return wrong("no frame of a FLAC file") };
    let step = before.map_or(Ok(0), |(last, step)| match number.checked_sub(last) {
        Some(gap) if gap > 0 && (step == 0 || gap <= step) => Ok(gap),
        _ => wrong("a frame of the FLAC file is missing"),
    })?;
    let mut digest = FRAME.digest();
    digest.update(&tape.bytes(length).await?);
    let mut seen = length;
    loop {
        // The next frame's first bytes, or the end of the file.
        let ahead = tape.peek_most(4096).await;
        let is_last = ahead.len() < 4096;
        let usable = if is_last { ahead.len() } else { ahead.len() - 24 };
        let mut done = 0;
        for at in (0..usable).filter(|at| ahead[*at] == 0xff) {
            if at < 2 || header(&ahead[at..]).is_none_or(|(next, _)| next <= number) {
                continue;
            }
            digest.update(&ahead[done..at - 2]);
            done = at - 2;
            if digest.clone().finalize() == u16::from_be_bytes([ahead[at - 2], ahead[at - 1]]) {
                tape.advance(at).await?;
                return Ok((number, step));
            }
        }
        if is_last {
            let Some((body, sum)) = ahead.split_last_chunk::<2>() else { return Err(Stop::End) };
            digest.update(&body[done..]);
            tape.advance(ahead.len()).await?;
            ensure_sum(digest.finalize() == u16::from_be_bytes(*sum), "the CRC-16 of a FLAC frame does not hold")?;
            return Ok((number, step));
        }
        // Two bytes stay: they may be the sum in front of a header.
        let taken = usable - 2;
        digest.update(&ahead[done..taken.max(done)]);
        tape.advance(taken.max(done)).await?;
        seen += taken;
        if seen > LONGEST {
            return ensure_sum(false, "a FLAC frame whose CRC-16 holds nowhere").map(|()| (number, step));
        }
    }
}
