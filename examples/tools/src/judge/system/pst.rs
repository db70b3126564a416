//! Outlook's PST and OST: the CRC-32 of the header, and of every page of the allocation map, which stand at known
//! places. Blocks have a CRC of their own, but only the trees say where they are, so it is never more than plausible.

use crate::judge::tape::{Stop, ensure, ensure_sum};
use crate::judge::{Proof, Walk};

/// What the format calls a CRC: the table of CRC-32, without inverting before and after.
fn sum(bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new_with_initial(u32::MAX);
    crc.update(bytes);
    !crc.finalize()
}

const FIRST_MAP: u64 = 0x4400;
const BETWEEN_MAPS: u64 = 253_952;

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let header = tape.bytes(580).await?;
    let long = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    ensure_sum(sum(&header[8..8 + 471]) == long(4), "the CRC-32 of the header does not hold")?;
    let is_unicode = match u16::from_le_bytes([header[10], header[11]]) {
        14 | 15 => false,
        23 => true,
        36.. => return Err(Stop::Unknown("an Outlook file with pages of 4 KiB".into())),
        _ => return Err(Stop::Unknown("an Outlook file of a version that nobody knows".into())),
    };
    if is_unicode {
        ensure_sum(sum(&header[8..8 + 516]) == long(524), "the CRC-32 of the header does not hold")?;
        let end = u64::from_le_bytes(std::array::from_fn(|index| header[184 + index]));
        ensure(end <= size, "the Outlook file is longer than it is here")?;
    }
    tape.prove();
    let mut map = FIRST_MAP;
    while map + 512 <= size {
        tape.skip(map - tape.position()).await?;
        let page = tape.bytes(512).await?;
        let long = |at: usize| u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]]);
        let (body, trailer, crc) = if is_unicode { (496, 496, long(500)) } else { (500, 500, long(508)) };
        let is_map = page[trailer] == 0x84 && page[trailer + 1] == 0x84;
        ensure(is_map && sum(&page[..body]) == crc, "no page of the allocation map where the Outlook file has one")?;
        tape.prove();
        map += BETWEEN_MAPS;
    }
    tape.skip(size - tape.position()).await?;
    Ok(Proof::Plausible("the CRC-32 of the header and of each page of the allocation map hold"))
}
