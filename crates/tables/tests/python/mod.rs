//! Python packages that tests ask, had with pip into the folder of the build.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs Python with what was had.
pub(crate) fn python(arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new("python3");
    command.args(arguments).env("PYTHONPATH", folder()).output().ok()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("engines")
}

/// Whether a package can be had: it is there, or pip gets it.
pub(crate) fn is_there(package: &str) -> bool {
    let can_be_used = || python(&["-c", &format!("import {package}")]).is_some_and(|output| output.status.success());
    let install = || {
        let folder = folder().display().to_string();
        let arguments = ["-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--target", &folder, package];
        python(&arguments).is_some_and(|output| output.status.success())
    };
    can_be_used() || (install() && can_be_used())
}
