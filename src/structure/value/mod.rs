//! What attributes hold: one typed view for each attribute type.

pub mod access_control_list;
pub mod attribute_list;
pub mod bitmap;
pub mod extended_attributes;
pub mod file_attributes;
pub mod file_name;
pub mod logged_utility_stream;
pub mod object_id;
pub mod reparse_container;
pub mod reparse_payload;
pub mod reparse_point;
pub mod reparse_tag;
pub mod security_descriptor;
pub mod standard_information;
pub mod volume;

use attribute_list::AttributeList;
use bitmap::Bitmap;
use extended_attributes::{EaInformation, ExtendedAttributes};
use file_name::FileName;
use logged_utility_stream::LoggedUtilityStream;
use object_id::ObjectId;
use reparse_point::ReparsePoint;
use security_descriptor::SecurityDescriptor;
use standard_information::StandardInformation;
use volume::{VolumeInformation, VolumeName};

use super::attribute_type::AttributeType;
use super::index::IndexRoot;
use crate::base::damage::Damage;
use crate::base::name::Name;

/// The value of an attribute, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `$STANDARD_INFORMATION`.
    StandardInformation(StandardInformation<'a>),
    /// `$ATTRIBUTE_LIST`.
    AttributeList(AttributeList<'a>),
    /// `$FILE_NAME`.
    FileName(FileName<'a>),
    /// `$OBJECT_ID`.
    ObjectId(ObjectId<'a>),
    /// `$SECURITY_DESCRIPTOR`.
    SecurityDescriptor(SecurityDescriptor<'a>),
    /// `$VOLUME_NAME`.
    VolumeName(VolumeName<'a>),
    /// `$VOLUME_INFORMATION`.
    VolumeInformation(VolumeInformation<'a>),
    /// `$DATA`: content.
    Data(&'a [u8]),
    /// `$INDEX_ROOT`.
    IndexRoot(IndexRoot<'a>),
    /// `$INDEX_ALLOCATION`: records as they lie on disk, their update sequences not applied.
    IndexAllocation(&'a [u8]),
    /// `$BITMAP`.
    Bitmap(Bitmap<'a>),
    /// `$REPARSE_POINT`.
    ReparsePoint(ReparsePoint<'a>),
    /// `$EA_INFORMATION`.
    EaInformation(EaInformation<'a>),
    /// `$EA`.
    ExtendedAttributes(ExtendedAttributes<'a>),
    /// `$LOGGED_UTILITY_STREAM`.
    LoggedUtilityStream(LoggedUtilityStream<'a>),
    /// A type that is not known.
    Raw(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Views the whole value of the attribute of this type and name.
    ///
    /// # Errors
    /// When the bytes cannot be what the type asks for; the offset counts from their first.
    pub fn parse(attribute_type: AttributeType, name: Name<'_>, value: &'a [u8]) -> Result<Self, Damage> {
        match attribute_type {
            AttributeType::STANDARD_INFORMATION => StandardInformation::parse(value).map(Self::StandardInformation),
            AttributeType::ATTRIBUTE_LIST => AttributeList::parse(value).map(Self::AttributeList),
            AttributeType::FILE_NAME => FileName::parse(value).map(Self::FileName),
            AttributeType::OBJECT_ID => ObjectId::parse(value).map(Self::ObjectId),
            AttributeType::SECURITY_DESCRIPTOR => SecurityDescriptor::parse(value).map(Self::SecurityDescriptor),
            AttributeType::VOLUME_NAME => Ok(Self::VolumeName(VolumeName::new(value))),
            AttributeType::VOLUME_INFORMATION => VolumeInformation::parse(value).map(Self::VolumeInformation),
            AttributeType::DATA => Ok(Self::Data(value)),
            AttributeType::INDEX_ROOT => IndexRoot::parse(value).map(Self::IndexRoot),
            AttributeType::INDEX_ALLOCATION => Ok(Self::IndexAllocation(value)),
            AttributeType::BITMAP => Ok(Self::Bitmap(Bitmap::new(value))),
            AttributeType::REPARSE_POINT => ReparsePoint::parse(value).map(Self::ReparsePoint),
            AttributeType::EA_INFORMATION => EaInformation::parse(value).map(Self::EaInformation),
            AttributeType::EA => Ok(Self::ExtendedAttributes(ExtendedAttributes::new(value))),
            AttributeType::LOGGED_UTILITY_STREAM => {
                LoggedUtilityStream::parse(name, value).map(Self::LoggedUtilityStream)
            }
            _ => Ok(Self::Raw(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unknown_types_stay_raw() {
        let value = [1, 2, 3];
        for code in [0, 0xF0, 0x110, 0x1000, 0xFFFF_FFFF] {
            assert_eq!(Value::parse(AttributeType(code), Name::default(), &value), Ok(Value::Raw(&value)));
        }
    }

    #[test]
    fn the_name_chooses_the_utility_stream() {
        let efs = b"$\0E\0F\0S\0";
        let value = [0; 84];
        let parsed = Value::parse(AttributeType::LOGGED_UTILITY_STREAM, Name::new(efs), &value);
        assert!(matches!(parsed, Ok(Value::LoggedUtilityStream(LoggedUtilityStream::Efs(_)))));
        let parsed = Value::parse(AttributeType::LOGGED_UTILITY_STREAM, Name::default(), &value);
        assert!(matches!(parsed, Ok(Value::LoggedUtilityStream(LoggedUtilityStream::Raw(_)))));
    }

    proptest! {
        #[test]
        fn no_type_panics_on_arbitrary_bytes(code in 0_u32..=0x11, value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let parsed = Value::parse(AttributeType(code * 0x10), Name::default(), &value);
            let _ = format!("{parsed:?}");
        }
    }
}
