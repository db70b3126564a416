//! What each slot of the table is, and who belongs to whom: functions of the seed and the slot number.
//!
//! Slots are dealt in groups of thirteen, one directory to a group (7.7 %). Groups form forests of 9^4, each hanging
//! from the root by its first directory, so that paths are as deep in a table of ten million records as in one
//! of a hundred thousand. The parent of a directory is the group whose number has the lowest base-9 digit
//! cleared; a file belongs to the directory of its own group or of the group at the next lower multiple of a
//! power of three, which gives a few directories hundreds of children and most of them a handful.

use super::Table;
use super::metadata;
use super::names::Script;
use super::random::{Random, Topic};

/// Slots of a group; one of them is a directory.
const GROUP: u64 = 13;
/// Groups of a forest: 9^4, or 3^8.
const FOREST: u64 = 6561;
/// The record number of the root directory.
pub(crate) const ROOT: u64 = 5;
/// How far, in groups, extension records stand from their base record (a power of two).
const LIST_DISTANCE: u64 = 512;
/// For how many files in a thousand the directory is that of their own group: one of these by the group, so that
/// small directories have no child, one or two, or half a dozen.
const OWN: [u64; 3] = [50, 150, 300];
/// For how many of the rest it is that of the group at the next lower multiple of 3, of 9, and so on.
const LEVELS: [u64; 6] = [173, 160, 160, 160, 173, 174];

/// What a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Metadata,
    Directory,
    File,
    /// The first (0) or second (1) extension record of the file at `base`.
    Extension {
        base: u64,
        piece: usize,
    },
    /// Never written: all zeros.
    Unused,
    /// Given up by the driver: a `BAAD` signature and little else.
    Bad,
}

/// A file whose attributes do not all stand in its base record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListPlan {
    pub(crate) base: u64,
    pub(crate) extensions: [u64; 2],
    /// The stream is in two pieces in two extension records; otherwise more hard links are in one.
    pub(crate) fragmented: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    table: Table,
}

impl Tree {
    pub(crate) fn new(table: Table) -> Self {
        Self { table }
    }

    pub(crate) fn script(&self) -> Script {
        self.table.script
    }

    pub(crate) fn seed(&self) -> u64 {
        self.table.seed
    }

    pub(crate) fn records(&self) -> u64 {
        self.table.records
    }

    pub(crate) fn random(&self, slot: u64, topic: Topic) -> Random {
        Random::of(self.table.seed, slot, topic)
    }

    pub(crate) fn kind(&self, slot: u64) -> Kind {
        if slot < metadata::RECORDS {
            return Kind::Metadata;
        }
        let group = group_of(slot);
        if self.directory_of(group) == Some(slot) {
            return Kind::Directory;
        }
        if let Some(kind) = self.list_plan(group).and_then(|plan| plan.role_of(slot)) {
            return kind;
        }
        match self.random(slot, Topic::Kind).below(50_000) {
            0 => Kind::Bad,
            1..=50 => Kind::Unused,
            _ => Kind::File,
        }
    }

    /// The file with an attribute list that has its base or its extension records in this group, if there is one.
    pub(crate) fn list_plan(&self, group: u64) -> Option<ListPlan> {
        let (low, high) = (group & !LIST_DISTANCE, group | LIST_DISTANCE);
        let mut random = self.random(low, Topic::AttributeList);
        if random.below(8) != 0 || first_slot(high + 1) > self.table.records {
            return None;
        }
        let (base, extension) = if random.per_mille(500) { (low, high) } else { (high, low) };
        Some(ListPlan {
            base: first_slot(base) + 9,
            extensions: [first_slot(extension) + 10, first_slot(extension) + 11],
            fragmented: random.per_mille(500),
        })
    }

    /// The plan of the file whose base record this is.
    pub(crate) fn list_plan_of(&self, base: u64) -> Option<ListPlan> {
        self.list_plan(group_of(base)).filter(|plan| plan.base == base)
    }

    /// The directory of a group; the last group of a table may be cut off before it.
    fn directory_of(&self, group: u64) -> Option<u64> {
        let slot = first_slot(group) + self.random(group, Topic::DirectoryPosition).below(4);
        (slot < self.table.records).then_some(slot)
    }

    /// The directory that a file or directory belongs to.
    pub(crate) fn parent(&self, slot: u64) -> u64 {
        if slot < metadata::RECORDS {
            return metadata::parent(slot);
        }
        let group = group_of(slot);
        if self.directory_of(group) != Some(slot) {
            return self.file_parent(slot);
        }
        match group % FOREST {
            0 => ROOT,
            within => self.directory_of(group - within + without_lowest_digit(within)).unwrap_or(ROOT),
        }
    }

