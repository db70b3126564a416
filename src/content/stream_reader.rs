//! Reads streams, and says of every byte what it is worth.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::{ControlFlow, Range};

use super::decoder::{ChunkBytes, Decoder};
use super::stream_map::StreamMap;
use super::stream_range::{Missing, Origin, StreamRange, append};
use crate::base::damage::wide;
use crate::base::error::{Error, Result};
use crate::base::reference::FileReference;
use crate::base::watch::{Progress, Step};
use crate::catalog::Catalog;
use crate::catalog::stream::Stream;
use crate::source::Source;
use crate::source::buffer::PageBuffer;

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
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// let catalog = volume.catalog();
/// let entry = catalog.entry(volume.entry_by_path(r"\sizes\012293.txt")?.record_number())?;
/// let mut reader = entry.streams()[0].reader();
///
/// let mut bytes = Vec::new();
/// let unproven = reader.copy_to(&mut bytes)?;
/// assert!(unproven.is_empty(), "each byte is where the metadata says");
/// assert_eq!(bytes.len(), 12293);
///
/// let mut middle = [0; 16];
/// assert!(reader.read_at(6000, &mut middle).is_true() && middle == bytes[6000..6016]);
/// # Ok(())
/// # }
/// ```
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

impl std::error::Error for Unproven {}

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

    /// The reader as what a decoder takes the chunks of an overlay from.
    pub(crate) fn chunk_bytes(&mut self) -> impl FnMut(u64, &mut [u8]) -> ChunkBytes + '_ {
        |offset, buffer| {
            let reading = self.read_at(offset, buffer);
            let missing = reading.ranges().iter().find_map(StreamRange::missing);
            ChunkBytes { missing, is_true: reading.is_true() }
        }
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
        for gap in self.map.source.window().read_readable(position, part) {
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
            let ranges = self.decoder.chunk(overlay, &mut chunks.chunk_bytes(), (index, span), part);
            return report(&mut self.last, range, &ranges);
        }
        if self.decoder.at_hand(&range).is_none() {
            let chunk = (index, span.clone());
            self.decoder.keep(span, |decoder, out| decoder.chunk(overlay, &mut chunks.chunk_bytes(), chunk, out));
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
        self.copy_through(buffer.bytes(), out)
    }

    /// The same through the caller's `buffer`: for many streams. It should not be empty, and best be a
    /// [`PageBuffer`] of a MiB.
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to).
    pub fn copy_through(&mut self, buffer: &mut [u8], out: &mut impl Write) -> io::Result<&[StreamRange]> {
        let known = self.unproven.len();
        // Whether the buffer has nothing but zeros from a hole, which may have terabytes: it is filled once.
        let mut is_blank = false;
        while self.position < self.map.size {
            let blank = self.blank(buffer.len());
            let length = match blank.filter(|_| is_blank) {
                Some(range) => {
                    self.last.clear();
                    self.last.push(range);
                    buffer.len()
                }
                None => self.read_at(self.position, buffer).length(),
            };
            is_blank = blank.is_some();
            if length == 0 {
                break;
            }
            self.pass(length);
            out.write_all(buffer.get(..length).unwrap_or_default())?;
        }
        Ok(self.unproven.get(known..).unwrap_or_default())
    }

    /// The same, and tells `watcher` after each MiB how far it has come.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the watcher breaks: the position is behind what was written. As
    /// [`copy_to`](Self::copy_to), too.
    ///
    /// ```
    /// # fn main() -> ntfs_salvage::Result<()> {
    /// use std::fs::File;
    /// use std::ops::ControlFlow;
    /// use ntfs_salvage::prelude::*;
    ///
    /// let session = Session::open("testdata/deleted.img")?;
    /// let catalog = session.volumes()[0].catalog();
    /// let assessment = catalog.assessment(&Threads::default(), RecoverabilityOptions::default());
    /// for entry in catalog.entries().filter(|entry| entry.state() == EntryState::Deleted) {
    ///     let Some(path) = entry.paths().next().filter(|path| path.text.ends_with(".docx")) else { continue };
    ///     for stream in &entry.streams() {
    ///         if matches!(assessment.assess(stream).verdict(), Verdict::Intact | Verdict::Likely) {
    ///             let show = |progress: Progress| {
    ///                 eprintln!("{path}: {} of {}", progress.done, progress.total);
    ///                 ControlFlow::Continue(())
    ///             };
    ///             let mut copy = File::create(format!("{}.docx", entry.reference()))?;
    ///             let unproven = stream.reader().copy_watched(&mut copy, show)?.len();
    ///             eprintln!("{path}: {unproven} ranges are missing or in doubt");
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy_watched(
        &mut self,
        out: &mut impl Write,
        mut watcher: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<&[StreamRange]> {
        let (start, end, known) = (self.position, self.map.size, self.unproven.len());
        let left = usize::try_from(end.saturating_sub(start)).map_or(Self::COPY, |left| left.min(Self::COPY));
        let mut buffer = PageBuffer::new(left);
        while self.position < end {
            let length = self.read_at(self.position, buffer.bytes()).length();
            if length == 0 {
                break;
            }
            self.pass(length);
            out.write_all(buffer.bytes().get(..length).unwrap_or_default())?;
            let progress = Progress::new(Step::Copy, self.position.saturating_sub(start), end.saturating_sub(start));
            if watcher(progress).is_break() {
                return Err(Error::Cancelled);
            }
        }
        Ok(self.unproven.get(known..).unwrap_or_default())
    }

    /// The next `length` bytes, if they are a hole or were never written.
    fn blank(&self, length: usize) -> Option<StreamRange> {
        let end = self.position.saturating_add(wide(length));
        let range = self.map.ranges.get(self.map.index_of(self.position))?.clip(self.position, end);
        let reads_as_zeros = matches!(range.origin, Origin::Hole | Origin::Uninitialized(_));
        (reads_as_zeros && range.length == wide(length) && length > 0).then_some(range)
    }

    /// Moves on by what was read last, and remembers what of it is not true.
    fn pass(&mut self, length: usize) {
        self.position = self.position.saturating_add(wide(length));
        for range in self.last.iter().filter(|range| !range.is_true()) {
            append(&mut self.unproven, *range);
        }
    }
}

