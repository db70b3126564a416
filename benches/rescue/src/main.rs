//! What a rescue costs until the files that were chosen are whole: planned by `rescue_plan`, from front to back, and
//! by all clusters in use.
//!
//!     cargo run --release --manifest-path benches/rescue/Cargo.toml -- FOLDER
//!
//! As root, with ntfs-3g, The Sleuth Kit and GNU ddrescue. FOLDER keeps a volume of 4 GiB between runs.

mod priced;
mod volume;

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use ntfs_salvage::source::{self, DamageMap, Ledger, Source};
use priced::{Price, Priced};
use volume::{CHOSEN, SIZE, bad_zones, make, needed, run, used};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("a folder"));
    fs::create_dir_all(&folder).unwrap();
    let plan = planner();
    let (image, chosen) = make(&folder);
    let bad = bad_zones();
    let (need, lost) = needed(&image, &chosen, &bad);
    let (of_bad, of_need) = (bytes(&bad), bytes(&need));
    println!("{} bad zones, {of_bad} bytes, {:.1} % of the disk", bad.len(), of_bad as f64 / SIZE as f64 * 100.0);
    println!("needed for {CHOSEN} files and the way to them: {of_need} bytes");
    println!("{lost} of the files have lost their records with a bad zone: nobody knows where the rest of them is\n");
    println!(
        "| way | bytes tried | of those needed | failing reads | seeks | hours at 60 MB/s, 0.5 s a failing read |"
    );
    println!("|---|---|---|---|---|---|");
    let source = source::open(&image).unwrap();
    let last = need.last().map_or(0, |range| range.end);
    // The backup boot sector is the last thing needed: without it, the last cluster of a file.
    let end = need.iter().rev().find(|range| range.end < last).map_or(last, |range| range.end);
    for (name, domain) in [("front to back", vec![0..end]), ("all clusters in use", used(&image))] {
        let disk = Priced::new(&source, bad.clone());
        let ledger = Ledger::new(&disk);
        let tried = domain.iter().filter(|range| range.start < end).map(|range| range.start..range.end.min(end));
        let tried: Vec<_> = tried.collect();
        tried.iter().for_each(|range| read(&ledger, range.clone(), None));
        line(name, bytes(&tried), of_need, disk.price());
    }
    let disk = Priced::new(&source, bad.clone());
    let (tried, rounds) = simulated(&plan, &folder, &disk, &chosen);
    line(&format!("`rescue_plan`, {rounds} rounds"), tried, of_need, disk.price());
    assert_whole(&folder, &image, &need, &bad, &chosen);
    let (tried, rounds) = real(&plan, &folder, &image, &bad, &chosen);
    println!(
        "| the same with GNU ddrescue (`--test-mode`), {rounds} rounds | {tried} | {:.3} | | | |",
        tried as f64 / of_need as f64
    );
    assert_whole(&folder, &image, &need, &bad, &chosen);
}

fn line(name: &str, tried: u64, needed: u64, price: Price) {
    let (ratio, hours) = (tried as f64 / needed as f64, price.seconds() / 3600.0);
    println!("| {name} | {tried} | {ratio:.3} | {} | {} | {hours:.2} |", price.failed, price.seeks);
}

