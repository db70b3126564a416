//! What was opened: volumes, how each was found, and what it is to its source.

mod indexes_alone;
mod remains;
mod scan_reason;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::assemble::Material;
use super::findings::{Findings, IndexHit};
use super::fragments::{Fragment, fragments};
use super::geometry_vote::starts::NamedStarts;
use super::geometry_vote::{GeometryVote, Overrides, vote};
use super::layers::{Layer, layers};
use super::scan::Scanner;
use super::unread::{Content, Unread};
use crate::base::damage::{Damage, DamageKind};
use crate::base::error::{Error, Result};
use crate::base::threads::Threads;
use crate::source::log_pages::log_pages;
use crate::source::{ContainerFormat, Part, SharedSource, Source, Window};
use crate::volume::partition::Partition;
use crate::volume::{Doubt, LostIndex, Volume};
use indexes_alone::of_indexes;
pub use remains::Remains;
pub use scan_reason::ScanReason;

/// A volume that was opened, how, and what it is to its source.
#[derive(Debug, Clone)]
pub struct Opened<'s> {
    volume: Volume<'s>,
    layer: Layer,
    opened_by: OpenedBy,
    vote: Option<GeometryVote>,
    partition: Option<Partition>,
}

/// What led to a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum OpenedBy {
    /// Its boot sector.
    BootSector,
    /// The backup of its boot sector.
    BackupBootSector,
    /// The source is a bare table.
    BareTable,
    /// A scan for what is left of it.
    Scan,
}

impl fmt::Display for OpenedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BootSector => "boot sector",
            Self::BackupBootSector => "backup boot sector",
            Self::BareTable => "bare table",
            Self::Scan => "scan",
        })
    }
}

impl<'s> Opened<'s> {
    /// A volume that its boot sector led to, or the backup.
    pub(super) fn by_sector(volume: Volume<'s>) -> Self {
        let by_backup = volume.damage().any(|damage| damage.kind == DamageKind::BackupBootSectorUsed);
        let opened_by = if by_backup { OpenedBy::BackupBootSector } else { OpenedBy::BootSector };
        Self { volume, layer: Layer::Current, opened_by, vote: None, partition: None }
    }

    /// A table without a volume.
    pub(super) fn bare(volume: Volume<'s>) -> Self {
        Self { volume, layer: Layer::Loose, opened_by: OpenedBy::BareTable, vote: None, partition: None }
    }

    /// The same, as what lies in this partition.
    pub(super) fn in_partition(self, partition: Option<Partition>) -> Self {
        Self { partition, ..self }
    }

    /// The same as what was there before, where a volume that exists now cannot start.
    pub(super) fn outlived(self) -> Self {
        let layer = if self.layer == Layer::Current { Layer::OldFormat } else { self.layer };
        Self { layer, ..self }
    }

    /// The same with the parts of its source in the places that they had.
    pub(super) fn realigned(self, parts: Vec<Part>) -> Self {
        Self { volume: self.volume.realigned(parts), ..self }
    }

    /// The same with further damage.
    pub(super) fn with_damage(self, damage: Vec<Damage>) -> Self {
        Self { volume: self.volume.with_damage(damage), ..self }
    }

    /// The same with further doubts about its bytes.
    pub(super) fn with_doubts(self, doubts: Vec<Doubt>) -> Self {
        Self { volume: self.volume.with_doubts(doubts), ..self }
    }