impl<'s> Catalog<'s> {
    /// Reads a stream of a file, the main one where `name` is empty. The reader borrows neither the catalog nor an
    /// entry: that of a [shared](crate::Volume::open_shared) volume can be kept, and sent to another thread.
    ///
    /// # Errors
    /// When nothing knows the file in this life ([`Error::NoSuchFile`]), or it has no such stream
    /// ([`Error::NoSuchStream`]).
    pub fn open_stream(&self, file: FileReference, name: &str) -> Result<StreamReader<'s>> {
        let entry = self.entry_of(file)?;
        let streams = entry.streams();
        let stream = streams.iter().find(|stream| stream.name().is(name));
        let stream = stream.ok_or_else(|| Error::NoSuchStream { file, name: name.to_owned() })?;
        Ok(StreamReader::new(stream.map().kept(self.volume().held_source())))
    }
}

impl<'e> Stream<'e> {
    /// Reads the stream.
    #[must_use]
    pub fn reader(&self) -> StreamReader<'e> {
        StreamReader::new(self.map())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::threads::Threads;
    use crate::structure::attribute_type::AttributeType;
    use crate::structure::value::reparse_tag::ReparseTag;
    use crate::volume::forged_volume::{CLUSTER, CLUSTERS, FREE, Forged, add_runs, file, with_runs};

