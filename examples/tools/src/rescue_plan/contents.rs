//! What a volume that was opened wants: its metadata, the way to the chosen files, and their clusters.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};

use globset::GlobSet;
use ntfs_salvage::catalog::{Batch, Paths};
use ntfs_salvage::content::{Origin, StreamMap};
use ntfs_salvage::recoverability::Claims;
use ntfs_salvage::structure::{Attribute, AttributeType};
use ntfs_salvage::volume::{Geometry, Location};
use ntfs_salvage::{Catalog, Entry, EntryState, FileReference, Stream, Threads};

use crate::command::globs::is_anchored;
use crate::files::runs::runs;
use crate::rescue_plan::arguments::{Arguments, Stage};
use crate::rescue_plan::need::Need;

/// What of a volume is chosen.
pub struct Choice<'c> {
    pub catalog: &'c Catalog<'c>,
    pub claims: &'c Claims,
    pub geometry: Geometry,
    pub globs: Option<&'c GlobSet>,
    pub arguments: &'c Arguments,
    /// Where the volume starts on the disk.
    pub start: u64,
    /// Whether there are records that cannot be read: then any directory may have names of them.
    pub has_lost_records: bool,
}

/// What one batch of entries wants. Positions count in the volume.
#[derive(Default)]
struct Part {
    wanted: [Vec<Range<u64>>; 5],
    /// Directories that chosen files are in.
    parents: HashSet<FileReference>,
    /// Files that are chosen.
    files: u64,
}

/// NTFS's own files that are read whole before all others, by record number: the root's index is on the way, and
/// `$BadClus` has no content.
const OWN: [u64; 9] = [0, 1, 2, 3, 4, 6, 7, 9, 10];
/// NTFS's own files are not chosen by themselves.
const FIRST_OF_USERS: u64 = 24;
const JOURNAL: &str = "/$Extend/$UsnJrnl";

