//! A part of another source, such as a partition of a disk.

use std::fmt;
use std::io;
use std::ops::Range;

use super::Source;
use crate::base::damage::wide;
use crate::base::error::ReadError;

/// The bytes `start .. start + size` of another source.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::source::{Source, Window};
///
/// let bytes: Vec<u8> = (0..100).collect();
/// let window = Window::new(&bytes, 40, 20);
/// let mut read = [0; 4];
/// window.read_at(8, &mut read)?;
/// assert_eq!((window.size(), read), (20, [48, 49, 50, 51]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Window<'s> {
    source: &'s dyn Source,
    start: u64,
    size: u64,
    /// Bytes that lie before the source's first.
    lead: u64,
}

impl<'s> Window<'s> {
    /// A window that starts at byte `start` and has `size` bytes, fewer where the source ends.
    #[must_use]
    pub fn new(source: &'s dyn Source, start: u64, size: u64) -> Self {
        let size = size.min(source.size().saturating_sub(start));
        Self { source, start, size, lead: 0 }
    }

    /// A window over all of `source`, and over `lead` bytes before it, which are missing: of what started before the
    /// source does.
    #[must_use]
    pub fn late(source: &'s dyn Source, lead: u64) -> Self {
        Self { source, start: 0, size: source.size().saturating_add(lead), lead }
    }

    pub(crate) fn of_parts(source: &'s dyn Source, start: u64, size: u64, lead: u64) -> Self {
        Self { source, start, size, lead }
    }

    pub(crate) fn into_parts(self) -> (&'s dyn Source, u64, u64, u64) {
        (self.source, self.start, self.size, self.lead)
    }

    /// Bytes of it that lie before the source's first.
    #[must_use]
    pub fn lead(&self) -> u64 {
        self.lead
    }

    /// A window over all of `source`.
    #[must_use]
    pub fn whole(source: &'s dyn Source) -> Self {
        Self::new(source, 0, u64::MAX)
    }

    /// Where the window starts, in bytes of the source it looks into.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The source the window looks into.
    #[must_use]
    pub fn source(&self) -> &'s dyn Source {
        self.source
    }

    /// How much of `length` bytes at `offset` lies inside, and where that starts in the source.
    fn inside(&self, offset: u64, length: usize) -> (u64, usize) {
        let left = self.size.saturating_sub(offset);
        let length = usize::try_from(left).map_or(length, |left| left.min(length));
        (self.start.saturating_add(offset.saturating_sub(self.lead)), length)
    }

    /// The bytes of the window that are missing before the source starts, and the rest.
    fn read_late(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        let missing = self.lead.saturating_sub(offset).min(wide(buffer.len()));
        let (before, behind) = buffer.split_at_mut_checked(usize::try_from(missing).unwrap_or(0)).unwrap_or_default();
        before.fill(0);
        let rest = Self { lead: 0, size: self.size.saturating_sub(self.lead), ..*self };
        let found = rest.read_readable(offset.saturating_add(missing).saturating_sub(self.lead), behind).into_iter();
        let found = found.map(|gap| gap.start.saturating_add(self.lead)..gap.end.saturating_add(self.lead));
        let first = offset..offset.saturating_add(missing);
        std::iter::once(first).filter(|first| !first.is_empty()).chain(found).collect()
    }
}