    /// Reads all of the main stream of record 30, in pieces of `step` bytes.
    fn read(forged: &Forged, step: usize) -> (Vec<u8>, Vec<StreamRange>) {
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let mut reader = entry.streams()[0].reader();
        let (mut bytes, mut ranges) = (Vec::new(), Vec::new());
        let mut buffer = vec![0xEE; step];
        loop {
            let reading = reader.read_at(bytes.len() as u64, &mut buffer);
            reading.ranges().iter().for_each(|range| append(&mut ranges, *range));
            match reading.length() {
                0 => return (bytes, ranges),
                length => bytes.extend_from_slice(&buffer[..length]),
            }
        }
    }

    fn flaws(ranges: &[StreamRange]) -> Vec<(u64, u64, Option<Missing>)> {
        ranges
            .iter()
            .filter(|range| !range.is_true())
            .map(|range| (range.offset, range.length, range.missing()))
            .collect()
    }

    /// What the clusters of a forged volume hold.
    fn pattern(lcn: u64, length: u64) -> Vec<u8> {
        (0..length).map(|byte| (lcn + byte / CLUSTER + byte % CLUSTER) as u8).collect()
    }

    /// A chunk of 4096 bytes `byte`, compressed.
    fn chunk(byte: u8) -> Vec<u8> {
        vec![0x03, 0xB0, 0x02, byte, 0xFC, 0x0F]
    }

    /// An uncompressed chunk of 4096 bytes `byte`.
    fn stored_chunk(byte: u8) -> Vec<u8> {
        [&[0xFF, 0x3F][..], &[byte; 4096]].concat()
    }

