//! `$EA_INFORMATION` and `$EA`: extended attributes, pairs of name and value.

use core::fmt;
use core::iter::FusedIterator;

use crate::base::damage::Damage;
use crate::base::le;

/// The value of an `$EA_INFORMATION` attribute: 8 bytes.
///
/// Layout: 0 packed size (`u16`), 2 count with the need flag (`u16`), 4 size of `$EA` (`u32`).
///
/// Reference: `EA_INFORMATION`, type 0xD0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EaInformation<'a> {
    fixed: &'a [u8; 8],
}

impl<'a> EaInformation<'a> {
    /// Views the value of the attribute.
    ///
    /// # Errors
    /// When the value has less than 8 bytes.
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let fixed = value.first_chunk().ok_or_else(|| Damage::too_short(0, "$EA_INFORMATION", 8, value.len()))?;
        Ok(Self { fixed })
    }

    /// Bytes in packed form: for each pair 5 and the lengths of name and value.
    #[must_use]
    pub fn packed_size(&self) -> u16 {
        le::u16_in::<0, 8>(self.fixed)
    }

    /// How many pairs a program must understand to use the file.
    #[must_use]
    pub fn needed_count(&self) -> u16 {
        le::u16_in::<2, 8>(self.fixed)
    }

    /// Bytes of the `$EA` attribute.
    #[must_use]
    pub fn unpacked_size(&self) -> u32 {
        le::u32_in::<4, 8>(self.fixed)
    }
}

/// The value of an `$EA` attribute: entries one behind the other.
///
/// Reference: \[MS-FSCC\] 2.4.16; type 0xE0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedAttributes<'a> {
    bytes: &'a [u8],
}

impl<'a> ExtendedAttributes<'a> {
    /// Views the value of the attribute: any bytes, what they hold the entries tell.
    #[must_use]
    pub fn new(value: &'a [u8]) -> Self {
        Self { bytes: value }
    }

    /// The entries in order.
    ///
    /// An entry that does not lie inside the value ends the list with its damage.
    #[must_use]
    pub fn entries(&self) -> ExtendedAttributeEntries<'a> {
        let next = if self.bytes.is_empty() { Next::End } else { Next::Entry(0) };
        ExtendedAttributeEntries { bytes: self.bytes, next }
    }
}

/// One extended attribute.
///
/// Layout: 0 offset of the next entry from this one (`u32`), 4 flags, 5 name length, 6 value length
/// (`u16`), 8 name (ASCII), NUL, value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExtendedAttribute<'a> {
    flags: u8,
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> ExtendedAttribute<'a> {
    const FIXED: usize = 8;
    const NEED: u8 = 0x80;

    /// Views the entry at the start of `bytes`.
    fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let fixed = bytes
            .first_chunk::<8>()
            .ok_or_else(|| Damage::too_short(0, "extended attribute", Self::FIXED, bytes.len()))?;
        let name_length = usize::from(le::u8_in::<5, 8>(fixed));
        let value_length = usize::from(le::u16_in::<6, 8>(fixed));
        let value_offset = Self::FIXED.saturating_add(name_length).saturating_add(1);
        let parts = le::slice_at(bytes, Self::FIXED, name_length).zip(le::slice_at(bytes, value_offset, value_length));
        let (name, value) = parts.ok_or_else(|| {
            let needed = value_offset.saturating_add(value_length);
            Damage::too_short(0, "extended attribute", needed, bytes.len())
        })?;
        Ok(Self { flags: le::u8_in::<4, 8>(fixed), name, value })
    }

    /// Bytes of the entry without padding.
    fn length(&self) -> usize {
        self.name.len().saturating_add(self.value.len()).saturating_add(Self::FIXED).saturating_add(1)
    }

    /// True when a program must understand the pair to use the file.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.flags & Self::NEED != 0
    }

    /// The flags as stored.
    #[must_use]
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The name as stored: ASCII, in upper case when Windows wrote it.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The value as stored.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// What a pair of the Windows subsystem for Linux says; `None` for others and for bad lengths.
    #[must_use]
    pub fn linux(&self) -> Option<LinuxAttribute> {
        let word = le::u32_at(self.value, 0);
        match (self.name, self.value.len()) {
            (b"$LXUID", 4) => word.map(LinuxAttribute::UserId),
            (b"$LXGID", 4) => word.map(LinuxAttribute::GroupId),
            (b"$LXMOD", 4) => word.map(LinuxAttribute::Mode),
            (b"$LXDEV", 8) => {
                word.zip(le::u32_at(self.value, 4)).map(|(major, minor)| LinuxAttribute::Device { major, minor })
            }
            (b"LXATTRB", _) => LinuxMetadata::parse(self.value).ok().map(LinuxAttribute::Metadata),
            _ => None,
        }
    }
}

