//! The CSV that MFTECmd writes of an `$MFT`, which many timeline tools read. DIFFERENCES.md says
//! where and why it is left.
//!
//! One row a name that is not a DOS name, each followed by one row a named stream; files that exist
//! come first, then all others.

use std::collections::HashSet;

use ntfs_salvage::catalog::Link;
use ntfs_salvage::salvage::Layer;
use ntfs_salvage::structure::AttributeType;
use ntfs_salvage::structure::value::{Namespace, ObjectId, StandardInformation};
use ntfs_salvage::{EntryState, FileTime, Stream};

use crate::files::listed_file::{ListedFile, Times, times_of, times_of_link};
use crate::input::volumes::Opened;
use crate::mft_dump::csv::push_field;
use crate::mft_dump::rows::{Pen, Rows};
use crate::writing::number::push_number;

/// The format.
pub struct Mftecmd {
    /// The input, as the last column has it.
    pub source: String,
}

/// A byte order mark and the columns.
const HEAD: &[u8] = b"\xEF\xBB\xBFEntryNumber,SequenceNumber,InUse,ParentEntryNumber,ParentSequenceNumber,\
ParentPath,FileName,Extension,FileSize,ReferenceCount,ReparseTarget,IsDirectory,HasAds,IsAds,SI<FN,uSecZeros,\
Copied,SiFlags,NameType,Created0x10,Created0x30,LastModified0x10,LastModified0x30,LastRecordChange0x10,\
LastRecordChange0x30,LastAccess0x10,LastAccess0x30,UpdateSequenceNumber,LogfileSequenceNumber,SecurityId,\
ObjectIdFileDroid,LoggedUtilStream,ZoneIdContents,SourceFile\r\n";

/// The names of the attribute bits, by value.
const FLAGS: [(u32, &str); 21] = [
    (0x1, "ReadOnly"),
    (0x2, "Hidden"),
    (0x4, "System"),
    (0x8, "VolumeLabel"),
    (0x10, "Directory"),
    (0x20, "Archive"),
    (0x40, "Device"),
    (0x80, "Normal"),
    (0x100, "Temporary"),
    (0x200, "SparseFile"),
    (0x400, "ReparsePoint"),
    (0x800, "Compressed"),
    (0x1000, "Offline"),
    (0x2000, "NotContentIndexed"),
    (0x4000, "Encrypted"),
    (0x8000, "IntegrityStream"),
    (0x1_0000, "Virtual"),
    (0x2_0000, "NoScrubData"),
    (0x4_0000, "HasEa"),
    (0x1000_0000, "IsDirectory"),
    (0x2000_0000, "IsIndexView"),
];

/// What the rows about one name of a file share.
struct Common<'r> {
    file: &'r ListedFile<'r>,
    link: Option<&'r Link<'r>>,
    /// How many names the file has.
    names: u64,
    main: Option<&'r Stream<'r>>,
    /// Where the file leads, if it is a link.
    target: String,
}

impl Rows for Mftecmd {
    fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(HEAD);
    }

    fn live_first(&self) -> bool {
        true
    }

    fn file(&self, file: &ListedFile<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        let links: Vec<_> = file.parts.links.iter().map(Some).collect();
        let is_reserve = file.entry.state() == EntryState::Live && file.entry.record_number() < 24;
        let links = if links.is_empty() && !is_reserve { vec![None] } else { links };
        let (repeats, names) = (file.repeats(), distinct_names(file));
        let main = if file.entry.is_directory() { None } else { file.main_stream() };
        for (index, link) in links.into_iter().enumerate() {
            let target = file.reparse_target().filter(|_| index == 0 || repeats).unwrap_or_default();
            let common = Common { file, link, names, main, target };
            self.write(&common, None, pen, out);
            for stream in file.named_streams().filter(|_| index == 0 || repeats) {
                self.write(&common, Some(stream), pen, out);
            }
        }
    }
}

