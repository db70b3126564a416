//! EWF version 2, Ex01: what EnCase 7 and later write.
//!
//! Reference: J. Metz, "Expert Witness Compression Format version 2", of libewf.

mod section;
mod table;
#[cfg(test)]
mod tests;

use simd_adler32::adler32;

use super::decode::inflate_text;
use super::ewf::{facts, names};
use super::files::{Files, ImageFile, bytes_of};
use super::image::{Facts, Format, Image, Request};
use super::piece::Loss;
use crate::base::error::Result;
use crate::base::le;
use section::{Kind, Section, Walk};
use table::{Chunks, Table};

/// The format.
#[derive(Debug)]
pub(crate) struct Ewf2;

const SIGNATURE: &[u8] = b"EVF2\x0D\x0A\x81\x00";
const LOGICAL: &[u8] = b"LEF2\x0D\x0A\x81\x00";
/// Bytes of a segment's header.
const HEADER: u64 = 32;

/// Notes of one kind a set can have before the rest is left out.
const MOST_NOTES: usize = 20;

/// Sections other than tables and content are small; nothing longer is read.
const LONGEST: u64 = 64 << 20;

/// Chunks are decoded as a whole: no writer makes them larger.
const LARGEST_CHUNK: u64 = 64 << 20;

impl Format for Ewf2 {
    fn name(&self) -> &'static str {
        "EWF-Ex01"
    }

    fn recognizes(&self, request: &Request<'_>) -> bool {
        [SIGNATURE, LOGICAL].iter().any(|known| request.head.starts_with(known))
    }

    fn open(&self, request: &Request<'_>) -> Result<Image> {
        if request.head.starts_with(LOGICAL) {
            return Err(self.refuse("this is a logical image (Lx01): it holds files, not a disk".to_owned()));
        }
        self.read(request).map_err(|reason| self.refuse(reason))
    }
}

/// What a segment file says of itself at its start.
#[derive(Debug, Clone, Copy)]
struct Header {
    method: u16,
    number: u64,
    set: [u8; 16],
}

impl Header {
    fn of(file: &ImageFile) -> Option<Self> {
        let bytes = bytes_of(file.source.as_ref(), 0, HEADER).filter(|bytes| bytes.starts_with(SIGNATURE))?;
        let (method, number) = (le::u16_at(&bytes, 10)?, u64::from(le::u32_at(&bytes, 12)?));
        Some(Self { method, number, set: *le::array_at(&bytes, 16)? })
    }
}

impl Ewf2 {
    fn read(&self, request: &Request<'_>) -> Result<Image, String> {
        let own = Header::of(request.file).ok_or("its header cannot be read")?;
        match own.method {
            0 | 1 => {}
            2 => {
                return Err(
                    "it is compressed with bzip2, which is not read: acquire or convert it with zlib".to_owned()
                );
            }
            other => return Err(format!("compression method {other} is not known")),
        }
        let mut set = Set::default();
        let mut segments = vec![(own.number, request.file.clone())];
        for (_, name) in names::of_the_set(&request.file.path, request.neighbours.names()) {
            if request.file.path.file_name() == Some(&name) {
                continue;
            }
            let Ok(Some(file)) = request.neighbours.open(&name) else { continue };
            match Header::of(&file) {
                Some(header) if header.set == own.set => segments.push((header.number, file)),
                _ => set.note(format!("{} is of another set, and is left out", name.to_string_lossy())),
            }
        }
        segments.sort_by_key(|(number, _)| *number);
        segments.dedup_by_key(|(number, _)| *number);
        for (number, file) in segments {
            set.read_segment(number, file)?;
        }
        set.finish()
    }
}

/// How the media is cut into chunks.
#[derive(Debug, Clone, Copy, Default)]
struct Geometry {
    sectors: Option<u64>,
    sector_size: Option<u32>,
    sectors_in_a_chunk: Option<u64>,
}

/// What was found of a set so far.
#[derive(Default)]
struct Set {
    files: Files,
    geometry: Geometry,
    tables: Vec<Table>,
    /// Contents of error tables, to be read when the sector size is known.
    errors: Vec<Vec<u8>>,
    facts: Facts,
    last_number: u64,
    is_done: bool,
    /// Something that can have tables is missing.
    lacks_parts: bool,
}

impl Set {
    fn note(&mut self, note: String) {
        if self.facts.notes.len() < MOST_NOTES {
            self.facts.notes.push(note);
        }
    }

    fn read_segment(&mut self, number: u64, file: ImageFile) -> Result<(), String> {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let expected = self.last_number.saturating_add(1);
        if number > expected {
            self.note(format!("segment {expected} is missing; the next that is there is {number}, {name}"));
            self.lacks_parts = true;
        }
        self.last_number = number;
        let index = self.files.add(file);
        let files = std::mem::take(&mut self.files);
        let mut walk = Walk::new(&files, index);
        let sections: Vec<_> = walk.by_ref().collect();
        let notes = std::mem::take(&mut walk.notes);
        self.lacks_parts |= !notes.is_empty();
        self.is_done = sections.iter().any(|section| section.kind == Kind::Done);
        let described = sections.iter().rev().try_for_each(|section| self.describe(section, &files, index));
        self.files = files;
        notes.into_iter().for_each(|note| self.note(format!("{name}: {note}")));
        described
    }

