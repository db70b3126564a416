//! The container in which cloud files and deduplicated files say where their content is.

use crate::base::damage::Damage;
use crate::base::le;

/// The data of a cloud or deduplication reparse point: a table of typed elements.
///
/// Layout: 0 flags and revision, 2 size (`u16` each), 4 magic `FeRp` or `BtRp`, 8 CRC-32, 12 size
/// from the magic (`u32` each), 16 flags, 18 element count (`u16` each), 20 elements of 8 bytes: type,
/// length (`u16` each), offset from the magic (`u32`).
///
/// Reference: none published; layout from observed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReparseContainer<'a> {
    fixed: &'a [u8; 20],
    bytes: &'a [u8],
}

/// One element of a [`ReparseContainer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReparseElement<'a> {
    /// What the data is.
    pub element_type: ReparseElementType,
    /// The data as stored.
    pub data: &'a [u8],
}

/// What an element holds: an open set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReparseElementType(pub u16);

impl ReparseElementType {
    /// A `u64`; in a deduplicated file its size is one of these.
    pub const U64: Self = Self(0x06);
    /// A byte.
    pub const BYTE: Self = Self(0x07);
    /// A `u32`.
    pub const U32: Self = Self(0x0A);
    /// Probably a FILETIME.
    pub const TIME: Self = Self(0x0B);
    /// A GUID; in a deduplicated file the chunk store's.
    pub const GUID: Self = Self(0x0C);
    /// A structure of its own.
    pub const NESTED: Self = Self(0x0D);
    /// A bitmap.
    pub const BITMAP: Self = Self(0x11);
}

impl<'a> ReparseContainer<'a> {
    const MAGIC_OFFSET: usize = 4;
    const TABLE: usize = 20;
    const ELEMENT: usize = 8;
    const COMPRESSED: u16 = 0x8000;
    const CRC_VALID: u16 = 2;

    /// Views the data; `None` when it is no such container.
    pub(crate) fn parse(data: &'a [u8]) -> Result<Option<Self>, Damage> {
        let fixed =
            data.first_chunk().ok_or_else(|| Damage::too_short(0, "reparse container", Self::TABLE, data.len()))?;
        let known = matches!(&le::array_in::<4, 4, 20>(fixed), b"FeRp" | b"BtRp");
        let compressed = le::u16_in::<0, 20>(fixed) & Self::COMPRESSED != 0;
        Ok((known || compressed).then_some(Self { fixed, bytes: data }))
    }

    /// True when everything behind byte 4 is compressed, so that there are no elements to see.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        le::u16_in::<0, 20>(self.fixed) & Self::COMPRESSED != 0
    }

    /// The container's bytes as stored.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The CRC-32 as stored, if the container says that it is valid.
    #[must_use]
    pub fn crc(&self) -> Option<u32> {
        let valid = le::u16_in::<16, 20>(self.fixed) & Self::CRC_VALID != 0 && !self.is_compressed();
        valid.then_some(le::u32_in::<8, 20>(self.fixed))
    }

    /// The elements in order; offsets of damage count from the start of the container.
    ///
    /// An element outside the container is damage in its place; a table that runs out of bytes ends
    /// with damage.
    pub fn elements(&self) -> impl Iterator<Item = Result<ReparseElement<'a>, Damage>> + 'a {
        let claimed = if self.is_compressed() { 0 } else { usize::from(le::u16_in::<18, 20>(self.fixed)) };
        let (bytes, (table, _)) = (self.bytes, self.bytes.get(Self::TABLE..).unwrap_or_default().as_chunks());
        let needed = claimed.saturating_mul(Self::ELEMENT).saturating_add(Self::TABLE);
        let cut = (table.len() < claimed)
            .then(|| Err(Damage::too_short(0, "elements of reparse container", needed, bytes.len())));
        table.iter().take(claimed).map(move |slot| element(bytes, slot)).chain(cut)
    }
}

