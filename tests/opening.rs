//! The tools on inputs that are damaged: they find what there is by themselves, and say what was lost.

#![allow(missing_docs, reason = "a test")]

mod tool;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use ntfs_salvage::Threads;
use ntfs_salvage::salvage::{Findings, Scanner};
use ntfs_salvage::structure::BootSector;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with an input, in which the tools run: so messages name the input alike everywhere.
struct Bench {
    folder: TempDir,
}

const INPUT: &str = "input.img";

impl Bench {
    fn with(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        fs::write(folder.path().join(INPUT), bytes).expect("the temporary directory can be written");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        static PROGRAMS: OnceLock<[PathBuf; 2]> = OnceLock::new();
        let [mft_dump, recover] = PROGRAMS.get_or_init(|| ["mft_dump", "recover"].map(tool::program));
        let mut command = Command::new(if program == "recover" { recover } else { mft_dump });
        command.arg(INPUT).args(arguments).current_dir(self.folder.path()).output().expect("the tool starts")
    }

    fn list(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run("mft_dump", &[&["--format", "jsonl"], arguments].concat());
        assert!(output.status.success(), "{}", errors(&output));
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn image(name: &str) -> Vec<u8> {
    fs::read(tool::repository("testdata").join(name)).expect("testdata is there")
}

/// What `wipe` destroys.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Boot,
    Backup,
    RecordZero,
    Mirror,
}
use Part::{Backup, Boot, Mirror, RecordZero};

/// The volume without these parts.
fn without(parts: &[Part], volume: &[u8]) -> Vec<u8> {
    let geometry = BootSector::parse(volume).unwrap().geometry().unwrap();
    let mut bytes = volume.to_vec();
    let record = geometry.record_size() as usize;
    for part in parts {
        let (start, length) = match part {
            Boot => (0, 512),
            Backup => (geometry.backup_boot_sector_offset() as usize, 512),
            RecordZero => (geometry.mft_offset().unwrap() as usize, record),
            Mirror => (geometry.mirror_offset().unwrap() as usize, 4 * record),
        };
        bytes[start..start + length].fill(0);
    }
    bytes
}

/// Paths but that of the table itself, whose record is what is destroyed: its extension records stay. Where
/// a record is lost, ghosts are looked for, and those of records used again are found, too.
fn paths(entries: &[Value]) -> Vec<&Value> {
    entries
        .iter()
        .filter(|entry| entry["state"] != "ghost")
        .map(|entry| &entry["paths"])
        .filter(|paths| paths[0] != "/$MFT")
        .collect()
}

const LOSSES: [&[Part]; 6] =
    [&[Boot], &[Boot, Backup], &[RecordZero], &[Mirror], &[RecordZero, Mirror], &[Boot, Backup, RecordZero, Mirror]];

#[test]
fn lost_structures_change_no_listing() {
    for name in ["plain.img", "4kn.img", "mft_attribute_list.img"] {
        let whole = Bench::with(&image(name)).list(&["-q"]);
        for parts in LOSSES {
            let bench = Bench::with(&without(parts, &image(name)));
            assert!(paths(&bench.list(&["-q"])) == paths(&whole), "{name}");
            assert!(paths(&bench.list(&["-q", "--scan"])) == paths(&whole), "{name}, scanned");
        }
    }
}

#[test]
fn what_was_lost_and_used_instead_is_said_once() {
    let told = |parts| {
        let output = Bench::with(&without(parts, &image("plain.img"))).run("mft_dump", &[]);
        errors(&output).lines().filter(|line| line.starts_with("input.img: ")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(told(&[]), "");
    assert_eq!(told(&[Mirror]), "");
    let backup = image("plain.img").len() - 512;
    let expected =
        format!("input.img: the boot sector is lost; its backup at byte {backup} of the volume was used instead");
    assert_eq!(told(&[Boot]), expected);
    let mirror = "input.img: record 0 of the MFT is lost; its copy in the mirror was used instead";
    assert_eq!(told(&[RecordZero]), mirror);
    assert_eq!(told(&[Boot, RecordZero]), format!("{mirror}\n{expected}").lines().rev().collect::<Vec<_>>().join("\n"));
    let all = told(&[Boot, Backup, RecordZero, Mirror]);
    let lines: Vec<_> = all.lines().collect();
    let [voted, assembled, unmapped] = lines.as_slice() else { panic!("{all}") };
    assert!(voted.contains("a scan found the volume instead: it starts at byte 0 and has clusters of 4096 bytes"));
    assert!(voted.ends_with("(high confidence)"), "{voted}");
    assert!(assembled.contains("that a scan found were put together instead"), "{assembled}");
    assert_eq!(*unmapped, "input.img: 1 records of the MFT are lost: they have no known place (0 to 0)");
    let quiet = Bench::with(&without(&[Boot], &image("plain.img"))).run("mft_dump", &["-q"]);
    assert_eq!(errors(&quiet), "");
}

/// The files of a folder by their paths, with what is in them.
fn tree(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for item in fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()) {
        match item.is_dir() {
            true => tree(&item, found),
            false if item.file_name().unwrap() == "manifest.jsonl" => {}
            false => found.push((item.clone(), fs::read(&item).unwrap())),
        }
    }
}

#[test]
fn recover_writes_the_same_files_without_structures() {
    let recovered = |bytes: &[u8]| {
        let bench = Bench::with(bytes);
        let output = bench.run("recover", &["-d", "out"]);
        assert!(output.status.success(), "{}", errors(&output));
        let mut found = Vec::new();
        tree(&bench.path("out"), &mut found);
        let out = bench.path("out");
        let inside = |(path, bytes): (PathBuf, Vec<u8>)| (path.strip_prefix(&out).unwrap().to_owned(), bytes);
        let mut found: Vec<_> = found.into_iter().map(inside).collect();
        found.sort();
        (found, errors(&output))
    };
    let (whole, _) = recovered(&image("plain.img"));
    assert!(whole.len() > 20);
    let (found, said) = recovered(&without(&[Boot, Backup, RecordZero, Mirror], &image("plain.img")));
    assert!(found == whole);
    assert!(said.contains("input.img: the boot sector and its backup are lost; a scan found the volume instead"));
}

#[test]
fn a_scan_is_kept_and_used_again() {
    let bench = Bench::with(&without(&[Boot, Backup], &image("plain.img")));
    let first = bench.list(&["-q", "--scan-file", "scan"]);
    let kept = fs::read(bench.path("scan")).unwrap();
    assert!(kept.starts_with(b"ntfs-salvage scan 1\n"));
    // Where another scan had come to: the tool goes on from there.
    let input = fs::read(bench.path(INPUT)).unwrap();
    let part = Scanner::new(&input).run_while(&Threads::single(), |_| ControlFlow::Break(()));
    assert!(!part.is_complete());
    let mut bytes = Vec::new();
    part.save(&mut bytes).unwrap();
    fs::write(bench.path("scan"), &bytes).unwrap();
    assert!(bench.list(&["-q", "--scan-file", "scan"]) == first);
    assert!(fs::read(bench.path("scan")).unwrap() == kept, "the file is complete now");
    // What is in it is believed: nothing is scanned twice.
    let mut few = Vec::new();
    Findings::load(kept.as_slice()).unwrap().within(80 << 10..100 << 10).save(&mut few).unwrap();
    fs::write(bench.path("scan"), &few).unwrap();
    assert!(bench.list(&["-q", "--scan-file", "scan"]).len() < first.len());
    assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), 2, "no temporary file stays");
}

