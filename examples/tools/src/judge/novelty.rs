//! Where what a decoder makes turns into something new.
//!
//! A decoder that is given wrong bytes mostly goes on, and makes what nobody has written: its output no longer repeats
//! what came before. How much of it is new is counted as it passes. Where a sum does not hold in the end, the place at
//! which the share of what is new rises, and stays up, is the place where the wrong bytes begin.

/// Output that is looked at in each slice of [`SLICE`] bytes.
const SAMPLE: usize = 320;
const SLICE: usize = 1024;
/// Slices that are remembered; of longer streams, each stands for several.
const MOST: usize = 16 << 10;
/// Bits of the set of what was seen.
const BITS: u32 = 19;
/// A set with so many bits is put aside, and a new one begun.
const FULL: usize = 1 << (BITS - 4);
/// Slices on each side that are compared.
const WIDTH: usize = 12;
/// Slices that are needed before a rise.
const LEAST: usize = 4;
/// By how much the share has to rise.
const LEAST_RISE: f64 = 0.10;
/// How many times as high as any rise before it.
const OVER_OTHERS: f64 = 1.7;

/// Of output of which more is new nothing can be said.
const HIGHEST_USUAL: f64 = 0.75;

/// Part of the output.
#[derive(Debug, Clone, Copy)]
struct Slice {
    /// The offset in the stream of the bytes that it was made of.
    start: u64,
    all: u32,
    new: u32,
}

/// What was made of a stream, as far as it says whether it goes on.
#[derive(Debug)]
pub struct Novelty {
    /// Hashes of four bytes that were seen, and those that were seen before.
    seen: [Box<[u64]>; 2],
    set: usize,
    slices: Vec<Slice>,
    /// How many times [`SLICE`] a slice is long.
    step: usize,
    /// Bytes of the last slice that are there.
    filled: usize,
    /// The offset in the stream behind the last bytes that something was made of.
    end: u64,
}

impl Default for Novelty {
    fn default() -> Self {
        let empty = || vec![0; 1 << (BITS - 6)].into_boxed_slice();
        Self { seen: [empty(), empty()], set: 0, slices: Vec::new(), step: 1, filled: usize::MAX, end: 0 }
    }
}

impl Novelty {
    /// `output` was made of the bytes from `start` to `end`.
    pub fn made(&mut self, start: u64, end: u64, output: &[u8]) {
        self.end = end;
        let mut rest = output;
        while !rest.is_empty() {
            if self.filled >= SLICE * self.step {
                let part = (output.len() - rest.len()) as u64;
                let offset = (end - start) * part / output.len() as u64;
                self.begin(start + offset);
            }
            let (now, behind) = rest.split_at(rest.len().min(SLICE * self.step - self.filled));
            if self.filled < SAMPLE {
                self.count(&now[..now.len().min(SAMPLE - self.filled)]);
            }
            self.filled += now.len();
            rest = behind;
        }
    }

    fn begin(&mut self, start: u64) {
        if self.slices.len() >= MOST {
            let join = |pair: &[Slice]| Slice {
                start: pair[0].start,
                all: pair.iter().map(|slice| slice.all).sum(),
                new: pair.iter().map(|slice| slice.new).sum(),
            };
            self.slices = self.slices.chunks(2).map(join).collect();
            self.step *= 2;
        }
        self.slices.push(Slice { start, all: 0, new: 0 });
        self.filled = 0;
    }

    fn count(&mut self, sample: &[u8]) {
        let [seen, before] = &mut self.seen;
        let mut new = 0;
        for four in sample.windows(4) {
            let four = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
            let hash = four.wrapping_mul(0x9e37_79b1) >> (32 - BITS);
            let (word, bit) = ((hash >> 6) as usize, 1u64 << (hash & 63));
            new += u32::from((seen[word] | before[word]) & bit == 0);
            self.set += usize::from(seen[word] & bit == 0);
            seen[word] |= bit;
        }
        if self.set > FULL {
            self.seen.swap(0, 1);
            self.seen[0].fill(0);
            self.set = 0;
        }
        if let Some(slice) = self.slices.last_mut() {
            slice.all += sample.len().saturating_sub(3) as u32;
            slice.new += new;
        }
    }

