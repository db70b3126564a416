//! tar: headers with a sum, and lengths that lead from one to the next. What the members hold is not summed, so an
//! archive is never more than plausible.

use crate::judge::detect::Head;
use crate::judge::tape::{Stop, ensure, ensure_sum, wrong};
use crate::judge::{Proof, Walk};

const BLOCK: u64 = 512;

pub fn is_it(head: &Head<'_>) -> bool {
    let ustar = head.bytes.get(257..262).is_some_and(|magic| magic == b"ustar");
    let is_named = head.extension == "tar";
    head.bytes.first_chunk::<512>().is_some_and(|block| (ustar || is_named) && has_sum(block))
}

/// A number in octal digits, or in binary behind a set bit.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = field {
        let (high, low) = rest.split_at(rest.len().checked_sub(8)?);
        return high
            .iter()
            .all(|byte| *byte == 0)
            .then(|| low.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(|char| char == ' ' || char == '\0');
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

fn has_sum(block: &[u8; 512]) -> bool {
    let unsigned: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let own: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
    let signed: i64 = block[..148].iter().chain(&block[156..]).map(|byte| i64::from(*byte as i8)).sum();
    let said = number(&block[148..156]);
    said == Some(unsigned - own + 8 * 32) || said.and_then(|said| i64::try_from(said).ok()) == Some(signed + 8 * 32)
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut members = 0u64;
    loop {
        let block = tape.array::<512>().await?;
        if block == [0; 512] {
            break;
        }
        ensure_sum(has_sum(&block), "the sum of a header of the tar archive does not hold")?;
        let Some(length) = number(&block[124..136]) else { return wrong("a header of a tar archive without a length") };
        // Links and directories have no bytes, whatever they say.
        let length = if matches!(block[156], b'1'..=b'6') { 0 } else { length };
        let Some(padded) = length.checked_next_multiple_of(BLOCK) else {
            return wrong("a member longer than the tar archive");
        };
        ensure(padded <= size - tape.position(), "a member longer than the tar archive")?;
        tape.prove();
        tape.skip(length).await?;
        let padding = tape.bytes((padded - length) as usize).await?;
        ensure(padding.iter().all(|byte| *byte == 0), "what fills up a member of the tar archive is not zeros")?;
        members += 1;
    }
    ensure(members > 0, "a tar archive without a member")?;
    while tape.position() < size {
        let rest = tape.bytes((size - tape.position()).min(BLOCK) as usize).await?;
        ensure(rest.iter().all(|byte| *byte == 0), "something stands behind the end of the tar archive")?;
    }
    Ok(Proof::Plausible("the sums of all headers hold, and they lead to the end"))
}
