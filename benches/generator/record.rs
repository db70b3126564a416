//! Writes one FILE record: header, attributes, end marker, update sequence.

use super::RECORD_SIZE;
use super::clusters::{Run, mapping_pairs};

/// Where the first attribute stands: behind the header and an update sequence array of three words.
const FIRST_ATTRIBUTE: usize = 56;
const UPDATE_SEQUENCE: usize = 48;
const END_MARKER: usize = 8;

pub(crate) const IN_USE: u16 = 1;
pub(crate) const DIRECTORY: u16 = 2;
pub(crate) const IN_EXTEND: u16 = 4;
pub(crate) const VIEW_INDEX: u16 = 8;

pub(crate) const STANDARD_INFORMATION: u32 = 0x10;
pub(crate) const ATTRIBUTE_LIST: u32 = 0x20;
pub(crate) const FILE_NAME: u32 = 0x30;
pub(crate) const OBJECT_ID: u32 = 0x40;
pub(crate) const SECURITY_DESCRIPTOR: u32 = 0x50;
pub(crate) const VOLUME_NAME: u32 = 0x60;
pub(crate) const VOLUME_INFORMATION: u32 = 0x70;
pub(crate) const DATA: u32 = 0x80;
pub(crate) const INDEX_ROOT: u32 = 0x90;
pub(crate) const INDEX_ALLOCATION: u32 = 0xA0;
pub(crate) const BITMAP: u32 = 0xB0;
pub(crate) const REPARSE_POINT: u32 = 0xC0;
pub(crate) const LOGGED_UTILITY_STREAM: u32 = 0x100;

pub(crate) const COMPRESSED: u16 = 1;
pub(crate) const SPARSE: u16 = 0x8000;

/// What a record's header says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header {
    pub(crate) number: u64,
    pub(crate) sequence: u16,
    pub(crate) links: u16,
    pub(crate) flags: u16,
    pub(crate) base: u64,
    pub(crate) log_sequence: u64,
    /// Leave the bytes of the slot's earlier user behind the end marker.
    pub(crate) keep_slack: bool,
}

/// A stream outside the record, or a piece of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct NonResident {
    pub(crate) lowest: u64,
    pub(crate) runs: Vec<Run>,
    pub(crate) allocated: u64,
    pub(crate) size: u64,
    pub(crate) initialized: u64,
    pub(crate) flags: u16,
}

/// A record in the making; the buffer is used for one record after the other.
#[derive(Debug)]
pub(crate) struct RecordBuilder {
    bytes: Box<[u8; RECORD_SIZE]>,
    used: usize,
    next_id: u16,
    marker: u32,
}

impl RecordBuilder {
    pub(crate) fn new() -> Self {
        Self { bytes: Box::new([0; RECORD_SIZE]), used: 0, next_id: 0, marker: 0 }
    }

    pub(crate) fn start(&mut self, header: Header) {
        let clear = if header.keep_slack { FIRST_ATTRIBUTE } else { RECORD_SIZE };
        self.bytes[..clear].fill(0);
        self.used = FIRST_ATTRIBUTE;
        self.next_id = 0;
        // Format tools leave 0 behind the marker, the driver this number.
        self.marker = if header.number < 16 { 0 } else { 0x1147_7982 };
        self.put(0, b"FILE");
        self.put(4, &(UPDATE_SEQUENCE as u16).to_le_bytes());
        self.put(6, &3_u16.to_le_bytes());
        self.put(8, &header.log_sequence.to_le_bytes());
        self.put(16, &header.sequence.to_le_bytes());
        self.put(18, &header.links.to_le_bytes());
        self.put(20, &(FIRST_ATTRIBUTE as u16).to_le_bytes());
        self.put(22, &header.flags.to_le_bytes());
        self.put(28, &(RECORD_SIZE as u32).to_le_bytes());
        self.put(32, &header.base.to_le_bytes());
        self.put(44, &(header.number as u32).to_le_bytes());
    }

    /// Bytes left for attributes.
    pub(crate) fn room(&self) -> usize {
        RECORD_SIZE - END_MARKER - self.used
    }

    /// The id for the next attribute, never given twice in a record.
    pub(crate) fn take_id(&mut self) -> u16 {
        self.next_id += 1;
        self.next_id - 1
    }

