//! What files and directories are called.

use super::random::{Random, Topic};
use super::tree::Tree;

/// `$FILE_NAME` namespaces.
pub(crate) const POSIX: u8 = 0;
pub(crate) const WIN32: u8 = 1;
pub(crate) const DOS: u8 = 2;
pub(crate) const WIN32_AND_DOS: u8 = 3;

/// Lengths measured on an XP system disk and on a Windows 10 installation stick.
const LENGTHS_XP: [(u64, u64); 9] =
    [(0, 3), (50, 6), (250, 10), (500, 12), (750, 15), (900, 24), (950, 38), (990, 48), (1000, 158)];
const LENGTHS_10: [(u64, u64); 9] =
    [(0, 5), (50, 8), (250, 14), (500, 21), (750, 36), (900, 48), (950, 57), (990, 66), (1000, 85)];

const EXTENSIONS: [&str; 24] = [
    "dll", "dll", "dll", "png", "png", "gif", "man", "inf", "pnf", "xml", "xml", "jpg", "jpg", "js", "exe", "exe",
    "htm", "mui", "sys", "ttf", "txt", "json", "html", "manifest",
];
const SYLLABLES: [&str; 32] = [
    "ad", "ba", "con", "de", "en", "fi", "gra", "ha", "in", "ker", "log", "mi", "net", "or", "per", "qua", "re", "set",
    "ti", "up", "ver", "win", "xa", "yo", "ze", "Micro", "Data", "User", "Sys", "Tem", "Pro", "Cache",
];
/// Letters beyond ASCII: Latin, Greek, Cyrillic, CJK, and a pair of surrogates' worth of emoji.
const FOREIGN: [char; 12] = ['é', 'ü', 'ß', 'ñ', 'λ', 'Ω', 'д', 'я', '中', '文', '日', '🗂'];

/// The script that most letters of long names are written in. The same seed gives the same table but for these letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Script {
    #[default]
    Latin,
    Cyrillic,
    Cjk,
    Arabic,
    Emoji,
    /// Every name in one of these.
    Mixed,
}

impl Script {
    pub(crate) const NAMES: [(&str, Script); 6] = [
        ("latin", Self::Latin),
        ("cyrillic", Self::Cyrillic),
        ("cjk", Self::Cjk),
        ("arabic", Self::Arabic),
        ("emoji", Self::Emoji),
        ("mixed", Self::Mixed),
    ];

    /// The text with its letters written in this script, one for one; the extension stays.
    fn write(self, text: &str, slot: u64) -> String {
        let first = match self {
            Self::Latin => return text.to_owned(),
            Self::Cyrillic => 'а',
            Self::Cjk => '一',
            Self::Arabic => 'ب',
            Self::Emoji => '😀',
            Self::Mixed => return Self::NAMES[(slot % 5) as usize].1.write(text, slot),
        };
        let (stem, extension) = text.rsplit_once('.').map_or((text, ""), |(stem, _)| (stem, &text[stem.len()..]));
        let letter = |letter: char| match letter.to_ascii_lowercase() {
            // Each of these takes two units.
            lower if self == Self::Emoji && !matches!(lower, 'a' | 'e' | 'i') => letter,
            lower @ 'a'..='z' => char::from_u32(first as u32 + (lower as u32 - 'a' as u32) % 24).unwrap_or(letter),
            _ => letter,
        };
        let written: String = stem.chars().map(letter).chain(extension.chars()).collect();
        // No name is longer than this.
        if written.encode_utf16().count() > 255 { text.to_owned() } else { written }
    }
}

/// A name and the namespace it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) namespace: u8,
    pub(crate) units: Vec<u16>,
}

