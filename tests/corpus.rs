//! Lists the real artefacts of the optional corpus beside the repository; skipped where it is absent.

mod comparison;
mod sparse_container;
mod tool;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

/// One row of the corpus's `MANIFEST.tsv`, as far as it matters here.
struct Item {
    file: String,
    /// Counts by name: `FILE=34 inuse=34 deleted=0 extension=2`; what is not named is 0.
    survey: BTreeMap<String, u64>,
    /// Only some pages were recorded, and the counts are of those.
    partial: bool,
    /// `$MFT` itself needs extension records.
    has_table_in_several_records: bool,
}

impl Item {
    fn count(&self, name: &str) -> u64 {
        self.survey.get(name).copied().unwrap_or(0)
    }
}

fn corpus() -> Option<PathBuf> {
    let folder = tool::repository("../shared/corpus");
    if !folder.exists() {
        println!("skipped: there is no {}", folder.display());
    }
    folder.exists().then_some(folder)
}

fn manifest(corpus: &Path) -> Vec<Item> {
    let text = fs::read_to_string(corpus.join("MANIFEST.tsv")).expect("the corpus has a manifest");
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let titles = lines.next().expect("the manifest has a title line");
    let column = |name| titles.iter().position(|title| *title == name).expect("the manifest has its columns");
    let (file, survey, note, geometry) = (column("file"), column("survey"), column("note"), column("geometry"));
    let items = lines.map(|fields| Item {
        file: fields[file].to_owned(),
        survey: counts(fields[survey]),
        partial: fields.get(note).is_some_and(|note| note.starts_with("only the pages")),
        has_table_in_several_records: fields[geometry].contains("MFT-ATTRLIST"),
    });
    items.collect()
}

fn counts(survey: &str) -> BTreeMap<String, u64> {
    let pairs = survey.split_whitespace().filter_map(|word| word.split_once('='));
    pairs.filter_map(|(name, count)| Some((name.to_owned(), count.parse().ok()?))).collect()
}

/// The item as a raw file: itself, or unpacked into `folder`.
fn raw(corpus: &Path, file: &str, folder: &TempDir) -> PathBuf {
    let packed = corpus.join(file);
    if packed.extension().is_none_or(|extension| extension != "ntsp") {
        return packed;
    }
    let unpacked = folder.path().join("unpacked.img");
    sparse_container::unpack(&packed, &unpacked).unwrap_or_else(|error| panic!("{file}: {error}"));
    unpacked
}

/// What is wrong with the listing of one item.
fn problem(item: &Item, listing: Result<(Vec<Value>, String), String>) -> Option<String> {
    let (entries, summary) = match listing {
        Ok(listing) => listing,
        Err(message) => return Some(message),
    };
    for (what, expected) in [("FILE", item.count("FILE")), ("BAAD", item.count("BAAD"))] {
        let found = tool::counted(&summary, what);
        if found != expected {
            return Some(format!("{found} {what} records, expected {expected}"));
        }
    }
    let in_use = entries.iter().filter(|entry| entry["in_use"] == true).count() as u64;
    let (records, extensions) = (item.count("inuse"), item.count("extension"));
    // The survey counts extension records in use and freed together, and takes those of $MFT itself,
    // whose base has the number 0, for base records.
    let of_table = if item.has_table_in_several_records { 3 } else { 0 };
    let most = if item.count("deleted") == 0 { records - extensions } else { records };
    let expected = records.saturating_sub(extensions + of_table)..=most;
    let wrong = !item.partial && !expected.contains(&in_use);
    wrong.then(|| format!("{in_use} entries in use, expected {expected:?}"))
}

#[test]
fn every_table_and_volume_is_listed() {
    let Some(corpus) = corpus() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let listed = ["vol/", "syz/", "gen/", "mft/"];
    let items = manifest(&corpus).into_iter().filter(|item| listed.iter().any(|part| item.file.starts_with(part)));
    let items: Vec<_> = items.collect();
    assert!(!items.is_empty(), "the manifest names no volume");
    let check = |item: &Item| {
        Some(format!("{}: {}", item.file, problem(item, tool::list_with_summary(&raw(&corpus, &item.file, &folder)))?))
    };
    let problems: Vec<String> = items.iter().filter_map(check).collect();
    assert!(problems.is_empty(), "{} of {} items\n  {}\n", problems.len(), items.len(), problems.join("\n  "));
}

#[test]
fn generated_volumes_are_listed_as_they_were_made() {
    let Some(corpus) = corpus() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    for item in manifest(&corpus).iter().filter(|item| item.file.starts_with("gen/")) {
        let truth = corpus.join(item.file.replace(".ntsp", ".truth.jsonl"));
        comparison::assert_lists_the_truth(&raw(&corpus, &item.file, &folder), &truth);
    }
}
