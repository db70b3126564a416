//! Whether what is known to stand in a place of a volume stands there: a copy that lost sectors on the way, or
//! gained some, has all behind them in the wrong place.

use std::ops::Range;

use crate::base::le;
use crate::base::reference::FileReference;
use crate::source::{Source, Window};
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::boot_sector::{BootSector, OemId};
use crate::structure::index_record::IndexRecord;
use crate::structure::record::Record;
use crate::structure::update_sequence::UpdateSequence;
use crate::volume::Volume;
use crate::volume::doubts::{Doubt, DoubtKind};
use crate::volume::extents::Location;

/// Bytes before and behind its place in which an anchor is looked for.
const AROUND: u64 = 1 << 20;
/// Anchors that are looked for around their places; the others only where some of these were found.
const MOST_SEARCHES: usize = 64;
/// Pieces of the table that are looked at where nothing is suspected. Each is a jump of the disk's head.
const SAMPLES: u64 = 16;
/// Records of one piece: as many as a read of the table takes in at once.
const TOGETHER: u64 = 64;
/// Records of which one is an anchor.
const APART: u64 = 16;
/// Anchors outside of the table that are looked at where nothing is suspected.
const MOST_SAMPLED: usize = 64;
/// Anchors of a volume at most: of more, some are left out evenly.
const MOST_ANCHORS: usize = 1 << 14;

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
    Boot { serial_number: u64 },
    Record(u64),
    Index { vcn: [u64; 2], directory: FileReference },
}

impl Anchor {
    const LENGTH: u64 = 512;

