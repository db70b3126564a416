//! Git: packs and indexes with a SHA-1 of everything before it, and loose objects, whose name says their SHA-1.

use sha1::{Digest, Sha1};

use crate::judge::detect::Head;
use crate::judge::inflate::{Wrapping, inflate};
use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, wrong};
use crate::judge::{Proof, Walk};

const SUM: u64 = 20;

pub async fn pack(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut hash = Sha1::new();
    let header = tape.array::<12>().await?;
    hash.update(header);
    ensure(matches!(header[7], 2 | 3), "a pack of a version that nobody knows")?;
    tape.begin_sum(hash);
    for _ in 0..u32::from_be_bytes([header[8], header[9], header[10], header[11]]) {
        packed(&tape).await?;
        tape.prove();
    }
    let hash = tape.end_sum();
    whole(&tape, size, hash).await?;
    Ok(Proof::Verified("the SHA-1 of the whole pack holds"))
}

/// An object of a pack, which has an Adler-32 of what it unpacks to.
async fn packed(tape: &Tape) -> Result<(), Stop> {
    const MORE: u8 = 0x80;
    let mut byte = tape.u8().await?;
    let kind = byte >> 4 & 7;
    let (mut size, mut shift) = (u64::from(byte & 15), 4);
    while byte & MORE != 0 {
        byte = tape.u8().await?;
        ensure(shift < 60, "an object of a pack without its length")?;
        size |= u64::from(byte & !MORE) << shift;
        shift += 7;
    }
    match kind {
        1..=4 => {}
        // The object that it differs from, by its distance or its name.
        6 => while tape.u8().await? & MORE != 0 {},
        7 => _ = tape.array::<20>().await?,
        _ => return wrong("an object of a pack of no kind"),
    }
    let made = inflate(tape, Wrapping::Zlib, size, |_| ()).await?;
    ensure_sum(made == size, "an object of a pack unpacks to another length than it says")
}

pub async fn index(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    whole(&tape, size, Sha1::new()).await?;
    Ok(Proof::Verified("the SHA-1 of the whole index holds"))
}

async fn whole(tape: &Tape, size: u64, mut hash: Sha1) -> Result<(), Stop> {
    let Some(length) = size.checked_sub(SUM + tape.position()) else { return Err(Stop::End) };
    tape.pass(length, |bytes| hash.update(bytes)).await?;
    ensure_sum(tape.array::<20>().await? == *hash.finalize(), "the SHA-1 of everything before it does not hold")
}

/// A loose object has a name of 38 digits and no extension, and unpacks to its kind.
pub fn is_object(head: &Head<'_>) -> bool {
    let mut start = [0; 8];
    let mut state = flate2::Decompress::new(true);
    head.extension.is_empty()
        && head.bytes.first() == Some(&0x78)
        && state.decompress(head.bytes, &mut start, flate2::FlushDecompress::None).is_ok()
        && [&b"blob "[..], b"tree ", b"commit ", b"tag "].iter().any(|kind| start.starts_with(kind))
}

pub async fn object(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    let mut start = Vec::new();
    let length = inflate(&tape, Wrapping::Zlib, u64::MAX, |bytes| {
        let wanted = 32usize.saturating_sub(start.len()).min(bytes.len());
        start.extend_from_slice(&bytes[..wanted]);
    })
    .await?;
    let said = start.split(|byte| *byte == 0).next().unwrap_or_default();
    let number = said
        .split(|byte| *byte == b' ')
        .nth(1)
        .and_then(|number| std::str::from_utf8(number).ok()?.parse::<u64>().ok());
    match number {
        Some(number) if length == number + said.len() as u64 + 1 => {
            Ok(Proof::Verified("its length and its Adler-32 hold"))
        }
        _ => ensure_sum(false, "an object that has another length than it says").map(|()| Proof::Plausible("")),
    }
}
