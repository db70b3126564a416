//! One record in full: where it lies, its header, and every attribute with what it says.

mod lines;
mod security;
mod values;

use std::fmt::{self, Write};

use ntfs_salvage::structure::{Attribute, DataRun, NonResident, RecordFlags};
use ntfs_salvage::volume::Location;
use ntfs_salvage::{Catalog, Error, FileReference, Record, Volume};

use crate::command::failure::Failure;
use crate::command::record_choice::RecordChoice;
use crate::input::volumes::Opened;
use crate::writing::text::shown;

/// The view of the record that is asked for.
pub fn view(opened: &Opened<'_>, choice: RecordChoice, catalog: &Catalog<'_>) -> Result<String, Failure> {
    let mft = opened.volume.mft();
    let number = choice.number;
    if number >= mft.record_count() {
        let count = mft.record_count();
        return Err(Failure::Message(format!("no record {number} in {opened}: its table has {count} records")));
    }
    let record = match mft.record(number) {
        Ok(record) => record,
        Err(error) => return no_record(opened, choice, &error),
    };
    let found = record.header().sequence_number();
    if let Some(wanted) = choice.sequence.filter(|&wanted| wanted != found) {
        let message = format!("record {number} of {opened} has sequence number {found}, not {wanted}");
        return Err(Failure::Message(message));
    }
    let mut out = String::new();
    let written = write_file(&mut out, opened, &record, catalog);
    written.map(|()| out).map_err(|error| Failure::new("cannot show the record", error))
}

/// A slot without a record is shown as it is, unless a certain record is asked for.
fn no_record(opened: &Opened<'_>, choice: RecordChoice, error: &Error) -> Result<String, Failure> {
    let number = choice.number;
    let slot = opened.volume.mft().slot(number).ok().filter(|_| choice.sequence.is_none());
    let Some((bytes, _)) = slot else {
        return Err(Failure::new(format_args!("no record in slot {number} of {opened}"), error));
    };
    let mut out = format!("slot {number} of {opened}: {error}\n");
    let written = write_places(&mut out, opened, number).and_then(|()| lines::write_hex(&mut out, &bytes, "  "));
    written.map(|()| out).map_err(|error| Failure::new("cannot show the slot", error))
}

fn write_file(out: &mut String, opened: &Opened<'_>, record: &Record<'_>, catalog: &Catalog<'_>) -> fmt::Result {
    write_record(out, opened, record)?;
    let Ok(entry) = catalog.entry(record.number()) else {
        return writeln!(out, "\nno file: the record shows no evidence of one");
    };
    writeln!(out, "\nfile {} ({})", entry.reference(), entry.state().name())?;
    for link in entry.links() {
        let path = catalog.paths().path(link.parent(), link.name());
        writeln!(out, "  path {}", shown(&path.text))?;
    }
    for damage in entry.damage() {
        writeln!(out, "  damage {}: {damage}", damage.kind.code())?;
    }
    for extension in entry.extension_records().iter().filter(|extension| extension.number() != record.number()) {
        writeln!(out)?;
        write_record(out, opened, extension)?;
    }
    Ok(())
}

fn write_record(out: &mut String, opened: &Opened<'_>, record: &Record<'_>) -> fmt::Result {
    let (number, header) = (record.number(), record.header());
    let signature = if header.is_baad() { "BAAD" } else { "FILE" };
    writeln!(out, "record {} of {opened}", record.reference())?;
    write_places(out, opened, number)?;
    writeln!(out, "  signature {signature}, flags {}, links {}", flags(header.flags()), header.link_count())?;
    match header.base_reference() {
        base if record.is_base_record() => writeln!(out, "  base record ({base})")?,
        base => writeln!(out, "  extension of record {base}")?,
    }
    let own = header.own_number().map_or("none".into(), |number| number.to_string());
    writeln!(out, "  own number {own}, next attribute id {}, LSN {}", header.next_attribute_id(), header.lsn())?;
    let (used, allocated, slack) = (header.used_size(), header.allocated_size(), record.slack());
    let written = slack.iter().filter(|byte| **byte != 0).count();
    writeln!(out, "  {used} of {allocated} bytes used, {} bytes slack, {written} of them not zero", slack.len())?;
    let update = record.update_sequence();
    let strides: Vec<_> = (0..update.strides()).filter(|&stride| update.is_torn(stride)).collect();
    writeln!(out, "  update sequence {:#06x}, torn strides {strides:?}", update.number())?;
    for damage in record.damage() {
        writeln!(out, "  damage {}: {damage}", damage.kind.code())?;
    }
    for attribute in record.attributes() {
        match attribute {
            Ok(attribute) => write_attribute(out, &opened.volume, &attribute)?,
            Err(damage) => writeln!(out, "\n  damage {}: {damage}", damage.kind.code())?,
        }
    }
    Ok(())
}

