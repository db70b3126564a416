//! What a volume says of its own condition: facts that stand beside what was read, and change none of it.

use std::ops::Range;

use super::Assessment;
use crate::base::le;
use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::catalog::directory_index::{index_attributes, index_record_size, records_of};
use crate::catalog::slot::SlotFlags;
use crate::catalog::{Catalog, Entry};
use crate::source::Source;
use crate::structure::attribute_type::AttributeType;
use crate::structure::index::IndexRoot;
use crate::structure::index_record::IndexRecord;
use crate::structure::update_sequence::UpdateSequence;
use crate::structure::value::bitmap::Bitmap;
use crate::structure::value::volume::{VolumeFlags, VolumeInformation};
use crate::volume::bitmap::{ClusterBitmap, ClusterState};

/// What the restart pages of `$LogFile` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum LogState {
    /// The volume was unmounted, or the log is empty: all that it knew is in place.
    Clean,
    /// The log was in use when the volume was left: it may know newer metadata than that in place.
    NotReplayed,
    /// No restart page can be read, or not the one that may say otherwise.
    Unknown,
}

/// What the first bytes of `hiberfil.sys` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Hibernation {
    /// Windows sleeps there, or was shut down for a fast start: what it had not written is in that file.
    Asleep,
    /// It has woken up since, or was never asleep.
    Awake,
}

/// What a volume says of its own condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Condition {
    /// The version and the flags of `$VOLUME_INFORMATION`.
    pub version: Option<(u8, u8)>,
    /// The flags of `$VOLUME_INFORMATION`.
    pub flags: Option<VolumeFlags>,
    /// What the log says, where there is one.
    pub log: Option<LogState>,
    /// What `hiberfil.sys` says, where there is one in the root.
    pub hibernation: Option<Hibernation>,
    /// The records of which `$MFTMirr` has something else than the table.
    pub mirror_differs: Vec<u64>,
    /// The records of `$MFTMirr` that cannot be read.
    pub mirror_unread: Vec<u64>,
    /// Records in use that the table's bitmap calls free.
    pub unmarked_records: u64,
    /// Records that are free, which the table's bitmap calls used.
    pub marked_records: u64,
}

/// The first bytes of a stream.
struct Start {
    bytes: Vec<u8>,
    /// What of them could not be read.
    missing: Vec<Range<u64>>,
}

