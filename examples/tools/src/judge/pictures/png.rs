//! PNG: a CRC-32 of each chunk, and the Adler-32 of all lines.

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};

use crate::judge::tape::{Fault, Stop, Tape, ensure, ensure_sum};
use crate::judge::{Proof, Walk};

const LAST_FILTER: u8 = 4;
const LONG_LINE: u64 = 4096;

pub async fn walk(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    tape.skip(8).await?;
    let mut lines = None;
    let mut is_first = true;
    loop {
        let length = tape.u32_be().await?;
        let kind = tape.array::<4>().await?;
        let is_kind = kind.iter().all(u8::is_ascii_alphabetic) && length <= i32::MAX as u32;
        ensure(is_kind && (!is_first || &kind == b"IHDR"), "no chunk of a PNG")?;
        if is_first {
            lines = Some(Lines::of(&tape.peek().await?));
        }
        is_first = false;
        chunk(&tape, kind, length, &mut lines).await?;
        tape.prove();
        if &kind == b"IEND" {
            ensure(length == 0, "the last chunk of the PNG is not empty")?;
            return Ok(Proof::Verified("the CRC-32 of each chunk holds"));
        }
    }
}

/// The body of a chunk and its CRC-32. The lines are decompressed on the way: that errs close to a wrong byte.
async fn chunk(tape: &Tape, kind: [u8; 4], length: u32, lines: &mut Option<Lines>) -> Result<(), Stop> {
    let mut crc = Hasher::new();
    crc.update(&kind);
    let mut left = u64::from(length);
    let mut is_sound = true;
    while left > 0 && is_sound {
        left -= tape
            .pass_some_of_cluster(|bytes| {
                let now = &bytes[..bytes.len().min(left as usize).min(256)];
                crc.update(now);
                is_sound = &kind != b"IDAT" || lines.as_mut().is_none_or(|lines| lines.go_on(now));
                (now.len(), now.len() as u64)
            })
            .await?;
    }
    if !is_sound {
        // Each line begins with one of five bytes: a cluster that has several is found to be wrong at once.
        let is_short = lines.as_ref().is_some_and(|lines| lines.length.is_some_and(|length| length < LONG_LINE));
        let fault = if is_short { Fault::Here } else { Fault::SinceProof };
        return Err(Stop::Contradiction("compressed lines of the PNG that are none".into(), fault));
    }
    ensure_sum(tape.u32_be().await? == crc.finalize(), "the CRC-32 of a PNG chunk does not hold")
}

/// The lines of the picture, decompressed into nowhere.
struct Lines {
    /// None behind their end, where anything may stand.
    state: Option<Decompress>,
    /// The bytes of a line with the filter in front; none where the picture is interlaced.
    length: Option<u64>,
}

impl Lines {
    /// By the header's fields.
    fn of(header: &[u8; 13]) -> Self {
        let [w3, w2, w1, w0, .., depth, kind, _, _, interlacing] = *header;
        let channels = [1, 1, 3, 1, 2, 1, 4].get(usize::from(kind)).copied().unwrap_or(1);
        let bits = u64::from(u32::from_be_bytes([w3, w2, w1, w0])) * channels * u64::from(depth);
        Self { state: Some(Decompress::new(true)), length: (interlacing == 0).then_some(bits.div_ceil(8) + 1) }
    }

    /// False where these bytes cannot be next.
    fn go_on(&mut self, mut bytes: &[u8]) -> bool {
        let mut output = [0; 16 << 10];
        while let Some(state) = self.state.as_mut().filter(|_| !bytes.is_empty()) {
            let (used, made) = (state.total_in(), state.total_out());
            let status = state.decompress(bytes, &mut output, FlushDecompress::None);
            let count = (state.total_out() - made) as usize;
            let filters = self.length.map(|length| (made.next_multiple_of(length) - made, length as usize));
            let mut filters = filters.into_iter().flat_map(|(first, step)| (first as usize..count).step_by(step));
            if filters.any(|place| output[place] > LAST_FILTER) {
                return false;
            }
            match status {
                Ok(Status::StreamEnd) => self.state = None,
                Ok(_) => bytes = &bytes[(state.total_in() - used) as usize..],
                Err(_) => return false,
            }
        }
        true
    }
}
