//! Every single sector of a volume lost: zeroed, overwritten with anything, unreadable. Whatever else there is has to be
//! found under its path and to be read as it was written, and nothing that is wrong may be called intact.
//!
//! The whole: `cargo test --release --test single_sector -- --ignored --nocapture`.

#![allow(missing_docs, reason = "a test")]

mod failing;
mod tool;
#[allow(dead_code, reason = "shared with the tests that compare listings, which ask for more")]
#[path = "comparison/truth.rs"]
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{AddAssign, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use failing::{Content, Failing, ReadBack, SECTOR};
use ntfs_salvage::content::Origin;
use ntfs_salvage::recoverability::Verdict;
use ntfs_salvage::source::Source;
use ntfs_salvage::structure::AttributeType;
use ntfs_salvage::volume::{Extent, Location};
use ntfs_salvage::{Catalog, Entry, Stream, Threads, Volume, salvage};
use sha2::{Digest, Sha256};
use truth::Truth;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    Zeroed,
    Random,
    Unreadable,
}

impl Loss {
    const ALL: [Self; 3] = [Self::Zeroed, Self::Random, Self::Unreadable];

    /// The image without this sector.
    fn of(self, sector: u64, image: &[u8]) -> Box<dyn Source> {
        if self == Self::Unreadable {
            return Box::new(Failing::new(image, [sector], None));
        }
        let mut bytes = image.to_vec();
        for (number, part) in bytes[at(sector)..at(sector + 1)].chunks_mut(32).enumerate() {
            match self {
                Self::Random => part.copy_from_slice(&Sha256::digest(format!("{sector} {number}"))),
                _ => part.fill(0),
            }
        }
        Box::new(bytes)
    }
}

fn at(sector: u64) -> usize {
    usize::try_from(sector * SECTOR).expect("an image fits into memory")
}

/// Where something lies in the image.
type Places = Vec<Range<u64>>;

fn touches(places: &Places, sector: u64) -> bool {
    let lost = sector * SECTOR..(sector + 1) * SECTOR;
    places.iter().any(|place| place.start < lost.end && lost.start < place.end)
}

/// One name of a file that is known to be there.
struct KnownName {
    path: String,
    record: u64,
    /// The records of the directories above.
    above: Vec<u64>,
}

/// A sound image, and where in it lies what each thing needs.
struct Known {
    image: Vec<u8>,
    names: Vec<KnownName>,
    /// The files and streams that the truth names.
    streams: Vec<(u64, String)>,
    sound: ReadBack,
    records: BTreeMap<u64, Places>,
    data: BTreeMap<(u64, String), Places>,
}

impl Known {
    fn read(name: &str) -> Self {
        let path = tool::repository("testdata").join(name);
        let image = std::fs::read(path.with_extension("img")).expect("testdata is there");
        let truth = Truth::read(&path.with_extension("truth.jsonl"));
        assert!(truth.files.iter().all(|file| !file.deleted), "of what was deleted something may be lost before");
        let volume = Volume::open(&image).expect("an undamaged volume");
        let catalog = volume.catalog();
        let sound = failing::read_all(&catalog, &Threads::default());
        let entries: Vec<_> = catalog.entries().collect();
        let records = entries.iter().map(|entry| (entry.record_number(), record_places(&volume, entry))).collect();
        let data = entries.iter().flat_map(|entry| {
            let of = |stream: Stream<'_>| ((entry.record_number(), stream.name().to_string()), data_places(&stream));
            entry.streams().into_iter().map(of).collect::<Vec<_>>()
        });
        let (data, names) = (data.collect(), known_names(&truth));
        let streams = truth.files.iter().flat_map(|file| file.hashes.iter().map(|hash| (file.record, hash)));
        let streams = streams.map(|(record, (name, hash))| {
            let key = (record, name.clone());
            assert_eq!(hex(&Sha256::digest(&sound[&key].bytes)), *hash, "{key:?} of the sound volume");
            key
        });
        let streams = streams.collect();
        Self { names, streams, sound, records, data, image: image.clone() }
    }

