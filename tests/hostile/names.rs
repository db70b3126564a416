//! Classes 64 to 76: names, parents, times, security, reparse points, extended attributes.

use ntfs_salvage::catalog::PathEnd;
use ntfs_salvage::structure::value::{
    ExtendedAttributes, FileName, ObjectId, ReparsePayload, ReparsePoint, SecurityDescriptor, VolumeName,
};
use ntfs_salvage::structure::{SecurityEntry, security_hash};
use ntfs_salvage::{FileReference, FileTime, Sid, Volume};

use crate::exercise;
use crate::forge::{self, FILE_NAME, Forge, file_name, put, table};

/// The path of the only link of record 24.
fn path_of_24(table: &[u8]) -> (String, PathEnd) {
    exercise::table::bare(table);
    let volume = Volume::from_table(&table).unwrap();
    let catalog = volume.catalog();
    let path = catalog.entry(24).unwrap().paths().next().expect("it has a name");
    (path.text, path.end)
}

fn with_parent(parent: FileReference) -> Forge {
    Forge::directory().resident(FILE_NAME, "", &file_name(parent, 1, "a"))
}

#[test]
fn class_64_a_name_that_is_longer_than_its_attribute_is_cut_to_it() {
    let mut value = file_name(FileReference::new(5, 1), 1, "abc");
    value[64] = 255;
    assert!(FileName::parse(&value).is_err(), "nothing behind the value passes for a name");
    let bytes = Forge::new().resident(FILE_NAME, "", &value).on_disk(42);
    exercise::record::record(&bytes);
    let record = ntfs_salvage::Record::parse(42, &bytes).unwrap();
    let attribute = record.attributes().next().unwrap().unwrap();
    let (name, damage) = attribute.file_name().expect("the part inside the value is a name");
    assert_eq!(name.name().to_string(), "abc");
    assert!(damage.is_some());
}

#[test]
fn class_65_a_directory_that_is_its_own_parent_ends_there() {
    let reference = FileReference::new(24, 1);
    let (text, end) = path_of_24(&table(vec![(24, with_parent(reference))]));
    assert_eq!(end, PathEnd::Cycle(reference));
    assert_eq!(text, "<cycle 24-1>/a/a");
}

#[test]
fn class_66_a_circle_of_parents_ends_at_its_lowest_member() {
    let directories = [(24, 25), (25, 26), (26, 24)];
    let records = directories.map(|(number, parent)| (number, with_parent(FileReference::new(parent, 1))));
    let (text, end) = path_of_24(&table(records.to_vec()));
    assert_eq!(end, PathEnd::Cycle(FileReference::new(24, 1)));
    assert_eq!(text, "<cycle 24-1>/a/a/a/a");
}

#[test]
fn class_67_a_parent_that_is_not_there_says_why() {
    let to = |number, sequence| FileReference::new(number, sequence);
    let file = Forge::new().name(5, "file");
    let cases = [
        (to(30, 1), PathEnd::NotADirectory(to(30, 1))),
        (to(30, 9), PathEnd::Reused(to(30, 9))),
        (to(31, 1), PathEnd::Missing(to(31, 1))),
        (to(1 << 40, 1), PathEnd::Missing(to(1 << 40, 1))),
        (to(32, 1), PathEnd::Unnamed(to(32, 1))),
        (to(5, 0x77), PathEnd::Reused(to(5, 0x77))),
    ];
    for (parent, expected) in cases {
        let table =
            table(vec![(24, with_parent(parent)), (30, file.clone()), (32, Forge::directory()), (33, file.clone())]);
        let (text, end) = path_of_24(&table);
        assert_eq!(end, expected);
        assert_eq!(text, format!("{expected}/a"));
    }
}

