//! Volumes that have lost what tells where they lie, or all of their records: what is left is still read, or named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use ntfs_salvage::recoverability::{RecoverabilityOptions, Verdict};
use ntfs_salvage::salvage::{Confidence, Layer, Opened, Opening, ScanReason};
use ntfs_salvage::source::Source;
use ntfs_salvage::structure::value::{FileName, Namespace};
use ntfs_salvage::structure::{IndexRecord, UpdateSequence};
use ntfs_salvage::volume::Location;
use ntfs_salvage::{DamageKind, EntryState, FileReference, ReadError, Threads, Volume};

use super::forge::Forged;
use super::{open, starts, volume};

const M: usize = 1 << 20;

/// Zeros both boot sectors, the mirror, and these records of the table.
fn lose(original: &[u8], records: std::ops::Range<u64>) -> Vec<u8> {
    let source = original.to_vec();
    let opened = Volume::open(&source).unwrap();
    let geometry = *opened.geometry().unwrap();
    let record_size = u64::from(geometry.record_size());
    let sector = u64::from(geometry.sector_size());
    let mut gone = vec![
        (0, 8192_u64.min(geometry.mft_offset().unwrap())),
        (geometry.backup_boot_sector_offset(), sector),
        (geometry.mirror_offset().unwrap(), u64::from(geometry.cluster_size()).max(4 * record_size)),
    ];
    for number in records.start..records.end.min(opened.mft().record_count()) {
        for extent in opened.mft().places(number) {
            if let Location::At(position) = extent.location {
                gone.push((position, extent.length));
            }
        }
    }
    let mut bytes = original.to_vec();
    for (start, length) in gone {
        let (start, end) = (start as usize, ((start + length) as usize).min(bytes.len()));
        bytes[start..end].fill(0);
    }
    bytes
}

/// Bytes and verdict of each stream with clusters, by its record's number, from a record on.
fn streams(volume: &Volume<'_>, first: u64) -> BTreeMap<(u64, String), (Vec<u8>, Verdict)> {
    let threads = Threads::single();
    let catalog = volume.catalog_with(&threads);
    let assessment = catalog.assessment(&threads, RecoverabilityOptions::default());
    let mut all = BTreeMap::new();
    let files = catalog.entries().filter(|entry| entry.state() == EntryState::Live && !entry.is_directory());
    for entry in files.filter(|entry| entry.record_number() >= first) {
        for stream in entry.streams().into_iter().filter(|stream| !stream.is_resident()) {
            let mut bytes = Vec::new();
            if stream.reader().copy_to(&mut bytes).is_ok() {
                let verdict = assessment.assess(&stream).verdict();
                all.insert((entry.record_number(), stream.name().to_string()), (bytes, verdict));
            }
        }
    }
    all
}

/// Every stream of the original from record 16 on is there with its bytes, and none is vouched for where nothing proves
/// the place: how many those are.
fn check(found: &Opened<'_>, original: &Vec<u8>, what: &str) -> usize {
    // Index records that stand where their directories say prove a place.
    let is_proved = found.vote().is_some_and(|vote| vote.confidence() == Confidence::High);
    let found = found.volume();
    let truth = streams(&Volume::open(original).unwrap(), 16);
    let read = streams(found, 16);
    for (key, (bytes, _)) in &truth {
        let (own, verdict) = read.get(key).unwrap_or_else(|| panic!("{what}: {key:?} is lost"));
        assert!(own == bytes, "{what}: {key:?} has other bytes");
        let is_hole = bytes.iter().all(|byte| *byte == 0);
        assert!(is_proved || is_hole || *verdict != Verdict::Intact, "{what}: {key:?}: nothing proves the place");
    }
    if is_proved { 0 } else { truth.len() }
}

const VOLUMES: [&str; 6] =
    ["plain.img", "deleted.img", "links_streams.img", "64k_clusters.img", "compressed_sparse.img", "4kn.img"];

#[test]
fn a_partitions_start_is_a_witness() {
    let mut count = 0;
    for name in VOLUMES {
        let original = volume(name);
        let lost = lose(&original, 0..16);
        // A volume without a table, one in a table, and one behind another.
        let found = open(&lost, None);
        assert_eq!(starts(&found), [0], "{name}");
        count += check(&found.volumes[0], &original, name);
        let end = M + lost.len();
        let other = volume("plain.img");
        let mut disk = Forged::new(end + other.len() + M);
        let sectors = |bytes: usize| (bytes / 512) as u32;
        disk.boot_record(&[(7, 2048, sectors(lost.len())), (7, sectors(end), sectors(other.len()))]);
        disk.put(M, &lost);
        disk.put(end, &other);
        let found = open(&disk.bytes, None);
        assert_eq!(starts(&found), [M as u64, end as u64], "{name}");
        let opened = found.volumes.iter().find(|opened| opened.start() == M as u64).unwrap();
        check(opened, &original, name);
        let scanned = Opening::new(&disk.bytes).threads(&Threads::single()).scan().run();
        assert_eq!(starts(&scanned), [M as u64, end as u64], "{name}, scanned");
        let opened = scanned.volumes.iter().find(|opened| opened.start() == M as u64).unwrap();
        check(opened, &original, name);
    }
    assert!(count > 5, "{count} streams of volumes without any other witness");
}

