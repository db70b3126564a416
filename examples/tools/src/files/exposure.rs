//! How exposed the clusters of a deleted file were, as both tools write it.

use ntfs_salvage::FileTime;
use ntfs_salvage::recoverability::{Exposure, Recoverability, Verdict};

use crate::writing::json::Json;

/// Writes `,"exposure":{…}` where something of a deleted file's clusters may still be its own.
pub fn write_exposure(found: &Recoverability, json: &mut Json<'_>) {
    let is_open = matches!(found.verdict(), Verdict::Likely | Verdict::Partial);
    let Some(exposure) = found.exposure().filter(|_| is_open) else { return };
    let Exposure { last_known, age, clusters_by_time, clusters_by_lsn, clusters_by_usn, .. } = exposure;
    let last_known = last_known.map(|time| time.to_string());
    json.put(br#","exposure":{"last_known":"#).text_or_null(last_known.as_deref());
    json.put(br#","seconds":"#).number_or_null(age.map(|age| age / FileTime::TICKS_PER_SECOND));
    json.put(br#","clusters_by_time":"#).number_or_null(*clusters_by_time);
    json.put(br#","clusters_by_lsn":"#).number_or_null(*clusters_by_lsn);
    json.put(br#","clusters_by_usn":"#).number_or_null(*clusters_by_usn);
    json.put(b"}");
}
