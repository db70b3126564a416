//! Which extension records belong to which file, and which are left from an earlier state of it.
//!
//! A record that extends another names it with its sequence number, and the base's attribute list names the record with
//! its own. Where both can be read both have to agree: one damaged field else lends a file what is another's, and what a
//! longer file once had in a record that was freed since else comes back as its content.

use super::slot::{Slot, SlotFlags};
use super::{Catalog, Extension};
use crate::base::damage::wide;
use crate::base::reference::{FileReference, SequenceMatch};
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;
use crate::structure::value::attribute_list::AttributeList;
use crate::volume::Volume;

/// What a base record says of the records that extend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listed {
    /// Its attribute list names these.
    These(Vec<FileReference>),
    /// It is whole and has no list: none.
    Nobody,
    /// It is damaged, or its list cannot be read.
    Unknown,
}

impl Listed {
    /// Reads what `record` says; of a list no more than `most` bytes are read.
    pub(super) fn in_record(volume: &Volume<'_>, record: &Record<'_>, most: u64) -> Self {
        let mut is_whole = record.is_sound();
        for attribute in record.attributes() {
            match attribute {
                Ok(attribute) if attribute.attribute_type() == AttributeType::ATTRIBUTE_LIST => {
                    let value = Self::value(volume, record, &attribute, most);
                    return value.and_then(|value| Self::in_value(&value, record)).unwrap_or(Self::Unknown);
                }
                Ok(_) => {}
                Err(_) => is_whole = false,
            }
        }
        if is_whole { Self::Nobody } else { Self::Unknown }
    }

    /// The whole value of a list, if it can be read.
    fn value(volume: &Volume<'_>, record: &Record<'_>, list: &Attribute<'_>, most: u64) -> Option<Vec<u8>> {
        let start = usize::try_from(list.place().offset).ok()?;
        let end = start.checked_add(list.bytes().len())?;
        let is_proven = record.update_sequence().is_proven_between(start, end) && !list.is_beyond_used();
        let is_short = list.non_resident().is_none_or(|piece| piece.data_size() <= most);
        let value = volume.attribute_value_within(list, most).ok()?;
        (is_proven && is_short).then_some(value)
    }

    /// The records that a list names. It is none that does not name its base record: where else would that have its
    /// `$STANDARD_INFORMATION`?
    fn in_value(value: &[u8], record: &Record<'_>) -> Option<Self> {
        let mut listed = Vec::new();
        for entry in AttributeList::parse(value).ok()?.entries() {
            listed.push(entry.ok()?.reference());
        }
        let header = record.header();
        let lives = FileReference::lives(record.number(), header.sequence_number(), header.is_in_use());
        let names_base = listed.iter().any(|reference| lives.contains(reference));
        listed.sort_unstable_by_key(|reference| (reference.record_number(), reference.sequence_number()));
        listed.dedup();
        names_base.then_some(Self::These(listed))
    }

    /// Whether it names the record with this number, in the state it is in; none where that is not known.
    fn names(&self, number: u64, extension: Slot, is_base_in_use: bool) -> Option<bool> {
        let is_meant = |reference: &&FileReference| {
            let in_use = extension.flags().contains(SlotFlags::IN_USE) || is_base_in_use;
            reference.sequence_number() != 0 && reference.matches(extension.sequence(), in_use) != SequenceMatch::Other
        };
        match self {
            Self::Unknown => None,
            Self::Nobody => Some(false),
            Self::These(listed) => {
                let first = listed.partition_point(|reference| reference.record_number() < number);
                let same = listed.iter().skip(first).take_while(|reference| reference.record_number() == number);
                Some(same.filter(is_meant).count() > 0)
            }
        }
    }
}

/// What a live file lacks by its own words: names that its link count counts, and what its streams go on with. Where
/// its attribute list is damaged, extension records in use that fill just that are its own, and others are not.
#[derive(Default)]
struct Lacking {
    /// The base record, once it was asked for.
    base: Option<Record<'static>>,
    names: usize,
    cluster_size: u64,
}

