//! Classes 13 to 27: the frame of a record, and its update sequence.

use ntfs_salvage::catalog::PathEnd;
use ntfs_salvage::structure::{IndexRecord, UpdateSequence};
use ntfs_salvage::{Damage, DamageKind, EntryState, FileReference, Record, SequenceMatch, Volume};

use crate::exercise;
use crate::forge::{DATA, FILE_NAME, Forge, VolumeForge, put, root, run, table};

/// A record with a name, and with so much behind it that both strides are in use.
fn long() -> Forge {
    let content: Vec<u8> = (0..600_u16).map(|number| number as u8).collect();
    Forge::new().name(5, "long").resident(DATA, "", &content)
}

/// Goes through the exercise; returns the record.
fn parse(bytes: &[u8]) -> Record<'_> {
    exercise::record::record(bytes);
    Record::parse(42, bytes).expect("it is a record")
}

fn kinds(damage: Vec<Damage>) -> Vec<DamageKind> {
    damage.into_iter().map(|damage| damage.kind).collect()
}

fn has_name(record: &Record<'_>) -> bool {
    record
        .attributes()
        .flatten()
        .any(|attribute| attribute.attribute_type().0 == FILE_NAME && attribute.file_name().is_ok())
}

#[test]
fn class_13_an_update_sequence_array_outside_its_place_is_left_and_reported() {
    for offset in [0_u16, 2, 49, 60, 509, 510, 1023, 1024, 0xFFFF] {
        let mut bytes = long().on_disk(42);
        put(&mut bytes, 4, &offset.to_le_bytes());
        let record = parse(&bytes);
        assert!(has_name(&record), "offset {offset}");
        let is_told = |kind: &DamageKind| {
            matches!(kind, DamageKind::UpdateSequenceArray { .. } | DamageKind::StrideMismatch { .. })
        };
        assert!(kinds(record.damage()).iter().any(is_told), "offset {offset}: {:?}", record.damage());
    }
}

#[test]
fn class_14_a_wrong_count_of_the_array_is_reported_and_the_record_kept() {
    for count in [0_u16, 1, 2, 4, 100, 0xFFFF] {
        let mut bytes = long().on_disk(42);
        put(&mut bytes, 6, &count.to_le_bytes());
        let record = parse(&bytes);
        assert!(has_name(&record), "count {count}");
        assert!(kinds(record.damage()).contains(&DamageKind::UpdateSequenceArray { offset: 48, count }));
    }
}

#[test]
fn class_15_a_torn_stride_keeps_its_bytes_and_is_reported() {
    let mut bytes = long().on_disk(42);
    put(&mut bytes, 1022, &[0xAB, 0xCD]);
    let record = parse(&bytes).into_repaired();
    let torn = DamageKind::StrideMismatch { stride: 1, expected: 7, found: 0xCDAB };
    assert_eq!(record.damage(), [Damage::in_record(42, 1022, torn)]);
    assert_eq!(record.bytes()[1022..], [0xAB, 0xCD], "the torn stride's word stays");
    assert_ne!(record.bytes()[510..512], [7, 0], "the sound stride's word is put back");
}

#[test]
fn class_16_an_index_records_array_is_bounded_in_the_same_way() {
    for (offset, count) in [(0_u16, 9_u16), (23, 9), (4095, 9), (40, 0), (40, 0xFFFF), (0xFFFF, 0xFFFF)] {
        let mut bytes = vec![0; 4096];
        put(&mut bytes, 0, b"INDX");
        put(&mut bytes, 4, &offset.to_le_bytes());
        put(&mut bytes, 6, &count.to_le_bytes());
        exercise::index::record(&bytes);
        assert!(!UpdateSequence::check(&bytes, 24, 64).damage(&bytes).is_empty(), "{offset} {count}");
        assert!(IndexRecord::parse(&bytes).is_ok());
    }
}

#[test]
fn class_17_strides_have_512_bytes_in_records_of_4_kib_too() {
    let content: Vec<u8> = (0..3000_u16).map(|number| number as u8).collect();
    let bytes = Forge::sized(4096).resident(DATA, "", &content).on_disk(42);
    let record = parse(&bytes);
    assert!(record.is_sound(), "{:?}", record.damage());
    let value = record.attributes().next().unwrap().unwrap().resident_value().unwrap().to_vec();
    assert_eq!(value, content);
}

#[test]
fn class_18_an_impossible_first_attribute_is_looked_for_where_writers_put_it() {
    for offset in [0_u16, 7, 41, 57, 1024, 0xFFFF] {
        let mut bytes = long().on_disk(42);
        put(&mut bytes, 20, &offset.to_le_bytes());
        let record = parse(&bytes);
        assert!(has_name(&record), "first attribute at {offset}");
        let value = u64::from(offset);
        assert!(kinds(record.damage()).contains(&DamageKind::BadValue { what: "first attribute offset", value }));
    }
}

#[test]
fn class_19_a_wrong_used_size_costs_no_attribute() {
    for used in [0_u32, 100, 1025, u32::MAX] {
        let mut bytes = long().on_disk(42);
        put(&mut bytes, 24, &used.to_le_bytes());
        let record = parse(&bytes);
        assert_eq!(record.attributes().flatten().count(), 2, "used size {used}");
        let is_told =
            record.attributes().any(|found| found.is_err()) || record.attributes().flatten().any(|a| !a.is_sound());
        assert!(is_told, "used size {used} is not reported");
    }
}

