//! `$INDEX_ROOT` and the header that every index node has.

use core::fmt;

use bitflags::bitflags;

use crate::base::damage::Damage;
use crate::base::le;

use super::attribute_type::AttributeType;
use super::index_entry::IndexEntries;

/// The value of an `$INDEX_ROOT` attribute: what the index is, and its root node.
///
/// Layout: 0 indexed attribute type, 4 collation, 8 index record size (bytes; `u32` each), 12 blocks
/// in an index record (`u8`), 16 node.
///
/// Reference: `INDEX_ROOT`, type 0x90.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexRoot<'a> {
    fixed: &'a [u8; 16],
    node: IndexNode<'a>,
}

impl<'a> IndexRoot<'a> {
    const FIXED: usize = 16;

    /// Views the value of the attribute.
    ///
    /// # Errors
    /// When the value ends inside the two headers, 32 bytes.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let needed = Self::FIXED.saturating_add(IndexNode::FIXED);
        let (fixed, rest) = value
            .split_first_chunk()
            .filter(|_| value.len() >= needed)
            .ok_or_else(|| Damage::too_short(0, "$INDEX_ROOT", needed, value.len()))?;
        Ok(Self { fixed, node: IndexNode::parse(rest, Self::FIXED)? })
    }

    /// The type of the attributes that are indexed: `$FILE_NAME` in a directory, 0 in a view.
    #[must_use]
    pub fn indexed_type(&self) -> AttributeType {
        AttributeType(le::u32_in::<0, 16>(self.fixed))
    }

    /// How the keys are ordered.
    #[must_use]
    pub fn collation(&self) -> Collation {
        Collation(le::u32_in::<4, 16>(self.fixed))
    }

    /// Bytes in a record of the index's `$INDEX_ALLOCATION`. The boot sector's is a default only.
    #[must_use]
    pub fn record_size(&self) -> u32 {
        le::u32_in::<8, 16>(self.fixed)
    }

    /// VCNs in an index record: clusters, or 512-byte units where a record is smaller than a cluster.
    #[must_use]
    pub fn blocks_per_record(&self) -> u8 {
        le::u8_in::<12, 16>(self.fixed)
    }

    /// The root node.
    #[must_use]
    pub fn node(&self) -> IndexNode<'a> {
        self.node
    }

    /// The entries of the root node.
    #[must_use]
    pub fn entries(&self) -> IndexEntries<'a> {
        self.node.entries()
    }

    /// What is wrong with the root node's header.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        self.node.damage()
    }
}

/// How the keys of an index are ordered: an open set.
///
/// Reference: `COLLATION_RULES`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Collation(pub u32);

impl Collation {
    /// As bytes.
    pub const BINARY: Self = Self(0);
    /// As names of files, by the volume's `$UpCase`.
    pub const FILE_NAME: Self = Self(1);
    /// As UTF-16 text.
    pub const UNICODE: Self = Self(2);
    /// As one `u32`.
    pub const U32: Self = Self(0x10);
    /// As security identifiers.
    pub const SID: Self = Self(0x11);
    /// As hash and id of a security descriptor.
    pub const SECURITY_HASH: Self = Self(0x12);
    /// As a row of `u32`.
    pub const U32_ARRAY: Self = Self(0x13);
}

impl fmt::Debug for Collation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collation({:#x})", self.0)
    }
}

bitflags! {
    /// What an index node is. Bits without a name here are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct IndexNodeFlags: u8 {
        /// There are nodes below this one.
        const HAS_CHILDREN = 0x1;
    }
}

