//! Names that do no harm on any file system.
//!
//! A name of NTFS can be what another system takes for a way out (`..`), a device (`NUL`), a command to
//! the terminal, or more than it can hold. The manifest has the names as they are.

use std::borrow::Cow;

use crate::writing::text::{is_harmful, is_plain};

/// Bytes that nearly every file system takes for a name.
const LONGEST: usize = 255;

/// The longest part behind the last dot that is kept where a name is changed.
const LONGEST_EXTENSION: usize = 16;

/// The name as it may be written: with `_` for what could do harm, and cut where it is too long.
pub fn safe(name: &str) -> Cow<'_, str> {
    if is_safe(name) {
        return Cow::Borrowed(name);
    }
    let mut safe: String = name.chars().map(|character| if is_kept(character) { character } else { '_' }).collect();
    let kept = safe.trim_end_matches(['.', ' ']).len();
    let replaced = "_".repeat(safe.len() - kept);
    safe.replace_range(kept.., &replaced);
    if safe.is_empty() || is_device(&safe) {
        safe.insert(0, '_');
    }
    if safe.len() > LONGEST {
        safe = with_mark(&safe, "~");
    }
    Cow::Owned(safe)
}

fn is_safe(name: &str) -> bool {
    let is_kept = is_plain(name.as_bytes(), FORBIDDEN) || name.chars().all(is_kept);
    is_kept && !name.is_empty() && name.len() <= LONGEST && !name.ends_with(['.', ' ']) && !is_device(name)
}

/// What is forbidden in names of Windows or Unix.
const FORBIDDEN: [u8; 9] = *br#"/\:*?"<>|"#;

/// False for what is forbidden, and what works on terminals.
fn is_kept(character: char) -> bool {
    u8::try_from(character).map_or(true, |byte| !FORBIDDEN.contains(&byte)) && !is_harmful(character)
}

/// True for names that Windows takes for a device, whatever follows behind a dot.
fn is_device(name: &str) -> bool {
    if !name.starts_with(['C', 'c', 'P', 'p', 'A', 'a', 'N', 'n', 'L', 'l']) {
        return false;
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    if !(3..=7).contains(&stem.chars().count()) {
        return false;
    }
    let stem = stem.to_ascii_uppercase();
    let digit = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$")
        || digit.is_some_and(|digit| matches!(digit, "¹" | "²" | "³") || digit.parse::<u8>().is_ok_and(|n| n < 10))
}

/// The name with a mark before its extension, cut to what a name may have.
pub fn with_mark(name: &str, mark: &str) -> String {
    let dot = name.rfind('.').filter(|&dot| dot > 0 && name.len() - dot <= LONGEST_EXTENSION);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let room = LONGEST.saturating_sub(mark.len() + extension.len());
    let cut = (0..=room.min(stem.len())).rev().find(|&end| stem.is_char_boundary(end));
    format!("{}{mark}{extension}", &stem[..cut.unwrap_or(0)])
}

/// A number that is the same for names that a file system without cases takes for the same.
pub fn key(name: &str) -> u64 {
    // FNV-1a: that two other names may have the same number costs them a mark, no more.
    let add = |hash: u64, unit: u32| (hash ^ u64::from(unit)).wrapping_mul(0x100_0000_01B3);
    let start = 0xCBF2_9CE4_8422_2325;
    if name.is_ascii() {
        return name.bytes().fold(start, |hash, byte| add(hash, u32::from(byte.to_ascii_lowercase())));
    }
    let folded = name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.fold(start, |hash, character| add(hash, u32::from(character)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_names_stay() {
        for name in ["a", "report.docx", ".profile", " x", "año – 日本.txt", "$MFT", "console", "com10.txt", "a..b"]
        {
            assert_eq!(safe(name), name);
        }
    }

    #[test]
    fn harmful_names_are_changed() {
        let cases = [
            ("", "_"),
            (".", "_"),
            ("..", "__"),
            ("...", "___"),
            ("a/../b", "a_.._b"),
            ("a\\b", "a_b"),
            ("c:evil", "c_evil"),
            ("name. .", "name___"),
            ("NUL", "_NUL"),
            ("con.tar.gz", "_con.tar.gz"),
            ("Com1 .txt", "_Com1 .txt"),
            ("lpt¹", "_lpt¹"),
            ("a\u{1b}[2Jb\n", "a_[2Jb_"),
            ("gpj.\u{202E}exe", "gpj._exe"),
            ("what?", "what_"),
        ];
        for (name, expected) in cases {
            assert_eq!(safe(name), expected, "{name:?}");
        }
    }

    #[test]
    fn long_names_are_cut_and_keep_their_extension() {
        let name = format!("{}.jpeg", "日".repeat(250));
        let cut = safe(&name);
        assert!(cut.len() <= LONGEST && cut.ends_with("日~.jpeg"), "{cut}");
        assert!(with_mark(&"a".repeat(300), "~64-1").len() <= LONGEST);
        assert_eq!(with_mark("report.docx", "~64-1"), "report~64-1.docx");
        assert_eq!(with_mark(".profile", "~64-1"), ".profile~64-1");
    }

    #[test]
    fn keys_do_not_know_cases() {
        assert_eq!(key("Readme.TXT"), key("readme.txt"));
        assert_eq!(key("ÄÖÜ"), key("äöü"));
        assert_ne!(key("a"), key("b"));
    }
}
