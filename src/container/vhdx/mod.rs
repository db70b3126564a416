//! VHDX, the virtual disks of Hyper-V: fixed, dynamic, and differences to others.
//!
//! Reference: Microsoft, \[MS-VHDX\].

mod blocks;
mod checksum;
mod log;
mod overlay;
mod tables;

use std::sync::Arc;

use super::files::{Files, ImageFile};
use super::image::{Format, Image, ParentLink, Request};
use crate::base::error::Result;
use blocks::Blocks;
use log::Log;
use tables::{Header, Metadata, Regions};

/// The format. All numbers are little-endian.
#[derive(Debug)]
pub(super) struct Vhdx;

impl Format for Vhdx {
    fn name(&self) -> &'static str {
        "VHDX"
    }

    fn recognizes(&self, request: &Request<'_>) -> bool {
        request.head.starts_with(b"vhdxfile")
    }

    fn open(&self, request: &Request<'_>) -> Result<Image> {
        self.read(request).map_err(|reason| self.refuse(reason))
    }
}

impl Vhdx {
    fn read(&self, request: &Request<'_>) -> Result<Image, String> {
        let mut notes = Vec::new();
        let (header, is_alone) = Header::current(request.source())
            .ok_or("both of its headers are damaged: whether its tables are current cannot be known")?;
        if is_alone {
            notes.push("one of its two headers is damaged; the other one is used".to_owned());
        }
        let file = replayed(request.file, &header, &mut notes)?;
        let source = file.source.as_ref();
        let (regions, is_alone) = Regions::read(source)?;
        if is_alone {
            notes.push("one of its two region tables is damaged; the other one is used".to_owned());
        }
        let metadata = Metadata::read(source, regions.metadata)?;
        let files = Files::of_one(&file);
        let mut map = Blocks::new(&metadata, &regions, request.options.wants_unmapped())?;
        notes.extend(map.cross_check(&files, regions.metadata));
        let format = if metadata.has_parent { "VHDX differencing" } else { "VHDX" };
        let mut image = Image::new(format, metadata.size, files, Box::new(map));
        image.sector_size = u32::try_from(metadata.sector_size).ok();
        image.identities.push(header.data_write.to_string());
        image.parent = metadata.parent.as_deref().map(parent_link);
        image.facts.notes = notes;
        let creator = request.head.get(8..520).map(utf16).unwrap_or_default();
        let physical = metadata.physical_sector_size.map(|size| size.to_string());
        let id = metadata.disk_id.map(|id| id.to_string());
        let fields = [("creator", Some(creator)), ("disk id", id), ("physical sector size", physical)];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        image.facts.fields = fields.filter(|(_, value)| !value.is_empty()).collect();
        Ok(image)
    }
}

/// The file with its log written to it, in memory.
fn replayed(file: &ImageFile, header: &Header, notes: &mut Vec<String>) -> Result<ImageFile, String> {
    if header.log_guid.is_zero() {
        return Ok(file.clone());
    }
    let log = Log { start: header.log_offset, length: header.log_length, guid: header.log_guid.0 };
    let (replayed, more) = log.replay(&file.source)?;
    notes.extend(more);
    Ok(match replayed {
        Some(replayed) => ImageFile { path: file.path.clone(), source: Arc::new(replayed) },
        None => file.clone(),
    })
}

/// How a difference names its parent. Names are hints; the identity decides.
fn parent_link(pairs: &[(String, String)]) -> ParentLink {
    let value = |key: &str| {
        let found = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.trim_matches(['{', '}', '\0']).to_owned())
    };
    let mut names: Vec<String> =
        ["relative_path", "volume_path", "absolute_win32_path"].into_iter().filter_map(value).collect();
    names.dedup();
    let mut identities: Vec<String> = ["parent_linkage", "parent_linkage2"].into_iter().filter_map(value).collect();
    if identities.is_empty() {
        // Without an identity any image would do: none does.
        identities.push("not stated".to_owned());
    }
    ParentLink { names, identities, endings: &[".vhdx", ".avhdx"], is_raw: false }
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
    String::from_utf16_lossy(&units.take_while(|&unit| unit != 0).collect::<Vec<u16>>())
}