/// A node of an index: a header, its entries, and behind them what earlier entries left.
///
/// Layout: 0 offset of the first entry, 4 used size, 8 allocated size (bytes, `u32` each, counted
/// from this header), 12 flags (`u8`).
///
/// Reference: `INDEX_HEADER`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "INDEX_HEADER")]
pub struct IndexNode<'a> {
    fixed: &'a [u8; 16],
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> IndexNode<'a> {
    const FIXED: usize = 16;

    /// Views the node that fills `bytes`, at `offset` of the value or record around it.
    pub(crate) fn parse(bytes: &'a [u8], offset: usize) -> Result<Self, Damage> {
        let fixed =
            bytes.first_chunk().ok_or_else(|| Damage::too_short(offset, "index node", Self::FIXED, bytes.len()))?;
        Ok(Self { fixed, bytes, offset })
    }

    /// Where the first entry should start, in bytes from this header.
    #[must_use]
    pub fn first_entry_offset(&self) -> u32 {
        le::u32_in::<0, 16>(self.fixed)
    }

    /// Bytes in use, this header included, as stored.
    #[must_use]
    pub fn used_size(&self) -> u32 {
        le::u32_in::<4, 16>(self.fixed)
    }

    /// Bytes of the node, this header included, as stored.
    #[must_use]
    pub fn allocated_size(&self) -> u32 {
        le::u32_in::<8, 16>(self.fixed)
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> IndexNodeFlags {
        IndexNodeFlags::from_bits_retain(le::u8_in::<12, 16>(self.fixed))
    }

    /// The entries, bounded by the used size and by the bytes there are.
    #[must_use]
    pub fn entries(&self) -> IndexEntries<'a> {
        let first = self.clipped(self.first_entry_offset()).max(Self::FIXED);
        let entries = self.bytes.get(first..self.used_end()).unwrap_or_default();
        IndexEntries::new(entries, self.offset.saturating_add(first))
    }

    /// The bytes behind the used ones: what is left of entries that moved or were removed.
    #[must_use]
    pub fn slack(&self) -> &'a [u8] {
        self.bytes.get(self.used_end()..).unwrap_or_default()
    }

    /// Where the slack starts, in bytes from the start of the index root's value or index record.
    #[must_use]
    pub fn slack_offset(&self) -> usize {
        self.offset.saturating_add(self.used_end())
    }

    /// What is wrong with the header: sizes outside each other or outside the bytes there are, or a
    /// first entry inside the header.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        let [first, used, allocated] =
            [self.first_entry_offset(), self.used_size(), self.allocated_size()].map(as_size);
        let at = |field: usize| self.offset.saturating_add(field);
        if allocated > self.bytes.len() {
            Some(Damage::bad_value(at(8), "allocated size of index node", self.allocated_size()))
        } else if used > allocated {
            Some(Damage::bad_value(at(4), "used size of index node", self.used_size()))
        } else if first < Self::FIXED || first > used || !first.is_multiple_of(8) {
            Some(Damage::bad_value(at(0), "first entry offset of index node", self.first_entry_offset()))
        } else {
            None
        }
    }

    /// The end of the used bytes. The stored allocated size does not limit it: where that is wrong,
    /// the entries are still there, and each is checked by itself.
    fn used_end(&self) -> usize {
        self.clipped(self.used_size()).max(Self::FIXED)
    }

    /// An offset from this header, moved back to the end of the bytes.
    fn clipped(&self, offset: u32) -> usize {
        as_size(offset).min(self.bytes.len())
    }
}

/// A 32-bit size as one in memory; one that does not fit exceeds any bytes there can be.
fn as_size(size: u32) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

