//! Decompresses the units and chunks of streams, and says which of the bytes are true.

use std::ops::Range;

use super::overlay::Overlay;
use super::stream_map::StreamMap;
use super::stream_range::{Missing, Origin, StreamRange, repaint};
use super::stream_reader::StreamReader;
use crate::base::damage::wide;
use crate::base::le;
use crate::codec::lznt1::{self, CHUNK_SIZE, Worth};
use crate::source::Source;
use crate::volume::extents::Location;

/// Buffers for one stream, and the unit or chunk that was asked for last.
#[derive(Debug, Clone, Default)]
pub(super) struct Decoder {
    /// Where `bytes` belong in the stream.
    span: Range<u64>,
    bytes: Vec<u8>,
    /// What `bytes` are worth.
    ranges: Vec<StreamRange>,
    stored: Vec<u8>,
    /// The part of the chunk table that was read last, and where it starts.
    table: (u64, Vec<u8>),
}

impl Decoder {
    /// Bytes of the chunk table that are read at once.
    const TABLE_WINDOW: u64 = 16 << 10;

    /// The bytes of `range`, which lies in one unit or chunk, and what they are worth; `None` where
    /// another one is at hand.
    pub(super) fn at_hand(&self, range: &StreamRange) -> Option<(&[u8], &[StreamRange])> {
        if range.offset < self.span.start || range.end() > self.span.end {
            return None;
        }
        let start = usize::try_from(range.offset.checked_sub(self.span.start)?).ok()?;
        let end = start.checked_add(usize::try_from(range.length).ok()?)?;
        Some((self.bytes.get(start..end)?, &self.ranges))
    }

    /// Keeps the output `span` at hand: `decode` fills it.
    pub(super) fn keep(&mut self, span: Range<u64>, decode: impl FnOnce(&mut Self, &mut [u8]) -> Vec<StreamRange>) {
        let mut bytes = std::mem::take(&mut self.bytes);
        self.span = 0..0;
        bytes.resize(usize::try_from(span.end.saturating_sub(span.start)).unwrap_or(0), 0);
        self.ranges = decode(self, &mut bytes);
        self.bytes = bytes;
        self.span = span;
    }

    /// Decompresses the unit that starts at `unit` into `out`.
    pub(super) fn unit(&mut self, map: &StreamMap<'_>, unit: u64, stored: u64, out: &mut [u8]) -> Vec<StreamRange> {
        let gaps = self.read_unit(map, unit, stored);
        let outcome = lznt1::decompress(&self.stored, out);
        let mut ranges = whole(unit, out, Origin::Compressed { unit, stored });
        let place = |part: Range<usize>| unit.saturating_add(wide(part.start))..unit.saturating_add(wide(part.end));
        for flaw in outcome.flaws() {
            let change = match flaw.worth {
                // The format says so: zeros behind the end marker.
                Worth::Implied => |range: StreamRange| range,
                Worth::Missing => |range: StreamRange| range.lost(Missing::Undecodable),
                _ => StreamRange::doubted,
            };
            ranges = repaint(&ranges, &place(flaw.range.clone()), change);
        }
        for part in lost_chunks(&self.stored, &gaps, out.len()) {
            out.get_mut(part.clone()).unwrap_or_default().fill(0);
            ranges = repaint(&ranges, &place(part), |range| range.lost(Missing::Unreadable));
        }
        ranges
    }

    /// Reads the clusters of a unit, and returns what of them is missing.
    fn read_unit(&mut self, map: &StreamMap<'_>, unit: u64, stored: u64) -> Vec<Range<usize>> {
        self.stored.resize(usize::try_from(stored).unwrap_or(0), 0);
        let mut gaps = Vec::new();
        let (mut rest, mut done) = (self.stored.as_mut_slice(), 0_usize);
        for extent in map.stored(unit, unit.saturating_add(stored)) {
            let length = usize::try_from(extent.length).unwrap_or(usize::MAX).min(rest.len());
            let (part, behind) = rest.split_at_mut(length);
            rest = behind;
            let position = match extent.location {
                Location::At(position) => position,
                // No unit is made of these; nothing is readable behind the source's end.
                Location::Hole | Location::Unmapped => u64::MAX,
            };
            let missing = read_bounded(map, position, part);
            gaps.extend(missing.into_iter().map(|gap| done.saturating_add(gap.start)..done.saturating_add(gap.end)));
            done = done.saturating_add(length);
        }
        gaps
    }

