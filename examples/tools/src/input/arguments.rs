//! The part of the command line that says what to read, and how to find the volumes in it.

use std::path::PathBuf;

use clap::Args;
use ntfs_salvage::salvage::Overrides;

use crate::command::record_choice::parse_number;

#[derive(Debug, Args)]
pub struct InputArguments {
    /// A disk, a volume or an $MFT: a device, its image, or a container of it (E01, Ex01, AFF4, VHD, VHDX,
    /// VMDK, QCOW2, VDI, split raw; whatever the name, by content). It is only read
    #[arg(value_name = "INPUT")]
    pub path: PathBuf,
    /// INPUT is the disk itself, whatever it looks like
    #[arg(long)]
    pub raw: bool,
    /// Look for the other files of INPUT (parents, segments) in DIR, too, and not only beside it. Repeatable
    #[arg(long = "parent-dir", value_name = "DIR")]
    pub parent_dirs: Vec<PathBuf>,
    /// Go on where the image that INPUT is the difference to is missing: what it has is lost
    #[arg(long)]
    pub missing_parent_as_lost: bool,
    /// The disk as it was at this snapshot inside of INPUT
    #[arg(long, value_name = "NAME")]
    pub image_snapshot: Option<String>,
    /// What INPUT still has in blocks that its format calls unused, instead of zeros
    #[arg(long)]
    pub unmapped: bool,
    /// Read all of INPUT first, and compare it with the hashes that it has stored: exit code 1 if it differs
    #[arg(long)]
    pub verify_input: bool,
    /// Only the volume in partition N of the disk, as Linux numbers them
    #[arg(long, value_name = "N", conflicts_with = "offset")]
    pub partition: Option<u32>,
    /// The volume starts at this byte of the input (decimal, or hexadecimal with 0x)
    #[arg(long, value_name = "BYTES", value_parser = parse_number)]
    pub offset: Option<u64>,
    /// Scan all of the input for what is left of volumes, also where nothing seems to be lost: finds what
    /// lies under a new format, inside files, and outside of partitions
    #[arg(long)]
    pub scan: bool,
    /// Scan nothing by itself, also where something is lost, or where a new volume may lie over an older one: what a
    /// scan would have been made of is said instead
    #[arg(long, conflicts_with_all = ["scan", "scan_file", "cluster_size", "record_size"])]
    pub no_scan: bool,
    /// Keep what the scan finds in FILE, or go on with what an earlier one left there; implies --scan
    #[arg(long, value_name = "FILE")]
    pub scan_file: Option<PathBuf>,
    /// Look for files that only an index, its slack, or a child still names, also where no record is lost
    #[arg(long)]
    pub ghosts: bool,
    /// The volume has clusters of this many bytes, whatever its boot sector says; implies --scan
    #[arg(long, value_name = "BYTES", value_parser = parse_cluster_size)]
    pub cluster_size: Option<u32>,
    /// The volume has FILE records of this many bytes, whatever its boot sector says; implies --scan
    #[arg(long, value_name = "BYTES", value_parser = parse_record_size)]
    pub record_size: Option<u32>,
    /// Read at most this many bytes of the table at a time, or one record; the output does not depend on it
    #[arg(long, value_name = "BYTES", value_parser = parse_number)]
    pub read_size: Option<u64>,
    /// The map GNU ddrescue wrote with the input: what was not rescued is missing, not zero
    #[arg(long, value_name = "MAPFILE")]
    pub map: Option<PathBuf>,
    /// Write to FILE, which must not exist, what was read and what could not be: a map as GNU ddrescue has it
    #[arg(long, value_name = "FILE")]
    pub write_map: Option<PathBuf>,
}

impl InputArguments {
    /// What the user knows better than the input.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            start: self.offset,
            cluster_size: self.cluster_size,
            record_size: self.record_size,
            ..Overrides::default()
        }
    }
}

fn parse_cluster_size(text: &str) -> Result<u32, String> {
    parse_power(text, 2 << 20)
}

fn parse_record_size(text: &str) -> Result<u32, String> {
    parse_power(text, 64 << 10)
}

fn parse_power(text: &str, most: u32) -> Result<u32, String> {
    let number = parse_number(text)?;
    let size = u32::try_from(number).ok().filter(|size| size.is_power_of_two() && (512..=most).contains(size));
    size.ok_or_else(|| format!("{number} is no power of two from 512 to {most}"))
}
