//! Whether what is known to stand in a place of a volume stands there: a copy that lost sectors on the way, or
//! gained some, has all behind them in the wrong place.

mod end;

use std::ops::Range;

use crate::base::le;
use crate::base::reference::FileReference;
use crate::source::{Part, Source, Window};
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::boot_sector::{BootSector, OemId};
use crate::structure::index_record::IndexRecord;
use crate::structure::record::Record;
use crate::structure::update_sequence::UpdateSequence;
use crate::volume::Volume;
use crate::volume::doubts::{Doubt, DoubtKind};
use crate::volume::extents::Location;
use crate::volume::geometry::Geometry;
pub(super) use end::unproved_end;

/// Bytes before and behind its place in which an anchor is looked for: more than two of the blocks that tools copy by.
const AROUND: u64 = (2 << 20) + 4096;
/// Bytes at the end of the source in which the backup boot sector is looked for.
const AT_THE_END: u64 = 64 << 10;
/// Anchors that are looked for around their places; the others only where some of these were found.
const MOST_SEARCHES: usize = 64;
/// Pieces of the table that are looked at where nothing is suspected. Each is a jump of the disk's head.
const SAMPLES: u64 = 16;
/// Records of one piece: as many as a read of the table takes in at once.
const TOGETHER: u64 = 64;
/// Records of which one is an anchor where nothing is suspected.
const APART: u64 = 16;
/// Anchors outside of the table that are looked at where nothing is suspected.
const MOST_SAMPLED: usize = 64;
/// Anchors of a volume at most: of more, some are left out evenly.
const MOST_ANCHORS: usize = 1 << 14;
/// How often what was found is looked through for further anchors.
const MOST_ROUNDS: usize = 4;

/// What record 0 is called.
const MFT: &[u8] = b"$\0M\0F\0T\0";

/// Something that is known to stand in one place of a volume, and to be there once.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// The byte of the volume it starts at.
    position: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Boot(Geometry),
    Record(u64),
    Index { vcn: [u64; 2], directory: FileReference },
}

impl Anchor {
    const LENGTH: u64 = 512;

    /// True when `bytes` are those of the anchor.
    fn is(&self, bytes: &[u8]) -> bool {
        match self.kind {
            Kind::Boot(geometry) => {
                let boot = BootSector::parse(bytes).ok().filter(|boot| boot.oem_id() == OemId::Ntfs);
                boot.and_then(|boot| boot.geometry().ok()).is_some_and(|found| is_same(&found, &geometry))
            }
            Kind::Record(number) => {
                let names_itself = le::u16_at(bytes, 4).is_some_and(|offset| offset >= 48);
                let own = le::u32_at(bytes, 44).map(u64::from);
                // Records that were never used have the number 0, too.
                let is_meant = number > 0 || bytes.windows(MFT.len()).any(|name| name == MFT);
                bytes.starts_with(b"FILE") && names_itself && own == Some(number & 0xFFFF_FFFF) && is_meant
            }
            Kind::Index { vcn, directory } => {
                bytes.starts_with(b"INDX")
                    && le::u64_at(bytes, 16).is_some_and(|own| vcn.contains(&own))
                    && first_parent(bytes).is_none_or(|parent| parent == directory)
            }
        }
    }

    fn signature(&self) -> &'static [u8] {
        match self.kind {
            Kind::Boot(_) => b"NTFS    ",
            Kind::Record(_) => b"FILE",
            Kind::Index { .. } => b"INDX",
        }
    }

    /// Bytes from the anchor's start to its signature.
    fn before_signature(&self) -> usize {
        if matches!(self.kind, Kind::Boot(_)) { 3 } else { 0 }
    }
}

/// True for the geometry of one volume: others may have its serial number, as tools that make them choose it by the second.
fn is_same(one: &Geometry, other: &Geometry) -> bool {
    let identity = |geometry: &Geometry| (geometry.serial_number(), geometry.volume_size(), geometry.mft_offset());
    identity(one) == identity(other)
}

