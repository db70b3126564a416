//! The records of ordinary files, and the extension records of those that need more than one.

use super::TableWriter;
use super::clusters::{Run, clusters_for};
use super::contents::{Contents, Form, SYMLINK, name_attribute_length};
use super::names::{self, Name};
use super::random::{Random, Topic};
use super::record::{
    ATTRIBUTE_LIST, COMPRESSED, DATA, FILE_NAME, Header, IN_USE, LOGGED_UTILITY_STREAM, NonResident, OBJECT_ID,
    REPARSE_POINT, STANDARD_INFORMATION, aligned,
};
use super::tree::{ListPlan, Tree};

/// Clusters of a compression unit.
const UNIT: u64 = 16;
/// Most bytes of `$FILE_NAME` attributes that a base record is given.
const NAMES_ROOM: usize = 700;

/// A name and the reference of the directory it stands in.
type Link = (u64, Name);

pub(crate) fn make(writer: &mut TableWriter, slot: u64) {
    let tree = writer.tree;
    let links = links(&tree, slot);
    let contents = contents(&tree, slot, &links);
    let plan = tree.list_plan_of(slot);
    let mut random = tree.random(slot, Topic::Record);
    let elsewhere = plan.map_or(0, |plan| extension_links(&tree, plan).len());
    writer.record.start(header(&tree, slot, links.len() + elsewhere, &mut random));

    let id = writer.record.take_id();
    writer.record.resident(STANDARD_INFORMATION, "", id, &contents.standard_information(random.below(1 << 36)));
    if let Some(plan) = plan {
        let id = writer.record.take_id();
        writer.record.resident(ATTRIBUTE_LIST, "", id, &attribute_list(&tree, plan, links.len() as u16, &contents));
    }
    for (parent, name) in &links {
        let id = writer.record.take_id();
        writer.record.resident(FILE_NAME, "", id, &contents.file_name_in_record(*parent, name, 0, &mut random));
    }
    if contents.object_id {
        let id = writer.record.take_id();
        writer.record.resident(OBJECT_ID, "", id, &[random.next().to_le_bytes(), random.next().to_le_bytes()].concat());
    }
    if plan.is_none_or(|plan| !plan.fragmented) {
        add_stream(writer, slot, &contents);
    }
    if plan.is_none() {
        add_extras(writer, &contents, &mut random);
    }
}

/// The record of a file's stream piece, or of its further hard links.
pub(crate) fn make_extension(writer: &mut TableWriter, slot: u64, base: u64, piece: usize) {
    let tree = writer.tree;
    let mut random = tree.random(slot, Topic::Record);
    let contents = contents(&tree, base, &links(&tree, base));
    let header = Header { base: tree.reference(base), ..header(&tree, slot, 0, &mut random) };
    writer.record.start(header);
    match tree.list_plan_of(base) {
        Some(plan) if plan.fragmented => add_piece(writer, base, &contents, piece),
        Some(plan) => {
            for (parent, name) in extension_links(&tree, plan) {
                let value = contents.file_name_in_record(parent, &name, 0, &mut random);
                let id = writer.record.take_id();
                writer.record.resident(FILE_NAME, "", id, &value);
            }
        }
        None => unreachable!("an extension record of a file without a list"),
    }
}

pub(crate) fn header(tree: &Tree, slot: u64, links: usize, random: &mut Random) -> Header {
    let sequence = tree.sequence(slot);
    Header {
        number: slot,
        sequence,
        links: links as u16,
        flags: if tree.is_deleted(slot) { 0 } else { IN_USE },
        base: 0,
        log_sequence: (slot << 12) + random.below(1 << 12),
        // Only a slot that was used before has anything to leave.
        keep_slack: sequence > 1,
    }
}

/// All names in the base record; a hundredth of the files has a hard link from another directory.
pub(crate) fn links(tree: &Tree, slot: u64) -> Vec<Link> {
    let parent = tree.parent_reference(slot);
    let mut links: Vec<Link> = names::of(tree, slot, false).into_iter().map(|name| (parent, name)).collect();
    if tree.random(slot, Topic::ShortName).next().is_multiple_of(100) && tree.list_plan_of(slot).is_none() {
        for directory in tree.link_parents(slot, 1) {
            links.push((tree.reference(directory), names::of_link(tree, slot, 0)));
        }
    }
    while names_length(&links) > NAMES_ROOM {
        links.pop();
    }
    links
}

pub(crate) fn contents(tree: &Tree, slot: u64, links: &[Link]) -> Contents {
    Contents::of_file(tree, slot, names_length(links))
}

fn names_length(links: &[Link]) -> usize {
    links.iter().map(|(_, name)| name_attribute_length(name)).sum()
}

/// The hard links in a file's extension record: one to three, as many as fit.
fn extension_links(tree: &Tree, plan: ListPlan) -> Vec<Link> {
    if plan.fragmented {
        return Vec::new();
    }
    let count = tree.random(plan.base, Topic::Links).between(1, 3);
    let parents = tree.link_parents(plan.base, count).into_iter().map(|directory| tree.reference(directory));
    let mut links: Vec<Link> = parents.zip((0..).map(|link| names::of_link(tree, plan.base, link))).collect();
    while names_length(&links) > NAMES_ROOM {
        links.pop();
    }
    links
}

