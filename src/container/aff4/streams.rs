//! Chunks in segments, and the map that makes a disk of them.

use std::fmt;

use super::super::files::Files;
use super::super::image::Map;
use super::super::pages::{PageReader, Pages};
use super::super::piece::{Encoding, Loss, Piece, Run, Unit};
use super::archive::{Content, Member};
use crate::base::le;

/// How the chunks of a method are packed, in one of the names it goes by; `Some(None)`: not at all.
#[allow(clippy::option_option, reason = "not known, known to be none, known")]
pub(super) fn encoding(method: &str) -> Option<Option<Encoding>> {
    let method = method.to_ascii_lowercase();
    match method.as_str() {
        name if name.contains("snappy") => Some(Some(Encoding::Snappy)),
        name if name.contains("lz4") => Some(Some(Encoding::Lz4)),
        name if name.contains("rfc1950") || name.ends_with("zlib") => Some(Some(Encoding::Zlib)),
        name if name.contains("rfc1951") || name.ends_with("deflate") => Some(Some(Encoding::Deflate)),
        name if name.contains("null") || name.ends_with("stored") || name.ends_with("none") => Some(None),
        _ => None,
    }
}

/// Chunks of one length, many to a segment.
pub(super) struct Stream {
    pub(super) size: u64,
    chunk: u64,
    per_bevy: u64,
    encoding: Option<Encoding>,
    /// Each segment, and the table of its chunks.
    bevies: Vec<(Option<Member>, Option<Content>)>,
}

/// Bytes of an entry of a segment's table: eight of offset, four of length.
const ENTRY: u64 = 12;

impl Stream {
    /// # Errors
    /// When there is no such stream.
    pub(super) fn new(size: u64, chunk: u64, per_bevy: u64, encoding: Option<Encoding>) -> Result<Self, String> {
        if chunk == 0 || chunk > 64 << 20 || per_bevy == 0 || per_bevy > 1 << 24 {
            return Err(format!("{per_bevy} chunks of {chunk} bytes to a segment are not possible"));
        }
        Ok(Self { size, chunk, per_bevy, encoding, bevies: Vec::new() })
    }

    /// How many segments there should be.
    pub(super) fn bevies(&self) -> u64 {
        self.size.div_ceil(self.chunk.saturating_mul(self.per_bevy).max(1))
    }

    pub(super) fn push(&mut self, content: Option<Member>, index: Option<Content>) {
        self.bevies.push((content, index));
    }

    /// What the stream's bytes from `offset` on are made of.
    fn run_at(&self, offset: u64, files: &Files, pages: &Pages) -> Run {
        let skip = offset.checked_rem(self.chunk).unwrap_or(0);
        let length = self.chunk.saturating_sub(skip).min(self.size.saturating_sub(offset)).max(1);
        let piece = match offset < self.size {
            true => self.piece(offset, skip, files, pages).unwrap_or_else(Piece::Lost),
            false => Piece::Lost(Loss::Table),
        };
        Run { length, piece }
    }

    fn piece(&self, offset: u64, skip: u64, files: &Files, pages: &Pages) -> Result<Piece, Loss> {
        let chunk = offset.checked_div(self.chunk).unwrap_or(0);
        let (bevy, number) =
            (chunk.checked_div(self.per_bevy).unwrap_or(0), chunk.checked_rem(self.per_bevy).unwrap_or(0));
        let bevy = usize::try_from(bevy).ok().and_then(|bevy| self.bevies.get(bevy));
        let (Some(member), Some(index)) = bevy.copied().unwrap_or_default() else { return Err(Loss::MissingFile) };
        let at = number.saturating_mul(ENTRY);
        if at.saturating_add(ENTRY) > index.length {
            return Err(Loss::Table);
        }
        let mut reader: PageReader<'_> = pages.reader(files, index.file);
        let entry: [u8; 12] = reader.array(index.offset.saturating_add(at)).ok_or(Loss::Table)?;
        let (from, stored) = (le::u64_in::<0, 12>(&entry), u64::from(le::u32_in::<8, 12>(&entry)));
        let content = member.content(files).ok_or(Loss::Table)?;
        if from.checked_add(stored).is_none_or(|end| end > content.length) || stored == 0 {
            return Err(Loss::Table);
        }
        let place = content.offset.saturating_add(from);
        let start = offset.saturating_sub(skip);
        let whole = self.chunk.min(self.size.saturating_sub(start));
        match self.encoding {
            // What packing did not make smaller stands as it is.
            Some(encoding) if stored != self.chunk && stored < self.chunk.saturating_mul(2) => {
                let narrow = |number: u64| u32::try_from(number).map_err(|_| Loss::Table);
                let (stored, length) = (narrow(stored)?, narrow(whole)?);
                Ok(Piece::Packed(Unit { file: content.file, offset: place, stored, start, length, encoding }))
            }
            None if stored >= whole => Ok(Piece::Raw { file: content.file, offset: place.saturating_add(skip) }),
            Some(_) if stored == self.chunk => {
                Ok(Piece::Raw { file: content.file, offset: place.saturating_add(skip) })
            }
            _ => Err(Loss::Table),
        }
    }
}

