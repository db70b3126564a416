//! The input: what kind it is, and the volumes in it.

use std::fmt;
use std::path::Path;

use ntfs_salvage::source::{self, Source, Window};
use ntfs_salvage::volume::disk::Disk;
use ntfs_salvage::volume::partition::{Partition, PartitionScheme};
use ntfs_salvage::{Damage, Volume};

use crate::failure::Failure;

/// The bytes of a file or device, and what the user calls it.
pub struct Input<'s> {
    source: &'s dyn Source,
    name: String,
}

/// Opens the file or device, to read only.
pub fn open(path: &Path) -> Result<source::File, Failure> {
    source::open(path).map_err(|error| Failure::new(format_args!("cannot open {}", path.display()), error))
}

/// A volume of the input.
pub struct Opened<'s> {
    pub volume: Volume<'s>,
    /// The number of its partition, where there is one.
    pub partition: Option<u32>,
    /// Where it starts in the input, in bytes.
    pub start: u64,
    /// The input as the user calls it.
    pub input: &'s str,
    /// What is wrong with the partition table it was found by.
    pub disk_damage: Vec<Damage>,
}

impl fmt::Display for Opened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.partition {
            Some(number) => write!(f, "{} partition {number} at byte {}", self.input, self.start),
            None => write!(f, "{}", self.input),
        }
    }
}

impl<'i> Input<'i> {
    pub fn new(source: &'i dyn Source, path: &Path) -> Self {
        Self { source, name: path.display().to_string() }
    }

    /// The volumes, or the one that is asked for; and, where others could not be opened, that the
    /// listing will not be complete.
    pub fn volumes(
        &self,
        partition: Option<u32>,
        offset: Option<u64>,
    ) -> Result<(Vec<Opened<'_>>, Option<Failure>), Failure> {
        if let Some(offset) = offset {
            return Ok((vec![self.volume_at(offset)?], None));
        }
        if partition.is_none() && self.starts_with_a_record() {
            let volume = self.bare_table().map_err(|error| self.nothing_found(&[], error))?;
            return Ok((vec![self.opened(volume, None, 0)], None));
        }
        let disk = Disk::new(self.source);
        let is_whole = |partition: &&Partition| partition.scheme == PartitionScheme::Whole;
        let (whole, tabled): (Vec<_>, Vec<_>) = disk.partitions().iter().partition(is_whole);
        if let Some(number) = partition {
            return Ok((vec![self.chosen(&disk, &tabled, number)?], None));
        }
        let (volumes, failure) = self.all_of(&disk, &tabled);
        if whole.is_empty() && !volumes.is_empty() {
            return Ok((volumes, failure));
        }
        match Volume::open(self.source) {
            Ok(volume) => Ok((vec![self.opened(volume, None, 0)], None)),
            Err(_) if !volumes.is_empty() => Ok((volumes, failure)),
            Err(error) => match self.bare_table() {
                Ok(volume) => Ok((vec![self.opened(volume, None, 0)], None)),
                Err(_) => Err(failure.unwrap_or_else(|| self.nothing_found(&tabled, error))),
            },
        }
    }

    fn starts_with_a_record(&self) -> bool {
        let mut signature = [0; 4];
        self.source.read_at(0, &mut signature).is_ok() && matches!(&signature, b"FILE" | b"BAAD")
    }

    fn bare_table(&self) -> ntfs_salvage::Result<Volume<'_>> {
        Volume::from_table(self.source)
    }

    fn nothing_found(&self, tabled: &[&Partition], error: ntfs_salvage::Error) -> Failure {
        let name = &self.name;
        let nothing = format!("no NTFS volume and no $MFT in {name}");
        if self.source.size() == 0 {
            return Failure::new(nothing, "it is empty");
        }
        if tabled.is_empty() {
            return Failure::new(nothing, error);
        }
        let found: Vec<_> = tabled.iter().map(|p| format!("{} ({})", number_of(p), p.partition_type)).collect();
        Failure::new(nothing, format_args!("its partitions hold something else: {}", found.join(", ")))
    }

    fn opened<'s>(&'s self, volume: Volume<'s>, partition: Option<u32>, start: u64) -> Opened<'s> {
        Opened { volume, partition, start, input: &self.name, disk_damage: Vec::new() }
    }

    fn volume_at(&self, offset: u64) -> Result<Opened<'_>, Failure> {
        let window = Window::new(self.source, offset, u64::MAX);
        let what = format!("no NTFS volume at byte {offset} of {}", self.name);
        if window.size() == 0 {
            return Err(Failure::new(what, format_args!("the input ends at byte {}", self.source.size())));
        }
        let volume = Volume::open_window(window).map_err(|error| Failure::new(what, error))?;
        Ok(self.opened(volume, None, offset))
    }

    fn chosen<'s>(&'s self, disk: &Disk<'s>, tabled: &[&Partition], number: u32) -> Result<Opened<'s>, Failure> {
        let Some(partition) = tabled.iter().find(|partition| number_of(partition) == number) else {
            let there: Vec<_> = tabled.iter().map(|partition| number_of(partition).to_string()).collect();
            let there = if there.is_empty() { "there are no partitions".into() } else { there.join(", ") };
            return Err(Failure::Message(format!("no partition {number} in {}; found: {there}", self.name)));
        };
        self.open_partition(disk, partition)
    }

    fn open_partition<'s>(&'s self, disk: &Disk<'s>, partition: &Partition) -> Result<Opened<'s>, Failure> {
        let (number, start) = (number_of(partition), partition.start);
        let volume = Volume::open_window(partition.window(self.source)).map_err(|error| {
            Failure::new(format_args!("cannot read partition {number} at byte {start} of {}", self.name), error)
        })?;
        let disk_damage = disk.damage().to_vec();
        Ok(Opened { disk_damage, ..self.opened(volume, Some(number), start) })
    }

    /// All partitions with NTFS in them, whatever the table says of their type, and what is to be said
    /// at the end where some cannot be read.
    fn all_of<'s>(&'s self, disk: &Disk<'s>, tabled: &[&Partition]) -> (Vec<Opened<'s>>, Option<Failure>) {
        let candidates = tabled.iter().filter(|partition| partition.looks_like_ntfs(self.source));
        let (mut volumes, mut failures) = (Vec::new(), Vec::new());
        for partition in candidates {
            match self.open_partition(disk, partition) {
                Ok(opened) => volumes.push(opened),
                Err(failure) => failures.push(failure.to_string()),
            }
        }
        let failure = (!failures.is_empty()).then(|| Failure::Message(failures.join("; ")));
        (volumes, failure)
    }
}

/// The number of a partition as Linux has it.
fn number_of(partition: &Partition) -> u32 {
    partition.index.saturating_add(1)
}
