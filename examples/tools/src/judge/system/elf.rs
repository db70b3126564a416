//! ELF: headers, and segments and sections that lie in the file. Nothing in it is summed.

use crate::judge::tape::{Stop, Tape, ensure};
use crate::judge::{Proof, Walk};

/// Numbers of one width and order.
struct Reader<'a> {
    tape: &'a Tape,
    is_long: bool,
    is_big_endian: bool,
}

impl Reader<'_> {
    async fn half(&self) -> Result<u64, Stop> {
        let bytes = self.tape.array().await?;
        Ok(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }.into())
    }

    async fn word(&self) -> Result<u64, Stop> {
        let bytes = self.tape.array().await?;
        Ok(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }.into())
    }

    /// A place or a length.
    async fn place(&self) -> Result<u64, Stop> {
        if !self.is_long {
            return self.word().await;
        }
        let bytes = self.tape.array().await?;
        Ok(if self.is_big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let ident = tape.array::<16>().await?;
    ensure(matches!(ident[4..7], [1 | 2, 1 | 2, 1]), "the header of an ELF file that is none")?;
    let reader = Reader { tape: &tape, is_long: ident[4] == 2, is_big_endian: ident[5] == 2 };
    tape.skip(8).await?;
    reader.place().await?;
    let (segments, sections) = (reader.place().await?, reader.place().await?);
    tape.skip(4).await?;
    let header = reader.half().await?;
    let (segment, segment_count) = (reader.half().await?, reader.half().await?);
    let (section, section_count) = (reader.half().await?, reader.half().await?);
    ensure(header == if reader.is_long { 64 } else { 52 }, "the header of an ELF file that is none")?;
    let ends_within = |start: u64, each: u64, count: u64| start.saturating_add(each * count) <= size;
    ensure(ends_within(segments, segment, segment_count), "the segments of the ELF file lie behind its end")?;
    ensure(ends_within(sections, section, section_count), "the sections of the ELF file lie behind its end")?;
    tape.prove();
    let section_length = if reader.is_long { 64 } else { 40 };
    if sections >= tape.position() && section == section_length && section_count > 0 {
        tape.skip(sections - tape.position()).await?;
        for index in 0..section_count {
            let start = tape.position();
            reader.word().await?;
            let kind = reader.word().await?;
            reader.place().await?;
            reader.place().await?;
            let (place, length) = (reader.place().await?, reader.place().await?);
            // What has no bytes in the file may say anything.
            let is_within = kind == 8 || kind == 0 || place.saturating_add(length) <= size;
            ensure(is_within && (index > 0 || kind == 0), "a section of the ELF file that is none")?;
            tape.skip(section_length - (tape.position() - start)).await?;
        }
    }
    tape.skip(size - tape.position()).await?;
    Ok(Proof::Plausible("the headers fit the length"))
}
