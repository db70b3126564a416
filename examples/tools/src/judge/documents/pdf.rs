//! PDF: objects, the streams in them, the cross-reference table and the end. Streams that `/FlateDecode` unpacks carry
//! an Adler-32; the text between the streams is not summed, so a PDF is never more than plausible.

use crate::judge::inflate::{Wrapping, inflate};
use crate::judge::tape::{Stop, Tape, ensure, wrong};
use crate::judge::{Proof, Walk};

/// The longest stretch between two streams that is searched as one line.
const LONGEST_LINE: usize = 64 << 10;

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut dictionary: Vec<u8> = Vec::new();
    let mut is_ended = false;
    let mut is_encrypted = false;
    while tape.position() < size {
        let start = tape.position();
        let line = line(&tape).await?;
        let trimmed = line.trim_ascii();
        let is_comment = trimmed.starts_with(b"%") && !trimmed.starts_with(b"%%EOF");
        // The text outside streams is text; what is in brackets may be anything.
        ensure(is_comment || !has_zeros(&line), "zeros where a PDF has text")?;
        if trimmed.starts_with(b"%%EOF") {
            is_ended = true;
            tape.prove();
        } else if !trimmed.is_empty() {
            is_ended &= trimmed.starts_with(b"%");
        }
        is_encrypted |= contains(trimmed, b"/Encrypt");
        if trimmed.ends_with(b"stream") && !trimmed.ends_with(b"endstream") {
            dictionary.extend_from_slice(&line);
            stream(&tape, &dictionary, is_encrypted, size).await?;
            dictionary.clear();
            tape.prove();
        } else if trimmed.ends_with(b"endobj") {
            dictionary.clear();
        } else if is_object(trimmed) {
            dictionary.clear();
            dictionary.extend_from_slice(&line);
        } else if dictionary.len() < LONGEST_LINE {
            dictionary.extend_from_slice(&line);
        }
        ensure(tape.position() > start, "a PDF that does not go on")?;
    }
    ensure(is_ended, "the PDF does not end with %%EOF")?;
    Ok(Proof::Plausible("the streams unpack, their Adler-32 hold, and the end is there"))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn has_zeros(line: &[u8]) -> bool {
    line.windows(64).any(|window| window.iter().all(|byte| *byte == 0))
}

/// `12 0 obj`.
fn is_object(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_digit) && contains(&line[..line.len().min(32)], b" obj")
}

/// Up to and with the end of the line, or up to the word `stream`'s end of line.
async fn line(tape: &Tape) -> Result<Vec<u8>, Stop> {
    let mut line = Vec::new();
    loop {
        let is_over = tape
            .pass_some(|bytes| match bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
                Some(end) => {
                    line.extend_from_slice(&bytes[..=end]);
                    (end + 1, true)
                }
                None => {
                    line.extend_from_slice(bytes);
                    (bytes.len(), false)
                }
            })
            .await;
        match is_over {
            Ok(true) => break,
            Ok(false) if line.len() < LONGEST_LINE => {}
            Ok(false) => return wrong("no end of a line for very long in a PDF, outside its streams"),
            Err(Stop::End) if !line.is_empty() => break,
            Err(stop) => return Err(stop),
        }
    }
    if line.ends_with(b"\r") && tape.peek::<1>().await.ok() == Some(*b"\n") {
        tape.skip(1).await?;
        line.push(b'\n');
    }
    Ok(line)
}

/// The number behind `/Length`, where it is not elsewhere.
fn length(dictionary: &[u8]) -> Option<u64> {
    let at = dictionary
        .windows(8)
        .position(|window| window.starts_with(b"/Length") && !window[7].is_ascii_alphanumeric())?;
    let rest = dictionary[at + 7..].trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let behind = rest[digits..].trim_ascii_start();
    let is_reference = behind.first().is_some_and(u8::is_ascii_digit);
    let number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    (!is_reference).then_some(number)
}

async fn stream(tape: &Tape, dictionary: &[u8], is_encrypted: bool, size: u64) -> Result<(), Stop> {
    let start = tape.position();
    let length = length(dictionary);
    let is_within = length.is_none_or(|length| length <= size - start);
    ensure(is_within, "a stream of the PDF is longer than the file")?;
    // Where it is the first filter: what comes before it would have to be undone first.
    let filter = dictionary.windows(7).position(|window| window == b"/Filter");
    let first = filter.map_or(&[][..], |at| dictionary[at + 7..].trim_ascii_start());
    let first = first.strip_prefix(b"[").unwrap_or(first).trim_ascii_start();
    let is_deflated = first.starts_with(b"/FlateDecode") || first.starts_with(b"/Fl ");
    if is_deflated && !is_encrypted && tape.peek::<1>().await?[0] & 15 == 8 {
        inflate(tape, Wrapping::Zlib, u64::MAX, |_| ()).await?;
    }
    if let Some(length) = length {
        let used = tape.position() - start;
        ensure(used <= length, "a stream of the PDF is longer than it says")?;
        tape.skip(length - used).await?;
    }
    find_end(tape).await
}

/// Passes up to and with `endstream`.
async fn find_end(tape: &Tape) -> Result<(), Stop> {
    const END: &[u8] = b"endstream";
    loop {
        let ahead = tape.peek_most(4096).await;
        if let Some(at) = ahead.windows(END.len()).position(|window| window == END) {
            return tape.skip((at + END.len()) as u64).await;
        }
        if ahead.len() < 4096 {
            return Err(Stop::End);
        }
        tape.skip((ahead.len() - END.len()) as u64).await?;
    }
}
