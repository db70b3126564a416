//! Several tables in one source, told apart: what exists now, what was there before, and what only
//! lies inside files.

use std::collections::{BTreeMap, BTreeSet};

use super::assemble::{Assembly, Material, Occupied, is_mirror};
use super::fragments::{Fragment, hits_of};
use super::geometry_vote::{GeometryVote, Votes};
use super::hit_records::{place, read_record};
use crate::base::threads::Threads;
use crate::source::Source;
use crate::structure::attribute_type::AttributeType;
use crate::structure::record::Record;
use crate::volume::Volume;
use crate::volume::cluster_owners::owners;
use crate::volume::extents::Extents;

/// What a volume is to its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Layer {
    /// The volume that exists now.
    Current,
    /// A volume that lay in the same place before a new one was made there.
    OldFormat,
    /// A volume, or what is left of its table, inside the file of this record of a volume around it.
    NestedIn(u64),
    /// A copy of the volume's own table, inside the file of this record.
    ExportIn(u64),
    /// FILE records without a volume: a bare `$MFT` file, or fragments of one. Names, times and
    /// resident content only.
    Loose,
}

impl Layer {
    /// A word that stays the same between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::OldFormat => "old-format",
            Self::NestedIn(_) => "nested",
            Self::ExportIn(_) => "export",
            Self::Loose => "loose",
        }
    }
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Current => f.write_str("current"),
            Self::OldFormat => f.write_str("old format"),
            Self::NestedIn(record) => write!(f, "nested in file {record}"),
            Self::ExportIn(record) => write!(f, "export in file {record}"),
            Self::Loose => f.write_str("records without a volume"),
        }
    }
}

/// A volume that was put together, and what it is.
pub(super) struct LayeredVolume<'s> {
    pub(super) volume: Volume<'s>,
    pub(super) layer: Layer,
    pub(super) vote: Option<GeometryVote>,
}

/// Layers of one kind that are told apart in one place; what conflicts with that many is left out.
const MOST_LAYERS: usize = 8;
/// Times the current table is put together again without copies that turned out to lie in files.
const MOST_TRIES: usize = 4;
/// Records of a copy that are compared with the table's.
const SAMPLE: usize = 64;

/// Everything that the votes and fragments make, current volumes first.
pub(super) fn layers<'s>(
    material: Material<'s, '_>,
    votes: &[GeometryVote],
    threads: &Threads,
) -> Vec<LayeredVolume<'s>> {
    let cut = cut_at_tables(material, votes);
    let material = Material { fragments: &cut, ..material };
    let mut sorting = Sorting { material, threads, found: Vec::new() };
    let votes = sorting.without_copies(votes);
    let (homes, homeless) = homes(material, &votes);
    for (vote, fragments) in votes.iter().zip(&homes) {
        sorting.volume(vote, fragments);
    }
    sorting.label_nested();
    sorting.label_older();
    sorting.loose(homeless);
    let mut found = sorting.found;
    found.sort_by_key(|found| found.layer != Layer::Current);
    found
}

/// Cuts fragments where a table ends: what lies behind may be left over from an older one that
/// started in the same place.
fn cut_at_tables(material: Material<'_, '_>, votes: &[GeometryVote]) -> Vec<Fragment> {
    let (homes, _) = homes(material, votes);
    let ends = votes.iter().zip(&homes).filter_map(|(vote, members)| material.table_end(vote, members));
    let mut fragments = material.fragments.to_vec();
    for end in ends {
        let parts = fragments.iter().enumerate();
        let cut = parts.filter_map(|(index, part)| Some((index, part.cut(end, material.findings.records())?)));
        for (index, (front, back)) in cut.collect::<Vec<_>>() {
            if let Some(fragment) = fragments.get_mut(index) {
                *fragment = front;
                fragments.push(back);
            }
        }
    }
    fragments
}

/// The fragments in each volume, and those in none. Where volumes overlap, a fragment belongs to the
/// one whose record 0 says so; else to the innermost it fits.
fn homes(material: Material<'_, '_>, votes: &[GeometryVote]) -> (Vec<Vec<usize>>, Vec<usize>) {
    let around =
        |vote: &GeometryVote, fragment: &Fragment| vote.start <= fragment.offset && fragment.offset < vote.end();
    let told: Vec<Option<Extents>> = votes
        .iter()
        .map(|vote| {
            let indexed = material.fragments.iter().enumerate();
            let inside: Vec<usize> = indexed.filter(|(_, part)| around(vote, part)).map(|(index, _)| index).collect();
            material.recorded_extents(vote, &inside)
        })
        .collect();
    let is_told = |vote: &GeometryVote, told: &Option<Extents>, fragment: &Fragment| {
        let byte = fragment.first.checked_mul(u64::from(fragment.record_size));
        let at = told.as_ref().zip(byte).and_then(|(extents, byte)| place(extents, byte));
        at.and_then(|at| at.checked_add(vote.start)) == Some(fragment.offset)
    };
    let mut homes: Vec<Vec<usize>> = vec![Vec::new(); votes.len()];
    let mut homeless = Vec::new();
    for (index, fragment) in material.fragments.iter().enumerate() {
        let candidates = votes.iter().zip(&told).enumerate().filter(|(_, (vote, _))| around(vote, fragment));
        let rank = |vote: &GeometryVote, told: &Option<Extents>| {
            let fits = vote.may_own(fragment);
            (fits && is_told(vote, told, fragment), fits, vote.start)
        };
        let home = candidates.max_by_key(|(_, (vote, told))| rank(vote, told)).map(|(home, _)| home);
        match home.and_then(|home| homes.get_mut(home)) {
            Some(home) => home.push(index),
            None => homeless.push(index),
        }
    }
    (homes, homeless)
}

