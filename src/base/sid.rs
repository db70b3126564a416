//! Security identifiers.

use core::fmt;

use super::damage::Damage;

/// A security identifier, viewed where it lies.
///
/// Layout: 0 revision (1), 1 sub-authority count (at most 15), 2 authority (6 bytes, big-endian),
/// 8 sub-authorities (`u32` each).
///
/// Reference: \[MS-DTYP\] 2.4.2.2.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sid<'a> {
    bytes: &'a [u8],
}

impl<'a> Sid<'a> {
    const HEADER: usize = 8;
    const MAX_SUB_AUTHORITIES: usize = 15;

    /// Views the SID at the start of `bytes`, which may be longer.
    ///
    /// # Errors
    /// When the bytes end inside the SID or it claims more than 15 sub-authorities.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let count = usize::from(*bytes.get(1).ok_or_else(|| Damage::too_short(0, "SID", Self::HEADER, bytes.len()))?);
        if count > Self::MAX_SUB_AUTHORITIES {
            return Err(Damage::bad_value(1, "SID sub-authority count", count));
        }
        let length = Self::HEADER.saturating_add(count.saturating_mul(4));
        let bytes = bytes.get(..length).ok_or_else(|| Damage::too_short(0, "SID", length, bytes.len()))?;
        Ok(Self { bytes })
    }

    /// The bytes of the SID, 8 to 68.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Always 1 in known systems.
    #[must_use]
    pub fn revision(&self) -> u8 {
        self.bytes.first().copied().unwrap_or(0)
    }

    /// The 48-bit identifier authority; 5 is NT.
    #[must_use]
    pub fn authority(&self) -> u64 {
        self.bytes.iter().skip(2).take(6).fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
    }

    /// The sub-authorities in order; the last is the relative identifier.
    pub fn sub_authorities(&self) -> impl Iterator<Item = u32> + 'a {
        let (words, _) = self.bytes.get(Self::HEADER..).unwrap_or_default().as_chunks::<4>();
        words.iter().map(|word| u32::from_le_bytes(*word))
    }
}

impl fmt::Display for Sid<'_> {
    /// `S-1-5-32-544`; an authority of 2^32 or more is written in hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-{}-", self.revision())?;
        match self.authority() {
            large if large > u64::from(u32::MAX) => write!(f, "{large:#x}")?,
            small => write!(f, "{small}")?,
        }
        self.sub_authorities().try_for_each(|sub| write!(f, "-{sub}"))
    }
}

impl fmt::Debug for Sid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::damage::DamageKind;

    const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];

    #[test]
    fn text_form_is_microsofts() {
        let sid = Sid::parse(&ADMINISTRATORS).unwrap();
        assert_eq!(sid.to_string(), "S-1-5-32-544");
        let large = [1, 1, 0x12, 0, 0, 0, 0, 5, 1, 0, 0, 0];
        assert_eq!(Sid::parse(&large).unwrap().to_string(), "S-1-0x120000000005-1");
    }

    #[test]
    fn every_truncation_is_damage_and_more_bytes_are_left_alone() {
        for len in 0..ADMINISTRATORS.len() {
            assert!(Sid::parse(&ADMINISTRATORS[..len]).is_err(), "{len} bytes");
        }
        let mut longer = ADMINISTRATORS.to_vec();
        longer.push(0xEE);
        assert_eq!(Sid::parse(&longer).unwrap().bytes(), ADMINISTRATORS);
    }

    #[test]
    fn more_than_fifteen_sub_authorities_are_refused() {
        let mut bytes = [0; 8 + 4 * 255];
        bytes[1] = 16;
        let kind = DamageKind::BadValue { what: "SID sub-authority count", value: 16 };
        assert_eq!(Sid::parse(&bytes).unwrap_err(), Damage::new(1, kind));
    }
}
