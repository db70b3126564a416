//! Reading partition tables of both kinds off a disk: whatever points at a volume is listed.

use std::collections::HashSet;
use std::ops::Range;

use super::foreign::Foreign;
use super::guid_partition_table::{Crc32, GuidPartitionEntry, GuidPartitionHeader};
use super::master_boot_record::{MasterBootRecord, MasterBootRecordEntry, MasterBootRecordType};
use super::partition::{Partition, PartitionScheme, PartitionType, sector_at, starts_volume};
use crate::base::damage::{Damage, DamageKind};
use crate::source::Source;
use crate::structure::boot_sector::BootSector;

/// Everything the tables of a disk say when its sectors are taken to have `unit` bytes.
pub(super) struct Table<'s> {
    source: &'s dyn Source,
    pub(super) unit: u32,
    pub(super) partitions: Vec<Partition>,
    pub(super) damage: Vec<Damage>,
    /// Last sector of the disk as the protective entry has it, if there is one.
    protected_to: Option<u64>,
    /// Where the copy of a GUID partition table lies: at the disk's end, or at that of the smaller one it was copied from.
    pub(super) reserved: Option<Range<u64>>,
    has_intact_gpt: bool,
    /// There were more entries than could be read.
    pub(super) lacks_entries: bool,
    /// Extended boot records met so far.
    visited: HashSet<u64>,
    logical_partitions: u32,
}

/// A GUID partition table as it was found in one of its places.
struct FoundGpt {
    header_offset: u64,
    /// Where it says the other header is.
    other_sector: u64,
    entries_offset: u64,
    entry_size: usize,
    entries: Vec<u8>,
    is_intact: bool,
}

impl FoundGpt {
    fn entries(&self) -> impl Iterator<Item = (u32, GuidPartitionEntry<'_>)> {
        let entries = self.entries.chunks_exact(self.entry_size);
        (0..).zip(entries).filter_map(|(index, bytes)| Some((index, GuidPartitionEntry::parse(bytes).ok()?)))
    }

    fn entry_offset(&self, index: u32) -> u64 {
        let size = u64::try_from(self.entry_size).unwrap_or(0);
        self.entries_offset.saturating_add(u64::from(index).saturating_mul(size))
    }
}

impl<'s> Table<'s> {
    /// Bytes of GPT entries that are read at most, 64 times the usual: a number on disk must not
    /// decide how much memory is taken.
    const MAX_ENTRIES_LENGTH: usize = 1 << 20;

    pub(super) fn read(source: &'s dyn Source, unit: u32, first: Option<&[u8; 512]>, starts_a_volume: bool) -> Self {
        let mut table = Self {
            source,
            unit,
            partitions: Vec::new(),
            damage: Vec::new(),
            protected_to: None,
            reserved: None,
            has_intact_gpt: false,
            lacks_entries: false,
            visited: HashSet::new(),
            logical_partitions: 0,
        };
        if let Some(record) = first.and_then(|sector| MasterBootRecord::parse(sector).ok()) {
            table.read_master_boot_record(&record);
        }
        table.read_gpt(starts_a_volume);
        table
    }

    /// How well the tables fit what is on the disk: file systems that are known where they point,
    /// then sectors with a boot signature, then an intact GPT, then anything at all.
    pub(super) fn rank(&self) -> (usize, usize, bool, bool) {
        let (mut named, mut signed) = (0_usize, 0_usize);
        for partition in &self.partitions {
            let Ok(Some(sector)) = sector_at(self.source, partition.start) else { continue };
            let Ok(boot) = BootSector::parse(&sector) else { continue };
            let is_named = boot.oem_id().is_known() || self.holds_known(partition);
            named = named.saturating_add(usize::from(is_named));
            signed = signed.saturating_add(usize::from(boot.has_signature()));
        }
        (named, signed, self.has_intact_gpt, !self.partitions.is_empty())
    }

    fn holds_known(&self, partition: &Partition) -> bool {
        partition.looks_like_ntfs(self.source) || Foreign::recognize(&partition.window(self.source)).is_some()
    }

