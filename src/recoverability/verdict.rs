//! What is left of a stream: a verdict, the reasons for it, and the ranges it rests on.

use std::fmt;
use std::ops::Range;

use bitflags::bitflags;

use super::byte_status::ByteStatus;
use super::content_witness::ContentWitness;
use super::exposure::Exposure;
use crate::content::stream_range::{Missing, StreamRange};

/// Bytes of a stream with one standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AssessedRange {
    /// Which bytes, and where they come from.
    pub range: StreamRange,
    /// What is known about them.
    pub standing: ByteStatus,
}

/// What is left of a stream, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Verdict {
    /// Everything is there, and that is proved: by a record that is whole, by a live file's claim, or by a witness.
    Intact,
    /// Everything may be there, but nothing proves it. Whether a file that left no trace used the clusters of a deleted
    /// one in between, metadata cannot tell.
    Likely,
    /// Some of it is lost, or belongs to another file.
    Partial,
    /// All clusters with content belong to live files now.
    Overwritten,
    /// Nothing is left but what the record says.
    MetadataOnly,
    /// A service keeps the content elsewhere.
    Placeholder,
}

impl Verdict {
    /// All verdicts, the best first.
    pub const ALL: &'static [Self] =
        &[Self::Intact, Self::Likely, Self::Partial, Self::Overwritten, Self::MetadataOnly, Self::Placeholder];

    /// A short name that stays the same between versions.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Likely => "likely",
            Self::Partial => "partial",
            Self::Overwritten => "overwritten",
            Self::MetadataOnly => "metadata-only",
            Self::Placeholder => "placeholder",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

bitflags! {
    /// Why the verdict is what it is; nothing for content that simply is there.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct Reasons: u32 {
        /// Live files claim clusters of this deleted one.
        const REUSED = 1;
        /// Another live file, or another run of this one, claims clusters of this live one.
        const CROSS_LINKED = 1 << 1;
        /// A deleted file that was changed later, or as late, claims clusters.
        const CONTESTED = 1 << 2;
        /// A deleted file that was changed earlier claims clusters.
        const CONTESTED_BY_OLDER = 1 << 3;
        /// Clusters are in use by nobody known.
        const UNOWNED = 1 << 4;
        /// The volume's bitmap is missing or not to be believed; of a live file, it calls clusters free.
        const UNCHECKED = 1 << 5;
        /// Clusters are zero where content was expected.
        const ZEROED = 1 << 6;
        /// Torn records, or damaged compressed data.
        const DOUBTFUL = 1 << 7;
        /// A record of the file is damaged, though not where this stream's attributes stand.
        const DAMAGED_RECORD = 1 << 8;
        /// Runs are gone.
        const UNMAPPED = 1 << 9;
        /// Clusters lie outside the volume or the source.
        const OUTSIDE = 1 << 10;
        /// The source could not be read.
        const UNREADABLE = 1 << 11;
        /// Compressed data could not be decompressed.
        const UNDECODABLE = 1 << 12;
        /// The source is a bare table.
        const NO_CLUSTERS = 1 << 13;
        /// A service keeps the content elsewhere.
        const ELSEWHERE = 1 << 14;
        /// The stream was cut to nothing before the file was deleted, or its size is gone.
        const EMPTY = 1 << 15;
        /// Sectors are zero, and the volume's table has lost sectors to zeros.
        const BLANK = 1 << 16;
        /// Nothing proves where on the disk the volume lies.
        const UNPLACED = 1 << 17;
        /// What is known to stand there stands elsewhere.
        const DISPLACED = 1 << 18;
        /// The source is a copy of metadata only.
        const BLANKED = 1 << 19;
        /// Something else had to be used to open the volume.
        const REPLACED = 1 << 20;
        /// Clusters of this deleted file are free: whether they were used since, nothing tells.
        const FREE = 1 << 21;
        /// Behind some place the content cannot be what its format says.
        const CONTENT_CONTRADICTED = 1 << 22;
    }
}

impl fmt::Display for Reasons {
    /// Names in lower case, joined by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, _)) in self.iter_names().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{}", name.to_ascii_lowercase().replace('_', "-"))?;
        }
        Ok(())
    }
}

