//! JSON for the manifest, written straight into a buffer: as keys come, with commas of themselves.

use std::io::Write;

use ntfs_salvage::Name;

use crate::text::{is_harmful, is_plain};

/// Writes JSON at the end of a buffer. A comma comes of itself, where something stands before.
pub struct Json<'o> {
    pub out: &'o mut Vec<u8>,
}

impl Json<'_> {
    fn separate(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':' | b'\n')) {
            self.out.push(b',');
        }
    }

    /// The key of what comes next. Keys are plain.
    #[inline]
    pub fn key(&mut self, key: &str) -> &mut Self {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    pub fn object(&mut self, fields: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push(b'{');
        fields(self);
        self.out.push(b'}');
    }

    pub fn array(&mut self, elements: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push(b'[');
        elements(self);
        self.out.push(b']');
    }

    pub fn number(&mut self, number: impl Into<u64>) {
        self.separate();
        // Writing to memory does not fail.
        let _ = write!(self.out, "{}", number.into());
    }

    /// A number, or null.
    pub fn number_or_null(&mut self, number: Option<impl Into<u64>>) {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    pub fn boolean(&mut self, value: bool) {
        self.separate();
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub fn null(&mut self) {
        self.separate();
        self.out.extend_from_slice(b"null");
    }

    pub fn text(&mut self, text: &str) {
        self.separate();
        self.out.push(b'"');
        if is_plain(text.as_bytes(), [b'"', b'\\']) {
            self.out.extend_from_slice(text.as_bytes());
        } else {
            text.chars().for_each(|character| self.character(character));
        }
        self.out.push(b'"');
    }

    /// A text, or null.
    pub fn text_or_null(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// JSON asks for escapes in controls below U+0020 only; a terminal needs more.
    fn character(&mut self, character: char) {
        match character {
            '"' | '\\' => self.out.extend_from_slice(&[b'\\', character as u8]),
            _ if is_harmful(character) => {
                let digits = format!("\\u{:04x}", character as u32);
                self.out.extend_from_slice(digits.as_bytes());
            }
            _ => self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }

    /// A name as text, and, where the text loses something, its code units.
    pub fn name(&mut self, key: &str, units_key: &str, name: Name<'_>, text: &str) {
        self.key(key).text(text);
        // The text form has U+FFFD for what it cannot say.
        if text.contains(char::REPLACEMENT_CHARACTER) && !name.is_unicode() {
            self.key(units_key).array(|array| name.units().for_each(|unit| array.number(unit)));
        }
    }
}
