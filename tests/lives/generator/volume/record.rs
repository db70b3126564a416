//! FILE records: how they are put together and stand on disk.

use super::attributes::{Attribute, put};

pub(crate) const RECORD: usize = 1024;
const STRIDE: usize = 512;
const UPDATE_SEQUENCE: usize = 48;
const FIRST_ATTRIBUTE: usize = 56;
const END_MARKER: usize = 8;
/// Bytes for attributes.
pub(crate) const ROOM: usize = RECORD - FIRST_ATTRIBUTE - END_MARKER;

pub(crate) const IN_USE: u16 = 1;
pub(crate) const DIRECTORY: u16 = 2;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header {
    pub(crate) number: u64,
    pub(crate) sequence: u16,
    pub(crate) links: u16,
    pub(crate) flags: u16,
    pub(crate) base: u64,
    pub(crate) log_sequence: u64,
}

/// Writes a record into `bytes`, which are without protection. What stood behind its end stays.
pub(crate) fn write(bytes: &mut [u8], header: Header, attributes: &[Attribute]) {
    let usn = u16::from_le_bytes([bytes[UPDATE_SEQUENCE], bytes[UPDATE_SEQUENCE + 1]]).wrapping_add(1).max(1);
    bytes[..FIRST_ATTRIBUTE].fill(0);
    put(bytes, 0, b"FILE");
    put(bytes, 4, &(UPDATE_SEQUENCE as u16).to_le_bytes());
    put(bytes, 6, &3_u16.to_le_bytes());
    put(bytes, 8, &header.log_sequence.to_le_bytes());
    put(bytes, 16, &header.sequence.to_le_bytes());
    put(bytes, 18, &header.links.to_le_bytes());
    put(bytes, 20, &(FIRST_ATTRIBUTE as u16).to_le_bytes());
    put(bytes, 22, &header.flags.to_le_bytes());
    put(bytes, 28, &(RECORD as u32).to_le_bytes());
    put(bytes, 32, &header.base.to_le_bytes());
    put(bytes, 40, &(attributes.len() as u16).to_le_bytes());
    put(bytes, 44, &(header.number as u32).to_le_bytes());
    put(bytes, UPDATE_SEQUENCE, &usn.to_le_bytes());
    let mut at = FIRST_ATTRIBUTE;
    for (id, attribute) in attributes.iter().enumerate() {
        put(bytes, at, &attribute.bytes);
        put(bytes, at + 14, &(id as u16).to_le_bytes());
        at += attribute.bytes.len();
    }
    put(bytes, at, &[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]);
    put(bytes, 24, &((at + END_MARKER) as u32).to_le_bytes());
}

/// Frees a record: nothing but its header changes.
pub(crate) fn free(bytes: &mut [u8], sequence: u16, links: Option<u16>) {
    put(bytes, 16, &sequence.to_le_bytes());
    if let Some(links) = links {
        put(bytes, 18, &links.to_le_bytes());
    }
    bytes[22] &= !(IN_USE as u8);
}

/// Puts the update sequence over the ends of the strides.
pub(crate) fn protect(bytes: &mut [u8]) {
    let at = usize::from(u16::from_le_bytes([bytes[4], bytes[5]]));
    for (index, stride) in (1..).zip(1..=bytes.len() / STRIDE) {
        let tail = stride * STRIDE - 2;
        bytes.copy_within(tail..tail + 2, at + 2 * index);
        bytes.copy_within(at..at + 2, tail);
    }
}

/// Puts back what the update sequence stands for, where it is a record or an index block at all.
pub(crate) fn repair(bytes: &mut [u8]) {
    if bytes[..4] != *b"FILE" && bytes[..4] != *b"INDX" {
        return;
    }
    let at = usize::from(u16::from_le_bytes([bytes[4], bytes[5]]));
    for (index, stride) in (1..).zip(1..=bytes.len() / STRIDE) {
        let tail = stride * STRIDE - 2;
        bytes.copy_within(at + 2 * index..at + 2 * index + 2, tail);
    }
}

/// Zeros for the content that stands in the record.
pub(crate) fn empty_values(bytes: &mut [u8]) {
    for (start, _) in attributes(bytes, 0x80) {
        if bytes[start + 8] != 0 {
            continue;
        }
        let (value, size) = (start + word(bytes, start + 20), word(bytes, start + 16));
        bytes[value..value + size].fill(0);
    }
}

/// Zeros for attribute lists in the record, and for the runs of those outside.
pub(crate) fn empty_lists(bytes: &mut [u8]) {
    for (start, end) in attributes(bytes, 0x20) {
        let value = if bytes[start + 8] == 0 { word(bytes, start + 20) } else { word(bytes, start + 32) };
        bytes[start + value..end].fill(0);
    }
}

/// Start and end of the attributes of a type.
fn attributes(bytes: &[u8], code: u8) -> Vec<(usize, usize)> {
    let (mut found, mut at) = (Vec::new(), word(bytes, 20));
    while at + 24 < bytes.len() && bytes[at..at + 4] != [0xFF; 4] {
        let end = at + word(bytes, at + 4).max(8);
        if bytes[at] == code {
            found.push((at, end));
        }
        at = end;
    }
    found
}

fn word(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}
