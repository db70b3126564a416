//! Attribute values: every view, every accessor.

use ntfs_salvage::Name;
use ntfs_salvage::structure::AttributeType;
use ntfs_salvage::structure::value::{
    AttributeList, Bitmap, EncryptedKeys, ExtendedAttributes, FileName, Link, LoggedUtilityStream, ObjectId,
    ReparsePayload, ReparsePoint, StandardInformation, Value,
};

use super::{damaged, debug, index, inside, name, record, security, see, show, sid, sound};

/// Views the bytes behind the first as a value: the first says of which type, and with which name.
pub(crate) fn any(bytes: &[u8]) {
    let Some((&choice, value_bytes)) = bytes.split_first() else { return };
    let names = ["", "$EFS", "$TXF_DATA", "$I30"];
    let stream_name: Vec<u8> = names[usize::from(choice >> 6)].encode_utf16().flat_map(u16::to_le_bytes).collect();
    of_type(AttributeType(u32::from(choice & 0x1F) << 4), Name::new(&stream_name), value_bytes);
}

/// The bytes as what only a reparse point, or the extended attributes of a file, hold.
pub(crate) fn reparse_and_ea(bytes: &[u8]) {
    for attribute_type in [AttributeType::REPARSE_POINT, AttributeType::EA_INFORMATION, AttributeType::EA] {
        of_type(attribute_type, Name::new(&[]), bytes);
    }
}

fn of_type(attribute_type: AttributeType, stream_name: Name<'_>, bytes: &[u8]) {
    let parse = || Value::parse(attribute_type, stream_name, bytes);
    assert_eq!(parse(), parse());
    if let Some(found) = sound(parse()) {
        value(found, bytes);
    }
}

/// Every accessor of a value that was found in `whole`.
pub(crate) fn value(value: Value<'_>, whole: &[u8]) {
    match value {
        Value::StandardInformation(view) => standard_information(view),
        Value::AttributeList(list) => attribute_list(list, whole),
        Value::FileName(view) => file_name(view, whole),
        Value::ObjectId(view) => object_id(view),
        Value::SecurityDescriptor(view) => security::descriptor(view, whole),
        Value::VolumeName(view) => {
            name(view.name(), whole);
            view.damage().into_iter().for_each(damaged);
        }
        Value::VolumeInformation(view) => see((view.major_version(), view.minor_version(), view.flags())),
        Value::IndexRoot(view) => index::root(view, whole),
        Value::Bitmap(view) => bitmap(view, whole),
        Value::ReparsePoint(view) => reparse_point(view, whole),
        Value::EaInformation(view) => see((view.packed_size(), view.needed_count(), view.unpacked_size())),
        Value::ExtendedAttributes(view) => extended_attributes(view, whole),
        Value::LoggedUtilityStream(view) => logged_utility_stream(view, whole),
        Value::Data(bytes) | Value::IndexAllocation(bytes) | Value::Raw(bytes) => inside(bytes, whole),
        Value::DataRuns(piece) => record::non_resident(piece),
        other => debug(&other),
    }
}

fn standard_information(view: StandardInformation<'_>) {
    [view.created(), view.modified(), view.record_changed(), view.accessed()].iter().for_each(show);
    see((view.file_attributes(), view.maximum_versions(), view.version(), view.is_case_sensitive_directory()));
    see((view.class_id(), view.owner_id(), view.security_id(), view.quota_charged(), view.update_sequence_number()));
    view.damage().into_iter().for_each(damaged);
}

/// The entries of an attribute list, whose walk is fused.
pub(crate) fn attribute_list(list: AttributeList<'_>, whole: &[u8]) {
    let mut entries = list.entries();
    for entry in entries.by_ref() {
        let Some(entry) = sound(entry) else { continue };
        debug(&entry);
        show(&entry.reference());
        name(entry.name(), whole);
        see((entry.attribute_type(), entry.lowest_vcn(), entry.attribute_id()));
    }
    assert!(entries.next().is_none() && entries.next().is_none());
}

