//! Sound records around hostile bytes: what lies behind the frame is reached by every input.

use ntfs_salvage::structure::value::AttributeList;

use super::{record, sound, table, value};

const SIZE: usize = 4096;
/// Behind the header and nine words of update sequence.
const FIRST_ATTRIBUTE: usize = 72;

/// The bytes as the attributes of a record.
pub(crate) fn attributes(bytes: &[u8]) {
    record::record(&framed(0, 0, bytes));
}

/// The bytes as an attribute list, and as the list of a file whose two extension records are there.
pub(crate) fn attribute_list(bytes: &[u8]) {
    if let Some(list) = sound(AttributeList::parse(bytes)) {
        assert!(list.entries().eq(list.entries()), "a second walk gives the same");
        value::attribute_list(list, bytes);
    }
    let listed = &bytes[..bytes.len().min(SIZE - FIRST_ATTRIBUTE - 64)];
    let base = framed(0, 0, &resident(0x20, listed));
    let with_name = framed(1, 1 << 48, &resident(0x30, &file_name()));
    let with_data = framed(2, 1 << 48, &[clusters(0, 3), clusters(4, 7)].concat());
    table::bare(&[base, with_name, with_data].concat());
}

/// Record `number` as it lies on disk, of base record `base`, with these attributes.
fn framed(number: u8, base: u64, attributes: &[u8]) -> Vec<u8> {
    let mut record = vec![0; SIZE];
    let fits = attributes.len().min(SIZE - FIRST_ATTRIBUTE - 8);
    record[..8].copy_from_slice(b"FILE\x30\0\x09\0");
    record[16..24].copy_from_slice(&[1, 0, 1, 0, FIRST_ATTRIBUTE as u8, 0, 1, 0]);
    record[24..28].copy_from_slice(&(SIZE as u32).to_le_bytes());
    record[28..32].copy_from_slice(&(SIZE as u32).to_le_bytes());
    record[32..40].copy_from_slice(&base.to_le_bytes());
    record[44] = number;
    record[FIRST_ATTRIBUTE..][..fits].copy_from_slice(&attributes[..fits]);
    record[FIRST_ATTRIBUTE + fits..][..4].fill(0xFF);
    record[48] = 7;
    for stride in 0..8 {
        let (word, tail) = (50 + 2 * stride, 512 * stride + 510);
        record.copy_within(tail..tail + 2, word);
        record[tail..tail + 2].copy_from_slice(&[7, 0]);
    }
    record
}

/// A resident attribute without a name.
fn resident(code: u8, value: &[u8]) -> Vec<u8> {
    let mut attribute = vec![0; 24];
    attribute[0] = code;
    attribute[16..20].copy_from_slice(&(value.len() as u32).to_le_bytes());
    attribute[20] = 24;
    attribute.extend_from_slice(value);
    attribute.resize(attribute.len().next_multiple_of(8), 0);
    let length = attribute.len() as u32;
    attribute[4..8].copy_from_slice(&length.to_le_bytes());
    attribute
}

/// The name `a` in the root directory.
fn file_name() -> [u8; 68] {
    let mut value = [0; 68];
    (value[0], value[6], value[64], value[65], value[66]) = (5, 5, 1, 3, b'a');
    value
}

/// A piece of unnamed data: one run of four clusters.
fn clusters(lowest: u8, highest: u8) -> Vec<u8> {
    let mut attribute = vec![0; 72];
    (attribute[0], attribute[4], attribute[8]) = (0x80, 72, 1);
    (attribute[14], attribute[16], attribute[24], attribute[32]) = (lowest, lowest, highest, 64);
    for size in [40, 48, 56] {
        attribute[size..size + 2].copy_from_slice(&[0, 0x80]);
    }
    attribute[64..67].copy_from_slice(&[0x11, 4, 1 + lowest]);
    attribute
}
