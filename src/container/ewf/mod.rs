//! EWF-E01, the evidence files of EnCase, FTK Imager, Guymager, ewfacquire and their kin, and SMART's.
//!
//! Reference: J. Metz, "Expert Witness Compression Format", of libewf.

mod chunks;
pub(super) mod facts;
pub(super) mod names;
mod section;
#[cfg(test)]
mod tests;

use std::ops::Range;

use simd_adler32::adler32;

use super::files::{Files, ImageFile, bytes_of};
use super::image::{Facts, Format, Image, Map, Request};
use super::piece::{Loss, Piece};
use crate::base::error::Result;
use crate::base::le;
use chunks::{Chunks, Listed, Table};
use facts::Geometry;
use section::{Kind, Section, Step, Walk};

/// The format.
#[derive(Debug)]
pub(crate) struct Ewf;

const SIGNATURE: &[u8] = b"EVF\x09\x0D\x0A\xFF\x00";
const LOGICAL: &[u8] = b"LVF\x09\x0D\x0A\xFF\x00";
const ENCRYPTED: &[u8] = b"ADCRYPT\0";

/// Notes of one kind a set can have before the rest is left out.
const MOST_NOTES: usize = 20;

/// Sections other than tables are small; nothing longer is read.
const LONGEST: u64 = 64 << 20;

impl Format for Ewf {
    fn name(&self) -> &'static str {
        "EWF-E01"
    }

    fn recognizes(&self, request: &Request<'_>) -> bool {
        let is_signed = [SIGNATURE, LOGICAL, ENCRYPTED].iter().any(|known| request.head.starts_with(known));
        is_signed || section::starts_behind_header(&request.head)
    }

    fn open(&self, request: &Request<'_>) -> Result<Image> {
        if request.head.starts_with(LOGICAL) {
            return Err(self.refuse("this is a logical image (L01): it holds files, not a disk".to_owned()));
        }
        if request.head.starts_with(ENCRYPTED) {
            return Err(
                self.refuse("it is encrypted (AD encryption); decrypt it with the program that made it".to_owned())
            );
        }
        let segments = segments(request);
        let mut set = Set::default();
        for (number, file) in &segments {
            set.read_segment(*number, file);
        }
        set.finish().map_err(|reason| self.refuse(reason))
    }
}

/// True where a file is a segment, even if its header is damaged.
fn is_segment(file: &ImageFile) -> bool {
    let head = bytes_of(file.source.as_ref(), 0, 13 + 76);
    number_of(file).is_some()
        || head.is_some_and(|head| !head.starts_with(LOGICAL) && section::starts_behind_header(&head))
}

/// The number that a segment file has in its header.
fn number_of(file: &ImageFile) -> Option<u64> {
    let header = bytes_of(file.source.as_ref(), 0, 13)?;
    header.starts_with(SIGNATURE).then(|| le::u16_at(&header, 9)).flatten().map(u64::from)
}

/// The segment files that are there, in order, each with its number. The numbers in their headers are believed if
/// they make a set without gaps; else those of their names, where they have any.
fn segments(request: &Request<'_>) -> Vec<(u64, ImageFile)> {
    let own = names::of_the_set(
        &request.file.path,
        &request.file.path.file_name().map(Into::into).into_iter().collect::<Vec<_>>(),
    );
    let mut found = vec![(number_of(request.file), own.first().map(|(number, _)| *number), request.file.clone())];
    for (by_name, name) in names::of_the_set(&request.file.path, request.neighbours.names()) {
        let is_known = request.file.path.file_name() == Some(&name);
        let Ok(Some(file)) = request.neighbours.open(&name) else { continue };
        if !is_known && is_segment(&file) {
            found.push((number_of(&file), Some(by_name), file));
        }
    }
    let mut numbers: Vec<_> = found.iter().filter_map(|(by_header, ..)| *by_header).collect();
    numbers.sort_unstable();
    let is_whole = (1..).zip(&numbers).all(|(expected, &number)| expected == number) && numbers.len() == found.len();
    let number = |(by_header, by_name, file): (Option<u64>, Option<u64>, ImageFile)| {
        let number = if is_whole { by_header } else { by_name.or(by_header) };
        (number.unwrap_or(1), file)
    };
    let mut found: Vec<_> = found.into_iter().map(number).collect();
    found.sort_by_key(|(number, _)| *number);
    found.dedup_by_key(|(number, _)| *number);
    found
}

