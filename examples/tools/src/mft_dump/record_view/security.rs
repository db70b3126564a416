//! Security descriptors: owner, group, and who may do what.

use std::fmt::{self, Write};

use ntfs_salvage::structure::value::{AccessControlEntry, AccessControlList, SecurityDescriptor};
use ntfs_salvage::{Damage, Sid};

use super::lines::{hex, names, write_damage};

pub fn write_descriptor(out: &mut String, descriptor: &SecurityDescriptor<'_>) -> fmt::Result {
    let control = descriptor.control();
    let names_of_control = names(control.iter_names());
    writeln!(out, "    revision {}, control {:#x} {names_of_control}", descriptor.revision(), control.bits())?;
    write_sid(out, "owner", descriptor.owner())?;
    write_sid(out, "group", descriptor.group())?;
    if descriptor.allows_everyone() {
        writeln!(out, "    no discretionary list: everyone may do everything")?;
    }
    write_list(out, "discretionary list", descriptor.discretionary_list())?;
    write_list(out, "system list", descriptor.system_list())
}

fn write_sid(out: &mut String, whose: &str, sid: Result<Option<Sid<'_>>, Damage>) -> fmt::Result {
    match sid {
        Ok(Some(sid)) => writeln!(out, "    {whose} {sid}"),
        Ok(None) => Ok(()),
        Err(damage) => write_damage(out, &damage),
    }
}

fn write_list(out: &mut String, what: &str, list: Result<Option<AccessControlList<'_>>, Damage>) -> fmt::Result {
    let list = match list {
        Ok(Some(list)) => list,
        Ok(None) => return Ok(()),
        Err(damage) => return write_damage(out, &damage),
    };
    writeln!(out, "    {what}: revision {}, {} entries, {} bytes", list.revision(), list.count(), list.size())?;
    for entry in list.entries() {
        match entry {
            Ok(entry) => write_entry(out, &entry)?,
            Err(damage) => write_damage(out, &damage)?,
        }
    }
    Ok(())
}

fn write_entry(out: &mut String, entry: &AccessControlEntry<'_>) -> fmt::Result {
    let flags = entry.flags();
    write!(out, "      {:?} flags {:#x} {}", entry.entry_type(), flags.bits(), names(flags.iter_names()))?;
    match entry.access() {
        Ok(Some(access)) => {
            write!(out, " mask {:#010x} {}", access.mask, access.sid)?;
            if let Some(guid) = access.object_type {
                write!(out, " object {guid}")?;
            }
            if let Some(guid) = access.inherited_object_type {
                write!(out, " inherited by {guid}")?;
            }
            match access.application_data {
                [] => writeln!(out),
                data => writeln!(out, " data {}", hex(data)),
            }
        }
        Ok(None) => writeln!(out, " {}", hex(entry.bytes())),
        Err(damage) => writeln!(out).and_then(|()| write_damage(out, &damage)),
    }
}
