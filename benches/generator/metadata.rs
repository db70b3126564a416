//! Records 0 to 26: the files that the volume keeps about itself.

use super::clusters::{MFT_START, Run, clusters_for, table_clusters};
use super::contents::{Contents, DIRECTORY_ATTRIBUTE};
use super::names::{Name, WIN32_AND_DOS};
use super::random::Topic;
use super::record::{
    BITMAP, DATA, DIRECTORY, FILE_NAME, Header, IN_EXTEND, IN_USE, INDEX_ROOT, NonResident, SECURITY_DESCRIPTOR,
    SPARSE, STANDARD_INFORMATION, VIEW_INDEX, VOLUME_INFORMATION, VOLUME_NAME,
};
use super::tree::ROOT;
use super::{CLUSTER_SIZE, RECORD_SIZE, TableWriter, directories};

/// How many records the metadata files take; ordinary files follow.
pub(crate) const RECORDS: u64 = 27;

const EXTEND: u64 = 11;
const NAMES: [&str; 12] = [
    "$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", ".", "$Bitmap", "$Boot", "$BadClus", "$Secure", "$UpCase",
    "$Extend",
];
const EXTEND_NAMES: [&str; 3] = ["$Quota", "$ObjId", "$Reparse"];

/// Owner and group: Administrators; everything allowed to SYSTEM.
const SECURITY: [u8; 80] = {
    let mut bytes = [0; 80];
    let mut at = 0;
    let parts: [(usize, &[u8]); 6] = [
        (0, &[1, 0, 4, 0x80, 48, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0]),
        (20, &[2, 0, 28, 0, 1, 0, 0, 0]),
        (28, &[0, 0, 20, 0, 0xFF, 1, 0x1F, 0]),
        (36, &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]),
        (48, &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0]),
        (64, &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0]),
    ];
    while at < parts.len() {
        let mut byte = 0;
        while byte < parts[at].1.len() {
            bytes[parts[at].0 + byte] = parts[at].1[byte];
            byte += 1;
        }
        at += 1;
    }
    bytes
};

pub(crate) fn parent(slot: u64) -> u64 {
    if slot >= 24 { EXTEND } else { ROOT }
}

pub(crate) fn make(writer: &mut TableWriter, slot: u64) {
    writer.record.start(Header {
        number: slot,
        sequence: slot.max(1) as u16,
        links: u16::from(name_of(slot).is_some()),
        flags: flags(slot),
        ..Header::default()
    });
    if (16..24).contains(&slot) {
        return; // formatted, and kept free
    }
    let contents = Contents::of_metadata();
    let id = writer.record.take_id();
    writer.record.resident(STANDARD_INFORMATION, "", id, &contents.standard_information(0));
    if let Some(name) = name_of(slot) {
        let value = file_name(writer, slot, name);
        let id = writer.record.take_id();
        writer.record.resident(FILE_NAME, "", id, &value);
    }
    if matches!(slot, 3 | 5 | 12..=15) {
        let id = writer.record.take_id();
        writer.record.resident(SECURITY_DESCRIPTOR, "", id, &SECURITY);
    }
    add_streams(writer, slot);
}

fn flags(slot: u64) -> u16 {
    match slot {
        5 | EXTEND => IN_USE | DIRECTORY,
        9 => IN_USE | VIEW_INDEX,
        16..24 => 0,
        24.. => IN_USE | IN_EXTEND | VIEW_INDEX,
        _ => IN_USE,
    }
}

fn name_of(slot: u64) -> Option<&'static str> {
    let extend = slot.checked_sub(24).and_then(|at| EXTEND_NAMES.get(at as usize));
    NAMES.get(slot as usize).or(extend).copied()
}

fn file_name(writer: &TableWriter, slot: u64, name: &str) -> Vec<u8> {
    let name = Name { namespace: WIN32_AND_DOS, units: name.encode_utf16().collect() };
    let kind = if matches!(slot, 5 | EXTEND) { DIRECTORY_ATTRIBUTE } else { 0 };
    Contents::of_metadata().file_name_in_index(writer.tree.reference(parent(slot)), &name, kind)
}

