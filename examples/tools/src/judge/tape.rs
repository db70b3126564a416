//! The bytes of a stream on their way past a walker.
//!
//! A walker is an `async` function that reads a format from its first byte to its last, and waits where the bytes
//! have not come yet. Nobody else is waited for: whoever copies the stream puts each piece on the tape and lets the
//! walker go on. So walkers are straight code, nothing is read twice, and no thread is needed.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use sha1::{Digest, Sha1};

use super::novelty::Novelty;

/// Why a walker goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The stream ends where the format goes on.
    End,
    /// Bytes cannot be: a sentence, and where they are.
    Contradiction(String, Fault),
    /// Nothing is known from here on, and that is no fault of the bytes: encryption, a version nobody knows.
    Unknown(String),
}

/// Where bytes are that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Right here: the first of them was seen last.
    Here,
    /// Here, or so many bytes before at most.
    Within(u64),
    /// At this offset or behind.
    Since(u64),
    /// Somewhere behind what is proved: a sum over all that came since does not hold.
    SinceProof,
    /// Somewhere behind what is proved: a decoder has gone on for a while with bytes that are none of its.
    Decoder,
}

/// A contradiction in the bytes that were seen last.
pub fn wrong<T>(what: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Contradiction(what.into(), Fault::Here))
}

/// What a decoder says that has gone on for a while.
pub fn undecodable<T>(what: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Contradiction(what.into(), Fault::Decoder))
}

/// `Err` with the sentence where a sum over all that came since the last proof does not hold.
pub fn ensure_sum(is_right: bool, what: &str) -> Result<(), Stop> {
    if is_right { Ok(()) } else { Err(Stop::Contradiction(what.into(), Fault::SinceProof)) }
}

/// `Err` with the sentence where `is_right` is false.
pub fn ensure(is_right: bool, what: &str) -> Result<(), Stop> {
    if is_right { Ok(()) } else { wrong(what) }
}

/// The most that a walker can see at once.
pub const LONGEST_LOOK: usize = 192 << 10;

#[derive(Debug, Default)]
struct State {
    /// Bytes that came and were not taken yet, from `taken` on.
    bytes: Vec<u8>,
    taken: usize,
    /// Offset in the stream of the next byte that the walker will see.
    position: u64,
    /// Bytes to come that nobody wants to see.
    skipped: u64,
    is_at_end: bool,
    /// Everything before is proved.
    proved: u64,
    /// The most that was passed over in one piece.
    longest_unseen: u64,
    /// Where the byte is that cannot be, if not at the position.
    suspect: Option<u64>,
    /// Clusters that look otherwise than those before belong to the format.
    is_mixed: bool,
    cluster_size: u64,
    /// What decoders made of the stream.
    novelty: Option<Box<Novelty>>,
    /// Sums what is taken.
    sum: Option<Box<Sha1>>,
}

/// The walker's end of the tape, and the copier's: both have the same.
#[derive(Debug, Clone, Default)]
pub struct Tape(Rc<RefCell<State>>);

impl Tape {
    /// Puts bytes on the tape.
    pub fn push(&self, bytes: &[u8]) {
        let state = &mut *self.0.borrow_mut();
        let skipped = usize::try_from(state.skipped).map_or(bytes.len(), |skipped| skipped.min(bytes.len()));
        state.skipped -= skipped as u64;
        state.position += skipped as u64;
        if state.taken == state.bytes.len() {
            state.bytes.clear();
        } else {
            state.bytes.drain(..state.taken);
        }
        state.taken = 0;
        state.bytes.extend_from_slice(&bytes[skipped..]);
    }

    /// Takes so many zeros for bytes; `false` where the walker has to see them.
    pub fn pass_over(&self, count: u64) -> bool {
        let state = &mut *self.0.borrow_mut();
        let is_unseen = state.skipped >= count;
        if is_unseen {
            state.skipped -= count;
            state.position += count;
        }
        is_unseen
    }

    /// For a stream in clusters of so many bytes.
    pub fn of_clusters(cluster_size: u64) -> Self {
        Self(Rc::new(RefCell::new(State { cluster_size, ..State::default() })))
    }