/// Bytes of a stream by their [`ByteStatus`]. They add up to its size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct ByteCounts {
    /// [`ByteStatus::Intact`].
    pub intact: u64,
    /// [`ByteStatus::Zeros`].
    pub zeros: u64,
    /// [`ByteStatus::Free`].
    pub free: u64,
    /// [`ByteStatus::Unchecked`].
    pub unchecked: u64,
    /// [`ByteStatus::Unowned`].
    pub unowned: u64,
    /// [`ByteStatus::Contested`] by a file that was changed earlier.
    pub contested_by_older: u64,
    /// [`ByteStatus::Contested`] by a file that was changed later, or as late.
    pub contested: u64,
    /// [`ByteStatus::Claimed`].
    pub claimed: u64,
    /// [`ByteStatus::Blank`].
    pub blank: u64,
    /// [`ByteStatus::Zeroed`].
    pub zeroed: u64,
    /// [`ByteStatus::Doubtful`].
    pub doubtful: u64,
    /// [`ByteStatus::Missing`], placeholders not counted.
    pub missing: u64,
    /// [`Missing::Elsewhere`].
    pub elsewhere: u64,
    /// [`ByteStatus::Unplaced`].
    pub unplaced: u64,
    /// [`ByteStatus::Displaced`].
    pub displaced: u64,
    /// [`ByteStatus::Blanked`].
    pub blanked: u64,
    /// [`ByteStatus::Replaced`].
    pub replaced: u64,
    /// [`ByteStatus::Overwritten`].
    pub overwritten: u64,
    /// [`ByteStatus::Contradicted`].
    pub contradicted: u64,
    /// [`ByteStatus::Witnessed`].
    pub witnessed: u64,
}

impl ByteCounts {
    fn count(&mut self, assessed: &AssessedRange) {
        let counter = match assessed.standing {
            ByteStatus::Intact => &mut self.intact,
            ByteStatus::Zeros => &mut self.zeros,
            ByteStatus::Free => &mut self.free,
            ByteStatus::Unchecked => &mut self.unchecked,
            ByteStatus::Unowned => &mut self.unowned,
            ByteStatus::Contested { is_later: true, .. } => &mut self.contested_by_older,
            ByteStatus::Contested { is_later: false, .. } => &mut self.contested,
            ByteStatus::Claimed(_) => &mut self.claimed,
            ByteStatus::Blank => &mut self.blank,
            ByteStatus::Zeroed => &mut self.zeroed,
            ByteStatus::Doubtful => &mut self.doubtful,
            ByteStatus::Unplaced => &mut self.unplaced,
            ByteStatus::Displaced => &mut self.displaced,
            ByteStatus::Blanked => &mut self.blanked,
            ByteStatus::Replaced => &mut self.replaced,
            ByteStatus::Overwritten => &mut self.overwritten,
            ByteStatus::Contradicted => &mut self.contradicted,
            ByteStatus::Witnessed(_) => &mut self.witnessed,
            ByteStatus::Missing(Missing::Elsewhere(_)) => &mut self.elsewhere,
            ByteStatus::Missing(_) => &mut self.missing,
        };
        *counter = counter.saturating_add(assessed.range.length);
    }

    /// The counts with their names, in the order they are declared in.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 20] {
        [
            ("intact", self.intact),
            ("zeros", self.zeros),
            ("free", self.free),
            ("unchecked", self.unchecked),
            ("unowned", self.unowned),
            ("contested-by-older", self.contested_by_older),
            ("contested", self.contested),
            ("claimed", self.claimed),
            ("blank", self.blank),
            ("zeroed", self.zeroed),
            ("doubtful", self.doubtful),
            ("missing", self.missing),
            ("elsewhere", self.elsewhere),
            ("unplaced", self.unplaced),
            ("displaced", self.displaced),
            ("blanked", self.blanked),
            ("replaced", self.replaced),
            ("overwritten", self.overwritten),
            ("contradicted", self.contradicted),
            ("witnessed", self.witnessed),
        ]
    }

    /// Bytes of content that are proved.
    fn sound(&self) -> u64 {
        self.intact.saturating_add(self.witnessed)
    }

    /// Bytes of content that may be right.
    fn likely(&self) -> u64 {
        let in_question = self.unchecked.saturating_add(self.unowned).saturating_add(self.contested_by_older);
        in_question.saturating_add(self.blank).saturating_add(self.unplaced).saturating_add(self.free)
    }

    /// Bytes that are somebody's, but perhaps not this stream's.
    fn uncertain(&self) -> u64 {
        let doubted = self.displaced.saturating_add(self.blanked).saturating_add(self.replaced);
        let doubted = doubted.saturating_add(self.contradicted);
        self.contested.saturating_add(self.doubtful).saturating_add(doubted)
    }

    /// Bytes that are not there any more.
    fn gone(&self) -> u64 {
        let others = self.claimed.saturating_add(self.overwritten);
        others.saturating_add(self.zeroed).saturating_add(self.missing)
    }
}

