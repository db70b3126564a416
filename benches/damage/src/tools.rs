//! The tools that are run, and where they are.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::given::Given;
use crate::subject::Subject;
use crate::{ours, peers};

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Tool {
    Ours,
    Sleuthkit,
    Testdisk,
    Photorec,
    Ntfsundelete,
}

impl Tool {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Sleuthkit => "sleuthkit",
            Self::Testdisk => "testdisk",
            Self::Photorec => "photorec",
            Self::Ntfsundelete => "ntfsundelete",
        }
    }

    /// Whether it has names to give.
    pub fn has_names(self) -> bool {
        self != Self::Photorec
    }

    /// Says its version, which also says that it is installed.
    fn version_command(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ours => None,
            Self::Sleuthkit => Some(("fls", "-V")),
            Self::Testdisk => Some(("testdisk", "/version")),
            Self::Photorec => Some(("photorec", "/version")),
            Self::Ntfsundelete => Some(("ntfsundelete", "-V")),
        }
    }
}

/// The tools of this repository.
#[derive(Debug)]
pub struct Ours {
    pub mft_dump: PathBuf,
    pub recover: PathBuf,
}

impl Ours {
    /// Builds them for release.
    pub fn build() -> Result<Self, Box<dyn Error>> {
        let manifest = Path::new(PACKAGE).join("../../Cargo.toml");
        let target = Path::new(PACKAGE).join("target/ours");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--release", "--example", "mft_dump", "--example", "recover"]);
        cargo.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(&target);
        if !cargo.status()?.success() {
            return Err("the tools of this repository cannot be built".into());
        }
        let examples = target.join("release/examples");
        Ok(Self { mft_dump: examples.join("mft_dump"), recover: examples.join("recover") })
    }
}

/// Those of the wanted tools that are there, with what they say of their version.
pub fn installed(wanted: &[Tool]) -> Vec<(Tool, String)> {
    let version = |tool: &Tool| match tool.version_command() {
        None => Some((*tool, said("git", &["-C", PACKAGE, "describe", "--always", "--dirty"])?)),
        Some((program, argument)) => Some((*tool, said(program, &[argument])?)),
    };
    wanted.iter().filter_map(version).collect()
}

/// The first line that a program says.
pub fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

pub fn run(tool: Tool, ours: &Ours, subject: &Subject) -> Result<Given, Box<dyn Error>> {
    match tool {
        Tool::Ours => ours::run(ours, subject),
        Tool::Sleuthkit => peers::sleuthkit(subject),
        Tool::Testdisk => peers::testdisk(subject),
        Tool::Photorec => peers::photorec(subject),
        Tool::Ntfsundelete => peers::ntfsundelete(subject),
    }
}
