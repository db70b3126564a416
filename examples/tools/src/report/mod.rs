//! The report: one page that says what the evidence is, what is left of it, and how to check that.
//!
//! Everything that comes from the evidence goes through the template, which escapes it; the only script and the only
//! style are this module's own, and the page says so to the browser.

mod collector;
mod disk_map;
mod files;
mod glossary;
mod listing;
mod page;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::command::failure::Failure;
use crate::input::evidence;

pub use collector::Collector;
pub use listing::collect;

/// A file that a report will be written into; without one, it does not stay.
pub struct ReportFile {
    file: File,
    path: PathBuf,
    is_written: bool,
}

impl ReportFile {
    /// Makes the file now, so that a run does not end without a place for its report. What exists is left alone.
    pub fn create(path: Option<&Path>, input: &Path) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        evidence::refuse_as_output(input, path)?;
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => Ok(Some(Self { file, path: path.to_owned(), is_written: false })),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Failure::Message(format!(
                "{} exists, and nothing is overwritten: choose another with --report",
                path.display()
            ))),
            Err(error) => Err(Failure::of_writing(path.display(), &error)),
        }
    }

    /// Writes what was collected.
    pub fn write(mut self, collector: &Collector) -> Result<(), Failure> {
        let page = page::render(collector).map_err(|error| Failure::new("cannot make the report", error))?;
        let written = self.file.write_all(page.as_bytes()).and_then(|()| self.file.sync_all());
        self.is_written = written.is_ok();
        written.map_err(|error| Failure::of_writing(self.path.display(), &error))
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        if !self.is_written {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size for people.
fn rounded(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 0;
    let mut size = bytes as f64;
    while size >= 1024.0 {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{size:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_sizes_rounded() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1023, 1536, u64::MAX].map(rounded), ["0 bytes", "1023 bytes", "1.5 KiB", "16.0 EiB"]);
    }
}