    /// Keeps only what is certain, on a disk that starts with a volume of its own. Such a disk may
    /// have been partitioned since, by a tool that spares the boot code.
    pub(super) fn keep_confirmed(&mut self) {
        let Self { source, has_intact_gpt, .. } = *self;
        self.partitions.retain(|partition| {
            let is_listed = has_intact_gpt && partition.scheme == PartitionScheme::Gpt;
            partition.start > 0 && (is_listed || starts_volume(source, partition.start))
        });
        if self.partitions.is_empty() {
            self.damage.retain(|damage| matches!(damage.kind, DamageKind::Unreadable { .. }));
        } else {
            self.blame(0, "sector 0 is a boot sector too");
        }
    }

    // --- master and extended boot records --------------------------------------------------

    fn read_master_boot_record(&mut self, record: &MasterBootRecord<'_>) {
        let is_plausible = record.is_plausible();
        let mut is_doubted = false;
        for (index, entry) in (0_u32..).zip(record.entries()).filter(|(_, entry)| entry.is_used()) {
            let start = self.offset_of(u64::from(entry.first_sector));
            if entry.partition_type == MasterBootRecordType::PROTECTIVE {
                let end = u64::from(entry.first_sector).saturating_add(u64::from(entry.sector_count));
                self.protected_to = is_plausible.then_some(end.saturating_sub(1));
            } else if entry.partition_type.is_extended() {
                if is_plausible || self.has_boot_record(start) {
                    self.read_extended_boot_records(u64::from(entry.first_sector));
                }
            } else if is_plausible || starts_volume(self.source, start) {
                let place = entry_offset(0, index);
                self.push(place, self.partition_of(entry, 0, PartitionScheme::Mbr, index));
            }
            is_doubted |= !is_plausible;
        }
        if is_doubted && (record.has_signature() || !self.partitions.is_empty()) {
            let what = "signature or a status is wrong; entries without a volume behind them were left out";
            self.blame(MasterBootRecord::ENTRIES, what);
        }
    }

    /// Follows the chain from the outermost extended partition: a logical partition counts from its
    /// own boot record, a link from the outermost one. All four entries are looked at: not every
    /// tool puts the link second.
    fn read_extended_boot_records(&mut self, outermost: u64) {
        let mut links = vec![outermost];
        while let Some(sector_number) = links.pop() {
            let offset = self.offset_of(sector_number);
            if !self.visited.insert(sector_number) {
                self.lacks_entries = true;
                self.blame(offset, "an extended boot record is linked twice");
                continue;
            }
            let Some(sector) = self.boot_record_at(offset) else { continue };
            let Ok(record) = MasterBootRecord::parse(&sector) else { continue };
            for (slot, entry) in (0_u32..).zip(record.entries()).filter(|(_, entry)| entry.is_used()) {
                if entry.partition_type.is_extended() {
                    links.push(outermost.saturating_add(u64::from(entry.first_sector)));
                    continue;
                }
                let index = self.logical_partitions.saturating_add(4);
                self.logical_partitions = self.logical_partitions.saturating_add(1);
                let place = entry_offset(offset, slot);
                self.push(place, self.partition_of(entry, sector_number, PartitionScheme::Extended, index));
            }
        }
    }

    /// The extended boot record at `offset`; where there is none, that is damage.
    fn boot_record_at(&mut self, offset: u64) -> Option<[u8; 512]> {
        if offset.saturating_add(512) > self.source.size() {
            self.lacks_entries = true;
            self.blame(offset, "an extended boot record lies beyond the source");
            return None;
        }
        let sector = self.sector_at(offset);
        let is_record = |sector: &[u8; 512]| MasterBootRecord::parse(sector).is_ok_and(|record| record.has_signature());
        if sector.as_ref().is_some_and(is_record) {
            return sector;
        }
        self.lacks_entries = true;
        if sector.is_some() {
            self.blame(offset, "an extended boot record has no signature");
        }
        None
    }

    fn has_boot_record(&self, offset: u64) -> bool {
        let sector = sector_at(self.source, offset).ok().flatten();
        sector.is_some_and(|sector| MasterBootRecord::parse(&sector).is_ok_and(|record| record.is_plausible()))
    }

    fn partition_of(&self, entry: MasterBootRecordEntry, base: u64, scheme: PartitionScheme, index: u32) -> Partition {
        let start = self.offset_of(base.saturating_add(u64::from(entry.first_sector)));
        let size = self.offset_of(u64::from(entry.sector_count));
        let partition_type = PartitionType::Mbr(entry.partition_type);
        Partition { start, size, scheme, partition_type, index, name: Vec::new() }
    }

    // --- GUID partition tables -------------------------------------------------------------

