//! Streams: where their bytes come from, what reads them, and what they are worth.

use ntfs_salvage::catalog::{Assessment, Catalog, RecoverabilityOptions, Stream, StreamMap, StreamRange};
use ntfs_salvage::salvage::{self, Tree};
use ntfs_salvage::source::Source;
use ntfs_salvage::{Threads, Volume};

use super::{damaged, debug, see, show, table};

/// Bytes read of each stream at each place.
const PIECE: usize = 16 << 10;

/// Every stream of every file, decoded and raw.
pub(crate) fn all(catalog: &Catalog<'_>) {
    let threads = Threads::single();
    let assessment = catalog.assessment(&threads, RecoverabilityOptions::default().sample_zeros(true));
    clusters(&assessment);
    for entry in catalog.entries() {
        for stream in entry.streams() {
            content(&stream, &assessment);
            content(&stream.raw(), &assessment);
        }
    }
    let tree = Tree::new(catalog, None, &threads);
    for ghost in tree.ghosts() {
        debug(ghost);
        debug(&tree.path(ghost.parent(), ghost.name()));
        assert!(tree.names_of(ghost.reference).any(|other| other == ghost));
    }
}

/// Claims and bitmap speak of clusters in order.
fn clusters(assessment: &Assessment<'_>) {
    let mut end = 0;
    for (range, claim) in assessment.claims().all() {
        assert!(end <= range.start && range.start < range.end && !claim.is_empty());
        end = range.end;
    }
    let bitmap = assessment.bitmap();
    bitmap.damage().iter().copied().for_each(damaged);
    let mut position = 0;
    for (range, state) in bitmap.states(0..bitmap.cluster_count()) {
        assert!(range.start == position && range.end > position);
        assert_eq!(bitmap.state(position), state);
        position = range.end;
    }
    assert_eq!(position, bitmap.cluster_count());
}

fn content(stream: &Stream<'_>, assessment: &Assessment<'_>) {
    let map = stream.map();
    debug(&map);
    map.damage().iter().copied().for_each(damaged);
    tiles(map.ranges(), 0, map.size());
    read(stream, &map);
    let worth = assessment.assess(stream);
    show(&worth.verdict());
    see(worth.reasons());
    let assessed: u64 = worth.ranges().iter().map(|range| range.range.length).sum();
    assert_eq!(assessed, map.size(), "every byte is assessed once");
}

/// Ranges follow each other and cover exactly what they should.
fn tiles(ranges: &[StreamRange], start: u64, end: u64) {
    let mut position = start;
    for range in ranges {
        assert!(range.offset == position && range.length > 0, "{range:?} at {position}");
        position = range.end();
        range.missing().into_iter().for_each(|missing| assert!(!missing.code().is_empty()));
    }
    assert_eq!(position, end);
}

/// Reads at the places where streams end: what is said about the bytes covers them, and is said again.
fn read(stream: &Stream<'_>, map: &StreamMap<'_>) {
    let size = map.size();
    let (mut reader, mut again) = (stream.reader(), stream.reader());
    for offset in [0, size / 2, size.saturating_sub(100), size, u64::MAX] {
        let (mut zeros, mut ones) = (vec![0; PIECE], vec![0xFF; PIECE]);
        let first = reader.read_at(offset, &mut zeros);
        let second = again.read_at(offset, &mut ones);
        let length = first.length();
        let wide = u64::try_from(length).expect("64 bits hold a length");
        assert_eq!(wide, size.saturating_sub(offset).min(16 << 10));
        assert_eq!((length, first.ranges()), (second.length(), second.ranges()));
        tiles(first.ranges(), offset, offset + wide);
        assert!(zeros[..length] == ones[..length], "what stood in the buffer shows in the content");
        for range in first.ranges().iter().filter(|range| range.missing().is_some()) {
            let bytes = (range.offset - offset) as usize..(range.end() - offset) as usize;
            assert!(zeros[bytes].iter().all(|&byte| byte == 0), "missing bytes are zero in the buffer");
        }
    }
}

/// A source whose boot sector need not be there: whatever can be made of it.
pub(crate) fn salvage(source: &dyn Source) {
    let opened = match salvage::open_with(source, &Threads::single()) {
        Ok(opened) => opened,
        Err(error) => return show(&error),
    };
    for found in opened {
        show(&found.way());
        see((found.layer(), found.start()));
        let volume: &Volume<'_> = found.volume();
        table::volume_with(volume);
    }
}
