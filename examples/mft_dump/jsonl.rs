//! One JSON object an entry, one a line. SCHEMA.md says what is in it.

use ntfs_salvage::catalog::{Link, Stream};
use ntfs_salvage::structure::attribute::AttributeFlags;
use ntfs_salvage::structure::value::file_attributes::FileAttributes;
use ntfs_salvage::structure::value::file_name::Namespace;
use ntfs_salvage::structure::value::standard_information::StandardInformation;
use ntfs_salvage::{Damage, FileTime};

use crate::file::{File, Times, times_of, times_of_link};
use crate::json::Json;
use crate::rows::{Pen, Rows};
use crate::text::name_in;
use crate::time::Dates;

/// The format.
pub struct Jsonl;

impl Rows for Jsonl {
    fn file(&self, file: &File<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>) {
        Json { out }.object(|object| write_entry(file, pen, object));
        out.push(b'\n');
    }
}

fn write_entry(file: &File<'_>, pen: &mut Pen<'_>, object: &mut Json<'_>) {
    let (entry, information) = (file.entry, file.information.as_ref());
    if let Some(opened) = pen.shown {
        object.key("volume").object(|volume| {
            volume.key("partition").number_or_null(opened.partition);
            volume.key("offset").number(opened.start);
        });
    }
    object.key("record").number(entry.record_number());
    object.key("sequence").number(entry.sequence_number());
    object.key("in_use").boolean(entry.header().is_in_use());
    object.key("directory").boolean(entry.is_directory());
    object.key("state").text(entry.state().name());
    object.key("paths").array(|array| file.links.iter().for_each(|link| write_path(link, pen, array)));
    object.key("links").array(|array| file.links.iter().for_each(|link| write_link(link, pen, array)));
    object.key("times");
    write_times(information.map(times_of), &mut pen.dates, object);
    object.key("attributes");
    write_attributes(information.and_then(StandardInformation::file_attributes), object);
    object.key("security_id").number_or_null(information.and_then(StandardInformation::security_id));
    object.key("usn").number_or_null(information.and_then(StandardInformation::update_sequence_number));
    object.key("lsn").number(entry.header().lsn());
    object.key("reparse");
    write_reparse(file, object);
    object.key("streams").array(|array| file.streams.iter().for_each(|stream| write_stream(stream, pen, array)));
    object.key("damage").array(|array| file.damage.iter().for_each(|damage| write_damage(damage, array)));
}

fn write_path(link: &Link<'_>, pen: &mut Pen<'_>, array: &mut Json<'_>) {
    pen.text.clear();
    pen.paths.push(link.parent(), link.name(), &mut pen.text);
    array.text(&pen.text);
}

fn write_link(link: &Link<'_>, pen: &mut Pen<'_>, array: &mut Json<'_>) {
    array.object(|object| {
        object.key("parent").number(link.parent().record_number());
        object.key("parent_sequence").number(link.parent().sequence_number());
        object.key("namespace");
        write_namespace(link.file_name().namespace(), object);
        object.name("name", "name_utf16", link.name(), name_in(&mut pen.text, link.name()));
        if let Some(name) = link.dos_name() {
            object.name("dos_name", "dos_name_utf16", name, name_in(&mut pen.text, name));
        }
        object.key("times");
        write_times(Some(times_of_link(link)), &mut pen.dates, object);
    });
}

fn write_namespace(namespace: Namespace, object: &mut Json<'_>) {
    match namespace_name(namespace) {
        Some(name) => object.text(name),
        None => object.text(&format!("other-{}", namespace.0)),
    }
}

/// The names of the known namespaces.
pub fn namespace_name(namespace: Namespace) -> Option<&'static str> {
    Some(match namespace {
        Namespace::POSIX => "posix",
        Namespace::WIN32 => "win32",
        Namespace::DOS => "dos",
        Namespace::WIN32_AND_DOS => "win32+dos",
        _ => return None,
    })
}

fn write_times(times: Option<Times>, dates: &mut Dates, object: &mut Json<'_>) {
    let Some([created, modified, record_changed, accessed]) = times else { return object.null() };
    object.object(|object| {
        for (key, time) in
            [("created", created), ("modified", modified), ("record_changed", record_changed), ("accessed", accessed)]
        {
            object.key(key).object(|object| write_time(time, dates, object));
        }
    });
}

fn write_time(time: FileTime, dates: &mut Dates, object: &mut Json<'_>) {
    object.key("filetime").number(time.0);
    object.key("utc");
    // A date is plain: between quotes it is JSON.
    object.out.push(b'"');
    if dates.push_rfc3339(time, object.out) {
        object.out.push(b'"');
    } else {
        object.out.pop();
        object.null();
    }
}

fn write_attributes(attributes: Option<FileAttributes>, object: &mut Json<'_>) {
    let Some(attributes) = attributes else { return object.null() };
    object.array(|array| {
        attributes.iter_names().for_each(|(name, _)| array.text(name));
        let unknown = attributes & !FileAttributes::all();
        if !unknown.is_empty() {
            array.text(&format!("{:#x}", unknown.bits()));
        }
    });
}

fn write_reparse(file: &File<'_>, object: &mut Json<'_>) {
    let Some(reparse) = file.reparse() else { return object.null() };
    object.object(|object| {
        object.key("tag").text(&format!("{:#010x}", reparse.tag.0));
        object.key("name");
        object.text_or_null(reparse.tag.name());
        object.key("target");
        object.text_or_null(reparse.target.as_deref());
    });
}

fn write_stream(stream: &Stream<'_>, pen: &mut Pen<'_>, array: &mut Json<'_>) {
    array.object(|object| {
        object.name("name", "name_utf16", stream.name(), name_in(&mut pen.text, stream.name()));
        object.key("size").number_or_null(stream.size());
        object.key("allocated").number_or_null(stream.allocated_size());
        object.key("initialized").number_or_null(stream.initialized_size());
        object.key("resident").boolean(stream.is_resident());
        let flags = stream.flags();
        object.key("compressed").boolean(flags.is_compressed());
        object.key("sparse").boolean(flags.contains(AttributeFlags::SPARSE));
        object.key("encrypted").boolean(flags.contains(AttributeFlags::ENCRYPTED));
        object.key("runs").array(|array| {
            for run in stream.data_runs().filter_map(Result::ok) {
                array.object(|object| {
                    object.key("vcn").number(run.vcn);
                    object.key("lcn").number_or_null(run.lcn);
                    object.key("clusters").number(run.clusters);
                });
            }
        });
    });
}

fn write_damage(damage: &Damage, array: &mut Json<'_>) {
    array.object(|object| {
        object.key("code").text(damage.kind.code());
        object.key("record").number_or_null(damage.place.record);
        object.key("offset").number(damage.place.offset);
        object.key("message").text(&damage.to_string());
    });
}
