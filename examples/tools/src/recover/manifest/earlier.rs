//! What an interrupted run has done: streams whose files are still as its manifest says.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use ntfs_salvage::recoverability::Verdict;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::command::failure::Failure;
use crate::judge::ContentState;
use crate::recover::plan::job::Job;

/// The streams that need not be written again.
#[derive(Debug, Default)]
pub struct Earlier {
    kept: HashMap<Key, Option<Kept>>,
}

/// Number of the volume, of the record and its life, and the stream's name.
type Key = (usize, u64, u64, String);

/// A stream whose file is whole.
#[derive(Debug)]
pub struct Kept {
    /// Of the manifest, with its end.
    pub line: String,
    pub verdict: &'static str,
    pub content: Option<&'static str>,
    pub bytes: u64,
}

impl Earlier {
    /// Manifests that go on one after the other at most.
    const LONGEST_CHAIN: usize = 1000;

    /// Reads the manifest at `path` and those it goes on from, and looks at every file. `header` is the first line of
    /// the run that is to go on.
    pub fn read(path: &Path, directory: &Path, header: &[u8]) -> Result<Self, Failure> {
        let failed = |why: String| Failure::Message(format!("cannot resume from {}: {why}", path.display()));
        let header: Value = serde_json::from_slice(header).map_err(|error| failed(error.to_string()))?;
        let mut found = Self::default();
        let mut next = Some(path.to_owned());
        for number in 0..Self::LONGEST_CHAIN {
            let Some(path) = next.take() else { break };
            let text = fs::read(&path).map_err(|error| failed(error.to_string()))?;
            let text = String::from_utf8_lossy(&text);
            // A run that was killed may have left half a line.
            let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            let first = lines.next().and_then(|line| serde_json::from_str::<Value>(line).ok()).unwrap_or_default();
            check_header(&first, &header).map_err(failed)?;
            let is_at_its_end = found.add(lines, directory);
            if number == 0 && is_at_its_end {
                return Err(failed("that run came to its end".into()));
            }
            let name = first["resumes"].as_str().and_then(|name| Path::new(name).file_name());
            next = name.map(|name| path.with_file_name(name));
        }
        Ok(found)
    }

    /// Adds the streams of a manifest. Returns whether nothing is left to do for that run.
    fn add<'l>(&mut self, lines: impl Iterator<Item = &'l str>, directory: &Path) -> bool {
        let (mut volume, mut is_at_its_end) = (0, false);
        let mut all = HashMap::new();
        for text in lines {
            let Ok(line) = serde_json::from_str::<Value>(text) else { continue };
            match line["type"].as_str() {
                Some("volume") => volume += 1,
                Some("stream") => stream(&mut all, volume, text, &line, directory),
                Some("end") => is_at_its_end = line["interrupted"] != true && line["failed"] == 0,
                _ => {}
            }
        }
        // What a later manifest says of a stream counts.
        for (key, kept) in all {
            self.kept.entry(key).or_insert(kept);
        }
        is_at_its_end
    }

    /// The stream of a job, if it need not be written again.
    pub fn of(&self, volume: usize, job: &Job<'_>) -> Option<&Kept> {
        let reference = job.reference;
        let name = job.stream.name().to_string();
        let key = (volume, reference.record_number(), u64::from(reference.sequence_number()), name);
        self.kept.get(&key)?.as_ref()
    }
}

/// Adds the stream of a line.
fn stream(all: &mut HashMap<Key, Option<Kept>>, volume: usize, text: &str, line: &Value, directory: &Path) {
    let (Some(record), Some(sequence)) = (line["record"].as_u64(), line["sequence"].as_u64()) else { return };
    let key = (volume, record, sequence, line["stream"].as_str().unwrap_or_default().to_owned());
    // Of two streams with one name nobody knows which is meant: both are written again.
    all.entry(key).and_modify(|known| *known = None).or_insert_with(|| kept(text, line, directory));
}

/// Whether a manifest is of a run like this one.
fn check_header(found: &Value, expected: &Value) -> Result<(), String> {
    if found["type"] != "header" || found["tool"] != expected["tool"] {
        return Err("it is no manifest of recover".into());
    }
    let is_same = |key: &str| found["input"][key] == expected["input"][key];
    if !["size", "sha256_first_mib", "sha256_last_mib"].into_iter().all(is_same) {
        return Err("it is of another input".into());
    }
    let arguments = |header: &Value| {
        let all = header["arguments"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|text| !["--resume", "-q", "--quiet"].iter().any(|known| text == known)).collect()
    };
    let (before, now): (Vec<Value>, Vec<Value>) = (arguments(found), arguments(expected));
    match before == now && found["version"] == expected["version"] {
        true => Ok(()),
        false => {
            let words: Vec<_> = before.iter().filter_map(Value::as_str).collect();
            let version = found["version"].as_str().unwrap_or_default();
            Err(format!("that run was version {version} with the arguments {}: give the same", words.join(" ")))
        }
    }
}

/// The stream of a line, if its files are what the line says.
fn kept(text: &str, line: &Value, directory: &Path) -> Option<Kept> {
    let output = line["output"].as_str()?;
    let file = inside(directory, output)?;
    let pieces = line["pieces"].as_array().map(Vec::as_slice).unwrap_or_default();
    let links = line["links"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !pieces.is_empty() || links.iter().any(|link| link["output"].as_str().is_none()) {
        return None;
    }
    let size = line["size"].as_u64().or_else(|| line["content_size"].as_u64())?;
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok_and(|data| data.is_file() && data.len() == size);
    let are_links_there = links.iter().all(|link| {
        let path = link["output"].as_str().and_then(|output| inside(directory, output));
        path.is_some_and(|path| is_there(&path))
    });
    if line["error"].is_string() || !is_there(&file) || !are_links_there {
        return None;
    }
    // Without a sum nothing shows that the file is whole.
    let expected = line["sha256"].as_str()?;
    (sum(&file).ok()? == expected).then_some(())?;
    let verdict = Verdict::ALL.iter().map(|verdict| verdict.code()).find(|code| line["verdict"] == *code)?;
    let state = line["content"]["state"].as_str();
    let content = ContentState::ALL.iter().map(|known| known.code()).find(|code| state == Some(*code));
    Some(Kept { line: text.to_owned(), verdict, content, bytes: size })
}

/// A path of the manifest below the output's folder.
fn inside(directory: &Path, output: &str) -> Option<PathBuf> {
    let is_plain = Path::new(output).components().all(|part| matches!(part, Component::Normal(_)));
    is_plain.then(|| directory.join(output))
}

fn sum(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    io::copy(&mut File::open(path)?, &mut digest)?;
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Gives a manifest another name, so that one more can be written: `manifest.1.jsonl`, or the next that is free.
pub fn set_aside(path: &Path) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::new(format_args!("cannot rename {}", path.display()), error);
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = (text(path.file_stem()), text(path.extension()));
    for number in 1..=Earlier::LONGEST_CHAIN {
        let name = format!("{stem}.{number}.{extension}");
        let to = path.with_file_name(&name);
        if fs::symlink_metadata(&to).is_err() {
            fs::rename(path, to).map_err(failed)?;
            return Ok(name);
        }
    }
    Err(failed(io::ErrorKind::AlreadyExists.into()))
}