impl Catalog<'_> {
    const MIRROR: u64 = 1;
    const LOG: u64 = 2;
    const VOLUME: u64 = 3;
    /// Records of a mirror that are compared: its size is a number of the input.
    const LONGEST_MIRROR: u64 = 128;

    /// Asks the volume for its condition: a few records, the table's bitmap and the root's index are read.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let mut condition = Condition::default();
        if let Ok(entry) = self.entry(Self::VOLUME) {
            let attribute = entry.attributes_of(AttributeType::VOLUME_INFORMATION).next();
            let value = attribute.as_ref().and_then(|attribute| attribute.resident_value().ok());
            if let Some(information) = value.and_then(|value| VolumeInformation::parse(value).ok()) {
                condition.version = Some((information.major_version(), information.minor_version()));
                condition.flags = Some(information.flags());
            }
        }
        if self.volume().geometry().is_some() {
            condition.log = self.log_state();
            condition.hibernation = self.hibernation();
            (condition.mirror_differs, condition.mirror_unread) = self.compare_with_mirror();
        }
        (condition.unmarked_records, condition.marked_records) = self.compare_with_bitmap();
        condition
    }

    /// The start of the main stream of a file in use, and what of it cannot be read: zeros there say nothing.
    fn start_of(&self, number: u64, most: usize) -> Option<Start> {
        let entry = self.entry(number).ok().filter(|entry| entry.header().is_in_use())?;
        let stream = entry.streams().iter().find(|stream| stream.name().is_empty())?.raw();
        let mut bytes = vec![0; most];
        let mut reader = stream.reader();
        let reading = reader.read_at(0, &mut bytes);
        let missing = reading.ranges().iter().filter(|range| range.missing().is_some());
        let missing = missing.map(|range| range.offset..range.end()).collect();
        let length = reading.length();
        bytes.truncate(length);
        Some(Start { bytes, missing })
    }

    fn log_state(&self) -> Option<LogState> {
        /// Both restart pages of pages of 4096 bytes.
        const PAGES: usize = 8192;
        let start = self.start_of(Self::LOG, PAGES)?;
        let bytes = &start.bytes;
        let pages = bytes.chunks(PAGES / 2).filter_map(restart);
        let newest = pages.max_by_key(|(lsn, _)| *lsn).map(|(_, state)| state);
        if !start.missing.is_empty() {
            // The page that cannot be read may be the newer one.
            return Some(newest.filter(|state| *state == LogState::NotReplayed).unwrap_or(LogState::Unknown));
        }
        // Who replays the log without writing one, as ntfs-3g does, fills it with ones.
        let is_empty = !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0xFF);
        Some(newest.unwrap_or(if is_empty { LogState::Clean } else { LogState::Unknown }))
    }

    fn hibernation(&self) -> Option<Hibernation> {
        let root = self.entry(Self::ROOT).ok()?;
        let file = named_in(&root, "hiberfil.sys")?;
        let start = self.start_of(file.record_number(), 4).filter(|start| start.missing.is_empty())?;
        let is_asleep = matches!(start.bytes.as_slice(), b"hibr" | b"HIBR" | b"rstr" | b"RSTR");
        Some(if is_asleep { Hibernation::Asleep } else { Hibernation::Awake })
    }

    /// The records that the mirror has in another version, and those of it that cannot be read.
    fn compare_with_mirror(&self) -> (Vec<u64>, Vec<u64>) {
        let record_size = u64::from(self.mft().record_size()).max(1);
        let size = self.entry(Self::MIRROR).ok().and_then(|entry| entry.streams().iter().next()?.size());
        let records = size.unwrap_or(0).checked_div(record_size).unwrap_or(0).min(Self::LONGEST_MIRROR);
        let most = usize::try_from(records.saturating_mul(record_size)).unwrap_or(0);
        let Some(mirror) = self.start_of(Self::MIRROR, most) else { return Default::default() };
        let slots = mirror.bytes.chunks_exact(usize::try_from(record_size).unwrap_or(usize::MAX));
        let (mut differing, mut unread) = (Vec::new(), Vec::new());
        for (number, copy) in (0..).zip(slots) {
            let start = record_size.saturating_mul(number);
            let end = start.saturating_add(record_size);
            if mirror.missing.iter().any(|range| range.start < end && start < range.end) {
                unread.push(number);
            } else if self.mft().slot(number).is_ok_and(|(bytes, missing)| missing.is_empty() && bytes != copy) {
                differing.push(number);
            }
        }
        (differing, unread)
    }

    /// How many records in use the bitmap calls free, and how many free ones it calls used.
    fn compare_with_bitmap(&self) -> (u64, u64) {
        let Ok(entry) = self.entry(0) else { return (0, 0) };
        let mut bitmaps = entry.attributes_of(AttributeType::BITMAP);
        let bitmap = bitmaps.find(|attribute| attribute.name().is_empty());
        let Some(bits) = bitmap.and_then(|bitmap| self.volume().attribute_value(&bitmap).ok()) else { return (0, 0) };
        let (mut unmarked, mut marked) = (0_u64, 0_u64);
        for (number, slot) in self.slots.iter().filter(|(_, slot)| slot.flags().contains(SlotFlags::RECORD)) {
            match (slot.flags().contains(SlotFlags::IN_USE), Bitmap::new(&bits).is_set(number)) {
                (true, Some(false)) => unmarked = unmarked.saturating_add(1),
                (false, Some(true)) => marked = marked.saturating_add(1),
                _ => {}
            }
        }
        (unmarked, marked)
    }
}

