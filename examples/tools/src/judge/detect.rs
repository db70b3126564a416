//! Which format a stream has, by its first bytes, and where those say nothing, by its name.

use super::{Walk, Walking, archives, documents, media, pictures, system, text};

/// What is known of a stream before it is walked.
pub struct Head<'a> {
    /// The first bytes of the stream: all of it where it is shorter than [`Head::LENGTH`].
    pub bytes: &'a [u8],
    /// What stands behind the last dot of the name, in small letters.
    pub extension: &'a str,
    /// The stream's length in bytes.
    pub size: u64,
}

impl Head<'_> {
    /// The most that a format needs to be recognised.
    pub const LENGTH: usize = 4096;

    fn has(&self, offset: usize, bytes: &[u8]) -> bool {
        self.bytes.get(offset..).is_some_and(|rest| rest.starts_with(bytes))
    }

    pub fn is_named(&self, extensions: &[&str]) -> bool {
        extensions.contains(&self.extension)
    }
}

/// A format that can be judged.
pub struct Format {
    /// A short name that stays the same between versions.
    pub name: &'static str,
    /// How its files are usually called. The first of them always start as the format does, where `is_strict`.
    extensions: &'static [&'static str],
    /// True when a file of this name that does not start as the format does cannot be whole.
    is_strict: bool,
    is_it: fn(&Head<'_>) -> bool,
    pub walk: fn(Walk) -> Walking,
    /// True when these last bytes of a stream are the end of such a file.
    pub has_end: fn(&[u8]) -> bool,
}

