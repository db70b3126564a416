//! Finds out what is left of streams: by the claims of other files, the volume's bitmap, and, on
//! request, the clusters themselves.

use std::ops::Range;

use super::byte_status::ByteStatus;
use super::claims::{Claim, Claims};
use super::content_witness::{ContentWitness, Testimonies};
use super::verdict::{AssessedRange, Circumstances, Recoverability, append};
use crate::base::damage::wide;
use crate::base::reference::FileReference;
use crate::base::threads::Threads;
use crate::catalog::Catalog;
use crate::catalog::entry::{Entry, EntryState};
use crate::catalog::stream::Stream;
use crate::content::decoder::{Decoder, ReadChunks};
use crate::content::stream_map::{Overlay, StreamMap};
use crate::content::stream_range::{Missing, Origin, StreamRange};
use crate::content::stream_reader::StreamReader;
use crate::source::Source;
use crate::source::buffer::PageBuffer;
use crate::volume::bitmap::{ClusterBitmap, ClusterState};
use crate::volume::doubts::DoubtKind;
use crate::volume::extents::Location;

/// The least that a medium loses at once.
const SECTOR: u64 = 512;

/// How much is asked of the clusters themselves. By default nothing is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecoverabilityOptions {
    sample_zeros: bool,
    read_all: bool,
    trust_zeros: bool,
}

impl RecoverabilityOptions {
    /// Reads up to three clusters of each run of a deleted file, and calls the run [`ByteStatus::Zeroed`] where
    /// all of them are zero: solid-state disks trim what is deleted.
    #[must_use]
    pub fn sample_zeros(self, sample_zeros: bool) -> Self {
        Self { sample_zeros, ..self }
    }

    /// For a source that says itself what of it is lost, such as one with a map of what was rescued: zeros in it are what
    /// was read, whatever the table has lost.
    #[must_use]
    pub fn trust_zeros(self, trust_zeros: bool) -> Self {
        Self { trust_zeros, ..self }
    }

    /// Reads and decompresses all of each stream, so that what is unreadable or undecodable is known; and,
    /// where the table [has lost sectors to zeros](Catalog::has_blank_records), which sectors of content are zero.
    #[must_use]
    pub fn read_all(self, read_all: bool) -> Self {
        Self { read_all, ..self }
    }
}

/// What is known about a volume's clusters, to assess streams by, on any number of threads.
#[derive(Debug, Clone)]
pub struct Assessment<'c> {
    pub(super) catalog: &'c Catalog<'c>,
    claims: Claims,
    bitmap: ClusterBitmap,
    options: RecoverabilityOptions,
    pub(super) cluster_size: u64,
    is_wiped: bool,
    /// A doubt about all of the volume leaves open how large its clusters are.
    pub(super) is_size_doubted: bool,
    /// Whether another volume was made over this one.
    pub(super) is_superseded: bool,
    testimonies: Testimonies,
    /// What of the volume's bytes is known to be missing without a read.
    lost: Vec<Range<u64>>,
}

impl Catalog<'_> {
    /// Collects what assessing streams needs: one pass over the table, and the volume's bitmap.
    #[must_use]
    pub fn assessment(&self, threads: &Threads, options: RecoverabilityOptions) -> Assessment<'_> {
        let claims = self.claims(threads);
        let mut bitmap = ClusterBitmap::read(self.volume());
        bitmap.contradict_all(claims.live());
        let cluster_size = self.volume().geometry().map_or(1, |geometry| u64::from(geometry.cluster_size()));
        let is_wiped = self.has_blank_records() && !options.trust_zeros;
        let (cluster_size, testimonies) = (cluster_size.max(1), Testimonies::default());
        let source = self.volume().source();
        let lost = source.known_missing(0..source.size());
        let doubt = self.volume().doubts().gravest(u64::MAX.saturating_sub(1)..u64::MAX);
        // What is overwritten is an older layer's, too.
        let is_superseded = matches!(doubt, Some(DoubtKind::Superseded | DoubtKind::Overwritten));
        let is_size_doubted = is_superseded || doubt == Some(DoubtKind::Unplaced);
        Assessment {
            catalog: self,
            claims,
            bitmap,
            options,
            cluster_size,
            is_wiped,
            is_size_doubted,
            is_superseded,
            testimonies,
            lost,
        }
    }
}

/// Whose stream is assessed, and where its clusters are looked at.
#[derive(Clone, Copy)]
struct Owner<'s> {
    /// `None` where nothing is to be read.
    clusters: Option<&'s dyn Source>,
    reference: FileReference,
    is_live: bool,
    /// See [`Claims::is_sole_owner`].
    is_sole: bool,
}

impl<'s> Owner<'s> {
    fn of(entry: &Entry<'_>, claims: &Claims, clusters: Option<&'s dyn Source>) -> Self {
        let is_live = match entry.state() {
            EntryState::Live => true,
            EntryState::Ghost => false,
            // One that was deleted while it was open has its record and its clusters still.
            EntryState::Deleted | EntryState::Orphan => entry.header().is_in_use(),
        };
        let reference = entry.reference();
        Self { clusters, reference, is_live, is_sole: is_live && claims.is_sole_owner(reference) }
    }
}

impl<'c> Assessment<'c> {
    /// Bytes that are read at once when all of a stream is.
    const READ: usize = 1 << 20;

    /// The catalog the streams come from.
    #[must_use]
    pub fn catalog(&self) -> &'c Catalog<'c> {
        self.catalog
    }

    /// What is asked of the clusters.
    #[must_use]
    pub fn options(&self) -> RecoverabilityOptions {
        self.options
    }

    /// The same, asking this of the clusters.
    #[must_use]
    pub fn with_options(self, options: RecoverabilityOptions) -> Self {
        Self { options, ..self }
    }

    /// Who claims which cluster.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What the volume's bitmap says; sectors of it that live files contradict are not believed.
    #[must_use]
    pub fn bitmap(&self) -> &ClusterBitmap {
        &self.bitmap
    }

