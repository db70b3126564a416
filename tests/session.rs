//! Sessions: handles that outlive the functions that made them, on several threads, with the bytes of borrowed ones.

#[allow(dead_code, reason = "the benchmarks use all of it")]
#[path = "../benches/generator/mod.rs"]
mod generator;

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use ntfs_salvage::catalog::Batch;
use ntfs_salvage::content::StreamReader;
use ntfs_salvage::recoverability::RecoverabilityOptions;
use ntfs_salvage::salvage::Opening;
use ntfs_salvage::source::{self, Source};
use ntfs_salvage::{Catalog, Error, FileReference, Session, SessionVolume, Threads, Volume};

const IMAGES: [&str; 5] = ["plain", "links_streams", "compressed_sparse", "mft_attribute_list", "deleted"];

fn image(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name).with_extension("img")
}

/// All that a kept handle has to be.
fn can_be_kept<T: Send + 'static>(_: &T) {}
fn can_be_shared<T: Send + Sync + Clone + 'static>(_: &T) {}

/// Files and names of their streams, with all that a reader gives.
type Contents = BTreeMap<(u64, String), Vec<u8>>;

fn read_all(mut reader: StreamReader<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    reader.copy_to(&mut bytes).unwrap();
    bytes
}

fn streams_of(catalog: &Catalog<'_>) -> Vec<(FileReference, String)> {
    let mut found = Vec::new();
    for entry in catalog.entries() {
        let names = entry.streams().iter().map(|stream| stream.name().to_string()).collect::<Vec<_>>();
        let is_meant = |name: &String| entry.streams().iter().filter(|stream| stream.name().is(name)).count() == 1;
        found.extend(names.into_iter().filter(is_meant).map(|name| (entry.reference(), name)));
    }
    found
}

#[test]
fn what_is_kept_reads_like_what_is_borrowed() {
    for name in IMAGES {
        let session = Session::open(image(name)).unwrap();
        let kept: SessionVolume = session.volumes()[0].clone();
        can_be_shared(&session);
        can_be_shared(&kept);
        can_be_shared(&kept.volume().clone());
        drop(session);
        let catalog = kept.catalog();
        can_be_shared(&catalog);
        assert!(Arc::ptr_eq(&catalog, &kept.catalog()), "one pass for all who ask");

        let source = source::open(image(name)).unwrap();
        let volume = Volume::open(&source).unwrap();
        let borrowed = volume.catalog();
        let streams = streams_of(&borrowed);
        assert_eq!(streams, streams_of(&catalog), "{name}");
        let mut count = 0;
        for (file, stream) in streams {
            let Ok(entry) = borrowed.entry_of(file) else { continue };
            let of_entry = entry.streams().iter().find(|one| one.name().is(&stream)).unwrap().reader();
            let reader = catalog.open_stream(file, &stream).unwrap();
            can_be_kept(&reader);
            assert_eq!(read_all(of_entry), read_all(reader), "{name}: {file} {stream}");
            count += 1;
        }
        assert!(count > 4, "{name}: {count}");
    }
}

#[test]
fn entries_are_served_from_several_threads_after_the_session_is_gone() {
    let catalog = Session::open(image("plain")).unwrap().volumes()[0].catalog();
    let streams = Arc::new(streams_of(&catalog));
    let serve = |_| {
        let (catalog, streams) = (catalog.clone(), streams.clone());
        thread::spawn(move || {
            let key = |file: &FileReference, name: &String| (file.record_number(), name.clone());
            let read = |file: &FileReference, name: &String| read_all(catalog.open_stream(*file, name).unwrap());
            streams.iter().map(|(file, name)| (key(file, name), read(file, name))).collect::<Contents>()
        })
    };
    let found: Vec<Contents> =
        (0..4).map(serve).collect::<Vec<_>>().into_iter().map(|one| one.join().unwrap()).collect();
    assert!(found[0].values().any(|bytes| bytes.len() > 4096));
    assert!(found.iter().all(|one| *one == found[0]));
}

