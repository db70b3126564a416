//! AFF4, the forensic containers of Evimetry and others: streams of chunks in a ZIP archive, and maps over them.
//!
//! Reference: AFF4 Standard 1.0.

mod archive;
mod streams;
mod turtle;

use super::files::Files;
use super::image::{Format, Image, Request};
use crate::base::error::Result;
use archive::Archive;
use streams::{Layout, Sink, Stream};
use turtle::{Facts, short};

/// The format.
#[derive(Debug)]
pub(super) struct Aff4;

impl Format for Aff4 {
    fn name(&self) -> &'static str {
        "AFF4"
    }

    /// A ZIP archive whose first member says so, or whose directory does.
    fn recognizes(&self, request: &Request<'_>) -> bool {
        let is_zip = request.head.starts_with(b"PK\x03\x04");
        let is_named = || request.head.windows(21).any(|window| window == b"container.description");
        is_zip
            && (is_named()
                || Archive::open(request.source()).is_ok_and(|archive| archive.volume.starts_with("aff4://")))
    }

    fn open(&self, request: &Request<'_>) -> Result<Image> {
        self.read(request).map_err(|reason| self.refuse(reason))
    }
}

impl Aff4 {
    fn read(&self, request: &Request<'_>) -> Result<Image, String> {
        let archive = Archive::open(request.source())?;
        let text = archive
            .text(request.source(), "information.turtle")
            .ok_or("its information.turtle is not there or damaged")?;
        let facts = Facts::parse(&text);
        let stream = disk(&facts)?;
        let mut opening = Opening {
            archive: &archive,
            facts: &facts,
            request,
            files: Files::of_one(request.file),
            notes: Vec::new(),
        };
        let (layout, size) = opening.layout(stream)?;
        let Opening { files, notes, .. } = opening;
        let mut image = Image::new("AFF4", size, files, Box::new(layout));
        image.facts.notes = notes;
        image.facts.fields.push(("volume".to_owned(), archive.volume.clone()));
        let version = archive.text(request.source(), "version.txt").unwrap_or_default();
        let tool = version.lines().find_map(|line| line.strip_prefix("tool="));
        image.facts.fields.extend(tool.map(|tool| ("tool".to_owned(), tool.trim().to_owned())));
        Ok(image)
    }
}

/// The stream that has the disk.
fn disk(facts: &Facts) -> Result<&str, String> {
    let is_logical =
        facts.subjects().any(|subject| facts.is_a(subject, "FileImage") || facts.is_a(subject, "FolderImage"));
    let is_disk = |subject: &&str| {
        ["DiskImage", "ContiguousImage", "DiscontiguousImage", "Image"].iter().any(|kind| facts.is_a(subject, kind))
    };
    let mut disks = facts.subjects().filter(|subject| is_disk(subject) && !facts.is_a(subject, "FileImage"));
    match (disks.next(), disks.next()) {
        (Some(_), Some(_)) => Err("it has more than one disk; that is not read".to_owned()),
        (Some(disk), None) => facts.one(disk, "dataStream").ok_or_else(|| "its disk has no content".to_owned()),
        (None, _) if is_logical => Err("it has files, not a disk (AFF4-L); that is not read".to_owned()),
        (None, _) => {
            let mut maps = facts.subjects().filter(|subject| facts.is_a(subject, "Map"));
            maps.next().filter(|_| maps.next().is_none()).ok_or_else(|| "it has no disk".to_owned())
        }
    }
}

/// What is known while the streams are opened.
struct Opening<'o> {
    archive: &'o Archive,
    facts: &'o Facts,
    request: &'o Request<'o>,
    files: Files,
    notes: Vec<String>,
}

