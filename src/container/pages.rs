//! Tables of images, read by the page when somebody asks.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::files::Files;

/// Bytes of a page.
const PAGE: u64 = 64 << 10;

const SHELVES: u64 = 8;

/// Pages that a shelf keeps: 8 MiB in all.
const SHELF_PAGES: usize = 16;

/// A page and what it is known by: file, and where it starts there.
type Page = ((usize, u64), Arc<[u8]>);

/// The pages of tables that were used last.
pub(super) struct Pages {
    shelves: [Mutex<VecDeque<Page>>; 8],
}

impl Pages {
    pub(super) fn new() -> Self {
        Self { shelves: std::array::from_fn(|_| Mutex::default()) }
    }

    /// A reader of one file's tables, for as long as one question takes.
    pub(super) fn reader<'p>(&'p self, files: &'p Files, file: usize) -> PageReader<'p> {
        PageReader { pages: self, files, file, page: None }
    }

    /// The page from `start` on; `None` where it cannot be read as a whole.
    fn page(&self, files: &Files, file: usize, start: u64) -> Option<Arc<[u8]>> {
        let key = (file, start);
        let shelf = self.shelves.get(usize::try_from((start / PAGE) % SHELVES).ok()?)?;
        {
            let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(index) = shelf.iter().position(|(other, _)| *other == key) {
                let found = shelf.remove(index)?;
                let page = found.1.clone();
                shelf.push_front(found);
                return Some(page);
            }
        }
        let length = files.size(file).saturating_sub(start).min(PAGE);
        let page: Arc<[u8]> = files.bytes(file, start, length)?.into();
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.push_front((key, page.clone()));
        shelf.truncate(SHELF_PAGES);
        Some(page)
    }
}

/// Reads words of the tables of a file.
pub(super) struct PageReader<'p> {
    pages: &'p Pages,
    files: &'p Files,
    file: usize,
    /// The page that was used last, and where it starts.
    page: Option<(u64, Arc<[u8]>)>,
}

impl PageReader<'_> {
    /// The `N` bytes at `offset` of the file; `None` where they cannot be read.
    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> Option<[u8; N]> {
        let start = offset.saturating_sub(offset % PAGE);
        if self.page.as_ref().is_none_or(|(at, _)| *at != start) {
            self.page = self.pages.page(self.files, self.file, start).map(|page| (start, page));
        }
        let at = usize::try_from(offset.saturating_sub(start)).ok()?;
        let found = self.page.as_ref().and_then(|(_, page)| page.get(at..)?.first_chunk());
        match found {
            Some(bytes) => Some(*bytes),
            // Across two pages, or in a page of which something cannot be read.
            None => self.files.bytes(self.file, offset, u64::try_from(N).ok()?)?.first_chunk().copied(),
        }
    }

    /// Little-endian, entry `index` of the table that starts at `table`.
    pub(super) fn u32_le(&mut self, table: u64, index: u64) -> Option<u32> {
        self.array(table.checked_add(index.checked_mul(4)?)?).map(u32::from_le_bytes)
    }

    /// Little-endian, entry `index` of the table that starts at `table`.
    pub(super) fn u64_le(&mut self, table: u64, index: u64) -> Option<u64> {
        self.array(table.checked_add(index.checked_mul(8)?)?).map(u64::from_le_bytes)
    }

    /// Big-endian, entry `index` of the table that starts at `table`.
    pub(super) fn u64_be(&mut self, table: u64, index: u64) -> Option<u64> {
        self.array(table.checked_add(index.checked_mul(8)?)?).map(u64::from_be_bytes)
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.shelves.iter().map(|shelf| shelf.lock().unwrap_or_else(PoisonError::into_inner).len());
        write!(f, "Pages({})", pages.sum::<usize>())
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::ImageFile;
    use super::*;

    #[test]
    fn words_are_read_across_pages_and_up_to_the_end() {
        let bytes: Vec<u8> = (0..PAGE * 3 + 5).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let file = ImageFile { path: "table".into(), source: Arc::new(bytes.clone()) };
        let (files, pages) = (Files::of_one(&file), Pages::new());
        let mut reader = pages.reader(&files, 0);
        for at in [0, 3, PAGE - 8, PAGE - 3, PAGE * 2, PAGE * 3 - 1, PAGE * 3 + 1] {
            let place = usize::try_from(at).unwrap();
            assert_eq!(reader.array(at), bytes[place..].first_chunk::<4>().copied(), "{at}");
        }
        assert_eq!(reader.array::<4>(PAGE * 3 + 2), None);
        assert_eq!(reader.u32_le(u64::MAX - 2, 4), None);
        assert_eq!(reader.u64_be(0, u64::MAX), None);
        assert_eq!(pages.reader(&files, 1).u64_le(0, 0), None);
    }

    #[test]
    fn the_pages_that_are_kept_are_bounded() {
        let file = ImageFile { path: "table".into(), source: Arc::new(vec![0; 64 << 20]) };
        let (files, pages) = (Files::of_one(&file), Pages::new());
        for page in 0..1024 {
            assert_eq!(pages.reader(&files, 0).u32_le(page * PAGE, 0), Some(0));
        }
        assert_eq!(format!("{pages:?}"), "Pages(128)");
    }
}
