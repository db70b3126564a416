//! OLE2 compound files (doc, xls, ppt, msg, msi, thumbs.db): the header, and every sector of the allocation table that
//! the header names. Nothing in it is summed. The table's sectors are known from the header; those among them that
//! come are checked as they come.

use std::collections::BTreeSet;

use crate::judge::tape::{Stop, Tape, ensure};
use crate::judge::{Proof, Walk};

const HIGHEST: u32 = 0xffff_fffa;
const FREE: u32 = 0xffff_ffff;
const END: u32 = 0xffff_fffe;

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let header = tape.bytes(512).await?;
    let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let shift = word(30);
    let is_header = word(28) == 0xfffe && matches!((word(26), shift), (3, 9) | (4, 12)) && word(32) == 6;
    ensure(is_header, "the header of a compound file that is none")?;
    let sector = 1u64 << shift;
    let sectors = (size / sector).saturating_sub(1);
    let first_directory = long(48);
    let tables: BTreeSet<u32> = (0..109).map(|index| long(76 + index * 4)).filter(|sector| *sector < HIGHEST).collect();
    let has_more = long(68) < HIGHEST;
    let is_within = |number: u32| u64::from(number) <= sectors;
    ensure(
        tables.len() as u64 == u64::from(long(44)).min(109),
        "the compound file has other tables than its header says",
    )?;
    ensure(
        is_within(first_directory) && tables.iter().copied().all(is_within),
        "a sector of the compound file lies behind its end",
    )?;
    tape.skip(sector - 512).await?;
    let mut number = 0;
    let mut seen = 0;
    while size.saturating_sub(tape.position()) >= sector {
        if tables.contains(&number) {
            let bytes = tape.bytes(sector as usize).await?;
            ensure(
                entries(&bytes).all(|entry| entry >= HIGHEST || is_within(entry)),
                "a table of the compound file names a sector behind its end",
            )?;
            let own = number as usize % (sector as usize / 4);
            let is_own_table = u64::from(number) / (sector / 4) == seen;
            ensure(
                !is_own_table
                    || entries(&bytes).nth(own).is_none_or(|own| own == 0xffff_fffd || own == END || own == FREE),
                "a table of the compound file does not name itself",
            )?;
            seen += 1;
            tape.prove();
        } else if number == first_directory {
            directory(&tape, sector).await?;
        } else {
            tape.skip(sector).await?;
        }
        number += 1;
    }
    ensure(seen == tables.len() as u64, "the compound file ends before its tables")?;
    tape.skip(size - tape.position()).await?;
    Ok(match has_more {
        true => Proof::Plausible("the header, the directory and the first tables fit the length"),
        false => Proof::Plausible("the header, the directory and the tables fit the length"),
    })
}

fn entries(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
}

/// The first sector of the directory: the root, and entries whose names have the length that they say.
async fn directory(tape: &Tape, sector: u64) -> Result<(), Stop> {
    const NONE: &str = "no directory of a compound file where its header says";
    let bytes = tape.bytes(sector as usize).await?;
    for (index, entry) in bytes.as_chunks::<128>().0.iter().enumerate() {
        let length = u16::from_le_bytes([entry[64], entry[65]]);
        let kind = entry[66];
        ensure(length <= 64 && matches!(kind, 0 | 1 | 2 | 5) && (index > 0 || kind == 5), NONE)?;
        ensure(entry[67] <= 1, NONE)?;
    }
    Ok(())
}
