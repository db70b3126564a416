//! A file taken apart in one walk over its attributes: what listings need, at a fifth of the price
//! of asking for each part by itself.

use super::entry::Entry;
use super::link::{Link, pair_names, push_name};
use super::stream::{Stream, join_pieces};
use crate::base::damage::Damage;
use crate::base::few::Few;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;
use crate::structure::value::standard_information::StandardInformation;

/// The parts of an [`Entry`].
#[derive(Debug, Clone, Default)]
pub struct Parts<'e> {
    /// As [`Entry::standard_information`]; of several attributes the first that can be read.
    pub information: Option<StandardInformation<'e>>,
    /// As [`Entry::links`].
    pub links: Few<Link<'e>>,
    /// As [`Entry::streams`].
    pub streams: Few<Stream<'e>>,
    /// The attributes that are none of these, in the order they stand in.
    pub others: Few<Attribute<'e>>,
    /// As [`Entry::damage`].
    pub damage: Vec<Damage>,
}

impl Entry<'_> {
    /// Takes the file apart: the same as asking for each part by itself.
    #[must_use]
    #[inline]
    pub fn parts(&self) -> Parts<'_> {
        let mut parts = Parts { damage: self.found.clone(), ..Parts::default() };
        parts.take_record(self, self.record());
        if self.records().nth(1).is_some() || !parts.others.is_empty() {
            self.take_further(&mut parts);
        }
        parts.damage.sort_by_key(|damage| damage.place);
        pair_names(&mut parts.links);
        join_pieces(&mut parts.streams);
        parts
    }

    /// What few files have: extension records and a list of them, or names from elsewhere.
    #[inline(never)]
    fn take_further<'e>(&'e self, parts: &mut Parts<'e>) {
        self.records().skip(1).for_each(|record| parts.take_record(self, record));
        let is_list = |attribute: &&Attribute<'_>| attribute.attribute_type() == AttributeType::ATTRIBUTE_LIST;
        let list = parts.others.iter().find(is_list);
        if list.is_some() || !self.extension_records().is_empty() {
            self.check_attribute_list(list, &mut parts.damage);
        }
        self.listed_streams().for_each(|attribute| parts.streams.push(Stream::new(self, attribute)));
    }
}

impl<'e> Parts<'e> {
    #[inline]
    fn take_record(&mut self, entry: &'e Entry<'e>, record: &'e Record<'_>) {
        if !record.is_sound() {
            self.damage.append(&mut record.damage());
        }
        let mut walk = record.attributes();
        loop {
            while let Some(attribute) = walk.next_sound() {
                self.take(entry, attribute);
            }
            match walk.next() {
                Some(Ok(attribute)) => self.take(entry, attribute),
                Some(Err(damage)) => self.damage.push(damage),
                None => return,
            }
        }
    }

    #[inline]
    fn take(&mut self, entry: &'e Entry<'e>, attribute: Attribute<'e>) {
        attribute.add_damage(&mut self.damage);
        match attribute.attribute_type() {
            AttributeType::FILE_NAME => match attribute.file_name() {
                Ok((name, damage)) => {
                    self.damage.extend(damage);
                    push_name(&mut self.links, Link::new(&attribute, name));
                }
                Err(_) => self.damage.extend(attribute.value_damage()),
            },
            AttributeType::DATA => {
                self.damage.extend(attribute.value_damage());
                self.streams.push(Stream::new(entry, attribute));
            }
            AttributeType::STANDARD_INFORMATION => {
                let value = attribute.resident_value();
                match value.and_then(StandardInformation::parse) {
                    Ok(information) => _ = self.information.get_or_insert(information),
                    Err(_) => self.damage.extend(attribute.value_damage()),
                }
            }
            _ => {
                self.damage.extend(attribute.value_damage());
                self.others.push(attribute);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::threads::Threads;
    use crate::catalog::Parts;
    use crate::source::{self, Source};
    use crate::structure::attribute_type::AttributeType;
    use crate::volume::Volume;
    use crate::volume::forged_volume::{Forged, file};

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
            for entry in catalog.entries() {
                let parts = entry.parts();
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
            }
        }
    }

    #[test]
    fn damage_of_records_attributes_and_values_is_the_files() {
        let record = file().resident(AttributeType::STANDARD_INFORMATION, "", &[0; 8]);
        let record = record.resident(AttributeType::OBJECT_ID, "", &[0; 4]);
        let mut forged = Forged::new(vec![(30, record)]);
        let codes = |forged: &Forged| {
            let volume = forged.volume();
            let catalog = volume.catalog_with(&Threads::single());
            let entry = catalog.entry(30).unwrap();
            assert_eq!(entry.parts().information, None);
            entry.damage().into_iter().map(|damage| damage.kind.code()).collect::<Vec<_>>()
        };
        assert_eq!(codes(&forged), ["too-short"; 2]);
        forged.record_bytes(30)[1022] ^= 1;
        assert_eq!(codes(&forged), ["too-short", "too-short", "stride-mismatch"]);
    }
}
