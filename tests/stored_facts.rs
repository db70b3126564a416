//! Facts that people store come back as they were: what real and damaged volumes say, and what other versions stored.

use std::fmt::Debug;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use ntfs_salvage::recoverability::{ByteCounts, Condition, Exposure, Recoverability, RecoverabilityOptions, Verdict};
use ntfs_salvage::volume::{DoubtKind, Geometry};
use ntfs_salvage::{Damage, DamageKind, FileReference, Session, Threads};

/// Stores a fact, reads it again, and returns what was stored.
fn stored<T: Serialize + DeserializeOwned + PartialEq + Debug>(fact: &T) -> Value {
    let text = serde_json::to_string(fact).unwrap();
    assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *fact, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn damage(damage: &Damage) {
    let stored = stored(damage);
    let name = match &stored["kind"] {
        Value::Object(fields) => fields.keys().next().unwrap().clone(),
        name => name.as_str().unwrap().to_owned(),
    };
    assert_eq!(name, damage.kind.code(), "the name in store is that of filters and tables");
}

/// Stores all facts about a session's files; returns how many verdicts and how much damage there were.
fn store(session: &Session) -> (usize, usize) {
    let (mut verdicts, mut flaws) = (0, 0);
    for opened in session.volumes() {
        stored(&opened.opened().opened_by());
        stored(&opened.opened().layer());
        stored(&opened.volume().geometry().copied());
        opened.volume().doubts().list().iter().for_each(|doubt| drop(stored(doubt)));
        let catalog = opened.catalog();
        stored(&catalog.counts());
        stored(&catalog.condition());
        let assessment = catalog.assessment(&Threads::single(), RecoverabilityOptions::default());
        for entry in catalog.entries() {
            stored(&entry.reference());
            stored(&(entry.state(), entry.provenance()));
            entry.paths().for_each(|path| drop(stored(&path)));
            if let Some(information) = entry.standard_information() {
                stored(&[information.created(), information.modified(), information.accessed()]);
                stored(&information.file_attributes());
            }
            for flaw in entry.damage() {
                damage(&flaw);
                flaws += 1;
            }
            for stream in &entry.streams() {
                let map = stream.map();
                stored(&map.encoding());
                stored(&map.ranges().to_vec());
                stored(&assessment.assess(stream));
                verdicts += 1;
            }
        }
    }
    (verdicts, flaws)
}

#[test]
fn what_volumes_say_comes_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut verdicts = 0;
    for name in ["plain", "deleted", "links_streams", "compressed_sparse", "mft_attribute_list", "disk_gpt"] {
        verdicts += store(&Session::open(folder.join(name).with_extension("img")).unwrap()).0;
    }
    assert!(verdicts > 1000, "{verdicts} verdicts");
}

#[test]
fn what_damaged_volumes_say_comes_back() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/deleted.img");
    let plain = std::fs::read(path).unwrap();
    let mut flaws = 0;
    for step in [97, 211, 499, 1021] {
        let mut bytes = plain.clone();
        // A byte of every record, behind its signature.
        let records = bytes.chunks_mut(1024).enumerate().filter(|(_, record)| record.starts_with(b"FILE"));
        for (place, record) in records {
            record[4 + (place * step) % 400] ^= (place % 255) as u8 + 1;
        }
        if let Ok(session) = Session::of(std::sync::Arc::new(bytes)) {
            session.disk_damage().iter().for_each(damage);
            session.volumes().iter().flat_map(|volume| volume.volume().damage()).for_each(|flaw| damage(&flaw));
            flaws += store(&session).1;
        }
    }
    assert!(flaws > 40, "{flaws} flaws");
}

#[test]
fn names_in_store_are_those_of_filters() {
    Verdict::ALL.iter().for_each(|verdict| assert_eq!(stored(verdict), verdict.code()));
    DoubtKind::ALL.iter().for_each(|kind| assert_eq!(stored(kind), kind.code()));
    let reference = FileReference::new(64, 0x8001);
    assert_eq!(stored(&reference), json!({ "record": 64, "sequence": 0x8001 }));
    let torn = DamageKind::StrideMismatch { stride: 1, expected: 7, found: 8 };
    let expected = json!({
        "place": { "record": 30, "offset": 510 },
        "kind": { "stride-mismatch": { "stride": 1, "expected": 7, "found": 8 } },
    });
    assert_eq!(stored(&Damage::in_record(30, 510, torn)), expected);
}

#[test]
fn what_another_version_stored_is_read() {
    let words = json!({ "place": { "record": null, "offset": 1 }, "kind": { "bad-value": { "what": "a new field", "value": 3 } } });
    let damage: Damage = serde_json::from_value(words).unwrap();
    assert_eq!(damage.to_string(), "at 0x1: a new field is 0x3");
    // Counts that there were not yet, and some that there are no more.
    let counts: ByteCounts = serde_json::from_value(json!({ "intact": 5, "elsewhen": 6 })).unwrap();
    assert_eq!((counts.intact, counts.witnessed), (5, 0));
    assert_eq!(serde_json::from_value::<Condition>(json!({})).unwrap(), Condition::default());
    assert_eq!(serde_json::from_value::<Exposure>(json!({})).unwrap(), Exposure::default());
}

#[test]
fn what_cannot_be_is_refused() {
    let builder = Geometry::builder().total_sectors(4096);
    let mut geometry = stored(&builder.build().unwrap());
    assert_eq!(geometry["serial_number"], "0000000000000000");
    geometry["cluster_size"] = json!(5000);
    assert!(serde_json::from_value::<Geometry>(geometry).is_err(), "a cluster has a power of two");
    assert!(serde_json::from_value::<Verdict>(json!("splendid")).is_err());
    let nothing = json!({ "verdict": "intact" });
    assert!(serde_json::from_value::<Recoverability>(nothing).is_err(), "a verdict without its ranges is none");
}
