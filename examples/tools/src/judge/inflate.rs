//! Deflated data, decompressed as it passes.

use flate2::{Decompress, FlushDecompress, Status};

use super::tape::{Stop, Tape, ensure_sum, undecodable};

/// What deflated data is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// Nothing.
    Raw,
    /// zlib's header and Adler-32, which is checked.
    Zlib,
}

/// Decompresses one deflate stream from the tape up to its end, and passes what it gives to `see`. Returns how many
/// bytes that were. No more than `most` are decompressed.
pub async fn inflate(tape: &Tape, wrapping: Wrapping, most: u64, mut see: impl FnMut(&[u8])) -> Result<u64, Stop> {
    let mut state = Decompress::new(wrapping == Wrapping::Zlib);
    let mut output = vec![0; 32 << 10];
    let mut is_full = false;
    loop {
        let (used, made, start) = (state.total_in(), state.total_out(), tape.position());
        let status = match is_full {
            // There may be more without another byte.
            true => state.decompress(&[], &mut output, FlushDecompress::None),
            false => {
                tape.pass_some_of_cluster(|bytes| {
                    let status = state.decompress(bytes, &mut output, FlushDecompress::None);
                    ((state.total_in() - used) as usize, status)
                })
                .await?
            }
        };
        let length = (state.total_out() - made) as usize;
        let was_full = std::mem::replace(&mut is_full, length == output.len());
        see(&output[..length]);
        tape.made(start.min(tape.position().saturating_sub(1)), tape.position(), &output[..length]);
        if state.total_out() > most {
            return ensure_sum(false, "more compressed data than its header says").map(|()| most);
        }
        match status {
            Ok(Status::StreamEnd) => return Ok(state.total_out()),
            Ok(_) if state.total_in() == used && length == 0 && !was_full => {
                return undecodable("compressed data that does not go on");
            }
            // Asked for more without a byte, and there is none.
            Ok(_) => {}
            Err(_) => return undecodable("compressed data that is none"),
        }
    }
}