fn bytes(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// Reads a range as ddrescue does, in pieces of 64 KiB, and smaller ones where that fails.
fn read(ledger: &Ledger<'_>, range: Range<u64>, image: Option<&File>) {
    let mut position = range.start;
    while position < range.end {
        let mut piece = vec![0; (range.end - position).min(64 << 10) as usize];
        ledger.read_readable(position, &mut piece);
        if let Some(mut image) = image {
            image.seek(SeekFrom::Start(position)).unwrap();
            image.write_all(&piece).unwrap();
        }
        position += piece.len() as u64;
    }
}

/// Plans and reads until stage `files` is done; the bytes tried, and how many rounds that took.
fn rounds(plan: &Path, folder: &Path, chosen: &[String], mut read: impl FnMut(&Path)) -> (u64, u32) {
    let next = folder.join("next.map");
    let (mut tried, mut rounds) = (0, 0);
    for stage in ["metadata", "indexes", "files"] {
        loop {
            let _ = fs::remove_file(&next);
            let mut command = Command::new(plan);
            command.arg(folder.join("rescue.img")).arg("--map").arg(folder.join("rescue.map"));
            for path in chosen {
                command.args(["--path", path]);
            }
            let status = command.args(["-q", "--stage", stage, "-o"]).arg(&next).status().unwrap();
            match status.code() {
                Some(0) => {}
                Some(3) => break,
                other => panic!("rescue_plan ends with {other:?}"),
            }
            let domain = DamageMap::parse(&fs::read(&next).unwrap()).unwrap();
            let wanted = domain.blocks().iter().filter(|block| block.status.symbol() == '+');
            tried += wanted.map(|block| block.range.end - block.range.start).sum::<u64>();
            rounds += 1;
            read(&next);
        }
    }
    (tried, rounds)
}

fn begin(folder: &Path) {
    File::create(folder.join("rescue.img")).unwrap();
    fs::write(folder.join("rescue.map"), format!("0 ? 1\n0 {SIZE} ?\n")).unwrap();
}

fn simulated(plan: &Path, folder: &Path, disk: &Priced<'_>, chosen: &[String]) -> (u64, u32) {
    begin(folder);
    let ledger = Ledger::new(disk).remember_reads(true);
    let image = OpenOptions::new().write(true).open(folder.join("rescue.img")).unwrap();
    rounds(plan, folder, chosen, |next| {
        let domain = DamageMap::parse(&fs::read(next).unwrap()).unwrap();
        for block in domain.blocks().iter().filter(|block| block.status.symbol() == '+') {
            read(&ledger, block.range.clone(), Some(&image));
        }
        fs::write(folder.join("rescue.map"), ledger.map().to_string()).unwrap();
    })
}

fn real(plan: &Path, folder: &Path, image: &Path, bad: &[Range<u64>], chosen: &[String]) -> (u64, u32) {
    begin(folder);
    let zones = folder.join("bad.map");
    let mut text = String::from("0 + 1\n");
    let mut position = 0;
    for zone in bad {
        text += &format!("{position} {} +\n{} {} -\n", zone.start - position, zone.start, zone.end - zone.start);
        position = zone.end;
    }
    text += &format!("{position} {} +\n", SIZE - position);
    fs::write(&zones, text).unwrap();
    let (rescue, map) = (folder.join("rescue.img"), folder.join("rescue.map"));
    rounds(plan, folder, chosen, |next| {
        let paths =
            [&zones, &next.to_owned(), image, &rescue, &map].map(|path: &Path| path.to_str().unwrap().to_owned());
        run("ddrescue", &["-q", "-H", &paths[0], "-m", &paths[1], &paths[2], &paths[3], &paths[4]]);
    })
}

/// Everything needed that the disk can give has been read, and it is what the disk has.
fn assert_whole(folder: &Path, image: &Path, need: &[Range<u64>], bad: &[Range<u64>], chosen: &[String]) {
    let map = DamageMap::parse(&fs::read(folder.join("rescue.map")).unwrap()).unwrap();
    let (disk, rescue) = (source::open(image).unwrap(), source::open(folder.join("rescue.img")).unwrap());
    let (mut open, mut rescued) = (0, 0);
    for block in need.iter().flat_map(|range| map.blocks_in(range.clone())) {
        let length = block.range.end - block.range.start;
        let is_bad = bad.iter().any(|bad| bad.start < block.range.end && block.range.start < bad.end);
        match block.status.symbol() {
            '+' => {
                let mut bytes = [vec![0; length as usize], vec![0; length as usize]];
                disk.read_at(block.range.start, &mut bytes[0]).unwrap();
                rescue.read_at(block.range.start, &mut bytes[1]).unwrap();
                assert!(bytes[0] == bytes[1], "{block:?}");
                rescued += length;
            }
            '-' => assert!(is_bad, "{block:?}"),
            // The rest of a file's last cluster.
            _ => open += length,
        }
    }
    assert!(open < 4096 * (chosen.len() as u64 + 64), "{open} bytes were not tried");
    assert!(rescued > 0);
}

/// The tool, as this bench was built.
fn planner() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let mut build = Command::new("cargo");
    build
        .args(["build", "--quiet", "-p", "ntfs-salvage-tools", "--bin", "rescue_plan"])
        .args(profile)
        .current_dir(&root);
    assert!(build.status().unwrap().success());
    root.join("target").join(if cfg!(debug_assertions) { "debug" } else { "release" }).join("rescue_plan")
}
