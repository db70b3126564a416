//! The manifest's file.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::command::failure::Failure;
use crate::recover::output::folder::Folder;
use crate::report::Collector;

/// Where the manifest goes.
pub struct Manifest {
    sink: Sink,
    name: String,
    written: u64,
    /// Who else wants to know what is written.
    pub collector: Option<Collector>,
}

enum Sink {
    Standard(io::StdoutLock<'static>),
    File(File),
}

impl Manifest {
    /// What it is called in the output, where the user does not say otherwise.
    pub const NAME: &'static str = "manifest.jsonl";
    /// Bytes of a usual line: room for so many is kept free, for when the disk is full.
    const LINE: u64 = 512;

    /// A file that is made now, or the standard output for `-`.
    pub fn create(path: Option<&Path>, directory: &Path, root: &Folder) -> Result<Self, Failure> {
        let (created, name) = match path {
            Some(path) if path.as_os_str() == "-" => {
                let sink = Sink::Standard(io::stdout().lock());
                return Ok(Self {
                    sink,
                    name: "the manifest to the standard output".into(),
                    written: 0,
                    collector: None,
                });
            }
            Some(path) => (File::create_new(path), path.display().to_string()),
            None => (root.create(Self::NAME), directory.join(Self::NAME).display().to_string()),
        };
        match created {
            Ok(file) => Ok(Self { sink: Sink::File(file), name, written: 0, collector: None }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::Message(format!(
                "{name} exists, and nothing is overwritten: choose another with --manifest"
            ))),
            Err(error) => Err(not_written(&name, &error)),
        }
    }

    /// Keeps room for so many lines, where the file system can.
    pub fn reserve(&self, lines: u64) -> Result<(), Failure> {
        #[cfg(target_os = "linux")]
        if let Sink::File(file) = &self.sink {
            use rustix::fs::{FallocateFlags, fallocate};
            let length = lines.saturating_add(8).saturating_mul(Self::LINE);
            return match fallocate(file, FallocateFlags::KEEP_SIZE, self.written, length) {
                Err(error @ (rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT)) => {
                    Err(not_written(&self.name, &error.into()))
                }
                _ => Ok(()),
            };
        }
        let _ = lines;
        Ok(())
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.collector.iter_mut().for_each(|collector| collector.lines(bytes));
        let written = match &mut self.sink {
            // Rust's buffer ends at each line; whole batches come here, and pass it by.
            Sink::Standard(stdout) => stdout.write_all(bytes),
            Sink::File(file) => file.write_all(bytes),
        };
        self.written += bytes.len() as u64;
        written.map_err(|error| not_written(&self.name, &error))
    }

    /// Gives back the room that was not needed.
    pub fn finish(mut self) -> Result<Option<Collector>, Failure> {
        let finished = match &mut self.sink {
            Sink::Standard(stdout) => stdout.flush(),
            Sink::File(file) => file.set_len(self.written).or(Ok(())),
        };
        finished.map_err(|error| not_written(&self.name, &error))?;
        Ok(self.collector)
    }
}

/// Also when whoever read the manifest has gone: the files that were written need it.
fn not_written(name: &str, error: &io::Error) -> Failure {
    Failure::new(format_args!("cannot write {name}"), error)
}
