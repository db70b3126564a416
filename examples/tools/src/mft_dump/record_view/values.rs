//! What the values of attributes say, line by line.

use std::fmt::{self, Write};

use ntfs_salvage::structure::value::{
    Bitmap, EncryptedKeys, ExtendedAttributes, FileName, LoggedUtilityStream, NfsFile, ObjectId, ReparsePayload,
    ReparsePoint, StandardInformation, Value,
};
use ntfs_salvage::structure::{Attribute, AttributeType, IndexEntry, IndexRoot};
use ntfs_salvage::{FileTime, Volume};

use super::lines::{hex, names, write_damage, write_hex};
use super::{reference, security};
use crate::writing::text::shown;

pub fn write_value(out: &mut String, attribute: &Attribute<'_>, value: &Value<'_>) -> fmt::Result {
    match value {
        Value::StandardInformation(information) => write_information(out, information),
        Value::AttributeList(list) => {
            for entry in list.entries() {
                match entry {
                    Ok(entry) => {
                        let (kind, vcn, id) = (entry.attribute_type(), entry.lowest_vcn(), entry.attribute_id());
                        let record = reference(entry.reference());
                        writeln!(out, "    {kind} {:?} from VCN {vcn}: {record}, id {id}", entry.name())?;
                    }
                    Err(damage) => write_damage(out, &damage)?,
                }
            }
            Ok(())
        }
        Value::FileName(name) => write_file_name(out, name, "    "),
        Value::ObjectId(id) => write_object_id(out, id),
        Value::SecurityDescriptor(descriptor) => security::write_descriptor(out, descriptor),
        Value::VolumeName(name) => writeln!(out, "    label {:?}", name.name()),
        Value::VolumeInformation(information) => {
            let (major, minor, flags) = (information.major_version(), information.minor_version(), information.flags());
            writeln!(out, "    NTFS {major}.{minor}, flags {:#x} {}", flags.bits(), names(flags.iter_names()))
        }
        Value::IndexRoot(root) => write_index_root(out, attribute, root),
        Value::Bitmap(bitmap) => write_bitmap(out, bitmap),
        Value::ReparsePoint(point) => write_reparse(out, point),
        Value::EaInformation(information) => {
            let (packed, needed, unpacked) =
                (information.packed_size(), information.needed_count(), information.unpacked_size());
            writeln!(out, "    {packed} bytes packed, {unpacked} as stored, {needed} needed")
        }
        Value::ExtendedAttributes(attributes) => write_extended_attributes(out, attributes),
        Value::LoggedUtilityStream(stream) => write_utility_stream(out, stream),
        Value::Data(bytes) | Value::IndexAllocation(bytes) | Value::Raw(bytes) => {
            writeln!(out, "    {} bytes", bytes.len())?;
            write_hex(out, bytes, "    ")
        }
        _ => Ok(()),
    }
}

/// The value of an attribute that is small by nature, read from its clusters.
pub fn write_from_clusters(out: &mut String, volume: &Volume<'_>, attribute: &Attribute<'_>) -> fmt::Result {
    let kind = attribute.attribute_type();
    let is_first = attribute.non_resident().is_some_and(|piece| piece.lowest_vcn() == 0);
    let is_content = matches!(kind, AttributeType::DATA | AttributeType::INDEX_ALLOCATION);
    if is_content || !is_first {
        return Ok(());
    }
    match volume.attribute_value(attribute) {
        Ok(bytes) => match Value::parse(kind, attribute.name(), &bytes) {
            Ok(value) => write_value(out, attribute, &value),
            Err(damage) => write_damage(out, &damage).and_then(|()| write_hex(out, &bytes, "    ")),
        },
        Err(damage) => write_damage(out, &damage),
    }
}

fn write_times(out: &mut String, times: [FileTime; 4], indent: &str) -> fmt::Result {
    for (what, time) in ["created", "modified", "record changed", "accessed"].into_iter().zip(times) {
        writeln!(out, "{indent}{what:<14} {time} ({})", time.0)?;
    }
    Ok(())
}

fn write_information(out: &mut String, information: &StandardInformation<'_>) -> fmt::Result {
    let times = [information.created(), information.modified(), information.record_changed(), information.accessed()];
    write_times(out, times, "    ")?;
    if let Some(damage) = information.damage() {
        write_damage(out, &damage)?;
    }
    if let Some(attributes) = information.file_attributes() {
        writeln!(out, "    attributes     {:#x} {}", attributes.bits(), names(attributes.iter_names()))?;
    }
    let numbers = [
        ("maximum versions", information.maximum_versions().map(u64::from)),
        ("version", information.version().map(u64::from)),
        ("class id", information.class_id().map(u64::from)),
        ("owner id", information.owner_id().map(u64::from)),
        ("security id", information.security_id().map(u64::from)),
        ("quota charged", information.quota_charged()),
        ("USN", information.update_sequence_number()),
    ];
    let there = numbers.iter().filter_map(|(what, number)| number.map(|number| format!("{what} {number}")));
    writeln!(out, "    {}", there.collect::<Vec<_>>().join(", "))
}

