//! Text: one encoding from the first byte to the last, and no bytes that no text has. JSON, XML and DER are held against
//! their structure, too.

pub mod der;
pub mod json;
pub mod xml;

use super::detect::Head;
use super::tape::{Fault, Stop, Tape, wrong as wrong_here};
use super::{Proof, Walk};

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// ASCII or UTF-8, as far as was seen.
    Utf8,
    /// One of the encodings of one byte a letter, or of Asia's.
    Legacy,
    Utf16Le,
    Utf16Be,
}

/// Control characters that text has: tab, line ends, form feed, escape, end of text, backspace, bell.
const fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b | 0x1a | 0x08 | 0x07) || byte == 0x7f
}

pub fn is_it(head: &Head<'_>) -> bool {
    encoding(head.bytes).is_some() && (head.bytes.len() >= 16 || head.bytes.iter().all(u8::is_ascii))
}

/// The encoding of a text that begins so; none where it is no text.
fn encoding(bytes: &[u8]) -> Option<Encoding> {
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        let encoding = if bytes[0] == 0xff { Encoding::Utf16Le } else { Encoding::Utf16Be };
        let units = bytes.as_chunks::<2>().0.iter();
        let controls = units.filter(|unit| is_wrong_unit(**unit, encoding)).count();
        return (controls == 0 && bytes.len() >= 4).then_some(encoding);
    }
    if bytes.iter().any(|byte| is_control(*byte)) || bytes.is_empty() {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(Encoding::Utf8),
        // A letter may be cut at the end of what is looked at.
        Err(error) if error.error_len().is_none() && error.valid_up_to() + 4 > bytes.len() => Some(Encoding::Utf8),
        // Letters of other encodings are few, or in rows: most bytes of a text are not just any.
        Err(_) => (bytes.iter().filter(|byte| byte.is_ascii()).count() * 4 > bytes.len()).then_some(Encoding::Legacy),
    }
}

fn is_wrong_unit(unit: [u8; 2], encoding: Encoding) -> bool {
    let unit = if encoding == Encoding::Utf16Le { u16::from_le_bytes(unit) } else { u16::from_be_bytes(unit) };
    unit == 0xffff || u8::try_from(unit).is_ok_and(is_control)
}

const NO_TEXT: &str = "bytes that no text has";

/// Watches the encoding of a text as it passes.
pub struct Watch {
    encoding: Encoding,
    /// What is left of a letter that was cut.
    rest: Vec<u8>,
    has_letters: bool,
}

impl Watch {
    pub async fn new(tape: &Tape) -> Self {
        let start = tape.peek_most(Head::LENGTH).await;
        Self { encoding: encoding(&start).unwrap_or(Encoding::Legacy), rest: Vec::new(), has_letters: false }
    }

    /// The place of the first of these bytes that cannot be; what comes next goes on from them.
    fn first_wrong(&mut self, bytes: &[u8]) -> Option<usize> {
        match self.encoding {
            Encoding::Utf16Le | Encoding::Utf16Be => self.first_wrong_unit(bytes),
            Encoding::Legacy => bytes.iter().position(|byte| is_control(*byte)),
            Encoding::Utf8 => self.first_wrong_letter(bytes),
        }
    }

    fn first_wrong_unit(&mut self, bytes: &[u8]) -> Option<usize> {
        let skipped = self.rest.len();
        let joined: Vec<u8> = self.rest.drain(..).chain(bytes.iter().copied()).collect();
        let (units, rest) = joined.as_chunks::<2>();
        self.rest = rest.to_vec();
        let wrong = units.iter().position(|unit| is_wrong_unit(*unit, self.encoding))?;
        Some((wrong * 2).saturating_sub(skipped))
    }

    fn first_wrong_letter(&mut self, bytes: &[u8]) -> Option<usize> {
        let control = bytes.iter().position(|byte| is_control(*byte));
        let skipped = self.rest.len();
        let joined: Vec<u8> =
            self.rest.drain(..).chain(bytes[..control.unwrap_or(bytes.len())].iter().copied()).collect();
        match std::str::from_utf8(&joined) {
            Ok(text) => {
                self.has_letters |= !text.is_ascii();
                control
            }
            Err(error) => {
                let valid = error.valid_up_to();
                self.has_letters |= !joined[..valid].is_ascii();
                match error.error_len() {
                    None if control.is_none() => self.rest = joined[valid..].to_vec(),
                    // Only a text that was UTF-8 so far is UTF-8; ASCII may become anything.
                    _ if self.has_letters => return Some(valid.saturating_sub(skipped)),
                    _ => self.encoding = Encoding::Legacy,
                }
                control
            }
        }
    }

    /// Passes what has come to `see`, up to what is no text. False where `see` does not take all of it.
    pub async fn pass(&mut self, tape: &Tape, see: impl FnOnce(&[u8]) -> usize) -> Result<bool, Stop> {
        let (is_right, wrong) = tape
            .pass_some(|bytes| {
                let wrong = self.first_wrong(bytes);
                let text = &bytes[..wrong.unwrap_or(bytes.len())];
                let seen = see(text);
                (seen, (seen == text.len(), wrong.map(|place| bytes.get(place).copied().unwrap_or(0))))
            })
            .await?;
        match wrong.filter(|_| is_right) {
            None => Ok(is_right),
            // A letter that is cut may be cut by what is before it.
            Some(0x80..) => Err(Stop::Contradiction(NO_TEXT.into(), Fault::Within(3))),
            Some(_) => {
                // The position is that of the byte in front of it.
                tape.suspect(tape.position() + 1);
                wrong_here(NO_TEXT)
            }
        }
    }

    const fn name(&self) -> &'static str {
        match self.encoding {
            Encoding::Utf8 => "all of it is text in UTF-8",
            Encoding::Legacy => "all of it is text",
            Encoding::Utf16Le | Encoding::Utf16Be => "all of it is text in UTF-16",
        }
    }
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut watch = Watch::new(&tape).await;
    while tape.position() < size {
        watch.pass(&tape, <[u8]>::len).await?;
    }
    Ok(Proof::Plausible(watch.name()))
}
