//! What a range of a disk is made of, through all the images that are differences to each other.

use std::ops::Range;

use super::image::Image;
use super::piece::{Loss, Piece, Run, Unit};

/// One image of a chain.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) image: Image,
    /// Where bytes are lost whatever the map says, in order, none overlapping.
    lost: Vec<(Range<u64>, Loss)>,
}

impl Layer {
    pub(super) fn new(mut image: Image) -> Self {
        let mut given = std::mem::take(&mut image.lost);
        given.sort_by_key(|(range, _)| range.start);
        let mut lost: Vec<(Range<u64>, Loss)> = Vec::new();
        for (range, loss) in given {
            let end = lost.last().map_or(0, |(last, _)| last.end);
            let rest = range.start.max(end)..range.end.min(image.size);
            match lost.last_mut() {
                _ if rest.is_empty() => {}
                Some((last, same)) if *same == loss && last.end == rest.start => last.end = rest.end,
                _ => lost.push((rest, loss)),
            }
        }
        Self { image, lost }
    }

    pub(super) fn lost(&self) -> &[(Range<u64>, Loss)] {
        &self.lost
    }

    /// What the bytes from `offset` on are made of, as far as this image knows, `limit` bytes at most.
    fn run_at(&self, offset: u64, limit: u64) -> Run {
        let next = self.lost.partition_point(|(range, _)| range.end <= offset);
        let limit = match self.lost.get(next) {
            Some((range, loss)) if range.start <= offset => {
                let length = range.end.saturating_sub(offset).min(limit);
                return Run { length, piece: Piece::Lost(*loss) };
            }
            Some((range, _)) => range.start.saturating_sub(offset).min(limit),
            None => limit,
        };
        let run = self.image.map.run_at(offset, limit, &self.image.files);
        let length = run.length.clamp(1, limit);
        match run.piece {
            Piece::Raw { file, offset: place } => self.raw(file, place, length),
            Piece::Packed(unit) => packed(unit, offset, length),
            piece => Run { length, piece },
        }
    }

    /// Bytes as they are, as far as the file has them.
    fn raw(&self, file: usize, offset: u64, length: u64) -> Run {
        let there = self.image.files.size(file).saturating_sub(offset).min(length);
        match there {
            _ if self.image.files.path(file).is_none() => Run { length, piece: Piece::Lost(Loss::MissingFile) },
            0 => Run { length, piece: Piece::Lost(Loss::BehindEnd) },
            _ => Run { length: there, piece: Piece::Raw { file, offset } },
        }
    }
}

/// Part of a unit. A map that names a unit which does not have the bytes is wrong.
fn packed(unit: Unit, offset: u64, length: u64) -> Run {
    match u64::from(unit.length).checked_sub(offset.wrapping_sub(unit.start)) {
        Some(left) if left > 0 => Run { length: length.min(left), piece: Piece::Packed(unit) },
        _ => Run { length, piece: Piece::Lost(Loss::Table) },
    }
}

/// A range of the disk, and where it comes from: never from a parent, which is a layer here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Which bytes of the disk.
    pub(super) range: Range<u64>,
    /// Index of the image that has them.
    pub(super) layer: usize,
    pub(super) piece: Piece,
}

/// The parts of a range of the disk, in order and without gaps.
#[derive(Debug)]
pub(super) struct Parts<'l> {
    layers: &'l [Layer],
    /// What bytes of a missing last parent are.
    lacks_parent: bool,
    rest: Range<u64>,
}

impl<'l> Parts<'l> {
    pub(super) fn new(layers: &'l [Layer], lacks_parent: bool, range: Range<u64>) -> Self {
        Self { layers, lacks_parent, rest: range }
    }

    fn part_at(&self, offset: u64, mut length: u64) -> Part {
        let part = |length: u64, layer, piece| Part { range: offset..offset.saturating_add(length), layer, piece };
        for (index, layer) in self.layers.iter().enumerate() {
            let left = layer.image.size.saturating_sub(offset);
            if left == 0 {
                // A disk that grew: what the parent never had is zero.
                return part(length, index, Piece::Zero);
            }
            let run = layer.run_at(offset, length.min(left));
            length = run.length;
            if run.piece != Piece::Parent {
                return part(length, index, run.piece);
            }
        }
        let piece = if self.lacks_parent { Piece::Lost(Loss::MissingParent) } else { Piece::Zero };
        part(length, self.layers.len().saturating_sub(1), piece)
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let length = self.rest.end.checked_sub(self.rest.start).filter(|&length| length > 0)?;
        let part = self.part_at(self.rest.start, length);
        self.rest.start = part.range.end;
        Some(part)
    }
}
