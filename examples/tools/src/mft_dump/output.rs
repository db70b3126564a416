//! The output: standard output, or a file that appears when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::command::failure::Failure;

/// Where the listing goes.
pub struct Output {
    sink: Sink,
    name: String,
    /// The file under its temporary name, and the name it will have.
    pending: Option<(PathBuf, PathBuf)>,
    force: bool,
}

enum Sink {
    Standard(io::StdoutLock<'static>),
    File(File),
}

impl Output {
    /// Opens the output. The input itself, and whatever else exists, is refused before a byte is written.
    pub fn open(path: Option<&Path>, force: bool, input: &Path) -> Result<Self, Failure> {
        let Some(path) = path else { return Self::standard(input) };
        let name = path.display().to_string();
        let failed = |error: io::Error| Failure::new(format_args!("cannot write {name}"), error);
        let existing = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let Some(existing) = existing else { return Self::new_file(path.to_owned(), name, force) };
        if is_same(&existing, input) {
            return Err(Failure::Message(format!("the output {name} is the input itself")));
        }
        let kind = existing.file_type();
        if kind.is_dir() || is_block_device(kind) {
            let what = if kind.is_dir() { "a directory" } else { "a block device" };
            return Err(Failure::Message(format!("cannot write {name}: it is {what}")));
        }
        if !kind.is_file() {
            // A pipe or a character device, such as /dev/null, cannot be replaced by a file.
            let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
            return Ok(Self { sink: Sink::File(file), name, pending: None, force });
        }
        if !force {
            return Err(Failure::Message(format!("{name} exists; --force replaces it")));
        }
        // Through links to the file itself: they stay links.
        Self::new_file(fs::canonicalize(path).map_err(failed)?, name, force)
    }

    fn standard(input: &Path) -> Result<Self, Failure> {
        if standard_output().is_some_and(|metadata| is_same(&metadata, input)) {
            return Err(Failure::Message("the standard output is the input itself".into()));
        }
        let sink = Sink::Standard(io::stdout().lock());
        Ok(Self { sink, name: "to the standard output".into(), pending: None, force: false })
    }

    fn new_file(path: PathBuf, name: String, force: bool) -> Result<Self, Failure> {
        let mut temporary = path.file_name().unwrap_or_default().to_owned();
        temporary.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(temporary);
        let created = OpenOptions::new().write(true).create_new(true).open(&temporary);
        let file = created.map_err(|error| Failure::new(format_args!("cannot write {name}"), error))?;
        Ok(Self { sink: Sink::File(file), name, pending: Some((temporary, path)), force })
    }

    /// True where a person reads the listing as it comes.
    pub fn is_terminal(&self) -> bool {
        matches!(&self.sink, Sink::Standard(stdout) if stdout.is_terminal())
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match &mut self.sink {
            // Rust's buffer ends at each line; whole batches come here, and pass it by.
            Sink::Standard(stdout) => stdout.write_all(bytes),
            Sink::File(file) => file.write_all(bytes),
        };
        written.map_err(|error| Failure::of_writing(&self.name, &error))
    }

    /// Gives the complete file its name.
    pub fn finish(mut self) -> Result<(), Failure> {
        let flushed = match &mut self.sink {
            Sink::Standard(stdout) => stdout.flush(),
            // Some file systems say only now that there is no room.
            Sink::File(file) if self.pending.is_some() => file.sync_all(),
            Sink::File(file) => file.flush(),
        };
        flushed.map_err(|error| Failure::of_writing(&self.name, &error))?;
        let Some((temporary, path)) = self.pending.take() else { return Ok(()) };
        let named = match path.try_exists() {
            Ok(true) if !self.force => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
            _ => fs::rename(&temporary, &path),
        };
        named.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            Failure::of_writing(&self.name, &error)
        })
    }
}

impl Drop for Output {
    /// What is not complete does not stay.
    fn drop(&mut self) {
        if let Some((temporary, _)) = &self.pending {
            let _ = fs::remove_file(temporary);
        }
    }
}

#[cfg(unix)]
fn is_same(output: &fs::Metadata, input: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(input).is_ok_and(|input| (input.dev(), input.ino()) == (output.dev(), output.ino()))
}

#[cfg(not(unix))]
fn is_same(output: &fs::Metadata, input: &Path) -> bool {
    // Without a number of the file: what agrees in all this is taken for the same.
    let facts = |metadata: &fs::Metadata| (metadata.len(), metadata.created().ok(), metadata.modified().ok());
    fs::metadata(input).is_ok_and(|input| facts(&input) == facts(output))
}

#[cfg(unix)]
fn is_block_device(kind: fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.is_block_device()
}

#[cfg(not(unix))]
fn is_block_device(_: fs::FileType) -> bool {
    false
}

#[cfg(unix)]
fn standard_output() -> Option<fs::Metadata> {
    use std::os::fd::AsFd;
    File::from(io::stdout().as_fd().try_clone_to_owned().ok()?).metadata().ok()
}

#[cfg(not(unix))]
fn standard_output() -> Option<fs::Metadata> {
    None
}
