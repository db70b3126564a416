//! A disk in a container lists, recovers and is judged as the disk itself: in every format and option that `qemu-img`
//! and `ewfacquire` can write.
#![cfg(feature = "containers")]

#[path = "virtual_disks/made.rs"]
#[allow(dead_code, reason = "the other tests of virtual disks use the rest")]
mod made;
mod tool;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use made::{Folder, is_installed, qemu_img};
use serde_json::Value;

/// What the tools say of an input, but for its name and what it is.
#[derive(PartialEq)]
struct Said {
    listing: String,
    manifest: Vec<Value>,
}

struct Tools {
    mft_dump: PathBuf,
    recover: PathBuf,
}

impl Tools {
    fn new() -> Self {
        Self { mft_dump: tool::program("mft_dump"), recover: tool::program("recover") }
    }

    fn of(&self, input: &Path) -> Said {
        let run = |program: &Path, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).arg(input).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{arguments:?} {}: {errors}", input.display());
            String::from_utf8(output.stdout).unwrap()
        };
        let listing = run(&self.mft_dump, &["-q", "--format", "jsonl", "--verify-content"]);
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        run(&self.recover, &["-q", "--all", "-d", out.to_str().unwrap()]);
        let manifest = fs::read_to_string(out.join("manifest.jsonl")).unwrap();
        let mut manifest: Vec<Value> = manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let header = manifest[0].as_object_mut().unwrap();
        assert!(header.remove("input").is_some() && header.remove("arguments").is_some());
        Said { listing, manifest }
    }
}

fn assert_same(found: &Said, expected: &Said, what: &str) {
    for (found, expected) in found.listing.lines().zip(expected.listing.lines()) {
        assert_eq!(found, expected, "{what}");
    }
    for (found, expected) in found.manifest.iter().zip(&expected.manifest) {
        assert_eq!(found, expected, "{what}");
    }
    assert!(found == expected, "{what}: one says more than the other");
}

/// A disk with two volumes, live and deleted, compressed and sparse files on them.
fn disk(folder: &Folder) -> PathBuf {
    let volumes = ["testdata/deleted.img", "testdata/compressed_sparse.img"];
    let mut bytes = vec![0; 1 << 20];
    for (number, volume) in volumes.into_iter().enumerate() {
        let volume = fs::read(tool::repository(volume)).unwrap();
        let sectors = |length: usize| u32::try_from(length / 512).unwrap().to_le_bytes();
        let entry = [&[0, 0, 0, 0, 7, 0, 0, 0][..], &sectors(bytes.len()), &sectors(volume.len())].concat();
        bytes[446 + 16 * number..][..16].copy_from_slice(&entry);
        bytes.extend(volume);
        bytes.resize(bytes.len().next_multiple_of(1 << 20), 0);
    }
    bytes[510..512].copy_from_slice(&[0x55, 0xAA]);
    let path = folder.path("disk.raw");
    fs::write(&path, bytes).unwrap();
    path
}

fn expected(tools: &Tools, disk: &Path) -> Said {
    let said = tools.of(disk);
    let count = |kind: &str| said.manifest.iter().filter(|line| line["type"] == kind).count();
    assert!(count("volume") == 2 && count("stream") > 70, "{}", count("stream"));
    said
}

#[test]
fn virtual_disks_say_what_the_disk_says() {
    if !is_installed("qemu-img") {
        return;
    }
    let (tools, folder) = (Tools::new(), Folder::new());
    let disk = disk(&folder);
    let expected = expected(&tools, &disk);
    let mut compared = 0;
    let fixed: &[(&str, &str, &[&str])] =
        &[("vhd", "vpc", &["-o", "force_size=on"]), ("vhd", "vpc", &["-o", "force_size=on,subformat=fixed"])];
    for (number, (extension, format, options)) in fixed.iter().chain(made::OPTIONS).enumerate() {
        let name = format!("disk{number}.{extension}");
        let arguments = [&["convert", "-f", "raw", "-O", *format], *options, &[disk.to_str().unwrap(), &name]].concat();
        if !qemu_img(&folder, &arguments) {
            eprintln!("skipped: qemu-img does not make {format} {options:?}");
            continue;
        }
        assert_same(&tools.of(&folder.path(&name)), &expected, &format!("{format} {options:?}"));
        compared += 1;
    }
    println!("{compared} kinds of virtual disks say what the disk says");
    assert!(compared > 15, "{compared}");
}

/// An evidence file of the disk, if ewfacquire can make it so.
fn acquire(folder: &Folder, disk: &Path, name: &str, options: &[&str]) -> Option<PathBuf> {
    let target = folder.path(name);
    let mut command = Command::new("ewfacquire");
    command.args(["-u", "-q"]).args(options).arg("-t").arg(&target).arg(disk);
    let made = command.stdin(Stdio::null()).output().unwrap();
    let images = ["E01", "s01"].map(|extension| target.with_extension(extension));
    images.into_iter().find(|image| made.status.success() && image.exists())
}

