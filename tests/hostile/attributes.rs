//! Classes 28 to 42: attribute headers.

use ntfs_salvage::structure::Attribute;
use ntfs_salvage::structure::value::Value;
use ntfs_salvage::{Damage, DamageKind, Record, Volume};

use crate::exercise;
use crate::forge::{self, DATA, FILE_NAME, Forge, put, table};

/// A record whose second of three attributes has these bytes at this place.
fn with(attribute: &[u8], offset: usize, value: &[u8]) -> Vec<u8> {
    let mut attribute = attribute.to_vec();
    put(&mut attribute, offset, value);
    let record = Forge::new().name(5, "before").raw(&attribute).name(5, "behind");
    let bytes = record.on_disk(42);
    exercise::record::record(&bytes);
    bytes
}

fn data() -> Vec<u8> {
    forge::resident(DATA, 9, "", b"content")
}

fn clusters() -> Vec<u8> {
    forge::non_resident(DATA, 9, "", (0, 3), [16_384, 16_000, 16_000], &[0x11, 4, 8, 0])
}

fn walk(bytes: &[u8]) -> (Vec<u32>, Vec<Damage>) {
    let record = Record::parse(42, bytes).unwrap();
    let (mut types, mut damage) = (Vec::new(), Vec::new());
    for found in record.attributes() {
        match found {
            Ok(attribute) => types.push(attribute.attribute_type().0),
            Err(error) => damage.push(error),
        }
    }
    (types, damage)
}