#[test]
fn a_kept_reader_seeks_and_says_what_there_is_not() {
    let volume = Volume::open_shared(Arc::new(std::fs::read(image("plain")).unwrap())).unwrap();
    let catalog = volume.catalog();
    drop(volume);
    let file = catalog.volume().entry_by_path("/sizes/012293.txt").unwrap();
    let mut reader = catalog.open_stream(file, "").unwrap();
    let whole = read_all(catalog.open_stream(file, "").unwrap());
    let mut end = Vec::new();
    reader.seek(SeekFrom::End(-5)).unwrap();
    thread::spawn(move || reader.read_to_end(&mut end).map(|_| end))
        .join()
        .unwrap()
        .map(|end| assert_eq!(end, whole[12_288..]))
        .unwrap();
    assert!(matches!(catalog.open_stream(file, "other"), Err(Error::NoSuchStream { .. })));
    let gone = FileReference::new(file.record_number(), file.sequence_number() + 1);
    assert!(matches!(catalog.open_stream(gone, ""), Err(Error::NoSuchFile(_))));
}

/// All that takes threads, asked of a catalog while a pass over it has them.
fn pass_within(catalog: &Catalog<'_>, threads: &Threads) -> usize {
    let again = catalog.volume().catalog_with(threads).with_ghosts(threads);
    let assessment = again.assessment(threads, RecoverabilityOptions::default());
    let mut streams = 0;
    let work = |_: &mut (), batch: Batch<'_>| {
        let entries = batch.into_entries();
        entries
            .map(|entry| entry.streams().iter().filter(|stream| !assessment.assess(stream).ranges().is_empty()).count())
            .sum()
    };
    let consume = |count: usize| {
        streams += count;
        ControlFlow::<()>::Continue(())
    };
    assert!(again.scan(threads, || (), work, consume).is_continue());
    let root = FileReference::new(5, 5);
    streams + again.children_with(root, threads).count() + again.condition().mirror_differs.len()
}

#[test]
fn a_pass_calls_back_on_the_same_threads_and_ends() {
    for count in [1, 2, 5] {
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            // More batches than threads run ahead: those that wait for room cannot help.
            let table = generator::Table { records: 9000, seed: 3, script: generator::Script::Latin };
            let mut bytes = Vec::new();
            table.write_to(&mut bytes).unwrap();
            let (volume, threads) = (Volume::from_table(&bytes).unwrap(), Threads::new(count));
            let catalog = volume.catalog_with(&threads);
            assert!(catalog.batch_count() > 25);
            let expected = pass_within(&catalog, &threads);
            assert!(expected > 5000);
            let (asked, mut consumed) = (AtomicUsize::new(0), 0);
            let work = |_: &mut (), _: Batch<'_>| {
                let is_first = asked.fetch_add(1, Ordering::Relaxed) < 3;
                if is_first { pass_within(&catalog, &threads) } else { expected }
            };
            let consume = |found: usize| {
                // By then the others have run ahead as far as they may.
                if consumed < 3 {
                    thread::sleep(Duration::from_millis(50));
                    let open = |threads: &Threads| Opening::new(&bytes).scan().threads(threads).run().volumes.len();
                    assert_eq!(threads.watch(|_| ControlFlow::Continue(()), open).unwrap(), 1);
                    assert_eq!(pass_within(&catalog, &threads), expected);
                }
                consumed += 1;
                assert_eq!(found, expected);
                ControlFlow::<()>::Continue(())
            };
            assert!(catalog.scan(&threads, || (), work, consume).is_continue());
            assert_eq!(pass_within(&catalog, &threads), expected, "the threads are free again");
            done.send(consumed).unwrap();
        });
        let passes = ended.recv_timeout(Duration::from_secs(300)).expect("a pass within a pass ends");
        assert!(passes > 25, "{count} threads");
    }
}

#[test]
fn a_source_without_ntfs_is_no_session() {
    assert!(Session::of(Arc::new(vec![0_u8; 1 << 20])).is_err());
    assert!(Session::open("/no/such/image").is_err());
    let half = source::Seekable::new(std::io::Cursor::new(std::fs::read(image("plain")).unwrap())).unwrap();
    let session = Session::of(Arc::new(half)).unwrap();
    assert_eq!(session.source().size(), std::fs::metadata(image("plain")).unwrap().len());
}
