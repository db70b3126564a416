//! Certificates and what else is written in DER: values that fill what holds them.

use crate::judge::detect::Head;
use crate::judge::tape::{Stop, Tape, ensure, wrong};
use crate::judge::{Proof, Walk};

/// Values in values.
const DEEPEST: usize = 64;

pub fn is_it(head: &Head<'_>) -> bool {
    let length = match head.bytes {
        [0x30, 0x82, high, low, ..] => u64::from(u16::from_be_bytes([*high, *low])) + 4,
        [0x30, 0x83, high, middle, low, ..] => u64::from(u32::from_be_bytes([0, *high, *middle, *low])) + 5,
        _ => return false,
    };
    length == head.size
        && matches!(head.bytes.get(4..6), Some([0x30 | 0x02 | 0x06 | 0x82, _] | [_, 0x30 | 0x02 | 0x06]))
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut ends = vec![size];
    while let Some(&end) = ends.last() {
        if tape.position() >= end {
            ensure(tape.position() == end, "a value of the certificate is longer than what holds it")?;
            ends.pop();
            continue;
        }
        let kind = tape.u8().await?;
        ensure(kind & 0x1f != 0x1f && kind != 0, "no value of a certificate")?;
        let length = length(&tape).await?;
        let value_end = tape.position().saturating_add(length);
        ensure(value_end <= end, "a value of the certificate is longer than what holds it")?;
        if kind & 0x20 != 0 {
            if ends.len() >= DEEPEST {
                return wrong("values of a certificate in very many others");
            }
            ends.push(value_end);
        } else {
            tape.skip(length).await?;
        }
    }
    Ok(Proof::Plausible("the values fill each other"))
}

async fn length(tape: &Tape) -> Result<u64, Stop> {
    match tape.u8().await? {
        short @ 0..=0x7f => Ok(short.into()),
        long @ 0x81..=0x84 => {
            let bytes = tape.bytes(usize::from(long & 0x7f)).await?;
            Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
        }
        _ => wrong("no length of a value of a certificate"),
    }
}
