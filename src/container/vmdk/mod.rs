//! VMDK, the virtual disks of VMware: of one file or many, flat and sparse, streams, and differences to others.
//!
//! Reference: VMware, "Virtual Disk Format 5.0"; QEMU, `block/vmdk.c`, for what came later.

mod descriptor;
mod grains;
mod space_efficient;
mod stream;

use std::ffi::OsStr;

use super::files::{Files, bytes_of};
use super::image::{Format, Image, Map, ParentLink, Request};
use super::neighbours::plain_name;
use super::piece::{Loss, Piece, Run};
use crate::base::error::Result;
use descriptor::{Descriptor, Line};
use grains::{Grains, Header};
use space_efficient::SpaceEfficient;

/// The format. All numbers are little-endian.
#[derive(Debug)]
pub(super) struct Vmdk;

const SECTOR: u64 = 512;

impl Format for Vmdk {
    fn name(&self) -> &'static str {
        "VMDK"
    }

    fn recognizes(&self, request: &Request<'_>) -> bool {
        let marks: [&[u8]; 3] = [b"KDMV", b"COWD", &space_efficient::MAGIC];
        marks.iter().any(|mark| request.head.starts_with(mark)) || Descriptor::starts(&request.head)
    }

    fn open(&self, request: &Request<'_>) -> Result<Image> {
        self.read(request).map_err(|reason| self.refuse(reason))
    }
}

impl Vmdk {
    fn read(&self, request: &Request<'_>) -> Result<Image, String> {
        let mut disk = Disk { request, files: Files::default(), extents: Vec::new(), end: 0, notes: Vec::new() };
        let descriptor = match request.head.starts_with(b"KDMV") {
            true => embedded(request)?,
            false if Descriptor::starts(&request.head) => {
                let length = request.source().size().min(descriptor::LONGEST);
                let text = bytes_of(request.source(), 0, length).ok_or("its descriptor cannot be read")?;
                Some(Descriptor::parse(&text)?)
            }
            false => None,
        };
        let Some(descriptor) = descriptor else { return disk.alone() };
        let has_own = request.head.starts_with(b"KDMV");
        for (index, line) in descriptor.extents.iter().enumerate() {
            disk.extent(line, has_own && index == 0)?;
        }
        let is_any_there = disk.extents.iter().any(|extent| !matches!(extent.body, Body::Missing | Body::Zero));
        if !is_any_there && descriptor.extents.iter().any(|line| line.name.is_some()) {
            return Err(disk.notes.pop().unwrap_or_else(|| "no file of it is there".to_owned()));
        }
        let kind = descriptor.kind.as_deref().unwrap_or_default();
        let format = named(kind, descriptor.parent_cid.is_some());
        let mut image = disk.image(format);
        image.facts.fields.push(("type".to_owned(), kind.to_owned()));
        image.identities.extend(descriptor.cid);
        image.facts.notes.extend(descriptor.notes);
        image.parent = descriptor.parent_cid.map(|cid| ParentLink {
            names: descriptor.parent_name.into_iter().collect(),
            identities: vec![cid],
            endings: &[".vmdk"],
            is_raw: false,
        });
        Ok(image)
    }
}

fn named(kind: &str, is_difference: bool) -> &'static str {
    match kind.to_ascii_lowercase().as_str() {
        _ if is_difference => "VMDK delta",
        "streamoptimized" => "VMDK stream-optimised",
        kind if kind.ends_with("flat") || kind == "vmfs" => "VMDK flat",
        kind if kind.ends_with("sparse") => "VMDK sparse",
        _ => "VMDK",
    }
}

