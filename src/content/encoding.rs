//! How the bytes of a stream are stored.

use crate::catalog::stream::Stream;
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
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
    pub(crate) const OVERLAY_STREAM: &'static str = "WofCompressedData";

    /// How much of a reparse point is read to tell the encoding: tag, provider and algorithm stand in its first
    /// 32 bytes, and any number of files may share the clusters of a long one.
    const TELLING: u64 = 512;

    /// The encoding of a stream by the flags of its first piece, and, for the main stream, by the
    /// file's reparse point.
    pub(crate) fn of(stream: &Stream<'_>) -> Self {
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

impl Stream<'_> {
    /// How the bytes are stored; [`Encoding::Plain`] for a [raw](Self::raw) stream.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        if self.is_raw() { Encoding::Plain } else { Encoding::of(self) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Threads;
    use crate::structure::forge::Forge;
    use crate::volume::forged_volume::{Forged, file, runs, with_runs};

    /// The encodings of the streams of record 30.
    fn encodings(forged: &Forged) -> Vec<Encoding> {
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let entry = catalog.entry(30).unwrap();
        entry.streams().iter().map(Stream::encoding).collect()
    }

    fn of(record: Forge) -> Encoding {
        encodings(&Forged::new(vec![(30, record)]))[0]
    }

    fn value(tag: ReparseTag, data: &[u32]) -> Vec<u8> {
        let data: Vec<u8> = data.iter().flat_map(|word| word.to_le_bytes()).collect();
        [&tag.0.to_le_bytes()[..], &(data.len() as u32).to_le_bytes(), &data].concat()
    }

    fn plain() -> Forge {
        with_runs(&[(16, Some(300))], 8192, 8192)
    }

    #[test]
    fn flags_tell_how_a_stream_is_stored() {
        assert_eq!(of(plain()), Encoding::Plain);
        assert_eq!(of(plain().stored_as(1, 4)), Encoding::Compressed);
        assert_eq!(of(plain().stored_as(0x4000, 0)), Encoding::Encrypted);
        assert_eq!(of(plain().stored_as(0x4001, 4)), Encoding::Encrypted);
        assert_eq!(of(plain().stored_as(0x8000, 0)), Encoding::Plain);
        let resident = file().resident(AttributeType::DATA, "", &[7]);
        assert_eq!(of(resident.stored_as(1, 0)), Encoding::Plain, "a resident value is as it is, whatever the flags");
    }

    #[test]
    fn content_of_links_and_special_files_is_their_own() {
        for &tag in ReparseTag::KNOWN {
            let encoding = of(plain().resident(AttributeType::REPARSE_POINT, "", &value(tag, &[0; 4])));
            let expected = if has_own_content(tag) { Encoding::Plain } else { Encoding::Elsewhere(tag) };
            assert_eq!(encoding, expected, "{tag:?}");
        }
        assert!(
            [ReparseTag::SYMLINK, ReparseTag::MOUNT_POINT, ReparseTag::LX_SYMLINK].into_iter().all(has_own_content)
        );
        assert!(![ReparseTag::DEDUP, ReparseTag::CLOUD_6, ReparseTag::HSM].into_iter().any(has_own_content));
        let unknown = ReparseTag(0x8000_7777);
        let record = plain().resident(AttributeType::REPARSE_POINT, "", &value(unknown, &[]));
        assert_eq!(of(record), Encoding::Elsewhere(unknown), "it may be a service's");
    }

    #[test]
    fn the_reparse_point_concerns_the_main_stream() {
        let record = plain().resident(AttributeType::REPARSE_POINT, "", &value(ReparseTag::DEDUP, &[]));
        let record = record.resident(AttributeType::DATA, "named", &[7]);
        let expected = [Encoding::Elsewhere(ReparseTag::DEDUP), Encoding::Plain];
        assert_eq!(encodings(&Forged::new(vec![(30, record)])), expected);
        let link = plain().stored_as(1, 4);
        let link = link.resident(AttributeType::REPARSE_POINT, "", &value(ReparseTag::SYMLINK, &[0; 3]));
        assert_eq!(of(link), Encoding::Compressed, "a link's stream is what its flags say");
    }

    #[test]
    fn a_reparse_point_in_clusters_or_damaged_is_one_all_the_same() {
        let bytes = value(ReparseTag::WOF, &[1, 2, 1, 3]);
        let overlay = Encoding::Overlay(WofAlgorithm::XPRESS_16K);
        assert_eq!(of(plain().resident(AttributeType::REPARSE_POINT, "", &bytes)), overlay);
        let size = bytes.len() as u64;
        let outside =
            plain().runs(AttributeType::REPARSE_POINT, "", (0, 0), [512, size, size], &runs(&[(1, Some(400))]));
        let mut forged = Forged::new(vec![(30, outside)]);
        forged.write(400, &bytes);
        assert_eq!(encodings(&forged)[0], overlay);
        forged.spoil(400 * 512..401 * 512);
        assert_eq!(encodings(&forged)[0], Encoding::Elsewhere(ReparseTag(0)));
        let short = plain().resident(AttributeType::REPARSE_POINT, "", &[1, 2, 3]);
        assert_eq!(of(short), Encoding::Elsewhere(ReparseTag(0)));
    }

    #[test]
    fn a_placeholder_whose_reparse_point_is_gone_has_its_content_elsewhere() {
        let information = |attributes: FileAttributes| {
            let mut value = [0; 48];
            value[32..36].copy_from_slice(&attributes.bits().to_le_bytes());
            value
        };
        let with = |record: Forge, attributes| {
            record.resident(AttributeType::STANDARD_INFORMATION, "", &information(attributes))
        };
        let claims = FileAttributes::REPARSE_POINT;
        assert_eq!(of(with(plain(), claims)), Encoding::Elsewhere(ReparseTag(0)));
        assert_eq!(of(with(plain(), FileAttributes::HIDDEN)), Encoding::Plain);
        let resident = file().resident(AttributeType::DATA, "", &[7]);
        assert_eq!(of(with(resident, claims)), Encoding::Plain, "its content is here");
    }
}
