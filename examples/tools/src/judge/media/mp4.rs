//! MP4, MOV, M4A, HEIC and their kin: boxes that fill the file, and what is in the large ones. Nothing in it is summed.

use crate::judge::detect::Head;
use crate::judge::tape::{Stop, Tape, ensure};
use crate::judge::{Proof, Walk};

/// Boxes that hold boxes.
const NESTED: [&[u8; 4]; 13] = [
    b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"moof", b"traf", b"mvex", b"mfra", b"iprp",
];

const DEEPEST: usize = 12;

pub fn is_it(head: &Head<'_>) -> bool {
    let Some(([a, b, c, d, kind @ ..], _)) = head.bytes.split_first_chunk::<8>() else { return false };
    let length = u32::from_be_bytes([*a, *b, *c, *d]);
    match kind {
        b"ftyp" | b"styp" | b"jP  " => (12..=4096).contains(&length),
        b"moov" | b"mdat" | b"wide" | b"pnot" => length == 1 || (length >= 8 && u64::from(length) <= head.size),
        b"JXL " => length == 12,
        _ => false,
    }
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut is_indexed = false;
    let mut has_data = false;
    while tape.position() < size {
        let name = boxes(&tape, size).await?;
        is_indexed |= matches!(&name, b"moov" | b"meta" | b"moof" | b"jp2h" | b"jxlc" | b"jxlp");
        has_data |= matches!(&name, b"mdat" | b"jp2c" | b"jxlc" | b"jxlp" | b"idat");
        tape.prove();
    }
    ensure(is_indexed, "a film without the box that says what is in it")?;
    Ok(match has_data {
        true => Proof::Plausible("the boxes fill the file"),
        false => Proof::Plausible("the boxes fill the file; none of them holds pictures or sound"),
    })
}

/// A box of the file and those in it; returns its name.
async fn boxes(tape: &Tape, size: u64) -> Result<[u8; 4], Stop> {
    let mut ends = vec![size];
    let mut outermost = None;
    while let Some(&end) = ends.last() {
        if outermost.is_some() && tape.position() + 8 > end {
            tape.skip(end - tape.position()).await?;
            ends.pop();
            if ends.len() == 1 {
                break;
            }
            continue;
        }
        let start = tape.position();
        let length = tape.u32_be().await?;
        let name = tape.array::<4>().await?;
        ensure(name.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xa9)), "no box of a film")?;
        let length = match length {
            0 => end - start,
            1 => tape.u64_be().await?,
            length => length.into(),
        };
        let box_end = start.saturating_add(length);
        ensure(box_end >= tape.position() && box_end <= end, "a box of the film is longer than what holds it")?;
        let is_outermost = outermost.is_none();
        outermost.get_or_insert(name);
        if NESTED.contains(&&name) && ends.len() < DEEPEST {
            ends.push(box_end);
        } else {
            tape.skip(box_end - tape.position()).await?;
            if is_outermost {
                break;
            }
        }
    }
    Ok(outermost.unwrap_or_default())
}
