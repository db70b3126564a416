//! Classes 43 to 55: data runs, and what is made of them.

use ntfs_salvage::content::{Missing, Origin};
use ntfs_salvage::structure::{DataRun, DataRuns};
use ntfs_salvage::{Damage, DamageKind, FileReference, Threads, Volume};

use crate::exercise;
use crate::forge::{ATTRIBUTE_LIST, DATA, Forge, VolumeForge, list_entry, root, run};

/// The runs, and the damage they end with.
fn runs(bytes: &[u8], clusters: Option<u64>) -> (Vec<DataRun>, Option<Damage>) {
    exercise::record::data_runs_of(&[&[0; 8], [0].as_slice(), bytes].concat());
    exercise::record::data_runs_of(&[&[0, 0, 0, 0, 4, 0, 0, 0], [1].as_slice(), bytes].concat());
    let (mut good, mut damage) = (Vec::new(), None);
    for found in DataRuns::new(bytes, 0, clusters) {
        match found {
            Ok(found) => good.push(found),
            Err(error) => damage = Some(error),
        }
    }
    (good, damage)
}

/// Good runs before the hostile bytes stand, and the damage has its place.
fn stops_behind_the_first(hostile: &[u8]) {
    let (good, damage) = runs(&[&[0x11, 4, 8], hostile].concat(), None);
    assert_eq!(good, [DataRun { vcn: 0, clusters: 4, lcn: Some(8) }], "{hostile:02x?}");
    let damage = damage.unwrap_or_else(|| panic!("{hostile:02x?} is not reported"));
    assert!(matches!(damage.kind, DamageKind::DataRun { index: 1, .. }), "{damage}");
    assert_eq!(damage.place.offset, 3);
}

#[test]
fn class_43_impossible_header_bytes_end_the_list() {
    for header in [0x10_u8, 0x19, 0x91, 0x99, 0xFF, 0xF0, 0x0F] {
        stops_behind_the_first(&[[header].as_slice(), &[1; 20]].concat());
    }
}

#[test]
fn class_44_a_list_that_is_cut_off_ends_there() {
    let (good, damage) = runs(&[0x11, 4, 8], None);
    assert_eq!((good.len(), damage.is_some()), (1, true));
    let (good, damage) = runs(&[0x11, 4, 8], Some(4));
    assert_eq!((good.len(), damage), (1, None), "it is complete without its end");
    for length in 1..17 {
        stops_behind_the_first(&run(1, 1)[..length]);
    }
}

#[test]
fn class_45_a_run_of_no_length_ends_the_list() {
    stops_behind_the_first(&[0x11, 0, 8, 0]);
    stops_behind_the_first(&run(0, 8));
}

#[test]
fn class_46_impossible_lengths_end_the_list_and_the_runs_before_stand() {
    for clusters in [1_u64 << 63, u64::MAX, u64::MAX - 3] {
        stops_behind_the_first(&run(clusters, 1));
    }
}

#[test]
fn class_47_cluster_numbers_below_zero_or_beyond_63_bits_end_the_list() {
    for step in [-10_i64, -100, i64::MIN, i64::MAX, i64::MAX - 7] {
        stops_behind_the_first(&run(5, step));
    }
}

/// A volume whose record 24 has a stream of these runs; cluster 40 holds 0xAA.
fn volume_with(clusters: u64, runs: &[u8]) -> Vec<u8> {
    let size = clusters * 4096;
    let file = Forge::new().name(5, "a").runs(DATA, "", (0, clusters.wrapping_sub(1)), [size; 3], runs);
    volume_of(vec![(24, file)])
}

/// A volume of 32 records, these among them.
fn volume_of(files: Vec<(u64, Forge)>) -> Vec<u8> {
    let table_runs = [run(8, VolumeForge::TABLE as i64), vec![0]].concat();
    let mut records = vec![vec![0; 1024]; 32];
    let first = Forge::new().name(5, "$MFT").runs(DATA, "", (0, 7), [8 * 4096; 3], &table_runs);
    records[0] = first.on_disk(0);
    records[5] = root().on_disk(5);
    files.into_iter().for_each(|(number, file)| records[number as usize] = file.on_disk(number));
    VolumeForge { clusters: 64, records, content: vec![(40, vec![0xAA; 4096])] }.bytes()
}

/// The origins of the stream's ranges with their lengths, in clusters.
fn origins(image: &[u8]) -> Vec<(Origin, u64)> {
    exercise::table::volume(&image);
    let volume = Volume::open(&image).expect("it is a volume");
    let catalog = volume.catalog();
    let entry = catalog.entry(24).expect("it is a file");
    let stream = &entry.streams()[0];
    stream.map().ranges().iter().map(|range| (range.origin, range.length / 4096)).collect()
}

