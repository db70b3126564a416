//! INDX records: the nodes of an index that do not fit its root.

use core::fmt;

use crate::base::damage::{Damage, DamageKind};
use crate::base::le;

use super::index::IndexNode;
use super::index_entry::IndexEntries;

/// A record of an `$INDEX_ALLOCATION`, with its update sequence already applied.
///
/// Layout: 0 multi-sector header with signature `INDX`, 8 LSN, 16 VCN of this record (`u64` each),
/// 24 node.
///
/// Reference: `INDEX_ALLOCATION_BUFFER`, type 0xA0.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "INDX")]
#[doc(alias = "INDEX_ALLOCATION_BUFFER")]
pub struct IndexRecord<'a> {
    fixed: &'a [u8; 24],
    node: IndexNode<'a>,
}

impl<'a> IndexRecord<'a> {
    /// The first four bytes of an index record.
    pub const SIGNATURE: [u8; 4] = *b"INDX";
    const BAAD: [u8; 4] = *b"BAAD";
    const FIXED: usize = 24;

    /// Views a whole record whose update sequence the caller has applied.
    ///
    /// A record marked `BAAD` is viewed as well: some writers leave its entries in place.
    ///
    /// # Errors
    /// When the bytes end inside the headers, 40 bytes, or start with another signature.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let (fixed, rest) = bytes
            .split_first_chunk::<24>()
            .ok_or_else(|| Damage::too_short(0, "index record", Self::FIXED, bytes.len()))?;
        match le::array_in::<0, 4, 24>(fixed) {
            Self::SIGNATURE | Self::BAAD => {}
            [0, 0, 0, 0] => return Err(Damage::new(0, DamageKind::BlankRecord)),
            found => return Err(Damage::new(0, DamageKind::BadSignature { found })),
        }
        Ok(Self { fixed, node: IndexNode::parse(rest, Self::FIXED)? })
    }

    /// The last change's place in `$LogFile`; 0 when it was never logged.
    #[must_use]
    #[doc(alias = "LSN")]
    pub fn log_sequence_number(&self) -> u64 {
        le::u64_in::<8, 24>(self.fixed)
    }

    /// Where the record says it is, in clusters, or in 512-byte units when a record is smaller than a
    /// cluster. Another number than its place means that the block is stale or foreign.
    #[must_use]
    pub fn vcn(&self) -> u64 {
        le::u64_in::<16, 24>(self.fixed)
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> IndexNode<'a> {
        self.node
    }

    /// The entries of the node.
    #[must_use]
    pub fn entries(&self) -> IndexEntries<'a> {
        self.node.entries()
    }

    /// What is wrong with the headers.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        let baad = le::array_in::<0, 4, 24>(self.fixed) == Self::BAAD;
        if baad { Some(Damage::new(0, DamageKind::BaadRecord)) } else { self.node.damage() }
    }
}

impl fmt::Debug for IndexRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexRecord")
            .field("log_sequence_number", &self.log_sequence_number())
            .field("vcn", &self.vcn())
            .field("node", &self.node)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::index::tests::node;
    use super::super::index_entry::tests::{entry, view_entry};
    use super::*;

    fn sample(first: u32) -> Vec<u8> {
        let entries = [view_entry(&[1; 8], &[]), entry(0, &[], &[], 2, None)].concat();
        let mut bytes = b"INDX\x28\0\x09\0".to_vec();
        bytes.extend_from_slice(&0x1234_u64.to_le_bytes());
        bytes.extend_from_slice(&8_u64.to_le_bytes());
        bytes.extend(node(first, &entries, &[0xEE; 16]));
        bytes
    }

    #[test]
    fn entries_start_where_the_header_says() {
        for first in [40, 64] {
            let bytes = sample(first);
            let record = IndexRecord::parse(&bytes).unwrap();
            assert_eq!((record.log_sequence_number(), record.vcn(), record.damage()), (0x1234, 8, None));
            let offsets: Vec<_> = record.entries().map(|entry| entry.unwrap().offset()).collect();
            let start = usize::try_from(first).unwrap() + 24;
            assert_eq!(offsets, [start, start + 24]);
            assert_eq!((record.node().slack(), record.node().slack_offset()), (&[0xEE; 16][..], start + 40));
        }
    }

    #[test]
    fn every_truncation_of_the_headers_is_damage() {
        let bytes = sample(40);
        for len in 0..40 {
            assert!(IndexRecord::parse(&bytes[..len]).is_err(), "{len} bytes");
        }
        assert!(IndexRecord::parse(&bytes[..40]).unwrap().damage().is_some());
    }

    #[test]
    fn signatures_are_told_apart() {
        let mut bytes = sample(40);
        bytes[..4].copy_from_slice(b"BAAD");
        let record = IndexRecord::parse(&bytes).unwrap();
        assert_eq!(record.damage(), Some(Damage::new(0, DamageKind::BaadRecord)));
        assert_eq!(record.entries().filter(Result::is_ok).count(), 2);
        bytes[..4].copy_from_slice(b"FILE");
        let damage = Damage::new(0, DamageKind::BadSignature { found: *b"FILE" });
        assert_eq!(IndexRecord::parse(&bytes).unwrap_err(), damage);
        assert_eq!(IndexRecord::parse(&[0; 4096]).unwrap_err(), Damage::new(0, DamageKind::BlankRecord));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(0_u8..120, 40..800)) {
            bytes[..4].copy_from_slice(b"INDX");
            let record = IndexRecord::parse(&bytes).unwrap();
            let node = record.node();
            prop_assert_eq!(node.slack_offset() + node.slack().len(), bytes.len());
            prop_assert!(record.entries().count() <= bytes.len() / 16);
        }
    }
}
