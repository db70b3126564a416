//! Records, tables and volumes made to order: what a writer of NTFS would write, and what none should.

use ntfs_salvage::FileReference;

pub(crate) const ATTRIBUTE_LIST: u32 = 0x20;
pub(crate) const FILE_NAME: u32 = 0x30;
pub(crate) const DATA: u32 = 0x80;

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Writes `value` at `offset`.
pub(crate) fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

/// A FILE record under construction; `record[offset]`-style faults are put in by [`put`] afterwards,
/// or by [`Forge::with`] before the update sequence is applied.
#[derive(Clone)]
pub(crate) struct Forge {
    bytes: Vec<u8>,
    end: usize,
    next_id: u16,
}

impl Forge {
    /// A record of 1 KiB in use.
    pub(crate) fn new() -> Self {
        Self::sized(1024)
    }

    pub(crate) fn sized(size: usize) -> Self {
        let mut bytes = vec![0; size];
        let words = size / 512 + 1;
        let first = (48 + 2 * words).next_multiple_of(8);
        put(&mut bytes, 0, b"FILE");
        put(&mut bytes, 4, &48_u16.to_le_bytes());
        put(&mut bytes, 6, &(words as u16).to_le_bytes());
        put(&mut bytes, 16, &1_u16.to_le_bytes());
        put(&mut bytes, 20, &(first as u16).to_le_bytes());
        put(&mut bytes, 22, &1_u16.to_le_bytes());
        put(&mut bytes, 28, &(size as u32).to_le_bytes());
        Self { bytes, end: first, next_id: 0 }
    }

    /// A directory.
    pub(crate) fn directory() -> Self {
        Self::new().flags(3)
    }

    /// An extension of record `base`.
    pub(crate) fn extension(base: u64) -> Self {
        Self::new().with(32, &FileReference::new(base, 1).0.to_le_bytes())
    }

    pub(crate) fn flags(self, flags: u16) -> Self {
        self.with(22, &flags.to_le_bytes())
    }

    pub(crate) fn sequence(self, sequence: u16) -> Self {
        self.with(16, &sequence.to_le_bytes())
    }

    /// Writes into the record as it is so far.
    pub(crate) fn with(mut self, offset: usize, value: &[u8]) -> Self {
        put(&mut self.bytes, offset, value);
        self
    }

    /// Appends an attribute as it is: `attribute` is its header and everything behind it.
    pub(crate) fn raw(mut self, attribute: &[u8]) -> Self {
        put(&mut self.bytes, self.end, attribute);
        self.end += attribute.len();
        self
    }

    pub(crate) fn resident(mut self, code: u32, name: &str, value: &[u8]) -> Self {
        let attribute = resident(code, self.next_id, name, value);
        self.next_id += 1;
        self.raw(&attribute)
    }

    /// A non-resident attribute; `sizes` are allocated, data, initialized.
    pub(crate) fn runs(mut self, code: u32, name: &str, vcns: (u64, u64), sizes: [u64; 3], runs: &[u8]) -> Self {
        let attribute = non_resident(code, self.next_id, name, vcns, sizes, runs);
        self.next_id += 1;
        self.raw(&attribute)
    }

    pub(crate) fn name(self, parent: u64, name: &str) -> Self {
        self.resident(FILE_NAME, "", &file_name(FileReference::new(parent, 1), 1, name))
    }

    pub(crate) fn dos_name(self, parent: u64, name: &str) -> Self {
        self.resident(FILE_NAME, "", &file_name(FileReference::new(parent, 1), 2, name))
    }

    /// The record before its update sequence is applied, with end marker, used size and number.
    pub(crate) fn plain(mut self, number: u64) -> Vec<u8> {
        put(&mut self.bytes, self.end, &u32::MAX.to_le_bytes());
        put(&mut self.bytes, 24, &(self.end as u32 + 8).to_le_bytes());
        put(&mut self.bytes, 40, &self.next_id.to_le_bytes());
        put(&mut self.bytes, 44, &(number as u32).to_le_bytes());
        self.bytes
    }

    /// The record as it lies on disk.
    pub(crate) fn on_disk(self, number: u64) -> Vec<u8> {
        protect(self.plain(number))
    }
}

/// Applies update sequence number 7 to a plain record.
pub(crate) fn protect(mut bytes: Vec<u8>) -> Vec<u8> {
    put(&mut bytes, 48, &7_u16.to_le_bytes());
    for stride in 0..bytes.len() / 512 {
        let end = stride * 512 + 510;
        let word = [bytes[end], bytes[end + 1]];
        put(&mut bytes, 50 + 2 * stride, &word);
        put(&mut bytes, end, &7_u16.to_le_bytes());
    }
    bytes
}