pub(crate) fn file_name(view: FileName<'_>, whole: &[u8]) {
    debug(&view);
    show(&view.parent());
    name(view.name(), whole);
    assert!(!view.name().is_empty(), "a file name has a name");
    [view.created(), view.modified(), view.record_changed(), view.accessed()].iter().for_each(show);
    see((view.allocated_size(), view.data_size(), view.file_attributes(), view.namespace()));
    assert_eq!(view.reparse_tag().is_some(), view.packed_ea_size().is_none(), "one field, one meaning");
    see(view.unpacked_ea_size());
}

fn object_id(view: ObjectId<'_>) {
    show(&view.object_id());
    [view.birth_volume_id(), view.birth_object_id(), view.domain_id()].iter().flatten().for_each(show);
}

fn bitmap(view: Bitmap<'_>, whole: &[u8]) {
    inside(view.bytes(), whole);
    let set: Vec<u64> = view.set_bits().collect();
    assert_eq!(u64::try_from(set.len()), Ok(view.count()));
    assert!(set.iter().all(|&bit| view.is_set(bit) == Some(true) && bit < view.len()));
    assert_eq!(view.is_set(view.len()), None);
    assert_eq!(view.is_set(u64::MAX), None);
    assert_eq!(view.is_empty(), view.bytes().is_empty());
}

fn extended_attributes(view: ExtendedAttributes<'_>, whole: &[u8]) {
    let mut entries = view.entries();
    for entry in entries.by_ref() {
        let Some(entry) = sound(entry) else { continue };
        debug(&entry);
        inside(entry.name(), whole);
        inside(entry.value(), whole);
        see((entry.is_needed(), entry.flags(), entry.linux()));
    }
    assert!(entries.next().is_none() && entries.next().is_none());
}

/// A reparse point and what it stands for.
pub(crate) fn reparse_point(view: ReparsePoint<'_>, whole: &[u8]) {
    show(&view.tag());
    view.guid().iter().for_each(show);
    inside(view.data(), whole);
    view.damage().into_iter().for_each(damaged);
    see((view.data_offset(), view.tag().is_name_surrogate(), view.tag().is_cloud()));
    let Some(payload) = sound(view.payload()) else { return };
    debug(&payload);
    match payload {
        ReparsePayload::SymbolicLink(link) | ReparsePayload::MountPoint(link) => names(link, whole),
        ReparsePayload::LinuxLink(bytes) | ReparsePayload::Raw(bytes) => inside(bytes, whole),
        ReparsePayload::ApplicationLink(link) => {
            link.texts().chain(link.target()).for_each(|text| name(text, whole));
            see(link.version());
        }
        ReparsePayload::Compressed(algorithm) => see(algorithm.chunk_size()),
        ReparsePayload::Wim(wim) => {
            see((wim.data_source(), wim.content_sha1(), wim.table_sha1()));
            see((wim.size(), wim.compressed_size(), wim.offset()));
        }
        ReparsePayload::Layer(layer) => name(layer.name, whole),
        ReparsePayload::Container(container) => {
            inside(container.bytes(), whole);
            see((container.crc(), container.is_compressed()));
            container.elements().filter_map(sound).for_each(|element| inside(element.data, whole));
        }
        other => debug(&other),
    }
}

fn names(link: Link<'_>, whole: &[u8]) {
    let both = [link.substitute_name(), link.print_name()];
    both.into_iter().filter_map(sound).for_each(|text| name(text, whole));
    see(link.is_relative());
}

fn logged_utility_stream(view: LoggedUtilityStream<'_>, whole: &[u8]) {
    match view {
        LoggedUtilityStream::Efs(efs) => {
            see((efs.length(), efs.state(), efs.version()));
            show(&efs.file_id());
            keys(efs.user_keys(), whole);
            keys(efs.recovery_keys(), whole);
        }
        LoggedUtilityStream::Transaction(data) => {
            see((data.resource_manager(), data.journal_index(), data.file_id()));
            see((data.log_sequence_numbers(), data.flags()));
        }
        LoggedUtilityStream::Raw(bytes) => inside(bytes, whole),
        other => debug(&other),
    }
}

fn keys(mut keys: EncryptedKeys<'_>, whole: &[u8]) {
    for key in keys.by_ref() {
        let Some(key) = sound(key) else { continue };
        inside(key.key(), whole);
        see(key.credential_type());
        sound(key.sid()).flatten().into_iter().for_each(|owner| sid(owner, whole));
    }
    assert!(keys.next().is_none() && keys.next().is_none());
}