impl Opening<'_> {
    /// How the disk is made of streams, and its size.
    fn layout(&mut self, name: &str) -> Result<(Layout, u64), String> {
        if self.facts.is_a(name, "ImageStream") {
            let stream = self.stream(name)?;
            let size = stream.size;
            return Ok((Layout::of_stream(stream), size));
        }
        if !self.facts.is_a(name, "Map") {
            let kind = self.facts.one(name, "type").map_or("nothing", short);
            return Err(format!("its content is in a stream of type {kind}, which is not read"));
        }
        let size = self.facts.number(name, "size").ok_or("its map does not say how long it is")?;
        let map = self.archive.table(self.request.file, &mut self.files, &format!("{name}/map"));
        let map = map.ok_or("its map is not there")?;
        let names = self.archive.find(&format!("{name}/idx")).and_then(|_| {
            let content = self.archive.table(self.request.file, &mut self.files, &format!("{name}/idx"))?;
            self.files.bytes(content.file, content.offset, content.length)
        });
        let names = names.ok_or("the names in its map are not there")?;
        let mut sinks = Vec::new();
        for target in String::from_utf8_lossy(&names).lines().map(str::trim) {
            sinks.push(self.sink(target)?);
        }
        let gap = self.facts.one(name, "mapGapDefaultStream").map(str::to_owned);
        let gap = gap.map_or(Ok(Sink::Zero), |gap| self.sink(&gap))?;
        let bytes = self.files.bytes(map.file, map.offset, map.length).ok_or("its map cannot be read")?;
        Ok((Layout::of_map(&bytes, sinks, gap)?, size))
    }

    fn sink(&mut self, target: &str) -> Result<Sink, String> {
        let name = short(target);
        let symbol = name.strip_prefix("SymbolicStream").and_then(|digits| u8::from_str_radix(digits, 16).ok());
        Ok(match name {
            "Zero" => Sink::Zero,
            "UnreadableData" | "UnknownData" => Sink::Unread,
            _ if symbol.is_some() => Sink::Repeated(symbol.unwrap_or(0)),
            _ if self.facts.is_a(target, "ImageStream") => Sink::Stream(Box::new(self.stream(target)?)),
            _ => {
                self.notes.push(format!("its map names {target}, which is not in this file"));
                Sink::Missing
            }
        })
    }

    fn stream(&mut self, name: &str) -> Result<Stream, String> {
        if self.facts.is_a(name, "EncryptedStream") {
            return Err("it is encrypted; that is not read".to_owned());
        }
        let number = |property: &str| self.facts.number(name, property);
        let per_bevy = number("chunksInSegment").or_else(|| number("chunksPerSegment")).unwrap_or(2048);
        let size =
            number("size").or_else(|| number("streamSize")).ok_or("a stream of it does not say how long it is")?;
        let method = self.facts.one(name, "compressionMethod").unwrap_or("none");
        let encoding = streams::encoding(method).ok_or_else(|| format!("compression {method} is not read"))?;
        let mut stream = Stream::new(size, number("chunkSize").unwrap_or(32_768), per_bevy, encoding)?;
        let mut lacking = 0_u64;
        for bevy in 0..stream.bevies() {
            let content = self.archive.find(&format!("{name}/{bevy:08}"));
            let index = self.archive.table(self.request.file, &mut self.files, &format!("{name}/{bevy:08}.index"));
            if content.is_none() || index.is_none() {
                lacking = lacking.saturating_add(1);
                if lacking > MOST_LACKING && lacking > bevy / 2 {
                    return Err(format!("{name} is not in this file, or in an older form of AFF4"));
                }
            }
            stream.push(content, index);
        }
        if lacking > 0 {
            self.notes.push(format!("{lacking} of {} segments of {name} are missing", stream.bevies()));
        }
        Ok(stream)
    }
}

