//! Classes 56 to 63: attribute lists, and the records they name.

use ntfs_salvage::structure::value::AttributeList;
use ntfs_salvage::{Damage, DamageKind, EntryState, FileReference, Volume};

use crate::exercise;
use crate::forge::{ATTRIBUTE_LIST, DATA, FILE_NAME, Forge, VolumeForge, list_entry, put, root, run, table};

fn listed(number: u64, sequence: u16) -> Vec<u8> {
    list_entry(FILE_NAME, 0, FileReference::new(number, sequence))
}

/// Good and bad entries of a list.
fn count(list: &[u8]) -> (usize, usize) {
    exercise::record::record(&Forge::new().resident(ATTRIBUTE_LIST, "", list).on_disk(42));
    let list = AttributeList::parse(list).expect("it has the length of an entry");
    let (good, bad): (Vec<_>, Vec<_>) = list.entries().partition(Result::is_ok);
    (good.len(), bad.len())
}

#[test]
fn class_56_impossible_entry_lengths_end_the_list() {
    for length in [0_u16, 1, 25, 26, 31, 33, 104, 0xFFF8] {
        let mut list = [listed(24, 1), listed(25, 1), listed(26, 1)].concat();
        put(&mut list, 36, &length.to_le_bytes());
        assert_eq!(count(&list), (1, 1), "length {length}");
    }
}

#[test]
fn class_57_and_63_a_list_cut_off_anywhere_gives_what_is_whole() {
    let list = [listed(24, 1), listed(25, 1)].concat();
    for length in 26..list.len() {
        let (good, bad) = count(&list[..length]);
        assert_eq!((good, bad), (length / 32, usize::from(length % 32 > 0)), "{length} bytes");
    }
    for length in 0..26 {
        exercise::value::any(&[&[2], &list[..length]].concat());
    }
}

/// The entry of record 24 in this table: its state, names and damage.
fn entry_24(table: &[u8]) -> (EntryState, usize, Vec<DamageKind>) {
    exercise::table::bare(table);
    let volume = Volume::from_table(&table).unwrap();
    let catalog = volume.catalog();
    let entry = catalog.entry(24).expect("it is a file");
    let damage: Vec<Damage> = entry.damage();
    (entry.state(), entry.links().len(), damage.into_iter().map(|damage| damage.kind).collect())
}

#[test]
fn class_58_a_list_that_names_its_own_record_or_runs_in_circles_is_followed_once() {
    let list = [listed(24, 1), listed(24, 1), listed(25, 1), listed(25, 1)].concat();
    let back = [listed(24, 1), listed(25, 1)].concat();
    let table = table(vec![
        (24, Forge::new().resident(ATTRIBUTE_LIST, "", &list).name(5, "a")),
        (25, Forge::extension(24).resident(ATTRIBUTE_LIST, "", &back).name(6, "b")),
    ]);
    assert_eq!(entry_24(&table), (EntryState::Live, 2, vec![]));
}

#[test]
fn class_59_a_record_that_was_reused_is_not_merged_and_reported() {
    let list = [listed(24, 1), listed(25, 1), listed(26, 1)].concat();
    let table = table(vec![
        (24, Forge::new().resident(ATTRIBUTE_LIST, "", &list).name(5, "a")),
        (25, Forge::new().sequence(2).name(5, "another file")),
        (26, Forge::new().with(32, &FileReference::new(24, 9).0.to_le_bytes()).name(5, "of another life")),
    ]);
    let foreign = |number| DamageKind::ListedRecordForeign { reference: FileReference::new(number, 1) };
    assert_eq!(entry_24(&table), (EntryState::Live, 1, vec![foreign(25), foreign(26)]));
}

#[test]
fn class_60_a_list_of_impossible_size_is_read_as_far_as_it_is_there() {
    for size in [1_u64 << 20, 1 << 32, 1 << 62, u64::MAX] {
        let table_runs = [run(8, VolumeForge::TABLE as i64), vec![0]].concat();
        let mut records = vec![vec![0; 1024]; 32];
        records[0] = Forge::new().name(5, "$MFT").runs(DATA, "", (0, 7), [32_768; 3], &table_runs).on_disk(0);
        records[5] = root().on_disk(5);
        let list_runs = [run(1 << 40, 40), vec![0]].concat();
        let long = Forge::new().name(5, "a").runs(ATTRIBUTE_LIST, "", (0, (1 << 40) - 1), [size; 3], &list_runs);
        records[24] = long.on_disk(24);
        let list = [listed(24, 1), listed(30, 1)].concat();
        let image = VolumeForge { clusters: 64, records, content: vec![(40, list)] }.bytes();
        exercise::table::volume(&image);
        let volume = Volume::open(&image).unwrap();
        let catalog = volume.catalog();
        let entry = catalog.entry(24).expect("it is a file");
        assert!(!entry.damage().is_empty() && entry.damage().len() < 100);
    }
}

