//! Finding the MFT: its first record says where the rest is, and that record may need others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use super::extents::{Extent, Extents, Location, read_extents};
use super::geometry::Geometry;
use super::mft::Mft;
use super::value::attribute_value;
use crate::base::damage::{Damage, DamageKind};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::source::range_set::RangeSet;
use crate::source::{Source, Window};
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::non_resident::NonResident;
use crate::structure::record::{Record, RecordHeader};
use crate::structure::value::attribute_list::AttributeList;

impl<'s> Mft<'s> {
    /// Finds the table of a volume: record 0 where the geometry says, else the mirror's copy.
    ///
    /// # Errors
    /// When neither holds a record that says where the table lies.
    pub fn find(source: Window<'s>, geometry: &Geometry) -> Result<Self> {
        let read = |offset: Option<u64>| record_zero(source, geometry, offset?);
        let (primary, mirror) = (read(geometry.mft_offset()), read(geometry.mirror_offset()));
        let whole = |record: &Record<'_>| !record.update_sequence().has_torn_strides();
        let primary_is_best = primary.as_ref().is_some_and(whole) || !mirror.as_ref().is_some_and(whole);
        let (best, other) = if primary_is_best { (primary, mirror) } else { (mirror, primary) };
        let mut damage = Vec::new();
        let record = match (best, other) {
            (Some(record), _) if primary_is_best => record,
            (Some(record), _) | (None, Some(record)) => {
                damage.push(Damage::in_record(0, 0, DamageKind::MirrorUsed));
                record
            }
            (None, None) => return Err(Damage::in_record(0, 0, DamageKind::TableUnmapped { first: 0, end: 1 }).into()),
        };
        damage.extend(record.damage());
        let (pieces, reach) = (BTreeMap::new(), Reach::default());
        Ok(Bootstrap { source, geometry, record, pieces, reach, damage }.run())
    }
}

/// Record 0 as it stands at `offset`, if it says where the table lies.
fn record_zero(source: Window<'_>, geometry: &Geometry, offset: u64) -> Option<Record<'static>> {
    let mut bytes = vec![0; usize::try_from(geometry.record_size()).ok()?];
    if !source.read_readable(offset, &mut bytes).is_empty() {
        return None;
    }
    let record = Record::from_vec(0, bytes).ok()?;
    let piece = table_pieces(&record).find_map(|attribute| attribute.non_resident())?;
    let starts = piece.lowest_vcn() == 0 && piece.data_runs().ok()?.next()?.is_ok();
    (starts && record.is_base_record()).then_some(record)
}

/// The pieces of the unnamed `$DATA` in one record.
fn table_pieces<'r>(record: &'r Record<'_>) -> impl Iterator<Item = Attribute<'r>> {
    let is_table =
        |attribute: &Attribute<'_>| attribute.attribute_type() == AttributeType::DATA && attribute.name().is_empty();
    record.attributes().filter_map(Result::ok).filter(is_table)
}

/// The table as far as it is known: pieces by their lowest VCN, each the bytes of its attribute.
struct Bootstrap<'s, 'g> {
    source: Window<'s>,
    geometry: &'g Geometry,
    record: Record<'static>,
    pieces: BTreeMap<u64, Vec<u8>>,
    reach: Reach,
    damage: Vec<Damage>,
}

/// What of the table can be read so far. Pieces come in any order; a part that two claim belongs to the first.
#[derive(Default)]
struct Reach {
    /// By their offsets in the table, without overlaps.
    extents: BTreeMap<u64, Extent>,
    mapped: RangeSet,
    /// Ranges of the table that were added and not looked at.
    fresh: Vec<Range<u64>>,
}

impl Reach {
    fn add(&mut self, extent: &Extent) {
        for gap in self.mapped.outside(extent.offset..extent.end()) {
            self.extents.insert(gap.start, extent.clip(gap.start, gap.end));
            self.mapped.insert(gap.clone());
            self.fresh.push(gap);
        }
    }

    fn reaches(&self, range: Range<u64>) -> bool {
        self.mapped.outside(range).is_empty()
    }

    /// The parts of `range`, in order.
    fn places(&self, range: Range<u64>) -> impl Iterator<Item = Extent> + '_ {
        let before = self.extents.range(..=range.start).next_back().map_or(range.start, |(&offset, _)| offset);
        let extents = self.extents.range(before..range.end.max(before)).map(|(_, extent)| extent);
        extents.map(move |extent| extent.clip(range.start, range.end)).filter(|extent| extent.length > 0)
    }
}

