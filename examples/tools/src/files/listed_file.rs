//! A file as rows show it: taken apart once, whatever the format.

use std::borrow::Cow;

use ntfs_salvage::catalog::{Link, Parts};
use ntfs_salvage::recoverability::{Assessment, Recoverability};
use ntfs_salvage::structure::value::{NfsFile, ReparsePayload, ReparsePoint, ReparseTag, StandardInformation};
use ntfs_salvage::structure::{Attribute, AttributeType};
use ntfs_salvage::{Entry, FileTime, Stream};

use crate::files::verified_content;
use crate::input::buffer::Buffer;
use crate::judge::Judgement;

/// An entry and its parts.
pub struct ListedFile<'e> {
    pub entry: &'e Entry<'e>,
    pub parts: Parts<'e>,
    /// What is left of each stream, in their order; empty where that is not asked.
    verdicts: Vec<Recoverability>,
    /// What the content of each says of itself; empty where that is not asked.
    judgements: Vec<Option<Judgement>>,
}

/// One row of a flat listing: a link with the main stream, or the first link with a named stream.
#[derive(Clone, Copy)]
pub struct Row<'f, 'e> {
    pub link: Option<&'f Link<'e>>,
    pub stream: Option<&'f Stream<'e>>,
    pub recoverability: Option<&'f Recoverability>,
    /// Whether the row says what all rows of the file would say.
    pub is_full: bool,
}

impl<'e> ListedFile<'e> {
    /// Takes the entry apart.
    #[inline]
    pub fn of(entry: &'e Entry<'e>, assessment: Option<&Assessment<'_>>) -> Self {
        let parts = entry.parts();
        let assess =
            |assessment: &Assessment<'_>| parts.streams.iter().map(|stream| assessment.assess(stream)).collect();
        let verdicts = assessment.map(assess).unwrap_or_default();
        Self { entry, parts, verdicts, judgements: Vec::new() }
    }

    /// Reads the streams, and lets their content change what is known of them.
    pub fn verify_content(&mut self, buffer: &mut Buffer) {
        let file_name = self.parts.links.first().map(|link| link.name().to_string()).unwrap_or_default();
        for (stream, verdict) in self.parts.streams.iter().zip(&mut self.verdicts) {
            let name = if stream.name().is_empty() { file_name.clone() } else { stream.name().to_string() };
            let judgement = verified_content::judge(stream, verdict, &name, buffer);
            if let Some(judgement) = &judgement {
                *verdict = verified_content::with_judgement(verdict.clone(), judgement);
            }
            self.judgements.push(judgement);
        }
    }

    /// What the content of the stream at this place among all of them says of itself, where that was asked.
    pub fn judgement(&self, index: usize) -> Option<&Judgement> {
        self.judgements.get(index)?.as_ref()
    }

    /// The streams, each with what is left of it, where that was asked.
    pub fn assessed_streams(&self) -> impl Iterator<Item = (&Stream<'e>, Option<&Recoverability>)> {
        let verdicts = self.verdicts.iter().map(Some).chain(std::iter::repeat(None));
        self.parts.streams.iter().zip(verdicts)
    }

    /// Gives the rows of a flat listing: one a link, or one without; then one a named stream.
    #[inline]
    pub fn for_each_row(&self, mut write: impl FnMut(Row<'_, 'e>)) {
        let repeats = self.repeats();
        let mut is_full = true;
        let mut row = |link, (stream, recoverability)| {
            write(Row { link, stream, recoverability, is_full });
            is_full = repeats;
        };
        let main = self.assessed_streams().find(|(stream, _)| stream.name().is_empty());
        let main = main.map_or((None, None), |(stream, recoverability)| (Some(stream), recoverability));
        if self.parts.links.is_empty() {
            row(None, main);
        }
        self.parts.links.iter().for_each(|link| row(Some(link), main));
        let named = self.assessed_streams().filter(|(stream, _)| !stream.name().is_empty());
        named.for_each(|(stream, recoverability)| row(self.parts.links.first(), (Some(stream), recoverability)));
    }

    /// Whether the rows of the file repeat what they share: not where it was made to have very many names and
    /// streams. Windows allows 1,024 names.
    pub fn repeats(&self) -> bool {
        self.parts.links.len().saturating_mul(self.parts.streams.len().max(1)) <= 1024
    }

    /// The codes of all that is wrong with the file, each once.
    pub fn damage_codes(&self) -> Vec<&'static str> {
        let mut codes = Vec::new();
        for code in self.parts.damage.iter().map(|damage| damage.kind.code()) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        codes
    }

    pub fn main_stream(&self) -> Option<&Stream<'e>> {
        self.parts.streams.iter().find(|stream| stream.name().is_empty())
    }

    pub fn named_streams(&self) -> impl Iterator<Item = &Stream<'e>> {
        self.parts.streams.iter().filter(|stream| !stream.name().is_empty())
    }

    /// The attributes of a type that few files have.
    pub fn rare(&self, wanted: AttributeType) -> impl Iterator<Item = &Attribute<'e>> {
        self.parts.others.iter().filter(move |attribute| attribute.attribute_type() == wanted)
    }

    /// Where the file leads, if it is a link.
    pub fn reparse_target(&self) -> Option<String> {
        self.reparse()?.target
    }

    /// The reparse point of the file, if it is one.
    #[inline]
    pub fn reparse(&self) -> Option<Reparse> {
        if self.parts.others.is_empty() {
            return None;
        }
        reparse_of(self.entry, &self.parts.others)
    }
}

/// The reparse point among the attributes of a file.
pub fn reparse_of(entry: &Entry<'_>, attributes: &[Attribute<'_>]) -> Option<Reparse> {
    let is_wanted = |attribute: &&Attribute<'_>| attribute.attribute_type() == AttributeType::REPARSE_POINT;
    let attribute = attributes.iter().find(is_wanted)?;
    let value = match attribute.resident_value() {
        Ok(value) => Cow::Borrowed(value),
        Err(_) => Cow::Owned(entry.catalog().volume().attribute_value(attribute).ok()?),
    };
    let point = ReparsePoint::parse(&value).ok()?;
    Some(Reparse { tag: point.tag(), target: point.payload().ok().and_then(|payload| target(&payload)) })
}

/// What a reparse point is, and where it leads.
pub struct Reparse {
    pub tag: ReparseTag,
    pub target: Option<String>,
}

fn target(payload: &ReparsePayload<'_>) -> Option<String> {
    match payload {
        ReparsePayload::SymbolicLink(link) | ReparsePayload::MountPoint(link) => {
            // The prefix leads into the object manager; what follows it is the path people know.
            let name = link.substitute_name().ok()?.to_string();
            Some(name.strip_prefix(r"\??\").map_or_else(|| name.clone(), str::to_owned))
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