#[test]
fn class_68_a_path_longer_than_a_path_can_be_starts_anew_and_says_where() {
    let long = "x".repeat(255);
    let directory = |number: u64| (number, Forge::directory().name(if number == 24 { 5 } else { number - 1 }, &long));
    let mut records: Vec<_> = (24..224).map(directory).collect();
    // In a table large enough for all its paths.
    records.push((5000, Forge::new().name(223, "file")));
    let table = table(records);
    exercise::table::bare(&table);
    let volume = Volume::from_table(&table).unwrap();
    let catalog = volume.catalog();
    let path = catalog.entry(5000).unwrap().paths().next().unwrap();
    let PathEnd::TooLong(anew) = path.end else { panic!("{:?}", path.end) };
    assert!(path.text.starts_with(&format!("<too-long {anew}>/xxx")) && path.text.ends_with("xxx/file"));
    // The directory it names has the rest: nothing is lost.
    let rest = catalog.entry(anew.record_number()).unwrap().paths().next().unwrap();
    assert_eq!(rest.end, PathEnd::Root);
    assert_eq!(rest.text.matches('/').count() + path.text.matches('/').count(), 200 + 2);
}

#[test]
fn class_69_hostile_names_are_given_as_they_are() {
    for name in ["..", "/", "\\", "C:", "a\0b", "CON", "dot.", "\u{1b}[2J", "\u{202e}cod", "=cmd|' /C calc'!A0"] {
        let (text, end) = path_of_24(&table(vec![(24, Forge::new().name(5, name))]));
        assert_eq!((text, end), (format!("/{name}"), PathEnd::Root));
    }
}

#[test]
fn class_70_every_time_is_kept_and_shown_or_called_invalid() {
    let cases = [
        (0_u64, Some("1601-01-01T00:00:00.0000000Z")),
        (1, Some("1601-01-01T00:00:00.0000001Z")),
        (1 << 63, None),
        (u64::MAX, None),
    ];
    for (ticks, shown) in cases {
        let time = FileTime(ticks);
        assert_eq!(time.to_datetime().is_some(), shown.is_some(), "{ticks}");
        assert_eq!(time.to_string(), shown.map_or(format!("invalid({ticks:#x})"), str::to_owned));
    }
    (0..64).map(|bit| FileTime(1 << bit)).chain([FileTime(i64::MAX as u64)]).for_each(|time| exercise::show(&time));
}

#[test]
fn class_71_hostile_security_descriptors_are_bounded() {
    let mut sid = vec![1, 255, 0, 0, 0, 0, 0, 5];
    sid.extend([0; 1020]);
    assert!(Sid::parse(&sid).is_err(), "no SID has 255 sub-authorities");
    let mut descriptor = vec![0; 20];
    put(&mut descriptor, 0, &[1, 0, 0x14, 0x80]);
    for offset in [1_u32, 19, 20, 0xFFFF_FFFF] {
        for field in [4, 8, 12, 16] {
            let mut hostile = descriptor.clone();
            put(&mut hostile, field, &offset.to_le_bytes());
            exercise::security::any(&hostile);
        }
    }
    // A list that claims 65,535 entries of no size, and one of 16,384 empty entries.
    for (size, count, entry) in [(8_u16, 0xFFFF_u16, vec![0; 4]), (0xFFFC, 0xFFFF, [9, 0, 4, 0].repeat(16_384))] {
        let mut hostile = descriptor.clone();
        put(&mut hostile, 16, &20_u32.to_le_bytes());
        hostile.extend([[2, 0], size.to_le_bytes(), count.to_le_bytes(), [0, 0]].concat());
        hostile.extend(entry);
        exercise::security::any(&hostile);
        let view = SecurityDescriptor::parse(&hostile).unwrap();
        let list = view.discretionary_list().unwrap().expect("there is a list");
        assert!(list.entries().count() <= 16_384);
        assert!(list.entries().any(|entry| entry.is_err()), "what is missing is reported");
    }
}

#[test]
fn class_72_a_wrong_hash_or_place_in_the_security_stream_is_told() {
    let descriptor = [1, 0, 4, 0x80].repeat(5);
    let mut entry = security_hash(&descriptor).to_le_bytes().to_vec();
    entry.extend(0x100_u32.to_le_bytes());
    entry.extend(0x80_u64.to_le_bytes());
    entry.extend(40_u32.to_le_bytes());
    entry.extend(&descriptor);
    let sound = SecurityEntry::parse(&entry).unwrap();
    assert!(sound.hash_matches() && sound.belongs_at(0x80) && sound.belongs_at(0x4_0080) && !sound.belongs_at(0));
    entry[25] ^= 1;
    assert!(!SecurityEntry::parse(&entry).unwrap().hash_matches());
    for size in [0_u32, 19, 41, u32::MAX] {
        put(&mut entry, 16, &size.to_le_bytes());
        exercise::security::any(&entry);
        assert!(SecurityEntry::parse(&entry).is_err(), "size {size}");
    }
}

