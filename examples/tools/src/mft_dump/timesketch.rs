//! A timeline: one JSON object an event, one a line, with the fields that Timesketch asks for and plaso's words for
//! what happened. SCHEMA.md says what is in it.

use ntfs_salvage::catalog::Link;
use ntfs_salvage::{EntryState, FileTime, Stream};

use crate::files::listed_file::{ListedFile, Times, times_of, times_of_link};
use crate::mft_dump::rows::{Pen, Rows};
use crate::mft_dump::time::Dates;
use crate::writing::json::Json;
use crate::writing::number::push_signed;

/// The format.
pub struct Timesketch {
    /// Whether equal times of an attribute are an event each.
    pub split: bool,
}

/// What plaso calls the four times, in the order they have on disk.
const DESCRIPTIONS: [&str; 4] =
    ["Creation Time", "Content Modification Time", "Metadata Modification Time", "Last Access Time"];
/// What it calls a value that is none.
const NOT_A_TIME: &str = "Not a time";

/// Where times stand.
const INFORMATION: Option<&str> = Some("$STANDARD_INFORMATION");
const NAME: Option<&str> = Some("$FILE_NAME");

impl Rows for Timesketch {
    fn file(&self, file: &ListedFile<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        let mut rest = Vec::new();
        let start = out.len();
        if let Some(information) = &file.parts.information {
            write_rest(file, INFORMATION, file.parts.links.first(), pen, &mut rest);
            self.events(times_of(information), &rest, &mut pen.dates, out);
        }
        for link in &file.parts.links {
            write_rest(file, NAME, Some(link), pen, &mut rest);
            self.events(times_of_link(link), &rest, &mut pen.dates, out);
        }
        // A file of which no time is known is no event, and still in the timeline.
        if out.len() == start {
            write_rest(file, None, file.parts.links.first(), pen, &mut rest);
            write_event(FileTime(0), NOT_A_TIME, &rest, &mut pen.dates, out);
        }
    }
}

impl Timesketch {
    /// An event for each time that was set, or for each set of equal ones.
    fn events(&self, times: Times, rest: &[u8], dates: &mut Dates, out: &mut Vec<u8>) {
        let mut what = String::new();
        for (index, &time) in times.iter().enumerate() {
            let is_said = !self.split && times[..index].contains(&time);
            if time.is_unset() || is_said {
                continue;
            }
            what.clear();
            let same = times.iter().zip(DESCRIPTIONS).enumerate();
            for (_, (_, text)) in same.filter(|(other, (value, _))| *other == index || !self.split && **value == time) {
                what.push_str(if what.is_empty() { "" } else { "; " });
                what.push_str(text);
            }
            write_event(time, &what, rest, dates, out);
        }
    }
}

fn write_event(time: FileTime, what: &str, rest: &[u8], dates: &mut Dates, out: &mut Vec<u8>) {
    // Timesketch reads years of four digits.
    let is_time = !time.is_unset() && Dates::has_four_digits(time);
    let (shown, microseconds) = match is_time {
        true => (time, time.unix_seconds() * 1_000_000 + i64::from(time.subsecond_ticks() / 10)),
        false => (FileTime(116_444_736_000_000_000), 0),
    };
    out.extend_from_slice(br#"{"datetime":""#);
    dates.push_rfc3339(shown, out);
    // Microseconds: the tenths of one, and a Z.
    out.truncate(out.len().saturating_sub(2));
    out.extend_from_slice(br#"+00:00","timestamp":"#);
    push_signed(out, microseconds);
    let mut json = Json { out };
    json.put(br#","timestamp_desc":"#);
    match is_time || time.is_unset() {
        true => json.text(what),
        false => json.text(&format!("{NOT_A_TIME}: {what}")),
    }
    json.put(br#","filetime":"#).number_or_null(Some(time.0).filter(|_| !time.is_unset()));
    json.out.extend_from_slice(rest);
}

/// What all events of an attribute share: the end of the line.
fn write_rest(
    file: &ListedFile<'_>,
    attribute: Option<&str>,
    link: Option<&Link<'_>>,
    pen: &mut Pen<'_>,
    rest: &mut Vec<u8>,
) {
    let entry = file.entry;
    let mut path = std::mem::take(&mut pen.row);
    path.clear();
    if let Some(link) = link {
        pen.paths.push_utf8(link.parent(), link.name(), &mut path);
    }
    rest.clear();
    let mut json = Json { out: rest };
    let start = json.put(br#","message":""#).out.len();
    match link {
        Some(_) => json.out.extend_from_slice(&path),
        None => json.out.extend_from_slice(format!("record {}", entry.reference()).as_bytes()),
    }
    let size = file.main_stream().and_then(Stream::size).map(|size| format!("{size} bytes"));
    let kind = if entry.is_directory() { "directory" } else { "file" };
    let facts = [attribute, Some(entry.state().name()), Some(kind), size.as_deref()];
    let facts: Vec<_> = facts.into_iter().flatten().collect();
    json.out.extend_from_slice(format!(" ({})", facts.join(", ")).as_bytes());
    json.end_text(start);
    // plaso's word for what comes of the MFT.
    json.put(br#","data_type":"fs:stat:ntfs","filename":"#);
    match link {
        Some(_) => {
            let start = json.put(b"\"").out.len();
            json.out.extend_from_slice(&path);
            json.end_text(start);
        }
        None => json.null(),
    }
    pen.row = path;
    json.put(br#","attribute":"#).text_or_null(attribute);
    let reference = Some(entry.reference()).filter(|reference| !reference.is_unknown());
    json.put(br#","file_reference":"#).text_or_null(reference.map(|reference| reference.to_string()).as_deref());
    json.put(br#","is_allocated":"#).boolean(entry.state() == EntryState::Live);
    json.put(br#","state":"#).text(entry.state().name());
    json.put(br#","is_directory":"#).boolean(entry.is_directory());
    json.put(br#","file_size":"#).number_or_null(file.main_stream().and_then(Stream::size));
    if let Some(opened) = pen.shown {
        json.put(br#","volume":"#).text(&opened.tag);
    }
    json.put(b"}\n");
}
