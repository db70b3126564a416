//! Small volumes made to order, for tests.

use std::io;
use std::ops::Range;
use std::sync::Mutex;

use crate::base::error::ReadError;
use crate::base::reference::FileReference;
use crate::source::{Source, Window};
use crate::structure::attribute_type::AttributeType;
use crate::structure::forge::{Forge, utf16};
use crate::structure::record::Record;
use crate::volume::Volume;
use crate::volume::geometry::Geometry;

pub(crate) const CLUSTER: u64 = 512;
const RECORD: usize = 1024;
const RECORDS: u64 = 64;
/// Where the table starts.
const TABLE: u64 = 8;
/// The first cluster behind the table.
pub(crate) const FREE: u64 = TABLE + RECORDS * 2;
pub(crate) const CLUSTERS: u64 = 1024;
/// The cluster of `$Bitmap`.
const BITMAP: u64 = CLUSTERS - 1;

/// A volume of 1024 clusters of 512 bytes. Byte `n` of cluster `c` is `c + n` unless it is written to.
pub(crate) struct Forged {
    bytes: Vec<u8>,
    unreadable: Vec<Range<u64>>,
    /// Where it was read.
    reads: Mutex<Vec<u64>>,
}

/// Runs of these lengths at these clusters, as on disk.
pub(crate) fn runs(list: &[(u64, Option<u64>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before = 0_i64;
    for &(length, lcn) in list {
        bytes.push(if lcn.is_some() { 0x43 } else { 0x03 });
        bytes.extend_from_slice(&length.to_le_bytes()[..3]);
        if let Some(lcn) = lcn {
            bytes.extend_from_slice(&((lcn as i64 - before) as i32).to_le_bytes());
            before = lcn as i64;
        }
    }
    bytes.push(0);
    bytes
}

/// A record in use with the sequence number 1.
pub(crate) fn file() -> Forge {
    Forge::new(RECORD).name((5, 5), 3, "f")
}

/// A directory in use with the sequence number 1.
pub(crate) fn directory(parent: (u64, u16), name: &str) -> Forge {
    Forge::new(RECORD).flags(3).name(parent, 3, name)
}

/// The records, where a base without an attribute list has one that names its extension records, as NTFS has it.
fn with_lists(mut records: Vec<(u64, Forge)>) -> Vec<(u64, Forge)> {
    let on_disk: Vec<_> = records.iter().map(|(number, record)| (*number, record.clone().on_disk(*number))).collect();
    let parsed: Vec<_> = on_disk.iter().map(|(number, bytes)| Record::parse(*number, bytes).unwrap()).collect();
    for ((number, forge), base) in records.iter_mut().zip(&parsed) {
        let life = if base.header().is_in_use() { 0 } else { 1 };
        let sequence = base.header().sequence_number().saturating_sub(life).max(1);
        let own = parsed.iter().filter(|other| {
            let to = other.header().base_reference();
            let is_own = to.record_number() == *number && !other.is_base_record();
            is_own && (other.header().is_in_use() || !base.header().is_in_use())
        });
        let own: Vec<(u64, u16)> = own.map(|other| (other.number(), other.header().sequence_number())).collect();
        let has_list = base.attributes().flatten().any(|it| it.attribute_type() == AttributeType::ATTRIBUTE_LIST);
        if own.is_empty() || has_list || !base.is_base_record() {
            continue;
        }
        let of_own = own.iter().map(|&record| list_entry(AttributeType::DATA, "", 1, record, 0));
        let of_base = list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (*number, sequence), 0);
        let list: Vec<u8> = std::iter::once(of_base).chain(of_own).flatten().collect();
        *forge = forge.clone().resident(AttributeType::ATTRIBUTE_LIST, "", &list);
    }
    records
}

/// A bare table with these records; the slots between them are blank.
pub(crate) fn table(records: impl IntoIterator<Item = (u64, Forge)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, record) in with_lists(records.into_iter().collect()) {
        let start = number as usize * RECORD;
        bytes.resize(bytes.len().max(start + RECORD), 0);
        bytes[start..start + RECORD].copy_from_slice(&record.on_disk(number));
    }
    bytes
}

/// A record in use whose only `$DATA` has these runs and sizes.
pub(crate) fn with_runs(list: &[(u64, Option<u64>)], size: u64, initialized: u64) -> Forge {
    add_runs(file(), "", list, size, initialized)
}

pub(crate) fn add_runs(forge: Forge, name: &str, list: &[(u64, Option<u64>)], size: u64, initialized: u64) -> Forge {
    let clusters: u64 = list.iter().map(|(length, _)| length).sum();
    let sizes = [clusters * CLUSTER, size, initialized];
    forge.runs(AttributeType::DATA, name, (0, clusters.wrapping_sub(1)), sizes, &runs(list))
}

