//! Numbers and names as text that does no harm.

use ntfs_salvage::Name;

pub fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Right-aligned in `width` columns.
pub fn push_aligned(out: &mut Vec<u8>, text: &[u8], width: usize) {
    out.resize(out.len() + width.saturating_sub(text.len()), b' ');
    out.extend_from_slice(text);
}

/// True for printable ASCII without the bytes given: what nearly all text is.
pub fn is_plain<const N: usize>(text: &[u8], without: [u8; N]) -> bool {
    // Without an early end the compiler makes vector instructions of it.
    text.iter().fold(true, |plain, &byte| {
        plain & (0x20..0x7F).contains(&byte) & without.iter().fold(true, |plain, &other| plain & (byte != other))
    })
}

/// True for characters that terminals and programs act upon instead of showing them: controls,
/// line separators, and those that change the direction of what follows.
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
        )
}

/// Appends text for people: harmful characters as `\u{..}`.
pub fn push_harmless(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes(), []) {
        return out.extend_from_slice(text.as_bytes());
    }
    let mut buffer = [0; 4];
    for character in text.chars() {
        match character {
            _ if is_harmful(character) => out.extend(character.escape_unicode().map(|part| part as u8)),
            _ => out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes()),
        }
    }
}

/// The same as a string of its own.
pub fn shown(text: &str) -> String {
    let mut out = Vec::new();
    push_harmless(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}

/// The name as text, in a string that is used again.
pub fn name_in<'t>(text: &'t mut String, name: Name<'_>) -> &'t str {
    text.clear();
    name.push_to(text);
    text
}
