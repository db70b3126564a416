//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Show what is left of an NTFS volume as a read-only file system, until it is unmounted or Ctrl-C is pressed
#[derive(Debug, Parser)]
#[command(name = "ntfs-mount", max_term_width = 100)]
pub(crate) struct Arguments {
    /// A disk or a volume: a device, its image, or a container of it (E01, VHD, ...). It is only read
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,
    /// An empty directory to show it in
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// The volume in partition N of the disk, as Linux numbers them
    #[arg(long, value_name = "N", conflicts_with = "offset")]
    pub(crate) partition: Option<u32>,
    /// The volume starts at this byte of the input
    #[arg(long, value_name = "BYTES")]
    pub(crate) offset: Option<u64>,
    /// Deleted files, too, in $Deleted, and what has no way to the root in $Orphan
    #[arg(long)]
    pub(crate) deleted: bool,
    /// Everything: what is deleted, NTFS's own files, and files that only an index or a child still names
    #[arg(long)]
    pub(crate) all: bool,
    /// List alternate streams beside their files, as NAME:STREAM; without this they are there, but not listed
    #[arg(long)]
    pub(crate) streams: bool,
    /// Let other users see it, too
    #[arg(long)]
    pub(crate) allow_other: bool,
    /// The map GNU ddrescue wrote with the input: what was not rescued gives errors
    #[arg(long, value_name = "MAPFILE")]
    pub(crate) map: Option<PathBuf>,
    /// How many threads to open it with; 0 for as many as there are processors
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// Say nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