    pub(crate) fn resident(&mut self, code: u32, name: &str, id: u16, value: &[u8]) {
        let (start, value_at) = (self.used, aligned(24 + 2 * name.len()));
        self.attribute(code, name, 24, id, aligned(value_at + value.len()));
        self.put(start + 16, &(value.len() as u32).to_le_bytes());
        self.put(start + 20, &(value_at as u16).to_le_bytes());
        self.put(start + 22, &[u8::from(code == FILE_NAME)]);
        self.put(start + value_at, value);
    }

    pub(crate) fn non_resident(&mut self, code: u32, name: &str, id: u16, stream: &NonResident) {
        let (start, holes) = (self.used, stream.flags & (COMPRESSED | SPARSE) != 0);
        let header = if holes && stream.lowest == 0 { 72 } else { 64 };
        let (pairs_at, pairs) = (aligned(header + 2 * name.len()), mapping_pairs(&stream.runs));
        self.attribute(code, name, header, id, aligned(pairs_at + pairs.len()));
        let clusters: u64 = stream.runs.iter().map(|run| run.count).sum();
        let highest = (stream.lowest + clusters).wrapping_sub(1);
        self.put(start + 8, &[1]);
        self.put(start + 12, &stream.flags.to_le_bytes());
        self.put(start + 16, &stream.lowest.to_le_bytes());
        self.put(start + 24, &highest.to_le_bytes());
        self.put(start + 32, &(pairs_at as u16).to_le_bytes());
        self.put(start + 34, &[if holes { 4 } else { 0 }]);
        if stream.lowest == 0 {
            self.put(start + 40, &stream.allocated.to_le_bytes());
            self.put(start + 48, &stream.size.to_le_bytes());
            self.put(start + 56, &stream.initialized.to_le_bytes());
        }
        if header == 72 {
            let real: u64 = stream.runs.iter().filter(|run| run.start.is_some()).map(|run| run.count).sum();
            self.put(start + 64, &(real * super::CLUSTER_SIZE).to_le_bytes());
        }
        self.put(start + pairs_at, &pairs);
    }

    /// The part of the attribute header that both forms share, and zeros for the rest.
    fn attribute(&mut self, code: u32, name: &str, header: usize, id: u16, length: usize) {
        assert!(length <= self.room(), "attribute {code:#x} of {length} bytes does not fit {}", self.room());
        let start = self.used;
        self.bytes[start..start + length].fill(0);
        self.put(start, &code.to_le_bytes());
        self.put(start + 4, &(length as u32).to_le_bytes());
        self.put(start + 9, &[name.len() as u8]);
        self.put(start + 10, &(if name.is_empty() { 0 } else { header as u16 }).to_le_bytes());
        self.put(start + 14, &id.to_le_bytes());
        for (at, unit) in name.encode_utf16().enumerate() {
            self.put(start + header + 2 * at, &unit.to_le_bytes());
        }
        self.used += length;
    }

    /// Ends the record and protects its two strides.
    pub(crate) fn finish(&mut self, usn: u16) -> &[u8; RECORD_SIZE] {
        self.put(self.used, &u32::MAX.to_le_bytes());
        self.put(self.used + 4, &self.marker.to_le_bytes());
        self.put(24, &((self.used + END_MARKER) as u32).to_le_bytes());
        self.put(40, &self.next_id.to_le_bytes());
        self.put(UPDATE_SEQUENCE, &usn.to_le_bytes());
        for stride in 1..=2 {
            let tail = stride * 512 - 2;
            self.bytes.copy_within(tail..tail + 2, UPDATE_SEQUENCE + 2 * stride);
            self.put(tail, &usn.to_le_bytes());
        }
        &self.bytes
    }

    /// A slot that was never written.
    pub(crate) fn unused(&mut self) -> &[u8; RECORD_SIZE] {
        self.bytes.fill(0);
        &self.bytes
    }

    /// A record that Windows gave up: `BAAD`, zeros, and 1 at the end of each stride.
    pub(crate) fn bad(&mut self) -> &[u8; RECORD_SIZE] {
        self.bytes.fill(0);
        self.put(0, b"BAAD");
        self.put(510, &1_u16.to_le_bytes());
        self.put(1022, &1_u16.to_le_bytes());
        &self.bytes
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// The next multiple of eight.
pub(crate) fn aligned(length: usize) -> usize {
    length.next_multiple_of(8)
}