    /// Whether the volume's table [has lost sectors to zeros](Catalog::has_blank_records), so that zeros in content
    /// are in question.
    #[must_use]
    pub fn is_wiped(&self) -> bool {
        self.is_wiped
    }

    /// The same with what an independent witness says: that bytes of the volume still are what a deleted file, as
    /// [`Entry::reference`] has it, had there. Where nothing but proof was missing they are [`ByteStatus::Witnessed`].
    #[must_use]
    pub fn with_witness(
        mut self,
        witness: ContentWitness,
        said: impl IntoIterator<Item = (FileReference, Range<u64>)>,
    ) -> Self {
        self.testimonies.add(witness, said);
        self
    }

    /// What is left of `stream`.
    #[must_use]
    pub fn assess(&self, stream: &Stream<'_>) -> Recoverability {
        self.assess_from(stream, &self.catalog.volume().source())
    }

    /// What is left of `stream` as far as metadata knows: as [`assess`](Self::assess) without
    /// [samples](RecoverabilityOptions::sample_zeros). Of an ordinary stream nothing is read.
    #[must_use]
    pub fn assess_unsampled(&self, stream: &Stream<'_>) -> Recoverability {
        self.assess_reading(stream, None)
    }

    /// As [`assess`](Self::assess), with samples of clusters that come from `clusters`: the volume's bytes, as far as
    /// they were read already, and the volume itself for the others.
    #[must_use]
    pub fn assess_from(&self, stream: &Stream<'_>, clusters: &dyn Source) -> Recoverability {
        self.assess_reading(stream, Some(clusters))
    }

    fn assess_reading(&self, stream: &Stream<'_>, clusters: Option<&dyn Source>) -> Recoverability {
        let owner = Owner::of(stream.entry(), &self.claims, clusters);
        let map = stream.map();
        let mut ranges = self.assess_map(&map, owner);
        self.doubt_records(stream, &mut ranges);
        self.doubt_zeros(stream, &mut ranges);
        if self.options.read_all {
            self.read(map, &mut ranges);
        }
        let damaged = |number: u64| {
            let record = stream.entry().record_numbered(number);
            record.is_none_or(|record| !record.is_sound_where_used())
        };
        let circumstances = Circumstances {
            is_live: owner.is_live,
            is_resident: stream.is_resident(),
            is_size_known: stream.size().is_some(),
            is_listed_only: stream.is_listed_only(),
            is_superseded: self.is_superseded,
            has_damaged_record: stream.pieces().any(|piece| piece.place().record.is_none_or(damaged)),
        };
        let is_exposed = !owner.is_live && ranges.iter().any(|part| part.range.origin.is_in_clusters());
        let exposure = is_exposed.then(|| self.claims.exposure(stream.entry()));
        Recoverability::of(ranges, circumstances).with_exposure(exposure).with_witnesses(self.testimonies.witnesses())
    }

    fn assess_map(&self, map: &StreamMap<'_>, owner: Owner<'_>) -> Vec<AssessedRange> {
        let mut found = Vec::with_capacity(map.ranges().len());
        for &range in map.ranges() {
            match range.origin {
                _ if range.is_doubtful => append(&mut found, AssessedRange { range, standing: ByteStatus::Doubtful }),
                Origin::Clusters(position) => self.assess_clusters(range, position, owner, &mut found),
                Origin::Compressed { unit, stored } => {
                    let standing = self.worst_of_unit(map, unit, stored, owner);
                    append(&mut found, AssessedRange { range, standing });
                }
                Origin::Overlay => self.assess_overlay(map, range, owner, &mut found),
                Origin::Record(position) => self.assess_record(range, position, &mut found),
                Origin::Hole | Origin::Uninitialized(_) => {
                    append(&mut found, AssessedRange { range, standing: ByteStatus::Zeros });
                }
                Origin::Missing(missing) => {
                    append(&mut found, AssessedRange { range, standing: ByteStatus::Missing(missing) });
                }
            }
        }
        found
    }

    /// Splits a range of clusters where their standing changes.
    fn assess_clusters(&self, range: StreamRange, position: u64, owner: Owner<'_>, found: &mut Vec<AssessedRange>) {
        self.standings(position, range.length, owner, |bytes, standing| {
            let offset = |place: u64| range.offset.saturating_add(place.saturating_sub(position));
            append(found, AssessedRange { range: range.clip(offset(bytes.start), offset(bytes.end)), standing });
        });
    }

    /// Calls `each` with the parts of the volume's bytes `position .. position + length` that have one standing.
    fn standings(&self, position: u64, length: u64, owner: Owner<'_>, mut each: impl FnMut(Range<u64>, ByteStatus)) {
        let doubts = self.catalog.volume().doubts();
        let mut each = |part: Range<u64>, standing: ByteStatus| match standing {
            // What another file has now is not the file's, whether or not it can be read.
            ByteStatus::Claimed(_) | ByteStatus::Overwritten if !owner.is_live => each(part, standing),
            _ => self.lost(part, standing, &mut each),
        };
        let mut each = |part: Range<u64>, standing: ByteStatus| {
            if doubts.is_empty() && owner.is_live {
                return each(part, standing);
            }
            for (part, doubt) in doubts.of(part) {
                self.proved(part, standing.doubted(doubt), owner, &mut each);
            }
        };
        let end = position.saturating_add(length);
        // All clusters of its streams are among its claims: nothing is to be found among those of others.
        if owner.is_sole && self.bitmap.disputed().is_empty() {
            return each(position..end, ByteStatus::Intact);
        }
        let clusters = position.checked_div(self.cluster_size).unwrap_or(0)..end.div_ceil(self.cluster_size.max(1));
        let bytes = |clusters: Range<u64>| {
            let start = clusters.start.saturating_mul(self.cluster_size).max(position);
            start..clusters.end.saturating_mul(self.cluster_size).min(end)
        };
        for (clusters, claim) in self.claims.of(clusters) {
            if owner.is_live {
                self.disputed(clusters, by_live_claim(&claim, owner), |clusters, standing| {
                    each(bytes(clusters), standing);
                });
                continue;
            }
            if let Some(standing) = by_claim(&claim, owner) {
                let part = bytes(clusters);
                let standing = self.sampled(&part, standing, owner);
                each(part, standing);
                continue;
            }
            for (clusters, state) in self.bitmap.states(clusters) {
                let standing = match state {
                    ClusterState::Free => ByteStatus::Free,
                    ClusterState::Allocated => ByteStatus::Unowned,
                    ClusterState::Unknown => ByteStatus::Unchecked,
                };
                let part = bytes(clusters);
                let standing = self.sampled(&part, standing, owner);
                each(part, standing);
            }
        }
    }