    /// The same in `source`, which has the bytes of the one that the volume was opened in.
    pub(crate) fn shared(&self, source: &SharedSource) -> Opened<'static> {
        let Self { volume, layer, opened_by, vote, partition } = self;
        let (vote, partition) = (vote.clone(), partition.clone());
        Opened { volume: volume.shared(source), layer: *layer, opened_by: *opened_by, vote, partition }
    }

    /// The volume.
    #[must_use]
    pub fn volume(&self) -> &Volume<'s> {
        &self.volume
    }

    /// The volume itself.
    #[must_use]
    pub fn into_volume(self) -> Volume<'s> {
        self.volume
    }

    /// What the volume is to its source.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// What led to the volume.
    #[must_use]
    pub fn opened_by(&self) -> OpenedBy {
        self.opened_by
    }

    /// How its geometry was voted, where a scan led to it.
    #[must_use]
    pub fn vote(&self) -> Option<&GeometryVote> {
        self.vote.as_ref()
    }

    /// The partition the volume starts in, where a table names one.
    #[must_use]
    pub fn partition(&self) -> Option<&Partition> {
        self.partition.as_ref()
    }

    /// True for a volume whose sizes are known: what lies in its bytes is its own.
    fn has_clusters(&self) -> bool {
        self.volume.geometry().is_some()
    }

    /// The bytes of the source that it may have.
    pub(super) fn span(&self) -> Range<u64> {
        let window = self.volume.source();
        window.start()..window.start().saturating_add(window.size())
    }

    /// Where the volume starts, in bytes of the source.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.volume.source().origin_of(0)
    }
}

/// Everything that an [`Opening`](super::Opening) found.
#[derive(Debug)]
pub struct Discovery<'s> {
    /// The volumes, those that exist now before what is left of others.
    pub volumes: Vec<Opened<'s>>,
    /// Partitions in which NTFS was, and in which nothing of it could be opened.
    pub unopened: Vec<(Partition, Error)>,
    /// Every partition that a table names, whatever is in it.
    pub partitions: Vec<Partition>,
    /// Those of them, or the whole source, of which nothing was opened, and what is in them.
    pub unread: Vec<Unread>,
    /// What lies outside of all partitions. It is looked at by a scan that is [asked for](super::Opening::scan), else not.
    pub outside: Vec<Range<u64>>,
    /// The format of a file that wraps a disk, which is not the disk: nothing in it was looked at.
    pub container: Option<ContainerFormat>,
    /// Where nothing was found: that the source cannot be read, or has no partition of the number asked for.
    pub failure: Option<Error>,
    /// What a scan would have been made of, and why, where they were [left out](super::Opening::without_scans): bytes
    /// of the source.
    pub unscanned: Vec<(ScanReason, Range<u64>)>,
    /// What scans found that no volume could be made of.
    pub remains: Remains,
    /// What is wrong with the partition tables.
    pub disk_damage: Vec<Damage>,
    /// What a scan of the whole source found, where one was asked for.
    pub findings: Option<Findings>,
}

impl<'s> Discovery<'s> {
    /// All but the volumes.
    pub(crate) fn without_volumes(self) -> Discovery<'static> {
        Discovery {
            volumes: Vec::new(),
            unopened: self.unopened,
            partitions: self.partitions,
            unread: self.unread,
            outside: self.outside,
            container: self.container,
            failure: self.failure,
            unscanned: self.unscanned,
            remains: self.remains,
            disk_damage: self.disk_damage,
            findings: self.findings,
        }
    }

    /// The volumes alone.
    ///
    /// # Errors
    /// When there are none: what kept the first partition from being opened, what the source holds instead
    /// ([`Error::SomethingElse`]), or that nothing was found ([`Error::NoVolume`]).
    pub fn into_volumes(self) -> Result<Vec<Opened<'s>>> {
        let is_foreign = |unread: &&Unread| matches!(unread.content, Content::Foreign(_) | Content::DynamicVolume(_));
        let foreign = self.unread.iter().find(is_foreign).map(|unread| unread.content.to_string());
        let container = self.container.map(|format| format!("{format}: {}", format.remedy()));
        let what = container.or(foreign).map(Error::SomethingElse);
        match self.unopened.into_iter().next() {
            _ if !self.volumes.is_empty() => Ok(self.volumes),
            Some((_, error)) => Err(error),
            None if self.failure.is_some() => Err(self.failure.unwrap_or(Error::NoVolume)),
            None if !self.remains.is_empty() => Err(Error::NotAssembled { found: self.remains.to_string() }),
            None => Err(what.unwrap_or(Error::NoVolume)),
        }
    }
}