    fn read_gpt(&mut self, starts_a_volume: bool) {
        let primary = self.gpt_at(1);
        // A lone backup on a disk that has other partitions is a leftover of an earlier life.
        let is_expected = primary.is_some() || self.protected_to.is_some();
        let may_be_lost = self.partitions.is_empty() && !starts_a_volume;
        let found = match primary {
            Some((gpt, _)) if gpt.is_intact => Some(gpt),
            damaged if is_expected || may_be_lost => self.best_gpt(damaged),
            _ => None,
        };
        match found {
            Some(gpt) => self.take_gpt(&gpt),
            None if self.protected_to.is_some() => {
                self.lacks_entries = true;
                self.blame(MasterBootRecord::ENTRIES, "GPT is announced, but neither it nor its backup is there");
            }
            None => {}
        }
    }

    /// Of a damaged GPT and the backups there are, the one that is intact, else the one with the most
    /// partitions.
    fn best_gpt(&mut self, primary: Option<(FoundGpt, u64)>) -> Option<FoundGpt> {
        let last = self.source.size().checked_div(u64::from(self.unit)).and_then(|count| count.checked_sub(1));
        let other = primary.as_ref().map(|&(_, other)| other);
        let mut best = primary.map(|(gpt, _)| gpt);
        let mut asked = HashSet::from([0, 1]);
        for sector_number in [other, last, self.protected_to].into_iter().flatten() {
            if !asked.insert(sector_number) {
                continue;
            }
            let Some((backup, _)) = self.gpt_at(sector_number) else { continue };
            if best.as_ref().is_none_or(|best| self.worth(best) < self.worth(&backup)) {
                best = Some(backup);
            }
        }
        if best.as_ref().is_some_and(|best| best.header_offset != self.offset_of(1)) {
            self.blame(self.offset_of(1), "GPT is damaged or missing, its backup was used");
        }
        best
    }

    fn worth(&self, gpt: &FoundGpt) -> (bool, usize) {
        (gpt.is_intact, gpt.entries().filter(|(_, entry)| self.is_inside(entry)).count())
    }

    /// True for an entry that can be believed in a damaged table: it starts on the disk, and not in the
    /// sectors of the table itself.
    fn is_inside(&self, entry: &GuidPartitionEntry<'_>) -> bool {
        let start = entry.first_sector().checked_mul(u64::from(self.unit));
        entry.is_used()
            && entry.first_sector() > 1
            && entry.sector_count().is_some()
            && start.is_some_and(|start| start < self.source.size())
    }

    /// The table whose header is in sector `number`, and where that says the other header is.
    fn gpt_at(&mut self, number: u64) -> Option<(FoundGpt, u64)> {
        let header_offset = number.checked_mul(u64::from(self.unit))?;
        let sector = self.sector_at(header_offset)?;
        let header = GuidPartitionHeader::parse(&sector).ok()?;
        let is_header_intact = header.is_intact();
        if !is_header_intact {
            self.blame(header_offset, "the checksum of a GPT header is wrong");
        }
        if header.own_sector() != number {
            self.blame(header_offset, "a GPT header lies in another sector than it says");
        }
        let entries_offset = self.offset_of(header.entries_sector());
        let entry_size = self.entry_size(header_offset, &header);
        let length = usize::try_from(header.entry_count()).unwrap_or(usize::MAX).saturating_mul(entry_size);
        if length > Self::MAX_ENTRIES_LENGTH {
            self.blame(header_offset, "a GPT claims more entries than are read");
        }
        let entries = self.bytes_at(entries_offset, length.min(Self::MAX_ENTRIES_LENGTH));
        let is_intact = entries.len() == length && Crc32::new().update(&entries).finish() == header.entries_checksum();
        if !is_intact {
            self.blame(entries_offset, "the checksum of the GPT entries is wrong");
        }
        let is_intact = is_intact && is_header_intact;
        let other_sector = header.other_sector();
        Some((FoundGpt { header_offset, other_sector, entries_offset, entry_size, entries, is_intact }, other_sector))
    }

    fn entry_size(&mut self, header_offset: u64, header: &GuidPartitionHeader<'_>) -> usize {
        let size = usize::try_from(header.entry_size()).unwrap_or(0);
        if (GuidPartitionEntry::LENGTH..=4096).contains(&size) && size.is_multiple_of(8) {
            return size;
        }
        self.blame(header_offset, "a GPT's entry size is impossible, 128 was used");
        GuidPartitionEntry::LENGTH
    }