/// The element that `slot` of the table describes.
fn element<'a>(bytes: &'a [u8], slot: &[u8; 8]) -> Result<ReparseElement<'a>, Damage> {
    let length = usize::from(le::u16_in::<2, 8>(slot));
    let from_magic = usize::try_from(le::u32_in::<4, 8>(slot)).unwrap_or(usize::MAX);
    let offset = from_magic.saturating_add(ReparseContainer::MAGIC_OFFSET);
    let data = le::slice_at(bytes, offset, length)
        .ok_or_else(|| Damage::out_of_bounds("element of reparse container", offset, length, bytes.len()))?;
    Ok(ReparseElement { element_type: ReparseElementType(le::u16_in::<0, 8>(slot)), data })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn container(flags: u16, elements: &[(u16, u16, u32)], rest: &[u8]) -> Vec<u8> {
        let mut bytes = [flags, 0].map(u16::to_le_bytes).concat();
        bytes.extend_from_slice(b"FeRp");
        bytes.extend_from_slice(&[0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 2, 0]);
        bytes.extend_from_slice(&u16::try_from(elements.len()).unwrap().to_le_bytes());
        for (element_type, length, offset) in elements {
            bytes.extend_from_slice(&element_type.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn a_table_may_end_with_the_container() {
        let mut bytes = container(0, &[(1, 0, 0)], &[]);
        assert_eq!(ReparseContainer::parse(&bytes).unwrap().unwrap().elements().count(), 1);
        bytes.pop();
        let cut = ReparseContainer::parse(&bytes).unwrap().unwrap().elements().last().unwrap();
        assert_eq!(cut.unwrap_err().kind.code(), "too-short");
    }

    #[test]
    fn a_checksum_counts_only_where_the_container_says_so() {
        let crc = |flags: u16, valid: u16| {
            let mut bytes = container(flags, &[], &[]);
            bytes[16..18].copy_from_slice(&valid.to_le_bytes());
            let view = ReparseContainer::parse(&bytes).unwrap().unwrap();
            assert_eq!(view.bytes(), bytes);
            view.crc()
        };
        assert_eq!((crc(0, 2), crc(0, 3), crc(0, 1), crc(0, 0)), (Some(0x1234_5678), Some(0x1234_5678), None, None));
        assert_eq!(crc(0x8000, 2), None);
    }

    #[test]
    fn elements_lie_where_their_offsets_from_the_magic_say() {
        // Two elements: the table ends at 36, that is 32 behind the magic.
        let bytes = container(1, &[(7, 1, 32), (6, 8, 33)], &[9, 1, 2, 3, 4, 5, 6, 7, 8]);
        let container = ReparseContainer::parse(&bytes).unwrap().unwrap();
        let elements: Vec<_> = container.elements().map(Result::unwrap).collect();
        assert_eq!(elements[0], ReparseElement { element_type: ReparseElementType::BYTE, data: &[9] });
        assert_eq!(
            elements[1],
            ReparseElement { element_type: ReparseElementType::U64, data: &[1, 2, 3, 4, 5, 6, 7, 8] }
        );
        assert_eq!((container.crc(), container.is_compressed()), (Some(0x1234_5678), false));
    }

    #[test]
    fn elements_outside_cost_only_themselves() {
        let bytes = container(1, &[(7, 1, u32::MAX), (7, 1, 32)], &[9]);
        let elements: Vec<_> = ReparseContainer::parse(&bytes).unwrap().unwrap().elements().collect();
        assert!(elements[0].is_err());
        assert_eq!(elements[1].unwrap().data, [9]);
    }

    #[test]
    fn a_table_longer_than_the_data_ends_with_damage() {
        let mut bytes = container(1, &[(7, 1, 24)], &[9]);
        bytes[18..20].copy_from_slice(&u16::MAX.to_le_bytes());
        let elements: Vec<_> = ReparseContainer::parse(&bytes).unwrap().unwrap().elements().collect();
        assert_eq!(elements.len(), 2);
        assert_eq!(elements[0].unwrap().data, [9]);
        assert!(elements[1].is_err());
        for len in 0..20 {
            assert!(ReparseContainer::parse(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn compressed_containers_show_no_elements_and_others_are_not_containers() {
        let bytes = container(0x8001, &[(7, 1, 24)], &[9]);
        let packed = ReparseContainer::parse(&bytes).unwrap().unwrap();
        assert_eq!((packed.is_compressed(), packed.elements().count(), packed.crc()), (true, 0, None));
        assert_eq!(ReparseContainer::parse(&[0; 40]), Ok(None));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 20..300)) {
            bytes[1] = 0;
            bytes[4..8].copy_from_slice(b"BtRp");
            let container = ReparseContainer::parse(&bytes).unwrap().unwrap();
            prop_assert!(container.elements().count() <= bytes.len() / 8 + 1);
        }
    }
}
