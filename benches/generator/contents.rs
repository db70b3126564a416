//! What a file is beside its names: times, flags, sizes; and the two values that carry them.

use super::names::Name;
use super::random::{Random, Topic};
use super::record::aligned;
use super::tree::{ROOT, Tree};
use super::{CLUSTER_SIZE, RECORD_SIZE};

/// 2015-01-01 as a FILETIME; the volume is used for ten years from there.
const VOLUME_MADE: u64 = 130_645_440_000_000_000;
const TEN_YEARS: u64 = 10 * 365 * 86_400 * 10_000_000;
const DAY: u64 = 86_400 * 10_000_000;

const RESIDENT_SIZES: [(u64, u64); 8] =
    [(0, 0), (40, 1), (250, 111), (500, 238), (750, 368), (900, 486), (990, 676), (1000, 717)];
const NON_RESIDENT_SIZES: [(u64, u64); 10] = [
    (0, 701),
    (50, 766),
    (250, 3040),
    (500, 10_457),
    (750, 44_961),
    (900, 165_760),
    (950, 374_641),
    (990, 1_498_946),
    (998, 6_000_000),
    (1000, 100_663_296),
];

pub(crate) const DIRECTORY_ATTRIBUTE: u32 = 0x1000_0000;
pub(crate) const REPARSE_ATTRIBUTE: u32 = 0x400;
const COMPRESSED_ATTRIBUTE: u32 = 0x800;
pub(crate) const SYMLINK: u32 = 0xA000_000C;

/// Created, modified, record changed, accessed.
pub(crate) type Times = [u64; 4];

/// How the unnamed stream is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Resident,
    /// In so many runs, where so many fit.
    Runs(u64),
    Compressed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Contents {
    pub(crate) times: Times,
    pub(crate) attributes: u32,
    pub(crate) security_id: u32,
    pub(crate) form: Form,
    pub(crate) size: u64,
    pub(crate) initialized: u64,
    pub(crate) allocated: u64,
    pub(crate) object_id: bool,
    pub(crate) symlink: bool,
}

impl Contents {
    /// Those of a file whose `$FILE_NAME` attributes take `names_length` bytes of its record.
    pub(crate) fn of_file(tree: &Tree, slot: u64, names_length: usize) -> Self {
        let mut random = tree.random(slot, Topic::Contents);
        let mut contents = Self::common(&mut random);
        contents.attributes = random.choose(&[0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x2020, 0x21, 0, 0x26]);
        contents.symlink = random.per_mille(1);
        let room = RECORD_SIZE - 56 - 8 - 96 - 24 - names_length - if contents.object_id { 40 } else { 0 };
        contents.set_stream(&mut random, room as u64);
        if contents.symlink {
            contents.attributes |= REPARSE_ATTRIBUTE;
            (contents.form, contents.size, contents.initialized, contents.allocated) = (Form::Resident, 0, 0, 0);
        }
        let Some(plan) = tree.list_plan_of(slot) else { return contents };
        // The lists of attributes that need them: long names and many links, or a stream in many pieces.
        contents.object_id = false;
        contents.symlink = false;
        contents.attributes &= !(REPARSE_ATTRIBUTE | COMPRESSED_ATTRIBUTE);
        let size = contents.size.max(if plan.fragmented { 2 << 20 } else { 4096 });
        contents.set_runs(size, if plan.fragmented { 2 * random.between(10, 40) } else { 1 });
        contents
    }

    pub(crate) fn of_directory(tree: &Tree, slot: u64) -> Self {
        let mut random = tree.random(slot, Topic::Contents);
        let mut contents = Self::common(&mut random);
        contents.attributes = random.choose(&[0, 0, 0, 0, 0, 0x2000, 0x6, 0x1]);
        contents
    }

    /// Those of a metadata file: hidden, system, never changed since the volume was made.
    pub(crate) fn of_metadata() -> Self {
        let mut contents = Self::common(&mut Random::of(0, ROOT, Topic::Contents));
        contents.times = [VOLUME_MADE; 4];
        contents.attributes = 0x6;
        contents.object_id = false;
        contents
    }

