//! Destroys structures of volumes whose content is known, opens what is left, and compares the names.

#![allow(missing_docs, reason = "a test")]

#[allow(dead_code, reason = "shared with the tests that compare listings, which ask for more")]
#[path = "comparison/truth.rs"]
mod truth;

use std::collections::BTreeSet;

use ntfs_salvage::salvage::{self, Confidence, Layer, Opened, OpenedBy, Overrides, Scanner};
use ntfs_salvage::structure::BootSector;
use ntfs_salvage::volume::Location;
use ntfs_salvage::{Threads, Volume};
use truth::Truth;

/// An image of `testdata` and what is on it.
struct Known {
    bytes: Vec<u8>,
    paths: BTreeSet<String>,
}

impl Known {
    fn read(name: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/");
        let bytes = std::fs::read(format!("{folder}{name}.img")).expect("testdata is there");
        let truth = Truth::read(format!("{folder}{name}.truth.jsonl").as_ref());
        let live = truth.files.iter().filter(|file| !file.deleted);
        let paths = live.flat_map(|file| file.links.iter().map(|link| link.path.clone())).collect();
        Self { bytes, paths }
    }

    fn sizes(&self) -> Sizes {
        let geometry = BootSector::parse(&self.bytes).expect("a sector").geometry().expect("a geometry");
        let volume = Volume::open(&self.bytes).expect("an undamaged volume");
        let records = (0..volume.mft().record_count()).map(|number| {
            let places = volume.mft().places(number).map(|extent| match extent.location {
                Location::At(position) => (position as usize, extent.length as usize),
                other => panic!("{other:?}"),
            });
            places.collect()
        });
        Sizes {
            sector: geometry.sector_size() as usize,
            backup: geometry.backup_boot_sector_offset() as usize,
            mirror: geometry.mirror_offset().expect("a mirror") as usize,
            mirror_size: (geometry.cluster_size() as usize).max(4 * geometry.record_size() as usize),
            records: records.collect(),
        }
    }

    /// The share of the paths that `found` has, in percent.
    fn recall(&self, found: &BTreeSet<String>) -> f64 {
        self.paths.intersection(found).count() as f64 * 100.0 / self.paths.len() as f64
    }

    fn assert_whole(&self, found: &BTreeSet<String>, what: &str) {
        let missing: Vec<_> = self.paths.difference(found).take(5).collect();
        assert!(missing.is_empty(), "{what}: {missing:?} and more are missing of {}", self.paths.len());
    }
}

/// Where the structures of a volume lie.
struct Sizes {
    sector: usize,
    backup: usize,
    mirror: usize,
    mirror_size: usize,
    /// The pieces of each record, in bytes of the image: position and length.
    records: Vec<Vec<(usize, usize)>>,
}

#[derive(Debug, Clone, Copy)]
enum Loss {
    Boot,
    Backup,
    Mirror,
    Records(usize, usize),
}
use Loss::{Backup, Boot, Mirror, Records};

impl Loss {
    fn apply(self, sizes: &Sizes, bytes: &mut [u8]) {
        let mut wipe = |start: usize, length: usize| {
            let end = (start + length).min(bytes.len());
            bytes[start.min(end)..end].fill(0);
        };
        match self {
            Boot => wipe(0, sizes.sector),
            Backup => wipe(sizes.backup, sizes.sector),
            Mirror => wipe(sizes.mirror, sizes.mirror_size),
            Records(first, end) => {
                for (position, length) in sizes.records[first..end.min(sizes.records.len())].iter().flatten() {
                    wipe(*position, *length);
                }
            }
        }
    }
}

/// A generator of numbers: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn is_below(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// The paths of every entry.
fn paths(volume: &Volume<'_>) -> BTreeSet<String> {
    let catalog = volume.catalog_with(&Threads::single());
    let mut builder = catalog.paths();
    let mut found = BTreeSet::new();
    for entry in catalog.entries() {
        found.extend(entry.links().iter().map(|link| builder.path(link.parent(), link.name()).text));
    }
    found
}

/// The same, also by names that only a scan finds.
fn all_paths(volume: &Volume<'_>) -> BTreeSet<String> {
    let catalog = volume.catalog_with(&Threads::single());
    let scanned = salvage::scan_for_names(&catalog, &Threads::single(), &mut |_| ());
    paths(&scanned.unwrap_or_else(|| volume.clone()))
}

