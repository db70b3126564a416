//! From bytes to hits: what a record or anchor must show to be taken for one.

use super::findings::{AnchorKind, HitFlags, IndexHit, RecordHit};
use crate::base::le;
use crate::base::reference::FileReference;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::structure::boot_sector::{BootSector, OemId};
use crate::structure::index_record::IndexRecord;
use crate::structure::record::{Record, RecordHeader};
use crate::structure::update_sequence::{Protection, STRIDE, UpdateSequence};
use crate::structure::value::file_name::Namespace;

const FILE: u32 = u32::from_le_bytes(*b"FILE");
const BAAD: u32 = u32::from_le_bytes(*b"BAAD");
const INDX: u32 = u32::from_le_bytes(*b"INDX");
const RSTR: u32 = u32::from_le_bytes(*b"RSTR");
const CHKD: u32 = u32::from_le_bytes(*b"CHKD");
/// The fourth byte of a boot sector: the first letter of its OEM id. The jump before it may be zero.
const BOOT: u32 = 0x4E00_0000;
/// U+0000 and U+0001, which `$UpCase` maps to themselves.
const UPPER_CASE: u32 = 0x0001_0000;
/// "$S" of `$STANDARD_INFORMATION`.
const DEFINITIONS: u32 = 0x0053_0024;
const SHADOW: u32 = 0x3808_876B;
/// The rest of the GUID that starts the header of shadow copies.
const SHADOW_GUID: [u8; 16] =
    [0x6B, 0x87, 0x08, 0x38, 0x76, 0xC1, 0x48, 0x4E, 0xB7, 0xAE, 0x04, 0x04, 0x6E, 0x6C, 0xC7, 0x52];
/// The first security id there is: it stands in the first entry of `$SDS`.
const FIRST_SECURITY_ID: u32 = 0x100;

/// The largest record there can be.
pub(super) const LARGEST_RECORD: usize = 64 << 10;
/// The smallest FILE record that is protected: one stride.
const SMALLEST_RECORD: usize = STRIDE;

/// True when the first eight bytes may start something that is looked for. Evaluated for every
/// sector of a source: no branches.
#[inline]
pub(super) fn may_start(head: u64) -> bool {
    let [a, b, c, d, e, f, g, h] = head.to_le_bytes();
    let (first, second) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    (first == FILE)
        | (first == INDX)
        | (first == BAAD)
        | (first & 0xFF00_0000 == BOOT)
        | (first == RSTR)
        | (first == CHKD)
        | (first == UPPER_CASE)
        | (first == DEFINITIONS)
        | (first == SHADOW)
        | (second == FIRST_SECURITY_ID)
}

/// What was recognized.
#[derive(Debug)]
pub(super) enum Recognized {
    Record(RecordHit),
    Index(IndexHit),
    Anchor(AnchorKind),
}

/// How many bytes have to be looked at to recognize what starts with `head`.
pub(super) fn needed(head: &[u8]) -> usize {
    match le::u32_at(head, 0) {
        Some(FILE | BAAD) => record_size(head).unwrap_or(STRIDE),
        Some(INDX) => protected_size(head).unwrap_or(STRIDE),
        _ => STRIDE,
    }
}

/// Recognizes what starts where `bytes` do, at `offset` of the source.
pub(super) fn recognize(offset: u64, bytes: &[u8]) -> Option<Recognized> {
    match le::u32_at(bytes, 0)? {
        FILE => record(offset, bytes).map(Recognized::Record),
        BAAD => record(offset, bytes).map(Recognized::Record).or_else(|| index(offset, bytes).map(Recognized::Index)),
        INDX => index(offset, bytes).map(Recognized::Index),
        _ => anchor(bytes).map(Recognized::Anchor),
    }
}

fn is_record_size(size: &usize) -> bool {
    size.is_power_of_two() && (SMALLEST_RECORD..=LARGEST_RECORD).contains(size)
}

/// The size the update sequence array covers.
fn protected_size(head: &[u8]) -> Option<usize> {
    let strides = usize::from(le::u16_at(head, 6)?).checked_sub(1)?;
    strides.checked_mul(STRIDE).filter(is_record_size)
}

/// The size a FILE record names, or the one its update sequence array covers.
fn record_size(head: &[u8]) -> Option<usize> {
    let allocated = usize::try_from(le::u32_at(head, 28)?).ok().filter(is_record_size);
    allocated.or_else(|| protected_size(head))
}