    fn describe(&mut self, section: &Section, files: &Files, file: usize) -> Result<(), String> {
        if section.is_encrypted || section.kind == Kind::Keys {
            return Err("it is encrypted; decrypt it with EnCase, or with the program that made it".to_owned());
        }
        let length = section.length.min(LONGEST);
        let bytes = || files.bytes(file, section.start, length).unwrap_or_default();
        match section.kind {
            Kind::Device | Kind::Case => match inflate_text(&bytes()) {
                Some(text) => self.text(&text),
                None => self.note(format!("the text at byte {} is damaged", section.start)),
            },
            Kind::Table => match Table::read(files, file, section) {
                Some(table) => self.tables.push(table),
                None => {
                    self.lacks_parts = true;
                    self.note(format!("the sector table at byte {} is damaged", section.start));
                }
            },
            Kind::Errors => self.errors.push(bytes()),
            Kind::Md5 => self.hash("MD5", &bytes(), 16),
            Kind::Sha1 => self.hash("SHA-1", &bytes(), 20),
            Kind::Keys | Kind::Next | Kind::Done | Kind::Other => {}
        }
        Ok(())
    }

    fn hash(&mut self, algorithm: &'static str, bytes: &[u8], length: usize) {
        match facts::checked(bytes, length) {
            Some(value) => facts::add_hash(&mut self.facts, algorithm, value),
            None => self.note(format!("the stored {algorithm} is damaged")),
        }
    }

    /// Reads the device's or the case's text: its third line names the values of the fourth.
    fn text(&mut self, text: &[u8]) {
        for (tag, value) in facts::columns(text) {
            let number = value.parse::<u64>().ok();
            let geometry = &mut self.geometry;
            match tag.as_str() {
                "ts" => geometry.sectors = geometry.sectors.or(number),
                "bp" => {
                    geometry.sector_size = geometry.sector_size.or(number.and_then(|number| number.try_into().ok()));
                }
                "sb" => geometry.sectors_in_a_chunk = geometry.sectors_in_a_chunk.or(number),
                _ => {}
            }
        }
        facts::fields(text, &mut self.facts);
    }

    fn finish(mut self) -> Result<Image, String> {
        let sector_size = self.geometry.sector_size.filter(|&size| size > 0);
        let sector_size =
            sector_size.ok_or("nothing says how long its sectors are: put its first segment beside it")?;
        let chunk_size =
            self.geometry.sectors_in_a_chunk.and_then(|sectors| sectors.checked_mul(u64::from(sector_size)));
        let chunk_size = chunk_size.filter(|&size| size > 0 && size <= LARGEST_CHUNK);
        let chunk_size = chunk_size.ok_or("nothing says how long its chunks are: put its first segment beside it")?;
        if !self.is_done {
            self.note("the last segment is missing or cut".to_owned());
            self.lacks_parts = true;
        }
        let size = match self.geometry.sectors {
            Some(sectors) if sectors > 0 => {
                sectors.checked_mul(u64::from(sector_size)).ok_or("its size is not possible")?
            }
            _ => {
                let end = |table: &Table| table.first.saturating_add(table.count);
                self.tables.iter().map(end).max().unwrap_or(0).saturating_mul(chunk_size)
            }
        };
        let lost = self.errors.iter().flat_map(|errors| errors_in(errors, sector_size, &mut self.facts)).collect();
        let absent = if self.lacks_parts { Loss::MissingFile } else { Loss::Table };
        let chunks = Chunks::new(chunk_size, size, self.tables, absent);
        let mut image = Image::new("EWF-Ex01", size, self.files, Box::new(chunks));
        image.sector_size = Some(sector_size);
        image.lost = lost;
        image.facts = self.facts;
        Ok(image)
    }
}

/// What an error table names: sectors that could not be read, as ranges of bytes.
fn errors_in(bytes: &[u8], sector_size: u32, facts: &mut Facts) -> Vec<(std::ops::Range<u64>, Loss)> {
    let count = le::u32_at(bytes, 0).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let entries = bytes.get(32..).unwrap_or_default();
    let length = count.saturating_mul(16).min(entries.len());
    let entries_are_right = facts::checked(entries, length).is_some();
    if facts::checked(bytes, 16).is_none() || !entries_are_right {
        facts.notes.push("the list of acquisition errors is damaged; all that it names is taken as lost".to_owned());
    }
    let (entries, _) = entries.get(..length).unwrap_or_default().as_chunks::<16>();
    let range = |entry: &[u8; 16]| {
        let size = u64::from(sector_size);
        let start = le::u64_in::<0, 16>(entry).saturating_mul(size);
        let length = u64::from(le::u32_in::<8, 16>(entry)).saturating_mul(size);
        (start..start.saturating_add(length), Loss::Acquisition)
    };
    entries.iter().map(range).collect()
}

/// The checksum that stands behind bytes of a section.
fn sum_of(bytes: &[u8]) -> u32 {
    adler32(&bytes)
}