    #[test]
    fn reading_stops_before_missing_bytes_and_goes_on_behind_them() {
        let forged =
            Forged::new(vec![(30, with_runs(&[(2, Some(300)), (1, Some(CLUSTERS)), (1, Some(400))], 2000, 2000))]);
        let volume = forged.volume();
        let catalog = volume.catalog();
        let entry = catalog.entry(30).unwrap();
        let mut reader = entry.streams()[0].reader();
        let mut bytes = Vec::new();
        let error = reader.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(bytes, pattern(300, 1024));
        let unproven = error.get_ref().unwrap().downcast_ref::<Unproven>().unwrap();
        assert_eq!((unproven.range.offset, unproven.range.length), (1024, 512));
        assert_eq!(unproven.to_string(), "512 bytes of the stream from 1024 on are outside");
        reader.seek(SeekFrom::Start(unproven.range.end())).unwrap();
        bytes.clear();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, pattern(400, 464));
        let mut filled = Vec::new();
        let mut reader = entry.streams()[0].reader().fill_missing(true);
        reader.read_to_end(&mut filled).unwrap();
        assert_eq!(filled, [pattern(300, 1024), vec![0; 512], pattern(400, 464)].concat());
        assert_eq!(flaws(reader.unproven()), [(1024, 512, Some(Missing::Outside(CLUSTERS * CLUSTER)))]);
    }

    #[test]
    fn bad_sectors_cost_themselves() {
        let mut forged = Forged::new(vec![(30, with_runs(&[(8, Some(300))], 4096, 4096))]);
        forged.spoil(302 * CLUSTER + 7..302 * CLUSTER + 8);
        let (bytes, ranges) = read(&forged, 10_000);
        assert_eq!(flaws(&ranges), [(1024, 512, Some(Missing::Unreadable))]);
        assert_eq!((&bytes[..1024], &bytes[1536..]), (&pattern(300, 1024)[..], &pattern(303, 2560)[..]));
    }

    #[test]
    fn units_are_zeros_raw_or_compressed() {
        // A hole, a raw unit in two runs, a compressed unit, and a last one whose runs end with it.
        let list = [(16, None), (10, Some(300)), (6, Some(400)), (1, Some(500)), (15, None), (1, Some(510))];
        let record = with_runs(&list, 3 * 8192 + 4096, 3 * 8192 + 4000).stored_as(1, 4);
        let mut forged = Forged::new(vec![(30, record)]);
        forged.write(500, &[chunk(b'a'), chunk(b'b'), vec![0, 0]].concat());
        forged.write(510, &[chunk(b'c'), vec![0, 0]].concat());
        let raw = [pattern(300, 5120), pattern(400, 3072)].concat();
        let last = [vec![b'c'; 4000], vec![0; 96]].concat();
        let expected = [vec![0; 8192], raw, vec![b'a'; 4096], vec![b'b'; 4096], last].concat();
        for step in [1, 511, 5000, 100_000] {
            let (bytes, ranges) = read(&forged, step);
            assert_eq!(flaws(&ranges), []);
            assert!(bytes == expected, "{step}");
        }
    }

    #[test]
    fn a_lost_sector_of_a_unit_costs_its_chunk() {
        let record = with_runs(&[(10, Some(300)), (6, None)], 8192, 8192).stored_as(1, 4);
        let mut forged = Forged::new(vec![(30, record)]);
        forged.write(300, &[stored_chunk(b'a'), chunk(b'b'), vec![0, 0]].concat());
        forged.spoil(303 * CLUSTER..304 * CLUSTER);
        let (bytes, ranges) = read(&forged, 10_000);
        assert_eq!(flaws(&ranges), [(0, 4096, Some(Missing::Unreadable))]);
        assert_eq!(bytes, [[0; 4096], [b'b'; 4096]].concat());
        // The sector with the first header costs all: nobody knows where the second chunk starts.
        forged.spoil(300 * CLUSTER..301 * CLUSTER);
        assert_eq!(flaws(&read(&forged, 10_000).1), [(0, 8192, Some(Missing::Unreadable))]);
    }

    #[test]
    fn clusters_behind_a_hole_in_a_unit_are_not_guessed_at() {
        let record = with_runs(&[(4, None), (12, Some(300))], 8192, 8192).stored_as(1, 4);
        let forged = Forged::new(vec![(30, record)]);
        assert_eq!(flaws(&read(&forged, 10_000).1), [(0, 8192, Some(Missing::Undecodable))]);
    }

    #[test]
    fn a_placeholder_is_not_zeros() {
        let value = [&ReparseTag::DEDUP.0.to_le_bytes()[..], &[0, 0, 0, 0]].concat();
        let record = with_runs(&[(2, None), (1, Some(300))], 1536, 1536);
        let record = record.resident(AttributeType::REPARSE_POINT, "", &value);
        let (bytes, ranges) = read(&Forged::new(vec![(30, record)]), 10_000);
        assert_eq!(flaws(&ranges), [(0, 1024, Some(Missing::Elsewhere(ReparseTag::DEDUP)))]);
        assert_eq!(bytes[1024..], pattern(300, 512));
    }

    /// A file of three overlay chunks, stored as they are; the second one's place is up to the caller.
    fn overlaid(second: u64) -> Forged {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let value = [words(&[ReparseTag::WOF.0, 16]), words(&[1, 2, 1, 0])].concat();
        let record = with_runs(&[(20, None)], 10_000, 10_000).resident(AttributeType::REPARSE_POINT, "", &value);
        let list = [(1, Some(300)), (8, Some(310)), (8, Some(second)), (4, Some(330))];
        let record = add_runs(record, "WofCompressedData", &list, 8 + 10_000, 8 + 10_000);
        let mut forged = Forged::new(vec![(30, record)]);
        let table = words(&[4096, 8192]);
        forged.write(300, &[&table[..], &pattern(0, 504)].concat());
        forged
    }

    #[test]
    fn a_lost_cluster_of_an_overlay_costs_its_chunks() {
        let (bytes, ranges) = read(&overlaid(320), 7000);
        assert_eq!(flaws(&ranges), []);
        assert_eq!(bytes.len(), 10_000);
        assert_eq!(bytes[504..600], pattern(310, 96));
        let outside = Missing::Outside(CLUSTERS * CLUSTER);
        let (lost, ranges) = read(&overlaid(CLUSTERS), 7000);
        let found = flaws(&ranges);
        assert_eq!(found.iter().map(|flaw| flaw.1).sum::<u64>(), 4096 + 10_000 - 8192, "{found:?}");
        assert!(found.iter().all(|flaw| matches!(flaw.2, Some(Missing::Outside(_)))), "{found:?} {outside:?}");
        assert_eq!(lost[..4096], bytes[..4096]);
    }

    #[test]
    fn a_resident_value_is_read_from_the_repaired_record() {
        let value: Vec<u8> = (0..600_u32).map(|byte| byte as u8).collect();
        let forged = Forged::new(vec![(30, file().resident(AttributeType::DATA, "", &value))]);
        assert_eq!(read(&forged, 100).0, value);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pieces_give_what_one_read_gives(
            list in proptest::collection::vec((1u64..20, proptest::option::of(FREE..CLUSTERS + 5)), 0..12),
            size in 0u64..60_000, initialized in 0u64..60_000, flags in 0u16..2, step in 1usize..9000,
            bad in proptest::option::of(FREE..CLUSTERS),
        ) {
            let mut forged = Forged::new(vec![(30, with_runs(&list, size, initialized).stored_as(flags, 4))]);
            for lcn in (FREE..CLUSTERS - 1).step_by(3) {
                forged.write(lcn, &[chunk(b'a'), chunk(b'b')].concat());
            }
            if let Some(bad) = bad {
                forged.spoil(bad * CLUSTER..(bad + 1) * CLUSTER);
            }
            let (whole, pieces) = (read(&forged, 100_000), read(&forged, step));
            prop_assert_eq!(whole.0.len() as u64, size);
            prop_assert!(whole.0 == pieces.0);
            prop_assert_eq!(flaws(&whole.1), flaws(&pieces.1));
        }
    }

    #[test]
    fn copies_have_zeros_for_what_is_missing_and_say_so() {
        let record = with_runs(&[(2, Some(300)), (1, Some(CLUSTERS)), (1, Some(400))], 2000, 2000);
        let forged = Forged::new(vec![(30, record)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let streams = entry.streams();
        let expected = [pattern(300, 1024), vec![0; 512], pattern(400, 464)].concat();
        let missing = [(1024, 512, Some(Missing::Outside(CLUSTERS * CLUSTER)))];
        for size in [1, 500, 512, 4096] {
            let mut out = Vec::new();
            let mut reader = streams[0].reader();
            assert_eq!(flaws(reader.copy_through(&mut vec![0; size], &mut out).unwrap()), missing);
            assert!(out == expected, "{size}");
            assert_eq!(reader.copy_to(&mut out).unwrap(), [], "nothing is left");
            assert_eq!(out.len(), expected.len());
        }
        let mut out = Vec::new();
        let mut reader = streams[0].reader();
        reader.seek(SeekFrom::Start(1500)).unwrap();
        assert_eq!(
            flaws(reader.copy_to(&mut out).unwrap()),
            [(1500, 36, missing[0].2.map(|_| Missing::Outside(CLUSTERS * CLUSTER + 476)))]
        );
        assert_eq!(out, expected[1500..]);
        let mut reader = streams[0].reader();
        assert_eq!(reader.copy_through(&mut [], &mut out).unwrap(), [], "no buffer, no copy, no end");
        assert_eq!(flaws(reader.unproven()), []);
    }

    #[test]
    fn holes_and_what_was_never_written_are_copied_as_zeros() {
        let runs = [(1, Some(300)), (9, None), (2, Some(400)), (3, Some(500))];
        let record = with_runs(&runs, 15 * CLUSTER, 12 * CLUSTER);
        let forged = Forged::new(vec![(30, record)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let stream = &entry.streams()[0];
        let expected = [pattern(300, 512), vec![0; 9 * 512], pattern(400, 1024), vec![0; 3 * 512]].concat();
        for size in [7, 256, 512, 1000, 1536, 100_000] {
            let mut out = Vec::new();
            assert_eq!(stream.reader().copy_through(&mut vec![0xEE; size], &mut out).unwrap(), []);
            assert!(out == expected, "{size}");
        }
    }

    #[test]
    fn a_reading_is_true_where_no_byte_is_in_question() {
        let record = with_runs(&[(2, Some(300)), (1, Some(CLUSTERS))], 1536, 1536);
        let forged = Forged::new(vec![(30, record)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let mut reader = entry.streams()[0].reader();
        let mut buffer = [0xEE; 1024];
        assert!(reader.read_at(0, &mut buffer).is_true());
        assert!(!reader.read_at(1, &mut buffer).is_true());
        let behind = reader.read_at(1536, &mut buffer);
        assert_eq!((behind.length(), behind.ranges()), (0, &[][..]));
    }

    #[test]
    fn an_error_names_all_that_is_known_to_be_missing() {
        // Missing by the map: the whole range. By a bad sector: what was asked for.
        let record = with_runs(&[(1, Some(300)), (3, Some(CLUSTERS))], 2048, 2048);
        let mut forged = Forged::new(vec![(30, record)]);
        let error = |forged: &Forged, start: u64| {
            let volume = forged.volume();
            let catalog = volume.catalog_with(&Threads::single());
            let entry = catalog.entry(30).unwrap();
            let mut reader = entry.streams()[0].reader();
            reader.seek(SeekFrom::Start(start)).unwrap();
            let error = reader.read(&mut [0; 100]).unwrap_err();
            let range = error.get_ref().unwrap().downcast_ref::<Unproven>().unwrap().range;
            (range.offset, range.length, range.missing())
        };
        let outside = |place| Some(Missing::Outside(CLUSTERS * CLUSTER + place));
        assert_eq!(error(&forged, 512), (512, 1536, outside(0)));
        assert_eq!(error(&forged, 700), (700, 1348, outside(188)));
        forged.spoil(300 * CLUSTER..301 * CLUSTER);
        assert_eq!(error(&forged, 0), (0, 100, Some(Missing::Unreadable)));
    }

    #[test]
    fn seeking_is_counted_from_start_position_or_end() {
        let forged = Forged::new(vec![(30, with_runs(&[(2, Some(300))], 1000, 1000))]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let mut reader = entry.streams()[0].reader();
        assert_eq!(reader.seek(SeekFrom::End(-10)).unwrap(), 990);
        assert_eq!(reader.seek(SeekFrom::Current(-90)).unwrap(), 900);
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, pattern(300, 1000)[900..]);
        assert!(reader.seek(SeekFrom::End(-1001)).is_err());
        assert_eq!(reader.stream_position().unwrap(), 1000, "a seek that fails moves nothing");
    }

    #[test]
    fn what_cannot_be_read_is_told_before_what_is_doubtful() {
        let mut forged = Forged::new(vec![(30, with_runs(&[(4, Some(300))], 2048, 2048))]);
        forged.record_bytes(30)[510] ^= 1;
        forged.spoil(300 * CLUSTER..301 * CLUSTER);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let mut reader = entry.streams()[0].reader();
        let mut error = |start| {
            reader.seek(SeekFrom::Start(start)).unwrap();
            let error = reader.read(&mut [0; 100]).unwrap_err();
            let range = error.get_ref().unwrap().downcast_ref::<Unproven>().unwrap().range;
            (range.offset, range.length, range.missing())
        };
        assert_eq!(error(0), (0, 100, Some(Missing::Unreadable)));
        assert_eq!(error(600), (600, 1448, None), "all of it is doubtful");
    }

    #[test]
    fn the_map_of_an_overlay_leads_to_its_chunks() {
        let forged = overlaid(320);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let map = entry.streams()[0].map();
        assert_eq!((map.size(), map.chunks().map(StreamMap::size)), (10_000, Some(8 + 10_000)));
    }
}