#[test]
fn class_73_reparse_points_that_reach_out_of_themselves_are_bounded() {
    let tags = [0xA000_000C_u32, 0xA000_0003, 0x8000_0017, 0x8000_0018, 0x8000_001B, 0x9000_001A, 0x8000_0013, 0x12];
    for tag in tags {
        for length in [0_u16, 8, 12, 0xFFFF] {
            for fill in [0_u8, 1, 0x7F, 0xFF] {
                let mut value = tag.to_le_bytes().to_vec();
                value.extend([length.to_le_bytes(), [0, 0]].concat());
                value.extend([fill; 40]);
                exercise::value::any(&[&[0x0C], value.as_slice()].concat());
                let view = ReparsePoint::parse(&value).expect("it has a header");
                assert!(view.data().len() <= 40 && (usize::from(length) <= 40 || view.damage().is_some()));
            }
        }
    }
    let mut link = 0xA000_000C_u32.to_le_bytes().to_vec();
    link.extend([20, 0, 0, 0, 0xF0, 0xFF, 0xFF, 0xFF, 0, 0, 4, 0, 0, 0, 0, 0]);
    link.extend(forge::utf16("abcd"));
    let Ok(ReparsePayload::SymbolicLink(link)) = ReparsePoint::parse(&link).unwrap().payload() else { panic!() };
    assert!(link.substitute_name().is_err(), "one name is wild");
    assert_eq!(link.print_name().unwrap().to_string(), "ab", "the other one is there");
}

#[test]
fn class_74_a_chain_of_extended_attributes_that_goes_nowhere_ends() {
    let entry = |next: u32, name_length: u8, value_length: u16| {
        let mut entry = next.to_le_bytes().to_vec();
        entry.extend([0, name_length]);
        entry.extend(value_length.to_le_bytes());
        entry.extend(b"NAME\0value\0\0");
        entry
    };
    let sound = [entry(20, 4, 5), entry(0, 4, 5)].concat();
    assert_eq!(ExtendedAttributes::new(&sound).entries().filter(Result::is_ok).count(), 2);
    let hostile = [
        entry(1, 4, 5),
        entry(8, 4, 5),
        entry(17, 4, 5),
        entry(u32::MAX, 4, 5),
        entry(20, 255, 5),
        entry(20, 4, u16::MAX),
    ];
    for first in hostile {
        let value = [first, entry(0, 4, 5)].concat();
        exercise::value::any(&[&[0x0E], value.as_slice()].concat());
        assert!(ExtendedAttributes::new(&value).entries().any(|entry| entry.is_err()), "{value:02x?}");
        assert!(ExtendedAttributes::new(&value).entries().count() <= 3);
    }
}

#[test]
fn class_75_volume_names_of_any_length_are_shown_and_reported() {
    for (length, is_told) in [(0, false), (1, true), (7, true), (256, false), (258, true), (900, true)] {
        let value = vec![0x41; length];
        exercise::value::any(&[&[6], value.as_slice()].concat());
        let name = VolumeName::new(&value);
        assert_eq!((name.name().len(), name.damage().is_some()), (length / 2, is_told), "{length} bytes");
    }
}

#[test]
fn class_76_object_ids_of_any_length_have_the_parts_that_are_there() {
    for length in 16..=64 {
        let bytes = vec![7; length];
        exercise::value::any(&[&[4], bytes.as_slice()].concat());
        let id = ObjectId::parse(&bytes).unwrap();
        let parts = [id.birth_volume_id(), id.birth_object_id(), id.domain_id()];
        assert_eq!(parts.iter().flatten().count(), length / 16 - 1, "{length} bytes");
    }
    assert!(ObjectId::parse(&[7; 15]).is_err());
}