/// The attributes in the order and with the ids that [`make`] and [`make_extension`] give them.
fn attribute_list(tree: &Tree, plan: ListPlan, names: u16, contents: &Contents) -> Vec<u8> {
    let base = tree.reference(plan.base);
    let [first, second] = plan.extensions.map(|slot| tree.reference(slot));
    let mut list = Vec::with_capacity(256);
    let mut add = |code: u32, lowest: u64, reference: u64, id: u16| {
        list.extend(code.to_le_bytes());
        list.extend([32, 0, 0, 26]);
        list.extend(lowest.to_le_bytes());
        list.extend(reference.to_le_bytes());
        list.extend(id.to_le_bytes());
        list.resize(list.len() + 6, 0);
    };
    add(STANDARD_INFORMATION, 0, base, 0);
    (0..names).for_each(|name| add(FILE_NAME, 0, base, 2 + name));
    (0..extension_links(tree, plan).len()).for_each(|name| add(FILE_NAME, 0, first, name as u16));
    if plan.fragmented {
        add(DATA, 0, first, 0);
        add(DATA, first_piece(contents), second, 0);
    } else {
        add(DATA, 0, base, 2 + names);
    }
    list
}

/// Clusters in the first of two pieces.
fn first_piece(contents: &Contents) -> u64 {
    clusters_for(contents.size) / 2
}

fn add_piece(writer: &mut TableWriter, base: u64, contents: &Contents, piece: usize) {
    let (all, first) = (clusters_for(contents.size), first_piece(contents));
    let (lowest, count) = if piece == 0 { (0, first) } else { (first, all - first) };
    let pieces = if let Form::Runs(pieces) = contents.form { pieces / 2 } else { 1 };
    let mut random = writer.tree.random(base + piece as u64, Topic::Clusters);
    let runs = writer.clusters.allocate(count, pieces, writer.tree.is_deleted(base), &mut random);
    let id = writer.record.take_id();
    writer.record.non_resident(DATA, "", id, &NonResident { lowest, runs, ..sizes(contents) });
}

fn add_stream(writer: &mut TableWriter, slot: u64, contents: &Contents) {
    let mut random = writer.tree.random(slot, Topic::Clusters);
    let id = writer.record.take_id();
    let pieces = match contents.form {
        Form::Resident => {
            let text: Vec<u8> = (0..contents.size.div_ceil(8)).flat_map(|_| random.next().to_le_bytes()).collect();
            return writer.record.resident(DATA, "", id, &text[..contents.size as usize]);
        }
        Form::Runs(pieces) => pieces,
        Form::Compressed => 1,
    };
    let free = writer.tree.is_deleted(slot);
    // A run takes at most nine bytes: four of length, four of position.
    let most = (writer.record.room() as u64 - 80) / 9;
    let runs = if contents.form == Form::Compressed {
        let units = contents.allocated / super::CLUSTER_SIZE / UNIT;
        compressed_runs(writer, units, most, free, &mut random)
    } else {
        writer.clusters.allocate(clusters_for(contents.size), pieces.min(most), free, &mut random)
    };
    writer.record.non_resident(DATA, "", id, &NonResident { runs, ..sizes(contents) });
}

/// Each unit half full: eight clusters and a hole of eight; a stream of many units is stored plain at its end.
fn compressed_runs(writer: &mut TableWriter, units: u64, most: u64, free: bool, random: &mut Random) -> Vec<Run> {
    let packed = units.min((most.saturating_sub(1)) / 2);
    let mut runs = Vec::new();
    for _ in 0..packed {
        runs.extend(writer.clusters.allocate(UNIT / 2, 1, free, random));
        runs.push(Run { start: None, count: UNIT / 2 });
    }
    if units > packed {
        runs.extend(writer.clusters.allocate((units - packed) * UNIT, 1, free, random));
    }
    runs
}

fn sizes(contents: &Contents) -> NonResident {
    NonResident {
        allocated: contents.allocated,
        size: contents.size,
        initialized: contents.initialized,
        flags: if contents.form == Form::Compressed { COMPRESSED } else { 0 },
        ..NonResident::default()
    }
}

/// What few files have, where there is room for it: a named stream, a link's target, transaction data.
fn add_extras(writer: &mut TableWriter, contents: &Contents, random: &mut Random) {
    const ZONE: &[u8] = b"[ZoneTransfer]\r\nZoneId=3\r\n";
    const STREAMS: [&str; 4] = ["Zone.Identifier", "Zone.Identifier", "encryptable", "SummaryInformation"];
    let (stream, transaction) = (random.per_mille(10), random.per_mille(1));
    let record = &mut writer.record;
    if stream && record.room() >= 160 {
        let id = record.take_id();
        let value = random.choose(&[ZONE, ZONE, ZONE, b""]);
        record.resident(DATA, random.choose(&STREAMS), id, value);
    }
    if contents.symlink {
        let id = record.take_id();
        record.resident(REPARSE_POINT, "", id, &symlink("Data\\Current"));
    }
    if transaction && record.room() >= 104 {
        let id = record.take_id();
        let mut value = vec![0; aligned(56)];
        value[..8].copy_from_slice(&(5 | 5_u64 << 48).to_le_bytes());
        record.resident(LOGGED_UTILITY_STREAM, "$TXF_DATA", id, &value);
    }
}

/// A relative symbolic link: the target once as substitute, once as print name.
fn symlink(target: &str) -> Vec<u8> {
    let name: Vec<u8> = target.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let len = name.len() as u16;
    let mut value = Vec::with_capacity(20 + 2 * name.len());
    value.extend(SYMLINK.to_le_bytes());
    [12 + 2 * len, 0, 0, len, len, len].iter().for_each(|word| value.extend(word.to_le_bytes()));
    value.extend(1_u32.to_le_bytes());
    value.extend_from_slice(&name);
    value.extend_from_slice(&name);
    value
}
