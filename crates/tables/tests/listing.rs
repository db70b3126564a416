//! The dataset beside the listing of `mft_dump --format csv`: each row and each field.

mod dataset;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use ntfs_salvage_tools::writing::text::push_harmless;

use dataset::{Dataset, mft_dump, place, read, text};

#[path = "../../../benches/generator/mod.rs"]
#[allow(dead_code, reason = "others use more of it")]
mod generator;

/// Volumes of our own, and whatever else lies beside the checkout.
fn images() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let corpus = "../shared/corpus";
    let mut images: Vec<PathBuf> =
        ["testdata", "testdata/cases", corpus, &format!("{corpus}/mft"), &format!("{corpus}/img")]
            .iter()
            .filter_map(|folder| std::fs::read_dir(root.join(folder)).ok())
            .flat_map(|folder| folder.filter_map(|file| Some(file.ok()?.path())))
            .filter(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                [".img", ".mft", "_MFT", ".raw", ".dd", ".vhd", ".qcow2"].iter().any(|end| name.ends_with(end))
            })
            .filter(|path| path.metadata().is_ok_and(|file| file.len() < 64 << 20))
            .collect();
    images.sort();
    assert!(images.len() >= 11, "{images:?}");
    images
}

#[test]
fn every_field_of_every_row_is_that_of_the_listing() {
    let (mut files, mut rows) = (0, 0);
    let folder = Dataset::new();
    let table = folder.path().join("generated.mft");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&table).unwrap());
    let script = generator::Script::Latin;
    generator::Table { records: 12_000, seed: 17, script }.write_to(&mut out).unwrap();
    drop(out);
    for image in images().into_iter().chain([table]) {
        let (listing, is_listed) = mft_dump(&image);
        let dataset = Dataset::new();
        let output = dataset.export(&[&image], &["--id", "image"]);
        assert_eq!(
            output.status.success(),
            is_listed,
            "{}: {}",
            image.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        let mut reader = csv::Reader::from_reader(listing.as_slice());
        let head = reader.headers().unwrap().clone();
        let expected: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let batches: Vec<RecordBatch> = dataset.files("entries").iter().flat_map(|file| read(file)).collect();
        let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(count, expected.len(), "{}", image.display());
        // Files come by the tags of volumes, the listing in the order of the disk.
        let mut places =
            batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row))).collect::<Vec<_>>();
        let mut expected: Vec<_> = expected.iter().collect();
        if expected.iter().any(|row| !row[0].is_empty()) {
            expected.sort_by_key(|row| row[0].to_owned());
            places.sort_by_key(|(batch, row)| text(batch, "volume", *row));
        }
        for ((batch, row), expected) in places.into_iter().zip(expected) {
            for (name, field) in head.iter().zip(expected) {
                check(batch, row, name, field, &image);
            }
        }
        files += 1;
        rows += count;
    }
    println!("{rows} rows of {files} images are as the listing has them");
    assert!(rows > 10_000);
}

fn check(batch: &RecordBatch, row: usize, name: &str, field: &str, image: &Path) {
    let found = match name {
        // Said by the listing where there are several only.
        "volume" if field.is_empty() => return,
        "path" | "name" | "dos_name" | "stream" | "reparse_target" => field_of(&text(batch, name, row)),
        "damage" => words(batch, name, row).unwrap().join("|"),
        "recoverability" => text(batch, "verdict", row),
        "reparse_tag" => column::<UInt32Type>(batch, name, row).map_or(String::new(), |tag| format!("{tag:#010x}")),
        "created"
        | "modified"
        | "record_changed"
        | "accessed"
        | "name_created"
        | "name_modified"
        | "name_record_changed"
        | "name_accessed" => return check_time(batch, row, name, field, image),
        _ => plain(batch, name, row),
    };
    assert_eq!(found, field, "{}: {name} in row {row}", image.display());
}