/// Volumes being put together, and told apart.
pub(super) struct Sorting<'s, 'f, 't> {
    pub(super) material: Material<'s, 'f>,
    pub(super) threads: &'t Threads,
    pub(super) found: Vec<LayeredVolume<'s>>,
}

impl<'s> Sorting<'s, '_, '_> {
    /// Puts one volume together, and sorts what is left over in its place.
    fn volume(&mut self, vote: &GeometryVote, fragments: &[usize]) {
        let fits = |index: &usize| self.material.fragments.get(*index).is_some_and(|fragment| vote.may_own(fragment));
        let (members, foreign): (Vec<usize>, Vec<usize>) = fragments.iter().copied().partition(fits);
        let Some((assembly, owners)) = self.current(vote, &members, fragments) else {
            return self.older(vote, fragments.to_vec());
        };
        let occupied = Occupied::by(assembly.volume.mft());
        let used: BTreeSet<usize> = assembly.used.iter().copied().collect();
        let is_left = |index: &usize| {
            let fragment = self.material.fragments.get(*index);
            !used.contains(index) && fragment.is_some_and(|fragment| !occupied.has(vote, fragment))
        };
        let mut in_files: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let mut old = Vec::new();
        for index in members.iter().copied().filter(is_left) {
            match owners.get(&index) {
                // The mirror's record says whose these clusters are.
                Some(1) => {}
                Some(&owner) => in_files.entry(owner).or_default().push(index),
                None if self.is_copy_of_start(&assembly.volume, index) => {}
                None => old.push(index),
            }
        }
        for index in foreign.into_iter().filter(is_left) {
            match owners.get(&index) {
                Some(&owner) => in_files.entry(owner).or_default().push(index),
                None => old.push(index),
            }
        }
        for (owner, fragments) in in_files {
            let is_export = fragments.iter().any(|&index| self.is_copy(&assembly.volume, index));
            let (layer, geometry) =
                if is_export { (Layer::ExportIn(owner), Some(vote)) } else { (Layer::NestedIn(owner), None) };
            self.pile(geometry, fragments, layer);
        }
        self.found.push(LayeredVolume { volume: assembly.volume, layer: Layer::Current, vote: Some(vote.clone()) });
        self.older(vote, old);
    }

    /// Tables that lie in a volume and are none of its own: each as the volume that its records tell of, if
    /// that started where this one does; without a volume, if it did not.
    fn older(&mut self, vote: &GeometryVote, fragments: Vec<usize>) {
        let mut formats: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
        let (mut silent, mut loose) = (Vec::new(), Vec::new());
        for index in fragments {
            let Some(fragment) = self.material.fragments.get(index) else { continue };
            let format = fragment.told.map(|told| (told.cluster_size, fragment.record_size));
            match format {
                Some(format) if self.as_format(vote, format).may_own(fragment) => {
                    formats.entry(format).or_default().push(index);
                }
                Some(_) => loose.push(index),
                None => silent.push(index),
            }
        }
        for index in silent {
            let Some(fragment) = self.material.fragments.get(index) else { continue };
            let known = formats.iter().filter(|(format, _)| self.as_format(vote, **format).may_own(fragment));
            let most = known.max_by_key(|(_, members)| members.len()).map(|(format, _)| *format);
            let own = (vote.cluster_size, vote.record_size);
            match most.or_else(|| vote.may_own(fragment).then_some(own)) {
                Some(format) => formats.entry(format).or_default().push(index),
                None => loose.push(index),
            }
        }
        for (format, fragments) in formats {
            self.pile(Some(&self.as_format(vote, format)), fragments, Layer::OldFormat);
        }
        self.loose(loose);
    }

    /// A volume of these cluster and record sizes in the place of another; that one, if it has them.
    fn as_format(&self, vote: &GeometryVote, (cluster_size, record_size): (u32, u32)) -> GeometryVote {
        if (cluster_size, record_size) == (vote.cluster_size, vote.record_size) {
            return vote.clone();
        }
        GeometryVote {
            start: vote.start,
            cluster_size,
            record_size,
            volume_size: self.material.source.size().saturating_sub(vote.start),
            votes: Votes::default(),
            runner_up: None,
            boot_geometry: None,
            witnesses: Vec::new(),
        }
    }

