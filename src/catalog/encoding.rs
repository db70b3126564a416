//! How the bytes of a stream are stored.

use super::stream::Stream;
use crate::structure::attribute::AttributeFlags;
use crate::structure::attribute_type::AttributeType;
use crate::structure::value::file_attributes::FileAttributes;
use crate::structure::value::reparse_payload::ReparsePayload;
use crate::structure::value::reparse_payload::WofAlgorithm;
use crate::structure::value::reparse_point::ReparsePoint;
use crate::structure::value::reparse_tag::ReparseTag;

/// How the bytes of a stream are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// As they are, with or without holes.
    Plain,
    /// In compression units (LZNT1), each of which may be stored as it is.
    Compressed,
    /// Encrypted (EFS): what is read is the ciphertext.
    Encrypted,
    /// Compressed by the Windows overlay filter, in the file's stream `WofCompressedData`.
    Overlay(WofAlgorithm),
    /// Elsewhere, as far as there are no clusters: the file is a placeholder of the service that the tag
    /// names (tag 0 where the file claims to be one but its reparse point is gone).
    Elsewhere(ReparseTag),
}

impl Encoding {
    /// The stream in which the overlay filter keeps the content.
    pub(super) const OVERLAY_STREAM: &'static str = "WofCompressedData";

    /// How much of a reparse point is read to tell the encoding: tag, provider and algorithm stand in its first
    /// 32 bytes, and any number of files may share the clusters of a long one.
    const TELLING: u64 = 512;

    /// The encoding of a stream by the flags of its first piece, and, for the main stream, by the
    /// file's reparse point.
    pub(super) fn of(stream: &Stream<'_>) -> Self {
        let reparse = if stream.name().is_empty() { Self::by_reparse_point(stream) } else { None };
        let flags = stream.flags();
        match reparse {
            Some(encoding) => encoding,
            None if flags.contains(AttributeFlags::ENCRYPTED) => Self::Encrypted,
            None if flags.is_compressed() && !stream.is_resident() => Self::Compressed,
            None => Self::Plain,
        }
    }

    fn by_reparse_point(stream: &Stream<'_>) -> Option<Self> {
        let entry = stream.entry();
        let wanted = |kind: AttributeType| kind == AttributeType::REPARSE_POINT;
        let Some(attribute) = entry.attributes().find(|attribute| wanted(attribute.attribute_type())) else {
            let attributes = entry.standard_information()?.file_attributes()?;
            let is_lost = attributes.contains(FileAttributes::REPARSE_POINT);
            return (is_lost && !stream.is_resident()).then_some(Self::Elsewhere(ReparseTag(0)));
        };
        match attribute.resident_value() {
            Ok(value) => Self::by_value(value),
            Err(_) => {
                let value = entry.catalog().volume().attribute_value_within(&attribute, Self::TELLING);
                Self::by_value(&value.unwrap_or_default())
            }
        }
    }

    fn by_value(value: &[u8]) -> Option<Self> {
        let Ok(point) = ReparsePoint::parse(value) else { return Some(Self::Elsewhere(ReparseTag(0))) };
        match point.payload() {
            Ok(ReparsePayload::Compressed(algorithm)) => Some(Self::Overlay(algorithm)),
            _ if has_own_content(point.tag()) => None,
            _ => Some(Self::Elsewhere(point.tag())),
        }
    }
}

/// True for tags of links and special files, whose streams are what they are. Any other tag, known or
/// not, may be a service's that takes content away.
fn has_own_content(tag: ReparseTag) -> bool {
    matches!(
        tag,
        ReparseTag::MOUNT_POINT
            | ReparseTag::SYMLINK
            | ReparseTag::LX_SYMLINK
            | ReparseTag::LX_FIFO
            | ReparseTag::LX_CHR
            | ReparseTag::LX_BLK
            | ReparseTag::AF_UNIX
            | ReparseTag::NFS
            | ReparseTag::APPEXECLINK
            | ReparseTag::GLOBAL_REPARSE
            | ReparseTag::DFS
            | ReparseTag::DFSR
            | ReparseTag::CSV
            | ReparseTag::IIS_CACHE
            | ReparseTag::FILTER_MANAGER
            | ReparseTag::UNHANDLED
            | ReparseTag::WCI_TOMBSTONE
            | ReparseTag::PROJFS_TOMBSTONE
    )
}
