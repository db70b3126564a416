//! What looks at a stream as it is written, its SHA-256 and the judge of its content: on another core where the stream
//! is long enough for it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};

use sha2::{Digest, Sha256};

use crate::input::buffer::Buffer;
use crate::judge::{Judge, Judgement};

/// What is to be done with the bytes of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub struct Task<'t> {
    pub is_hashed: bool,
    /// Name, size, and the volume's cluster size, where the content is judged.
    pub judged: Option<(&'t str, u64, u64)>,
}

/// What was found out about a stream.
#[derive(Debug, Default)]
pub struct Inspected {
    pub sha256: Option<[u8; 32]>,
    pub judgement: Option<Judgement>,
}

/// Looks at what passes by, and lends the buffers it passes by in.
pub struct Inspection<'s, 'b> {
    place: Place<'s>,
    spare: &'b mut Vec<Buffer>,
}

enum Place<'s> {
    Here(Box<Inspector>),
    Beside(Beside<'s>),
}

/// Does the work.
struct Inspector {
    hash: Option<Sha256>,
    judge: Option<Judge>,
}

/// A thread that looks at what it is sent, and sends back the buffers.
struct Beside<'s> {
    pieces: Sender<Piece>,
    idle: Receiver<Buffer>,
    thread: ScopedJoinHandle<'s, Inspected>,
    buffers: usize,
}

enum Piece {
    Bytes(Buffer, usize),
    Zeros(u64),
    Gap(u64),
}

impl Inspector {
    fn new(task: Task<'_>) -> Self {
        let judge = task.judged.map(|(name, size, cluster_size)| Judge::new(name, size, cluster_size));
        Self { hash: task.is_hashed.then(Sha256::new), judge }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        if let Some(judge) = &mut self.judge {
            judge.bytes(bytes);
        }
    }

    fn zeros(&mut self, count: u64) {
        if let Some(hash) = &mut self.hash {
            add_zeros(hash, count);
        }
        if let Some(judge) = &mut self.judge {
            judge.zeros(count);
        }
    }

    fn gap(&mut self, count: u64) {
        if let Some(hash) = &mut self.hash {
            add_zeros(hash, count);
        }
        if let Some(judge) = self.judge.as_mut().filter(|_| count > 0) {
            judge.gap();
        }
    }

    fn finish(self) -> Inspected {
        let sha256 = self.hash.map(|hash| hash.finalize().into());
        Inspected { sha256, judgement: self.judge.map(Judge::judgement) }
    }
}

impl<'s, 'b> Inspection<'s, 'b> {
    /// Bytes from which on a thread is worth its start.
    pub const LONG: u64 = 4 << 20;
    /// Buffers that are read in one turn; as many are looked at meanwhile.
    pub const IN_A_TURN: usize = 4;
    const BUFFERS: usize = 2 * Self::IN_A_TURN;

    pub fn here(task: Task<'_>, spare: &'b mut Vec<Buffer>) -> Self {
        Self { place: Place::Here(Box::new(Inspector::new(task))), spare }
    }

    pub fn beside<'e>(scope: &'s Scope<'s, 'e>, task: Task<'e>, spare: &'b mut Vec<Buffer>) -> Self {
        let ((pieces, work), (back, idle)) = (channel::<Piece>(), channel());
        let thread = scope.spawn(move || {
            let mut inspector = Inspector::new(task);
            for piece in work {
                match piece {
                    Piece::Zeros(count) => inspector.zeros(count),
                    Piece::Gap(count) => inspector.gap(count),
                    Piece::Bytes(mut buffer, length) => {
                        inspector.bytes(buffer.first(length));
                        // Whoever lent it may have given up.
                        let _ = back.send(buffer);
                    }
                }
            }
            inspector.finish()
        });
        Self { place: Place::Beside(Beside { pieces, idle, thread, buffers: 0 }), spare }
    }

    /// A buffer to read into, given back by [`bytes`](Self::bytes).
    pub fn buffer(&mut self) -> Buffer {
        if let Place::Beside(beside) = &mut self.place {
            if beside.buffers >= Self::BUFFERS {
                return beside.idle.recv().unwrap_or_default();
            }
            beside.buffers += 1;
        }
        self.spare.pop().unwrap_or_default()
    }

    /// Waits until there are buffers for a turn.
    pub fn catch_up(&mut self) {
        if let Place::Beside(beside) = &mut self.place {
            while beside.buffers + Self::IN_A_TURN > Self::BUFFERS {
                let Ok(buffer) = beside.idle.recv() else { return };
                self.spare.push(buffer);
                beside.buffers -= 1;
            }
        }
    }

    /// The first `length` bytes of the buffer are next.
    pub fn bytes(&mut self, mut buffer: Buffer, length: usize) {
        match &mut self.place {
            Place::Here(inspector) => {
                inspector.bytes(buffer.first(length));
                self.spare.push(buffer);
            }
            Place::Beside(beside) => _ = beside.pieces.send(Piece::Bytes(buffer, length)),
        }
    }

    /// So many zeros are next.
    pub fn zeros(&mut self, count: u64) {
        match &mut self.place {
            Place::Here(inspector) => inspector.zeros(count),
            Place::Beside(beside) => _ = beside.pieces.send(Piece::Zeros(count)),
        }
    }

    /// So many bytes are next that are not there: zeros in the file, and nothing to judge.
    pub fn gap(&mut self, count: u64) {
        match &mut self.place {
            Place::Here(inspector) => inspector.gap(count),
            Place::Beside(beside) => _ = beside.pieces.send(Piece::Gap(count)),
        }
    }

    /// What was found out about everything.
    pub fn finish(self) -> Inspected {
        match self.place {
            Place::Here(inspector) => inspector.finish(),
            Place::Beside(Beside { pieces, idle, thread, .. }) => {
                drop(pieces);
                let inspected = thread.join().unwrap_or_default();
                self.spare.extend(idle.try_iter());
                inspected
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

    const HASHED: Task<'static> = Task { is_hashed: true, judged: None };

    /// Passes pieces of a buffer's size and less, and zeros in between.
    fn pass(mut hashing: Inspection<'_, '_>) -> Option<[u8; 32]> {
        for (number, length) in [Buffer::SIZE, Buffer::SIZE, 1000, Buffer::SIZE, 0, 77].into_iter().enumerate() {
            let mut buffer = hashing.buffer();
            buffer.first(length).fill(number as u8 + 1);
            hashing.bytes(buffer, length);
            hashing.zeros(number as u64 * 50_000);
        }
        hashing.finish().sha256
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
        assert_eq!(pass(Inspection::here(HASHED, &mut spare)), expected);
        assert_eq!(spare.len(), 1);
        assert_eq!(std::thread::scope(|scope| pass(Inspection::beside(scope, HASHED, &mut spare))), expected);
        assert!((1..=8).contains(&spare.len()), "{}", spare.len());
        assert_eq!(pass(Inspection::here(Task::default(), &mut spare)), None);
    }
}