impl Choice<'_> {
    /// Adds what is wanted, and returns how many files are chosen.
    pub fn add_to(&self, need: &mut Need, threads: &Threads) -> u64 {
        let mut all = Part::default();
        let state = || (self.catalog.paths(), String::new());
        let work = |(paths, text): &mut (Paths<'_>, String), batch: Batch<'_>| {
            let mut part = Part::default();
            batch.into_entries().for_each(|entry| self.entry(&entry, (paths, text), &mut part));
            part
        };
        let consume = |part: Part| {
            all.wanted.iter_mut().zip(part.wanted).for_each(|(all, more)| all.extend(more));
            all.parents.extend(part.parents);
            all.files += part.files;
            ControlFlow::<()>::Continue(())
        };
        let _ = self.catalog.scan(threads, state, work, consume);
        self.ways(&mut all);
        for (stage, ranges) in Stage::ALL.into_iter().zip(all.wanted) {
            need.add(stage, ranges.into_iter().map(|range| self.on_disk(range)));
        }
        all.files
    }

    fn on_disk(&self, range: Range<u64>) -> Range<u64> {
        self.start.saturating_add(range.start)..self.start.saturating_add(range.end)
    }

    fn entry(&self, entry: &Entry<'_>, (paths, text): (&mut Paths<'_>, &mut String), part: &mut Part) {
        let number = entry.record_number();
        let lists = entry.attributes_of(AttributeType::ATTRIBUTE_LIST);
        part.wanted[Stage::Metadata.index()].extend(lists.flat_map(|list| self.runs(&list)));
        let is_live = entry.state() == EntryState::Live;
        if is_live && OWN.contains(&number) {
            self.everything(entry, Stage::Metadata, part);
        }
        let fits = if self.arguments.deleted { !is_live } else { is_live };
        let mut is_chosen = self.globs.is_none() && fits;
        let mut is_on_the_way = self.globs.is_none();
        for link in entry.links() {
            text.clear();
            paths.push(link.parent(), link.name(), text);
            let is_match = self.globs.is_none_or(|globs| globs.is_match(&*text));
            is_chosen |= is_match && fits;
            is_on_the_way |= is_match || (entry.is_directory() && self.may_lead(text));
            if is_match && fits {
                part.parents.insert(link.parent());
            }
            if is_live && text == JOURNAL {
                self.everything(entry, Stage::Metadata, part);
            }
        }
        // Its index comes as one of the directories on the way; what else it has as a file's.
        if entry.is_directory() && is_on_the_way {
            part.parents.insert(entry.reference());
        }
        if is_chosen && (number >= FIRST_OF_USERS || self.globs.is_some()) && number != 8 {
            part.files += 1;
            self.content(entry, is_live, part);
        }
    }

    /// True for a directory that a glob's plain beginning goes through, and, where records are lost, for any that an
    /// unanchored one may.
    fn may_lead(&self, directory: &str) -> bool {
        self.arguments.paths.iter().any(|glob| {
            if !is_anchored(glob) || !glob.starts_with('/') {
                return self.has_lost_records;
            }
            let plain = glob.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
            let plain: Vec<_> = plain.filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
            let lower = directory.to_lowercase();
            let mut own = lower.split('/').filter(|part| !part.is_empty());
            let mut glob = plain.iter();
            loop {
                match (own.next(), glob.next()) {
                    (None, _) => return true,
                    (Some(own), Some(glob)) if own == glob => {}
                    _ => return false,
                }
            }
        })
    }

    /// The indexes of all directories on the way.
    fn ways(&self, all: &mut Part) {
        let mut open: Vec<FileReference> = all.parents.iter().copied().collect();
        while let Some(reference) = open.pop() {
            let Ok(directory) = self.catalog.entry_of(reference) else { continue };
            for link in directory.links() {
                if all.parents.insert(link.parent()) {
                    open.push(link.parent());
                }
            }
            let indexes = directory.attributes().filter(|attribute| is_of_index(attribute.attribute_type()));
            all.wanted[Stage::Indexes.index()].extend(indexes.flat_map(|attribute| self.runs(&attribute)));
        }
    }

    /// Every cluster that NTFS's own file has, but for what is past its end.
    fn everything(&self, entry: &Entry<'_>, stage: Stage, part: &mut Part) {
        let wanted = &mut part.wanted[stage.index()];
        for stream in entry.streams() {
            wanted.extend(clusters_of(&stream.map()));
        }
        let others = entry.attributes().filter(|attribute| attribute.attribute_type() != AttributeType::DATA);
        wanted.extend(others.flat_map(|attribute| self.runs(&attribute)));
    }

    /// The clusters of a chosen file: of a deleted one without those that a live file has now.
    fn content(&self, entry: &Entry<'_>, is_live: bool, part: &mut Part) {
        let streams = entry.streams();
        let of_streams = streams.iter().flat_map(|stream| stored(stream));
        let others = entry.attributes().filter(|attribute| {
            attribute.attribute_type() != AttributeType::DATA && !is_of_index(attribute.attribute_type())
        });
        let ranges: Vec<_> = of_streams.chain(others.flat_map(|attribute| self.runs(&attribute))).collect();
        let wanted = &mut part.wanted[Stage::Files.index()];
        match is_live {
            true => wanted.extend(ranges),
            false => wanted.extend(ranges.into_iter().flat_map(|range| self.without_live(range, entry.reference()))),
        }
    }

    fn without_live(&self, range: Range<u64>, reference: FileReference) -> Vec<Range<u64>> {
        let size = u64::from(self.geometry.cluster_size());
        let clusters = range.start / size..range.end.div_ceil(size);
        let free = self.claims.of(clusters).filter(|(_, claim)| claim.other_live(reference).is_none());
        free.map(|(clusters, _)| (clusters.start * size).max(range.start)..(clusters.end * size).min(range.end))
            .collect()
    }

    fn runs(&self, attribute: &Attribute<'_>) -> Vec<Range<u64>> {
        runs(attribute, &self.geometry)
    }
}

fn is_of_index(attribute_type: AttributeType) -> bool {
    [AttributeType::INDEX_ALLOCATION, AttributeType::BITMAP].contains(&attribute_type)
}

/// Where a stream's bytes lie: what stands past its initialized size is not asked for.
fn stored(stream: &Stream<'_>) -> Vec<Range<u64>> {
    let map = stream.map();
    let mut ranges = clusters_of(&map);
    ranges.extend(map.chunks().into_iter().flat_map(clusters_of));
    ranges
}

fn clusters_of(map: &StreamMap<'_>) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let mut last_unit = None;
    for range in map.ranges() {
        match range.origin {
            Origin::Clusters(position) => ranges.push(position..position.saturating_add(range.length)),
            Origin::Compressed { unit, stored } if last_unit.replace(unit) != Some(unit) => {
                let extents = map.stored(unit, unit.saturating_add(stored));
                ranges.extend(extents.filter_map(|extent| match extent.location {
                    Location::At(position) => Some(position..position.saturating_add(extent.length)),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    ranges
}