fn header(code: u32, id: u16, name: &str, form: u8, fixed: usize, behind: usize) -> (Vec<u8>, usize) {
    let name = utf16(name);
    let body = (fixed + name.len()).next_multiple_of(8);
    let mut bytes = vec![0; (body + behind).next_multiple_of(8)];
    let length = bytes.len() as u32;
    put(&mut bytes, 0, &code.to_le_bytes());
    put(&mut bytes, 4, &length.to_le_bytes());
    put(&mut bytes, 8, &[form, (name.len() / 2) as u8, fixed as u8, 0]);
    put(&mut bytes, 14, &id.to_le_bytes());
    put(&mut bytes, fixed, &name);
    (bytes, body)
}

pub(crate) fn resident(code: u32, id: u16, name: &str, value: &[u8]) -> Vec<u8> {
    let (mut bytes, body) = header(code, id, name, 0, 24, value.len());
    put(&mut bytes, 16, &(value.len() as u32).to_le_bytes());
    put(&mut bytes, 20, &(body as u16).to_le_bytes());
    put(&mut bytes, body, value);
    bytes
}

pub(crate) fn non_resident(code: u32, id: u16, name: &str, vcns: (u64, u64), sizes: [u64; 3], runs: &[u8]) -> Vec<u8> {
    let (mut bytes, body) = header(code, id, name, 1, 64, runs.len());
    put(&mut bytes, 16, &vcns.0.to_le_bytes());
    put(&mut bytes, 24, &vcns.1.to_le_bytes());
    put(&mut bytes, 32, &(body as u16).to_le_bytes());
    for (offset, size) in [40, 48, 56].into_iter().zip(sizes) {
        put(&mut bytes, offset, &size.to_le_bytes());
    }
    put(&mut bytes, body, runs);
    bytes
}

/// The value of a `$FILE_NAME`.
pub(crate) fn file_name(parent: FileReference, namespace: u8, name: &str) -> Vec<u8> {
    let units = utf16(name);
    let mut value = vec![0; 66];
    put(&mut value, 0, &parent.0.to_le_bytes());
    value[64] = (units.len() / 2) as u8;
    value[65] = namespace;
    value.extend(units);
    value
}

/// An entry of an attribute list, without a name.
pub(crate) fn list_entry(code: u32, vcn: u64, reference: FileReference) -> Vec<u8> {
    let mut entry = vec![0; 32];
    put(&mut entry, 0, &code.to_le_bytes());
    put(&mut entry, 4, &[32, 0, 0, 26]);
    put(&mut entry, 8, &vcn.to_le_bytes());
    put(&mut entry, 16, &reference.0.to_le_bytes());
    entry
}

/// A table whose first records are the forged ones, the root at 5, and blank records between.
pub(crate) fn table(records: Vec<(u64, Forge)>) -> Vec<u8> {
    let mut numbered = records;
    if numbered.iter().all(|(number, _)| *number != 5) {
        numbered.push((5, root()));
    }
    let last = numbered.iter().map(|(number, _)| *number).max().expect("there is the root");
    let mut table = vec![0; (last as usize + 1) * 1024];
    for (number, record) in numbered {
        put(&mut table, number as usize * 1024, &record.on_disk(number));
    }
    table
}

pub(crate) fn root() -> Forge {
    Forge::directory().name(5, ".")
}

/// A run: clusters at a step from the run before, in eight bytes each.
pub(crate) fn run(clusters: u64, step: i64) -> Vec<u8> {
    [vec![0x88], clusters.to_le_bytes().to_vec(), step.to_le_bytes().to_vec()].concat()
}

/// A volume of 4 KiB clusters whose table starts at cluster 4: the records from 0 on, the first of
/// which is made to map as many clusters as they take unless it comes with its own `$DATA`.
pub(crate) struct VolumeForge {
    pub(crate) clusters: u64,
    pub(crate) records: Vec<Vec<u8>>,
    /// What else lies where: cluster and bytes.
    pub(crate) content: Vec<(u64, Vec<u8>)>,
}

impl VolumeForge {
    pub(crate) const TABLE: u64 = 4;

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut image = vec![0; self.clusters as usize * 4096 + 512];
        let boot = boot_sector(self.clusters * 8, Self::TABLE, 2);
        put(&mut image, 0, &boot);
        put(&mut image, self.clusters as usize * 4096, &boot);
        put(&mut image, Self::TABLE as usize * 4096, &self.records.concat());
        for (cluster, bytes) in &self.content {
            put(&mut image, *cluster as usize * 4096, bytes);
        }
        image
    }
}

pub(crate) fn boot_sector(sectors: u64, mft_lcn: u64, mirror_lcn: u64) -> Vec<u8> {
    let mut boot = vec![0; 512];
    put(&mut boot, 3, b"NTFS    ");
    put(&mut boot, 11, &[0, 2, 8]);
    put(&mut boot, 40, &sectors.to_le_bytes());
    put(&mut boot, 48, &mft_lcn.to_le_bytes());
    put(&mut boot, 56, &mirror_lcn.to_le_bytes());
    put(&mut boot, 64, &[0xF6]);
    put(&mut boot, 68, &[1]);
    put(&mut boot, 510, &[0x55, 0xAA]);
    boot
}
