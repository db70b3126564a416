//! What files of well-known kinds start with, by the extension of their names.

/// Extensions, where the mark stands, and the mark. Of several rows of one extension any may fit.
const HEADS: [(&str, usize, &[u8]); 46] = [
    ("jpg", 0, b"\xFF\xD8\xFF"),
    ("jpeg", 0, b"\xFF\xD8\xFF"),
    ("png", 0, b"\x89PNG"),
    ("gif", 0, b"GIF8"),
    ("bmp", 0, b"BM"),
    ("pdf", 0, b"%PDF"),
    ("zip", 0, b"PK\x03\x04"),
    ("jar", 0, b"PK\x03\x04"),
    ("apk", 0, b"PK\x03\x04"),
    ("docx", 0, b"PK\x03\x04"),
    ("xlsx", 0, b"PK\x03\x04"),
    ("pptx", 0, b"PK\x03\x04"),
    ("odt", 0, b"PK\x03\x04"),
    ("ods", 0, b"PK\x03\x04"),
    ("exe", 0, b"MZ"),
    ("dll", 0, b"MZ"),
    ("sys", 0, b"MZ"),
    ("mui", 0, b"MZ"),
    ("ocx", 0, b"MZ"),
    ("msi", 0, b"\xD0\xCF\x11\xE0"),
    ("doc", 0, b"\xD0\xCF\x11\xE0"),
    ("xls", 0, b"\xD0\xCF\x11\xE0"),
    ("ppt", 0, b"\xD0\xCF\x11\xE0"),
    ("rtf", 0, b"{\\rt"),
    ("7z", 0, b"7z\xBC\xAF"),
    ("rar", 0, b"Rar!"),
    ("gz", 0, b"\x1F\x8B"),
    ("tgz", 0, b"\x1F\x8B"),
    ("bz2", 0, b"BZh"),
    ("xz", 0, b"\xFD7zX"),
    ("cab", 0, b"MSCF"),
    ("lnk", 0, b"L\0\0\0"),
    ("evtx", 0, b"ElfF"),
    ("mp4", 4, b"ftyp"),
    ("m4a", 4, b"ftyp"),
    ("mov", 4, b"ftyp"),
    ("heic", 4, b"ftyp"),
    ("mkv", 0, b"\x1A\x45\xDF\xA3"),
    ("avi", 0, b"RIFF"),
    ("wav", 0, b"RIFF"),
    ("webp", 0, b"RIFF"),
    ("ogg", 0, b"OggS"),
    ("flac", 0, b"fLaC"),
    ("ttf", 0, b"\0\x01\0\0"),
    ("pst", 0, b"!BDN"),
    ("sqlite", 0, b"SQLi"),
];

/// Whether a file of this name starts with such bytes; `None` where names of its kind say nothing, or nothing was
/// ever written there.
pub(super) fn is_head_of(name: &str, head: &[u8]) -> Option<bool> {
    let (_, extension) = name.rsplit_once('.')?;
    let rows = || HEADS.iter().filter(|(known, ..)| extension.eq_ignore_ascii_case(known));
    let is_written = head.iter().any(|byte| *byte != 0);
    let has = |(_, at, mark): &(&str, usize, &[u8])| head.get(*at..).is_some_and(|rest| rest.starts_with(mark));
    (is_written && rows().next().is_some()).then(|| rows().any(has))
}

#[cfg(test)]
mod tests {
    use super::is_head_of;

    #[test]
    fn a_file_starts_as_its_extension_says() {
        assert_eq!(is_head_of("a.JPG", b"\xFF\xD8\xFF\xE0"), Some(true));
        assert_eq!(is_head_of("a.b.mp4", b"\0\0\0\x18ftypisom"), Some(true));
        assert_eq!(is_head_of("a.jpg", b"PK\x03\x04"), Some(false));
        assert_eq!(is_head_of("a.jpg", b"\xFF"), Some(false), "cut short");
        assert_eq!(is_head_of("a.jpg", &[0; 512]), None, "never written");
        assert_eq!((is_head_of("a.txt", b"PK"), is_head_of("jpg", b"PK"), is_head_of("", b"")), (None, None, None));
    }
}
