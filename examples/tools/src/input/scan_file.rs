//! A scan as the user sees it: how far it has come, and the file that keeps what it found.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ntfs_salvage::salvage::Findings;
use ntfs_salvage::source::Source;

use crate::command::failure::Failure;
use crate::input::arguments::InputArguments;
use crate::input::evidence;

/// A scan that is watched, and the file it is kept in, if there is to be one.
pub struct ScanFile {
    path: Option<PathBuf>,
    earlier: Option<Findings>,
    saved: Instant,
    failure: Option<Failure>,
    bar: ProgressBar,
}

impl ScanFile {
    /// How often the file is written while the scan goes on.
    const PERIOD: Duration = Duration::from_secs(30);

    /// Reads what an earlier scan left in the file, if there is one.
    pub fn open(arguments: &InputArguments, source: &dyn Source, quiet: bool) -> Result<Self, Failure> {
        let path = arguments.scan_file.clone();
        let earlier = match &path {
            Some(path) => {
                evidence::refuse_as_output(&arguments.path, path)?;
                load(path, source)?
            }
            None => None,
        };
        let is_visible = !quiet && io::stderr().is_terminal();
        let target = if is_visible { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("scan {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
            bar.set_style(style);
        }
        Ok(Self { path, earlier, saved: Instant::now(), failure: None, bar })
    }

    /// What the file had.
    pub fn earlier(&mut self) -> Option<Findings> {
        self.earlier.take()
    }

    /// Called for each MiB that is scanned.
    pub fn keep(&mut self, findings: &Findings) {
        self.bar.set_length(findings.source_size());
        self.bar.set_position(findings.scanned());
        if self.failure.is_none() && self.saved.elapsed() >= Self::PERIOD {
            self.failure = self.save(findings).err();
            self.saved = Instant::now();
        }
    }

    /// Called at the end, with what was found.
    pub fn finish(mut self, findings: Option<Findings>) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        match (self.failure.take(), findings) {
            (Some(failure), _) => Err(failure),
            (None, Some(findings)) => self.save(&findings),
            (None, None) => Ok(()),
        }
    }

    /// Writes a new file and gives it the name: an old one stays until the new one is whole.
    fn save(&self, findings: &Findings) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let failed = |error: io::Error| Failure::of_writing(path.display(), &error);
        let mut temporary = path.file_name().unwrap_or_default().to_owned();
        temporary.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(temporary);
        let written = write_new(&temporary, findings).and_then(|()| fs::rename(&temporary, path));
        written.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            failed(error)
        })
    }
}

fn load(path: &Path, source: &dyn Source) -> Result<Option<Findings>, Failure> {
    let cannot =
        |why: &dyn std::fmt::Display| Failure::new(format_args!("cannot use {} as a scan file", path.display()), why);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(&error)),
    };
    let findings = Findings::load(BufReader::new(file)).map_err(|error| cannot(&error))?;
    let (scanned, size) = (findings.source_size(), source.size());
    match scanned == size {
        true => Ok(Some(findings)),
        false => Err(cannot(&format_args!("it is of an input of {scanned} bytes, this one has {size}"))),
    }
}

fn write_new(path: &Path, findings: &Findings) -> io::Result<()> {
    let mut output = BufWriter::new(File::create_new(path)?);
    findings.save(&mut output)?;
    output.flush()?;
    output.get_ref().sync_all()
}