fn record(offset: u64, bytes: &[u8]) -> Option<RecordHit> {
    let size = record_size(bytes)?;
    let bytes = bytes.get(..size.min(bytes.len()))?;
    let header = RecordHeader::parse(bytes).ok()?;
    let record = Record::parse(header.own_number().unwrap_or(0), bytes).ok()?;
    let mut hit = RecordHit {
        offset,
        number: header.own_number().unwrap_or(RecordHit::NO_NUMBER),
        lsn: header.lsn(),
        base: if record.is_base_record() { FileReference(0) } else { header.base_reference() },
        parent: FileReference(0),
        record_size: u32::try_from(size).ok()?,
        flags: HitFlags::empty(),
        sequence_number: header.sequence_number(),
        cluster_shift: 0,
    };
    hit.flags.set(HitFlags::OWN_NUMBER, header.own_number().is_some());
    hit.flags.set(HitFlags::IN_USE, header.is_in_use());
    hit.flags.set(HitFlags::DIRECTORY, header.is_directory());
    hit.flags.set(HitFlags::EXTENSION, !record.is_base_record());
    hit.flags.set(HitFlags::BAAD, header.is_baad());
    let attributes = look_at_attributes(&record, &mut hit);
    let protection = record.update_sequence().protection();
    hit.flags.set(HitFlags::ALREADY_REPAIRED, protection == Protection::AlreadyRepaired);
    let whole = bytes.len() == size && header.allocated_size() == hit.record_size && !header.is_baad();
    let protected = protection != Protection::Unverified && !record.update_sequence().has_torn_strides();
    hit.flags.set(HitFlags::STRONG, whole && protected && attributes.is_whole);
    // A text that happens to start like a record has neither an array that fits nor an attribute.
    (attributes.count > 0 || (protection != Protection::Unverified && attributes.is_whole)).then_some(hit)
}

struct Looked {
    count: u32,
    /// True when the walk reached the end marker.
    is_whole: bool,
}

/// Takes from the attributes what the hit keeps of them.
fn look_at_attributes(record: &Record<'_>, hit: &mut RecordHit) -> Looked {
    let mut walk = record.attributes();
    let mut looked = Looked { count: 0, is_whole: false };
    let (mut is_table, mut is_named) = (false, false);
    for attribute in walk.by_ref().filter_map(Result::ok) {
        looked.count = looked.count.saturating_add(1);
        match attribute.attribute_type() {
            AttributeType::FILE_NAME => {
                is_named = true;
                keep_name(&attribute, hit);
            }
            AttributeType::INDEX_ALLOCATION => hit.flags |= HitFlags::INDEX_ALLOCATION,
            AttributeType::DATA => is_table |= attribute.name().is_empty() && starts_stream(&attribute),
            _ => {}
        }
        if hit.cluster_shift == 0 {
            hit.cluster_shift = cluster_shift(&attribute).unwrap_or(0);
        }
    }
    let is_first = hit.flags.contains(HitFlags::TABLE);
    // A fragmented table may have its name in another record.
    is_table &= hit.number == 0 && hit.base.is_zero() && (!is_named || hit.flags.contains(HitFlags::TABLE));
    hit.flags.set(HitFlags::TABLE, is_table);
    // mkntfs and ntfs-3g write number 0 into records 16 to 23.
    if hit.number == 0 && !is_table && !is_first {
        hit.number = RecordHit::NO_NUMBER;
        hit.flags.remove(HitFlags::OWN_NUMBER);
    }
    looked.is_whole = le::u32_at(record.bytes(), walk.position()) == Some(AttributeType::END.0);
    looked
}

fn starts_stream(attribute: &Attribute<'_>) -> bool {
    attribute.non_resident().is_some_and(|piece| piece.lowest_vcn() == 0)
}

fn keep_name(attribute: &Attribute<'_>, hit: &mut RecordHit) {
    let Ok((name, _)) = attribute.file_name() else { return };
    if hit.parent.is_zero() || name.namespace() != Namespace::DOS {
        hit.parent = name.parent();
    }
    if hit.parent.record_number() != 5 {
        return;
    }
    let known = KNOWN_NAMES.iter().find(|(known, _)| name.name().is(known)).map(|(_, number)| *number);
    if let Some(number) = known.filter(|_| hit.number == RecordHit::NO_NUMBER) {
        hit.number = number;
        hit.flags |= HitFlags::NUMBER_BY_NAME;
    }
    // Kept here for the walk: whether there is a table to find is known at its end.
    hit.flags.set(HitFlags::TABLE, hit.flags.contains(HitFlags::TABLE) || known == Some(0));
}

/// The files of the root directory whose record number never changes.
const KNOWN_NAMES: [(&str, u64); 11] = [
    ("$MFT", 0),
    ("$MFTMirr", 1),
    ("$LogFile", 2),
    ("$Volume", 3),
    ("$AttrDef", 4),
    (".", 5),
    ("$Bitmap", 6),
    ("$Boot", 7),
    ("$BadClus", 8),
    ("$UpCase", 10),
    ("$Extend", 11),
];

/// The cluster size a stream tells that is in one piece, as the exponent of a power of two.
pub(super) fn cluster_shift(attribute: &Attribute<'_>) -> Option<u8> {
    let piece = attribute.non_resident().filter(|piece| piece.lowest_vcn() == 0)?;
    let clusters = piece.clusters().filter(|&clusters| clusters > 0)?;
    let exact = piece.allocated_size().is_multiple_of(clusters);
    let size = piece.allocated_size().checked_div(clusters).filter(|size| exact && size.is_power_of_two())?;
    (512..=2 << 20).contains(&size).then(|| u8::try_from(size.trailing_zeros()).ok()).flatten()
}

