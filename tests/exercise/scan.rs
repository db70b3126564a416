//! The carving scan: the same on any number of threads, in one go or in two, and from a file.

use std::ops::ControlFlow;

use ntfs_salvage::salvage::{Findings, Fragment, Overrides, Scanner, fragments};
use ntfs_salvage::source::Source;
use ntfs_salvage::{ReadError, Threads};

use super::{damaged, debug, edits, see};

/// The bytes, behind zeros up to here: what starts just before the first MiB crosses the scan's pieces.
struct Behind<'b> {
    start: u64,
    bytes: &'b [u8],
}

impl Source for Behind<'_> {
    fn size(&self) -> u64 {
        self.start + self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = left.min(buffer.len());
        let zeros = usize::try_from(self.start.saturating_sub(offset)).unwrap_or(usize::MAX).min(count);
        buffer[..zeros].fill(0);
        let inside = offset.saturating_sub(self.start);
        self.bytes.read_at(inside, &mut buffer[zeros..count])?;
        Ok(count)
    }
}

/// The first byte says where the others lie, and at what distance the scan looks.
pub(crate) fn scanner(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let start = [0, 0, 0, (1 << 20) - 1536][usize::from(choice & 3)];
    let step = if start == 0 { [512, 512, 256, 1][usize::from(choice >> 2 & 3)] } else { 512 };
    let source = Behind { start, bytes };
    let scan = || Scanner::new(&source).step(step);
    let whole = scan().run_with(&Threads::single());
    assert_eq!(scan().run_with(super::two_threads()), whole);
    assert!(whole.is_complete() && whole.unreadable().is_empty());
    findings(&whole);
    let part = scan().run_while(&Threads::single(), |_| ControlFlow::Break(()));
    let part = Findings::load(saved(&part).as_slice()).expect("what is saved is loaded");
    assert_eq!(scan().resume(part).expect("of the same source").run_with(&Threads::single()), whole);
}

/// The bytes as a file that says what was found in the test volume.
pub(crate) fn scan_file(bytes: &[u8]) {
    let Ok(loaded) = Findings::load(bytes) else { return };
    assert!(bytes.starts_with(&saved(&loaded)[..40]), "the title and the numbers are read as they are");
    findings(&loaded);
    let source: &dyn Source = &edits::image();
    loaded.votes(source, &Overrides::default()).iter().for_each(debug);
    for opened in loaded.open(source, &Overrides::default(), &Threads::single()).unwrap_or_default() {
        debug(&opened);
        opened.volume().damage().for_each(damaged);
        see(opened.volume().catalog_with(&Threads::single()).counts());
    }
}

fn saved(findings: &Findings) -> Vec<u8> {
    let mut file = Vec::new();
    findings.save(&mut file).expect("memory takes everything");
    file
}

/// Hits are in order, and what is made of them lies where they do.
fn findings(found: &Findings) {
    assert_eq!(Findings::load(saved(found).as_slice()).as_ref().ok(), Some(found), "what is saved is loaded");
    assert!(found.records().is_sorted_by_key(|hit| hit.offset));
    assert!(found.index_records().is_sorted_by_key(|hit| hit.offset));
    assert!(found.anchors().is_sorted());
    for hit in found.records() {
        debug(hit);
        see((hit.number(), hit.cluster_size(), hit.reference(), hit.end()));
    }
    let fragments = fragments(found);
    assert!(fragments.is_sorted_by_key(|fragment| fragment.offset));
    let hits: usize = fragments.iter().map(Fragment::hits).sum();
    assert!(hits <= found.records().len(), "{hits} hits of {}", found.records().len());
    for fragment in &fragments {
        debug(fragment);
        assert!(fragment.offset <= fragment.end_offset());
        assert_eq!(fragment.number_at(fragment.offset), fragment.first);
        see(fragment.key());
    }
}