impl fmt::Debug for ExtendedAttribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtendedAttribute({}: {:02x?})", self.name.escape_ascii(), self.value)
    }
}

/// What Linux keeps about a file on NTFS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinuxAttribute {
    /// `$LXUID`: the owner.
    UserId(u32),
    /// `$LXGID`: the group.
    GroupId(u32),
    /// `$LXMOD`: file type and permissions.
    Mode(u32),
    /// `$LXDEV`: the device a special file stands for.
    Device {
        /// Which driver.
        major: u32,
        /// Which device.
        minor: u32,
    },
    /// `LXATTRB`: everything in one, as the first version of the subsystem kept it.
    Metadata(LinuxMetadata),
}

/// The value of `LXATTRB`: 56 bytes.
///
/// Layout: 0 format and 2 version (`u16`), 4 mode, 8 owner, 12 group, 16 device, 20, 24, 28
/// nanoseconds of access, modification and change (`u32` each), 32, 40, 48 their seconds (`u64`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinuxMetadata {
    /// File type and permissions.
    pub mode: u32,
    /// The owner.
    pub user_id: u32,
    /// The group.
    pub group_id: u32,
    /// The device a special file stands for.
    pub device: u32,
    /// When the file was last accessed.
    pub accessed: UnixTime,
    /// When content was last changed.
    pub modified: UnixTime,
    /// When the file's metadata was last changed.
    pub changed: UnixTime,
}

/// A time as Linux keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    /// Seconds since 1970-01-01 UTC, as stored.
    pub seconds: u64,
    /// Nanoseconds, as stored.
    pub nanoseconds: u32,
}

impl LinuxMetadata {
    /// Reads the value of `LXATTRB`.
    ///
    /// # Errors
    /// When the value has less than 56 bytes.
    pub fn parse(value: &[u8]) -> Result<Self, Damage> {
        let fixed = value.first_chunk::<56>().ok_or_else(|| Damage::too_short(0, "LXATTRB", 56, value.len()))?;
        let time = |seconds, nanoseconds| UnixTime { seconds, nanoseconds };
        Ok(Self {
            mode: le::u32_in::<4, 56>(fixed),
            user_id: le::u32_in::<8, 56>(fixed),
            group_id: le::u32_in::<12, 56>(fixed),
            device: le::u32_in::<16, 56>(fixed),
            accessed: time(le::u64_in::<32, 56>(fixed), le::u32_in::<20, 56>(fixed)),
            modified: time(le::u64_in::<40, 56>(fixed), le::u32_in::<24, 56>(fixed)),
            changed: time(le::u64_in::<48, 56>(fixed), le::u32_in::<28, 56>(fixed)),
        })
    }
}

/// The entries of [`ExtendedAttributes`].
#[derive(Debug, Clone)]
pub struct ExtendedAttributeEntries<'a> {
    bytes: &'a [u8],
    next: Next,
}

/// Where a walk stands.
#[derive(Debug, Clone, Copy)]
enum Next {
    Entry(usize),
    Damage(Damage),
    End,
}

