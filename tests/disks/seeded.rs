//! Disks by seed: one to four volumes and foreign systems, under tables of every kind.
//!
//! `NTFS_SALVAGE_DISKS=2000 cargo test --test disks seeded -- --nocapture` runs as many as asked for.

use super::forge::Forged;
use super::{check_intact, open, starts, volume};

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % limit
    }
}

const STEP: usize = 5 << 20;
const M: usize = 1 << 20;

/// Writes what another system starts with.
fn put_foreign(disk: &mut Forged, at: usize, which: u64) -> &'static str {
    let (offset, signature, code): (usize, &[u8], &str) = match which {
        0 => (3, b"-FVE-FS-", "bitlocker"),
        1 => (3, b"ReFS\0\0\0\0", "refs"),
        2 => (3, b"EXFAT   ", "exfat"),
        3 => (0, b"LUKS\xBA\xBE\0\x02", "luks"),
        4 => (32, b"NXSB\0\x10\0\0", "apfs"),
        5 => (0x1_0040, b"_BHRfS_M", "btrfs"),
        6 => (4086, b"SWAPSPACE2", "linux-swap"),
        _ => (0x8001, b"CD001\x01", "iso9660"),
    };
    disk.put(at + offset, signature);
    code
}

#[test]
fn seeded_disks_are_accounted_for_to_the_last_sector() {
    let count: u64 = std::env::var("NTFS_SALVAGE_DISKS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let originals = ["plain.img", "deleted.img", "links_streams.img"].map(volume);
    let (mut volumes, mut foreign, mut intact) = (0, 0, 0);
    for seed in 0..count {
        let mut random = Random(seed);
        let unit = 512 << random.below(5);
        let slots = 1 + random.below(4) as usize;
        let mut disk = Forged::new(M + slots * STEP);
        let (mut entries, mut expected, mut named, mut first) = (Vec::new(), Vec::new(), Vec::new(), true);
        for slot in 0..slots {
            let at = M + slot * STEP;
            let is_ntfs = std::mem::take(&mut first) || random.below(3) > 0;
            let mut length = STEP - M;
            if is_ntfs {
                let original = &originals[random.below(3) as usize];
                disk.put(at, original);
                expected.push((at, original));
                // A table that somebody shrank: the volume behind the entry goes on.
                if random.below(3) == 0 {
                    length = M;
                }
            } else {
                named.push((at, put_foreign(&mut disk, at, random.below(8))));
            }
            entries.push((if is_ntfs { 7 } else { 0x0B }, (at / unit) as u32, (length / unit) as u32));
        }
        // Tables do not list their partitions in order.
        if random.below(2) == 0 {
            entries.reverse();
        }
        disk.boot_record(&entries);
        let found = open(&disk.bytes, None);
        assert_eq!(starts(&found), expected.iter().map(|(at, _)| *at as u64).collect::<Vec<_>>(), "seed {seed}");
        for (at, original) in &expected {
            let opened = found.volumes.iter().find(|opened| opened.start() == *at as u64).unwrap();
            intact += check_intact(opened.volume(), original);
        }
        let unread = found.unread.iter().map(|unread| (unread.partition.start as usize, unread.content.code()));
        let mut unread: Vec<_> = unread.collect();
        unread.sort_unstable();
        assert_eq!(unread, named, "seed {seed}");
        let tabled = found.partitions.iter().map(|one| (one.start, one.start + one.size));
        let mut spans: Vec<_> = tabled.chain(found.outside.iter().map(|range| (range.start, range.end))).collect();
        spans.sort_unstable();
        let end = spans.iter().fold(63 * 512, |end, &(start, stop)| if start <= end { stop.max(end) } else { end });
        assert_eq!(end, disk.bytes.len() as u64, "seed {seed}: {spans:?}");
        volumes += expected.len();
        foreign += named.len();
    }
    println!("{count} disks, {volumes} volumes, {foreign} foreign systems, {intact} files intact and right");
    assert!(intact > 0);
}
