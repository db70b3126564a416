//! Builds the programs that are compared, and the table they read.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// Where the programs are; those of this library that do not exist yet are `None`.
#[derive(Debug)]
pub struct Tools {
    pub bare_read: PathBuf,
    pub parse_mft: PathBuf,
    pub parse_ntfs: PathBuf,
    pub parse_ours: Option<PathBuf>,
    pub scan_ours: Option<PathBuf>,
    pub list_mft: PathBuf,
    pub list_ours: Option<PathBuf>,
    pub fls: Option<PathBuf>,
    generate: PathBuf,
    tables: PathBuf,
}

impl Tools {
    pub fn prepare(list_ours: Option<PathBuf>) -> Result<Self, Box<dyn Error>> {
        let programs = env::current_exe()?.parent().ok_or("no directory of programs")?.to_owned();
        cargo(&["build", "--release", "--bins", "--manifest-path", &in_package("Cargo.toml")])?;
        let existing = |path: PathBuf| path.exists().then_some(path);
        let parse_ours = existing(programs.join("parse_ours"));
        let list_ours = match list_ours {
            Some(path) => Some(path),
            None => build_list_ours()?,
        };
        for (name, tool) in [("parse_ours", &parse_ours), ("examples/mft_dump", &list_ours)] {
            if tool.is_none() {
                eprintln!("{name} does not exist: its jobs are run by the other side only");
            }
        }
        Ok(Self {
            bare_read: programs.join("bare_read"),
            parse_mft: programs.join("parse_mft"),
            parse_ntfs: programs.join("parse_ntfs"),
            generate: programs.join("generate_mft"),
            list_mft: install_mft_dump()?,
            tables: PathBuf::from(in_package("target/tables")),
            fls: env::var_os("PATH").and_then(|path| env::split_paths(&path).find_map(|at| existing(at.join("fls")))),
            scan_ours: existing(programs.join("scan_ours")),
            parse_ours,
            list_ours,
        })
    }

    /// A generated table of so many records; made once.
    pub fn generate(&self, records: u64) -> Result<PathBuf, Box<dyn Error>> {
        let table = self.tables.join(format!("generated-{records}.mft"));
        if table.exists() {
            return Ok(table);
        }
        fs::create_dir_all(&self.tables)?;
        let unfinished = table.with_extension("part");
        let mut command = Command::new(&self.generate);
        run(command.args(["--records", &records.to_string()]).arg(&unfinished))?;
        fs::rename(unfinished, &table)?;
        Ok(table)
    }
}

/// The listing tool of this repository, built for release, where it exists.
fn build_list_ours() -> Result<Option<PathBuf>, Box<dyn Error>> {
    let repository = Path::new(PACKAGE).join("../..");
    if !repository.join("examples/tools").exists() {
        return Ok(None);
    }
    let manifest = repository.join("Cargo.toml").display().to_string();
    let target = in_package("target/ours");
    cargo(&["build", "--release", "--example", "mft_dump", "--manifest-path", &manifest, "--target-dir", &target])?;
    Ok(Some(Path::new(&target).join("release/examples/mft_dump")))
}

/// The tool that the crate `mft` publishes, with its own lock file and release settings.
fn install_mft_dump() -> Result<PathBuf, Box<dyn Error>> {
    let root = in_package("target/tools");
    let tool = Path::new(&root).join("bin/mft_dump");
    if !tool.exists() {
        cargo(&["install", "mft", "--version", "=0.9.1", "--locked", "--root", &root])?;
    }
    Ok(tool)
}

fn cargo(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    run(Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).args(arguments))
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

fn in_package(path: &str) -> String {
    Path::new(PACKAGE).join(path).display().to_string()
}