/// The descriptor inside of a sparse extent, where there is one.
fn embedded(request: &Request<'_>) -> Result<Option<Descriptor>, String> {
    let (offset, length) = Header::parse(&request.head)?.descriptor;
    match (offset, length) {
        (0, 0) => Ok(None),
        (0, _) | (_, 0) => Err("it has a descriptor by half: its header is damaged".to_owned()),
        _ => {
            let text = bytes_of(request.source(), offset, length.min(descriptor::LONGEST));
            Descriptor::parse(&text.ok_or(format!("its descriptor at byte {offset} cannot be read"))?).map(Some)
        }
    }
}

/// A part of the disk.
#[derive(Debug)]
struct Extent {
    /// First byte of the disk that it has.
    start: u64,
    length: u64,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Flat { file: usize, offset: u64 },
    Grains(Box<Grains>),
    Scan(stream::Scan),
    SpaceEfficient(Box<SpaceEfficient>),
    Zero,
    Missing,
}

/// A disk as far as its extents are open.
struct Disk<'r> {
    request: &'r Request<'r>,
    files: Files,
    extents: Vec<Extent>,
    end: u64,
    notes: Vec<String>,
}

impl Disk<'_> {
    /// An extent that was opened without a descriptor.
    fn alone(mut self) -> Result<Image, String> {
        let file = self.files.add(self.request.file.clone());
        let (body, capacity) = self.sparse(file, None)?;
        self.push(capacity, body);
        let is_hosted = self.request.head.starts_with(b"KDMV");
        self.notes.push(
            "it has no descriptor: it may be one of several parts; open the descriptor if there is one".to_owned(),
        );
        let mut image = self.image(if is_hosted { "VMDK sparse" } else { "VMDK delta" });
        if !is_hosted {
            // These are always differences, and only the descriptor says to what.
            image.parent =
                Some(ParentLink { identities: vec!["named in its descriptor".to_owned()], ..ParentLink::default() });
        }
        Ok(image)
    }

    fn push(&mut self, length: u64, body: Body) {
        self.extents.push(Extent { start: self.end, length, body });
        self.end = self.end.saturating_add(length);
    }

    /// Opens the file of a line. `is_own`: it is the file that has the descriptor, whatever its name is now.
    fn extent(&mut self, line: &Line, is_own: bool) -> Result<(), String> {
        let length = line.sectors.checked_mul(SECTOR).ok_or("an extent of its descriptor is too long")?;
        let is_sparse = match line.kind.as_str() {
            "ZERO" => {
                self.push(length, Body::Zero);
                return Ok(());
            }
            "FLAT" | "VMFS" => false,
            "SPARSE" | "VMFSSPARSE" | "SESPARSE" => true,
            "VMFSRDM" | "VMFSRAW" => {
                return Err("its content is on a device that it maps, not in a file; take an image of that".to_owned());
            }
            kind => return Err(format!("extents of type {kind} are not read")),
        };
        let name = line.name.as_deref().ok_or("an extent of its descriptor has no file")?;
        let file = match is_own {
            true => Some(self.request.file.clone()),
            false => {
                let plain = plain_name(name).ok_or(format!("\"{name}\" is no name of a file"))?;
                let found = self.request.neighbours.open_any_case(OsStr::new(plain));
                found.map_err(|error| format!("its extent \"{plain}\": {error}"))?
            }
        };
        let Some(file) = file else {
            let name = plain_name(name).unwrap_or(name);
            self.notes.push(format!(
                "its extent \"{name}\" is missing; put it beside the descriptor or name its folder (--parent-dir)"
            ));
            self.push(length, Body::Missing);
            return Ok(());
        };
        let there = file.source.size();
        let file = self.files.add(file);
        if !is_sparse {
            let offset = line.offset.saturating_mul(SECTOR);
            let needed = offset.saturating_add(length);
            if needed != there {
                self.notes
                    .push(format!("its extent \"{name}\" has {there} bytes, and the descriptor takes {needed} of it"));
            }
            self.push(length, Body::Flat { file, offset });
            return Ok(());
        }
        let (body, capacity) = self.sparse(file, Some(name))?;
        if capacity != length {
            return Err(format!("its descriptor says {length} bytes for \"{name}\", which says {capacity} of itself"));
        }
        self.push(length, body);
        Ok(())
    }

    /// The tables of a sparse extent, by its own content, and how many bytes of the disk it has.
    fn sparse(&mut self, file: usize, name: Option<&str>) -> Result<(Body, u64), String> {
        let head = self
            .files
            .bytes(file, 0, self.files.size(file).min(SECTOR))
            .ok_or("the header of its extent cannot be read")?;
        if head.starts_with(b"COWD") {
            let mut grains = Grains::of_esx(file, &head)?;
            self.notes.extend(grains.cross_check(&self.files));
            let capacity = grains.capacity;
            return Ok((Body::Grains(Box::new(grains)), capacity));
        }
        if head.starts_with(&space_efficient::MAGIC) {
            let mut grains = SpaceEfficient::new(file, &self.files)?;
            self.notes.extend(grains.cross_check(&self.files));
            let capacity = grains.capacity;
            return Ok((Body::SpaceEfficient(Box::new(grains)), capacity));
        }
        let shown = name.unwrap_or("the file");
        if !head.starts_with(b"KDMV") {
            return Err(format!("{shown} is not the sparse extent that the descriptor says"));
        }
        let header = Header::parse(&head)?;
        if header.was_open {
            self.notes.push(format!("{shown} was not closed when it was last written"));
        }
        if header.is_converted {
            self.notes.push(format!("{shown} was copied as a text, which changes its bytes, or its header is damaged"));
        }
        match header.grains(file, &self.files)? {
            Some(mut grains) => {
                self.notes.extend(grains.cross_check(&self.files));
                Ok((Body::Grains(Box::new(grains)), header.capacity))
            }
            None => {
                let scan = header.scan(file, &self.files).ok_or(format!("{shown} has no tables"))?;
                let count = scan.count();
                self.notes.push(format!("{shown} ends before its tables: {count} grains were found by their marks"));
                Ok((Body::Scan(scan), header.capacity))
            }
        }
    }

    fn image(self, format: &'static str) -> Image {
        let Self { files, extents, end, notes, .. } = self;
        let missing = extents.iter().filter(|extent| matches!(extent.body, Body::Missing));
        let lost = missing.map(|extent| (extent.start..extent.start.saturating_add(extent.length), Loss::MissingFile));
        let lost = lost.collect();
        let mut image = Image::new(format, end, files, Box::new(Extents { extents }));
        image.sector_size = Some(512);
        image.lost = lost;
        image.facts.notes = notes;
        image
    }
}

