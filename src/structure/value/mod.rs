//! What attributes hold: one typed view for each attribute type.

pub(crate) mod access_control_list;
pub(crate) mod attribute_list;
pub(crate) mod bitmap;
pub(crate) mod extended_attributes;
pub(crate) mod file_attributes;
pub(crate) mod file_name;
pub(crate) mod logged_utility_stream;
pub(crate) mod object_id;
pub(crate) mod reparse_container;
pub(crate) mod reparse_payload;
pub(crate) mod reparse_point;
pub(crate) mod reparse_tag;
pub(crate) mod security_descriptor;
pub(crate) mod standard_information;
pub(crate) mod volume;

pub use access_control_list::{
    Access, AccessControlEntries, AccessControlEntry, AccessControlFlags, AccessControlList, AccessControlType,
};
pub use attribute_list::{AttributeListEntries, AttributeListEntry};
pub use extended_attributes::{
    EaInformation, ExtendedAttribute, ExtendedAttributeEntries, LinuxAttribute, LinuxMetadata, UnixTime,
};
pub use file_attributes::FileAttributes;
pub use file_name::Namespace;
pub use logged_utility_stream::{EncryptedKey, EncryptedKeys, EncryptionInformation, TransactionData};
pub use reparse_container::{ReparseContainer, ReparseElement, ReparseElementType};
pub use reparse_payload::{ApplicationLink, LayerLink, Link, NfsFile, ReparsePayload, WimBacking, WofAlgorithm};
pub use reparse_tag::ReparseTag;
pub use security_descriptor::SecurityControl;
pub use volume::VolumeFlags;

pub use attribute_list::AttributeList;
pub use bitmap::Bitmap;
pub use extended_attributes::ExtendedAttributes;
pub use file_name::FileName;
pub use logged_utility_stream::LoggedUtilityStream;
pub use object_id::ObjectId;
pub use reparse_point::ReparsePoint;
pub use security_descriptor::SecurityDescriptor;
pub use standard_information::StandardInformation;
pub use volume::{VolumeInformation, VolumeName};

use super::attribute_type::AttributeType;
use super::index::IndexRoot;
use super::non_resident::NonResident;
use crate::base::damage::Damage;
use crate::base::name::Name;

