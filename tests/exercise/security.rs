//! Security descriptors, and the stream that holds them all.

use ntfs_salvage::structure::value::{AccessControlList, SecurityDescriptor};
use ntfs_salvage::structure::{SecurityEntry, security_hash};

use super::{damaged, debug, inside, see, show, sid, sound};

/// The bytes as a descriptor, and as an entry of `$SDS`.
pub(crate) fn any(bytes: &[u8]) {
    if let Some(view) = sound(SecurityDescriptor::parse(bytes)) {
        assert_eq!(SecurityDescriptor::parse(bytes), Ok(view));
        descriptor(view, bytes);
    }
    let Some(entry) = sound(SecurityEntry::parse(bytes)) else { return };
    inside(entry.descriptor(), bytes);
    assert_eq!(entry.hash_matches(), security_hash(entry.descriptor()) == entry.header().hash);
    assert!(entry.belongs_at(entry.header().offset));
    see(entry.belongs_at(u64::MAX));
    sound(SecurityDescriptor::parse(entry.descriptor())).into_iter().for_each(|view| descriptor(view, bytes));
}

pub(crate) fn descriptor(view: SecurityDescriptor<'_>, whole: &[u8]) {
    see((view.revision(), view.control(), view.allows_everyone()));
    let owners = [view.owner(), view.group()];
    owners.into_iter().filter_map(sound).flatten().for_each(|owner| sid(owner, whole));
    let lists = [view.system_list(), view.discretionary_list()];
    lists.into_iter().filter_map(sound).flatten().for_each(|list| access_control_list(list, whole));
}

fn access_control_list(list: AccessControlList<'_>, whole: &[u8]) {
    see((list.revision(), list.size()));
    list.damage().into_iter().for_each(damaged);
    let mut entries = list.entries();
    let mut count = 0;
    for entry in entries.by_ref() {
        count += 1;
        let Some(entry) = sound(entry) else { continue };
        debug(&entry.entry_type());
        see(entry.flags());
        inside(entry.bytes(), whole);
        let Some(access) = sound(entry.access()).flatten() else { continue };
        sid(access.sid, entry.bytes());
        inside(access.application_data, entry.bytes());
        [access.object_type, access.inherited_object_type].iter().flatten().for_each(show);
    }
    assert!(count <= usize::from(list.count()) && entries.next().is_none() && entries.next().is_none());
}
