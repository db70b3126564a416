//! Gathers what a report says, from the lines of a manifest as they are written.

use std::collections::BTreeMap;

use ntfs_salvage::Threads;
use ntfs_salvage::recoverability::Assessment;
use serde::Deserialize;
use serde_json::Value;

use crate::input::condition;
use crate::input::volumes::Opened;
use crate::report::disk_map::DiskMap;
use crate::report::files::{Files, Stream, clean, is_there};
use crate::report::grouped;
use crate::writing::time_of_day::now;

/// What a report says.
#[derive(Debug)]
pub struct Collector {
    pub tool: &'static str,
    pub input: String,
    /// Bytes of the disk.
    pub size: u64,
    pub facts: Vec<(String, String)>,
    pub volumes: Vec<VolumeFacts>,
    pub left_out: Vec<String>,
    pub files: Files,
    pub map: DiskMap,
    /// The file that a second examiner can derive first.
    pub example: Option<Example>,
    pub directories: u64,
    pub started: String,
}

/// What is said of a volume.
#[derive(Debug)]
pub struct VolumeFacts {
    pub name: String,
    pub facts: Vec<(&'static str, String)>,
    pub losses: Vec<String>,
}

/// A file whose bytes lie together in the input.
#[derive(Debug)]
pub struct Example {
    pub path: String,
    pub pieces: Vec<(u64, u64)>,
    pub sha256: String,
}

/// A line about a stream, as far as the report needs it.
#[derive(Deserialize)]
struct StreamLine {
    path: Option<String>,
    record: u64,
    sequence: u16,
    state: String,
    #[serde(default)]
    stream: String,
    size: Option<u64>,
    verdict: String,
    reasons: Vec<String>,
    sha256: Option<String>,
    #[serde(default)]
    ranges: Vec<RangeLine>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct RangeLine {
    offset: u64,
    length: u64,
    source_offset: Option<u64>,
    status: String,
    by: Option<String>,
}

impl Collector {
    pub fn new(tool: &'static str) -> Self {
        Self {
            tool,
            input: String::new(),
            size: 0,
            facts: Vec::new(),
            volumes: Vec::new(),
            left_out: Vec::new(),
            files: Files::default(),
            map: DiskMap::default(),
            example: None,
            directories: 0,
            started: now(),
        }
    }

    /// Takes in lines of a manifest.
    pub fn lines(&mut self, bytes: &[u8]) {
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match line {
                line if line.starts_with(br#"{"type":"stream""#) => {
                    if let Ok(stream) = serde_json::from_slice(line) {
                        self.stream(stream);
                    }
                }
                line if line.starts_with(br#"{"type":"directory""#) => self.directories += 1,
                line => {
                    if let Ok(value) = serde_json::from_slice::<Value>(line) {
                        self.other(&value);
                    }
                }
            }
        }
    }

    fn other(&mut self, line: &Value) {
        let number = |key: &str| line[key].as_u64().unwrap_or(0);
        let text = |key: &str| clean(line[key].as_str().unwrap_or_default());
        match line["type"].as_str() {
            Some("header") => self.header(line),
            Some("partition") => {
                let place = format!("{} bytes at byte {}", grouped(number("size")), number("offset"));
                let which =
                    line["partition"].as_u64().map_or_else(String::new, |number| format!("Partition {number}, "));
                self.left_out.push(format!("{which}{place}: not read, it holds {}.", text("description")));
            }
            Some("outside") => {
                let bytes = grouped(number("bytes"));
                self.left_out
                    .push(format!("{bytes} bytes outside of all partitions were not looked at; --scan looks at them."));
            }
            Some("end") => self.end(line),
            _ => {}
        }
    }

    fn end(&mut self, line: &Value) {
        let what = [
            ("left_out", "of NTFS's own files: --system takes them"),
            ("too_large", "streams larger than --max-size"),
            ("without_content", "streams of which nothing is left to write"),
            ("failed", "streams could not be written, as the manifest says"),
        ];
        let counted =
            what.into_iter().filter_map(|(key, what)| Some((line[key].as_u64().filter(|count| *count > 0)?, what)));
        self.left_out.extend(counted.map(|(count, what)| format!("{} {what}.", grouped(count))));
        let finish = match line["interrupted"].as_bool() {
            Some(true) => "the run was interrupted: what it did not come to is not in this report",
            _ => "to its end",
        };
        self.facts.push(("run".into(), finish.into()));
    }

