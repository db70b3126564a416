//! bzip2: a CRC of each block, and one of all of them.

use bzip2::{Decompress, Status};

use crate::judge::tape::{Stop, Tape, undecodable};
use crate::judge::{Proof, Walk, budget};

/// What decompressing takes at the highest level.
const MEMORY: u64 = 4 << 20;

pub async fn walk(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    let _room = budget::take(MEMORY)?;
    loop {
        stream(&tape).await?;
        tape.prove();
        if tape.peek::<3>().await.ok() != Some(*b"BZh") {
            return Ok(Proof::Verified("the CRC of each block holds"));
        }
    }
}

async fn stream(tape: &Tape) -> Result<(), Stop> {
    let mut state = Decompress::new(false);
    let mut output = vec![0; 32 << 10];
    let mut is_full = false;
    loop {
        let (used, made) = (state.total_in(), state.total_out());
        let status = match is_full {
            // There may be more without another byte.
            true => state.decompress(&[], &mut output),
            false => {
                tape.pass_some(|bytes| {
                    let status = state.decompress(bytes, &mut output);
                    ((state.total_in() - used) as usize, status)
                })
                .await?
            }
        };
        let was_full = std::mem::replace(&mut is_full, state.total_out() - made == output.len() as u64);
        match status {
            Ok(Status::StreamEnd) => return Ok(()),
            Ok(_) if state.total_in() == used && state.total_out() == made && !was_full => {
                return undecodable("compressed data that does not go on");
            }
            Ok(_) => {}
            Err(_) => return undecodable("a bzip2 block whose CRC does not hold, or that is none"),
        }
    }
}
