//! Entries of an index node: a directory's names, or the keys of a view.

use core::iter::FusedIterator;

use bitflags::bitflags;

use crate::base::damage::Damage;
use crate::base::le;
use crate::base::reference::FileReference;

use super::value::file_name::FileName;

bitflags! {
    /// What an index entry is. Bits without a name here are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct IndexEntryFlags: u16 {
        /// Smaller keys stand in a node below; its VCN ends the entry.
        const HAS_CHILD = 0x1;
        /// Ends the node and holds no key.
        const LAST = 0x2;
    }
}

/// One entry of an index node.
///
/// Layout: 0 file reference (`u64`; in a view: data offset and data length, `u16` each), 8 entry
/// length (`u16`, a multiple of 8), 10 key length (`u16`), 12 flags (`u16`), 16 key; the last 8
/// bytes are the child's VCN, if there is a child.
///
/// Reference: `INDEX_ENTRY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "INDEX_ENTRY")]
pub struct IndexEntry<'a> {
    fixed: &'a [u8; 16],
    bytes: &'a [u8],
    key: &'a [u8],
    offset: usize,
}

impl<'a> IndexEntry<'a> {
    const FIXED: usize = 16;
    const CHILD: usize = 8;

    /// Views the entry that fills `bytes`, at `offset` of the value around it.
    fn parse(bytes: &'a [u8], offset: usize) -> Result<Self, Damage> {
        let fixed =
            bytes.first_chunk().ok_or_else(|| Damage::too_short(offset, "index entry", Self::FIXED, bytes.len()))?;
        let mut entry = Self { fixed, bytes, key: &[], offset };
        // The last entry's key length may be left over from the entry that stood there before.
        if !entry.is_last() {
            let length = usize::from(le::u16_in::<10, 16>(fixed));
            entry.key = le::slice_at(entry.body(), Self::FIXED, length).ok_or_else(|| {
                let damage = Damage::out_of_bounds("key of index entry", Self::FIXED, length, entry.body().len());
                entry.shift(damage)
            })?;
        }
        Ok(entry)
    }

    /// Where the entry starts, in bytes from the start of the index root's value or index record.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// All bytes of the entry, its header and padding included.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> IndexEntryFlags {
        IndexEntryFlags::from_bits_retain(le::u16_in::<12, 16>(self.fixed))
    }

    /// True for the entry that ends a node and holds no key.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.flags().contains(IndexEntryFlags::LAST)
    }

    /// Where the node with smaller keys is, if there is one: in clusters, or in 512-byte units when
    /// an index record is smaller than a cluster.
    #[must_use]
    pub fn child_vcn(&self) -> Option<u64> {
        let has_child = self.flags().contains(IndexEntryFlags::HAS_CHILD);
        self.bytes.last_chunk().filter(|_| has_child).map(|vcn| u64::from_le_bytes(*vcn))
    }

    /// The key, empty in the last entry.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The file a directory's entry names. Views keep other things in these bytes.
    #[must_use]
    pub fn file_reference(&self) -> FileReference {
        FileReference(le::u64_in::<0, 16>(self.fixed))
    }

    /// The key as a directory's entry has it.
    ///
    /// # Errors
    /// When the key is no `$FILE_NAME`, which it never is in a last entry.
    pub fn file_name(&self) -> Result<FileName<'a>, Damage> {
        FileName::parse(self.key).map_err(|damage| self.in_key(damage))
    }

    /// The key, if it is the name of a file: its length says exactly what its name needs.
    #[must_use]
    pub(crate) fn directory_name(&self) -> Option<FileName<'a>> {
        let name = self.file_name().ok()?;
        let is_exact = self.key.len() == name.name().bytes().len().saturating_add(66);
        let means_something = !name.parent().is_zero() && !self.file_reference().is_zero();
        (is_exact && name.namespace().0 <= 3 && means_something).then_some(name)
    }

    /// The data as a view's entry has it, empty in many views and in the last entry.
    ///
    /// # Errors
    /// When the data does not lie inside the entry, behind its header.
    pub fn data(&self) -> Result<&'a [u8], Damage> {
        let (offset, length) =
            (usize::from(le::u16_in::<0, 16>(self.fixed)), usize::from(le::u16_in::<2, 16>(self.fixed)));
        if self.is_last() || length == 0 {
            return Ok(&[]);
        }
        let data = le::slice_at(self.body(), offset, length).filter(|_| offset >= Self::FIXED);
        data.ok_or_else(|| self.shift(Damage::out_of_bounds("data of index entry", offset, length, self.body().len())))
    }

    /// Damage in the key, seen from the value around the entry.
    pub(crate) fn in_key(&self, damage: Damage) -> Damage {
        self.shift(damage.within(None, 16))
    }

    /// Damage in the data, seen from the value around the entry.
    pub(crate) fn in_data(&self, damage: Damage) -> Damage {
        self.shift(damage.within(None, u64::from(le::u16_in::<0, 16>(self.fixed))))
    }

    fn shift(&self, damage: Damage) -> Damage {
        damage.within(None, u64::try_from(self.offset).unwrap_or(u64::MAX))
    }

    /// The entry without its child's VCN.
    fn body(&self) -> &'a [u8] {
        let child = if self.flags().contains(IndexEntryFlags::HAS_CHILD) { Self::CHILD } else { 0 };
        self.bytes.get(..self.bytes.len().saturating_sub(child)).unwrap_or_default()
    }
}

