//! Streams: where their bytes come from, what reads them, and what they are worth.

use std::ops::Range;

use ntfs_salvage::content::{StreamMap, StreamRange};
use ntfs_salvage::recoverability::{Assessment, RecoverabilityOptions};
use ntfs_salvage::source::Source;
use ntfs_salvage::{Catalog, EntryState, Stream, Threads, Volume, salvage};

use super::{damaged, debug, see, show, table};

/// Bytes read of each stream at each place.
const PIECE: usize = 4 << 10;

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
    let with_ghosts = catalog.volume().catalog_with(&threads).with_ghosts(&threads);
    let mut paths = with_ghosts.paths();
    for ghost in with_ghosts.ghosts() {
        debug(ghost);
        debug(&paths.path(ghost.parent(), ghost.name()));
    }
    with_ghosts.entries().filter(|entry| entry.state() == EntryState::Ghost).for_each(|entry| {
        show(&entry.reference());
        assert!(entry.streams().is_empty() && entry.damage().is_empty(), "a ghost has no record to be damaged");
        debug(&entry.links());
    });
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
        assert_eq!(wide, size.saturating_sub(offset).min(PIECE as u64));
        assert_eq!((length, first.ranges()), (second.length(), second.ranges()));
        tiles(first.ranges(), offset, offset + wide);
        assert!(zeros[..length] == ones[..length], "what stood in the buffer shows in the content");
        for range in first.ranges().iter().filter(|range| range.missing().is_some()) {
            let bytes = (range.offset - offset) as usize..(range.end() - offset) as usize;
            assert!(zeros[bytes].iter().all(|&byte| byte == 0), "missing bytes are zero in the buffer");
        }
    }
}

/// Reads all streams from end to end, in pieces of two sizes.
pub(crate) fn recover(source: &dyn Source) {
    let Ok(volume) = Volume::open(source) else { return };
    let catalog = volume.catalog_with(&Threads::single());
    for entry in catalog.entries() {
        for stream in entry.streams() {
            let large = whole(&stream, 64 << 10);
            assert!(large == whole(&stream, 1000), "{:?} of {}", stream.name(), entry.record_number());
        }
    }
}

/// Up to this much of a stream is read: sizes are claims.
const MOST: u64 = 256 << 10;

/// The stream's bytes, and which of them are missing or doubtful.
fn whole(stream: &Stream<'_>, piece: usize) -> (Vec<u8>, Vec<Range<u64>>) {
    let mut reader = stream.reader();
    let mut buffer = vec![0; piece];
    let (mut bytes, mut unproven) = (Vec::new(), Vec::<Range<u64>>::new());
    let mut position = 0;
    while position < MOST {
        let left = usize::try_from(MOST - position).expect("it is small").min(piece);
        let reading = reader.read_at(position, &mut buffer[..left]);
        let end = position + u64::try_from(reading.length()).expect("64 bits hold a length");
        tiles(reading.ranges(), position, end);
        for range in reading.ranges().iter().filter(|range| !range.is_true()) {
            match unproven.last_mut().filter(|last| last.end == range.offset) {
                Some(last) => last.end = range.end(),
                None => unproven.push(range.offset..range.end()),
            }
        }
        let length = reading.length();
        bytes.extend_from_slice(&buffer[..length]);
        if length == 0 {
            break;
        }
        position = end;
    }
    assert_eq!(position, reader.map().size().min(MOST));
    (bytes, unproven)
}

/// A source whose boot sector need not be there: whatever can be made of it.
pub(crate) fn salvage(source: &dyn Source) {
    let opened = match salvage::open_with(source, &Threads::single()) {
        Ok(opened) => opened,
        Err(error) => return show(&error),
    };
    for found in opened {
        show(&found.opened_by());
        see((found.layer(), found.start()));
        let volume: &Volume<'_> = found.volume();
        table::volume_with(volume);
    }
}
