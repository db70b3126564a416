//! The index of a directory: what stands in its record, and in blocks of their own.

use super::attributes::put;
use super::record::{protect, repair};

pub(crate) const BLOCK: usize = 4096;
const BLOCK_HEADER: usize = 24;
const FIRST_ENTRY: usize = 64;
const NODE: u16 = 1;
const LAST: u16 = 2;
/// Bytes of entries that a record is given.
const ROOT_ROOM: usize = 360;

/// What an index is made of: the value of its root, and the entries of each block.
pub(crate) struct Index {
    pub(crate) root: Vec<u8>,
    pub(crate) blocks: Vec<Vec<u8>>,
}

/// An entry without anything below it.
pub(crate) fn entry(reference: u64, key: &[u8]) -> Vec<u8> {
    let mut entry = vec![0; (16 + key.len()).next_multiple_of(8)];
    let length = entry.len() as u16;
    put(&mut entry, 0, &reference.to_le_bytes());
    put(&mut entry, 8, &length.to_le_bytes());
    put(&mut entry, 10, &(key.len() as u16).to_le_bytes());
    put(&mut entry, 16, key);
    entry
}

fn last() -> Vec<u8> {
    let mut entry = vec![0; 16];
    put(&mut entry, 8, &16_u16.to_le_bytes());
    put(&mut entry, 12, &LAST.to_le_bytes());
    entry
}

/// The entry with a block below it.
fn above(mut entry: Vec<u8>, vcn: u64) -> Vec<u8> {
    entry.extend(vcn.to_le_bytes());
    let length = entry.len() as u16;
    put(&mut entry, 8, &length.to_le_bytes());
    entry[12] |= NODE as u8;
    entry
}

/// Entries in order, in as few blocks as hold them.
pub(crate) fn build(entries: Vec<Vec<u8>>, cluster: u64) -> Index {
    let per_block = (BLOCK as u64 / cluster).max(1);
    let total: usize = entries.iter().map(Vec::len).sum();
    if total <= ROOT_ROOM {
        let text = [entries.concat(), last()].concat();
        return Index { root: root(&text, false, per_block), blocks: Vec::new() };
    }
    let (mut blocks, mut top, mut block) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        if block.len() + entry.len() + 16 > BLOCK - FIRST_ENTRY {
            top.extend(above(entry, blocks.len() as u64 * per_block));
            blocks.push([std::mem::take(&mut block), last()].concat());
        } else {
            block.extend(entry);
        }
    }
    top.extend(above(last(), blocks.len() as u64 * per_block));
    blocks.push([block, last()].concat());
    Index { root: root(&top, true, per_block), blocks }
}

fn root(entries: &[u8], is_large: bool, per_block: u64) -> Vec<u8> {
    let mut value = vec![0; 32];
    put(&mut value, 0, &0x30_u32.to_le_bytes());
    put(&mut value, 4, &1_u32.to_le_bytes());
    put(&mut value, 8, &(BLOCK as u32).to_le_bytes());
    value[12] = per_block as u8;
    put(&mut value, 16, &16_u32.to_le_bytes());
    for offset in [20, 24] {
        put(&mut value, offset, &(entries.len() as u32 + 16).to_le_bytes());
    }
    value[28] = u8::from(is_large);
    value.extend(entries);
    value
}

/// Writes a block of entries over what stood there; what is behind its end stays.
pub(crate) fn write_block(bytes: &mut [u8], vcn: u64, log_sequence: u64, entries: &[u8]) {
    repair(bytes);
    let usn = if &bytes[..4] == b"INDX" { u16::from_le_bytes([bytes[40], bytes[41]]) } else { 0 };
    bytes[..FIRST_ENTRY].fill(0);
    put(bytes, 0, b"INDX");
    put(bytes, 4, &40_u16.to_le_bytes());
    put(bytes, 6, &9_u16.to_le_bytes());
    put(bytes, 8, &log_sequence.to_le_bytes());
    put(bytes, 16, &vcn.to_le_bytes());
    put(bytes, 24, &((FIRST_ENTRY - BLOCK_HEADER) as u32).to_le_bytes());
    put(bytes, 28, &((FIRST_ENTRY - BLOCK_HEADER + entries.len()) as u32).to_le_bytes());
    put(bytes, 32, &((BLOCK - BLOCK_HEADER) as u32).to_le_bytes());
    put(bytes, 40, &usn.wrapping_add(1).max(1).to_le_bytes());
    put(bytes, FIRST_ENTRY, entries);
    protect(bytes);
}
