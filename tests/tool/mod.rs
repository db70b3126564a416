//! Runs the example `mft_dump` the way a user would.

#![allow(dead_code, reason = "each test target includes this module and uses its own part of it")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// The example `name`, built as the tests are. `cargo test --test …` alone does not build examples.
pub(crate) fn program(name: &str) -> PathBuf {
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--example", name]).args(profile).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().expect("cargo starts").success(), "{name} cannot be built");
    let test = std::env::current_exe().expect("the test knows its own path");
    let profile = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
    profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn mft_dump() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| program("mft_dump"))
}

/// Runs the tool and returns whatever came of it.
pub(crate) fn run<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> Output {
    Command::new(mft_dump()).args(arguments).output().expect("the tool starts")
}

/// Lists `input` as JSON lines; the run has to succeed.
pub(crate) fn list(input: &Path) -> Result<Vec<Value>, String> {
    list_with_summary(input).map(|(entries, _)| entries)
}

/// The same, with the closing summary.
pub(crate) fn list_with_summary(input: &Path) -> Result<(Vec<Value>, String), String> {
    let output = run([input.as_os_str(), OsStr::new("--format"), OsStr::new("jsonl")]);
    let summary = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, summary.trim_end()));
    }
    let text = String::from_utf8(output.stdout).map_err(|error| format!("the output is not UTF-8: {error}"))?;
    let parse = |line| serde_json::from_str(line).map_err(|error| format!("{error} in the line {line}"));
    Ok((text.lines().map(parse).collect::<Result<_, _>>()?, summary))
}

/// How many of something the summary counts: the number before the word, over all volumes.
pub(crate) fn counted(summary: &str, what: &str) -> u64 {
    let words: Vec<&str> = summary.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
    let numbers = words.windows(2).filter(|pair| pair[1] == what);
    numbers.map(|pair| pair[0].parse::<u64>().expect("a number stands before what it counts")).sum()
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