impl Mftecmd {
    fn write(&self, common: &Common<'_>, stream: Option<&Stream<'_>>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        let Common { file, link, names, ref target, .. } = *common;
        let entry = file.entry;
        if entry.reference().is_unknown() {
            out.push(b',');
        } else {
            push_number(out, entry.record_number());
            out.push(b',');
            push_number(out, entry.sequence_number());
        }
        push_boolean(out, entry.header().is_in_use());
        write_name(common, stream, pen, out);
        push_number(out, names);
        out.push(b',');
        push_field(out, target);
        push_boolean(out, entry.is_directory());
        push_boolean(out, stream.is_none() && file.named_streams().next().is_some());
        push_boolean(out, stream.is_some());
        let information = file.parts.information.as_ref();
        write_hints(information.map(times_of), link.map(times_of_link), out);
        out.push(b',');
        push_flags(information, out);
        out.push(b',');
        push_name_type(link, out);
        write_times(information.map(times_of), link.map(times_of_link), pen, out);
        self.write_rest(file, stream, pen.shown, out);
    }

    /// The columns behind the times.
    fn write_rest(
        &self,
        file: &ListedFile<'_>,
        stream: Option<&Stream<'_>>,
        shown: Option<&Opened<'_>>,
        out: &mut Vec<u8>,
    ) {
        let information = file.parts.information.as_ref();
        out.push(b',');
        push_number(out, information.and_then(StandardInformation::update_sequence_number).unwrap_or(0));
        out.push(b',');
        push_number(out, file.entry.header().lsn());
        out.push(b',');
        if let Some(information) = information {
            push_number(out, information.security_id().unwrap_or(0));
        }
        out.push(b',');
        if let Some(id) = file.rare(AttributeType::OBJECT_ID).next().and_then(|id| id.resident_value().ok()) {
            let id = ObjectId::parse(id).map(|id| id.object_id().to_string());
            push_field(out, &id.unwrap_or_default());
        }
        out.push(b',');
        if let Some(utility) = file.rare(AttributeType::LOGGED_UTILITY_STREAM).next() {
            push_field(out, &utility.name().to_string());
        }
        out.push(b',');
        if let Some(stream) = stream.filter(|stream| stream.name().is("Zone.Identifier")) {
            write_zone(stream, out);
        }
        out.push(b',');
        match shown {
            Some(Opened { tag, partition: Some(_), layer: Layer::Current, .. }) => {
                push_field(out, &format!("{} (partition {tag})", self.source));
            }
            Some(Opened { tag, .. }) => push_field(out, &format!("{} (volume {tag})", self.source)),
            None => push_field(out, &self.source),
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// `,True` or `,False`.
fn push_boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b",True" } else { b",False" });
}

/// Parent, path, name, extension and size.
fn write_name(common: &Common<'_>, stream: Option<&Stream<'_>>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
    let Common { file, link, main, .. } = *common;
    out.push(b',');
    let mut name = String::new();
    if let Some(link) = link {
        push_number(out, link.parent().record_number());
        out.push(b',');
        push_number(out, link.parent().sequence_number());
        out.push(b',');
        push_field(out, &parent_path(link, pen));
        link.name().push_to(&mut name);
    } else {
        out.extend_from_slice(b",,");
    }
    out.push(b',');
    let mut extension = if file.entry.is_directory() { String::new() } else { extension_of(&name).to_owned() };
    if let Some(stream) = stream {
        let stream_name = stream.name().to_string();
        extension = extension_of(&stream_name).to_owned();
        name = format!("{name}:{stream_name}");
    }
    push_field(out, &name);
    out.push(b',');
    push_field(out, &extension);
    out.push(b',');
    push_number(out, stream.or(main).and_then(Stream::size).unwrap_or(0));
    out.push(b',');
}

