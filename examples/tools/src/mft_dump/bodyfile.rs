//! The bodyfile of The Sleuth Kit 3 and later. DIFFERENCES.md says where and why it is left.
//!
//! `MD5|name|record-type-id|mode|UID|GID|size|accessed|modified|record changed|created`

use ntfs_salvage::EntryState;
use ntfs_salvage::catalog::{Link, PathEnd};
use ntfs_salvage::structure::value::FileAttributes;
use ntfs_salvage::structure::{Attribute, AttributeType};

use crate::files::listed_file::{ListedFile, Times, times_of, times_of_link};
use crate::mft_dump::attribute_ids::AttributeIds;
use crate::mft_dump::rows::{Pen, Rows};
use crate::mft_dump::time::{UNIX_TEXT, has_ten_digits, push_first, push_unix, ten_digits_of};
use crate::writing::number::{push_next_number, push_number};
use crate::writing::text::{has_replacement, is_harmless, is_plain, rewrite};

/// The format.
pub struct Bodyfile {
    /// Whether times have their fraction of a second.
    pub fraction: bool,
}

/// What the rows of a file share.
struct Common<'r> {
    file: &'r ListedFile<'r>,
    /// The first fields up to the path, without suffix.
    start: &'r [u8],
    /// `r/rrwxrwxrwx`
    mode: [u8; 12],
}

/// What one row is about: a name, or a stream or index under it.
struct Row<'r> {
    suffix: &'r [u8],
    attribute: Option<(AttributeType, u32)>,
    size: u64,
    times: Option<Times>,
}

impl Rows for Bodyfile {
    fn file(&self, file: &ListedFile<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        let ids = AttributeIds::of(file.entry);
        let mode = mode_of(file);
        let mut start = std::mem::take(&mut pen.row);
        if file.parts.links.is_empty() && !is_reserve(file) {
            write_start(file, None, pen, &mut start);
            self.write_contents(&Common { file, start: &start, mode }, &ids, pen, out);
        }
        let repeats = file.repeats();
        for (index, link) in file.parts.links.iter().enumerate() {
            write_start(file, Some(link), pen, &mut start);
            let common = Common { file, start: &start, mode };
            self.write_name(&common, link, ids.id(link.record_number(), link.attribute_id()), pen, out);
            if index == 0 || repeats {
                self.write_contents(&common, &ids, pen, out);
            }
        }
        pen.row = start;
    }
}

impl Bodyfile {
    /// The row with the times of the name.
    fn write_name(&self, common: &Common<'_>, link: &Link<'_>, id: u32, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        // The size of the attribute's value: 66 bytes and the name.
        let size = 66 + link.name().bytes().len() as u64;
        let attribute = Some((AttributeType::FILE_NAME, id));
        let times = Some(times_of_link(link));
        self.write(common, &Row { suffix: b" ($FILE_NAME)", attribute, size, times }, pen, out);
    }

    /// A row for each stream and each index, or, where there is neither, one for the file.
    fn write_contents(&self, common: &Common<'_>, ids: &AttributeIds, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        let file = common.file;
        let times = file.parts.information.as_ref().map(times_of);
        let mut suffix = Vec::new();
        let mut row = |piece: &Attribute<'_>, size, pen: &mut Pen<'_>, out: &mut Vec<u8>| {
            suffix.clear();
            if !piece.name().is_empty() && !is_directory_index(piece) {
                suffix.push(b':');
                piece.name().push_utf8_to(&mut suffix);
                sanitize(&mut suffix, 1);
            }
            let record = piece.place().record.unwrap_or(file.entry.record_number());
            let attribute = Some((piece.attribute_type(), ids.id(record, piece.id())));
            self.write(common, &Row { suffix: &suffix, attribute, size, times }, pen, out);
        };
        let mut is_empty = true;
        for stream in &file.parts.streams {
            is_empty = false;
            row(stream.first_piece(), stream.size().unwrap_or(0), pen, out);
        }
        for index in file.rare(AttributeType::INDEX_ROOT) {
            is_empty = false;
            row(index, index.resident_value().map_or(0, |value| value.len() as u64), pen, out);
        }
        if is_empty {
            self.write(common, &Row { suffix: b"", attribute: None, size: 0, times }, pen, out);
        }
    }

    fn write(&self, common: &Common<'_>, row: &Row<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        let file = common.file;
        out.extend_from_slice(common.start);
        out.extend_from_slice(row.suffix);
        if file.entry.state() != EntryState::Live {
            out.extend_from_slice(b" (deleted)");
        }
        // No inode: a tool that reads this wants a number.
        let number = if file.entry.reference().is_unknown() { 0 } else { file.entry.record_number() };
        push_next_number(out, b'|', number);
        if let Some((kind, id)) = row.attribute {
            write_attribute(kind, id, out);
        }
        out.push(b'|');
        out.extend_from_slice(&common.mode);
        match file.parts.information.and_then(|information| information.owner_id()).unwrap_or(0) {
            0 => out.extend_from_slice(b"|0|0"),
            owner => {
                push_next_number(out, b'|', owner);
                out.extend_from_slice(b"|0");
            }
        }
        push_next_number(out, b'|', row.size);
        self.write_times(row.times, pen, out);
        out.push(b'\n');
    }

