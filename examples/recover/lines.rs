//! The lines of the manifest. MANIFEST.md says what is in them.

use ntfs_salvage::catalog::{AssessedRange, Missing, Origin, Reasons, Standing, StreamMap};
use ntfs_salvage::structure::attribute::AttributeFlags;
use ntfs_salvage::volume::extents::Location;
use ntfs_salvage::volume::geometry::Geometry;
use ntfs_salvage::{Entry, FileReference};

use crate::arguments::Arguments;
use crate::content::{is_written, size_of};
use crate::evidence::Identity;
use crate::file::Reparse;
use crate::input::Opened;
use crate::json::Json;
use crate::prepare::Job;
use crate::totals::Totals;

fn line(out: &mut Vec<u8>, kind: &str, fields: impl FnOnce(&mut Json<'_>)) {
    Json { out }.object(|object| {
        object.key("type").text(kind);
        fields(object);
    });
    out.push(b'\n');
}

/// The first line: who wrote the manifest, and of what.
pub fn header(arguments: &Arguments, identity: &Identity, out: &mut Vec<u8>) {
    line(out, "header", |object| {
        object.key("tool").text("ntfs-salvage recover");
        object.key("version").text(env!("CARGO_PKG_VERSION"));
        object.key("format").number(1_u64);
        object.key("arguments").array(|array| {
            std::env::args_os().skip(1).for_each(|argument| array.text(&argument.to_string_lossy()));
        });
        object.key("input").object(|input| {
            input.key("path").text(&arguments.input.display().to_string());
            input.key("size").number(identity.size);
            let hashes =
                [("sha256", identity.whole), ("sha256_first_mib", identity.first), ("sha256_last_mib", identity.last)];
            for (key, hash) in hashes {
                input.key(key);
                hash_or_null(hash, input);
            }
        });
        object.key("map");
        object.text_or_null(arguments.map.as_ref().map(|path| path.display().to_string()).as_deref());
    });
}

/// A line before the files of a volume.
pub fn volume(opened: &Opened<'_>, prefix: &str, out: &mut Vec<u8>) {
    line(out, "volume", |object| {
        object.key("partition").number_or_null(opened.partition);
        object.key("offset").number(opened.volume.source().start());
        let geometry = opened.volume.geometry();
        object.key("size").number_or_null(geometry.map(Geometry::volume_size));
        object.key("cluster_size").number_or_null(geometry.map(Geometry::cluster_size));
        object.key("record_size").number(opened.volume.mft().record_size());
        object.key("records").number(opened.volume.mft().record_count());
        object.key("output").text(prefix);
        object.key("damage").array(|array| {
            let all = opened.disk_damage.iter().copied().chain(opened.volume.damage());
            all.for_each(|damage| array.text(&damage.to_string()));
        });
    });
}

/// A directory that was made.
pub fn directory(path: &str, entry: &Entry<'_>, output: &str, reparse: Option<&Reparse>, out: &mut Vec<u8>) {
    line(out, "directory", |object| {
        object.key("path").text(path);
        object.key("record").number(entry.record_number());
        object.key("sequence").number(entry.sequence_number());
        object.key("state").text(entry.state().name());
        object.key("output").text(output);
        write_reparse(reparse, object);
    });
}

/// What became of a stream.
pub struct StreamLine<'l> {
    pub job: &'l Job<'l>,
    pub path: Option<&'l str>,
    pub sha256: Option<[u8; 32]>,
    /// The file, relative to the output's root.
    pub output: Option<&'l str>,
    pub links: &'l [OtherLink],
    /// Why there is no file, if not for the verdict.
    pub error: Option<&'l str>,
    /// Where the volume starts in the input.
    pub volume_start: u64,
}

/// A further name of a file: where it is, or why it is not.
pub struct OtherLink {
    pub path: String,
    pub output: Result<String, String>,
}

impl<'l> StreamLine<'l> {
    pub fn write(&self, out: &mut Vec<u8>) {
        let Job { stream, found, .. } = self.job;
        let entry = stream.entry();
        line(out, "stream", |object| {
            object.key("path");
            object.text_or_null(self.path);
            object.key("record").number(entry.record_number());
            object.key("sequence").number(entry.sequence_number());
            object.key("state").text(entry.state().name());
            let name = stream.name();
            object.name("stream", "stream_utf16", name, &name.to_string());
            object.key("size").number(size_of(found.ranges()));
            object.key("verdict").text(found.verdict().code());
            object.key("reasons").array(|array| write_reasons(found.reasons(), array));
            if let Some(code) = encoding(self.job) {
                object.key("encoding").text(code);
            }
            if self.sha256.is_some() {
                object.key("sha256");
                hash_or_null(self.sha256, object);
            }
            object.key("output");
            object.text_or_null(self.output);
            if let Some(error) = self.error {
                object.key("error").text(error);
            }
            if !self.links.is_empty() {
                object.key("links").array(|array| self.links.iter().for_each(|link| link.write(array)));
            }
            // A reparse point says how the file's own content is found.
            if name.is_empty() {
                write_reparse(self.job.file.reparse.as_ref(), object);
            }
            object.key("ranges").array(|array| self.write_ranges(array));
        });
    }

    fn write_ranges(&self, array: &mut Json<'_>) {
        let mut map = None;
        for assessed in self.job.found.ranges() {
            array.object(|object| {
                object.key("offset").number(assessed.range.offset);
                object.key("length").number(assessed.range.length);
                object.key("source_offset").number_or_null(self.source_offset(assessed));
                object.key("status").text(status(assessed.standing));
                if let Some(other) = claimant(assessed.standing) {
                    object.key("by").text(&other.to_string());
                }
                self.write_place(assessed, &mut map, object);
            });
        }
    }

