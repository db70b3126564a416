//! RAR 4 and 5: a CRC of each header, and of members that are stored as they are. What is compressed has a CRC of what
//! it unpacks to, which only RAR's own code does: such an archive is plausible.

use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, wrong};
use crate::judge::{Proof, Walk};

const HEADER: &str = "the CRC of a header of the RAR archive does not hold";

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let start = tape.array::<7>().await?;
    let is_proved = match start[6] {
        0 => old(&tape, size).await?,
        _ => {
            tape.skip(1).await?;
            new(&tape, size).await?
        }
    };
    Ok(match is_proved {
        true => Proof::Verified("the CRC of each header and member holds"),
        false => Proof::Plausible("the CRC of each header holds; only RAR unpacks what is compressed"),
    })
}

/// RAR 4: blocks with a CRC of 16 bits.
async fn old(tape: &Tape, size: u64) -> Result<bool, Stop> {
    let mut is_proved = true;
    while tape.position() < size {
        let sum = tape.u16_le().await?;
        let [kind, f0, f1, l0, l1] = tape.array().await?;
        let (flags, length) = (u16::from_le_bytes([f0, f1]), u16::from_le_bytes([l0, l1]));
        ensure(length >= 7 && (0x72..=0x7b).contains(&kind), "no header of a RAR archive")?;
        let body = tape.bytes(usize::from(length) - 7).await?;
        let mut crc = crc32fast::Hasher::new();
        crc.update(&[kind, f0, f1, l0, l1]);
        // The main header's sum leaves out a comment in it, and an old kind's its own.
        crc.update(if kind == 0x73 && flags & 2 != 0 { &body[..body.len().min(6)] } else { &body });
        ensure_sum(crc.finalize() as u16 == sum || matches!(kind, 0x75..=0x79), HEADER)?;
        let long =
            |at: usize| body.get(at..at + 4).map_or(0, |four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        match kind {
            0x73 if flags & 0x80 != 0 => return Err(Stop::Unknown("a RAR archive with encrypted headers".into())),
            0x74 | 0x7a => {
                let high = if flags & 0x100 != 0 { u64::from(long(25)) } else { 0 };
                let (stored, crc, method) =
                    (high << 32 | u64::from(long(0)), long(9), body.get(18).copied().unwrap_or(0));
                let is_split = flags & 3 != 0;
                is_proved &=
                    member(tape, stored, (method == 0x30 && flags & 4 == 0 && !is_split).then_some(crc)).await?;
            }
            0x7b => return Ok(is_proved),
            _ if flags & 0x8000 != 0 => tape.skip(long(0).into()).await?,
            _ => {}
        }
        tape.prove();
    }
    Ok(false)
}

/// The bytes of a member; false where there is no CRC for them as they stand.
async fn member(tape: &Tape, length: u64, crc: Option<u32>) -> Result<bool, Stop> {
    match crc {
        None => tape.skip(length).await.map(|()| length == 0),
        Some(said) => {
            let mut crc = crc32fast::Hasher::new();
            tape.pass(length, |bytes| crc.update(bytes)).await?;
            ensure_sum(crc.finalize() == said, "the CRC of a member of the RAR archive does not hold").map(|()| true)
        }
    }
}

fn number(bytes: &mut &[u8]) -> Result<u64, Stop> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let Some((&byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    wrong("no header of a RAR archive")
}

/// RAR 5: headers with a CRC-32.
async fn new(tape: &Tape, size: u64) -> Result<bool, Stop> {
    let mut is_proved = true;
    while tape.position() < size {
        let sum = tape.u32_le().await?;
        let ahead = tape.peek_most(3).await;
        let mut rest = &ahead[..];
        let length = number(&mut rest)?;
        let before = ahead.len() - rest.len();
        ensure((2..=2 << 20).contains(&length) && length < 190 << 10, "no header of a RAR archive")?;
        let header = tape.bytes(before + length as usize).await?;
        ensure_sum(crc32fast::hash(&header) == sum, HEADER)?;
        let mut fields = &header[before..];
        let (kind, flags) = (number(&mut fields)?, number(&mut fields)?);
        if flags & 1 != 0 {
            number(&mut fields)?;
        }
        let stored = if flags & 2 != 0 { number(&mut fields)? } else { 0 };
        match kind {
            2 | 3 => {
                let file = number(&mut fields)?;
                number(&mut fields)?;
                number(&mut fields)?;
                if file & 2 != 0 {
                    fields = fields.get(4..).unwrap_or_default();
                }
                let crc =
                    if file & 4 != 0 { fields.first_chunk::<4>().map(|four| u32::from_le_bytes(*four)) } else { None };
                fields = fields.get(if file & 4 != 0 { 4 } else { 0 }..).unwrap_or_default();
                let method = number(&mut fields)? >> 7 & 7;
                let is_open = method == 0 && flags & 0x18 == 0 && flags & 1 == 0;
                is_proved &= member(tape, stored, crc.filter(|_| is_open)).await?;
            }
            4 => return Err(Stop::Unknown("a RAR archive with encrypted headers".into())),
            5 => return Ok(is_proved),
            _ => {
                tape.skip(stored).await?;
                is_proved &= stored == 0;
            }
        }
        tape.prove();
    }
    Ok(false)
}
