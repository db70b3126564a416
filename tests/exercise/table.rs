//! Tables and volumes: catalog, entries, links, streams, paths, damage.

use std::ops::ControlFlow;

use ntfs_salvage::catalog::{Link, Paths};
use ntfs_salvage::source::Source;
use ntfs_salvage::volume::{Extents, Location};
use ntfs_salvage::{Catalog, Damage, Entry, EntryState, Threads, Volume};

use super::{content, damaged, debug, name, see, show};

/// The bytes as a bare `$MFT`.
pub(crate) fn bare(bytes: &[u8]) {
    if let Ok(volume) = Volume::from_table(&bytes) {
        volume_with(&volume);
    }
}

/// A source as a volume.
pub(crate) fn volume(source: &dyn Source) {
    match Volume::open(source) {
        Ok(volume) => volume_with(&volume),
        Err(error) => show(&error),
    }
}

/// Everything there is to know of a volume's files, in every way to ask for it.
pub(crate) fn volume_with(volume: &Volume<'_>) {
    let two = super::two_threads();
    debug(volume);
    volume.damage().for_each(damaged);
    table(volume);
    let catalog = volume.catalog_with(&Threads::single());
    let again = volume.catalog_with(two);
    assert_eq!(catalog.counts(), again.counts());
    counts(&catalog);
    let one_by_one: Vec<Facts> = catalog.entries().map(|entry| Facts::of(&entry, &mut catalog.paths())).collect();
    assert_eq!(scan(&catalog, &Threads::single()), one_by_one, "on one thread the scan gives what the iterator gives");
    assert_eq!(scan(&again, two), one_by_one, "on two threads the scan gives what the iterator gives");
    let ghosts = catalog.entries().filter(|entry| entry.state() == EntryState::Ghost).count();
    let (of_records, of_ghosts) = one_by_one.split_at(one_by_one.len() - ghosts);
    assert!(of_records.is_sorted_by(|one, next| one.number < next.number));
    assert!(of_ghosts.is_sorted_by(|one, next| one.number <= next.number), "lives of one record may be several");
    of_records.iter().for_each(|facts| assert_eq!(&facts.again(&catalog), facts, "asked for by its number"));
    content::all(&catalog);
    assert!(catalog.entry(u64::MAX).is_err() && catalog.entry(volume.mft().record_count()).is_err());
}

fn table(volume: &Volume<'_>) {
    let mft = volume.mft();
    let size = volume.source().size();
    let slots = (2 * size).div_ceil(u64::from(mft.record_size()));
    // Records of a bare table go by the numbers they name, which may be higher than there are slots.
    let most = if volume.geometry().is_none() { slots.saturating_mul(16).max(1 << 20) } else { slots };
    assert!(mft.record_count() <= most, "{} records in {size} bytes", mft.record_count());
    let end = mft.record_count() * u64::from(mft.record_size());
    for (start, end) in [(0, end), (1, 2), (end / 2, end), (end, end + 4096), (0, u64::MAX)] {
        covers(mft.extents(), start, end);
    }
    mft.damage().iter().copied().for_each(damaged);
    assert!(mft.record(mft.record_count()).is_err() && mft.slot(u64::MAX).is_err());
}

/// Any range is covered exactly, by extents that have a length.
pub(crate) fn covers(extents: &Extents, start: u64, end: u64) {
    let mut position = start;
    for extent in extents.between(start, end) {
        assert!(extent.offset == position && extent.length > 0, "{extent:?} at {position}");
        position = extent.end();
        let is_listed = extents.list().iter().any(|listed| listed.offset < position && extent.offset < listed.end());
        assert_eq!(is_listed, extent.location != Location::Unmapped);
    }
    assert_eq!(position, end.max(start));
}

fn counts(catalog: &Catalog<'_>) {
    let counts = catalog.counts();
    let records = counts.file_records + counts.baad_records;
    assert_eq!(counts.slots, catalog.volume().mft().record_count());
    assert_eq!(counts.slots, records + counts.blank + counts.unknown + counts.unreadable);
    assert!(counts.in_use <= records && counts.directories <= records && counts.extension_records <= records);
}

/// What is compared of an entry.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    number: u64,
    state: EntryState,
    paths: Vec<String>,
    streams: Vec<(String, Option<u64>, usize)>,
    damage: Vec<Damage>,
    attributes: usize,
}

impl Facts {
    fn of(entry: &Entry<'_>, paths: &mut Paths<'_>) -> Self {
        look(entry);
        let links = entry.links();
        let path = |link: &Link<'_>| {
            let path = paths.path(link.parent(), link.name());
            debug(&path);
            assert!(path.text.len() <= 32_767 * 3 + 2048, "a path of {} bytes", path.text.len());
            format!("{} {path} {}", path.end.code(), path.text)
        };
        let streams = entry.streams();
        Self {
            number: entry.record_number(),
            state: entry.state(),
            paths: links.iter().map(path).collect(),
            streams: streams.iter().map(|s| (format!("{:?}", s.name()), s.size(), s.pieces().count())).collect(),
            damage: entry.damage(),
            attributes: entry.attributes().count(),
        }
    }

    /// The same entry by its number, with paths that nothing has been remembered for.
    fn again(&self, catalog: &Catalog<'_>) -> Self {
        let entry = catalog.entry(self.number).expect("the iterator gave it");
        Self::of(&entry, &mut catalog.paths())
    }
}

fn scan(catalog: &Catalog<'_>, threads: &Threads) -> Vec<Facts> {
    let mut all = Vec::new();
    let flow = catalog.scan(
        threads,
        || catalog.paths(),
        |paths, batch| {
            let mut facts = Vec::new();
            facts.extend(batch.into_entries().map(|entry| Facts::of(&entry, paths)));
            facts
        },
        |facts| {
            all.extend(facts);
            ControlFlow::<()>::Continue(())
        },
    );
    assert!(flow.is_continue());
    all
}

/// The questions whose answers need no comparison.
fn look(entry: &Entry<'_>) {
    see((entry.sequence_number(), entry.is_directory(), entry.header().link_count()));
    show(&entry.reference());
    assert!(!entry.state().name().is_empty());
    entry.standard_information().iter().for_each(debug);
    entry.damage().into_iter().for_each(damaged);
    assert!(entry.extension_records().windows(2).all(|pair| pair[0].number() < pair[1].number()));
    for link in entry.links() {
        name(link.name(), link.name().bytes());
        link.dos_name().into_iter().for_each(|dos| name(dos, dos.bytes()));
        see((link.record_number(), link.attribute_id()));
    }
    for stream in entry.streams() {
        see((stream.is_resident(), stream.flags(), stream.allocated_size(), stream.initialized_size()));
        assert_eq!(stream.pieces().next(), Some(stream.first_piece()));
        stream.data_runs().for_each(|run| see(run.map_err(damaged)));
    }
}