fn flags(flags: RecordFlags) -> String {
    let names: Vec<_> = flags.iter_names().map(|(name, _)| name.to_owned()).collect();
    format!("{:#x} ({})", flags.bits(), names.join(" "))
}

/// Where the record lies in the input.
fn write_places(out: &mut String, opened: &Opened<'_>, number: u64) -> fmt::Result {
    let mft = opened.volume.mft();
    for extent in mft.places(number) {
        match extent.location {
            Location::At(position) => {
                let position = position.saturating_add(opened.start);
                writeln!(out, "  lies at byte {position} ({position:#x}) of the input, {} bytes", extent.length)?;
            }
            Location::Hole | Location::Unmapped => writeln!(out, "  {} bytes have no known place", extent.length)?,
        }
    }
    Ok(())
}

fn write_attribute(out: &mut String, volume: &Volume<'_>, attribute: &Attribute<'_>) -> fmt::Result {
    let kind = attribute.attribute_type();
    write!(out, "\n  {:#06x} {kind} ({:#x}), id {}", attribute.place().offset, kind.0, attribute.id())?;
    if !attribute.name().is_empty() {
        write!(out, ", name {:?}", attribute.name())?;
    }
    let form = if attribute.is_resident() { "resident" } else { "non-resident" };
    write!(out, ", {form}, flags {:#x}", attribute.flags().bits())?;
    writeln!(out, "{}", if attribute.is_indexed() { ", indexed" } else { "" })?;
    for damage in attribute.damage().into_iter().chain(attribute.value_damage()) {
        writeln!(out, "    damage {}: {damage}", damage.kind.code())?;
    }
    match attribute.non_resident() {
        Some(piece) => {
            write_non_resident(out, attribute, &piece)?;
            values::write_from_clusters(out, volume, attribute)
        }
        None => match attribute.value() {
            Ok(value) => values::write_value(out, attribute, &value),
            Err(_) => lines::write_hex(out, attribute.resident_slot(), "    "),
        },
    }
}

fn write_non_resident(out: &mut String, attribute: &Attribute<'_>, piece: &NonResident<'_>) -> fmt::Result {
    let highest = piece.highest_vcn().cast_signed();
    writeln!(out, "    clusters {} to {highest}, compression unit {}", piece.lowest_vcn(), piece.compression_unit())?;
    if piece.lowest_vcn() == 0 {
        let (size, initialized) = (piece.data_size(), piece.initialized_size());
        write!(out, "    {size} bytes, {initialized} initialized, {} allocated", piece.allocated_size())?;
        match attribute.total_allocated() {
            Some(total) => writeln!(out, ", {total} of them really")?,
            None => writeln!(out)?,
        }
    }
    for run in piece.data_runs().into_iter().flatten().map_while(Result::ok) {
        write_run(out, run)?;
    }
    Ok(())
}

fn write_run(out: &mut String, run: DataRun) -> fmt::Result {
    match run.lcn {
        Some(lcn) => writeln!(out, "    run: VCN {} at LCN {lcn}, {} clusters", run.vcn, run.clusters),
        None => writeln!(out, "    run: VCN {} is a hole of {} clusters", run.vcn, run.clusters),
    }
}

/// A reference with its parts.
fn reference(reference: FileReference) -> String {
    format!("record {reference}")
}
