//! The command line of `ntfs-tables`.

#[cfg(feature = "sql")]
mod sql;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ntfs_salvage_tools::command::failure::{Failure, say};

use crate::dataset::{Export, Outcome, check_id};
use crate::scan::Ranges;
use crate::schema;

/// NTFS volumes as tables: Parquet datasets of every file, link and stream
#[derive(Debug, Parser)]
#[command(name = "ntfs-tables", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the tables of images as a dataset of Parquet files. Run it again, or several at once: each image has files
    /// of its own, which appear when they are complete
    Export(ExportArguments),
    /// Answer a question in SQL about the tables `entries`, `ranges` and `errors` of images and datasets alike
    #[cfg(feature = "sql")]
    Sql(sql::SqlArguments),
    /// Say what the tables are: names, types and meanings of their columns
    Schema,
}

#[derive(Debug, Args)]
struct ExportArguments {
    /// Disks, volumes or $MFTs: devices, images, or containers of them. They are only read
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    /// The folder of the dataset
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// What the image is called in the dataset, where there is one INPUT; else its name and a hash of where it lies
    #[arg(long, value_name = "ID", value_parser = check_id)]
    id: Option<String>,
    /// Of which streams it is written what is known of their bytes
    #[arg(long, value_enum, default_value_t = RangesArgument::InQuestion)]
    ranges: RangesArgument,
    /// Write images again that are there already, from the same file and by the same version
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    reading: ReadingArguments,
    /// Work on so many threads; 0: one a processor
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// How inputs are read, as `mft_dump` has it.
#[derive(Debug, Args)]
struct ReadingArguments {
    /// Look for files that only an index, its slack, or a child still names, also where no record is lost
    #[arg(long)]
    ghosts: bool,
    /// Scan nothing by itself, also where something is lost
    #[arg(long, conflicts_with = "scan")]
    no_scan: bool,
    /// Scan all of each input for what is left of volumes
    #[arg(long)]
    scan: bool,
    /// Each INPUT is the disk itself, whatever it looks like
    #[arg(long)]
    raw: bool,
}

impl ReadingArguments {
    /// The same as the words of a command line.
    fn options(&self) -> Vec<String> {
        let flags =
            [("--ghosts", self.ghosts), ("--no-scan", self.no_scan), ("--scan", self.scan), ("--raw", self.raw)];
        flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| (*flag).to_owned()).collect()
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RangesArgument {
    /// Of none
    No,
    /// Of those whose verdict is not `intact`
    InQuestion,
    /// Of all
    All,
}

/// Runs the tool with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Export(arguments) => export(&arguments),
        #[cfg(feature = "sql")]
        Command::Sql(arguments) => sql::run(&arguments),
        Command::Schema => print_schema(),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            failure.report();
            ExitCode::FAILURE
        }
    }
}

/// True where every image was written whole.
fn export(arguments: &ExportArguments) -> Result<bool, Failure> {
    if arguments.id.is_some() && arguments.inputs.len() > 1 {
        return Err(Failure::Message("--id names one image, and there are several inputs".into()));
    }
    let export = Export {
        folder: arguments.output.clone(),
        id: arguments.id.clone(),
        ranges: match arguments.ranges {
            RangesArgument::No => Ranges::No,
            RangesArgument::InQuestion => Ranges::InQuestion,
            RangesArgument::All => Ranges::All,
        },
        again: arguments.again,
        input_options: arguments.reading.options(),
        threads: arguments.threads,
        quiet: arguments.quiet,
    };
    let mut failed = 0_usize;
    for input in &arguments.inputs {
        match export.image(input)? {
            Outcome::Written => {}
            Outcome::AlreadyThere if arguments.quiet => {}
            Outcome::AlreadyThere => {
                say(format_args!("{}: is there already; --again writes it again", input.display()));
            }
            Outcome::Incomplete(messages) => {
                failed = failed.saturating_add(1);
                messages.iter().for_each(|message| say(format_args!("error: {message}")));
            }
        }
    }
    if failed > 0 && arguments.inputs.len() > 1 {
        say(format_args!(
            "{failed} of {} inputs could not be read, or not whole: see the table of errors",
            arguments.inputs.len()
        ));
    }
    Ok(failed == 0)
}

#[allow(clippy::unnecessary_wraps, reason = "as all commands")]
fn print_schema() -> Result<bool, Failure> {
    let text = format!("Schema version {}.\n\n{}", schema::VERSION, schema::described());
    let written = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    written.map(|()| true).map_err(|error| Failure::of_writing("to the standard output", &error))
}
