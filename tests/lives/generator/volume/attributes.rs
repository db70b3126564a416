//! Attributes as they stand in FILE records.

use super::runs::{Run, clusters_of, mapping_pairs};

pub(crate) const STANDARD_INFORMATION: u32 = 0x10;
pub(crate) const ATTRIBUTE_LIST: u32 = 0x20;
pub(crate) const FILE_NAME: u32 = 0x30;
pub(crate) const VOLUME_NAME: u32 = 0x60;
pub(crate) const VOLUME_INFORMATION: u32 = 0x70;
pub(crate) const DATA: u32 = 0x80;
pub(crate) const INDEX_ROOT: u32 = 0x90;
pub(crate) const INDEX_ALLOCATION: u32 = 0xA0;
pub(crate) const BITMAP: u32 = 0xB0;

pub(crate) const COMPRESSED: u16 = 1;
pub(crate) const SPARSE: u16 = 0x8000;

/// An attribute, or a piece of one, before it stands in a record: its id is given there.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) code: u32,
    pub(crate) name: String,
    pub(crate) vcn: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The sizes of a stream outside its record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) allocated: u64,
    pub(crate) size: u64,
    pub(crate) initialized: u64,
}

pub(crate) fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The header that both forms share, with the name behind `fixed` bytes; and where the value or the pairs go.
fn header(code: u32, name: &str, form: u8, fixed: usize, behind: usize) -> (Vec<u8>, usize) {
    let units = utf16(name);
    let body = (fixed + units.len()).next_multiple_of(8);
    let mut bytes = vec![0; (body + behind).next_multiple_of(8)];
    let length = bytes.len() as u32;
    put(&mut bytes, 0, &code.to_le_bytes());
    put(&mut bytes, 4, &length.to_le_bytes());
    put(&mut bytes, 8, &[form, (units.len() / 2) as u8, fixed as u8, 0]);
    put(&mut bytes, fixed, &units);
    (bytes, body)
}

pub(crate) fn resident(code: u32, name: &str, value: &[u8]) -> Attribute {
    let (mut bytes, body) = header(code, name, 0, 24, value.len());
    put(&mut bytes, 16, &(value.len() as u32).to_le_bytes());
    put(&mut bytes, 20, &(body as u16).to_le_bytes());
    bytes[22] = u8::from(code == FILE_NAME);
    put(&mut bytes, body, value);
    Attribute { code, name: name.to_owned(), vcn: 0, bytes }
}

/// The piece that starts at `vcn` of a stream that is stored as `flags` say.
pub(crate) fn non_resident(
    code: u32,
    name: &str,
    (vcn, runs): (u64, &[Run]),
    sizes: Sizes,
    (flags, cluster): (u16, u64),
) -> Attribute {
    let has_holes = flags & (COMPRESSED | SPARSE) != 0;
    let fixed = if has_holes && vcn == 0 { 72 } else { 64 };
    let pairs = mapping_pairs(runs);
    let (mut bytes, body) = header(code, name, 1, fixed, pairs.len());
    put(&mut bytes, 12, &flags.to_le_bytes());
    put(&mut bytes, 16, &vcn.to_le_bytes());
    put(&mut bytes, 24, &(vcn + clusters_of(runs)).wrapping_sub(1).to_le_bytes());
    put(&mut bytes, 32, &(body as u16).to_le_bytes());
    bytes[34] = if flags & COMPRESSED != 0 { 4 } else { 0 };
    if vcn == 0 {
        for (offset, size) in [40, 48, 56].into_iter().zip([sizes.allocated, sizes.size, sizes.initialized]) {
            put(&mut bytes, offset, &size.to_le_bytes());
        }
    }
    if fixed == 72 {
        let total: u64 = runs.iter().filter(|run| run.lcn.is_some()).map(|run| run.count).sum();
        put(&mut bytes, 64, &(total * cluster).to_le_bytes());
    }
    put(&mut bytes, body, &pairs);
    Attribute { code, name: name.to_owned(), vcn, bytes }
}

/// What of a file's description is in its record and in the index of its directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) created: u64,
    pub(crate) modified: u64,
    pub(crate) changed: u64,
    /// DOS attributes.
    pub(crate) attributes: u32,
}

pub(crate) fn standard_information(facts: Facts, is_long: bool) -> Attribute {
    let mut value = vec![0; if is_long { 72 } else { 48 }];
    for (offset, time) in [(0, facts.created), (8, facts.modified), (16, facts.changed), (24, facts.modified)] {
        put(&mut value, offset, &time.to_le_bytes());
    }
    put(&mut value, 32, &facts.attributes.to_le_bytes());
    resident(STANDARD_INFORMATION, "", &value)
}

/// The value of a `$FILE_NAME`.
pub(crate) fn file_name(parent: u64, name: &str, namespace: u8, facts: Facts, is_directory: bool) -> Vec<u8> {
    let mut value = vec![0; 66];
    put(&mut value, 0, &parent.to_le_bytes());
    for (offset, time) in [(8, facts.created), (16, facts.modified), (24, facts.changed), (32, facts.modified)] {
        put(&mut value, offset, &time.to_le_bytes());
    }
    let kind = if is_directory { 0x1000_0000 } else { 0 };
    put(&mut value, 56, &(facts.attributes | kind).to_le_bytes());
    let units = utf16(name);
    value[64] = (units.len() / 2) as u8;
    value[65] = namespace;
    value.extend(units);
    value
}

/// An entry of an attribute list.
pub(crate) fn list_entry(attribute: &Attribute, reference: u64, id: u16) -> Vec<u8> {
    let units = utf16(&attribute.name);
    let mut entry = vec![0; (26 + units.len()).next_multiple_of(8)];
    let length = entry.len() as u16;
    put(&mut entry, 0, &attribute.code.to_le_bytes());
    put(&mut entry, 4, &length.to_le_bytes());
    put(&mut entry, 6, &[(units.len() / 2) as u8, 26]);
    put(&mut entry, 8, &attribute.vcn.to_le_bytes());
    put(&mut entry, 16, &reference.to_le_bytes());
    put(&mut entry, 24, &id.to_le_bytes());
    put(&mut entry, 26, &units);
    entry
}