/// What is left of a stream.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::recoverability::{RecoverabilityOptions, Verdict};
/// use ntfs_salvage::{Threads, Volume};
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// let catalog = volume.catalog();
/// let assessment = catalog.assessment(&Threads::default(), RecoverabilityOptions::default());
/// let entry = catalog.entry(74)?;
/// let found = assessment.assess(&entry.streams()[0]);
/// assert_eq!(found.verdict(), Verdict::Intact);
/// for part in found.ranges() {
///     println!("{} bytes at {} are {}", part.range.length, part.range.offset, part.standing.code());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Recoverability {
    verdict: Verdict,
    reasons: Reasons,
    counts: ByteCounts,
    ranges: Vec<AssessedRange>,
    circumstances: Circumstances,
    witnesses: Vec<ContentWitness>,
    exposure: Option<Exposure>,
}

/// What a verdict needs to know besides the ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Circumstances {
    pub(crate) is_live: bool,
    pub(crate) is_resident: bool,
    pub(crate) is_size_known: bool,
    pub(crate) has_damaged_record: bool,
    /// Only the attribute list knows of the stream.
    pub(crate) is_listed_only: bool,
    /// Another volume was made over the stream's.
    pub(crate) is_superseded: bool,
}

impl Recoverability {
    pub(crate) fn of(ranges: Vec<AssessedRange>, circumstances: Circumstances) -> Self {
        let mut counts = ByteCounts::default();
        let mut reasons = Reasons::empty();
        for assessed in &ranges {
            counts.count(assessed);
            reasons |= reason(assessed.standing, circumstances.is_live);
        }
        reasons.set(Reasons::DAMAGED_RECORD, circumstances.has_damaged_record);
        let is_cut = ranges.is_empty() && !circumstances.is_live && !circumstances.is_resident;
        let is_empty = is_cut || (ranges.is_empty() && !circumstances.is_size_known);
        reasons.set(Reasons::EMPTY, is_empty && !circumstances.is_listed_only);
        reasons.set(Reasons::UNMAPPED, reasons.contains(Reasons::UNMAPPED) || circumstances.is_listed_only);
        // Whether a stream of no bytes ever was more, nothing says there.
        let is_unchecked = circumstances.is_superseded && ranges.is_empty() && !is_empty;
        reasons.set(Reasons::UNCHECKED, reasons.contains(Reasons::UNCHECKED) || is_unchecked);
        let verdict = if is_empty { Verdict::MetadataOnly } else { verdict(&counts, circumstances) };
        // What is known to be lost is a better reason than what may be.
        reasons.set(Reasons::FREE, reasons.contains(Reasons::FREE) && verdict == Verdict::Likely);
        Self { verdict, reasons, counts, ranges, circumstances, witnesses: Vec::new(), exposure: None }
    }

    /// The same, with how much a deleted file's clusters were exposed.
    pub(crate) fn with_exposure(self, exposure: Option<Exposure>) -> Self {
        Self { exposure, ..self }
    }

    /// The same, with the witnesses that its ranges name by their place.
    pub(crate) fn with_witnesses(self, witnesses: &[ContentWitness]) -> Self {
        Self { witnesses: witnesses.to_vec(), ..self }
    }