impl fmt::Debug for IndexNode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexNode")
            .field("first_entry_offset", &self.first_entry_offset())
            .field("used_size", &self.used_size())
            .field("allocated_size", &self.allocated_size())
            .field("flags", &self.flags())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::super::index_entry::tests::{entry, view_entry};
    use super::*;

    /// A node header in front of `entries` and `slack`.
    pub(crate) fn node(first: u32, entries: &[u8], slack: &[u8]) -> Vec<u8> {
        let used = first + u32::try_from(entries.len()).unwrap();
        let mut bytes = Vec::new();
        for field in [first, used, used + u32::try_from(slack.len()).unwrap(), 0] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.resize(usize::try_from(first).unwrap().max(16), 0);
        [&bytes, entries, slack].concat()
    }

    fn sample() -> Vec<u8> {
        let entries = [view_entry(&[1; 8], &[]), entry(0, &[], &[], 2, None)].concat();
        let mut value = Vec::new();
        for field in [0x30_u32, 1, 4096, 8] {
            value.extend_from_slice(&field.to_le_bytes());
        }
        value.extend(node(16, &entries, &[0xEE; 8]));
        value
    }

    #[test]
    fn sizes_may_reach_exactly_to_their_bounds() {
        // Entries that end with the allocated size, which ends with the value: no damage. No entries: neither.
        let mut value = sample();
        value[20..24].copy_from_slice(&16_u32.to_le_bytes());
        assert_eq!(IndexRoot::parse(&value).unwrap().damage(), None);
        let length = u32::try_from(value.len() - 16).unwrap();
        value[20..24].copy_from_slice(&length.to_le_bytes());
        assert_eq!(IndexRoot::parse(&value).unwrap().damage(), None);
        value[24..28].copy_from_slice(&(length + 1).to_le_bytes());
        assert!(IndexRoot::parse(&value).unwrap().damage().is_some());
        value[24..28].copy_from_slice(&(length - 1).to_le_bytes());
        assert!(IndexRoot::parse(&value).unwrap().damage().is_some());
    }

    #[test]
    fn root_tells_what_the_index_is() {
        let value = sample();
        let root = IndexRoot::parse(&value).unwrap();
        assert_eq!((root.indexed_type(), root.collation()), (AttributeType::FILE_NAME, Collation::FILE_NAME));
        assert_eq!((root.record_size(), root.blocks_per_record()), (4096, 8));
        let offsets: Vec<_> = root.entries().map(|entry| entry.unwrap().offset()).collect();
        assert_eq!(offsets, [32, 56]);
        assert_eq!((root.node().slack(), root.node().slack_offset(), root.damage()), (&[0xEE; 8][..], 72, None));
        assert!(root.node().flags().is_empty());
    }

    #[test]
    fn every_truncation_is_damage_or_gives_the_entries_that_are_there() {
        let value = sample();
        for len in 0..32 {
            assert_eq!(IndexRoot::parse(&value[..len]).unwrap_err(), Damage::too_short(0, "$INDEX_ROOT", 32, len));
        }
        for len in 32..value.len() {
            let root = IndexRoot::parse(&value[..len]).unwrap();
            let good = root.entries().filter(Result::is_ok).count();
            assert_eq!(good, usize::from(len >= 56) + usize::from(len >= 72), "{len} bytes");
            assert_eq!(root.damage(), Some(Damage::bad_value(24, "allocated size of index node", 64_u64)));
        }
    }

    #[test]
    fn hostile_sizes_are_clipped_and_reported() {
        let cases = [
            (16, 0_u32, "first entry offset of index node"),
            (16, 12, "first entry offset of index node"),
            (16, u32::MAX, "first entry offset of index node"),
            (20, u32::MAX, "used size of index node"),
            (20, 65, "used size of index node"),
            (20, 0, "first entry offset of index node"),
            (24, u32::MAX, "allocated size of index node"),
            (24, 0, "used size of index node"),
        ];
        for (at, stored, what) in cases {
            let mut value = sample();
            value[at..at + 4].copy_from_slice(&stored.to_le_bytes());
            let root = IndexRoot::parse(&value).unwrap();
            let Some(Damage { kind, .. }) = root.damage() else { panic!("{what} {stored:#x} is not reported") };
            assert!(kind.to_string().starts_with(what), "{kind}");
            assert!(root.node().slack_offset() <= value.len());
            let _ = root.entries().count();
        }
    }

    #[test]
    fn a_wrong_allocated_size_or_first_offset_does_not_cost_the_entries() {
        for (at, stored) in [(24, 0_u32), (24, u32::MAX), (16, 0), (20, u32::MAX)] {
            let mut value = sample();
            value[at..at + 4].copy_from_slice(&stored.to_le_bytes());
            let root = IndexRoot::parse(&value).unwrap();
            assert_eq!(root.entries().filter(Result::is_ok).count(), 2, "{stored:#x} at {at}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(value in proptest::collection::vec(0_u8..80, 0..400)) {
            if let Ok(root) = IndexRoot::parse(&value) {
                let node = root.node();
                prop_assert_eq!(node.slack_offset() + node.slack().len(), value.len());
                prop_assert!(root.entries().count() <= value.len() / 16);
                let _ = root.damage();
            }
        }
    }
}
