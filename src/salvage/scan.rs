//! One sequential pass over a source for everything that NTFS leaves and that can be recognized
//! without a map.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::findings::{Anchor, Findings};
use super::recognize::{self, Recognized};
use crate::base::damage::{Damage, DamageKind};
use crate::base::error::Result;
use crate::base::threads::Threads;
use crate::base::watch::Step;
use crate::source::Source;
use crate::source::buffer::PageBuffer;

/// Looks through a source for FILE and INDX records, boot sectors and other anchors of a volume.
///
/// Reads every byte once, in order, in large pieces, but those that are known to be
/// [holes](Source::is_hole); tests eight bytes of each sector, and parses
/// only what may be a hit. Memory grows with the hits only. What the findings are does not depend on
/// the number of threads.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Threads;
/// use ntfs_salvage::salvage::{Findings, Overrides, Scanner};
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let found = Scanner::new(&image).run();
/// println!("{} records, {} parts of indexes", found.records().len(), found.index_records().len());
///
/// // A scan can be kept, gone on with, and used later.
/// let mut kept = Vec::new();
/// found.save(&mut kept)?;
/// let volumes = Findings::load(kept.as_slice())?.open(&image, &Overrides::default(), &Threads::default())?;
/// assert_eq!(volumes.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Scanner<'s> {
    source: Bytes<'s>,
    step: u32,
    before: Findings,
}

/// A source that can be printed.
struct Bytes<'s>(&'s dyn Source);

impl std::fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.size())
    }
}

impl<'s> Scanner<'s> {
    /// Bytes read at once.
    const CHUNK: u64 = 1 << 20;
    /// Bytes behind a chunk that are read with it when its last places may start inside a sector.
    const OVERLAP: u64 = 512;
    /// The distance of structures on any device.
    pub(super) const SECTOR: u32 = 512;

    /// A scanner for `source`: at every 512 bytes.
    #[must_use]
    pub fn new(source: &'s dyn Source) -> Self {
        Self { source: Bytes(source), step: Self::SECTOR, before: Findings::default() }
    }

    /// Looks at every `step` bytes instead, 1 to 512, for sources whose sectors do not start at
    /// multiples of 512: slower.
    #[must_use]
    pub fn step(self, step: u32) -> Self {
        Self { step: step.clamp(1, Self::SECTOR), ..self }
    }

    /// Goes on where an earlier scan of the same source, at the same step, stopped.
    ///
    /// # Errors
    /// When the earlier scan was of a source of another size.
    pub fn resume(self, findings: Findings) -> Result<Self> {
        if findings.source_size() != self.source.0.size() {
            let kind = DamageKind::BadValue { what: "size of the scanned source", value: findings.source_size() };
            return Err(Damage::new(0, kind).into());
        }
        Ok(Self { step: findings.step().clamp(1, Self::SECTOR), before: findings, ..self })
    }

    /// Scans to the end, on all cores.
    #[must_use]
    pub fn run(self) -> Findings {
        self.run_with(&Threads::default())
    }

    /// The same on the given threads.
    #[must_use]
    pub fn run_with(self, threads: &Threads) -> Findings {
        self.run_while(threads, |_| ControlFlow::Continue(()))
    }

    /// Scans until `keep_on` breaks, which is asked about every MiB; its argument says how far the
    /// scan has come. Findings that are not [complete](Findings::is_complete) can be saved, and
    /// [resumed](Self::resume) later.
    pub fn run_while(mut self, threads: &Threads, mut keep_on: impl FnMut(&Findings) -> ControlFlow<()>) -> Findings {
        let _step = threads.begin(Step::Scan);
        let mut findings = std::mem::take(&mut self.before);
        findings.source_size = self.source.0.size();
        findings.step = self.step;
        let first = findings.scanned;
        let chunks = findings.source_size.saturating_sub(first).div_ceil(Self::CHUNK);
        let length = usize::try_from(Self::CHUNK.saturating_add(Self::OVERLAP)).unwrap_or(0);
        let work = |buffer: &mut PageBuffer, index: u64| {
            self.scan_chunk(buffer.bytes(), first.saturating_add(index.saturating_mul(Self::CHUNK)))
        };
        let consume = |part| {
            // What nobody could ask for was not scanned: it can be resumed once the source is back.
            if self.source.0.is_gone() {
                return ControlFlow::Break(());
            }
            findings.append(part);
            keep_on(&findings)
        };
        // Where it stopped is in the findings.
        let _ = threads.map_in_order(chunks, || PageBuffer::new(length), work, consume);
        findings
    }

    fn scan_chunk(&self, buffer: &mut [u8], start: u64) -> Findings {
        let end = start.saturating_add(Self::CHUNK).min(self.source.0.size());
        let overlap = if self.step < Self::SECTOR { Self::OVERLAP } else { 0 };
        let read_end = end.saturating_add(overlap).min(self.source.0.size());
        let length = usize::try_from(read_end.saturating_sub(start)).unwrap_or(0).min(buffer.len());
        let bytes = buffer.get_mut(..length).unwrap_or_default();
        let mut part = Findings { scanned: end, ..Findings::default() };
        if self.source.0.is_hole(start..read_end) {
            return part;
        }
        part.unreadable = self.source.0.read_readable(start, bytes);
        part.unreadable.retain_mut(|range| {
            range.end = range.end.min(end);
            !range.is_empty()
        });
        let own = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        if self.step == Self::SECTOR {
            let heads =
                bytes.chunks(512).map(|sector| sector.first_chunk().map_or(0, |head| u64::from_le_bytes(*head)));
            let places = heads.enumerate().filter(|(_, head)| recognize::may_start(*head));
            places.for_each(|(sector, _)| self.look(bytes, start, sector.saturating_mul(512), &mut part));
        } else {
            let step = usize::try_from(self.step).unwrap_or(1).max(1);
            let first =
                usize::try_from(start.next_multiple_of(u64::from(self.step)).saturating_sub(start)).unwrap_or(0);
            for at in (first..own).step_by(step) {
                let head = bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |head| u64::from_le_bytes(*head));
                if recognize::may_start(head) {
                    self.look(bytes, start, at, &mut part);
                }
            }
        }
        part
    }

    /// Looks closer at place `at` of a chunk that starts at `start`.
    fn look(&self, chunk: &[u8], start: u64, at: usize, part: &mut Findings) {
        let head = chunk.get(at..).unwrap_or_default();
        let offset = start.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
        let head = self.lengthen(head, recognize::needed(head).max(512), offset);
        // The head may have been too short to tell.
        let bytes = self.lengthen(&head, recognize::needed(&head), offset);
        match recognize::recognize(offset, &bytes) {
            Some(Recognized::Record(hit)) => part.records.push(hit),
            Some(Recognized::Index(hit)) => part.index_records.push(hit),
            Some(Recognized::Anchor(kind)) => part.anchors.push(Anchor { offset, kind }),
            None => {}
        }
    }

    /// The `needed` bytes at `offset`: those at hand, or read anew where they cross the chunk's end.
    fn lengthen<'b>(&self, bytes: &'b [u8], needed: usize, offset: u64) -> Cow<'b, [u8]> {
        if let Some(enough) = bytes.get(..needed) {
            return Cow::Borrowed(enough);
        }
        let left = self.source.0.size().saturating_sub(offset);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(needed.min(recognize::LARGEST_RECORD));
        let mut own = vec![0; length];
        self.source.0.read_readable(offset, &mut own);
        Cow::Owned(own)
    }
}
