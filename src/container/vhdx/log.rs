//! The log of a VHDX file: changes of its tables that may not have reached their places.
//!
//! It is a ring of entries. Each names what was to be written where, and has a checksum of all that. Those that
//! have to be written again are a run of consecutive numbers that ends with the largest and starts where that one
//! says. An entry that was being written when the machine stopped is torn, and nothing was done because of it. One
//! that was whole and is damaged now is another thing: what it says is lost, and the tables are older than the data.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::checksum::Crc32c;
use super::overlay::{LOG_SECTOR, Patch, Patches, Replayed};
use crate::base::le;
use crate::source::SharedSource;

/// Where the log lies in the file, and what its valid entries are known by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log {
    pub(super) start: u64,
    pub(super) length: u64,
    pub(super) guid: [u8; 16],
}

/// A sector of the log.
type Sector = [u8; 4096];

const HEADER: u64 = 64;
const DESCRIPTOR: u64 = 32;

/// How many times the log's length may be summed up to check its entries. Headers made for that purpose could each
/// claim the whole log.
const MOST_SUMS: u64 = 8;

/// A change that an entry has.
enum Change {
    Zeros(Range<u64>),
    Sector { at: u64, leading: [u8; 8], trailing: [u8; 4] },
}

/// The header of an entry.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Index of its first sector in the ring.
    at: u64,
    sectors: u64,
    /// Index of the sector at which the run starts that this entry is the end of.
    tail: u64,
    sequence: u64,
    descriptors: u64,
    flushed: u64,
    last: u64,
}

/// What a sector of the ring is.
enum SectorContent {
    /// No start of an entry, or one of an earlier life of the log.
    Nothing,
    Whole(Entry),
    /// An entry that was not written as a whole.
    Torn,
    /// One that was, or may have been, and is not whole now. With the largest number that it may have had.
    Damaged(u64),
}

impl Log {
    /// The file as it is with the log written to it, and sentences about that. `None`: nothing is to be written.
    ///
    /// # Errors
    /// When what the log has to say cannot be known.
    pub(super) fn replay(&self, file: &SharedSource) -> Result<(Option<Replayed>, Vec<String>), String> {
        let end = self.start.checked_add(self.length).filter(|&end| end <= file.size());
        if end.is_none() || !self.length.is_multiple_of(LOG_SECTOR) || self.length == 0 {
            return Err(format!("its log is not inside of the file: {} bytes at {}", self.length, self.start));
        }
        let ring = Ring { log: *self, file, sectors: self.length / LOG_SECTOR };
        let Survey { entries, torn, damaged } = ring.survey()?;
        let Some(run) = ring.active(&entries) else {
            if let Some(number) = entries.iter().map(|entry| entry.sequence).chain(damaged).max() {
                return Err(unknown(number));
            }
            let note = "its log is marked as used and has no whole entry: nothing was written because of it";
            return Ok((None, vec![note.to_owned()]));
        };
        let head = run.last().ok_or("its log has no last entry")?;
        let later = entries.iter().map(|entry| entry.sequence).chain(damaged).filter(|&number| number > head.sequence);
        if let Some(number) = later.max() {
            return Err(unknown(number));
        }
        let limit = file.size().max(head.last);
        let mut patches = Patches::default();
        for entry in &run {
            ring.apply(entry, limit, &mut patches)?;
        }
        let mut notes =
            vec![format!("its log was replayed in memory: {} entries up to number {}", run.len(), head.sequence)];
        if torn > 0 {
            notes.push(format!("{torn} entries of its log were not written as a whole, and count for nothing"));
        }
        if file.size() < head.flushed {
            let (is, was) = (file.size(), head.flushed);
            notes.push(format!("the file has {is} bytes, and had {was} when its log was written: it was cut"));
        }
        if patches.is_empty() && head.last <= file.size() {
            return Ok((None, notes));
        }
        let least = head.last.checked_next_multiple_of(1 << 20).unwrap_or(head.last);
        Ok((Some(Replayed::new(file.clone(), patches, least, head.flushed)), notes))
    }
}

fn unknown(number: u64) -> String {
    format!(
        "entry {number} of its log is damaged or lacks its predecessors: its tables are older than its data; \
         take another copy of the file"
    )
}

/// What is in the ring.
struct Survey {
    entries: Vec<Entry>,
    torn: usize,
    damaged: Option<u64>,
}

/// The log, sector by sector.
struct Ring<'r> {
    log: Log,
    file: &'r SharedSource,
    sectors: u64,
}

