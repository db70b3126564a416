//! Security descriptors by their ids: what `$Secure` keeps for all files of a volume.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;

use crate::base::damage::{Damage, DamageKind, wide};
use crate::catalog::Catalog;
use crate::catalog::entry::Entry;
use crate::source::Source;
use crate::structure::attribute_type::AttributeType;
use crate::structure::security_stream::SecurityEntry;
use crate::structure::value::Value;
use crate::structure::value::security_descriptor::SecurityDescriptor;

/// The security descriptors of a volume.
///
/// `$SDS` holds each of them twice. One whose first copy is damaged is taken from the second; what has the right
/// hash is what was written. Takes the memory of `$SDS`, and some 100 bytes a descriptor.
#[derive(Debug, Clone, Default)]
pub struct Security {
    bytes: Vec<u8>,
    /// Where the descriptors lie in `bytes`, by their ids.
    places: BTreeMap<u32, Range<usize>>,
    damage: Vec<Damage>,
}

impl Catalog<'_> {
    /// Reads the security descriptors. Where `$Secure` is lost there are none, and [`Security::damage`] says so.
    #[must_use]
    pub fn security(&self) -> Security {
        let mut security = Security::default();
        let lost = Damage::in_record(Security::RECORD, 0, DamageKind::Unreadable { length: 0 });
        let entry = match self.entry(Security::RECORD) {
            Ok(entry) if entry.header().is_in_use() => entry,
            _ => return Security { damage: vec![lost], ..security },
        };
        let streams = entry.streams();
        let Some(stream) = streams.iter().find(|stream| stream.name().is("$SDS")) else {
            return Security { damage: vec![lost], ..security };
        };
        // What is missing reads as zeros, and zeros are no descriptors. No stream is longer than its volume.
        let reader = stream.reader().fill_missing(true);
        if reader.take(self.volume().source().size()).read_to_end(&mut security.bytes).is_err() {
            security.damage.push(lost);
        }
        security.find_all();
        security
    }
}

impl Security {
    /// The record of `$Secure`.
    const RECORD: u64 = 9;
    /// Entries start at multiples of this.
    const ALIGNMENT: usize = 16;

    /// Goes over the first copies, and where one is no entry looks for the second.
    fn find_all(&mut self) {
        let distance = usize::try_from(SecurityEntry::MIRROR_DISTANCE).unwrap_or(usize::MAX);
        let mut start = 0_usize;
        while start < self.bytes.len() {
            let end = start.saturating_add(distance);
            let mut position = start;
            while position < end.min(self.bytes.len()) {
                let second = position.saturating_add(distance);
                let found = self.entry_at(position, position).or_else(|| {
                    let found = self.entry_at(second, position)?;
                    let kind = DamageKind::BadValue { what: "entry of $SDS, first copy", value: wide(position) };
                    self.damage.push(Damage::in_record(Self::RECORD, 0, kind));
                    Some(found)
                });
                position = match found {
                    Some((id, place)) => {
                        let behind = place.end.saturating_sub(place.start).saturating_add(position);
                        self.places.entry(id).or_insert(place);
                        behind.saturating_add(20).next_multiple_of(Self::ALIGNMENT)
                    }
                    None => position.saturating_add(Self::ALIGNMENT),
                };
            }
            start = end.saturating_add(distance);
        }
    }

    /// The id of the entry at `position` whose first copy belongs at `first`, and where its descriptor lies.
    fn entry_at(&self, position: usize, first: usize) -> Option<(u32, Range<usize>)> {
        let entry = SecurityEntry::parse(self.bytes.get(position..)?).ok()?;
        let header = entry.header();
        let is_there = header.offset == wide(first) && !entry.descriptor().is_empty() && entry.hash_matches();
        let start = position.saturating_add(20);
        is_there.then(|| (header.security_id, start..start.saturating_add(entry.descriptor().len())))
    }