/// The names of a slot's main link, in the order in which they stand in the record.
pub(crate) fn of(tree: &Tree, slot: u64, directory: bool) -> Vec<Name> {
    let mut random = tree.random(slot, Topic::Name);
    let text = make(&mut random, slot, directory);
    let written = tree.script().write(&text, slot);
    let long = |namespace| Name { namespace, units: written.encode_utf16().collect() };
    if fits_8_3(&text) {
        return vec![long(WIN32_AND_DOS)];
    }
    let mut random = tree.random(slot, Topic::ShortName);
    if random.per_mille(200) {
        return vec![long(POSIX)];
    }
    let short = Name {
        namespace: DOS,
        units: shorten(&text, tree.is_in_small(slot), slot, &mut random).encode_utf16().collect(),
    };
    if random.per_mille(930) { vec![short, long(WIN32)] } else { vec![long(WIN32), short] }
}

/// The name of a further hard link.
pub(crate) fn of_link(tree: &Tree, slot: u64, link: u64) -> Name {
    let mut random = tree.random(slot.wrapping_add((link + 1) << 32), Topic::Name);
    let text = tree.script().write(&make(&mut random, slot, false), slot);
    Name { namespace: POSIX, units: text.encode_utf16().collect() }
}

fn make(random: &mut Random, slot: u64, directory: bool) -> String {
    let lengths = if random.below(4) == 0 { &LENGTHS_10 } else { &LENGTHS_XP };
    let length = random.quantile(lengths) as usize;
    let extension = random.choose(&EXTENSIONS);
    let dotted = !directory && length > extension.len() + 3 && random.per_mille(970);
    let stem = if dotted { length - extension.len() - 1 } else { length };
    let mut text = make_stem(random, stem);
    if (3..=8).contains(&text.len()) && text.is_ascii() {
        text.replace_range(text.len() - 3.., &number_in(slot));
    }
    if dotted {
        text.push('.');
        text.push_str(extension);
    }
    text
}

/// `length` characters of syllables, numbers and separators; a hundredth of the stems is not ASCII.
fn make_stem(random: &mut Random, length: usize) -> String {
    let mut text = String::with_capacity(length + 8);
    let foreign = random.per_mille(10);
    let mut count = 0;
    while count < length {
        let before = text.len();
        match random.below(10) {
            0 if count > 0 && count + 1 < length => text.push(random.choose(&['-', '_', ' ', '.'])),
            1 | 2 => text.push_str(&random.below(1000).to_string()),
            _ if foreign => text.push(random.choose(&FOREIGN)),
            _ => text.push_str(random.choose(&SYLLABLES)),
        }
        count += text[before..].encode_utf16().count();
    }
    let end = text.char_indices().map(|(at, _)| at).take(length + 1).last().unwrap_or(0);
    text.truncate(if text.chars().count() > length { end } else { text.len() });
    if text.ends_with([' ', '.']) {
        text.pop();
        text.push('0');
    }
    text
}

/// Three letters that no other slot within 46,656 has: short names would otherwise meet in large directories.
fn number_in(slot: u64) -> String {
    let digit = |unit: u64| char::from_digit((slot / unit % 36) as u32, 36).unwrap_or('0');
    [digit(1296), digit(36), digit(1)].iter().collect()
}

fn fits_8_3(text: &str) -> bool {
    let (stem, extension) = text.rsplit_once('.').unwrap_or((text, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (1..=8).contains(&stem.len()) && extension.len() <= 3 && plain(stem) && plain(extension)
}

/// `SIXCHA~1.EXT`, or `SI3F9C~1.EXT` where a directory has many names that begin alike.
fn shorten(text: &str, few: bool, slot: u64, random: &mut Random) -> String {
    let (stem, extension) = text.rsplit_once('.').unwrap_or((text, ""));
    let plain = |part: &str, most| -> String {
        part.chars().filter(char::is_ascii_alphanumeric).take(most).map(|letter| letter.to_ascii_uppercase()).collect()
    };
    let mut short = if few {
        format!("{}~{}", plain(stem, 6), random.between(1, 9))
    } else {
        format!("{}{:04X}~1", plain(stem, 2), slot % 0x1_0000)
    };
    let extension = plain(extension, 3);
    if !extension.is_empty() {
        short.push('.');
        short.push_str(&extension);
    }
    short
}