impl Source for Window<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let (position, length) = self.inside(offset, buffer.len());
        let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        if offset < self.lead {
            let error = io::Error::other("the volume starts before the source does");
            return Err(ReadError { offset, length: wide(buffer.len()), error });
        }
        if self.source.is_gone() {
            return Err(ReadError::gone(offset, wide(buffer.len())));
        }
        self.source.read_at(position, buffer)
    }

    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        if self.lead > 0 {
            return self.read_late(offset, buffer);
        }
        let (position, length) = self.inside(offset, buffer.len());
        let (present, behind) = buffer.split_at_mut(length.min(buffer.len()));
        behind.fill(0);
        let mut missing = match present.is_empty() {
            true => Vec::new(),
            false => self.source.read_readable(position, present),
        };
        for range in &mut missing {
            *range = range.start.saturating_sub(self.start)..range.end.saturating_sub(self.start);
        }
        let end = offset.saturating_add(wide(length));
        let lost = end..end.saturating_add(wide(behind.len()));
        match missing.last_mut().filter(|last| last.end == lost.start) {
            _ if lost.is_empty() => {}
            Some(last) => last.end = lost.end,
            None => missing.push(lost),
        }
        missing
    }

    fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let inside = range.start.max(self.lead)..range.end.min(self.size);
        let here = |position: u64| position.saturating_sub(self.start).saturating_add(self.lead);
        let there = |position: u64| position.saturating_sub(self.lead).saturating_add(self.start);
        let late = (range.start < self.lead).then(|| range.start..self.lead.min(range.end));
        let known = match inside.is_empty() {
            true => Vec::new(),
            false => self.source.known_missing(there(inside.start)..there(inside.end)),
        };
        late.into_iter().chain(known.into_iter().map(|range| here(range.start)..here(range.end))).collect()
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let (position, inside) = self.inside(offset, length);
        if inside < length || offset < self.lead { None } else { self.source.slice(position, length) }
    }

    fn read_unit(&self) -> u64 {
        self.source.read_unit()
    }

    fn is_gone(&self) -> bool {
        self.source.is_gone()
    }

    fn is_hole(&self, range: Range<u64>) -> bool {
        let inside = range.start >= self.lead && range.end <= self.size;
        let place = |offset: u64| self.start.saturating_add(offset).saturating_sub(self.lead);
        inside && self.source.is_hole(place(range.start)..place(range.end))
    }

    fn origin_of(&self, offset: u64) -> u64 {
        let position = self.start.saturating_add(offset).saturating_sub(self.lead);
        self.source.origin_of(position)
    }
}

impl fmt::Debug for Window<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Window({} bytes at {})", self.size, self.start)
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list with one range is what is meant")]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_where_it_says_or_the_source_does() {
        let bytes: Vec<u8> = (0..10).collect();
        let window = Window::new(&bytes, 4, 3);
        let mut buffer = [0; 8];
        assert_eq!(window.read_at(1, &mut buffer).unwrap(), 2);
        assert_eq!(buffer[..2], [5, 6]);
        assert_eq!(window.read_at(3, &mut buffer).unwrap(), 0);
        assert_eq!(window.read_at(u64::MAX, &mut buffer).unwrap(), 0);
        assert_eq!(window.read_readable(1, &mut buffer), [3..9]);
        assert_eq!(buffer, [5, 6, 0, 0, 0, 0, 0, 0]);
        assert_eq!(window.read_readable(20, &mut buffer), [20..28]);
        assert_eq!(window.slice(0, 3), Some(&[4, 5, 6][..]));
        assert_eq!(window.slice(0, 4), None);
        assert_eq!(Window::new(&bytes, 8, 100).size(), 2);
        assert_eq!(Window::new(&bytes, 80, 100).size(), 0);
    }

    #[test]
    fn what_lies_before_a_late_source_is_missing() {
        let bytes: Vec<u8> = (0..10).collect();
        let window = Window::late(&bytes, 3);
        assert_eq!((window.size(), window.lead(), window.start()), (13, 3, 0));
        let mut buffer = [9; 6];
        assert_eq!(window.read_readable(1, &mut buffer), [1..3]);
        assert_eq!(buffer, [0, 0, 0, 1, 2, 3]);
        assert!(window.read_at(2, &mut buffer).is_err());
        assert_eq!(window.read_at(3, &mut buffer).unwrap(), 6);
        assert_eq!(buffer, [0, 1, 2, 3, 4, 5]);
        assert_eq!(window.read_readable(10, &mut buffer), [13..16]);
        assert_eq!((window.slice(2, 2), window.slice(3, 2)), (None, Some(&[0, 1][..])));
        assert_eq!(window.origin_of(5), 2);
    }
}