#[test]
fn a_start_that_the_run_lists_contradict_is_no_witness() {
    let original = volume("plain.img");
    let lost = lose(&original, 0..16);
    // The table of a volume alone, with a piece of other things before it: its clusters are not in this source.
    let opened = Volume::open(&original).unwrap();
    let geometry = opened.geometry().unwrap();
    let start = geometry.mft_offset().unwrap() as usize;
    let table = lost[start..start + 96 * 1024].to_vec();
    let source = [vec![0x5A; 8192], table].concat();
    let found = open(&source, None);
    assert!(!found.volumes.is_empty());
    assert!(found.volumes.iter().all(|opened| opened.layer() == Layer::Loose), "{:?}", starts(&found));
}

/// Directory, name, size and time of change of each entry in the INDX records of a source.
type Named = (FileReference, String, u64, u64);

fn indexed(source: &[u8]) -> BTreeSet<Named> {
    let mut all = BTreeSet::new();
    for at in (0..source.len() - 4096).step_by(512).filter(|at| source[*at..].starts_with(b"INDX")) {
        let mut bytes = source[at..at + 4096].to_vec();
        UpdateSequence::check(&bytes, 40, 4096).apply(&mut bytes);
        let Ok(record) = IndexRecord::parse(&bytes) else { continue };
        for entry in record.entries().filter_map(Result::ok) {
            let name = FileName::parse(entry.key()).ok().filter(|name| !name.parent().is_zero());
            // Views have keys of other lengths.
            all.extend(name.filter(|name| 66 + name.name().bytes().len() == entry.key().len()).map(|name| told(&name)));
        }
    }
    all
}

fn told(name: &FileName<'_>) -> Named {
    (name.parent(), name.name().to_string(), name.data_size(), name.modified().0)
}

#[test]
fn indexes_alone_bring_back_names_sizes_times_and_the_tree() {
    for name in ["4kn.img", "plain.img", "64k_clusters.img"] {
        let original = volume(name);
        let mut lost = lose(&original, 0..u64::MAX);
        let whole = indexed(&lost);
        assert!(whole.len() > 10, "{name}");
        for has_boot in [false, true] {
            if has_boot {
                lost[..512].copy_from_slice(&original[..512]);
            }
            let mut disk = Forged::new(M + lost.len() + M);
            disk.boot_record(&[(7, 2048, (lost.len() / 512) as u32)]);
            disk.put(M, &lost);
            for source in [&lost, &disk.bytes] {
                let found = open(source, None);
                let [opened] = &found.volumes[..] else { panic!("{name}: {} volumes", found.volumes.len()) };
                let layer = if has_boot { Layer::Current } else { Layer::Loose };
                assert_eq!(
                    opened.layer(),
                    layer,
                    "{name} {has_boot} {:?} {:?}",
                    opened.volume().source(),
                    opened.volume().geometry()
                );
                let catalog = opened.volume().catalog_with(&Threads::single());
                let entries: Vec<_> = catalog.entries().collect();
                assert!(entries.iter().all(|entry| entry.state() == EntryState::Ghost));
                let links = entries.iter().flat_map(|entry| entry.links().into_iter());
                let read: BTreeSet<Named> = links.map(|link| told(link.file_name())).collect();
                // The table itself is no file that was lost.
                let missing: Vec<_> = whole.difference(&read).filter(|name| name.1 != "$MFT").collect();
                assert!(missing.is_empty(), "{name}, boot sector {has_boot}: {missing:?}");
                let paths: Vec<_> = entries.iter().flat_map(ntfs_salvage::Entry::paths).collect();
                assert!(paths.iter().all(|path| path.text.starts_with('/')), "{paths:?}");
                let damage = opened.volume().damage().any(|one| matches!(one.kind, DamageKind::TableLost { .. }));
                assert!(damage, "{name}");
            }
        }
        if name == "4kn.img" {
            assert!(whole.len() > 90, "a directory of its own is among them");
        }
    }
}

