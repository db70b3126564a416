//! The bodyfile of The Sleuth Kit 3 and later. DIFFERENCES.md says where and why it is left.
//!
//! `MD5|name|record-type-id|mode|UID|GID|size|accessed|modified|record changed|created`

use ntfs_salvage::EntryState;
use ntfs_salvage::catalog::{Link, PathEnd};
use ntfs_salvage::structure::attribute::Attribute;
use ntfs_salvage::structure::attribute_type::AttributeType;
use ntfs_salvage::structure::value::file_attributes::FileAttributes;

use crate::attribute_ids::AttributeIds;
use crate::file::{File, Times, times_of, times_of_link};
use crate::rows::{Pen, Rows};
use crate::text::{is_plain, push_number};
use crate::time::push_unix;

/// The format.
pub struct Bodyfile {
    /// Whether times have their fraction of a second.
    pub fraction: bool,
}

/// What one row is about: a name, or a stream or index under it.
struct Row<'r> {
    suffix: &'r str,
    attribute: Option<(AttributeType, u32)>,
    size: u64,
    times: Option<Times>,
}

impl Rows for Bodyfile {
    fn file(&self, file: &File<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        let ids = AttributeIds::of(file.entry);
        if file.links.is_empty() && !is_reserve(file) {
            self.write_contents(file, None, &ids, pen, out);
        }
        for link in &file.links {
            let id = ids.id(link.record_number(), link.attribute_id());
            self.write_name(file, link, id, pen, out);
            self.write_contents(file, Some(link), &ids, pen, out);
        }
    }
}

impl Bodyfile {
    /// The row with the times of the name.
    fn write_name(&self, file: &File<'_>, link: &Link<'_>, id: u32, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        // The size of the attribute's value: 66 bytes and the name.
        let size = 66 + link.name().bytes().len() as u64;
        let attribute = Some((AttributeType::FILE_NAME, id));
        let times = Some(times_of_link(link));
        self.write(file, Some(link), &Row { suffix: " ($FILE_NAME)", attribute, size, times }, pen, out);
    }

    /// A row for each stream and each index, or, where there is neither, one for the file.
    fn write_contents(
        &self,
        file: &File<'_>,
        link: Option<&Link<'_>>,
        ids: &AttributeIds,
        pen: &mut Pen<'_>,
        out: &mut Vec<u8>,
    ) {
        let times = file.information.as_ref().map(times_of);
        let mut suffix = String::new();
        let mut row = |piece: &Attribute<'_>, size, pen: &mut Pen<'_>, out: &mut Vec<u8>| {
            suffix.clear();
            if !piece.name().is_empty() && !is_directory_index(piece) {
                suffix.push(':');
                piece.name().push_to(&mut suffix);
            }
            let record = piece.place().record.unwrap_or(file.entry.record_number());
            let attribute = Some((piece.attribute_type(), ids.id(record, piece.id())));
            self.write(file, link, &Row { suffix: &suffix, attribute, size, times }, pen, out);
        };
        let mut is_empty = true;
        for stream in &file.streams {
            is_empty = false;
            row(stream.first_piece(), stream.size().unwrap_or(0), pen, out);
        }
        for index in file.rare(AttributeType::INDEX_ROOT) {
            is_empty = false;
            row(index, index.resident_value().map_or(0, |value| value.len() as u64), pen, out);
        }
        if is_empty {
            self.write(file, link, &Row { suffix: "", attribute: None, size: 0, times }, pen, out);
        }
    }

    fn write(&self, file: &File<'_>, link: Option<&Link<'_>>, row: &Row<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"0|");
        if let Some(partition) = pen.shown.and_then(|opened| opened.partition) {
            out.extend_from_slice(b"/vol");
            push_number(out, partition);
        }
        write_path(file, link, pen, out);
        push_sanitized(out, row.suffix);
        if file.entry.state() != EntryState::Live {
            out.extend_from_slice(b" (deleted)");
        }
        out.push(b'|');
        push_number(out, file.entry.record_number());
        if let Some((kind, id)) = row.attribute {
            out.push(b'-');
            push_number(out, kind.0);
            out.push(b'-');
            push_number(out, id);
        }
        out.push(b'|');
        write_mode(file, out);
        out.push(b'|');
        push_number(out, file.information.and_then(|information| information.owner_id()).unwrap_or(0));
        out.extend_from_slice(b"|0|");
        push_number(out, row.size);
        self.write_times(row.times, out);
        out.push(b'\n');
    }

    fn write_times(&self, times: Option<Times>, out: &mut Vec<u8>) {
        let Some([created, modified, record_changed, accessed]) = times else {
            return out.extend_from_slice(b"|0|0|0|0");
        };
        for time in [accessed, modified, record_changed, created] {
            out.push(b'|');
            push_unix(time, self.fraction, out);
        }
    }
}

/// The records 12 to 15 are in use, and no files.
fn is_reserve(file: &File<'_>) -> bool {
    file.entry.state() == EntryState::Live && file.entry.record_number() < 24
}

fn is_directory_index(attribute: &Attribute<'_>) -> bool {
    attribute.attribute_type() == AttributeType::INDEX_ROOT && attribute.name().is("$I30")
}

/// What has lost its way to the root stands under `/$OrphanFiles`.
fn write_path(file: &File<'_>, link: Option<&Link<'_>>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
    let Some(link) = link else {
        out.extend_from_slice(b"/$OrphanFiles/OrphanFile-");
        return push_number(out, file.entry.record_number());
    };
    pen.text.clear();
    let end = pen.paths.push(link.parent(), link.name(), &mut pen.text);
    let mut path = pen.text.as_str();
    if end != PathEnd::Root {
        out.extend_from_slice(b"/$OrphanFiles");
        // The reason it ends at, in angle brackets.
        path = path.split_once('>').map_or(path, |(_, path)| path);
    }
    push_sanitized(out, path);
}

/// `r/rrwxrwxrwx`: the kind of file as its name and its record have it, and the rights that follow
/// from its attributes.
fn write_mode(file: &File<'_>, out: &mut Vec<u8>) {
    let kind = if file.entry.is_directory() { b'd' } else { b'r' };
    out.extend_from_slice(&[if file.entry.state() == EntryState::Live { kind } else { b'-' }, b'/', kind]);
    let attributes = file.information.and_then(|information| information.file_attributes());
    // Which bit takes which right is The Sleuth Kit's word.
    let right = |taken_by, right| match attributes {
        Some(attributes) if !attributes.contains(taken_by) => right,
        _ => b'-',
    };
    let execute = if attributes.is_some() { b'x' } else { b'-' };
    let rights = [right(FileAttributes::READ_ONLY, b'r'), right(FileAttributes::HIDDEN, b'w'), execute];
    (0..3).for_each(|_| out.extend_from_slice(&rights));
}

/// Controls, the separator and what is no Unicode as `^`: no reader of bodyfiles knows an escape.
fn push_sanitized(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes(), [b'|']) {
        return out.extend_from_slice(text.as_bytes());
    }
    for character in text.chars() {
        let is_replaced = character.is_control() || matches!(character, '|' | char::REPLACEMENT_CHARACTER);
        let shown = if is_replaced { '^' } else { character };
        out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
    }
}
