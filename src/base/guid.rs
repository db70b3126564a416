//! GUIDs in Microsoft's mixed byte order.

use core::fmt;

use super::le;

/// A GUID: a `u32` and two `u16` little-endian, then eight bytes as they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// True when all sixteen bytes are zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 16]
    }

    /// The version in the GUID's text form; version 1 encodes a time and a network address.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.0[7] >> 4
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = &self.0;
        let (a, b, c) = (le::u32_in::<0, 16>(bytes), le::u16_in::<4, 16>(bytes), le::u16_in::<6, 16>(bytes));
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{:02x}{:02x}-", bytes[8], bytes[9])?;
        le::array_in::<10, 6, 16>(bytes).iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_microsofts() {
        // The GPT type of a basic data partition, as it lies on disk.
        let guid =
            Guid([0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7]);
        assert_eq!(guid.to_string(), "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7");
        assert_eq!(guid.version(), 4);
        assert!(!guid.is_zero());
    }
}