#[test]
fn class_48_what_lies_behind_the_volume_is_missing() {
    let behind = 64 * 4096;
    let image = volume_with(8, &[run(8, 60), vec![0]].concat());
    assert_eq!(origins(&image), [(Origin::Clusters(60 * 4096), 4), (Origin::Missing(Missing::Outside(behind)), 4)]);
    let far = volume_with(8, &[run(8, 1 << 40), vec![0]].concat());
    assert_eq!(origins(&far), [(Origin::Missing(Missing::Outside(1 << 52)), 8)]);
}

#[test]
fn class_49_virtual_clusters_beyond_64_bits_end_the_list() {
    let hostile = [run(1 << 62, 1), run(1 << 62, 1), run(1 << 62, 1), run(1 << 62, 1), run(1 << 62, 1)].concat();
    let (good, damage) = runs(&hostile, None);
    assert_eq!((good.len(), damage.is_some()), (3, true), "{good:?}");
}

#[test]
fn class_50_runs_that_overlap_are_told_by_the_claims() {
    let image = volume_with(8, &[run(4, 38), run(4, 0), vec![0]].concat());
    assert_eq!(origins(&image).len(), 2);
    let shared = volume_with(4, &[run(4, 4), vec![0]].concat());
    let volume = Volume::open(&shared).unwrap();
    let catalog = volume.catalog();
    let claims = catalog.claims(&Threads::single());
    let crossed: Vec<_> = claims.cross_links().map(|(clusters, ..)| clusters).collect();
    assert!(crossed.iter().eq([&(4..8)]), "the file claims clusters of the table");
}

#[test]
fn class_51_a_run_over_the_boot_sector_and_the_table_is_read_as_it_is() {
    let image = volume_with(12, &[0x01, 1, 0x11, 11, 0, 0]);
    assert_eq!(origins(&image), [(Origin::Hole, 1), (Origin::Clusters(0), 11)]);
    let volume = Volume::open(&image).unwrap();
    let catalog = volume.catalog();
    let entry = catalog.entry(24).unwrap();
    let mut buffer = [0; 8192];
    assert!(entry.streams()[0].reader().read_at(0, &mut buffer).is_true());
    assert_eq!(buffer[4099..4103], *b"NTFS");
}

#[test]
fn class_53_pieces_out_of_order_missing_or_doubled_are_put_in_order() {
    let piece = |base, lowest: u64, cluster: i64| {
        Forge::extension(base).runs(DATA, "", (lowest, lowest + 1), [0; 3], &[run(2, cluster), vec![0]].concat())
    };
    let of = |(number, vcn)| list_entry(DATA, vcn, FileReference::new(number, 1));
    let list = [(24, 0), (26, 2), (27, 2), (25, 6)].map(of).concat();
    let first = Forge::new().resident(ATTRIBUTE_LIST, "", &list).name(5, "a").runs(
        DATA,
        "",
        (0, 1),
        [32_768, 32_768, 32_768],
        &[run(2, 10), vec![0]].concat(),
    );
    let image = volume_of(vec![(24, first), (25, piece(24, 6, 50)), (26, piece(24, 2, 20)), (27, piece(24, 2, 60))]);
    exercise::table::volume(&image);
    let volume = Volume::open(&image).unwrap();
    let catalog = volume.catalog();
    let entry = catalog.entry(24).unwrap();
    let streams = entry.streams();
    assert_eq!((streams.len(), streams[0].pieces().count()), (1, 4));
    let lowest: Vec<_> = streams[0].pieces().map(|piece| piece.non_resident().unwrap().lowest_vcn()).collect();
    assert_eq!(lowest, [0, 2, 2, 6]);
    let map = streams[0].map();
    let is_told = |damage: &Damage| matches!(damage.kind, DamageKind::OverlappingPieces { vcn: 2 });
    assert!(map.damage().iter().any(is_told), "{:?}", map.damage());
    let origins: Vec<_> = map.ranges().iter().map(|range| (range.origin, range.length / 4096)).collect();
    let at = |cluster: u64| Origin::Clusters(cluster * 4096);
    assert_eq!(origins, [(at(10), 2), (at(20), 2), (Origin::Missing(Missing::Unmapped), 2), (at(50), 2)]);
}

#[test]
fn class_55_a_sparse_file_of_exabytes_is_mapped_and_not_filled() {
    let hole = [vec![0x08], (1_u64 << 50).to_le_bytes().to_vec(), vec![0]].concat();
    let image = volume_with(1 << 50, &hole);
    assert_eq!(origins(&image), [(Origin::Hole, 1 << 50)]);
}