    pub fn cluster_size(&self) -> u64 {
        self.0.borrow().cluster_size
    }

    /// A decoder made `output` of the bytes from `start` up to `end`.
    pub fn made(&self, start: u64, end: u64, output: &[u8]) {
        self.0.borrow_mut().novelty.get_or_insert_default().made(start, end, output);
    }

    /// Sums all that is taken from here on, but for what is passed over unseen.
    pub fn begin_sum(&self, sum: Sha1) {
        self.0.borrow_mut().sum = Some(Box::new(sum));
    }

    /// The sum of what was taken since it was begun.
    pub fn end_sum(&self) -> Sha1 {
        self.0.borrow_mut().sum.take().map_or_else(Sha1::new, |sum| *sum)
    }

    /// What decoders made of the stream.
    pub fn take_novelty(&self) -> Option<Box<Novelty>> {
        self.0.borrow_mut().novelty.take()
    }

    /// No more bytes will come.
    pub fn end(&self) {
        self.0.borrow_mut().is_at_end = true;
    }

    /// The offset of the byte that comes next.
    pub fn position(&self) -> u64 {
        self.0.borrow().position
    }

    /// Everything before this offset is proved.
    pub fn proved(&self) -> u64 {
        self.0.borrow().proved
    }

    /// All that was taken so far is proved.
    pub fn prove(&self) {
        let state = &mut *self.0.borrow_mut();
        state.proved = state.position;
    }

    /// Waits for `count` bytes, and calls `see` with those and whatever else has come.
    async fn look<T>(&self, count: usize, see: impl FnOnce(&[u8]) -> T) -> Result<T, Stop> {
        let is_there = poll_fn(|_| {
            let state = self.0.borrow();
            match state.bytes.len() - state.taken {
                there if there >= count && state.skipped == 0 => Poll::Ready(true),
                _ if state.is_at_end => Poll::Ready(false),
                _ => Poll::Pending,
            }
        });
        if !is_there.await {
            return Err(Stop::End);
        }
        let state = self.0.borrow();
        Ok(see(&state.bytes[state.taken..]))
    }

    fn take(&self, count: usize) {
        let state = &mut *self.0.borrow_mut();
        if let Some(sum) = &mut state.sum {
            sum.update(&state.bytes[state.taken..state.taken + count]);
        }
        state.taken += count;
        state.position += count as u64;
    }

    /// The next bytes, which stay where they are.
    pub async fn peek<const N: usize>(&self) -> Result<[u8; N], Stop> {
        self.look(N, |bytes| std::array::from_fn(|index| bytes[index])).await
    }

    /// As many as there are up to `most`, which stay where they are.
    pub async fn peek_most(&self, most: usize) -> Vec<u8> {
        let most = most.min(LONGEST_LOOK);
        match self.look(most, |bytes| bytes[..most].to_vec()).await {
            Ok(bytes) => bytes,
            Err(_) => {
                let state = self.0.borrow();
                state.bytes[state.taken..].to_vec()
            }
        }
    }

    /// The next bytes.
    pub async fn array<const N: usize>(&self) -> Result<[u8; N], Stop> {
        let bytes = self.peek().await?;
        self.take(N);
        Ok(bytes)
    }

    /// The next `count` bytes, at most [`LONGEST_LOOK`].
    pub async fn bytes(&self, count: usize) -> Result<Vec<u8>, Stop> {
        if count > LONGEST_LOOK {
            return wrong(format!("a structure of {count} bytes"));
        }
        let bytes = self.look(count, |bytes| bytes[..count].to_vec()).await?;
        self.take(count);
        Ok(bytes)
    }

    /// Takes bytes that were looked at.
    pub async fn advance(&self, count: usize) -> Result<(), Stop> {
        self.look(count, |_| ()).await?;
        self.take(count);
        Ok(())
    }

    /// What is said next against the bytes is about those at `offset`.
    pub fn suspect(&self, offset: u64) {
        self.0.borrow_mut().suspect = Some(offset);
    }