    /// The same after an independent witness said of `content`, bytes of the stream, that they are its content:
    /// where nothing but proof was missing there they are [`ByteStatus::Witnessed`].
    #[must_use]
    pub fn witnessed(self, witness: ContentWitness, content: &[Range<u64>]) -> Self {
        let Ok(place) = u16::try_from(self.witnesses.len()) else { return self };
        let proof = ByteStatus::Witnessed(place);
        let mut content = content.to_vec();
        content.sort_unstable_by_key(|part| part.start);
        let mut ranges = Vec::with_capacity(self.ranges.len());
        for assessed in &self.ranges {
            let mut rest = assessed.range;
            // Of two deleted files it is this one's content that stands there: that settles whose they were last.
            let is_open =
                assessed.standing.wants_witness() || matches!(assessed.standing, ByteStatus::Contested { .. });
            for part in content.iter().filter(|_| is_open) {
                append(&mut ranges, AssessedRange { range: rest.clip(0, part.start), ..*assessed });
                append(&mut ranges, AssessedRange { range: rest.clip(part.start, part.end), standing: proof });
                rest = rest.clip(part.end.max(part.start), u64::MAX);
            }
            append(&mut ranges, AssessedRange { range: rest, ..*assessed });
        }
        let mut witnesses = self.witnesses;
        witnesses.push(witness);
        Self { witnesses, exposure: self.exposure, ..Self::of(ranges, self.circumstances) }
    }

    /// The same after the content was found not to be what its format can be from the stream's byte `from` on: where
    /// only proof was missing there it is [`ByteStatus::Contradicted`].
    #[must_use]
    pub fn contradicted(self, from: u64) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len());
        for assessed in &self.ranges {
            let (before, behind) = (assessed.range.clip(0, from), assessed.range.clip(from, u64::MAX));
            let standing = if assessed.standing.wants_witness() { ByteStatus::Contradicted } else { assessed.standing };
            append(&mut ranges, AssessedRange { range: before, ..*assessed });
            append(&mut ranges, AssessedRange { range: behind, standing });
        }
        Self { witnesses: self.witnesses, exposure: self.exposure, ..Self::of(ranges, self.circumstances) }
    }

    /// Who says that bytes [are still there](ByteStatus::Witnessed), by the number in their standing.
    #[must_use]
    pub fn witness(&self, place: u16) -> Option<&ContentWitness> {
        self.witnesses.get(usize::from(place))
    }

    /// How much the clusters of a deleted file were exposed to being used again; none for a live file, and where
    /// nothing of the stream stands in clusters.
    #[must_use]
    pub fn exposure(&self) -> Option<&Exposure> {
        self.exposure.as_ref()
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Why the verdict is what it is.
    #[must_use]
    pub fn reasons(&self) -> Reasons {
        self.reasons
    }

    /// How many bytes have which standing.
    #[must_use]
    pub fn counts(&self) -> &ByteCounts {
        &self.counts
    }

    /// The ranges the verdict rests on: in order, from the stream's first byte to its last.
    #[must_use]
    pub fn ranges(&self) -> &[AssessedRange] {
        &self.ranges
    }
}

fn verdict(counts: &ByteCounts, circumstances: Circumstances) -> Verdict {
    let is_whole = counts.gone() == 0 && counts.uncertain() == 0;
    let is_proved = !circumstances.is_superseded || counts.sound() > 0;
    let is_confirmed = is_proved && counts.likely() == 0 && !circumstances.has_damaged_record;
    let has_content = counts.sound() > 0 || counts.likely() > 0 || counts.uncertain() > 0;
    match () {
        // Of a file that its service has brought here in part, or not yet taken away, that part is its content.
        () if counts.elsewhere > 0 && has_content => Verdict::Partial,
        () if counts.elsewhere > 0 => Verdict::Placeholder,
        () if is_whole && is_confirmed => Verdict::Intact,
        () if is_whole => Verdict::Likely,
        // Whose clusters they are that two live files claim is open: they may be this one's.
        () if has_content || (circumstances.is_live && counts.claimed > 0) => Verdict::Partial,
        () if counts.claimed > 0 || counts.overwritten > 0 => Verdict::Overwritten,
        () => Verdict::MetadataOnly,
    }
}

