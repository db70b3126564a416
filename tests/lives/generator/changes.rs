//! What happens to whole volumes: what is lost, copied wrongly, formatted over.

use std::collections::BTreeSet;

use super::random::Random;
use super::volume::{Habits, Volume};
use super::{Disk, story, truth::Truth};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// A quick format, and nothing after it.
    Format { is_same_size: bool },
    /// A quick format, and a life on the new volume.
    FormatAndUse { is_same_size: bool },
    /// A copy of the metadata alone. Deleted files' records go, too, or stay.
    MetadataClone { keeps_deleted: bool },
    /// A copy that left sectors out, or has some that are not the volume's.
    Shift { is_longer: bool },
    /// Fields in the headers of some files' records.
    Flip,
    /// Some records are zeros.
    LoseRecords,
    /// Boot sector and backup.
    LoseBoot,
    /// Record 0 and the mirror.
    LoseTable,
}

impl Change {
    pub(crate) const ALL: [Self; 13] = [
        Self::None,
        Self::Format { is_same_size: true },
        Self::Format { is_same_size: false },
        Self::FormatAndUse { is_same_size: true },
        Self::FormatAndUse { is_same_size: false },
        Self::MetadataClone { keeps_deleted: false },
        Self::MetadataClone { keeps_deleted: true },
        Self::Shift { is_longer: false },
        Self::Shift { is_longer: true },
        Self::Flip,
        Self::LoseRecords,
        Self::LoseBoot,
        Self::LoseTable,
    ];
}

/// A volume after what happened to it.
pub(crate) struct Changed {
    pub(crate) image: Vec<u8>,
    pub(crate) current: Truth,
    pub(crate) older: Vec<Truth>,
    /// Records that are damaged.
    pub(crate) damaged: BTreeSet<u64>,
    /// Base records of which one field is damaged that something else tells, too.
    pub(crate) flipped: BTreeSet<u64>,
    /// What is live, and untouched, has to be found whole.
    pub(crate) is_whole: bool,
    /// What was done, for whoever reads of a fault.
    pub(crate) note: String,
}

impl Change {
    pub(crate) fn apply(self, mut volume: Volume, truth: Truth, seed: u64, plan: story::Plan) -> Changed {
        let mut random = Random::new(seed).fork("change");
        let image = volume.image();
        let mut changed = Changed {
            image,
            current: truth,
            older: Vec::new(),
            damaged: BTreeSet::new(),
            flipped: BTreeSet::new(),
            is_whole: true,
            note: format!("{self:?}"),
        };
        match self {
            Self::None => {}
            Self::Format { is_same_size } => changed.format(&volume, &mut random, is_same_size, None),
            Self::FormatAndUse { is_same_size } => changed.format(&volume, &mut random, is_same_size, Some(plan)),
            Self::MetadataClone { keeps_deleted } => {
                changed.image = volume.metadata_clone(keeps_deleted);
                changed.is_whole = false;
            }
            Self::Shift { is_longer } => changed.shift(&mut random, is_longer),
            Self::Flip => changed.flip(&volume, &mut random),
            Self::LoseRecords => changed.lose_records(&volume, &mut random),
            Self::LoseBoot => {
                let end = changed.image.len() - 512;
                changed.image[..512].fill(0);
                changed.image[end..].fill(0);
            }
            Self::LoseTable => {
                let mirror = volume.place_of_mirror();
                changed.image[mirror..mirror + 4096].fill(0);
                changed.wipe(&volume, 0);
            }
        }
        changed
    }
}

impl Changed {
    fn format(&mut self, volume: &Volume, random: &mut Random, is_same_size: bool, plan: Option<story::Plan>) {
        let sizes: Vec<u64> = [512, 1024, 2048, 4096].into_iter().filter(|size| *size != volume.cluster()).collect();
        let cluster = if is_same_size { volume.cluster() } else { random.choose(&sizes) };
        let allocation = volume.habits().allocation;
        let habits = Habits::any(allocation, random);
        let seed = random.next();
        let mut new = Volume::format_over(std::mem::take(&mut self.image), cluster, habits, seed);
        let old = std::mem::take(&mut self.current);
        if let Some(plan) = plan {
            let plan = story::Plan { steps: plan.steps / 3, cluster, ..plan };
            self.current = story::Story::new(&mut new, seed, plan).tell();
        }
        self.image = new.image();
        self.older.push(old);
        self.note.push_str(&format!(" {} to {cluster}", volume.cluster()));
    }

    fn shift(&mut self, random: &mut Random, is_longer: bool) {
        let sectors = self.image.len() as u64 / 512;
        let at = random.between(16, sectors - 16) as usize * 512;
        let length = random.choose(&[1, 1, 1, 2, 3, 8, 127, 128]) * 512;
        if is_longer {
            let more = random.bytes(length);
            self.image.splice(at..at, more);
        } else {
            let end = (at + length).min(self.image.len());
            self.image.drain(at..end);
        }
        self.is_whole = false;
        self.note.push_str(&format!(" {length} bytes at {at}"));
    }

    /// The record, and the file it is a part of.
    fn damage(&mut self, volume: &Volume, number: u64) {
        self.damaged.insert(number);
        self.damaged.insert(volume.base_of(number));
    }

    fn wipe(&mut self, volume: &Volume, number: u64) {
        for place in volume.places_of_record(number) {
            self.image[place].fill(0);
        }
    }

    fn lose_records(&mut self, volume: &Volume, random: &mut Random) {
        for number in volume.user_records() {
            if random.percent(8) {
                self.damage(volume, number);
                self.wipe(volume, number);
                self.note.push_str(&format!(" {number}"));
            }
        }
    }

    fn flip(&mut self, volume: &Volume, random: &mut Random) {
        // Offset and length of the fields of a record's header.
        const FIELDS: [(usize, usize); 13] = [
            (0, 4),
            (4, 2),
            (6, 2),
            (8, 8),
            (16, 2),
            (18, 2),
            (20, 2),
            (22, 2),
            (24, 4),
            (28, 4),
            (32, 8),
            (40, 2),
            (44, 4),
        ];
        for number in volume.user_records() {
            if !random.percent(15) {
                continue;
            }
            let (at, length) = random.choose(&FIELDS);
            self.damage(volume, number);
            if volume.base_of(number) == number && matches!(at, 8 | 18 | 28 | 32 | 40 | 44) {
                self.flipped.insert(number);
            }
            let place = volume.places_of_record(number)[0].start + at;
            let field = &mut self.image[place..place + length];
            match random.below(4) {
                0 => field.fill(0),
                1 => {
                    let other = random.choose(&volume.user_records());
                    let value = other | u64::from(volume.sequence_of(other)) << 48;
                    field.copy_from_slice(&value.to_le_bytes()[..length]);
                }
                2 => {
                    let value = random.bytes(length);
                    field.copy_from_slice(&value);
                }
                _ => field[random.below(length as u64) as usize] ^= 1 << random.below(8),
            }
            self.note.push_str(&format!(" {number}+{at}"));
        }
    }
}
