//! Reads streams, and says of every byte what it is worth.

use std::error::Error;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use super::decoder::Decoder;
use super::stream_map::StreamMap;
use super::stream_range::{Missing, Origin, StreamRange, append};
use crate::base::damage::wide;
use crate::source::buffer::PageBuffer;
use crate::source::read_readable;

/// Reads a stream from first to last byte, or at any position.
///
/// [`read_at`](Self::read_at) gives everything that is there, zeros where bytes are missing, and a
/// statement which is which. As [`Read`] it gives true bytes only: where bytes are missing or doubtful
/// the read is an error that carries the range, as an [`Unproven`], and the position stays in front of it,
/// so that the caller can seek behind. Whoever would rather have zeros for what is missing, and
/// doubtful bytes as they are, calls [`fill_missing`](Self::fill_missing) and afterwards asks
/// [`unproven`](Self::unproven) what they were.
///
/// Large buffers are worth it: what lies together on the volume is read at once, into the buffer.
#[derive(Debug)]
pub struct StreamReader<'e> {
    map: StreamMap<'e>,
    /// Reads the chunks of an overlay.
    chunks: Option<Box<StreamReader<'e>>>,
    decoder: Decoder,
    position: u64,
    fills_missing: bool,
    /// What the last read gave.
    last: Vec<StreamRange>,
    unproven: Vec<StreamRange>,
}

/// What a read gave.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'r> {
    length: usize,
    ranges: &'r [StreamRange],
}

impl<'r> Reading<'r> {
    /// How many bytes of the buffer were filled: fewer than it has only at the stream's end.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Where the bytes came from, in order and without gaps. Missing ones are zero in the buffer.
    #[must_use]
    pub fn ranges(&self) -> &'r [StreamRange] {
        self.ranges
    }

    /// True when no byte is missing or doubtful.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.ranges.iter().all(StreamRange::is_true)
    }
}

/// Bytes that cannot be read as true: the inner error of the [`io::Error`] that [`Read`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unproven {
    /// Which bytes, and what is known of them.
    pub range: StreamRange,
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StreamRange { offset, length, .. } = self.range;
        let reason = self.range.missing().map_or("doubtful", Missing::code);
        write!(f, "{length} bytes of the stream from {offset} on are {reason}")
    }
}

impl Error for Unproven {}

impl<'e> StreamReader<'e> {
    /// Bytes that [`copy_to`](Self::copy_to) reads at once.
    const COPY: usize = 1 << 20;

    /// Reads the stream that `map` describes.
    #[must_use]
    pub fn new(map: StreamMap<'e>) -> Self {
        let chunks = map.overlay.as_ref().map(|overlay| Box::new(Self::new(overlay.stored().clone())));
        Self {
            map,
            chunks,
            decoder: Decoder::default(),
            position: 0,
            fills_missing: false,
            last: Vec::new(),
            unproven: Vec::new(),
        }
    }