    /// Decompresses chunk `index` of an overlay, whose output belongs at `span`, into `out`.
    pub(super) fn chunk(
        &mut self,
        overlay: &Overlay<'_>,
        chunks: &mut StreamReader<'_>,
        (index, span): (u64, Range<u64>),
        out: &mut [u8],
    ) -> Vec<StreamRange> {
        let all = whole(span.start, out, Origin::Overlay);
        let lost = |out: &mut [u8], missing| {
            out.fill(0);
            repaint(&all, &span, |range| range.lost(missing))
        };
        let (place, table_is_proven) = match self.chunk_place(overlay, chunks, index) {
            Ok(found) => found,
            Err(missing) => return lost(out, missing),
        };
        self.stored.resize(usize::try_from(place.end.saturating_sub(place.start)).unwrap_or(0), 0);
        let reading = chunks.read_at(place.start, &mut self.stored);
        if let Some(missing) = reading.ranges().iter().find_map(StreamRange::missing) {
            return lost(out, missing);
        }
        let is_proven = table_is_proven && reading.is_true();
        let decoded = overlay.algorithm().decompress(&self.stored, out);
        let all = if is_proven { all } else { repaint(&all, &span, StreamRange::doubted) };
        let Err(damage) = decoded else { return all };
        let middle = span.start.saturating_add(damage.place.offset).min(span.end);
        let all = repaint(&all, &(span.start..middle), StreamRange::doubted);
        repaint(&all, &(middle..span.end), |range| range.lost(Missing::Undecodable))
    }

    /// Where chunk `index` lies in the stream of chunks, and whether that is proven.
    pub(super) fn chunk_place(
        &mut self,
        overlay: &Overlay<'_>,
        chunks: &mut StreamReader<'_>,
        index: u64,
    ) -> Result<(Range<u64>, bool), Missing> {
        let entries = overlay.table().entries_of(index).ok_or(Missing::Undecodable)?;
        let window_end = self.table.0.saturating_add(wide(self.table.1.len()));
        if entries.start < self.table.0 || entries.end > window_end {
            let end = entries.start.saturating_add(Self::TABLE_WINDOW).min(overlay.table().table_size());
            self.table.0 = entries.start;
            self.table.1.resize(usize::try_from(end.saturating_sub(entries.start)).unwrap_or(0), 0);
            if !chunks.read_at(entries.start, &mut self.table.1).is_true() {
                self.table.1.clear();
            }
        }
        let slice = |bytes: &[u8], from: u64| {
            let start = usize::try_from(entries.start.checked_sub(from)?).ok()?;
            let end = usize::try_from(entries.end.checked_sub(from)?).ok()?;
            Some(overlay.table().chunk_range_by(index, bytes.get(start..end)?))
        };
        let undecodable = |_| Missing::Undecodable;
        if let Some(range) = slice(&self.table.1, self.table.0) {
            return Ok((range.map_err(undecodable)?, true));
        }
        // Part of the window is missing or doubtful: these entries need not be.
        let mut few = [0; 16];
        let length = usize::try_from(entries.end.saturating_sub(entries.start)).unwrap_or(0);
        let few = few.get_mut(..length).unwrap_or_default();
        let reading = chunks.read_at(entries.start, few);
        if let Some(missing) = reading.ranges().iter().find_map(StreamRange::missing) {
            return Err(missing);
        }
        let is_proven = reading.is_true();
        let range = slice(few, entries.start).ok_or(Missing::Undecodable)?;
        Ok((range.map_err(undecodable)?, is_proven))
    }
}

/// Reads clusters that may reach over the volume's end; returns what of `part` is missing.
fn read_bounded(map: &StreamMap<'_>, position: u64, part: &mut [u8]) -> Vec<Range<usize>> {
    let length = part.len();
    let inside = usize::try_from(map.limit.saturating_sub(position)).unwrap_or(usize::MAX).min(length);
    let (present, outside) = part.split_at_mut(inside);
    outside.fill(0);
    let local = |place: u64| usize::try_from(place.saturating_sub(position)).unwrap_or(usize::MAX).min(length);
    let failed = map.source.read_readable(position, present).into_iter();
    let mut gaps: Vec<_> = failed.map(|gap| local(gap.start)..local(gap.end)).collect();
    if inside < length {
        gaps.push(inside..length);
    }
    gaps
}

/// One range for all of an output.
fn whole(offset: u64, out: &[u8], origin: Origin) -> Vec<StreamRange> {
    vec![StreamRange { offset, length: wide(out.len()), origin, is_doubtful: false }]
}

/// The parts of the output whose chunks have a byte in `gaps`. Zeros that stand for missing bytes can
/// look like a sound chunk, so that the decoder's word is not enough.
fn lost_chunks(unit: &[u8], gaps: &[Range<usize>], length: usize) -> Vec<Range<usize>> {
    let mut lost = Vec::new();
    let is_lost = |part: Range<usize>| gaps.iter().any(|gap| gap.start < part.end && part.start < gap.end);
    let (mut position, mut at) = (0_usize, 0_usize);
    while at < length && !gaps.is_empty() {
        let end = at.saturating_add(CHUNK_SIZE).min(length);
        let header = position..position.saturating_add(2);
        if is_lost(header) {
            // Where the next chunk starts is lost with it.
            lost.push(at..length);
            break;
        }
        let Some(header) = le::u16_at(unit, position).filter(|&header| header != 0) else { break };
        let next = position.saturating_add(usize::from(header & 0x0FFF)).saturating_add(3);
        if is_lost(position..next) {
            lost.push(at..end);
        }
        (position, at) = (next, end);
    }
    lost
}