/// `.\Users\x`, or where the way is lost `.\PathUnknown\Directory with ID 0x0000002A-00000001\x`.
fn parent_path(link: &Link<'_>, pen: &mut Pen<'_>) -> String {
    pen.text.clear();
    let end = pen.paths.push(link.parent(), ntfs_salvage::Name::default(), &mut pen.text);
    let path = pen.text.strip_suffix('/').unwrap_or(&pen.text);
    let start = match end.reference() {
        None => ".".to_owned(),
        Some(reference) => {
            let (number, sequence) = (reference.record_number(), reference.sequence_number());
            format!(r".\PathUnknown\Directory with ID 0x{number:08X}-{sequence:08X}")
        }
    };
    let names = if end.reference().is_none() { path } else { path.split_once('>').map_or("", |(_, names)| names) };
    start + &names.replace('/', r"\")
}

/// The extension with its dot; none where the dot is the last character.
fn extension_of(name: &str) -> &str {
    let start = name.rfind(['.', '\\', '/', ':']).filter(|&at| name[at..].starts_with('.') && at + 1 < name.len());
    start.map_or("", |at| &name[at..])
}

/// How many different names in different directories the file has.
fn distinct_names(file: &ListedFile<'_>) -> u64 {
    if file.parts.links.len() < 2 {
        return file.parts.links.len() as u64;
    }
    let names: HashSet<_> = file.parts.links.iter().map(|link| (link.parent(), link.name().bytes())).collect();
    names.len() as u64
}

/// `SI<FN`, `uSecZeros` and `Copied`: what may, and need not, come from times that were set by hand.
fn write_hints(information: Option<Times>, name: Option<Times>, out: &mut Vec<u8>) {
    let [created, modified] = information.map_or([None; 2], |[created, modified, ..]| [set(created), set(modified)]);
    let name_created = name.and_then(|[created, ..]| set(created));
    let is_whole = |time: Option<FileTime>| time.is_some_and(|time| time.subsecond_ticks() == 0);
    let is_before = |time: Option<FileTime>, other| time.zip(other).is_some_and(|(time, other)| time < other);
    push_boolean(out, is_before(created, name_created));
    push_boolean(out, is_whole(created) || is_whole(modified));
    push_boolean(out, is_before(modified, created));
}

/// A time that was set.
fn set(time: FileTime) -> Option<FileTime> {
    (!time.is_unset()).then_some(time)
}

fn push_flags(information: Option<&StandardInformation<'_>>, out: &mut Vec<u8>) {
    let bits = information.and_then(StandardInformation::file_attributes).map_or(0, |attributes| attributes.bits());
    let known = FLAGS.iter().fold(0, |known, (bit, _)| known | bit);
    match bits {
        0 => out.extend_from_slice(b"None"),
        // Where a bit has no name, the number stands for all of them.
        _ if bits & !known != 0 => push_number(out, bits),
        _ => {
            for (index, (_, name)) in FLAGS.iter().filter(|(bit, _)| bits & bit != 0).enumerate() {
                out.extend_from_slice(if index > 0 { b"|" } else { b"" });
                out.extend_from_slice(name.as_bytes());
            }
        }
    }
}

fn push_name_type(link: Option<&Link<'_>>, out: &mut Vec<u8>) {
    let Some(link) = link else { return };
    match link.file_name().namespace() {
        Namespace::POSIX => out.extend_from_slice(b"Posix"),
        Namespace::WIN32 => out.extend_from_slice(b"Windows"),
        Namespace::DOS => out.extend_from_slice(b"Dos"),
        Namespace::WIN32_AND_DOS => out.extend_from_slice(b"DosWindows"),
        other => push_number(out, other.0),
    }
}

/// Pairs of times; a name's is left out where it is the file's.
fn write_times(information: Option<Times>, name: Option<Times>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
    let mut push = |time: Option<FileTime>, out: &mut Vec<u8>| {
        out.push(b',');
        if let Some(time) = time.and_then(set) {
            pen.dates.push_plain(time, true, out);
        }
    };
    for index in 0..4 {
        let (own, name) = (information.map(|times| times[index]), name.map(|times| times[index]));
        push(own, out);
        push(name.filter(|_| own != name), out);
    }
}

/// The mark of the web, in the character set of Windows.
fn write_zone(stream: &Stream<'_>, out: &mut Vec<u8>) {
    let Ok(value) = stream.first_piece().resident_value() else {
        return out.extend_from_slice(b"(Zone.Identifier data is non-resident)");
    };
    out.push(b'"');
    for &byte in value {
        match byte {
            b'"' => out.extend_from_slice(b"\"\""),
            b'\r' | b'\n' | 0x20..0x7F => out.push(byte),
            _ => crate::writing::text::push_harmless(out, windows_1252(byte).encode_utf8(&mut [0; 4])),
        }
    }
    out.push(b'"');
}

fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..0xA0 => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
