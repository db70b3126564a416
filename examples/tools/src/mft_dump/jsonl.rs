//! One JSON object an entry, one a line. SCHEMA.md says what is in it.

use std::ops::Range;

use ntfs_salvage::catalog::{Link, Provenance};
use ntfs_salvage::recoverability::Recoverability;
use ntfs_salvage::structure::value::{FileAttributes, Namespace, StandardInformation};
use ntfs_salvage::structure::{AttributeFlags, DataRun};
use ntfs_salvage::{Damage, Entry, EntryState, FileReference, FileTime, Stream};

use crate::files::exposure::write_exposure;
use crate::files::listed_file::{ListedFile, Times, times_of, times_of_link};
use crate::files::namespace::namespace_name;
use crate::files::verified_content::{write_judgement, write_reasons};
use crate::input::volumes::Opened;
use crate::judge::Judgement;
use crate::mft_dump::rows::{Pen, Rows};
use crate::mft_dump::time::{Dates, TimeObject, push_first, side_by_side};
use crate::writing::json::{Json, is_plain_json};
use crate::writing::number::{eight_digits, two_digits};

/// The format.
pub struct Jsonl;

impl Rows for Jsonl {
    fn shows_verdicts(&self) -> bool {
        true
    }

    fn file(&self, file: &ListedFile<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        write_entry(file, pen, &mut Json { out });
    }
}