fn reason(standing: ByteStatus, is_live: bool) -> Reasons {
    match standing {
        ByteStatus::Intact | ByteStatus::Zeros | ByteStatus::Witnessed(_) => Reasons::empty(),
        ByteStatus::Free => Reasons::FREE,
        ByteStatus::Unchecked => Reasons::UNCHECKED,
        ByteStatus::Unowned => Reasons::UNOWNED,
        ByteStatus::Contested { is_later: true, .. } => Reasons::CONTESTED_BY_OLDER,
        ByteStatus::Contested { is_later: false, .. } => Reasons::CONTESTED,
        ByteStatus::Claimed(_) if is_live => Reasons::CROSS_LINKED,
        ByteStatus::Claimed(_) | ByteStatus::Overwritten => Reasons::REUSED,
        ByteStatus::Blank => Reasons::BLANK,
        ByteStatus::Zeroed => Reasons::ZEROED,
        ByteStatus::Doubtful => Reasons::DOUBTFUL,
        ByteStatus::Unplaced => Reasons::UNPLACED,
        ByteStatus::Displaced => Reasons::DISPLACED,
        ByteStatus::Blanked => Reasons::BLANKED,
        ByteStatus::Replaced => Reasons::REPLACED,
        ByteStatus::Contradicted => Reasons::CONTENT_CONTRADICTED,
        ByteStatus::Missing(Missing::Unmapped) => Reasons::UNMAPPED,
        ByteStatus::Missing(Missing::Outside(_)) => Reasons::OUTSIDE,
        ByteStatus::Missing(Missing::NoClusters) => Reasons::NO_CLUSTERS,
        ByteStatus::Missing(Missing::Elsewhere(_)) => Reasons::ELSEWHERE,
        ByteStatus::Missing(Missing::Unreadable) => Reasons::UNREADABLE,
        ByteStatus::Missing(Missing::Undecodable) => Reasons::UNDECODABLE,
    }
}

