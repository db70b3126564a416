//! `ntfs-tables sql`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use datafusion::error::DataFusionError;
use ntfs_salvage_tools::command::failure::{Failure, say};
use ntfs_salvage_tools::input::evidence;

use super::ReadingArguments;
use crate::parquet_file::temporary_name;
use crate::sql::{Output, Question};

#[derive(Debug, Args)]
pub(super) struct SqlArguments {
    /// The question, or @FILE where it stands
    #[arg(value_name = "SQL")]
    question: String,
    /// Images, and folders of datasets; any number of both
    #[arg(value_name = "INPUT|DIR", required = true)]
    inputs: Vec<PathBuf>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the answer to FILE, which must not exist
    #[arg(short, long, value_name = "FILE", required_if_eq("format", "parquet"))]
    output: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArguments,
    /// Work on so many threads; 0: one a processor
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    Csv,
    Jsonl,
    /// Needs --output
    Parquet,
}

/// True where all inputs could be read whole.
pub(super) fn run(arguments: &SqlArguments) -> Result<bool, Failure> {
    let question = Question {
        sql: text_of(&arguments.question)?,
        inputs: arguments.inputs.clone(),
        options: arguments.reading.options(),
        threads: arguments.threads,
    };
    let format = match arguments.format {
        Format::Table => Output::Table,
        Format::Csv => Output::Csv,
        Format::Jsonl => Output::Jsonl,
        Format::Parquet => Output::Parquet,
    };
    let problems = match &arguments.output {
        Some(path) => to_file(&question, format, path)?,
        None => {
            let mut out = BufWriter::new(io::stdout());
            let asked = question.ask(format, &mut out);
            let problems = asked.map_err(failure)?;
            out.flush().map_err(|error| Failure::of_writing("to the standard output", &error))?;
            problems
        }
    };
    problems.iter().for_each(|problem| say(format_args!("error: {problem}")));
    Ok(problems.is_empty())
}

fn text_of(question: &str) -> Result<String, Failure> {
    let Some(path) = question.strip_prefix('@') else { return Ok(question.to_owned()) };
    fs::read_to_string(path).map_err(|error| Failure::new(format_args!("cannot read {path}"), error))
}

/// Writes the answer beside its place, and gives it its name when it is complete.
fn to_file(question: &Question, format: Output, path: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: io::Error| Failure::new(format_args!("cannot write {}", path.display()), error);
    for input in question.inputs.iter().filter(|input| !input.is_dir()) {
        evidence::refuse_as_output(input, path)?;
    }
    if path.try_exists().map_err(failed)? {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    let temporary = temporary_name(path);
    let file = File::options().write(true).create_new(true).open(&temporary).map_err(failed)?;
    let mut out = BufWriter::new(file);
    let written = question.ask(format, &mut out).map_err(failure).and_then(|problems| {
        out.flush()
            .and_then(|()| out.get_ref().sync_all())
            .and_then(|()| fs::rename(&temporary, path))
            .map_err(failed)?;
        Ok(problems)
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// One sentence; DataFusion says which column or table it means.
fn failure(error: DataFusionError) -> Failure {
    if let DataFusionError::IoError(error) = error.find_root()
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        return Failure::ClosedPipe;
    }
    Failure::Message(error.strip_backtrace())
}
