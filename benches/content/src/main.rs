//! How often the judge of contents is right: `content FOLDER [ROUNDS]`, on a folder that `make.py` has filled.
//!
//! Each file is judged whole, and then with one cluster replaced: by zeros, by random bytes, by a cluster of another
//! file of the same kind, of another kind, and by the same cluster of an older version. For each format the share that
//! was noticed is printed, how often `good_until` names the very cluster, and how often it lies behind it.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use ntfs_salvage_tools::judge::{ContentState, Judge, Judgement};
use rayon::prelude::*;

const CLUSTER: usize = 4096;
const WAYS: [&str; 5] = ["zeros", "random", "same kind", "other kind", "older version"];

struct SampleFile {
    name: String,
    bytes: Vec<u8>,
    older: Option<Vec<u8>>,
}

/// A generator of numbers that needs no more than this.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn judge(name: &str, bytes: &[u8]) -> Judgement {
    let mut judge = Judge::new(name, bytes.len() as u64, CLUSTER as u64);
    bytes.chunks(64 << 10).for_each(|piece| judge.bytes(piece));
    judge.judgement()
}

fn load(folder: &Path) -> Vec<SampleFile> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder that make.py has filled").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".older") || !entry.path().is_file() {
            continue;
        }
        let older = fs::read(folder.join(format!("{name}.older"))).ok();
        files.push(SampleFile { bytes: fs::read(entry.path()).expect("a file of the folder"), name, older });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

#[derive(Default)]
struct Score {
    damaged: u32,
    noticed: u32,
    exact: u32,
    behind: u32,
    verified: u32,
}

/// What one cluster was replaced by, and what was said.
struct Trial {
    format: String,
    is_summed: bool,
    way: usize,
    place: u64,
    said: Judgement,
    name: String,
}

fn trial(files: &[SampleFile], whole: &[Judgement], round: u64) -> Option<Trial> {
    let mut random = Random(round.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let index = random.below(files.len());
    let file = &files[index];
    let way = random.below(WAYS.len());
    let clusters = file.bytes.len().div_ceil(CLUSTER);
    let place = random.below(clusters) * CLUSTER;
    let end = (place + CLUSTER).min(file.bytes.len());
    let format = whole[index].format;
    let mut bytes = file.bytes.clone();
    let new: Vec<u8> = match way {
        0 => vec![0; CLUSTER],
        1 => (0..CLUSTER).map(|_| random.next() as u8).collect(),
        4 => file.older.as_ref()?.get(place..end)?.to_vec(),
        way => {
            let is_wanted = |at: &usize| *at != index && (whole[*at].format == format) == (way == 2);
            let others: Vec<usize> = (0..files.len()).filter(is_wanted).collect();
            let other = &files[*others.get(random.below(others.len()))?].bytes;
            let from = random.below(other.len() / CLUSTER) * CLUSTER;
            other.get(from..from + CLUSTER)?.to_vec()
        }
    };
    let length = end - place;
    bytes[place..end].copy_from_slice(new.get(..length)?);
    if bytes == file.bytes {
        return None;
    }
    let said = judge(&file.name, &bytes);
    let is_summed = whole[index].state == ContentState::Verified;
    Some(Trial {
        format: format.unwrap_or("-").into(),
        is_summed,
        way,
        place: place as u64,
        said,
        name: file.name.clone(),
    })
}

fn main() {
    let folder = env::args().nth(1).expect("content FOLDER [ROUNDS]");
    let rounds = env::args().nth(2).map_or(20_000, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let files = load(Path::new(&folder));
    let whole: Vec<Judgement> = files.par_iter().map(|file| judge(&file.name, &file.bytes)).collect();
    for (file, said) in files
        .iter()
        .zip(&whole)
        .filter(|(_, said)| !matches!(said.state, ContentState::Verified | ContentState::Plausible))
    {
        println!("whole, but {}: {} ({})", said.state.code(), file.name, said.evidence);
    }
    let trials: Vec<Trial> = (0..rounds).into_par_iter().filter_map(|round| trial(&files, &whole, round)).collect();
    let mut by_format: BTreeMap<(bool, &str, usize), Score> = BTreeMap::new();
    for trial in &trials {
        for (format, way) in
            [(trial.format.as_str(), trial.way), (trial.format.as_str(), 9), ("all", trial.way), ("all", 9)]
        {
            let score = by_format.entry((trial.is_summed, format, way)).or_default();
            score.damaged += 1;
            score.verified += u32::from(trial.said.state == ContentState::Verified);
            if trial.said.state == ContentState::Contradicted {
                let until = trial.said.good_until.unwrap_or(0);
                score.noticed += 1;
                score.exact += u32::from(until == trial.place);
                score.behind += u32::from(until > trial.place);
                if env::var_os("SHOW").is_some()
                    && (until > trial.place || env::var_os("INEXACT").is_some() && until != trial.place)
                    && format == "all"
                    && way == 9
                {
                    println!(
                        "{}: {} at {} by {}: {until} ({})",
                        if until > trial.place { "behind" } else { "before" },
                        trial.name,
                        trial.place,
                        WAYS[trial.way],
                        trial.said.evidence
                    );
                }
            }
        }
        if trial.said.state == ContentState::Verified {
            println!(
                "WRONG: verified with a cluster of {} at {}: {} ({})",
                WAYS[trial.way], trial.place, trial.name, trial.said.evidence
            );
        }
    }
    println!("{} files of {} kinds, {} with a cluster replaced", files.len(), files.len(), trials.len());
    println!(
        "{:<10} {:<16} {:<14} {:>7} {:>8} {:>8} {:>8} {:>9}",
        "", "format", "replaced by", "files", "noticed", "exact", "behind", "verified"
    );
    for ((is_summed, format, way), score) in &by_format {
        let percent = |part: u32, of: u32| f64::from(part) * 100.0 / f64::from(of.max(1));
        println!(
            "{:<10} {:<16} {:<14} {:>7} {:>7.1}% {:>7.1}% {:>7.1}% {:>9}",
            if *is_summed { "summed" } else { "structure" },
            format,
            WAYS.get(*way).unwrap_or(&"any"),
            score.damaged,
            percent(score.noticed, score.damaged),
            percent(score.exact, score.noticed),
            percent(score.behind, score.noticed),
            score.verified
        );
    }
}
