//! Ogg: a CRC-32 of each page, and page numbers without a gap.

use crc::{Algorithm, Crc, Table};

use crate::judge::tape::{Fault, Stop, ensure, ensure_sum};
use crate::judge::{Proof, Walk};

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&Algorithm {
    width: 32,
    poly: 0x04c1_1db7,
    init: 0,
    refin: false,
    refout: false,
    xorout: 0,
    check: 0,
    residue: 0,
});

const LAST: u8 = 4;
/// Streams in one file whose page numbers are followed.
const MOST_STREAMS: usize = 64;

pub async fn walk(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    // Serial number, the next page's number, whether it goes on.
    let mut streams: Vec<(u32, u32, bool)> = Vec::new();
    let mut before = 0;
    loop {
        let start = tape.position();
        let mut header = tape.array::<27>().await?;
        ensure(header.starts_with(b"OggS\0"), "no page of an Ogg file")?;
        let [serial, number, sum] =
            [14, 18, 22].map(|at| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
        header[22..26].fill(0);
        let mut crc = CRC.digest();
        crc.update(&header);
        let lengths = tape.bytes(header[26].into()).await?;
        crc.update(&lengths);
        let length = lengths.iter().map(|length| u64::from(*length)).sum();
        tape.pass(length, |bytes| crc.update(bytes)).await?;
        ensure_sum(crc.finalize() == sum, "the CRC-32 of an Ogg page does not hold")?;
        let next = (serial, number.wrapping_add(1), header[5] & LAST == 0);
        match streams.iter().position(|stream| stream.0 == serial) {
            Some(index) => {
                if streams[index].1 != number {
                    // The page in front may be the one that is another file's.
                    return Err(Stop::Contradiction("an Ogg page is missing".into(), Fault::Since(before)));
                }
                streams[index] = next;
            }
            None if streams.len() < MOST_STREAMS => streams.push(next),
            None => return Err(Stop::Unknown("an Ogg file of very many streams".into())),
        }
        tape.prove();
        before = start;
        if tape.is_at_end().await {
            break;
        }
    }
    Ok(match streams.iter().all(|stream| !stream.2) {
        true => Proof::Verified("the CRC-32 of each page holds, and no page is missing"),
        false => Proof::Plausible("the CRC-32 of each page holds; the last page is not said to be it"),
    })
}