    /// Where the bytes written were copied from, as they are.
    fn source_offset(&self, assessed: &AssessedRange) -> Option<u64> {
        match assessed.range.origin {
            _ if !is_written(assessed.standing, self.job.is_live) => None,
            Origin::Clusters(position) | Origin::Record(position) => Some(self.volume_start.saturating_add(position)),
            _ => None,
        }
    }

    /// Where bytes lie that were not copied as they are, or not at all.
    fn write_place(&self, assessed: &AssessedRange, map: &mut Option<StreamMap<'l>>, object: &mut Json<'_>) {
        let at = |position: u64| self.volume_start.saturating_add(position);
        match assessed.range.origin {
            Origin::Clusters(position) if self.source_offset(assessed).is_none() => {
                object.key("place").number(at(position));
            }
            Origin::Uninitialized(Some(position)) | Origin::Missing(Missing::Outside(position)) => {
                object.key("place").number(at(position));
            }
            Origin::Compressed { unit, stored } => {
                let map = map.get_or_insert_with(|| self.job.stream.map());
                object.key("stored").array(|array| write_stored(map, unit, stored, self.volume_start, array));
            }
            Origin::Overlay => {
                let map = map.get_or_insert_with(|| self.job.stream.map());
                let Some(chunks) = map.chunks() else { return };
                object.key("stored").array(|array| write_chunks(chunks, self.volume_start, array));
            }
            _ => {}
        }
    }
}

impl OtherLink {
    fn write(&self, array: &mut Json<'_>) {
        array.object(|object| {
            object.key("path").text(&self.path);
            object.key("output");
            object.text_or_null(self.output.as_ref().ok().map(String::as_str));
            if let Err(error) = &self.output {
                object.key("error").text(error);
            }
        });
    }
}

/// The clusters of a compression unit.
fn write_stored(map: &StreamMap<'_>, unit: u64, stored: u64, volume_start: u64, array: &mut Json<'_>) {
    for extent in map.stored(unit, unit.saturating_add(stored)) {
        if let Location::At(position) = extent.location {
            write_piece(volume_start.saturating_add(position), extent.length, array);
        }
    }
}

/// All of the stream that chunks lie in.
fn write_chunks(chunks: &StreamMap<'_>, volume_start: u64, array: &mut Json<'_>) {
    for range in chunks.ranges() {
        if let Origin::Clusters(position) | Origin::Record(position) = range.origin {
            write_piece(volume_start.saturating_add(position), range.length, array);
        }
    }
}

fn write_piece(source_offset: u64, length: u64, array: &mut Json<'_>) {
    array.object(|object| {
        object.key("source_offset").number(source_offset);
        object.key("length").number(length);
    });
}

fn write_reasons(reasons: Reasons, array: &mut Json<'_>) {
    if !reasons.is_empty() {
        reasons.to_string().split(',').for_each(|reason| array.text(reason));
    }
}

fn write_reparse(reparse: Option<&Reparse>, object: &mut Json<'_>) {
    let Some(reparse) = reparse else { return };
    object.key("reparse").object(|object| {
        object.key("tag").text(&format!("{:#010x}", reparse.tag.0));
        object.key("name");
        object.text_or_null(reparse.tag.name());
        object.key("target");
        object.text_or_null(reparse.target.as_deref());
    });
}

/// How the bytes are stored, if not as they are.
fn encoding(job: &Job<'_>) -> Option<&'static str> {
    let code = |part: &AssessedRange| match part.range.origin {
        Origin::Compressed { .. } => Some("compressed"),
        Origin::Overlay => Some("overlay"),
        Origin::Missing(Missing::Elsewhere(_)) => Some("elsewhere"),
        _ => None,
    };
    let is_encrypted = job.stream.flags().contains(AttributeFlags::ENCRYPTED);
    job.found.ranges().iter().find_map(code).or(is_encrypted.then_some("encrypted"))
}

fn status(standing: Standing) -> &'static str {
    match standing {
        Standing::Intact => "intact",
        Standing::Zeros => "zeros",
        Standing::Free => "free",
        Standing::Unchecked => "unchecked",
        Standing::Unowned => "unowned",
        Standing::Contested { is_later: true, .. } => "contested-by-older",
        Standing::Contested { is_later: false, .. } => "contested",
        Standing::Claimed(_) => "claimed",
        Standing::Zeroed => "zeroed",
        Standing::Doubtful => "doubtful",
        Standing::Missing(missing) => missing.code(),
        _ => "other",
    }
}

fn claimant(standing: Standing) -> Option<FileReference> {
    match standing {
        Standing::Claimed(by) | Standing::Contested { by, .. } => Some(by),
        _ => None,
    }
}

/// The last line: a manifest without one is of a run that did not come to its end.
pub fn end(totals: &Totals, complete: bool, out: &mut Vec<u8>) {
    line(out, "end", |object| {
        object.key("complete").boolean(complete);
        let numbers = [
            ("streams", totals.streams),
            ("written", totals.written),
            ("bytes", totals.bytes),
            ("without_content", totals.without_content),
            ("too_large", totals.too_large),
            ("failed", totals.failed),
            ("directories", totals.directories),
        ];
        for (key, number) in numbers {
            object.key(key).number(number);
        }
        object.key("verdicts").object(|object| {
            totals.verdicts.iter().for_each(|(verdict, &count)| object.key(verdict).number(count));
        });
    });
}

fn hash_or_null(hash: Option<[u8; 32]>, object: &mut Json<'_>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let Some(hash) = hash else { return object.null() };
    // Behind a key: no comma is due.
    object.out.push(b'"');
    object.out.extend(hash.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]));
    object.out.push(b'"');
}