/// The value of an attribute, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `$STANDARD_INFORMATION`.
    StandardInformation(StandardInformation<'a>),
    /// `$ATTRIBUTE_LIST`.
    AttributeList(AttributeList<'a>),
    /// `$FILE_NAME`.
    FileName(FileName<'a>),
    /// `$OBJECT_ID`.
    ObjectId(ObjectId<'a>),
    /// `$SECURITY_DESCRIPTOR`.
    SecurityDescriptor(SecurityDescriptor<'a>),
    /// `$VOLUME_NAME`.
    VolumeName(VolumeName<'a>),
    /// `$VOLUME_INFORMATION`.
    VolumeInformation(VolumeInformation<'a>),
    /// `$DATA`: content.
    Data(&'a [u8]),
    /// `$INDEX_ROOT`.
    IndexRoot(IndexRoot<'a>),
    /// `$INDEX_ALLOCATION`: records as they lie on disk, their update sequences not applied.
    IndexAllocation(&'a [u8]),
    /// `$BITMAP`.
    Bitmap(Bitmap<'a>),
    /// `$REPARSE_POINT`.
    ReparsePoint(ReparsePoint<'a>),
    /// `$EA_INFORMATION`.
    EaInformation(EaInformation<'a>),
    /// `$EA`.
    ExtendedAttributes(ExtendedAttributes<'a>),
    /// `$LOGGED_UTILITY_STREAM`.
    LoggedUtilityStream(LoggedUtilityStream<'a>),
    /// A type that is not known.
    Raw(&'a [u8]),
    /// Any type whose value lies in clusters: sizes, and the runs to read it by.
    DataRuns(NonResident<'a>),
}

impl<'a> Value<'a> {
    /// Views the whole value of the attribute of this type and name.
    ///
    /// # Errors
    /// When the bytes cannot be what the type asks for; the offset counts from their first.
    #[inline]
    pub fn parse(attribute_type: AttributeType, name: Name<'_>, value: &'a [u8]) -> Result<Self, Damage> {
        match attribute_type {
            AttributeType::STANDARD_INFORMATION => StandardInformation::parse(value).map(Self::StandardInformation),
            AttributeType::ATTRIBUTE_LIST => AttributeList::parse(value).map(Self::AttributeList),
            AttributeType::FILE_NAME => FileName::parse(value).map(Self::FileName),
            AttributeType::OBJECT_ID => ObjectId::parse(value).map(Self::ObjectId),
            AttributeType::SECURITY_DESCRIPTOR => SecurityDescriptor::parse(value).map(Self::SecurityDescriptor),
            AttributeType::VOLUME_NAME => Ok(Self::VolumeName(VolumeName::new(value))),
            AttributeType::VOLUME_INFORMATION => VolumeInformation::parse(value).map(Self::VolumeInformation),
            AttributeType::DATA => Ok(Self::Data(value)),
            AttributeType::INDEX_ROOT => IndexRoot::parse(value).map(Self::IndexRoot),
            AttributeType::INDEX_ALLOCATION => Ok(Self::IndexAllocation(value)),
            AttributeType::BITMAP => Ok(Self::Bitmap(Bitmap::new(value))),
            AttributeType::REPARSE_POINT => ReparsePoint::parse(value).map(Self::ReparsePoint),
            AttributeType::EA_INFORMATION => EaInformation::parse(value).map(Self::EaInformation),
            AttributeType::EA => Ok(Self::ExtendedAttributes(ExtendedAttributes::new(value))),
            AttributeType::LOGGED_UTILITY_STREAM => {
                LoggedUtilityStream::parse(name, value).map(Self::LoggedUtilityStream)
            }
            _ => Ok(Self::Raw(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::index_record::IndexRecord;
    use super::super::index_view::{ObjectIdEntry, QuotaEntry, security_header};
    use super::extended_attributes::LinuxAttribute;
    use super::reparse_payload::{ReparsePayload, WofAlgorithm};
    use super::*;
    use crate::base::le;
    use crate::base::reference::FileReference;

    #[test]
    fn each_type_has_its_view() {
        let value = [&[2, 0, 0, 0, 24, 0, 26][..], &[0; 89]].concat();
        let short_list = [1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let root =
            [0x30, 0, 0, 0, 1, 0, 0, 0, 0, 16, 0, 0, 1, 0, 0, 0, 16, 0, 0, 0, 32, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0];
        let point = [3, 0, 0, 0xA0, 0, 0, 0, 0];
        let mut name = [0; 68];
        name[64] = 1;
        let parse = |code, bytes| format!("{:?}", Value::parse(AttributeType(code), Name::default(), bytes).unwrap());
        let views: [(u32, &[u8], &str); 15] = [
            (0x10, &value[..48], "StandardInformation("),
            (0x20, &value[..32], "AttributeList("),
            (0x30, &name, "FileName("),
            (0x40, &value[..16], "ObjectId("),
            (0x50, &short_list, "SecurityDescriptor("),
            (0x60, &value[..4], "VolumeName("),
            (0x70, &value[..12], "VolumeInformation("),
            (0x80, &value[..4], "Data("),
            (0x90, &root, "IndexRoot("),
            (0xA0, &value[..4], "IndexAllocation("),
            (0xB0, &value[..4], "Bitmap("),
            (0xC0, &point, "ReparsePoint("),
            (0xD0, &value[..8], "EaInformation("),
            (0xE0, &value[..4], "ExtendedAttributes("),
            (0xF0, &value[..4], "Raw("),
        ];
        for (code, bytes, view) in views {
            assert!(parse(code, bytes).starts_with(view), "{code:#x}: {}", parse(code, bytes));
        }
    }

    #[test]
    fn unknown_types_stay_raw() {
        let value = [1, 2, 3];
        for code in [0, 0xF0, 0x110, 0x1000, 0xFFFF_FFFF] {
            assert_eq!(Value::parse(AttributeType(code), Name::default(), &value), Ok(Value::Raw(&value)));
        }
    }

    #[test]
    fn the_name_chooses_the_utility_stream() {
        let efs = b"$\0E\0F\0S\0";
        let value = [0; 84];
        let parsed = Value::parse(AttributeType::LOGGED_UTILITY_STREAM, Name::new(efs), &value);
        assert!(matches!(parsed, Ok(Value::LoggedUtilityStream(LoggedUtilityStream::Efs(_)))));
        let parsed = Value::parse(AttributeType::LOGGED_UTILITY_STREAM, Name::default(), &value);
        assert!(matches!(parsed, Ok(Value::LoggedUtilityStream(LoggedUtilityStream::Raw(_)))));
    }

    /// A file of the shared corpus, where there is one.
    fn corpus(path: &str) -> Option<Vec<u8>> {
        std::fs::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus")).join(path)).ok()
    }

    /// Puts the words back that a protected record keeps in its header.
    fn repair(record: &mut [u8]) {
        let [offset, count] = [4, 6].map(|at| usize::from(le::u16_at(record, at).unwrap()));
        for stride in 1..count {
            let (word, end) = (offset + 2 * stride, 512 * stride - 2);
            if end + 2 <= record.len() && record[end..end + 2] == record[offset..offset + 2] {
                record.copy_within(word..word + 2, end);
            }
        }
    }

    /// A resident attribute of a table.
    struct TableValue<'a> {
        record: usize,
        attribute_type: AttributeType,
        name: Name<'a>,
        value: &'a [u8],
        /// The value and what follows it in the attribute.
        slot: &'a [u8],
    }

    impl<'a> TableValue<'a> {
        fn parse(&self) -> Result<Value<'a>, Damage> {
            Value::parse(self.attribute_type, self.name, self.value)
        }
    }

    /// Calls `visit` with each resident attribute of a table of 1024-byte records.
    fn each_value(table: &[u8], mut visit: impl FnMut(&TableValue<'_>)) {
        for (number, record) in table.chunks_exact(1024).enumerate().filter(|(_, record)| record.starts_with(b"FILE")) {
            let mut bytes = record.to_vec();
            repair(&mut bytes);
            let mut rest = &bytes[usize::from(le::u16_at(&bytes, 20).unwrap())..];
            while let (Some(code), Some(length)) = (le::u32_at(rest, 0), le::u32_at(rest, 4)) {
                let length = length as usize;
                if code == AttributeType::END.0 || length < 24 || !length.is_multiple_of(8) || length > rest.len() {
                    break;
                }
                let (attribute, behind) = rest.split_at(length);
                rest = behind;
                let name_offset = usize::from(le::u16_at(attribute, 10).unwrap());
                let name = Name::new(&attribute[name_offset..][..2 * usize::from(attribute[9])]);
                let size = le::u32_at(attribute, 16).unwrap() as usize;
                let slot = attribute.get(usize::from(le::u16_at(attribute, 20).unwrap())..).unwrap_or_default();
                if let Some(value) = slot.get(..size).filter(|_| attribute[8] == 0) {
                    visit(&TableValue { record: number, attribute_type: AttributeType(code), name, value, slot });
                }
            }
        }
    }

    /// Adds up everything a name holds.
    fn name_sum(name: &FileName<'_>) -> u64 {
        let fields = [
            name.parent().0,
            name.created().0,
            name.modified().0,
            name.record_changed().0,
            name.accessed().0,
            name.allocated_size(),
            name.data_size(),
            u64::from(name.file_attributes().bits()),
            u64::from(name.namespace().0),
        ];
        fields.into_iter().chain(name.name().units().map(u64::from)).fold(0, u64::wrapping_add)
    }

    #[derive(Debug, Default, PartialEq)]
    struct Sums {
        standard: u64,
        names: u64,
        names_sum: u64,
        listed: u64,
        list_sum: u64,
        entries: u64,
        entries_sum: u64,
        damaged: u64,
    }

    fn sums(table: &[u8]) -> Sums {
        let mut sums = Sums::default();
        each_value(table, |found| match found.parse() {
            Ok(Value::StandardInformation(information)) => {
                let times = [information.created(), information.modified(), information.record_changed()];
                let words = [information.file_attributes().unwrap().bits(), information.security_id().unwrap_or(0)];
                let all = times.into_iter().map(|time| time.0).chain(words.map(u64::from));
                sums.standard = all.fold(sums.standard.wrapping_add(information.accessed().0), u64::wrapping_add);
            }
            Ok(Value::FileName(name)) => {
                sums.names += 1;
                sums.names_sum = sums.names_sum.wrapping_add(name_sum(&name));
            }
            Ok(Value::AttributeList(list)) => {
                for entry in list.entries().map(Result::unwrap) {
                    sums.listed += 1;
                    let fields = [entry.lowest_vcn(), entry.reference().0, u64::from(entry.attribute_id())];
                    let sum = fields.into_iter().fold(entry.name().len() as u64, u64::wrapping_add);
                    sums.list_sum = sums.list_sum.wrapping_add(sum);
                }
            }
            Ok(Value::IndexRoot(root)) => {
                for entry in root.entries().map(Result::unwrap) {
                    sums.entries += 1;
                    if found.name.is("$I30") && !entry.is_last() {
                        let units = entry.file_name().unwrap().name().units().map(u64::from);
                        let sum = units.fold(entry.file_reference().0, u64::wrapping_add);
                        sums.entries_sum = sums.entries_sum.wrapping_add(sum);
                    }
                }
            }
            Ok(_) => {}
            Err(_) => sums.damaged += 1,
        });
        sums
    }

    #[test]
    fn real_tables_give_what_an_independent_reader_counts() {
        // Each row was computed by a separate program straight from the bytes.
        let tables = [
            (
                "mft/omer_MFT",
                Sums {
                    standard: 9_454_724_786_720_851_549,
                    names: 18506,
                    names_sum: 10_540_299_764_786_757_346,
                    listed: 11,
                    list_sum: 27_303_072_741_022_953,
                    entries: 2224,
                    entries_sum: 607_985_949_705_097_007,
                    damaged: 0,
                },
            ),
            (
                "mft/ntfsmft_usb.mft",
                Sums {
                    standard: 9_306_062_034_584_007_571,
                    names: 1112,
                    names_sum: 7_513_625_654_660_708_345,
                    entries: 265,
                    entries_sum: 39_406_496_739_767_921,
                    ..Sums::default()
                },
            ),
            // Here one name is longer than its value says: record 560, "win98.c".
            (
                "mft/ez_xw.mft",
                Sums {
                    standard: 1_843_011_196_306_680_389,
                    names: 848,
                    names_sum: 11_410_901_610_770_148_800,
                    entries: 93,
                    entries_sum: 16_293_460_501_873_089_397,
                    damaged: 1,
                    ..Sums::default()
                },
            ),
        ];
        for (path, expected) in tables {
            let Some(table) = corpus(path) else { return };
            assert_eq!(sums(&table), expected, "{path}");
        }
    }

    #[test]
    fn real_name_beyond_its_value_is_found_in_its_attribute() {
        let Some(table) = corpus("mft/ez_xw.mft") else { return };
        let mut damaged = Vec::new();
        each_value(&table, |found| {
            if found.attribute_type == AttributeType::FILE_NAME {
                let (name, damage) = FileName::parse_in_slot(found.value, found.slot).unwrap();
                damaged.extend(damage.map(|damage| (found.record, name.name().to_string(), damage)));
            }
        });
        let damage = Damage::out_of_bounds("name of $FILE_NAME", 66, 14, 76);
        assert_eq!(damaged, [(560, "win98.c".to_owned(), damage)]);
    }

    #[test]
    fn real_index_records_give_their_entries() {
        for (path, entries, sum) in [
            ("indx/ez_I30_FirstDelete", 25, 70_650_219_158_435_106_u64),
            ("indx/ez_I30_Start", 55, 248_260_929_466_252_467),
        ] {
            let Some(mut bytes) = corpus(path) else { return };
            let (mut found, mut found_sum) = (0, 0_u64);
            for (number, record) in bytes.chunks_exact_mut(4096).enumerate() {
                repair(record);
                let record = IndexRecord::parse(record).unwrap();
                assert_eq!((record.vcn(), record.damage()), (number as u64, None));
                assert_eq!(record.node().slack_offset() + record.node().slack().len(), 4096);
                for entry in record.entries().map(Result::unwrap) {
                    found += 1;
                    if let Ok(name) = entry.file_name() {
                        let units = name.name().units().map(u64::from);
                        found_sum = units.fold(found_sum.wrapping_add(entry.file_reference().0), u64::wrapping_add);
                    }
                }
            }
            assert_eq!((found, found_sum), (entries, sum), "{path}");
        }
    }

    #[test]
    fn real_links_and_compressed_files_say_so() {
        let Some(table) = corpus("mft/libfsntfs_mft.bin") else { return };
        let mut payloads = BTreeMap::new();
        each_value(&table, |found| {
            if let Ok(Value::ReparsePoint(point)) = found.parse() {
                assert_eq!(point.damage(), None);
                let text = match point.payload().unwrap() {
                    ReparsePayload::Compressed(WofAlgorithm::XPRESS_8K) => "xpress8k".to_owned(),
                    ReparsePayload::SymbolicLink(link) | ReparsePayload::MountPoint(link) => {
                        format!("{} {}", link.substitute_name().unwrap(), link.print_name().unwrap())
                    }
                    other => panic!("{other:?}"),
                };
                payloads.insert(found.record, text);
            }
        });
        let expected = [
            (41, "xpress8k"),
            (43, "xpress8k"),
            (44, "xpress8k"),
            (45, "xpress8k"),
            (46, r"\??\x:\testdir1\testfile1 x:\testdir1\testfile1"),
            (47, r"\??\x:\testdir1 x:\testdir1"),
            (48, r"\??\x:\testdir1 x:\testdir1"),
        ];
        assert_eq!(payloads, expected.map(|(number, text)| (number, text.to_owned())).into());
    }

    #[test]
    fn real_encrypted_file_names_its_user() {
        let Some(table) = corpus("mft/ez_xw.mft") else { return };
        let mut users = Vec::new();
        each_value(&table, |found| {
            if let Ok(Value::LoggedUtilityStream(LoggedUtilityStream::Efs(efs))) = found.parse() {
                assert_eq!((efs.length() as usize, efs.recovery_keys().count()), (found.value.len(), 0));
                users.extend(efs.user_keys().map(|key| {
                    let key = key.unwrap();
                    (key.key().len(), key.credential_type(), key.sid().unwrap().unwrap().to_string())
                }));
            }
        });
        let sid = "S-1-5-21-1078081533-1708537768-725345543-1003";
        assert_eq!(users, [(128, Some(3), sid.to_owned())]);
    }

    #[test]
    fn real_linux_attributes_are_read() {
        let Some(record) = corpus("rec/dfir_frs_ea.bin") else { return };
        let mut names = Vec::new();
        let mut mode = None;
        each_value(&record, |found| match found.parse().unwrap() {
            Value::EaInformation(information) => {
                assert_eq!((information.packed_size(), information.unpacked_size()), (0x95, 0xA0));
            }
            Value::ExtendedAttributes(attributes) => {
                for pair in attributes.entries().map(Result::unwrap) {
                    names.push(String::from_utf8_lossy(pair.name()).into_owned());
                    if let Some(LinuxAttribute::Metadata(data)) = pair.linux() {
                        mode = Some((data.mode, data.user_id, data.modified.seconds));
                    }
                }
            }
            _ => {}
        });
        assert_eq!(names, ["LXXATTR", "LXATTRB"]);
        assert_eq!(mode, Some((0o100_644, 0, 0x5C4A_1A38)));
    }

    #[test]
    fn real_views_name_their_descriptors_owners_and_objects() {
        let Some(table) = corpus("mft/omer_MFT") else { return };
        let (mut securities, mut objects, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        each_value(&table, |found| {
            let Ok(Value::IndexRoot(root)) = found.parse() else { return };
            for entry in root.entries().flatten().filter(|entry| !entry.is_last()) {
                if found.record == 9 {
                    securities.push(security_header(&entry).unwrap().security_id);
                } else if found.record == 24 && found.name.is("$Q") {
                    let quota = QuotaEntry::parse(&entry).unwrap();
                    owners.push((quota.owner_id(), quota.sid().map(|sid| sid.to_string())));
                } else if found.record == 25 {
                    objects.push(ObjectIdEntry::parse(&entry).unwrap().reference());
                }
            }
        });
        assert_eq!(securities, [0x12D, 0x131]);
        assert_eq!(owners, [(1, None), (0x100, Some("S-1-5-32-544".to_owned()))]);
        assert_eq!(objects, [FileReference::new(0x14C9, 2)]);
    }

    proptest! {
        #[test]
        fn no_type_panics_on_arbitrary_bytes(code in 0_u32..=0x11, value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let parsed = Value::parse(AttributeType(code * 0x10), Name::default(), &value);
            let _ = format!("{parsed:?}");
        }
    }
}
