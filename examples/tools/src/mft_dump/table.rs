//! Aligned columns for people: state, record, size, time of the last change, path.

use ntfs_salvage::recoverability::{Recoverability, Verdict};
use ntfs_salvage::{EntryState, Stream};

use crate::files::listed_file::{ListedFile, Row};
use crate::input::volumes::Opened;
use crate::mft_dump::rows::{Pen, Rows};
use crate::writing::number::{push_number, push_number_aligned};
use crate::writing::text::{name_in, push_aligned, push_harmless};

/// The format.
pub struct Table;

/// Width of the columns that are aligned to the right.
const REFERENCE: usize = 12;
const SIZE: usize = 15;
/// Width of the column that says what is left of the content.
const CONTENT: usize = 15;

impl Rows for Table {
    fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"state     record-seq            size  modified (UTC)         content        path\n");
    }

    fn volume(&self, opened: &Opened<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\n");
        push_harmless(out, &opened.to_string());
        out.extend_from_slice(b":\n");
    }

    fn file(&self, file: &ListedFile<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        file.for_each_row(|row| write_row(file, row, pen, out));
    }

    fn shows_verdicts(&self) -> bool {
        true
    }
}

fn write_row(file: &ListedFile<'_>, row: Row<'_, '_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
    let recoverability = row.recoverability;
    let entry = file.entry;
    let state = entry.state().name().as_bytes();
    out.extend_from_slice(state);
    out.resize(out.len() + 8_usize.saturating_sub(state.len()), b' ');
    let start = out.len();
    if entry.reference().is_unknown() {
        push_aligned(out, b"-", REFERENCE - 4);
    } else {
        push_number_aligned(out, entry.record_number(), REFERENCE - 4);
        out.push(b'-');
        push_number(out, entry.sequence_number());
    }
    out.resize(out.len().max(start + REFERENCE + 1), b' ');
    match row.stream.and_then(Stream::size) {
        Some(size) => push_number_aligned(out, size, SIZE),
        None => push_aligned(out, if file.entry.is_directory() { b"<dir>" } else { b"-" }, SIZE),
    }
    out.extend_from_slice(b"  ");
    let start = out.len();
    match file.parts.information.map(|information| information.modified()) {
        Some(time) if !time.is_unset() => {
            pen.dates.push_plain(time, false, out);
        }
        _ => out.push(b'-'),
    }
    out.resize(out.len().max(start + 19), b' ');
    out.extend_from_slice(if file.parts.damage.is_empty() { b"    " } else { b"  ! " });
    let start = out.len();
    // What exists is there, as a rule: only what is not so is worth a word.
    let is_expected = |verdict: &Verdict| entry.state() == EntryState::Live && *verdict == Verdict::Intact;
    if let Some(verdict) = recoverability.map(Recoverability::verdict).filter(|verdict| !is_expected(verdict)) {
        out.extend_from_slice(verdict.code().as_bytes());
    }
    out.resize(out.len().max(start + CONTENT), b' ');
    write_path(file, &row, pen, out);
    out.push(b'\n');
}

fn write_path(file: &ListedFile<'_>, row: &Row<'_, '_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
    match row.link {
        Some(link) => {
            pen.text.clear();
            pen.paths.push(link.parent(), link.name(), &mut pen.text);
            push_harmless(out, &pen.text);
        }
        None => out.extend_from_slice(b"<no name>"),
    }
    if let Some(stream) = row.stream.filter(|stream| !stream.name().is_empty()) {
        out.push(b':');
        push_harmless(out, name_in(&mut pen.text, stream.name()));
    }
    if let Some(target) = file.reparse_target().filter(|_| row.is_full) {
        out.extend_from_slice(b" -> ");
        push_harmless(out, &target);
    }
}