fn add_streams(writer: &mut TableWriter, slot: u64) {
    match slot {
        0 => add_table(writer),
        1 => add_run(writer, DATA, "", 2, 4096),
        2 => add_run(writer, DATA, "", 16, 64 << 20),
        3 => add_volume(writer),
        4 => add_run(writer, DATA, "", 4, 2560),
        5 => directories::add_large_index(writer, 16, &mut writer.tree.random(slot, Topic::Clusters)),
        6 => {
            let size = writer.clusters.total().div_ceil(64) * 8;
            add_run(writer, DATA, "", 20_000, size);
        }
        7 => add_run(writer, DATA, "", 0, 8192),
        8 => add_bad_clusters(writer),
        9 => {
            add_run(writer, DATA, "$SDS", 17_000, 0x40_000 + 64_000);
            add_view(writer, "$SDH", 0x12);
            add_view(writer, "$SII", 0x10);
        }
        10 => add_run(writer, DATA, "", 17_500, 131_072),
        EXTEND => add_extend(writer),
        24 => {
            add_view(writer, "$O", 0x11);
            add_view(writer, "$Q", 0x10);
        }
        25 => add_view(writer, "$O", 0x13),
        26 => add_view(writer, "$R", 0x13),
        _ => {
            let id = writer.record.take_id();
            writer.record.resident(DATA, "", id, &[]);
        }
    }
}

/// The table in up to four runs, and the bitmap of its records behind it.
fn add_table(writer: &mut TableWriter) {
    let records = writer.tree.records();
    let (clusters, size) = (table_clusters(records), records * RECORD_SIZE as u64);
    let pieces = if clusters >= 400 { 4 } else { 1 };
    let runs = (0..pieces).map(|piece| {
        let first = clusters * piece / pieces;
        let count = clusters * (piece + 1) / pieces - first;
        Run { start: Some(MFT_START + first + 100 * piece), count }
    });
    let runs = runs.collect();
    add_non_resident(writer, DATA, "", runs, size);
    add_run(writer, BITMAP, "", MFT_START + clusters + 1000, records.div_ceil(64) * 8);
}

fn add_volume(writer: &mut TableWriter) {
    let name: Vec<u8> = "Windows".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (code, value) in
        [(VOLUME_NAME, name.as_slice()), (VOLUME_INFORMATION, &[0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0x80, 0]), (DATA, &[])]
    {
        let id = writer.record.take_id();
        writer.record.resident(code, "", id, value);
    }
}

/// `$BadClus`: an empty stream, and `$Bad`, a hole as large as the volume.
fn add_bad_clusters(writer: &mut TableWriter) {
    let id = writer.record.take_id();
    writer.record.resident(DATA, "", id, &[]);
    let total = writer.clusters.total();
    let runs = vec![Run { start: None, count: total }];
    let size = total * CLUSTER_SIZE;
    let stream = NonResident { runs, allocated: size, size, flags: SPARSE, ..NonResident::default() };
    let id = writer.record.take_id();
    writer.record.non_resident(DATA, "$Bad", id, &stream);
}

fn add_extend(writer: &mut TableWriter) {
    let mut entries = Vec::new();
    let mut children: Vec<(u64, &str)> = (24..).zip(EXTEND_NAMES).collect();
    children.sort_by_key(|&(_, name)| name.to_ascii_uppercase());
    for (slot, name) in children {
        let key = file_name(writer, slot, name);
        entries.extend(directories::index_entry(writer.tree.reference(slot), &key));
    }
    entries.extend(directories::last_entry(false));
    let id = writer.record.take_id();
    writer.record.resident(INDEX_ROOT, "$I30", id, &directories::index_root(&entries, false));
}

/// An empty view index.
fn add_view(writer: &mut TableWriter, name: &str, collation: u32) {
    let id = writer.record.take_id();
    let value = directories::root_value(0, collation, &directories::last_entry(false), false);
    writer.record.resident(INDEX_ROOT, name, id, &value);
}

fn add_run(writer: &mut TableWriter, code: u32, name: &str, start: u64, size: u64) {
    add_non_resident(writer, code, name, vec![Run { start: Some(start), count: clusters_for(size) }], size);
}

fn add_non_resident(writer: &mut TableWriter, code: u32, name: &str, runs: Vec<Run>, size: u64) {
    let allocated = clusters_for(size) * CLUSTER_SIZE;
    let stream = NonResident { runs, allocated, size, initialized: size, ..NonResident::default() };
    let id = writer.record.take_id();
    writer.record.non_resident(code, name, id, &stream);
}
