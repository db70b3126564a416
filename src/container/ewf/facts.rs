//! What an image says of itself: sizes, the case, hashes, what could not be read when it was made.

use std::ops::Range;

use simd_adler32::adler32;

use crate::base::le;
use crate::container::decode::inflate_text;
use crate::container::image::{Facts, StoredHash};
use crate::container::piece::Loss;

/// How the media is cut into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) chunks: u64,
    /// Bytes of a chunk.
    pub(super) chunk_size: u64,
    pub(super) sector_size: u32,
    /// Sectors of the media; 0 where the writer did not know.
    pub(super) sectors: u64,
    /// What names the set; zeros where the writer gives none.
    pub(super) set: [u8; 16],
    /// True where the section's checksum is right.
    pub(super) is_proven: bool,
}

/// Chunks are decoded as a whole: no writer makes them larger than 16 MiB.
const LARGEST_CHUNK: u64 = 64 << 20;

impl Geometry {
    /// Reads a `volume`, `disk` or `data` section, in its long form or the short one of SMART.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let is_short = bytes.len() < 1052;
        let at = if is_short { 90 } else { 1048 };
        let stored = le::u32_at(bytes, at)?;
        let sum = adler32(&bytes.get(..at)?);
        let sectors = if is_short { u64::from(le::u32_at(bytes, 16)?) } else { le::u64_at(bytes, 16)? };
        let sector_size = le::u32_at(bytes, 12)?;
        let chunk_size = u64::from(le::u32_at(bytes, 8)?).checked_mul(u64::from(sector_size))?;
        let set = if is_short { [0; 16] } else { *le::array_at(bytes, 64)? };
        let geometry = Self {
            chunks: u64::from(le::u32_at(bytes, 4)?),
            chunk_size,
            sector_size,
            sectors,
            set,
            is_proven: stored == sum,
        };
        let is_possible =
            chunk_size > 0 && chunk_size <= LARGEST_CHUNK && sectors.checked_mul(u64::from(sector_size)).is_some();
        // Logicube leaves the checksum out.
        (is_possible && (stored == sum || stored == 0)).then_some(geometry)
    }

    /// Bytes of the media; 0 where the writer did not know.
    pub(super) fn size(&self) -> u64 {
        self.sectors.saturating_mul(u64::from(self.sector_size))
    }
}

/// Bytes that a checksum stands behind; `None` where it is wrong.
pub(crate) fn checked(bytes: &[u8], length: usize) -> Option<&[u8]> {
    let content = bytes.get(..length)?;
    (adler32(&content) == le::u32_at(bytes, length)?).then_some(content)
}

/// The MD5 of a `hash` section.
pub(super) fn hash(bytes: &[u8], facts: &mut Facts) {
    match checked(bytes, 32).and_then(|content| content.get(..16)) {
        Some(md5) => add_hash(facts, "MD5", md5),
        None => facts.notes.push("the stored MD5 is damaged".to_owned()),
    }
}

/// The MD5 and the SHA-1 of a `digest` section.
pub(super) fn digest(bytes: &[u8], facts: &mut Facts) {
    match checked(bytes, 76).and_then(|content| content.get(..36)?.split_at_checked(16)) {
        Some((md5, sha1)) => {
            add_hash(facts, "MD5", md5);
            add_hash(facts, "SHA-1", sha1);
        }
        None => facts.notes.push("the stored digests are damaged".to_owned()),
    }
}

/// Hashes are told once, and never where a writer left zeros.
pub(crate) fn add_hash(facts: &mut Facts, algorithm: &'static str, value: &[u8]) {
    let hash = StoredHash { algorithm, value: value.to_vec() };
    if value.iter().any(|&byte| byte != 0) && !facts.hashes.contains(&hash) {
        facts.hashes.push(hash);
    }
}

/// What an `error2` section names: sectors that could not be read, as ranges of bytes.
pub(super) fn errors(bytes: &[u8], sector_size: u32, facts: &mut Facts) -> Vec<(Range<u64>, Loss)> {
    let count = le::u32_at(bytes, 0).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let entries = bytes.get(520..).unwrap_or_default();
    let length = count.saturating_mul(8).min(entries.len());
    if checked(bytes, 516).is_none() || checked(entries, length).is_none() {
        facts.notes.push("the list of acquisition errors is damaged; all that it names is taken as lost".to_owned());
    }
    let (pairs, _) = entries.get(..length).unwrap_or_default().as_chunks::<8>();
    let range = |pair: &[u8; 8]| {
        let bytes = |at| u64::from(le::u32_at(pair, at).unwrap_or(0)).saturating_mul(u64::from(sector_size));
        (bytes(0)..bytes(0).saturating_add(bytes(4)), Loss::Acquisition)
    };
    pairs.iter().map(range).collect()
}

/// What the columns of a header stand for.
const COLUMNS: &[(&str, &str)] = &[
    ("c", "case number"),
    ("cn", "case number"),
    ("n", "evidence number"),
    ("en", "evidence number"),
    ("a", "description"),
    ("e", "examiner"),
    ("ex", "examiner"),
    ("t", "notes"),
    ("nt", "notes"),
    ("av", "software version"),
    ("ov", "operating system"),
    ("os", "operating system"),
    ("m", "acquired"),
    ("at", "acquired"),
    ("u", "system time"),
    ("tt", "system time"),
    ("md", "model"),
    ("sn", "serial number"),
    ("l", "device label"),
    ("pid", "process id"),
];

/// The fields of a header, packed by zlib: the third line names them, the fourth has them.
pub(super) fn header(packed: &[u8], facts: &mut Facts) {
    match inflate_text(packed) {
        Some(text) => fields(&text, facts),
        None => facts.notes.push("a header section with the case's fields is damaged".to_owned()),
    }
}

/// The fields of such a text, in UTF-16 or ASCII. What an earlier header has already said is not told again.
pub(crate) fn fields(text: &[u8], facts: &mut Facts) {
    for (tag, value) in columns(text) {
        let name = COLUMNS.iter().find(|(column, _)| *column == tag).map(|(_, name)| *name);
        let Some(name) = name else { continue };
        if !value.is_empty() && facts.fields.iter().all(|(known, _)| known != name) {
            facts.fields.push((name.to_owned(), value));
        }
    }
}

/// The columns of such a text, each with its value.
pub(crate) fn columns(text: &[u8]) -> Vec<(String, String)> {
    let text = decoded(text);
    let mut lines = text.lines();
    let Some(tags) = lines.find(|line| line.split('\t').count() > 1) else { return Vec::new() };
    let values = lines.next().unwrap_or_default();
    tags.split('\t')
        .zip(values.split('\t'))
        .map(|(tag, value)| (tag.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

fn decoded(text: &[u8]) -> String {
    let units = |order: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|&pair| order(pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match text {
        [0xFF, 0xFE, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xFE, 0xFF, rest @ ..] => units(u16::from_be_bytes, rest),
        // Old writers used the code page of their machine.
        _ => String::from_utf8(text.to_vec()).unwrap_or_else(|_| text.iter().map(|&byte| char::from(byte)).collect()),
    }
}
