//! `$ATTRIBUTE_LIST`: which record holds which attribute of a file that needs several records.

use core::fmt;
use core::iter::FusedIterator;

use crate::base::damage::Damage;
use crate::base::le;
use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::structure::attribute_type::AttributeType;

/// The value of an `$ATTRIBUTE_LIST` attribute: entries one behind the other, sorted by type, name
/// and lowest VCN. It lists every attribute of the file except itself.
///
/// Reference: `ATTRIBUTE_LIST_ENTRY`, type 0x20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributeList<'a> {
    bytes: &'a [u8],
}

impl<'a> AttributeList<'a> {
    /// Views the value of the attribute.
    ///
    /// # Errors
    /// When the value is too short for a single entry.
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        match value.len() {
            0..AttributeListEntry::FIXED => {
                Err(Damage::too_short(0, "$ATTRIBUTE_LIST", AttributeListEntry::FIXED, value.len()))
            }
            _ => Ok(Self { bytes: value }),
        }
    }

    /// The entries in order.
    ///
    /// An entry whose length is impossible ends the list with its damage; one whose name is
    /// impossible is damage in its place, and the list goes on.
    #[must_use]
    pub fn entries(&self) -> AttributeListEntries<'a> {
        AttributeListEntries { bytes: self.bytes, offset: 0 }
    }
}

/// One entry: where a piece of an attribute is.
///
/// Layout: 0 attribute type (`u32`), 4 entry length (`u16`, a multiple of 8), 6 name length (code
/// units), 7 name offset, 8 lowest VCN (`u64`), 16 record (`u64`), 24 attribute id (`u16`), 26 name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AttributeListEntry<'a> {
    fixed: &'a [u8; 26],
    name: Name<'a>,
}

impl<'a> AttributeListEntry<'a> {
    const FIXED: usize = 26;

    /// Views the entry that fills `bytes`.
    fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let fixed = bytes
            .first_chunk::<26>()
            .ok_or_else(|| Damage::too_short(0, "attribute list entry", Self::FIXED, bytes.len()))?;
        let length = usize::from(le::u8_in::<6, 26>(fixed)).saturating_mul(2);
        let offset = usize::from(le::u8_in::<7, 26>(fixed));
        let name = match length {
            // Without a name the offset is undefined.
            0 => &[],
            _ if offset < Self::FIXED => {
                return Err(Damage::bad_value(7, "name offset of attribute list entry", offset));
            }
            _ => le::slice_at(bytes, offset, length)
                .ok_or_else(|| Damage::out_of_bounds("name of attribute list entry", offset, length, bytes.len()))?,
        };
        Ok(Self { fixed, name: Name::new(name) })
    }

    /// The type of the attribute.
    #[must_use]
    pub fn attribute_type(&self) -> AttributeType {
        AttributeType(le::u32_in::<0, 26>(self.fixed))
    }

    /// The name of the attribute, empty for most.
    #[must_use]
    pub fn name(&self) -> Name<'a> {
        self.name
    }

    /// The first virtual cluster of the piece; 0 for a resident attribute and for a first piece.
    #[must_use]
    pub fn lowest_vcn(&self) -> u64 {
        le::u64_in::<8, 26>(self.fixed)
    }

    /// The record that holds the piece, which may be the base record itself.
    #[must_use]
    pub fn reference(&self) -> FileReference {
        FileReference(le::u64_in::<16, 26>(self.fixed))
    }

    /// The id of the attribute in that record.
    #[must_use]
    #[doc(alias = "instance")]
    pub fn attribute_id(&self) -> u16 {
        le::u16_in::<24, 26>(self.fixed)
    }
}

impl fmt::Debug for AttributeListEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttributeListEntry")
            .field("attribute_type", &self.attribute_type())
            .field("name", &self.name)
            .field("lowest_vcn", &self.lowest_vcn())
            .field("reference", &self.reference())
            .field("attribute_id", &self.attribute_id())
            .finish()
    }
}

/// The entries of an [`AttributeList`].
#[derive(Debug, Clone)]
pub struct AttributeListEntries<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> AttributeListEntries<'a> {
    /// Takes the bytes of the next entry; damage here means that nothing behind it can be found.
    fn take(&mut self) -> Result<&'a [u8], Damage> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let available = rest.len();
        let fixed = rest
            .first_chunk::<26>()
            .ok_or_else(|| Damage::too_short(0, "attribute list entry", AttributeListEntry::FIXED, available))?;
        let length = usize::from(le::u16_in::<4, 26>(fixed));
        if length < AttributeListEntry::FIXED || !length.is_multiple_of(8) {
            return Err(Damage::bad_value(4, "length of attribute list entry", length));
        }
        let entry =
            rest.get(..length).ok_or_else(|| Damage::too_short(0, "attribute list entry", length, available))?;
        self.offset = self.offset.saturating_add(length);
        Ok(entry)
    }
}