/// The entries of a node, the last one included.
///
/// An entry whose length is impossible ends the node with its damage, as does a missing last entry;
/// an entry whose key lies outside it is damage in its place, and the node goes on. Used bytes behind
/// the last entry are damage after it: one wrong bit makes any entry the last.
#[derive(Debug, Clone)]
pub struct IndexEntries<'a> {
    bytes: &'a [u8],
    offset: usize,
    walk: Walk,
}

/// How far the walk over a node has come.
#[derive(Debug, Clone, Copy)]
enum Walk {
    Entries,
    BehindLast,
    Done,
}

impl<'a> IndexEntries<'a> {
    /// The entries at the start of `bytes`, which stand at `offset` of the value around them.
    pub(crate) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset, walk: Walk::Entries }
    }

    /// Where the next entry starts, in bytes from the start of the index root's value or index
    /// record. At the end: where the walk stopped.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    fn entry(&mut self) -> Result<IndexEntry<'a>, Damage> {
        let start = self.offset;
        let bytes = self.take().inspect_err(|_| self.walk = Walk::Done)?;
        let entry = IndexEntry::parse(bytes, start)?;
        if entry.is_last() {
            self.walk = Walk::BehindLast;
        }
        Ok(entry)
    }

    /// The next entry's bytes; damage here means that nothing behind it can be found.
    fn take(&mut self) -> Result<&'a [u8], Damage> {
        let available = self.bytes.len();
        let too_short = |needed| Damage::too_short(self.offset, "index entry", needed, available);
        let fixed = self.bytes.first_chunk::<16>().ok_or_else(|| too_short(IndexEntry::FIXED))?;
        let length = usize::from(le::u16_in::<8, 16>(fixed));
        let has_child = le::u16_in::<12, 16>(fixed) & IndexEntryFlags::HAS_CHILD.bits() != 0;
        let least = if has_child { IndexEntry::FIXED + IndexEntry::CHILD } else { IndexEntry::FIXED };
        if length < least || !length.is_multiple_of(8) {
            return Err(Damage::bad_value(self.offset.saturating_add(8), "length of index entry", length));
        }
        let (entry, rest) = self.bytes.split_at_checked(length).ok_or_else(|| too_short(length))?;
        self.bytes = rest;
        self.offset = self.offset.saturating_add(length);
        Ok(entry)
    }
}

impl<'a> Iterator for IndexEntries<'a> {
    type Item = Result<IndexEntry<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.walk {
            Walk::Entries => Some(self.entry()),
            Walk::BehindLast => {
                self.walk = Walk::Done;
                let damage =
                    Damage::bad_value(self.offset, "number of bytes behind the last index entry", self.bytes.len());
                (!self.bytes.is_empty()).then_some(Err(damage))
            }
            Walk::Done => None,
        }
    }
}

