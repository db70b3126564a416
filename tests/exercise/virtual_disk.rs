//! A file of any format of containers, whatever is in it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ntfs_salvage::ReadError;
use ntfs_salvage::container::{Evidence, Opening, Origin};
use ntfs_salvage::source::Source;

use super::see;

/// A file of which only some parts are not zero: tables of virtual disks lie mebibytes apart.
struct Sparse {
    size: u64,
    parts: Vec<(u64, Vec<u8>)>,
}

/// The largest file.
const LARGEST: u64 = 64 << 20;

impl Sparse {
    /// Four bytes of size in sectors, then parts: four bytes of place in sectors, two of length, and the bytes.
    fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut number = |length: usize| {
            let (number, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            Some(number.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)))
        };
        let size = (number(4)? * 512).min(LARGEST);
        let mut parts = Vec::new();
        while let Some(header) = bytes.first_chunk::<6>() {
            let place = u64::from(u32::from_le_bytes([header[0], header[1], header[2], header[3]])) * 512;
            let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
            let body = &bytes[6..];
            let (body, rest) = body.split_at(length.min(body.len()));
            parts.push((place, body.to_vec()));
            bytes = rest;
        }
        Some(Self { size, parts })
    }
}

impl Source for Sparse {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let buffer = &mut buffer[..length];
        buffer.fill(0);
        for (place, bytes) in &self.parts {
            let place_in = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX).min(length);
            let end = place + bytes.len() as u64;
            let (start, stop) = (place_in((*place).max(offset)), place_in(end.max(offset)));
            let skip = usize::try_from(offset.saturating_sub(*place)).unwrap_or(usize::MAX);
            if start < stop {
                buffer[start..stop].copy_from_slice(&bytes[skip.min(bytes.len())..][..stop - start]);
            }
        }
        Ok(length)
    }
}

impl fmt::Debug for Sparse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parts of {} bytes", self.parts.len(), self.size)
    }
}

/// The bytes are a file in parts.
pub(crate) fn virtual_disk(bytes: &[u8]) {
    let Some(file) = Sparse::parse(bytes) else { return };
    let file = Arc::new(file);
    for opening in [Opening::new(), Opening::new().missing_parent_as_lost().unmapped()] {
        match opening.open_source(file.clone()) {
            Ok(evidence) => opened(&evidence),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// What was opened says the same of its bytes however it is asked.
fn opened(evidence: &Evidence) {
    see(format!("{evidence:?}"));
    let Some(container) = evidence.container() else { return };
    see((container.format(), container.sector_size(), container.facts(), container.notes().count()));
    let size = evidence.size();
    for start in [0, size / 3, size.saturating_sub(70_000)] {
        let mut whole = vec![0xAA; 100_000];
        let missing = evidence.read_readable(start, &mut whole);
        in_order(&missing, start..start + 100_000);
        let lost = |at: u64| missing.iter().any(|range| range.contains(&at));
        let end = (start + 100_000).min(size);
        let mut at = start;
        for located in container.locate(start..end) {
            assert_eq!(located.range.start, at, "no gap");
            at = located.range.end;
            if let Origin::Lost(loss) = located.origin {
                assert!(lost(located.range.start) && !loss.to_string().is_empty());
            }
        }
        assert_eq!(at, end.max(start));
        for (offset, length) in [(1, 700), (4095, 2), (33_000, 20_000)] {
            let mut piece = vec![0x55; length];
            let again = evidence.read_readable(start + offset, &mut piece);
            let from = usize::try_from(offset).expect("it is small");
            assert_eq!(piece, whole[from..from + length], "the same bytes in another piece");
            in_order(&again, start + offset..start + offset + length as u64);
            let first = (start + offset..(start + offset + length as u64).min(size)).find(|&at| lost(at));
            match evidence.read_at(start + offset, &mut piece) {
                Ok(_) => assert_eq!(first, None, "what is lost is no error"),
                Err(error) => assert_eq!(Some(error.offset), first),
            }
        }
    }
}

fn in_order(ranges: &[Range<u64>], within: Range<u64>) {
    let mut end = within.start;
    for range in ranges {
        assert!(end <= range.start && range.start < range.end && range.end <= within.end, "{ranges:?} in {within:?}");
        end = range.end;
    }
}
