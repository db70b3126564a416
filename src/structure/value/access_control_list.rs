//! Access control lists: who may do what, and what is audited.

use core::fmt;
use core::iter::FusedIterator;

use bitflags::bitflags;

use crate::base::damage::Damage;
use crate::base::guid::Guid;
use crate::base::le;
use crate::base::sid::Sid;

/// An access control list.
///
/// Layout: 0 revision, 2 size (`u16`, free space at the end included), 4 count of entries (`u16`),
/// 8 entries.
///
/// Reference: \[MS-DTYP\] 2.4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "ACL")]
pub struct AccessControlList<'a> {
    fixed: &'a [u8; 8],
    entries: &'a [u8],
    offset: usize,
}

impl<'a> AccessControlList<'a> {
    const FIXED: usize = 8;

    /// Views the list at `offset` of a security descriptor.
    pub(crate) fn parse_at(descriptor: &'a [u8], offset: usize) -> Result<Self, Damage> {
        let bytes = descriptor.get(offset..).unwrap_or_default();
        let (fixed, rest) = bytes
            .split_first_chunk()
            .ok_or_else(|| Damage::out_of_bounds("access control list", offset, Self::FIXED, descriptor.len()))?;
        let size = usize::from(le::u16_in::<2, 8>(fixed)).saturating_sub(Self::FIXED);
        Ok(Self { fixed, entries: rest.get(..size).unwrap_or(rest), offset })
    }

    /// 2, or 4 when there are object entries.
    #[must_use]
    pub fn revision(&self) -> u8 {
        le::u8_in::<0, 8>(self.fixed)
    }

    /// Bytes of the list as stored, its header and free space included.
    #[must_use]
    pub fn size(&self) -> u16 {
        le::u16_in::<2, 8>(self.fixed)
    }

    /// How many entries the list says it has.
    #[must_use]
    pub fn count(&self) -> u16 {
        le::u16_in::<4, 8>(self.fixed)
    }

    /// What is wrong with the size: it is below the header's, or beyond the security descriptor.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        let there = self.entries.len().saturating_add(Self::FIXED);
        let at = self.offset.saturating_add(2);
        (usize::from(self.size()) != there).then(|| Damage::bad_value(at, "size of access control list", self.size()))
    }

    /// The entries in order, at most as many as the list has room for.
    ///
    /// An entry whose size is impossible ends the list with its damage.
    #[must_use]
    pub fn entries(&self) -> AccessControlEntries<'a> {
        AccessControlEntries {
            bytes: self.entries,
            offset: self.offset.saturating_add(Self::FIXED),
            left: self.count(),
        }
    }
}

/// The entries of an [`AccessControlList`].
#[derive(Debug, Clone)]
pub struct AccessControlEntries<'a> {
    bytes: &'a [u8],
    offset: usize,
    left: u16,
}

impl<'a> AccessControlEntries<'a> {
    fn take(&mut self) -> Result<AccessControlEntry<'a>, Damage> {
        let (offset, available) = (self.offset, self.bytes.len());
        let too_short = |needed| Damage::too_short(offset, "access control entry", needed, available);
        let fixed = self.bytes.first_chunk::<4>().ok_or_else(|| too_short(4))?;
        let size = usize::from(le::u16_in::<2, 4>(fixed));
        if size < fixed.len() {
            return Err(Damage::bad_value(offset.saturating_add(2), "size of access control entry", size));
        }
        let (bytes, rest) = self.bytes.split_at_checked(size).ok_or_else(|| too_short(size))?;
        self.bytes = rest;
        self.offset = offset.saturating_add(size);
        Ok(AccessControlEntry { fixed, bytes, offset })
    }
}

impl<'a> Iterator for AccessControlEntries<'a> {
    type Item = Result<AccessControlEntry<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.take().inspect_err(|_| self.left = 0))
    }
}

impl FusedIterator for AccessControlEntries<'_> {}

/// One entry of an access control list.
///
/// Layout: 0 type, 1 flags, 2 size (`u16`), then by type.
///
/// Reference: \[MS-DTYP\] 2.4.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "ACE")]
pub struct AccessControlEntry<'a> {
    fixed: &'a [u8; 4],
    bytes: &'a [u8],
    offset: usize,
}

/// What an entry of a known form says.
///
/// Layout from the entry's byte 4: mask (`u32`); in object entries flags (`u32`; 1 object type, 2
/// inherited object type present) and the GUIDs present; SID; application data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access<'a> {
    /// The rights, or the label's policy.
    pub mask: u32,
    /// The kind of object or property it is about, in object entries.
    pub object_type: Option<Guid>,
    /// The kind of object that inherits it, in object entries.
    pub inherited_object_type: Option<Guid>,
    /// Whom it is about.
    pub sid: Sid<'a>,
    /// What follows the SID: a condition or a resource attribute; else nothing.
    pub application_data: &'a [u8],
}

impl<'a> AccessControlEntry<'a> {
    /// What the entry does.
    #[must_use]
    pub fn entry_type(&self) -> AccessControlType {
        AccessControlType(le::u8_in::<0, 4>(self.fixed))
    }

    /// How the entry is inherited and audited.
    #[must_use]
    pub fn flags(&self) -> AccessControlFlags {
        AccessControlFlags::from_bits_retain(le::u8_in::<1, 4>(self.fixed))
    }