    /// True when `bytes` are those of the anchor.
    fn is(&self, bytes: &[u8]) -> bool {
        match self.kind {
            Kind::Boot { serial_number } => {
                let boot = BootSector::parse(bytes).ok().filter(|boot| boot.oem_id() == OemId::Ntfs);
                boot.and_then(|boot| boot.geometry().ok()).is_some_and(|found| found.serial_number() == serial_number)
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
            Kind::Boot { .. } => b"NTFS    ",
            Kind::Record(_) => b"FILE",
            Kind::Index { .. } => b"INDX",
        }
    }

    /// Bytes from the anchor's start to its signature.
    fn before_signature(&self) -> usize {
        if matches!(self.kind, Kind::Boot { .. }) { 3 } else { 0 }
    }
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

/// What the anchors of a volume say: where its bytes leave their places, and what is in doubt for that.
pub(super) fn displacements(volume: &Volume<'_>) -> (Vec<Shift>, Vec<Doubt>) {
    let own = volume.source();
    // What a longer copy has pushed out of the volume stands behind it.
    let window = match own.lead() {
        0 => Window::new(own.source(), own.start(), own.size().saturating_add(AROUND)),
        _ => own,
    };
    let mut looking = Looking { window, shifts: Vec::new(), searches: MOST_SEARCHES };
    let found = looking.look_at_some(volume);
    if found.iter().all(|anchor| anchor.shift == 0) {
        return (Vec::new(), Vec::new());
    }
    let found = in_step(looking.look(&all(volume)));
    let shifts: Vec<Shift> = found
        .windows(2)
        .filter_map(|pair| {
            let [before, behind] = pair else { return None };
            let bytes = behind.shift.checked_sub(before.shift).filter(|bytes| *bytes != 0)?;
            Some(Shift { start: before.position.saturating_add(Anchor::LENGTH), end: behind.position, bytes })
        })
        .collect();
    (shifts, doubts(&found))
}

/// What is not confirmed from both sides, and what stands elsewhere.
fn doubts(found: &[ShiftedAnchor]) -> Vec<Doubt> {
    let displaced = |bytes: Range<u64>| Doubt::new(bytes, DoubtKind::Displaced);
    let mut doubts = Vec::new();
    for pair in found.windows(2) {
        if let [before, behind] = pair
            && (before.shift, behind.shift) != (0, 0)
        {
            let start =
                if before.shift == 0 { before.position.saturating_add(Anchor::LENGTH) } else { before.position };
            doubts.push(displaced(start..behind.position));
        }
    }
    if let (Some(first), Some(last)) = (found.first(), found.last()) {
        if first.shift != 0 {
            doubts.push(displaced(0..first.position));
        }
        // Behind the last anchor nothing confirms anything, and something is wrong before.
        let behind = if last.shift == 0 { last.position.saturating_add(Anchor::LENGTH) } else { last.position };
        doubts.push(displaced(behind..u64::MAX));
    }
    doubts
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
}

impl Looking<'_> {
    /// A few anchors of each kind. Those of the table are looked at while the disk's head is there, and then the others in
    /// the order in which they lie.
    fn look_at_some(&mut self, volume: &Volume<'_>) -> Vec<ShiftedAnchor> {
        let (mut found, mut apart) = (Vec::new(), fixed(volume));
        for first in pieces(volume, true) {
            let mut records = Vec::new();
            add_piece(volume, first, &mut records, &mut apart);
            found.extend(self.look(&records));
        }
        found.extend(self.look(&thinned(apart, MOST_SAMPLED)));
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
        let start = anchor.position.saturating_sub(AROUND);
        let end = anchor.position.saturating_add(AROUND).min(self.window.size());
        let mut bytes = vec![0; usize::try_from(end.checked_sub(start)?).ok()?];
        self.window.read_readable(start, &mut bytes);
        let signature = anchor.signature();
        let starts = bytes.windows(signature.len()).enumerate().filter(|(_, window)| *window == signature);
        let places = starts.filter_map(|(at, _)| at.checked_sub(anchor.before_signature()));
        let held =
            places.filter(|at| bytes.get(*at..).and_then(|rest| rest.get(..512)).is_some_and(|own| anchor.is(own)));
        let shifts = held.filter_map(|at| {
            let position = start.checked_add(u64::try_from(at).ok()?)?;
            i64::try_from(i128::from(position).checked_sub(i128::from(anchor.position))?).ok()
        });
        let shift = shifts.min_by_key(|shift| shift.unsigned_abs())?;
        if !self.shifts.contains(&shift) {
            self.shifts.insert(0, shift);
        }
        Some(shift)
    }
}

/// Anchors that stand alone: the boot sectors, and the copy of the first record.
fn fixed(volume: &Volume<'_>) -> Vec<Anchor> {
    let Some(geometry) = volume.geometry() else { return Vec::new() };
    let boot = Kind::Boot { serial_number: geometry.serial_number() };
    let boots = [0, geometry.backup_boot_sector_offset()].map(|position| Anchor { position, kind: boot });
    let mirror = geometry.mirror_offset().map(|position| Anchor { position, kind: Kind::Record(0) });
    // Without a boot sector nobody knows the serial number.
    boots.into_iter().filter(|_| geometry.serial_number() != 0).chain(mirror).collect()
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
    let (mut found, mut indexes) = (fixed(volume), Vec::new());
    for first in pieces(volume, false) {
        add_piece(volume, first, &mut found, &mut indexes);
    }
    found.extend(indexes);
    thinned(found, MOST_ANCHORS)
}

/// Not many more than so many of them, evenly, in order.
fn thinned(mut anchors: Vec<Anchor>, most: usize) -> Vec<Anchor> {
    let spare = anchors.len().div_ceil(most).max(1);
    anchors.sort_by_key(|anchor| anchor.position);
    anchors.into_iter().step_by(spare).collect()
}

/// One of every few records of a piece of the table, and the indexes of all its directories.
fn add_piece(volume: &Volume<'_>, first: u64, records: &mut Vec<Anchor>, indexes: &mut Vec<Anchor>) {
    let cluster_size = volume.geometry().map_or(1, |geometry| u64::from(geometry.cluster_size()));
    let mut has_record = false;
    for (number, record) in volume.mft().records(first..first.saturating_add(TOGETHER)) {
        if number.checked_rem(APART) == Some(0) {
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
