//! NTFS volumes as tables; see README.md.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntfs_salvage_tables::command::main()
}
