//! What extended attributes say of a file.

use ntfs_salvage::Catalog;
use ntfs_salvage::recoverability::Assessment;
use ntfs_salvage::structure::AttributeType;
use ntfs_salvage::structure::value::ReparsePoint;

use crate::tree::FileFacts;

const PREFIX: &str = "user.ntfs_salvage.";
/// Bytes of a stream that an attribute may have: what Linux allows.
const LONGEST: u64 = 64 << 10;

/// The attributes of a file: names and values.
pub(crate) fn all(catalog: &Catalog<'_>, assessment: &Assessment<'_>, file: &FileFacts) -> Vec<(String, Vec<u8>)> {
    if !file.is_known {
        return Vec::new();
    }
    let Ok(entry) = catalog.entry_of(file.reference) else { return Vec::new() };
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, value: String| found.push((format!("{PREFIX}{name}"), value.into_bytes()));
    add("record", entry.reference().to_string());
    add("state", entry.state().name().to_owned());
    let damage: Vec<_> = entry.damage().iter().map(ToString::to_string).take(16).collect();
    if !damage.is_empty() {
        add("damage", damage.join("; "));
    }
    let reparse = entry.attributes_of(AttributeType::REPARSE_POINT).next();
    if let Some(value) = reparse.as_ref().and_then(|attribute| attribute.resident_value().ok())
        && let Ok(point) = ReparsePoint::parse(value)
    {
        add("reparse", format!("{:#010x}", point.tag().0));
    }
    let streams = entry.streams();
    let wanted = file.stream.as_deref().unwrap_or_default();
    if let Some(stream) = streams.iter().find(|stream| stream.name().is(wanted)) {
        let assessed = assessment.assess(stream);
        add("verdict", assessed.verdict().code().to_owned());
        add("reasons", assessed.reasons().to_string());
    }
    let named: Vec<_> = streams.iter().filter(|stream| !stream.name().is_empty() && file.stream.is_none()).collect();
    if !named.is_empty() {
        add("streams", named.iter().map(|stream| stream.name().to_string()).collect::<Vec<_>>().join("\n"));
    }
    for stream in named {
        let Some(size) = stream.size().filter(|size| *size <= LONGEST) else { continue };
        let mut bytes = vec![0; size as usize];
        let mut reader = stream.reader();
        let is_whole = {
            let reading = reader.read_at(0, &mut bytes);
            reading.length() as u64 == size && reading.ranges().iter().all(|range| range.missing().is_none())
        };
        let name = format!("{PREFIX}stream.{}", stream.name());
        if is_whole && name.len() <= 255 && !name.contains('\0') {
            found.push((name, bytes));
        }
    }
    found
}
