//! Shows what is left of an NTFS volume as a read-only file system.
//!
//! Files that exist are where they were; deleted ones are in `$Deleted`, and what has no way to the root in `$Orphan`.
//! Bytes that are not there give an error, never zeros. README.md beside this package says what is shown how.

#[cfg(target_os = "linux")]
mod arguments;
#[cfg(target_os = "linux")]
mod attributes;
#[cfg(target_os = "linux")]
mod filesystem;
#[cfg(target_os = "linux")]
mod mounting;
#[cfg(target_os = "linux")]
mod opening;
#[cfg(target_os = "linux")]
mod tree;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use clap::Parser;
    match mounting::run(&arguments::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("error: ntfs-mount needs Linux");
    ExitCode::FAILURE
}