/// What was found of a set so far.
#[derive(Default)]
struct Set {
    files: Files,
    geometry: Option<Geometry>,
    /// Tables in order, and `None` where some may be missing.
    parts: Vec<Option<Table>>,
    /// Contents of error lists, to be read when the sector size is known.
    errors: Vec<Vec<u8>>,
    facts: Facts,
    next_number: u64,
    is_done: bool,
}

impl Set {
    fn note(&mut self, note: String) {
        if self.facts.notes.len() < MOST_NOTES {
            self.facts.notes.push(note);
        }
    }

    fn read_segment(&mut self, number: u64, file: &ImageFile) {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let expected = self.next_number.max(1);
        if number > expected {
            self.note(format!("segment {expected} is missing; the next that is there is {number}, {name}"));
            self.parts.push(None);
        }
        self.next_number = number.saturating_add(1);
        let index = self.files.add(file.clone());
        let files = std::mem::take(&mut self.files);
        let mut walk = Walk::new(&files, index);
        let (mut segment, mut sectors) = (Vec::new(), None);
        let mut parts = Parts { file: index, files: &files, found: Vec::new() };
        for step in walk.by_ref() {
            match step {
                Step::Section(section) => {
                    self.is_done = section.kind == Kind::Done;
                    match section.kind {
                        Kind::Sectors => sectors = Some(section),
                        Kind::Table => parts.table(&section, sectors.take()),
                        Kind::Table2 => parts.table2(&section, sectors.take()),
                        _ => segment.push(section),
                    }
                }
                Step::Gap => parts.found.push(None),
                Step::Cut => {
                    self.is_done = false;
                    parts.found.push(None);
                }
            }
        }
        let notes = std::mem::take(&mut walk.notes);
        let found = std::mem::take(&mut parts.found);
        let is_own = self.describe(&segment, &files, index);
        self.files = files;
        match is_own {
            true => self.parts.extend(found),
            false => {
                self.note(format!("{name} is of another set, and is left out"));
                self.parts.push(None);
            }
        }
        notes.into_iter().for_each(|note| self.note(format!("{name}: {note}")));
    }

    /// Reads what a segment says of the media; false where it is of another set.
    fn describe(&mut self, sections: &[Section], files: &Files, file: usize) -> bool {
        for section in sections {
            let length = section.content_length().min(LONGEST);
            let bytes = || files.bytes(file, section.content(), length).unwrap_or_default();
            match section.kind {
                Kind::Volume => match (Geometry::parse(&bytes()), self.geometry) {
                    (None, _) => self.note(format!("the volume section at byte {} is damaged", section.start)),
                    (Some(geometry), None) => self.geometry = Some(geometry),
                    (Some(geometry), Some(known)) => {
                        let are_named = geometry.set != [0; 16] && known.set != [0; 16];
                        if are_named && geometry.set != known.set {
                            return false;
                        }
                        if geometry.is_proven && !known.is_proven {
                            self.geometry = Some(geometry);
                        }
                    }
                },
                Kind::Header => facts::header(&bytes(), &mut self.facts),
                Kind::Hash => facts::hash(&bytes(), &mut self.facts),
                Kind::Digest => facts::digest(&bytes(), &mut self.facts),
                Kind::Errors => self.errors.push(bytes()),
                _ => {}
            }
        }
        true
    }

    fn finish(mut self) -> Result<Image, String> {
        let Some(geometry) = self.geometry else {
            return Err("neither volume nor data section can be read: put the first segment beside this one".to_owned());
        };
        if !self.is_done {
            self.note("the last segment is missing or cut".to_owned());
            self.parts.push(None);
        }
        let counted = self.parts.iter().flatten().fold(0_u64, |sum, table| sum.saturating_add(table.entries.count));
        let by_size = geometry.size().div_ceil(geometry.chunk_size.max(1));
        let total = if geometry.sectors == 0 { geometry.chunks.max(counted) } else { by_size };
        let (tables, missing) = chunks::place(self.parts, total);
        let size = match geometry.sectors {
            0 => total.saturating_mul(geometry.chunk_size),
            _ => geometry.size(),
        };
        let mut map = Chunks::new(geometry.chunk_size, size, tables);
        let size = if geometry.sectors == 0 { without_padding(&map, size, &self.files) } else { size };
        map.end_at(size);
        let bytes = |chunks: Range<u64>| {
            chunks.start.saturating_mul(geometry.chunk_size)..chunks.end.saturating_mul(geometry.chunk_size)
        };
        let mut lost: Vec<_> = missing.map(|chunks| (bytes(chunks), Loss::MissingFile)).into_iter().collect();
        for errors in &self.errors {
            lost.extend(facts::errors(errors, geometry.sector_size, &mut self.facts));
        }
        let mut image = Image::new("EWF-E01", size, self.files, Box::new(map));
        image.sector_size = Some(geometry.sector_size);
        image.lost = lost;
        image.facts = self.facts;
        Ok(image)
    }
}

