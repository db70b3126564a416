//! From fragments to an MFT that was never on disk as such.

use std::collections::BTreeMap;

use super::findings::{Findings, HitFlags, RecordHit};
use super::fragments::{Fragment, hits_of};
use super::geometry_vote::GeometryVote;
use super::geometry_vote::starts::NamedStarts;
use super::hit_records::{extents_of, place, read_record, unnamed_data};
use crate::base::damage::{Damage, DamageKind};
use crate::source::held::HeldWindow;
use crate::source::{Source, Window};
use crate::volume::Volume;
use crate::volume::extents::{Extent, Extents, Location};
use crate::volume::geometry::Geometry;
use crate::volume::mft::Mft;

/// Records a mirror can have at most: a cluster of 128 KiB full of them.
const LARGEST_MIRROR: u64 = 128;
/// Record numbers that need no others before them.
const NEAR: u64 = 1 << 20;
/// Records that together are no accident, whatever their numbers.
const MANY: usize = 8;
/// Copies of record 0 that are compared with the fragments.
const MOST_TABLES: usize = 32;

/// What assembly works with: one scan of one source.
#[derive(Clone, Copy)]
pub(super) struct Material<'s, 'f> {
    pub(super) source: Window<'s>,
    pub(super) findings: &'f Findings,
    pub(super) fragments: &'f [Fragment],
    pub(super) starts: &'f NamedStarts,
}

/// A table, and which fragments it is made of.
pub(super) struct Assembly<'s> {
    pub(super) volume: Volume<'s>,
    /// Indices of the fragments that are (part of) the table.
    pub(super) used: Vec<usize>,
}

/// Consecutive records with a known place: from which number to which, and where the first one is.
#[derive(Clone, Copy)]
struct Claim {
    end: u64,
    offset: u64,
}