/// A number, truth or word as the listing writes it.
fn plain(batch: &RecordBatch, name: &str, row: usize) -> String {
    let array = batch.column(place(batch, name));
    let number = match array.data_type() {
        arrow_schema::DataType::Int64 => column::<Int64Type>(batch, name, row).map(|number| number.to_string()),
        arrow_schema::DataType::UInt16 => column::<UInt16Type>(batch, name, row).map(|number| number.to_string()),
        arrow_schema::DataType::UInt32 => column::<UInt32Type>(batch, name, row).map(|number| number.to_string()),
        arrow_schema::DataType::UInt64 => column::<UInt64Type>(batch, name, row).map(|number| number.to_string()),
        arrow_schema::DataType::Boolean => {
            let flags = array.as_boolean();
            flags.is_valid(row).then(|| flags.value(row).to_string())
        }
        _ => Some(text(batch, name, row)),
    };
    number.unwrap_or_default()
}

fn column<T: arrow_array::types::ArrowPrimitiveType>(batch: &RecordBatch, name: &str, row: usize) -> Option<T::Native> {
    let array = batch.column(place(batch, name)).as_primitive::<T>();
    array.is_valid(row).then(|| array.value(row))
}

fn words(batch: &RecordBatch, name: &str, row: usize) -> Option<Vec<String>> {
    let lists = batch.column(place(batch, name)).as_list::<i32>();
    let words = lists.is_valid(row).then(|| lists.value(row))?;
    Some(words.as_string::<i32>().iter().map(|word| word.unwrap().to_owned()).collect())
}

/// A text as the listing writes it: harmful characters escaped, no formulas.
fn field_of(text: &str) -> String {
    let mut field = Vec::new();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        field.push(b'\'');
    }
    push_harmless(&mut field, text);
    String::from_utf8(field).unwrap()
}

/// The listing's date is the raw number, and the microseconds are the date without its last digit.
fn check_time(batch: &RecordBatch, row: usize, name: &str, field: &str, image: &Path) {
    let ticks = column::<UInt64Type>(batch, &format!("{name}_filetime"), row);
    let micros = column::<TimestampMicrosecondType>(batch, name, row);
    let place = format!("{}: {name} in row {row}: {field}", image.display());
    if field.is_empty() {
        assert!(ticks.is_none_or(|ticks| ticks > 1 << 63), "{place}");
        return assert_eq!(micros, None, "{place}");
    }
    let (date, rest) = field.split_once('T').unwrap();
    let date: Vec<i32> = date.trim_start_matches('+').split('-').map(|part| part.parse().unwrap()).collect();
    let day = chrono::NaiveDate::from_ymd_opt(date[0], date[1] as u32, date[2] as u32).unwrap();
    let first = chrono::NaiveDate::from_ymd_opt(1601, 1, 1).unwrap();
    let days = (day - first).num_days() as u64;
    let clock: Vec<u64> = rest.trim_end_matches('Z').split([':', '.']).map(|part| part.parse().unwrap()).collect();
    let seconds = days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2];
    assert_eq!(ticks, Some(seconds * 10_000_000 + clock[3]), "{place}");
    let since_1970 = seconds as i64 - 11_644_473_600;
    assert_eq!(micros, Some(since_1970 * 1_000_000 + (clock[3] / 10) as i64), "{place}");
}

#[test]
fn names_that_are_no_unicode_keep_their_code_units() {
    let dataset = Dataset::new();
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/links_streams.img");
    assert!(dataset.export(&[&image], &[]).status.success());
    let mut odd = 0;
    for batch in dataset.files("entries").iter().flat_map(|file| read(file)) {
        let (names, units) = (batch.column(place(&batch, "name")), batch.column(place(&batch, "name_utf16")));
        for row in 0..batch.num_rows() {
            let units = units.as_list::<i32>();
            let name = names.is_valid(row).then(|| names.as_string::<i32>().value(row));
            if !units.is_valid(row) {
                // What has no units is the name itself.
                assert!(name.is_none_or(|name| !name.contains('\u{fffd}')), "{name:?}");
                continue;
            }
            let units = units.value(row).as_primitive::<UInt16Type>().values().to_vec();
            assert!(String::from_utf16(&units).is_err());
            assert_eq!(String::from_utf16_lossy(&units), name.unwrap());
            odd += 1;
        }
    }
    assert!(odd > 0);
}

