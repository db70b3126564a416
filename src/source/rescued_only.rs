//! An image without the parts that ddrescue could not rescue.

use std::fmt;
use std::io;
use std::ops::Range;

use super::Source;
use super::damage_map::{Block, DamageMap, Status};
use super::range_set::RangeSet;
use crate::base::damage::wide;
use crate::base::error::ReadError;

/// An image of which only the rescued parts can be read. All else is an error of that range, whatever the
/// image holds there.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
/// use ntfs_salvage::source::{DamageMap, RescuedOnly};
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let map = DamageMap::parse(b"0x0 ?\n0x0 0x100000 +\n0x100000 0x7F00000 ?\n")?;
/// // What ddrescue has not read is missing, whatever stands in the image's place for it.
/// let rescued = RescuedOnly::new(&image, map);
/// println!("{:?}", Volume::open(&rescued).map(|volume| volume.catalog().counts()));
/// # Ok(())
/// # }
/// ```
pub struct RescuedOnly<'s> {
    source: &'s dyn Source,
    map: DamageMap,
}

impl<'s> RescuedOnly<'s> {
    /// `source`, as far as it was rescued by `map`, whose positions are those of the image.
    #[must_use]
    pub fn new(source: &'s dyn Source, map: DamageMap) -> Self {
        Self { source, map }
    }

    /// The map in use.
    #[must_use]
    pub fn map(&self) -> &DamageMap {
        &self.map
    }

    /// The first part of a request that was not rescued. Behind the source's end there is nothing to rescue.
    fn first_lost(&self, offset: u64, length: usize) -> Option<Block> {
        let end = offset.saturating_add(wide(length)).min(self.source.size());
        self.map.blocks_in(offset..end).find(|block| block.status != Status::Rescued)
    }
}

impl Source for RescuedOnly<'_> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let Some(Block { range, status }) = self.first_lost(offset, buffer.len()) else {
            return self.source.read_at(offset, buffer);
        };
        let error = io::Error::other(format!("not rescued, the map says {}", status.symbol()));
        Err(ReadError { offset: range.start, length: range.end.saturating_sub(range.start), error })
    }

    fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut missing = self.source.known_missing(range.clone());
        let end = range.end.min(self.source.size());
        let lost = self.map.blocks_in(range.start..end).filter(|block| block.status != Status::Rescued);
        missing.extend(lost.map(|block| block.range));
        let mut all = RangeSet::default();
        missing.into_iter().for_each(|range| all.insert(range));
        all.ranges().collect()
    }

    fn is_gone(&self) -> bool {
        self.source.is_gone()
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.first_lost(offset, length).map_or_else(|| self.source.slice(offset, length), |_| None)
    }
}

impl fmt::Debug for RescuedOnly<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RescuedOnly({} bytes, {} blocks)", self.source.size(), self.map.blocks().len())
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list with one range is what is meant")]
mod tests {
    use super::*;

    fn parse(text: &str) -> DamageMap {
        DamageMap::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_not_rescued_cannot_be_read() {
        let image = vec![7; 200];
        let source = RescuedOnly::new(&image, parse("0 + 1\n0 100 +\n100 50 -\n150 40 +\n"));
        let mut buffer = [0; 60];
        assert_eq!(source.read_at(40, &mut buffer).unwrap(), 60);
        let error = source.read_at(60, &mut buffer).unwrap_err();
        assert_eq!((error.offset, error.length), (100, 20));
        assert_eq!(error.to_string(), "cannot read 20 bytes at offset 100: not rescued, the map says -");
        assert_eq!(source.read_at(150, &mut buffer[..40]).unwrap(), 40);
        assert_eq!(source.read_at(150, &mut buffer).unwrap_err().offset, 190, "the map does not reach so far");
        assert_eq!(source.read_at(200, &mut buffer).unwrap(), 0);
        assert_eq!((source.slice(0, 100), source.slice(1, 100)), (Some(&[7; 100][..]), None));
    }

    #[test]
    fn a_ledger_finds_the_same_ranges() {
        let image = vec![7; 4096];
        let source = RescuedOnly::new(&image, parse("0 + 1\n0 1024 +\n1024 1536 -\n2560 1536 +\n"));
        let ledger = crate::source::Ledger::new(&source).remember_reads(true);
        assert_eq!(ledger.read_readable(0, &mut [0; 4096]), [1024..2560]);
        assert_eq!(ledger.map().blocks(), source.map().blocks());
    }
}
