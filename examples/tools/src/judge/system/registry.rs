//! Registry hives: the base block's sum, and bins whose cells fill them. What the cells hold is not summed, so a hive is
//! never more than plausible.

use crate::judge::tape::{Stop, Tape, ensure, ensure_sum};
use crate::judge::{Proof, Walk};

/// The longest bin: values of a megabyte have one of their own.
const LONGEST_BIN: u32 = 16 << 20;

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let base = tape.bytes(4096).await?;
    let words = base.as_chunks::<4>().0;
    let sum = words[..127].iter().fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
    let sum = match sum {
        0xffff_ffff => 0xffff_fffe,
        0 => 1,
        sum => sum,
    };
    let long = |at: usize| u32::from_le_bytes([base[at], base[at + 1], base[at + 2], base[at + 3]]);
    ensure_sum(sum == long(508), "the sum of the hive's base block does not hold")?;
    if long(28) != 0 {
        return Err(Stop::Unknown("a log of a hive".into()));
    }
    tape.prove();
    let length = u64::from(long(40));
    ensure(length + 4096 <= size, "the hive is longer than the file")?;
    let is_clean = long(4) == long(8);
    while tape.position() < 4096 + length {
        bin(&tape, length).await?;
        tape.prove();
    }
    // What lies behind the last bin is left from longer days.
    tape.skip(size - tape.position()).await?;
    Ok(match is_clean {
        true => Proof::Plausible("the base block's sum holds, and cells fill all bins"),
        false => Proof::Plausible("the base block's sum holds, and cells fill all bins; its log was not played in"),
    })
}

async fn bin(tape: &Tape, all: u64) -> Result<(), Stop> {
    const NONE: &str = "no bin where the hive has one";
    let start = tape.position();
    let header = tape.bytes(32).await?;
    let long = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let length = long(8);
    ensure(header.starts_with(b"hbin") && u64::from(long(4)) == start - 4096, NONE)?;
    ensure(
        length.is_multiple_of(4096)
            && (4096..=LONGEST_BIN).contains(&length)
            && start - 4096 + u64::from(length) <= all,
        NONE,
    )?;
    let end = start + u64::from(length);
    while tape.position() < end {
        let cell = u64::from((tape.u32_le().await? as i32).unsigned_abs());
        let is_cell = cell >= 8 && cell.is_multiple_of(8) && tape.position() - 4 + cell <= end;
        ensure(is_cell, "a cell of the hive that does not fit its bin")?;
        tape.skip(cell - 4).await?;
    }
    Ok(())
}