/// The directory of the first name in the first stride of an INDX record; `None` where it has no name.
fn first_parent(bytes: &[u8]) -> Option<FileReference> {
    let mut own = bytes.to_vec();
    let sequence = UpdateSequence::check(&own, 40, own.len());
    sequence.apply(&mut own);
    let record = IndexRecord::parse(&own).ok()?;
    let entry = record.entries().next()?.ok()?;
    entry.directory_name().map(|name| name.parent())
}

/// An anchor that was found, and how far behind its place (before it, where negative).
#[derive(Debug, Clone, Copy)]
struct ShiftedAnchor {
    position: u64,
    shift: i64,
}

impl ShiftedAnchor {
    /// Behind the bytes that were found.
    fn end(&self) -> u64 {
        self.position.saturating_add(Anchor::LENGTH)
    }
}

/// Where a volume's bytes leave their place: behind the last anchor that is where the one before is, and before
/// the first that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    /// Behind the last anchor in step with those before.
    pub(super) start: u64,
    /// At the first anchor out of step with them.
    pub(super) end: u64,
    /// Bytes that are too many in between; missing, where negative.
    pub(super) bytes: i64,
}

/// Bytes of a volume that stand elsewhere by one and the same distance, which anchors on both sides prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proved {
    /// Bytes of the volume.
    pub(super) bytes: Range<u64>,
    /// How many bytes behind their place they stand; before it, where negative.
    pub(super) shift: i64,
}

/// What the anchors of a volume say.
#[derive(Debug, Default)]
pub(super) struct Displacements {
    /// Where its bytes leave their places.
    pub(super) shifts: Vec<Shift>,
    /// What is in doubt for that.
    pub(super) doubts: Vec<Doubt>,
    /// What of it can be read where it stands; empty where nothing is proved.
    pub(super) proved: Vec<Proved>,
    /// The parts of the source in the places that they had, where that is proved.
    pub(super) parts: Vec<Part>,
}

/// Where the bytes of a volume leave their places, and whether its anchors prove where they stand.
pub(super) fn displacements(volume: &Volume<'_>) -> Displacements {
    let own = volume.source();
    // What a longer copy has pushed out of the volume stands behind it.
    let window = match own.lead() {
        0 => Window::new(own.source(), own.start(), own.size().saturating_add(AROUND)),
        _ => own,
    };
    let mut looking = Looking { window, shifts: Vec::new(), searches: MOST_SEARCHES, twins: twins(volume) };
    let found = looking.look_at_some(volume);
    if found.iter().all(|anchor| anchor.shift == 0) {
        return Displacements::default();
    }
    let mut found = in_step(looking.look(&all(volume)));
    let mut parts = parts(volume, &found);
    // What is read in its place has further anchors.
    for _ in 0..MOST_ROUNDS {
        if parts.is_empty() {
            break;
        }
        let more = in_step(looking.look(&all(&volume.clone().realigned(parts.clone()))));
        if more.len() <= found.len() {
            break;
        }
        (parts, found) = (self::parts(volume, &more), more);
    }
    let steps = found.windows(2).filter_map(|pair| {
        let [before, behind] = pair else { return None };
        let bytes = behind.shift.checked_sub(before.shift).filter(|bytes| *bytes != 0)?;
        Some(Shift { start: before.end(), end: behind.position, bytes })
    });
    let proved = if parts.is_empty() { Vec::new() } else { proved(&found) };
    Displacements { shifts: steps.collect(), doubts: doubts(&found, !parts.is_empty()), proved, parts }
}

/// What is not confirmed from both sides, and what stands elsewhere where that is not proved.
fn doubts(found: &[ShiftedAnchor], is_proved: bool) -> Vec<Doubt> {
    let displaced = |bytes: Range<u64>| Doubt::new(bytes, DoubtKind::Displaced);
    let is_in_place = |anchor: &ShiftedAnchor| is_proved || anchor.shift == 0;
    let end = |anchor: &ShiftedAnchor| if is_in_place(anchor) { anchor.end() } else { anchor.position };
    let mut doubts = Vec::new();
    for pair in found.windows(2) {
        if let [before, behind] = pair
            && (before.shift != behind.shift || !is_in_place(before))
        {
            doubts.push(displaced(end(before)..behind.position));
        }
    }
    if let (Some(first), Some(last)) = (found.first(), found.last()) {
        if !is_in_place(first) {
            doubts.push(displaced(0..first.position));
        }
        // Behind the last anchor nothing confirms anything, and something is wrong before.
        doubts.push(displaced(end(last)..u64::MAX));
    }
    doubts
}

