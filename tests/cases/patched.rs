//! Cases that are patched into volumes: lost base records, trimmed clusters, holes of a rescue, other containers.

use std::process::{Command, Stdio};

use ntfs_salvage::content::{Missing, Origin};
use ntfs_salvage::recoverability::{ByteStatus, Reasons, Verdict};
use ntfs_salvage::source::{DamageMap, RescuedOnly};
use ntfs_salvage::{EntryState, Volume};
use serde_json::Value;

use super::known::{Case, content, find, image, known, record, rows, sha256, testdata, with, with_volume};

/// Where the clusters of a file's main stream lie in the image.
fn clusters(case: &Case<'_>, path: &str) -> Vec<std::ops::Range<usize>> {
    let entry = case.entry(case.row(path));
    let map = find(&entry, "").unwrap().map();
    let place = |origin, length| match origin {
        Origin::Clusters(at) => Some(at as usize..(at + length) as usize),
        _ => None,
    };
    map.ranges().iter().filter_map(|range| place(range.origin, range.length)).collect()
}

#[test]
fn nt_23_names_in_extension_records_are_left_where_the_base_is_lost() {
    let mut bytes = image("links_streams");
    let mut place = 0;
    with("links_streams", &bytes, |case| {
        let extents = case.catalog.volume().mft().extents();
        let offset = record(case.row("/links/many")) * 1024;
        place = extents
            .between(offset, offset + 1024)
            .next()
            .map(|extent| match extent.location {
                ntfs_salvage::volume::Location::At(at) => at as usize,
                _ => panic!("the record has a place"),
            })
            .unwrap();
        assert!(!case.entry(case.row("/links/many")).extension_records().is_empty());
    });
    bytes[place..place + 1024].fill(0);
    with("links_streams", &bytes, |case| {
        let names: Vec<String> = case.row("/links/many")["links"]
            .as_array()
            .unwrap()
            .iter()
            .map(|link| link["path"].as_str().unwrap().into())
            .collect();
        let orphan = case.catalog.entries().find(|entry| entry.state() == EntryState::Orphan).expect("its remains");
        let paths: Vec<_> = orphan.paths().map(|path| path.text).collect();
        assert!(paths.len() > 10 && paths.iter().all(|path| names.contains(path)), "{paths:?}");
    });
}

#[test]
fn nt_35_clusters_zeroed_after_deletion_are_not_intact() {
    let mut bytes = image("deleted");
    let all = rows(&testdata("deleted.truth.jsonl"));
    let is_victim = |row: &&Value| row["size"].as_u64() > Some(4096) && row["fate"]["data"][""] == "intact";
    let path = all.iter().find(is_victim).unwrap()["path"].as_str().unwrap();
    let mut places = Vec::new();
    with("deleted", &bytes, |case| {
        assert_eq!((case.worth(path).verdict(), case.worth(path).reasons()), (Verdict::Likely, Reasons::FREE));
        places = clusters(case, path);
    });
    assert!(!places.is_empty());
    places.into_iter().for_each(|place| bytes[place].fill(0));
    with("deleted", &bytes, |case| {
        let worth = case.worth(path);
        assert!(worth.ranges().iter().all(|part| part.standing == ByteStatus::Zeroed), "{:?}", worth.ranges());
        assert_eq!((worth.verdict(), worth.reasons()), (Verdict::MetadataOnly, Reasons::ZEROED));
        // All others are as they were.
        let others = case.rows.iter().filter(|row| row["path"] != path && row["fate"]["data"][""] == "intact");
        assert!(others.map(|row| case.assert_whole(row)).count() > 20);
    });
}

/// A map of GNU ddrescue with about 1 % of the sectors lost, and the lost bytes.
fn map_with_holes(size: u64, seed: u64) -> (String, Vec<std::ops::Range<u64>>) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut chance = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let lost: Vec<_> =
        (0..size / 512).filter(|_| chance() % 100 == 0).map(|sector| sector * 512..(sector + 1) * 512).collect();
    let mut text = format!("# Mapfile\n{size:#x} + 1\n");
    let mut position = 0;
    for hole in &lost {
        if hole.start > position {
            text += &format!("{position:#x} {:#x} +\n", hole.start - position);
        }
        text += &format!("{:#x} 0x200 -\n", hole.start);
        position = hole.end;
    }
    text += &format!("{position:#x} {:#x} +\n", size - position);
    (text, lost)
}