/// Appends a range; neighbours of one place and standing become one.
pub(crate) fn append(ranges: &mut Vec<AssessedRange>, next: AssessedRange) {
    if next.range.length == 0 {
        return;
    }
    match ranges.last_mut().filter(|last| last.standing == next.standing && last.range.is_continued_by(&next.range)) {
        Some(last) => last.range.length = last.range.length.saturating_add(next.range.length),
        None => ranges.push(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::reference::FileReference;
    use crate::content::stream_range::Origin;
    use crate::structure::value::reparse_tag::ReparseTag;

    const LIVE: Circumstances = Circumstances {
        is_superseded: false,
        is_live: true,
        is_resident: false,
        is_size_known: true,
        has_damaged_record: false,
        is_listed_only: false,
    };
    const DELETED: Circumstances = Circumstances { is_live: false, ..LIVE };

    /// The verdict on ten bytes of each standing.
    fn verdict(standings: &[ByteStatus], circumstances: Circumstances) -> (Verdict, Reasons) {
        let ranges = (0..).zip(standings).map(|(index, &standing)| {
            let range = StreamRange { offset: index * 10, length: 10, origin: Origin::Hole, is_doubtful: false };
            AssessedRange { range, standing }
        });
        let found = Recoverability::of(ranges.collect(), circumstances);
        (found.verdict(), found.reasons())
    }

    #[test]
    fn verdicts_follow_the_worst_of_the_content() {
        let other = FileReference::new(77, 1);
        let unmapped = ByteStatus::Missing(Missing::Unmapped);
        let (won, lost) =
            (ByteStatus::Contested { by: other, is_later: true }, ByteStatus::Contested { by: other, is_later: false });
        let elsewhere = ByteStatus::Missing(Missing::Elsewhere(ReparseTag::DEDUP));
        let cases = [
            (vec![ByteStatus::Witnessed(0), ByteStatus::Zeros], Verdict::Intact, Reasons::empty()),
            (vec![ByteStatus::Zeros], Verdict::Intact, Reasons::empty()),
            (vec![ByteStatus::Free, ByteStatus::Zeros], Verdict::Likely, Reasons::FREE),
            (vec![ByteStatus::Free, ByteStatus::Unowned], Verdict::Likely, Reasons::FREE | Reasons::UNOWNED),
            (vec![ByteStatus::Witnessed(0), ByteStatus::Unchecked], Verdict::Likely, Reasons::UNCHECKED),
            (vec![won], Verdict::Likely, Reasons::CONTESTED_BY_OLDER),
            (vec![lost], Verdict::Partial, Reasons::CONTESTED),
            (vec![ByteStatus::Free, ByteStatus::Claimed(other)], Verdict::Partial, Reasons::REUSED),
            (vec![ByteStatus::Claimed(other)], Verdict::Overwritten, Reasons::REUSED),
            (vec![ByteStatus::Claimed(other), ByteStatus::Zeros], Verdict::Overwritten, Reasons::REUSED),
            (vec![ByteStatus::Claimed(other), unmapped], Verdict::Overwritten, Reasons::REUSED | Reasons::UNMAPPED),
            (vec![ByteStatus::Free, unmapped], Verdict::Partial, Reasons::UNMAPPED),
            (vec![unmapped], Verdict::MetadataOnly, Reasons::UNMAPPED),
            (vec![ByteStatus::Zeroed], Verdict::MetadataOnly, Reasons::ZEROED),
            (vec![ByteStatus::Free, ByteStatus::Blank], Verdict::Likely, Reasons::FREE | Reasons::BLANK),
            (vec![elsewhere], Verdict::Placeholder, Reasons::ELSEWHERE),
            (vec![elsewhere, ByteStatus::Zeros], Verdict::Placeholder, Reasons::ELSEWHERE),
            (vec![elsewhere, ByteStatus::Free], Verdict::Partial, Reasons::ELSEWHERE),
            (vec![ByteStatus::Intact, elsewhere], Verdict::Partial, Reasons::ELSEWHERE),
            (vec![ByteStatus::Doubtful], Verdict::Partial, Reasons::DOUBTFUL),
            (vec![ByteStatus::Free, ByteStatus::Unplaced], Verdict::Likely, Reasons::FREE | Reasons::UNPLACED),
            (vec![ByteStatus::Displaced], Verdict::Partial, Reasons::DISPLACED),
            (vec![ByteStatus::Blanked], Verdict::Partial, Reasons::BLANKED),
            (vec![ByteStatus::Replaced], Verdict::Partial, Reasons::REPLACED),
            (vec![ByteStatus::Overwritten], Verdict::Overwritten, Reasons::REUSED),
            (
                vec![ByteStatus::Overwritten, ByteStatus::Unchecked],
                Verdict::Partial,
                Reasons::REUSED | Reasons::UNCHECKED,
            ),
            (vec![ByteStatus::Unowned, unmapped], Verdict::Partial, Reasons::UNOWNED | Reasons::UNMAPPED),
            (vec![], Verdict::MetadataOnly, Reasons::EMPTY),
        ];
        for (standings, expected, reasons) in cases {
            assert_eq!(verdict(&standings, DELETED), (expected, reasons), "{standings:?}");
        }
    }

    #[test]
    fn live_files_are_whole_or_damaged() {
        let other = FileReference::new(77, 1);
        assert_eq!(verdict(&[ByteStatus::Intact], LIVE), (Verdict::Intact, Reasons::empty()));
        assert_eq!(verdict(&[], LIVE), (Verdict::Intact, Reasons::empty()));
        assert_eq!(verdict(&[ByteStatus::Intact, ByteStatus::Blank], LIVE), (Verdict::Likely, Reasons::BLANK));
        assert_eq!(verdict(&[ByteStatus::Claimed(other)], LIVE), (Verdict::Partial, Reasons::CROSS_LINKED));
        let damaged = Circumstances { has_damaged_record: true, ..LIVE };
        assert_eq!(verdict(&[ByteStatus::Intact], damaged), (Verdict::Likely, Reasons::DAMAGED_RECORD));
        assert_eq!(
            verdict(&[ByteStatus::Missing(Missing::Unmapped)], LIVE),
            (Verdict::MetadataOnly, Reasons::UNMAPPED)
        );
        let resident = Circumstances { is_resident: true, ..DELETED };
        assert_eq!(verdict(&[], resident), (Verdict::Intact, Reasons::empty()), "an empty resident value is whole");
    }

    #[test]
    fn a_witness_raises_what_only_wants_proof() {
        let standings = [ByteStatus::Free, ByteStatus::Unowned, ByteStatus::Claimed(FileReference::new(77, 1))];
        let ranges = (0..).zip(standings).map(|(index, standing)| {
            let range = StreamRange {
                offset: index * 10,
                length: 10,
                origin: Origin::Clusters(index * 512),
                is_doubtful: false,
            };
            AssessedRange { range, standing }
        });
        let found = Recoverability::of(ranges.clone().take(2).collect(), DELETED);
        let snapshot = ContentWitness::new("snapshot", "of yesterday");
        assert_eq!(found.verdict(), Verdict::Likely);
        let all = found.clone().witnessed(snapshot.clone(), &[0..8, 8..30]);
        assert_eq!((all.verdict(), all.reasons(), all.counts().witnessed), (Verdict::Intact, Reasons::empty(), 20));
        assert_eq!((all.witness(0), all.witness(1)), (Some(&snapshot), None));
        // Two that know a part each.
        let (first, second) = (15..20, 0..15);
        let log = ContentWitness::new("log", "the log");
        let part = found.witnessed(log.clone(), &[first]);
        assert_eq!((part.verdict(), part.counts().witnessed), (Verdict::Likely, 5));
        let both = part.witnessed(snapshot.clone(), &[second]);
        let shown: Vec<_> = both.ranges().iter().map(|part| (part.range.offset, part.standing)).collect();
        assert_eq!(
            shown,
            [(0, ByteStatus::Witnessed(1)), (10, ByteStatus::Witnessed(1)), (15, ByteStatus::Witnessed(0))]
        );
        assert_eq!((both.verdict(), both.witness(0), both.witness(1)), (Verdict::Intact, Some(&log), Some(&snapshot)));
        // What a live file has now no witness gives back.
        let (found, all) = (Recoverability::of(ranges.collect(), DELETED), 0..30);
        let found = found.witnessed(snapshot, &[all]);
        assert_eq!((found.verdict(), found.reasons(), found.counts().claimed), (Verdict::Partial, Reasons::REUSED, 10));
    }

    #[test]
    fn reasons_have_names() {
        assert_eq!((Reasons::REUSED | Reasons::CONTESTED_BY_OLDER).to_string(), "reused,contested-by-older");
        assert_eq!(Reasons::empty().to_string(), "");
    }

    #[test]
    fn verdicts_have_names() {
        let expected = ["intact", "likely", "partial", "overwritten", "metadata-only", "placeholder"];
        assert!(Verdict::ALL.iter().map(Verdict::to_string).eq(expected));
    }

    #[test]
    fn each_standing_is_counted_under_its_name() {
        let by = FileReference::new(77, 1);
        let standings = [
            ByteStatus::Intact,
            ByteStatus::Zeros,
            ByteStatus::Free,
            ByteStatus::Unchecked,
            ByteStatus::Unowned,
            ByteStatus::Contested { by, is_later: true },
            ByteStatus::Contested { by, is_later: false },
            ByteStatus::Claimed(by),
            ByteStatus::Blank,
            ByteStatus::Zeroed,
            ByteStatus::Doubtful,
            ByteStatus::Missing(Missing::Unreadable),
            ByteStatus::Missing(Missing::Elsewhere(ReparseTag::DEDUP)),
            ByteStatus::Unplaced,
            ByteStatus::Displaced,
            ByteStatus::Blanked,
            ByteStatus::Replaced,
            ByteStatus::Overwritten,
            ByteStatus::Contradicted,
            ByteStatus::Witnessed(0),
        ];
        let range = |length| StreamRange { offset: 0, length, origin: Origin::Hole, is_doubtful: false };
        let ranges = (1..).zip(standings).map(|(length, standing)| AssessedRange { range: range(length), standing });
        let found = Recoverability::of(ranges.collect(), DELETED);
        let names = [
            "intact",
            "zeros",
            "free",
            "unchecked",
            "unowned",
            "contested-by-older",
            "contested",
            "claimed",
            "blank",
            "zeroed",
            "doubtful",
            "missing",
            "elsewhere",
            "unplaced",
            "displaced",
            "blanked",
            "replaced",
            "overwritten",
            "contradicted",
            "witnessed",
        ];
        assert!(found.counts().named().into_iter().eq(names.into_iter().zip(1..)));
        let codes = standings.map(ByteStatus::code).into_iter().zip(names);
        let missing = |standing: &ByteStatus| matches!(standing, ByteStatus::Missing(_));
        assert!(codes.zip(&standings).all(|((code, name), standing)| code == name || missing(standing)));
    }

    #[test]
    fn of_two_standings_as_bad_the_first_counts() {
        let [one, two] = [77, 78].map(|number| ByteStatus::Claimed(FileReference::new(number, 1)));
        assert_eq!((one.worst(two), two.worst(one)), (one, two));
        assert_eq!((ByteStatus::Free.worst(one), one.worst(ByteStatus::Free)), (one, one));
    }
}