    /// Calls `each` with the parts that are known to be missing, and those between.
    fn lost(&self, part: Range<u64>, standing: ByteStatus, each: &mut impl FnMut(Range<u64>, ByteStatus)) {
        let first = self.lost.partition_point(|lost| lost.end <= part.start);
        let mut start = part.start;
        for lost in self.lost.iter().skip(first).take_while(|lost| lost.start < part.end) {
            let (from, to) = (lost.start.max(start), lost.end.min(part.end));
            if start < from {
                each(start..from, standing);
            }
            each(from..to, standing.worst(ByteStatus::Missing(Missing::Unreadable)));
            start = to;
        }
        if start < part.end {
            each(start..part.end, standing);
        }
    }

    /// Calls `each` with the parts of a live file's clusters that the bitmap calls free, which nobody can vouch for,
    /// and with those between.
    fn disputed(&self, clusters: Range<u64>, standing: ByteStatus, mut each: impl FnMut(Range<u64>, ByteStatus)) {
        let disputed = self.bitmap.disputed();
        let first = disputed.partition_point(|free| free.end <= clusters.start);
        let mut start = clusters.start;
        for free in disputed.iter().skip(first).take_while(|free| free.start < clusters.end) {
            let (from, to) = (free.start.max(start), free.end.min(clusters.end));
            each(start..from, standing);
            each(from..to, standing.worst(ByteStatus::Unchecked));
            start = to;
        }
        each(start..clusters.end, standing);
    }

    /// Calls `each` with the parts that a witness vouches for, where nothing but that is missing, and those between.
    fn proved(
        &self,
        part: Range<u64>,
        standing: ByteStatus,
        owner: Owner<'_>,
        each: &mut impl FnMut(Range<u64>, ByteStatus),
    ) {
        if owner.is_live || !standing.wants_witness() || self.testimonies.witnesses().is_empty() {
            return each(part, standing);
        }
        for (part, witness) in self.testimonies.of(owner.reference, part) {
            each(part, witness.map_or(standing, ByteStatus::Witnessed));
        }
    }

    /// [`ByteStatus::Zeroed`] where sampling is asked for, the part might be content, and its samples are zero.
    fn sampled(&self, part: &Range<u64>, standing: ByteStatus, owner: Owner<'_>) -> ByteStatus {
        let is_sampled = self.options.sample_zeros && !matches!(standing, ByteStatus::Claimed(_));
        let is_zero = |clusters| is_sampled && self.is_zero(part, clusters);
        if owner.clusters.is_some_and(is_zero) { ByteStatus::Zeroed } else { standing }
    }

    /// True when the first, the middle and the last cluster of `part` can be read and are zero.
    pub(super) fn is_zero(&self, part: &Range<u64>, clusters: &dyn Source) -> bool {
        let length = part.end.saturating_sub(part.start).min(self.cluster_size);
        let mut buffer = vec![0; usize::try_from(length).unwrap_or(0)];
        let last = part.end.saturating_sub(length);
        let middle = part.start.saturating_add(last.saturating_sub(part.start) / 2);
        let middle = middle.saturating_sub(middle.checked_rem(self.cluster_size).unwrap_or(0)).max(part.start);
        [part.start, middle, last].into_iter().all(|position| {
            let count = clusters.read_at(position, &mut buffer);
            count.is_ok_and(|count| count == buffer.len()) && buffer.iter().all(|byte| *byte == 0)
        })
    }

    /// All clusters of a compressed unit are needed for any byte of it.
    fn worst_of_unit(&self, map: &StreamMap<'_>, unit: u64, stored: u64, owner: Owner<'_>) -> ByteStatus {
        let mut worst = ByteStatus::Intact;
        for extent in map.stored(unit, unit.saturating_add(stored)) {
            let Location::At(position) = extent.location else { continue };
            let inside = map.limit.saturating_sub(position).min(extent.length);
            if inside < extent.length {
                let outside = position.saturating_add(inside);
                worst = worst.worst(ByteStatus::Missing(Missing::Outside(outside)));
            }
            self.standings(position, inside, owner, |_, standing| worst = worst.worst(standing));
        }
        worst
    }

    /// A chunk needs all its bytes in the stream of chunks, and its entries in the table there.
    fn assess_overlay(
        &self,
        map: &StreamMap<'_>,
        range: StreamRange,
        owner: Owner<'_>,
        found: &mut Vec<AssessedRange>,
    ) {
        let Some(overlay) = &map.overlay else { return };
        let mut stored = self.assess_map(overlay.stored(), owner);
        // Where sectors were lost to zeros, those among the chunks are none of theirs.
        if self.options.read_all && self.is_wiped {
            self.read(overlay.stored().clone(), &mut stored);
        }
        let first = stored.first().map_or(ByteStatus::Missing(Missing::Undecodable), |first| first.standing);
        if stored.iter().all(|part| part.standing == first) {
            return append(found, AssessedRange { range, standing: first });
        }
        let mut chunks = StreamReader::new(overlay.stored().clone());
        let mut decoder = Decoder::default();
        let mut rest = range;
        while let Some((index, span)) = overlay.chunk_at(rest.offset)
            && rest.length > 0
        {
            let standing = chunk_standing(overlay, &mut decoder, &mut chunks.chunk_bytes(), index, &stored);
            append(found, AssessedRange { range: rest.clip(span.start, span.end), standing });
            rest = rest.clip(span.end, u64::MAX);
        }
    }

