//! Records that were never on disk: what is known of a file without one, in the form of one.

use super::attribute_type::AttributeType;
use super::record::{Record, RecordFlags};
use super::update_sequence::STRIDE;
use crate::base::damage::Damage;
use crate::base::reference::FileReference;
use alloc::vec;
use alloc::vec::Vec;

/// Where NTFS 3.0 puts the update sequence array: such a record does not name its own number.
const ARRAY: usize = 42;
/// Bytes of the header of a resident attribute without a name.
const ATTRIBUTE_HEADER: usize = 24;
/// Bytes of the header of a non-resident attribute.
const STREAM_HEADER: usize = 64;
/// The smallest record made: with room for the longest name. And the largest there is.
const SIZES: [usize; 7] = [1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];
/// Room for names in the largest record.
const ROOM: usize = (64 << 10) - 512;
/// The update sequence number of every such record.
const NUMBER: [u8; 2] = [1, 0];

impl Record<'static> {
    /// A record that has names for attributes, each the value of a `$FILE_NAME`, and nothing else.
    /// Names that find no room in the largest record are left out.
    ///
    /// It is not in use, and no log record speaks of it: only its names and its reference mean something.
    pub(crate) fn of_names<'n>(
        reference: FileReference,
        is_directory: bool,
        names: impl Iterator<Item = &'n [u8]>,
    ) -> Result<Self, Damage> {
        let mut attributes = Vec::new();
        for (id, name) in (0_u16..).zip(names) {
            let length = ATTRIBUTE_HEADER.saturating_add(name.len()).next_multiple_of(8);
            if attributes.len().saturating_add(length) > ROOM {
                break;
            }
            push_name(&mut attributes, name, length, id);
        }
        Self::of_attributes(reference, is_directory, &attributes)
    }

    /// A record that has a `$DATA` without runs for each name of a stream. Names that find no room in the largest record
    /// are left out.
    pub(crate) fn of_streams<'n>(
        reference: FileReference,
        names: impl Iterator<Item = &'n [u8]>,
    ) -> Result<Self, Damage> {
        let mut attributes = Vec::new();
        for (id, name) in (0_u16..).zip(names) {
            let runs = STREAM_HEADER.saturating_add(name.len()).next_multiple_of(8);
            let start = attributes.len();
            if start.saturating_add(runs).saturating_add(8) > ROOM {
                break;
            }
            attributes.resize(start.saturating_add(runs).saturating_add(8), 0);
            let Some(attribute) = attributes.get_mut(start..) else { break };
            put(attribute, 0, &AttributeType::DATA.0.to_le_bytes());
            put(attribute, 4, &u32::try_from(runs.saturating_add(8)).unwrap_or(0).to_le_bytes());
            put(attribute, 8, &[1, u8::try_from(name.len() / 2).unwrap_or(0)]);
            put_number(attribute, 10, STREAM_HEADER);
            put(attribute, 14, &id.to_le_bytes());
            put(attribute, 24, &u64::MAX.to_le_bytes());
            put_number(attribute, 32, runs);
            put(attribute, STREAM_HEADER, name);
        }
        Self::of_attributes(reference, false, &attributes)
    }

    fn of_attributes(reference: FileReference, is_directory: bool, attributes: &[u8]) -> Result<Self, Damage> {
        let ends = |size: &usize| first_attribute(*size).saturating_add(attributes.len()).saturating_add(8);
        let size = SIZES.into_iter().find(|size| ends(size) <= *size).unwrap_or(64 << 10);
        let (first, flags) =
            (first_attribute(size), if is_directory { RecordFlags::DIRECTORY } else { RecordFlags::empty() });
        let mut bytes = vec![0; size];
        put(&mut bytes, 0, b"FILE");
        put_number(&mut bytes, 4, ARRAY);
        put_number(&mut bytes, 6, size.div_euclid(STRIDE).saturating_add(1));
        put(&mut bytes, 16, &reference.sequence_number().to_le_bytes());
        put_number(&mut bytes, 20, first);
        put(&mut bytes, 22, &flags.bits().to_le_bytes());
        put(&mut bytes, 24, &u32::try_from(ends(&size)).unwrap_or(0).to_le_bytes());
        put(&mut bytes, 28, &u32::try_from(size).unwrap_or(0).to_le_bytes());
        put(&mut bytes, first, attributes);
        put(&mut bytes, first.saturating_add(attributes.len()), &AttributeType::END.0.to_le_bytes());
        protect(&mut bytes);
        Self::from_vec(reference.record_number(), bytes)
    }
}