fn write_file_name(out: &mut String, name: &FileName<'_>, indent: &str) -> fmt::Result {
    let namespace = match name.namespace().0 {
        0 => "posix".into(),
        1 => "win32".into(),
        2 => "dos".into(),
        3 => "win32+dos".into(),
        other => format!("other-{other}"),
    };
    writeln!(out, "{indent}name {:?} ({namespace}) in {}", name.name(), reference(name.parent()))?;
    write_times(out, [name.created(), name.modified(), name.record_changed(), name.accessed()], indent)?;
    let attributes = name.file_attributes();
    writeln!(out, "{indent}attributes     {:#x} {}", attributes.bits(), names(attributes.iter_names()))?;
    write!(out, "{indent}{} bytes, {} allocated", name.data_size(), name.allocated_size())?;
    match (name.reparse_tag(), name.packed_ea_size()) {
        (Some(tag), _) => writeln!(out, ", reparse tag {:#010x} {tag}", tag.0),
        (None, Some(size)) if size > 0 => writeln!(out, ", {size} bytes of extended attributes"),
        _ => writeln!(out),
    }
}

fn write_object_id(out: &mut String, id: &ObjectId<'_>) -> fmt::Result {
    writeln!(out, "    object id {}", id.object_id())?;
    let others =
        [("birth volume", id.birth_volume_id()), ("birth object", id.birth_object_id()), ("domain", id.domain_id())];
    others
        .into_iter()
        .filter_map(|(what, id)| id.map(|id| (what, id)))
        .try_for_each(|(what, id)| writeln!(out, "    {what} {id}"))
}

fn write_index_root(out: &mut String, attribute: &Attribute<'_>, root: &IndexRoot<'_>) -> fmt::Result {
    let (kind, collation) = (root.indexed_type(), root.collation().0);
    writeln!(out, "    indexes {kind}, collation {collation:#x}, index records of {} bytes", root.record_size())?;
    if let Some(damage) = root.damage() {
        write_damage(out, &damage)?;
    }
    let is_directory = attribute.name().is("$I30");
    for entry in root.entries() {
        match entry {
            Ok(entry) => write_index_entry(out, &entry, is_directory)?,
            Err(damage) => write_damage(out, &damage)?,
        }
    }
    let slack = root.node().slack();
    if !slack.is_empty() {
        writeln!(out, "    {} bytes of slack behind the entries", slack.len())?;
    }
    Ok(())
}

fn write_index_entry(out: &mut String, entry: &IndexEntry<'_>, is_directory: bool) -> fmt::Result {
    let child = entry.child_vcn().map_or(String::new(), |vcn| format!(", smaller keys at VCN {vcn}"));
    if entry.is_last() {
        return writeln!(out, "    last entry{child}");
    }
    match entry.file_name() {
        Ok(name) if is_directory => {
            writeln!(out, "    entry for {}{child}", reference(entry.file_reference()))?;
            write_file_name(out, &name, "      ")
        }
        Err(damage) if is_directory => write_damage(out, &damage),
        _ => {
            writeln!(out, "    entry{child}, key:")?;
            write_hex(out, entry.key(), "      ")?;
            match entry.data() {
                Ok([]) => Ok(()),
                Ok(data) => writeln!(out, "      data:").and_then(|()| write_hex(out, data, "      ")),
                Err(damage) => write_damage(out, &damage),
            }
        }
    }
}

fn write_bitmap(out: &mut String, bitmap: &Bitmap<'_>) -> fmt::Result {
    writeln!(out, "    {} of {} bits are set", bitmap.count(), bitmap.len())?;
    let first: Vec<_> = bitmap.set_bits().take(32).map(|bit| bit.to_string()).collect();
    let more = if bitmap.count() > 32 { " …" } else { "" };
    writeln!(out, "    set: {}{more}", first.join(" "))
}

fn write_reparse(out: &mut String, point: &ReparsePoint<'_>) -> fmt::Result {
    let owner = point.guid().map_or(String::new(), |guid| format!(", owner {guid}"));
    writeln!(out, "    tag {:#010x} {}{owner}", point.tag().0, point.tag())?;
    if let Some(damage) = point.damage() {
        write_damage(out, &damage)?;
    }
    match point.payload() {
        Ok(payload) => write_payload(out, &payload, point.data()),
        Err(damage) => write_damage(out, &damage).and_then(|()| write_hex(out, point.data(), "    ")),
    }
}

