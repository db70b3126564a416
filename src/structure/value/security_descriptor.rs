//! `$SECURITY_DESCRIPTOR`: owner, group and access control lists.

use bitflags::bitflags;

use crate::base::damage::Damage;
use crate::base::le;
use crate::base::sid::Sid;

use super::access_control_list::AccessControlList;

/// A self-relative security descriptor: the value of a `$SECURITY_DESCRIPTOR` attribute, or of an
/// entry of `$SDS`.
///
/// Layout: 0 revision, 2 control (`u16`), 4 owner, 8 group, 12 system list, 16 discretionary list
/// (offsets, `u32` each, 0 for absent).
///
/// Each part is checked when it is asked for: a bad owner does not cost the lists.
///
/// Reference: \[MS-DTYP\] 2.4.6; type 0x50.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityDescriptor<'a> {
    fixed: &'a [u8; 20],
    bytes: &'a [u8],
}

bitflags! {
    /// The control bits of a security descriptor. Bits without a name here are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct SecurityControl: u16 {
        /// The owner was filled in by default.
        const OWNER_DEFAULTED = 0x0001;
        /// The group was filled in by default.
        const GROUP_DEFAULTED = 0x0002;
        /// There is a discretionary list, maybe the null list.
        const DACL_PRESENT = 0x0004;
        /// The discretionary list was filled in by default.
        const DACL_DEFAULTED = 0x0008;
        /// There is a system list, maybe the null list.
        const SACL_PRESENT = 0x0010;
        /// The system list was filled in by default.
        const SACL_DEFAULTED = 0x0020;
        /// The discretionary list is to be passed on to children.
        const DACL_AUTO_INHERIT_REQUESTED = 0x0100;
        /// The system list is to be passed on to children.
        const SACL_AUTO_INHERIT_REQUESTED = 0x0200;
        /// The discretionary list was made by inheritance.
        const DACL_AUTO_INHERITED = 0x0400;
        /// The system list was made by inheritance.
        const SACL_AUTO_INHERITED = 0x0800;
        /// The discretionary list inherits nothing.
        const DACL_PROTECTED = 0x1000;
        /// The system list inherits nothing.
        const SACL_PROTECTED = 0x2000;
        /// The second byte belongs to a resource manager.
        const RESOURCE_MANAGER_CONTROL_VALID = 0x4000;
        /// Parts are found by offset: always so on disk.
        const SELF_RELATIVE = 0x8000;
    }
}

