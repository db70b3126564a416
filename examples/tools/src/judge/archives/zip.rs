//! ZIP, and what is made of it: Office documents, JAR, APK, EPUB. Each member has a CRC-32; the central directory says
//! again what each member's own header says.

use crc32fast::Hasher;

use crate::judge::inflate::{Wrapping, inflate};
use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, wrong};
use crate::judge::{Proof, Walk};

const ENCRYPTED: u16 = 1;
const DESCRIPTOR: u16 = 1 << 3;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// "What it is stands in the ZIP64 field."
const ELSEWHERE: u32 = u32::MAX;
const ZIP64: u16 = 1;

/// What was seen of the members, to be compared with the directory: sums, so that their number does not matter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Members {
    count: u64,
    sum: u64,
    /// Of what both headers have, but not all writers write the same: the times.
    times: u64,
}

impl Members {
    fn add(&mut self, offset: u64, crc: u32, size: u64, name: &[u8], time: u32) {
        let mut hash = Hasher::new();
        [&offset.to_le_bytes()[..], &crc.to_le_bytes(), &size.to_le_bytes(), name]
            .iter()
            .for_each(|part| hash.update(part));
        self.count += 1;
        self.sum = self.sum.wrapping_add(u64::from(hash.clone().finalize()));
        hash.update(&time.to_le_bytes());
        self.times = self.times.wrapping_add(u64::from(hash.finalize()));
    }
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let (mut members, mut listed) = (Members::default(), Members::default());
    let mut all_checked = true;
    loop {
        let start = tape.position();
        match tape.peek::<4>().await? {
            [b'P', b'K', 3, 4] => all_checked &= member(&tape, start, &mut members).await?,
            [b'P', b'K', 1, 2] => listing(&tape, &mut listed).await?,
            [b'P', b'K', 6, 6] => {
                tape.skip(4).await?;
                let length = tape.u64_le().await?;
                ensure(length < size, "a ZIP64 end record longer than the file")?;
                tape.skip(length).await?;
            }
            [b'P', b'K', 6, 7] => tape.skip(20).await?,
            [b'P', b'K', 5, 5] => {
                tape.skip(4).await?;
                let length = tape.u16_le().await?;
                tape.skip(length.into()).await?;
            }
            [b'P', b'K', 6, 8] => {
                tape.skip(4).await?;
                let length = tape.u32_le().await?;
                tape.skip(length.into()).await?;
            }
            [b'P', b'K', 5, 6] => break end(&tape, &members, &listed).await?,
            _ => {
                signing_block(&tape, size).await?;
                all_checked = false;
            }
        }
        tape.prove();
    }
    Ok(match all_checked && members == listed {
        true => Proof::Verified("the CRC-32 of each member holds, and the directory names them all"),
        false => Proof::Plausible("the members' headers and the directory agree; not every member can be checked"),
    })
}

/// A member with its header; `false` where its bytes cannot be checked.
async fn member(tape: &Tape, start: u64, members: &mut Members) -> Result<bool, Stop> {
    tape.skip(6).await?;
    let (flags, method) = (tape.u16_le().await?, tape.u16_le().await?);
    let time = tape.u32_le().await?;
    let (crc, stored, real) = (tape.u32_le().await?, tape.u32_le().await?, tape.u32_le().await?);
    let (name_length, extra_length) = (tape.u16_le().await?, tape.u16_le().await?);
    let name = tape.bytes(name_length.into()).await?;
    let extra = tape.bytes(extra_length.into()).await?;
    let has_descriptor = flags & DESCRIPTOR != 0;
    let [real, stored] = zip64(&extra, [real, stored]);
    let is_long = extra_field(&extra, ZIP64).is_some();
    let mut hash = Hasher::new();
    let data = tape.position();
    let is_open = flags & ENCRYPTED == 0;
    let made = match method {
        DEFLATED if is_open => {
            let most = if has_descriptor && real == 0 { u64::MAX } else { real };
            Some(inflate(tape, Wrapping::Raw, most, |bytes| hash.update(bytes)).await?)
        }
        STORED if is_open && !(has_descriptor && stored == 0 && name.last() != Some(&b'/')) => {
            tape.pass(stored, |bytes| hash.update(bytes)).await?;
            Some(stored)
        }
        _ if has_descriptor && stored == 0 => {
            return Err(Stop::Unknown("a ZIP member whose length only its content says".into()));
        }
        _ => {
            tape.skip(stored).await?;
            None
        }
    };
    let used = tape.position() - data;
    let (crc, stored, real) = match has_descriptor {
        true => descriptor(tape, is_long || used > u64::from(u32::MAX)).await?,
        false => (crc, stored, real),
    };
    ensure_sum(used == stored, "a ZIP member has another length than its header says")?;
    if let Some(made) = made {
        ensure_sum(made == real, "a ZIP member unpacks to another length than its header says")?;
        ensure_sum(hash.finalize() == crc, "the CRC-32 of a ZIP member does not hold")?;
    }
    members.add(start, crc, stored, &name, time);
    Ok(made.is_some())
}