#[test]
fn class_60_a_list_longer_than_its_file_can_need_costs_none_of_its_records() {
    // Of two records 4 KiB of a list are compared. The extension record is named at the end of the list, or nowhere.
    let damage_with = |entries: u64, is_named: bool| {
        let table_runs = [run(8, VolumeForge::TABLE as i64), vec![0]].concat();
        let mut records = vec![vec![0; 1024]; 32];
        records[0] = Forge::new().name(5, "$MFT").runs(DATA, "", (0, 7), [32_768; 3], &table_runs).on_disk(0);
        records[5] = root().on_disk(5);
        let list_runs = [run(4, 40), vec![0]].concat();
        let sizes = [16_384, entries * 32, entries * 32];
        records[24] = Forge::new().runs(ATTRIBUTE_LIST, "", (0, 3), sizes, &list_runs).on_disk(24);
        records[25] = Forge::extension(24).name(5, "kept").on_disk(25);
        let last = if is_named { 25 } else { 24 };
        let list = (1..entries).flat_map(|_| listed(24, 1)).chain(listed(last, 1)).collect();
        let image = VolumeForge { clusters: 64, records, content: vec![(40, list)] }.bytes();
        exercise::table::volume(&image);
        let volume = Volume::open(&image).unwrap();
        let catalog = volume.catalog();
        // What a whole list does not name is none of the file's, and is kept by itself.
        let is_apart = !is_named;
        let entry = catalog.entry(24).expect("it is a file");
        let named = catalog.entry(if is_apart { 25 } else { 24 }).expect("it is kept");
        assert_eq!(named.state() == EntryState::Orphan, is_apart);
        assert_eq!(named.links()[0].name().to_string(), "kept");
        entry.damage().into_iter().map(|damage| damage.kind).collect::<Vec<_>>()
    };
    let further =
        |value| DamageKind::BadValue { what: "bytes of $ATTRIBUTE_LIST beyond what its file can need", value };
    assert_eq!(damage_with(128, true), []);
    assert_eq!(damage_with(128, false), [further(128 * 32 - 2048)]);
    assert_eq!(damage_with(400, true), [further(400 * 32 - 4096)]);
    assert_eq!(damage_with(400, false), [further(400 * 32 - 2048)]);
}

#[test]
fn class_61_the_table_is_followed_through_its_own_unsorted_list() {
    // Four records a piece: each piece but the first is named by a record of the piece before it.
    let piece = |vcn: u64, cluster: i64| (vcn, [run(1, cluster), vec![0]].concat());
    let of_table = |(vcn, runs): (u64, Vec<u8>)| Forge::extension(0).runs(DATA, "", (vcn, vcn), [0; 3], &runs);
    let at = |number: u64, vcn| list_entry(DATA, vcn, FileReference::new(number, 1));
    let list = [at(11, 3), at(7, 2), at(3, 1), at(0, 0)].concat();
    let size = 16 * 1024;
    let first = Forge::new().resident(ATTRIBUTE_LIST, "", &list).runs(
        DATA,
        "",
        (0, 0),
        [size; 3],
        &piece(0, VolumeForge::TABLE as i64).1,
    );
    let mut records = vec![vec![0; 1024]; 4];
    records[0] = first.on_disk(0);
    records[3] = of_table(piece(1, 20)).on_disk(3);
    let mut second = vec![0; 4096];
    put(&mut second, 1024, &root().on_disk(5));
    put(&mut second, 3072, &of_table(piece(2, 30)).on_disk(7));
    let mut third = vec![0; 4096];
    put(&mut third, 3072, &of_table(piece(3, 40)).on_disk(11));
    let fourth = Forge::new().name(5, "last").on_disk(12);
    let content = vec![(20, second), (30, third), (40, fourth)];
    let image = VolumeForge { clusters: 64, records, content }.bytes();
    exercise::table::volume(&image);
    let volume = Volume::open(&image).unwrap();
    assert_eq!(volume.mft().record_count(), 16);
    assert_eq!(volume.catalog().entry(12).unwrap().links()[0].name().to_string(), "last");
    assert_eq!(volume.mft().damage(), []);
}

#[test]
fn class_62_extensions_whose_base_was_reused_are_what_is_left_of_a_file() {
    let table = table(vec![
        (24, Forge::new().sequence(5).name(5, "new")),
        (25, Forge::extension(24).name(5, "old")),
        (26, Forge::extension(24).runs(DATA, "", (0, 3), [16_384; 3], &[0x11, 4, 8, 0])),
    ]);
    exercise::table::bare(&table);
    let volume = Volume::from_table(&table).unwrap();
    let catalog = volume.catalog();
    let orphan = catalog.entry(26).expect("it is part of what is left");
    assert_eq!((orphan.record_number(), orphan.state()), (25, EntryState::Orphan));
    assert_eq!((orphan.links()[0].name().to_string(), orphan.streams().len()), ("old".to_owned(), 1));
    assert_eq!(catalog.entry(24).unwrap().links().len(), 1);
}