impl Findings {
    /// The volumes the findings speak of, by vote, those with the most votes first.
    #[must_use]
    pub fn votes(&self, source: &dyn Source, overrides: &Overrides) -> Vec<GeometryVote> {
        let starts = NamedStarts::of(source, 0, source.size());
        vote(source, self, &fragments_with(self, overrides), overrides, &starts)
    }
}

/// The fragments; where the operator knows the cluster size, what records tell of it does not count.
fn fragments_with(findings: &Findings, overrides: &Overrides) -> Vec<Fragment> {
    let mut found = fragments(findings);
    if overrides.cluster_size.is_some() {
        found.iter_mut().for_each(|fragment| fragment.told = None);
    }
    found
}

/// Everything that can be put together from the findings of a scan of `source`, and what cannot.
pub(super) fn assemble<'s>(
    source: Window<'s>,
    findings: &Findings,
    overrides: &Overrides,
    threads: &Threads,
) -> (Vec<Opened<'s>>, Remains) {
    let fragments = fragments_with(findings, overrides);
    let starts = NamedStarts::of(source.source(), source.start(), source.size());
    let votes = vote(&source, findings, &fragments, overrides, &starts);
    let material = Material { source, findings, fragments: &fragments, starts: &starts };
    let found = layers(material, &votes, threads).into_iter();
    let is_in_step = findings.step() >= Scanner::SECTOR;
    let pages = if is_in_step { Arc::from([]) } else { log_pages(source.source()) };
    let opened = found.map(|found| Opened {
        volume: found.volume.with_log_pages(&pages),
        layer: found.layer,
        opened_by: OpenedBy::Scan,
        vote: found.vote,
        partition: None,
    });
    let opened = with_indexes(source, findings, opened.collect(), &starts);
    let mut remains = Remains::of(findings, &fragments, source.start());
    opened.iter().filter(|opened| opened.has_clusters()).for_each(|opened| remains.leave_out(&opened.span()));
    (opened, remains)
}

/// The volumes, each with the indexes of directories in it that a scan found; those in no volume go to the records that
/// have none, or are volumes of their own.
fn with_indexes<'s>(
    source: Window<'s>,
    findings: &Findings,
    opened: Vec<Opened<'s>>,
    starts: &NamedStarts,
) -> Vec<Opened<'s>> {
    let spans: Vec<Range<u64>> = opened.iter().filter(|opened| opened.has_clusters()).map(Opened::span).collect();
    let place = |hit: &IndexHit| source.start().saturating_add(hit.offset);
    let is_spare = |hit: &&IndexHit| !hit.parent.is_zero() && !spans.iter().any(|span| span.contains(&place(hit)));
    let spare: Vec<&IndexHit> = findings.index_records().iter().filter(is_spare).collect();
    let lost = |hit: &&IndexHit| LostIndex { offset: place(hit), record_size: hit.record_size, directory: hit.parent };
    let mut homeless: Vec<LostIndex> = spare.iter().map(lost).collect();
    let is_alone = opened.iter().all(Opened::has_clusters);
    let mut all: Vec<Opened<'s>> = Vec::new();
    for opened in opened {
        let window = opened.volume.source();
        let indexes = match opened.has_clusters() {
            true => findings.lost_indexes(source.start(), window),
            // Of several tables without a volume, nobody knows whose they are.
            false => std::mem::take(&mut homeless).into_iter().filter_map(|index| inside(index, &window)).collect(),
        };
        all.push(Opened { volume: opened.volume.with_lost_indexes(indexes), ..opened });
    }
    if is_alone && !spare.is_empty() {
        let volumes = of_indexes(source, findings, &spare, starts).into_iter();
        all.extend(volumes.map(|volume| {
            let layer = if volume.geometry().is_some() { Layer::Current } else { Layer::Loose };
            Opened { volume, layer, opened_by: OpenedBy::Scan, vote: None, partition: None }
        }));
    }
    all
}

/// An index at a byte of the source, by its place in a window of it.
fn inside(index: LostIndex, window: &Window<'_>) -> Option<LostIndex> {
    let offset = index.offset.checked_sub(window.start()).filter(|offset| *offset < window.size())?;
    Some(LostIndex { offset, ..index })
}
