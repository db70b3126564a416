//! Time, memory and output: what costs more than it brings in. Each of these inputs would take
//! minutes, or more memory than there is, if its cost grew with the square of its size.

use std::time::{Duration, Instant};

use ntfs_salvage::catalog::PathEnd;
use ntfs_salvage::{Catalog, DamageKind, FileReference, Volume};

use crate::exercise;
use crate::forge::{self, ATTRIBUTE_LIST, DATA, FILE_NAME, Forge, VolumeForge, list_entry, run, table};

/// How many records the larger tables have.
const MANY: u64 = if cfg!(debug_assertions) { 10_000 } else { 100_000 };

/// Fails when `work` takes longer than anything linear could, even on a busy machine.
fn in_time<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    println!("{what}: {took:.1?}");
    assert!(took < Duration::from_secs(20), "{what} took {took:?}");
    result
}

fn with_catalog<T>(table: &[u8], work: impl FnOnce(&Catalog<'_>) -> T) -> T {
    let volume = Volume::from_table(&table).expect("it is a table");
    work(&volume.catalog())
}

/// Paths of all links: how many, and bytes of text.
fn all_paths(catalog: &Catalog<'_>) -> (usize, usize) {
    let mut paths = catalog.paths();
    let (mut count, mut bytes) = (0, 0);
    for entry in catalog.entries() {
        for link in entry.links() {
            bytes += paths.path(link.parent(), link.name()).text.len();
            count += 1;
        }
    }
    (count, bytes)
}

/// Directories from 24 on, each in the one that `parent` says.
fn directories(count: u64, parent: impl Fn(u64) -> u64) -> Vec<u8> {
    table((24..24 + count).map(|number| (number, Forge::directory().name(parent(number), "d"))).collect())
}

#[test]
fn class_68_a_chain_of_directories_is_climbed_in_linear_time() {
    let last = 24 + MANY - 1;
    let downwards = directories(MANY, |number| if number == 24 { 5 } else { number - 1 });
    let upwards = directories(MANY, |number| if number == last { 5 } else { number + 1 });
    // 7,919 is prime to the number of records: each directory's parent stands far from it.
    let shuffled = |step: u64| 24 + step * 7919 % MANY;
    let mut parents = vec![5; MANY as usize];
    (1..MANY).for_each(|step| parents[(shuffled(step) - 24) as usize] = shuffled(step - 1));
    let mixed = directories(MANY, |number| parents[(number - 24) as usize]);
    let chains = [("chain, parents first", downwards), ("chain, children first", upwards), ("chain, mixed", mixed)];
    for (what, table) in chains {
        let (count, bytes) = in_time(what, || with_catalog(&table, all_paths));
        println!("{what}: {} bytes of table, {count} paths, {bytes} bytes of text", table.len());
    }
}

#[test]
fn class_66_a_cycle_of_many_directories_is_climbed_in_linear_time() {
    let cycle = directories(MANY, |number| 24 + (number - 24 + 1) % MANY);
    in_time("cycle", || with_catalog(&cycle, all_paths));
}

#[test]
fn class_52_one_file_with_very_many_extension_records_takes_linear_time() {
    let mut records: Vec<_> =
        (25..24 + MANY).map(|n| (n, Forge::extension(24).dos_name(5, "A").name(5, "a"))).collect();
    records.push((24, Forge::new().name(5, "base")));
    let table = table(records);
    in_time("one file of all records", || {
        with_catalog(&table, |catalog| {
            // The base is whole and has no list: the others are what is left of another file, together.
            let links = |number| {
                catalog.entries().find(|entry| entry.record_number() == number).map(|entry| entry.links().len())
            };
            assert_eq!((links(24), links(25)), (Some(1), Some(MANY as usize - 1)));
        });
    });
}

#[test]
fn entries_are_found_by_number_in_constant_time() {
    let pairs = MANY / 2;
    let list = |number| {
        [number, number + pairs].map(|number| list_entry(FILE_NAME, 0, FileReference::new(number, 1))).concat()
    };
    let base = |number: u64| (number, Forge::new().resident(ATTRIBUTE_LIST, "", &list(number)).name(5, "a"));
    let extension = |number: u64| (number, Forge::extension(number - pairs).name(5, "b"));
    let all = (24..24 + pairs).map(base).chain((24 + pairs..24 + 2 * pairs).map(extension));
    let table = table(all.collect());
    in_time("entries by number", || {
        with_catalog(&table, |catalog| {
            for number in 24..24 + pairs {
                assert_eq!(catalog.entry(number).expect("it is a file").links().len(), 2);
                assert_eq!(catalog.entry(number + pairs).expect("it is part of a file").record_number(), number);
            }
        });
    });
}

/// A volume whose record 24 has a list of all it can name, and extension records that are not in it.
fn with_long_list(extensions: u64, listed: impl Fn(u64) -> u64) -> Vec<u8> {
    let list: Vec<u8> = (0..32_768).flat_map(|n| list_entry(DATA, 0, FileReference::new(listed(n), 1))).collect();
    let count = 32 + extensions;
    let table_clusters = count.div_ceil(4);
    let size = table_clusters * 4096;
    let table_run = [run(table_clusters, VolumeForge::TABLE as i64), vec![0]].concat();
    let first = Forge::new().name(5, "$MFT").runs(DATA, "", (0, table_clusters - 1), [size; 3], &table_run);
    let list_at = VolumeForge::TABLE + table_clusters;
    let list_run = [run(256, list_at as i64), vec![0]].concat();
    let long = Forge::new().name(5, "long").runs(ATTRIBUTE_LIST, "", (0, 255), [1 << 20; 3], &list_run);
    let record = |number| match number {
        0 => first.clone().on_disk(0),
        5 => forge::root().on_disk(5),
        24 => long.clone().on_disk(24),
        32.. => Forge::extension(24).on_disk(number),
        _ => vec![0; 1024],
    };
    let records = (0..count).map(record).collect();
    VolumeForge { clusters: list_at + 257, records, content: vec![(list_at, list)] }.bytes()
}

#[test]
fn a_long_attribute_list_is_compared_with_many_records_in_linear_time() {
    let image = with_long_list(20_000, |n| (1 << 30) + n);
    in_time("list and records", || {
        let volume = Volume::open(&image).expect("it is a volume");
        let damage = volume.catalog().entry(24).expect("it is a file").damage();
        let unlisted = damage.iter().filter(|damage| matches!(damage.kind, DamageKind::UnlistedExtension { .. }));
        assert_eq!(unlisted.count(), 20_000);
    });
}

#[test]
fn a_list_may_name_its_records_with_any_sequence_numbers() {
    let list = [24, 40, 30, 35].map(|number| list_entry(DATA, 0, FileReference::new(number, 50 - number as u16)));
    let base = Forge::new().sequence(26).name(5, "a").resident(ATTRIBUTE_LIST, "", &list.concat());
    let of_base = FileReference::new(24, 26).0.to_le_bytes();
    let extension = |number: u64| (number, Forge::new().sequence(50 - number as u16).with(32, &of_base));
    let table = table(vec![(24, base), extension(30), extension(35), extension(40)]);
    with_catalog(&table, |catalog| {
        let entry = catalog.entry(24).expect("it is a file");
        assert_eq!(entry.extension_records().len(), 3);
        assert_eq!(entry.damage(), []);
    });
}

/// A volume whose table claims these runs.
fn with_table_runs(vcns: (u64, u64), size: u64, runs: &[u8]) -> Vec<u8> {
    let first = Forge::new().name(5, "$MFT").runs(DATA, "", vcns, [size; 3], runs);
    let records = vec![first.on_disk(0), vec![0; 4096], forge::root().on_disk(5), Forge::new().name(5, "a").on_disk(6)];
    VolumeForge { clusters: 64, records, content: Vec::new() }.bytes()
}

#[test]
fn class_37_a_table_that_claims_more_than_its_source_has_is_cut_to_it() {
    let huge = 1_u64 << 50;
    let real = run(4, VolumeForge::TABLE as i64);
    let hole = [vec![0x08], huge.to_le_bytes().to_vec()].concat();
    for runs in
        [run(huge, VolumeForge::TABLE as i64), [real.clone(), hole].concat(), [real, run(huge, 1 << 40)].concat()]
    {
        let image = with_table_runs((0, huge + 3), (huge + 4) * 4096, &[runs, vec![0]].concat());
        in_time("table of 2^62 bytes", || {
            exercise::table::volume(&image);
            let volume = Volume::open(&image).expect("it is a volume");
            assert!(volume.mft().record_count() <= image.len().div_ceil(1024) as u64);
            assert!(volume.catalog().entry(6).is_ok(), "what is there is listed");
            let is_said = |damage: ntfs_salvage::Damage| matches!(damage.kind, DamageKind::TableUnmapped { .. });
            assert!(volume.damage().any(is_said), "{:?}", volume.damage().collect::<Vec<_>>());
        });
    }
}

#[test]
fn class_65_and_66_a_cycle_has_the_same_path_whatever_was_asked_before() {
    let names = ["a", "b", "c"];
    let mut records: Vec<_> =
        (0..3).map(|n| (24 + n, Forge::directory().name(24 + (n + 1) % 3, names[n as usize]))).collect();
    records.push((30, Forge::new().name(25, "file")));
    records.push((31, Forge::directory().name(31, "self")));
    let table = table(records);
    exercise::table::bare(&table);
    with_catalog(&table, |catalog| {
        let mut used = catalog.paths();
        for _ in 0..2 {
            for entry in catalog.entries() {
                let link = entry.links()[0];
                let path = used.path(link.parent(), link.name());
                assert_eq!(Some(&path), entry.paths().next().as_ref());
                let is_cycle = matches!(path.end, PathEnd::Cycle(_));
                assert_eq!(is_cycle, entry.record_number() != 5, "{path}");
            }
        }
    });
}

/// A volume whose table unfolds one record at a time: each piece maps the one record that maps the next.
fn unfolding(pieces: u64) -> Vec<u8> {
    // Clusters of 4 KiB, four records each; the records of the table's cluster n are in cluster 1000 + 2 n.
    let cluster = |n: u64| if n == 0 { VolumeForge::TABLE } else { 1000 + 2 * n };
    let runs = |n: u64| [run(1, cluster(n) as i64), vec![0]].concat();
    let size = pieces * 4096;
    let list: Vec<u8> = (0..pieces)
        .flat_map(|n| list_entry(DATA, n, FileReference::new(if n == 0 { 0 } else { 4 * n - 1 }, 1)))
        .collect();
    let list_clusters = (list.len() as u64).div_ceil(4096);
    let list_run = [run(list_clusters, 100), vec![0]].concat();
    let first = Forge::new().runs(ATTRIBUTE_LIST, "", (0, list_clusters - 1), [list.len() as u64; 3], &list_run).runs(
        DATA,
        "",
        (0, 0),
        [size; 3],
        &runs(0),
    );
    let mut content = vec![(100, list)];
    let block = |n: u64| {
        let mut block = vec![0; 4096];
        let next = Forge::extension(0).runs(DATA, "", (n + 1, n + 1), [0; 3], &runs(n + 1)).on_disk(4 * n + 3);
        forge::put(&mut block, 3072, &next);
        block
    };
    content.extend((1..pieces).map(|n| (cluster(n), block(n))));
    let mut records = vec![vec![0; 1024]; 4];
    records[0] = first.on_disk(0);
    records[3] = block(0)[3072..].to_vec();
    VolumeForge { clusters: 1000 + 2 * pieces + 10, records, content }.bytes()
}

#[test]
fn class_61_a_table_that_unfolds_record_by_record_is_followed_in_time() {
    let pieces = if cfg!(debug_assertions) { 1000 } else { 8000 };
    let image = unfolding(pieces);
    in_time("table that unfolds", || {
        let volume = Volume::open(&image).expect("it is a volume");
        assert_eq!(volume.mft().record_count(), 4 * pieces);
    });
}

#[test]
fn class_96_many_files_that_share_one_long_list_are_told_in_time() {
    let count = if cfg!(debug_assertions) { 40 } else { 400 };
    let mut image = with_long_list(count, |n| (1 << 30) + n);
    let record = image[(VolumeForge::TABLE as usize * 4 + 24) << 10..][..1024].to_vec();
    for number in 32..32 + count as usize {
        forge::put(&mut image, (VolumeForge::TABLE as usize * 4 + number) << 10, &record);
    }
    in_time("shared lists", || {
        let volume = Volume::open(&image).expect("it is a volume");
        let damage: usize = volume.catalog().entries().map(|entry| entry.damage().len()).sum();
        println!("shared lists: {damage} reports of {count} records");
        assert!(damage <= 100 * count as usize, "{damage} reports of {count} records");
    });
}