impl<'a> Iterator for AttributeListEntries<'a> {
    type Item = Result<AttributeListEntry<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.bytes.len() {
            return None;
        }
        let start = u64::try_from(self.offset).unwrap_or(u64::MAX);
        let entry = self.take().inspect_err(|_| self.bytes = &[]);
        Some(entry.and_then(AttributeListEntry::parse).map_err(|damage| damage.within(None, start)))
    }
}

impl FusedIterator for AttributeListEntries<'_> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(attribute_type: u32, name: &str, lowest_vcn: u64, record: u64, id: u16) -> Vec<u8> {
        let units: Vec<u16> = name.encode_utf16().collect();
        let length = (26 + 2 * units.len()).next_multiple_of(8);
        let mut bytes = attribute_type.to_le_bytes().to_vec();
        bytes.extend_from_slice(&u16::try_from(length).unwrap().to_le_bytes());
        bytes.extend_from_slice(&[u8::try_from(units.len()).unwrap(), 26]);
        bytes.extend_from_slice(&lowest_vcn.to_le_bytes());
        bytes.extend_from_slice(&FileReference::new(record, 1).0.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
        bytes.extend(units.into_iter().flat_map(u16::to_le_bytes));
        bytes.resize(length, 0xEE);
        bytes
    }

    fn sample() -> Vec<u8> {
        [entry(0x10, "", 0, 40, 0), entry(0x80, "", 512, 41, 3), entry(0x80, "Zone.Identifier", 0, 42, 7)].concat()
    }

    #[test]
    fn entries_come_in_order_with_every_field() {
        let value = sample();
        let entries: Vec<_> = AttributeList::parse(&value).unwrap().entries().map(Result::unwrap).collect();
        assert_eq!(entries.len(), 3);
        assert_eq!((entries[1].attribute_type(), entries[1].lowest_vcn()), (AttributeType::DATA, 512));
        assert_eq!((entries[1].reference(), entries[1].attribute_id()), (FileReference::new(41, 1), 3));
        assert!(entries[0].name().is_empty() && entries[2].name().is("Zone.Identifier"));
    }

    #[test]
    fn a_cut_list_gives_the_entries_before_the_cut_and_its_damage() {
        // ntfs-3g shortens the value on deletion without moving the entries: the last one is cut.
        let value = sample();
        for len in 26..value.len() {
            let whole = usize::from(len >= 32) + usize::from(len >= 64);
            let items: Vec<_> = AttributeList::parse(&value[..len]).unwrap().entries().collect();
            assert_eq!(items.iter().filter(|item| item.is_ok()).count(), whole, "{len} bytes");
            let at_border = len == 32 || len == 64;
            assert_eq!(items.len(), whole + usize::from(!at_border), "{len} bytes");
        }
        let cut = AttributeList::parse(&value[..64 + 30]).unwrap().entries().last().unwrap();
        assert_eq!(cut.unwrap_err(), Damage::too_short(64, "attribute list entry", 56, 30));
    }

    #[test]
    fn an_impossible_length_ends_the_list() {
        for length in [0_u16, 8, 25, 33, 0xFFFF] {
            let mut value = sample();
            value[36..38].copy_from_slice(&length.to_le_bytes());
            let items: Vec<_> = AttributeList::parse(&value).unwrap().entries().collect();
            assert_eq!(items.len(), 2, "length {length}");
            let damage = Damage::bad_value(36, "length of attribute list entry", length);
            assert_eq!(items[1], Err(damage), "length {length}");
        }
        let mut value = sample();
        value[36..38].copy_from_slice(&0xFFF8_u16.to_le_bytes());
        let last = AttributeList::parse(&value).unwrap().entries().last().unwrap();
        assert_eq!(last, Err(Damage::too_short(32, "attribute list entry", 0xFFF8, 88)));
    }

    #[test]
    fn an_impossible_name_costs_its_own_entry_only() {
        for (offset, length) in [(25, 1), (26, 4), (255, 1)] {
            let mut value = sample();
            value[38..40].copy_from_slice(&[length, offset]);
            let items: Vec<_> = AttributeList::parse(&value).unwrap().entries().collect();
            assert_eq!(items.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        }
        let mut value = sample();
        value[39] = 0;
        assert!(AttributeList::parse(&value).unwrap().entries().all(|item| item.is_ok()), "no name, any offset");
    }

    #[test]
    fn a_list_without_room_for_an_entry_is_damage() {
        assert_eq!(AttributeList::parse(&[]).unwrap_err(), Damage::too_short(0, "$ATTRIBUTE_LIST", 26, 0));
        assert!(AttributeList::parse(&[0; 25]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_always_end(value in proptest::collection::vec(0_u8..64, 26..2000)) {
            let list = AttributeList::parse(&value).unwrap();
            prop_assert!(list.entries().count() <= value.len() / 26 + 1);
            for damage in list.entries().filter_map(Result::err) {
                prop_assert!(damage.place.offset <= value.len() as u64 + 255);
            }
        }
    }
}
