//! Virtual disks with a byte changed, or cut: each byte of the disk is the right one, or called lost.

#[path = "virtual_disks/made.rs"]
#[allow(dead_code, reason = "the other tests of virtual disks use the rest")]
mod made;

use std::fs;
use std::sync::Arc;

use made::{Folder, dirty_vhdx, disk, is_installed, qemu_img};
use ntfs_salvage::ReadError;
use ntfs_salvage::container::{Evidence, Opening, Origin};
use ntfs_salvage::source::Source;

/// A file with one byte changed, or without its end.
struct Flipped {
    bytes: Arc<Vec<u8>>,
    place: usize,
    mask: u8,
    size: usize,
}

impl Source for Flipped {
    fn size(&self) -> u64 {
        u64::try_from(self.size).unwrap()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let bytes = &self.bytes[..self.size];
        let count = bytes.read_at(offset, buffer)?;
        if let Some(at) = self.place.checked_sub(usize::try_from(offset).unwrap()).filter(|&at| at < count) {
            buffer[at] ^= self.mask;
        }
        Ok(count)
    }
}

/// What a changed image gives.
#[derive(Debug, PartialEq)]
enum Outcome {
    Refused,
    Lost,
    Right,
    Wrong,
}

fn outcome(file: Flipped, expected: &[u8]) -> Outcome {
    let Ok(evidence) = Opening::new().open_source(Arc::new(file)) else { return Outcome::Refused };
    if evidence.container().is_none() {
        // What it starts with is gone: a raw disk, as far as anyone can tell.
        return Outcome::Refused;
    }
    let size = usize::try_from(evidence.size().min(expected.len() as u64)).unwrap();
    let mut bytes = vec![0; size];
    let missing = evidence.read_readable(0, &mut bytes);
    let mut from = 0;
    for range in missing.iter().chain([&(size as u64..size as u64)]) {
        let until = usize::try_from(range.start).unwrap();
        if bytes[from..until] != expected[from..until] {
            return Outcome::Wrong;
        }
        from = usize::try_from(range.end).unwrap();
    }
    if missing.is_empty() { Outcome::Right } else { Outcome::Lost }
}

/// The bytes of a file that are not the disk's: tables, headers, and what is between them.
fn metadata(evidence: &Evidence, length: usize) -> Vec<bool> {
    let mut is_metadata = vec![true; length];
    for located in evidence.container().unwrap().locate(0..evidence.size()) {
        let (start, count) = match located.origin {
            Origin::Stored { offset, .. } => (offset, located.range.end - located.range.start),
            Origin::Packed { offset, stored, .. } => (offset, u64::from(stored)),
            _ => continue,
        };
        let start = usize::try_from(start).unwrap();
        is_metadata[start..(start + usize::try_from(count).unwrap()).min(length)].fill(false);
    }
    is_metadata
}

/// An image and the disk that is in it.
struct Sample {
    name: String,
    bytes: Arc<Vec<u8>>,
    expected: Vec<u8>,
    is_metadata: Vec<bool>,
}

impl Sample {
    fn of(name: &str, bytes: Vec<u8>, expected: Vec<u8>) -> Self {
        let bytes = Arc::new(bytes);
        let size = bytes.len();
        let whole = Flipped { bytes: bytes.clone(), place: 0, mask: 0, size };
        let evidence = Opening::new().open_source(Arc::new(whole)).unwrap();
        let sample = Self { name: name.to_owned(), is_metadata: metadata(&evidence, size), bytes, expected };
        assert_eq!(sample.outcome(0, 0, size), Outcome::Right, "{name}");
        sample
    }

    fn made(format: &str, options: &[&str]) -> Self {
        let folder = Folder::new();
        let expected = disk(2 << 20);
        fs::write(folder.path("raw"), &expected).unwrap();
        assert!(qemu_img(&folder, &[&["convert", "-f", "raw", "-O", format], options, &["raw", "image"]].concat()));
        Self::of(&format!("{format} {options:?}"), fs::read(folder.path("image")).unwrap(), expected)
    }

    /// Only its log knows where the first block is.
    fn dirty() -> Self {
        let bytes = dirty_vhdx(&Folder::new());
        // What it has is held against QEMU elsewhere.
        let evidence = Opening::new().open_source(Arc::new(bytes.clone())).unwrap();
        let mut expected = vec![0; 8 << 20];
        assert_eq!(evidence.read_readable(0, &mut expected), []);
        assert!(expected[..1 << 20].iter().all(|&byte| byte == 0xA5));
        let mut sample = Self::of("a dirty VHDX", bytes, expected);
        // The second block is in the file, and in no table.
        sample.is_metadata[8 << 20..].fill(false);
        sample
    }

    fn outcome(&self, place: usize, mask: u8, size: usize) -> Outcome {
        outcome(Flipped { bytes: self.bytes.clone(), place, mask, size }, &self.expected)
    }

    /// Changes the bytes of the tables that are not zero, and some that are, and cuts the file; where that is not
    /// seen, `may_be_unseen` has to know why.
    fn check(&self, may_be_unseen: impl Fn(usize) -> bool) {
        let (mut tried, mut unseen) = (0, 0);
        let size = self.bytes.len();
        for place in (0..size).filter(|&place| self.is_metadata[place]) {
            if place % 8209 != 0 && (self.bytes[place] == 0 || place % 8192 > 1023) {
                continue;
            }
            tried += 1;
            let mask = if place % 2 == 0 { 0xFF } else { 1 << (place / 2 % 8) };
            if self.outcome(place, mask, size) == Outcome::Wrong {
                unseen += 1;
                assert!(may_be_unseen(place), "{}: byte {place} changed by {mask:#x} gives wrong bytes", self.name);
            }
        }
        for cut in (0..size).step_by(512).filter(|cut| cut % 65_536 == 0 || *cut < 4096) {
            tried += 1;
            assert_ne!(self.outcome(0, 0, cut), Outcome::Wrong, "{} cut to {cut} bytes", self.name);
        }
        println!("{}: {tried} changes, {unseen} that nothing in the format can tell", self.name);
    }
}

#[test]
fn no_changed_table_of_vhdx_gives_wrong_bytes() {
    if is_installed("qemu-img") && is_installed("qemu-io") {
        Sample::made("vhdx", &["-o", "block_size=1M"]).check(|_| false);
        Sample::dirty().check(|_| false);
    }
}

#[test]
fn no_changed_table_of_qcow2_gives_wrong_bytes() {
    if is_installed("qemu-img") {
        Sample::made("qcow2", &[]).check(|_| false);
        Sample::made("qcow2", &["-c", "-o", "cluster_size=4k"]).check(|_| false);
        // Bits that say which parts of a cluster are there stand there once.
        Sample::made("qcow2", &["-o", "extended_l2=on"]).check(|place| place >= 65_536 && place % 16 >= 8);
    }
}

#[test]
fn no_changed_table_of_vdi_or_vmdk_gives_wrong_bytes() {
    if is_installed("qemu-img") {
        Sample::made("vdi", &[]).check(|_| false);
        Sample::made("vmdk", &[]).check(|_| false);
        Sample::made("vmdk", &["-o", "subformat=streamOptimized"]).check(|_| false);
    }
}
