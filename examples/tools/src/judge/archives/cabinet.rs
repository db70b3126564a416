//! Cabinets: a sum of each block of data.

use flate2::{Decompress, FlushDecompress, Status};

use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, wrong};
use crate::judge::{Proof, Walk};

const HAS_PREVIOUS: u16 = 1;
const HAS_NEXT: u16 = 2;
const HAS_RESERVE: u16 = 4;
/// Folders whose blocks are followed.
const MOST_FOLDERS: u16 = 4096;

const NO_SUM: &str = "the sum of a block of the cabinet does not hold";

struct Folder {
    start: u64,
    blocks: u16,
    method: u16,
}

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let header = tape.array::<36>().await?;
    let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let long = |at: usize| u64::from(u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
    let (length, files, flags) = (long(8), long(16), word(30));
    ensure(length <= size && header[25] == 1, "the header of a cabinet does not fit")?;
    let mut reserved = (0, 0);
    if flags & HAS_RESERVE != 0 {
        let [low, high, folder, data] = tape.array().await?;
        tape.skip(u16::from_le_bytes([low, high]).into()).await?;
        reserved = (folder.into(), data.into());
    }
    for flag in [HAS_PREVIOUS, HAS_NEXT] {
        for _ in 0..if flags & flag != 0 { 2 } else { 0 } {
            while tape.u8().await? != 0 {}
        }
    }
    let mut folders = Vec::new();
    ensure(word(26) <= MOST_FOLDERS, "a cabinet of very many folders")?;
    for _ in 0..word(26) {
        let start = u64::from(tape.u32_le().await?);
        let (blocks, method) = (tape.u16_le().await?, tape.u16_le().await?);
        tape.skip(reserved.0).await?;
        folders.push(Folder { start, blocks, method: method & 15 });
    }
    ensure(tape.position() <= files, "the header of a cabinet does not fit")?;
    tape.skip(files - tape.position()).await?;
    for _ in 0..word(28) {
        let file = tape.array::<16>().await?;
        let folder = u16::from_le_bytes([file[8], file[9]]);
        ensure(folder >= 0xfffd || folder < word(26), "a file of the cabinet is in no folder")?;
        while tape.u8().await? != 0 {}
    }
    let mut is_summed = true;
    for folder in &folders {
        ensure(folder.start >= tape.position() && folder.start <= length, "a folder of the cabinet at a wrong place")?;
        tape.skip(folder.start - tape.position()).await?;
        is_summed &= blocks(&tape, folder, reserved.1).await?;
    }
    tape.skip(length - tape.position()).await?;
    Ok(match is_summed {
        true => Proof::Verified("the sum of each block holds"),
        false => Proof::Plausible("the blocks follow each other; not all of them have a sum that proves them"),
    })
}

/// The blocks of a folder; false where one has no sum, or is not compressed: zeros and many patterns have the same sum.
async fn blocks(tape: &Tape, folder: &Folder, reserved: u64) -> Result<bool, Stop> {
    let mut window = Decompress::new(false);
    let mut history = Vec::new();
    let mut is_summed = folder.method != 0;
    for _ in 0..folder.blocks {
        let start = tape.position();
        let sum = tape.u32_le().await?;
        let (stored, real) = (tape.u16_le().await?, tape.u16_le().await?);
        let mut own = tape.bytes(reserved as usize).await?;
        let body = tape.bytes(stored.into()).await?;
        is_summed &= sum != 0;
        let lengths = u32::from(stored) | u32::from(real) << 16;
        own.splice(0..0, lengths.to_le_bytes());
        let is_right = sum == 0 || xor(&own, xor(&body, 0)) == sum;
        if folder.method == 1 && real > 0 {
            let unpacked = unpack(&mut window, &mut history, &body, real.into());
            let start = tape.position() - u64::from(stored);
            let used = u64::from(stored) * history.len() as u64 / u64::from(real);
            tape.made(start, start + used, &history);
            ensure_sum(is_right, NO_SUM)?;
            unpacked?;
        }
        ensure_sum(is_right, NO_SUM)?;
        ensure(tape.position() > start, "a block of the cabinet that does not go on")?;
        tape.prove();
    }
    Ok(is_summed)
}

fn xor(bytes: &[u8], start: u32) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum = words.iter().fold(start, |sum, word| sum ^ u32::from_le_bytes(*word));
    // What is left over goes the other way round.
    sum ^ rest.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// An MSZIP block: deflated, with the block before it as its dictionary.
fn unpack(state: &mut Decompress, history: &mut Vec<u8>, body: &[u8], real: usize) -> Result<(), Stop> {
    let Some(deflated) = body.strip_prefix(b"CK") else {
        return wrong("a block of the cabinet that is not compressed as it says");
    };
    let mut output = vec![0; real];
    state.reset(false);
    // Matches may reach into the block before: it is given as stored data in front.
    let mut stored = vec![0u8];
    stored.extend_from_slice(&(history.len() as u16).to_le_bytes());
    stored.extend_from_slice(&(!(history.len() as u16)).to_le_bytes());
    stored.extend_from_slice(history);
    let mut before = vec![0; history.len()];
    let has_history = history.is_empty()
        || state
            .decompress(&stored, &mut before, FlushDecompress::None)
            .is_ok_and(|_| state.total_out() == before.len() as u64);
    let status = state.decompress(deflated, &mut output, FlushDecompress::None);
    let made = (state.total_out() as usize).saturating_sub(before.len());
    let is_whole = made == real;
    output.truncate(made);
    *history = output;
    if !has_history || !is_whole || !matches!(status, Ok(Status::Ok | Status::StreamEnd)) {
        return wrong("a block of the cabinet that is not compressed as it says");
    }
    Ok(())
}