#[test]
fn what_a_scan_found_without_a_volume_is_said() {
    let original = volume("plain.img");
    let mut bytes = vec![0; 4 * M];
    bytes[M..M + 512].copy_from_slice(&original[..512]);
    let error = Opening::new(&bytes).threads(&Threads::single()).run().into_volumes().unwrap_err().to_string();
    assert!(error.contains("boot sector") && error.contains(&M.to_string()), "{error}");
    // A record whose number is that of a table many times larger than the source.
    let geometry = *Volume::open(&original).unwrap().geometry().unwrap();
    let table = geometry.mft_offset().unwrap() as usize;
    let mut far = original[table..table + 1024].to_vec();
    far[44..48].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
    let mut bytes = vec![0x5A; M];
    bytes[66_048..67_072].copy_from_slice(&far);
    let error = Opening::new(&bytes).threads(&Threads::single()).run().into_volumes().unwrap_err().to_string();
    assert!(error.contains("FILE record"), "{error}");
}

/// A source of 419 GB with a few bytes: all else is holes.
struct Sparse {
    bytes: Vec<u8>,
    read: AtomicU64,
}

const LARGE: u64 = 419_000_000_000;

impl Source for Sparse {
    fn size(&self) -> u64 {
        LARGE
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let length = buffer.len().min(usize::try_from(LARGE - offset.min(LARGE)).unwrap());
        buffer[..length].fill(0);
        let data = self.bytes.read_at(offset, &mut buffer[..length])?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        assert!(data <= length);
        Ok(length)
    }

    fn is_hole(&self, range: std::ops::Range<u64>) -> bool {
        range.start >= self.bytes.len() as u64
    }
}

#[test]
fn holes_of_a_large_image_are_not_read_and_a_scan_is_announced() {
    let source = Sparse { bytes: lose(&volume("plain.img"), 0..16), read: AtomicU64::new(0) };
    let mut announced = Vec::new();
    let mut announce = |reason, range| announced.push((reason, range));
    let found = Opening::new(&source).threads(&Threads::single()).announce(&mut announce).run();
    assert_eq!(starts(&found), [0]);
    let read = source.read.load(Ordering::Relaxed);
    assert!(read < 64 << 20, "{read} bytes were read");
    assert_eq!(announced, [(ScanReason::NothingOpened, 0..LARGE)]);
    source.read.store(0, Ordering::Relaxed);
    let found = Opening::new(&source).threads(&Threads::single()).without_scans().run();
    assert!(found.volumes.is_empty());
    assert_eq!(found.unscanned, [(ScanReason::NothingOpened, 0..LARGE)]);
    assert!(source.read.load(Ordering::Relaxed) < 8 << 20);
}

/// Pages of the log with an image of a record in each, whose name crosses the end of a stride.
fn log(records: &[(Vec<u8>, usize)]) -> Vec<u8> {
    let mut log = Vec::new();
    for (number, (record, name)) in (3_u8..).zip(records) {
        let mut page = vec![0x33; 4096];
        page[..8].copy_from_slice(b"RCRD\x28\0\x09\0");
        page[0x28..0x2A].copy_from_slice(&[number, 0]);
        let start = (1022 - name) & !7;
        page[start..start + record.len()].copy_from_slice(record);
        for stride in 0..8 {
            let end = stride * 512 + 510;
            let saved = [page[end], page[end + 1]];
            page[0x2A + 2 * stride..0x2C + 2 * stride].copy_from_slice(&saved);
            page[end..end + 2].copy_from_slice(&[number, 0]);
        }
        log.extend(page);
    }
    log
}

#[test]
fn records_in_pages_of_the_log_have_all_their_bytes() {
    let original = volume("links_streams.img");
    let opened = Volume::open(&original).unwrap();
    let mut images = Vec::new();
    let mut truth = BTreeSet::new();
    for number in 64..opened.mft().record_count() {
        let record = opened.mft().record(number).unwrap();
        let names = record.attributes().filter_map(Result::ok).filter_map(|one| {
            let (name, _) = one.file_name().ok()?;
            (name.namespace() != Namespace::DOS).then(|| name.name().to_string())
        });
        let Some(name) = names.into_iter().next() else { continue };
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let Some(at) = record.bytes().windows(wide.len()).position(|window| window == wide) else { continue };
        if wide.len() >= 16 && record.header().is_in_use() && record.is_base_record() {
            images.push((record.bytes().to_vec(), at + 6));
            truth.insert((number, name));
        }
    }
    assert!(truth.len() > 10);
    let log = log(&images);
    let found = open(&log, None);
    let mut read = BTreeSet::new();
    for opened in &found.volumes {
        let catalog = opened.volume().catalog_with(&Threads::single());
        for entry in catalog.entries().filter(|entry| entry.state() == EntryState::Live) {
            read.extend(entry.links().iter().map(|link| (entry.record_number(), link.name().to_string())));
        }
    }
    let missing: Vec<_> = truth.difference(&read).collect();
    assert!(missing.is_empty(), "{missing:?} of {}", truth.len());
}
