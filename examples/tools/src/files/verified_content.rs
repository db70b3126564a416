//! What the content of a stream says of itself, for the tools: which bytes are read, how a judgement changes what is
//! known of the stream, and how it is written.

use ntfs_salvage::recoverability::{AssessedRange, ByteStatus, ContentWitness, Reasons, Recoverability, Verdict};
use ntfs_salvage::structure::AttributeFlags;
use ntfs_salvage::{Entry, EntryState, Stream};

use crate::input::buffer::Buffer;
use crate::judge::{ContentState, Judge, Judgement};
use crate::writing::json::Json;

/// Bytes of holes that are hashed or judged at most: a hole of any size costs nothing to declare.
const LONGEST_HOLE: u64 = 16 << 30;

/// True for a file whose clusters are its own; of a file without a base record, as its header says.
pub fn is_live(entry: &Entry<'_>) -> bool {
    match entry.state() {
        EntryState::Live => true,
        EntryState::Deleted | EntryState::Orphan => entry.header().is_in_use(),
        _ => false,
    }
}

/// True for bytes that are read and written. The others are left as holes: they are zeros, missing, or known to be
/// those of another file.
pub fn is_written(standing: ByteStatus, is_live: bool) -> bool {
    match standing {
        ByteStatus::Zeros | ByteStatus::Missing(_) | ByteStatus::Overwritten => false,
        // Whose they are that two live files claim is open.
        ByteStatus::Claimed(_) => is_live,
        _ => true,
    }
}

/// How many bytes a stream has.
pub fn size_of(ranges: &[AssessedRange]) -> u64 {
    ranges.last().map_or(0, |last| last.range.end())
}

/// True where there are too many bytes that are not there.
pub fn is_mostly_hole(found: &Recoverability) -> bool {
    let counts = found.counts();
    let parts = [counts.zeros, counts.missing, counts.claimed, counts.overwritten];
    parts.into_iter().fold(0, u64::saturating_add) > LONGEST_HOLE
}

/// True where the content of the stream can be judged: not a ciphertext, and not next to nothing but holes.
pub fn is_judged(stream: &Stream<'_>, found: &Recoverability) -> bool {
    !stream.flags().contains(AttributeFlags::ENCRYPTED) && !is_mostly_hole(found)
}

/// Bytes of the clusters that a stream lies in; where nobody knows, those of most volumes.
pub fn cluster_size_of(stream: &Stream<'_>) -> u64 {
    stream.entry().catalog().volume().geometry().map_or(4096, |geometry| geometry.cluster_size().into())
}

/// Reads a stream of which something is left, and judges it.
pub fn judge(stream: &Stream<'_>, found: &Recoverability, name: &str, buffer: &mut Buffer) -> Option<Judgement> {
    let is_worth = matches!(found.verdict(), Verdict::Intact | Verdict::Likely | Verdict::Partial);
    if !is_worth || !is_judged(stream, found) {
        return None;
    }
    let is_live = is_live(stream.entry());
    let mut judge = Judge::new(name, size_of(found.ranges()), cluster_size_of(stream));
    let mut reader = stream.reader();
    for part in found.ranges() {
        match part.standing {
            ByteStatus::Zeros => judge.zeros(part.range.length),
            standing if !is_written(standing, is_live) => judge.gap(),
            _ => {
                let mut position = part.range.offset;
                while position < part.range.end() {
                    let wanted = usize::try_from(part.range.end() - position).unwrap_or(usize::MAX);
                    let bytes = buffer.first(wanted.min(Buffer::SIZE));
                    let reading = reader.read_at(position, bytes);
                    let (length, is_true) = (reading.length(), reading.is_true());
                    if length == 0 || !is_true {
                        judge.gap();
                        break;
                    }
                    judge.bytes(&bytes[..length]);
                    position += length as u64;
                }
            }
        }
    }
    Some(judge.judgement())
}

/// What is known of a stream when its content has said this of itself.
pub fn with_judgement(found: Recoverability, judgement: &Judgement) -> Recoverability {
    match (judgement.state, judgement.good_until) {
        (ContentState::Verified, _) => {
            let format = judgement.format.unwrap_or_default();
            let whole = 0..size_of(found.ranges());
            found.witnessed(ContentWitness::new("content", format), &[whole])
        }
        (ContentState::Contradicted, Some(from)) => found.contradicted(from),
        _ => found,
    }
}

/// Writes the reasons for a verdict, and those that the content adds.
pub fn write_reasons(reasons: Reasons, judgement: Option<&Judgement>, json: &mut Json<'_>) {
    let of_metadata = reasons.to_string();
    let of_content = judgement.into_iter().flat_map(|judgement| {
        let state = match judgement.state {
            ContentState::Verified => Some("content-verified"),
            ContentState::Plausible => Some("content-plausible"),
            _ => None,
        };
        state.into_iter().chain(judgement.differs_from_name.then_some("content-format-differs"))
    });
    json.array(of_metadata.split(',').filter(|code| !code.is_empty()).chain(of_content), Json::text);
}

/// Writes what the content says of itself.
pub fn write_judgement(judgement: &Judgement, json: &mut Json<'_>) {
    json.put(br#"{"format":"#).text_or_null(judgement.format);
    json.put(br#","state":"#).text(judgement.state.code());
    json.put(br#","good_until":"#).number_or_null(judgement.good_until);
    json.put(br#","evidence":"#).text(&judgement.evidence);
    json.put(b"}");
}
