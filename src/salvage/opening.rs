//! Opening what volumes there are, step by step: from the partition table to a scan for single records.

mod misplaced;
mod signs;

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};

use super::accounting::{account, doubt_dynamic, doubt_overlaps};
use super::findings::Findings;
use super::geometry_vote::Overrides;
use super::layers::Layer;
use super::open::{Discovery, Opened, Remains, ScanReason, assemble};
use super::scan::Scanner;
use super::settling::settle;
use crate::base::damage::{Damage, DamageKind};
use crate::base::error::{Error, Result};
use crate::base::threads::Threads;
use crate::source::log_pages::{LogPages, log_pages};
use crate::source::{ContainerFormat, Source, Window};
use crate::volume::disk::Disk;
use crate::volume::dynamic_disk::DynamicDisk;
use crate::volume::geometry::Geometry;
use crate::volume::partition::{Partition, PartitionScheme};
use crate::volume::{Doubt, DoubtKind, Volume};
use signs::{is_all_table, is_incomplete, is_log, is_new_over_old, known_records, starts_with_a_record, was_ntfs};

/// Opens whatever volumes there are, by the first step that leads to them. A source that is all table
/// is opened as a bare one; of another:
///
/// 1. the partition table, and in each partition its boot sector, the backup of it, and for the table
///    of FILE records the mirror;
/// 2. a scan of a partition that holds, or held, NTFS: where those lead to no table, or to one of
///    which part has no known place; behind the end of a volume that starts a source without partition
///    table; and below a new volume that lies over an older one: one without a user's file, or whose
///    short table goes on with the records of a longer one;
/// 3. a scan of what lies outside of all partitions, where the tables have lost entries;
/// 4. a scan of the whole source, where no volume was found so far.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::salvage::Opening;
///
/// let image = ntfs_salvage::source::open("testdata/disk_gpt.img")?;
/// let found = Opening::new(&image).without_scans().run();
/// for opened in &found.volumes {
///     println!("a volume at byte {}, by its {}", opened.start(), opened.opened_by());
/// }
/// for unread in &found.unread {
///     println!("{} was not read: {}", unread.partition.number(), unread.content);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is opened before it runs"]
pub struct Opening<'s, 'o> {
    source: Window<'s>,
    threads: Option<&'o Threads>,
    partition: Option<u32>,
    overrides: Overrides,
    always_scans: bool,
    resumed: Option<Findings>,
    keeps_findings: bool,
    takes_as_disk: bool,
    dynamic: Option<&'s DynamicDisk<'s>>,
    watch: Watch<'o>,
    announce: Announce<'o>,
    never_scans: bool,
    has_looked_outside: bool,
    remains: Remains,
    unscanned: Vec<(ScanReason, Range<u64>)>,
}

/// Whoever wants to know how far a scan has come.
struct Watch<'o>(Option<&'o mut dyn FnMut(&Findings)>);

/// Whoever wants to know that a scan starts.
struct Announce<'o>(Option<&'o mut dyn FnMut(ScanReason, Range<u64>)>);

impl std::fmt::Debug for Announce<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "announced" } else { "not announced" })
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "watched" } else { "not watched" })
    }
}

impl<'s, 'o> Opening<'s, 'o> {
    /// Opens what is in `source`.
    pub fn new(source: &'s dyn Source) -> Self {
        Self {
            source: Window::whole(source),
            threads: None,
            partition: None,
            overrides: Overrides::default(),
            always_scans: false,
            resumed: None,
            keeps_findings: false,
            takes_as_disk: false,
            dynamic: None,
            watch: Watch(None),
            announce: Announce(None),
            never_scans: false,
            has_looked_outside: false,
            remains: Remains::default(),
            unscanned: Vec::new(),
        }
    }

    /// On these threads instead of all cores.
    pub fn threads(self, threads: &'o Threads) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// Only what is in the partition of this [number](Partition::number).
    ///
    /// ```
    /// # fn main() -> ntfs_salvage::Result<()> {
    /// use ntfs_salvage::Error;
    /// use ntfs_salvage::salvage::Opening;
    ///
    /// let image = ntfs_salvage::source::open("testdata/disk_gpt.img")?;
    /// let found = Opening::new(&image).partition(9).run().into_volumes();
    /// assert!(matches!(found, Err(Error::NoSuchPartition(9))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn partition(self, number: u32) -> Self {
        Self { partition: Some(number), ..self }
    }

