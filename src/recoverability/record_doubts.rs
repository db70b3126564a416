//! Whether a record is the file's at all: what stands in it, or is found by it, is worth no more than that.

use super::assessment::Assessment;
use super::byte_status::ByteStatus;
use super::verdict::{AssessedRange, append};
use crate::catalog::entry::Entry;
use crate::catalog::stream::Stream;
use crate::content::stream_range::{Origin, StreamRange};
use crate::structure::attribute::Attribute;
use crate::volume::doubts::DoubtKind;
use crate::volume::extents::Location;

impl Assessment<'_> {
    /// A record proves itself by its signature and its update sequence, wherever it lies; but
    /// not where values were left out, or something else was used instead of it.
    pub(super) fn assess_record(&self, range: StreamRange, position: u64, found: &mut Vec<AssessedRange>) {
        let bytes = position..position.saturating_add(range.length);
        for (part, doubt) in self.catalog.volume().doubts().of(bytes) {
            let offset = |place: u64| range.offset.saturating_add(place.saturating_sub(position));
            let is_of_records =
                |kind: &DoubtKind| matches!(kind, DoubtKind::Blanked | DoubtKind::Replaced | DoubtKind::Overwritten);
            let of_records = doubt.filter(is_of_records);
            let standing = ByteStatus::Intact.doubted(of_records);
            append(found, AssessedRange { range: range.clip(offset(part.start), offset(part.end)), standing });
        }
    }

    /// Lowers what stands in records, or is found by them, of which nothing proves that they are the stream's.
    pub(super) fn doubt_records(&self, stream: &Stream<'_>, ranges: &mut [AssessedRange]) {
        let mut lower = |to: ByteStatus, is_lowered: fn(&AssessedRange) -> bool| {
            let lowered = ranges.iter_mut().filter(|part| is_lowered(part));
            lowered.for_each(|part| part.standing = part.standing.worst(to));
        };
        let records = || stream.pieces().filter_map(|piece| piece.place().record);
        let is_unproven = |number| self.catalog.is_unproven(number) || self.is_numberless(stream.entry(), number);
        if records().any(is_unproven) || stream.entry().is_faceless() {
            lower(ByteStatus::Unchecked, |_| true);
        }
        // Of a volume that was made over, or of a copy of a table, nothing says which of several lives a record is of.
        if self.is_superseded {
            lower(ByteStatus::Unchecked, |_| true);
        }
        if self.is_size_doubted && !stream.pieces().all(|piece| self.tells_size(piece)) {
            lower(ByteStatus::Unchecked, |part| part.range.origin == Origin::Hole);
        }
        let base = stream.entry().record_number();
        if records().chain([base]).any(|number| self.is_displaced(stream.entry(), number)) {
            lower(ByteStatus::Displaced, |_| true);
        }
    }

    /// Calls runs of the table, the log and the upper case table [`ByteStatus::Zeroed`] where they are zeros: none of
    /// them ever is.
    pub(super) fn doubt_zeros(&self, stream: &Stream<'_>, ranges: &mut [AssessedRange]) {
        const NEVER_ZERO: [u64; 3] = [0, 2, 10];
        if !NEVER_ZERO.contains(&stream.entry().record_number()) || !stream.name().is_empty() {
            return;
        }
        let clusters = self.catalog.volume().source();
        for part in ranges {
            if let Origin::Clusters(position) = part.range.origin
                && self.is_zero(&(position..position.saturating_add(part.range.length)), &clusters)
            {
                part.standing = part.standing.worst(ByteStatus::Zeroed);
            }
        }
    }

    /// True where a piece's own sizes say how large its clusters are: as the volume has them.
    fn tells_size(&self, piece: &Attribute<'_>) -> bool {
        let Some(non_resident) = piece.non_resident() else { return true };
        let size = non_resident.clusters().and_then(|clusters| non_resident.allocated_size().checked_div(clusters));
        non_resident.lowest_vcn() == 0 && size == Some(self.cluster_size)
    }

    /// True for a record without a number of its own that a scan put where its neighbours are.
    fn is_numberless(&self, entry: &Entry<'_>, number: u64) -> bool {
        let record = entry.record_numbered(number).filter(|_| self.catalog.mft().is_carved(number));
        record.is_some_and(|record| record.header().own_number().is_none())
    }

    /// True for a record that does not name the number of its slot, where only a scan put it there, where another volume
    /// was made over its own, or where what is known to stand stands elsewhere.
    fn is_displaced(&self, entry: &Entry<'_>, number: u64) -> bool {
        let own = entry.record_numbered(number).and_then(|record| record.header().own_number());
        let doubts = self.catalog.volume().doubts();
        if own.is_some_and(|own| own != number) && (self.is_size_doubted || self.catalog.mft().is_carved(number)) {
            return true;
        }
        if doubts.is_empty() {
            return false;
        }
        let is_doubted = |position: u64, length: u64| {
            doubts.of(position..position.saturating_add(length)).any(|(_, kind)| kind == Some(DoubtKind::Displaced))
        };
        own != Some(number)
            && self.catalog.mft().places(number).any(|extent| match extent.location {
                Location::At(position) => is_doubted(position, extent.length),
                Location::Hole | Location::Unmapped => false,
            })
    }
}
