//! The one way in which all formats are read.

use std::fmt;
use std::io;
use std::iter::Peekable;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::{Cache, Decoded};
use super::decode::decode;
use super::files::Files;
use super::image::{Facts, Image};
use super::parts::{Layer, Part, Parts};
use super::piece::{Encoding, Loss, Piece, Unit};
use crate::base::damage::wide;
use crate::base::error::ReadError;
use crate::source::Source;

/// A disk that one or more files have in another form: an evidence file, a virtual disk.
///
/// It is read by position, on any number of threads, and never as a whole. What it has lost is an error of that
/// range, and nothing else is.
pub struct Container {
    /// The image that was opened, and behind each the one that it is the difference to.
    layers: Vec<Layer>,
    lacks_parent: bool,
    size: u64,
    cache: Cache,
}

/// A range of a disk, and where its bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Which bytes of the disk.
    pub range: Range<u64>,
    /// Where they are kept.
    pub origin: Origin,
}

/// Where bytes of a disk are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// As they are, from `offset` of a file on.
    Stored {
        /// The file.
        path: PathBuf,
        /// Where the first byte lies in it.
        offset: u64,
    },
    /// In a packed unit, from byte `skip` of what it decodes to on.
    Packed {
        /// The file.
        path: PathBuf,
        /// Where the unit lies in it.
        offset: u64,
        /// Bytes the unit is stored in, at most.
        stored: u32,
        /// How it is packed.
        encoding: Encoding,
        /// Where the first byte lies in what the unit decodes to.
        skip: u64,
    },
    /// Nowhere: the format says that they repeat these eight bytes, counted from the disk's start.
    Filled([u8; 8]),
    /// They are lost.
    Lost(Loss),
}

/// A range that cannot be read, with the reason and, where there is one, the place.
struct Hole {
    range: Range<u64>,
    loss: Loss,
    place: Option<(usize, usize, u64)>,
}

/// How many stored bytes are read at once for packed units.
const BATCH: u64 = 1 << 20;

impl Container {
    pub(super) fn new(images: Vec<Image>, lacks_parent: bool) -> Self {
        let size = images.first().map_or(0, |image| image.size);
        let layers = images.into_iter().map(Layer::new).collect();
        Self { layers, lacks_parent, size, cache: Cache::new() }
    }

