//! The table of records: which are free, and how they are written.

use super::attributes::{Attribute, put};
use super::node::Node;
use super::record::{self, Header, RECORD};
use super::{Slot, Volume};

/// Records before this are the volume's own.
pub(super) const FIRST_USER: u64 = 24;
const MIRRORED: u64 = 4;

impl Volume {
    pub(super) fn table_bitmap_size(&self) -> u64 {
        (self.slots.len() as u64).div_ceil(64) * 8
    }

    /// Hands out a record that is free.
    pub(super) fn take_record(&mut self) -> u64 {
        let count = self.slots.len() as u64;
        let start = if self.habits.reuses_lowest { FIRST_USER } else { self.next_slot.clamp(FIRST_USER, count) };
        let is_free = |number: &u64| !self.slots[*number as usize].is_used;
        let found = (start..count).find(is_free).or_else(|| (FIRST_USER..count).find(is_free));
        let number = found.unwrap_or_else(|| {
            self.grow_table();
            count
        });
        self.next_slot = number + 1;
        let counts_now = !self.habits.counts_on_deletion;
        let slot = &mut self.slots[number as usize];
        slot.is_used = true;
        if slot.was_used && counts_now {
            slot.sequence = next(slot.sequence);
        }
        slot.was_used = true;
        if self.habits.clears_records {
            self.put_record(number, &[0; RECORD]);
        }
        number
    }

    /// Frees a record. Its content stays.
    pub(super) fn free_record(&mut self, number: u64, links: Option<u16>) {
        let counts_now = self.habits.counts_on_deletion;
        let slot = &mut self.slots[number as usize];
        slot.is_used = false;
        if counts_now {
            slot.sequence = next(slot.sequence);
        }
        let sequence = slot.sequence;
        let mut bytes = self.record_bytes(number);
        record::free(&mut bytes, sequence, links);
        self.put_record(number, &bytes);
    }

    pub(super) fn write_record(&mut self, header: Header, attributes: &[Attribute]) {
        let mut bytes = self.record_bytes(header.number);
        record::write(&mut bytes, header, attributes);
        self.put_record(header.number, &bytes);
    }

    /// A record without protection.
    pub(super) fn record_bytes(&self, number: u64) -> Vec<u8> {
        let mut bytes = self.read_clusters(&self.table, number * RECORD as u64, RECORD);
        record::repair(&mut bytes);
        bytes
    }

    /// Whether the record is, or was, a file's first.
    pub(super) fn is_base(&self, number: u64) -> bool {
        self.record_bytes(number)[32..40] == [0; 8]
    }

    pub(super) fn put_record(&mut self, number: u64, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        if bytes[..4] == *b"FILE" {
            record::protect(&mut bytes);
        }
        let table = std::mem::take(&mut self.table);
        self.write_clusters(&table, number * RECORD as u64, &bytes);
        self.table = table;
        if number < MIRRORED {
            let mirror = self.nodes[&1].streams[""].map.iter().map(|lcn| lcn.expect("no hole")).collect::<Vec<_>>();
            self.write_clusters(&mirror, number * RECORD as u64, &bytes);
        }
    }

    /// More records, all free; some drivers write them at once.
    fn grow_table(&mut self) {
        let first = self.slots.len() as u64;
        let wanted = ((first + self.habits.growth) * RECORD as u64).div_ceil(self.cluster);
        let more = wanted as usize - self.table.len();
        let lcns = self.table_clusters(more);
        let zeros = vec![0; more * self.cluster as usize];
        self.write_clusters(&lcns, 0, &zeros);
        self.table.extend(lcns);
        let count = self.table.len() as u64 * self.cluster / RECORD as u64;
        for number in first..count {
            let sequence = if self.random.percent(4) { 0xFFFE } else { 1 };
            self.slots.push(Slot { is_used: false, sequence, was_used: false });
            self.write_record(Header { number, sequence, ..Header::default() }, &[]);
        }
        self.write_table_node();
    }

    /// Behind the end of the table, where that is free.
    fn table_clusters(&mut self, count: usize) -> Vec<u64> {
        let end = self.table.last().map_or(0, |lcn| lcn + 1);
        self.clusters
            .take_at(end, count as u64)
            .map_or_else(|| self.take_clusters(count as u64), |start| (start..start + count as u64).collect())
    }

    /// `$MFT`'s own record, and which records are in use.
    pub(super) fn write_table_node(&mut self) {
        let mut node: Node = self.nodes.remove(&0).expect("the table has a record");
        let stream = node.streams.get_mut("").expect("the table is a stream");
        stream.map = self.table.iter().map(|lcn| Some(*lcn)).collect();
        stream.content = vec![0; self.slots.len() * RECORD];
        stream.initialized = stream.size();
        self.write_node(node);
        self.write_bitmaps();
    }

    pub(super) fn write_bitmaps(&mut self) {
        let mut records = vec![0; self.table_bitmap_size() as usize];
        for (number, slot) in self.slots.iter().enumerate() {
            records[number / 8] |= u8::from(slot.is_used) << (number % 8);
        }
        let place = self.nodes[&0].bitmap.clone();
        self.write_clusters(&place, 0, &records);
        let clusters = self.clusters.bitmap();
        let place: Vec<u64> = self.nodes[&6].streams[""].map.iter().map(|lcn| lcn.expect("no hole")).collect();
        self.write_clusters(&place, 0, &clusters);
    }
}

/// The sequence number of the next life; ntfs-3g skips 0.
fn next(sequence: u16) -> u16 {
    sequence.wrapping_add(1).max(1)
}

/// The boot sector, at the start and behind the end.
pub(super) fn boot_sector(cluster: u64, sectors: u64, table: u64, mirror: u64, serial: u64) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    put(&mut bytes, 0, b"\xEB\x52\x90NTFS    ");
    put(&mut bytes, 11, &512_u16.to_le_bytes());
    bytes[13] = (cluster / 512) as u8;
    put(&mut bytes, 21, &[0xF8, 0, 0, 63, 0, 255, 0]);
    put(&mut bytes, 36, &[0x80, 0, 0x80, 0]);
    put(&mut bytes, 40, &(sectors - 1).to_le_bytes());
    put(&mut bytes, 48, &table.to_le_bytes());
    put(&mut bytes, 56, &mirror.to_le_bytes());
    bytes[64] = per_record(RECORD as u64, cluster);
    bytes[68] = per_record(super::index::BLOCK as u64, cluster);
    put(&mut bytes, 72, &serial.to_le_bytes());
    put(&mut bytes, 510, &[0x55, 0xAA]);
    bytes
}

/// Clusters in so many bytes, or the power of two where a cluster is larger.
fn per_record(bytes: u64, cluster: u64) -> u8 {
    if bytes >= cluster { (bytes / cluster) as u8 } else { (bytes.ilog2() as i8).wrapping_neg() as u8 }
}
