//! Decompresses the units and chunks of streams, and says which of the bytes are true.

use std::ops::Range;

use super::stream_map::{Overlay, StreamMap};
use super::stream_range::{Missing, Origin, StreamRange, repaint};
use crate::base::damage::wide;
use crate::base::le;
use crate::codec::lznt1::{self, CHUNK_SIZE, Certainty};
use crate::source::Source;
use crate::volume::extents::Location;

/// Buffers for one stream, and the unit or chunk that was asked for last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decoder {
    /// Where `bytes` belong in the stream.
    span: Range<u64>,
    bytes: Vec<u8>,
    /// What `bytes` are worth.
    ranges: Vec<StreamRange>,
    stored: Vec<u8>,
    /// The part of the chunk table that was read last, and where it starts.
    table: (u64, Vec<u8>),
}

/// What a read of the stream of chunks gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkBytes {
    /// Why some of the bytes are missing, if any are.
    pub(crate) missing: Option<Missing>,
    /// Nothing is missing or doubtful.
    pub(crate) is_true: bool,
}

/// Reads the stream of chunks from a byte on.
pub(crate) type ReadChunks<'r> = dyn FnMut(u64, &mut [u8]) -> ChunkBytes + 'r;

impl Decoder {
    /// Bytes of the chunk table that are read at once.
    const TABLE_WINDOW: u64 = 16 << 10;

    /// The bytes of `range`, which lies in one unit or chunk, and what they are worth; `None` where
    /// another one is at hand.
    pub(crate) fn at_hand(&self, range: &StreamRange) -> Option<(&[u8], &[StreamRange])> {
        let start = usize::try_from(range.offset.checked_sub(self.span.start)?).ok()?;
        let end = start.checked_add(usize::try_from(range.length).ok()?)?;
        Some((self.bytes.get(start..end)?, &self.ranges))
    }

    /// Keeps the output `span` at hand: `decode` fills it.
    pub(crate) fn keep(&mut self, span: Range<u64>, decode: impl FnOnce(&mut Self, &mut [u8]) -> Vec<StreamRange>) {
        let mut bytes = std::mem::take(&mut self.bytes);
        self.span = 0..0;
        bytes.resize(usize::try_from(span.end.saturating_sub(span.start)).unwrap_or(0), 0);
        self.ranges = decode(self, &mut bytes);
        self.bytes = bytes;
        self.span = span;
    }