    fn common(random: &mut Random) -> Self {
        let created = VOLUME_MADE + random.below(TEN_YEARS);
        let modified = if random.per_mille(400) { created } else { created - 30 * DAY + random.below(400 * DAY) };
        let changed = created.max(modified) + random.below(DAY);
        let accessed = changed + random.below(100 * DAY);
        Self {
            times: [created, modified, changed, accessed],
            attributes: 0,
            security_id: 256 + (random.below(12) * random.below(12)) as u32,
            form: Form::Resident,
            size: 0,
            initialized: 0,
            allocated: 0,
            object_id: random.per_mille(10),
            symlink: false,
        }
    }

    fn set_stream(&mut self, random: &mut Random, room: u64) {
        if random.per_mille(180) {
            self.size = random.quantile(&RESIDENT_SIZES).min(room / 8 * 8);
            self.initialized = self.size;
            self.allocated = aligned(self.size as usize) as u64;
            return;
        }
        const PIECES: [(u64, u64); 7] = [(0, 1), (946, 1), (947, 2), (983, 2), (984, 3), (995, 5), (1000, 40)];
        let size = random.quantile_log(&NON_RESIDENT_SIZES);
        self.set_runs(size, random.quantile(&PIECES));
        if random.per_mille(2) {
            self.initialized = random.below(size);
        }
        if random.per_mille(2) {
            self.form = Form::Compressed;
            self.attributes |= COMPRESSED_ATTRIBUTE;
            self.allocated = self.allocated.next_multiple_of(16 * CLUSTER_SIZE);
        }
    }

    fn set_runs(&mut self, size: u64, pieces: u64) {
        self.form = Form::Runs(pieces);
        (self.size, self.initialized, self.allocated) = (size, size, size.next_multiple_of(CLUSTER_SIZE));
    }

    /// The value of `$STANDARD_INFORMATION`, 72 bytes.
    pub(crate) fn standard_information(&self, journal: u64) -> Vec<u8> {
        let mut value = Vec::with_capacity(72);
        self.times.iter().for_each(|time| value.extend(time.to_le_bytes()));
        value.extend(self.attributes.to_le_bytes());
        value.resize(52, 0);
        value.extend(self.security_id.to_le_bytes());
        value.resize(64, 0);
        value.extend(journal.to_le_bytes());
        value
    }

    /// The value of `$FILE_NAME` as the record keeps it: often from before the file had content.
    pub(crate) fn file_name_in_record(&self, parent: u64, name: &Name, kind: u32, random: &mut Random) -> Vec<u8> {
        let times = if random.per_mille(350) { self.times } else { [self.times[0]; 4] };
        let sizes = if random.per_mille(650) { (0, 0) } else { (self.allocated, self.size) };
        self.name_value(parent, name, kind, times, sizes)
    }

    /// The value of `$FILE_NAME` as the parent's index keeps it: up to date.
    pub(crate) fn file_name_in_index(&self, parent: u64, name: &Name, kind: u32) -> Vec<u8> {
        self.name_value(parent, name, kind, self.times, (self.allocated, self.size))
    }

    fn name_value(&self, parent: u64, name: &Name, kind: u32, times: Times, sizes: (u64, u64)) -> Vec<u8> {
        let mut value = Vec::with_capacity(66 + 2 * name.units.len());
        value.extend(parent.to_le_bytes());
        times.iter().for_each(|time| value.extend(time.to_le_bytes()));
        value.extend(sizes.0.to_le_bytes());
        value.extend(sizes.1.to_le_bytes());
        value.extend((self.attributes | kind).to_le_bytes());
        value.extend(if self.symlink { SYMLINK } else { 0 }.to_le_bytes());
        value.push(name.units.len() as u8);
        value.push(name.namespace);
        name.units.iter().for_each(|unit| value.extend(unit.to_le_bytes()));
        value
    }
}

/// Bytes of the `$FILE_NAME` attribute for a name.
pub(crate) fn name_attribute_length(name: &Name) -> usize {
    aligned(24 + 66 + 2 * name.units.len())
}