fn write_payload(out: &mut String, payload: &ReparsePayload<'_>, data: &[u8]) -> fmt::Result {
    match payload {
        ReparsePayload::SymbolicLink(link) | ReparsePayload::MountPoint(link) => {
            for (what, name) in [("leads to", link.substitute_name()), ("shown as", link.print_name())] {
                match name {
                    Ok(name) => writeln!(out, "    {what} {name:?}")?,
                    Err(damage) => write_damage(out, &damage)?,
                }
            }
            writeln!(out, "    {}", if link.is_relative() { "relative" } else { "absolute" })
        }
        ReparsePayload::LinuxLink(path) => writeln!(out, "    leads to {}", shown(&String::from_utf8_lossy(path))),
        ReparsePayload::Nfs(NfsFile::Link(name)) => writeln!(out, "    leads to {name:?}"),
        ReparsePayload::Nfs(file) => writeln!(out, "    {file:?}"),
        ReparsePayload::ApplicationLink(link) => link.texts().try_for_each(|text| writeln!(out, "    text {text:?}")),
        ReparsePayload::Compressed(algorithm) => {
            let chunk = algorithm.chunk_size().map_or(String::new(), |size| format!(", chunks of {size} bytes"));
            writeln!(out, "    content in WofCompressedData, algorithm {}{chunk}", algorithm.0)
        }
        ReparsePayload::Wim(wim) => {
            let (size, stored, source) = (wim.size(), wim.compressed_size(), wim.data_source());
            writeln!(out, "    {size} bytes in WIM {source}, {stored} there, at {}", wim.offset())?;
            writeln!(out, "    SHA-1 {}", hex(&wim.content_sha1()))
        }
        ReparsePayload::Layer(layer) => writeln!(out, "    layer {}, path {:?}", layer.layer, layer.name),
        ReparsePayload::Container(container) => {
            for element in container.elements() {
                match element {
                    Ok(element) => writeln!(out, "    element {:#x}: {}", element.element_type.0, hex(element.data))?,
                    Err(damage) => write_damage(out, &damage)?,
                }
            }
            write_hex(out, container.bytes(), "    ")
        }
        _ => write_hex(out, data, "    "),
    }
}

fn write_extended_attributes(out: &mut String, attributes: &ExtendedAttributes<'_>) -> fmt::Result {
    for attribute in attributes.entries() {
        match attribute {
            Ok(attribute) => {
                let need = if attribute.is_needed() { ", needed" } else { "" };
                let (name, value) = (attribute.name().escape_ascii(), attribute.value());
                writeln!(out, "    {name}: {} bytes{need}", value.len())?;
                if let Some(linux) = attribute.linux() {
                    writeln!(out, "      {linux:?}")?;
                }
                write_hex(out, value, "      ")?;
            }
            Err(damage) => write_damage(out, &damage)?,
        }
    }
    Ok(())
}

fn write_utility_stream(out: &mut String, stream: &LoggedUtilityStream<'_>) -> fmt::Result {
    match stream {
        LoggedUtilityStream::Efs(efs) => {
            writeln!(out, "    EFS version {}, state {}, file id {}", efs.version(), efs.state(), efs.file_id())?;
            write_keys(out, "user", efs.user_keys())?;
            write_keys(out, "recovery agent", efs.recovery_keys())
        }
        LoggedUtilityStream::Transaction(data) => {
            let [data_lsn, metadata_lsn, index_lsn] = data.log_sequence_numbers();
            writeln!(out, "    resource manager {}, file id {}", reference(data.resource_manager()), data.file_id())?;
            writeln!(out, "    journal index {:#x}, flags {:#x}", data.journal_index(), data.flags())?;
            writeln!(out, "    LSN of data {data_lsn:#x}, metadata {metadata_lsn:#x}, index {index_lsn:#x}")
        }
        LoggedUtilityStream::Raw(bytes) => write_hex(out, bytes, "    "),
        _ => Ok(()),
    }
}

fn write_keys(out: &mut String, whose: &str, keys: EncryptedKeys<'_>) -> fmt::Result {
    for key in keys {
        match key {
            Ok(key) => {
                let sid = match key.sid() {
                    Ok(sid) => sid.map_or("no SID".into(), |sid| sid.to_string()),
                    Err(damage) => damage.to_string(),
                };
                writeln!(out, "    key of {whose} {sid}, {} bytes", key.key().len())?;
            }
            Err(damage) => write_damage(out, &damage)?,
        }
    }
    Ok(())
}