    /// What is found when a sector is lost.
    fn without(&self, sector: u64, loss: Loss) -> Outcome {
        let mut outcome = Outcome { losses: 1, ..Outcome::default() };
        let source = loss.of(sector, &self.image);
        let threads = Threads::single();
        let opened = salvage::open_with(&*source, &threads);
        let Some(opened) = opened.ok().and_then(|opened| opened.into_iter().next()) else {
            outcome.faults.push(format!("{loss:?} sector {sector}: nothing can be opened"));
            return outcome;
        };
        let catalog = opened.volume().catalog_with(&threads);
        self.compare_names(sector, &catalog, &mut outcome);
        let found = failing::read_all(&catalog, &threads);
        self.compare_streams(sector, &found, &mut outcome);
        for (key, content) in &found {
            self.judge(sector, loss, key, content, &mut outcome);
        }
        for fault in &mut outcome.faults {
            *fault = format!("{loss:?} sector {sector}: {fault}");
        }
        outcome
    }

    fn needs(&self, record: u64, sector: u64) -> bool {
        touches(&self.records[&record], sector)
    }

    fn compare_names(&self, sector: u64, catalog: &Catalog<'_>, outcome: &mut Outcome) {
        let paths = |entry: Entry<'_>| {
            let number = entry.record_number();
            entry.paths().map(|path| (number, path.text)).collect::<Vec<_>>()
        };
        let found: BTreeSet<(u64, String)> = catalog.entries().flat_map(paths).collect();
        for KnownName { path, record, above } in &self.names {
            let is_whole = found.contains(&(*record, path.clone()));
            let name = &path[path.rfind('/').expect("a path starts at the root")..];
            let mut of_record = found.range((*record, String::new())..(*record + 1, String::new()));
            let is_named = of_record.any(|(_, path)| path.ends_with(name));
            let has_record = !self.needs(*record, sector);
            let has_path = has_record && !above.iter().any(|&record| self.needs(record, sector));
            outcome.paths.count(has_path, is_whole);
            outcome.names.count(has_record, is_named);
            if has_record && !is_named || has_path && !is_whole {
                outcome.faults.push(format!("{path} is not listed"));
            }
        }
    }

    fn compare_streams(&self, sector: u64, found: &ReadBack, outcome: &mut Outcome) {
        for key in &self.streams {
            let is_right = found.get(key).is_some_and(|content| content.bytes == self.sound[key].bytes);
            let is_whole = !self.needs(key.0, sector) && !touches(&self.data[key], sector);
            outcome.streams.count(is_whole, is_right);
            if is_whole && !is_right {
                outcome.faults.push(format!("{key:?} is not recovered"));
            }
        }
    }

    /// Nothing wrong is called right, but for content that nothing on a volume vouches for: overwritten clusters.
    fn judge(&self, sector: u64, loss: Loss, key: &(u64, String), content: &Content, outcome: &mut Outcome) {
        let Content { verdict, reasons, bytes, .. } = content;
        if *verdict == Verdict::Likely && reasons.is_empty() {
            outcome.faults.push(format!("{key:?} is likely without a reason"));
        }
        let Some(sound) = self.sound.get(key) else {
            if *verdict == Verdict::Intact {
                outcome.faults.push(format!("{key:?} is invented, and called intact"));
            }
            return;
        };
        if *bytes == sound.bytes {
            return;
        }
        if loss != Loss::Unreadable && touches(&self.data[key], sector) {
            outcome.beyond_proof += u64::from(*verdict == Verdict::Intact);
            return;
        }
        if *verdict == Verdict::Intact {
            outcome.faults.push(format!("{key:?} is wrong, and called intact"));
        }
        if let Some(wrong) = content.wrong_bytes(&sound.bytes).next() {
            outcome.faults.push(format!("byte {wrong} of {key:?} is wrong, and given for true ({verdict} {reasons})"));
        }
    }
}

/// The used bytes of a file's records.
fn record_places(volume: &Volume<'_>, entry: &Entry<'_>) -> Places {
    let lists = entry.attributes_of(AttributeType::ATTRIBUTE_LIST);
    assert!(
        lists.into_iter().all(|list| list.is_resident()),
        "what a list outside the records needs is not known here"
    );
    let all = std::iter::once(entry.record()).chain(entry.extension_records());
    all.flat_map(|record| {
        let start = record.number() * u64::from(volume.mft().record_size());
        let used = start + u64::from(record.header().used_size());
        volume.mft().places(record.number()).filter_map(move |extent| place_of(&extent, used))
    })
    .collect()
}

/// Where the extent lies, as far as it is before byte `end` of its stream.
fn place_of(extent: &Extent, end: u64) -> Option<Range<u64>> {
    let length = extent.end().min(end).checked_sub(extent.offset)?;
    match extent.location {
        Location::At(position) => Some(position..position + length),
        _ => None,
    }
}

