//! The text that says of which files a VMDK disk is made.

/// What a descriptor says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Descriptor {
    /// Changes when the disk is written to for the first time since it was opened.
    pub(super) cid: Option<String>,
    /// That of the parent; `None` where there is none.
    pub(super) parent_cid: Option<String>,
    pub(super) parent_name: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) extents: Vec<Line>,
    pub(super) notes: Vec<String>,
}

/// A line about an extent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) sectors: u64,
    /// `SPARSE`, `FLAT`, `ZERO`, ...
    pub(super) kind: String,
    pub(super) name: Option<String>,
    /// In sectors of its file, where a flat one starts.
    pub(super) offset: u64,
}

/// The longest text that is looked at.
pub(super) const LONGEST: u64 = 1 << 20;

/// What the identity of a parent is where there is none.
const NO_PARENT: &str = "ffffffff";

impl Descriptor {
    /// True for the start of a descriptor.
    pub(super) fn starts(head: &[u8]) -> bool {
        let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
        let text = head.get(1..).unwrap_or_default().trim_ascii_start();
        let mark = b"disk descriptorfile";
        head.starts_with(b"#") && text.get(..mark.len()).is_some_and(|text| text.eq_ignore_ascii_case(mark))
    }

    /// # Errors
    /// When the text cannot say what the disk is.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        let (mut found, mut parent) = (Self::default(), None);
        for line in text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(extent) = Line::parse(line) {
                found.extents.push(extent?);
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                return Err(format!("its descriptor is damaged: \"{}\" says nothing", shown(line)));
            };
            let value = value.trim().trim_matches('"').to_owned();
            match key.trim().to_ascii_lowercase().as_str() {
                "cid" => found.cid = Some(value.to_ascii_lowercase()),
                "parentcid" => parent = Some(value.to_ascii_lowercase()),
                "parentfilenamehint" => found.parent_name = Some(value),
                "createtype" => found.kind = Some(value),
                key if key.starts_with("encryption.") => {
                    return Err("it is encrypted; VMware can write a copy that is not".to_owned());
                }
                _ => {}
            }
        }
        match (parent.as_deref(), &found.parent_name) {
            (Some(NO_PARENT), Some(name)) => {
                return Err(format!("it names a parent (\"{}\"), and says that it has none", shown(name)));
            }
            (Some(NO_PARENT), None) => {}
            (Some(_), _) => found.parent_cid = parent,
            (None, Some(_)) => return Err("it names a parent, and not which state of it: it is damaged".to_owned()),
            (None, None) => found.notes.push("its descriptor does not say whether it has a parent".to_owned()),
        }
        if found.extents.is_empty() {
            return Err("its descriptor names no extent".to_owned());
        }
        Ok(found)
    }
}

impl Line {
    /// `None` where the line is about something else.
    fn parse(line: &str) -> Option<Result<Self, String>> {
        let (access, rest) = line.split_once(char::is_whitespace)?;
        let is_one = ["RW", "RDONLY", "NOACCESS"].iter().any(|word| access.eq_ignore_ascii_case(word));
        is_one.then(|| Self::of(rest.trim()).ok_or(format!("its descriptor is damaged: \"{}\"", shown(line))))
    }

    fn of(rest: &str) -> Option<Self> {
        let (sectors, rest) = rest.split_once(char::is_whitespace)?;
        let rest = rest.trim();
        let (kind, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let rest = rest.trim();
        let (name, rest) = match rest.strip_prefix('"') {
            Some(rest) => rest.rsplit_once('"').map(|(name, rest)| (Some(name.to_owned()), rest.trim()))?,
            None => (None, rest),
        };
        let offset = match rest.split_whitespace().next() {
            Some(offset) if name.is_some() => offset.parse().ok()?,
            _ => 0,
        };
        Some(Self { sectors: sectors.parse().ok()?, kind: kind.to_ascii_uppercase(), name, offset })
    }
}

/// The start of a text, for a message.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=12AB34cd\nparentCID=ffffffff\n\
        isNativeSnapshot=\"no\"\ncreateType=\"twoGbMaxExtentFlat\"\n\n# Extent description\n\
        RW 4192256 FLAT \"a disk (1)-f001.vmdk\" 0\r\nRDONLY 63 ZERO\nrw 7 VMFS \"b\\\"c\" 128\n\n# The Disk Data Base\nddb.adapterType = \"ide\"\n";

    #[test]
    fn extents_and_identities_are_read() {
        let found = Descriptor::parse(TEXT.as_bytes()).unwrap();
        assert_eq!((found.cid.as_deref(), found.parent_cid.as_deref()), (Some("12ab34cd"), None));
        let line = |sectors, kind: &str, name: Option<&str>, offset| Line {
            sectors,
            kind: kind.to_owned(),
            name: name.map(str::to_owned),
            offset,
        };
        let lines = [
            line(4_192_256, "FLAT", Some("a disk (1)-f001.vmdk"), 0),
            line(63, "ZERO", None, 0),
            line(7, "VMFS", Some("b\\\"c"), 128),
        ];
        assert_eq!(found.extents, lines);
        assert!(Descriptor::starts(TEXT.as_bytes()) && Descriptor::starts(b"\xEF\xBB\xBF\n #Disk descriptorFILE"));
        assert!(!Descriptor::starts(b"# Mapfile"));
    }

    #[test]
    fn contradictions_are_errors() {
        let with = |from: &str, to: &str| Descriptor::parse(TEXT.replace(from, to).as_bytes());
        let hint = "parentFileNameHint=\"base.vmdk\"\nparentCID=";
        assert!(with("parentCID=", hint).unwrap_err().contains("says that it has none"));
        assert!(with("parentCID=ffffffff", "parentFileNameHint=\"base.vmdk\"").is_err());
        assert_eq!(with("parentCID=ffffffff", "parentCID=0000AAAA").unwrap().parent_cid.as_deref(), Some("0000aaaa"));
        assert!(with("parentCID=ffffffff", "").unwrap().notes[0].contains("does not say"));
        assert!(with("4192256 FLAT", "4l92256 FLAT").is_err());
        assert!(
            with("RW 4192256", "encryption.keySafe = \"x\"\nRW 4192256").unwrap_err().starts_with("it is encrypted")
        );
        assert!(with("RW 4192256", "RV 4192256").unwrap_err().contains("says nothing"));
        assert!(Descriptor::parse(b"# Disk DescriptorFile\nCID=1\n").is_err());
    }
}