#[test]
fn class_20_the_size_record_0_names_is_outvoted() {
    for size in [0_u32, 1, 513, 1 << 31, u32::MAX] {
        let mut table =
            table((24..40).map(|number| (number, Forge::new().name(5, "a"))).chain([(0, root())]).collect());
        put(&mut table, 28, &size.to_le_bytes());
        exercise::table::bare(&table);
        let volume = Volume::from_table(&table).expect("the others agree");
        assert_eq!((volume.mft().record_size(), volume.mft().record_count()), (1024, 40));
        assert_eq!(volume.catalog().entries().filter(|entry| entry.record_number() >= 24).count(), 16);
    }
}

#[test]
fn class_21_every_signature_has_its_state_and_baad_is_parsed() {
    let mut table = table((24..32).map(|number| (number, long())).collect());
    put(&mut table, 24 << 10, b"BAAD");
    put(&mut table, 25 << 10, b"XXXX");
    table[26 << 10..27 << 10].fill(0);
    exercise::table::bare(&table);
    let volume = Volume::from_table(&table).unwrap();
    let catalog = volume.catalog();
    let counts = catalog.counts();
    assert_eq!((counts.baad_records, counts.unknown, counts.file_records), (1, 1, 6));
    let marked = catalog.entry(24).expect("a marked record is a record");
    assert_eq!(marked.links().len(), 1);
    assert!(kinds(marked.damage()).contains(&DamageKind::BaadRecord));
    assert!(catalog.entry(25).is_err() && catalog.entry(26).is_err() && catalog.entry(27).is_ok());
}

#[test]
fn class_22_nothing_depends_on_the_first_records_of_a_table() {
    let table = table((24..40).map(|number| (number, Forge::new().name(5, "a"))).collect());
    let table = [vec![0; 24 << 10], table[24 << 10..].to_vec()].concat();
    exercise::table::bare(&table);
    let volume = Volume::from_table(&table).expect("records are there");
    let catalog = volume.catalog();
    assert_eq!(catalog.entries().count(), 16);
    let path = catalog.entry(30).unwrap().paths().next().unwrap();
    assert_eq!((path.text.as_str(), path.end), ("/a", PathEnd::Root), "the root needs no record to be the root");
}

#[test]
fn class_23_the_place_of_a_record_is_believed_before_its_own_number() {
    let bytes = long().on_disk(77);
    let record = parse(&bytes);
    assert_eq!(record.number(), 42);
    assert_eq!(record.damage(), [Damage::in_record(42, 44, DamageKind::RecordNumberMismatch { found: 77 })]);
}

#[test]
fn class_24_sequence_numbers_wrap_past_zero() {
    assert_eq!(FileReference::new(9, 0xFFFF).matches(1, false), SequenceMatch::Freed);
    assert_eq!(FileReference::new(9, 0xFFFF).matches(0, false), SequenceMatch::Freed);
    assert_eq!(FileReference::new(9, 0xFFFF).matches(1, true), SequenceMatch::Other);
    assert_eq!(FileReference::new(9, 0).matches(5, true), SequenceMatch::Same, "0 is not checked");
}

#[test]
fn class_25_bases_that_point_nowhere_or_in_circles_are_followed_once() {
    let table = table(vec![
        (24, Forge::extension(24).name(5, "itself")),
        (25, Forge::extension(26).name(5, "other")),
        (26, Forge::extension(25).name(5, "way round")),
        (27, Forge::extension(1 << 40).name(5, "nowhere")),
    ]);
    exercise::table::bare(&table);
    let volume = Volume::from_table(&table).unwrap();
    let catalog = volume.catalog();
    for number in 24..28 {
        let entry = catalog.entry(number).expect("its name is left");
        assert_eq!((entry.state(), entry.links().len()), (EntryState::Orphan, 1), "record {number}");
        assert!(entry.damage().iter().any(|damage| matches!(damage.kind, DamageKind::BaseRecordGone { .. })));
    }
}

#[test]
fn class_26_a_record_cut_off_anywhere_is_no_reason_to_stop() {
    let bytes = long().on_disk(42);
    (0..bytes.len()).for_each(|length| exercise::record::record(&bytes[..length]));
}

#[test]
fn class_27_a_record_sewn_together_from_two_shows_the_seam() {
    let mut bytes = long().on_disk(42);
    put(&mut bytes, 512, &vec![0xEE; 510]);
    put(&mut bytes, 1022, &[8, 0]);
    let record = parse(&bytes);
    let seam = DamageKind::StrideMismatch { stride: 1, expected: 7, found: 8 };
    assert_eq!(kinds(record.damage()), [seam]);
    assert!(record.update_sequence().is_torn_between(512, 1024) && !record.update_sequence().is_torn_between(0, 512));
}

#[test]
fn class_54_a_hole_in_the_table_is_reported_and_the_rest_is_read() {
    let hole = [0x01, 0x04];
    let runs = [run(4, VolumeForge::TABLE as i64), hole.to_vec(), run(4, 4), vec![0]].concat();
    let first = Forge::new().name(5, "$MFT").runs(DATA, "", (0, 11), [12 * 4096; 3], &runs);
    let mut records = vec![vec![0; 1024]; 32];
    records[0] = first.on_disk(0);
    records[5] = root().on_disk(5);
    // Behind the hole: records 32 to 47 of the table.
    records[16] = Forge::new().name(5, "behind").on_disk(32);
    let image = VolumeForge { clusters: 64, records, content: Vec::new() }.bytes();
    exercise::table::volume(&image);
    let volume = Volume::open(&image).unwrap();
    let told = DamageKind::TableUnmapped { first: 16, end: 32 };
    assert!(volume.damage().any(|damage| damage.kind == told), "{:?}", volume.damage().collect::<Vec<_>>());
    assert_eq!(volume.catalog().entry(32).unwrap().links()[0].name().to_string(), "behind");
}
