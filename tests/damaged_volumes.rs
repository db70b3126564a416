//! Volumes that lost their boot sectors, the start of their table, or sectors at random: of what is left nothing wrong is
//! vouched for, and nothing that was not touched is lost.
//!
//! The small volumes of `testdata` always; those of the corpus on request:
//! `cargo test --release --test damaged_volumes -- --ignored --nocapture`.

#![allow(missing_docs, reason = "a test")]

#[allow(dead_code, reason = "shared with the tests that list the corpus")]
mod sparse_container;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ntfs_salvage::content::Origin;
use ntfs_salvage::recoverability::{ByteStatus, RecoverabilityOptions, Verdict};
use ntfs_salvage::salvage::{Layer, Opened, Opening};
use ntfs_salvage::source::{DamageMap, RescuedOnly, Source};
use ntfs_salvage::volume::Location;
use ntfs_salvage::{Entry, EntryState, Stream, Threads};

/// Record and sequence number, and the stream's name.
type Key = (u64, u16, String);

struct Known {
    content: Vec<u8>,
    /// Where its records and clusters lie in the image; none for what need not come back.
    places: Option<Vec<Range<u64>>>,
}

/// A sound image, and what is in it.
struct Sound {
    bytes: Vec<u8>,
    streams: BTreeMap<Key, Vec<Known>>,
    volumes: Vec<Anatomy>,
}

/// Where the parts of a volume lie in the image.
struct Anatomy {
    whole: Range<u64>,
    boots: [Range<u64>; 2],
    records: Vec<Range<u64>>,
    mirror: Range<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Damaged {
    Boots,
    FirstRecord,
    FirstRecords,
    All,
    Sectors,
}

const DAMAGES: [Damaged; 5] =
    [Damaged::Boots, Damaged::FirstRecord, Damaged::FirstRecords, Damaged::All, Damaged::Sectors];

fn read(stream: &Stream<'_>) -> Vec<u8> {
    let size = usize::try_from(stream.map().size()).unwrap_or(usize::MAX).min(64 << 20);
    let mut bytes = vec![0; size];
    stream.reader().fill_missing(true).read_at(0, &mut bytes);
    bytes
}

fn current<'s>(source: &'s dyn Source, threads: &Threads) -> Vec<Opened<'s>> {
    let found = Opening::new(source).threads(threads).run().volumes;
    found.into_iter().filter(|opened| opened.layer() == Layer::Current).collect()
}

/// All that a file needs: its records, its list, and the clusters of the stream.
fn places(opened: &Opened<'_>, entry: &Entry<'_>, stream: &Stream<'_>) -> Vec<Range<u64>> {
    let (volume, start) = (opened.volume(), opened.start());
    let numbers = std::iter::once(entry.record_number())
        .chain(entry.extension_records().iter().map(ntfs_salvage::Record::number));
    let mut found: Vec<Range<u64>> = Vec::new();
    for number in numbers {
        found.extend(volume.mft().places(number).filter_map(|extent| match extent.location {
            Location::At(at) => Some(start + at..start + at + extent.length),
            _ => None,
        }));
    }
    // What the bytes are decompressed from may stand in another stream.
    let is_overlay = stream.name().is_empty() && stream.map().chunks().is_some();
    for other in entry.streams().iter().filter(|other| is_overlay || other.name() == stream.name()) {
        for range in other.raw().map().ranges() {
            if let Origin::Clusters(at) = range.origin {
                found.push(start + at..start + at + range.length);
            }
        }
    }
    let cluster = volume.geometry().map_or(0, |geometry| u64::from(geometry.cluster_size()));
    let lists = entry.attributes_of(ntfs_salvage::structure::AttributeType::ATTRIBUTE_LIST);
    for list in lists {
        let runs = list.non_resident().and_then(|piece| piece.data_runs().ok()).into_iter().flatten();
        for run in runs.filter_map(Result::ok) {
            let at = start + run.lcn.unwrap_or(0) * cluster;
            found.push(at..at + run.clusters * cluster);
        }
    }
    found
}

impl Sound {
    fn new(bytes: Vec<u8>) -> Self {
        let threads = Threads::single();
        let mut sound = Self { bytes, streams: BTreeMap::new(), volumes: Vec::new() };
        let bytes = std::mem::take(&mut sound.bytes);
        for opened in current(&bytes, &threads) {
            sound.take(&opened, &threads);
        }
        Self { bytes, ..sound }
    }

