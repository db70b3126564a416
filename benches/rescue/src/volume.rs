//! The volume that is rescued, and what of it is needed, as The Sleuth Kit tells it.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const SIZE: u64 = 4 << 30;
pub const FILES: usize = 40_000;
pub const CHOSEN: usize = 100;
const CLUSTER: u64 = 4096;
/// `$MFT`, `$MFTMirr`, `$LogFile`, `$AttrDef`, `$Bitmap`, `$Boot`, `$Secure`, `$UpCase`.
const METADATA: [u64; 8] = [0, 1, 2, 4, 6, 7, 9, 10];

pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Numbers that are the same in each run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Makes the volume, unless an earlier run did, and returns the paths of the chosen files.
pub fn make(folder: &Path) -> (PathBuf, Vec<String>) {
    let (image, mount) = (folder.join("disk.img"), folder.join("mount"));
    let mut random = Random(2);
    let path = |number: usize| format!("/d{}/e{}/f{number}.bin", number % 40, number / 40 % 25);
    if !image.exists() {
        fs::create_dir_all(&mount).unwrap();
        let unfinished = folder.join("unfinished.img");
        fs::File::create(&unfinished).unwrap().set_len(SIZE).unwrap();
        let (disk, at) = (unfinished.to_str().unwrap(), mount.to_str().unwrap());
        run("mkntfs", &["-qFf", disk]);
        run("ntfs-3g", &["-o", "big_writes", disk, at]);
        let mut content = vec![0; 1 << 20];
        content.iter_mut().for_each(|byte| *byte = random.below(256) as u8);
        for number in 0..FILES {
            let name = format!("{at}{}", path(number));
            fs::create_dir_all(Path::new(&name).parent().unwrap()).unwrap();
            // Most are small; some have hundreds of KiB.
            let most = 1 << (9 + random.below(10));
            let length = random.below(most) as usize;
            let start = random.below((content.len() - length) as u64) as usize;
            fs::write(name, &content[start..start + length]).unwrap();
        }
        run("umount", &[at]);
        fs::rename(unfinished, &image).unwrap();
    }
    let mut random = Random(7);
    let mut chosen = BTreeSet::new();
    while chosen.len() < CHOSEN {
        chosen.insert(random.below(FILES as u64) as usize);
    }
    (image, chosen.into_iter().map(path).collect())
}

/// Bad zones on a twentieth of the disk: of 4 to 512 KiB each, not on the very first MiB.
pub fn bad_zones() -> Vec<Range<u64>> {
    let mut random = Random(11);
    let mut zones: Vec<Range<u64>> = Vec::new();
    let mut position = 1 << 20;
    loop {
        let length = 4096 + random.below(127) * 4096;
        position += random.below(length * 38 / 4096) * 4096 + 4096;
        if position + length > SIZE {
            return zones;
        }
        zones.push(position..position + length);
        position += length;
    }
}

/// What has to be read for the chosen files to be whole: of the metadata, the indexes on the way, and the files; of
/// files whose records lie in `bad` zones nobody knows where they are. Also how many these are.
pub fn needed(image: &Path, chosen: &[String], bad: &[Range<u64>]) -> (Vec<Range<u64>>, usize) {
    let image = image.to_str().unwrap();
    let table = clusters_of(image, 0);
    let is_bad = |record: u64| {
        let start = table[(record * 1024 / CLUSTER) as usize] * CLUSTER + record * 1024 % CLUSTER;
        bad.iter().any(|bad| bad.start < start + 1024 && start < bad.end)
    };
    let mut lost = 0;
    let mut records: BTreeSet<u64> = METADATA.into_iter().chain([5]).collect();
    for path in chosen {
        for (end, _) in path.match_indices('/').skip(1).chain([(path.len(), "")]) {
            let found = run("ifind", &["-f", "ntfs", "-n", &path[..end], image]);
            let record = found.trim().parse().expect("ifind gives a record");
            if end == path.len() && is_bad(record) {
                lost += 1;
                continue;
            }
            records.insert(record);
        }
    }
    let mut clusters = BTreeSet::from([SIZE / CLUSTER - 1]);
    for record in records {
        clusters.extend(clusters_of(image, record));
    }
    (joined(clusters.into_iter().map(|cluster| cluster * CLUSTER..(cluster + 1) * CLUSTER)), lost)
}

/// The clusters of all attributes of a record, in their order.
fn clusters_of(image: &str, record: u64) -> Vec<u64> {
    let text = run("istat", &["-f", "ntfs", image, &record.to_string()]);
    let after = text.split("\nAttributes:").nth(1).unwrap_or_default();
    let lines = after.lines().filter(|line| !line.starts_with("Type:"));
    lines.flat_map(|line| line.split_whitespace().filter_map(|word| word.parse::<u64>().ok())).collect()
}

/// The clusters that the volume's bitmap calls used.
pub fn used(image: &Path) -> Vec<Range<u64>> {
    let output = Command::new("icat").args(["-f", "ntfs", image.to_str().unwrap(), "6"]).output().unwrap();
    let bits = (0..SIZE / CLUSTER).filter(|cluster| output.stdout[(cluster / 8) as usize] >> (cluster % 8) & 1 == 1);
    joined(bits.map(|cluster| cluster * CLUSTER..(cluster + 1) * CLUSTER))
}

fn joined(ranges: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut all: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match all.last_mut().filter(|last| last.end == range.start) {
            Some(last) => last.end = range.end,
            None => all.push(range),
        }
    }
    all
}
