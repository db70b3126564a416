//! Errors can be matched: why there is no answer, not only that there is none.

use std::path::Path;
use std::sync::Arc;

use ntfs_salvage::salvage::Opening;
use ntfs_salvage::source::Source;
use ntfs_salvage::{Error, FileReference, ReadError, Session, Volume, salvage};

fn image(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).unwrap()
}

/// A source of which nothing can be read.
struct Unreadable;

impl Source for Unreadable {
    fn size(&self) -> u64 {
        1 << 20
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        Err(ReadError::new(offset, buffer.len() as u64, std::io::Error::other("bad sector")))
    }
}

#[test]
fn a_source_says_why_it_has_no_volume() {
    let noise = vec![0x5A; 1 << 16];
    assert!(matches!(salvage::open(&noise), Err(Error::NoVolume)));
    assert!(matches!(Session::of(Arc::new(noise)), Err(Error::NoVolume)));
    assert!(matches!(salvage::open(&Unreadable), Err(Error::Read(_))));
    assert!(matches!(Session::open("/no/such/image"), Err(Error::Io(_))));
    let plain = image("plain.img");
    let found = Opening::new(&plain).partition(7).run().into_volumes();
    assert!(matches!(found, Err(Error::NoSuchPartition(7))));
}

#[test]
fn what_is_no_ntfs_is_named() {
    let mut exfat = vec![0; 1 << 20];
    exfat[..11].copy_from_slice(b"\xEB\x76\x90EXFAT   ");
    exfat[510..512].copy_from_slice(&[0x55, 0xAA]);
    let mut qcow = vec![0; 1 << 20];
    qcow[..8].copy_from_slice(b"QFI\xFB\0\0\0\x03");
    for (bytes, name) in [(exfat, "EXFAT"), (qcow, "QCOW")] {
        let error = salvage::open(&bytes).unwrap_err();
        let Error::SomethingElse(what) = &error else { panic!("{error}") };
        assert!(what.to_uppercase().contains(name), "{error}");
    }
}

#[test]
fn records_files_and_streams_say_why_they_are_not_there() {
    let bytes = image("plain.img");
    let volume = Volume::open(&bytes).unwrap();
    let catalog = volume.catalog();
    let count = volume.mft().record_count();
    assert!(matches!(volume.mft().record(count), Err(Error::NoSuchRecord { number, .. }) if number == count));
    assert!(matches!(catalog.entry(u64::MAX), Err(Error::NoSuchRecord { .. })));
    // A record that formatting wrote, and no file ever used.
    let unused = (24..count).find(|&number| volume.mft().record(number).is_ok_and(|one| !one.header().is_in_use()));
    let entry = catalog.entry(unused.unwrap());
    assert!(matches!(entry, Err(Error::NotAFile(_))), "{entry:?}");
    assert!(matches!(catalog.entry_of(FileReference::new(5, 99)), Err(Error::NoSuchFile(_))));
    assert!(matches!(volume.entry_by_path("/nobody"), Err(Error::NoSuchName { .. })));
    let root = volume.entry_by_path("/").unwrap();
    assert!(matches!(catalog.open_stream(root, "nothing"), Err(Error::NoSuchStream { .. })));
}
