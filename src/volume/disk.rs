//! A disk: the partitions a source has, found leniently.

use std::fmt;
use std::ops::Range;

use super::partition::{Partition, oem_id, sector_at};
use super::partition_table::Table;
use crate::base::damage::Damage;
use crate::source::{Source, Window};
use crate::structure::boot_sector::BootSector;

/// A source seen as a disk: its partitions, and what is wrong with the tables that describe them.
///
/// Entries are listed whatever their type, overlapping or running past the source; whether there is
/// an NTFS volume behind one is for the caller to [ask](Partition::looks_like_ntfs). A source that
/// starts with a boot sector, or has no partition table, is one [whole](super::partition::PartitionScheme::Whole)
/// partition.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::{Disk, Volume};
///
/// let image = ntfs_salvage::source::open("testdata/disk_gpt.img")?;
/// let disk = Disk::new(&image);
/// for partition in disk.partitions() {
///     let volume = Volume::open_window(disk.window(partition));
///     println!("{} at byte {}: {}", partition.number(), partition.start, volume.is_ok());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Disk<'s> {
    source: &'s dyn Source,
    sector_size: u32,
    partitions: Vec<Partition>,
    damage: Vec<Damage>,
    /// Where the copy of a GUID partition table lies.
    reserved: Option<Range<u64>>,
    lacks_entries: bool,
}

/// Bytes a sector that tables count in: those of disks, of optical media, and of enclosures that translate.
const UNITS: [u32; 5] = [512, 1024, 2048, 4096, 8192];
/// What lies before it is the table's: its first sectors, or the first track of old.
const FIRST_USABLE: u64 = 63 * 512;

/// The table that fits best what is on the disk; of equals the one with the smallest sectors. Of the sizes that disks
/// do not have, only a file system in its place is evidence.
fn best_of(tables: [Table<'_>; 5]) -> Table<'_> {
    let [first, others @ ..] = tables;
    let is_better = |best: &Table<'_>, other: &Table<'_>| match other.unit {
        4096 => other.rank() > best.rank(),
        _ => other.rank().0 > best.rank().0,
    };
    others.into_iter().fold(first, |best, other| if is_better(&best, &other) { other } else { best })
}

/// Bytes from the start of a volume to the end of its backup boot sector, as the boot sector at `start` has it.
fn told_size(source: &dyn Source, start: u64) -> Option<u64> {
    let sector = sector_at(source, start).ok().flatten()?;
    let geometry = BootSector::parse(&sector).ok()?.geometry().ok()?;
    geometry.volume_size().checked_add(u64::from(geometry.sector_size()))
}

impl<'s> Disk<'s> {
    /// Looks for the partitions of `source`. Nothing here fails: what cannot be read or believed is
    /// [damage](Self::damage).
    #[must_use]
    pub fn new(source: &'s dyn Source) -> Self {
        let (first, mut damage) = match sector_at(source, 0) {
            Ok(first) => (first, Vec::new()),
            Err(unreadable) => (None, vec![unreadable]),
        };
        // Before anything in the sector is taken for a partition table: in a boot sector the same
        // bytes are boot code.
        let starts_a_volume = first.is_some_and(|sector| oem_id(&sector).is_known());
        let tables = UNITS.map(|unit| Table::read(source, unit, first.as_ref(), starts_a_volume));
        let mut table = best_of(tables);
        if starts_a_volume {
            table.keep_confirmed();
            table.lacks_entries = false;
        }
        if starts_a_volume || !table.partitions.iter().any(|partition| partition.start < source.size()) {
            table.partitions.insert(0, Partition::whole(source));
        }
        damage.append(&mut table.damage);
        Self {
            source,
            sector_size: table.unit,
            partitions: table.partitions,
            damage,
            reserved: table.reserved,
            lacks_entries: table.lacks_entries,
        }
    }

    /// The disk's bytes.
    #[must_use]
    pub fn source(&self) -> &'s dyn Source {
        self.source
    }

    /// The partitions, as their tables list them.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// What is wrong with the tables, at byte offsets of the disk.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// True where a table is known to have had more entries than could be read: a chain of boot records that breaks off, or a
    /// GUID partition table that is announced and not there.
    #[must_use]
    pub fn lacks_entries(&self) -> bool {
        self.lacks_entries
    }

    /// Bytes from the start of a partition to the next thing that a table knows of: another partition, the copy of
    /// the table, or the end of the source.
    #[must_use]
    pub fn room(&self, partition: &Partition) -> u64 {
        let end = partition.start.saturating_add(partition.size);
        let starts = self.partitions.iter().map(|other| other.start);
        let starts = starts.chain(self.reserved.as_ref().map(|copy| copy.start));
        let next = starts.filter(|&start| start > partition.start && start >= end).min();
        next.unwrap_or(self.source.size()).min(self.source.size()).saturating_sub(partition.start)
    }

    /// The bytes of a partition, and what lies behind them up to the next known thing where a boot sector in it says
    /// that its volume goes on there: the volume knows its size better than a table that somebody edited.
    #[must_use]
    pub fn window(&self, partition: &Partition) -> Window<'s> {
        let told = told_size(self.source, partition.start).unwrap_or(0).min(self.room(partition));
        Window::new(self.source, partition.start, partition.size.max(told))
    }

    /// What of the source lies in no partition, in order; the first sectors and the tables are not among it.
    #[must_use]
    pub fn outside(&self) -> Vec<Range<u64>> {
        let mut spans: Vec<(u64, u64)> =
            self.partitions.iter().map(|one| (one.start, one.start.saturating_add(one.size))).collect();
        spans.extend(self.reserved.as_ref().map(|copy| (copy.start, copy.end)));
        spans.sort_unstable();
        let (mut gaps, mut position) = (Vec::new(), FIRST_USABLE.min(self.source.size()));
        for (start, end) in spans.into_iter().chain([(self.source.size(), u64::MAX)]) {
            let start = start.min(self.source.size());
            if position < start {
                gaps.push(position..start);
            }
            position = position.max(end);
        }
        gaps
    }

    /// Bytes of the sectors the tables count in: 512 to 8192. The volumes have sizes of their own.
    #[must_use]
    pub fn sector_size(&self) -> u32 {
        self.sector_size
    }
}