    /// The descriptor with this id, if it is there and whole.
    #[must_use]
    pub fn descriptor(&self, id: u32) -> Option<SecurityDescriptor<'_>> {
        SecurityDescriptor::parse(self.bytes.get(self.places.get(&id)?.clone())?).ok()
    }

    /// The descriptor of a file: its own, as NTFS before 3.0 had, or the shared one that it names.
    #[must_use]
    pub fn of<'s>(&'s self, entry: &'s Entry<'_>) -> Option<SecurityDescriptor<'s>> {
        let own = entry.attributes_of(AttributeType::SECURITY_DESCRIPTOR).find_map(|attribute| attribute.value().ok());
        match own {
            Some(Value::SecurityDescriptor(descriptor)) => Some(descriptor),
            _ => self.descriptor(entry.standard_information()?.security_id()?),
        }
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.keys().copied()
    }

    /// What is wrong with `$Secure`: copies that had to stand in for others.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source;
    use crate::structure::security_stream::security_hash;
    use crate::volume::Volume;
    use crate::volume::forged_volume::{Forged, add_runs, file};

    fn image() -> Vec<u8> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/links_streams.img");
        let image = source::open(path).unwrap();
        let mut bytes = vec![0; usize::try_from(image.size()).unwrap()];
        image.read_at(0, &mut bytes).unwrap();
        bytes
    }

    /// The owner of every entry.
    fn owners(bytes: &[u8]) -> (Vec<Option<String>>, usize) {
        let volume = Volume::open(&bytes).unwrap();
        let catalog = volume.catalog();
        let security = catalog.security();
        let owner = |entry| Some(security.of(&entry)?.owner().ok()??.to_string());
        (catalog.entries().map(owner).collect(), security.damage().len())
    }

    #[test]
    fn a_damaged_copy_is_replaced_by_the_other() {
        let bytes = image();
        let (expected, damage) = owners(&bytes);
        assert_eq!(damage, 0);
        assert!(expected.iter().flatten().count() > 50, "{expected:?}");
        let volume = Volume::open(&bytes).unwrap();
        let catalog = volume.catalog();
        let entry = catalog.entry(9).unwrap();
        let streams = entry.streams();
        let map = streams.iter().find(|stream| stream.name().is("$SDS")).unwrap().map();
        let places: Vec<_> = map.stored(0, 4096).chain(map.stored(0x4_0000, 0x4_1000)).collect();
        let place = |index: usize| match places[index].location {
            crate::volume::extents::Location::At(position) => usize::try_from(position).unwrap(),
            _ => panic!("$SDS has no holes"),
        };
        let copies = [place(0), place(places.len() - 1)];
        for lost in copies {
            let mut damaged = bytes.clone();
            damaged[lost..lost + 512].fill(0);
            let (found, damage) = owners(&damaged);
            assert_eq!(found, expected, "a lost copy costs nothing");
            assert_eq!(damage > 0, lost == copies[0]);
        }
        let mut damaged = bytes.clone();
        copies.iter().for_each(|&lost| damaged[lost..lost + 4096].fill(0xFF));
        // Some of the volume's own files have a descriptor of their own; of the others nothing is invented.
        let (found, _) = owners(&damaged);
        let is_own = |entry: &Entry<'_>| entry.attributes_of(AttributeType::SECURITY_DESCRIPTOR).next().is_some();
        let own: Vec<bool> = catalog.entries().map(|entry| is_own(&entry)).collect();
        assert!(own.contains(&true));
        for ((found, expected), is_own) in found.into_iter().zip(expected).zip(own) {
            assert_eq!(found, expected.filter(|_| is_own));
        }
    }

    const DISTANCE: usize = 0x4_0000;

    /// An entry of `$SDS` that belongs at `place`, with its padding.
    fn entry(id: u32, place: usize, descriptor: &[u8]) -> Vec<u8> {
        let mut bytes = security_hash(descriptor).to_le_bytes().to_vec();
        bytes.extend_from_slice(&id.to_le_bytes());
        bytes.extend_from_slice(&(place as u64).to_le_bytes());
        bytes.extend_from_slice(&(descriptor.len() as u32 + 20).to_le_bytes());
        bytes.extend_from_slice(descriptor);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        bytes
    }

    /// A descriptor with the owner S-1-5-`last`.
    fn descriptor(last: u32) -> Vec<u8> {
        let mut bytes = vec![1, 0, 0, 0x80, 20, 0, 0, 0];
        bytes.resize(20, 0);
        bytes.extend_from_slice(&[1, 1, 0, 0, 0, 0, 0, 5]);
        bytes.extend_from_slice(&last.to_le_bytes());
        bytes
    }

    fn found(bytes: Vec<u8>) -> Security {
        let mut security = Security { bytes, ..Security::default() };
        security.find_all();
        security
    }

    fn owner(security: &Security, id: u32) -> Option<String> {
        Some(security.descriptor(id)?.owner().ok()??.to_string())
    }

    #[test]
    fn descriptors_are_found_by_their_ids() {
        let one = entry(0x100, 0, &descriptor(18));
        let two = entry(0x101, one.len(), &descriptor(19));
        let last_place = DISTANCE - 64;
        let last = entry(0x102, last_place, &descriptor(20));
        let beyond = entry(0x103, 2 * DISTANCE, &descriptor(21));
        let mut bytes = [one, two].concat();
        bytes.resize(last_place, 0);
        bytes.extend(last);
        bytes.resize(DISTANCE, 0);
        bytes.extend_from_within(..);
        bytes.extend_from_slice(&beyond);
        let security = found(bytes.clone());
        assert_eq!(security.ids().collect::<Vec<_>>(), [0x100, 0x101, 0x102, 0x103]);
        let owners = [0x100, 0x101, 0x102, 0x103, 0x104].map(|id| owner(&security, id));
        let expected = ["S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-21"].map(|owner| Some(owner.to_owned()));
        assert_eq!(owners[..4], expected);
        assert_eq!((&owners[4], security.damage()), (&None, &[][..]));
        // A first copy is lost: the second one stands in.
        bytes[..64].fill(0);
        let security = found(bytes);
        assert_eq!(owner(&security, 0x100), Some("S-1-5-18".to_owned()));
        assert_eq!(security.damage().len(), 1);
    }

    #[test]
    fn what_is_no_entry_of_its_place_is_none() {
        let ids = |bytes: Vec<u8>| found(bytes).ids().collect::<Vec<_>>();
        assert_eq!(ids(entry(0x100, 0, &descriptor(18))), [0x100]);
        assert_eq!(ids(entry(0x100, 16, &descriptor(18))), [0_u32; 0], "it belongs elsewhere");
        assert_eq!(ids(entry(0x100, 0, &[])), [0_u32; 0], "without a descriptor");
        let mut damaged = entry(0x100, 0, &descriptor(18));
        damaged[30] ^= 1;
        assert_eq!(ids(damaged), [0_u32; 0], "not the bytes that were written");
        let twice = entry(0x100, 0, &descriptor(18));
        let twice = [twice.clone(), entry(0x100, twice.len(), &descriptor(19))].concat();
        assert_eq!(owner(&found(twice), 0x100), Some("S-1-5-18".to_owned()), "of two the first counts");
    }

    #[test]
    fn a_lost_secure_file_is_told() {
        let stream = || entry(0x100, 0, &descriptor(18));
        let size = stream().len() as u64;
        let secure = |name| add_runs(file(), name, &[(1, Some(300))], size, size);
        let told = |records| {
            let mut forged = Forged::new(records);
            forged.write(300, &stream());
            let volume = forged.volume();
            let security = volume.catalog().security();
            (security.ids().collect::<Vec<_>>(), security.damage().len())
        };
        assert_eq!(told(vec![(9, secure("$SDS"))]), (vec![0x100], 0));
        assert_eq!(told(vec![(9, secure("$SDS").flags(0))]), (vec![], 1), "deleted");
        assert_eq!(told(vec![(9, secure("other"))]), (vec![], 1), "without the stream");
        assert_eq!(told(vec![]), (vec![], 1));
    }

    #[test]
    fn a_file_has_its_own_descriptor_or_the_shared_one() {
        let mut information = [0; 72];
        information[52..56].copy_from_slice(&0x100_u32.to_le_bytes());
        let named = || file().resident(AttributeType::STANDARD_INFORMATION, "", &information);
        let own = named().resident(AttributeType::SECURITY_DESCRIPTOR, "", &descriptor(32));
        let stream = entry(0x100, 0, &descriptor(18));
        let size = stream.len() as u64;
        let secure = add_runs(file(), "$SDS", &[(1, Some(300))], size, size);
        let mut forged = Forged::new(vec![(9, secure), (30, named()), (31, own), (32, file())]);
        forged.write(300, &stream);
        let volume = forged.volume();
        let catalog = volume.catalog();
        let security = catalog.security();
        let owner = |number| {
            let entry = catalog.entry(number).unwrap();
            Some(security.of(&entry)?.owner().ok()??.to_string())
        };
        assert_eq!(owner(30), Some("S-1-5-18".to_owned()));
        assert_eq!(owner(31), Some("S-1-5-32".to_owned()));
        assert_eq!(owner(32), None);
    }
}
