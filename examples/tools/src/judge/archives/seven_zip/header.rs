//! The header of a 7z archive: as much of it as says what one folder unpacks to.

use std::io::Read;

use lzma_rust2::LzmaReader;

use crate::judge::tape::{Stop, wrong};

const END: u8 = 0;
const HEADER: u8 = 1;
const MAIN_STREAMS: u8 = 4;
const PACK_INFO: u8 = 6;
const UNPACK_INFO: u8 = 7;
const SUBSTREAMS: u8 = 8;
const SIZE: u8 = 9;
const CRC: u8 = 10;
const FOLDER: u8 = 11;
const CODERS_UNPACK_SIZE: u8 = 12;
const NUM_UNPACK_STREAM: u8 = 13;
const ENCODED_HEADER: u8 = 23;

/// The longest header that is read.
const LONGEST: u64 = 1 << 20;

/// What the header says of its only folder.
#[derive(Debug, Default)]
pub struct Header {
    /// How it is packed, where its data stands at the start.
    pub method: Vec<u8>,
    pub dictionary: u64,
    /// The length of the packed data, and what it unpacks to.
    pub packed: u64,
    pub real: u64,
    /// The CRC-32 of all that it unpacks to, put together from those of its members.
    pub crc: Option<u32>,
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// A number whose first byte says how many follow.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = first.leading_ones().min(8);
        let mut value = 0u64;
        for index in 0..more {
            value |= u64::from(self.byte()?) << (8 * index);
        }
        let high = if more >= 7 { 0 } else { u64::from(first & (0x7f >> more)) };
        Some(value | high << (8 * more).min(63))
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn crc(&mut self) -> Option<u32> {
        self.take(4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes)
    }
}

/// A coder of the folder: its method, properties.
struct Folder {
    method: Vec<u8>,
    properties: Vec<u8>,
}

#[derive(Default)]
struct Streams {
    packed_at: u64,
    packed: u64,
    folder: Option<Folder>,
    real: u64,
    crc: Option<u32>,
}

/// The header, unpacked where it is packed; none where it is packed in a way that is not judged.
pub fn unpacked(end: &[u8], behind: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
    let mut fields = Fields(end);
    if fields.byte() != Some(ENCODED_HEADER) {
        return Ok(Some(end.to_vec()));
    }
    let Some(streams) = streams(&mut fields) else { return Ok(None) };
    let Some(folder) = streams.folder.filter(|folder| folder.method == [3, 1, 1]) else { return Ok(None) };
    let Some(([property, dictionary @ ..], _)) = folder.properties.split_first_chunk::<5>() else { return Ok(None) };
    // The packed header is the last of what lies in front of the header.
    let length = usize::try_from(streams.packed).unwrap_or(usize::MAX);
    let Some(packed) = behind.len().checked_sub(length).and_then(|start| behind.get(start..)) else { return Ok(None) };
    if streams.real > LONGEST {
        return Ok(None);
    }
    let mut bytes = vec![0; streams.real as usize];
    let dictionary = u32::from_le_bytes(*dictionary).min(LONGEST as u32);
    let read = LzmaReader::new_with_props(packed, streams.real, *property, dictionary, None)
        .and_then(|mut reader| reader.read_exact(&mut bytes));
    if read.is_err() || streams.crc.is_some_and(|crc| crc32fast::hash(&bytes) != crc) {
        return wrong("the packed header of the 7z archive does not unpack to its CRC-32");
    }
    Ok(Some(bytes))
}

/// Reads the header of an archive of one folder.
pub fn read(bytes: &[u8]) -> Option<Header> {
    let mut fields = Fields(bytes);
    (fields.byte()? == HEADER).then_some(())?;
    (fields.byte()? == MAIN_STREAMS).then_some(())?;
    let streams = streams(&mut fields)?;
    let folder = streams.folder?;
    (streams.packed_at == 0).then_some(())?;
    let bits = folder.properties.first().copied().unwrap_or(40).min(40);
    let dictionary = u64::from(2 | (bits & 1)) << (bits / 2 + 11);
    Some(Header { method: folder.method, dictionary, packed: streams.packed, real: streams.real, crc: streams.crc })
}

/// Reads what the header says of packed streams: one of them, in one folder.
fn streams(fields: &mut Fields<'_>) -> Option<Streams> {
    let mut streams = Streams::default();
    loop {
        match fields.byte()? {
            END => return Some(streams),
            PACK_INFO => {
                streams.packed_at = fields.number()?;
                let count = fields.number()?;
                loop {
                    match fields.byte()? {
                        END => break,
                        SIZE if count == 1 => streams.packed = fields.number()?,
                        _ => return None,
                    }
                }
            }
            UNPACK_INFO => {
                (fields.byte()? == FOLDER && fields.number()? == 1 && fields.byte()? == 0).then_some(())?;
                streams.folder = Some(folder(fields)?);
                (fields.byte()? == CODERS_UNPACK_SIZE).then_some(())?;
                streams.real = fields.number()?;
                loop {
                    match fields.byte()? {
                        END => break,
                        CRC if fields.byte()? == 1 => streams.crc = Some(fields.crc()?),
                        _ => return None,
                    }
                }
            }
            SUBSTREAMS => substreams(fields, &mut streams)?,
            _ => return None,
        }
    }
}

fn folder(fields: &mut Fields<'_>) -> Option<Folder> {
    (fields.number()? == 1).then_some(())?;
    let flags = fields.byte()?;
    (flags & 0xd0 == 0).then_some(())?;
    let method = fields.take(usize::from(flags & 15))?.to_vec();
    let properties = match flags & 0x20 {
        0 => Vec::new(),
        _ => {
            let length = usize::try_from(fields.number()?).ok()?;
            fields.take(length)?.to_vec()
        }
    };
    Some(Folder { method, properties })
}

/// The members of the folder: their lengths and their CRC-32, which together make that of the folder.
fn substreams(fields: &mut Fields<'_>, streams: &mut Streams) -> Option<()> {
    let mut kind = fields.byte()?;
    let mut count = 1;
    if kind == NUM_UNPACK_STREAM {
        count = fields.number()?;
        kind = fields.byte()?;
    }
    let mut lengths = Vec::new();
    let mut left = streams.real;
    if kind == SIZE {
        for _ in 1..count {
            let length = fields.number()?;
            left = left.checked_sub(length)?;
            lengths.push(length);
        }
        kind = fields.byte()?;
    }
    lengths.push(left);
    if kind == CRC && (count > 1 || streams.crc.is_none()) {
        (fields.byte()? == 1).then_some(())?;
        let mut all = crc32fast::Hasher::new();
        for length in lengths.iter().take(usize::try_from(count).ok()?) {
            all.combine(&crc32fast::Hasher::new_with_initial_len(fields.crc()?, *length));
        }
        streams.crc = Some(all.finalize());
        kind = fields.byte()?;
    }
    (kind == END).then_some(())
}
