//! Volumes with what is known about them.

use std::io::Read;
use std::path::{Path, PathBuf};

use ntfs_salvage::recoverability::{Assessment, Reasons, Recoverability, RecoverabilityOptions, Verdict};
use ntfs_salvage::{Catalog, Entry, EntryState, Stream, Threads, Volume};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// The image `name` of `testdata`, in memory: cases patch it.
pub(crate) fn image(name: &str) -> Vec<u8> {
    std::fs::read(testdata(&format!("{name}.img"))).unwrap()
}

/// A volume and the truth about it.
pub(crate) struct Case<'c> {
    pub(crate) catalog: &'c Catalog<'c>,
    pub(crate) assessment: Assessment<'c>,
    pub(crate) rows: &'c [Value],
}

/// Opens the volume in `bytes` beside the truth about the image `name` of `testdata`.
pub(crate) fn with(name: &str, bytes: &[u8], check: impl FnOnce(&Case<'_>)) {
    let rows = rows(&testdata(&format!("{name}.truth.jsonl")));
    let volume = Volume::open(&bytes).unwrap();
    with_volume(&volume, &rows, check);
}

pub(crate) fn with_volume(volume: &Volume<'_>, rows: &[Value], check: impl FnOnce(&Case<'_>)) {
    let catalog = volume.catalog();
    let options = RecoverabilityOptions::default().sample_zeros(true);
    check(&Case { catalog: &catalog, assessment: catalog.assessment(&Threads::default(), options), rows });
}

/// The lines about files in a truth.
pub(crate) fn rows(truth: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(truth).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row.get("volume").is_none()).collect()
}

/// A stream that is in the truth.
pub(crate) struct Known<'t> {
    pub(crate) row: &'t Value,
    pub(crate) name: &'t str,
    pub(crate) size: u64,
    pub(crate) sha256: &'t str,
}

impl Known<'_> {
    /// What became of the data of a deleted stream; `None` where its record leads nowhere.
    pub(crate) fn fate(&self) -> Option<&str> {
        let fate = &self.row["fate"];
        fate["data"][self.name].as_str().filter(|_| fate["record"] == "freed")
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.row["deleted"] == true
    }

    /// For messages.
    pub(crate) fn title(&self) -> String {
        format!("{}:{}", self.row["path"].as_str().unwrap(), self.name)
    }
}

/// The streams of a file whose content is known.
pub(crate) fn known(row: &Value) -> impl Iterator<Item = Known<'_>> {
    let main = row["sha256"].as_str().map(|_| ("", row));
    let named = row["streams"].as_object().into_iter().flatten().map(|(name, stream)| (name.as_str(), stream));
    main.into_iter().chain(named).map(move |(name, stream)| Known {
        row,
        name,
        size: stream["size"].as_u64().unwrap(),
        sha256: stream["sha256"].as_str().unwrap(),
    })
}

pub(crate) fn record(row: &Value) -> u64 {
    row["record"].as_u64().unwrap()
}

pub(crate) fn find<'e>(entry: &'e Entry<'_>, name: &str) -> Option<Stream<'e>> {
    entry.streams().into_iter().find(|stream| stream.name().is(name))
}

/// All of a stream; missing bytes as zeros.
pub(crate) fn content(stream: &Stream<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.reader().fill_missing(true).read_to_end(&mut bytes).unwrap();
    bytes
}

impl<'c> Case<'c> {
    pub(crate) fn row(&self, path: &str) -> &'c Value {
        self.rows.iter().find(|row| row["path"] == path).unwrap_or_else(|| panic!("{path} is not in the truth"))
    }

    /// The rows whose path starts with `prefix`; there are some.
    pub(crate) fn group(&self, prefix: &str) -> Vec<&'c Value> {
        let found: Vec<_> = self.rows.iter().filter(|row| row["path"].as_str().unwrap().starts_with(prefix)).collect();
        assert!(!found.is_empty(), "nothing is called {prefix}");
        found
    }

    pub(crate) fn entry(&self, row: &Value) -> Entry<'c> {
        self.catalog.entry(record(row)).unwrap_or_else(|error| panic!("{}: {error}", row["path"]))
    }

    /// What is left of the main stream of a file.
    pub(crate) fn worth(&self, path: &str) -> Recoverability {
        let entry = self.entry(self.row(path));
        self.assessment.assess(&find(&entry, "").unwrap())
    }

    /// Asserts that a file is there as it was: state, times, names, sizes, every byte, and the verdict.
    pub(crate) fn assert_whole(&self, row: &Value) {
        let entry = self.entry(row);
        let is_deleted = row["deleted"] == true;
        assert_eq!(entry.state() == EntryState::Deleted, is_deleted, "{row}");
        self.assert_times(&entry, row);
        for stream in known(row) {
            let found = find(&entry, stream.name).unwrap_or_else(|| panic!("{} is not there", stream.title()));
            assert_eq!(found.size(), Some(stream.size), "{}", stream.title());
            assert_eq!(sha256(&content(&found)), stream.sha256, "{}", stream.title());
            let worth = self.assessment.assess(&found);
            // Nothing in the metadata proves a deleted file's clusters.
            let expected = match worth.counts().free {
                0 => (Verdict::Intact, Reasons::empty()),
                _ => (Verdict::Likely, Reasons::FREE),
            };
            assert_eq!((worth.verdict(), worth.reasons()), expected, "{}", stream.title());
            assert!(is_deleted || worth.counts().free == 0, "{}", stream.title());
            let assessed: u64 = worth.ranges().iter().map(|part| part.range.length).sum();
            assert_eq!(assessed, stream.size, "{}", stream.title());
        }
    }

    fn assert_times(&self, entry: &Entry<'_>, row: &Value) {
        let information = entry.standard_information().unwrap();
        let times = [
            ("created", information.created()),
            ("modified", information.modified()),
            ("record_changed", information.record_changed()),
            ("accessed", information.accessed()),
        ];
        for (name, time) in times {
            assert_eq!(row["times"][name].as_u64(), Some(time.0), "{} {name}", row["path"]);
        }
        let links = entry.links();
        for known in row["links"].as_array().unwrap() {
            let text: Vec<u64> = known["name"].as_str().unwrap().encode_utf16().map(u64::from).collect();
            let exact = known["name_utf16"].as_array();
            let exact = exact.map_or(text, |units| units.iter().map(|unit| unit.as_u64().unwrap()).collect());
            let link = links.iter().find(|link| link.name().units().map(u64::from).eq(exact.iter().copied()));
            let name = link.unwrap_or_else(|| panic!("{known} is not there")).file_name();
            assert_eq!(known["times"]["created"].as_u64(), Some(name.created().0), "{row}");
            assert_eq!(known["times"]["accessed"].as_u64(), Some(name.accessed().0), "{row}");
        }
    }
}