#[test]
fn nt_40_what_a_rescue_did_not_read_is_missing_byte_by_byte() {
    let (mut streams, mut lost_bytes) = (0, 0);
    for (seed, name) in (1..).zip(["plain", "deleted", "cases/fragments", "64k_clusters", "4kn"]) {
        let bytes = image(name);
        let whole = Volume::open(&bytes).unwrap();
        let whole = whole.catalog();
        let (text, lost) = map_with_holes(bytes.len() as u64, seed);
        let map = DamageMap::parse(text.as_bytes()).unwrap();
        let source = RescuedOnly::new(&bytes, map);
        let Ok(volume) = Volume::open(&source) else { panic!("{name}: the holes of seed {seed} cost the volume") };
        with_volume(&volume, &rows(&testdata(&format!("{name}.truth.jsonl"))), |case| {
            for stream in case.rows.iter().flat_map(known).filter(|stream| !stream.is_deleted()) {
                let original = whole.entry(record(stream.row)).unwrap();
                let original = find(&original, stream.name).unwrap();
                let Ok(entry) = case.catalog.entry(record(stream.row)) else { continue };
                let Some(found) = find(&entry, stream.name).filter(|found| found.size().is_some()) else { continue };
                let expected = content(&original);
                let mut read = vec![0; expected.len()];
                let mut reader = found.reader();
                let reading = reader.read_at(0, &mut read);
                assert_eq!(reading.length(), expected.len(), "{name} {}", stream.title());
                for range in reading.ranges() {
                    let part = range.offset as usize..range.end() as usize;
                    match range.origin {
                        // Each byte is either what was written, or in a hole of the rescue.
                        Origin::Missing(Missing::Unreadable) => {
                            let places = original.map();
                            for place in places.ranges().iter().map(|known| known.clip(range.offset, range.end())) {
                                let Origin::Clusters(at) = place.origin else { continue };
                                let hole = lost.iter().filter(|hole| hole.start < at + place.length && at < hole.end);
                                let inside: u64 =
                                    hole.map(|hole| hole.end.min(at + place.length) - hole.start.max(at)).sum();
                                assert_eq!(inside, place.length, "{name} {}", stream.title());
                                lost_bytes += inside;
                            }
                        }
                        _ if range.is_true() => {
                            assert_eq!(read[part.clone()], expected[part], "{name} {}", stream.title());
                        }
                        _ => {}
                    }
                }
                if reading.is_true() {
                    assert_eq!(sha256(&read), stream.sha256, "{name} {}", stream.title());
                }
                streams += 1;
            }
        });
    }
    assert!(streams > 200 && lost_bytes > 0, "{streams} streams, {lost_bytes} bytes lost");
}

#[test]
fn nt_39_a_volume_out_of_another_container_is_listed_the_same() {
    if Command::new("qemu-img").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: there is no qemu-img");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let listing = |bytes: &[u8]| {
        let volume = Volume::open(&bytes).unwrap();
        let catalog = volume.catalog();
        let lines = catalog.entries().map(|entry| {
            let streams: Vec<_> =
                entry.streams().iter().map(|stream| (stream.name().to_string(), stream.size())).collect();
            format!("{} {:?} {streams:?}", entry.reference(), entry.paths().map(|path| path.text).collect::<Vec<_>>())
        });
        sha256(lines.collect::<Vec<_>>().join("\n").as_bytes())
    };
    let original = testdata("cases/fragments.img");
    let expected = listing(&std::fs::read(&original).unwrap());
    for format in ["qcow2", "vmdk", "vhdx"] {
        let (container, raw) = (folder.path().join(format), folder.path().join(format!("{format}.raw")));
        let convert = |from: &str, to: &str, input: &std::path::Path, output: &std::path::Path| {
            let mut command = Command::new("qemu-img");
            command.args(["convert", "-f", from, "-O", to]).arg(input).arg(output);
            assert!(command.status().unwrap().success(), "{format}");
        };
        convert("raw", format, &original, &container);
        convert(format, "raw", &container, &raw);
        assert_eq!(listing(&std::fs::read(&raw).unwrap()), expected, "{format}");
    }
}