    /// The offset in the stream at which the output of what lies between `first` and `seen` turns into something new.
    pub fn first_strange(&self, first: u64, seen: u64) -> Option<u64> {
        let end = self.slices.partition_point(|slice| slice.start < seen);
        let slices = &self.slices[..end];
        let share = |from: usize, to: usize| share(&slices[from..to]);
        let rise = |at: usize| share(at, (at + WIDTH).min(end)) - share(at.saturating_sub(WIDTH), at);
        let from = slices.partition_point(|slice| slice.start < first).max(LEAST);
        let at = (from..end).max_by(|a, b| rise(*a).total_cmp(&rise(*b)))?;
        let height = rise(at);
        let before = share(at.saturating_sub(WIDTH), at);
        let usual = (LEAST..at.saturating_sub(WIDTH)).map(rise).fold(0.0, f64::max);
        let stays = share(at, end) - before > height / 2.0;
        let is_sure = before < HIGHEST_USUAL && height > LEAST_RISE && height > usual * OVER_OTHERS && stays;
        is_sure.then(|| slices[at].start)
    }

    /// The offset up to which something was made, where that repeated so much of what came before that wrong bytes
    /// would have been noticed.
    pub fn usual_up_to(&self) -> Option<u64> {
        let slices = &self.slices[self.slices.len().saturating_sub(WIDTH)..];
        let share = share(slices);
        (slices.len() >= LEAST && share < HIGHEST_USUAL).then_some(self.end)
    }
}

/// How much of the output of these slices is new.
fn share(slices: &[Slice]) -> f64 {
    let (all, new) = slices.iter().fold((0, 0), |(all, new), slice| (all + slice.all, new + slice.new));
    f64::from(new) / f64::from(all.max(1))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use crate::judge::{ContentState, Judge, Judgement};

    const CLUSTER: usize = 4096;

    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }
    }

    fn prose(length: usize) -> Vec<u8> {
        let mut numbers = Numbers(7);
        let letters =
            |numbers: &mut Numbers| (0..2 + numbers.below(8)).map(|_| b'a' + numbers.below(26) as u8).collect();
        let vocabulary: Vec<Vec<u8>> = (0..500).map(|_| letters(&mut numbers)).collect();
        let mut text = Vec::new();
        while text.len() < length {
            text.extend_from_slice(&vocabulary[numbers.below(500) as usize]);
            text.push(b' ');
        }
        text
    }

    fn judged(bytes: &[u8]) -> Judgement {
        let mut judge = Judge::new("a.gz", bytes.len() as u64, CLUSTER as u64);
        bytes.chunks(10_000).for_each(|piece| judge.bytes(piece));
        judge.judgement()
    }

    #[test]
    fn compressed_bytes_among_compressed_bytes_are_found_in_their_place() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&prose(600_000)).unwrap();
        let bytes = encoder.finish().unwrap();
        assert_eq!(judged(&bytes).state, ContentState::Verified);
        let mut numbers = Numbers(3);
        let places: Vec<usize> = (8 * CLUSTER..bytes.len() - CLUSTER).step_by(CLUSTER).collect();
        let mut found = 0;
        for &place in &places {
            // Bytes of the same stream, from elsewhere.
            let from = numbers.below((bytes.len() - CLUSTER) as u64) as usize;
            let mut changed = bytes.clone();
            changed[place..place + CLUSTER].copy_from_slice(&bytes[from..from + CLUSTER]);
            let said = judged(&changed);
            assert_eq!(said.state, ContentState::Contradicted);
            assert!(said.good_until <= Some(place as u64), "{place}: {said:?}");
            found += usize::from(said.good_until == Some(place as u64));
        }
        assert!(found * 10 >= places.len() * 9, "{found} of {}", places.len());
    }
}
