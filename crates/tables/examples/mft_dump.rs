//! The listing that tables are compared and measured with.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntfs_salvage_tools::mft_dump::main()
}
