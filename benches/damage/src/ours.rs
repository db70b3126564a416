//! The tools of this repository, and what their listing and manifest say.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::given::{File, Given};
use crate::measure::{self, Cost};
use crate::subject::Subject;
use crate::tools::Ours;

/// What the manifest calls ranges that it vouches for: all others it calls doubtful or missing, in one word or another.
const VOUCHED: [&str; 3] = ["intact", "zeros", "witnessed"];

pub fn run(tools: &Ours, subject: &Subject) -> Result<Given, Box<dyn Error>> {
    let mut given = Given::default();
    let listing = subject.scratch.join("listing.jsonl");
    let mut command = Command::new(&tools.mft_dump);
    command.args(["--format", "jsonl", "--no-verdict", "-q", "-o"]).arg(&listing).arg(&subject.image);
    given.listing = measure::run(&command, &subject.said("mft_dump"))?;
    if listing.exists() {
        read_listing(&listing, &mut given)?;
    }
    (given.files, given.recovery) = recover(tools, subject, None)?;
    Ok(given)
}

/// What `recover` writes, with the map of the damage or without it.
pub fn recover(tools: &Ours, subject: &Subject, map: Option<&Path>) -> Result<(Vec<File>, Cost), Box<dyn Error>> {
    let folder = subject.fresh_folder("recover")?;
    let manifest = subject.scratch.join("manifest.jsonl");
    let mut command = Command::new(&tools.recover);
    command.arg(&subject.image).arg("-d").arg(&folder).arg("--manifest").arg(&manifest).arg("-q");
    if let Some(map) = map {
        command.arg("--map").arg(map);
    }
    let _ = fs::remove_file(&manifest);
    let cost = measure::run(&command, &subject.said("recover"))?;
    let files = if manifest.exists() { read_manifest(&manifest, &folder)? } else { Vec::new() };
    Ok((files, cost))
}

#[derive(Deserialize)]
struct Entry {
    paths: Vec<String>,
}

fn read_listing(listing: &Path, given: &mut Given) -> Result<(), Box<dyn Error>> {
    for line in BufReader::new(fs::File::open(listing)?).lines() {
        let entry: Entry = serde_json::from_str(&line?)?;
        entry.paths.iter().for_each(|path| given.list(path));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Volume {
        offset: u64,
    },
    Stream(Stream),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Stream {
    path: Option<String>,
    record: Option<u64>,
    stream: String,
    verdict: String,
    reasons: Vec<String>,
    output: Option<String>,
    #[serde(default)]
    ranges: Vec<Range>,
}

#[derive(Deserialize)]
struct Range {
    offset: u64,
    length: u64,
    status: String,
}

fn read_manifest(manifest: &Path, folder: &Path) -> Result<Vec<File>, Box<dyn Error>> {
    let (mut files, mut start) = (Vec::new(), 0);
    for line in BufReader::new(fs::File::open(manifest)?).lines() {
        match serde_json::from_str(&line?)? {
            Line::Volume { offset } => start = offset,
            Line::Stream(stream) => files.extend(file_of(stream, folder, start)),
            Line::Other => {}
        }
    }
    Ok(files)
}

/// The file that was written of a stream, if one was.
fn file_of(stream: Stream, folder: &Path, start: u64) -> Option<File> {
    let path = folder.join(stream.output?);
    let name = stream.path.and_then(|path| Some(path.rsplit('/').next()?.to_owned()));
    let is_intact = stream.verdict == "intact";
    let is_certain = (is_intact || stream.verdict == "likely") && stream.reasons.is_empty();
    let vouched = stream.ranges.iter().filter(|range| VOUCHED.contains(&range.status.as_str()));
    Some(File {
        path,
        name,
        stream: stream.stream,
        is_suspect: !is_certain,
        is_intact,
        vouched: vouched.map(|range| (range.offset, range.length)).collect(),
        verdict: Some(stream.verdict),
        record: stream.record.map(|record| (start, record)),
    })
}
