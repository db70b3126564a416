//! The lines of the manifest that are not about streams. MANIFEST.md says what is in them.

use ntfs_salvage::Entry;
use ntfs_salvage::catalog::Assessment;
use ntfs_salvage::salvage::{Content, Unread};
use ntfs_salvage::source::Source;
use ntfs_salvage::volume::geometry::Geometry;

use crate::recover::arguments::Arguments;
use crate::recover::identity::Identity;
use crate::recover::totals::Totals;
use crate::shared::accounting::Accounting;
use crate::shared::condition;
use crate::shared::file::Reparse;
use crate::shared::input::Opened;
use crate::shared::json::Json;

/// The first line: who wrote the manifest, and of what. `container` is what is to be said of it, in JSON.
pub fn header(arguments: &Arguments, identity: &Identity, container: &[u8], out: &mut Vec<u8>) {
    let mut json = Json { out };
    json.put(br#"{"type":"header","tool":"ntfs-salvage recover","version":"#).text(env!("CARGO_PKG_VERSION"));
    json.put(br#","format":2,"arguments":"#);
    json.array(std::env::args_os().skip(1), |json, argument| json.text(&argument.to_string_lossy()));
    json.put(br#","input":{"path":"#).text(&arguments.input.path.display().to_string());
    json.put(br#","size":"#).number(identity.size);
    hash_or_null(identity.whole, json.put(br#","sha256":"#));
    hash_or_null(identity.first, json.put(br#","sha256_first_mib":"#));
    hash_or_null(identity.last, json.put(br#","sha256_last_mib":"#));
    json.put(br#","container":"#).out.extend_from_slice(container);
    let map = arguments.input.map.as_ref().map(|path| path.display().to_string());
    json.put(br#"},"map":"#).text_or_null(map.as_deref());
    json.put(b"}\n");
}

/// A line for each partition that was not read, and one for what lies outside of all.
pub fn unread(accounting: &Accounting, out: &mut Vec<u8>) {
    let mut json = Json { out };
    for Unread { partition, content } in &accounting.unread {
        let number = (!partition.is_whole()).then(|| partition.number());
        json.put(br#"{"type":"partition","partition":"#).number_or_null(number);
        json.put(br#","offset":"#).number(partition.start);
        json.put(br#","size":"#).number(partition.size);
        json.put(br#","partition_type":"#).text(&partition.partition_type.to_string());
        json.put(br#","content":"#).text(content.code());
        json.put(br#","description":"#).text(&content.to_string());
        let metadata = match content {
            Content::Foreign(foreign) => foreign.bit_locker.as_ref(),
            _ => None,
        };
        if let Some(metadata) = metadata {
            json.put(br#","bitlocker":{"volume":"#).text(&metadata.identifier.to_string());
            json.put(br#","method":"#).text(&metadata.method.to_string());
            json.put(br#","description":"#).text_or_null(metadata.description.as_deref());
            json.put(br#","protectors":"#).array(metadata.protectors.iter(), |json, protector| {
                json.put(br#"{"kind":"#).text(&protector.kind.to_string());
                json.put(br#","identifier":"#).text(&protector.identifier.to_string());
                json.put(b"}");
            });
            json.put(b"}");
        }
        json.put(b"}\n");
    }
    if let Some(bytes) = accounting.outside() {
        json.put(br#"{"type":"outside","bytes":"#).number(bytes);
        json.put(br#","ranges":"#).array(accounting.outside.iter(), |json, range| {
            json.put(b"[").number(range.start);
            json.put(b",").number(range.end);
            json.put(b"]");
        });
        json.put(b"}\n");
    }
}

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
pub fn end(totals: &Totals, complete: bool, out: &mut Vec<u8>) {
    let mut json = Json { out };
    json.put(br#"{"type":"end","complete":"#).boolean(complete);
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
    json.put(br#","record":"#).number(entry.record_number());
    json.put(br#","sequence":"#).number(entry.sequence_number());
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

/// A SHA-256 in hexadecimal.
pub fn write_hash(hash: [u8; 32], json: &mut Json<'_>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    json.put(b"\"");
    json.out.extend(hash.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]));
    json.put(b"\"");
}

fn hash_or_null(hash: Option<[u8; 32]>, json: &mut Json<'_>) {
    match hash {
        Some(hash) => write_hash(hash, json),
        None => json.null(),
    }
}
