//! Tables that have partitions in the wrong places, or have lost some.

use ntfs_salvage::salvage::{Discovery, Opening, ScanReason};
use ntfs_salvage::{DamageKind, Threads, Volume};

use super::forge::Forged;
use super::{check_intact, contents, open, starts, volume};

const M: usize = 1 << 20;
const NAMES: [&str; 3] = ["plain.img", "64k_clusters.img", "4kn.img"];

/// Every file of `name` is found whole and intact in the volume that starts there.
fn assert_all_intact(found: &Discovery<'_>, start: usize, name: &str) {
    let original = volume(name);
    let opened = found.volumes.iter().find(|opened| opened.start() == start as u64);
    let opened = opened.unwrap_or_else(|| panic!("{name} at {start}: {:?}", starts(found)));
    let all = contents(&Volume::open(&original).unwrap()).len();
    assert_eq!(check_intact(opened.volume(), &original), all, "{name} at {start}");
}

#[test]
fn a_partition_that_starts_behind_its_volume_is_read_from_the_volumes_start() {
    for name in NAMES {
        let original = volume(name);
        for sectors in [1, 7, 8, 16, 63, 128, 1985] {
            for (is_gpt, has_boot) in [(false, true), (true, true), (true, false)] {
                let (start, late) = (4 * M, 4 * M + sectors * 512);
                let mut disk = Forged::new(6 * M + original.len().next_multiple_of(M));
                let size = disk.bytes.len();
                match is_gpt {
                    true => disk.guid_table(512, size, &[(late, original.len())]),
                    false => disk.boot_record(&[(7, (late / 512) as u32, (original.len() / 512) as u32)]),
                }
                disk.put(start, &original);
                if !has_boot {
                    disk.bytes[start..start + 512].fill(0);
                }
                for chosen in [false, true] {
                    let threads = Threads::single();
                    let opening = Opening::new(&disk.bytes).threads(&threads);
                    let found = if chosen { opening.partition(1).run() } else { opening.run() };
                    assert_eq!(starts(&found), [start as u64], "{name}, {sectors} sectors, chosen: {chosen}");
                    assert_all_intact(&found, start, name);
                    let is_late = |damage: &ntfs_salvage::Damage| {
                        damage.kind == DamageKind::PartitionLate { start: start as u64 }
                            && damage.place.offset == late as u64
                    };
                    assert!(found.disk_damage.iter().any(is_late), "{:?}", found.disk_damage);
                    assert!(found.unread.is_empty() && found.unopened.is_empty(), "{:?}", found.unread);
                    let partition = found.volumes[0].partition().map(|partition| partition.start);
                    assert_eq!(partition, Some(late as u64), "it is said to be in its partition");
                }
            }
        }
    }
}

/// Three volumes in logical partitions, and where each starts; their boot records are a MiB before them.
fn chain() -> (Forged, Vec<usize>) {
    let lengths = NAMES.map(|name| volume(name).len().next_multiple_of(M));
    let mut disk = Forged::new(10 * M + lengths.iter().sum::<usize>());
    let sectors = |bytes: usize| (bytes / 512) as u32;
    let (first, all) = (M, disk.bytes.len() - 2 * M);
    disk.boot_record(&[(5, sectors(first), sectors(all))]);
    let (mut record, mut places) = (first, Vec::new());
    for (name, length) in NAMES.into_iter().zip(lengths) {
        let next = record + M + length;
        let own = (7, sectors(M), sectors(length));
        let link = (5, sectors(next - first), sectors(M));
        let is_last = places.len() + 1 == NAMES.len();
        let entries = [own, link];
        disk.boot_record_at(record, if is_last { &entries[..1] } else { &entries });
        disk.put(record + M, &volume(name));
        places.push(record + M);
        record = next;
    }
    (disk, places)
}

#[test]
fn volumes_behind_a_boot_record_where_the_chain_breaks_off_are_found() {
    let (sound, places) = chain();
    let all: Vec<u64> = places.iter().map(|place| *place as u64).collect();
    let found = open(&sound.bytes, None);
    assert_eq!(starts(&found), all);
    assert!(!found.outside.is_empty(), "nothing is scanned where nothing is lost");
    let [_, second, third] = places[..] else { panic!("{places:?}") };
    type Break = Box<dyn Fn(&mut Forged)>;
    let breaks: [(&str, Break); 6] = [
        ("zeros", Box::new(move |disk| disk.bytes[second - M..second - M + 512].fill(0))),
        ("noise", Box::new(move |disk| disk.bytes[second - M..second - M + 512].fill(0xA7))),
        ("no signature", Box::new(move |disk| disk.put(second - M + 510, &[0, 0]))),
        ("a link to itself", Box::new(move |disk| disk.boot_record_at(second - M, &[(7, 2048, 2048), (5, 0, 100)]))),
        ("a link too far", Box::new(move |disk| disk.put(second - M + 462 + 8, &[0, 0, 0, 0x7F]))),
        ("the last one lost", Box::new(move |disk| disk.bytes[third - M..third - M + 512].fill(0))),
    ];
    for (what, damage) in breaks {
        let (mut disk, _) = chain();
        damage(&mut disk);
        let mut scans = Vec::new();
        let threads = Threads::single();
        let mut announce = |reason, _| scans.push(reason);
        let found = Opening::new(&disk.bytes).threads(&threads).announce(&mut announce).run();
        assert_eq!(starts(&found), all, "{what}");
        NAMES.into_iter().zip(&places).for_each(|(name, place)| assert_all_intact(&found, *place, name));
        assert!(found.outside.is_empty(), "{what}: it was looked at");
        assert!(scans.contains(&ScanReason::EntriesLost), "{what}: {scans:?}");
        let quiet = Opening::new(&disk.bytes).threads(&threads).without_scans().run();
        assert!(quiet.unscanned.iter().any(|(reason, _)| *reason == ScanReason::EntriesLost), "{what}");
        assert!(!quiet.outside.is_empty(), "{what}: it was not looked at");
    }
}

#[test]
fn volumes_of_a_guid_table_that_is_announced_and_not_there_are_found() {
    let mut disk = Forged::new(24 * M);
    let length = volume(NAMES[0]).len();
    // A hybrid disk: the boot record has one of the partitions, too.
    disk.guid_table(512, 24 * M, &[(2 * M, length), (12 * M, volume(NAMES[1]).len())]);
    disk.boot_record(&[(0xEE, 1, 2047), (7, (2 * M / 512) as u32, (length / 512) as u32)]);
    disk.put(2 * M, &volume(NAMES[0]));
    disk.put(12 * M, &volume(NAMES[1]));
    let all = [2 * M as u64, 12 * M as u64];
    assert_eq!(starts(&open(&disk.bytes, None)), all);
    disk.bytes[512..1024].fill(0);
    disk.bytes[24 * M - 512..].fill(0);
    let found = open(&disk.bytes, None);
    assert_eq!(starts(&found), all);
    assert_all_intact(&found, 2 * M, NAMES[0]);
    assert_all_intact(&found, 12 * M, NAMES[1]);
}
