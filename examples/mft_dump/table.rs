//! Aligned columns for people: state, record, size, time of the last change, path.

use ntfs_salvage::catalog::{Link, Stream};

use crate::file::File;
use crate::input::Opened;
use crate::rows::{Pen, Rows};
use crate::text::{name_in, push_aligned, push_harmless, push_number};

/// The format.
pub struct Table;

/// Width of the columns that are aligned to the right.
const REFERENCE: usize = 12;
const SIZE: usize = 15;

impl Rows for Table {
    fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"state     record-seq            size  modified (UTC)         path\n");
    }

    fn volume(&self, opened: &Opened<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\n");
        push_harmless(out, &opened.to_string());
        out.extend_from_slice(b":\n");
    }

    fn file(&self, file: &File<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        if file.links.is_empty() {
            write_row(file, None, file.main_stream(), pen, out);
        }
        for link in &file.links {
            write_row(file, Some(link), file.main_stream(), pen, out);
        }
        for stream in file.named_streams() {
            write_row(file, file.links.first(), Some(stream), pen, out);
        }
    }
}

fn write_row(
    file: &File<'_>,
    link: Option<&Link<'_>>,
    stream: Option<&Stream<'_>>,
    pen: &mut Pen<'_>,
    out: &mut Vec<u8>,
) {
    let entry = file.entry;
    let state = entry.state().name().as_bytes();
    out.extend_from_slice(state);
    out.resize(out.len() + 8_usize.saturating_sub(state.len()), b' ');
    let mut digits = itoa::Buffer::new();
    let start = out.len();
    push_aligned(out, digits.format(entry.record_number()).as_bytes(), REFERENCE - 4);
    out.push(b'-');
    push_number(out, entry.sequence_number());
    out.resize(out.len().max(start + REFERENCE + 1), b' ');
    match stream.and_then(Stream::size) {
        Some(size) => push_aligned(out, digits.format(size).as_bytes(), SIZE),
        None => push_aligned(out, if file.entry.is_directory() { b"<dir>" } else { b"-" }, SIZE),
    }
    out.extend_from_slice(b"  ");
    let start = out.len();
    if let Some(information) = &file.information {
        pen.dates.push_plain(information.modified(), false, out);
    }
    out.resize(out.len().max(start + 19), b' ');
    out.extend_from_slice(if file.damage.is_empty() { b"    " } else { b"  ! " });
    write_path(file, link, stream, pen, out);
    out.push(b'\n');
}

fn write_path(
    file: &File<'_>,
    link: Option<&Link<'_>>,
    stream: Option<&Stream<'_>>,
    pen: &mut Pen<'_>,
    out: &mut Vec<u8>,
) {
    match link {
        Some(link) => {
            pen.text.clear();
            pen.paths.push(link.parent(), link.name(), &mut pen.text);
            push_harmless(out, &pen.text);
        }
        None => out.extend_from_slice(b"<no name>"),
    }
    if let Some(stream) = stream.filter(|stream| !stream.name().is_empty()) {
        out.push(b':');
        push_harmless(out, name_in(&mut pen.text, stream.name()));
    }
    if let Some(target) = file.reparse_target() {
        out.extend_from_slice(b" -> ");
        push_harmless(out, &target);
    }
}
