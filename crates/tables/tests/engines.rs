//! Engines that know nothing of us read the dataset: DuckDB, Polars, pyarrow and stock DataFusion, with the same answers.
//!
//! They are had with pip, into the folder of the build. Where they cannot be, the test is skipped, and says so.

mod dataset;
mod python;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt16Type, UInt64Type};
use arrow_array::{Array, RecordBatch};

use dataset::{Dataset, image, place, read, text};
use python::{is_there, python};

const ENGINES: [&str; 4] = ["duckdb", "polars", "pyarrow", "datafusion"];

#[test]
fn other_engines_read_the_same() {
    let dataset = Dataset::new();
    let images = ["disk_gpt.img", "deleted.img", "links_streams.img", "mft_attribute_list.img"].map(image);
    let inputs: Vec<&Path> = images.iter().map(PathBuf::as_path).collect();
    assert!(dataset.export(&inputs, &["-q"]).status.success());
    let expected = answers(&dataset);
    assert!(expected["rows"].as_array().unwrap().len() > 1000);
    #[cfg(feature = "sql")]
    {
        let found = datafusion(dataset.path());
        assert_eq!(found["by_state"], expected["by_state"]);
        assert_eq!(found["runs"], expected["runs"]);
        assert_eq!(sorted(&found["rows"]), sorted(&expected["rows"]));
    }
    let mut skipped = 0;
    for engine in ENGINES {
        if !is_there(engine) {
            skipped += 1;
            println!("skipped: {engine} cannot be had");
            continue;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines.py");
        let output = python(&[script.to_str().unwrap(), engine, dataset.path().to_str().unwrap()]).unwrap();
        assert!(output.status.success(), "{engine}: {}", String::from_utf8_lossy(&output.stderr));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["by_state"], expected["by_state"], "{engine}");
        assert_eq!(found["runs"], expected["runs"], "{engine}");
        assert_eq!(sorted(&found["rows"]), sorted(&expected["rows"]), "{engine}");
    }
    println!("{} engines read the same, {skipped} skipped", ENGINES.len() - skipped);
}

/// The answers of `ntfs-tables sql`, which is DataFusion.
#[cfg(feature = "sql")]
fn datafusion(dataset: &Path) -> Value {
    let ask = |question: &str, columns: &[&str]| -> Vec<Value> {
        let output = dataset::tables().args(["sql", "--format", "jsonl", question]).arg(dataset).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        let row = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            columns.iter().map(|column| line.get(column).cloned().unwrap_or(Value::Null)).collect()
        };
        lines.lines().map(row).collect()
    };
    let question = "SELECT image, state, count(*) AS rows, coalesce(sum(size), 0) AS bytes FROM entries \
                    GROUP BY image, state ORDER BY image, state";
    let by_state = ask(question, &["image", "state", "rows", "bytes"]);
    let question = "SELECT image, volume, record, sequence, coalesce(path, '') AS path, created_filetime FROM entries";
    let rows = ask(question, &["image", "volume", "record", "sequence", "path", "created_filetime"]);
    let runs = ask("SELECT sum(coalesce(array_length(runs), 0)) AS runs FROM entries", &["runs"]);
    json!({ "by_state": by_state, "rows": rows, "runs": runs[0][0] })
}

fn sorted(rows: &Value) -> Vec<String> {
    let mut rows: Vec<String> = rows.as_array().unwrap().iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

/// The same questions, answered from the files by hand.
fn answers(dataset: &Dataset) -> Value {
    let mut by_state = std::collections::BTreeMap::<(String, String), (u64, u64)>::new();
    let (mut rows, mut runs) = (Vec::new(), 0);
    for file in dataset.files("entries") {
        let image = file.parent().unwrap().file_name().unwrap().to_str().unwrap().strip_prefix("image=").unwrap();
        for batch in read(&file) {
            for row in 0..batch.num_rows() {
                let sums = by_state.entry((image.to_owned(), text(&batch, "state", row))).or_default();
                let size = number(&batch, "size", row).unwrap_or(0);
                *sums = (sums.0 + 1, sums.1 + size);
                let record = batch.column(place(&batch, "record")).as_primitive::<Int64Type>().value(row);
                let sequence = batch.column(place(&batch, "sequence")).as_primitive::<UInt16Type>().value(row);
                let (volume, path) = (text(&batch, "volume", row), text(&batch, "path", row));
                rows.push(json!([image, volume, record, sequence, path, number(&batch, "created_filetime", row)]));
                let lists = batch.column(place(&batch, "runs")).as_list::<i32>();
                runs += if lists.is_valid(row) { lists.value(row).len() } else { 0 };
            }
        }
    }
    let by_state: Vec<Value> =
        by_state.into_iter().map(|((image, state), (count, size))| json!([image, state, count, size])).collect();
    json!({ "by_state": by_state, "rows": rows, "runs": runs })
}

fn number(batch: &RecordBatch, name: &str, row: usize) -> Option<u64> {
    let numbers = batch.column(place(batch, name)).as_primitive::<UInt64Type>();
    numbers.is_valid(row).then(|| numbers.value(row))
}
