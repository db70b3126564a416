//! The sections of a segment file, by their descriptors, and past descriptors that are damaged.

use simd_adler32::adler32;

use crate::base::le;
use crate::container::files::Files;

/// A section of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) kind: Kind,
    /// Where its descriptor stands.
    pub(super) start: u64,
    /// Where the next one should stand.
    pub(super) end: u64,
}

impl Section {
    /// Where its content starts.
    pub(super) fn content(&self) -> u64 {
        self.start.saturating_add(DESCRIPTOR)
    }

    pub(super) fn content_length(&self) -> u64 {
        self.end.saturating_sub(self.content())
    }
}

/// What a section holds, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Header,
    Volume,
    Sectors,
    Table,
    Table2,
    Hash,
    Digest,
    Errors,
    /// The set goes on in the next file.
    Next,
    /// The set is complete.
    Done,
    /// Files of a logical image.
    Files,
    Other,
}

/// Bytes of a descriptor.
pub(super) const DESCRIPTOR: u64 = 76;

/// Bytes before the first section.
pub(super) const FILE_HEADER: u64 = 13;

const KINDS: &[(&[u8], Kind)] = &[
    (b"header", Kind::Header),
    (b"header2", Kind::Header),
    (b"xheader", Kind::Header),
    (b"volume", Kind::Volume),
    (b"disk", Kind::Volume),
    (b"data", Kind::Volume),
    (b"sectors", Kind::Sectors),
    (b"table", Kind::Table),
    (b"table2", Kind::Table2),
    (b"hash", Kind::Hash),
    (b"digest", Kind::Digest),
    (b"error2", Kind::Errors),
    (b"next", Kind::Next),
    (b"done", Kind::Done),
    (b"ltree", Kind::Files),
    (b"ltypes", Kind::Other),
    (b"session", Kind::Other),
    (b"map", Kind::Other),
    (b"xhash", Kind::Other),
    (b"incomplete", Kind::Other),
];

/// What a walk through a file finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Section(Section),
    /// Descriptors from here to there are damaged: tables may be among what they had.
    Gap,
    /// The file ends without a section that says so.
    Cut,
}

/// Walks through the sections of a file.
pub(super) struct Walk<'f> {
    files: &'f Files,
    file: usize,
    at: u64,
    is_over: bool,
    /// What is odd, a sentence each.
    pub(super) notes: Vec<String>,
}

impl<'f> Walk<'f> {
    pub(super) fn new(files: &'f Files, file: usize) -> Self {
        Self { files, file, at: FILE_HEADER, is_over: false, notes: Vec::new() }
    }

    /// The descriptor at an offset, if its checksum is right.
    fn sound_at(&self, offset: u64) -> Option<Descriptor> {
        self.descriptor_at(offset).filter(|descriptor| descriptor.is_sound)
    }

    fn descriptor_at(&self, offset: u64) -> Option<Descriptor> {
        let bytes = self.files.bytes(self.file, offset, DESCRIPTOR)?;
        let bytes = bytes.as_slice();
        let (next, size) = (le::u64_at(bytes, 16)?, le::u64_at(bytes, 24)?);
        let is_sound = adler32(&bytes.get(..72)?) == le::u32_at(bytes, 72)?;
        Some(Descriptor { kind: kind_of(bytes.get(..16)?), next, size, is_sound })
    }

    /// Where the section of a descriptor ends. Its two statements have to agree, or something sound has to stand
    /// where one of them leads.
    fn end_of(&self, offset: u64, descriptor: &Descriptor) -> Option<u64> {
        let by_size = offset.checked_add(descriptor.size).filter(|&end| end > offset);
        let by_next = Some(descriptor.next).filter(|&next| next > offset);
        let leads = |end: &u64| self.sound_at(*end).is_some();
        match (by_next, by_size) {
            (Some(next), Some(size)) if next == size && descriptor.is_sound => Some(next),
            // Some writers leave the size out.
            (Some(next), _) if descriptor.is_sound && descriptor.size == 0 => Some(next),
            (next, size) => next.into_iter().chain(size).find(leads),
        }
    }

    /// The next sound descriptor of a known kind behind `offset`, by looking at every byte.
    fn resync(&self, offset: u64) -> Option<u64> {
        const PIECE: u64 = 1 << 20;
        let size = self.files.size(self.file);
        let mut start = offset;
        while start.saturating_add(DESCRIPTOR) <= size {
            let length = PIECE.saturating_add(DESCRIPTOR).min(size.saturating_sub(start));
            let mut bytes = vec![0; usize::try_from(length).ok()?];
            self.files.read(self.file, start, &mut bytes);
            let windows = bytes.windows(16).zip(start..);
            let found =
                windows.filter(|(name, _)| is_name(name)).map(|(_, at)| at).find(|&at| self.sound_at(at).is_some());
            if found.is_some() {
                return found;
            }
            start = start.saturating_add(PIECE);
        }
        None
    }

    fn stumble(&mut self) -> Step {
        let at = self.at;
        match self.resync(at.saturating_add(1)) {
            Some(next) => {
                self.notes.push(format!("damaged section descriptor at byte {at}; sections go on at byte {next}"));
                self.at = next;
                Step::Gap
            }
            None => {
                self.is_over = true;
                self.notes.push(format!("the sections end at byte {at}, without one that ends the file"));
                Step::Cut
            }
        }
    }

    /// A damaged descriptor between sound ones whose kind is not known may be that of a table: its header tells.
    fn kind_by_content(&self, offset: u64) -> Kind {
        let content = offset.saturating_add(DESCRIPTOR);
        let header = self.files.bytes(self.file, content, 24).unwrap_or_default();
        let sum = header.get(..20).map(|head| adler32(&head));
        let is_table = sum.is_some() && sum == le::u32_at(&header, 20) && le::u32_at(&header, 0) != Some(0);
        if is_table { Kind::Table } else { Kind::Other }
    }
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.is_over {
            return None;
        }
        let start = self.at;
        let Some(descriptor) = self.descriptor_at(start) else { return Some(self.stumble()) };
        let is_last = matches!(descriptor.kind, Some(Kind::Next | Kind::Done));
        if is_last && descriptor.is_sound {
            self.is_over = true;
            let end = start.saturating_add(DESCRIPTOR);
            return Some(Step::Section(Section { kind: descriptor.kind?, start, end }));
        }
        let Some(end) = self.end_of(start, &descriptor) else { return Some(self.stumble()) };
        self.at = end;
        let kind = match descriptor.kind {
            Some(kind) if descriptor.is_sound => kind,
            kind => {
                self.notes.push(format!("the section descriptor at byte {start} is damaged"));
                kind.unwrap_or_else(|| self.kind_by_content(start))
            }
        };
        Some(Step::Section(Section { kind, start, end }))
    }
}

/// True where a sound descriptor stands behind a file header that is damaged.
pub(super) fn starts_behind_header(head: &[u8]) -> bool {
    let bytes = usize::try_from(FILE_HEADER).ok().and_then(|start| head.get(start..start.checked_add(76)?));
    bytes.is_some_and(|bytes| {
        let sum = bytes.get(..72).map(|head| adler32(&head));
        bytes.get(..16).is_some_and(is_name) && sum == le::u32_at(bytes, 72)
    })
}

struct Descriptor {
    kind: Option<Kind>,
    next: u64,
    size: u64,
    is_sound: bool,
}

/// What a name of 16 bytes stands for; sections nobody knows are skipped.
fn kind_of(name: &[u8]) -> Option<Kind> {
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    let name = name.get(..end)?;
    KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(u8::is_ascii_lowercase) && kind_of(name).is_some()
}