/// Segments that may be missing before the stream as a whole counts as missing: a size is only a number.
const MOST_LACKING: u64 = 64;

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::super::neighbours::tests::Shelf;
    use super::super::options::Opening;
    use crate::base::error::Result;
    use crate::source::Source;

    fn open_in(shelf: &Shelf, name: &str) -> Result<Evidence> {
        super::super::opening::tests::open_in(shelf, name, &Opening::new())
    }

    const CHUNK: usize = 512;

    /// An archive of stored members, with a directory.
    fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        for (name, bytes) in members {
            let (length, place) = (u32::try_from(bytes.len()).unwrap(), u32::try_from(file.len()).unwrap());
            let mut fixed = [0; 22];
            fixed[10..14].copy_from_slice(&length.to_le_bytes());
            fixed[14..18].copy_from_slice(&length.to_le_bytes());
            fixed[18..20].copy_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
            let fixed = [&[20, 0, 0, 0][..], &fixed[..]].concat();
            file.extend([&b"PK\x03\x04"[..], &fixed[..], name.as_bytes(), bytes].concat());
            directory.extend(
                [&b"PK\x01\x02"[..], &[20, 0], &fixed[..], &[0; 10], &place.to_le_bytes(), name.as_bytes()].concat(),
            );
        }
        let (start, length) = (u32::try_from(file.len()).unwrap(), u32::try_from(directory.len()).unwrap());
        let end = [&b"PK\x05\x06\0\0\0\0\0\0\0\0"[..], &length.to_le_bytes(), &start.to_le_bytes(), &[0, 0]].concat();
        [file, directory, end].concat()
    }

    /// A chunk as literals of a codec: other encoders are held against elsewhere.
    fn packed(method: &str, chunk: &[u8]) -> Vec<u8> {
        let length = u16::try_from(chunk.len()).unwrap();
        match method {
            "snappy" => {
                [&[chunk.len().to_le_bytes()[0] | 0x80, 4][..], &[61 << 2], &(length - 1).to_le_bytes(), chunk].concat()
            }
            "lz4" => [&[0xF0, 255, (chunk.len() - 270).to_le_bytes()[0]][..], chunk].concat(),
            "rfc1951" => [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), chunk].concat(),
            _ => chunk.to_vec(),
        }
    }

    /// Two segments of two chunks, and a map that has them the other way round, with all that stands for no stream.
    fn container(method: &str) -> (Vec<u8>, Vec<u8>) {
        let content: Vec<u8> = (0..4 * CHUNK).map(|at| (at * at / 7).to_le_bytes()[0]).collect();
        let mut members = vec![("container.description", b"aff4://volume".to_vec())];
        let names = [
            "aff4%3A%2F%2Fs/00000000",
            "aff4%3A%2F%2Fs/00000001",
            "aff4%3A%2F%2Fs/00000000.index",
            "aff4%3A%2F%2Fs/00000001.index",
        ];
        for (bevy, chunks) in content.chunks(2 * CHUNK).enumerate() {
            let (mut bytes, mut index) = (Vec::new(), Vec::new());
            for chunk in chunks.chunks(CHUNK) {
                let stored = packed(method, chunk);
                index.extend(u64::try_from(bytes.len()).unwrap().to_le_bytes());
                index.extend(u32::try_from(stored.len()).unwrap().to_le_bytes());
                bytes.extend(stored);
            }
            members.extend([(names[bevy], bytes), (names[bevy + 2], index)]);
        }
        let parts = [
            (0_u64, 700_u64, 1000_u64, 0_u32),
            (700, 300, 0, 1),
            (1000, 1000, 0, 0),
            (2000, 100, 5, 2),
            (2100, 60, 0, 3),
        ];
        let map = parts.iter().flat_map(|&(start, length, from, sink)| {
            [&start.to_le_bytes()[..], &length.to_le_bytes(), &from.to_le_bytes(), &sink.to_le_bytes()].concat()
        });
        members.push(("m/map", map.collect()));
        let schema = "http://aff4.org/Schema#";
        members.push((
            "m/idx",
            format!("aff4://s\n{schema}Zero\n{schema}SymbolicStream61\n{schema}UnreadableData\n").into_bytes(),
        ));
        let text = format!(
            "@prefix aff4: <{schema}> .\n<aff4://d> a aff4:DiskImage, aff4:Image ; aff4:dataStream <aff4://volume/m> .\n\
             <aff4://volume/m> a aff4:Map ; aff4:size 2200 .\n<aff4://s> a aff4:ImageStream ; aff4:size \"2048\" ;\n\
             aff4:chunkSize \"512\" ; aff4:chunksInSegment 2 ; aff4:compressionMethod <http://x/{method}> ."
        );
        members.push(("information.turtle", text.into_bytes()));
        let disk = [&content[1000..1700], &[0; 300], &content[..1000], &[b'a'; 100], &[0; 100]].concat();
        (archive(&members), disk)
    }

    #[test]
    fn every_method_and_every_part_of_a_map_is_read() {
        for method in ["stored", "snappy", "lz4", "rfc1951"] {
            let (file, disk) = container(method);
            let evidence = open_in(&Shelf::new([("a.aff4", file)]), "a.aff4").unwrap();
            assert_eq!((evidence.size(), evidence.container().unwrap().format()), (2200, "AFF4"));
            let mut bytes = vec![0xEE; 2200];
            let lost = evidence.read_readable(0, &mut bytes);
            assert_eq!(lost, std::slice::from_ref(&(2100..2160)), "{method}: what could not be read");
            assert!(bytes == disk, "{method}");
            for at in 0..2090 {
                let mut piece = [0; 10];
                evidence.read_at(at, &mut piece).unwrap();
                let at = usize::try_from(at).unwrap();
                assert_eq!(piece, disk[at..at + 10], "{method} at {at}");
            }
        }
    }

    #[test]
    fn cut_and_changed_files_do_no_harm() {
        let (file, disk) = container("snappy");
        for cut in 0..file.len() {
            let opened = open_in(&Shelf::new([("a.aff4", file[..cut].to_vec())]), "a.aff4");
            let Ok(evidence) = opened else { continue };
            if evidence.container().is_some() {
                // What is cut off is the end of a comment that is not there.
                assert!(cut + 2 >= file.len(), "cut to {cut}");
                let mut bytes = vec![0; 2200];
                evidence.read_readable(0, &mut bytes);
                assert!(bytes == disk, "cut to {cut}");
            }
        }
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1 << (at % 8);
            if let Ok(evidence) = open_in(&Shelf::new([("a.aff4", changed)]), "a.aff4") {
                let mut bytes = vec![0; 2200];
                evidence.read_readable(0, &mut bytes);
                assert!(bytes.len() == disk.len());
            }
        }
    }

    #[test]
    fn files_and_encrypted_streams_are_named() {
        let with = |text: &str| {
            let members =
                [("container.description", b"aff4://v".to_vec()), ("information.turtle", text.as_bytes().to_vec())];
            open_in(&Shelf::new([("a", archive(&members))]), "a").unwrap_err().to_string()
        };
        assert_eq!(with("<aff4://f> a <x#FileImage> ."), "AFF4: it has files, not a disk (AFF4-L); that is not read");
        let text = with("<aff4://d> a <x#DiskImage> ; <x#dataStream> <aff4://e> . <aff4://e> a <x#EncryptedStream> .");
        assert_eq!(text, "AFF4: its content is in a stream of type EncryptedStream, which is not read");
        assert_eq!(with(""), "AFF4: it has no disk");
    }
}