impl FusedIterator for IndexEntries<'_> {}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An entry as it lies on disk: `head` is the reference, or a view's data offset and length.
    pub(crate) fn entry(head: u64, key: &[u8], data: &[u8], flags: u16, child: Option<u64>) -> Vec<u8> {
        let length = (16 + key.len() + data.len()).next_multiple_of(8) + if child.is_some() { 8 } else { 0 };
        let mut bytes = head.to_le_bytes().to_vec();
        for field in [u16::try_from(length).unwrap(), u16::try_from(key.len()).unwrap(), flags, 0] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(data);
        bytes.resize(length - if child.is_some() { 8 } else { 0 }, 0);
        bytes.extend(child.into_iter().flat_map(u64::to_le_bytes));
        bytes
    }

    /// A view's entry with its data behind the key.
    pub(crate) fn view_entry(key: &[u8], data: &[u8]) -> Vec<u8> {
        entry(u64::try_from((16 + key.len()) | data.len() << 16).unwrap(), key, data, 0, None)
    }

    fn items(bytes: &[u8]) -> Vec<Result<IndexEntry<'_>, Damage>> {
        IndexEntries::new(bytes, 0x40).collect()
    }

    #[test]
    fn data_of_length_zero_may_be_anywhere() {
        // Views without data leave any offset, and the last entry has no data whatever it says.
        let nowhere = entry(0xFFF8, &[1; 8], &[], 0, None);
        assert_eq!(items(&nowhere)[0].unwrap().data(), Ok(&[][..]));
        let last = entry(0x8_FFF8, &[], &[], 2, None);
        assert_eq!(items(&last)[0].unwrap().data(), Ok(&[][..]));
    }

    #[test]
    fn the_walk_stands_behind_what_it_has_read() {
        let bytes = [view_entry(&[1; 8], &[]), entry(0, &[], &[], 2, None)].concat();
        let mut walk = IndexEntries::new(&bytes, 0x40);
        assert_eq!(walk.offset(), 0x40);
        walk.next();
        assert_eq!(walk.offset(), 0x40 + 24);
    }

    #[test]
    fn keys_data_and_children_are_told_apart() {
        let bytes = [
            view_entry(&[1, 2, 3, 4], &[5, 6, 7]),
            entry(0x0002_0000_0000_0030, &[9; 70], &[], 1, Some(7)),
            entry(0, &[], &[], 3, Some(8)),
        ]
        .concat();
        let items: Vec<_> = items(&bytes).into_iter().map(Result::unwrap).collect();
        assert_eq!((items[0].key(), items[0].data().unwrap()), (&[1, 2, 3, 4][..], &[5, 6, 7][..]));
        assert_eq!((items[0].child_vcn(), items[1].child_vcn(), items[2].child_vcn()), (None, Some(7), Some(8)));
        assert_eq!(items[1].file_reference(), FileReference::new(0x30, 2));
        assert_eq!(items.iter().map(IndexEntry::offset).collect::<Vec<_>>(), [0x40, 0x58, 0xB8]);
        assert!(items[2].is_last() && items.len() == 3);
    }

    #[test]
    fn a_stale_key_length_in_the_last_entry_is_no_key() {
        let mut bytes = entry(0, &[], &[], 2, None);
        bytes[10] = 82;
        let items = items(&bytes);
        assert_eq!(items.len(), 1);
        assert!(items[0].unwrap().key().is_empty());
    }

    #[test]
    fn entries_behind_the_last_one_are_not_passed_over_in_silence() {
        let bytes = [entry(0, &[], &[], 2, None), view_entry(&[1; 8], &[])].concat();
        let items = items(&bytes);
        assert!(items[0].unwrap().is_last());
        let damage = Damage::bad_value(0x50, "number of bytes behind the last index entry", 24_u64);
        assert_eq!(items[1..], [Err(damage)]);
    }

    #[test]
    fn an_impossible_length_ends_the_node() {
        for length in [0_u16, 8, 15, 17, 20] {
            let mut bytes = [view_entry(&[1; 8], &[]), view_entry(&[2; 8], &[]), entry(0, &[], &[], 2, None)].concat();
            bytes[32..34].copy_from_slice(&length.to_le_bytes());
            let items = items(&bytes);
            assert_eq!(items.len(), 2);
            assert_eq!(items[1], Err(Damage::bad_value(0x40 + 32, "length of index entry", length)));
        }
        let mut childless = entry(0, &[], &[], 2, None);
        childless[12] = 3;
        assert_eq!(items(&childless), [Err(Damage::bad_value(0x48, "length of index entry", 16_u64))]);
    }

    #[test]
    fn every_truncation_gives_the_entries_before_it_and_damage() {
        let bytes = [view_entry(&[1; 8], &[]), view_entry(&[2; 8], &[]), entry(0, &[], &[], 2, None)].concat();
        for len in 0..bytes.len() {
            let items = items(&bytes[..len]);
            assert_eq!(items.len(), len / 24 + 1, "{len} bytes");
            assert_eq!(items.iter().filter(|item| item.is_err()).count(), 1);
            assert!(items.last().unwrap().is_err());
        }
        assert_eq!(items(&[]), [Err(Damage::too_short(0x40, "index entry", 16, 0))]);
    }

    #[test]
    fn a_key_that_runs_into_the_child_costs_its_own_entry_only() {
        let mut bytes = [entry(0, &[1; 8], &[], 1, Some(7)), entry(0, &[], &[], 2, None)].concat();
        bytes[10] = 9;
        let items = items(&bytes);
        assert_eq!(items[0], Err(Damage::out_of_bounds("key of index entry", 16, 9, 24).within(None, 0x40)));
        assert!(items[1].unwrap().is_last());
    }

    #[test]
    fn data_outside_the_entry_is_damage() {
        for (offset, length) in [(8_u16, 4_u16), (24, 1), (0xFFFF, 0xFFFF)] {
            let mut bytes = view_entry(&[1; 4], &[2; 4]);
            bytes[0..2].copy_from_slice(&offset.to_le_bytes());
            bytes[2..4].copy_from_slice(&length.to_le_bytes());
            let damage = items(&bytes)[0].unwrap().data().unwrap_err();
            assert_eq!(damage.place.offset, 0x40 + u64::from(offset));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_always_end(bytes in proptest::collection::vec(0_u8..40, 0..2000)) {
            let items = items(&bytes);
            prop_assert!(items.len() <= bytes.len() / 16 + 1);
            for entry in items.into_iter().flatten() {
                let _ = (entry.file_name(), entry.data(), entry.child_vcn());
                prop_assert!(entry.key().len() + 16 <= entry.bytes().len());
            }
        }
    }
}
