//! `$FILE_NAME`: one name of a file in one directory.

use core::fmt;

use crate::base::damage::Damage;
use crate::base::le;
use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::base::time::FileTime;

use super::file_attributes::FileAttributes;
use super::reparse_tag::ReparseTag;

/// The value of a `$FILE_NAME` attribute, and the key of a directory's index entry: 68 to 576 bytes.
///
/// Layout: 0 parent directory, 8 created, 16 modified, 24 record changed, 32 accessed, 40 allocated
/// size, 48 data size (`u64` each), 56 file attributes (`u32`), 60 reparse tag or sizes of the
/// extended attributes, 64 name length (code units), 65 namespace, 66 name.
///
/// Times, sizes and attributes are copies, made when the name was made; only those in the index are
/// refreshed. `$STANDARD_INFORMATION` and `$DATA` hold the current ones.
///
/// Reference: `FILE_NAME`, type 0x30.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileName<'a> {
    fixed: &'a [u8; 66],
    name: Name<'a>,
}

/// The rules a name was made under: two bits, 1 for Win32 and 2 for DOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(pub u8);

impl Namespace {
    /// Any name but NUL and `/`; Windows 10 uses it for ordinary names where short names are off.
    pub const POSIX: Self = Self(0);
    /// A long name that has a DOS name beside it.
    pub const WIN32: Self = Self(1);
    /// A short 8.3 name, beside a Win32 name.
    pub const DOS: Self = Self(2);
    /// A name that is both.
    pub const WIN32_AND_DOS: Self = Self(3);
}

impl<'a> FileName<'a> {
    const FIXED: usize = 66;
    const NAME_LENGTH: usize = 64;

