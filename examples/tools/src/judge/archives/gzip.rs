//! gzip: a CRC-32 and the length of what was compressed behind each member.

use crc32fast::Hasher;

use crate::judge::inflate::{Wrapping, inflate};
use crate::judge::tape::{Stop, Tape, ensure, ensure_sum};
use crate::judge::{Proof, Walk};

const TEXT_CHECK: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

pub async fn walk(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    loop {
        member(&tape).await?;
        tape.prove();
        if tape.peek::<2>().await.ok() != Some([0x1f, 0x8b]) {
            return Ok(Proof::Verified("the CRC-32 and the length of each member hold"));
        }
    }
}

async fn member(tape: &Tape) -> Result<(), Stop> {
    let [magic, check, method, flags, ..] = tape.array::<10>().await?;
    ensure([magic, check, method] == [0x1f, 0x8b, 8] && flags & RESERVED == 0, "no header of a gzip member")?;
    if flags & EXTRA != 0 {
        let length = tape.u16_le().await?;
        tape.skip(length.into()).await?;
    }
    for text in [NAME, COMMENT] {
        while flags & text != 0 && tape.u8().await? != 0 {}
    }
    if flags & TEXT_CHECK != 0 {
        tape.skip(2).await?;
    }
    let mut crc = Hasher::new();
    let length = inflate(tape, Wrapping::Raw, u64::MAX, |bytes| crc.update(bytes)).await?;
    ensure_sum(tape.u32_le().await? == crc.finalize(), "the CRC-32 of a gzip member does not hold")?;
    ensure_sum(tape.u32_le().await? == length as u32, "the length of a gzip member does not hold")
}