#[test]
fn only_a_scan_file_of_this_input_is_used_or_replaced() {
    let bench = Bench::with(&image("plain.img"));
    fs::write(bench.path("mine"), "not a scan").unwrap();
    for (file, why) in [("mine", "cannot use mine as a scan file"), (INPUT, "nothing is written on the evidence")] {
        let output = bench.run("mft_dump", &["--scan-file", file]);
        assert_eq!(output.status.code(), Some(1));
        assert!(errors(&output).contains(why), "{}", errors(&output));
    }
    assert_eq!(fs::read(bench.path("mine")).unwrap(), b"not a scan");
    bench.list(&["-q", "--scan-file", "scan"]);
    let other = Bench::with(&image("deleted.img")[..1 << 20]);
    fs::copy(bench.path("scan"), other.path("scan")).unwrap();
    let output = other.run("mft_dump", &["--scan-file", "scan"]);
    assert!(errors(&output).contains("it is of an input of"), "{}", errors(&output));
}

#[test]
fn an_assembled_table_is_exported_as_a_new_file() {
    let bench = Bench::with(&without(&[Boot, Backup, RecordZero, Mirror], &image("plain.img")));
    let output = bench.run("mft_dump", &["--export-mft", "MFT"]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", errors(&output));
    assert!(errors(&output).contains("1 of them zeros in part or as a whole"), "{}", errors(&output));
    let table = fs::read(bench.path("MFT")).unwrap();
    assert!(table[..1024].iter().all(|&byte| byte == 0));
    let listed = Bench::with(&table).list(&["-q"]);
    assert!(paths(&listed) == paths(&bench.list(&["-q"])));
    for (file, why) in [("MFT", "MFT exists"), (INPUT, "nothing is written on the evidence")] {
        let output = bench.run("mft_dump", &["--export-mft", file]);
        assert_eq!(output.status.code(), Some(1));
        assert!(errors(&output).contains(why), "{}", errors(&output));
    }
    assert_eq!(fs::read(bench.path("MFT")).unwrap(), table);
}

#[test]
fn volumes_without_partitions_are_told_apart_in_every_output() {
    let (plain, deleted) = (image("plain.img"), image("deleted.img"));
    let start = (1 << 20) + plain.len();
    let bytes = [&vec![0; 1 << 20][..], &without(&[Boot], &plain), &without(&[Boot, RecordZero], &deleted)].concat();
    let bench = Bench::with(&bytes);
    let tags = ["at-1048576".to_owned(), format!("at-{start}")];
    let listed = bench.list(&["-q"]);
    for tag in &tags {
        let own = listed.iter().filter(|entry| entry["volume"]["tag"] == tag.as_str());
        assert!(own.clone().count() > 50 && own.clone().all(|entry| entry["volume"]["layer"] == "current"), "{tag}");
    }
    for (format, mark) in [("csv", "{tag},"), ("bodyfile", "0|/vol-{tag}/"), ("mftecmd-csv", "(volume {tag})")] {
        let output = bench.run("mft_dump", &["-q", "--format", format]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for tag in &tags {
            let mark = mark.replace("{tag}", tag);
            assert!(text.lines().filter(|line| line.contains(&mark)).count() > 50, "{format}: {mark}");
        }
    }
    let table = String::from_utf8_lossy(&bench.run("mft_dump", &["-q"]).stdout).into_owned();
    assert!(table.contains(&format!("\ninput.img at byte {start}:\n")), "{table}");
    let output = bench.run("recover", &["-d", "out", "-q"]);
    assert!(output.status.success(), "{}", errors(&output));
    for tag in &tags {
        assert!(bench.path("out").join(format!("volume {tag}")).is_dir(), "{tag}");
    }
}

#[test]
fn records_inside_files_are_labelled_so() {
    // Nothing but the middle of a table, in a file of something else.
    let plain = image("plain.img");
    let geometry = BootSector::parse(&plain).unwrap().geometry().unwrap();
    let table = geometry.mft_offset().unwrap() as usize + 64 * 1024;
    let bytes = [&b"something else ".repeat(70_000)[..1 << 20], &plain[table..table + 40 * 1024]].concat();
    let bench = Bench::with(&[&bytes[..], &[0; 1 << 20]].concat());
    let listed = bench.list(&["-q"]);
    assert!(listed.len() >= 30 && listed.iter().all(|entry| entry["volume"]["layer"] == "loose"));
    let output = bench.run("mft_dump", &[]);
    assert!(errors(&output).contains("records without a volume"), "{}", errors(&output));
}

#[test]
fn nothing_is_one_clear_sentence() {
    let foreign = {
        let mut disk = vec![0; 1 << 20];
        disk[446..462].copy_from_slice(&[0, 0, 2, 0, 0x83, 0, 0, 0, 63, 0, 0, 0, 0, 4, 0, 0]);
        disk[510..512].copy_from_slice(&[0x55, 0xAA]);
        disk
    };
    let cases: [(&[u8], &[&str], &str); 6] = [
        (
            &foreign,
            &[],
            "no NTFS volume and no $MFT in input.img: partition 1 at byte 32256, 524288 bytes, type 0x83: was not read: ",
        ),
        (&foreign, &["--partition", "3"], "no partition 3 in input.img; found: 1"),
        (&foreign, &["--partition", "1"], "cannot read partition 1 at byte 32256 of input.img: "),
        (&foreign, &["--offset", "0x200000"], "no NTFS volume at byte 2097152 of input.img: the input ends at byte"),
        (&[], &[], "no NTFS volume and no $MFT in input.img: it is empty"),
        (&[0x5A; 4096], &["--scan"], "no NTFS volume and no $MFT in input.img: nothing of NTFS was found"),
    ];
    for (bytes, arguments, expected) in cases {
        let bench = Bench::with(bytes);
        for output in [bench.run("mft_dump", arguments), bench.run("recover", &[arguments, &["-d", "out"]].concat())] {
            let message = errors(&output);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{message}");
            assert!(message.starts_with(&format!("error: {expected}")) && message.lines().count() == 1, "{message}");
        }
    }
}

#[test]
fn the_operator_can_override_each_size() {
    let bytes = [&vec![0; 4096][..], &without(&[Boot, Backup, RecordZero, Mirror], &image("plain.img"))].concat();
    let bench = Bench::with(&bytes);
    let whole = bench.list(&["-q"]);
    let given = ["-q", "--offset", "4096", "--cluster-size", "4096", "--record-size", "1024"];
    assert!(paths(&bench.list(&given)) == paths(&whole));
    for wrong in [["--cluster-size", "1000"], ["--record-size", "0x40000"]] {
        assert_eq!(bench.run("mft_dump", &wrong).status.code(), Some(2));
    }
}

#[test]
fn a_scan_that_takes_its_time_is_announced_and_can_be_left_out() {
    let bench = Bench::with(&without(&[Boot, Backup, RecordZero, Mirror], &image("plain.img")));
    let file = fs::OpenOptions::new().write(true).open(bench.path(INPUT)).unwrap();
    file.set_len(4 << 30).unwrap();
    let output = bench.run("mft_dump", &[]);
    assert!(output.status.success(), "{}", errors(&output));
    let line = "a scan of 4294967296 bytes starts, because nothing else leads to a volume; --no-scan leaves it out";
    assert!(errors(&output).contains(line), "{}", errors(&output));
    let output = bench.run("mft_dump", &["--no-scan"]);
    assert_eq!(output.status.code(), Some(1));
    let said = errors(&output);
    assert!(said.contains("bytes 0 to 4294967295 were not scanned, though nothing else leads to a volume"), "{said}");
    // A small one takes no time.
    file.set_len(3 << 20).unwrap();
    assert!(!errors(&bench.run("mft_dump", &[])).contains("a scan of"), "{}", errors(&output));
    assert_eq!(bench.run("mft_dump", &["--no-scan", "--scan"]).status.code(), Some(2));
}
