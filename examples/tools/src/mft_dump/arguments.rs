//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use ntfs_salvage::EntryState;

use crate::command::record_choice::RecordChoice;
use crate::input::arguments::InputArguments;

/// List the files of NTFS volumes, live and deleted: of a disk image, a volume, or a bare $MFT
#[derive(Debug, Parser)]
#[command(name = "mft_dump", max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub input: InputArguments,
    /// How to write the listing
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to FILE instead of the standard output; the file appears when it is complete
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace FILE if it exists
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Only files that are deleted, and what is left of files whose base record is gone
    #[arg(long, conflicts_with = "live")]
    pub deleted: bool,
    /// Only files that exist
    #[arg(long)]
    pub live: bool,
    /// Show one record in full; with -SEQ only if it has that sequence number
    #[arg(long, value_name = "N[-SEQ]", value_parser = RecordChoice::parse)]
    #[arg(conflicts_with_all = ["format", "deleted", "live", "fraction"])]
    pub record: Option<RecordChoice>,
    /// Write the MFT of the volume, as it was found or put together, to the new file FILE instead of a
    /// listing; records that have no known place become zeros
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "output", "format", "deleted", "live", "fraction"])]
    pub export_mft: Option<PathBuf>,
    /// Write a report for people to FILE.html, too, which must not exist: one page that needs nothing else
    #[arg(long, value_name = "FILE.html", conflicts_with_all = ["record", "export_mft", "no_verdict"])]
    pub report: Option<PathBuf>,
    /// Do not ask what is left of the streams: table, csv and jsonl go without verdicts
    #[arg(long, conflicts_with = "record")]
    pub no_verdict: bool,
    /// Read the content of each stream, and let its checksums and structure change the verdict: of some fifty formats
    #[arg(long, conflicts_with_all = ["record", "no_verdict", "export_mft"])]
    pub verify_content: bool,
    /// How many threads to use; 0 for as many as there are processors
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// In a bodyfile, write times with seven digits behind the second
    #[arg(long)]
    pub fraction: bool,
    /// In a timeline, write equal times of a file's attribute as an event each, and not as one
    #[arg(long)]
    pub split_times: bool,
    /// No progress bar and no summary
    #[arg(short, long)]
    pub quiet: bool,
}

/// How a listing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    Table,
    /// One row a link, and one a named stream
    Csv,
    /// One JSON object an entry
    Jsonl,
    /// The Sleuth Kit's bodyfile, for timelines
    Bodyfile,
    /// The columns of MFTECmd
    MftecmdCsv,
    /// A timeline as Timesketch imports it: one JSON object an event, in plaso's words
    Timesketch,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    All,
    Live,
    Deleted,
}

impl Wanted {
    pub fn includes(self, state: EntryState) -> bool {
        match self {
            Self::All => true,
            Self::Live => state == EntryState::Live,
            Self::Deleted => state != EntryState::Live,
        }
    }
}

impl Arguments {
    pub fn wanted(&self) -> Wanted {
        match (self.live, self.deleted) {
            (true, _) => Wanted::Live,
            (_, true) => Wanted::Deleted,
            _ => Wanted::All,
        }
    }
}