impl fmt::Debug for Disk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("size", &self.source.size())
            .field("sector_size", &self.sector_size)
            .field("partitions", &self.partitions)
            .field("damage", &self.damage)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;
    use crate::base::damage::DamageKind;
    use crate::base::error::ReadError;
    use crate::base::guid::Guid;
    use crate::structure::boot_sector::tests::sample as boot_sector;
    use crate::volume::Volume;
    use crate::volume::geometry::tests::CorpusImage;
    use crate::volume::guid_partition_table::Crc32;
    use crate::volume::master_boot_record::MasterBootRecordType;
    use crate::volume::partition::{PartitionScheme, PartitionType};

    const BASIC_DATA: Guid =
        Guid([0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7]);

    /// A disk in memory, written sector by sector.
    struct Image {
        unit: usize,
        bytes: Vec<u8>,
    }

    impl Image {
        fn new(unit: usize, sectors: usize) -> Self {
            Self { unit, bytes: vec![0; unit * sectors] }
        }

        fn put(&mut self, sector: usize, bytes: &[u8]) {
            self.bytes[sector * self.unit..][..bytes.len()].copy_from_slice(bytes);
        }

        /// Writes a boot record: type, first sector and sectors of its entries.
        fn boot_record(mut self, sector: usize, entries: &[(u8, u32, u32)]) -> Self {
            let mut bytes = [0; 66];
            bytes[64..].copy_from_slice(&[0x55, 0xAA]);
            for (slot, &(partition_type, first, count)) in entries.iter().enumerate() {
                let entry = &mut bytes[16 * slot..][..16];
                entry[4] = partition_type;
                entry[8..12].copy_from_slice(&first.to_le_bytes());
                entry[12..].copy_from_slice(&count.to_le_bytes());
            }
            self.bytes[sector * self.unit + 446..][..66].copy_from_slice(&bytes);
            self
        }

        fn volume(mut self, sector: usize) -> Self {
            self.put(sector, &boot_sector());
            self
        }

        /// Writes both copies of a GPT: first and last sector and name of its entries.
        fn gpt(mut self, entries: &[(u64, u64, &str)]) -> Self {
            let mut array = vec![0; 16_384];
            for (entry, &(first, last, name)) in array.chunks_mut(128).zip(entries) {
                entry[..16].copy_from_slice(&BASIC_DATA.0);
                entry[16..32].fill(0x77);
                entry[32..40].copy_from_slice(&first.to_le_bytes());
                entry[40..48].copy_from_slice(&last.to_le_bytes());
                let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
                entry[56..56 + name.len()].copy_from_slice(&name);
            }
            let last = self.bytes.len() / self.unit - 1;
            let backup_array = last - 16_384 / self.unit;
            self.put(2, &array);
            self.put(backup_array, &array);
            self.put(1, &gpt_header(1, last, 2, &array));
            self.put(last, &gpt_header(last, 1, backup_array, &array));
            self
        }
    }

    fn gpt_header(own: usize, other: usize, entries: usize, array: &[u8]) -> [u8; 92] {
        let mut header = [0; 92];
        header[..16].copy_from_slice(b"EFI PART\0\0\x01\0\x5C\0\0\0");
        for (at, value) in [(24, own), (32, other), (72, entries)] {
            header[at..at + 8].copy_from_slice(&u64::try_from(value).unwrap().to_le_bytes());
        }
        header[80..88].copy_from_slice(&[128, 0, 0, 0, 128, 0, 0, 0]);
        header[88..].copy_from_slice(&Crc32::new().update(array).finish().to_le_bytes());
        let checksum = Crc32::new().update(&header).finish();
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// A usual GPT disk of 200 sectors with two partitions.
    fn gpt_disk(unit: usize) -> Image {
        let image = Image::new(unit, 200).boot_record(0, &[(0xEE, 1, 199)]).volume(40).volume(100);
        image.gpt(&[(40, 99, "Basic data partition"), (100, 150, "Daten \u{1F4BE}")])
    }

    /// Memory with ranges that cannot be read.
    struct Failing {
        bytes: Vec<u8>,
        bad: Vec<Range<u64>>,
    }

    impl Source for Failing {
        fn size(&self) -> u64 {
            self.bytes.size()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
            let length = u64::try_from(buffer.len()).unwrap();
            if self.bad.iter().any(|bad| bad.start < offset + length && offset < bad.end) {
                return Err(ReadError { offset, length, error: io::Error::other("bad sector") });
            }
            self.bytes.read_at(offset, buffer)
        }
    }

    /// Scheme, start and size in units of `unit` bytes.
    fn places(disk: &Disk<'_>, unit: u64) -> Vec<(PartitionScheme, u64, u64)> {
        let place = |partition: &Partition| (partition.scheme, partition.start / unit, partition.size / unit);
        disk.partitions().iter().map(place).collect()
    }

    fn whats(disk: &Disk<'_>) -> Vec<(u64, &'static str)> {
        let what = |damage: &Damage| match damage.kind {
            DamageKind::PartitionTable { what } => (damage.place.offset, what),
            kind => (damage.place.offset, kind.code()),
        };
        disk.damage().iter().map(what).collect()
    }

    use PartitionScheme::{Extended, Gpt, Mbr, Whole};

    #[test]
    fn a_source_without_tables_is_one_partition() {
        for size in [0, 1, 511, 512, 513, 4096, 10_000] {
            let bytes = vec![0xA5; size];
            let disk = Disk::new(&bytes);
            assert_eq!(places(&disk, 1), [(Whole, 0, bytes.size())]);
            assert_eq!(disk.damage(), []);
        }
    }

    #[test]
    fn a_volume_in_sector_0_comes_before_the_bytes_at_446() {
        let mut image = Image::new(512, 100).boot_record(0, &[(7, 10, 20), (0x0F, 40, 20), (0xEE, 1, 99)]).volume(0);
        image = image.boot_record(0, &[(7, 10, 20), (0x0F, 40, 20), (0xEE, 1, 99)]);
        for id in [b"NTFS    ", b"-FVE-FS-", b"ReFS\0\0\0\0", b"EXFAT   "] {
            image.bytes[3..11].copy_from_slice(id);
            let disk = Disk::new(&image.bytes);
            assert_eq!(places(&disk, 512), [(Whole, 0, 100)]);
            assert_eq!(disk.damage(), []);
            assert_eq!(disk.partitions()[0].looks_like_ntfs(&image.bytes), id == b"NTFS    ");
        }
    }

    #[test]
    fn a_disk_partitioned_over_a_volume_shows_both() {
        let mut image = gpt_disk(512);
        image.bytes[..446].copy_from_slice(&boot_sector()[..446]);
        let disk = Disk::new(&image.bytes);
        assert_eq!(places(&disk, 512), [(Whole, 0, 200), (Gpt, 40, 60), (Gpt, 100, 51)]);
        assert_eq!(whats(&disk), [(0, "sector 0 is a boot sector too")]);
        let image = Image::new(512, 100).volume(0).volume(10).boot_record(0, &[(7, 10, 20), (0x83, 30, 20)]);
        let disk = Disk::new(&image.bytes);
        assert_eq!(places(&disk, 512), [(Whole, 0, 100), (Mbr, 10, 20)], "nothing confirms the second");
    }

    #[test]
    fn primary_partitions_are_listed_whatever_their_type() {
        let image = Image::new(512, 100).boot_record(0, &[(0x83, 60, 20), (0, 0, 0), (7, 10, 20), (0x42, 5, 90)]);
        let disk = Disk::new(&image.bytes);
        assert_eq!(places(&disk, 512), [(Mbr, 60, 20), (Mbr, 10, 20), (Mbr, 5, 90)], "overlapping ones are kept");
        assert_eq!(disk.partitions().iter().map(|partition| partition.index).collect::<Vec<_>>(), [0, 2, 3]);
        assert_eq!(disk.partitions()[1].partition_type, PartitionType::Mbr(MasterBootRecordType::NTFS));
        assert_eq!(disk.partitions()[1].partition_type.to_string(), "0x07");
        assert_eq!((disk.damage(), disk.sector_size()), (&[][..], 512));
    }

    #[test]
    fn logical_partitions_count_from_their_own_record_and_links_from_the_outermost() {
        let image = Image::new(512, 400)
            .boot_record(0, &[(7, 10, 20), (0x0F, 100, 300)])
            .boot_record(100, &[(7, 2, 20), (5, 50, 100)])
            .boot_record(150, &[(5, 120, 100), (0x83, 4, 30)])
            .boot_record(220, &[(7, 1, 9)]);
        let disk = Disk::new(&image.bytes);
        let expected = [(Mbr, 10, 20), (Extended, 102, 20), (Extended, 154, 30), (Extended, 221, 9)];
        assert_eq!(places(&disk, 512), expected);
        assert_eq!(disk.partitions().iter().map(|partition| partition.index).collect::<Vec<_>>(), [0, 4, 5, 6]);
        assert_eq!(disk.damage(), []);
    }

    #[test]
    fn a_broken_chain_keeps_what_was_found() {
        let chain = |link| {
            let image = Image::new(512, 400).boot_record(0, &[(5, 100, 300)]).boot_record(100, &[(7, 2, 20), link]);
            let disk_bytes = image.bytes;
            let disk = Disk::new(&disk_bytes);
            assert_eq!(places(&disk, 512), [(Extended, 102, 20)]);
            whats(&disk)
        };
        assert_eq!(chain((5, 0, 9)), [(51_200, "an extended boot record is linked twice")]);
        assert_eq!(chain((5, 7, 9)), [(54_784, "an extended boot record has no signature")]);
        assert_eq!(chain((5, 300, 9)), [(204_800, "an extended boot record lies beyond the source")]);
        let far = (100 + u64::from(u32::MAX)) * 512;
        assert_eq!(chain((5, u32::MAX, 9)), [(far, "an extended boot record lies beyond the source")]);
    }

    #[test]
    fn large_sectors_are_known_by_the_boot_sectors_behind_the_entries() {
        let entries = [(7, 10, 20), (0x0F, 40, 30)];
        let image = Image::new(4096, 100).boot_record(0, &entries).volume(10).boot_record(40, &[(7, 2, 20)]).volume(42);
        let disk = Disk::new(&image.bytes);
        assert_eq!(disk.sector_size(), 4096);
        assert_eq!(places(&disk, 4096), [(Mbr, 10, 20), (Extended, 42, 20)]);
        assert_eq!(disk.damage(), []);
    }

    #[test]
    fn entries_that_boot_code_could_be_need_a_volume_behind_them() {
        let mut image = Image::new(512, 100).boot_record(0, &[(0x83, 60, 20), (7, 10, 20), (0x0F, 30, 9)]).volume(10);
        image.bytes[446] = b'M';
        let doubt = "signature or a status is wrong; entries without a volume behind them were left out";
        assert_eq!(places(&Disk::new(&image.bytes), 512), [(Mbr, 10, 20)]);
        assert_eq!(whats(&Disk::new(&image.bytes)), [(446, doubt)]);
        image.bytes[446] = 0;
        image.bytes[510] = 0;
        assert_eq!(places(&Disk::new(&image.bytes), 512), [(Mbr, 10, 20)]);
        assert_eq!(whats(&Disk::new(&image.bytes)), [(446, doubt)]);
    }

    #[test]
    fn partitions_past_the_source_are_kept_and_clipped() {
        let image =
            Image::new(512, 100).boot_record(0, &[(7, 10, 20), (7, 90, 20), (7, 100, 5), (7, u32::MAX, u32::MAX)]);
        let disk = Disk::new(&image.bytes);
        let most = u64::from(u32::MAX);
        assert_eq!(places(&disk, 512), [(Mbr, 10, 20), (Mbr, 90, 20), (Mbr, 100, 5), (Mbr, most, most)]);
        let truncated = |claimed, available| DamageKind::PartitionTruncated { claimed, available };
        let expected = [(462, truncated(10_240, 5120)), (478, truncated(2560, 0)), (494, truncated(most * 512, 0))];
        assert_eq!(disk.damage(), expected.map(|(place, kind)| Damage::new(place, kind)));
        assert_eq!(disk.partitions()[1].window(disk.source()).size(), 5120);
        let outside = Image::new(512, 100).boot_record(0, &[(7, 200, 20)]);
        assert_eq!(places(&Disk::new(&outside.bytes), 512), [(Whole, 0, 100), (Mbr, 200, 20)]);
    }

    #[test]
    fn gpts_are_found_with_small_and_large_sectors() {
        for unit in [512, 4096] {
            let image = gpt_disk(unit);
            let disk = Disk::new(&image.bytes);
            assert_eq!(places(&disk, unit as u64), [(Gpt, 40, 60), (Gpt, 100, 51)]);
            assert_eq!((disk.damage(), disk.sector_size()), (&[][..], unit as u32));
            let second = &disk.partitions()[1];
            assert_eq!((second.name().to_string().as_str(), second.index), ("Daten \u{1F4BE}", 1));
            assert_eq!(second.partition_type, PartitionType::Gpt(BASIC_DATA));
            assert!(second.looks_like_ntfs(&image.bytes));
        }
        let empty = Image::new(4096, 60).boot_record(0, &[(0xEE, 1, 59)]).gpt(&[(20, 30, "")]);
        assert_eq!(Disk::new(&empty.bytes).sector_size(), 4096, "an intact GPT tells, without a volume");
    }

    #[test]
    fn a_damaged_gpt_is_replaced_by_its_backup() {
        let backup = (512, "GPT is damaged or missing, its backup was used");
        let header = (512, "the checksum of a GPT header is wrong");
        let entries = (1024, "the checksum of the GPT entries is wrong");
        let other = (512, "a GPT header lies in another sector than it says");
        // Where a byte changes, and what is said about it.
        let cases: [(usize, &[(u64, &str)]); 5] = [
            (512, &[backup]),
            (512 + 70, &[header, backup]),
            (512 + 24, &[header, other, backup]),
            (1024 + 33, &[entries, backup]),
            (1024 + 127 * 128, &[entries, backup]),
        ];
        for (at, expected) in cases {
            let mut image = gpt_disk(512);
            image.bytes[at] ^= 0x40;
            let disk = Disk::new(&image.bytes);
            assert_eq!(places(&disk, 512), [(Gpt, 40, 60), (Gpt, 100, 51)]);
            assert_eq!(whats(&disk), expected, "byte {at}");
        }
    }

    #[test]
    fn the_start_of_a_gpt_disk_may_be_gone_altogether() {
        for unit in [512, 4096] {
            let mut image = gpt_disk(unit);
            image.bytes[..34 * 512].fill(0);
            let disk = Disk::new(&image.bytes);
            assert_eq!(places(&disk, unit as u64), [(Gpt, 40, 60), (Gpt, 100, 51)]);
            assert_eq!(whats(&disk), [(unit as u64, "GPT is damaged or missing, its backup was used")]);
        }
    }

    #[test]
    fn a_backup_is_found_on_an_image_longer_than_the_disk() {
        let mut image = gpt_disk(512);
        image.bytes.extend([0; 51_200]);
        image.bytes[512..1024].fill(0);
        assert_eq!(places(&Disk::new(&image.bytes), 512), [(Gpt, 40, 60), (Gpt, 100, 51)], "by the protective entry");
        let mut image = gpt_disk(512);
        image.bytes.extend([0; 51_200]);
        image.bytes[1024] ^= 1;
        image.bytes[446..510].fill(0);
        assert_eq!(places(&Disk::new(&image.bytes), 512), [(Gpt, 40, 60), (Gpt, 100, 51)], "by the primary header");
    }

    #[test]
    fn a_gpt_with_both_copies_damaged_is_used_as_far_as_it_is_plausible() {
        let mut image = gpt_disk(512);
        image.bytes[1024 + 128 + 46] = 0x80;
        image.bytes[1024 + 2 * 128 + 7] = 1;
        let last = image.bytes.len() - 512;
        image.bytes[last..].fill(0);
        let disk = Disk::new(&image.bytes);
        assert_eq!(places(&disk, 512), [(Gpt, 40, 60)]);
        let impossible = "a GPT entry is impossible and was left out";
        let expected = [(1024, "the checksum of the GPT entries is wrong"), (1152, impossible), (1280, impossible)];
        assert_eq!(whats(&disk), expected);
    }

    #[test]
    fn an_announced_gpt_that_is_not_there_is_damage() {
        let image = Image::new(512, 100).boot_record(0, &[(0xEE, 1, 99)]);
        let disk = Disk::new(&image.bytes);
        assert_eq!(places(&disk, 512), [(Whole, 0, 100)]);
        assert_eq!(whats(&disk), [(446, "GPT is announced, but neither it nor its backup is there")]);
    }

    #[test]
    fn hybrid_disks_list_each_partition_once() {
        let image = gpt_disk(512).boot_record(0, &[(0xEE, 1, 39), (7, 40, 60), (0x0C, 160, 5)]);
        let disk = Disk::new(&image.bytes);
        assert_eq!(places(&disk, 512), [(Mbr, 160, 5), (Gpt, 40, 60), (Gpt, 100, 51)]);
    }

    #[test]
    fn a_backup_left_over_from_an_earlier_life_is_not_believed() {
        let mut image = gpt_disk(512).boot_record(0, &[(7, 60, 100)]);
        image.bytes[512..1024].fill(0);
        assert_eq!(places(&Disk::new(&image.bytes), 512), [(Mbr, 60, 100)]);
    }

    #[test]
    fn numbers_of_a_gpt_do_not_decide_how_much_is_read() {
        for (at, value) in [(80, u32::MAX), (84, u32::MAX), (84, 0), (84, 127), (72, u32::MAX)] {
            let mut image = gpt_disk(512);
            image.bytes[512 + at..][..4].copy_from_slice(&value.to_le_bytes());
            let disk = Disk::new(&image.bytes);
            assert_eq!(places(&disk, 512), [(Gpt, 40, 60), (Gpt, 100, 51)], "from the backup");
            let last = image.bytes.len() - 512;
            image.bytes[last..].fill(0);
            let found = places(&Disk::new(&image.bytes), 512);
            if at == 72 { assert_eq!(found, [(Whole, 0, 200)]) } else { assert_eq!(found[0], (Gpt, 40, 60)) }
        }
    }

    #[test]
    fn unreadable_sectors_are_noted_and_gone_around() {
        let unreadable = |offset| Damage::new(offset, DamageKind::Unreadable { length: 512 });
        let failing = |bad: &[Range<u64>]| Failing { bytes: gpt_disk(512).bytes, bad: bad.to_vec() };
        for (bad, expected) in [(0..1, 1), (512..513, 2), (1024..1025, 3)] {
            let source = failing(std::slice::from_ref(&bad));
            let disk = Disk::new(&source);
            assert_eq!(places(&disk, 512), [(Gpt, 40, 60), (Gpt, 100, 51)], "{bad:?}");
            assert_eq!(disk.damage()[0], unreadable(bad.start));
            assert_eq!(disk.damage().len(), expected, "{disk:?}");
        }
        let source = failing(&[1024..1025, 199 * 512..200 * 512]);
        let disk = Disk::new(&source);
        assert_eq!(places(&disk, 512), [(Whole, 0, 200)], "both entries were in the bad sector");
        assert!(disk.damage().contains(&unreadable(1024)));
        let source = failing(&[0..100 * 512, 100 * 512..200 * 512]);
        assert_eq!(places(&Disk::new(&source), 512), [(Whole, 0, 200)]);
    }

    #[test]
    fn every_truncation_keeps_the_partitions_a_table_still_names() {
        let image = gpt_disk(512);
        for sectors in 0..200 {
            for odd in [0, 1, 511] {
                let bytes = &image.bytes[..sectors * 512 + odd].to_vec();
                let disk = Disk::new(bytes);
                let found = places(&disk, 512).iter().filter(|place| place.0 == Gpt).count();
                assert_eq!(found, if sectors < 34 { 0 } else { 2 }, "the entries end with sector 33");
                assert!(disk.partitions().iter().any(|partition| partition.window(bytes).size() <= bytes.size()));
            }
        }
    }

    #[test]
    fn ntfs_is_recognized_by_either_boot_sector() {
        let whole = |bytes: &Vec<u8>| Disk::new(bytes).partitions()[0].looks_like_ntfs(bytes);
        let mut boot = boot_sector();
        boot[40..48].copy_from_slice(&4000_u64.to_le_bytes());
        boot[48..56].copy_from_slice(&4_u64.to_le_bytes());
        let with_boot_at = |offset: usize| {
            let mut bytes = vec![0; 2_097_152];
            bytes[offset..offset + 512].copy_from_slice(&boot);
            bytes
        };
        let size = 2_097_152;
        for offset in [0, size - 512, size - 4096, size / 2] {
            assert!(whole(&with_boot_at(offset)), "{offset}");
        }
        for offset in [512, size - 1024, size / 2 + 512] {
            assert!(!whole(&with_boot_at(offset)), "{offset}");
        }
        let source = Failing { bytes: with_boot_at(size - 512), bad: vec![0..512; 1] };
        assert!(Disk::new(&source).partitions()[0].looks_like_ntfs(&source));
        boot[40..48].copy_from_slice(&5000_u64.to_le_bytes());
        let mut larger = vec![0; size];
        larger[size - 512..].copy_from_slice(&boot);
        assert!(!whole(&larger), "a backup of a larger volume is not this one's");
    }

    // --- real disks, and other tools' truth ------------------------------------------------

    #[test]
    fn real_disks_agree_with_mmls() {
        for (path, start, sectors, damages) in [
            ("vol/grr_ntfs_img.dd", 63, 160_587, 1),
            ("vol/ns_2m.ntsp", 128, 2_091_008, 0),
            ("vol/ns_ptrn.ntsp", 128, 2_091_008, 0),
            ("vol/orc_ntfs.ntsp", 128, 14_336, 0),
        ] {
            let Some(image) = CorpusImage::open(path) else { continue };
            let disk = Disk::new(&image);
            assert_eq!(places(&disk, 512), [(Mbr, start, sectors)], "{path}");
            assert_eq!(disk.damage().len(), damages, "{path}");
            assert!(disk.partitions()[0].looks_like_ntfs(&image), "{path}");
            assert!(Volume::open_window(disk.partitions()[0].window(&image)).is_ok(), "{path}");
        }
        let Some(image) = CorpusImage::open("vol/grr_ntfs_img.dd") else { return };
        let truncated = DamageKind::PartitionTruncated { claimed: 160_587 * 512, available: 2_129_408 - 63 * 512 };
        assert_eq!(Disk::new(&image).damage(), [Damage::new(446, truncated)]);
    }

    #[test]
    fn real_volumes_are_not_taken_for_disks() {
        for path in ["vol/jnode_links.ntsp", "vol/dftt7_undel.dd", "syz/ntfs3_14.ntsp", "syz/ntfs_0.ntsp"] {
            let Some(image) = CorpusImage::open(path) else { continue };
            let disk = Disk::new(&image);
            assert_eq!(places(&disk, 1), [(Whole, 0, image.size())], "{path}");
            assert_eq!(disk.damage(), [], "{path}");
        }
    }

    /// A file that is gone when the test is.
    struct TemporaryImage(PathBuf);

    impl TemporaryImage {
        fn new(name: &str, bytes: &[u8]) -> Self {
            let path = std::env::temp_dir().join(format!("ntfs-salvage-{}-{name}.img", std::process::id()));
            fs::write(&path, bytes).unwrap();
            Self(path)
        }

        /// Runs a tool on the file, behind `arguments`; `None` where there is no such tool.
        fn run(&self, tool: &str, arguments: &[&str], input: &str) -> Option<String> {
            let mut command = Command::new(tool);
            command.args(arguments).arg(&self.0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
            let mut child = command.spawn().ok()?;
            io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap())
        }

        /// Start and length of the partitions as `mmls` lists them, in sectors, sorted.
        fn mmls(&self, unit: &str) -> Option<Vec<(u64, u64)>> {
            let listing = self.run("mmls", &["-a", "-M", "-b", unit], "")?;
            let row = |line: &str| {
                let words: Vec<&str> = line.split_whitespace().collect();
                words.first()?.strip_suffix(':')?.parse::<u32>().ok()?;
                Some((words[2].parse().unwrap(), words[4].parse().unwrap()))
            };
            let mut found: Vec<(u64, u64)> = listing.lines().filter_map(row).collect();
            found.sort_unstable();
            Some(found)
        }

        /// The same as this crate lists them.
        fn ours(&self, unit: u64) -> Vec<(u64, u64)> {
            let bytes = fs::read(&self.0).unwrap();
            let disk = Disk::new(&bytes);
            assert_eq!(disk.damage(), []);
            assert_eq!(u64::from(disk.sector_size()), unit);
            let mut found: Vec<_> = places(&disk, unit).into_iter().map(|(_, start, size)| (start, size)).collect();
            found.sort_unstable();
            found
        }
    }

    impl Drop for TemporaryImage {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_disk_by_sfdisk_reads_as_mmls_reads_it() {
        let image = TemporaryImage::new("sfdisk", &vec![0; 16 << 20]);
        let script = "label: dos
            1 : start=2048, size=4096, type=7, bootable
            2 : start=6144, size=1000, type=83
            3 : start=8192, size=20000, type=f
            5 : start=10240, size=2000, type=7
            6 : start=14336, size=3000, type=83
            7 : start=20480, size=500, type=27";
        let Some(_) = image.run("sfdisk", &["-q", "--no-reread"], script) else { return };
        let expected = [(2048, 4096), (6144, 1000), (10_240, 2000), (14_336, 3000), (20_480, 500)];
        assert_eq!(image.ours(512), expected);
        if let Some(found) = image.mmls("512") {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_disk_by_sgdisk_reads_as_mmls_reads_it() {
        let image = TemporaryImage::new("sgdisk", &vec![0; 16 << 20]);
        let partitions = ["-n", "1:2048:4095", "-t", "1:0700", "-c", "1:Grüße", "-n", "5:8192:20000", "-t", "5:2700"];
        let Some(_) = image.run("sgdisk", &partitions, "") else { return };
        let expected = [(2048, 2048), (8192, 11_809)];
        assert_eq!(image.ours(512), expected);
        if let Some(found) = image.mmls("512") {
            assert_eq!(found, expected);
        }
        let mut bytes = fs::read(&image.0).unwrap();
        bytes[512..17_408].fill(0);
        let disk = Disk::new(&bytes);
        assert_eq!(places(&disk, 512), [(Gpt, 2048, 2048), (Gpt, 8192, 11_809)], "from sgdisk's own backup");
        let [first, second] = disk.partitions() else { panic!("{disk:?}") };
        assert_eq!((first.name().to_string().as_str(), first.index, second.index), ("Grüße", 0, 4));
        assert_eq!(first.partition_type, PartitionType::Gpt(BASIC_DATA));
        assert_eq!(second.partition_type.to_string(), "de94bba4-06d1-4d40-a16a-bfd50179d6ac");
    }

    #[test]
    fn disks_with_large_sectors_read_as_mmls_reads_them() {
        let image = TemporaryImage::new("large", &gpt_disk(4096).bytes);
        let expected = [(40, 60), (100, 51)];
        assert_eq!(image.ours(4096), expected);
        if let Some(found) = image.mmls("4096") {
            assert_eq!(found, expected);
        }
    }

    proptest! {
        #[test]
        fn any_tables_give_partitions_without_panic(
            changes in proptest::collection::vec((0_usize..36 * 512, any::<u8>()), 0..40),
            record in proptest::collection::vec((any::<u8>(), 0_u32..300, any::<u32>()), 0..5),
            is_gpt in any::<bool>(),
            cut in 0_usize..102_400,
        ) {
            let mut image = if is_gpt { gpt_disk(512) } else { Image::new(512, 200).boot_record(40, &[(7, 3, 9), (5, 60, 9)]) };
            if !record.is_empty() {
                image = image.boot_record(0, &record[..record.len().min(4)]);
            }
            for (at, byte) in changes {
                image.bytes[at] = byte;
            }
            image.bytes.truncate(102_400 - cut / 100);
            let disk = Disk::new(&image.bytes);
            prop_assert!(!disk.partitions().is_empty());
            prop_assert!(disk.partitions().iter().any(|partition| partition.start < image.bytes.size()));
            for partition in disk.partitions() {
                let _ = partition.looks_like_ntfs(&image.bytes);
                prop_assert!(partition.window(&image.bytes).size() <= partition.size);
            }
        }
    }
}