/// The size of a media whose writer did not say it: its last chunk ends where the content does.
fn without_padding(map: &Chunks, size: u64, files: &Files) -> u64 {
    let Some(last) = size.checked_sub(1) else { return size };
    let Piece::Packed(unit) = map.run_at(last, 1, files).piece else { return size };
    let stored = u64::from(unit.stored).min(files.size(unit.file).saturating_sub(unit.offset));
    let packed = files.bytes(unit.file, unit.offset, stored).unwrap_or_default();
    let length = super::decode::length_of(unit.encoding, &packed, unit.length);
    unit.start.saturating_add(length.unwrap_or(u64::from(unit.length)).min(u64::from(unit.length)))
}

/// The tables of one segment.
struct Parts<'f> {
    file: usize,
    files: &'f Files,
    found: Vec<Option<Table>>,
}

impl Parts<'_> {
    /// A table, and the chunks before it, or, in the oldest files, inside of it.
    fn table(&mut self, section: &Section, sectors: Option<Section>) {
        let entries = self.listed(section);
        if sectors.is_none() && self.repeats_the_last(&entries) {
            // The name of a mirror is damaged.
            return self.table2(section, None);
        }
        let behind = entries.place.saturating_add(entries.count.saturating_mul(4)).saturating_add(4);
        let has_content = sectors.is_none() && section.end > behind.saturating_add(4);
        let end = match sectors {
            _ if has_content => section.end,
            Some(sectors) => sectors.end,
            None => section.start,
        };
        let mut entries = entries;
        if let (DAMAGED, Some(sectors)) = (entries.base, sectors) {
            entries.base = self.base_of(&entries, &sectors).unwrap_or(DAMAGED);
        }
        let state = std::sync::OnceLock::new();
        self.found.push(Some(Table { file: self.file, first: 0, entries, mirror: None, end, state }));
    }

    /// True where the entries are those of the table before.
    fn repeats_the_last(&self, entries: &Listed) -> bool {
        let Some(Some(table)) = self.found.last() else { return false };
        let first = |place| self.files.bytes(self.file, place, 4);
        let is_same = entries.count == table.entries.count && first(entries.place) == first(table.entries.place);
        is_same && table.mirror.is_none() && entries.count > 0
    }

    /// The mirror of the table before it; a table where that is lost.
    fn table2(&mut self, section: &Section, sectors: Option<Section>) {
        let listed = self.listed(section);
        match self.found.last_mut() {
            Some(Some(table)) if table.mirror.is_none() && sectors.is_none() => {
                // A table whose own header is damaged is that of its mirror, if that is sound.
                if !table.entries.is_told && listed.is_told {
                    table.entries = Listed { place: table.entries.place, ..listed };
                }
                table.mirror = Some(listed);
            }
            _ => self.table(section, sectors),
        }
    }

    /// What offsets count from where the table's header is damaged: the first chunk is the first in its section.
    fn base_of(&self, entries: &Listed, sectors: &Section) -> Option<u64> {
        let first = le::u32_at(&self.files.bytes(self.file, entries.place, 4)?, 0)?;
        sectors.content().checked_sub(u64::from(first & 0x7FFF_FFFF))
    }

    /// Where entries stand, by the header of their section; by the section's length where that is damaged.
    fn listed(&self, section: &Section) -> Listed {
        let header = self.files.bytes(self.file, section.content(), 24).unwrap_or_default();
        let place = section.content().saturating_add(24);
        let room = section.end.saturating_sub(place);
        let is_sound = header.get(..20).map(|head| adler32(&head)) == le::u32_at(&header, 20);
        let count = le::u32_at(&header, 0).map_or(0, u64::from);
        let needed = count.saturating_mul(4);
        match is_sound && needed <= room {
            true => {
                let base = le::u64_at(&header, 8).unwrap_or(0);
                Listed { place, count, base, is_told: true, has_checksum: room >= needed.saturating_add(4) }
            }
            false => {
                Listed { place, count: room.saturating_sub(4) / 4, base: DAMAGED, is_told: false, has_checksum: true }
            }
        }
    }
}

/// The base of a table whose header is damaged: no chunk lies there.
const DAMAGED: u64 = u64::MAX;
