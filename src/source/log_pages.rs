//! Pages of `$LogFile` with their update sequences undone: what the log has of FILE records crosses the ends of strides,
//! where the page keeps two bytes of it elsewhere.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::Source;
use super::buffer::PageBuffer;
use crate::base::damage::wide;
use crate::base::error::ReadError;
use crate::structure::update_sequence::UpdateSequence;

/// Bytes of a page: Windows has written no others.
const PAGE: usize = 4096;
/// Bytes of a stride, whose last two are the page's.
const STRIDE: u64 = 512;
/// Where the update sequence array of a log record page lies.
const ARRAY: usize = 0x28;
/// Bytes that are read at once, and bytes around them so that no page is cut.
const READ: u64 = 1 << 20;

/// A page, and the words that belong at the ends of its strides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogPage {
    start: u64,
    words: [[u8; 2]; 8],
}

/// A source whose log record pages read as they were before they were written.
pub(crate) struct LogPages<S> {
    source: S,
    pages: Arc<[LogPage]>,
}

/// The log record pages of a source that are whole.
pub(crate) fn log_pages(source: &dyn Source) -> Arc<[LogPage]> {
    let mut found = Vec::new();
    let mut buffer = PageBuffer::new(usize::try_from(READ).unwrap_or(0).saturating_add(PAGE));
    let mut position = 0;
    while position < source.size() {
        let bytes = buffer.bytes();
        source.read_readable(position, bytes);
        let places = (position..source.size())
            .step_by(512)
            .zip(bytes.chunks(512))
            .take_while(|(at, _)| at.saturating_sub(position) < READ);
        let starts: Vec<u64> = places.filter(|(_, sector)| sector.starts_with(b"RCRD")).map(|(at, _)| at).collect();
        for start in starts {
            let at = usize::try_from(start.saturating_sub(position)).unwrap_or(usize::MAX);
            let page = bytes.get(at..).and_then(|rest| rest.get(..PAGE));
            found.extend(page.and_then(|page| LogPage::of(start, page)));
        }
        position = position.saturating_add(READ);
    }
    Arc::from(found)
}

impl LogPage {
    fn of(start: u64, page: &[u8]) -> Option<Self> {
        let sequence = UpdateSequence::check(page, ARRAY, page.len());
        let mut undone = page.to_vec();
        sequence.apply(&mut undone);
        let mut words = [[0; 2]; 8];
        for (word, stride) in words.iter_mut().zip(undone.chunks(512)) {
            *word = *stride.last_chunk()?;
        }
        sequence.is_sound().then_some(Self { start, words })
    }

    /// Where its words belong, and which they are.
    fn words(&self) -> impl Iterator<Item = (u64, [u8; 2])> + '_ {
        let ends = (1_u64..).map(|stride| self.start.saturating_add(stride.saturating_mul(STRIDE)).saturating_sub(2));
        ends.zip(self.words)
    }
}

impl<S> LogPages<S> {
    pub(crate) fn new(source: S, pages: Arc<[LogPage]>) -> Self {
        Self { source, pages }
    }

    pub(crate) fn pages(&self) -> &Arc<[LogPage]> {
        &self.pages
    }

    /// Puts the words of the pages in their places in bytes that were read from `offset` on.
    fn undo(&self, offset: u64, bytes: &mut [u8]) {
        let end = offset.saturating_add(wide(bytes.len()));
        let before = self.pages.partition_point(|page| page.start.saturating_add(wide(PAGE)) <= offset);
        let pages = self.pages.get(before..).unwrap_or_default().iter().take_while(|page| page.start < end);
        for (place, byte) in pages.flat_map(LogPage::words).flat_map(|(place, word)| (place..).zip(word)) {
            let at = place.checked_sub(offset).and_then(|at| usize::try_from(at).ok());
            if let Some(own) = at.and_then(|at| bytes.get_mut(at)) {
                *own = byte;
            }
        }
    }
}

impl<S: Source> Source for LogPages<S> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let count = self.source.read_at(offset, buffer)?;
        self.undo(offset, buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }

    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        let missing = self.source.read_readable(offset, buffer);
        self.undo(offset, buffer);
        for gap in &missing {
            let inside = |place: u64| usize::try_from(place.saturating_sub(offset)).unwrap_or(usize::MAX);
            if let Some(lost) = buffer.get_mut(inside(gap.start)..) {
                let length = usize::try_from(gap.end.saturating_sub(gap.start)).unwrap_or(usize::MAX);
                lost.iter_mut().take(length).for_each(|byte| *byte = 0);
            }
        }
        missing
    }

    fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        self.source.known_missing(range)
    }

    fn read_unit(&self) -> u64 {
        self.source.read_unit()
    }

    fn is_gone(&self) -> bool {
        self.source.is_gone()
    }

    fn origin_of(&self, offset: u64) -> u64 {
        self.source.origin_of(offset)
    }
}

impl<S: Source> fmt::Debug for LogPages<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogPages({} pages in {} bytes)", self.pages.len(), self.source.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of the log, as written, whose bytes count up.
    fn page(number: u8) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..PAGE).map(|at| (at % 251) as u8).collect();
        bytes[..8].copy_from_slice(b"RCRD\x28\0\x09\0");
        bytes[ARRAY..ARRAY + 2].copy_from_slice(&[number, 0]);
        for stride in 0..8 {
            let end = stride * 512 + 510;
            let saved = [bytes[end], bytes[end + 1]];
            bytes[ARRAY + 2 + 2 * stride..ARRAY + 4 + 2 * stride].copy_from_slice(&saved);
            bytes[end..end + 2].copy_from_slice(&[number, 0]);
        }
        bytes
    }

    #[test]
    fn every_read_has_the_words_of_the_pages_in_their_places() {
        let mut source = vec![0x11; 512];
        source.extend(page(7));
        source.extend(page(9));
        let mut torn = page(3);
        torn[1022] = 0;
        source.extend(torn);
        let pages = log_pages(&source);
        assert_eq!(
            pages.iter().map(|page| page.start).collect::<Vec<_>>(),
            [512, 512 + 4096],
            "a torn one stays as it is"
        );
        let mut whole = source.clone();
        for (start, end) in [(512, 4608), (4608, 8704)] {
            let sequence = UpdateSequence::check(&source[start..end], ARRAY, PAGE);
            sequence.apply(&mut whole[start..end]);
        }
        let undone = LogPages::new(&source, pages);
        for start in (0..source.len()).step_by(37) {
            for length in [1, 2, 511, 1024, 9000] {
                let mut bytes = vec![0xEE; length.min(source.len() - start)];
                assert!(undone.read_readable(start as u64, &mut bytes).is_empty());
                assert_eq!(bytes, whole[start..start + bytes.len()], "{length} bytes at {start}");
                let count = undone.read_at(start as u64, &mut bytes).unwrap();
                assert_eq!(bytes[..count], whole[start..start + count]);
            }
        }
        let mut behind = vec![0xEE; 20_000];
        let missing = undone.read_readable(0, &mut behind);
        assert_eq!(missing, vec![source.len() as u64..20_000]);
        assert!(behind[..source.len()] == whole && behind[source.len()..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn any_bytes_are_looked_at_without_panic() {
        for length in [0, 1, 511, 512, 600, 4095, 4097] {
            let mut bytes = page(1);
            bytes.truncate(length);
            bytes.resize(length, 0xFF);
            assert!(log_pages(&bytes).len() <= 1);
        }
    }
}
