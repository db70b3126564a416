//! Damage in one field of a record's header while all behind it is whole: no file vanishes, and none gets what is another's.

use std::collections::BTreeMap;
use std::io::Read;

use super::{RecoverabilityOptions, Verdict};
use crate::base::reference::FileReference;
use crate::base::threads::Threads;
use crate::catalog::entry::{Entry, EntryState};
use crate::structure::attribute_type::AttributeType;
use crate::structure::forge::{Forge, file_name};
use crate::structure::value::file_attributes::FileAttributes;
use crate::volume::forged_volume::{CLUSTER, Forged, add_runs, directory, file, index_root, list_entry, with_runs};

const ROOT: (u64, u16) = (5, 5);
/// The records whose headers are damaged: live and deleted, files, a directory, a base and its extension.
const RECORDS: [u64; 8] = [30, 31, 32, 33, 34, 35, 36, 37];
/// First byte and length of each field: signature, array, LSN, sequence, links, first attribute, flags, used and
/// allocated size, base number and sequence, next id, own number, update sequence number. Of the saved words behind it
/// nothing tells whether they are right.
const FIELDS: [(usize, usize); 17] = [
    (0, 1),
    (3, 1),
    (4, 2),
    (6, 2),
    (8, 8),
    (16, 2),
    (18, 2),
    (20, 2),
    (22, 2),
    (24, 4),
    (28, 4),
    (32, 6),
    (38, 2),
    (40, 2),
    (42, 2),
    (44, 4),
    (48, 2),
];

fn information(record: Forge) -> Forge {
    record.resident(AttributeType::STANDARD_INFORMATION, "", &[7; 72])
}

fn named(parent: (u64, u16), name: &str) -> Forge {
    information(Forge::new(1024)).name(parent, 3, name)
}

fn clusters(record: Forge, lcn: u64) -> Forge {
    add_runs(record, "", &[(2, Some(lcn))], 1000, 1000)
}

fn forged() -> Forged {
    let in_root = [(30, "alpha"), (31, "beta"), (32, "folder"), (34, "large")];
    let keys = in_root
        .map(|(number, name)| (FileReference::new(number, 1), file_name(ROOT, 3, name, FileAttributes::empty())));
    let root = directory(ROOT, ".").sequence(5).resident(AttributeType::INDEX_ROOT, "$I30", &index_root(&keys));
    let inner = [(FileReference::new(33, 1), file_name((32, 1), 3, "inner", FileAttributes::empty()))];
    let folder = named(ROOT, "folder").flags(3).resident(AttributeType::INDEX_ROOT, "$I30", &index_root(&inner));
    let list = [
        list_entry(AttributeType::STANDARD_INFORMATION, "", 0, (34, 1), 0),
        list_entry(AttributeType::FILE_NAME, "", 0, (34, 1), 2),
        list_entry(AttributeType::DATA, "", 0, (35, 1), 0),
        list_entry(AttributeType::DATA, "more", 0, (35, 1), 1),
    ];
    let base = information(Forge::new(1024)).resident(AttributeType::ATTRIBUTE_LIST, "", &list.concat());
    let extension = clusters(Forge::new(1024).base(34, 1), 330).resident(AttributeType::DATA, "more", &[9; 500]);
    Forged::new(vec![
        (5, root),
        (30, named(ROOT, "alpha").resident(AttributeType::DATA, "", &[1; 600])),
        (31, clusters(named(ROOT, "beta"), 310).resident(AttributeType::DATA, "side", &[2; 20])),
        (32, folder),
        (33, clusters(named((32, 1), "inner"), 320)),
        (34, base.name(ROOT, 3, "large")),
        (35, extension),
        (36, named(ROOT, "gone").flags(0).sequence(2).resident(AttributeType::DATA, "", &[3; 600])),
        (37, clusters(named(ROOT, "freed"), 340).flags(0).sequence(2)),
        // Others that a damaged reference may lead to.
        (38, named(ROOT, "other").resident(AttributeType::DATA, "", &[4; 30])),
        (42, clusters(named(ROOT, "another"), 350)),
    ])
}

/// A file's names, and of each stream its bytes, which of them are given for true, and whether it is called intact.
type Assessed = Vec<(Vec<String>, BTreeMap<String, (Vec<u8>, Vec<bool>, bool)>)>;

fn look(forged: &Forged) -> Assessed {
    let volume = forged.volume();
    let threads = Threads::single();
    let catalog = volume.catalog_with(&threads).with_ghosts(&threads);
    let assessment = catalog.assessment(&threads, RecoverabilityOptions::default().read_all(true));
    let names = |entry: &Entry<'_>| entry.links().iter().map(|link| link.name().to_string()).collect::<Vec<_>>();
    let found = catalog.entries().map(|entry| {
        let streams = entry.streams().into_iter().map(|stream| {
            let mut bytes = Vec::new();
            stream.reader().fill_missing(true).read_to_end(&mut bytes).unwrap();
            let mut is_true = vec![false; bytes.len()];
            let assessed = assessment.assess(&stream);
            for part in
                assessed.ranges().iter().filter(|part| part.range.is_true() && part.standing.code() != "doubtful")
            {
                is_true[part.range.offset as usize..part.range.end() as usize].fill(true);
            }
            (stream.name().to_string(), (bytes, is_true, assessed.verdict() == Verdict::Intact))
        });
        (names(&entry), streams.collect())
    });
    found.collect()
}