    /// The format, as people call it: `EWF-E01`.
    #[must_use]
    pub fn format(&self) -> &'static str {
        self.layers.first().map_or("", |layer| layer.image.format)
    }

    /// Bytes of a sector, where the image states it.
    #[must_use]
    pub fn sector_size(&self) -> Option<u32> {
        self.layers.first()?.image.sector_size
    }

    /// What the image says of itself.
    #[must_use]
    pub fn facts(&self) -> Option<&Facts> {
        self.layers.first().map(|layer| &layer.image.facts)
    }

    /// What is odd or damaged, a sentence each, for the image and its parents.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().flat_map(|layer| layer.image.facts.notes.iter().map(String::as_str))
    }

    /// The files, each with its size in bytes; first those of the image, then those of its parents.
    pub fn files(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.layers.iter().flat_map(|layer| layer.image.files.paths())
    }

    /// How many images are differences to each other; 1 for an image without parent.
    #[must_use]
    pub fn images(&self) -> usize {
        self.layers.len()
    }

    /// What is known to be lost without reading it, in order: what the image itself calls unreadable, and what
    /// missing files have. What is lost by damage is found where it is read.
    #[must_use]
    pub fn known_losses(&self) -> &[(Range<u64>, Loss)] {
        self.layers.first().map_or(&[], Layer::lost)
    }

    /// Where the bytes of a range are kept, in order and without gaps, as far as the disk reaches.
    pub fn locate(&self, range: Range<u64>) -> impl Iterator<Item = Located> + '_ {
        self.parts(range).map(|part| {
            let path = |file| {
                let layer = self.layers.get(part.layer);
                layer.and_then(|layer| layer.image.files.path(file)).map(Path::to_owned).unwrap_or_default()
            };
            let origin = match part.piece {
                Piece::Raw { file, offset } => Origin::Stored { path: path(file), offset },
                Piece::Packed(Unit { file, offset, stored, encoding, start, .. }) => {
                    let skip = part.range.start.wrapping_sub(start);
                    Origin::Packed { path: path(file), offset, stored, encoding, skip }
                }
                Piece::Pattern(bytes) => Origin::Filled(bytes),
                Piece::Zero | Piece::Parent => Origin::Filled([0; 8]),
                Piece::Lost(loss) => Origin::Lost(loss),
            };
            Located { range: part.range, origin }
        })
    }

    fn parts(&self, range: Range<u64>) -> Parts<'_> {
        Parts::new(&self.layers, self.lacks_parent, range.start..range.end.min(self.size))
    }

    fn files_of(&self, layer: usize) -> Option<&Files> {
        Some(&self.layers.get(layer)?.image.files)
    }

    /// Fills `buffer`, which lies in the disk, and returns what cannot be read; the buffer is zero there.
    fn fill(&self, offset: u64, buffer: &mut [u8]) -> Vec<Hole> {
        let mut parts = self.parts(offset..offset.saturating_add(wide(buffer.len()))).peekable();
        let mut target = Target { start: offset, buffer, holes: Vec::new() };
        while let Some(part) = parts.next() {
            match part.piece {
                Piece::Zero | Piece::Parent => target.part(&part.range).fill(0),
                Piece::Pattern(pattern) => repeat(pattern, part.range.start, target.part(&part.range)),
                Piece::Lost(loss) => target.lose(part.range, loss, None),
                Piece::Raw { file, offset } => {
                    let range = part.range.start..raw_end(&part, &mut parts);
                    self.read_raw(part.layer, file, offset, range, &mut target);
                }
                Piece::Packed(unit) if is_whole(&part.range, unit) => {
                    let units = batch(unit, part.layer, &mut parts);
                    self.read_units(part.layer, &units, &mut target);
                }
                Piece::Packed(unit) => self.read_cut(part.layer, unit, part.range, &mut target),
            }
        }
        target.holes
    }

    fn read_raw(&self, layer: usize, file: usize, place: u64, range: Range<u64>, target: &mut Target<'_>) {
        let missing = match self.files_of(layer) {
            Some(files) => files.read(file, place, target.part(&range)),
            None => return target.lose(range, Loss::MissingFile, None),
        };
        for gap in missing {
            let start = range.start.saturating_add(gap.start.saturating_sub(place));
            let end = start.saturating_add(gap.end.saturating_sub(gap.start)).min(range.end);
            target.lose(start..end, Loss::Unreadable, Some((layer, file, gap.start)));
        }
    }

    /// Units that lie one behind the other in their file, each wanted as a whole.
    fn read_units(&self, layer: usize, units: &[Unit], target: &mut Target<'_>) {
        let (Some(first), Some(last), Some(files)) = (units.first(), units.last(), self.files_of(layer)) else {
            return;
        };
        let stored = stored_range(first).start..stored_range(last).end.min(files.size(first.file));
        let length = stored.end.saturating_sub(stored.start);
        let mut packed = vec![0; usize::try_from(length).unwrap_or(0)];
        let missing = files.read(first.file, stored.start, &mut packed);
        for unit in units {
            let range = range_of(unit);
            let outcome = match unreadable(unit, &missing, files) {
                Some(loss) => Err(loss),
                None => decode(unit.encoding, within(&packed, stored.start, unit), target.part(&range)),
            };
            if let Err(loss) = outcome {
                target.lose(range, truncated(loss, unit, files), Some((layer, unit.file, unit.offset)));
            }
        }
    }

    /// A unit of which only a part is wanted.
    fn read_cut(&self, layer: usize, unit: Unit, range: Range<u64>, target: &mut Target<'_>) {
        let key = (layer, unit.file, unit.offset);
        let decoded = self.cache.get(key).unwrap_or_else(|| {
            let decoded = self.decoded(layer, &unit);
            self.cache.put(key, decoded.clone());
            decoded
        });
        let skip = usize::try_from(range.start.wrapping_sub(unit.start)).unwrap_or(usize::MAX);
        let bytes = target.part(&range);
        let wanted = skip..skip.saturating_add(bytes.len());
        match decoded.as_deref().map(|decoded| decoded.get(wanted)) {
            Ok(Some(decoded)) => bytes.copy_from_slice(decoded),
            Ok(None) => target.lose(range, Loss::Undecodable, Some(key)),
            Err(loss) => target.lose(range, *loss, Some(key)),
        }
    }

    fn decoded(&self, layer: usize, unit: &Unit) -> Decoded {
        let files = self.files_of(layer).ok_or(Loss::MissingFile)?;
        let stored = stored_range(unit);
        let length = stored.end.min(files.size(unit.file)).saturating_sub(stored.start);
        let mut packed = vec![0; usize::try_from(length).unwrap_or(0)];
        let missing = files.read(unit.file, stored.start, &mut packed);
        if let Some(loss) = unreadable(unit, &missing, files) {
            return Err(loss);
        }
        let mut bytes = vec![0; usize::try_from(unit.length).unwrap_or(0)];
        match decode(unit.encoding, &packed, &mut bytes) {
            Ok(()) => Ok(Arc::from(bytes)),
            Err(loss) => Err(truncated(loss, unit, files)),
        }
    }

    /// What a hole is called in an error.
    fn error(&self, hole: Hole) -> ReadError {
        let place = hole.place.and_then(|(layer, file, offset)| {
            let path = self.files_of(layer)?.path(file)?;
            Some(format!(" ({} at byte {offset})", path.file_name().unwrap_or_default().to_string_lossy()))
        });
        let error = io::Error::other(format!("{}{}", hole.loss, place.unwrap_or_default()));
        ReadError { offset: hole.range.start, length: hole.range.end.saturating_sub(hole.range.start), error }
    }
}

