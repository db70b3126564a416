//! What tells whether a source is a bare table, and whether a scan may find more than was opened.

use crate::base::damage::DamageKind;
use crate::base::guid::Guid;
use crate::source::Source;
use crate::structure::attribute::Attribute;
use crate::structure::boot_sector::{BootSector, OemId};
use crate::structure::record::Record;
use crate::volume::Volume;
use crate::volume::extents::Location;
use crate::volume::master_boot_record::MasterBootRecordType;
use crate::volume::mft::Mft;
use crate::volume::partition::{Partition, PartitionType};

/// A table of more records than this is no new one.
const NEW_TABLE: u64 = 1024;
/// Slots behind the end of a new table that are looked at for an older one's records.
const BEHIND: u64 = 64;
/// Slots of a bare table that are looked at.
const SAMPLES: u64 = 64;
/// The first record that may be a user's file.
const FIRST_USER_RECORD: u64 = 24;
/// Directories that Windows makes by itself in each root.
const OF_WINDOWS: [&str; 2] = ["System Volume Information", "$RECYCLE.BIN"];

/// True for a partition that NTFS was in by what is left of its boot sectors, or by its type where no
/// other file system has put its own boot sector there.
pub(super) fn was_ntfs(partition: &Partition, source: &dyn Source) -> bool {
    let is_of_type = match partition.partition_type {
        PartitionType::Mbr(kind) => NTFS_TYPES.contains(&kind),
        PartitionType::Gpt(kind) => NTFS_GUIDS.contains(&kind),
        _ => false,
    };
    let mut sector = [0; 512];
    partition.window(source).read_readable(0, &mut sector);
    let owner = BootSector::parse(&sector).map_or(OemId::Ntfs, |boot| boot.oem_id());
    let is_foreign = owner.is_known() && owner != OemId::Ntfs;
    !is_foreign && (is_of_type || partition.looks_like_ntfs(source))
}

/// Types of partitions that Windows puts NTFS into.
const NTFS_TYPES: [MasterBootRecordType; 3] =
    [MasterBootRecordType::NTFS, MasterBootRecordType::HIDDEN_NTFS, MasterBootRecordType::WINDOWS_RECOVERY];
/// The same in a GUID partition table: basic data, and Windows' recovery environment.
const NTFS_GUIDS: [Guid; 2] = [
    Guid([0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7]),
    Guid([0xA4, 0xBB, 0x94, 0xDE, 0xD1, 0x06, 0x40, 0x4D, 0xA1, 0x6A, 0xBF, 0xD5, 0x01, 0x79, 0xD6, 0xAC]),
];

pub(super) fn starts_with_a_record(source: &dyn Source) -> bool {
    let mut signature = [0; 4];
    source.read_readable(0, &mut signature);
    matches!(&signature, b"FILE" | b"BAAD")
}

/// True for a `$LogFile` by itself, or pages of one.
pub(super) fn is_log(source: &dyn Source) -> bool {
    let mut signature = [0; 4];
    source.read_readable(0, &mut signature);
    matches!(&signature, b"RSTR" | b"RCRD" | b"CHKD")
}

/// True when the file is a table to its end: most of the slots that it has hold records.
pub(super) fn is_all_table(mft: &Mft<'_>) -> bool {
    let count = mft.record_count();
    let step = count.div_ceil(SAMPLES).max(1);
    let is_record = |number: &u64| {
        let slot = mft.slot(*number).map(|(bytes, _)| bytes).unwrap_or_default();
        slot.starts_with(b"FILE") || slot.starts_with(b"BAAD")
    };
    let all = || (0..SAMPLES).map(|sample| sample.saturating_mul(step)).take_while(|number| *number < count);
    let slots = || all().filter(|number| mft.is_mapped(*number));
    slots().filter(is_record).count().saturating_mul(2) >= slots().count()
}

/// True when part of the table has no known place, so that a scan may find more.
pub(super) fn is_incomplete(mft: &Mft<'_>) -> bool {
    mft.damage().iter().any(|damage| {
        matches!(
            damage.kind,
            DamageKind::TableUnmapped { .. }
                | DamageKind::ListedRecordForeign { .. }
                | DamageKind::DataRun { .. }
                | DamageKind::DataRunTotal { .. }
                | DamageKind::OverlappingPieces { .. }
        )
    })
}

/// Records of the table that have a known place.
pub(super) fn known_records(volume: &Volume<'_>) -> u64 {
    let missing = volume.damage().filter_map(|damage| match damage.kind {
        DamageKind::TableUnmapped { first, end } => Some(end.saturating_sub(first)),
        _ => None,
    });
    volume.mft().record_count().saturating_sub(missing.fold(0, u64::saturating_add))
}

/// True for a volume that was made a short time ago, where there may have been another: its table is
/// short, and either it has no user's file, or the records of a longer one go on behind it.
pub(super) fn is_new_over_old(volume: &Volume<'_>) -> bool {
    let mft = volume.mft();
    mft.record_count() <= NEW_TABLE && (goes_on_behind(mft) || !has_users_file(mft))
}

/// True when records lie behind the table's end whose numbers go on.
fn goes_on_behind(mft: &Mft<'_>) -> bool {
    let (count, size) = (mft.record_count(), u64::from(mft.record_size()));
    let last = count.checked_sub(1).and_then(|last| mft.places(last).last());
    let Some(Location::At(position)) = last.map(|extent| extent.location) else { return false };
    let end = position.saturating_add(last.map_or(0, |extent| extent.length));
    (0..BEHIND).any(|slot| {
        let number = count.saturating_add(slot);
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        mft.source().read_readable(end.saturating_add(slot.saturating_mul(size)), &mut bytes);
        let record = Record::from_vec(number, bytes).ok();
        record.is_some_and(|record| record.header().own_number() == Some(number) && names(&record).next().is_some())
    })
}

fn has_users_file(mft: &Mft<'_>) -> bool {
    (FIRST_USER_RECORD..mft.record_count()).filter_map(|number| mft.record(number).ok()).any(|record| {
        let header = record.header();
        let is_file = header.is_in_use() && record.is_base_record();
        is_file && names(&record).any(|(parent, name)| parent == 5 && !OF_WINDOWS.contains(&name.as_str()))
    })
}

/// The names of a record, each with the number of its directory.
fn names<'r>(record: &'r Record<'_>) -> impl Iterator<Item = (u64, String)> + 'r {
    let names = record.attributes().filter_map(Result::ok);
    names.filter_map(|attribute: Attribute<'_>| {
        let (name, _) = attribute.file_name().ok()?;
        Some((name.parent().record_number(), name.name().to_string()))
    })
}
