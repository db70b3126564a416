//! `$REPARSE_POINT`: a file that stands for something else, or whose content is elsewhere.

use crate::base::damage::Damage;
use crate::base::guid::Guid;
use crate::base::le;

use super::reparse_payload::ReparsePayload;
use super::reparse_tag::ReparseTag;

/// The value of a `$REPARSE_POINT` attribute, up to 16 KiB.
///
/// Layout: 0 tag (`u32`), 4 data length, 6 reserved (`u16` each), 8 data; for tags that are not
/// Microsoft's 8 the owner's GUID, 24 data. The length counts the data only.
///
/// Reference: \[MS-FSCC\] 2.1.2; type 0xC0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReparsePoint<'a> {
    fixed: &'a [u8; 8],
    guid: Option<Guid>,
    data: &'a [u8],
    available: usize,
}

impl<'a> ReparsePoint<'a> {
    const HEADER: usize = 8;
    const GUID: usize = 16;

    /// Views the value of the attribute.
    ///
    /// # Errors
    /// When the value has less than 8 bytes.
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let (fixed, rest) = value
            .split_first_chunk()
            .ok_or_else(|| Damage::too_short(0, "$REPARSE_POINT", Self::HEADER, value.len()))?;
        let (guid, rest) = match rest.split_first_chunk() {
            Some((guid, rest)) if !tag_in(fixed).is_microsoft() => (Some(Guid(*guid)), rest),
            _ => (None, rest),
        };
        let data = rest.get(..length_in(fixed)).unwrap_or(rest);
        Ok(Self { fixed, guid, data, available: rest.len() })
    }

    /// Who interprets the data.
    #[must_use]
    pub fn tag(&self) -> ReparseTag {
        tag_in(self.fixed)
    }

    /// The owner of a tag that is not Microsoft's.
    #[must_use]
    pub fn guid(&self) -> Option<Guid> {
        self.guid
    }

    /// The data as stored, as far as it is there.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// What is wrong with the lengths: the data is cut, or the owner's GUID is missing.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        if self.guid.is_none() && !self.tag().is_microsoft() {
            let found = self.available.saturating_add(Self::HEADER);
            let needed = Self::HEADER.saturating_add(Self::GUID);
            return Some(Damage::too_short(0, "$REPARSE_POINT of a foreign tag", needed, found));
        }
        let claimed = length_in(self.fixed);
        (claimed > self.available)
            .then(|| Damage::out_of_bounds("data of $REPARSE_POINT", self.data_offset(), claimed, self.available))
    }

    /// What the data says, for the tags whose data is known; else the data itself.
    ///
    /// # Errors
    /// When the data does not have the form that the tag asks for.
    pub fn payload(&self) -> Result<ReparsePayload<'a>, Damage> {
        let start = u64::try_from(self.data_offset()).unwrap_or(u64::MAX);
        ReparsePayload::parse(self.tag(), self.data).map_err(|damage| damage.within(None, start))
    }

    /// Where the data starts in the value; offsets that a payload reports count from there.
    #[must_use]
    pub fn data_offset(&self) -> usize {
        if self.guid.is_some() { Self::HEADER.saturating_add(Self::GUID) } else { Self::HEADER }
    }
}

fn tag_in(fixed: &[u8; 8]) -> ReparseTag {
    ReparseTag(le::u32_in::<0, 8>(fixed))
}

fn length_in(fixed: &[u8; 8]) -> usize {
    usize::from(le::u16_in::<4, 8>(fixed))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(tag: u32, length: u16, rest: &[u8]) -> Vec<u8> {
        [&tag.to_le_bytes()[..], &length.to_le_bytes(), &[0, 0], rest].concat()
    }

    #[test]
    fn a_foreign_tag_is_followed_by_its_owner() {
        let bytes = value(0x0000_1234, 3, &[&[7; 16][..], b"abc"].concat());
        let point = ReparsePoint::parse(&bytes).unwrap();
        assert_eq!((point.tag(), point.guid(), point.data()), (ReparseTag(0x1234), Some(Guid([7; 16])), &b"abc"[..]));
        assert_eq!((point.payload(), point.damage()), (Ok(ReparsePayload::Raw(b"abc")), None));
        let cut = ReparsePoint::parse(&bytes[..23]).unwrap();
        assert_eq!((cut.tag(), cut.guid()), (ReparseTag(0x1234), None));
        assert_eq!(cut.damage(), Some(Damage::too_short(0, "$REPARSE_POINT of a foreign tag", 24, 23)));
    }

    #[test]
    fn data_longer_than_the_value_is_clipped_and_reported() {
        let bytes = value(0x8000_0023, 100, b"abc");
        let point = ReparsePoint::parse(&bytes).unwrap();
        assert_eq!(point.data(), b"abc");
        assert_eq!(point.damage(), Some(Damage::out_of_bounds("data of $REPARSE_POINT", 8, 100, 3)));
        for len in 0..8 {
            let damage = Damage::too_short(0, "$REPARSE_POINT", 8, len);
            assert_eq!(ReparsePoint::parse(&bytes[..len]).unwrap_err(), damage);
        }
        let longer = value(0x8000_0023, 2, b"abc");
        let point = ReparsePoint::parse(&longer).unwrap();
        assert_eq!((point.data(), point.damage()), (&b"ab"[..], None));
    }

    #[test]
    fn damage_in_the_payload_counts_from_the_value() {
        let bytes = value(ReparseTag::LX_SYMLINK.0, 3, b"abc");
        let damage = ReparsePoint::parse(&bytes).unwrap().payload().unwrap_err();
        assert_eq!(damage, Damage::too_short(8, "LX_SYMLINK", 4, 3));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            tag in proptest::sample::select(ReparseTag::KNOWN),
            rest in proptest::collection::vec(0_u8..60, 0..300),
            length in 0_u16..320,
        ) {
            let bytes = value(tag.0, length, &rest);
            let point = ReparsePoint::parse(&bytes).unwrap();
            prop_assert_eq!(point.damage().is_some(), usize::from(length) > rest.len());
            let _ = format!("{:?}", point.payload());
        }
    }
}