/// What lies between anchors that are elsewhere by the same distance.
fn proved(found: &[ShiftedAnchor]) -> Vec<Proved> {
    let alike = found.chunk_by(|before, behind| before.shift == behind.shift);
    let proved = alike.filter_map(|run| {
        let (first, last) = (run.first()?, run.last()?);
        (first.shift != 0).then(|| Proved { bytes: first.position..last.end(), shift: first.shift })
    });
    proved.collect()
}

/// The parts of a volume's source in the places that they had; none where the anchors do not prove them.
///
/// A copy only leaves out or only puts in, from a start that is in its place up to the backup boot sector at the end: what
/// goes back and forth may be an older copy of what is lost.
fn parts(volume: &Volume<'_>, found: &[ShiftedAnchor]) -> Vec<Part> {
    let window = volume.source();
    let end = volume.geometry().map(Geometry::backup_boot_sector_offset);
    let is_whole = found.first().is_some_and(|first| (first.position, first.shift) == (0, 0))
        && found.last().map(|last| last.position) == end
        && window.lead() == 0
        && !volume.mft().has_carved();
    let (is_shorter, is_longer) =
        (found.is_sorted_by(|one, next| one.shift >= next.shift), found.is_sorted_by_key(|anchor| anchor.shift));
    if !is_whole || !(is_shorter || is_longer) {
        return Vec::new();
    }
    let runs: Vec<ShiftedAnchor> =
        found.chunk_by(|one, next| one.shift == next.shift).filter_map(|run| run.first()).copied().collect();
    let ends = runs.iter().skip(1).map(|next| next.position).chain(end.map(|end| end.saturating_add(Anchor::LENGTH)));
    let before = Part { at: 0, start: 0, length: window.start() };
    let own = runs.iter().zip(ends).map(|(run, end)| {
        let at = window.start().saturating_add(run.position);
        let start = at.saturating_add_signed(run.shift);
        Part { at, start, length: end.saturating_sub(run.position) }
    });
    std::iter::once(before).chain(own).collect()
}

/// The anchors in order without those that alone are out of step with both neighbours: they are copies.
fn in_step(mut found: Vec<ShiftedAnchor>) -> Vec<ShiftedAnchor> {
    found.sort_by_key(|anchor| anchor.position);
    found.dedup_by_key(|anchor| anchor.position);
    let shift_at = |index: Option<usize>| index.and_then(|index| found.get(index)).map(|anchor| anchor.shift);
    let kept = found.iter().enumerate().filter(|(index, anchor)| {
        let (before, behind) = (shift_at(index.checked_sub(1)), shift_at(index.checked_add(1)));
        let is_alone = before.is_some() && before == behind && before != Some(anchor.shift);
        !is_alone
    });
    kept.map(|(_, anchor)| *anchor).collect()
}

struct Looking<'s> {
    window: Window<'s>,
    /// Those that were found so far, the last first.
    shifts: Vec<i64>,
    searches: usize,
    /// Where anchors of which the volume has two belong: one is no sign of where the other is.
    twins: Vec<Range<u64>>,
}

