//! Evidence files and virtual disks against the bytes that other tools read from them.
#![cfg(feature = "containers")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ntfs_salvage::container;
use ntfs_salvage::source::Source;

/// True where a program runs; says so where not.
fn has(program: &str) -> bool {
    let runs = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !runs {
        eprintln!("skipped: {program} is not installed");
    }
    runs
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn corpus(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/img").join(name);
    path.exists().then_some(path)
}

/// All bytes of a file's disk; what is missing, too.
fn read(path: &Path) -> (Vec<u8>, Vec<Range<u64>>) {
    let evidence = container::open(path).unwrap();
    assert!(evidence.container().is_some(), "{}", path.display());
    let mut bytes = vec![0; usize::try_from(evidence.size()).unwrap()];
    let missing = evidence.read_readable(0, &mut bytes);
    // Pieces of odd sizes give the same as one read.
    let mut piece = vec![0; 77_777];
    for start in (0..bytes.len()).step_by(piece.len()) {
        let end = (start + piece.len()).min(bytes.len());
        evidence.read_readable(start as u64, &mut piece[..end - start]);
        assert_eq!(piece[..end - start], bytes[start..end], "{} at {start}", path.display());
    }
    (bytes, missing)
}

fn same(ours: &[u8], theirs: &[u8], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}: the size");
    let first = ours.iter().zip(theirs).position(|(one, other)| one != other);
    assert_eq!(first, None, "{what}: the first byte that differs");
}

/// A disk of a few MiB: text, noise, zeros, and a last chunk that is not full.
fn disk(folder: &Path) -> (PathBuf, Vec<u8>) {
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let mut bytes = Vec::new();
    for block in 0..240_u32 {
        match block % 5 {
            0 => bytes.extend((0..32_768).map(|_| noise())),
            1 | 4 => bytes.extend(format!("line {block} of a text that repeats\n").bytes().cycle().take(32_768)),
            _ => bytes.extend([0; 32_768]),
        }
    }
    bytes.truncate(bytes.len() - 512 * 13);
    let path = folder.join("disk.raw");
    std::fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

/// The kinds that ewfacquire can write, or says that it can.
const KINDS: &[&str] = &[
    "encase1", "encase2", "encase3", "encase4", "encase5", "encase6", "encase7", "ftk", "smart", "linen5", "linen6",
    "linen7", "ewf",
];

/// Makes an image of `raw`, if ewfacquire can make this kind.
fn acquire(
    raw: &Path,
    target: &Path,
    kind: &str,
    (compression, sectors, segment): (&str, &str, &str),
) -> Option<PathBuf> {
    let mut arguments =
        vec!["-u", "-q", "-t", target.to_str()?, "-f", kind, "-c", compression, "-b", sectors, "-S", segment];
    arguments.extend([
        "-C",
        "case 17",
        "-e",
        "an examiner",
        "-E",
        "item 3",
        "-D",
        "a description",
        "-N",
        "notes",
        "-m",
        "fixed",
        "-M",
        "physical",
    ]);
    let made = Command::new("ewfacquire").args(arguments).arg(raw).stdin(Stdio::null()).output().unwrap();
    let image = target.with_extension(if kind == "smart" { "s01" } else { "E01" });
    let is_made = made.status.success() && image.exists();
    if !is_made {
        eprintln!("skipped: ewfacquire does not make {kind} {compression}: {}", String::from_utf8_lossy(&made.stderr));
    }
    is_made.then_some(image)
}

#[test]
fn e01_of_ewfacquire_in_all_its_kinds_reads_as_the_disk() {
    if !has("ewfacquire") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (raw, bytes) = disk(folder.path());
    let settings = [("none", "64", "1.4GiB"), ("fast", "64", "1MiB"), ("best", "128", "1.4GiB")];
    let all: Vec<_> = KINDS.iter().flat_map(|kind| settings.map(|setting| (*kind, setting))).collect();
    let mut tried = 0;
    for (number, (kind, setting)) in all.iter().enumerate() {
        let target = folder.path().join(format!("case{number}"));
        let Some(image) = acquire(&raw, &target, kind, *setting) else { continue };
        let what = format!("{kind} {setting:?}");
        let (read, missing) = read(&image);
        same(&read, &bytes, &what);
        assert_eq!(missing, [], "{what}");
        let evidence = container::open(&image).unwrap();
        let facts = evidence.container().unwrap().facts().unwrap().clone();
        assert_eq!(facts.notes, Vec::<String>::new(), "{what}");
        assert!(facts.hashes.iter().any(|hash| hash.algorithm == "MD5"), "{what}");
        assert!(facts.fields.contains(&("case number".to_owned(), "case 17".to_owned())), "{what}: {facts:?}");
        assert_eq!(evidence.files().count() > 1, setting.2 == "1MiB", "{what}");
        tried += 1;
    }
    eprintln!("{tried} of {} kinds of E01 compared", all.len());
    assert!(tried > 20);
}

#[test]
fn published_evidence_files_read_as_ewfexport_reads_them() {
    if !has("ewfexport") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in
        ["gpt_130_partitions.E01", "image-split.E01", "imageformat_mmls_1.E01", "ntfs_sample.E01", "plaso_image.E01"]
    {
        let Some(path) = corpus(name) else {
            eprintln!("skipped: no corpus beside the sources");
            return;
        };
        let target = folder.path().join(name);
        run("ewfexport", &["-u", "-q", "-t", target.to_str().unwrap(), "-f", "raw", path.to_str().unwrap()]);
        let (ours, missing) = read(&path);
        let theirs = std::fs::read(target.with_extension("E01.raw")).unwrap();
        same(&ours, &theirs, name);
        assert_eq!(missing, [], "{name}");
        let evidence = container::open(&path).unwrap();
        eprintln!("{name}: {:?}", evidence.container().unwrap().facts());
    }
}

#[test]
fn vhd_of_qemu_reads_as_the_disk() {
    if !has("qemu-img") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (raw, bytes) = disk(folder.path());
    for kind in ["fixed", "dynamic"] {
        let image = folder.path().join(format!("{kind}.vhd"));
        let options = format!("subformat={kind},force_size=on");
        run(
            "qemu-img",
            &["convert", "-f", "raw", "-O", "vpc", "-o", &options, raw.to_str().unwrap(), image.to_str().unwrap()],
        );
        let (ours, missing) = read(&image);
        assert_eq!(missing, [], "{kind}");
        same(&ours, &bytes, kind);
    }
}