impl Ring<'_> {
    /// Where a sector lies in the file; behind the last one the ring starts again.
    fn place(&self, index: u64) -> u64 {
        let index = index.checked_rem(self.sectors).unwrap_or(0);
        self.log.start.saturating_add(index.saturating_mul(LOG_SECTOR))
    }

    fn sector(&self, index: u64) -> Result<Sector, String> {
        let (mut sector, place) = ([0; 4096], self.place(index));
        match self.file.read_at(place, &mut sector) {
            Ok(4096) => Ok(sector),
            _ => Err(format!("its log cannot be read at byte {place}, and may be newer than its tables")),
        }
    }

    fn survey(&self) -> Result<Survey, String> {
        let mut survey = Survey { entries: Vec::new(), torn: 0, damaged: None };
        let (mut index, mut summed) = (0_u64, 0_u64);
        while index < self.sectors {
            let mut taken = 1;
            match self.look(index, &mut summed)? {
                SectorContent::Nothing => {}
                SectorContent::Torn => survey.torn = survey.torn.saturating_add(1),
                SectorContent::Damaged(number) => survey.damaged = survey.damaged.max(Some(number)),
                SectorContent::Whole(entry) => {
                    taken = entry.sectors.max(1);
                    survey.entries.push(entry);
                }
            }
            if summed > self.sectors.saturating_mul(MOST_SUMS) {
                return Err("the entries of its log claim far more than the log has".to_owned());
            }
            index = index.saturating_add(taken);
        }
        Ok(survey)
    }

    /// What starts in a sector. `summed` counts the sectors that were summed up.
    fn look(&self, at: u64, summed: &mut u64) -> Result<SectorContent, String> {
        let first = self.sector(at)?;
        let is_marked = first.starts_with(b"loge");
        let guid: [u8; 16] = le::array_in::<32, 16, 4096>(&first);
        // A flipped bit must not make an entry one of another log: those differ in nearly every byte.
        let same = guid.iter().zip(self.log.guid).filter(|(one, other)| **one == *other).count();
        if same < 12 || first.starts_with(b"data") {
            return Ok(SectorContent::Nothing);
        }
        let sequence = le::u64_in::<16, 4096>(&first);
        let named = le::u64_in::<88, 4096>(&first);
        let damaged = Ok(SectorContent::Damaged(sequence.max(named)));
        let (length, tail) = (u64::from(le::u32_in::<8, 4096>(&first)), u64::from(le::u32_in::<12, 4096>(&first)));
        let descriptors = u64::from(le::u32_in::<24, 4096>(&first));
        let entry = Entry {
            at,
            sectors: length / LOG_SECTOR,
            tail: tail / LOG_SECTOR,
            sequence,
            descriptors,
            flushed: le::u64_in::<48, 4096>(&first),
            last: le::u64_in::<56, 4096>(&first),
        };
        let is_aligned = length % LOG_SECTOR == 0 && tail % LOG_SECTOR == 0;
        let is_inside = entry.sectors > 0 && entry.sectors <= self.sectors && entry.tail < self.sectors;
        if !is_marked || same < 16 || sequence == 0 || !is_aligned || !is_inside || entry.headers() > entry.sectors {
            return damaged;
        }
        *summed = summed.saturating_add(entry.sectors);
        let is_first_sound = entry.changes_in(0, &first).all(|change| change.is_some());
        // A torn entry still says the same in its length and in its descriptors.
        let named = entry.changes_in(0, &first).filter(|change| matches!(change, Some(Change::Sector { .. }))).count();
        let least = entry.headers().saturating_add(u64::try_from(named).unwrap_or(u64::MAX));
        if least > entry.sectors || (entry.headers() == 1 && least != entry.sectors) {
            return damaged;
        }
        let (sum, is_torn) = self.sum(&entry, &first)?;
        Ok(match (sum == le::u32_in::<4, 4096>(&first) && is_first_sound, is_first_sound && is_torn) {
            (true, _) => SectorContent::Whole(entry),
            (_, true) => SectorContent::Torn,
            _ => return damaged,
        })
    }

    /// The checksum of an entry, and whether any of its sectors is not its own. The words that frame a sector's
    /// content are taken as they should be: what differs in them alone is known.
    fn sum(&self, entry: &Entry, first: &Sector) -> Result<(u32, bool), String> {
        let mut sum = Crc32c::new();
        sum.add(&first[..4]);
        sum.add(&[0; 4]);
        sum.add(&first[8..]);
        let mut is_torn = false;
        for index in 1..entry.sectors {
            let sector = self.sector(entry.at.saturating_add(index))?;
            if index < entry.headers() {
                is_torn |= entry.changes_in(index, &sector).any(|change| change.is_none());
                sum.add(&sector);
                continue;
            }
            let [a, b, c, d, e, f, g, h] = entry.sequence.to_le_bytes();
            let (low, high) = ([a, b, c, d], [e, f, g, h]);
            is_torn |= sector[..4] != *b"data" || sector[4..8] != high || sector[4092..] != low;
            sum.add(b"data");
            sum.add(&high);
            sum.add(&sector[8..4092]);
            sum.add(&low);
        }
        Ok((sum.value(), is_torn))
    }

    /// The run of entries that has to be written: of those whose last one finds its start in them, the one with
    /// the largest number.
    fn active(&self, entries: &[Entry]) -> Option<Vec<Entry>> {
        let by_place: HashMap<u64, &Entry> = entries.iter().map(|entry| (entry.at, entry)).collect();
        let next = |entry: &Entry| {
            let place = entry.at.saturating_add(entry.sectors).checked_rem(self.sectors)?;
            by_place.get(&place).copied().filter(|next| Some(next.sequence) == entry.sequence.checked_add(1))
        };
        let followers: HashSet<u64> = entries.iter().filter_map(|entry| Some(next(entry)?.at)).collect();
        let mut best: Option<Vec<Entry>> = None;
        for first in entries.iter().filter(|entry| !followers.contains(&entry.at)) {
            let mut run = vec![*first];
            // Numbers grow by one from each to the next: this ends.
            while let Some(entry) = run.last().and_then(next) {
                run.push(*entry);
            }
            let head = run.last().copied()?;
            let Some(tail) = run.iter().position(|entry| entry.at == head.tail) else { continue };
            if best.as_ref().and_then(|best| best.last()).is_none_or(|best| best.sequence < head.sequence) {
                best = Some(run.split_off(tail));
            }
        }
        best
    }

    /// Puts what an entry changes over what was there before. Nothing may lie behind `limit`.
    fn apply(&self, entry: &Entry, limit: u64, patches: &mut Patches) -> Result<(), String> {
        let mut content = entry.headers();
        for index in 0..entry.headers() {
            let sector = self.sector(entry.at.saturating_add(index))?;
            for change in entry.changes_in(index, &sector).flatten() {
                let (range, patch) = match change {
                    Change::Zeros(range) => (range, Patch::Zeros),
                    Change::Sector { at, leading, trailing } => {
                        let place = self.place(entry.at.saturating_add(content));
                        content = content.saturating_add(1);
                        (at..at.saturating_add(LOG_SECTOR), Patch::Sector { leading, trailing, place })
                    }
                };
                if range.end > limit {
                    let (sequence, start) = (entry.sequence, range.start);
                    return Err(format!(
                        "entry {sequence} of its log writes at byte {start}, behind the end it states"
                    ));
                }
                patches.put(range, patch);
            }
        }
        if content != entry.sectors {
            return Err(format!("entry {} of its log has another number of sectors than it names", entry.sequence));
        }
        Ok(())
    }
}

