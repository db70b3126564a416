//! A file as rows show it: taken apart once, whatever the format.

use std::borrow::Cow;

use ntfs_salvage::catalog::{Link, Stream};
use ntfs_salvage::structure::attribute::Attribute;
use ntfs_salvage::structure::attribute_type::AttributeType;
use ntfs_salvage::structure::value::reparse_payload::{NfsFile, ReparsePayload};
use ntfs_salvage::structure::value::reparse_point::ReparsePoint;
use ntfs_salvage::structure::value::reparse_tag::ReparseTag;
use ntfs_salvage::structure::value::standard_information::StandardInformation;
use ntfs_salvage::{Damage, Entry, FileTime};

/// An entry and what every format asks of it.
pub struct File<'e> {
    pub entry: &'e Entry<'e>,
    pub links: Vec<Link<'e>>,
    pub streams: Vec<Stream<'e>>,
    pub information: Option<StandardInformation<'e>>,
    pub damage: Vec<Damage>,
}

impl<'e> File<'e> {
    pub fn of(entry: &'e Entry<'e>) -> Self {
        Self {
            entry,
            links: entry.links(),
            streams: entry.streams(),
            information: entry.standard_information(),
            damage: entry.damage(),
        }
    }

    pub fn main_stream(&self) -> Option<&Stream<'e>> {
        self.streams.iter().find(|stream| stream.name().is_empty())
    }

    pub fn named_streams(&self) -> impl Iterator<Item = &Stream<'e>> {
        self.streams.iter().filter(|stream| !stream.name().is_empty())
    }

    pub fn attribute(&self, wanted: AttributeType) -> Option<Attribute<'e>> {
        self.entry.attributes().find(|attribute| attribute.attribute_type() == wanted)
    }

    /// Where the file leads, if it is a link.
    pub fn reparse_target(&self) -> Option<String> {
        self.reparse()?.target
    }

    /// The reparse point of the file, if it is one.
    pub fn reparse(&self) -> Option<Reparse> {
        let attribute = self.attribute(AttributeType::REPARSE_POINT)?;
        let value = match attribute.resident_value() {
            Ok(value) => Cow::Borrowed(value),
            Err(_) => Cow::Owned(self.entry.catalog().volume().attribute_value(&attribute).ok()?),
        };
        let point = ReparsePoint::parse(&value).ok()?;
        Some(Reparse { tag: point.tag(), target: point.payload().ok().and_then(|payload| target(&payload)) })
    }
}

/// What a reparse point is, and where it leads.
pub struct Reparse {
    pub tag: ReparseTag,
    pub target: Option<String>,
}

fn target(payload: &ReparsePayload<'_>) -> Option<String> {
    match payload {
        ReparsePayload::SymbolicLink(link) | ReparsePayload::MountPoint(link) => {
            link.substitute_name().ok().map(|name| name.to_string())
        }
        ReparsePayload::LinuxLink(path) => Some(String::from_utf8_lossy(path).into_owned()),
        ReparsePayload::Nfs(NfsFile::Link(name)) => Some(name.to_string()),
        ReparsePayload::ApplicationLink(link) => link.target().map(|name| name.to_string()),
        ReparsePayload::Layer(layer) => Some(layer.name.to_string()),
        _ => None,
    }
}

/// Created, modified, record changed, accessed: the order they have on disk.
pub type Times = [FileTime; 4];

pub fn times_of(information: &StandardInformation<'_>) -> Times {
    [information.created(), information.modified(), information.record_changed(), information.accessed()]
}

pub fn times_of_link(link: &Link<'_>) -> Times {
    let name = link.file_name();
    [name.created(), name.modified(), name.record_changed(), name.accessed()]
}