#[test]
fn lists_say_what_rows_say() {
    let dataset = Dataset::new();
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/links_streams.img");
    assert!(dataset.export(&[&image], &[]).status.success());
    let batches: Vec<RecordBatch> = dataset.files("entries").iter().flat_map(|file| read(file)).collect();
    let (mut with_links, mut with_streams) = (0, 0);
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let record = column::<Int64Type>(batch, "record", row);
            let rows: Vec<usize> =
                (0..batch.num_rows()).filter(|other| column::<Int64Type>(batch, "record", *other) == record).collect();
            let is_first = batch.column(place(batch, "is_first")).as_boolean().value(row);
            assert_eq!(is_first, rows.first() == Some(&row));
            let links = batch.column(place(batch, "links")).as_list::<i32>();
            let streams = batch.column(place(batch, "streams")).as_list::<i32>();
            let paths: Vec<String> = rows.iter().map(|row| text(batch, "path", *row)).collect();
            if links.is_valid(row) {
                let items = links.value(row);
                let listed = items.as_struct().column_by_name("path").unwrap().as_string::<i32>().iter();
                assert!(listed.zip(&paths).all(|(one, two)| one == Some(two)), "{paths:?}");
                assert!(is_first && items.len() > 1);
                with_links += 1;
            }
            if streams.is_valid(row) {
                let items = streams.value(row);
                let names = items.as_struct().column_by_name("name").unwrap().as_string::<i32>().clone();
                let of_rows: Vec<String> = rows.iter().map(|row| text(batch, "stream", *row)).collect();
                assert!(
                    names.iter().all(|name| of_rows.iter().any(|other| Some(other.as_str()) == name)),
                    "{of_rows:?}"
                );
                assert!(is_first && items.len() > 1);
                with_streams += 1;
            }
        }
    }
    assert!(with_links > 0 && with_streams > 0, "{with_links} {with_streams}");
}

#[test]
fn ranges_cover_each_stream_in_question() {
    let dataset = Dataset::new();
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/deleted.img");
    assert!(dataset.export(&[&image], &["--ranges", "all"]).status.success());
    let mut sums = std::collections::BTreeMap::<(i64, u32), u64>::new();
    for batch in dataset.files("ranges").iter().flat_map(|file| read(file)) {
        for row in 0..batch.num_rows() {
            let key = (
                column::<Int64Type>(&batch, "record", row).unwrap(),
                column::<UInt32Type>(&batch, "stream_index", row).unwrap(),
            );
            let sum = sums.entry(key).or_default();
            // Each goes on where the one before ended.
            assert_eq!(column::<UInt64Type>(&batch, "start", row), Some(*sum));
            *sum += column::<UInt64Type>(&batch, "bytes", row).unwrap();
        }
    }
    let mut checked = 0;
    for batch in dataset.files("entries").iter().flat_map(|file| read(file)) {
        for row in 0..batch.num_rows() {
            let record = column::<Int64Type>(&batch, "record", row).unwrap();
            let size = column::<UInt64Type>(&batch, "size", row).unwrap_or(0);
            let is_main = text(&batch, "stream", row).is_empty();
            if is_main && size > 0 && column::<UInt64Type>(&batch, "size", row).is_some() {
                let mut of_record = sums.iter().filter(|((number, _), _)| *number == record);
                assert!(of_record.any(|(_, sum)| *sum == size), "record {record}");
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked}");
    let mut told = String::new();
    write!(told, "{} streams", sums.len()).unwrap();
}
