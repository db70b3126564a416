//! Records made to order, for tests: what a writer of NTFS would write, or should not have.

use super::attribute_type::AttributeType;
use super::update_sequence::STRIDE;
use super::value::file_attributes::FileAttributes;
use crate::base::reference::FileReference;

/// A FILE record under construction.
#[derive(Clone)]
pub(crate) struct Forge {
    bytes: Vec<u8>,
    end: usize,
    /// Where the last attribute starts.
    last: usize,
    next_id: u16,
    names: u16,
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The value of a `$FILE_NAME`: that of an attribute, and the key of an index entry.
pub(crate) fn file_name(parent: (u64, u16), namespace: u8, name: &str, attributes: FileAttributes) -> Vec<u8> {
    let mut value = vec![0; 66];
    value[..8].copy_from_slice(&FileReference::new(parent.0, parent.1).0.to_le_bytes());
    value[56..60].copy_from_slice(&attributes.bits().to_le_bytes());
    value[64] = name.encode_utf16().count() as u8;
    value[65] = namespace;
    value.extend(utf16(name));
    value
}

impl Forge {
    /// A record in use without attributes, as NTFS 3.1 writes it.
    pub(crate) fn new(size: usize) -> Self {
        let mut bytes = vec![0; size];
        let strides = size / STRIDE;
        let first = (48 + 2 * (strides + 1)).next_multiple_of(8);
        bytes[..4].copy_from_slice(b"FILE");
        bytes[4] = 48;
        bytes[6] = (strides + 1) as u8;
        bytes[16] = 1;
        bytes[20] = first as u8;
        bytes[22] = 1;
        bytes[28..32].copy_from_slice(&(size as u32).to_le_bytes());
        Self { bytes, end: first, last: first, next_id: 0, names: 0 }
    }

    pub(crate) fn sequence(mut self, sequence: u16) -> Self {
        self.bytes[16..18].copy_from_slice(&sequence.to_le_bytes());
        self
    }

    pub(crate) fn flags(mut self, flags: u16) -> Self {
        self.bytes[22..24].copy_from_slice(&flags.to_le_bytes());
        self
    }

    pub(crate) fn base(mut self, number: u64, sequence: u16) -> Self {
        self.bytes[32..40].copy_from_slice(&FileReference::new(number, sequence).0.to_le_bytes());
        self
    }

    /// The header that both forms share, and the name; returns where the attribute starts.
    fn header(&mut self, kind: AttributeType, name: &str, form: u8, header: usize, behind: usize) -> usize {
        let start = self.end;
        let name = utf16(name);
        let body = (header + name.len()).next_multiple_of(8);
        let length = (body + behind).next_multiple_of(8);
        let attribute = &mut self.bytes[start..start + length];
        attribute[..4].copy_from_slice(&kind.0.to_le_bytes());
        attribute[4..8].copy_from_slice(&(length as u32).to_le_bytes());
        attribute[8] = form;
        attribute[9] = (name.len() / 2) as u8;
        attribute[10] = header as u8;
        attribute[14..16].copy_from_slice(&self.next_id.to_le_bytes());
        attribute[header..header + name.len()].copy_from_slice(&name);
        attribute[if form == 0 { 20 } else { 32 }] = body as u8;
        self.next_id += 1;
        self.names += u16::from(kind == AttributeType::FILE_NAME);
        self.end += length;
        self.last = start;
        start
    }

    pub(crate) fn resident(mut self, kind: AttributeType, name: &str, value: &[u8]) -> Self {
        let start = self.header(kind, name, 0, 24, value.len());
        self.bytes[start + 16..start + 20].copy_from_slice(&(value.len() as u32).to_le_bytes());
        let body = start + usize::from(self.bytes[start + 20]);
        self.bytes[body..body + value.len()].copy_from_slice(value);
        self
    }

    /// A non-resident attribute from `lowest` to `highest` VCN; `sizes` are allocated, data, initialized.
    pub(crate) fn runs(
        mut self,
        kind: AttributeType,
        name: &str,
        vcns: (u64, u64),
        sizes: [u64; 3],
        runs: &[u8],
    ) -> Self {
        let start = self.header(kind, name, 1, 64, runs.len());
        let numbers = [(16, vcns.0), (24, vcns.1), (40, sizes[0]), (48, sizes[1]), (56, sizes[2])];
        for (offset, number) in numbers {
            self.bytes[start + offset..start + offset + 8].copy_from_slice(&number.to_le_bytes());
        }
        let body = start + usize::from(self.bytes[start + 32]);
        self.bytes[body..body + runs.len()].copy_from_slice(runs);
        self
    }

    /// Flags and compression unit of the last attribute.
    pub(crate) fn stored_as(mut self, flags: u16, unit: u8) -> Self {
        self.bytes[self.last + 12..self.last + 14].copy_from_slice(&flags.to_le_bytes());
        self.bytes[self.last + 34] = unit;
        self
    }

    /// A `$FILE_NAME` in directory `parent`.
    pub(crate) fn name(self, parent: (u64, u16), namespace: u8, name: &str) -> Self {
        self.resident(AttributeType::FILE_NAME, "", &file_name(parent, namespace, name, FileAttributes::empty()))
    }

    /// The bytes as they lie on disk as record `number`, protected by update sequence number 7.
    pub(crate) fn on_disk(mut self, number: u64) -> Vec<u8> {
        self.bytes[self.end..self.end + 4].copy_from_slice(&AttributeType::END.0.to_le_bytes());
        self.bytes[24..28].copy_from_slice(&(self.end as u32 + 8).to_le_bytes());
        let is_base = self.bytes[32..40] == [0; 8];
        self.bytes[18..20].copy_from_slice(&(if is_base { self.names } else { 0 }).to_le_bytes());
        self.bytes[40..42].copy_from_slice(&self.next_id.to_le_bytes());
        self.bytes[44..48].copy_from_slice(&(number as u32).to_le_bytes());
        self.bytes[48..50].copy_from_slice(&7u16.to_le_bytes());
        for stride in 0..self.bytes.len() / STRIDE {
            let end = stride * STRIDE + 510;
            let word = [self.bytes[end], self.bytes[end + 1]];
            self.bytes[50 + 2 * stride..52 + 2 * stride].copy_from_slice(&word);
            self.bytes[end..end + 2].copy_from_slice(&7u16.to_le_bytes());
        }
        self.bytes
    }
}