impl<'s> Material<'s, '_> {
    /// The part of the source a volume has.
    pub(super) fn window(&self, vote: &GeometryVote) -> Window<'s> {
        let size = vote.volume_size.min(self.source.size().saturating_sub(vote.start));
        Window::new(self.source.source(), self.source.start().saturating_add(vote.start), size)
    }

    fn hits(&self, index: usize) -> impl Iterator<Item = &RecordHit> {
        self.fragments.get(index).into_iter().flat_map(|fragment| hits_of(fragment, self.findings.records()))
    }

    /// The volume's table: by a record 0 that agrees with the fragments, else by the fragments alone.
    pub(super) fn assemble(&self, vote: &GeometryVote, members: &[usize]) -> Option<Assembly<'s>> {
        let by_record = self.table_record(vote, members).and_then(|hit| self.by_record_zero(vote, members, &hit));
        by_record.or_else(|| self.by_fragments(Some(vote), members))
    }

    /// The table's pieces as the best record 0 of the volume and its extension records have them.
    pub(super) fn recorded_extents(&self, vote: &GeometryVote, members: &[usize]) -> Option<Extents> {
        let hit = self.table_record(vote, members)?;
        match self.by_record(vote, &hit) {
            Some(volume) => Some(volume.mft().extents().clone()),
            None => self.table_extents(vote, &hit),
        }
    }

    /// The copy of record 0 to believe: one that lies where it says itself before one that does not,
    /// then the one that most records lie where it says.
    fn table_record(&self, vote: &GeometryVote, members: &[usize]) -> Option<RecordHit> {
        let hits = members.iter().flat_map(|&index| self.hits(index));
        let tables = hits.filter(|hit| hit.flags.contains(HitFlags::TABLE) && hit.flags.contains(HitFlags::IN_USE));
        let ranked = tables.take(MOST_TABLES).filter_map(|hit| {
            let extents = self.table_extents(vote, hit)?;
            let lies = |offset: u64, byte: u64| {
                Some(offset) == place(&extents, byte).and_then(|at| at.checked_add(vote.start))
            };
            let is_primary = lies(hit.offset, 0);
            let agreeing = members.iter().filter_map(|&index| self.fragments.get(index)).filter(|fragment| {
                let byte = fragment.first.saturating_mul(u64::from(fragment.record_size));
                lies(fragment.offset, byte)
            });
            let agreement = agreeing.map(Fragment::hits).fold(0, usize::saturating_add);
            (is_primary || agreement > 0).then_some(((is_primary && hit.is_strong(), agreement, hit.is_strong()), hit))
        });
        ranked.max_by_key(|(rank, hit)| (*rank, std::cmp::Reverse(hit.offset))).map(|(_, hit)| *hit)
    }

    /// Where the table ends in the piece its last record lies in, in bytes of the source: what lies
    /// behind it was never this table's.
    pub(super) fn table_end(&self, vote: &GeometryVote, members: &[usize]) -> Option<u64> {
        let hit = self.table_record(vote, members)?;
        let size = self.record_limit(&hit).checked_mul(u64::from(hit.record_size))?;
        place(&self.table_extents(vote, &hit)?, size.checked_sub(1)?)?.checked_add(1)?.checked_add(vote.start)
    }

    fn table_extents(&self, vote: &GeometryVote, hit: &RecordHit) -> Option<Extents> {
        let record = read_record(&self.source, hit)?;
        Some(extents_of(&unnamed_data(&record)?, vote.cluster_size))
    }

    /// The volume whose record 0 is at `hit`, or a copy of it; `None` where that of a later volume stands in its place.
    fn by_record(&self, vote: &GeometryVote, hit: &RecordHit) -> Option<Volume<'s>> {
        let cluster_size = u64::from(vote.cluster_size);
        let lcn = |position: u64| position.checked_div(cluster_size).filter(|_| position.is_multiple_of(cluster_size));
        let primary = place(&self.table_extents(vote, hit)?, 0)?;
        let inside = hit.offset.checked_sub(vote.start)?;
        let told = vote.boot_geometry.and_then(|geometry| geometry.mirror_lcn());
        let mirror = if inside == primary { told } else { lcn(inside) };
        let geometry = geometry(vote).mft_lcn(lcn(primary)).mirror_lcn(mirror).build_leniently().ok()?.0;
        let volume = Volume::with_geometry(self.window(vote), geometry).ok()?;
        let is_its_own = inside == primary || place(volume.mft().extents(), 0) == Some(primary);
        is_its_own.then_some(volume)
    }

    fn by_record_zero(&self, vote: &GeometryVote, members: &[usize], hit: &RecordHit) -> Option<Assembly<'s>> {
        let volume = self.by_record(vote, hit)?;
        let geometry = volume.geometry().copied();
        let limit = self.record_limit(hit);
        let occupied = Occupied::by(volume.mft());
        let is_inside = |index: &usize| self.fragments.get(*index).is_some_and(|fragment| occupied.has(vote, fragment));
        let (in_table, elsewhere): (Vec<usize>, Vec<usize>) = members.iter().copied().partition(is_inside);
        let holes = self.filling(volume.mft(), &elsewhere, limit);
        if holes.is_empty() {
            let of_table = volume.mft().damage();
            let damage = volume.damage().filter(|damage| !of_table.contains(damage)).chain(voted(vote)).collect();
            let volume = Volume::from_parts(volume.held_source().clone(), geometry, volume.mft().clone(), damage);
            return Some(Assembly { volume, used: in_table });
        }
        let mut damage: Vec<Damage> = volume.damage().filter(|damage| !is_unmapped(damage)).collect();
        damage.extend(voted(vote));
        let (claims, filling) = self.claims(&self.without_outliers(&holes), BTreeMap::new());
        damage.push(self.assembled(&filling));
        let found = self.table(vote.start, vote.record_size, volume.held_source().clone(), claims);
        let mft = filled(volume.mft(), &found);
        let used = in_table.into_iter().chain(filling).collect();
        Some(Assembly { volume: Volume::from_parts(volume.held_source().clone(), geometry, mft, damage), used })
    }

    /// The number of records record 0 says there are, where it is whole.
    fn record_limit(&self, hit: &RecordHit) -> u64 {
        let told = || {
            let record = read_record(&self.source, hit)?;
            let piece = unnamed_data(&record)?.non_resident()?;
            piece
                .data_size()
                .min(piece.initialized_size())
                .checked_div(u64::from(hit.record_size))
                .filter(|&records| records >= 16)
        };
        told().filter(|_| hit.is_strong()).unwrap_or(u64::MAX)
    }

    /// Fragments of records that the table has no place for.
    fn filling(&self, mft: &Mft<'_>, elsewhere: &[usize], limit: u64) -> Vec<usize> {
        let is_missing = |index: &usize| {
            let Some(fragment) = self.fragments.get(*index) else { return false };
            let end = fragment.end.min(limit);
            let mapped = |number: &u64| *number < mft.record_count() && mft.is_mapped(*number);
            fragment.first < end && !(mapped(&fragment.first) && mapped(&end.saturating_sub(1)))
        };
        elsewhere.iter().copied().filter(is_missing).collect()
    }

    /// A table of fragments alone: larger ones first, a record is never taken twice.
    pub(super) fn by_fragments(&self, vote: Option<&GeometryVote>, members: &[usize]) -> Option<Assembly<'s>> {
        let record_size = vote.map(|vote| vote.record_size).or_else(|| {
            let sizes = members.iter().filter_map(|&index| self.fragments.get(index));
            sizes.max_by_key(|fragment| (fragment.hits(), fragment.record_size)).map(|fragment| fragment.record_size)
        })?;
        let is_fit =
            |index: &usize| self.fragments.get(*index).is_some_and(|fragment| fragment.record_size == record_size);
        let members: Vec<usize> = members.iter().copied().filter(is_fit).collect();
        let members = self.without_outliers(&members);
        let (claims, used) = self.claims(&members, BTreeMap::new());
        if used.is_empty() {
            return None;
        }
        let (start, window) = vote.map_or((0, self.source), |vote| (vote.start, self.window(vote)));
        let geometry = vote.and_then(|vote| geometry(vote).build_leniently().ok()).map(|(geometry, _)| geometry);
        let mft = self.table(start, record_size, window, claims);
        let mut damage: Vec<Damage> = vote.into_iter().filter_map(voted).collect();
        damage.push(self.assembled(&used));
        Some(Assembly { volume: Volume::from_parts(window, geometry, mft, damage), used })
    }

    /// Leaves out lone records whose numbers are far behind all others: a wrong number must not make
    /// a table of nothing.
    fn without_outliers(&self, members: &[usize]) -> Vec<usize> {
        let mut order: Vec<(usize, &Fragment)> =
            members.iter().filter_map(|&index| Some((index, self.fragments.get(index)?))).collect();
        order.sort_by_key(|(_, fragment)| fragment.first);
        let mut reach = NEAR;
        order.retain(|(_, fragment)| {
            let is_near = fragment.first <= reach || fragment.hits() >= MANY;
            if is_near {
                reach = reach.max(fragment.end.saturating_mul(4));
            }
            is_near
        });
        order.into_iter().map(|(index, _)| index).collect()
    }

    /// Gives each record one place. Returns the places, and the fragments that have any of them.
    fn claims(&self, members: &[usize], mut claims: BTreeMap<u64, Claim>) -> (BTreeMap<u64, Claim>, Vec<usize>) {
        let mut order: Vec<(usize, &Fragment)> =
            members.iter().filter_map(|&index| Some((index, self.fragments.get(index)?))).collect();
        order.sort_by_key(|(_, fragment)| (std::cmp::Reverse(fragment.hits()), fragment.offset));
        let mut used = Vec::new();
        for (index, fragment) in order {
            let free = unclaimed(&claims, fragment.first, fragment.end);
            let length = fragment.end.saturating_sub(fragment.first);
            let left: u64 = free.iter().map(|(first, end)| end.saturating_sub(*first)).fold(0, u64::saturating_add);
            let is_copy = left.saturating_mul(2) <= length && left < length;
            if left == 0 || (is_copy && !is_mirror(fragment)) {
                continue;
            }
            for (first, end) in free {
                let before = first.saturating_sub(fragment.first).saturating_mul(u64::from(fragment.record_size));
                claims.insert(first, Claim { end, offset: fragment.offset.saturating_add(before) });
            }
            used.push(index);
        }
        (claims, used)
    }

    /// The table of the claimed records. Between two of the same piece lie slots that hold no record
    /// any more: they have a place too.
    fn table(
        &self,
        start: u64,
        record_size: u32,
        source: impl Into<HeldWindow<'s>>,
        claims: BTreeMap<u64, Claim>,
    ) -> Mft<'s> {
        let wide = u64::from(record_size);
        let mut extents = Extents::default();
        let mut before: Option<(u64, u64)> = None;
        for (first, claim) in claims {
            let bytes = |records: u64| records.saturating_mul(wide);
            let position = claim.offset.saturating_sub(start);
            let key = i128::from(position).saturating_sub(i128::from(bytes(first)));
            let gap = before
                .filter(|(end, at)| i128::from(*at).saturating_sub(i128::from(bytes(*end))) == key && *end < first);
            if let Some((end, at)) = gap {
                let length = bytes(first.saturating_sub(end));
                extents.push(Extent { offset: bytes(end), length, location: Location::At(at) });
            }
            let length = bytes(claim.end.saturating_sub(first));
            extents.push(Extent { offset: bytes(first), length, location: Location::At(position) });
            before = Some((claim.end, position.saturating_add(length)));
        }
        let size = extents.end();
        let records = size.div_ceil(wide.max(1));
        // Fragments know how many records there were, however small a piece of the volume the source is.
        let mft = Mft::in_order(source, extents, record_size, records, Vec::new());
        mft.carved(std::iter::once(0..records).collect())
    }

    fn assembled(&self, used: &[usize]) -> Damage {
        let records = used
            .iter()
            .map(|&index| self.fragments.get(index).map_or(0, Fragment::hits))
            .fold(0, usize::saturating_add);
        let [fragments, records] = [used.len(), records].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        Damage::in_record(0, 0, DamageKind::TableAssembled { fragments, records })
    }
}

