//! FILE records in their three forms, attributes, and data runs.

use ntfs_salvage::structure::{Attribute, AttributeType, DataRun, DataRuns, NonResident, Protection};
use ntfs_salvage::{Damage, DamageKind, Record};

use super::{damaged, debug, inside, name, see, show, sound, value};

/// Parses a record in all three ways and looks at everything in it.
pub(crate) fn record(bytes: &[u8]) {
    let number = 42;
    let borrowed = Record::parse(number, bytes);
    let mut buffer = bytes.to_vec();
    let in_place = Record::parse_in_place(number, &mut buffer);
    let (borrowed, in_place) = match (borrowed, in_place) {
        (Ok(borrowed), Ok(in_place)) => (borrowed, in_place),
        (Err(first), Err(second)) => {
            assert_eq!(first, second);
            assert_eq!(Record::from_vec(number, bytes.to_vec()).err(), Some(first));
            assert_eq!(buffer, bytes, "a buffer without a record stays as it is");
            return damaged(first);
        }
        _ => panic!("a record is there in one form and not in the other"),
    };
    same(&borrowed, &in_place);
    header(&borrowed);
    frame(&borrowed, bytes);
    walk(&in_place);
    let owned = borrowed.into_repaired();
    assert_eq!(owned.bytes(), in_place.bytes(), "repaired before or after: the same bytes");
    if let Ok(again) = Record::from_vec(number, bytes.to_vec()) {
        assert_eq!(again.bytes(), owned.bytes(), "a second parse gives the same");
        assert_eq!(again.update_sequence(), owned.update_sequence());
    }
}

/// What users see of a record does not depend on how it was parsed.
fn same(one: &Record<'_>, other: &Record<'_>) {
    assert_eq!((one.number(), one.reference()), (other.number(), other.reference()));
    assert_eq!(one.header(), other.header());
    assert_eq!(one.update_sequence(), other.update_sequence());
    assert!(one.attributes().eq(other.attributes()), "the walks differ");
    assert_eq!(one.slack().len(), other.slack().len());
    assert_eq!(one.is_sound(), other.is_sound());
}

fn header(record: &Record<'_>) {
    let header = record.header();
    debug(&header);
    show(&record.reference());
    show(&header.base_reference());
    see((header.lsn(), header.link_count(), header.flags(), header.used_size(), header.own_number()));
    see((header.is_baad(), header.is_in_use(), header.is_directory(), header.next_attribute_id()));
    assert_eq!(header.is_base_record(), header.base_reference().is_zero());
}

/// The frame: damage is there exactly where the record is not sound; torn strides keep their bytes.
fn frame(record: &Record<'_>, on_disk: &[u8]) {
    let damage = record.damage();
    assert_eq!(damage.is_empty(), record.is_sound(), "{damage:?}");
    damage.into_iter().for_each(damaged);
    assert_eq!(record.bytes().len(), on_disk.len());
    inside(record.slack(), record.bytes());
    let sequence = record.update_sequence();
    assert!(usize::from(sequence.strides()) <= on_disk.len() / 512);
    assert_eq!(sequence.has_torn_strides(), (0..sequence.strides()).any(|stride| sequence.is_torn(stride)));
    assert!(!sequence.has_torn_strides() || sequence.protection() == Protection::Protected);
    for stride in 0..sequence.strides() {
        let end = 512 * usize::from(stride) + 510;
        let is_kept = record.bytes()[end..end + 2] == on_disk[end..end + 2];
        assert!(is_kept || !sequence.is_torn(stride), "torn stride {stride} was overwritten");
        assert_eq!(sequence.candidates(on_disk, stride).is_some(), sequence.is_torn(stride));
        see(sequence.is_torn_between(end, end + 2));
    }
}

/// Walks the attributes: they follow each other, and the walk is over once it is over.
fn walk(record: &Record<'_>) {
    let mut attributes = record.attributes();
    let mut end = 0;
    for found in attributes.by_ref() {
        let Some(attribute) = sound(found) else { continue };
        let start = usize::try_from(attribute.place().offset).expect("it is an offset in memory");
        assert!(start >= end, "attributes overlap");
        assert_eq!(attribute.bytes(), &record.bytes()[start..start + attribute.bytes().len()]);
        end = start + attribute.bytes().len();
        check(&attribute, record.bytes());
    }
    assert!(attributes.next().is_none() && attributes.next().is_none(), "the walk is fused");
    assert!(end <= attributes.position() && attributes.position() <= record.bytes().len().max(usize::from(u16::MAX)));
}

