//! Where things lie in the image, for whoever damages it.

use std::ops::Range;

use super::record::{self, RECORD};
use super::table::FIRST_USER;
use super::{Habits, Volume};

impl Volume {
    pub(crate) fn habits(&self) -> Habits {
        self.habits
    }

    pub(crate) fn sequence_of(&self, number: u64) -> u16 {
        self.slots[number as usize].sequence
    }

    /// Records that are, or were, of files.
    pub(crate) fn user_records(&self) -> Vec<u64> {
        (FIRST_USER..self.slots.len() as u64).filter(|number| self.slots[*number as usize].was_used).collect()
    }

    pub(crate) fn places_of_record(&self, number: u64) -> Vec<Range<usize>> {
        let part = RECORD.min(self.cluster as usize);
        let place = |at: u64| {
            let lcn = self.table[(at / self.cluster) as usize];
            let start = (lcn * self.cluster + at % self.cluster) as usize;
            start..start + part
        };
        (0..RECORD / part).map(|piece| place(number * RECORD as u64 + (piece * part) as u64)).collect()
    }

    pub(crate) fn place_of_mirror(&self) -> usize {
        (self.nodes[&1].streams[""].map[0].expect("no hole") * self.cluster) as usize
    }

    /// The base record of an extension record; of a base record itself.
    pub(crate) fn base_of(&self, number: u64) -> u64 {
        let bytes = self.record_bytes(number);
        let base = u64::from_le_bytes(bytes[32..40].try_into().expect("eight bytes")) & 0xFFFF_FFFF_FFFF;
        if base == 0 { number } else { base }
    }

    /// Zeros for what all attribute lists say, or for where they say it.
    pub(crate) fn lose_lists(&mut self) {
        for number in self.user_records() {
            let mut bytes = self.record_bytes(number);
            record::empty_lists(&mut bytes);
            self.put_record(number, &bytes);
        }
    }

    /// What `ntfsclone --metadata` makes: no content, neither in clusters nor in records.
    pub(crate) fn metadata_clone(&self, keeps_deleted: bool) -> Vec<u8> {
        let mut clone = self.clone();
        clone.bytes.fill(0);
        let kept = self.nodes.values().flat_map(|node| {
            let of_metadata = node.number < FIRST_USER;
            let streams = node.streams.values().filter(move |_| of_metadata).flat_map(|stream| &stream.map);
            streams.flatten().chain(&node.list).chain(&node.index).chain(&node.bitmap)
        });
        for lcn in kept {
            let place = (lcn * self.cluster) as usize..((lcn + 1) * self.cluster) as usize;
            clone.bytes[place.clone()].copy_from_slice(&self.bytes[place]);
        }
        let end = self.bytes.len() - 512;
        clone.bytes[end..].copy_from_slice(&self.bytes[end..]);
        for number in FIRST_USER..self.slots.len() as u64 {
            let mut bytes = self.record_bytes(number);
            let used = u32::from_le_bytes(bytes[24..28].try_into().expect("four bytes")) as usize;
            bytes[used..].fill(0);
            if !self.slots[number as usize].is_used && !keeps_deleted {
                bytes[56..].fill(0);
                bytes[56..60].fill(0xFF);
                bytes[24] = 64;
                bytes[25] = 0;
            }
            record::empty_values(&mut bytes);
            clone.put_record(number, &bytes);
        }
        clone.bytes
    }
}
