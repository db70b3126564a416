//! A part of another source, such as a partition of a disk.

use std::fmt;
use std::ops::Range;

use super::Source;
use crate::base::damage::wide;
use crate::base::error::ReadError;

/// The bytes `start .. start + size` of another source.
#[derive(Clone, Copy)]
pub struct Window<'s> {
    source: &'s dyn Source,
    start: u64,
    size: u64,
}

impl<'s> Window<'s> {
    /// A window that starts at byte `start` and has `size` bytes, fewer where the source ends.
    #[must_use]
    pub fn new(source: &'s dyn Source, start: u64, size: u64) -> Self {
        let size = size.min(source.size().saturating_sub(start));
        Self { source, start, size }
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
        (self.start.saturating_add(offset), length)
    }
}

impl Source for Window<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let (position, length) = self.inside(offset, buffer.len());
        let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        self.source.read_at(position, buffer)
    }

    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
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

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let (position, inside) = self.inside(offset, length);
        if inside < length { None } else { self.source.slice(position, length) }
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
}