/// Where a part of the disk comes from.
pub(super) enum Sink {
    Stream(Box<Stream>),
    Zero,
    /// Whoever made the image could not read it, or did not.
    Unread,
    Repeated(u8),
    /// A stream that is not there.
    Missing,
}

/// A part of the disk.
struct Extent {
    start: u64,
    length: u64,
    /// Where it starts in its stream.
    from: u64,
    sink: usize,
}

/// A disk, in parts.
pub(super) struct Layout {
    extents: Vec<Extent>,
    sinks: Vec<Sink>,
    gap: Sink,
    pages: Pages,
}

impl Layout {
    pub(super) fn of_stream(stream: Stream) -> Self {
        let extents = vec![Extent { start: 0, length: stream.size, from: 0, sink: 0 }];
        Self { extents, sinks: vec![Sink::Stream(Box::new(stream))], gap: Sink::Missing, pages: Pages::new() }
    }

    /// From the bytes of a map, entries of 28 bytes in any order.
    ///
    /// # Errors
    /// When it is not a map.
    pub(super) fn of_map(bytes: &[u8], sinks: Vec<Sink>, gap: Sink) -> Result<Self, String> {
        let (entries, rest) = bytes.as_chunks::<28>();
        if !rest.is_empty() {
            return Err(format!("its map of {} bytes is damaged", bytes.len()));
        }
        let extent = |entry: &[u8; 28]| Extent {
            start: le::u64_in::<0, 28>(entry),
            length: le::u64_in::<8, 28>(entry),
            from: le::u64_in::<16, 28>(entry),
            sink: usize::try_from(le::u32_in::<24, 28>(entry)).unwrap_or(usize::MAX),
        };
        let mut extents: Vec<Extent> = entries.iter().map(extent).filter(|extent| extent.length > 0).collect();
        extents.sort_by_key(|extent| extent.start);
        // Where parts overlap, nothing tells which one counts.
        let overlaps =
            |pair: &[Extent]| matches!(pair, [one, next] if one.start.saturating_add(one.length) > next.start);
        if let Some([_, next]) = extents.windows(2).find(|pair| overlaps(pair)) {
            return Err(format!("two parts of its map claim byte {} of the disk: it is damaged", next.start));
        }
        Ok(Self { extents, sinks, gap, pages: Pages::new() })
    }
}

impl Map for Layout {
    fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run {
        let index = self.extents.partition_point(|extent| extent.start.saturating_add(extent.length) <= offset);
        let next = self.extents.get(index);
        let (sink, from, length) = match next.filter(|extent| extent.start <= offset) {
            Some(extent) => {
                let skip = offset.saturating_sub(extent.start);
                (self.sinks.get(extent.sink), extent.from.saturating_add(skip), extent.length.saturating_sub(skip))
            }
            None => {
                let left = next.map_or(limit, |extent| extent.start.saturating_sub(offset));
                (Some(&self.gap), offset, left)
            }
        };
        let length = length.min(limit);
        match sink {
            Some(Sink::Stream(stream)) => {
                let mut run = stream.run_at(from, files, &self.pages);
                run.length = run.length.min(length);
                if let Piece::Packed(unit) = &mut run.piece {
                    // Counted on the disk, where byte `from` of the stream is `offset`; the chunk may begin before it.
                    unit.start = offset.wrapping_sub(from.saturating_sub(unit.start));
                }
                run
            }
            Some(Sink::Zero) => Run { length, piece: Piece::Zero },
            Some(Sink::Repeated(byte)) => Run { length, piece: Piece::Pattern([*byte; 8]) },
            Some(Sink::Unread) => Run { length, piece: Piece::Lost(Loss::Acquisition) },
            Some(Sink::Missing) => Run { length, piece: Piece::Lost(Loss::MissingFile) },
            None => Run { length, piece: Piece::Lost(Loss::Table) },
        }
    }
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parts of {} streams", self.extents.len(), self.sinks.len())
    }
}
