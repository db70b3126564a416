//! Disks by seed: one to four volumes and foreign systems, under tables of every kind: MBR and GUID tables in all units,
//! hybrid, short, overlapping, damaged and missing ones, and the databases of dynamic disks.
//!
//! A few run always; `cargo test --test disks -- --ignored seeded` runs 2,000 of each, and `NTFS_SALVAGE_DISKS` says how
//! many else.

use ntfs_salvage::recoverability::Verdict;
use ntfs_salvage::salvage::{Content, Layer};
use ntfs_salvage::volume::dynamic_disk::DynamicDisk;

use super::forge::{Dynamic, Forged};
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

/// How the table of a disk is, or is no longer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scheme {
    /// A master boot record that counts in any unit; entries may be shorter than what is in them.
    Mbr,
    Gpt,
    /// The primary table is lost, or the backup.
    GptPrimaryLost,
    GptBackupLost,
    /// One entry of the array is damaged: the checksums are wrong.
    GptDamaged,
    /// The MBR has the partitions, too, as on a Mac.
    Hybrid,
    /// What guards the table says another size.
    WrongGuard,
    /// The disk was copied to a larger one: the backup stands in the middle. The primary may be lost, too.
    Cloned,
    /// Two entries more, which overlap volumes.
    Overlapping,
    /// No table is left.
    Missing,
}

const SCHEMES: [Scheme; 10] = [
    Scheme::Mbr,
    Scheme::Gpt,
    Scheme::GptPrimaryLost,
    Scheme::GptBackupLost,
    Scheme::GptDamaged,
    Scheme::Hybrid,
    Scheme::WrongGuard,
    Scheme::Cloned,
    Scheme::Overlapping,
    Scheme::Missing,
];