impl Source for Container {
    fn size(&self) -> u64 {
        self.size
    }

    fn is_gone(&self) -> bool {
        self.layers.iter().all(|layer| layer.image.files.are_gone())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = self.size.saturating_sub(offset);
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        match self.fill(offset, buffer.get_mut(..length).unwrap_or_default()).into_iter().next() {
            None => Ok(length),
            Some(hole) => Err(self.error(hole)),
        }
    }

    fn is_hole(&self, range: Range<u64>) -> bool {
        let is_zero =
            |piece: &Piece| matches!(piece, Piece::Zero | Piece::Parent | Piece::Pattern([0, 0, 0, 0, 0, 0, 0, 0]));
        range.end <= self.size && self.parts(range).all(|part| is_zero(&part.piece))
    }

    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        let left = self.size.saturating_sub(offset);
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let (inside, behind) = buffer.split_at_mut(length);
        behind.fill(0);
        let end = offset.saturating_add(wide(length));
        let behind = end..end.saturating_add(wide(behind.len()));
        let mut missing: Vec<Range<u64>> = Vec::new();
        for range in self.fill(offset, inside).into_iter().map(|hole| hole.range).chain([behind]) {
            match missing.last_mut().filter(|last| last.end == range.start) {
                _ if range.is_empty() => {}
                Some(last) => last.end = range.end,
                None => missing.push(range),
            }
        }
        missing
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layers, lacks_parent, size, cache } = self;
        let formats: Vec<_> = layers.iter().map(|layer| layer.image.format).collect();
        write!(f, "Container({size} bytes, {formats:?}, lacks a parent: {lacks_parent}, {cache:?})")
    }
}

/// The buffer of a request, and what of it cannot be filled.
struct Target<'b> {
    start: u64,
    buffer: &'b mut [u8],
    holes: Vec<Hole>,
}

impl Target<'_> {
    /// The bytes of the buffer that are those of `range`.
    fn part(&mut self, range: &Range<u64>) -> &mut [u8] {
        let place = |position: u64| usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let (start, end) = (place(range.start), place(range.end));
        self.buffer.get_mut(start..end).unwrap_or_default()
    }

    fn lose(&mut self, range: Range<u64>, loss: Loss, place: Option<(usize, usize, u64)>) {
        self.part(&range).fill(0);
        self.holes.push(Hole { range, loss, place });
    }
}

