//! The header of a QCOW2 image, what follows it, and its snapshots.

use super::super::files::bytes_of;
use crate::source::Source;

/// What the header says.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) version: u32,
    /// A cluster has two to the power of this many bytes.
    pub(super) cluster_bits: u32,
    pub(super) size: u64,
    pub(super) encryption: u32,
    pub(super) l1: L1,
    pub(super) refcount_table: u64,
    pub(super) refcount_clusters: u64,
    /// A reference count has two to the power of this many bits.
    pub(super) refcount_order: u32,
    pub(super) snapshot_table: u64,
    pub(super) snapshots: u32,
    pub(super) incompatible: u64,
    pub(super) autoclear: u64,
    /// 0 deflate, 1 zstd.
    pub(super) compression: u8,
    pub(super) backing_name: Option<String>,
    pub(super) backing_format: Option<String>,
    pub(super) data_file: Option<String>,
}

/// A table of the first level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct L1 {
    pub(super) offset: u64,
    pub(super) entries: u64,
}

/// Features that a reader has to know.
pub(super) const DIRTY: u64 = 1;
pub(super) const CORRUPT: u64 = 2;
pub(super) const EXTERNAL_DATA: u64 = 4;
const COMPRESSION: u64 = 8;
pub(super) const EXTENDED_L2: u64 = 16;

/// The longest name of a backing file.
const LONGEST_NAME: u64 = 1023;

impl Header {
    /// # Errors
    /// When it is none that can be read: encrypted, of another version, or with contradictions.
    pub(super) fn read(source: &dyn Source) -> Result<Self, String> {
        let head = bytes_of(source, 0, source.size().min(4096)).ok_or("its header cannot be read")?;
        let (word, long) = (|at| u32_at(&head, at), |at| u64_at(&head, at));
        let version = word(4).unwrap_or(0);
        if !(2..=3).contains(&version) {
            return Err(format!(
                "version {version} is not read; \"qemu-img convert -O raw\" may make a raw image of it"
            ));
        }
        let fixed = if version == 2 { 72 } else { 104 };
        if head.len() < fixed {
            return Err(format!("its header is cut: {} bytes", head.len()));
        }
        let is_new = version >= 3;
        let newer = |value: Option<u64>, old| if is_new { value.unwrap_or(0) } else { old };
        let header_length = newer(word(100).map(u64::from), 72);
        let mut header = Self {
            version,
            cluster_bits: word(20).unwrap_or(0),
            size: long(24).unwrap_or(0),
            encryption: word(32).unwrap_or(0),
            l1: L1 { entries: u64::from(word(36).unwrap_or(0)), offset: long(40).unwrap_or(0) },
            refcount_table: long(48).unwrap_or(0),
            refcount_clusters: u64::from(word(56).unwrap_or(0)),
            refcount_order: u32::try_from(newer(word(96).map(u64::from), 4)).unwrap_or(u32::MAX),
            snapshots: word(60).unwrap_or(0),
            snapshot_table: long(64).unwrap_or(0),
            incompatible: newer(long(72), 0),
            autoclear: newer(long(88), 0),
            compression: 0,
            backing_name: None,
            backing_format: None,
            data_file: None,
        };
        if header_length >= 112 {
            header.compression = head.get(104).copied().unwrap_or(0);
        }
        header.check(header_length)?;
        header.extensions(source, header_length)?;
        header.backing(source, long(8).unwrap_or(0), u64::from(word(16).unwrap_or(0)))?;
        Ok(header)
    }

    fn check(&self, header_length: u64) -> Result<(), String> {
        let (bits, size) = (self.cluster_bits, self.size);
        match self.encryption {
            0 => {}
            1 => {
                return Err(
                    "it is encrypted (AES); \"qemu-img convert\" with its password makes a raw image".to_owned()
                );
            }
            2 => return Err("it is encrypted (LUKS); \"qemu-img convert\" with its key makes a raw image".to_owned()),
            other => return Err(format!("encryption {other} is not known")),
        }
        let known = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION | EXTENDED_L2;
        if self.incompatible & !known != 0 {
            return Err(format!("it needs features that are not known: {:#x}", self.incompatible & !known));
        }
        let is_named = self.incompatible & COMPRESSION != 0;
        if self.compression > 1 || is_named != (self.compression != 0) {
            return Err(format!("compression {} is not known, or not said to be used", self.compression));
        }
        if !(9..=21).contains(&bits) || (self.has(EXTENDED_L2) && bits < 14) {
            return Err(format!("clusters of 2^{bits} bytes are not possible"));
        }
        if self.version >= 3 && (header_length < 104 || header_length > self.cluster()) {
            return Err(format!("a header of {header_length} bytes is not possible"));
        }
        if self.refcount_order > 6 {
            return Err(format!("reference counts of 2^{} bits are not possible", self.refcount_order));
        }
        if size > 1 << 61 {
            return Err(format!("a disk of {size} bytes is not possible"));
        }
        let is_aligned = |offset: u64| offset.checked_rem(self.cluster()) == Some(0);
        if !is_aligned(self.refcount_table) || !is_aligned(self.snapshot_table) {
            return Err("its tables do not stand at the start of a cluster: its header is damaged".to_owned());
        }
        self.check_l1(self.l1, size)
    }

