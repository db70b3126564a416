//! A failing disk that counts what reading it costs.

use std::io;
use std::ops::Range;
use std::sync::Mutex;

use ntfs_salvage::ReadError;
use ntfs_salvage::source::Source;

/// What reading has cost so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Price {
    /// Bytes of reads that succeeded.
    pub read: u64,
    /// Reads that failed.
    pub failed: u64,
    /// Reads that did not go on where the last one ended.
    pub seeks: u64,
    last: u64,
}

impl Price {
    const RATE: f64 = 60e6;
    const FAILURE: f64 = 0.5;
    const SEEK: f64 = 0.012;

    /// What a disk would take: 60 MB a second, 12 ms a seek, half a second a failing read.
    pub fn seconds(&self) -> f64 {
        self.read as f64 / Self::RATE + self.failed as f64 * Self::FAILURE + self.seeks as f64 * Self::SEEK
    }
}

/// A sound image with bad zones.
pub struct Priced<'s> {
    pub image: &'s dyn Source,
    pub bad: Vec<Range<u64>>,
    pub price: Mutex<Price>,
}

impl<'s> Priced<'s> {
    pub fn new(image: &'s dyn Source, bad: Vec<Range<u64>>) -> Self {
        Self { image, bad, price: Mutex::default() }
    }

    pub fn price(&self) -> Price {
        *self.price.lock().unwrap()
    }
}

impl Source for Priced<'_> {
    fn size(&self) -> u64 {
        self.image.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let end = offset + buffer.len() as u64;
        let mut price = self.price.lock().unwrap();
        price.seeks += u64::from(price.last != offset);
        price.last = end;
        let first = self.bad.partition_point(|bad| bad.end <= offset);
        if let Some(bad) = self.bad.get(first).filter(|bad| bad.start < end) {
            price.failed += 1;
            let error = io::Error::other("bad sector");
            return Err(ReadError { offset: bad.start, length: bad.end - bad.start, error });
        }
        price.read += buffer.len() as u64;
        self.image.read_at(offset, buffer)
    }
}