impl Entry {
    /// How many sectors the header and the descriptors take.
    fn headers(&self) -> u64 {
        self.descriptors.saturating_mul(DESCRIPTOR).saturating_add(HEADER).div_ceil(LOG_SECTOR)
    }

    /// The changes that the descriptors in one of those sectors name; `None` for what is none of this entry.
    fn changes_in<'s>(&self, index: u64, sector: &'s Sector) -> impl Iterator<Item = Option<Change>> + 's {
        // The header takes the place of two descriptors.
        let per_sector = LOG_SECTOR / DESCRIPTOR;
        let before = index.saturating_mul(per_sector);
        let total = self.descriptors.saturating_add(HEADER / DESCRIPTOR);
        let count = total.saturating_sub(before).min(per_sector);
        let skipped = if index == 0 { HEADER / DESCRIPTOR } else { 0 };
        let sequence = self.sequence;
        let all = sector.as_chunks::<32>().0;
        let (skipped, count) = (usize::try_from(skipped).unwrap_or(0), usize::try_from(count).unwrap_or(0));
        all.iter().take(count).skip(skipped).map(move |descriptor| change(descriptor, sequence))
    }
}

fn change(descriptor: &[u8; 32], sequence: u64) -> Option<Change> {
    let at = le::u64_in::<16, 32>(descriptor);
    let length = le::u64_in::<8, 32>(descriptor);
    if le::u64_in::<24, 32>(descriptor) != sequence || !at.is_multiple_of(LOG_SECTOR) {
        return None;
    }
    match &descriptor[..4] {
        b"desc" => {
            let (leading, trailing) = (le::array_in::<8, 8, 32>(descriptor), le::array_in::<4, 4, 32>(descriptor));
            Some(Change::Sector { at, leading, trailing })
        }
        b"zero" if length.is_multiple_of(LOG_SECTOR) => Some(Change::Zeros(at..at.checked_add(length)?)),
        _ => None,
    }
}
