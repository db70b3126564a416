//! The same bytes come out whatever the number of threads, and whatever the size of the reads.

mod tool;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ntfs_salvage::source::Source;
use ntfs_salvage::{ReadError, Threads, Volume};

const FORMATS: [&str; 5] = ["table", "csv", "jsonl", "bodyfile", "mftecmd-csv"];
const THREADS: [&str; 3] = ["1", "2", "8"];

fn images() -> Vec<PathBuf> {
    let all = fs::read_dir(tool::repository("testdata")).unwrap().map(|item| item.unwrap().path());
    let images = all.filter(|path| path.extension().is_some_and(|extension| extension == "img"));
    // Without optimisation three are enough.
    images.take(if cfg!(debug_assertions) { 3 } else { usize::MAX }).collect()
}

#[test]
fn listings_do_not_depend_on_the_size_of_reads() {
    let program = tool::program("mft_dump");
    for image in ["links_streams.img", "deleted.img", "mft_attribute_list.img", "4kn.img"] {
        for format in ["csv", "jsonl", "bodyfile"] {
            let list = |options: &[&str]| {
                let mut command = Command::new(&program);
                command.arg(tool::repository("testdata").join(image)).args(["-f", format, "--ghosts"]).args(options);
                let output = command.output().unwrap();
                assert!(output.status.success() && !output.stdout.is_empty());
                (output.stdout, output.stderr)
            };
            let expected = list(&["--threads", "1"]);
            for size in ["512", "4096", "0x10000", "1048576"] {
                for threads in THREADS {
                    let found = list(&["--threads", threads, "--read-size", size]);
                    assert!(found == expected, "{image} as {format}: {threads} threads, {size} bytes at a time");
                }
            }
        }
    }
}

#[test]
fn listings_do_not_depend_on_threads() {
    let program = tool::program("mft_dump");
    for image in images() {
        for format in FORMATS {
            let list = |threads: &str| {
                let output = Command::new(&program).arg(&image).args(["-f", format, "--threads", threads]).output();
                let output = output.unwrap();
                assert!(output.status.success() && !output.stdout.is_empty());
                (output.stdout, output.stderr)
            };
            let [one, two, eight] = THREADS.map(list);
            assert!(one == two && one == eight, "{image:?} as {format}");
        }
    }
}

/// Every file under a folder and what it holds, the manifest without what names the run.
fn tree(folder: &Path, base: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for item in fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()) {
        if item.is_dir() {
            tree(&item, base, found);
        }
        let bytes = if item.is_dir() { Vec::new() } else { fs::read(&item).unwrap() };
        found.insert(item.strip_prefix(base).unwrap().to_owned(), bytes);
    }
}

#[test]
fn recoveries_do_not_depend_on_threads() {
    let program = tool::program("recover");
    for image in images() {
        let recover = |threads: &str| {
            let folder = tempfile::tempdir().unwrap();
            let mut command = Command::new(&program);
            command.current_dir(folder.path()).arg(&image).args(["-q", "--system", "-d", "out", "--threads", threads]);
            assert!(command.status().unwrap().success());
            let mut found = BTreeMap::new();
            tree(folder.path(), folder.path(), &mut found);
            let manifest = found.remove(Path::new("out/manifest.jsonl")).expect("there is a manifest");
            // The first line says how and when the tool was called.
            let text = String::from_utf8(manifest).unwrap();
            let lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
            (found, lines)
        };
        let [one, two, eight] = THREADS.map(recover);
        assert!(one.0.len() > 5 && one.1.len() > 5);
        assert!(one == two && one == eight, "{image:?}");
    }
}

/// An image that is read in pieces, each asked for by itself, as a device with a small largest transfer does.
struct InPieces {
    bytes: Vec<u8>,
    piece: usize,
}

impl Source for InPieces {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut done = 0;
        for piece in buffer.chunks_mut(self.piece) {
            done += self.bytes.read_at(offset + done as u64, piece)?;
        }
        Ok(done)
    }
}

/// Everything a volume says, with its contents.
fn told(source: &dyn Source, threads: &Threads) -> Vec<String> {
    let volume = Volume::open(source).unwrap();
    let catalog = volume.catalog_with(threads);
    let mut told = Vec::new();
    for entry in catalog.entries() {
        let paths: Vec<_> = entry.paths().map(|path| path.text).collect();
        told.push(format!("{} {paths:?} {:?}", entry.reference(), entry.damage()));
        for stream in entry.streams() {
            let mut bytes = vec![0; usize::try_from(stream.map().size()).unwrap().min(1 << 20)];
            let ranges = stream.reader().read_at(0, &mut bytes).ranges().to_vec();
            let sum = bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
            told.push(format!("{} {ranges:?} {sum}", stream.name()));
        }
    }
    told
}

#[test]
fn nothing_depends_on_the_size_of_reads() {
    for image in images().into_iter().filter(|image| !image.ends_with("disk_gpt.img")) {
        let bytes = fs::read(&image).unwrap();
        let expected = told(&bytes, &Threads::single());
        for piece in [512, 1024, 4096, 65_536, 1 << 20] {
            for threads in [1, 2, 8] {
                let source = InPieces { bytes: bytes.clone(), piece };
                assert!(told(&source, &Threads::new(threads)) == expected, "{image:?} in pieces of {piece}");
            }
        }
    }
}
