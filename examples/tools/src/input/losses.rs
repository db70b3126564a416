//! What was lost of a volume, and what was used instead, in sentences.

use ntfs_salvage::DamageKind;
use ntfs_salvage::salvage::{Confidence, Layer, Opened};

/// One sentence for each structure that was lost.
pub fn of(opened: &Opened<'_>) -> Vec<String> {
    let mut told = Vec::new();
    told.extend(layer(opened.layer()).map(str::to_owned));
    let (mut unmapped, mut gaps, mut shifted, mut displaced) = (0, Vec::new(), Vec::new(), Vec::new());
    for damage in opened.volume().damage() {
        match damage.kind {
            DamageKind::BackupBootSectorUsed => {
                let backup = damage.place.offset;
                told.push(format!("the boot sector is lost; its backup at byte {backup} of the volume was used instead"));
            }
            DamageKind::GeometryVoted { .. } => told.push(voted(opened)),
            DamageKind::MirrorUsed => {
                told.push("record 0 of the MFT is lost; its copy in the mirror was used instead".into());
            }
            DamageKind::TableAssembled { fragments, records } => told.push(format!(
                "not every part of the MFT can be found by its record 0; {records} records in {fragments} pieces that a scan found \
                 were put together instead"
            )),
            DamageKind::TableLost { index_records } => told.push(format!(
                "no FILE record of the volume is left: names, times and sizes come from {index_records} index records"
            )),
            DamageKind::TableUnmapped { first, end } => {
                unmapped += end.saturating_sub(first);
                gaps.push((first, end));
            }
            DamageKind::TableShifted { first, end, slot } => shifted.push(format!(
                "records {first} to {} stand from slot {slot} of this copy on (byte {}): they go by the numbers they name",
                end.saturating_sub(1),
                damage.place.offset
            )),
            DamageKind::TableShiftProved { by, parents } => told.push(format!(
                "records of this copy do not stand where they belong, but {by} slots before: {parents} directories prove \
                 that; they do not name their own numbers, so numbers and paths here are not those of the volume"
            )),
            DamageKind::Displaced { end, bytes } => displaced.push(format!(
                "between its bytes {} and {end} {} bytes {}: what lies there is not where it belongs",
                damage.place.offset,
                bytes.unsigned_abs(),
                if bytes < 0 { "are missing" } else { "are too many" }
            )),
            kind => told.extend(of_copy(kind, damage.place.offset)),
        }
    }
    told.extend(some_of(shifted));
    told.extend(some_of(displaced));
    if unmapped > 0 {
        let ranges = gaps.iter().map(|(first, end)| format!("{first} to {}", end.saturating_sub(1)));
        let ranges = some_of(ranges.collect()).join(", ");
        told.push(format!("{unmapped} records of the MFT are lost: they have no known place ({ranges})"));
    }
    told
}

/// What says that the input is not a copy of all of the volume.
fn of_copy(kind: DamageKind, place: u64) -> Option<String> {
    Some(match kind {
        DamageKind::StartMissing { length } => {
            format!("the first {length} bytes of the volume lie before the start of the input: they are missing")
        }
        DamageKind::ContentBlank { files } => {
            format!("all {files} files that were looked at have zeros for content: this is a copy of metadata only")
        }
        DamageKind::EndForeign => format!(
            "its end is not where it belongs: what lies from its byte {place} on may be another's, and nothing there is \
             proved (--scan looks for other volumes)"
        ),
        DamageKind::EndBlank => {
            format!("everything from its byte {place} to its end is zeros: the copy may have ended there")
        }
        _ => return None,
    })
}

/// The first few, and how many more there are.
fn some_of(mut all: Vec<String>) -> Vec<String> {
    const SHOWN: usize = 8;
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    all
}

fn layer(layer: Layer) -> Option<&'static str> {
    match layer {
        Layer::OldFormat => Some("this is what is left of a volume that lay here before the one that exists now"),
        Layer::NestedIn(_) => Some("this volume lies inside a file of another one"),
        Layer::ExportIn(_) => Some("this is a copy of the MFT inside a file of its volume"),
        _ => None,
    }
}

fn voted(opened: &Opened<'_>) -> String {
    let lost = "the boot sector and its backup are lost";
    let Some(vote) = opened.vote() else { return lost.into() };
    let confidence = match vote.confidence() {
        Confidence::Low => "low confidence",
        Confidence::Fair => "fair confidence",
        Confidence::High => "high confidence",
        Confidence::Given => {
            return format!(
                "{lost}; it is taken to start at byte {} with clusters of {} bytes, as given or as the partition table \
                 has it: nothing that is left proves it",
                opened.start(),
                vote.cluster_size
            );
        }
    };
    let against = vote.runner_up.map_or(0, |runner_up| runner_up.votes);
    format!(
        "{lost}; a scan found the volume instead: it starts at byte {} and has clusters of {} bytes, by {} votes against \
         {against} ({confidence})",
        opened.start(),
        vote.cluster_size,
        vote.votes.total()
    )
}