/// A disk, and what is on it.
struct Seeded {
    disk: Forged,
    scheme: Scheme,
    /// Where volumes start, and which.
    volumes: Vec<(usize, usize)>,
    foreign: Vec<(usize, &'static str)>,
}

fn seeded(seed: u64, originals: &[Vec<u8>; 3]) -> Seeded {
    let mut random = Random(seed);
    let scheme = SCHEMES[random.below(SCHEMES.len() as u64) as usize];
    let has_array = !matches!(scheme, Scheme::Mbr | Scheme::Overlapping | Scheme::Missing);
    // GUID tables are on disks with sectors of 512 and 4096 bytes.
    let unit = if has_array { [512, 4096][random.below(2) as usize] } else { 512 << random.below(5) };
    let slots = 1 + random.below(4) as usize;
    let size = M + slots * STEP;
    let mut disk = Forged::new(if scheme == Scheme::Cloned { size + 3 * M } else { size });
    let (mut entries, mut volumes, mut foreign, mut first) = (Vec::new(), Vec::new(), Vec::new(), true);
    for slot in 0..slots {
        let at = M + slot * STEP;
        let is_ntfs = std::mem::take(&mut first) || random.below(3) > 0;
        let mut length = STEP - M;
        if is_ntfs {
            let which = random.below(3) as usize;
            disk.put(at, &originals[which]);
            volumes.push((at, which));
            // A table that somebody shrank: the volume behind the entry goes on.
            if random.below(3) == 0 {
                length = M;
            }
        } else {
            foreign.push((at, put_foreign(&mut disk, at, random.below(8))));
        }
        entries.push((is_ntfs, at, length));
    }
    // Tables do not list their partitions in order.
    if random.below(2) == 0 {
        entries.reverse();
    }
    let kind = |is_ntfs| if is_ntfs { 7 } else { 0x0B };
    let in_units =
        |&(is_ntfs, at, length): &(bool, usize, usize)| (kind(is_ntfs), (at / unit) as u32, (length / unit) as u32);
    let mut records: Vec<_> = entries.iter().map(in_units).collect();
    let places: Vec<_> = entries.iter().map(|&(_, at, length)| (at, length)).collect();
    let last = size - unit;
    match scheme {
        Scheme::Missing => return Seeded { disk, scheme, volumes, foreign },
        Scheme::Mbr => disk.boot_record(&records),
        Scheme::Overlapping => {
            let (_, at, length) = entries[0];
            records.truncate(3);
            records.push((0x83, ((at + M / 2) / unit) as u32, (length / unit) as u32));
            disk.boot_record(&records);
            volumes.retain(|(at, _)| entries[..entries.len().min(3)].iter().any(|entry| entry.1 == *at));
        }
        _ => disk.guid_table(unit, size, &places),
    }
    match scheme {
        Scheme::GptPrimaryLost => disk.bytes[unit..2 * unit + 16_384].fill(0),
        Scheme::GptBackupLost => disk.bytes[last - 16_384..].fill(0),
        Scheme::GptDamaged => disk.bytes[2 * unit + 128 * slots + 5] ^= 0xFF,
        Scheme::Hybrid => {
            records.truncate(3);
            records.insert(0, (0xEE, 1, (M / unit - 1) as u32));
            disk.boot_record(&records);
        }
        Scheme::WrongGuard => disk.boot_record(&[(0xEE, 1, [u32::MAX, 1, 0][random.below(3) as usize])]),
        Scheme::Cloned if random.below(2) == 0 => disk.bytes[unit..unit + 92].fill(0),
        _ => {}
    }
    Seeded { disk, scheme, volumes, foreign }
}

/// Opens disks of these seeds, and holds what is found to what is on them.
fn run(seeds: std::ops::Range<u64>) {
    let originals = ["plain.img", "deleted.img", "links_streams.img"].map(volume);
    let (mut volumes, mut foreign, mut intact, count) = (0, 0, 0, seeds.end - seeds.start);
    for seed in seeds {
        let made = seeded(seed, &originals);
        let what = format!("seed {seed}, {:?}", made.scheme);
        let found = open(&made.disk.bytes, None);
        let expected: Vec<_> = made.volumes.iter().map(|(at, _)| *at as u64).collect();
        let is_lost = made.scheme == Scheme::Missing;
        if made.scheme == Scheme::Overlapping {
            // Of a fourth volume no table tells; one that is there is no less found for what lies over it.
            assert!(expected.iter().all(|at| starts(&found).contains(at)), "{what}");
        } else {
            assert_eq!(starts(&found), expected, "{what}");
        }
        for (at, which) in &made.volumes {
            let opened = found.volumes.iter().find(|opened| opened.start() == *at as u64).unwrap();
            intact += check_intact(opened.volume(), &originals[*which]);
        }
        volumes += made.volumes.len();
        foreign += made.foreign.len();
        if is_lost {
            continue;
        }
        let unread = found.unread.iter().map(|unread| (unread.partition.start as usize, unread.content.code()));
        let mut unread: Vec<_> = unread.filter(|(at, _)| (at - M).is_multiple_of(STEP)).collect();
        unread.sort_unstable();
        unread.dedup();
        let is_tabled = |(at, _): &&(usize, &str)| found.partitions.iter().any(|one| one.start == *at as u64);
        let named: Vec<_> = made.foreign.iter().filter(is_tabled).copied().collect();
        assert_eq!(unread, named, "{what}");
        let tabled = found.partitions.iter().map(|one| (one.start, one.start + one.size));
        let mut spans: Vec<_> = tabled.chain(found.outside.iter().map(|range| (range.start, range.end))).collect();
        spans.sort_unstable();
        // The copy of a GUID table stands behind all, or behind what a smaller disk had.
        let is_table = |gap: u64| gap <= 16_384 + 4096;
        let next = |end: u64, start: u64, stop: u64| {
            if start <= end || is_table(start - end) { stop.max(end) } else { end }
        };
        let end = spans.iter().fold(63 * 512, |end, &(start, stop)| next(end, start, stop));
        let behind = made.disk.bytes.len() as u64 - end;
        assert!(is_table(behind), "{what}: {behind} bytes are in no account: {spans:?}");
    }
    println!("{count} disks, {volumes} volumes, {foreign} foreign systems, {intact} files intact and right");
    assert!(intact > 0);
}

/// Dynamic disks of these seeds: simple and spanned volumes, whose parts lie in any order.
fn run_dynamic(seeds: std::ops::Range<u64>) {
    const FIRST: u64 = 63;
    let originals = ["plain.img", "deleted.img", "links_streams.img"].map(volume);
    let (mut volumes, mut incomplete, count) = (0, 0, seeds.end - seeds.start);
    for seed in seeds {
        let mut random = Random(seed ^ 0xD15C);
        let made: Vec<usize> = (0..1 + random.below(3)).map(|_| random.below(3) as usize).collect();
        // Offset in its volume, and sectors, of each part.
        let mut parts: Vec<(usize, u64, u64)> = Vec::new();
        for (index, which) in made.iter().enumerate() {
            let sectors = (originals[*which].len() / 512) as u64;
            let mut at = 0;
            for _ in 0..random.below(3) {
                let length = 8 * (1 + random.below((sectors - at) / 8 - 1).min(300));
                parts.push((index, at, length));
                at += length;
                if sectors - at < 32 {
                    break;
                }
            }
            parts.push((index, at, sectors - at));
        }
        for place in (1..parts.len()).rev() {
            parts.swap(place, random.below(place as u64 + 1) as usize);
        }
        let mut disk = Forged::new(16 * M);
        disk.boot_record(&[(0x42, FIRST as u32, (16 * 2048 - FIRST) as u32)]);
        let mut dynamic: Vec<Dynamic> = made
            .iter()
            .map(|which| Dynamic { layout: 2, sectors: (originals[*which].len() / 512) as u64, ..Dynamic::default() })
            .collect();
        let mut next = 8 * random.below(50);
        for &(index, at, length) in &parts {
            let bytes = &originals[made[index]][at as usize * 512..(at + length) as usize * 512];
            let is_here = random.below(12) > 0;
            if is_here {
                disk.put(((FIRST + next) * 512) as usize, bytes);
            }
            dynamic[index].parts.push(((next, at, length, 0), is_here));
            next += length + 8 * random.below(3);
        }
        disk.database(&dynamic);
        let read = DynamicDisk::read(&disk.bytes).unwrap_or_else(|| panic!("seed {seed}"));
        let found = open(&disk.bytes, Some(&read));
        let mut unread = found.unread.iter();
        let mut expected = std::collections::BTreeSet::new();
        for (index, volume) in dynamic.iter().enumerate() {
            let original = &originals[made[index]];
            let first = volume.parts.iter().find(|((_, at, ..), _)| *at == 0).map(|((start, ..), _)| *start).unwrap();
            let start = (FIRST + first) * 512;
            expected.insert(start);
            let opened = found.volumes.iter().find(|opened| opened.start() == start);
            if volume.parts.iter().all(|(_, is_here)| *is_here) {
                let opened = opened.unwrap_or_else(|| panic!("seed {seed}: volume {index}"));
                let truth = super::contents(&ntfs_salvage::Volume::open(original).unwrap());
                let own = super::contents(opened.volume());
                assert!(own.len() == truth.len(), "seed {seed}");
                assert!(own.iter().all(|(path, (bytes, _))| truth[path].0 == *bytes), "seed {seed}");
                assert!(check_intact(opened.volume(), original) > 0, "seed {seed}");
                volumes += 1;
                continue;
            }
            let said = unread.next().map(|unread| unread.content.clone());
            assert!(matches!(said, Some(Content::DynamicVolume(_))), "seed {seed}: {said:?}");
            incomplete += 1;
            // Where nothing else is left, a scan finds its first part; nothing of it is vouched for.
            for (path, (bytes, verdict)) in opened.into_iter().flat_map(|opened| super::contents(opened.volume())) {
                assert!(bytes.len() < 1024 || verdict != Verdict::Intact, "seed {seed}: {path}");
            }
        }
        for opened in found.volumes.iter().filter(|opened| !expected.contains(&opened.start())) {
            let told = (opened.start(), opened.layer(), opened.vote().map(|vote| vote.votes));
            assert!(opened.layer() != Layer::Current, "seed {seed}: {told:?} is invented, there are {expected:?}");
        }
        assert!(unread.next().is_none(), "seed {seed}");
    }
    println!("{count} dynamic disks, {volumes} volumes, {incomplete} incomplete ones named");
    assert!(volumes > 0);
}

fn count(usual: u64) -> u64 {
    std::env::var("NTFS_SALVAGE_DISKS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn seeded_disks_are_accounted_for_to_the_last_sector() {
    run(0..24);
}

#[test]
fn seeded_dynamic_disks_are_put_together_or_named() {
    run_dynamic(0..12);
}

#[test]
#[ignore = "takes minutes"]
fn seeded_disks_in_great_number() {
    run(0..count(2000));
}

#[test]
#[ignore = "takes minutes"]
fn seeded_dynamic_disks_in_great_number() {
    run_dynamic(0..count(2000));
}