    /// Reads all of a stream, and marks what turns out to be missing, doubtful or blank.
    fn read(&self, map: StreamMap<'_>, ranges: &mut Vec<AssessedRange>) {
        let mut flaws = Vec::new();
        let length = usize::try_from(map.size()).map_or(Self::READ, |size| size.min(Self::READ));
        let mut buffer = PageBuffer::new(length);
        let mut reader = StreamReader::new(map);
        let mut position = 0;
        loop {
            let reading = reader.read_at(position, buffer.bytes());
            for &range in reading.ranges() {
                match (range.missing(), range.origin) {
                    (Some(missing), _) => flaws.push(AssessedRange { range, standing: ByteStatus::Missing(missing) }),
                    _ if range.is_doubtful => flaws.push(AssessedRange { range, standing: ByteStatus::Doubtful }),
                    (None, Origin::Clusters(_)) if self.is_wiped => {
                        blank_sectors(range, position, buffer.bytes(), &mut flaws);
                    }
                    _ => {}
                }
            }
            match reading.length() {
                0 => break,
                length => position = position.saturating_add(wide(length)),
            }
        }
        if !flaws.is_empty() {
            *ranges = marked(ranges, &flaws);
        }
    }
}

/// What other live files' claims say about clusters of one.
fn by_live_claim(claim: &Claim<'_>, owner: Owner<'_>) -> ByteStatus {
    claim.other_live(owner.reference).map_or(ByteStatus::Intact, |other| ByteStatus::Claimed(other.reference))
}

/// What other files' claims say about clusters of a deleted one; `None` where there are none.
fn by_claim(claim: &Claim<'_>, owner: Owner<'_>) -> Option<ByteStatus> {
    if let Some(other) = claim.other_live(owner.reference) {
        return Some(ByteStatus::Claimed(other.reference));
    }
    let other = claim.other_deleted(owner.reference)?;
    let own = claim.deleted.into_iter().flatten().find(|claimant| claimant.reference == owner.reference);
    let is_later = other.reference != owner.reference && own.is_some_and(|own| own.is_later_than(other));
    Some(ByteStatus::Contested { by: other.reference, is_later })
}

/// The worst of what a chunk is made of.
fn chunk_standing(
    overlay: &Overlay<'_>,
    decoder: &mut Decoder,
    read: &mut ReadChunks<'_>,
    index: u64,
    stored: &[AssessedRange],
) -> ByteStatus {
    let worst_of = |bytes: Range<u64>| {
        let first = stored.partition_point(|part| part.range.end() <= bytes.start);
        let parts = stored.iter().skip(first).take_while(|part| part.range.offset < bytes.end);
        parts.fold(ByteStatus::Intact, |worst, part| worst.worst(part.standing))
    };
    let entries = overlay.table().entries_of(index).map_or(ByteStatus::Intact, worst_of);
    match decoder.chunk_place(overlay, read, index) {
        // What stands in another file's clusters is no table.
        _ if matches!(entries, ByteStatus::Claimed(_)) => entries,
        Ok((place, _)) => worst_of(place).worst(entries),
        Err(missing) => ByteStatus::Missing(missing).worst(entries),
    }
}

/// Finds the sectors of a range that are zero. `bytes` are those of the stream from `position` on, which is the
/// start of a sector; the last sector of a stream ends where the stream does.
fn blank_sectors(range: StreamRange, position: u64, bytes: &[u8], found: &mut Vec<AssessedRange>) {
    let mut rest = range;
    while rest.length > 0 {
        let end = rest.offset.saturating_add(1).next_multiple_of(SECTOR).min(rest.end());
        let place = |offset: u64| usize::try_from(offset.saturating_sub(position)).unwrap_or(usize::MAX);
        let sector = bytes.get(place(rest.offset)..place(end)).unwrap_or_default();
        if sector.iter().all(|byte| *byte == 0) {
            append(found, AssessedRange { range: rest.clip(0, end), standing: ByteStatus::Blank });
        }
        rest = rest.clip(end, u64::MAX);
    }
}

