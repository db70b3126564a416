//! Windows images: the header, and where the image carries it, the table of SHA-1 over each ten megabytes.

use sha1::{Digest, Sha1};

use crate::judge::tape::{Stop, Tape, ensure, ensure_sum};
use crate::judge::{Proof, Walk};

/// What every writer sums at once.
const CHUNK: u64 = 10 << 20;
const HEADER: u64 = 208;
/// Sums that are kept.
const MOST: usize = 50_000;

/// Where a part of the image lies, from the header.
#[derive(Debug, Clone, Copy)]
struct Place {
    length: u64,
    offset: u64,
}

impl Place {
    fn at(header: &[u8], at: usize) -> Self {
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| header[at + index]));
        Self { length: long(at) & 0x00ff_ffff_ffff_ffff, offset: long(at + 8) }
    }

    fn end(self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let header = tape.bytes(HEADER as usize).await?;
    ensure(
        u32::from_le_bytes([header[8], header[9], header[10], header[11]]) == 208,
        "the header of a Windows image that is none",
    )?;
    let [table, xml, integrity] = [48, 72, 124].map(|at| Place::at(&header, at));
    ensure(
        table.length > 0 && [table, xml, integrity].iter().all(|place| place.end() <= size),
        "a part of the Windows image lies behind its end",
    )?;
    let summed = table.end();
    if integrity.length == 0 || integrity.offset < summed || summed / CHUNK > MOST as u64 {
        tape.skip(size - HEADER).await?;
        return Ok(Proof::Plausible("the header fits the length; the image has no table of sums"));
    }
    let mut sums = Vec::new();
    while tape.position() < summed {
        let mut hash = Sha1::new();
        tape.pass(CHUNK.min(summed - tape.position()), |bytes| hash.update(bytes)).await?;
        sums.push(<[u8; 20]>::from(hash.finalize()));
    }
    tape.skip(integrity.offset - summed).await?;
    compare(&tape, integrity, &sums, summed).await?;
    tape.skip(size - tape.position()).await?;
    Ok(Proof::Verified("the SHA-1 of each ten megabytes up to the table hold"))
}

async fn compare(tape: &Tape, integrity: Place, sums: &[[u8; 20]], summed: u64) -> Result<(), Stop> {
    let (length, count, chunk) = (tape.u32_le().await?, tape.u32_le().await?, tape.u32_le().await?);
    ensure(
        u64::from(length) == integrity.length && u64::from(count) * 20 + 12 == integrity.length,
        "the table of sums does not fit",
    )?;
    if u64::from(chunk) != CHUNK {
        return Err(Stop::Unknown("a Windows image with sums of another length".into()));
    }
    ensure(count as usize == sums.len(), "the Windows image has another length than its sums")?;
    for (index, sum) in (1..).zip(sums) {
        tape.suspect((index * CHUNK).min(summed));
        ensure_sum(&tape.array::<20>().await? == sum, "a SHA-1 of the Windows image does not hold")?;
    }
    Ok(())
}
