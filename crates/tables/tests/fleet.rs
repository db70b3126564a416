//! Many processes write one dataset, as the page on fleets has it.

mod dataset;
mod python;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dataset::{Dataset, image, tables};
use python::{is_there, python};

/// Copies of a few volumes, so that there are many images.
fn images(folder: &Path, count: usize) -> Vec<PathBuf> {
    let volumes = ["plain.img", "deleted.img", "links_streams.img", "mft_attribute_list.img"].map(image);
    let copy = |place: usize| {
        let path = folder.join(format!("machine-{place}.img"));
        fs::copy(&volumes[place % volumes.len()], &path).unwrap();
        path
    };
    (0..count).map(copy).collect()
}

/// The files of a dataset by their places in it. The manifest has no times of writing, so that it is compared, too.
fn contents(dataset: &Dataset) -> BTreeMap<PathBuf, Vec<u8>> {
    let name = |path: &PathBuf| path.strip_prefix(dataset.path()).unwrap().to_owned();
    dataset.all().iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

#[test]
fn processes_side_by_side_write_what_one_writes_and_a_killed_one_harms_nothing() {
    let folder = Dataset::new();
    let images = images(folder.path(), 16);
    let inputs: Vec<&Path> = images.iter().map(PathBuf::as_path).collect();
    let one = Dataset::new();
    assert!(one.export(&inputs, &["-q"]).status.success());
    let many = Dataset::new();
    // Stopped at any point, and run again.
    let mut stopped = tables().arg("export").args(&inputs).args(["-q", "-o"]).arg(many.path()).spawn().unwrap();
    while many.files("entries").is_empty() && stopped.try_wait().unwrap().is_none() {}
    let _ = stopped.kill();
    stopped.wait().unwrap();
    let mut xargs = Command::new("xargs")
        .args(["-0", "-P", "2", "-n", "1", env!("CARGO_BIN_EXE_ntfs-tables"), "export", "--threads", "1", "-q", "-o"])
        .arg(many.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let list: Vec<u8> =
        images.iter().flat_map(|path| path.as_os_str().as_encoded_bytes().iter().copied().chain([0])).collect();
    std::io::Write::write_all(&mut xargs.stdin.take().unwrap(), &list).unwrap();
    assert!(xargs.wait().unwrap().success());
    let (expected, mut found) = (contents(&one), contents(&many));
    // What a killed process has begun stands beside under a name that no engine reads.
    found.retain(|path, _| expected.contains_key(path) || path.extension().is_some_and(|end| end == "parquet"));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert!(found == expected);
    assert_eq!(one.manifest().len(), 16);
}

#[test]
fn the_job_of_kubernetes_is_as_its_schema_has_it() {
    if !is_there("kubernetes_validate") {
        println!("skipped: kubernetes_validate cannot be had");
        return;
    }
    let validate = |path: &Path| {
        python(&["-m", "kubernetes_validate", "--strict", path.to_str().unwrap()])
            .is_some_and(|run| run.status.success())
    };
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet/export-job.yaml");
    assert!(validate(&job));
    // The validator sees what is wrong.
    let folder = Dataset::new();
    let wrong = folder.path().join("wrong.yaml");
    fs::write(&wrong, fs::read_to_string(&job).unwrap().replace("parallelism:", "paralelism:")).unwrap();
    assert!(!validate(&wrong));
}
