//! Matroska and WebM: elements that fill what holds them. A CRC-32 is rare and not relied on.

use crate::judge::tape::{Fault, Stop, Tape, ensure, wrong};
use crate::judge::{Proof, Walk};

const SEGMENT: u32 = 0x1853_8067;
/// Elements that hold elements which are walked, too.
const NESTED: [u32; 3] = [SEGMENT, 0x1f43_b675, 0x1c53_bb6b];

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut ends = vec![size];
    let mut has_segment = false;
    let mut before = 0;
    while let Some(&end) = ends.last() {
        let start = tape.position();
        if start >= end {
            ensure(start == end, "an element of the Matroska file is longer than what holds it")?;
            ends.pop();
            continue;
        }
        match element(&tape, &mut ends, end).await {
            Ok(id) => has_segment |= id == SEGMENT,
            // The element in front of it may have been the first wrong one, of a length by chance.
            Err(Stop::Contradiction(what, _)) => return Err(Stop::Contradiction(what, Fault::Since(before))),
            Err(stop) => return Err(stop),
        }
        before = start;
    }
    ensure(has_segment, "a Matroska file without a segment")?;
    Ok(Proof::Plausible("the elements fill the file"))
}

/// Goes over an element, or into it; returns its kind.
async fn element(tape: &Tape, ends: &mut Vec<u64>, end: u64) -> Result<u32, Stop> {
    let (id, _) = number(tape, true).await?;
    let (length, is_unknown) = number(tape, false).await?;
    let element_end = if is_unknown { end } else { tape.position().saturating_add(length) };
    ensure(element_end <= end, "an element of the Matroska file is longer than what holds it")?;
    let (is_top, id) = (ends.len() == 1, id as u32);
    ensure(!is_top || matches!(id, 0x1a45_dfa3 | 0xec | 0x00bf | SEGMENT), "no element of a Matroska file")?;
    if is_unknown {
        // Its end is where something begins that it cannot hold: the rest of the file is taken to be in it.
        ensure(NESTED.contains(&id), "an element of the Matroska file without a length")?;
    } else if NESTED.contains(&id) {
        ends.push(element_end);
    } else {
        tape.skip(element_end - tape.position()).await?;
    }
    Ok(id)
}

/// A number of one to eight bytes, with the mark of its length where `keeps_mark`; and whether it means "unknown".
async fn number(tape: &Tape, keeps_mark: bool) -> Result<(u64, bool), Stop> {
    let [first] = tape.array().await?;
    let more = first.leading_zeros() as usize;
    if more > if keeps_mark { 3 } else { 7 } {
        return wrong("no element of a Matroska file");
    }
    let mark = 0x80u8 >> more;
    let mut value = u64::from(if keeps_mark { first } else { first & !mark });
    for byte in tape.bytes(more).await? {
        value = value << 8 | u64::from(byte);
    }
    let is_unknown = !keeps_mark && value == (1 << (7 * (more + 1))) - 1;
    Ok((value, is_unknown))
}
