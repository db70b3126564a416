//! `ntfs-tables sql`: images and datasets give the same answers, and those of the listing.

#![cfg(feature = "sql")]

mod dataset;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use dataset::{Dataset, image, mft_dump, tables};
use serde_json::Value;

const IMAGES: [&str; 4] = ["disk_gpt.img", "deleted.img", "links_streams.img", "compressed_sparse.img"];

fn sql(question: &str, inputs: &[&Path], options: &[&str]) -> Output {
    tables().args(["sql", "--format", "jsonl"]).args(options).arg(question).args(inputs).output().unwrap()
}

fn rows(question: &str, inputs: &[&Path]) -> Vec<Value> {
    let output = sql(question, inputs, &[]);
    assert!(output.status.success(), "{question}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The volumes of the repository, and a dataset of them.
fn inputs() -> (Vec<PathBuf>, Dataset) {
    let images: Vec<PathBuf> = IMAGES.iter().map(|name| image(name)).collect();
    let dataset = Dataset::new();
    let paths: Vec<&Path> = images.iter().map(PathBuf::as_path).collect();
    let output = dataset.export(&paths, &["-q"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (images, dataset)
}

/// Asks the images and the dataset, which have to say the same.
fn both(question: &str) -> Vec<Value> {
    let (images, dataset) = inputs();
    let paths: Vec<&Path> = images.iter().map(PathBuf::as_path).collect();
    let found = rows(question, &paths);
    assert_eq!(found, rows(question, &[dataset.path()]), "{question}");
    found
}

/// The rows of all listings, by the columns of the csv.
fn listed() -> Vec<BTreeMap<String, String>> {
    let mut all = Vec::new();
    for name in IMAGES {
        let (listing, _) = mft_dump(&image(name));
        let mut reader = csv::Reader::from_reader(listing.as_slice());
        let head = reader.headers().unwrap().clone();
        for record in reader.records() {
            let mut row: BTreeMap<String, String> =
                head.iter().map(str::to_owned).zip(record.unwrap().iter().map(str::to_owned)).collect();
            row.insert("image".into(), name.into());
            all.push(row);
        }
    }
    all
}

fn question(name: &str) -> String {
    format!("@{}", Path::new(env!("CARGO_MANIFEST_DIR")).join("queries").join(name).display())
}

#[test]
fn counts_and_sums_are_those_of_the_listing() {
    let found = both("SELECT state, count(*) AS rows, sum(size) AS bytes FROM entries GROUP BY state ORDER BY state");
    let mut expected = BTreeMap::<String, (u64, u64)>::new();
    for row in listed() {
        let (rows, bytes) = expected.entry(row["state"].clone()).or_default();
        *rows += 1;
        *bytes += row["size"].parse::<u64>().unwrap_or(0);
    }
    let found: BTreeMap<String, (u64, u64)> = found
        .iter()
        .map(|row| {
            (
                row["state"].as_str().unwrap().to_owned(),
                (row["rows"].as_u64().unwrap(), row["bytes"].as_u64().unwrap_or(0)),
            )
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn filters_leave_out_what_they_say_and_nothing_else() {
    let listed = listed();
    let count =
        |is_meant: &dyn Fn(&BTreeMap<String, String>) -> bool| listed.iter().filter(|row| is_meant(row)).count();
    let record = |row: &BTreeMap<String, String>| row["record"].parse::<u64>().unwrap_or(u64::MAX);
    let cases: [(&str, usize); 9] = [
        ("record < 5", count(&|row| record(row) < 5)),
        ("record >= 30 AND record <= 40", count(&|row| (30..=40).contains(&record(row)))),
        ("record = 5 OR record = 30", count(&|row| [5, 30].contains(&record(row)))),
        ("state = 'deleted'", count(&|row| row["state"] == "deleted")),
        ("state IN ('deleted', 'orphan')", count(&|row| ["deleted", "orphan"].contains(&row["state"].as_str()))),
        ("state <> 'live'", count(&|row| row["state"] != "live")),
        ("directory", count(&|row| row["directory"] == "true")),
        ("NOT directory AND record > 100", count(&|row| row["directory"] == "false" && record(row) > 100)),
        (
            "modified >= timestamp '2022-01-01T00:00:00Z' AND modified < timestamp '2022-02-01T00:00:00Z'",
            count(&|row| row["modified"].starts_with("2022-01-")),
        ),
    ];
    let (images, dataset) = inputs();
    let paths: Vec<&Path> = images.iter().map(PathBuf::as_path).collect();
    for (filter, expected) in cases {
        for inputs in [&paths[..], &[dataset.path()]] {
            let found = rows(&format!("SELECT count(*) AS n FROM entries WHERE {filter}"), inputs);
            assert_eq!(found[0]["n"].as_u64(), Some(expected as u64), "{filter}");
        }
    }
    assert!(cases.iter().filter(|(_, expected)| *expected > 0).count() >= 7, "{cases:?}");
}

#[test]
fn files_deleted_before_a_time_are_those_of_the_listing() {
    let found = both(&question("deleted_before.sql"));
    let is_meant = |row: &&BTreeMap<String, String>| {
        let time = &row["record_changed"];
        row["state"] == "deleted"
            && row["directory"] == "false"
            && time.as_str() >= "2022-04-01"
            && time.as_str() < "2022-06-01"
    };
    let mut expected: Vec<String> = listed().iter().filter(is_meant).map(|row| row["path"].clone()).collect();
    let mut paths: Vec<String> = found.iter().map(|row| row["path"].as_str().unwrap_or_default().to_owned()).collect();
    expected.sort();
    // A file has several rows in the listing, one here.
    expected.dedup();
    paths.sort();
    assert!(!paths.is_empty());
    assert_eq!(paths, expected);
}

#[test]
fn set_back_times_come_with_their_base_rate() {
    let found = both(&question("timestomped.sql"));
    assert!(!found.is_empty());
    for row in &found {
        assert!(row["is_earlier"] == true || row["is_whole_second"] == true, "{row}");
        let is_earlier = row["created"].as_str().unwrap() < row["name_created"].as_str().unwrap();
        assert!(row["is_earlier"] == is_earlier || row["created"] == row["name_created"], "{row}");
        assert!((0.0..=100.0).contains(&row["earlier_percent"].as_f64().unwrap()), "{row}");
    }
}

#[test]
fn streams_are_counted_by_name() {
    let found = both(&question("streams_by_name.sql"));
    let mut expected = BTreeMap::<String, u64>::new();
    for row in listed().iter().filter(|row| !row["stream"].is_empty()) {
        *expected.entry(row["stream"].clone()).or_default() += 1;
    }
    let found: BTreeMap<String, u64> =
        found.iter().map(|row| (row["stream"].as_str().unwrap().to_owned(), row["files"].as_u64().unwrap())).collect();
    assert!(expected.len() > 3, "{expected:?}");
    assert_eq!(found, expected);
}

#[test]
fn the_biggest_losses_come_first() {
    let found = both(&question("biggest_losses.sql"));
    let lost: Vec<u64> = found.iter().map(|row| row["lost"].as_u64().unwrap()).collect();
    assert!(lost.len() > 1 && lost.is_sorted_by(|one, next| one >= next), "{lost:?}");
    assert!(found.iter().all(|row| row["verdict"] != "intact" && !row["why"].as_str().unwrap().is_empty()));
    let lines = listed();
    let is_there = |row: &Value| {
        let (path, verdict) = (row["path"].as_str().unwrap_or_default(), row["verdict"].as_str().unwrap());
        lines.iter().any(|line| line["path"] == path && line["recoverability"] == verdict)
    };
    assert!(found.iter().all(is_there));
}

#[test]
fn what_several_machines_have_is_counted_by_machine() {
    let copies = Dataset::new();
    let mut paths = Vec::new();
    for name in ["one", "two", "three"] {
        let path = copies.path().join(format!("{name}.img"));
        fs::copy(image(if name == "three" { "links_streams.img" } else { "deleted.img" }), &path).unwrap();
        paths.push(path);
    }
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let found = rows(&question("same_on_several.sql"), &paths);
    assert!(found.len() > 20, "{}", found.len());
    assert!(found.iter().all(|row| row["images"].as_u64() >= Some(2)));
    // What only the two copies have is on two.
    assert!(found.iter().filter(|row| row["images"] == 2).count() > 20);
}

#[test]
fn the_answer_has_the_form_that_is_asked_for() {
    let folder = Dataset::new();
    let path = image("plain.img");
    let question = "SELECT name, size FROM entries WHERE record = 5";
    let ask = |arguments: &[&str]| tables().args(["sql", question]).arg(&path).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8(ask(&["--format", "csv"]).stdout).unwrap(), "name,size\n.,\n");
    assert!(String::from_utf8(ask(&[]).stdout).unwrap().contains("| name | size |"));
    let file = folder.path().join("answer.parquet");
    let written = ask(&["--format", "parquet", "-o", file.to_str().unwrap()]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert_eq!(dataset::read(&file).iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), 1);
    // Nothing is written over.
    let again = ask(&["--format", "parquet", "-o", file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn what_goes_wrong_is_said_in_a_sentence() {
    let folder = Dataset::new();
    let none = folder.path().join("none.img");
    fs::write(&none, vec![7; 1 << 20]).unwrap();
    let plain = image("plain.img");
    // The others are answered, and the exit code says that something is missing.
    let output = sql("SELECT count(*) AS n FROM entries", &[&none, &plain], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("none.img"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(row["n"].as_u64() > Some(100));
    let output = sql("SELECT image, input, message FROM errors", &[&none, &plain], &[]);
    assert_eq!(output.status.code(), Some(1));
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(row["input"], none.to_str().unwrap());
    assert!(
        row["image"].as_str().unwrap().starts_with("none-") && row["message"].as_str().unwrap().len() > 20,
        "{row}"
    );
    // As a dataset has them, and where all is well there are none.
    let both = Dataset::new();
    assert_eq!(both.export(&[&none, &plain], &["-q"]).status.code(), Some(1));
    assert_eq!(rows("SELECT image, input, message FROM errors", &[both.path()]), [row]);
    assert_eq!(rows("SELECT * FROM errors", &[&plain]), [] as [Value; 0]);
    for (question, said) in [
        ("SELECT colour FROM entries", "colour"),
        ("SELECT * FROM files", "files"),
        ("SELEC", "SELEC"),
        ("DROP TABLE entries", "DropTable"),
        ("COPY entries TO '/tmp/x.csv'", "COPY"),
    ] {
        let output = sql(question, &[&plain], &[]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{question}");
        assert!(message.contains(said), "{question}: {message}");
        assert!(message.lines().count() <= 3, "{message}");
    }
    // A dataset without ranges has no table of them, which is not an empty one.
    let without = Dataset::new();
    assert!(without.export(&[&plain], &["-q", "--ranges", "no"]).status.success());
    assert!(String::from_utf8_lossy(&sql("SELECT * FROM ranges", &[without.path()], &[]).stderr).contains("ranges"));
    assert_eq!(rows("SELECT * FROM errors", &[without.path()]), [] as [Value; 0]);
    // A dataset of another version.
    let dataset = Dataset::new();
    assert!(dataset.export(&[&plain], &["-q"]).status.success());
    let line = fs::read_dir(dataset.path().join("manifest")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&line).unwrap().replace("\"schema_version\":1", "\"schema_version\":99");
    fs::write(&line, text).unwrap();
    let output = sql("SELECT count(*) FROM entries", &[dataset.path()], &[]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("99") && message.contains("version 1"), "{message}");
}
