//! What is known to be on a volume: the lines of a `.truth.jsonl` file.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// The four times by their names in the listing.
pub(crate) type Times = BTreeMap<String, u64>;

pub(crate) const TIME_NAMES: [&str; 4] = ["created", "modified", "record_changed", "accessed"];

/// Everything known about one image, which may hold several volumes.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) files: Vec<TrueFile>,
    /// Whether every deleted file there ever was has its line.
    pub(crate) knows_all_deleted: bool,
}

/// One file or directory that is or was there.
#[derive(Debug)]
pub(crate) struct TrueFile {
    pub(crate) path: String,
    pub(crate) record: u64,
    pub(crate) sequence: Option<u64>,
    pub(crate) directory: bool,
    pub(crate) deleted: bool,
    /// Of a deleted file: its record is free and still describes it.
    pub(crate) record_survives: bool,
    /// Of a deleted file: it is known which of its names its record still has.
    pub(crate) names_are_certain: bool,
    /// Of a deleted file: the streams whose data is still there and still found through the record.
    pub(crate) intact: Vec<String>,
    pub(crate) size: Option<u64>,
    pub(crate) times: Times,
    pub(crate) links: Vec<Link>,
    pub(crate) streams: BTreeMap<String, u64>,
    /// The SHA-256 of every stream that is known, also of the main one, in hexadecimal.
    pub(crate) hashes: BTreeMap<String, String>,
    pub(crate) dos_name: Option<String>,
    pub(crate) reparse: Option<(u64, Option<String>)>,
}

/// One name of a file. Only the path is known of volumes whose truth says no more.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) path: String,
    pub(crate) namespace: Option<String>,
    pub(crate) parent: Option<(u64, u64)>,
    pub(crate) name_utf16: Option<Vec<u64>>,
    pub(crate) times: Times,
}

impl Truth {
    pub(crate) fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let lines = text.lines().map(|line| serde_json::from_str(line).expect("a truth file holds JSON lines"));
        let mut truth = Self { knows_all_deleted: true, ..Self::default() };
        for line in lines.collect::<Vec<Value>>() {
            if line.get("volume").is_some() {
                // The volumes made outside this repository do not tell which files they deleted to make holes.
                truth.knows_all_deleted &= line["args"]["fragment_mft"].as_u64().unwrap_or(0) == 0;
            } else {
                truth.files.push(TrueFile::parse(&line));
            }
        }
        assert!(!truth.files.is_empty(), "{} says nothing", file.display());
        truth
    }

    /// The directory above `path` that no longer is what it was, so that the path cannot be followed further.
    pub(crate) fn stop_of(&self, path: &str) -> Option<&TrueFile> {
        let above = |file: &&TrueFile| path.strip_prefix(&file.path).is_some_and(|rest| rest.starts_with('/'));
        let lost = self.files.iter().filter(above).filter(|file| file.deleted && !file.record_survives);
        lost.max_by_key(|file| file.path.len())
    }
}

impl TrueFile {
    fn parse(line: &Value) -> Self {
        let path = rooted(text(&line["path"]).expect("a file has a path"));
        let deleted = line["deleted"] == true;
        let directory = matches!(line["kind"].as_str(), Some("dir" | "directory"));
        let fate = first_of(line, &["fate", "recover"]);
        Self {
            record: first_of(line, &["record", "rec"]).as_u64().expect("a file has a record"),
            sequence: first_of(line, &["sequence", "seq"]).as_u64(),
            directory,
            deleted,
            record_survives: deleted && fate["record"] == "freed",
            names_are_certain: line.get("fate").is_some(),
            intact: intact_streams(&fate["data"]),
            size: line["size"].as_u64(),
            times: last_set(&line["times"], directory),
            links: links(line, &path, deleted),
            streams: streams(&line["streams"]),
            hashes: hashes(line),
            dos_name: text(&line["dos_name"]),
            reparse: reparse(line),
            path,
        }
    }
}

/// The value under the first of several names that is there: the makers of volumes spell some differently.
fn first_of<'a>(line: &'a Value, names: &[&str]) -> &'a Value {
    names.iter().map(|name| &line[*name]).find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(String::from)
}

fn rooted(path: String) -> String {
    if path.starts_with('/') { path } else { format!("/{path}") }
}

pub(crate) fn times(value: &Value) -> Times {
    let known = |name: &&str| Some(((*name).to_owned(), value[*name].as_u64()?));
    TIME_NAMES.iter().filter_map(known).collect()
}

/// The times that nothing moved after they were set. The maker outside this repository, known by its word
/// `mft_changed`, sets them before it deletes files, which modifies the directories they were in.
fn last_set(value: &Value, directory: bool) -> Times {
    let mut times = times(value);
    if directory && value.get("mft_changed").is_some() {
        times.remove("modified");
    }
    times
}

fn intact_streams(data: &Value) -> Vec<String> {
    let all = data.as_object().into_iter().flatten();
    all.filter(|(_, fate)| *fate == "intact").map(|(name, _)| name.clone()).collect()
}

fn streams(value: &Value) -> BTreeMap<String, u64> {
    let all = value.as_object().into_iter().flatten();
    all.map(|(name, stream)| (name.clone(), stream["size"].as_u64().expect("a stream has a size"))).collect()
}

fn hashes(line: &Value) -> BTreeMap<String, String> {
    // What was written into an overlaid file is what its main stream reads as.
    let main = text(&line["wof"]["sha256"]).or_else(|| text(&line["sha256"]));
    let named = line["streams"].as_object().into_iter().flatten();
    let named = named.filter_map(|(name, stream)| Some((name.clone(), text(&stream["sha256"])?)));
    main.map(|hash| (String::new(), hash)).into_iter().chain(named).collect()
}

/// Every name as an object, or the further names as mere paths.
fn links(line: &Value, path: &str, deleted: bool) -> Vec<Link> {
    let listed = line["links"].as_array().map(Vec::as_slice).unwrap_or_default();
    if deleted && line["links"].is_array() && listed.is_empty() {
        return Vec::new();
    }
    if listed.first().is_some_and(Value::is_object) {
        return listed.iter().map(link).collect();
    }
    let others = listed.iter().filter_map(text).map(rooted);
    std::iter::once(path.to_owned()).chain(others).map(bare_link).collect()
}

fn bare_link(path: String) -> Link {
    Link { path, namespace: None, parent: None, name_utf16: None, times: Times::new() }
}

fn link(value: &Value) -> Link {
    let units = value["name_utf16"].as_array();
    Link {
        path: text(&value["path"]).expect("a link has a path"),
        namespace: text(&value["namespace"]),
        parent: value["parent"].as_u64().zip(value["parent_sequence"].as_u64()),
        name_utf16: units.map(|units| units.iter().filter_map(Value::as_u64).collect()),
        times: times(&value["times"]),
    }
}

fn reparse(line: &Value) -> Option<(u64, Option<String>)> {
    let tag = tag(first_of(&line["reparse"], &["tag"])).or_else(|| tag(&line["reparse"]))?;
    Some((tag, text(first_of(&line["reparse"], &["target"])).or_else(|| text(&line["target"]))))
}

/// A reparse tag as a number or in hexadecimal text.
pub(crate) fn tag(value: &Value) -> Option<u64> {
    let hexadecimal = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    value.as_u64().or_else(|| value.as_str().and_then(hexadecimal))
}
