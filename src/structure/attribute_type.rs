//! The type codes of attributes.

use core::fmt;

/// What an attribute is: a multiple of 0x10, an open set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[doc(alias = "ATTRIBUTE_TYPE_CODE")]
pub struct AttributeType(pub u32);

impl AttributeType {
    /// Times, attributes, security id: resident, in the base record only.
    pub const STANDARD_INFORMATION: Self = Self(0x10);
    /// Which record holds which attribute of a file that needs several records.
    pub const ATTRIBUTE_LIST: Self = Self(0x20);
    /// One name in one directory.
    pub const FILE_NAME: Self = Self(0x30);
    /// The object id (NT 4: `$VOLUME_VERSION`).
    pub const OBJECT_ID: Self = Self(0x40);
    /// A security descriptor, where the file has none in `$Secure`.
    pub const SECURITY_DESCRIPTOR: Self = Self(0x50);
    /// The volume's label.
    pub const VOLUME_NAME: Self = Self(0x60);
    /// The volume's version and flags.
    pub const VOLUME_INFORMATION: Self = Self(0x70);
    /// Content: unnamed is the main stream, named ones are alternate streams.
    pub const DATA: Self = Self(0x80);
    /// The root node of an index.
    pub const INDEX_ROOT: Self = Self(0x90);
    /// The other nodes of an index.
    pub const INDEX_ALLOCATION: Self = Self(0xA0);
    /// A bit for each record of the MFT, or for each node of an index.
    pub const BITMAP: Self = Self(0xB0);
    /// A reparse point (NT 4: `$SYMBOLIC_LINK`).
    pub const REPARSE_POINT: Self = Self(0xC0);
    /// Sizes of the extended attributes.
    pub const EA_INFORMATION: Self = Self(0xD0);
    /// Extended attributes.
    pub const EA: Self = Self(0xE0);
    /// NT 4, never used.
    pub const PROPERTY_SET: Self = Self(0xF0);
    /// `$EFS`, `$TXF_DATA` and the like.
    pub const LOGGED_UTILITY_STREAM: Self = Self(0x100);
    /// Not an attribute: ends the list of attributes.
    pub const END: Self = Self(0xFFFF_FFFF);

    /// NTFS's own name, for the types that have one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::STANDARD_INFORMATION => "$STANDARD_INFORMATION",
            Self::ATTRIBUTE_LIST => "$ATTRIBUTE_LIST",
            Self::FILE_NAME => "$FILE_NAME",
            Self::OBJECT_ID => "$OBJECT_ID",
            Self::SECURITY_DESCRIPTOR => "$SECURITY_DESCRIPTOR",
            Self::VOLUME_NAME => "$VOLUME_NAME",
            Self::VOLUME_INFORMATION => "$VOLUME_INFORMATION",
            Self::DATA => "$DATA",
            Self::INDEX_ROOT => "$INDEX_ROOT",
            Self::INDEX_ALLOCATION => "$INDEX_ALLOCATION",
            Self::BITMAP => "$BITMAP",
            Self::REPARSE_POINT => "$REPARSE_POINT",
            Self::EA_INFORMATION => "$EA_INFORMATION",
            Self::EA => "$EA",
            Self::PROPERTY_SET => "$PROPERTY_SET",
            Self::LOGGED_UTILITY_STREAM => "$LOGGED_UTILITY_STREAM",
            _ => return None,
        })
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttributeType({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_by_their_names_and_others_by_their_number() {
        let names = [
            "$STANDARD_INFORMATION",
            "$ATTRIBUTE_LIST",
            "$FILE_NAME",
            "$OBJECT_ID",
            "$SECURITY_DESCRIPTOR",
            "$VOLUME_NAME",
            "$VOLUME_INFORMATION",
            "$DATA",
            "$INDEX_ROOT",
            "$INDEX_ALLOCATION",
            "$BITMAP",
            "$REPARSE_POINT",
            "$EA_INFORMATION",
            "$EA",
            "$PROPERTY_SET",
            "$LOGGED_UTILITY_STREAM",
        ];
        for (number, name) in (1..).zip(names) {
            assert_eq!(AttributeType(number * 0x10).to_string(), name);
        }
        assert_eq!((AttributeType(0x110).to_string(), AttributeType(0x33).name()), ("0x110".into(), None));
    }
}