/// What is wrong with what was found.
fn faults(sound: &Assessed, found: &Assessed) -> Vec<String> {
    let mut faults = Vec::new();
    for (names, streams) in sound.iter().filter(|(names, _)| !names.is_empty()) {
        let same: Vec<_> = found.iter().filter(|(others, _)| others.iter().any(|name| names.contains(name))).collect();
        if same.is_empty() {
            faults.push(format!("{names:?} vanished"));
        }
        for (others, damaged) in same {
            if others.iter().any(|name| !names.contains(name)) {
                faults.push(format!("{names:?} got names: {others:?}"));
            }
            for (name, (bytes, is_true, is_intact)) in damaged {
                let Some((expected, _, _)) = streams.get(name) else {
                    faults.push(format!("{names:?} got a stream {name:?}"));
                    continue;
                };
                if *is_intact && bytes != expected {
                    faults.push(format!("{names:?}:{name} is wrong and called intact"));
                }
                let wrong = |(index, is_true): (usize, &bool)| *is_true && expected.get(index) != bytes.get(index);
                if is_true.iter().enumerate().any(wrong) {
                    faults.push(format!("{names:?}:{name} has wrong bytes that are given for true"));
                }
            }
        }
    }
    faults
}

#[test]
fn one_damaged_field_of_a_header_costs_no_file_its_name_and_lends_it_no_byte() {
    let sound = look(&forged());
    assert!(faults(&sound, &sound).is_empty());
    assert_eq!(sound.iter().filter(|(names, _)| !names.is_empty()).count(), 10);
    let mut all = Vec::new();
    let mut count = 0;
    for number in RECORDS {
        for (start, length) in FIELDS {
            let bits = (0..length * 8).map(|bit| (1_u64) << bit);
            let whole = [0, u64::MAX, 64, 65, 0x1E];
            let changes = bits.map(|bit| (true, bit)).chain(whole.map(|value| (false, value)));
            for (is_flip, value) in changes {
                let mut forged = forged();
                let field = &mut forged.record_bytes(number)[start..start + length];
                let before = field.to_vec();
                for (byte, change) in field.iter_mut().zip(value.to_le_bytes()) {
                    *byte = if is_flip { *byte ^ change } else { change };
                }
                if *field == before {
                    continue;
                }
                count += 1;
                let what = format!("record {number}, byte {start}, {value:#x} {is_flip}");
                all.extend(faults(&sound, &look(&forged)).into_iter().map(|fault| format!("{what}: {fault}")));
            }
        }
    }
    assert!(count > 3000, "{count}");
    assert!(all.is_empty(), "{} faults of {count}: {:#?}", all.len(), &all[..all.len().min(60)]);
}

#[test]
fn a_record_with_information_and_a_name_is_a_base_whatever_its_header_says() {
    for base in [(30, 0), (30, 1), (9999, 7), (31, 1)] {
        let beta = named(ROOT, "beta").base(base.0, base.1).resident(AttributeType::DATA, "", b"of beta");
        let alpha = named(ROOT, "alpha").resident(AttributeType::DATA, "", b"of alpha");
        let forged = Forged::new(vec![(30, alpha), (31, beta)]);
        let volume = forged.volume();
        let catalog = volume.catalog_with(&Threads::single());
        let shown = |number| {
            let entry = catalog.entry(number).unwrap();
            let names: Vec<_> = entry.links().iter().map(|link| link.name().to_string()).collect();
            (entry.record_number(), names, entry.damage().iter().map(|damage| damage.kind.code()).collect::<Vec<_>>())
        };
        assert_eq!(shown(30), (30, vec!["alpha".to_owned()], vec![]));
        assert_eq!(shown(31), (31, vec!["beta".to_owned()], vec!["base-record-itself"]));
    }
}

#[test]
fn a_base_reference_with_sequence_0_joins_nothing() {
    let more = Forge::new(1024).base(30, 0).resident(AttributeType::DATA, "more", b"whose?");
    let forged = Forged::new(vec![(30, with_runs(&[(1, Some(300))], CLUSTER, CLUSTER)), (31, more), (32, file())]);
    let volume = forged.volume();
    let catalog = volume.catalog_with(&Threads::single());
    assert_eq!(catalog.entry(30).unwrap().streams().len(), 1);
    let orphan = catalog.entry(31).unwrap();
    assert_eq!((orphan.state(), orphan.record_number()), (EntryState::Orphan, 31));
}