macro_rules! formats {
    ($($name:literal $strict:ident [$($extension:literal)*] $is_it:expr => $walk:path $(, ends $end:expr)?;)*) => {
        &[$(Format {
            name: $name,
            extensions: &[$($extension),*],
            is_strict: stringify!($strict).len() == "strict".len(),
            is_it: $is_it,
            walk: |walk| Box::pin($walk(walk)),
            has_end: { #[allow(unused_mut, unused_assignments)] let mut end: fn(&[u8]) -> bool = |_| false; $(end = $end;)? end },
        }),*]
    };
}

/// All formats, those with the surest signs first.
static FORMATS: &[Format] = formats! {
    "png" strict ["png" "apng"] |head| head.has(0, b"\x89PNG\r\n\x1a\n") => pictures::png::walk, ends |tail| tail.ends_with(b"IEND\xaeB`\x82");
    "jpeg" strict ["jpg" "jpeg" "jpe" "jfif"] |head| head.has(0, b"\xff\xd8\xff") => pictures::jpeg::walk, ends |tail| tail.ends_with(b"\xff\xd9");
    "gif" strict ["gif"] |head| head.has(0, b"GIF87a") || head.has(0, b"GIF89a") => pictures::gif::walk, ends |tail| tail.ends_with(b"\0\x3b");
    "zip" strict ["zip" "jar" "apk" "epub" "odt" "ods" "odp" "odg" "docm" "xlsm" "pptm" "docx" "xlsx" "pptx" "whl" "nupkg" "vsix" "xpi" "kmz" "war" "ear" "cbz" "appx" "msix" "3mf" "usdz" "npz"] is_zip => archives::zip::walk, ends has_zip_end;
    "gzip" strict ["gz" "tgz" "svgz" "emz" "crate"] |head| head.has(0, b"\x1f\x8b\x08") => archives::gzip::walk;
    "bzip2" strict ["bz2" "tbz2" "tbz"] |head| head.has(0, b"BZh") && (head.has(4, b"1AY&SY") || head.has(4, b"\x17rE8P\x90")) => archives::bzip2::walk;
    "xz" strict ["xz" "txz"] |head| head.has(0, b"\xfd7zXZ\0") => archives::xz::walk, ends |tail| tail.ends_with(b"YZ");
    "zstd" strict ["zst" "zstd"] |head| head.has(0, b"\x28\xb5\x2f\xfd") => archives::zstd::walk;
    "7z" strict ["7z"] |head| head.has(0, b"7z\xbc\xaf\x27\x1c") => archives::seven_zip::walk;
    "rar" strict ["rar" "cbr"] |head| head.has(0, b"Rar!\x1a\x07") => archives::rar::walk, ends |tail| tail.ends_with(b"\x1d\x77\x56\x51\x03\x05\x04\0") || tail.ends_with(b"\xc4\x3d\x7b\x00\x40\x07\x00");
    "cab" strict ["cab"] |head| head.has(0, b"MSCF\0\0\0\0") => archives::cabinet::walk;
    "wim" strict ["wim" "swm" "esd"] |head| head.has(0, b"MSWIM\0\0\0") => archives::wim::walk;
    "git-pack" strict ["pack"] |head| head.has(0, b"PACK\0\0\0") => archives::git::pack;
    "git-index" loose [] |head| head.has(0, b"DIRC\0\0\0") => archives::git::index;
    "git-pack-index" loose ["idx"] |head| head.has(0, b"\xfftOc\0\0\0\x02") => archives::git::index;
    "git-object" loose [] archives::git::is_object => archives::git::object;
    "flac" strict ["flac"] |head| head.has(0, b"fLaC") => media::flac::walk;
    "ogg" strict ["ogg" "oga" "ogv" "opus" "spx"] |head| head.has(0, b"OggS\0") => media::ogg::walk;
    "webp" strict ["webp"] |head| head.has(0, b"RIFF") && head.has(8, b"WEBP") => media::riff::walk;
    "wav" strict ["wav"] |head| (head.has(0, b"RIFF") || head.has(0, b"RF64")) && head.has(8, b"WAVE") => media::riff::walk;
    "avi" strict ["avi"] |head| head.has(0, b"RIFF") && head.has(8, b"AVI ") => media::riff::walk;
    "riff" loose ["ani" "mid" "rmi" "cdr" "sf2"] |head| head.has(0, b"RIFF") => media::riff::walk;
    "mp4" strict ["mp4" "m4a" "m4v" "mov" "heic" "heif" "avif" "3gp" "cr3" "qt" "m4b" "jp2" "jxl"] media::mp4::is_it => media::mp4::walk;
    "matroska" strict ["mkv" "webm" "mka"] |head| head.has(0, b"\x1a\x45\xdf\xa3") => media::matroska::walk;
    "pdf" strict ["pdf"] |head| head.bytes.get(..1024.min(head.bytes.len())).is_some_and(|start| start.windows(5).any(|five| five == b"%PDF-")) => documents::pdf::walk, ends |tail| tail.windows(5).any(|five| five == b"%%EOF");
    "ole2" strict ["doc" "xls" "ppt" "msg" "msi" "msp" "vsd" "pub" "mpp"] |head| head.has(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") => documents::ole2::walk;
    "evtx" strict ["evtx"] |head| head.has(0, b"ElfFile\0") => system::evtx::walk;
    "registry" loose ["hve"] |head| head.has(0, b"regf") => system::registry::walk;
    "pst" strict ["pst" "ost"] |head| head.has(0, b"!BDN") => system::pst::walk;
    "vhdx" strict ["vhdx" "avhdx"] |head| head.has(0, b"vhdxfile") => system::vhdx::walk;
    "e01" strict ["e01"] |head| head.has(0, b"EVF\x09\x0d\x0a\xff\0") => system::ewf::walk;
    "sqlite" strict ["sqlite" "sqlite3" "db3"] |head| head.has(0, b"SQLite format 3\0") => system::sqlite::walk;
    "sqlite-wal" loose ["sqlite-wal" "db-wal"] |head| head.has(0, b"\x37\x7f\x06\x82") || head.has(0, b"\x37\x7f\x06\x83") => system::sqlite::wal;
    "pe" strict ["exe" "dll" "sys" "ocx" "scr" "mui" "cpl" "efi"] |head| head.has(0, b"MZ") => system::pe::walk;
    "elf" loose ["so" "o" "ko"] |head| head.has(0, b"\x7fELF") => system::elf::walk;
    "lnk" strict ["lnk"] |head| head.has(0, b"L\0\0\0\x01\x14\x02\0") => system::lnk::walk;
    "prefetch" strict ["pf"] |head| head.has(4, b"SCCA") || head.has(0, b"MAM\x04") => system::prefetch::walk;
    "tiff" strict ["tif" "tiff" "dng" "nef" "arw" "cr2"] |head| head.has(0, b"II*\0") || head.has(0, b"MM\0*") => pictures::tiff::walk;
    "bmp" strict ["bmp" "dib"] |head| head.has(0, b"BM") && head.has(6, &[0; 4]) => pictures::bmp::walk;
    "tar" strict ["tar"] archives::tar::is_it => archives::tar::walk;
    "mp3" strict ["mp3"] media::mp3::is_it => media::mp3::walk;
    "der" loose ["cer" "crt" "der" "p7b" "p12" "pfx"] text::der::is_it => text::der::walk;
    "json" loose ["json" "geojson" "ipynb" "map"] text::json::is_it => text::json::walk;
    "xml" loose ["xml" "svg" "xhtml" "rss" "kml" "gpx" "xsl" "plist" "xaml" "csproj"] text::xml::is_it => text::xml::walk;
    "text" loose ["txt" "csv" "html" "htm" "log" "md" "eml" "ini" "pem" "rtf" "rs" "c" "h" "py" "js" "css" "sh" "bat" "ps1" "sql" "java" "cpp" "go" "tex" "yml" "yaml" "toml" "vcf" "ics"] text::is_it => text::walk;
};

fn is_zip(head: &Head<'_>) -> bool {
    head.has(0, b"PK\x03\x04") || head.has(0, b"PK\x05\x06")
}

fn has_zip_end(tail: &[u8]) -> bool {
    tail.windows(4).rposition(|four| four == b"PK\x05\x06").is_some_and(|start| tail.len() - start >= 22)
}

/// The format that content begins with.
pub fn format(head: &Head<'_>) -> Option<&'static Format> {
    FORMATS.iter().find(|format| (format.is_it)(head))
}

/// The format whose files have this extension and never start otherwise.
pub fn promised_by(extension: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.is_strict && format.extensions.contains(&extension))
}

/// The format whose files start with such bytes, where that takes more than chance.
pub fn signature(bytes: &[u8]) -> Option<&'static str> {
    let head = Head { bytes, extension: "", size: u64::MAX };
    let has_sure_sign =
        |format: &&Format| format.is_strict && !matches!(format.name, "pe" | "bmp" | "mp3" | "pdf" | "tar");
    let first = FORMATS.iter().filter(has_sure_sign).find(|format| (format.is_it)(&head));
    first.map(|format| format.name)
}

/// Names of formats that often carry each other's extensions.
const ALIKE: [&[&str]; 5] = [
    &["ole2", "zip", "xml", "text", "rtf"],
    &["mp4", "mp3", "wav", "avi", "riff", "ogg", "matroska"],
    &["der", "text"],
    &["json", "text", "xml"],
    &["registry", "sqlite", "ole2"],
];

/// True when the name says one format and the content is another.
pub fn is_other_than(found: Option<&Format>, extension: &str) -> bool {
    let Some(found) = found else { return false };
    let named = FORMATS.iter().find(|format| format.extensions.contains(&extension));
    let is_alike =
        |named: &Format| ALIKE.iter().any(|names| names.contains(&named.name) && names.contains(&found.name));
    named.is_some_and(|named| named.name != found.name && !is_alike(named))
}
