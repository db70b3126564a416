//! Damages volumes of known content in known ways, runs recovery tools on them, and scores what they give back.
//!
//! `cargo run --release --manifest-path benches/damage/Cargo.toml -- [--seeds N] [--only CASE] [--tools LIST]`, as
//! root: the volumes are made through ntfs-3g.

mod cases;
mod given;
mod measure;
mod ours;
mod peers;
mod random;
mod ranges;
mod report;
mod score;
mod subject;
mod tools;
mod truth;
mod volumes;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use clap::Parser;

use cases::{CASES, Case};
use ranges::Ranges;
use report::Row;
use score::{FileCounts, Judge};
use subject::Subject;
use tools::{Ours, Tool};
use truth::Truth;

/// What recovery tools give back of damaged volumes whose content is known.
#[derive(Parser, Debug)]
struct Arguments {
    /// How often the campaign is run, each time with other volumes and other bytes lost
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Only the cases whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Which tools; those that are not installed are left out
    #[arg(long, value_delimiter = ',', default_value = "ours,sleuthkit,testdisk,photorec,ntfsundelete")]
    tools: Vec<Tool>,
    /// Where damaged images and recovered files are put while they are needed: best in memory
    #[arg(long, default_value = "/dev/shm/ntfs-damage")]
    scratch: PathBuf,
    /// Leave there what was made last
    #[arg(long)]
    keep: bool,
    /// Write what was missed and what was wrong, file by file, to this file
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(done) = measure::as_parent() {
        return done;
    }
    let arguments = Arguments::parse();
    let ours = Ours::build()?;
    let tools = tools::installed(&arguments.tools);
    let campaign = Campaign { tools: tools.iter().map(|(tool, _)| *tool).collect(), ours, arguments: &arguments };
    let is_wanted = |case: &&Case| arguments.only.as_ref().is_none_or(|part| case.name.contains(part.as_str()));
    let mut rows = Vec::new();
    let mut notes = String::new();
    for case in CASES.iter().filter(is_wanted) {
        rows.push(campaign.case(case, &mut notes)?);
    }
    if let Some(file) = &arguments.notes {
        fs::write(file, notes)?;
    }
    if !arguments.keep && arguments.scratch.exists() {
        fs::remove_dir_all(&arguments.scratch)?;
    }
    report::print(&tools, arguments.seeds, &rows);
    Ok(())
}

struct Campaign<'a> {
    tools: Vec<Tool>,
    ours: Ours,
    arguments: &'a Arguments,
}

impl Campaign<'_> {
    fn case(&self, case: &Case, notes: &mut String) -> Result<Row, Box<dyn Error>> {
        let mut row = Row { name: case.name, scores: BTreeMap::new(), mapped: None };
        for seed in self.arguments.first..self.arguments.first + self.arguments.seeds {
            let volumes = volumes::made(seed)?;
            let truth = Truth::read(&volumes, case.image)?;
            let image = volumes.join(format!("{}.img", case.image));
            let damage = case.damage(&truth, fs::metadata(&image)?.len(), seed);
            let subject = self.damaged(case, &truth, &image, &damage)?;
            let judge = Judge { truth: &truth, damage: &damage };
            for tool in &self.tools {
                eprintln!("{}, seed {seed}: {}", case.name, tool.name());
                let score = judge.score(&tools::run(*tool, &self.ours, &subject)?)?;
                let title = format!("# {}, seed {seed}, {}\n", case.name, tool.name());
                notes.push_str(&(title + &score.notes));
                *row.scores.entry(*tool).or_default() += &score;
            }
            if case.is_of_a_medium() && self.tools.contains(&Tool::Ours) {
                let (files, _) = ours::recover(&self.ours, &subject, subject.map.as_deref())?;
                notes.push_str(&format!("# {}, seed {seed}, ours, with a map\n", case.name));
                let (counts, _) = judge.files(&files, notes)?;
                *row.mapped.get_or_insert_with(FileCounts::default) += counts;
            }
        }
        Ok(row)
    }

    /// Makes the image of a case, and what goes with it.
    fn damaged(&self, case: &Case, truth: &Truth, image: &Path, damage: &Ranges) -> Result<Subject, Box<dyn Error>> {
        let scratch = &self.arguments.scratch;
        if scratch.exists() {
            fs::remove_dir_all(scratch)?;
        }
        fs::create_dir_all(scratch)?;
        let mut subject =
            Subject { image: scratch.join("damaged.img"), volumes: Vec::new(), map: None, scratch: scratch.clone() };
        fs::copy(image, &subject.image)?;
        let file = File::options().read(true).write(true).open(&subject.image)?;
        if case.is_to_be_done() {
            damage.iter().try_for_each(|range| {
                file.write_all_at(&vec![case.filling(); (range.end - range.start) as usize], range.start)
            })?;
            let map = scratch.join("damaged.map");
            fs::write(&map, damage.to_mapfile(file.metadata()?.len()))?;
            subject.map = Some(map);
        }
        if let [_] = &truth.volumes[..] {
            subject.volumes.push(subject.image.clone());
            return Ok(subject);
        }
        for (number, volume) in truth.volumes.iter().enumerate() {
            let path = scratch.join(format!("volume{number}.img"));
            let mut part = &file;
            part.seek(SeekFrom::Start(volume.start))?;
            io::copy(&mut part.take(volume.size), &mut File::create(&path)?)?;
            subject.volumes.push(path);
        }
        Ok(subject)
    }
}
