//! What `ntfs-tables export` leaves: whole files, a manifest that is right, and errors where they belong.

mod dataset;

use std::fs;

use dataset::{Dataset, image, read, tables, text};
use sha2::{Digest, Sha256};

#[test]
fn the_manifest_has_the_hash_of_each_file() {
    let dataset = Dataset::new();
    let output = dataset.export(&[&image("disk_gpt.img"), &image("deleted.img")], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut named = Vec::new();
    for line in dataset.manifest() {
        assert_eq!(line["complete"], true);
        assert_eq!(line["schema_version"], 1);
        for file in line["files"].as_array().unwrap() {
            let path = dataset.path().join(file["path"].as_str().unwrap());
            let bytes = fs::read(&path).unwrap();
            let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(file["sha256"], hash);
            assert_eq!(file["bytes"], bytes.len());
            let rows: usize = read(&path).iter().map(arrow_array::RecordBatch::num_rows).sum();
            assert_eq!(file["rows"], rows);
            named.push(path);
        }
    }
    named.sort();
    let mut there = dataset.all();
    there.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    assert_eq!(named, there, "nothing else stands there");
    assert_eq!(there.len(), 6);
}

#[test]
fn what_is_there_is_not_written_again_unless_the_input_changed() {
    let dataset = Dataset::new();
    let input = dataset.path().join("copy.img");
    fs::copy(image("plain.img"), &input).unwrap();
    assert!(dataset.export(&[&input], &["-q"]).status.success());
    let file = dataset.files("entries").remove(0);
    let (first, written) = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
    let second = dataset.export(&[&input], &[]);
    assert!(String::from_utf8_lossy(&second.stderr).contains("is there already"));
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written);
    // By force: the same bytes again.
    assert!(dataset.export(&[&input], &["--again", "-q", "--threads", "1"]).status.success());
    assert_eq!(fs::read(&file).unwrap(), first);
    // Another volume in the same place.
    fs::copy(image("deleted.img"), &input).unwrap();
    assert!(dataset.export(&[&input], &["-q"]).status.success());
    assert_ne!(fs::read(&file).unwrap(), first);
    // A file that was damaged or lost since.
    fs::write(&file, b"PAR1").unwrap();
    assert!(dataset.export(&[&input], &["-q"]).status.success());
    assert!(read(&file).iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>() > 50);
}

#[test]
fn files_of_volumes_that_are_no_longer_found_go() {
    let dataset = Dataset::new();
    let input = dataset.path().join("copy.img");
    fs::copy(image("disk_gpt.img"), &input).unwrap();
    assert!(dataset.export(&[&input], &["-q"]).status.success());
    assert_eq!(dataset.files("entries").len(), 2);
    fs::copy(image("plain.img"), &input).unwrap();
    assert!(dataset.export(&[&input], &["-q"]).status.success());
    assert_eq!(dataset.files("entries").len(), 1);
    assert_eq!(dataset.files("ranges").len(), 1);
}

#[test]
fn unreadable_images_are_rows_of_errors_and_the_others_are_written() {
    let dataset = Dataset::new();
    let (empty, missing) = (dataset.path().join("empty.img"), dataset.path().join("missing.img"));
    fs::write(&empty, b"").unwrap();
    let output = dataset.export(&[&empty, &image("plain.img"), &missing, &image("deleted.img")], &["-q"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(dataset.files("entries").len(), 2);
    let errors: Vec<_> = dataset.files("errors").iter().flat_map(|file| read(file)).collect();
    let messages: Vec<String> = errors.iter().map(|batch| text(batch, "message", 0)).collect();
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().any(|message| message.contains("it is empty")), "{messages:?}");
    assert!(messages.iter().any(|message| message.contains("cannot open")), "{messages:?}");
    // Once the image is readable its errors go.
    fs::copy(image("plain.img"), &empty).unwrap();
    assert!(dataset.export(&[&empty], &["-q"]).status.success());
    assert_eq!((dataset.files("entries").len(), dataset.files("errors").len()), (3, 1));
}

#[test]
fn two_inputs_of_one_name_are_two_images_and_both_are_written_at_once() {
    let dataset = Dataset::new();
    let inputs = ["a", "b", "c"].map(|folder| dataset.path().join(folder).join("disk.img"));
    for input in &inputs {
        fs::create_dir_all(input.parent().unwrap()).unwrap();
        fs::copy(image("plain.img"), input).unwrap();
    }
    let run = |input| tables().arg("export").arg(input).arg("-q").arg("-o").arg(dataset.path()).spawn().unwrap();
    // Also the same one twice.
    let children: Vec<_> = inputs.iter().chain(&inputs).map(run).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(dataset.files("entries").len(), 3);
    assert_eq!(dataset.manifest().len(), 3);
    assert!(dataset.all().iter().all(|path| !path.to_string_lossy().ends_with(".part")));
}

#[test]
fn wrong_arguments_and_the_evidence_as_output_are_refused() {
    let dataset = Dataset::new();
    let bad = dataset.export(&[&image("plain.img")], &["--id", "a/b"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("cannot name an image"));
    let two = dataset.export(&[&image("plain.img"), &image("deleted.img")], &["--id", "one"]);
    assert_eq!(two.status.code(), Some(1));
    let input = dataset.path().join("copy.img");
    fs::copy(image("plain.img"), &input).unwrap();
    let onto = tables().arg("export").arg(&input).arg("-o").arg(&input).output().unwrap();
    assert_eq!(onto.status.code(), Some(1));
    assert_eq!(fs::read(&input).unwrap(), fs::read(image("plain.img")).unwrap());
    assert!(dataset.files("entries").is_empty());
}

#[test]
fn the_schema_is_said() {
    let output = tables().arg("schema").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for table in ["## entries", "## ranges", "## errors"] {
        assert!(text.contains(table));
    }
}