    fn file_parent(&self, slot: u64) -> u64 {
        let (group, mut random) = (group_of(slot), self.random(slot, Topic::Parent));
        let own = self.random(group, Topic::OwnShare).choose(&OWN);
        let width = if random.per_mille(own) { 1 } else { 3_u64.pow(1 + random.weighted(&LEVELS) as u32) };
        let within = group % FOREST;
        self.directory_of(group - within % width).unwrap_or(ROOT)
    }

    /// The directories of a file's further hard links: large ones, and never deleted ones.
    pub(crate) fn link_parents(&self, slot: u64, count: u64) -> Vec<u64> {
        let (group, mut random) = (group_of(slot), self.random(slot, Topic::Links));
        let within = group % FOREST;
        let mut pick = || group - within + random.below(within + 1) / 3 * 3;
        (0..count).filter_map(|_| self.directory_of(pick())).collect()
    }

    /// The slots that can belong to a small directory, which are those of its own group; `None` for a large one,
    /// which gets children from many groups.
    pub(crate) fn candidates_of_small(&self, directory: u64) -> Option<std::ops::Range<u64>> {
        let group = group_of(directory);
        let end = first_slot(group + 1).min(self.table.records);
        is_small(group).then(|| first_slot(group)..end)
    }

    /// Whether the slot's parent is such a small directory.
    pub(crate) fn is_in_small(&self, slot: u64) -> bool {
        let parent = self.parent(slot);
        parent >= metadata::RECORDS && is_small(group_of(parent))
    }

    /// About how many children a directory has.
    pub(crate) fn expected_children(directory: u64) -> u64 {
        let within = group_of(directory) % FOREST;
        let (mut children, mut width) = (2, 3);
        for share in LEVELS {
            if !within.is_multiple_of(width) {
                break;
            }
            children += (GROUP - 1) * width * share * 5 / 6000;
            width *= 3;
        }
        children
    }

    pub(crate) fn is_deleted(&self, slot: u64) -> bool {
        match self.kind(slot) {
            Kind::Metadata | Kind::Unused | Kind::Bad => false,
            Kind::Directory => self.is_deleted_directory(slot),
            Kind::Extension { base, .. } => self.is_deleted(base),
            Kind::File => {
                self.random(slot, Topic::DeletedFile).per_mille(88) || self.is_deleted_directory(self.file_parent(slot))
            }
        }
    }

    /// Only small directories are ever deleted, and their children with them.
    fn is_deleted_directory(&self, slot: u64) -> bool {
        slot >= metadata::RECORDS
            && is_small(group_of(slot))
            && self.random(slot, Topic::DeletedDirectory).per_mille(12)
    }

    /// The sequence number under which the slot's last file was or is known to others.
    fn known_sequence(&self, slot: u64) -> u64 {
        const STEPS: [(u64, u64); 6] = [(0, 1), (500, 1), (750, 2), (900, 3), (990, 12), (1000, 170)];
        if slot < metadata::RECORDS { slot.max(1) } else { self.random(slot, Topic::Sequence).quantile(&STEPS) }
    }

    /// The sequence number in the record: one more than the known one after deletion.
    pub(crate) fn sequence(&self, slot: u64) -> u16 {
        (self.known_sequence(slot) + u64::from(self.is_deleted(slot))) as u16
    }

    /// The reference by which others name the slot.
    pub(crate) fn reference(&self, slot: u64) -> u64 {
        slot | self.known_sequence(slot) << 48
    }

    /// The reference to its parent in a file's name; some deleted files name an earlier user of their parent's slot.
    pub(crate) fn parent_reference(&self, slot: u64) -> u64 {
        let parent = self.parent(slot);
        let reused = parent >= metadata::RECORDS
            && self.known_sequence(parent) > 1
            && self.is_deleted(slot)
            && self.random(slot, Topic::Parent).next().is_multiple_of(16);
        self.reference(parent) - (u64::from(reused) << 48)
    }
}

impl ListPlan {
    fn role_of(self, slot: u64) -> Option<Kind> {
        if slot == self.base {
            return Some(Kind::File);
        }
        let used = if self.fragmented { 2 } else { 1 };
        let piece = self.extensions.iter().take(used).position(|&extension| extension == slot)?;
        Some(Kind::Extension { base: self.base, piece })
    }
}

fn group_of(slot: u64) -> u64 {
    (slot - metadata::RECORDS) / GROUP
}

fn first_slot(group: u64) -> u64 {
    metadata::RECORDS + group * GROUP
}

fn is_small(group: u64) -> bool {
    !(group % FOREST).is_multiple_of(3)
}

fn without_lowest_digit(number: u64) -> u64 {
    let mut unit = 1;
    while (number / unit).is_multiple_of(9) {
        unit *= 9;
    }
    number - number / unit % 9 * unit
}