    /// What the operator knows better. The start alone is taken for a boot sector's place first; with
    /// any of the sizes no boot sector is believed, and the source is scanned.
    pub fn overrides(self, overrides: Overrides) -> Self {
        Self { overrides, ..self }
    }

    /// Scans in any case, and believes boot sectors as witnesses among others.
    pub fn scan(self) -> Self {
        Self { always_scans: true, ..self }
    }

    /// Scans in any case, all of the source, from where an earlier scan stopped, and gives the
    /// [findings](Discovery::findings) back.
    ///
    /// ```
    /// # fn main() -> ntfs_salvage::Result<()> {
    /// use ntfs_salvage::salvage::{Opening, Scanner};
    ///
    /// let image = ntfs_salvage::source::open("testdata/plain.img")?;
    /// let earlier = Scanner::new(&image).run();
    /// let found = Opening::new(&image).keep_findings(Some(earlier)).run();
    /// let kept = found.findings.expect("what the scan found");
    /// assert!(kept.is_complete() && found.volumes.len() == 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_findings(self, earlier: Option<Findings>) -> Self {
        Self { always_scans: true, resumed: earlier, keeps_findings: true, ..self }
    }

    /// Takes the source for a disk even where it starts as a [file that wraps one](ContainerFormat), as after such a
    /// file was written over a disk's start. Nothing of it is vouched for.
    pub fn as_disk(self) -> Self {
        Self { takes_as_disk: true, ..self }
    }

    /// Opens the volumes of a dynamic disk as its database has them, those in several parts too.
    pub fn dynamic_disk(self, disk: Option<&'s DynamicDisk<'s>>) -> Self {
        Self { dynamic: disk, ..self }
    }

    /// Calls `watch` for each MiB that is scanned.
    pub fn watch(self, watch: &'o mut dyn FnMut(&Findings)) -> Self {
        Self { watch: Watch(Some(watch)), ..self }
    }

    /// Calls `announce` before each scan, with the reason and the bytes of the source that are scanned.
    pub fn announce(self, announce: &'o mut dyn FnMut(ScanReason, Range<u64>)) -> Self {
        Self { announce: Announce(Some(announce)), ..self }
    }

    /// Scans nothing that was not asked for: what a scan would have been made of is among what was
    /// [not scanned](Discovery::unscanned).
    pub fn without_scans(self) -> Self {
        Self { never_scans: true, ..self }
    }

    /// Goes through the steps, and returns what they found.
    pub fn run(mut self) -> Discovery<'s> {
        let every_core = if self.threads.is_none() { Threads::default() } else { Threads::single() };
        let threads = self.threads.unwrap_or(&every_core);
        let disk = Disk::new(self.source.source());
        let is_tabled = |partition: &&Partition| partition.scheme != PartitionScheme::Whole;
        let mut found = Discovery {
            volumes: Vec::new(),
            unopened: Vec::new(),
            partitions: disk.partitions().iter().filter(is_tabled).cloned().collect(),
            unread: Vec::new(),
            outside: Vec::new(),
            container: None,
            failure: None,
            unscanned: Vec::new(),
            remains: Remains::default(),
            disk_damage: disk.damage().to_vec(),
            findings: None,
        };
        found.container = ContainerFormat::recognize(&self.source).filter(|_| !self.takes_as_disk);
        if found.container.is_some() {
            return found;
        }
        let chosen = self.partition.map(|number| found.partitions.iter().find(|part| part.number() == number).cloned());
        let has_sizes = Overrides { start: None, ..self.overrides } != Overrides::default();
        match (chosen, self.overrides.start) {
            (Some(None), _) => found.failure = self.partition.map(Error::NoSuchPartition),
            (chosen, _) if self.always_scans || has_sizes => {
                let area = chosen.flatten().map_or(self.source, |partition| disk.window(&partition));
                self.scan_area(area, threads, &mut found);
            }
            (_, Some(start)) => found.volumes = self.at_start(start, threads),
            (Some(Some(partition)), None) => self.chosen(&disk, &partition, threads, &mut found),
            (None, None) => self.everywhere(&disk, threads, &mut found),
        }
        found.remains = std::mem::take(&mut self.remains);
        found.unscanned = std::mem::take(&mut self.unscanned);
        if threads.is_cancelled() {
            return found;
        }
        found.volumes = settle(std::mem::take(&mut found.volumes), threads);
        if self.takes_as_disk {
            doubt_everything(&mut found, DoubtKind::Unplaced);
        }
        doubt_overlaps(&disk, &mut found);
        doubt_dynamic(&disk, self.dynamic, &mut found);
        name_partitions(&mut found);
        if self.overrides.start.is_none() {
            let chosen =
                self.partition.and_then(|number| disk.partitions().iter().find(|part| part.number() == number));
            account(&disk, self.dynamic, chosen, &mut found);
        }
        if found.volumes.is_empty() && found.failure.is_none() {
            found.failure = failure_of(&self.source);
        }
        if self.always_scans || self.has_looked_outside {
            found.outside.clear();
        }
        found
    }

    /// What an asked scan of `area` finds.
    fn scan_area(&mut self, area: Window<'s>, threads: &Threads, found: &mut Discovery<'s>) {
        if !self.keeps_findings {
            let overrides = Overrides {
                start: self.overrides.start.map(|start| start.saturating_sub(area.start())),
                ..self.overrides
            };
            found.volumes = self.scanned(ScanReason::Asked, area, &overrides, threads);
            let is_loose = found.volumes.iter().all(|opened| opened.layer() == Layer::Loose);
            if let Some(volume) = is_loose.then(|| Volume::open_late(self.source.source())).flatten() {
                found.volumes = vec![Opened::by_sector(volume)];
            }
            return;
        }
        let earlier = self.resumed.take();
        let findings = self.findings_of(ScanReason::Asked, self.source, earlier, threads);
        let of_area = findings.within(area.start()..area.start().saturating_add(area.size()));
        (found.volumes, self.remains) = assemble(self.source, &of_area, &self.overrides, threads);
        found.findings = Some(findings);
    }

    /// The volume that starts where the operator says.
    fn at_start(&mut self, start: u64, threads: &Threads) -> Vec<Opened<'s>> {
        let window = Window::new(self.source.source(), start, u64::MAX);
        match Volume::open_window(window) {
            Ok(volume) => vec![self.completed(Opened::by_sector(volume), threads)],
            Err(_) => {
                let overrides = Overrides { start: Some(0), ..self.overrides };
                self.scanned(ScanReason::TableNotFound, window, &overrides, threads)
            }
        }
    }

    /// The partition that was chosen: whatever its type, all is done to open it.
    fn chosen(&mut self, disk: &Disk<'s>, partition: &Partition, threads: &Threads, found: &mut Discovery<'s>) {
        let window = self.window_of(disk, partition, found);
        match Volume::open_window(window) {
            Ok(volume) => found.volumes = self.with_older(Opened::by_sector(volume), threads),
            Err(_) if self.opens_before(partition, window, threads, found) => {}
            Err(error) => {
                found.volumes = self.scanned(ScanReason::TableNotFound, window, &Overrides::default(), threads);
                if found.volumes.is_empty() {
                    found.unopened.push((partition.clone(), error));
                }
            }
        }
    }

    fn everywhere(&mut self, disk: &Disk<'s>, threads: &Threads, found: &mut Discovery<'s>) {
        let source = self.source.source();
        let bare = || Volume::from_table(source).ok();
        let starts_as_table = starts_with_a_record(&self.source).then(bare).flatten();
        if let Some(volume) = starts_as_table.filter(|volume| is_all_table(volume.mft())) {
            found.volumes.push(Opened::bare(volume));
            return;
        }
        self.dynamic_volumes(threads, found);
        let mut starts = HashSet::new();
        // Hybrid and overlapping tables name one volume several times.
        let is_told = |partition: &&Partition| self.dynamic.is_some() && partition.partition_type.is_dynamic();
        let partitions: Vec<&Partition> = disk.partitions().iter().filter(|partition| !is_told(partition)).collect();
        for partition in partitions.into_iter().filter(|partition| starts.insert(partition.start)) {
            if threads.is_cancelled() {
                return;
            }
            self.one_of_all(disk, partition, threads, found);
        }
        if disk.lacks_entries() && !found.volumes.is_empty() {
            self.outside_of_all(disk, threads, found);
        }
        if !found.volumes.is_empty() {
            return;
        }
        if let Some(volume) = Volume::open_late(source) {
            found.volumes.push(Opened::by_sector(volume));
            return;
        }
        // What was scanned so far is scanned again.
        self.remains = Remains::default();
        found.volumes = self.scanned(ScanReason::NothingOpened, self.source, &Overrides::default(), threads);
        // A volume may start with its table, too: only where there is no volume is it a bare one.
        let is_loose = found.volumes.iter().all(|opened| opened.layer() == Layer::Loose);
        let is_possible = is_loose && self.unscanned.is_empty() && may_be_table(&self.source, &found.volumes);
        if let Some(volume) = is_possible.then(bare).flatten() {
            found.volumes = vec![Opened::bare(volume)];
        }
    }

    /// The volumes that the database of a dynamic disk names.
    fn dynamic_volumes(&mut self, threads: &Threads, found: &mut Discovery<'s>) {
        let Some(dynamic) = self.dynamic else { return };
        for volume in dynamic.volumes() {
            let Some(window) = volume.window(self.source.source()) else { continue };
            if let Ok(volume) = Volume::open_window(window) {
                found.volumes.push(self.completed(Opened::by_sector(volume), threads));
            }
        }
    }

    /// What one partition holds: nothing, where nothing says that it is NTFS.
    fn one_of_all(&mut self, disk: &Disk<'s>, partition: &Partition, threads: &Threads, found: &mut Discovery<'s>) {
        let source = self.source.source();
        let window = self.window_of(disk, partition, found);
        let is_whole = partition.scheme == PartitionScheme::Whole;
        match Volume::open_window(window) {
            Ok(volume) => {
                let size = volume.geometry().map_or(0, Geometry::volume_size);
                found.volumes.extend(self.with_older(Opened::by_sector(volume), threads));
                // Behind the only volume of a disk without a table there may have been others.
                if is_whole && window.size().saturating_sub(size) > ROOM_FOR_ANOTHER {
                    let behind = Window::new(source, window.start().saturating_add(size), u64::MAX);
                    found.volumes.extend(self.scanned(
                        ScanReason::BehindVolume,
                        behind,
                        &Overrides::default(),
                        threads,
                    ));
                }
            }
            Err(_) if !is_whole && self.opens_before(partition, window, threads, found) => {}
            Err(error) if !is_whole && was_ntfs(partition, source) => {
                let volumes = self.scanned(ScanReason::TableNotFound, window, &Overrides::default(), threads);
                if volumes.is_empty() {
                    found.unopened.push((partition.clone(), error));
                }
                found.volumes.extend(volumes);
            }
            Err(_) => {}
        }
    }

    /// The bytes of a partition, and of the volume in it where that is larger.
    fn window_of(&self, disk: &Disk<'s>, partition: &Partition, found: &mut Discovery<'s>) -> Window<'s> {
        let window = disk.window(partition);
        if window.size() > partition.size {
            let kind = DamageKind::PartitionShort { claimed: partition.size, volume: window.size() };
            found.disk_damage.push(Damage::new(partition.start, kind));
        }
        window
    }

    /// The volume, and what is left of an older one that it was made over.
    fn with_older(&mut self, opened: Opened<'s>, threads: &Threads) -> Vec<Opened<'s>> {
        if !is_new_over_old(opened.volume()) {
            return vec![self.completed(opened, threads)];
        }
        let Some(window) = opened.volume().held_source().borrowed() else { return vec![opened] };
        let scanned = self.scanned(ScanReason::NewVolume, window, &Overrides::default(), threads);
        let is_itself = |other: &Opened<'_>| other.layer() == Layer::Current && other.start() == opened.start();
        let others: Vec<Opened<'s>> = scanned.into_iter().filter(|other| !is_itself(other)).collect();
        std::iter::once(opened).chain(others).collect()
    }

    /// The same volume with what a scan adds to its table; as it is, where that is nothing.
    fn completed(&mut self, opened: Opened<'s>, threads: &Threads) -> Opened<'s> {
        if !is_incomplete(opened.volume().mft()) {
            return opened;
        }
        let Some(window) = opened.volume().held_source().borrowed() else { return opened };
        let scanned = self.scanned(ScanReason::TableIncomplete, window, &Overrides::default(), threads);
        let is_same = |other: &Opened<'_>| other.layer() == Layer::Current && other.start() == opened.start();
        let is_better = |other: &Opened<'_>| known_records(other.volume()) > known_records(opened.volume());
        scanned.into_iter().find(|other| is_same(other) && is_better(other)).unwrap_or(opened)
    }

    fn scanned(
        &mut self,
        reason: ScanReason,
        window: Window<'s>,
        overrides: &Overrides,
        threads: &Threads,
    ) -> Vec<Opened<'s>> {
        if self.never_scans && reason != ScanReason::Asked {
            self.unscanned.push((reason, window.start()..window.start().saturating_add(window.size())));
            return Vec::new();
        }
        let findings = self.findings_of(reason, window, None, threads);
        if threads.is_cancelled() {
            return Vec::new();
        }
        let (opened, remains) = assemble(window, &findings, overrides, threads);
        self.remains.append(remains);
        opened
    }

    /// What a scan finds; one out of step with the sectors, where there is nothing in step.
    fn findings_of(
        &mut self,
        reason: ScanReason,
        window: Window<'_>,
        earlier: Option<Findings>,
        threads: &Threads,
    ) -> Findings {
        let range = window.start()..window.start().saturating_add(window.size());
        self.announce.0.iter_mut().for_each(|announce| announce(reason, range.clone()));
        let watch = &mut self.watch.0;
        let mut run = |scanner: Scanner<'_>| {
            scanner.run_while(threads, |findings| {
                watch.iter_mut().for_each(|watch| watch(findings));
                ControlFlow::Continue(())
            })
        };
        let resumed = earlier.and_then(|findings| Scanner::new(&window).resume(findings).ok());
        let findings = run(resumed.unwrap_or_else(|| Scanner::new(&window)));
        if findings.step() == 1 || !(findings.is_empty() || is_log(&window)) {
            return findings;
        }
        // What lies anywhere may lie in pages of the log.
        let undone = LogPages::new(&window, log_pages(&window));
        run(Scanner::new(&undone).step(1))
    }
}

