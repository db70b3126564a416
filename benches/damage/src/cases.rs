//! The damages: which there are, and which bytes each takes.

use std::ops::Range;

use crate::random::Random;
use crate::ranges::{Piece, Ranges};
use crate::truth::{Truth, Volume};

const SECTOR: u64 = 512;

/// What is lost, overwritten with zeros: what a rescue leaves where it could not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    Boot,
    Backup,
    Mirror,
    /// `$Bitmap`, its record and its content.
    Bitmap,
    /// The root directory, its record and its index.
    Root,
    /// So many records from the first on.
    Records(usize),
    /// So many percent of the sectors of the table, at random.
    TableSectors(u64),
    /// So many percent of all sectors, at random.
    AllSectors(u64),
    /// A format and new files over an older volume: it has happened to the image already.
    Format,
    /// A field in the header of so many percent of the records, overwritten with anything.
    Headers(u64),
    /// A copy that is not what the volume is: it has happened to the image already.
    Copied,
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    /// Which of the images.
    pub image: &'static str,
    pub losses: &'static [Loss],
}

use Loss::{AllSectors, Backup, Bitmap, Boot, Copied, Format, Headers, Mirror, Records, Root, TableSectors};

pub const CASES: &[Case] = &[
    case("none", "files", &[]),
    case("boot", "files", &[Boot]),
    case("boot + backup", "files", &[Boot, Backup]),
    case("record 0", "files", &[Records(1)]),
    case("mirror", "files", &[Mirror]),
    case("record 0 + mirror", "files", &[Records(1), Mirror]),
    case("boot + backup + record 0 + mirror", "files", &[Boot, Backup, Records(1), Mirror]),
    case("first 16 records", "files", &[Records(16)]),
    case("first 64 records", "files", &[Records(64)]),
    case("first 256 records", "files", &[Records(256)]),
    case("$Bitmap", "files", &[Bitmap]),
    case("root", "files", &[Root]),
    case("1 % of table sectors", "files", &[TableSectors(1)]),
    case("5 % of table sectors", "files", &[TableSectors(5)]),
    case("20 % of table sectors", "files", &[TableSectors(20)]),
    case("50 % of table sectors", "files", &[TableSectors(50)]),
    case("1 % of all sectors", "files", &[AllSectors(1)]),
    case("5 % of all sectors", "files", &[AllSectors(5)]),
    case("20 % of all sectors", "files", &[AllSectors(20)]),
    case("50 % of all sectors", "files", &[AllSectors(50)]),
    case("table in 3,000 runs", "fragmented", &[]),
    case("table in 3,000 runs, record 0", "fragmented", &[Records(1)]),
    case("table in 3,000 runs, boot + backup + record 0 + mirror", "fragmented", &[Boot, Backup, Records(1), Mirror]),
    case("two volumes, no partition table", "disk", &[]),
    case("two volumes, boot + backup + record 0 + mirror", "disk", &[Boot, Backup, Records(1), Mirror]),
    case("quick format over an older volume", "reformatted", &[Format]),
    case("quick format, nothing after it", "formatted", &[Format]),
    case("quick format with other clusters", "reclustered", &[Format]),
    case("quick format with other clusters, used since", "reclustered-used", &[Format]),
    case("files of many records, cut, deleted and used again", "residue", &[]),
    case("the same, first 16 records", "residue", &[Records(16)]),
    case("a field in 10 % of the records' headers", "files", &[Headers(10)]),
    case("copy of the metadata alone", "clone", &[Copied]),
    case("copy that left a sector out", "shifted", &[Copied]),
];

const fn case(name: &'static str, image: &'static str, losses: &'static [Loss]) -> Case {
    Case { name, image, losses }
}

impl Case {
    /// The bytes that are lost. The same seed loses the same bytes.
    pub fn damage(&self, truth: &Truth, size: u64, seed: u64) -> Ranges {
        let mut random = Random::new(seed, self.name);
        let lost = |loss: &Loss| -> Vec<Range<u64>> {
            match loss {
                AllSectors(percent) => random.share_of(sectors(0..size), *percent),
                Format | Copied => ranges(&truth.changed).collect(),
                _ => truth.volumes.iter().flat_map(|volume| lost_of(volume, *loss, &mut random)).collect(),
            }
        };
        self.losses.iter().flat_map(lost).collect()
    }

    /// Whether the damage is still to be done to the image.
    pub fn is_to_be_done(&self) -> bool {
        !self.losses.iter().any(|loss| matches!(loss, Format | Copied))
    }

    /// What stands where something was lost: zeros, as a rescue leaves them, or anything.
    pub fn filling(&self) -> u8 {
        if self.losses.iter().any(|loss| matches!(loss, Headers(_))) { 0xA5 } else { 0 }
    }

    /// Whether sectors here and there are lost, as on a failing medium, which makes a map worth having.
    pub fn is_of_a_medium(&self) -> bool {
        matches!(self.losses, [TableSectors(_) | AllSectors(_)])
    }
}

fn lost_of(volume: &Volume, loss: Loss, random: &mut Random) -> Vec<Range<u64>> {
    match loss {
        Boot => ranges(&volume.boot).collect(),
        Backup => ranges(&volume.backup).collect(),
        Mirror => ranges(&volume.mirror).collect(),
        Bitmap => ranges(&volume.bitmap).collect(),
        Root => ranges(&volume.root).collect(),
        Records(count) => volume.records.iter().take(count).flat_map(|pieces| ranges(pieces)).collect(),
        TableSectors(percent) => random.share_of(ranges(&volume.table).flat_map(sectors), percent),
        Headers(percent) => {
            let headers = volume.records.iter().filter_map(|pieces| pieces.first()).map(|piece| piece.range().start);
            let chosen = random.share_of(headers, percent);
            chosen.into_iter().enumerate().map(|(index, start)| field(index, start)).collect()
        }
        AllSectors(_) | Format | Copied => Vec::new(),
    }
}

/// One of the fields of a record's header: log sequence, sequence, links, flags, used size, base, number.
fn field(index: usize, record: u64) -> Range<u64> {
    const FIELDS: [(u64, u64); 7] = [(8, 8), (16, 2), (18, 2), (22, 2), (24, 4), (32, 8), (44, 4)];
    let (at, length) = FIELDS[index % FIELDS.len()];
    record + at..record + at + length
}

fn ranges(pieces: &[Piece]) -> impl Iterator<Item = Range<u64>> {
    pieces.iter().map(|piece| piece.range())
}

fn sectors(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let end = range.end;
    range.step_by(SECTOR as usize).map(move |at| at..(at + SECTOR).min(end))
}