/// Where the attributes start: behind the array, which has a word for each stride.
fn first_attribute(size: usize) -> usize {
    let words = size.div_euclid(STRIDE).saturating_add(1);
    ARRAY.saturating_add(words.saturating_mul(2)).next_multiple_of(8)
}

/// Moves the last word of each stride into the array, as a writer does.
fn protect(bytes: &mut [u8]) {
    let mut array = NUMBER.to_vec();
    for stride in bytes.as_chunks_mut::<STRIDE>().0 {
        if let Some(word) = stride.last_chunk_mut::<2>() {
            array.extend_from_slice(word);
            *word = NUMBER;
        }
    }
    put(bytes, ARRAY, &array);
}

/// Appends a resident `$FILE_NAME`.
fn push_name(attributes: &mut Vec<u8>, name: &[u8], length: usize, id: u16) {
    let start = attributes.len();
    attributes.resize(start.saturating_add(length), 0);
    let Some(attribute) = attributes.get_mut(start..) else { return };
    put(attribute, 0, &AttributeType::FILE_NAME.0.to_le_bytes());
    put(attribute, 4, &u32::try_from(length).unwrap_or(0).to_le_bytes());
    put(attribute, 14, &id.to_le_bytes());
    put(attribute, 16, &u32::try_from(name.len()).unwrap_or(0).to_le_bytes());
    put_number(attribute, 20, ATTRIBUTE_HEADER);
    // Names are always indexed.
    put(attribute, 22, &[1]);
    put(attribute, ATTRIBUTE_HEADER, name);
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(offset..offset.saturating_add(value.len())) {
        place.copy_from_slice(value);
    }
}

/// Two bytes.
fn put_number(bytes: &mut [u8], offset: usize, number: usize) {
    put(bytes, offset, &u16::try_from(number).unwrap_or(0).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::forge::utf16;

    fn name(text: &str) -> Vec<u8> {
        let mut value = vec![0; 66];
        value[..8].copy_from_slice(&FileReference::new(5, 5).0.to_le_bytes());
        value[64] = text.encode_utf16().count() as u8;
        value[65] = 1;
        value.extend(utf16(text));
        value
    }

    fn made(texts: &[String]) -> (Record<'static>, Vec<String>) {
        let names: Vec<Vec<u8>> = texts.iter().map(|text| name(text)).collect();
        let record = Record::of_names(FileReference::new(70, 3), true, names.iter().map(Vec::as_slice)).unwrap();
        let found = record.attributes().map(|attribute| attribute.unwrap().file_name().unwrap().0.name().to_string());
        let found = found.collect();
        (record, found)
    }

    #[test]
    fn it_has_the_names_and_no_damage() {
        for texts in
            [vec![], vec!["a".to_owned()], vec!["x".repeat(255); 3], (0..99).map(|n| format!("n{n}")).collect()]
        {
            let (record, found) = made(&texts);
            assert_eq!((found, record.damage()), (texts, vec![]));
            assert_eq!(record.reference(), FileReference::new(70, 3));
            assert!(record.header().is_directory() && !record.header().is_in_use() && record.is_sound());
        }
    }

    #[test]
    fn streams_have_names_and_nothing_else() {
        for texts in [vec![""], vec!["a", "", "a longer name"], vec!["x"; 600]] {
            let names: Vec<Vec<u8>> = texts.iter().map(|text| utf16(text)).collect();
            let record = Record::of_streams(FileReference::new(70, 3), names.iter().map(Vec::as_slice)).unwrap();
            let found: Vec<_> = record.attributes().map(|attribute| attribute.unwrap()).collect();
            assert!(record.is_sound() && found.iter().all(crate::structure::attribute::Attribute::is_sound));
            assert!(found.iter().map(|attribute| attribute.name().to_string()).eq(texts));
            assert!(found.iter().all(|it| it.non_resident().unwrap().data_runs().unwrap().count() == 0));
        }
    }

    #[test]
    fn more_names_than_a_record_holds_are_left_out() {
        let (record, found) = made(&vec!["x".repeat(255); 200]);
        assert!(record.damage().is_empty() && found.len() > 100 && found.len() < 200);
    }
}