impl Looking<'_> {
    /// A few anchors of each kind. Those of the table are looked at while the disk's head is there, and then the others in
    /// the order in which they lie.
    fn look_at_some(&mut self, volume: &Volume<'_>) -> Vec<ShiftedAnchor> {
        let (mut found, mut indexes) = (Vec::new(), Vec::new());
        for first in pieces(volume, true) {
            let mut records = Vec::new();
            add_piece(volume, first, APART, &mut records, &mut indexes);
            found.extend(self.look(&records));
        }
        let mut apart = thinned(indexes, MOST_SAMPLED);
        apart.extend(fixed(volume));
        apart.sort_by_key(|anchor| anchor.position);
        found.extend(self.look(&apart));
        found
    }

    /// The anchors that are there, or near. What is nowhere says nothing.
    fn look(&mut self, anchors: &[Anchor]) -> Vec<ShiftedAnchor> {
        let mut found = Vec::new();
        for anchor in anchors {
            let known = std::iter::once(0).chain(self.shifts.clone());
            let at_known = known.into_iter().find(|shift| self.is_at(anchor, *shift));
            if let Some(shift) = at_known.or_else(|| self.search(anchor)) {
                found.push(ShiftedAnchor { position: anchor.position, shift });
            }
        }
        found
    }

    fn is_at(&self, anchor: &Anchor, shift: i64) -> bool {
        let mut bytes = [0; 512];
        let position = anchor.position.checked_add_signed(shift);
        position.is_some_and(|position| self.window.read_at(position, &mut bytes).is_ok_and(|count| count == 512))
            && anchor.is(&bytes)
    }

    /// The nearest place around the anchor's own that holds it.
    fn search(&mut self, anchor: &Anchor) -> Option<i64> {
        // What cannot be read may be in its place.
        self.window.read_at(anchor.position, &mut [0; 512]).ok()?;
        self.searches = self.searches.checked_sub(1)?;
        // What moves further the further behind it stands is near where the last one was.
        let last = self.shifts.first().copied().unwrap_or(0);
        let near = anchor.position.saturating_add_signed(last);
        let around = near.saturating_sub(AROUND)..near.saturating_add(AROUND);
        let at_the_end = self.window.size().saturating_sub(AT_THE_END)..self.window.size();
        let is_boot = matches!(anchor.kind, Kind::Boot(_));
        let found = self.nearest(anchor, around).or_else(|| self.nearest(anchor, at_the_end).filter(|_| is_boot));
        let shift = found?;
        if !self.shifts.contains(&shift) {
            self.shifts.insert(0, shift);
        }
        Some(shift)
    }

    /// How far behind its own place the anchor stands in `range`, where it is there: the nearest one.
    fn nearest(&self, anchor: &Anchor, range: Range<u64>) -> Option<i64> {
        let end = range.end.min(self.window.size());
        let mut bytes = vec![0; usize::try_from(end.checked_sub(range.start)?).ok()?];
        self.window.read_readable(range.start, &mut bytes);
        let signature = anchor.signature();
        let starts = bytes.windows(signature.len()).enumerate().filter(|(_, window)| *window == signature);
        let places = starts.filter_map(|(at, _)| at.checked_sub(anchor.before_signature()));
        let held =
            places.filter(|at| bytes.get(*at..).and_then(|rest| rest.get(..512)).is_some_and(|own| anchor.is(own)));
        let shifts = held.filter_map(|at| {
            let position = range.start.checked_add(u64::try_from(at).ok()?)?;
            if self.twins.iter().any(|twin| twin.contains(&position)) {
                return None;
            }
            i64::try_from(i128::from(position).checked_sub(i128::from(anchor.position))?).ok()
        });
        shifts.min_by_key(|shift| shift.unsigned_abs())
    }
}

/// Anchors that stand alone: the boot sectors, and the copy of the first record.
fn fixed(volume: &Volume<'_>) -> Vec<Anchor> {
    let Some(geometry) = volume.geometry() else { return Vec::new() };
    let boot = Kind::Boot(*geometry);
    let boots = [0, geometry.backup_boot_sector_offset()].map(|position| Anchor { position, kind: boot });
    let mirror = geometry.mirror_offset().map(|position| Anchor { position, kind: Kind::Record(0) });
    // Without a boot sector nobody knows the serial number.
    boots.into_iter().filter(|_| geometry.serial_number() != 0).chain(mirror).collect()
}

/// The places of both boot sectors, of the mirror, and of the records that it is a copy of.
fn twins(volume: &Volume<'_>) -> Vec<Range<u64>> {
    let Some(geometry) = volume.geometry() else { return Vec::new() };
    let copied = u64::from(geometry.cluster_size().max(geometry.record_size().saturating_mul(4)));
    let boots = [0, geometry.backup_boot_sector_offset()].map(|place| place..place.saturating_add(Anchor::LENGTH));
    let tables = [geometry.mirror_offset(), geometry.mft_offset()].into_iter().flatten();
    boots.into_iter().chain(tables.map(|place| place..place.saturating_add(copied))).collect()
}