impl Forged {
    /// A volume with these records, whose bitmap has the clusters up to the table's end in use.
    pub(crate) fn new(records: Vec<(u64, Forge)>) -> Self {
        let ramp: Vec<u8> = (0..256 + CLUSTER).map(|byte| byte as u8).collect();
        let mut bytes = Vec::new();
        for cluster in 0..CLUSTERS as usize {
            bytes.extend_from_slice(&ramp[cluster % 256..][..CLUSTER as usize]);
        }
        bytes[(TABLE * CLUSTER) as usize..(FREE * CLUSTER) as usize].fill(0);
        let mut this = Self { bytes, unreadable: Vec::new(), reads: Mutex::default() };
        let table = add_runs(Forge::new(RECORD), "", &[(RECORDS * 2, Some(TABLE))], RECORDS * 1024, RECORDS * 1024);
        this.record(0, table);
        this.record(6, add_runs(Forge::new(RECORD), "", &[(1, Some(BITMAP))], CLUSTERS / 8, CLUSTERS / 8));
        this.write(BITMAP, &[0; CLUSTER as usize]);
        this.allocate(0..FREE);
        this.allocate(BITMAP..CLUSTERS);
        for (number, record) in with_lists(records) {
            this.record(number, record);
        }
        this
    }

    /// Writes a record; the bitmap calls the clusters of one in use used.
    pub(crate) fn record(&mut self, number: u64, record: Forge) {
        let bytes = record.on_disk(number);
        self.write(TABLE + number * 2, &bytes);
        let record = Record::parse(number, &bytes).unwrap();
        if record.header().is_in_use() {
            let pieces = record.attributes().filter_map(|attribute| attribute.unwrap().non_resident());
            for run in pieces.flat_map(|piece| piece.data_runs().into_iter().flatten()).map_while(Result::ok) {
                let clusters = run.lcn.unwrap_or(0)..run.lcn.map_or(0, |lcn| (lcn + run.clusters).min(CLUSTERS));
                self.allocate(clusters);
            }
        }
    }

    pub(crate) fn write(&mut self, cluster: u64, bytes: &[u8]) {
        let start = (cluster * CLUSTER) as usize;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// The bytes of a record as they are on disk.
    pub(crate) fn record_bytes(&mut self, number: u64) -> &mut [u8] {
        let start = ((TABLE + number * 2) * CLUSTER) as usize;
        &mut self.bytes[start..start + RECORD]
    }

    pub(crate) fn allocate(&mut self, clusters: Range<u64>) {
        for cluster in clusters {
            self.bytes[(BITMAP * CLUSTER + cluster / 8) as usize] |= 1 << (cluster % 8);
        }
    }

    pub(crate) fn free(&mut self, clusters: Range<u64>) {
        for cluster in clusters {
            self.bytes[(BITMAP * CLUSTER + cluster / 8) as usize] &= !(1 << (cluster % 8));
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn spoil(&mut self, bytes: Range<u64>) {
        self.unreadable.push(bytes);
    }

    /// How many reads began in these clusters.
    pub(crate) fn reads_in(&self, clusters: Range<u64>) -> usize {
        self.reads.lock().unwrap().iter().filter(|position| clusters.contains(&(**position / CLUSTER))).count()
    }

    pub(crate) fn cut(&mut self, clusters: u64) {
        self.bytes.truncate((clusters * CLUSTER) as usize);
    }

    pub(crate) fn volume(&self) -> Volume<'_> {
        let geometry = Geometry::builder().sector_size(512).cluster_size(CLUSTER as u32).record_size(RECORD as u32);
        let geometry = geometry.total_sectors(CLUSTERS).mft_lcn(Some(TABLE)).build().unwrap();
        Volume::with_geometry(Window::whole(self), geometry).unwrap()
    }
}

/// An `$INDEX_ROOT` of names with these entries and nothing below it.
pub(crate) fn index_root(entries: &[(FileReference, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (file, key) in entries {
        let length = (16 + key.len()).next_multiple_of(8);
        let mut entry = vec![0; length];
        entry[..8].copy_from_slice(&file.0.to_le_bytes());
        entry[8..10].copy_from_slice(&(length as u16).to_le_bytes());
        entry[10..12].copy_from_slice(&(key.len() as u16).to_le_bytes());
        entry[16..16 + key.len()].copy_from_slice(key);
        body.extend(entry);
    }
    body.extend([0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0]);
    let used = 16 + body.len() as u32;
    let fields = [0x30, 1, 4096, 1, 16, used, used, 0].map(u32::to_le_bytes);
    [fields.concat(), body].concat()
}

/// An entry of an `$ATTRIBUTE_LIST`.
pub(crate) fn list_entry(kind: AttributeType, name: &str, vcn: u64, record: (u64, u16), id: u16) -> Vec<u8> {
    let name = utf16(name);
    let length = (26 + name.len()).next_multiple_of(8);
    let mut bytes = vec![0; length];
    bytes[..4].copy_from_slice(&kind.0.to_le_bytes());
    bytes[4] = length as u8;
    bytes[6] = (name.len() / 2) as u8;
    bytes[7] = 26;
    bytes[8..16].copy_from_slice(&vcn.to_le_bytes());
    bytes[16..24].copy_from_slice(&FileReference::new(record.0, record.1).0.to_le_bytes());
    bytes[24..26].copy_from_slice(&id.to_le_bytes());
    bytes[26..26 + name.len()].copy_from_slice(&name);
    bytes
}

/// The reference of a record in its first life.
pub(crate) fn reference(number: u64) -> FileReference {
    FileReference::new(number, 1)
}

impl Source for Forged {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let length = buffer.len() as u64;
        self.reads.lock().unwrap().push(offset);
        if self.unreadable.iter().any(|bad| bad.start < offset + length && offset < bad.end) {
            return Err(ReadError { offset, length, error: io::Error::other("bad sector") });
        }
        self.bytes.as_slice().read_at(offset, buffer)
    }
}