/// One attribute: its header, its name, its value in every form.
fn check(attribute: &Attribute<'_>, record: &[u8]) {
    inside(attribute.bytes(), record);
    assert_eq!(attribute.place().record, Some(42));
    show(&attribute.place());
    debug(&attribute.attribute_type());
    name(attribute.name(), attribute.bytes());
    see((attribute.flags().is_compressed(), attribute.id(), attribute.is_indexed(), attribute.total_allocated()));
    let damage = attribute.damage();
    assert_eq!(damage.is_empty(), attribute.is_sound(), "{damage:?}");
    damage.into_iter().chain(attribute.value_damage()).for_each(|damage| in_record(damage, 42));
    inside(attribute.resident_slot(), attribute.bytes());
    match attribute.resident_value() {
        Ok(bytes) => inside(bytes, attribute.bytes()),
        Err(damage) => in_record(damage, 42),
    }
    assert_eq!(attribute.is_resident(), attribute.non_resident().is_none());
    match attribute.value() {
        Ok(found) => value::value(found, attribute.bytes()),
        Err(damage) => in_record(damage, 42),
    }
    if attribute.attribute_type() == AttributeType::FILE_NAME
        && let Ok((file_name, stale)) = attribute.file_name()
    {
        value::file_name(file_name, attribute.bytes());
        stale.into_iter().for_each(|damage| in_record(damage, 42));
    }
}

/// Damage inside a record names it.
fn in_record(damage: Damage, number: u64) {
    assert_eq!(damage.place.record, Some(number), "{damage}");
    damaged(damage);
}

/// The non-resident form: sizes, and runs that follow each other.
pub(crate) fn non_resident(piece: NonResident<'_>) {
    see((piece.highest_vcn(), piece.compression_unit(), piece.allocated_size()));
    see((piece.data_size(), piece.initialized_size(), piece.data_runs_offset()));
    piece.damage().into_iter().for_each(damaged);
    if let Some(runs) = sound(piece.data_runs()) {
        data_runs(runs, piece.lowest_vcn());
    }
}

/// Runs of the bytes behind the first nine, which say where they start and what they should cover.
pub(crate) fn data_runs_of(bytes: &[u8]) {
    let Some((numbers, runs)) = bytes.split_first_chunk::<9>() else { return };
    let lowest_vcn = u64::from_le_bytes([numbers[0], numbers[1], 0, 0, 0, 0, numbers[2], numbers[3]]);
    let clusters = u64::from_le_bytes([numbers[4], numbers[5], 0, 0, 0, 0, numbers[6], numbers[7]]);
    data_runs(DataRuns::new(runs, lowest_vcn, (numbers[8] & 1 == 1).then_some(clusters)), lowest_vcn);
}

fn data_runs(runs: DataRuns<'_>, lowest_vcn: u64) {
    let again: Vec<Result<DataRun, Damage>> = runs.clone().collect();
    let mut runs = runs;
    let mut vcn = lowest_vcn;
    for (index, found) in again.iter().enumerate() {
        assert_eq!(runs.next().as_ref(), Some(found), "a second walk gives the same");
        match found {
            Ok(run) => {
                assert!(run.clusters > 0 && run.vcn == vcn, "run {index} does not follow the one before it");
                assert!(run.lcn.is_none_or(|lcn| lcn.checked_add(run.clusters).is_some()));
                vcn = vcn.checked_add(run.clusters).expect("virtual clusters have 64 bits");
                assert_eq!(run.end_vcn(), vcn);
            }
            Err(damage) => {
                assert_eq!(index + 1, again.len(), "nothing follows damaged runs");
                assert!(matches!(damage.kind, DamageKind::DataRun { .. } | DamageKind::TooShort { .. }));
                damaged(*damage);
            }
        }
    }
    see(runs.position());
    assert!(runs.next().is_none() && runs.next().is_none(), "the walk is fused");
}