    /// All bytes of the entry, its header included.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What the entry says; `None` where the form of the type is not known.
    ///
    /// # Errors
    /// When the entry ends before its parts do, or its SID is impossible.
    pub fn access(&self) -> Result<Option<Access<'a>>, Damage> {
        let is_object = match self.entry_type() {
            entry_type if entry_type.is_object() => true,
            entry_type if entry_type.is_simple() => false,
            _ => return Ok(None),
        };
        let mut parts = Parts { entry: self, at: self.fixed.len() };
        let mask = u32::from_le_bytes(parts.take()?);
        let present = if is_object { u32::from_le_bytes(parts.take()?) } else { 0 };
        Ok(Some(Access {
            mask,
            object_type: parts.guid_if(present & 1 != 0)?,
            inherited_object_type: parts.guid_if(present & 2 != 0)?,
            sid: parts.sid()?,
            application_data: parts.rest(),
        }))
    }
}

/// The parts of an entry that follow each other.
struct Parts<'e, 'a> {
    entry: &'e AccessControlEntry<'a>,
    at: usize,
}

impl<'a> Parts<'_, 'a> {
    fn take<const LEN: usize>(&mut self) -> Result<[u8; LEN], Damage> {
        let (bytes, needed) = (self.entry.bytes, self.at.saturating_add(LEN));
        let part = le::array_at(bytes, self.at)
            .ok_or_else(|| Damage::too_short(self.entry.offset, "access control entry", needed, bytes.len()))?;
        self.at = needed;
        Ok(*part)
    }

    fn guid_if(&mut self, present: bool) -> Result<Option<Guid>, Damage> {
        if present { self.take().map(|bytes| Some(Guid(bytes))) } else { Ok(None) }
    }

    fn sid(&mut self) -> Result<Sid<'a>, Damage> {
        let at = u64::try_from(self.entry.offset.saturating_add(self.at)).unwrap_or(u64::MAX);
        let sid = Sid::parse(self.rest()).map_err(|damage| damage.within(None, at))?;
        self.at = self.at.saturating_add(sid.bytes().len());
        Ok(sid)
    }

    fn rest(&self) -> &'a [u8] {
        self.entry.bytes.get(self.at..).unwrap_or_default()
    }
}

/// What an access control entry does: an open set.
///
/// Reference: \[MS-DTYP\] 2.4.4.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessControlType(pub u8);

/// Declares the known types.
macro_rules! entry_types {
    ($($name:ident = $value:literal, $doc:literal;)*) => {
        impl AccessControlType {
            $(#[doc = $doc] pub const $name: Self = Self($value);)*

            /// The name of the type, for the known ones.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                Some(match self {
                    $(Self::$name => stringify!($name),)*
                    _ => return None,
                })
            }
        }
    };
}

entry_types! {
    ALLOWED = 0, "Allows.";
    DENIED = 1, "Denies.";
    AUDIT = 2, "Audits.";
    ALARM = 3, "Raises an alarm; reserved.";
    ALLOWED_COMPOUND = 4, "Allows a pair of client and server; reserved.";
    ALLOWED_OBJECT = 5, "Allows, for a kind of object.";
    DENIED_OBJECT = 6, "Denies, for a kind of object.";
    AUDIT_OBJECT = 7, "Audits, for a kind of object.";
    ALARM_OBJECT = 8, "Raises an alarm, for a kind of object; reserved.";
    ALLOWED_CALLBACK = 9, "Allows under a condition.";
    DENIED_CALLBACK = 10, "Denies under a condition.";
    ALLOWED_CALLBACK_OBJECT = 11, "Allows under a condition, for a kind of object.";
    DENIED_CALLBACK_OBJECT = 12, "Denies under a condition, for a kind of object.";
    AUDIT_CALLBACK = 13, "Audits under a condition.";
    ALARM_CALLBACK = 14, "Raises an alarm under a condition; reserved.";
    AUDIT_CALLBACK_OBJECT = 15, "Audits under a condition, for a kind of object.";
    ALARM_CALLBACK_OBJECT = 16, "Raises an alarm under a condition, for a kind of object; reserved.";
    MANDATORY_LABEL = 17, "The integrity level.";
    RESOURCE_ATTRIBUTE = 18, "An attribute that conditions may ask for.";
    SCOPED_POLICY = 19, "A central access policy.";
    PROCESS_TRUST_LABEL = 20, "The trust level of the processes that may have access.";
    ACCESS_FILTER = 21, "A filter on access.";
}

impl AccessControlType {
    /// True for the forms with GUIDs in front of the SID.
    #[must_use]
    pub const fn is_object(self) -> bool {
        matches!(self.0, 5..=8 | 11 | 12 | 15 | 16)
    }

    /// True for the forms with the SID right behind the mask.
    #[must_use]
    pub const fn is_simple(self) -> bool {
        matches!(self.0, 0..=3 | 9 | 10 | 13 | 14 | 17..=21)
    }
}

impl fmt::Debug for AccessControlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "AccessControlType({})", self.0),
        }
    }
}

bitflags! {
    /// How an entry is inherited and audited. Bits without a name here are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct AccessControlFlags: u8 {
        /// Files inherit it.
        const OBJECT_INHERIT = 0x01;
        /// Directories inherit it.
        const CONTAINER_INHERIT = 0x02;
        /// What inherits it does not pass it on.
        const NO_PROPAGATE = 0x04;
        /// It is for inheriting only.
        const INHERIT_ONLY = 0x08;
        /// It was inherited.
        const INHERITED = 0x10;
        /// Success is audited.
        const SUCCESSFUL_ACCESS = 0x40;
        /// Failure is audited.
        const FAILED_ACCESS = 0x80;
    }
}
