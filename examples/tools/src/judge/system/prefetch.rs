//! Prefetch files: the length in the header, in the older form; of the compressed form the header.

use crate::judge::tape::{Stop, ensure};
use crate::judge::{Proof, Walk};

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let header = tape.array::<8>().await?;
    if header.starts_with(b"MAM") {
        return Err(Stop::Unknown("a compressed prefetch file".into()));
    }
    ensure(
        matches!(header[0], 17 | 23 | 26 | 30 | 31) && header[1..4] == [0; 3],
        "the header of a prefetch file that is none",
    )?;
    tape.skip(4).await?;
    let length = u64::from(tape.u32_le().await?);
    ensure(length == size, "the prefetch file has another length than its header says")?;
    let name = tape.bytes(60).await?;
    let units = name.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    ensure(
        units.clone().any(|unit| unit == 0) && units.take(1).all(|unit| unit >= 0x20),
        "the header of a prefetch file that is none",
    )?;
    let sections = 84;
    tape.skip(sections - tape.position()).await?;
    for _ in 0..3 {
        let (place, _count) = (u64::from(tape.u32_le().await?), tape.u32_le().await?);
        ensure(place <= size, "a section of the prefetch file lies behind its end")?;
    }
    tape.skip(size - tape.position()).await?;
    Ok(Proof::Plausible("the header and its sections fit the length"))
}
