//! A file taken apart in one walk over its attributes: what listings need, at a fifth of the price
//! of asking for each part by itself.

use super::entry::Entry;
use super::link::{Link, pair_names};
use super::stream::{Stream, join_pieces};
use crate::base::damage::Damage;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::value::Value;
use crate::structure::value::standard_information::StandardInformation;

/// The parts of an [`Entry`].
#[derive(Debug, Clone, Default)]
pub struct Parts<'e> {
    /// As [`Entry::standard_information`]; of several attributes the first that can be read.
    pub information: Option<StandardInformation<'e>>,
    /// As [`Entry::links`].
    pub links: Vec<Link<'e>>,
    /// As [`Entry::streams`].
    pub streams: Vec<Stream<'e>>,
    /// The attributes that are none of these, in the order they stand in.
    pub others: Vec<Attribute<'e>>,
    /// As [`Entry::damage`].
    pub damage: Vec<Damage>,
}

/// The buffers of [`Parts`] that are no longer needed, for those of the next file.
#[derive(Debug, Default)]
pub struct SpareParts {
    links: Vec<Link<'static>>,
    streams: Vec<Stream<'static>>,
    others: Vec<Attribute<'static>>,
    damage: Vec<Damage>,
}

/// An empty vector in the memory of another; of the same layout, as the types here are but for
/// their lifetimes, the standard library takes it over.
fn reuse<T, U>(mut buffer: Vec<T>) -> Vec<U> {
    buffer.clear();
    buffer.into_iter().filter_map(|_| None).collect()
}

impl Parts<'_> {
    /// Gives the buffers back.
    #[must_use]
    pub fn into_spare(self) -> SpareParts {
        let Self { links, streams, others, damage, .. } = self;
        SpareParts { links: reuse(links), streams: reuse(streams), others: reuse(others), damage }
    }
}

impl Entry<'_> {
    /// Takes the file apart: the same as asking for each part by itself.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        self.parts_in(SpareParts::default())
    }

    /// The same in buffers that were used before: a million files need no more memory than one.
    #[must_use]
    pub fn parts_in(&self, spare: SpareParts) -> Parts<'_> {
        let SpareParts { links, streams, others, mut damage } = spare;
        damage.clear();
        damage.extend_from_slice(&self.found);
        let (links, streams, others) = (reuse(links), reuse(streams), reuse(others));
        let mut parts = Parts { information: None, links, streams, others, damage };
        for record in self.records() {
            if !record.is_sound() {
                parts.damage.append(&mut record.damage());
            }
            for attribute in record.attributes() {
                match attribute {
                    Ok(attribute) => parts.take(self, attribute),
                    Err(damage) => parts.damage.push(damage),
                }
            }
        }
        let list = parts.others.iter().find(|attribute| attribute.attribute_type() == AttributeType::ATTRIBUTE_LIST);
        if list.is_some() || !self.extension_records().is_empty() {
            self.check_attribute_list(list, &mut parts.damage);
        }
        if parts.damage.len() > 1 {
            parts.damage.sort_by_key(|damage| damage.place);
        }
        pair_names(&mut parts.links);
        join_pieces(&mut parts.streams);
        parts
    }
}

impl<'e> Parts<'e> {
    #[inline]
    fn take(&mut self, entry: &'e Entry<'e>, attribute: Attribute<'e>) {
        if !attribute.is_sound() {
            self.damage.append(&mut attribute.damage());
        }
        match attribute.attribute_type() {
            AttributeType::FILE_NAME => match attribute.file_name() {
                Ok((name, damage)) => {
                    self.damage.extend(damage);
                    self.links.push(Link::new(&attribute, name));
                }
                Err(_) => self.damage.extend(attribute.value_damage()),
            },
            AttributeType::DATA => {
                self.damage.extend(attribute.value_damage());
                self.streams.push(Stream::new(entry, attribute));
            }
            AttributeType::STANDARD_INFORMATION => match attribute.value() {
                Ok(Value::StandardInformation(information)) => {
                    self.information.get_or_insert(information);
                }
                _ => self.damage.extend(attribute.value_damage()),
            },
            _ => {
                self.damage.extend(attribute.value_damage());
                self.others.push(attribute);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::{Parts, SpareParts};
    use crate::source::{self, Source};
    use crate::structure::attribute_type::AttributeType;
    use crate::volume::Volume;

    /// Every file of a volume, whole and with damaged bytes here and there.
    #[test]
    fn parts_are_what_each_question_by_itself_answers() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/links_streams.img");
        let image = source::open(path).unwrap();
        let mut bytes = vec![0; usize::try_from(image.size()).unwrap()];
        image.read_at(0, &mut bytes).unwrap();
        for step in [0, 97, 1013, 50_021] {
            let mut bytes = bytes.clone();
            let damaged = bytes.iter_mut().skip(16_384).take(145_408).step_by(step.max(1)).filter(|_| step > 0);
            damaged.for_each(|byte| *byte ^= 0x41);
            let Ok(volume) = Volume::open(&bytes) else { continue };
            let catalog = volume.catalog();
            let mut spare = SpareParts::default();
            for entry in catalog.entries() {
                let parts = entry.parts_in(std::mem::take(&mut spare));
                let others = |kind: AttributeType| {
                    !matches!(
                        kind,
                        AttributeType::FILE_NAME | AttributeType::DATA | AttributeType::STANDARD_INFORMATION
                    )
                };
                let expected = Parts {
                    information: parts.information,
                    links: entry.links(),
                    streams: entry.streams(),
                    others: entry.attributes().filter(|attribute| others(attribute.attribute_type())).collect(),
                    damage: entry.damage(),
                };
                assert_eq!(format!("{parts:?}"), format!("{expected:?}"));
                if let Some(information) = entry.standard_information() {
                    assert_eq!(parts.information, Some(information));
                }
                spare = parts.into_spare();
            }
        }
    }
}
