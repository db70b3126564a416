//! VHDX: the CRC-32C of headers and region tables. What the disk holds is not summed, so it is never more than
//! plausible.

use crc::{CRC_32_ISCSI, Crc, Table};

use crate::judge::tape::{Stop, ensure};
use crate::judge::{Proof, Walk};

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

fn holds(bytes: &mut [u8]) -> bool {
    let sum = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    bytes[4..8].fill(0);
    CRC.checksum(bytes) == sum
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut headers = 0;
    for place in [1u64, 2] {
        tape.skip((place << 16) - tape.position()).await?;
        let mut header = tape.bytes(4096).await?;
        headers += u32::from(header.starts_with(b"head") && holds(&mut header));
    }
    ensure(headers > 0, "the CRC-32C of neither header of the VHDX holds")?;
    let mut tables = 0;
    for place in [3u64, 4] {
        tape.skip((place << 16) - tape.position()).await?;
        let mut table = tape.bytes(64 << 10).await?;
        tables += u32::from(table.starts_with(b"regi") && holds(&mut table));
    }
    ensure(tables > 0, "the CRC-32C of neither region table of the VHDX holds")?;
    ensure(size.is_multiple_of(1 << 20), "the VHDX does not end at a whole megabyte")?;
    tape.skip(size - tape.position()).await?;
    Ok(Proof::Plausible("the CRC-32C of headers and region tables hold"))
}
