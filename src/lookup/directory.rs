//! A directory as its index has it: opened from its record and the extension records that its list names.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::node::{Order, Step};
use crate::base::name::Name;
use crate::base::reference::{FileReference, SequenceMatch};
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::index::IndexRoot;
use crate::structure::index_entry::IndexEntries;
use crate::structure::index_record::IndexRecord;
use crate::structure::record::Record;
use crate::structure::update_sequence::UpdateSequence;
use crate::structure::value::bitmap::Bitmap;
use crate::structure::value::standard_information::StandardInformation;
use crate::volume::Volume;
use crate::volume::extents::{Extents, read_extents};
use crate::volume::geometry::Geometry;

/// A file's record, and the extension records that its attribute list names.
pub(super) struct Records {
    base: Record<'static>,
    extensions: Vec<Record<'static>>,
    /// All that the list names are there.
    pub(super) are_whole: bool,
}

impl Records {
    /// What an index is made of.
    pub(super) const INDEX: [AttributeType; 3] =
        [AttributeType::INDEX_ROOT, AttributeType::INDEX_ALLOCATION, AttributeType::BITMAP];

    /// Reads the records of the file that a reference means, of its extension records those with attributes that are
    /// `wanted`; `None` where it is not in use in this life.
    pub(super) fn read(volume: &Volume<'_>, reference: FileReference, wanted: &[AttributeType]) -> Option<Self> {
        let base = volume.mft().record(reference.record_number()).ok()?;
        let header = base.header();
        let is_meant = reference.matches(header.sequence_number(), true) == SequenceMatch::Same;
        if !header.is_in_use() || !header.is_base_record() || !is_meant {
            return None;
        }
        if wanted.is_empty() {
            return Some(Self { base, extensions: Vec::new(), are_whole: true });
        }
        let listed = volume.listed_records(&base, wanted);
        Some(Self { base, extensions: listed.records, are_whole: listed.are_whole })
    }

    /// True for a file without an index.
    pub(super) fn are_no_directory(&self) -> bool {
        self.are_whole && self.attributes(AttributeType::INDEX_ROOT).next().is_none()
    }

    pub(super) fn attributes(&self, wanted: AttributeType) -> impl Iterator<Item = Attribute<'_>> {
        let records = std::iter::once(&self.base).chain(&self.extensions);
        let attributes = records.flat_map(|record| record.attributes().filter_map(Result::ok));
        attributes.filter(move |attribute| attribute.attribute_type() == wanted)
    }

    /// Whether names that differ in case only are different names in this directory.
    fn are_names_case_sensitive(&self) -> bool {
        let value = |attribute: Attribute<'_>| {
            StandardInformation::parse(attribute.resident_value().ok()?)
                .ok()
                .map(|value| value.is_case_sensitive_directory())
        };
        self.attributes(AttributeType::STANDARD_INFORMATION).next().and_then(value).unwrap_or(false)
    }
}

/// The index of a directory.
pub(super) struct Directory<'d, 'v> {
    volume: &'d Volume<'v>,
    records: Records,
    /// Where the index records lie.
    extents: Extents,
    /// Which of them are in use; none where that cannot be read.
    bitmap: Option<Vec<u8>>,
    record_size: u32,
    /// What a VCN of the index counts.
    unit: u64,
    /// Index records that were read.
    nodes: BTreeMap<u64, Vec<u8>>,
}

impl<'d, 'v> Directory<'d, 'v> {
    /// Levels of an index: each has at least three times as many records as the one above.
    const DEEPEST: usize = 48;

    /// The index of the directory with these records; the records again, where it has none that can be read.
    pub(super) fn open(volume: &'d Volume<'v>, records: Records) -> Result<Self, Records> {
        match Self::layout(volume, &records) {
            Some((extents, bitmap, record_size, unit)) => {
                Ok(Self { volume, records, extents, bitmap, record_size, unit, nodes: BTreeMap::new() })
            }
            None => Err(records),
        }
    }

