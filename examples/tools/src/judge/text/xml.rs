//! XML: elements that are closed in the order in which they were opened.

use super::{Head, Watch};
use crate::judge::tape::{Fault, Stop};
use crate::judge::{Proof, Walk};

/// Elements in elements.
const DEEPEST: usize = 4096;
/// The longest mark that is looked at.
const LONGEST: usize = 16 << 10;

pub fn is_it(head: &Head<'_>) -> bool {
    let start = head.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head.bytes).trim_ascii_start();
    start.starts_with(b"<?xml") && super::is_it(head)
}

#[derive(Default)]
struct State {
    /// Hashes of the open elements' names, and where they were opened.
    open: Vec<(u64, u64)>,
    position: u64,
    /// Where the element was opened that is not closed in its order.
    unclosed: Option<u64>,
    /// The mark that was begun.
    mark: Option<Vec<u8>>,
    quote: Option<u8>,
    elements: u64,
    /// Too deep, or with declarations of its own: its structure is not followed.
    is_left_alone: bool,
}

impl State {
    /// True when this byte can stand here.
    fn accepts(&mut self, byte: u8) -> bool {
        self.position += 1;
        let Some(mark) = &mut self.mark else {
            if byte == b'<' {
                self.mark = Some(Vec::new());
            }
            return true;
        };
        if mark.len() < LONGEST {
            mark.push(byte);
        } else {
            // The end of a long comment is still found.
            mark.drain(8..LONGEST - 8);
            mark.push(byte);
        }
        let is_over = match mark.as_slice() {
            [b'!', b'-', b'-', rest @ ..] => rest.ends_with(b"-->"),
            mark if mark.starts_with(b"![CDATA[") => mark.ends_with(b"]]>"),
            [b'?', ..] => mark.ends_with(b"?>"),
            _ => self.ends_element(byte),
        };
        !is_over || self.close()
    }

    /// True when the mark of an element ends: not in what is quoted.
    fn ends_element(&mut self, byte: u8) -> bool {
        match (self.quote, byte) {
            (Some(quote), byte) if byte == quote => self.quote = None,
            (None, b'"' | b'\'') => self.quote = Some(byte),
            (None, b'>') => return true,
            _ => {}
        }
        false
    }

    fn close(&mut self) -> bool {
        let mark = self.mark.take().unwrap_or_default();
        match mark.as_slice() {
            [b'?', ..] | [b'!', b'-', b'-', ..] => true,
            [b'!', b'[', ..] => true,
            [b'!', rest @ ..] => {
                self.is_left_alone |= rest.contains(&b'[');
                true
            }
            [b'/', name @ ..] => {
                let opened = self.open.pop();
                self.unclosed = opened.map(|(_, place)| place);
                opened.is_some_and(|(opened, _)| opened == hash(name))
            }
            [b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' | 0x80.., ..] => {
                self.elements += 1;
                if !mark.ends_with(b"/>") {
                    self.open.push((hash(&mark), self.position));
                    self.is_left_alone |= self.open.len() > DEEPEST;
                }
                true
            }
            _ => false,
        }
    }
}

fn hash(mark: &[u8]) -> u64 {
    let name = mark.iter().take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'>' | b'/'));
    name.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What is wrong lies behind the start of the element that is not closed.
fn unclosed(state: &State) -> Result<Proof, Stop> {
    let fault = Fault::Since(state.unclosed.unwrap_or(0));
    Err(Stop::Contradiction("elements of the XML are not closed in their order".into(), fault))
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut watch = Watch::new(&tape).await;
    let mut state = State::default();
    while tape.position() < size {
        let is_right = watch
            .pass(&tape, |bytes| {
                let wrong = bytes.iter().position(|byte| !state.is_left_alone && !state.accepts(*byte));
                wrong.unwrap_or(bytes.len())
            })
            .await?;
        if !is_right {
            return unclosed(&state);
        }
    }
    if state.is_left_alone {
        return Ok(Proof::Plausible("all of it is text"));
    }
    match state.open.is_empty() && state.mark.is_none() && state.elements > 0 {
        true => Ok(Proof::Plausible("all elements are closed in their order")),
        false => {
            state.unclosed = state.open.last().map(|(_, place)| *place);
            unclosed(&state)
        }
    }
}