impl<'a> ExtendedAttributeEntries<'a> {
    /// The entry at `start`; sets what comes behind it.
    fn take(&mut self, start: usize) -> Result<ExtendedAttribute<'a>, Damage> {
        let bytes = self.bytes.get(start..).unwrap_or_default();
        let at = u64::try_from(start).unwrap_or(u64::MAX);
        let entry = ExtendedAttribute::parse(bytes).map_err(|damage| damage.within(None, at))?;
        self.next = match le::u32_at(bytes, 0).and_then(|offset| usize::try_from(offset).ok()) {
            None | Some(0) => Next::End,
            Some(offset) => self.behind(start, entry.length(), offset),
        };
        Ok(entry)
    }

    /// What stands `offset` bytes behind `start`, where an entry of `length` bytes is.
    ///
    /// On disk the last entry, too, names its own rounded length: the end of the value ends the
    /// list. An offset into the entry itself, or far behind the end, cannot be followed.
    fn behind(&self, start: usize, length: usize, offset: usize) -> Next {
        let (next, end) = (start.saturating_add(offset), self.bytes.len());
        if offset < length || next > end.saturating_add(3) {
            Next::Damage(Damage::bad_value(start, "next entry offset in $EA", offset))
        } else if next >= end {
            Next::End
        } else {
            Next::Entry(next)
        }
    }
}

impl<'a> Iterator for ExtendedAttributeEntries<'a> {
    type Item = Result<ExtendedAttribute<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        match core::mem::replace(&mut self.next, Next::End) {
            Next::Entry(start) => Some(self.take(start)),
            Next::Damage(damage) => Some(Err(damage)),
            Next::End => None,
        }
    }
}