impl Lacking {
    /// What the base record `number` lacks, of which these records say that they extend it; nothing is read while all
    /// of them are listed.
    fn of(catalog: &Catalog<'_>, number: u64, group: &[(FileReference, u64)], listed: &Listed) -> Self {
        let is_listed = |number: u64| {
            let slot = catalog.slot(number);
            slot.is_some_and(|slot| listed.names(number, slot, true) == Some(true))
        };
        let is_in_use = |number: u64| catalog.slot(number).is_some_and(|slot| slot.flags().contains(SlotFlags::IN_USE));
        if !is_in_use(number) || !group.iter().any(|(_, number)| is_in_use(*number) && !is_listed(*number)) {
            return Self::default();
        }
        let Ok(base) = catalog.mft().record(number) else { return Self::default() };
        let members = group.iter().filter(|(_, number)| is_listed(*number));
        let elsewhere =
            members.filter_map(|(_, number)| catalog.mft().record(*number).ok()).map(|member| names(&member));
        let known = elsewhere.fold(names(&base), usize::saturating_add);
        let missing = usize::from(base.header().link_count()).saturating_sub(known);
        let cluster_size = catalog.volume().geometry().map_or(0, |geometry| u64::from(geometry.cluster_size()));
        Self { base: Some(base), names: missing, cluster_size }
    }

    /// Whether the record, if it is in use, has what is missing; it is not missing any more then.
    fn is_filled_by(&mut self, catalog: &Catalog<'_>, number: u64, slot: Slot) -> bool {
        let Some(base) = self.base.as_ref().filter(|_| slot.flags().contains(SlotFlags::IN_USE)) else { return false };
        let Some(record) = catalog.mft().record(number).ok().filter(Record::is_sound) else { return false };
        let names = names(&record);
        let goes_on = record.attributes().filter_map(Result::ok).any(|piece| goes_on(base, &piece, self.cluster_size));
        let is_filled = (names > 0 && names <= self.names) || (names == 0 && goes_on);
        self.names = self.names.saturating_sub(names);
        is_filled
    }
}

/// How many names stand in a record.
fn names(record: &Record<'_>) -> usize {
    let attributes = record.attributes().filter_map(Result::ok);
    attributes.filter(|attribute| attribute.attribute_type() == AttributeType::FILE_NAME).count()
}

/// True where a piece starts just where the first one of its stream, in the base record, ends too early for its size.
fn goes_on(base: &Record<'_>, piece: &Attribute<'_>, cluster_size: u64) -> bool {
    let Some(start) = piece.non_resident().map(|piece| piece.lowest_vcn()).filter(|start| *start > 0) else {
        return false;
    };
    let is_same =
        |first: &Attribute<'_>| first.attribute_type() == piece.attribute_type() && first.name() == piece.name();
    let mut firsts = base.attributes().filter_map(Result::ok).filter(is_same);
    firsts.any(|first| {
        let end = first.non_resident().filter(|first| first.lowest_vcn() == 0);
        end.is_some_and(|first| {
            first.clusters() == Some(start) && start.saturating_mul(cluster_size) < first.allocated_size()
        })
    })
}

/// What becomes of an extension record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is part of its file.
    Part,
    /// It is free, and may be part of its file: nothing says that it is not.
    Perhaps,
    /// This file had it in an earlier, longer state.
    Residue(FileReference),
    /// No file has it: together with others that name the same base it is what is left of one.
    Orphan,
}

