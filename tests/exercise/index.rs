//! Indexes: roots, records, entries, and the standard views over them.

use ntfs_salvage::structure::{
    IndexEntries, IndexEntry, IndexNode, IndexRecord, IndexRoot, ObjectIdEntry, QuotaEntry, QuotaOwnerEntry,
    ReparseEntry, UpdateSequence, security_header,
};

use super::{damaged, debug, inside, see, show, sid, sound, value};

/// An INDX record as it lies on disk: repaired, then viewed.
pub(crate) fn record(bytes: &[u8]) {
    let mut repaired = bytes.to_vec();
    let sequence = UpdateSequence::repair(&mut repaired, 24, 24 + 16 + 256);
    assert_eq!(sequence, UpdateSequence::check(bytes, 24, 24 + 16 + 256), "repairing is checking and applying");
    sequence.damage(bytes).into_iter().for_each(damaged);
    let Some(view) = sound(IndexRecord::parse(&repaired)) else { return };
    assert_eq!(IndexRecord::parse(&repaired), Ok(view));
    debug(&view);
    see((view.log_sequence_number(), view.vcn()));
    view.damage().into_iter().for_each(damaged);
    node(view.node(), &repaired);
    entries(view.entries(), &repaired);
}

/// The root of an index, taken from the value of an attribute that lies in `whole`.
pub(crate) fn root(view: IndexRoot<'_>, whole: &[u8]) {
    debug(&view);
    see((view.indexed_type(), view.collation(), view.record_size(), view.blocks_per_record()));
    view.damage().into_iter().for_each(damaged);
    node(view.node(), whole);
    entries(view.entries(), whole);
}

fn node(node: IndexNode<'_>, whole: &[u8]) {
    debug(&node);
    see((node.first_entry_offset(), node.used_size(), node.allocated_size(), node.flags()));
    inside(node.slack(), whole);
    assert!(node.slack_offset() <= whole.len());
    node.damage().into_iter().for_each(damaged);
}

fn entries(mut entries: IndexEntries<'_>, whole: &[u8]) {
    let mut end = 0;
    for found in entries.by_ref() {
        let Some(found) = sound(found) else { continue };
        assert!(found.offset() >= end && found.bytes().len() >= 16, "entries overlap, or do not advance");
        end = found.offset() + found.bytes().len();
        entry(&found, whole);
    }
    see(entries.offset());
    assert!(entries.next().is_none() && entries.next().is_none(), "the walk is fused");
}

/// One entry, seen as every kind of entry there is.
fn entry(entry: &IndexEntry<'_>, whole: &[u8]) {
    debug(entry);
    inside(entry.bytes(), whole);
    inside(entry.key(), entry.bytes());
    show(&entry.file_reference());
    see((entry.flags(), entry.is_last(), entry.child_vcn()));
    sound(entry.data()).into_iter().for_each(|data| inside(data, entry.bytes()));
    sound(entry.file_name()).into_iter().for_each(|name| value::file_name(name, whole));
    // An entry is of one view: that it is none of the others is no news.
    see((security_header(entry).ok(), ReparseEntry::parse(entry).ok()));
    if let Ok(view) = ObjectIdEntry::parse(entry) {
        show(&view.reference());
        debug(&view.object_id());
    }
    QuotaOwnerEntry::parse(entry).into_iter().for_each(|owner| sid(owner.sid, whole));
    if let Ok(quota) = QuotaEntry::parse(entry) {
        see((quota.owner_id(), quota.version(), quota.flags(), quota.used(), quota.threshold(), quota.limit()));
        [quota.changed(), quota.exceeded()].iter().for_each(show);
        quota.sid().into_iter().for_each(|owner| sid(owner, whole));
    }
}