    /// Views the value of the attribute, or an index entry's key; more bytes may follow the name.
    ///
    /// # Errors
    /// When the value ends inside the fixed part or inside the name, or the name has no character.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let (fixed, rest) =
            value.split_first_chunk().ok_or_else(|| Damage::too_short(0, "$FILE_NAME", Self::FIXED, value.len()))?;
        let length = name_bytes(fixed)?;
        let name = rest
            .get(..length)
            .ok_or_else(|| Damage::out_of_bounds("name of $FILE_NAME", Self::FIXED, length, value.len()))?;
        Ok(Self { fixed, name: Name::new(name) })
    }

    /// The same where the value's length may be stale: `slot` is `value` and what follows it up to
    /// the end of the attribute.
    ///
    /// A name that runs past the value but not past the attribute is taken whole, one that runs
    /// past both is cut at the value's end; either comes with its damage.
    ///
    /// # Errors
    /// When there is no name at all, or the slot ends inside the fixed part.
    pub fn parse_in_slot(value: &'a [u8], slot: &'a [u8]) -> Result<(Self, Option<Damage>), Damage> {
        let damage = match Self::parse(value) {
            Ok(file_name) => return Ok((file_name, None)),
            Err(damage) => damage,
        };
        if let Ok(file_name) = Self::parse(slot) {
            return Ok((file_name, Some(damage)));
        }
        let (fixed, rest) = value.split_first_chunk().ok_or(damage)?;
        let name = Name::new(rest);
        if name_bytes(fixed).is_err() || name.is_empty() {
            return Err(damage);
        }
        Ok((Self { fixed, name }, Some(damage)))
    }

    /// The directory the name stands in.
    #[must_use]
    #[inline]
    pub fn parent(&self) -> FileReference {
        FileReference(le::u64_in::<0, 66>(self.fixed))
    }

    /// When the file was created, as of the last refresh.
    #[must_use]
    #[inline]
    pub fn created(&self) -> FileTime {
        FileTime(le::u64_in::<8, 66>(self.fixed))
    }

    /// When content was last changed, as of the last refresh.
    #[must_use]
    #[inline]
    pub fn modified(&self) -> FileTime {
        FileTime(le::u64_in::<16, 66>(self.fixed))
    }

    /// When the FILE record was last changed, as of the last refresh.
    #[must_use]
    #[inline]
    pub fn record_changed(&self) -> FileTime {
        FileTime(le::u64_in::<24, 66>(self.fixed))
    }

    /// When the file was last accessed, as of the last refresh.
    #[must_use]
    #[inline]
    pub fn accessed(&self) -> FileTime {
        FileTime(le::u64_in::<32, 66>(self.fixed))
    }

    /// Bytes allocated to the main stream, as of the last refresh.
    #[must_use]
    #[inline]
    pub fn allocated_size(&self) -> u64 {
        le::u64_in::<40, 66>(self.fixed)
    }

    /// Bytes in the main stream, as of the last refresh.
    #[must_use]
    #[inline]
    pub fn data_size(&self) -> u64 {
        le::u64_in::<48, 66>(self.fixed)
    }

    /// What the file was marked as, at the last refresh.
    #[must_use]
    #[inline]
    pub fn file_attributes(&self) -> FileAttributes {
        FileAttributes::from_bits_retain(le::u32_in::<56, 66>(self.fixed))
    }

    /// The reparse tag (offset 60), if the file was marked as a reparse point.
    #[must_use]
    pub fn reparse_tag(&self) -> Option<ReparseTag> {
        let tag = ReparseTag(le::u32_in::<60, 66>(self.fixed));
        self.file_attributes().contains(FileAttributes::REPARSE_POINT).then_some(tag)
    }

    /// Bytes of the extended attributes in packed form (offset 60); `None` for a reparse point.
    #[must_use]
    pub fn packed_ea_size(&self) -> Option<u16> {
        let size = le::u16_in::<60, 66>(self.fixed);
        self.reparse_tag().is_none().then_some(size)
    }

    /// Bytes of the extended attributes as stored: the packed size and the `u16` at 62.
    #[must_use]
    pub fn unpacked_ea_size(&self) -> Option<u32> {
        let more = le::u16_in::<62, 66>(self.fixed);
        self.packed_ea_size().map(|packed| u32::from(packed).saturating_add(u32::from(more)))
    }

    /// The rules the name was made under.
    #[must_use]
    #[inline]
    pub fn namespace(&self) -> Namespace {
        Namespace(le::u8_in::<65, 66>(self.fixed))
    }

    /// The name, without its directory; never empty.
    #[must_use]
    #[inline]
    pub fn name(&self) -> Name<'a> {
        self.name
    }
}

/// Bytes of the name that the fixed part announces.
fn name_bytes(fixed: &[u8; 66]) -> Result<usize, Damage> {
    match le::u8_in::<64, 66>(fixed) {
        0 => Err(Damage::bad_value(FileName::NAME_LENGTH, "name length of $FILE_NAME", 0_u64)),
        units => Ok(usize::from(units).saturating_mul(2)),
    }
}

