//! What each cluster of a stream looks like from far: enough to see the one that does not belong there.

use super::detect;

/// What a cluster looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Zeros,
    Text,
    /// Many different bytes: compressed, encrypted or random.
    Dense,
    /// Anything else.
    Plain,
}

/// A cluster that differs from those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alien {
    /// Where it starts.
    pub offset: u64,
    /// What it looks like, in words.
    pub kind: String,
}

/// The looks of a stream's clusters, as far as they change.
#[derive(Debug)]
pub struct Clusters {
    size: u64,
    position: u64,
    /// Where each look starts.
    changes: Vec<(u64, Look)>,
    /// Clusters that start as files of a format do.
    headers: Vec<(u64, &'static str)>,
}

/// Bytes of a cluster that are looked at.
const SAMPLE: usize = 256;
/// Clusters of one look that are needed for another one to be strange.
const LEAST_OF_ONE_LOOK: u64 = 4;
/// Changes and headers that are remembered.
const MOST: usize = 4096;

impl Clusters {
    pub fn new(size: u64) -> Self {
        Self { size, position: 0, changes: Vec::new(), headers: Vec::new() }
    }

    /// True when so many bytes in one piece are not all that would be written over at once.
    pub fn is_less_than_one(&self, bytes: u64) -> bool {
        bytes < self.size.min(4096)
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The start of a cluster that is next to `offset`.
    pub fn nearest_start(&self, offset: u64) -> u64 {
        self.start_of(offset.saturating_add(self.size / 2))
    }

    /// The start of the cluster that has `offset`.
    pub fn start_of(&self, offset: u64) -> u64 {
        offset - offset % self.size
    }

    /// Looks at the clusters that start in `bytes`, the next of the stream.
    pub fn see(&mut self, bytes: &[u8]) {
        let first = self.position.next_multiple_of(self.size) - self.position;
        let starts = (first..bytes.len() as u64).step_by(self.size as usize);
        for start in starts {
            let rest = &bytes[start as usize..];
            self.note(self.position + start, &rest[..rest.len().min(SAMPLE)]);
        }
        self.position += bytes.len() as u64;
    }

    /// So many bytes are not looked at.
    pub fn pass_over(&mut self, count: u64) {
        self.position += count;
    }

    fn note(&mut self, offset: u64, sample: &[u8]) {
        let last = self.changes.last().map(|(_, look)| *look);
        if let Some(look) = look(sample).filter(|look| last != Some(*look) && self.changes.len() < MOST) {
            self.changes.push((offset, look));
        }
        if self.headers.len() < MOST {
            self.headers.extend(detect::signature(sample).filter(|_| offset > 0).map(|name| (offset, name)));
        }
    }

    /// The first cluster that does not look like what is before it, from the one that has `proved` up to the one that
    /// has `seen`. Zeros and the start of a file of another format than its `own` are the surest signs; other looks count
    /// where the stream had one look only before, for some clusters.
    pub fn first_alien(&self, proved: u64, seen: u64, own: &str) -> Option<Alien> {
        let is_there = |offset: u64| offset >= proved && offset < seen;
        let header = self.headers.iter().find(|(offset, name)| is_there(*offset) && *name != own);
        let header =
            header.map(|(offset, name)| Alien { offset: *offset, kind: format!("the start of a file ({name})") });
        let zeros = self.changes.iter().find(|(offset, look)| is_there(*offset) && *look == Look::Zeros);
        let other = self.first_unusual().filter(|(offset, _)| is_there(*offset));
        let change = zeros
            .copied()
            .into_iter()
            .chain(other)
            .min_by_key(|change| change.0)
            .map(|(offset, look)| Alien { offset, kind: words(look).into() });
        change.into_iter().chain(header).min_by_key(|alien| alien.offset)
    }

    /// The first cluster that looks otherwise than those before it, which looked alike for long.
    fn first_unusual(&self) -> Option<(u64, Look)> {
        let long = LEAST_OF_ONE_LOOK * self.size;
        let (start, usual) = self.changes.windows(2).find(|two| two[1].0 - two[0].0 >= long).map(|two| two[0])?;
        let next = self.changes.iter().copied().find(|(offset, _)| *offset > start)?;
        // Only what is dense has no other clusters that look like anything.
        (usual == Look::Dense || next.1 != Look::Plain).then_some(next)
    }
}

fn words(look: Look) -> &'static str {
    match look {
        Look::Zeros => "zeros",
        Look::Text => "text",
        Look::Dense => "compressed or random bytes",
        Look::Plain => "other data",
    }
}

/// None where it could be one or another, or there are too few bytes.
fn look(sample: &[u8]) -> Option<Look> {
    let mut seen = [false; 256];
    let mut different = 0;
    let mut printable = 0;
    for &byte in sample {
        different += usize::from(!std::mem::replace(&mut seen[usize::from(byte)], true));
        printable += usize::from(matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e));
    }
    match () {
        () if seen[0] && different == 1 => Some(Look::Zeros),
        () if sample.len() < SAMPLE => None,
        () if printable * 100 >= sample.len() * 97 => Some(Look::Text),
        // Of 256 random bytes 162 differ, with a spread of 6.
        () if different >= 140 => Some(Look::Dense),
        () => (different < 100).then_some(Look::Plain),
    }
}