/// What stands behind a member that was written in one go: CRC-32, stored and real length.
async fn descriptor(tape: &Tape, is_long: bool) -> Result<(u32, u64, u64), Stop> {
    if tape.peek::<4>().await? == [b'P', b'K', 7, 8] {
        tape.skip(4).await?;
    }
    let crc = tape.u32_le().await?;
    match is_long {
        true => Ok((crc, tape.u64_le().await?, tape.u64_le().await?)),
        false => Ok((crc, tape.u32_le().await?.into(), tape.u32_le().await?.into())),
    }
}

/// An entry of the directory.
async fn listing(tape: &Tape, listed: &mut Members) -> Result<(), Stop> {
    tape.skip(12).await?;
    let time = tape.u32_le().await?;
    let (crc, stored, real) = (tape.u32_le().await?, tape.u32_le().await?, tape.u32_le().await?);
    let (name, extra, comment) = (tape.u16_le().await?, tape.u16_le().await?, tape.u16_le().await?);
    tape.skip(8).await?;
    let offset = tape.u32_le().await?;
    let name = tape.bytes(name.into()).await?;
    let extra = tape.bytes(extra.into()).await?;
    tape.skip(comment.into()).await?;
    let [_, stored, offset] = zip64(&extra, [real, stored, offset]);
    listed.add(offset, crc, stored, &name, time);
    Ok(())
}

async fn end(tape: &Tape, members: &Members, listed: &Members) -> Result<(), Stop> {
    tape.skip(20).await?;
    let comment = tape.u16_le().await?;
    tape.skip(comment.into()).await?;
    let is_same = (members.count, members.sum) == (listed.count, listed.sum);
    ensure(is_same, "the directory of the ZIP archive names other members than there are")
}

/// Android's signatures between the members and the directory: a length, pairs, the length again and a word.
async fn signing_block(tape: &Tape, size: u64) -> Result<(), Stop> {
    let length = u64::from_le_bytes(tape.peek().await?);
    if length < 24 || length > size - tape.position() {
        return wrong("neither a member nor the directory of a ZIP archive");
    }
    tape.skip(length - 16).await?;
    ensure(tape.u64_le().await? == length, "neither a member nor the directory of a ZIP archive")?;
    ensure(&tape.array::<16>().await? == b"APK Sig Block 42", "neither a member nor the directory of a ZIP archive")
}

fn extra_field(mut extra: &[u8], wanted: u16) -> Option<&[u8]> {
    while let [k0, k1, l0, l1, rest @ ..] = extra {
        let (kind, length) = (u16::from_le_bytes([*k0, *k1]), usize::from(u16::from_le_bytes([*l0, *l1])));
        let field = rest.get(..length)?;
        if kind == wanted {
            return Some(field);
        }
        extra = &rest[length..];
    }
    None
}

/// The lengths and offsets, those of which only the ZIP64 field knows from there, in its order.
fn zip64<const N: usize>(extra: &[u8], short: [u32; N]) -> [u64; N] {
    let mut long = extra_field(extra, ZIP64).unwrap_or_default().as_chunks::<8>().0.iter();
    short.map(|short| match short {
        ELSEWHERE => long.next().map_or(short.into(), |bytes| u64::from_le_bytes(*bytes)),
        _ => short.into(),
    })
}