/// The extents of a disk, one behind the other.
#[derive(Debug)]
struct Extents {
    extents: Vec<Extent>,
}

impl Map for Extents {
    fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run {
        let index = self.extents.partition_point(|extent| extent.start.saturating_add(extent.length) <= offset);
        let Some(extent) = self.extents.get(index) else {
            return Run { length: limit, piece: Piece::Lost(Loss::Table) };
        };
        let skip = offset.saturating_sub(extent.start);
        let left = extent.length.saturating_sub(skip).min(limit);
        let mut run = match &extent.body {
            Body::Flat { file, offset } => {
                Run { length: left, piece: Piece::Raw { file: *file, offset: offset.saturating_add(skip) } }
            }
            Body::Grains(grains) => grains.run_at(skip, left, files),
            Body::Scan(scan) => scan.run_at(skip, files),
            Body::SpaceEfficient(grains) => grains.run_at(skip, files),
            Body::Zero => Run { length: left, piece: Piece::Zero },
            Body::Missing => Run { length: left, piece: Piece::Lost(Loss::MissingFile) },
        };
        run.length = run.length.min(left);
        // Units count from the disk's start, not from their extent's.
        if let Piece::Packed(unit) = &mut run.piece {
            unit.start = unit.start.saturating_add(extent.start);
        }
        run
    }
}
