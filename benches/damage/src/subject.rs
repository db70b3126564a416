//! A damaged image, and where a tool may put what it makes of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a tool is run on.
#[derive(Debug)]
pub struct Subject {
    pub image: PathBuf,
    /// The volumes of the image, each in a file of its own. Tools that cannot look for them are told where they are.
    pub volumes: Vec<PathBuf>,
    /// Which bytes of the image are lost, as ddrescue would have it.
    pub map: Option<PathBuf>,
    pub scratch: PathBuf,
}

impl Subject {
    /// An empty folder.
    pub fn fresh_folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.scratch.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Where that goes which a tool says.
    pub fn said(&self, tool: &str) -> PathBuf {
        self.scratch.join(format!("{tool}.said"))
    }
}

/// A copy that a tool may write to.
pub fn copy_into(image: &Path, folder: &Path) -> io::Result<PathBuf> {
    let copy = folder.join("copy.img");
    fs::copy(image, &copy)?;
    Ok(copy)
}