/// The table with the places that `found` has for what it has none for.
fn filled<'s>(mft: &Mft<'s>, found: &Mft<'s>) -> Mft<'s> {
    let is_placed = |extent: &Extent| extent.location != Location::Unmapped;
    let gaps = found.extents().list().iter().flat_map(|extent| {
        let open =
            mft.extents().between(extent.offset, extent.end()).filter(|part| part.location == Location::Unmapped);
        open.flat_map(|part| found.extents().between(part.offset, part.end())).collect::<Vec<_>>()
    });
    let gaps: Vec<Extent> = gaps.filter(is_placed).collect();
    let number = |byte: u64| byte.div_ceil(u64::from(mft.record_size()).max(1));
    let carved = gaps.iter().map(|extent| number(extent.offset)..number(extent.end())).collect();
    let mut list: Vec<Extent> = mft.extents().list().iter().copied().filter(is_placed).chain(gaps).collect();
    list.sort_by_key(|extent| extent.offset);
    let mut extents = Extents::default();
    list.into_iter().for_each(|extent| extents.push(extent));
    let size = extents.end();
    Mft::new(mft.held_source().clone(), extents, mft.record_size(), size, Vec::new()).carved(carved)
}

/// The bytes of a volume that a table lies in, sorted.
pub(super) struct Occupied(Vec<(u64, u64)>);