    fn header(&mut self, line: &Value) {
        let input = &line["input"];
        self.input = clean(input["path"].as_str().unwrap_or_default());
        self.size = input["size"].as_u64().unwrap_or(0);
        let mut fact = |name: &str, value: String| self.facts.push((name.into(), value));
        fact("input", clean(input["path"].as_str().unwrap_or_default()));
        fact("size", format!("{} bytes", grouped(input["size"].as_u64().unwrap_or(0))));
        let hashes = [
            ("sha256", "SHA-256"),
            ("sha256_first_mib", "SHA-256 of its first MiB"),
            ("sha256_last_mib", "SHA-256 of its last MiB"),
        ];
        for (key, name) in hashes {
            if let Some(hash) = input[key].as_str() {
                fact(name, hash.to_owned());
            }
        }
        let container = &input["container"];
        let files = container["files"].as_array().map_or(0, Vec::len);
        match container["format"].as_str() {
            Some(format) => fact("container", format!("{} in {files} file(s)", clean(format))),
            None => fact("container", "none: the disk itself, or its raw image".into()),
        }
        for field in container["fields"].as_array().into_iter().flatten() {
            fact(&clean(field[0].as_str().unwrap_or_default()), clean(field[1].as_str().unwrap_or_default()));
        }
        for hash in container["hashes"].as_array().into_iter().flatten() {
            let outcome = match hash["verified"].as_bool() {
                Some(true) => "verified: it is that of the disk",
                Some(false) => "it is NOT that of the disk",
                None => "not verified: --verify-input does that",
            };
            let value = hash["value"].as_str().unwrap_or_default();
            fact(&format!("stored {}", hash["algorithm"].as_str().unwrap_or_default()), format!("{value} ({outcome})"));
        }
        for note in container["notes"].as_array().into_iter().flatten() {
            fact("damage of the container", clean(note.as_str().unwrap_or_default()));
        }
        if let Some(map) = line["map"].as_str() {
            fact("map of what was rescued", clean(map));
        }
        let arguments = line["arguments"].as_array().into_iter().flatten().filter_map(Value::as_str);
        fact("tool", format!("ntfs-salvage {} {}", self.tool, env!("CARGO_PKG_VERSION")));
        fact("arguments", clean(&arguments.collect::<Vec<_>>().join(" ")));
        fact("system", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
        fact("started", self.started.clone());
    }

    fn stream(&mut self, line: StreamLine) {
        let StreamLine { path, record, sequence, state, stream, size, verdict, reasons, sha256, ranges, error } = line;
        let path = path.unwrap_or_else(|| format!("<no name>/record {record}-{sequence}"));
        if let (None, Some(sha256)) = (&self.example, sha256.filter(|_| error.is_none())) {
            self.example = example(&path, &ranges, sha256);
        }
        let lost = ranges.iter().filter(|range| !is_there(&range.status)).map(|range| {
            let why = range.by.as_ref().map_or_else(|| range.status.clone(), |by| format!("{} by {by}", range.status));
            (range.offset, range.length, why)
        });
        let (lost, reasons) = (lost.collect(), reasons.join(","));
        let stream = Stream {
            path: &path,
            name: &stream,
            record,
            sequence,
            state: &state,
            size,
            verdict: &verdict,
            reasons: &reasons,
            lost,
        };
        self.files.add(&stream);
    }

    /// Takes in what is known of a volume.
    pub fn volume(&mut self, opened: &Opened<'_>, assessment: &Assessment<'_>, threads: &Threads) {
        let (volume, mft) = (&opened.volume, opened.volume.mft());
        let mut facts = Vec::new();
        if let Some(geometry) = volume.geometry() {
            let serial = geometry.serial_number();
            facts.push(("serial", format!("{:04X}-{:04X} ({serial:016x})", serial as u32 >> 16, serial as u16)));
            facts.push(("starts at byte", grouped(opened.start)));
            facts.push(("size", format!("{} bytes", grouped(geometry.volume_size()))));
            facts.push(("cluster", format!("{} bytes", geometry.cluster_size())));
            facts.push(("records", format!("{} of {} bytes", grouped(mft.record_count()), geometry.record_size())));
        } else {
            facts.push((
                "records",
                format!("{} of {} bytes, without the volume", grouped(mft.record_count()), mft.record_size()),
            ));
        }
        let clusters = volume.geometry().map(|_| assessment.unmarked_clusters());
        let mut losses: Vec<_> = opened.losses.iter().map(|loss| sentence(loss)).collect();
        let counts = assessment.catalog().counts();
        let records = [
            (counts.unreadable, "records cannot be read: files may be lost with them"),
            (counts.unknown, "slots of the table hold no record: files may be lost with them"),
            (counts.baad_records, "records were found torn by a check of the disk (BAAD)"),
        ];
        let lost = records.into_iter().filter(|(count, _)| *count > 0);
        losses.extend(lost.map(|(count, what)| format!("{} {what}.", grouped(count))));
        losses.extend(
            condition::sentences(&assessment.catalog().condition(), clusters).iter().map(|text| sentence(text)),
        );
        let damage = opened.disk_damage.iter().copied().chain(volume.damage());
        losses.extend(summed(damage.map(|damage| damage.to_string())));
        self.volumes.push(VolumeFacts { name: clean(&opened.to_string()), facts, losses });
        self.map.add_volume(opened, assessment, threads);
    }
}

/// Each once, with how often it was said.
fn summed(lines: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    lines.for_each(|line| *counts.entry(line).or_default() += 1);
    counts.into_iter().map(|(line, count)| if count > 1 { format!("{line} ({count} times)") } else { sentence(&line) })
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    clean(&format!("{first}{}.", letters.as_str().trim_end_matches('.')))
}

/// A small file that is proved and lies in the input as it is.
fn example(path: &str, ranges: &[RangeLine], sha256: String) -> Option<Example> {
    let pieces: Option<Vec<_>> = ranges.iter().map(|range| Some((range.source_offset?, range.length))).collect();
    let pieces = pieces.filter(|pieces| (1..=4).contains(&pieces.len()))?;
    let is_proved = ranges.iter().all(|range| range.status == "intact");
    is_proved.then(|| Example { path: clean(path), pieces, sha256 })
}
