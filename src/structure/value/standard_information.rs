//! `$STANDARD_INFORMATION`: a file's times, attributes and owner.

use crate::base::damage::Damage;
use crate::base::le;
use crate::base::time::FileTime;

use super::file_attributes::FileAttributes;

/// The value of a `$STANDARD_INFORMATION` attribute: 48 bytes, since NTFS 3.0 usually 72.
///
/// Layout: 0 created, 8 modified, 16 record changed, 24 accessed (FILETIME each), 32 file
/// attributes, 36 maximum versions, 40 version, 44 class id (`u32` each); then, by length and not
/// by NTFS version, 48 owner id, 52 security id (`u32`), 56 quota charged, 64 USN (`u64`).
///
/// A cut value keeps the fields it has: only the four times are required.
///
/// Reference: `STANDARD_INFORMATION`, type 0x10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandardInformation<'a> {
    times: &'a [u8; 32],
    rest: &'a [u8],
}

impl<'a> StandardInformation<'a> {
    const SHORT: usize = 48;
    const LONG: usize = 72;

    /// Views the value of the attribute.
    ///
    /// # Errors
    /// When the value ends before its four times do, at 32 bytes.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let (times, rest) = value
            .split_first_chunk()
            .ok_or_else(|| Damage::too_short(0, "$STANDARD_INFORMATION", Self::SHORT, value.len()))?;
        Ok(Self { times, rest })
    }

    /// What is wrong with the length: fields are missing that the form begins with.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        let found = self.times.len().saturating_add(self.rest.len());
        let needed = if found <= Self::SHORT { Self::SHORT } else { Self::LONG };
        (found < needed).then(|| Damage::too_short(0, "$STANDARD_INFORMATION", needed, found))
    }

    /// When the file was created on this volume.
    #[must_use]
    pub fn created(&self) -> FileTime {
        FileTime(le::u64_in::<0, 32>(self.times))
    }

    /// When content was last changed.
    #[must_use]
    #[doc(alias = "LastWriteTime")]
    pub fn modified(&self) -> FileTime {
        FileTime(le::u64_in::<8, 32>(self.times))
    }

    /// When the FILE record was last changed.
    #[must_use]
    #[doc(alias = "ChangeTime")]
    pub fn record_changed(&self) -> FileTime {
        FileTime(le::u64_in::<16, 32>(self.times))
    }

    /// When the file was last accessed; most systems update it rarely or never.
    #[must_use]
    pub fn accessed(&self) -> FileTime {
        FileTime(le::u64_in::<24, 32>(self.times))
    }

    /// What the file is marked as (offset 32).
    #[must_use]
    pub fn file_attributes(&self) -> Option<FileAttributes> {
        self.word(0).map(FileAttributes::from_bits_retain)
    }

    /// How many versions may be kept (offset 36); never used, 0.
    #[must_use]
    pub fn maximum_versions(&self) -> Option<u32> {
        self.word(4)
    }

    /// The version number (offset 40), which Windows 10 uses for flags.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        self.word(8)
    }

    /// True for a directory whose names are case-sensitive (bit 0 of the version, Windows 10).
    #[must_use]
    pub fn is_case_sensitive_directory(&self) -> bool {
        self.version().is_some_and(|version| version & 1 != 0)
    }

    /// The class id (offset 44); 0.
    #[must_use]
    pub fn class_id(&self) -> Option<u32> {
        self.word(12)
    }

    /// The owner's key in the index `$Q` of `$Quota` (offset 48); 0 means none.
    #[must_use]
    pub fn owner_id(&self) -> Option<u32> {
        self.word(16)
    }

    /// The key of the security descriptor in `$Secure` (offset 52); 0 means none.
    #[must_use]
    pub fn security_id(&self) -> Option<u32> {
        self.word(20)
    }

    /// Bytes charged to the owner's quota (offset 56).
    #[must_use]
    pub fn quota_charged(&self) -> Option<u64> {
        le::u64_at(self.rest, 24)
    }

    /// The file's last record in the change journal, a byte offset in `$J` (offset 64); 0 means none.
    #[must_use]
    #[doc(alias = "USN")]
    pub fn update_sequence_number(&self) -> Option<u64> {
        le::u64_at(self.rest, 32)
    }

    /// The `u32` at `offset` behind the times.
    fn word(&self, offset: usize) -> Option<u32> {
        le::u32_at(self.rest, offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The long form, with another number in each time.
    fn sample() -> Vec<u8> {
        let mut value = Vec::new();
        for time in [11_u64, 12, 13, 14] {
            value.extend_from_slice(&time.to_le_bytes());
        }
        for word in [0x6_u32, 2, 1, 3, 4, 0x100] {
            value.extend_from_slice(&word.to_le_bytes());
        }
        value.extend_from_slice(&7_u64.to_le_bytes());
        value.extend_from_slice(&0x1_0000_0040_u64.to_le_bytes());
        value
    }

    #[test]
    fn only_the_lowest_bit_of_the_version_makes_names_case_sensitive() {
        let mut value = sample();
        for (version, is_case_sensitive) in [(0_u32, false), (1, true), (2, false), (3, true)] {
            value[40..44].copy_from_slice(&version.to_le_bytes());
            let view = StandardInformation::parse(&value).unwrap();
            assert_eq!((view.version(), view.is_case_sensitive_directory()), (Some(version), is_case_sensitive));
        }
    }

    #[test]
    fn long_form_has_every_field() {
        let value = sample();
        let information = StandardInformation::parse(&value).unwrap();
        let times =
            [information.created(), information.modified(), information.record_changed(), information.accessed()];
        assert_eq!(times, [11, 12, 13, 14].map(FileTime));
        assert_eq!(information.file_attributes(), Some(FileAttributes::HIDDEN | FileAttributes::SYSTEM));
        assert_eq!((information.maximum_versions(), information.class_id()), (Some(2), Some(3)));
        assert_eq!((information.owner_id(), information.security_id()), (Some(4), Some(0x100)));
        assert_eq!((information.quota_charged(), information.update_sequence_number()), (Some(7), Some(0x1_0000_0040)));
        assert!(information.is_case_sensitive_directory());
        assert_eq!(information.damage(), None);
    }

    #[test]
    fn short_form_ends_before_the_owner() {
        let value = &sample()[..48];
        let information = StandardInformation::parse(value).unwrap();
        assert_eq!((information.class_id(), information.owner_id()), (Some(3), None));
        assert_eq!((information.update_sequence_number(), information.damage()), (None, None));
    }

    #[test]
    fn a_cut_value_keeps_its_times_and_says_so() {
        let value = sample();
        for len in 0..32 {
            let damage = Damage::too_short(0, "$STANDARD_INFORMATION", 48, len);
            assert_eq!(StandardInformation::parse(&value[..len]).unwrap_err(), damage);
        }
        for len in 32..72 {
            let information = StandardInformation::parse(&value[..len]).unwrap();
            assert_eq!(information.accessed(), FileTime(14));
            assert_eq!(information.file_attributes().is_some(), len >= 36);
            assert_eq!(information.security_id().is_some(), len >= 56);
            assert_eq!(information.damage().is_some(), len != 48, "{len} bytes");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(value in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(information) = StandardInformation::parse(&value) {
                let _ = (information.file_attributes(), information.quota_charged(), information.damage());
            }
        }
    }
}
