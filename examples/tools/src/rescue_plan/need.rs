//! What is worth reading, stage by stage.

use std::ops::Range;

use crate::input::spans::Spans;
use crate::rescue_plan::arguments::Stage;

/// What each stage wants of the disk, and what had to be assumed.
#[derive(Debug)]
pub struct Need {
    wanted: [Vec<Range<u64>>; 5],
    assumptions: Vec<String>,
    /// Bytes of the largest sector on the disk: what is read at once.
    sector: u64,
    size: u64,
}

impl Need {
    pub fn new(size: u64) -> Self {
        Self { wanted: Default::default(), assumptions: Vec::new(), sector: 512, size }
    }

    pub fn add(&mut self, stage: Stage, ranges: impl IntoIterator<Item = Range<u64>>) {
        self.wanted[stage.index()].extend(ranges);
    }

    pub fn assume(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.assumptions.contains(&what) {
            self.assumptions.push(what);
        }
    }

    pub fn assumptions(&self) -> &[String] {
        &self.assumptions
    }

    pub fn sectors_of(&mut self, bytes: u32) {
        self.sector = self.sector.max(u64::from(bytes).min(1 << 16));
    }

    /// Whole sectors of the disk for each stage, each sector in the first stage that wants it.
    pub fn stages(&self) -> [Spans; 5] {
        let mut earlier = Spans::default();
        self.wanted.each_ref().map(|ranges| {
            let all = ranges.iter().cloned().collect::<Spans>().in_sectors(self.sector, self.size);
            let new = all.minus(&earlier);
            earlier = earlier.or(&new);
            new
        })
    }
}