fn write_entry(file: &ListedFile<'_>, pen: &mut Pen<'_>, json: &mut Json<'_>) {
    let (entry, information) = (file.entry, file.parts.information.as_ref());
    json.put(b"{");
    if let Some(opened) = pen.shown {
        write_volume(opened, json);
    }
    let reference = Some(entry.reference()).filter(|reference| !reference.is_unknown());
    json.put(br#""record":"#).number_or_null(reference.map(FileReference::record_number));
    json.put(br#","sequence":"#).number_or_null(reference.map(FileReference::sequence_number));
    write_state(entry, json);
    write_names(&file.parts.links, pen, json.put(br#","paths":"#));
    write_times(information.map(times_of), pen, json.put(br#","times":"#));
    write_attributes(information.and_then(StandardInformation::file_attributes), pen, json.put(br#","attributes":"#));
    json.put(br#","security_id":"#).number_or_null(information.and_then(StandardInformation::security_id));
    json.put(br#","usn":"#).number_or_null(information.and_then(StandardInformation::update_sequence_number));
    json.put(br#","lsn":"#).number(entry.header().lsn());
    write_reparse(file, json.put(br#","reparse":"#));
    json.put(br#","streams":"#).array(
        file.assessed_streams().enumerate(),
        |json, (index, (stream, recoverability))| {
            write_stream(stream, recoverability, file.judgement(index), json);
        },
    );
    write_all_damage(file, json.put(br#","damage":"#));
    if entry.provenance() != Provenance::Table {
        json.put(br#","provenance":"#).text(entry.provenance().code());
    }
    json.put(b"}\n");
}

fn write_state(entry: &Entry<'_>, json: &mut Json<'_>) {
    let (state, in_use, is_directory) = (entry.state(), entry.header().is_in_use(), entry.is_directory());
    if (state, in_use, is_directory) == (EntryState::Live, true, false) {
        json.put(br#","in_use":true,"directory":false,"state":"live""#);
        return;
    }
    json.put(br#","in_use":"#).boolean(in_use);
    json.put(br#","directory":"#).boolean(is_directory);
    json.put(br#","state":"#).text(state.name());
}

fn write_volume(opened: &Opened<'_>, json: &mut Json<'_>) {
    json.put(br#""volume":{"partition":"#).number_or_null(opened.partition);
    json.put(br#","offset":"#).number(opened.start);
    json.put(br#","layer":"#).text(opened.layer.code());
    json.put(br#","tag":"#).text(&opened.tag);
    json.put(b"},");
}

/// The paths, and behind them the links.
fn write_names(links: &[Link<'_>], pen: &mut Pen<'_>, json: &mut Json<'_>) {
    let mut name = None;
    json.array(links, |json, link| name = write_path(link, pen, json));
    // Nearly all files have one link, whose path ends with its name.
    let name = name.filter(|_| links.len() == 1);
    json.put(br#","links":"#).array(links, |json, link| write_link(link, name.clone(), pen, json));
}

/// Writes a path; where it stands as it is, its name is found where this says.
fn write_path(link: &Link<'_>, pen: &mut Pen<'_>, json: &mut Json<'_>) -> Option<Range<usize>> {
    let start = json.put(b"\"").out.len();
    let pushed = pen.paths.push_utf8(link.parent(), link.name(), json.out);
    let (name, is_whole) = (pushed.name_start, pushed.is_name_whole);
    if is_whole && pen.is_plain_path(link, &json.out[start..], name - start, is_plain_json) {
        let place = name..json.out.len();
        json.put(b"\"");
        return Some(place);
    }
    json.end_text(start);
    None
}

/// `name`: where the name already stands in the output as JSON has it.
fn write_link(link: &Link<'_>, name: Option<Range<usize>>, pen: &mut Pen<'_>, json: &mut Json<'_>) {
    json.put(br#"{"parent":"#).number(link.parent().record_number());
    json.put(br#","parent_sequence":"#).number(link.parent().sequence_number());
    write_namespace(link.file_name().namespace(), json.put(br#","namespace":""#));
    json.put(br#"","name":"#);
    match name {
        Some(place) => {
            json.put(b"\"").out.extend_from_within(place);
            json.put(b"\"");
        }
        None => json.name(link.name(), r#","name_utf16":"#),
    }
    if let Some(name) = link.dos_name() {
        json.put(br#","dos_name":"#).name(name, r#","dos_name_utf16":"#);
    }
    write_times(Some(times_of_link(link)), pen, json.put(br#","times":"#));
    json.put(b"}");
}

fn write_namespace(namespace: Namespace, json: &mut Json<'_>) {
    match namespace_name(namespace) {
        Some(name) => json.out.extend_from_slice(name.as_bytes()),
        None => json.put(b"other-").number(namespace.0),
    }
}

fn write_times(times: Option<Times>, pen: &mut Pen<'_>, json: &mut Json<'_>) {
    let Some(times) = times else { return json.null() };
    // From 1917 to 4769.
    let has_eighteen_digits = |time: &FileTime| (100_000_000_000_000_000..1_000_000_000_000_000_000).contains(&time.0);
    if !times.iter().all(has_eighteen_digits) {
        return write_unusual_times(times, &mut pen.dates, json);
    }
    let objects = pen.last.objects.make(times, |time| time_object(time, &mut pen.dates));
    let [created, modified, record_changed, accessed] = objects;
    push_first::<OBJECT_LENGTH, 80>(json.put(br#"{"created":"#).out, created);
    push_first::<OBJECT_LENGTH, 80>(json.put(br#","modified":"#).out, modified);
    push_first::<OBJECT_LENGTH, 80>(json.put(br#","record_changed":"#).out, record_changed);
    push_first::<OBJECT_LENGTH, 80>(json.put(br#","accessed":"#).out, accessed);
    json.put(b"}");
}

#[cold]
fn write_unusual_times(times: Times, dates: &mut Dates, json: &mut Json<'_>) {
    let [created, modified, record_changed, accessed] = times;
    write_unusual_time(created, dates, json.put(br#"{"created":"#));
    write_unusual_time(modified, dates, json.put(br#","modified":"#));
    write_unusual_time(record_changed, dates, json.put(br#","record_changed":"#));
    write_unusual_time(accessed, dates, json.put(br#","accessed":"#));
    json.put(b"}");
}

const OBJECT_LENGTH: usize = 68;

#[inline(never)]
fn time_object(time: FileTime, dates: &mut Dates) -> TimeObject {
    let word = |bytes: &[u8; 16]| u128::from_le_bytes(*bytes);
    let eight = |number: u64| u128::from(u64::from_le_bytes(eight_digits(number as u32)));
    let text = dates.text(time);
    let (high, low) = (time.0 / 100_000_000, time.0 % 100_000_000);
    let first = u128::from(u16::from_le_bytes(two_digits((high / 100_000_000) as u32)));
    let (middle, last) = (eight(high % 100_000_000), eight(low));
    side_by_side([
        word(b"{\"filetime\":\0\0\0\0") | first << 96 | middle << 112,
        middle >> 16 | last << 48 | u128::from(b',') << 112 | u128::from(b'"') << 120,
        word(b"utc\":\"\0\0\0\0\0\0\0\0\0\0") | text.front << 48,
        text.front >> 80 | text.back << 48,
        text.back >> 80 | u128::from(b'"') << 16 | u128::from(b'}') << 24,
    ])
}

fn write_unusual_time(time: FileTime, dates: &mut Dates, json: &mut Json<'_>) {
    json.put(br#"{"filetime":"#).number(time.0);
    // A date is plain: between quotes it is JSON.
    json.put(br#","utc":""#);
    if dates.push_rfc3339(time, json.out) {
        json.put(b"\"}");
    } else {
        json.out.pop();
        json.put(b"null}");
    }
}

fn write_attributes(attributes: Option<FileAttributes>, pen: &mut Pen<'_>, json: &mut Json<'_>) {
    let Some(attributes) = attributes else { return json.null() };
    let text = pen.attributes.get(attributes.bits().into(), || attributes_text(attributes));
    json.out.extend_from_slice(text.as_bytes());
}

/// `["HIDDEN","SYSTEM"]`, bits without a name as a number.
fn attributes_text(attributes: FileAttributes) -> String {
    let unknown = attributes & !FileAttributes::all();
    let names = attributes.iter_names().map(|(name, _)| format!("\"{name}\""));
    let number = (!unknown.is_empty()).then(|| format!("\"{:#x}\"", unknown.bits()));
    format!("[{}]", names.chain(number).collect::<Vec<_>>().join(","))
}

fn write_reparse(file: &ListedFile<'_>, json: &mut Json<'_>) {
    let Some(reparse) = file.reparse() else { return json.null() };
    json.put(br#"{"tag":"#).text(&format!("{:#010x}", reparse.tag.0));
    json.put(br#","name":"#).text_or_null(reparse.tag.name());
    json.put(br#","target":"#).text_or_null(reparse.target.as_deref());
    json.put(b"}");
}

fn write_stream(
    stream: &Stream<'_>,
    recoverability: Option<&Recoverability>,
    judgement: Option<&Judgement>,
    json: &mut Json<'_>,
) {
    if stream.name().is_empty() {
        json.put(br#"{"name":"""#);
    } else {
        json.put(br#"{"name":"#).name(stream.name(), r#","name_utf16":"#);
    }
    json.put(br#","size":"#).number_or_null(stream.size());
    json.put(br#","allocated":"#).number_or_null(stream.allocated_size());
    json.put(br#","initialized":"#).number_or_null(stream.initialized_size());
    write_flags(stream, json);
    json.put(br#","runs":"#);
    json.array(stream.data_runs().filter_map(Result::ok), |json, run| write_run(&run, json));
    match recoverability {
        Some(found) => write_recoverability(found, judgement, json.put(br#","recoverability":"#)),
        None => json.out.extend_from_slice(br#","recoverability":null"#),
    }
    json.put(b"}");
}

fn write_recoverability(recoverability: &Recoverability, judgement: Option<&Judgement>, json: &mut Json<'_>) {
    json.put(br#"{"verdict":"#).text(recoverability.verdict().code());
    write_reasons(recoverability.reasons(), judgement, json.put(br#","reasons":"#));
    json.put(br#","bytes":"#);
    let mut separator = b"{";
    for (name, bytes) in recoverability.counts().named().into_iter().filter(|(_, bytes)| *bytes > 0) {
        json.put(separator).text(name);
        json.put(b":").number(bytes);
        separator = b",";
    }
    json.out.extend_from_slice(if separator == b"{" { b"{}" } else { b"}" });
    write_exposure(recoverability, json);
    if let Some(judgement) = judgement {
        write_judgement(judgement, json.put(br#","content":"#));
    }
    json.put(b"}");
}

fn write_flags(stream: &Stream<'_>, json: &mut Json<'_>) {
    let flags = stream.flags();
    if flags.is_empty() && !stream.is_resident() {
        json.put(br#","resident":false,"compressed":false,"sparse":false,"encrypted":false"#);
        return;
    }
    json.put(br#","resident":"#).boolean(stream.is_resident());
    json.put(br#","compressed":"#).boolean(flags.is_compressed());
    json.put(br#","sparse":"#).boolean(flags.contains(AttributeFlags::SPARSE));
    json.put(br#","encrypted":"#).boolean(flags.contains(AttributeFlags::ENCRYPTED));
}

/// First VCN, first LCN, clusters: a run has three bytes on disk, and a file may have millions.
fn write_run(run: &DataRun, json: &mut Json<'_>) {
    json.put(b"[").number(run.vcn);
    json.put(b",").number_or_null(run.lcn);
    json.put(b",").number(run.clusters);
    json.put(b"]");
}

/// So many places of damage are listed for each record of a file. A record full of broken attributes has a hundred.
const DAMAGE_A_RECORD: usize = 12;

fn write_all_damage(file: &ListedFile<'_>, json: &mut Json<'_>) {
    let most = DAMAGE_A_RECORD * (1 + file.entry.extension_records().len());
    let further = file.parts.damage.len().saturating_sub(most);
    let listed = file.parts.damage.iter().take(most).map(Some);
    json.array(listed.chain((further > 0).then_some(None)), |json, damage| match damage {
        Some(damage) => write_damage(json, damage),
        None => write_further(file, further, json),
    });
}

fn write_further(file: &ListedFile<'_>, further: usize, json: &mut Json<'_>) {
    json.put(br#"{"code":"further-damage","record":"#).number(file.entry.record_number());
    json.put(br#","offset":0,"message":"#);
    json.text(&format!("{further} further places of damage are not listed"));
    json.put(b"}");
}

fn write_damage(json: &mut Json<'_>, damage: &Damage) {
    json.put(br#"{"code":"#).text(damage.kind.code());
    json.put(br#","record":"#).number_or_null(damage.place.record);
    json.put(br#","offset":"#).number(damage.place.offset);
    json.put(br#","message":"#).text(&damage.to_string());
    json.put(b"}");
}
