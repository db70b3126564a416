//! Names and other text, written so that it does no harm.

use ntfs_salvage::Name;

/// Right-aligned in `width` columns.
pub fn push_aligned(out: &mut Vec<u8>, text: &[u8], width: usize) {
    out.resize(out.len() + width.saturating_sub(text.len()), b' ');
    out.extend_from_slice(text);
}

/// True for printable ASCII without the bytes given: what nearly all text is.
///
/// Inlined with all it is made of, so that the bytes are constants to the loops.
#[inline(always)]
pub fn is_plain<const N: usize>(text: &[u8], without: [u8; N]) -> bool {
    is_made_of(text, |byte| {
        (0x20..0x7F).contains(&byte) & without.iter().fold(true, |fine, &other| fine & (byte != other))
    })
}

/// True where no character is harmful and none of the bytes given is there: what nearly all text is that is not ASCII.
pub fn is_harmless<const N: usize>(text: &[u8], without: [u8; N]) -> bool {
    let is_fine =
        |byte: u8| (byte >= 0x20) & (byte != 0x7F) & without.iter().fold(true, |fine, &other| fine & (byte != other));
    let Some(&last) = text.last() else { return true };
    let may_be_wrong = |first, second| !is_fine(first) | may_be_harmful(first, second);
    is_fine(last) && (!has_pair(text, may_be_wrong) || text.iter().all(|&byte| is_fine(byte)) && is_harmless_text(text))
}

/// The first two bytes in UTF-8 of harmful characters beyond ASCII, and of some others.
#[inline(always)]
fn may_be_harmful(first: u8, second: u8) -> bool {
    (first == 0xC2) & (second < 0xA0)
        | (first == 0xD8) & (second == 0x9C)
        | (first == 0xE2) & (second < 0x82)
        | (first == 0xEF) & (second == 0xBB)
}

/// True where U+FFFD, with which text replaces what is none, may stand.
pub fn has_replacement(text: &[u8]) -> bool {
    has_pair(text, |first, second| (first == 0xEF) & (second == 0xBF))
}

fn is_harmless_text(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| !text.chars().any(is_harmful))
}

/// True where two bytes that follow each other are such a pair. They are looked at in sixteens, as in [`is_made_of`].
#[inline(always)]
fn has_pair(text: &[u8], is_it: impl Fn(u8, u8) -> bool) -> bool {
    let Some((_, behind)) = text.split_first() else { return false };
    let any = |first: &[u8; 16], second: &[u8; 16]| {
        let mut found = 0;
        for (&first, &second) in first.iter().zip(second) {
            found |= u8::from(is_it(first, second));
        }
        found != 0
    };
    if let (Some(first), Some(second)) = (text[..behind.len()].last_chunk(), behind.last_chunk()) {
        let pairs = text.as_chunks().0.iter().zip(behind.as_chunks().0);
        return any(first, second) || pairs.into_iter().any(|(first, second)| any(first, second));
    }
    text.windows(2).any(|pair| is_it(pair[0], pair[1]))
}

/// True where all bytes are fine. They are looked at in sixteens, or eights, the last of which
/// overlap with those before: so there is no rest to look at byte by byte.
#[inline(always)]
fn is_made_of(text: &[u8], is_fine: impl Fn(u8) -> bool) -> bool {
    if let Some(last) = text.last_chunk::<16>() {
        return all(last, &is_fine) && text.as_chunks::<16>().0.iter().all(|chunk| all(chunk, &is_fine));
    }
    match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => all(first, &is_fine) & all(last, &is_fine),
        _ => text.iter().all(|&byte| is_fine(byte)),
    }
}

/// Without an early end and without a branch: the compiler makes vector instructions of it.
#[inline(always)]
fn all<const N: usize>(bytes: &[u8; N], is_fine: impl Fn(u8) -> bool) -> bool {
    let mut wrong = 0;
    for &byte in bytes {
        wrong |= u8::from(!is_fine(byte));
    }
    wrong == 0
}

/// Writes anew, in another way, the text that stands in `out` from `start` on.
#[cold]
pub fn rewrite(out: &mut Vec<u8>, start: usize, write: impl FnOnce(&mut Vec<u8>, &str)) {
    let text = out.split_off(start);
    write(out, &String::from_utf8_lossy(&text));
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
    if is_plain(text.as_bytes(), []) || is_harmless(text.as_bytes(), []) {
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