impl FusedIterator for ExtendedAttributeEntries<'_> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(name: &[u8], value: &[u8]) -> Vec<u8> {
        let length = (9 + name.len() + value.len()).next_multiple_of(4);
        let mut bytes = u32::try_from(length).unwrap().to_le_bytes().to_vec();
        bytes.extend_from_slice(&[0, u8::try_from(name.len()).unwrap()]);
        bytes.extend_from_slice(&u16::try_from(value.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.resize(length, 0);
        bytes
    }

    fn items(value: &[u8]) -> Vec<Result<ExtendedAttribute<'_>, Damage>> {
        ExtendedAttributes::new(value).entries().collect()
    }

    #[test]
    fn flags_say_which_pairs_are_needed() {
        let mut value = pair(b"$LXGID", &[7, 0, 0, 0]);
        for (flags, is_needed) in [(0, false), (0x80, true), (0x7F, false), (0xFF, true)] {
            value[4] = flags;
            let first = items(&value)[0].unwrap();
            assert_eq!((first.flags(), first.is_needed()), (flags, is_needed));
            assert_eq!(first.linux(), Some(LinuxAttribute::GroupId(7)));
        }
        assert_eq!(EaInformation::parse(&[1, 0, 0x34, 0x12, 0, 0, 0, 0]).unwrap().needed_count(), 0x1234);
    }

    #[test]
    fn the_next_pair_may_be_named_up_to_three_bytes_behind_the_end() {
        // The pair itself has 13 bytes; a whole word is 16.
        for (offset, is_damage) in [(12_u32, true), (13, false), (16, false), (17, true)] {
            let mut value = pair(b"ABC", b"x");
            value.truncate(13);
            value[..4].copy_from_slice(&offset.to_le_bytes());
            assert_eq!(items(&value).iter().any(Result::is_err), is_damage, "{offset}");
        }
    }

    #[test]
    fn linux_pairs_are_read() {
        let device = [[8, 0, 0, 0], [1, 0, 0, 0]].concat();
        let pairs = [pair(b"$LXUID", &[0xE8, 3, 0, 0]), pair(b"$LXMOD", &[0xA4, 0x81, 0, 0]), pair(b"$LXDEV", &device)];
        let value = pairs.concat();
        let read: Vec<_> = items(&value).into_iter().map(|pair| pair.unwrap().linux().unwrap()).collect();
        let device = LinuxAttribute::Device { major: 8, minor: 1 };
        assert_eq!(read, [LinuxAttribute::UserId(1000), LinuxAttribute::Mode(0o100_644), device]);
        let short = pair(b"$LXUID", &[1, 2, 3]);
        assert_eq!(items(&short)[0].unwrap().linux(), None);
        assert_eq!(items(&short)[0].unwrap().value(), [1, 2, 3]);
    }

    #[test]
    fn first_linux_subsystem_kept_everything_in_one() {
        let mut value = vec![0, 0, 1, 0];
        for word in [0o100_644_u32, 1000, 1001, 7, 1, 2, 3] {
            value.extend_from_slice(&word.to_le_bytes());
        }
        for seconds in [1_500_000_000_u64, 1_500_000_001, 1_500_000_002] {
            value.extend_from_slice(&seconds.to_le_bytes());
        }
        let bytes = pair(b"LXATTRB", &value);
        let Some(LinuxAttribute::Metadata(data)) = items(&bytes)[0].unwrap().linux() else { panic!("not read") };
        assert_eq!((data.mode, data.user_id, data.group_id, data.device), (0o100_644, 1000, 1001, 7));
        assert_eq!(data.accessed, UnixTime { seconds: 1_500_000_000, nanoseconds: 1 });
        assert_eq!(data.changed, UnixTime { seconds: 1_500_000_002, nanoseconds: 3 });
        assert!(LinuxMetadata::parse(&value[..55]).is_err());
    }

    #[test]
    fn the_list_ends_at_the_value_or_at_zero() {
        let value = [pair(b"A", b"1"), pair(b"B", b"2")].concat();
        assert_eq!(items(&value).len(), 2, "the last entry names its own length");
        let mut zero = value.clone();
        zero[..4].fill(0);
        assert_eq!(items(&zero).len(), 1);
        assert!(items(&[]).is_empty());
        // Ten bytes and one of padding that the value's length leaves out.
        assert_eq!(items(&pair(b"A", b"")[..11]).into_iter().filter(Result::is_err).count(), 0);
    }

    #[test]
    fn hostile_offsets_keep_the_entry_and_end_the_list() {
        for offset in [1_u32, 10, 12 + 16, u32::MAX] {
            let mut value = [pair(b"A", b"1"), pair(b"B", b"2")].concat();
            value[..4].copy_from_slice(&offset.to_le_bytes());
            let items = items(&value);
            assert_eq!(items.len(), 2, "offset {offset}");
            assert_eq!(items[0].unwrap().name(), b"A");
            assert_eq!(items[1], Err(Damage::bad_value(0, "next entry offset in $EA", offset)));
        }
    }

    #[test]
    fn every_truncation_is_damage() {
        let value = [pair(b"AB", b"12345"), pair(b"CD", b"67890")].concat();
        for len in (1..16).chain(17..32) {
            assert!(items(&value[..len]).last().unwrap().is_err(), "{len} bytes");
        }
        let mut long = value.clone();
        long[6..8].copy_from_slice(&u16::MAX.to_le_bytes());
        assert_eq!(items(&long), [Err(Damage::too_short(0, "extended attribute", 11 + 65535, 32))]);
    }

    #[test]
    fn information_counts_without_the_offsets() {
        let value = [0x95, 0, 0, 0, 0xA0, 0, 0, 0];
        let information = EaInformation::parse(&value).unwrap();
        let fields = (information.packed_size(), information.needed_count(), information.unpacked_size());
        assert_eq!(fields, (0x95, 0, 0xA0));
        assert_eq!(EaInformation::parse(&value[..7]).unwrap_err(), Damage::too_short(0, "$EA_INFORMATION", 8, 7));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_always_end(value in proptest::collection::vec(0_u8..24, 0..600)) {
            let items = items(&value);
            prop_assert!(items.len() <= value.len() / 9 + 1);
            for pair in items.into_iter().flatten() {
                prop_assert!(pair.name().len() + pair.value().len() + 9 <= value.len());
                let _ = (pair.linux(), pair.is_needed());
            }
        }
    }
}