fn the_only<'o, 's>(opened: &'o [Opened<'s>], what: &str) -> &'o Opened<'s> {
    let layers: Vec<_> = opened.iter().map(Opened::layer).collect();
    assert_eq!(layers, [Layer::Current], "{what}");
    &opened[0]
}

const VOLUMES: [&str; 6] = ["plain", "4kn", "64k_clusters", "deleted", "links_streams", "mft_attribute_list"];

#[test]
fn lost_structures_cost_no_name() {
    let losses: [&[Loss]; 9] = [
        &[],
        &[Boot],
        &[Boot, Backup],
        &[Records(0, 1)],
        &[Mirror],
        &[Records(0, 1), Mirror],
        &[Boot, Backup, Records(0, 1), Mirror],
        &[Records(5, 6)],
        &[Records(6, 7)],
    ];
    for name in VOLUMES {
        let known = Known::read(name);
        let sizes = known.sizes();
        for loss in losses {
            let what = format!("{name} without {loss:?}");
            let mut bytes = known.bytes.clone();
            loss.iter().for_each(|loss| loss.apply(&sizes, &mut bytes));
            let opened = salvage::open(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
            known.assert_whole(&paths(the_only(&opened, &what).volume()), &what);
        }
    }
}

#[test]
fn every_way_is_named() {
    let known = Known::read("plain");
    let sizes = known.sizes();
    let expected: [(&[Loss], OpenedBy); 4] = [
        (&[], OpenedBy::BootSector),
        (&[Boot], OpenedBy::BackupBootSector),
        (&[Boot, Backup], OpenedBy::Scan),
        (&[Records(0, 1), Mirror], OpenedBy::Scan),
    ];
    for (loss, way) in expected {
        let mut bytes = known.bytes.clone();
        loss.iter().for_each(|loss| loss.apply(&sizes, &mut bytes));
        let opened = salvage::open(&bytes).expect("a volume");
        assert_eq!(opened[0].opened_by(), way, "{loss:?}");
    }
    let table: Vec<u8> =
        sizes.records.iter().flatten().flat_map(|(at, length)| &known.bytes[*at..at + length]).copied().collect();
    let opened = salvage::open(&table).expect("a table");
    assert_eq!((opened[0].opened_by(), opened[0].layer()), (OpenedBy::BareTable, Layer::Loose));
    known.assert_whole(&paths(opened[0].volume()), "bare table");
}

#[test]
fn the_geometry_is_voted_as_the_boot_sector_had_it() {
    for name in VOLUMES {
        let known = Known::read(name);
        let sizes = known.sizes();
        let told = *Volume::open(&known.bytes).expect("a volume").geometry().expect("a geometry");
        let mut bytes = vec![0; 63 * 512];
        bytes.extend(&known.bytes);
        let volume = &mut bytes[63 * 512..];
        [Boot, Backup, Records(0, 1), Mirror].iter().for_each(|loss| loss.apply(&sizes, volume));
        let findings = Scanner::new(&bytes).run();
        let votes = findings.votes(&bytes, &Overrides::default());
        let vote = &votes[0];
        let found = (votes.len(), vote.start, vote.cluster_size, vote.record_size);
        assert_eq!(found, (1, 63 * 512, told.cluster_size(), told.record_size()), "{name}: {votes:?}");
        assert_eq!(vote.confidence(), Confidence::High, "{name}: {votes:?}");
        assert!(vote.volume_size.abs_diff(told.volume_size()) < u64::from(told.cluster_size()), "{name}: {vote:?}");
    }
}

#[test]
fn ghosts_name_what_the_lost_head_of_the_table_held() {
    for name in VOLUMES {
        let known = Known::read(name);
        let sizes = known.sizes();
        for end in [16, 64, sizes.records.len() / 2] {
            let mut bytes = known.bytes.clone();
            Records(0, end).apply(&sizes, &mut bytes);
            let opened = salvage::open(&bytes).expect("a volume");
            let found = all_paths(opened[0].volume());
            if end <= 64 {
                known.assert_whole(&found, &format!("{name} without {end} records"));
            }
            // What a lost directory kept in its own record is lost with it.
            assert!(known.recall(&found) >= 40.0, "{name} without {end} records: {}", known.recall(&found));
        }
    }
}

/// Wipes sectors of whole images, and asks for as many names as the design promises: a name counts
/// where a record or an index still has it.
#[test]
fn names_survive_lost_sectors() {
    for (percent, promised) in [(1, 99.0), (5, 97.0), (20, 85.0), (50, 50.0)] {
        let (mut all, mut found) = (0, 0);
        for (seed, name) in (1..).zip(["4kn", "deleted", "links_streams", "mft_attribute_list"]) {
            let known = Known::read(name);
            let mut bytes = known.bytes.clone();
            let mut random = Random(seed);
            bytes.chunks_mut(512).filter(|_| random.is_below(percent)).for_each(|sector| sector.fill(0));
            let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
            let mut names = BTreeSet::new();
            for opened in salvage::open(&bytes).expect("a volume") {
                names.extend(all_paths(opened.volume()).iter().map(|path| last(path)));
            }
            let wanted: BTreeSet<String> = known.paths.iter().map(|path| last(path)).collect();
            all += wanted.len();
            found += wanted.intersection(&names).count();
        }
        let recall = found as f64 * 100.0 / all as f64;
        println!("{percent} % of all sectors lost: {recall:.2} % of {all} names");
        assert!(recall >= promised, "{percent} %: {recall}");
    }
}

#[test]
fn volumes_side_by_side_stay_two() {
    let (a, b) = (Known::read("plain"), Known::read("mft_attribute_list"));
    for loss in [&[Boot, Backup][..], &[Boot, Backup, Records(0, 1), Mirror]] {
        let mut bytes = vec![0; 1 << 20];
        for known in [&a, &b] {
            let mut volume = known.bytes.clone();
            loss.iter().for_each(|loss| loss.apply(&known.sizes(), &mut volume));
            bytes.extend(volume);
            bytes.extend([0; 77 * 512]);
        }
        let opened = salvage::open(&bytes).expect("two volumes");
        let starts: Vec<_> = opened.iter().map(|opened| (opened.layer(), opened.start())).collect();
        let second = (1 << 20) + a.bytes.len() as u64 + 77 * 512;
        let mut sorted = starts.clone();
        sorted.sort_by_key(|(_, start)| *start);
        assert_eq!(sorted, [(Layer::Current, 1 << 20), (Layer::Current, second)], "{loss:?}");
        for one in &opened {
            let known = if one.start() == second { &b } else { &a };
            known.assert_whole(&paths(one.volume()), "side by side");
        }
    }
}

#[test]
fn another_volume_behind_the_first_is_found() {
    let (a, b) = (Known::read("plain"), Known::read("deleted"));
    let bytes = [&a.bytes[..], &vec![0; 2 << 20], &b.bytes].concat();
    let opened = salvage::open(&bytes).expect("two volumes");
    assert_eq!(opened.len(), 2, "{opened:?}");
    a.assert_whole(&paths(opened[0].volume()), "first");
    b.assert_whole(&paths(opened[1].volume()), "second");
}

#[test]
fn a_partition_without_boot_sectors_is_scanned() {
    let known = Known::read("disk_gpt");
    let whole = salvage::open(&known.bytes).expect("two volumes");
    let starts: Vec<u64> = whole.iter().map(Opened::start).collect();
    let expected: Vec<_> = whole.iter().map(|opened| paths(opened.volume())).collect();
    assert_eq!(starts.len(), 2);
    let mut bytes = known.bytes.clone();
    let size = whole[0].volume().geometry().expect("a geometry").volume_size();
    for at in [starts[0] as usize, (starts[0] + size) as usize] {
        bytes[at..at + 512].fill(0);
    }
    let opened = salvage::open(&bytes).expect("two volumes");
    let found: Vec<_> = opened.iter().map(|opened| (opened.start(), opened.opened_by())).collect();
    assert_eq!(found, [(starts[0], OpenedBy::Scan), (starts[1], OpenedBy::BootSector)]);
    assert_eq!(opened.iter().map(|opened| paths(opened.volume())).collect::<Vec<_>>(), expected);
}

#[test]
fn a_nested_volume_is_labelled_with_its_file() {
    // The start of a volume is put into the longest run of a file.
    let (outer, inner) = (Known::read("mft_attribute_list"), Known::read("plain"));
    let volume = Volume::open(&outer.bytes).expect("a volume");
    let catalog = volume.catalog_with(&Threads::single());
    let cluster_size = volume.geometry().expect("a geometry").cluster_size() as usize;
    let largest = catalog.entries().filter(|entry| entry.record_number() > 30).flat_map(|entry| {
        let runs = entry
            .streams()
            .iter()
            .flat_map(|stream| stream.data_runs().filter_map(Result::ok).collect::<Vec<_>>())
            .collect::<Vec<_>>();
        runs.into_iter().filter_map(move |run| Some((run.clusters, run.lcn?, entry.record_number())))
    });
    let (clusters, lcn, record) = largest.max().expect("a file with clusters");
    let room = clusters as usize * cluster_size;
    let part = &inner.bytes[..room.min(inner.bytes.len())];
    let mut bytes = outer.bytes.clone();
    bytes[lcn as usize * cluster_size..][..part.len()].copy_from_slice(part);
    let findings = Scanner::new(&bytes).run();
    let opened = findings.open(&bytes, &Overrides::default(), &Threads::single()).expect("volumes");
    let layers: Vec<_> = opened.iter().map(Opened::layer).collect();
    assert_eq!(layers[0], Layer::Current);
    assert_eq!(layers[1..], [Layer::NestedIn(record)]);
    assert_eq!(paths(opened[0].volume()), paths(&volume));
}

#[test]
fn a_quick_format_leaves_the_older_volume_as_a_layer() {
    let old = Known::read("plain");
    let sizes = old.sizes();
    let mut bytes = old.bytes.clone();
    // What a format writes anew: the first records, of which the first says that there are no more.
    let mut records: Vec<Vec<u8>> = sizes.records.iter().map(|pieces| bytes[pieces[0].0..][..1024].to_vec()).collect();
    let kept = 64 * 1024_u64;
    let find =
        |record: &[u8]| (0..1000).find(|&at| record[at..at + 4] == [0x80, 0, 0, 0] && at % 8 == 0).expect("$DATA");
    let data = find(&records[0]);
    records[0][data + 48..data + 56].copy_from_slice(&kept.to_le_bytes());
    records[0][data + 56..data + 64].copy_from_slice(&kept.to_le_bytes());
    bytes[sizes.records[0][0].0..][..1024].copy_from_slice(&records[0]);
    let findings = Scanner::new(&bytes).run();
    let opened = findings.open(&bytes, &Overrides::default(), &Threads::single()).expect("volumes");
    let layers: Vec<_> = opened.iter().map(Opened::layer).collect();
    assert_eq!(layers, [Layer::Current, Layer::OldFormat]);
    assert_eq!(opened[0].volume().mft().record_count(), 64);
    old.assert_whole(&paths(opened[1].volume()), "old format");
    assert!(old.recall(&paths(opened[0].volume())) < 10.0, "old files are not in the new volume");
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let mut random = Random(7);
    let noise: Vec<u8> = (0..2 << 18).flat_map(|_| random.next().to_le_bytes()).collect();
    for bytes in
        [noise, vec![0; 1 << 20], vec![0xFF; 4097], Vec::new(), b"FILE".repeat(1 << 18), b"INDX".repeat(1 << 18)]
    {
        let error = salvage::open(&bytes).expect_err("nothing is there");
        assert!(error.to_string().starts_with("nothing of NTFS was found"), "{error}");
    }
}

#[test]
fn findings_do_not_depend_on_threads() {
    let known = Known::read("mft_attribute_list");
    let one = Scanner::new(&known.bytes).run_with(&Threads::single());
    assert_eq!(one, Scanner::new(&known.bytes).run_with(&Threads::new(3)));
    assert!(one.is_complete());
    assert!(one.records().is_sorted_by_key(|hit| hit.offset));
}

#[test]
fn a_volume_out_of_step_with_sectors_is_found() {
    let known = Known::read("plain");
    let mut bytes = vec![0; 1234];
    bytes.extend(&known.bytes);
    let opened = salvage::open(&bytes).expect("a volume");
    assert_eq!(the_only(&opened, "out of step").start(), 1234);
    known.assert_whole(&paths(opened[0].volume()), "out of step");
}

#[test]
fn any_damage_is_survived() {
    let known = Known::read("deleted");
    let mut random = Random(11);
    for _ in 0..12 {
        let mut bytes = known.bytes.clone();
        for _ in 0..4000 {
            let at = random.next() as usize % bytes.len();
            bytes[at] = random.next() as u8;
        }
        // Where records are: what is parsed deepest.
        for _ in 0..4000 {
            let at = 16_384 + random.next() as usize % (200 * 1024);
            bytes[at] = random.next() as u8;
        }
        let findings = Scanner::new(&bytes).run();
        for opened in findings.open(&bytes, &Overrides::default(), &Threads::single()).into_iter().flatten() {
            let _ = all_paths(opened.volume());
        }
    }
}
