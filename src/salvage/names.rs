//! Names that only a scan can find: those in the indexes of directories whose records are lost.

use std::ops::ControlFlow;

use super::findings::Findings;
use super::scan::Scanner;
use crate::base::threads::Threads;
use crate::catalog::Catalog;
use crate::source::{Source, Window};
use crate::volume::{LostIndex, Volume};

/// The volume of a catalog, knowing the INDX records that a scan of it found, where the catalog misses
/// records that nothing names and the volume was not scanned before: its catalog then has the names in
/// them. `None` where a scan is not worth its time.
///
/// `watch` is called for each MiB that is scanned.
pub fn scan_for_names<'v>(
    catalog: &Catalog<'v>,
    threads: &Threads,
    watch: &mut dyn FnMut(&Findings),
) -> Option<Volume<'v>> {
    let volume = catalog.volume();
    if volume.geometry().is_none() || volume.lost_indexes().is_some() || catalog.nameless_records() == 0 {
        return None;
    }
    let window = volume.source();
    let findings = Scanner::new(&window).run_while(threads, |findings| {
        watch(findings);
        ControlFlow::Continue(())
    });
    Some(volume.clone().with_lost_indexes(findings.lost_indexes(window.start(), window)))
}

impl Findings {
    /// The INDX records in the bytes of a volume; the findings count from byte `origin` of its source.
    pub(super) fn lost_indexes(&self, origin: u64, volume: Window<'_>) -> Vec<LostIndex> {
        let inside = |offset: u64| {
            let place = origin.saturating_add(offset).checked_sub(volume.start())?;
            Some(place).filter(|place| *place < volume.size())
        };
        let found = self.index_records().iter().filter_map(|hit| {
            Some(LostIndex { offset: inside(hit.offset)?, record_size: hit.record_size, directory: hit.parent })
        });
        found.collect()
    }
}
