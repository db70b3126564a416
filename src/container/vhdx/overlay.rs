//! A file as it will be once its log is written to it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use crate::base::damage::wide;
use crate::base::error::ReadError;
use crate::source::SharedSource;
use crate::source::Source;

/// Bytes of a sector of the log, and of what it replaces.
pub(super) const LOG_SECTOR: u64 = 4096;

/// What stands in a range's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patch {
    Zeros,
    /// A sector of the log: its content is framed by words that guard it, and stands here.
    Sector {
        /// The first eight bytes.
        leading: [u8; 8],
        /// The last four bytes.
        trailing: [u8; 4],
        /// Where the sector of the log lies in the file.
        place: u64,
    },
}

/// Patches by the range they stand for; the later ones win.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Patches {
    /// By the start: where it ends, where the patch starts, and what it is.
    patches: BTreeMap<u64, (u64, u64, Patch)>,
}

impl Patches {
    pub(super) fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    pub(super) fn end(&self) -> u64 {
        self.patches.values().map(|patch| patch.0).max().unwrap_or(0)
    }

    /// Puts a patch over whatever stood there before.
    pub(super) fn put(&mut self, range: Range<u64>, patch: Patch) {
        if range.is_empty() {
            return;
        }
        let before = self.patches.range(..range.start).next_back().map(|(&start, &held)| (start, held));
        if let Some((start, (end, from, held))) = before.filter(|(_, (end, ..))| *end > range.start) {
            self.patches.insert(start, (range.start, from, held));
            if end > range.end {
                self.patches.insert(range.end, (end, from, held));
            }
        }
        while let Some((&start, &(end, from, held))) = self.patches.range(range.clone()).next() {
            self.patches.remove(&start);
            if end > range.end {
                self.patches.insert(range.end, (end, from, held));
            }
        }
        self.patches.insert(range.start, (range.end, range.start, patch));
    }

    /// The next patch that reaches behind `offset`: its range, where it started, and what it is.
    fn next(&self, offset: u64) -> Option<(Range<u64>, u64, Patch)> {
        let before = self.patches.range(..=offset).next_back().filter(|(_, (end, ..))| *end > offset);
        let (&start, &(end, from, patch)) = before.or_else(|| self.patches.range(offset..).next())?;
        Some((start..end, from, patch))
    }
}

/// A file, and what its log says that it should be.
#[derive(Clone)]
pub(super) struct Replayed {
    file: SharedSource,
    patches: Patches,
    size: u64,
    /// Up to here the file was safe on its disk when the log was written: what it lacks of that is lost.
    flushed: u64,
}

impl Replayed {
    /// The file is at least as long as its last patch and `least`: the log makes it longer. A file that is
    /// shorter than `flushed` was cut.
    pub(super) fn new(file: SharedSource, patches: Patches, least: u64, flushed: u64) -> Self {
        let size = file.size().max(patches.end()).max(least);
        Self { file, patches, size, flushed }
    }

    /// Bytes that no patch has: the file's, and zeros behind its end.
    fn unpatched(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadError> {
        let count = self.file.read_at(offset, buffer)?;
        let end = offset.saturating_add(wide(count));
        if count < buffer.len() && end < self.flushed {
            let error = io::Error::other("the file was cut before these bytes");
            return Err(ReadError { offset: end, length: self.flushed.saturating_sub(end), error });
        }
        buffer.get_mut(count..).unwrap_or_default().fill(0);
        Ok(())
    }

    fn patched(&self, patch: Patch, skip: u64, buffer: &mut [u8]) -> Result<(), ReadError> {
        let Patch::Sector { leading, trailing, place } = patch else {
            buffer.fill(0);
            return Ok(());
        };
        self.unpatched(place.saturating_add(skip), buffer)?;
        for (at, byte) in (skip..LOG_SECTOR).zip(buffer.iter_mut()) {
            let framed = match at {
                0..8 => usize::try_from(at).ok().and_then(|at| leading.get(at)),
                _ => {
                    at.checked_sub(LOG_SECTOR.saturating_sub(4)).and_then(|at| trailing.get(usize::try_from(at).ok()?))
                }
            };
            *byte = framed.copied().unwrap_or(*byte);
        }
        Ok(())
    }
}

impl Source for Replayed {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = self.size.saturating_sub(offset);
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let end = offset.saturating_add(wide(length));
        let mut rest = buffer.get_mut(..length).unwrap_or_default();
        let mut at = offset;
        while at < end {
            let (stop, patch) = match self.patches.next(at) {
                Some((range, from, patch)) if range.start <= at => (range.end, Some((from, patch))),
                Some((range, ..)) => (range.start, None),
                None => (end, None),
            };
            let stop = stop.min(end);
            let count = usize::try_from(stop.saturating_sub(at)).unwrap_or(usize::MAX).min(rest.len());
            let (now, behind) = rest.split_at_mut(count);
            match patch {
                Some((from, patch)) => self.patched(patch, at.saturating_sub(from), now)?,
                None => self.unpatched(at, now)?,
            }
            (at, rest) = (stop, behind);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    #[test]
    fn what_was_flushed_and_is_not_there_is_not_zero() {
        let replayed = Replayed::new(Arc::new(vec![1; 100]), Patches::default(), 300, 200);
        let mut buffer = [0xAA; 100];
        assert_eq!(replayed.read_at(50, &mut buffer).unwrap_err().offset, 100);
        assert_eq!(replayed.read_at(200, &mut buffer).unwrap(), 100);
        assert_eq!(buffer, [0; 100]);
    }

    proptest! {
        /// Patches in any order against a plain copy that is written to.
        #[test]
        fn reads_as_if_it_were_written(
            patches in prop::collection::vec((0_u64..12, 1_u64..4, any::<bool>()), 0..12),
            reads in prop::collection::vec((0_u64..60_000, 0_usize..30_000), 1..6),
        ) {
            let file: Vec<u8> = (0..32_768_u32).map(|at| u8::try_from(at % 253).unwrap()).collect();
            let mut model = file.clone();
            let mut held = Patches::default();
            for (index, &(sector, count, is_zero)) in patches.iter().enumerate() {
                let start = sector * LOG_SECTOR;
                let at = usize::try_from(start).unwrap();
                let count = if is_zero { count } else { 1 };
                let length = usize::try_from(count * LOG_SECTOR).unwrap();
                model.resize(model.len().max(at + length), 0);
                model[at..at + length].fill(0);
                if is_zero {
                    held.put(start..start + count * LOG_SECTOR, Patch::Zeros);
                } else {
                    let place = 4096 * (u64::try_from(index).unwrap() % 7);
                    let from = usize::try_from(place).unwrap();
                    model[at..at + 4096].copy_from_slice(&file[from..from + 4096]);
                    model[at..at + 8].copy_from_slice(b"leading!");
                    model[at + 4092..at + 4096].copy_from_slice(b"tail");
                    held.put(start..start + LOG_SECTOR, Patch::Sector { leading: *b"leading!", trailing: *b"tail", place });
                }
            }
            let replayed = Replayed::new(Arc::new(file), held, 0, 0);
            prop_assert_eq!(replayed.size(), wide(model.len()));
            for (offset, length) in reads {
                let mut buffer = vec![0xAA; length];
                let count = replayed.read_at(offset, &mut buffer).unwrap();
                let start = usize::try_from(offset).unwrap().min(model.len());
                let expected = &model[start..(start + length).min(model.len())];
                prop_assert_eq!(count, expected.len());
                prop_assert!(&buffer[..count] == expected);
            }
        }
    }
}
