//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::command::record_choice::parse_number;
use crate::input::arguments::InputArguments;

/// Say which sectors of a failing disk to read next, as a domain for GNU ddrescue (-m)
///
/// INPUT is the failing disk, or the image that ddrescue has made of it so far, with its map. Run it again after
/// each round of ddrescue: it uses what the last one brought. What it does not know yet it says. Exit code 3
/// when nothing is left to read.
#[derive(Debug, Parser)]
#[command(name = "rescue_plan", max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub input: InputArguments,
    /// Write the domain to the new file DOMAIN.map: what is to be read is marked as finished (+)
    #[arg(short, long, value_name = "DOMAIN.map", required_unless_present = "unclaimed")]
    pub output: Option<PathBuf>,
    /// Only files that GLOB matches, in any case, with all that is below it, as in recover. Repeatable
    #[arg(long = "path", value_name = "GLOB")]
    pub paths: Vec<String>,
    /// Only files that are deleted, as in recover
    #[arg(long)]
    pub deleted: bool,
    /// What to read; without it, the first of these of which something is left to read
    #[arg(long, value_enum)]
    pub stage: Option<Stage>,
    /// Only what was never tried: leave out what a large read failed on (for rounds with ddrescue -n)
    #[arg(long)]
    pub untried: bool,
    /// How many bytes a second the disk gives, to say how long it takes; a suffix k, M or G is understood
    #[arg(long, value_name = "BYTES", value_parser = parse_rate)]
    pub rate: Option<u64>,
    /// Write the space that no file claims, live or deleted, to the new file FILE.map, for carvers
    #[arg(long, value_name = "FILE.map")]
    pub unclaimed: Option<PathBuf>,
    /// How many threads to use; 0 for as many as there are processors
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// What is read before what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// Partition tables, boot sectors, both tables of FILE records with all pieces, bitmap, log, journal
    Metadata,
    /// Indexes of the directories on the way to the chosen files
    Indexes,
    /// The clusters of the chosen files
    Files,
    /// All other clusters in use; when they are done, free space that deleted files claim
    Rest,
    /// Free space that deleted files claim
    Free,
}

impl Stage {
    pub const ALL: [Self; 5] = [Self::Metadata, Self::Indexes, Self::Files, Self::Rest, Self::Free];

    pub fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Indexes => "indexes",
            Self::Files => "files",
            Self::Rest => "rest",
            Self::Free => "free",
        }
    }

    pub fn index(self) -> usize {
        self as usize
    }
}

fn parse_rate(text: &str) -> Result<u64, String> {
    let scales = [("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("", 1)];
    let found = scales.into_iter().find_map(|(suffix, scale)| Some((text.strip_suffix(suffix)?, scale)));
    let (digits, scale) = found.unwrap_or((text, 1));
    let rate = parse_number(digits)?.checked_mul(scale).filter(|rate| *rate > 0);
    rate.ok_or_else(|| format!("'{text}' is no rate"))
}