/// Where the bytes end that lie in one file one behind the other.
fn raw_end(first: &Part, parts: &mut Peekable<Parts<'_>>) -> u64 {
    let mut end = first.range.end;
    let Piece::Raw { file, offset } = first.piece else { return end };
    let follows = |part: &Part, end: u64| {
        let place = offset.saturating_add(end.saturating_sub(first.range.start));
        part.layer == first.layer && part.piece == Piece::Raw { file, offset: place }
    };
    while let Some(next) = parts.next_if(|part| follows(part, end)) {
        end = next.range.end;
    }
    end
}

/// The units that follow in the file as they do on the disk, each wanted as a whole.
fn batch(first: Unit, layer: usize, parts: &mut Peekable<Parts<'_>>) -> Vec<Unit> {
    let mut units = vec![first];
    let mut end = stored_range(&first).end;
    while let Some(Part { piece: Piece::Packed(unit), .. }) = parts.next_if(|part| {
        let Piece::Packed(unit) = part.piece else { return false };
        let is_next = part.layer == layer && unit.file == first.file && unit.offset == end;
        let is_small = stored_range(&unit).end.saturating_sub(first.offset) <= BATCH;
        is_next && is_small && is_whole(&part.range, unit)
    }) {
        end = stored_range(&unit).end;
        units.push(unit);
    }
    units
}

fn is_whole(range: &Range<u64>, unit: Unit) -> bool {
    *range == range_of(&unit)
}

/// Which bytes of the disk a unit has.
fn range_of(unit: &Unit) -> Range<u64> {
    unit.start..unit.start.saturating_add(u64::from(unit.length))
}

fn stored_range(unit: &Unit) -> Range<u64> {
    unit.offset..unit.offset.saturating_add(u64::from(unit.stored))
}

/// The stored bytes of a unit, as far as they are there, in those of its file from `start` on.
fn within<'p>(packed: &'p [u8], start: u64, unit: &Unit) -> &'p [u8] {
    let Range { start: from, end: to } = stored_range(unit);
    let place = |position: u64| usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
    packed.get(place(from)..place(to).min(packed.len())).unwrap_or_default()
}

/// Why nothing of a unit can be read, if so.
fn unreadable(unit: &Unit, missing: &[Range<u64>], files: &Files) -> Option<Loss> {
    let stored = stored_range(unit);
    if files.path(unit.file).is_none() {
        return Some(Loss::MissingFile);
    }
    if stored.start >= files.size(unit.file) {
        return Some(Loss::BehindEnd);
    }
    missing.iter().any(|gap| gap.start < stored.end && stored.start < gap.end).then_some(Loss::Unreadable)
}

/// A unit that cannot be decoded because its file ends in it has another reason.
fn truncated(loss: Loss, unit: &Unit, files: &Files) -> Loss {
    let is_cut = stored_range(unit).end > files.size(unit.file);
    if is_cut && matches!(loss, Loss::Undecodable | Loss::Checksum) { Loss::BehindEnd } else { loss }
}