    fn write_times(&self, times: Option<Times>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        let Some(times) = times else { return out.extend_from_slice(b"|0|0|0|0") };
        if !self.fraction && times.iter().all(|&time| has_ten_digits(time)) {
            let [created, modified, record_changed, accessed] = pen.last.unix.make(times, ten_digits_of);
            let texts = [accessed, modified, record_changed, created];
            return texts.iter().for_each(|text| push_first::<UNIX_TEXT, 16>(out, text));
        }
        let [created, modified, record_changed, accessed] = times;
        for time in [accessed, modified, record_changed, created] {
            out.push(b'|');
            push_unix(time, self.fraction, out);
        }
    }
}

/// `-128-3`: the type and the id.
fn write_attribute(kind: AttributeType, id: u32, out: &mut Vec<u8>) {
    match kind {
        AttributeType::FILE_NAME => out.extend_from_slice(b"-48"),
        AttributeType::DATA => out.extend_from_slice(b"-128"),
        _ => push_next_number(out, b'-', kind.0),
    }
    push_next_number(out, b'-', id);
}

/// The records 12 to 15 are in use, and no files.
fn is_reserve(file: &ListedFile<'_>) -> bool {
    file.entry.state() == EntryState::Live && file.entry.record_number() < 24
}

fn is_directory_index(attribute: &Attribute<'_>) -> bool {
    attribute.attribute_type() == AttributeType::INDEX_ROOT && attribute.name().is("$I30")
}

/// Composes what the rows of a name start with.
fn write_start(file: &ListedFile<'_>, link: Option<&Link<'_>>, pen: &mut Pen<'_>, start: &mut Vec<u8>) {
    start.clear();
    start.extend_from_slice(b"0|");
    if let Some(opened) = pen.shown {
        let is_number = opened.tag.starts_with(|first: char| first.is_ascii_digit());
        start.extend_from_slice(if is_number { b"/vol" } else { b"/vol-" });
        start.extend_from_slice(opened.tag.as_bytes());
    }
    write_path(file, link, pen, start);
}

/// What has lost its way to the root stands under `/$OrphanFiles`.
fn write_path(file: &ListedFile<'_>, link: Option<&Link<'_>>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
    let Some(link) = link else {
        out.extend_from_slice(b"/$OrphanFiles/OrphanFile-");
        return push_number(out, file.entry.record_number());
    };
    let start = out.len();
    let pushed = pen.paths.push_utf8(link.parent(), link.name(), out);
    let name = pushed.name_start;
    match pushed.end {
        PathEnd::Root if pen.is_plain_path(link, &out[start..], name - start, is_plain_field) => return,
        PathEnd::Root => {}
        _ => {
            // Without the reason it ends at, in angle brackets.
            let reason = out[start..].iter().position(|&byte| byte == b'>').map_or(start, |at| start + at + 1);
            out.splice(start..reason, *b"/$OrphanFiles");
        }
    }
    sanitize(out, start);
}

/// `r/rrwxrwxrwx`: the kind of file as its name and its record have it, and the rights that follow
/// from its attributes.
fn mode_of(file: &ListedFile<'_>) -> [u8; 12] {
    let kind = if file.entry.is_directory() { b'd' } else { b'r' };
    let name_kind = if file.entry.state() == EntryState::Live { kind } else { b'-' };
    let attributes = file.parts.information.and_then(|information| information.file_attributes());
    // Which bit takes which right is The Sleuth Kit's word.
    let right = |taken_by, right| match attributes {
        Some(attributes) if !attributes.contains(taken_by) => right,
        _ => b'-',
    };
    let (r, w) = (right(FileAttributes::READ_ONLY, b'r'), right(FileAttributes::HIDDEN, b'w'));
    let x = if attributes.is_some() { b'x' } else { b'-' };
    [name_kind, b'/', kind, r, w, x, r, w, x, r, w, x]
}

/// Controls, the separator and what is no Unicode as `^`, in what stands from `start` on: no reader of
/// bodyfiles knows an escape.
fn sanitize(out: &mut Vec<u8>, start: usize) {
    let text = &out[start..];
    if is_plain_field(text) {
        return;
    }
    rewrite(out, start, |out, text| {
        for character in text.chars() {
            let is_replaced = character.is_control() || matches!(character, '|' | char::REPLACEMENT_CHARACTER);
            let shown = if is_replaced { '^' } else { character };
            out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
    });
}

/// Without controls, separators and what was no Unicode; other harmful characters are left to who shows them.
fn is_plain_field(text: &[u8]) -> bool {
    is_plain(text, [b'|']) || is_harmless(text, [b'|']) && !has_replacement(text)
}
