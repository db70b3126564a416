//! The lines of the manifest about streams. MANIFEST.md says what is in them.

use ntfs_salvage::FileReference;
use ntfs_salvage::content::{Missing, Origin, StreamMap};
use ntfs_salvage::recoverability::{AssessedRange, ByteStatus};
use ntfs_salvage::source::{Source, Window};
use ntfs_salvage::structure::AttributeFlags;
use ntfs_salvage::volume::Location;

use crate::files::exposure::write_exposure;
use crate::files::verified_content::{is_written, size_of, write_judgement, write_reasons};
use crate::input::header::write_hash;
use crate::recover::manifest::lines::{write_entry, write_reparse};
use crate::recover::plan::job::Job;
use crate::writing::json::Json;

/// What became of a stream.
pub struct StreamLine<'l> {
    pub job: &'l Job<'l>,
    pub path: Option<&'l str>,
    pub sha256: Option<[u8; 32]>,
    /// The file, relative to the output's root.
    pub output: Option<&'l str>,
    pub links: &'l [OtherLink],
    /// Further files that the content goes on in, by the byte they start with.
    pub pieces: &'l [(u64, String)],
    /// Why there is no file, if not for the verdict.
    pub error: Option<&'l str>,
    /// Where the volume starts in the input.
    pub volume: Window<'l>,
}

/// A further name of a file: where it is, or why it is not.
pub struct OtherLink {
    pub path: String,
    pub output: Result<String, String>,
}

/// Bytes of the input that others were decompressed from.
type Piece = (u64, u64);

impl<'l> StreamLine<'l> {
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut json = Json { out };
        let Job { stream, found, file, .. } = self.job;
        json.put(br#"{"type":"stream","path":"#).text_or_null(self.path);
        write_entry(stream.entry(), &mut json);
        let name = stream.name();
        json.put(br#","stream":"#).name(name, r#","stream_utf16":"#);
        json.put(br#","size":"#).number_or_null((!stream.is_listed_only()).then(|| size_of(found.ranges())));
        // The last byte of a ciphertext is behind that of the content.
        if let Some(size) = stream.size().filter(|size| *size != size_of(found.ranges())) {
            json.put(br#","content_size":"#).number(size);
        }
        json.put(br#","verdict":"#).text(found.verdict().code());
        write_reasons(found.reasons(), self.job.judgement.as_ref(), json.put(br#","reasons":"#));
        write_exposure(found, &mut json);
        if let Some(code) = encoding(self.job) {
            json.put(br#","encoding":"#).text(code);
        }
        if let Some(judgement) = &self.job.judgement {
            write_judgement(judgement, json.put(br#","content":"#));
        }
        if let Some(hash) = self.sha256 {
            write_hash(hash, json.put(br#","sha256":"#));
        }
        json.put(br#","output":"#).text_or_null(self.output);
        if let Some(error) = self.error {
            json.put(br#","error":"#).text(error);
        }
        if !self.links.is_empty() {
            json.put(br#","links":"#).array(self.links, |json, link| link.write(json));
        }
        if !self.pieces.is_empty() {
            json.put(br#","pieces":"#).array(self.pieces, |json, (from, path)| {
                json.put(br#"{"offset":"#).number(*from);
                json.put(br#","output":"#).text(path);
                json.put(b"}");
            });
        }
        // A reparse point says how the file's own content is found.
        if name.is_empty() {
            write_reparse(file.reparse.as_ref(), &mut json);
        }
        let mut map = None;
        json.put(br#","ranges":"#).array(found.ranges(), |json, range| self.write_range(range, &mut map, json));
        json.put(b"}\n");
    }

    fn write_range(&self, assessed: &AssessedRange, map: &mut Option<StreamMap<'l>>, json: &mut Json<'_>) {
        json.put(br#"{"offset":"#).number(assessed.range.offset);
        json.put(br#","length":"#).number(assessed.range.length);
        json.put(br#","source_offset":"#).number_or_null(self.source_offset(assessed));
        json.put(br#","status":"#).text(assessed.standing.code());
        if let Some(other) = claimant(assessed.standing) {
            json.put(br#","by":"#).text(&other.to_string());
        }
        if let ByteStatus::Witnessed(place) = assessed.standing
            && let Some(witness) = self.job.found.witness(place)
        {
            json.put(br#","witness":{"name":"#).text(&witness.name);
            json.put(br#","source":"#).text(&witness.source);
            json.put(b"}");
        }
        if let Some(place) = self.place(assessed) {
            json.put(br#","place":"#).number(place);
        }
        if let Some(pieces) = self.stored(assessed, map) {
            json.put(br#","stored":"#).array(pieces, |json, (position, length)| {
                json.put(br#"{"source_offset":"#).number(position);
                json.put(br#","length":"#).number(length);
                json.put(b"}");
            });
        }
        json.put(b"}");
    }

    /// Where a position of the volume is in the input.
    fn at(&self, position: u64) -> u64 {
        self.volume.origin_of(position)
    }

    /// Where the bytes written were copied from, as they are.
    fn source_offset(&self, assessed: &AssessedRange) -> Option<u64> {
        match assessed.range.origin {
            _ if !is_written(assessed.standing, self.job.is_live) => None,
            Origin::Clusters(position) | Origin::Record(position) => Some(self.at(position)),
            _ => None,
        }
    }

    /// Where bytes lie that were not copied.
    fn place(&self, assessed: &AssessedRange) -> Option<u64> {
        match assessed.range.origin {
            Origin::Clusters(position) if !is_written(assessed.standing, self.job.is_live) => Some(self.at(position)),
            Origin::Uninitialized(Some(position)) | Origin::Missing(Missing::Outside(position)) => {
                Some(self.at(position))
            }
            _ => None,
        }
    }

    /// Where bytes were decompressed from: the clusters of a unit, or all of the stream that chunks lie in.
    fn stored(&self, assessed: &AssessedRange, map: &mut Option<StreamMap<'l>>) -> Option<Vec<Piece>> {
        let of_stream = || self.job.stream.map();
        match assessed.range.origin {
            Origin::Compressed { unit, stored } => {
                let extents = map.get_or_insert_with(of_stream).stored(unit, unit.saturating_add(stored));
                let piece = |location, length| match location {
                    Location::At(position) => Some((self.at(position), length)),
                    _ => None,
                };
                Some(extents.filter_map(|extent| piece(extent.location, extent.length)).collect())
            }
            Origin::Overlay => {
                let piece = |origin, length| match origin {
                    Origin::Clusters(position) | Origin::Record(position) => Some((self.at(position), length)),
                    _ => None,
                };
                let ranges = map.get_or_insert_with(of_stream).chunks()?.ranges();
                Some(ranges.iter().filter_map(|range| piece(range.origin, range.length)).collect())
            }
            _ => None,
        }
    }
}

impl OtherLink {
    fn write(&self, json: &mut Json<'_>) {
        json.put(br#"{"path":"#).text(&self.path);
        json.put(br#","output":"#).text_or_null(self.output.as_ref().ok().map(String::as_str));
        if let Err(error) = &self.output {
            json.put(br#","error":"#).text(error);
        }
        json.put(b"}");
    }
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

fn claimant(standing: ByteStatus) -> Option<FileReference> {
    match standing {
        ByteStatus::Claimed(by) | ByteStatus::Contested { by, .. } => Some(by),
        _ => None,
    }
}