fn repeat(pattern: [u8; 8], offset: u64, bytes: &mut [u8]) {
    let skip = usize::try_from(offset % 8).unwrap_or(0);
    for (byte, &value) in bytes.iter_mut().zip(pattern.iter().cycle().skip(skip)) {
        *byte = value;
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list with one range is what is meant")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::container::files::ImageFile;
    use crate::container::image::Map;
    use crate::container::piece::Run;

    /// A map that is a list of pieces, and gives runs that are as short as `step` says.
    #[derive(Debug)]
    struct Listed {
        pieces: Vec<Piece>,
        unit: u64,
        step: u64,
    }

    impl Map for Listed {
        fn run_at(&self, offset: u64, limit: u64, _: &Files) -> Run {
            let (index, skip) = (offset / self.unit, offset % self.unit);
            let length = (self.unit - skip).min(limit).min(self.step);
            let piece = match self.pieces[index as usize].clone() {
                Piece::Raw { file, offset } => Piece::Raw { file, offset: offset + skip },
                piece => piece,
            };
            Run { length, piece }
        }
    }

    const UNIT: u64 = 96;

    fn file(bytes: Vec<u8>) -> ImageFile {
        ImageFile { path: "x/image.test".into(), source: Arc::new(bytes) }
    }

    /// A zlib stream of one stored block.
    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let length = bytes.len() as u16;
        let head = [0x78, 1, 1, length as u8, (length >> 8) as u8, !length as u8, (!length >> 8) as u8];
        [&head[..], bytes, &simd_adler32::adler32(&bytes).to_be_bytes()].concat()
    }

    /// What stands at each byte of the disk: a value, or that it is lost.
    type Model = Vec<Option<u8>>;

    /// An image with one piece of `unit` bytes for each kind, and what it is to read as over a parent.
    fn image(kinds: &[u8], step: u64, parent: &Model) -> (Image, Model) {
        let (mut bytes, mut pieces, mut model) = (vec![0xEE; 10], Vec::new(), Model::new());
        for (index, &kind) in kinds.iter().enumerate() {
            let start = index as u64 * UNIT;
            let content: Vec<u8> = (0..UNIT).map(|at| (start + at * 7) as u8 | 1).collect();
            let place = bytes.len() as u64;
            let mut unit = |stored: Vec<u8>, encoding| {
                bytes.extend(&stored);
                let (length, stored) = (UNIT as u32, stored.len() as u32);
                Piece::Packed(Unit { file: 0, offset: place, stored, start, length, encoding })
            };
            let (piece, read): (Piece, Model) = match kind {
                0 => (Piece::Zero, vec![Some(0); UNIT as usize]),
                1 => {
                    bytes.extend(&content);
                    (Piece::Raw { file: 0, offset: place }, content.iter().copied().map(Some).collect())
                }
                2 => (unit(zlib(&content), Encoding::Zlib), content.iter().copied().map(Some).collect()),
                3 => {
                    let sum = simd_adler32::adler32(&content.as_slice()).to_le_bytes();
                    let stored = [&content[..], &sum].concat();
                    (unit(stored, Encoding::Adler32), content.iter().copied().map(Some).collect())
                }
                4 => {
                    let mut stored = zlib(&content);
                    stored[20] ^= 4;
                    (unit(stored, Encoding::Zlib), vec![None; UNIT as usize])
                }
                5 => (Piece::Lost(Loss::Table), vec![None; UNIT as usize]),
                6 => (Piece::Pattern(*b"pattern!"), b"pattern!".repeat(12).into_iter().map(Some).collect()),
                7 => (Piece::Raw { file: 9, offset: 0 }, vec![None; UNIT as usize]),
                8 => (Piece::Raw { file: 0, offset: 1 << 40 }, vec![None; UNIT as usize]),
                _ => {
                    let range = start as usize..(start + UNIT) as usize;
                    (Piece::Parent, range.map(|at| parent.get(at).copied().unwrap_or(Some(0))).collect())
                }
            };
            pieces.push(piece);
            model.extend(read);
        }
        let mut files = Files::default();
        files.add(file(bytes));
        let size = kinds.len() as u64 * UNIT;
        (Image::new("test", size, files, Box::new(Listed { pieces, unit: UNIT, step })), model)
    }

    fn holes(model: &[Option<u8>], offset: u64, length: usize) -> Vec<Range<u64>> {
        let mut holes: Vec<Range<u64>> = Vec::new();
        for at in offset..offset + length as u64 {
            match model.get(at as usize) {
                Some(Some(_)) => {}
                _ => match holes.last_mut() {
                    Some(last) if last.end == at => last.end += 1,
                    _ => holes.push(at..at + 1),
                },
            }
        }
        holes
    }

    proptest! {
        /// Whatever a disk is made of, each byte is read as what it is, or told as lost, by whatever reads.
        #[test]
        fn every_read_gives_each_byte_or_names_it(
            child in prop::collection::vec(0_u8..12, 1..20),
            parent in prop::collection::vec(0_u8..12, 0..20),
            steps in (1_u64..200, 1_u64..200),
            lost in prop::collection::vec((0_u64..2000, 0_u64..150), 0..3),
            requests in prop::collection::vec((0_u64..2000, 0_usize..700), 1..10),
        ) {
            let (parent, below) = image(&parent, steps.0, &Model::new());
            let (mut child, mut model) = image(&child, steps.1, &below);
            for (start, length) in lost {
                child.lost.push((start..start + length, Loss::Acquisition));
                (start..start + length).for_each(|at| if let Some(byte) = model.get_mut(at as usize) { *byte = None });
            }
            let container = Container::new(vec![child, parent], false);
            for (offset, length) in requests {
                let mut buffer = vec![0xDD; length];
                let missing = container.read_readable(offset, &mut buffer);
                prop_assert_eq!(&missing, &holes(&model, offset, length));
                for (at, &byte) in (offset..).zip(&buffer) {
                    prop_assert_eq!(byte, model.get(at as usize).copied().flatten().unwrap_or(0), "{}", at);
                }
                let inside = length.min(model.len().saturating_sub(offset as usize));
                let first = holes(&model, offset, inside).first().cloned();
                match (container.read_at(offset, &mut buffer), first) {
                    (Ok(count), None) => prop_assert_eq!(count, inside),
                    (Err(error), Some(hole)) => prop_assert_eq!(error.offset, hole.start),
                    (outcome, expected) => prop_assert!(false, "{outcome:?}, but {expected:?} is lost"),
                }
                let located: Vec<_> = container.locate(offset..offset + length as u64).collect();
                let end = (offset + length as u64).min(container.size());
                prop_assert_eq!(located.iter().map(|part| part.range.end - part.range.start).sum::<u64>(), end.saturating_sub(offset));
            }
        }
    }

    #[test]
    fn what_a_missing_parent_has_is_lost() {
        let (child, _) = image(&[1, 9, 1], 500, &Model::new());
        let container = Container::new(vec![child], true);
        assert_eq!(container.read_readable(0, &mut [0; 288]), [96..192]);
        let error = container.read_at(0, &mut [0; 288]).unwrap_err().to_string();
        assert_eq!(error, "cannot read 96 bytes at offset 96: the parent image that has them is missing");
    }

    #[test]
    fn a_damaged_unit_is_named_with_its_file_and_place() {
        let (image, _) = image(&[2, 4], 500, &Model::new());
        let container = Container::new(vec![image], false);
        let text = "cannot read 96 bytes at offset 96: the image's checksum of them is wrong (image.test at byte 117)";
        assert_eq!(container.read_at(0, &mut [0; 192]).unwrap_err().to_string(), text);
        let cut = container.read_at(100, &mut [0; 10]).unwrap_err();
        assert_eq!((cut.offset, cut.length), (100, 10));
        assert!(matches!(
            container.locate(100..110).next().unwrap().origin,
            Origin::Packed { offset: 117, skip: 4, encoding: Encoding::Zlib, .. }
        ));
    }

    /// A file of 4 KiB whose second sector is bad, and which counts how often it is asked for.
    #[derive(Debug)]
    struct Failing(std::sync::atomic::AtomicUsize);

    impl Source for Failing {
        fn size(&self) -> u64 {
            4096
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
            let end = offset + buffer.len() as u64;
            if offset < 1024 && end > 512 {
                self.0.fetch_add(usize::from(buffer.len() <= 512), std::sync::atomic::Ordering::Relaxed);
                return Err(ReadError { offset, length: 1, error: io::Error::other("bad sector") });
            }
            buffer.fill(7);
            Ok(buffer.len())
        }
    }

    #[test]
    fn a_bad_sector_of_the_file_is_asked_for_once() {
        let failing = Arc::new(Failing(0.into()));
        let mut files = Files::default();
        files.add(ImageFile { path: "bad".into(), source: failing.clone() });
        let pieces = vec![Piece::Raw { file: 0, offset: 96 }];
        let map = Box::new(Listed { pieces, unit: 4000, step: 4000 });
        let container = Container::new(vec![Image::new("test", 4000, files, map)], false);
        for _ in 0..3 {
            assert_eq!(container.read_readable(0, &mut [0; 4000]), [416..928]);
        }
        assert_eq!(failing.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