impl<'s> Bootstrap<'s, '_> {
    fn run(mut self) -> Mft<'s> {
        self.keep_pieces(&self.record.clone());
        let listed = self.listed_records();
        self.follow(listed.clone());
        // A list that is lost or cut off costs no records: those that name record 0 as their base
        // are found by looking through what is mapped.
        if self.extents().end() < self.data_size() {
            let mut unlisted: Vec<_> = self.extension_records();
            unlisted.retain(|number| !listed.contains(number));
            self.damage.extend(
                unlisted.iter().map(|&number| Damage::in_record(0, 0, DamageKind::UnlistedExtension { number })),
            );
            self.follow(unlisted);
        }
        let mut damage = std::mem::take(&mut self.damage);
        let extents = self.extents_with(&mut damage);
        let size = self.table_size(&extents);
        Mft::new(self.source, extents, self.geometry.record_size(), size, damage)
    }

    fn extents(&self) -> Extents {
        self.extents_with(&mut Vec::new())
    }

    /// The map the pieces make. Where a piece's bytes lie in its record is no longer known here, so
    /// its damage is placed in record 0.
    fn extents_with(&self, damage: &mut Vec<Damage>) -> Extents {
        let mut extents = Extents::default();
        let mut found = Vec::new();
        for piece in self.pieces.values().filter_map(|bytes| NonResident::parse(bytes).ok()) {
            extents.push_runs(&piece, self.geometry.cluster_size(), &mut found);
        }
        damage.extend(found.into_iter().map(|damage| damage.within(Some(0), 0)));
        extents
    }

    fn sizes(&self) -> Option<NonResident<'_>> {
        NonResident::parse(self.pieces.get(&0)?).ok()
    }

    fn data_size(&self) -> u64 {
        self.sizes().map_or(0, |piece| piece.data_size())
    }

    /// What lies behind the initialized size was never written by this volume, and may be left over
    /// from an earlier one. Senseless sizes give way to what is mapped.
    fn table_size(&self, extents: &Extents) -> u64 {
        let record_size = u64::from(self.geometry.record_size());
        let sensible = |size: &u64| *size >= record_size.saturating_mul(16) && *size <= extents.end();
        let sizes = self.sizes();
        let initialized = sizes.map(|piece| piece.initialized_size()).filter(sensible);
        let data = sizes.map(|piece| piece.data_size()).filter(sensible);
        match (initialized, data) {
            (Some(initialized), Some(data)) => initialized.min(data),
            (Some(size), None) | (None, Some(size)) => size,
            (None, None) => extents.end(),
        }
    }

    /// Takes over the pieces of the table that `record` holds.
    fn keep_pieces(&mut self, record: &Record<'_>) {
        for attribute in table_pieces(record) {
            let Some(piece) = attribute.non_resident() else { continue };
            self.pieces.entry(piece.lowest_vcn()).or_insert_with(|| attribute.bytes().to_vec());
            let extents = Extents::of([piece], self.geometry.cluster_size());
            let places = extents.list().iter().filter(|extent| matches!(extent.location, Location::At(_)));
            places.for_each(|extent| self.reach.add(extent));
        }
    }

    /// The records other than 0 that its attribute list names for the table.
    fn listed_records(&mut self) -> Vec<u64> {
        let Some(value) = self.attribute_list() else { return Vec::new() };
        let entries = match AttributeList::parse(&value) {
            Ok(list) => list.entries(),
            Err(damage) => {
                self.damage.push(damage.within(Some(0), 0));
                return Vec::new();
            }
        };
        let mut numbers = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) if entry.attribute_type() == AttributeType::DATA && entry.name() == Name::default() => {
                    numbers.push(entry.reference().record_number());
                }
                Ok(_) => {}
                Err(damage) => self.damage.push(damage.within(Some(0), 0)),
            }
        }
        numbers.retain(|&number| number != 0);
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The value of record 0's attribute list, which may itself be non-resident.
    fn attribute_list(&mut self) -> Option<Vec<u8>> {
        let record = self.record.clone();
        let mut attributes = record.attributes().filter_map(Result::ok);
        let list = attributes.find(|attribute| attribute.attribute_type() == AttributeType::ATTRIBUTE_LIST)?;
        match attribute_value(self.source, Some(self.geometry.cluster_size()), &list) {
            Ok(value) => Some(value),
            Err(damage) => {
                self.damage.push(damage.within(Some(0), list.place().offset));
                None
            }
        }
    }

    /// Reads the records `numbers` as the map grows to reach them, each once.
    fn follow(&mut self, numbers: Vec<u64>) {
        let mut waiting = BTreeSet::from_iter(numbers);
        let mut foreign = Vec::new();
        self.reach.fresh.clear();
        self.reach.fresh.push(0..u64::MAX);
        while let Some(fresh) = self.reach.fresh.pop() {
            let size = u64::from(self.geometry.record_size().max(1));
            let numbers = fresh.start.checked_div(size).unwrap_or(0)..fresh.end.div_ceil(size);
            let reached: Vec<_> = waiting.range(numbers).copied().filter(|&number| self.reaches(number)).collect();
            for number in reached {
                waiting.remove(&number);
                match self.read(number) {
                    Some(record) if self.is_extension(record.header()) => self.keep_pieces(&record),
                    _ => foreign.push(number),
                }
            }
        }
        foreign.extend(waiting);
        foreign.sort_unstable();
        self.damage.extend(foreign.into_iter().map(|number| {
            let reference = FileReference::new(number, 0);
            Damage::in_record(0, 0, DamageKind::ListedRecordForeign { reference })
        }));
    }

    /// The bytes of the table that record `number` has.
    fn slot(&self, number: u64) -> Range<u64> {
        let size = u64::from(self.geometry.record_size());
        let start = number.saturating_mul(size);
        start..start.saturating_add(size)
    }

    fn reaches(&self, number: u64) -> bool {
        self.reach.reaches(self.slot(number))
    }

    /// A record that can be reached, as far as it can be read.
    fn read(&self, number: u64) -> Option<Record<'static>> {
        let mut bytes = vec![0; usize::try_from(self.geometry.record_size()).ok()?];
        let places = self.reach.places(self.slot(number));
        read_extents(self.source, places, &mut bytes, |_| ControlFlow::Continue(()));
        Record::from_vec(number, bytes).ok()
    }

    fn table_so_far(&self) -> Mft<'s> {
        Mft::new(self.source, self.extents(), self.geometry.record_size(), u64::MAX, Vec::new())
    }

    /// Record 0's extension records name it with its sequence number, which is 1: never a zero reference.
    fn is_extension(&self, header: RecordHeader<'_>) -> bool {
        header.is_in_use() && header.base_reference() == self.record.reference() && !header.is_base_record()
    }

    /// The mapped records that name record 0 as their base and hold a piece of the table.
    fn extension_records(&self) -> Vec<u64> {
        let mft = self.table_so_far();
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        for index in 0..mft.chunk_count() {
            for (number, record) in mft.chunk(index, &mut buffer).into_records() {
                let Ok(record) = record else { continue };
                if self.is_extension(record.header()) && table_pieces(&record).next().is_some() {
                    found.push(number);
                }
            }
        }
        found
    }
}