    fn take(&mut self, opened: &Opened<'_>, threads: &Threads) {
        let (volume, start) = (opened.volume(), opened.start());
        let Some(geometry) = volume.geometry().filter(|_| volume.damage().next().is_none()) else { return };
        let record = u64::from(geometry.record_size());
        let (Some(table), Some(mirror)) = (geometry.mft_offset(), geometry.mirror_offset()) else { return };
        let sector = |at: u64| start + at..start + at + 512;
        self.volumes.push(Anatomy {
            whole: start..(start + geometry.volume_size()).min(start + volume.source().size()),
            boots: [sector(0), sector(geometry.backup_boot_sector_offset())],
            records: (0..16)
                .map(|number| start + table + number * record..start + table + (number + 1) * record)
                .collect(),
            mirror: start + mirror..start + mirror + 4 * record,
        });
        let catalog = volume.catalog_with(threads);
        let assessment = catalog.assessment(threads, RecoverabilityOptions::default().read_all(true));
        for entry in catalog.entries() {
            for stream in entry.streams() {
                let is_whole = assessment.assess(&stream).verdict() == Verdict::Intact;
                let is_user = entry.record_number() >= 24 && entry.state() == EntryState::Live;
                let places = (is_whole && is_user).then(|| places(opened, &entry, &stream));
                let key = (entry.record_number(), entry.sequence_number(), stream.name().to_string());
                self.streams.entry(key).or_default().push(Known { content: read(&stream), places });
            }
        }
    }

    fn bad(&self, damage: Damaged, seed: u64) -> Vec<Range<u64>> {
        let mut bad = Vec::new();
        for volume in &self.volumes {
            let first_mirrored =
                volume.mirror.start..volume.mirror.start + (volume.mirror.end - volume.mirror.start) / 4;
            match damage {
                Damaged::Boots => bad.extend(volume.boots.clone()),
                Damaged::FirstRecord => bad.extend([volume.records[0].clone(), first_mirrored]),
                Damaged::FirstRecords => bad.extend(volume.records.clone()),
                Damaged::All => {
                    bad.extend(volume.boots.clone());
                    bad.extend(volume.records.clone());
                    bad.push(volume.mirror.clone());
                }
                Damaged::Sectors => {
                    let mut state = seed | 1;
                    for sector in volume.whole.start / 512..volume.whole.end / 512 {
                        state ^= state << 13;
                        state ^= state >> 7;
                        state ^= state << 17;
                        if state.is_multiple_of(20) {
                            bad.push(sector * 512..(sector + 1) * 512);
                        }
                    }
                }
            }
        }
        bad.sort_by_key(|range| range.start);
        bad
    }

    /// What is wrong after some damage.
    fn faults(&self, damage: Damaged, scans: bool, has_map: bool, seed: u64) -> Vec<String> {
        let bad = self.bad(damage, seed);
        let mut bytes = self.bytes.clone();
        for range in &bad {
            let end = (range.end as usize).min(bytes.len());
            bytes[(range.start as usize).min(end)..end].fill(0);
        }
        let size = bytes.len() as u64;
        let map = DamageMap::of_reads(size, &gaps(&bad, size), &bad);
        let rescued = RescuedOnly::new(&bytes, map);
        let source: &dyn Source = if has_map { &rescued } else { &bytes };
        let threads = Threads::single();
        let opening = Opening::new(source).threads(&threads);
        let found = if scans { opening.scan() } else { opening }.run().volumes;
        let mut back: BTreeMap<Key, Vec<Vec<u8>>> = BTreeMap::new();
        let mut faults = Vec::new();
        for opened in &found {
            let catalog = opened.volume().catalog_with(&threads);
            let options = RecoverabilityOptions::default().read_all(true).trust_zeros(has_map);
            let assessment = catalog.assessment(&threads, options);
            for entry in catalog.entries() {
                for stream in entry.streams() {
                    let key = (entry.record_number(), entry.sequence_number(), stream.name().to_string());
                    let content = read(&stream);
                    let assessed = assessment.assess(&stream);
                    let vouched: Vec<Range<usize>> = assessed
                        .ranges()
                        .iter()
                        .filter(|part| matches!(part.standing, ByteStatus::Intact | ByteStatus::Zeros))
                        .map(|part| part.range.offset as usize..(part.range.end() as usize).min(content.len()))
                        .collect();
                    let is_right = |known: &Known| {
                        let has_size = assessed.verdict() != Verdict::Intact || known.content.len() == content.len();
                        has_size
                            && vouched.iter().all(|part| known.content.get(part.clone()) == content.get(part.clone()))
                    };
                    let own = self.streams.get(&key).into_iter().flatten();
                    let of_orphans = self.streams.iter().filter(|(known, _)| known.2 == key.2).flat_map(|(_, all)| all);
                    let is_known = own.clone().any(is_right)
                        || (entry.state() == EntryState::Orphan && of_orphans.clone().any(is_right));
                    if !is_known && (!vouched.is_empty() || assessed.verdict() == Verdict::Intact) {
                        faults.push(format!(
                            "{} {}-{}:{} in {} is {} {}, and wrong",
                            entry.state().name(),
                            key.0,
                            key.1,
                            key.2,
                            opened.layer(),
                            assessed.verdict(),
                            assessed.reasons(),
                        ));
                    }
                    back.entry(key).or_default().push(content);
                }
            }
        }
        faults.extend(self.lost(&bad, &back));
        let how =
            format!("{damage:?}{}{}", if scans { ", scanned" } else { "" }, if has_map { ", with a map" } else { "" });
        faults.into_iter().map(|fault| format!("{how}: {fault}")).collect()
    }