#[test]
fn evidence_files_and_split_images_say_what_the_disk_says() {
    let (tools, folder) = (Tools::new(), Folder::new());
    let disk = disk(&folder);
    let expected = expected(&tools, &disk);
    let bytes = fs::read(&disk).unwrap();
    for names in [["d.001", "d.002", "d.003"], ["d.aa", "d.ab", "d.ac"]] {
        for (name, piece) in names.iter().zip(bytes.chunks(bytes.len().div_ceil(names.len()).next_multiple_of(512))) {
            fs::write(folder.path(name), piece).unwrap();
        }
        assert_same(&tools.of(&folder.path(names[0])), &expected, names[0]);
    }
    if !is_installed("ewfacquire") {
        return;
    }
    let mut compared = 0;
    let kinds =
        ["encase1", "encase2", "encase3", "encase4", "encase5", "encase6", "encase7", "ftk", "smart", "linen7", "ewf"];
    for (kind, compression, segment) in kinds.iter().flat_map(|kind| [(kind, "none", "1MiB"), (kind, "best", "1.4GiB")])
    {
        let options = ["-c", compression, "-S", segment, "-f", kind];
        let Some(image) = acquire(&folder, &disk, &format!("{kind}-{compression}"), &options) else {
            eprintln!("skipped: ewfacquire does not make {kind} {compression}");
            continue;
        };
        assert_same(&tools.of(&image), &expected, &format!("{kind} {compression}"));
        compared += 1;
    }
    println!("{compared} kinds of evidence files say what the disk says");
    assert!(compared > 15, "{compared}");
}

/// Bytes of a chunk that the container knows to be wrong are lost to the very files that lie there, and to no other.
#[test]
fn a_damaged_chunk_of_an_evidence_file_lowers_the_files_in_it_and_no_other() {
    if !is_installed("ewfacquire") {
        return;
    }
    let (tools, folder) = (Tools::new(), Folder::new());
    let disk = disk(&folder);
    let expected = expected(&tools, &disk);
    let bytes = fs::read(&disk).unwrap();
    let image = acquire(&folder, &disk, "case", &["-c", "none", "-b", "64", "-f", "encase6"]).unwrap();
    let sound = fs::read(&image).unwrap();
    let sectors: Vec<usize> = places(&expected).into_iter().filter(|place| has_one_copy(&bytes, *place)).collect();
    assert!(sectors.len() > 5, "{}", sectors.len());
    let mut lowered = 0;
    for place in sectors.iter().step_by(sectors.len() / 5) {
        let sector = &bytes[*place..*place + 512];
        let mut damaged = sound.clone();
        let at = sound.windows(512).position(|window| window == sector).unwrap();
        damaged[at + 100] ^= 1;
        fs::write(&image, damaged).unwrap();
        let found = tools.of(&image);
        let chunk = place / 32_768 * 32_768..place / 32_768 * 32_768 + 32_768;
        let touches = |line: &&Value| {
            let ranges = line["ranges"].as_array().unwrap().iter();
            ranges
                .filter_map(|range| Some((range["source_offset"].as_u64()?, range["length"].as_u64()?)))
                .any(|(offset, length)| (offset as usize) < chunk.end && chunk.start < (offset + length) as usize)
        };
        let streams = |said: &Said| -> Vec<Value> {
            said.manifest.iter().filter(|line| line["type"] == "stream").cloned().collect()
        };
        let (found, expected) = (streams(&found), streams(&expected));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            if touches(&expected) {
                assert!(found["verdict"] != "intact" && found["verdict"] != "likely", "{chunk:?}: {found}");
                lowered += 1;
            } else {
                assert_eq!(found, expected, "{chunk:?}");
            }
        }
    }
    assert!(lowered >= 5, "{lowered}");
}

/// Where the clusters of whole streams start in the disk.
fn places(said: &Said) -> Vec<usize> {
    let streams = said.manifest.iter().filter(|line| line["verdict"] == "intact" || line["verdict"] == "likely");
    let ranges = streams.filter_map(|line| line["ranges"].as_array()).flatten();
    let long = ranges.filter(|range| range["length"].as_u64() >= Some(512));
    long.filter_map(|range| range["source_offset"].as_u64()).map(|place| place as usize / 512 * 512).collect()
}

/// True where no other sector of the disk has the same bytes.
fn has_one_copy(disk: &[u8], place: usize) -> bool {
    let sector = &disk[place..place + 512];
    disk.chunks(512).filter(|other| *other == sector).count() == 1
}
