//! Which jobs there are for a file, and by which command each side does them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::tools::Tools;

/// A program and its arguments.
#[derive(Clone, Debug)]
pub struct CommandLine {
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

/// What a ratio is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ratio {
    /// Their time in ours: how many times faster we are.
    Faster,
    /// Our time in theirs: what we cost over something that has to be done anyway.
    Cost,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub name: String,
    pub theirs_name: &'static str,
    pub theirs: CommandLine,
    /// By number of threads; empty where this library cannot do the job yet.
    pub ours: Vec<(usize, CommandLine)>,
    pub ratio: Ratio,
}

/// The file that all read.
#[derive(Clone, Debug)]
pub struct Subject {
    pub path: PathBuf,
    pub bytes: u64,
    pub volume: bool,
}

impl Subject {
    pub fn look_at(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut boot = [0; 11];
        file.read_exact(&mut boot)?;
        Ok(Self { path: path.to_owned(), bytes: file.metadata()?.len(), volume: boot.ends_with(b"NTFS    ") })
    }

    /// Records of a bare table of 1024-byte records.
    pub fn records(&self) -> Option<u64> {
        (!self.volume).then_some(self.bytes / 1024)
    }
}

/// The jobs that apply to a file.
pub fn all(tools: &Tools, subject: &Subject, threads: &[usize]) -> Vec<Job> {
    let ours = |program: &Option<PathBuf>, format: Option<&str>| -> Vec<(usize, CommandLine)> {
        let with = |count: &usize| {
            let program = program.clone()?;
            Some((*count, our_command(program, format, *count, subject)))
        };
        threads.iter().filter_map(with).collect()
    };
    let job =
        |name: &str, theirs_name, theirs, ours, ratio| Job { name: name.into(), theirs_name, theirs, ours, ratio };
    if subject.volume {
        let ntfs = their_command(tools.parse_ntfs.clone(), None, subject);
        let mut jobs =
            vec![job("parse all attributes", "ntfs 0.4", ntfs, ours(&tools.parse_ours, None), Ratio::Faster)];
        let read = their_command(tools.bare_read.clone(), None, subject);
        jobs.push(job("scan over reading", "bare read", read, ours(&tools.scan_ours, None), Ratio::Cost));
        if let Some(fls) = &tools.fls {
            let listing = ours(&tools.list_ours, Some("bodyfile"));
            jobs.push(job("bodyfile", "fls -r -m", fls_command(fls, subject), listing, Ratio::Faster));
        }
        return jobs;
    }
    let parse = their_command(tools.parse_mft.clone(), None, subject);
    let read = their_command(tools.bare_read.clone(), None, subject);
    let mut jobs = vec![
        job("parse all attributes", "mft 0.9.1", parse, ours(&tools.parse_ours, None), Ratio::Faster),
        job("parse over reading", "bare read", read, ours(&tools.parse_ours, None), Ratio::Cost),
    ];
    for format in ["csv", "jsonl", "bodyfile"] {
        let theirs = their_command(tools.list_mft.clone(), Some(format), subject);
        jobs.push(job(format, "mft_dump 0.9.1", theirs, ours(&tools.list_ours, Some(format)), Ratio::Faster));
    }
    jobs
}

fn their_command(program: PathBuf, format: Option<&str>, subject: &Subject) -> CommandLine {
    let format = format.into_iter().flat_map(|format| ["-o".to_owned(), format.to_owned()]);
    CommandLine { program, arguments: format.chain([subject.path.display().to_string()]).collect() }
}

fn our_command(program: PathBuf, format: Option<&str>, threads: usize, subject: &Subject) -> CommandLine {
    let format = format.into_iter().flat_map(|format| ["-q".to_owned(), "--format".to_owned(), format.to_owned()]);
    let threads = ["--threads".to_owned(), threads.to_string()];
    CommandLine { program, arguments: format.chain(threads).chain([subject.path.display().to_string()]).collect() }
}

fn fls_command(fls: &Path, subject: &Subject) -> CommandLine {
    let arguments = ["-r", "-m", "/", &subject.path.display().to_string()].map(String::from).to_vec();
    CommandLine { program: fls.to_owned(), arguments }
}
