//! The ZIP archive that an AFF4 container is: a directory at its end, members stored as they are.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::decode::decode;
use super::super::files::{Files, ImageFile, bytes_of};
use super::super::piece::Encoding;
use crate::base::damage::wide;
use crate::base::le;
use crate::source::Source;

/// A member of the archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// Where its own header starts; its content follows.
    header: u64,
    stored: u64,
    length: u64,
    is_deflated: bool,
}

/// Where the content of a member lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) file: usize,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// The members by the names that the container knows them by.
#[derive(Debug)]
pub(super) struct Archive {
    members: HashMap<String, Member>,
    /// What the volume is called.
    pub(super) volume: String,
}

/// The longest deflated member: such are texts and tables, not content.
const LONGEST_DEFLATED: u64 = 64 << 20;

/// Where the directory is looked for: behind it stands a comment of 64 KiB at most.
const END: u64 = 22 + 65_535;

impl Archive {
    /// # Errors
    /// When there is no directory.
    pub(super) fn open(source: &dyn Source) -> Result<Self, String> {
        let (start, length) = directory(source).ok_or("the directory at its end is missing: it was cut")?;
        let directory = bytes_of(source, start, length).ok_or("the directory at its end cannot be read")?;
        let mut archive = Self { members: HashMap::new(), volume: String::new() };
        let mut rest = directory.as_slice();
        while let Some((name, member, length)) = entry(rest) {
            archive.members.insert(name, member);
            rest = rest.get(length..).unwrap_or_default();
        }
        if rest.starts_with(b"PK\x01\x02") {
            return Err("the directory at its end is damaged".to_owned());
        }
        let volume = archive.text(source, "container.description").ok_or("it does not say which volume it is")?;
        archive.volume = volume.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0').to_owned();
        Ok(archive)
    }

    /// The member that has the content of a name (`aff4://…/00000000`). Names of the volume's own stand without it.
    pub(super) fn find(&self, name: &str) -> Option<Member> {
        let inside = name.strip_prefix(self.volume.as_str()).map(|rest| rest.trim_start_matches('/'));
        let found = inside.and_then(|inside| self.members.get(inside)).or_else(|| self.members.get(name));
        found.copied()
    }

    /// A short text.
    pub(super) fn text(&self, source: &dyn Source, name: &str) -> Option<String> {
        let bytes = self.members.get(name)?.bytes(source)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Where the content of a member is, which is a table: one that is deflated becomes a file of its own.
    pub(super) fn table(&self, image: &ImageFile, files: &mut Files, name: &str) -> Option<Content> {
        let member = self.find(name)?;
        if !member.is_deflated {
            return member.content(files);
        }
        let bytes = member.bytes(image.source.as_ref())?;
        let length = wide(bytes.len());
        let file = files.add(ImageFile { path: image.path.clone(), source: Arc::new(bytes) });
        Some(Content { file, offset: 0, length })
    }
}

impl Member {
    /// Where the content starts: behind a header that repeats the name.
    fn start(&self, header: &[u8]) -> Option<u64> {
        let (name, extra) = (le::u16_at(header, 26)?, le::u16_at(header, 28)?);
        let start = self.header.checked_add(30)?.checked_add(u64::from(name))?.checked_add(u64::from(extra))?;
        header.starts_with(b"PK\x03\x04").then_some(start)
    }

    /// Where the content lies as it is.
    pub(super) fn content(&self, files: &Files) -> Option<Content> {
        let offset = self.start(&files.bytes(0, self.header, 30)?)?;
        (!self.is_deflated).then_some(Content { file: 0, offset, length: self.length })
    }

    fn bytes(&self, source: &dyn Source) -> Option<Vec<u8>> {
        let offset = self.start(&bytes_of(source, self.header, 30)?)?;
        let stored = bytes_of(source, offset, self.stored)?;
        if !self.is_deflated {
            return Some(stored);
        }
        // Deflate makes at most a thousandfold of what it is given.
        let limit = LONGEST_DEFLATED.min(self.stored.saturating_mul(1032));
        let mut bytes = vec![0; usize::try_from(self.length).ok().filter(|_| self.length <= limit)?];
        decode(Encoding::Deflate, &stored, &mut bytes).ok()?;
        Some(bytes)
    }
}

/// Where the directory starts, and its length.
fn directory(source: &dyn Source) -> Option<(u64, u64)> {
    let start = source.size().saturating_sub(END);
    let tail = bytes_of(source, start, source.size().saturating_sub(start))?;
    let at = tail.windows(4).rposition(|window| window == b"PK\x05\x06")?;
    let end = tail.get(at..)?;
    let (length, offset) = (u64::from(le::u32_at(end, 12)?), u64::from(le::u32_at(end, 16)?));
    let locator = at.checked_sub(20).and_then(|at| tail.get(at..)).filter(|bytes| bytes.starts_with(b"PK\x06\x07"));
    let Some(locator) = locator else { return Some((offset, length)) };
    let large = bytes_of(source, le::u64_at(locator, 8)?, 56).filter(|bytes| bytes.starts_with(b"PK\x06\x06"))?;
    Some((le::u64_at(&large, 48)?, le::u64_at(&large, 40)?))
}

/// The first entry of a directory: its name, the member, and how many bytes the entry takes.
fn entry(bytes: &[u8]) -> Option<(String, Member, usize)> {
    let fixed: &[u8; 46] = bytes.first_chunk().filter(|fixed| fixed.starts_with(b"PK\x01\x02"))?;
    let size = |at| le::u16_at(fixed, at).map(usize::from);
    let (name_length, extra_length, comment) = (size(28)?, size(30)?, size(32)?);
    let name = le::slice_at(bytes, 46, name_length)?;
    let extra = le::slice_at(bytes, name_length.checked_add(46)?, extra_length)?;
    let method = le::u16_in::<10, 46>(fixed);
    let mut large = large_numbers(extra);
    let mut number = |short: u32| if short == u32::MAX { large.next() } else { Some(u64::from(short)) };
    let length = number(le::u32_in::<24, 46>(fixed))?;
    let stored = number(le::u32_in::<20, 46>(fixed))?;
    let header = number(le::u32_in::<42, 46>(fixed))?;
    let total = 46_usize.checked_add(name_length)?.checked_add(extra_length)?.checked_add(comment)?;
    let is_known = method == 8 || (method == 0 && stored == length);
    let member = Member { header, stored, length, is_deflated: method != 0 };
    let name = if is_known { decoded(name) } else { String::new() };
    Some((name, member, total))
}

/// The numbers that need more than 32 bits, in the order of those they replace.
fn large_numbers(mut extra: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let mut found: &[u8] = &[];
    while let (Some(kind), Some(length)) = (le::u16_at(extra, 0), le::u16_at(extra, 2)) {
        let body = le::slice_at(extra, 4, usize::from(length)).unwrap_or_default();
        if kind == 1 {
            found = body;
        }
        extra = extra.get(usize::from(length).saturating_add(4)..).unwrap_or_default();
    }
    found.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

/// A name without its `%3A`.
fn decoded(name: &[u8]) -> String {
    let (mut bytes, mut at) = (Vec::with_capacity(name.len()), 0_usize);
    while let Some(&byte) = name.get(at) {
        let digits = le::slice_at(name, at.saturating_add(1), 2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        at = at.saturating_add(if escaped.is_some() { 3 } else { 1 });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