impl Occupied {
    pub(super) fn by(mft: &Mft<'_>) -> Self {
        let size = mft.record_count().saturating_mul(u64::from(mft.record_size()));
        let places = mft.extents().between(0, size).filter_map(|extent| match extent.location {
            Location::At(position) => Some((position, position.saturating_add(extent.length))),
            Location::Hole | Location::Unmapped => None,
        });
        let mut places: Vec<(u64, u64)> = places.collect();
        places.sort_unstable();
        Self(places)
    }

    /// True when the fragment lies where the table has its records, whatever numbers it names.
    pub(super) fn has(&self, vote: &GeometryVote, fragment: &Fragment) -> bool {
        let Some(position) = fragment.offset.checked_sub(vote.start) else { return false };
        let behind = self.0.partition_point(|(start, _)| *start <= position);
        let host = behind.checked_sub(1).and_then(|index| self.0.get(index));
        host.is_some_and(|(_, end)| position < *end)
    }
}

/// True for what may be the mirror, or what is left of it: the first few records.
pub(super) fn is_mirror(fragment: &Fragment) -> bool {
    fragment.first < 4 && fragment.end <= LARGEST_MIRROR
}

/// The records of `first .. end` that no claim has.
fn unclaimed(claims: &BTreeMap<u64, Claim>, first: u64, end: u64) -> Vec<(u64, u64)> {
    let mut free = Vec::new();
    let before = claims.range(..first).next_back().map_or(first, |(_, claim)| claim.end);
    let mut position = first.max(before);
    for (&start, claim) in claims.range(first..end) {
        if position < start {
            free.push((position, start));
        }
        position = position.max(claim.end);
    }
    if position < end {
        free.push((position, end));
    }
    free
}

fn is_unmapped(damage: &Damage) -> bool {
    matches!(damage.kind, DamageKind::TableUnmapped { .. })
}

/// The voted geometry, or the boot sector's where one agrees.
fn geometry(vote: &GeometryVote) -> crate::volume::geometry::GeometryBuilder {
    let told = vote.boot_geometry.map(|geometry| geometry.to_builder());
    told.unwrap_or_else(|| Geometry::builder().total_sectors(vote.volume_size / 512))
        .cluster_size(vote.cluster_size)
        .record_size(vote.record_size)
}

/// What to say of a geometry that no boot sector gave.
fn voted(vote: &GeometryVote) -> Option<Damage> {
    let (votes, against) = (vote.votes.total(), vote.runner_up.map_or(0, |runner_up| runner_up.votes));
    vote.boot_geometry.is_none().then(|| Damage::new(0, DamageKind::GeometryVoted { votes, against }))
}

#[cfg(test)]
mod tests {
    use super::super::{Layer, Overrides, Scanner};
    use crate::base::damage::DamageKind;
    use crate::base::reference::FileReference;
    use crate::base::threads::Threads;
    use crate::structure::attribute_type::AttributeType;
    use crate::structure::forge::{Forge, utf16};

