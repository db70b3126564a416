//! Stream-optimised extents: compressed grains, each with its place on the disk before it.

use super::super::files::Files;
use super::super::piece::{Encoding, Loss, Piece, Run, Unit};
use super::SECTOR;
use crate::base::le;

/// Bytes before the content of a grain: its first sector on the disk, and how long it is.
const MARK: u64 = 12;

/// The grain that starts at `place`, if it says of itself that it is the one of this index.
///
/// # Errors
/// When it is another one, or none.
pub(super) fn unit(
    file: usize,
    files: &Files,
    place: u64,
    index: u64,
    grain: u64,
    capacity: u64,
) -> Result<Piece, Loss> {
    if place.saturating_add(MARK) > files.size(file) {
        return Err(Loss::BehindEnd);
    }
    let mark = files.bytes(file, place, MARK).ok_or(Loss::Unreadable)?;
    let (sector, stored) = (le::u64_at(&mark, 0).ok_or(Loss::Table)?, le::u32_at(&mark, 8).ok_or(Loss::Table)?);
    let start = index.saturating_mul(grain);
    if sector.checked_mul(SECTOR) != Some(start) || stored == 0 || u64::from(stored) > grain.saturating_mul(2) {
        return Err(Loss::Table);
    }
    let length = u32::try_from(grain.min(capacity.saturating_sub(start))).map_err(|_| Loss::Table)?;
    let offset = place.saturating_add(MARK);
    Ok(Piece::Packed(Unit { file, offset, stored, start, length, encoding: Encoding::Zlib }))
}

/// The grains of an extent whose tables are not there: it was cut, or never finished.
#[derive(Debug)]
pub(super) struct Scan {
    file: usize,
    grain: u64,
    capacity: u64,
    /// Index of each grain and where it starts in the file, by index. An index that two grains have is in there
    /// twice.
    grains: Vec<(u64, u64)>,
    /// Grains below this one that are not there never were.
    complete: u64,
}

impl Scan {
    /// Goes from mark to mark, `start` being where the first one is.
    pub(super) fn new(file: usize, files: &Files, start: u64, grain: u64, capacity: u64) -> Self {
        let (mut grains, mut at, mut is_ordered) = (Vec::<(u64, u64)>::new(), start, true);
        while let Some(mark) = files.bytes(file, at, 16) {
            let (value, size) = (le::u64_at(&mark, 0).unwrap_or(0), le::u32_at(&mark, 8).unwrap_or(0));
            let bytes = match (size, le::u32_at(&mark, 12)) {
                // The end of the stream, or nothing that was written.
                (0, Some(0)) => break,
                (0, Some(1..=3)) => value.saturating_mul(SECTOR).saturating_add(SECTOR),
                (0, _) => break,
                _ => {
                    let place = value.saturating_mul(SECTOR);
                    if !place.is_multiple_of(grain) || place >= capacity || u64::from(size) > grain.saturating_mul(2) {
                        break;
                    }
                    let index = place.checked_div(grain).unwrap_or(0);
                    is_ordered &= grains.last().is_none_or(|last| last.0 < index);
                    grains.push((index, at));
                    u64::from(size).saturating_add(MARK)
                }
            };
            let next = bytes.checked_next_multiple_of(SECTOR).and_then(|bytes| at.checked_add(bytes));
            at = next.unwrap_or(u64::MAX);
        }
        let complete = grains.last().filter(|_| is_ordered).map_or(0, |last| last.0);
        grains.sort_unstable();
        Self { file, grain, capacity, grains, complete }
    }

    pub(super) fn count(&self) -> usize {
        self.grains.len()
    }

    pub(super) fn run_at(&self, offset: u64, files: &Files) -> Run {
        let index = offset.checked_div(self.grain).unwrap_or(0);
        let from = self.grains.partition_point(|(other, _)| *other < index);
        let found = self.grains.get(from..).unwrap_or_default();
        let mut found = found.iter().take_while(|(other, _)| *other == index).map(|(_, place)| *place);
        let piece = match (found.next(), found.next()) {
            (Some(place), None) => {
                unit(self.file, files, place, index, self.grain, self.capacity).unwrap_or_else(Piece::Lost)
            }
            (Some(_), Some(_)) => Piece::Lost(Loss::Table),
            (None, _) if index < self.complete => Piece::Parent,
            (None, _) => Piece::Lost(Loss::BehindEnd),
        };
        let left = self.grain.saturating_sub(offset.checked_rem(self.grain).unwrap_or(0));
        Run { length: left, piece }
    }
}