    /// Streams that no damage has touched and that did not come back.
    fn lost(&self, bad: &[Range<u64>], back: &BTreeMap<Key, Vec<Vec<u8>>>) -> Vec<String> {
        let mut faults = Vec::new();
        for (key, all) in &self.streams {
            for known in all {
                let is_hit = |place: &Range<u64>| bad.iter().any(|bad| bad.start < place.end && place.start < bad.end);
                let Some(places) = known.places.as_ref().filter(|places| !places.iter().any(is_hit)) else { continue };
                let has = back.get(key).is_some_and(|found| found.contains(&known.content));
                if !has {
                    faults.push(format!("{}-{}:{} at {:?} is lost", key.0, key.1, key.2, places.first()));
                }
            }
        }
        faults
    }

    fn all_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (seed, damage) in (0x9E37_79B9_u64..).zip(DAMAGES) {
            for (scans, has_map) in [(false, false), (false, true), (true, false), (true, true)] {
                faults.extend(self.faults(damage, scans, has_map, seed));
            }
        }
        faults
    }
}

/// What lies between the ranges, up to `size`.
fn gaps(ranges: &[Range<u64>], size: u64) -> Vec<Range<u64>> {
    let mut position = 0;
    let mut found = Vec::new();
    for range in ranges {
        if range.start > position {
            found.push(position..range.start);
        }
        position = position.max(range.end);
    }
    if position < size {
        found.push(position..size);
    }
    found
}

fn assert_no_faults(images: impl Iterator<Item = (String, Vec<u8>)>) {
    let (mut volumes, mut all) = (0, Vec::new());
    for (name, bytes) in images {
        let sound = Sound::new(bytes);
        let faults = sound.all_faults();
        println!("{name}: {} volumes, {} streams, {} faults", sound.volumes.len(), sound.streams.len(), faults.len());
        volumes += sound.volumes.len();
        all.extend(faults.into_iter().map(|fault| format!("{name}, {fault}")));
    }
    assert!(volumes > 0, "nothing was damaged");
    all.sort();
    assert!(all.is_empty(), "{} faults:\n{}", all.len(), all[..all.len().min(200)].join("\n"));
}

#[test]
fn a_damaged_volume_vouches_for_no_wrong_byte_and_loses_nothing_that_was_not_touched() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let images = ["plain", "links_streams"].map(|name| {
        let path = folder.join(format!("{name}.img"));
        (name.to_owned(), std::fs::read(path).expect("testdata is there"))
    });
    assert_no_faults(images.into_iter());
}

#[test]
#[ignore = "minutes: for release builds"]
fn every_volume_of_the_corpus_damaged() {
    const LARGEST: u64 = 80 << 20;
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if !corpus.exists() {
        return println!("skipped: there is no {}", corpus.display());
    }
    let only = std::env::var("ONLY").unwrap_or_default();
    let folders = [corpus.join("vol"), corpus.join("gen"), Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")];
    let mut paths: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"))
        .flatten()
        .map(|it| it.path())
        .collect();
    paths.retain(|path| {
        path.extension().is_some_and(|kind| ["ntsp", "raw", "dd", "img"].iter().any(|known| kind == *known))
    });
    paths.retain(|path| path.to_string_lossy().contains(&only));
    paths.sort();
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let images = paths.into_iter().filter_map(|path| {
        let raw = match path.extension().is_some_and(|kind| kind == "ntsp") {
            true => {
                let raw = folder.path().join("raw.img");
                sparse_container::unpack(&path, &raw).expect("it can be unpacked");
                raw
            }
            false => path.clone(),
        };
        if std::fs::metadata(&raw).expect("it is there").len() > LARGEST {
            println!("too large: {}", path.display());
            return None;
        }
        Some((path.display().to_string(), std::fs::read(&raw).expect("it can be read")))
    });
    assert_no_faults(images);
}
