//! What a volume says of its own condition, in sentences.

use ntfs_salvage::recoverability::{Condition, Hibernation, LogState};
use ntfs_salvage::structure::value::VolumeFlags;

use crate::writing::json::Json;

/// One sentence for each thing that a user should know before believing what is on the volume.
pub fn sentences(condition: &Condition, unmarked_clusters: Option<u64>) -> Vec<String> {
    let flags = condition.flags.unwrap_or(VolumeFlags::empty());
    let mut told: Vec<String> = Vec::new();
    let mut tell = |is_so: bool, text: &str| told.extend(is_so.then(|| text.to_owned()));
    tell(flags.contains(VolumeFlags::DIRTY), "marked dirty: it was not unmounted cleanly, or is damaged");
    tell(
        condition.log == Some(LogState::NotReplayed),
        "$LogFile was not replayed: it may know newer metadata than was read",
    );
    tell(
        condition.hibernation == Some(Hibernation::Asleep),
        "Windows is hibernated: what it had not written is in hiberfil.sys",
    );
    tell(flags.contains(VolumeFlags::CHECK_UNDERWAY), "chkdsk was under way");
    tell(flags.contains(VolumeFlags::MODIFIED_BY_CHECK), "chkdsk has changed it");
    tell(flags.contains(VolumeFlags::RESIZE_LOG_FILE), "$LogFile is to be resized at the next mount");
    tell(flags.contains(VolumeFlags::UPGRADE_ON_MOUNT), "it is to be upgraded at the next mount");
    tell(flags.contains(VolumeFlags::CORRUPTION_BUGCHECK), "corruption of it has stopped Windows");
    tell(flags.contains(VolumeFlags::FULL_CHECK_NEEDED), "a full check is needed");
    let mut of_records = |records: &[u64], what: &str| {
        if !records.is_empty() {
            let numbers: Vec<_> = records.iter().map(ToString::to_string).collect();
            told.push(format!("the mirror ($MFTMirr) {what} record {}", numbers.join(", ")));
        }
    };
    of_records(&condition.mirror_differs, "differs from the MFT in");
    of_records(&condition.mirror_unread, "cannot be read in");
    let counts = [
        (condition.unmarked_records, "records in use are free in the MFT's bitmap"),
        (condition.marked_records, "free records are in use in the MFT's bitmap"),
        (unmarked_clusters.unwrap_or(0), "clusters of files that exist are free in $Bitmap"),
    ];
    told.extend(counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    told
}

/// The same as an object.
pub fn write(condition: &Condition, unmarked_clusters: Option<u64>, json: &mut Json<'_>) {
    json.put(b"{");
    let version = condition.version.map(|(major, minor)| format!("{major}.{minor}"));
    json.put(br#""version":"#).text_or_null(version.as_deref());
    let is_dirty = condition.flags.map(|flags| flags.contains(VolumeFlags::DIRTY));
    json.put(br#","dirty":"#);
    match is_dirty {
        Some(is_dirty) => json.boolean(is_dirty),
        None => json.null(),
    }
    let log = condition.log.map(|log| match log {
        LogState::Clean => "clean",
        LogState::NotReplayed => "not-replayed",
        _ => "unknown",
    });
    json.put(br#","log":"#).text_or_null(log);
    let hibernation = condition.hibernation.map(|state| match state {
        Hibernation::Asleep => "asleep",
        _ => "awake",
    });
    json.put(br#","hibernation":"#).text_or_null(hibernation);
    json.put(br#","mirror_differs":"#).array(&condition.mirror_differs, |json, number| {
        json.number(*number);
    });
    json.put(br#","unmarked_records":"#).number(condition.unmarked_records);
    json.put(br#","marked_records":"#).number(condition.marked_records);
    json.put(br#","unmarked_clusters":"#).number_or_null(unmarked_clusters);
    json.put(br#","sentences":"#).array(sentences(condition, unmarked_clusters), |json, text| json.text(&text));
    json.put(b"}");
}
