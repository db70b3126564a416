//! Compares a listing with the truth about its volume, and tells every difference at once.

#![allow(dead_code, reason = "each test target includes this module and uses its own part of it")]

mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use self::truth::{Link, TIME_NAMES, Times, TrueFile, Truth};
use crate::tool;

/// Lists `image` and panics with all that differs from the truth in `truth`.
pub(crate) fn assert_lists_the_truth(image: &Path, truth: &Path) {
    let differences = differences_of(image, truth);
    let (count, lines) = (differences.len(), differences.join("\n  "));
    assert!(differences.is_empty(), "{}: {count} differences\n  {lines}\n", image.display());
}

/// What differs between the listing of `image` and `truth`, one readable line each.
pub(crate) fn differences_of(image: &Path, truth: &Path) -> Vec<String> {
    let truth = Truth::read(truth);
    match tool::list(image) {
        Ok(entries) => Comparison::new(&truth, &entries).run(),
        Err(message) => vec![message],
    }
}

struct Comparison<'a> {
    truth: &'a Truth,
    entries: &'a [Value],
    /// Live entries by each of their paths.
    live: BTreeMap<&'a str, Vec<&'a Value>>,
    differences: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn new(truth: &'a Truth, entries: &'a [Value]) -> Self {
        let mut live = BTreeMap::<_, Vec<_>>::new();
        for entry in entries.iter().filter(|entry| entry["in_use"] == true && !is_metadata(entry)) {
            for path in paths(entry) {
                live.entry(path).or_default().push(entry);
            }
        }
        Self { truth, entries, live, differences: Vec::new() }
    }

    fn run(mut self) -> Vec<String> {
        self.compare_live_paths();
        for file in &self.truth.files {
            match file.deleted {
                false => self.compare_live(file),
                true if file.record_survives => self.compare_deleted(file),
                true => {}
            }
        }
        self.report_invented_deleted();
        self.differences
    }

    fn differs(&mut self, path: &str, message: impl std::fmt::Display) {
        self.differences.push(format!("{path:?}: {message}"));
    }

    fn expect<T: PartialEq + std::fmt::Debug>(&mut self, path: &str, what: &str, listed: T, known: T) {
        if listed != known {
            self.differs(path, format_args!("{what} is {known:?}, listed as {listed:?}"));
        }
    }

    // ------------------------------------------------------------------------------------ live files

    /// Both ways: nothing left out, nothing invented, nothing twice.
    fn compare_live_paths(&mut self) {
        let known = self.truth.files.iter().filter(|file| !file.deleted);
        let known: BTreeSet<&str> = known.flat_map(|file| file.links.iter().map(|link| link.path.as_str())).collect();
        let missing = known.iter().filter(|path| !self.live.contains_key(**path));
        let mut found: Vec<_> = missing.map(|path| format!("{path:?}: is not listed")).collect();
        let invented = self.live.keys().filter(|path| !known.contains(**path));
        found.extend(invented.map(|path| format!("{path:?}: is listed and never was")));
        let repeated = self.live.iter().filter(|(_, entries)| entries.len() > 1);
        found.extend(repeated.map(|(path, entries)| format!("{path:?}: is listed {} times", entries.len())));
        let nameless = self.entries.iter().filter(|entry| entry["in_use"] == true && !is_metadata(entry));
        let nameless = nameless.filter(|entry| paths(entry).next().is_none());
        found.extend(nameless.map(|entry| format!("record {}: is in use and listed without a path", entry["record"])));
        self.differences.append(&mut found);
    }

    fn compare_live(&mut self, file: &TrueFile) {
        let Some(first) = file.links.first() else { return };
        let Some(&entry) = self.live.get(first.path.as_str()).and_then(|entries| entries.first()) else { return };
        let path = &file.path;
        self.expect(path, "state", entry["state"].as_str(), Some("live"));
        self.expect(path, "record", entry["record"].as_u64(), Some(file.record));
        if file.sequence.is_some() {
            self.expect(path, "sequence", entry["sequence"].as_u64(), file.sequence);
        }
        self.compare_links(file, entry);
        self.compare_facts(file, entry);
        self.compare_streams(file, entry);
        if entry["damage"].as_array().is_none_or(|damage| !damage.is_empty()) {
            self.differs(path, format_args!("nothing is damaged, listed as {}", entry["damage"]));
        }
    }

    /// What a live and a deleted file have alike.
    fn compare_facts(&mut self, file: &TrueFile, entry: &Value) {
        let path = &file.path;
        self.expect(path, "being a directory", entry["directory"].as_bool(), Some(file.directory));
        self.compare_times(path, "time", &file.times, &entry["times"]);
        let reparse = file.reparse.as_ref();
        let listed = &entry["reparse"];
        self.expect(path, "reparse tag", truth::tag(&listed["tag"]), reparse.map(|(tag, _)| *tag));
        if let Some(target) = reparse.and_then(|(_, target)| target.as_deref()) {
            self.expect(path, "target", listed["target"].as_str(), Some(target));
        }
    }

    fn compare_times(&mut self, path: &str, what: &str, known: &Times, listed: &Value) {
        for name in TIME_NAMES {
            if let Some(&time) = known.get(name) {
                self.expect(path, &format!("{what} {name}"), listed[name]["filetime"].as_u64(), Some(time));
            }
        }
    }

    fn compare_links(&mut self, file: &TrueFile, entry: &'a Value) {
        let listed: BTreeSet<&str> = paths(entry).collect();
        let known: BTreeSet<&str> = file.links.iter().map(|link| link.path.as_str()).collect();
        self.expect(&file.path, "the set of paths", listed, known);
        let count = long_names(entry).count();
        self.expect(&file.path, "the number of links", count, file.links.len());
        for link in &file.links {
            self.compare_link(file, link, entry);
        }
    }

    fn compare_link(&mut self, file: &TrueFile, link: &Link, entry: &Value) {
        let name = last_component(&link.path);
        let at_parent = |value: &&Value| link.parent.is_none_or(|(record, _)| value["parent"] == record);
        let Some(listed) = long_names(entry).filter(at_parent).find(|value| value["name"] == name) else {
            return self.differs(&link.path, "no link has this name and parent");
        };
        if let Some((_, sequence)) = link.parent {
            self.expect(&link.path, "parent's sequence", listed["parent_sequence"].as_u64(), Some(sequence));
        }
        if link.namespace.is_some() {
            self.expect(&link.path, "namespace", listed["namespace"].as_str(), link.namespace.as_deref());
            let units = listed["name_utf16"].as_array();
            let units = units.map(|units| units.iter().filter_map(Value::as_u64).collect::<Vec<_>>());
            self.expect(&link.path, "name in code units", units, link.name_utf16.clone());
            self.expect(&link.path, "DOS name", listed["dos_name"].as_str(), file.dos_name.as_deref());
        }
        self.compare_times(&link.path, "link's time", &link.times, &listed["times"]);
    }

    fn compare_streams(&mut self, file: &TrueFile, entry: &Value) {
        let listed = streams(entry);
        let mut known: BTreeMap<_, _> = file.streams.iter().map(|(name, size)| (name.as_str(), Some(*size))).collect();
        match (file.size, listed.get("")) {
            (Some(size), _) => _ = known.insert("", Some(size)),
            // The truth about special files names no size: their main stream may be there or not.
            (None, Some(size)) if !file.directory => _ = known.insert("", *size),
            (None, _) => {}
        }
        for name in listed.keys().chain(known.keys()).collect::<BTreeSet<_>>() {
            let what = format!("size of stream {name:?}");
            self.expect(&file.path, &what, listed.get(name).copied().flatten(), known.get(name).copied().flatten());
        }
        let count = entry["streams"].as_array().map_or(0, Vec::len);
        self.expect(&file.path, "the number of streams", count, known.len());
    }

    // ------------------------------------------------------------------------------------ deleted files

    fn compare_deleted(&mut self, file: &TrueFile) {
        let same_record = |entry: &&Value| entry["record"] == file.record && entry["in_use"] == false;
        let names_lost = |entry: &Value| match file.names_are_certain {
            true => file.links.is_empty(),
            false => long_names(entry).next().is_none(),
        };
        let known_name = |entry: &&Value| names_lost(entry) || paths(entry).any(|path| self.names(file, path));
        let mut candidates = self.entries.iter().filter(same_record).peekable();
        let Some(first) = candidates.peek().copied() else {
            return self.differs(&file.path, format_args!("was deleted, record {} is not listed", file.record));
        };
        let Some(entry) = candidates.find(known_name) else {
            return self.differs(&file.path, format_args!("was deleted, listed as {}", first["paths"]));
        };
        if !matches!(entry["state"].as_str(), Some("deleted" | "orphan")) {
            self.differs(&file.path, format_args!("was deleted, its state is {}", entry["state"]));
        }
        self.compare_sequence_of_deleted(file, entry);
        self.compare_facts(file, entry);
        self.compare_streams_of_deleted(file, entry);
    }

    /// Freeing a record moves its sequence number on by one; both numbers are honest.
    fn compare_sequence_of_deleted(&mut self, file: &TrueFile, entry: &Value) {
        let (listed, known) = (entry["sequence"].as_u64(), file.sequence);
        if known.is_some() && listed != known && listed != known.map(|sequence| sequence % 0xFFFF + 1) {
            self.differs(&file.path, format_args!("sequence was {known:?}, listed as {listed:?}"));
        }
    }

    fn compare_streams_of_deleted(&mut self, file: &TrueFile, entry: &Value) {
        let listed = streams(entry);
        for name in &file.intact {
            let known = if name.is_empty() { file.size } else { file.streams.get(name).copied() };
            if known.is_some() {
                let what = format!("size of stream {name:?}");
                self.expect(&file.path, &what, listed.get(name.as_str()).copied().flatten(), known);
            }
        }
    }

    /// Whether `listed` is a path of the deleted file, as far as it can still be followed: whole, or from the
    /// directory whose record was lost, as in `<reused 64-1>/sub/file`.
    fn names(&self, file: &TrueFile, listed: &str) -> bool {
        file.links.iter().any(|link| match self.truth.stop_of(&link.path) {
            None => listed == link.path,
            Some(stop) => {
                let rest = &link.path[stop.path.len()..];
                let Some(reason) = listed.strip_suffix(rest) else { return false };
                let reference = format!("{}-{}", stop.record, stop.sequence.unwrap_or(0));
                reason.starts_with('<') && reason.ends_with(&format!("{reference}>"))
            }
        })
    }

    /// A record that never held a file, or whose file is another by now, is no deleted file; nor is one two.
    /// A ghost has no record.
    fn report_invented_deleted(&mut self) {
        if !self.truth.knows_all_deleted {
            return;
        }
        let survivors = self.truth.files.iter().filter(|file| file.record_survives);
        let mut expected: Vec<u64> = survivors.map(|file| file.record).collect();
        let of_records = self.entries.iter().filter(|entry| entry["state"] != "ghost");
        for entry in of_records.filter(|entry| entry["in_use"] != true) {
            let (record, state, paths) = (&entry["record"], &entry["state"], &entry["paths"]);
            match expected.iter().position(|expected| record == expected) {
                Some(found) => _ = expected.swap_remove(found),
                None => {
                    self.differences.push(format!("record {record}: listed as {state} {paths}, was no deleted file"));
                }
            }
        }
    }
}

/// NTFS's own files: the reserved records, and those in $Extend that mkntfs puts after them.
fn is_metadata(entry: &Value) -> bool {
    matches!(entry["record"].as_u64(), Some(0..=15 | 24..=26))
}

fn paths(entry: &Value) -> impl Iterator<Item = &str> {
    entry["paths"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn long_names(entry: &Value) -> impl Iterator<Item = &Value> {
    entry["links"].as_array().into_iter().flatten().filter(|link| link["namespace"] != "dos")
}

fn streams(entry: &Value) -> BTreeMap<&str, Option<u64>> {
    let all = entry["streams"].as_array().into_iter().flatten();
    all.map(|stream| (stream["name"].as_str().unwrap_or_default(), stream["size"].as_u64())).collect()
}

fn last_component(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
