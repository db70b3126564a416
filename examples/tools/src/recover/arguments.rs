//! The command line.

use std::path::PathBuf;

use clap::Parser;
use ntfs_salvage::recoverability::{RecoverabilityOptions, Verdict};

use crate::command::record_choice::{RecordChoice, parse_number};
use crate::input::arguments::InputArguments;

/// Recover the files of NTFS volumes, live and deleted, and say of every byte where it is from
///
/// The directories are those of the volume. Files whose path stops before the root are in
/// "$Orphan/REASON RECORD-SEQUENCE". A name that is taken, also in other letters, becomes
/// "name~RECORD-SEQUENCE.ext"; a further stream of a file is beside it as "name~stream". Nothing is ever
/// overwritten, and no link is followed or made. The manifest says what each file is worth.
#[derive(Debug, Parser)]
#[command(name = "recover", max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub input: InputArguments,
    /// Put the files under DIR; it is made if it is not there
    #[arg(short = 'd', long, value_name = "DIR")]
    pub directory: PathBuf,
    /// Only files that are deleted, and what is left of files whose base record is gone
    #[arg(long, conflicts_with = "all")]
    pub deleted: bool,
    /// Files that exist and files that are deleted: what is done without this, too
    #[arg(long)]
    pub all: bool,
    /// NTFS's own files, too: $MFT, $LogFile, and what is in $Extend
    #[arg(long)]
    pub system: bool,
    /// Only what GLOB matches, in any case, with all that is below it: "/Users/*/Documents", "*.docx",
    /// "/photos/**/*.jpg". A GLOB that does not start with "/" or "<" may match anywhere. Repeatable
    #[arg(long = "path", value_name = "GLOB")]
    pub paths: Vec<String>,
    /// Only this record; with -SEQ only if it has that sequence number. Repeatable
    #[arg(long = "record", value_name = "N[-SEQ]", value_parser = RecordChoice::parse)]
    pub records: Vec<RecordChoice>,
    /// Only streams with these verdicts, separated by commas: intact, likely, partial, overwritten,
    /// metadata-only, placeholder. Of the last three there is nothing to write: the manifest has them
    #[arg(long = "verdict", value_name = "LIST", value_delimiter = ',', value_parser = parse_verdict)]
    pub verdicts: Vec<Verdict>,
    /// Write the manifest to FILE instead of DIR/manifest.jsonl; - for the standard output
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Write a report for people to FILE.html, which must not exist: one page that needs nothing else
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Leave out streams of more than BYTES; the manifest names them
    #[arg(long, value_name = "BYTES", value_parser = parse_number)]
    pub max_size: Option<u64>,
    /// Write nothing: say how many streams and bytes it would be, of which verdicts, and how much room that needs
    #[arg(long, conflicts_with_all = ["manifest", "report"])]
    pub dry_run: bool,
    /// Go on with an interrupted run into DIR, with the same arguments: what its manifest has, and is still whole, is not
    /// written again
    #[arg(long, conflicts_with_all = ["dry_run", "no_hash"])]
    pub resume: bool,
    /// No SHA-256 of what is written
    #[arg(long)]
    pub no_hash: bool,
    /// Judge what is written by its content: checksums and structure of some fifty formats. This is done without being asked
    #[arg(long, conflicts_with = "no_verify_content")]
    pub verify_content: bool,
    /// Do not judge contents
    #[arg(long)]
    pub no_verify_content: bool,
    /// The SHA-256 of all of the input in the manifest, not only of its first and last MiB
    #[arg(long)]
    pub hash_input: bool,
    /// How many records are made ready before their contents are read in the order of the disk: more need less seeking
    /// and more memory, some 3 KiB each
    #[arg(long, value_name = "N", default_value_t = 131_072)]
    pub window: u64,
    /// How many threads to use; 0 for as many as there are processors
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// No progress bar and no summary
    #[arg(short, long)]
    pub quiet: bool,
}

impl Arguments {
    /// How it is asked what is left: clusters are looked at, and with a map zeros that were rescued are content.
    pub fn recoverability_options(&self) -> RecoverabilityOptions {
        RecoverabilityOptions::default().sample_zeros(true).trust_zeros(self.input.map.is_some())
    }
}

fn parse_verdict(text: &str) -> Result<Verdict, String> {
    let known = Verdict::ALL.iter().find(|verdict| verdict.code() == text.trim());
    let codes = || Verdict::ALL.iter().map(|verdict| verdict.code()).collect::<Vec<_>>().join(", ");
    known.copied().ok_or_else(|| format!("the verdicts are {}", codes()))
}
