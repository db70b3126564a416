//! JSON: brackets, strings and what stands between them.

use super::{Head, Watch};
use crate::judge::tape::{Fault, Stop, ensure};
use crate::judge::{Proof, Walk};

/// Brackets in brackets.
const DEEPEST: usize = 4096;
/// How far behind a wrong text a wrong byte is noticed.
const SEAM: u64 = 64;

pub fn is_it(head: &Head<'_>) -> bool {
    let start = head.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head.bytes).trim_ascii_start();
    head.is_named(&["json", "geojson", "ipynb", "map"])
        && matches!(start.first(), Some(b'{' | b'['))
        && super::is_it(head)
}

#[derive(Default)]
struct State {
    /// The open brackets.
    open: Vec<u8>,
    is_in_text: bool,
    is_escaped: bool,
    has_value: bool,
    is_commented: bool,
}

impl State {
    /// True when this byte can stand here.
    fn accepts(&mut self, byte: u8) -> bool {
        if self.is_in_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_text = false,
                b'\n' | b'\r' => return false,
                _ => {}
            }
            return true;
        }
        match byte {
            b'"' => self.is_in_text = true,
            b'{' | b'[' if self.open.len() < DEEPEST => self.open.push(byte),
            b'}' => return self.open.pop() == Some(b'{'),
            b']' => return self.open.pop() == Some(b'['),
            b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E' | b',' | b':' => {}
            // true, false, null, NaN, Infinity.
            b'a' | b'f' | b'i' | b'l' | b'n' | b'r' | b's' | b't' | b'u' | b'y' | b'N' | b'I' => {}
            b' ' | b'\t' | b'\n' | b'\r' | 0xef | 0xbb | 0xbf => {}
            // Comments, which some writers allow themselves.
            b'/' => self.is_commented = true,
            _ => return self.is_commented,
        }
        true
    }
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut watch = Watch::new(&tape).await;
    let mut state = State::default();
    while tape.position() < size {
        let accepted = |bytes: &[u8]| bytes.iter().position(|byte| !state.accepts(*byte)).unwrap_or(bytes.len());
        if !watch.pass(&tape, accepted).await? {
            return Err(Stop::Contradiction("JSON that cannot go on so".into(), Fault::Within(SEAM)));
        }
        state.has_value = true;
    }
    if state.is_commented {
        return Ok(Proof::Plausible("all of it is text"));
    }
    if state.is_in_text || !state.open.is_empty() {
        return Err(Stop::Contradiction("the JSON ends with open brackets".into(), Fault::Since(0)));
    }
    ensure(state.has_value, "JSON without a value")?;
    Ok(Proof::Plausible("all brackets are closed"))
}