    /// Decompresses the unit that starts at `unit` into `out`.
    pub(crate) fn unit(&mut self, map: &StreamMap<'_>, unit: u64, stored: u64, out: &mut [u8]) -> Vec<StreamRange> {
        let gaps = self.read_unit(map, unit, stored);
        let outcome = lznt1::decompress(&self.stored, out);
        let mut ranges = whole(unit, out, Origin::Compressed { unit, stored });
        let place = |part: Range<usize>| unit.saturating_add(wide(part.start))..unit.saturating_add(wide(part.end));
        for flaw in outcome.flaws() {
            let change = match flaw.certainty {
                // The format says so: zeros behind the end marker.
                Certainty::Implied => |range: StreamRange| range,
                Certainty::Missing => |range: StreamRange| range.lost(Missing::Undecodable),
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
    pub(crate) fn chunk(
        &mut self,
        overlay: &Overlay<'_>,
        read: &mut ReadChunks<'_>,
        (index, span): (u64, Range<u64>),
        out: &mut [u8],
    ) -> Vec<StreamRange> {
        let all = whole(span.start, out, Origin::Overlay);
        let lost = |out: &mut [u8], missing| {
            out.fill(0);
            repaint(&all, &span, |range| range.lost(missing))
        };
        let (place, table_is_proven) = match self.chunk_place(overlay, read, index) {
            Ok(found) => found,
            Err(missing) => return lost(out, missing),
        };
        self.stored.resize(usize::try_from(place.end.saturating_sub(place.start)).unwrap_or(0), 0);
        let stored = read(place.start, &mut self.stored);
        if let Some(missing) = stored.missing {
            return lost(out, missing);
        }
        let is_proven = table_is_proven && stored.is_true;
        let decoded = overlay.algorithm().decompress(&self.stored, out);
        let all = if is_proven { all } else { repaint(&all, &span, StreamRange::doubted) };
        let Err(damage) = decoded else { return all };
        let middle = span.start.saturating_add(damage.place.offset).min(span.end);
        let all = repaint(&all, &(span.start..middle), StreamRange::doubted);
        repaint(&all, &(middle..span.end), |range| range.lost(Missing::Undecodable))
    }

    /// Where chunk `index` lies in the stream of chunks, and whether that is proven.
    pub(crate) fn chunk_place(
        &mut self,
        overlay: &Overlay<'_>,
        read: &mut ReadChunks<'_>,
        index: u64,
    ) -> Result<(Range<u64>, bool), Missing> {
        let entries = overlay.table().entries_of(index).ok_or(Missing::Undecodable)?;
        let window_end = self.table.0.saturating_add(wide(self.table.1.len()));
        if entries.start < self.table.0 || entries.end > window_end {
            let end = entries.start.saturating_add(Self::TABLE_WINDOW).min(overlay.table().table_size());
            self.table.0 = entries.start;
            self.table.1.resize(usize::try_from(end.saturating_sub(entries.start)).unwrap_or(0), 0);
            if !read(entries.start, &mut self.table.1).is_true {
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
        let stored = read(entries.start, few);
        if let Some(missing) = stored.missing {
            return Err(missing);
        }
        let range = slice(few, entries.start).ok_or(Missing::Undecodable)?;
        Ok((range.map_err(undecodable)?, stored.is_true))
    }
}

/// Reads clusters that may reach over the volume's end; returns what of `part` is missing.
fn read_bounded(map: &StreamMap<'_>, position: u64, part: &mut [u8]) -> Vec<Range<usize>> {
    let length = part.len();
    let inside = usize::try_from(map.limit.saturating_sub(position)).unwrap_or(usize::MAX).min(length);
    let (present, outside) = part.split_at_mut(inside);
    outside.fill(0);
    let local = |place: u64| usize::try_from(place.saturating_sub(position)).unwrap_or(usize::MAX).min(length);
    let failed = map.source.window().read_readable(position, present).into_iter();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Threads;
    use crate::content::stream_reader::StreamReader;
    use crate::structure::attribute_type::AttributeType;
    use crate::structure::forge::Forge;
    use crate::structure::value::reparse_tag::ReparseTag;
    use crate::volume::forged_volume::{CLUSTER, CLUSTERS, Forged, add_runs, runs, with_runs};

    /// Offset and length of bytes that are not true, and why they are missing, if they are.
    type Untrue = (u64, u64, Option<Missing>);

    /// All bytes of record 30's stream, read at once, and what is not true of them.
    fn read(forged: &Forged) -> (Vec<u8>, Vec<Untrue>) {
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        let map = entry.streams()[0].map();
        let mut bytes = vec![0xEE; usize::try_from(map.size()).unwrap()];
        let mut reader = StreamReader::new(map);
        let reading = reader.read_at(0, &mut bytes);
        let flaws = reading.ranges().iter().filter(|range| !range.is_true());
        let flaws = flaws.map(|range| (range.offset, range.length, range.missing())).collect();
        (bytes, flaws)
    }

    /// A chunk of 4096 bytes `byte` in `size` bytes, 6 or at least 16: a literal, a match, and literals.
    fn chunk(byte: u8, size: usize) -> Vec<u8> {
        let literals = (0..size).find(|literals| 5 + literals + (2 + literals).div_ceil(8) == size).unwrap();
        let length = 4096 - 1 - literals;
        let mut bytes = (0xB000 | (size - 3) as u16).to_le_bytes().to_vec();
        bytes.extend_from_slice(&[0b10, byte]);
        bytes.extend_from_slice(&((length - 3) as u16).to_le_bytes());
        for token in 2..2 + literals {
            bytes.extend((token % 8 == 0).then_some(0));
            bytes.push(byte);
        }
        assert_eq!(bytes.len(), size);
        bytes
    }

    fn stored_chunk(byte: u8) -> Vec<u8> {
        [&[0xFF, 0x3F][..], &[byte; 4096]].concat()
    }

    /// A stream of one unit of 16 clusters, of which these runs are stored.
    fn unit(list: &[(u64, Option<u64>)], content: &[u8]) -> Forged {
        let clusters: u64 = list.iter().map(|run| run.0).sum();
        let list = [list, &[(16 - clusters, None)]].concat();
        let mut forged = Forged::new(vec![(30, with_runs(&list, 8192, 8192).stored_as(1, 4))]);
        let mut rest = content;
        for (length, lcn) in list {
            if let Some(lcn) = lcn {
                let (now, behind) = rest.split_at(rest.len().min((length * CLUSTER) as usize));
                forged.write(lcn, now);
                rest = behind;
            }
        }
        forged
    }

    #[test]
    fn zeros_behind_an_end_marker_are_true() {
        let forged = unit(&[(1, Some(300))], &[chunk(b'a', 6), vec![0, 0]].concat());
        assert_eq!(read(&forged), ([[b'a'; 4096], [0; 4096]].concat(), vec![]));
    }

    #[test]
    fn bytes_that_no_chunk_gives_are_missing() {
        // The first chunk fills its cluster, so that there is none behind it.
        let forged = unit(&[(1, Some(300))], &chunk(b'a', 512));
        let expected = ([[b'a'; 4096], [0; 4096]].concat(), vec![(4096, 4096, Some(Missing::Undecodable))]);
        assert_eq!(read(&forged), expected);
    }

    #[test]
    fn a_unit_in_several_runs_is_one() {
        let content = [stored_chunk(b'a'), chunk(b'b', 600)].concat();
        let forged = unit(&[(3, Some(300)), (2, Some(400)), (6, Some(310))], &content);
        assert_eq!(read(&forged), ([[b'a'; 4096], [b'b'; 4096]].concat(), vec![]));
    }

    #[test]
    fn a_lost_cluster_costs_the_chunks_that_lie_in_it() {
        let lost = |content: &[u8], cluster: u64| {
            let mut forged = unit(&[(10, Some(300))], content);
            assert_eq!(read(&forged).1, []);
            forged.spoil((300 + cluster) * CLUSTER..(301 + cluster) * CLUSTER);
            let (bytes, flaws) = read(&forged);
            assert!(flaws.iter().all(|flaw| flaw.2 == Some(Missing::Unreadable)));
            let is_lost = |place: u64| flaws.iter().any(|flaw| flaw.0 <= place && place < flaw.0 + flaw.1);
            for (byte, place) in bytes.into_iter().zip(0..) {
                let expected = if place < 4096 { b'a' } else { b'b' };
                assert_eq!(byte, if is_lost(place) { 0 } else { expected });
            }
            flaws.into_iter().map(|flaw| (flaw.0, flaw.1)).collect::<Vec<_>>()
        };
        // The first chunk ends with a cluster.
        let aligned = [chunk(b'a', 1024), chunk(b'b', 1024), vec![0, 0]].concat();
        let expected = [vec![(0, 8192)], vec![(0, 4096)], vec![(4096, 4096)], vec![(4096, 4096)], vec![]];
        assert_eq!([0, 1, 2, 3, 5].map(|cluster| lost(&aligned, cluster)), expected);
        let small_first = [chunk(b'a', 6), stored_chunk(b'b')].concat();
        assert_eq!(
            [0, 1, 8].map(|cluster| lost(&small_first, cluster)),
            [vec![(0, 8192)], vec![(4096, 4096)], vec![(4096, 4096)]]
        );
    }

    #[test]
    fn clusters_of_a_unit_outside_the_volume_are_missing() {
        let content = [stored_chunk(b'a'), chunk(b'b', 6)].concat();
        let forged = unit(&[(2, Some(300)), (7, Some(CLUSTERS - 1))], &content[..3 * CLUSTER as usize]);
        let (bytes, flaws) = read(&forged);
        assert_eq!(flaws, [(0, 8192, Some(Missing::Unreadable))]);
        assert!(bytes.iter().all(|byte| *byte == 0));
    }

    /// A file of 200 overlay chunks of zeros, each stored as it is, in a hole. The table has two clusters.
    fn overlaid(stored: impl Fn(Forge) -> Forge) -> Forged {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let value = [words(&[ReparseTag::WOF.0, 16]), words(&[1, 2, 1, 0])].concat();
        let size = 200 * 4096;
        let record = with_runs(&[(1600, None)], size, size).resident(AttributeType::REPARSE_POINT, "", &value);
        let mut forged = Forged::new(vec![(30, stored(record))]);
        forged.write(300, &words(&(1..200).map(|chunk| chunk * 4096).collect::<Vec<_>>()));
        forged
    }

    const STORED: u64 = 199 * 4 + 200 * 4096;

    #[test]
    fn a_lost_part_of_a_chunk_table_costs_the_chunks_that_are_found_by_it() {
        let list = [(2, Some(300)), (1600, None)];
        let mut forged = overlaid(|record| add_runs(record, "WofCompressedData", &list, STORED, STORED));
        let (bytes, flaws) = read(&forged);
        assert_eq!(flaws, []);
        // The first chunk begins behind the table, in its second cluster.
        assert!(bytes[1024 - 199 * 4..].iter().all(|byte| *byte == 0));
        // Entry 128 is the first of that cluster: it ends chunk 128 and begins the next.
        forged.spoil(301 * CLUSTER..302 * CLUSTER);
        let lost = Some(Missing::Unreadable);
        assert_eq!(read(&forged).1, [(0, 4096, lost), (128 * 4096, 72 * 4096, lost)]);
    }

    #[test]
    fn a_doubtful_cluster_of_chunks_makes_its_chunks_doubtful() {
        // Two pieces claim the cluster behind the table, in which the first chunk begins.
        let forged = overlaid(|record| {
            let sizes = [1602 * CLUSTER, STORED, STORED];
            let pieces = [((0, 2), runs(&[(2, Some(300)), (1, None)])), ((2, 1601), runs(&[(1600, None)]))];
            pieces.into_iter().fold(record, |record, (vcns, runs)| {
                record.runs(AttributeType::DATA, "WofCompressedData", vcns, sizes, &runs)
            })
        });
        assert_eq!(read(&forged).1, [(0, 4096, None)]);
    }

    #[test]
    fn a_chunk_table_is_read_once_for_all_its_chunks() {
        let list = [(2, Some(300)), (1600, None)];
        let forged = overlaid(|record| add_runs(record, "WofCompressedData", &list, STORED, STORED));
        // Behind the table, in its second cluster, the first chunk begins: that is another read.
        assert_eq!((read(&forged).1, forged.reads_in(300..302)), (vec![], 2));
    }
}