fn index(offset: u64, bytes: &[u8]) -> Option<IndexHit> {
    let size = protected_size(bytes)?;
    let mut bytes = bytes.get(..size.min(bytes.len()))?.to_vec();
    let sequence = UpdateSequence::check(&bytes, 40, bytes.len());
    sequence.apply(&mut bytes);
    let record = IndexRecord::parse(&bytes).ok()?;
    let node = record.node();
    let node_size = size.saturating_sub(24);
    let sane = |field: u32| usize::try_from(field).is_ok_and(|field| field <= node_size);
    let fits = sane(node.first_entry_offset()) && sane(node.used_size()) && sane(node.allocated_size());
    let mut parents = Majority { candidate: FileReference(0), lead: 0 };
    let mut entries = 0_u32;
    let mut is_whole = true;
    for entry in record.entries() {
        match entry {
            Ok(entry) => {
                entries = entries.saturating_add(1);
                entry.directory_name().into_iter().for_each(|name| parents.count(name.parent()));
            }
            Err(_) => is_whole = false,
        }
    }
    let is_strong = fits && is_whole && entries > 0 && bytes.len() == size && !sequence.has_torn_strides();
    let record_size = u32::try_from(size).ok()?;
    let hit = IndexHit {
        offset,
        vcn: record.vcn(),
        parent: parents.winner(),
        lsn: record.log_sequence_number(),
        record_size,
        is_strong,
    };
    (is_strong || fits).then_some(hit)
}

/// The value that stands in more than half of the places, found without keeping them.
struct Majority {
    candidate: FileReference,
    lead: u32,
}

impl Majority {
    fn count(&mut self, value: FileReference) {
        if self.lead == 0 {
            self.candidate = value;
            self.lead = 1;
        } else if self.candidate == value {
            self.lead = self.lead.saturating_add(1);
        } else {
            self.lead = self.lead.saturating_sub(1);
        }
    }

    fn winner(&self) -> FileReference {
        if self.lead > 0 { self.candidate } else { FileReference(0) }
    }
}

fn anchor(bytes: &[u8]) -> Option<AnchorKind> {
    let sector = bytes.first_chunk::<512>()?;
    let first = le::u32_in::<0, 512>(sector);
    if first & 0xFF00_0000 == BOOT && is_boot_sector(sector) {
        return Some(AnchorKind::BootSector);
    }
    match first {
        RSTR | CHKD if is_restart_page(sector) => Some(AnchorKind::RestartPage),
        UPPER_CASE if is_upper_case_table(sector) => Some(AnchorKind::UpperCaseTable),
        DEFINITIONS if is_definitions(sector) => Some(AnchorKind::AttributeDefinitions),
        SHADOW if le::array_in::<0, 16, 512>(sector) == SHADOW_GUID => Some(AnchorKind::ShadowCopies),
        _ if is_security_stream(sector) => Some(AnchorKind::SecurityStream),
        _ => None,
    }
}

fn is_boot_sector(sector: &[u8; 512]) -> bool {
    BootSector::parse(sector).is_ok_and(|boot| boot.oem_id() == OemId::Ntfs && boot.geometry().is_ok())
}

/// Both page sizes are powers of two, and the restart area starts inside the page.
fn is_restart_page(sector: &[u8; 512]) -> bool {
    let is_page = |size: u32| size.is_power_of_two() && (512..=64 << 10).contains(&size);
    let area = le::u16_in::<24, 512>(sector);
    is_page(le::u32_in::<16, 512>(sector)) && is_page(le::u32_in::<20, 512>(sector)) && area >= 30
}

/// Everything before the small letters maps to itself, and `a` to `A`.
fn is_upper_case_table(sector: &[u8; 512]) -> bool {
    let units = sector.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    units.zip(0_u16..=0x61).all(|(unit, index)| unit == if index == 0x61 { 0x41 } else { index })
}

fn is_definitions(sector: &[u8; 512]) -> bool {
    let units = sector.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    let is_first = "$STANDARD_INFORMATION\0".encode_utf16().eq(units.take(22));
    is_first && le::u32_in::<128, 512>(sector) == AttributeType::STANDARD_INFORMATION.0
}

/// The first entry: security id 0x100 at offset 0 of the stream, and a descriptor of revision 1.
fn is_security_stream(sector: &[u8; 512]) -> bool {
    let is_first = le::u32_in::<4, 512>(sector) == FIRST_SECURITY_ID && le::u64_in::<8, 512>(sector) == 0;
    is_first && (40..=256 << 10).contains(&le::u32_in::<16, 512>(sector)) && le::u8_in::<20, 512>(sector) == 1
}