/// Looks at the attribute between the other two.
fn middle<T>(bytes: &[u8], look: impl FnOnce(Attribute<'_>) -> T) -> T {
    let record = Record::parse(42, bytes).unwrap();
    let attributes: Vec<_> = record.attributes().flatten().collect();
    assert_eq!(attributes.len(), 3, "what stands behind the damaged attribute is there");
    look(attributes[1])
}

#[test]
fn class_28_attribute_length_zero_ends_the_walk() {
    let bytes = with(&data(), 4, &0_u32.to_le_bytes());
    let (types, damage) = walk(&bytes);
    assert_eq!(types, [FILE_NAME], "what stands before it is there");
    assert!(matches!(damage[..], [Damage { kind: DamageKind::AttributeLength { length: 0, .. }, .. }]), "{damage:?}");
}

#[test]
fn class_29_an_impossible_length_ends_the_walk() {
    for length in [1_u32, 16, 23, 25, 0xFFF0, 0xFFFF_FFF0, u32::MAX] {
        let (types, damage) = walk(&with(&data(), 4, &length.to_le_bytes()));
        assert_eq!(types, [FILE_NAME], "length {length}");
        assert_eq!(damage.len(), 1, "length {length}: {damage:?}");
    }
}

#[test]
fn class_29_garbage_in_the_upper_half_of_a_length_is_seen_through() {
    let length = data().len() as u32 | 0xABCD_0000;
    middle(&with(&data(), 4, &length.to_le_bytes()), |attribute| {
        assert_eq!(attribute.resident_value().unwrap(), b"content");
        assert!(!attribute.is_sound());
    });
}

#[test]
fn class_30_unknown_types_in_any_order_are_kept_as_they_are() {
    for code in [0x110_u32, 0x20, 0x1000, 0xFFFF_FFF0] {
        middle(&with(&data(), 0, &code.to_le_bytes()), |attribute| {
            assert_eq!(attribute.attribute_type().0, code);
            assert_eq!(attribute.resident_value().unwrap(), b"content");
        });
    }
    middle(&with(&data(), 0, &0x110_u32.to_le_bytes()), |attribute| {
        assert_eq!(attribute.value(), Ok(Value::Raw(b"content")));
    });
}

#[test]
fn class_31_a_missing_end_marker_is_reported() {
    let record = Forge::new().name(5, "a");
    let mut bytes = record.plain(42);
    let end = bytes.windows(4).rposition(|word| word == [0xFF; 4]).unwrap();
    put(&mut bytes, end, &[0; 4]);
    let bytes = forge::protect(bytes);
    exercise::record::record(&bytes);
    let (types, damage) = walk(&bytes);
    assert_eq!(types, [FILE_NAME]);
    assert_eq!(damage, [Damage::in_record(42, end as u64, DamageKind::EndMarkerMissing { found: 0 })]);
}

#[test]
fn class_32_a_name_outside_its_attribute_is_no_name_and_reported() {
    for (length, offset) in [(1_u8, 0xFFFF_u16), (255, 24), (4, 30), (1, 0), (1, 25)] {
        let fields = [[length].as_slice(), &offset.to_le_bytes()].concat();
        middle(&with(&data(), 9, &fields), |attribute| {
            assert!(attribute.name().is_empty());
            assert_eq!(attribute.damage().len(), 1, "name of {length} at {offset}");
            assert_eq!(attribute.resident_value().unwrap(), b"content");
        });
    }
}

#[test]
fn class_33_names_that_are_no_unicode_survive_unit_by_unit() {
    let units = [0x0000_u16, 0xD800, 0x0041, 0xDC00];
    let mut value = forge::file_name(ntfs_salvage::FileReference::new(5, 1), 0, "abcd");
    value[66..].copy_from_slice(&units.map(u16::to_le_bytes).concat());
    let bytes = Forge::new().resident(FILE_NAME, "", &value).on_disk(42);
    exercise::record::record(&bytes);
    let record = Record::parse(42, &bytes).unwrap();
    let attribute = record.attributes().next().unwrap().unwrap();
    let name = attribute.file_name().unwrap().0.name();
    assert_eq!(name.units().collect::<Vec<_>>(), units);
    assert_eq!(name.to_string(), "\0\u{FFFD}A\u{FFFD}");
    let mut wtf8 = Vec::new();
    name.push_wtf8_to(&mut wtf8);
    assert_eq!(wtf8, b"\0\xED\xA0\x80A\xED\xB0\x80");
}

#[test]
fn class_34_a_resident_value_outside_its_attribute_is_not_read() {
    for (length, offset) in [(0xFFFF_FFF0_u32, 24_u16), (8, 0xFFF8), (9, 24), (1, 0), (u32::MAX, u16::MAX)] {
        let mut fields = length.to_le_bytes().to_vec();
        fields.extend(offset.to_le_bytes());
        middle(&with(&data(), 16, &fields), |attribute| {
            assert!(attribute.resident_value().is_err(), "{length} bytes at {offset}");
            assert!(attribute.value_damage().is_some());
        });
    }
}

#[test]
fn class_35_a_form_that_is_neither_is_taken_for_what_fits_and_reported() {
    middle(&with(&data(), 8, &[2]), |attribute| {
        assert!(attribute.is_resident() && !attribute.is_sound());
        assert_eq!(attribute.resident_value().unwrap(), b"content");
    });
    middle(&with(&clusters(), 8, &[0x80]), |attribute| {
        let piece = attribute.non_resident().expect("it is long enough for runs");
        assert_eq!(piece.data_runs().unwrap().flatten().count(), 1);
        assert!(!attribute.is_sound());
    });
    // Too short for what it says it is: what stands behind is found all the same.
    let (types, damage) = walk(&with(&data(), 8, &[1]));
    assert_eq!((types.len(), damage.len()), (2, 1));
}

#[test]
fn class_36_forms_that_a_type_cannot_have_are_read_as_they_stand() {
    let non_resident = forge::non_resident(0x10, 1, "", (0, 0), [4096; 3], &[0x11, 1, 8, 0]);
    middle(&with(&non_resident, 14, &[1, 0]), |attribute| {
        assert!(matches!(attribute.value(), Ok(Value::DataRuns(_))));
    });
    let table = table(vec![(24, Forge::new().raw(&non_resident).name(5, "a"))]);
    exercise::table::bare(&table);
    let volume = Volume::from_table(&table).unwrap();
    let catalog = volume.catalog();
    assert!(catalog.entry(24).unwrap().standard_information().is_none());
}

#[test]
fn class_37_sizes_that_contradict_each_other_are_given_as_they_are() {
    for size in [0_u64, 1 << 62, 1 << 63, u64::MAX] {
        for field in [40, 48, 56] {
            middle(&with(&clusters(), field, &size.to_le_bytes()), |attribute| {
                let piece = attribute.non_resident().unwrap();
                let sizes = [piece.allocated_size(), piece.data_size(), piece.initialized_size()];
                assert_eq!(sizes[(field - 40) / 8], size);
                assert_eq!(piece.data_runs().unwrap().flatten().map(|run| run.clusters).sum::<u64>(), 4);
            });
        }
    }
}

#[test]
fn class_37_a_stream_of_impossible_size_is_mapped_and_read_without_memory() {
    for size in [1_u64 << 62, 1 << 63, u64::MAX] {
        let record = Forge::new().name(5, "a").runs(DATA, "", (0, 3), [size; 3], &[0x11, 4, 8, 0]);
        exercise::table::bare(&table(vec![(24, record)]));
    }
}

#[test]
fn class_38_the_runs_are_believed_before_the_highest_vcn() {
    for highest in [0_u64, 2, 4, 1 << 62, 1 << 63, u64::MAX - 1] {
        middle(&with(&clusters(), 24, &highest.to_le_bytes()), |attribute| {
            let piece = attribute.non_resident().unwrap();
            assert_eq!(piece.data_runs().unwrap().flatten().map(|run| run.clusters).sum::<u64>(), 4, "to {highest}");
        });
    }
    for lowest in [1_u64, 1 << 62, 1 << 63, u64::MAX] {
        with(&clusters(), 16, &lowest.to_le_bytes());
    }
}

#[test]
fn class_10_and_39_any_compression_unit_is_survived() {
    for unit in [1_u8, 5, 32, 63, 64, 255] {
        let mut attribute = clusters();
        put(&mut attribute, 12, &[1, 0]);
        let bytes = with(&attribute, 34, &[unit]);
        middle(&bytes, |attribute| assert_eq!(attribute.non_resident().unwrap().compression_unit(), unit));
        exercise::table::bare(&table(vec![(
            24,
            Forge::new().name(5, "a").raw(&{
                put(&mut attribute, 34, &[unit]);
                attribute
            }),
        )]));
    }
}

#[test]
fn class_40_runs_outside_their_attribute_are_not_read() {
    for offset in [0_u16, 63, 80, 0xFFFF] {
        middle(&with(&clusters(), 32, &offset.to_le_bytes()), |attribute| {
            assert!(attribute.non_resident().unwrap().data_runs().is_err(), "runs at {offset}");
            assert!(attribute.value_damage().is_some());
        });
    }
}

#[test]
fn class_41_doubled_attributes_are_all_kept() {
    let mut record = Forge::new().name(5, "a");
    for number in 0..20_u8 {
        record = record.raw(&forge::resident(DATA, 7, "", &[number]));
    }
    let table = table(vec![(24, record)]);
    exercise::table::bare(&table);
    let volume = Volume::from_table(&table).unwrap();
    let catalog = volume.catalog();
    assert_eq!(catalog.entry(24).unwrap().streams().len(), 20);
}

#[test]
fn class_42_short_values_give_the_fields_they_have() {
    for length in 0..72 {
        let bytes = Forge::new().resident(0x10, "", &vec![1; length]).on_disk(42);
        exercise::record::record(&bytes);
        let record = Record::parse(42, &bytes).unwrap();
        let value = record.attributes().next().unwrap().unwrap();
        match value.value() {
            Ok(Value::StandardInformation(information)) => {
                assert!(length >= 32);
                assert_eq!(information.file_attributes().is_some(), length >= 36);
                assert_eq!(information.security_id().is_some(), length >= 56);
            }
            other => assert!(length < 32 && other.is_err(), "{length} bytes: {other:?}"),
        }
    }
    for length in 0..80 {
        let name = forge::file_name(ntfs_salvage::FileReference::new(5, 1), 1, "abcdefg");
        exercise::record::record(&Forge::new().resident(FILE_NAME, "", &name[..length]).on_disk(42));
        exercise::record::record(&Forge::new().resident(0x40, "", &name[..length]).on_disk(42));
    }
}