    /// Where the bytes come from, as far as that is known without reading.
    #[must_use]
    pub fn map(&self) -> &StreamMap<'e> {
        &self.map
    }

    /// Whether [`Read`] gives zeros for missing bytes, and doubtful bytes as they are, instead of errors.
    #[must_use]
    pub fn fill_missing(mut self, fills_missing: bool) -> Self {
        self.fills_missing = fills_missing;
        self
    }

    /// The missing and doubtful ranges that [`Read`] and [`copy_to`](Self::copy_to) have passed over.
    #[must_use]
    pub fn unproven(&self) -> &[StreamRange] {
        &self.unproven
    }

    /// Fills `buffer` from byte `offset` on, and says where the bytes come from. Does not move the
    /// position that [`Read`] reads at.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Reading<'_> {
        self.last.clear();
        let end = offset.saturating_add(wide(buffer.len())).min(self.map.size);
        let (mut position, mut done) = (offset, 0);
        let mut index = self.map.index_of(offset);
        while position < end {
            let Some(range) = self.map.ranges.get(index).map(|range| range.clip(position, end)) else { break };
            let length = usize::try_from(range.length).unwrap_or(usize::MAX);
            let Some(part) = buffer.get_mut(done..).and_then(|rest| rest.get_mut(..length)) else { break };
            self.fill(range, part);
            position = range.end();
            done = done.saturating_add(length);
            index = index.saturating_add(1);
        }
        Reading { length: done, ranges: &self.last }
    }

    /// Fills `part` with the bytes of `range`.
    fn fill(&mut self, range: StreamRange, part: &mut [u8]) {
        match range.origin {
            Origin::Clusters(position) => return self.read_clusters(range, position, part),
            Origin::Compressed { unit, stored } => return self.read_unit(range, unit, stored, part),
            Origin::Overlay => return self.read_chunks(range, part),
            Origin::Record(_) => {
                let start = usize::try_from(range.offset).unwrap_or(usize::MAX);
                let value = self.map.value.get(start..).and_then(|rest| rest.get(..part.len()));
                match value {
                    Some(value) => part.copy_from_slice(value),
                    None => part.fill(0),
                }
            }
            Origin::Hole | Origin::Uninitialized(_) | Origin::Missing(_) => part.fill(0),
        }
        append(&mut self.last, range);
    }

    fn read_clusters(&mut self, range: StreamRange, position: u64, part: &mut [u8]) {
        let mut next = range.offset;
        for gap in read_readable(&self.map.source, position, part) {
            let shift = |place: u64| range.offset.saturating_add(place.saturating_sub(position));
            append(&mut self.last, range.clip(next, shift(gap.start)));
            append(&mut self.last, range.clip(shift(gap.start), shift(gap.end)).lost(Missing::Unreadable));
            next = shift(gap.end);
        }
        append(&mut self.last, range.clip(next, u64::MAX));
    }

    fn read_unit(&mut self, range: StreamRange, unit: u64, stored: u64, part: &mut [u8]) {
        let span = self.unit_span(range.origin, unit);
        if span == (range.offset..range.end()) {
            let ranges = self.decoder.unit(&self.map, unit, stored, part);
            return report(&mut self.last, range, &ranges);
        }
        if self.decoder.at_hand(&range).is_none() {
            self.decoder.keep(span, |decoder, out| decoder.unit(&self.map, unit, stored, out));
        }
        self.copy_at_hand(range, part);
    }

    /// What of the stream the unit gives: less than a unit's size at the end of what was written.
    fn unit_span(&self, origin: Origin, unit: u64) -> Range<u64> {
        let parts = self.map.ranges.iter().skip(self.map.index_of(unit));
        let end = parts.take_while(|range| range.origin == origin).last().map_or(unit, StreamRange::end);
        unit..end
    }

    fn read_chunks(&mut self, range: StreamRange, mut part: &mut [u8]) {
        let Some(mut chunks) = self.chunks.take() else { return };
        let mut rest = range;
        while let Some((index, span)) = self.map.overlay.as_ref().and_then(|overlay| overlay.chunk_at(rest.offset))
            && rest.length > 0
        {
            let now = rest.clip(rest.offset, span.end);
            let (front, back) = part.split_at_mut(usize::try_from(now.length).unwrap_or(usize::MAX).min(part.len()));
            self.read_chunk(&mut chunks, now, (index, span), front);
            part = back;
            rest = rest.clip(now.end(), u64::MAX);
        }
        self.chunks = Some(chunks);
    }

    fn read_chunk(
        &mut self,
        chunks: &mut StreamReader<'_>,
        range: StreamRange,
        (index, span): (u64, Range<u64>),
        part: &mut [u8],
    ) {
        let Some(overlay) = &self.map.overlay else { return };
        if span == (range.offset..range.end()) {
            let ranges = self.decoder.chunk(overlay, chunks, (index, span), part);
            return report(&mut self.last, range, &ranges);
        }
        if self.decoder.at_hand(&range).is_none() {
            let chunk = (index, span.clone());
            self.decoder.keep(span, |decoder, out| decoder.chunk(overlay, chunks, chunk, out));
        }
        self.copy_at_hand(range, part);
    }

    /// Copies what the decoder has at hand.
    fn copy_at_hand(&mut self, range: StreamRange, part: &mut [u8]) {
        let Some((bytes, ranges)) = self.decoder.at_hand(&range) else {
            part.fill(0);
            return append(&mut self.last, range.lost(Missing::Undecodable));
        };
        part.copy_from_slice(bytes);
        report(&mut self.last, range, ranges);
    }

    /// Writes the rest of the stream from the position on to `out`, zeros for what is missing, and
    /// returns the missing and doubtful ranges passed over.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn copy_to(&mut self, out: &mut impl Write) -> io::Result<&[StreamRange]> {
        let left = self.map.size.saturating_sub(self.position);
        let mut buffer = PageBuffer::new(usize::try_from(left).map_or(Self::COPY, |left| left.min(Self::COPY)));
        let known = self.unproven.len();
        while self.position < self.map.size {
            let length = self.read_at(self.position, buffer.bytes()).length();
            if length == 0 {
                break;
            }
            self.pass(length);
            out.write_all(buffer.bytes().get(..length).unwrap_or_default())?;
        }
        Ok(self.unproven.get(known..).unwrap_or_default())
    }

    /// Moves on by what was read last, and remembers what of it is not true.
    fn pass(&mut self, length: usize) {
        self.position = self.position.saturating_add(wide(length));
        for range in self.last.iter().filter(|range| !range.is_true()) {
            append(&mut self.unproven, *range);
        }
    }
}

/// Reports the parts of `found` in `range`; what leads to them may be doubtful itself.
fn report(last: &mut Vec<StreamRange>, range: StreamRange, found: &[StreamRange]) {
    for part in found {
        let part = part.clip(range.offset, range.end());
        append(last, if range.is_doubtful { part.doubted() } else { part });
    }
}

impl Read for StreamReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = self.position;
        let length = self.read_at(start, buffer).length();
        if self.fills_missing {
            self.pass(length);
            return Ok(length);
        }
        let Some(range) = self.last.iter().find(|range| !range.is_true()).copied() else {
            self.position = start.saturating_add(wide(length));
            return Ok(length);
        };
        if range.offset == start {
            return Err(io::Error::new(io::ErrorKind::InvalidData, Unproven { range: self.rest_of(range) }));
        }
        self.position = range.offset;
        Ok(usize::try_from(range.offset.saturating_sub(start)).unwrap_or(length))
    }
}

impl StreamReader<'_> {
    /// The whole of a range that the map knows, beyond what was asked for.
    fn rest_of(&self, range: StreamRange) -> StreamRange {
        let known =
            self.map.ranges.get(self.map.index_of(range.offset)).map(|known| known.clip(range.offset, u64::MAX));
        known.filter(|known| known.origin == range.origin && !known.is_true()).unwrap_or(range)
    }
}

impl Seek for StreamReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.map.size.checked_add_signed(by),
        };
        let before_start = || io::Error::new(io::ErrorKind::InvalidInput, "seek to before the stream's start");
        self.position = position.ok_or_else(before_start)?;
        Ok(self.position)
    }
}