impl<'a> SecurityDescriptor<'a> {
    /// Views the value of the attribute.
    ///
    /// # Errors
    /// When the value has less than the header's 20 bytes.
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let fixed = value.first_chunk().ok_or_else(|| Damage::too_short(0, "$SECURITY_DESCRIPTOR", 20, value.len()))?;
        Ok(Self { fixed, bytes: value })
    }

    /// The revision: 1.
    #[must_use]
    pub fn revision(&self) -> u8 {
        le::u8_in::<0, 20>(self.fixed)
    }

    /// The control bits.
    #[must_use]
    pub fn control(&self) -> SecurityControl {
        SecurityControl::from_bits_retain(le::u16_in::<2, 20>(self.fixed))
    }

    /// The owner, if there is one.
    ///
    /// # Errors
    /// When there is no SID at the owner's offset.
    pub fn owner(&self) -> Result<Option<Sid<'a>>, Damage> {
        self.sid("owner", le::u32_in::<4, 20>(self.fixed))
    }

    /// The primary group, if there is one.
    ///
    /// # Errors
    /// When there is no SID at the group's offset.
    pub fn group(&self) -> Result<Option<Sid<'a>>, Damage> {
        self.sid("group", le::u32_in::<8, 20>(self.fixed))
    }

    /// The system list: what is audited, and the integrity label. `None` when absent or null.
    ///
    /// # Errors
    /// When there is no list at its offset.
    #[doc(alias = "SACL")]
    pub fn system_list(&self) -> Result<Option<AccessControlList<'a>>, Damage> {
        self.list(SecurityControl::SACL_PRESENT, le::u32_in::<12, 20>(self.fixed))
    }

    /// The discretionary list: who may do what. `None` when absent or null; see
    /// [`allows_everyone`](Self::allows_everyone).
    ///
    /// # Errors
    /// When there is no list at its offset.
    #[doc(alias = "DACL")]
    pub fn discretionary_list(&self) -> Result<Option<AccessControlList<'a>>, Damage> {
        self.list(SecurityControl::DACL_PRESENT, le::u32_in::<16, 20>(self.fixed))
    }

    /// True when the discretionary list is absent or null, which allows everyone everything. An
    /// empty list in contrast allows nothing.
    #[must_use]
    pub fn allows_everyone(&self) -> bool {
        !self.control().contains(SecurityControl::DACL_PRESENT) || le::u32_in::<16, 20>(self.fixed) == 0
    }

    fn sid(&self, what: &'static str, offset: u32) -> Result<Option<Sid<'a>>, Damage> {
        if offset == 0 {
            return Ok(None);
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.bytes.get(start..).ok_or_else(|| Damage::out_of_bounds(what, start, 8, self.bytes.len()))?;
        Sid::parse(bytes).map(Some).map_err(|damage| damage.within(None, u64::from(offset)))
    }

    fn list(&self, present: SecurityControl, offset: u32) -> Result<Option<AccessControlList<'a>>, Damage> {
        if offset == 0 || !self.control().contains(present) {
            return Ok(None);
        }
        AccessControlList::parse_at(self.bytes, usize::try_from(offset).unwrap_or(usize::MAX)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::access_control_list::{AccessControlFlags, AccessControlType};
    use super::*;
    use crate::base::guid::Guid;

    const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
    const SYSTEM: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];

    fn entry(entry_type: u8, flags: u8, body: &[&[u8]]) -> Vec<u8> {
        let body = body.concat();
        let size = u16::try_from(body.len() + 4).unwrap().to_le_bytes();
        [&[entry_type, flags, size[0], size[1]][..], &body].concat()
    }

    fn list(count: u16, entries: &[Vec<u8>]) -> Vec<u8> {
        let entries = entries.concat();
        let size = u16::try_from(entries.len() + 8).unwrap().to_le_bytes();
        [&[2, 0, size[0], size[1]], &count.to_le_bytes()[..], &[0, 0], &entries].concat()
    }

    /// Header, then the discretionary list at 20, then owner and group.
    fn descriptor(control: u16, list: &[u8]) -> Vec<u8> {
        let owner = u32::try_from(20 + list.len()).unwrap();
        let mut bytes = vec![1, 0];
        bytes.extend_from_slice(&control.to_le_bytes());
        for offset in [owner, owner + 16, 0, 20] {
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        [&bytes, list, &ADMINISTRATORS, &SYSTEM].concat()
    }

    #[test]
    fn an_entry_may_be_its_header_alone() {
        for (size, is_entry) in [(4, true), (3, false), (5, false)] {
            let list = [2, 0, 12, 0, 1, 0, 0, 0, 0x99, 0, size, 0];
            let list = AccessControlList::parse_at(&list, 0).unwrap();
            assert_eq!(list.entries().next().unwrap().is_ok(), is_entry, "{size}");
        }
    }

    #[test]
    fn the_system_list_is_where_the_header_says() {
        let audit = list(1, &[entry(2, 0x40, &[&[1, 0, 0, 0], &SYSTEM])]);
        let mut bytes = descriptor(0x8014, &audit);
        bytes[0] = 9;
        bytes.copy_within(16..20, 12);
        let view = SecurityDescriptor::parse(&bytes).unwrap();
        assert_eq!(view.revision(), 9);
        assert_eq!(view.system_list().unwrap().unwrap().count(), 1);
    }

    #[test]
    fn owner_group_and_entries_are_found() {
        let mask = 0x0012_019F_u32.to_le_bytes();
        let guid = [7; 16];
        let object = entry(5, 0, &[&mask, &2_u32.to_le_bytes(), &guid, &SYSTEM]);
        let bytes = descriptor(
            0x8004,
            &list(
                4,
                &[
                    entry(0, 0x13, &[&mask, &ADMINISTRATORS]),
                    object,
                    entry(9, 0, &[&mask, &SYSTEM, b"artx"]),
                    entry(0x63, 0, &[b"????"]),
                ],
            ),
        );
        let descriptor = SecurityDescriptor::parse(&bytes).unwrap();
        assert_eq!(descriptor.owner().unwrap().unwrap().to_string(), "S-1-5-32-544");
        assert_eq!(descriptor.group().unwrap().unwrap().to_string(), "S-1-5-18");
        assert_eq!((descriptor.system_list(), descriptor.allows_everyone()), (Ok(None), false));
        let list = descriptor.discretionary_list().unwrap().unwrap();
        assert_eq!((list.revision(), list.count(), list.damage()), (2, 4, None));
        let entries: Vec<_> = list.entries().map(Result::unwrap).collect();
        let access: Vec<_> = entries.iter().map(|entry| entry.access().unwrap()).collect();
        assert_eq!(entries[0].entry_type(), AccessControlType::ALLOWED);
        assert!(entries[0].flags().contains(AccessControlFlags::INHERITED | AccessControlFlags::OBJECT_INHERIT));
        assert_eq!(access[0].unwrap().mask, 0x0012_019F);
        let object = access[1].unwrap();
        assert_eq!((object.object_type, object.inherited_object_type), (None, Some(Guid(guid))));
        assert_eq!(object.sid.to_string(), "S-1-5-18");
        assert_eq!(access[2].unwrap().application_data, b"artx");
        assert_eq!((access[3], entries[3].bytes().len()), (None, 8));
    }

    #[test]
    fn null_and_empty_lists_mean_opposites() {
        let mut null = descriptor(0x8004, &[]);
        null[16..20].fill(0);
        let descriptor_with_null = SecurityDescriptor::parse(&null).unwrap();
        assert_eq!(descriptor_with_null.discretionary_list(), Ok(None));
        assert!(descriptor_with_null.allows_everyone());
        let empty = descriptor(0x8004, &list(0, &[]));
        let descriptor_with_empty = SecurityDescriptor::parse(&empty).unwrap();
        assert_eq!(descriptor_with_empty.discretionary_list().unwrap().unwrap().entries().count(), 0);
        assert!(!descriptor_with_empty.allows_everyone());
    }

    #[test]
    fn every_truncation_is_damage_somewhere() {
        let whole = descriptor(0x8004, &list(1, &[entry(0, 0, &[&[0; 4], &SYSTEM])]));
        for len in 0..whole.len() {
            let Ok(descriptor) = SecurityDescriptor::parse(&whole[..len]) else {
                assert!(len < 20);
                continue;
            };
            let list = descriptor.discretionary_list();
            let entries_good = list.is_ok_and(|list| list.unwrap().entries().all(|entry| entry.is_ok()));
            assert_eq!(entries_good, len >= 48, "{len} bytes");
            assert_eq!((descriptor.owner().is_ok(), descriptor.group().is_ok()), (len >= 64, false), "{len} bytes");
        }
    }

    #[test]
    fn a_lying_list_is_bounded_by_its_size_and_by_the_bytes() {
        let one = entry(0, 0, &[&[0; 4], &SYSTEM]);
        // Sizes: 0, below the header's, beyond the descriptor; counts: 65535.
        for (size, good) in [(0_u16, 0), (7, 0), (8, 0), (28, 1), (u16::MAX, 1)] {
            let mut bytes = descriptor(0x8004, &list(u16::MAX, std::slice::from_ref(&one)));
            bytes[22..24].copy_from_slice(&size.to_le_bytes());
            let list = SecurityDescriptor::parse(&bytes).unwrap().discretionary_list().unwrap().unwrap();
            assert_eq!(list.damage().is_some(), size < 8 || size == u16::MAX, "size {size}");
            let entries: Vec<_> = list.entries().take(1000).collect();
            assert!(entries.len() < 20 && entries.last().unwrap().is_err(), "size {size}");
            assert!(entries.iter().filter(|entry| entry.is_ok()).count() >= good);
        }
        for size in [0_u16, 3] {
            let mut bytes = descriptor(0x8004, &list(1, std::slice::from_ref(&one)));
            bytes[30..32].copy_from_slice(&size.to_le_bytes());
            let list = SecurityDescriptor::parse(&bytes).unwrap().discretionary_list().unwrap().unwrap();
            let damage = Damage::bad_value(30, "size of access control entry", size);
            assert_eq!(list.entries().collect::<Vec<_>>(), [Err(damage)]);
        }
    }

    #[test]
    fn wild_offsets_are_damage_of_their_part_only() {
        let mut bytes = descriptor(0x8004, &list(0, &[]));
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        let descriptor = SecurityDescriptor::parse(&bytes).unwrap();
        assert_eq!(descriptor.owner().unwrap_err().place.offset, u64::from(u32::MAX));
        assert!(descriptor.group().unwrap().is_some() && descriptor.discretionary_list().unwrap().is_some());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut value in proptest::collection::vec(0_u8..64, 0..300)) {
            if let Some(control) = value.get_mut(2..4) {
                control.copy_from_slice(&[0x14, 0x80]);
            }
            for high in [5, 6, 7, 13, 14, 15, 17, 18, 19] {
                if let Some(byte) = value.get_mut(high) {
                    *byte = 0;
                }
            }
            if let Ok(descriptor) = SecurityDescriptor::parse(&value) {
                let _ = (descriptor.owner(), descriptor.group());
                for list in [descriptor.system_list(), descriptor.discretionary_list()].into_iter().flatten().flatten() {
                    prop_assert!(list.entries().count() <= value.len() / 4 + 1);
                    for entry in list.entries().flatten() {
                        let _ = entry.access();
                    }
                }
            }
        }
    }
}
