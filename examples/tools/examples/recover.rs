//! Recovers the files of NTFS volumes.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntfs_salvage_tools::recover::main()
}
