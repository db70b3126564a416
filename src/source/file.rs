//! A file or device, read by position.

use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Source;
use crate::base::error::{ReadError, Result};

/// A file or block device, opened read-only and read by position.
///
/// Unlike a mapping it survives a file that shrinks and sectors that cannot be read: both are
/// errors of a range, never signals.
#[derive(Debug)]
pub struct FileSource {
    file: fs::File,
    size: u64,
    /// Whether the device was taken away.
    is_gone: AtomicBool,
}

/// Opens a file or device as a source.
///
/// # Errors
/// When it cannot be opened for reading, or is a directory.
pub fn open(path: impl AsRef<Path>) -> Result<FileSource> {
    Ok(FileSource::new(fs::File::open(path)?)?)
}

impl FileSource {
    /// Uses a file that is already open; its size is taken now.
    ///
    /// # Errors
    /// When the size cannot be found, or it is a directory.
    pub fn new(mut file: fs::File) -> io::Result<Self> {
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        // The length in the metadata of a block device is 0; the end of it can be sought.
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, size, is_gone: AtomicBool::new(false) })
    }

    #[cfg(unix)]
    fn read_once(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_once(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)
    }
}

impl Source for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        if offset >= self.size {
            return Ok(0);
        }
        let read = fill(offset, buffer, |position, rest| self.read_once(position, rest));
        if read.as_ref().is_err_and(|failed| failed.error.raw_os_error().is_some_and(|code| GONE.contains(&code))) {
            self.is_gone.store(true, Ordering::Relaxed);
        }
        read
    }

    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Asks the file system where the next data are: all of a device, and of a file that is not sparse.
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "macos"))]
    fn is_hole(&self, range: std::ops::Range<u64>) -> bool {
        if range.is_empty() || range.end > self.size {
            return false;
        }
        match rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(range.start)) {
            Ok(data) => data >= range.end,
            // There are none up to the end.
            Err(error) => error == rustix::io::Errno::NXIO,
        }
    }
}

/// What the system says of a device that was taken away: no such device (`ENODEV`), no such device or address (`ENXIO`),
/// no medium (`ENOMEDIUM`). A bad sector is something else (`EIO`).
#[cfg(target_os = "linux")]
const GONE: [i32; 3] = [19, 6, 123];
/// The same: not ready, no such device, no media in the drive, device not connected.
#[cfg(windows)]
const GONE: [i32; 4] = [21, 433, 1112, 1167];
#[cfg(not(any(target_os = "linux", windows)))]
const GONE: [i32; 2] = [19, 6];

/// Fills `buffer` by as many reads as it takes. A read that a signal interrupts is asked for again: it says
/// nothing about the medium.
fn fill(
    offset: u64,
    buffer: &mut [u8],
    mut read_once: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
) -> Result<usize, ReadError> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let position = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        let length = u64::try_from(rest.len()).unwrap_or(u64::MAX);
        match read_once(position, rest) {
            Ok(0) => break,
            Ok(count) => done = done.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReadError { offset: position, length, error }),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::source::Ledger;

    /// 4 KiB that say where they lie, of which every second read is interrupted, and no read gives more than 700
    /// bytes; one sector is bad.
    struct Interrupted {
        reads: AtomicUsize,
        bad: Option<u64>,
    }

    impl Source for Interrupted {
        fn size(&self) -> u64 {
            4096
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
            let end = 4096_u64.saturating_sub(offset);
            let length = buffer.len().min(usize::try_from(end).unwrap());
            fill(offset, &mut buffer[..length], |position, rest| {
                if self.reads.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                    return Err(io::Error::from(io::ErrorKind::Interrupted));
                }
                let count = rest.len().min(700);
                let touched = position / 512..(position + count as u64).div_ceil(512);
                if self.bad.is_some_and(|bad| touched.contains(&bad)) {
                    return Err(io::Error::other("bad sector"));
                }
                (position..).zip(&mut rest[..count]).for_each(|(at, byte)| *byte = (at / 16) as u8);
                Ok(count)
            })
        }
    }

    #[test]
    fn an_interrupted_read_is_repeated_and_no_bad_sector() {
        for bad in [None, Some(3)] {
            let source = Interrupted { reads: AtomicUsize::new(0), bad };
            let ledger = Ledger::new(&source).remember_reads(true);
            let mut buffer = vec![0xEE; 4096];
            let missing = ledger.read_readable(0, &mut buffer);
            let expected: Vec<_> = bad.map(|sector| sector * 512..sector * 512 + 512).into_iter().collect();
            assert_eq!((&missing, ledger.missing()), (&expected, expected.clone()));
            for (at, &byte) in buffer.iter().enumerate() {
                let is_missing = missing.iter().any(|range| range.contains(&(at as u64)));
                assert_eq!(byte, if is_missing { 0 } else { (at / 16) as u8 }, "{at}");
            }
            assert!(source.reads.into_inner() >= 12, "each read was tried again");
        }
    }

    #[test]
    fn a_file_is_read_by_position() {
        let file = open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        let mut buffer = [0; 9];
        assert_eq!(file.read_at(0, &mut buffer).unwrap(), 9);
        assert_eq!(&buffer, b"[package]");
        assert_eq!(file.read_at(file.size() - 2, &mut buffer).unwrap(), 2);
        assert_eq!(file.read_at(u64::MAX >> 1, &mut buffer).unwrap(), 0);
        assert!(file.slice(0, 1).is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_sparse_file_tells_its_holes() {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(8 << 20).unwrap();
        file.seek(SeekFrom::Start(4 << 20)).unwrap();
        file.write_all(&[7; 65_536]).unwrap();
        let source = FileSource::new(file).unwrap();
        if !source.is_hole(0..1 << 20) {
            println!("skipped: this file system has no holes");
            return;
        }
        const M: u64 = 1 << 20;
        assert!(source.is_hole(0..4 * M) && source.is_hole(5 * M..8 * M));
        assert!(!source.is_hole(0..4 * M + 1) && !source.is_hole(4 * M..4 * M + 512));
        assert!(!source.is_hole(5 * M..8 * M + 1) && !source.is_hole(M..M), "behind the end, and nothing at all");
        let mut byte = [0];
        assert_eq!((source.read_at(4 * M, &mut byte).unwrap(), byte), (1, [7]));
    }

    #[test]
    fn directories_and_missing_files_are_refused() {
        assert!(open(env!("CARGO_MANIFEST_DIR")).is_err());
        assert!(open("/no/such/image").is_err());
    }
}
