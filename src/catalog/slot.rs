//! What the catalog keeps of each record: eight bytes.

use std::collections::BTreeMap;

use bitflags::bitflags;

use crate::base::damage::{Damage, DamageKind};
use crate::structure::record::RecordHeader;

bitflags! {
    /// What a slot of the table holds.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct SlotFlags: u8 {
        /// A FILE or BAAD record.
        const RECORD = 1;
        const IN_USE = 1 << 1;
        const DIRECTORY = 1 << 2;
        /// The record extends another one.
        const EXTENSION = 1 << 3;
        /// Other records extend this one, or, in an extension record without a base: this one is
        /// the first of what is left of its file.
        const HAS_EXTENSIONS = 1 << 4;
        const BAAD = 1 << 5;
        /// No byte of the slot could be read.
        const UNREADABLE = 1 << 6;
        /// The slot starts with neither a signature nor zeros.
        const UNKNOWN = 1 << 7;
    }
}

/// Sequence number, flags and, for a directory, its index: 16, 8 and 40 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(u64);

impl Slot {
    const DIRECTORY_SHIFT: u32 = 24;

    fn new(sequence: u16, flags: SlotFlags) -> Self {
        Self(u64::from(sequence) | (u64::from(flags.bits()) << 16))
    }

    /// A slot of which no byte could be read.
    pub(crate) fn unreadable() -> Self {
        Self::new(0, SlotFlags::UNREADABLE)
    }

    /// A slot without a record: blank, or with something else in it.
    pub(crate) fn without_record(damage: &Damage) -> Self {
        match damage.kind {
            DamageKind::BadSignature { .. } => Self::new(0, SlotFlags::UNKNOWN),
            _ => Self::new(0, SlotFlags::empty()),
        }
    }

    pub(crate) fn of(header: RecordHeader<'_>) -> Self {
        let mut flags = SlotFlags::RECORD;
        flags.set(SlotFlags::IN_USE, header.is_in_use());
        flags.set(SlotFlags::DIRECTORY, header.is_directory());
        flags.set(SlotFlags::EXTENSION, !header.is_base_record());
        flags.set(SlotFlags::BAAD, header.is_baad());
        Self::new(header.sequence_number(), flags)
    }

    #[inline]
    pub(crate) fn sequence(self) -> u16 {
        let [low, high, ..] = self.0.to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    #[inline]
    pub(crate) fn flags(self) -> SlotFlags {
        SlotFlags::from_bits_retain(self.0.to_le_bytes()[2])
    }

    pub(crate) fn remove(&mut self, flags: SlotFlags) {
        self.0 &= !(u64::from(flags.bits()) << 16);
    }

    pub(crate) fn add(&mut self, flags: SlotFlags) {
        self.0 |= u64::from(flags.bits()) << 16;
    }

    /// The directory's place in the list of directories.
    pub(crate) fn directory(self) -> Option<usize> {
        usize::try_from(self.0 >> Self::DIRECTORY_SHIFT).ok()?.checked_sub(1)
    }

    /// Remembers the directory's place; one beyond 40 bits, which no memory holds, is forgotten.
    pub(crate) fn set_directory(&mut self, index: usize) {
        let number = u64::try_from(index).ok().and_then(|index| index.checked_add(1)).filter(|&n| n < 1 << 40);
        let low = self.0 & ((1 << Self::DIRECTORY_SHIFT) - 1);
        self.0 = low | (number.unwrap_or(0) << Self::DIRECTORY_SHIFT);
    }
}

/// The slots of a table by their numbers: of all of it from the first on, or of a few records alone.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    all: Vec<Slot>,
    few: BTreeMap<u64, Slot>,
}

impl Slots {
    pub(crate) fn with_room(count: u64) -> Self {
        Self { all: Vec::with_capacity(usize::try_from(count).unwrap_or(0)), few: BTreeMap::new() }
    }

    /// The slots of these records, where no pass was made.
    pub(crate) fn few(few: BTreeMap<u64, Slot>) -> Self {
        Self { all: Vec::new(), few }
    }

    /// Appends the slots that come next in the table.
    pub(crate) fn extend(&mut self, next: Vec<Slot>) {
        self.all.extend(next);
    }

    #[inline]
    pub(crate) fn get(&self, number: u64) -> Option<Slot> {
        match usize::try_from(number).ok().and_then(|number| self.all.get(number)) {
            Some(slot) => Some(*slot),
            None => self.few.get(&number).copied(),
        }
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Slot> {
        match usize::try_from(number).ok().and_then(|number| self.all.get_mut(number)) {
            Some(slot) => Some(slot),
            None => self.few.get_mut(&number),
        }
    }

    /// All that are known, with their numbers, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, Slot)> + '_ {
        (0_u64..).zip(self.all.iter().copied()).chain(self.few.iter().map(|(number, slot)| (*number, *slot)))
    }

    /// How many slots of the table were passed over.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.few.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_do_not_touch() {
        let mut slot = Slot::new(0xFFFF, SlotFlags::RECORD | SlotFlags::DIRECTORY);
        assert_eq!(slot.directory(), None);
        slot.set_directory(0);
        assert_eq!((slot.sequence(), slot.directory()), (0xFFFF, Some(0)));
        slot.set_directory((1 << 40) - 2);
        slot.add(SlotFlags::HAS_EXTENSIONS);
        assert_eq!(slot.directory(), Some((1 << 40) - 2));
        assert_eq!(slot.flags(), SlotFlags::RECORD | SlotFlags::DIRECTORY | SlotFlags::HAS_EXTENSIONS);
        assert_eq!(slot.sequence(), 0xFFFF);
        assert_eq!(size_of::<Slot>(), 8);
    }

    #[test]
    fn a_place_that_does_not_fit_is_forgotten() {
        let mut slot = Slot::new(7, SlotFlags::DIRECTORY);
        slot.set_directory(5);
        slot.set_directory((1 << 40) - 1);
        assert_eq!((slot.directory(), slot.sequence(), slot.flags()), (None, 7, SlotFlags::DIRECTORY));
    }
}