impl fmt::Debug for FileName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileName")
            .field("parent", &self.parent())
            .field("namespace", &self.namespace())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A value as Windows writes it: "win98.c" in directory 5-5.
    fn sample(name: &str) -> Vec<u8> {
        let mut value = Vec::new();
        value.extend_from_slice(&FileReference::new(5, 5).0.to_le_bytes());
        for field in [10_u64, 20, 30, 40, 4096, 1234] {
            value.extend_from_slice(&field.to_le_bytes());
        }
        value.extend_from_slice(&0x20_u32.to_le_bytes());
        value.extend_from_slice(&[0x95, 0, 0x0B, 0]);
        value.extend_from_slice(&[u8::try_from(name.encode_utf16().count()).unwrap(), 3]);
        value.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        value
    }

    #[test]
    fn every_field_is_where_it_belongs() {
        let value = sample("win98.c");
        let name = FileName::parse(&value).unwrap();
        assert_eq!(name.parent(), FileReference::new(5, 5));
        let times = [name.created(), name.modified(), name.record_changed(), name.accessed()];
        assert_eq!(times, [FileTime(10), FileTime(20), FileTime(30), FileTime(40)]);
        assert_eq!((name.allocated_size(), name.data_size()), (4096, 1234));
        assert_eq!((name.file_attributes(), name.namespace()), (FileAttributes::ARCHIVE, Namespace::WIN32_AND_DOS));
        assert!(name.name().is("win98.c"));
        assert_eq!(
            format!("{name:?}"),
            r#"FileName { parent: FileReference(5-5), namespace: Namespace(3), name: "win98.c", .. }"#
        );
    }

    #[test]
    fn offset_60_means_what_the_attributes_say() {
        // 0x95 packed and 0x0B more, as on a file that WSL made.
        let mut value = sample("a");
        let name = FileName::parse(&value).unwrap();
        assert_eq!(
            (name.packed_ea_size(), name.unpacked_ea_size(), name.reparse_tag()),
            (Some(0x95), Some(0xA0), None)
        );
        value[57] |= 4;
        value[60..64].copy_from_slice(&0xA000_000C_u32.to_le_bytes());
        let link = FileName::parse(&value).unwrap();
        assert_eq!((link.packed_ea_size(), link.unpacked_ea_size()), (None, None));
        assert_eq!(link.reparse_tag(), Some(ReparseTag::SYMLINK));
    }

    #[test]
    fn every_truncation_is_damage() {
        let value = sample("win98.c");
        for len in 0..66 {
            assert_eq!(FileName::parse(&value[..len]).unwrap_err(), Damage::too_short(0, "$FILE_NAME", 66, len));
        }
        for len in 66..value.len() {
            let damage = Damage::out_of_bounds("name of $FILE_NAME", 66, 14, len);
            assert_eq!(FileName::parse(&value[..len]).unwrap_err(), damage);
        }
    }

    #[test]
    fn a_name_without_characters_is_damage() {
        let mut value = sample("abc");
        value[64] = 0;
        let damage = Damage::bad_value(64, "name length of $FILE_NAME", 0_u64);
        assert_eq!(FileName::parse(&value).unwrap_err(), damage);
        assert_eq!(FileName::parse_in_slot(&value, &value).unwrap_err(), damage);
    }

    #[test]
    fn a_stale_value_length_does_not_cost_the_name() {
        // A freed record on a Windows XP volume: the value has 76 bytes, the name 7 characters,
        // and the attribute holds them all.
        let mut slot = sample("win98.c");
        slot.resize(80, 0);
        let (name, damage) = FileName::parse_in_slot(&slot[..76], &slot).unwrap();
        assert!(name.name().is("win98.c"));
        assert_eq!(damage, Some(Damage::out_of_bounds("name of $FILE_NAME", 66, 14, 76)));
        let (whole, none) = FileName::parse_in_slot(&slot[..80], &slot).unwrap();
        assert_eq!((whole, none), (name, None));
    }

    #[test]
    fn a_name_longer_than_the_attribute_is_cut_at_the_value() {
        let mut slot = sample("win98.c");
        slot[64] = 255;
        let (name, damage) = FileName::parse_in_slot(&slot[..76], &slot).unwrap();
        assert!(name.name().is("win98"), "bytes behind the value are not taken for a name");
        assert_eq!(damage, Some(Damage::out_of_bounds("name of $FILE_NAME", 66, 510, 76)));
        assert!(FileName::parse_in_slot(&slot[..67], &slot[..70]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(slot in proptest::collection::vec(any::<u8>(), 0..700), cut in 0_usize..700) {
            let value = &slot[..cut.min(slot.len())];
            if let Ok((name, damage)) = FileName::parse_in_slot(value, &slot) {
                prop_assert!(!name.name().is_empty() && name.name().bytes().len() <= slot.len() - 66);
                prop_assert_eq!(damage.is_none(), FileName::parse(value).is_ok());
                let _ = (name.parent(), name.reparse_tag(), name.unpacked_ea_size());
            }
        }
    }
}