    fn take_gpt(&mut self, gpt: &FoundGpt) {
        self.has_intact_gpt = gpt.is_intact;
        self.lacks_entries |= !gpt.is_intact;
        self.reserved = self.backup_place(gpt);
        let first = self.partitions.len();
        for (index, entry) in gpt.entries().filter(|(_, entry)| entry.is_used()) {
            let place = gpt.entry_offset(index);
            match self.partition_of_gpt(&entry, index) {
                Some(partition) if gpt.is_intact || self.is_inside(&entry) => self.push(place, partition),
                _ => {
                    self.lacks_entries = true;
                    self.blame(place, "a GPT entry is impossible and was left out");
                }
            }
        }
        // A hybrid disk lists some of its partitions in the master boot record as well.
        let listed = self.partitions.split_off(first.min(self.partitions.len()));
        let places: HashSet<(u64, u64)> = listed.iter().map(|one| (one.start, one.size)).collect();
        self.partitions.retain(|other| !places.contains(&(other.start, other.size)));
        self.partitions.extend(listed);
    }

    /// Where the copy of the table behind the partitions lies: its entries, and its header behind them.
    fn backup_place(&self, gpt: &FoundGpt) -> Option<Range<u64>> {
        let is_backup = gpt.header_offset > self.offset_of(1);
        let length = u64::try_from(gpt.entries.len()).ok()?;
        let header = if is_backup { gpt.header_offset } else { self.offset_of(gpt.other_sector) };
        let start = if is_backup { gpt.entries_offset.min(header) } else { header.checked_sub(length)? };
        let end = header.saturating_add(u64::from(self.unit)).min(self.source.size());
        (start > self.offset_of(2) && start < self.source.size()).then_some(start..end)
    }

    fn partition_of_gpt(&self, entry: &GuidPartitionEntry<'_>, index: u32) -> Option<Partition> {
        let start = entry.first_sector().checked_mul(u64::from(self.unit))?;
        let size = entry.sector_count()?.checked_mul(u64::from(self.unit))?;
        start.checked_add(size)?;
        let (scheme, partition_type) = (PartitionScheme::Gpt, PartitionType::Gpt(entry.type_guid()));
        Some(Partition { start, size, scheme, partition_type, index, name: entry.name().bytes().to_vec() })
    }

    // --- reading and noting ----------------------------------------------------------------

    /// Lists a partition whose entry is at `place`.
    fn push(&mut self, place: u64, partition: Partition) {
        let available = partition.window(self.source).size();
        if available < partition.size {
            let kind = DamageKind::PartitionTruncated { claimed: partition.size, available };
            self.damage.push(Damage::new(place, kind));
        }
        self.partitions.push(partition);
    }

    fn blame(&mut self, offset: u64, what: &'static str) {
        self.damage.push(Damage::new(offset, DamageKind::PartitionTable { what }));
    }

    /// Byte where a sector starts; beyond 64 bits there is none to read, so the last one stands for it.
    fn offset_of(&self, sector_number: u64) -> u64 {
        sector_number.saturating_mul(u64::from(self.unit))
    }

    /// The 512 bytes at `offset`, where the source has them; that they cannot be read is noted.
    fn sector_at(&mut self, offset: u64) -> Option<[u8; 512]> {
        let sector = sector_at(self.source, offset).map_err(|unreadable| self.damage.push(unreadable));
        sector.ok().flatten()
    }

    /// The bytes from `offset` on, fewer where the source ends; sectors that cannot be read are
    /// noted, and zero, which in a table is an unused entry.
    fn bytes_at(&mut self, offset: u64, length: usize) -> Vec<u8> {
        let available = usize::try_from(self.source.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length.min(available)];
        for range in self.source.read_readable(offset, &mut bytes) {
            let length = range.end.saturating_sub(range.start);
            self.damage.push(Damage::new(range.start, DamageKind::Unreadable { length }));
        }
        bytes
    }
}

/// Byte of entry `slot` in the boot record at `record_offset`.
fn entry_offset(record_offset: u64, slot: u32) -> u64 {
    let inside = u64::from(slot).saturating_mul(MasterBootRecord::ENTRY_LENGTH);
    record_offset.saturating_add(MasterBootRecord::ENTRIES).saturating_add(inside)
}
