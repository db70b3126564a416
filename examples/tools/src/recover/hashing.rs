//! SHA-256 of what is written, on another core where a stream is long enough for it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};

use sha2::{Digest, Sha256};

use crate::recover::buffer::Buffer;

/// Hashes what passes by, and lends the buffers it passes by in.
pub struct Hashing<'s, 'b> {
    how: How<'s>,
    spare: &'b mut Vec<Buffer>,
}

enum How<'s> {
    Not,
    Here(Box<Sha256>),
    Beside(Beside<'s>),
}

/// A thread that hashes what it is sent, and sends back the buffers.
struct Beside<'s> {
    pieces: Sender<Piece>,
    idle: Receiver<Buffer>,
    thread: ScopedJoinHandle<'s, Sha256>,
    buffers: usize,
}

enum Piece {
    Bytes(Buffer, usize),
    Zeros(u64),
}

impl<'s, 'b> Hashing<'s, 'b> {
    /// Bytes from which on a thread is worth its start.
    pub const LONG: u64 = 4 << 20;
    const BUFFERS: usize = 3;

    pub fn none(spare: &'b mut Vec<Buffer>) -> Self {
        Self { how: How::Not, spare }
    }

    pub fn here(spare: &'b mut Vec<Buffer>) -> Self {
        Self { how: How::Here(Box::default()), spare }
    }

    pub fn beside(scope: &'s Scope<'s, '_>, spare: &'b mut Vec<Buffer>) -> Self {
        let ((pieces, work), (back, idle)) = (channel::<Piece>(), channel());
        let thread = scope.spawn(move || {
            let mut hash = Sha256::new();
            for piece in work {
                match piece {
                    Piece::Zeros(count) => add_zeros(&mut hash, count),
                    Piece::Bytes(mut buffer, length) => {
                        hash.update(buffer.first(length));
                        // Whoever lent it may have given up.
                        let _ = back.send(buffer);
                    }
                }
            }
            hash
        });
        Self { how: How::Beside(Beside { pieces, idle, thread, buffers: 0 }), spare }
    }

    /// A buffer to read into, given back by [`bytes`](Self::bytes).
    pub fn buffer(&mut self) -> Buffer {
        if let How::Beside(beside) = &mut self.how {
            if beside.buffers >= Self::BUFFERS {
                return beside.idle.recv().unwrap_or_else(|_| Buffer::new());
            }
            beside.buffers += 1;
        }
        self.spare.pop().unwrap_or_else(Buffer::new)
    }

    /// The first `length` bytes of the buffer are next.
    pub fn bytes(&mut self, mut buffer: Buffer, length: usize) {
        match &mut self.how {
            How::Not => {}
            How::Here(hash) => hash.update(buffer.first(length)),
            How::Beside(beside) => {
                let _ = beside.pieces.send(Piece::Bytes(buffer, length));
                return;
            }
        }
        self.spare.push(buffer);
    }

    /// So many zeros are next.
    pub fn zeros(&mut self, count: u64) {
        match &mut self.how {
            How::Not => {}
            How::Here(hash) => add_zeros(hash, count),
            How::Beside(beside) => _ = beside.pieces.send(Piece::Zeros(count)),
        }
    }

    /// The hash of everything.
    pub fn finish(self) -> Option<[u8; 32]> {
        match self.how {
            How::Not => None,
            How::Here(hash) => Some(hash.finalize().into()),
            How::Beside(Beside { pieces, idle, thread, .. }) => {
                drop(pieces);
                let hash = thread.join().ok()?;
                self.spare.extend(idle.try_iter());
                Some(hash.finalize().into())
            }
        }
    }
}

fn add_zeros(hash: &mut Sha256, mut count: u64) {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    while count > 0 {
        let length = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
        hash.update(&ZEROS[..length]);
        count -= length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes pieces of a buffer's size and less, and zeros in between.
    fn pass(mut hashing: Hashing<'_, '_>) -> Option<[u8; 32]> {
        for (number, length) in [Buffer::SIZE, Buffer::SIZE, 1000, Buffer::SIZE, 0, 77].into_iter().enumerate() {
            let mut buffer = hashing.buffer();
            buffer.first(length).fill(number as u8 + 1);
            hashing.bytes(buffer, length);
            hashing.zeros(number as u64 * 50_000);
        }
        hashing.finish()
    }

    #[test]
    fn another_thread_hashes_the_same_and_gives_the_buffers_back() {
        let mut spare = Vec::new();
        let mut plain = Sha256::new();
        for (number, length) in [Buffer::SIZE, Buffer::SIZE, 1000, Buffer::SIZE, 0, 77].into_iter().enumerate() {
            plain.update(vec![number as u8 + 1; length]);
            plain.update(vec![0; number * 50_000]);
        }
        let expected = Some(plain.finalize().into());
        assert_eq!(pass(Hashing::here(&mut spare)), expected);
        assert_eq!(spare.len(), 1);
        assert_eq!(std::thread::scope(|scope| pass(Hashing::beside(scope, &mut spare))), expected);
        assert!((1..=3).contains(&spare.len()), "{}", spare.len());
        assert_eq!(pass(Hashing::none(&mut spare)), None);
    }
}
