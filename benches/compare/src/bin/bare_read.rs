//! Reads a file by position, one mebibyte at a time, into one page-aligned buffer: what any parser has to pay.

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;

const CHUNK: usize = 1 << 20;
const PAGE: usize = 4096;

fn main() -> io::Result<()> {
    let path = std::env::args_os().next_back().ok_or(io::ErrorKind::InvalidInput)?;
    let file = File::open(path)?;
    let mut memory = vec![0_u8; CHUNK + PAGE];
    let skip = memory.as_ptr().align_offset(PAGE);
    let buffer = &mut memory[skip..skip + CHUNK];
    let mut offset = 0;
    loop {
        let read = file.read_at(buffer, offset)?;
        if read == 0 {
            return Ok(());
        }
        black_box(&buffer[..read]);
        offset += read as u64;
    }
}
