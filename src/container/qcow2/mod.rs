//! QCOW2, the virtual disks of QEMU and of most clouds, with backing files and snapshots.
//!
//! Reference: QEMU, `docs/interop/qcow2.rst`.

mod clusters;
mod header;

use std::ffi::OsStr;

use super::files::{Files, ImageFile};
use super::image::{Format, Image, ParentLink, Request};
use super::neighbours::plain_name;
use crate::base::error::Result;
use clusters::Clusters;
use header::{CORRUPT, DIRTY, EXTERNAL_DATA, Header, L1, Snapshot};

/// The format. All numbers are big-endian.
#[derive(Debug)]
pub(super) struct Qcow2;

/// What a backing file that is called QCOW2 has to be: a raw one would give wrong bytes.
const IDENTITY: &str = "format qcow2";

impl Format for Qcow2 {
    fn name(&self) -> &'static str {
        "QCOW2"
    }

    fn recognizes(&self, request: &Request<'_>) -> bool {
        request.head.starts_with(b"QFI\xFB")
    }

    fn open(&self, request: &Request<'_>) -> Result<Image> {
        self.read(request).map_err(|reason| self.refuse(reason))
    }
}

impl Qcow2 {
    fn read(&self, request: &Request<'_>) -> Result<Image, String> {
        let header = Header::read(request.source())?;
        if header.compression == 1 && !cfg!(feature = "zstd") {
            return Err("its clusters are compressed with zstd, which this program was built without; \
                        \"qemu-img convert -O raw\" makes a raw image of it"
                .to_owned());
        }
        let (snapshots, is_complete) = Snapshot::all(request.source(), &header);
        let (l1, size) = wanted(request, &header, &snapshots)?;
        let mut files = Files::of_one(request.file);
        let data = match header.has(EXTERNAL_DATA) {
            true => files.add(data_file(request, &header)?),
            false => 0,
        };
        let mut map = Clusters::new(header.clone(), l1, size, data);
        let mut notes = map.cross_check(&files);
        if !is_complete {
            notes.push("its table of snapshots is damaged: not all of them are listed".to_owned());
        }
        if header.has(DIRTY) {
            notes.push("it was not closed: its reference counts may be old".to_owned());
        }
        if header.has(CORRUPT) {
            notes.push("it is marked as corrupt by the program that wrote it last".to_owned());
        }
        let mut image = Image::new("QCOW2", size, files, Box::new(map));
        image.identities.push(IDENTITY.to_owned());
        image.parent = header.backing_name.as_ref().map(|name| parent_link(name, header.backing_format.as_deref()));
        if header.backing_name.is_some() && header.backing_format.is_none() {
            notes
                .push("it does not say of what format its backing file is: that goes by the file's content".to_owned());
        }
        image.facts.snapshots = snapshots.into_iter().map(|snapshot| snapshot.name).collect();
        image.facts.fields.push(("version".to_owned(), header.version.to_string()));
        image.facts.notes = notes;
        Ok(image)
    }
}

/// The table and size of the disk, or of the snapshot that is asked for.
fn wanted(request: &Request<'_>, header: &Header, snapshots: &[Snapshot]) -> Result<(L1, u64), String> {
    let Some(wanted) = request.options.wanted_snapshot() else { return Ok((header.l1, header.size)) };
    let by_name = snapshots.iter().find(|snapshot| snapshot.name == wanted);
    let found = by_name.or_else(|| snapshots.iter().find(|snapshot| snapshot.id == wanted));
    let snapshot = found.ok_or_else(|| {
        let names: Vec<&str> = snapshots.iter().map(|snapshot| snapshot.name.as_str()).collect();
        let names = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        format!("it has no snapshot \"{wanted}\"; {names}")
    })?;
    let size = snapshot.size.unwrap_or(header.size);
    header.check_l1(snapshot.l1, size)?;
    Ok((snapshot.l1, size))
}

/// The file that has the content, where only the tables are in this one.
fn data_file(request: &Request<'_>, header: &Header) -> Result<ImageFile, String> {
    let name = header.data_file.as_deref().ok_or("its content is in another file, which it does not name")?;
    let plain = plain_name(name).ok_or(format!("its content is in \"{name}\", which is no name of a file"))?;
    let found = request.neighbours.open_any_case(OsStr::new(plain));
    let found = found.map_err(|error| format!("its content is in \"{plain}\": {error}"))?;
    found.ok_or(format!(
        "its content is in \"{plain}\", which is missing; put it beside the image or name its folder (--parent-dir)"
    ))
}

/// How the backing file is found. What it is is not guessed where the image says it.
fn parent_link(name: &str, format: Option<&str>) -> ParentLink {
    let is_qcow2 = format == Some("qcow2");
    ParentLink {
        names: vec![file_name(name).to_owned()],
        identities: if is_qcow2 { vec![IDENTITY.to_owned()] } else { Vec::new() },
        endings: &[],
        is_raw: format == Some("raw"),
    }
}

/// The name of a file that stands in the description of a node (`json:{…}`), or behind a protocol (`file:`).
fn file_name(name: &str) -> &str {
    let Some(node) = name.strip_prefix("json:") else { return name.strip_prefix("file:").unwrap_or(name) };
    let value = node.split("filename\"").nth(1).and_then(|rest| rest.split('"').nth(1));
    value.unwrap_or(name)
}