    const CLUSTER: usize = 2048;
    const RUNS: usize = 3000;
    const DIRECTORIES: usize = 8;

    /// An INDX record with one name, of directory `parent`.
    fn index_record(parent: u64) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        bytes[..8].copy_from_slice(b"INDX\x28\0\x09\0");
        let mut key = vec![0; 66];
        key[..8].copy_from_slice(&FileReference::new(parent, 1).0.to_le_bytes());
        key[64] = 1;
        key.extend(utf16("a"));
        let length = (16 + key.len()).next_multiple_of(8);
        for (at, number) in [(24, 40), (28, 40 + length as u32 + 16), (32, 4072)] {
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        bytes[64..72].copy_from_slice(&FileReference::new(9000, 1).0.to_le_bytes());
        bytes[72] = length as u8;
        bytes[74] = key.len() as u8;
        bytes[80..80 + key.len()].copy_from_slice(&key);
        bytes[64 + length + 8] = 16;
        bytes[64 + length + 12] = 2;
        (0..8).for_each(|stride| bytes[stride * 512 + 510] = 7);
        bytes[40] = 7;
        bytes
    }

    /// A volume at `start` whose table lies in 3,000 runs of two records, in no order, without a boot
    /// sector, record 0 or mirror. The first directories have one INDX record each.
    fn image(start: usize) -> Vec<u8> {
        let clusters = 4 * RUNS + 2 * DIRECTORIES;
        let mut image = vec![0; start + clusters * CLUSTER];
        // 1,777 and 3,000 have no common factor: each run has a cluster of its own.
        let cluster_of = |run: usize| 2 * DIRECTORIES + 3 * ((run * 1777 + 5) % RUNS) + run % 2;
        for number in 1..2 * RUNS {
            let name = format!("f{number}");
            let mut record = Forge::new(1024).flags(1).name((5, 5), 3, &name);
            if number <= DIRECTORIES {
                let lcn = 2 * (number - 1) as u8;
                let sizes = [4096, 4096, 4096];
                record =
                    record.flags(3).runs(AttributeType::INDEX_ALLOCATION, "$I30", (0, 1), sizes, &[0x11, 2, lcn, 0]);
                let block = start + usize::from(lcn) * CLUSTER;
                image[block..block + 4096].copy_from_slice(&index_record(number as u64));
            }
            let at = start + cluster_of(number / 2) * CLUSTER + number % 2 * 1024;
            image[at..at + 1024].copy_from_slice(&record.on_disk(number as u64));
        }
        image
    }

    #[test]
    fn a_table_in_three_thousand_runs_is_one_volume() {
        let image = image(63 * 512);
        let findings = Scanner::new(&image).run();
        assert_eq!(findings.records().len(), 2 * RUNS - 1);
        let opened = findings.open(&image, &Overrides::default(), &Threads::single()).unwrap();
        let [one] = opened.as_slice() else { panic!("{} volumes", opened.len()) };
        assert_eq!((one.layer(), one.start()), (Layer::Current, 63 * 512));
        assert_eq!(one.volume().geometry().unwrap().cluster_size(), CLUSTER as u32);
        for number in 1..2 * RUNS as u64 {
            let record = one.volume().mft().record(number).unwrap();
            assert_eq!(record.header().own_number(), Some(number));
        }
        let is_told =
            |kind| matches!(kind, DamageKind::TableAssembled { fragments, records: 5999 } if fragments > 2900);
        assert!(one.volume().damage().any(|damage| is_told(damage.kind)), "{:?}", one.volume().damage().next());
    }

    #[test]
    fn the_operator_knows_better() {
        let image = image(63 * 512);
        let findings = Scanner::new(&image).run();
        let overrides = Overrides { start: Some(512), cluster_size: Some(4096), ..Overrides::default() };
        let votes = findings.votes(&image, &overrides);
        assert_eq!((votes.len(), votes[0].start, votes[0].cluster_size), (1, 512, 4096));
        assert_eq!(votes[0].confidence(), super::super::Confidence::Given);
    }

    #[test]
    fn one_wrong_number_makes_no_table_of_nothing() {
        let mut image = image(0);
        let lonely = image.len();
        image.extend(Forge::new(1024).name((5, 5), 3, "lost").on_disk(0x1_0000_0000 >> 2));
        image.resize(lonely + 4096, 0);
        let findings = Scanner::new(&image).run();
        let opened = findings.open(&image, &Overrides::default(), &Threads::single()).unwrap();
        let most = opened.iter().map(|opened| opened.volume().mft().record_count()).max().unwrap();
        assert_eq!(most, 2 * RUNS as u64);
    }
}
