//! Has the volumes made, once for each seed.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// Where the volumes of a seed are.
pub fn made(seed: u64) -> Result<PathBuf, Box<dyn Error>> {
    let all = Path::new(PACKAGE).join("target/volumes");
    let folder = all.join(seed.to_string());
    if folder.exists() {
        return Ok(folder);
    }
    let unfinished = all.join(format!("{seed}.part"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&all)?;
    eprintln!("making the volumes of seed {seed}");
    let script = Path::new(PACKAGE).join("volumes.py");
    let status = Command::new("python3").arg(script).arg(&unfinished).arg(seed.to_string()).status()?;
    if !status.success() {
        return Err(format!("volumes.py ended with {status}").into());
    }
    fs::rename(unfinished, &folder)?;
    Ok(folder)
}
