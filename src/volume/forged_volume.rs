//! Small volumes made to order, for tests.

use std::io;
use std::ops::Range;
use std::sync::Mutex;

use crate::base::error::ReadError;
use crate::base::reference::FileReference;
use crate::source::{Source, Window};
use crate::structure::attribute_type::AttributeType;
use crate::structure::forge::Forge;
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

/// A bare table with these records; the slots between them are blank.
pub(crate) fn table(records: impl IntoIterator<Item = (u64, Forge)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, record) in records {
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
        for (number, record) in records {
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