impl Assessment<'_> {
    /// Clusters of files that exist which the volume's bitmap calls free.
    #[must_use]
    pub fn unmarked_clusters(&self) -> u64 {
        let bitmap = ClusterBitmap::read(self.catalog().volume());
        let free = |range| bitmap.states(range).filter(|(_, state)| *state == ClusterState::Free);
        let lengths = self.claims().live().flat_map(free).map(|(part, _)| part.end.saturating_sub(part.start));
        lengths.fold(0, u64::saturating_add)
    }
}

/// The current LSN of a restart page, and what it says.
fn restart(page: &[u8]) -> Option<(u64, LogState)> {
    const NO_CLIENT: u16 = 0xFFFF;
    const IS_CLEAN: u16 = 2;
    if !matches!(page.first_chunk()?, b"RSTR" | b"CHKD") {
        return None;
    }
    let area = page.get(usize::from(le::u16_at(page, 24)?)..)?;
    let is_clean = le::u16_at(area, 12)? == NO_CLIENT || le::u16_at(area, 14)? & IS_CLEAN != 0;
    Some((le::u64_at(area, 0)?, if is_clean { LogState::Clean } else { LogState::NotReplayed }))
}

/// The file of this name, in any case, in the index of a directory.
fn named_in(directory: &Entry<'_>, wanted: &str) -> Option<FileReference> {
    let is_it = |name: Name<'_>| name.to_string().eq_ignore_ascii_case(wanted);
    for root in index_attributes(directory, AttributeType::INDEX_ROOT) {
        let Ok(root) = root.resident_value().and_then(IndexRoot::parse) else { continue };
        let mut items = root.entries().filter_map(Result::ok);
        if let Some(item) = items.find(|item| item.directory_name().is_some_and(|name| is_it(name.name()))) {
            return Some(item.file_reference());
        }
    }
    /// Index records that are looked through: a root has no more names than some thousands.
    const MOST: usize = 4096;
    let record_size = index_record_size(directory)?;
    let mut bytes = vec![0; usize::try_from(record_size).ok()?];
    for (offset, _) in records_of(directory, record_size).into_iter().take(MOST) {
        directory.catalog().volume().source().read_readable(offset, &mut bytes);
        UpdateSequence::check(&bytes, 40, bytes.len()).apply(&mut bytes);
        let Ok(record) = IndexRecord::parse(&bytes) else { continue };
        let mut items = record.entries().filter_map(Result::ok);
        if let Some(item) = items.find(|item| item.directory_name().is_some_and(|name| is_it(name.name()))) {
            return Some(item.file_reference());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Threads;
    use crate::structure::forge::{Forge, file_name};
    use crate::structure::index::tests::node;
    use crate::structure::index_entry::tests::entry;
    use crate::structure::value::file_attributes::FileAttributes;
    use crate::volume::forged_volume::{CLUSTER, Forged, add_runs, directory, file, with_runs};

    const MIRROR: u64 = 320;
    const LOG: u64 = 340;
    const SLEEP: u64 = 400;

    /// A volume with everything that speaks of its condition, in order; the mirror has the first four records.
    fn volume() -> Forged {
        let key = file_name((5, 5), 3, "HiberFil.sys", FileAttributes::empty());
        let item = entry(FileReference::new(40, 1).0, &key, &[], 0, None);
        let header = [0x30, 1, 4096, 1].map(u32::to_le_bytes).concat();
        let entries = [item, entry(0, &[], &[], 2, None)].concat();
        let root = [header, node(16, &entries, &[])].concat();
        let named = |number: u64, name: &str| Forge::new(1024).sequence(number as u16).name((5, 5), 3, name);
        let information = [0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0];
        let mut forged = Forged::new(vec![
            (1, add_runs(named(1, "$MFTMirr"), "", &[(8, Some(MIRROR))], 4096, 4096)),
            (2, add_runs(named(2, "$LogFile"), "", &[(32, Some(LOG))], 16_384, 16_384)),
            (3, named(3, "$Volume").resident(AttributeType::VOLUME_INFORMATION, "", &information)),
            (5, directory((5, 5), ".").sequence(5).resident(AttributeType::INDEX_ROOT, "$I30", &root)),
            (40, with_runs(&[(8, Some(SLEEP))], 4096, 4096)),
        ]);
        for number in 0..4 {
            let record = forged.record_bytes(number).to_vec();
            forged.write(MIRROR + number * 2, &record);
        }
        forged.write(LOG, &[0xFF; 16_384]);
        forged.write(SLEEP, b"wake");
        forged.allocate(MIRROR..MIRROR + 8);
        forged.allocate(LOG..LOG + 32);
        forged.allocate(SLEEP..SLEEP + 8);
        forged
    }

    fn condition(forged: &Forged) -> Condition {
        forged.volume().catalog_with(&Threads::single()).condition()
    }

    #[test]
    fn a_volume_in_order_has_nothing_to_say() {
        let expected = Condition {
            version: Some((3, 1)),
            flags: Some(VolumeFlags::empty()),
            log: Some(LogState::Clean),
            hibernation: Some(Hibernation::Awake),
            ..Condition::default()
        };
        assert_eq!(condition(&volume()), expected);
        assert_eq!(condition(&Forged::new(vec![(30, file())])), Condition::default());
    }

    #[test]
    fn the_mirrors_records_are_compared() {
        let mut forged = volume();
        forged.record_bytes(3)[900] ^= 1;
        forged.record_bytes(1)[8] ^= 1;
        assert_eq!(condition(&forged).mirror_differs, [1, 3]);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        let mut forged = volume();
        forged.record_bytes(3)[900] ^= 1;
        let record = |number: u64| (MIRROR + number * 2) * CLUSTER..(MIRROR + number * 2 + 2) * CLUSTER;
        forged.spoil(record(2));
        forged.spoil(record(3));
        forged.spoil(LOG * CLUSTER..(LOG + 1) * CLUSTER);
        forged.spoil(SLEEP * CLUSTER..(SLEEP + 1) * CLUSTER);
        let condition = condition(&forged);
        assert_eq!((condition.mirror_differs, condition.mirror_unread), (vec![], vec![2, 3]));
        assert_eq!((condition.log, condition.hibernation), (Some(LogState::Unknown), None));
    }

    #[test]
    fn a_sleeping_system_has_not_written_everything() {
        for (head, expected) in [
            (b"hibr", Hibernation::Asleep),
            (b"HIBR", Hibernation::Asleep),
            (b"WAKE", Hibernation::Awake),
            (&[0; 4], Hibernation::Awake),
        ] {
            let mut forged = volume();
            forged.write(SLEEP, head);
            assert_eq!(condition(&forged).hibernation, Some(expected), "{head:?}");
        }
    }

    #[test]
    fn the_newer_restart_page_says_whether_the_log_was_replayed() {
        let page = |lsn: u64, clients: u16, flags: u16| {
            let mut page = vec![0; 4096];
            page[..4].copy_from_slice(b"RSTR");
            page[24] = 48;
            page[48..56].copy_from_slice(&lsn.to_le_bytes());
            page[60..62].copy_from_slice(&clients.to_le_bytes());
            page[62..64].copy_from_slice(&flags.to_le_bytes());
            page
        };
        let state = |first: Vec<u8>, second: Vec<u8>| {
            let mut forged = volume();
            forged.write(LOG, &first);
            forged.write(LOG + 4096 / CLUSTER, &second);
            condition(&forged).log
        };
        assert_eq!(state(page(7, 0, 0), page(8, 0xFFFF, 0)), Some(LogState::Clean));
        assert_eq!(state(page(9, 0, 0), page(8, 0xFFFF, 0)), Some(LogState::NotReplayed));
        assert_eq!(state(page(9, 0, 2), page(8, 0, 0)), Some(LogState::Clean));
        assert_eq!(state(vec![0; 4096], page(8, 0, 0)), Some(LogState::NotReplayed), "one page is enough");
        assert_eq!(state(vec![0; 4096], vec![7; 4096]), Some(LogState::Unknown));
    }
}
