//! The lines of the manifest that are not about streams. MANIFEST.md says what is in them.

use ntfs_salvage::recoverability::Assessment;
use ntfs_salvage::source::Source;
use ntfs_salvage::volume::Geometry;
use ntfs_salvage::{Entry, FileReference};

use crate::files::listed_file::Reparse;
use crate::input::condition;
use crate::input::volumes::Opened;
use crate::recover::manifest::totals::Totals;
use crate::writing::json::Json;

/// A line before the files of a volume.
pub fn volume(opened: &Opened<'_>, assessment: &Assessment<'_>, prefix: &str, out: &mut Vec<u8>) {
    let mut json = Json { out };
    let (geometry, mft) = (opened.volume.geometry(), opened.volume.mft());
    json.put(br#"{"type":"volume","partition":"#).number_or_null(opened.partition);
    let place = opened.volume.source();
    match place.lead() {
        0 => json.put(br#","offset":"#).number(place.origin_of(0)),
        lead => json.put(br#","offset":-"#).number(lead),
    }
    json.put(br#","layer":"#).text(opened.layer.code());
    json.put(br#","tag":"#).text(&opened.tag);
    json.put(br#","size":"#).number_or_null(geometry.map(Geometry::volume_size));
    json.put(br#","cluster_size":"#).number_or_null(geometry.map(Geometry::cluster_size));
    json.put(br#","record_size":"#).number(mft.record_size());
    json.put(br#","records":"#).number(mft.record_count());
    json.put(br#","output":"#).text(prefix);
    let condition = assessment.catalog().condition();
    json.put(br#","flags":"#).text_or_null(condition.flags.map(|flags| format!("{:#06x}", flags.bits())).as_deref());
    json.put(br#","condition":"#);
    condition::write(&condition, clusters(assessment), &mut json);
    let damage = opened.disk_damage.iter().copied().chain(opened.volume.damage());
    json.put(br#","damage":"#).array(damage, |json, damage| json.text(&damage.to_string()));
    json.put(b"}\n");
}

/// Clusters in use that the volume's bitmap calls free; a table without its volume has none.
pub fn clusters(assessment: &Assessment<'_>) -> Option<u64> {
    assessment.catalog().volume().geometry().map(|_| assessment.unmarked_clusters())
}

/// A directory that was made.
pub fn directory(path: &str, entry: &Entry<'_>, output: &str, reparse: Option<&Reparse>, out: &mut Vec<u8>) {
    let mut json = Json { out };
    json.put(br#"{"type":"directory","path":"#).text(path);
    write_entry(entry, &mut json);
    json.put(br#","output":"#).text(output);
    write_reparse(reparse, &mut json);
    json.put(b"}\n");
}

/// The last line: a manifest without one is of a run that did not come to its end.
pub fn end(totals: &Totals, complete: bool, is_cut_short: bool, out: &mut Vec<u8>) {
    let mut json = Json { out };
    json.put(br#"{"type":"end","complete":"#).boolean(complete && !is_cut_short);
    if is_cut_short {
        json.put(br#","interrupted":true"#);
    }
    json.put(br#","streams":"#).number(totals.streams);
    json.put(br#","written":"#).number(totals.written);
    json.put(br#","bytes":"#).number(totals.bytes);
    json.put(br#","without_content":"#).number(totals.without_content);
    json.put(br#","too_large":"#).number(totals.too_large);
    json.put(br#","left_out":"#).number(totals.left_out);
    json.put(br#","failed":"#).number(totals.failed);
    json.put(br#","directories":"#).number(totals.directories);
    for (key, counts) in [("verdicts", &totals.verdicts), ("contents", &totals.contents)] {
        json.put(b",").text(key);
        json.put(b":{");
        for (index, (code, &count)) in counts.iter().enumerate() {
            if index > 0 {
                json.put(b",");
            }
            json.text(code);
            json.put(b":").number(count);
        }
        json.put(b"}");
    }
    json.put(b"}\n");
}

/// Which entry it is, behind its path.
pub fn write_entry(entry: &Entry<'_>, json: &mut Json<'_>) {
    let reference = Some(entry.reference()).filter(|reference| !reference.is_unknown());
    json.put(br#","record":"#).number_or_null(reference.map(FileReference::record_number));
    json.put(br#","sequence":"#).number_or_null(reference.map(FileReference::sequence_number));
    json.put(br#","state":"#).text(entry.state().name());
}

/// The reparse point of a file, if it is one.
pub fn write_reparse(reparse: Option<&Reparse>, json: &mut Json<'_>) {
    let Some(reparse) = reparse else { return };
    json.put(br#","reparse":{"tag":"#).text(&format!("{:#010x}", reparse.tag.0));
    json.put(br#","name":"#).text_or_null(reparse.tag.name());
    json.put(br#","target":"#).text_or_null(reparse.target.as_deref());
    json.put(b"}");
}