    /// Where the index records lie, which are in use, their size, and what a VCN counts.
    fn layout(volume: &Volume<'_>, records: &Records) -> Option<(Extents, Option<Vec<u8>>, u32, u64)> {
        let is_index = |attribute: &Attribute<'_>| attribute.name().is("$I30");
        let root = records.attributes(AttributeType::INDEX_ROOT).find(is_index)?;
        let record_size = IndexRoot::parse(root.resident_value().ok()?).ok()?.record_size();
        let cluster_size = volume.geometry().map_or(0, Geometry::cluster_size);
        let pieces = records.attributes(AttributeType::INDEX_ALLOCATION).filter(is_index);
        let extents = Extents::of(pieces.filter_map(|piece| piece.non_resident()), cluster_size);
        let bitmap = records.attributes(AttributeType::BITMAP).find(is_index);
        let bitmap = bitmap.and_then(|bitmap| volume.attribute_value(&bitmap).ok());
        let unit = if cluster_size <= record_size { u64::from(cluster_size) } else { 512 };
        Some((extents, bitmap, record_size, unit))
    }

    /// Looks for a name: as it is written first, then, where case does not count, in any other case.
    pub(super) fn find(&mut self, name: Name<'_>, order: Order<'_>) -> Step {
        let exact = self.descend(name, Order { is_case_sensitive: true, ..order });
        let is_case_sensitive = order.is_case_sensitive || self.records.are_names_case_sensitive();
        if matches!(exact, Step::Found(_)) || is_case_sensitive { exact } else { self.descend(name, order) }
    }

    fn descend(&mut self, name: Name<'_>, order: Order<'_>) -> Step {
        let mut step = self.step_in_root(name, order);
        for _ in 0..Self::DEEPEST {
            let Step::Below(vcn) = step else { return step };
            step = self.step_in_record(vcn, name, order).unwrap_or(Step::Damaged);
        }
        Step::Damaged
    }

    fn step_in_root(&self, name: Name<'_>, order: Order<'_>) -> Step {
        self.root().map_or(Step::Damaged, |entries| order.step(name, entries))
    }

    /// `None` where the index record cannot be read, or is not the one that should be there.
    fn step_in_record(&mut self, vcn: u64, name: Name<'_>, order: Order<'_>) -> Option<Step> {
        if !self.nodes.contains_key(&vcn) {
            let bytes = self.read(vcn)?;
            self.nodes.insert(vcn, bytes);
        }
        let record = IndexRecord::parse(self.nodes.get(&vcn)?).ok()?;
        (record.vcn() == vcn).then(|| order.step(name, record.entries()))
    }

    /// What the root has: `None` where it cannot be read.
    pub(super) fn root(&self) -> Option<IndexEntries<'_>> {
        let mut roots = self.records.attributes(AttributeType::INDEX_ROOT).filter(|root| root.name().is("$I30"));
        Some(IndexRoot::parse(roots.next()?.resident_value().ok()?).ok()?.entries())
    }

    /// How many index records there is room for.
    pub(super) fn record_count(&self) -> u64 {
        self.extents.end().checked_div(u64::from(self.record_size)).unwrap_or(0)
    }

    /// The index record of this number; `None` where none is in use there, and empty where it cannot be read.
    pub(super) fn record(&self, number: u64) -> Option<Vec<u8>> {
        let is_used = self.bitmap.as_ref().is_none_or(|bits| Bitmap::new(bits).is_set(number) == Some(true));
        let vcn = number.checked_mul(u64::from(self.record_size))?.checked_div(self.unit)?;
        is_used.then(|| self.read(vcn).unwrap_or_default())
    }

    /// The index record at `vcn`, whole.
    fn read(&self, vcn: u64) -> Option<Vec<u8>> {
        /// No index has larger ones.
        const LARGEST: u32 = 64 << 10;
        let start = vcn.checked_mul(self.unit)?;
        let index = start.checked_div(u64::from(self.record_size))?;
        let is_used = self.bitmap.as_ref().is_none_or(|bits| Bitmap::new(bits).is_set(index) == Some(true));
        let size = Some(self.record_size).filter(|size| is_used && (512..=LARGEST).contains(size))?;
        let mut bytes = vec![0; usize::try_from(size).ok()?];
        let mut is_whole = true;
        let extents = self.extents.between(start, start.checked_add(u64::from(size))?);
        read_extents(self.volume.source(), extents, &mut bytes, |_| {
            is_whole = false;
            ControlFlow::Break(())
        });
        if !is_whole {
            return None;
        }
        let length = bytes.len();
        let sequence = UpdateSequence::check(&bytes, 40, length);
        if sequence.has_torn_strides() {
            return None;
        }
        sequence.apply(&mut bytes);
        Some(bytes)
    }
}