    /// What clusters look like says nothing in this format.
    pub fn expect_any_looks(&self) {
        self.0.borrow_mut().is_mixed = true;
    }

    pub fn expects_any_looks(&self) -> bool {
        self.0.borrow().is_mixed
    }

    /// Where bytes were found that cannot be.
    pub fn blamed(&self) -> u64 {
        let state = self.0.borrow();
        state.suspect.unwrap_or(state.position)
    }

    /// The most that was passed over unseen in one piece.
    pub fn longest_unseen(&self) -> u64 {
        self.0.borrow().longest_unseen
    }

    /// So many bytes were looked at, and nothing proves them.
    pub fn leave_unseen(&self, count: u64) {
        let state = &mut *self.0.borrow_mut();
        state.longest_unseen = state.longest_unseen.max(count);
    }

    /// Passes over bytes unseen.
    pub async fn skip(&self, count: u64) -> Result<(), Stop> {
        {
            let state = &mut *self.0.borrow_mut();
            state.longest_unseen = state.longest_unseen.max(count);
            let there = (state.bytes.len() - state.taken) as u64;
            let now = there.min(count);
            state.taken += now as usize;
            state.position += now;
            state.skipped += count - now;
        }
        poll_fn(|_| {
            let state = self.0.borrow();
            match state.skipped {
                0 => Poll::Ready(Ok(())),
                _ if state.is_at_end => Poll::Ready(Err(Stop::End)),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Passes `count` bytes to `see`, in pieces of whatever length.
    pub async fn pass(&self, mut count: u64, mut see: impl FnMut(&[u8])) -> Result<(), Stop> {
        while count > 0 {
            // What is stored is as good as what a decoder makes.
            let mut novelty = self.take_novelty().unwrap_or_default();
            let length = self
                .look(1, |bytes| {
                    let length = usize::try_from(count).map_or(bytes.len(), |count| count.min(bytes.len()));
                    see(&bytes[..length]);
                    novelty.made(self.position(), self.position() + length as u64, &bytes[..length]);
                    length
                })
                .await;
            self.0.borrow_mut().novelty = Some(novelty);
            let length = length?;
            self.take(length);
            count -= length as u64;
        }
        Ok(())
    }

    /// Passes what has come to `see`, which says how much of it it has used; none where it needs no more.
    pub async fn pass_some<T>(&self, see: impl FnOnce(&[u8]) -> (usize, T)) -> Result<T, Stop> {
        let (length, result) = self.look(1, see).await?;
        self.take(length);
        Ok(result)
    }

    /// As [`pass_some`](Self::pass_some), for a decoder: no more than what is left of one cluster at once.
    pub async fn pass_some_of_cluster<T>(&self, see: impl FnOnce(&[u8]) -> (usize, T)) -> Result<T, Stop> {
        let (size, position) = (self.cluster_size().max(1), self.position());
        let left = usize::try_from(size - position % size).unwrap_or(usize::MAX);
        self.pass_some(|bytes| see(&bytes[..bytes.len().min(left)])).await
    }

    /// True when there is nothing behind.
    pub async fn is_at_end(&self) -> bool {
        self.look(1, |_| ()).await.is_err()
    }

    pub async fn u8(&self) -> Result<u8, Stop> {
        self.array().await.map(u8::from_le_bytes)
    }

    pub async fn u16_le(&self) -> Result<u16, Stop> {
        self.array().await.map(u16::from_le_bytes)
    }

    pub async fn u32_le(&self) -> Result<u32, Stop> {
        self.array().await.map(u32::from_le_bytes)
    }

    pub async fn u64_le(&self) -> Result<u64, Stop> {
        self.array().await.map(u64::from_le_bytes)
    }

    pub async fn u16_be(&self) -> Result<u16, Stop> {
        self.array().await.map(u16::from_be_bytes)
    }

    pub async fn u32_be(&self) -> Result<u32, Stop> {
        self.array().await.map(u32::from_be_bytes)
    }

    pub async fn u64_be(&self) -> Result<u64, Stop> {
        self.array().await.map(u64::from_be_bytes)
    }
}
