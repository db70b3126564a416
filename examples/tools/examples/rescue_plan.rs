//! Says which sectors of a failing disk to read next.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntfs_salvage_tools::rescue_plan::main()
}