/// Where the bytes of a stream lie outside the records.
fn data_places(stream: &Stream<'_>) -> Places {
    let map = stream.map();
    let of_range = map.ranges().iter().flat_map(|range| match range.origin {
        Origin::Clusters(position) => {
            Vec::from_iter([(position, range.length)].map(|(start, length)| start..start + length))
        }
        Origin::Compressed { unit, stored } => {
            map.stored(unit, unit + stored).filter_map(|extent| place_of(&extent, u64::MAX)).collect()
        }
        _ => Vec::new(),
    });
    of_range.collect()
}

fn known_names(truth: &Truth) -> Vec<KnownName> {
    let all = || truth.files.iter().flat_map(|file| file.links.iter().map(|link| (link.path.as_str(), file.record)));
    let records: BTreeMap<&str, u64> = all().collect();
    let above = |path: &str| path.match_indices('/').skip(1).map(|(end, _)| records[&path[..end]]).collect();
    all().map(|(path, record)| KnownName { path: path.to_owned(), record, above: above(path) }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of the things that the truth knows: those of which no byte is lost, which have to be found; and those found.
#[derive(Debug, Default)]
struct Recall {
    known: u64,
    bound: u64,
    found: u64,
}

impl Recall {
    fn count(&mut self, is_whole: bool, is_found: bool) {
        *self += Self { known: 1, bound: is_whole.into(), found: is_found.into() };
    }
}

impl AddAssign for Recall {
    fn add_assign(&mut self, other: Self) {
        self.known += other.known;
        self.bound += other.bound;
        self.found += other.found;
    }
}

impl fmt::Display for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}, bound {}", self.found, self.known, self.bound)
    }
}

/// What came of losses.
#[derive(Debug, Default)]
struct Outcome {
    losses: u64,
    /// Names with all directories above; a path needs their records, too.
    paths: Recall,
    names: Recall,
    streams: Recall,
    /// Overwritten streams that are called intact: nothing on the volume speaks against them.
    beyond_proof: u64,
    faults: Vec<String>,
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.losses += other.losses;
        self.paths += other.paths;
        self.names += other.names;
        self.streams += other.streams;
        self.beyond_proof += other.beyond_proof;
        self.faults.extend(other.faults);
    }
}

/// Loses every `step`th sector, and the last, in every way.
fn lose_each_sector(name: &str, step: u64) {
    let known = Known::read(name);
    let sectors = known.image.len() as u64 / SECTOR;
    let (next, known) = (&AtomicU64::new(0), &known);
    let work = move || {
        let mut outcomes = BTreeMap::<Loss, Outcome>::new();
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed) * step);
        for sector in numbers.take_while(|&sector| sector < sectors + step - 1).map(|sector| sector.min(sectors - 1)) {
            for loss in Loss::ALL {
                *outcomes.entry(loss).or_default() += known.without(sector, loss);
            }
        }
        outcomes
    };
    let count = thread::available_parallelism().map_or(1, usize::from);
    let mut outcomes = BTreeMap::<Loss, Outcome>::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        for (loss, outcome) in workers.into_iter().flat_map(|worker| worker.join().expect("no panic")) {
            *outcomes.entry(loss).or_default() += outcome;
        }
    });
    for (loss, outcome) in &outcomes {
        let Outcome { losses, paths, names, streams, beyond_proof, .. } = outcome;
        println!("{name}, {losses} sectors, each {loss:?}: paths {paths}; names {names}; streams {streams}");
        println!("    overwritten, and nothing speaks against them: {beyond_proof}");
        assert!(streams.bound < streams.known && names.bound < names.known, "nothing was hit");
    }
    let faults: Vec<_> = outcomes.into_values().flat_map(|outcome| outcome.faults).collect();
    let first = faults.iter().take(200).cloned().collect::<Vec<_>>().join("\n  ");
    assert!(faults.is_empty(), "{name}: {} faults\n  {first}", faults.len());
}

#[test]
fn any_sector_may_be_lost() {
    lose_each_sector("plain", 11);
}

#[test]
#[ignore = "every sector in three ways: for release builds"]
fn every_sector_of_2_mib_may_be_lost() {
    lose_each_sector("plain", 1);
}

/// With clusters of 64 KiB.
#[test]
#[ignore = "every sector in three ways: for release builds"]
fn every_sector_of_4_mib_may_be_lost() {
    lose_each_sector("64k_clusters", 1);
}
