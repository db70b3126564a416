//! `$VOLUME_NAME` and `$VOLUME_INFORMATION`: the volume's label, version and state.

use bitflags::bitflags;

use crate::base::damage::Damage;
use crate::base::le;
use crate::base::name::Name;

/// The value of a `$VOLUME_NAME` attribute: the label, at most 128 code units, without terminator.
///
/// Reference: `VOLUME_NAME`, type 0x60.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeName<'a> {
    bytes: &'a [u8],
}

impl<'a> VolumeName<'a> {
    const LONGEST: usize = 256;

    /// Views the value of the attribute: any bytes are a label, also none.
    #[must_use]
    pub fn new(value: &'a [u8]) -> Self {
        Self { bytes: value }
    }

    /// The label.
    #[must_use]
    pub fn name(&self) -> Name<'a> {
        Name::new(self.bytes)
    }

    /// What is wrong with the length: an odd number of bytes, or more than 256.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        let length = self.bytes.len();
        (!length.is_multiple_of(2) || length > Self::LONGEST)
            .then(|| Damage::bad_value(0, "length of $VOLUME_NAME", length))
    }
}

bitflags! {
    /// The state of a volume. Bits without a name here are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct VolumeFlags: u16 {
        /// To be checked at the next mount: it was not unmounted cleanly, or is damaged.
        const DIRTY = 0x0001;
        /// `$LogFile` is to be resized.
        const RESIZE_LOG_FILE = 0x0002;
        /// To be upgraded at the next mount.
        const UPGRADE_ON_MOUNT = 0x0004;
        /// Was mounted by Windows NT 4.
        const MOUNTED_ON_NT4 = 0x0008;
        /// The change journal is being deleted.
        const DELETE_USN_UNDERWAY = 0x0010;
        /// Object ids are to be repaired.
        const REPAIR_OBJECT_IDS = 0x0020;
        /// Corruption stopped the system.
        const CORRUPTION_BUGCHECK = 0x0040;
        /// Short names are off. Stock Windows 10 volumes have this bit.
        const SHORT_NAMES_DISABLED = 0x0080;
        /// A full check is needed.
        const FULL_CHECK_NEEDED = 0x0100;
        /// A scan ahead of need is asked for.
        const PROACTIVE_SCAN_NEEDED = 0x0200;
        /// Transactions are off.
        const TXF_DISABLED = 0x0400;
        /// Scrubbing is off.
        const SCRUB_DISABLED = 0x0800;
        /// There are no streams `$Verify` and `$Corrupt`.
        const NO_VERIFY_STREAMS = 0x1000;
        /// Access statistics are off.
        const HEAT_GATHERING_DISABLED = 0x2000;
        /// A check was underway.
        const CHECK_UNDERWAY = 0x4000;
        /// A check changed the volume.
        const MODIFIED_BY_CHECK = 0x8000;
    }
}

/// The value of a `$VOLUME_INFORMATION` attribute: 12 bytes.
///
/// Layout: 0 reserved (8 bytes), 8 major version, 9 minor version, 10 flags (`u16`).
///
/// Reference: `VOLUME_INFORMATION`, type 0x70.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeInformation<'a> {
    fixed: &'a [u8; 12],
}

impl<'a> VolumeInformation<'a> {
    /// Views the value of the attribute, which may be longer.
    ///
    /// # Errors
    /// When the value has less than 12 bytes.
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let fixed = value.first_chunk().ok_or_else(|| Damage::too_short(0, "$VOLUME_INFORMATION", 12, value.len()))?;
        Ok(Self { fixed })
    }

    /// Major version of NTFS: 3 since Windows 2000. Some current volumes say 1; nothing depends on it.
    #[must_use]
    pub fn major_version(&self) -> u8 {
        le::u8_in::<8, 12>(self.fixed)
    }

    /// Minor version of NTFS: 1 since Windows XP.
    #[must_use]
    pub fn minor_version(&self) -> u8 {
        le::u8_in::<9, 12>(self.fixed)
    }

    /// The state of the volume.
    #[must_use]
    pub fn flags(&self) -> VolumeFlags {
        VolumeFlags::from_bits_retain(le::u16_in::<10, 12>(self.fixed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_where_they_lie() {
        let view = VolumeInformation::parse(&[0, 0, 0, 0, 0, 0, 0, 0, 3, 7, 0, 0]).unwrap();
        assert_eq!((view.major_version(), view.minor_version()), (3, 7));
    }

    #[test]
    fn stock_windows_10_volume() {
        let value = [0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0x80, 0];
        let information = VolumeInformation::parse(&value).unwrap();
        assert_eq!((information.major_version(), information.minor_version()), (3, 1));
        assert_eq!(information.flags(), VolumeFlags::SHORT_NAMES_DISABLED);
        for len in 0..value.len() {
            let damage = Damage::too_short(0, "$VOLUME_INFORMATION", 12, len);
            assert_eq!(VolumeInformation::parse(&value[..len]).unwrap_err(), damage);
        }
    }

    #[test]
    fn a_label_of_odd_or_great_length_is_shown_and_flagged() {
        assert_eq!(VolumeName::new(b"D\0a\0").damage(), None);
        let odd = VolumeName::new(b"D\0a\0t");
        assert!(odd.name().is("Da"));
        assert_eq!(odd.damage(), Some(Damage::bad_value(0, "length of $VOLUME_NAME", 5_u64)));
        let long = [b'a', 0].repeat(129);
        assert_eq!(VolumeName::new(&long).name().len(), 129);
        assert!(VolumeName::new(&long).damage().is_some() && VolumeName::new(&long[2..]).damage().is_none());
        assert!(VolumeName::new(&[]).name().is_empty());
    }
}