impl Catalog<'_> {
    /// Bytes of a list that are read at most, while there is room for long ones: any number of files may share one.
    const LONGEST_LIST: u64 = 256 << 10;
    const ROOM_FOR_LISTS: u64 = 64 << 20;

    /// Sorts the extension records to their bases. Those that no base has are sorted to the first
    /// of them: together they are what is left of a file.
    pub(super) fn join_extensions(&mut self, mut found: Vec<(FileReference, u64)>) {
        found.sort_unstable_by_key(|(base, number)| (base.record_number(), base.sequence_number(), *number));
        let mut room = Self::ROOM_FOR_LISTS;
        let mut remains: Option<(FileReference, u64)> = None;
        for group in found.chunk_by(|(one, _), (other, _)| one.record_number() == other.record_number()) {
            for ((base, number), fate) in group.iter().copied().zip(self.fates(group, &mut room)) {
                let is_free = !self.slot(number).is_some_and(|slot| slot.flags().contains(SlotFlags::IN_USE));
                // A base that is there, and does not name it, contradicts it.
                if fate == Fate::Perhaps || (fate == Fate::Orphan && (is_free || self.is_meant(base))) {
                    self.unproven.push(number);
                }
                match (fate, remains.filter(|(reference, _)| *reference == base)) {
                    (Fate::Part | Fate::Perhaps, _) => self.join(base.record_number(), number),
                    (Fate::Residue(of), _) => self.residue.push((number, of)),
                    (Fate::Orphan, Some((_, head))) => self.join(head, number),
                    (Fate::Orphan, None) => {
                        remains = Some((base, number));
                        self.mark_extended(number);
                    }
                }
            }
        }
        self.residue.sort_unstable();
        self.unproven.sort_unstable();
        self.extensions.sort_unstable();
        self.by_number = (0..self.extensions.len()).collect();
        let number = |place: &usize| self.extensions.get(*place).map(|extension| extension.number);
        self.by_number.sort_unstable_by_key(number);
    }

    /// What becomes of the extension records that name one base record.
    fn fates(&self, group: &[(FileReference, u64)], room: &mut u64) -> Vec<Fate> {
        let number = group.first().map_or(0, |(base, _)| base.record_number());
        let Some(base) = self.slot(number).filter(|_| group.iter().any(|(base, _)| self.is_meant(*base))) else {
            return vec![Fate::Orphan; group.len()];
        };
        let is_in_use = base.flags().contains(SlotFlags::IN_USE);
        // A free record that others name with the number it has now was not counted up when it was freed; what names
        // the number before is of the life before.
        let is_last = |reference: FileReference| reference.sequence_number() == base.sequence();
        let was_not_counted = group.iter().any(|(reference, _)| is_last(*reference));
        let listed = self.listed_by(number, wide(group.len()), room);
        let now = FileReference::new(number, base.sequence());
        let mut lacking = Lacking::of(self, number, group, &listed);
        let fate = |&(reference, number): &(FileReference, u64)| {
            let Some(slot) = self.slot(number).filter(|_| self.is_meant(reference)) else { return Fate::Orphan };
            let left = |of| if slot.flags().contains(SlotFlags::IN_USE) { Fate::Orphan } else { Fate::Residue(of) };
            match listed.names(number, slot, is_in_use) {
                _ if was_not_counted && !is_last(reference) => left(reference),
                Some(true) => Fate::Part,
                Some(false) if is_in_use && is_last(reference) && lacking.is_filled_by(self, number, slot) => {
                    Fate::Perhaps
                }
                Some(false) => left(now),
                // A file that shrank leaves freed extension records that still name it.
                None if is_in_use && !slot.flags().contains(SlotFlags::IN_USE) => Fate::Residue(now),
                None if slot.flags().contains(SlotFlags::IN_USE) => Fate::Part,
                None => Fate::Perhaps,
            }
        };
        group.iter().map(fate).collect()
    }

    /// What the base record `number` says of its extension records, of which `count` name it.
    fn listed_by(&self, number: u64, count: u64, room: &mut u64) -> Listed {
        let Ok((bytes, missing)) = self.mft().slot(number) else { return Listed::Unknown };
        if !missing.is_empty() {
            return Listed::Unknown;
        }
        let needed = count.saturating_add(1).saturating_mul(u64::from(self.mft().record_size())).saturating_mul(2);
        let most = needed.max(Self::LONGEST_LIST.min(*room));
        *room = room.saturating_sub(Self::LONGEST_LIST);
        let record = Record::from_vec(number, bytes);
        record.map_or(Listed::Unknown, |record| Listed::in_record(self.volume(), &record, most))
    }

    /// True when the base record that an extension record's `reference` means is there, deleted since or not. Here a
    /// sequence number of 0 is damage: no writer leaves it out.
    pub(super) fn is_meant(&self, reference: FileReference) -> bool {
        let base = self.slot(reference.record_number());
        base.is_some_and(|slot| {
            let flags = slot.flags();
            reference.sequence_number() != 0
                && flags.contains(SlotFlags::RECORD)
                && !flags.contains(SlotFlags::EXTENSION)
                && reference.matches(slot.sequence(), flags.contains(SlotFlags::IN_USE)) != SequenceMatch::Other
        })
    }

    fn join(&mut self, base: u64, number: u64) {
        self.extensions.push(Extension { base, number });
        self.mark_extended(base);
    }

    fn mark_extended(&mut self, number: u64) {
        if let Some(slot) = self.slot_mut(number) {
            slot.add(SlotFlags::HAS_EXTENSIONS);
        }
    }
}