/// The first records of pieces of the table: of some that lie evenly in it, or of all.
fn pieces(volume: &Volume<'_>, is_sample: bool) -> impl Iterator<Item = u64> + use<> {
    let pieces = volume.geometry().map_or(0, |_| volume.mft().record_count().div_ceil(TOGETHER));
    let step = if is_sample { pieces.div_ceil(SAMPLES).max(1) } else { 1 };
    let firsts = std::iter::successors(Some(0_u64), move |piece| piece.checked_add(step));
    firsts.take_while(move |piece| *piece < pieces).map(|piece| piece.saturating_mul(TOGETHER))
}

/// All anchors of a volume, in order.
fn all(volume: &Volume<'_>) -> Vec<Anchor> {
    let (mut found, mut indexes) = (Vec::new(), Vec::new());
    for first in pieces(volume, false) {
        add_piece(volume, first, 1, &mut found, &mut indexes);
    }
    found.extend(indexes);
    let mut found = thinned(found, MOST_ANCHORS);
    found.extend(fixed(volume));
    found.sort_by_key(|anchor| anchor.position);
    found
}

/// Not many more than so many of them, evenly, in order.
fn thinned(mut anchors: Vec<Anchor>, most: usize) -> Vec<Anchor> {
    let spare = anchors.len().div_ceil(most).max(1);
    anchors.sort_by_key(|anchor| anchor.position);
    anchors.into_iter().step_by(spare).collect()
}

/// One of so many records of a piece of the table, and the indexes of all its directories.
fn add_piece(volume: &Volume<'_>, first: u64, apart: u64, records: &mut Vec<Anchor>, indexes: &mut Vec<Anchor>) {
    let cluster_size = volume.geometry().map_or(1, |geometry| u64::from(geometry.cluster_size()));
    let mut has_record = false;
    for (number, record) in volume.mft().records(first..first.saturating_add(TOGETHER)) {
        if number.checked_rem(apart) == Some(0) {
            has_record = false;
        }
        let Ok(record) = record else {
            // What stands there instead may stand near.
            if !has_record {
                add_record(volume, number, records);
                has_record = true;
            }
            continue;
        };
        if record.header().own_number() == Some(number) && !has_record && number > 0 {
            add_record(volume, number, records);
            has_record = true;
        }
        add_indexes(&record, cluster_size, indexes);
    }
}

fn add_record(volume: &Volume<'_>, number: u64, found: &mut Vec<Anchor>) {
    // Where a scan found a record says nothing about where it should be.
    if volume.mft().is_carved(number) {
        return;
    }
    let mut places = volume.mft().places(number);
    if let Some(Location::At(position)) = places.next().map(|extent| extent.location) {
        found.push(Anchor { position, kind: Kind::Record(number) });
    }
}

/// The first INDX record of each run of a directory's index.
fn add_indexes(record: &Record<'_>, cluster_size: u64, found: &mut Vec<Anchor>) {
    let header = record.header();
    if !header.is_in_use() {
        return;
    }
    let directory = if header.is_base_record() { record.reference() } else { header.base_reference() };
    let is_index = |attribute: &Attribute<'_>| {
        attribute.attribute_type() == AttributeType::INDEX_ALLOCATION && attribute.name().is("$I30")
    };
    for attribute in record.attributes().filter_map(Result::ok).filter(is_index) {
        let Some(runs) = attribute.non_resident().and_then(|piece| piece.data_runs().ok()) else { continue };
        for run in runs.map_while(Result::ok) {
            let Some(position) = run.lcn.and_then(|lcn| lcn.checked_mul(cluster_size)) else { continue };
            let in_strides = run.vcn.saturating_mul(cluster_size).checked_div(512).unwrap_or(0);
            found.push(Anchor { position, kind: Kind::Index { vcn: [run.vcn, in_strides], directory } });
        }
    }
}
