//! Attributes behind the end marker of a record: left by an earlier life in which more stood there.

use super::attribute::Attribute;
use super::attribute_type::AttributeType;
use super::record::Record;
use crate::base::damage::DamageKind;
use alloc::vec::Vec;

impl Record<'_> {
    /// The attributes that an earlier, longer life of the record left behind its end marker.
    ///
    /// Nothing says where they start: each is found by its own shape, and has a known type and a value or runs
    /// that lie inside it. Whose they were the record cannot say. Where it was parsed without a copy, protected
    /// words among them are as they are on disk; [`into_repaired`](Record::into_repaired) puts them back.
    #[must_use]
    pub fn residue(&self) -> Vec<Attribute<'_>> {
        let bytes = self.bytes();
        let mut found = Vec::new();
        let mut position = bytes.len().saturating_sub(self.slack().len()).next_multiple_of(8);
        while position < bytes.len() {
            // All of it lies behind what the record uses.
            let attribute = Attribute::sound_at(bytes, self.number(), position, 0).filter(is_attribute);
            let length = attribute.as_ref().map_or(8, |attribute| attribute.bytes().len());
            found.extend(attribute);
            position = position.saturating_add(length);
        }
        found
    }
}

/// True where the header fits together: chance rarely writes such.
fn is_attribute(attribute: &Attribute<'_>) -> bool {
    let is_known = (AttributeType::STANDARD_INFORMATION.0..=AttributeType::LOGGED_UTILITY_STREAM.0)
        .contains(&attribute.attribute_type().0);
    let is_named_right =
        attribute.damage().iter().all(|damage| matches!(damage.kind, DamageKind::AttributeBeyondUsed { .. }));
    let has_content = match attribute.non_resident() {
        Some(non_resident) => non_resident.data_runs().is_ok_and(|runs| runs.into_iter().all(|run| run.is_ok())),
        None => attribute.is_resident() && attribute.resident_value().is_ok(),
    };
    is_known && is_named_right && has_content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::forge::Forge;

    #[test]
    fn what_an_earlier_life_left_is_found_behind_the_end() {
        let long = Forge::new(1024)
            .resident(AttributeType::STANDARD_INFORMATION, "", &[0; 48])
            .resident(AttributeType::DATA, "old", b"the old content")
            .on_disk(42);
        let mut short = Forge::new(1024).resident(AttributeType::STANDARD_INFORMATION, "", &[0; 48]).on_disk(42);
        assert!(Record::parse(42, &short).unwrap().residue().is_empty());
        let end = {
            let record = Record::parse(42, &short).unwrap();
            record.bytes().len() - record.slack().len()
        };
        // The marks of the shorter life stand where the old attribute began: the next one is whole.
        let old = Record::parse(42, &long).unwrap();
        let old = old.attributes().last().unwrap().unwrap();
        short[end..][..old.bytes().len()].copy_from_slice(old.bytes());
        let record = Record::parse(42, &short).unwrap();
        let residue = record.residue();
        assert_eq!(residue.len(), 1);
        assert!(residue[0].name().is("old") && residue[0].is_beyond_used());
        assert_eq!(residue[0].resident_value().unwrap(), b"the old content");
        assert_eq!(record.attributes().count(), 1, "it is no attribute of the file");
    }

    #[test]
    fn headers_that_do_not_fit_together_are_no_residue() {
        let plain = Forge::new(1024).resident(AttributeType::STANDARD_INFORMATION, "", &[0; 48]).on_disk(42);
        let long = Forge::new(512).resident(AttributeType::DATA, "old", b"content").on_disk(42);
        let whole = &long[56..56 + usize::from(long[60])];
        // The attribute as it was; then one thing at a time that cannot be: types, a name, a value, a form.
        for (field, value, expected) in [(0, 0x80, 1), (0, 0, 0), (1, 2, 0), (9, 200, 0), (16, 200, 0), (8, 3, 0)] {
            let (mut record, mut attribute) = (plain.clone(), whole.to_vec());
            attribute[field] = value;
            record[512..][..attribute.len()].copy_from_slice(&attribute);
            assert_eq!(Record::parse(42, &record).unwrap().residue().len(), expected, "byte {field} is {value}");
        }
    }

    #[test]
    fn noise_is_no_residue() {
        let mut record = Forge::new(1024).resident(AttributeType::STANDARD_INFORMATION, "", &[0; 48]).on_disk(42);
        for (index, byte) in record.iter_mut().enumerate().skip(300).take(200) {
            *byte = (index as u8).wrapping_mul(37);
        }
        assert!(Record::parse(42, &record).unwrap().residue().is_empty());
    }
}