    /// # Errors
    /// When a table of the first level is not one that a disk of this size has.
    pub(super) fn check_l1(&self, l1: L1, size: u64) -> Result<(), String> {
        let span = self.cluster().saturating_mul(self.l2_entries()).max(1);
        let (needed, entries) = (size.div_ceil(span), l1.entries);
        if needed > entries {
            return Err(format!("its first table has {entries} entries, and a disk of {size} bytes needs {needed}"));
        }
        if l1.offset.checked_rem(self.cluster()) != Some(0) {
            return Err("its first table does not stand at the start of a cluster: its header is damaged".to_owned());
        }
        Ok(())
    }

    pub(super) fn has(&self, feature: u64) -> bool {
        self.incompatible & feature != 0
    }

    /// The external data file has the disk as it is.
    pub(super) fn is_raw_data(&self) -> bool {
        self.has(EXTERNAL_DATA) && self.autoclear & 2 != 0
    }

    /// Bytes of a cluster.
    pub(super) fn cluster(&self) -> u64 {
        1_u64.checked_shl(self.cluster_bits).unwrap_or(0)
    }

    /// Bytes of an entry of the second level.
    pub(super) fn l2_entry(&self) -> u64 {
        if self.has(EXTENDED_L2) { 16 } else { 8 }
    }

    /// Entries of a table of the second level, which has a cluster.
    pub(super) fn l2_entries(&self) -> u64 {
        self.cluster().checked_div(self.l2_entry()).unwrap_or(0)
    }

    /// What stands between the header and the backing file's name.
    fn extensions(&mut self, source: &dyn Source, start: u64) -> Result<(), String> {
        let cut = "the extensions of its header are damaged";
        let area = bytes_of(source, start, self.cluster().min(source.size()).saturating_sub(start)).ok_or(cut)?;
        let mut rest = area.as_slice();
        while let (Some(kind), Some(length)) = (u32_at(rest, 0), u32_at(rest, 4)) {
            if kind == 0 {
                break;
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let end = length.checked_add(8).ok_or(cut)?;
            let data = rest.get(8..end).ok_or(cut)?;
            let text = || String::from_utf8_lossy(data).into_owned();
            match kind {
                0xE279_2ACA => self.backing_format = Some(text()),
                0x4441_5441 => self.data_file = Some(text()),
                _ => {}
            }
            rest = end.checked_next_multiple_of(8).and_then(|next| rest.get(next..)).unwrap_or_default();
        }
        Ok(())
    }

    fn backing(&mut self, source: &dyn Source, offset: u64, length: u64) -> Result<(), String> {
        match (offset, length) {
            (0, 0) => match &self.backing_format {
                Some(format) => Err(format!("it names the format of its backing file ({format}), and no file")),
                None => Ok(()),
            },
            (0, _) | (_, 0) => Err("it names a backing file by half: its header is damaged".to_owned()),
            _ if length > LONGEST_NAME || offset.saturating_add(length) > self.cluster() => {
                Err(format!("the name of its backing file is not in its first cluster: {length} bytes at {offset}"))
            }
            _ => {
                let name = bytes_of(source, offset, length).ok_or("the name of its backing file cannot be read")?;
                self.backing_name = Some(String::from_utf8_lossy(&name).into_owned());
                Ok(())
            }
        }
    }
}

/// A state of the disk that is kept in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) l1: L1,
    /// Bytes of the disk at that time, where it is said.
    pub(super) size: Option<u64>,
}

/// Snapshots that are listed at most.
const MOST_SNAPSHOTS: u32 = 65_536;

impl Snapshot {
    /// The snapshots of an image, and whether all of them could be read.
    pub(super) fn all(source: &dyn Source, header: &Header) -> (Vec<Self>, bool) {
        let (mut found, mut at) = (Vec::new(), header.snapshot_table);
        for _ in 0..header.snapshots.min(MOST_SNAPSHOTS) {
            let Some((snapshot, next)) = Self::at(source, at) else { return (found, false) };
            found.push(snapshot);
            at = next;
        }
        (found, header.snapshots <= MOST_SNAPSHOTS)
    }

    /// The snapshot whose entry starts at `offset`, and where the next one does.
    fn at(source: &dyn Source, offset: u64) -> Option<(Self, u64)> {
        let fixed = bytes_of(source, offset, 40)?;
        let short = |at: usize| Some(u64::from(u16::from_be_bytes(*fixed.get(at..)?.first_chunk()?)));
        let (id, name, extra) = (short(12)?, short(14)?, u64::from(u32_at(&fixed, 36)?));
        let more = bytes_of(source, offset.checked_add(40)?, extra.min(1024))?;
        let texts = offset.checked_add(40)?.checked_add(extra)?;
        let bytes = bytes_of(source, texts, id.checked_add(name)?)?;
        let (id, name) = bytes.split_at_checked(usize::try_from(id).ok()?)?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let l1 = L1 { offset: u64_at(&fixed, 0)?, entries: u64::from(u32_at(&fixed, 8)?) };
        let snapshot = Self { id: text(id), name: text(name), l1, size: u64_at(&more, 8).filter(|&size| size > 0) };
        let end = texts.checked_add(u64::try_from(bytes.len()).ok()?)?;
        Some((snapshot, end.checked_next_multiple_of(8)?))
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