/// The ranges with what reading found: `flaws`, in order.
fn marked(ranges: &[AssessedRange], flaws: &[AssessedRange]) -> Vec<AssessedRange> {
    let mut marked = Vec::with_capacity(ranges.len().saturating_add(flaws.len().saturating_mul(2)));
    for known in ranges {
        let mut rest = known.range;
        let first = flaws.partition_point(|flaw| flaw.range.end() <= rest.offset);
        for flaw in flaws.iter().skip(first).take_while(|flaw| flaw.range.offset < known.range.end()) {
            append(&mut marked, AssessedRange { range: rest.clip(0, flaw.range.offset), ..*known });
            let range = rest.clip(flaw.range.offset, flaw.range.end());
            append(&mut marked, AssessedRange { range, standing: known.standing.worst(flaw.standing) });
            rest = rest.clip(flaw.range.end(), u64::MAX);
        }
        append(&mut marked, AssessedRange { range: rest, ..*known });
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::super::verdict::{Reasons, Verdict};
    use super::*;
    use crate::base::time::FileTime;
    use crate::structure::attribute_type::AttributeType;
    use crate::structure::forge::Forge;
    use crate::structure::value::reparse_tag::ReparseTag;
    use crate::volume::doubts::Doubt;
    use crate::volume::forged_volume::{CLUSTER, CLUSTERS, FREE, Forged, add_runs, file, reference, with_runs};

    fn deleted(record: Forge) -> Forge {
        record.flags(0).sequence(2)
    }

    /// Times of a change, as the only thing in `$STANDARD_INFORMATION`.
    fn changed_at(record: Forge, time: u64) -> Forge {
        let mut value = [0; 72];
        value[16..24].copy_from_slice(&time.to_le_bytes());
        record.resident(AttributeType::STANDARD_INFORMATION, "", &value)
    }

    fn run(lcn: u64, clusters: u64) -> Forge {
        with_runs(&[(clusters, Some(lcn))], clusters * CLUSTER, clusters * CLUSTER)
    }

    fn assess(forged: &Forged, record: u64, options: RecoverabilityOptions) -> Recoverability {
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let assessment = catalog.assessment(&Threads::single(), options);
        let entry = catalog.entry(record).unwrap();
        assessment.assess(&entry.streams()[0])
    }

    fn verdict(forged: &Forged, record: u64) -> (Verdict, Reasons) {
        let found = assess(forged, record, RecoverabilityOptions::default());
        (found.verdict(), found.reasons())
    }

    #[test]
    fn a_deleted_files_clusters_are_never_proved_by_metadata() {
        let mut forged = Forged::new(vec![(30, deleted(run(300, 4)))]);
        assert_eq!(verdict(&forged, 30), (Verdict::Likely, Reasons::FREE));
        forged.allocate(302..303);
        assert_eq!(verdict(&forged, 30), (Verdict::Likely, Reasons::FREE | Reasons::UNOWNED));
    }

    #[test]
    fn a_witness_proves_clusters_of_the_file_it_names() {
        let unit = deleted(with_runs(&[(2, Some(340)), (14, None)], 8192, 8192).stored_as(1, 4));
        let forged = Forged::new(vec![(30, deleted(run(300, 4))), (31, deleted(run(302, 2))), (32, unit)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default());
        let log = ContentWitness::new("log", "the log of the volume");
        let file = |number| FileReference::new(number, 2);
        let bytes = |clusters: Range<u64>| clusters.start * CLUSTER..clusters.end * CLUSTER;
        let said = [(file(30), bytes(300..303)), (file(31), bytes(302..304)), (file(32), bytes(340..341))];
        let some = assessment.clone().with_witness(log.clone(), said);
        let found = |assessment: &Assessment<'_>, number| {
            let found = assessment.assess(&catalog.entry(number).unwrap().streams()[0]);
            (found.verdict(), found.reasons(), found.counts().witnessed)
        };
        // Files 30 and 31 had one cluster each: nobody knows which was the last, and that stays so.
        assert_eq!(found(&some, 30), (Verdict::Partial, Reasons::CONTESTED, 2 * CLUSTER));
        assert_eq!(found(&some, 31), (Verdict::Partial, Reasons::CONTESTED, 0));
        assert_eq!(found(&some, 32), (Verdict::Likely, Reasons::FREE, 0), "a unit needs all its clusters");
        let all = assessment.with_witness(log, [(file(32), bytes(340..342))]);
        assert_eq!(found(&all, 32), (Verdict::Intact, Reasons::empty(), 8192));
        assert_eq!(found(&all, 30).2, 0);
    }

    #[test]
    fn a_likely_file_says_how_exposed_it_was() {
        let information = |record: Forge, time: u64, usn: u64| {
            let mut value = vec![0; 72];
            (0..4).for_each(|index| value[index * 8..][..8].copy_from_slice(&(time - 3 + index as u64).to_le_bytes()));
            value[64..72].copy_from_slice(&usn.to_le_bytes());
            record.resident(AttributeType::STANDARD_INFORMATION, "", &value)
        };
        let gone = |record: Forge| deleted(information(record, 1000, 50));
        let mut forged = Forged::new(vec![
            (30, gone(run(300, 4))),
            (31, information(run(310, 3), 990, 40)),
            (32, information(run(320, 5), 1001, 60)),
            (33, information(run(330, 7), 2000, 45)),
            (34, deleted(information(run(340, 9), 1500, 70))),
            (35, gone(file().resident(AttributeType::DATA, "", &[7]))),
            (36, deleted(run(350, 1))),
        ]);
        for (record, lsn) in [(30, 500_u64), (31, 400), (32, 600), (33, 0), (34, 501)] {
            forged.record_bytes(record)[8..16].copy_from_slice(&lsn.to_le_bytes());
        }
        let exposure = |number| assess(&forged, number, RecoverabilityOptions::default()).exposure().copied();
        let found = exposure(30).unwrap();
        assert_eq!((found.last_known, found.age), (Some(FileTime(1000)), Some(999)), "the last change is that of 33");
        // The last time of all is that of the last access, which is no change: 33 was changed at 1999.
        assert_eq!(found.clusters_by_time, Some(7 + 9), "32 was changed at 1000, not after it");
        assert_eq!((found.clusters_by_lsn, found.clusters_by_usn), (Some(5 + 9), Some(5 + 9)));
        assert_eq!([31, 35].map(exposure), [None, None], "a live file, and one in its record");
        let found = exposure(36).unwrap();
        assert_eq!((found.last_known, found.age, found.clusters_by_time), (None, None, None));
        assert_eq!((found.clusters_by_lsn, found.clusters_by_usn), (None, None));
    }

    #[test]
    fn a_live_file_in_clusters_that_the_bitmap_calls_free_is_not_proved() {
        let mut forged = Forged::new(vec![(30, run(300, 4)), (31, run(310, 4))]);
        assert_eq!(verdict(&forged, 30), (Verdict::Intact, Reasons::empty()));
        forged.free(301..303);
        let found = assess(&forged, 30, RecoverabilityOptions::default());
        assert_eq!((found.verdict(), found.reasons()), (Verdict::Likely, Reasons::UNCHECKED));
        let ranges: Vec<_> = found.ranges().iter().map(|part| (part.range.offset, part.standing)).collect();
        let (intact, unchecked) = (ByteStatus::Intact, ByteStatus::Unchecked);
        assert_eq!(ranges, [(0, intact), (CLUSTER, unchecked), (3 * CLUSTER, intact)]);
        assert_eq!(verdict(&forged, 31).0, Verdict::Intact, "its clusters are in use");
        // A sector without a single cluster in use is lost, not a witness.
        forged.free(0..CLUSTERS);
        assert_eq!(verdict(&forged, 30), (Verdict::Intact, Reasons::empty()));
    }

    #[test]
    fn reused_clusters_are_never_intact_and_name_their_new_owner() {
        let mut forged = Forged::new(vec![(30, deleted(run(300, 4))), (31, run(302, 1)), (32, deleted(run(302, 1)))]);
        forged.allocate(302..303);
        let found = assess(&forged, 30, RecoverabilityOptions::default());
        assert_eq!((found.verdict(), found.reasons()), (Verdict::Partial, Reasons::REUSED));
        assert_eq!((found.counts().claimed, found.counts().free), (CLUSTER, 3 * CLUSTER));
        let claimed = &found.ranges()[1];
        assert_eq!((claimed.range.offset, claimed.range.length), (2 * CLUSTER, CLUSTER));
        assert_eq!(claimed.standing, ByteStatus::Claimed(reference(31)));
        assert_eq!(verdict(&forged, 32), (Verdict::Overwritten, Reasons::REUSED));
        assert_eq!(verdict(&forged, 31), (Verdict::Intact, Reasons::empty()));
    }

    #[test]
    fn extension_records_and_other_attributes_claim_clusters_too() {
        let piece = add_runs(Forge::new(1024).base(31, 1), "later", &[(1, Some(300))], 512, 512);
        let index = file().runs(
            AttributeType::INDEX_ALLOCATION,
            "$I30",
            (0, 0),
            [512; 3],
            &crate::volume::forged_volume::runs(&[(1, Some(301))]),
        );
        let records = vec![(30, deleted(run(300, 2))), (31, file()), (33, piece), (34, index)];
        assert_eq!(verdict(&Forged::new(records), 30), (Verdict::Overwritten, Reasons::REUSED));
    }

    #[test]
    fn of_two_deleted_files_the_later_one_is_likely() {
        let older = deleted(changed_at(run(300, 2), 1000));
        let newer = deleted(changed_at(run(301, 2), 2000));
        let forged = Forged::new(vec![(30, older.clone()), (31, newer)]);
        assert_eq!(verdict(&forged, 30), (Verdict::Partial, Reasons::CONTESTED));
        assert_eq!(verdict(&forged, 31), (Verdict::Likely, Reasons::CONTESTED_BY_OLDER | Reasons::FREE));
        let same = Forged::new(vec![(30, older.clone()), (31, older)]);
        assert_eq!(verdict(&same, 30), (Verdict::Partial, Reasons::CONTESTED), "nobody knows");
        assert_eq!(verdict(&same, 31), (Verdict::Partial, Reasons::CONTESTED));
    }

    #[test]
    fn live_files_on_the_same_clusters_are_both_reported() {
        let forged = Forged::new(vec![(30, run(300, 2)), (31, run(301, 2))]);
        assert_eq!(verdict(&forged, 30), (Verdict::Partial, Reasons::CROSS_LINKED));
        assert_eq!(verdict(&forged, 31), (Verdict::Partial, Reasons::CROSS_LINKED));
        let twice = with_runs(&[(2, Some(300)), (1, Some(301))], 1536, 1536);
        assert_eq!(verdict(&Forged::new(vec![(30, twice)]), 30), (Verdict::Partial, Reasons::CROSS_LINKED));
    }

    #[test]
    fn without_a_bitmap_that_can_be_believed_nothing_is_intact() {
        let mut forged = Forged::new(vec![(30, deleted(run(300, 4)))]);
        forged.record_bytes(6).fill(0);
        assert_eq!(verdict(&forged, 30), (Verdict::Likely, Reasons::UNCHECKED));
        // A live file in clusters that the bitmap calls free: the sector is stale or wiped.
        let mut forged = Forged::new(vec![(30, deleted(run(300, 4))), (31, run(FREE + 10, 1))]);
        forged.free(FREE + 10..FREE + 11);
        assert_eq!(verdict(&forged, 30), (Verdict::Likely, Reasons::UNCHECKED));
    }

    #[test]
    fn doubts_about_the_volume_lower_what_lies_in_them() {
        let resident = file().resident(AttributeType::DATA, "", &[7; 10]);
        let forged = Forged::new(vec![(30, run(300, 4)), (31, deleted(run(310, 4))), (32, resident)]);
        let volume = forged.volume();
        let found = |doubt: Doubt, record: u64| {
            let volume = volume.clone().with_doubts([doubt]);
            let catalog = volume.catalog_with(&Threads::single());
            let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default());
            let found = assessment.assess(&catalog.entry(record).unwrap().streams()[0]);
            (found.verdict(), found.reasons(), *found.counts())
        };
        let of_all = |kind, record| {
            let (verdict, reasons, _) = found(Doubt::everything(kind), record);
            (verdict, reasons)
        };
        for (kind, verdict, reason) in [
            (DoubtKind::Superseded, Verdict::Likely, Reasons::UNCHECKED),
            (DoubtKind::Unplaced, Verdict::Likely, Reasons::UNPLACED),
            (DoubtKind::Displaced, Verdict::Partial, Reasons::DISPLACED),
            (DoubtKind::Blanked, Verdict::Partial, Reasons::BLANKED),
            (DoubtKind::Replaced, Verdict::Partial, Reasons::REPLACED),
        ] {
            assert_eq!([30, 31].map(|record| of_all(kind, record)), [(verdict, reason); 2]);
            let is_of_records = matches!(kind, DoubtKind::Superseded | DoubtKind::Blanked | DoubtKind::Replaced);
            let expected = if is_of_records { (verdict, reason) } else { (Verdict::Intact, Reasons::empty()) };
            assert_eq!(of_all(kind, 32), expected, "a record proves itself");
        }
        let part = Doubt::new(301 * CLUSTER + 5..302 * CLUSTER, DoubtKind::Displaced);
        let (verdict, reasons, counts) = found(part, 30);
        assert_eq!((verdict, reasons), (Verdict::Partial, Reasons::DISPLACED));
        assert_eq!((counts.displaced, counts.intact), (CLUSTER - 5, 3 * CLUSTER + 5));
        assert_eq!(found(part, 31).1, Reasons::FREE, "it lies elsewhere");
    }

    #[test]
    fn one_lost_cluster_spoils_its_compression_unit_only() {
        let list = [(3, Some(300)), (13, None), (2, Some(400)), (14, None)];
        let record = deleted(with_runs(&list, 16_384, 16_384).stored_as(1, 4));
        let mut forged = Forged::new(vec![(30, record), (31, run(401, 1))]);
        forged.allocate(401..402);
        let found = assess(&forged, 30, RecoverabilityOptions::default());
        assert_eq!(found.verdict(), Verdict::Partial);
        assert_eq!((found.counts().free, found.counts().claimed), (8192, 8192));
    }

    #[test]
    fn one_lost_cluster_of_an_overlay_spoils_its_chunks_only() {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let value = [words(&[ReparseTag::WOF.0, 16]), words(&[1, 2, 1, 0])].concat();
        let record = with_runs(&[(24, None)], 12_288, 12_288).resident(AttributeType::REPARSE_POINT, "", &value);
        let list = [(1, Some(300)), (8, Some(310)), (8, Some(320)), (8, Some(330))];
        let record = deleted(add_runs(record, "WofCompressedData", &list, 8 + 12_288, 8 + 12_288));
        let mut forged = Forged::new(vec![(30, record), (31, run(333, 1))]);
        forged.write(300, &words(&[4096, 8192]));
        forged.allocate(333..334);
        let found = assess(&forged, 30, RecoverabilityOptions::default());
        assert_eq!((found.verdict(), found.reasons()), (Verdict::Partial, Reasons::REUSED));
        assert_eq!((found.counts().free, found.counts().claimed), (8192, 4096));
        // The table's own cluster is lost: no chunk's place can be trusted.
        forged.record(31, run(300, 1));
        forged.allocate(300..301);
        let found = assess(&forged, 30, RecoverabilityOptions::default());
        assert_eq!((found.verdict(), found.counts().claimed), (Verdict::Overwritten, 12_288));
    }

    #[test]
    fn clusters_that_read_as_zeros_are_told_on_request() {
        let mut forged = Forged::new(vec![(30, deleted(run(300, 4)))]);
        forged.write(300, &[0; 4 * CLUSTER as usize]);
        assert_eq!(verdict(&forged, 30).0, Verdict::Likely, "nothing was read");
        let found = assess(&forged, 30, RecoverabilityOptions::default().sample_zeros(true));
        assert_eq!((found.verdict(), found.reasons()), (Verdict::MetadataOnly, Reasons::ZEROED));
        forged.write(303, &[1]);
        let found = assess(&forged, 30, RecoverabilityOptions::default().sample_zeros(true));
        assert_eq!(found.reasons(), Reasons::FREE);
    }

    #[test]
    fn zero_sectors_are_doubted_where_the_table_has_lost_records_to_zeros() {
        // The second sector, and what there is of the last.
        let content = [vec![7; 512], vec![0; 512], vec![7; 1024], vec![0; 5]].concat();
        let record = |state: fn(Forge) -> Forge| state(with_runs(&[(5, Some(300))], 2560, 2053));
        let others = (1..33).filter(|number| *number != 6).map(|number| (number, file()));
        let mut forged = Forged::new(others.collect());
        forged.record(30, record(|live| live));
        forged.write(300, &content);
        let all = RecoverabilityOptions::default().read_all(true);
        assert_eq!(assess(&forged, 30, all).verdict(), Verdict::Intact, "zeros may be content");
        forged.record_bytes(31).fill(0);
        assert_eq!(verdict(&forged, 30).0, Verdict::Intact, "nothing was read");
        let found = assess(&forged, 30, all);
        assert_eq!((found.verdict(), found.reasons()), (Verdict::Likely, Reasons::BLANK));
        assert_eq!((found.counts().blank, found.counts().intact), (517, 1536));
        let blank: Vec<_> = found.ranges().iter().filter(|part| part.standing == ByteStatus::Blank).collect();
        assert_eq!(blank.iter().map(|part| part.range.offset).collect::<Vec<_>>(), [512, 2048]);
        forged.record(30, record(deleted));
        assert_eq!(assess(&forged, 30, all).reasons(), Reasons::BLANK | Reasons::UNOWNED);
    }

    #[test]
    fn clusters_that_cannot_be_read_are_told_on_request() {
        let mut forged = Forged::new(vec![(30, deleted(run(300, 4)))]);
        forged.spoil(301 * CLUSTER..302 * CLUSTER);
        assert_eq!(verdict(&forged, 30).0, Verdict::Likely, "nothing was read");
        let found = assess(&forged, 30, RecoverabilityOptions::default().read_all(true));
        assert_eq!((found.verdict(), found.reasons()), (Verdict::Partial, Reasons::UNREADABLE));
        assert_eq!((found.counts().missing, found.counts().free), (CLUSTER, 3 * CLUSTER));
    }

    #[test]
    fn resident_content_is_as_good_as_its_record() {
        let value = [7; 600];
        let record = |forge: Forge| forge.resident(AttributeType::DATA, "", &value);
        let mut forged = Forged::new(vec![(30, deleted(record(file())))]);
        assert_eq!(verdict(&forged, 30), (Verdict::Intact, Reasons::empty()));
        forged.record_bytes(30)[1022] ^= 1;
        assert_eq!(verdict(&forged, 30), (Verdict::Partial, Reasons::DOUBTFUL | Reasons::DAMAGED_RECORD));
    }

    #[test]
    fn a_deleted_stream_without_clusters_is_metadata_only() {
        let forged = Forged::new(vec![(30, deleted(with_runs(&[], 5000, 5000))), (31, deleted(with_runs(&[], 0, 0)))]);
        assert_eq!(verdict(&forged, 30), (Verdict::MetadataOnly, Reasons::UNMAPPED));
        assert_eq!(verdict(&forged, 31), (Verdict::MetadataOnly, Reasons::EMPTY));
    }

    #[test]
    fn an_assessment_tells_what_it_rests_on() {
        let all = (1..33).filter(|number| *number != 6).map(|number| (number, run(300 + number, 1)));
        let mut forged = Forged::new(all.collect());
        forged.free(301..302);
        let options = RecoverabilityOptions::default().read_all(true).sample_zeros(true);
        for is_wiped in [false, true] {
            let volume = forged.volume();
            let catalog = volume.catalog_with(&Threads::single());
            let assessment = catalog.assessment(&Threads::single(), options);
            assert_eq!((assessment.options(), assessment.is_wiped()), (options, is_wiped));
            assert!(std::ptr::eq(assessment.catalog(), &raw const catalog));
            assert_eq!(assessment.claims().claimants().len(), if is_wiped { 32 } else { 33 });
            assert_eq!(assessment.bitmap().state(301), ClusterState::Unknown, "live files contradict it");
            forged.record_bytes(20).fill(0);
            forged.record_bytes(31).fill(0);
            forged.record(20, run(320, 1));
        }
    }

    #[test]
    fn three_clusters_of_a_run_are_sampled() {
        let zeroed = |not_zero: u64| {
            let mut forged = Forged::new(vec![(30, deleted(run(300, 7)))]);
            forged.write(300, &[0; 7 * CLUSTER as usize]);
            forged.write(not_zero, &[1]);
            assess(&forged, 30, RecoverabilityOptions::default().sample_zeros(true)).counts().zeroed > 0
        };
        let found: Vec<bool> = (300..307).map(zeroed).collect();
        assert_eq!(found, [false, true, true, false, true, true, false]);
    }

    #[test]
    fn a_unit_that_reaches_over_the_end_is_missing() {
        let list = [(2, Some(CLUSTERS - 3)), (14, None), (4, Some(CLUSTERS - 2)), (12, None)];
        let record = deleted(with_runs(&list, 16_384, 16_384).stored_as(1, 4));
        let found = assess(&Forged::new(vec![(30, record)]), 30, RecoverabilityOptions::default());
        let outside = ByteStatus::Missing(Missing::Outside(CLUSTERS * CLUSTER));
        let standings: Vec<_> = found.ranges().iter().map(|part| (part.range.offset, part.standing)).collect();
        assert_eq!(standings[1..], [(8192, outside)]);
        assert_ne!(standings[0].1, outside);
    }

    /// A deleted file of three overlay chunks and a bit, the first two of which end with a cluster.
    fn overlaid(table: &[u32]) -> Forged {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let value = [words(&[ReparseTag::WOF.0, 16]), words(&[1, 2, 1, 0])].concat();
        let record = with_runs(&[(24, None)], 12_300, 12_300).resident(AttributeType::REPARSE_POINT, "", &value);
        let list = [(1, Some(300)), (1, Some(310)), (1, Some(320)), (1, Some(330))];
        let record = deleted(add_runs(record, "WofCompressedData", &list, 1548, 1548));
        let mut forged = Forged::new(vec![(30, record)]);
        forged.write(300, &words(table));
        forged
    }

    #[test]
    fn chunks_that_end_with_a_cluster_are_spoiled_by_their_own_only() {
        // The table has three entries, 12 bytes; the chunks end at 512, 1024, 1536 and 1548.
        let mut forged = overlaid(&[500, 1012, 1524]);
        forged.record(31, run(320, 1));
        forged.allocate(320..321);
        let found = assess(&forged, 30, RecoverabilityOptions::default());
        let claimed: Vec<_> =
            found.ranges().iter().filter(|part| part.standing == ByteStatus::Claimed(reference(31))).collect();
        assert_eq!(
            claimed.iter().map(|part| (part.range.offset, part.range.length)).collect::<Vec<_>>(),
            [(8192, 4096)]
        );
        assert_eq!((found.counts().free, found.counts().claimed), (12_300 - 4096, 4096));
    }

    #[test]
    fn where_all_of_an_overlay_has_one_standing_nothing_is_read() {
        // By such a table no chunk could be found.
        let forged = overlaid(&[u32::MAX; 3]);
        assert_eq!(verdict(&forged, 30), (Verdict::Likely, Reasons::FREE));
        let found = assess(&forged, 30, RecoverabilityOptions::default().read_all(true));
        assert_eq!((found.reasons(), found.counts().missing), (Reasons::UNDECODABLE, 12_300));
    }

    #[test]
    fn a_table_in_another_files_clusters_is_overwritten_whatever_stands_there() {
        let mut forged = overlaid(&[u32::MAX; 3]);
        forged.record(31, run(300, 1));
        forged.allocate(300..301);
        let found = assess(&forged, 30, RecoverabilityOptions::default());
        assert_eq!((found.verdict(), found.counts().claimed), (Verdict::Overwritten, 12_300));
    }

    #[test]
    fn damaged_compressed_data_is_doubtful_once_it_is_read() {
        let record = deleted(with_runs(&[(10, Some(300)), (6, None)], 8192, 8192).stored_as(1, 4));
        let mut forged = Forged::new(vec![(30, record)]);
        // A stored chunk, and one whose second token leads to before its start.
        let damaged = [0x03, 0xB0, 0x02, b'b', 0xFC, 0xFF];
        forged.write(300, &[&[0xFF, 0x3F][..], &[7; 4096], &damaged, &[0, 0]].concat());
        assert_eq!(verdict(&forged, 30), (Verdict::Likely, Reasons::FREE), "nothing was read");
        let found = assess(&forged, 30, RecoverabilityOptions::default().read_all(true));
        assert!(found.counts().doubtful > 0, "{:?}", found.counts());
        assert_eq!(found.counts().free, 4096);
    }
}
