//! The files of a report: few bytes for each, as there may be very many.

use std::collections::{BTreeMap, HashMap};

use crate::writing::text::is_harmful;

/// A stream of a file, as a report has it.
#[derive(Debug)]
pub struct Row {
    /// In [`Files::folders`].
    pub folder: u32,
    pub name: String,
    pub size: Option<u64>,
    /// In [`Files::kinds`].
    pub kind: u32,
    /// Bytes that are not there, or not to be believed.
    pub lost: u64,
    pub record: u64,
    pub sequence: u16,
}

/// What a stream is, for one who adds it.
#[derive(Debug)]
pub struct Stream<'s> {
    pub path: &'s str,
    /// Its own name; empty for the content of the file.
    pub name: &'s str,
    pub record: u64,
    pub sequence: u16,
    pub state: &'s str,
    pub size: Option<u64>,
    pub verdict: &'s str,
    pub reasons: &'s str,
    /// Parts that are not there, or not to be believed: first byte, length, why.
    pub lost: Vec<(u64, u64, String)>,
}

/// Streams with one verdict.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sum {
    pub live: u64,
    pub other: u64,
    pub bytes: u64,
    pub lost: u64,
}

/// What verdict, state and reasons many streams share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    pub verdict: String,
    pub state: String,
    pub reasons: String,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Files {
    pub rows: Vec<Row>,
    pub folders: Vec<String>,
    folder_numbers: HashMap<String, u32>,
    pub kinds: Vec<Kind>,
    kind_numbers: HashMap<Kind, u32>,
    /// Which bytes of the first streams that are not whole are lost, by their place in `rows`.
    pub details: BTreeMap<usize, String>,
    pub by_verdict: BTreeMap<String, Sum>,
    /// Codes of reasons and of bytes that occur.
    pub codes: std::collections::BTreeSet<String>,
    /// Streams that are not whole, and bytes lost, by folder.
    pub worst: HashMap<u32, (u64, u64)>,
}

/// Of so many streams that are not whole it is said in full what is lost.
pub const DETAILS: usize = 500;
/// In so many ranges.
const RANGES: usize = 8;

impl Files {
    pub fn add(&mut self, stream: &Stream<'_>) {
        let whole = clean(stream.path);
        let at = whole.rfind('/').map_or(0, |slash| slash + 1);
        let folder = self.folder(&whole[..at]);
        let mut name = whole[at..].to_owned();
        if !stream.name.is_empty() {
            name = format!("{name}:{}", clean(stream.name));
        }
        let kind = Kind {
            verdict: stream.verdict.into(),
            state: stream.state.into(),
            reasons: stream.reasons.replace(',', ", "),
        };
        let lost = stream.lost.iter().map(|(_, length, _)| length).sum();
        let sum = self.by_verdict.entry(stream.verdict.to_owned()).or_default();
        match stream.state {
            "live" => sum.live += 1,
            _ => sum.other += 1,
        }
        sum.bytes = sum.bytes.saturating_add(stream.size.unwrap_or(0));
        sum.lost += lost;
        self.codes.extend(stream.reasons.split(',').filter(|code| !code.is_empty()).map(str::to_owned));
        if is_broken(stream.verdict) {
            let worst = self.worst.entry(folder).or_default();
            *worst = (worst.0 + 1, worst.1 + lost);
            if self.details.len() < DETAILS {
                self.details.insert(self.rows.len(), detail(&stream.lost));
                self.codes
                    .extend(stream.lost.iter().filter_map(|(_, _, why)| why.split(' ').next()).map(str::to_owned));
            }
        }
        let kind = self.kind(kind);
        let Stream { size, record, sequence, .. } = *stream;
        self.rows.push(Row { folder, name, size, kind, lost, record, sequence });
    }

    pub fn broken(&self) -> u64 {
        self.worst.values().map(|(count, _)| count).sum()
    }

    fn folder(&mut self, path: &str) -> u32 {
        if let Some(&number) = self.folder_numbers.get(path) {
            return number;
        }
        let number = self.folders.len() as u32;
        self.folders.push(path.to_owned());
        self.folder_numbers.insert(path.to_owned(), number);
        number
    }

    fn kind(&mut self, kind: Kind) -> u32 {
        let next = self.kinds.len() as u32;
        let kinds = &mut self.kinds;
        *self.kind_numbers.entry(kind).or_insert_with_key(|kind| {
            kinds.push(kind.clone());
            next
        })
    }
}

/// True for a verdict of streams that are not whole.
pub fn is_broken(verdict: &str) -> bool {
    !matches!(verdict, "intact" | "likely")
}

/// True for bytes that are there, as far as is known.
pub fn is_there(code: &str) -> bool {
    matches!(
        code,
        "intact" | "witnessed" | "zeros" | "free" | "unchecked" | "unplaced" | "unowned" | "contested-by-older"
    )
}

fn detail(lost: &[(u64, u64, String)]) -> String {
    let range =
        |(offset, length, why): &(u64, u64, String)| format!("{offset} to {}: {why}", offset.saturating_add(*length));
    let mut text: Vec<_> = lost.iter().take(RANGES).map(range).collect();
    if lost.len() > RANGES {
        text.push(format!("and {} more", lost.len() - RANGES));
    }
    match text.is_empty() {
        true => "nothing of it is on the disk".into(),
        false => text.join("; "),
    }
}

/// Text in which nothing is invisible, moves what stands beside it, or ends a line.
pub fn clean(text: &str) -> String {
    if !text.chars().any(is_harmful) {
        return text.to_owned();
    }
    let shown = |character| match is_harmful(character) {
        true => format!("\\u{:04x}", u32::from(character)),
        false => String::from(character),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_no_line_and_hides_nothing() {
        assert_eq!(clean("a\tb\nc\r\u{202e}gpj.exe"), "a\\u0009b\\u000ac\\u000d\\u202egpj.exe");
        assert_eq!(clean("naïve 文件"), "naïve 文件");
    }

    #[test]
    fn streams_are_summed_by_verdict_and_folder() {
        let mut files = Files::default();
        let mut add = |path, verdict, lost: &[(u64, u64, String)]| {
            let lost = lost.to_vec();
            files.add(&Stream {
                path,
                name: "",
                record: 1,
                sequence: 1,
                state: "live",
                size: Some(100),
                verdict,
                reasons: "",
                lost,
            });
        };
        add("/a/one", "intact", &[]);
        add("/a/two", "partial", &[(10, 20, "unreadable".into())]);
        add("/b/three", "partial", &[(0, 1, "claimed by 7-1".into()), (5, 1, "claimed by 8-1".into())]);
        assert_eq!((files.broken(), files.folders.len(), files.by_verdict["partial"].lost), (2, 2, 22));
        assert_eq!(files.details[&1], "10 to 30: unreadable");
        assert_eq!(files.details[&2], "0 to 1: claimed by 7-1; 5 to 6: claimed by 8-1");
    }
}
