//! TIFF and the raw formats of cameras that are TIFF: directories whose places and lengths fit the file. Nothing in it
//! is summed. The directories may stand anywhere: those that stand in order from the start are read, and behind the
//! last of these nothing is said.

use crate::judge::tape::{Stop, Tape, ensure};
use crate::judge::{Proof, Walk};

struct Reader<'a> {
    tape: &'a Tape,
    is_big_endian: bool,
}

impl Reader<'_> {
    async fn u16(&self) -> Result<u16, Stop> {
        if self.is_big_endian { self.tape.u16_be().await } else { self.tape.u16_le().await }
    }

    async fn u32(&self) -> Result<u32, Stop> {
        if self.is_big_endian { self.tape.u32_be().await } else { self.tape.u32_le().await }
    }
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let is_big_endian = tape.array::<4>().await?.starts_with(b"MM");
    let reader = Reader { tape: &tape, is_big_endian };
    let mut next = u64::from(reader.u32().await?);
    ensure(next >= 8, "the first directory of a TIFF stands in its header")?;
    while next != 0 {
        ensure(next < size, "a directory of the TIFF lies behind the end of the file")?;
        if next < tape.position() {
            return Err(Stop::Unknown("the directories of the TIFF do not follow each other".into()));
        }
        tape.skip(next - tape.position()).await?;
        next = directory(&reader, size).await?;
    }
    tape.skip(size - tape.position()).await?;
    Ok(Proof::Plausible("the directories fit the length"))
}

async fn directory(reader: &Reader<'_>, size: u64) -> Result<u64, Stop> {
    let count = reader.u16().await?;
    ensure(count > 0, "an empty directory in a TIFF")?;
    let mut last = 0;
    for _ in 0..count {
        let (tag, kind, values) = (reader.u16().await?, reader.u16().await?, reader.u32().await?);
        let place = u64::from(reader.u32().await?);
        let width = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => 0,
        };
        let length = u64::from(values) * width;
        ensure(kind <= 18 && kind > 0, "a field of a TIFF that has no kind")?;
        ensure(
            length <= 4 || place.saturating_add(length) <= size,
            "a field of the TIFF lies behind the end of the file",
        )?;
        ensure(tag >= last, "the fields of a TIFF directory are not in order")?;
        last = tag;
    }
    reader.u32().await.map(u64::from)
}
