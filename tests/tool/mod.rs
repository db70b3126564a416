//! Runs the example `mft_dump` the way a user would.

#![allow(dead_code, reason = "each test target includes this module and uses its own part of it")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Where cargo put the tool: beside the test's own binary, `target/…/deps/<test>`.
pub(crate) fn mft_dump() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows its own path");
    let profile = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
    let tool = profile.join("examples").join(format!("mft_dump{}", std::env::consts::EXE_SUFFIX));
    assert!(tool.exists(), "{} is not built: run `cargo build --example mft_dump`", tool.display());
    tool
}

/// Runs the tool and returns whatever came of it.
pub(crate) fn run<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> Output {
    Command::new(mft_dump()).args(arguments).output().expect("the tool starts")
}

/// Lists `input` as JSON lines; the run has to succeed.
pub(crate) fn list(input: &Path) -> Result<Vec<Value>, String> {
    let output = run([input.as_os_str(), OsStr::new("--format"), OsStr::new("jsonl"), OsStr::new("-q")]);
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    let text = String::from_utf8(output.stdout).map_err(|error| format!("the output is not UTF-8: {error}"))?;
    let parse = |line| serde_json::from_str(line).map_err(|error| format!("{error} in the line {line}"));
    text.lines().map(parse).collect()
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
