//! Runs the same jobs on the same table with this library and with others, alternately, and prints what each took.
//!
//! `cargo run --release --manifest-path benches/compare/Cargo.toml -- [--records N] [--rounds N] [FILE…]`

mod jobs;
mod machine;
mod measure;
mod report;
mod tools;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;

use jobs::Job;
use measure::Measured;
use tools::Tools;

/// Time and memory of this library beside others, on the same file, in turns.
#[derive(Parser, Debug)]
struct Arguments {
    /// Records of the generated table, where no file is given
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// How often every command runs; the first run of each, which warms the cache, is not counted
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(5..))]
    rounds: u64,
    /// Numbers of threads for this library
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    threads: Vec<usize>,
    /// Only the jobs whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// This library's listing tool, where it is not to be built
    #[arg(long)]
    ours: Option<PathBuf>,
    /// Bare $MFT files or volume images
    files: Vec<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let tools = Tools::prepare(arguments.ours.clone())?;
    let files =
        if arguments.files.is_empty() { vec![tools.generate(arguments.records)?] } else { arguments.files.clone() };
    print!("{}", machine::header(arguments.rounds)?);
    for file in &files {
        compare(&arguments, &tools, file)?;
    }
    Ok(())
}

fn compare(arguments: &Arguments, tools: &Tools, file: &Path) -> Result<(), Box<dyn Error>> {
    let subject = jobs::Subject::look_at(file)?;
    println!("\n{}", report::title(&subject));
    for job in jobs::all(tools, &subject, &arguments.threads) {
        if arguments.only.as_ref().is_some_and(|part| !job.name.contains(part.as_str())) {
            continue;
        }
        let rounds = run_in_turns(&job, arguments.rounds)?;
        report::print_rows(&job, &subject, &rounds);
    }
    Ok(())
}

/// One row a round, one column a side: theirs first, then ours for each number of threads.
fn run_in_turns(job: &Job, rounds: u64) -> Result<Vec<Vec<Measured>>, Box<dyn Error>> {
    let sides: Vec<_> = std::iter::once(&job.theirs).chain(job.ours.iter().map(|(_, command)| command)).collect();
    for side in &sides {
        measure::run(side)?;
    }
    let mut all = Vec::new();
    for round in 1..=rounds {
        eprintln!("{}: round {round} of {rounds}", job.name);
        all.push(sides.iter().map(|side| measure::run(side)).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all)
}
