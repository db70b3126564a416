//! Sections: what each is stands behind it, so that a file is read from its end.

use super::super::files::Files;
use super::{HEADER, sum_of};
use crate::base::damage::wide;
use crate::base::le;

/// What a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Device,
    Case,
    Table,
    Errors,
    Md5,
    Sha1,
    Keys,
    Next,
    Done,
    /// Content, and what nobody needs.
    Other,
}

/// A section of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    pub(super) kind: Kind,
    pub(super) is_encrypted: bool,
    /// Where its data starts in the file, and the length of it.
    pub(super) start: u64,
    pub(super) length: u64,
    /// Where its descriptor stands.
    descriptor: u64,
    /// Where the descriptor before it stands; 0 for the first.
    before: u64,
}

/// Bytes of a descriptor.
const DESCRIPTOR: u64 = 64;

/// Sections stand at multiples of this.
const STEP: u64 = 16;

/// Bytes that are looked through at most for a descriptor that is not where it should be.
const SEARCHED: u64 = 256 << 20;

impl Section {
    fn parse(bytes: &[u8; 64], descriptor: u64) -> Option<Self> {
        let (content, _) = bytes.split_last_chunk::<4>()?;
        let is_right = sum_of(content) == le::u32_in::<60, 64>(bytes) && le::u32_in::<24, 64>(bytes) == 64;
        let length = le::u64_in::<16, 64>(bytes);
        let start = descriptor.checked_sub(length).filter(|&start| is_right && start >= HEADER)?;
        let kind = match le::u32_in::<0, 64>(bytes) {
            1 => Kind::Device,
            2 => Kind::Case,
            4 => Kind::Table,
            5 => Kind::Errors,
            8 => Kind::Md5,
            9 => Kind::Sha1,
            0xB => Kind::Keys,
            0xD => Kind::Next,
            0xF => Kind::Done,
            _ => Kind::Other,
        };
        let is_encrypted = le::u32_in::<4, 64>(bytes) & 2 != 0;
        Some(Self { kind, is_encrypted, start, length, descriptor, before: le::u64_in::<8, 64>(bytes) })
    }
}

/// The sections of a file, the last one first.
#[derive(Debug)]
pub(super) struct Walk<'f> {
    files: &'f Files,
    file: usize,
    /// Where the next descriptor should stand, and where it ends at the latest; `None` at the end.
    next: Option<(u64, u64)>,
    searched: u64,
    /// What is damaged.
    pub(super) notes: Vec<String>,
}

impl<'f> Walk<'f> {
    pub(super) fn new(files: &'f Files, file: usize) -> Self {
        let size = files.size(file);
        let next = size.checked_sub(DESCRIPTOR).filter(|&last| last >= HEADER).map(|last| (last, size));
        Self { files, file, next, searched: 0, notes: Vec::new() }
    }

    fn at(&self, place: u64) -> Option<Section> {
        let bytes = self.files.bytes(self.file, place, DESCRIPTOR)?;
        Section::parse(bytes.first_chunk()?, place)
    }

    /// The last descriptor that ends at `end` or before.
    fn search(&mut self, end: u64) -> Option<Section> {
        const WINDOW: u64 = 64 << 10;
        let mut end = end;
        while end >= HEADER.saturating_add(DESCRIPTOR) && self.searched < SEARCHED {
            let start = end.saturating_sub(WINDOW).max(HEADER);
            let start = start.saturating_sub(start % STEP);
            let length = usize::try_from(end.saturating_sub(start)).ok()?;
            let mut bytes = vec![0; length];
            self.files.read(self.file, start, &mut bytes);
            self.searched = self.searched.saturating_add(wide(length));
            for offset in (0..=end.saturating_sub(start).saturating_sub(DESCRIPTOR) / STEP).rev() {
                let offset = offset.saturating_mul(STEP);
                let candidate = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)?.first_chunk());
                let found = candidate.and_then(|bytes| Section::parse(bytes, start.saturating_add(offset)));
                if found.is_some() {
                    return found;
                }
            }
            if start <= HEADER {
                return None;
            }
            // A descriptor may lie across two windows.
            end = start.saturating_add(DESCRIPTOR).saturating_sub(STEP);
        }
        None
    }
}

impl Iterator for Walk<'_> {
    type Item = Section;

    fn next(&mut self) -> Option<Section> {
        let (place, end) = self.next.take()?;
        let section = match self.at(place) {
            Some(section) => section,
            None => {
                self.notes.push(format!("the section that ends at byte {end} is damaged or cut"));
                self.search(end)?
            }
        };
        if section.before == 0 && section.start <= HEADER {
            return Some(section);
        }
        // The descriptor before stands where the data of this one starts, whatever is said of it.
        let last = section.start.checked_sub(DESCRIPTOR).filter(|&last| last >= HEADER);
        let is_told = section.before >= HEADER && section.before <= section.descriptor.saturating_sub(DESCRIPTOR);
        let before = match last {
            Some(last) if self.at(last).is_some() => Some(last),
            last if is_told => Some(section.before.min(last.unwrap_or(section.before))),
            last => last,
        };
        self.next = before.map(|before| (before, before.saturating_add(DESCRIPTOR)));
        Some(section)
    }
}