/// Opens every volume of a source, by whatever is left of it; see [`Opening`] for the steps.
///
/// What was lost, and what was used instead, is among each volume's [damage](Volume::damage).
///
/// # Errors
/// When nothing of NTFS is found.
pub fn open(source: &dyn Source) -> Result<Vec<Opened<'_>>> {
    open_with(source, &Threads::default())
}

/// The same on the given threads.
///
/// # Errors
/// As [`open`].
pub fn open_with<'s>(source: &'s dyn Source, threads: &Threads) -> Result<Vec<Opened<'s>>> {
    Opening::new(source).threads(threads).run().into_volumes()
}

/// Bytes of a source that is read once more to see whether it is a bare table.
const SMALL: u64 = 1 << 30;

/// False for a large source of which records are but a small part.
fn may_be_table(source: &dyn Source, loose: &[Opened<'_>]) -> bool {
    let sizes = loose.iter().map(|opened| {
        let mft = opened.volume().mft();
        mft.record_count().saturating_mul(u64::from(mft.record_size()))
    });
    source.size() <= SMALL || sizes.fold(0, u64::saturating_add) >= source.size() / 4
}

/// Bytes behind a volume that starts a disk without a partition table: enough for another volume.
const ROOM_FOR_ANOTHER: u64 = 1 << 20;

/// Why a source cannot be read, where it cannot at its start, in its middle, and at its end: it is not empty, but failing.
fn failure_of(source: &dyn Source) -> Option<Error> {
    let size = source.size();
    let places = [0, size / 2, size.saturating_sub(512)];
    let read = |place: u64| Window::whole(source).read_at(place, &mut [0; 512]).err();
    let [Some(first), Some(_), Some(_)] = places.map(read) else { return None };
    Some(first.into())
}

fn doubt_everything(found: &mut Discovery<'_>, kind: DoubtKind) {
    let volumes = std::mem::take(&mut found.volumes).into_iter();
    found.volumes = volumes.map(|opened| opened.with_doubts(vec![Doubt::everything(kind)])).collect();
}

/// Names the partition that each volume starts in.
fn name_partitions(found: &mut Discovery<'_>) {
    let partitions = &found.partitions;
    let volumes = std::mem::take(&mut found.volumes).into_iter().map(|opened| {
        let has_place = opened.layer() != Layer::Loose || opened.start() > 0;
        let holds = |part: &&Partition| opened.start().checked_sub(part.start).is_some_and(|inside| inside < part.size);
        let partition = opened.partition().or_else(|| partitions.iter().find(holds).filter(|_| has_place)).cloned();
        opened.in_partition(partition)
    });
    let mut volumes: Vec<Opened<'_>> = volumes.collect();
    volumes.sort_by_key(|opened| opened.layer() != Layer::Current);
    found.volumes = volumes;
}
