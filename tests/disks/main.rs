//! Disks: whatever their tables say, each volume is found where it lies, and all else is named.

#![allow(missing_docs, clippy::too_many_lines, clippy::ptr_arg, reason = "a test")]

mod dynamic;
mod forge;
mod losses;
mod misplaced;
mod seeded;
mod tables;

use std::collections::BTreeMap;
use std::path::Path;

use ntfs_salvage::recoverability::{RecoverabilityOptions, Verdict};
use ntfs_salvage::salvage::{Discovery, Layer, Opening};
use ntfs_salvage::source::Source;
use ntfs_salvage::volume::dynamic_disk::DynamicDisk;
use ntfs_salvage::{EntryState, Threads, Volume};

/// A volume of `testdata`.
fn volume(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).unwrap()
}

/// What is found, and where: start of each volume that exists now, in order.
fn starts(found: &Discovery<'_>) -> Vec<u64> {
    let current = found.volumes.iter().filter(|opened| opened.layer() == Layer::Current);
    let mut starts: Vec<u64> = current.map(ntfs_salvage::salvage::Opened::start).collect();
    starts.sort_unstable();
    starts
}

fn open<'s>(source: &'s dyn Source, dynamic: Option<&'s DynamicDisk<'s>>) -> Discovery<'s> {
    Opening::new(source).threads(&Threads::single()).dynamic_disk(dynamic).run()
}

/// Path, bytes and verdict of each main stream of a live file.
fn contents(volume: &Volume<'_>) -> BTreeMap<String, (Vec<u8>, Verdict)> {
    let threads = Threads::single();
    let catalog = volume.catalog_with(&threads);
    let assessment = catalog.assessment(&threads, RecoverabilityOptions::default());
    let mut all = BTreeMap::new();
    for entry in catalog.entries().filter(|entry| entry.state() == EntryState::Live && !entry.is_directory()) {
        let Some(path) = entry.paths().next().map(|path| path.to_string()) else { continue };
        for stream in entry.streams().into_iter().filter(|stream| stream.name().is_empty() && !path.contains('$')) {
            let mut bytes = Vec::new();
            stream.reader().copy_to(&mut bytes).unwrap();
            all.insert(path.clone(), (bytes, assessment.assess(&stream).verdict()));
        }
    }
    all
}

/// What is called intact has the bytes of the volume that was put there; returns how much that is.
fn check_intact(found: &Volume<'_>, original: &Vec<u8>) -> usize {
    let truth = contents(&Volume::open(original).unwrap());
    let intact = contents(found).into_iter().filter(|(_, (_, verdict))| *verdict == Verdict::Intact);
    intact.inspect(|(path, (bytes, _))| assert!(truth[path].0 == *bytes, "{path} is called intact")).count()
}