    /// The volume's table, and the files that own the places of fragments. A table's pieces never
    /// lie in the clusters of a file: those that do are copies, and it is put together without them.
    pub(super) fn current(
        &self,
        vote: &GeometryVote,
        members: &[usize],
        fragments: &[usize],
    ) -> Option<(Assembly<'s>, BTreeMap<usize, u64>)> {
        let mut members = members.to_vec();
        let mut assembly = self.material.assemble(vote, &members)?;
        let mut owners = BTreeMap::new();
        for _ in 0..MOST_TRIES {
            let used: BTreeSet<usize> = assembly.used.iter().copied().collect();
            if fragments.iter().all(|index| used.contains(index)) {
                break;
            }
            owners = self.owners(&assembly.volume, vote, fragments);
            let before = members.len();
            members.retain(|index| !used.contains(index) || owners.get(index).is_none_or(|&owner| owner <= 1));
            if members.len() == before {
                break;
            }
            match self.material.assemble(vote, &members) {
                Some(better) => assembly = better,
                None => break,
            }
        }
        Some((assembly, owners))
    }

    /// The files in use whose clusters fragments lie in.
    fn owners(&self, volume: &Volume<'_>, vote: &GeometryVote, fragments: &[usize]) -> BTreeMap<usize, u64> {
        let place = |index: usize| self.material.fragments.get(index)?.offset.checked_sub(vote.start);
        let mut places: Vec<(u64, usize)> =
            fragments.iter().filter_map(|&index| Some((place(index)?, index))).collect();
        places.sort_unstable();
        owners(volume, vote.cluster_size, &places, self.threads)
    }

    /// True for a small fragment that holds what the table starts with, or what nobody else knows any
    /// more: the mirror.
    fn is_copy_of_start(&self, volume: &Volume<'_>, index: usize) -> bool {
        let (same, compared) = self.comparison(volume, index);
        self.material.fragments.get(index).is_some_and(is_mirror) && same.saturating_mul(2) >= compared
    }

    /// True when most records of the fragment have the name that the table's record of the same
    /// number has.
    fn is_copy(&self, volume: &Volume<'_>, index: usize) -> bool {
        let (same, compared) = self.comparison(volume, index);
        compared > 0 && same.saturating_mul(2) > compared
    }

    /// How many records of the fragment have the name that the table's record of the same number
    /// has, of how many that could be compared.
    fn comparison(&self, volume: &Volume<'_>, index: usize) -> (usize, usize) {
        let Some(fragment) = self.material.fragments.get(index) else { return (0, 0) };
        let (mut same, mut compared) = (0_usize, 0_usize);
        for hit in hits_of(fragment, self.material.findings.records()).take(SAMPLE) {
            let number = fragment.number_at(hit.offset);
            let (Some(copy), Ok(own)) = (read_record(&self.material.source, hit), volume.mft().record(number)) else {
                continue;
            };
            compared = compared.saturating_add(1);
            same = same.saturating_add(usize::from(identity(&copy) == identity(&own)));
        }
        (same, compared)
    }

    /// Piles up tables of fragments until none is left, or too many conflict.
    fn pile(&mut self, vote: Option<&GeometryVote>, mut fragments: Vec<usize>, layer: Layer) {
        for _ in 0..MOST_LAYERS {
            let Some(assembly) = self.material.by_fragments(vote, &fragments) else { return };
            fragments.retain(|index| !assembly.used.contains(index));
            let found = LayeredVolume { volume: assembly.volume, layer, vote: vote.cloned() };
            self.found.push(found);
        }
    }

    /// Fragments that belong to no volume. A lone torn record is no evidence of anything.
    fn loose(&mut self, mut fragments: Vec<usize>) {
        fragments.retain(|&index| {
            let fragment = self.material.fragments.get(index);
            fragment.is_some_and(|fragment| {
                fragment.hits() > 1
                    || hits_of(fragment, self.material.findings.records()).any(super::findings::RecordHit::is_strong)
            })
        });
        self.pile(None, fragments, Layer::Loose);
    }
}

/// What tells a record from another of the same number: its life, and its first name.
fn identity(record: &Record<'_>) -> (u16, Option<Vec<u8>>) {
    let mut attributes = record.attributes().filter_map(Result::ok);
    let name = attributes.find(|attribute| attribute.attribute_type() == AttributeType::FILE_NAME);
    let name = name.and_then(|attribute| {
        let (name, _) = attribute.file_name().ok()?;
        Some([&name.parent().0.to_le_bytes(), name.name().bytes()].concat())
    });
    (record.header().sequence_number(), name)
}
